/*
 * Lines and devices of a site: connections to mkt-driverd, readings, and what
 * they say to the planner.
 */
#include "core/base/compat.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/charge.h"

#define CONNECT_MS 500
#define RETRY_MS 1000
#define SETTLE_MS 2000 /* real */
#define SETTLE_LOOK_MS 20
#define REFRESH_MS 3000
#define REFRESH_TRIES 4
#define VOLTAGE_MIN_MV 90000
#define CURRENT_MAX_MA 32000  /* when nobody says more */
#define CURRENT_EXACT_MS 1500 /* readings of this age do on the system's clock */

/* ---- opening ------------------------------------------------------------------------------ */

static bool is_enrolled(const struct charge *c, const char *charger)
{
	for (uint32_t i = 0; i < c->nchargers; i++)
		if (!strcmp(c->chargers[i], charger))
			return true;
	return false;
}

static struct charge_line *line_of(struct charge *c, const char *name)
{
	const struct mkt_line_conf *conf = mkt_devices_line(c->conf, name);

	for (uint32_t i = 0; i < c->nlines; i++)
		if (c->lines[i].conf == conf)
			return &c->lines[i];
	c->lines[c->nlines] = (struct charge_line){.conf = conf};
	return &c->lines[c->nlines++];
}

static void add_device(struct charge *c, const struct mkt_device_conf *conf)
{
	const char *charger = conf->charger[0] ? conf->charger : conf->name;
	struct charge_device *d = &c->devices[c->ndevices];

	/* An account with chargers has these; others of the site are somebody else's. */
	if (c->nchargers && !is_enrolled(c, charger))
		return;
	*d = (struct charge_device){.conf = conf,
				    .charger = charger,
				    .enrolled = is_enrolled(c, charger),
				    .line = line_of(c, conf->line),
				    .missing_ms = mkt_app_mono_ms()};
	c->ndevices++;
}

int charge_site_open(struct charge *c, const char *file)
{
	int rc = mkt_devices_read(file, &c->conf, &c->app->err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < c->conf->ncircuits; i++)
		c->circuits[i] = (struct mkt_plan_circuit){c->conf->circuits[i].name,
							   c->conf->circuits[i].max_ma};
	for (uint32_t i = 0; i < c->conf->ndevices; i++)
		add_device(c, &c->conf->devices[i]);
	if (c->ndevices)
		return 0;
	return mkt_err_set(&c->app->err, MKT_EUSAGE,
			   "devices.conf has no device that is enrolled for the account");
}

void charge_site_close(struct charge *c)
{
	for (uint32_t i = 0; i < c->nlines; i++)
		mkt_devc_close(c->lines[i].client);
	c->nlines = c->ndevices = 0;
	free(c->conf);
	c->conf = NULL;
}

/* ---- connections -------------------------------------------------------------------------- */

static void look_up(struct charge *c)
{
	for (uint32_t i = 0; i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];

		d->view = d->line->client ? mkt_devc_find(d->line->client, d->conf->name) : NULL;
	}
}

static void hang_up(struct charge *c, struct charge_line *l, const struct mkt_err *err)
{
	charge_note(c, NULL, 0, "line %s: %s", l->conf->name, err->text);
	mkt_devc_close(l->client);
	l->client = NULL;
	l->told = true;
	l->retry_ms = mkt_app_mono_ms();
	c->due = true;
	look_up(c);
}

static void connect_line(struct charge *c, struct charge_line *l)
{
	uint64_t now = mkt_app_mono_ms();
	struct mkt_err err = {0};
	char path[512];
	int rc;

	if (now < l->retry_ms)
		return;
	rc = mkt_devices_socket(c->conf, l->conf->name, path, sizeof(path));
	if (!rc)
		rc = mkt_devc_open(path, now + CONNECT_MS, &l->client, &err);
	if (rc) {
		l->client = NULL;
		l->retry_ms = mkt_app_mono_ms() + (mkt_clock_simulated(c->clock) ? 50 : RETRY_MS);
		if (!l->told)
			charge_note(c, NULL, 0, "line %s: %s", l->conf->name, err.text);
	} else if (l->told) {
		charge_note(c, NULL, 0, "line %s: connected", l->conf->name);
	}
	l->told = rc != 0;
	c->due |= !rc;
}

void charge_site_turn(struct charge *c)
{
	for (uint32_t i = 0; i < c->nlines; i++) {
		struct charge_line *l = &c->lines[i];
		struct mkt_err err = {0};

		if (!l->client)
			connect_line(c, l);
		if (l->client && mkt_devc_input(l->client, &err))
			hang_up(c, l, &err);
	}
	look_up(c);
}

/* ---- readings ----------------------------------------------------------------------------- */

bool charge_fresh(const struct charge_device *d, enum mkt_reading_id id)
{
	return d->view && mkt_reading_fresh(&d->view->r, id, mkt_app_mono_ms(),
					    (uint64_t)d->view->poll_ms * MKT_DEV_POLLS_STALE);
}

static int64_t value(const struct charge_device *d, enum mkt_reading_id id, int64_t otherwise)
{
	return d->view ? mkt_reading_or(&d->view->r, id, otherwise) : otherwise;
}

static uint32_t positive(int64_t v, uint32_t otherwise)
{
	return v > 0 && v <= INT32_MAX ? (uint32_t)v : otherwise;
}

static uint32_t lower(uint32_t a, uint32_t limit)
{
	return limit && limit < a ? limit : a;
}

/* Limits: the device's own, the site's, a person's. */
static void read_limits(const struct charge *c, struct charge_device *d)
{
	const struct mkt_duty_will *will = mkt_duties_will(&c->duties, d->conf->name);
	unsigned caps = d->view ? d->view->caps : 0;
	struct mkt_plan_device *p = &d->plan;
	uint32_t limit = will ? will->limit : 0, own, site_w;

	p->stopped = will && will->stopped;
	p->hasty = will && will->hasty;
	/* Who discharges is told watts; a charger understands its current best. */
	p->by_current = (caps & MKT_CAP_CURRENT) && !(caps & MKT_CAP_DISCHARGE);
	p->phases = (uint8_t)positive(value(d, MKT_R_PHASES, d->conf->phases), 1);
	p->voltage_mv = positive(value(d, MKT_R_VOLTAGE_L1, 0), 0);
	if (p->voltage_mv < VOLTAGE_MIN_MV)
		p->voltage_mv = d->conf->nominal_mv;
	p->metered[0] = caps & MKT_CAP_IMPORT;
	p->metered[1] = caps & MKT_CAP_EXPORT;
	own = positive(value(d, MKT_R_CURRENT_MAX, 0), CURRENT_MAX_MA);
	p->max_ma = lower(lower(own, d->conf->max_ma), p->by_current ? limit : 0);
	p->min_ma = positive(value(d, MKT_R_CURRENT_MIN, 0), MKT_FLOOR_MA);
	site_w = d->conf->max_w;
	if (d->conf->max_ma)
		site_w = lower(mkt_plan_watts(p, d->conf->max_ma), site_w);
	if (!site_w && value(d, MKT_R_CURRENT_MAX, 0) > 0)
		site_w = mkt_plan_watts(p, own);
	limit = p->by_current ? 0 : limit;
	for (unsigned dir = 0; dir < 2; dir++) {
		enum mkt_reading_id most = dir ? MKT_R_POWER_DISCHARGE_MAX : MKT_R_POWER_CHARGE_MAX;
		enum mkt_reading_id least =
			dir ? MKT_R_POWER_DISCHARGE_MIN : MKT_R_POWER_CHARGE_MIN;
		bool can = (caps & MKT_CAP_POWER) && (!dir || (caps & MKT_CAP_DISCHARGE));

		own = positive(value(d, most, 0), site_w);
		p->max_w[dir] = can ? lower(lower(own, site_w), limit) : 0;
		p->min_w[dir] = positive(value(d, least, 0), 0);
	}
	if (p->by_current && !(caps & MKT_CAP_PAUSE))
		p->max_ma = 0;
	if (caps & MKT_CAP_READ_ONLY)
		p->max_ma = p->max_w[0] = p->max_w[1] = 0;
}

/* Energy at the meter between the state of charge and floor or ceiling. */
static int64_t soc_room(const struct charge_device *d, unsigned dir)
{
	int64_t soc = value(d, MKT_R_SOC, -1), capacity = value(d, MKT_R_CAPACITY, 0);
	int64_t low = value(d, MKT_R_SOC_MIN, 0), high = value(d, MKT_R_SOC_MAX, 1000);
	int64_t one_way = (1000 + d->conf->efficiency) / 2, parts;

	if (soc < 0 || capacity <= 0 || capacity > UINT32_MAX)
		return MKT_PLAN_UNKNOWN;
	if (d->conf->soc_min > low)
		low = d->conf->soc_min;
	if (d->conf->soc_max && d->conf->soc_max < high)
		high = d->conf->soc_max;
	parts = dir ? soc - low : high - soc;
	if (parts <= 0)
		return 0;
	return dir ? parts * capacity / 1000 * one_way / 1000
		   : parts * capacity / 1000 * 1000 / one_way;
}

static int64_t room(const struct charge_device *d, unsigned dir)
{
	int64_t own = value(d, dir ? MKT_R_ENERGY_DISCHARGEABLE : MKT_R_ENERGY_CHARGEABLE, -1);
	int64_t by_soc = soc_room(d, dir);

	return own >= 0 && own < by_soc ? own : by_soc;
}

/* mkt-driverd has paused it, because a counter is at the stop of its order. */
static bool at_stop(const struct charge_device *d)
{
	const struct mkt_order *o = &d->view->order;
	uint64_t import_wh = (uint64_t)value(d, MKT_R_ENERGY_IMPORT, 0);
	uint64_t export_wh = (uint64_t)value(d, MKT_R_ENERGY_EXPORT, 0);

	return (o->stop_import_wh && import_wh >= o->stop_import_wh) ||
	       (o->stop_export_wh && export_wh >= o->stop_export_wh);
}

/* The set-point in force: what we asked for, or what the device is found with. */
static int32_t found_set(const struct charge_device *d)
{
	bool by_current = d->plan.by_current;
	enum mkt_set kind = by_current ? MKT_SET_CURRENT : MKT_SET_POWER;
	int64_t v = value(d, by_current ? MKT_R_CURRENT_LIMIT : MKT_R_POWER_LIMIT, 0);

	if (at_stop(d))
		return 0;
	if (d->view->own && d->order.set.kind == kind && d->view->order.set.kind == kind)
		return d->order.set.value;
	if (d->view->order.set.kind == kind)
		return d->view->order.set.value;
	if (by_current && (value(d, MKT_R_ENABLED, 1) == 0 || v < MKT_FLOOR_MA))
		return 0;
	return v > INT32_MAX || v < INT32_MIN ? 0 : (int32_t)v;
}

/* What it may draw while nobody can tell it anything. */
static uint32_t held_ma(const struct charge_device *d)
{
	int64_t most = 0;

	for (int id = MKT_R_CURRENT_L1; id <= MKT_R_CURRENT_L3; id++) {
		int64_t v = value(d, (enum mkt_reading_id)id, 0);

		most = v > most ? v : most;
	}
	if (d->plan.by_current && d->plan.set > most)
		most = d->plan.set;
	if (!d->plan.by_current && d->plan.set) {
		uint32_t w = (uint32_t)(d->plan.set < 0 ? -d->plan.set : d->plan.set);
		uint32_t ma = mkt_plan_ma(&d->plan, w);

		most = ma > most ? ma : most;
	}
	if (!d->view && d->conf->failsafe_ma > most)
		most = d->conf->failsafe_ma;
	return positive(most, 0);
}

/* No less than can flow: to tell what flowed from what another meter shows. */
static uint32_t rated_w(const struct charge_device *d)
{
	uint32_t ma = positive(value(d, MKT_R_CURRENT_MAX, 0), CURRENT_MAX_MA);
	int64_t w[] = {3 * (int64_t)mkt_plan_watts(&d->plan, ma), d->conf->max_w,
		       value(d, MKT_R_POWER_CHARGE_MAX, 0), value(d, MKT_R_POWER_DISCHARGE_MAX, 0)};
	int64_t most = 0;

	for (unsigned i = 0; i < MKT_ARRAY_SIZE(w); i++)
		most = w[i] > most ? w[i] : most;
	return most < INT32_MAX / 2 ? 2 * (uint32_t)most : INT32_MAX;
}

static void read_counters(struct charge *c, struct charge_device *d)
{
	struct mkt_plan_device *p = &d->plan;
	uint64_t w;
	const int64_t jump[2] = {d->view->import_jump_wh, d->view->export_jump_wh};
	bool moved = false, jumped = memcmp(jump, d->jump_wh, sizeof(jump)) != 0;

	for (unsigned dir = 0; dir < 2; dir++) {
		int64_t v = value(d, dir ? MKT_R_ENERGY_EXPORT : MKT_R_ENERGY_IMPORT, 0);

		p->counter_wh[dir] = v > 0 ? (uint64_t)v : 0;
		moved |= p->counter_wh[dir] != d->seen_wh[dir];
		jumped |= p->counter_wh[dir] < d->seen_wh[dir];
	}
	if (jumped) {
		memcpy(d->before_wh, d->seen_wh, sizeof(d->before_wh));
		memcpy(d->jump_wh, jump, sizeof(jump));
		d->before_ms = d->seen_ms;
		d->jumped = true;
	}
	memcpy(d->seen_wh, p->counter_wh, sizeof(d->seen_wh));
	d->rated_w = rated_w(d);
	d->step_wh = positive(value(d, MKT_R_ENERGY_STEP, 1), 1);
	p->power_known = charge_fresh(d, MKT_R_POWER);
	p->power_w = (int32_t)value(d, MKT_R_POWER, 0);
	w = (uint64_t)(p->power_w < 0 ? -(int64_t)p->power_w : p->power_w);
	if (moved || !w || !d->seen_ms)
		d->seen_ms = c->now_ms;
	w = w * (c->now_ms - d->seen_ms) / 3600000;
	p->unseen_wh = (uint32_t)(w < d->step_wh ? w : d->step_wh);
}

static bool usable(const struct charge_device *d)
{
	unsigned counters = d->view ? d->view->caps & (MKT_CAP_IMPORT | MKT_CAP_EXPORT) : 0;

	if (!d->view || (d->view->state != MKT_DEV_READY && d->view->state != MKT_DEV_FAULT))
		return false;
	if ((counters & MKT_CAP_IMPORT) && !charge_fresh(d, MKT_R_ENERGY_IMPORT))
		return false;
	if ((counters & MKT_CAP_EXPORT) && !charge_fresh(d, MKT_R_ENERGY_EXPORT))
		return false;
	return mkt_app_mono_ms() >= d->failed_ms;
}

static void read_device(struct charge *c, struct charge_device *d)
{
	struct mkt_plan_device *p = &d->plan;
	uint64_t vehicle;
	int32_t set = p->set;

	p->name = d->conf->name;
	p->circuit = -1;
	for (uint32_t i = 0; i < c->conf->ncircuits; i++)
		if (!strcmp(c->conf->circuits[i].name, d->conf->circuit))
			p->circuit = (int)i;
	p->usable = usable(d);
	if (p->usable)
		d->missing_ms = 0;
	else if (!d->missing_ms)
		d->missing_ms = mkt_app_mono_ms();
	if (!p->usable)
		d->rested = false;
	if (!d->view)
		return; /* what was known before stands */
	read_limits(c, d);
	p->latency_ms = mkt_clock_simulated(c->clock) ? 0 : 300;
	p->faulty = d->view->state == MKT_DEV_FAULT;
	vehicle = (uint64_t)value(d, MKT_R_VEHICLE, MKT_VEHICLE_UNKNOWN);
	p->vehicle = d->view->caps & MKT_CAP_VEHICLE && charge_fresh(d, MKT_R_VEHICLE)
			     ? (enum mkt_dev_vehicle)vehicle
			     : MKT_VEHICLE_UNKNOWN;
	if ((d->vehicle == MKT_VEHICLE_A) != (vehicle == MKT_VEHICLE_A))
		p->takes_w[0] = p->takes_w[1] = 0;
	d->vehicle = vehicle;
	p->set = found_set(d);
	if (p->set != set || !p->set_since_ms)
		p->set_since_ms = c->now_ms;
	read_counters(c, d);
	p->room_wh[0] = room(d, 0);
	p->room_wh[1] = room(d, 1);
	p->held_ma = held_ma(d);
	mkt_plan_learn(p, c->now_ms);
}

/* Is what we have of it too old to decide with? */
static bool wants_refresh(const struct charge *c, const struct charge_device *d)
{
	enum mkt_reading_id id =
		d->view->caps & MKT_CAP_IMPORT ? MKT_R_ENERGY_IMPORT : MKT_R_ENERGY_EXPORT;

	if (d->view->state != MKT_DEV_READY && d->view->state != MKT_DEV_FAULT)
		return false;
	if (mkt_app_mono_ms() < d->failed_ms)
		return false;
	if (mkt_clock_simulated(c->clock))
		return true;
	return !mkt_reading_fresh(&d->view->r, id, mkt_app_mono_ms(), CURRENT_EXACT_MS);
}

/* A counter that mkt-driverd doubts keeps its age while the calendar of a simulation may jump. */
static bool counted_since(const struct charge_device *d, uint64_t mono_ms)
{
	static const enum mkt_reading_id ids[] = {MKT_R_ENERGY_IMPORT, MKT_R_ENERGY_EXPORT};

	for (unsigned i = 0; i < MKT_ARRAY_SIZE(ids); i++)
		if (d->plan.metered[i] && d->view->r.v[ids[i]].known &&
		    d->view->r.v[ids[i]].at_ms < mono_ms)
			return false;
	return true;
}

static void refresh(struct charge *c, struct charge_device *d)
{
	unsigned tries = mkt_clock_simulated(c->clock) ? REFRESH_TRIES : 1;
	struct mkt_err err = {0};
	int rc = -1;

	while (rc && tries-- && d->line->client) {
		uint64_t mono = mkt_app_mono_ms();

		rc = mkt_devc_refresh(d->line->client, d->conf->name, mono + REFRESH_MS, &err);
		look_up(c);
		if (!rc && mkt_clock_simulated(c->clock) && d->view && !counted_since(d, mono))
			rc = -MKT_EDEVSTALE;
	}
	if (rc == -MKT_EUNAVAILABLE && d->line->client)
		hang_up(c, d->line, &err);
	else if (rc)
		d->failed_ms = mkt_app_mono_ms() + (mkt_clock_simulated(c->clock) ? 50 : 1000);
	if (rc && mkt_clock_simulated(c->clock))
		c->due = true; /* time stands until it is known, or the device is missing */
}

void charge_site_read(struct charge *c)
{
	for (uint32_t i = 0; i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];

		if (d->view && (c->busy || mkt_clock_simulated(c->clock)) && wants_refresh(c, d))
			refresh(c, d);
	}
	look_up(c);
	for (uint32_t i = 0; i < c->ndevices; i++)
		read_device(c, &c->devices[i]);
}

/* ---- a simulated calendar ------------------------------------------------------------------- */

static bool settled(const struct charge_device *d)
{
	bool flows = value(d, MKT_R_POWER, 0) != 0;

	return !d->view || flows == (d->plan.set != 0);
}

void charge_site_settle(struct charge *c)
{
	uint64_t until = mkt_app_mono_ms() + SETTLE_MS;

	if (!mkt_clock_simulated(c->clock))
		return;
	for (uint32_t i = 0; i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];

		while (d->settling && mkt_app_mono_ms() < until && !mkt_app_stopped()) {
			refresh(c, d);
			look_up(c);
			d->settling = !settled(d);
			if (d->settling)
				poll(NULL, 0, SETTLE_LOOK_MS);
		}
		d->settling = false;
	}
}
