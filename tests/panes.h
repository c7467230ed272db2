/*
 * For tests of panes: a dashboard without node and terminal, answers that a real ledgerd gave to
 * the household oak, which has bought twice from elm, and what a pane has opened.
 */
#ifndef TESTS_PANES_H
#define TESTS_PANES_H

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/ledger/genesis.h"
#include "tui/list.h"
#include "tui/overlay.h"

#define ASKS_MAX 64

struct ask {
	char path[256];
	mkt_pull_fn *done;
	void *ctx;
};

struct desk {
	struct tui_dash d;
	struct tui_pane_ops ops;
	void *self;
	struct ask asks[ASKS_MAX];
	unsigned nasks, answered;
	bool down; /* every read fails */
	bool full; /* no read is taken */
	/* The answer to a path, or NULL: not found; may use @buf. */
	const char *(*answer)(struct desk *k, const char *path, struct mkt_buf *buf);
	/* What was opened last. */
	char title[128], text[4096], ran[512], dialog[512];
	tui_ran_fn *ran_done;
	void *ran_ctx;
	char picture[65536];
};

static _Thread_local struct desk *desk; /* what is wrapped has no other way to it */

#define SAID(k) ((k)->d.said)

void __wrap_tui_text_open(struct tui_dash *d, const char *title, const char *text);
int __wrap_tui_run(struct tui_dash *d, const char *const *argv, tui_ran_fn *done, void *ctx);
void __wrap_tui_dialog_open(struct tui_dash *d, const struct tui_dialog *q);

static void add_words(const char *const *argv, char *out, size_t size)
{
	out[0] = '\0';
	for (; *argv; argv++) {
		size_t n = strlen(out);

		snprintf(out + n, size - n, "%s%s", n ? " " : "", *argv);
	}
}

void __wrap_tui_text_open(struct tui_dash *d, const char *title, const char *text)
{
	(void)d;
	snprintf(desk->title, sizeof(desk->title), "%s", title);
	snprintf(desk->text, sizeof(desk->text), "%s", text);
}

int __wrap_tui_run(struct tui_dash *d, const char *const *argv, tui_ran_fn *done, void *ctx)
{
	(void)d;
	add_words(argv, desk->ran, sizeof(desk->ran));
	desk->ran_done = done;
	desk->ran_ctx = ctx;
	return 1;
}

void __wrap_tui_dialog_open(struct tui_dash *d, const struct tui_dialog *q)
{
	(void)d;
	add_words(q->argv, desk->dialog, sizeof(desk->dialog));
	snprintf(desk->title, sizeof(desk->title), "%s", q->title);
	snprintf(desk->text, sizeof(desk->text), "%s", q->text);
}

static int desk_get(void *ctx, const char *path, mkt_pull_fn *done, void *done_ctx)
{
	struct desk *k = ctx;
	struct ask *a = &k->asks[k->nasks];

	if (k->full || k->nasks == ASKS_MAX)
		return -MKT_EBUSY;
	snprintf(a->path, sizeof(a->path), "%s", path);
	a->done = done;
	a->ctx = done_ctx;
	k->nasks++;
	return 0;
}

/* Answer all that was asked for, and what that asks for. */
static inline void desk_answer(struct desk *k)
{
	while (k->nasks) {
		struct ask a = k->asks[0];
		struct mkt_buf body = MKT_BUF_INIT, made = MKT_BUF_INIT;
		struct mkt_err err = {0};
		const char *text = k->down ? NULL : k->answer(k, a.path, &made);

		memmove(k->asks, k->asks + 1, --k->nasks * sizeof(a));
		if (text && made.len)
			mkt_buf_add(&body, made.data, made.len); /* may hold NULs */
		else if (text)
			mkt_buf_addstr(&body, text);
		else
			mkt_err_set(&err, k->down ? MKT_EUNAVAILABLE : MKT_ENOTFOUND, "no answer");
		k->answered++;
		a.done(a.ctx, text ? &body : NULL, text ? NULL : &err);
		mkt_buf_release(&body);
		mkt_buf_release(&made);
	}
}

static inline struct desk *desk_begin(const struct tui_pane_ops *ops, const char *who)
{
	struct desk *k = calloc(1, sizeof(*k));
	struct tui_dash *d = &k->d;
	struct mkt_err err;

	assert_non_null(k);
	desk = k;
	k->ops = *ops;
	d->source = (struct tui_source){desk_get, k};
	d->conf.control = true;
	snprintf(d->conf.who, sizeof(d->conf.who), "%s", who);
	tui_keymap_init(&d->keys);
	d->canvas.utf8 = true;
	d->canvas.glyphs = TUI_BLOCK;
	d->have_facts = true;
	d->facts.clock = MKT_CLOCK_OPERATOR;
	d->facts.now_ms = 1795399200000u; /* 2026-11-23 11:00 JST */
	d->facts.window_s = 1800;
	d->facts.height = 14;
	snprintf(d->facts.currency, sizeof(d->facts.currency), "JPY");
	assert_int_equal(mkt_zone_load(&d->zone, "Asia/Tokyo", NULL, &err), 0);
	d->node.height = 14;
	d->steady_ms = 1000000;
	d->shown = k->ops.which;
	k->self = calloc(1, k->ops.size);
	assert_non_null(k->self);
	assert_int_equal(k->ops.init(d, k->self), 0);
	return k;
}

static inline void desk_end(struct desk *k)
{
	k->down = true;
	desk_answer(k);
	if (k->ops.release)
		k->ops.release(&k->d, k->self);
	free(k->self);
	tui_canvas_release(&k->d.canvas);
	free(k);
}

/* The pane at a size, as text. */
static inline const char *desk_draw(struct desk *k, unsigned rows, unsigned cols)
{
	struct mkt_buf b = MKT_BUF_INIT;

	assert_int_equal(tui_canvas_resize(&k->d.canvas, rows, cols), 0);
	k->d.steady_ms += 1000;
	do {
		k->d.canvas.again = false;
		k->ops.draw(&k->d, k->self, tui_whole(&k->d.canvas));
	} while (k->d.canvas.again);
	tui_canvas_text(&k->d.canvas, &b);
	snprintf(k->picture, sizeof(k->picture), "%s", mkt_buf_str(&b));
	mkt_buf_release(&b);
	return k->picture;
}

/* The picture, and nothing but blank lines below. */
static inline void begins(const char *picture, const char *want)
{
	size_t n = strlen(want);

	if (strncmp(picture, want, n) != 0)
		assert_string_equal(picture, want);
	assert_int_equal(strspn(picture + n, "\n"), strlen(picture + n));
}

static inline void desk_tick(struct desk *k)
{
	k->d.steady_ms += 1000;
	k->ops.tick(&k->d, k->self);
	desk_answer(k);
}

/* What the frame does with a key. */
static inline void desk_act(struct desk *k, enum tui_action action)
{
	k->d.said[0] = '\0';
	if (!k->ops.act(&k->d, k->self, action))
		tui_list_act(k->ops.list(&k->d, k->self), action);
	desk_answer(k);
}

static inline void desk_event(struct desk *k, const char *json)
{
	struct tui_event ev = {0};
	struct mkt_jdoc *doc;
	struct mkt_err err;
	uint64_t n;

	assert_int_equal(mkt_jdoc_parse(json, strlen(json), NULL, &doc, &err), 0);
	ev.data = mkt_jdoc_root(doc);
	assert_int_equal(mkt_jget_str(&ev.data, "kind", &ev.kind, NULL, &err), 0);
	if (!mkt_jget_u64(&ev.data, "height", UINT64_MAX, &n, NULL))
		ev.height = n;
	if (!mkt_jget_u64(&ev.data, "n", UINT32_MAX, &n, NULL))
		ev.n = (uint32_t)n;
	k->ops.event(&k->d, k->self, &ev);
	mkt_jdoc_free(doc);
}

/* ---- answers of a real ledgerd ----------------------------------------------------------- */

static const char canned_account[] =
	"{\"schema\":\"mkt.account/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"dat"
	"a\":{\"account\":2,\"name\":\"oak\",\"key\":\"mkt1a82s92rk4nt3k3sta4qezyn744sv6hs0djqj7r"
	"raq6n6seudplws4hhm9m\",\"class\":\"household\",\"suspended\":false,\"available_uc\":\"99"
	"9881000000\",\"held_uc\":\"18000000\",\"locked_uc\":\"36000000\",\"open_bids\":2,\"charg"
	"ers\":[],\"grants\":[]}}";
static const char canned_contracts[] =
	"{\"schema\":\"mkt.contracts/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"d"
	"ata\":[{\"exec\":\"1\",\"buyer\":2,\"seller\":1,\"buyer_name\":\"oak\",\"seller_name\":"
	"\"elm\",\"buy_bid\":\"2\",\"sell_bid\":\"1\",\"buy_leg\":0,\"sell_leg\":0,\"taker\":\"bu"
	"y\",\"window\":{\"start\":\"2026-11-23T01:30:00Z\",\"end\":\"2026-11-23T02:00:00Z\"},\"w"
	"indow_s\":1795397400,\"tags\":\"green\",\"energy_wh\":4000,\"price_upwh\":20000,\"fee_up"
	"wh\":0,\"alt_leg\":null,\"alt_price_upwh\":null,\"status\":\"settled\",\"supply_reported"
	"\":true,\"draw_reported\":true,\"supply_wh\":3500,\"draw_wh\":4000,\"delivered_wh\":3500"
	",\"locked_uc\":\"0\",\"collateral_uc\":\"0\",\"height\":6,\"paid_uc\":\"70000000\",\"fee"
	"_uc\":\"0\"},{\"exec\":\"2\",\"buyer\":2,\"seller\":1,\"buyer_name\":\"oak\",\"seller_na"
	"me\":\"elm\",\"buy_bid\":\"4\",\"sell_bid\":\"3\",\"buy_leg\":0,\"sell_leg\":0,\"taker\""
	":\"buy\",\"window\":{\"start\":\"2026-11-23T05:00:00Z\",\"end\":\"2026-11-23T05:30:00Z\""
	"},\"window_s\":1795410000,\"tags\":\"green\",\"energy_wh\":2000,\"price_upwh\":18000,\"f"
	"ee_upwh\":0,\"alt_leg\":null,\"alt_price_upwh\":null,\"status\":\"matched\",\"supply_rep"
	"orted\":false,\"draw_reported\":false,\"supply_wh\":0,\"draw_wh\":0,\"delivered_wh\":0,"
	"\"locked_uc\":\"36000000\",\"collateral_uc\":\"0\",\"height\":8}]}";
static const char canned_contract[] =
	"{\"schema\":\"mkt.contract/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"da"
	"ta\":{\"exec\":\"1\",\"buyer\":2,\"seller\":1,\"buyer_name\":\"oak\",\"seller_name\":\"e"
	"lm\",\"buy_bid\":\"2\",\"sell_bid\":\"1\",\"buy_leg\":0,\"sell_leg\":0,\"taker\":\"buy\""
	",\"window\":{\"start\":\"2026-11-23T01:30:00Z\",\"end\":\"2026-11-23T02:00:00Z\"},\"wind"
	"ow_s\":1795397400,\"tags\":\"green\",\"energy_wh\":4000,\"price_upwh\":20000,\"fee_upwh"
	"\":0,\"alt_leg\":null,\"alt_price_upwh\":null,\"status\":\"settled\",\"supply_reported\""
	":true,\"draw_reported\":true,\"supply_wh\":3500,\"draw_wh\":4000,\"delivered_wh\":3500,"
	"\"locked_uc\":\"0\",\"collateral_uc\":\"0\",\"height\":6,\"paid_uc\":\"70000000\",\"fee_"
	"uc\":\"0\",\"events\":[{\"height\":6,\"n\":0,\"kind\":\"contract\",\"tx\":0,\"op\":0,\"e"
	"xec\":\"1\",\"buyer\":2,\"seller\":1,\"buyer_name\":\"oak\",\"seller_name\":\"elm\",\"bu"
	"y_bid\":\"2\",\"sell_bid\":\"1\",\"buy_leg\":0,\"sell_leg\":0,\"taker\":\"buy\",\"window"
	"\":{\"start\":\"2026-11-23T01:30:00Z\",\"end\":\"2026-11-23T02:00:00Z\"},\"window_s\":17"
	"95397400,\"tags\":\"green\",\"energy_wh\":4000,\"price_upwh\":20000,\"fee_upwh\":0,\"alt"
	"_leg\":null,\"alt_price_upwh\":null},{\"height\":12,\"n\":0,\"kind\":\"report\",\"tx\":0"
	",\"op\":0,\"exec\":\"1\",\"side\":\"supply\",\"account\":1,\"account_name\":\"elm\",\"en"
	"ergy_wh\":3500,\"reported_wh\":3500,\"charger\":\"\"},{\"height\":13,\"n\":0,\"kind\":\""
	"report\",\"tx\":0,\"op\":0,\"exec\":\"1\",\"side\":\"draw\",\"account\":2,\"account_name"
	"\":\"oak\",\"energy_wh\":4000,\"reported_wh\":4000,\"charger\":\"\"},{\"height\":13,\"n"
	"\":1,\"kind\":\"settled\",\"tx\":0,\"op\":0,\"exec\":\"1\",\"buyer\":2,\"seller\":1,\"bu"
	"yer_name\":\"oak\",\"seller_name\":\"elm\",\"window\":{\"start\":\"2026-11-23T01:30:00Z"
	"\",\"end\":\"2026-11-23T02:00:00Z\"},\"window_s\":1795397400,\"contracted_wh\":4000,\"su"
	"pply_wh\":3500,\"draw_wh\":4000,\"delivered_wh\":3500,\"paid_uc\":\"70000000\",\"fee_uc"
	"\":\"0\",\"buyer_charge_uc\":\"0\",\"seller_charge_uc\":\"22500000\",\"supply_reported\""
	":true,\"draw_reported\":true}],\"buyer_charge_uc\":\"0\",\"seller_charge_uc\":\"22500000"
	"\",\"settled_height\":13}}";
static const char canned_bids[] =
	"{\"schema\":\"mkt.bids/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"data\""
	":[{\"bid\":\"5\",\"account\":2,\"account_name\":\"oak\",\"side\":\"buy\",\"amount_wh\":1"
	"000,\"left_wh\":1000,\"filled_wh\":0,\"state\":\"open\",\"time\":\"2026-11-22T00:00:00.0"
	"00Z\",\"until\":null,\"held_uc\":\"18000000\",\"ioc\":false,\"fok\":false,\"post_only\":"
	"false,\"legs\":[{\"window\":{\"start\":\"2026-11-23T05:00:00Z\",\"end\":\"2026-11-23T05:"
	"30:00Z\"},\"window_s\":1795410000,\"tags\":\"green\",\"price_upwh\":18000,\"open\":true}"
	",{\"window\":{\"start\":\"2026-11-23T05:00:00Z\",\"end\":\"2026-11-23T05:30:00Z\"},\"win"
	"dow_s\":1795410000,\"tags\":\"brown\",\"price_upwh\":17000,\"open\":true}]},{\"bid\":\"6"
	"\",\"account\":2,\"account_name\":\"oak\",\"side\":\"sell\",\"amount_wh\":3000,\"left_wh"
	"\":3000,\"filled_wh\":0,\"state\":\"open\",\"time\":\"2026-11-22T00:00:00.000Z\",\"until"
	"\":null,\"held_uc\":\"0\",\"ioc\":false,\"fok\":false,\"post_only\":false,\"legs\":[{\"w"
	"indow\":{\"start\":\"2026-11-23T09:00:00Z\",\"end\":\"2026-11-23T09:30:00Z\"},\"window_s"
	"\":1795424400,\"tags\":\"brown\",\"price_upwh\":25000,\"open\":true}]}]}";
static const char canned_bid[] =
	"{\"schema\":\"mkt.bid/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"data\":"
	"{\"bid\":\"5\",\"account\":2,\"account_name\":\"oak\",\"side\":\"buy\",\"amount_wh\":100"
	"0,\"left_wh\":1000,\"filled_wh\":0,\"state\":\"open\",\"time\":\"2026-11-22T00:00:00.000"
	"Z\",\"until\":null,\"held_uc\":\"18000000\",\"ioc\":false,\"fok\":false,\"post_only\":fa"
	"lse,\"legs\":[{\"window\":{\"start\":\"2026-11-23T05:00:00Z\",\"end\":\"2026-11-23T05:30"
	":00Z\"},\"window_s\":1795410000,\"tags\":\"green\",\"price_upwh\":18000,\"open\":true},{"
	"\"window\":{\"start\":\"2026-11-23T05:00:00Z\",\"end\":\"2026-11-23T05:30:00Z\"},\"windo"
	"w_s\":1795410000,\"tags\":\"brown\",\"price_upwh\":17000,\"open\":true}],\"height\":9,\""
	"tx_index\":0,\"op_index\":0,\"contracts\":[],\"events\":[{\"height\":9,\"n\":0,\"kind\":"
	"\"result\",\"tx\":0,\"op\":0,\"account\":2,\"account_name\":\"oak\",\"what\":\"bid\",\"c"
	"ode\":\"ok\",\"bid\":\"5\",\"left_wh\":1000}]}}";
static const char canned_story_down[] =
	"{\"schema\":\"mkt.events/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"data"
	"\":[{\"height\":14,\"n\":0,\"kind\":\"money\",\"tx\":0,\"op\":0,\"why\":\"transfer\",\"f"
	"rom\":1,\"from_name\":\"elm\",\"to\":2,\"to_name\":\"oak\",\"money_uc\":\"5000000\"},{\""
	"height\":13,\"n\":3,\"kind\":\"result\",\"tx\":0,\"op\":0,\"account\":2,\"account_name\""
	":\"oak\",\"what\":\"report\",\"code\":\"ok\",\"exec\":\"1\",\"taken_wh\":4000},{\"height"
	"\":13,\"n\":1,\"kind\":\"settled\",\"tx\":0,\"op\":0,\"exec\":\"1\",\"buyer\":2,\"seller"
	"\":1,\"buyer_name\":\"oak\",\"seller_name\":\"elm\",\"window\":{\"start\":\"2026-11-23T0"
	"1:30:00Z\",\"end\":\"2026-11-23T02:00:00Z\"},\"window_s\":1795397400,\"contracted_wh\":4"
	"000,\"supply_wh\":3500,\"draw_wh\":4000,\"delivered_wh\":3500,\"paid_uc\":\"70000000\","
	"\"fee_uc\":\"0\",\"buyer_charge_uc\":\"0\",\"seller_charge_uc\":\"22500000\",\"supply_re"
	"ported\":true,\"draw_reported\":true},{\"height\":13,\"n\":0,\"kind\":\"report\",\"tx\":"
	"0,\"op\":0,\"exec\":\"1\",\"side\":\"draw\",\"account\":2,\"account_name\":\"oak\",\"ene"
	"rgy_wh\":4000,\"reported_wh\":4000,\"charger\":\"\"},{\"height\":10,\"n\":0,\"kind\":\"r"
	"esult\",\"tx\":0,\"op\":0,\"account\":2,\"account_name\":\"oak\",\"what\":\"bid\",\"code"
	"\":\"ok\",\"bid\":\"6\",\"left_wh\":3000},{\"height\":9,\"n\":0,\"kind\":\"result\",\"tx"
	"\":0,\"op\":0,\"account\":2,\"account_name\":\"oak\",\"what\":\"bid\",\"code\":\"ok\",\""
	"bid\":\"5\",\"left_wh\":1000},{\"height\":8,\"n\":3,\"kind\":\"result\",\"tx\":0,\"op\":"
	"0,\"account\":2,\"account_name\":\"oak\",\"what\":\"bid\",\"code\":\"ok\",\"bid\":\"4\","
	"\"left_wh\":0},{\"height\":8,\"n\":2,\"kind\":\"gone\",\"tx\":0,\"op\":0,\"bid\":\"4\","
	"\"account\":2,\"account_name\":\"oak\",\"reason\":\"filled\",\"left_wh\":0,\"amount_wh\""
	":2000},{\"height\":8,\"n\":0,\"kind\":\"contract\",\"tx\":0,\"op\":0,\"exec\":\"2\",\"bu"
	"yer\":2,\"seller\":1,\"buyer_name\":\"oak\",\"seller_name\":\"elm\",\"buy_bid\":\"4\",\""
	"sell_bid\":\"3\",\"buy_leg\":0,\"sell_leg\":0,\"taker\":\"buy\",\"window\":{\"start\":\""
	"2026-11-23T05:00:00Z\",\"end\":\"2026-11-23T05:30:00Z\"},\"window_s\":1795410000,\"tags"
	"\":\"green\",\"energy_wh\":2000,\"price_upwh\":18000,\"fee_upwh\":0,\"alt_leg\":null,\"a"
	"lt_price_upwh\":null},{\"height\":6,\"n\":2,\"kind\":\"result\",\"tx\":0,\"op\":0,\"acco"
	"unt\":2,\"account_name\":\"oak\",\"what\":\"bid\",\"code\":\"ok\",\"bid\":\"2\",\"left_w"
	"h\":0},{\"height\":6,\"n\":1,\"kind\":\"gone\",\"tx\":0,\"op\":0,\"bid\":\"2\",\"account"
	"\":2,\"account_name\":\"oak\",\"reason\":\"filled\",\"left_wh\":0,\"amount_wh\":4000},{"
	"\"height\":6,\"n\":0,\"kind\":\"contract\",\"tx\":0,\"op\":0,\"exec\":\"1\",\"buyer\":2,"
	"\"seller\":1,\"buyer_name\":\"oak\",\"seller_name\":\"elm\",\"buy_bid\":\"2\",\"sell_bid"
	"\":\"1\",\"buy_leg\":0,\"sell_leg\":0,\"taker\":\"buy\",\"window\":{\"start\":\"2026-11-"
	"23T01:30:00Z\",\"end\":\"2026-11-23T02:00:00Z\"},\"window_s\":1795397400,\"tags\":\"gree"
	"n\",\"energy_wh\":4000,\"price_upwh\":20000,\"fee_upwh\":0,\"alt_leg\":null,\"alt_price_"
	"upwh\":null},{\"height\":4,\"n\":0,\"kind\":\"money\",\"tx\":0,\"op\":0,\"why\":\"deposi"
	"t\",\"from\":null,\"from_name\":null,\"to\":2,\"to_name\":\"oak\",\"money_uc\":\"1000000"
	"000000\"}]}";
static const char canned_block[] =
	"{\"schema\":\"mkt.blocks/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"data"
	"\":[{\"height\":3,\"time\":\"2026-11-22T00:00:00.000Z\",\"time_ms\":1795305600000,\"hash"
	"\":\"912bc0c10224a8d305d11d1ef705724063f91b89fc5b40afddb3555cbae26735\",\"prev\":\"2aeef"
	"8d018dd9ee955913f6ae26426c313e96aa2b260cdb8e8b025228ac11ce1\",\"txs\":1,\"events\":1,\"f"
	"irst_tx\":\"2\",\"first_bid\":\"1\",\"first_exec\":\"1\",\"tx_root\":\"668b16246f7faca1f"
	"a0cc46e1726ae4223a3edfb781cd80bb36ce4664a4a6bd8\",\"event_root\":\"905ae65fcd1db9bbcaed9"
	"ac546a1ebdcaf39427ab766bc3fba0fcdc123e48d54\",\"state\":\"4a1606f36ed8a8d3aa7572acd24d37"
	"6c45426f85db3ee3c416077f4657563e92\",\"authority\":0,\"bytes\":498,\"pruned\":false}],\""
	"next\":\"4\"}";
static const char canned_story_up[] =
	"{\"schema\":\"mkt.events/1\",\"height\":14,\"as_of\":\"2026-11-23T02:00:00.000Z\",\"data"
	"\":[{\"height\":4,\"n\":0,\"kind\":\"money\",\"tx\":0,\"op\":0,\"why\":\"deposit\",\"fro"
	"m\":null,\"from_name\":null,\"to\":2,\"to_name\":\"oak\",\"money_uc\":\"1000000000000\"}"
	",{\"height\":6,\"n\":0,\"kind\":\"contract\",\"tx\":0,\"op\":0,\"exec\":\"1\",\"buyer\":"
	"2,\"seller\":1,\"buyer_name\":\"oak\",\"seller_name\":\"elm\",\"buy_bid\":\"2\",\"sell_b"
	"id\":\"1\",\"buy_leg\":0,\"sell_leg\":0,\"taker\":\"buy\",\"window\":{\"start\":\"2026-1"
	"1-23T01:30:00Z\",\"end\":\"2026-11-23T02:00:00Z\"},\"window_s\":1795397400,\"tags\":\"gr"
	"een\",\"energy_wh\":4000,\"price_upwh\":20000,\"fee_upwh\":0,\"alt_leg\":null,\"alt_pric"
	"e_upwh\":null},{\"height\":6,\"n\":1,\"kind\":\"gone\",\"tx\":0,\"op\":0,\"bid\":\"2\","
	"\"account\":2,\"account_name\":\"oak\",\"reason\":\"filled\",\"left_wh\":0,\"amount_wh\""
	":4000},{\"height\":6,\"n\":2,\"kind\":\"result\",\"tx\":0,\"op\":0,\"account\":2,\"accou"
	"nt_name\":\"oak\",\"what\":\"bid\",\"code\":\"ok\",\"bid\":\"2\",\"left_wh\":0},{\"heigh"
	"t\":8,\"n\":0,\"kind\":\"contract\",\"tx\":0,\"op\":0,\"exec\":\"2\",\"buyer\":2,\"selle"
	"r\":1,\"buyer_name\":\"oak\",\"seller_name\":\"elm\",\"buy_bid\":\"4\",\"sell_bid\":\"3"
	"\",\"buy_leg\":0,\"sell_leg\":0,\"taker\":\"buy\",\"window\":{\"start\":\"2026-11-23T05:"
	"00:00Z\",\"end\":\"2026-11-23T05:30:00Z\"},\"window_s\":1795410000,\"tags\":\"green\",\""
	"energy_wh\":2000,\"price_upwh\":18000,\"fee_upwh\":0,\"alt_leg\":null,\"alt_price_upwh\""
	":null},{\"height\":8,\"n\":2,\"kind\":\"gone\",\"tx\":0,\"op\":0,\"bid\":\"4\",\"account"
	"\":2,\"account_name\":\"oak\",\"reason\":\"filled\",\"left_wh\":0,\"amount_wh\":2000},{"
	"\"height\":8,\"n\":3,\"kind\":\"result\",\"tx\":0,\"op\":0,\"account\":2,\"account_name"
	"\":\"oak\",\"what\":\"bid\",\"code\":\"ok\",\"bid\":\"4\",\"left_wh\":0},{\"height\":9,"
	"\"n\":0,\"kind\":\"result\",\"tx\":0,\"op\":0,\"account\":2,\"account_name\":\"oak\",\"w"
	"hat\":\"bid\",\"code\":\"ok\",\"bid\":\"5\",\"left_wh\":1000},{\"height\":10,\"n\":0,\"k"
	"ind\":\"result\",\"tx\":0,\"op\":0,\"account\":2,\"account_name\":\"oak\",\"what\":\"bid"
	"\",\"code\":\"ok\",\"bid\":\"6\",\"left_wh\":3000},{\"height\":13,\"n\":0,\"kind\":\"rep"
	"ort\",\"tx\":0,\"op\":0,\"exec\":\"1\",\"side\":\"draw\",\"account\":2,\"account_name\":"
	"\"oak\",\"energy_wh\":4000,\"reported_wh\":4000,\"charger\":\"\"},{\"height\":13,\"n\":1"
	",\"kind\":\"settled\",\"tx\":0,\"op\":0,\"exec\":\"1\",\"buyer\":2,\"seller\":1,\"buyer_"
	"name\":\"oak\",\"seller_name\":\"elm\",\"window\":{\"start\":\"2026-11-23T01:30:00Z\",\""
	"end\":\"2026-11-23T02:00:00Z\"},\"window_s\":1795397400,\"contracted_wh\":4000,\"supply_"
	"wh\":3500,\"draw_wh\":4000,\"delivered_wh\":3500,\"paid_uc\":\"70000000\",\"fee_uc\":\"0"
	"\",\"buyer_charge_uc\":\"0\",\"seller_charge_uc\":\"22500000\",\"supply_reported\":true,"
	"\"draw_reported\":true},{\"height\":13,\"n\":3,\"kind\":\"result\",\"tx\":0,\"op\":0,\"a"
	"ccount\":2,\"account_name\":\"oak\",\"what\":\"report\",\"code\":\"ok\",\"exec\":\"1\","
	"\"taken_wh\":4000},{\"height\":14,\"n\":0,\"kind\":\"money\",\"tx\":0,\"op\":0,\"why\":"
	"\"transfer\",\"from\":1,\"from_name\":\"elm\",\"to\":2,\"to_name\":\"oak\",\"money_uc\":"
	"\"5000000\"}]}";

#endif
