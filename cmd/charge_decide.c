/*
 * A turn of the work: windows begin and end with their counters, then the plan is
 * made, told and ordered.
 */
#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/charge.h"

#define MARK_MS 60000 /* counters of a running window are kept at least so often */
#define GRACE_PARTS 4 /* of the deadline for reports: so long is waited for a lost device */
#define MARGIN_VEHICLE_MS 60000 /* a vehicle takes its time before it draws */
#define MARGIN_MS 10000
#define BUSY_MS 100
#define HISTORY_MAX 1500
#define HISTORY_MS 3000

/* ---- windows ------------------------------------------------------------------------------ */

static uint64_t window_ms(const struct charge *c)
{
	return (uint64_t)c->s.facts.window_s * 1000;
}

struct mkt_duty *charge_present(const struct charge *c)
{
	uint64_t window_s = c->now_ms / window_ms(c) * c->s.facts.window_s;
	struct mkt_duty *w = mkt_duties_find(&c->duties, window_s);

	return w && (mkt_duty_wh(w, 0) || mkt_duty_wh(w, 1)) ? w : NULL;
}

/* Has the device a counter of something that is contracted in the window? */
static bool concerned(const struct mkt_duty *w, const struct charge_device *d)
{
	return (mkt_duty_wh(w, 0) && d->plan.metered[0]) ||
	       (mkt_duty_wh(w, 1) && d->plan.metered[1]);
}

static int keep_reading(struct charge *c, const char *kind, const struct mkt_duty_reading *r,
			uint64_t at_ms)
{
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_duty_put_reading(&b, at_ms, kind, r);
	return charge_keep(c, &b, strcmp(kind, "mark") != 0);
}

static struct mkt_duty_reading reading_now(const struct mkt_duty *w, const struct charge_device *d)
{
	return (struct mkt_duty_reading){
		.window_s = w->window_s,
		.dev = d->conf->name,
		.charger = d->enrolled ? d->charger : "",
		.wh = {d->plan.counter_wh[0], d->plan.counter_wh[1]},
		.rated_w = d->rated_w,
		.step_wh = d->step_wh,
	};
}

/*
 * The counters at a border that was passed while nobody looked, from what
 * mkt-driverd sampled each minute.  @after: the first sample behind the border, else
 * the last before it: the side on which nothing is counted twice or too much.
 * False if there is none; *exact if nothing flowed between the two.
 */
static bool from_history(struct charge *c, struct charge_device *d, uint64_t border_ms, bool after,
			 uint64_t wh[2], bool *exact)
{
	uint64_t mono = mkt_app_mono_ms(), away = c->now_ms - border_ms, border;
	struct mkt_dev_sample *s = calloc(HISTORY_MAX, sizeof(*s));
	const struct mkt_dev_sample *before = NULL, *behind = NULL, *take;
	int n = 0;

	if (s && !mkt_clock_simulated(c->clock) && away < mono)
		n = mkt_devc_history(d->line->client, d->conf->name, 0, s, HISTORY_MAX,
				     mono + HISTORY_MS, NULL);
	border = mono - away;
	for (int i = 0; i < n; i++) {
		if (s[i].at_ms <= border)
			before = &s[i];
		else if (!behind)
			behind = &s[i];
	}
	take = after ? behind : before;
	if (take) {
		wh[0] = take->import_wh > 0 ? (uint64_t)take->import_wh : 0;
		wh[1] = take->export_wh > 0 ? (uint64_t)take->export_wh : 0;
		*exact = before && behind && before->import_wh == behind->import_wh &&
			 before->export_wh == behind->export_wh;
	}
	free(s);
	return take != NULL;
}

static int begin_meter(struct charge *c, struct mkt_duty *w, struct charge_device *d)
{
	struct mkt_duty_reading r = reading_now(w, d);
	uint64_t border = w->window_s * 1000;
	bool known = true, was;

	r.exact = c->now_ms < border + CHARGE_BORDER_MS;
	was = !r.exact;
	if (was)
		known = from_history(c, d, border, true, r.wh, &r.exact);
	if (c->now_ms >= border + window_ms(c) && !known)
		return 0; /* the window is over: nothing was seen of it */
	if (!r.exact)
		charge_note(
			c, d->conf->name, w->window_s,
			"the window's beginning was not seen: what flowed before is not counted");
	return keep_reading(c, "begin", &r, was && known ? border : c->now_ms);
}

static int end_meter(struct charge *c, struct mkt_duty *w, struct charge_device *d,
		     const struct mkt_duty_meter *m)
{
	struct mkt_duty_reading r = reading_now(w, d);
	uint64_t border = w->window_s * 1000 + window_ms(c);
	bool still = m->last_wh[0] == r.wh[0] && m->last_wh[1] == r.wh[1];

	r.exact = c->now_ms < border + CHARGE_BORDER_MS || still;
	if (!r.exact && !from_history(c, d, border, false, r.wh, &r.exact))
		memcpy(r.wh, m->last_wh, sizeof(r.wh));
	/* A sample from before our own last look tells nothing new. */
	if (!r.exact && (r.wh[0] < m->last_wh[0] || r.wh[1] < m->last_wh[1]))
		memcpy(r.wh, m->last_wh, sizeof(r.wh));
	if (!r.exact)
		charge_note(c, d->conf->name, w->window_s,
			    "the window's end was not seen: reported is what was metered before");
	return keep_reading(c, "end", &r, c->now_ms);
}

/* The device did not come back in time: the last that was seen of it stands. */
static int give_up_meter(struct charge *c, struct mkt_duty *w, struct charge_device *d,
			 const struct mkt_duty_meter *m)
{
	struct mkt_duty_reading r = reading_now(w, d);

	memcpy(r.wh, m->last_wh, sizeof(r.wh));
	charge_note(c, d->conf->name, w->window_s,
		    "the device did not answer at the window's end: reported is what was metered "
		    "before");
	return keep_reading(c, "end", &r, c->now_ms);
}

static bool due_mark(const struct charge *c, const struct charge_device *d,
		     const struct mkt_duty_meter *m)
{
	const uint64_t *now = d->plan.counter_wh;
	bool fell = now[0] < m->last_wh[0] || now[1] < m->last_wh[1];
	bool moved = now[0] != m->last_wh[0] || now[1] != m->last_wh[1];

	return fell || (moved && (c->now_ms < m->last_ms || c->now_ms >= m->last_ms + MARK_MS));
}

/* Marks are a minute apart: what was seen since the last counts when counters jump. */
static int mark_jump(struct charge *c, const struct mkt_duty *w, struct charge_device *d,
		     const struct mkt_duty_meter *m)
{
	struct mkt_duty_reading now = reading_now(w, d), before = now;
	int rc = 0;

	if (!d->jumped)
		return 0;
	d->jumped = false;
	memcpy(before.wh, d->before_wh, sizeof(before.wh));
	if (d->before_ms >= m->last_ms && before.wh[0] >= m->last_wh[0] &&
	    before.wh[1] >= m->last_wh[1])
		rc = keep_reading(c, "mark", &before, d->before_ms);
	return rc ? rc : keep_reading(c, "mark", &now, c->now_ms);
}

static int turn_meter(struct charge *c, struct mkt_duty *w, struct charge_device *d)
{
	const struct mkt_duty_meter *m = mkt_duty_meter(w, d->conf->name);
	uint64_t end = w->window_s * 1000 + window_ms(c);
	uint64_t grace = (uint64_t)c->s.facts.deadline_s * 1000 / GRACE_PARTS;
	struct mkt_duty_reading r;
	int rc;

	if (m && m->ended)
		return 0;
	if (!d->plan.usable)
		return m && c->now_ms >= end + grace ? give_up_meter(c, w, d, m) : 0;
	if (!m)
		return begin_meter(c, w, d);
	if (c->now_ms >= end)
		return end_meter(c, w, d, m);
	rc = mark_jump(c, w, d, m);
	if (rc)
		return rc;
	if (!due_mark(c, d, m))
		return 0;
	r = reading_now(w, d);
	return keep_reading(c, "mark", &r, c->now_ms);
}

static int turn_windows(struct charge *c)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < c->duties.n; i++) {
		struct mkt_duty *w = &c->duties.v[i];

		if (w->window_s * 1000 > c->now_ms)
			break;
		if (w->side[0].report != MKT_DUTY_OPEN || w->side[1].report != MKT_DUTY_OPEN)
			continue;
		for (uint32_t k = 0; !rc && k < c->ndevices; k++) {
			rc = concerned(w, &c->devices[k]) ? turn_meter(c, w, &c->devices[k]) : 0;
			/* Ended, and begun in the next: looked at again in one turn. */
			w = &c->duties.v[i];
			if (!rc && c->devices[k].plan.usable && concerned(w, &c->devices[k]) &&
			    c->now_ms >= w->window_s * 1000 + window_ms(c))
				rc = turn_meter(c, w, &c->devices[k]);
		}
	}
	return rc;
}

/* ---- the plan ----------------------------------------------------------------------------- */

/* What has moved in the window by the counters of now. */
static void read_moved(const struct charge *c, struct charge_device *d, const struct mkt_duty *w)
{
	const struct mkt_duty_meter *m = w ? mkt_duty_meter(w, d->conf->name) : NULL;

	for (unsigned dir = 0; dir < 2; dir++) {
		d->plan.moved_wh[dir] = m ? mkt_duty_moved(m, dir) : 0;
		if (m && d->view)
			d->plan.moved_wh[dir] +=
				mkt_duty_growth(m, dir, d->plan.counter_wh[dir], c->now_ms);
	}
}

static uint64_t ask_plan(struct charge *c, struct mkt_duty *w, struct mkt_plan_out *out)
{
	struct mkt_plan_device *devices = calloc(c->ndevices, sizeof(*devices));
	struct mkt_plan_in in = {
		.now_ms = c->now_ms,
		.next_ms = mkt_duties_next_ms(&c->duties, c->now_ms),
		.window_s = c->s.facts.window_s,
		.margin_ms = MARGIN_MS,
		.zone = &c->s.zone,
		.devices = devices,
		.ndevices = c->ndevices,
		.circuits = c->circuits,
		.ncircuits = c->conf->ncircuits,
	};
	uint64_t wake = c->now_ms + CHARGE_TICK_MS;

	if (!devices)
		return wake;
	if (w) {
		in.start_ms = w->window_s * 1000;
		in.end_ms = in.start_ms + window_ms(c);
		in.wanted_wh[0] = mkt_duty_wh(w, 0);
		in.wanted_wh[1] = mkt_duty_wh(w, 1);
	}
	for (uint32_t i = 0; i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];

		read_moved(c, d, w);
		devices[i] = d->plan;
		/* Without a counter at its beginning nothing may flow in a window. */
		if (w && concerned(w, d) && !mkt_duty_meter(w, d->conf->name))
			devices[i].usable = false;
		if (d->plan.by_current && d->view && d->view->caps & MKT_CAP_VEHICLE &&
		    !mkt_clock_simulated(c->clock))
			in.margin_ms = MARGIN_VEHICLE_MS;
	}
	wake = mkt_plan(&in, out);
	free(devices);
	return wake;
}

/* ---- orders ------------------------------------------------------------------------------- */

static int64_t size_of(int32_t v)
{
	return v < 0 ? -(int64_t)v : v;
}

static bool lowers(const struct charge_device *d, const struct mkt_plan_out *o)
{
	return size_of(o->set.value) < size_of(d->plan.set);
}

static uint32_t lease(const struct charge *c, const struct mkt_duty *w)
{
	uint64_t end, left;

	if (!w || mkt_clock_simulated(c->clock))
		return CHARGE_LEASE_S;
	end = w->window_s * 1000 + window_ms(c);
	left = end > c->now_ms ? (end - c->now_ms) / 1000 + 2 : 2;
	return left < CHARGE_LEASE_S ? (uint32_t)left : CHARGE_LEASE_S;
}

static bool same_order(const struct mkt_order *a, const struct mkt_order *b)
{
	return a->set.kind == b->set.kind && a->set.value == b->set.value &&
	       a->stop_import_wh == b->stop_import_wh && a->stop_export_wh == b->stop_export_wh;
}

static void failed(struct charge *c, struct charge_device *d, const struct mkt_err *err)
{
	bool simulated = mkt_clock_simulated(c->clock);
	bool held = err->code == MKT_ELOCKED;
	uint32_t pause = simulated && !held ? 20u : 1000u << (d->failures < 5 ? d->failures : 5);

	/* Nothing was sent: the device is still at something else. */
	if (err->code == MKT_EBUSY) {
		d->failed_ms = mkt_app_mono_ms() + BUSY_MS;
		c->due = true;
		return;
	}
	if (d->failures < 3 || d->failures % 100 == 0)
		charge_note(c, d->conf->name, 0, "order failed: %s", err->text);
	d->failures++;
	d->failed_ms = mkt_app_mono_ms() + pause;
	d->order = (struct mkt_order){0};
	c->due = true;
}

/* 0: it is so; negative: nobody knows. */
static int give_order(struct charge *c, struct charge_device *d, const struct mkt_plan_out *o,
		      uint32_t lease_s)
{
	struct mkt_order order = {.set = o->set,
				  .lease_s = lease_s,
				  .stop_import_wh = o->set.value > 0 ? o->stop_wh[0] : 0,
				  .stop_export_wh = o->set.value < 0 ? o->stop_wh[1] : 0};
	uint64_t mono = mkt_app_mono_ms();
	struct mkt_setpoint applied;
	struct mkt_err err = {0};
	int rc;

	if (d->view->own && same_order(&order, &d->order) &&
	    mono < d->order_ms + (uint64_t)d->order.lease_s * 1000 / 3)
		return 0;
	rc = mkt_devc_order(d->line->client, d->conf->name, &order, mono + CHARGE_ORDER_MS,
			    &applied, &err);
	if (rc) {
		failed(c, d, &err);
		return rc;
	}
	if (!same_order(&order, &d->order) || d->failures)
		d->plan.set_since_ms = c->now_ms;
	/* Before a calendar goes on it must be known what flows now. */
	if (mkt_clock_simulated(c->clock) && order.set.value != d->plan.set)
		c->due = true;
	d->settling = !order.set.value != !d->plan.set;
	d->plan.set = order.set.value;
	d->rested = false;
	d->order = order;
	d->order_ms = mkt_app_mono_ms();
	d->failures = 0;
	return 0;
}

/* Nothing is asked of it: it goes to the state that it is configured to rest in. */
static int give_back(struct charge *c, struct charge_device *d)
{
	struct mkt_err err = {0};
	int rc;

	if (d->rested && !d->view->own)
		return 0;
	rc = mkt_devc_release(d->line->client, d->conf->name, mkt_app_mono_ms() + CHARGE_ORDER_MS,
			      &err);
	if (rc) {
		failed(c, d, &err);
		return rc;
	}
	d->order = (struct mkt_order){0};
	d->rested = true;
	return 0;
}

static int act(struct charge *c, struct charge_device *d, const struct mkt_plan_out *o,
	       uint32_t lease_s)
{
	if (!d->view || !d->plan.usable || !d->line->client)
		return 0;
	return o->set.kind ? give_order(c, d, o, lease_s) : give_back(c, d);
}

/* First what gets less, then what gets more; not on a circuit where less has failed. */
static void order_all(struct charge *c, const struct mkt_plan_out *out, uint32_t lease_s)
{
	bool held[MKT_PLAN_CIRCUITS_MAX] = {false};

	for (uint32_t i = 0; i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];

		if (lowers(d, &out[i]) && act(c, d, &out[i], lease_s) && d->plan.circuit >= 0)
			held[d->plan.circuit] = true;
	}
	for (uint32_t i = 0; i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];

		if (lowers(d, &out[i]) || (d->plan.circuit >= 0 && held[d->plan.circuit]))
			continue;
		(void)!act(c, d, &out[i], lease_s);
	}
}

/* ---- telling ------------------------------------------------------------------------------ */

/* A decision is another one when what is asked for, or its reason, is. */
static int tell(struct charge *c, const struct mkt_duty *w, const struct mkt_plan_out *out)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];
		bool same = d->decided_ms && d->out.code == out[i].code &&
			    d->out.set.kind == out[i].set.kind &&
			    d->out.set.value == out[i].set.value;
		struct mkt_buf b = MKT_BUF_INIT;

		/* That an order failed is told already; what comes of it is not news. */
		if (out[i].code == MKT_PLAN_STALE && d->decided_ms &&
		    mkt_app_mono_ms() < d->failed_ms)
			continue;
		d->out = out[i];
		if (same)
			continue;
		d->decided_ms = c->now_ms;
		d->told_ms = 0;
		mkt_app_trace(c->app, "%s: %s", d->conf->name, out[i].text);
		mkt_duty_put_plan(&b, c->now_ms, d->conf->name, w ? w->window_s : 0, &out[i]);
		rc = charge_keep(c, &b, false);
	}
	return rc;
}

/* A counter of a window that is over must be read as soon as its device is back. */
static void watch_ends(struct charge *c)
{
	for (uint32_t i = 0; i < c->duties.n; i++) {
		const struct mkt_duty *w = &c->duties.v[i];
		uint64_t end = w->window_s * 1000 + window_ms(c);

		if (w->window_s * 1000 > c->now_ms)
			break;
		if (end > c->now_ms && end < c->wake_ms)
			c->wake_ms = end;
		for (uint32_t k = 0; k < w->nmeters; k++)
			if (!w->meters[k].ended && end <= c->now_ms &&
			    c->wake_ms > c->now_ms + MARK_MS)
				c->wake_ms = c->now_ms + MARK_MS;
	}
}

int charge_decide(struct charge *c)
{
	struct mkt_plan_out *out = calloc(c->ndevices, sizeof(*out));
	struct mkt_duty *w;
	int rc;

	if (!out)
		return mkt_err_code(&c->app->err, MKT_ENOMEM);
	c->due = false;
	c->busy = true;
	charge_site_read(c);
	rc = turn_windows(c);
	if (!rc) {
		w = charge_present(c);
		c->busy = w != NULL;
		c->wake_ms = ask_plan(c, w, out);
		order_all(c, out, lease(c, w));
		charge_site_settle(c);
		rc = tell(c, w, out);
		watch_ends(c);
	}
	free(out);
	return rc;
}
