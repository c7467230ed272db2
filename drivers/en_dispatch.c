/* Orders to ECHONET Lite devices: drivers/en_device.h. */
#include "core/base/compat.h"

#include "drivers/en_device.h"

static bool both(const struct drv_en_device *e, uint8_t epc)
{
	return drv_en_has(&e->readable, epc) && drv_en_has(&e->settable, epc);
}

bool drv_en_can_mode(const struct drv_en_device *e)
{
	return e->cls != DRV_EN_PV && both(e, 0xDA);
}

bool drv_en_can_charge_power(const struct drv_en_device *e)
{
	return drv_en_can_mode(e) && both(e, 0xEB);
}

bool drv_en_can_discharge_power(const struct drv_en_device *e)
{
	return drv_en_can_mode(e) && e->cls != DRV_EN_CHARGER && both(e, 0xEC);
}

bool drv_en_is_locked(const struct drv_en_device *e)
{
	return drv_now_ms() < e->locked_ms;
}

const char *drv_en_mode_word(int mode)
{
	switch (mode) {
	case DRV_EN_RAPID:
		return "rapid charge";
	case DRV_EN_CHARGE:
		return "charge";
	case DRV_EN_DISCHARGE:
		return "discharge";
	case DRV_EN_STANDBY:
		return "standby";
	case DRV_EN_AUTO:
		return "automatic";
	case DRV_EN_STOP:
		return "stop";
	default:
		return "other";
	}
}

static bool is_active(int mode)
{
	return mode >= DRV_EN_RAPID && mode <= DRV_EN_DISCHARGE;
}

static void go(struct drv_en_device *e, enum drv_en_step step, uint32_t limit_ms)
{
	e->step = step;
	e->asked = false;
	e->pause_ms = 0;
	e->limit_ms = drv_now_ms() + limit_ms;
}

void drv_en_order(struct drv_en_device *e, const struct mkt_setpoint *set)
{
	bool same = e->set.kind == set->kind && e->set.value == set->value;

	if (same && (e->step != DRV_EN_IDLE || (!e->told && drv_now_ms() - e->done_ms < 5000)))
		return;
	if (set->kind != e->wished.kind || set->value != e->wished.value)
		e->wishing = false; /* what was in force is not to come back by itself */
	e->set = *set;
	e->told = false;
	e->polling = false;
	go(e, DRV_EN_LOOK, DRV_EN_FOLLOW_MS);
}

/* ---- steps: 0 goes on, -MKT_EBUSY waits, else the order ends ------------------------------- */

/* Read @n properties of those there are; then 0. */
static int look_at(struct drv_en_device *e, const uint8_t *epcs, size_t n, uint64_t until_ms,
		   struct mkt_err *err)
{
	struct drv_en_map set = {{0}};

	if (!e->asked) {
		for (size_t i = 0; i < n; i++)
			if (drv_en_has(&e->readable, epcs[i]))
				drv_en_put(&set, epcs[i]);
		drv_en_pass_begin(&e->t, &set);
		e->asked = true;
	}
	return drv_en_pass(&e->t, until_ms, err);
}

static int set_props(struct drv_en_device *e, const struct drv_en_prop *p, size_t n,
		     uint64_t until_ms, struct mkt_err *err)
{
	int r;

	if (!e->asked) {
		r = drv_en_request(&e->t, e->t.eoj, DRV_EN_SETC, p, n, err);
		if (r < 0)
			return r;
		e->asked = true;
	}
	return drv_en_wait(&e->t, until_ms, err);
}

/* Wait until e->pause_ms, listening. */
static int rest(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	uint64_t at = e->pause_ms < until_ms ? e->pause_ms : until_ms;

	while (drv_now_ms() < at) {
		int r = e->t.io.pump(e->t.io.arg, at, err);

		if (r < 0)
			return r;
	}
	return drv_now_ms() < e->pause_ms ? -MKT_EBUSY : 0;
}

/* Charge > 0, discharge < 0, neither 0: what is asked for, whatever its kind. */
static int direction(const struct drv_en_device *e)
{
	if (e->set.kind == MKT_SET_POWER)
		return (e->set.value > 0) - (e->set.value < 0);
	return (e->set.value == MKT_MODE_CHARGE) - (e->set.value == MKT_MODE_DISCHARGE);
}

static bool is_undetermined(int c7)
{
	return c7 != 0x30 && (c7 < 0x40 || c7 > 0x43);
}

/* The vehicle's connection: 0 go on; 1 to be checked first. */
static int vehicle(const struct drv_en_device *e, struct mkt_err *err)
{
	int c7 = drv_en_byte(&e->t, 0xC7), dir = direction(e);

	if (!dir || !drv_en_has(&e->readable, 0xC7))
		return 0;
	if (c7 < 0)
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "the device does not say whether a vehicle is there (C7)");
	if (c7 == 0x30)
		return mkt_err_set(err, MKT_EDEVREFUSED, "no vehicle is connected (C7 30)");
	if (c7 == 0x40 || (c7 == 0x41 && dir < 0) || (c7 == 0x42 && dir > 0))
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "the vehicle can not be %s (connection C7 %02X)",
				   dir > 0 ? "charged" : "discharged", (unsigned)c7);
	return is_undetermined(c7) && drv_en_has(&e->settable, 0xCD);
}

/* Clip to the limits that the device tells: least, most; 0 below the least. */
static uint32_t clip(const struct drv_en_device *e, uint8_t epc, uint32_t power_w)
{
	const struct drv_en_value *v = drv_en_value(&e->t, epc);
	int64_t least, most;

	if (!v || v->n != 8 || !drv_en_u32(v->edt, 4, &least) || !drv_en_u32(v->edt + 4, 4, &most))
		return power_w;
	if (power_w > most)
		power_w = (uint32_t)most;
	return power_w < least ? 0 : power_w;
}

static uint8_t programme(const struct drv_en_device *e)
{
	uint8_t saved = e->d->keep[DRV_EN_SAVED];

	/* Charging or discharging was somebody's order, perhaps ours before a crash. */
	if (saved && !is_active(saved))
		return saved;
	return e->cls == DRV_EN_BATTERY ? DRV_EN_AUTO : DRV_EN_STANDBY;
}

static struct drv_en_wish wish_for(const struct drv_en_device *e)
{
	struct drv_en_wish w = {DRV_EN_STANDBY, 0, 0};
	int dir = direction(e);

	if (e->set.kind == MKT_SET_MODE && e->set.value == MKT_MODE_AUTO)
		w.mode = programme(e);
	if (!dir)
		return w;
	w.mode = dir > 0 ? DRV_EN_CHARGE : DRV_EN_DISCHARGE;
	if (e->set.kind != MKT_SET_POWER)
		return w;
	w.epc = dir > 0 ? 0xEB : 0xEC;
	w.power_w = (uint32_t)llabs((long long)e->set.value);
	if (e->d->conf->max_w && w.power_w > e->d->conf->max_w)
		w.power_w = e->d->conf->max_w;
	w.power_w = clip(e, dir > 0 ? 0xC8 : 0xC9, w.power_w);
	if (!w.power_w)
		w = (struct drv_en_wish){DRV_EN_STANDBY, 0, 0};
	return w;
}

static bool power_is(const struct drv_en_device *e, const struct drv_en_wish *w)
{
	const struct drv_en_value *v = drv_en_value(&e->t, w->epc);
	int64_t power_w;

	return !w->epc || (v && drv_en_u32(v->edt, v->n, &power_w) && power_w == w->power_w);
}

/* What to go back to: the mode before us, or what somebody has set since. */
static void save_programme(struct drv_en_device *e)
{
	uint8_t *keep = e->d->keep;
	int da = drv_en_byte(&e->t, 0xDA);

	if (da > 0 && (!keep[DRV_EN_SAVED] || (!e->wishing && da != keep[DRV_EN_LEFT])))
		keep[DRV_EN_SAVED] = (uint8_t)da;
}

static int step_look(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	static const uint8_t epcs[] = {0x88, 0x93, 0xC7, 0xC8, 0xC9, 0xCF, 0xDA, 0xEB, 0xEC};
	int r = look_at(e, epcs, sizeof(epcs), until_ms, err);

	if (r < 0)
		return r;
	if (drv_en_byte(&e->t, 0x88) == 0x41 && direction(e))
		return mkt_err_set(err, MKT_EDEVFAULT, "the device reports a fault (88 41)");
	r = vehicle(e, err);
	if (r < 0)
		return r;
	if (r) {
		go(e, DRV_EN_CHECK, DRV_EN_FOLLOW_MS);
		return 0;
	}
	save_programme(e);
	e->next = wish_for(e);
	if (drv_en_byte(&e->t, 0xDA) == e->next.mode && power_is(e, &e->next))
		go(e, DRV_EN_CONFIRM, DRV_EN_FOLLOW_MS);
	else
		go(e, DRV_EN_SET, DRV_EN_FOLLOW_MS);
	e->part = e->next.epc ? DRV_EN_BOTH : DRV_EN_MODE_ALONE;
	return 0;
}

static int step_check(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	const uint8_t start = 0x10;
	int r = set_props(e, &(struct drv_en_prop){0xCD, 1, &start}, 1, until_ms, err);

	if (r < 0)
		return r;
	if (drv_en_has(&e->t.refused, 0xCD))
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "the vehicle connection check (CD 10) is refused");
	go(e, DRV_EN_CHECKING, DRV_EN_FOLLOW_MS);
	return 0;
}

static int step_checking(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	static const uint8_t c7 = 0xC7;
	int r = rest(e, until_ms, err);

	if (r == -MKT_EBUSY && !e->t.noticed)
		return mkt_err_set(err, MKT_EBUSY, "the vehicle connection check is running");
	if (r < 0 && r != -MKT_EBUSY)
		return r;
	r = look_at(e, &c7, 1, until_ms, err);
	if (r < 0)
		return r;
	e->t.noticed = false;
	if (is_undetermined(drv_en_byte(&e->t, 0xC7))) {
		if (drv_now_ms() >= e->limit_ms)
			return mkt_err_set(err, MKT_EDEVTIMEOUT,
					   "the vehicle connection check did not end (C7 %02X)",
					   (unsigned)drv_en_byte(&e->t, 0xC7));
		e->asked = false;
		e->pause_ms = drv_now_ms() + 5000;
		return 0;
	}
	go(e, DRV_EN_LOOK, DRV_EN_FOLLOW_MS);
	return 0;
}

/* Once may be a moment's; twice, or if it says so, it is locked. */
static int refused(struct drv_en_device *e, uint8_t epc, struct mkt_err *err)
{
	bool local = drv_en_byte(&e->t, 0x93) == 0x41;

	if (e->refusals < 2)
		e->refusals++;
	if (local || e->refusals == 2)
		e->locked_ms = drv_now_ms() + DRV_EN_LOCKED_MS;
	return mkt_err_set(err, MKT_EDEVREFUSED, "the device refuses %s (%02X)%s",
			   epc == 0xDA ? drv_en_mode_word(e->next.mode) : "the power", epc,
			   local ? ": it allows no remote control" : "");
}

/* What the answer to a set leads to: another part of it, undoing, or reading back. */
static int judge(struct drv_en_device *e, struct mkt_err *err)
{
	bool power = e->next.epc && drv_en_has(&e->t.refused, e->next.epc);
	bool mode = drv_en_has(&e->t.refused, 0xDA);

	if (e->part == DRV_EN_BOTH && power && mode) {
		e->part = DRV_EN_POWER_ALONE;
		e->asked = false;
		return 0;
	}
	if (mode)
		return refused(e, 0xDA, err);
	if (power && e->part == DRV_EN_POWER_ALONE)
		return refused(e, e->next.epc, err);
	if (e->part == DRV_EN_POWER_ALONE) {
		e->part = DRV_EN_MODE_ALONE;
		e->asked = false;
		return 0;
	}
	e->d->keep[DRV_EN_TOUCHED] = 1;
	e->refusals = 0;
	e->locked_ms = 0;
	go(e, power ? DRV_EN_UNDO : DRV_EN_CONFIRM, DRV_EN_FOLLOW_MS);
	return 0;
}

static int step_set(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	const struct drv_en_wish *w = &e->next;
	struct drv_en_prop p[2] = {{w->epc, 4, NULL}, {0xDA, 1, &w->mode}};
	bool power = e->part != DRV_EN_MODE_ALONE, mode = e->part != DRV_EN_POWER_ALONE;
	uint8_t bytes[4];
	int r;

	drv_en_put32(bytes, w->power_w);
	p[0].edt = bytes;
	e->d->keep[DRV_EN_LEFT] = w->mode; /* also if the answer is lost */
	r = set_props(e, power ? p : p + 1, (size_t)power + mode, until_ms, err);
	return r < 0 ? r : judge(e, err);
}

/* At an unknown power it must not run. */
static int step_undo(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	const uint8_t standby = DRV_EN_STANDBY;
	int r;

	e->d->keep[DRV_EN_LEFT] = standby;
	r = set_props(e, &(struct drv_en_prop){0xDA, 1, &standby}, 1, until_ms, err);
	if (r < 0)
		return r;
	return mkt_err_set(err, MKT_EDEVREFUSED, "the device refuses a power of %u W (%02X)%s",
			   e->next.power_w, e->next.epc,
			   drv_en_has(&e->t.refused, 0xDA) ? " and standby: it runs at its own rate"
							   : "; back to standby");
}

static bool works_as(const struct drv_en_device *e, const struct drv_en_wish *w)
{
	int cf = drv_en_byte(&e->t, 0xCF);

	if (e->cls != DRV_EN_BATTERY || !drv_en_has(&e->readable, 0xCF))
		return true; /* CF is something else there */
	if (w->mode == DRV_EN_CHARGE && cf == DRV_EN_RAPID)
		return true;
	/* What the programme does at the moment is its own affair. */
	return cf == w->mode || (cf > 0 && !is_active(w->mode) && w->mode != DRV_EN_STANDBY);
}

static struct mkt_setpoint in_force(const struct drv_en_device *e)
{
	const struct drv_en_value *v = drv_en_value(&e->t, e->next.epc);
	struct mkt_setpoint s = e->set;
	int64_t power_w = 0;

	if (s.kind != MKT_SET_POWER)
		return s;
	if (e->next.epc && (!v || !drv_en_u32(v->edt, v->n, &power_w)))
		power_w = e->next.power_w;
	s.value = (int32_t)(e->next.epc == 0xEC ? -power_w : power_w);
	return s;
}

/* Is the power lower than what was asked for, and no other way round? */
static bool is_clamped(const struct drv_en_device *e)
{
	const struct drv_en_value *v = drv_en_value(&e->t, e->next.epc);
	int64_t power_w;

	return v && drv_en_u32(v->edt, v->n, &power_w) && power_w && power_w < e->next.power_w;
}

static int step_confirm(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	static const uint8_t epcs[] = {0xCF, 0xD3, 0xDA, 0xEB, 0xEC};
	uint64_t begun_ms = e->limit_ms - DRV_EN_FOLLOW_MS;
	bool late;
	int r = rest(e, until_ms, err), da;

	if (r == 0)
		r = look_at(e, epcs, sizeof(epcs), until_ms, err);
	if (r < 0)
		return r == -MKT_EBUSY ? mkt_err_set(err, MKT_EBUSY, "waiting for %s",
						     drv_en_mode_word(e->next.mode))
				       : r;
	da = drv_en_byte(&e->t, 0xDA);
	late = drv_now_ms() >= begun_ms + DRV_EN_SETTLE_MS;
	if (da == e->next.mode && works_as(e, &e->next) &&
	    (power_is(e, &e->next) || (late && is_clamped(e)))) {
		e->applied = in_force(e);
		e->step = DRV_EN_IDLE;
		return 0;
	}
	if (drv_now_ms() >= e->limit_ms ||
	    (late && (da != e->next.mode || !power_is(e, &e->next))))
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				   "asked for %s at %u W; its mode is %s, it works as %s",
				   drv_en_mode_word(e->next.mode), e->next.power_w,
				   drv_en_mode_word(da),
				   drv_en_mode_word(drv_en_has(&e->readable, 0xCF) &&
								    e->cls == DRV_EN_BATTERY
							    ? drv_en_byte(&e->t, 0xCF)
							    : da));
	e->asked = false;
	e->pause_ms = drv_now_ms() + 500;
	return 0;
}

/* ---- the order ----------------------------------------------------------------------------- */

static int one_step(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	switch (e->step) {
	case DRV_EN_LOOK:
		return step_look(e, until_ms, err);
	case DRV_EN_CHECK:
		return step_check(e, until_ms, err);
	case DRV_EN_CHECKING:
		return step_checking(e, until_ms, err);
	case DRV_EN_SET:
		return step_set(e, until_ms, err);
	case DRV_EN_UNDO:
		return step_undo(e, until_ms, err);
	case DRV_EN_CONFIRM:
		return step_confirm(e, until_ms, err);
	case DRV_EN_IDLE:
		break;
	}
	return 0;
}

static void finish(struct drv_en_device *e, int result)
{
	bool back = e->set.kind == MKT_SET_MODE && e->set.value == MKT_MODE_AUTO;

	e->step = DRV_EN_IDLE;
	e->result = result;
	e->watched_ms = e->done_ms = drv_now_ms();
	if (result == -MKT_EDEVTIMEOUT)
		e->d->keep[DRV_EN_TOUCHED] = 1; /* who knows */
	if (result < 0)
		return;
	e->wishing = !back;
	e->wish = e->next;
	e->wished = e->set;
	e->wish.power_w = 0;
	if (e->set.kind == MKT_SET_POWER)
		e->wish.power_w = (uint32_t)llabs((long long)e->applied.value);
	e->missed = 0;
	if (back)
		e->d->keep[DRV_EN_SAVED] = e->d->keep[DRV_EN_TOUCHED] = 0;
}

int drv_en_dispatch(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	int r = 0;

	while (e->step != DRV_EN_IDLE) {
		r = one_step(e, until_ms, &e->why);
		if (r == -MKT_EBUSY) {
			if (err)
				*err = e->why;
			return r;
		}
		if (r < 0 || e->step == DRV_EN_IDLE)
			finish(e, r);
	}
	if (e->result < 0 && err)
		*err = e->why;
	return e->result;
}

bool drv_en_follows(const struct drv_en_device *e)
{
	if (!e->wishing)
		return true;
	return drv_en_byte(&e->t, 0xDA) == e->wish.mode && works_as(e, &e->wish) &&
	       power_is(e, &e->wish);
}
