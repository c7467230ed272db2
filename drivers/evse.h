/*
 * What drivers of chargers share: a set-point as a current, and the rule that
 * nothing between pause and the smallest current is ever sent.
 */
#ifndef MKT_DRIVERS_EVSE_H
#define MKT_DRIVERS_EVSE_H

#include "drivers/driver.h"

#define EVSE_MIN_MA 6000 /* IEC 61851-1: no pilot says less */

/*
 * @set as mA per phase into *@ma: 0 pause, else from current.min (6 A when it is
 * not known) to current.max and conf's maximum, clamped to them and rounded down to
 * @step_ma.  A power becomes a current by drv_current_for().  -MKT_EINVAL below the
 * smallest current; -MKT_EDEVUNSUPPORTED to discharge, and modes.
 */
int evse_current(const struct drv_device *d, const struct mkt_setpoint *set, int32_t step_ma,
		 int32_t *ma, struct mkt_err *err) MKT_MUST_CHECK;

/* conf's failsafe current as mA: 0 pause, or 6 A and more.  -MKT_EINVAL between. */
int evse_failsafe(const struct drv_device *d, int32_t *ma, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * What was read back is @got_ma: the applied set-point, which may be lower than
 * @asked_ma (the box has reasons: cable, temperature, another limit).
 * -MKT_EDEVUNCONFIRMED it is more.
 */
int evse_applied(int32_t asked_ma, int64_t got_ma, struct mkt_setpoint *applied,
		 struct mkt_err *err) MKT_MUST_CHECK;

/* current.max: the box's own, and not more than conf's. */
void evse_current_max(struct drv_device *d, int64_t box_ma);

/* phases, by the voltages that are read: unconnected ones have a few volts. */
void evse_phases(struct drv_device *d);

#endif
