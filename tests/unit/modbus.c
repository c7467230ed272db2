/*
 * Modbus exchanges in virtual time: the worked frames of the reference, what a
 * line does to them, and float32 without floating point.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/modbus.h"
#include "tests/memlink.h"
#include "tests/rng.h"

/* ---- a peer that plays a list of exchanges ----------------------------------------------- */

struct play {
	const char *request; /* hex; NULL: any */
	const char *answer;  /* hex, parts "+MS" apart; "": silence */
};

static const struct play *playing;
static struct drv_device device;

static size_t unhex(const char *s, uint8_t *out)
{
	size_t n = 0;

	for (; s[0] && s[1]; s += 2 + (s[2] == ' '))
		out[n++] = (uint8_t)strtoul((char[]){s[0], s[1], 0}, NULL, 16);
	return n;
}

/* "01 04 +20 02": two bytes at once, one 20 ms later. */
static void push_text(struct drv_link *l, const char *text)
{
	char part[1024];
	uint8_t bytes[300];
	uint32_t after = 0;

	while (*text) {
		size_t n;

		if (*text == '+')
			after += (uint32_t)strtoul(text + 1, (char **)&text, 10);
		text += strspn(text, " ");
		n = strcspn(text, "+");
		memcpy(part, text, n);
		part[n] = '\0';
		mem_push(l, after, bytes, unhex(part, bytes));
		text += n;
	}
}

static void play_peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	uint8_t want[300];

	assert_non_null(playing->answer);
	if (playing->request) {
		assert_int_equal(unhex(playing->request, want), n);
		assert_memory_equal(want, bytes, n);
	}
	push_text(l, playing->answer);
	playing++;
}

static struct drv_mb *start(const struct play *plays, bool tcp, struct drv_mb_conf conf)
{
	struct drv_mb *m;

	mem_reset(tcp);
	mem.peer = play_peer;
	playing = plays;
	memset(&device, 0, sizeof(device));
	assert_int_equal(drv_mb_new(&mem, &device, &conf, &m, NULL), 0);
	return m;
}

static void end(struct drv_mb *m)
{
	assert_null(playing->answer); /* all of it was asked */
	drv_mb_free(m);
}

/* ---- worked exchanges -------------------------------------------------------------------- */

static void heidelberg_frames(void **state)
{
	static const struct play plays[] = {
		{"01 10 01 02 00 01 02 00 04 B6 B1", "01 10 01 02 00 01 A1 F5"},
		{"01 03 01 01 00 01 D4 36", "01 03 02 3A 98 AB 4E"},
		{"01 03 01 01 00 06 95 F4",
		 "01 03 0C 3A 98 00 04 00 01 00 00 00 A0 00 00 3E 68"},
		{"01 04 00 04 00 0F F1 CF",
		 "01 04 1E 01 08 00 07 00 63 00 62 00 64 01 45 00 E7 00 E6 00 E8 00 01 1A 9A "
		 "00 00 30 39 00 03 12 34 B6 B2"},
		{"01 06 01 05 00 A0 98 4F", "01 06 01 05 00 A0 98 4F"},
		{"01 10 01 05 00 01 02 00 A0 B6 BD", "01 10 01 05 00 01 10 34"},
		{"01 10 01 06 00 01 02 00 3C B6 E7", "01 10 01 06 00 01 E0 34"},
		{"01 10 01 05 00 01 02 00 00 B6 C5", "01 10 01 05 00 01 10 34"},
		{"01 03 01 05 00 01 95 F7", "01 03 02 00 64 B9 AF"},
		{"01 04 00 05 00 01 21 CB", "01 04 02 00 07 F8 F2"},
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1});
	uint16_t r[32], four = 4, limit = 160, failsafe = 60, zero = 0;

	(void)state;
	assert_int_equal(drv_mb_write(m, 258, 1, &four, NULL), 0);
	assert_int_equal(drv_mb_holding(m, 257, 1, r, NULL), 0);
	assert_int_equal(r[0], 15000);
	assert_int_equal(drv_mb_holding(m, 257, 6, r, NULL), 0);
	assert_int_equal(r[4], 160);
	assert_int_equal(drv_mb_input(m, 4, 15, r, NULL), 0);
	assert_int_equal(r[0], 0x0108);
	assert_int_equal(r[10], 6810);
	assert_int_equal(drv_be32(r + 13), 201268);
	assert_int_equal(drv_mb_write1(m, 261, 160, NULL), 0);
	assert_int_equal(drv_mb_write(m, 261, 1, &limit, NULL), 0);
	assert_int_equal(drv_mb_write(m, 262, 1, &failsafe, NULL), 0);
	assert_int_equal(drv_mb_write(m, 261, 1, &zero, NULL), 0);
	assert_int_equal(drv_mb_holding(m, 261, 1, r, NULL), 0);
	assert_int_equal(r[0], 100);
	assert_int_equal(drv_mb_input(m, 5, 1, r, NULL), 0);
	assert_int_equal(r[0], 7);
	assert_int_equal(device.counters[DRV_REQUESTS], 10);
	assert_int_equal(device.counters[DRV_ANSWERS], 10);
	end(m);
}

static void abb_frames(void **state)
{
	static const struct play plays[] = {
		{"01 03 40 0C 00 14 90 06",
		 "01 03 28 00 00 04 00 00 00 3E 80 00 00 3E 6C 00 00 3E 4E 00 00 3E 8A 00 00 09 08 "
		 "00 00 09 04 00 00 09 10 00 00 2B 34 00 00 10 E1 3C BA"},
		{"01 10 41 00 00 02 04 00 00 3E 80 DE 3C", "01 10 41 00 00 02 55 F4"},
		{"01 10 41 00 00 02 04 00 00 00 00 CF FC", "01 10 41 00 00 02 55 F4"},
		{"01 06 41 06 00 3C 7D E6", "01 06 41 06 00 3C 7D E6"},
		{"01 03 40 20 00 01 90 00", "01 03 02 00 3C B8 55"},
		{0},
	};
	static const uint16_t limit[] = {0, 16000}, zero[] = {0, 0};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1});
	uint16_t r[32];

	(void)state;
	assert_int_equal(drv_mb_holding(m, 0x400C, 20, r, NULL), 0);
	assert_int_equal(drv_be32(r + 16), 11060);
	assert_int_equal(drv_mb_write(m, 0x4100, 2, limit, NULL), 0);
	assert_int_equal(drv_mb_write(m, 0x4100, 2, zero, NULL), 0);
	assert_int_equal(drv_mb_write1(m, 0x4106, 60, NULL), 0);
	assert_int_equal(drv_mb_holding(m, 0x4020, 1, r, NULL), 0);
	assert_int_equal(r[0], 60);
	end(m);
}

static void mennekes_frames(void **state)
{
	static const struct play plays[] = {
		{"32 06 0D 00 55 AA 31 8A", "32 06 0D 00 55 AA 31 8A"},
		{"32 10 03 02 00 02 04 41 80 00 00 83 16", "32 10 03 02 00 02 E5 8F"},
		{"32 06 0D 05 00 01 5F 64", "32 06 0D 05 00 01 5F 64"},
		{"32 03 01 00 00 01 80 35", "32 03 02 00 05 7C 43"},
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 50});
	uint32_t amps = drv_f32_of(16000, 3);
	uint16_t r[2] = {(uint16_t)(amps >> 16), (uint16_t)amps};

	(void)state;
	assert_int_equal(drv_mb_write1(m, 0x0D00, 0x55AA, NULL), 0);
	assert_int_equal(drv_mb_write(m, 0x0302, 2, r, NULL), 0);
	assert_int_equal(drv_mb_write1(m, 0x0D05, 1, NULL), 0);
	assert_int_equal(drv_mb_holding(m, 0x0100, 1, r, NULL), 0);
	assert_int_equal(r[0], 5);
	end(m);
}

static void sdm_frames(void **state)
{
	static const struct play plays[] = {
		{"01 04 00 34 00 02 30 05", "01 04 04 45 12 99 9A A4 B6"},
		{"01 04 00 00 00 06 70 08",
		 "01 04 0C 43 66 33 33 43 65 CC CD 43 67 66 66 82 EA"},
		{"01 04 00 48 00 04 71 DF", "01 04 08 44 9A 52 25 41 44 CC CD 9B 0E"},
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1});
	uint16_t r[8];
	int64_t v;

	(void)state;
	assert_int_equal(drv_mb_input(m, 0x34, 2, r, NULL), 0);
	assert_true(drv_f32_scaled(drv_be32(r), 1, &v));
	assert_int_equal(v, 23456);
	assert_int_equal(drv_mb_input(m, 0, 6, r, NULL), 0);
	assert_true(drv_f32_scaled(drv_be32(r + 4), 3, &v));
	assert_int_equal(v, 231400);
	assert_int_equal(drv_mb_input(m, 0x48, 4, r, NULL), 0);
	assert_true(drv_f32_scaled(drv_be32(r), 3, &v));
	assert_int_equal(v, 1234567);
	assert_true(drv_f32_scaled(drv_be32(r + 2), 3, &v));
	assert_int_equal(v, 12300);
	end(m);
}

static void tcp_frames(void **state)
{
	static const struct play plays[] = {
		{"00 01 00 00 00 06 07 03 01 05 00 01", "00 01 00 00 00 05 07 03 02 00 64"},
		{"00 02 00 00 00 06 07 06 01 05 00 A0", "00 02 00 00 00 06 07 06 01 05 00 A0"},
		{"00 03 00 00 00 09 07 10 01 05 00 01 02 00 A0",
		 "00 03 00 00 00 06 07 10 01 05 00 01"},
		{"00 04 00 00 00 06 07 04 00 05 00 01", "00 04 00 00 00 03 07 84 0B"},
		{0},
	};
	struct drv_mb *m = start(plays, true, (struct drv_mb_conf){.unit = 7});
	uint16_t r[2], limit = 160;

	(void)state;
	assert_int_equal(drv_mb_holding(m, 261, 1, r, NULL), 0);
	assert_int_equal(r[0], 100);
	assert_int_equal(drv_mb_write1(m, 261, 160, NULL), 0);
	assert_int_equal(drv_mb_write(m, 261, 1, &limit, NULL), 0);
	assert_int_equal(drv_mb_input(m, 5, 1, r, NULL), -MKT_EDEVTIMEOUT);
	assert_int_equal(drv_mb_exception(m), 11);
	end(m);
}

/* ---- what lines do ------------------------------------------------------------------------- */

/* Power is late; its answer is not taken for the energy that is asked for next. */
static void late_answer(void **state)
{
	static const struct play plays[] = {
		{"01 04 00 34 00 02 30 05", "+1020 01 04 04 45 12 99 9A A4 B6"},
		{"01 04 00 48 00 02 F1 DD", "+70 01 04 04 44 9A 52 25 33 E0"},
		{0},
	};
	struct drv_mb *m = start(
		plays, false,
		(struct drv_mb_conf){.unit = 1, .answer_ms = 1000, .turnaround_ms = 1500});
	uint16_t r[2];

	(void)state;
	assert_int_equal(drv_mb_input(m, 0x34, 2, r, NULL), -MKT_EDEVTIMEOUT);
	assert_int_equal(drv_mb_input(m, 0x48, 2, r, NULL), 0);
	assert_int_equal(drv_be32(r), 0x449A5225);
	assert_int_equal(device.counters[DRV_TIMEOUTS], 1);
	assert_int_equal(device.counters[DRV_LATE], 1);
	assert_int_equal(device.counters[DRV_BAD_FRAMES], 0);
	end(m);
}

/* Who has been silent lately holds nobody up; its late answer is waited for all the same. */
static void late_answer_brief(void **state)
{
	static const struct play plays[] = {
		{NULL, "+600 01 03 02 00 64 B9 AF"},
		{NULL, "+10 01 03 02 3A 98 AB 4E"},
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1, .retries = 2});
	uint64_t begin = mem.now_ms;
	uint16_t r;

	(void)state;
	device.brief = true;
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), -MKT_EDEVTIMEOUT);
	assert_int_equal(mem.now_ms, begin + 500);
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), 0);
	assert_int_equal(r, 15000);
	assert_int_equal(device.counters[DRV_LATE], 1);
	end(m);
}

/* Over TCP a late answer has its transaction: passed over, nothing is drained. */
static void late_answer_tcp(void **state)
{
	static const struct play plays[] = {
		{NULL, "+750 00 01 00 00 00 05 01 03 02 00 63"},
		{NULL, "+300 00 02 00 00 00 05 01 03 02 00 64"},
		{0},
	};
	struct drv_mb *m = start(plays, true, (struct drv_mb_conf){.unit = 1});
	uint16_t r;

	(void)state;
	assert_int_equal(drv_mb_holding(m, 1, 1, &r, NULL), -MKT_EDEVTIMEOUT);
	assert_int_equal(drv_mb_holding(m, 1, 1, &r, NULL), 0);
	assert_int_equal(r, 0x64);
	assert_int_equal(device.counters[DRV_LATE], 1);
	assert_int_equal(mem.now_ms, 1000000 + 500 + 300);
	end(m);
}

static void late_by_half_more(void **state)
{
	static const struct play plays[] = {
		{NULL, "+750 01 03 02 00 64 B9 AF"},
		{NULL, "+10 01 03 02 3A 98 AB 4E"},
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1, .retries = 1});
	uint16_t r;

	(void)state;
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), 0);
	assert_int_equal(r, 15000);
	assert_int_equal(device.counters[DRV_LATE], 1);
	end(m);
}

static const uint8_t good[] = {0x01, 0x03, 0x0C, 0x3A, 0x98, 0x00, 0x04, 0x00, 0x01,
			       0x00, 0x00, 0x00, 0xA0, 0x00, 0x00, 0x3E, 0x68};
static size_t cut;
static uint32_t cut_ms;

static void cut_peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	(void)bytes;
	(void)n;
	mem_push(l, 20, good, cut);
	mem_push(l, 20 + cut_ms, good + cut, sizeof(good) - cut);
}

/* An adapter delivers the answer in two pieces, cut at each byte. */
static void split_at_each_byte(void **state)
{
	static const uint32_t pauses[] = {1, 16, 49, 200};
	uint16_t r[6];

	(void)state;
	for (cut = 1; cut < sizeof(good); cut++)
		for (size_t i = 0; i < MKT_ARRAY_SIZE(pauses); i++) {
			struct drv_mb *m = start(NULL, false, (struct drv_mb_conf){.unit = 1});

			cut_ms = pauses[i];
			mem.peer = cut_peer;
			assert_int_equal(drv_mb_holding(m, 257, 6, r, NULL), 0);
			assert_int_equal(r[0], 15000);
			drv_mb_free(m);
		}
}

/* A half answer is none, cut at each byte; nothing is written to the caller's registers. */
static void half_answers(void **state)
{
	uint16_t r[6] = {7, 7, 7, 7, 7, 7};

	(void)state;
	for (cut = 1; cut < sizeof(good); cut++) {
		struct drv_mb *m = start(NULL, false, (struct drv_mb_conf){.unit = 1});

		cut_ms = 2000;
		mem.peer = cut_peer;
		assert_int_equal(drv_mb_holding(m, 257, 6, r, NULL), -MKT_EDEVFRAME);
		assert_int_equal(r[0], 7);
		drv_mb_free(m);
	}
}

static size_t flip;

static void flip_peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	uint8_t bad[sizeof(good)];

	(void)bytes;
	(void)n;
	memcpy(bad, good, sizeof(bad));
	bad[flip / 8] = (uint8_t)(bad[flip / 8] ^ 1u << flip % 8);
	mem_push(l, 20, bad, sizeof(bad));
}

/* Every single wrong bit is found. */
static void every_bit(void **state)
{
	uint16_t r[6] = {7, 7, 7, 7, 7, 7};

	(void)state;
	for (flip = 0; flip < 8 * sizeof(good); flip++) {
		struct drv_mb *m = start(NULL, false, (struct drv_mb_conf){.unit = 1});

		mem.peer = flip_peer;
		assert_int_equal(drv_mb_holding(m, 257, 6, r, NULL), -MKT_EDEVFRAME);
		assert_int_equal(r[0], 7);
		drv_mb_free(m);
	}
}

static void noise(void **state)
{
	static const struct play plays[] = {
		/* before, after, both; bytes that look like the beginning of an answer */
		{NULL, "00 FF +3 01 03 02 3A 98 AB 4E"},
		{NULL, "01 03 02 3A 98 AB 4E 00"},
		{NULL, "01 +2 01 03 +2 01 03 02 3A 98 AB 4E FF FF"},
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1});
	uint16_t r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), 0);
		assert_int_equal(r, 15000);
	}
	assert_int_equal(device.counters[DRV_BAD_FRAMES], 3);
	/* between: what lies there before we ask */
	mem_push(&mem, 0, "\x01\x03\x02\x00\x64\xB9\xAF", 7);
	playing = (const struct play[]){{NULL, "+5 01 03 02 3A 98 AB 4E"}, {0}};
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), 0);
	assert_int_equal(r, 15000);
	assert_int_equal(device.counters[DRV_STRANGERS], 1);
	end(m);
}

static void crc_error(void **state)
{
	static const struct play plays[] = {
		{NULL, "01 03 02 3A 98 AB 4F"},
		{NULL, "01 03 02 3A 98 AB 4E"},
		{NULL, "01 03 02 3A 98 AB 4F"}, /* always */
		{NULL, "01 03 02 3A 98 AB 4F"},
		{NULL, "01 06 01 05 00 A0 98 4E"}, /* a write is not tried again */
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1, .retries = 1});
	struct mkt_err err;
	uint16_t r = 7;

	(void)state;
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), 0);
	assert_int_equal(r, 15000);
	r = 7;
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, &err), -MKT_EDEVFRAME);
	assert_int_equal(r, 7);
	assert_string_equal(err.text, "read register 257 (0x0101): 7 bytes came, not an answer of "
				      "7: 01 03 02 3A 98 AB 4F");
	assert_int_equal(device.counters[DRV_BAD_FRAMES], 3);
	assert_int_equal(drv_mb_write1(m, 261, 160, NULL), -MKT_EDEVFRAME);
	end(m);
}

static void strangers(void **state)
{
	static const struct play plays[] = {
		{NULL, "02 04 00 34 00 02 30 36"},		     /* another master's request */
		{NULL, "01 03 02 3A 98 AB 4E"},
		{NULL, "02 03 02 3A 98 EF 4E"},			     /* another unit's answer */
		{NULL, "01 03 01 01 00 01 D4 36 01 03 02 3A 98 AB 4E"}, /* our own request */
		{NULL, "01 03 01 05 00 01 95 F7 01 03 02 00 64 B9 AF"}, /* theirs, and its answer */
		{NULL, "01 04 02 00 07 F8 F2"},			     /* another function */
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1, .retries = 1});
	struct mkt_err err;
	uint16_t r = 7;

	(void)state;
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), 0);
	assert_int_equal(r, 15000);
	assert_int_equal(device.counters[DRV_STRANGERS], 1);
	drv_mb_free(m);
	m = start(plays + 2, false, (struct drv_mb_conf){.unit = 1});
	for (unsigned i = 1; i <= 3; i++) {
		r = 7;
		assert_int_equal(drv_mb_holding(m, 257, 1, &r, &err), -MKT_EDEVFRAME);
		assert_int_equal(device.counters[DRV_STRANGERS], i);
		assert_int_equal(r, 7);
	}
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, &err), -MKT_EDEVFRAME);
	assert_int_equal(r, 7);
	end(m);
}

static void exceptions(void **state)
{
	static const struct play plays[] = {
		{NULL, "01 84 02 C2 C1"},
		{NULL, "01 84 06 C3 02"},
		{NULL, "01 04 02 00 07 F8 F2"},
		{NULL, "01 84 06 C3 02"},
		{NULL, "01 84 06 C3 02"},
		{NULL, "01 84 0B 02 C7"},
		{NULL, "01 83 0B 00 F7"},
		{0},
	};
	struct drv_mb *m = start(plays, false, (struct drv_mb_conf){.unit = 1, .retries = 1});
	struct mkt_err err;
	uint16_t r = 0;

	(void)state;
	assert_int_equal(drv_mb_input(m, 5, 1, &r, &err), -MKT_EDEVREFUSED);
	assert_string_equal(err.text, "read register 5 (0x0005): unit 1: exception 2, it does not "
				      "have the address");
	assert_int_equal(drv_mb_exception(m), 2);
	assert_int_equal(drv_mb_input(m, 5, 1, &r, &err), 0); /* busy once */
	assert_int_equal(r, 7);
	assert_int_equal(drv_mb_exception(m), 0);
	assert_int_equal(drv_mb_input(m, 5, 1, &r, &err), -MKT_EDEVREFUSED); /* busy for long */
	assert_int_equal(drv_mb_exception(m), 6);
	assert_int_equal(drv_mb_input(m, 5, 1, &r, &err), -MKT_EDEVTIMEOUT);
	assert_int_equal(drv_mb_exception(m), 11);
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, &err), -MKT_EDEVTIMEOUT);
	assert_int_equal(device.counters[DRV_REFUSALS], 6);
	assert_int_equal(device.counters[DRV_BAD_FRAMES], 0);
	end(m);
}

/* However silent or noisy: a callback ends in time. */
static void babble(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	uint8_t many[40];

	(void)bytes;
	(void)n;
	memset(many, 0xA5, sizeof(many));
	for (uint32_t i = 0; i < 200; i++)
		mem_push(l, i * 40, many, sizeof(many));
}

static void in_time(void **state)
{
	uint16_t r[6];

	(void)state;
	for (int noisy = 0; noisy < 2; noisy++)
		for (int tcp = 0; tcp < 2; tcp++) {
			struct drv_mb *m = start(NULL, tcp != 0,
						 (struct drv_mb_conf){.unit = 1, .retries = 9});
			uint64_t begin = mem.now_ms;

			mem.peer = noisy ? babble : NULL;
			drv_mb_begin(m);
			for (int i = 0; i < 5; i++)
				assert_true(drv_mb_holding(m, 257, 6, r, NULL) < 0);
			assert_true(mem.now_ms <= begin + DRV_CALL_MAX_MS);
			drv_mb_free(m);
		}
}

static void wrong_arguments(void **state)
{
	struct drv_mb *m = start(NULL, false, (struct drv_mb_conf){.unit = 1});
	struct drv_mb_conf conf = {.unit = 248};
	uint16_t r[130] = {0};

	(void)state;
	assert_int_equal(drv_mb_holding(m, 0, 0, r, NULL), -MKT_EINVAL);
	assert_int_equal(drv_mb_holding(m, 0, 126, r, NULL), -MKT_EINVAL);
	assert_int_equal(drv_mb_holding(m, 65535, 2, r, NULL), -MKT_EINVAL);
	assert_int_equal(drv_mb_write(m, 0, 124, r, NULL), -MKT_EINVAL);
	assert_int_equal(mem.writes, 0);
	drv_mb_free(m);
	assert_int_equal(drv_mb_new(&mem, NULL, &conf, &m, NULL), -MKT_EINVAL);
	conf.unit = 0;
	assert_int_equal(drv_mb_new(&mem, NULL, &conf, &m, NULL), -MKT_EINVAL);
	conf.unit = 255;
	mem.tcp = true;
	assert_int_equal(drv_mb_new(&mem, NULL, &conf, &m, NULL), 0);
	drv_mb_free(m);
}

static void line_lost(void **state)
{
	struct drv_mb *m = start(NULL, false, (struct drv_mb_conf){.unit = 1, .retries = 3});
	uint16_t r;

	(void)state;
	mem.lost = true;
	assert_int_equal(drv_mb_holding(m, 257, 1, &r, NULL), -MKT_EDEVLOST);
	drv_mb_free(m);
}

/* ---- float32 --------------------------------------------------------------------------------- */

static uint32_t bits_of(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

static float float_of(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

/* float32 times 10^9 is below 2^(24 + 30) * 2^k: exact in 64 bits of mantissa. */
static void scaled(void **state)
{
	static const long double power[] = {1, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L};
	struct rng rng = rng_start("modbus float32");

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		uint32_t bits = (uint32_t)rng_u64(&rng);
		unsigned digits = (unsigned)rng_below(&rng, 10);
		long double want;
		int64_t got = 0;

		if (i & 1) /* values that meters have */
			bits = bits_of((float)((double)(int64_t)rng_wide(&rng) * 1e-9));
		want = (long double)float_of(bits) * power[digits];
		if (want != want || want >= 0x1p63L || want <= -0x1p63L) {
			assert_false(drv_f32_scaled(bits, digits, &got));
			continue;
		}
		assert_true(drv_f32_scaled(bits, digits, &got));
		/* to nearest, halves away from zero */
		want = want < 0 ? want - 0.5L : want + 0.5L;
		if (want < 0x1p62L && want > -0x1p62L)
			assert_int_equal(got, (int64_t)want);
	}
	assert_false(drv_f32_scaled(0, 10, &(int64_t){0}));
}

static void of_integers(void **state)
{
	struct rng rng = rng_start("modbus float32");

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		int64_t v = (int64_t)rng_wide(&rng);

		/* the compiler rounds to nearest, ties to even, as drv_f32_of() does */
		assert_int_equal(drv_f32_of(v, 0), bits_of((float)v));
		v %= 1 << 24;
		for (unsigned digits = 0; digits <= 9; digits++) {
			static const float power[] = {1, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F,
						      1e6F, 1e7F, 1e8F, 1e9F};

			/* both operands are exact: the quotient is the nearest float32 */
			assert_int_equal(drv_f32_of(v, digits), bits_of((float)v / power[digits]));
		}
	}
	assert_int_equal(drv_f32_of(16000, 3), 0x41800000);
	assert_int_equal(drv_f32_of(INT64_MIN, 0), bits_of((float)INT64_MIN));
}

static void steps(void **state)
{
	static const struct {
		float kwh;
		uint32_t wh;
	} rows[] = {{0, 1},	  {1234.567F, 1},  {16383.9F, 1},    {16384, 2},
		    {65536, 8},	  {100000, 8},	   {1000000, 63},    {-16384, 2},
		    {1e10F, 1024000}, {3e38F, UINT32_MAX}};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		assert_int_equal(drv_f32_step(bits_of(rows[i].kwh), 3), rows[i].wh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heidelberg_frames), cmocka_unit_test(abb_frames),
		cmocka_unit_test(mennekes_frames),   cmocka_unit_test(sdm_frames),
		cmocka_unit_test(tcp_frames),	     cmocka_unit_test(late_answer),
		cmocka_unit_test(late_answer_brief), cmocka_unit_test(late_answer_tcp),
		cmocka_unit_test(late_by_half_more),
		cmocka_unit_test(split_at_each_byte), cmocka_unit_test(half_answers),
		cmocka_unit_test(every_bit),	     cmocka_unit_test(noise),
		cmocka_unit_test(crc_error),	     cmocka_unit_test(strangers),
		cmocka_unit_test(exceptions),	     cmocka_unit_test(in_time),
		cmocka_unit_test(wrong_arguments),   cmocka_unit_test(line_lost),
		cmocka_unit_test(scaled),	     cmocka_unit_test(of_integers),
		cmocka_unit_test(steps),
	};

	return cmocka_run_group_tests_name("modbus", tests, NULL, NULL);
}
