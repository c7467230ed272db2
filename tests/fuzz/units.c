/*
 * The parser of values with units on any text.  What it takes reads back from
 * how we print it; what it refuses it explains, with control characters gone.
 * The first byte of the input chooses the kind of value.
 */
#include "core/base/compat.h"

#include "core/units/fmt.h"
#include "core/units/parse.h"
#include "tests/fuzz/fuzz.h"

static int check_energy(const char *text, struct mkt_err *err)
{
	uint64_t v, back;
	int rc = mkt_parse_energy(text, &v, err);

	if (rc == 0)
		FUZZ_CHECK(mkt_parse_energy(mkt_fmt_energy(v).s, &back, NULL) == 0 && back == v);
	return rc;
}

static int check_amount(const char *text, struct mkt_err *err)
{
	uint32_t v, back;
	int rc = mkt_parse_amount(text, &v, err);

	if (rc == 0)
		FUZZ_CHECK(v && mkt_parse_amount(mkt_fmt_energy(v).s, &back, NULL) == 0 &&
			   back == v);
	return rc;
}

static int check_power(const char *text, struct mkt_err *err)
{
	int32_t v, back;
	int rc = mkt_parse_power(text, &v, err);

	if (rc == 0)
		FUZZ_CHECK(mkt_parse_power(mkt_fmt_power(v).s, &back, NULL) == 0 && back == v);
	return rc;
}

static int check_current(const char *text, struct mkt_err *err)
{
	uint32_t v, back;
	int rc = mkt_parse_current(text, &v, err);

	if (rc == 0)
		FUZZ_CHECK(mkt_parse_current(mkt_fmt_current(v).s, &back, NULL) == 0 && back == v);
	return rc;
}

static int check_price(const char *text, struct mkt_err *err)
{
	struct mkt_err tick;
	int32_t v, back;
	int rc = mkt_parse_price(text, "JPY", &v, err);

	if (rc < 0)
		return rc;
	FUZZ_CHECK(mkt_parse_price(mkt_fmt_price(v, "JPY").s, "JPY", &back, NULL) == 0 &&
		   back == v);
	FUZZ_CHECK((mkt_check_tick(v, 10, "JPY", &tick) == 0) == (v % 10 == 0));
	return rc;
}

static int check_money(const char *text, struct mkt_err *err)
{
	int64_t v, back;
	int rc = mkt_parse_money(text, "JPY", &v, err);

	if (rc == 0)
		FUZZ_CHECK(mkt_parse_money(mkt_fmt_money(v, "JPY").s, "JPY", &back, NULL) == 0 &&
			   back == v);
	return rc;
}

static int check_share(const char *text, struct mkt_err *err)
{
	uint32_t v, back;
	int rc = mkt_parse_share(text, 10000, &v, err);

	if (rc == 0)
		FUZZ_CHECK(v <= 10000 &&
			   mkt_parse_share(mkt_fmt_share(v, 10000).s, 10000, &back, NULL) == 0 &&
			   back == v);
	return rc;
}

static int check_duration(const char *text, struct mkt_err *err)
{
	uint64_t v, back;
	int rc = mkt_parse_duration(text, &v, err);

	if (rc == 0)
		FUZZ_CHECK(mkt_parse_duration(mkt_fmt_duration(v).s, &back, NULL) == 0 &&
			   back == v);
	return rc;
}

static int check_count(const char *text, struct mkt_err *err)
{
	uint64_t v;
	int rc = mkt_parse_count(text, 5, 1000000, &v, err);

	if (rc == 0)
		FUZZ_CHECK(v >= 5 && v <= 1000000);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const checks[])(const char *, struct mkt_err *) = {
		check_energy, check_amount, check_power,    check_current, check_price,
		check_money,  check_share,  check_duration, check_count};
	struct mkt_err err = {0};
	char *text;
	int rc;

	if (!size)
		return 0;
	text = malloc(size);
	FUZZ_CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	rc = checks[data[0] % MKT_ARRAY_SIZE(checks)](text, &err);
	FUZZ_CHECK(rc == 0 || (rc == -MKT_EINVAL && err.code == MKT_EINVAL && err.text[0]));
	for (const char *p = err.text; *p; p++)
		FUZZ_CHECK((unsigned char)*p >= 0x20);
	free(text);
	return 0;
}
