/*
 * What proves the fault of an authority, in DIR/evidence: one file for each, named by its hash.
 * Kept for ever, exported by /v1/evidence; what is in it is checked by whoever reads it
 * (core/quorum/value.h, mkt_evidence_check()).
 */
#ifndef LEDGERD_EVIDENCE_H
#define LEDGERD_EVIDENCE_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/crypto/hash.h"

#define LD_EVIDENCE_MAX 1024 /* more is not kept */

/* Keep it, synced; what is there already stays.  -MKT_EIO, -MKT_ELIMIT. */
int ld_evidence_keep(const char *dir, const void *p, size_t n, struct mkt_err *err) MKT_MUST_CHECK;

/* Names (64 hexadecimal digits) in order, at most @max; how many. */
int ld_evidence_list(const char *dir, char (*names)[MKT_HASH_LEN * 2 + 1], unsigned max,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* The bytes of one into @out.  -MKT_ENOTFOUND. */
int ld_evidence_read(const char *dir, const char *name, struct mkt_buf *out,
		     struct mkt_err *err) MKT_MUST_CHECK;

#endif
