/*
 * SunSpec chains and points: the walk and its guards over memory, values and
 * sentinels, and the worked exchanges of the reference byte for byte, asked by the
 * driver.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/sim/rtu.h"
#include "drivers/sunspec.h"
#include "tests/memlink.h"

extern const struct drv_driver drv_sunspec;

static struct mkt_err err;

/* ---- registers in memory --------------------------------------------------------------------- */

static struct memory {
	uint16_t r[65536];
	bool there[65536];
	bool stays[65536];  /* takes writes, and remains */
	bool locked[65536]; /* refuses them */
	uint16_t max;	    /* registers of one read */
	bool only_6;	    /* no function 16 */
	bool dead;
	int exception;
	unsigned reads, fails;
	unsigned lost; /* of the next reads the answers are lost ... */
	int lost_with; /* ... with this error */
	int fail_with; /* exception of the next reads, .fails times */
} memory;

static int refuse(int number)
{
	memory.exception = number;
	return mkt_err_set(&err, MKT_EDEVREFUSED, "exception %d", number);
}

static int memory_read(void *arg, uint16_t addr, uint16_t n, uint16_t *out, struct mkt_err *e)
{
	(void)arg;
	memory.exception = 0;
	memory.reads++;
	if (memory.dead)
		return mkt_err_set(e, MKT_EDEVTIMEOUT, "silence");
	if (memory.lost && memory.lost--)
		return mkt_err_set(e, memory.lost_with, "noise");
	if (memory.fails && memory.fails--)
		return refuse(memory.fail_with);
	if (n > memory.max)
		return refuse(3);
	for (unsigned i = 0; i < n; i++)
		if (!memory.there[(uint16_t)(addr + i)])
			return refuse(2);
	memcpy(out, memory.r + addr, n * sizeof(*out));
	return 0;
}

static int memory_write(void *arg, uint16_t addr, uint16_t n, const uint16_t *v, bool single,
			struct mkt_err *e)
{
	(void)arg;
	(void)e;
	memory.exception = 0;
	if (memory.only_6 && !single)
		return refuse(1);
	for (unsigned i = 0; i < n; i++)
		if (memory.locked[addr + i])
			return refuse(2);
	for (unsigned i = 0; i < n; i++)
		if (!memory.stays[addr + i])
			memory.r[addr + i] = v[i];
	return 0;
}

static int memory_exception(void *arg)
{
	(void)arg;
	return memory.exception;
}

static struct ss_io io;
static struct ss_map map;
static uint32_t top; /* where the next model goes */

static void chain_begin(uint16_t base)
{
	memset(&memory, 0, sizeof(memory));
	memory.max = 125;
	io = (struct ss_io){memory_read, memory_write, memory_exception, NULL, 125};
	memory.r[base] = 0x5375;
	memory.r[base + 1] = 0x6E53;
	memory.there[base] = memory.there[base + 1] = true;
	top = base + 2u;
}

static uint16_t *chain_add(uint16_t id, uint16_t len)
{
	uint32_t at = top;

	for (uint32_t i = at; i < at + 2 + len && i < 65536; i++)
		memory.there[i] = true;
	memory.r[at] = id;
	memory.r[at + 1] = len;
	top += 2u + len;
	return memory.r + at;
}

static void chain_end(bool with_length)
{
	memory.r[top] = SS_END;
	memory.there[top] = true;
	memory.there[top + 1] = with_length;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static void bases(void **state)
{
	static const uint16_t at[] = {40000, 0, 50000};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(at); i++) {
		chain_begin(at[i]);
		chain_add(1, 66);
		chain_add(64123, 9); /* not known: stepped over */
		chain_add(103, 50);
		chain_end(i & 1);
		assert_int_equal(ss_walk(&io, &map, &err), 1);
		assert_int_equal(map.base, at[i]);
		assert_int_equal(map.count, 3);
		assert_int_equal(map.devices, 1);
		assert_int_equal(map.m[2].id, 103);
		assert_int_equal(map.m[2].addr, at[i] + 2 + 68 + 11);
		assert_int_equal(map.m[2].len, 50);
		assert_ptr_equal(ss_find(&map, 0, 103), &map.m[2]);
		assert_null(ss_find(&map, 0, 124));
	}
	/* Elsewhere there is nothing. */
	chain_begin(30000);
	chain_add(1, 66);
	chain_end(true);
	assert_int_equal(ss_walk(&io, &map, &err), 0);
	memory.dead = true;
	assert_int_equal(ss_walk(&io, &map, &err), -MKT_EDEVTIMEOUT);
}

/* A device with the mark is not refused because an answer was lost on the line. */
static void bases_and_noise(void **state)
{
	static const int with[] = {MKT_EDEVTIMEOUT, MKT_EDEVFRAME};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(with); i++) {
		chain_begin(40000);
		chain_add(1, 66);
		chain_end(true);
		memory.lost = 1;
		memory.lost_with = with[i];
		assert_int_equal(ss_walk(&io, &map, &err), 1);
		assert_int_equal(map.base, 40000);
	}
	/* Noise again and again says nothing of the device. */
	memory.lost = 100;
	assert_int_equal(ss_walk(&io, &map, &err), -MKT_EDEVFRAME);
}

/* Length counts, not the definition: 65 for model 1; another model 1 is another device. */
static void solaredge(void **state)
{
	char ids[64];

	(void)state;
	chain_begin(40000);
	chain_add(1, 65);
	chain_add(101, 50);
	chain_add(1, 65);
	chain_add(203, 105);
	chain_add(203, 105);
	chain_end(true);
	assert_int_equal(ss_walk(&io, &map, &err), 1);
	assert_int_equal(map.m[1].addr, 40069);
	assert_int_equal(map.devices, 2);
	assert_int_equal(map.m[3].device, 1);
	assert_int_equal(map.m[3].instance, 0);
	assert_int_equal(map.m[4].instance, 1);
	assert_null(ss_find(&map, 0, 203));
	assert_ptr_equal(ss_find(&map, 1, 203), &map.m[3]);
	assert_ptr_equal(ss_find(&map, 0, 103), &map.m[1]); /* of the same family */
	ss_ids(&map, 1, ids, sizeof(ids));
	assert_string_equal(ids, "1, 203, 203");
	ss_ids(&map, 1, ids, 9);
	assert_string_equal(ids, "1");
}

static void refused(const char *what)
{
	struct ss_map before;

	memset(&map, 0x55, sizeof(map));
	before = map;
	assert_int_equal(ss_walk(&io, &map, &err), -MKT_EDEVIDENTITY);
	if (!strstr(err.text, what))
		fail_msg("'%s' says nothing of '%s'", err.text, what);
	assert_memory_equal(&before, &map, sizeof(map)); /* left alone */
}

static void guards(void **state)
{
	(void)state;
	chain_begin(40000);
	chain_add(1, 66);
	chain_add(103, 0);
	chain_end(true);
	refused("length 0");

	chain_begin(40000);
	for (int i = 0; i < 17; i++)
		chain_add(i ? 64001 : 1, 4);
	chain_end(true);
	assert_int_equal(ss_walk(&io, &map, &err), 1);
	chain_begin(40000);
	for (int i = 0; i < 18; i++)
		chain_add(i ? 64001 : 1, 4);
	chain_end(true);
	refused("model 64001 more than 16 times");

	chain_begin(40000);
	for (int i = 0; i < 64; i++)
		chain_add(i ? (uint16_t)(60000 + i) : 1, 2);
	chain_end(true);
	assert_int_equal(ss_walk(&io, &map, &err), 1);
	chain_begin(40000);
	for (int i = 0; i < 65; i++)
		chain_add(i ? (uint16_t)(60000 + i) : 1, 2);
	chain_end(true);
	refused("more than 64 models");

	/* Lengths that lead past the last register, and one that ends exactly there. */
	chain_begin(50000);
	chain_add(1, 66);
	chain_add(64001, 65535);
	refused("past register 65535");
	chain_begin(50000);
	chain_add(1, 66);
	chain_add(64001, (uint16_t)(65536 - 50070 - 2));
	refused("past register 65535");
	chain_begin(0);
	chain_add(1, 66);
	chain_add(64001, 60000);
	chain_add(64002, (uint16_t)(65535 - 60070 - 2));
	memory.r[65535] = SS_END;
	memory.there[65535] = true;
	refused("past register 65535");

	/* An endless chain of nothing; a chain that breaks off. */
	chain_begin(40000);
	for (int i = 0; i < 20; i++)
		chain_add(0, 0);
	refused("model 0 more than 16 times");
	chain_begin(40000);
	chain_add(1, 66);
	chain_add(103, 50);
	refused("breaks off at register 40122 after 2 models");
}

/* ---- reading and writing --------------------------------------------------------------------- */

static struct ss_block block;

static void read_block(uint16_t id)
{
	if (ss_read(&io, ss_find(&map, 0, id), &block, &err) < 0)
		fail_msg("%s", err.text);
}

static void pieces(void **state)
{
	static const struct {
		uint16_t max;
		unsigned reads, then; /* of 105 registers: the first time, the second */
		uint16_t learned;
	} rows[] = {{125, 1, 1, 125}, {124, 1, 1, 125}, {100, 3, 2, 60},
		    {60, 3, 2, 60},   {59, 6, 4, 30},	{30, 6, 4, 30}};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		uint16_t *m;

		chain_begin(40000);
		chain_add(1, 66);
		m = chain_add(203, 105);
		chain_end(true);
		for (uint16_t k = 2; k < 107; k++)
			m[k] = k;
		assert_int_equal(ss_walk(&io, &map, &err), 1);
		memory.max = rows[i].max;
		memory.reads = 0;
		read_block(203);
		assert_int_equal(memory.reads, rows[i].reads);
		assert_int_equal(io.read_max, rows[i].learned);
		memory.reads = 0;
		read_block(203);
		assert_int_equal(memory.reads, rows[i].then);
		assert_int_equal(block.n, 107);
		for (uint16_t k = 2; k < 107; k++)
			assert_int_equal(block.r[k], k);
	}
	memory.max = 29; /* nothing helps */
	assert_int_equal(ss_read(&io, ss_find(&map, 0, 203), &block, &err), -MKT_EDEVREFUSED);
	memory.max = 125;
	memory.fail_with = 4; /* busy to many: asked again */
	memory.fails = 1;
	read_block(203);
	/* A model longer than one read: what has points of it, scale factors included. */
	chain_begin(40000);
	chain_add(1, 66);
	chain_add(701, 153);
	chain_end(true);
	assert_int_equal(ss_walk(&io, &map, &err), 1);
	memory.reads = 0;
	read_block(701);
	assert_int_equal(memory.reads, 1);
	assert_int_equal(block.n, 123);
}

static void writing(void **state)
{
	uint16_t *m;

	(void)state;
	chain_begin(40000);
	chain_add(1, 66);
	m = chain_add(124, 24);
	chain_end(true);
	m[25] = (uint16_t)-2;
	assert_int_equal(ss_walk(&io, &map, &err), 1);
	read_block(124);
	assert_int_equal(ss_put(&block, SS_124_OutWRte, -30, 0, &err), 0);
	assert_int_equal(ss_put(&block, SS_124_InWRte, 12345, 3, &err), 0); /* 12.345 % */
	assert_int_equal(ss_write(&io, &block, 12, 2, &err), 0);
	assert_int_equal((int16_t)m[12], -3000);
	assert_int_equal(m[13], 1235);
	/* Ranges, and what would read as absent. */
	assert_int_equal(ss_put(&block, SS_124_OutWRte, 32767, 2, &err), 0);
	assert_int_equal(ss_put(&block, SS_124_OutWRte, 32768, 2, &err), -MKT_EINVAL);
	assert_int_equal(ss_put(&block, SS_124_OutWRte, -32767, 2, &err), 0);
	assert_int_equal(ss_put(&block, SS_124_OutWRte, -32768, 2, &err), -MKT_EINVAL);
	assert_int_equal(ss_put(&block, SS_124_InOutWRte_RvrtTms, 65534, 0, &err), 0);
	assert_int_equal(ss_put(&block, SS_124_InOutWRte_RvrtTms, 65535, 0, &err), -MKT_EINVAL);
	assert_int_equal(ss_put(&block, SS_124_InOutWRte_RvrtTms, -1, 0, &err), -MKT_EINVAL);
	assert_int_equal(ss_put(&block, SS_124_StorCtl_Mod, 0x8000, 0, &err), -MKT_EINVAL);
	block.r[25] = 0x8000;
	assert_int_equal(ss_put(&block, SS_124_OutWRte, 1, 0, &err), -MKT_EDEVUNSUPPORTED);
	/* A device that knows function 6 only. */
	memory.only_6 = true;
	block.r[5] = 2;
	assert_int_equal(ss_write(&io, &block, 5, 1, &err), 0);
	assert_int_equal(m[5], 2);
	assert_int_equal(ss_write(&io, &block, 12, 2, &err), -MKT_EDEVREFUSED);
	/* The model is another now. */
	assert_int_equal(ss_check(&io, ss_find(&map, 0, 124), &err), 0);
	m[0] = 123;
	assert_int_equal(ss_check(&io, ss_find(&map, 0, 124), &err), -MKT_EDEVIDENTITY);
}

/* ---- points ---------------------------------------------------------------------------------- */

static struct ss_block blank(uint16_t id, uint16_t len)
{
	struct ss_block b = {.n = (uint16_t)(len + 2), .r = {id, len}};

	return b;
}

static int64_t value(const struct ss_block *b, enum ss_point p, unsigned digits)
{
	int64_t v = 0;

	return ss_get(b, p, digits, &v) ? v : INT64_MIN;
}

static void scaling(void **state)
{
	static const struct {
		int16_t raw, sf;
		unsigned digits;
		int64_t want;
	} rows[] = {
		{1655, 0, 0, 1655},
		{-1655, 0, 3, -1655000},
		{1655, -2, 0, 17},
		{1650, -2, 0, 17},
		{1649, -2, 0, 16},
		{-1650, -2, 0, -17},
		{-1649, -2, 0, -16},
		{5, 3, 0, 5000},
		{1, 10, 6, 10000000000000000},
		{32767, -10, 0, 0},
		{32767, -10, 6, 3},
		{-32767, 10, 3, -327670000000000000},
		{32767, 10, 6, INT64_MIN}, /* too large */
		{1, 11, 0, INT64_MIN},
		{1, -11, 0, INT64_MIN},
		{1, INT16_MIN, 0, INT64_MIN},
		{INT16_MIN, 0, 0, INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct ss_block b = blank(103, 50);

		b.r[14] = (uint16_t)rows[i].raw;
		b.r[15] = (uint16_t)rows[i].sf;
		assert_true(value(&b, SS_103_W, rows[i].digits) == rows[i].want);
	}
}

static void sentinels(void **state)
{
	struct ss_block b = blank(103, 50), m = blank(203, 105), d = blank(701, 121);
	struct ss_block c = blank(704, 65), s = blank(124, 24), f = blank(113, 60);
	char text[MKT_DEV_TEXT_MAX + 1];
	struct ss_block one = blank(1, 65);

	(void)state;
	b.r[2] = 0xFFFF;
	assert_true(value(&b, SS_103_A, 0) == INT64_MIN);
	b.r[2] = 0xFFFE;
	assert_true(value(&b, SS_103_A, 0) == 0xFFFE);
	b.r[38] = 0xFFFF;
	assert_true(value(&b, SS_103_St, 0) == INT64_MIN);
	b.r[40] = b.r[41] = 0xFFFF;
	assert_true(value(&b, SS_103_Evt1, 0) == INT64_MIN);
	b.r[40] = 0x8000, b.r[41] = 0; /* the top bit alone */
	assert_true(value(&b, SS_103_Evt1, 0) == INT64_MIN);
	b.r[41] = 1;
	assert_true(value(&b, SS_103_Evt1, 0) == 0x80000001);
	s.r[5] = 0x8000;
	assert_true(value(&s, SS_124_StorCtl_Mod, 0) == INT64_MIN);
	/* A counter that must be there may be 0. */
	assert_true(value(&m, SS_203_TotWhImp, 0) == 0);
	m.r[46] = 0xFFFF, m.r[47] = 0xFFFF;
	assert_true(value(&m, SS_203_TotWhImp, 0) == 0xFFFFFFFF);
	assert_true(value(&d, SS_701_TotWhAbs, 0) == 0);
	d.r[23] = d.r[24] = d.r[25] = d.r[26] = 0xFFFF;
	assert_true(value(&d, SS_701_TotWhAbs, 0) == INT64_MIN);
	d.r[23] = 0x8000; /* more than 2^63 Wh */
	assert_true(value(&d, SS_701_TotWhAbs, 0) == INT64_MIN);
	c.r[24] = 0x8000, c.r[25] = 0;
	assert_true(value(&c, SS_704_WSet, 0) == INT64_MIN);
	c.r[24] = 0xFFFF, c.r[25] = 0xF63C;
	assert_true(value(&c, SS_704_WSet, 0) == -2500);
	c.r[31] = c.r[32] = 0xFFFF;
	assert_true(value(&c, SS_704_WSetRvrtTms, 0) == INT64_MIN);
	/* Floats. */
	f.r[22] = 0x7FC0;
	assert_true(value(&f, SS_113_W, 0) == INT64_MIN);
	f.r[22] = 0xC4CE, f.r[23] = 0xE000;
	assert_true(value(&f, SS_113_W, 0) == -1655);
	/* Beyond the length of the model. */
	m.n = 40;
	assert_true(value(&m, SS_203_W, 0) == 0);
	assert_true(value(&m, SS_203_TotWhImp, 0) == INT64_MIN);
	m.n = 20; /* W is there, its scale factor is not */
	assert_true(value(&m, SS_203_W, 0) == INT64_MIN);
	/* Texts end at the length too; blanks and NUL are padding. */
	memcpy(one.r + 50, (uint16_t[]){0x4142, 0x4320, 0x2000}, 6);
	ss_text(&one, SS_1_SN, text);
	assert_string_equal(text, "ABC");
	one.n = 51;
	ss_text(&one, SS_1_SN, text);
	assert_string_equal(text, "AB");
	one.n = 50;
	ss_text(&one, SS_1_SN, text);
	assert_string_equal(text, "");
}

/* ---- worked exchanges ------------------------------------------------------------------------ */

#define BODY_103                                                                                   \
	"02D0 00F0 00F1 00EF FFFE FFFF FFFF FFFF 08FE 0906 08F8 FFFF 0677 0000 1389 FFFE "         \
	"067E 0000 8000 8000 03E4 FFFF 00BC 614E 0000 FFFF 8000 FFFF 8000 06A6 0000 019C 8000 "    \
	"8000 8000 FFFF 0004 FFFF 0000 0000 0000 0000 FFFF FFFF FFFF FFFF FFFF FFFF FFFF FFFF"
#define BODY_124                                                                                   \
	"1388 0064 0064 0000 FFFF 03E8 15FE FFFF 1374 0004 2710 2710 FFFF 0000 FFFF 0001 "         \
	"0000 0000 8000 FFFE FFFE 8000 FFFE FFFE"

static void fill(uint16_t *r, const char *hex)
{
	for (; *hex; hex += hex[4] ? 5 : 4)
		*r++ = (uint16_t)strtoul((char[]){hex[0], hex[1], hex[2], hex[3], 0}, NULL, 16);
}

static void fill_with(uint16_t *r, uint16_t n, uint16_t v)
{
	while (n--)
		*r++ = v;
}

/* The device of the reference: 1 at 40002, 103 at 40070, 120, 123, 124 at 40176, end at 40202. */
static void worked_device(void)
{
	uint16_t *m;

	chain_begin(40000);
	m = chain_add(1, 66);
	sim_rtu_text(m + 2, 16, "Maker");
	m = chain_add(103, 50);
	fill(m + 2, BODY_103);
	m = chain_add(120, 26);
	fill_with(m + 2, 26, 0x8000);
	m = chain_add(123, 24);
	fill_with(m + 2, 24, 0x8000);
	m = chain_add(124, 24);
	fill(m + 2, BODY_124);
	chain_end(true);
	assert_int_equal(top, 40202);
}

static char frames[100000];
static size_t nframes;
static struct sim_rtu framing;
static struct sim_device box = {.unit = 1};

static void note(char dir, const uint8_t *p, size_t n)
{
	assert_true(nframes + 3 * n + 3 < sizeof(frames));
	frames[nframes++] = dir;
	for (size_t i = 0; i < n; i++)
		nframes += (size_t)snprintf(frames + nframes, 4, " %02X", p[i]);
	frames[nframes++] = '\n';
	frames[nframes] = 0;
}

struct sim_device *sim_unit(struct sim *s, uint16_t unit)
{
	(void)s;
	return unit == box.unit ? &box : NULL;
}

uint32_t sim_count(const struct sim *s)
{
	(void)s;
	return 1;
}

struct sim_device *sim_at(struct sim *s, uint32_t i)
{
	(void)s;
	return i ? NULL : &box;
}

void sim_send(struct sim *s, const struct sim_device *d, const void *frame, size_t n)
{
	(void)s;
	(void)d;
	note('<', frame, n);
	mem_push(&mem, 10, frame, n);
}

bool sim_fault(struct sim *s, const struct sim_device *d, const char *kind, uint32_t *arg)
{
	(void)s;
	(void)d;
	(void)kind;
	(void)arg;
	return false;
}

bool sim_is_tcp(const struct sim *s)
{
	(void)s;
	return mem.tcp;
}

static int rtu_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		    uint16_t *out)
{
	(void)s;
	(void)d;
	assert_true(holding);
	return memory_read(NULL, addr, n, out, NULL) < 0 ? memory.exception : 0;
}

static int rtu_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		     const uint16_t *v)
{
	(void)s;
	(void)d;
	return memory_write(NULL, addr, n, v, single, NULL) < 0 ? memory.exception : 0;
}

static void peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	static const struct sim_rtu_calls calls = {rtu_read, rtu_write, NULL};

	(void)l;
	note('>', bytes, n);
	sim_rtu_input(&framing, NULL, &calls, bytes, n, 0);
}

static struct mkt_device_conf conf;
static struct drv_device dev;

static void open_worked(bool tcp)
{
	int rc;

	mem_reset(tcp);
	mem.peer = peer;
	nframes = 0;
	mkt_device_defaults(&conf);
	conf.watchdog_s = 900;
	memset(&dev, 0, sizeof(dev));
	dev = (struct drv_device){.driver = &drv_sunspec, .conf = &conf, .link = &mem};
	do
		rc = drv_sunspec.open(&dev, &err);
	while (rc == -MKT_EBUSY);
	if (rc < 0)
		fail_msg("%s", err.text);
}

/* These lines passed, in this order. */
static void passed(const char *const *lines)
{
	const char *at = frames;

	for (; *lines; lines++) {
		const char *p = strstr(at, *lines);

		if (!p || p[strlen(*lines)] != '\n')
			fail_msg("'%s' did not pass in its turn:\n%s", *lines, frames);
		at = p + strlen(*lines);
	}
}

static int order(enum mkt_set kind, int32_t v)
{
	struct mkt_setpoint set = {kind, v}, applied;

	mem.now_ms += 2000;
	nframes = 0;
	return drv_sunspec.command(&dev, &set, &applied, &err);
}

static int64_t reading(enum mkt_reading_id id)
{
	return mkt_reading_or(&dev.r, id, INT64_MIN);
}

static void worked_reads(void **state)
{
	static const char *const opened[] = {
		"> 01 03 9C 40 00 03 2A 4F",
		"< 01 03 06 53 75 6E 53 00 01 8D E4",
		"> 01 03 9C 86 00 02 0B B2",
		"< 01 03 04 00 67 00 32 CA 39",
		"> 01 03 9C BA 00 02 CB BE",
		"< 01 03 04 00 78 00 1A FB E1",
		"> 01 03 9C D6 00 02 0B A3",
		"< 01 03 04 00 7B 00 18 8A 20",
		"> 01 03 9C F0 00 02 EA 68",
		"< 01 03 04 00 7C 00 18 3B E1",
		"> 01 03 9D 0A 00 02 CB A5",
		"< 01 03 04 FF FF 00 00 FA 17",
		"> 01 03 9C 88 00 32 6A 65",
		"< 01 03 64 02 D0 00 F0 00 F1 00 EF FF FE FF FF FF FF FF FF 08 FE 09 06 08 F8 FF "
		"FF "
		"06 77 00 00 13 89 FF FE 06 7E 00 00 80 00 80 00 03 E4 FF FF 00 BC 61 4E 00 00 FF "
		"FF "
		"80 00 FF FF 80 00 06 A6 00 00 01 9C 80 00 80 00 80 00 FF FF 00 04 FF FF 00 00 00 "
		"00 "
		"00 00 00 00 FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF 35 04",
		"> 01 03 9C F2 00 18 CA 63",
		"< 01 03 30 13 88 00 64 00 64 00 00 FF FF 03 E8 15 FE FF FF 13 74 00 04 27 10 27 "
		"10 "
		"FF FF 00 00 FF FF 00 01 00 00 00 00 80 00 FF FE FF FE 80 00 FF FE FF FE 36 4A",
		NULL};

	(void)state;
	worked_device();
	open_worked(false);
	passed(opened);
	assert_int_equal(reading(MKT_R_POWER), -1655);
	assert_int_equal(reading(MKT_R_CURRENT_L1), 2400);
	assert_int_equal(reading(MKT_R_VOLTAGE_L1), 230200);
	assert_int_equal(reading(MKT_R_FREQUENCY), 50010);
	assert_int_equal(reading(MKT_R_ENERGY_EXPORT), 12345678);
	assert_int_equal(reading(MKT_R_TEMPERATURE), 41200);
	assert_int_equal(reading(MKT_R_SOC), 563);
	assert_int_equal(reading(MKT_R_SOC_MIN), 100);
	assert_int_equal(reading(MKT_R_BATTERY_VOLTAGE), 49800);
	assert_int_equal(reading(MKT_R_POWER_CHARGE_MAX), 5000);
	assert_int_equal(reading(MKT_R_MODE), MKT_MODE_AUTO);
	drv_sunspec.close(&dev);
}

/* The window of this device is absent (0xFFFF), and stays so when 0 is written there. */
static void worked_charge(void **state)
{
	static const char *const charge[] = {
		"> 01 10 9C FC 00 04 08 F4 48 27 10 00 00 03 84 34 C2", "< 01 10 9C FC 00 04 2F AA",
		"> 01 10 9C F5 00 01 02 00 02 6F 3D", "< 01 10 9C F5 00 01 3F AB", NULL};
	static const char *const charge_6[] = {"> 01 06 9C F5 00 02 36 69",
					       "< 01 06 9C F5 00 02 36 69", NULL};
	static const char *const release_6[] = {"> 01 06 9C F5 00 00 B7 A8",
						"< 01 06 9C F5 00 00 B7 A8", NULL};

	(void)state;
	worked_device();
	memory.stays[40176 + 14] = true;
	open_worked(false);
	assert_true(dev.caps & MKT_CAP_WATCHDOG);
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	passed(charge);
	assert_int_equal(reading(MKT_R_POWER_LIMIT), 1500);

	/* The same to a device that knows function 6 only. */
	memory.r[40176 + 5] = 0;
	memory.only_6 = true;
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	passed(charge_6);
	memory.r[40176 + 12] = memory.r[40176 + 13] = 10000;
	assert_int_equal(order(MKT_SET_MODE, MKT_MODE_AUTO), 0);
	passed(release_6);
	drv_sunspec.close(&dev);

	/* A device that does not take a write to the absent window is written around it. */
	worked_device();
	memory.locked[40176 + 14] = true;
	open_worked(false);
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	assert_int_equal(memory.r[40176 + 14], 0xFFFF);
	assert_int_equal(memory.r[40176 + 15], 900);
	drv_sunspec.close(&dev);
	/* Without a timer there is no watchdog. */
	worked_device();
	memory.r[40176 + 15] = 0xFFFF;
	open_worked(false);
	assert_false(dev.caps & MKT_CAP_WATCHDOG);
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	assert_int_equal(memory.r[40176 + 15], 0xFFFF);
	assert_int_equal(reading(MKT_R_WATCHDOG), 0);
	assert_int_equal(dev.keepalive_ms, 0);
	drv_sunspec.close(&dev);
}

static void worked_704(void **state)
{
	static const char *const charge[] = {"> 01 10 9D 83 00 03 06 00 01 FF FF F6 3C AD 9C",
					     "> 01 10 9D 8B 00 02 04 00 00 03 84 4E 79",
					     "> 01 10 9D 82 00 01 02 00 01 35 7B", NULL};
	uint16_t *m;

	(void)state;
	chain_begin(40000);
	chain_add(1, 66);
	m = chain_add(702, 50);
	m[2] = 5000;
	chain_add(64001, 40300 - 40122 - 2);
	assert_int_equal(top, 40300);
	chain_add(704, 65);
	m = chain_add(713, 7);
	m[2] = 10000, m[4] = 50;
	chain_end(true);
	open_worked(false);
	assert_int_equal(order(MKT_SET_POWER, 2500), 0);
	passed(charge);
	assert_int_equal(reading(MKT_R_POWER_LIMIT), 2500);
	drv_sunspec.close(&dev);
}

static void worked_tcp(void **state)
{
	static const char *const probe[] = {"> 00 01 00 00 00 06 01 03 9C 40 00 03",
					    "< 00 01 00 00 00 09 01 03 06 53 75 6E 53 00 01", NULL};

	(void)state;
	worked_device();
	open_worked(true);
	passed(probe);
	drv_sunspec.close(&dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bases),
		cmocka_unit_test(bases_and_noise),
		cmocka_unit_test(solaredge),
		cmocka_unit_test(guards),	 cmocka_unit_test(pieces),
		cmocka_unit_test(writing),	 cmocka_unit_test(scaling),
		cmocka_unit_test(sentinels),	 cmocka_unit_test(worked_reads),
		cmocka_unit_test(worked_charge), cmocka_unit_test(worked_704),
		cmocka_unit_test(worked_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
