/*
 * Storage control: model 124 (rates in percent, a mode) and model 704 (watts).
 *
 * 124, what is written for what:
 *
 *   automatic      StorCtl_Mod 0, then OutWRte and InWRte 100 %
 *   hold           OutWRte 0, StorCtl_Mod 2
 *   nothing at all OutWRte 0, InWRte 0, StorCtl_Mod 3
 *   charge p       ChaGriSet 1, OutWRte -p, StorCtl_Mod 2
 *   discharge p    InWRte -p, StorCtl_Mod 1
 *
 * OutWRte limits what flows out, so a negative one is at least so much in.
 */
#include "core/base/compat.h"

#include "drivers/inv_sunspec.h"

#define TRIES 3		 /* of reading back */
#define READ_BACK_MS 200 /* between them */

/* Bits of StorCtl_Mod. */
#define LIMIT_IN 1
#define LIMIT_OUT 2

/* ---- what is there ------------------------------------------------------------------------- */

static uint32_t watts(const struct ss_block *b, enum ss_point p)
{
	int64_t w;

	return ss_get(b, p, 0, &w) && w > 0 && w < INT32_MAX ? (uint32_t)w : 0;
}

/* The smaller of two limits; 0 is none. */
static uint32_t lesser(uint32_t a, uint32_t b)
{
	return !a || (b && b < a) ? b : a;
}

static bool has(const struct ss_block *b, enum ss_point p)
{
	int64_t raw;

	return ss_raw(b, p, &raw);
}

/* The number that says 100 % in OutWRte and InWRte; 0: they cannot. */
static int64_t full_rate(const struct ss_block *b)
{
	struct ss_block scratch = *b;
	int64_t raw;

	return ss_put(&scratch, SS_124_OutWRte, 100, 0, NULL) == 0 &&
			       ss_raw(&scratch, SS_124_OutWRte, &raw) && raw > 0
		       ? raw
		       : 0;
}

static void find_124(struct inv *v)
{
	int64_t full = full_rate(&v->cb);

	v->ref_w = watts(&v->cb, SS_124_WChaMax);
	if (!v->ref_w || !full || !has(&v->cb, SS_124_OutWRte) || !has(&v->cb, SS_124_InWRte) ||
	    !has(&v->cb, SS_124_StorCtl_Mod))
		return;
	v->control = INV_124;
	v->step_w = (uint32_t)((v->ref_w + full - 1) / full);
	v->charge_max_w = lesser(v->ref_w, v->charge_max_w);
	v->discharge_max_w = lesser(v->ref_w, v->discharge_max_w);
	if (!has(&v->cb, SS_124_InOutWRte_RvrtTms))
		v->watchdog_s = 0;
}

static void find_704(struct inv *v)
{
	int64_t step;
	int e;

	if (!has(&v->cb, SS_704_WSetEna) || !has(&v->cb, SS_704_WSetMod) ||
	    !has(&v->cb, SS_704_WSet) || !ss_exponent(&v->cb, SS_704_WSet, &e) ||
	    !ss_scale(1, e, &step))
		return;
	v->control = INV_704;
	v->step_w = step > 1 ? (uint32_t)step : 1;
	if (!has(&v->cb, SS_704_WSetRvrtTms))
		v->watchdog_s = 0;
}

/* What the inverter is rated at and set to. */
static int read_ratings(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	struct ss_block b;
	int64_t wh;
	int rc = 0;

	if (v->name) {
		rc = ss_read(&v->io, v->name, &b, err);
		if (rc < 0)
			return rc;
	}
	if (v->name && v->name->id == 702) {
		v->wmax_w = watts(&b, SS_702_WMax);
		v->wmax_w = v->wmax_w ? v->wmax_w : watts(&b, SS_702_WMaxRtg);
		v->charge_max_w =
			lesser(watts(&b, SS_702_WChaRteMaxRtg), watts(&b, SS_702_WChaRteMax));
		v->discharge_max_w =
			lesser(watts(&b, SS_702_WDisChaRteMaxRtg), watts(&b, SS_702_WDisChaRteMax));
	} else if (v->name) {
		v->wmax_w = watts(&b, SS_120_WRtg);
		v->charge_max_w = watts(&b, SS_120_MaxChaRte);
		v->discharge_max_w = watts(&b, SS_120_MaxDisChaRte);
		if (ss_get(&b, SS_120_WHRtg, 0, &wh) && wh > 0)
			drv_set(d, MKT_R_CAPACITY, wh);
	}
	if (v->basic) {
		rc = ss_read(&v->io, v->basic, &b, err);
		if (rc == 0 && watts(&b, SS_121_WMax))
			v->wmax_w = watts(&b, SS_121_WMax);
	}
	return rc;
}

static int read_battery(struct inv *v, struct mkt_err *err)
{
	struct ss_block b;
	int rc = ss_read(&v->io, v->batt, &b, err);

	if (rc < 0)
		return rc;
	v->charge_max_w = lesser(v->charge_max_w, watts(&b, SS_802_WChaRteMax));
	v->discharge_max_w = lesser(v->discharge_max_w, watts(&b, SS_802_WDisChaRteMax));
	return 0;
}

int inv_store_find(struct drv_device *d, struct inv *v, struct mkt_err *err)
{
	static const uint16_t ids[] = {704, 124};
	int rc = read_ratings(d, v, err);

	if (rc == 0 && v->batt)
		rc = read_battery(v, err);
	for (size_t i = 0; rc == 0 && v->control == INV_NONE && i < MKT_ARRAY_SIZE(ids); i++) {
		v->ctl = ss_find(&v->map, v->device, ids[i]);
		if (!v->ctl || (ids[i] == 704 && !v->store))
			continue;
		rc = ss_read(&v->io, v->ctl, &v->cb, err);
		if (rc == 0 && ids[i] == 704)
			find_704(v);
		else if (rc == 0)
			find_124(v);
	}
	if (v->control == INV_NONE)
		v->ctl = NULL;
	/* What 704 says nothing of is bounded by what the inverter can at all. */
	v->charge_max_w = lesser(v->charge_max_w ? v->charge_max_w : v->wmax_w, d->conf->max_w);
	v->discharge_max_w =
		lesser(v->discharge_max_w ? v->discharge_max_w : v->wmax_w, d->conf->max_w);
	return rc;
}

/* ---- what is in force ---------------------------------------------------------------------- */

/* A rate in watts, towards zero. */
static int32_t rate_w(const struct inv *v, enum ss_point p)
{
	int64_t raw, full = full_rate(&v->cb);

	if (!full || !ss_raw(&v->cb, p, &raw))
		return 0;
	return (int32_t)(raw * v->ref_w / full);
}

static struct inv_state state_124(const struct inv *v)
{
	struct inv_state s = {.mode = MKT_MODE_AUTO};
	int64_t mod = 0, t = 0;
	int32_t out = rate_w(v, SS_124_OutWRte), in = rate_w(v, SS_124_InWRte);

	if (!ss_raw(&v->cb, SS_124_StorCtl_Mod, &mod) || !(mod & (LIMIT_IN | LIMIT_OUT)))
		return s;
	if ((mod & LIMIT_OUT) && out < 0)
		s = (struct inv_state){MKT_MODE_CHARGE, .steered = true, .power_w = -out};
	else if ((mod & LIMIT_IN) && in < 0)
		s = (struct inv_state){MKT_MODE_DISCHARGE, .steered = true, .power_w = in};
	else if ((mod & LIMIT_OUT) && out == 0)
		s = (struct inv_state){MKT_MODE_HOLD, .steered = true,
				       .idle = (mod & LIMIT_IN) && in == 0};
	if (ss_raw(&v->cb, SS_124_InOutWRte_RvrtTms, &t))
		s.revert_s = (uint32_t)t;
	return s;
}

static struct inv_state state_704(const struct inv *v)
{
	struct inv_state s = {.mode = MKT_MODE_AUTO};
	int64_t on = 0, mod = 0, w = 0, t = 0;

	if (!ss_raw(&v->cb, SS_704_WSetEna, &on) || on != 1)
		return s;
	/* A share of WMax is not ours; it is told as what it is not: automatic. */
	if (!ss_raw(&v->cb, SS_704_WSetMod, &mod) || mod != 1 ||
	    !ss_get(&v->cb, SS_704_WSet, 0, &w) || w > INT32_MAX || w < -INT32_MAX)
		return (struct inv_state){.mode = MKT_MODE_UNKNOWN};
	s.steered = true;
	s.power_w = (int32_t)-w;
	s.mode = w < 0 ? MKT_MODE_CHARGE : w > 0 ? MKT_MODE_DISCHARGE : MKT_MODE_HOLD;
	if (ss_raw(&v->cb, SS_704_WSetRvrtTms, &t))
		s.revert_s = (uint32_t)t;
	return s;
}

struct inv_state inv_store_state(const struct inv *v)
{
	return v->control == INV_704 ? state_704(v) : state_124(v);
}

/* ---- making it so -------------------------------------------------------------------------- */

/* Registers that are written together; @gap: one among them that the device lacks, 0: none. */
struct run {
	uint16_t off, n, gap;
};

static bool is_so(const struct ss_block *b, const struct ss_block *want, struct run r)
{
	for (uint16_t i = r.off; i < r.off + r.n; i++)
		if (b->r[i] != want->r[i] && i != r.gap)
			return false;
	return true;
}

static void tell_difference(const struct inv *v, const struct ss_block *want, struct run r,
			    struct mkt_err *err)
{
	for (uint16_t i = r.off; i < r.off + r.n; i++)
		if (v->cb.r[i] != want->r[i] && i != r.gap) {
			mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				    "model %u, offset %u: %u was written, %u is read back",
				    v->ctl->id, i, want->r[i], v->cb.r[i]);
			return;
		}
}

/* Read v->cb until it is as wanted: 0; 1 when it stays otherwise. */
static int read_back(struct inv *v, const struct ss_block *want, struct run r, struct mkt_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		int rc;

		if (i)
			drv_sleep_ms(READ_BACK_MS);
		rc = ss_read(&v->io, v->ctl, &v->cb, err);
		if (rc < 0)
			return rc;
		if (is_so(&v->cb, want, r))
			return 0;
	}
	tell_difference(v, want, r, err);
	return 1;
}

/* An answer was lost; the write may have been done: what is read back tells.  @rc, or 0. */
static int put_unheard(struct inv *v, const struct ss_block *want, struct run r, int rc,
		       struct mkt_err *err)
{
	if (read_back(v, want, r, NULL) == 0)
		return 0;
	mkt_err_hint(err, "it may have been done all the same");
	return rc;
}

/* Write what is not so already, or @again, and read it back. */
static int put(struct inv *v, const struct ss_block *want, struct run r, bool again,
	       struct mkt_err *err)
{
	int rc;

	if (!again && is_so(&v->cb, want, r))
		return 0;
	rc = ss_write(&v->io, want, r.off, r.n, err);
	if (rc == -MKT_EDEVREFUSED && r.gap) { /* by what stands before and behind the gap */
		rc = ss_write(&v->io, want, r.off, (uint16_t)(r.gap - r.off), err);
		if (rc == 0)
			rc = ss_write(&v->io, want, (uint16_t)(r.gap + 1),
				      (uint16_t)(r.off + r.n - r.gap - 1), err);
	}
	if (rc == -MKT_EDEVTIMEOUT || rc == -MKT_EDEVFRAME)
		return put_unheard(v, want, r, rc, err);
	return rc < 0 ? rc : read_back(v, want, r, err);
}

/* The same for one point, which must be there and come back as it was written. */
static int put_point(struct inv *v, enum ss_point p, int64_t value, bool again, struct mkt_err *err)
{
	const struct ss_point_info *i = &ss_points[p];
	struct ss_block want = v->cb;
	int rc = ss_put(&want, p, value, 0, err);

	if (rc < 0)
		return rc;
	rc = put(v, &want, (struct run){i->off, (uint16_t)ss_size(i->type), 0}, again, err);
	return rc > 0 ? -MKT_EDEVUNCONFIRMED : rc;
}

/* Has the device taken a smaller power, in the direction that was asked for? */
static bool is_clamped(const struct ss_block *got, const struct ss_block *want, enum ss_point p)
{
	int64_t a, b;

	if (!ss_raw(got, p, &a) || !ss_raw(want, p, &b))
		return false;
	return a == b || (b < 0 && a < 0 && a > b) || (b > 0 && a > 0 && a < b);
}

/*
 * Rates and timers of 124 in one write.  A window (WinTms) that is absent stands
 * among them: most devices take a 0 for it, the others are written around it.
 */
static int put_rates(struct inv *v, const struct ss_block *want, bool again, struct mkt_err *err)
{
	uint16_t out = ss_points[SS_124_OutWRte].off;
	uint16_t win = ss_points[SS_124_InOutWRte_WinTms].off;
	bool has_win = has(&v->cb, SS_124_InOutWRte_WinTms);
	bool has_timer = has(&v->cb, SS_124_InOutWRte_RvrtTms);
	struct run r = {out, has_timer ? 4 : has_win ? 3 : 2, has_timer && !has_win ? win : 0};
	struct run timers = {win, (uint16_t)(r.n - 2), r.gap};
	int rc = put(v, want, r, again, err);

	if (rc <= 0)
		return rc;
	/* Not all came back as written: a clamped power will do, anything else will not. */
	if (is_clamped(&v->cb, want, SS_124_OutWRte) && is_clamped(&v->cb, want, SS_124_InWRte) &&
	    is_so(&v->cb, want, timers))
		return 0;
	return -MKT_EDEVUNCONFIRMED;
}

/* Rates, timers and mode of 124 for @s; the grid setting is not among them. */
static int plan_124(const struct inv *v, const struct inv_state *s, struct ss_block *b,
		    int64_t *mod, struct mkt_err *err)
{
	int64_t full = full_rate(&v->cb), rate, out = full, in = full;
	int e;

	rate = (s->power_w < 0 ? -(int64_t)s->power_w : s->power_w) * full / v->ref_w;
	*mod = LIMIT_OUT;
	if (s->mode == MKT_MODE_CHARGE) {
		out = -rate;
	} else if (s->mode == MKT_MODE_DISCHARGE) {
		in = -rate;
		*mod = LIMIT_IN;
	} else {
		out = 0;
	}
	if (s->idle) {
		in = 0;
		*mod = LIMIT_IN | LIMIT_OUT;
	}
	*b = v->cb;
	if (!ss_exponent(b, SS_124_OutWRte, &e))
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "model 124 has no InOutWRte_SF");
	b->r[ss_points[SS_124_OutWRte].off] = (uint16_t)out;
	b->r[ss_points[SS_124_InWRte].off] = (uint16_t)in;
	b->r[ss_points[SS_124_InOutWRte_WinTms].off] = 0; /* at once */
	if (!has(b, SS_124_InOutWRte_RvrtTms))
		return 0;
	return ss_put(b, SS_124_InOutWRte_RvrtTms, v->watchdog_s, 0, err);
}

static int set_124(struct inv *v, const struct inv_state *s, bool again, struct mkt_err *err)
{
	struct ss_block b;
	int64_t mod, grid;
	int rc = plan_124(v, s, &b, &mod, err);

	if (rc == 0 && s->mode == MKT_MODE_CHARGE && ss_raw(&v->cb, SS_124_ChaGriSet, &grid) &&
	    grid == 0) {
		rc = put_point(v, SS_124_ChaGriSet, 1, false, err);
		*v->grid_set |= rc == 0;
	}
	if (rc == 0)
		rc = put_rates(v, &b, again, err);
	if (rc == 0)
		rc = put_point(v, SS_124_StorCtl_Mod, mod, again, err);
	return rc;
}

static int release_124(struct inv *v, struct mkt_err *err)
{
	int64_t full = full_rate(&v->cb);
	uint16_t out = ss_points[SS_124_OutWRte].off;
	struct ss_block want;
	int rc = put_point(v, SS_124_StorCtl_Mod, 0, false, err);

	if (rc < 0)
		return rc;
	want = v->cb;
	want.r[out] = want.r[out + 1] = (uint16_t)full;
	rc = put(v, &want, (struct run){out, 2, 0}, false, err);
	if (rc == 0 && *v->grid_set) {
		rc = put_point(v, SS_124_ChaGriSet, 0, false, err);
		*v->grid_set = rc != 0;
	}
	return rc > 0 ? -MKT_EDEVUNCONFIRMED : rc;
}

static int set_704(struct inv *v, const struct inv_state *s, bool again, struct mkt_err *err)
{
	uint16_t mod = ss_points[SS_704_WSetMod].off;
	struct ss_block want = v->cb;
	int64_t value;
	int rc = ss_put(&want, SS_704_WSetMod, 1, 0, err);

	if (rc == 0)
		rc = ss_put(&want, SS_704_WSet, -(int64_t)s->power_w, 0, err);
	if (rc < 0)
		return rc;
	rc = put(v, &want, (struct run){mod, 3, 0}, false, err);
	if (rc > 0)
		rc = v->cb.r[mod] == 1 && is_clamped(&v->cb, &want, SS_704_WSet)
			     ? 0
			     : -MKT_EDEVUNCONFIRMED;
	/* Reverting is to end the set-point, not to bring another one. */
	if (rc == 0 && ss_raw(&v->cb, SS_704_WSetEnaRvrt, &value) && value)
		rc = put_point(v, SS_704_WSetEnaRvrt, 0, false, err);
	if (rc == 0 && has(&v->cb, SS_704_WSetRvrtTms))
		rc = put_point(v, SS_704_WSetRvrtTms, v->watchdog_s, again, err);
	if (rc == 0)
		rc = put_point(v, SS_704_WSetEna, 1, again, err);
	return rc;
}

int inv_store_set(struct inv *v, const struct inv_state *want, bool again, struct mkt_err *err)
{
	if (v->control == INV_704)
		return want->steered ? set_704(v, want, again, err)
				     : put_point(v, SS_704_WSetEna, 0, false, err);
	return want->steered ? set_124(v, want, again, err) : release_124(v, err);
}

int inv_store_beat(struct inv *v, struct mkt_err *err)
{
	uint16_t off = ss_points[SS_802_CtrlHb].off;
	struct ss_block b = {.addr = v->batt->addr, .n = (uint16_t)(off + 1), .r = {802}};

	v->beat = v->beat >= 0xFFFE ? 0 : (uint16_t)(v->beat + 1);
	b.r[off] = v->beat;
	return ss_write(&v->io, &b, off, 1, err);
}
