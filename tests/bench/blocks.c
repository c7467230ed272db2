/*
 * bench-blocks: a long chain, made in the process without a server, for what
 * reads chains.  The operator's clock moves five seconds a block; each block
 * has bids of some hundred homes, most of which rest for hours, some match, and
 * what matched is settled when its time has come.
 *
 *   bench-blocks [--blocks N] [--bids N] [--accounts N]
 *
 * The chain is left below TMPDIR, with a key and a ledgerd.conf; the last line
 * printed is its directory.
 */
#include "core/base/compat.h"

#include <getopt.h>

#include "tests/node.h"

#define GROUP 512u	/* blocks of one sync and of one store transaction */
#define CLOCK_BLOCKS 60 /* blocks of one block time: five minutes */
#define BLOCK_MS 5000u
#define WINDOWS 48 /* that bids are for: a day */
#define START_MS 1767193200000u

struct maker {
	struct node node;
	struct mkt_chain *chain;
	struct mkt_state *state;
	struct rng rng;
	uint32_t blocks, bids, accounts;
	uint64_t time_ms, next_tx;
	struct mkt_hash prev;
	/* Of the block in hand. */
	struct mkt_buf frames;
	struct mkt_bytes *txs;
	struct mkt_hash *ids, *leaves;
	struct mkt_tx tx;
	struct mkt_events ev;
	struct mkt_delta delta;
	struct mkt_sealed sealed[GROUP];
};

static void tune(struct mkt_genesis *g)
{
	g->clock = MKT_CLOCK_OPERATOR;
	g->time_ms = START_MS;
	g->opening_s = 2 * 86400;
}

static void add_clock(struct maker *m)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_op op = {.kind = MKT_OP_CLOCK, .u.clock.time_ms = m->time_ms};

	node_begin(&m->node, &t, MKT_OPERATOR);
	mkt_tx_add(&t, &op, NULL, NULL);
	node_frame(&m->node, &t, MKT_OPERATOR, &m->frames);
}

static void add_bid(struct maker *m)
{
	bool buy = rng_below(&m->rng, 2);
	uint32_t now = (uint32_t)(m->time_ms / 1000 / m->node.g.window_s);
	struct mkt_bid_leg leg = {
		.window = now + 2 + (uint32_t)rng_below(&m->rng, WINDOWS),
		.tags = rng_below(&m->rng, 2),
		/* About one in six crosses: 20..27 and 25..32 per kWh. */
		.price_upwh = (buy ? 20000 : 25000) + 10 * (int32_t)rng_below(&m->rng, 700),
	};
	struct mkt_op_bid bid = {
		.side = buy ? MKT_BUY : MKT_SELL,
		.nlegs = 1,
		.amount_wh = 100 + (uint32_t)rng_below(&m->rng, 5000),
	};

	node_bid(&m->node, 1 + (uint32_t)rng_below(&m->rng, m->accounts), &bid, &leg, &m->frames);
}

/* Execute the frames as block @height and seal it into @out. */
static void make_block(struct maker *m, uint64_t height, struct mkt_sealed *out)
{
	const uint8_t *p = m->frames.data, *end = p + m->frames.len;
	struct mkt_err err = {0};
	struct mkt_seal in = {
		.prev = &m->prev,
		.height = height,
		.time_ms = m->time_ms,
		.first_tx = m->next_tx,
		.first_bid = mkt_state_next_bid(m->state),
		.first_exec = mkt_state_next_exec(m->state),
		.txs = m->txs,
		.tx_ids = m->ids,
		.tx_leaves = m->leaves,
		.ev = &m->ev,
		.delta = &m->delta,
		.key = &m->node.op,
	};

	mkt_authorities_set_hash(mkt_state_authorities(m->state), &in.authorities);
	if (mkt_state_begin(m->state, height, m->time_ms, &m->ev, &err) < 0)
		node_die("cannot begin a block", &err);
	for (; p < end; in.ntxs++) {
		uint32_t len = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16, i;

		p += 4;
		i = in.ntxs;
		if (mkt_tx_dec(p, len, &m->node.id, &m->tx, &err) < 0 ||
		    mkt_state_admit(m->state, &m->tx, &err) < 0 ||
		    mkt_state_apply(m->state, &m->tx, i, &m->ev) < 0)
			node_die("cannot execute a transaction", &err);
		m->txs[i] = (struct mkt_bytes){p, len};
		m->ids[i] = m->tx.id;
		mkt_hash(&m->leaves[i], MKT_DOM_LEAF, p, len);
		p += len;
	}
	if (mkt_state_check_clock(m->state, &err) < 0 ||
	    mkt_state_end(m->state, &m->delta, &in.state) < 0 ||
	    mkt_chain_seal(m->chain, &in, out) < 0)
		node_die("cannot end a block", &err);
	m->prev = out->hash;
	m->next_tx += in.ntxs;
}

static void next_block(struct maker *m, uint64_t height, struct mkt_sealed *out)
{
	mkt_buf_clear(&m->frames);
	if (height == 1) {
		node_enrolments(&m->node, m->accounts, 1000000000000, &m->frames);
	} else if (height % CLOCK_BLOCKS == 0) {
		m->time_ms += (uint64_t)CLOCK_BLOCKS * BLOCK_MS;
		m->node.g.time_ms = m->time_ms; /* from which it reckons valid-until */
		add_clock(m);
	}
	for (uint32_t i = 0; height > 1 && i < m->bids; i++)
		add_bid(m);
	make_block(m, height, out);
}

static void make_chain(struct maker *m)
{
	struct mkt_sealed *group[GROUP];
	struct mkt_err err = {0};
	uint64_t height = 0;

	for (unsigned i = 0; i < GROUP; i++)
		group[i] = &m->sealed[i];
	while (height < m->blocks) {
		unsigned n = 0;

		while (n < GROUP && height < m->blocks)
			next_block(m, ++height, group[n++]);
		if (mkt_chain_append(m->chain, group, n, &err) < 0 ||
		    mkt_chain_index(m->chain, group, n, &err) < 0)
			node_die("cannot store blocks", &err);
		for (unsigned i = 0; i < n; i++)
			mkt_sealed_release(group[i]);
	}
}

static void write_conf(const struct node *n)
{
	struct mkt_buf text = MKT_BUF_INIT;
	char path[NODE_PATH_MAX];

	mkt_buf_addf(&text,
		     "[node]\ndir = %s\nsocket = %s\nlisten =\n\n[authority]\nkey = %s\n\n"
		     "[disk]\nalarm_free = 1MB\nrefuse_free = 1MB\n",
		     n->chain_dir, n->sock, n->key_file);
	snprintf(path, sizeof(path), "%s/ledgerd.conf", n->dir);
	file_write(path, text.data, text.len);
	mkt_buf_release(&text);
}

static void parse(struct maker *m, int argc, char **argv)
{
	static const struct option options[] = {{"blocks", 1, NULL, 'b'},
						{"bids", 1, NULL, 'n'},
						{"accounts", 1, NULL, 'a'},
						{NULL, 0, NULL, 0}};
	int c;

	m->blocks = 200000;
	m->bids = 1;
	m->accounts = 200;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint32_t v = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;

		if (c == '?' || !v)
			exit(2);
		*(c == 'b' ? &m->blocks : c == 'n' ? &m->bids : &m->accounts) = v;
	}
}

int main(int argc, char **argv)
{
	static struct maker m;
	struct mkt_chain_open how = {0};
	struct mkt_err err = {0};
	uint64_t height, blocks, store;
	uint32_t most;

	parse(&m, argc, argv);
	m.rng.state = 11;
	node_make(&m.node, "blocks", tune);
	m.time_ms = m.node.g.time_ms;
	if (mkt_chain_open(m.node.chain_dir, &how, &m.chain, &err) < 0)
		node_die("cannot open the chain", &err);
	m.state = mkt_chain_state(m.chain);
	mkt_chain_head(m.chain, &height, &m.prev, &m.time_ms);
	most = m.accounts + m.bids + 1;
	m.txs = calloc(most, sizeof(*m.txs));
	m.ids = calloc(most, sizeof(*m.ids));
	m.leaves = calloc(most, sizeof(*m.leaves));
	make_chain(&m);
	write_conf(&m.node);
	mkt_chain_bytes(m.chain, &blocks, &store);
	printf("# %u blocks, %llu transactions, %llu contracts, %llu MB of blocks, %llu MB of "
	       "store\n",
	       m.blocks, (unsigned long long)m.next_tx,
	       (unsigned long long)mkt_state_next_exec(m.state) - 1,
	       (unsigned long long)blocks / 1000000, (unsigned long long)store / 1000000);
	mkt_chain_close(m.chain);
	printf("%s\n", m.node.dir);
	return 0;
}
