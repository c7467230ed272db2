/* Events of the chain in words. */
#include "core/base/compat.h"

#include "core/units/fmt.h"
#include "core/wire/story.h"

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

void mkt_story_window(const struct mkt_story *s, const struct mkt_jval *obj, struct mkt_buf *out)
{
	mkt_buf_addstr(out,
		       mkt_fmt_window(s->zone, mkt_count(obj, "window_s"), s->facts->window_s).s);
}

static int64_t number(const struct mkt_jval *obj, const char *key, int64_t otherwise)
{
	int64_t v;

	if (!mkt_jval_has(obj, key) || mkt_jget_i64(obj, key, INT64_MIN, INT64_MAX, &v, NULL))
		return otherwise;
	return v;
}

static struct mkt_text energy(const struct mkt_jval *ev, const char *key)
{
	return mkt_fmt_energy(mkt_count(ev, key));
}

static struct mkt_text money(const struct mkt_story *s, const struct mkt_jval *ev, const char *key)
{
	return mkt_fmt_money(number(ev, key, 0), s->facts->currency);
}

/* An account without a name has its number for one: people read "#3". */
static void add_who(struct mkt_buf *b, const struct mkt_jval *ev, const char *key)
{
	const char *name = mkt_word(ev, key);

	mkt_buf_addf(b, "%s%s", name[0] >= '0' && name[0] <= '9' ? "#" : "", name);
}

/* "3 bids", "1 bid" */
static void add_count(struct mkt_buf *b, const struct mkt_jval *ev, const char *key,
		      const char *what)
{
	uint64_t n = mkt_count(ev, key);

	mkt_buf_addf(b, "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
}

/* ---- sentences ---------------------------------------------------------------------------- */

static void say_result(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
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

static void say_contract(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	mkt_buf_addf(b, "c%llu: ", (unsigned long long)mkt_count(ev, "exec"));
	add_who(b, ev, "buyer_name");
	mkt_buf_addf(b, " buys %s from ", energy(ev, "energy_wh").s);
	add_who(b, ev, "seller_name");
	mkt_buf_addstr(b, ", ");
	mkt_story_window(s, ev, b);
	mkt_buf_addf(b, " %s at %s", mkt_word(ev, "tags"),
		     mkt_fmt_price((int32_t)number(ev, "price_upwh", 0), s->facts->currency).s);
	mkt_buf_addf(b, " (b%llu, b%llu)", (unsigned long long)mkt_count(ev, "buy_bid"),
		     (unsigned long long)mkt_count(ev, "sell_bid"));
}

static void say_gone(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
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

static void say_gate(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	mkt_buf_addstr(b, "gate of ");
	mkt_story_window(s, ev, b);
	mkt_buf_addstr(b, " is closed: ");
	add_count(b, ev, "legs", "leg");
	mkt_buf_addstr(b, " left, ");
	add_count(b, ev, "expired", "bid");
	mkt_buf_addstr(b, " expired");
}

static void say_report(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
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

static void say_charge(const struct mkt_story *s, const struct mkt_jval *ev, const char *who,
		       const char *key, struct mkt_buf *b)
{
	if (!number(ev, key, 0))
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

static void say_settled(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	mkt_buf_addf(b, "c%llu settled: %s of %s delivered, ",
		     (unsigned long long)mkt_count(ev, "exec"), energy(ev, "delivered_wh").s,
		     energy(ev, "contracted_wh").s);
	add_who(b, ev, "buyer_name");
	mkt_buf_addf(b, " pays ");
	add_who(b, ev, "seller_name");
	mkt_buf_addf(b, " %s", money(s, ev, "paid_uc").s);
	if (number(ev, "fee_uc", 0))
		mkt_buf_addf(b, " and %s in fees", money(s, ev, "fee_uc").s);
	say_charge(s, ev, "buyer_name", "buyer_charge_uc", b);
	say_charge(s, ev, "seller_name", "seller_charge_uc", b);
	say_unreported(ev, "supply_reported", "supply", b);
	say_unreported(ev, "draw_reported", "draw", b);
}

static void say_money(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
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

static void say_block(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *b)
{
	uint64_t ms = 0;

	if (mkt_jget_time(ev, "time", &ms, NULL))
		ms = 0;
	add_count(b, ev, "txs", "transaction");
	mkt_buf_addstr(b, ", ");
	add_count(b, ev, "events", "event");
	mkt_buf_addf(b, ", %s", mkt_fmt_local(s->zone, ms / 1000).s);
}

void mkt_story_event(const struct mkt_story *s, const struct mkt_jval *ev, struct mkt_buf *out)
{
	static const struct {
		const char *kind;
		void (*say)(const struct mkt_story *s, const struct mkt_jval *ev,
			    struct mkt_buf *b);
	} t[] = {
		{"result", say_result}, {"contract", say_contract}, {"gone", say_gone},
		{"gate", say_gate},	{"report", say_report},	    {"settled", say_settled},
		{"money", say_money},	{"block", say_block},
	};
	const char *kind = mkt_word(ev, "kind");

	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
		if (!strcmp(t[i].kind, kind)) {
			t[i].say(s, ev, out);
			return;
		}
	mkt_buf_addf(out, "an event of kind '%s'", kind);
}
