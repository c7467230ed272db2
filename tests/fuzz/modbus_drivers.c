/*
 * Any registers behind the Modbus drivers: each request is answered by a good frame
 * of the input's bytes.  No driver writes what must never be written (a current
 * between pause and 6 A, Mennekes' 0 that is no limit), takes longer than a call
 * may, or sets a reading that no device has.
 */
#include "core/base/compat.h"

#include "drivers/driver.h"
#include "drivers/modbus.h"
#include "tests/crc16.h"
#include "tests/drvtest.h"
#include "tests/fuzz/fuzz.h"

extern const struct drv_driver drv_heidelberg, drv_abb, drv_mennekes, drv_sdm;
static const struct drv_driver *const drivers[] = {&drv_heidelberg, &drv_abb, &drv_mennekes,
						   &drv_sdm};

static struct {
	const uint8_t *data;
	size_t n;
	const struct drv_driver *driver;
} in;

static uint8_t next(void)
{
	if (!in.n)
		return 0;
	in.n--;
	return *in.data++;
}

static void check_write(uint16_t addr, const uint8_t *v, size_t n)
{
	uint32_t u16 = (uint32_t)v[0] << 8 | v[1];
	uint32_t u32 = n >= 4 ? u16 << 16 | (uint32_t)v[2] << 8 | v[3] : 0;
	int64_t high = -1, low = -1;

	FUZZ_CHECK(in.driver != &drv_sdm);
	if (in.driver == &drv_heidelberg && (addr == 261 || addr == 262))
		FUZZ_CHECK(!u16 || (u16 >= 60 && u16 <= 320));
	if (in.driver == &drv_abb && addr == 0x4100)
		FUZZ_CHECK(n == 4 && (!u32 || (u32 >= 6000 && u32 <= 80000)));
	if (in.driver == &drv_mennekes && addr == 0x073A)
		FUZZ_CHECK(u16 <= 1 || (u16 >= 6 && u16 <= 32));
	if (in.driver == &drv_mennekes && addr == 0x0302) {
		FUZZ_CHECK(n == 4);
		(void)drv_f32_scaled(u32, 3, &high);
		(void)drv_f32_scaled(u32 << 16 | u32 >> 16, 3, &low);
		FUZZ_CHECK((high >= 6000 && high <= 32000) || (low >= 6000 && low <= 32000));
	}
}

/* A good answer to a good request; every eighth time something else. */
static void peer(struct drv_link *l, const uint8_t *q, size_t n)
{
	uint8_t out[260], mood = next();
	uint16_t addr = (uint16_t)(q[2] << 8 | q[3]), crc;
	size_t len = 6;

	FUZZ_CHECK(n >= 8 && !crc16(q, n));
	memcpy(out, q, 6);
	if (q[1] == 3 || q[1] == 4) {
		len = 3 + 2u * q[5];
		out[2] = (uint8_t)(2 * q[5]);
		for (size_t i = 3; i < len; i++)
			out[i] = next();
	} else {
		check_write(addr, q[1] == 6 ? q + 4 : q + 7, q[1] == 6 ? 2 : q[6]);
	}
	if (mood == 0xF1) {
		out[1] |= 0x80;
		out[2] = next();
		len = 3;
	} else if (mood == 0xF2) {
		return;
	}
	crc = crc16(out, len);
	out[len++] = (uint8_t)crc;
	out[len++] = (uint8_t)(crc >> 8);
	if (mood == 0xF3)
		out[3] ^= 1;
	mem_push(l, 5, out, len);
}

static void check_readings(const struct drv_device *d)
{
	int64_t limit = mkt_reading_or(&d->r, MKT_R_CURRENT_LIMIT, 0);
	int64_t vehicle = mkt_reading_or(&d->r, MKT_R_VEHICLE, 0);
	int64_t phases = mkt_reading_or(&d->r, MKT_R_PHASES, 1);

	FUZZ_CHECK(limit >= 0);
	FUZZ_CHECK(vehicle >= 0 && vehicle < MKT_VEHICLES);
	FUZZ_CHECK(phases >= 0 && phases <= 3);
	FUZZ_CHECK(mkt_reading_or(&d->r, MKT_R_ENERGY_IMPORT, 0) >= 0);
	FUZZ_CHECK(mkt_reading_or(&d->r, MKT_R_ENERGY_STEP, 1) >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int32_t asks[] = {0, 1, 5999, 6000, 7450, 16000, 32000, 100000, -1};
	struct mkt_identity id;
	struct dut t;
	int32_t got;

	if (size < 2)
		return 0;
	mem_reset(false);
	mem.peer = peer;
	in.driver = drivers[data[0] % MKT_ARRAY_SIZE(drivers)];
	in.data = data + 2;
	in.n = size - 2;
	dut_init(&t, in.driver);
	t.conf.exit = in.driver == &drv_abb ? MKT_EXIT_PAUSE : (enum mkt_exit_state)(data[1] % 3);
	if (data[1] & 0x80)
		(void)in.driver->probe(&mem, &t.conf, &id, &t.err);
	if (dut_open(&t) < 0) {
		FUZZ_CHECK(t.err.text[0]);
		return 0;
	}
	for (int i = 0; i < 3; i++) {
		(void)dut_poll(&t);
		check_readings(&t.d);
		if (in.driver->keepalive)
			(void)in.driver->keepalive(&t.d, &t.err);
		(void)dut_set(&t, data[1] & 0x40 ? MKT_SET_POWER : MKT_SET_CURRENT,
			      asks[next() % MKT_ARRAY_SIZE(asks)], &got);
		check_readings(&t.d);
	}
	(void)dut_safe(&t);
	in.driver->close(&t.d);
	FUZZ_CHECK(t.longest_ms <= DRV_CALL_MAX_MS);
	return 0;
}
