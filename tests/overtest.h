/*
 * A dashboard without a node or terminal, to try overlays on: keys go to the
 * uppermost, and its picture is read as text.
 */
#ifndef MKT_TESTS_OVERTEST_H
#define MKT_TESTS_OVERTEST_H

#include "core/base/compat.h"

#include <unistd.h>

#include "tui/overlay.h"

struct overtest {
	char program[4096]; /* this one: commands run it again */
	struct tui_dash *d;
	int cursor_y, cursor_x;
};

static inline int overtest_get(void *ctx, const char *path, mkt_pull_fn *done, void *done_ctx)
{
	(void)ctx;
	(void)path;
	(void)done;
	(void)done_ctx;
	return -MKT_EBUSY; /* there is nobody to answer */
}

static inline void overtest_begin(struct overtest *t, unsigned rows, unsigned cols)
{
	struct tui_dash_conf conf = {.program = t->program, .control = true};
	struct tui_source source = {.get = overtest_get};
	struct mkt_err err;

	*t = (struct overtest){.d = calloc(1, sizeof(*t->d))};
	assert_non_null(t->d);
	assert_true(readlink("/proc/self/exe", t->program, sizeof(t->program) - 1) > 0);
	assert_int_equal(tui_dash_init(t->d, &conf, &source, &err), 0);
	t->d->canvas.utf8 = true;
	t->d->canvas.glyphs = TUI_ASCII;
	t->d->steady_ms = 1000;
	assert_int_equal(tui_canvas_resize(&t->d->canvas, rows, cols), 0);
}

static inline void overtest_end(struct overtest *t)
{
	tui_dash_release(t->d);
	free(t->d);
}

static inline void overtest_draw(struct overtest *t)
{
	struct tui_area a = tui_whole(&t->d->canvas);

	tui_clear(a, TUI_PLAIN);
	t->cursor_y = t->cursor_x = -1;
	if (t->d->top)
		t->d->top->ops->draw(t->d, t->d->top->self, a, &t->cursor_y, &t->cursor_x);
}

static inline void overtest_key(struct overtest *t, uint32_t key)
{
	struct tui_input in = {.key = key};

	assert_non_null(t->d->top);
	t->d->top->ops->key(t->d, t->d->top->self, &in);
	overtest_draw(t);
}

/* ASCII, a key each. */
static inline void overtest_keys(struct overtest *t, const char *keys)
{
	for (; *keys; keys++)
		overtest_key(t, (uint8_t)*keys);
}

static inline void overtest_shows(struct overtest *t, const char *want)
{
	struct mkt_buf b = MKT_BUF_INIT;

	overtest_draw(t);
	tui_canvas_text(&t->d->canvas, &b);
	assert_string_equal(mkt_buf_str(&b), want);
	mkt_buf_release(&b);
}

static inline bool overtest_has(struct overtest *t, const char *text)
{
	struct mkt_buf b = MKT_BUF_INIT;
	bool found;

	overtest_draw(t);
	tui_canvas_text(&t->d->canvas, &b);
	found = strstr(mkt_buf_str(&b), text) != NULL;
	mkt_buf_release(&b);
	return found;
}

#endif
