/*
 * Contracts: all of the account, or of the chain for its operator, what is wrong first.
 *
 *   3 short  2 due  1 now  14 coming  210 done       38.400 of 41.000 kWh are certain
 *   contract  state   window       side  partner     kWh   JPY/kWh  delivery
 *   c991      short   11-23 10:30  buy   pv07      4.000     25.50  ███████░  88%
 *
 * Rows are read by pages, and kept right by events.
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "tui/contracts.h"
#include "tui/graph.h"
#include "tui/list.h"
#include "tui/overlay.h"

#define PAGE 250 /* rows at once: a page costs some milliseconds and a megabyte while it is read */
#define RETRY_TICKS 3

struct pane {
	struct tui_dash *d;
	struct tui_contracts store;
	struct tui_list list;
	uint64_t counts[TUI_DELIVERIES]; /* of the last count */
	uint64_t energy_wh, moved_wh;
	uint64_t counted_s;	/* chain time of the last count; 0: count again */
	bool chain;		/* everybody's */
	bool me_known;
	uint32_t me;		/* number of the account */
	bool reading, whole;	/* a pass is under way; one has come to its end */
	bool waiting;		/* for an answer */
	unsigned rest;		/* ticks until it is tried again */
	char after[32];		/* cursor of the pass */
	char why[40], detail[40]; /* titles of what was asked for */
};

enum { C_ID, C_STATE, C_WINDOW, C_SIDE, C_PARTNER, C_TAGS, C_ENERGY, C_PRICE, C_DELIVERY, C_COLS };

static const struct tui_column columns[C_COLS] = {
	[C_ID] = {.name = "contract", .title = "contract", .width = 8, .least = 6, .rank = 0},
	[C_STATE] = {.name = "state", .title = "state", .width = 7, .rank = 1},
	[C_WINDOW] = {.name = "window", .title = "window", .width = 11, .rank = 2},
	[C_SIDE] = {.name = "side", .title = "side", .width = 4, .rank = 5},
	[C_PARTNER] = {.name = "partner", .title = "partner", .width = 14, .least = 6, .rank = 4,
		       .grows = true},
	[C_TAGS] = {.name = "tags", .title = "tags", .width = 9, .least = 5, .rank = 7},
	[C_ENERGY] = {.name = "kwh", .title = "kWh", .width = 8, .rank = 3, .align = TUI_RIGHT,
		      .number = true},
	[C_PRICE] = {.name = "price", .title = "per kWh", .width = 8, .rank = 6,
		     .align = TUI_RIGHT, .number = true},
	[C_DELIVERY] = {.name = "delivery", .title = "delivery", .width = 13, .least = 5,
			.rank = 1},
};

static const char *const state_words[TUI_DELIVERIES] = {"short", "due",	 "now",
							"coming", "done", "retired"};
static const enum tui_style state_styles[TUI_DELIVERIES] = {TUI_BAD,   TUI_WARN, TUI_STRONG,
							    TUI_PLAIN, TUI_GOOD, TUI_DIM};

/* ---- rows --------------------------------------------------------------------------------- */

static uint64_t now_s(const struct pane *p)
{
	return tui_dash_chain_ms(p->d) / 1000;
}

static enum tui_delivery stands(const struct pane *p, const struct tui_contract *c)
{
	return tui_contract_stands(c, now_s(p), p->d->facts.window_s);
}

/* Whole percents, rounded down: 100 is all of it. */
static unsigned percent(const struct tui_contract *c)
{
	uint64_t moved = tui_contract_moved(c);

	return c->energy_wh ? (unsigned)(moved * 100 / c->energy_wh) : 100;
}

static bool is_told(const struct tui_contract *c)
{
	return c->supply_reported || c->draw_reported || c->status >= TUI_CONTRACT_SETTLED;
}

/* An account without a name has its number for one: people read "#3". */
static void add_name(const struct pane *p, uint16_t name, uint32_t number, struct mkt_buf *b)
{
	const char *text = name ? tui_contracts_text(&p->store, name) : "";

	if (!text[0] || (text[0] >= '0' && text[0] <= '9'))
		mkt_buf_addf(b, "#%u", (unsigned)number);
	else
		mkt_buf_addstr(b, text);
}

static void partner(const struct pane *p, const struct tui_contract *c, char *out)
{
	struct mkt_buf b = MKT_BUF_INIT;
	bool buys = p->me_known && c->buyer == p->me, sells = p->me_known && c->seller == p->me;

	if (buys || !sells)
		add_name(p, c->seller_name, c->seller, &b);
	if (!buys && !sells)
		mkt_buf_addstr(&b, " to ");
	if (sells || !buys)
		add_name(p, c->buyer_name, c->buyer, &b);
	snprintf(out, TUI_CELL_MAX, "%s", mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static enum tui_style side(const struct pane *p, const struct tui_contract *c, char *out)
{
	bool buys = p->me_known && c->buyer == p->me, sells = p->me_known && c->seller == p->me;

	snprintf(out, TUI_CELL_MAX, "%s", buys ? "buy" : sells ? "sell" : "");
	return buys ? TUI_BUY : sells ? TUI_SELL : TUI_PLAIN;
}

/* "11-23 10:30": the year and the zone are what they are in the header. */
static void window_text(const struct pane *p, uint32_t start_s, char *out)
{
	snprintf(out, TUI_CELL_MAX, "%.5s %.5s", mkt_fmt_date(&p->d->zone, start_s).s + 5,
		 mkt_fmt_clock(&p->d->zone, start_s).s);
}

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct pane *p = ctx;
	const struct tui_contract *c = &p->store.v[row];
	enum tui_delivery how = stands(p, c);

	switch (column) {
	case C_ID:
		snprintf(out, TUI_CELL_MAX, "c%llu", (unsigned long long)c->exec);
		return TUI_PLAIN;
	case C_STATE:
		snprintf(out, TUI_CELL_MAX, "%s", state_words[how]);
		return state_styles[how];
	case C_WINDOW:
		window_text(p, c->start_s, out);
		return TUI_PLAIN;
	case C_SIDE:
		return side(p, c, out);
	case C_PARTNER:
		partner(p, c, out);
		return TUI_PLAIN;
	case C_TAGS:
		snprintf(out, TUI_CELL_MAX, "%s", tui_contracts_text(&p->store, c->tags));
		return TUI_PLAIN;
	case C_ENERGY:
		snprintf(out, TUI_CELL_MAX, "%s", mkt_fmt_kwh(c->energy_wh).s);
		return TUI_PLAIN;
	case C_PRICE:
		snprintf(out, TUI_CELL_MAX, "%s", mkt_fmt_per_kwh(c->price_upwh).s);
		return TUI_PLAIN;
	default:
		if (is_told(c))
			snprintf(out, TUI_CELL_MAX, "%u%%", percent(c));
		else
			snprintf(out, TUI_CELL_MAX, "-");
		return state_styles[how];
	}
}

/* Delivery as a bar, and the share behind it. */
static bool paint(void *ctx, uint32_t row, unsigned column, struct tui_area at, enum tui_style base)
{
	const struct pane *p = ctx;
	const struct tui_contract *c = &p->store.v[row];
	enum tui_style style = base == TUI_PLAIN ? state_styles[stands(p, c)] : base;

	if (column != C_DELIVERY || at.cols < 8 || !is_told(c))
		return false;
	tui_meter(at, 0, 0, at.cols - 5, false, style, tui_contract_moved(c), c->energy_wh);
	tui_print(at, 0, at.cols - 4, style, "%3u%%", percent(c));
	return true;
}

static uint64_t id(void *ctx, uint32_t row)
{
	return ((const struct pane *)ctx)->store.v[row].exec;
}

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* What is wrong first; of that the latest window, of the rest the next. */
static int by_worry(const struct pane *p, const struct tui_contract *a,
		    const struct tui_contract *b)
{
	enum tui_delivery how = stands(p, a), other = stands(p, b);

	if (how != other)
		return how < other ? -1 : 1;
	if (how == TUI_DELIVERY_SHORT || how >= TUI_DELIVERY_DONE)
		return by_number(b->start_s, a->start_s);
	return by_number(a->start_s, b->start_s);
}

static int compare(void *ctx, uint32_t row, uint32_t other, unsigned column)
{
	const struct pane *p = ctx;
	const struct tui_contract *a = &p->store.v[row], *b = &p->store.v[other];

	switch (column) {
	case C_ID:
		return by_number(a->exec, b->exec);
	case C_STATE:
		return by_worry(p, a, b);
	case C_WINDOW:
		return by_number(a->start_s, b->start_s);
	case C_ENERGY:
		return by_number(a->energy_wh, b->energy_wh);
	case C_PRICE:
		return a->price_upwh < b->price_upwh ? -1 : a->price_upwh > b->price_upwh;
	default:
		return by_number(percent(a), percent(b));
	}
}

static const struct tui_rows rows = {
	.columns = columns,
	.ncolumns = C_COLS,
	.cell = cell,
	.id = id,
	.compare = compare,
	.texts = 1u << C_SIDE | 1u << C_PARTNER | 1u << C_TAGS,
	.paint = paint,
};

/* ---- reading ------------------------------------------------------------------------------ */

static void ask(struct pane *p);

static void changed(struct pane *p)
{
	p->counted_s = 0;
	tui_list_changed(&p->list, p->store.n);
	tui_dash_touch(p->d);
}

static void got_page(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		     const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	struct mkt_err why;
	int rc = 0;

	p->waiting = false;
	if (err) {
		p->rest = RETRY_TICKS;
		return; /* the header says that nothing comes */
	}
	while (!rc && mkt_jval_next(&a->data, &it, &at))
		rc = tui_contracts_put(&p->store, &at, &why);
	if (rc) {
		tui_dash_say(d, TUI_BAD, "%s", why.text);
		p->rest = RETRY_TICKS;
		return;
	}
	snprintf(p->after, sizeof(p->after), "%s", a->next ? a->next : "");
	if (!a->next) {
		tui_contracts_end(&p->store);
		p->reading = false;
		p->whole = true;
	}
	changed(p);
	if (a->next)
		ask(p);
}

static void got_me(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		   const struct mkt_err *err)
{
	struct pane *p = ctx;
	uint64_t v;
	const char *class;

	p->waiting = false;
	if (err || mkt_jget_u64(&a->data, "account", UINT32_MAX, &v, NULL) ||
	    mkt_jget_str(&a->data, "class", &class, NULL, NULL)) {
		p->rest = RETRY_TICKS;
		return;
	}
	p->me = (uint32_t)v;
	p->me_known = true;
	p->chain = !strcmp(class, "operator");
	tui_dash_touch(d);
	ask(p);
}

/* What is needed next; nothing while an answer is awaited. */
static void ask(struct pane *p)
{
	const char *who = p->d->conf.who, *and = p->after[0] ? "&after=" : "";
	int rc;

	if (p->waiting || !p->reading)
		return;
	p->waiting = true;
	if (who[0] && !p->me_known)
		rc = tui_dash_get(p->d, got_me, p, "/v1/accounts/%s", who);
	else if (p->chain)
		rc = tui_dash_get(p->d, got_page, p, "/v1/contracts?limit=%d%s%s", PAGE, and,
				  p->after);
	else
		rc = tui_dash_get(p->d, got_page, p, "/v1/contracts?account=%s&limit=%d%s%s", who,
				  PAGE, and, p->after);
	if (rc)
		p->waiting = false; /* too much is under way: at the next tick */
}

static void begin(struct pane *p)
{
	p->reading = true;
	p->rest = 0;
	p->after[0] = '\0';
	p->chain = p->chain || !p->d->conf.who[0];
	tui_contracts_begin(&p->store);
	ask(p);
}

/* ---- the pane ----------------------------------------------------------------------------- */

static int init(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->d = d;
	tui_list_init(&p->list, &rows, p, C_STATE);
	return 0;
}

static void release(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	tui_list_release(&p->list);
	tui_contracts_release(&p->store);
}

static void visit(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	if (!p->reading && !p->whole)
		begin(p);
}

static void reload(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	/* A pass that is under way goes on from its beginning. */
	if (d->shown == TUI_PANE_CONTRACTS || p->whole || p->reading)
		begin(p);
}

static bool is_ours(const struct pane *p, const struct mkt_jval *ev)
{
	uint64_t buyer, seller;

	if (p->chain)
		return true;
	if (!p->me_known || mkt_jget_u64(ev, "buyer", UINT32_MAX, &buyer, NULL) ||
	    mkt_jget_u64(ev, "seller", UINT32_MAX, &seller, NULL))
		return false;
	return buyer == p->me || seller == p->me;
}

static void event(struct tui_dash *d, void *self, const struct tui_event *ev)
{
	struct pane *p = self;

	(void)d;
	if (!p->reading && !p->whole)
		return; /* all of it is read when it is shown */
	if (!strcmp(ev->kind, "contract") && is_ours(p, &ev->data)) {
		/* A contract that is known already is told here as it was made. */
		uint64_t exec;

		if (mkt_jget_u64(&ev->data, "exec", UINT64_MAX, &exec, NULL) ||
		    tui_contracts_find(&p->store, exec) != UINT32_MAX ||
		    tui_contracts_put(&p->store, &ev->data, NULL))
			return;
		changed(p);
	} else if (tui_contracts_event(&p->store, ev->kind, &ev->data)) {
		changed(p);
	}
}

static void tick(struct tui_dash *d, void *self)
{
	struct pane *p = self;
	uint64_t window_s = d->facts.window_s, now = now_s(p);

	if (p->rest)
		p->rest--;
	else
		ask(p);
	/* A border of windows changes states without any event. */
	if (p->counted_s && window_s && p->counted_s / window_s != now / window_s)
		changed(p);
}

/* ---- the picture -------------------------------------------------------------------------- */

static void count(struct pane *p)
{
	if (p->counted_s)
		return;
	memset(p->counts, 0, sizeof(p->counts));
	p->energy_wh = p->moved_wh = 0;
	for (uint32_t i = 0; i < p->store.n; i++) {
		const struct tui_contract *c = &p->store.v[i];

		p->counts[stands(p, c)]++;
		p->energy_wh += c->energy_wh;
		p->moved_wh += tui_contract_moved(c);
	}
	p->counted_s = now_s(p) ? now_s(p) : 1;
}

static void draw_counts(struct pane *p, struct tui_area a)
{
	unsigned x = 0;

	for (unsigned i = 0; i < TUI_DELIVERIES; i++)
		if (p->counts[i])
			x += tui_print(a, 0, x, state_styles[i], "%llu %s  ",
				       (unsigned long long)p->counts[i], state_words[i]);
	if (p->reading)
		x += tui_print(a, 0, x, TUI_DIM, "reading ...  ");
	if (p->store.dropped)
		x += tui_print(a, 0, x, TUI_WARN, "%llu more have no room here  ",
			       (unsigned long long)p->store.dropped);
	if (p->store.n && a.cols > x + 36)
		tui_print(a, 0, x, TUI_DIM, "%s of %s kWh reported or settled",
			  mkt_fmt_kwh(p->moved_wh).s, mkt_fmt_kwh(p->energy_wh).s);
}

static const char *nothing(const struct pane *p)
{
	if (!p->whole)
		return "reading ...";
	return p->chain ? "there are no contracts that are not settled for long"
			: "this account has no contracts that are not settled for long";
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;

	count(p);
	if (a.rows < 3) {
		draw_counts(p, a);
		return;
	}
	draw_counts(p, tui_part(a, 0, 0, 1, a.cols));
	tui_list_draw(&p->list, tui_part(a, 1, 0, a.rows - 1, a.cols), d->steady_ms, nothing(p));
}

/* ---- one contract ------------------------------------------------------------------------- */

static const char *word(const struct mkt_jval *at, const char *key)
{
	const char *s;

	return mkt_jval_has(at, key) && !mkt_jget_str(at, key, &s, NULL, NULL) ? s : "?";
}

static int64_t value(const struct mkt_jval *at, const char *key)
{
	int64_t v;

	return mkt_jval_has(at, key) && !mkt_jget_i64(at, key, INT64_MIN, INT64_MAX, &v, NULL) ? v
												: 0;
}

static void say_money(const struct tui_dash *d, const struct mkt_jval *at, const char *key,
		      const char *what, struct mkt_buf *b)
{
	if (mkt_jval_has(at, key) && value(at, key))
		mkt_buf_addf(b, "  %-22s %s\n", what,
			     mkt_fmt_money(value(at, key), d->facts.currency).s);
}

static void say_terms(const struct tui_dash *d, const struct mkt_jval *c, struct mkt_buf *b)
{
	uint32_t wh = (uint32_t)value(c, "energy_wh");

	mkt_buf_addf(b, "%s sells %s to %s\n", word(c, "seller_name"), mkt_fmt_energy(wh).s,
		     word(c, "buyer_name"));
	mkt_buf_addf(b, "  %-22s %s\n", "window",
		     mkt_fmt_window(&d->zone, (uint64_t)value(c, "window_s"), d->facts.window_s).s);
	mkt_buf_addf(b, "  %-22s %s\n", "tags", word(c, "tags"));
	mkt_buf_addf(b, "  %-22s %s\n", "price",
		     mkt_fmt_price((int32_t)value(c, "price_upwh"), d->facts.currency).s);
	if (value(c, "fee_upwh"))
		mkt_buf_addf(b, "  %-22s %s\n", "fee",
			     mkt_fmt_price((int32_t)value(c, "fee_upwh"), d->facts.currency).s);
	mkt_buf_addf(b, "  %-22s b%lld leg %lld, b%lld leg %lld; the %s came later\n", "bids",
		     (long long)value(c, "buy_bid"), (long long)value(c, "buy_leg") + 1,
		     (long long)value(c, "sell_bid"), (long long)value(c, "sell_leg") + 1,
		     strcmp(word(c, "taker"), "buy") ? "seller" : "buyer");
	mkt_buf_addf(b, "  %-22s %s\n", "state", word(c, "status"));
}

static void say_figure(const struct mkt_jval *c, const char *what, const char *told,
		       const char *wh, struct mkt_buf *b)
{
	bool yes = false;

	if (mkt_jget_bool(c, told, &yes, NULL))
		yes = false;
	mkt_buf_addf(b, "  %-22s %s%s\n", what, yes ? "" : "not reported",
		     yes ? mkt_fmt_energy((uint64_t)value(c, wh)).s : "");
}

static void say_reports(const struct mkt_jval *c, struct mkt_buf *b)
{
	struct mkt_jiter it = {0};
	struct mkt_jval events, ev;

	if (mkt_jget_arr(c, "events", &events, NULL))
		return;
	while (mkt_jval_next(&events, &it, &ev)) {
		const char *charger = word(&ev, "charger");

		if (strcmp(word(&ev, "kind"), "report"))
			continue;
		mkt_buf_addf(b, "  block %-16lld %s reported %s of %s%s%s\n",
			     (long long)value(&ev, "height"), word(&ev, "account_name"),
			     mkt_fmt_energy((uint64_t)value(&ev, "reported_wh")).s,
			     word(&ev, "side"), charger[0] && charger[0] != '?' ? ", charger " : "",
			     charger[0] && charger[0] != '?' ? charger : "");
	}
}

static void got_contract(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			 const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_buf b = MKT_BUF_INIT;

	if (err) {
		tui_dash_say(d, TUI_BAD, "cannot read %s: %s", p->detail, err->text);
		return;
	}
	say_terms(d, &a->data, &b);
	mkt_buf_addstr(&b, "\nreports\n");
	say_figure(&a->data, "supplied", "supply_reported", "supply_wh", &b);
	say_figure(&a->data, "drawn", "draw_reported", "draw_wh", &b);
	say_reports(&a->data, &b);
	mkt_buf_addstr(&b, "\nmoney\n");
	say_money(d, &a->data, "locked_uc", "locked, of the buyer", &b);
	say_money(d, &a->data, "collateral_uc", "locked, of the seller", &b);
	if (mkt_jval_has(&a->data, "settled_height")) {
		mkt_buf_addf(&b, "  %-22s %s\n", "delivered",
			     mkt_fmt_energy((uint64_t)value(&a->data, "delivered_wh")).s);
		mkt_buf_addf(&b, "  %-22s %s\n", "paid",
			     mkt_fmt_money(value(&a->data, "paid_uc"), d->facts.currency).s);
		say_money(d, &a->data, "fee_uc", "fees", &b);
		say_money(d, &a->data, "buyer_charge_uc", "charged to the buyer", &b);
		say_money(d, &a->data, "seller_charge_uc", "charged to the seller", &b);
		mkt_buf_addf(&b, "  %-22s block %lld\n", "settled",
			     (long long)value(&a->data, "settled_height"));
	}
	tui_text_open(d, p->detail, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static void ran_why(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct pane *p = ctx;

	if (o->status)
		tui_dash_say(d, TUI_BAD, "%.200s", o->err);
	else
		tui_text_open(d, p->why, o->out);
}

/* The number of the selected row as people write it; false, and said: there is none. */
static bool selected(struct pane *p, char *out, size_t size)
{
	uint32_t row = tui_list_row(&p->list);

	if (row == TUI_NO_ROW) {
		tui_dash_say(p->d, TUI_WARN, "no contract is selected");
		return false;
	}
	snprintf(out, size, "c%llu", (unsigned long long)p->store.v[row].exec);
	return true;
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	struct pane *p = self;
	char name[24];
	int rc;

	if (action != TUI_A_OPEN && action != TUI_A_WHY)
		return false;
	if (!selected(p, name, sizeof(name)))
		return true;
	if (action == TUI_A_OPEN) {
		snprintf(p->detail, sizeof(p->detail), "contract %s", name);
		rc = tui_dash_get(d, got_contract, p, "/v1/contracts/%s", name + 1);
	} else {
		snprintf(p->why, sizeof(p->why), "mkt why %s", name);
		rc = tui_run(d, (const char *const[]){"why", name, NULL}, ran_why, p);
		rc = rc < 0 ? rc : 0;
	}
	if (rc)
		tui_dash_say(d, TUI_WARN, "too much is under way: try again");
	return true;
}

static struct tui_list *list(struct tui_dash *d, void *self)
{
	(void)d;
	return &((struct pane *)self)->list;
}

static bool copy(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	uint32_t row = tui_list_row(&p->list);

	(void)d;
	if (row == TUI_NO_ROW)
		return false;
	mkt_buf_addf(out, "c%llu", (unsigned long long)p->store.v[row].exec);
	return true;
}

static void line(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;

	(void)d;
	count(p);
	mkt_buf_addf(out, "contracts %u", (unsigned)p->store.n);
	for (unsigned i = 0; i < TUI_DELIVERIES; i++)
		if (p->counts[i])
			mkt_buf_addf(out, "  %llu %s", (unsigned long long)p->counts[i],
				     state_words[i]);
}

const struct tui_pane_ops tui_pane_contracts = {
	.which = TUI_PANE_CONTRACTS,
	.size = sizeof(struct pane),
	.init = init,
	.release = release,
	.visit = visit,
	.reload = reload,
	.event = event,
	.tick = tick,
	.draw = draw,
	.act = act,
	.list = list,
	.copy = copy,
	.line = line,
};
