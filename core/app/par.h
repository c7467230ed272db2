/*
 * Work for all cores: the same function over many indexes.
 *
 * A pool has one thread less than there are cores, since the caller works too
 * while it waits.  One run at a time; between start and wait the caller may do
 * something else, as long as the functions do not need it.
 *
 *	mkt_par_start(p, n, check_one, batch);
 *	... execute the next batch ...
 *	mkt_par_wait(p);
 */
#ifndef MKT_APP_PAR_H
#define MKT_APP_PAR_H

#include "core/base/compat.h"
#include "core/base/err.h"

struct mkt_par;

/* @threads that work, the caller's included; 0: one a core.  -MKT_ENOMEM. */
int mkt_par_new(unsigned threads, struct mkt_par **out, struct mkt_err *err) MKT_MUST_CHECK;

/* Waits for what runs. */
void mkt_par_free(struct mkt_par *p);

unsigned mkt_par_threads(const struct mkt_par *p);

/* Call @fn for 0 .. @n - 1, in any order, each once; @fn runs in several threads at a time. */
typedef void mkt_par_fn(void *ctx, uint32_t ix);
void mkt_par_start(struct mkt_par *p, uint32_t n, mkt_par_fn *fn, void *ctx);

/* Help until all are done.  What the functions wrote is seen after it. */
void mkt_par_wait(struct mkt_par *p);

#endif
