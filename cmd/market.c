/*
 * mkt market: what is traded here, and when.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"

static const struct mkt_col market_cols[] = {
	{"name", MKT_COL_TEXT, .head = "chain"},
	{"chain", MKT_COL_TEXT, .head = "id"},
	{"currency", MKT_COL_TEXT, .head = "currency"},
	{"zone", MKT_COL_TEXT, .head = "zone"},
	{"clock", MKT_COL_TEXT, .head = "clock"},
	{"now_ms", MKT_COL_TIME_MS, .json = "now", .head = "now"},
	{"window_s", MKT_COL_DURATION, .head = "window length"},
	{"open_first", MKT_COL_WINDOW, .head = "first open window"},
	{"open_count", MKT_COL_UINT, .head = "open windows"},
	{"opening_s", MKT_COL_DURATION, .head = "opens before"},
	{"gate_s", MKT_COL_DURATION, .head = "closes before"},
	{"tick_u$_per_wh", MKT_COL_PRICE, .head = "tick"},
	{"price_min_u$_per_wh", MKT_COL_PRICE, .head = "lowest limit"},
	{"price_max_u$_per_wh", MKT_COL_PRICE, .head = "highest limit"},
	{"lot_wh", MKT_COL_ENERGY, .head = "lot"},
	{"deadline_s", MKT_COL_DURATION, .head = "reports within"},
	{"unreported", MKT_COL_TEXT, .head = "unreported counts as"},
	{"collateral_bp", MKT_COL_SHARE, .head = "collateral"},
	{"imbalance_up_u$_per_wh", MKT_COL_PRICE, .head = "short supply costs"},
	{"imbalance_down_u$_per_wh", MKT_COL_PRICE, .head = "short draw costs"},
	{"interval_ms", MKT_COL_DURATION_MS, .head = "block within"},
	{"validity_s", MKT_COL_DURATION, .head = "envelopes valid for"},
	{"retention_s", MKT_COL_DURATION, .head = "settled kept for"},
	{.name = NULL}};
static const struct mkt_table market_table = {"market", market_cols, true};
static const struct mkt_source market_source[] = {
	{"name", 0, NULL},
	{"chain", 0, NULL},
	{"currency", 0, NULL},
	{"zone", 0, NULL},
	{"clock", 0, NULL},
	{"now_ms", 0, NULL},
	{"window_s", 0, NULL},
	{"open.first", 0, NULL},
	{"open.count", 0, NULL},
	{"opening_s", 0, NULL},
	{"gate_s", 0, NULL},
	{"tick_upwh", 0, NULL},
	{"price_min_upwh", 0, NULL},
	{"price_max_upwh", 0, NULL},
	{"lot_wh", 0, NULL},
	{"deadline_s", 0, NULL},
	{"unreported", 0, NULL},
	{"collateral_bp", 0, NULL},
	{"imbalance_up_upwh", 0, NULL},
	{"imbalance_down_upwh", 0, NULL},
	{"interval_ms", 0, NULL},
	{"validity_s", 0, NULL},
	{"retention_s", 0, NULL},
};
_Static_assert(MKT_ARRAY_SIZE(market_cols) == MKT_ARRAY_SIZE(market_source) + 1, "all columns");

enum { T_DIM, T_TAG, T_DIRECT, T_CLOSED, T_MEMBERS, T_FEE, T_FEE_ACCOUNT, T_COLS };

static const struct mkt_col tag_cols[] = {
	[T_DIM] = {"dimension", MKT_COL_TEXT, .head = "dimension"},
	[T_TAG] = {"tag", MKT_COL_TEXT, .head = "tag"},
	[T_DIRECT] = {"direct", MKT_COL_BOOL, .head = "direct"},
	[T_CLOSED] = {"closed", MKT_COL_BOOL, .head = "members only"},
	[T_MEMBERS] = {"members", MKT_COL_UINT, .head = "members"},
	[T_FEE] = {"fee_u$_per_wh", MKT_COL_PRICE, .head = "fee"},
	[T_FEE_ACCOUNT] = {"fee_account", MKT_COL_UINT, .head = "fee to"},
	{.name = NULL}};
static const struct mkt_table tag_table = {"tag", tag_cols, false};

static const struct mkt_col class_cols[] = {
	{"class", MKT_COL_TEXT, .head = "class"},
	{"open_bids", MKT_COL_UINT, .head = "open bids"},
	{"tx_per_min", MKT_COL_UINT, .head = "transactions a minute"},
	{"reads_per_min", MKT_COL_UINT, .head = "reads a minute"},
	{"rows_per_min", MKT_COL_UINT, .head = "rows a minute"},
	{.name = NULL}};
static const struct mkt_table class_table = {"limit", class_cols, false};
static const struct mkt_source class_source[] = {
	{"class", 0, NULL}, {"open_bids", 0, NULL},    {"tx_per_min", 0, NULL},
	{"reads_per_min", 0, NULL}, {"rows_per_min", 0, NULL},
};

static const struct mkt_doc market_doc = {
	"market", 1, {&market_table, &tag_table, &class_table}, false};

static int add_tag(struct mkt_session *s, const char *dim, const struct mkt_jval *at)
{
	struct mkt_val v[T_COLS];
	struct mkt_err *err = &s->app->err;
	const char *name;
	bool direct, closed;
	int64_t fee;
	int rc = mkt_jget_str(at, "name", &name, NULL, err);

	if (!rc)
		rc = mkt_jget_bool(at, "direct", &direct, err);
	if (!rc)
		rc = mkt_jget_bool(at, "closed", &closed, err);
	if (!rc)
		rc = mkt_jget_i64(at, "fee_upwh", INT32_MIN, INT32_MAX, &fee, err);
	if (rc)
		return rc;
	v[T_DIM] = mkt_v_text(dim);
	v[T_TAG] = mkt_v_text(name);
	v[T_DIRECT] = mkt_v_bool(direct);
	v[T_CLOSED] = mkt_v_bool(closed);
	v[T_MEMBERS] = mkt_v_uint(mkt_count(at, "members"));
	v[T_FEE] = mkt_v_int(fee);
	v[T_FEE_ACCOUNT] = fee ? mkt_v_uint(mkt_count(at, "fee_account")) : mkt_v_none();
	mkt_out_row(&s->app->out, v);
	return 0;
}

static int add_tags(struct mkt_session *s, const struct mkt_jval *data)
{
	struct mkt_jval dims, dim, values, value;
	struct mkt_jiter it = {0};
	int rc = mkt_jget_arr(data, "dimensions", &dims, &s->app->err);

	while (!rc && mkt_jval_next(&dims, &it, &dim)) {
		struct mkt_jiter it2 = {0};

		rc = mkt_jget_arr(&dim, "values", &values, &s->app->err);
		while (!rc && mkt_jval_next(&values, &it2, &value))
			rc = add_tag(s, mkt_word(&dim, "name"), &value);
	}
	return rc;
}

static int print(struct mkt_session *s, const struct mkt_answer *a)
{
	struct mkt_out *out = &s->app->out;
	struct mkt_jval limits;
	int rc = mkt_out_open(out, &market_doc, &s->app->err);

	if (rc)
		return rc;
	mkt_out_part(out, &market_table);
	rc = mkt_rows_one(s, &market_table, market_source, &a->data);
	mkt_out_part(out, &tag_table);
	if (!rc)
		rc = add_tags(s, &a->data);
	mkt_out_part(out, &class_table);
	if (!rc)
		rc = mkt_jget_arr(&a->data, "limits", &limits, &s->app->err);
	if (!rc)
		rc = mkt_rows_add(s, &class_table, class_source, &limits);
	mkt_out_close(out);
	return rc;
}

static int market_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_session s;
	int rc = mkt_session_open(&s, app, MKT_NEED_MARKET);

	(void)values, (void)argc, (void)argv;
	if (rc)
		return rc;
	rc = mkt_session_get(&s, &a, "/v1/market");
	if (!rc)
		rc = print(&s, &a);
	mkt_answer_release(&a);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_market = {
	.name = "market",
	.summary = "show what is traded here, and when",
	.run = market_run,
};
