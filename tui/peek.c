#include "core/base/compat.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec/json.h"
#include "core/units/fmt.h"
#include "tui/frame.h"
#include "tui/peek.h"

#define SETTLED_MS_MAX 5000 /* a pane that always asks for more is shown all the same */

int tui_peek_wait(struct tui_loop *l, uint64_t until_ms, struct mkt_err *err)
{
	struct tui_dash *d = l->d;
	uint64_t facts_ms = 0, asked_ms = 0;

	while (!d->quit && d->steady_ms < until_ms) {
		tui_loop_turn(l, 50);
		if (!d->have_facts || d->link != TUI_LINK_LIVE)
			continue;
		if (!facts_ms)
			facts_ms = asked_ms = d->steady_ms;
		if (d->asks)
			asked_ms = d->steady_ms;
		if (d->steady_ms - facts_ms >= SETTLED_MS_MAX ||
		    d->steady_ms - asked_ms >= TUI_PEEK_SETTLE_MS)
			return 0;
	}
	if (d->quit)
		return mkt_err_set(err, MKT_ECANCELLED, "interrupted");
	return mkt_err_set(err, MKT_EUNAVAILABLE, "%s",
			   d->said[0] ? d->said : "the node gave no answer in time");
}

void tui_peek_print(struct tui_loop *l, struct mkt_out *out)
{
	struct mkt_buf b = MKT_BUF_INIT;

	do
		tui_frame_draw(l->d, &l->cursor_y, &l->cursor_x);
	while (l->d->canvas.again);
	tui_canvas_text(&l->d->canvas, &b);
	mkt_out_raw(out, mkt_buf_str(&b), b.len);
	mkt_out_flush(out);
	mkt_buf_release(&b);
}

/* ---- changes ------------------------------------------------------------------------------ */

struct lines {
	uint64_t seen[TUI_ROWS_MAX]; /* of the picture before */
	unsigned n;
	char state[128];
};

static bool counts_time(const char *p)
{
	static const char *const units[] = {"s", "min", "h", "d", "ms"};

	p += *p == ' ';
	for (size_t i = 0; i < MKT_ARRAY_SIZE(units); i++) {
		size_t n = strlen(units[i]);

		if (!strncmp(p, units[i], n) && !isalnum((unsigned char)p[n]))
			return true;
	}
	return false;
}

/* Of a line without its blanks and without numbers of seconds: FNV-1a, to see whether it is new. */
static uint64_t mark_of(const char *line)
{
	uint64_t h = 14695981039346656037u;

	while (*line) {
		size_t digits = strspn(line, "0123456789");

		if (digits && counts_time(line + digits)) {
			line += digits;
			continue;
		}
		if (*line != ' ')
			h = (h ^ (uint8_t)*line) * 1099511628211u;
		line++;
	}
	return h;
}

static bool was_there(const struct lines *old, uint64_t mark)
{
	for (unsigned i = 0; i < old->n; i++)
		if (old->seen[i] == mark)
			return true;
	return false;
}

static void put_line(struct tui_dash *d, struct mkt_out *out, bool json, const char *text)
{
	uint64_t now_s = tui_dash_chain_ms(d) / 1000;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_jw w;

	text += strspn(text, " ");
	if (json) {
		mkt_jw_init(&w, &b);
		mkt_jw_obj(&w);
		mkt_jw_kstr(&w, "time", mkt_fmt_utc(now_s).s);
		mkt_jw_kstr(&w, "pane", tui_pane_name(d->shown));
		mkt_jw_kstr(&w, "text", text);
		mkt_jw_obj_end(&w);
	} else {
		mkt_buf_addf(&b, "%s  %s", mkt_fmt_local(&d->zone, now_s).s, text);
	}
	mkt_buf_addch(&b, '\n');
	mkt_out_raw(out, mkt_buf_str(&b), b.len);
	mkt_buf_release(&b);
}

/* How it stands, in words that change only when something has happened. */
static void put_state(struct tui_dash *d, struct lines *old, struct mkt_out *out, bool json)
{
	char link[40], text[128];

	tui_frame_link(d, link, sizeof(link));
	link[strcspn(link, " ")] = '\0';
	snprintf(text, sizeof(text), "%s%s  alarms %u", link, d->paused ? " PAUSED" : "",
		 d->node.nalarms);
	if (!strcmp(text, old->state))
		return;
	snprintf(old->state, sizeof(old->state), "%s", text);
	put_line(d, out, json, text);
}

static void put_rows(struct tui_dash *d, struct lines *old, struct mkt_out *out, bool json)
{
	struct tui_area a = d->places.main;
	struct mkt_buf b = MKT_BUF_INIT;
	struct lines now = {.n = 0};
	char *line, *rest;

	tui_canvas_text(&d->canvas, &b);
	mkt_buf_addch(&b, '\0');
	rest = b.bad ? NULL : (char *)b.data;
	for (unsigned y = 0; (line = strsep(&rest, "\n")) != NULL; y++) {
		uint64_t mark = mark_of(line);

		if (y < a.y || y >= a.y + a.rows || now.n == TUI_ROWS_MAX)
			continue;
		now.seen[now.n++] = mark;
		if (line[strspn(line, " ")] && !was_there(old, mark))
			put_line(d, out, json, line);
	}
	old->n = now.n;
	memcpy(old->seen, now.seen, sizeof(now.seen));
	mkt_buf_release(&b);
}

int tui_peek_lines(struct tui_loop *l, struct mkt_out *out, bool json)
{
	struct lines *old = calloc(1, sizeof(*old));
	struct tui_dash *d = l->d;
	uint64_t at = 0;

	while (old && !d->quit && !mkt_out_failed(out)) {
		tui_loop_turn(l, -1);
		if (d->quit || d->steady_ms - at < TUI_TICK_MS)
			continue;
		at = d->steady_ms;
		tui_frame_draw(d, &l->cursor_y, &l->cursor_x);
		put_state(d, old, out, json);
		if (d->have_facts && d->link == TUI_LINK_LIVE && !d->asks)
			put_rows(d, old, out, json);
		mkt_out_flush(out);
	}
	free(old);
	return d->exit_status;
}
