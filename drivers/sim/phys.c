/*
 * Vehicle, battery and meter: integration in integers.
 *
 * Between boundaries power is constant: W times ms are the thousandths of a
 * joule that the meter counts.  Boundaries are where power changes by itself: the
 * battery full or empty, the taper reached, and within the taper each whole
 * second of the calendar.  They depend on what has flowed only, so the result
 * does not depend on how often sim_phys_run() is called.
 */
#include "core/base/compat.h"

#include "drivers/sim/sim.h"

#define STEP_MAX_MS 1000000u /* power, time and efficiency multiplied fit 64 bits */
#define POWER_MAX_W 10000000 /* no device here has more */
#define FULL_UJ (WH_UJ / 10)  /* what the last millisecond of charging leaves over */
#define WH_UJ ((int64_t)SIM_WH_MJ * SIM_MJ_UJ)

static int64_t capacity_uj(const struct sim_phys *p)
{
	return (int64_t)p->capacity_wh * WH_UJ;
}

static int64_t taper_uj(const struct sim_phys *p)
{
	return capacity_uj(p) / 1000 * p->taper;
}

static int32_t watts(const struct sim_phys *p, uint32_t ma)
{
	uint64_t w = (uint64_t)p->voltage_mv * ma / 1000000 * p->phases;

	w += (uint64_t)p->voltage_mv * ma % 1000000 * p->phases / 1000000;
	return w < POWER_MAX_W ? (int32_t)w : POWER_MAX_W;
}

/* What battery or vehicle takes at most, by its charge. */
static int32_t acceptance_w(const struct sim_phys *p)
{
	int64_t begin = taper_uj(p), width = capacity_uj(p) - begin;
	int64_t base = p->charge_max_w, part;

	if (!base)
		base = watts(p, p->vehicle_max_ma);
	base = base < POWER_MAX_W ? base : POWER_MAX_W;
	if (p->stored_uj > begin && width >= 1000) {
		part = (p->stored_uj - begin) / 1000 * 1000 / (width / 1000);
		base -= base * 9 * (part < 1000 ? part : 1000) / 10000;
	}
	return (int32_t)base;
}

static int32_t evse_w(const struct sim_phys *p)
{
	uint32_t ma = p->limit_ma;

	if (p->welded && (!p->relay || !ma))
		ma = p->stuck_ma;
	if (ma < p->vehicle_min_ma)
		return 0;
	return watts(p, ma < p->vehicle_max_ma ? ma : p->vehicle_max_ma);
}

bool sim_phys_closed(const struct sim_phys *p)
{
	return p->relay || p->welded;
}

/* Thousandths of a second until the battery is full or empty at power @w. */
static uint64_t end_ms(const struct sim_phys *p, int32_t w)
{
	if (w > 0) {
		int64_t room = capacity_uj(p) - p->stored_uj;

		return room <= 0 ? 0 : (uint64_t)room / ((uint64_t)w * p->efficiency);
	}
	uint64_t left = (uint64_t)p->stored_uj * p->efficiency;

	return left <= p->carry ? 0 : (left - p->carry) / ((uint64_t)-w * 1000 * SIM_MJ_UJ);
}

/* What flows with things as they are. */
static int32_t flow_w(const struct sim_phys *p)
{
	int32_t w = 0, most = acceptance_w(p);

	if (!p->battery && (!p->plugged || !sim_phys_closed(p)))
		return 0;
	if (p->setpoint_w)
		w = p->setpoint_w;
	else if (!p->battery)
		w = evse_w(p);
	if (w > most)
		w = most;
	most = p->discharge_max_w < POWER_MAX_W ? (int32_t)p->discharge_max_w : POWER_MAX_W;
	if (w < -most)
		w = -most;
	return w && end_ms(p, w) ? w : 0;
}

void sim_phys_changed(struct sim_phys *p)
{
	p->power_w = flow_w(p);
}

void sim_phys_init(struct sim_phys *p, uint64_t now_ms)
{
	*p = (struct sim_phys){
		.phases = 3,
		.voltage_mv = 230000,
		.capacity_wh = 40000,
		.vehicle_max_ma = 32000,
		.vehicle_min_ma = 6000,
		.efficiency = 900,
		.taper = 800,
		.now_ms = now_ms,
	};
	sim_phys_soc_set(p, 500);
}

/* Milliseconds at the present power until it must be looked at again; 0: it ends now. */
static uint64_t boundary_ms(const struct sim_phys *p)
{
	uint64_t end = end_ms(p, p->power_w), ms, rate;

	if (p->power_w < 0)
		return end;
	rate = (uint64_t)p->power_w * p->efficiency;
	if (p->stored_uj < taper_uj(p))
		ms = ((uint64_t)(taper_uj(p) - p->stored_uj) + rate - 1) / rate;
	else
		ms = p->taper < 1000 ? 1000 - p->now_ms % 1000 : end;
	return ms < end ? ms : end;
}

static void integrate(struct sim_phys *p, uint32_t ms)
{
	uint64_t mj, drawn;

	p->now_ms += ms;
	if (p->power_w > 0) {
		mj = (uint64_t)p->power_w * ms;
		p->import_mj += mj;
		p->session_mj += mj;
		p->stored_uj += (int64_t)(mj * p->efficiency);
		p->loss_uj += mj * (1000u - p->efficiency);
	} else {
		mj = (uint64_t)-p->power_w * ms;
		p->export_mj += mj;
		drawn = mj * 1000 * SIM_MJ_UJ + p->carry;
		p->carry = (uint32_t)(drawn % p->efficiency);
		drawn /= p->efficiency;
		p->stored_uj -= (int64_t)drawn;
		p->loss_uj += drawn - mj * SIM_MJ_UJ;
	}
}

void sim_phys_run(struct sim_phys *p, uint64_t now_ms)
{
	uint64_t boundary, ms;

	while (p->now_ms < now_ms && p->power_w) {
		boundary = boundary_ms(p);
		if (!boundary) {
			p->power_w = 0;
			break;
		}
		ms = now_ms - p->now_ms;
		ms = ms < boundary ? ms : boundary;
		ms = ms < STEP_MAX_MS ? ms : STEP_MAX_MS;
		integrate(p, (uint32_t)ms);
		if (ms == boundary)
			sim_phys_changed(p);
	}
	if (p->now_ms < now_ms)
		p->now_ms = now_ms;
}

void sim_phys_soc_set(struct sim_phys *p, uint16_t soc)
{
	p->stored_uj = capacity_uj(p) / 1000 * (soc < 1000 ? soc : 1000);
	p->carry = 0;
	sim_phys_changed(p);
}

void sim_phys_plug(struct sim_phys *p, uint32_t capacity_wh, uint16_t soc, uint32_t max_ma)
{
	p->capacity_wh = capacity_wh;
	p->vehicle_max_ma = max_ma;
	p->plugged = true;
	p->session_mj = 0;
	sim_phys_soc_set(p, soc);
}

void sim_phys_unplug(struct sim_phys *p)
{
	p->plugged = false;
	sim_phys_changed(p);
}

/* A relay that sticks is welded by closing, and keeps the last current it carried. */
static void weld(struct sim_phys *p)
{
	if (p->stuck_relay && p->relay)
		p->welded = true;
	if (p->relay && p->limit_ma)
		p->stuck_ma = p->limit_ma;
	sim_phys_changed(p);
}

void sim_phys_limit(struct sim_phys *p, uint32_t limit_ma)
{
	p->limit_ma = limit_ma;
	weld(p);
}

void sim_phys_power(struct sim_phys *p, int32_t power_w)
{
	p->setpoint_w = power_w;
	sim_phys_changed(p);
}

void sim_phys_relay(struct sim_phys *p, bool closed)
{
	p->relay = closed;
	weld(p);
}

void sim_phys_stuck(struct sim_phys *p, bool stuck)
{
	p->stuck_relay = stuck;
	p->welded = false;
	weld(p);
}

uint16_t sim_phys_soc(const struct sim_phys *p)
{
	if (capacity_uj(p) - p->stored_uj < FULL_UJ)
		return 1000;
	return (uint16_t)(p->stored_uj / (capacity_uj(p) / 1000));
}

uint32_t sim_phys_current_ma(const struct sim_phys *p)
{
	uint64_t w = (uint64_t)(p->power_w < 0 ? -p->power_w : p->power_w);

	return (uint32_t)((w * 1000000 + (uint64_t)p->phases * p->voltage_mv / 2) /
			  ((uint64_t)p->phases * p->voltage_mv));
}

static uint64_t shown_wh(const struct sim_phys *p, uint64_t mj)
{
	uint64_t wh = p->meter_begin_wh + mj / SIM_WH_MJ;

	return p->meter_modulo_wh ? wh % p->meter_modulo_wh : wh;
}

uint64_t sim_phys_import_wh(const struct sim_phys *p)
{
	return p->stale_meter ? p->stale_import_wh : shown_wh(p, p->import_mj);
}

uint64_t sim_phys_export_wh(const struct sim_phys *p)
{
	return p->stale_meter ? p->stale_export_wh : shown_wh(p, p->export_mj);
}

uint64_t sim_phys_session_wh(const struct sim_phys *p)
{
	return p->session_mj / SIM_WH_MJ;
}

void sim_phys_stale(struct sim_phys *p, bool stale)
{
	p->stale_meter = false;
	p->stale_import_wh = sim_phys_import_wh(p);
	p->stale_export_wh = sim_phys_export_wh(p);
	p->stale_meter = stale;
}
