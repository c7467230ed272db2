/*
 * Questions before something is done.  What is acted on stands in the command, by value, from the
 * moment the dialog opens: rows may move or go meanwhile.
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/child.h"
#include "tui/wrap.h"

#define TITLE_MAX 200
#define WORD_MAX 64
#define COLS_MAX 72

enum state { ASKING, RUNNING, DONE, FAILED };

/* What the run holds: the dialog may be closed meanwhile. */
struct doing {
	char title[TITLE_MAX];
	tui_ran_fn *done;
	void *ctx;
};

struct dialog {
	const struct doing *run; /* its own; not looked into: it may have ended */
	enum state state;
	int status; /* of FAILED */
	char title[TITLE_MAX];
	char word[WORD_MAX]; /* to be typed; "": y */
	char typed[WORD_MAX];
	struct mkt_buf body; /* the command and what it means, or what came of it */
	struct mkt_buf args; /* words, each with its NUL */
	unsigned nargs;
	tui_ran_fn *done;
	void *ctx;
	struct tui_wrap wrap;
	uint32_t top, height;
};

/* ---- drawing ------------------------------------------------------------------------------ */

/* What exit statuses of mkt(1) promise, and no more than that. */
static const char *failure(int status)
{
	switch (status) {
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
	case 12:
		return "nothing was changed; any key closes";
	case 10:
		return "a part was done, see above; any key closes";
	default:
		return "it may have been done or not; any key closes";
	}
}

static const char *foot_of(const struct dialog *q, char *out, size_t size)
{
	if (q->state == RUNNING)
		return "under way ...  Esc closes this, the command goes on";
	if (q->state == DONE)
		return "it was done; any key closes";
	if (q->state == FAILED)
		return failure(q->status);
	if (!q->word[0])
		return "y does it, any other key does not";
	snprintf(out, size, "type %s and Enter: %s", q->word, q->typed);
	return out;
}

/* As large as the text wants, in the middle. */
static struct tui_area box_of(struct dialog *q, struct tui_area a)
{
	unsigned cols = a.cols < COLS_MAX ? a.cols : COLS_MAX, rows;

	a.rows -= a.rows > 6; /* what is said stays in sight */
	if (tui_wrap(&q->wrap, a.c, mkt_buf_str(&q->body), cols > 4 ? cols - 4 : 1))
		return a;
	rows = q->wrap.n + 4;
	rows = rows < a.rows ? rows : a.rows;
	return tui_part(a, (a.rows - rows) / 2, (a.cols - cols) / 2, rows, cols);
}

static void draw_more(struct tui_area a, uint32_t n)
{
	tui_clear(a, TUI_WARN);
	tui_print(a, 0, 0, TUI_WARN, "... %u lines more: Down", (unsigned)n);
}

static void draw_body(struct dialog *q, struct tui_area a)
{
	const char *text = mkt_buf_str(&q->body);

	q->height = a.rows;
	if (q->top + q->height > q->wrap.n)
		q->top = q->wrap.n > q->height ? q->wrap.n - q->height : 0;
	for (unsigned y = 0; y < a.rows; y++)
		tui_wrap_draw(&q->wrap, text, q->top + y, a, y, TUI_DIALOG, NULL);
	if (q->top + q->height < q->wrap.n && a.rows > 1)
		draw_more(tui_part(a, a.rows - 1, 0, 1, a.cols),
			  q->wrap.n - q->top - q->height + 1);
}

static void draw(struct tui_dash *d, void *self, struct tui_area a, int *cursor_y, int *cursor_x)
{
	struct dialog *q = self;
	struct tui_area box = box_of(q, a), in;
	char line[2 * WORD_MAX + 32];
	const char *foot = foot_of(q, line, sizeof(line));
	bool framed = box.rows > 4 && box.cols > 8;

	(void)d;
	tui_clear(box, TUI_DIALOG);
	in = box;
	if (framed) {
		tui_frame(box, TUI_DIALOG, q->title);
		in = tui_part(box, 1, 2, box.rows - 2, box.cols - 4);
	}
	if (!in.rows || !in.cols)
		return;
	draw_body(q, tui_part(in, 0, 0, in.rows - 1, in.cols));
	tui_text(in, in.rows - 1, 0, in.cols, TUI_LEFT, TUI_STRONG, foot);
	if (q->state == ASKING && q->word[0]) {
		unsigned x = tui_width(a.c, foot);

		*cursor_y = (int)(in.y + in.rows - 1);
		*cursor_x = (int)(in.x + (x < in.cols ? x : in.cols - 1));
	}
}

/* ---- doing it ----------------------------------------------------------------------------- */

static const struct tui_overlay_ops ops;

static struct dialog *dialog_of(const struct tui_dash *d, const struct doing *run)
{
	for (struct tui_overlay *o = d->top; o; o = o->below)
		if (o->ops == &ops && ((struct dialog *)o->self)->run == run)
			return o->self;
	return NULL;
}

static void show_failure(struct dialog *q, const struct tui_outcome *o)
{
	q->state = FAILED;
	q->status = o->status;
	q->top = 0;
	mkt_buf_addf(&q->body, "\nIt ended with status %d:\n%s%s", o->status, o->err, o->out);
	if (o->cut)
		mkt_buf_addstr(&q->body, "\n(more was written than is kept)");
	tui_wrap_clear(&q->wrap);
}

static void ran(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct doing *w = ctx;
	struct dialog *q = dialog_of(d, w);
	char line[TUI_SAY_MAX];

	tui_outcome_line(o, line, sizeof(line));
	tui_dash_say(d, o->status ? TUI_BAD : TUI_GOOD, "%s: %s", w->title, line);
	if (q && o->status)
		show_failure(q, o);
	else if (q && d->top->self == q)
		tui_overlay_pop(d);
	else if (q)
		q->state = DONE; /* below another; it says so when that is closed */
	if (w->done)
		w->done(d, w->ctx, o);
	d->urgent = true;
}

static void say_not_run(struct tui_dash *d, int rc)
{
	tui_dash_say(d, TUI_BAD,
		     rc == -MKT_EBUSY ? "too many commands are under way: nothing was done"
				      : "the command could not be started: nothing was done");
}

static void do_it(struct tui_dash *d, struct dialog *q)
{
	const char *argv[TUI_ARGS_MAX + 1], *p = mkt_buf_str(&q->args);
	struct doing *w = calloc(1, sizeof(*w));
	int rc = -MKT_ENOMEM;

	for (unsigned i = 0; i < q->nargs; i++, p += strlen(p) + 1)
		argv[i] = p;
	argv[q->nargs] = "--yes";
	argv[q->nargs + 1] = NULL;
	if (w) {
		*w = (struct doing){.done = q->done, .ctx = q->ctx};
		memcpy(w->title, q->title, sizeof(w->title));
		rc = tui_run_keep(d, argv, ran, w);
	}
	if (rc < 0) {
		free(w);
		say_not_run(d, rc);
		tui_overlay_pop(d);
		return;
	}
	q->run = w;
	q->state = RUNNING;
}

/* ---- keys --------------------------------------------------------------------------------- */

static bool scroll(struct dialog *q, const struct tui_input *in)
{
	bool wheel = in->key == TUI_K_MOUSE;
	uint32_t last = q->wrap.n > q->height ? q->wrap.n - q->height : 0;

	if (in->key == TUI_K_UP || (wheel && in->mouse == TUI_WHEEL_UP))
		q->top -= q->top > 0;
	else if (in->key == TUI_K_DOWN || (wheel && in->mouse == TUI_WHEEL_DOWN))
		q->top += q->top < last;
	else if (in->key == TUI_K_PGUP)
		q->top -= q->top < q->height ? q->top : q->height;
	else if (in->key == TUI_K_PGDN)
		q->top = q->top + q->height < last ? q->top + q->height : last;
	else
		return false;
	return true;
}

static void type(struct tui_dash *d, struct dialog *q, uint32_t key)
{
	size_t n = strlen(q->typed);

	if (key == TUI_K_ENTER && !strcmp(q->typed, q->word)) {
		do_it(d, q);
	} else if (key == TUI_K_ENTER) {
		memset(q->typed, 0, sizeof(q->typed));
		tui_dash_say(d, TUI_WARN, "that is not the word; nothing was done");
	} else if (key == TUI_K_BACKSPACE && n) {
		q->typed[n - 1] = '\0';
	} else if (key >= ' ' && key < 0x7f && n + 1 < sizeof(q->typed)) {
		q->typed[n] = (char)key;
	} else {
		tui_dash_say(d, TUI_PLAIN, "%s: nothing was done", q->title);
		tui_overlay_pop(d);
	}
}

static void key(struct tui_dash *d, void *self, const struct tui_input *in)
{
	struct dialog *q = self;

	if (scroll(q, in))
		return;
	if (q->state == ASKING && q->word[0]) {
		type(d, q, in->key);
	} else if (q->state == ASKING && in->key == 'y') {
		do_it(d, q);
	} else if (q->state == ASKING) {
		tui_dash_say(d, TUI_PLAIN, "%s: nothing was done", q->title);
		tui_overlay_pop(d);
	} else if (q->state != RUNNING || in->key == TUI_K_ESC) {
		tui_overlay_pop(d);
	}
}

/* ---- beginning, end ----------------------------------------------------------------------- */

static void release(struct tui_dash *d, void *self)
{
	struct dialog *q = self;

	(void)d;
	mkt_buf_release(&q->body);
	mkt_buf_release(&q->args);
	tui_wrap_release(&q->wrap);
}

static const struct tui_overlay_ops ops = {
	.draw = draw, .key = key, .release = release, .busy = true};

/* The equal command first: it is what will be done, however small the terminal is. */
static void write_body(const struct tui_dash *d, struct dialog *q, const struct tui_dialog *from)
{
	struct mkt_buf command = MKT_BUF_INIT;

	tui_command_text(d, from->argv, &command);
	mkt_buf_addstr(&command, " --yes");
	tui_clean(&q->body, mkt_buf_str(&command), command.len, false);
	mkt_buf_addch(&q->body, '\n');
	if (from->text && *from->text)
		tui_clean(&q->body, from->text, strlen(from->text), true);
	q->body.bad |= command.bad;
	mkt_buf_release(&command);
}

void tui_dialog_open(struct tui_dash *d, const struct tui_dialog *from)
{
	struct dialog *q;

	if (!tui_dash_may(d))
		return;
	q = tui_overlay_push(d, &ops, sizeof(*q));
	if (!q)
		return;
	snprintf(q->title, sizeof(q->title), "%s", from->title);
	if (from->type)
		snprintf(q->word, sizeof(q->word), "%s", from->type);
	q->done = from->done;
	q->ctx = from->ctx;
	write_body(d, q, from);
	for (; q->nargs < TUI_ARGS_MAX - 2 && from->argv[q->nargs]; q->nargs++)
		mkt_buf_add(&q->args, from->argv[q->nargs], strlen(from->argv[q->nargs]) + 1);
	if (from->argv[q->nargs] || q->body.bad || q->args.bad) {
		const char *why =
			from->argv[q->nargs] ? "that is too much for one command" : "out of memory";

		tui_overlay_pop(d);
		tui_dash_say(d, TUI_BAD, "%s", why);
	}
}
