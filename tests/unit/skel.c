/* The skeleton of a driver does what it tells others to do. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/driver.h"
#include "tests/memlink.h"

extern const struct drv_driver drv_skel;

static struct mkt_device_conf conf;
static struct drv_device d;
static struct mkt_err err;

/* The charger that does not exist. */
static struct {
	const char *version, *state;
	int limit_ma;
	bool deaf, silent;
} box;

static void say(struct drv_link *l, const char *text)
{
	mem_push(l, 30, text, strlen(text));
	mem_push(l, 30, "\r", 1);
}

static void peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	char text[32], answer[16];

	snprintf(text, sizeof(text), "%.*s", (int)n - 1, (const char *)bytes);
	snprintf(answer, sizeof(answer), "%d", box.limit_ma);
	if (box.silent)
		return;
	if (!strcmp(text, "V"))
		say(l, box.version);
	else if (!strcmp(text, "S"))
		say(l, box.state);
	else if (!strcmp(text, "L"))
		say(l, answer);
	else if (!strncmp(text, "L=", 2)) {
		if (!box.deaf)
			box.limit_ma = (int)strtol(text + 2, NULL, 10);
		say(l, "ok");
	}
}

static int begin(void **state)
{
	(void)state;
	mem_reset(false);
	mem.peer = peer;
	memset(&box, 0, sizeof(box));
	box.version = "skel 1.2 SN123";
	box.state = "C 7360 123456";
	mkt_device_defaults(&conf);
	snprintf(conf.name, sizeof(conf.name), "dev");
	d = (struct drv_device){.driver = &drv_skel, .conf = &conf, .link = &mem, .kind = MKT_DEV_EVSE};
	return 0;
}

static int end(void **state)
{
	(void)state;
	drv_skel.close(&d);
	return 0;
}

static int set(int32_t ma)
{
	struct mkt_setpoint want = {MKT_SET_CURRENT, ma}, got;

	return drv_skel.command(&d, &want, &got, &err);
}

static void test_life(void **state)
{
	(void)state;
	assert_int_equal(drv_skel.open(&d, &err), 0);
	assert_string_equal(d.id.version, "1.2");
	assert_string_equal(d.id.serial, "SN123");
	assert_int_equal(mem.writes, 1); /* it has asked who is there, and nothing else */
	assert_int_equal(drv_skel.poll(&d, &err), 0);
	assert_int_equal(mkt_reading_or(&d.r, MKT_R_POWER, 0), 7360);
	assert_int_equal(mkt_reading_or(&d.r, MKT_R_ENERGY_IMPORT, 0), 123456);
	assert_int_equal(mkt_reading_or(&d.r, MKT_R_VEHICLE, 0), MKT_VEHICLE_C);
	assert_int_equal(set(16000), 0);
	assert_int_equal(box.limit_ma, 16000);
	assert_int_equal(mkt_reading_or(&d.r, MKT_R_CURRENT_LIMIT, 0), 16000);
	assert_int_equal(set(5999), -MKT_EINVAL);
	box.deaf = true;
	assert_int_equal(set(10000), -MKT_EDEVUNCONFIRMED);
	assert_string_equal(err.text, "asked for 10000 mA, read back 16000 mA");
	box.deaf = false;
	assert_int_equal(drv_skel.safe_state(&d, &err), 0);
	assert_int_equal(box.limit_ma, 0);
}

static void test_refused(void **state)
{
	(void)state;
	box.version = "skel 2.0 SN123";
	assert_int_equal(drv_skel.open(&d, &err), -MKT_EDEVIDENTITY);
	box.version = "other 1.0";
	assert_int_equal(drv_skel.open(&d, &err), -MKT_EDEVIDENTITY);
	box.version = "skel 1.2 SN123";
	snprintf(conf.serial, sizeof(conf.serial), "SN9");
	assert_int_equal(drv_skel.open(&d, &err), -MKT_EDEVIDENTITY);
}

static void test_wrong_answers(void **state)
{
	static const char *const bad[] = {"", "C", "C 1", "C 1 2 3", "X 1 2", "C -1 2", "C 1 x"};

	(void)state;
	assert_int_equal(drv_skel.open(&d, &err), 0);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		box.state = bad[i];
		assert_int_equal(drv_skel.poll(&d, &err), -MKT_EDEVFRAME);
	}
	assert_false(d.r.v[MKT_R_POWER].known);
	box.silent = true;
	assert_int_equal(drv_skel.poll(&d, &err), -MKT_EDEVTIMEOUT);
	assert_string_equal(err.text, "S: no answer within 500 ms");
	assert_int_equal(d.counters[DRV_TIMEOUTS], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_wrong_answers, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
