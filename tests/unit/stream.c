#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/wire/stream.h"
#include "tests/stub_server.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

static struct mkt_stream *stream_of(const char *server, const char *cursor)
{
	struct mkt_client_conf conf = {.server = server};
	struct mkt_stream_conf what = {.path = "/v1/events?from=3", .cursor = cursor};
	struct mkt_stream *s = NULL;

	assert_int_equal(mkt_stream_new(&conf, &what, &s, NULL), 0);
	return s;
}

static uint64_t soon(uint64_t ms)
{
	return mkt_stream_now_ms() + ms;
}

/* Lost in the middle of an event, twice: each event comes once, in order. */
static void goes_on_behind_the_last_event(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = HEAD
		 "id: 3:0\nevent: contract\ndata: a\n\nid: 3:1\ndata: b\n\nid: 3:2\nda",
		 .hang_up = true},
		{.refuse = true},
		{.reply = HEAD ": hello\n\nid: 3:2\ndata: c\n\n", .hang_up = true},
	};
	char got[64] = "";
	unsigned losses = 0, events = 0;
	struct mkt_sse_event ev;
	struct mkt_stream *st;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 3));
	st = stream_of(s.server, NULL);
	while (events < 3) {
		int rc = mkt_stream_next(st, soon(5000), &ev, NULL);

		if (rc == MKT_STREAM_LOST) {
			losses++;
			continue;
		}
		assert_int_equal(rc, MKT_STREAM_EVENT);
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s %s %s;", ev.id, ev.kind,
			 ev.data);
		events++;
	}
	assert_string_equal(got, "3:0 contract a;3:1 message b;3:2 message c;");
	assert_string_equal(mkt_stream_cursor(st), "3:2");
	assert_int_equal(losses, 2);
	mkt_stream_free(st);
	stub_stop(&s);
	assert_null(strstr(s.request[0], "Last-Event-ID"));
	assert_non_null(strstr(s.request[1], "Last-Event-ID: 3:1\r\n"));
}

static void a_cursor_from_a_file_is_sent_first(void **state)
{
	static const struct stub_step steps[] = {{.reply = HEAD "data: x\n\n", .hang_up = true}};
	struct mkt_sse_event ev;
	struct mkt_stream *st;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	st = stream_of(s.server, "17:4");
	assert_int_equal(mkt_stream_next(st, soon(5000), &ev, NULL), MKT_STREAM_EVENT);
	assert_string_equal(mkt_stream_cursor(st), "17:4"); /* an event without id moves nothing */
	mkt_stream_free(st);
	stub_stop(&s);
	assert_non_null(strstr(s.request[0], "Last-Event-ID: 17:4\r\n"));
}

static void quiet_and_absent_servers_give_the_turn_back(void **state)
{
	static const struct stub_step steps[] = {{.reply = HEAD ": nothing yet\n\n"},
						 {.mute = true}};
	struct mkt_sse_event ev;
	struct mkt_err err = {0};
	struct mkt_stream *st;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 2));
	st = stream_of(s.server, NULL);
	assert_int_equal(mkt_stream_next(st, soon(100), &ev, NULL), MKT_STREAM_QUIET);
	mkt_stream_free(st);
	stub_stop(&s);
	st = stream_of("unix:/nonexistent", NULL);
	assert_int_equal(mkt_stream_next(st, soon(100), &ev, &err), MKT_STREAM_LOST);
	assert_int_equal(err.code, MKT_EUNAVAILABLE);
	assert_int_equal(mkt_stream_next(st, soon(10), &ev, NULL),
			 MKT_STREAM_QUIET); /* its pause is longer */
	mkt_stream_free(st);
}

static void refusals_end_the_stream(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"},
		{.reply = "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n"
			  "{\"error\":{\"code\":\"not-found\",\"message\":\"no block 3\"}}",
		 .hang_up = true}};
	struct mkt_sse_event ev;
	struct mkt_err err = {0};
	struct mkt_stream *st;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 2));
	st = stream_of(s.server, NULL);
	assert_int_equal(mkt_stream_next(st, soon(5000), &ev, &err), MKT_STREAM_LOST);
	assert_int_equal(err.code, MKT_EBUSY);
	assert_int_equal(mkt_stream_next(st, soon(5000), &ev, &err), -MKT_ENOTFOUND);
	assert_string_equal(err.text, "no block 3");
	mkt_stream_free(st);
	stub_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_behind_the_last_event),
		cmocka_unit_test(a_cursor_from_a_file_is_sent_first),
		cmocka_unit_test(quiet_and_absent_servers_give_the_turn_back),
		cmocka_unit_test(refusals_end_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
