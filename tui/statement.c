#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/units/fmt.h"
#include "tui/statement.h"

#define BILL_PAGE 250

void tui_statement_release(struct tui_statement *s)
{
	free(s->v);
	*s = (struct tui_statement){0};
}

/* ---- one event in words ------------------------------------------------------------------- */

static const char *word(const struct mkt_jval *ev, const char *key)
{
	const char *s;

	return mkt_jval_has(ev, key) && !mkt_jget_str(ev, key, &s, NULL, NULL) ? s : "?";
}

static uint64_t number(const struct mkt_jval *ev, const char *key)
{
	uint64_t v;

	return mkt_jval_has(ev, key) && !mkt_jget_u64(ev, key, UINT64_MAX, &v, NULL) ? v : 0;
}

static struct mkt_text energy(const struct mkt_jval *ev, const char *key)
{
	return mkt_fmt_energy(number(ev, key));
}

struct telling {
	const struct tui_dash *d;
	const struct mkt_jval *ev;
	uint32_t me;
	struct mkt_buf *out;
};

static void say_contract(const struct telling *t)
{
	bool buys = number(t->ev, "buyer") == t->me;

	mkt_buf_addf(t->out, "c%llu: %s %s %s %s, %s",
		     (unsigned long long)number(t->ev, "exec"), buys ? "bought" : "sold",
		     energy(t->ev, "energy_wh").s, buys ? "from" : "to",
		     word(t->ev, buys ? "seller_name" : "buyer_name"),
		     mkt_fmt_window(&t->d->zone, number(t->ev, "window_s"), t->d->facts.window_s)
			     .s);
}

static void say_settled(const struct telling *t)
{
	bool buys = number(t->ev, "buyer") == t->me;

	mkt_buf_addf(t->out, "c%llu settled: %s of %s %s %s",
		     (unsigned long long)number(t->ev, "exec"), energy(t->ev, "delivered_wh").s,
		     energy(t->ev, "contracted_wh").s, buys ? "from" : "to",
		     word(t->ev, buys ? "seller_name" : "buyer_name"));
}

static void say_gone(const struct telling *t)
{
	mkt_buf_addf(t->out, "b%llu %s", (unsigned long long)number(t->ev, "bid"),
		     word(t->ev, "reason"));
	if (number(t->ev, "left_wh"))
		mkt_buf_addf(t->out, ", %s of %s not matched", energy(t->ev, "left_wh").s,
			     energy(t->ev, "amount_wh").s);
}

static void say_report(const struct telling *t)
{
	mkt_buf_addf(t->out, "c%llu: %s reported as %s",
		     (unsigned long long)number(t->ev, "exec"), energy(t->ev, "energy_wh").s,
		     word(t->ev, "side"));
}

static void say_money(const struct telling *t)
{
	mkt_buf_addstr(t->out, word(t->ev, "why"));
	if (mkt_jval_has(t->ev, "from") && number(t->ev, "from") != t->me)
		mkt_buf_addf(t->out, " from %s", word(t->ev, "from_name"));
	if (mkt_jval_has(t->ev, "to") && number(t->ev, "to") != t->me)
		mkt_buf_addf(t->out, " to %s", word(t->ev, "to_name"));
	if (mkt_jval_has(t->ev, "exec"))
		mkt_buf_addf(t->out, " for c%llu", (unsigned long long)number(t->ev, "exec"));
}

static void say_result(const struct telling *t)
{
	mkt_buf_addstr(t->out, word(t->ev, "what"));
	if (strcmp(word(t->ev, "code"), "ok") != 0) {
		mkt_buf_addf(t->out, " refused: %s", word(t->ev, "message"));
		return;
	}
	if (mkt_jval_has(t->ev, "bid"))
		mkt_buf_addf(t->out, " b%llu", (unsigned long long)number(t->ev, "bid"));
	if (mkt_jval_has(t->ev, "exec"))
		mkt_buf_addf(t->out, " c%llu", (unsigned long long)number(t->ev, "exec"));
	if (mkt_jval_has(t->ev, "left_wh"))
		mkt_buf_addf(t->out, ", %s left", energy(t->ev, "left_wh").s);
	if (mkt_jval_has(t->ev, "freed_wh"))
		mkt_buf_addf(t->out, ", %s withdrawn", energy(t->ev, "freed_wh").s);
}

static void say(const struct telling *t, const char *kind)
{
	static const struct {
		const char *kind;
		void (*say)(const struct telling *t);
	} all[] = {
		{"contract", say_contract}, {"settled", say_settled}, {"gone", say_gone},
		{"report", say_report},	    {"money", say_money},     {"result", say_result},
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(all); i++)
		if (!strcmp(all[i].kind, kind))
			all[i].say(t);
}

static int read_place(const struct mkt_jval *ev, uint64_t *place, struct mkt_err *err)
{
	uint64_t height = 0, n = 0;
	int rc = mkt_jget_u64(ev, "height", UINT64_MAX >> 24, &height, err);

	if (!rc)
		rc = mkt_jget_u64(ev, "n", 0xffffff, &n, err);
	if (!rc)
		*place = height << 24 | n;
	return rc ? mkt_api_foreign(err) : 0;
}

static int read_entry(const struct tui_dash *d, uint32_t me, const struct mkt_jval *ev,
		      struct tui_entry *e, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct telling t = {d, ev, me, &b};
	struct mkt_booked booked = {0};
	int rc = read_place(ev, &e->place, err);

	if (!rc)
		rc = mkt_booked_add(&booked, me, ev, err);
	if (!rc)
		rc = mkt_booked_change(&booked, &e->change_uc, err);
	if (rc)
		return rc;
	snprintf(e->kind, sizeof(e->kind), "%s", word(ev, "kind"));
	say(&t, e->kind);
	snprintf(e->text, sizeof(e->text), "%s", mkt_buf_str(&b));
	mkt_buf_release(&b);
	return 0;
}

/* ---- pages -------------------------------------------------------------------------------- */

/* Room for @more; the oldest leave when there are too many. */
static int make_room(struct tui_statement *s, uint32_t more, struct mkt_err *err)
{
	struct tui_entry *bigger;

	if (s->n + more > TUI_ENTRIES_MAX) {
		uint32_t gone = s->n + more - TUI_ENTRIES_MAX;

		gone = gone < s->n ? gone : s->n;
		memmove(s->v, s->v + gone, (s->n - gone) * sizeof(*s->v));
		s->n -= gone;
		s->older[0] = '\0';
	}
	if (s->n + more <= s->cap)
		return 0;
	bigger = reallocarray(s->v, s->n + more, sizeof(*bigger));
	if (!bigger)
		return mkt_err_code(err, MKT_ENOMEM);
	s->v = bigger;
	s->cap = s->n + more;
	return 0;
}

/* The page's entries that are newer than @after, oldest first, into @out. */
static int read_page(const struct tui_dash *d, uint32_t me, const struct mkt_answer *a,
		     uint64_t after, struct tui_entry *out, uint32_t *n, struct mkt_err *err)
{
	struct mkt_jiter it = {0};
	struct mkt_jval ev;
	uint32_t count = 0;
	int rc = 0;

	while (!rc && mkt_jval_next(&a->data, &it, &ev)) {
		rc = read_entry(d, me, &ev, &out[count], err);
		if (!rc && out[count].place > after)
			count++;
	}
	for (uint32_t i = 0; i < count / 2; i++) {
		struct tui_entry e = out[i];

		out[i] = out[count - 1 - i];
		out[count - 1 - i] = e;
	}
	*n = count;
	return rc;
}

static struct tui_entry *page_room(const struct mkt_answer *a, struct mkt_err *err)
{
	size_t rows = mkt_jval_count(&a->data);
	struct tui_entry *page;

	if (rows > TUI_ENTRIES_MAX) {
		mkt_err_code(err, MKT_ELIMIT);
		return NULL;
	}
	page = calloc(rows + 1, sizeof(*page));
	if (!page)
		mkt_err_code(err, MKT_ENOMEM);
	return page;
}

int tui_statement_newest(struct tui_statement *s, const struct tui_dash *d, uint32_t me,
			 const struct mkt_answer *a, struct mkt_err *err)
{
	uint64_t last = s->n ? s->v[s->n - 1].place : 0;
	struct tui_entry *page = page_room(a, err);
	uint32_t n = 0;
	int rc = page ? read_page(d, me, a, last, page, &n, err) : -err->code;

	/* All of them new and more behind: what is between is not known. */
	if (!rc && (!s->n || (a->next && n == mkt_jval_count(&a->data)))) {
		s->n = 0;
		snprintf(s->older, sizeof(s->older), "%s", a->next ? a->next : "");
	}
	if (!rc)
		rc = make_room(s, n, err);
	if (!rc && n) {
		memcpy(s->v + s->n, page, n * sizeof(*page));
		s->n += n;
	}
	free(page);
	return rc;
}

int tui_statement_older(struct tui_statement *s, const struct tui_dash *d, uint32_t me,
			const struct mkt_answer *a, struct mkt_err *err)
{
	struct tui_entry *page = page_room(a, err);
	uint32_t n = 0;
	int rc = page ? read_page(d, me, a, 0, page, &n, err) : -err->code;

	/* An answer that came too late, or what has no room: the newest stay. */
	if (!rc && s->n && n && page[n - 1].place < s->v[0].place && s->n + n <= TUI_ENTRIES_MAX) {
		rc = make_room(s, n, err);
		if (!rc) {
			memmove(s->v + n, s->v, s->n * sizeof(*s->v));
			memcpy(s->v, page, n * sizeof(*page));
			s->n += n;
		}
	}
	if (!rc)
		snprintf(s->older, sizeof(s->older), "%s",
			 a->next && s->n + n <= TUI_ENTRIES_MAX ? a->next : "");
	free(page);
	return rc;
}

/* ---- as rows ------------------------------------------------------------------------------ */

enum { E_BLOCK, E_KIND, E_TEXT, E_MONEY, E_COLS };

static const struct tui_column entry_columns[E_COLS] = {
	[E_BLOCK] = {.name = "block", .title = "block", .width = 10, .least = 7, .rank = 3},
	[E_KIND] = {.name = "kind", .title = "kind", .width = 8, .rank = 4},
	[E_TEXT] = {.name = "text", .title = "what happened", .width = 40, .least = 20, .rank = 1,
		    .grows = true},
	[E_MONEY] = {.name = "money", .title = "money", .width = 13, .least = 8, .rank = 2,
		     .align = TUI_RIGHT, .number = true},
};

static enum tui_style entry_cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct tui_entry *e = &((const struct tui_statement *)ctx)->v[row];

	switch (column) {
	case E_BLOCK:
		snprintf(out, TUI_CELL_MAX, "%llu", (unsigned long long)(e->place >> 24));
		break;
	case E_KIND:
		snprintf(out, TUI_CELL_MAX, "%s", e->kind);
		break;
	case E_TEXT:
		snprintf(out, TUI_CELL_MAX, "%s", e->text);
		break;
	default:
		out[0] = '\0';
		if (e->change_uc)
			snprintf(out, TUI_CELL_MAX, "%s%s", e->change_uc > 0 ? "+" : "",
				 mkt_fmt_currency(e->change_uc).s);
		return e->change_uc < 0 ? TUI_SELL : TUI_GOOD;
	}
	return TUI_PLAIN;
}

static uint64_t entry_id(void *ctx, uint32_t row)
{
	return ((const struct tui_statement *)ctx)->v[row].place + 1;
}

static int entry_compare(void *ctx, uint32_t row, uint32_t other, unsigned column)
{
	const struct tui_entry *a = &((const struct tui_statement *)ctx)->v[row];
	const struct tui_entry *b = &((const struct tui_statement *)ctx)->v[other];

	switch (column) {
	case E_KIND:
		return strcmp(a->kind, b->kind);
	case E_TEXT:
		return strcmp(a->text, b->text);
	case E_MONEY:
		return a->change_uc < b->change_uc ? -1 : a->change_uc > b->change_uc;
	default:
		return a->place < b->place ? -1 : a->place > b->place;
	}
}

const struct tui_rows tui_entry_rows = {
	.columns = entry_columns,
	.ncolumns = E_COLS,
	.cell = entry_cell,
	.id = entry_id,
	.compare = entry_compare,
};

/* ---- the month so far --------------------------------------------------------------------- */

static void go_on(struct tui_dash *d, struct tui_monthbill *b);

static void got_border(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	struct tui_monthbill *b = ctx;
	uint64_t mid = b->low + (b->high - b->low) / 2, ms = 0;
	struct mkt_jiter it = {0};
	struct mkt_jval row;

	b->waiting = false;
	if (err || !mkt_jval_next(&a->data, &it, &row) || mkt_jget_time(&row, "time", &ms, NULL))
		return; /* asked again at the next tick */
	if (ms / 1000 < b->month.from_s)
		b->low = mid + 1;
	else
		b->high = mid;
	go_on(d, b);
}

static void got_story(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	struct tui_monthbill *b = ctx;
	struct mkt_jiter it = {0};
	struct mkt_err why;
	struct mkt_jval ev;
	uint64_t place = 0;
	int rc = 0;

	b->waiting = false;
	if (err)
		return;
	while (!rc && mkt_jval_next(&a->data, &it, &ev)) {
		rc = read_place(&ev, &place, &why);
		if (!rc && place >= b->from)
			rc = mkt_booked_add(&b->sum, b->me, &ev, &why);
		if (!rc && place >= b->from)
			b->from = place + 1;
	}
	if (rc) {
		tui_dash_say(d, TUI_BAD, "%s", why.text);
		return;
	}
	b->stale = a->next != NULL;
	b->known = b->known || !a->next;
	tui_dash_touch(d);
	go_on(d, b);
}

static void go_on(struct tui_dash *d, struct tui_monthbill *b)
{
	int rc = 0;

	if (b->waiting)
		return;
	if (b->low < b->high) {
		uint64_t middle = b->low + (b->high - b->low) / 2;

		b->waiting = true;
		rc = tui_dash_get(d, got_border, b, "/v1/blocks?limit=1&from=%llu",
				  (unsigned long long)middle);
		if (rc)
			b->waiting = false;
		return;
	}
	if (!b->from)
		b->from = b->low << 24;
	if (b->stale || !b->known) {
		b->waiting = true;
		rc = tui_dash_get(d, got_story, b, "/v1/accounts/%u/events?limit=%d&from=%llu",
				  (unsigned)b->me, BILL_PAGE, (unsigned long long)b->from);
		if (rc)
			b->waiting = false;
	}
}

void tui_monthbill_tick(struct tui_dash *d, struct tui_monthbill *b, uint32_t me)
{
	uint64_t height = d->node.height > d->facts.height ? d->node.height : d->facts.height;
	struct mkt_month month;

	mkt_month_at(&d->zone, tui_dash_chain_ms(d) / 1000, &month);
	/* An answer of the month before must not be counted in this one: it is awaited first. */
	if (b->waiting)
		return;
	if (month.from_s != b->month.from_s || me != b->me)
		*b = (struct tui_monthbill){.month = month, .me = me, .high = height + 1};
	go_on(d, b);
}
