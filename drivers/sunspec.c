/* SunSpec chains: finding them, walking them, reading and writing models. */
#include "core/base/compat.h"

#include "drivers/sunspec.h"

#define MARK_0 0x5375 /* "Su" */
#define MARK_1 0x6E53 /* "nS" */
#define BUSY_MS 1000  /* before a busy device is asked again */

static const uint16_t bases[] = {40000, 0, 50000};

/* ---- registers ----------------------------------------------------------------------------- */

static int mb_read(void *arg, uint16_t addr, uint16_t n, uint16_t *out, struct mkt_err *err)
{
	return drv_mb_holding(arg, addr, n, out, err);
}

static int mb_write(void *arg, uint16_t addr, uint16_t n, const uint16_t *values, bool single,
		    struct mkt_err *err)
{
	return single ? drv_mb_write1(arg, addr, *values, err)
		      : drv_mb_write(arg, addr, n, values, err);
}

static int mb_exception(void *arg)
{
	return drv_mb_exception(arg);
}

void ss_io_modbus(struct ss_io *io, struct drv_mb *mb)
{
	*io = (struct ss_io){mb_read, mb_write, mb_exception, mb, DRV_MB_READ_MAX};
}

/* Exception 4 is "busy" to many inverters; the Modbus layer waits for 5 and 6. */
static int io_read(struct ss_io *io, uint32_t addr, uint16_t n, uint16_t *out, struct mkt_err *err)
{
	int rc;

	if (addr + n > 65536)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "the chain of models runs past register 65535 (at %u)", addr);
	rc = io->read(io->arg, (uint16_t)addr, n, out, err);
	if (rc == -MKT_EDEVREFUSED && io->exception(io->arg) == 4) {
		drv_sleep_ms(BUSY_MS);
		rc = io->read(io->arg, (uint16_t)addr, n, out, err);
	}
	return rc < 0 ? rc : 0;
}

static bool is_refusal(struct ss_io *io, int rc)
{
	int x = io->exception(io->arg);

	return rc == -MKT_EDEVREFUSED && (x == 2 || x == 3 || x == 4);
}

/* @n registers from @addr, at most @max at once. */
static int read_in(struct ss_io *io, uint32_t addr, uint16_t n, uint16_t max, uint16_t *out,
		   struct mkt_err *err)
{
	int rc = 0;

	for (uint16_t at = 0, k; rc == 0 && at < n; at = (uint16_t)(at + k)) {
		k = n - at < max ? (uint16_t)(n - at) : max;
		rc = io_read(io, addr + at, k, out + at, err);
	}
	return rc;
}

/* The same in pieces that the device takes; what it takes is remembered. */
static int read_pieces(struct ss_io *io, uint32_t addr, uint16_t n, uint16_t *out,
		       struct mkt_err *err)
{
	uint16_t max = io->read_max;
	int rc = read_in(io, addr, n, max, out, err);

	while (is_refusal(io, rc) && max > 30 && n > 30) {
		max = max > 60 && n > 60 ? 60 : 30;
		rc = read_in(io, addr, n, max, out, err);
		if (rc == 0)
			io->read_max = max;
	}
	return rc;
}

/* ---- the chain ----------------------------------------------------------------------------- */

static const uint16_t families[][2] = {
	{101, 103}, {102, 103}, {111, 113}, {112, 113}, {201, 203},
	{202, 203}, {204, 203}, {211, 213}, {212, 213}, {214, 213},
};

uint16_t ss_family(uint16_t id)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(families); i++)
		if (families[i][0] == id)
			return families[i][1];
	return id;
}

static bool is_known(uint16_t id)
{
	uint16_t family = ss_family(id);

	for (unsigned p = 0; p < SS_POINTS; p++)
		if (ss_points[p].model == family)
			return true;
	return false;
}

const struct ss_model *ss_find(const struct ss_map *map, unsigned device, uint16_t id)
{
	for (unsigned i = 0; i < map->count; i++)
		if (map->m[i].device == device && ss_family(map->m[i].id) == id)
			return &map->m[i];
	return NULL;
}

void ss_ids(const struct ss_map *map, unsigned device, char *out, size_t size)
{
	size_t at = 0;

	out[0] = 0;
	for (unsigned i = 0; i < map->count && at + 8 < size; i++)
		if (map->m[i].device == device)
			at += (size_t)snprintf(out + at, size - at, "%s%u", at ? ", " : "",
					       map->m[i].id);
}

/* Id and length at @addr; some devices refuse the length behind the end marker. */
static int read_header(struct ss_io *io, uint32_t addr, uint16_t head[2], struct mkt_err *err)
{
	int rc = io_read(io, addr, 2, head, err);

	if (!is_refusal(io, rc))
		return rc;
	rc = io_read(io, addr, 1, head, err);
	if (rc < 0 || head[0] == SS_END)
		return rc;
	return io_read(io, addr + 1, 1, head + 1, err);
}

/* Note a model, or say why this is no chain. */
static int add_model(struct ss_map *map, uint32_t addr, uint16_t id, uint16_t len,
		     struct mkt_err *err)
{
	struct ss_model *m = &map->m[map->count];
	unsigned same = 0, instance = 0;

	for (unsigned i = 0; i < map->count; i++)
		same += map->m[i].id == id;
	if (map->count == SS_MODELS_MAX)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "the chain has more than %d models (at register %u)",
				   SS_MODELS_MAX, addr);
	if (same == SS_SAME_MAX)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "the chain has model %u more than %d times (at register %u)", id,
				   SS_SAME_MAX, addr);
	if (!len && is_known(id))
		return mkt_err_set(err, MKT_EDEVIDENTITY, "model %u at register %u has length 0",
				   id, addr);
	if (addr + 2 + len > 65536)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "model %u at register %u has length %u: past register 65535", id,
				   addr, len);
	if (id == 1 && map->count)
		map->devices++;
	for (unsigned i = 0; i < map->count; i++)
		instance += map->m[i].id == id && map->m[i].device == map->devices - 1;
	*m = (struct ss_model){id, (uint16_t)addr, len, (uint8_t)(map->devices - 1),
			       (uint8_t)instance};
	map->count++;
	return 0;
}

static int walk_chain(struct ss_io *io, uint16_t base, uint16_t first, struct ss_map *map,
		      struct mkt_err *err)
{
	uint16_t head[2] = {first, 0};
	uint32_t addr = base + 2u;
	int rc = first == SS_END ? 0 : io_read(io, addr + 1, 1, head + 1, err);

	*map = (struct ss_map){.base = base, .devices = 1};
	while (rc == 0 && head[0] != SS_END) {
		rc = add_model(map, addr, head[0], head[1], err);
		if (rc < 0)
			return rc;
		addr += 2u + head[1];
		rc = read_header(io, addr, head, err);
	}
	if (rc == -MKT_EDEVREFUSED)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "the chain breaks off at register %u after %u models", addr,
				   map->count);
	return rc;
}

/* 1: the mark is at @base, *@first is what follows; 0: something else; the line's errors. */
static int read_mark(struct ss_io *io, uint16_t base, uint16_t *first, struct mkt_err *err)
{
	uint16_t r[3];
	int rc = io_read(io, base, MKT_ARRAY_SIZE(r), r, err);

	*first = rc < 0 ? 0 : r[2];
	if (rc == -MKT_EDEVREFUSED)
		return 0;
	return rc < 0 ? rc : r[0] == MARK_0 && r[1] == MARK_1;
}

/* The mark was found: what hangs on it. */
static int take_chain(struct ss_io *io, uint16_t base, uint16_t first, struct ss_map *out,
		      struct mkt_err *err)
{
	struct ss_map map;
	int rc = walk_chain(io, base, first, &map, err);

	if (rc < 0)
		return rc;
	*out = map;
	return 1;
}

int ss_walk(struct ss_io *io, struct ss_map *out, struct mkt_err *err)
{
	int was[MKT_ARRAY_SIZE(bases)] = {-1, -1, -1};
	bool answered = false;
	uint16_t first;

	/* An answer that is lost on the line is no sign of a device without the mark. */
	for (unsigned try = 0; try < 2 && (!try || answered); try++)
		for (size_t i = 0; i < MKT_ARRAY_SIZE(bases); i++) {
			if (!was[i])
				continue;
			was[i] = read_mark(io, bases[i], &first, err);
			if (was[i] == 1)
				return take_chain(io, bases[i], first, out, err);
			if (was[i] == -MKT_EDEVLOST)
				return was[i];
			answered |= was[i] != -MKT_EDEVTIMEOUT;
			/* Silence is how some say that they have nothing there. */
			if (try && was[i] < 0 && was[i] != -MKT_EDEVTIMEOUT)
				return was[i];
		}
	return answered ? 0 : -MKT_EDEVTIMEOUT;
}

/* ---- models -------------------------------------------------------------------------------- */

/* Registers behind the last point of a model that is used. */
static uint16_t extent(uint16_t id)
{
	uint16_t family = ss_family(id), end = 2;

	for (unsigned p = 0; p < SS_POINTS; p++) {
		unsigned e = ss_points[p].off + ss_size(ss_points[p].type);

		if (ss_points[p].model == family && e > end)
			end = (uint16_t)e;
	}
	return end;
}

int ss_read(struct ss_io *io, const struct ss_model *m, struct ss_block *out, struct mkt_err *err)
{
	struct ss_block b = {.addr = m->addr, .r = {m->id, m->len}};
	int rc;

	b.n = m->len <= DRV_MB_READ_MAX ? (uint16_t)(m->len + 2) : extent(m->id);
	rc = read_pieces(io, m->addr + 2u, (uint16_t)(b.n - 2), b.r + 2, err);
	if (rc < 0) {
		mkt_err_wrap(err, "model %u at register %u", m->id, m->addr);
		return rc;
	}
	*out = b;
	return 0;
}

int ss_check(struct ss_io *io, const struct ss_model *m, struct mkt_err *err)
{
	uint16_t head[2];
	int rc = io_read(io, m->addr, 2, head, err);

	if (rc < 0)
		return rc;
	if (head[0] != m->id || head[1] != m->len)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "register %u was model %u of length %u, and is %u, %u", m->addr,
				   m->id, m->len, head[0], head[1]);
	return 0;
}

int ss_write(struct ss_io *io, const struct ss_block *b, uint16_t off, uint16_t n,
	     struct mkt_err *err)
{
	const uint16_t *r = b->r + off;
	uint16_t addr = (uint16_t)(b->addr + off);
	int rc = io->write(io->arg, addr, n, r, false, err);

	if (rc == -MKT_EDEVREFUSED && io->exception(io->arg) == 1 && n == 1)
		rc = io->write(io->arg, addr, n, r, true, err);
	if (rc == -MKT_EDEVREFUSED && io->exception(io->arg) == 4) {
		drv_sleep_ms(BUSY_MS);
		rc = io->write(io->arg, addr, n, r, false, err);
	}
	if (rc >= 0)
		return 0;
	mkt_err_wrap(err, "model %u, offset %u", b->r[0], off);
	if (rc == -MKT_EDEVREFUSED && io->exception(io->arg) == 3)
		mkt_err_hint(err, "out of its range, or it is under local control");
	return rc;
}
