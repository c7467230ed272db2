#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/wire/sse.h"

/* Everything the reader gives, as "kind|id|data;" */
static void drain(struct mkt_sse *s, struct mkt_buf *out)
{
	struct mkt_sse_event ev;

	while (mkt_sse_next(s, &ev) == 1) {
		assert_int_equal(strlen(ev.data), ev.len);
		mkt_buf_addf(out, "%s|%s|%s;", ev.kind, ev.id, ev.data);
	}
}

static const struct {
	const char *in;
	const char *out;
} table[] = {
	{"data: x\n\n", "message||x;"},
	{"data:x\r\n\r\n", "message||x;"},
	{"data:  x\r\r", "message|| x;"},
	{"id: 5:1\nevent: block\ndata: {\"a\":1}\n\n", "block|5:1|{\"a\":1};"},
	{": quiet\n\n:\n\ndata: y\n\n", "message||y;"},
	{"data: a\ndata: b\n\n", "message||a\nb;"},
	{"data\n\n", "message||;"},
	{"event: gone\n\ndata: z\n\n",
	 "message||z;"}, /* no data: no event, and its name is forgotten */
	{"id: 1\n\ndata: z\n\ndata: w\n\n", "message|1|z;message|1|w;"}, /* ids stay */
	{"foo: bar\nretry: 10\ndata: q\n\n", "message||q;"},
	{"data: half\n", ""},
	{"id: 0123456789012345678901234567890123456789012345678901234567890123456789\ndata: q\n\n",
	 "message||q;"},
};

static void any_split_gives_the_same_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(table); i++)
		for (size_t cut = 1; cut <= strlen(table[i].in); cut++) {
			struct mkt_sse s = MKT_SSE_INIT;
			struct mkt_buf out = MKT_BUF_INIT;

			for (size_t at = 0; at < strlen(table[i].in); at += cut) {
				size_t n = strlen(table[i].in) - at;

				assert_int_equal(
					mkt_sse_feed(&s, table[i].in + at, n < cut ? n : cut), 0);
				drain(&s, &out);
			}
			assert_string_equal(mkt_buf_str(&out), table[i].out);
			mkt_buf_release(&out);
			mkt_sse_release(&s);
		}
}

static void endless_events_are_refused(void **state)
{
	struct mkt_sse one = MKT_SSE_INIT, many = MKT_SSE_INIT;
	struct mkt_sse_event ev;
	char line[1024];
	int rc = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	for (unsigned i = 0; !rc && i <= MKT_SSE_BYTES_MAX / sizeof(line) + 1; i++) {
		assert_int_equal(mkt_sse_feed(&one, line, sizeof(line)), 0);
		rc = mkt_sse_next(&one, &ev);
	}
	assert_int_equal(rc, -MKT_ELIMIT);
	memcpy(line, "data:", 5);
	line[sizeof(line) - 1] = '\n';
	rc = 0;
	for (unsigned i = 0; !rc && i <= MKT_SSE_BYTES_MAX / 1000; i++) {
		assert_int_equal(mkt_sse_feed(&many, line, sizeof(line)), 0);
		rc = mkt_sse_next(&many, &ev);
	}
	assert_int_equal(rc, -MKT_ELIMIT);
	mkt_sse_release(&one);
	mkt_sse_release(&many);
}

static void restart_keeps_the_id_only(void **state)
{
	struct mkt_sse s = MKT_SSE_INIT;
	struct mkt_buf out = MKT_BUF_INIT;

	(void)state;
	assert_int_equal(mkt_sse_feed(&s, "id: 9\ndata: a\n\nevent: x\ndata: ha", 33), 0);
	drain(&s, &out);
	mkt_sse_restart(&s);
	assert_int_equal(mkt_sse_feed(&s, "data: b\n\n", 9), 0);
	drain(&s, &out);
	assert_string_equal(mkt_buf_str(&out), "message|9|a;message|9|b;");
	mkt_buf_release(&out);
	mkt_sse_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_split_gives_the_same_events),
		cmocka_unit_test(endless_events_are_refused),
		cmocka_unit_test(restart_keeps_the_id_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
