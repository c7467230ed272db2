/* States held by a node: order, replacement, the bound. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "ledgerd/telemetry.c"

static struct ld_state state_of(uint32_t account, const char *charger, uint64_t ms)
{
	struct ld_state s = {.account = account, .len = 4, .time_ms = ms, .heard_ms = ms};

	snprintf(s.charger, sizeof(s.charger), "%s", charger);
	memcpy(s.bytes, charger, 2);
	return s;
}

static int put(struct ld_telemetry *t, uint32_t account, const char *charger, uint64_t ms)
{
	struct ld_state s = state_of(account, charger, ms);

	return ld_telemetry_put(t, &s, NULL);
}

/* All of them in their order, as "1a 1b 2a". */
static void list(struct ld_telemetry *t, char *out, size_t size)
{
	struct ld_state s = {.account = 0};
	size_t n = 0;

	out[0] = 0;
	while (ld_telemetry_after(t, s.account, s.charger, &s))
		n += (size_t)snprintf(out + n, size - n, "%s%u%s", n ? " " : "", s.account,
				      s.charger);
}

static void test_order(void **state)
{
	struct ld_telemetry *t = ld_telemetry_new(8);
	struct ld_state s;
	char text[100];

	(void)state;
	assert_int_equal(put(t, 2, "a", 10), 0);
	assert_int_equal(put(t, 1, "b", 11), 0);
	assert_int_equal(put(t, 1, "aa", 12), 0);
	assert_int_equal(put(t, 1, "a", 13), 0);
	assert_int_equal(put(t, 0, "z", 14), 0);
	list(t, text, sizeof(text));
	assert_string_equal(text, "0z 1a 1aa 1b 2a");
	assert_true(ld_telemetry_after(t, 1, "ab", &s)); /* a key that is not there */
	assert_string_equal(s.charger, "b");
	assert_false(ld_telemetry_after(t, 2, "a", &s));
	assert_int_equal(ld_telemetry_count(t), 5);
	ld_telemetry_free(t);
}

static void test_replace(void **state)
{
	struct ld_telemetry *t = ld_telemetry_new(8);
	struct ld_state s = state_of(1, "a", 20), other = s;

	(void)state;
	other.bytes[3] = 1;
	assert_int_equal(ld_telemetry_put(t, &s, NULL), 0);
	assert_int_equal(ld_telemetry_put(t, &s, NULL), 0);
	assert_int_equal(ld_telemetry_put(t, &other, NULL), -MKT_ECONFLICT);
	assert_int_equal(put(t, 1, "a", 19), -MKT_EEXPIRED);
	assert_int_equal(put(t, 1, "a", 21), 0);
	assert_int_equal(ld_telemetry_count(t), 1);
	assert_true(ld_telemetry_after(t, 1, "", &s));
	assert_int_equal(s.time_ms, 21);
	ld_telemetry_free(t);
}

static void test_bound(void **state)
{
	struct ld_telemetry *t = ld_telemetry_new(3);
	char text[100];

	(void)state;
	assert_int_equal(put(t, 1, "a", 10), 0);
	assert_int_equal(put(t, 2, "a", 11), 0);
	assert_int_equal(put(t, 3, "a", 12), 0);
	assert_int_equal(put(t, 1, "a", 13), 0); /* heard of again */
	assert_int_equal(put(t, 2, "b", 14), 0);
	list(t, text, sizeof(text));
	assert_string_equal(text, "1a 2b 3a");
	assert_int_equal(put(t, 9, "a", 15), 0);
	list(t, text, sizeof(text));
	assert_string_equal(text, "1a 2b 9a");
	ld_telemetry_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
