/*
 * ledgerd under many hands: 128, 256 and 512 connections at once (the numbers
 * that stall libmicrohttpd with epoll), readers that do not read, streams of
 * the whole chain in flat memory, events without gaps from any height, rate
 * limits, an operator's clock.
 *
 * MKT_LONG=1: the streamed chain has 200,000 blocks, else 3,000.
 */
#include "core/base/compat.h"

#include <pthread.h>
#include <sys/resource.h>

#include "core/codec/enc.h"
#include "tests/node.h"
#include "tests/tap.h"

#define ACCOUNTS 8
#define ANSWER_MS 10000 /* of any request here, on any machine */
#ifdef __SANITIZE_ADDRESS__
#define RSS_SLACK_KB (16384 + 262144) /* it keeps what was freed: quarantine_size_mb */
#else
#define RSS_SLACK_KB 16384
#endif
#define STREAMS 8

static void bid(struct node *n, uint32_t account, uint8_t side, int32_t price, struct mkt_buf *out)
{
	uint64_t now_s =
		(n->g.clock == MKT_CLOCK_OPERATOR ? n->g.time_ms : node_ms(CLOCK_REALTIME)) / 1000;
	struct mkt_bid_leg leg = {.window = (uint32_t)(now_s / n->g.window_s) + 3,
				  .price_upwh = price};
	struct mkt_op_bid op = {.side = side, .nlegs = 1, .amount_wh = 100};

	node_bid(n, account, &op, &leg, out);
}

/* ---- many connections ----------------------------------------------------------------------- */

/* All are open, all ask at once, all are answered. */
static void test_connections(struct node *n, unsigned count, bool tcp)
{
	struct conn *c = calloc(count, sizeof(*c));
	struct mkt_buf answer = MKT_BUF_INIT, body = MKT_BUF_INIT;
	uint64_t start = node_ms(CLOCK_MONOTONIC), ms;
	unsigned opened = 0, read = 0, posted = 0;
	char text[128];

	for (unsigned i = 0; i < count; i++)
		opened += tcp ? conn_open_tcp(&c[i], n) : conn_open(&c[i], n);
	for (unsigned i = 0; i < count; i++)
		conn_send(&c[i], "GET", "/v1/status", NULL, NULL);
	for (unsigned i = 0; i < count; i++)
		read += conn_recv(&c[i], &answer) == 200;
	for (unsigned i = 0; i < count; i++) {
		mkt_buf_clear(&body);
		bid(n, 1 + i % ACCOUNTS, MKT_BUY, 1000, &body);
		conn_send(&c[i], "POST", "/v1/transactions", "application/octet-stream", &body);
	}
	for (unsigned i = 0; i < count; i++)
		posted += conn_recv(&c[i], &answer) == 200 &&
			  strstr(mkt_buf_str(&answer), "\"sealed\"");
	ms = node_ms(CLOCK_MONOTONIC) - start;
	snprintf(text, sizeof(text),
		 "%u connections over %s: %u reads and %u bids answered in %llu ms", count,
		 tcp ? "TCP" : "the socket", read, posted, (unsigned long long)ms);
	ok(opened == count && read == count && posted == count && ms < ANSWER_MS, text);
	for (unsigned i = 0; i < count; i++)
		conn_close(&c[i]);
	free(c);
	mkt_buf_release(&answer);
	mkt_buf_release(&body);
}

/* ---- readers that do not read ---------------------------------------------------------------- */

static void test_slow_readers(struct node *n)
{
	struct conn slow[16];
	struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	uint64_t start, worst = 0;
	bool good = true;
	char text[128];

	for (unsigned i = 0; i < MKT_ARRAY_SIZE(slow); i++)
		good = conn_open(&slow[i], n) &&
		       conn_send(&slow[i], "GET", i % 2 ? "/v1/chain" : "/v1/events?from=0", NULL,
				 NULL) &&
		       good;
	for (unsigned i = 0; i < 20; i++) {
		mkt_buf_clear(&body);
		bid(n, 1, MKT_BUY, 1000, &body);
		start = node_ms(CLOCK_MONOTONIC);
		good = node_post(n, "/v1/transactions?wait=executed", &body, &answer) == 200 &&
		       good;
		start = node_ms(CLOCK_MONOTONIC) - start;
		worst = start > worst ? start : worst;
	}
	snprintf(text, sizeof(text), "16 readers that do not read hold up nobody: %llu ms at most",
		 (unsigned long long)worst);
	ok(good && worst < ANSWER_MS, text);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(slow); i++)
		conn_close(&slow[i]);
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
}

/* ---- events ---------------------------------------------------------------------------------- */

struct follow {
	struct conn c;
	struct mkt_buf text; /* not yet taken */
	uint64_t height;     /* of the next event that must come */
	uint32_t n;
	uint64_t events;
	bool good;
	char last_id[64];
};

static bool follow_open(struct follow *f, const struct node *n, const char *path,
			const char *last_id)
{
	struct mkt_buf head = MKT_BUF_INIT;
	int64_t length;
	bool good;

	mkt_buf_addf(&head, "GET %s HTTP/1.1\r\nHost: mkt\r\n", path);
	if (last_id)
		mkt_buf_addf(&head, "Last-Event-ID: %s\r\n", last_id);
	mkt_buf_addstr(&head, "\r\n");
	good = conn_open(&f->c, n) && conn_write(&f->c, head.data, head.len) &&
	       conn_head(&f->c, &length) == 200 && length < 0;
	mkt_buf_release(&head);
	f->good = good;
	return good;
}

/* One event: number n of block height, or the end of the block. */
static void follow_event(struct follow *f, const char *p)
{
	unsigned long long height;
	unsigned n;
	char colon = 0;
	int fields = sscanf(p, "id: %llu%c%u", &height, &colon, &n);

	if (fields >= 2 && colon == ':') {
		f->good = f->good && fields == 3 && height == f->height && n == f->n;
		f->n++;
	} else {
		f->good = f->good && height == f->height && strstr(p, "event: block");
		f->height++;
		f->n = 0;
	}
	f->events++;
	snprintf(f->last_id, sizeof(f->last_id), "%.*s", (int)strcspn(p + 4, "\n"), p + 4);
}

/* Read until block @height is told or @max events have come. */
static bool follow_to(struct follow *f, uint64_t height, uint64_t max)
{
	while (f->good && f->height <= height && f->events < max) {
		char *end = f->text.data ? strstr((char *)f->text.data, "\n\n") : NULL;
		size_t used;

		if (!end) {
			f->good = conn_chunk(&f->c, &f->text) == 1;
			continue;
		}
		*end = 0;
		if (!strncmp((char *)f->text.data, "id: ", 4))
			follow_event(f, (char *)f->text.data);
		used = (size_t)(end + 2 - (char *)f->text.data);
		memmove(f->text.data, f->text.data + used, f->text.len - used);
		f->text.len -= used;
		f->text.data[f->text.len] = 0;
	}
	return f->good;
}

static void follow_close(struct follow *f)
{
	conn_close(&f->c);
	mkt_buf_release(&f->text);
}

static uint64_t height_of(const struct node *n)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	char word[128] = "";

	if (node_get(n, "/v1/status", &answer) == 200)
		json_member(mkt_buf_str(&answer), "height", word);
	mkt_buf_release(&answer);
	return strtoull(word, NULL, 10);
}

static void test_events(struct node *n)
{
	struct follow all = {0}, again = {0}, live = {0};
	struct mkt_buf body = MKT_BUF_INIT;
	uint64_t head = height_of(n), half;
	char path[64];

	ok(follow_open(&all, n, "/v1/events?from=0", NULL) && follow_to(&all, head / 2, UINT64_MAX),
	   "events from block 0: every one, in order");
	half = all.height;
	follow_to(&all, UINT64_MAX, all.events + 1);
	snprintf(path, sizeof(path), "/v1/events?from=%llu", (unsigned long long)head + 9);
	again.height = all.height;
	again.n = all.n;
	ok(all.good && half && follow_open(&again, n, path, all.last_id) &&
		   follow_to(&again, head, UINT64_MAX),
	   "Last-Event-ID goes on after the event it names");
	live.height = head + 1;
	ok(follow_open(&live, n, "/v1/events", NULL), "events from now");
	bid(n, 2, MKT_BUY, 1000, &body);
	node_must_post(n, &body);
	ok(follow_to(&live, head + 1, UINT64_MAX) && live.events >= 2,
	   "what is sealed is told at once");
	follow_close(&all);
	follow_close(&again);
	follow_close(&live);
	mkt_buf_release(&body);
}

/* ---- the chain in flat memory ----------------------------------------------------------------- */

static uint64_t rss_kb(const struct node *n)
{
	struct mkt_buf text = MKT_BUF_INIT;
	char path[64];
	const char *p;
	uint64_t kb = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)n->pid);
	p = file_read(path, &text) ? strstr(mkt_buf_str(&text), "VmRSS:") : NULL;
	if (p)
		kb = strtoull(p + 6, NULL, 10);
	mkt_buf_release(&text);
	return kb;
}

struct reader {
	struct node *n;
	pthread_t thread;
	uint64_t blocks, bytes;
	bool good;
};

/* Count the frames of /v1/chain as they come. */
static void *read_chain(void *arg)
{
	struct reader *r = arg;
	struct mkt_buf text = MKT_BUF_INIT;
	int64_t length;
	int more = 1;
	struct conn c;

	r->good = conn_open(&c, r->n) && conn_send(&c, "GET", "/v1/chain", NULL, NULL) &&
		  conn_head(&c, &length) == 200;
	while (r->good && more > 0) {
		size_t at = 0;

		more = conn_chunk(&c, &text);
		while (text.len - at >= 4) {
			uint32_t len = (uint32_t)text.data[at] | (uint32_t)text.data[at + 1] << 8 |
				       (uint32_t)text.data[at + 2] << 16 |
				       (uint32_t)text.data[at + 3] << 24;

			if (text.len - at - 4 < len)
				break;
			at += 4 + len;
			r->blocks++;
			r->bytes += len;
		}
		if (at) {
			memmove(text.data, text.data + at, text.len - at);
			text.len -= at;
		}
	}
	r->good = r->good && !more && !text.len;
	conn_close(&c);
	mkt_buf_release(&text);
	return NULL;
}

static void *read_events(void *arg)
{
	struct reader *r = arg;
	struct follow f = {0};

	r->good = follow_open(&f, r->n, "/v1/events?from=0", NULL) &&
		  follow_to(&f, r->blocks - 1, UINT64_MAX);
	follow_close(&f);
	return NULL;
}

static void stream_all(struct node *n, uint64_t blocks, void *(*body)(void *), const char *what)
{
	struct reader r[STREAMS];
	uint64_t before = rss_kb(n), after;
	bool good = true;
	char text[160];

	for (unsigned i = 0; i < STREAMS; i++) {
		r[i] = (struct reader){.n = n, .blocks = body == read_events ? blocks : 0};
		pthread_create(&r[i].thread, NULL, body, &r[i]);
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		pthread_join(r[i].thread, NULL);
		good = good && r[i].good && r[i].blocks == blocks;
	}
	after = rss_kb(n);
	snprintf(text, sizeof(text),
		 "%u clients stream %llu blocks each as %s: memory %lld kB more", STREAMS,
		 (unsigned long long)blocks, what, (long long)after - (long long)before);
	ok(good && (after < before + RSS_SLACK_KB || getenv("MKT_SLOW")), text);
}

/* Empty blocks, made here: thousands a second. */
static void add_blocks(struct node *n, uint64_t count)
{
	struct mkt_chain_open how = {0};
	struct mkt_err err = {0};
	struct mkt_events ev = {0};
	struct mkt_delta delta = {0};
	struct mkt_sealed blocks[500], *list[500];
	struct mkt_chain *c;
	struct mkt_hash prev;
	uint64_t height, time_ms;

	if (mkt_chain_open(n->chain_dir, &how, &c, &err) < 0)
		node_die("cannot open the chain", &err);
	mkt_chain_head(c, &height, &prev, &time_ms);
	for (uint64_t done = 0; done < count;) {
		unsigned k = 0;

		for (; k < MKT_ARRAY_SIZE(blocks) && done < count; k++, done++) {
			struct mkt_seal in = {.prev = &prev,
					      .height = ++height,
					      .time_ms = ++time_ms,
					      .first_bid = mkt_state_next_bid(mkt_chain_state(c)),
					      .first_exec = mkt_state_next_exec(mkt_chain_state(c)),
					      .ev = &ev,
					      .delta = &delta,
					      .key = &n->op};

			mkt_authorities_set_hash(mkt_state_authorities(mkt_chain_state(c)),
						 &in.authorities);
			if (mkt_state_begin(mkt_chain_state(c), height, time_ms, &ev, &err) < 0 ||
			    mkt_state_end(mkt_chain_state(c), &delta, &in.state) < 0)
				node_die("cannot make a block", &err);
			memset(&blocks[k], 0, sizeof(blocks[k]));
			if (mkt_chain_seal(c, &in, &blocks[k]) < 0)
				node_die("cannot seal a block", NULL);
			prev = blocks[k].hash;
			list[k] = &blocks[k];
		}
		if (mkt_chain_append(c, list, k, &err) < 0 || mkt_chain_index(c, list, k, &err) < 0)
			node_die("cannot append", &err);
		for (unsigned i = 0; i < k; i++)
			mkt_sealed_release(&blocks[i]);
	}
	mkt_chain_close(c);
	mkt_events_release(&ev);
	mkt_delta_release(&delta);
}

static void test_streams(void)
{
	uint64_t count = getenv("MKT_LONG") && *getenv("MKT_LONG") ? 200000 : 3000;
	struct node n;

	node_make(&n, "streams", NULL);
	add_blocks(&n, count);
	if (!node_start(&n))
		node_die("ledgerd does not start", NULL);
	stream_all(&n, height_of(&n) + 1, read_chain, "records");
	stream_all(&n, height_of(&n) + 1, read_events, "events");
	ok(node_end(&n, SIGTERM) == 0, "it stops cleanly");
	node_release(&n);
}

/* ---- limits ----------------------------------------------------------------------------------- */

static void tune_limits(struct mkt_genesis *g)
{
	g->limits[MKT_CLASS_HOUSEHOLD].tx_per_min = 3;
	g->limits[MKT_CLASS_READER].reads_per_min = 20;
}

/* The raw head of the answer to one more bid. */
static int limited_post(struct node *n, char head[1024])
{
	struct mkt_buf body = MKT_BUF_INIT;
	struct conn c;
	char *end;
	int status = 0;

	bid(n, 1, MKT_BUY, 1000, &body);
	head[0] = 0;
	if (conn_open(&c, n) &&
	    conn_send(&c, "POST", "/v1/transactions", "application/octet-stream", &body))
		while (!c.in.data || !(end = strstr((char *)c.in.data, "\r\n\r\n")))
			if (!conn_more(&c))
				break;
	if (c.in.data) {
		snprintf(head, 1024, "%.1000s", (char *)c.in.data);
		sscanf(head, "HTTP/1.1 %d", &status);
	}
	conn_close(&c);
	mkt_buf_release(&body);
	return status;
}

static void test_limits(struct node *n)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	char head[1024];
	unsigned i, limited = 0, local = 0;
	bool good = true;
	struct conn c;

	for (i = 0; i < 3; i++)
		good = limited_post(n, head) == 200 && strstr(head, "RateLimit-Limit: 3") && good;
	ok(good && strstr(head, "RateLimit-Remaining: 0"),
	   "three transactions a minute are taken, and counted");
	good = limited_post(n, head) == 429 && strstr(head, "Retry-After: ") &&
	       strstr(head, "RateLimit-Reset: ");
	ok(good, "the fourth is 429, with Retry-After");
	node_get(n, "/v1/limits?account=1", &answer);
	good = strstr(mkt_buf_str(&answer), "\"tx_per_min\":{\"limit\":3,\"left\":0,") != NULL;
	ok(good, "and /v1/limits says so");
	for (i = 0; i < 40; i++) {
		local += node_get(n, "/v1/status", &answer) == 200;
		if (conn_open_tcp(&c, n) && conn_send(&c, "GET", "/v1/status", NULL, NULL))
			limited += conn_recv(&c, &answer) == 429;
		conn_close(&c);
	}
	ok(limited >= 15 && limited <= 20 && local == 40,
	   "reads over TCP are limited, on the socket not");
	mkt_buf_release(&answer);
}

/* ---- an operator's clock ---------------------------------------------------------------------- */

static void tune_clock(struct mkt_genesis *g)
{
	g->clock = MKT_CLOCK_OPERATOR;
	g->time_ms = 1700000000000 - 1700000000000 % ((uint64_t)g->window_s * 1000);
}

static void set_clock(struct node *n, uint64_t time_ms, struct mkt_buf *body)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_op op = {.kind = MKT_OP_CLOCK};

	op.u.clock.time_ms = time_ms;
	node_begin(n, &t, 0);
	mkt_tx_add(&t, &op, NULL, NULL);
	node_frame(n, &t, 0, body);
}

static uint64_t member_of(const struct node *n, const char *path, const char *key)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	char word[128] = "";

	if (node_get(n, path, &answer) == 200)
		json_member(strstr(mkt_buf_str(&answer), "\"data\":"), key, word);
	mkt_buf_release(&answer);
	return strtoull(word, NULL, 10);
}

static void test_clock(void)
{
	struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT, clock = MKT_BUF_INIT;
	uint64_t start = node_ms(CLOCK_MONOTONIC), t0, ms;
	bool good = true;
	struct node n;

	node_make(&n, "clock", tune_clock);
	if (!node_start(&n))
		node_die("ledgerd does not start", NULL);
	node_enroll(&n, ACCOUNTS, 1000000000);
	t0 = n.g.time_ms;
	ok(member_of(&n, "/v1/status", "time_ms") == t0, "an operator's clock stands still");
	/* A bid, the clock, a bid: in one body, three blocks. */
	bid(&n, 1, MKT_BUY, 20000, &body);
	set_clock(&n, t0 + 60000, &clock);
	mkt_buf_add(&body, clock.data, clock.len);
	bid(&n, 2, MKT_SELL, 20000, &body);
	node_must_post(&n, &body);
	ok(member_of(&n, "/v1/status", "time_ms") == t0 + 60000 &&
		   member_of(&n, "/v1/status", "contracts") == 1,
	   "the clock moves when the operator says so, in the order of arrival");
	good = node_post(&n, "/v1/transactions", &clock, &answer) == 200 &&
	       strstr(mkt_buf_str(&answer), "\"replayed\"");
	ok(good, "the same clock again is replayed");
	mkt_buf_clear(&clock);
	set_clock(&n, t0, &clock);
	good = node_post(&n, "/v1/transactions", &clock, &answer) == 200 &&
	       strstr(mkt_buf_str(&answer), "\"code\":\"clock\"");
	ok(good, "it does not go back");
	mkt_buf_clear(&body);
	bid(&n, 3, MKT_BUY, 15000, &body);
	node_must_post(&n, &body);
	n.g.time_ms = t0 + 2 * 3600000; /* valid-until is counted from the block's time */
	mkt_buf_clear(&clock);
	set_clock(&n, n.g.time_ms, &clock);
	node_must_post(&n, &clock);
	ok(member_of(&n, "/v1/status", "open_bids") == 0,
	   "the gate expires what rests when the clock passes it");
	ms = node_ms(CLOCK_MONOTONIC) - start;
	ok(ms < ANSWER_MS, "and nothing of it waits for the interval");
	ok(node_end(&n, SIGTERM) == 0, "it stops cleanly");
	mkt_buf_release(&body);
	mkt_buf_release(&clock);
	mkt_buf_release(&answer);
	node_release(&n);
}

/* ---- a full disk ------------------------------------------------------------------------------ */

static int wait_health(const struct node *n, int want)
{
	uint64_t until = node_ms(CLOCK_MONOTONIC) + ANSWER_MS;
	struct mkt_buf answer = MKT_BUF_INIT;
	int status = 0;

	while (status != want && node_ms(CLOCK_MONOTONIC) < until)
		status = node_get(n, "/v1/health", &answer);
	mkt_buf_release(&answer);
	return status;
}

/* The indexer is behind what is sealed: until it has caught up. */
static void wait_indexed(const struct node *n)
{
	uint64_t until = node_ms(CLOCK_MONOTONIC) + ANSWER_MS;

	while (member_of(n, "/v1/status", "indexed") != member_of(n, "/v1/status", "height") &&
	       node_ms(CLOCK_MONOTONIC) < until)
		;
}

/*
 * Files may not be written beyond the first pages: what a full disk is to the
 * node.  The store's first two pages it could always write.
 */
static void let_grow(const struct node *n, bool grow)
{
	struct rlimit rl;

	if (!grow)
		wait_indexed(n);
	prlimit(n->pid, RLIMIT_FSIZE, NULL, &rl);
	rl.rlim_cur = grow ? rl.rlim_max : 16384;
	prlimit(n->pid, RLIMIT_FSIZE, &rl, NULL);
}

/* More than fits. */
static void many_bids(struct node *n, struct mkt_buf *body)
{
	for (unsigned i = 0; i < 400; i++)
		bid(n, 1 + i % ACCOUNTS, MKT_BUY, 1000 + 10 * (int32_t)i, body);
}

static void test_full_disk(void)
{
	struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	char tx[128], path[160];
	struct node n;

	node_make(&n, "full", NULL);
	if (!node_start(&n))
		node_die("ledgerd does not start", NULL);
	node_enroll(&n, ACCOUNTS, 1000000000);
	let_grow(&n, false);
	many_bids(&n, &body);
	node_post(&n, "/v1/transactions?wait=executed", &body, &answer);
	json_member(mkt_buf_str(&answer), "tx", tx);
	ok(strstr(mkt_buf_str(&answer), "\"executed\"") && wait_health(&n, 503) == 503,
	   "what cannot be written is not called sealed, and the node is not well");
	mkt_buf_clear(&body);
	bid(&n, 2, MKT_BUY, 1000, &body);
	ok(node_post(&n, "/v1/transactions", &body, &answer) == 507 &&
		   strstr(mkt_buf_str(&answer), "\"disk-full\""),
	   "new transactions are refused: disk-full");
	ok(node_get(&n, "/v1/books", &answer) == 200, "reads go on");
	let_grow(&n, true);
	ok(wait_health(&n, 200) == 200, "with space again the node is well without a restart");
	ok(node_post(&n, "/v1/transactions", &body, &answer) == 200 &&
		   strstr(mkt_buf_str(&answer), "\"sealed\""),
	   "and takes transactions");
	snprintf(path, sizeof(path), "/v1/tx/%.64s", tx);
	ok(node_get(&n, path, &answer) == 200, "what waited is in the chain");
	let_grow(&n, false);
	mkt_buf_clear(&body);
	many_bids(&n, &body);
	node_post(&n, "/v1/transactions?wait=executed", &body, &answer);
	ok(wait_health(&n, 503) == 503 && node_end(&n, SIGTERM) == 0,
	   "it stops cleanly on a full disk");
	ok(node_start(&n) && node_post(&n, "/v1/transactions", &body, &answer) == 200 &&
		   strstr(mkt_buf_str(&answer), "\"sealed\""),
	   "what was never called sealed is gone, and is taken when it is sent again");
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
	node_release(&n);
}

/* Both in one envelope. */
static void cancel_and_bid(struct node *n, struct mkt_buf *out)
{
	struct mkt_bid_leg leg = {
		.window = (uint32_t)(node_ms(CLOCK_REALTIME) / 1000 / n->g.window_s) + 3,
		.price_upwh = 1000};
	struct mkt_op cancel = {
		.kind = MKT_OP_CANCEL, .account = 1, .u.cancel.what = MKT_CANCEL_ALL};
	struct mkt_op bid = {.kind = MKT_OP_BID,
			     .account = 1,
			     .u.bid = {.side = MKT_BUY, .nlegs = 1, .amount_wh = 100}};
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;

	mkt_buf_clear(out);
	node_begin(n, &t, 1);
	mkt_tx_add(&t, &cancel, NULL, NULL);
	mkt_tx_add(&t, &bid, &leg, NULL);
	node_frame(n, &t, 1, out);
}

/* Below the lower watermark: no new bids, everything else passes. */
static void test_watermark(void)
{
	static const char *const more[] = {"disk.alarm_free=900TB", "disk.refuse_free=900TB", NULL};
	struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_op op = {.kind = MKT_OP_CANCEL, .account = 1};
	struct node n;

	node_make(&n, "mark", NULL);
	n.more = more;
	if (!node_start(&n))
		node_die("ledgerd does not start", NULL);
	node_enroll(&n, ACCOUNTS, 1000000000);
	ok(wait_health(&n, 503) == 503, "below the watermark the node is not well");
	bid(&n, 1, MKT_BUY, 1000, &body);
	ok(node_post(&n, "/v1/transactions", &body, &answer) == 200 &&
		   strstr(mkt_buf_str(&answer), "\"refused\",\"code\":\"disk-full\""),
	   "a bid is refused: disk-full");
	op.u.cancel.what = MKT_CANCEL_ALL;
	node_begin(&n, &t, 1);
	mkt_tx_add(&t, &op, NULL, NULL);
	mkt_buf_clear(&body);
	node_frame(&n, &t, 1, &body);
	ok(node_post(&n, "/v1/transactions", &body, &answer) == 200 &&
		   strstr(mkt_buf_str(&answer), "\"sealed\""),
	   "a cancel passes");
	cancel_and_bid(&n, &body);
	ok(node_post(&n, "/v1/transactions", &body, &answer) == 200 &&
		   strstr(mkt_buf_str(&answer), "\"refused\",\"code\":\"disk-full\""),
	   "a cancel with a bid in its envelope is refused as a whole");
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
	node_release(&n);
}

/* ---- several nodes one after the other -------------------------------------------------------- */

static void start_tcp(struct node *n, const char *name, void (*tune)(struct mkt_genesis *))
{
	unsigned port = 20000 + (unsigned)getpid() % 20000;

	node_make(n, name, tune);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(n->listen, sizeof(n->listen), "127.0.0.1:%u", port + i);
		if (node_start(n)) {
			node_enroll(n, ACCOUNTS, 1000000000);
			return;
		}
	}
	node_die("ledgerd does not start", NULL);
}

int main(void)
{
	static const unsigned counts[] = {128, 256, 512};
	struct node n;

	start_tcp(&n, "serve", NULL);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(counts); i++) {
		test_connections(&n, counts[i], false);
		test_connections(&n, counts[i], true);
	}
	test_slow_readers(&n);
	test_events(&n);
	ok(node_end(&n, SIGTERM) == 0, "it stops cleanly");
	node_release(&n);
	start_tcp(&n, "limits", tune_limits);
	test_limits(&n);
	ok(node_end(&n, SIGTERM) == 0, "it stops cleanly");
	node_release(&n);
	test_clock();
	test_full_disk();
	test_watermark();
	test_streams();
	return tap_end();
}
