/* ECHONET Lite frames: drivers/echonet.h. */
#include "core/base/compat.h"

#include "drivers/echonet.h"

static uint32_t object(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static bool has_two_lists(uint8_t esv)
{
	return esv == 0x6E || esv == 0x7E || esv == 0x5E;
}

/* One list: OPC, then the properties.  Advances *@at. */
static int take_list(const uint8_t *b, size_t n, size_t *at, struct drv_en_frame *f,
		     struct mkt_err *err)
{
	unsigned opc;

	if (*at >= n)
		return mkt_err_set(err, MKT_EDEVFRAME, "ECHONET frame ends before its list");
	opc = b[(*at)++];
	if (f->n + opc > DRV_EN_PROPS_MAX)
		return mkt_err_set(err, MKT_EDEVFRAME, "ECHONET frame with %u properties",
				   f->n + opc);
	for (; opc; opc--) {
		struct drv_en_prop *p = &f->p[f->n];

		if (n - *at < 2 || n - *at - 2 < b[*at + 1])
			return mkt_err_set(err, MKT_EDEVFRAME,
					   "ECHONET frame of %zu bytes ends in property %u", n,
					   f->n + 1u);
		p->epc = b[*at];
		p->pdc = b[*at + 1];
		p->edt = p->pdc ? b + *at + 2 : NULL;
		if (p->epc < 0x80)
			return mkt_err_set(err, MKT_EDEVFRAME, "ECHONET property %02X", p->epc);
		*at += 2u + p->pdc;
		f->n++;
	}
	return 0;
}

int drv_en_decode(const uint8_t *bytes, size_t n, struct drv_en_frame *out, struct mkt_err *err)
{
	size_t at = DRV_EN_HEADER - 1;
	int r;

	if (n < DRV_EN_HEADER)
		return mkt_err_set(err, MKT_EDEVFRAME, "ECHONET frame of %zu bytes", n);
	if (bytes[0] != 0x10 || bytes[1] != 0x81)
		return mkt_err_set(err, MKT_EDEVFRAME, "ECHONET header %02X %02X, not 10 81",
				   bytes[0], bytes[1]);
	out->tid = (uint16_t)(bytes[2] << 8 | bytes[3]);
	out->seoj = object(bytes + 4);
	out->deoj = object(bytes + 7);
	out->esv = bytes[10];
	out->n = 0;
	r = take_list(bytes, n, &at, out, err);
	out->nset = out->n;
	if (!r && has_two_lists(out->esv))
		r = take_list(bytes, n, &at, out, err);
	return r < 0 ? r : (int)at;
}

void drv_en_begin(struct drv_en_out *o, uint16_t tid, uint32_t seoj, uint32_t deoj, uint8_t esv)
{
	const uint8_t head[DRV_EN_HEADER] = {
		0x10,
		0x81,
		(uint8_t)(tid >> 8),
		(uint8_t)tid,
		(uint8_t)(seoj >> 16),
		(uint8_t)(seoj >> 8),
		(uint8_t)seoj,
		(uint8_t)(deoj >> 16),
		(uint8_t)(deoj >> 8),
		(uint8_t)deoj,
		esv,
		0,
	};

	memcpy(o->bytes, head, sizeof(head));
	o->n = sizeof(head);
	o->opc = sizeof(head) - 1;
	o->bad = false;
}

void drv_en_add(struct drv_en_out *o, uint8_t epc, const void *edt, uint8_t pdc)
{
	if (o->bad || o->n + 2u + pdc > sizeof(o->bytes) || o->bytes[o->opc] == UINT8_MAX) {
		o->bad = true;
		return;
	}
	o->bytes[o->opc]++;
	o->bytes[o->n++] = epc;
	o->bytes[o->n++] = pdc;
	if (pdc)
		memcpy(o->bytes + o->n, edt, pdc);
	o->n += pdc;
}

void drv_en_second(struct drv_en_out *o)
{
	if (o->bad || o->n == sizeof(o->bytes)) {
		o->bad = true;
		return;
	}
	o->opc = o->n;
	o->bytes[o->n++] = 0;
}

static uint32_t big_endian(const void *edt, size_t n)
{
	const uint8_t *p = edt;
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

bool drv_en_u8(const void *edt, size_t n, int64_t *v)
{
	if (n != 1 || big_endian(edt, 1) >= 0xFE)
		return false;
	*v = big_endian(edt, 1);
	return true;
}

bool drv_en_u16(const void *edt, size_t n, int64_t *v)
{
	if (n != 2 || big_endian(edt, 2) >= 0xFFFE)
		return false;
	*v = big_endian(edt, 2);
	return true;
}

bool drv_en_u32(const void *edt, size_t n, int64_t *v)
{
	if (n != 4 || big_endian(edt, 4) >= 0xFFFFFFFE)
		return false;
	*v = big_endian(edt, 4);
	return true;
}

bool drv_en_s16(const void *edt, size_t n, int64_t *v)
{
	uint32_t u;

	if (n != 2)
		return false;
	u = big_endian(edt, 2);
	if (u >= 0x7FFE && u <= 0x8000)
		return false;
	*v = (int16_t)u;
	return true;
}

bool drv_en_s32(const void *edt, size_t n, int64_t *v)
{
	uint32_t u;

	if (n != 4)
		return false;
	u = big_endian(edt, 4);
	if (u >= 0x7FFFFFFE && u <= 0x80000000)
		return false;
	*v = (int32_t)u;
	return true;
}

void drv_en_put16(uint8_t out[2], uint16_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

void drv_en_put32(uint8_t out[4], uint32_t v)
{
	drv_en_put16(out, (uint16_t)(v >> 16));
	drv_en_put16(out + 2, (uint16_t)v);
}

/* Byte: low nibble of the property; bit: high nibble - 8. */
bool drv_en_has(const struct drv_en_map *m, uint8_t epc)
{
	return epc >= 0x80 && (m->bits[epc & 15] >> ((epc >> 4) - 8) & 1);
}

void drv_en_put(struct drv_en_map *m, uint8_t epc)
{
	if (epc >= 0x80)
		m->bits[epc & 15] |= (uint8_t)(1u << ((epc >> 4) - 8));
}

void drv_en_drop(struct drv_en_map *m, uint8_t epc)
{
	if (epc >= 0x80)
		m->bits[epc & 15] &= (uint8_t)~(1u << ((epc >> 4) - 8));
}

static unsigned count(const struct drv_en_map *m)
{
	unsigned n = 0;

	for (unsigned epc = 0x80; epc <= 0xFF; epc++)
		n += drv_en_has(m, (uint8_t)epc);
	return n;
}

bool drv_en_empty(const struct drv_en_map *m)
{
	return !count(m);
}

int drv_en_map_decode(const uint8_t *edt, size_t n, struct drv_en_map *out, struct mkt_err *err)
{
	struct drv_en_map m = {{0}};

	if (!n || n != (edt[0] < 16 ? 1u + edt[0] : 17u))
		return mkt_err_set(err, MKT_EDEVFRAME,
				   "property map of %zu bytes for %u properties", n,
				   n ? edt[0] : 0u);
	if (edt[0] < 16)
		for (size_t i = 1; i < n; i++)
			drv_en_put(&m, edt[i]);
	else
		memcpy(m.bits, edt + 1, sizeof(m.bits));
	if (count(&m) != edt[0])
		return mkt_err_set(err, MKT_EDEVFRAME, "property map of %u properties names %u",
				   edt[0], count(&m));
	*out = m;
	return 0;
}

size_t drv_en_map_encode(const struct drv_en_map *m, uint8_t out[17])
{
	unsigned n = count(m);
	size_t at = 1;

	out[0] = (uint8_t)n;
	if (n >= 16) {
		memcpy(out + 1, m->bits, sizeof(m->bits));
		return 17;
	}
	for (unsigned epc = 0x80; epc <= 0xFF; epc++)
		if (drv_en_has(m, (uint8_t)epc))
			out[at++] = (uint8_t)epc;
	return at;
}
