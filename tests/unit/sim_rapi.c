/*
 * The simulated OpenEVSE controller says what firmware 8.2.3.EU said, byte for byte.
 * Exchanges were recorded from that firmware.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/simdev.h"

struct row {
	const char *say;    /* a line of script first, or NULL */
	const char *send;   /* or NULL: it speaks by itself */
	const char *answer; /* all that comes */
};

/* Everything that comes until @want is complete, or something else is. */
static void expect(struct drv_link *l, const char *want)
{
	size_t n = strlen(want), have = 0;
	uint64_t end = drv_now_ms() + (n ? 10000 : 100);
	char buf[512];

	while (have < n || !n) {
		int r = drv_link_read(l, buf + have, sizeof(buf) - 1 - have, end, NULL);

		assert_true(r >= 0);
		have += (size_t)r;
		buf[have] = 0;
		if (strncmp(buf, want, have) != 0 || have > n)
			fail_msg("'%s' came, not '%s'", buf, want);
		if (!r && !n)
			return;
		if (!r)
			fail_msg("'%s' came, and nothing else; '%s' should", buf, want);
	}
}

static void run(const char *const *args, const struct row *rows, size_t n)
{
	struct simdev s;

	simdev_start(&s, "rapi", args);
	simdev_line(&s, "rapi", s.port);
	for (size_t i = 0; i < n; i++) {
		const char *send = rows[i].send;

		if (rows[i].say)
			simdev_say(&s, rows[i].say);
		if (send && *send)
			assert_int_equal(drv_link_write(s.d.link, send, strlen(send),
							drv_now_ms() + 1000, NULL), 0);
		expect(s.d.link, rows[i].answer);
	}
	simdev_end(&s);
}

static void frames_and_checksums(void **state)
{
	static const struct row rows[] = {
		{NULL, "$GV^35\r", "$OK 8.2.3.EU 5.2.1^11\r"},
		{NULL, "$GV*C1\r", "$OK 8.2.3.EU 5.2.1^11\r"},
		{NULL, "$GV\r", "$OK 8.2.3.EU 5.2.1^11\r"},
		{NULL, "$GV^00\r", "$NK^21\r"},
		{NULL, "$GV*35\r", "$NK^21\r"},
		{NULL, "$XX :7F^4F\r", "$NK :7F^4A\r"},
		{NULL, "$gs^30\r", "$NK^21\r"},
		{NULL, "\x01\xffnoise$GV^35\r", "$OK 8.2.3.EU 5.2.1^11\r"},
		{NULL, "$FP 0 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r", ""},
		{NULL, "$GS :A7^5C\r", "$OK 01 0 01 0200 :A7^7E\r"},
		{NULL, "$GT^37\r", "$OK 165 165 165 165 165 85^1F\r"},
	};

	(void)state;
	run((const char *const[]){NULL}, rows, MKT_ARRAY_SIZE(rows));
}

static void currents(void **state)
{
	static const struct row rows[] = {
		{NULL, "$SC 16 V^65\r", "$OK 16^07\r$AT 01 01 16 0200^34\r"},
		{NULL, "$SC 5 V^57\r", "$NK 6^37\r$AT 01 01 6 0200^05\r"},
		{NULL, "$SC 40 V^66\r", "$NK 32^00\r$AT 01 01 32 0200^32\r"},
		{NULL, "$SC 262 V\r", "$OK 6^36\r$AT 01 01 6 0200^05\r"},
		{NULL, "$SC -5 V\r", "$NK 32^00\r$AT 01 01 32 0200^32\r"},
		{NULL, "$SC abc V\r", "$NK 32^00\r"},
		{NULL, "$SC 20^16\r", "$OK 20^02\r$AT 01 01 20 0200^31\r"},
		{NULL, "$GC^20\r", "$OK 6 32 20 20^17\r"},
		{NULL, "$SC 24 V^64\r", "$NK 20^03\r"},
	};

	(void)state;
	run((const char *const[]){NULL}, rows, MKT_ARRAY_SIZE(rows));
}

static void heartbeats(void **state)
{
	static const struct row rows[] = {
		{NULL, "$SY 66 6\r", "$OK 66 6 0^06\r"}, /* trips after half a second */
		{NULL, NULL, "$AT 01 01 6 0200^05\r"},
		{NULL, "$SY 5 6^2D\r", "$OK 5 6 0^33\r"},
		{NULL, "$SC 32 V\r", "$OK 32^01\r$AT 01 01 32 0200^32\r"},
		{NULL, "$SY^2E\r", "$OK 5 6 0^33\r"},
		{NULL, NULL, "$AT 01 01 6 0200^05\r"},
		{NULL, "$GY^3A\r", "$OK 5 6 2^31\r"},
		{NULL, "$SY^2E\r", "$NK 5 6 2^30\r"},
		{NULL, "$SY 1^3F\r", "$NK 5 6 2^30\r"},
		{NULL, "$SY 165^3C\r", "$OK 5 6 1^32\r$AT 01 01 32 0200^32\r"},
		{NULL, "$SY 0 0^2E\r", "$OK 0 0 0^30\r"},
	};

	(void)state;
	run((const char *const[]){NULL}, rows, MKT_ARRAY_SIZE(rows));
}

static void a_charge(void **state)
{
	static const struct row rows[] = {
		{"plug soc=300", NULL, "$AT 02 02 32 0700^37\r$AT 03 03 32 0540^31\r"},
		{NULL, "$SC 10 V\r", "$OK 10^01\r$AT 03 03 10 0540^31\r"},
		{NULL, "$GG^24\r", "$OK 10000 230000^10\r"},
		{"stubborn on", "$FS^31\r", "$OK^20\r$AT fe 03 10 0540^31\r"},
		{NULL, "$FD^26\r", "$OK^20\r$AT ff 03 10 0500^36\r"},
		{NULL, "$G0^53\r", "$OK 2^32\r"},
	};

	(void)state;
	run((const char *const[]){NULL}, rows, MKT_ARRAY_SIZE(rows));
}

/* What comes in a heap after the main loop stood still. */
static void a_heap(void **state)
{
	static const struct row rows[] = {
		{NULL, "$SY 66 6\r", "$OK 66 6 0^06\r"},
		{NULL, NULL, "$AT 01 01 6 0200^05\r"},
		{"block 600", "$GY^3A\r$SY^2E\r$SY^2E\r",
		 "$OK 66 6 2^04\r$NK 66 6 2^05\r$NK 66 6 2^05\r"},
	};

	(void)state;
	run((const char *const[]){NULL}, rows, MKT_ARRAY_SIZE(rows));
}

static void echo_is_for_good(void **state)
{
	static const struct row rows[] = {
		{NULL, "$FF E 0\r", "$OK^20\r\n"},
		{NULL, "$GV^35\r", "$GV^35\r$OK 8.2.3.EU 5.2.1^11\r\n"},
	};

	(void)state;
	run((const char *const[]){NULL}, rows, MKT_ARRAY_SIZE(rows));
}

static void a_boot(void **state)
{
	static const struct row rows[] = {
		{"reboot in=50", NULL,
		 "\nrelayCloseMs: 100\r\nrelayHoldPwm: 255\r\n$AT 00 00 0 0200^03\r"
		 "$AB 00 8.2.3.EU^20\r$AT 01 01 32 0200^32\r"},
	};

	(void)state;
	run((const char *const[]){NULL}, rows, MKT_ARRAY_SIZE(rows));
}

static void old_firmware(void **state)
{
	static const struct row rows[] = {
		{NULL, "$GV :05\r", "$OK 3.11 1.0.3\r"},
		{NULL, "$GS^30\r", "$OK 1 0\r"},
		{NULL, "$SC 16 V^65\r", "$OK\r"},
		{NULL, "$GC^20\r", "$OK 6 16\r"}, /* stored */
		{NULL, "$GY^3A\r", "$NK\r"},
	};

	(void)state;
	run((const char *const[]){"--model", "3.11", NULL}, rows, MKT_ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_and_checksums),
		cmocka_unit_test(currents),
		cmocka_unit_test(heartbeats),
		cmocka_unit_test(a_charge),
		cmocka_unit_test(a_heap),
		cmocka_unit_test(echo_is_for_good),
		cmocka_unit_test(a_boot),
		cmocka_unit_test(old_firmware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
