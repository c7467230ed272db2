/* Points of SunSpec models: registers to integers and back. */
#include "core/base/compat.h"

#include "core/units/checked.h"
#include "drivers/sunspec.h"

const struct ss_point_info ss_points[SS_POINTS] = {
#define SS_POINT(model, name, offset, type, sf, how) {#name, model, offset, sf, SS_##type, #how[0]},
#include "drivers/sunspec.def"
#undef SS_POINT
};

/* Registers, the value that says "absent", and the range. */
static const struct {
	uint8_t size;
	int64_t none, min, max;
} types[] = {
	[SS_INT16] = {1, INT16_MIN, INT16_MIN + 1, INT16_MAX},
	[SS_UINT16] = {1, 0xFFFF, 0, 0xFFFE},
	[SS_ENUM16] = {1, 0xFFFF, 0, 0xFFFE},
	[SS_BITS16] = {1, 0xFFFF, 0, 0x7FFF},
	[SS_SUNSSF] = {1, INT16_MIN, -10, 10},
	[SS_INT32] = {2, INT32_MIN, -INT32_MAX, INT32_MAX},
	[SS_UINT32] = {2, UINT32_MAX, 0, UINT32_MAX - 1},
	[SS_ACC32] = {2, 0, 1, UINT32_MAX},
	[SS_BITS32] = {2, UINT32_MAX, 0, 0x7FFFFFFF},
	[SS_FLOAT32] = {2, 0, 0, 0},
	[SS_UINT64] = {4, -1, 0, INT64_MAX},
	[SS_STRING8] = {8, 0, 0, 0},
	[SS_STRING16] = {16, 0, 0, 0},
};

unsigned ss_size(enum ss_type type)
{
	return types[type].size;
}

static bool is_signed(enum ss_type t)
{
	return t == SS_INT16 || t == SS_SUNSSF || t == SS_INT32;
}

static bool is_bits(enum ss_type t)
{
	return t == SS_BITS16 || t == SS_BITS32;
}

static bool is_there(const struct ss_block *b, const struct ss_point_info *p)
{
	return p->off + ss_size(p->type) <= b->n;
}

bool ss_raw(const struct ss_block *b, enum ss_point p, int64_t *out)
{
	const struct ss_point_info *i = &ss_points[p];
	unsigned size = ss_size(i->type);
	uint64_t v = 0;
	int64_t s;

	if (!is_there(b, i))
		return false;
	for (unsigned k = 0; k < size; k++)
		v = v << 16 | b->r[i->off + k];
	s = (int64_t)v;
	if (is_signed(i->type))
		s = size == 1 ? (int16_t)v : (int32_t)v;
	/* Bitfields: the top bit alone says nothing either, so it ends the range. */
	if (is_bits(i->type) && s == types[i->type].max + 1)
		return false;
	if (s == types[i->type].none && i->how != 'M')
		return false;
	if (!is_bits(i->type) && (s < types[i->type].min || s > types[i->type].max) &&
	    !(i->how == 'M' && s == 0))
		return false;
	*out = s;
	return true;
}

bool ss_exponent(const struct ss_block *b, enum ss_point p, int *out)
{
	unsigned sf = ss_points[p].sf;
	int16_t v;

	*out = 0;
	if (!sf)
		return true;
	if (sf >= b->n)
		return false;
	v = (int16_t)b->r[sf];
	*out = v;
	return v >= -10 && v <= 10;
}

bool ss_scale(int64_t v, int e, int64_t *out)
{
	int64_t p = 1, rest;

	for (int i = e < 0 ? -e : e; i > 0; i--)
		p *= 10;
	if (e >= 0)
		return !mkt_mul_i64(v, p, out);
	rest = v % p;
	*out = v / p;
	if ((rest < 0 ? -rest : rest) >= p - p / 2)
		*out += v < 0 ? -1 : 1;
	return true;
}

bool ss_get(const struct ss_block *b, enum ss_point p, unsigned digits, int64_t *out)
{
	const struct ss_point_info *i = &ss_points[p];
	int64_t raw;
	int e;

	if (i->type == SS_FLOAT32)
		return is_there(b, i) && drv_f32_scaled(drv_be32(b->r + i->off), digits, out);
	return ss_raw(b, p, &raw) && ss_exponent(b, p, &e) && ss_scale(raw, e + (int)digits, out);
}

void ss_text(const struct ss_block *b, enum ss_point p, char out[MKT_DEV_TEXT_MAX + 1])
{
	const struct ss_point_info *i = &ss_points[p];
	uint8_t text[32];
	unsigned n = 0;

	for (; n < ss_size(i->type) && i->off + n < b->n; n++) {
		text[2 * n] = (uint8_t)(b->r[i->off + n] >> 8);
		text[2 * n + 1] = (uint8_t)b->r[i->off + n];
	}
	mkt_dev_text(out, text, 2 * (size_t)n);
}

int ss_put(struct ss_block *b, enum ss_point p, int64_t value, unsigned digits, struct mkt_err *err)
{
	const struct ss_point_info *i = &ss_points[p];
	unsigned size = ss_size(i->type);
	int64_t raw;
	int e;

	if (!is_there(b, i) || !ss_exponent(b, p, &e))
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "the device has no point %s in model %u, or no scale of it",
				   i->name, b->r[0]);
	if (!ss_scale(value, -(e + (int)digits), &raw) || raw < types[i->type].min ||
	    raw > types[i->type].max)
		return mkt_err_set(err, MKT_EINVAL,
				   "%lld (10^-%u) does not fit point %s of model %u",
				   (long long)value, digits, i->name, b->r[0]);
	for (unsigned k = size; k-- > 0; raw >>= 16)
		b->r[i->off + k] = (uint16_t)raw;
	return 0;
}
