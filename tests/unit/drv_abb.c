/* The driver of ABB Terra AC chargers against the simulator, in virtual time. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/sim/sim_abb.c"

#include "tests/drvtest.h"
#include "tests/memsim.h"

extern const struct drv_driver drv_abb;

static struct dut t;
static int32_t applied;

static struct box *box(void)
{
	return mem_sim.devices[0].priv;
}

static struct sim_phys *phys(void)
{
	return &sim_unit(&mem_sim, 1)->phys;
}

static void begin(const char *model, bool tcp)
{
	assert_true(mem_sim_begin(1, model, tcp));
	dut_init(&t, &drv_abb);
}

static void opened_box(bool tcp)
{
	begin(NULL, tcp);
	if (dut_open(&t) < 0)
		fail_msg("%s", t.err.text);
}

static void end(void)
{
	drv_abb.close(&t.d);
	assert_true(t.longest_ms <= DRV_CALL_MAX_MS);
	mem_sim_end();
}

static void reads(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		opened_box(tcp != 0);
		assert_string_equal(t.d.id.serial, "TACW0001");
		assert_string_equal(t.d.id.version, "1.6.5");
		assert_int_equal(dut_get(&t, MKT_R_WATCHDOG), 60);
		assert_int_equal(dut_get(&t, MKT_R_CURRENT_MAX), 32000);
		assert_int_equal(t.d.keepalive_ms, 20000);
		assert_int_equal(box()->set_ma, 32000); /* adopted */
		mem_plug(500);
		mem_wait(3000);
		assert_int_equal(dut_poll(&t), 0);
		assert_int_equal(dut_get(&t, MKT_R_VEHICLE), MKT_VEHICLE_C);
		assert_int_equal(dut_get(&t, MKT_R_POWER), 22080);
		assert_int_equal(dut_get(&t, MKT_R_CURRENT_L3), 32000);
		assert_int_equal(dut_get(&t, MKT_R_VOLTAGE_L1), 230000);
		assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), 18);
		assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 32000);
		end();
	}
}

static void states(void **state)
{
	static const struct {
		uint32_t state, socket;
		enum mkt_dev_vehicle vehicle;
	} rows[] = {
		{0x0000, 0, MKT_VEHICLE_A},	 {0x0100, 0x111, MKT_VEHICLE_B},
		{0x0200, 0x111, MKT_VEHICLE_B},	 {0x0400, 0x111, MKT_VEHICLE_C},
		{0x8300, 0x111, MKT_VEHICLE_C},	 {0x8400, 0x111, MKT_VEHICLE_C},
		{0x0500, 0x101, MKT_VEHICLE_B},	 {0x8500, 0x001, MKT_VEHICLE_A},
		{0x0600, 0x111, MKT_VEHICLE_UNKNOWN},
	};

	(void)state;
	opened_box(false);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		uint16_t r[24] = {[2] = 0, [3] = (uint16_t)rows[i].socket,
				  [5] = (uint16_t)rows[i].state};
		uint8_t frame[64] = {1, 3, 48};
		uint16_t crc;

		for (int k = 0; k < 24; k++) {
			frame[3 + 2 * k] = (uint8_t)(r[k] >> 8);
			frame[4 + 2 * k] = (uint8_t)r[k];
		}
		crc = sim_rtu_crc(frame, 51);
		frame[51] = (uint8_t)crc;
		frame[52] = (uint8_t)(crc >> 8);
		mem.peer = NULL;
		mem_push(&mem, 1, frame, 53);
		/* the first answer of a pass is this, the second the timeout's */
		mem.now_ms--;
		mem_push(&mem, 30, "\x01\x03\x02\x00\x3C\xB8\x55", 7);
		mem.now_ms -= 1;
		assert_int_equal(dut_poll(&t), 0);
		assert_int_equal(dut_get(&t, MKT_R_VEHICLE), rows[i].vehicle);
	}
	end();
}

static void sets(void **state)
{
	uint64_t begun;

	(void)state;
	opened_box(false);
	mem_plug(500);
	begun = mem.now_ms;
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 16000, &applied), 0);
	assert_int_equal(applied, 16000);
	assert_true(mem.now_ms - begun >= 2000); /* in force, not only written */
	assert_int_equal(phys()->power_w, 11040);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), 0);
	assert_int_equal(applied, 0);
	assert_int_equal(phys()->power_w, 0);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 3000, &applied), -MKT_EINVAL);
	assert_int_equal(box()->set_ma, 0);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 40000, &applied), 0);
	assert_int_equal(applied, 32000);
	assert_true(mem_sim_do("manager", "max=10000"));
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 16000, &applied), 0);
	assert_int_equal(applied, 10000);
	assert_true(mem_sim_do("slow", "ms=60000")); /* it never does */
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), -MKT_EDEVUNCONFIRMED);
	end();
}

/* Sessions begin at 0, energy.import goes on. */
static void sessions(void **state)
{
	int64_t before;

	(void)state;
	begin(NULL, false);
	t.conf.watchdog_s = 900;
	assert_int_equal(dut_open(&t), 0);
	mem_plug(200);
	mem_wait(600000);
	assert_int_equal(dut_poll(&t), 0);
	before = dut_get(&t, MKT_R_ENERGY_IMPORT);
	assert_int_equal(before, dut_get(&t, MKT_R_ENERGY_SESSION));
	assert_true(before > 3600);
	sim_phys_unplug(phys());
	mem_plug(200);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_SESSION), 0);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), before);
	mem_wait(10000);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT),
			 before + dut_get(&t, MKT_R_ENERGY_SESSION));
	end();
}

static void watchdog(void **state)
{
	(void)state;
	begin(NULL, false);
	t.conf.watchdog_s = 30;
	assert_int_equal(dut_open(&t), 0);
	assert_int_equal(box()->timeout_s, 30);
	mem_plug(500);
	mem_wait(29000);
	assert_int_equal(drv_abb.keepalive(&t.d, NULL), 0);
	mem_wait(29000);
	assert_int_equal(phys()->power_w, 22080);
	mem_wait(2000);
	assert_int_equal(phys()->power_w, 0);
	assert_int_equal(dut_poll(&t), 0);
	assert_true(mem_sim_do("reboot", ""));
	mem_wait(3000);
	assert_int_equal(box()->timeout_s, 60);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(box()->timeout_s, 30);
	end();
	begin(NULL, false);
	t.conf.failsafe_ma = 6000;
	assert_int_equal(dut_open(&t), -MKT_EINVAL);
	assert_int_equal(mem.writes, 0);
}

static void refuses(void **state)
{
	(void)state;
	begin("2.0.1", false);
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(t.err.text, "firmware 2.0.1"));
	begin(NULL, false);
	(void)snprintf(t.conf.serial, sizeof(t.conf.serial), "TACW9999");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	opened_box(false);
	assert_true(mem_sim_do("error", "code=7"));
	assert_int_equal(dut_poll(&t), 0);
	assert_true(t.d.faulty);
	assert_string_equal(t.d.fault, "error code 7");
	end();
}

static void safe_states(void **state)
{
	(void)state;
	opened_box(false);
	t.conf.exit = MKT_EXIT_KEEP;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->set_ma, 32000);
	t.conf.exit = MKT_EXIT_PAUSE;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->force_ma, 0);
	end();
	begin(NULL, false);
	t.conf.exit = MKT_EXIT_AUTO;
	assert_int_equal(dut_open(&t), -MKT_EINVAL);
}

static void lines(void **state)
{
	struct mkt_identity id;

	(void)state;
	opened_box(false);
	assert_int_equal(drv_abb.probe(&mem, &t.conf, &id, NULL), 1);
	assert_string_equal(id.model, "Terra AC");
	mem_faults = (struct mem_faults){.silence = 1};
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), 0);
	assert_int_equal(applied, 8000);
	mem_faults = (struct mem_faults){.checksum = 1};
	assert_int_equal(dut_poll(&t), 0);
	mem_faults = (struct mem_faults){.silence = 1000};
	assert_int_equal(dut_poll(&t), -MKT_EDEVTIMEOUT);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), -MKT_EDEVTIMEOUT);
	assert_int_equal(drv_abb.probe(&mem, &t.conf, &id, NULL), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),    cmocka_unit_test(states),	cmocka_unit_test(sets),
		cmocka_unit_test(sessions), cmocka_unit_test(watchdog), cmocka_unit_test(refuses),
		cmocka_unit_test(safe_states), cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests_name("drv_abb", tests, NULL, NULL);
}
