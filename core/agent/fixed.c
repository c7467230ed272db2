#include "core/base/compat.h"

#include "core/agent/fixed.h"

#define Q30 (1 << 30)
#define SQRT3_Q16 113512 /* brings four even parts to standard deviation 1 */
#define SLOW_Q16 80265	 /* sqrt(3/2): straight lines between have 2/3 of the variance */

/* sin(x * turn/4) for x in [0, 1], q30: five terms of the series, error below 4e-6. */
static int64_t quarter_sine(int64_t x)
{
	static const int64_t term[] = {1686629713, -693598669, 85569309, -5026995, 172271};
	int64_t x2 = x * x / Q30, sum = 0;

	for (size_t i = MKT_ARRAY_SIZE(term); i-- > 0;)
		sum = sum * x2 / Q30 + term[i];
	return sum * x / Q30;
}

int32_t mkt_sin_q16(uint32_t turn)
{
	uint32_t part = turn & 0x3fffffff; /* within the quarter */
	bool falling = turn & 0x40000000;
	int64_t s = quarter_sine(falling ? Q30 - (int64_t)part : (int64_t)part);
	int32_t q16 = (int32_t)((s + (1 << 13)) >> 14);

	return turn & 0x80000000 ? -q16 : q16;
}

int32_t mkt_cos_q16(uint32_t turn)
{
	return mkt_sin_q16(turn + 0x40000000u);
}

/* The mixing step of splitmix64. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t mkt_noise(uint64_t seed, uint64_t stream, uint64_t place)
{
	uint64_t h = mix(seed + 0x9e3779b97f4a7c15u);

	h = mix(h ^ (stream + 0x632be59bd9b4e019u));
	return mix(h ^ (place + 0xd1342543de82ef95u));
}

int32_t mkt_noise_normal(uint64_t noise)
{
	int64_t sum = 0;

	for (int i = 0; i < 4; i++)
		sum += (int64_t)(noise >> (16 * i) & 0xffff);
	return (int32_t)mkt_mul_q16(sum - 2 * 0xffff, SQRT3_Q16);
}

int32_t mkt_noise_slow(uint64_t seed, uint64_t stream, uint64_t place, uint32_t step)
{
	uint64_t at = place / step, off = place % step;
	int64_t a = mkt_noise_normal(mkt_noise(seed, stream, at));
	int64_t b = mkt_noise_normal(mkt_noise(seed, stream, at + 1));
	int64_t z = (a * (int64_t)(step - off) + b * (int64_t)off) / (int64_t)step;

	return (int32_t)mkt_mul_q16(z, step > 1 ? SLOW_Q16 : MKT_Q16);
}

int32_t mkt_quantile(const struct mkt_quantiles *q, int32_t z_q16)
{
	int64_t at = (int64_t)z_q16 * 2 + 6 * MKT_Q16; /* in half deviations from -3 */
	int64_t k, off;

	if (at <= 0)
		return q->v[0];
	k = at / MKT_Q16;
	if (k >= MKT_QUANTILES - 1)
		return q->v[MKT_QUANTILES - 1];
	off = at % MKT_Q16;
	return (int32_t)((q->v[k] * (MKT_Q16 - off) + q->v[k + 1] * off) / MKT_Q16);
}
