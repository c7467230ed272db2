/* The driver of Heidelberg chargers against the simulator, in virtual time. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/sim/sim_heidelberg.c"

#include "tests/drvtest.h"
#include "tests/memsim.h"

extern const struct drv_driver drv_heidelberg;

static struct dut t;
static int32_t applied;

static struct box *box(void)
{
	return mem_sim.devices[0].priv;
}

static void begin(const char *model)
{
	assert_true(mem_sim_begin(2, model, false));
	dut_init(&t, &drv_heidelberg);
}

static void opened_box(const char *model)
{
	begin(model);
	if (dut_open(&t) < 0)
		fail_msg("%s", t.err.text);
}

static void end(void)
{
	drv_heidelberg.close(&t.d);
	assert_true(t.longest_ms <= DRV_CALL_MAX_MS);
	mem_sim_end();
}

static void opens(void **state)
{
	(void)state;
	begin(NULL);
	box()->current = 100; /* set by whoever: adopted */
	assert_int_equal(dut_open(&t), 0);
	assert_string_equal(t.d.id.model, "Energy Control");
	assert_string_equal(t.d.id.version, "layout 1.0.8, software 108");
	assert_int_equal(box()->current, 100);
	assert_int_equal(box()->standby, 4);
	assert_int_equal(box()->watchdog_ms, 14999);
	assert_int_equal(box()->failsafe, 0);
	assert_int_equal(t.d.caps, MKT_CAP_CURRENT | MKT_CAP_PAUSE | MKT_CAP_IMPORT |
					   MKT_CAP_WATCHDOG | MKT_CAP_VEHICLE);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 10000);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_MIN), 6000);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_MAX), 16000);
	assert_int_equal(dut_get(&t, MKT_R_WATCHDOG), 15);
	assert_true(t.d.keepalive_ms && t.d.keepalive_ms <= 5000);
	end();
}

static void reads(void **state)
{
	(void)state;
	opened_box(NULL);
	mem_plug(500);
	mem_wait(3000);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_VEHICLE), MKT_VEHICLE_C);
	assert_int_equal(dut_get(&t, MKT_R_POWER), 11040);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_L2), 16000);
	assert_int_equal(dut_get(&t, MKT_R_VOLTAGE_L3), 230000);
	assert_int_equal(dut_get(&t, MKT_R_TEMPERATURE), 32500);
	assert_int_equal(dut_get(&t, MKT_R_PHASES), 3);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), 9);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_STEP), 1);
	assert_int_equal(dut_get(&t, MKT_R_FAULT), 0);
	assert_int_equal(dut_get(&t, MKT_R_ENABLED), 1);
	sim_phys_unplug(&sim_unit(&mem_sim, 1)->phys);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_VEHICLE), MKT_VEHICLE_A);
	assert_true(mem_sim_do("ext-lock", "on"));
	assert_int_equal(dut_poll(&t), 0);
	assert_true(t.d.faulty);
	assert_int_equal(dut_get(&t, MKT_R_VEHICLE), MKT_VEHICLE_F);
	assert_int_equal(dut_get(&t, MKT_R_FAULT), 10);
	end();
}

/* Configured for one phase, wired with three: its energy is believed all the same. */
static void phases_by_themselves(void **state)
{
	(void)state;
	begin(NULL);
	t.conf.phases = 1;
	assert_int_equal(dut_open(&t), 0);
	mem_plug(100);
	for (int i = 0; i < 30; i++) {
		for (int k = 0; k < 15; k++) {
			mem_wait(4000);
			assert_int_equal(drv_heidelberg.keepalive(&t.d, NULL), 0);
		}
		assert_int_equal(dut_poll(&t), 0);
		/* the pass itself takes time */
		assert_in_range((uint64_t)dut_get(&t, MKT_R_ENERGY_IMPORT) + 1,
				sim_phys_import_wh(&mem_sim.devices[0].phys),
				sim_phys_import_wh(&mem_sim.devices[0].phys) + 1);
	}
	assert_int_equal(t.d.doubt[0].refused, 0);
	end();
}

static void sets(void **state)
{
	(void)state;
	opened_box(NULL);
	mem_plug(500);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 10050, &applied), 0);
	assert_int_equal(applied, 10000);
	assert_int_equal(box()->current, 100);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 5999, &applied), -MKT_EINVAL);
	assert_int_equal(box()->current, 100);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 32000, &applied), 0);
	assert_int_equal(applied, 16000);
	assert_int_equal(dut_set(&t, MKT_SET_POWER, 4600, &applied), 0);
	assert_int_equal(applied, 6600);
	assert_int_equal(dut_set(&t, MKT_SET_POWER, 2000, &applied), -MKT_EINVAL);
	assert_int_equal(dut_set(&t, MKT_SET_POWER, -2000, &applied), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(dut_set(&t, MKT_SET_MODE, MKT_MODE_AUTO, &applied), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), 0);
	assert_int_equal(applied, 0);
	assert_int_equal(dut_get(&t, MKT_R_ENABLED), 0);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 0);
	mem_wait(1000);
	assert_int_equal(sim_unit(&mem_sim, 1)->phys.power_w, 0);
	t.conf.max_ma = 10000;
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 16000, &applied), 0);
	assert_int_equal(applied, 10000);
	end();
}

/* Less than asked for is in force: told, not fought. */
static void lowered(void **state)
{
	uint32_t writes;

	(void)state;
	opened_box(NULL);
	assert_true(mem_sim_do("manager", "max=10000"));
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 16000, &applied), 0);
	assert_int_equal(applied, 10000);
	writes = mem.writes;
	for (int i = 0; i < 5; i++) {
		mem_wait(2000);
		assert_int_equal(dut_poll(&t), 0);
		assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 10000);
	}
	assert_int_equal(mem.writes, writes + 10); /* reads only */
	/* somebody else */
	assert_true(mem_sim_do("poke", "addr=261 value=80"));
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 8000);
	assert_int_equal(box()->current, 80);
	end();
}

/* What was written is lost with power: armed and ordered again. */
static void reboots(void **state)
{
	(void)state;
	opened_box(NULL);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), 0);
	assert_true(mem_sim_do("reboot", ""));
	assert_int_equal(dut_poll(&t), -MKT_EDEVTIMEOUT);
	mem_wait(3000);
	assert_int_equal(box()->current, 160);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(box()->current, 0);
	assert_int_equal(box()->watchdog_ms, 14999);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 0);
	end();
}

static void wakes(void **state)
{
	(void)state;
	begin(NULL);
	assert_true(mem_sim_do("sleep", ""));
	assert_int_equal(dut_open(&t), 0); /* the first request is lost */
	assert_int_equal(t.d.counters[DRV_TIMEOUTS], 1);
	assert_true(mem_sim_do("sleep", "")); /* it may not any more */
	mem_wait(1000);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(t.d.counters[DRV_TIMEOUTS], 1);
	end();
}

/* A driver that says nothing: the box pauses, and goes on when it is spoken to again. */
static void watchdog(void **state)
{
	(void)state;
	opened_box(NULL);
	mem_plug(500);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 16000, &applied), 0);
	for (int i = 0; i < 8; i++) {
		mem_wait(t.d.keepalive_ms);
		assert_int_equal(drv_heidelberg.keepalive(&t.d, NULL), 0);
	}
	assert_int_equal(sim_unit(&mem_sim, 1)->phys.power_w, 11040);
	mem_wait(15100);
	assert_int_equal(sim_unit(&mem_sim, 1)->phys.power_w, 0);
	assert_int_equal(dut_poll(&t), 0);
	assert_true(t.d.faulty);
	mem_wait(5000);
	assert_int_equal(dut_poll(&t), 0);
	assert_false(t.d.faulty);
	assert_int_equal(sim_unit(&mem_sim, 1)->phys.power_w, 11040);
	end();
}

static void failsafe(void **state)
{
	(void)state;
	begin(NULL);
	t.conf.failsafe_ma = 6000;
	t.conf.watchdog_s = 30;
	assert_int_equal(dut_open(&t), 0);
	assert_int_equal(box()->failsafe, 60);
	assert_int_equal(dut_get(&t, MKT_R_FAILSAFE_CURRENT), 6000);
	assert_int_equal(dut_get(&t, MKT_R_WATCHDOG), 30);
	mem_plug(500);
	mem_wait(31000);
	assert_int_equal(sim_unit(&mem_sim, 1)->phys.power_w, 6 * 230 * 3);
	end();
	begin(NULL);
	t.conf.failsafe_ma = 3000;
	assert_int_equal(dut_open(&t), -MKT_EINVAL);
	t.conf.failsafe_ma = 0;
	t.conf.watchdog_s = 66;
	assert_int_equal(dut_open(&t), -MKT_EINVAL);
	assert_int_equal(mem.writes, 0);
}

static void unlocks(void **state)
{
	(void)state;
	opened_box(NULL);
	box()->lock = 0;
	assert_int_equal(dut_poll(&t), 0);
	assert_false(t.d.faulty);
	assert_int_equal(dut_get(&t, MKT_R_CURRENT_LIMIT), 0);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), 0);
	assert_int_equal(applied, 8000);
	assert_int_equal(box()->lock, 1);
	box()->lock = 0;
	assert_true(mem_sim_do("ext-lock", "on"));
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), -MKT_EDEVREFUSED);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), 0);
	end();
}

static void layouts(void **state)
{
	(void)state;
	begin("2.0.0");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(t.err.text, "0x0200"));
	begin("1.0.9");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY);
	opened_box("1.0.6"); /* reads, takes no current */
	assert_int_equal(t.d.caps, MKT_CAP_VEHICLE | MKT_CAP_READ_ONLY);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_ENERGY_IMPORT), INT64_MIN);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(dut_safe(&t), 0);
	end();
	begin(NULL);
	(void)snprintf(t.conf.serial, sizeof(t.conf.serial), "123");
	assert_int_equal(dut_open(&t), -MKT_EDEVIDENTITY); /* it tells none */
	assert_int_equal(box()->standby, 0);		    /* nothing was written */
	begin(NULL);
	box()->singly = true; /* 258 and 260 cannot be read */
	assert_int_equal(dut_open(&t), 0);
	assert_int_equal(dut_poll(&t), 0);
	assert_int_equal(dut_get(&t, MKT_R_WATCHDOG), 15);
	end();
}

static void safe_states(void **state)
{
	(void)state;
	opened_box(NULL);
	t.conf.exit = MKT_EXIT_KEEP;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->current, 160);
	t.conf.exit = MKT_EXIT_PAUSE;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->current, 0);
	t.conf.exit = MKT_EXIT_AUTO;
	assert_int_equal(dut_safe(&t), 0);
	assert_int_equal(box()->current, 160);
	assert_int_equal(box()->watchdog_ms, 0);
	assert_int_equal(dut_poll(&t), 0); /* not armed again by itself */
	assert_int_equal(box()->watchdog_ms, 0);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), 0);
	assert_int_equal(box()->watchdog_ms, 14999);
	end();
}

static void probes(void **state)
{
	struct mkt_identity id = {0};

	(void)state;
	begin(NULL);
	assert_int_equal(drv_heidelberg.probe(&mem, &t.conf, &id, &t.err), 1);
	assert_string_equal(id.maker, "Heidelberg");
	t.conf.unit = 2;
	assert_int_equal(drv_heidelberg.probe(&mem, &t.conf, &id, &t.err), 1);
	t.conf.unit = 3;
	assert_int_equal(drv_heidelberg.probe(&mem, &t.conf, &id, &t.err), 0);
	mem.lost = true;
	assert_int_equal(drv_heidelberg.probe(&mem, &t.conf, &id, &t.err), -MKT_EDEVLOST);
}

/* Whatever the line does once or for a while: no wrong value, no wrong state, and it goes on. */
static void lines(void **state)
{
	(void)state;
	opened_box(NULL);
	mem_plug(500);
	for (uint32_t split = 1; split < 40; split++) {
		mem_faults.split = split;
		assert_int_equal(dut_poll(&t), 0);
	}
	mem_faults = (struct mem_faults){.noise = 1};
	assert_int_equal(dut_poll(&t), 0);
	mem_faults = (struct mem_faults){.checksum = 1};
	assert_int_equal(dut_poll(&t), 0);
	mem_faults = (struct mem_faults){.half = 1};
	assert_int_equal(dut_poll(&t), 0);
	mem_faults = (struct mem_faults){.stranger = 1};
	assert_int_equal(dut_poll(&t), 0);
	mem_faults = (struct mem_faults){.busy = 1};
	assert_int_equal(dut_poll(&t), 0);
	/* the answer to a write is lost, the write is not */
	mem_faults = (struct mem_faults){.silence = 1};
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 8000, &applied), 0);
	assert_int_equal(applied, 8000);
	mem_faults = (struct mem_faults){.checksum = 1000};
	assert_int_equal(dut_poll(&t), -MKT_EDEVFRAME);
	assert_int_equal(dut_set(&t, MKT_SET_CURRENT, 0, &applied), -MKT_EDEVFRAME);
	mem_faults = (struct mem_faults){.late_ms = 750};
	assert_int_equal(dut_poll(&t), -MKT_EDEVTIMEOUT);
	mem_faults = (struct mem_faults){.silence = 1000};
	assert_int_equal(dut_poll(&t), -MKT_EDEVTIMEOUT);
	assert_int_equal(dut_get(&t, MKT_R_POWER), 11040); /* as it was read last */
	mem_faults = (struct mem_faults){0};
	assert_int_equal(dut_poll(&t), 0);
	mem.lost = true;
	assert_int_equal(dut_poll(&t), -MKT_EDEVLOST);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens),    cmocka_unit_test(reads),   cmocka_unit_test(sets),
		cmocka_unit_test(phases_by_themselves),
		cmocka_unit_test(lowered),  cmocka_unit_test(reboots), cmocka_unit_test(wakes),
		cmocka_unit_test(watchdog), cmocka_unit_test(failsafe), cmocka_unit_test(unlocks),
		cmocka_unit_test(layouts),  cmocka_unit_test(safe_states), cmocka_unit_test(probes),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests_name("drv_heidelberg", tests, NULL, NULL);
}
