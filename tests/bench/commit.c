/*
 * How long a block of a given size takes to become final, as a client sees it that waits for
 * "sealed": transfers, 1000 to an envelope, one block at a time.
 *
 *   bench-commit CHAIN SERVER ROUNDS BYTES     accounts as of `cluster_load enroll`
 */
#include "core/base/compat.h"

#include "core/wire/api.h"
#include "tests/node.h"

#define ACCOUNTS 40
#define OPS 1000
#define ROUNDS_MAX 10000
#define OP_BYTES 79 /* of a block for one transfer, its events included */

static void read_chain(struct node *n, const char *dir)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err err = {0};
	uint8_t no_seed[MKT_SEED_LEN] = {0};
	struct mkt_pubkey operator_key;
	char path[PATH_MAX];

	memset(n, 0, sizeof(*n));
	mkt_keypair(&operator_key, &n->op, no_seed);
	n->seed = 1000;
	snprintf(path, sizeof(path), "%s/genesis", dir);
	if (mkt_crypto_init() < 0 || !file_read(path, &bytes) ||
	    mkt_genesis_dec(bytes.data, bytes.len, &n->g, &err) < 0)
		node_die(path, &err);
	mkt_genesis_id(bytes.data, bytes.len, &n->id);
	mkt_buf_release(&bytes);
	node_enrolments(n, ACCOUNTS, 0, &bytes); /* for the keys */
	mkt_buf_release(&bytes);
	n->requests = node_ms(CLOCK_REALTIME) << 20; /* new ones each time */
}

static void fill(struct node *n, unsigned round, size_t bytes, struct mkt_buf *body)
{
	mkt_buf_clear(body);
	for (size_t i = 0; i * OPS * OP_BYTES < bytes; i++) {
		struct mkt_tx_build t = MKT_TX_BUILD_INIT;
		uint32_t from = 1 + (uint32_t)((round + i) % ACCOUNTS);

		node_begin(n, &t, from);
		for (unsigned k = 0; k < OPS && (i * OPS + k) * OP_BYTES < bytes; k++) {
			struct mkt_op op = {.kind = MKT_OP_TRANSFER, .account = from};

			op.u.transfer.to = 1 + (from + k) % ACCOUNTS;
			op.u.transfer.money_uc = 1;
			if (op.u.transfer.to == from)
				op.u.transfer.to = 1 + from % ACCOUNTS;
			mkt_tx_add(&t, &op, NULL, NULL);
		}
		node_frame(n, &t, from, body);
	}
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t one(struct node *n, struct mkt_client *c, unsigned round, size_t bytes)
{
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_receipt r;
	struct mkt_jval row;
	struct mkt_err err = {0};
	uint64_t us;

	fill(n, round, bytes, &body);
	mkt_client_restart(c, 20000);
	us = now_us();
	if (mkt_api_submit(c, &body, MKT_WAIT_SEALED, &a, &err) < 0 ||
	    mkt_receipt_read(&a, 0, &r, &row, &err) < 0)
		node_die("a block", &err);
	us = now_us() - us;
	if (r.status != MKT_RECEIPT_SEALED)
		node_die("a block is not sealed", &r.err);
	mkt_answer_release(&a);
	mkt_buf_release(&body);
	return us;
}

int main(int argc, char **argv)
{
	static uint64_t us[ROUNDS_MAX];
	struct mkt_client_conf conf = {.timeout_ms = 20000};
	struct timespec nap = {.tv_nsec = 60000000}; /* a quiet chain seals at once */
	struct mkt_client *c;
	struct mkt_err err = {0};
	unsigned rounds;
	size_t bytes;
	struct node n;

	if (argc != 5)
		return 2;
	read_chain(&n, argv[1]);
	conf.server = argv[2];
	rounds = (unsigned)strtoul(argv[3], NULL, 10);
	bytes = strtoul(argv[4], NULL, 10);
	if (!rounds || rounds > ROUNDS_MAX || mkt_client_new(&conf, &c, &err) < 0)
		node_die(argv[2], &err);
	for (unsigned i = 0; i < rounds; i++) {
		us[i] = one(&n, c, i, bytes);
		nanosleep(&nap, NULL);
	}
	qsort(us, rounds, sizeof(*us), cmp);
	printf("rounds %u p50_ms %.1f p99_ms %.1f max_ms %.1f\n", rounds,
	       (double)us[rounds / 2] / 1000, (double)us[rounds * 99 / 100] / 1000,
	       (double)us[rounds - 1] / 1000);
	mkt_client_free(c);
	mkt_genesis_release(&n.g);
	free(n.keys);
	return 0;
}
