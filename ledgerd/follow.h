/*
 * The start of a fullnode without a chain: genesis from an upstream, and either a snapshot
 * that is checked against the votes of all blocks before it, or nothing, so that all blocks
 * are executed.
 *
 * Genesis says who the authorities are, so it cannot be checked against them: its id is
 * that of [upstream] chain, if that is set; else the first upstream is believed, and the
 * id is logged so that it can be compared and set.
 */
#ifndef LEDGERD_FOLLOW_H
#define LEDGERD_FOLLOW_H

#include "core/crypto/hash.h"
#include "ledgerd/conf.h"

#define LD_FOLLOW_WAIT_MS 30000u /* for an upstream that answers */

/*
 * Make the chain of @conf, unless it is there.  A SIGTERM or SIGINT that is pending ends it.
 * -MKT_EUNAVAILABLE: no upstream gave it; -MKT_EINTEGRITY names what is wrong;
 * -MKT_ECHAIN: genesis is another; -MKT_ECANCELLED; -MKT_EDISKFULL, -MKT_EIO.
 */
int ld_follow_begin(const struct ld_conf *conf, struct mkt_err *err) MKT_MUST_CHECK;

/* Is this the chain that [upstream] chain names?  -MKT_ECHAIN. */
int ld_follow_pinned(const struct ld_conf *conf, const struct mkt_hash *chain,
		     struct mkt_err *err) MKT_MUST_CHECK;

#endif
