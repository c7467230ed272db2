/* Frames of RAPI: each recorded one with its checksum, and what is none. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/rapi.h"
#include "tests/rng.h"

struct row {
	const char *text; /* between '$' and the checksum */
	uint8_t sum;
};

/* The firmware's own checksums: what is sent to it ... */
static const struct row commands[] = {
	{"GV", 0x35}, {"GS", 0x30}, {"G0", 0x53}, {"GC", 0x20}, {"GE", 0x26}, {"GG", 0x24},
	{"GU", 0x36}, {"GF", 0x25}, {"GP", 0x33}, {"GT", 0x37}, {"GI", 0x2A}, {"GA", 0x22},
	{"G3", 0x50}, {"GH", 0x2B}, {"GD", 0x27}, {"ST 0 0 0 0", 0x23}, {"FE", 0x27},
	{"FS", 0x31}, {"FD", 0x26}, {"FR", 0x30}, {"GY", 0x3A}, {"SB", 0x35}, {"G4", 0x57},
	{"SC 16 V", 0x65}, {"SC 5 V", 0x57}, {"SC 40 V", 0x66}, {"SC 20", 0x16},
	{"SC 24 V", 0x64}, {"SY 5 6", 0x2D}, {"SY", 0x2E}, {"SY 1", 0x3F}, {"SY 165", 0x3C},
	{"SY 0 0", 0x2E}, {"GY :01", 0x21}, {"SY :02", 0x36}, {"SY 165 :03", 0x25},
	{"GS :A7", 0x5C}, {"XX :7F", 0x4F}, {"GS :21", 0x29}, {"GG :22", 0x3E},
};

/* ... and what it says. */
static const struct row answers[] = {
	{"OK 8.2.3.EU 5.2.1", 0x11}, {"NK", 0x21}, {"OK", 0x20}, {"NK :7F", 0x4A},
	{"OK 01 0 01 0200 :A7", 0x7E}, {"OK 16", 0x07}, {"AT 01 01 16 0200", 0x34},
	{"NK 6", 0x37}, {"AT 01 01 6 0200", 0x05}, {"NK 32", 0x00}, {"AT 01 01 32 0200", 0x32},
	{"OK 20", 0x02}, {"OK 6 32 20 20", 0x17}, {"NK 20", 0x03}, {"OK 5 6 0", 0x33},
	{"AT 03 03 6 0540", 0x06}, {"OK 5 6 2", 0x31}, {"NK 5 6 2", 0x30}, {"OK 5 6 1", 0x32},
	{"OK 0 0 0", 0x30}, {"AT 00 00 0 0200", 0x03}, {"AB 00 8.2.3.EU", 0x20},
	{"AT 02 02 32 0700", 0x37}, {"AT 03 03 32 0540", 0x31}, {"OK 03 6 03 0540", 0x17},
	{"OK 10340 230000", 0x17}, {"OK 1994 0", 0x15}, {"AT fe 03 10 0540", 0x31},
	{"OK fe 6 03 0500", 0x13}, {"AT 02 03 10 0500", 0x34}, {"AT 03 03 10 0540", 0x31},
	{"AT ff 03 10 0500", 0x36}, {"OK 2", 0x32}, {"AT 06 03 32 2590", 0x3B},
	{"AT 06 00 32 2590", 0x38}, {"OK 1 0 0", 0x31}, {"AT 01 01 32 0280", 0x3A},
	{"OK 67559 18", 0x11}, {"OK 03 03 600 0200 :21", 0x0D}, {"OK 16000 230000 :22", 0x0C},
};

/* Feed it; the last thing that was got. */
static enum rapi_got feed(struct rapi_reader *r, const char *s, size_t n, struct rapi_frame *f)
{
	enum rapi_got got = RAPI_NOTHING;

	for (size_t i = 0; i < n; i++) {
		enum rapi_got now = rapi_feed(r, (uint8_t)s[i], f);

		if (now != RAPI_NOTHING)
			got = now;
	}
	return got;
}

static enum rapi_got read_text(const char *s, struct rapi_frame *f)
{
	struct rapi_reader r = {0};

	return feed(&r, s, strlen(s), f);
}

static void recorded_frames_are_read(void **state)
{
	char text[64];
	struct rapi_frame f;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(answers); i++) {
		const char *id = strstr(answers[i].text, " :");

		snprintf(text, sizeof(text), "$%s^%02X\r", answers[i].text, answers[i].sum);
		if (read_text(text, &f) != RAPI_FRAME)
			fail_msg("'%s' is not taken", text);
		assert_true(f.checked);
		assert_int_equal(f.id, id ? strtoul(id + 2, NULL, 16) : 0);
		assert_int_equal(f.nraw, id ? (size_t)(id - answers[i].text) : strlen(answers[i].text));
		assert_memory_equal(f.raw, answers[i].text, f.nraw);
		/* Lower-case digits are read as well; another checksum is not. */
		snprintf(text, sizeof(text), "$%s^%02x\r", answers[i].text, answers[i].sum);
		assert_int_equal(read_text(text, &f), RAPI_FRAME);
		snprintf(text, sizeof(text), "$%s^%02X\r", answers[i].text, answers[i].sum ^ 1);
		assert_int_equal(read_text(text, &f), RAPI_BAD);
	}
}

static void commands_are_built(void **state)
{
	char out[RAPI_COMMAND_MAX + 2], want[64], command[32];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(commands); i++) {
		const char *id = strstr(commands[i].text, " :");
		int n = id ? (int)(id - commands[i].text) : (int)strlen(commands[i].text);

		snprintf(command, sizeof(command), "%.*s", n, commands[i].text);
		snprintf(want, sizeof(want), "$%s^%02X\r", commands[i].text, commands[i].sum);
		assert_int_equal(rapi_build(out, command, id ? (uint8_t)strtoul(id + 2, NULL, 16) : 0),
				 strlen(want));
		assert_string_equal(out, want);
	}
	/* 31 characters with checksum fit a controller's buffer, 32 do not. */
	assert_int_equal(rapi_build(out, "FP 0 0 AAAAAAAAAAAAAAAAAAAA", 0), 32);
	assert_int_equal(strlen(out), 32);
	assert_int_equal(rapi_build(out, "FP 0 0 AAAAAAAAAAAAAAAAAAAAA", 0), 0);
	assert_int_equal(rapi_build(out, "FP 0 0 AAAAAAAAAAAAAAAAAAAA", 1), 0);
	assert_int_equal(rapi_build(out, "", 0), 0);
	assert_int_equal(rapi_build(out, "GV\r", 0), 0);
	assert_int_equal(rapi_build(out, "GV^", 0), 0);
}

static void both_checksums_are_read(void **state)
{
	struct rapi_frame f;

	(void)state;
	assert_int_equal(rapi_sum("$GV", 3), 0xC1);
	assert_int_equal(rapi_xor("$GV", 3), 0x35);
	assert_int_equal(read_text("$GV*C1\r", &f), RAPI_FRAME);
	assert_true(f.checked);
	assert_int_equal(read_text("$GV*35\r", &f), RAPI_BAD);
	assert_int_equal(read_text("$GV^00\r", &f), RAPI_BAD);
	assert_int_equal(read_text("$OK 3.11 1.0.3\r", &f), RAPI_FRAME);
	assert_false(f.checked);
	assert_string_equal(f.word[2], "1.0.3");
}

static void what_is_no_frame_is_left(void **state)
{
	static const char *const bad[] = {"$\r", "$O\r", "$OK^2\r", "$OK 1^\r", "$OKAY\r", "$ OK\r",
					  "$OK^20^\r"};
	struct rapi_reader r = {0};
	struct rapi_frame f;
	char big[300];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		if (read_text(bad[i], &f) != RAPI_BAD)
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(read_text("\nrelayCloseMs: 100\r\nrelayHoldPwm: 255\r\n", &f), RAPI_NOTHING);
	assert_int_equal(feed(&r, "$OK\0 5^20\r", 10, &f), RAPI_BAD);
	/* A '$' begins anew, whatever came before. */
	assert_int_equal(read_text("\x01\xffnoise$O$OK 1$NK^21\r", &f), RAPI_FRAME);
	assert_string_equal(f.raw, "NK");
	memset(big, 'A', sizeof(big));
	big[0] = '$';
	assert_int_equal(feed(&r, big, sizeof(big), &f), RAPI_BAD);
	assert_int_equal(feed(&r, "\r$OK^20\r", 8, &f), RAPI_FRAME);
}

static void words_and_numbers(void **state)
{
	struct rapi_frame f, copy;
	int64_t v;
	uint32_t x;

	(void)state;
	assert_int_equal(read_text("$OK  SIMEVS00000001^36\r", &f), RAPI_FRAME);
	assert_int_equal(f.words, 2);
	assert_string_equal(f.word[1], "SIMEVS00000001");
	assert_string_equal(f.word[2], "");
	assert_string_equal(f.word[RAPI_WORDS_MAX - 1], "");
	rapi_frame_copy(&copy, &f);
	memset(&f, 0, sizeof(f));
	assert_string_equal(copy.word[1], "SIMEVS00000001");
	assert_true(rapi_dec("-2560", &v) && v == -2560);
	assert_true(rapi_dec("0", &v) && v == 0);
	assert_false(rapi_dec("", &v) || rapi_dec("-", &v) || rapi_dec("1a", &v));
	assert_false(rapi_dec("1234567890123456", &v));
	assert_true(rapi_hex("fE", &x) && x == 0xfe);
	assert_false(rapi_hex("", &x) || rapi_hex("g", &x) || rapi_hex("123456789", &x));
	assert_true(!rapi_is_notice(&copy) && rapi_is_answer(&copy));
	assert_int_equal(read_text("$AT 03 03 6 0540^06\r", &f), RAPI_FRAME);
	assert_true(rapi_is_notice(&f) && !rapi_is_answer(&f));
}

/* No single changed bit passes as the frame that was sent, or as another with checksum. */
static void a_changed_bit_is_seen(void **state)
{
	char frame[RAPI_FRAME_MAX + 2], bent[RAPI_FRAME_MAX + 2];
	struct rapi_frame f;
	size_t n;

	(void)state;
	n = rapi_frame_text(frame, "OK 03 6 03 0540", 0xA7);
	assert_int_equal(read_text(frame, &f), RAPI_FRAME);
	for (size_t i = 0; i < n - 1; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct rapi_reader r = {0};

			memcpy(bent, frame, n);
			bent[i] = (char)(bent[i] ^ (1 << bit));
			/* The case of a digit of the checksum says nothing. */
			if (i > n - 4 && (bent[i] | 0x20) == (frame[i] | 0x20))
				continue;
			if (feed(&r, bent, n, &f) == RAPI_FRAME && f.checked)
				fail_msg("byte %zu bit %d: '%s'", i, bit, f.raw);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_frames_are_read),
		cmocka_unit_test(commands_are_built),
		cmocka_unit_test(both_checksums_are_read),
		cmocka_unit_test(what_is_no_frame_is_left),
		cmocka_unit_test(words_and_numbers),
		cmocka_unit_test(a_changed_bit_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
