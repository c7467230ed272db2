/* The driver `rapi` on a simulated controller, over a real pty. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/simdev.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_identified_and_armed),
		cmocka_unit_test(a_current_is_set_paused_and_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
