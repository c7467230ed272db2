/* Orders: given, renewed, repeated, stopped at a counter, ended in a safe state. */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/device.h"

#define LEASE_MAX_S 86400
#define RESEND_FIRST_MS 1000
#define RESEND_MAX_MS 60000
#define CURRENT_TOLERANCE_MA 250 /* boxes with steps of a quarter ampere */
#define POWER_TOLERANCE_W 20	 /* and a hundredth */
#define DIFFERS_MAX 2		 /* passes in a row that read back something else */
#define CALENDAR_MS 50	 /* between looks at a simulated one */
#define QUIT_MS 5000		 /* to reach the safe state when we end */

static void changed(struct drv_unit *u)
{
	u->changed |= DRV_CH_ORDER;
	u->bus->hooks.save(u->bus->hooks.arg);
}

/* ---- what is asked ------------------------------------------------------------------------- */

static struct mkt_setpoint pause_of(enum mkt_set kind)
{
	return (struct mkt_setpoint){kind, kind == MKT_SET_MODE ? MKT_MODE_HOLD : 0};
}

static struct mkt_setpoint target(const struct drv_unit *u)
{
	return u->hold.stopped ? pause_of(u->hold.order.set.kind) : u->hold.order.set;
}

static bool same_set(const struct mkt_setpoint *a, const struct mkt_setpoint *b)
{
	return a->kind == b->kind && a->value == b->value;
}

static int cannot(const struct drv_unit *u, const char *what, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "'%s' %s", u->conf.name, what);
}

static int check_current(const struct drv_unit *u, int32_t ma, struct mkt_err *err)
{
	int64_t min = mkt_reading_or(&u->dev.r, MKT_R_CURRENT_MIN, 0);

	if (ma < 0)
		return mkt_err_set(err, MKT_EINVAL, "a current of %d mA is below 0", ma);
	if (!ma)
		return u->dev.caps & (MKT_CAP_PAUSE | MKT_CAP_CURRENT) ? 0 :
		       cannot(u, "cannot be paused", err);
	if (!(u->dev.caps & MKT_CAP_CURRENT))
		return cannot(u, "takes no current", err);
	if (ma < min) {
		mkt_err_set(err, MKT_EINVAL, "%d mA is below the %lld mA that charge '%s'", ma,
			    (long long)min, u->conf.name);
		mkt_err_hint(err, "0 pauses it");
		return -MKT_EINVAL;
	}
	if (u->conf.max_ma && (uint32_t)ma > u->conf.max_ma)
		return mkt_err_set(err, MKT_EINVAL, "%d mA is above the %u mA configured for '%s'",
				   ma, u->conf.max_ma, u->conf.name);
	return 0;
}

static int check_power(const struct drv_unit *u, int32_t w, struct mkt_err *err)
{
	uint32_t size = w < 0 ? 0 - (uint32_t)w : (uint32_t)w;

	if (!(u->dev.caps & (MKT_CAP_POWER | MKT_CAP_DISCHARGE)))
		return w || !(u->dev.caps & MKT_CAP_PAUSE) ? cannot(u, "takes no power", err) : 0;
	if (w < 0 && !(u->dev.caps & MKT_CAP_DISCHARGE))
		return cannot(u, "cannot discharge", err);
	if (w > 0 && !(u->dev.caps & MKT_CAP_POWER))
		return cannot(u, "takes no power to charge with", err);
	if (u->conf.max_w && size > u->conf.max_w)
		return mkt_err_set(err, MKT_EINVAL, "%d W is above the %u W configured for '%s'", w,
				   u->conf.max_w, u->conf.name);
	return 0;
}

static int check_order(const struct drv_unit *u, const struct mkt_order *o, struct mkt_err *err)
{
	if (!o->lease_s || o->lease_s > LEASE_MAX_S)
		return mkt_err_set(err, MKT_EINVAL, "a lease of %u s is not 1 to %d s", o->lease_s,
				   LEASE_MAX_S);
	if (u->dev.caps & MKT_CAP_READ_ONLY)
		return cannot(u, "answers, but takes no orders", err);
	if (o->stop_import_wh && !(u->dev.caps & MKT_CAP_IMPORT))
		return cannot(u, "has no counter of energy drawn to stop at", err);
	if (o->stop_export_wh && !(u->dev.caps & MKT_CAP_EXPORT))
		return cannot(u, "has no counter of energy supplied to stop at", err);
	switch (o->set.kind) {
	case MKT_SET_CURRENT:
		return check_current(u, o->set.value, err);
	case MKT_SET_POWER:
		return check_power(u, o->set.value, err);
	case MKT_SET_MODE:
		if (o->set.value <= MKT_MODE_UNKNOWN || o->set.value >= MKT_MODES)
			return mkt_err_set(err, MKT_EINVAL, "there is no mode %d", o->set.value);
		return u->dev.caps & MKT_CAP_MODE ? 0 : cannot(u, "takes no mode", err);
	case MKT_SET_NONE:
		break;
	}
	return mkt_err_set(err, MKT_EINVAL, "an order needs a current, a power or a mode");
}

/* ---- counters at which it stops ------------------------------------------------------------ */

static uint64_t stop_of(const struct drv_unit *u, unsigned which)
{
	return which ? u->hold.order.stop_export_wh : u->hold.order.stop_import_wh;
}

static bool reached_by(const struct drv_unit *u, const struct mkt_order *o)
{
	const struct mkt_value *in = drv_unit_counter(u, 0), *out = drv_unit_counter(u, 1);

	return (o->stop_import_wh && in->known && (uint64_t)in->value >= o->stop_import_wh) ||
	       (o->stop_export_wh && out->known && (uint64_t)out->value >= o->stop_export_wh);
}

/* What has flowed since the counter came to its value, as far as is known. */
static uint64_t flowed_mwh(const struct drv_unit *u, unsigned which)
{
	uint64_t since = drv_calendar_ms(&u->dev) - u->tick[which].at_ms;

	if (since > 86400000)
		since = 0;
	return u->tick[which].flowed_mwh + (uint64_t)u->tick[which].power_w * since / 3600;
}

/* Until the counter is there at the power that flows; UINT64_MAX: it does not go there. */
static uint64_t stop_in_ms(const struct drv_unit *u, unsigned which)
{
	const struct mkt_value *v = drv_unit_counter(u, which);
	uint64_t power = (uint64_t)u->tick[which].power_w, left, flowed = flowed_mwh(u, which);

	if (!stop_of(u, which) || !v->known || !power)
		return UINT64_MAX;
	if ((uint64_t)v->value >= stop_of(u, which))
		return 0;
	left = stop_of(u, which) - (uint64_t)v->value;
	if (left > 1000000000)
		return UINT64_MAX;
	return left * 1000 > flowed ? (left * 1000 - flowed) * 3600 / power : 0;
}

static uint64_t nearest_stop_ms(const struct drv_unit *u)
{
	uint64_t in, out;

	if (!u->hold.held || u->hold.stopped)
		return UINT64_MAX;
	in = stop_in_ms(u, 0);
	out = stop_in_ms(u, 1);
	return in < out ? in : out;
}

/* A command has effect in the middle of the time it takes, about. */
static uint64_t lead_ms(const struct drv_unit *u)
{
	return u->command_ms / 2;
}

uint32_t drv_order_poll_ms(const struct drv_unit *u)
{
	uint64_t half = nearest_stop_ms(u);

	if (half == UINT64_MAX)
		return u->poll_ms;
	half /= 2;
	if (half < DRV_POLL_MIN_MS)
		half = DRV_POLL_MIN_MS;
	return half < u->poll_ms ? (uint32_t)half : u->poll_ms;
}

static void stop_now(struct drv_unit *u)
{
	u->hold.stopped = true;
	u->hold.send = true;
	u->hold.send_ms = drv_now_ms();
	u->hold.resend_ms = 0;
	drv_unit_tell(u, MKT_LOG_INFO, "paused: the counter is at its stop");
	changed(u);
}

void drv_order_jump(struct drv_unit *u, unsigned which, int64_t jump_wh)
{
	uint64_t *stop = which ? &u->hold.order.stop_export_wh : &u->hold.order.stop_import_wh;
	int64_t moved;

	if (!u->hold.held || !*stop)
		return;
	/* What flowed unseen counts as well. */
	moved = (int64_t)*stop + jump_wh - (int64_t)(flowed_mwh(u, which) / 1000 + 1);
	*stop = moved > 0 ? (uint64_t)moved : 1;
	changed(u);
}

/* ---- doing it ------------------------------------------------------------------------------ */

static void send_later(struct drv_unit *u)
{
	struct drv_hold *h = &u->hold;

	h->resend_ms = h->resend_ms ? h->resend_ms * 2 : RESEND_FIRST_MS;
	if (h->resend_ms > RESEND_MAX_MS)
		h->resend_ms = RESEND_MAX_MS;
	h->send_ms = drv_now_ms() + h->resend_ms;
}

/* Says something of the device's will, not of the line. */
static bool is_refusal(int rc)
{
	return rc == -MKT_EDEVREFUSED || rc == -MKT_EDEVUNSUPPORTED || rc == -MKT_EINVAL ||
	       rc == -MKT_EDEVFAULT;
}

static void command_failed(struct drv_unit *u, int rc, const struct mkt_err *err)
{
	bool fresh = u->fresh;

	u->fresh = false;
	if (fresh && is_refusal(rc))
		u->hold = u->before;
	else
		send_later(u);
	changed(u);
	drv_unit_tell(u, MKT_LOG_NOTICE, "not done: %s", err->text);
	drv_unit_answer(u, DRV_J_COMMAND, rc, err);
	if (!is_refusal(rc) && rc != -MKT_EDEVUNCONFIRMED)
		drv_unit_failed(u, rc, err);
}

static void command_done(struct drv_unit *u, const struct mkt_setpoint *applied, uint64_t took_ms)
{
	struct drv_hold *h = &u->hold;
	struct mkt_setpoint want = target(u);
	uint64_t now = drv_now_ms();

	u->fresh = false;
	u->errors = 0;
	u->command_ms = (3 * u->command_ms + took_ms) / 4;
	h->applied = *applied;
	h->applied_ms = now;
	h->differs = 0;
	h->send = !same_set(&want, &u->job_set); /* a stop came meanwhile */
	h->send_ms = now;
	u->next_ms = now; /* readings follow at once */
	changed(u);
	drv_unit_answer(u, DRV_J_COMMAND, 0, NULL);
}

static void run_command(struct drv_unit *u)
{
	struct mkt_setpoint applied;
	struct mkt_err err = {0};
	uint64_t begin = drv_now_ms();
	int rc;

	if (u->job == DRV_J_NONE)
		u->job_set = target(u);
	applied = u->job_set;
	rc = u->dev.driver->command(&u->dev, &u->job_set, &applied, &err);
	rc = drv_unit_again(u, DRV_J_COMMAND, rc, &err);
	if (rc == -MKT_EBUSY)
		return;
	if (!u->hold.held)
		drv_unit_answer(u, DRV_J_COMMAND, rc, &err); /* ended meanwhile: safe is owed */
	else if (rc < 0)
		command_failed(u, rc, &err);
	else
		command_done(u, &applied, drv_now_ms() - begin);
}

static void run_safe(struct drv_unit *u)
{
	struct mkt_err err = {0};
	int rc = u->dev.driver->safe_state(&u->dev, &err);

	rc = drv_unit_again(u, DRV_J_SAFE, rc, &err);
	if (rc == -MKT_EBUSY)
		return;
	if (rc >= 0) {
		u->hold.safe = false;
		u->next_ms = drv_now_ms();
		drv_unit_tell(u, MKT_LOG_INFO, "safe state reached");
		changed(u);
		drv_unit_answer(u, DRV_J_SAFE, 0, NULL);
		return;
	}
	send_later(u);
	drv_unit_tell(u, MKT_LOG_WARNING, "safe state not reached: %s", err.text);
	drv_unit_answer(u, DRV_J_SAFE, rc, &err);
	if (!is_refusal(rc) && rc != -MKT_EDEVUNCONFIRMED)
		drv_unit_failed(u, rc, &err);
}

bool drv_order_step(struct drv_unit *u, uint64_t now_ms)
{
	struct drv_hold *h = &u->hold;

	if (!u->open || (u->job != DRV_J_NONE && now_ms < u->again_ms))
		return false;
	if (u->job == DRV_J_COMMAND) {
		run_command(u);
		return true;
	}
	if (u->job == DRV_J_SAFE) {
		run_safe(u);
		return true;
	}
	if (u->job != DRV_J_NONE || !u->pass_ms)
		return false;
	if (h->held && !h->stopped && nearest_stop_ms(u) <= lead_ms(u))
		stop_now(u);
	if ((!h->safe && !(h->held && h->send)) || now_ms < h->send_ms)
		return false;
	if (h->safe)
		run_safe(u);
	else
		run_command(u);
	return true;
}

uint64_t drv_order_next(const struct drv_unit *u)
{
	const struct drv_hold *h = &u->hold;
	uint64_t next = UINT64_MAX, stop = nearest_stop_ms(u), lost;

	if (h->held) {
		next = h->ends_ms;
		lost = h->lost_ms + (uint64_t)u->conf.lost_s * 1000;
		if (!h->owner && lost < next)
			next = lost;
	}
	if (!u->open || u->job != DRV_J_NONE || !u->pass_ms)
		return next;
	if ((h->safe || (h->held && h->send)) && h->send_ms < next)
		next = h->send_ms;
	if (stop != UINT64_MAX) {
		stop = stop > lead_ms(u) ? stop - lead_ms(u) : 0;
		if (u->dev.calendar_ms && stop < CALENDAR_MS)
			stop = CALENDAR_MS; /* which may stand still */
		stop += drv_now_ms();
		if (stop < next)
			next = stop;
	}
	return next;
}

/* ---- its end ------------------------------------------------------------------------------- */

static void end_order(struct drv_unit *u, const char *why)
{
	bool keep = u->conf.exit == MKT_EXIT_KEEP;

	u->hold = (struct drv_hold){.safe = !keep, .send_ms = drv_now_ms()};
	drv_unit_tell(u, MKT_LOG_NOTICE, "order ended, %s%s", why, keep ? "; set-point kept" : "");
	changed(u);
}

void drv_order_time(struct drv_unit *u, uint64_t now_ms)
{
	const struct drv_hold *h = &u->hold;

	if (!h->held)
		return;
	if (now_ms >= h->ends_ms)
		end_order(u, "its time is over");
	else if (!h->owner && now_ms >= h->lost_ms + (uint64_t)u->conf.lost_s * 1000)
		end_order(u, "who gave it is gone");
}

void drv_bus_client_lost(struct drv_bus *b, uint32_t client)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct drv_hold *h = &b->units[i].hold;

		if (!h->held || h->owner != client)
			continue;
		h->owner = 0;
		h->lost_ms = drv_now_ms();
		changed(&b->units[i]);
	}
}

void drv_order_quit(struct drv_unit *u)
{
	uint64_t deadline = drv_now_ms() + QUIT_MS;

	if (!u->hold.safe && (!u->hold.held || u->conf.exit == MKT_EXIT_KEEP))
		return;
	if (u->hold.held)
		end_order(u, "mkt-driverd ends");
	u->hold.send_ms = 0;
	while (u->open && (u->hold.safe || u->job == DRV_J_COMMAND) && drv_now_ms() < deadline) {
		u->again_ms = 0;
		if (u->job == DRV_J_POLL)
			u->job = DRV_J_NONE;
		if (!drv_order_step(u, drv_now_ms()) || u->job != DRV_J_NONE)
			drv_sleep_ms(20);
	}
}

/* ---- every pass ---------------------------------------------------------------------------- */

/* What the device says is in force, in the set-point's own unit.  False: it does not say. */
static bool read_back(const struct drv_unit *u, enum mkt_set kind, int64_t *value)
{
	static const enum mkt_reading_id ids[] = {
		[MKT_SET_CURRENT] = MKT_R_CURRENT_LIMIT,
		[MKT_SET_POWER] = MKT_R_POWER_LIMIT,
		[MKT_SET_MODE] = MKT_R_MODE,
	};
	const struct mkt_value *v = &u->dev.r.v[ids[kind]], *on = &u->dev.r.v[MKT_R_ENABLED];
	uint64_t after = u->hold.applied_ms;

	if (kind != MKT_SET_MODE && on->known && on->at_ms > after && !on->value) {
		*value = 0;
		return true;
	}
	*value = v->value;
	return v->known && v->at_ms > after;
}

static bool is_off(const struct mkt_setpoint *applied, int64_t value)
{
	int64_t by = value - applied->value;

	if (by < 0)
		by = -by;
	switch (applied->kind) {
	case MKT_SET_CURRENT:
		return by > CURRENT_TOLERANCE_MA;
	case MKT_SET_POWER:
		return by > POWER_TOLERANCE_W &&
		       by > (applied->value < 0 ? -(int64_t)applied->value : applied->value) / 100;
	default:
		return by != 0;
	}
}

/* Somebody else, or the device's own rules: told once for each value, and said again. */
static void compare(struct drv_unit *u)
{
	struct drv_hold *h = &u->hold;
	int64_t value;

	if (h->applied.kind == MKT_SET_NONE || !read_back(u, h->applied.kind, &value))
		return;
	if (!is_off(&h->applied, value)) {
		h->differs = 0;
		if (drv_now_ms() - h->applied_ms < RESEND_MAX_MS)
			return;
		h->resend_ms = 0; /* it has stayed */
		h->other = INT64_MIN;
		return;
	}
	if (++h->differs < DIFFERS_MAX)
		return;
	if (h->other != value)
		drv_unit_tell(u, MKT_LOG_NOTICE,
			      "the set-point was %d and reads back %lld: changed by another master "
			      "or the device's own rules; sent again", h->applied.value,
			      (long long)value);
	h->other = value;
	h->send = true;
	send_later(u);
}

void drv_order_pass(struct drv_unit *u)
{
	struct drv_hold *h = &u->hold;

	if (!h->held || u->job != DRV_J_NONE)
		return;
	if (!h->stopped && reached_by(u, &h->order))
		stop_now(u);
	else if (!h->send)
		compare(u);
}

void drv_order_opened(struct drv_unit *u)
{
	/* Defaults may be back: the first pass is followed by what is owed. */
	u->hold.send = u->hold.held;
	u->hold.send_ms = 0;
	u->hold.resend_ms = 0;
	u->pass_ms = 0;
}

/* ---- requests ------------------------------------------------------------------------------ */

static int ready_for(const struct drv_unit *u, uint32_t client, struct mkt_err *err)
{
	const struct drv_hold *h = &u->hold;

	if (h->held && h->owner && h->owner != client)
		return mkt_err_set(err, MKT_ELOCKED, "another client holds '%s'", u->conf.name);
	if (!u->open || (u->state != MKT_DEV_READY && u->state != MKT_DEV_FAULT))
		return mkt_err_set(err, MKT_EDEVSTALE, "'%s' is %s%s%s", u->conf.name,
				   mkt_dev_state_word((int)u->state), u->error[0] ? ": " : "",
				   u->error);
	if (u->job == DRV_J_COMMAND || u->job == DRV_J_SAFE)
		return mkt_err_set(err, MKT_EBUSY, "'%s' is still at another order", u->conf.name);
	return 0;
}

static bool same_order(const struct mkt_order *a, const struct mkt_order *b)
{
	return same_set(&a->set, &b->set) && a->stop_import_wh == b->stop_import_wh &&
	       a->stop_export_wh == b->stop_export_wh;
}

/* A client that renews does not know that another meter has moved its stops. */
static struct mkt_order with_moved_stops(const struct drv_hold *h, const struct mkt_order *order)
{
	struct mkt_order o = *order;

	if (h->held && o.stop_import_wh == h->given_wh[0])
		o.stop_import_wh = h->order.stop_import_wh;
	if (h->held && o.stop_export_wh == h->given_wh[1])
		o.stop_export_wh = h->order.stop_export_wh;
	return o;
}

/* While the device is away its client goes on renewing: then it is sent when it is back. */
static void renew_away(struct drv_unit *u, uint32_t client, const struct mkt_order *order)
{
	struct drv_hold *h = &u->hold;
	struct mkt_order o = with_moved_stops(h, order);

	if (!h->held || !same_order(&h->order, &o) || !order->lease_s ||
	    order->lease_s > LEASE_MAX_S)
		return;
	h->owner = client;
	h->ends_ms = drv_now_ms() + (uint64_t)order->lease_s * 1000;
	changed(u);
}

int drv_unit_order(struct drv_unit *u, uint32_t client, const struct mkt_order *order,
		   uint64_t ticket, struct mkt_err *err)
{
	struct drv_hold *h = &u->hold;
	struct mkt_setpoint before = target(u), now;
	struct mkt_order o = with_moved_stops(h, order);
	int rc = ready_for(u, client, err);

	if (rc == -MKT_EDEVSTALE)
		renew_away(u, client, order);
	if (rc >= 0)
		rc = check_order(u, order, err);
	if (rc < 0)
		return rc;
	if (!drv_unit_wait(u, DRV_J_COMMAND, ticket))
		return mkt_err_set(err, MKT_EBUSY, "too many requests wait for '%s'", u->conf.name);
	u->before = *h;
	if (!h->held)
		*h = (struct drv_hold){.held = true, .send = true, .other = INT64_MIN};
	/* The same again does not start what has been stopped. */
	h->stopped = reached_by(u, &o) || (h->stopped && same_order(&h->order, &o));
	h->owner = client;
	h->order = o;
	h->given_wh[0] = order->stop_import_wh;
	h->given_wh[1] = order->stop_export_wh;
	h->ends_ms = drv_now_ms() + (uint64_t)order->lease_s * 1000;
	h->safe = false;
	now = target(u);
	if (!h->send && same_set(&before, &now)) {
		changed(u);
		drv_unit_answer(u, DRV_J_COMMAND, 0, NULL);
		return 0;
	}
	h->send = true;
	h->send_ms = drv_now_ms();
	h->resend_ms = 0;
	h->other = INT64_MIN;
	u->fresh = true;
	changed(u);
	if (u->job == DRV_J_NONE)
		run_command(u);
	return 0;
}

int drv_unit_release(struct drv_unit *u, uint32_t client, uint64_t ticket, struct mkt_err *err)
{
	int rc = ready_for(u, client, err);

	if (rc == -MKT_EDEVSTALE && u->hold.held)
		end_order(u, "given up"); /* as soon as it is back */
	if (rc < 0)
		return rc;
	if (!drv_unit_wait(u, DRV_J_SAFE, ticket))
		return mkt_err_set(err, MKT_EBUSY, "too many requests wait for '%s'", u->conf.name);
	if (u->hold.held)
		end_order(u, "given up");
	else if (!(u->dev.caps & MKT_CAP_READ_ONLY) && u->conf.exit != MKT_EXIT_KEEP)
		u->hold.safe = true;
	u->hold.send_ms = drv_now_ms();
	if (!u->hold.safe)
		drv_unit_answer(u, DRV_J_SAFE, 0, NULL);
	else if (u->job == DRV_J_NONE)
		run_safe(u);
	return 0;
}

void drv_unit_adopt(struct drv_unit *u, const struct drv_hold *of)
{
	u->hold = (struct drv_hold){
		.held = of->ends_ms != 0,
		.lost_ms = drv_now_ms(),
		.order = of->order,
		.given_wh = {of->given_wh[0], of->given_wh[1]},
		.ends_ms = of->ends_ms,
		.stopped = of->stopped,
		.send = true,
		.other = INT64_MIN,
		.safe = !of->ends_ms && u->conf.exit != MKT_EXIT_KEEP,
	};
	u->changed |= DRV_CH_ORDER;
}
