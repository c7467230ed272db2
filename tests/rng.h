/*
 * Random numbers for tests: splitmix64, the same on every machine.  The seed is
 * MKT_SEED or a fixed one, and is printed, so that a failing run repeats.
 */
#ifndef MKT_TESTS_RNG_H
#define MKT_TESTS_RNG_H

#include "core/base/compat.h"

struct rng {
	uint64_t state;
};

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 .. n - 1; n > 0.  The bias is below n / 2^64. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_u64(r) % n;
}

/* Any width from 0 to 64 bits is equally likely: small, large and border values all come up. */
static inline uint64_t rng_wide(struct rng *r)
{
	uint64_t bits = rng_below(r, 65);

	return bits ? rng_u64(r) >> (64 - bits) : 0;
}

static inline struct rng rng_start(const char *test)
{
	const char *env = getenv("MKT_SEED");
	struct rng r = {env ? strtoull(env, NULL, 0) : 20261122};

	printf("%s: MKT_SEED=%llu\n", test, (unsigned long long)r.state);
	return r;
}

#endif
