/*
 * A chain on disk with people who trade on it: real keys, real signatures, blocks
 * sealed as ledgerd seals them.  What happens in a block is random but follows
 * from the seed.  Calls that must not fail end the test program.
 */
#ifndef MKT_TESTS_CHAIN_H
#define MKT_TESTS_CHAIN_H

#include "core/base/compat.h"

#include "core/chain/chain.h"
#include "core/chain/verify.h"
#include "tests/rng.h"
#include "tests/tmpdir.h"

#ifndef NODE_TXS
#define NODE_TXS 64 /* of a block */
#endif
#define NODE_PEOPLE 8
#define NODE_T0_S 1795392000ull /* 2026-11-23 00:00 UTC */

struct node {
	char top[PATH_MAX]; /* removed at the end */
	char dir[PATH_MAX];
	struct mkt_genesis g;
	struct mkt_seckey operator_key, authority_key, key[NODE_PEOPLE + 1];
	struct mkt_chain_open opt;
	struct mkt_chain *c;
	struct mkt_verify_prev prev; /* of the last sealed block */
	struct mkt_authorities signers; /* of the next */
	struct mkt_events ev;
	struct rng r;
	uint64_t request;
	/* the open block */
	struct mkt_buf tx[NODE_TXS];
	struct mkt_hash id[NODE_TXS], leaf[NODE_TXS];
	uint32_t ntx;
	uint64_t first_bid, first_exec, time_ms;
};

#define NODE_WANT(cond)                                                                            \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define NODE_OK(call, err)                                                                         \
	do {                                                                                       \
		if ((call) < 0) {                                                                  \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call,              \
				(err)->text);                                                      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline void node_key(uint8_t number, struct mkt_pubkey *pub, struct mkt_seckey *sec)
{
	uint8_t seed[MKT_SEED_LEN] = {number, 0x5e};

	mkt_keypair(pub, sec, seed);
}

static inline void node_open(struct node *n)
{
	struct mkt_err err;

	NODE_OK(mkt_chain_open(n->dir, &n->opt, &n->c, &err), &err);
	if (!n->opt.read_only)
		n->signers = *mkt_state_authorities(mkt_chain_state(n->c));
	mkt_chain_head(n->c, &n->prev.height, &n->prev.hash, &n->prev.time_ms);
	n->prev.next_tx = 0;
	if (n->prev.height) {
		struct mkt_buf b = MKT_BUF_INIT;
		struct mkt_block blk;

		NODE_OK(mkt_chain_read(n->c, n->prev.height, &b, &err), &err);
		NODE_OK(mkt_block_dec(b.data, b.len, &blk, &err), &err);
		n->prev.next_tx = blk.h.first_tx + blk.h.ntxs;
		mkt_buf_release(&b);
	}
}

static inline void node_start(struct node *n, const char *name, struct rng r)
{
	struct mkt_err err;

	*n = (struct node){.r = r, .opt.segment_max = 20000};
	NODE_WANT(mkt_crypto_init() == 0);
	tmpdir_make(n->top, name);
	snprintf(n->dir, sizeof(n->dir), "%.3000s/chain", n->top);
	NODE_WANT(mkt_genesis_default(&n->g) == 0);
	n->g.time_ms = NODE_T0_S * 1000;
	n->g.opening_s = 86400;
	n->g.retention_s = 7200;
	n->g.validity_s = 3600;
	n->g.nauthorities = 1;
	node_key(200, &n->g.operator_key, &n->operator_key);
	node_key(201, &n->g.authorities[0], &n->authority_key);
	n->key[0] = n->operator_key;
	NODE_OK(mkt_chain_create(n->dir, &n->g, &err), &err);
	node_open(n);
}

static inline void node_stop(struct node *n)
{
	mkt_chain_close(n->c);
	mkt_genesis_release(&n->g);
	mkt_events_release(&n->ev);
	for (unsigned i = 0; i < NODE_TXS; i++)
		mkt_buf_release(&n->tx[i]);
	tmpdir_remove(n->top);
}

static inline void node_begin(struct node *n, uint64_t time_ms)
{
	struct mkt_state *s = mkt_chain_state(n->c);
	struct mkt_err err;

	n->ntx = 0;
	n->time_ms = time_ms;
	n->first_bid = mkt_state_next_bid(s);
	n->first_exec = mkt_state_next_exec(s);
	NODE_OK(mkt_state_begin(s, n->prev.height + 1, time_ms, &n->ev, &err), &err);
}

/* Sign and apply one operation; false if the block does not take it. */
static inline bool node_do(struct node *n, uint32_t signer, const struct mkt_op *op,
			   const struct mkt_bid_leg *legs, const char *text)
{
	struct mkt_state *s = mkt_chain_state(n->c);
	struct mkt_tx_head h = {.chain = *mkt_chain_id(n->c),
				.account = signer,
				.valid_until_s = n->time_ms / 1000 + 600};
	struct mkt_tx_build b = MKT_TX_BUILD_INIT;
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_buf *at = &n->tx[n->ntx];
	struct mkt_err err;
	bool taken;

	if (n->ntx == NODE_TXS)
		return false;
	n->request++;
	memcpy(h.request, &n->request, sizeof(n->request));
	mkt_tx_begin(&b, &h);
	mkt_tx_add(&b, op, legs, text);
	NODE_OK(mkt_tx_end(&b, &n->key[signer], &err), &err);
	mkt_buf_clear(at);
	mkt_buf_add(at, b.buf.data, b.buf.len);
	mkt_tx_build_release(&b);
	taken = mkt_tx_dec(at->data, at->len, &h.chain, &tx, &err) == 0 &&
		mkt_state_admit(s, &tx, &err) == 0;
	if (taken) {
		NODE_WANT(mkt_state_apply(s, &tx, n->ntx, &n->ev) == 0);
		mkt_tx_id(at->data, at->len, &n->id[n->ntx]);
		mkt_hash(&n->leaf[n->ntx], MKT_DOM_LEAF, at->data, at->len);
		n->ntx++;
	}
	mkt_tx_release(&tx);
	return taken;
}

/* Close the block; @out is the caller's to release. */
static inline void node_seal(struct node *n, struct mkt_sealed *out)
{
	struct mkt_delta delta = {.rows = NULL};
	struct mkt_bytes txs[NODE_TXS];
	struct mkt_seal in = {
		.prev = &n->prev.hash,
		.height = n->prev.height + 1,
		.time_ms = n->time_ms,
		.first_tx = n->prev.next_tx,
		.first_bid = n->first_bid,
		.first_exec = n->first_exec,
		.txs = txs,
		.tx_ids = n->id,
		.tx_leaves = n->leaf,
		.ntxs = n->ntx,
		.ev = &n->ev,
		.delta = &delta,
		.key = &n->authority_key,
	};

	for (uint32_t i = 0; i < n->ntx; i++)
		txs[i] = (struct mkt_bytes){n->tx[i].data, n->tx[i].len};
	mkt_authorities_set_hash(&n->signers, &in.authorities);
	NODE_WANT(mkt_state_end(mkt_chain_state(n->c), &delta, &in.state) == 0);
	n->signers = *mkt_state_authorities(mkt_chain_state(n->c));
	NODE_WANT(mkt_chain_seal(n->c, &in, out) == 0);
	n->prev = (struct mkt_verify_prev){out->hash, in.height, in.time_ms,
					   in.first_tx + n->ntx, 0};
}

/* ---- what people do --------------------------------------------------------------------- */

static inline void node_people(struct node *n)
{
	for (uint8_t i = 1; i <= NODE_PEOPLE; i++) {
		struct mkt_op op = {.kind = MKT_OP_ENROLL,
				    .u.enroll = {.cls = MKT_CLASS_HOUSEHOLD}};
		struct mkt_op money = {.kind = MKT_OP_DEPOSIT,
				       .u.transfer = {i, INT64_C(100000000000)}};

		node_key(i, &op.u.enroll.key, &n->key[i]);
		snprintf(op.u.enroll.name, sizeof(op.u.enroll.name), "house%02u", i);
		NODE_WANT(node_do(n, 0, &op, NULL, NULL));
		NODE_WANT(node_do(n, 0, &money, NULL, "to begin with"));
	}
}

static inline void node_random_bid(struct node *n)
{
	uint32_t who = 1 + (uint32_t)rng_below(&n->r, NODE_PEOPLE), first, count;
	struct mkt_op op = {.kind = MKT_OP_BID, .account = who};
	struct mkt_bid_leg legs[6];

	mkt_state_open_windows(mkt_chain_state(n->c), n->time_ms, &first, &count);
	op.u.bid.side = (uint8_t)(1 + rng_below(&n->r, 2));
	op.u.bid.nlegs = (uint16_t)(1 + rng_below(&n->r, MKT_ARRAY_SIZE(legs)));
	op.u.bid.amount_wh = 1 + (uint32_t)rng_below(&n->r, 9000);
	op.u.bid.flags = rng_below(&n->r, 8) ? 0 : MKT_BID_IOC;
	for (unsigned i = 0; i < op.u.bid.nlegs; i++)
		legs[i] = (struct mkt_bid_leg){
			.window = first + i + (uint32_t)rng_below(&n->r, 3) * 10,
			.price_upwh = 20000 + 10 * (int32_t)rng_below(&n->r, 500),
			.tags = rng_below(&n->r, 2),
		};
	node_do(n, who, &op, legs, NULL);
}

static inline void node_random_report(struct node *n)
{
	struct mkt_state *s = mkt_chain_state(n->c);
	struct mkt_contract k[16];
	struct mkt_op op = {.kind = MKT_OP_REPORT};
	uint32_t got = mkt_state_contracts(s, UINT32_MAX, 0, k, MKT_ARRAY_SIZE(k));
	const struct mkt_contract *c;

	if (!got)
		return;
	c = &k[rng_below(&n->r, got)];
	if (c->status == MKT_CONTRACT_SETTLED && rng_below(&n->r, 3) == 0) {
		op.kind = MKT_OP_RETIRE;
		op.account = c->what.buyer;
		op.u.retire.exec = c->what.exec;
		node_do(n, op.account, &op, NULL, "a green story");
		return;
	}
	op.u.report.exec = c->what.exec;
	op.u.report.side = (uint8_t)(1 + rng_below(&n->r, 2));
	op.account = op.u.report.side == MKT_SUPPLY ? c->what.seller : c->what.buyer;
	op.u.report.wh = c->what.wh - (uint32_t)rng_below(&n->r, c->what.wh / 4 + 1);
	node_do(n, op.account, &op, NULL, NULL);
}

static inline void node_random_op(struct node *n)
{
	uint32_t who = 1 + (uint32_t)rng_below(&n->r, NODE_PEOPLE);
	struct mkt_op op = {.account = who};

	switch (rng_below(&n->r, 10)) {
	case 0:
		op.kind = MKT_OP_CANCEL;
		op.u.cancel.bid = 1 + rng_below(&n->r, n->first_bid);
		node_do(n, who, &op, NULL, NULL);
		break;
	case 1:
		op.kind = MKT_OP_TRANSFER;
		op.u.transfer.to = (who % NODE_PEOPLE) + 1;
		op.u.transfer.money_uc = 1 + (int64_t)rng_below(&n->r, 1000000);
		node_do(n, who, &op, NULL, "for tea");
		break;
	case 2:
	case 3:
		node_random_report(n);
		break;
	default:
		node_random_bid(n);
	}
}

/* The next block: the first enrolls people; the others do @ops random things. */
static inline void node_block(struct node *n, unsigned ops, struct mkt_sealed *out)
{
	static const uint64_t steps[] = {0, 1000, 1000, 5000, 60000, 900000, 7200000};
	uint64_t step = steps[rng_below(&n->r, MKT_ARRAY_SIZE(steps))];

	node_begin(n, n->prev.time_ms + step);
	if (!n->prev.height)
		node_people(n);
	for (unsigned i = 0; i < ops; i++)
		node_random_op(n);
	node_seal(n, out);
}

#endif
