/*
 * SunSpec devices over Modbus RTU and TCP: inverters, hybrids and batteries, meters.
 *
 * Kind and abilities come from the models that the device says it has.  Storage is
 * steered by 704 with 713, else by 124; else the device is read only.  Revert
 * timers are the device's own watchdog: they are started with every order and
 * again before they run out.  See mkt-sunspec(8).
 */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/inv_sunspec.h"

#define UNIT 1
#define ANSWER_MS 500
#define TURNAROUND_MS 900 /* three bases within one call */
#define WATCHDOG_S 300
#define WATCHDOG_MAX_S 65534 /* a uint16 that is not "absent" */
#define BEAT_MS 1000
#define SPACING_MS 1000 /* between set-points: they may live in flash */
#define CAP_POLLS 10	/* the limit of AC output is read so seldom */

/* ---- identity ------------------------------------------------------------------------------ */

/* @retries: 0 while the bases are tried, of which some may be met with silence. */
static int connect(struct drv_link *l, struct drv_device *d, const struct mkt_device_conf *conf,
		   uint8_t retries, struct drv_mb **mb, struct mkt_err *err)
{
	struct drv_mb_conf mc = {.unit = conf->unit ? conf->unit : UNIT,
				 .answer_ms = ANSWER_MS,
				 .turnaround_ms = TURNAROUND_MS,
				 .retries = retries};

	return drv_mb_new(l, d, &mc, mb, err);
}

static int read_identity(struct ss_io *io, const struct ss_map *map, unsigned device,
			 struct mkt_identity *id, struct mkt_err *err)
{
	const struct ss_model *m = ss_find(map, device, 1);
	struct ss_block b;
	int rc;

	*id = (struct mkt_identity){0};
	if (!m)
		return 0;
	rc = ss_read(io, m, &b, err);
	if (rc < 0)
		return rc;
	ss_text(&b, SS_1_Mn, id->maker);
	ss_text(&b, SS_1_Md, id->model);
	ss_text(&b, SS_1_Vr, id->version);
	ss_text(&b, SS_1_SN, id->serial);
	return 0;
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	struct ss_map map;
	struct drv_mb *mb;
	struct ss_io io;
	int rc = connect(l, NULL, conf, 0, &mb, err);

	if (rc < 0)
		return rc;
	drv_mb_begin(mb);
	ss_io_modbus(&io, mb);
	rc = ss_walk(&io, &map, err);
	if (rc > 0)
		rc = read_identity(&io, &map, 0, id, err);
	else if (rc == 0)
		rc = -MKT_EDEVTIMEOUT;
	drv_mb_free(mb);
	if (rc == -MKT_EDEVLOST)
		return rc;
	return rc == 0;
}

/* The logical device that is meant: the first, or the one with the configured serial number. */
static int choose_device(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	int rc = 0;

	for (unsigned i = 0; i < v->map.devices; i++) {
		v->device = i;
		rc = read_identity(&v->io, &v->map, i, &d->id, err);
		if (rc < 0 || !d->conf->serial[0] || !strcmp(d->conf->serial, d->id.serial))
			return rc;
	}
	return drv_check_serial(d, err);
}

/* ---- kind and abilities -------------------------------------------------------------------- */

static void find_models(struct inv *v)
{
	static const uint16_t ac[] = {701, 103, 113}, meters[] = {203, 213};
	const struct ss_map *map = &v->map;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(ac) && !v->ac; i++)
		v->ac = ss_find(map, v->device, ac[i]);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(meters) && !v->meter; i++)
		v->meter = ss_find(map, v->device, meters[i]);
	v->name = ss_find(map, v->device, 702);
	if (!v->name)
		v->name = ss_find(map, v->device, 120);
	v->basic = ss_find(map, v->device, 121);
	v->limit = ss_find(map, v->device, 123);
	v->store = ss_find(map, v->device, 713);
	v->batt = ss_find(map, v->device, 802);
}

static int find_kind(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	char ids[128];

	if (v->control != INV_NONE || v->store || v->batt) {
		d->kind = MKT_DEV_BATTERY;
	} else if (v->ac) {
		d->kind = MKT_DEV_INVERTER;
	} else if (v->meter) {
		d->kind = MKT_DEV_METER;
	} else {
		ss_ids(&v->map, v->device, ids, sizeof(ids));
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "a SunSpec device without inverter, meter or battery: it has "
				   "models %s",
				   ids);
	}
	if (v->ac)
		v->meter =
			NULL; /* the inverter's own figures; its meter is elsewhere in the wiring */
	return 0;
}

static void find_caps(struct drv_device *d, const struct inv *v)
{
	unsigned control = MKT_CAP_POWER | MKT_CAP_DISCHARGE | MKT_CAP_MODE | MKT_CAP_PAUSE;

	d->caps &= MKT_CAP_IMPORT | MKT_CAP_EXPORT; /* set with the counters */
	if (mkt_reading_or(&d->r, MKT_R_SOC, -1) >= 0)
		d->caps |= MKT_CAP_SOC;
	if (v->control == INV_NONE || v->local) {
		d->caps |= d->kind == MKT_DEV_BATTERY ? MKT_CAP_READ_ONLY : 0;
		return;
	}
	d->caps |= control;
	if (v->watchdog_s)
		d->caps |= MKT_CAP_WATCHDOG;
}

/* ---- poll ---------------------------------------------------------------------------------- */

static int poll(struct drv_device *d, struct mkt_err *err)
{
	struct inv *v = d->priv;
	int rc = 0;

	drv_mb_begin(v->mb);
	drv_fault(d, NULL);
	if (v->control == INV_124 && v->polls++ % CAP_POLLS == 0)
		rc = inv_read_cap(d, v, err);
	if (rc == 0 && v->ac)
		rc = inv_read_ac(d, v, err);
	if (rc == 0 && v->meter)
		rc = inv_read_meter(d, v, err);
	if (rc == 0 && v->ctl)
		rc = inv_read_control(d, v, err);
	if (rc == 0)
		rc = inv_read_store(d, v, err);
	if (rc == 0)
		find_caps(d, v);
	return rc;
}

static int open_begin(struct drv_device *d, struct mkt_err *err)
{
	struct inv *v = calloc(1, sizeof(*v));
	int rc;

	d->priv = v;
	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	v->grid_set = &d->keep[0];
	v->w_sign = 1;
	v->cap_w = UINT32_MAX;
	v->watchdog_s = d->conf->watchdog_s ? d->conf->watchdog_s : WATCHDOG_S;
	if (v->watchdog_s > WATCHDOG_MAX_S)
		v->watchdog_s = WATCHDOG_MAX_S;
	rc = connect(d->link, d, d->conf, 0, &v->mb, err);
	if (rc == 0)
		ss_io_modbus(&v->io, v->mb);
	return rc;
}

static int walk(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	int rc = ss_walk(&v->io, &v->map, err);

	if (rc == 0)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "no SunSpec device: unit %u has no 'SunS' at 40000, 0 or 50000",
				   d->conf->unit ? d->conf->unit : UNIT);
	return rc < 0 ? rc : choose_device(d, v, err);
}

static int look(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	int rc;

	drv_mb_free(v->mb);
	v->mb = NULL;
	rc = connect(d->link, d, d->conf, 1, &v->mb, err);
	if (rc < 0)
		return rc;
	v->io.arg = v->mb;
	drv_mb_begin(v->mb);
	find_models(v);
	rc = inv_store_find(d, v, err);
	if (rc < 0)
		return rc;
	/* What the inverter counts is sun and battery together. */
	if (v->wmax_w)
		d->rated_w = v->wmax_w;
	if (d->rated_w && d->rated_w < v->charge_max_w)
		d->rated_w = v->charge_max_w;
	return find_kind(d, v, err);
}

/* In three calls: a long chain and its models are many requests on a slow line. */
static int open_device(struct drv_device *d, struct mkt_err *err)
{
	struct inv *v = d->priv;
	int rc = v ? 0 : open_begin(d, err);

	if (rc < 0)
		return rc;
	v = d->priv;
	drv_mb_begin(v->mb);
	if (v->stage == INV_FIRST)
		return poll(d, err);
	rc = v->stage == INV_WALK ? walk(d, v, err) : look(d, v, err);
	if (rc < 0)
		return rc;
	v->stage = v->stage == INV_WALK ? INV_MODELS : INV_FIRST;
	return mkt_err_set(err, MKT_EBUSY, "reading the models of the device");
}

static void close_device(struct drv_device *d)
{
	struct inv *v = d->priv;

	if (v)
		drv_mb_free(v->mb);
	free(v);
	d->priv = NULL;
}

/* ---- orders -------------------------------------------------------------------------------- */

/* What an order comes to within the device's limits; a step's worth is the least. */
static int plan_power(const struct inv *v, int32_t power_w, struct inv_state *s,
		      struct mkt_err *err)
{
	uint32_t w = power_w < 0 ? 0u - (uint32_t)power_w : (uint32_t)power_w;
	uint32_t max = v->charge_max_w;

	if (power_w < 0)
		max = v->cap_w < v->discharge_max_w ? v->cap_w : v->discharge_max_w;
	if (w > max)
		w = max;
	if (!max)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "the device allows no %s now, or tells no largest power "
				   "(then set 'max_power')",
				   power_w < 0 ? "discharge" : "charge");
	if (w < v->step_w)
		return mkt_err_set(err, MKT_EINVAL, "%d W is less than the device's step of %u W",
				   power_w, v->step_w);
	if (v->control == INV_704)
		w -= w % v->step_w;
	*s = (struct inv_state){.mode = power_w < 0 ? MKT_MODE_DISCHARGE : MKT_MODE_CHARGE,
				.steered = true,
				.power_w = power_w < 0 ? -(int32_t)w : (int32_t)w};
	return 0;
}

static int plan(const struct inv *v, const struct mkt_setpoint *set, struct inv_state *s,
		struct mkt_err *err)
{
	if (set->kind == MKT_SET_POWER && set->value)
		return plan_power(v, set->value, s, err);
	*s = (struct inv_state){.mode = MKT_MODE_HOLD, .steered = true};
	if (set->kind == MKT_SET_POWER) {
		s->idle = true;
		return 0;
	}
	if (set->kind != MKT_SET_MODE)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "a SunSpec battery takes a power or a mode, no current");
	switch (set->value) {
	case MKT_MODE_AUTO:
		*s = (struct inv_state){.mode = MKT_MODE_AUTO};
		return 0;
	case MKT_MODE_HOLD:
		return 0;
	case MKT_MODE_CHARGE:
		return plan_power(v, INT32_MAX, s, err);
	case MKT_MODE_DISCHARGE:
		return plan_power(v, -INT32_MAX, s, err);
	default:
		return mkt_err_set(err, MKT_EINVAL, "no such mode: %d", set->value);
	}
}

static bool same_state(const struct inv_state *a, const struct inv_state *b)
{
	return a->mode == b->mode && a->steered == b->steered && a->power_w == b->power_w &&
	       a->idle == b->idle;
}

static uint64_t half_ms(const struct inv *v)
{
	return (uint64_t)v->watchdog_s * 500;
}

/* May it be written to at all?  Then what is in force is read. */
static int check_control(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	int rc;

	if (v->control == INV_NONE)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "the device has no model that steers storage (704 with 713, "
				   "or 124): it is read only");
	drv_mb_begin(v->mb);
	rc = v->batt ? inv_read_store(d, v, err) : 0;
	if (rc == 0 && v->local)
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "the battery is under local control (model 802, LocRemCtl 1)");
	if (rc == 0)
		rc = ss_check(&v->io, v->ctl, err);
	if (rc == 0 && v->control == INV_124)
		rc = inv_read_cap(d, v, err);
	return rc == 0 ? inv_read_control(d, v, err) : rc;
}

/* How often keepalive() is wanted: heartbeats, and half of what the revert timer lasts. */
static void set_keepalive(struct drv_device *d, const struct inv *v)
{
	uint64_t ms = v->held && v->watchdog_s ? half_ms(v) : 0;

	if (v->held && v->batt && v->beats)
		ms = BEAT_MS;
	drv_keepalive(d, ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms);
}

/* Write @s; @held: it is to be kept alive. */
static int apply(struct drv_device *d, struct inv *v, const struct inv_state *s, bool held,
		 struct mkt_err *err)
{
	uint64_t now = drv_now_ms();
	bool again = s->steered && v->watchdog_s && (!v->held || now - v->armed_ms >= half_ms(v));
	int rc = inv_store_set(v, s, again, err);

	if (rc < 0)
		return rc;
	now = drv_now_ms();
	if (!v->held || again || !same_state(s, &v->hold))
		v->armed_ms = v->written_ms = now;
	v->hold = *s;
	v->held = held && s->steered;
	set_keepalive(d, v);
	inv_set_control(d, v);
	return 0;
}

/* Does it move energy?  What ends that does not wait. */
static bool moves(const struct mkt_setpoint *set)
{
	if (set->kind == MKT_SET_MODE)
		return set->value == MKT_MODE_CHARGE || set->value == MKT_MODE_DISCHARGE;
	return set->value != 0;
}

static int command(struct drv_device *d, const struct mkt_setpoint *set,
		   struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct inv *v = d->priv;
	struct inv_state s, now;
	int rc;

	if (moves(set) && v->written_ms &&
	    drv_now_ms() - v->written_ms < drv_spacing_ms(d, SPACING_MS) &&
	    (set->kind != v->asked.kind || set->value != v->asked.value))
		return mkt_err_set(err, MKT_EBUSY, "another set-point was written just now");
	rc = check_control(d, v, err);
	if (rc < 0)
		return rc;
	rc = plan(v, set, &s, err);
	if (rc < 0)
		return rc;
	if (d->faulty && s.power_w)
		return mkt_err_set(err, MKT_EDEVFAULT, "%s", d->fault);
	rc = apply(d, v, &s, true, err);
	if (rc < 0)
		return rc;
	now = inv_store_state(v);
	v->asked = *set;
	*applied = *set;
	applied->value = set->kind == MKT_SET_POWER ? now.power_w : (int32_t)now.mode;
	return 0;
}

/*
 * What has ended, or was changed by another master, is not started again here: the
 * readings say so, and the runtime decides.
 */
static int start_again(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	int rc = inv_read_control(d, v, err);

	if (rc < 0 || inv_store_state(v).mode != v->hold.mode)
		return rc;
	rc = inv_store_set(v, &v->hold, true, err);
	if (rc == 0)
		v->armed_ms = drv_now_ms();
	return rc;
}

static int keepalive(struct drv_device *d, struct mkt_err *err)
{
	struct inv *v = d->priv;
	int rc = 0;

	if (!v->held)
		return 0;
	drv_mb_begin(v->mb);
	if (v->batt && v->beats)
		rc = inv_store_beat(v, err);
	if (rc == 0 && v->watchdog_s && drv_now_ms() - v->armed_ms + BEAT_MS >= half_ms(v))
		rc = start_again(d, v, err);
	return rc;
}

/*
 * A battery has its own programme again, paused or not: one that is held for ever
 * serves nobody.
 */
static int safe_state(struct drv_device *d, struct mkt_err *err)
{
	const struct inv_state s = {.mode = MKT_MODE_AUTO};
	struct inv *v = d->priv;
	int rc;

	if (v->control == INV_NONE || d->conf->exit == MKT_EXIT_KEEP)
		return 0;
	rc = check_control(d, v, err);
	if (rc < 0)
		return v->local ? 0 : rc; /* under local control nothing of ours is in force */
	rc = apply(d, v, &s, false, err);
	v->written_ms = 0; /* who comes next does not wait */
	return rc;
}

const struct drv_driver drv_sunspec = {
	.name = "sunspec",
	.summary = "SunSpec inverters, batteries and meters, RTU or TCP",
	.maturity = DRV_BETA,
	.kind = MKT_DEV_INVERTER,
	.line = {9600, 'N', 8, 1},
	.pause_ms = 20,
	.poll_ms = 2000,
	.unit = UNIT,
	.probe = probe,
	.open = open_device,
	.poll = poll,
	.keepalive = keepalive,
	.command = command,
	.safe_state = safe_state,
	.close = close_device,
};
