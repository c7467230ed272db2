/*
 * Load for tests of several nodes, and the judge of what came of it.
 *
 *   cluster_load enroll CHAIN KEY SERVER        accounts, by the operator's key file
 *   cluster_load run CHAIN LOG SEED SERVER...   bids, cancels and transfers until SIGTERM
 *   cluster_load check LOG CHAIN CHAIN...       the log against blocks of stopped nodes
 *
 * CHAIN is a chain's directory.  What is answered "sealed" is written to LOG, one line
 * "TXID HEIGHT".  What gets no clear answer is sent again, the same bytes, to the next server.
 */
#include "core/base/compat.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/wire/api.h"
#include "tests/node.h"

#define ACCOUNTS 40
#define MONEY_UC 1000000000000
#define LANES_MAX 16
#define SERVERS_MAX 8
#define BATCH 8
#define CALL_MS 3000
#define AFTER_MS 60000 /* from SIGTERM on for what is still without an answer */

static volatile sig_atomic_t stopping;

struct load {
	const char *servers[SERVERS_MAX];
	unsigned nservers;
	int log;
	atomic_ullong acked, again, refused, unanswered, last_ms, gap_ms, stop_ms;
};

struct lane {
	struct load *l;
	pthread_t thread;
	struct node n; /* a copy for each: request ids are made from its seed */
	struct rng r;
	unsigned at; /* server in use */
	struct mkt_client *clients[SERVERS_MAX];
};

static void on_term(int sig)
{
	(void)sig;
	__atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
}

/* Genesis, id and the keys of all accounts. */
static void read_chain(struct node *n, const char *dir)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err err = {0};
	char path[PATH_MAX];

	memset(n, 0, sizeof(*n));
	n->seed = 1000;
	snprintf(path, sizeof(path), "%s/genesis", dir);
	if (mkt_crypto_init() < 0 || !file_read(path, &bytes) ||
	    mkt_genesis_dec(bytes.data, bytes.len, &n->g, &err) < 0)
		node_die(path, &err);
	mkt_genesis_id(bytes.data, bytes.len, &n->id);
	mkt_buf_release(&bytes);
}

static struct mkt_client *connect_to(const char *server, uint64_t timeout_ms)
{
	struct mkt_client_conf conf = {
		.server = server, .timeout_ms = timeout_ms, .connect_ms = 300};
	struct mkt_err err = {0};
	struct mkt_client *c;

	conf.tls.ca = getenv("MKT_TLS_CA");
	if (mkt_client_new(&conf, &c, &err) < 0)
		node_die(server, &err);
	return c;
}

/* ---- enroll --------------------------------------------------------------------------------- */

static int enroll(const char *dir, const char *key, const char *server)
{
	struct mkt_client *c;
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_receipt receipt;
	struct mkt_err err = {0};
	struct mkt_jval row;
	struct node n;

	read_chain(&n, dir);
	if (mkt_keyfile_load(key, (struct mkt_pass){NULL, 0}, &n.op, &err) < 0)
		node_die(key, &err);
	node_begin(&n, &t, 0);
	for (unsigned cls = 0; cls < MKT_CLASS_COUNT; cls++) {
		struct mkt_op op = {.kind = MKT_OP_LIMITS};

		op.u.limits.cls = (uint8_t)cls;
		mkt_tx_add(&t, &op, NULL, NULL);
	}
	node_frame(&n, &t, 0, &body);
	node_enrolments(&n, ACCOUNTS, MONEY_UC, &body);
	c = connect_to(server, 30000);
	if (mkt_api_submit(c, &body, MKT_WAIT_SEALED, &a, &err) < 0)
		node_die("enrolments", &err);
	for (size_t i = 0; i < 2; i++)
		if (mkt_receipt_read(&a, i, &receipt, &row, &err) < 0 ||
		    receipt.status < MKT_RECEIPT_SEALED || receipt.status > MKT_RECEIPT_REPLAYED)
			node_die("enrolments", receipt.err.code ? &receipt.err : &err);
	printf("%llu\n", (unsigned long long)receipt.height);
	mkt_answer_release(&a);
	mkt_client_free(c);
	mkt_buf_release(&body);
	mkt_genesis_release(&n.g);
	free(n.keys);
	return 0;
}

/* ---- run ------------------------------------------------------------------------------------ */

static void add_bid(struct lane *ln, struct mkt_op *op, struct mkt_bid_leg legs[4])
{
	uint32_t window = (uint32_t)(node_ms(CLOCK_REALTIME) / 1000 / ln->n.g.window_s) + 3;

	op->kind = MKT_OP_BID;
	op->u.bid.side = rng_below(&ln->r, 2) ? MKT_BUY : MKT_SELL;
	op->u.bid.amount_wh = 10 + (uint32_t)rng_below(&ln->r, 1000);
	op->u.bid.nlegs = (uint16_t)(1 + rng_below(&ln->r, 4));
	for (unsigned i = 0; i < op->u.bid.nlegs; i++)
		legs[i] = (struct mkt_bid_leg){.window = window + i,
					       .tags = rng_below(&ln->r, 2),
					       .price_upwh = 20000 +
							     10 * (int32_t)rng_below(&ln->r, 500)};
}

static void add_envelope(struct lane *ln, struct mkt_buf *body)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	uint32_t account = 1 + (uint32_t)rng_below(&ln->r, ACCOUNTS);
	uint64_t what = rng_below(&ln->r, 10);
	struct mkt_op op = {.account = account};
	struct mkt_bid_leg legs[4];

	if (what < 2) {
		op.kind = MKT_OP_CANCEL;
		op.u.cancel.what = MKT_CANCEL_ALL;
	} else if (what < 4) {
		op.kind = MKT_OP_TRANSFER;
		op.u.transfer.to = 1 + account % ACCOUNTS;
		op.u.transfer.money_uc = 1 + (int64_t)rng_below(&ln->r, 1000);
	} else {
		add_bid(ln, &op, legs);
	}
	node_begin(&ln->n, &t, account);
	mkt_tx_add(&t, &op, legs, NULL);
	node_frame(&ln->n, &t, account, body);
}

/* All nodes are in the same boat: these pass. */
static bool passes(int code)
{
	return code == MKT_EBUSY || code == MKT_ERATE || code == MKT_EUNAVAILABLE ||
	       code == MKT_ENOTLEADER || code == MKT_EHALTED || code == MKT_EUNKNOWN ||
	       code == MKT_ETIMEOUT || code == MKT_EDISKFULL;
}

static void note(struct load *l, const struct mkt_receipt *r)
{
	unsigned long long now = node_ms(CLOCK_MONOTONIC), last = atomic_exchange(&l->last_ms, now);
	char line[128];
	int n = snprintf(line, sizeof(line), "%s %llu\n", r->tx, (unsigned long long)r->height);

	if (last && now - last > atomic_load(&l->gap_ms))
		atomic_store(&l->gap_ms, now - last);
	if (write(l->log, line, (size_t)n) != n)
		node_die("the log", NULL);
	atomic_fetch_add(&l->acked, 1);
}

/*
 * What the answer says of @count envelopes; true if all of them are settled.  A batch with one
 * that must be sent again goes again as a whole: for the others it changes nothing.
 */
static bool settle(struct load *l, const struct mkt_answer *a, unsigned count)
{
	struct mkt_receipt r[BATCH];
	struct mkt_err err = {0};
	struct mkt_jval row;

	for (unsigned i = 0; i < count; i++)
		if (mkt_receipt_read(a, i, &r[i], &row, &err) < 0 ||
		    r[i].status < MKT_RECEIPT_SEALED || passes(r[i].err.code))
			return false;
	for (unsigned i = 0; i < count; i++) {
		if (r[i].status != MKT_RECEIPT_REFUSED) {
			note(l, &r[i]);
			continue;
		}
		printf("# refused: %s %s\n", r[i].tx, r[i].err.text);
		atomic_fetch_add(&l->refused, 1);
	}
	return true;
}

static bool too_late(struct load *l)
{
	unsigned long long now = node_ms(CLOCK_MONOTONIC), none = 0;

	if (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		return false;
	atomic_compare_exchange_strong(&l->stop_ms, &none, now);
	return now > atomic_load(&l->stop_ms) + AFTER_MS;
}

static void post(struct lane *ln, const struct mkt_buf *body, unsigned count)
{
	struct load *l = ln->l;
	struct pollfd nothing = {.fd = -1};
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_err err = {0};
	bool done = false;

	while (!done && !too_late(l)) {
		struct mkt_client *c = ln->clients[ln->at];

		mkt_client_restart(c, CALL_MS);
		done = mkt_api_submit(c, body, MKT_WAIT_SEALED, &a, &err) >= 0 &&
		       settle(l, &a, count);
		if (done)
			break;
		if (getenv("MKT_TRACE"))
			printf("# %s: %s\n", l->servers[ln->at], err.text);
		atomic_fetch_add(&l->again, count);
		ln->at = (ln->at + 1) % l->nservers;
		poll(&nothing, 1, 50); /* all of them may be refusing at once */
	}
	if (!done)
		atomic_fetch_add(&l->unanswered, count);
	mkt_answer_release(&a);
}

static void *lane_main(void *arg)
{
	struct lane *ln = arg;
	struct mkt_buf body = MKT_BUF_INIT;

	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		unsigned count = 1 + (unsigned)rng_below(&ln->r, BATCH);

		mkt_buf_clear(&body);
		for (unsigned i = 0; i < count; i++)
			add_envelope(ln, &body);
		post(ln, &body, count);
	}
	mkt_buf_release(&body);
	return NULL;
}

static void start_lane(struct load *l, struct lane *ln, unsigned k, const struct node *n,
		       uint64_t seed)
{
	*ln = (struct lane){.l = l, .n = *n, .r = {seed * LANES_MAX + k}, .at = k % l->nservers};
	ln->n.seed = rng_u64(&ln->r);
	for (unsigned i = 0; i < l->nservers; i++)
		ln->clients[i] = connect_to(l->servers[i], CALL_MS);
	pthread_create(&ln->thread, NULL, lane_main, ln);
}

static int run(const char *dir, const char *log, uint64_t seed, unsigned nservers, char **servers)
{
	struct load l = {.nservers = nservers};
	struct mkt_buf unused = MKT_BUF_INIT;
	unsigned lanes = 2 * nservers < LANES_MAX ? 2 * nservers : LANES_MAX;
	struct lane *ln = calloc(LANES_MAX, sizeof(*ln));
	struct node n;

	if (!ln)
		return 2;
	read_chain(&n, dir);
	n.op = (struct mkt_seckey){{0}};
	node_enrolments(&n, ACCOUNTS, 1, &unused); /* for the accounts' keys */
	mkt_buf_release(&unused);
	memcpy(l.servers, servers, nservers * sizeof(*servers));
	l.log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (l.log < 0)
		node_die(log, NULL);
	signal(SIGTERM, on_term);
	for (unsigned i = 0; i < lanes; i++)
		start_lane(&l, &ln[i], i, &n, seed);
	for (unsigned i = 0; i < lanes; i++) {
		pthread_join(ln[i].thread, NULL);
		for (unsigned k = 0; k < nservers; k++)
			mkt_client_free(ln[i].clients[k]);
	}
	free(ln);
	free(n.keys);
	mkt_genesis_release(&n.g);
	close(l.log);
	printf("acked %llu again %llu refused %llu unanswered %llu gap_ms %llu\n",
	       atomic_load(&l.acked), atomic_load(&l.again), atomic_load(&l.refused),
	       atomic_load(&l.unanswered), atomic_load(&l.gap_ms));
	return atomic_load(&l.refused) || atomic_load(&l.unanswered);
}

/* ---- check ---------------------------------------------------------------------------------- */

struct place {
	char tx[65];
	uint64_t height;
};

static int by_tx(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->tx, ((const struct place *)b)->tx);
}

struct places {
	struct mkt_buf b;
};

static void add_txs(struct places *all, const struct mkt_block *blk)
{
	const uint8_t *at = NULL, *tx;
	uint32_t len;

	while (mkt_block_next_tx(blk, &at, &tx, &len)) {
		struct place p = {.height = blk->h.height};
		struct mkt_buf hex = MKT_BUF_INIT;
		struct mkt_hash id;

		mkt_tx_id(tx, len, &id);
		mkt_buf_addhex(&hex, id.b, sizeof(id.b));
		memcpy(p.tx, mkt_buf_str(&hex), 64);
		mkt_buf_add(&all->b, &p, sizeof(p));
		mkt_buf_release(&hex);
	}
}

/* Block @h of every chain is the same block; the transactions of it go to @all. */
static bool same_block(struct mkt_chain **c, unsigned n, uint64_t h, struct places *all)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_hash first = {{0}};
	struct mkt_err err = {0};
	struct mkt_block blk;
	bool good = true;

	for (unsigned i = 0; i < n && good; i++) {
		mkt_buf_clear(&bytes);
		good = mkt_chain_read(c[i], h, &bytes, &err) >= 0 &&
		       mkt_block_dec(bytes.data, bytes.len, &blk, &err) >= 0;
		if (!good)
			printf("# block %llu: %s\n", (unsigned long long)h, err.text);
		else if (!i)
			first = blk.hash;
		if (good && !i)
			add_txs(all, &blk);
		if (good && !mkt_hash_eq(&blk.hash, &first)) {
			printf("# block %llu of chain %u is another one\n", (unsigned long long)h,
			       i + 1);
			good = false;
		}
	}
	mkt_buf_release(&bytes);
	return good;
}

static bool same_chains(unsigned n, char **dirs, struct places *all)
{
	struct mkt_chain_open how = {.read_only = true};
	struct mkt_chain *c[16] = {0};
	struct mkt_err err = {0};
	bool good = n <= 16;

	for (unsigned i = 0; i < n && good; i++) {
		good = mkt_chain_open(dirs[i], &how, &c[i], &err) >= 0;
		if (!good)
			printf("# %s: %s\n", dirs[i], err.text);
		else if (mkt_chain_height(c[i]) != mkt_chain_height(c[0])) {
			printf("# %s ends at block %llu\n", dirs[i],
			       (unsigned long long)mkt_chain_height(c[i]));
			good = false;
		}
	}
	for (uint64_t h = 0; good && h <= mkt_chain_height(c[0]); h++)
		good = same_block(c, n, h, all);
	if (good)
		printf("blocks %llu\n", (unsigned long long)mkt_chain_height(c[0]));
	for (unsigned i = 0; i < n && i < 16; i++)
		if (c[i])
			mkt_chain_close(c[i]);
	return good;
}

static int check(const char *log, unsigned n, char **dirs)
{
	struct places all = {MKT_BUF_INIT};
	FILE *f = fopen(log, "r");
	unsigned long long lost = 0, moved = 0, twice = 0, acked = 0, height;
	struct place *v, want = {{0}, 0}, *at;
	size_t count;

	if (!f || !same_chains(n, dirs, &all))
		return 1;
	v = (struct place *)(void *)all.b.data;
	count = all.b.len / sizeof(*v);
	if (count)
		qsort(v, count, sizeof(*v), by_tx);
	for (size_t i = 1; i < count; i++)
		twice += !strcmp(v[i - 1].tx, v[i].tx);
	while (fscanf(f, "%64s %llu", want.tx, &height) == 2) {
		acked++;
		at = count ? bsearch(&want, v, count, sizeof(*v), by_tx) : NULL;
		lost += !at;
		moved += at && at->height != height;
		if (!at || at->height != height)
			printf("# %s was said to be in block %llu, is %s\n", want.tx, height,
			       at ? "in another" : "nowhere");
	}
	fclose(f);
	mkt_buf_release(&all.b);
	printf("transactions %zu acked %llu lost %llu moved %llu twice %llu\n", count, acked, lost,
	       moved, twice);
	return lost || moved || twice || !acked;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "enroll"))
		return enroll(argv[2], argv[3], argv[4]);
	if (argc > 5 && argc - 5 <= SERVERS_MAX && !strcmp(argv[1], "run"))
		return run(argv[2], argv[3], strtoull(argv[4], NULL, 10), (unsigned)argc - 5,
			   argv + 5);
	if (argc > 3 && !strcmp(argv[1], "check"))
		return check(argv[2], (unsigned)argc - 3, argv + 3);
	fprintf(stderr, "usage: cluster_load enroll CHAIN KEY SERVER\n"
			"       cluster_load run CHAIN LOG SEED SERVER...\n"
			"       cluster_load check LOG CHAIN...\n");
	return 2;
}
