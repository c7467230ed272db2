/*
 * A ledger in one process for tests: genesis, blocks, envelopes of one or many
 * operations, their results and events.  Envelopes are built and decoded as the
 * real ones are; only the signature is left out, because the state does not look
 * at it.  Failing calls that must not fail end the test program.
 */
#ifndef MKT_TESTS_LEDGER_H
#define MKT_TESTS_LEDGER_H

#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/ledger/state.h"

#define T0_S 1795392000ull /* 2026-11-23 00:00 UTC, the time of block 0 */
#define W0 997440u         /* the window (1800 s) that starts then */

struct ledger {
	struct mkt_genesis g;
	struct mkt_hash chain;
	struct mkt_state *s;
	struct mkt_events ev;
	struct mkt_delta delta;
	struct mkt_hash digest;
	struct mkt_tx_build build;
	struct mkt_tx tx;
	struct mkt_err err;
	uint64_t request;  /* counts envelopes: their request ids */
	uint32_t ntx;      /* in the open block */
};

struct lresult {
	int code;
	uint64_t ref, more;
};

#define LEDGER_WANT(cond)                                                                       \
	do {                                                                                    \
		if (!(cond)) {                                                                  \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);              \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* Genesis that a test may change before ledger_start(): default, windows open for 2 days. */
static inline void ledger_init(struct ledger *l)
{
	*l = (struct ledger){0};
	LEDGER_WANT(mkt_crypto_init() == 0);
	LEDGER_WANT(mkt_genesis_default(&l->g) == 0);
	l->g.time_ms = T0_S * 1000;
	l->g.opening_s = 2 * 86400;
	l->g.validity_s = 86400;
	memset(l->g.operator_key.b, 0xfe, MKT_PUBKEY_LEN);
	l->g.nauthorities = 1;
	memset(l->g.authorities[0].b, 0xfd, MKT_PUBKEY_LEN);
}

static inline void ledger_chain_id(struct ledger *l)
{
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_genesis_enc(&l->g, &b);
	mkt_genesis_id(b.data, b.len, &l->chain);
	mkt_buf_release(&b);
}

static inline void ledger_start(struct ledger *l)
{
	ledger_chain_id(l);
	LEDGER_WANT(mkt_state_new(&l->g, &l->s, &l->err) == 0);
	LEDGER_WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
}

static inline void ledger_stop(struct ledger *l)
{
	mkt_state_free(l->s);
	mkt_genesis_release(&l->g);
	mkt_events_release(&l->ev);
	mkt_delta_release(&l->delta);
	mkt_tx_build_release(&l->build);
	mkt_tx_release(&l->tx);
}

static inline void ledger_begin_ms(struct ledger *l, uint64_t time_ms)
{
	l->ntx = 0;
	LEDGER_WANT(mkt_state_begin(l->s, mkt_state_height(l->s) + 1, time_ms, &l->ev, &l->err) == 0);
}

static inline void ledger_begin(struct ledger *l, uint64_t time_s)
{
	ledger_begin_ms(l, time_s * 1000);
}

static inline void ledger_end(struct ledger *l)
{
	LEDGER_WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
	if (mkt_state_check(l->s, &l->err) < 0) {
		fprintf(stderr, "check: %s\n", l->err.text);
		abort();
	}
}

static inline void ledger_tx_begin(struct ledger *l, uint32_t signer, uint8_t flags)
{
	struct mkt_tx_head h = {.flags = flags,
				.chain = l->chain,
				.account = signer,
				.valid_until_s = mkt_state_time_ms(l->s) / 1000 + 600};

	l->request++;
	memcpy(h.request, &l->request, sizeof(l->request));
	mkt_tx_begin(&l->build, &h);
}

/* Close without signing and decode into l->tx; the code of decoding. */
static inline int ledger_tx_end(struct ledger *l)
{
	static const uint8_t no_signature[MKT_SIG_LEN];

	l->build.buf.data[38] = (uint8_t)l->build.nops;
	l->build.buf.data[39] = (uint8_t)(l->build.nops >> 8);
	mkt_enc_bytes(&l->build.buf, no_signature, sizeof(no_signature));
	return mkt_tx_dec(l->build.buf.data, l->build.buf.len, &l->chain, &l->tx, &l->err);
}

/* Admit and apply l->tx; the code of admission. */
static inline int ledger_apply(struct ledger *l)
{
	int rc = mkt_state_admit(l->s, &l->tx, &l->err);

	if (rc < 0)
		return -rc;
	LEDGER_WANT(mkt_state_apply(l->s, &l->tx, l->ntx++, &l->ev) == 0);
	return 0;
}

static inline struct mkt_event ledger_event(const struct ledger *l, uint32_t i)
{
	struct mkt_dec in = mkt_dec_init(mkt_events_at(&l->ev, i).p, mkt_events_at(&l->ev, i).n);
	struct mkt_event ev;

	LEDGER_WANT(mkt_event_dec(&in, &ev) == 0 && in.at == in.end);
	return ev;
}

/* The RESULT of operation @op of the last applied envelope. */
static inline struct lresult ledger_result(const struct ledger *l, uint16_t op)
{
	for (uint32_t i = l->ev.n; i-- > 0;) {
		struct mkt_event ev = ledger_event(l, i);

		if (ev.kind == MKT_EV_RESULT && ev.tx == l->ntx - 1 && ev.op == op)
			return (struct lresult){ev.u.result.code, ev.u.result.ref, ev.u.result.more};
	}
	LEDGER_WANT(l->ev.n == UINT32_MAX); /* there must be one */
	return (struct lresult){0};
}

/* One operation in an envelope of its own, signed by @signer. */
static inline struct lresult ledger_do(struct ledger *l, uint32_t signer, const struct mkt_op *op,
				       const struct mkt_bid_leg *legs, const char *text)
{
	int rc;

	ledger_tx_begin(l, signer, 0);
	mkt_tx_add(&l->build, op, legs, text);
	if (ledger_tx_end(l) < 0)
		return (struct lresult){l->err.code, 0, 0};
	rc = ledger_apply(l);
	return rc ? (struct lresult){rc, 0, 0} : ledger_result(l, 0);
}

/* What the dry run says of the same, now. */
static inline struct mkt_preview ledger_preview(struct ledger *l, uint32_t signer,
						const struct mkt_op *op,
						const struct mkt_bid_leg *legs, const char *text)
{
	struct mkt_preview p = MKT_PREVIEW_INIT;

	ledger_tx_begin(l, signer, 0);
	mkt_tx_add(&l->build, op, legs, text);
	LEDGER_WANT(ledger_tx_end(l) == 0);
	LEDGER_WANT(mkt_state_preview(l->s, &l->tx, 0, mkt_state_time_ms(l->s), &p) == 0);
	return p;
}

static inline mkt_tags ledger_tags(uint8_t energy, uint8_t market)
{
	return (mkt_tags)energy | (mkt_tags)market << 8;
}

/* ---- operations in short ---------------------------------------------------------------- */

static inline struct mkt_op op_bid(uint32_t account, uint8_t side, uint32_t wh, uint16_t nlegs)
{
	return (struct mkt_op){
		.kind = MKT_OP_BID,
		.account = account,
		.u.bid = {.side = side, .amount_wh = wh, .nlegs = nlegs},
	};
}

#define LEGS(...) ((const struct mkt_bid_leg[]){__VA_ARGS__})
#define NLEGS(...) ((uint16_t)(sizeof(LEGS(__VA_ARGS__)) / sizeof(struct mkt_bid_leg)))

static inline struct lresult ledger_bid(struct ledger *l, uint32_t account, struct mkt_op op,
					const struct mkt_bid_leg *legs)
{
	return ledger_do(l, account, &op, legs, NULL);
}

/* BUY(&l, account, wh, {window, price, tags}, ...) */
#define BUY(l, account, wh, ...)                                                                \
	ledger_bid(l, account, op_bid(account, MKT_BUY, wh, NLEGS(__VA_ARGS__)), LEGS(__VA_ARGS__))
#define SELL(l, account, wh, ...)                                                               \
	ledger_bid(l, account, op_bid(account, MKT_SELL, wh, NLEGS(__VA_ARGS__)), LEGS(__VA_ARGS__))

static inline struct lresult ledger_deposit(struct ledger *l, uint32_t to, int64_t money_uc)
{
	struct mkt_op op = {.kind = MKT_OP_DEPOSIT, .u.transfer = {to, money_uc}};

	return ledger_do(l, 0, &op, NULL, NULL);
}

static inline struct lresult ledger_enroll(struct ledger *l, const char *name, uint8_t cls)
{
	struct mkt_op op = {.kind = MKT_OP_ENROLL, .u.enroll = {.cls = cls}};
	size_t n = strlen(name);

	memcpy(op.u.enroll.key.b, name, n < MKT_PUBKEY_LEN ? n : MKT_PUBKEY_LEN);
	op.u.enroll.key.b[31] = 1;
	memcpy(op.u.enroll.name, name, n < MKT_NAME_MAX ? n : MKT_NAME_MAX);
	return ledger_do(l, 0, &op, NULL, NULL);
}

/* Accounts 1 .. @n, households h1, h2 ..., each with @money_uc. */
static inline void ledger_people(struct ledger *l, unsigned n, int64_t money_uc)
{
	for (unsigned i = 0; i < n; i++) {
		char name[16];
		struct lresult r;

		snprintf(name, sizeof(name), "h%u", i + 1);
		r = ledger_enroll(l, name, MKT_CLASS_HOUSEHOLD);
		LEDGER_WANT(r.code == 0 && r.ref == i + 1);
		if (money_uc)
			LEDGER_WANT(ledger_deposit(l, i + 1, money_uc).code == 0);
	}
}

static inline struct mkt_account ledger_account(const struct ledger *l, uint32_t number)
{
	struct mkt_account a;

	LEDGER_WANT(mkt_state_account(l->s, number, &a));
	return a;
}

/* A default ledger with @n households, in an open block half an hour before W0 + 1 closes. */
static inline void ledger_default(struct ledger *l, unsigned n, int64_t money_uc)
{
	ledger_init(l);
	ledger_start(l);
	ledger_begin(l, T0_S + 1);
	ledger_people(l, n, money_uc);
}

/* End the open block and begin one at @time_s. */
static inline void ledger_to_time(struct ledger *l, uint64_t time_s)
{
	ledger_end(l);
	ledger_begin(l, time_s);
}

/* Of a test whose state is a ledger with an open block. */
static inline int ledger_teardown(void **state)
{
	ledger_end(*state);
	ledger_stop(*state);
	return 0;
}

#endif
