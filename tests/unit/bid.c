/* The form of a bid: its words, the preview that follows the fields, what ends it; all sizes. */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/childtest.h"
#include "tui/bid.h"

/* The command's part: `bid` tells its words and is refused when one is "bad". */
static void be_mkt(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "bid") != 0)
		return;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "bad")) {
			fprintf(stderr, "mkt: 'bad' is no amount\n");
			exit(2);
		}
	for (int i = 1; i < argc; i++)
		printf("[%s]", argv[i]);
	putchar('\n');
	exit(0);
}

static void begin(struct overtest *t, const struct tui_bid_start *start)
{
	overtest_begin(t, 20, 300);
	tui_bid_open(t->d, start);
	assert_non_null(t->d->top);
}

static void settle(struct overtest *t)
{
	t->d->top->ops->tick(t->d, t->d->top->self);
	assert_true(childtest_wait(t));
}

static void has(struct overtest *t, const char *want)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (overtest_has(t, want))
		return;
	tui_canvas_text(&t->d->canvas, &b);
	fail_msg("no '%s' in:\n%s", want, mkt_buf_str(&b));
}

static void fields_are_words(void **state)
{
	struct overtest t;

	(void)state;
	begin(&t,
	      &(struct tui_bid_start){.sell = true, .window = "2026-11-23 10:30", .tags = "green"});
	has(&t, "what it would do: asking ...");
	settle(&t);
	has(&t, "[bid][sell][1kWh][--at][2026-11-23 10:30][--price][green=][--dry-run]");
	overtest_key(&t, TUI_K_TAB);
	overtest_keys(&t, " ;;  14:00 JST ; ");
	overtest_key(&t, TUI_K_TAB);
	overtest_keys(&t, "21/kWh  brown=9/kWh");
	overtest_key(&t, TUI_K_TAB);
	overtest_keys(&t, "--for 'a b'");
	settle(&t);
	has(&t, "[--at][2026-11-23 10:30][--at][14:00 JST][--price][green=21/kWh]");
	has(&t, "[--price][brown=9/kWh][--for][a b][--dry-run]");
	overtest_end(&t);
}

static void faults_are_told(void **state)
{
	struct overtest t;

	(void)state;
	begin(&t, &(struct tui_bid_start){0});
	overtest_key(&t, 'u' - 'a' + 1);
	settle(&t);
	has(&t, "how much energy");
	overtest_keys(&t, "bad");
	settle(&t);
	has(&t, "mkt: 'bad' is no amount");
	overtest_key(&t, TUI_K_ENTER);
	assert_true(childtest_wait(&t));
	assert_string_equal(t.d->said, "this bid would be refused: see below");
	assert_null(t.d->top->below);
	for (unsigned i = 0; i < 3; i++)
		overtest_key(&t, TUI_K_TAB);
	overtest_keys(&t, "'open");
	settle(&t);
	has(&t, "a quote is not closed");
	overtest_end(&t);
}

/* What is typed while a preview is under way is what the question is about. */
static void the_question_is_of_what_stands_there(void **state)
{
	struct overtest t;

	(void)state;
	begin(&t, &(struct tui_bid_start){0});
	t.d->top->ops->tick(t.d, t.d->top->self);
	overtest_key(&t, 'u' - 'a' + 1);
	overtest_keys(&t, "7kWh");
	overtest_key(&t, TUI_K_ENTER);
	assert_true(childtest_wait(&t));
	assert_non_null(t.d->top->below); /* the dialog lies above it */
	has(&t, "mkt bid buy 7kWh --at next --yes");
	has(&t, "[bid][buy][7kWh][--at][next][--dry-run]");
	overtest_key(&t, 'n');
	assert_null(t.d->top->below);
	has(&t, "amount   7kWh");
	/* Taken: the form goes with the dialog. */
	overtest_key(&t, TUI_K_ENTER);
	assert_true(childtest_wait(&t));
	overtest_key(&t, 'y');
	assert_true(childtest_wait(&t));
	assert_null(t.d->top);
	overtest_end(&t);
}

/* Keys after Enter take it back: nobody is asked about what changes. */
static void typing_takes_enter_back(void **state)
{
	struct overtest t;

	(void)state;
	begin(&t, &(struct tui_bid_start){0});
	overtest_key(&t, TUI_K_ENTER);
	overtest_keys(&t, "1");
	assert_true(childtest_wait(&t));
	assert_null(t.d->top->below);
	overtest_end(&t);
}

static void closed_while_asking(void **state)
{
	struct overtest t;

	(void)state;
	begin(&t, &(struct tui_bid_start){0});
	overtest_key(&t, TUI_K_ENTER);
	overtest_key(&t, TUI_K_ESC);
	assert_null(t.d->top);
	assert_true(childtest_wait(&t));
	assert_null(t.d->top);
	overtest_end(&t);
}

static void sides_and_sizes(void **state)
{
	struct overtest t;

	(void)state;
	begin(&t, &(struct tui_bid_start){0});
	overtest_key(&t, TUI_K_BACKTAB);
	overtest_key(&t, 's');
	has(&t, "side     sell");
	overtest_key(&t, ' ');
	has(&t, "side     buy");
	overtest_key(&t, 'x');
	has(&t, "side     buy");
	for (unsigned rows = 1; rows < 20; rows++)
		for (unsigned cols = 1; cols < 100; cols += 3) {
			assert_int_equal(tui_canvas_resize(&t.d->canvas, rows, cols), 0);
			overtest_draw(&t);
		}
	overtest_end(&t);
}

static void read_only(void **state)
{
	struct overtest t;

	(void)state;
	overtest_begin(&t, 20, 80);
	t.d->conf.control = false;
	tui_bid_open(t.d, &(struct tui_bid_start){0});
	assert_null(t.d->top);
	assert_non_null(strstr(t.d->said, "--control"));
	overtest_end(&t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_words),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(the_question_is_of_what_stands_there),
		cmocka_unit_test(typing_takes_enter_back),
		cmocka_unit_test(closed_while_asking),
		cmocka_unit_test(sides_and_sizes),
		cmocka_unit_test(read_only),
	};

	be_mkt(argc, argv);
	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
