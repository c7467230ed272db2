/*
 * bench-etcd DIR ENDPOINT [COUNT]: transactions with etcd, one after the other, of a compare
 * and a put of 1 KB, with the certificates DIR/ca.pem, client.pem and client.key.  In turns by
 * the client (core/wire/etcd.h), which beside it keeps its lease and watches every change, and
 * bare: the same bytes posted on one kept connection, the answer not looked at.
 */
#include "core/base/compat.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>

#include "core/wire/etcd.h"
#include "core/wire/etcd_json.h"
#include "core/wire/stream.h"

#define ROUNDS 5
#define VALUE 1024

struct run {
	unsigned n;
	uint64_t *us; /* of each */
	uint64_t total_us, cpu_us;
};

struct bench {
	struct mkt_etcd *etcd;
	CURL *bare;
	char url[256], ca[256], cert[256], key[256];
	bool answered, ready;
	unsigned failed, seen;
	struct mkt_kv_txn txn;
};

static uint64_t now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void answer(void *ctx, uint32_t id, const struct mkt_kv_answer *a)
{
	struct bench *b = ctx;

	(void)id;
	b->answered = true;
	b->failed += a->outcome != MKT_KV_DONE;
}

static void seen(void *ctx, const struct mkt_kv_pair *p)
{
	(void)p;
	((struct bench *)ctx)->seen++;
}

static void lost(void *ctx, bool now, const char *why)
{
	(void)ctx;
	fprintf(stderr, "%s %s\n", now ? "lost" : "back", why);
}

static void leased(void *ctx)
{
	((struct bench *)ctx)->ready = true;
}

static size_t drop(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

static void step(struct bench *b)
{
	struct mkt_err err;

	if (mkt_etcd_step(b->etcd, mkt_stream_now_ms() + 1000, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

static void open_both(struct bench *b, const char *dir, const char *endpoint)
{
	struct mkt_etcd_conf conf = {.endpoints = endpoint, .prefix = "/L/bench/"};
	struct mkt_etcd_calls calls = {answer, seen, lost, leased, b};
	struct mkt_err err;

	snprintf(b->ca, sizeof(b->ca), "%s/ca.pem", dir);
	snprintf(b->cert, sizeof(b->cert), "%s/client.pem", dir);
	snprintf(b->key, sizeof(b->key), "%s/client.key", dir);
	snprintf(b->url, sizeof(b->url), "%s/v3/kv/txn", endpoint);
	conf.tls = (struct mkt_tls){.ca = b->ca, .cert = b->cert, .key = b->key};
	if (mkt_etcd_new(&conf, &calls, &b->etcd, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	while (!b->ready)
		step(b);
	b->bare = curl_easy_init();
	curl_easy_setopt(b->bare, CURLOPT_URL, b->url);
	curl_easy_setopt(b->bare, CURLOPT_CAINFO, b->ca);
	curl_easy_setopt(b->bare, CURLOPT_SSLCERT, b->cert);
	curl_easy_setopt(b->bare, CURLOPT_SSLKEY, b->key);
	curl_easy_setopt(b->bare, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(b->bare, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	b->txn.ncmps = b->txn.nthen = b->txn.nels = 1;
	b->txn.cmp[0].kind = MKT_KV_ABSENT;
	snprintf(b->txn.cmp[0].key, sizeof(b->txn.cmp[0].key), "none");
	b->txn.then[0].kind = MKT_KV_PUT;
	b->txn.then[0].len = VALUE;
	snprintf(b->txn.then[0].key, sizeof(b->txn.then[0].key), "head");
	b->txn.els[0] = b->txn.then[0];
	b->txn.els[0].kind = MKT_KV_GET;
	for (unsigned i = 0; i < VALUE; i++)
		b->txn.then[0].value[i] = (uint8_t)(i * 37);
}

static void by_client(struct bench *b)
{
	b->answered = false;
	if (mkt_etcd_txn(b->etcd, 1, &b->txn, NULL) < 0)
		exit(1);
	while (!b->answered)
		step(b);
}

static void by_hand(struct bench *b)
{
	static struct mkt_buf body;

	if (!body.len)
		etcd_put_txn(&body, "/L/bench/", &b->txn, 0);
	curl_easy_setopt(b->bare, CURLOPT_POSTFIELDS, mkt_buf_str(&body));
	b->failed += curl_easy_perform(b->bare) != CURLE_OK;
}

static void measure(struct bench *b, void (*one)(struct bench *), struct run *r, unsigned n)
{
	uint64_t cpu = now_us(CLOCK_PROCESS_CPUTIME_ID), begun = now_us(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < n; i++) {
		uint64_t at = now_us(CLOCK_MONOTONIC);

		one(b);
		r->us[r->n++] = now_us(CLOCK_MONOTONIC) - at;
	}
	r->total_us += now_us(CLOCK_MONOTONIC) - begun;
	r->cpu_us += now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void show(const char *name, struct run *r)
{
	qsort(r->us, r->n, sizeof(*r->us), by_size);
	printf("%-7s %5u /s   p50 %.2f ms   p99 %.2f ms   own CPU %.3f ms each\n", name,
	       (unsigned)(r->n * 1000000ull / r->total_us), (double)r->us[r->n / 2] / 1000,
	       (double)r->us[r->n * 99 / 100] / 1000, (double)r->cpu_us / r->n / 1000);
}

int main(int argc, char **argv)
{
	static struct bench b;
	unsigned n = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 300;
	struct run client = {.us = calloc(n * ROUNDS, sizeof(uint64_t))};
	struct run bare = {.us = calloc(n * ROUNDS, sizeof(uint64_t))};
	size_t before;

	if (argc < 3 || !n || !client.us || !bare.us) {
		fprintf(stderr, "usage: bench-etcd DIR ENDPOINT [COUNT]\n");
		return 2;
	}
	open_both(&b, argv[1], argv[2]);
	by_client(&b);
	by_hand(&b);
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < ROUNDS; i++) {
		measure(&b, by_client, &client, n);
		measure(&b, by_hand, &bare, n);
	}
	show("client", &client);
	show("bare", &bare);
	printf("client/bare: rate %.2f, CPU %.2f; memory grown by %ld bytes; %u failed, %u seen\n",
	       (double)bare.total_us / (double)client.total_us,
	       (double)client.cpu_us / (double)bare.cpu_us, (long)(mallinfo2().uordblks - before),
	       b.failed, b.seen);
	mkt_etcd_free(b.etcd);
	curl_easy_cleanup(b.bare);
	free(client.us);
	free(bare.us);
	return b.failed != 0;
}
