/*
 * Checked arithmetic for values from outside.  Each returns true when the
 * result does not fit, and then leaves *r alone: overflow is an error, never a wrap.
 */
#ifndef MKT_UNITS_CHECKED_H
#define MKT_UNITS_CHECKED_H

#include "core/base/compat.h"

#define MKT_CHECKED(name, type, op)                                              \
	static inline bool MKT_MUST_CHECK name(type a, type b, type *r)          \
	{                                                                        \
		type v;                                                          \
                                                                                 \
		if (__builtin_##op##_overflow(a, b, &v))                         \
			return true;                                             \
		*r = v;                                                          \
		return false;                                                    \
	}

MKT_CHECKED(mkt_add_i64, int64_t, add)
MKT_CHECKED(mkt_sub_i64, int64_t, sub)
MKT_CHECKED(mkt_mul_i64, int64_t, mul)
MKT_CHECKED(mkt_add_u64, uint64_t, add)
MKT_CHECKED(mkt_sub_u64, uint64_t, sub)
MKT_CHECKED(mkt_mul_u64, uint64_t, mul)
MKT_CHECKED(mkt_add_u32, uint32_t, add)
MKT_CHECKED(mkt_sub_u32, uint32_t, sub)

#undef MKT_CHECKED

/* Price (micro-currency per Wh) times energy (Wh): exact, and fits: 2^31 x 2^32 < 2^63. */
static inline int64_t mkt_cost_uc(int32_t price_upwh, uint32_t energy_wh)
{
	return (int64_t)price_upwh * (int64_t)energy_wh;
}

#endif
