/* The driver `rapi` in what happens to a charger: reboots, faults, meters. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/device/clock.h"
#include "tests/simdev.h"
#include "tests/tmpdir.h"

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

static void start_charging(struct simdev *s)
{
	start_with(s, (const char *const[]){"--soc", "300", "--plugged", NULL});
	open_and_poll(s);
	assert_int_equal(simdev_set(s, MKT_SET_CURRENT, 16000, NULL), 0);
	until(s, "limit_ma", 16000);
}

/* Poll, perhaps in vain, until a reading is @want. */
static void poll_until(struct simdev *s, enum mkt_reading_id id, int64_t want)
{
	uint64_t end = drv_now_ms() + 20000;

	do {
		if (drv_now_ms() > end)
			fail_msg("%s is %lld, not %lld (%s)", mkt_reading_info[id].name,
				 (long long)simdev_reading(s, id), (long long)want, s->err.text);
	} while (simdev_poll(s) < 0 || simdev_reading(s, id) != want);
}

static bool said(const struct simdev *s, const char *text)
{
	return strstr(mkt_buf_str(&s->trace), text);
}

/* ---- reboot -------------------------------------------------------------------------------- */

static void a_reboot_is_put_right(void **state)
{
	struct simdev s;

	(void)state;
	start_charging(&s);
	simdev_say(&s, "reboot in=300");
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	until(&s, "limit_ma", 32000); /* the trap */
	poll_until(&s, MKT_R_CURRENT_LIMIT, 16000);
	assert_int_equal(simdev_show(&s, "limit_ma"), 16000);
	assert_int_equal(simdev_reading(&s, MKT_R_WATCHDOG), 30);
	simdev_end(&s);
}

static void a_reboot_does_not_end_a_pause(void **state)
{
	struct simdev s;

	(void)state;
	start_charging(&s);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, NULL), 0);
	assert_int_equal(simdev_poll(&s), 0);
	simdev_say(&s, "reboot in=300");
	poll_until(&s, MKT_R_ENABLED, 0);
	drv_sleep_ms(600);
	poll_until(&s, MKT_R_ENABLED, 0);
	assert_int_equal(simdev_show(&s, "power_w"), 0);
	assert_int_equal(simdev_show(&s, "relay"), 0);
	simdev_end(&s);
}

/* Opening the port resets some boards: they are waited for. */
static void a_board_that_starts_is_waited_for(void **state)
{
	struct simdev s;

	(void)state;
	start_with(&s, (const char *const[]){NULL});
	simdev_say(&s, "reboot in=2500");
	open_and_poll(&s);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_A);
	simdev_end(&s);
}

/* ---- others, faults, pauses ---------------------------------------------------------------- */

static void what_somebody_else_sets_is_told(void **state)
{
	struct simdev s;

	(void)state;
	start_charging(&s);
	assert_int_equal(simdev_poll(&s), 0);
	mkt_buf_clear(&s.trace);
	simdev_say(&s, "current 10");
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 10000);
	assert_false(said(&s, "$SC"));
	simdev_end(&s);
}

static void faults_are_told_in_words(void **state)
{
	struct simdev s;

	(void)state;
	start_charging(&s);
	simdev_say(&s, "trouble 6");
	poll_until(&s, MKT_R_FAULT, 6);
	assert_true(s.d.faulty);
	assert_int_equal(simdev_reading(&s, MKT_R_VEHICLE), MKT_VEHICLE_F);
	assert_int_equal(simdev_reading(&s, MKT_R_ENABLED), 0);
	assert_int_equal(simdev_poll(&s), 0);
	assert_non_null(strstr(s.d.fault, "ground fault current"));
	assert_non_null(strstr(s.d.fault, "1 times"));
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, NULL), -MKT_EDEVFAULT);
	simdev_say(&s, "trouble 0");
	poll_until(&s, MKT_R_FAULT, 0);
	assert_false(s.d.faulty);
	simdev_end(&s);
}

static void a_stuck_relay_is_no_pause(void **state)
{
	struct simdev s;

	(void)state;
	start_charging(&s);
	poll_until(&s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	simdev_say(&s, "stuck-relay on");
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, NULL), -MKT_EDEVFAULT);
	assert_true(simdev_show(&s, "power_w") > 0);
	poll_until(&s, MKT_R_FAULT, 8);
	assert_non_null(strstr(s.d.fault, "relay stuck"));
	simdev_end(&s);
}

/* The vehicle does not stop by itself: paused is said when the relay is open. */
static void a_pause_waits_for_the_relay(void **state)
{
	struct simdev s;
	uint64_t begin;

	(void)state;
	start_charging(&s);
	poll_until(&s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	simdev_say(&s, "stubborn on");
	begin = drv_now_ms();
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, NULL), 0);
	assert_true(drv_now_ms() - begin > 2500);
	assert_int_equal(simdev_show(&s, "relay"), 0);
	simdev_end(&s);
}

static void what_keeps_it_asleep_is_said(void **state)
{
	struct simdev s;

	(void)state;
	start_charging(&s);
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 0, NULL), 0);
	simdev_say(&s, "timer on");
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, NULL), -MKT_EDEVREFUSED);
	assert_non_null(strstr(s.err.text, "timer"));
	simdev_say(&s, "timer off");
	simdev_say(&s, "lock on");
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, NULL), -MKT_EDEVREFUSED);
	assert_non_null(strstr(s.err.text, "authorised"));
	simdev_say(&s, "lock off");
	/* Locked since the boot: it is for us to unlock. */
	simdev_say(&s, "boot-lock on");
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, NULL), 0);
	simdev_end(&s);
}

static void safe_states_are_what_conf_says(void **state)
{
	struct simdev s;

	(void)state;
	start_charging(&s);
	s.conf.exit = MKT_EXIT_KEEP;
	assert_int_equal(SIMDEV_CALL(&s, s.d.driver->safe_state(&s.d, &s.err)), 0);
	assert_int_equal(simdev_show(&s, "limit_ma"), 16000);
	s.conf.exit = MKT_EXIT_PAUSE;
	assert_int_equal(SIMDEV_CALL(&s, s.d.driver->safe_state(&s.d, &s.err)), 0);
	assert_int_equal(simdev_show(&s, "relay"), 0);
	s.conf.exit = MKT_EXIT_AUTO;
	mkt_buf_clear(&s.trace);
	assert_int_equal(SIMDEV_CALL(&s, s.d.driver->safe_state(&s.d, &s.err)), 0);
	assert_true(said(&s, "$SY 0 0 :"));
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_LIMIT), 32000);
	assert_int_equal(simdev_reading(&s, MKT_R_WATCHDOG), 0);
	/* The next order arms it again. */
	assert_int_equal(simdev_set(&s, MKT_SET_CURRENT, 10000, NULL), 0);
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_WATCHDOG), 30);
	simdev_end(&s);
}

/* ---- the meter ----------------------------------------------------------------------------- */

struct metered {
	struct simdev s;
	struct mkt_clock *clock;
	uint64_t now_ms;
};

static uint64_t calendar(void *arg)
{
	return ((struct metered *)arg)->now_ms;
}

static void start_metered(struct metered *m)
{
	char dir[PATH_MAX], file[PATH_MAX + 8];

	tmpdir_make(dir, "rapi");
	snprintf(file, sizeof(file), "%s/clock", dir);
	m->now_ms = 1700000000000u;
	assert_int_equal(mkt_clock_create(file, m->now_ms, &m->clock, NULL), 0);
	start_with(&m->s, (const char *const[]){"--clock", file, "--soc", "100", "--meter", "5000",
						NULL});
	tmpdir_remove(dir);
	m->s.d.calendar_ms = calendar;
	m->s.d.calendar_arg = m;
	open_and_poll(&m->s);
	assert_int_equal(simdev_reading(&m->s, MKT_R_ENERGY_IMPORT), 5000);
	assert_int_equal(simdev_reading(&m->s, MKT_R_ENERGY_STEP), 1);
}

static void let_pass(struct metered *m, uint32_t ms)
{
	m->now_ms += ms;
	mkt_clock_set(m->clock, m->now_ms, 0);
	assert_int_equal(simdev_poll(&m->s), 0);
}

static void end_metered(struct metered *m)
{
	simdev_end(&m->s);
	mkt_clock_close(m->clock);
}

static void charge_at(struct metered *m, int32_t ma)
{
	simdev_say(&m->s, "plug soc=100");
	assert_int_equal(simdev_set(&m->s, MKT_SET_CURRENT, ma, NULL), 0);
	poll_until(&m->s, MKT_R_VEHICLE, MKT_VEHICLE_C);
}

/* The total is live, and neither unplugging nor plugging in again makes it jump. */
static void a_session_is_counted_once(void **state)
{
	struct metered m = {.now_ms = 0};

	(void)state;
	start_metered(&m);
	charge_at(&m, 16000);
	let_pass(&m, 1800000);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1840);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_SESSION), 1840);
	let_pass(&m, 1000);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1841);
	simdev_say(&m.s, "unplug");
	poll_until(&m.s, MKT_R_VEHICLE, MKT_VEHICLE_A);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1841);
	charge_at(&m, 10000);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1841);
	let_pass(&m, 1800000);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1841 + 1150);
	assert_int_equal(m.s.d.doubt[0].refused, 0);
	assert_int_equal(m.s.d.doubt[0].jumps, 0);
	end_metered(&m);
}

/* A power cut makes the board forget its session; what was metered stays metered. */
static void a_forgotten_session_stays_counted(void **state)
{
	struct metered m = {.now_ms = 0};

	(void)state;
	start_metered(&m);
	charge_at(&m, 16000);
	let_pass(&m, 1800000);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1840);
	simdev_say(&m.s, "reboot in=100");
	poll_until(&m.s, MKT_R_CURRENT_LIMIT, 16000);
	poll_until(&m.s, MKT_R_VEHICLE, MKT_VEHICLE_C);
	let_pass(&m, 1800000);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1840 + 1840);
	simdev_say(&m.s, "unplug");
	poll_until(&m.s, MKT_R_VEHICLE, MKT_VEHICLE_A);
	assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), 5000 + 1840 + 1840);
	end_metered(&m);
}

/* Seen between two states that differ, the meter is not taken. */
static void any_moment_of_unplugging_is_right(void **state)
{
	struct metered m = {.now_ms = 0};
	char line[16];
	int64_t last;

	(void)state;
	start_metered(&m);
	for (unsigned i = 0; i < 12; i++) {
		charge_at(&m, 16000);
		let_pass(&m, 60000 + i * 1000);
		last = simdev_reading(&m.s, MKT_R_ENERGY_IMPORT);
		/* Not waited for: it happens while the poll is under way. */
		assert_true(dprintf(m.s.in, "unplug\n") > 0);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(simdev_poll(&m.s), 0);
			assert_int_equal(simdev_reading(&m.s, MKT_R_ENERGY_IMPORT), last);
		}
		assert_non_null(fgets(line, sizeof(line), m.s.out));
		assert_string_equal(line, "ok\n");
		assert_int_equal(m.s.d.doubt[0].refused, 0);
	}
	end_metered(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reboot_is_put_right),
		cmocka_unit_test(a_reboot_does_not_end_a_pause),
		cmocka_unit_test(a_board_that_starts_is_waited_for),
		cmocka_unit_test(what_somebody_else_sets_is_told),
		cmocka_unit_test(faults_are_told_in_words),
		cmocka_unit_test(a_stuck_relay_is_no_pause),
		cmocka_unit_test(a_pause_waits_for_the_relay),
		cmocka_unit_test(what_keeps_it_asleep_is_said),
		cmocka_unit_test(safe_states_are_what_conf_says),
		cmocka_unit_test(a_session_is_counted_once),
		cmocka_unit_test(a_forgotten_session_stays_counted),
		cmocka_unit_test(any_moment_of_unplugging_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
