/* mkt device set: one set-point, confirmed by reading back. */
#include "core/base/compat.h"

#include "cmd/device.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"

#define LEASE_HELD_S 60u      /* renewed at a third: a killed command is noticed soon */
#define LEASE_LEFT_S 86400u   /* mkt-driverd's 'lost' is shorter: devices.conf(5) */
#define NO_WAIT_MS 1000

enum { S_DEVICE, S_ASKED, S_STATE, S_FORCE, S_HELD, S_COLS };

static const struct mkt_col set_cols[] = {
	[S_DEVICE] = {"device", MKT_COL_TEXT, .head = "device"},
	[S_ASKED] = {"setpoint", MKT_COL_TEXT, .head = "set-point"},
	[S_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[S_FORCE] = {"in_force", MKT_COL_TEXT, .head = "in force"},
	[S_HELD] = {"held_s", MKT_COL_DURATION, .head = "held"},
	{.name = NULL},
};
static const struct mkt_table set_table = {"set", set_cols, true};
static const struct mkt_doc set_doc = {"device-set", 1, {&set_table}, false};

struct setting {
	struct mkt_device d;
	const struct mkt_device_set_values *v;
	struct mkt_order order;
	bool pause, release; /* words whose set-point depends on the device */
};

/* ---- words ---------------------------------------------------------------------------------- */

static int with_power(struct setting *s, const char *text, bool discharge)
{
	struct mkt_err *err = &s->d.app->err;
	int32_t power_w;
	int r = mkt_parse_power(text, &power_w, err);

	if (r < 0)
		return r;
	if (power_w <= 0)
		return mkt_app_usage(s->d.app, "'charge' and 'discharge' take a power above 0W");
	s->order.set = (struct mkt_setpoint){MKT_SET_POWER, discharge ? -power_w : power_w};
	return 0;
}

static int parse_value(struct setting *s, const char *text)
{
	struct mkt_app *app = s->d.app;
	uint32_t current_ma;
	int mode = mkt_dev_mode_find(text), r;
	int32_t power_w;

	if (mode > MKT_MODE_UNKNOWN) {
		s->order.set = (struct mkt_setpoint){MKT_SET_MODE, mode};
		return 0;
	}
	if (text[0] && text[strlen(text) - 1] == 'A') {
		r = mkt_parse_current(text, &current_ma, &app->err);
		if (r < 0)
			return r;
		if (current_ma > 1000000)
			return mkt_app_usage(app, "'%s' is more than 1000A", text);
		s->order.set = (struct mkt_setpoint){MKT_SET_CURRENT, (int32_t)current_ma};
		return 0;
	}
	if (!text[0] || text[strlen(text) - 1] != 'W')
		return mkt_app_usage(app, "'%s' is no set-point: 16A, 3kW, pause, release, auto, "
					  "hold, charge [POWER], discharge [POWER]", text);
	r = mkt_parse_power(text, &power_w, &app->err);
	s->order.set = (struct mkt_setpoint){MKT_SET_POWER, r < 0 ? 0 : power_w};
	return r;
}

static int parse(struct setting *s, int argc, char **argv)
{
	bool charge = !strcmp(argv[0], "charge"), discharge = !strcmp(argv[0], "discharge");

	s->pause = !strcmp(argv[0], "pause");
	s->release = !strcmp(argv[0], "release");
	if (argc == 2 && (charge || discharge))
		return with_power(s, argv[1], discharge);
	if (argc == 2)
		return mkt_app_usage(s->d.app, "'%s' takes no value", argv[0]);
	return s->pause || s->release ? 0 : parse_value(s, argv[0]);
}

/* ---- what the device can -------------------------------------------------------------------- */

static int cannot(struct setting *s, const char *what)
{
	return mkt_err_set(&s->d.app->err, MKT_EDEVUNSUPPORTED, "%s cannot %s", s->d.name, what);
}

static int fit(struct setting *s, const struct mkt_dev_view *v)
{
	struct mkt_setpoint *set = &s->order.set;

	if (v->caps & MKT_CAP_READ_ONLY)
		return cannot(s, "be controlled: it refuses");
	if (s->pause && (v->caps & MKT_CAP_CURRENT))
		*set = (struct mkt_setpoint){MKT_SET_CURRENT, 0};
	else if (s->pause && (v->caps & MKT_CAP_POWER))
		*set = (struct mkt_setpoint){MKT_SET_POWER, 0};
	else if (s->pause)
		*set = (struct mkt_setpoint){MKT_SET_MODE, MKT_MODE_HOLD};
	switch (set->kind) {
	case MKT_SET_CURRENT:
		return v->caps & MKT_CAP_CURRENT ? 0 : cannot(s, "take a current");
	case MKT_SET_POWER:
		if (set->value < 0 && !(v->caps & MKT_CAP_DISCHARGE))
			return cannot(s, "discharge");
		return v->caps & MKT_CAP_POWER ? 0 : cannot(s, "take a power");
	case MKT_SET_MODE:
		return v->caps & MKT_CAP_MODE ? 0 : cannot(s, "take a mode");
	case MKT_SET_NONE:
		break;
	}
	return 0;
}

static const char *asked(const struct setting *s, struct mkt_setpoint_text *t)
{
	*t = mkt_setpoint_text(&s->order.set);
	return s->release ? "release" : t->s;
}

/* ---- doing it ------------------------------------------------------------------------------- */

/* Above 0: it is not known to be done, and --no-wait does not mind. */
static int give(struct setting *s, struct mkt_setpoint *applied)
{
	struct mkt_app *app = s->d.app;
	uint64_t until_ms = app->deadline_ms;
	bool no_wait = app->opt.wait == MKT_NO;
	int r;

	if (no_wait && until_ms > mkt_app_mono_ms() + NO_WAIT_MS)
		until_ms = mkt_app_mono_ms() + NO_WAIT_MS;
	app->applied = MKT_APPLIED_UNKNOWN;
	if (s->release)
		r = mkt_devc_release(s->d.c, s->d.name, until_ms, &app->err);
	else
		r = mkt_devc_order(s->d.c, s->d.name, &s->order, until_ms, applied, &app->err);
	if (r == -MKT_ETIMEOUT && no_wait) {
		memset(&app->err, 0, sizeof(app->err));
		return 1;
	}
	if (r >= 0)
		app->applied = MKT_APPLIED_YES;
	else if (r == -MKT_EINVAL || r == -MKT_ELOCKED || r == -MKT_EDEVUNSUPPORTED ||
		 r == -MKT_EDEVSTALE)
		app->applied = MKT_APPLIED_NO;
	return r < 0 ? r : 0;
}

static int receipt(struct setting *s, int r, const struct mkt_setpoint *applied, uint64_t held_s)
{
	struct mkt_setpoint_text want, now = mkt_setpoint_text(applied);
	struct mkt_app *app = s->d.app;
	const char *state = r ? "accepted, not confirmed" : "confirmed";
	struct mkt_val row[S_COLS];
	bool differs;

	asked(s, &want);
	differs = now.s[0] && strcmp(now.s, want.s) != 0;
	row[S_DEVICE] = mkt_v_text(s->d.name);
	row[S_ASKED] = mkt_v_text(asked(s, &want));
	row[S_STATE] = mkt_v_text(state);
	row[S_FORCE] = mkt_v_text(now.s[0] && !r ? now.s : NULL);
	row[S_HELD] = held_s ? mkt_v_uint(held_s) : mkt_v_none();
	return mkt_out_receipt(&app->out, &set_doc, row, &app->err, "%s: %s %s%s%s", s->d.name,
			       asked(s, &want), state, !r && differs ? "; in force is " : "",
			       !r && differs ? now.s : "");
}

/* Keep it in force until @until_ms or Ctrl-C, showing what flows. */
static int hold(struct setting *s, uint64_t until_ms, struct mkt_setpoint *applied)
{
	struct mkt_app *app = s->d.app;
	uint64_t now_ms = mkt_app_mono_ms(), renew_ms = now_ms + LEASE_HELD_S * 1000 / 3;
	struct mkt_progress p;
	int r = 0;

	mkt_app_progress(app, &p, "holding");
	while (r >= 0 && now_ms < until_ms && !mkt_app_stopped()) {
		if (now_ms >= renew_ms) {
			renew_ms = now_ms + LEASE_HELD_S * 1000 / 3;
			r = mkt_devc_order(s->d.c, s->d.name, &s->order, renew_ms, applied,
					   &app->err);
		} else {
			uint64_t left_ms = until_ms - now_ms;

			r = mkt_device_listen(&s->d, left_ms < 500 ? left_ms : 500);
		}
		now_ms = mkt_app_mono_ms();
		mkt_progress_update(&p, 0, 0, now_ms);
	}
	mkt_progress_end(&p);
	if (r >= 0)
		r = mkt_devc_release(s->d.c, s->d.name, now_ms + 10000, &app->err);
	if (r < 0)
		return mkt_err_wrap(&app->err, "held until now");
	if (mkt_for_people(app) && !app->opt.quiet)
		mkt_out_say(&app->out, "%s: released\n", s->d.name);
	return mkt_app_stopped() ? 128 + mkt_app_stopped() : 0;
}

static int act(struct setting *s)
{
	struct mkt_app *app = s->d.app;
	struct mkt_setpoint_text t;
	struct mkt_setpoint applied = {MKT_SET_NONE, 0};
	uint64_t begin_ms;
	int r, done;

	if (app->opt.dry_run) {
		mkt_out_say(&app->out, "%s: would be set to %s\n", s->d.name, asked(s, &t));
		return 0;
	}
	r = mkt_app_confirm(app, "set %s on %s to %s?", s->d.name, s->d.port, asked(s, &t));
	if (r < 0)
		return r;
	mkt_app_catch_signals();
	begin_ms = mkt_app_mono_ms();
	done = give(s, &applied);
	if (done < 0)
		return done;
	r = receipt(s, done, &applied, s->v->hold.given ? (uint64_t)s->v->hold.v / 1000 : 0);
	if (r >= 0 && !s->v->hold.given && s->d.own && s->d.site && !s->release)
		mkt_app_hint(app, "no mkt-driverd serves this device: 'exit' of devices.conf(5) "
				  "holds when this command ends; see --for");
	if (r < 0 || !s->v->hold.given || s->release)
		return r;
	mkt_out_flush(&app->out);
	return hold(s, begin_ms + (uint64_t)s->v->hold.v, &applied);
}

int mkt_device_set(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct setting s = {.v = values};
	int r;

	s.d.app = app;
	s.d.opts = &s.v->reach;
	s.order.lease_s = s.v->hold.given ? LEASE_HELD_S : LEASE_LEFT_S;
	r = parse(&s, argc - 1, argv + 1);
	s.d.lets_go = s.release || s.v->hold.given;
	if (r >= 0)
		r = mkt_out_check(&app->out, &set_doc, &app->err);
	if (r >= 0)
		r = mkt_device_open(&s.d, argv[0]);
	if (!r)
		r = mkt_device_wait_ready(&s.d);
	if (!r)
		r = fit(&s, mkt_device_view(&s.d));
	if (!r)
		r = act(&s);
	mkt_device_close(&s.d);
	return r;
}
