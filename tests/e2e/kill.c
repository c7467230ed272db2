/*
 * kill -9 of ledgerd at random moments under load.  After each restart:
 *
 *   - it is back within a second
 *   - every envelope that was answered "sealed" is in the chain, at its place
 *   - every envelope that was not answered, sent again, is taken once: now or then
 * and at the end, and every so often on the way:
 *   - the chain executes again from genesis to the digest that the node tells
 *   - a node that makes its store anew from the blocks tells the same books and bids
 *   - every invariant of the state holds
 *
 * MKT_LONG=1: 200 rounds, else 8.
 */
#include "core/base/compat.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/chain/verify.h"
#include "tests/node.h"
#include "tests/tap.h"

#define CLIENTS 4
#define BATCH 16
#define BATCHES_MAX 4096 /* of one client in one round */
#define ACCOUNTS 40
#define BACK_MS 1000

struct batch {
	struct mkt_buf body;
	bool answered;
	char tx[BATCH][65];
	uint64_t height[BATCH];
};

struct client {
	struct node *n;
	pthread_t thread;
	struct rng r;
	struct batch *batches;
	uint32_t nbatches;
};

static pthread_mutex_t node_mu = PTHREAD_MUTEX_INITIALIZER; /* request ids */
static void tune(struct mkt_genesis *g)
{
	g->interval_ms = 50; /* many blocks, many moments */
}

/* ---- load ----------------------------------------------------------------------------------- */

static void add_envelope(struct client *c, struct mkt_buf *body)
{
	struct node *n = c->n;
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	uint32_t account = 1 + (uint32_t)rng_below(&c->r, ACCOUNTS), window;
	struct mkt_bid_leg legs[4];
	struct mkt_op op = {.kind = MKT_OP_BID, .account = account};

	if (rng_below(&c->r, 10) < 2) {
		op.kind = MKT_OP_CANCEL;
		op.u.cancel.what = MKT_CANCEL_ALL;
	} else {
		op.u.bid.side = rng_below(&c->r, 2) ? MKT_BUY : MKT_SELL;
		op.u.bid.amount_wh = 10 + (uint32_t)rng_below(&c->r, 1000);
		op.u.bid.nlegs = (uint16_t)(1 + rng_below(&c->r, 4));
		window = (uint32_t)(node_ms(CLOCK_REALTIME) / 1000 / n->g.window_s) + 3;
		for (unsigned i = 0; i < op.u.bid.nlegs; i++)
			legs[i] = (struct mkt_bid_leg){
				.window = window + i,
				.tags = rng_below(&c->r, 2),
				.price_upwh = 20000 + 10 * (int32_t)rng_below(&c->r, 500)};
	}
	pthread_mutex_lock(&node_mu);
	node_begin(n, &t, account);
	pthread_mutex_unlock(&node_mu);
	mkt_tx_add(&t, &op, legs, NULL);
	node_frame(n, &t, account, body);
}

static bool read_receipts(struct batch *b, const char *text)
{
	char word[128];

	for (unsigned i = 0; i < BATCH; i++) {
		text = strstr(text, "{\"tx\":");
		if (!text)
			return false;
		snprintf(b->tx[i], sizeof(b->tx[i]), "%.64s", json_member(text, "tx", word));
		if (strcmp(json_member(text, "status", word), "sealed") && strcmp(word, "replayed"))
			return false;
		b->height[i] = strtoull(json_member(text, "height", word), NULL, 10);
		text++;
	}
	return true;
}

/* Post until the node dies. */
static void *client_main(void *arg)
{
	struct client *c = arg;
	struct mkt_buf answer = MKT_BUF_INIT;
	struct conn conn;

	if (!conn_open(&conn, c->n))
		return NULL;
	while (c->nbatches < BATCHES_MAX) {
		struct batch *b = &c->batches[c->nbatches++];

		for (unsigned i = 0; i < BATCH; i++)
			add_envelope(c, &b->body);
		if (!conn_send(&conn, "POST", "/v1/transactions", "application/octet-stream",
			       &b->body) ||
		    conn_recv(&conn, &answer) != 200)
			break;
		b->answered = read_receipts(b, mkt_buf_str(&answer));
		if (!b->answered) {
			printf("# %.600s\n", mkt_buf_str(&answer));
			break;
		}
	}
	conn_close(&conn);
	mkt_buf_release(&answer);
	return NULL;
}

/* ---- after a restart ------------------------------------------------------------------------ */

static bool find_tx(struct conn *conn, const char *tx, uint64_t height)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	char path[96], word[128];
	const char *data;
	bool good;

	snprintf(path, sizeof(path), "/v1/tx/%s", tx);
	good = conn_send(conn, "GET", path, NULL, NULL) && conn_recv(conn, &answer) == 200;
	data = good ? strstr(mkt_buf_str(&answer), "\"data\":") : NULL;
	good = data && strtoull(json_member(data, "height", word), NULL, 10) == height;
	if (!good)
		printf("# %s of block %llu: %.300s\n", tx, (unsigned long long)height,
		       mkt_buf_str(&answer));
	mkt_buf_release(&answer);
	return good;
}

struct count {
	uint64_t sealed, again, lost;
};

static void check_batch(struct client *c, struct conn *conn, struct batch *b, struct count *count)
{
	struct mkt_buf answer = MKT_BUF_INIT;

	if (b->answered) {
		for (unsigned i = 0; i < BATCH; i++) {
			count->sealed++;
			count->lost += !find_tx(conn, b->tx[i], b->height[i]);
		}
	} else {
		count->again += BATCH;
		if (node_post(c->n, "/v1/transactions", &b->body, &answer) != 200 ||
		    !read_receipts(b, mkt_buf_str(&answer))) {
			printf("# sent again: %.600s\n", mkt_buf_str(&answer));
			count->lost += BATCH;
		}
	}
	mkt_buf_release(&answer);
	mkt_buf_release(&b->body);
	b->answered = false;
}

/* ---- the chain as it stands ----------------------------------------------------------------- */

static bool status_member(const struct node *n, const char *key, char out[128])
{
	struct mkt_buf answer = MKT_BUF_INIT;
	const char *data;
	bool good = node_get(n, "/v1/status", &answer) == 200;

	data = good ? strstr(mkt_buf_str(&answer), "\"data\":") : NULL;
	json_member(data, key, out);
	mkt_buf_release(&answer);
	return data != NULL;
}

/* Execute all blocks again; the digest of the last. */
static bool replay(const struct node *n, struct mkt_hash *digest)
{
	struct mkt_chain_open how = {.read_only = true};
	struct mkt_verify_prev prev = {0};
	struct mkt_events ev = {0};
	struct mkt_delta delta = {0};
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err err = {0};
	struct mkt_chain *c = NULL;
	struct mkt_state *s = NULL;
	struct mkt_block blk;
	bool good = mkt_chain_open(n->chain_dir, &how, &c, &err) >= 0 &&
		    mkt_state_new(mkt_chain_genesis(c), &s, &err) >= 0;

	for (uint64_t h = 0; good && h <= mkt_chain_height(c); h++) {
		mkt_buf_clear(&bytes);
		good = mkt_chain_read(c, h, &bytes, &err) >= 0 &&
		       mkt_block_dec(bytes.data, bytes.len, &blk, &err) >= 0;
		if (good && !h)
			good = mkt_state_end(s, &delta, digest) >= 0;
		else if (good)
			good = mkt_verify_static(&blk, mkt_state_authorities(s), mkt_chain_id(c),
						 &err) >= 0 &&
			       mkt_verify_execute(s, &blk, &prev, mkt_chain_id(c), &ev, &delta,
						  &err) >= 0;
		*digest = blk.h.state;
		prev = mkt_verify_prev_of(&blk);
	}
	good = good && mkt_state_check(s, &err) >= 0;
	if (!good)
		printf("# %s\n", err.text);
	mkt_state_free(s);
	if (c)
		mkt_chain_close(c);
	mkt_buf_release(&bytes);
	mkt_events_release(&ev);
	mkt_delta_release(&delta);
	return good;
}

/* What people see of the books: levels, then every open bid. */
static void tell_books(const struct node *n, struct mkt_buf *out)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	char path[192] = "/v1/bids?limit=1000", word[128];

	mkt_buf_clear(out);
	if (node_get(n, "/v1/books?levels=500&depth=1", &answer) == 200)
		mkt_buf_addstr(out, strstr(mkt_buf_str(&answer), "\"data\":"));
	for (;;) {
		const char *next;

		if (node_get(n, path, &answer) != 200)
			break;
		mkt_buf_addstr(out, strstr(mkt_buf_str(&answer), "\"data\":"));
		next = strstr(mkt_buf_str(&answer), "],\"next\":");
		if (!next)
			break;
		snprintf(path, sizeof(path), "/v1/bids?limit=1000&after=%.64s",
			 json_member(next, "next", word));
	}
	mkt_buf_release(&answer);
}

/* The node is running; it is ended and started again on the blocks alone. */
static void check_whole(struct node *n)
{
	struct mkt_buf before = MKT_BUF_INIT, after = MKT_BUF_INIT;
	char digest[128], hex[65], db[NODE_PATH_MAX + 8];
	struct mkt_hash again;
	bool good;

	good = status_member(n, "digest", digest);
	tell_books(n, &before);
	ok(node_end(n, SIGTERM) == 0, "it stops cleanly");
	good = good && replay(n, &again);
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", again.b[i]);
	ok(good && !strcmp(hex, digest),
	   "the chain executes again to the node's digest, and all invariants hold");
	snprintf(db, sizeof(db), "%s/db", n->chain_dir);
	tmpdir_remove(db);
	good = node_start(n);
	tell_books(n, &after);
	ok(good && before.len && before.len == after.len &&
		   !memcmp(before.data, after.data, before.len),
	   "a store made again from the blocks tells the same books and bids");
	mkt_buf_release(&before);
	mkt_buf_release(&after);
}

/* ---- rounds --------------------------------------------------------------------------------- */

/* Load, kill at a random moment, start, look.  Longest start so far in *start_ms. */
static void round_of(struct node *n, struct client *clients, struct rng *r, struct count *count,
		     uint64_t *start_ms)
{
	struct pollfd nothing = {.fd = -1};
	uint64_t at;
	struct conn conn;

	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i].nbatches = 0;
		pthread_create(&clients[i].thread, NULL, client_main, &clients[i]);
	}
	/* The moment is what is tested: anything from nothing sealed to a dozen blocks. */
	poll(&nothing, 1, (int)rng_below(r, 400));
	node_end(n, SIGKILL);
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
	at = node_ms(CLOCK_MONOTONIC);
	if (!node_start(n))
		node_die("ledgerd does not start again", NULL);
	at = node_ms(CLOCK_MONOTONIC) - at;
	*start_ms = at > *start_ms ? at : *start_ms;
	if (!conn_open(&conn, n))
		node_die("ledgerd does not answer", NULL);
	for (unsigned i = 0; i < CLIENTS; i++)
		for (uint32_t k = 0; k < clients[i].nbatches; k++)
			check_batch(&clients[i], &conn, &clients[i].batches[k], count);
	conn_close(&conn);
}

int main(void)
{
	bool is_long = getenv("MKT_LONG") && *getenv("MKT_LONG");
	unsigned rounds = is_long ? 200 : 8;
	struct rng r = rng_start("kill");
	struct client clients[CLIENTS] = {0};
	struct count count = {0};
	uint64_t start_ms = 0, txs;
	char text[160], word[128];
	struct node n;

	node_make(&n, "kill", tune);
	if (!node_start(&n))
		node_die("ledgerd does not start", NULL);
	node_enroll(&n, ACCOUNTS, 1000000000000);
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i].n = &n;
		clients[i].r.state = rng_u64(&r);
		clients[i].batches = calloc(BATCHES_MAX, sizeof(*clients[i].batches));
	}
	for (unsigned i = 0; i < rounds; i++) {
		round_of(&n, clients, &r, &count, &start_ms);
		if (i % 50 == 49 && i + 1 < rounds)
			check_whole(&n);
	}
	txs = status_member(&n, "txs", word) ? strtoull(word, NULL, 10) : 0;
	snprintf(text, sizeof(text),
		 "%u kills: %llu sealed answers, %llu envelopes sent again, none lost", rounds,
		 (unsigned long long)count.sealed, (unsigned long long)count.again);
	ok(!count.lost && count.sealed, text);
	snprintf(text, sizeof(text), "each envelope is in the chain once: %llu",
		 (unsigned long long)txs);
	ok(txs == n.requests, text);
	snprintf(text, sizeof(text), "back within a second: %llu ms at most",
		 (unsigned long long)start_ms);
	ok(start_ms < BACK_MS || getenv("MKT_SLOW"), text);
	check_whole(&n);
	for (unsigned i = 0; i < CLIENTS; i++)
		free(clients[i].batches);
	node_release(&n);
	return tap_end();
}
