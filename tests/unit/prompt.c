/* Prompts: letters, cursor, words, history, completion, what is told and when. */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/overtest.h"

#define CTRL(c) ((uint32_t)(c) - 'a' + 1)

struct heard {
	char done[TUI_LINE_MAX], live[TUI_LINE_MAX], left[TUI_LINE_MAX];
	unsigned ndone, nlive, nleft;
};

static void on_done(struct tui_dash *d, void *ctx, const char *line)
{
	struct heard *h = ctx;

	assert_null(d->top); /* the next may be opened at once */
	snprintf(h->done, sizeof(h->done), "%s", line);
	h->ndone++;
}

static void on_live(struct tui_dash *d, void *ctx, const char *line)
{
	struct heard *h = ctx;

	(void)d;
	snprintf(h->live, sizeof(h->live), "%s", line);
	h->nlive++;
}

static void on_left(struct tui_dash *d, void *ctx, const char *line)
{
	struct heard *h = ctx;

	assert_null(d->top);
	snprintf(h->left, sizeof(h->left), "%s", line);
	h->nleft++;
}

static bool complete(struct tui_dash *d, const char *line, unsigned i, char *out, size_t size)
{
	static const char *const words[] = {"block", "blocks", "book", "cancel"};
	const char *word = strrchr(line, ' ') ? strrchr(line, ' ') + 1 : line;

	(void)d;
	for (size_t k = 0; k < MKT_ARRAY_SIZE(words); k++)
		if (!strncmp(words[k], word, strlen(word)) && !i--) {
			snprintf(out, size, "%s", words[k]);
			return true;
		}
	return false;
}

static void open_one(struct overtest *t, struct heard *h, const char *initial)
{
	tui_prompt_open(t->d, &(struct tui_prompt_conf){.label = ":",
							.initial = initial,
							.done = on_done,
							.live = on_live,
							.left = on_left,
							.complete = complete,
							.ctx = h,
							.history = ':'});
	overtest_draw(t);
}

static void enter(struct overtest *t, struct heard *h, const char *line)
{
	open_one(t, h, NULL);
	overtest_keys(t, line);
	overtest_key(t, TUI_K_ENTER);
	assert_string_equal(h->done, line);
}

static void typing(void **state)
{
	struct heard h = {.ndone = 0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 3, 20);
	open_one(&t, &h, "cancel ");
	overtest_keys(&t, "b17");
	overtest_shows(&t, "\n\n:cancel b17\n");
	assert_int_equal(t.cursor_y, 2);
	assert_int_equal(t.cursor_x, 11);
	assert_string_equal(h.live, "cancel b17");
	overtest_key(&t, TUI_K_LEFT);
	overtest_key(&t, TUI_K_LEFT);
	overtest_key(&t, TUI_K_BACKSPACE);
	overtest_key(&t, 0x96fb); /* takes two columns */
	overtest_shows(&t, "\n\n:cancel 電17\n");
	assert_int_equal(t.cursor_x, 10);
	overtest_key(&t, TUI_K_LEFT);
	assert_int_equal(t.cursor_x, 8);
	overtest_key(&t, TUI_K_DELETE);
	overtest_shows(&t, "\n\n:cancel 17\n");
	overtest_key(&t, TUI_K_HOME);
	overtest_key(&t, 'x');
	overtest_key(&t, CTRL('e'));
	overtest_key(&t, CTRL('w'));
	overtest_shows(&t, "\n\n:xcancel\n");
	overtest_key(&t, CTRL('a'));
	overtest_key(&t, TUI_K_RIGHT);
	overtest_key(&t, CTRL('k'));
	overtest_key(&t, 0xd800); /* half of a pair is no letter */
	overtest_key(&t, 0x9b);	  /* nor is what steers terminals */
	overtest_key(&t, TUI_K_F1);
	overtest_shows(&t, "\n\n:x\n");
	overtest_key(&t, TUI_K_ENTER);
	assert_string_equal(h.done, "x");
	assert_int_equal(h.ndone, 1);
	assert_int_equal(h.nleft, 0);
	overtest_end(&t);
}

static void leaving(void **state)
{
	struct heard h = {.ndone = 0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 3, 20);
	open_one(&t, &h, NULL);
	overtest_keys(&t, "abc");
	overtest_key(&t, TUI_K_ESC);
	assert_string_equal(h.left, "abc");
	open_one(&t, &h, NULL);
	overtest_key(&t, 'a');
	overtest_key(&t, TUI_K_BACKSPACE);
	assert_int_equal(h.nleft, 1);
	overtest_key(&t, TUI_K_BACKSPACE); /* nothing is left to take away */
	assert_int_equal(h.nleft, 2);
	assert_int_equal(h.ndone, 0);
	assert_null(t.d->top);
	overtest_end(&t);
}

static void long_lines(void **state)
{
	struct heard h = {.ndone = 0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 1, 10);
	open_one(&t, &h, NULL);
	overtest_keys(&t, "0123456789abc");
	overtest_shows(&t, ":56789abc\n");
	assert_int_equal(t.cursor_x, 9);
	overtest_key(&t, TUI_K_HOME);
	overtest_shows(&t, ":01234567~\n");
	assert_int_equal(t.cursor_x, 1);
	overtest_key(&t, TUI_K_END);
	for (unsigned i = 0; i < 2 * TUI_LINE_MAX; i++)
		overtest_key(&t, 'z');
	assert_string_equal(t.d->said, "the line is full");
	overtest_key(&t, TUI_K_ENTER);
	assert_int_equal(strlen(h.done), TUI_LINE_MAX - 1);
	overtest_end(&t);
}

static void history(void **state)
{
	struct heard h = {.ndone = 0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 1, 20);
	enter(&t, &h, "first");
	enter(&t, &h, "second");
	enter(&t, &h, "second"); /* once is enough */
	open_one(&t, &h, NULL);
	overtest_keys(&t, "own");
	overtest_key(&t, TUI_K_UP);
	overtest_shows(&t, ":second\n");
	overtest_key(&t, TUI_K_UP);
	overtest_shows(&t, ":first\n");
	overtest_key(&t, TUI_K_UP);
	overtest_shows(&t, ":first\n");
	overtest_key(&t, CTRL('n'));
	overtest_key(&t, TUI_K_DOWN);
	overtest_shows(&t, ":own\n");
	overtest_key(&t, TUI_K_ESC);
	tui_prompt_open(t.d, &(struct tui_prompt_conf){.label = "/", .history = '/'});
	overtest_key(&t, TUI_K_UP); /* another letter, another history */
	overtest_shows(&t, "/\n");
	overtest_key(&t, TUI_K_ENTER); /* nobody listens */
	for (unsigned i = 0; i < 70; i++) {
		char line[16];

		snprintf(line, sizeof(line), "n%u", i);
		enter(&t, &h, line);
	}
	open_one(&t, &h, NULL);
	for (unsigned i = 0; i < 90; i++)
		overtest_key(&t, TUI_K_UP);
	overtest_shows(&t, ":n20\n"); /* the last fifty */
	overtest_end(&t);
}

static void completion(void **state)
{
	struct heard h = {.ndone = 0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 3, 24);
	open_one(&t, &h, NULL);
	overtest_key(&t, 'c');
	overtest_key(&t, TUI_K_TAB);
	overtest_shows(&t, "\n\n:cancel\n");
	assert_int_equal(t.cursor_x, 8); /* a blank behind it */
	overtest_key(&t, 'b');
	overtest_key(&t, TUI_K_TAB); /* as far as all agree, and what there is */
	overtest_shows(&t, "\nblock  blocks  book\n:cancel b\n");
	overtest_key(&t, TUI_K_TAB);
	overtest_shows(&t, "\nblock  blocks  book\n:cancel block\n");
	overtest_key(&t, TUI_K_TAB);
	overtest_key(&t, TUI_K_TAB);
	overtest_shows(&t, "\nblock  blocks  book\n:cancel book\n");
	overtest_key(&t, TUI_K_TAB);
	overtest_shows(&t, "\nblock  blocks  book\n:cancel block\n");
	overtest_key(&t, '!');
	overtest_shows(&t, "\n\n:cancel block!\n");
	overtest_key(&t, TUI_K_TAB);
	assert_string_equal(t.d->said, "nothing begins like that");
	assert_string_equal(h.live, "cancel block!");
	overtest_key(&t, CTRL('u'));
	overtest_keys(&t, "blo");
	overtest_key(&t, TUI_K_TAB);
	overtest_shows(&t, "\nblock  blocks\n:block\n");
	overtest_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typing),     cmocka_unit_test(leaving),
		cmocka_unit_test(long_lines), cmocka_unit_test(history),
		cmocka_unit_test(completion),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
