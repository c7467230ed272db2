#include "core/base/compat.h"

#include "cmd/tables.h"

static const struct mkt_col leg_cols[] = {{"window", MKT_COL_WINDOW, .head = "window"},
					  {"tag", MKT_COL_TEXT, .head = "tags"},
					  {"price_u$_per_wh", MKT_COL_PRICE, .head = "limit"},
					  {"open", MKT_COL_BOOL, .head = "open"},
					  {.name = NULL}};
const struct mkt_table mkt_leg_table = {"leg", leg_cols, false};
const struct mkt_source mkt_leg_source[] = {
	{"window_s", 0, NULL},
	{"tags", 0, NULL},
	{"price_upwh", 0, NULL},
	{"open", 0, NULL},
};

static const struct mkt_col contract_cols[] = {
	{"exec", MKT_COL_BIG, .head = "contract"},
	{"status", MKT_COL_TEXT, .head = "status"},
	{"window", MKT_COL_WINDOW, .head = "window"},
	{"tag", MKT_COL_TEXT, .head = "tags"},
	{"energy_wh", MKT_COL_ENERGY, .head = "energy"},
	{"price_u$_per_wh", MKT_COL_PRICE, .head = "price"},
	{"fee_u$_per_wh", MKT_COL_PRICE, .head = "fee", .wide = true},
	{.name = "buyer", .kind = MKT_COL_UINT},
	{"buyer_name", MKT_COL_TEXT, .head = "buyer", .cut = true},
	{.name = "seller", .kind = MKT_COL_UINT},
	{"seller_name", MKT_COL_TEXT, .head = "seller", .cut = true},
	{"buy_bid", MKT_COL_BIG, .head = "buy bid", .wide = true},
	{.name = "buy_leg", .kind = MKT_COL_UINT},
	{"sell_bid", MKT_COL_BIG, .head = "sell bid", .wide = true},
	{.name = "sell_leg", .kind = MKT_COL_UINT},
	{"taker", MKT_COL_TEXT, .head = "taker", .wide = true},
	{.name = "alt_leg", .kind = MKT_COL_UINT},
	{"alt_price_u$_per_wh", MKT_COL_PRICE, .head = "next best", .wide = true},
	{.name = "supply_wh", .kind = MKT_COL_ENERGY},
	{.name = "draw_wh", .kind = MKT_COL_ENERGY},
	{"delivered_wh", MKT_COL_ENERGY, .head = "delivered"},
	{.name = "supply_reported", .kind = MKT_COL_BOOL},
	{.name = "draw_reported", .kind = MKT_COL_BOOL},
	{"locked_u$", MKT_COL_MONEY, .head = "locked", .wide = true},
	{.name = "collateral_u$", .kind = MKT_COL_MONEY},
	{"paid_u$", MKT_COL_MONEY, .head = "paid", .wide = true},
	{.name = "fee_u$", .kind = MKT_COL_MONEY},
	{.name = "buyer_charge_u$", .kind = MKT_COL_MONEY},
	{.name = "seller_charge_u$", .kind = MKT_COL_MONEY},
	{"height", MKT_COL_UINT, .head = "block", .wide = true},
	{.name = "settled_height", .kind = MKT_COL_UINT},
	{.name = NULL}};
const struct mkt_table mkt_contract_table = {"contract", contract_cols, false};
const struct mkt_source mkt_contract_source[] = {
	{"exec", 'c', NULL}, {"status", 0, NULL},
	{"window_s", 0, NULL}, {"tags", 0, NULL},
	{"energy_wh", 0, NULL}, {"price_upwh", 0, NULL},
	{"fee_upwh", 0, NULL}, {"buyer", 0, NULL},
	{"buyer_name", 0, NULL},       {"seller", 0, NULL},
	{"seller_name", 0, NULL},      {"buy_bid", 'b', NULL},
	{"buy_leg", 0, NULL}, {"sell_bid", 'b', NULL},
	{"sell_leg", 0, NULL}, {"taker", 0, NULL},
	{"alt_leg", 0, NULL}, {"alt_price_upwh", 0, NULL},
	{"supply_wh", 0, NULL}, {"draw_wh", 0, NULL},
	{"delivered_wh", 0, NULL},     {"supply_reported", 0, NULL},
	{"draw_reported", 0, NULL},    {"locked_uc", 0, NULL},
	{"collateral_uc", 0, NULL},    {"paid_uc", 0, NULL},
	{"fee_uc", 0, NULL}, {"buyer_charge_uc", 0, NULL},
	{"seller_charge_uc", 0, NULL}, {"height", 0, NULL},
	{"settled_height", 0, NULL},
};
_Static_assert(MKT_ARRAY_SIZE(contract_cols) == MKT_ARRAY_SIZE(mkt_contract_source) + 1,
	       "a place for every column");

const struct mkt_opt mkt_list_options[] = {
	MKT_O_UINT(struct mkt_list_opts, limit, "limit", 0, "N", 1, 1000, "100", "rows at most"),
	MKT_O_TEXT(struct mkt_list_opts, cursor, "cursor", 0, "CURSOR", NULL,
		   "go on where a list ended"),
	MKT_O_END};

void mkt_list_query(struct mkt_buf *query, const struct mkt_list_opts *o, const char *key)
{
	mkt_buf_addf(query, "limit=%lld", (long long)o->limit.v);
	if (o->cursor) {
		mkt_buf_addf(query, "&%s=", key);
		mkt_url_escape(query, o->cursor);
	}
}

int mkt_list_print(struct mkt_session *s, const struct mkt_doc *doc, const struct mkt_source *from,
		   const struct mkt_answer *a)
{
	struct mkt_out *out = &s->app->out;
	int rc = mkt_out_open(out, doc, &s->app->err);

	if (rc)
		return rc;
	mkt_out_part(out, doc->parts[0]);
	rc = mkt_rows_add(s, doc->parts[0], from, &a->data);
	if (a->next)
		mkt_out_next(out, a->next);
	mkt_out_close(out);
	return rc;
}

bool mkt_for_people(const struct mkt_app *app)
{
	return app->out.form == MKT_FORM_HUMAN && !app->out.fields;
}
