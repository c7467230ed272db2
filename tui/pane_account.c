/*
 * Account: what it has, what is held and why, the month so far; open bids, or the statement.
 *
 *   oak  #2  household
 *   available 999893.25 JPY   held 42 JPY for 2 bids   locked 80 JPY for contracts
 *   2026-11 so far: bought 3.500 kWh -70  fees -1.75  short -40  change 999893.25
 *   [bids 2] statement                                     Left and Right change
 *   bid   side   left kWh  of kWh  limit         legs  first window  tags       held
 */
#include "core/base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "tui/bid.h"
#include "tui/list.h"
#include "tui/mybids.h"
#include "tui/overlay.h"
#include "tui/statement.h"

#define PAGE 250
#define CANCEL_MAX 50 /* at once: what a dialog can show, and a command line hold */
#define CLASS_MAX 16

/* What is read; each at most once at a time. */
enum { READ_ACCOUNT, READ_BIDS, READ_STATEMENT, READ_OLDER, READS };

enum view { VIEW_BIDS, VIEW_STATEMENT };

struct pane {
	struct tui_dash *d;
	enum view view;
	bool known; /* the account was read */
	bool missing;
	uint32_t me;
	char class[CLASS_MAX];
	int64_t available_uc, held_uc, locked_uc;
	struct tui_bids bids, coming; /* those shown; those of a pass under way */
	bool have_bids, have_statement;
	char after[24]; /* cursor of the pass */
	bool again;	/* something has changed since the pass began */
	struct tui_statement statement;
	struct tui_monthbill bill;
	struct tui_list bid_list, entry_list;
	bool wanted[READS], waiting[READS];
	char title[48]; /* of a text that is asked for */
};

/* ---- reading ------------------------------------------------------------------------------ */

static void ask(struct pane *p);

/* False: nothing usable came; it stays wanted and is asked for at the next tick. */
static bool came(struct pane *p, unsigned what, const struct mkt_err *err)
{
	p->waiting[what] = false;
	if (err)
		p->wanted[what] = true;
	return !err;
}

static void foreign(struct pane *p, const struct mkt_err *err)
{
	tui_dash_say(p->d, TUI_BAD, "%s", err->text);
}

static void got_account(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			const struct mkt_err *err)
{
	struct pane *p = ctx;
	uint64_t number;
	struct mkt_err why;

	if (!came(p, READ_ACCOUNT, err)) {
		p->missing = err->code == MKT_ENOTFOUND || err->code == MKT_EACCOUNT;
		tui_dash_touch(d);
		return;
	}
	if (mkt_jget_u64(&a->data, "account", UINT32_MAX, &number, &why) ||
	    mkt_jget_text(&a->data, "class", p->class, sizeof(p->class), &why) ||
	    mkt_jget_i64(&a->data, "available_uc", INT64_MIN, INT64_MAX, &p->available_uc, &why) ||
	    mkt_jget_i64(&a->data, "held_uc", INT64_MIN, INT64_MAX, &p->held_uc, &why) ||
	    mkt_jget_i64(&a->data, "locked_uc", INT64_MIN, INT64_MAX, &p->locked_uc, &why)) {
		foreign(p, &why);
		return;
	}
	p->me = (uint32_t)number;
	p->known = true;
	p->missing = false;
	tui_dash_touch(d);
	ask(p);
	tui_monthbill_tick(d, &p->bill, p->me);
}

static void got_bids(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		     const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	struct mkt_err why;
	struct tui_bids t;
	int rc = 0;

	if (!came(p, READ_BIDS, err)) {
		p->after[0] = '\0';
		return;
	}
	while (!rc && mkt_jval_next(&a->data, &it, &at))
		rc = tui_bids_add(&p->coming, &at, &why);
	if (rc) {
		foreign(p, &why);
		return;
	}
	snprintf(p->after, sizeof(p->after), "%s", a->next ? a->next : "");
	if (a->next) {
		p->wanted[READ_BIDS] = true;
		ask(p);
		return;
	}
	t = p->bids;
	p->bids = p->coming;
	p->coming = t;
	p->have_bids = true;
	p->wanted[READ_BIDS] = p->again;
	tui_list_changed(&p->bid_list, p->bids.n);
	tui_dash_touch(d);
}

static void statement_came(struct pane *p, int rc, const struct mkt_err *why)
{
	if (rc)
		foreign(p, why);
	p->have_statement = true;
	tui_list_changed(&p->entry_list, p->statement.n);
	tui_dash_touch(p->d);
}

static void got_statement(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			  const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_err why = {0};

	if (came(p, READ_STATEMENT, err))
		statement_came(p, tui_statement_newest(&p->statement, d, p->me, a, &why), &why);
}

static void got_older(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_err why = {0};

	if (came(p, READ_OLDER, err))
		statement_came(p, tui_statement_older(&p->statement, d, p->me, a, &why), &why);
}

static int ask_for(struct pane *p, unsigned what)
{
	const char *who = p->d->conf.who;

	switch (what) {
	case READ_ACCOUNT:
		return tui_dash_get(p->d, got_account, p, "/v1/accounts/%s", who);
	case READ_BIDS:
		if (!p->after[0]) {
			tui_bids_clear(&p->coming);
			p->again = false;
		}
		return tui_dash_get(p->d, got_bids, p, "/v1/bids?account=%s&limit=%d%s%s", who,
				    PAGE, p->after[0] ? "&after=" : "", p->after);
	case READ_STATEMENT:
		return tui_dash_get(p->d, got_statement, p,
				    "/v1/accounts/%s/events?down=1&limit=100", who);
	default:
		return tui_dash_get(p->d, got_older, p,
				    "/v1/accounts/%s/events?down=1&limit=%d&from=%s", who, PAGE,
				    p->statement.older);
	}
}

static void ask(struct pane *p)
{
	if (!p->d->conf.who[0])
		return;
	for (unsigned i = 0; i < READS; i++) {
		/* Whose events these are is known from the account's number. */
		if (!p->wanted[i] || p->waiting[i] || (i != READ_ACCOUNT && !p->known))
			continue;
		p->wanted[i] = false;
		p->waiting[i] = true;
		if (!ask_for(p, i))
			continue;
		/* Too much is under way: at the next tick. */
		p->wanted[i] = true;
		p->waiting[i] = false;
		return;
	}
}

/* ---- the pane ----------------------------------------------------------------------------- */

static int init(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->d = d;
	p->bids.zone = p->coming.zone = &d->zone;
	tui_list_init(&p->bid_list, &tui_bid_rows, &p->bids, -1);
	tui_list_init(&p->entry_list, &tui_entry_rows, &p->statement, -1);
	p->entry_list.inverted = true; /* the newest first */
	return 0;
}

static void release(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	tui_list_release(&p->bid_list);
	tui_list_release(&p->entry_list);
	tui_bids_release(&p->bids);
	tui_bids_release(&p->coming);
	tui_statement_release(&p->statement);
}

static void want_all(struct pane *p)
{
	p->wanted[READ_ACCOUNT] = p->wanted[READ_BIDS] = p->wanted[READ_STATEMENT] = true;
	p->bill.stale = true;
	p->again = true;
}

static void visit(struct tui_dash *d, void *self)
{
	(void)d;
	want_all(self);
	ask(self);
}

static void reload(struct tui_dash *d, void *self)
{
	want_all(self);
	if (d->shown == TUI_PANE_ACCOUNT)
		ask(self);
}

static bool is_me(const struct pane *p, const struct mkt_jval *ev, const char *key)
{
	uint64_t v;

	return mkt_jval_has(ev, key) && !mkt_jget_u64(ev, key, UINT32_MAX, &v, NULL) && v == p->me;
}

static void event(struct tui_dash *d, void *self, const struct tui_event *ev)
{
	static const char *const keys[] = {"account", "buyer", "seller", "from", "to"};
	struct pane *p = self;
	bool mine = false;

	(void)d;
	/* Legs leave their books at gates: bids of anybody. */
	if (!strcmp(ev->kind, "gate"))
		p->wanted[READ_BIDS] = p->again = true;
	for (size_t i = 0; p->known && !mine && i < MKT_ARRAY_SIZE(keys); i++)
		mine = is_me(p, &ev->data, keys[i]);
	if (mine)
		want_all(p);
}

static void tick(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	ask(p);
	if (p->known)
		tui_monthbill_tick(d, &p->bill, p->me);
}

/* ---- the picture -------------------------------------------------------------------------- */

static const char *currency(const struct pane *p)
{
	return p->d->facts.currency;
}

/* One line of pieces, as many as fit. */
struct pieces {
	struct tui_area a;
	unsigned x;
};

static void piece(struct pieces *s, enum tui_style style, const char *fmt, ...) MKT_PRINTF(3, 4);

static void piece(struct pieces *s, enum tui_style style, const char *fmt, ...)
{
	char text[160];
	va_list ap;
	unsigned wide;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wide = tui_width(s->a.c, text);
	if (s->x && s->x + wide > s->a.cols)
		return;
	wide = wide < s->a.cols - s->x ? wide : s->a.cols - s->x;
	tui_text(s->a, 0, s->x, wide, TUI_LEFT, style, text);
	s->x += wide + 2;
}

static void draw_balance(struct pane *p, struct tui_area a, bool roomy)
{
	struct pieces s = {a, 0};

	piece(&s, TUI_STRONG, "available %s", mkt_fmt_money(p->available_uc, currency(p)).s);
	piece(&s, TUI_PLAIN, "held %s%s", mkt_fmt_money(p->held_uc, currency(p)).s,
	      roomy ? " for what is left of bids" : "");
	piece(&s, TUI_PLAIN, "locked %s%s", mkt_fmt_money(p->locked_uc, currency(p)).s,
	      roomy ? " for contracts" : "");
}

/* Where the escrow comes from: rule R7 in few words, with the numbers of now. */
static void draw_escrow(struct pane *p, struct tui_area a)
{
	struct pieces s = {a, 0};

	if (!p->have_bids)
		return;
	piece(&s, TUI_DIM,
	      "held: what is left of each bid at its dearest open leg with fee, %u bid%s",
	      (unsigned)p->bids.n, p->bids.n == 1 ? "" : "s");
	if (p->locked_uc)
		piece(&s, TUI_DIM, "locked: until settled");
}

static void bill_piece(struct pieces *s, const char *what, int64_t money_uc)
{
	if (money_uc)
		piece(s, TUI_PLAIN, "%s %s%s", what, money_uc > 0 ? "+" : "",
		      mkt_fmt_currency(money_uc).s);
}

static void draw_bill(struct pane *p, struct tui_area a)
{
	const struct mkt_booked *b = &p->bill.sum;
	struct pieces s = {a, 0};
	int64_t change = 0;

	if (!p->bill.known) {
		piece(&s, TUI_DIM, "bill so far: reading ...");
		return;
	}
	if (mkt_booked_change(b, &change, NULL))
		change = 0;
	piece(&s, TUI_PLAIN, "%s so far:", p->bill.month.text);
	piece(&s, TUI_STRONG, "%s%s %s", change > 0 ? "+" : "", mkt_fmt_currency(change).s,
	      currency(p));
	if (b->bought)
		piece(&s, TUI_PLAIN, "bought %s %s", mkt_fmt_energy(b->bought_wh).s,
		      mkt_fmt_currency(-b->paid_uc).s);
	if (b->sold)
		piece(&s, TUI_PLAIN, "sold %s +%s", mkt_fmt_energy(b->sold_wh).s,
		      mkt_fmt_currency(b->earned_uc).s);
	bill_piece(&s, "fees", b->fees_in_uc - b->fees_uc);
	bill_piece(&s, "short", -b->charges_uc);
	bill_piece(&s, "charges", b->charges_in_uc);
	bill_piece(&s, "transfers", b->received_uc - b->sent_uc);
	bill_piece(&s, "deposits", b->deposited_uc - b->withdrawn_uc);
}

static void draw_views(struct pane *p, struct tui_area a)
{
	bool bids = p->view == VIEW_BIDS;
	struct pieces s = {a, 0};

	piece(&s, bids ? TUI_TITLE : TUI_DIM, bids ? "[bids %u]" : "bids %u", (unsigned)p->bids.n);
	piece(&s, bids ? TUI_DIM : TUI_TITLE, bids ? "statement" : "[statement]");
	if (p->bids.dropped)
		piece(&s, TUI_WARN, "%u more bids have no room here", (unsigned)p->bids.dropped);
	if (!bids && p->statement.older[0])
		piece(&s, TUI_DIM, "End reads older ones");
	piece(&s, TUI_DIM, "Left and Right change");
}

static void draw_list(struct pane *p, struct tui_area a)
{
	uint64_t ms = p->d->steady_ms;

	if (p->view == VIEW_BIDS)
		tui_list_draw(&p->bid_list, a, ms, p->have_bids ? "no open bids" : "reading ...");
	else
		tui_list_draw(&p->entry_list, a, ms,
			      p->have_statement ? "nothing has happened yet" : "reading ...");
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;
	bool roomy = a.rows >= 10;
	unsigned y = 0;

	if (!d->conf.who[0] || !p->known) {
		tui_text(a, 0, 0, a.cols, TUI_LEFT, TUI_DIM,
			 !d->conf.who[0] ? "no account: start with --account NAME, or with a key"
			 : p->missing	 ? "this account is not enrolled on the chain"
					 : "reading ...");
		return;
	}
	if (roomy) {
		struct pieces s = {tui_part(a, y++, 0, 1, a.cols), 0};

		piece(&s, TUI_STRONG, "%s", d->money.name[0] ? d->money.name : d->conf.who);
		piece(&s, TUI_PLAIN, "#%u", (unsigned)p->me);
		piece(&s, TUI_PLAIN, "%s", p->class);
	}
	draw_balance(p, tui_part(a, y++, 0, 1, a.cols), roomy && a.cols >= 100);
	if (roomy) {
		draw_escrow(p, tui_part(a, y++, 0, 1, a.cols));
		draw_bill(p, tui_part(a, y++, 0, 1, a.cols));
	}
	draw_views(p, tui_part(a, y++, 0, 1, a.cols));
	draw_list(p, tui_part(a, y, 0, a.rows > y ? a.rows - y : 0, a.cols));
}

/* ---- one bid, one entry ------------------------------------------------------------------- */

static const char *word(const struct mkt_jval *at, const char *key)
{
	const char *s;

	return mkt_jval_has(at, key) && !mkt_jget_str(at, key, &s, NULL, NULL) ? s : "?";
}

static uint64_t number(const struct mkt_jval *at, const char *key)
{
	uint64_t v;

	return mkt_jval_has(at, key) && !mkt_jget_u64(at, key, UINT64_MAX, &v, NULL) ? v : 0;
}

static void say_legs(struct pane *p, const struct mkt_jval *bid, struct mkt_buf *b)
{
	struct mkt_jiter it = {0};
	struct mkt_jval legs, leg;
	unsigned n = 0;

	if (mkt_jget_arr(bid, "legs", &legs, NULL))
		return;
	while (mkt_jval_next(&legs, &it, &leg)) {
		int64_t price = 0;
		bool open = false;

		if (mkt_jget_i64(&leg, "price_upwh", INT32_MIN, INT32_MAX, &price, NULL) ||
		    mkt_jget_bool(&leg, "open", &open, NULL))
			continue;
		mkt_buf_addf(b, "  leg %-3u %s  %s at %s%s\n", ++n,
			     mkt_fmt_window(&p->d->zone, number(&leg, "window_s"),
					    p->d->facts.window_s)
				     .s,
			     word(&leg, "tags"), mkt_fmt_price((int32_t)price, currency(p)).s,
			     open ? "" : ", closed");
	}
}

static void say_contracts(struct pane *p, const struct mkt_jval *bid, struct mkt_buf *b)
{
	struct mkt_jiter it = {0};
	struct mkt_jval list, c;

	if (!mkt_jval_has(bid, "contracts") || mkt_jget_arr(bid, "contracts", &list, NULL))
		return;
	while (mkt_jval_next(&list, &it, &c)) {
		int64_t price = 0;

		if (mkt_jget_i64(&c, "price_upwh", INT32_MIN, INT32_MAX, &price, NULL))
			continue;
		mkt_buf_addf(b, "  c%llu  %s  %s at %s, %s\n",
			     (unsigned long long)number(&c, "exec"),
			     mkt_fmt_energy(number(&c, "energy_wh")).s, word(&c, "tags"),
			     mkt_fmt_price((int32_t)price, currency(p)).s, word(&c, "status"));
	}
}

static void got_bid(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		    const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_buf b = MKT_BUF_INIT;

	if (err) {
		tui_dash_say(d, TUI_BAD, "cannot read %s: %s", p->title, err->text);
		return;
	}
	mkt_buf_addf(&b, "%s %s, %s\n", word(&a->data, "side"),
		     mkt_fmt_energy(number(&a->data, "amount_wh")).s, word(&a->data, "state"));
	mkt_buf_addf(&b, "  left %s, matched %s\n", mkt_fmt_energy(number(&a->data, "left_wh")).s,
		     mkt_fmt_energy(number(&a->data, "filled_wh")).s);
	mkt_buf_addf(&b, "  held %s\n",
		     mkt_fmt_money((int64_t)(number(&a->data, "held_uc") & INT64_MAX), currency(p))
			     .s);
	mkt_buf_addstr(&b, "\nlegs\n");
	say_legs(p, &a->data, &b);
	mkt_buf_addstr(&b, "\ncontracts\n");
	say_contracts(p, &a->data, &b);
	tui_text_open(d, p->title, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

/* The selected bid's number; 0, and said: there is none. */
static uint64_t selected_bid(struct pane *p)
{
	uint32_t row = p->view == VIEW_BIDS ? tui_list_row(&p->bid_list) : TUI_NO_ROW;

	if (row != TUI_NO_ROW)
		return p->bids.v[row].bid;
	tui_dash_say(p->d, TUI_WARN, p->view == VIEW_BIDS ? "no bid is selected"
							  : "these are no bids: Left shows them");
	return 0;
}

static void open_bid(struct pane *p)
{
	uint64_t bid = selected_bid(p);

	if (!bid)
		return;
	snprintf(p->title, sizeof(p->title), "bid b%llu", (unsigned long long)bid);
	if (tui_dash_get(p->d, got_bid, p, "/v1/bids/%llu", (unsigned long long)bid))
		tui_dash_say(p->d, TUI_WARN, "too much is under way: try again");
}

static void open_entry(struct pane *p)
{
	uint32_t row = tui_list_row(&p->entry_list);
	struct mkt_buf b = MKT_BUF_INIT;

	if (row == TUI_NO_ROW)
		return;
	mkt_buf_addf(&b, "%s\n", p->statement.v[row].text);
	if (p->statement.v[row].change_uc)
		mkt_buf_addf(&b, "\n%s\n",
			     mkt_fmt_money(p->statement.v[row].change_uc, currency(p)).s);
	snprintf(p->title, sizeof(p->title), "block %llu, event %llu",
		 (unsigned long long)(p->statement.v[row].place >> 24),
		 (unsigned long long)(p->statement.v[row].place & 0xffffff));
	tui_text_open(p->d, p->title, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static void ran_why(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct pane *p = ctx;

	if (o->status)
		tui_dash_say(d, TUI_BAD, "%.200s", o->err);
	else
		tui_text_open(d, p->title, o->out);
}

static void why(struct pane *p)
{
	uint64_t bid = selected_bid(p);
	char name[24];

	if (!bid)
		return;
	snprintf(name, sizeof(name), "b%llu", (unsigned long long)bid);
	snprintf(p->title, sizeof(p->title), "mkt why %s", name);
	if (tui_run(p->d, (const char *const[]){"why", name, NULL}, ran_why, p) < 0)
		tui_dash_say(p->d, TUI_WARN, "too much is under way: try again");
}

/* ---- cancel ------------------------------------------------------------------------------- */

/* What is left of each, so that nobody has to look behind the dialog. */
static void say_bids(struct pane *p, const uint64_t *ids, uint32_t n, struct mkt_buf *b)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = tui_bids_find(&p->bids, ids[i]);

		if (row == UINT32_MAX)
			continue;
		mkt_buf_addf(b, "b%llu: %s, %s of %s left\n", (unsigned long long)ids[i],
			     p->bids.v[row].buys ? "buy" : "sell",
			     mkt_fmt_energy(p->bids.v[row].left_wh).s,
			     mkt_fmt_energy(p->bids.v[row].amount_wh).s);
	}
	mkt_buf_addstr(b, "Contracts stand; what is held for the rest is free at once.");
}

/* The dialog holds the numbers: what comes, goes or moves below it changes nothing. */
static void cancel(struct pane *p)
{
	const char *argv[CANCEL_MAX + 2] = {"cancel"};
	char names[CANCEL_MAX][24], title[40];
	struct mkt_buf b = MKT_BUF_INIT;
	uint64_t ids[CANCEL_MAX];
	uint32_t n;

	if (!selected_bid(p))
		return;
	n = tui_list_chosen(&p->bid_list, ids, CANCEL_MAX);
	if (n > CANCEL_MAX) {
		tui_dash_say(p->d, TUI_WARN,
			     "%u bids are marked, at most %d at once: or ':cancel --all'",
			     (unsigned)n, CANCEL_MAX);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "b%llu", (unsigned long long)ids[i]);
		argv[i + 1] = names[i];
	}
	if (n == 1)
		snprintf(title, sizeof(title), "Cancel bid %s", names[0]);
	else
		snprintf(title, sizeof(title), "Cancel %u bids", (unsigned)n);
	say_bids(p, ids, n, &b);
	tui_dialog_open(p->d, &(struct tui_dialog){
				      .title = title, .text = mkt_buf_str(&b), .argv = argv});
	mkt_buf_release(&b);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* At the end of the statement: read on. */
static void maybe_older(struct pane *p, enum tui_action action)
{
	bool end = action == TUI_A_LAST ||
		   p->entry_list.at + 2 * p->entry_list.height >= p->entry_list.shown;

	if (!end || !p->statement.older[0] || p->waiting[READ_OLDER])
		return;
	p->wanted[READ_OLDER] = true;
	ask(p);
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	struct pane *p = self;

	switch (action) {
	case TUI_A_LEFT:
	case TUI_A_RIGHT:
		p->view = action == TUI_A_LEFT ? VIEW_BIDS : VIEW_STATEMENT;
		tui_dash_touch(d);
		return true;
	case TUI_A_OPEN:
		if (p->view == VIEW_BIDS)
			open_bid(p);
		else
			open_entry(p);
		return true;
	case TUI_A_WHY:
		why(p);
		return true;
	case TUI_A_CANCEL:
		cancel(p);
		return true;
	case TUI_A_BUY:
	case TUI_A_SELL:
		tui_bid_open(d, &(struct tui_bid_start){.sell = action == TUI_A_SELL});
		return true;
	case TUI_A_DOWN:
	case TUI_A_PAGE_DOWN:
	case TUI_A_LAST:
		if (p->view == VIEW_STATEMENT)
			maybe_older(p, action);
		return false; /* and the list moves */
	default:
		return false;
	}
}

static struct tui_list *list(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	return p->view == VIEW_BIDS ? &p->bid_list : &p->entry_list;
}

static bool copy(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	uint32_t row = tui_list_row(list(d, self));

	if (row == TUI_NO_ROW)
		return false;
	if (p->view == VIEW_BIDS)
		mkt_buf_addf(out, "b%llu", (unsigned long long)p->bids.v[row].bid);
	else
		mkt_buf_addf(out, "%llu:%llu",
			     (unsigned long long)(p->statement.v[row].place >> 24),
			     (unsigned long long)(p->statement.v[row].place & 0xffffff));
	return true;
}

const struct tui_pane_ops tui_pane_account = {
	.which = TUI_PANE_ACCOUNT,
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
};
