/*
 * bench-node: signed bids sealed per second, end to end: posted over HTTP on the
 * unix socket to a real ledgerd, admitted, matched, sealed, on the disk with all
 * indexes; against the rate at which the same cores verify the same signatures
 * and do nothing else, measured in the same run.
 *
 *   bench-node [--bids N] [--accounts N] [--connections N] [--batch N] [--paper] [--json]
 *
 * --paper seals each five seconds, as the demonstration did, whose largest block had 805
 * transactions; the largest one here is told.  Its bids meet one another, so that most become
 * contracts: all 7,861,004 transactions of the demonstration fit into one run.
 *
 * ledgerd is taken from $BUILD.
 */
#include "core/base/compat.h"

#include <getopt.h>
#include <pthread.h>
#include <sys/resource.h>

#include "core/chain/verify.h"
#include "tests/node.h"

#define WINDOWS 96
#define RAW_MS 1500  /* before, and again after: the machine may have others on it */
#define ROUND 400000 /* bids signed ahead: bounds the memory of this program */

struct bench {
	uint32_t bids, accounts, connections, batch;
	uint32_t block_max; /* transactions of the largest block */
	bool json, paper;
	struct node node;
	struct rng rng;
	struct mkt_buf *bodies; /* of one round: nbodies requests, framed */
	uint32_t nbodies;
};

/* ---- what is posted ------------------------------------------------------------------------- */

/* Sign a round of @bids. */
static void make_bodies(struct bench *b, uint32_t bids)
{
	struct node *n = &b->node;
	struct rng *r = &b->rng;
	uint32_t first = (uint32_t)(node_ms(CLOCK_REALTIME) / 1000 / n->g.window_s + 8);
	int32_t sell_upwh = b->paper ? 18000 : 25000;

	for (uint32_t i = 0; i < b->nbodies; i++)
		mkt_buf_clear(&b->bodies[i]);
	b->nbodies = (bids + b->batch - 1) / b->batch;
	for (uint32_t i = 0; i < bids; i++) {
		bool buy = rng_below(r, 2);
		struct mkt_bid_leg leg = {
			.window = first + (uint32_t)rng_below(r, WINDOWS),
			.tags = rng_below(r, 2),
			/*
			 * Most rest, about one in six crosses: 20..27 and 25..32 per kWh;
			 * those of the paper all meet a bid of the other side at 18..20.
			 */
			.price_upwh = (buy ? 20000 : sell_upwh) +
				      10 * (int32_t)rng_below(r, b->paper ? 200 : 700),
		};
		struct mkt_op_bid bid = {
			.side = buy ? MKT_BUY : MKT_SELL,
			.nlegs = 1,
			.amount_wh = 100 + (uint32_t)rng_below(r, 5000),
		};

		node_bid(n, 1 + (uint32_t)rng_below(r, b->accounts), &bid, &leg,
			 &b->bodies[i / b->batch]);
	}
}

/* ---- the raw rate --------------------------------------------------------------------------- */

struct raw {
	const struct bench *b;
	unsigned first, step;
	uint64_t until_ms, done, bad;
};

static void *raw_main(void *arg)
{
	struct raw *w = arg;
	const struct bench *b = w->b;

	for (uint32_t k = w->first; node_ms(CLOCK_MONOTONIC) < w->until_ms;
	     k = (k + w->step) % b->nbodies) {
		const uint8_t *p = b->bodies[k].data, *end = p + b->bodies[k].len;

		while (p < end) {
			uint32_t len = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
			uint32_t account;
			const uint8_t *request;
			struct mkt_pubkey key;

			if (mkt_tx_peek(p + 4, len, &account, &request) < 0)
				abort();
			mkt_seckey_public(node_key(&b->node, account), &key);
			w->bad += !mkt_tx_sig_ok(p + 4, len, &key);
			w->done++;
			p += 4 + len;
		}
	}
	return NULL;
}

/* CPU time in microseconds, of this process or of those it has waited for. */
static double cpu_us(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Verifications a second on all cores, and CPU time of one. */
static double raw_rate(const struct bench *b, double *us)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct raw w[64];
	pthread_t t[64];
	uint64_t start = node_ms(CLOCK_MONOTONIC), done = 0;
	double cpu = cpu_us(RUSAGE_SELF);

	cores = cores > 64 ? 64 : cores;
	for (long i = 0; i < cores; i++) {
		w[i] = (struct raw){b, (unsigned)i, (unsigned)cores, start + RAW_MS, 0, 0};
		pthread_create(&t[i], NULL, raw_main, &w[i]);
	}
	for (long i = 0; i < cores; i++) {
		pthread_join(t[i], NULL);
		done += w[i].done;
		if (w[i].bad)
			node_die("a signature is wrong", NULL);
	}
	*us = (cpu_us(RUSAGE_SELF) - cpu) / (double)done;
	return (double)done * 1000 / (double)(node_ms(CLOCK_MONOTONIC) - start);
}

/* ---- posting -------------------------------------------------------------------------------- */

struct post {
	struct conn c;
	struct mkt_buf head;
	const struct mkt_buf *body;
	size_t sent;
	bool busy;
	int64_t length; /* of the answer; -2: its head has not come */
};

/* False when there is nothing more to send. */
static bool next_post(struct bench *b, struct post *p, uint32_t *at)
{
	p->busy = *at < b->nbodies;
	if (!p->busy)
		return false;
	p->body = &b->bodies[(*at)++];
	mkt_buf_clear(&p->head);
	mkt_buf_addf(&p->head,
		     "POST /v1/transactions?wait=sealed HTTP/1.1\r\nHost: mkt\r\n"
		     "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n",
		     p->body->len);
	p->sent = 0;
	p->length = -2;
	return true;
}

static void push(struct post *p)
{
	while (p->sent < p->head.len + p->body->len) {
		bool in_head = p->sent < p->head.len;
		size_t at = in_head ? p->sent : p->sent - p->head.len;
		const struct mkt_buf *from = in_head ? &p->head : p->body;
		ssize_t k =
			send(p->c.fd, from->data + at, from->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k < 0 && errno == EAGAIN)
			return;
		if (k <= 0)
			node_die("a connection broke while sending", NULL);
		p->sent += (size_t)k;
	}
}

static uint64_t count_text(const struct mkt_buf *b, const char *text)
{
	uint64_t n = 0;
	size_t len = strlen(text);

	for (const char *p = (const char *)b->data; (p = strstr(p, text)); p += len)
		n++;
	return n;
}

/* Read what has come; true when the answer is whole. */
static bool pull(struct post *p, uint64_t *sealed)
{
	uint64_t n;

	if (!conn_more(&p->c))
		node_die("a connection broke while reading", NULL);
	if (p->length == -2) {
		if (!strstr((char *)p->c.in.data, "\r\n\r\n"))
			return false;
		if (conn_head(&p->c, &p->length) != 200) {
			printf("# %.500s\n", (char *)p->c.in.data);
			node_die("a request was refused", NULL);
		}
	}
	if ((int64_t)p->c.in.len < p->length)
		return false;
	n = count_text(&p->c.in, "\"status\":\"sealed\",\"code\":\"ok\"");
	if (!n)
		printf("# none sealed: %.300s\n", (char *)p->c.in.data);
	*sealed += n;
	conn_drop(&p->c, (size_t)p->length);
	return true;
}

static uint64_t post_all(struct bench *b)
{
	struct post *posts = calloc(b->connections, sizeof(*posts));
	struct pollfd *pfd = calloc(b->connections, sizeof(*pfd));
	uint64_t sealed = 0;
	uint32_t at = 0, busy = 0;

	for (uint32_t i = 0; i < b->connections; i++) {
		if (!conn_open(&posts[i].c, &b->node))
			node_die("cannot connect", NULL);
		busy += next_post(b, &posts[i], &at);
	}
	while (busy) {
		for (uint32_t i = 0; i < b->connections; i++) {
			struct post *p = &posts[i];
			bool sending = p->busy && p->sent < p->head.len + p->body->len;

			pfd[i] = (struct pollfd){p->busy ? p->c.fd : -1,
						 (short)(sending ? POLLOUT : POLLIN), 0};
		}
		if (poll(pfd, b->connections, NODE_ANSWER_MS) <= 0)
			node_die("no answer", NULL);
		for (uint32_t i = 0; i < b->connections; i++) {
			if (pfd[i].revents & POLLOUT)
				push(&posts[i]);
			else if (pfd[i].revents && pull(&posts[i], &sealed))
				busy -= !next_post(b, &posts[i], &at);
		}
	}
	for (uint32_t i = 0; i < b->connections; i++) {
		conn_close(&posts[i].c);
		mkt_buf_release(&posts[i].head);
	}
	free(posts);
	free(pfd);
	return sealed;
}

/* ---- the chain afterwards ------------------------------------------------------------------- */

static uint64_t tree_bytes;

static int add_bytes(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)path;
	(void)f;
	if (type == FTW_F)
		tree_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

static uint64_t du(const char *dir)
{
	tree_bytes = 0;
	nftw(dir, add_bytes, 16, FTW_PHYS);
	return tree_bytes;
}

struct verify {
	const struct mkt_block *b;
	const struct node *n;
	uint32_t first, count;
};

static bool key_of(void *ctx, uint32_t account, struct mkt_pubkey *key)
{
	const struct verify *v = ctx;

	if (account > v->n->naccounts)
		return false;
	mkt_seckey_public(node_key(v->n, account), key);
	return true;
}

static void *verify_main(void *arg)
{
	struct verify *v = arg;
	struct mkt_err err = {0};

	if (mkt_verify_txs(v->b, v->first, v->count, key_of, v, &err) < 0)
		node_die("verification", &err);
	return NULL;
}

/* Every signature, root and digest of the chain, signatures on all cores; seconds. */
static double verify_chain(struct bench *b)
{
	struct mkt_chain_open how = {.read_only = true};
	struct mkt_authorities set;
	struct mkt_verify_prev prev = {0};
	struct mkt_events ev = {0};
	struct mkt_delta delta = {0};
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err err = {0};
	struct mkt_chain *c;
	struct mkt_state *s;
	uint64_t start = node_ms(CLOCK_MONOTONIC);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (mkt_chain_open(b->node.chain_dir, &how, &c, &err) < 0 ||
	    mkt_state_new(mkt_chain_genesis(c), &s, &err) < 0)
		node_die("cannot open the chain", &err);
	mkt_authorities_of(mkt_chain_genesis(c), &set);
	for (uint64_t h = 0; h <= mkt_chain_height(c); h++) {
		struct verify v[64];
		pthread_t t[64];
		struct mkt_block blk;

		mkt_buf_clear(&bytes);
		if (mkt_chain_read(c, h, &bytes, &err) < 0 ||
		    mkt_block_dec(bytes.data, bytes.len, &blk, &err) < 0 ||
		    (h && mkt_verify_static(&blk, &set, mkt_chain_id(c), &err) < 0))
			node_die("cannot read a block", &err);
		for (long i = 0; h && i < cores; i++) {
			uint32_t share = blk.h.ntxs / (uint32_t)cores + 1, at = (uint32_t)i * share;

			at = at < blk.h.ntxs ? at : blk.h.ntxs;
			v[i] = (struct verify){&blk, &b->node, at,
					       blk.h.ntxs - at < share ? blk.h.ntxs - at : share};
			pthread_create(&t[i], NULL, verify_main, &v[i]);
		}
		for (long i = 0; h && i < cores; i++)
			pthread_join(t[i], NULL);
		if (h && mkt_verify_execute(s, &blk, &prev, mkt_chain_id(c), &ev, &delta, &err) < 0)
			node_die("a block does not follow", &err);
		prev = mkt_verify_prev_of(&blk);
		b->block_max = blk.h.ntxs > b->block_max ? blk.h.ntxs : b->block_max;
	}
	if (mkt_state_check(s, &err) < 0)
		node_die("an invariant fails", &err);
	mkt_state_free(s);
	mkt_chain_close(c);
	mkt_buf_release(&bytes);
	mkt_events_release(&ev);
	mkt_delta_release(&delta);
	return (double)(node_ms(CLOCK_MONOTONIC) - start) / 1000;
}

struct result {
	double raw, raw_us;		    /* verifications a second; CPU time of one */
	double seconds, client_us, node_us; /* of all bids; CPU time for each */
	uint64_t blocks_bytes, store_bytes;
	long node_kb; /* most memory that ledgerd had, mapped files included */
	double verify_s;
};

static void report(const struct bench *b, const struct result *r)
{
	double rate = b->bids / r->seconds, verify = b->bids / r->verify_s;
	double bytes = (double)(r->blocks_bytes + r->store_bytes) / b->bids;

	if (b->json) {
		printf("{\"bids\":%u,\"seconds\":%.3f,\"bids_per_s\":%.0f,\"raw_verify_per_s\":%."
		       "0f,"
		       "\"ratio\":%.3f,\"raw_cpu_us\":%.1f,\"node_cpu_us\":%.1f,\"client_cpu_us\":%"
		       ".1f,\"block_max\":%u,\"node_max_kb\":%ld,\"disk_bytes\":%llu,"
		       "\"bytes_per_tx\":%.1f,\"verify_per_s\":%.0f,\"verify_ratio\":%.3f}\n",
		       b->bids, r->seconds, rate, r->raw, rate / r->raw, r->raw_us, r->node_us,
		       r->client_us, b->block_max, r->node_kb,
		       (unsigned long long)(r->blocks_bytes + r->store_bytes), bytes, verify,
		       verify / r->raw);
		return;
	}
	printf("raw Ed25519 verify, all cores   %10.0f /s\n", r->raw);
	printf("signed bids sealed, end to end  %10.0f /s   ratio %.2f (mark 0.60, aim 0.80)\n",
	       rate, rate / r->raw);
	printf("CPU time of one bid             %10.1f us   %.1f verify, %.1f the rest of ledgerd, "
	       "%.1f the client\n",
	       r->node_us + r->client_us, r->raw_us, r->node_us - r->raw_us, r->client_us);
	printf("largest block                   %10u tx   %.0f times the paper's 805\n",
	       b->block_max, b->block_max / 805.0);
	printf("posted and sealed               %10u tx   in %.0f s, %.0f MB on disk, ledgerd at "
	       "most %ld MB\n",
	       b->bids, r->seconds, (double)(r->blocks_bytes + r->store_bytes) / 1e6,
	       r->node_kb / 1000);
	printf("bytes on disk per bid           %10.1f      %.1f blocks, %.1f store (mark 250, aim "
	       "200)\n",
	       bytes, (double)r->blocks_bytes / b->bids, (double)r->store_bytes / b->bids);
	printf("chain verification              %10.0f /s   ratio %.2f\n", verify, verify / r->raw);
}

static void parse(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = {
		{"bids", 1, NULL, 'n'},	 {"accounts", 1, NULL, 'a'}, {"connections", 1, NULL, 'c'},
		{"batch", 1, NULL, 'b'}, {"json", 0, NULL, 'j'},     {"paper", 0, NULL, 'p'},
		{NULL, 0, NULL, 0}};
	int c;

	*b = (struct bench){
		.bids = 300000, .accounts = 1000, .connections = 100, .batch = 500, .rng = {7}};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint32_t v = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;

		if (c == 'j')
			b->json = true;
		else if (c == 'p')
			b->paper = true;
		else if (c == '?' || !v)
			exit(2);
		else
			*(c == 'n'   ? &b->bids
			  : c == 'a' ? &b->accounts
			  : c == 'c' ? &b->connections
				     : &b->batch) = v;
	}
}

static void as_the_paper(struct mkt_genesis *g)
{
	g->interval_ms = 5000;
	g->block_txs = MKT_BLOCK_TXS_MAX;
}

/* Post everything, round after round, and end the node: times and CPU times of posting. */
static void measure(struct bench *b, struct result *r)
{
	double children = cpu_us(RUSAGE_CHILDREN);
	struct rusage u;
	uint64_t sealed = 0;

	for (uint32_t done = 0, n; done < b->bids; done += n) {
		double self;
		uint64_t start;

		n = b->bids - done < ROUND ? b->bids - done : ROUND;
		if (done) /* the first one is signed already */
			make_bodies(b, n);
		self = cpu_us(RUSAGE_SELF);
		start = node_ms(CLOCK_MONOTONIC);
		sealed += post_all(b);
		r->seconds += (double)(node_ms(CLOCK_MONOTONIC) - start) / 1000;
		r->client_us += (cpu_us(RUSAGE_SELF) - self) / b->bids;
	}
	if (node_end(&b->node, SIGTERM) != 0)
		node_die("ledgerd did not end cleanly", NULL);
	r->node_us = (cpu_us(RUSAGE_CHILDREN) - children) / b->bids;
	getrusage(RUSAGE_CHILDREN, &u);
	r->node_kb = u.ru_maxrss;
	if (sealed != b->bids) {
		printf("# %llu of %u sealed\n", (unsigned long long)sealed, b->bids);
		node_die("not all bids were sealed", NULL);
	}
}

int main(int argc, char **argv)
{
	char blocks[NODE_PATH_MAX + 8], db[NODE_PATH_MAX + 8];
	struct bench b;
	struct result r = {0};
	double after, after_us;

	parse(&b, argc, argv);
	node_make(&b.node, "bench", b.paper ? as_the_paper : NULL);
	snprintf(blocks, sizeof(blocks), "%s/blocks", b.node.chain_dir);
	snprintf(db, sizeof(db), "%s/db", b.node.chain_dir);
	if (!node_start(&b.node))
		node_die("ledgerd does not start", NULL);
	node_enroll(&b.node, b.accounts, 1000000000000);
	b.bodies = calloc(ROUND, sizeof(*b.bodies));
	make_bodies(&b, b.bids < ROUND ? b.bids : ROUND);
	r.raw = raw_rate(&b, &r.raw_us);
	r.blocks_bytes = du(blocks);
	r.store_bytes = du(db);
	measure(&b, &r);
	after = raw_rate(&b, &after_us);
	r.raw = (r.raw + after) / 2;
	r.raw_us = (r.raw_us + after_us) / 2;
	r.blocks_bytes = du(blocks) - r.blocks_bytes;
	r.store_bytes = du(db) - r.store_bytes;
	r.verify_s = verify_chain(&b);
	report(&b, &r);
	for (uint32_t i = 0; i < ROUND; i++)
		mkt_buf_release(&b.bodies[i]);
	free(b.bodies);
	node_release(&b.node);
	return 0;
}
