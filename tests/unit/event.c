#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/ledger/event.h"
#include "core/market/book.h"

static const struct mkt_event samples[] = {
	{.kind = MKT_EV_RESULT, .tx = 7, .op = 3, .u.result = {5, 68, 1, UINT64_MAX}},
	{.kind = MKT_EV_CONTRACT,
	 .tx = 1,
	 .op = 999,
	 .u.contract = {.exec = 1ull << 40, .buy_bid = 2, .sell_bid = 3, .buy_leg = 255, .sell_leg = 1,
			.taker_side = MKT_BUY, .buyer = 4, .seller = 5, .window = 6, .tags = 0x0201,
			.wh = 10000, .price_upwh = -25500, .fee_upwh = 100, .alt_leg = MKT_NO_LEG}},
	{.kind = MKT_EV_GONE, .tx = MKT_EVENT_NO_TX, .u.gone = {9, 1, 20, 50, MKT_GONE_EXPIRED}},
	{.kind = MKT_EV_GATE, .tx = MKT_EVENT_NO_TX, .u.gate = {1000, 5, 2}},
	{.kind = MKT_EV_REPORT, .tx = 2, .u.report = {8, 1, 4, 90, 120, "evse-1"}},
	{.kind = MKT_EV_SETTLED,
	 .tx = 2,
	 .u.settled = {8, 1, 2, 3, 100, 90, 95, 90, 123456, 900, 100, 450000, 3}},
	{.kind = MKT_EV_MONEY, .tx = 0, .u.money = {MKT_MONEY_FEE, 1, 2, INT64_MAX, 8}},
};

/* What docs promise about sizes; bytes of a chain depend on them. */
static const size_t sizes[] = {29, 74, 28, 19, 35, 76, 32};

static struct mkt_events all_samples(void)
{
	struct mkt_events e = MKT_EVENTS_INIT;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(samples); i++)
		assert_int_equal(mkt_event_add(&e, &samples[i]), 0);
	return e;
}

static void bytes_go_both_ways(void **state)
{
	struct mkt_events e = all_samples(), again = MKT_EVENTS_INIT;
	struct mkt_dec in = mkt_dec_init(e.bytes.data, e.bytes.len);
	struct mkt_event ev;

	(void)state;
	assert_int_equal(e.n, MKT_ARRAY_SIZE(samples));
	for (uint32_t i = 0; i < e.n; i++) {
		assert_int_equal(mkt_events_at(&e, i).n, sizes[i]);
		assert_ptr_equal(mkt_events_at(&e, i).p, in.at);
		assert_int_equal(mkt_event_dec(&in, &ev), 0);
		assert_int_equal(ev.kind, samples[i].kind);
		assert_int_equal(mkt_event_add(&again, &ev), 0);
	}
	assert_ptr_equal(in.at, in.end);
	assert_int_equal(e.bytes.len, again.bytes.len);
	assert_memory_equal(e.bytes.data, again.bytes.data, e.bytes.len);
	mkt_events_release(&e);
	mkt_events_release(&again);
}

static void short_and_odd_bytes_are_refused(void **state)
{
	static const struct {
		unsigned event, byte;
		uint8_t value;
	} odd[] = {
		{0, 0, 0},  {0, 0, 8},   {1, 7 + 28, 0},  {1, 70, 1},   {2, 7 + 12, 0}, {2, 7 + 12, 7},
		{4, 15, 3}, {4, 28, 32}, {4, 29, '\n'},   {5, 75, 4},   {6, 7, 0},      {6, 7, 6},
	};
	struct mkt_events e = all_samples();
	struct mkt_event ev;
	struct mkt_dec in;

	(void)state;
	for (uint32_t i = 0; i < e.n; i++) {
		for (size_t n = 0; n < mkt_events_at(&e, i).n; n++) {
			in = mkt_dec_init(mkt_events_at(&e, i).p, n);
			assert_int_equal(mkt_event_dec(&in, &ev), -MKT_ETRUNCATED);
		}
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(odd); i++) {
		uint8_t *p = e.bytes.data + e.at[odd[i].event], was = p[odd[i].byte];

		p[odd[i].byte] = odd[i].value;
		in = mkt_dec_init(p, e.bytes.len - e.at[odd[i].event]);
		assert_int_equal(mkt_event_dec(&in, &ev), -MKT_ENONCANONICAL);
		p[odd[i].byte] = was;
	}
	mkt_events_release(&e);
}

static void list_is_cut_and_cleared(void **state)
{
	struct mkt_events e = all_samples();

	(void)state;
	mkt_events_cut(&e, 2);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.bytes.len, sizes[0] + sizes[1]);
	mkt_events_cut(&e, 5);
	assert_int_equal(e.n, 2);
	assert_int_equal(mkt_event_add(&e, &samples[3]), 0);
	assert_int_equal(mkt_events_at(&e, 2).n, sizes[3]);
	mkt_events_clear(&e);
	assert_int_equal(e.n, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(mkt_event_add(&e, &samples[i % 7]), 0);
	assert_int_equal(mkt_events_at(&e, 999).n, sizes[999 % 7]);
	mkt_events_release(&e);
}

static void accounts_are_told(void **state)
{
	static const struct {
		unsigned n;
		uint32_t a[2];
	} want[] = {{1, {5}}, {2, {4, 5}}, {1, {1}}, {0, {0}}, {1, {4}}, {2, {1, 2}}, {1, {2}}};
	struct mkt_event money = {.kind = MKT_EV_MONEY};
	uint32_t a[2];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(samples); i++) {
		assert_int_equal(mkt_event_accounts(&samples[i], a), want[i].n);
		for (unsigned k = 0; k < want[i].n; k++)
			assert_int_equal(a[k], want[i].a[k]);
	}
	money.u.money.why = MKT_MONEY_TRANSFER;
	money.u.money.from = 3;
	money.u.money.to = 4;
	assert_int_equal(mkt_event_accounts(&money, a), 2);
	money.u.money.why = MKT_MONEY_WITHDRAW;
	money.u.money.to = MKT_NO_ACCOUNT;
	assert_int_equal(mkt_event_accounts(&money, a), 1);
	assert_int_equal(a[0], 3);
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(mkt_event_name(MKT_EV_CONTRACT), "contract");
	assert_null(mkt_event_name(0));
	assert_null(mkt_event_name(8));
	assert_string_equal(mkt_gone_name(MKT_GONE_FILLED), "filled");
	assert_null(mkt_gone_name(7));
	assert_string_equal(mkt_money_name(MKT_MONEY_CHARGE), "charge");
	assert_null(mkt_money_name(6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(short_and_odd_bytes_are_refused),
		cmocka_unit_test(list_is_cut_and_cleared),
		cmocka_unit_test(accounts_are_told),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
