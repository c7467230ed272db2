/*
 * bench-gen: write the standard mix as a stream of operations to standard output.
 *
 *   bench-gen [-n OPS] [-k LEGS] [-s SEED] [-p TICKS] [-o OWNERS]
 *
 * 60 % passive bids, 1 to TICKS (100) ticks of 10 on their side of a fixed middle;
 * 10 % aggressive ones, as far on the other side; 30 % cancels of any bid not
 * cancelled before, so some come too late; 48 windows of 4 tags; every bid has
 * LEGS (1) legs in different books, one of OWNERS (1000) owners, 10 to 1000 Wh.
 */
#include "core/base/compat.h"

#include <endian.h>
#include <unistd.h>

#include "tests/bench/stream.h"
#include "tests/rng.h"

enum { WINDOWS = 48, TAGS = 4, BOOKS = WINDOWS * TAGS, MIDDLE = 25000, TICK = 10 };

struct gen {
	struct rng r;
	uint32_t ops, k, seed, ticks, owners;
	uint32_t *live; /* ids of bids not cancelled */
	uint32_t nlive;
	uint32_t id;
	uint32_t books[BOOKS];
};

static void put(const void *p, size_t n)
{
	if (fwrite(p, n, 1, stdout) != 1) {
		perror("bench-gen: write");
		exit(74);
	}
}

static void put_op(uint8_t kind, uint8_t k, uint32_t amount_wh, uint32_t id, uint32_t owner)
{
	struct stream_op op = {kind, k, 0, htole32(amount_wh), htole32(id), htole32(owner)};

	put(&op, sizeof(op));
}

static void put_bid(struct gen *g, bool aggressive)
{
	uint8_t kind = rng_below(&g->r, 2) ? OP_BUY : OP_SELL;
	bool above = (kind == OP_SELL) != aggressive;

	put_op(kind, (uint8_t)g->k, 10 + (uint32_t)rng_below(&g->r, 991), ++g->id,
	       g->owners ? 1 + (uint32_t)rng_below(&g->r, g->owners) : 0);
	for (uint32_t i = 0; i < g->k; i++) {
		uint32_t j = i + (uint32_t)rng_below(&g->r, BOOKS - i), t = g->books[i];
		int32_t away = TICK * (1 + (int32_t)rng_below(&g->r, g->ticks));
		int32_t price = above ? MIDDLE + away : MIDDLE - away;
		struct stream_leg leg;

		g->books[i] = g->books[j];
		g->books[j] = t;
		leg.book = htole32(g->books[i]);
		leg.price_upwh = (int32_t)htole32((uint32_t)price);
		put(&leg, sizeof(leg));
	}
	g->live[g->nlive++] = g->id;
}

static void put_cancel(struct gen *g)
{
	uint32_t i = (uint32_t)rng_below(&g->r, g->nlive);

	put_op(OP_CANCEL, 0, 0, g->live[i], 0);
	g->live[i] = g->live[--g->nlive];
}

static void put_stream(struct gen *g)
{
	struct stream_head h = {STREAM_MAGIC, htole32(WINDOWS), htole32(TAGS), htole32(g->ops),
				htole32(g->k), htole32(g->seed), 0};

	put(&h, sizeof(h));
	for (uint32_t i = 0; i < BOOKS; i++)
		g->books[i] = i;
	for (uint32_t i = 0; i < g->ops; i++) {
		uint64_t dice = rng_below(&g->r, 10);

		if (dice < 3 && g->nlive)
			put_cancel(g);
		else
			put_bid(g, dice == 3);
	}
}

static uint32_t number(const char *text, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end || v < min || v > max) {
		fprintf(stderr, "bench-gen: '%s' is not a number from %u to %u\n", text, min, max);
		exit(2);
	}
	return (uint32_t)v;
}

int main(int argc, char **argv)
{
	struct gen g = {.ops = 1000000, .k = 1, .seed = 1, .ticks = 100, .owners = 1000};
	int c;

	while ((c = getopt(argc, argv, "n:k:s:p:o:")) != -1) {
		switch (c) {
		case 'n': g.ops = number(optarg, 0, 100000000); break;
		case 'k': g.k = number(optarg, 1, BOOKS); break;
		case 's': g.seed = number(optarg, 0, UINT32_MAX); break;
		case 'p': g.ticks = number(optarg, 1, 100000000); break;
		case 'o': g.owners = number(optarg, 0, UINT32_MAX); break;
		default:
			fprintf(stderr, "usage: bench-gen [-n OPS] [-k LEGS] [-s SEED] [-p TICKS] "
					"[-o OWNERS] >FILE\n");
			return 2;
		}
	}
	g.r.state = g.seed;
	g.live = malloc(((size_t)g.ops + 1) * sizeof(*g.live));
	if (!g.live) {
		fprintf(stderr, "bench-gen: out of memory\n");
		return 70;
	}
	put_stream(&g);
	free(g.live);
	if (fflush(stdout)) {
		perror("bench-gen: write");
		return 74;
	}
	return 0;
}
