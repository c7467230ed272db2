/* IEEE float32 to integers and back, without floating point arithmetic. */
#include "core/base/compat.h"

#include "drivers/modbus.h"

#define DIGITS_MAX 9

__extension__ typedef unsigned __int128 u128;

static uint64_t power10(unsigned digits)
{
	uint64_t p = 1;

	while (digits--)
		p *= 10;
	return p;
}

bool drv_f32_scaled(uint32_t bits, unsigned digits, int64_t *out)
{
	uint32_t biased = bits >> 23 & 0xff;
	uint64_t m = bits & 0x7fffff;
	int shift;

	if (biased == 0xff || digits > DIGITS_MAX)
		return false;
	if (biased)
		m |= 0x800000;
	else
		biased = 1;
	shift = (int)biased - 127 - 23;
	m *= power10(digits); /* below 2^24 * 2^30 */
	if (shift >= 63 || (shift > 0 && m >> (63 - shift)))
		return m == 0 ? (*out = 0, true) : false;
	if (shift >= 0)
		m <<= shift;
	else if (shift > -63)
		m = (m + (UINT64_C(1) << (-shift - 1))) >> -shift;
	else
		m = 0;
	*out = bits >> 31 ? -(int64_t)m : (int64_t)m;
	return true;
}

uint32_t drv_f32_of(int64_t v, unsigned digits)
{
	uint64_t n = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	uint64_t d = power10(digits > DIGITS_MAX ? DIGITS_MAX : digits);
	u128 q = ((u128)n << 56) / d; /* 27 bits or more, unless 0 */
	bool rest = ((u128)n << 56) % d != 0;
	unsigned len = 27, drop;
	uint32_t m, exponent;
	u128 half, low;

	if (!n)
		return 0;
	while (q >> len)
		len++;
	drop = len - 24;
	m = (uint32_t)(q >> drop);
	half = (u128)1 << (drop - 1);
	low = q & (half * 2 - 1);
	exponent = drop + 23 + 127 - 56;
	if (low > half || (low == half && (rest || (m & 1))))
		m++;
	if (m >> 24) { /* rounded up to the next power of two */
		m >>= 1;
		exponent++;
	}
	return (v < 0 ? UINT32_C(1) << 31 : 0) | exponent << 23 | (m & 0x7fffff);
}

uint32_t drv_f32_step(uint32_t bits, unsigned digits)
{
	uint32_t biased = bits >> 23 & 0xff;
	uint64_t unit = power10(digits > DIGITS_MAX ? DIGITS_MAX : digits);
	int shift = (int)(biased ? biased : 1) - 127 - 23;

	if (shift <= -31)
		return 1;
	if (shift < 0)
		return (uint32_t)((unit + (UINT64_C(1) << -shift) - 1) >> -shift);
	return shift > 31 || unit << shift > UINT32_MAX ? UINT32_MAX : (uint32_t)(unit << shift);
}
