/* ECHONET Lite drivers against the simulated node, over UDP. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/en_device.h"
#include "tests/rng.h"
#include "tests/simdev.h"

static void begin(struct simdev *s, const char *model, const char *driver)
{
	const char *const args[] = {"--udp", "127.0.0.2:0", "--model", model, NULL};
	char port[300];

	simdev_start(s, "echonet", args);
	snprintf(port, sizeof(port), "%s,127.0.0.1:0", s->port);
	simdev_line(s, driver, port);
}

static void opened(struct simdev *s, const char *model, const char *driver)
{
	begin(s, model, driver);
	if (simdev_open(s) < 0)
		fail_msg("open: %s\n%s", s->err.text, mkt_buf_str(&s->trace));
}

static struct drv_en_device *priv(struct simdev *s)
{
	return s->d.priv;
}

static void battery_tells_who_and_how_it_is(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery,auto", "echonet-battery");
	assert_string_equal(s.d.id.maker, "maker FFFFFF");
	assert_string_equal(s.d.id.model, "SIM-027D");
	assert_string_equal(s.d.id.serial, "SIM000000001");
	assert_string_equal(s.d.id.version, "release K");
	assert_int_equal(s.d.caps, MKT_CAP_MODE | MKT_CAP_PAUSE | MKT_CAP_POWER | MKT_CAP_DISCHARGE |
					   MKT_CAP_IMPORT | MKT_CAP_EXPORT | MKT_CAP_SOC);
	assert_int_equal(simdev_reading(&s, MKT_R_MODE), MKT_MODE_AUTO);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER), -300);
	assert_int_equal(simdev_reading(&s, MKT_R_SOC), 500);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER_CHARGE_MAX), 3000);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER_CHARGE_MIN), 100);
	assert_false(s.d.r.v[MKT_R_POWER_LIMIT].known);
	assert_int_equal(simdev_reading(&s, MKT_R_WATCHDOG), 0);
	simdev_end(&s);
}

static void battery_does_what_it_is_told(void **state)
{
	struct simdev s;
	int32_t applied;

	(void)state;
	opened(&s, "battery,auto", "echonet-battery");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, &applied), 0);
	assert_int_equal(applied, 2000);
	assert_int_equal(simdev_show(&s, "power_w"), 2000);
	assert_non_null(strstr(mkt_buf_str(&s.trace), "02 EB 04 00 00 07 D0 DA 01 42"));
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER), 2000);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER_LIMIT), 2000);
	assert_int_equal(simdev_reading(&s, MKT_R_MODE), MKT_MODE_CHARGE);

	assert_int_equal(simdev_set(&s, MKT_SET_POWER, -1500, &applied), 0);
	assert_int_equal(applied, -1500);
	assert_int_equal(simdev_show(&s, "power_w"), -1500);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, -9000, &applied), 0);
	assert_int_equal(applied, -3000); /* what C9 says */
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 50, &applied), 0);
	assert_int_equal(applied, 0); /* below the least: standby */
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_AUTO, &applied), 0);
	assert_int_equal(simdev_show(&s, "power_w"), -300); /* its own programme again */
	simdev_end(&s);
}

/* An order that is in force is read back, not written again. */
static void nothing_is_written_twice(void **state)
{
	struct simdev s;
	const char *at;
	int sets = 0;

	(void)state;
	opened(&s, "battery", "echonet-battery");
	for (int i = 0; i < 3; i++)
		assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1000, NULL), 0);
	for (at = mkt_buf_str(&s.trace); (at = strstr(at, "01 02 7D 01 61 ")); at++)
		sets++;
	assert_int_equal(sets, 1);
	simdev_end(&s);
}

static void safe(struct simdev *s, enum mkt_exit_state how)
{
	s->conf.exit = how;
	assert_int_equal(SIMDEV_CALL(s, s->d.driver->safe_state(&s->d, &s->err)), 0);
}

static void safe_state_is_what_conf_says(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery,auto", "echonet-battery");
	safe(&s, MKT_EXIT_PAUSE);
	assert_null(strstr(mkt_buf_str(&s.trace), "02 7D 01 61 ")); /* was never ours */
	for (int how = MKT_EXIT_PAUSE; how <= MKT_EXIT_AUTO; how++) {
		assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), 0);
		safe(&s, (enum mkt_exit_state)how);
		assert_int_equal(simdev_show(&s, "power_w"), how == MKT_EXIT_KEEP ? 2000 : -300);
	}
	simdev_end(&s);

	opened(&s, "v2h", "echonet-v2h");
	simdev_say(&s, "plug capacity=40000 soc=700 max=32000");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), 0);
	safe(&s, MKT_EXIT_PAUSE);
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	simdev_end(&s);
}

/* Killed in the midst of an order, it still knows what was before. */
static void the_programme_outlives_the_driver(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery,auto", "echonet-battery");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), 0);
	s.d.driver->close(&s.d);
	assert_int_equal(simdev_open(&s), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 2000); /* adopted */
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1000, NULL), 0);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_AUTO, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), -300);
	/* Without that knowledge an order of somebody is no programme. */
	simdev_say(&s, "mode 42");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, -500, NULL), 0);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_AUTO, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), -300);
	/* What the owner has set since is what is gone back to. */
	simdev_say(&s, "mode 44");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, -500, NULL), 0);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_AUTO, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	simdev_end(&s);
}

static void refusals_are_told_and_undone(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery,auto", "echonet-battery");
	simdev_say(&s, "fault refuse-power");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), -MKT_EDEVREFUSED);
	assert_non_null(strstr(s.err.text, "EB"));
	assert_int_equal(simdev_show(&s, "power_w"), 0); /* not at its own rate */
	simdev_say(&s, "clear");
	simdev_say(&s, "fault refuse count=1"); /* of two: then one by one */
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1800, NULL), -MKT_EDEVREFUSED);
	simdev_say(&s, "clear");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1800, NULL), 0);
	/* Refused and undone: neither does the old order come back, nor is the programme lost. */
	simdev_say(&s, "fault refuse-power");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), -MKT_EDEVREFUSED);
	priv(&s)->watch_ms = 0;
	simdev_say(&s, "clear");
	for (int i = 0; i < 3; i++)
		assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	assert_false(s.d.faulty);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_AUTO, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), -300);
	simdev_end(&s);

	opened(&s, "battery,locked", "echonet-battery");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), -MKT_EDEVREFUSED);
	assert_non_null(strstr(s.err.text, "remote control"));
	assert_int_equal(simdev_poll(&s), 0);
	assert_true(s.d.caps & MKT_CAP_READ_ONLY);
	assert_false(s.d.caps & MKT_CAP_POWER);
	assert_false(s.d.faulty);
	priv(&s)->locked_ms = 0; /* ten minutes later it is tried again */
	assert_int_equal(simdev_poll(&s), 0);
	assert_true(s.d.caps & MKT_CAP_POWER);
	simdev_end(&s);
}

static void some_take_one_property_at_a_time(void **state)
{
	struct simdev s;
	int32_t applied;

	(void)state;
	opened(&s, "battery,single,tid0", "echonet-battery");
	assert_int_equal(simdev_reading(&s, MKT_R_SOC), 500);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 700, &applied), 0);
	assert_int_equal(applied, 700);
	assert_int_equal(simdev_show(&s, "power_w"), 700);
	simdev_end(&s);
}

static void without_power_it_is_on_or_off(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery,no-power", "echonet-battery");
	assert_false(s.d.caps & (MKT_CAP_POWER | MKT_CAP_DISCHARGE));
	assert_true(s.d.caps & MKT_CAP_MODE);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 700, NULL), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 6000, NULL), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(simdev_set(&s, MKT_SET_MODE, MKT_MODE_CHARGE, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 3000);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 0, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	simdev_end(&s);
}

/* CF is the truth: an order is done when the device works as told. */
static void slow_ones_are_waited_for(void **state)
{
	struct simdev s;
	uint64_t begun_ms;

	(void)state;
	opened(&s, "battery,slow", "echonet-battery");
	begun_ms = drv_now_ms();
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), 0);
	assert_true(drv_now_ms() - begun_ms >= 3500);
	assert_int_equal(simdev_show(&s, "power_w"), 2000);
	simdev_end(&s);
}

static void what_others_change_is_said_again(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery,auto", "echonet-battery");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2000, NULL), 0);
	simdev_say(&s, "mode 46");
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_MODE), MKT_MODE_AUTO);
	priv(&s)->watch_ms = 0;
	assert_int_equal(simdev_poll(&s), 0); /* sees it, and begins */
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 2000);
	assert_false(s.d.faulty);

	simdev_say(&s, "fault refuse");
	simdev_say(&s, "mode 44");
	for (int i = 0; i < 4; i++)
		assert_int_equal(simdev_poll(&s), 0);
	assert_true(s.d.faulty);
	assert_non_null(strstr(s.d.fault, "does not follow: told to charge"));
	simdev_say(&s, "clear");
	for (int i = 0; i < 3; i++)
		assert_int_equal(simdev_poll(&s), 0);
	assert_false(s.d.faulty);
	simdev_say(&s, "broken on");
	assert_int_equal(simdev_poll(&s), 0);
	assert_true(s.d.faulty);
	assert_int_equal(simdev_reading(&s, MKT_R_FAULT), 0x29);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1000, NULL), -MKT_EDEVFAULT);
	simdev_end(&s);
}

static void notices_hurry_the_next_poll(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery", "echonet-battery");
	s.d.hurry = false;
	simdev_say(&s, "mode 46");
	for (int i = 0; i < 100 && !s.d.hurry; i++)
		simdev_between(&s);
	assert_true(s.d.hurry);
	simdev_end(&s);
}

static void vehicle_is_checked_first(void **state)
{
	struct simdev s;
	int32_t applied;

	(void)state;
	opened(&s, "v2h,check", "echonet-v2h");
	assert_true(s.d.caps & MKT_CAP_VEHICLE);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_A);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 3000, NULL), -MKT_EDEVREFUSED);
	assert_non_null(strstr(s.err.text, "no vehicle"));
	simdev_say(&s, "plug capacity=40000 soc=700 max=32000");
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_UNKNOWN);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, -1500, &applied), 0);
	assert_int_equal(applied, -1500);
	assert_non_null(strstr(mkt_buf_str(&s.trace), "61 01 CD 01 10"));
	assert_non_null(strstr(mkt_buf_str(&s.trace), "61 02 DA 01 43 EC 04 00 00 05 DC") ||
					       strstr(mkt_buf_str(&s.trace),
						      "61 02 EC 04 00 00 05 DC DA 01 43")
				       ? ""
				       : NULL);
	assert_int_equal(simdev_show(&s, "power_w"), -1500);
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_C);
	assert_int_equal(simdev_reading(&s, MKT_R_SOC), 700);
	simdev_say(&s, "unplug");
	assert_int_equal(simdev_poll(&s), 0);
	assert_false(s.d.r.v[MKT_R_SOC].known);
	simdev_end(&s);
}

static void charger_only_charges(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "charger", "echonet-charger");
	simdev_say(&s, "plug capacity=40000 soc=500 max=32000");
	assert_int_equal(s.d.kind, MKT_DEV_EVSE);
	assert_false(s.d.caps & (MKT_CAP_DISCHARGE | MKT_CAP_EXPORT));
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, -1000, NULL), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 3000, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 3000);
	simdev_end(&s);
}

static void pv_is_read_only(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "pv", "echonet-pv");
	assert_int_equal(s.d.caps, MKT_CAP_READ_ONLY | MKT_CAP_EXPORT);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER), -3120);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 0, NULL), -MKT_EDEVUNSUPPORTED);
	simdev_end(&s);
}

static void strangers_are_refused(void **state)
{
	struct mkt_identity id;
	struct simdev s;

	(void)state;
	begin(&s, "pv", "echonet-battery");
	assert_int_equal(simdev_open(&s), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(s.err.text, "027D01"));
	assert_non_null(strstr(s.err.text, "027901"));
	s.d.driver->close(&s.d);
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 0);
	assert_int_equal(drv_find("echonet-pv")->probe(s.d.link, &s.conf, &id, &s.err), 1);
	assert_string_equal(id.model, "SIM-0279");
	simdev_end(&s);

	begin(&s, "battery", "echonet-battery");
	snprintf(s.conf.serial, sizeof(s.conf.serial), "SIM000000002");
	assert_int_equal(simdev_open(&s), -MKT_EDEVIDENTITY);
	simdev_end(&s);
}

/* The line loses, delays and spoils: requests are tried again, nothing wrong is taken. */
static void faults_of_the_line(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "battery", "echonet-battery");
	priv(&s)->t.single_ms = priv(&s)->t.several_ms = priv(&s)->t.set_ms = 150;
	simdev_say(&s, "fault silence count=1");
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(s.d.counters[DRV_TIMEOUTS], 1);
	simdev_say(&s, "fault half count=1");
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(s.d.counters[DRV_BAD_FRAMES], 1);
	simdev_say(&s, "fault silence count=1");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1200, NULL), 0);
	assert_int_equal(simdev_show(&s, "power_w"), 1200);
	simdev_say(&s, "fault silence");
	assert_int_equal(simdev_poll(&s), -MKT_EDEVTIMEOUT);
	simdev_say(&s, "clear");
	assert_int_equal(simdev_poll(&s), 0);
	simdev_end(&s);
}

static void instances_are_told_apart(void **state)
{
	const char *const args[] = {"--udp", "127.0.0.2:0", "--units", "2", NULL};
	struct simdev s;
	char port[300];

	(void)state;
	simdev_start(&s, "echonet", args);
	snprintf(port, sizeof(port), "%s,127.0.0.1:0", s.port);
	simdev_line(&s, "echonet-battery", port);
	s.conf.unit = 2;
	assert_int_equal(simdev_open(&s), 0);
	assert_string_equal(s.d.id.serial, "SIM000000002");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 900, NULL), 0);
	assert_int_equal(simdev_show_unit(&s, 1, "power_w"), 0);
	assert_int_equal(simdev_show_unit(&s, 2, "power_w"), 900);
	simdev_end(&s);
}

/* Whatever the line does, what is told as done is done, and what is read is so. */
static void nothing_is_done_that_is_not(void **state)
{
	static const char *const faults[] = {"silence count=2", "half count=1", "noise every=2 for=1",
					     "late=120 count=1", "late=40 every=3 for=1",
					     "silence for=1"};
	struct rng r = rng_start("dev_echonet");
	struct simdev s;
	int done = 0;

	(void)state;
	opened(&s, "battery,auto", "echonet-battery");
	priv(&s)->t.single_ms = priv(&s)->t.several_ms = priv(&s)->t.set_ms = 60;
	for (int i = 0; i < 20; i++) {
		int32_t want = (int32_t)rng_below(&r, 60) * 100 - 3000, applied = 0;
		char fault[40];

		snprintf(fault, sizeof(fault), "fault %s",
			 faults[rng_below(&r, MKT_ARRAY_SIZE(faults))]);
		simdev_say(&s, fault);
		if (simdev_set(&s, MKT_SET_POWER, want, &applied) == 0) {
			done++;
			assert_int_equal(applied, want);
			assert_int_equal(simdev_show(&s, "power_w"), want);
		}
		if (simdev_poll(&s) == 0)
			assert_int_equal(simdev_reading(&s, MKT_R_POWER), simdev_show(&s, "power_w"));
	}
	assert_true(done > 6);
	simdev_say(&s, "clear");
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1234, NULL), 0);
	simdev_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances_are_told_apart),
		cmocka_unit_test(nothing_is_done_that_is_not),
		cmocka_unit_test(battery_tells_who_and_how_it_is),
		cmocka_unit_test(battery_does_what_it_is_told),
		cmocka_unit_test(nothing_is_written_twice),
		cmocka_unit_test(safe_state_is_what_conf_says),
		cmocka_unit_test(the_programme_outlives_the_driver),
		cmocka_unit_test(refusals_are_told_and_undone),
		cmocka_unit_test(some_take_one_property_at_a_time),
		cmocka_unit_test(without_power_it_is_on_or_off),
		cmocka_unit_test(slow_ones_are_waited_for),
		cmocka_unit_test(what_others_change_is_said_again),
		cmocka_unit_test(notices_hurry_the_next_poll),
		cmocka_unit_test(vehicle_is_checked_first),
		cmocka_unit_test(charger_only_charges),
		cmocka_unit_test(pv_is_read_only),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(faults_of_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
