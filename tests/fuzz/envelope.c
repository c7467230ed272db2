/*
 * Any bytes as an envelope.  What is decoded is canonical: built again from what
 * was read it gives the same bytes.  What is admitted is executed: the dry run of
 * a single operation tells what happens, everything counts afterwards, an
 * all-or-nothing envelope that fails leaves the records alone, and the events
 * decode.
 */
#include "core/base/compat.h"

#include "tests/fuzz/envelope.h"
#include "tests/fuzz/fuzz.h"

static void check_canonical(const struct mkt_tx *tx, const struct mkt_hash *chain,
			    const uint8_t *data, size_t size)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx_head h = {.flags = tx->flags, .chain = *chain, .account = tx->account,
				.valid_until_s = tx->valid_until_s};

	memcpy(h.request, tx->request, MKT_REQUEST_LEN);
	mkt_tx_begin(&t, &h);
	for (unsigned i = 0; i < tx->nops; i++) {
		const struct mkt_op *op = &tx->ops[i];
		char text[UINT8_MAX * MKT_COSIGN_LEN + 1] = ""; /* of all lists the longest */

		if (op->kind == MKT_OP_ENROLL)
			memcpy(text, data + op->u.enroll.chargers_at, op->u.enroll.chargers_len);
		else if (op->kind == MKT_OP_AUTHORITY)
			memcpy(text, data + op->u.authority.sigs_at,
			       (size_t)op->u.authority.nsigs * MKT_COSIGN_LEN);
		else
			memcpy(text, data + op->text_at, op->text_len);
		mkt_tx_add(&t, op, op->kind == MKT_OP_BID ? &tx->legs[op->u.bid.first_leg] : NULL, text);
	}
	t.buf.data[38] = (uint8_t)t.nops;
	t.buf.data[39] = (uint8_t)(t.nops >> 8);
	FUZZ_CHECK(t.buf.len + MKT_SIG_LEN == size);
	FUZZ_CHECK(!memcmp(t.buf.data, data, t.buf.len));
	mkt_tx_build_release(&t);
}

/* All records but META. */
static struct mkt_delta records(const struct mkt_state *s)
{
	struct mkt_delta d = {0};

	FUZZ_CHECK(mkt_state_dump(s, &d) == 0);
	return d;
}

static bool same_records(const struct mkt_delta *a, const struct mkt_delta *b)
{
	size_t skip = a->rows[1].at;

	return a->bytes.len == b->bytes.len &&
	       !memcmp(a->bytes.data + skip, b->bytes.data + skip, a->bytes.len - skip);
}

static void check_results(const struct ledger *l, const struct mkt_preview *p, bool unchanged)
{
	const struct mkt_tx *tx = &l->tx;
	unsigned refused = 0;

	for (uint16_t i = 0; i < tx->nops; i++)
		refused += ledger_result(l, i).code != 0;
	if (tx->flags & MKT_TX_ALL_OR_NOTHING)
		FUZZ_CHECK(refused == 0 || refused == tx->nops);
	if (refused == tx->nops)
		FUZZ_CHECK(unchanged);
	if (tx->nops == 1)
		FUZZ_CHECK(p->err.code == ledger_result(l, 0).code);
	for (uint32_t i = 0; i < l->ev.n; i++)
		(void)ledger_event(l, i);
}

static void execute(struct ledger *l)
{
	struct mkt_preview p = MKT_PREVIEW_INIT;
	struct mkt_delta before = records(l->s), after;

	if (l->tx.nops == 1)
		FUZZ_CHECK(mkt_state_preview(l->s, &l->tx, 0, mkt_state_time_ms(l->s), &p) == 0);
	FUZZ_CHECK(mkt_state_apply(l->s, &l->tx, l->ntx++, &l->ev) == 0);
	after = records(l->s);
	check_results(l, &p, same_records(&before, &after));
	FUZZ_CHECK(mkt_state_check(l->s, &l->err) == 0);
	FUZZ_CHECK(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
	FUZZ_CHECK(mkt_state_check(l->s, &l->err) == 0);
	mkt_preview_release(&p);
	mkt_delta_release(&before);
	mkt_delta_release(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger l;
	struct mkt_hash id;
	const uint8_t *request;
	uint32_t account;
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_err err;

	ledger_init(&l);
	ledger_chain_id(&l);
	mkt_tx_id(data, size, &id);
	(void)mkt_tx_peek(data, size, &account, &request);
	if (mkt_tx_dec(data, size, &l.chain, &tx, &err) < 0) {
		FUZZ_CHECK(err.text[0] && !tx.nops);
	} else {
		check_canonical(&tx, &l.chain, data, size);
		ledger_stop(&l);
		envelope_world(&l);
		FUZZ_CHECK(mkt_tx_dec(data, size, &l.chain, &l.tx, &err) == 0);
		if (mkt_state_admit(l.s, &l.tx, &err) < 0)
			FUZZ_CHECK(err.text[0]);
		else
			execute(&l);
	}
	mkt_tx_release(&tx);
	ledger_stop(&l);
	return 0;
}
