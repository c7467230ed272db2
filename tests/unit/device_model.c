#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/device/model.h"

static void every_word_reads_back(void **state)
{
	(void)state;
	for (int i = 0; i < MKT_DEV_KINDS; i++)
		assert_int_equal(mkt_dev_kind_find(mkt_dev_kind_word(i)), i);
	for (int i = 0; i < MKT_DEV_STATES; i++)
		assert_int_equal(mkt_dev_state_find(mkt_dev_state_word(i)), i);
	for (int i = 0; i < MKT_MODES; i++)
		assert_int_equal(mkt_dev_mode_find(mkt_dev_mode_word(i)), i);
	for (unsigned bit = 1; bit <= MKT_CAP_READ_ONLY; bit <<= 1) {
		assert_non_null(mkt_dev_cap_word(bit));
		assert_int_equal(mkt_dev_cap_find(mkt_dev_cap_word(bit)), bit);
	}
	for (int i = 0; i < MKT_READINGS; i++)
		assert_int_equal(mkt_reading_find(mkt_reading_info[i].name), i);
}

static void other_words_are_not_found(void **state)
{
	(void)state;
	assert_int_equal(mkt_dev_kind_find("EVSE"), -1);
	assert_int_equal(mkt_dev_state_find(""), -1);
	assert_int_equal(mkt_dev_mode_find("charging"), -1);
	assert_int_equal(mkt_dev_cap_find("curren"), 0);
	assert_int_equal(mkt_reading_find("power.l4"), -1);
	assert_null(mkt_dev_cap_word(MKT_CAP_READ_ONLY << 1));
	assert_null(mkt_dev_cap_word(3));
	assert_string_equal(mkt_dev_kind_word(-1), "unknown");
	assert_string_equal(mkt_dev_state_word(99), "unknown");
	assert_string_equal(mkt_dev_vehicle_word(MKT_VEHICLE_C), "C");
}

static void a_reading_ages(void **state)
{
	struct mkt_readings r = {0};

	(void)state;
	assert_false(mkt_reading_fresh(&r, MKT_R_POWER, 1000, 5000));
	assert_int_equal(mkt_reading_or(&r, MKT_R_POWER, -7), -7);
	r.v[MKT_R_POWER].value = 3180;
	r.v[MKT_R_POWER].at_ms = 1000;
	r.v[MKT_R_POWER].known = true;
	assert_int_equal(mkt_reading_or(&r, MKT_R_POWER, -7), 3180);
	assert_true(mkt_reading_fresh(&r, MKT_R_POWER, 6000, 5000));
	assert_false(mkt_reading_fresh(&r, MKT_R_POWER, 6001, 5000));
	assert_true(mkt_reading_fresh(&r, MKT_R_POWER, 999, 5000));
}

static void values_have_units(void **state)
{
	static const struct {
		enum mkt_reading_id id;
		int64_t value;
		const char *text;
	} rows[] = {
		{MKT_R_POWER, 3180, "3.180 kW"},
		{MKT_R_POWER, -12345678, "-12345.678 kW"},
		{MKT_R_CURRENT_LIMIT, 16000, "16.0 A"},
		{MKT_R_CURRENT_L1, 15870, "15.87 A"},
		{MKT_R_VOLTAGE_L1, 230100, "230.1 V"},
		{MKT_R_FREQUENCY, 49990, "49.99 Hz"},
		{MKT_R_SOC, 563, "56.3%"},
		{MKT_R_ENERGY_IMPORT, 1234567, "1234.567 kWh"},
		{MKT_R_TEMPERATURE, -3500, "-3.5 C"},
		{MKT_R_WATCHDOG, 60, "60 s"},
		{MKT_R_PHASES, 3, "3"},
		{MKT_R_ENABLED, 0, "no"},
		{MKT_R_VEHICLE, MKT_VEHICLE_C, "charging"},
		{MKT_R_VEHICLE, 77, "unknown"},
		{MKT_R_MODE, MKT_MODE_HOLD, "hold"},
		{MKT_R_MODE, -1, "unknown"},
		{MKT_R_DEVICE_TIME, 1763769600, "2025-11-22T00:00:00Z"},
		{MKT_R_ENERGY_IMPORT, INT64_MIN, "-9223372036854775.808 kWh"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		assert_string_equal(mkt_reading_text(rows[i].id, rows[i].value).s, rows[i].text);
}

static void texts_of_devices_are_made_harmless(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} rows[] = {
		{"8.2.3.EU", 8, "8.2.3.EU"},
		{"  EV1\0\0\0", 8, "EV1"},
		{"A  B   ", 7, "A  B"},
		{"\x1b[2J\x7f", 5, "?[2J?"},
		{"\xff\xfeX", 3, "??X"},
		{"M\xc3\xbcller", 7, "M\xc3\xbcller"},
		{"\xc2\x9b" "1m", 4, "??1m"},
		{"cut\xc3", 4, "cut?"},
		{"", 0, ""},
		{"    ", 4, ""},
	};
	char out[MKT_DEV_TEXT_MAX + 1], lengthy[200];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		mkt_dev_text(out, rows[i].in, rows[i].n);
		assert_string_equal(out, rows[i].out);
	}
	memset(lengthy, 'x', sizeof(lengthy));
	memcpy(lengthy + 62, "\xc3\xbc", 2); /* would be cut in two */
	mkt_dev_text(out, lengthy, sizeof(lengthy));
	assert_int_equal(strlen(out), 62);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_reads_back),
		cmocka_unit_test(other_words_are_not_found),
		cmocka_unit_test(a_reading_ages),
		cmocka_unit_test(values_have_units),
		cmocka_unit_test(texts_of_devices_are_made_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
