/*
 * Reads that nobody waits for: GETs under way beside a loop that polls.
 *
 * For programs with one thread and a person in front of it: mkt_pull_get() starts
 * or queues, mkt_pull_fds() says what to poll, mkt_pull_turn() goes on and hands
 * over what came.  A read that fails is told and not repeated: who asked knows
 * whether it is still wanted.  Not thread-safe.
 */
#ifndef MKT_WIRE_PULL_H
#define MKT_WIRE_PULL_H

#include <poll.h>

#include "core/wire/client.h"

#define MKT_PULL_LINES 3      /* connections */
#define MKT_PULL_QUEUE_MAX 64 /* asked for and not answered */
#define MKT_PULL_MS 5000      /* until a read is given up */

struct mkt_pull;

/*
 * What came of a read: @body when @err is NULL, borrowed until return.  It may
 * ask for more.
 */
typedef void mkt_pull_fn(void *ctx, const struct mkt_buf *body, const struct mkt_err *err);

/* conf.timeout_ms and connect_ms count not.  Errors as mkt_client_new(). */
int mkt_pull_new(const struct mkt_client_conf *conf, struct mkt_pull **out,
		 struct mkt_err *err) MKT_MUST_CHECK;
/* Reads under way are dropped: @done is not called any more. */
void mkt_pull_free(struct mkt_pull *p);

/* Ask for @path (escaped).  -MKT_EBUSY: MKT_PULL_QUEUE_MAX are under way; -MKT_ENOMEM. */
int mkt_pull_get(struct mkt_pull *p, const char *path, mkt_pull_fn *done, void *ctx) MKT_MUST_CHECK;

/* What to poll, at most MKT_PULL_LINES; *@wait_ms is lowered to when to turn at the latest. */
unsigned mkt_pull_fds(const struct mkt_pull *p, struct pollfd *out, int *wait_ms);

/* Go on with whatever is ready, without waiting. */
void mkt_pull_turn(struct mkt_pull *p);

/* Reads asked for and not answered. */
unsigned mkt_pull_open(const struct mkt_pull *p);

#endif
