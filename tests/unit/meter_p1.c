/* Driver `p1` against the simulated meter, over a pty, with faults. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/simdev.h"

static void begin(struct simdev *s, const char *model)
{
	const char *const args[] = {"--model", model, "--meter", "1581123", NULL};

	simdev_start(s, "p1", args);
	simdev_say(s, "every 100");
	simdev_line(s, "p1", s->port);
}

static void opened(struct simdev *s, const char *model)
{
	begin(s, model);
	if (simdev_open(s) < 0)
		fail_msg("open: %s", s->err.text);
}

/* Until so many more good and bad telegrams have come. */
static void hear(struct simdev *s, unsigned good, unsigned bad)
{
	uint64_t end_ms = drv_now_ms() + 30000;

	good += (unsigned)s->d.counters[DRV_ANSWERS];
	bad += (unsigned)s->d.counters[DRV_BAD_FRAMES];
	while (s->d.counters[DRV_ANSWERS] < good || s->d.counters[DRV_BAD_FRAMES] < bad) {
		assert_true(drv_now_ms() < end_ms);
		simdev_between(s);
	}
}

static void test_readings(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "esmr5");
	assert_string_equal(s.d.id.maker, "XMX");
	assert_string_equal(s.d.id.model, "LGBBFG1009325446");
	assert_string_equal(s.d.id.version, "DSMR 5.0");
	assert_string_equal(s.d.id.serial, "E0026000016607314");
	assert_int_equal(s.d.caps, MKT_CAP_IMPORT | MKT_CAP_EXPORT);
	assert_int_equal(s.d.kind, MKT_DEV_METER);
	assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_IMPORT), 1581123);
	assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_STEP), 1);
	simdev_say(&s, "power -1842");
	hear(&s, 2, 0); /* one may have been on its way */
	assert_int_equal(simdev_poll(&s), 0);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER), -1842);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER_L2), -614);
	assert_int_equal(simdev_reading(&s, MKT_R_VOLTAGE_L3), 230000);
	assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_L1), 3000);
	assert_true(simdev_reading(&s, MKT_R_DEVICE_TIME) > 1700000000);
	assert_int_equal(simdev_set(&s, MKT_SET_POWER, 0, NULL), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(s.d.counters[DRV_REQUESTS], 0);
	assert_null(strstr(mkt_buf_str(&s.trace), ">")); /* it is never spoken to */
	simdev_end(&s);
}

static void test_models(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "dsmr2");
	assert_string_equal(s.d.id.version, "DSMR 2.2 or 3.0");
	assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_IMPORT), 1581123);
	assert_int_equal(simdev_reading(&s, MKT_R_VOLTAGE_L1), -999999);
	simdev_end(&s);
	opened(&s, "lu");
	assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_IMPORT), 1581123);
	simdev_end(&s);
	opened(&s, "dsmr4");
	assert_int_equal(simdev_reading(&s, MKT_R_VOLTAGE_L1), 230000);
	assert_int_equal(simdev_reading(&s, MKT_R_VOLTAGE_L2), -999999);
	simdev_end(&s);
}

/* Clamps the other way round: what is drawn is supplied. */
static void test_turned(void **state)
{
	struct simdev s;

	(void)state;
	begin(&s, "esmr5");
	s.conf.meter_sign = -1;
	assert_int_equal(simdev_open(&s), 0);
	simdev_say(&s, "power 1000");
	hear(&s, 2, 0);
	assert_int_equal(simdev_reading(&s, MKT_R_POWER), -1000);
	assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_EXPORT), 1581123);
	simdev_end(&s);
}

static void test_faults(void **state)
{
	static const char *const faults[] = {"checksum", "half", "unsigned"};
	struct simdev s;
	uint64_t at_ms;

	(void)state;
	opened(&s, "esmr5");
	for (size_t i = 0; i < MKT_ARRAY_SIZE(faults); i++) {
		char text[64];

		snprintf(text, sizeof(text), "fault %s", faults[i]);
		simdev_say(&s, "power 500");
		hear(&s, 2, 0);
		simdev_say(&s, text);
		simdev_say(&s, "power 9000");
		hear(&s, 0, 2);
		at_ms = s.d.r.v[MKT_R_POWER].at_ms;
		assert_int_equal(simdev_reading(&s, MKT_R_POWER), 500);
		hear(&s, 0, 1);
		assert_int_equal(s.d.r.v[MKT_R_POWER].at_ms, at_ms);
		simdev_say(&s, "clear");
		hear(&s, 2, 0);
		assert_int_equal(simdev_reading(&s, MKT_R_POWER), 9000);
	}
	simdev_say(&s, "fault noise");
	simdev_say(&s, "fault split");
	hear(&s, 3, 0);
	simdev_say(&s, "clear");
	simdev_end(&s);
}

static void test_serial(void **state)
{
	struct simdev s;

	(void)state;
	begin(&s, "esmr5");
	snprintf(s.conf.serial, sizeof(s.conf.serial), "E9");
	assert_int_equal(simdev_open(&s), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(s.err.text, "'E0026000016607314', not 'E9'"));
	simdev_end(&s);
}

static void test_probe(void **state)
{
	struct mkt_identity id = {0};
	struct simdev s;

	(void)state;
	begin(&s, "lu");
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 1);
	assert_string_equal(id.maker, "XMX");
	simdev_say(&s, "off");
	assert_int_equal(drv_link_drain(s.d.link, 100, 1000, &s.err), 0);
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 0);
	simdev_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readings), cmocka_unit_test(test_models),
		cmocka_unit_test(test_turned),	 cmocka_unit_test(test_faults),
		cmocka_unit_test(test_serial),	 cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
