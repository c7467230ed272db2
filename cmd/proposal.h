/*
 * A proposal to change the authorities: the file that the operator writes, authorities
 * co-sign wherever their keys are, and the operator sends.  Text (JSON), so that who signs
 * can read what; signatures are told by key, so that signing needs no server.
 */
#ifndef MKT_CMD_PROPOSAL_H
#define MKT_CMD_PROPOSAL_H

#include "core/ledger/authorities.h"

#define MKT_PROPOSAL_BYTES_MAX 16384

struct mkt_cosign {
	struct mkt_pubkey key;
	struct mkt_sig sig;
};

struct mkt_proposal {
	struct mkt_hash chain;
	struct mkt_authority_change change;
	unsigned n;
	struct mkt_cosign signed_by[MKT_AUTHORITIES_MAX];
};

/* "add" or "remove". */
const char *mkt_proposal_word(const struct mkt_proposal *p);

/*
 * Read and check: form, and every signature.  What mkt_file_read() says; -MKT_EINVAL names the
 * file and what is wrong in it; -MKT_ESIGNATURE.
 */
int mkt_proposal_read(const char *path, struct mkt_proposal *p, struct mkt_err *err) MKT_MUST_CHECK;

/* What mkt_file_write() says; with @fresh an existing file is left alone: -MKT_EEXISTS. */
int mkt_proposal_write(const char *path, const struct mkt_proposal *p, bool fresh,
		       struct mkt_err *err) MKT_MUST_CHECK;

/* Add the signature of @key.  -MKT_EEXISTS: it is there; -MKT_ELIMIT; -MKT_ENOMEM. */
int mkt_proposal_sign(struct mkt_proposal *p, const struct mkt_seckey *key,
		      struct mkt_err *err) MKT_MUST_CHECK;

/* Take the signatures of @other that @p has not.  -MKT_ECONFLICT: it proposes something else. */
int mkt_proposal_merge(struct mkt_proposal *p, const struct mkt_proposal *other,
		       struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The signatures as the operation carries them, numbers in @set ascending, into @out
 * (MKT_AUTHORITIES_MAX x MKT_COSIGN_LEN bytes).  Those of nobody in the set are left out.
 * Returns how many.
 */
unsigned mkt_proposal_cosigns(const struct mkt_proposal *p, const struct mkt_authorities *set,
			      uint8_t *out);

#endif
