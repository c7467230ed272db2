/*
 * mkt bids: my bids, open and past.
 */
#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/cmd.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"

#define LEGS_SHOWN 4 /* of one bid, without -v */

struct bids_values {
	bool past, all;
	struct mkt_list_opts list;
};

static const struct mkt_opt bids_opts[] = {
	MKT_O_FLAG(struct bids_values, past, "past", 0, "closed ones, newest first"),
	MKT_O_FLAG(struct bids_values, all, "all", 0, "open ones of everybody"),
	MKT_O_GROUP(struct bids_values, list, struct mkt_list_opts, mkt_list_options), MKT_O_END};

static const struct mkt_col bid_cols[] = {
	{"bid", MKT_COL_BIG, .head = "bid"},
	{"state", MKT_COL_TEXT, .head = "state"},
	{"side", MKT_COL_TEXT, .head = "side"},
	{"account", MKT_COL_UINT, .head = "account"},
	{"account_name", MKT_COL_TEXT, .head = "name"},
	{"amount_wh", MKT_COL_ENERGY, .head = "amount"},
	{"left_wh", MKT_COL_ENERGY, .head = "left"},
	{"filled_wh", MKT_COL_ENERGY, .head = "matched"},
	{"held_u$", MKT_COL_MONEY, .head = "held"},
	{"time_ms", MKT_COL_TIME_MS, .json = "time", .head = "time"},
	{"until", MKT_COL_TIME, .head = "until"},
	{"ioc", MKT_COL_BOOL, .head = "ioc"},
	{"fok", MKT_COL_BOOL, .head = "fok"},
	{"post_only", MKT_COL_BOOL, .head = "post only"},
	{"legs", MKT_COL_LIST, .sub = &mkt_leg_table, .head = "legs"},
	{.name = NULL}};
static const struct mkt_table bid_table = {"bid", bid_cols, false};
static const struct mkt_doc bids_doc = {"bids", 1, {&bid_table}, false};

static const struct mkt_source bid_source[] = {
	{"bid", 'b', NULL},   {"state", 0, NULL}, {"side", 0, NULL},
	{"account", 0, NULL}, {"account_name", 0, NULL}, {"amount_wh", 0, NULL},
	{"left_wh", 0, NULL}, {"filled_wh", 0, NULL}, {"held_uc", 0, NULL},
	{"time", 0, NULL},    {"until", 0, NULL}, {"ioc", 0, NULL},
	{"fok", 0, NULL},     {"post_only", 0, NULL}, {"legs", 0, mkt_leg_source},
};

/* ---- for people: a line a leg ------------------------------------------------------------- */

enum {
	P_BID,
	P_WHO,
	P_STATE,
	P_SIDE,
	P_LEFT,
	P_AMOUNT,
	P_WINDOW,
	P_TAG,
	P_PRICE,
	P_OPEN,
	P_HELD,
	P_COLS
};

static const struct mkt_col people_cols[] = {
	[P_BID] = {"bid", MKT_COL_TEXT, .head = "bid"},
	[P_WHO] = {"account", MKT_COL_TEXT, .head = "account", .wide = true, .cut = true},
	[P_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[P_SIDE] = {"side", MKT_COL_TEXT, .head = "side"},
	[P_LEFT] = {"left_wh", MKT_COL_TEXT, .head = "left kWh"},
	[P_AMOUNT] = {"amount_wh", MKT_COL_TEXT, .head = "of kWh"},
	[P_WINDOW] = {"window", MKT_COL_WINDOW, .head = "window"},
	[P_TAG] = {"tag", MKT_COL_TEXT, .head = "tags", .cut = true},
	[P_PRICE] = {"price", MKT_COL_PRICE, .head = "limit"},
	[P_OPEN] = {"open", MKT_COL_TEXT, .head = ""},
	[P_HELD] = {"held", MKT_COL_MONEY, .head = "held", .wide = true},
	{.name = NULL}};
static const struct mkt_table people_table = {"bid", people_cols, false};
static const struct mkt_doc people_doc = {"bids", 1, {&people_table}, false};

/* The first line of a bid says all, the others their leg. */
static int people_leg(struct mkt_session *s, const struct mkt_jval *leg, struct mkt_val *v,
		      bool bid_open)
{
	struct mkt_err *err = &s->app->err;
	const char *tags;
	uint64_t start;
	int64_t price;
	bool open;
	int rc = mkt_jget_u64(leg, "window_s", INT64_MAX, &start, err);

	if (!rc)
		rc = mkt_jget_str(leg, "tags", &tags, NULL, err);
	if (!rc)
		rc = mkt_jget_i64(leg, "price_upwh", INT32_MIN, INT32_MAX, &price, err);
	if (!rc)
		rc = mkt_jget_bool(leg, "open", &open, err);
	if (rc)
		return rc;
	v[P_WINDOW] = mkt_v_window(start, s->facts.window_s);
	v[P_TAG] = mkt_v_text(tags);
	v[P_PRICE] = mkt_v_int(price);
	v[P_OPEN] = mkt_v_text(bid_open && !open ? "closed" : "");
	return 0;
}

static int people_bid(struct mkt_session *s, const struct mkt_jval *at)
{
	struct mkt_err *err = &s->app->err;
	struct mkt_val v[P_COLS] = {{0}};
	struct mkt_text left, amount;
	struct mkt_jval legs, leg;
	struct mkt_jiter it = {0};
	const char *state, *side, *name;
	uint64_t id, left_wh, amount_wh;
	char bid[24], more[40];
	size_t n, shown = s->app->out.verbose ? SIZE_MAX : LEGS_SHOWN;
	int rc = mkt_jget_u64(at, "bid", UINT64_MAX, &id, err);

	if (rc || (rc = mkt_jget_u64(at, "left_wh", UINT32_MAX, &left_wh, err)) ||
	    (rc = mkt_jget_u64(at, "amount_wh", UINT32_MAX, &amount_wh, err)) ||
	    (rc = mkt_jget_str(at, "state", &state, NULL, err)) ||
	    (rc = mkt_jget_str(at, "side", &side, NULL, err)) ||
	    (rc = mkt_jget_str(at, "account_name", &name, NULL, err)) ||
	    (rc = mkt_jget_arr(at, "legs", &legs, err)))
		return rc;
	snprintf(bid, sizeof(bid), "b%llu", (unsigned long long)id);
	left = mkt_fmt_kwh(left_wh);
	amount = mkt_fmt_kwh(amount_wh);
	v[P_BID] = mkt_v_text(bid);
	v[P_WHO] = mkt_v_text(name);
	v[P_STATE] = mkt_v_text(state);
	v[P_SIDE] = mkt_v_text(side);
	v[P_LEFT] = mkt_v_text(left.s);
	v[P_AMOUNT] = mkt_v_text(amount.s);
	v[P_HELD] = mkt_v_int(mkt_act_number(at, "held_uc", 0));
	n = mkt_jval_count(&legs);
	for (size_t i = 0; !rc && i < shown && mkt_jval_next(&legs, &it, &leg); i++) {
		rc = people_leg(s, &leg, v, !strcmp(state, "open"));
		if (i + 1 == shown && n > shown) {
			snprintf(more, sizeof(more), "~ %zu more", n - shown);
			v[P_OPEN] = mkt_v_text(more);
		}
		if (!rc)
			mkt_out_row(&s->app->out, v);
		for (unsigned c = P_BID; c <= P_AMOUNT; c++)
			v[c] = mkt_v_text("");
		v[P_HELD] = mkt_v_none();
	}
	return rc;
}

static int print_people(struct mkt_session *s, const struct mkt_answer *a)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int rc = mkt_out_open(&s->app->out, &people_doc, &s->app->err);

	if (rc)
		return rc;
	mkt_out_part(&s->app->out, &people_table);
	while (!rc && mkt_jval_next(&a->data, &it, &at))
		rc = people_bid(s, &at);
	if (a->next)
		mkt_out_next(&s->app->out, a->next);
	mkt_out_close(&s->app->out);
	return rc;
}

static int bids_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct bids_values *v = values;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	struct mkt_session s;
	int rc;

	(void)argc, (void)argv;
	if (v->past && v->all)
		return mkt_app_usage(app, "--past and --all exclude each other");
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (v->all ? 0 : MKT_NEED_WHO));
	if (rc)
		return rc;
	mkt_list_query(&query, &v->list, "after");
	if (!v->all)
		mkt_buf_addf(&query, "&account=%s", s.who);
	if (v->past)
		mkt_buf_addstr(&query, "&past=1");
	rc = mkt_session_get(&s, &a, "/v1/bids?%s", mkt_buf_str(&query));
	if (!rc)
		rc = mkt_for_people(app) ? print_people(&s, &a)
					 : mkt_list_print(&s, &bids_doc, bid_source, &a);
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_bids = {
	.name = "bids",
	.summary = "show bids, open and past",
	.opts = bids_opts,
	.values_size = sizeof(struct bids_values),
	.run = bids_run,
};
