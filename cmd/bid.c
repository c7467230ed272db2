/*
 * mkt bid: buy, sell, reduce.
 */
#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/cmd.h"
#include "cmd/legs.h"
#include "cmd/tables.h"
#include "core/units/checked.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"

struct bid_values {
	struct mkt_list at, price, leg;
	const char *legs;
	bool ioc, fok, post_only;
	const char *until;
	struct mkt_act_opts act;
};

#define V struct bid_values

static const struct mkt_opt bid_opts[] = {
	MKT_O_LIST(V, at, "at", 0, "WINDOWS", "window", "windows"),
	MKT_O_LIST(V, price, "price", 0, "[TAGS=]PRICE", "price", "limit there"),
	MKT_O_LIST(V, leg, "leg", 0, "WINDOWS,TAGS,PRICE", NULL, "single legs"),
	MKT_O_FILE(V, legs, "legs", 0, "FILE", "such legs, one a line; - for stdin"),
	MKT_O_FLAG(V, ioc, "ioc", 0, "drop what does not match at once"),
	MKT_O_FLAG(V, fok, "fok", 0, "all at once, or nothing"),
	MKT_O_FLAG(V, post_only, "post-only", 0, "refuse to match at once"),
	MKT_O_TEXT(V, until, "until", 0, "TIME", NULL, "end of what rests"),
	MKT_O_GROUP(V, act, struct mkt_act_opts, mkt_act_options),
	MKT_O_END};

/* ---- the receipt -------------------------------------------------------------------------- */

enum { F_EXEC, F_WINDOW, F_TAG, F_ENERGY, F_PRICE, F_FEE, F_COLS };

static const struct mkt_col fill_cols[] = {
	[F_EXEC] = {"exec", MKT_COL_BIG, .head = "contract"},
	[F_WINDOW] = {"window", MKT_COL_WINDOW, .head = "window"},
	[F_TAG] = {"tag", MKT_COL_TEXT, .head = "tags"},
	[F_ENERGY] = {"energy_wh", MKT_COL_ENERGY, .head = "energy"},
	[F_PRICE] = {"price_u$_per_wh", MKT_COL_PRICE, .head = "price"},
	[F_FEE] = {"fee_u$_per_wh", MKT_COL_PRICE, .head = "fee"},
	{.name = NULL}};
static const struct mkt_table fill_table = {"contract", fill_cols, false};

enum {
	B_BID,
	B_STATE,
	B_SIDE,
	B_ACCOUNT,
	B_AMOUNT,
	B_FILLED,
	B_LEFT,
	B_COST,
	B_HELD,
	B_AVAILABLE,
	B_REQUEST,
	B_REPLAYED,
	B_TX,
	B_HEIGHT,
	B_TIME,
	B_CONTRACTS,
	B_COLS
};

static const struct mkt_col bid_cols[] = {
	[B_BID] = {"bid", MKT_COL_BIG, .head = "bid"},
	[B_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[B_SIDE] = {"side", MKT_COL_TEXT, .head = "side"},
	[B_ACCOUNT] = {"account", MKT_COL_UINT, .head = "account"},
	[B_AMOUNT] = {"amount_wh", MKT_COL_ENERGY, .head = "amount"},
	[B_FILLED] = {"filled_wh", MKT_COL_ENERGY, .head = "matched"},
	[B_LEFT] = {"left_wh", MKT_COL_ENERGY, .head = "left"},
	[B_COST] = {"cost_u$", MKT_COL_MONEY, .head = "cost"},
	[B_HELD] = {"held_u$", MKT_COL_MONEY, .head = "held"},
	[B_AVAILABLE] = {"available_u$", MKT_COL_MONEY, .head = "available"},
	[B_REQUEST] = {"request_id", MKT_COL_TEXT, .head = "request"},
	[B_REPLAYED] = {"replayed", MKT_COL_BOOL, .head = "replayed"},
	[B_TX] = {"tx", MKT_COL_TEXT, .head = "transaction"},
	[B_HEIGHT] = {"height", MKT_COL_UINT, .head = "block"},
	[B_TIME] = {"time_ms", MKT_COL_TIME_MS, .json = "time", .head = "time"},
	[B_CONTRACTS] = {"contracts", MKT_COL_LIST, .sub = &fill_table, .head = "contracts"},
	{.name = NULL}};
static const struct mkt_table bid_table = {"bid", bid_cols, true};
static const struct mkt_doc bid_doc = {"bid", 1, {&bid_table}, false};

/* One bid on its way: what was asked, what came of it. */
struct placing {
	struct mkt_act a;
	struct mkt_op op;
	struct mkt_legs legs;
	struct mkt_answer bid; /* the bid as it stands after it; may be missing */
	struct mkt_jval fills;
	struct mkt_val *rows;
	size_t nrows;
	int64_t cost_uc; /* of the fills, fees of a buyer included */
};

/* The contracts of this call: those of the bid, or of the preview. */
static int read_fills(struct placing *p)
{
	struct mkt_err *err = &p->a.s.app->err;
	size_t n = mkt_jval_count(&p->fills);
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int rc = 0;

	p->rows = calloc(n * F_COLS + 1, sizeof(*p->rows));
	if (!p->rows)
		return mkt_err_code(err, MKT_ENOMEM);
	while (!rc && p->nrows < n && mkt_jval_next(&p->fills, &it, &at)) {
		struct mkt_val *v = p->rows + F_COLS * p->nrows++;
		uint64_t start, wh, exec;
		int64_t price, fee;
		const char *tags;

		rc = mkt_jget_u64(&at, "window_s", INT64_MAX, &start, err);
		if (!rc)
			rc = mkt_jget_u64(&at, "energy_wh", UINT32_MAX, &wh, err);
		if (!rc)
			rc = mkt_jget_i64(&at, "price_upwh", INT32_MIN, INT32_MAX, &price, err);
		if (!rc)
			rc = mkt_jget_str(&at, "tags", &tags, NULL, err);
		if (rc)
			break;
		exec = (uint64_t)mkt_act_number(&at, "exec", 0);
		fee = mkt_act_number(&at, "fee_upwh", 0);
		v[F_EXEC] = exec ? mkt_v_uint(exec) : mkt_v_none();
		v[F_WINDOW] = mkt_v_window(start, p->a.s.facts.window_s);
		v[F_TAG] = mkt_v_text(tags);
		v[F_ENERGY] = mkt_v_uint(wh);
		v[F_PRICE] = mkt_v_int(price);
		v[F_FEE] = mkt_v_int(fee);
		if (p->op.u.bid.side == MKT_BUY)
			price += fee;
		p->cost_uc += mkt_cost_uc((int32_t)price, (uint32_t)wh);
	}
	return rc;
}

/* Contracts and escrow need one more look; what is done is done even if it fails. */
static void look_at_bid(struct placing *p, int64_t id)
{
	struct mkt_app *app = p->a.s.app;

	if (mkt_session_get(&p->a.s, &p->bid, "/v1/bids/%lld", (long long)id) ||
	    mkt_jget_arr(&p->bid.data, "contracts", &p->fills, &app->err)) {
		mkt_app_warn(app, "the bid is placed, but cannot be shown: %s", app->err.text);
		mkt_answer_release(&p->bid);
		memset(&app->err, 0, sizeof(app->err));
	}
}

static const char *state_of(const struct placing *p, int64_t left)
{
	const char *word;

	if (p->a.s.app->opt.dry_run)
		return "dry-run";
	if (!mkt_jval_count(&p->a.results))
		return "queued";
	if (p->bid.doc && !mkt_jget_str(&p->bid.data, "state", &word, NULL, NULL))
		return word;
	return left ? "open" : "filled";
}

static void say_fills(struct placing *p)
{
	const struct mkt_session *s = &p->a.s;
	struct mkt_out *out = &s->app->out;

	for (size_t i = 0; i < p->nrows; i++) {
		const struct mkt_val *v = p->rows + i * F_COLS;
		char id[32] = "";

		if (v[F_EXEC].kind)
			snprintf(id, sizeof(id), "c%llu ", (unsigned long long)v[F_EXEC].u);
		mkt_out_say(out, "  %s%s %s %s at %s\n", id,
			    mkt_fmt_window(&s->zone, v[F_WINDOW].window.start_s,
					   v[F_WINDOW].window.length_s)
				    .s,
			    v[F_TAG].text, mkt_fmt_energy(v[F_ENERGY].u).s,
			    mkt_fmt_price((int32_t)v[F_PRICE].i, s->facts.currency).s);
	}
}

/* "b17 buy 10.000 kWh: open, 4.200 kWh matched in 2 contracts, 5.800 kWh left; block 3" */
static void say_receipt(struct placing *p, const struct mkt_val v[B_COLS])
{
	const char *currency = p->a.s.facts.currency;
	struct mkt_buf b = MKT_BUF_INIT;
	char state[64];

	if (p->a.s.app->out.quiet)
		return;
	mkt_act_state(&p->a, state, sizeof(state));
	if (v[B_BID].kind)
		mkt_buf_addf(&b, "b%llu ", (unsigned long long)v[B_BID].u);
	/* What a dry run is, stands at the end; here, what the bid would be. */
	mkt_buf_addf(&b, "%s %s: %s", v[B_SIDE].text, mkt_fmt_energy(v[B_AMOUNT].u).s,
		     !p->a.s.app->opt.dry_run ? v[B_STATE].text : v[B_LEFT].u ? "open" : "filled");
	if (p->nrows)
		mkt_buf_addf(&b, ", %s matched in %zu contract%s for %s",
			     mkt_fmt_energy(v[B_FILLED].u).s, p->nrows, p->nrows == 1 ? "" : "s",
			     mkt_fmt_money(p->cost_uc, currency).s);
	if (v[B_LEFT].kind && v[B_LEFT].u)
		mkt_buf_addf(&b, ", %s left", mkt_fmt_energy(v[B_LEFT].u).s);
	if (v[B_HELD].kind && v[B_HELD].i)
		mkt_buf_addf(&b, ", %s held", mkt_fmt_money(v[B_HELD].i, currency).s);
	mkt_out_say(&p->a.s.app->out, "%s; %s\n", mkt_buf_str(&b), state);
	mkt_buf_release(&b);
	say_fills(p);
}

static void fill_receipt(struct placing *p, const struct mkt_jval *at, struct mkt_val v[B_COLS])
{
	const struct mkt_app *app = p->a.s.app;
	const struct mkt_receipt *r = &p->a.receipt;
	const struct mkt_jval *money = app->opt.dry_run ? at : &p->bid.data;
	int64_t left = mkt_act_number(at, "left_wh", -1), id = mkt_act_number(at, "bid", 0);
	int64_t held = mkt_act_number(money, app->opt.dry_run ? "escrow_uc" : "held_uc", INT64_MIN);
	int64_t available = mkt_act_number(at, "available_uc", INT64_MIN);
	uint32_t amount = p->op.u.bid.amount_wh;
	bool sent = !app->opt.dry_run;

	v[B_BID] = id ? mkt_v_uint((uint64_t)id) : mkt_v_none();
	v[B_STATE] = mkt_v_text(state_of(p, left));
	v[B_SIDE] = mkt_v_text(p->op.u.bid.side == MKT_BUY ? "buy" : "sell");
	v[B_ACCOUNT] = mkt_v_uint(p->a.s.account);
	v[B_AMOUNT] = mkt_v_uint(amount);
	v[B_FILLED] = left < 0 ? mkt_v_none() : mkt_v_uint(amount - (uint64_t)left);
	v[B_LEFT] = left < 0 ? mkt_v_none() : mkt_v_uint((uint64_t)left);
	v[B_COST] = left < 0 ? mkt_v_none() : mkt_v_int(p->cost_uc);
	v[B_HELD] = held == INT64_MIN ? mkt_v_none() : mkt_v_int(held);
	v[B_AVAILABLE] = available == INT64_MIN ? mkt_v_none() : mkt_v_int(available);
	v[B_REQUEST] = mkt_v_text(sent ? app->request_id : NULL);
	v[B_REPLAYED] = mkt_v_bool(sent && r->status == MKT_RECEIPT_REPLAYED);
	v[B_TX] = mkt_v_text(sent && r->tx[0] ? r->tx : NULL);
	v[B_HEIGHT] = r->height ? mkt_v_uint(r->height) : mkt_v_none();
	v[B_TIME] = r->time_ms ? mkt_v_uint(r->time_ms) : mkt_v_none();
	v[B_CONTRACTS] = mkt_v_list(p->rows, p->nrows);
}

static int print_placing(struct placing *p)
{
	struct mkt_app *app = p->a.s.app;
	struct mkt_jval at = {0};
	struct mkt_result r;
	struct mkt_val v[B_COLS];
	int rc = 0;

	if (mkt_jval_count(&p->a.results))
		rc = mkt_act_result(&p->a, 0, &at, &r);
	if (rc || app->out.quiet)
		return rc;
	if (app->opt.dry_run)
		rc = mkt_jget_arr(&at, "fills", &p->fills, &app->err);
	else if (mkt_act_number(&at, "bid", 0))
		look_at_bid(p, mkt_act_number(&at, "bid", 0));
	if (!rc)
		rc = read_fills(p);
	if (rc)
		return rc;
	if (app->opt.dry_run)
		p->cost_uc = mkt_act_number(&at, "cost_uc", p->cost_uc);
	fill_receipt(p, &at, v);
	if (!mkt_for_people(app))
		return mkt_out_one(&app->out, &bid_doc, v, &app->err);
	say_receipt(p, v);
	return 0;
}

/* ---- placing ------------------------------------------------------------------------------ */

/* A refusal that names a leg by number is told with its window and tags. */
static int refused(struct placing *p)
{
	struct mkt_app *app = p->a.s.app;
	const struct mkt_facts *f = &p->a.s.facts;
	struct mkt_buf b = MKT_BUF_INIT;
	int code = app->err.code;

	if (p->a.leg < p->legs.n) {
		mkt_leg_text(&p->a.s, &p->legs.v[p->a.leg], &b);
		mkt_err_set(&app->err, code, "%s for %s", mkt_code_text(code), mkt_buf_str(&b));
	}
	if (code == MKT_EGATE && f->open_count)
		mkt_err_hint(&app->err, "next open window is %s; see 'mkt market'",
			     mkt_fmt_window(&p->a.s.zone, f->open_first_s, f->window_s).s);
	mkt_buf_release(&b);
	return mkt_err_wrap(&app->err, "cannot place bid");
}

static int read_until(struct placing *p, const char *text)
{
	struct mkt_when when = mkt_session_when(&p->a.s, false);

	if (!text)
		return 0;
	mkt_act_note(&p->a, "until %s", text);
	return mkt_instant_parse(text, &when, &p->op.u.bid.until_s, &p->a.s.app->err);
}

static int read_bid(struct placing *p, const struct bid_values *v, const char *amount)
{
	struct mkt_op_bid *bid = &p->op.u.bid;
	struct mkt_leg_words words = {&v->at, &v->price, &v->leg, v->legs};
	struct mkt_err *err = &p->a.s.app->err;
	int rc = mkt_parse_amount(amount, &bid->amount_wh, err);

	if (!rc)
		rc = mkt_check_lot(bid->amount_wh, p->a.s.facts.lot_wh, err);
	if (!rc && v->fok + v->ioc + v->post_only > 1)
		rc = mkt_app_usage(p->a.s.app, "--ioc, --fok and --post-only exclude each other");
	bid->flags = (uint8_t)((v->ioc ? MKT_BID_IOC : 0) | (v->fok ? MKT_BID_FOK : 0) |
			       (v->post_only ? MKT_BID_POST_ONLY : 0));
	mkt_act_note(&p->a, "%u Wh, flags %u", bid->amount_wh, bid->flags);
	if (!rc)
		rc = read_until(p, v->until);
	if (!rc)
		rc = mkt_legs_read(&p->a, &words, &p->legs);
	bid->nlegs = (uint16_t)p->legs.n;
	return rc;
}

static int place(struct mkt_app *app, const struct bid_values *v, enum mkt_side side,
		 const char *amount)
{
	struct placing *p = calloc(1, sizeof(*p)); /* legs are large for a stack */
	int rc;

	if (!p)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	p->op.kind = MKT_OP_BID;
	p->op.u.bid.side = (uint8_t)side;
	rc = mkt_out_check(&app->out, &bid_doc, &app->err);
	if (!rc)
		rc = mkt_act_open(&p->a, app, &v->act);
	if (rc) {
		free(p);
		return rc;
	}
	rc = read_bid(p, v, amount);
	if (!rc) {
		mkt_act_add(&p->a, &p->op, p->legs.v, NULL);
		rc = mkt_act_send(&p->a);
		if (rc)
			rc = refused(p);
	}
	if (!rc)
		rc = print_placing(p);
	free(p->rows);
	mkt_answer_release(&p->bid);
	mkt_act_close(&p->a);
	free(p);
	return rc;
}

static int buy_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	(void)argc;
	return place(app, values, MKT_BUY, argv[0]);
}

static int sell_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	(void)argc;
	return place(app, values, MKT_SELL, argv[0]);
}

/* ---- reducing ----------------------------------------------------------------------------- */

struct reduce_values {
	const char *left;
	struct mkt_act_opts act;
};

static const struct mkt_opt reduce_opts[] = {
	{.kind = MKT_OPT_TEXT,
	 .name = "left",
	 .metavar = "ENERGY",
	 .required = true,
	 .at = MKT_O_AT(struct reduce_values, left, const char *),
	 .help = "what is to be left"},
	MKT_O_GROUP(struct reduce_values, act, struct mkt_act_opts, mkt_act_options),
	MKT_O_END};

static void reduce_row(struct mkt_act *a, size_t i, const struct mkt_jval *at,
		       struct mkt_act_row *row)
{
	(void)a, (void)i;
	row->bid = (uint64_t)mkt_act_number(at, "bid", 0);
	row->energy_wh = mkt_act_number(at, "freed_wh", -1);
	if (row->bid && row->energy_wh >= 0)
		snprintf(row->line, sizeof(row->line), "b%llu reduced by %s",
			 (unsigned long long)row->bid, mkt_fmt_energy((uint64_t)row->energy_wh).s);
	else
		snprintf(row->line, sizeof(row->line), "bid would be reduced");
}

static int reduce_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct reduce_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_REDUCE};
	struct mkt_act a;
	int rc = mkt_id_parse(app, 'b', argv[0], &op.u.reduce.bid);

	(void)argc;
	if (!rc)
		rc = mkt_parse_amount(v->left, &op.u.reduce.left_wh, &app->err);
	if (!rc)
		rc = mkt_act_open(&a, app, &v->act);
	if (rc)
		return rc;
	rc = mkt_check_lot(op.u.reduce.left_wh, a.s.facts.lot_wh, &app->err);
	if (!rc) {
		mkt_act_add(&a, &op, NULL, NULL);
		rc = mkt_act_send(&a);
		if (rc)
			rc = mkt_err_wrap(&app->err, "cannot reduce b%llu",
					  (unsigned long long)op.u.reduce.bid);
	}
	if (!rc)
		rc = mkt_act_print(&a, reduce_row);
	mkt_act_close(&a);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static const struct mkt_spec bid_subs[] = {
	{.name = "buy",
	 .summary = "bid to buy",
	 .args = "ENERGY",
	 .complete = "energy",
	 .opts = bid_opts,
	 .values_size = sizeof(struct bid_values),
	 .run = buy_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = "sell",
	 .summary = "bid to sell",
	 .args = "ENERGY",
	 .complete = "energy",
	 .opts = bid_opts,
	 .values_size = sizeof(struct bid_values),
	 .run = sell_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = "reduce",
	 .summary = "lower what is left of a bid, keeping its place",
	 .args = "BID",
	 .complete = "bid",
	 .opts = reduce_opts,
	 .values_size = sizeof(struct reduce_values),
	 .run = reduce_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = NULL},
};

const struct mkt_spec cmd_bid = {
	.name = "bid",
	.summary = "place a bid to buy or sell",
	.subs = bid_subs,
};
