/*
 * The paper's Table 9 as it stands: a seller and a buyer want the same energy in
 * any of k books (windows x markets) and meet in one.
 *
 * Played three ways on a real chain, and counted from what the chain says:
 *
 *   tagged    one bid of k legs from each, two reports
 *   untagged  a bid for each book from each; what is left standing is withdrawn,
 *             k - 1 bids from each; two reports.  In time: the withdrawals are
 *             through before the other side's next bids.
 *   too late  the same, but all bids were on their way before anybody heard of
 *             the first contract: the withdrawals find nothing left to withdraw.
 */
#include "core/base/compat.h"

#include "cmd/sim.h"

#define WINDOW_S MKT_PROFILE_WINDOW_S
#define BOOKS_MAX 16
#define AMOUNT_WH 1000
#define PRICE_UPWH 20000
#define UNTAGGED_TX 4 /* a book */
#define TAGGED_TX 4   /* a contract */

enum way { TAGGED, UNTAGGED, TOO_LATE, WAYS };
enum { SELLER, BUYER };

struct tally {
	uint64_t txs, contracts, over_wh;
};

struct table9 {
	struct sim *s;
	struct sim_party *party[2];
	struct mkt_plan plan;
	uint64_t bid[2][BOOKS_MAX]; /* by book, of the case that is played */
	uint32_t first;             /* window of the case */
	uint32_t windows, markets;
	mkt_tags market[2];
	struct tally *tally;        /* of the way that is played */
	uint64_t exec;              /* its first contract */
};

static uint32_t books(const struct table9 *t)
{
	return t->windows * t->markets;
}

/* ---- envelopes ------------------------------------------------------------------------ */

static void note_bid(void *who, struct sim_party *p, const struct mkt_intent *in, uint64_t bid)
{
	struct table9 *t = who;

	if (in->part < BOOKS_MAX)
		t->bid[p == t->party[BUYER]][in->part] = bid;
}

/* One envelope, through and sealed. */
static int send(struct table9 *t, int side)
{
	int rc = sim_post_add(t->s, t->party[side], &t->plan);

	return rc < 0 ? rc : sim_post_send(t->s);
}

static void add_leg(struct table9 *t, uint32_t book)
{
	mkt_plan_leg(&t->plan, t->first + book / t->markets, t->market[book % t->markets],
		     PRICE_UPWH);
}

/* A bid for @n books from @book on. */
static int bid(struct table9 *t, int side, uint32_t book, uint32_t n)
{
	struct mkt_intent *in;

	mkt_plan_clear(&t->plan);
	in = mkt_plan_bid(&t->plan, t->party[side]->account, side == BUYER ? MKT_BUY : MKT_SELL,
			  AMOUNT_WH);
	in->part = (uint8_t)book;
	for (uint32_t i = 0; i < n; i++)
		add_leg(t, book + i);
	return send(t, side);
}

static int bid_each(struct table9 *t, int side, uint32_t from)
{
	int rc = 0;

	for (uint32_t i = from; !rc && i < books(t); i++)
		rc = bid(t, side, i, 1);
	return rc;
}

/* Withdraw all but the bid for the first book, in which they met. */
static int withdraw(struct table9 *t, int side)
{
	int rc = 0;

	for (uint32_t i = 1; !rc && i < books(t); i++) {
		mkt_plan_clear(&t->plan);
		mkt_plan_cancel(&t->plan, t->party[side]->account, t->bid[side][i]);
		rc = send(t, side);
	}
	return rc;
}

static int report(struct table9 *t, int side)
{
	struct mkt_intent *in;

	mkt_plan_clear(&t->plan);
	in = mkt_plan_add(&t->plan, MKT_OP_REPORT, t->party[side]->account);
	in->op.u.report.exec = t->exec;
	in->op.u.report.side = side == BUYER ? MKT_DRAW : MKT_SUPPLY;
	in->op.u.report.wh = AMOUNT_WH;
	return send(t, side);
}

static int trade(struct table9 *t, enum way way)
{
	int rc;

	if (way == TAGGED) {
		rc = bid(t, SELLER, 0, books(t));
		return rc < 0 ? rc : bid(t, BUYER, 0, books(t));
	}
	if (way == UNTAGGED) { /* the buyer has heard before the seller's next bid is out */
		if ((rc = bid_each(t, BUYER, 0)) < 0 || (rc = bid(t, SELLER, 0, 1)) < 0 ||
		    (rc = withdraw(t, BUYER)) < 0 || (rc = bid_each(t, SELLER, 1)) < 0)
			return rc;
		return withdraw(t, SELLER);
	}
	if ((rc = bid_each(t, SELLER, 0)) < 0 || (rc = bid_each(t, BUYER, 0)) < 0 ||
	    (rc = withdraw(t, BUYER)) < 0)
		return rc;
	return withdraw(t, SELLER);
}

/* ---- counting ------------------------------------------------------------------------- */

static int count_txs(struct sim *s, uint64_t *txs)
{
	struct sim_ledger l;
	int rc = sim_totals_read(s, &l);

	*txs = l.txs;
	return rc;
}

static int take_contract(void *who, struct sim *s, const struct sim_contract *c)
{
	struct table9 *t = who;

	if (!t->tally->contracts++)
		t->exec = c->exec;
	else
		t->tally->over_wh += c->wh; /* they wanted AMOUNT_WH, and have it */
	s->last_exec = c->exec;
	return 0;
}

/* All of it once; the operator's clock in between is not counted. */
static int play_way(struct table9 *t, enum way way, struct tally *tally)
{
	struct sim *s = t->s;
	const struct sim_range new = {s->last_exec, UINT64_MAX, t->first};
	uint64_t before, bids, start, end;
	int rc;

	t->tally = tally;
	*tally = (struct tally){0};
	if ((rc = count_txs(s, &before)) < 0 || (rc = trade(t, way)) < 0 ||
	    (rc = sim_contracts(s, new, take_contract, t)) < 0 ||
	    (rc = count_txs(s, &bids)) < 0)
		return rc;
	if (!tally->contracts)
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY, "seller and buyer did not meet");
	rc = sim_post_clock(s, (uint64_t)(t->first + t->windows) * WINDOW_S);
	if (rc < 0 || (rc = sim_post_send(s)) < 0 || (rc = count_txs(s, &start)) < 0 ||
	    (rc = report(t, SELLER)) < 0 || (rc = report(t, BUYER)) < 0 ||
	    (rc = count_txs(s, &end)) < 0)
		return rc;
	tally->txs = bids - before + (end - start);
	t->first += t->windows + 1;
	return 0;
}

/* ---- the table ------------------------------------------------------------------------ */

enum {
	C_WINDOWS, C_MARKETS, C_BOOKS, C_PAPER, C_UNTAGGED, C_UNTAGGED_OVER, C_LATE, C_LATE_OVER,
	C_TAGGED, C_TAGGED_OVER, C_COUNT
};

static const struct mkt_col cols[] = {
	[C_WINDOWS] = {"windows", MKT_COL_UINT, .head = "windows"},
	[C_MARKETS] = {"markets", MKT_COL_UINT, .head = "markets"},
	[C_BOOKS] = {"books", MKT_COL_UINT, .head = "books k"},
	[C_PAPER] = {"paper_transactions", MKT_COL_UINT, .head = "paper"},
	[C_UNTAGGED] = {"untagged_transactions", MKT_COL_UINT, .head = "untagged"},
	[C_UNTAGGED_OVER] = {"untagged_over_wh", MKT_COL_ENERGY, .head = "over"},
	[C_LATE] = {"late_transactions", MKT_COL_UINT, .head = "too late"},
	[C_LATE_OVER] = {"late_over_wh", MKT_COL_ENERGY, .head = "over"},
	[C_TAGGED] = {"tagged_transactions", MKT_COL_UINT, .head = "tagged"},
	[C_TAGGED_OVER] = {"tagged_over_wh", MKT_COL_ENERGY, .head = "over"},
	{.name = NULL},
};
static const struct mkt_table rows = {"case", cols, false};
static const struct mkt_doc doc = {"sim-table9", 1, {&rows}, false};

/* The paper tells of four windows. */
static struct mkt_val paper(const struct table9 *t)
{
	return t->windows == 4 ? mkt_v_uint(t->markets == 1 ? 16 : 32) : mkt_v_none();
}

static int tell_case(struct table9 *t, const struct tally *v)
{
	const uint64_t k = books(t);

	mkt_out_row(&t->s->app->out, (struct mkt_val[]){
		[C_WINDOWS] = mkt_v_uint(t->windows),
		[C_MARKETS] = mkt_v_uint(t->markets),
		[C_BOOKS] = mkt_v_uint(k),
		[C_PAPER] = paper(t),
		[C_UNTAGGED] = mkt_v_uint(v[UNTAGGED].txs),
		[C_UNTAGGED_OVER] = mkt_v_uint(v[UNTAGGED].over_wh),
		[C_LATE] = mkt_v_uint(v[TOO_LATE].txs),
		[C_LATE_OVER] = mkt_v_uint(v[TOO_LATE].over_wh),
		[C_TAGGED] = mkt_v_uint(v[TAGGED].txs),
		[C_TAGGED_OVER] = mkt_v_uint(v[TAGGED].over_wh),
	});
	if (v[TAGGED].txs != TAGGED_TX || v[TAGGED].over_wh || v[UNTAGGED].txs != UNTAGGED_TX * k ||
	    v[UNTAGGED].over_wh || v[TOO_LATE].txs != UNTAGGED_TX * k)
		return mkt_err_set(&t->s->app->err, MKT_EINTEGRITY,
				   "the counts of %u windows in %u markets are not 4 tagged and "
				   "%llu untagged", t->windows, t->markets,
				   (unsigned long long)(UNTAGGED_TX * k));
	return 0;
}

static int play_cases(struct table9 *t)
{
	struct tally v[WAYS];
	int rc = 0;

	for (t->windows = 1; !rc && t->windows <= 8; t->windows *= 2)
		for (t->markets = 1; !rc && t->markets <= 2; t->markets++) {
			for (enum way way = 0; !rc && way < WAYS; way++)
				rc = play_way(t, way, &v[way]);
			if (!rc)
				rc = tell_case(t, v);
		}
	t->tally = NULL;
	return rc;
}

static void tell_rule(struct mkt_out *out)
{
	mkt_out_say(out, "\n"
		"A transaction is one signed envelope on the chain; the operator's clock and\n"
		"deposits are not counted.  Untagged: k bids and k - 1 withdrawals from each side\n"
		"and two reports, 4k.  Tagged: one bid of k legs from each and two reports, 4.\n"
		"Over: energy contracted beyond the %u Wh that both want.  Too late: all bids\n"
		"were sent before the first contract was heard of; withdrawing changes nothing.\n",
		AMOUNT_WH);
}

int sim_table9_check(struct mkt_app *app)
{
	return mkt_out_check(&app->out, &doc, &app->err);
}

int sim_table9(struct sim *s)
{
	struct table9 t = {.s = s, .plan = MKT_PLAN_INIT};
	const struct mkt_tag_table *tags = &s->chain.genesis.tags;
	struct mkt_out *out = &s->app->out;
	int rc = sim_begin(s);

	t.first = (uint32_t)(s->from_s / WINDOW_S);
	if (rc < 0 ||
	    (rc = mkt_tags_parse(tags, "lvm", &t.market[0], &s->app->err)) < 0 ||
	    (rc = mkt_tags_parse(tags, "shvm", &t.market[1], &s->app->err)) < 0 ||
	    (rc = mkt_out_open(out, &doc, &s->app->err)) < 0)
		return rc;
	for (int side = 0; side < 2; side++)
		t.party[side] = &s->parties[2 + side];
	s->placed = note_bid;
	s->placed_who = &t;
	mkt_out_part(out, &rows);
	rc = play_cases(&t);
	s->placed = NULL;
	s->placed_who = NULL;
	mkt_plan_release(&t.plan);
	mkt_out_close(out);
	if (out->form == MKT_FORM_HUMAN && rc == 0)
		tell_rule(out);
	return rc;
}
