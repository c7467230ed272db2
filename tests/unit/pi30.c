/* Frames and answers of PI30: the worked exchanges of the maker's paper, byte for byte. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/pi30.h"

/* Commands, and the answers' texts with '(', by their two bytes of checksum. */
static const struct {
	const char *text;
	uint8_t hi, lo;
} frames[] = {
	{"QPI", 0xBE, 0xAC},
	{"QID", 0xD6, 0xEA},
	{"QMOD", 0x49, 0xC1},
	{"QPIGS", 0xB7, 0xA9},
	{"QPIRI", 0xF8, 0x54},
	{"QPIWS", 0xB4, 0xDA},
	{"QFLAG", 0x98, 0x74},
	{"QMCHGCR", 0xD8, 0x55},
	{"QMUCHGCR", 0x26, 0x34},
	{"QBMS", 0x61, 0x44},
	{"POP00", 0xC2, 0x48},
	{"POP01", 0xD2, 0x69},
	{"POP02", 0xE2, 0x0B},
	{"PCP00", 0x8D, 0x7A},
	{"PCP01", 0x9D, 0x5B},
	{"PCP02", 0xAD, 0x38},
	{"PCP03", 0xBD, 0x19},
	{"MUCHGC030", 0xC0, 0xC0},
	{"MNCHGC0060", 0x8B, 0xAC},
	{"MNCHGC1120", 0x06, 0xEC},
	{"PBATCD111", 0xDF, 0x7D},
	{"(PI30", 0x9A, 0x0B},
	{"(ACK", 0x39, 0x20},
	{"(NAK", 0x73, 0x73},
	{"(B", 0xE7, 0xC9},
	{"(L", 0x06, 0x07},
	{"(S", 0xE5, 0xD9},
	{"(9293333010501", 0xBB, 0x07},
	{"(000.0 00.0 230.0 49.9 0161 0119 003 460 57.50 012 100 0069 0014 103.8 57.45 00000 "
	 "00110110 00 00 00856 010",
	 0x24, 0x8C},
	{"(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 10 010 1 0 0 6 01 0 0 "
	 "54.0 0 1",
	 0x6F, 0x7E},
	{"(00000100000000001000000000000000", 0x56, 0xA6},
	{"(002 010 020 030 040 050 060 070 080 090 100 110 120", 0xCA, 0x23},
	{"(010 020 030 040 050 060 070 080 090 100 110 120", 0x0C, 0xCB},
};

#define STATUS (frames[28].text + 1)
#define RATINGS (frames[29].text + 1)

static void test_frames(void **state)
{
	char text[PI30_TEXT_MAX + 1];
	uint8_t frame[PI30_FRAME_MAX];

	(void)state;
	assert_int_equal(pi30_crc("123456789", 9), 0x31C3);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(frames); i++) {
		size_t n = strlen(frames[i].text);

		assert_int_equal(pi30_frame(frames[i].text, frame), n + 3);
		assert_memory_equal(frame, frames[i].text, n);
		assert_int_equal(frame[n], frames[i].hi);
		assert_int_equal(frame[n + 1], frames[i].lo);
		assert_int_equal(frame[n + 2], '\r');
		if (frame[0] != '(')
			continue;
		assert_int_equal(pi30_answer(frame, n + 2, text, NULL), 0);
		assert_string_equal(text, frames[i].text + 1);
	}
}

/* Plain and raised bytes are both right; nothing else is. */
static void test_raised(void **state)
{
	uint8_t frame[PI30_FRAME_MAX], want[2];
	char text[PI30_TEXT_MAX + 1], said[16];
	unsigned raised = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t crc;
		size_t n;

		snprintf(said, sizeof(said), "(%u", i);
		n = strlen(said);
		pi30_frame(said, frame);
		crc = pi30_crc(said, n);
		pi30_crc_bytes(said, n, want);
		raised += want[0] != crc >> 8 || want[1] != (crc & 0xff);
		assert_null(memchr(want, '(', 2));
		assert_null(memchr(want, '\r', 2));
		assert_null(memchr(want, '\n', 2));
		assert_int_equal(pi30_answer(frame, n + 2, text, NULL), 0);
		frame[n] = (uint8_t)(crc >> 8);
		frame[n + 1] = (uint8_t)crc;
		assert_int_equal(pi30_answer(frame, n + 2, text, NULL), 0);
		frame[n] ^= 0x80;
		assert_int_equal(pi30_answer(frame, n + 2, text, NULL), -MKT_EDEVFRAME);
		if (!(crc & 0xff)) { /* as firmware that raises zeros too */
			frame[n] ^= 0x80;
			frame[n + 1] = 1;
			assert_int_equal(pi30_answer(frame, n + 2, text, NULL), 0);
		}
	}
	assert_true(raised > 300); /* 6 of 256 values, about */
}

static void test_bad_answers(void **state)
{
	char text[PI30_TEXT_MAX + 1], long_text[PI30_TEXT_MAX + 8];
	uint8_t frame[PI30_FRAME_MAX + 8];
	struct mkt_err err = {0};
	size_t n;

	(void)state;
	n = pi30_frame("QPI", frame);
	assert_int_equal(pi30_answer(frame, n - 1, text, &err), -MKT_EDEVFRAME);
	for (size_t k = 0; k < 4; k++)
		assert_int_equal(pi30_answer((const uint8_t *)"(AB", k, text, &err), -MKT_EDEVFRAME);
	n = pi30_frame("(A\x01", frame);
	assert_int_equal(pi30_answer(frame, n - 1, text, &err), -MKT_EDEVFRAME);
	memset(long_text, 'x', sizeof(long_text));
	long_text[0] = '(';
	long_text[sizeof(long_text) - 1] = 0;
	assert_int_equal(pi30_frame(long_text, frame), 0);
	memcpy(frame, long_text, PI30_TEXT_MAX + 2);
	pi30_crc_bytes(frame, PI30_TEXT_MAX + 2, frame + PI30_TEXT_MAX + 2);
	assert_int_equal(pi30_answer(frame, PI30_TEXT_MAX + 4, text, &err), -MKT_EDEVFRAME);
	assert_int_equal(pi30_frame("", frame), 0);
}

static void test_status(void **state)
{
	struct pi30_status s;
	struct mkt_err err = {0};

	(void)state;
	assert_int_equal(pi30_status(STATUS, &s, &err), 0);
	assert_int_equal(s.grid_mv, 0);
	assert_int_equal(s.grid_mhz, 0);
	assert_int_equal(s.output_mv, 230000);
	assert_int_equal(s.load_va, 161);
	assert_int_equal(s.load_w, 119);
	assert_int_equal(s.load_percent, 3);
	assert_int_equal(s.battery_mv, 57500);
	assert_int_equal(s.charge_a, 12);
	assert_int_equal(s.discharge_a, 0);
	assert_int_equal(s.soc_percent, 100);
	assert_int_equal(s.heat_sink_c, 69);
	assert_int_equal(s.pv_w, 856);
	assert_int_equal(s.battery_w, 690);
	/* The oldest firmware: 17 fields, and a raw temperature. */
	assert_int_equal(pi30_status("230.1 50.0 230.1 50.0 0600 0550 011 380 51.20 000 064 0512 "
				     "0000 000.0 00.00 00012 00010000",
				     &s, &err),
			 0);
	assert_int_equal(s.battery_w, -614);
	assert_int_equal(s.heat_sink_c, PI30_NONE);
	assert_int_equal(s.pv_w, PI30_NONE);
	/* One field less; the wrong answer; no battery. */
	assert_int_equal(pi30_status("230.1 50.0 230.1 50.0 0600 0550 011 380 51.20 000 064 0512 "
				     "0000 000.0 00.00 00012",
				     &s, &err),
			 -MKT_EDEVFRAME);
	assert_int_equal(pi30_status(RATINGS, &s, &err), -MKT_EDEVFRAME);
	assert_int_equal(pi30_status("- - - - - - - - - - - - - - - - 00000000", &s, &err),
			 -MKT_EDEVFRAME);
	assert_int_equal(pi30_status("", &s, &err), -MKT_EDEVFRAME);
}

static void test_ratings(void **state)
{
	struct pi30_ratings r;
	struct mkt_err err = {0};

	(void)state;
	assert_int_equal(pi30_ratings(RATINGS, &r, &err), 0);
	assert_int_equal(r.output_va, 5000);
	assert_int_equal(r.output_w, 4000);
	assert_int_equal(r.battery_mv, 48000);
	assert_int_equal(r.ac_charge_a, 10);
	assert_int_equal(r.output_priority, 0);
	assert_int_equal(r.charge_priority, 0);
	assert_int_equal(r.machine, 1);
	assert_int_equal(pi30_ratings("- - - - - - - - - - - - - - - - 2 3", &r, &err), 0);
	assert_int_equal(r.ac_charge_a, PI30_NONE);
	assert_int_equal(r.output_priority, 2);
	assert_int_equal(r.charge_priority, 3);
	assert_int_equal(r.machine, PI30_NONE);
	assert_int_equal(pi30_ratings(STATUS, &r, &err), -MKT_EDEVFRAME);
	assert_int_equal(pi30_ratings("ACK", &r, &err), -MKT_EDEVFRAME);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned digits;
		bool ok;
		int32_t v;
	} rows[] = {
		{"54.0", 3, true, 54000},   {"54.05", 1, true, 540},	   {"0161", 0, true, 161},
		{"-12.5", 1, true, -125},   {"+3", 0, true, 3},		   {"00000", 3, true, 0},
		{"-", 0, false, 0},	    {"", 0, false, 0},		   {"12x", 0, false, 0},
		{"x", 0, false, 0},	    {"1.2.3", 3, false, 0},	   {".5", 1, false, 0},
		{"9999999999", 0, false, 0}, {"999999999", 3, false, 0},   {"2147483", 3, true, 2147483000},
	};
	struct pi30_fields f;
	int32_t v;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		pi30_split(&f, rows[i].text);
		assert_int_equal(pi30_number(&f, 0, rows[i].digits, &v), rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(v, rows[i].v);
	}
	pi30_split(&f, "  1   2 ");
	assert_int_equal(f.n, 2);
	assert_true(pi30_number(&f, 1, 0, &v));
	assert_int_equal(v, 2);
	assert_false(pi30_number(&f, 2, 0, &v));
}

static void test_lists(void **state)
{
	uint16_t a[PI30_CURRENTS_MAX];
	unsigned bit;

	(void)state;
	assert_int_equal(pi30_currents(frames[31].text + 1, a), 13);
	assert_int_equal(a[0], 2);
	assert_int_equal(a[12], 120);
	assert_int_equal(pi30_currents(RATINGS, a), 0);
	assert_int_equal(pi30_currents("", a), 0);
	assert_true(pi30_is_mode("B"));
	assert_false(pi30_is_mode("Q"));
	assert_false(pi30_is_mode(""));
	assert_false(pi30_is_mode("BB"));
	assert_string_equal(pi30_mode_word('L'), "grid");
	assert_true(pi30_is_warnings(frames[30].text + 1));
	assert_false(pi30_is_warnings("ACK"));
	assert_string_equal(pi30_warning(frames[30].text + 1, 0, &bit), "no grid");
	assert_int_equal(bit, 5);
	assert_string_equal(pi30_warning(frames[30].text + 1, 1, &bit), "overload");
	assert_int_equal(bit, 16);
	assert_null(pi30_warning(frames[30].text + 1, 2, &bit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),	cmocka_unit_test(test_raised),
		cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_status),
		cmocka_unit_test(test_ratings), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
