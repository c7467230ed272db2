/*
 * mkchain DIR BLOCKS OPS [FORGED...]: a chain on disk for tests of what reads
 * one, with OPS random operations a block.  In the blocks FORGED the authority
 * took a transaction with a wrong signature.  Prints height, transactions and
 * state digest.
 */
#include "core/base/compat.h"

#define NODE_TXS 4096
#include "tests/chain.h"

#define GROUP 16u

/* The state does not look at signatures, so everything else in the block is right. */
static void forge(struct node *n)
{
	struct mkt_buf *tx = &n->tx[n->ntx / 2];

	tx->data[tx->len - 1] ^= 1;
	mkt_tx_id(tx->data, tx->len, &n->id[n->ntx / 2]);
	mkt_hash(&n->leaf[n->ntx / 2], MKT_DOM_LEAF, tx->data, tx->len);
}

static void add_block(struct node *n, unsigned ops, char **forged, struct mkt_sealed *out)
{
	bool wrong = false;

	for (; *forged; forged++)
		wrong |= strtoull(*forged, NULL, 10) == n->prev.height + 1;
	if (!wrong) {
		node_block(n, ops, out);
		return;
	}
	node_begin(n, n->prev.time_ms + 1000);
	for (unsigned i = 0; i < ops; i++)
		node_random_op(n);
	forge(n);
	node_seal(n, out);
}

static void add_blocks(struct node *n, unsigned blocks, unsigned ops, char **forged,
		       struct mkt_hash *state)
{
	struct mkt_sealed b[GROUP], *v[GROUP];
	struct mkt_err err;

	while (blocks) {
		unsigned k = blocks < GROUP ? blocks : GROUP;

		for (unsigned i = 0; i < k; i++) {
			add_block(n, ops, forged, &b[i]);
			v[i] = &b[i];
		}
		NODE_OK(mkt_chain_append(n->c, v, k, &err), &err);
		NODE_OK(mkt_chain_index(n->c, v, k, &err), &err);
		*state = b[k - 1].h.state;
		for (unsigned i = 0; i < k; i++)
			mkt_sealed_release(&b[i]);
		blocks -= k;
	}
}

int main(int argc, char **argv)
{
	struct mkt_buf hex = MKT_BUF_INIT;
	struct mkt_hash state = {{0}};
	struct node n;

	if (argc < 4) {
		fprintf(stderr, "usage: mkchain DIR BLOCKS OPS [FORGED...]\n");
		return 2;
	}
	node_start(&n, "mkchain", (struct rng){7});
	add_blocks(&n, (unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10),
		   argv + 4, &state);
	mkt_buf_addhex(&hex, state.b, sizeof(state.b));
	printf("%llu %llu %s\n", (unsigned long long)n.prev.height,
	       (unsigned long long)n.prev.next_tx, mkt_buf_str(&hex));
	mkt_buf_release(&hex);
	mkt_chain_close(n.c);
	n.c = NULL;
	if (rename(n.dir, argv[1]) < 0) {
		perror(argv[1]);
		return 1;
	}
	node_stop(&n);
	return 0;
}
