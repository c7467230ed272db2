/* What drivers call, by a clock of the test's own. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/driver.h"

static uint64_t now_ms;

uint64_t drv_now_ms(void)
{
	return now_ms;
}

static struct mkt_device_conf conf;

static struct drv_device device(enum mkt_dev_kind kind, uint32_t max_ma)
{
	mkt_device_defaults(&conf);
	snprintf(conf.name, sizeof(conf.name), "ev-03");
	conf.phases = 3;
	conf.max_ma = max_ma;
	now_ms = 1000000;
	return (struct drv_device){.conf = &conf, .kind = kind};
}

static int64_t import(struct drv_device *d, uint64_t after_ms, int64_t wh)
{
	now_ms += after_ms;
	drv_set(d, MKT_R_ENERGY_IMPORT, wh);
	return d->r.v[MKT_R_ENERGY_IMPORT].value;
}

static void readings_have_their_time(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000);

	(void)state;
	drv_set(&d, MKT_R_POWER, -300);
	assert_true(d.r.v[MKT_R_POWER].known);
	assert_int_equal(d.r.v[MKT_R_POWER].value, -300);
	assert_int_equal(d.r.v[MKT_R_POWER].at_ms, now_ms);
	drv_unset(&d, MKT_R_POWER);
	assert_false(d.r.v[MKT_R_POWER].known);
	drv_count(&d, DRV_LATE);
	assert_int_equal(d.counters[DRV_LATE], 1);
	drv_fault(&d, "relay %d", 8);
	assert_true(d.faulty);
	assert_string_equal(d.fault, "relay 8");
	drv_fault(&d, NULL);
	assert_false(d.faulty);
}

/* Trace 1 of the lessons: 2345.6 W stored as 2345.6 kWh. */
static void a_late_answer_is_not_taken(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000);
	uint64_t at;

	(void)state;
	assert_int_equal(import(&d, 0, 1234567), 1234567);
	at = now_ms;
	assert_int_equal(import(&d, 1000, 2345600), 1234567);
	assert_int_equal(d.r.v[MKT_R_ENERGY_IMPORT].at_ms, at); /* keeps its age */
	assert_int_equal(d.doubt[0].refused, 1);
	assert_int_equal(import(&d, 1000, 1234570), 1234570);
	assert_int_equal(import(&d, 1000, 230), 1234570);
	assert_int_equal(import(&d, 1000, -5), 1234570);
	assert_int_equal(import(&d, 1000, INT64_MAX), 1234570);
	assert_int_equal(import(&d, 1000, 1234573), 1234573);
	assert_int_equal(d.doubt[0].jumps, 0);
}

static void rated_power_is_the_measure(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000); /* 11 kW */

	(void)state;
	assert_int_equal(drv_rated_w(&d), 11040);
	import(&d, 0, 1000);
	/* An hour at full power, and a quarter. */
	assert_int_equal(import(&d, 3600000, 1000 + 13800), 14800);
	assert_int_equal(import(&d, 3600000, 14800 + 14000), 14800);
	/* Coarse meters move by steps. */
	d = device(MKT_DEV_EVSE, 16000);
	drv_set(&d, MKT_R_ENERGY_STEP, 1000);
	import(&d, 0, 5000);
	assert_int_equal(import(&d, 1000, 6000), 6000);
	/* What is known of the device is closer than its fuse. */
	d = device(MKT_DEV_BATTERY, 0);
	assert_int_equal(drv_rated_w(&d), 100000);
	drv_set(&d, MKT_R_POWER_CHARGE_MAX, 2500);
	drv_set(&d, MKT_R_POWER_DISCHARGE_MAX, 3000);
	assert_int_equal(drv_rated_w(&d), 3000);
	conf.max_w = 2000;
	assert_int_equal(drv_rated_w(&d), 2000);
	d.kind = MKT_DEV_METER; /* of a house: not limited by that */
	assert_int_equal(drv_rated_w(&d), 100000);
}

/* A poll that took a while has read the counter at its beginning, perhaps. */
static void a_reading_is_as_old_as_its_question(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000);

	(void)state;
	import(&d, 0, 1000);
	d.asked_ms = now_ms;
	import(&d, 600000, 1000); /* 10 minutes late */
	d.asked_ms = now_ms;
	assert_int_equal(import(&d, 0, 2800), 2800);
	d.asked_ms = 0;
	assert_int_equal(import(&d, 1000, 4600), 2800);
	assert_int_equal(d.doubt[0].refused, 1);
}

static void a_new_meter_is_taken_after_three_readings(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000);

	(void)state;
	import(&d, 0, 99990);
	assert_int_equal(import(&d, 1000, 2), 99990);
	assert_int_equal(import(&d, 1000, 5), 99990);
	assert_int_equal(import(&d, 1000, 8), 8);
	assert_int_equal(d.doubt[0].jumps, 1);
	assert_int_equal(d.doubt[0].jump_wh, 8 - 99990);
	assert_int_equal(import(&d, 1000, 11), 11);
	/* Three that do not go with each other are noise. */
	assert_int_equal(import(&d, 1000, 500000), 11);
	assert_int_equal(import(&d, 1000, 70000), 11);
	assert_int_equal(import(&d, 1000, 300000), 11);
	assert_int_equal(import(&d, 1000, 900000), 11);
	/* One that goes with the old counter ends the doubt. */
	assert_int_equal(import(&d, 1000, 13), 13);
	assert_int_equal(import(&d, 1000, 900001), 13);
	assert_int_equal(import(&d, 1000, 900002), 13);
	assert_int_equal(import(&d, 1000, 14), 14);
	assert_int_equal(import(&d, 1000, 900003), 14);
	assert_int_equal(d.doubt[0].jumps, 1);
	/* The other counter has doubts of its own. */
	drv_set(&d, MKT_R_ENERGY_EXPORT, 7);
	drv_set(&d, MKT_R_ENERGY_EXPORT, 900000);
	assert_int_equal(d.r.v[MKT_R_ENERGY_EXPORT].value, 7);
}

static uint64_t later(void *arg)
{
	return *(uint64_t *)arg;
}

static void energy_goes_by_the_calendar(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000);
	uint64_t calendar = 5000;

	(void)state;
	d.calendar_ms = later;
	d.calendar_arg = &calendar;
	import(&d, 0, 0);
	calendar += 1800000; /* half an hour of a simulation */
	assert_int_equal(import(&d, 5, 5500), 5500);
	assert_int_equal(import(&d, 5, 11000), 5500);
}

static void a_current_for_a_power(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000);

	(void)state;
	assert_int_equal(drv_current_for(&d, 11040), 16000);
	assert_int_equal(drv_current_for(&d, 11039), 15998);
	assert_int_equal(drv_current_for(&d, 0), 0);
	assert_int_equal(drv_current_for(&d, -5), 0);
	drv_set(&d, MKT_R_PHASES, 1);
	assert_int_equal(drv_current_for(&d, 2300), 10000);
	drv_set(&d, MKT_R_VOLTAGE_L1, 240000);
	assert_int_equal(drv_current_for(&d, 2400), 10000);
	drv_set(&d, MKT_R_VOLTAGE_L1, 3000); /* not connected */
	assert_int_equal(drv_current_for(&d, 2300), 10000);
	drv_set(&d, MKT_R_PHASES, 77);
	assert_int_equal(drv_current_for(&d, 6900), 10000);
}

static void the_serial_number_is_compared(void **state)
{
	struct drv_device d = device(MKT_DEV_EVSE, 16000);
	struct mkt_err err = {0};

	(void)state;
	assert_int_equal(drv_check_serial(&d, &err), 0);
	snprintf(conf.serial, sizeof(conf.serial), "0816");
	assert_int_equal(drv_check_serial(&d, &err), -MKT_EDEVIDENTITY);
	assert_string_equal(err.text, "'ev-03' is to have the serial number '0816', but tells none");
	snprintf(d.id.serial, sizeof(d.id.serial), "0817");
	assert_int_equal(drv_check_serial(&d, &err), -MKT_EDEVIDENTITY);
	assert_string_equal(err.text, "'ev-03' has the serial number '0817', not '0816'");
	snprintf(d.id.serial, sizeof(d.id.serial), "0816");
	assert_int_equal(drv_check_serial(&d, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readings_have_their_time),
		cmocka_unit_test(a_late_answer_is_not_taken),
		cmocka_unit_test(rated_power_is_the_measure),
		cmocka_unit_test(a_reading_is_as_old_as_its_question),
		cmocka_unit_test(a_new_meter_is_taken_after_three_readings),
		cmocka_unit_test(energy_goes_by_the_calendar),
		cmocka_unit_test(a_current_for_a_power),
		cmocka_unit_test(the_serial_number_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
