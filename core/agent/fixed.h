/*
 * Fixed-point helpers of the agents: sine, and noise that is a function of
 * where it is asked for.
 *
 * Numbers marked q16 are integers in units of 1/65536.  Angles are fractions of
 * a turn in units of 2^-32, so they wrap by themselves.  Everything is pure, and
 * the same on every machine.
 *
 * Noise is a hash of (seed, stream, place): the value at one place does not
 * depend on which others were asked for, or in which order.
 */
#ifndef MKT_AGENT_FIXED_H
#define MKT_AGENT_FIXED_H

#include "core/base/compat.h"

#define MKT_Q16 65536

/* Sine and cosine of a turn fraction, q16; off by at most 1. */
int32_t mkt_sin_q16(uint32_t turn);
int32_t mkt_cos_q16(uint32_t turn);

/* Product of two q16 numbers, rounded towards zero. */
static inline int64_t mkt_mul_q16(int64_t a, int64_t b)
{
	return a * b / MKT_Q16;
}

/* 64 even bits. */
uint64_t mkt_noise(uint64_t seed, uint64_t stream, uint64_t place);

/* 0 .. n - 1; n > 0. */
static inline uint32_t mkt_noise_below(uint64_t noise, uint32_t n)
{
	return (uint32_t)((noise >> 32) * n >> 32);
}

/* Mean 0, standard deviation 1, q16: the sum of four even parts, within +-3.47. */
int32_t mkt_noise_normal(uint64_t noise);

/*
 * Slowly changing normal noise, q16: one value each @step places, straight lines
 * between.  Scaled so that its standard deviation over all places is 1.
 */
int32_t mkt_noise_slow(uint64_t seed, uint64_t stream, uint64_t place, uint32_t step);

/*
 * A distribution as its quantiles: the values at -3, -2.5, ... 3 standard
 * deviations of a normal variable.
 */
#define MKT_QUANTILES 13

struct mkt_quantiles {
	int32_t v[MKT_QUANTILES];
};

/* The value at @z_q16, by straight lines; beyond +-3 the end values. */
int32_t mkt_quantile(const struct mkt_quantiles *q, int32_t z_q16);

#endif
