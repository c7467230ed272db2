/*
 * The slave framing of simulated Modbus devices: worked frames, what is no frame,
 * units, broadcasts, exceptions.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/sim/rtu.h"

/* ---- what drivers/sim/main.c has ------------------------------------------------------------ */

struct sim {
	struct sim_device devices[2];
	bool tcp, busy, stranger;
	uint8_t sent[1024];
	size_t nsent, frames;
	uint16_t reg[16]; /* holding, from 0x0100 on; of both units */
	uint32_t heard;
};

static struct sim sim;

struct sim_device *sim_unit(struct sim *s, uint16_t unit)
{
	for (size_t i = 0; i < 2; i++)
		if (!unit || s->devices[i].unit == unit)
			return &s->devices[i];
	return NULL;
}

uint32_t sim_count(const struct sim *s)
{
	(void)s;
	return 2;
}

struct sim_device *sim_at(struct sim *s, uint32_t i)
{
	return i < 2 ? &s->devices[i] : NULL;
}

bool sim_is_tcp(const struct sim *s)
{
	return s->tcp;
}

bool sim_fault(struct sim *s, const struct sim_device *d, const char *kind, uint32_t *arg)
{
	(void)d;
	(void)arg;
	return strcmp(kind, "busy") ? s->stranger : s->busy;
}

void sim_send(struct sim *s, const struct sim_device *d, const void *frame, size_t n)
{
	(void)d;
	assert_true(s->nsent + n <= sizeof(s->sent));
	memcpy(s->sent + s->nsent, frame, n);
	s->nsent += n;
	s->frames++;
}

/* ---- a device of 16 registers ---------------------------------------------------------------- */

static int regs_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		     uint16_t *out)
{
	(void)d;
	if (!holding || addr < 0x100 || addr + n > 0x110)
		return SIM_RTU_ADDRESS;
	memcpy(out, s->reg + addr - 0x100, 2u * n);
	return 0;
}

static int regs_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		      const uint16_t *values)
{
	(void)d;
	(void)single;
	if (addr < 0x100 || addr + n > 0x110)
		return SIM_RTU_ADDRESS;
	memcpy(s->reg + addr - 0x100, values, 2u * n);
	return 0;
}

static bool regs_heard(struct sim *s, struct sim_device *d, uint64_t real_ms)
{
	(void)d;
	(void)real_ms;
	s->heard++;
	return true;
}

static const struct sim_rtu_calls calls = {regs_read, regs_write, regs_heard};
static struct sim_rtu rtu;

static size_t unhex(const char *s, uint8_t *out)
{
	size_t n = 0;

	for (; s[0] && s[1]; s += 2 + (s[2] == ' '))
		out[n++] = (uint8_t)strtoul((char[]){s[0], s[1], 0}, NULL, 16);
	return n;
}

/* All at once, and byte by byte: the same answer. */
static void exchange(const char *request, const char *answer)
{
	uint8_t in[512], want[512];
	size_t n = unhex(request, in), nwant = unhex(answer, want);

	for (int bytewise = 0; bytewise < 2; bytewise++) {
		sim.nsent = sim.frames = 0;
		if (bytewise)
			for (size_t i = 0; i < n; i++)
				sim_rtu_input(&rtu, &sim, &calls, in + i, 1, 0);
		else
			sim_rtu_input(&rtu, &sim, &calls, in, n, 0);
		assert_int_equal(sim.nsent, nwant);
		assert_memory_equal(sim.sent, want, nwant);
	}
}

static int fresh(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof(sim));
	sim.devices[0].unit = 1;
	sim.devices[1].unit = 2;
	sim.reg[1] = 15000; /* 257 */
	sim.reg[5] = 100;   /* 261 */
	sim_rtu_opened(&rtu);
	return 0;
}

static void frames(void **state)
{
	(void)state;
	exchange("01 03 01 01 00 01 D4 36", "01 03 02 3A 98 AB 4E");
	exchange("01 03 01 05 00 01 95 F7", "01 03 02 00 64 B9 AF");
	exchange("01 06 01 05 00 A0 98 4F", "01 06 01 05 00 A0 98 4F");
	assert_int_equal(sim.reg[5], 160);
	exchange("01 10 01 05 00 01 02 00 00 B6 C5", "01 10 01 05 00 01 10 34");
	assert_int_equal(sim.reg[5], 0);
	exchange("01 10 01 05 00 01 02 00 A0 B6 BD", "01 10 01 05 00 01 10 34");
	exchange("01 04 00 04 00 0F F1 CF", "01 84 02 C2 C1");
}

static void no_frames(void **state)
{
	(void)state;
	exchange("01 03 01 01 00 01 D4 37", "");			 /* wrong CRC */
	exchange("01 03 01 01 00 01 D4 36", "01 03 02 3A 98 AB 4E"); /* found behind it */
	exchange("FF 00 01 01 03 01 01 00 01 D4 36", "01 03 02 3A 98 AB 4E");
	exchange("09 03 01 01 00 01 D5 FE", ""); /* nobody there */
	exchange("01 10 01 05 00 01 FF 00 00 00 00", "");
	assert_int_equal(sim.reg[5], 100);
}

static void exceptions(void **state)
{
	uint8_t f[8] = {1, 5, 0, 0, 0xFF, 0};
	uint16_t crc = sim_rtu_crc(f, 6);

	(void)state;
	f[6] = (uint8_t)crc;
	f[7] = (uint8_t)(crc >> 8);
	sim_rtu_input(&rtu, &sim, &calls, f, 8, 0);
	assert_int_equal(sim.nsent, 5);
	assert_int_equal(sim.sent[1], 0x85);
	assert_int_equal(sim.sent[2], SIM_RTU_FUNCTION);
	sim.busy = true;
	exchange("01 04 00 34 00 02 30 05", "01 84 06 C3 02");
	sim.busy = false;
	sim.stranger = true;
	exchange("01 04 00 34 00 02 30 05", "02 04 00 34 00 02 30 36");
}

/* Unit 0 is all of them, and none answers. */
static void broadcast(void **state)
{
	uint8_t f[8] = {0, 6, 1, 5, 0, 60};
	uint16_t crc = sim_rtu_crc(f, 6);

	(void)state;
	f[6] = (uint8_t)crc;
	f[7] = (uint8_t)(crc >> 8);
	sim_rtu_input(&rtu, &sim, &calls, f, 8, 0);
	assert_int_equal(sim.nsent, 0);
	assert_int_equal(sim.reg[5], 60);
}

static void tcp(void **state)
{
	(void)state;
	sim.tcp = true;
	exchange("00 07 00 00 00 06 01 03 01 05 00 01", "00 07 00 00 00 05 01 03 02 00 64");
	exchange("00 08 00 00 00 09 02 10 01 05 00 01 02 00 A0",
		 "00 08 00 00 00 06 02 10 01 05 00 01");
	assert_int_equal(sim.reg[5], 160);
	exchange("00 09 00 00 00 06 01 03 00 00 00 01", "00 09 00 00 00 03 01 83 02");
	exchange("00 0A 00 00 00 06 09 03 01 05 00 01", ""); /* nobody there */
	exchange("00 0B 00 00 00 08 01 10 01 05 00 01 02 00", ""); /* its count does not fit */
	exchange("00 0C 12 34 00 06", ""); /* another protocol */
	exchange("00 07 00 00 00 06 01 03 01 05 00 01", "00 07 00 00 00 05 01 03 02 00 A0");
}

static void versions(void **state)
{
	uint8_t v[3];

	(void)state;
	assert_string_equal(sim_rtu_version("1.0.8", 3, v), "");
	assert_true(v[0] == 1 && v[1] == 0 && v[2] == 8);
	assert_string_equal(sim_rtu_version("1.3-low", 2, v), "-low");
	assert_null(sim_rtu_version("", 1, v));
	assert_null(sim_rtu_version("1.", 2, v));
	assert_null(sim_rtu_version("256", 1, v));
	assert_null(sim_rtu_version("1x2", 2, v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(frames, fresh),	   cmocka_unit_test_setup(no_frames, fresh),
		cmocka_unit_test_setup(exceptions, fresh), cmocka_unit_test_setup(broadcast, fresh),
		cmocka_unit_test_setup(tcp, fresh),	   cmocka_unit_test_setup(versions, fresh),
	};

	return cmocka_run_group_tests_name("sim_rtu", tests, NULL, NULL);
}
