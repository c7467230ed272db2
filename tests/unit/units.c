#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/units/fmt.h"
#include "core/units/parse.h"
#include "tests/rng.h"

/* One kind of value behind one signature, so that tables can hold all. */
enum kind { ENERGY, AMOUNT, POWER, CURRENT, PRICE, MONEY, PPM, BP, DURATION };

static int parse(enum kind k, const char *text, int64_t *out, struct mkt_err *err)
{
	uint64_t u = 0;
	uint32_t u32 = 0;
	int32_t i32 = 0;
	int rc = -1;

	switch (k) {
	case ENERGY:
		rc = mkt_parse_energy(text, &u, err);
		*out = (int64_t)u;
		break;
	case AMOUNT:
		rc = mkt_parse_amount(text, &u32, err);
		*out = u32;
		break;
	case POWER:
		rc = mkt_parse_power(text, &i32, err);
		*out = i32;
		break;
	case CURRENT:
		rc = mkt_parse_current(text, &u32, err);
		*out = u32;
		break;
	case PRICE:
		rc = mkt_parse_price(text, "JPY", &i32, err);
		*out = i32;
		break;
	case MONEY:
		rc = mkt_parse_money(text, "JPY", out, err);
		break;
	case PPM:
		rc = mkt_parse_share(text, 1000000, &u32, err);
		*out = u32;
		break;
	case BP:
		rc = mkt_parse_share(text, 10000, &u32, err);
		*out = u32;
		break;
	case DURATION:
		rc = mkt_parse_duration(text, &u, err);
		*out = (int64_t)u;
		break;
	}
	return rc;
}

static void good_values(void **state)
{
	static const struct {
		enum kind kind;
		const char *text;
		int64_t value;
	} rows[] = {
		{ENERGY, "10kWh", 10000}, {ENERGY, "500Wh", 500}, {ENERGY, "0.5MWh", 500000},
		{ENERGY, "0Wh", 0}, {ENERGY, "10.000 kWh", 10000}, {ENERGY, "1.5GWh", 1500000000},
		{ENERGY, "0010.0000kWh", 10000}, {ENERGY, "0.001kWh", 1},
		{ENERGY, "18446744073709551615Wh", -1},
		{AMOUNT, "4294967.295kWh", UINT32_MAX}, {AMOUNT, "1Wh", 1},
		{POWER, "3kW", 3000}, {POWER, "-3.18kW", -3180}, {POWER, "7W", 7},
		{POWER, "2147.483647MW", INT32_MAX}, {POWER, "-0W", 0},
		{CURRENT, "16A", 16000}, {CURRENT, "15.9 A", 15900}, {CURRENT, "6mA", 6},
		{PRICE, "25.5JPY/kWh", 25500}, {PRICE, "25.5/kWh", 25500},
		{PRICE, "25.50 JPY/kWh", 25500}, {PRICE, "0.0255JPY/Wh", 25500},
		{PRICE, "25500/MWh", 25500}, {PRICE, "-1.001/kWh", -1001},
		{PRICE, "2147483.647/kWh", INT32_MAX}, {PRICE, "25.5 /kWh", 25500},
		{MONEY, "1200JPY", 1200000000}, {MONEY, "-0.000001JPY", -1},
		{MONEY, "1275.50 JPY", 1275500000},
		{MONEY, "9223372036854.775807JPY", INT64_MAX},
		{PPM, "80%", 800000}, {PPM, "0.0001%", 1}, {PPM, "100%", 1000000}, {PPM, "0%", 0},
		{BP, "80%", 8000}, {BP, "0.25 %", 25},
		{DURATION, "20s", 20000}, {DURATION, "5m", 300000}, {DURATION, "2h", 7200000},
		{DURATION, "500ms", 500}, {DURATION, "1.5h", 5400000}, {DURATION, "0.25s", 250},
		{DURATION, "7d", 604800000},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_err err = {0};
		int64_t v = 0;

		if (parse(rows[i].kind, rows[i].text, &v, &err) < 0)
			fail_msg("'%s': %s", rows[i].text, err.text);
		if (v != rows[i].value)
			fail_msg("'%s' is %lld", rows[i].text, (long long)v);
	}
}

static void bad_values_name_the_fault_and_the_column(void **state)
{
	static const struct {
		enum kind kind;
		const char *text;
		const char *sentence;
		const char *hint;
	} rows[] = {
		{ENERGY, "", "energy '' has no number at column 1", ""},
		{ENERGY, "kWh", "energy 'kWh' has no number at column 1", ""},
		{ENERGY, "10", "energy '10' has no unit at column 3", "write 10kWh or 10Wh"},
		{ENERGY, "10 ", "energy '10 ' has no unit at column 4", "write 10kWh or 10Wh"},
		{ENERGY, "10kXh", "energy '10kXh' has an unknown unit at column 3",
		 "units are kWh, Wh, MWh, GWh"},
		{ENERGY, "10kwh", "energy '10kwh' has an unknown unit at column 3",
		 "units are kWh, Wh, MWh, GWh"},
		{ENERGY, "10  kWh", "energy '10  kWh' has an unknown unit at column 4",
		 "units are kWh, Wh, MWh, GWh"},
		{ENERGY, "10kWh ", "energy '10kWh ' has an unknown unit at column 3",
		 "units are kWh, Wh, MWh, GWh"},
		{ENERGY, "1e3Wh", "energy '1e3Wh' has an unknown unit at column 2",
		 "units are kWh, Wh, MWh, GWh"},
		{ENERGY, "1,000Wh", "energy '1,000Wh' has a ',' at column 2",
		 "one point for decimals, no grouping: 1000.5"},
		{ENERGY, "1.0.0Wh", "energy '1.0.0Wh' has a '.' at column 4",
		 "one point for decimals, no grouping: 1000.5"},
		{ENERGY, ".5kWh", "energy '.5kWh' has no digit before the point at column 1", ""},
		{ENERGY, "5.kWh", "energy '5.kWh' has no digit after the point at column 3", ""},
		{ENERGY, "-5Wh", "energy '-5Wh' is negative at column 1", ""},
		{ENERGY, "+5Wh", "energy '+5Wh' has no number at column 1", ""},
		{ENERGY, " 5Wh", "energy ' 5Wh' has no number at column 1", ""},
		{ENERGY, "0x5Wh", "energy '0x5Wh' has an unknown unit at column 2",
		 "units are kWh, Wh, MWh, GWh"},
		{ENERGY, "18446744073709551616Wh",
		 "energy '18446744073709551616Wh' is too large at column 1",
		 "the largest is 18446744073709551615Wh"},
		{ENERGY, "18446744073709551615.5Wh",
		 "energy '18446744073709551615.5Wh' is too large at column 1",
		 "the largest is 18446744073709551615Wh"},
		{ENERGY, "18446744073709551.6145kWh",
		 "energy '18446744073709551.6145kWh' is finer than 1Wh at column 22",
		 "use 18446744073709551614Wh or 18446744073709551615Wh"},
		{ENERGY, "0000000000000000000000000001Wh",
		 "energy '0000000000000000000000000001Wh' has more than 27 digits at column 1", ""},
		{ENERGY, "10.0005kWh", "energy '10.0005kWh' is finer than 1Wh at column 7",
		 "use 10kWh or 10.001kWh"},
		{ENERGY, "0.5 Wh", "energy '0.5 Wh' is finer than 1Wh at column 3",
		 "use 0Wh or 1Wh"},
		{AMOUNT, "0.5Wh", "amount '0.5Wh' is finer than 1Wh at column 3", "use 1Wh"},
		{AMOUNT, "0.0005kWh", "amount '0.0005kWh' is finer than 1Wh at column 6", "use 1Wh"},
		{AMOUNT, "0kWh", "amount '0kWh' is nothing at column 1", ""},
		{AMOUNT, "4294967296Wh", "amount '4294967296Wh' is too large at column 1",
		 "the largest is 4294967295Wh"},
		{POWER, "-0.0005kW", "power '-0.0005kW' is finer than 1W at column 7",
		 "use -0.001kW or 0kW"},
		{POWER, "-2147483648W", "power '-2147483648W' is too large at column 1",
		 "the largest is 2147483647W"},
		{CURRENT, "16", "current '16' has no unit at column 3", "write 16A or 16mA"},
		{PRICE, "25.5", "price '25.5' has no unit at column 5",
		 "write 25.5JPY/kWh or 25.5/kWh"},
		{PRICE, "25.5JPY", "price '25.5JPY' has no unit at column 5",
		 "write 25.5JPY/kWh or 25.5/kWh"},
		{PRICE, "25.5EUR/kWh", "price '25.5EUR/kWh' is not in JPY at column 5",
		 "write 25.5JPY/kWh"},
		{PRICE, "25.5JPY/kW", "price '25.5JPY/kW' has an unknown unit at column 8",
		 "units are /kWh, /Wh, /MWh"},
		{PRICE, "25.5005/kWh", "price '25.5005/kWh' is finer than 0.001/kWh at column 7",
		 "use 25.5/kWh or 25.501/kWh"},
		{PRICE, "-25.55555JPY/kWh",
		 "price '-25.55555JPY/kWh' is finer than 0.001/kWh at column 8",
		 "use -25.556JPY/kWh or -25.555JPY/kWh"},
		{PRICE, "2147483.648/kWh", "price '2147483.648/kWh' is too large at column 1", ""},
		{MONEY, "1200", "money '1200' has no unit at column 5", "write 1200JPY"},
		{MONEY, "1200EUR", "money '1200EUR' is not in JPY at column 5", "write 1200JPY"},
		{MONEY, "1200JPYX", "money '1200JPYX' goes on at column 8", ""},
		{MONEY, "0.0000001JPY", "money '0.0000001JPY' is finer than a millionth at column 9",
		 "use 0JPY or 0.000001JPY"},
		{PPM, "80", "share '80' has no unit at column 3", "write 80%"},
		{PPM, "100.0001%", "share '100.0001%' is too large at column 1",
		 "the largest is 100%"},
		{BP, "0.005%", "share '0.005%' is finer than 1/10000 at column 5",
		 "use 0% or 0.01%"},
		{DURATION, "20", "duration '20' has no unit at column 3", "write 20s or 20m"},
		{DURATION, "20min", "duration '20min' has an unknown unit at column 3",
		 "units are s, m, h, d, ms"},
		{DURATION, "0.000011h", "duration '0.000011h' is finer than 1ms at column 3",
		 "use 39ms or 40ms"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_err err = {0};
		int64_t v = 0;
		int rc = parse(rows[i].kind, rows[i].text, &v, &err);

		if (rc != -MKT_EINVAL)
			fail_msg("'%s' was taken: %lld", rows[i].text, (long long)v);
		assert_string_equal(err.text, rows[i].sentence);
		assert_string_equal(err.hint, rows[i].hint);
		assert_int_equal(mkt_code_exit(err.code), 2);
	}
}

static void outputs_stay_on_failure_and_err_may_be_null(void **state)
{
	uint64_t e = 7, n = 7;
	int32_t p = 7;
	int64_t m = 7;

	(void)state;
	assert_int_equal(mkt_parse_energy("x", &e, NULL), -MKT_EINVAL);
	assert_int_equal(mkt_parse_price("1.0001/kWh", "JPY", &p, NULL), -MKT_EINVAL);
	assert_int_equal(mkt_parse_money("1", "JPY", &m, NULL), -MKT_EINVAL);
	assert_int_equal(mkt_parse_count("-1", 0, 5, &n, NULL), -MKT_EINVAL);
	assert_true(e == 7 && p == 7 && m == 7 && n == 7);
}

static void counts(void **state)
{
	struct mkt_err err;
	uint64_t n;

	(void)state;
	assert_int_equal(mkt_parse_count("18446744073709551615", 0, UINT64_MAX, &n, &err), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(mkt_parse_count("18446744073709551616", 0, UINT64_MAX, &n, &err),
			 -MKT_EINVAL);
	assert_int_equal(mkt_parse_count("184467440737095516150", 0, UINT64_MAX, &n, &err),
			 -MKT_EINVAL);
	assert_int_equal(mkt_parse_count("6", 1, 5, &n, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "number '6' is not in 1..5");
	assert_int_equal(mkt_parse_count("1k", 1, 5, &n, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "number '1k' is not a whole number at column 2");
	assert_int_equal(mkt_parse_count("", 1, 5, &n, &err), -MKT_EINVAL);
}

static void tick_and_lot_name_the_neighbours(void **state)
{
	struct mkt_err err;

	(void)state;
	assert_int_equal(mkt_check_tick(25500, 10, "JPY", &err), 0);
	assert_int_equal(mkt_check_tick(-25500, 10, "JPY", &err), 0);
	assert_int_equal(mkt_check_tick(25505, 10, "JPY", &err), -MKT_EINVAL);
	assert_string_equal(err.text,
			    "price 25.505 JPY/kWh is not on the tick of 0.01 JPY/kWh");
	assert_string_equal(err.hint, "use 25.50/kWh or 25.51/kWh");
	assert_int_equal(mkt_check_tick(-5, 10, "JPY", &err), -MKT_EINVAL);
	assert_string_equal(err.hint, "use -0.01/kWh or 0.00/kWh");
	assert_int_equal(mkt_check_tick(INT32_MAX, 10, "JPY", &err), -MKT_EINVAL);
	assert_string_equal(err.hint, "use 2147483.64/kWh or 2147483.65/kWh");
	assert_int_equal(mkt_check_lot(1000, 100, &err), 0);
	assert_int_equal(mkt_check_lot(0, 100, &err), -MKT_EINVAL);
	assert_string_equal(err.hint, "use 100Wh");
	assert_int_equal(mkt_check_lot(1050, 100, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "energy 1.050 kWh is not a multiple of the lot of 0.100 kWh");
	assert_string_equal(err.hint, "use 1000Wh or 1100Wh");
	assert_int_equal(mkt_check_lot(UINT64_MAX, 100, &err), -MKT_EINVAL);
	assert_string_equal(err.hint, "use 18446744073709551600Wh");
}

static void human_forms(void **state)
{
	(void)state;
	assert_string_equal(mkt_fmt_energy(10000).s, "10.000 kWh");
	assert_string_equal(mkt_fmt_energy(UINT64_MAX).s, "18446744073709551.615 kWh");
	assert_string_equal(mkt_fmt_power(-3180).s, "-3.180 kW");
	assert_string_equal(mkt_fmt_power(INT32_MIN).s, "-2147483.648 kW");
	assert_string_equal(mkt_fmt_power(-1).s, "-0.001 kW");
	assert_string_equal(mkt_fmt_current(15900).s, "15.9 A");
	assert_string_equal(mkt_fmt_current(16000).s, "16.0 A");
	assert_string_equal(mkt_fmt_price(25500, "JPY").s, "25.50 JPY/kWh");
	assert_string_equal(mkt_fmt_price(25505, "JPY").s, "25.505 JPY/kWh");
	assert_string_equal(mkt_fmt_money(1200000000, "JPY").s, "1200 JPY");
	assert_string_equal(mkt_fmt_money(1275500000, "JPY").s, "1275.50 JPY");
	assert_string_equal(mkt_fmt_money(-1, "JPY").s, "-0.000001 JPY");
	assert_string_equal(mkt_fmt_money(INT64_MIN, "JPY").s, "-9223372036854.775808 JPY");
	assert_string_equal(mkt_fmt_share(8000, 10000).s, "80%");
	assert_string_equal(mkt_fmt_share(1, 1000000).s, "0.0001%");
	assert_string_equal(mkt_fmt_decimal(INT64_MIN, 18, 0).s, "-9.223372036854775808");
	assert_string_equal(mkt_fmt_bytes(0).s, "0 B");
	assert_string_equal(mkt_fmt_bytes(999).s, "999 B");
	assert_string_equal(mkt_fmt_bytes(1000).s, "1.0 kB");
	assert_string_equal(mkt_fmt_bytes(999999).s, "999.9 kB");
	assert_string_equal(mkt_fmt_bytes(12345678901).s, "12.3 GB");
	assert_string_equal(mkt_fmt_bytes(UINT64_MAX).s, "18.4 EB");
	assert_string_equal(mkt_fmt_duration(0).s, "0s");
	assert_string_equal(mkt_fmt_duration(20000).s, "20s");
	assert_string_equal(mkt_fmt_duration(300000).s, "5m");
	assert_string_equal(mkt_fmt_duration(7200000).s, "2h");
	assert_string_equal(mkt_fmt_duration(1500).s, "1500ms");
	assert_string_equal(mkt_fmt_duration(86400000).s, "1d");
	assert_string_equal(mkt_fmt_span(3).s, "3 s");
	assert_string_equal(mkt_fmt_span(2471).s, "41 min");
	assert_string_equal(mkt_fmt_span(7500).s, "2 h 5 min");
	assert_string_equal(mkt_fmt_span(7200).s, "2 h");
	assert_string_equal(mkt_fmt_span(273700).s, "3 d 4 h");
	assert_string_equal(mkt_fmt_span(86400).s, "1 d");
}

static int64_t random_signed(struct rng *r, uint64_t max)
{
	int64_t v = (int64_t)(rng_wide(r) % (max + 1));

	return rng_below(r, 2) ? v : -v;
}

/* What people read they may type: parse(fmt(x)) == x. */
static void what_is_printed_reads_back(void **state)
{
	struct rng r = rng_start("units");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t e = rng_wide(&r), t = rng_wide(&r), u;
		int32_t p = (int32_t)random_signed(&r, INT32_MAX), i32;
		int64_t m = random_signed(&r, INT64_MAX), i64;
		uint32_t ma = (uint32_t)rng_wide(&r), share = (uint32_t)rng_below(&r, 1000001);
		uint32_t u32;

		assert_int_equal(mkt_parse_energy(mkt_fmt_energy(e).s, &u, NULL), 0);
		assert_true(u == e);
		assert_int_equal(mkt_parse_duration(mkt_fmt_duration(t).s, &u, NULL), 0);
		assert_true(u == t);
		assert_int_equal(mkt_parse_power(mkt_fmt_power(p).s, &i32, NULL), 0);
		assert_int_equal(i32, p);
		assert_int_equal(mkt_parse_price(mkt_fmt_price(p, "EUR").s, "EUR", &i32, NULL), 0);
		assert_int_equal(i32, p);
		assert_int_equal(mkt_parse_money(mkt_fmt_money(m, "EUR").s, "EUR", &i64, NULL), 0);
		assert_true(i64 == m);
		assert_int_equal(mkt_parse_current(mkt_fmt_current(ma).s, &u32, NULL), 0);
		assert_int_equal(u32, ma);
		assert_int_equal(
			mkt_parse_share(mkt_fmt_share(share, 1000000).s, 1000000, &u32, NULL), 0);
		assert_int_equal(u32, share);
	}
}

/* Any decimal either parses exactly or its two neighbours do, one base unit apart, around it. */
static void neighbours_are_values_that_parse(void **state)
{
	struct rng r = rng_start("neighbours");
	unsigned inexact = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[48], low[48], high[48];
		struct mkt_err err;
		int32_t v, a, b;

		snprintf(text, sizeof(text), "%s%u.%0*uJPY/kWh", rng_below(&r, 2) ? "-" : "",
			 (unsigned)rng_below(&r, 1000), 1 + (int)rng_below(&r, 6),
			 (unsigned)rng_below(&r, 100000));
		if (mkt_parse_price(text, "JPY", &v, &err) == 0)
			continue;
		inexact++;
		assert_int_equal(sscanf(err.hint, "use %47s or %47s", low, high), 2);
		assert_int_equal(mkt_parse_price(low, "JPY", &a, NULL), 0);
		assert_int_equal(mkt_parse_price(high, "JPY", &b, NULL), 0);
		assert_int_equal(b, a + 1);
	}
	assert_true(inexact > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values),
		cmocka_unit_test(bad_values_name_the_fault_and_the_column),
		cmocka_unit_test(outputs_stay_on_failure_and_err_may_be_null),
		cmocka_unit_test(counts),
		cmocka_unit_test(tick_and_lot_name_the_neighbours),
		cmocka_unit_test(human_forms),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(neighbours_are_values_that_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
