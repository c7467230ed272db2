/* Overlays: the stack, texts to read, export, copy. */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/overtest.h"
#include "tests/tmpdir.h"
#include "tui/list.h"
#include "tui/wrap.h"

struct counts {
	unsigned released;
	char order[16];
};

struct card {
	struct counts *n;
	char letter;
};

static void card_release(struct tui_dash *d, void *self)
{
	struct card *c = self;

	(void)d;
	c->n->order[c->n->released++] = c->letter;
}

static void card_draw(struct tui_dash *d, void *self, struct tui_area a, int *y, int *x)
{
	(void)d;
	(void)self;
	(void)a;
	(void)y;
	(void)x;
}

static void card_key(struct tui_dash *d, void *self, const struct tui_input *in)
{
	(void)self;
	if (in->key == TUI_K_ESC)
		tui_overlay_pop(d);
}

static const struct tui_overlay_ops card_ops = {
	.draw = card_draw, .key = card_key, .release = card_release};
static const struct tui_overlay_ops other_ops = {.draw = card_draw, .key = card_key};

static void a_stack(void **state)
{
	struct counts n = {0};
	struct overtest t;
	struct card *c;

	(void)state;
	overtest_begin(&t, 10, 40);
	for (char letter = 'a'; letter <= 'c'; letter++) {
		c = tui_overlay_push(t.d, &card_ops, sizeof(*c));
		assert_non_null(c);
		assert_null(c->n); /* zeroed */
		*c = (struct card){&n, letter};
	}
	assert_ptr_equal(tui_overlay_top(t.d, &card_ops), c);
	assert_null(tui_overlay_top(t.d, &other_ops));
	overtest_key(&t, TUI_K_ESC);
	assert_string_equal(n.order, "c");
	assert_non_null(tui_overlay_push(t.d, &other_ops, 0));
	assert_null(tui_overlay_top(t.d, &card_ops));
	overtest_end(&t); /* what is open goes, the uppermost first */
	assert_string_equal(n.order, "cba");
}

static void texts_are_read(void **state)
{
	struct overtest t;

	(void)state;
	overtest_begin(&t, 6, 44);
	tui_text_open(
		t.d, "mkt book",
		"one two three four five six seven eight nine ten\n\n\ttab\x1b[2J\nlast line\n"
		"and one that is the last");
	overtest_shows(&t, "+- mkt book -------------------------------+\n"
			   "|one two three four five six seven eight   |\n"
			   "|nine ten                                  |\n"
			   "|                                          |\n"
			   "|    tab?[2J                               |\n"
			   "+- 1-4 of 6  Esc close  / search  y copy --+\n");
	overtest_key(&t, TUI_K_PGDN);
	overtest_key(&t, TUI_K_PGDN);
	overtest_shows(&t, "+- mkt book -------------------------------+\n"
			   "|                                          |\n"
			   "|    tab?[2J                               |\n"
			   "|last line                                 |\n"
			   "|and one that is the last                  |\n"
			   "+- 3-6 of 6  Esc close  / search  y copy --+\n");
	overtest_key(&t, 'g');
	overtest_keys(&t, "/LAST");
	overtest_key(&t, TUI_K_ENTER);
	overtest_shows(&t, "+- mkt book -------------------------------+\n"
			   "|                                          |\n"
			   "|    tab?[2J                               |\n"
			   "|last line                                 |\n"
			   "|and one that is the last                  |\n"
			   "+- 3-6 of 6  Esc close  / search  y copy --+\n");
	assert_int_equal(t.d->canvas.cells[3 * 44 + 1].style, TUI_MATCH);
	overtest_keys(&t, "y");
	assert_string_equal(mkt_buf_str(&t.d->clip),
			    "one two three four five six seven eight nine ten\n\n    tab?[2J\n"
			    "last line\nand one that is the last");
	overtest_keys(&t, "/nowhere");
	assert_string_equal(t.d->said, "'nowhere' is nowhere in this text");
	overtest_key(&t, TUI_K_ESC);
	overtest_keys(&t, "n");
	assert_string_equal(t.d->said, "nothing was searched for yet: '/' does");
	overtest_key(&t, TUI_K_ESC);
	assert_null(t.d->top);
	overtest_end(&t);
}

/* A resize goes on at the same words. */
static void texts_keep_their_place(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct overtest t;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		mkt_buf_addf(&b, "word%03u ", i);
	overtest_begin(&t, 8, 42);
	tui_text_open(t.d, "words", mkt_buf_str(&b));
	overtest_draw(&t);
	overtest_key(&t, TUI_K_PGDN);
	overtest_key(&t, TUI_K_PGDN);
	overtest_draw(&t);
	assert_true(overtest_has(&t, "word040"));
	assert_int_equal(tui_canvas_resize(&t.d->canvas, 8, 26), 0);
	overtest_draw(&t);
	assert_true(overtest_has(&t, "|word039 word040 word041"));
	overtest_end(&t);
	mkt_buf_release(&b);
}

static void too_long_a_text(void **state)
{
	size_t n = 300 << 10;
	char *text = malloc(n + 1);
	struct overtest t;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', n);
	text[n] = '\0';
	overtest_begin(&t, 6, 60);
	tui_text_open(t.d, "long", text);
	overtest_draw(&t);
	overtest_key(&t, 'G');
	overtest_draw(&t);
	assert_true(overtest_has(&t, "longer than 256 KiB"));
	overtest_end(&t);
	free(text);
}

static void wraps(void **state)
{
	struct tui_canvas c = {.utf8 = true};
	struct tui_wrap w = {0};

	(void)state;
	assert_int_equal(tui_wrap(&w, &c, "電気市場 abc", 4), 0);
	assert_int_equal(w.n, 3);
	assert_int_equal(w.rows[0].n, 6);			  /* whole letters */
	assert_int_equal(w.rows[2].n, 3);			  /* no blank before it */
	assert_int_equal(tui_wrap(&w, &c, "電気市場 abc", 1), 0); /* a letter at least */
	assert_int_equal(w.n, 7);
	tui_wrap_clear(&w);
	assert_int_equal(tui_wrap(&w, &c, "", 9), 0);
	assert_int_equal(w.n, 0);
	assert_int_equal(tui_wrap(&w, &c, "\n\n", 9), 0);
	assert_int_equal(w.n, 2);
	tui_wrap_release(&w);
}

/* ---- export ------------------------------------------------------------------------------- */

static const struct tui_column columns[] = {
	{.name = "n", .title = "N", .width = 4, .number = true}};

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	(void)ctx;
	(void)column;
	snprintf(out, TUI_CELL_MAX, "%u", (unsigned)row);
	return TUI_PLAIN;
}

static uint64_t id(void *ctx, uint32_t row)
{
	(void)ctx;
	return row + 1u;
}

static const struct tui_rows rows = {.columns = columns, .ncolumns = 1, .cell = cell, .id = id};

static void type_name(struct overtest *t, const char *name)
{
	overtest_key(t, 'u' - 'a' + 1); /* C-u */
	overtest_keys(t, name);
	overtest_key(t, TUI_K_ENTER);
}

static void file_has(const char *path, const char *want)
{
	struct mkt_buf b = MKT_BUF_INIT;

	assert_true(file_read(path, &b));
	assert_string_equal(mkt_buf_str(&b), want);
	mkt_buf_release(&b);
}

static unsigned files_in(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void rows_to_a_file(void **state)
{
	char dir[PATH_MAX], path[PATH_MAX + 16], typed[PATH_MAX + 17];
	struct tui_list l;
	struct overtest t;

	(void)state;
	tmpdir_make(dir, "export");
	overtest_begin(&t, 6, 60);
	tui_list_init(&l, &rows, NULL, -1);
	tui_list_changed(&l, 3);
	snprintf(path, sizeof(path), "%s/rows.json", dir);
	tui_export_open(t.d, &l);
	assert_true(overtest_has(&t, "file (.json or text): mkt-overview.txt"));
	type_name(&t, path);
	file_has(path, "[\n{\"n\":0},\n{\"n\":1},\n{\"n\":2}\n]\n");
	assert_int_equal(t.d->said_style, TUI_GOOD);
	assert_null(t.d->top);
	tui_list_changed(&l, 1);
	tui_export_open(t.d, &l);
	type_name(&t, path); /* there is one: it stays, and the name is asked for again */
	assert_int_equal(t.d->said_style, TUI_WARN);
	assert_non_null(t.d->top);
	file_has(path, "[\n{\"n\":0},\n{\"n\":1},\n{\"n\":2}\n]\n");
	snprintf(typed, sizeof(typed), "!%s", path);
	type_name(&t, typed);
	file_has(path, "[\n{\"n\":0}\n]\n");
	snprintf(path, sizeof(path), "%s/rows.txt", dir);
	tui_export_open(t.d, &l);
	type_name(&t, path);
	file_has(path, "N\n0\n");
	snprintf(path, sizeof(path), "%s/no/such", dir);
	tui_export_open(t.d, &l);
	type_name(&t, path);
	assert_int_equal(t.d->said_style, TUI_BAD);
	assert_int_equal(files_in(dir), 2); /* nothing temporary is left */
	tui_export_open(t.d, &l);
	overtest_key(&t, TUI_K_ESC);
	assert_int_equal(files_in(dir), 2);
	tui_list_release(&l);
	overtest_end(&t);
	tmpdir_remove(dir);
}

static void a_picture_to_a_file(void **state)
{
	char dir[PATH_MAX], path[PATH_MAX + 16];
	struct overtest t;

	(void)state;
	tmpdir_make(dir, "export");
	overtest_begin(&t, 6, 60);
	t.d->places.main = (struct tui_area){&t.d->canvas, 3, 0, 2, 60};
	snprintf(path, sizeof(path), "%s/pane.json", dir);
	tui_export_open(t.d, NULL);
	type_name(&t, path);
	file_has(path, "{\"pane\":\"overview\",\"lines\":[\"\",\"\"]}\n");
	overtest_end(&t);
	tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack),
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(texts_keep_their_place),
		cmocka_unit_test(too_long_a_text),
		cmocka_unit_test(wraps),
		cmocka_unit_test(rows_to_a_file),
		cmocka_unit_test(a_picture_to_a_file),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
