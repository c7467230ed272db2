/* Driver `pi30` against the simulated inverter, over a pty, with faults. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/simdev.h"

static void begin(struct simdev *s, const char *model)
{
	const char *const args[] = {"--model", model, NULL};

	simdev_start(s, "pi30", args);
	simdev_line(s, "pi30", s->port);
}

static void opened(struct simdev *s, const char *model)
{
	begin(s, model);
	if (simdev_open(s) < 0)
		fail_msg("open: %s\n%s", s->err.text, mkt_buf_str(&s->trace));
}

/* How often @text was sent. */
static unsigned sent(const struct simdev *s, const char *text)
{
	char pattern[32];
	unsigned n = 0;

	snprintf(pattern, sizeof(pattern), "|%s", text);
	for (const char *p = mkt_buf_str(&s->trace); (p = strstr(p, pattern)); p++) {
		const char *line = p;

		while (line > mkt_buf_str(&s->trace) && line[-1] != '\n')
			line--;
		n += strchr(line, '>') && strchr(line, '>') < p;
	}
	return n;
}

static unsigned writes(const struct simdev *s)
{
	return sent(s, "POP") + sent(s, "PCP") + sent(s, "MUCHGC0") + sent(s, "MUCHGC1");
}

static void mode(struct simdev *s, enum mkt_dev_mode m)
{
	int32_t applied;

	if (simdev_set(s, MKT_SET_MODE, (int32_t)m, &applied) < 0)
		fail_msg("mode %d: %s\n%s", m, s->err.text, mkt_buf_str(&s->trace));
	assert_int_equal(applied, m);
	assert_int_equal(simdev_reading(s, MKT_R_MODE), m);
}

static void test_readings(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "axpert");
	assert_string_equal(s.d.id.maker, "Voltronic");
	assert_string_equal(s.d.id.model, "5000 VA, 48 V, off grid");
	assert_string_equal(s.d.id.version, "PI30");
	assert_string_equal(s.d.id.serial, "9293333010501");
	assert_int_equal(s.d.caps, MKT_CAP_SOC | MKT_CAP_MODE);
	assert_int_equal(writes(&s), 0); /* reads before it writes */
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_SOC), 500);
	assert_int_equal(simdev_reading(&s, MKT_R_VOLTAGE_L1), 230100);
	assert_int_equal(simdev_reading(&s, MKT_R_FREQUENCY), 50000);
	assert_int_equal(simdev_reading(&s, MKT_R_BATTERY_VOLTAGE), 50000);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_TEMPERATURE), 41000);
	assert_int_equal(simdev_reading(&s, MKT_R_MODE), MKT_MODE_AUTO);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER_CHARGE_MAX), 1440);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER_DISCHARGE_MAX), 4000);
	assert_int_equal(simdev_reading(&s, MKT_R_FAULT), 0);
	simdev_say(&s, "trip 9");
	assert_int_equal(simdev_poll(&s), 0);
	assert_true(s.d.faulty);
	assert_string_equal(s.d.fault, "the inverter is in fault mode: too hot");
	assert_int_equal(simdev_reading(&s, MKT_R_FAULT), 10);
	simdev_say(&s, "untrip");
	assert_int_equal(simdev_poll(&s), 0);
	assert_false(s.d.faulty);
	simdev_end(&s);
}

static void test_modes(void **state)
{
	struct simdev s;
	unsigned n;

	(void)state;
	opened(&s, "axpert");
	mode(&s, MKT_MODE_CHARGE);
	assert_int_equal(sent(&s, "PCP02"), 1);
	assert_int_equal(sent(&s, "POP00"), 1);
	assert_int_equal(writes(&s), 2);
	assert_int_equal(simdev_show(&s, "setpoint_w"), 1500);
	assert_int_equal(simdev_poll(&s), 0);
	assert_in_range(simdev_reading(&s, MKT_R_POWER), 1450, 1510);
	mode(&s, MKT_MODE_CHARGE); /* again: nothing is written */
	assert_int_equal(writes(&s), 2);
	mode(&s, MKT_MODE_DISCHARGE);
	assert_int_equal(sent(&s, "PCP03"), 1);
	assert_int_equal(sent(&s, "POP02"), 1);
	assert_int_equal(simdev_show(&s, "setpoint_w"), -550);
	assert_int_equal(simdev_poll(&s), 0);
	assert_in_range(-simdev_reading(&s, MKT_R_POWER), 490, 560);
	mode(&s, MKT_MODE_HOLD);
	assert_int_equal(writes(&s), 5);
	assert_int_equal(simdev_show(&s, "setpoint_w"), 0);
	n = writes(&s);
	assert_int_equal(s.d.driver->safe_state(&s.d, &s.err), 0);
	assert_int_equal(sent(&s, "POP01"), 1); /* what was found */
	assert_int_equal(writes(&s), n + 1);
	assert_int_equal(simdev_reading(&s, MKT_R_MODE), MKT_MODE_AUTO);
	/* Somebody at the panel: an old picture is not believed. */
	simdev_say(&s, "panel 2 0");
	mode(&s, MKT_MODE_AUTO);
	assert_int_equal(sent(&s, "POP01"), 2);
	simdev_end(&s);
}

/* Over a reconnection what is restored is the owner's programme, not ours. */
static void test_found_is_kept(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "axpert");
	mode(&s, MKT_MODE_CHARGE);
	s.d.driver->close(&s.d);
	assert_null(s.d.priv);
	assert_int_equal(simdev_open(&s), 0);
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_MODE), MKT_MODE_CHARGE);
	s.conf.exit = MKT_EXIT_KEEP;
	assert_int_equal(s.d.driver->safe_state(&s.d, &s.err), 0);
	assert_int_equal(simdev_show(&s, "setpoint_w"), 1500);
	s.conf.exit = MKT_EXIT_PAUSE;
	assert_int_equal(SIMDEV_CALL(&s, s.d.driver->safe_state(&s.d, &s.err)), 0);
	assert_int_equal(sent(&s, "POP01"), 1);
	assert_int_equal(sent(&s, "PCP03"), 1);
	simdev_end(&s);
}

static void test_current(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "axpert");
	s.conf.max_w = 1000; /* 20 A at 48 V are 960 W */
	mode(&s, MKT_MODE_CHARGE);
	assert_int_equal(sent(&s, "MUCHGC020"), 1);
	assert_int_equal(simdev_show(&s, "setpoint_w"), 1000);
	mode(&s, MKT_MODE_AUTO);
	assert_int_equal(sent(&s, "MUCHGC030"), 1);
	s.conf.max_w = 60000; /* 100 A and more are not chosen */
	mode(&s, MKT_MODE_CHARGE);
	assert_int_equal(sent(&s, "MUCHGC090"), 1);
	s.conf.max_w = 50;
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_CHARGE, NULL), -MKT_EDEVUNSUPPORTED);
	assert_string_equal(s.err.text, "the smallest charging current is 2 A: more than 50 W");
	simdev_end(&s);
}

static void test_unsupported(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "axpert");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1000, NULL), -MKT_EDEVUNSUPPORTED);
	assert_non_null(strstr(s.err.text, "takes no set-point in W or A: order a mode"));
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 6000, NULL), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_UNKNOWN, NULL), -MKT_EINVAL);
	assert_int_equal(writes(&s), 0);
	simdev_end(&s);
	opened(&s, "hidden");
	assert_int_equal(s.d.caps, MKT_CAP_SOC | MKT_CAP_READ_ONLY);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_HOLD, NULL), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_SOC), 500);
	simdev_end(&s);
	opened(&s, "old");
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_TEMPERATURE), -999999);
	mode(&s, MKT_MODE_DISCHARGE);
	simdev_end(&s);
}

static void test_identity(void **state)
{
	struct mkt_identity id = {0};
	struct simdev s;

	(void)state;
	begin(&s, "pi41");
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 0);
	assert_int_equal(simdev_open(&s), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(s.err.text, "'PI41' to QPI, not 'PI30'"));
	simdev_end(&s);
	begin(&s, "axpert");
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 1);
	assert_string_equal(id.serial, "9293333010501");
	snprintf(s.conf.serial, sizeof(s.conf.serial), "1234");
	assert_int_equal(simdev_open(&s), -MKT_EDEVIDENTITY);
	simdev_end(&s);
}

/* ---- faults ------------------------------------------------------------------------------- */

static void test_unconfirmed(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "axpert");
	simdev_say(&s, "fault deaf count=1");
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_CHARGE, NULL), -MKT_EDEVUNCONFIRMED);
	assert_non_null(strstr(s.err.text, "asked for priorities POP00 PCP02, read back POP00 PCP03"));
	simdev_say(&s, "clear");
	simdev_say(&s, "fault nak count=9");
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_CHARGE, NULL), -MKT_EDEVREFUSED);
	simdev_say(&s, "clear");
	mode(&s, MKT_MODE_CHARGE);
	simdev_end(&s);
}

/* One query is always spoilt: the line is not dead, the others go on. */
static void test_spoilt_query(void **state)
{
	struct simdev s;

	(void)state;
	begin(&s, "axpert");
	simdev_say(&s, "spoil QID");
	if (simdev_open(&s) < 0)
		fail_msg("%s", s.err.text);
	assert_string_equal(s.d.id.serial, "");
	simdev_say(&s, "spoil QPIWS");
	for (int i = 0; i < 3; i++)
		assert_int_equal(simdev_poll(&s), 0);
	assert_true(s.d.counters[DRV_BAD_FRAMES] > 0);
	assert_int_equal(simdev_reading(&s, MKT_R_SOC), 500);
	simdev_say(&s, "spoil QPIGS");
	assert_int_equal(simdev_poll(&s), -MKT_EDEVFRAME);
	assert_non_null(strstr(s.err.text, "QPIGS: checksum"));
	simdev_end(&s);
}

static void test_now_and_then(void **state)
{
	static const char *const faults[] = {"noise every=2", "checksum every=3", "silence count=1",
					     "split", "half count=1", "late=300 count=3"};
	struct simdev s;

	(void)state;
	opened(&s, "axpert");
	for (size_t i = 0; i < MKT_ARRAY_SIZE(faults); i++) {
		char text[64];

		simdev_say(&s, "clear");
		snprintf(text, sizeof(text), "fault %s", faults[i]);
		simdev_say(&s, text);
		if (simdev_poll(&s) < 0)
			fail_msg("%s: %s", text, s.err.text);
		assert_int_equal(simdev_reading(&s, MKT_R_SOC), 500);
		assert_int_equal(simdev_reading(&s, MKT_R_VOLTAGE_L1), 230100);
		mode(&s, i % 2 ? MKT_MODE_HOLD : MKT_MODE_CHARGE);
		assert_int_equal(simdev_show(&s, "setpoint_w"), i % 2 ? 0 : 1500);
	}
	simdev_end(&s);
}

/* Late by more than an answer may take: a late one is not taken for another. */
static void test_dead(void **state)
{
	uint64_t age;
	struct simdev s;

	(void)state;
	opened(&s, "axpert");
	assert_int_equal(simdev_poll(&s), 0);
	age = s.d.r.v[MKT_R_SOC].at_ms;
	simdev_say(&s, "fault late=1800");
	s.d.brief = true;
	assert_int_equal(simdev_poll(&s), -MKT_EDEVTIMEOUT);
	assert_int_equal(s.d.r.v[MKT_R_SOC].at_ms, age);
	s.d.brief = false;
	simdev_say(&s, "clear");
	for (int i = 0; i < 3 && simdev_poll(&s) < 0; i++)
		;
	assert_true(s.d.r.v[MKT_R_SOC].at_ms > age);
	assert_int_equal(simdev_reading(&s, MKT_R_MODE), MKT_MODE_AUTO);
	simdev_say(&s, "fault silence");
	s.d.brief = true;
	assert_int_equal(simdev_poll(&s), -MKT_EDEVTIMEOUT);
	assert_string_equal(s.err.text, "QPIGS: no answer within 1200 ms");
	simdev_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readings),     cmocka_unit_test(test_modes),
		cmocka_unit_test(test_found_is_kept), cmocka_unit_test(test_current),
		cmocka_unit_test(test_unsupported),  cmocka_unit_test(test_identity),
		cmocka_unit_test(test_unconfirmed),  cmocka_unit_test(test_spoilt_query),
		cmocka_unit_test(test_now_and_then), cmocka_unit_test(test_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
