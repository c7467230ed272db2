/*
 * What happens behind a meter in one window: cars charge, the battery makes up
 * for what the forecast missed, and the rest goes through the meter.
 */
#include "core/base/compat.h"

#include "core/agent/strategy.h"

#define WINDOW_S MKT_PROFILE_WINDOW_S

static uint32_t least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

static uint32_t contracted_wh(const struct mkt_position *at, uint64_t car)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < at->ncars; i++)
		if (at->cars[i].car == car)
			sum += at->cars[i].wh;
	return least(sum, UINT32_MAX);
}

/* Report each contract of the car, in order, as far as @wh goes. */
static void report_car(const struct mkt_agent *a, const struct mkt_position *at,
		       const struct mkt_car *car, uint32_t wh, struct mkt_plan *p)
{
	for (uint32_t i = 0; i < at->ncars; i++) {
		struct mkt_intent *in;

		if (at->cars[i].car != car->number)
			continue;
		in = mkt_plan_add(p, MKT_OP_REPORT, a->account);
		in->op.u.report.exec = at->cars[i].exec;
		in->op.u.report.side = MKT_DRAW;
		in->op.u.report.wh = least(at->cars[i].wh, wh);
		snprintf(in->op.u.report.charger, sizeof(in->op.u.report.charger), "%s",
			 a->site->chargers[car->s.charger]);
		wh -= in->op.u.report.wh;
	}
}

uint32_t mkt_agent_car_wants(struct mkt_agent *a, const struct mkt_car *car, uint32_t w,
			     uint32_t left_wh, uint32_t *own_wh)
{
	const struct mkt_position *at = mkt_agent_position(a, w);
	uint64_t end_s = (uint64_t)(w + 1) * WINDOW_S, after = 0, want;
	uint32_t bought = contracted_wh(at, car->number), give;

	if (car->s.plug_out_s > end_s)
		after = (car->s.plug_out_s - end_s) * a->site->charger_w / 3600;
	want = (uint64_t)bought + (at->own_car == car->number ? at->own_wh : 0);
	if (left_wh > after && left_wh - after > want)
		want = left_wh - after;
	give = least(least(want, mkt_car_room_wh(a, &car->s, w)), left_wh);
	*own_wh = give - least(give, bought);
	return give;
}

/* Did it get what it wanted, but for a hundredth (meters have steps), or what it was told? */
static void see_off(const struct mkt_car *car, struct mkt_metered *out)
{
	bool as_told = car->left_wh <= car->told_wh + car->s.energy_wh / 100;

	out->car_missed_wh += car->left_wh;
	out->cars_left++;
	if (!car->told_wh) {
		out->cars_could++;
		out->cars_filled += as_told;
	} else {
		out->cars_told++;
		out->cars_told_wh += car->told_wh;
	}
	out->cars_untold += !as_told;
}

/* A car has taken @give Wh. */
static void charge_car(struct mkt_agent *a, const struct mkt_position *at, struct mkt_car *car,
		       uint32_t w, uint32_t give, struct mkt_metered *out, struct mkt_plan *p)
{
	uint32_t contracted = contracted_wh(at, car->number);

	car->left_wh -= least(give, car->left_wh);
	out->car_wh += give;
	out->car_contracted_wh += contracted;
	out->car_kept_wh += least(give, contracted);
	report_car(a, at, car, least(give, contracted), p);
	if (car->s.plug_out_s <= (uint64_t)(w + 1) * WINDOW_S)
		see_off(car, out);
}

/* Neither empty nor full, and not at its power: it could have made up for more. */
static bool battery_could(const struct mkt_agent *a, int32_t flow_wh)
{
	const struct mkt_site *s = a->site;
	uint64_t full_x100 = (uint64_t)s->battery_wh * 100;
	int64_t most = s->battery_w / 2;

	return s->battery_wh && a->soc_x100 >= 100 && flow_wh < most && flow_wh > -most &&
	       a->soc_x100 + s->battery_pct <= full_x100;
}

/* What of the site's own contracts its meter shows. */
static void note_kept(const struct mkt_position *at, uint32_t home_draw_wh,
		      struct mkt_metered *out)
{
	out->site_contracted_wh = at->sold_wh + at->bought_wh;
	out->site_kept_wh = least(at->sold_wh, out->supply_wh) + least(at->bought_wh, home_draw_wh);
}

/* Cars that have left are forgotten; the order of the others stays. */
static void forget_cars(struct mkt_agent *a, uint64_t end_s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < a->ncars; i++)
		if (a->cars[i].s.plug_out_s > end_s) {
			if (kept != i)
				a->cars[kept] = a->cars[i];
			kept++;
		}
	a->ncars = kept;
}

int32_t mkt_agent_battery_wants(struct mkt_agent *a, uint32_t w, uint32_t load_wh, uint32_t pv_wh,
				uint32_t own_wh)
{
	const struct mkt_position *at = mkt_agent_position(a, w);
	int64_t net_wh = (int64_t)pv_wh - load_wh - own_wh,
		flow = net_wh - ((int64_t)at->sold_wh - at->bought_wh),
		most = a->site->battery_w / 2, room;

	if (!a->site->battery_wh)
		return 0;
	room = ((int64_t)a->site->battery_wh * 100 - (int64_t)a->soc_x100) / a->site->battery_pct;
	if (flow > most)
		flow = most;
	if (flow < -most)
		flow = -most;
	if (flow > room)
		flow = room;
	if (flow < -(int64_t)(a->soc_x100 / 100))
		flow = -(int64_t)(a->soc_x100 / 100);
	return (int32_t)flow;
}

static void run_battery(struct mkt_agent *a, int64_t flow)
{
	a->soc_x100 = (uint64_t)((int64_t)a->soc_x100 +
				 (flow > 0 ? flow * a->site->battery_pct : flow * 100));
}

static void report_meter(const struct mkt_agent *a, uint32_t w, enum mkt_report_side side,
			 uint32_t contracted, uint32_t wh, struct mkt_plan *p)
{
	struct mkt_intent *in;

	if (!contracted)
		return;
	in = mkt_plan_add(p, MKT_OP_METER, a->account);
	in->op.u.meter.window = w;
	in->op.u.meter.side = (uint8_t)side;
	in->op.u.meter.wh = wh;
}

void mkt_agent_meter(struct mkt_agent *a, uint32_t w, uint32_t load_wh, uint32_t pv_wh,
		     const struct mkt_moved *moved, struct mkt_plan *p, struct mkt_metered *out)
{
	struct mkt_position *at = mkt_agent_position(a, w);
	uint32_t own_wh = 0, home_draw;
	int64_t net;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < a->ncars; i++) {
		struct mkt_car *car = &a->cars[i];
		uint32_t own, give = mkt_agent_car_wants(a, car, w, car->left_wh, &own);

		if (moved) {
			give = moved->car_wh[i];
			own = give - least(give, contracted_wh(at, car->number));
		}
		own_wh += own;
		charge_car(a, at, car, w, give, out, p);
	}
	forget_cars(a, (uint64_t)(w + 1) * WINDOW_S);
	if (moved) {
		out->battery_wh = moved->battery_wh;
		a->soc_x100 = moved->soc_x100;
	} else {
		out->battery_wh = mkt_agent_battery_wants(a, w, load_wh, pv_wh, own_wh);
		run_battery(a, out->battery_wh);
	}
	net = (int64_t)pv_wh - load_wh - own_wh - out->battery_wh;
	out->supply_wh = net > 0 ? (uint32_t)net : 0;
	home_draw = net < 0 ? (uint32_t)-net : 0;
	out->draw_wh = home_draw + (out->car_wh - own_wh);
	out->battery_could = battery_could(a, out->battery_wh);
	note_kept(at, home_draw, out);
	mkt_agent_learn(a, at, out->supply_wh, home_draw);
	report_meter(a, w, MKT_SUPPLY, at->sold_wh, out->supply_wh, p);
	report_meter(a, w, MKT_DRAW, at->bought_wh, home_draw, p);
	mkt_agent_remember(a, load_wh, pv_wh);
}
