/*
 * Devices: what is at fault or silent is first; powers, contracts, ages; what was lately; stop and
 * start by a question that keeps its device; lost answers, hostile words, all sizes.
 */
#include "core/base/compat.h"

#include "core/codec/base64.h"
#include "core/ledger/tx.h"
#include "core/wire/telemetry.h"
#include "tests/panes.h"

static struct mkt_telemetry told[3];
static uint64_t age_ms[3];
static unsigned ntold;
static bool lie;

static void add_row(struct mkt_buf *buf, unsigned i)
{
	struct mkt_seckey key;
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err err;

	memset(&key, 7, sizeof(key));
	assert_int_equal(mkt_telemetry_enc(&told[i], &key, &bytes, &err), 0);
	mkt_buf_addf(buf, "%s{\"account_name\":\"home\",\"signer_name\":\"home\",\"age_ms\":%llu,",
		     i ? "," : "", (unsigned long long)age_ms[i]);
	mkt_buf_addstr(buf, "\"signed\":\"");
	mkt_base64_put(buf, bytes.data, lie ? bytes.len - 1 : bytes.len);
	mkt_buf_addstr(buf, "\"}");
	mkt_buf_release(&bytes);
}

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	(void)k;
	if (strcmp(path, "/v1/telemetry") != 0)
		return NULL;
	mkt_buf_addstr(buf, "{\"schema\":\"mkt.telemetry/1\",\"height\":14,"
			    "\"as_of\":\"2026-11-23T02:00:00.000Z\",\"data\":[");
	for (unsigned i = 0; i < ntold; i++)
		add_row(buf, i);
	mkt_buf_addstr(buf, "]}");
	return mkt_buf_str(buf);
}

static struct mkt_telemetry state(const char *charger, const char *how, int32_t power_w,
				  const char *reason)
{
	struct mkt_telemetry t = {.account = 2,
				  .signer = 2,
				  .time_ms = 1795399200000u,
				  .kind = "evse",
				  .vehicle = "C",
				  .fields = MKT_TM_POWER,
				  .power_w = power_w};

	snprintf(t.charger, sizeof(t.charger), "%s", charger);
	snprintf(t.state, sizeof(t.state), "%s", how);
	snprintf(t.reason, sizeof(t.reason), "%s", reason);
	return t;
}

/* A charger in a contract, one that is not heard any more, and a battery that supplies. */
static struct desk *begin(void)
{
	struct desk *k = desk_begin(&tui_pane_devices, "home");

	told[0] = state("ev-1", "ready", 3220, "charging at 14.0 A");
	told[0].fields |= MKT_TM_CONTRACT | MKT_TM_SOC;
	told[0].window = 1;
	told[0].side = MKT_DRAW;
	told[0].contracted_wh = 1600;
	told[0].moved_wh = 400;
	told[0].soc = 437;
	told[1] = state("ev-2", "ready", 1000, "charging at 6.0 A");
	told[2] = state("home-bat", "ready", -1805, "supplies c4");
	told[2].vehicle[0] = '\0';
	age_ms[0] = 1000;
	age_ms[1] = 150000;
	age_ms[2] = 0;
	ntold = 3;
	lie = false;
	k->answer = answer;
	k->ops.visit(&k->d, k->self);
	desk_answer(k);
	return k;
}

static void has(struct desk *k, const char *want)
{
	desk_draw(k, 10, 100);
	if (!strstr(k->picture, want))
		fail_msg("no '%s' in:\n%s", want, k->picture);
}

/* As many readings as one wants, whatever their pace. */
static void read_again(struct desk *k)
{
	for (unsigned i = 0; i < 3; i++)
		desk_tick(k);
}

static void what_stands_there(void **state)
{
	struct desk *k = begin();

	(void)state;
	begins(desk_draw(k, 6, 100), "3 devices  1 to look at  3220 W drawn  1805 W supplied\n"
				     " device       account state\xe2\x96\xb2"
				     "             kW lately contract kWh     soc     age why\n"
				     ">ev-2         home    silent              -                  "
				     "             2 min charging at 6.0 A\n"
				     " ev-1         home    ready C         3.220      \xe2\x96\x88"
				     " \xe2\x96\x88\xe2\x96\x88\xe2\x96\x8e"
				     "        25%   43%     2 s charging at 14.0 A\n"
				     " home-bat     home    ready          -1.805                  "
				     "               1 s supplies c4\n");
	begins(desk_draw(k, 6, 40), "3 devices  1 to look at  3220 W drawn  ~\n"
				    " device       state\xe2\x96\xb2"
				    "          kW     age\n"
				    ">ev-2         silent           -   2 min\n"
				    " ev-1         ready C      3.220     3 s\n"
				    " home-bat     ready       -1.805     2 s\n");
	desk_end(k);
}

static void worries_come_first(void **state)
{
	struct desk *k = begin();

	(void)state;
	has(k, "3 devices  1 to look at  3220 W drawn  1805 W supplied");
	has(k, ">ev-2");
	snprintf(told[2].state, sizeof(told[2].state), "fault");
	read_again(k);
	has(k, "2 to look at");
	desk_act(k, TUI_A_FIRST);
	has(k, ">home-bat");
	/* Heard again: nothing to look at, and its power counts. */
	snprintf(told[2].state, sizeof(told[2].state), "ready");
	age_ms[1] = 0;
	read_again(k);
	has(k, "0 to look at  4220 W drawn");
	/* A car's fault is one, whatever the charger says. */
	snprintf(told[0].vehicle, sizeof(told[0].vehicle), "F");
	read_again(k);
	has(k, "1 to look at");
	desk_end(k);
}

static void silence_grows_without_answers(void **state)
{
	struct desk *k = begin();

	(void)state;
	k->down = true;
	for (unsigned i = 0; i < 50; i++)
		desk_tick(k);
	has(k, "3 to look at  0 W drawn  0 W supplied  (the node did not answer; this is old)");
	k->down = false;
	read_again(k);
	has(k, "1 to look at  3220 W drawn");
	desk_end(k);
}

static void detail(void **state)
{
	struct desk *k = begin();

	(void)state;
	desk_act(k, TUI_A_DOWN);
	desk_act(k, TUI_A_OPEN);
	assert_string_equal(k->title, "ev-1");
	assert_non_null(strstr(k->text, "ev-1 of home, evse\nready C\n"));
	assert_non_null(strstr(k->text, "power      3.220 kW\n"));
	assert_non_null(strstr(k->text, "charge     43.7 %\n"));
	assert_non_null(strstr(k->text, "contract   0.400 kWh of 1.600 kWh moved\n"));
	assert_non_null(strstr(k->text, "why        charging at 14.0 A\n"));
	assert_null(strstr(k->text, "set-point"));
	desk_end(k);
}

static void questions(void **state)
{
	struct desk *k = begin();

	(void)state;
	desk_act(k, TUI_A_DOWN);
	desk_act(k, TUI_A_STOP);
	assert_string_equal(k->title, "Stop ev-1");
	assert_string_equal(k->dialog, "charge stop ev-1");
	snprintf(told[0].reason, sizeof(told[0].reason), "stopped by hand");
	read_again(k);
	desk_act(k, TUI_A_STOP);
	assert_string_equal(k->title, "Start ev-1");
	assert_string_equal(k->dialog, "charge start ev-1");
	desk_act(k, TUI_A_WHY);
	assert_string_equal(k->ran, "charge log ev-1");
	desk_end(k);
}

static void nobody_and_nonsense(void **state)
{
	struct desk *k = begin();

	(void)state;
	lie = true; /* cut short: not one is believed */
	read_again(k);
	has(k, "0 devices of 3");
	ntold = 0;
	read_again(k);
	has(k, "nobody has told of a charger or battery");
	desk_act(k, TUI_A_STOP);
	assert_string_equal(k->d.said, "no device is selected");
	desk_end(k);
}

static void hostile_words_at_all_sizes(void **state)
{
	struct desk *k = begin();

	(void)state;
	snprintf(told[0].reason, sizeof(told[0].reason), "\xe2\x80\xae%s\xf0\x9f\x94\x8b\xcc\x81",
		 "\xe5\xae\xb6\xe5\xae\xb6");
	read_again(k);
	for (unsigned rows = 1; rows < 12; rows++)
		for (unsigned cols = 1; cols < 150; cols += 7) {
			desk_draw(k, rows, cols);
			assert_null(strstr(k->picture, "\xe2\x80\xae"));
		}
	desk_end(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_there),
		cmocka_unit_test(worries_come_first),
		cmocka_unit_test(silence_grows_without_answers),
		cmocka_unit_test(detail),
		cmocka_unit_test(questions),
		cmocka_unit_test(nobody_and_nonsense),
		cmocka_unit_test(hostile_words_at_all_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
