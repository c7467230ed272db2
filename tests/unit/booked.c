/* Months by a zone's clocks, and what was booked for an account, event by event. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/units/month.h"
#include "core/wire/booked.h"

/* ---- months ------------------------------------------------------------------------------- */

static void months(void **state)
{
	struct mkt_zone tokyo, berlin;
	struct mkt_month m;
	struct mkt_err err = {0};

	(void)state;
	assert_int_equal(mkt_zone_load(&tokyo, "Asia/Tokyo", NULL, &err), 0);
	assert_int_equal(mkt_zone_load(&berlin, "Europe/Berlin", NULL, &err), 0);
	/* 2026-11-30T15:00Z is the first second of December in Tokyo. */
	mkt_month_at(&tokyo, 1796050799, &m);
	assert_string_equal(m.text, "2026-11");
	assert_int_equal(m.to_s, 1796050800);
	mkt_month_at(&tokyo, 1796050800, &m);
	assert_string_equal(m.text, "2026-12");
	assert_int_equal(m.from_s, 1796050800);
	assert_int_equal(m.to_s - m.from_s, 31 * 86400);
	/* October has an hour more where clocks go back. */
	assert_int_equal(mkt_month_parse(&berlin, 0, "2026-10", &m, &err), 0);
	assert_int_equal(m.to_s - m.from_s, 31 * 86400 + 3600);
	assert_int_equal(mkt_month_parse(&tokyo, m.from_s, "last", &m, &err), 0);
	assert_string_equal(m.text, "2026-09");
	assert_int_equal(mkt_month_parse(&tokyo, 1767193200, "this", &m, &err), 0);
	assert_string_equal(m.text, "2026-01");
	assert_int_equal(mkt_month_parse(&tokyo, 1767193200, "last", &m, &err), 0);
	assert_string_equal(m.text, "2025-12");
	mkt_month_at(&tokyo, UINT64_MAX, &m);
	assert_string_equal(m.text, "9999-12");
	assert_true(m.to_s > m.from_s);
}

static void no_months(void **state)
{
	static const char *const t[] = {"",	    "2026",    "2026-1",  "2026-00", "2026-13",
					"26-11-01", "2026-1x", "1969-12", "2026/11", "2026-110"};
	struct mkt_zone utc;
	struct mkt_month m;

	(void)state;
	mkt_zone_utc(&utc);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		struct mkt_err err = {0};

		assert_int_equal(mkt_month_parse(&utc, 0, t[i], &m, &err), -MKT_EINVAL);
	}
}

/* ---- events ------------------------------------------------------------------------------- */

static int add(struct mkt_booked *b, uint32_t number, const char *json, struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	int rc;

	assert_int_equal(mkt_jdoc_parse(json, strlen(json), NULL, &doc, err), 0);
	root = mkt_jdoc_root(doc);
	rc = mkt_booked_add(b, number, &root, err);
	mkt_jdoc_free(doc);
	return rc;
}

#define SETTLED                                                                                    \
	"{\"kind\":\"settled\",\"buyer\":2,\"seller\":1,\"contracted_wh\":4000,\"supply_wh\":3500," \
	"\"draw_wh\":3900,\"delivered_wh\":3500,\"paid_uc\":\"70000000\",\"fee_uc\":\"1750000\","   \
	"\"buyer_charge_uc\":\"2000000\",\"seller_charge_uc\":\"22500000\"}"
#define MONEY(why, from, to)                                                                       \
	"{\"kind\":\"money\",\"why\":\"" why "\",\"from\":" from ",\"to\":" to                      \
	",\"money_uc\":\"700\"}"

static int64_t change_of(uint32_t number, const char *json, struct mkt_booked *b)
{
	struct mkt_err err = {0};
	int64_t change;

	*b = (struct mkt_booked){0};
	assert_int_equal(add(b, number, json, &err), 0);
	assert_int_equal(mkt_booked_change(b, &change, &err), 0);
	return change;
}

static void settlements(void **state)
{
	struct mkt_booked b;

	(void)state;
	assert_int_equal(change_of(2, SETTLED, &b), -(70000000 + 1750000 + 2000000));
	assert_int_equal(b.bought, 1);
	assert_int_equal(b.bought_wh, 3500);
	assert_int_equal(b.short_wh, 100);
	assert_int_equal(b.certificates, 1);
	assert_int_equal(change_of(1, SETTLED, &b), 70000000 - 22500000);
	assert_int_equal(b.sold_wh, 3500);
	assert_int_equal(b.short_wh, 500);
	assert_int_equal(b.certificates, 0);
	assert_int_equal(change_of(3, SETTLED, &b), 0);
}

static void money(void **state)
{
	struct mkt_booked b;

	(void)state;
	assert_int_equal(change_of(1, MONEY("deposit", "null", "1"), &b), 700);
	assert_int_equal(change_of(1, MONEY("withdraw", "1", "null"), &b), -700);
	assert_int_equal(change_of(1, MONEY("transfer", "1", "2"), &b), -700);
	assert_int_equal(change_of(2, MONEY("transfer", "1", "2"), &b), 700);
	assert_int_equal(change_of(1, MONEY("transfer", "1", "1"), &b), 0);
	assert_int_equal(b.sent_uc, 700);
	/* Told to who pays by the settlement: not twice. */
	assert_int_equal(change_of(1, MONEY("fee", "1", "2"), &b), 0);
	assert_int_equal(change_of(2, MONEY("fee", "1", "2"), &b), 700);
	assert_int_equal(change_of(1, MONEY("fee", "1", "1"), &b), 700);
	assert_int_equal(change_of(1, MONEY("charge", "1", "0"), &b), 0);
	assert_int_equal(change_of(0, MONEY("charge", "1", "0"), &b), 700);
}

static void certificates(void **state)
{
	struct mkt_booked b;

	(void)state;
	assert_int_equal(change_of(2, "{\"kind\":\"result\",\"account\":2,\"what\":\"retire\","
				      "\"code\":\"ok\",\"exec\":\"1\",\"delivered_wh\":3500}", &b), 0);
	assert_int_equal(b.retired, 1);
	assert_int_equal(b.retired_wh, 3500);
	change_of(2, "{\"kind\":\"result\",\"account\":2,\"what\":\"retire\",\"code\":\"retired\"}", &b);
	assert_int_equal(b.retired, 0);
	change_of(2, "{\"kind\":\"gate\",\"legs\":2}", &b);
	change_of(2, "{\"kind\":\"tomorrow\"}", &b);
}

static void foreign(void **state)
{
	static const char *const t[] = {
		"{}", "[]", "{\"kind\":3}", "{\"kind\":\"settled\",\"buyer\":2}",
		"{\"kind\":\"money\",\"to\":2}",
		"{\"kind\":\"money\",\"why\":\"deposit\",\"to\":2,\"money_uc\":\"much\"}",
		"{\"kind\":\"money\",\"why\":\"deposit\",\"to\":2,\"money_uc\":1.5}",
		"{\"kind\":\"result\",\"account\":2,\"what\":\"retire\",\"code\":\"ok\"}",
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		struct mkt_booked b = {0};
		struct mkt_err err = {0};

		assert_int_equal(add(&b, 2, t[i], &err), -MKT_EUNAVAILABLE);
	}
}

static void overflow(void **state)
{
	struct mkt_booked b = {.deposited_uc = INT64_MAX - 1};
	struct mkt_err err = {0};
	int64_t change = 3;

	(void)state;
	assert_int_equal(add(&b, 2, MONEY("deposit", "null", "2"), &err), -MKT_EOVERFLOW);
	assert_int_equal(b.deposited_uc, INT64_MAX - 1);
	b.received_uc = 100;
	assert_int_equal(mkt_booked_change(&b, &change, &err), -MKT_EOVERFLOW);
	assert_int_equal(change, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(months),	cmocka_unit_test(no_months),
		cmocka_unit_test(settlements),	cmocka_unit_test(money),
		cmocka_unit_test(certificates), cmocka_unit_test(foreign),
		cmocka_unit_test(overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
