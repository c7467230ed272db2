/*
 * mkt device test: a guided test of one device, and a report to hand over.
 *
 * First what needs no power to move: line, identity, readings, counters.  Then,
 * if it may, one step of the set-point to a small value and back, each confirmed
 * by reading back and, where something flows, followed at the meter.
 */
#include "core/base/compat.h"

#include "cmd/device.h"
#include "cmd/tables.h"
#include "core/base/version.h"
#include "core/units/fmt.h"

#define STEP_MA 6000	  /* the least that a vehicle takes: IEC 61851-1 */
#define STEP_OTHER_MA 8000 /* where 6 A is in force already */
#define STEP_W 1400
#define FOLLOW_MS 30000	  /* vehicles take their time */
#define LOOK_MS 1000
#define COUNTER_MS 20000
#define TEST_MS 180000	  /* all of it, unless --timeout is given */
#define LEASE_S 120u
#define ABOVE_MA 1000 /* measured current may lie above the limit by so much */

static const struct mkt_doc test_doc = {
	"device-test", 1, {&mkt_device_table, &mkt_check_table, &mkt_reading_table}, false};

struct testing {
	struct mkt_device d;
	const struct mkt_device_test_values *v;
	struct mkt_checks c;
};

static const struct mkt_dev_view *view(const struct testing *t)
{
	return mkt_device_view(&t->d);
}

static int64_t reading(const struct testing *t, enum mkt_reading_id id, int64_t otherwise)
{
	return mkt_reading_or(&view(t)->r, id, otherwise);
}

/* An error of the device ends in the report, not the command. */
static void failed(struct testing *t, const char *name)
{
	mkt_check_error(&t->c, name, t->d.app->err.code, t->d.app->err.text);
	memset(&t->d.app->err, 0, sizeof(t->d.app->err));
}

static bool refresh(struct testing *t, const char *name)
{
	if (mkt_devc_refresh(t->d.c, t->d.name, t->d.app->deadline_ms, &t->d.app->err) >= 0)
		return true;
	failed(t, name);
	return false;
}

/* ---- the counter ---------------------------------------------------------------------------- */

/* Nothing, or why the counter cannot be judged. */
static void counter(struct testing *t)
{
	int64_t power = reading(t, MKT_R_POWER, 0), step = reading(t, MKT_R_ENERGY_STEP, 1);
	enum mkt_reading_id id = power < 0 ? MKT_R_ENERGY_EXPORT : MKT_R_ENERGY_IMPORT;
	int64_t before = reading(t, id, -1), after = before;
	uint64_t need_ms, begin_ms = mkt_app_mono_ms();
	const char *name = mkt_reading_info[id].name;

	power = power < 0 ? -power : power;
	if (before < 0) {
		mkt_check_add(&t->c, name, MKT_CHECK_SKIPPED, NULL, "there is no such counter");
		return;
	}
	need_ms = power > 0 ? (uint64_t)step * 2 * 3600000 / (uint64_t)power : UINT64_MAX;
	if (need_ms > COUNTER_MS) {
		mkt_check_add(&t->c, name, MKT_CHECK_SKIPPED, NULL,
			      "%s; too little flows to see it move",
			      mkt_reading_text(id, before).s);
		return;
	}
	need_ms += 2 * LOOK_MS;
	while (after == before && mkt_app_mono_ms() - begin_ms < need_ms) {
		if (mkt_device_listen(&t->d, LOOK_MS) < 0 || !refresh(t, name))
			return;
		after = reading(t, id, before);
	}
	if (after > before)
		mkt_check_add(&t->c, name, MKT_CHECK_OK, NULL, "%s, and moves",
			      mkt_reading_text(id, after).s);
	else
		mkt_check_add(&t->c, name, MKT_CHECK_FAULT,
			      "no report can be made from a counter that stands still: "
			      "switch the device off and on",
			      "stands still at %s while %s flows", mkt_reading_text(id, before).s,
			      mkt_reading_text(MKT_R_POWER, power).s);
}

/* ---- the step ------------------------------------------------------------------------------- */

/* What to step to, and what is in force now.  False: it takes no set-point. */
static bool choose(const struct testing *t, struct mkt_setpoint *step, struct mkt_setpoint *back)
{
	unsigned caps = view(t)->caps;
	int32_t min, now;

	if (caps & MKT_CAP_READ_ONLY)
		return false;
	if (caps & MKT_CAP_CURRENT) {
		min = (int32_t)reading(t, MKT_R_CURRENT_MIN, STEP_MA);
		now = (int32_t)reading(t, MKT_R_CURRENT_LIMIT, 0);
		*back = (struct mkt_setpoint){MKT_SET_CURRENT, now};
		*step = (struct mkt_setpoint){MKT_SET_CURRENT, min > STEP_MA ? min : STEP_MA};
		if (step->value == now)
			step->value = STEP_OTHER_MA;
		return true;
	}
	if (caps & MKT_CAP_POWER) {
		min = (int32_t)reading(t, MKT_R_POWER_CHARGE_MIN, STEP_W);
		now = (int32_t)reading(t, MKT_R_POWER_LIMIT, 0);
		*back = (struct mkt_setpoint){MKT_SET_POWER, now};
		if ((caps & MKT_CAP_MODE) && reading(t, MKT_R_MODE, 0) == MKT_MODE_AUTO)
			*back = (struct mkt_setpoint){MKT_SET_MODE, MKT_MODE_AUTO};
		*step = (struct mkt_setpoint){MKT_SET_POWER, min > STEP_W ? min : STEP_W};
		return true;
	}
	if (caps & MKT_CAP_MODE) {
		now = (int32_t)reading(t, MKT_R_MODE, MKT_MODE_AUTO);
		*back = (struct mkt_setpoint){MKT_SET_MODE, now};
		*step = (struct mkt_setpoint){MKT_SET_MODE,
					      now == MKT_MODE_HOLD ? MKT_MODE_AUTO : MKT_MODE_HOLD};
		return true;
	}
	return false;
}

/* 1 done; 0 not, or not known to be; negative: another client holds it, nothing was sent. */
static int order(struct testing *t, const char *name, struct mkt_setpoint set)
{
	struct mkt_order o = {.set = set, .lease_s = LEASE_S};
	struct mkt_setpoint applied = {MKT_SET_NONE, 0};
	struct mkt_setpoint_text want = mkt_setpoint_text(&set), now;
	struct mkt_err *err = &t->d.app->err;
	int r = mkt_devc_order(t->d.c, t->d.name, &o, t->d.app->deadline_ms, &applied, err);

	if (r == -MKT_ELOCKED) {
		mkt_check_add(&t->c, name, MKT_CHECK_SKIPPED,
			      "end what holds it (mkt charge run?) and test again", "%s",
			      err->text);
		memset(err, 0, sizeof(*err));
		return r;
	}
	if (r < 0) {
		failed(t, name);
		return 0;
	}
	now = mkt_setpoint_text(&applied);
	if (applied.kind == set.kind && applied.value == set.value)
		mkt_check_add(&t->c, name, MKT_CHECK_OK, NULL, "%s, confirmed", want.s);
	else
		mkt_check_add(&t->c, name, MKT_CHECK_WARNING,
			      "the device or a load manager allows only this",
			      "asked for %s, confirmed is %s", want.s, now.s);
	return 1;
}

/* Does what flows follow?  Only where a vehicle or battery takes something. */
static void follow(struct testing *t, struct mkt_setpoint step)
{
	uint64_t begin_ms = mkt_app_mono_ms();
	enum mkt_reading_id id = step.kind == MKT_SET_CURRENT ? MKT_R_CURRENT_L1 : MKT_R_POWER;
	int64_t now = 0, most = step.kind == MKT_SET_CURRENT ? step.value + ABOVE_MA
							    : step.value + step.value / 4;
	int64_t vehicle = reading(t, MKT_R_VEHICLE, MKT_VEHICLE_C);

	if (step.kind == MKT_SET_MODE || !view(t)->r.v[id].known)
		return;
	if (vehicle != MKT_VEHICLE_C) {
		mkt_check_add(&t->c, "follows", MKT_CHECK_SKIPPED, NULL,
			      "no vehicle charges: nothing to measure");
		return;
	}
	do {
		if (mkt_device_listen(&t->d, LOOK_MS) < 0 || !refresh(t, "follows"))
			return;
		now = reading(t, id, 0);
		if (now > 0 && now <= most) {
			mkt_check_add(&t->c, "follows", MKT_CHECK_OK, NULL, "%s flow",
				      mkt_reading_text(id, now).s);
			return;
		}
	} while (mkt_app_mono_ms() - begin_ms < FOLLOW_MS && mkt_app_left_ms(t->d.app) > 5000);
	if (now > most)
		mkt_check_add(&t->c, "follows", MKT_CHECK_FAULT,
			      "a stuck contactor, or a clamp that measures other loads as well",
			      "%s flow after the limit was lowered", mkt_reading_text(id, now).s);
	else
		mkt_check_add(&t->c, "follows", MKT_CHECK_WARNING,
			      "the vehicle or battery is full, or waits for its own timer",
			      "nothing flows");
}

static int step_and_back(struct testing *t)
{
	struct mkt_setpoint_text there, here;
	struct mkt_setpoint step, back;
	struct mkt_app *app = t->d.app;
	int r;

	if (t->v->no_power || !choose(t, &step, &back)) {
		mkt_check_add(&t->c, "set-point", MKT_CHECK_SKIPPED, NULL, "%s",
			      t->v->no_power ? "--no-power" : "the device takes none");
		return 0;
	}
	there = mkt_setpoint_text(&step);
	here = mkt_setpoint_text(&back);
	r = mkt_app_confirm(app, "set %s to %s for a moment, then back to %s?", t->d.name, there.s,
			    here.s);
	if (r < 0)
		return r;
	r = order(t, "set-point", step);
	if (r < 0)
		return 0;
	if (r) {
		follow(t, step);
		counter(t);
	}
	if (order(t, "back", back) > 0)
		refresh(t, "back");
	return 0;
}

/* ---- the report ----------------------------------------------------------------------------- */

static void head(struct testing *t)
{
	struct mkt_app *app = t->d.app;

	if (mkt_for_people(app))
		mkt_out_say(&app->out, "Test of %s on %s, %s, mkt %s\n\n", t->d.name, t->d.port,
			    mkt_fmt_utc(mkt_app_now_ms() / 1000).s, MKT_VERSION);
}

static int report(struct testing *t)
{
	struct mkt_out *o = &t->d.app->out;
	int r;

	if (mkt_for_people(t->d.app))
		mkt_out_say(o, "\n");
	mkt_out_meta(o, 0, mkt_app_now_ms(), false);
	r = mkt_out_open(o, &test_doc, &t->d.app->err);
	if (r < 0)
		return r;
	if (view(t)) {
		mkt_out_part(o, &mkt_device_table);
		mkt_device_row(o, &t->d, view(t));
	}
	if (!mkt_for_people(t->d.app)) {
		mkt_out_part(o, &mkt_check_table);
		mkt_check_rows(o, &t->c);
	}
	if (view(t)) {
		mkt_out_part(o, &mkt_reading_table);
		mkt_device_readings(o, view(t));
	}
	mkt_out_close(o);
	if (mkt_for_people(t->d.app))
		mkt_out_say(o, "\n%s\n", t->c.faults ? "FAULTS: see above" : "passed");
	return t->c.faults ? mkt_code_exit(MKT_EDEVFAULT) : 0;
}

static int run_checks(struct testing *t)
{
	int ready = mkt_device_wait_ready(&t->d);

	memset(&t->d.app->err, 0, sizeof(t->d.app->err));
	head(t);
	mkt_check_line(&t->c, view(t));
	if (ready)
		return 0;
	mkt_check_identity(&t->c, view(t));
	if (!refresh(t, "readings"))
		return 0;
	mkt_check_readings(&t->c, view(t));
	return step_and_back(t);
}

int mkt_device_test(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct testing t = {.v = values, .c = {.app = app}};
	int r = mkt_out_check(&app->out, &test_doc, &app->err);

	(void)argc;
	t.d.app = app;
	t.d.opts = &t.v->reach;
	if (r < 0)
		return r;
	if (!app->opt.timeout)
		app->deadline_ms = app->begun_ms + TEST_MS;
	r = mkt_device_open(&t.d, argv[0]);
	if (r < 0 && mkt_code_exit(-r) == mkt_code_exit(MKT_EDEVFAULT)) {
		snprintf(t.d.name, sizeof(t.d.name), "%.*s", MKT_DEV_NAME_MAX, argv[0]);
		head(&t);
		failed(&t, "line");
		r = 0;
	} else if (r >= 0) {
		r = run_checks(&t);
	}
	if (r >= 0)
		r = report(&t);
	mkt_device_close(&t.d);
	return r;
}
