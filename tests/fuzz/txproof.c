/*
 * Proofs of transactions from any server: what is taken apart is in bounds, and what is checked is
 * either right or told.  Trust is in the chain and the keys that the answer itself names, so
 * that the steps behind the first are reached.
 */
#include "core/base/compat.h"

#include "core/wire/txproof.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct mkt_txproof *p)
{
	struct mkt_authorities set = {.n = p->head.nvotes, .quorum = MKT_QUORUM_MAJORITY};
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_err err = {0};

	FUZZ_CHECK(p->head.nvotes <= MKT_AUTHORITIES_MAX);
	FUZZ_CHECK(p->path.depth <= MKT_MERKLE_DEPTH_MAX);
	FUZZ_CHECK(p->envelope.len && p->envelope.len <= MKT_TX_BYTES_MAX);
	for (unsigned i = 0; i < set.n; i++)
		set.v[i].key = p->keys[i];
	if (mkt_txproof_signed(p, &set, &p->head.h.chain, &err) < 0)
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
	if (mkt_txproof_path(p, &err) < 0)
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
	if (mkt_txproof_envelope(p, &p->id, &p->head.h.chain, &tx, &err) < 0)
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
	else
		FUZZ_CHECK(tx.account == p->account);
	mkt_tx_release(&tx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_txproof p = MKT_TXPROOF_INIT;
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	struct mkt_err err = {0};

	if (mkt_jdoc_parse(data, size, NULL, &doc, &err) < 0)
		return 0;
	root = mkt_jdoc_root(doc);
	if (mkt_txproof_read(&root, &p, &err) < 0)
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
	else
		check(&p);
	mkt_txproof_release(&p);
	mkt_jdoc_free(doc);
	return 0;
}
