/* The client of etcd against servers that answer as no etcd should. */
#include "core/base/compat.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/wire/etcd.h"
#include "core/wire/stream.h"

#define HEAD "\"header\":{\"cluster_id\":\"77\",\"revision\":\"9\"}"
#define LEASE "{" HEAD ",\"ID\":\"4711\",\"TTL\":\"3\"}"
#define DONE "{" HEAD ",\"succeeded\":true,\"responses\":[{\"response_put\":{}}]}"
#define CONNECTIONS_MAX 64
#define PATIENCE_MS 20000
#define REQUEST_MS 1000 /* under valgrind curl needs some for its first breath */

enum how { WHOLE, DRIP, MUTE, HANG_UP, HUGE_ };

/* An etcd that knows leases and an empty prefix, and answers transactions as it is told. */
struct stub {
	int fd;
	char url[64];
	unsigned status;
	const char *txn; /* the answer */
	enum how how;
	const char *again; /* with 200, from the second transaction on; or NULL */
	const char *news;  /* lines of the watch */
	atomic_uint txns, logins, pages;
	atomic_bool stop;
	pthread_t main, one[CONNECTIONS_MAX];
	unsigned n;
};

struct connection {
	struct stub *s;
	int fd;
};

struct told {
	bool answered, lost;
	uint8_t outcome;
	unsigned leases, seen;
	char key[64];
};

static bool read_request(int fd, char *out, size_t size)
{
	size_t n = 0;

	memset(out, 0, size);
	for (;;) {
		char *body = strstr(out, "\r\n\r\n"), *len = strcasestr(out, "content-length:");
		ssize_t got;

		if (body && n >= (size_t)(body + 4 - out) + (len ? strtoul(len + 15, NULL, 10) : 0))
			return true;
		got = read(fd, out + n, size - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
}

static bool say(int fd, unsigned status, const char *body)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %u X\r\nContent-Length: %zu\r\n\r\n%s",
			 status, strlen(body), body);

	return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

static void wait_for_stop(struct stub *s)
{
	while (!atomic_load(&s->stop))
		usleep(1000);
}

static bool answer_txn(struct stub *s, int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n";
	char page[4096];

	if (atomic_fetch_add(&s->txns, 1) && s->again)
		return say(fd, 200, s->again);
	switch (s->how) {
	case WHOLE:
		return say(fd, s->status, s->txn);
	case MUTE:
		wait_for_stop(s);
		return false;
	case DRIP:
		for (unsigned i = 0; !atomic_load(&s->stop) && i < sizeof(head) - 1; i++) {
			if (send(fd, head + i, 1, MSG_NOSIGNAL) != 1)
				return false;
			usleep(20000);
		}
		return false;
	case HUGE_:
		memset(page, ' ', sizeof(page));
		if (send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL) < 0)
			return false;
		for (unsigned i = 0; i < 5000000 / sizeof(page); i++)
			if (send(fd, page, sizeof(page), MSG_NOSIGNAL) < 0)
				return false;
		return false;
	default:
		return false;
	}
}

static bool answer_watch(struct stub *s, int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	char chunk[4096];

	send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL);
	if (s->news) {
		snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", strlen(s->news), s->news);
		send(fd, chunk, strlen(chunk), MSG_NOSIGNAL);
	}
	wait_for_stop(s);
	return false;
}

static void *serve(void *arg)
{
	struct connection *c = arg;
	struct stub *s = c->s;
	char request[8192];
	bool on = true;

	while (on && read_request(c->fd, request, sizeof(request))) {
		if (strstr(request, "/v3/kv/txn"))
			on = answer_txn(s, c->fd);
		else if (strstr(request, "/v3/watch"))
			on = answer_watch(s, c->fd);
		else if (strstr(request, "/v3/kv/range")) {
			atomic_fetch_add(&s->pages, 1);
			on = say(c->fd, 200, "{" HEAD "}");
		} else if (strstr(request, "/v3/auth")) {
			atomic_fetch_add(&s->logins, 1);
			on = say(c->fd, 200, "{" HEAD ",\"token\":\"abc.1\"}");
		} else {
			on = say(c->fd, 200, LEASE);
		}
	}
	close(c->fd);
	free(c);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct stub *s = arg;
	int fd;

	while (s->n < CONNECTIONS_MAX && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct connection *c = malloc(sizeof(*c));

		assert_non_null(c);
		*c = (struct connection){s, fd};
		assert_int_equal(pthread_create(&s->one[s->n++], NULL, serve, c), 0);
	}
	return NULL;
}

static void stub_up(struct stub *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0 && !bind(s->fd, (struct sockaddr *)&a, sizeof(a)) &&
		    !listen(s->fd, 16) && !getsockname(s->fd, (struct sockaddr *)&a, &n));
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&s->main, NULL, accept_all, s), 0);
}

static void stub_down(struct stub *s)
{
	atomic_store(&s->stop, true);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->main, NULL);
	close(s->fd);
	for (unsigned i = 0; i < s->n; i++)
		pthread_join(s->one[i], NULL);
}

static void answer(void *ctx, uint32_t id, const struct mkt_kv_answer *a)
{
	struct told *t = ctx;

	assert_int_equal(id, 5);
	assert_false(t->answered); /* once each */
	t->answered = true;
	t->outcome = a->outcome;
}

static void seen(void *ctx, const struct mkt_kv_pair *p)
{
	struct told *t = ctx;

	t->seen++;
	snprintf(t->key, sizeof(t->key), "%.63s", p->key);
}

static void lost(void *ctx, bool now, const char *why)
{
	(void)why;
	((struct told *)ctx)->lost = now;
}

static void leased(void *ctx)
{
	((struct told *)ctx)->leases++;
}

static struct mkt_etcd *client(struct told *t, const char *url, const char *user, uint64_t cluster)
{
	struct mkt_etcd_conf conf = {.endpoints = url,
				     .prefix = "/L/x/",
				     .user = user,
				     .password = user,
				     .request_ms = REQUEST_MS,
				     .cluster = cluster};
	struct mkt_etcd_calls calls = {answer, seen, lost, leased, t};
	struct mkt_etcd *e = NULL;
	struct mkt_err err = {0};

	assert_int_equal(mkt_etcd_new(&conf, &calls, &e, &err), 0);
	return e;
}

static int ask(struct mkt_etcd *e, struct told *t)
{
	static struct mkt_kv_txn txn;
	uint64_t end = mkt_stream_now_ms() + PATIENCE_MS;
	int rc = 0;

	txn.nthen = 1;
	txn.then[0].kind = MKT_KV_PUT;
	memcpy(txn.then[0].key, "ep", 3);
	t->answered = false;
	assert_int_equal(mkt_etcd_txn(e, 5, &txn, NULL), 0);
	while (!t->answered && !rc && mkt_stream_now_ms() < end)
		rc = mkt_etcd_step(e, mkt_stream_now_ms() + 100, NULL);
	return rc;
}

static void step_until(struct mkt_etcd *e, const unsigned *what, unsigned n)
{
	uint64_t end = mkt_stream_now_ms() + PATIENCE_MS;

	while (*what < n && mkt_stream_now_ms() < end)
		assert_int_equal(mkt_etcd_step(e, mkt_stream_now_ms() + 100, NULL), 0);
	assert_true(*what >= n);
}

#define ERROR(text, code) "{\"error\":\"etcdserver: " text "\",\"message\":\"\",\"code\":" #code "}"

static void only_what_surely_was_not_done_is_refused(void **state)
{
	static const struct {
		unsigned status;
		const char *txn;
		enum how how;
		uint8_t outcome;
	} t[] = {
		{200, DONE, WHOLE, MKT_KV_DONE},
		{200, "{" HEAD "}", WHOLE, MKT_KV_ELSE},
		{429, ERROR("mvcc: database space exceeded", 8), WHOLE, MKT_KV_REFUSED},
		{404, ERROR("requested lease not found", 5), WHOLE, MKT_KV_REFUSED},
		{403, ERROR("permission denied", 7), WHOLE, MKT_KV_REFUSED},
		{401, ERROR("invalid auth token", 16), WHOLE, MKT_KV_REFUSED},
		{503, ERROR("request timed out", 14), WHOLE, MKT_KV_UNKNOWN},
		{503, "<html>", WHOLE, MKT_KV_UNKNOWN},
		{401, "<html>", WHOLE, MKT_KV_UNKNOWN},
		{302, "", WHOLE, MKT_KV_UNKNOWN},
		{200, "", WHOLE, MKT_KV_UNKNOWN},
		{200, "{" HEAD ",\"succeeded\":true}", WHOLE, MKT_KV_UNKNOWN},
		{200, "\"" DONE "\"", WHOLE, MKT_KV_UNKNOWN},
		{200, DONE, MUTE, MKT_KV_UNKNOWN},
		{200, DONE, DRIP, MKT_KV_UNKNOWN},
		{200, DONE, HANG_UP, MKT_KV_UNKNOWN},
		{200, DONE, HUGE_, MKT_KV_UNKNOWN},
	};

	(void)state;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		struct stub s = {.status = t[i].status, .txn = t[i].txn, .how = t[i].how};
		struct told told = {0};
		struct mkt_etcd *e;

		stub_up(&s);
		e = client(&told, s.url, NULL, 0);
		step_until(e, &told.leases, 1);
		assert_int_equal(ask(e, &told), 0);
		mkt_etcd_free(e);
		stub_down(&s);
		if (!told.answered || told.outcome != t[i].outcome)
			fail_msg("%u '%s' %d: outcome %u", t[i].status, t[i].txn, t[i].how,
				 told.outcome);
	}
}

static void nobody_there_is_refused_and_told(void **state)
{
	struct told told = {0};
	struct mkt_etcd *e = client(&told, "http://127.0.0.1:1 http://127.0.0.1:2", NULL, 0);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ask(e, &told), 0);
		assert_true(told.answered);
		assert_int_equal(told.outcome, MKT_KV_REFUSED);
	}
	assert_true(told.lost);
	mkt_etcd_free(e);
}

static void the_next_endpoint_is_asked_next(void **state)
{
	struct stub bad = {.status = 503, .txn = "busy"}, good = {.status = 200, .txn = DONE};
	struct told told = {0};
	struct mkt_etcd *e;
	char urls[256];

	(void)state;
	stub_up(&bad);
	stub_up(&good);
	snprintf(urls, sizeof(urls), "%s,%s", bad.url, good.url);
	e = client(&told, urls, NULL, 77);
	assert_int_equal(ask(e, &told), 0);
	assert_int_equal(told.outcome, MKT_KV_UNKNOWN);
	assert_int_equal(ask(e, &told), 0);
	assert_int_equal(told.outcome, MKT_KV_DONE);
	assert_false(told.lost);
	mkt_etcd_free(e);
	stub_down(&bad);
	stub_down(&good);
}

static void an_expired_token_is_renewed_and_the_transaction_sent_again(void **state)
{
	struct stub s = {.status = 401, .txn = ERROR("invalid auth token", 16), .again = DONE};
	struct told told = {0};
	struct mkt_etcd *e;

	(void)state;
	stub_up(&s);
	e = client(&told, s.url, "root", 0);
	assert_int_equal(ask(e, &told), 0);
	assert_int_equal(told.outcome, MKT_KV_DONE);
	mkt_etcd_free(e);
	stub_down(&s);
	assert_int_equal(s.txns, 2);
	assert_int_equal(s.logins, 2);
}

static void a_foreign_cluster_ends_it(void **state)
{
	struct stub s = {.status = 200, .txn = DONE};
	struct told told = {0};
	struct mkt_err err = {0};
	struct mkt_etcd *e;
	static struct mkt_kv_txn txn;

	(void)state;
	stub_up(&s);
	e = client(&told, s.url, NULL, 78);
	assert_int_equal(ask(e, &told), -MKT_EFOREIGN);
	assert_false(told.answered);
	assert_int_equal(mkt_etcd_step(e, 0, &err), -MKT_EFOREIGN);
	assert_int_equal(mkt_etcd_txn(e, 5, &txn, &err), -MKT_EFOREIGN);
	mkt_etcd_free(e);
	stub_down(&s);
}

static void the_watch_reads_again_after_nonsense(void **state)
{
	struct stub s = {.status = 200,
			 .txn = DONE,
			 .news = "{\"result\":{" HEAD ",\"created\":true}}\n{\"result\":{" HEAD
				 ",\"events\":[{\"kv\":{\"key\":\"L0wveC9lcA==\",\"mod_revision\":"
				 "\"10\"}}]}}\n{\"result\":7}\n"};
	struct told told = {0};
	struct mkt_etcd *e;

	(void)state;
	stub_up(&s);
	e = client(&told, s.url, NULL, 0);
	step_until(e, &told.seen, 3);
	assert_string_equal(told.key, "ep");
	assert_int_equal(told.leases, 1);
	mkt_etcd_wake(e);
	assert_int_equal(mkt_etcd_step(e, UINT64_MAX, NULL), 0);
	mkt_etcd_leave(e, mkt_stream_now_ms() + 1000);
	mkt_etcd_free(e);
	stub_down(&s);
}

static void no_more_than_the_limit_are_under_way(void **state)
{
	static struct mkt_kv_txn txn;
	struct told told = {0};
	struct mkt_etcd *e = client(&told, "http://127.0.0.1:1", NULL, 0);

	(void)state;
	for (unsigned i = 0; i < MKT_ETCD_TXNS_MAX; i++)
		assert_int_equal(mkt_etcd_txn(e, 5, &txn, NULL), 0);
	assert_int_equal(mkt_etcd_txn(e, 5, &txn, NULL), -MKT_EBUSY);
	mkt_etcd_free(e);
}

static void bad_settings(void **state)
{
	static const struct mkt_etcd_conf bad[] = {
		{.endpoints = "", .prefix = "/L/"},
		{.endpoints = "ftp://x", .prefix = "/L/"},
		{.endpoints = "https://", .prefix = "/L/"},
		{.endpoints = "http://a/b", .prefix = "/L/"},
		{.endpoints = "http://u@a", .prefix = "/L/"},
		{.endpoints =
			 "http://a http://a http://a http://a http://a http://a http://a http://a "
			 "http://a http://a",
		 .prefix = "/L/"},
		{.endpoints = "http://a", .prefix = "/L"},
		{.endpoints = "http://a", .prefix = ""},
	};
	struct mkt_etcd_calls calls = {0};
	struct mkt_etcd *e;

	(void)state;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		assert_int_equal(mkt_etcd_new(&bad[i], &calls, &e, NULL), -MKT_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_surely_was_not_done_is_refused),
		cmocka_unit_test(nobody_there_is_refused_and_told),
		cmocka_unit_test(the_next_endpoint_is_asked_next),
		cmocka_unit_test(an_expired_token_is_renewed_and_the_transaction_sent_again),
		cmocka_unit_test(a_foreign_cluster_ends_it),
		cmocka_unit_test(the_watch_reads_again_after_nonsense),
		cmocka_unit_test(no_more_than_the_limit_are_under_way),
		cmocka_unit_test(bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
