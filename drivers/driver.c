/* What drivers call: readings with their time, doubt about counters, counts. */
#include "core/base/compat.h"

#include <stdarg.h>
#include <string.h>

#include "drivers/driver.h"

/*
 * What a counter may be ahead of power x time: meters that count in steps, and
 * readings of one moment that are sent in two.
 */
#define SLACK_WH 20
#define RATED_MAX_W 100000 /* when nothing is known: 3 x 145 A */

/* ---- how far a counter may move ----------------------------------------------------------- */

uint32_t drv_spacing_ms(const struct drv_device *d, uint32_t ms)
{
	return d->calendar_ms ? 0 : ms;
}

uint64_t drv_calendar_ms(const struct drv_device *d)
{
	return d->calendar_ms ? d->calendar_ms(d->calendar_arg) : drv_now_ms();
}

static int64_t power_of(const struct drv_device *d, int64_t current_ma)
{
	int64_t phases = mkt_reading_or(&d->r, MKT_R_PHASES, 0);

	/* Who configures one phase for a device that has three shall still be metered. */
	if (phases < d->conf->phases || phases > 3)
		phases = d->conf->phases;
	if (!phases)
		phases = 3;
	return current_ma / 10 * (d->conf->nominal_mv / 100) * phases / 1000;
}

int64_t drv_rated_w(const struct drv_device *d)
{
	int64_t charge = mkt_reading_or(&d->r, MKT_R_POWER_CHARGE_MAX, 0);
	int64_t discharge = mkt_reading_or(&d->r, MKT_R_POWER_DISCHARGE_MAX, 0);
	int64_t current = mkt_reading_or(&d->r, MKT_R_CURRENT_MAX, 0);

	if (d->kind == MKT_DEV_METER)
		return RATED_MAX_W; /* of a house or a street: what limits it is not known */
	if (d->rated_w)
		return d->rated_w;
	if (d->conf->max_w)
		return d->conf->max_w;
	if (charge > 0 || discharge > 0)
		return charge > discharge ? charge : discharge;
	if (current > 0 && current < 1000000)
		return power_of(d, current);
	if (d->conf->max_ma)
		return power_of(d, d->conf->max_ma);
	return RATED_MAX_W;
}

/* The most that a counter can have grown in @time_ms, with a quarter to spare. */
static int64_t growth_max_wh(const struct drv_device *d, uint64_t time_ms)
{
	int64_t step = mkt_reading_or(&d->r, MKT_R_ENERGY_STEP, 1);
	uint64_t time_s = time_ms / 1000 + 1;
	int64_t rated = drv_rated_w(d);

	if (time_s > 1000000000) /* decades: anything */
		return INT64_MAX / 2;
	if (rated > 1000000000)
		rated = 1000000000;
	if (step < 1 || step > 1000000)
		step = 1;
	return rated * 5 / 4 * (int64_t)time_s / 3600 + 2 * step + SLACK_WH;
}

static bool goes_with(const struct drv_device *d, int64_t from, uint64_t from_ms, int64_t to,
		      uint64_t now_ms)
{
	uint64_t time_ms = now_ms > from_ms ? now_ms - from_ms : 0;

	return to >= from && to - from <= growth_max_wh(d, time_ms);
}

/* ---- readings ----------------------------------------------------------------------------- */

static bool in_doubt(struct drv_device *d, struct drv_doubt *doubt, const struct mkt_value *old,
		     int64_t value)
{
	uint64_t now_ms = drv_calendar_ms(d), asked_ms = d->asked_ms ? d->asked_ms : now_ms;
	bool follows;

	if (!old->known || goes_with(d, old->value, doubt->taken_ms, value, now_ms)) {
		doubt->agree = 0;
		doubt->taken_ms = asked_ms;
		return false;
	}
	follows = doubt->agree && goes_with(d, doubt->value, doubt->at_ms, value, now_ms);
	doubt->agree = follows ? (uint8_t)(doubt->agree + 1) : 1;
	doubt->value = value;
	doubt->at_ms = asked_ms;
	if (doubt->agree < DRV_DOUBT_READINGS) {
		doubt->refused++;
		return true;
	}
	doubt->agree = 0;
	doubt->taken_ms = asked_ms;
	doubt->jumps++;
	doubt->jump_wh += value - old->value;
	return false;
}

/* Which counter of energy that is, or -1. */
static int counter_of(enum mkt_reading_id id)
{
	if (id == MKT_R_ENERGY_IMPORT)
		return 0;
	return id == MKT_R_ENERGY_EXPORT ? 1 : -1;
}

void drv_set(struct drv_device *d, enum mkt_reading_id id, int64_t value)
{
	struct mkt_value *v = &d->r.v[id];
	int counter = counter_of(id);

	if (counter >= 0 && (value < 0 || value > INT64_MAX / 4))
		d->doubt[counter].refused++;
	else if (counter < 0 || !in_doubt(d, &d->doubt[counter], v, value))
		*v = (struct mkt_value){.value = value, .at_ms = drv_now_ms(), .known = true};
}

void drv_unset(struct drv_device *d, enum mkt_reading_id id)
{
	/* What a counter was is still needed to judge what it will be. */
	if (counter_of(id) < 0)
		d->r.v[id] = (struct mkt_value){0};
}

/* ---- the rest ----------------------------------------------------------------------------- */

void drv_count(struct drv_device *d, enum drv_counter c)
{
	d->counters[c]++;
}

void drv_keepalive(struct drv_device *d, uint32_t ms)
{
	d->keepalive_ms = ms;
}

void drv_fault(struct drv_device *d, const char *fmt, ...)
{
	va_list ap;

	d->faulty = fmt != NULL;
	d->fault[0] = 0;
	if (!fmt)
		return;
	va_start(ap, fmt);
	vsnprintf(d->fault, sizeof(d->fault), fmt, ap);
	va_end(ap);
}

int drv_check_serial(const struct drv_device *d, struct mkt_err *err)
{
	if (!d->conf->serial[0] || !strcmp(d->conf->serial, d->id.serial))
		return 0;
	if (!d->id.serial[0])
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "'%s' is to have the serial number '%s', but tells none",
				   d->conf->name, d->conf->serial);
	return mkt_err_set(err, MKT_EDEVIDENTITY, "'%s' has the serial number '%s', not '%s'",
			   d->conf->name, d->id.serial, d->conf->serial);
}

int32_t drv_current_for(const struct drv_device *d, int32_t power_w)
{
	static const enum mkt_reading_id ids[] = {MKT_R_VOLTAGE_L1, MKT_R_VOLTAGE_L2,
						  MKT_R_VOLTAGE_L3};
	int64_t phases = mkt_reading_or(&d->r, MKT_R_PHASES, d->conf->phases), sum_mv = 0, ma;

	if (phases < 1 || phases > 3)
		phases = d->conf->phases ? d->conf->phases : 1;
	for (int i = 0; i < phases && i < (int)MKT_ARRAY_SIZE(ids); i++) {
		int64_t mv = mkt_reading_or(&d->r, ids[i], 0);

		/* Unconnected phases read a few volts. */
		sum_mv += mv > 50000 && mv < 500000 ? mv : d->conf->nominal_mv;
	}
	if (power_w <= 0 || sum_mv <= 0)
		return 0;
	ma = (int64_t)power_w * 1000000 / sum_mv;
	return ma > INT32_MAX ? INT32_MAX : (int32_t)ma;
}
