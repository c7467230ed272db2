#include "core/base/compat.h"

#include <stdarg.h>

#include "core/device/plan.h"
#include "core/units/fmt.h"

#define HOUR_MS 3600000ull
#define QUANTUM_MA 1000u   /* steps of currents: few changes, and all devices know them */
#define QUANTUM_PARTS 64u  /* powers, in parts of the largest */
#define SETTLED_MS 20000u  /* a device that takes less after this will not take more */
#define NO_DRAW_MS 60000u  /* after so long one that takes nothing is not counted upon */
#define STAY_MS 120000	   /* by how much more pressed another must be to interrupt */
#define SLOW_LATENCIES 4u  /* before the end of an amount the power falls for so many latencies */
#define SLOW_MS 1000u	   /* ... and this */
#define LOOK_PARTS 3u	   /* look again after this part of what is left, at the latest */
#define LOOK_MS_MIN 20000u
#define TICK_MS 100u	   /* not more often: counters have steps */
#define EXACT_MS 20000u	   /* from here on a guessed end is waited for as it is */

static const char *const words[MKT_PLAN_CODES] = {
	[MKT_PLAN_IDLE] = "idle",	    [MKT_PLAN_WAITING] = "waiting",
	[MKT_PLAN_FLOOR] = "floor",	    [MKT_PLAN_SPREAD] = "spread",
	[MKT_PLAN_FULL] = "full",	    [MKT_PLAN_SLOW] = "slow",
	[MKT_PLAN_DONE] = "done",	    [MKT_PLAN_SHARE] = "share",
	[MKT_PLAN_CIRCUIT] = "circuit",	    [MKT_PLAN_NO_VEHICLE] = "no-vehicle",
	[MKT_PLAN_NO_DRAW] = "no-draw",	    [MKT_PLAN_ROOM] = "room",
	[MKT_PLAN_STALE] = "stale",	    [MKT_PLAN_FAULT] = "fault",
	[MKT_PLAN_STOPPED] = "stopped",	    [MKT_PLAN_UNABLE] = "unable",
};

const char *mkt_plan_word(int code)
{
	return code >= 0 && code < MKT_PLAN_CODES ? words[code] : NULL;
}

/* One device's part of the work, in one direction. */
struct job {
	const struct mkt_plan_device *d;
	struct mkt_plan_out *out;
	enum mkt_plan_dir dir;
	bool on;	      /* there is one */
	bool no_draw;	      /* offered, and nothing flows */
	bool late;	      /* starts later */
	bool limited;	      /* by its circuit */
	uint32_t min_w, max_w;
	uint32_t want;	      /* W, or mA by current */
	uint32_t granted;     /* the same */
	uint64_t start_ms;    /* late: when */
	uint64_t end_ms;      /* its part of the window ends */
	int64_t key;	      /* who comes first on a circuit */
};

struct plan {
	const struct mkt_plan_in *in;
	struct mkt_plan_out *out;
	struct job jobs[MKT_PLAN_DEVICES_MAX];
	uint64_t moved_wh[2], left_wh[2];
	uint64_t budget_mams[MKT_PLAN_CIRCUITS_MAX]; /* mA x ms of a circuit until the end */
	uint32_t free_ma[MKT_PLAN_CIRCUITS_MAX];
	uint64_t wake_ms;
};

/* ---- units -------------------------------------------------------------------------------- */

uint32_t mkt_plan_watts(const struct mkt_plan_device *d, uint32_t ma)
{
	uint64_t w = (uint64_t)ma * d->voltage_mv / 1000 * d->phases / 1000;

	return w > INT32_MAX ? INT32_MAX : (uint32_t)w;
}

uint32_t mkt_plan_ma(const struct mkt_plan_device *d, uint32_t power_w)
{
	uint64_t mv = (uint64_t)d->voltage_mv * d->phases;
	uint64_t ma = mv ? (uint64_t)power_w * 1000000 / mv : 0;

	return ma > UINT32_MAX ? UINT32_MAX : (uint32_t)ma;
}

static uint32_t ma_up(const struct mkt_plan_device *d, uint32_t power_w)
{
	uint32_t ma = mkt_plan_ma(d, power_w);

	return mkt_plan_watts(d, ma) < power_w ? ma + 1 : ma;
}

static uint32_t least(uint64_t a, uint64_t b)
{
	uint64_t v = a < b ? a : b;

	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static uint32_t floor_ma(const struct mkt_plan_device *d)
{
	return d->min_ma > MKT_FLOOR_MA ? d->min_ma : MKT_FLOOR_MA;
}

static uint32_t max_w(const struct mkt_plan_device *d, enum mkt_plan_dir dir)
{
	if (!d->by_current)
		return d->max_w[dir];
	if (dir == MKT_PLAN_EXPORT || d->max_ma < floor_ma(d))
		return 0;
	return mkt_plan_watts(d, d->max_ma);
}

static uint32_t min_w(const struct mkt_plan_device *d, enum mkt_plan_dir dir)
{
	return d->by_current ? mkt_plan_watts(d, floor_ma(d)) : d->min_w[dir];
}

/* Power that moves @wh in @ms, rounded up. */
static uint64_t watts_for(uint64_t wh, uint64_t ms)
{
	return ms ? (wh * HOUR_MS + ms - 1) / ms : UINT32_MAX;
}

static uint64_t ms_for(uint64_t wh, uint64_t power_w)
{
	return power_w ? wh * HOUR_MS / power_w : UINT64_MAX / 4;
}

/* What flows in the direction of the job; by the set-point if it is not measured. */
static uint32_t flows_w(const struct job *j)
{
	const struct mkt_plan_device *d = j->d;
	int64_t w = d->power_known ? d->power_w
				   : (d->by_current && d->set > 0
					      ? (int64_t)mkt_plan_watts(d, (uint32_t)d->set)
					      : d->set);

	if (j->dir == MKT_PLAN_EXPORT)
		w = -w;
	return w > 0 ? (uint32_t)w : 0;
}

/* What the set-point in force would let flow in a direction; 0: it does not. */
static uint32_t set_w(const struct mkt_plan_device *d, enum mkt_plan_dir dir)
{
	int64_t set = dir == MKT_PLAN_EXPORT ? -(int64_t)d->set : d->set;

	if (set <= 0)
		return 0;
	return d->by_current ? mkt_plan_watts(d, (uint32_t)set) : (uint32_t)set;
}

/* ---- who can ------------------------------------------------------------------------------ */

static void tell(struct mkt_plan_out *out, enum mkt_plan_code code, const char *fmt, ...)
	MKT_PRINTF(3, 4);

static void tell(struct mkt_plan_out *out, enum mkt_plan_code code, const char *fmt, ...)
{
	va_list ap;

	out->code = code;
	va_start(ap, fmt);
	vsnprintf(out->text, sizeof(out->text), fmt, ap);
	va_end(ap);
}

static bool able(const struct mkt_plan_device *d, enum mkt_plan_dir dir)
{
	return d->metered[dir] && max_w(d, dir) > 0;
}

static void ask(const struct mkt_plan_device *d, struct mkt_plan_out *out, int32_t value)
{
	out->set.kind = d->by_current ? MKT_SET_CURRENT : MKT_SET_POWER;
	out->set.value = value;
}

/* Is there something between the device and any work?  Then it is told. */
static bool prevented(const struct mkt_plan_device *d, struct mkt_plan_out *out)
{
	if (!d->usable)
		tell(out, MKT_PLAN_STALE, "stale readings: waits for the device");
	else if (d->faulty)
		tell(out, MKT_PLAN_FAULT, "fault: the device reports one");
	else if (d->stopped)
		tell(out, MKT_PLAN_STOPPED, "stopped by hand: 'mkt charge start %s'", d->name);
	else if (d->vehicle == MKT_VEHICLE_A)
		tell(out, MKT_PLAN_NO_VEHICLE, "no vehicle");
	else if (d->vehicle == MKT_VEHICLE_F)
		tell(out, MKT_PLAN_FAULT, "fault: charger or vehicle report one");
	else
		return false;
	/* A pause is asked for where something could flow against the reason. */
	if (d->usable)
		ask(d, out, 0);
	return true;
}

/* Has it shown that it takes nothing, or less than it is offered? */
static bool takes_nothing(const struct plan *p, const struct mkt_plan_device *d,
			  enum mkt_plan_dir dir)
{
	uint32_t offered = set_w(d, dir);
	int64_t flows = dir == MKT_PLAN_EXPORT ? -(int64_t)d->power_w : d->power_w;

	return offered && d->power_known && p->in->now_ms - d->set_since_ms >= NO_DRAW_MS &&
	       flows < offered / 10;
}

void mkt_plan_learn(struct mkt_plan_device *d, uint64_t now_ms)
{
	unsigned dir = d->set < 0;
	uint32_t offered = set_w(d, dir);
	int64_t flows = dir ? -(int64_t)d->power_w : d->power_w;

	if (!offered || !d->power_known)
		return;
	if (flows > d->takes_w[dir])
		d->takes_w[dir] = 0;
	if (now_ms - d->set_since_ms >= SETTLED_MS && flows >= offered / 10 &&
	    flows < offered / 10 * 9)
		d->takes_w[dir] = (uint32_t)flows;
}

static uint32_t counted_w(const struct mkt_plan_device *d, enum mkt_plan_dir dir)
{
	uint32_t most = max_w(d, dir);

	return d->takes_w[dir] && d->takes_w[dir] < most ? d->takes_w[dir] : most;
}

/* ---- shares ------------------------------------------------------------------------------- */

/* What @d can still move before @ms are over, by itself and by its circuit. */
static uint64_t can_move(struct plan *p, const struct mkt_plan_device *d, enum mkt_plan_dir dir,
			 uint64_t ms)
{
	uint64_t power = counted_w(d, dir), wh;

	if (d->circuit >= 0) {
		uint64_t ma = ms ? p->budget_mams[d->circuit] / ms : 0;

		power = least(power, mkt_plan_watts(d, least(ma, UINT32_MAX)));
	}
	wh = power * ms / HOUR_MS;
	if (d->room_wh[dir] != MKT_PLAN_UNKNOWN && (int64_t)wh > d->room_wh[dir])
		wh = d->room_wh[dir] > 0 ? (uint64_t)d->room_wh[dir] : 0;
	return wh;
}

static void take_share(struct plan *p, uint32_t i, enum mkt_plan_dir dir, uint64_t wh)
{
	const struct mkt_plan_device *d = &p->in->devices[i];

	p->out[i].share_wh[dir] += wh;
	p->left_wh[dir] -= wh;
	if (d->circuit >= 0 && d->voltage_mv && d->phases) {
		uint64_t used = wh * HOUR_MS * 1000 / d->voltage_mv * 1000 / d->phases;
		uint64_t *budget = &p->budget_mams[d->circuit];

		*budget = used < *budget ? *budget - used : 0;
	}
}

/* Give what is left of an amount to the devices, in their order. */
static void share_out(struct plan *p, enum mkt_plan_dir dir)
{
	const struct mkt_plan_in *in = p->in;
	uint32_t first = UINT32_MAX;
	uint64_t wh;

	for (uint32_t i = 0; i < in->ndevices; i++) {
		const struct mkt_plan_device *d = &in->devices[i];
		uint64_t ms = in->end_ms - in->now_ms, other;

		if (!p->jobs[i].on || !able(d, dir))
			continue;
		if (dir == MKT_PLAN_EXPORT && p->out[i].share_wh[MKT_PLAN_IMPORT]) {
			other = ms_for(p->out[i].share_wh[MKT_PLAN_IMPORT],
				       max_w(d, MKT_PLAN_IMPORT));
			ms = other < ms ? ms - other : 0;
		}
		if (takes_nothing(p, d, dir)) {
			p->jobs[i].no_draw = true;
			continue;
		}
		wh = can_move(p, d, dir, ms);
		take_share(p, i, dir, wh < p->left_wh[dir] ? wh : p->left_wh[dir]);
		if (first == UINT32_MAX &&
		    (uint64_t)d->room_wh[dir] > p->out[i].share_wh[dir])
			first = i;
	}
	/* More than all can move: they try to the end. */
	if (p->left_wh[dir] && first != UINT32_MAX) {
		wh = (uint64_t)in->devices[first].room_wh[dir] - p->out[first].share_wh[dir];
		p->out[first].share_wh[dir] += wh < p->left_wh[dir] ? wh : p->left_wh[dir];
	}
}

static void count_amounts(struct plan *p)
{
	const struct mkt_plan_in *in = p->in;

	for (unsigned dir = 0; dir < 2; dir++) {
		for (uint32_t i = 0; i < in->ndevices; i++)
			p->moved_wh[dir] += in->devices[i].moved_wh[dir];
		p->left_wh[dir] = in->wanted_wh[dir] > p->moved_wh[dir]
					  ? in->wanted_wh[dir] - p->moved_wh[dir]
					  : 0;
	}
}

/* ---- one device --------------------------------------------------------------------------- */

/* Steps upwards, so that what is asked for is enough. */
static uint32_t round_up(const struct job *j, uint32_t want)
{
	uint32_t most = j->d->by_current ? j->d->max_ma : j->max_w;
	uint32_t step = j->d->by_current ? QUANTUM_MA : most / QUANTUM_PARTS + 1;
	uint32_t up = want > UINT32_MAX - step ? want : (want + step - 1) / step * step;

	return up > most ? most : up;
}

/* A set-point that will do is kept: few changes. */
static uint32_t keep(const struct job *j, uint32_t want)
{
	uint32_t step = j->d->by_current ? QUANTUM_MA : j->max_w / QUANTUM_PARTS + 1;
	int64_t set = j->dir == MKT_PLAN_EXPORT ? -(int64_t)j->d->set : j->d->set;

	if (set >= want && set <= (int64_t)want + 2 * (int64_t)step &&
	    set <= (j->d->by_current ? j->d->max_ma : j->max_w))
		return (uint32_t)set;
	return round_up(j, want);
}

/* Wh left of the share, with what flowed but does not show yet. */
static uint64_t still_wh(const struct job *j)
{
	uint64_t share = j->out->share_wh[j->dir];

	return share > j->d->unseen_wh ? share - j->d->unseen_wh : 0;
}

static bool amount_done(const struct job *j)
{
	uint64_t power = flows_w(j), idle = j->min_w ? j->min_w : 1;

	if (power < idle)
		power = idle;
	return still_wh(j) * HOUR_MS <= power * j->d->latency_ms;
}

static uint32_t as_set(const struct job *j, uint64_t power_w)
{
	uint32_t w = least(power_w, INT32_MAX);

	return j->d->by_current ? ma_up(j->d, w) : w;
}

/* May it start later?  On a circuit that is scarce nobody waits with his turn. */
static bool may_wait(const struct plan *p, const struct job *j)
{
	uint64_t sum = 0;

	if (j->d->hasty)
		return false;
	if (j->d->circuit < 0)
		return true;
	for (uint32_t i = 0; i < p->in->ndevices; i++) {
		const struct job *o = &p->jobs[i];

		if (o->on && o->d->circuit == j->d->circuit)
			sum += o->d->by_current ? o->d->max_ma : mkt_plan_ma(o->d, o->max_w);
	}
	return sum <= p->in->circuits[j->d->circuit].max_ma;
}

/* Close to the end of the amount the power falls with what is left, to the smallest. */
static void slow_down(struct job *j, uint64_t share)
{
	uint64_t latency = j->d->latency_ms;
	uint64_t window_ms = latency ? latency * SLOW_LATENCIES + SLOW_MS : 0;
	uint64_t cap_w = window_ms ? share * HOUR_MS / window_ms : j->max_w;
	uint32_t slow_w = j->min_w > j->max_w / 8 ? j->min_w : j->max_w / 8, cap;

	if (cap_w >= j->max_w)
		return;
	cap = as_set(j, cap_w > slow_w ? cap_w : slow_w);
	if (cap < j->want) {
		j->want = cap;
		j->out->code = MKT_PLAN_SLOW;
	}
}

/* What it wants to run at, without its circuit. */
static void wish(struct plan *p, struct job *j)
{
	uint64_t now = p->in->now_ms, share = j->out->share_wh[j->dir];
	uint64_t end = j->end_ms > p->in->margin_ms ? j->end_ms - p->in->margin_ms : 0;
	uint64_t left_ms = end > now ? end - now : 0, run_ms;
	uint64_t need_w = watts_for(share, left_ms);
	bool running = set_w(j->d, j->dir) > 0;

	j->key = (int64_t)left_ms - (int64_t)ms_for(share, j->max_w) - (running ? STAY_MS : 0);
	j->out->code = MKT_PLAN_SPREAD;
	if (need_w >= j->max_w || j->d->hasty) {
		j->want = j->d->by_current ? j->d->max_ma : j->max_w;
		j->out->code = MKT_PLAN_FULL;
	} else if (need_w >= j->min_w) {
		j->want = keep(j, as_set(j, need_w));
	} else {
		run_ms = ms_for(share, j->min_w);
		j->want = as_set(j, j->min_w);
		j->start_ms = end > run_ms ? end - run_ms : 0;
		j->late = !running && j->start_ms > now && may_wait(p, j);
	}
	slow_down(j, share);
}

static void make_job(struct plan *p, uint32_t i)
{
	struct job *j = &p->jobs[i];
	const uint64_t *share = j->out->share_wh;
	uint64_t after;

	j->dir = share[MKT_PLAN_IMPORT] ? MKT_PLAN_IMPORT : MKT_PLAN_EXPORT;
	if (j->no_draw && !share[0] && !share[1])
		j->dir = set_w(j->d, MKT_PLAN_IMPORT) ? MKT_PLAN_IMPORT : MKT_PLAN_EXPORT;
	j->max_w = max_w(j->d, j->dir);
	j->min_w = min_w(j->d, j->dir);
	j->end_ms = p->in->end_ms;
	if (j->dir == MKT_PLAN_IMPORT && share[MKT_PLAN_EXPORT]) {
		after = ms_for(share[MKT_PLAN_EXPORT], max_w(j->d, MKT_PLAN_EXPORT));
		j->end_ms = after < j->end_ms ? j->end_ms - after : 0;
	}
}

/* ---- circuits ----------------------------------------------------------------------------- */

static uint32_t job_ma(const struct job *j, uint32_t value)
{
	return j->d->by_current ? value : ma_up(j->d, value);
}

static uint32_t job_min(const struct job *j)
{
	uint32_t least_w = j->min_w ? j->min_w : 1;

	return j->d->by_current ? floor_ma(j->d) : least_w;
}

/* At most @ma of each phase, in the job's own unit; 0 below its smallest. */
static uint32_t fit(const struct job *j, uint32_t want, uint32_t ma)
{
	uint32_t most = j->d->by_current ? ma : mkt_plan_watts(j->d, ma);
	uint32_t got = want < most ? want : most;

	return got < job_min(j) ? 0 : got;
}

/* Indexes of the jobs of a circuit that want to run, the most pressed first. */
static uint32_t queue(struct plan *p, int circuit, uint32_t order[MKT_PLAN_DEVICES_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->in->ndevices; i++) {
		const struct job *j = &p->jobs[i];
		uint32_t at = n;

		if (!j->on || j->late || !j->want || j->d->circuit != circuit)
			continue;
		for (; at && p->jobs[order[at - 1]].key > j->key; at--)
			order[at] = order[at - 1];
		order[at] = i;
		n++;
	}
	return n;
}

/* Raise a grant to @to, as far as there is something left. */
static void raise_grant(struct job *j, uint32_t to, uint32_t *free_ma)
{
	uint32_t mine = job_ma(j, j->granted), more = fit(j, to, mine + *free_ma);

	if (more <= j->granted)
		return;
	j->granted = more;
	*free_ma -= least(job_ma(j, more) - mine, *free_ma);
}

/* To everybody the least that runs, then what is wanted; if it is scarce, all that is left. */
static void grant_circuit(struct plan *p, uint32_t circuit)
{
	uint32_t order[MKT_PLAN_DEVICES_MAX], n = queue(p, (int)circuit, order);
	uint32_t *free_ma = &p->free_ma[circuit];
	bool scarce = false;

	for (uint32_t k = 0; k < n; k++)
		if (!p->jobs[order[k]].no_draw)
			raise_grant(&p->jobs[order[k]], job_min(&p->jobs[order[k]]), free_ma);
	for (uint32_t k = 0; k < n; k++) {
		struct job *j = &p->jobs[order[k]];

		raise_grant(j, j->want, free_ma);
		j->limited = j->granted < j->want;
		scarce |= j->limited;
	}
	for (uint32_t k = 0; scarce && k < n; k++) {
		struct job *j = &p->jobs[order[k]];

		if (j->granted && j->out->code != MKT_PLAN_SLOW && !j->no_draw)
			raise_grant(j, j->d->by_current ? j->d->max_ma : j->max_w, free_ma);
	}
}

static void grant(struct plan *p)
{
	for (uint32_t c = 0; c < p->in->ncircuits; c++)
		grant_circuit(p, c);
	for (uint32_t i = 0; i < p->in->ndevices; i++) {
		struct job *j = &p->jobs[i];

		if (j->on && !j->late && j->d->circuit < 0)
			j->granted = fit(j, j->want, UINT32_MAX);
	}
}

/* What is free before anybody asks: without what flows out of our hands. */
static void open_circuits(struct plan *p)
{
	const struct mkt_plan_in *in = p->in;
	uint64_t ms = in->end_ms > in->now_ms ? in->end_ms - in->now_ms : 0;

	for (uint32_t c = 0; c < in->ncircuits; c++)
		p->free_ma[c] = in->circuits[c].max_ma;
	for (uint32_t i = 0; i < in->ndevices; i++) {
		const struct mkt_plan_device *d = &in->devices[i];

		if (d->circuit >= 0 && !p->jobs[i].on)
			p->free_ma[d->circuit] -= least(d->held_ma, p->free_ma[d->circuit]);
	}
	for (uint32_t c = 0; c < in->ncircuits; c++)
		p->budget_mams[c] = p->free_ma[c] * ms;
}

/* ---- saying it ---------------------------------------------------------------------------- */

static struct mkt_text amount_text(const struct job *j, uint32_t value)
{
	return j->d->by_current ? mkt_fmt_current(value) : mkt_fmt_power((int32_t)value);
}

static struct mkt_text clock_text(const struct mkt_plan_in *in, uint64_t ms)
{
	return mkt_fmt_clock(in->zone, ms / 1000);
}

static void tell_job(struct plan *p, struct job *j)
{
	static const char *const how[MKT_PLAN_CODES] = {[MKT_PLAN_FULL] = " (all it can)",
							[MKT_PLAN_SLOW] = " (close to the end)"};
	const char *verb = j->dir == MKT_PLAN_EXPORT ? "discharging" : "charging";
	unsigned long long moved = p->moved_wh[j->dir], wanted = p->in->wanted_wh[j->dir];
	const char *note = how[j->out->code] ? how[j->out->code] : "";

	if (j->limited)
		tell(j->out, MKT_PLAN_CIRCUIT, "circuit %s full: %s of %s wanted",
		     p->in->circuits[j->d->circuit].name, amount_text(j, j->granted).s,
		     amount_text(j, j->want).s);
	else if (j->late)
		tell(j->out, MKT_PLAN_FLOOR, "%s floor: starts at %s",
		     amount_text(j, job_min(j)).s, clock_text(p->in, j->start_ms).s);
	else if (j->no_draw)
		tell(j->out, MKT_PLAN_NO_DRAW, "no draw: offered %s, nothing flows",
		     amount_text(j, j->granted).s);
	else
		tell(j->out, j->out->code, "%s at %s%s: %llu of %llu Wh moved", verb,
		     amount_text(j, j->granted).s, note, moved, wanted);
}

/* ---- when to look again ------------------------------------------------------------------- */

static void wake_by(struct plan *p, uint64_t ms)
{
	if (ms <= p->in->now_ms)
		ms = p->in->now_ms + 1;
	if (ms < p->wake_ms)
		p->wake_ms = ms;
}

/* The power that is likely to flow from now on. */
static uint64_t likely_w(const struct job *j)
{
	uint64_t asked = j->d->by_current ? mkt_plan_watts(j->d, j->granted) : j->granted;
	uint64_t flows = flows_w(j);
	uint64_t before = (uint64_t)(j->d->set < 0 ? -(int64_t)j->d->set : j->d->set);

	/* What is changed just now is taken as asked for: nobody has measured it yet. */
	return before == j->granted && flows && flows < asked ? flows : asked;
}

static void wake_job(struct plan *p, const struct job *j)
{
	uint64_t now = p->in->now_ms, left_ms = j->end_ms > now ? j->end_ms - now : 0;
	uint64_t done_ms = ms_for(still_wh(j), likely_w(j));
	uint64_t look_ms = left_ms / LOOK_PARTS, soon = j->d->latency_ms;

	if (j->late)
		wake_by(p, j->start_ms);
	if (!j->granted)
		return;
	wake_by(p, now + (look_ms > LOOK_MS_MIN ? look_ms : LOOK_MS_MIN));
	if (j->no_draw)
		return; /* nothing flows: no end comes nearer */
	if (now - j->d->set_since_ms < SETTLED_MS)
		wake_by(p, j->d->set_since_ms + SETTLED_MS);
	else if (now - j->d->set_since_ms < NO_DRAW_MS)
		wake_by(p, j->d->set_since_ms + NO_DRAW_MS);
	if (j->no_draw)
		return;
	done_ms = done_ms > soon + TICK_MS ? done_ms - soon : TICK_MS;
	wake_by(p, now + (done_ms > EXACT_MS ? done_ms / 10 * 9 : done_ms));
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void run_job(struct plan *p, uint32_t i)
{
	struct job *j = &p->jobs[i];
	struct mkt_plan_out *out = j->out;
	const struct mkt_plan_device *d = j->d;
	int32_t sign = j->dir == MKT_PLAN_EXPORT ? -1 : 1;

	tell_job(p, j);
	ask(d, out, sign * (int32_t)j->granted);
	for (unsigned dir = 0; dir < 2; dir++)
		if (out->share_wh[dir])
			out->stop_wh[dir] = d->counter_wh[dir] + out->share_wh[dir];
	if (j->no_draw)
		out->stop_wh[j->dir] = d->counter_wh[j->dir] + p->in->wanted_wh[j->dir] -
				       least(p->moved_wh[j->dir], p->in->wanted_wh[j->dir]);
	wake_job(p, j);
}

/* It has nothing to do, and nothing prevents it: why? */
static void tell_idle(struct plan *p, uint32_t i)
{
	const struct mkt_plan_device *d = &p->in->devices[i];
	bool imports = able(d, MKT_PLAN_IMPORT) && p->in->wanted_wh[MKT_PLAN_IMPORT];
	bool exports = able(d, MKT_PLAN_EXPORT) && p->in->wanted_wh[MKT_PLAN_EXPORT];
	bool first = imports && (!exports || p->moved_wh[0] < p->in->wanted_wh[0]);
	enum mkt_plan_dir dir = first ? MKT_PLAN_IMPORT : MKT_PLAN_EXPORT;
	unsigned long long moved = p->moved_wh[dir], wanted = p->in->wanted_wh[dir];

	ask(d, &p->out[i], 0);
	if (d->room_wh[dir] <= 0 && moved < wanted)
		tell(&p->out[i], MKT_PLAN_ROOM, "battery %s: %llu of %llu Wh moved",
		     dir == MKT_PLAN_EXPORT ? "empty" : "full", moved, wanted);
	else if (p->out[i].code == MKT_PLAN_DONE || moved >= wanted)
		tell(&p->out[i], MKT_PLAN_DONE, "paused: %llu of %llu Wh moved", moved, wanted);
	else
		tell(&p->out[i], MKT_PLAN_SHARE, "paused: other devices move the amount");
}

/* Is there an amount in this window that the device could have a share of? */
static bool concerned(const struct mkt_plan_in *in, const struct mkt_plan_device *d)
{
	return (in->wanted_wh[0] && able(d, MKT_PLAN_IMPORT)) ||
	       (in->wanted_wh[1] && able(d, MKT_PLAN_EXPORT));
}

static void tell_outside(const struct mkt_plan_in *in, const struct mkt_plan_device *d,
			 struct mkt_plan_out *out)
{
	if (!d->usable)
		tell(out, MKT_PLAN_STALE, "stale readings: waits for the device");
	else if (!able(d, MKT_PLAN_IMPORT) && !able(d, MKT_PLAN_EXPORT))
		tell(out, MKT_PLAN_UNABLE, "takes no set-point, or has no meter");
	else if (in->end_ms > in->now_ms && (in->wanted_wh[0] || in->wanted_wh[1]))
		tell(out, MKT_PLAN_UNABLE, "cannot %s", in->wanted_wh[1] ? "discharge" : "charge");
	else if (in->next_ms != MKT_PLAN_NEVER)
		tell(out, MKT_PLAN_WAITING, "waiting: window %s not begun",
		     clock_text(in, in->next_ms).s);
	else
		tell(out, MKT_PLAN_IDLE, "nothing contracted");
}

/* What is offered to a device that takes nothing stays as it is: it may still come. */
static void offer(struct job *j)
{
	int64_t set = j->d->set < 0 ? -(int64_t)j->d->set : j->d->set;

	j->want = (uint32_t)set;
	j->key = INT64_MAX;
}

/* From shares to wishes; who has nothing left to do says so. */
static void settle(struct plan *p, uint32_t i)
{
	struct job *j = &p->jobs[i];

	make_job(p, i);
	j->no_draw = j->no_draw && p->moved_wh[j->dir] < p->in->wanted_wh[j->dir];
	if (j->no_draw) {
		offer(j);
	} else if (!j->out->share_wh[j->dir] || amount_done(j)) {
		if (j->out->share_wh[j->dir])
			j->out->code = MKT_PLAN_DONE;
		j->on = false;
		j->out->share_wh[0] = j->out->share_wh[1] = 0;
		tell_idle(p, i);
	}
}

static void decide(struct plan *p)
{
	const struct mkt_plan_in *in = p->in;

	share_out(p, MKT_PLAN_IMPORT);
	share_out(p, MKT_PLAN_EXPORT);
	for (uint32_t i = 0; i < in->ndevices; i++)
		if (p->jobs[i].on)
			settle(p, i);
	for (uint32_t i = 0; i < in->ndevices; i++)
		if (p->jobs[i].on && !p->jobs[i].no_draw)
			wish(p, &p->jobs[i]);
	grant(p);
	for (uint32_t i = 0; i < in->ndevices; i++)
		if (p->jobs[i].on)
			run_job(p, i);
}

uint64_t mkt_plan(const struct mkt_plan_in *in, struct mkt_plan_out *out)
{
	struct plan p = {.in = in, .out = out, .wake_ms = in->next_ms};
	bool now_on = in->end_ms > in->now_ms && in->start_ms <= in->now_ms;

	for (uint32_t i = 0; i < in->ndevices; i++) {
		out[i] = (struct mkt_plan_out){0};
		p.jobs[i].d = &in->devices[i];
		p.jobs[i].out = &out[i];
		if (!now_on || !concerned(in, &in->devices[i]))
			tell_outside(in, &in->devices[i], &out[i]);
		else
			p.jobs[i].on = !prevented(&in->devices[i], &out[i]);
	}
	if (!now_on)
		return p.wake_ms;
	wake_by(&p, in->end_ms);
	count_amounts(&p);
	open_circuits(&p);
	decide(&p);
	return p.wake_ms;
}
