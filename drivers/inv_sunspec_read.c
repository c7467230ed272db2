/* Readings from SunSpec models. */
#include "core/base/compat.h"

#include "drivers/inv_sunspec.h"

struct row {
	enum ss_point point;
	enum mkt_reading_id reading;
	uint8_t digits;
	int8_t sign;
};

static const struct row rows_103[] = {
	{SS_103_W, MKT_R_POWER, 0, -1},		 {SS_103_AphA, MKT_R_CURRENT_L1, 3, 1},
	{SS_103_AphB, MKT_R_CURRENT_L2, 3, 1},	 {SS_103_AphC, MKT_R_CURRENT_L3, 3, 1},
	{SS_103_PhVphA, MKT_R_VOLTAGE_L1, 3, 1}, {SS_103_PhVphB, MKT_R_VOLTAGE_L2, 3, 1},
	{SS_103_PhVphC, MKT_R_VOLTAGE_L3, 3, 1}, {SS_103_Hz, MKT_R_FREQUENCY, 3, 1},
};

static const struct row rows_113[] = {
	{SS_113_W, MKT_R_POWER, 0, -1},		 {SS_113_AphA, MKT_R_CURRENT_L1, 3, 1},
	{SS_113_AphB, MKT_R_CURRENT_L2, 3, 1},	 {SS_113_AphC, MKT_R_CURRENT_L3, 3, 1},
	{SS_113_PhVphA, MKT_R_VOLTAGE_L1, 3, 1}, {SS_113_PhVphB, MKT_R_VOLTAGE_L2, 3, 1},
	{SS_113_PhVphC, MKT_R_VOLTAGE_L3, 3, 1}, {SS_113_Hz, MKT_R_FREQUENCY, 3, 1},
};

static const struct row rows_701[] = {
	{SS_701_W, MKT_R_POWER, 0, -1},	      {SS_701_WL1, MKT_R_POWER_L1, 0, -1},
	{SS_701_WL2, MKT_R_POWER_L2, 0, -1},  {SS_701_WL3, MKT_R_POWER_L3, 0, -1},
	{SS_701_AL1, MKT_R_CURRENT_L1, 3, 1}, {SS_701_AL2, MKT_R_CURRENT_L2, 3, 1},
	{SS_701_AL3, MKT_R_CURRENT_L3, 3, 1}, {SS_701_VL1, MKT_R_VOLTAGE_L1, 3, 1},
	{SS_701_VL2, MKT_R_VOLTAGE_L2, 3, 1}, {SS_701_VL3, MKT_R_VOLTAGE_L3, 3, 1},
	{SS_701_Hz, MKT_R_FREQUENCY, 3, 1},
};

static const struct row rows_203[] = {
	{SS_203_AphA, MKT_R_CURRENT_L1, 3, 1},	 {SS_203_AphB, MKT_R_CURRENT_L2, 3, 1},
	{SS_203_AphC, MKT_R_CURRENT_L3, 3, 1},	 {SS_203_PhVphA, MKT_R_VOLTAGE_L1, 3, 1},
	{SS_203_PhVphB, MKT_R_VOLTAGE_L2, 3, 1}, {SS_203_PhVphC, MKT_R_VOLTAGE_L3, 3, 1},
	{SS_203_Hz, MKT_R_FREQUENCY, 3, 1},
};

static const struct row rows_213[] = {
	{SS_213_AphA, MKT_R_CURRENT_L1, 3, 1},	 {SS_213_AphB, MKT_R_CURRENT_L2, 3, 1},
	{SS_213_AphC, MKT_R_CURRENT_L3, 3, 1},	 {SS_213_PhVphA, MKT_R_VOLTAGE_L1, 3, 1},
	{SS_213_PhVphB, MKT_R_VOLTAGE_L2, 3, 1}, {SS_213_PhVphC, MKT_R_VOLTAGE_L3, 3, 1},
	{SS_213_Hz, MKT_R_FREQUENCY, 3, 1},
};

static void set_row(struct drv_device *d, const struct ss_block *b, enum ss_point p,
		    enum mkt_reading_id id, unsigned digits, int sign)
{
	int64_t value;

	if (ss_get(b, p, digits, &value))
		drv_set(d, id, sign * value);
	else
		drv_unset(d, id);
}

static void set_rows(struct drv_device *d, const struct ss_block *b, const struct row *rows,
		     size_t n, int sign)
{
	for (size_t i = 0; i < n; i++)
		set_row(d, b, rows[i].point, rows[i].reading, rows[i].digits, sign * rows[i].sign);
}

/* ---- counters ------------------------------------------------------------------------------ */

/* What the last digit of a float32 is worth. */
static int64_t float_step(int64_t value)
{
	int64_t step = 1;

	while (value >> 24 >= step && step < (1 << 30))
		step *= 2;
	return step;
}

/* A counter in Wh and its step; false: not there. */
static bool get_counter(struct inv_counter *c, const struct ss_block *b, enum ss_point p,
			int64_t *wh, int64_t *step)
{
	enum ss_type type = ss_points[p].type;
	int64_t raw;
	int e;

	*step = 1;
	if (type == SS_FLOAT32) {
		if (!ss_get(b, p, 0, wh) || *wh < 0)
			return false;
		*step = float_step(*wh);
		return true;
	}
	if (!ss_raw(b, p, &raw) || !ss_exponent(b, p, &e))
		return false;
	if (type == SS_ACC32) {
		if (raw < c->last && c->last - raw > INT32_MAX)
			c->turns++;
		c->last = (uint32_t)raw;
		raw += (int64_t)c->turns << 32;
	}
	if (e > 0 && !ss_scale(1, e, step))
		return false;
	return ss_scale(raw, e, wh);
}

/* SS_POINTS: the model has no such counter. */
static void set_counters(struct drv_device *d, struct inv *v, const struct ss_block *b,
			 enum ss_point import, enum ss_point export)
{
	int64_t wh, step, largest = 1;

	if (import != SS_POINTS && get_counter(&v->count[0], b, import, &wh, &step)) {
		largest = step;
		drv_set(d, MKT_R_ENERGY_STEP, largest);
		drv_set(d, MKT_R_ENERGY_IMPORT, wh);
		d->caps |= MKT_CAP_IMPORT;
	}
	if (export != SS_POINTS && get_counter(&v->count[1], b, export, &wh, &step)) {
		largest = step > largest ? step : largest;
		drv_set(d, MKT_R_ENERGY_STEP, largest);
		drv_set(d, MKT_R_ENERGY_EXPORT, wh);
		d->caps |= MKT_CAP_EXPORT;
	}
}

/* ---- inverters ----------------------------------------------------------------------------- */

static void set_temperature(struct drv_device *d, const struct ss_block *b,
			    const enum ss_point points[4])
{
	int64_t value, hottest = INT64_MIN;

	for (int i = 0; i < 4; i++)
		if (ss_get(b, points[i], 3, &value) && value > hottest)
			hottest = value;
	if (hottest != INT64_MIN)
		drv_set(d, MKT_R_TEMPERATURE, hottest);
	else
		drv_unset(d, MKT_R_TEMPERATURE);
}

/* @events: the bits that tell more.  @fault: the state that says so. */
static void set_fault(struct drv_device *d, const struct ss_block *b, enum ss_point state,
		      int64_t fault, enum ss_point events)
{
	int64_t st = 0, bits = 0;
	bool bad = ss_raw(b, state, &st) && st == fault;

	if (!ss_raw(b, events, &bits))
		bits = 0;
	drv_set(d, MKT_R_FAULT, bad && !bits ? fault : bits);
	if (bad)
		drv_fault(d, "model %u says fault: %s is %lld, %s is 0x%08llX", b->r[0],
			  ss_points[state].name, (long long)st, ss_points[events].name,
			  (unsigned long long)bits);
}

int inv_read_ac(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	static const enum ss_point t103[] = {SS_103_TmpCab, SS_103_TmpSnk, SS_103_TmpTrns,
					     SS_103_TmpOt};
	static const enum ss_point t113[] = {SS_113_TmpCab, SS_113_TmpSnk, SS_113_TmpTrns,
					     SS_113_TmpOt};
	static const enum ss_point t701[] = {SS_701_TmpCab, SS_701_TmpSnk, SS_701_TmpTrns,
					     SS_701_TmpOt};
	struct ss_block b;
	int64_t type;
	int rc = ss_read(&v->io, v->ac, &b, err);

	if (rc < 0)
		return rc;
	switch (ss_family(v->ac->id)) {
	case 103:
		set_rows(d, &b, rows_103, MKT_ARRAY_SIZE(rows_103), 1);
		set_counters(d, v, &b, SS_POINTS, SS_103_WH);
		set_temperature(d, &b, t103);
		set_fault(d, &b, SS_103_St, 7, SS_103_Evt1);
		drv_set(d, MKT_R_PHASES, v->ac->id - 100);
		break;
	case 113:
		set_rows(d, &b, rows_113, MKT_ARRAY_SIZE(rows_113), 1);
		set_counters(d, v, &b, SS_POINTS, SS_113_WH);
		set_temperature(d, &b, t113);
		set_fault(d, &b, SS_113_St, 7, SS_113_Evt1);
		drv_set(d, MKT_R_PHASES, v->ac->id - 110);
		break;
	default:
		set_rows(d, &b, rows_701, MKT_ARRAY_SIZE(rows_701), 1);
		set_counters(d, v, &b, SS_701_TotWhAbs, SS_701_TotWhInj);
		set_temperature(d, &b, t701);
		set_fault(d, &b, SS_701_InvSt, 6, SS_701_Alrm); /* counts from 0, not as 10x */
		if (ss_raw(&b, SS_701_ACType, &type) && type <= 2)
			drv_set(d, MKT_R_PHASES, type + 1);
	}
	return 0;
}

/* ---- meters -------------------------------------------------------------------------------- */

/*
 * Makers disagree on the sign of a meter's W: what its counters do decides.  Three
 * readings in a row on which energy went the other way turn it round.
 */
static void learn_sign(struct inv *v, bool in, int64_t imp, int64_t exp)
{
	bool steady = v->last_known && v->last_in == in;
	int64_t dimp = imp - v->last_imp, dexp = exp - v->last_exp;

	if (steady && ((in && dexp > 0 && dimp == 0) || (!in && dimp > 0 && dexp == 0)))
		v->w_doubt++;
	else if (steady && (dimp > 0 || dexp > 0))
		v->w_doubt = 0;
	v->last_known = true;
	v->last_in = in;
	v->last_imp = imp;
	v->last_exp = exp;
	if (v->w_doubt < 3)
		return;
	v->w_sign = (int8_t)-v->w_sign;
	v->w_doubt = 0;
	v->last_known = false;
}

static void set_powers(struct drv_device *d, const struct ss_block *b, bool is_float, int sign)
{
	static const enum ss_point points[2][4] = {
		{SS_203_W, SS_203_WphA, SS_203_WphB, SS_203_WphC},
		{SS_213_W, SS_213_WphA, SS_213_WphB, SS_213_WphC}};
	static const enum mkt_reading_id ids[] = {MKT_R_POWER, MKT_R_POWER_L1, MKT_R_POWER_L2,
						  MKT_R_POWER_L3};

	for (int i = 0; i < 4; i++)
		set_row(d, b, points[is_float][i], ids[i], 0, sign);
}

int inv_read_meter(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	bool is_float = ss_family(v->meter->id) == 213, swapped = d->conf->meter_sign < 0;
	enum ss_point imp = is_float ? SS_213_TotWhImp : SS_203_TotWhImp;
	enum ss_point exp = is_float ? SS_213_TotWhExp : SS_203_TotWhExp;
	int64_t w, wimp, wexp;
	struct ss_block b;
	int rc = ss_read(&v->io, v->meter, &b, err);

	if (rc < 0)
		return rc;
	if (ss_get(&b, is_float ? SS_213_W : SS_203_W, 0, &w) && w && ss_get(&b, imp, 0, &wimp) &&
	    ss_get(&b, exp, 0, &wexp))
		learn_sign(v, w * v->w_sign > 0, wimp, wexp);
	/* Clamps that point the other way: import is export, and W the other way round. */
	set_powers(d, &b, is_float, swapped ? -v->w_sign : v->w_sign);
	set_counters(d, v, &b, swapped ? exp : imp, swapped ? imp : exp);
	if (is_float)
		set_rows(d, &b, rows_213, MKT_ARRAY_SIZE(rows_213), 1);
	else
		set_rows(d, &b, rows_203, MKT_ARRAY_SIZE(rows_203), 1);
	set_row(d, &b, is_float ? SS_213_Evt : SS_203_Evt, MKT_R_FAULT, 0, 1);
	drv_set(d, MKT_R_PHASES, v->meter->id % 10 < 3 ? v->meter->id % 10 : 3);
	return 0;
}

/* ---- batteries ----------------------------------------------------------------------------- */

static int read_713(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	struct ss_block b;
	int64_t status;
	int rc = ss_read(&v->io, v->store, &b, err);

	if (rc < 0)
		return rc;
	set_row(d, &b, SS_713_SoC, MKT_R_SOC, 1, 1);
	set_row(d, &b, SS_713_WHRtg, MKT_R_CAPACITY, 0, 1);
	set_row(d, &b, SS_713_WHAvail, MKT_R_ENERGY_DISCHARGEABLE, 0, 1);
	if (ss_raw(&b, SS_713_Sta, &status) && status == 2)
		drv_fault(d, "model 713 says fault: Sta is 2");
	return 0;
}

/* The definition leaves the sign of 802's W open: what the battery says it does tells. */
static void set_dc_power(struct drv_device *d, struct inv *v, const struct ss_block *b)
{
	int64_t w, st;

	if (!ss_get(b, SS_802_W, 0, &w))
		return;
	if (!v->dc_sign && w && ss_raw(b, SS_802_ChaSt, &st) && (st == 3 || st == 4))
		v->dc_sign = (w > 0) == (st == 4) ? 1 : -1;
	if (v->dc_sign || !w)
		drv_set(d, MKT_R_POWER, v->dc_sign * w);
}

static int read_802(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	struct ss_block b;
	int64_t value;
	int rc = ss_read(&v->io, v->batt, &b, err);

	if (rc < 0)
		return rc;
	set_row(d, &b, SS_802_SoC, MKT_R_SOC, 1, 1);
	set_row(d, &b, SS_802_WHRtg, MKT_R_CAPACITY, 0, 1);
	set_row(d, &b, SS_802_V, MKT_R_BATTERY_VOLTAGE, 3, 1);
	set_row(d, &b, SS_802_SoCMax, MKT_R_SOC_MAX, 1, 1);
	set_row(d, &b, SS_802_SoCRsvMin, MKT_R_SOC_MIN, 1, 1);
	if (!ss_get(&b, SS_802_SoCRsvMin, 1, &value))
		set_row(d, &b, SS_802_SoCMin, MKT_R_SOC_MIN, 1, 1);
	if (!v->ac)
		set_dc_power(d, v, &b);
	if (ss_raw(&b, SS_802_State, &value) && value == 99)
		set_fault(d, &b, SS_802_State, 99, SS_802_Evt1);
	v->local = ss_raw(&b, SS_802_LocRemCtl, &value) && value == 1;
	v->beats = ss_raw(&b, SS_802_CtrlHb, &value);
	if (v->beats && !v->beat)
		v->beat = (uint16_t)value;
	return 0;
}

int inv_read_store(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	int rc = v->store ? read_713(d, v, err) : 0;

	if (rc == 0 && v->batt)
		rc = read_802(d, v, err);
	return rc;
}

/* ---- control ------------------------------------------------------------------------------- */

static void set_cap(struct inv *v, const struct ss_block *b, enum ss_point enable,
		    enum ss_point share)
{
	int64_t on, permyriad;

	v->cap_w = UINT32_MAX;
	if (v->wmax_w && ss_raw(b, enable, &on) && on == 1 && ss_get(b, share, 2, &permyriad) &&
	    permyriad >= 0 && permyriad < 10000)
		v->cap_w = (uint32_t)((int64_t)v->wmax_w * permyriad / 10000);
}

int inv_read_cap(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	struct ss_block b;
	int rc;

	(void)d;
	if (!v->limit)
		return 0;
	rc = ss_read(&v->io, v->limit, &b, err);
	if (rc == 0)
		set_cap(v, &b, SS_123_WMaxLim_Ena, SS_123_WMaxLimPct);
	return rc;
}

void inv_set_control(struct drv_device *d, const struct inv *v)
{
	struct inv_state s = inv_store_state(v);
	uint32_t discharge = v->cap_w < v->discharge_max_w ? v->cap_w : v->discharge_max_w;

	drv_set(d, MKT_R_MODE, s.mode);
	drv_set(d, MKT_R_ENABLED, s.mode != MKT_MODE_HOLD);
	drv_set(d, MKT_R_WATCHDOG, s.revert_s);
	if (s.steered)
		drv_set(d, MKT_R_POWER_LIMIT, s.power_w);
	else if (v->held) /* an order that has ended must not look as if it were in force */
		drv_set(d, MKT_R_POWER_LIMIT, v->hold.power_w ? 0 : v->charge_max_w);
	else
		drv_unset(d, MKT_R_POWER_LIMIT);
	drv_set(d, MKT_R_POWER_CHARGE_MIN, v->step_w);
	drv_set(d, MKT_R_POWER_DISCHARGE_MIN, v->step_w);
	drv_set(d, MKT_R_POWER_CHARGE_MAX, v->charge_max_w);
	drv_set(d, MKT_R_POWER_DISCHARGE_MAX, discharge);
}

int inv_read_control(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	int rc = ss_read(&v->io, v->ctl, &v->cb, err);
	int64_t value;

	if (rc < 0)
		return rc;
	if (v->ctl->id == 704) {
		set_cap(v, &v->cb, SS_704_WMaxLimPctEna, SS_704_WMaxLimPct);
	} else {
		set_row(d, &v->cb, SS_124_ChaState, MKT_R_SOC, 1, 1);
		set_row(d, &v->cb, SS_124_InBatV, MKT_R_BATTERY_VOLTAGE, 3, 1);
		if (ss_get(&v->cb, SS_124_MinRsvPct, 1, &value))
			drv_set(d, MKT_R_SOC_MIN, value);
		if (ss_get(&v->cb, SS_124_WChaMax, 0, &value) && value > 0 && value < INT32_MAX)
			v->ref_w = (uint32_t)value; /* it is a setting: somebody may change it */
	}
	if (v->control != INV_NONE)
		inv_set_control(d, v);
	return 0;
}
