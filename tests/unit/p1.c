/* P1 telegrams: the verified one byte for byte, each form of meter, streams cut anywhere. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "drivers/p1.h"

#define TELEGRAM                                                                                   \
	"/XMX5LGBBFG1009325446\r\n\r\n"                                                             \
	"1-3:0.2.8(50)\r\n"                                                                        \
	"0-0:1.0.0(261122110000W)\r\n"                                                             \
	"1-0:1.8.1(001581.123*kWh)\r\n"                                                            \
	"1-0:1.8.2(001435.706*kWh)\r\n"                                                            \
	"1-0:2.8.1(000000.000*kWh)\r\n"                                                            \
	"1-0:2.8.2(000210.400*kWh)\r\n"                                                            \
	"0-0:96.14.0(0002)\r\n"                                                                    \
	"1-0:1.7.0(00.000*kW)\r\n"                                                                 \
	"1-0:2.7.0(01.842*kW)\r\n"                                                                 \
	"!7F36\r\n"

static int parse(const char *t, struct p1_values *v, struct mkt_err *err)
{
	return p1_parse((const uint8_t *)t, strlen(t), v, err);
}

/* @body between identification and '!', with a right checksum. */
static int parse_signed(const char *body, struct p1_values *v)
{
	char t[2048];
	int n = snprintf(t, sizeof(t), "/KFM5KAIFA-METER\r\n\r\n%s!", body);

	snprintf(t + n, sizeof(t) - (size_t)n, "%04X\r\n", p1_crc(t, (size_t)n));
	return parse(t, v, NULL);
}

static void test_verified(void **state)
{
	struct p1_values v;
	struct mkt_err err = {0};

	(void)state;
	assert_int_equal(p1_crc("123456789", 9), 0xBB3D);
	assert_int_equal(strlen(TELEGRAM) - 6, 238);
	assert_int_equal(p1_crc(TELEGRAM, 238), 0x7F36);
	assert_int_equal(parse(TELEGRAM, &v, &err), 0);
	assert_true(v.has_crc);
	assert_string_equal(v.ident, "XMX5LGBBFG1009325446");
	assert_int_equal(v.version, 50);
	assert_int_equal(v.tariff, 2);
	assert_int_equal(v.time_s, 1795341600); /* 2026-11-22 10:00 UTC */
	assert_int_equal(v.import_wh, 1581123 + 1435706);
	assert_int_equal(v.export_wh, 210400);
	assert_int_equal(v.step_wh, 1);
	assert_int_equal(v.import_w, 0);
	assert_int_equal(v.export_w, 1842);
	assert_int_equal(v.phase_mv[0], P1_NONE);
	assert_string_equal(v.serial, "");
}

static void test_any_bit(void **state)
{
	char t[] = TELEGRAM;
	struct p1_values v;

	(void)state;
	for (size_t i = 0; i < 242; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bool same; /* a digit of the checksum in lower case */

			t[i] = (char)(t[i] ^ 1 << bit);
			same = i > 238 && bit == 5 && t[i] >= 'a';
			assert_int_equal(parse(t, &v, NULL), same ? 0 : -MKT_EDEVFRAME);
			t[i] = (char)(t[i] ^ 1 << bit);
		}
}

static void test_phases(void **state)
{
	struct p1_values v;

	(void)state;
	assert_int_equal(parse_signed("1-3:0.2.8(42)\r\n0-0:1.0.0(260722110000S)\r\n"
				      "0-0:96.1.1(4B384547303034303436333935353037)\r\n"
				      "1-0:1.8.1(000002.074*kWh)\r\n1-0:1.7.0(00.494*kW)\r\n"
				      "1-0:32.7.0(230.1*V)\r\n1-0:52.7.0(229.8*V)\r\n"
				      "1-0:31.7.0(002*A)\r\n1-0:71.7.0(1.25*A)\r\n"
				      "1-0:21.7.0(00.494*kW)\r\n1-0:42.7.0(00.100*kW)\r\n"
				      "0-1:24.2.1(101209110000W)(00000.107*m3)\r\n"
				      "0-0:96.13.0()\r\n1-0:99.97.0(2)(0-0:96.7.19)(000101000001W)"
				      "(2147483647*s)\r\n",
				      &v),
			 0);
	assert_string_equal(v.serial, "K8EG004046395507");
	assert_int_equal(v.time_s, 1784710800); /* summer: 09:00 UTC */
	assert_int_equal(v.import_wh, 2074);
	assert_int_equal(v.export_wh, P1_NONE);
	assert_int_equal(v.import_w, 494);
	assert_int_equal(v.export_w, P1_NONE);
	assert_int_equal(v.phase_mv[0], 230100);
	assert_int_equal(v.phase_mv[1], 229800);
	assert_int_equal(v.phase_mv[2], P1_NONE);
	assert_int_equal(v.phase_ma[0], 2000);
	assert_int_equal(v.phase_ma[2], 1250);
	assert_int_equal(v.phase_import_w[0], 494);
	assert_int_equal(v.phase_export_w[1], 100);
}

/* Luxembourg and Sweden: totals.  They go before tariffs. */
static void test_totals(void **state)
{
	struct p1_values v;

	(void)state;
	assert_int_equal(parse_signed("1-0:1.8.0(00006545.766*kWh)\r\n1-0:2.8.0(00005017.120*kWh)\r\n"
				      "1-0:1.8.1(000001.000*kWh)\r\n1-0:1.7.0(0000.037*kW)\r\n",
				      &v),
			 0);
	assert_int_equal(v.import_wh, 6545766);
	assert_int_equal(v.export_wh, 5017120);
	assert_int_equal(v.import_w, 37);
	assert_int_equal(parse_signed("1-0:1.8.0(6545.7*kWh)\r\n", &v), 0);
	assert_int_equal(v.import_wh, 6545700);
	assert_int_equal(v.step_wh, 100);
}

/* DSMR 2.2 and 3.0: no checksum, the gas on a line of its own. */
static void test_old(void **state)
{
	struct p1_values v;

	(void)state;
	assert_int_equal(parse("/ISk5\\2MT382-1000\r\n\r\n0-0:96.1.1(4B414C)\r\n"
			       "1-0:1.8.1(00608.400*kWh)\r\n1-0:1.8.2(00490.342*kWh)\r\n"
			       "1-0:1.7.0(0001.51*kW)\r\n1-0:2.7.0(0000.00*kW)\r\n"
			       "0-0:96.14.0(0001)\r\n0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)"
			       "(m3)\r\n(00024.123)\r\n!\r\n",
			       &v, NULL),
			 0);
	assert_false(v.has_crc);
	assert_int_equal(v.import_wh, 608400 + 490342);
	assert_int_equal(v.import_w, 1510);
	assert_string_equal(v.serial, "KAL");
	/* A newer one that has lost its checksum is not one of those. */
	assert_int_equal(parse("/X\r\n\r\n1-3:0.2.8(50)\r\n1-0:1.8.1(1.000*kWh)\r\n!\r\n", &v, NULL),
			 -MKT_EDEVFRAME);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"/\r\n!\r\n!12\r\n",
		"/X\r\n\r\n1-0:1.8.1(1.000*kWh)\r\n",
		"/X\r\n\r\n1-0:1.8.1 1.000\r\n!\r\n",
		"/X\r\n\r\n1-0:1.8.1(1.0\x01*kWh)\r\n!\r\n",
		"/X\r\n\r\n!7F3\r\n",
		"/X\r\n\r\n!7F3G\r\n",
		"X\r\n\r\n!\r\n",
	};
	struct p1_values v;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(parse(bad[i], &v, &err), -MKT_EDEVFRAME);
		assert_true(err.text[0]);
	}
	/* A value that is none is not told; the others are. */
	assert_int_equal(parse_signed("1-0:1.8.1(1.000*kWh)\r\n1-0:1.7.0(1.5*MW)\r\n"
				      "1-0:2.7.0(*kW)\r\n0-0:1.0.0(261322110000W)\r\n",
				      &v),
			 0);
	assert_int_equal(v.import_wh, 1000);
	assert_int_equal(v.import_w, P1_NONE);
	assert_int_equal(v.export_w, P1_NONE);
	assert_int_equal(v.time_s, 0);
}

/* ---- streams ------------------------------------------------------------------------------ */

static unsigned count(struct p1_stream *s, const void *bytes, size_t n, unsigned *good)
{
	const uint8_t *p = bytes;
	struct p1_values v;
	unsigned whole = 0;

	while (p1_take(s, &p, &n) > 0) {
		whole++;
		*good += !p1_parse(s->bytes, s->n, &v, NULL);
	}
	return whole;
}

static void test_cut(void **state)
{
	static const char noise[] = "noise\r\n1-0:1.8.1(9.000*kWh)\r\n!0000\r\n";
	static struct p1_stream s;
	const size_t n = strlen(TELEGRAM);

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		unsigned good = 0;

		memset(&s, 0, sizeof(s));
		count(&s, noise, strlen(noise), &good);
		count(&s, TELEGRAM, cut, &good);
		count(&s, &TELEGRAM[cut], n - cut, &good);
		count(&s, TELEGRAM TELEGRAM, 2 * n, &good);
		assert_int_equal(good, 3);
	}
	/* Cut off at a line's end: the next is not lost. */
	unsigned good = 0;

	memset(&s, 0, sizeof(s));
	count(&s, TELEGRAM, 40, &good);
	assert_int_equal(count(&s, TELEGRAM, n, &good), 1);
	assert_int_equal(good, 1);
	assert_int_equal(s.dropped, 1);
}

static void test_long(void **state)
{
	static struct p1_stream s;
	struct mkt_buf b = MKT_BUF_INIT;
	unsigned good = 0;

	(void)state;
	memset(&s, 0, sizeof(s));
	mkt_buf_addstr(&b, "/X\r\n");
	while (b.len < 3 * P1_TELEGRAM_MAX)
		mkt_buf_addstr(&b, "1-0:1.8.1(000001.000*kWh)\r\n");
	assert_int_equal(count(&s, b.data, b.len, &good), 0);
	assert_int_equal(s.dropped, 1);
	assert_int_equal(count(&s, TELEGRAM, strlen(TELEGRAM), &good), 1);
	assert_int_equal(good, 1);
	/* 3 kB are well within. */
	mkt_buf_clear(&b);
	mkt_buf_addstr(&b, "/X\r\n\r\n");
	while (b.len < 3000)
		mkt_buf_addstr(&b, "0-0:96.13.0(303132333435363738393A3B3C3D3E3F)\r\n");
	mkt_buf_addstr(&b, "!");
	mkt_buf_addf(&b, "%04X\r\n", p1_crc(b.data, b.len));
	assert_int_equal(count(&s, b.data, b.len, &good), 1);
	assert_int_equal(good, 2);
	mkt_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verified), cmocka_unit_test(test_any_bit),
		cmocka_unit_test(test_phases),	 cmocka_unit_test(test_totals),
		cmocka_unit_test(test_old),	 cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),	 cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
