/* Physics of simulated devices: exact, the same by any steps, nothing lost. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/sim/sim.h"
#include "tests/rng.h"

#define HOUR_MS 3600000u
#define BEGIN 1700000000000u

static void charger(struct sim_phys *p)
{
	sim_phys_init(p, BEGIN);
	p->phases = 1;
	sim_phys_plug(p, 40000, 200, 32000);
}

static void constant_power_is_exact(void **state)
{
	struct sim_phys p;

	(void)state;
	charger(&p);
	sim_phys_limit(&p, 16000);
	assert_int_equal(p.power_w, 0);
	sim_phys_relay(&p, true);
	assert_int_equal(p.power_w, 3680);
	assert_int_equal(sim_phys_current_ma(&p), 16000);
	sim_phys_run(&p, BEGIN + HOUR_MS);
	assert_int_equal(p.import_mj, 3680ull * HOUR_MS);
	assert_int_equal(sim_phys_import_wh(&p), 3680);
	assert_int_equal(sim_phys_session_wh(&p), 3680);
	/* 8000 Wh and nine tenths of 3680 */
	assert_int_equal(p.stored_uj, (8000ll + 3312) * 3600000 * 1000);
	assert_int_equal(sim_phys_soc(&p), 282);
	sim_phys_run(&p, BEGIN); /* time does not go back */
	assert_int_equal(p.now_ms, BEGIN + HOUR_MS);
}

static void limits_hold(void **state)
{
	struct sim_phys p;

	(void)state;
	charger(&p);
	sim_phys_relay(&p, true);
	sim_phys_limit(&p, 5999);
	assert_int_equal(p.power_w, 0);
	sim_phys_limit(&p, 6000);
	assert_int_equal(p.power_w, 1380);
	sim_phys_limit(&p, 80000);
	assert_int_equal(p.power_w, 7360); /* the vehicle's 32 A */
	p.charge_max_w = 3300;
	sim_phys_changed(&p);
	assert_int_equal(p.power_w, 3300);
	p.phases = 3;
	p.charge_max_w = 0;
	sim_phys_changed(&p);
	assert_int_equal(p.power_w, 22080);
	sim_phys_relay(&p, false);
	assert_int_equal(p.power_w, 0);
	sim_phys_relay(&p, true);
	sim_phys_unplug(&p);
	assert_int_equal(p.power_w, 0);
}

static void charge_tapers_and_ends(void **state)
{
	struct sim_phys p;
	int32_t last;

	(void)state;
	charger(&p);
	sim_phys_relay(&p, true);
	sim_phys_limit(&p, 32000);
	last = p.power_w;
	for (int minute = 0; minute < 24 * 60; minute++) {
		sim_phys_run(&p, p.now_ms + 60000);
		assert_true(p.power_w <= last);
		if (sim_phys_soc(&p) < 800)
			assert_int_equal(p.power_w, 7360);
		else if (sim_phys_soc(&p) < 1000)
			assert_in_range(p.power_w, 736, 7360);
		last = p.power_w;
	}
	assert_int_equal(p.power_w, 0);
	/* Less than a millisecond's worth is missing. */
	assert_in_range(40000ll * 3600000 * 1000 - p.stored_uj, 0, 7360 * 1000);
}

static void a_battery_goes_both_ways(void **state)
{
	struct sim_phys p;

	(void)state;
	sim_phys_init(&p, BEGIN);
	p.battery = true;
	p.capacity_wh = 10000;
	p.charge_max_w = 3000;
	p.discharge_max_w = 2500;
	sim_phys_soc_set(&p, 500);
	sim_phys_power(&p, -9000);
	assert_int_equal(p.power_w, -2500);
	sim_phys_run(&p, BEGIN + HOUR_MS);
	assert_int_equal(sim_phys_export_wh(&p), 2500);
	assert_int_equal(sim_phys_import_wh(&p), 0);
	/* 2500 Wh out of it cost 2777.8 inside */
	assert_int_equal(p.stored_uj / 3600000000ll, 2222);
	sim_phys_run(&p, BEGIN + 10 * HOUR_MS);
	assert_int_equal(p.power_w, 0);
	assert_int_equal(sim_phys_soc(&p), 0);
	assert_int_equal(sim_phys_export_wh(&p), 4500);
	sim_phys_power(&p, 2000);
	assert_int_equal(p.power_w, 2000);
	sim_phys_power(&p, 0);
	assert_int_equal(p.power_w, 0);
}

static void a_stuck_relay_goes_on(void **state)
{
	struct sim_phys p;

	(void)state;
	charger(&p);
	sim_phys_stuck(&p, true);
	sim_phys_limit(&p, 10000);
	assert_false(sim_phys_closed(&p)); /* it sticks once it has closed */
	sim_phys_relay(&p, true);
	sim_phys_limit(&p, 0);
	sim_phys_relay(&p, false);
	assert_true(sim_phys_closed(&p));
	assert_int_equal(p.power_w, 2300);
	sim_phys_stuck(&p, false);
	assert_false(sim_phys_closed(&p));
	assert_int_equal(p.power_w, 0);
}

static void meters_roll_over_and_stand_still(void **state)
{
	struct sim_phys p;

	(void)state;
	charger(&p);
	p.meter_modulo_wh = 100000;
	p.meter_begin_wh = 99000;
	sim_phys_relay(&p, true);
	sim_phys_limit(&p, 10000);
	sim_phys_run(&p, BEGIN + HOUR_MS);
	assert_int_equal(sim_phys_import_wh(&p), 1300);
	sim_phys_stale(&p, true);
	sim_phys_run(&p, BEGIN + 2 * HOUR_MS);
	assert_int_equal(sim_phys_import_wh(&p), 1300);
	sim_phys_stale(&p, false);
	assert_int_equal(sim_phys_import_wh(&p), 3600);
}

/* ---- any controls, any steps --------------------------------------------------------------- */

static void control(struct sim_phys *p, struct rng *r)
{
	switch (rng_below(r, 9)) {
	case 0:
		sim_phys_limit(p, (uint32_t)rng_below(r, 40000));
		break;
	case 1:
		sim_phys_power(p, (int32_t)rng_below(r, 20000) - 10000);
		break;
	case 2:
		sim_phys_power(p, 0);
		break;
	case 3:
		sim_phys_relay(p, rng_below(r, 4) > 0);
		break;
	case 4:
		sim_phys_stuck(p, rng_below(r, 4) == 0);
		break;
	case 5:
		if (!p->battery && rng_below(r, 3) == 0)
			sim_phys_unplug(p);
		break;
	case 6:
		sim_phys_stale(p, rng_below(r, 2) == 0);
		break;
	default:
		p->plugged = true;
		sim_phys_changed(p);
		break;
	}
}

static void settings(struct sim_phys *p, struct rng *r)
{
	sim_phys_init(p, BEGIN + rng_below(r, 1000));
	p->battery = rng_below(r, 2);
	p->phases = (uint8_t)(1 + rng_below(r, 3));
	p->capacity_wh = 1 + (uint32_t)rng_below(r, rng_below(r, 10) ? 60000 : SIM_CAPACITY_MAX_WH);
	p->charge_max_w = (uint32_t)rng_below(r, 12000);
	p->discharge_max_w = (uint32_t)rng_below(r, 12000);
	p->efficiency = (uint16_t)(1 + rng_below(r, 1000));
	p->taper = (uint16_t)rng_below(r, 1001);
	sim_phys_soc_set(p, (uint16_t)rng_below(r, 1001));
}

static void check(const struct sim_phys *p, int64_t begin_uj)
{
	int64_t moved = (int64_t)(p->import_mj - p->export_mj) * SIM_MJ_UJ;

	assert_int_equal(moved, p->stored_uj - begin_uj + (int64_t)p->loss_uj);
	assert_true(p->stored_uj >= 0);
	assert_true(p->stored_uj <= (int64_t)p->capacity_wh * SIM_WH_MJ * SIM_MJ_UJ);
}

/* Energy is conserved to the millionth of a joule, whatever is done and when. */
static void nothing_is_lost_and_steps_do_not_matter(void **state)
{
	struct rng r = rng_start("sim_phys");

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct sim_phys fine, coarse;
		int64_t begin_uj;

		settings(&fine, &r);
		coarse = fine;
		begin_uj = fine.stored_uj;
		for (int i = 0; i < 20; i++) {
			struct rng same = r;
			uint64_t to = fine.now_ms + rng_below(&r, 1u << rng_below(&r, 24));

			rng_below(&same, 1);
			while (fine.now_ms < to) {
				uint64_t step = 1 + rng_below(&same, 1 + (to - fine.now_ms));

				sim_phys_run(&fine, fine.now_ms + step < to ? fine.now_ms + step : to);
			}
			sim_phys_run(&coarse, to);
			check(&fine, begin_uj);
			assert_int_equal(fine.import_mj, coarse.import_mj);
			assert_int_equal(fine.export_mj, coarse.export_mj);
			assert_int_equal(fine.stored_uj, coarse.stored_uj);
			assert_int_equal(fine.power_w, coarse.power_w);
			same = r;
			control(&fine, &r);
			control(&coarse, &same);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_power_is_exact),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(charge_tapers_and_ends),
		cmocka_unit_test(a_battery_goes_both_ways),
		cmocka_unit_test(a_stuck_relay_goes_on),
		cmocka_unit_test(meters_roll_over_and_stand_still),
		cmocka_unit_test(nothing_is_lost_and_steps_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
