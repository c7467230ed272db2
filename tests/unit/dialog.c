/* Dialogs: what is acted on, what it takes, what came of it. */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/childtest.h"

struct came {
	unsigned n;
	int status;
	char out[256];
};

static void on_ran(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct came *c = ctx;

	(void)d;
	c->n++;
	c->status = o->status;
	snprintf(c->out, sizeof(c->out), "%s", o->out);
}

static void ask(struct overtest *t, struct came *c, const char *const *argv, const char *type)
{
	tui_dialog_open(t->d, &(struct tui_dialog){.title = "Cancel bid b17",
						   .text = "20 kWh green at 14:00 leave the book.",
						   .argv = argv,
						   .type = type,
						   .done = c ? on_ran : NULL,
						   .ctx = c});
}

static void it_takes_a_y(void **state)
{
	const char *const argv[] = {"args", "b17", NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 9, 48);
	ask(&t, &c, argv, NULL);
	overtest_shows(&t, "\n+- Cancel bid b17 -----------------------------+\n"
			   "| mkt args b17 --yes                           |\n"
			   "| 20 kWh green at 14:00 leave the book.        |\n"
			   "|                                              |\n"
			   "| y does it, any other key does not            |\n"
			   "+----------------------------------------------+\n\n\n");
	assert_true(t.d->top->ops->busy);
	overtest_key(&t, 'y');
	overtest_key(&t, 'y'); /* once is once */
	assert_true(overtest_has(&t, "under way"));
	assert_true(childtest_wait(&t));
	assert_null(t.d->top);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.status, 0);
	assert_string_equal(c.out, "[b17]\n[--yes]\n");
	assert_string_equal(t.d->said, "Cancel bid b17: [b17]");
	overtest_end(&t);
}

static void anything_else_does_not(void **state)
{
	static const uint32_t keys[] = {TUI_K_ENTER, TUI_K_ESC, ' ',	'Y', 'n',	  'q',
					TUI_K_F1,    TUI_K_TAB, 0x96fb, '1', TUI_K_DELETE};
	const char *const argv[] = {"args", "b17", NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 9, 48);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(keys); i++) {
		ask(&t, &c, argv, NULL);
		overtest_key(&t, keys[i]);
		assert_null(t.d->top);
		assert_null(t.d->children);
		assert_string_equal(t.d->said, "Cancel bid b17: nothing was done");
	}
	assert_int_equal(c.n, 0);
	overtest_end(&t);
}

static void severe_ones_take_a_word(void **state)
{
	const char *const argv[] = {"args", "ev-03", NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 9, 48);
	ask(&t, &c, argv, "ev-03");
	overtest_keys(&t, "y");
	overtest_key(&t, TUI_K_ENTER); /* a y is no word */
	assert_non_null(t.d->top);
	assert_null(t.d->children);
	overtest_keys(&t, "ev-04");
	assert_true(overtest_has(&t, "| type ev-03 and Enter: ev-04"));
	assert_int_equal(t.cursor_x, 2 + 27);
	overtest_key(&t, TUI_K_ENTER);
	assert_null(t.d->children);
	overtest_keys(&t, "ev-0x");
	overtest_key(&t, TUI_K_BACKSPACE);
	overtest_keys(&t, "3");
	overtest_key(&t, TUI_K_ENTER);
	assert_true(childtest_wait(&t));
	assert_int_equal(c.n, 1);
	ask(&t, &c, argv, "ev-03");
	overtest_keys(&t, "ev");
	overtest_key(&t, TUI_K_ESC);
	assert_null(t.d->top);
	assert_null(t.d->children);
	overtest_end(&t);
}

/* The pane's rows and texts change while it is open: what is done is what was asked. */
static void what_it_acts_on_stays(void **state)
{
	char id[8] = "b17", title[16] = "Cancel", word[8] = "args";
	const char *argv[] = {word, id, NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 9, 48);
	tui_dialog_open(
		t.d, &(struct tui_dialog){.title = title, .argv = argv, .done = on_ran, .ctx = &c});
	memset(id, 'X', 3);
	memset(word, 'X', 4);
	memset(title, 'X', 6);
	argv[1] = "b99";
	assert_true(overtest_has(&t, "mkt args b17 --yes"));
	assert_true(overtest_has(&t, " Cancel "));
	overtest_key(&t, 'y');
	assert_true(childtest_wait(&t));
	assert_string_equal(c.out, "[b17]\n[--yes]\n");
	overtest_end(&t);
}

static void failures_stay_to_be_read(void **state)
{
	const char *const argv[] = {"fail", "b17", NULL};
	struct came c = {0};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 12, 48);
	ask(&t, &c, argv, NULL);
	overtest_key(&t, 'y');
	assert_true(childtest_wait(&t));
	assert_int_equal(c.status, 3);
	assert_int_equal(t.d->said_style, TUI_BAD);
	assert_string_equal(t.d->said, "Cancel bid b17: mkt: gate closed");
	overtest_shows(&t, "\n+- Cancel bid b17 -----------------------------+\n"
			   "| mkt fail b17 --yes                           |\n"
			   "| 20 kWh green at 14:00 leave the book.        |\n"
			   "| It ended with status 3:                      |\n"
			   "| mkt: gate closed                             |\n"
			   "| hint: later                                  |\n"
			   "|                                              |\n"
			   "| nothing was changed; any key closes          |\n"
			   "+----------------------------------------------+\n\n\n");
	overtest_key(&t, 'y'); /* closes, and does nothing again */
	assert_null(t.d->top);
	assert_null(t.d->children);
	overtest_end(&t);
}

/* Closed while it is under way: the command goes on, and what came of it is said. */
static void closed_early(void **state)
{
	const char *const argv[] = {"args", "b17", NULL};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 9, 48);
	ask(&t, NULL, argv, NULL);
	overtest_key(&t, 'y');
	overtest_key(&t, 'x'); /* not closed by accident */
	assert_non_null(t.d->top);
	overtest_key(&t, TUI_K_ESC);
	assert_null(t.d->top);
	ask(&t, NULL, argv, NULL); /* another one has nothing to do with it */
	assert_true(childtest_wait(&t));
	assert_non_null(t.d->top);
	assert_true(overtest_has(&t, "y does it, any other key does not"));
	assert_string_equal(t.d->said, "Cancel bid b17: [b17]");
	overtest_end(&t);
}

static void below_another(void **state)
{
	const char *const argv[] = {"args", "b17", NULL};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 9, 48);
	ask(&t, NULL, argv, NULL);
	overtest_key(&t, 'y');
	tui_text_open(t.d, "t", "text");
	assert_true(childtest_wait(&t));
	assert_true(overtest_has(&t, "text"));
	overtest_key(&t, TUI_K_ESC);
	assert_true(overtest_has(&t, "it was done; any key closes"));
	overtest_key(&t, 'y');
	assert_null(t.d->top);
	assert_null(t.d->children);
	overtest_end(&t);
}

static void read_only(void **state)
{
	const char *const argv[] = {"args", "b17", NULL};
	struct overtest t;

	(void)state;
	overtest_begin(&t, 9, 48);
	t.d->conf.control = false;
	ask(&t, NULL, argv, NULL);
	assert_null(t.d->top);
	assert_non_null(strstr(t.d->said, "--control"));
	overtest_end(&t);
}

static void small_and_long(void **state)
{
	const char *argv[TUI_ARGS_MAX + 8] = {"cancel"};
	struct overtest t;

	(void)state;
	for (unsigned i = 1; i < TUI_ARGS_MAX - 2; i++)
		argv[i] = "b1234567";
	overtest_begin(&t, 8, 40);
	ask(&t, NULL, argv, NULL);
	overtest_shows(&t, "+- Cancel bid b17 ---------------------+\n"
			   "| mkt cancel b1234567 b1234567         |\n"
			   "| b1234567 b1234567 b1234567 b1234567  |\n"
			   "| b1234567 b1234567 b1234567 b1234567  |\n"
			   "| ... 15 lines more: Down              |\n"
			   "| y does it, any other key does not    |\n"
			   "+--------------------------------------+\n\n");
	overtest_key(&t, TUI_K_PGDN);
	overtest_key(&t, TUI_K_DOWN);
	assert_non_null(t.d->top); /* reading is not answering */
	for (unsigned i = 0; i < 20; i++)
		overtest_key(&t, TUI_K_DOWN);
	assert_true(overtest_has(&t, "14:00 leave the"));
	overtest_key(&t, 'n');
	argv[TUI_ARGS_MAX - 2] = "b1234567";
	ask(&t, NULL, argv, NULL);
	assert_null(t.d->top);
	assert_string_equal(t.d->said, "that is too much for one command");
	overtest_end(&t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_takes_a_y),
		cmocka_unit_test(anything_else_does_not),
		cmocka_unit_test(severe_ones_take_a_word),
		cmocka_unit_test(what_it_acts_on_stays),
		cmocka_unit_test(failures_stay_to_be_read),
		cmocka_unit_test(closed_early),
		cmocka_unit_test(below_another),
		cmocka_unit_test(read_only),
		cmocka_unit_test(small_and_long),
	};

	childtest_be(argc, argv);
	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
