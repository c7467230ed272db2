/* One device: its states, passes, errors and history. */
#include "core/base/compat.h"

#include <stdarg.h>
#include <string.h>

#include "drivers/device.h"

#define REFUSED_PAUSE_MS 30000
#define SAMPLE_MS 60000
#define JOB_MAX_MS 120000 /* unless the driver says otherwise */
#define POLL_GAP_MS 50 /* between polls of a device that is slower than its period */

/* ---- telling ------------------------------------------------------------------------------- */

void drv_unit_tell(struct drv_unit *u, enum mkt_level level, const char *fmt, ...)
{
	char text[384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	u->bus->hooks.tell(u->bus->hooks.arg, u, level, text);
}

void drv_unit_state(struct drv_unit *u, enum mkt_dev_state state)
{
	if (u->state == state)
		return;
	u->state = state;
	u->since_ms = drv_now_ms();
	u->changed |= DRV_CH_STATE | DRV_CH_COUNTERS;
}

static void note_error(struct drv_unit *u, int code, const char *text)
{
	u->error_code = code;
	snprintf(u->error, sizeof(u->error), "%s", text);
	u->changed |= DRV_CH_STATE | DRV_CH_COUNTERS;
}

/* ---- requests that wait -------------------------------------------------------------------- */

bool drv_unit_wait(struct drv_unit *u, enum drv_job job, uint64_t ticket)
{
	for (size_t i = 0; i < DRV_WAITERS; i++)
		if (u->waiters[i].job == DRV_J_NONE) {
			u->waiters[i].job = job;
			u->waiters[i].ticket = ticket;
			return true;
		}
	return false;
}

/* DRV_J_NONE: all of them. */
void drv_unit_answer(struct drv_unit *u, enum drv_job job, int rc, const struct mkt_err *err)
{
	for (size_t i = 0; i < DRV_WAITERS; i++) {
		enum drv_job is = u->waiters[i].job;

		if (is == DRV_J_NONE || (job != DRV_J_NONE && is != job))
			continue;
		u->waiters[i].job = DRV_J_NONE;
		u->bus->hooks.done(u->bus->hooks.arg, u, u->waiters[i].ticket, rc, err);
	}
}

/* ---- losing it ----------------------------------------------------------------------------- */

void drv_unit_close(struct drv_unit *u)
{
	struct mkt_err err;

	if (u->open || u->job == DRV_J_OPEN)
		u->dev.driver->close(&u->dev);
	u->dev.priv = NULL;
	u->dev.link = NULL;
	u->dev.keepalive_ms = 0;
	u->dev.hurry = false;
	u->open = false;
	u->job = DRV_J_NONE;
	u->job_ms = 0;
	u->fresh = false;
	if (u->hold.held)
		u->hold.send = true;
	mkt_err_set(&err, u->error_code ? u->error_code : MKT_EDEVLOST, "%s",
		    u->error[0] ? u->error : "the line was closed");
	drv_unit_answer(u, DRV_J_NONE, -err.code, &err);
}

/* Given up for now: tried again after a pause that grows. */
static void give_up(struct drv_unit *u, bool refused)
{
	drv_unit_close(u);
	u->pause_ms = refused ? REFUSED_PAUSE_MS : u->pause_ms ? u->pause_ms * 2 :
		      DRV_PAUSE_FIRST_MS;
	if (u->pause_ms > DRV_PAUSE_MAX_MS)
		u->pause_ms = DRV_PAUSE_MAX_MS;
	u->next_ms = drv_now_ms() + u->pause_ms;
	u->tried = true;
	u->errors = 0;
	if (refused)
		drv_unit_state(u, MKT_DEV_REFUSED);
	else
		drv_unit_state(u, u->known ? MKT_DEV_RECONNECTING : MKT_DEV_IDENTIFYING);
	drv_bus_settle(u->bus);
}

void drv_unit_failed(struct drv_unit *u, int rc, const struct mkt_err *err)
{
	char text[MKT_ERR_TEXT_MAX];

	snprintf(text, sizeof(text), "%s", err->text);
	note_error(u, -rc, text);
	if (!u->outage_ms)
		u->outage_ms = drv_now_ms();
	u->outage_errors++;
	if (u->outage_errors <= 10 || u->outage_errors % 100 == 0)
		drv_unit_tell(u, MKT_LOG_WARNING, "%s", text);
	if (rc == -MKT_EDEVLOST) {
		drv_bus_lost(u->bus, MKT_EDEVLOST, text);
		return;
	}
	u->dev.brief = u->bus->n > 1;
	u->errors++;
	if (rc == -MKT_EDEVIDENTITY)
		give_up(u, true);
	else if (!u->open || u->errors >= DRV_ERRORS_MAX)
		give_up(u, false);
}

/* ---- jobs that take longer than a call ----------------------------------------------------- */

int drv_unit_again(struct drv_unit *u, enum drv_job job, int rc, struct mkt_err *err)
{
	uint32_t most_ms = u->dev.driver->busy_ms ? u->dev.driver->busy_ms : JOB_MAX_MS;
	uint64_t now = drv_now_ms();

	if (rc != -MKT_EBUSY) {
		u->job = DRV_J_NONE;
		u->job_ms = 0;
		return rc;
	}
	if (!u->job_ms)
		u->job_ms = now;
	if (now - u->job_ms >= most_ms) {
		u->job_ms = 0;
		u->job = job == DRV_J_OPEN ? job : DRV_J_NONE;
		return mkt_err_set(err, MKT_EDEVTIMEOUT, "'%s' is still busy after %u s",
				   u->conf.name, most_ms / 1000);
	}
	u->job = job;
	u->again_ms = now + DRV_AGAIN_MS;
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* By harmless reads, before a driver's open() may arm anything. */
static int check_serial_first(struct drv_unit *u, struct mkt_err *err)
{
	const struct drv_driver *driver = u->dev.driver;
	struct mkt_identity id = {0};
	int rc;

	/* A meter is never written to, and one that only pushes may not speak during a probe. */
	if (!u->conf.serial[0] || !driver->probe || driver->kind == MKT_DEV_METER)
		return 0;
	rc = driver->probe(u->bus->link, &u->conf, &id, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return mkt_err_set(err, MKT_EDEVTIMEOUT, "nobody answers as '%s' (%s) does",
				   u->conf.name, driver->name);
	if (!id.serial[0])
		return 0; /* known only to open() */
	u->dev.id = id;
	u->changed |= DRV_CH_IDENTITY;
	return drv_check_serial(&u->dev, err);
}

static void opened(struct drv_unit *u)
{
	u->open = true;
	u->tried = true;
	u->errors = 0;
	u->next_ms = u->keepalive_at_ms = drv_now_ms();
	u->changed |= DRV_CH_IDENTITY | DRV_CH_COUNTERS;
	if (u->known)
		drv_count(&u->dev, DRV_RECONNECTS);
	drv_order_opened(u);
}

static void open_unit(struct drv_unit *u)
{
	struct mkt_err err = {0};
	bool begun = u->job == DRV_J_OPEN;
	int rc = 0;

	if (!begun) {
		drv_fault(&u->dev, NULL);
		u->open_ms = drv_now_ms();
		u->dev.link = u->bus->link;
		rc = check_serial_first(u, &err);
	}
	if (rc >= 0) {
		rc = u->dev.driver->open(&u->dev, &err);
		rc = drv_unit_again(u, DRV_J_OPEN, rc, &err);
		u->job = DRV_J_OPEN; /* close() is due if this fails */
	}
	if (rc == -MKT_EBUSY) {
		u->next_ms = u->again_ms;
		if (strcmp(u->error, err.text) != 0)
			note_error(u, MKT_EBUSY, err.text);
		return;
	}
	if (rc >= 0)
		rc = drv_check_serial(&u->dev, &err);
	if (rc < 0) {
		drv_unit_failed(u, rc, &err); /* closes it */
		return;
	}
	u->job = DRV_J_NONE;
	opened(u);
}

/* ---- a pass -------------------------------------------------------------------------------- */

const struct mkt_value *drv_unit_counter(const struct drv_unit *u, unsigned which)
{
	return &u->dev.r.v[which ? MKT_R_ENERGY_EXPORT : MKT_R_ENERGY_IMPORT];
}

/* What flows below the counter's step: with the smaller power of two passes. */
static void follow_counter(struct drv_unit *u, unsigned which)
{
	int64_t power = mkt_reading_or(&u->dev.r, MKT_R_POWER, 0);
	const struct mkt_value *v = drv_unit_counter(u, which);
	uint64_t now = drv_calendar_ms(&u->dev), since = now - u->tick[which].at_ms;

	if (which)
		power = -power;
	if (power < 0 || power > 1000000000)
		power = 0;
	if (v->value != u->tick[which].value || since > 86400000)
		u->tick[which].flowed_mwh = 0;
	else if (u->tick[which].power_w < power)
		u->tick[which].flowed_mwh += (uint64_t)u->tick[which].power_w * since / 3600;
	else
		u->tick[which].flowed_mwh += (uint64_t)power * since / 3600;
	u->tick[which].value = v->value;
	u->tick[which].power_w = power;
	u->tick[which].at_ms = now;
}

static void look_at_counter(struct drv_unit *u, unsigned which)
{
	const char *name = which ? "energy.export" : "energy.import";
	const struct drv_doubt *d = &u->dev.doubt[which];
	const struct mkt_value *v = drv_unit_counter(u, which);

	if (d->refused != u->doubted[which]) {
		u->doubted[which] = d->refused;
		if (d->refused <= 10 || d->refused % 100 == 0)
			drv_unit_tell(u, MKT_LOG_WARNING,
				      "%s read %lld Wh after %lld Wh: not taken, it cannot be",
				      name, (long long)d->value, (long long)v->value);
	}
	if (d->jumps != u->jumped[which]) {
		u->jumped[which] = d->jumps;
		drv_unit_tell(u, MKT_LOG_NOTICE, "%s goes on at %lld Wh after %lld Wh: rolled over "
			      "or another meter", name, (long long)v->value,
			      (long long)u->tick[which].value);
		drv_order_jump(u, which, v->value - u->tick[which].value);
		u->changed |= DRV_CH_COUNTERS;
	}
	follow_counter(u, which);
}

/* At whole minutes of the system's clock, which windows begin with. */
static void take_sample(struct drv_unit *u, uint64_t now_ms)
{
	const struct mkt_value *in = drv_unit_counter(u, 0), *out = drv_unit_counter(u, 1);
	struct drv_sample *s = &u->samples[u->sample_at];
	struct timespec ts;
	uint64_t left;

	if (now_ms < u->sample_ms || (!in->known && !out->known))
		return;
	s->at_ms = in->known && in->at_ms > out->at_ms ? in->at_ms : out->at_ms;
	s->import_wh = in->known ? in->value : -1;
	s->export_wh = out->known ? out->value : -1;
	u->sample_at = (u->sample_at + 1) % DRV_SAMPLES;
	if (u->nsamples < DRV_SAMPLES)
		u->nsamples++;
	clock_gettime(CLOCK_REALTIME, &ts);
	left = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	left = SAMPLE_MS - left % SAMPLE_MS;
	u->sample_ms = now_ms + left + (left < SAMPLE_MS / 2 ? SAMPLE_MS : 0);
}

static void back_again(struct drv_unit *u, uint64_t now_ms)
{
	if (!u->known)
		drv_unit_tell(u, MKT_LOG_NOTICE, "ready: %s %s %s %s", u->dev.id.maker,
			      u->dev.id.model, u->dev.id.version, u->dev.id.serial);
	else if (u->outage_ms && (u->outage_errors || u->state == MKT_DEV_RECONNECTING))
		drv_unit_tell(u, MKT_LOG_NOTICE, "back after %llu s and %u errors",
			      (unsigned long long)(now_ms - u->outage_ms) / 1000,
			      u->outage_errors);
	u->outage_ms = 0;
	u->outage_errors = 0;
	u->known = true;
}

static void show_fault(struct drv_unit *u)
{
	const char *text = u->dev.faulty ? u->dev.fault : "";
	int code = u->dev.faulty ? MKT_EDEVFAULT : 0;

	if (u->dev.faulty && u->state != MKT_DEV_FAULT)
		drv_unit_tell(u, MKT_LOG_WARNING, "fault: %s", text);
	if (u->error_code != code || strcmp(u->error, text) != 0)
		note_error(u, code, text);
	drv_unit_state(u, u->dev.faulty ? MKT_DEV_FAULT : MKT_DEV_READY);
}

/* What a device is made for, and what was armed, is read once and holds while it is open. */
static void renew_settings(struct drv_unit *u, uint64_t now_ms)
{
	static const enum mkt_reading_id ids[] = {
		MKT_R_ENERGY_STEP,
		MKT_R_CURRENT_MIN,
		MKT_R_CURRENT_MAX,
		MKT_R_POWER_CHARGE_MIN,
		MKT_R_POWER_CHARGE_MAX,
		MKT_R_POWER_DISCHARGE_MIN,
		MKT_R_POWER_DISCHARGE_MAX,
		MKT_R_CAPACITY,
		MKT_R_SOC_MIN,
		MKT_R_SOC_MAX,
		MKT_R_WATCHDOG,
		MKT_R_FAILSAFE_CURRENT,
		MKT_R_PHASES,
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(ids); i++) {
		struct mkt_value *v = &u->dev.r.v[ids[i]];

		if (v->known && v->at_ms >= u->open_ms)
			v->at_ms = now_ms;
	}
}

static void pass(struct drv_unit *u)
{
	uint64_t now = drv_now_ms();

	u->pass_ms = now;
	u->errors = 0;
	u->dev.brief = false;
	u->pause_ms = u->bus->pause_ms = 0;
	renew_settings(u, now);
	back_again(u, now);
	show_fault(u);
	look_at_counter(u, 0);
	look_at_counter(u, 1);
	take_sample(u, now);
	u->changed |= DRV_CH_READINGS | DRV_CH_COUNTERS;
	drv_order_pass(u);
	drv_unit_answer(u, DRV_J_POLL, 0, NULL);
}

/* At a fixed rate; a device that is slower than that gets a gap. */
static void next_poll(struct drv_unit *u)
{
	uint64_t now = drv_now_ms(), due = u->next_ms + drv_order_poll_ms(u);

	u->next_ms = due > now + POLL_GAP_MS ? due : now + POLL_GAP_MS;
}

static void poll_unit(struct drv_unit *u)
{
	struct mkt_err err = {0};
	int rc;

	u->dev.hurry = false;
	if (u->job != DRV_J_POLL)
		u->dev.asked_ms = drv_calendar_ms(&u->dev);
	rc = u->dev.driver->poll(&u->dev, &err);
	if (rc != -MKT_EBUSY)
		u->dev.asked_ms = 0;
	rc = drv_unit_again(u, DRV_J_POLL, rc, &err);
	if (rc == -MKT_EBUSY)
		return;
	if (rc >= 0)
		pass(u);
	next_poll(u);
	if (rc < 0) {
		drv_unit_answer(u, DRV_J_POLL, rc, &err);
		drv_unit_failed(u, rc, &err);
	}
}

int drv_unit_refresh(struct drv_unit *u, uint64_t ticket, struct mkt_err *err)
{
	if (!u->open)
		return mkt_err_set(err, u->error_code ? u->error_code : MKT_EDEVSTALE,
				   "'%s' is %s%s%s", u->conf.name,
				   mkt_dev_state_word((int)u->state),
				   u->error[0] ? ": " : "", u->error);
	if (!drv_unit_wait(u, DRV_J_POLL, ticket))
		return mkt_err_set(err, MKT_EBUSY, "too many requests wait for '%s'", u->conf.name);
	if (u->job == DRV_J_NONE) {
		u->next_ms = drv_now_ms();
		poll_unit(u);
	}
	return 0;
}

/* ---- time and turns ------------------------------------------------------------------------ */

static uint64_t stale_at(const struct drv_unit *u)
{
	if (u->state != MKT_DEV_READY && u->state != MKT_DEV_FAULT)
		return UINT64_MAX;
	return u->pass_ms + (uint64_t)MKT_DEV_POLLS_STALE * u->poll_ms + 1;
}

void drv_unit_time(struct drv_unit *u, uint64_t now_ms)
{
	if (now_ms >= stale_at(u))
		drv_unit_state(u, MKT_DEV_STALE);
	drv_order_time(u, now_ms);
}

static bool keepalive_due(const struct drv_unit *u, uint64_t now_ms)
{
	return u->dev.keepalive_ms && u->dev.driver->keepalive && now_ms >= u->keepalive_at_ms;
}

static void keep_alive(struct drv_unit *u)
{
	struct mkt_err err = {0};
	int rc = u->dev.driver->keepalive(&u->dev, &err);

	u->keepalive_at_ms = drv_now_ms() + u->dev.keepalive_ms;
	if (rc < 0 && rc != -MKT_EBUSY)
		drv_unit_failed(u, rc, &err);
}

bool drv_unit_urgent(struct drv_unit *u, uint64_t now_ms)
{
	if (!u->open)
		return false;
	if (u->job == DRV_J_POLL) {
		if (now_ms < u->again_ms)
			return false;
		poll_unit(u);
		return true;
	}
	if (u->job == DRV_J_NONE && keepalive_due(u, now_ms)) {
		keep_alive(u);
		return true;
	}
	return drv_order_step(u, now_ms);
}

bool drv_unit_due(struct drv_unit *u, uint64_t now_ms)
{
	if (u->open && u->job != DRV_J_NONE)
		return false;
	if (now_ms < u->next_ms && !(u->open && u->dev.hurry))
		return false;
	if (u->open) {
		if (now_ms < u->next_ms)
			u->next_ms = now_ms;
		poll_unit(u);
	} else {
		open_unit(u);
	}
	return true;
}

uint64_t drv_unit_next(const struct drv_unit *u)
{
	uint64_t next = stale_at(u), t = drv_order_next(u);

	if (t < next)
		next = t;
	if (!u->bus->link)
		return next;
	t = u->open && u->job != DRV_J_NONE ? u->again_ms : u->next_ms;
	if (t < next)
		next = t;
	if (u->open && u->job == DRV_J_NONE && u->dev.keepalive_ms && u->dev.driver->keepalive &&
	    u->keepalive_at_ms < next)
		next = u->keepalive_at_ms;
	return next;
}

void drv_unit_input(struct drv_unit *u)
{
	struct mkt_err err = {0};
	int rc = u->dev.driver->input(&u->dev, &err);

	if (u->job == DRV_J_OPEN)
		u->next_ms = drv_now_ms();
	else if (u->job != DRV_J_NONE)
		u->again_ms = drv_now_ms();
	u->changed |= DRV_CH_READINGS;
	if (rc < 0)
		drv_unit_failed(u, rc, &err);
}
