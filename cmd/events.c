#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/events.h"
#include "core/units/fmt.h"

static const struct mkt_col event_cols[] = {
	{"height", MKT_COL_UINT, .head = "block"},
	{"n", MKT_COL_UINT, .head = "n"},
	{"kind", MKT_COL_TEXT, .head = "kind"},
	{.name = "tx", .kind = MKT_COL_UINT},
	{.name = "op", .kind = MKT_COL_UINT},
	{.name = "account", .kind = MKT_COL_UINT},
	{.name = "account_name", .kind = MKT_COL_TEXT},
	{.name = "what", .kind = MKT_COL_TEXT},
	{.name = "code", .kind = MKT_COL_TEXT},
	{.name = "message", .kind = MKT_COL_TEXT},
	{.name = "leg", .kind = MKT_COL_UINT},
	{.name = "bid", .kind = MKT_COL_BIG},
	{.name = "exec", .kind = MKT_COL_BIG},
	{.name = "window", .kind = MKT_COL_WINDOW},
	{.name = "tag", .kind = MKT_COL_TEXT},
	{.name = "energy_wh", .kind = MKT_COL_ENERGY},
	{.name = "price_u$_per_wh", .kind = MKT_COL_PRICE},
	{.name = "fee_u$_per_wh", .kind = MKT_COL_PRICE},
	{.name = "buyer", .kind = MKT_COL_UINT},
	{.name = "buyer_name", .kind = MKT_COL_TEXT},
	{.name = "seller", .kind = MKT_COL_UINT},
	{.name = "seller_name", .kind = MKT_COL_TEXT},
	{.name = "buy_bid", .kind = MKT_COL_BIG},
	{.name = "buy_leg", .kind = MKT_COL_UINT},
	{.name = "sell_bid", .kind = MKT_COL_BIG},
	{.name = "sell_leg", .kind = MKT_COL_UINT},
	{.name = "taker", .kind = MKT_COL_TEXT},
	{.name = "alt_leg", .kind = MKT_COL_UINT},
	{.name = "alt_price_u$_per_wh", .kind = MKT_COL_PRICE},
	{.name = "reason", .kind = MKT_COL_TEXT},
	{.name = "amount_wh", .kind = MKT_COL_ENERGY},
	{.name = "left_wh", .kind = MKT_COL_ENERGY},
	{.name = "freed_wh", .kind = MKT_COL_ENERGY},
	{.name = "taken_wh", .kind = MKT_COL_ENERGY},
	{.name = "side", .kind = MKT_COL_TEXT},
	{.name = "reported_wh", .kind = MKT_COL_ENERGY},
	{.name = "charger", .kind = MKT_COL_TEXT},
	{.name = "contracted_wh", .kind = MKT_COL_ENERGY},
	{.name = "supply_wh", .kind = MKT_COL_ENERGY},
	{.name = "draw_wh", .kind = MKT_COL_ENERGY},
	{.name = "delivered_wh", .kind = MKT_COL_ENERGY},
	{.name = "supply_reported", .kind = MKT_COL_BOOL},
	{.name = "draw_reported", .kind = MKT_COL_BOOL},
	{.name = "paid_u$", .kind = MKT_COL_MONEY},
	{.name = "fee_u$", .kind = MKT_COL_MONEY},
	{.name = "buyer_charge_u$", .kind = MKT_COL_MONEY},
	{.name = "seller_charge_u$", .kind = MKT_COL_MONEY},
	{.name = "legs", .kind = MKT_COL_UINT},
	{.name = "expired", .kind = MKT_COL_UINT},
	{.name = "contracts", .kind = MKT_COL_UINT},
	{.name = "number", .kind = MKT_COL_UINT},
	{.name = "why", .kind = MKT_COL_TEXT},
	{.name = "from", .kind = MKT_COL_UINT},
	{.name = "from_name", .kind = MKT_COL_TEXT},
	{.name = "to", .kind = MKT_COL_UINT},
	{.name = "to_name", .kind = MKT_COL_TEXT},
	{.name = "money_u$", .kind = MKT_COL_MONEY},
	{.name = "bids", .kind = MKT_COL_UINT},
	{.name = "enrolled", .kind = MKT_COL_UINT},
	{.name = "who", .kind = MKT_COL_UINT},
	{.name = "time_ms", .kind = MKT_COL_TIME_MS, .json = "time"},
	{.name = "txs", .kind = MKT_COL_UINT},
	{.name = "events", .kind = MKT_COL_UINT},
	{.name = NULL}};
const struct mkt_table mkt_event_table = {"event", event_cols, false};

#define P(path)                                                                                    \
	{                                                                                          \
		path, 0, NULL                                                                      \
	}
const struct mkt_source mkt_event_source[] = {
	P("height"),
	P("n"),
	P("kind"),
	P("tx"),
	P("op"),
	P("account"),
	P("account_name"),
	P("what"),
	P("code"),
	P("message"),
	P("leg"),
	P("bid"),
	P("exec"),
	P("window_s"),
	P("tags"),
	P("energy_wh"),
	P("price_upwh"),
	P("fee_upwh"),
	P("buyer"),
	P("buyer_name"),
	P("seller"),
	P("seller_name"),
	P("buy_bid"),
	P("buy_leg"),
	P("sell_bid"),
	P("sell_leg"),
	P("taker"),
	P("alt_leg"),
	P("alt_price_upwh"),
	P("reason"),
	P("amount_wh"),
	P("left_wh"),
	P("freed_wh"),
	P("taken_wh"),
	P("side"),
	P("reported_wh"),
	P("charger"),
	P("contracted_wh"),
	P("supply_wh"),
	P("draw_wh"),
	P("delivered_wh"),
	P("supply_reported"),
	P("draw_reported"),
	P("paid_uc"),
	P("fee_uc"),
	P("buyer_charge_uc"),
	P("seller_charge_uc"),
	P("legs"),
	P("expired"),
	P("contracts"),
	P("number"),
	P("why"),
	P("from"),
	P("from_name"),
	P("to"),
	P("to_name"),
	P("money_uc"),
	P("bids"),
	P("enrolled"),
	P("who"),
	P("time"),
	P("txs"),
	P("events"),
};
#undef P
_Static_assert(MKT_ARRAY_SIZE(event_cols) == MKT_ARRAY_SIZE(mkt_event_source) + 1,
	       "a place for every column");
_Static_assert(MKT_ARRAY_SIZE(event_cols) <= MKT_COLS_MAX + 1, "a bit for every column");

/* ---- words -------------------------------------------------------------------------------- */

void mkt_event_place(const struct mkt_jval *ev, char *out, size_t size)
{
	if (mkt_jval_has(ev, "n"))
		snprintf(out, size, "%llu:%llu", (unsigned long long)mkt_count(ev, "height"),
			 (unsigned long long)mkt_count(ev, "n"));
	else
		snprintf(out, size, "%llu", (unsigned long long)mkt_count(ev, "height"));
}

void mkt_add_window(struct mkt_session *s, const struct mkt_jval *obj, struct mkt_buf *out)
{
	mkt_story_window(&(struct mkt_story){&s->facts, &s->zone}, obj, out);
}

void mkt_event_sentence(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *out)
{
	mkt_story_event(&(struct mkt_story){&s->facts, &s->zone}, ev, out);
}
