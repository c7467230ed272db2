/*
 * The form:
 *
 *   +- Bid -------------------------------------------------------+
 *   | side     buy                                                |
 *   | amount   4kWh                                               |
 *   | windows  2026-11-23 11:00/11:30 JST                         |
 *   | prices   green=22/kWh                                       |
 *   | options                                                     |
 *   | mkt bid buy 4kWh --at '2026-11-23 11:00/11:30 JST' --price ~|
 *   | at block 14 it would:                                       |
 *   | buy 4.000 kWh: 4.000 kWh matched in 1 contract ...          |
 *   +- Enter bid  Tab next  Esc close ----------------------------+
 *
 * The preview is asked for about once a second while something changes, and anew when blocks have
 * come: a node counts what is asked of it, so it is not asked at every key.
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "tui/bid.h"
#include "tui/child.h"
#include "tui/command.h"
#include "tui/edit.h"
#include "tui/wrap.h"

#define AGAIN_MS 5000 /* a preview is at most so much older than the chain's head */
#define LABEL_COLS 9

enum field { SIDE, AMOUNT, WINDOWS, PRICES, OPTIONS, FIELDS };

struct form {
	struct tui_edit v[FIELDS];
	enum field at;
	int run;	   /* of the preview under way; -1: none */
	bool stale;	   /* what was told is not of what stands there */
	bool asking;	   /* Enter: the question comes with the next preview */
	bool good;	   /* what was told is what a bid would do */
	bool sent;	   /* it was done: the form goes */
	uint64_t asked_ms; /* steady */
	uint64_t height;   /* of what was told; 0: nothing yet */
	struct mkt_buf told;
	struct tui_wrap wrap;
	uint32_t top, rows; /* of what was told: first that is seen, and how many are */
};

/* The command's words, in their own memory. */
struct words {
	const char *v[TUI_ARGS_MAX + 1];
	unsigned n;
	char text[FIELDS][TUI_LINE_MAX];
};

static const struct tui_overlay_ops ops;

/* The form, wherever it lies; NULL: it was closed. */
static struct form *form_of(const struct tui_dash *d)
{
	for (struct tui_overlay *o = d->top; o; o = o->below)
		if (o->ops == &ops)
			return o->self;
	return NULL;
}

/* ---- the command -------------------------------------------------------------------------- */

static bool add(struct words *w, const char *word)
{
	if (w->n + 3 > TUI_ARGS_MAX) /* --dry-run or --yes, and the NULL */
		return false;
	w->v[w->n++] = word;
	w->v[w->n] = NULL;
	return true;
}

/* @option before each part of @field. */
static bool add_parts(struct words *w, char *field, const char *parts, const char *option)
{
	char *save = NULL;

	for (char *p = strtok_r(field, parts, &save); p; p = strtok_r(NULL, parts, &save)) {
		size_t n;

		p += strspn(p, " ");
		for (n = strlen(p); n && p[n - 1] == ' ';)
			p[--n] = '\0';
		if (n && (!add(w, option) || !add(w, p)))
			return false;
	}
	return true;
}

/* What stands in the form, as words of mkt; or why it is none. */
static const char *words_of(const struct form *f, struct words *w)
{
	const char *rest[TUI_ARGS_MAX];
	int n;

	w->n = 0;
	for (unsigned i = 0; i < FIELDS; i++)
		memcpy(w->text[i], f->v[i].line, sizeof(w->text[i]));
	n = tui_command_split(w->text[OPTIONS], rest, TUI_ARGS_MAX);
	if (n < 0)
		return "options: a quote is not closed, or there are too many";
	if (!w->text[AMOUNT][strspn(w->text[AMOUNT], " ")])
		return "amount: how much energy, as 4kWh?";
	if (!add(w, "bid") || !add(w, w->text[SIDE]) || !add(w, w->text[AMOUNT]) ||
	    !add_parts(w, w->text[WINDOWS], ";", "--at") ||
	    !add_parts(w, w->text[PRICES], " ;", "--price"))
		return "that is too much for one command";
	for (int i = 0; i < n; i++)
		if (!add(w, rest[i]))
			return "that is too much for one command";
	return NULL;
}

/* ---- the question ------------------------------------------------------------------------- */

static void sent(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct form *f = form_of(d);

	(void)ctx;
	if (!f || o->status)
		return;
	f->sent = true;
	if (tui_overlay_top(d, &ops))
		tui_overlay_pop(d);
}

static void question(struct tui_dash *d, const struct form *f)
{
	struct words w;
	struct mkt_buf text = MKT_BUF_INIT;

	if (words_of(f, &w))
		return;
	mkt_buf_addf(&text, "%s\nThat is at block %llu; the market goes on until it is sent.",
		     mkt_buf_str(&f->told), (unsigned long long)f->height);
	tui_dialog_open(
		d, &(struct tui_dialog){
			   .title = "Bid", .text = mkt_buf_str(&text), .argv = w.v, .done = sent});
	mkt_buf_release(&text);
}

/* ---- the preview -------------------------------------------------------------------------- */

static void tell(struct form *f, bool good, uint64_t height, const char *text)
{
	mkt_buf_clear(&f->told);
	mkt_buf_addstr(&f->told, text);
	tui_wrap_clear(&f->wrap);
	f->top = 0;
	f->good = good;
	f->height = height;
}

static void preview(struct tui_dash *d, struct form *f);

static void previewed(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct form *f = form_of(d);

	(void)ctx;
	if (!f)
		return;
	f->run = -1;
	tell(f, !o->status, d->node.height, o->status ? o->err : o->out);
	d->urgent = true;
	if (!f->asking)
		return;
	if (f->stale) { /* typed on since */
		preview(d, f);
		return;
	}
	f->asking = false;
	if (f->good && tui_overlay_top(d, &ops))
		question(d, f);
	else if (!f->good)
		tui_dash_say(d, TUI_BAD, "this bid would be refused: see below");
}

static void preview(struct tui_dash *d, struct form *f)
{
	struct words w;
	const char *fault = words_of(f, &w);

	f->stale = false;
	f->asked_ms = d->steady_ms;
	if (fault) {
		tell(f, false, d->node.height, fault);
		if (f->asking)
			tui_dash_say(d, TUI_WARN, "%s", fault);
		f->asking = false;
		return;
	}
	w.v[w.n] = "--dry-run";
	w.v[w.n + 1] = NULL;
	f->run = tui_run(d, w.v, previewed, NULL);
	if (f->run >= 0)
		return;
	f->stale = true; /* the next tick tries again */
	if (f->asking)
		tui_dash_say(d, TUI_BAD, "the preview could not be started");
	f->asking = false;
}

static void tick(struct tui_dash *d, void *self)
{
	struct form *f = self;

	if (f->sent)
		tui_overlay_pop(d);
	else if (f->run < 0 && (f->stale || (d->node.height != f->height &&
					     d->steady_ms - f->asked_ms >= AGAIN_MS)))
		preview(d, f);
}

/* Enter: the question, with what it would do by now. */
static void submit(struct tui_dash *d, struct form *f)
{
	f->asking = true;
	tui_dash_say(d, TUI_PLAIN, "what it would do now ...");
	if (f->run >= 0)
		f->stale = true; /* that one may be of an older picture */
	else
		preview(d, f);
}

/* ---- keys --------------------------------------------------------------------------------- */

static bool move(struct form *f, uint32_t key)
{
	if (key == TUI_K_TAB || key == TUI_K_DOWN)
		f->at = (f->at + 1) % FIELDS;
	else if (key == TUI_K_BACKTAB || key == TUI_K_UP)
		f->at = (f->at + FIELDS - 1) % FIELDS;
	else if (key == TUI_K_PGDN)
		f->top += f->rows;
	else if (key == TUI_K_PGUP)
		f->top -= f->top < f->rows ? f->top : f->rows;
	else
		return false;
	return true;
}

/* One of two: a letter names it, blank and arrows change it. */
static void choose(struct form *f, uint32_t key)
{
	bool sell = f->v[SIDE].line[0] == 's';

	if (key == ' ' || key == TUI_K_LEFT || key == TUI_K_RIGHT)
		sell = !sell;
	else if (key == 'b' || key == 's')
		sell = key == 's';
	tui_edit_set(&f->v[SIDE], sell ? "sell" : "buy");
}

static void type(struct tui_dash *d, struct form *f, uint32_t key)
{
	char was[TUI_LINE_MAX];

	memcpy(was, f->v[f->at].line, sizeof(was));
	if (f->at == SIDE)
		choose(f, key);
	else if (!tui_edit_key(&f->v[f->at], key))
		tui_dash_say(d, TUI_WARN, "the line is full");
	if (strcmp(was, f->v[f->at].line) != 0) {
		f->stale = true;
		f->asking = false;
	}
}

static void key(struct tui_dash *d, void *self, const struct tui_input *in)
{
	struct form *f = self;

	if (in->key == TUI_K_MOUSE)
		return;
	d->said[0] = '\0';
	if (in->key == TUI_K_ESC) {
		tui_overlay_pop(d);
		tui_dash_say(d, TUI_PLAIN, "nothing was bid");
	} else if (in->key == TUI_K_ENTER) {
		submit(d, f);
	} else if (!move(f, in->key)) {
		type(d, f, in->key);
	}
}

/* ---- drawing ------------------------------------------------------------------------------ */

static void draw_told(struct form *f, struct tui_area a)
{
	const char *text = mkt_buf_str(&f->told);
	enum tui_style style = f->stale ? TUI_STALE : f->good ? TUI_DIALOG : TUI_WARN;

	f->rows = a.rows;
	if (!a.rows || !a.cols || tui_wrap(&f->wrap, a.c, text, a.cols))
		return;
	if (f->top + a.rows > f->wrap.n)
		f->top = f->wrap.n > a.rows ? f->wrap.n - a.rows : 0;
	for (unsigned y = 0; y < a.rows; y++)
		tui_wrap_draw(&f->wrap, text, f->top + y, a, y, style, NULL);
}

static void draw_command(const struct tui_dash *d, const struct form *f, struct tui_area a)
{
	struct words w;
	struct mkt_buf b = MKT_BUF_INIT;

	if (!words_of(f, &w))
		tui_command_text(d, w.v, &b);
	tui_text(a, 0, 0, a.cols, TUI_LEFT, TUI_DIM, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static void draw_heading(const struct form *f, struct tui_area a)
{
	const char *refused = "it would not be taken:", *now = "it would now, at block";

	if (f->stale || !f->height)
		tui_text(a, 0, 0, a.cols, TUI_LEFT, TUI_DIM, "what it would do: asking ...");
	else if (!f->good)
		tui_text(a, 0, 0, a.cols, TUI_LEFT, TUI_WARN, refused);
	else
		tui_print(a, 0, 0, TUI_STRONG, "%s %llu:", now, (unsigned long long)f->height);
}

static void draw_fields(const struct form *f, struct tui_area a, int *cursor_y, int *cursor_x)
{
	static const char *const labels[FIELDS] = {
		[SIDE] = "side",     [AMOUNT] = "amount",   [WINDOWS] = "windows",
		[PRICES] = "prices", [OPTIONS] = "options",
	};

	for (unsigned i = 0; i < FIELDS && i < a.rows; i++) {
		int y = -1, x = -1;

		tui_text(a, i, 0, LABEL_COLS - 1, TUI_LEFT, i == f->at ? TUI_KEY : TUI_DIM,
			 labels[i]);
		if (a.cols > LABEL_COLS)
			tui_edit_draw(&f->v[i], tui_part(a, i, LABEL_COLS, 1, a.cols - LABEL_COLS),
				      TUI_DIALOG, &y, &x);
		if (i == f->at)
			*cursor_y = y, *cursor_x = x;
	}
}

static void draw(struct tui_dash *d, void *self, struct tui_area a, int *cursor_y, int *cursor_x)
{
	struct form *f = self;
	bool framed;

	a.rows -= a.rows > 6; /* what is said stays in sight */
	framed = a.rows >= FIELDS + 5 && a.cols > 20;
	tui_clear(a, TUI_DIALOG);
	if (framed) {
		tui_frame(a, TUI_DIALOG, "Bid");
		tui_print(tui_part(a, 0, 0, a.rows, a.cols - 1), a.rows - 1, 2, TUI_DIALOG,
			  " Enter bid  Tab next  Esc close ");
		a = tui_part(a, 1, 2, a.rows - 2, a.cols - 4);
	}
	draw_fields(f, a, cursor_y, cursor_x);
	if (a.rows > FIELDS + 2)
		draw_command(d, f, tui_part(a, FIELDS, 0, 1, a.cols));
	if (a.rows > FIELDS + 1)
		draw_heading(f, tui_part(a, FIELDS + (a.rows > FIELDS + 2), 0, 1, a.cols));
	if (a.rows > FIELDS + 2)
		draw_told(f, tui_part(a, FIELDS + 2, 0, a.rows - FIELDS - 2, a.cols));
}

/* ---- beginning, end ----------------------------------------------------------------------- */

static void release(struct tui_dash *d, void *self)
{
	struct form *f = self;

	if (f->run >= 0)
		tui_run_cancel(d, f->run);
	mkt_buf_release(&f->told);
	tui_wrap_release(&f->wrap);
}

static const struct tui_overlay_ops ops = {
	.draw = draw, .key = key, .tick = tick, .release = release};

void tui_bid_open(struct tui_dash *d, const struct tui_bid_start *start)
{
	struct form *f;
	char price[TUI_LINE_MAX];

	if (!tui_dash_may(d))
		return;
	f = tui_overlay_push(d, &ops, sizeof(*f));
	if (!f)
		return;
	f->run = -1;
	f->stale = true;
	f->at = AMOUNT;
	snprintf(price, sizeof(price), "%s%s", start->tags ? start->tags : "",
		 start->tags ? "=" : "");
	tui_edit_set(&f->v[SIDE], start->sell ? "sell" : "buy");
	tui_edit_set(&f->v[AMOUNT], "1kWh");
	tui_edit_set(&f->v[WINDOWS], start->window ? start->window : "next");
	tui_edit_set(&f->v[PRICES], price);
}
