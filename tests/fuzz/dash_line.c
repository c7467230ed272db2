/*
 * What is typed or scripted into the dashboard, on any bytes: words of the command line, lines of
 * scripts, filters, a line being edited key by key, texts that are wrapped.  The first byte chooses.
 */
#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "tests/fuzz/fuzz.h"
#include "tui/command.h"
#include "tui/edit.h"
#include "tui/list_impl.h"
#include "tui/script.h"
#include "tui/wrap.h"

static void a_sentence(const struct mkt_err *err)
{
	FUZZ_CHECK(err->text[0]);
	for (const char *p = err->text; *p; p++)
		FUZZ_CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
}

/* Words put between quotes come out again. */
static void words(char *text)
{
	const char *v[TUI_ARGS_MAX], *back[TUI_ARGS_MAX];
	size_t len = strlen(text), used = 0, room;
	char *line;
	int n = tui_command_split(text, v, TUI_ARGS_MAX);

	FUZZ_CHECK(n >= -1 && n < TUI_ARGS_MAX);
	if (n < 0)
		return;
	FUZZ_CHECK(!v[n]);
	room = len + 3 * (size_t)n + 1;
	line = malloc(room);
	FUZZ_CHECK(line);
	for (int i = 0; i < n; i++) {
		char mark = strchr(v[i], '\'') ? '"' : '\'';

		FUZZ_CHECK(strlen(v[i]) <= len);
		if (strchr(v[i], '\'') && strchr(v[i], '"')) {
			free(line); /* no quotes hold both */
			return;
		}
		used += (size_t)snprintf(line + used, room - used, "%c%s%c ", mark, v[i], mark);
	}
	line[used] = 0;
	FUZZ_CHECK(tui_command_split(line, back, TUI_ARGS_MAX) == n);
	for (int i = 0; i < n; i++)
		FUZZ_CHECK(!strcmp(v[i], back[i]));
	free(line);
}

static void script(char *text)
{
	struct tui_script_step step;
	struct mkt_err err = {0};
	int rc = tui_script_read(text, &step, &err);

	FUZZ_CHECK(rc == 0 || rc == -MKT_EUSAGE);
	if (rc)
		a_sentence(&err);
	else if (step.verb == TUI_SCRIPT_RESIZE)
		FUZZ_CHECK(step.rows && step.rows <= TUI_ROWS_MAX && step.cols &&
			   step.cols <= TUI_COLS_MAX);
	else if (step.verb == TUI_SCRIPT_MOUSE)
		FUZZ_CHECK(step.in.y < TUI_ROWS_MAX && step.in.x < TUI_COLS_MAX);
}

/* ---- filters ------------------------------------------------------------------------------ */

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	(void)ctx;
	snprintf(out, TUI_CELL_MAX, "%u:%c%u", row, 'a' + (int)column, row * 7 % 5);
	return TUI_PLAIN;
}

static uint64_t id(void *ctx, uint32_t row)
{
	(void)ctx;
	return row + 1;
}

static int compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	(void)ctx;
	(void)column;
	return a < b ? -1 : a > b;
}

/* Rows with and rows without are all the rows. */
static void filter(char *text)
{
	static const struct tui_column columns[] = {{.name = "price", .title = "p", .width = 8},
						    {.name = "tags", .title = "t", .width = 8}};
	static const struct tui_rows rows = {
		.columns = columns, .ncolumns = 2, .cell = cell, .id = id, .compare = compare};
	struct tui_list l;
	struct mkt_err err = {0};
	char other[TUI_FILTER_MAX + 2];
	uint32_t with;
	int rc;

	tui_list_init(&l, &rows, NULL, 0);
	tui_list_changed(&l, 50);
	rc = tui_list_filter(&l, text, &err);
	FUZZ_CHECK(rc == 0 || rc == -MKT_EUSAGE);
	FUZZ_CHECK(l.shown <= 50);
	if (rc)
		a_sentence(&err);
	with = l.shown;
	if (!rc && text[0] != '!' && l.filter[0] && strlen(text) + 2 < sizeof(other)) {
		snprintf(other, sizeof(other), "!%s", text);
		if (!tui_list_filter(&l, other, &err))
			FUZZ_CHECK(with + l.shown == 50);
	}
	if (tui_list_search(&l, text))
		(void)tui_list_find(&l, true);
	tui_list_release(&l);
}

/* ---- keys, texts -------------------------------------------------------------------------- */

/* The line stays whole letters, the cursor on the border of one. */
static void edit(const uint8_t *data, size_t size)
{
	static const uint32_t others[] = {TUI_K_BACKSPACE, TUI_K_DELETE, TUI_K_LEFT, TUI_K_RIGHT,
					  TUI_K_HOME,	   TUI_K_END,	 TUI_K_UP,   TUI_K_F1};
	struct tui_edit e = {.at = 0};

	for (size_t i = 0; i + 2 < size; i += 3) {
		uint32_t key = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];

		if (key >= 0x110000)
			key = others[key % MKT_ARRAY_SIZE(others)];
		(void)tui_edit_key(&e, key);
		FUZZ_CHECK(e.at <= strlen(e.line) && strlen(e.line) < sizeof(e.line));
		FUZZ_CHECK(((uint8_t)e.line[e.at] & 0xc0) != 0x80);
	}
	for (const uint8_t *p = (const uint8_t *)e.line; *p;) {
		size_t n = mkt_utf8_len(p, strlen((const char *)p));

		FUZZ_CHECK(n);
		p += n;
	}
}

/* Cleaned text has nothing that steers; wrapped, its rows follow each other within it. */
static void wrap(const uint8_t *data, size_t size)
{
	struct tui_canvas c = {.utf8 = true};
	struct tui_wrap w = {0};
	struct mkt_buf b = MKT_BUF_INIT;
	const char *text;
	uint32_t end = 0;

	tui_clean(&b, (const char *)data, size, true);
	text = mkt_buf_str(&b);
	for (const char *p = text; *p; p++)
		FUZZ_CHECK((unsigned char)*p >= 0x20 || *p == '\n');
	FUZZ_CHECK(!tui_canvas_resize(&c, 3, 20));
	FUZZ_CHECK(!tui_wrap(&w, &c, text, 1 + (unsigned)size % 40));
	for (uint32_t i = 0; i < w.n; i++) {
		FUZZ_CHECK(w.rows[i].at >= end && (uint64_t)w.rows[i].at + w.rows[i].n <= b.len);
		end = w.rows[i].at + w.rows[i].n;
		tui_wrap_draw(&w, text, i, tui_whole(&c), i % 3, TUI_PLAIN, "a");
	}
	tui_wrap_release(&w);
	tui_canvas_release(&c);
	mkt_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const texts[])(char *) = {words, script, filter};
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	FUZZ_CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	if (data[0] % 5 < MKT_ARRAY_SIZE(texts))
		texts[data[0] % 5](text);
	else if (data[0] % 5 == 3)
		edit(data + 1, size - 1);
	else
		wrap(data + 1, size - 1);
	free(text);
	return 0;
}
