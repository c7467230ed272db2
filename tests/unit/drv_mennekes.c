/* The driver of Mennekes chargers against the simulator, in virtual time. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/sim/sim_mennekes.c"

#include "tests/drvtest.h"
#include "tests/memsim.h"

extern const struct drv_driver drv_mennekes;

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

static void begin(const char *model)
{
	assert_true(mem_sim_begin(1, model, false));
	dut_init(&t, &drv_mennekes);
}

static void opened_box(const char *model)
{
	begin(model);
	if (dut_open(&t) < 0)
		fail_msg("%s", t.err.text);
}

static void end(void)
{
	drv_mennekes.close(&t.d);
	assert_true(t.longest_ms <= DRV_CALL_MAX_MS);
	mem_sim_end();
}

/* Either order of words. */
static void reads(void **state)
{
	static const char *const models[] = {"1.3", "1.3-low"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		opened_box(models[i]);
		assert_string_equal(t.d.id.serial, "134000001.00001");
		assert_string_equal(t.d.id.version, "layout 1.3, 5.33");
		assert_int_equal(dut_get(&t, MKT_R_CURRENT_MAX), 16000);
		assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 0); /* not released */
		assert_int_equal(dut_get(&t, MKT_R_WATCHDOG), 10);
		assert_int_equal(box()->failsafe, 1);
		assert_int_equal(box()->release, 0);
		assert_true(t.d.keepalive_ms <= 3333);
		mem_plug(500);
		assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 12300, &applied), 0);
		assert_int_equal(applied, 12300);
		mem_wait(3000);
		assert_int_equal(dut_poll(&t), 0);
		assert_int_equal(dut_get(&t, MKT_R_VEHICLE), MKT_VEHICLE_C);
		assert_int_equal(dut_get(&t, MKT_R_POWER), 8487);
		assert_int_equal(dut_get(&t, MKT_R_POWER_L2), 2829);
		assert_int_equal(dut_get(&t, MKT_R_CURRENT_L1), 12300);
		assert_int_equal(dut_get(&t, MKT_R_VOLTAGE_L3), 230000);
		assert_int_equal(dut_get(&t, MKT_R_TEMPERATURE), 38500);
		assert_int_equal(dut_get(&t, MKT_R_PHASES), 3);
		assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), sim_phys_import_wh(phys()));
		assert_int_equal(dut_get(&t, MKT_R_ENERGY_SESSION), sim_phys_session_wh(phys()));
		assert_int_equal(dut_get(&t, MKT_R_ENERGY_STEP), 1);
		end();
	}
	begin(NULL);
	sim_unit(&mem_sim, 1)->phys.meter_begin_wh = 100000000; /* the float32's step */
	assert_int_equal(dut_open(&t), 0);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_STEP), 8);
	end();
}

/* 0 is no limit: to pause is to withdraw the release. */
static void pauses(void **state)
{
	(void)state;
	opened_box(NULL);
	mem_plug(500);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 10000, &applied), 0);
	assert_int_equal(phys()->power_w, 6900);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), 0);
	assert_int_equal(applied, 0);
	assert_int_equal(box()->limit_ma, 10000);
	assert_int_equal(box()->release, 0);
	assert_int_equal(phys()->power_w, 0);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 5000, &applied), -MKT_EINVAL);
	assert_int_equal(box()->release, 0);
	assert_int_equal(box()->limit_ma, 10000);
	/* a limit of somebody else: none; and one that pauses */
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), 0);
	assert_true(mem_sim_do("poke", "ma=0"));
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 16000);
	assert_true(mem_sim_do("poke", "ma=3000"));
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 0);
	end();
}

/* 5 s between limits: the second waits, a pause does not. */
static void changes(void **state)
{
	uint64_t begun;

	(void)state;
	opened_box(NULL);
	mem_plug(500);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 10000, &applied), 0);
	begun = mem.now_ms;
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), 0);
	assert_true(mem.now_ms - begun < 1000);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 16000, &applied), 0);
	assert_int_equal(applied, 16000);
	assert_true(mem.now_ms - begun >= 4000 && mem.now_ms - begun < 8000);
	assert_int_equal(box()->limit_ma, 16000);
	mem_wait(6000);
	/* less is in force */
	assert_true(mem_sim_do("installed", "ma=13000"));
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 14000, &applied), 0);
	assert_int_equal(applied, 13000);
	end();
}

static void failsafe(void **state)
{
	(void)state;
	opened_box(NULL);
	mem_plug(500);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 16000, &applied), 0);
	for (int i = 0; i < 5; i++) {
		mem_wait(t.d.keepalive_ms);
		assert_int_equal(drv_mennekes.keepalive(&t.d, NULL), 0);
	}
	assert_int_equal(phys()->power_w, 11040);
	mem_wait(10100);
	assert_int_equal(phys()->power_w, 0);
	assert_int_equal(drv_mennekes.keepalive(&t.d, NULL), 0);
	mem_wait(100);
	assert_int_equal(phys()->power_w, 11040);
	end();
	begin(NULL);
	t.conf.failsafe_ma = 6000;
	assert_int_equal(dut_open(&t), 0);
	assert_int_equal(box()->failsafe, 6);
	assert_int_equal(dut_get(&t, MKT_R_FAILSAFE_CURRENT), 6000);
	end();
	begin(NULL);
	t.conf.failsafe_ma = 6500;
	assert_int_equal(dut_open(&t), -MKT_EINVAL);
	opened_box("1.2"); /* has none that could be set */
	assert_false(t.d.caps & MKT_CAP_WATCHDOG);
	assert_int_equal(dut_get(&t, MKT_R_WATCHDOG), 0);
	end();
}

static void refuses(void **state)
{
	(void)state;
	begin("1.4");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(t.err.text, "0x0104"));
	begin("2.0");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	begin(NULL);
	box()->installed_ma = 0; /* no order of words can be told */
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	begin(NULL);
	(void)snprintf(t.conf.serial, sizeof(t.conf.serial), "1");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	opened_box(NULL);
	assert_true(mem_sim_do("error", "code=12"));
	assert_int_equal(dut_poll(&t), 0);
	assert_string_equal(t.d.fault, "error code 12 (0x000c)");
	end();
}

static void safe_states(void **state)
{
	(void)state;
	opened_box(NULL);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), 0);
	t.conf.exit = MKT_EXIT_KEEP;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->release, 1);
	t.conf.exit = MKT_EXIT_PAUSE;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->release, 0);
	t.conf.exit = MKT_EXIT_AUTO;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->release, 1);
	assert_int_equal(box()->limit_ma, 16000);
	assert_int_equal(box()->failsafe, 0);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(box()->failsafe, 0);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), 0);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(box()->failsafe, 1);
	end();
}

/* The limit's write is lost with its answer: nothing is released without it. */
static void no_release_without_limit(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	if (n > 3 && bytes[1] == 16)
		return;
	mem_sim_peer(l, bytes, n);
}

static void lines(void **state)
{
	struct mkt_identity id;

	(void)state;
	opened_box(NULL);
	assert_int_equal(drv_mennekes.probe(&mem, &t.conf, &id, NULL), 1);
	mem_plug(500);
	mem.peer = no_release_without_limit;
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), -MKT_EDEVUNCONFIRMED);
	assert_int_equal(box()->release, 0);
	mem.peer = mem_sim_peer;
	mem_wait(6000);
	for (uint32_t k = 0; k < 6; k++) { /* each lost answer of a start in its turn */
		assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), 0);
		mem_wait(6000);
		mem_faults = (struct mem_faults){.silence = 1};
		assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000 + (int32_t)k * 100, &applied),
				 0);
		assert_int_equal(applied, 8000 + (int32_t)k * 100);
	}
	for (uint32_t split = 1; split < 30; split++) {
		mem_faults = (struct mem_faults){.split = split};
		assert_int_equal(dut_poll(&t), 0);
	}
	mem_faults = (struct mem_faults){.checksum = 1};
	assert_int_equal(dut_poll(&t), 0);
	mem_faults = (struct mem_faults){.silence = 1000};
	assert_int_equal(dut_poll(&t), -MKT_EDEVTIMEOUT);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), -MKT_EDEVTIMEOUT);
	assert_int_equal(drv_mennekes.probe(&mem, &t.conf, &id, NULL), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),    cmocka_unit_test(pauses),  cmocka_unit_test(changes),
		cmocka_unit_test(failsafe), cmocka_unit_test(refuses), cmocka_unit_test(safe_states),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests_name("drv_mennekes", tests, NULL, NULL);
}
