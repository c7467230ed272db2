/*
 * mkt why: why a bid, a contract or a transaction came out as it did, from what
 * the chain tells.
 */
#include "core/base/compat.h"

#include <stdarg.h>

#include "cmd/act.h"
#include "cmd/agent.h"
#include "cmd/charge.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"

#define LEGS_ASKED_MAX 16 /* open legs whose book is looked at */

enum {
	Y_CODE,
	Y_HEIGHT,
	Y_LEG,
	Y_AGAINST,
	Y_EXEC,
	Y_PRICE,
	Y_SURPLUS,
	Y_ALT_LEG,
	Y_ALT_PRICE,
	Y_ALT_SURPLUS,
	Y_TEXT,
	Y_COLS
};

static const struct mkt_col reason_cols[] = {
	[Y_CODE] = {"code", MKT_COL_TEXT, .head = "code"},
	[Y_HEIGHT] = {"height", MKT_COL_UINT, .head = "block"},
	[Y_LEG] = {"leg", MKT_COL_UINT, .head = "leg"},
	[Y_AGAINST] = {"against_bid", MKT_COL_BIG, .head = "against"},
	[Y_EXEC] = {"exec", MKT_COL_BIG, .head = "contract"},
	[Y_PRICE] = {"price_u$_per_wh", MKT_COL_PRICE, .head = "price"},
	[Y_SURPLUS] = {"surplus_u$_per_wh", MKT_COL_PRICE, .head = "surplus"},
	[Y_ALT_LEG] = {"alt_leg", MKT_COL_UINT, .head = "next leg"},
	[Y_ALT_PRICE] = {"alt_price_u$_per_wh", MKT_COL_PRICE, .head = "next price"},
	[Y_ALT_SURPLUS] = {"alt_surplus_u$_per_wh", MKT_COL_PRICE, .head = "next surplus"},
	[Y_TEXT] = {"text", MKT_COL_TEXT, .head = "reason"},
	{.name = NULL}};
static const struct mkt_table reason_table = {"reason", reason_cols, false};

enum { U_KIND, U_ID, U_STATE, U_TEXT, U_COLS };

static const struct mkt_col subject_cols[] = {[U_KIND] = {"kind", MKT_COL_TEXT, .head = "kind"},
					      [U_ID] = {"id", MKT_COL_TEXT, .head = "id"},
					      [U_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
					      [U_TEXT] = {"text", MKT_COL_TEXT, .head = "summary"},
					      {.name = NULL}};
static const struct mkt_table subject_table = {"subject", subject_cols, true};
static const struct mkt_doc why_doc = {"why", 1, {&subject_table, &reason_table}, false};

struct why {
	struct mkt_session s;
	bool people;
};

/* ---- saying it ---------------------------------------------------------------------------- */

/* A sentence; on a terminal in lines of its width, the later ones indented. */
static void say_wrapped(struct why *w, const char *lead, const char *text)
{
	size_t width = w->s.app->term.columns > 40 ? w->s.app->term.columns : 40;
	size_t room = width - strlen(lead);

	while (w->s.app->term.out_tty && strlen(text) > room) {
		size_t n = room;

		while (n && text[n] != ' ')
			n--;
		if (!n)
			break;
		mkt_out_say(&w->s.app->out, "%s%.*s\n", lead, (int)n, text);
		text += n + 1;
		lead = "  ";
		room = width - 2;
	}
	mkt_out_say(&w->s.app->out, "%s%s\n", lead, text);
}

static void subject(struct why *w, const char *kind, const char *id, const char *state,
		    const char *text)
{
	struct mkt_val v[U_COLS] = {
		[U_KIND] = mkt_v_text(kind),
		[U_ID] = mkt_v_text(id),
		[U_STATE] = mkt_v_text(state),
		[U_TEXT] = mkt_v_text(text),
	};

	if (w->people) {
		say_wrapped(w, "", text);
		return;
	}
	mkt_out_part(&w->s.app->out, &subject_table);
	mkt_out_row(&w->s.app->out, v);
	mkt_out_part(&w->s.app->out, &reason_table);
}

/* One reason.  @v holds what is known besides code and text. */
static void reason(struct why *w, struct mkt_val v[Y_COLS], const char *code, struct mkt_buf *text)
{
	v[Y_CODE] = mkt_v_text(code);
	v[Y_TEXT] = mkt_v_text(mkt_buf_str(text));
	if (w->people)
		say_wrapped(w, "- ", mkt_buf_str(text));
	else
		mkt_out_row(&w->s.app->out, v);
	mkt_buf_release(text);
}

static void plain_reason(struct why *w, const char *code, uint64_t height, const char *fmt, ...)
	MKT_PRINTF(4, 5);

static void plain_reason(struct why *w, const char *code, uint64_t height, const char *fmt, ...)
{
	struct mkt_val v[Y_COLS] = {{0}};
	struct mkt_buf b = MKT_BUF_INIT;
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mkt_buf_addstr(&b, text);
	if (height)
		v[Y_HEIGHT] = mkt_v_uint(height);
	reason(w, v, code, &b);
}

static struct mkt_text price(const struct why *w, int64_t upwh)
{
	return mkt_fmt_price((int32_t)upwh, w->s.facts.currency);
}

/* ---- legs --------------------------------------------------------------------------------- */

struct leg {
	uint64_t start_s;
	const char *tags;
	int64_t limit_upwh;
	int32_t fee_upwh;
	bool direct, open;
};

/* Leg @i of a bid's JSON; false if it is not there. */
static bool get_leg(const struct why *w, const struct mkt_jval *bid, uint64_t i, struct leg *leg)
{
	const struct mkt_tag_table *t = &w->s.facts.tags;
	struct mkt_jiter it = {0};
	struct mkt_jval legs, at;
	mkt_tags tags = 0;

	if (mkt_jget_arr(bid, "legs", &legs, NULL) || i >= mkt_jval_count(&legs))
		return false;
	for (uint64_t k = 0; k <= i; k++)
		if (!mkt_jval_next(&legs, &it, &at))
			return false;
	leg->start_s = mkt_count(&at, "window_s");
	leg->tags = mkt_word(&at, "tags");
	leg->limit_upwh = mkt_act_number(&at, "price_upwh", 0);
	leg->fee_upwh = 0;
	leg->direct = false;
	leg->open = false;
	if (!mkt_tags_parse(t, leg->tags, &tags, NULL)) {
		leg->direct = mkt_tags_direct(t, tags);
		if (mkt_tags_fee(t, tags, &leg->fee_upwh))
			leg->fee_upwh = 0;
	}
	return !mkt_jval_has(&at, "open") || !mkt_jget_bool(&at, "open", &leg->open, NULL);
}

/* "leg 2 (2026-11-23 10:30-11:00 JST green, limit 27.00 JPY/kWh)" */
static void add_leg(const struct why *w, uint64_t i, const struct leg *leg, struct mkt_buf *b)
{
	mkt_buf_addf(b, "leg %llu (%s %s, limit %s)", (unsigned long long)i + 1,
		     mkt_fmt_window(&w->s.zone, leg->start_s, w->s.facts.window_s).s, leg->tags,
		     price(w, leg->limit_upwh).s);
}

/* What is gained per Wh against the limit, by R3. */
static int64_t surplus(const struct leg *leg, int64_t price_upwh)
{
	int64_t d = leg->limit_upwh - price_upwh;

	return (d < 0 ? -d : d) - leg->fee_upwh;
}

/* ---- why this contract -------------------------------------------------------------------- */

/* A contract seen from the bid that came and took it. */
struct taking {
	const struct mkt_jval *contract, *bid;
	uint64_t leg_no, alt_no;
	struct leg leg, alt;
	bool has_alt;
	size_t nlegs;
	int64_t price, alt_price;
};

static void add_choice(struct why *w, const struct taking *t, struct mkt_buf *b)
{
	int64_t mine, other;

	if (!t->has_alt) {
		if (t->nlegs > 1)
			mkt_buf_addstr(b, "; none of the other legs had an offer");
		return;
	}
	mine = surplus(&t->leg, t->price);
	other = surplus(&t->alt, t->alt_price);
	mkt_buf_addf(b, "; the next best was leg %llu at %s: ", (unsigned long long)t->alt_no + 1,
		     price(w, t->alt_price).s);
	if (t->leg.direct && !t->alt.direct)
		mkt_buf_addstr(b, "direct markets come first");
	else if (mine > other)
		mkt_buf_addf(b, "a surplus of %s there, of %s here", price(w, other).s,
			     price(w, mine).s);
	else
		mkt_buf_addf(b,
			     "the surplus of %s is the same; then the offer that came first "
			     "is taken, and of one offer's the leg listed first",
			     price(w, mine).s);
}

static void say_taking(struct why *w, struct taking *t, uint64_t maker)
{
	struct mkt_val v[Y_COLS] = {{0}};
	struct mkt_buf b = MKT_BUF_INIT;
	uint64_t exec = mkt_count(t->contract, "exec");

	mkt_buf_addf(&b, "c%llu: ", (unsigned long long)exec);
	add_leg(w, t->leg_no, &t->leg, &b);
	mkt_buf_addf(&b, " took %s from b%llu at %s, the limit of b%llu, which rested first",
		     mkt_fmt_energy(mkt_count(t->contract, "energy_wh")).s,
		     (unsigned long long)maker, price(w, t->price).s, (unsigned long long)maker);
	add_choice(w, t, &b);
	v[Y_HEIGHT] = mkt_v_uint(mkt_count(t->contract, "height"));
	v[Y_LEG] = mkt_v_uint(t->leg_no);
	v[Y_AGAINST] = mkt_v_uint(maker);
	v[Y_EXEC] = mkt_v_uint(exec);
	v[Y_PRICE] = mkt_v_int(t->price);
	v[Y_SURPLUS] = mkt_v_int(surplus(&t->leg, t->price));
	if (t->has_alt) {
		v[Y_ALT_LEG] = mkt_v_uint(t->alt_no);
		v[Y_ALT_PRICE] = mkt_v_int(t->alt_price);
		v[Y_ALT_SURPLUS] = mkt_v_int(surplus(&t->alt, t->alt_price));
	}
	reason(w, v, "took", &b);
}

static void say_taken(struct why *w, const struct mkt_jval *c, uint64_t leg_no,
		      const struct leg *leg, uint64_t taker)
{
	struct mkt_val v[Y_COLS] = {{0}};
	struct mkt_buf b = MKT_BUF_INIT;
	uint64_t exec = mkt_count(c, "exec");

	mkt_buf_addf(&b, "c%llu: b%llu came and took %s from ", (unsigned long long)exec,
		     (unsigned long long)taker, mkt_fmt_energy(mkt_count(c, "energy_wh")).s);
	add_leg(w, leg_no, leg, &b);
	mkt_buf_addstr(&b, " at this limit, because it rested here");
	v[Y_HEIGHT] = mkt_v_uint(mkt_count(c, "height"));
	v[Y_LEG] = mkt_v_uint(leg_no);
	v[Y_AGAINST] = mkt_v_uint(taker);
	v[Y_EXEC] = mkt_v_uint(exec);
	v[Y_PRICE] = mkt_v_int(mkt_act_number(c, "price_upwh", 0));
	v[Y_SURPLUS] = mkt_v_int(0);
	reason(w, v, "taken", &b);
}

/* Contract @c from the side of its bid @bid, which is the buy or the sell bid. */
static void say_contract(struct why *w, const struct mkt_jval *c, const struct mkt_jval *bid,
			 bool buys)
{
	bool took = !strcmp(mkt_word(c, "taker"), buys ? "buy" : "sell");
	uint64_t other = mkt_count(c, buys ? "sell_bid" : "buy_bid");
	struct taking t = {.contract = c, .bid = bid};
	struct mkt_jval legs;

	t.nlegs = mkt_jget_arr(bid, "legs", &legs, NULL) ? 0 : mkt_jval_count(&legs);
	t.leg_no = mkt_count(c, buys ? "buy_leg" : "sell_leg");
	t.price = mkt_act_number(c, "price_upwh", 0);
	if (!get_leg(w, bid, t.leg_no, &t.leg))
		return;
	if (!took) {
		say_taken(w, c, t.leg_no, &t.leg, other);
		return;
	}
	t.alt_no = mkt_count(c, "alt_leg");
	t.has_alt = mkt_jval_has(c, "alt_leg") && get_leg(w, bid, t.alt_no, &t.alt);
	t.alt_price = mkt_act_number(c, "alt_price_upwh", 0);
	say_taking(w, &t, other);
}

/* ---- why a bid rests ---------------------------------------------------------------------- */

static int say_resting(struct why *w, uint64_t i, const struct leg *leg, bool buys)
{
	const char *key = buys ? "sell_upwh" : "buy_upwh", *side = buys ? "sells" : "buys";
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_val v[Y_COLS] = {{0}};
	struct mkt_buf tags = MKT_BUF_INIT, b = MKT_BUF_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int64_t best;
	int rc;

	mkt_url_escape(&tags, leg->tags);
	rc = mkt_session_get(&w->s, &a, "/v1/books?from=%llu&count=1&summary=1&tags=%s",
			     (unsigned long long)leg->start_s, mkt_buf_str(&tags));
	mkt_buf_release(&tags);
	if (rc)
		return rc;
	add_leg(w, i, leg, &b);
	v[Y_LEG] = mkt_v_uint(i);
	if (!mkt_jval_next(&a.data, &it, &at) || !mkt_jval_has(&at, key)) {
		mkt_buf_addf(&b, " rests: nobody %s there", side);
		reason(w, v, "no-offer", &b);
	} else {
		best = mkt_act_number(&at, key, 0);
		v[Y_PRICE] = mkt_v_int(best);
		mkt_buf_addf(&b, " rests: the best price there is %s", price(w, best).s);
		if (buys ? best <= leg->limit_upwh : best >= leg->limit_upwh) {
			mkt_buf_addstr(&b,
				       ", of the same account; bids of one account do not match");
			reason(w, v, "own-offer", &b);
		} else {
			mkt_buf_addf(
				&b, ", %s away",
				price(w, buys ? best - leg->limit_upwh : leg->limit_upwh - best).s);
			reason(w, v, "no-cross", &b);
		}
	}
	mkt_answer_release(&a);
	return 0;
}

static int say_open_legs(struct why *w, const struct mkt_jval *bid, bool buys)
{
	struct leg leg;
	unsigned asked = 0;
	int rc = 0;

	for (uint64_t i = 0; !rc && get_leg(w, bid, i, &leg); i++) {
		if (!leg.open) {
			plain_reason(w, "gate-closed", 0,
				     "leg %llu (%s %s) has left: its gate is closed",
				     (unsigned long long)i + 1,
				     mkt_fmt_window(&w->s.zone, leg.start_s, w->s.facts.window_s).s,
				     leg.tags);
			continue;
		}
		if (asked++ == LEGS_ASKED_MAX) {
			plain_reason(w, "more", 0, "there are more open legs; see 'mkt bids -v'");
			break;
		}
		rc = say_resting(w, i, &leg, buys);
	}
	return rc;
}

/* ---- bids --------------------------------------------------------------------------------- */

static void say_events(struct why *w, const struct mkt_jval *events)
{
	struct mkt_jiter it = {0};
	struct mkt_jval ev;

	while (mkt_jval_next(events, &it, &ev)) {
		struct mkt_val v[Y_COLS] = {{0}};
		struct mkt_buf b = MKT_BUF_INIT;
		const char *kind = mkt_word(&ev, "kind"), *code = kind;

		/* Contracts and the bid's placing are told before. */
		if (!strcmp(kind, "contract") ||
		    (!strcmp(kind, "result") && !strcmp(mkt_word(&ev, "what"), "bid")))
			continue;
		if (!strcmp(kind, "gone"))
			code = mkt_word(&ev, "reason");
		mkt_event_sentence(&w->s, &ev, &b);
		v[Y_HEIGHT] = mkt_v_uint(mkt_count(&ev, "height"));
		reason(w, v, code, &b);
	}
}

/* What an agent of this user thought. */
static void say_agent(void *arg, uint64_t time_s, const char *slot, const char *why)
{
	struct why *w = arg;

	plain_reason(w, "agent", 0, "agent, %s, for %s: %s",
		     mkt_fmt_local(&w->s.zone, time_s).s, slot, why);
}

static int say_bid(struct why *w, const struct mkt_jval *bid)
{
	struct mkt_err *err = &w->s.app->err;
	const char *state = mkt_word(bid, "state"), *side = mkt_word(bid, "side");
	bool buys = !strcmp(side, "buy");
	uint64_t id = mkt_count(bid, "bid");
	struct mkt_jval contracts, events, legs, c;
	struct mkt_jiter it = {0};
	char name[24], text[400];
	int rc = mkt_jget_arr(bid, "contracts", &contracts, err);

	if (!rc)
		rc = mkt_jget_arr(bid, "events", &events, err);
	if (!rc)
		rc = mkt_jget_arr(bid, "legs", &legs, err);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), w->people ? "b%llu" : "%llu", (unsigned long long)id);
	snprintf(text, sizeof(text),
		 "b%llu of %s: %s %s in %zu leg%s, taken in block %llu; %s, %s left",
		 (unsigned long long)id, mkt_word(bid, "account_name"), side,
		 mkt_fmt_energy(mkt_count(bid, "amount_wh")).s, mkt_jval_count(&legs),
		 mkt_jval_count(&legs) == 1 ? "" : "s",
		 (unsigned long long)mkt_count(bid, "height"), state,
		 mkt_fmt_energy(mkt_count(bid, "left_wh")).s);
	subject(w, "bid", name, state, text);
	rc = agent_why(w->s.app, &w->s.facts.chain, id, say_agent, w);
	if (rc)
		return rc;
	while (mkt_jval_next(&contracts, &it, &c))
		say_contract(w, &c, bid, buys);
	say_events(w, &events);
	return strcmp(state, "open") ? 0 : say_open_legs(w, bid, buys);
}

static int why_bid(struct why *w, uint64_t id)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc = mkt_session_get(&w->s, &a, "/v1/bids/%llu", (unsigned long long)id);

	if (!rc)
		rc = mkt_out_open(&w->s.app->out, &why_doc, &w->s.app->err);
	if (!rc) {
		rc = say_bid(w, &a.data);
		mkt_out_close(&w->s.app->out);
	}
	mkt_answer_release(&a);
	return rc;
}

/* ---- contracts ---------------------------------------------------------------------------- */

static void say_status(struct why *w, const struct mkt_jval *c)
{
	const char *status = mkt_word(c, "status");
	uint64_t end = mkt_count(c, "window_s") + w->s.facts.window_s;

	if (!strcmp(status, "matched"))
		plain_reason(w, "unreported", 0,
			     "nothing is reported yet; reports are taken until %s",
			     mkt_fmt_local(&w->s.zone, end + w->s.facts.deadline_s).s);
	else if (!strcmp(status, "reported"))
		plain_reason(w, "waiting", 0,
			     "one side is reported; it settles with the other, or at %s",
			     mkt_fmt_local(&w->s.zone, end + w->s.facts.deadline_s).s);
}

static int say_contract_bid(struct why *w, const struct mkt_jval *c)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	bool buys = !strcmp(mkt_word(c, "taker"), "buy");
	int rc = mkt_session_get(&w->s, &a, "/v1/bids/%llu",
				 (unsigned long long)mkt_count(c, buys ? "buy_bid" : "sell_bid"));

	if (!rc)
		say_contract(w, c, &a.data, buys);
	mkt_answer_release(&a);
	if (rc != -MKT_EDENIED)
		return rc;
	w->s.app->err = (struct mkt_err){0};
	plain_reason(w, "private", 0, "the bid that came last is the other party's, and private");
	return 0;
}

/* What `mkt charge run` decided here, if it is a contract of this site. */
static void say_local(void *arg, uint64_t at_ms, const char *dev, const char *text)
{
	struct why *w = arg;

	plain_reason(w, "charge", 0, "%s %s%s%s", mkt_fmt_local(&w->s.zone, at_ms / 1000).s,
		     dev ? dev : "", dev ? ": " : "", text);
}

static int say_whole_contract(struct why *w, const struct mkt_jval *c)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_jval events;
	char name[24];
	int rc = mkt_jget_arr(c, "events", &events, &w->s.app->err);

	if (rc)
		return rc;
	snprintf(name, sizeof(name), w->people ? "c%llu" : "%llu",
		 (unsigned long long)mkt_count(c, "exec"));
	mkt_buf_addf(&b, "c%llu: %s from %s to %s, ", (unsigned long long)mkt_count(c, "exec"),
		     mkt_fmt_energy(mkt_count(c, "energy_wh")).s, mkt_word(c, "seller_name"),
		     mkt_word(c, "buyer_name"));
	mkt_add_window(&w->s, c, &b);
	mkt_buf_addf(&b, " %s at %s; %s", mkt_word(c, "tags"),
		     price(w, mkt_act_number(c, "price_upwh", 0)).s, mkt_word(c, "status"));
	subject(w, "contract", name, mkt_word(c, "status"), mkt_buf_str(&b));
	mkt_buf_release(&b);
	rc = say_contract_bid(w, c);
	if (!rc) {
		say_events(w, &events);
		say_status(w, c);
		rc = charge_why(w->s.app, mkt_count(c, "exec"), mkt_count(c, "window_s"), say_local,
				w);
	}
	return rc;
}

static int why_contract(struct why *w, uint64_t id)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc = mkt_session_get(&w->s, &a, "/v1/contracts/%llu", (unsigned long long)id);

	if (!rc)
		rc = mkt_out_open(&w->s.app->out, &why_doc, &w->s.app->err);
	if (!rc) {
		rc = say_whole_contract(w, &a.data);
		mkt_out_close(&w->s.app->out);
	}
	mkt_answer_release(&a);
	return rc;
}

/* ---- transactions ------------------------------------------------------------------------- */

/* A refused operation, with the leg at fault in words. */
static void say_refusal(struct why *w, const struct mkt_jval *op, const struct mkt_jval *r,
			size_t i, uint64_t height)
{
	struct mkt_val v[Y_COLS] = {{0}};
	struct mkt_buf b = MKT_BUF_INIT;
	const char *hint = mkt_jval_has(r, "hint") ? mkt_word(r, "hint") : "";
	uint64_t leg_no = mkt_count(r, "leg");
	struct leg leg;

	mkt_buf_addf(&b, "operation %zu, %s, was refused: ", i + 1, mkt_word(op, "op"));
	if (mkt_jval_has(r, "leg") && get_leg(w, op, leg_no, &leg)) {
		mkt_buf_addf(&b, "%s for ", mkt_code_text(mkt_code_find(mkt_word(r, "code"))));
		add_leg(w, leg_no, &leg, &b);
		v[Y_LEG] = mkt_v_uint(leg_no);
	} else {
		mkt_buf_addstr(&b, mkt_word(r, "message"));
	}
	if (hint[0])
		mkt_buf_addf(&b, "; %s", hint);
	v[Y_HEIGHT] = mkt_v_uint(height);
	reason(w, v, mkt_word(r, "code"), &b);
}

static int say_tx(struct why *w, const struct mkt_jval *tx)
{
	struct mkt_jval ops, results, events, op, r, ev;
	struct mkt_jiter it = {0}, it2 = {0}, it3 = {0};
	struct mkt_err *err = &w->s.app->err;
	uint64_t height = mkt_count(tx, "height");
	char text[400];
	int rc = mkt_jget_arr(tx, "ops", &ops, err);

	if (!rc)
		rc = mkt_jget_arr(tx, "results", &results, err);
	if (!rc)
		rc = mkt_jget_arr(tx, "events", &events, err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text),
		 "%.16s...: transaction %llu of block %llu, signed by account #%llu",
		 mkt_word(tx, "tx"), (unsigned long long)mkt_count(tx, "index"),
		 (unsigned long long)height, (unsigned long long)mkt_count(tx, "account"));
	subject(w, "tx", mkt_word(tx, "tx"), "sealed", text);
	for (size_t i = 0; mkt_jval_next(&ops, &it, &op) && mkt_jval_next(&results, &it2, &r); i++)
		if (strcmp(mkt_word(&r, "code"), "ok"))
			say_refusal(w, &op, &r, i, height);
	while (mkt_jval_next(&events, &it3, &ev)) {
		struct mkt_val v[Y_COLS] = {{0}};
		struct mkt_buf b = MKT_BUF_INIT;

		if (!strcmp(mkt_word(&ev, "kind"), "result") && strcmp(mkt_word(&ev, "code"), "ok"))
			continue;
		mkt_event_sentence(&w->s, &ev, &b);
		v[Y_HEIGHT] = mkt_v_uint(height);
		reason(w, v, mkt_word(&ev, "kind"), &b);
	}
	return 0;
}

static int why_tx(struct why *w, const char *id)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc = mkt_session_get(&w->s, &a, "/v1/tx/%s", id);

	if (!rc)
		rc = mkt_out_open(&w->s.app->out, &why_doc, &w->s.app->err);
	if (!rc) {
		rc = say_tx(w, &a.data);
		mkt_out_close(&w->s.app->out);
	}
	mkt_answer_release(&a);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

/* b17 and 17 are bids, c991 contracts; 64 hexadecimal digits, or 8 with a letter, a transaction. */
static bool is_tx(const char *id)
{
	size_t n = strlen(id);

	return n >= 8 && !id[strspn(id, "0123456789abcdefABCDEF")] &&
	       (n == 64 || id[strspn(id, "0123456789")]);
}

static int why_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const char *text = argv[0];
	bool tx = is_tx(text), contract = !tx && text[0] == 'c';
	struct why w = {0};
	uint64_t id = 0;
	int rc = 0;

	(void)values, (void)argc;
	if (!tx)
		rc = mkt_id_parse(app, contract ? 'c' : 'b', text, &id);
	else if (strlen(text) < 64 && !mkt_term_interactive(&app->term))
		rc = mkt_app_usage(app, "a script must give the whole id of 64 digits");
	if (!rc)
		rc = mkt_session_open(&w.s, app, MKT_NEED_MARKET);
	if (rc)
		return rc;
	w.people = mkt_for_people(app);
	rc = tx ? why_tx(&w, text) : contract ? why_contract(&w, id) : why_bid(&w, id);
	mkt_session_close(&w.s);
	return rc;
}

const struct mkt_spec cmd_why = {
	.name = "why",
	.summary = "tell from the chain why something came out as it did",
	.args = "BID|CONTRACT|TX",
	.complete = "bid contract tx",
	.run = why_run,
	.args_min = 1,
	.args_max = 1,
};
