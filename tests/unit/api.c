#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/market/book.h"
#include "core/wire/api.h"
#include "tests/stub_server.h"

#define HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define FRAME(data)                                                                                \
	HEAD "{\"schema\":\"mkt.x/"                                                                \
	     "1\",\"height\":12,\"as_of\":\"2026-11-23T01:30:00.250Z\",\"data\":" data "}"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MARKET(window, values)                                                                     \
	FRAME("{\"name\":\"demo\",\"chain\":\"" HASH "\",\"currency\":\"JPY\","                    \
	      "\"zone\":\"Asia/Tokyo\",\"clock\":\"operator\",\"window_s\":" window ","            \
	      "\"opening_s\":604800,\"gate_s\":300,\"tick_upwh\":10,\"price_min_upwh\":0,"         \
	      "\"price_max_upwh\":200000,\"lot_wh\":1,\"deadline_s\":3600,\"interval_ms\":1000,"   \
	      "\"validity_s\":3600,\"imbalance_up_upwh\":40000,\"imbalance_down_upwh\":-1,"        \
	      "\"dimensions\":[{\"name\":\"energy\",\"values\":" values "}],"                      \
	      "\"open\":{\"first\":1795397400,\"count\":336},\"now_ms\":1795395600250}")
#define BROWN                                                                                      \
	"{\"name\":\"brown\",\"direct\":false,\"closed\":false,\"fee_upwh\":0,\"fee_account\":0}"
#define GREEN                                                                                      \
	"{\"name\":\"green\",\"direct\":true,\"closed\":true,\"fee_upwh\":5,\"fee_account\":3}"

static struct mkt_client *client_of(const char *server)
{
	struct mkt_client_conf conf = {.server = server, .timeout_ms = 2000};
	struct mkt_client *c = NULL;

	assert_int_equal(mkt_client_new(&conf, &c, NULL), 0);
	return c;
}

static void times_are_read_exactly(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} t[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-23T01:30:00Z", 1795397400000},
		{"2026-11-23T01:30:00.25Z", 1795397400250},
		{"2026-11-23T01:30:00.2509Z", 1795397400250},
		{"2024-02-29T23:59:59Z", 1709251199000},
		{"2023-02-29T00:00:00Z", -1},
		{"2026-11-23T24:00:00Z", -1},
		{"2026-13-01T00:00:00Z", -1},
		{"2026-11-23T01:30:00", -1},
		{"2026-11-23T01:30:00.Z", -1},
		{"2026-11-23T01:30:00ZZ", -1},
		{"1969-12-31T23:59:59Z", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		uint64_t ms = 7;

		assert_int_equal(mkt_time_parse(t[i].text, &ms), t[i].ms < 0 ? -MKT_EINVAL : 0);
		assert_int_equal(ms, t[i].ms < 0 ? 7 : t[i].ms);
	}
}

static void the_market_is_read_whole(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = MARKET("1800", "[" BROWN "," GREEN "]"), .hang_up = true}};
	struct mkt_facts f = MKT_FACTS_INIT;
	struct mkt_err err = {0};
	struct mkt_client *c;
	unsigned dim;
	uint8_t value;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	c = client_of(s.server);
	assert_int_equal(mkt_api_market(c, &f, &err), 0);
	assert_string_equal(f.currency, "JPY");
	assert_string_equal(f.zone, "Asia/Tokyo");
	assert_int_equal(f.clock, MKT_CLOCK_OPERATOR);
	assert_int_equal(f.chain.b[31], 0xff);
	assert_int_equal(f.window_s, 1800);
	assert_int_equal(f.imbalance_down_upwh, -1);
	assert_int_equal(f.open_first_s, 1795397400);
	assert_int_equal(f.now_ms, 1795395600250);
	assert_int_equal(f.height, 12);
	assert_int_equal(f.as_of_ms, 1795397400250);
	assert_int_equal(mkt_tag_find(&f.tags, "green", &dim, &value), 0);
	assert_int_equal(value, 1);
	assert_true(f.tags.dims[0].values[1].direct && f.tags.dims[0].values[1].closed);
	assert_int_equal(f.tags.dims[0].values[1].fee_account, 3);
	mkt_facts_release(&f);
	mkt_client_free(c);
	stub_stop(&s);
}

/* Whatever else answers at that address is told from ledgerd. */
static void other_servers_are_told_apart(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = HEAD "<html>welcome</html>", .hang_up = true},
		{.reply = HEAD "{\"schema\":\"mkt.x/1\"}", .hang_up = true},
		{.reply = FRAME("{\"name\":7}"), .hang_up = true},
		{.reply = MARKET("0", "[" BROWN "]"), .hang_up = true},
		{.reply = MARKET("1800", "[]"), .hang_up = true},
		{.reply = MARKET("1800", "[" BROWN "," BROWN ",7]"), .hang_up = true},
	};
	struct mkt_facts f = MKT_FACTS_INIT;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, MKT_ARRAY_SIZE(steps)));
	c = client_of(s.server);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(steps); i++) {
		struct mkt_err err = {0};

		assert_int_equal(mkt_api_market(c, &f, &err), -MKT_EUNAVAILABLE);
		assert_non_null(strstr(err.text, "is not understood"));
		assert_int_equal(f.tags.ndims, 0);
	}
	mkt_client_free(c);
	stub_stop(&s);
}

static void receipts_are_read(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = FRAME("[{\"tx\":\"" HASH
				"\",\"status\":\"sealed\",\"code\":\"ok\",\"height\":\"7\","
				"\"index\":3,\"time\":\"2026-11-23T01:30:00.000Z\",\"results\":["
				"{\"op\":\"bid\",\"code\":\"gate-closed\",\"leg\":1,\"message\":"
				"\"leg 2: gate closed\"},"
				"{\"op\":\"cancel\",\"code\":\"ok\"}]},"
				"{\"tx\":null,\"status\":\"refused\",\"code\":\"tx-expired\","
				"\"message\":\"late\",\"hint\":\"h\"},"
				"{\"status\":\"eaten\"}]"),
		 .hang_up = true}};
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_receipt r;
	struct mkt_jval row, results, at;
	struct mkt_jiter it = {0};
	struct mkt_result res;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	c = client_of(s.server);
	mkt_api_frame(&body, "abc", 3);
	assert_int_equal(body.len, 7);
	assert_int_equal(mkt_api_submit(c, &body, MKT_WAIT_SEALED, &a, NULL), 0);
	assert_int_equal(mkt_receipt_read(&a, 0, &r, &row, NULL), 0);
	assert_int_equal(r.status, MKT_RECEIPT_SEALED);
	assert_string_equal(r.tx, HASH);
	assert_int_equal(r.height, 7);
	assert_int_equal(r.index, 3);
	assert_int_equal(r.time_ms, 1795397400000);
	assert_int_equal(mkt_jget_arr(&row, "results", &results, NULL), 0);
	assert_true(mkt_jval_next(&results, &it, &at));
	assert_int_equal(mkt_result_read(&at, &res, NULL), 0);
	assert_string_equal(res.op, "bid");
	assert_int_equal(res.err.code, MKT_EGATE);
	assert_string_equal(res.err.text, "leg 2: gate closed");
	assert_int_equal(res.leg, 1);
	assert_true(mkt_jval_next(&results, &it, &at));
	assert_int_equal(mkt_result_read(&at, &res, NULL), 0);
	assert_int_equal(res.err.code, 0);
	assert_int_equal(res.leg, MKT_NO_LEG);
	assert_int_equal(mkt_receipt_read(&a, 1, &r, &row, NULL), 0);
	assert_int_equal(r.status, MKT_RECEIPT_REFUSED);
	assert_int_equal(r.err.code, MKT_EEXPIRED);
	assert_string_equal(r.err.text, "late");
	assert_int_equal(mkt_receipt_read(&a, 2, &r, &row, NULL), -MKT_EUNAVAILABLE);
	assert_int_equal(mkt_receipt_read(&a, 3, &r, &row, NULL), -MKT_EUNAVAILABLE);
	mkt_answer_release(&a);
	mkt_buf_release(&body);
	mkt_client_free(c);
	stub_stop(&s);
}

/* It may be in a block although nobody understands the answer. */
static void an_unreadable_receipt_is_an_unknown_outcome(void **state)
{
	static const struct stub_step steps[] = {{.reply = HEAD "{}", .hang_up = true}};
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	c = client_of(s.server);
	mkt_api_frame(&body, "abc", 3);
	assert_int_equal(mkt_api_submit(c, &body, MKT_WAIT_NONE, &a, NULL), -MKT_EUNKNOWN);
	mkt_answer_release(&a);
	mkt_buf_release(&body);
	mkt_client_free(c);
	stub_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_exactly),
		cmocka_unit_test(the_market_is_read_whole),
		cmocka_unit_test(other_servers_are_told_apart),
		cmocka_unit_test(receipts_are_read),
		cmocka_unit_test(an_unreadable_receipt_is_an_unknown_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
