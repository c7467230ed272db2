/*
 * The frame of the dashboard, off-screen and with canned answers: words of the header, sizes, keys that
 * cannot act, help, command line, scripts' language, keys of the user's own.
 */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/command.h"
#include "tui/frame.h"
#include "tui/help.h"
#include "tui/known.h"
#include "tui/overlay.h"
#include "tui/script.h"

#define NOW_MS 1795397400000u /* 2026-11-23 10:30 JST */

static const char status_json[] =
	"{\"schema\":\"mkt.status/"
	"1\",\"height\":18231,\"as_of\":\"2026-11-23T01:29:57Z\",\"data\":{"
	"\"role\":\"authority\",\"height\":18231,\"disk\":{\"free_bytes\":61000000000,"
	"\"days_left\":9,\"state\":\"ok\"},\"node\":{\"role\":\"authority\",\"leader\":\"a1\","
	"\"epoch\":7,\"lag_blocks\":2,\"alarms\":[{\"alarm\":\"engine\",\"since\":"
	"\"2026-11-23T01:00:00Z\",\"text\":\"etcd is \\u001b[31mgone\"}]}}}";
static const char market_json[] =
	"{\"schema\":\"mkt.market/"
	"1\",\"height\":18231,\"as_of\":\"2026-11-23T01:29:57Z\",\"data\":{"
	"\"name\":\"demo\",\"chain\":"
	"\"00000000000000000000000000000000000000000000000000000000000000aa\",\"currency\":\"JPY\","
	"\"zone\":\"Asia/Tokyo\",\"clock\":\"system\",\"window_s\":1800,\"opening_s\":604800,"
	"\"gate_s\":300,\"tick_upwh\":10,\"price_min_upwh\":0,\"price_max_upwh\":200000,\"lot_wh\":"
	"1,"
	"\"deadline_s\":3600,\"interval_ms\":1000,\"heartbeat_s\":60,\"validity_s\":3600,"
	"\"imbalance_up_upwh\":45000,\"imbalance_down_upwh\":20000,\"dimensions\":[{\"name\":"
	"\"energy\",\"values\":[{\"name\":\"brown\",\"direct\":false,\"closed\":false,\"members\":"
	"0,"
	"\"fee_upwh\":0,\"fee_account\":0},{\"name\":\"green\",\"direct\":false,\"closed\":false,"
	"\"members\":0,\"fee_upwh\":0,\"fee_account\":0}]}],\"open\":{\"first\":1795397400,"
	"\"first_s\":1795397400,\"count\":336},\"now_ms\":1795397400000}}";
static const char account_json[] =
	"{\"schema\":\"mkt.account/"
	"1\",\"height\":18231,\"as_of\":\"2026-11-23T01:29:57Z\",\"data\":{"
	"\"account\":7,\"name\":\"acc7\",\"available_uc\":\"12480000000\",\"held_uc\":"
	"\"1275000000\","
	"\"locked_uc\":\"0\",\"open_bids\":3}}";

/* Answers at once, as pulls never do, or with an error. */
struct canned {
	unsigned asked;
	bool down;
	char last[128];
};

static int get(void *ctx, const char *path, mkt_pull_fn *done, void *done_ctx)
{
	struct canned *c = ctx;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err = {0};
	const char *text = NULL;

	c->asked++;
	snprintf(c->last, sizeof(c->last), "%s", path);
	if (!strcmp(path, "/v1/status"))
		text = status_json;
	else if (!strcmp(path, "/v1/market"))
		text = market_json;
	else if (!strncmp(path, "/v1/accounts/", 13) && !strchr(path + 13, '/'))
		text = account_json;
	if (c->down)
		mkt_err_set(&err, MKT_EUNAVAILABLE, "cannot reach 'x'");
	else if (!text)
		mkt_err_set(&err, MKT_ENOTFOUND, "no such path");
	if (err.code) {
		done(done_ctx, NULL, &err);
		return 0;
	}
	mkt_buf_addstr(&b, text);
	done(done_ctx, &b, NULL);
	mkt_buf_release(&b);
	return 0;
}

struct fixture {
	struct tui_dash d;
	struct canned canned;
};

static const char *refusal(const char *const *argv, bool control)
{
	return control || !strcmp(argv[0], "book") ? NULL : "it may change something";
}

static const char *command(unsigned i)
{
	static const char *const names[] = {"bid", "block", "book"};

	return i < MKT_ARRAY_SIZE(names) ? names[i] : NULL;
}

static struct fixture *begin(unsigned rows, unsigned cols, bool control)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct tui_dash_conf conf = {.server = "unix:/x",
				     .program = "/bin/false",
				     .who = "acc7",
				     .refusal = refusal,
				     .command = command,
				     .control = control};
	struct mkt_err err;

	assert_non_null(f);
	assert_int_equal(tui_dash_init(&f->d, &conf,
				       &(struct tui_source){.get = get, .ctx = &f->canned}, &err),
			 0);
	f->d.canvas.utf8 = true;
	assert_int_equal(tui_canvas_resize(&f->d.canvas, rows, cols), 0);
	f->d.now_ms = NOW_MS;
	f->d.steady_ms = f->d.word_ms = 1000000;
	f->d.link = TUI_LINK_LIVE;
	return f;
}

static struct fixture *begin_known(unsigned rows, unsigned cols, bool control)
{
	struct fixture *f = begin(rows, cols, control);

	tui_known_tick(&f->d);
	assert_true(f->d.have_facts);
	return f;
}

static void end(struct fixture *f)
{
	tui_dash_release(&f->d);
	free(f);
}

static char *picture(struct fixture *f)
{
	struct mkt_buf b = MKT_BUF_INIT;
	int y, x;
	size_t n;

	tui_frame_draw(&f->d, &y, &x);
	tui_canvas_text(&f->d.canvas, &b);
	mkt_buf_addch(&b, '\0');
	return (char *)mkt_buf_take(&b, &n);
}

static void shows(struct fixture *f, const char *text)
{
	char *p = picture(f);

	if (!strstr(p, text))
		fail_msg("'%s' is not in\n%s", text, p);
	free(p);
}

static void lacks(struct fixture *f, const char *text)
{
	char *p = picture(f);

	if (strstr(p, text))
		fail_msg("'%s' is in\n%s", text, p);
	free(p);
}

static void press(struct fixture *f, uint32_t key)
{
	f->d.steady_ms++;
	tui_frame_key(&f->d, &(struct tui_input){.key = key});
}

/* ---- the header --------------------------------------------------------------------------- */

static void header_tells_in_words(void **state)
{
	struct fixture *f = begin_known(24, 80, false);

	(void)state;
	shows(f, "authority #18231");
	shows(f, "3 s ago");
	shows(f, "2 behind");
	shows(f, "LIVE  READ-ONLY  10:30 JST");
	shows(f, "acc7  available 12480 JPY  held 1275 JPY");
	shows(f, "alarms 1");
	shows(f, "disk free 61.0 GB");
	f->d.steady_ms += 12000;
	f->d.link = TUI_LINK_STALE;
	shows(f, "STALE 12s");
	shows(f, "no word from unix:/x since then");
	f->d.link = TUI_LINK_OFFLINE;
	f->d.retry_ms = f->d.steady_ms + 3200;
	shows(f, "OFFLINE retry 4s");
	f->d.paused = true;
	shows(f, "PAUSED");
	shows(f, "#18231");
	end(f);
}

static void nothing_known_is_told(void **state)
{
	struct fixture *f = begin(24, 80, true);

	(void)state;
	f->canned.down = true;
	f->d.link = TUI_LINK_STARTING;
	tui_known_tick(&f->d);
	shows(f, "CONNECTING");
	shows(f, "CONTROL");
	shows(f, "waiting for unix:/x");
	press(f, 'j');
	shows(f, "nothing is known yet");
	end(f);
}

/* What others wrote never reaches the terminal as it is. */
static void alarms_are_neutral(void **state)
{
	struct fixture *f = begin_known(24, 80, false);
	char *p;

	(void)state;
	assert_int_equal(f->d.node.nalarms, 1);
	assert_non_null(strchr(f->d.node.alarms[0], '\033'));
	tui_dash_say(&f->d, TUI_BAD, "%s", f->d.node.alarms[0]);
	p = picture(f);
	assert_null(strchr(p, '\033'));
	assert_non_null(strstr(p, "etcd is ?[31mgone"));
	free(p);
	end(f);
}

/* Every size from 1x1 on, and nothing beyond the canvas (the sanitizers look). */
static void all_sizes(void **state)
{
	struct fixture *f = begin_known(1, 1, false);

	(void)state;
	for (unsigned rows = 1; rows < 60; rows += 3)
		for (unsigned cols = 1; cols < 200; cols += 7) {
			assert_int_equal(tui_canvas_resize(&f->d.canvas, rows, cols), 0);
			press(f, TUI_K_RESIZE);
			free(picture(f));
		}
	assert_int_equal(tui_canvas_resize(&f->d.canvas, 11, 80), 0);
	shows(f, "LIVE #18231");
	press(f, '2');
	assert_int_equal(f->d.shown, TUI_PANE_OVERVIEW);
	press(f, 'q');
	assert_true(f->d.quit);
	end(f);
}

static void wide_has_two_columns(void **state)
{
	struct fixture *f = begin_known(43, 132, false);

	(void)state;
	free(picture(f));
	assert_int_equal(f->d.places.side.cols, 44);
	press(f, '7');
	free(picture(f));
	assert_int_equal(f->d.places.side.cols, 0);
	end(f);
}

/* ---- keys --------------------------------------------------------------------------------- */

static void keys_that_cannot_act_say_why(void **state)
{
	struct fixture *f = begin_known(24, 80, false);

	(void)state;
	press(f, '2');
	assert_int_equal(f->d.shown, TUI_PANE_BOOK);
	press(f, 'b');
	shows(f, "read-only: start with 'mkt dash --control'");
	press(f, 'x');
	shows(f, "'x' does nothing here; ? shows the keys");
	press(f, TUI_K_TAB);
	lacks(f, "does nothing");
	assert_int_equal(f->d.shown, TUI_PANE_CONTRACTS);
	press(f, TUI_K_BACKTAB);
	press(f, TUI_K_BACKTAB);
	press(f, TUI_K_BACKTAB);
	assert_int_equal(f->d.shown, TUI_PANE_NODES);
	end(f);
}

static void what_is_said_goes_by_itself(void **state)
{
	struct fixture *f = begin_known(24, 80, false);

	(void)state;
	tui_dash_say(&f->d, TUI_PLAIN, "for a while");
	f->d.steady_ms += 9999;
	shows(f, "for a while");
	f->d.steady_ms += 1;
	lacks(f, "for a while");
	end(f);
}

static void click(struct fixture *f, const char *word)
{
	char *p = picture(f), *at = strstr(p, word), *line = at;

	assert_non_null(at);
	while (line > p && line[-1] != '\n')
		line--;
	f->d.steady_ms++;
	/* Only ASCII stands before what is clicked here. */
	tui_frame_key(&f->d, &(struct tui_input){.key = TUI_K_MOUSE,
						 .mouse = TUI_CLICK,
						 .x = (unsigned)(at - line),
						 .y = (unsigned)(word[0] == '5' ? 2 : 23)});
	free(p);
}

static void mouse_has_tabs_and_bar(void **state)
{
	struct fixture *f = begin_known(24, 80, false);

	(void)state;
	click(f, "5 Blocks");
	assert_int_equal(f->d.shown, TUI_PANE_BLOCKS);
	click(f, "quit");
	assert_true(f->d.quit);
	end(f);
}

static void pause_stops_ticks_and_reads_again(void **state)
{
	struct fixture *f = begin_known(24, 80, false);

	(void)state;
	press(f, 'Z');
	assert_true(f->d.paused);
	shows(f, "PAUSED");
	press(f, 'Z');
	assert_false(f->d.paused);
	assert_int_equal(f->d.asked_ms[0], 0);
	end(f);
}

static void own_keys(void **state)
{
	struct fixture *f = begin_known(24, 80, false);
	struct mkt_err err;

	(void)state;
	assert_int_equal(tui_keymap_bind(&f->d.keys, "all", "pause", "F5", &err), 0);
	press(f, 'Z');
	assert_false(f->d.paused);
	press(f, TUI_K_F1 + 4);
	assert_true(f->d.paused);
	end(f);
}

/* ---- help --------------------------------------------------------------------------------- */

static void help_searches_and_does(void **state)
{
	struct fixture *f = begin_known(24, 80, false);

	(void)state;
	press(f, '2');
	press(f, '?');
	shows(f, "keys of book");
	shows(f, "bid to buy in this window  (off: needs --control)");
	for (const char *p = "nodes"; *p; p++)
		press(f, (uint8_t)*p);
	shows(f, "search: nodes");
	lacks(f, "bid to buy");
	press(f, TUI_K_ENTER);
	assert_null(f->d.top);
	assert_int_equal(f->d.shown, TUI_PANE_NODES);
	press(f, TUI_K_F1);
	for (const char *p = "zzz"; *p; p++)
		press(f, (uint8_t)*p);
	shows(f, "no key does that");
	press(f, TUI_K_ENTER);
	assert_null(f->d.top);
	press(f, '?');
	press(f, TUI_K_ESC);
	assert_null(f->d.top);
	end(f);
}

/* ---- the command line --------------------------------------------------------------------- */

static void words_are_split(void **state)
{
	static const struct {
		const char *text;
		int n;
		const char *last;
	} cases[] = {
		{"", 0, NULL},
		{"  a  b ", 2, "b"},
		{"bid --at '10:30 - 11:00'", 3, "10:30 - 11:00"},
		{"a \"b 'c\"", 2, "b 'c"},
		{"a 'b", -1, NULL},
		{"x''y", 1, "xy"},
		{"''", 1, ""},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(cases); i++) {
		char copy[64];
		const char *words[8];
		int n;

		snprintf(copy, sizeof(copy), "%s", cases[i].text);
		n = tui_command_split(copy, words, 8);
		assert_int_equal(n, cases[i].n);
		if (n > 0)
			assert_string_equal(words[n - 1], cases[i].last);
		if (n >= 0)
			assert_null(words[n]);
	}
	assert_int_equal(tui_command_split((char[]){"a b c"}, (const char *[3]){NULL}, 3), -1);
}

static void command_line_goes_anywhere(void **state)
{
	struct fixture *f = begin_known(24, 80, false);

	(void)state;
	tui_command_do(&f->d, "nod");
	assert_int_equal(f->d.shown, TUI_PANE_NODES);
	tui_command_do(&f->d, "book");
	assert_int_equal(f->d.shown, TUI_PANE_BOOK);
	tui_command_do(&f->d, "theme mono");
	assert_int_equal(f->d.conf.scheme, TUI_SCHEME_MONO);
	tui_command_do(&f->d, "theme pink");
	shows(f, "theme is default");
	tui_command_do(&f->d, "tz Europe/Paris");
	shows(f, "02:30 CET");
	tui_command_do(&f->d, "tz Nowhere");
	shows(f, "Nowhere");
	shows(f, "02:30 CET");
	tui_command_do(&f->d, "bid buy 1kWh");
	shows(f, "mkt bid: it may change something");
	tui_command_do(&f->d, "mkt bid buy 1kWh");
	shows(f, "mkt bid: it may change something");
	tui_command_do(&f->d, "bid 'x");
	shows(f, "a quote is open");
	tui_command_do(&f->d, "quit");
	assert_true(f->d.quit);
	end(f);
}

/* ---- leaving ------------------------------------------------------------------------------ */

static void draw_nothing(struct tui_dash *d, void *self, struct tui_area a, int *y, int *x)
{
	(void)d, (void)self, (void)a, (void)y, (void)x;
}

static void take_key(struct tui_dash *d, void *self, const struct tui_input *in)
{
	(void)d, (void)in;
	++*(int *)self;
}

static const struct tui_overlay_ops busy_ops = {
	.draw = draw_nothing, .key = take_key, .busy = true};

static void leaving_asks_while_something_is_open(void **state)
{
	struct fixture *f = begin_known(24, 80, false);
	int *keys = tui_overlay_push(&f->d, &busy_ops, sizeof(int));

	(void)state;
	press(f, 'q');
	assert_int_equal(*keys, 1);
	assert_false(f->d.quit);
	press(f, TUI_K_F1 + 9);
	assert_false(f->d.quit);
	shows(f, "F10 once more leaves");
	press(f, TUI_K_F1 + 9);
	assert_true(f->d.quit);
	end(f);
}

/* ---- scripts ------------------------------------------------------------------------------ */

static void script_lines(void **state)
{
	static const char *const bad[] = {
		"key",	      "key Nope",	  "keys",  "wait",    "resize 80",   "resize 0x1",
		"resize 80x", "resize 9999x9999", "mouse", "mouse 1", "mouse 1 2 x", "screen x",
		"sleep 1",    " key x",		  "gone"};
	struct tui_script_step s;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		if (tui_script_read(bad[i], &s, &err) != -MKT_EUSAGE)
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(tui_script_read("", &s, &err), 0);
	assert_int_equal(tui_script_read("# x", &s, &err), 0);
	assert_int_equal(s.verb, TUI_SCRIPT_NOTHING);
	assert_int_equal(tui_script_read("key F10", &s, &err), 0);
	assert_int_equal(s.in.key, TUI_K_F1 + 9);
	assert_int_equal(tui_script_read("keys  a", &s, &err), 0);
	assert_string_equal(s.text, " a");
	assert_int_equal(tui_script_read("resize 132x43", &s, &err), 0);
	assert_int_equal(s.rows, 43);
	assert_int_equal(s.cols, 132);
	assert_int_equal(tui_script_read("mouse 5 10 double", &s, &err), 0);
	assert_int_equal(s.in.mouse, TUI_DOUBLE);
	assert_int_equal(s.in.x, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_tells_in_words),
		cmocka_unit_test(nothing_known_is_told),
		cmocka_unit_test(alarms_are_neutral),
		cmocka_unit_test(all_sizes),
		cmocka_unit_test(wide_has_two_columns),
		cmocka_unit_test(keys_that_cannot_act_say_why),
		cmocka_unit_test(what_is_said_goes_by_itself),
		cmocka_unit_test(mouse_has_tabs_and_bar),
		cmocka_unit_test(pause_stops_ticks_and_reads_again),
		cmocka_unit_test(own_keys),
		cmocka_unit_test(help_searches_and_does),
		cmocka_unit_test(words_are_split),
		cmocka_unit_test(command_line_goes_anywhere),
		cmocka_unit_test(leaving_asks_while_something_is_open),
		cmocka_unit_test(script_lines),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
