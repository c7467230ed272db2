/* One line to type, at the bottom of the panes. */
#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/edit.h"
#include "tui/prompt.h"

#define LABEL_MAX 160
#define CANDIDATES_MAX 64
#define CANDIDATE_MAX 96

struct prompt {
	struct tui_prompt_conf conf; /* its texts are not used later but by label and line */
	char label[LABEL_MAX];
	struct tui_edit edit;
	char typed[TUI_LINE_MAX]; /* before the history was looked at */
	unsigned back;		  /* lines of history gone back; 0: the own one */
	unsigned ncandidates;	  /* shown; 0: none */
	unsigned chosen;	  /* by Tab again and again, from 1; 0: none */
	size_t word;		  /* where the completed word begins */
	char candidates[CANDIDATES_MAX][CANDIDATE_MAX];
};

/* ---- history ------------------------------------------------------------------------------ */

static struct tui_history *history_of(struct tui_dash *d, char letter)
{
	struct tui_history *h = d->histories;

	while (h && h->letter != letter)
		h = h->next;
	return h;
}

static void remember(struct tui_dash *d, char letter, const char *line)
{
	struct tui_history *h = letter ? history_of(d, letter) : NULL;

	if (!letter || !line[0])
		return;
	if (!h) {
		h = calloc(1, sizeof(*h));
		if (!h)
			return; /* it is not remembered, that is all */
		h->letter = letter;
		h->next = d->histories;
		d->histories = h;
	}
	if (h->n && !strcmp(h->v[0], line))
		return;
	h->n -= h->n == TUI_HISTORY_LINES;
	memmove(h->v[1], h->v[0], h->n * sizeof(h->v[0]));
	snprintf(h->v[0], sizeof(h->v[0]), "%s", line);
	h->n++;
}

void tui_history_release(struct tui_dash *d)
{
	while (d->histories) {
		struct tui_history *h = d->histories;

		d->histories = h->next;
		free(h);
	}
}

static void recall(struct tui_dash *d, struct prompt *p, bool older)
{
	const struct tui_history *h = p->conf.history ? history_of(d, p->conf.history) : NULL;

	if (!h || (older ? p->back == h->n : p->back == 0))
		return;
	if (!p->back)
		memcpy(p->typed, p->edit.line, sizeof(p->typed));
	p->back = older ? p->back + 1 : p->back - 1;
	tui_edit_set(&p->edit, p->back ? h->v[p->back - 1] : p->typed);
}

/* ---- completion --------------------------------------------------------------------------- */

static void gather(struct tui_dash *d, struct prompt *p)
{
	char line[TUI_LINE_MAX];

	snprintf(line, sizeof(line), "%.*s", (int)p->edit.at, p->edit.line);
	for (p->word = p->edit.at; p->word && p->edit.line[p->word - 1] != ' ';)
		p->word--;
	for (p->ncandidates = 0; p->ncandidates < CANDIDATES_MAX; p->ncandidates++)
		if (!p->conf.complete(d, line, p->ncandidates, p->candidates[p->ncandidates],
				      CANDIDATE_MAX))
			break;
}

/* Letters that all candidates begin with. */
static size_t common(const struct prompt *p)
{
	size_t n = strlen(p->candidates[0]);

	for (unsigned i = 1; i < p->ncandidates; i++) {
		size_t k = 0;

		while (k < n && p->candidates[i][k] == p->candidates[0][k])
			k++;
		n = k;
	}
	return n;
}

static void replace_word(struct prompt *p, const char *text, size_t n)
{
	struct mkt_buf b = MKT_BUF_INIT;

	tui_clean(&b, text, n, false);
	tui_edit_cut(&p->edit, p->word, p->edit.at);
	if (b.len) /* a line that is full stays without */
		(void)tui_edit_insert(&p->edit, mkt_buf_str(&b), b.len);
	mkt_buf_release(&b);
}

static void complete(struct tui_dash *d, struct prompt *p)
{
	size_t n;

	if (!p->conf.complete)
		return;
	if (p->ncandidates > 1) { /* Tab again: one after the other */
		const char *one = p->candidates[p->chosen++ % p->ncandidates];

		replace_word(p, one, strlen(one));
		return;
	}
	gather(d, p);
	p->chosen = 0;
	if (!p->ncandidates) {
		tui_dash_say(d, TUI_WARN, "nothing begins like that");
		return;
	}
	n = common(p);
	if (n >= p->edit.at - p->word)
		replace_word(p, p->candidates[0], n);
	if (p->ncandidates > 1)
		return;
	p->ncandidates = 0;
	if (!p->edit.line[p->edit.at])
		(void)tui_edit_insert(&p->edit, " ", 1);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* The prompt is gone when its caller hears of it: a caller may open the next. */
static void finish(struct tui_dash *d, struct prompt *p, bool entered)
{
	struct tui_prompt_conf conf = p->conf;
	tui_typed_fn *fn = entered ? conf.done : conf.left;
	char line[TUI_LINE_MAX];

	memcpy(line, p->edit.line, sizeof(line));
	if (entered)
		remember(d, conf.history, line);
	tui_overlay_pop(d);
	if (fn)
		fn(d, conf.ctx, line);
}

static void key(struct tui_dash *d, void *self, const struct tui_input *in)
{
	struct prompt *p = self;
	char was[TUI_LINE_MAX];

	if (in->key == TUI_K_MOUSE)
		return;
	d->said[0] = '\0';
	if (in->key == TUI_K_ENTER || in->key == TUI_K_ESC ||
	    (in->key == TUI_K_BACKSPACE && !p->edit.line[0])) {
		finish(d, p, in->key == TUI_K_ENTER);
		return;
	}
	memcpy(was, p->edit.line, sizeof(was));
	if (in->key == TUI_K_TAB) {
		complete(d, p);
	} else {
		p->ncandidates = 0;
		if (in->key == TUI_K_UP || in->key == TUI_CTRL('p'))
			recall(d, p, true);
		else if (in->key == TUI_K_DOWN || in->key == TUI_CTRL('n'))
			recall(d, p, false);
		else if (!tui_edit_key(&p->edit, in->key))
			tui_dash_say(d, TUI_WARN, "the line is full");
	}
	if (p->conf.live && strcmp(was, p->edit.line) != 0)
		p->conf.live(d, p->conf.ctx, p->edit.line);
}

/* ---- drawing ------------------------------------------------------------------------------ */

static void draw_candidates(const struct prompt *p, struct tui_area a)
{
	struct mkt_buf b = MKT_BUF_INIT;

	for (unsigned i = 0; i < p->ncandidates; i++)
		mkt_buf_addf(&b, "%s%s", i ? "  " : "", p->candidates[i]);
	tui_text(a, 0, 0, a.cols, TUI_LEFT, TUI_DIM, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static void draw_line(const struct prompt *p, struct tui_area a, int *cursor_y, int *cursor_x)
{
	unsigned label = tui_width(a.c, p->label);

	if (label > a.cols / 2)
		label = a.cols / 2;
	tui_text(a, 0, 0, label, TUI_LEFT, TUI_KEY, p->label);
	tui_edit_draw(&p->edit, tui_part(a, 0, label, 1, a.cols - label), TUI_PLAIN, cursor_y,
		      cursor_x);
}

static void draw(struct tui_dash *d, void *self, struct tui_area a, int *cursor_y, int *cursor_x)
{
	const struct tui_overlay *below = d->top && d->top->self == self ? d->top->below : NULL;
	struct prompt *p = self;
	int y = -1, x = -1;

	/* A text that is searched in is seen. */
	if (below)
		below->ops->draw(d, below->self, a, &y, &x);
	if (!a.rows || !a.cols)
		return;
	if (p->ncandidates > 1 && a.rows > 1)
		draw_candidates(p, tui_part(a, a.rows - 2, 0, 1, a.cols));
	draw_line(p, tui_part(a, a.rows - 1, 0, 1, a.cols), cursor_y, cursor_x);
}

static const struct tui_overlay_ops ops = {.draw = draw, .key = key};

void tui_prompt_open(struct tui_dash *d, const struct tui_prompt_conf *conf)
{
	struct prompt *p = tui_overlay_push(d, &ops, sizeof(*p));

	if (!p)
		return;
	p->conf = *conf;
	p->conf.label = p->conf.initial = NULL;
	snprintf(p->label, sizeof(p->label), "%s", conf->label ? conf->label : "");
	tui_edit_set(&p->edit, conf->initial ? conf->initial : "");
}
