/*
 * The walk of a SunSpec chain and the reading of its points over any registers.
 * The first byte says how the device refuses; the rest is the register map: pieces
 * of an address, a count, and so many registers.
 */
#include "core/base/compat.h"

#include "drivers/sunspec.h"
#include "tests/fuzz/fuzz.h"

static struct {
	uint16_t r[65536];
	uint16_t max;
	unsigned calls;
	int exception;
} device;

static int read_registers(void *arg, uint16_t addr, uint16_t n, uint16_t *out, struct mkt_err *err)
{
	(void)arg;
	FUZZ_CHECK(n > 0 && n <= 125 && addr + n <= 65536);
	FUZZ_CHECK(++device.calls < 10000); /* every chain has an end for us */
	device.exception = n > device.max ? 2 : 0;
	if (device.exception)
		return mkt_err_set(err, MKT_EDEVREFUSED, "too many");
	memcpy(out, device.r + addr, n * sizeof(*out));
	return 0;
}

static int write_registers(void *arg, uint16_t addr, uint16_t n, const uint16_t *v, bool single,
			   struct mkt_err *err)
{
	(void)arg;
	(void)single;
	(void)err;
	memcpy(device.r + addr, v, n * sizeof(*v));
	return 0;
}

static int exception(void *arg)
{
	(void)arg;
	return device.exception;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void load(const uint8_t *p, size_t size)
{
	memset(&device, 0, sizeof(device));
	device.max = p[0] & 1 ? 60 : p[0] & 2 ? 1 : 125;
	for (p++, size--; size >= 3;) {
		uint16_t addr = be16(p);
		size_t n = p[2];

		p += 3;
		size -= 3;
		for (; n && size >= 2; n--, p += 2, size -= 2)
			device.r[addr++] = be16(p);
	}
}

/* What is put into a point reads back as the nearest value that it can hold. */
static void check_point(const struct ss_block *b, enum ss_point p)
{
	char text[MKT_DEV_TEXT_MAX + 1];
	struct ss_block copy = *b;
	int64_t v, back;

	if (ss_points[p].type == SS_STRING8 || ss_points[p].type == SS_STRING16) {
		ss_text(b, p, text);
		FUZZ_CHECK(strlen(text) <= 32);
		return;
	}
	for (unsigned digits = 0; digits <= 6; digits += 3)
		if (ss_get(b, p, digits, &v) && ss_points[p].type != SS_FLOAT32 &&
		    ss_put(&copy, p, v, digits, NULL) == 0 && ss_get(&copy, p, digits, &back))
			FUZZ_CHECK(back == v || digits < 6);
}

static void check_map(struct ss_io *io, const struct ss_map *map)
{
	FUZZ_CHECK(map->count <= SS_MODELS_MAX && map->devices >= 1);
	for (unsigned i = 0; i < map->count; i++) {
		const struct ss_model *m = &map->m[i];
		struct ss_block b;

		FUZZ_CHECK(m->addr + 2u + m->len <= 65536 && m->device < map->devices);
		FUZZ_CHECK(i == 0 || m->addr > map->m[i - 1].addr);
		if (ss_read(io, m, &b, NULL) < 0)
			continue;
		FUZZ_CHECK(b.n >= 2 && b.n <= SS_REGS_MAX);
		for (unsigned p = 0; p < SS_POINTS; p++)
			if (ss_points[p].model == ss_family(m->id))
				check_point(&b, (enum ss_point)p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ss_io io = {read_registers, write_registers, exception, NULL, 125};
	struct ss_map map;
	struct mkt_err err = {0};
	int rc;

	if (!size)
		return 0;
	load(data, size);
	rc = ss_walk(&io, &map, &err);
	FUZZ_CHECK(rc == 0 || rc == 1 || (rc == -err.code && err.text[0]));
	if (rc == 1)
		check_map(&io, &map);
	return 0;
}
