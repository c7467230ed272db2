/* What drivers of chargers share. */
#include "core/base/compat.h"

#include "drivers/evse.h"

#define CONNECTED_MV 50000

int evse_current(const struct drv_device *d, const struct mkt_setpoint *set, int32_t step_ma,
		 int32_t *ma, struct mkt_err *err)
{
	int64_t min = mkt_reading_or(&d->r, MKT_R_CURRENT_MIN, EVSE_MIN_MA), value = set->value;
	int64_t max = mkt_reading_or(&d->r, MKT_R_CURRENT_MAX, INT32_MAX);

	if (min < EVSE_MIN_MA)
		min = EVSE_MIN_MA;
	if (d->conf->max_ma && max > d->conf->max_ma)
		max = d->conf->max_ma;
	if (set->kind != MKT_SET_CURRENT && set->kind != MKT_SET_POWER)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "a charger takes a current or a power");
	if (value < 0)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "it cannot discharge");
	if (set->kind == MKT_SET_POWER)
		value = drv_current_for(d, set->value);
	if (value > max)
		value = max;
	if (set->value && value < min)
		return mkt_err_set(err, MKT_EINVAL,
				   "%lld.%03lld A are less than its smallest current, "
				   "%lld.%03lld A",
				   (long long)value / 1000, (long long)value % 1000,
				   (long long)min / 1000, (long long)min % 1000);
	*ma = (int32_t)(value / step_ma * step_ma);
	return 0;
}

int evse_failsafe(const struct drv_device *d, int32_t *ma, struct mkt_err *err)
{
	if (d->conf->failsafe_ma && d->conf->failsafe_ma < EVSE_MIN_MA)
		return mkt_err_set(err, MKT_EINVAL,
				   "failsafe of %u mA: it must be 0 (pause) or at least 6 A",
				   d->conf->failsafe_ma);
	*ma = (int32_t)d->conf->failsafe_ma;
	return 0;
}

int evse_applied(int32_t asked_ma, int64_t got_ma, struct mkt_setpoint *applied,
		 struct mkt_err *err)
{
	if (got_ma > asked_ma)
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				   "%d.%03d A were asked for, %lld.%03lld A are in force",
				   asked_ma / 1000, asked_ma % 1000, (long long)got_ma / 1000,
				   (long long)got_ma % 1000);
	*applied = (struct mkt_setpoint){.kind = MKT_SET_CURRENT, .value = (int32_t)got_ma};
	return 0;
}

void evse_current_max(struct drv_device *d, int64_t box_ma)
{
	if (d->conf->max_ma && box_ma > d->conf->max_ma)
		box_ma = d->conf->max_ma;
	drv_set(d, MKT_R_CURRENT_MAX, box_ma);
}

void evse_phases(struct drv_device *d)
{
	int64_t n = 0;

	for (int i = 0; i < 3; i++)
		n += mkt_reading_or(&d->r, (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + i), 0) >
		     CONNECTED_MV;
	if (n)
		drv_set(d, MKT_R_PHASES, n);
	else
		drv_unset(d, MKT_R_PHASES);
}
