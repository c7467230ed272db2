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

const char *mkt_word(const struct mkt_jval *obj, const char *key)
{
	const char *text;

	return mkt_jget_str(obj, key, &text, NULL, NULL) ? "?" : text;
}

uint64_t mkt_count(const struct mkt_jval *obj, const char *key)
{
	uint64_t v = 0;

	if (mkt_jval_has(obj, key) && mkt_jget_u64(obj, key, UINT64_MAX, &v, NULL))
		return 0;
	return v;
}

void mkt_add_window(struct mkt_session *s, const struct mkt_jval *obj, struct mkt_buf *out)
{
	mkt_buf_addstr(out,
		       mkt_fmt_window(&s->zone, mkt_count(obj, "window_s"), s->facts.window_s).s);
}

static struct mkt_text energy(const struct mkt_jval *ev, const char *key)
{
	return mkt_fmt_energy(mkt_count(ev, key));
}

static struct mkt_text money(struct mkt_session *s, const struct mkt_jval *ev, const char *key)
{
	return mkt_fmt_money(mkt_act_number(ev, key, 0), s->facts.currency);
}

/* An account without a name has its number for one: people read "#3". */
static void add_who(struct mkt_buf *b, const struct mkt_jval *ev, const char *key)
{
	const char *name = mkt_word(ev, key);

	mkt_buf_addf(b, "%s%s", name[0] >= '0' && name[0] <= '9' ? "#" : "", name);
}

void mkt_event_place(const struct mkt_jval *ev, char *out, size_t size)
{
	if (mkt_jval_has(ev, "n"))
		snprintf(out, size, "%llu:%llu", (unsigned long long)mkt_count(ev, "height"),
			 (unsigned long long)mkt_count(ev, "n"));
	else
		snprintf(out, size, "%llu", (unsigned long long)mkt_count(ev, "height"));
}

/* "3 bids", "1 bid" */
static void add_count(struct mkt_buf *b, const struct mkt_jval *ev, const char *key,
		      const char *what)
{
	uint64_t n = mkt_count(ev, key);

	mkt_buf_addf(b, "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
}

/* ---- sentences ---------------------------------------------------------------------------- */

static void say_result(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	const char *what = mkt_word(ev, "what");

	(void)s;
	add_who(b, ev, "account_name");
	if (strcmp(mkt_word(ev, "code"), "ok")) {
		mkt_buf_addf(b, ": %s refused: %s", what, mkt_word(ev, "message"));
		return;
	}
	mkt_buf_addf(b, ": %s", what);
	if (mkt_jval_has(ev, "bid"))
		mkt_buf_addf(b, " b%llu", (unsigned long long)mkt_count(ev, "bid"));
	if (mkt_jval_has(ev, "exec"))
		mkt_buf_addf(b, " c%llu", (unsigned long long)mkt_count(ev, "exec"));
	if (mkt_jval_has(ev, "bids")) {
		mkt_buf_addstr(b, " of ");
		add_count(b, ev, "bids", "bid");
	}
	if (mkt_jval_has(ev, "enrolled"))
		mkt_buf_addf(b, " of account #%llu", (unsigned long long)mkt_count(ev, "enrolled"));
	if (mkt_jval_has(ev, "left_wh"))
		mkt_buf_addf(b, ", %s left", energy(ev, "left_wh").s);
	if (mkt_jval_has(ev, "freed_wh"))
		mkt_buf_addf(b, ", %s withdrawn", energy(ev, "freed_wh").s);
	if (mkt_jval_has(ev, "taken_wh"))
		mkt_buf_addf(b, ", %s taken", energy(ev, "taken_wh").s);
}

static void say_contract(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	mkt_buf_addf(b, "c%llu: ", (unsigned long long)mkt_count(ev, "exec"));
	add_who(b, ev, "buyer_name");
	mkt_buf_addf(b, " buys %s from ", energy(ev, "energy_wh").s);
	add_who(b, ev, "seller_name");
	mkt_buf_addstr(b, ", ");
	mkt_add_window(s, ev, b);
	mkt_buf_addf(
		b, " %s at %s", mkt_word(ev, "tags"),
		mkt_fmt_price((int32_t)mkt_act_number(ev, "price_upwh", 0), s->facts.currency).s);
	mkt_buf_addf(b, " (b%llu, b%llu)", (unsigned long long)mkt_count(ev, "buy_bid"),
		     (unsigned long long)mkt_count(ev, "sell_bid"));
}

static void say_gone(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	static const struct {
		const char *reason, *words;
	} t[] = {
		{"filled", "is filled"},
		{"cancelled", "is cancelled"},
		{"expired", "has expired: the gates of all its windows are closed"},
		{"until", "has ended at the time it was given"},
		{"ioc", "drops what did not match at once"},
		{"suspended", "is withdrawn: its account is suspended"},
	};
	const char *reason = mkt_word(ev, "reason"), *words = reason;

	(void)s;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
		if (!strcmp(t[i].reason, reason))
			words = t[i].words;
	mkt_buf_addf(b, "b%llu of ", (unsigned long long)mkt_count(ev, "bid"));
	add_who(b, ev, "account_name");
	mkt_buf_addf(b, " %s", words);
	if (mkt_count(ev, "left_wh"))
		mkt_buf_addf(b, "; %s of %s were not matched", energy(ev, "left_wh").s,
			     energy(ev, "amount_wh").s);
}

static void say_gate(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	mkt_buf_addstr(b, "gate of ");
	mkt_add_window(s, ev, b);
	mkt_buf_addstr(b, " is closed: ");
	add_count(b, ev, "legs", "leg");
	mkt_buf_addstr(b, " left, ");
	add_count(b, ev, "expired", "bid");
	mkt_buf_addstr(b, " expired");
}

static void say_report(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	const char *charger = mkt_word(ev, "charger");

	(void)s;
	mkt_buf_addf(b, "c%llu: ", (unsigned long long)mkt_count(ev, "exec"));
	add_who(b, ev, "account_name");
	mkt_buf_addf(b, " reports %s %s", energy(ev, "energy_wh").s,
		     strcmp(mkt_word(ev, "side"), "supply") ? "drawn" : "supplied");
	if (mkt_count(ev, "reported_wh") != mkt_count(ev, "energy_wh"))
		mkt_buf_addf(b, " (%s reported, cut at the contract)", energy(ev, "reported_wh").s);
	if (charger[0])
		mkt_buf_addf(b, ", charger %s", charger);
}

static void say_charge(struct mkt_session *s, const struct mkt_jval *ev, const char *who,
		       const char *key, struct mkt_buf *b)
{
	if (!mkt_act_number(ev, key, 0))
		return;
	mkt_buf_addstr(b, ", ");
	add_who(b, ev, who);
	mkt_buf_addf(b, " is charged %s for what is short", money(s, ev, key).s);
}

/* A side that nobody reported counted by the rule of the chain. */
static void say_unreported(const struct mkt_jval *ev, const char *key, const char *side,
			   struct mkt_buf *b)
{
	bool reported;

	if (!mkt_jget_bool(ev, key, &reported, NULL) && !reported)
		mkt_buf_addf(b, "; nobody reported the %s", side);
}

static void say_settled(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	mkt_buf_addf(b, "c%llu settled: %s of %s delivered, ",
		     (unsigned long long)mkt_count(ev, "exec"), energy(ev, "delivered_wh").s,
		     energy(ev, "contracted_wh").s);
	add_who(b, ev, "buyer_name");
	mkt_buf_addf(b, " pays ");
	add_who(b, ev, "seller_name");
	mkt_buf_addf(b, " %s", money(s, ev, "paid_uc").s);
	if (mkt_act_number(ev, "fee_uc", 0))
		mkt_buf_addf(b, " and %s in fees", money(s, ev, "fee_uc").s);
	say_charge(s, ev, "buyer_name", "buyer_charge_uc", b);
	say_charge(s, ev, "seller_name", "seller_charge_uc", b);
	say_unreported(ev, "supply_reported", "supply", b);
	say_unreported(ev, "draw_reported", "draw", b);
}

static void say_money(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	const char *why = mkt_word(ev, "why");

	mkt_buf_addf(b, "%s of %s", why, money(s, ev, "money_uc").s);
	if (mkt_jval_has(ev, "from")) {
		mkt_buf_addstr(b, " from ");
		add_who(b, ev, "from_name");
	}
	if (mkt_jval_has(ev, "to")) {
		mkt_buf_addstr(b, " to ");
		add_who(b, ev, "to_name");
	}
	if (mkt_jval_has(ev, "exec"))
		mkt_buf_addf(b, " for c%llu", (unsigned long long)mkt_count(ev, "exec"));
}

static void say_block(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	uint64_t ms = 0;

	if (mkt_jget_time(ev, "time", &ms, NULL))
		ms = 0;
	add_count(b, ev, "txs", "transaction");
	mkt_buf_addstr(b, ", ");
	add_count(b, ev, "events", "event");
	mkt_buf_addf(b, ", %s", mkt_fmt_local(&s->zone, ms / 1000).s);
}

void mkt_event_sentence(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *out)
{
	static const struct {
		const char *kind;
		void (*say)(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *b);
	} t[] = {
		{"result", say_result}, {"contract", say_contract}, {"gone", say_gone},
		{"gate", say_gate}, {"report", say_report}, {"settled", say_settled},
		{"money", say_money}, {"block", say_block},
	};
	const char *kind = mkt_word(ev, "kind");

	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
		if (!strcmp(t[i].kind, kind)) {
			t[i].say(s, ev, out);
			return;
		}
	mkt_buf_addf(out, "an event of kind '%s'", kind);
}
