/* Reads that nobody waits for: answers, refusals, losses, and how many there may be. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/wire/pull.h"
#include "tests/stub_server.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"

struct seen {
	unsigned n, good;
	int code;
	char bodies[64];
};

static void on_answer(void *ctx, const struct mkt_buf *body, const struct mkt_err *err)
{
	struct seen *s = ctx;

	s->n++;
	if (err) {
		s->code = err->code;
		assert_null(body);
		assert_true(err->text[0] != '\0');
		return;
	}
	s->good++;
	snprintf(s->bodies + strlen(s->bodies), sizeof(s->bodies) - strlen(s->bodies), "%.*s;",
		 (int)body->len, (const char *)body->data);
}

static struct mkt_pull *pull_of(const char *server)
{
	struct mkt_client_conf conf = {.server = server};
	struct mkt_pull *p = NULL;

	assert_int_equal(mkt_pull_new(&conf, &p, NULL), 0);
	return p;
}

/* As a loop does it, until @n have been answered. */
static void turn_until(struct mkt_pull *p, const struct seen *s, unsigned n)
{
	for (unsigned i = 0; s->n < n; i++) {
		struct pollfd fds[MKT_PULL_LINES];
		int wait = 1000;
		unsigned k = mkt_pull_fds(p, fds, &wait);

		assert_true(i < 10000);
		poll(fds, k, wait);
		mkt_pull_turn(p);
	}
}

static void answers_and_refusals(void **state)
{
	static const struct stub_step steps[] = {
		{.reply = OK_HEAD "aa", .hang_up = true},
		{.reply =
			 "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		 .hang_up = true},
		{.reply = OK_HEAD "bb", .hang_up = true},
	};
	struct seen seen = {0};
	struct mkt_pull *p;
	struct stub s;

	(void)state;
	assert_true(stub_start(&s, steps, 3));
	p = pull_of(s.server);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(mkt_pull_get(p, "/v1/x", on_answer, &seen), 0);
		turn_until(p, &seen, i + 1);
	}
	assert_int_equal(mkt_pull_open(p), 0);
	assert_int_equal(seen.good, 2);
	assert_string_equal(seen.bodies, "aa;bb;");
	assert_int_equal(seen.code, MKT_ENOTFOUND);
	mkt_pull_free(p);
	stub_stop(&s);
}

static void nobody_there(void **state)
{
	struct mkt_pull *p = pull_of("unix:/nonexistent/socket");
	struct seen seen = {0};

	(void)state;
	assert_int_equal(mkt_pull_get(p, "/v1/x", on_answer, &seen), 0);
	turn_until(p, &seen, 1);
	assert_int_equal(seen.code, MKT_EUNAVAILABLE);
	mkt_pull_free(p);
}

/* More than the queue holds are refused; those asked for and dropped are never answered. */
static void bounded_and_dropped(void **state)
{
	static const struct stub_step steps[] = {{.mute = true}};
	struct seen seen = {0};
	struct mkt_pull *p;
	struct stub s;
	unsigned n = 0;

	(void)state;
	assert_true(stub_start(&s, steps, 1));
	p = pull_of(s.server);
	while (!mkt_pull_get(p, "/v1/x", on_answer, &seen))
		n++;
	assert_int_equal(n, MKT_PULL_QUEUE_MAX);
	assert_int_equal(mkt_pull_get(p, "/v1/x", on_answer, &seen), -MKT_EBUSY);
	mkt_pull_turn(p);
	assert_int_equal(mkt_pull_open(p), n);
	assert_int_equal(mkt_pull_get(p, "/v1/x", on_answer, &seen), 0);
	mkt_pull_free(p);
	stub_stop(&s);
	assert_int_equal(seen.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_refusals),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(bounded_and_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
