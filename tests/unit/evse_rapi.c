/* The driver `rapi` on a simulated controller, over a real pty. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/simdev.h"
#include "tests/tmpdir.h"

static void begin(struct simdev *s, const char *const *args)
{
	simdev_start(s, "rapi", args);
	simdev_line(s, "rapi", s->port);
}

static void start_default(struct simdev *s)
{
	begin(s, (const char *const[]){"--soc", "300", NULL});
	assert_int_equal(simdev_open(s), 0);
	assert_int_equal(simdev_poll(s), 0);
}

/* Wait until @name of "show" is @want. */
static void until(struct simdev *s, const char *name, long long want)
{
	uint64_t end = drv_now_ms() + 20000;

	while (simdev_show(s, name) != want) {
		if (drv_now_ms() > end)
			fail_msg("%s is not %lld but %lld", name, want, simdev_show(s, name));
		drv_sleep_ms(20);
	}
}

/* Poll until a reading is @want. */
static void poll_until(struct simdev *s, enum mkt_reading_id id, int64_t want)
{
	uint64_t end = drv_now_ms() + 20000;

	do {
		if (drv_now_ms() > end)
			fail_msg("%s is %lld, not %lld", mkt_reading_info[id].name,
				 (long long)simdev_reading(s, id), (long long)want);
		assert_int_equal(simdev_poll(s), 0);
	} while (simdev_reading(s, id) != want);
}

static void said(const struct simdev *s, const char *text, bool want)
{
	if (!strstr(mkt_buf_str(&s->trace), text) == want)
		fail_msg("'%s' is %s:\n%s", text, want ? "missing" : "there",
			 mkt_buf_str(&s->trace));
}

/* ---- identity and abilities ---------------------------------------------------------------- */

static void it_is_identified_and_armed(void **state)
{
	struct simdev s;

	(void)state;
	start_default(&s);
	assert_string_equal(s.d.id.maker, "OpenEVSE");
	assert_string_equal(s.d.id.version, "8.2.3.EU RAPI 5.2.1");
	assert_string_equal(s.d.id.serial, "SIMEVS00000001");
	assert_int_equal(s.d.caps, MKT_CAP_CURRENT | MKT_CAP_POWER | MKT_CAP_PAUSE |
				   MKT_CAP_IMPORT | MKT_CAP_WATCHDOG | MKT_CAP_VEHICLE);
	assert_int_equal(simdev_reading(&s, MKT_R_WATCHDOG), 30);
	assert_int_equal(simdev_reading(&s, MKT_R_FAILSAFE_CURRENT), 6000);
	assert_int_equal(s.d.keepalive_ms, 10000);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_A);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 32000);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_MIN), 6000);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_MAX), 32000);
	assert_int_equal(simdev_reading(&s, MKT_R_TEMPERATURE), 25300);
	assert_int_equal(s.d.counters[DRV_BAD_FRAMES], 0);
	said(&s, "$SC", false);
	said(&s, "$FE", false);
	said(&s, "$FS", false);
	simdev_end(&s);
}

static void a_current_is_set_paused_and_started(void **state)
{
	struct simdev s;
	int32_t applied;

	(void)state;
	start_default(&s);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, &applied), 0);
	assert_int_equal(applied, 0);
	simdev_say(&s, "plug soc=300 max=32000");
	drv_sleep_ms(300);
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 16500, &applied), 0);
	assert_int_equal(applied, 16000);
	until(&s, "power_w", 3680);
	poll_until(&s, MKT_R_POWER, 3680);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 16000);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_C);
	assert_int_equal(simdev_reading(&s, MKT_R_ENABLED), 1);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 2400, &applied), 0);
	assert_int_equal(applied, 2300);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 5000, &applied), -MKT_EINVAL);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, -1000, &applied), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 40000, &applied), 0);
	assert_int_equal(applied, 32000);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 1300, &applied), 0);
	assert_int_equal(applied, 0);
	assert_int_equal(simdev_show(&s, "relay"), 0);
	poll_until(&s, MKT_R_ENABLED, 0);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_B);
	said(&s, "$FD", false);
	simdev_end(&s);
}

/* ---- versions ------------------------------------------------------------------------------ */

static void protocol_4_has_decimal_states(void **state)
{
	struct simdev s;
	int32_t applied;

	(void)state;
	begin(&s, (const char *const[]){"--model", "5.0.0", "--soc", "300", NULL});
	assert_int_equal(simdev_open(&s), 0);
	assert_int_equal(simdev_poll(&s), 0);
	assert_string_equal(s.d.id.version, "5.0.0 RAPI 4.0.1");
	assert_false(s.d.caps & MKT_CAP_WATCHDOG);
	assert_true(s.d.caps & MKT_CAP_CURRENT);
	assert_false(s.d.r.v[MKT_R_WATCHDOG].known);
	simdev_say(&s, "plug soc=300");
	poll_until(&s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, &applied), 0);
	assert_int_equal(applied, 10000);
	poll_until(&s, MKT_R_POWER, 2300);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, &applied), 0);
	poll_until(&s, MKT_R_ENABLED, 0);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_B);
	assert_int_equal(s.d.counters[DRV_BAD_FRAMES], 0);
	simdev_end(&s);
}

/* It would store each current: it is paused and started only. */
static void protocol_1_takes_no_current(void **state)
{
	struct simdev s;

	(void)state;
	begin(&s, (const char *const[]){"--model", "3.11", "--soc", "300", NULL});
	assert_int_equal(simdev_open(&s), 0);
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(s.d.caps, MKT_CAP_PAUSE | MKT_CAP_IMPORT | MKT_CAP_VEHICLE);
	simdev_say(&s, "plug soc=300");
	poll_until(&s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, NULL), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, NULL), 0);
	poll_until(&s, MKT_R_ENABLED, 0);
	said(&s, "$SC", false);
	/* No ids: after a timeout nothing is asked until a late answer has come. */
	simdev_say(&s, "fault late=900 count=1");
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_B);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_MAX), 32000);
	assert_in_range(s.d.counters[DRV_LATE], 1, 2);
	simdev_end(&s);
}

static void an_unknown_protocol_is_refused(void **state)
{
	struct simdev s;

	(void)state;
	begin(&s, (const char *const[]){"--model", "10.0.0", NULL});
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &s.d.id, &s.err), 0);
	assert_int_equal(simdev_open(&s), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(s.err.text, "10.0.0 7.0.0"));
	said(&s, "$S", false);
	said(&s, "$F", false);
	simdev_end(&s);
}

static void a_probe_tells_who_it_is(void **state)
{
	struct mkt_identity id = {0};
	struct simdev s;

	(void)state;
	begin(&s, (const char *const[]){NULL});
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 1);
	assert_string_equal(id.version, "8.2.3.EU RAPI 5.2.1");
	assert_string_equal(id.serial, "SIMEVS00000001");
	said(&s, "$S", false);
	said(&s, "$F", false);
	simdev_end(&s);
}

static void another_serial_number_is_refused(void **state)
{
	struct simdev s;

	(void)state;
	begin(&s, (const char *const[]){NULL});
	snprintf(s.conf.serial, sizeof(s.conf.serial), "SIMEVS00000002");
	assert_int_equal(simdev_open(&s), -MKT_EDEVIDENTITY);
	said(&s, "$SY", false);
	simdev_end(&s);
}

/* "V" is not believed: a ceiling that falls shows that it was stored. */
static void a_firmware_that_stores_is_told_once(void **state)
{
	struct simdev s;

	(void)state;
	start_default(&s);
	simdev_say(&s, "stores on");
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, NULL), -MKT_EDEVREFUSED);
	assert_non_null(strstr(s.err.text, "stored"));
	assert_false(s.d.caps & MKT_CAP_CURRENT);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 9000, NULL), -MKT_EDEVUNSUPPORTED);
	said(&s, "$SC 9 V", false);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, NULL), 0);
	simdev_end(&s);
}

static void a_watchdog_that_would_wrap_is_refused(void **state)
{
	struct simdev s;

	(void)state;
	begin(&s, (const char *const[]){NULL});
	s.conf.watchdog_s = 100;
	assert_int_equal(simdev_open(&s), -MKT_EINVAL);
	said(&s, "$SY", false);
	simdev_end(&s);
}

/* ---- the line ------------------------------------------------------------------------------ */

/* What a fault does to twenty passes and an order: nothing that is not counted. */
static void faulty_line(const char *fault, enum drv_counter counted)
{
	struct simdev s;
	int32_t applied;
	char line[80];

	start_default(&s);
	simdev_say(&s, "plug soc=300");
	poll_until(&s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	snprintf(line, sizeof(line), "fault %s", fault);
	simdev_say(&s, line);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 13000, &applied), 0);
	assert_int_equal(applied, 13000);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(simdev_poll(&s), 0);
		assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 13000);
		assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_L1), 13000);
		assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_C);
		assert_false(s.d.faulty);
	}
	if (counted < DRV_COUNTERS)
		assert_true(s.d.counters[counted] > 0);
	simdev_end(&s);
}

static void answers_come_byte_by_byte(void **state)
{
	(void)state;
	faulty_line("split", DRV_COUNTERS);
}

static void late_answers_are_dropped_by_id(void **state)
{
	(void)state;
	faulty_line("late=750 every=20", DRV_LATE);
}

static void noise_is_passed_over(void **state)
{
	(void)state;
	faulty_line("noise every=2", DRV_COUNTERS);
}

static void wrong_checksums_are_asked_again(void **state)
{
	(void)state;
	faulty_line("checksum every=30", DRV_BAD_FRAMES);
}

static void silence_is_asked_again(void **state)
{
	(void)state;
	faulty_line("silence every=25", DRV_TIMEOUTS);
}

static void half_frames_are_asked_again(void **state)
{
	(void)state;
	faulty_line("half every=25", DRV_TIMEOUTS);
}

static void answers_to_others_are_dropped(void **state)
{
	(void)state;
	faulty_line("stranger every=2", DRV_LATE);
}

static void an_echo_is_no_answer(void **state)
{
	(void)state;
	faulty_line("echo", DRV_COUNTERS);
}

static void a_wrong_frame_changes_nothing(void **state)
{
	struct simdev s;
	struct mkt_readings before;

	(void)state;
	start_default(&s);
	before = s.d.r;
	s.d.brief = true;
	simdev_say(&s, "plug soc=300");
	simdev_say(&s, "fault checksum");
	drv_sleep_ms(200);
	assert_int_equal(simdev_poll(&s), -MKT_EDEVFRAME);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 7000, NULL), -MKT_EDEVFRAME);
	assert_memory_equal(&before, &s.d.r, sizeof(before));
	simdev_say(&s, "clear");
	simdev_say(&s, "fault silence");
	assert_int_equal(simdev_poll(&s), -MKT_EDEVTIMEOUT);
	assert_memory_equal(&before, &s.d.r, sizeof(before));
	simdev_say(&s, "clear");
	poll_until(&s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	simdev_end(&s);
}

/* Three commands are answered together after the main loop stood still. */
static void a_heap_of_answers_is_told_apart(void **state)
{
	struct simdev s;

	(void)state;
	start_default(&s);
	simdev_say(&s, "block 1500");
	assert_int_equal(simdev_poll(&s), 0);
	assert_true(s.d.counters[DRV_LATE] > 0);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 32000);
	simdev_end(&s);
}

static void notices_ask_for_a_poll(void **state)
{
	struct simdev s;

	(void)state;
	start_default(&s);
	simdev_say(&s, "button long");
	simdev_say(&s, "wifi");
	drv_sleep_ms(50);
	assert_int_equal(s.d.driver->input(&s.d, &s.err), 0);
	assert_false(s.d.hurry);
	simdev_say(&s, "plug soc=300");
	drv_sleep_ms(50);
	assert_int_equal(s.d.driver->input(&s.d, &s.err), 0);
	assert_true(s.d.hurry);
	simdev_end(&s);
}

/* A pulled cable: lost at once; under another name it is the same device. */
static void a_pulled_cable_comes_back_elsewhere(void **state)
{
	char dir[PATH_MAX], link[PATH_MAX + 8], first[64] = "", second[64] = "";
	struct drv_link_conf conf = {.port = link};
	struct simdev s;
	uint64_t end;

	(void)state;
	tmpdir_make(dir, "rapi");
	snprintf(link, sizeof(link), "%s/ev", dir);
	begin(&s, (const char *const[]){"--pty", link, "--soc", "300", "--plugged", NULL});
	conf.line = s.d.driver->line;
	assert_int_equal(simdev_open(&s), 0);
	poll_until(&s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	assert_true(readlink(link, first, sizeof(first) - 1) > 0);
	simdev_say(&s, "hangup for=1");
	assert_int_equal(simdev_poll(&s), -MKT_EDEVLOST);
	s.d.driver->close(&s.d);
	drv_link_close(s.d.link);
	s.d.link = NULL;
	assert_int_equal(drv_link_open(&conf, &s.d.link, &s.err), -MKT_EDEVABSENT);
	for (end = drv_now_ms() + 10000; drv_link_open(&conf, &s.d.link, &s.err) < 0;) {
		assert_true(drv_now_ms() < end);
		drv_sleep_ms(50);
	}
	assert_true(readlink(link, second, sizeof(second) - 1) > 0);
	assert_string_not_equal(first, second);
	assert_int_equal(simdev_open(&s), 0);
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_C);
	simdev_end(&s);
	assert_int_equal(readlink(link, second, sizeof(second)), -1);
	tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_identified_and_armed),
		cmocka_unit_test(a_current_is_set_paused_and_started),
		cmocka_unit_test(protocol_4_has_decimal_states),
		cmocka_unit_test(protocol_1_takes_no_current),
		cmocka_unit_test(an_unknown_protocol_is_refused),
		cmocka_unit_test(a_probe_tells_who_it_is),
		cmocka_unit_test(another_serial_number_is_refused),
		cmocka_unit_test(a_firmware_that_stores_is_told_once),
		cmocka_unit_test(a_watchdog_that_would_wrap_is_refused),
		cmocka_unit_test(answers_come_byte_by_byte),
		cmocka_unit_test(late_answers_are_dropped_by_id),
		cmocka_unit_test(noise_is_passed_over),
		cmocka_unit_test(wrong_checksums_are_asked_again),
		cmocka_unit_test(silence_is_asked_again),
		cmocka_unit_test(half_frames_are_asked_again),
		cmocka_unit_test(answers_to_others_are_dropped),
		cmocka_unit_test(an_echo_is_no_answer),
		cmocka_unit_test(a_wrong_frame_changes_nothing),
		cmocka_unit_test(a_heap_of_answers_is_told_apart),
		cmocka_unit_test(notices_ask_for_a_poll),
		cmocka_unit_test(a_pulled_cable_comes_back_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
