/* The driver of Eastron meters against the simulator, in virtual time. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/sim/sim_sdm.c"

#include "tests/drvtest.h"
#include "tests/memsim.h"

extern const struct drv_driver drv_sdm;

static struct dut t;

static struct sim_phys *phys(void)
{
	return &sim_unit(&mem_sim, 1)->phys;
}

static void begin(const char *model)
{
	assert_true(mem_sim_begin(2, model, false));
	phys()->meter_begin_wh = 1234567;
	dut_init(&t, &drv_sdm);
}

static void opened_meter(const char *model)
{
	begin(model);
	if (dut_open(&t) < 0)
		fail_msg("%s", t.err.text);
}

static void end(void)
{
	drv_sdm.close(&t.d);
	assert_true(t.longest_ms <= DRV_CALL_MAX_MS);
	mem_sim_end();
}

static void three_phases(void **state)
{
	(void)state;
	opened_meter(NULL);
	assert_string_equal(t.d.id.model, "SDM630");
	assert_string_equal(t.d.id.serial, "21000001");
	mem_plug(500);
	mem_wait(600000);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_POWER), 22080);
	assert_int_equal(dut_get(&t, MKT_R_POWER_L3), 7360);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_L2), 32000);
	assert_int_equal(dut_get(&t, MKT_R_VOLTAGE_L1), 230000);
	assert_int_equal(dut_get(&t, MKT_R_FREQUENCY), 50000);
	assert_int_equal(dut_get(&t, MKT_R_PHASES), 3);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), 1234567 + 22080 / 6);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_EXPORT), 1234567);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_STEP), 1);
	end();
}

static void one_phase(void **state)
{
	static const char *const models[] = {"sdm120", "sdm120-zero"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		opened_meter(models[i]);
		mem_plug(500);
		assert_int_equal(dut_poll(&t), 0);
		assert_int_equal(dut_get(&t, MKT_R_POWER), 7360);
		assert_int_equal(dut_get(&t, MKT_R_PHASES), 1);
		assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), 1234567);
		end();
	}
}

/* Clamps that point the other way: power and counters change places. */
static void turned(void **state)
{
	(void)state;
	begin(NULL);
	t.conf.meter_sign = -1;
	assert_int_equal(dut_open(&t), 0);
	mem_plug(500);
	mem_wait(600000);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_POWER), -22080);
	assert_int_equal(dut_get(&t, MKT_R_POWER_L1), -7360);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_EXPORT), 1234567 + 22080 / 6);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), 1234567);
	end();
}

static void supplies(void **state)
{
	(void)state;
	opened_meter(NULL);
	phys()->battery = true;
	phys()->discharge_max_w = 5000;
	assert_true(mem_sim_do("power", "w=3000 out=1"));
	mem_wait(60000);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_POWER), -3000);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_EXPORT), 1234567 + 50);
	end();
}

/* Counters are float32: far up they move in steps. */
static void coarse(void **state)
{
	(void)state;
	begin(NULL);
	phys()->meter_begin_wh = 300000000;
	assert_int_equal(dut_open(&t), 0);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_STEP), 32);
	end();
}

static void refuses(void **state)
{
	struct mkt_setpoint set = {.kind = MKT_SET_CURRENT}, got;
	struct mkt_identity id;

	(void)state;
	begin(NULL);
	phys()->voltage_mv = 3000;
	assert_int_equal(drv_sdm.probe(&mem, &t.conf, &id, NULL), 0);
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	begin(NULL);
	(void)snprintf(t.conf.serial, sizeof(t.conf.serial), "21000002");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	t.conf.unit = 2;
	assert_int_equal(dut_open(&t), 0);
	assert_int_equal(drv_sdm.command(&t.d, &set, &got, &t.err), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(drv_sdm.probe(&mem, &t.conf, &id, NULL), 1);
	assert_string_equal(id.serial, "21000002");
	t.conf.unit = 3;
	assert_int_equal(drv_sdm.probe(&mem, &t.conf, &id, NULL), 0);
	end();
}

static void lines(void **state)
{
	(void)state;
	opened_meter(NULL);
	for (uint32_t split = 1; split < 40; split++) {
		mem_faults = (struct mem_faults){.split = split};
		assert_int_equal(dut_poll(&t), 0);
	}
	mem_faults = (struct mem_faults){.noise = 1, .checksum = 1};
	assert_int_equal(dut_poll(&t), 0);
	mem_faults = (struct mem_faults){.silence = 1000};
	assert_int_equal(dut_poll(&t), -MKT_EDEVTIMEOUT);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_phases), cmocka_unit_test(one_phase), cmocka_unit_test(turned),
		cmocka_unit_test(supplies),	cmocka_unit_test(coarse),    cmocka_unit_test(refuses),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests_name("drv_sdm", tests, NULL, NULL);
}
