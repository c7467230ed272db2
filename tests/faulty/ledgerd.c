/*
 * An authority that does wrong, for tests only: linked around calls of ledgerd (-Wl,--wrap), so
 * that nothing of it can be in the program that is shipped.  MKT_TEST_FAULT says what:
 *
 *   match      the blocks that it seals have another state than their transactions give
 *   withhold   it proposes blocks and gives their bodies to nobody
 *   twice      it signs another block at the same height and epoch, and gives that one
 */
#include "core/base/compat.h"

#include "core/chain/chain.h"
#include "ledgerd/prepared.h"

static bool fault_is(const char *what)
{
	const char *fault = getenv("MKT_TEST_FAULT");

	return fault && !strcmp(fault, what);
}

static struct mkt_seckey own_key; /* as it last sealed with */

int __real_mkt_chain_seal(const struct mkt_chain *c, const struct mkt_seal *in,
			  struct mkt_sealed *out);
int __wrap_mkt_chain_seal(const struct mkt_chain *c, const struct mkt_seal *in,
			  struct mkt_sealed *out);
int __wrap_mkt_chain_seal(const struct mkt_chain *c, const struct mkt_seal *in,
			  struct mkt_sealed *out)
{
	struct mkt_seal wrong = *in;

	own_key = *in->key;
	if (fault_is("match"))
		wrong.state.b[0] ^= 1;
	return __real_mkt_chain_seal(c, &wrong, out);
}

/* The same block a millisecond later, signed too. */
static int sign_another(struct mkt_buf *block, struct mkt_err *err)
{
	struct mkt_buf header = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_sealed s = {.bytes = MKT_BUF_INIT};
	struct mkt_vote vote;
	int res = mkt_block_dec(block->data, block->len, &b, err);

	if (res < 0)
		return res;
	b.h.time_ms++;
	mkt_header_enc(&b.h, &header);
	mkt_header_hash(&b.h, &b.hash);
	mkt_header_sign(&b.hash, &own_key, &vote.sig);
	vote.authority = b.h.authority;
	memcpy(block->data, header.data, header.len);
	mkt_buf_release(&header);
	s.bytes = *block;
	res = mkt_sealed_certify(&s, &vote, 1);
	*block = s.bytes;
	return res < 0 ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

int __real_ld_prepared_get(struct ld_prepared *p, uint64_t height, uint64_t epoch,
			   struct mkt_buf *out, struct mkt_err *err);
int __wrap_ld_prepared_get(struct ld_prepared *p, uint64_t height, uint64_t epoch,
			   struct mkt_buf *out, struct mkt_err *err);
int __wrap_ld_prepared_get(struct ld_prepared *p, uint64_t height, uint64_t epoch,
			   struct mkt_buf *out, struct mkt_err *err)
{
	int res;

	if (fault_is("withhold"))
		return mkt_err_code(err, MKT_ENOTFOUND);
	res = __real_ld_prepared_get(p, height, epoch, out, err);
	return res || !fault_is("twice") ? res : sign_another(out, err);
}
