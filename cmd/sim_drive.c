/* The windows of simulated devices: what each is to move, orders, meters. */
#include "core/base/compat.h"

#include <unistd.h>

#include "cmd/sim_devices.h"
#include "core/units/fmt.h"

#define WINDOW_MS ((uint64_t)MKT_PROFILE_WINDOW_S * 1000)
#define CALL_MS 20000	/* of real time, for one exchange */
#define LEASE_S 86400	/* of real time: the calendar is faster */
#define LATENCY_MS 3000 /* a charger lets the car stop before its relay opens */
#define MARGIN_MS 10000
#define CAPACITY_SHARE 2 /* a car's battery holds twice what the session brings: no taper */
#define CAR_SOC 300

static uint32_t window_of_ms(uint64_t ms)
{
	return (uint32_t)(ms / WINDOW_MS);
}

static struct mkt_agent *agent_of(const struct sim_dev *dev, const struct sim_devices *d)
{
	return &d->s->agents[dev->site];
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Readings of the present instant of the calendar. */
static int refresh(struct sim_devices *d, struct sim_dev *dev)
{
	struct mkt_devc *conn = dev->line->conn;
	int rc = mkt_devc_refresh(conn, dev->name, mkt_app_mono_ms() + CALL_MS, &d->s->app->err);

	dev->view = mkt_devc_find(conn, dev->name);
	if (rc < 0)
		return mkt_err_wrap(&d->s->app->err, "device '%s'", dev->name);
	return 0;
}

static uint64_t counter(const struct sim_dev *dev, int dir)
{
	enum mkt_reading_id id = dir == MKT_PLAN_IMPORT ? MKT_R_ENERGY_IMPORT : MKT_R_ENERGY_EXPORT;
	int64_t v = mkt_reading_or(&dev->view->r, id, 0);

	return v > 0 ? (uint64_t)v : 0;
}

uint64_t sim_dev_moved(const struct sim_dev *dev, int dir)
{
	uint64_t now = counter(dev, dir);

	return now > dev->begin_wh[dir] ? now - dev->begin_wh[dir] : 0;
}

static void begin(struct sim_dev *dev)
{
	for (int dir = 0; dir < 2; dir++)
		dev->begin_wh[dir] = counter(dev, dir);
	dev->wanted_wh[0] = dev->wanted_wh[1] = 0;
}

/* What was asked for and what came of it, for the report. */
static void sum_up(struct sim_dev *dev)
{
	for (int dir = 0; dir < 2; dir++) {
		uint64_t wh = sim_dev_moved(dev, dir), want = dev->wanted_wh[dir];

		dev->asked_wh += want;
		dev->moved_wh += wh;
		dev->short_wh += wh < want ? want - wh : 0;
		dev->over_wh += wh > want ? wh - want : 0;
	}
	dev->steps_wh += (uint64_t)mkt_reading_or(&dev->view->r, MKT_R_ENERGY_STEP, 1);
}

/* ---- planning ------------------------------------------------------------------------------ */

static int64_t reading(const struct sim_dev *dev, enum mkt_reading_id id, int64_t otherwise)
{
	return mkt_reading_or(&dev->view->r, id, otherwise);
}

static uint32_t positive(int64_t v)
{
	return v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

static void describe_charger(const struct sim_devices *d, const struct sim_dev *dev,
			     struct mkt_plan_device *p)
{
	const struct mkt_site *at = &d->s->sites[dev->site];
	uint32_t most_ma;

	p->by_current = true;
	p->phases = 1;
	p->voltage_mv = positive(reading(dev, MKT_R_VOLTAGE_L1, SIM_VOLTAGE_V * 1000));
	p->min_ma = positive(reading(dev, MKT_R_CURRENT_MIN, MKT_FLOOR_MA));
	p->max_ma = positive(reading(dev, MKT_R_CURRENT_MAX, 0));
	if (!p->voltage_mv)
		p->voltage_mv = SIM_VOLTAGE_V * 1000;
	/* Up to the next ampere: what the car itself takes is less. */
	most_ma = (at->charger_w + SIM_VOLTAGE_V - 1) / SIM_VOLTAGE_V * 1000;
	if (p->max_ma > most_ma)
		p->max_ma = most_ma;
	p->vehicle = (enum mkt_dev_vehicle)reading(dev, MKT_R_VEHICLE, MKT_VEHICLE_UNKNOWN);
	p->room_wh[0] = dev->plugged && dev->session.energy_wh > dev->session_wh
				? (int64_t)(dev->session.energy_wh - dev->session_wh)
				: 0;
}

static void describe_battery(const struct sim_dev *dev, struct mkt_plan_device *p)
{
	p->phases = 1;
	p->voltage_mv = SIM_VOLTAGE_V * 1000;
	p->min_w[0] = positive(reading(dev, MKT_R_POWER_CHARGE_MIN, 0));
	p->min_w[1] = positive(reading(dev, MKT_R_POWER_DISCHARGE_MIN, 0));
	p->max_w[0] = positive(reading(dev, MKT_R_POWER_CHARGE_MAX, 0));
	p->max_w[1] = positive(reading(dev, MKT_R_POWER_DISCHARGE_MAX, 0));
	p->room_wh[0] = p->room_wh[1] = MKT_PLAN_UNKNOWN;
}

/* mkt-driverd pauses at the stop of an order without being told. */
static int32_t in_force(const struct sim_dev *dev)
{
	return dev->view->stopped ? 0 : dev->set.value;
}

static void describe(const struct sim_devices *d, const struct sim_dev *dev,
		     struct mkt_plan_device *p)
{
	*p = (struct mkt_plan_device){
		.name = dev->name,
		.circuit = -1,
		.latency_ms = LATENCY_MS,
		.usable = dev->view->state == MKT_DEV_READY,
		.faulty = dev->view->state == MKT_DEV_FAULT,
		.set = in_force(dev),
		.set_since_ms = dev->set_ms,
		.power_known = dev->view->r.v[MKT_R_POWER].known,
		.power_w = (int32_t)reading(dev, MKT_R_POWER, 0),
	};
	for (int dir = 0; dir < 2; dir++) {
		p->counter_wh[dir] = counter(dev, dir);
		p->moved_wh[dir] = sim_dev_moved(dev, dir);
	}
	memcpy(p->takes_w, dev->takes_w, sizeof(p->takes_w));
	p->metered[0] = dev->view->caps & MKT_CAP_IMPORT;
	p->metered[1] = dev->view->caps & MKT_CAP_EXPORT;
	if (dev->charger >= 0)
		describe_charger(d, dev, p);
	else
		describe_battery(dev, p);
}

/* mkt-driverd may be at a stop of its own: then after that. */
static int give(struct sim_devices *d, struct sim_dev *dev, const struct mkt_order *o)
{
	uint64_t until = mkt_app_mono_ms() + CALL_MS;
	struct mkt_setpoint applied;
	int rc;

	while ((rc = mkt_devc_order(dev->line->conn, dev->name, o, until, &applied,
				    &d->s->app->err)) == -MKT_EBUSY &&
	       mkt_app_mono_ms() < until)
		usleep(1000);
	if (rc < 0)
		return mkt_err_wrap(&d->s->app->err, "device '%s'", dev->name);
	return 0;
}

/*
 * The planner stops to the Wh, at instants of the calendar.  The last guard of mkt-driverd is a
 * little behind it: when that looks is a matter of real time, and a run shall not depend on it.
 */
static uint64_t guard_wh(const struct sim_dev *dev, uint64_t stop_wh)
{
	return stop_wh ? stop_wh + 2 * (uint64_t)reading(dev, MKT_R_ENERGY_STEP, 1) : 0;
}

static int order(struct sim_devices *d, struct sim_dev *dev, const struct mkt_plan_out *out)
{
	struct mkt_order o = {
		.set = out->set,
		.lease_s = LEASE_S,
		.stop_import_wh = guard_wh(dev, out->stop_wh[0]),
		.stop_export_wh = guard_wh(dev, out->stop_wh[1]),
	};
	int rc;

	if (o.set.kind == MKT_SET_NONE)
		o.set = (struct mkt_setpoint){dev->charger >= 0 ? MKT_SET_CURRENT : MKT_SET_POWER,
					      0};
	/* A new window has a new stop, even at the same power. */
	if (o.set.kind == dev->set.kind && o.set.value == in_force(dev) &&
	    (!o.set.value || !memcmp(dev->stop_wh, out->stop_wh, sizeof(dev->stop_wh))))
		return 0;
	rc = give(d, dev, &o);
	if (rc < 0)
		return rc;
	d->orders++;
	dev->set = o.set;
	memcpy(dev->stop_wh, out->stop_wh, sizeof(dev->stop_wh));
	dev->set_ms = d->now_ms;
	/* Before time goes on mkt-driverd must know what flows now, to stop in time. */
	return refresh(d, dev);
}

/* Read, plan, order; and when to look again. */
static int decide(struct sim_devices *d, struct sim_dev *dev)
{
	uint64_t start = d->now_ms / WINDOW_MS * WINDOW_MS;
	struct mkt_plan_device p;
	struct mkt_plan_in in = {
		.now_ms = d->now_ms,
		.start_ms = start,
		.end_ms = start + WINDOW_MS,
		.wanted_wh = {dev->wanted_wh[0], dev->wanted_wh[1]},
		.next_ms = MKT_PLAN_NEVER,
		.window_s = MKT_PROFILE_WINDOW_S,
		.margin_ms = MARGIN_MS,
		.zone = &d->s->zone,
		.devices = &p,
		.ndevices = 1,
	};
	struct mkt_plan_out out;
	int rc = refresh(d, dev);

	if (rc < 0)
		return rc;
	if (dev->plugged && dev->session.plug_out_s * 1000 < in.end_ms)
		in.end_ms = dev->session.plug_out_s * 1000;
	describe(d, dev, &p);
	mkt_plan_learn(&p, d->now_ms);
	memcpy(dev->takes_w, p.takes_w, sizeof(dev->takes_w));
	dev->next_ms = mkt_plan(&in, &out);
	snprintf(dev->why, sizeof(dev->why), "%s", out.text);
	mkt_app_trace(d->s->app, "%s %s: %s, set %d, moved %llu+%llu of %llu+%llu Wh, %d W",
		      mkt_fmt_utc_ms(d->now_ms).s, dev->name, out.text, out.set.value,
		      (unsigned long long)p.moved_wh[0], (unsigned long long)p.moved_wh[1],
		      (unsigned long long)in.wanted_wh[0], (unsigned long long)in.wanted_wh[1],
		      p.power_w);
	return order(d, dev, &out);
}

/* ---- windows ------------------------------------------------------------------------------- */

static struct mkt_car *car_of(const struct sim_devices *d, const struct sim_dev *dev)
{
	return mkt_agent_car(agent_of(dev, d), dev->car);
}

/* Energy that the car has taken in the window that runs, or in what of it it was here. */
static void note_car(struct sim_dev *dev, uint32_t window)
{
	uint32_t wh = (uint32_t)sim_dev_moved(dev, MKT_PLAN_IMPORT);

	sum_up(dev);
	dev->session_wh += wh;
	dev->cars[dev->ncars++ % MKT_ARRAY_SIZE(dev->cars)] =
		(struct sim_into_car){dev->car, window, wh};
}

static void want_for_car(struct sim_devices *d, struct sim_dev *dev)
{
	uint32_t left = dev->session.energy_wh > dev->session_wh
				? dev->session.energy_wh - dev->session_wh
				: 0,
		 own;

	dev->wanted_wh[0] = mkt_agent_car_wants(agent_of(dev, d), car_of(d, dev),
						window_of_ms(d->now_ms), left, &own);
}

/* What of the roof goes into cars of the site in the window that begins. */
static uint32_t own_wh(struct sim_devices *d, uint16_t site)
{
	uint32_t sum = 0, own;

	for (uint32_t i = 0; i < d->ndevs; i++) {
		struct sim_dev *dev = &d->devs[i];

		if (dev->site != site || !dev->plugged)
			continue;
		mkt_agent_car_wants(agent_of(dev, d), car_of(d, dev), window_of_ms(d->now_ms),
				    dev->session.energy_wh - dev->session_wh, &own);
		sum += own;
	}
	return sum;
}

static void want_for_battery(struct sim_devices *d, struct sim_dev *dev)
{
	uint32_t w = window_of_ms(d->now_ms);
	struct mkt_agent *a = agent_of(dev, d);
	const struct mkt_reading *r = sim_reading(d->s, w);
	int32_t wh;

	/* What it has now, and not what was left two windows ago. */
	a->soc_x100 = dev->soc_x100[(w - 1) % SIM_KEPT];
	wh = mkt_agent_battery_wants(a, w, r->load_wh[dev->site], r->pv_wh[dev->site],
				     own_wh(d, dev->site));
	dev->wanted_wh[0] = wh > 0 ? (uint64_t)wh : 0;
	dev->wanted_wh[1] = wh < 0 ? (uint64_t) - (int64_t)wh : 0;
}

static void note_battery(const struct sim_devices *d, struct sim_dev *dev, uint32_t w)
{
	const struct mkt_site *at = &d->s->profile->sites[dev->site];

	dev->battery_wh[w % SIM_KEPT] =
		(int32_t)(sim_dev_moved(dev, 0)) - (int32_t)sim_dev_moved(dev, 1);
	dev->soc_x100[w % SIM_KEPT] = (uint64_t)reading(dev, MKT_R_SOC, 0) * at->battery_wh / 10;
	sum_up(dev);
}

/*
 * An empty battery that was told to give, or a full one to take, stands still: what it was
 * offered then says nothing of the window that begins.
 */
static int let_go(struct sim_devices *d, struct sim_dev *dev)
{
	static const struct mkt_plan_out pause = {.set = {MKT_SET_POWER, 0}};

	if (!in_force(dev) || reading(dev, MKT_R_POWER, 0))
		return 0;
	return order(d, dev, &pause);
}

/* One window ends here and the next begins. */
static int border(struct sim_devices *d)
{
	uint32_t w = window_of_ms(d->now_ms);
	int rc = 0;

	for (uint32_t i = 0; !rc && i < d->ndevs; i++) {
		struct sim_dev *dev = &d->devs[i];

		if (dev->charger >= 0 && !dev->plugged)
			continue;
		rc = refresh(d, dev);
		if (rc < 0)
			return rc;
		if (dev->charger < 0)
			note_battery(d, dev, w - 1);
		else
			note_car(dev, w - 1);
		begin(dev);
		dev->next_ms = d->now_ms;
	}
	if (w >= window_of_ms(d->s->end_s * 1000))
		return rc;
	for (uint32_t i = 0; !rc && i < d->ndevs; i++) {
		struct sim_dev *dev = &d->devs[i];

		if (dev->charger < 0) {
			want_for_battery(d, dev);
			rc = let_go(d, dev);
		} else if (dev->plugged) {
			want_for_car(d, dev);
		}
	}
	return rc;
}

/* ---- cars ---------------------------------------------------------------------------------- */

static struct sim_dev *charger_of(struct sim_devices *d, const struct mkt_session *e)
{
	for (uint32_t i = 0; i < d->ndevs; i++)
		if (d->devs[i].site == e->site && d->devs[i].charger == e->charger)
			return &d->devs[i];
	return NULL;
}

static int leave(struct sim_devices *d, struct sim_dev *dev)
{
	static const struct mkt_plan_out pause = {.set = {MKT_SET_CURRENT, 0}};
	int rc = refresh(d, dev);

	if (rc < 0)
		return rc;
	note_car(dev, window_of_ms(d->now_ms - 1));
	begin(dev);
	dev->plugged = false;
	dev->next_ms = MKT_PLAN_NEVER;
	rc = sim_line_tell(d, dev->line, "unit=%u unplug", dev->unit);
	return rc < 0 ? rc : order(d, dev, &pause);
}

static int come(struct sim_devices *d, const struct mkt_session *e)
{
	struct sim_dev *dev = charger_of(d, e);
	struct mkt_agent *a = &d->s->agents[e->site];
	int rc;

	rc = sim_plug_in(d->s, e);
	if (rc < 0)
		return rc;
	if (!dev)
		return 0; /* a charger that is not in the equipment: charged by arithmetic */
	dev->session = *e;
	dev->session_wh = 0;
	dev->plugged = true;
	dev->takes_w[0] = dev->takes_w[1] = 0;
	dev->car = a->ncars_ever;
	rc = sim_line_tell(d, dev->line, "unit=%u plug capacity=%u soc=%u", dev->unit,
			   CAPACITY_SHARE * e->energy_wh, CAR_SOC);
	if (!rc)
		rc = refresh(d, dev);
	if (rc < 0)
		return rc;
	begin(dev);
	want_for_car(d, dev);
	dev->next_ms = d->now_ms;
	return 0;
}

/* Sessions that begin up to @until_s, in order of time. */
static int look_ahead(struct sim_devices *d, uint64_t until_s)
{
	struct mkt_session e;
	int rc;

	while ((rc = mkt_profile_session(d->s->profile, until_s + 1, &e, &d->s->app->err)) > 0) {
		if (e.plug_in_s < d->s->from_s)
			continue; /* came before the first day */
		if (d->nsoon == MKT_ARRAY_SIZE(d->soon))
			return mkt_err_set(&d->s->app->err, MKT_ELIMIT,
					   "more than %u cars come at once", d->nsoon);
		d->soon[d->nsoon++] = e;
	}
	return rc;
}

/* ---- the calendar -------------------------------------------------------------------------- */

/* The next instant at which anything happens; at most @end_ms. */
static uint64_t next_instant(const struct sim_devices *d, uint64_t end_ms, uint32_t come_next)
{
	uint64_t t = (d->now_ms / WINDOW_MS + 1) * WINDOW_MS;

	if (come_next < d->nsoon && d->soon[come_next].plug_in_s * 1000 < t)
		t = d->soon[come_next].plug_in_s * 1000;
	for (uint32_t i = 0; i < d->ndevs; i++) {
		const struct sim_dev *dev = &d->devs[i];

		if (dev->next_ms < t)
			t = dev->next_ms;
		if (dev->plugged && dev->session.plug_out_s * 1000 < t)
			t = dev->session.plug_out_s * 1000;
	}
	if (t > end_ms)
		t = end_ms;
	return t > d->now_ms ? t : d->now_ms;
}

static int act(struct sim_devices *d, uint32_t *come_next)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < d->ndevs; i++)
		if (d->devs[i].plugged && d->devs[i].session.plug_out_s * 1000 <= d->now_ms)
			rc = leave(d, &d->devs[i]);
	if (!rc && d->now_ms % WINDOW_MS == 0 && d->now_ms > d->border_ms) {
		d->border_ms = d->now_ms;
		rc = border(d);
	}
	while (!rc && *come_next < d->nsoon && d->soon[*come_next].plug_in_s * 1000 <= d->now_ms)
		rc = come(d, &d->soon[(*come_next)++]);
	for (uint32_t i = 0; !rc && i < d->ndevs; i++)
		if (d->devs[i].next_ms <= d->now_ms)
			rc = decide(d, &d->devs[i]);
	return rc;
}

/* What counters show before anything is asked. */
static int first(struct sim_devices *d)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < d->ndevs; i++) {
		rc = refresh(d, &d->devs[i]);
		begin(&d->devs[i]);
	}
	return rc;
}

int sim_drive(struct sim_devices *d, uint64_t until_s)
{
	uint32_t come_next = 0;
	int rc;

	if (until_s * 1000 <= d->now_ms)
		return 0; /* the first window has not begun */
	rc = d->border_ms ? 0 : first(d);
	if (rc < 0)
		return rc;
	d->nsoon = 0;
	rc = look_ahead(d, until_s);
	while (!rc) {
		rc = act(d, &come_next);
		if (rc < 0 || d->now_ms >= until_s * 1000)
			break;
		d->now_ms = next_instant(d, until_s * 1000, come_next);
		mkt_clock_set(d->clock, d->now_ms, 0);
	}
	if (!rc)
		sim_tell(d);
	return rc;
}

void sim_moved(const struct sim_devices *d, uint16_t site, uint32_t w, uint32_t *car_wh,
	       struct mkt_moved *out)
{
	const struct mkt_agent *a = &d->s->agents[site];

	*out = (struct mkt_moved){.car_wh = car_wh, .soc_x100 = a->soc_x100};
	for (uint32_t i = 0; i < a->ncars; i++)
		car_wh[i] = 0;
	for (uint32_t i = 0; i < d->ndevs; i++) {
		const struct sim_dev *dev = &d->devs[i];

		if (dev->site != site)
			continue;
		if (dev->charger < 0) {
			out->battery_wh = dev->battery_wh[w % SIM_KEPT];
			out->soc_x100 = dev->soc_x100[w % SIM_KEPT];
			continue;
		}
		for (uint32_t k = 0; k < a->ncars; k++)
			for (uint32_t j = 0; j < MKT_ARRAY_SIZE(dev->cars); j++)
				if (dev->cars[j].car == a->cars[k].number &&
				    dev->cars[j].window == w)
					car_wh[k] += dev->cars[j].wh;
	}
}

struct sim_device_sums sim_device_sums(const struct sim_devices *d)
{
	struct sim_device_sums sum = {.devices = d ? d->ndevs : 0,
				      .lines = d ? d->nlines : 0,
				      .orders = d ? d->orders : 0};

	for (uint32_t i = 0; i < sum.devices; i++) {
		sum.asked_wh += d->devs[i].asked_wh;
		sum.moved_wh += d->devs[i].moved_wh;
		sum.short_wh += d->devs[i].short_wh;
		sum.over_wh += d->devs[i].over_wh;
		sum.steps_wh += d->devs[i].steps_wh;
	}
	return sum;
}
