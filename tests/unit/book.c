/*
 * The books and their matching: the worked examples of design 4, and one test
 * for each thing that goes wrong in engines of this kind.  Random streams
 * against a slow matcher: tests/sim/match_prop.c.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/limits.h"
#include "core/market/book.h"

/* Books of a fixture, by number.  Prices -1000 .. 100000, tick 1 unless a test makes its own. */
enum { A, B, C, D };

struct fix {
	struct mkt_books *b;
	struct mkt_fills fills;
	uint64_t id;   /* of the latest bid */
	uint32_t slot; /* what the latest placing gave */
	uint32_t left;
};

/* A bid as tests write it. */
struct bidding {
	uint8_t side;
	uint32_t owner;
	uint32_t wh;
	struct mkt_leg legs[4];
	uint8_t nlegs;
	uint8_t flags;
};

static struct fix fix_of(const struct mkt_books_conf *conf)
{
	struct fix f = {0};
	uint32_t book;

	assert_int_equal(mkt_books_new(conf, &f.b, NULL), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(mkt_book_open(f.b, false, 0, &book), 0);
		assert_int_equal(book, i);
	}
	return f;
}

static struct fix fix_new(void)
{
	static const struct mkt_books_conf conf = {-1000, 100000, 1, 1000};

	return fix_of(&conf);
}

static void fix_end(struct fix *f)
{
	mkt_fills_release(&f->fills);
	mkt_books_free(f->b);
}

static int put(struct fix *f, const struct bidding *x)
{
	struct mkt_incoming o = {.id = f->id + 1, .owner = x->owner, .amount_wh = x->wh,
			      .side = x->side, .flags = x->flags, .nlegs = x->nlegs,
			      .legs = x->legs};
	int rc;

	f->slot = MKT_NO_SLOT;
	f->left = UINT32_MAX;
	rc = mkt_books_place(f->b, &o, &f->fills, &f->slot, &f->left);
	if (!rc)
		f->id++;
	return rc;
}

/* The usual way to place: (fixture, side, owner, Wh, flags, {book, price}, ...). */
#define PLACE(f, s, o, amount, fl, ...)                                                  \
	put(f, &(struct bidding){.side = MKT_##s, .owner = (o), .wh = (amount), .flags = (fl), \
				 .legs = {__VA_ARGS__},                                   \
				 .nlegs = sizeof((struct mkt_leg[]){__VA_ARGS__}) /       \
					  sizeof(struct mkt_leg)})
#define OK(call) assert_int_equal((call), 0)

static void want_fill(const struct fix *f, uint32_t i, uint64_t maker, uint32_t wh, int32_t price)
{
	assert_true(i < f->fills.n);
	assert_int_equal(f->fills.v[i].maker_id, maker);
	assert_int_equal(f->fills.v[i].wh, wh);
	assert_int_equal(f->fills.v[i].price_upwh, price);
}

static void want_alt(const struct fix *f, uint32_t i, uint16_t leg, int32_t price)
{
	assert_int_equal(f->fills.v[i].alt_leg, leg);
	if (leg != MKT_NO_LEG)
		assert_int_equal(f->fills.v[i].alt_price_upwh, price);
}

static uint32_t left_of(const struct fix *f, uint32_t slot, uint64_t id)
{
	struct mkt_resting r;

	return mkt_books_get(f->b, slot, id, &r) ? r.left_wh : 0;
}

/* One side of a book as text, "id:left@price ...", best first, in queue order. */
struct line {
	char s[512];
	size_t n;
};

static bool line_add(void *ctx, uint32_t slot, const struct mkt_resting *r, uint16_t leg,
		     int32_t price)
{
	struct line *l = ctx;

	(void)slot;
	(void)leg;
	l->n += (size_t)snprintf(l->s + l->n, sizeof(l->s) - l->n, "%s%d:%u@%d", l->n ? " " : "",
				 (int)r->id, r->left_wh, price);
	return true;
}

static void want_book(const struct fix *f, uint32_t book, enum mkt_side side, const char *want)
{
	struct line l = {"", 0};

	mkt_book_walk(f->b, book, side, line_add, &l);
	assert_string_equal(l.s, want);
}

/* ---- worked examples of design 4 ------------------------------------------------------------- */

static void table4_surplus_prefers_what_is_worth_more(void **state)
{
	struct fix f = fix_new();

	(void)state;
	/* Green is worth 1.0 and brown 0.8: green at 0.90 is better by 0.02 than brown at 0.72. */
	OK(PLACE(&f, SELL, 1, 100, 0, {B, 7200}));
	OK(PLACE(&f, SELL, 2, 100, 0, {A, 9000}));
	OK(PLACE(&f, BUY, 3, 150, 0, {A, 10000}, {B, 8000}));
	assert_int_equal(f.fills.n, 2);
	want_fill(&f, 0, 2, 100, 9000);
	assert_int_equal(f.fills.v[0].taker_leg, 0);
	want_alt(&f, 0, 1, 7200);
	want_fill(&f, 1, 1, 50, 7200);
	assert_int_equal(f.fills.v[1].taker_leg, 1);
	assert_int_equal(f.fills.v[1].maker_left_wh, 50);
	want_alt(&f, 1, MKT_NO_LEG, 0);
	assert_int_equal(f.slot, MKT_NO_SLOT);
	assert_int_equal(f.left, 0);
	fix_end(&f);
}

static void table5_equal_limits_take_the_cheapest_way(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 100, 0, {A, 9000}));
	OK(PLACE(&f, SELL, 2, 100, 0, {B, 7200}));
	OK(PLACE(&f, SELL, 2, 100, 0, {C, 8000}));
	OK(PLACE(&f, BUY, 3, 250, 0, {A, 10000}, {B, 10000}, {C, 10000}));
	assert_int_equal(f.fills.n, 3);
	want_fill(&f, 0, 2, 100, 7200);
	want_alt(&f, 0, 2, 8000);
	want_fill(&f, 1, 3, 100, 8000);
	want_alt(&f, 1, 0, 9000);
	want_fill(&f, 2, 1, 50, 9000);
	fix_end(&f);
}

static void v1_green_at_85(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 50, 0, {A, 85}));
	OK(PLACE(&f, SELL, 2, 50, 0, {B, 75}));
	OK(PLACE(&f, BUY, 3, 50, 0, {A, 100}, {B, 80}));
	assert_int_equal(f.fills.n, 1);
	want_fill(&f, 0, 1, 50, 85);
	want_alt(&f, 0, 1, 75);
	want_book(&f, A, MKT_SELL, "");
	want_book(&f, B, MKT_SELL, "2:50@75");
	fix_end(&f);
}

static void v2_legs_share_one_amount(void **state)
{
	struct fix f = fix_new();
	uint32_t buyer;

	(void)state;
	OK(PLACE(&f, BUY, 1, 50, 0, {A, 100}, {B, 100}));
	buyer = f.slot;
	OK(PLACE(&f, SELL, 2, 30, 0, {B, 90}));
	want_fill(&f, 0, 1, 30, 100);
	assert_int_equal(f.fills.v[0].maker_leg, 1);
	assert_int_equal(f.fills.v[0].maker_slot, buyer);
	want_book(&f, A, MKT_BUY, "1:20@100");
	want_book(&f, B, MKT_BUY, "1:20@100");
	OK(PLACE(&f, SELL, 2, 30, 0, {A, 90}));
	assert_int_equal(f.fills.n, 1);
	want_fill(&f, 0, 1, 20, 100);
	assert_int_equal(f.fills.v[0].maker_left_wh, 0);
	assert_int_equal(f.left, 10);
	want_book(&f, A, MKT_BUY, "");
	want_book(&f, B, MKT_BUY, "");
	want_book(&f, A, MKT_SELL, "3:10@90");
	assert_int_equal(mkt_books_cancel(f.b, buyer, 1), -MKT_ETOOLATE);
	assert_int_equal(mkt_books_count(f.b), 1);
	fix_end(&f);
}

static void v3_one_of_two_windows_is_enough(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, BUY, 1, 10, 0, {A, 50}, {B, 50}));
	OK(PLACE(&f, SELL, 2, 10, 0, {A, 50}));
	want_fill(&f, 0, 1, 10, 50);
	OK(PLACE(&f, SELL, 3, 10, 0, {B, 50}));
	assert_int_equal(f.fills.n, 0);
	want_book(&f, B, MKT_SELL, "3:10@50");
	fix_end(&f);
}

static void v4_fill_or_kill_counts_a_maker_once(void **state)
{
	struct fix f = fix_new();
	uint32_t maker;

	(void)state;
	OK(PLACE(&f, SELL, 1, 40, 0, {A, 50}, {B, 50}));
	maker = f.slot;
	assert_int_equal(PLACE(&f, BUY, 2, 60, MKT_BID_FOK, {A, 60}, {B, 60}), -MKT_EFOK);
	assert_int_equal(f.fills.n, 0);
	assert_int_equal(f.slot, MKT_NO_SLOT);
	assert_int_equal(left_of(&f, maker, 1), 40);
	want_book(&f, A, MKT_SELL, "1:40@50");
	want_book(&f, B, MKT_SELL, "1:40@50");
	OK(PLACE(&f, BUY, 2, 40, MKT_BID_FOK, {A, 60}, {B, 60}));
	want_fill(&f, 0, 1, 40, 50);
	want_alt(&f, 0, 1, 50); /* the same maker, by the other leg */
	want_book(&f, B, MKT_SELL, "");
	fix_end(&f);
}

static void v5_equal_surplus_goes_by_arrival(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {B, 50}));
	OK(PLACE(&f, SELL, 2, 10, 0, {A, 50}));
	OK(PLACE(&f, BUY, 3, 10, 0, {A, 60}, {B, 60}));
	want_fill(&f, 0, 1, 10, 50);
	assert_int_equal(f.fills.v[0].taker_leg, 1);
	want_alt(&f, 0, 0, 50);
	fix_end(&f);
}

static void one_maker_in_two_books_goes_by_the_takers_list(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}, {B, 50}));
	OK(PLACE(&f, BUY, 3, 4, 0, {B, 60}, {A, 60}));
	want_fill(&f, 0, 1, 4, 50);
	assert_int_equal(f.fills.v[0].taker_leg, 0);
	assert_int_equal(f.fills.v[0].maker_leg, 1);
	fix_end(&f);
}

static void v6_own_bids_are_skipped_and_stay(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 70}));
	OK(PLACE(&f, SELL, 2, 10, 0, {A, 75}));
	OK(PLACE(&f, BUY, 1, 10, 0, {A, 80}));
	assert_int_equal(f.fills.n, 1);
	want_fill(&f, 0, 2, 10, 75);
	want_book(&f, A, MKT_SELL, "1:10@70");
	/* Crossed with oneself is allowed, and in the same level too. */
	OK(PLACE(&f, BUY, 1, 5, 0, {A, 80}));
	assert_int_equal(f.fills.n, 0);
	want_book(&f, A, MKT_BUY, "4:5@80");
	OK(PLACE(&f, SELL, 3, 10, 0, {A, 70}));
	want_fill(&f, 0, 4, 5, 80);
	OK(PLACE(&f, BUY, 1, 5, 0, {A, 70}));
	want_fill(&f, 0, 5, 5, 70); /* behind the own bid in the same queue */
	want_book(&f, A, MKT_SELL, "1:10@70");
	fix_end(&f);
}

struct gone {
	char s[256];
	size_t n;
};

static void note_gone(void *ctx, uint32_t slot, const struct mkt_resting *r, uint16_t leg)
{
	struct gone *g = ctx;

	(void)slot;
	g->n += (size_t)snprintf(g->s + g->n, sizeof(g->s) - g->n, "%s%d.%u open %u left %u",
				 g->n ? ", " : "", (int)r->id, leg, r->open, r->left_wh);
}

static void v7_a_gate_takes_only_its_legs(void **state)
{
	struct fix f = fix_new();
	struct gone g = {"", 0};
	uint32_t slot;

	(void)state;
	OK(PLACE(&f, BUY, 1, 50, 0, {A, 100}, {B, 100}));
	slot = f.slot;
	OK(PLACE(&f, SELL, 2, 30, 0, {B, 90}));
	mkt_book_close(f.b, A, note_gone, &g);
	assert_string_equal(g.s, "1.0 open 1 left 20");
	want_book(&f, B, MKT_BUY, "1:20@100");
	assert_int_equal(left_of(&f, slot, 1), 20);
	mkt_book_close(f.b, B, note_gone, &g);
	assert_string_equal(g.s, "1.0 open 1 left 20, 1.1 open 0 left 20");
	assert_int_equal(mkt_books_count(f.b), 0);
	assert_int_equal(mkt_books_cancel(f.b, slot, 1), -MKT_ETOOLATE);
	fix_end(&f);
}

static void v8_direct_before_public(void **state)
{
	struct fix f = fix_new();
	uint32_t direct;

	(void)state;
	OK(mkt_book_open(f.b, true, 0, &direct));
	OK(PLACE(&f, SELL, 1, 50, 0, {A, 60}));
	OK(PLACE(&f, SELL, 2, 50, 0, {direct, 78}));
	OK(PLACE(&f, BUY, 3, 70, 0, {A, 80}, {direct, 80}));
	assert_int_equal(f.fills.n, 2);
	want_fill(&f, 0, 2, 50, 78);
	want_alt(&f, 0, 0, 60);
	want_fill(&f, 1, 1, 20, 60);
	fix_end(&f);
}

/* ---- order of choice ------------------------------------------------------------------------- */

static void the_fee_counts_against_the_surplus(void **state)
{
	struct fix f = fix_new();

	(void)state;
	mkt_book_set_fee(f.b, A, 10);
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	OK(PLACE(&f, SELL, 2, 10, 0, {B, 55}));
	OK(PLACE(&f, BUY, 3, 5, 0, {A, 60}, {B, 60}));
	want_fill(&f, 0, 2, 5, 55); /* 60 - 55 > 60 - 50 - 10 */
	mkt_book_set_fee(f.b, A, 4);
	OK(PLACE(&f, BUY, 3, 5, 0, {A, 60}, {B, 60}));
	want_fill(&f, 0, 1, 5, 50);
	/* A surplus below zero is one too, and does not stop a match: the limits cross. */
	mkt_book_set_fee(f.b, A, INT32_MAX);
	mkt_book_set_fee(f.b, B, INT32_MAX - 3);
	OK(PLACE(&f, SELL, 4, 5, 0, {A, 52}, {B, 55}));
	OK(PLACE(&f, BUY, 3, 1, 0, {A, 60}, {B, 60}));
	want_fill(&f, 0, 1, 1, 50); /* 10 - (m) > 5 - (m - 3) */
	mkt_book_set_fee(f.b, A, INT32_MIN);
	mkt_book_set_fee(f.b, B, INT32_MIN);
	OK(PLACE(&f, BUY, 3, 10, 0, {B, 60}, {A, 60}));
	want_fill(&f, 0, 1, 4, 50);
	want_fill(&f, 1, 5, 5, 52);
	want_fill(&f, 2, 2, 1, 55);
	fix_end(&f);
}

static void sells_choose_by_surplus_too(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, BUY, 1, 10, 0, {A, 90}));
	OK(PLACE(&f, BUY, 2, 10, 0, {B, 80}));
	OK(PLACE(&f, SELL, 3, 15, 0, {A, 85}, {B, 70}));
	want_fill(&f, 0, 2, 10, 80);
	want_fill(&f, 1, 1, 5, 90);
	fix_end(&f);
}

static void price_is_the_resting_one_and_best_first(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 700}));
	OK(PLACE(&f, SELL, 2, 10, 0, {A, 60}));
	OK(PLACE(&f, SELL, 3, 10, 0, {A, 60}));
	OK(PLACE(&f, SELL, 4, 10, 0, {A, 99000}));
	OK(PLACE(&f, BUY, 5, 35, 0, {A, 700}));
	assert_int_equal(f.fills.n, 3);
	want_fill(&f, 0, 2, 10, 60);
	want_fill(&f, 1, 3, 10, 60);
	want_fill(&f, 2, 1, 10, 700);
	assert_int_equal(f.left, 5);
	want_book(&f, A, MKT_BUY, "5:5@700");
	want_book(&f, A, MKT_SELL, "4:10@99000");
	fix_end(&f);
}

static void a_partly_filled_bid_keeps_its_place(void **state)
{
	struct fix f = fix_new();
	uint32_t first;

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 60}));
	first = f.slot;
	OK(PLACE(&f, SELL, 2, 10, 0, {A, 60}));
	OK(PLACE(&f, BUY, 3, 4, 0, {A, 60}));
	want_book(&f, A, MKT_SELL, "1:6@60 2:10@60");
	OK(mkt_books_reduce(f.b, first, 1, 3));
	want_book(&f, A, MKT_SELL, "1:3@60 2:10@60");
	assert_int_equal(mkt_books_reduce(f.b, first, 1, 3), -MKT_EREDUCE);
	assert_int_equal(mkt_books_reduce(f.b, first, 1, 0), -MKT_EREDUCE);
	assert_int_equal(mkt_books_reduce(f.b, first, 1, 4), -MKT_EREDUCE);
	assert_int_equal(mkt_books_reduce(f.b, first, 2, 1), -MKT_ETOOLATE);
	assert_int_equal(mkt_books_reduce(f.b, 999, 1, 1), -MKT_ETOOLATE);
	OK(PLACE(&f, BUY, 3, 4, 0, {A, 60}));
	want_fill(&f, 0, 1, 3, 60);
	want_fill(&f, 1, 2, 1, 60);
	fix_end(&f);
}

/* A maker used up through one book vanishes from the taker's other books, in mid-walk. */
static void a_used_up_maker_vanishes_from_all_books(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}, {B, 55}, {C, 40}));
	OK(PLACE(&f, SELL, 2, 10, 0, {B, 55}, {C, 45}));
	OK(PLACE(&f, SELL, 3, 10, 0, {A, 50}, {B, 56}));
	OK(PLACE(&f, BUY, 4, 100, 0, {A, 60}, {B, 60}, {C, 60}));
	assert_int_equal(f.fills.n, 3);
	want_fill(&f, 0, 1, 10, 40);
	want_alt(&f, 0, 0, 50);
	want_fill(&f, 1, 2, 10, 45);
	want_alt(&f, 1, 0, 50);
	want_fill(&f, 2, 3, 10, 50);
	want_alt(&f, 2, 1, 56);
	assert_int_equal(f.left, 70);
	assert_int_equal(mkt_books_count(f.b), 1);
	for (uint32_t book = A; book <= C; book++) {
		want_book(&f, book, MKT_SELL, "");
		want_book(&f, book, MKT_BUY, "4:70@60");
	}
	fix_end(&f);
}

/* ---- flags ----------------------------------------------------------------------------------- */

static void immediate_or_cancel_drops_the_rest(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	OK(PLACE(&f, BUY, 2, 15, MKT_BID_IOC, {A, 50}));
	assert_int_equal(f.left, 5);
	assert_int_equal(f.slot, MKT_NO_SLOT);
	OK(PLACE(&f, BUY, 2, 15, MKT_BID_IOC, {A, 50}, {B, 50}));
	assert_int_equal(f.fills.n, 0);
	assert_int_equal(f.left, 15);
	assert_int_equal(mkt_books_count(f.b), 0);
	assert_int_equal(PLACE(&f, BUY, 2, 15, MKT_BID_IOC | MKT_BID_FOK, {A, 50}), -MKT_EFOK);
	fix_end(&f);
}

static void fill_or_kill_of_one_leg(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	OK(PLACE(&f, SELL, 2, 10, 0, {A, 70}));
	assert_int_equal(PLACE(&f, BUY, 3, 20, MKT_BID_FOK, {A, 69}), -MKT_EFOK);
	assert_int_equal(f.fills.n, 0);
	want_book(&f, A, MKT_SELL, "1:10@50 2:10@70");
	OK(PLACE(&f, BUY, 3, 20, MKT_BID_FOK, {A, 70}));
	assert_int_equal(f.fills.n, 2);
	assert_int_equal(f.slot, MKT_NO_SLOT);
	fix_end(&f);
}

static void post_only_never_takes(void **state)
{
	struct fix f = fix_new();

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {B, 50}));
	assert_int_equal(PLACE(&f, BUY, 2, 5, MKT_BID_POST_ONLY, {B, 50}), -MKT_EPOSTONLY);
	assert_int_equal(PLACE(&f, BUY, 2, 5, MKT_BID_POST_ONLY, {A, 50}, {B, 50}),
			 -MKT_EPOSTONLY);
	want_book(&f, A, MKT_BUY, "");
	OK(PLACE(&f, BUY, 2, 5, MKT_BID_POST_ONLY, {A, 50}, {B, 49}));
	OK(PLACE(&f, BUY, 1, 5, MKT_BID_POST_ONLY, {B, 50})); /* own bids do not count */
	want_book(&f, B, MKT_BUY, "3:5@50 2:5@49");
	fix_end(&f);
}

/* ---- handles --------------------------------------------------------------------------------- */

static void a_late_cancel_never_hits_a_reused_slot(void **state)
{
	struct fix f = fix_new();
	uint32_t slot;

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	slot = f.slot;
	OK(mkt_books_cancel(f.b, slot, 1));
	assert_int_equal(mkt_books_cancel(f.b, slot, 1), -MKT_ETOOLATE);
	assert_int_equal(mkt_books_cancel(f.b, slot, 0), -MKT_ETOOLATE);
	OK(PLACE(&f, SELL, 2, 10, 0, {A, 51}));
	assert_int_equal(f.slot, slot);
	assert_int_equal(mkt_books_cancel(f.b, slot, 1), -MKT_ETOOLATE);
	assert_int_equal(mkt_books_reduce(f.b, slot, 1, 5), -MKT_ETOOLATE);
	assert_int_equal(mkt_books_cancel(f.b, MKT_NO_SLOT, 1), -MKT_ETOOLATE);
	want_book(&f, A, MKT_SELL, "2:10@51");
	fix_end(&f);
}

static void slots_of_a_call_are_not_reused_in_it(void **state)
{
	struct fix f = fix_new();
	uint32_t first, second;

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	first = f.slot;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}, {B, 50}));
	second = f.slot;
	OK(PLACE(&f, BUY, 2, 30, 0, {A, 50}, {C, 50}));
	assert_int_equal(f.fills.n, 2);
	assert_int_equal(f.fills.v[0].maker_slot, first);
	assert_int_equal(f.fills.v[1].maker_slot, second);
	assert_true(f.slot != first && f.slot != second);
	fix_end(&f);
}

static void a_bid_after_many_others_gets_clean_legs(void **state)
{
	struct fix f = fix_new();
	struct mkt_leg leg;
	uint32_t slot;

	(void)state;
	for (int i = 0; i < 50; i++) {
		OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}, {B, i}, {C, 70}));
		slot = f.slot;
		OK(PLACE(&f, SELL, 1, 10, 0, {B, 50}));
		OK(mkt_books_cancel(f.b, slot, f.id - 1));
		assert_false(mkt_books_leg(f.b, slot, 0, &leg));
		OK(mkt_books_cancel(f.b, f.slot, f.id));
	}
	OK(PLACE(&f, SELL, 1, 10, 0, {C, -5}, {A, 6}, {B, 100000}, {D, -1000}));
	assert_true(mkt_books_leg(f.b, f.slot, 2, &leg));
	assert_int_equal(leg.book, B);
	assert_int_equal(leg.price_upwh, 100000);
	assert_true(mkt_books_leg(f.b, f.slot, 3, &leg));
	assert_int_equal(leg.price_upwh, -1000);
	assert_false(mkt_books_leg(f.b, f.slot, 4, &leg));
	assert_int_equal(mkt_books_count(f.b), 1);
	fix_end(&f);
}

/* ---- closing and restoring ------------------------------------------------------------------- */

static void closing_goes_in_order_and_touches_no_other_book(void **state)
{
	struct fix f = fix_new();
	struct gone g = {"", 0};
	uint32_t slots[6], again;

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 51}));
	slots[1] = f.slot;
	OK(PLACE(&f, BUY, 1, 10, 0, {B, 7}, {A, 40}));
	slots[2] = f.slot;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}, {B, 50}));
	slots[3] = f.slot;
	OK(PLACE(&f, BUY, 1, 10, 0, {A, 45}, {C, 3}, {B, 7}));
	slots[4] = f.slot;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	slots[5] = f.slot;
	mkt_book_close(f.b, A, note_gone, &g);
	assert_string_equal(g.s, "3.0 open 1 left 10, 5.0 open 0 left 10, 1.0 open 0 left 10, "
				 "4.0 open 2 left 10, 2.1 open 1 left 10");
	assert_int_equal(mkt_books_count(f.b), 3);
	want_book(&f, A, MKT_SELL, "");
	want_book(&f, B, MKT_BUY, "2:10@7 4:10@7");
	assert_int_equal(PLACE(&f, BUY, 1, 10, 0, {A, 45}), -MKT_EINVAL);
	/* A later removal must not unlink the closed legs again, also not from a reopened book. */
	OK(mkt_book_open(f.b, false, 0, &again));
	assert_int_equal(again, A);
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	OK(mkt_books_cancel(f.b, slots[3], 3));
	OK(mkt_books_cancel(f.b, slots[4], 4));
	OK(mkt_books_cancel(f.b, slots[2], 2));
	assert_int_equal(mkt_books_cancel(f.b, slots[1], 1), -MKT_ETOOLATE);
	assert_int_equal(mkt_books_cancel(f.b, slots[5], 5), -MKT_ETOOLATE);
	want_book(&f, A, MKT_SELL, "6:10@50");
	want_book(&f, B, MKT_SELL, "");
	want_book(&f, B, MKT_BUY, "");
	want_book(&f, C, MKT_BUY, "");
	mkt_book_close(f.b, 77, note_gone, &g); /* never opened: nothing */
	fix_end(&f);
}

static void restoring_out_of_order_stands_by_id(void **state)
{
	static const struct mkt_leg legs[] = {{A, 40}, {B, 40}};
	static const uint64_t ids[] = {20, 5, 12, 30, 1, 13};
	struct mkt_incoming o = {.owner = 1, .amount_wh = 5, .side = MKT_BUY, .nlegs = 2,
			      .legs = legs};
	struct fix f = fix_new();
	uint32_t slot;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(ids); i++) {
		o.id = ids[i];
		OK(mkt_books_restore(f.b, &o, NULL, &slot));
	}
	want_book(&f, A, MKT_BUY, "1:5@40 5:5@40 12:5@40 13:5@40 20:5@40 30:5@40");
	want_book(&f, B, MKT_BUY, "1:5@40 5:5@40 12:5@40 13:5@40 20:5@40 30:5@40");
	fix_end(&f);
}

static void restoring_gives_the_same_queues(void **state)
{
	static const struct mkt_leg legs2[] = {{A, 40}, {B, 40}};
	static const struct mkt_leg legs3[] = {{D, 9}, {B, 40}, {A, 40}};
	static const bool open3[] = {false, true, true};
	static const bool none[] = {false, false, false};
	struct mkt_incoming o = {.id = 7, .owner = 1, .amount_wh = 5, .side = MKT_BUY, .nlegs = 2,
			      .flags = MKT_BID_FOK, .legs = legs2};
	struct fix f = fix_new();
	struct mkt_resting r;
	struct mkt_leg leg;
	uint32_t slot;

	(void)state;
	mkt_book_close(f.b, D, NULL, NULL);
	OK(mkt_books_restore(f.b, &o, NULL, &slot));
	o.id = 9;
	o.amount_wh = 6;
	o.nlegs = 3;
	o.legs = legs3;
	assert_int_equal(mkt_books_restore(f.b, &o, none, &slot), -MKT_EINVAL);
	assert_int_equal(mkt_books_restore(f.b, &o, NULL, &slot), -MKT_EINVAL); /* D is closed */
	OK(mkt_books_restore(f.b, &o, open3, &slot));
	assert_true(mkt_books_get(f.b, slot, 9, &r));
	assert_int_equal(r.open, 2);
	assert_int_equal(r.nlegs, 3);
	assert_false(mkt_books_leg(f.b, slot, 0, &leg));
	assert_true(mkt_books_leg(f.b, slot, 2, &leg));
	/* Crossing bids restored do not match: they rested so, being of one owner. */
	o.id = 11;
	o.side = MKT_SELL;
	o.nlegs = 2;
	o.legs = legs2;
	OK(mkt_books_restore(f.b, &o, NULL, &slot));
	want_book(&f, A, MKT_BUY, "7:5@40 9:6@40");
	want_book(&f, B, MKT_BUY, "7:5@40 9:6@40");
	want_book(&f, A, MKT_SELL, "11:6@40");
	f.id = 11;
	OK(PLACE(&f, SELL, 2, 8, 0, {B, 40}));
	want_fill(&f, 0, 7, 5, 40);
	want_fill(&f, 1, 9, 3, 40);
	assert_int_equal(f.fills.v[1].maker_leg, 1);
	fix_end(&f);
}

/* ---- dry runs -------------------------------------------------------------------------------- */

static void a_dry_run_tells_and_changes_nothing(void **state)
{
	static const struct mkt_leg legs[] = {{A, 60}, {B, 60}};
	struct mkt_incoming o = {.owner = 9, .amount_wh = 25, .side = MKT_BUY, .nlegs = 2,
			      .legs = legs};
	struct mkt_fills fills = {0};
	struct fix f = fix_new();
	uint32_t left = 77;

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}, {B, 50}));
	OK(PLACE(&f, SELL, 2, 10, 0, {B, 51}));
	OK(mkt_books_try(f.b, &o, &fills, &left));
	assert_int_equal(fills.n, 2);
	assert_int_equal(fills.v[0].maker_id, 1);
	assert_int_equal(fills.v[1].maker_id, 2);
	assert_int_equal(left, 5);
	want_book(&f, B, MKT_SELL, "1:10@50 2:10@51");
	o.flags = MKT_BID_FOK;
	assert_int_equal(mkt_books_try(f.b, &o, &fills, &left), -MKT_EFOK);
	assert_int_equal(fills.n, 0);
	assert_int_equal(left, 5);
	o.flags = MKT_BID_POST_ONLY;
	assert_int_equal(mkt_books_try(f.b, &o, &fills, &left), -MKT_EPOSTONLY);
	mkt_fills_release(&fills);
	fix_end(&f);
}

/* ---- limits and faults ----------------------------------------------------------------------- */

static void bad_bids_are_refused_and_change_nothing(void **state)
{
	struct mkt_leg many[MKT_LEGS_MAX + 1];
	struct mkt_incoming o = {.id = 5, .owner = 1, .amount_wh = 1, .side = MKT_BUY, .legs = many};
	struct mkt_books_conf conf = {-100, 104, 10, 10};
	struct fix f = fix_of(&conf);
	uint32_t slot, left;

	(void)state;
	for (uint32_t i = 0; i < MKT_ARRAY_SIZE(many); i++)
		many[i] = (struct mkt_leg){i, 0};
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	assert_int_equal(PLACE(&f, SELL, 1, 0, 0, {A, 50}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {A, 55}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {A, -110}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {A, 110}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {A, 104}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {9, 50}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {A, 50}, {B, INT32_MAX}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {A, 50}, {4, 50}), -MKT_EINVAL);
	assert_int_equal(PLACE(&f, SELL, 1, 1, 0, {A, 50}, {B, 50}, {A, 60}), -MKT_EDUPLEG);
	assert_int_equal(mkt_books_place(f.b, &o, &f.fills, &slot, &left), -MKT_EINVAL);
	o.nlegs = MKT_LEGS_MAX + 1;
	assert_int_equal(mkt_books_place(f.b, &o, &f.fills, &slot, &left), -MKT_EINVAL);
	o.nlegs = 1;
	o.side = 3;
	assert_int_equal(mkt_books_place(f.b, &o, &f.fills, &slot, &left), -MKT_EINVAL);
	o.side = MKT_BUY;
	o.id = 0;
	assert_int_equal(mkt_books_place(f.b, &o, &f.fills, &slot, &left), -MKT_EINVAL);
	assert_int_equal(mkt_books_restore(f.b, &o, NULL, &slot), -MKT_EINVAL);
	o.nlegs = 3;
	many[2].book = A;
	assert_int_equal(mkt_books_try(f.b, &o, &f.fills, &left), -MKT_EDUPLEG);
	want_book(&f, A, MKT_SELL, "1:10@50");
	want_book(&f, B, MKT_SELL, "");
	OK(PLACE(&f, SELL, 1, 10, 0, {B, 100}, {A, -100}));
	fix_end(&f);
}

static void bad_settings_are_refused(void **state)
{
	static const struct mkt_books_conf bad[] = {
		{0, 10, 0, 10}, {0, 10, -1, 10}, {11, 10, 1, 10}, {0, 10, 1, 0},
		{0, 10, 1, UINT32_MAX},
	};
	struct mkt_books *b;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		assert_int_equal(mkt_books_new(&bad[i], &b, &err), -MKT_EINVAL);
		assert_int_equal(err.code, MKT_EINVAL);
	}
	mkt_books_free(NULL);
}

/* The whole range of the type, sentinels' favourite values included. */
static void every_price_is_a_price(void **state)
{
	static const struct mkt_books_conf conf = {INT32_MIN, INT32_MAX, 1, 100};
	struct fix f = fix_of(&conf);
	int32_t price;
	uint32_t wh;

	(void)state;
	assert_false(mkt_book_best(f.b, A, MKT_SELL, &price, &wh));
	OK(PLACE(&f, SELL, 1, 3, 0, {A, INT32_MAX}));
	assert_true(mkt_book_best(f.b, A, MKT_SELL, &price, &wh));
	assert_int_equal(price, INT32_MAX);
	assert_int_equal(wh, 3);
	OK(PLACE(&f, SELL, 1, 3, 0, {A, 0}));
	OK(PLACE(&f, SELL, 1, 3, 0, {A, -1}));
	OK(PLACE(&f, SELL, 1, 3, 0, {A, INT32_MIN}));
	want_book(&f, A, MKT_SELL, "4:3@-2147483648 3:3@-1 2:3@0 1:3@2147483647");
	OK(PLACE(&f, BUY, 1, 3, 0, {B, INT32_MIN}));
	OK(PLACE(&f, BUY, 1, 3, 0, {B, INT32_MAX}));
	want_book(&f, B, MKT_BUY, "6:3@2147483647 5:3@-2147483648");
	OK(PLACE(&f, BUY, 2, 5, 0, {A, INT32_MIN}, {C, 5}));
	want_fill(&f, 0, 4, 3, INT32_MIN);
	want_book(&f, A, MKT_BUY, "7:2@-2147483648");
	OK(PLACE(&f, BUY, 2, 9, 0, {A, INT32_MAX}));
	want_fill(&f, 0, 3, 3, -1);
	want_fill(&f, 1, 2, 3, 0);
	want_fill(&f, 2, 1, 3, INT32_MAX);
	OK(PLACE(&f, SELL, 3, 9, 0, {B, INT32_MIN}, {C, 5}));
	want_fill(&f, 0, 6, 3, INT32_MAX);
	want_fill(&f, 1, 5, 3, INT32_MIN); /* surplus 0 in both: the earlier bid */
	want_fill(&f, 2, 7, 2, 5);
	want_book(&f, A, MKT_BUY, "");
	fix_end(&f);
}

static void one_price_is_a_range_too(void **state)
{
	static const struct mkt_books_conf conf = {-7, -7, 1000, 100};
	struct fix f = fix_of(&conf);

	(void)state;
	OK(PLACE(&f, SELL, 1, 3, 0, {A, -7}));
	OK(PLACE(&f, BUY, 2, 5, 0, {A, -7}));
	want_fill(&f, 0, 1, 3, -7);
	want_book(&f, A, MKT_BUY, "2:2@-7");
	fix_end(&f);
}

static void the_number_of_open_bids_is_bounded(void **state)
{
	static const struct mkt_books_conf conf = {0, 100, 1, 2};
	struct fix f = fix_of(&conf);
	uint32_t slot;

	(void)state;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 50}));
	slot = f.slot;
	OK(PLACE(&f, SELL, 1, 10, 0, {A, 51}, {B, 51}));
	assert_true(slot < 2 && f.slot < 2);
	assert_int_equal(PLACE(&f, SELL, 1, 10, 0, {A, 52}), -MKT_ELIMIT);
	/* It would use up both and rest: refused whole, nothing half done. */
	assert_int_equal(PLACE(&f, BUY, 2, 30, 0, {A, 60}), -MKT_ELIMIT);
	assert_int_equal(PLACE(&f, BUY, 2, 30, 0, {A, 60}, {B, 60}), -MKT_ELIMIT);
	assert_int_equal(f.fills.n, 0);
	want_book(&f, A, MKT_SELL, "1:10@50 2:10@51");
	want_book(&f, B, MKT_SELL, "2:10@51");
	/* What leaves nothing to rest passes. */
	OK(PLACE(&f, BUY, 2, 15, 0, {A, 60}, {B, 60}));
	assert_int_equal(f.fills.n, 2);
	OK(PLACE(&f, BUY, 2, 30, MKT_BID_IOC, {A, 60}));
	assert_int_equal(f.fills.n, 1);
	assert_int_equal(mkt_books_count(f.b), 0);
	fix_end(&f);
}

static void legs_256_in_256_books(void **state)
{
	static const struct mkt_books_conf conf = {0, 1 << 20, 1, 1000};
	struct mkt_leg legs[MKT_LEGS_MAX];
	struct mkt_incoming o = {.owner = 1, .amount_wh = 1000, .side = MKT_BUY,
			      .nlegs = MKT_LEGS_MAX, .legs = legs};
	struct mkt_fills fills = {0};
	struct mkt_books *b;
	uint32_t slot, left, book;

	(void)state;
	OK(mkt_books_new(&conf, &b, NULL));
	for (uint32_t i = 0; i < MKT_LEGS_MAX; i++) {
		OK(mkt_book_open(b, false, 0, &book));
		legs[i] = (struct mkt_leg){book, (int32_t)(i * 4099)};
	}
	for (o.id = 1; o.id <= 100; o.id++)
		OK(mkt_books_place(b, &o, &fills, &slot, &left));
	o.owner = 2;
	o.side = MKT_SELL;
	o.amount_wh = 100 * 1000 + 1;
	OK(mkt_books_place(b, &o, &fills, &slot, &left));
	assert_int_equal(fills.n, 100);
	for (uint32_t i = 0; i < fills.n; i++)
		assert_int_equal(fills.v[i].maker_id, i + 1);
	assert_int_equal(left, 1);
	assert_int_equal(mkt_books_count(b), 1);
	OK(mkt_books_cancel(b, slot, 101));
	assert_int_equal(mkt_books_count(b), 0);
	mkt_fills_release(&fills);
	mkt_books_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table4_surplus_prefers_what_is_worth_more),
		cmocka_unit_test(table5_equal_limits_take_the_cheapest_way),
		cmocka_unit_test(v1_green_at_85),
		cmocka_unit_test(v2_legs_share_one_amount),
		cmocka_unit_test(v3_one_of_two_windows_is_enough),
		cmocka_unit_test(v4_fill_or_kill_counts_a_maker_once),
		cmocka_unit_test(v5_equal_surplus_goes_by_arrival),
		cmocka_unit_test(one_maker_in_two_books_goes_by_the_takers_list),
		cmocka_unit_test(v6_own_bids_are_skipped_and_stay),
		cmocka_unit_test(v7_a_gate_takes_only_its_legs),
		cmocka_unit_test(v8_direct_before_public),
		cmocka_unit_test(the_fee_counts_against_the_surplus),
		cmocka_unit_test(sells_choose_by_surplus_too),
		cmocka_unit_test(price_is_the_resting_one_and_best_first),
		cmocka_unit_test(a_partly_filled_bid_keeps_its_place),
		cmocka_unit_test(a_used_up_maker_vanishes_from_all_books),
		cmocka_unit_test(immediate_or_cancel_drops_the_rest),
		cmocka_unit_test(fill_or_kill_of_one_leg),
		cmocka_unit_test(post_only_never_takes),
		cmocka_unit_test(a_late_cancel_never_hits_a_reused_slot),
		cmocka_unit_test(slots_of_a_call_are_not_reused_in_it),
		cmocka_unit_test(a_bid_after_many_others_gets_clean_legs),
		cmocka_unit_test(closing_goes_in_order_and_touches_no_other_book),
		cmocka_unit_test(restoring_gives_the_same_queues),
		cmocka_unit_test(restoring_out_of_order_stands_by_id),
		cmocka_unit_test(a_dry_run_tells_and_changes_nothing),
		cmocka_unit_test(bad_bids_are_refused_and_change_nothing),
		cmocka_unit_test(bad_settings_are_refused),
		cmocka_unit_test(every_price_is_a_price),
		cmocka_unit_test(one_price_is_a_range_too),
		cmocka_unit_test(the_number_of_open_bids_is_bounded),
		cmocka_unit_test(legs_256_in_256_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
