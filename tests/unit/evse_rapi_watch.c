/* The driver `rapi` and heartbeat supervision: what a charger does when its driver is gone. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/simdev.h"

static void start_with(struct simdev *s, const char *const *args)
{
	simdev_start(s, "rapi", args);
	simdev_line(s, "rapi", s->port);
}

static void open_and_poll(struct simdev *s)
{
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

static bool said(const struct simdev *s, const char *text)
{
	return strstr(mkt_buf_str(&s->trace), text);
}

/* The driver stops (SIGSTOP, a crash): the charger falls back by itself. */
static void a_stopped_driver_is_survived(void **state)
{
	struct simdev s;

	(void)state;
	start_with(&s, (const char *const[]){"--soc", "300", "--plugged", NULL});
	s.conf.watchdog_s = 5;
	s.conf.failsafe_ma = 8000;
	open_and_poll(&s);
	assert_int_equal(simdev_reading(&s, MKT_R_WATCHDOG), 5);
	assert_int_equal(simdev_reading(&s, MKT_R_FAILSAFE_CURRENT), 8000);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 16000, NULL), 0);
	until(&s, "limit_ma", 16000);
	until(&s, "limit_ma", 8000);
	/* It goes on: the miss is acknowledged and the current is as before. */
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_show(&s, "limit_ma"), 16000);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 16000);
	assert_true(said(&s, "$SY 165 :"));
	mkt_buf_clear(&s.trace);
	assert_int_equal(s.d.driver->keepalive(&s.d, &s.err), 0);
	assert_true(said(&s, "$SY :"));
	assert_false(said(&s, "$SC"));
	simdev_end(&s);
}

/* Another driver begins after a miss: what is in force stays in force, and is no trap. */
static void a_pending_miss_is_acknowledged_at_open(void **state)
{
	struct simdev s;
	struct drv_link_conf conf = {0};

	(void)state;
	start_with(&s, (const char *const[]){"--soc", "300", "--plugged", NULL});
	s.conf.watchdog_s = 5;
	open_and_poll(&s);
	s.d.driver->close(&s.d);
	drv_link_close(s.d.link);
	conf.port = s.port;
	conf.line = s.d.driver->line;
	until(&s, "limit_ma", 6000);
	mkt_buf_clear(&s.trace);
	conf.trace = simdev_trace;
	conf.trace_arg = &s.trace;
	assert_int_equal(drv_link_open(&conf, &s.d.link, &s.err), 0);
	open_and_poll(&s);
	assert_int_equal(simdev_show(&s, "limit_ma"), 6000);
	assert_true(said(&s, "$SY 165 :"));
	assert_false(said(&s, "$SY 5 6")); /* it is stored and was right */
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 20000, NULL), 0);
	assert_int_equal(simdev_show(&s, "limit_ma"), 20000);
	simdev_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stopped_driver_is_survived),
		cmocka_unit_test(a_pending_miss_is_acknowledged_at_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
