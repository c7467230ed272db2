/*
 * Any bytes at the simulators' Modbus framing, in pieces.  Each answer is a good
 * frame; one device's registers are read and written within their bounds only.
 */
#include "core/base/compat.h"

#include "drivers/sim/rtu.h"
#include "tests/fuzz/fuzz.h"

struct sim {
	struct sim_device device;
	bool tcp;
	size_t asked, answered;
	uint64_t sum; /* of what was written: it was all there */
};

static struct sim sim;

struct sim_device *sim_unit(struct sim *s, uint16_t unit)
{
	return unit <= 1 ? &s->device : NULL;
}

uint32_t sim_count(const struct sim *s)
{
	(void)s;
	return 1;
}

struct sim_device *sim_at(struct sim *s, uint32_t i)
{
	return i ? NULL : &s->device;
}

bool sim_is_tcp(const struct sim *s)
{
	return s->tcp;
}

bool sim_fault(struct sim *s, const struct sim_device *d, const char *kind, uint32_t *arg)
{
	(void)s;
	(void)d;
	(void)kind;
	(void)arg;
	return false;
}

void sim_send(struct sim *s, const struct sim_device *d, const void *frame, size_t n)
{
	const uint8_t *p = frame;

	FUZZ_CHECK(d == &s->device);
	FUZZ_CHECK(n >= 5 && n <= SIM_RTU_MAX);
	FUZZ_CHECK(s->tcp ? n == 6 + ((size_t)p[4] << 8 | p[5]) : !sim_rtu_crc(p, n));
	s->answered++;
}

static int fuzz_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		     uint16_t *out)
{
	(void)s;
	(void)d;
	(void)holding;
	FUZZ_CHECK(n >= 1 && n <= 125 && addr + n <= 0x10000);
	memset(out, 0x5A, 2u * n);
	return addr % 16 == 15 ? SIM_RTU_ADDRESS : 0;
}

static int fuzz_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		      const uint16_t *values)
{
	(void)d;
	FUZZ_CHECK(n >= 1 && n <= 125 && addr + n <= 0x10000 && (!single || n == 1));
	for (uint16_t i = 0; i < n; i++)
		s->sum += values[i];
	return 0;
}

static bool fuzz_heard(struct sim *s, struct sim_device *d, uint64_t real_ms)
{
	(void)d;
	(void)real_ms;
	s->asked++;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sim_rtu_calls calls = {fuzz_read, fuzz_write, fuzz_heard};
	uint8_t frame[300];
	struct sim_rtu rtu;
	size_t step, n;

	if (size < 2)
		return 0;
	memset(&sim, 0, sizeof(sim));
	sim.device.unit = 1;
	sim.tcp = data[0] & 1;
	step = 1u + (data[0] >> 1);
	sim_rtu_opened(&rtu);
	for (size_t at = 1; at < size; at += n) {
		n = size - at < step ? size - at : step;
		memcpy(frame, data + at, n);
		if (!sim.tcp && n > 2 && (data[at] & 0x40)) { /* nobody guesses a CRC */
			uint16_t crc;

			frame[0] &= 1;
			crc = sim_rtu_crc(frame, n - 2);
			frame[n - 2] = (uint8_t)crc;
			frame[n - 1] = (uint8_t)(crc >> 8);
		}
		sim_rtu_input(&rtu, &sim, &calls, frame, n, 0);
		FUZZ_CHECK(rtu.n < sizeof(rtu.buf));
	}
	FUZZ_CHECK(sim.answered == sim.asked);
	return 0;
}
