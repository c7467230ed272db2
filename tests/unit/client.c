#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/wire/client.h"
#include "tests/stub_server.h"

#define OK(body) "HTTP/1.1 200 OK\r\nContent-Length: " body
#define OK_HELLO                                                                                   \
	OK("5\r\nRateLimit-Limit: 60\r\nRateLimit-Remaining: 59\r\nRateLimit-Reset: "              \
	   "7\r\n\r\nhello")
#define BUSY "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"

static struct mkt_client *client_of(const char *server, uint64_t timeout_ms)
{
	struct mkt_client_conf conf = {
		.server = server, .timeout_ms = timeout_ms, .connect_ms = 200};
	struct mkt_client *c = NULL;
	struct mkt_err err = {0};

	assert_int_equal(mkt_client_new(&conf, &c, &err), 0);
	return c;
}

static int post(struct mkt_client *c, bool changes, struct mkt_buf *body, struct mkt_err *err)
{
	return mkt_client_post(c,
			       &(struct mkt_post){.path = "/v1/transactions",
						  .type = "text/plain",
						  .p = "abc",
						  .n = 3,
						  .changes = changes},
			       body, err);
}

static void one_connection_serves_many_calls(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = OK_HELLO}, {.reply = OK_HELLO}, {.reply = OK_HELLO}};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_rate rate;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 3));
	c = client_of(s.server, 5000);
	assert_int_equal(mkt_client_get(c, "/v1/a?b=%20", &body, NULL), 0);
	assert_string_equal(mkt_buf_str(&body), "hello");
	assert_int_equal(mkt_client_get(c, "/v1/b", &body, NULL), 0);
	assert_string_equal(mkt_buf_str(&body), "hello");
	assert_int_equal(post(c, true, &body, NULL), 0);
	mkt_client_rate(c, &rate);
	assert_int_equal(rate.limit, 60);
	assert_int_equal(rate.remaining, 59);
	assert_int_equal(rate.reset_s, 7);
	mkt_client_free(c);
	stub_stop(&s);
	assert_int_equal(s.connections, 1);
	assert_int_equal(s.nrequests, 3);
	assert_non_null(strstr(s.request[0], "GET /v1/a?b=%20 HTTP/1.1\r\n"));
	assert_non_null(strstr(s.request[2], "POST /v1/transactions HTTP/1.1\r\n"));
	assert_non_null(strstr(s.request[2], "\r\n\r\nabc"));
	assert_null(strstr(s.request[2], "Expect:"));
	mkt_buf_release(&body);
}

static void busy_is_retried(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = BUSY}, {.reply = BUSY}, {.reply = OK_HELLO}};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 3));
	c = client_of(s.server, 5000);
	assert_int_equal(post(c, true, &body, NULL), 0);
	mkt_client_free(c);
	stub_stop(&s);
	assert_int_equal(s.nrequests, 3);
	mkt_buf_release(&body);
}

static void busy_until_the_deadline_is_surely_not_applied(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = "HTTP/1.1 429 Too Many\r\nRetry-After: 30\r\nConnection: close\r\n\r\n"
			  "{\"error\":{\"code\":\"rate-limit\",\"message\":\"60 of 60 "
			  "used\",\"hint\":\"wait\",\"exit\":7,\"x\":[1]}}",
		 .hang_up = true}};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_err err;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	c = client_of(s.server, 1000);
	assert_int_equal(post(c, true, &body, &err), -MKT_ERATE);
	assert_string_equal(err.text, "60 of 60 used");
	assert_string_equal(err.hint, "wait");
	mkt_client_free(c);
	stub_stop(&s);
	mkt_buf_release(&body);
}

static void a_lost_answer_is_asked_for_again(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = NULL},
		{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", .hang_up = true},
		{.reply = OK_HELLO}};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 3));
	c = client_of(s.server, 5000);
	assert_int_equal(post(c, true, &body, NULL), 0);
	assert_string_equal(mkt_buf_str(&body), "hello"); /* the half answer is forgotten */
	mkt_client_free(c);
	stub_stop(&s);
	assert_int_equal(s.nrequests, 3);
	mkt_buf_release(&body);
}

/* Sent once, lost, and never reached again: nobody knows. */
static void once_sent_the_outcome_stays_unknown(void **state)
{
	static const struct stub_step steps[] = {{.reply = NULL}};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_err err;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	c = client_of(s.server, 600);
	assert_int_equal(post(c, true, &body, &err), -MKT_EUNKNOWN);
	assert_non_null(strstr(err.text, "it may have been applied"));
	mkt_client_free(c);
	stub_stop(&s);
	mkt_buf_release(&body);
}

static void mute_servers_meet_the_deadline(void **state)
{
	static const struct stub_step steps[] = {{.mute = true}, {.mute = true}, {.mute = true}};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_err err;
	struct mkt_client *c;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 3));
	c = client_of(s.server, 150);
	assert_int_equal(mkt_client_get(c, "/v1/status", &body, &err), -MKT_ETIMEOUT);
	mkt_client_restart(c, 150);
	assert_int_equal(post(c, false, &body, &err), -MKT_ETIMEOUT);
	mkt_client_restart(c, 150);
	assert_int_equal(post(c, true, &body, &err), -MKT_EUNKNOWN);
	mkt_client_free(c);
	stub_stop(&s);
	mkt_buf_release(&body);
}

static void nobody_there_is_unavailable(void **state)
{
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_err err;
	struct mkt_client *c = client_of("unix:/nonexistent/sock", 5000);

	(void)state;
	assert_int_equal(post(c, true, &body, &err), -MKT_EUNAVAILABLE);
	assert_string_equal(err.text,
			    "cannot reach 'unix:/nonexistent/sock': no such file or directory");
	mkt_client_free(c);
	mkt_buf_release(&body);
}

/* curl asks again by itself when a kept connection is dead; the first copy may have been read. */
static void a_second_copy_that_finds_nobody_is_no_proof(void **state)
{
	static const struct stub_step steps[] = {{.reply = OK_HELLO}, {.reply = NULL, .close = true}};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_client *c;
	struct mkt_err err;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 2));
	c = client_of(s.server, 1000);
	assert_int_equal(post(c, true, &body, NULL), 0);
	assert_int_equal(post(c, true, &body, &err), -MKT_EUNKNOWN);
	mkt_client_free(c);
	stub_stop(&s);
	assert_int_equal(s.nrequests, 2);
	mkt_buf_release(&body);
}

static void stop_ends_the_waiting(void **state)
{
	static const struct stub_step steps[] = {{.mute = true}};
	static volatile sig_atomic_t stop = 1;
	struct mkt_client_conf conf = {.timeout_ms = 60000, .stop = &stop};
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_client *c;
	struct mkt_err err;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	conf.server = s.server;
	assert_int_equal(mkt_client_new(&conf, &c, NULL), 0);
	assert_int_equal(mkt_client_get(c, "/", &body, &err), -MKT_ECANCELLED);
	assert_true(mkt_client_stopped(c));
	mkt_client_free(c);
	stub_stop(&s);
	mkt_buf_release(&body);
}

static int count_bytes(void *ctx, const void *p, size_t n)
{
	(void)p;
	*(size_t *)ctx += n;
	return 0;
}

static int refuse_bytes(void *ctx, const void *p, size_t n)
{
	(void)ctx, (void)p, (void)n;
	return -MKT_EINTEGRITY;
}

static void sinks_are_never_fed_twice(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = OK_HELLO},
		{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", .hang_up = true},
		{.reply = OK_HELLO}};
	struct mkt_client *c;
	size_t n = 0;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 3));
	c = client_of(s.server, 2000);
	assert_int_equal(mkt_client_fetch(c, "/v1/chain", count_bytes, &n, NULL), 0);
	assert_int_equal(n, 5);
	assert_int_equal(mkt_client_fetch(c, "/v1/chain", count_bytes, &n, NULL),
			 -MKT_EUNAVAILABLE);
	assert_int_equal(n, 7);
	assert_int_equal(mkt_client_fetch(c, "/v1/chain", refuse_bytes, &n, NULL), -MKT_EINTEGRITY);
	mkt_client_free(c);
	stub_stop(&s);
}

static void refusals_keep_the_servers_words(void **state)
{
	static const struct {
		long status;
		const char *body;
		int rc;
		const char *text;
	} t[] = {
		{404,
		 "{\"error\":{\"code\":\"bid-unknown\",\"message\":\"no bid 7\",\"hint\":\"\"}}",
		 -MKT_EBID, "no bid 7"},
		{400, "{\"error\":{\"code\":\"from-the-future\",\"message\":\"hm\"}}", -MKT_EINVAL,
		 "hm"},
		{403, "<html>", -MKT_EDENIED, "the server answered with status 403"},
		{404, "", -MKT_ENOTFOUND, "the server answered with status 404"},
		{507, "{}", -MKT_EDISKFULL, "the server answered with status 507"},
		{500, "{\"error\":1}", -MKT_EUNAVAILABLE, "the server answered with status 500"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		struct mkt_buf b = MKT_BUF_INIT;
		struct mkt_err err;

		mkt_buf_addstr(&b, t[i].body);
		assert_int_equal(mkt_client_refusal(t[i].status, &b, &err), t[i].rc);
		assert_int_equal(-err.code, t[i].rc);
		assert_string_equal(err.text, t[i].text);
		mkt_buf_release(&b);
	}
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	      "unix:",	    "unix:rel",	 "ftp://x",	   "http://",
		"http://a b", "http://u@h", "https:///", "localhost:7460", "http://h/?q"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		struct mkt_client_conf conf = {.server = bad[i]};
		struct mkt_client *c = NULL;
		struct mkt_err err = {0};

		assert_int_equal(mkt_client_new(&conf, &c, &err), -MKT_EUSAGE);
		assert_null(c);
	}
}

static void urls_are_escaped(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	mkt_url_escape(&b, "green+lvm house 07/\xc3\xa9?&=#~");
	assert_string_equal(mkt_buf_str(&b), "green%2Blvm%20house%2007%2F%C3%A9%3F%26%3D%23~");
	mkt_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_connection_serves_many_calls),
		cmocka_unit_test(busy_is_retried),
		cmocka_unit_test(busy_until_the_deadline_is_surely_not_applied),
		cmocka_unit_test(a_lost_answer_is_asked_for_again),
		cmocka_unit_test(once_sent_the_outcome_stays_unknown),
		cmocka_unit_test(mute_servers_meet_the_deadline),
		cmocka_unit_test(nobody_there_is_unavailable),
		cmocka_unit_test(a_second_copy_that_finds_nobody_is_no_proof),
		cmocka_unit_test(stop_ends_the_waiting),
		cmocka_unit_test(sinks_are_never_fed_twice),
		cmocka_unit_test(refusals_keep_the_servers_words),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(urls_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
