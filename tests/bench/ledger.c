/*
 * bench-ledger: what the state machine costs an envelope of one bid, by steps, in
 * microseconds of thread CPU time: decoding, admission, execution, and its share
 * of the end of a block.  Signatures, hashing of blocks and disks are not in it.
 *
 *   bench-ledger [BLOCKS [TXS]]
 *
 * 200 accounts, 48 windows of 4 tags.  Each row is a stream of its own on a fresh
 * ledger; the first fifth of the blocks only warms up.
 */
#include "core/base/compat.h"

#include "tests/ledger.h"
#include "tests/rng.h"

enum { ACCOUNTS = 200, WINDOWS = 48, MIDDLE = 100000 };

struct row {
	const char *name;
	uint32_t legs;
	uint32_t aggressive; /* of 100 bids */
	uint32_t cancels;    /* of 100 envelopes */
};

static const struct row rows[] = {
	{"1 leg, all rest", 1, 0, 0},
	{"1 leg, standard mix", 1, 14, 30},
	{"4 legs, all rest", 4, 0, 0},
	{"4 legs, standard mix", 4, 14, 30},
	{"16 legs, standard mix", 16, 14, 30},
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

struct envelope {
	uint8_t *p;
	size_t n;
};

static void build_bid(struct ledger *l, struct rng *r, const struct row *row)
{
	struct mkt_bid_leg legs[MKT_LEGS_MAX];
	struct mkt_op op = {.kind = MKT_OP_BID, .account = 1 + (uint32_t)rng_below(r, ACCOUNTS)};
	bool aggressive = rng_below(r, 100) < row->aggressive;

	op.u.bid.side = rng_below(r, 2) ? MKT_BUY : MKT_SELL;
	op.u.bid.amount_wh = 10 + (uint32_t)rng_below(r, 991);
	op.u.bid.nlegs = (uint16_t)row->legs;
	for (uint32_t i = 0, at = (uint32_t)rng_below(r, WINDOWS * 4); i < row->legs; i++, at += 7) {
		int32_t away = 10 * (1 + (int32_t)rng_below(r, 100));

		if ((op.u.bid.side == MKT_BUY) != aggressive)
			away = -away;
		legs[i] = (struct mkt_bid_leg){W0 + 2 + at % (WINDOWS * 4) / 4, MIDDLE + away,
					       ledger_tags(at & 1, at >> 1 & 1)};
	}
	ledger_tx_begin(l, op.account, 0);
	mkt_tx_add(&l->build, &op, legs, NULL);
}

/* Mostly of a bid that is open; its account is asked of the state. */
static void build_cancel(struct ledger *l, struct rng *r)
{
	struct mkt_op op = {.kind = MKT_OP_CANCEL, .account = 1};
	struct mkt_bid b;

	for (int i = 0; i < 20; i++) {
		op.u.cancel.bid = 1 + rng_below(r, mkt_state_next_bid(l->s));
		if (!mkt_state_bid(l->s, op.u.cancel.bid, &b))
			continue;
		op.account = b.account;
		break;
	}
	ledger_tx_begin(l, op.account, 0);
	mkt_tx_add(&l->build, &op, NULL, NULL);
}

static void build_block(struct ledger *l, struct rng *r, const struct row *row, struct envelope *v,
			uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (mkt_state_next_bid(l->s) > 1 && rng_below(r, 100) < row->cancels)
			build_cancel(l, r);
		else
			build_bid(l, r, row);
		LEDGER_WANT(ledger_tx_end(l) == 0);
		v[i].p = mkt_buf_take(&l->build.buf, &v[i].n);
	}
}

struct cost {
	double decode, admit, apply, end;
	uint64_t txs, event_bytes, delta_bytes;
};

static void run_block(struct ledger *l, struct envelope *v, uint32_t n, struct cost *c)
{
	for (uint32_t i = 0; i < n; i++) {
		double t0 = now_us(), t1, t2;

		LEDGER_WANT(mkt_tx_dec(v[i].p, v[i].n, &l->chain, &l->tx, &l->err) == 0);
		t1 = now_us();
		LEDGER_WANT(mkt_state_admit(l->s, &l->tx, &l->err) == 0);
		t2 = now_us();
		LEDGER_WANT(mkt_state_apply(l->s, &l->tx, i, &l->ev) == 0);
		c->decode += t1 - t0;
		c->admit += t2 - t1;
		c->apply += now_us() - t2;
		free(v[i].p);
	}
	c->end -= now_us();
	LEDGER_WANT(mkt_state_end(l->s, &l->delta, &l->digest) == 0);
	c->end += now_us();
	c->txs += n;
	c->event_bytes += l->ev.bytes.len;
	c->delta_bytes += l->delta.bytes.len;
}

static double timer_us(void)
{
	double t = now_us();

	for (int i = 0; i < 1000; i++)
		(void)now_us();
	return (now_us() - t) / 1001;
}

static void run_row(const struct row *row, uint32_t blocks, uint32_t txs)
{
	struct envelope *v = calloc(txs, sizeof(*v));
	struct cost c = {0};
	struct ledger l;
	struct rng r = {row->legs};
	double timer = timer_us(), n;

	LEDGER_WANT(v);
	ledger_init(&l);
	l.g.limits[MKT_CLASS_HOUSEHOLD].open_bids = 0;
	ledger_start(&l);
	ledger_begin(&l, T0_S + 1);
	ledger_people(&l, ACCOUNTS, INT64_C(1) << 50);
	LEDGER_WANT(mkt_state_end(l.s, &l.delta, &l.digest) == 0);
	for (uint32_t b = 0; b < blocks; b++) {
		if (b == blocks / 5)
			c = (struct cost){0};
		ledger_begin_ms(&l, T0_S * 1000 + 1000 + b);
		build_block(&l, &r, row, v, txs);
		run_block(&l, v, txs, &c);
	}
	n = (double)c.txs;
	printf("%-24s %7.2f %7.2f %7.2f %7.2f %8.2f %7.0f %7.0f\n", row->name,
	       c.decode / n - timer, c.admit / n - timer, c.apply / n - timer, c.end / n,
	       (c.apply + c.end) / n - timer, (double)c.event_bytes / n, (double)c.delta_bytes / n);
	ledger_stop(&l);
	free(v);
}

int main(int argc, char **argv)
{
	uint32_t blocks = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100;
	uint32_t txs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;

	printf("%-24s %7s %7s %7s %7s %8s %7s %7s\n", "us (bytes) an envelope", "decode", "admit",
	       "apply", "end", "apply+end", "events", "records");
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		run_row(&rows[i], blocks, txs);
	return 0;
}
