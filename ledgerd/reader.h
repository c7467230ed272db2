/*
 * Who reads: nobody in particular, or the account that signed the request
 * (core/wire/signed.h); and what it may see where accounts are private.
 *
 * An account may be read by itself, by whom it has delegated anything to, by its
 * meter operators, by the operator of the chain and by accounts of class reader.
 * What is of everybody (blocks, all events, lists without an account) only the last
 * two may see.  At the node's own socket, and between nodes, everything is told.
 */
#ifndef LEDGERD_READER_H
#define LEDGERD_READER_H

#include "ledgerd/api.h"

#define LD_EVERYBODY UINT32_MAX /* instead of an account */

/*
 * Find out who asks and count the request against its limits, of the account or of the
 * address; before the handler.  -MKT_EUNSIGNED a signature that does not hold, with the
 * reason; -MKT_ERATE.
 */
int ld_reader_admit(struct ld_req *r, bool counted, struct mkt_err *err) MKT_MUST_CHECK;

/* The rows that were given out, after the handler. */
void ld_reader_rows(struct ld_req *r);

/* The limits of whoever asks; zeros: none.  Takes the state's lock. */
void ld_reader_limits(struct ld_req *r, struct mkt_class_limits *out);

/*
 * May the reader see what is of @account?  Takes the state's lock.  -MKT_EUNSIGNED: not
 * signed; -MKT_EDENIED: signed by somebody else.
 */
int ld_reader_may(struct ld_req *r, uint32_t account, struct mkt_err *err) MKT_MUST_CHECK;

/* The same of something that is of two accounts: one will do. */
int ld_reader_may_either(struct ld_req *r, uint32_t a, uint32_t b,
			 struct mkt_err *err) MKT_MUST_CHECK;

#endif
