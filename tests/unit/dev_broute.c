/* The B-route driver against the simulated Wi-SUN module and meter, over a pty. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "drivers/broute.h"
#include "tests/rng.h"
#include "tests/simdev.h"
#include "tests/tmpdir.h"

#define ID "00112233445566778899AABBCCDDEEFF"
#define PASSWORD "0123456789AB"

static char secret[300];

static void write_secret(const char *text, mode_t mode)
{
	struct mkt_err err;

	if (mkt_file_write(secret, text, strlen(text), (struct mkt_file_how){.mode = mode}, &err))
		fail_msg("%s", err.text);
	assert_int_equal(chmod(secret, mode), 0);
}

/* @speed: of the calendar. */
static void begin_at(struct simdev *s, const char *model, const char *speed)
{
	const char *const args[] = {"--model", model, "--speed", speed, NULL};

	simdev_start(s, "broute", args);
	simdev_line(s, "broute", s->port);
	snprintf(s->conf.secret, sizeof(s->conf.secret), "%.250s", secret);
}

static void begin(struct simdev *s, const char *model)
{
	begin_at(s, model, "1");
}

static void opened(struct simdev *s, const char *model)
{
	begin(s, model);
	if (simdev_open(s) < 0)
		fail_msg("open: %s\n%s", s->err.text, mkt_buf_str(&s->trace));
}

static struct drv_br *br(struct simdev *s)
{
	return s->d.priv; /* its first member */
}

static void reads(struct simdev *s, int64_t power_w)
{
	int r = simdev_poll(s);

	if (r < 0)
		fail_msg("poll: %s", s->err.text);
	assert_int_equal(simdev_reading(s, MKT_R_POWER), power_w);
}

/* Every kind of module gets to the same readings. */
static void from_cold_to_readings(void **state)
{
	static const char *const models[] = {"fast", "fast,dual", "fast,dual,raw,noecho",
					     "fast,shy", "fast,no-d3", "fast,few"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(models); i++) {
		struct simdev s;

		opened(&s, models[i]);
		assert_string_equal(s.d.id.serial, "SIMMETER0001");
		assert_string_equal(s.d.id.version, "module 1.2.10");
		assert_string_equal(s.d.id.model, "smart meter 028801 release F");
		reads(&s, 928);
		assert_int_equal(simdev_reading(&s, MKT_R_CURRENT_L1), 4600);
		assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_IMPORT), 12345600);
		assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_STEP), 100);
		assert_int_equal(s.d.caps, MKT_CAP_READ_ONLY | MKT_CAP_IMPORT | MKT_CAP_EXPORT);
		simdev_say(&s, "load -1500");
		reads(&s, -1500);
		s.conf.meter_sign = -1;
		reads(&s, 1500);
		assert_int_equal(simdev_set(&s, MKT_SET_POWER, 0, NULL), -MKT_EDEVUNSUPPORTED);
		simdev_end(&s);
	}
}

/* Also those that a module echoes although it should not. */
static void credentials_stay_out_of_the_trace(void **state)
{
	static const char *const models[] = {"fast", "fast,loud"};
	struct simdev s;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(models); i++) {
		const char *t;

		opened(&s, models[i]);
		t = mkt_buf_str(&s.trace);
		assert_non_null(strstr(t, "SKVER"));
		assert_non_null(strstr(t, "|*******"));
		assert_non_null(strstr(t, "SKJOIN"));
		assert_null(strstr(t, "SKSETPWD"));
		assert_null(strstr(t, "0011223344"));
		assert_null(strstr(t, "30 31 32 33 34 35 36 37 38 39 41 42")); /* the password */
		assert_null(strstr(t, "30 30 31 31 32 32 33 33"));
		simdev_end(&s);
	}
}

static void credentials_are_checked(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *says;
	} bad[] = {
		{"id = " ID "\npassword = " PASSWORD "\n", 0644, "others may read"},
		{"password = " PASSWORD "\n", 0600, "'id = '"},
		{"id = " ID "0\npassword = " PASSWORD "\n", 0600, "'id = '"},
		{"id = 0011223344556677 8899AABBCCDDEEFG\npassword = " PASSWORD "\n", 0600, "'id = '"},
		{"id = " ID "\npassword = 0123\n", 0600, "'password = '"},
		{"id = " ID "\npassword = 0123!56789AB\n", 0600, "'password = '"},
		{"", 0600, "'id = '"},
	};
	struct drv_br_secret s;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		write_secret(bad[i].text, bad[i].mode);
		assert_int_equal(drv_br_secret_read(secret, &s, &err), -MKT_EUSAGE);
		assert_non_null(strstr(err.text, bad[i].says));
		assert_null(strstr(err.text, "0123"));
		assert_null(strstr(err.text, "0011"));
		assert_int_equal(s.id[0], 0);
	}
	assert_int_equal(drv_br_secret_read("", &s, &err), -MKT_EUSAGE);
	assert_int_equal(drv_br_secret_read("/nonexistent/x", &s, &err), -MKT_EUSAGE);
	assert_int_equal(drv_br_secret_read("/dev/null", &s, &err), -MKT_EUSAGE);
	write_secret("# printed in groups\nid= 00112233 44556677 8899AABB CCDDEEFF\r\n"
		     "password =0123-4567-89AB\n",
		     0400);
	assert_int_equal(drv_br_secret_read(secret, &s, &err), 0);
	assert_string_equal(s.id, ID);
	assert_string_equal(s.password, PASSWORD);
	unlink(secret);
	write_secret("id = " ID "\npassword = " PASSWORD "\n", 0600);
}

/* Three failures, then minutes of rest; the error says why, and nothing blocks. */
static void wrong_credentials_back_off(void **state)
{
	struct simdev s;
	uint64_t end_ms;
	int r;

	(void)state;
	begin(&s, "fast,wrong");
	end_ms = drv_now_ms() + 30000;
	do {
		r = s.d.driver->open(&s.d, &s.err);
		assert_int_equal(r, -MKT_EBUSY);
		simdev_between(&s);
	} while (br(&s)->state != DRV_BR_BACKOFF && drv_now_ms() < end_ms);
	assert_int_equal(s.d.driver->open(&s.d, &s.err), -MKT_EBUSY);
	assert_non_null(strstr(s.err.text, "authentication failed"));
	assert_true(br(&s)->limit_ms > drv_now_ms() + 100000);
	simdev_end(&s);
}

static void half_hours_are_exact_counters(void **state)
{
	struct simdev s;
	int64_t now_s = (int64_t)time(NULL);

	(void)state;
	opened(&s, "fast");
	reads(&s, 928);
	assert_false(s.d.r.v[MKT_R_DEVICE_TIME].known);
	simdev_say(&s, "notice");
	for (int i = 0; i < 100 && !s.d.r.v[MKT_R_DEVICE_TIME].known; i++)
		simdev_between(&s);
	assert_int_equal(simdev_reading(&s, MKT_R_DEVICE_TIME) % 1800, 0);
	assert_true(llabs((long long)(simdev_reading(&s, MKT_R_DEVICE_TIME) - now_s)) <= 1860);
	assert_int_equal(simdev_reading(&s, MKT_R_ENERGY_IMPORT), 12345600);
	simdev_end(&s);
}

static void counters_go_on_over_their_roll_over(void **state)
{
	struct simdev s;
	int64_t before;

	(void)state;
	begin_at(&s, "fast", "20");
	assert_int_equal(simdev_open(&s), 0);
	simdev_say(&s, "load 0");
	reads(&s, 0);
	assert_int_equal(simdev_poll(&s), 0);
	simdev_say(&s, "roll-over in=100"); /* 99999.9 kWh */
	for (int i = 0; i < 8; i++)	    /* far from where it was: doubted first */
		assert_int_equal(simdev_poll(&s), 0);
	before = simdev_reading(&s, MKT_R_ENERGY_IMPORT);
	assert_int_equal(before, 99999900);
	simdev_say(&s, "load 100000");
	for (uint64_t end_ms = drv_now_ms() + 20000;
	     simdev_reading(&s, MKT_R_ENERGY_IMPORT) <= before && drv_now_ms() < end_ms;)
		assert_int_equal(simdev_poll(&s), 0);
	assert_true(simdev_reading(&s, MKT_R_ENERGY_IMPORT) >= 100000000);
	assert_true(simdev_reading(&s, MKT_R_ENERGY_IMPORT) <= 100001000);
	simdev_end(&s);
}

static void sending_waits_while_it_must_not(void **state)
{
	struct simdev s;
	uint64_t requests;

	(void)state;
	opened(&s, "fast");
	reads(&s, 928);
	for (int i = 0; i < 2; i++) {
		simdev_say(&s, i ? "event 32" : "event 29");
		while (!(i ? br(&s)->limited : br(&s)->expired))
			simdev_between(&s);
		requests = s.d.counters[DRV_REQUESTS];
		for (int n = 0; n < 3; n++) {
			assert_int_equal(s.d.driver->poll(&s.d, &s.err), -MKT_EBUSY);
			simdev_between(&s);
		}
		assert_int_equal(s.d.counters[DRV_REQUESTS], requests);
		simdev_say(&s, i ? "event 33" : "event 25");
		reads(&s, 928);
		assert_true(s.d.counters[DRV_REQUESTS] > requests);
	}
	simdev_end(&s);
}

static unsigned joins(struct simdev *s)
{
	unsigned n = 0;

	for (const char *at = mkt_buf_str(&s->trace); (at = strstr(at, "|SKJOIN")); at++)
		n++;
	return n;
}

static void ended_sessions_are_joined_again(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "fast");
	reads(&s, 928);
	assert_int_equal(joins(&s), 1);
	simdev_say(&s, "event 27");
	while (br(&s)->state == DRV_BR_JOINED)
		simdev_between(&s);
	reads(&s, 928);
	assert_int_equal(joins(&s), 2);
	/* One that is silent: lost datagrams first, then three unanswered. */
	simdev_say(&s, "fault lost count=1");
	reads(&s, 928);
	assert_int_equal(joins(&s), 2);
	simdev_say(&s, "fault er10 count=1");
	reads(&s, 928);
	br(&s)->t.single_ms = br(&s)->t.several_ms = 300;
	simdev_say(&s, "fault mute count=3");
	reads(&s, 928);
	assert_int_equal(joins(&s), 3);
	simdev_end(&s);
}

static void noise_changes_nothing(void **state)
{
	struct simdev s;

	(void)state;
	opened(&s, "fast");
	br(&s)->t.single_ms = br(&s)->t.several_ms = 500;
	simdev_say(&s, "fault noise every=2");
	for (int i = 0; i < 4; i++)
		reads(&s, 928);
	simdev_say(&s, "clear");
	simdev_say(&s, "fault half count=2");
	reads(&s, 928);
	simdev_say(&s, "fault split");
	reads(&s, 928);
	simdev_end(&s);
}

static void probing_knows_the_module(void **state)
{
	struct mkt_identity id;
	struct simdev s;

	(void)state;
	begin(&s, "fast");
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 1);
	assert_string_equal(id.version, "1.2.10");
	simdev_say(&s, "fault silence");
	assert_int_equal(s.d.driver->probe(s.d.link, &s.conf, &id, &s.err), 0);
	simdev_end(&s);
}

/* Whatever the line does, what is read is what flows. */
static void nothing_is_read_that_is_not(void **state)
{
	static const char *const faults[] = {"silence count=1", "half count=1", "noise every=2 count=2",
					     "late=150 count=1", "split count=2", "lost count=1",
					     "mute count=1",     "er10 count=1"};
	struct rng r = rng_start("dev_broute");
	struct simdev s;
	int read = 0;

	(void)state;
	opened(&s, "fast");
	br(&s)->t.single_ms = br(&s)->t.several_ms = 100;
	for (int i = 0; i < 15; i++) {
		int load = (int)rng_below(&r, 20000) - 10000;
		char order[40];

		snprintf(order, sizeof(order), "load %d", load);
		simdev_say(&s, order);
		snprintf(order, sizeof(order), "fault %s", faults[rng_below(&r, MKT_ARRAY_SIZE(faults))]);
		simdev_say(&s, order);
		if (simdev_poll(&s) == 0) {
			read++;
			assert_int_equal(simdev_reading(&s, MKT_R_POWER), load);
		}
	}
	assert_true(read > 9);
	simdev_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_read_that_is_not),
		cmocka_unit_test(from_cold_to_readings),
		cmocka_unit_test(credentials_stay_out_of_the_trace),
		cmocka_unit_test(credentials_are_checked),
		cmocka_unit_test(wrong_credentials_back_off),
		cmocka_unit_test(half_hours_are_exact_counters),
		cmocka_unit_test(counters_go_on_over_their_roll_over),
		cmocka_unit_test(sending_waits_while_it_must_not),
		cmocka_unit_test(ended_sessions_are_joined_again),
		cmocka_unit_test(noise_changes_nothing),
		cmocka_unit_test(probing_knows_the_module),
	};
	char dir[PATH_MAX];
	int r;

	tmpdir_make(dir, "broute");
	snprintf(secret, sizeof(secret), "%.250s/secret", dir);
	write_secret("id = " ID "\npassword = " PASSWORD "\n", 0600);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	tmpdir_remove(dir);
	return r;
}
