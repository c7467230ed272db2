/*
 * Blocks and stored records from anywhere: the first byte says which.  What is
 * taken apart lies within the input, and has roots and leaves; a header that is
 * encoded again is the same bytes.
 */
#include "core/base/compat.h"

#include "core/chain/block.h"
#include "core/chain/merkle.h"
#include "core/store/segment.h"
#include "tests/fuzz/fuzz.h"

static void check_txs(const struct mkt_block *b, const uint8_t *data, size_t size)
{
	const uint8_t *at = NULL, *tx, *same;
	uint32_t len, len2, n = 0;

	while (mkt_block_next_tx(b, &at, &tx, &len)) {
		FUZZ_CHECK(tx > data && tx + len <= data + size);
		if (n < 8)
			FUZZ_CHECK(mkt_block_tx(b, n, &same, &len2) && same == tx && len2 == len);
		n++;
	}
	FUZZ_CHECK(n == b->h.ntxs);
	FUZZ_CHECK(!mkt_block_tx(b, n, &tx, &len));
}

static void check_leaves(const struct mkt_block *b)
{
	uint32_t most = b->h.ntxs > b->h.nevents ? b->h.ntxs : b->h.nevents;
	struct mkt_hash *leaves = calloc(most + 1u, sizeof(*leaves)), root, first;
	struct mkt_proof p;
	struct mkt_err err;

	mkt_block_tx_leaves(b, leaves);
	if (b->h.ntxs) {
		first = leaves[0];
		FUZZ_CHECK(mkt_merkle_prove(leaves, b->h.ntxs, 0, &p) == 0);
		mkt_merkle_root(leaves, b->h.ntxs, &root);
		FUZZ_CHECK(mkt_merkle_ok(&p, &first, &root));
	}
	if (mkt_block_event_leaves(b, leaves, &err) < 0)
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
	free(leaves);
}

static void check_block(const uint8_t *data, size_t size)
{
	struct mkt_buf again = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_err err;

	if (mkt_block_dec(data, size, &b, &err) < 0) {
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
		return;
	}
	mkt_header_enc(&b.h, &again);
	FUZZ_CHECK(again.len == MKT_HEADER_BYTES && !memcmp(again.data, data, again.len));
	mkt_buf_release(&again);
	FUZZ_CHECK(b.events + b.events_len == data + size);
	check_txs(&b, data, size);
	check_leaves(&b);
}

static void check_record(const uint8_t *data, size_t size)
{
	struct mkt_buf out = MKT_BUF_INIT;
	struct mkt_err err;
	uint64_t height;
	size_t used;
	int r = mkt_record_unpack(data, size, 1u << 20, &height, &out, &used, &err);

	if (r < 0)
		FUZZ_CHECK(err.text[0] && (r == -MKT_EINTEGRITY || r == -MKT_ETRUNCATED));
	else
		FUZZ_CHECK(used <= size);
	mkt_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1)
		check_record(data + 1, size - 1);
	else
		check_block(data + 1, size - 1);
	return 0;
}
