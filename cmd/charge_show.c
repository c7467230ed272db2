/*
 * What mkt charge knows: the devices of a site, what they do and why, and the
 * journal.
 */
#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/charge.h"
#include "cmd/events.h"
#include "core/units/fmt.h"

#define CONNECT_MS 500

/* Own zone without asking a server. */
static int local_zone(struct mkt_app *app, struct mkt_zone *zone)
{
	const char *name = mkt_app_setting(app, "core.timezone");
	int rc = mkt_zone_load(zone, name ? name : "UTC", NULL, &app->err);

	app->out.zone = rc ? NULL : zone;
	return rc;
}

/* ---- lines, asked directly ------------------------------------------------------------------ */

/* The devices of a site as their mkt-driverd tell them. */
struct looking {
	struct mkt_devices *conf;
	struct mkt_devc *client[MKT_LINES_MAX];
};

static void look_close(struct looking *l)
{
	for (uint32_t i = 0; l->conf && i < l->conf->nlines; i++)
		mkt_devc_close(l->client[i]);
	free(l->conf);
}

static int look_open(struct mkt_app *app, struct looking *l, const char *file)
{
	int rc = mkt_devices_read(file, &l->conf, &app->err);

	for (uint32_t i = 0; !rc && i < l->conf->nlines; i++) {
		char path[512];

		if (mkt_devices_socket(l->conf, l->conf->lines[i].name, path, sizeof(path)) ||
		    mkt_devc_open(path, mkt_app_mono_ms() + CONNECT_MS, &l->client[i], NULL))
			l->client[i] = NULL;
	}
	return rc;
}

static const struct mkt_dev_view *look_at(const struct looking *l, const struct mkt_device_conf *d)
{
	for (uint32_t i = 0; i < l->conf->nlines; i++)
		if (!strcmp(l->conf->lines[i].name, d->line) && l->client[i])
			return mkt_devc_find(l->client[i], d->name);
	return NULL;
}

/* ---- list ----------------------------------------------------------------------------------- */

enum { L_DEVICE, L_CHARGER, L_LINE, L_DRIVER, L_KIND, L_STATE, L_CIRCUIT, L_ERROR, L_COLS };

static const struct mkt_col list_cols[] = {
	[L_DEVICE] = {"device", MKT_COL_TEXT, .head = "device"},
	[L_CHARGER] = {"charger", MKT_COL_TEXT, .head = "charger"},
	[L_LINE] = {"line", MKT_COL_TEXT, .head = "line"},
	[L_DRIVER] = {"driver", MKT_COL_TEXT, .head = "driver"},
	[L_KIND] = {"kind", MKT_COL_TEXT, .head = "kind"},
	[L_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[L_CIRCUIT] = {"circuit", MKT_COL_TEXT, .head = "circuit"},
	[L_ERROR] = {"error", MKT_COL_TEXT, .head = "error", .cut = true},
	{.name = NULL}};
static const struct mkt_table list_table = {"device", list_cols, false};
static const struct mkt_doc list_doc = {"charge-list", 1, {&list_table}, false};

int charge_list(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct charge_where *v = values;
	struct looking l = {0};
	int rc = look_open(app, &l, v->devices);

	(void)argc, (void)argv;
	if (!rc)
		rc = mkt_out_open(&app->out, &list_doc, &app->err);
	if (rc) {
		look_close(&l);
		return rc;
	}
	mkt_out_part(&app->out, &list_table);
	for (uint32_t i = 0; i < l.conf->ndevices; i++) {
		const struct mkt_device_conf *d = &l.conf->devices[i];
		const struct mkt_dev_view *view = look_at(&l, d);
		int state = view ? (int)view->state : MKT_DEV_ABSENT;

		mkt_out_row(&app->out,
			    (struct mkt_val[L_COLS]){
				    [L_DEVICE] = mkt_v_text(d->name),
				    [L_CHARGER] = mkt_v_text(d->charger[0] ? d->charger : d->name),
				    [L_LINE] = mkt_v_text(d->line),
				    [L_DRIVER] = mkt_v_text(d->driver),
				    [L_KIND] = mkt_v_text(view ? mkt_dev_kind_word((int)view->kind)
							       : NULL),
				    [L_STATE] = mkt_v_text(mkt_dev_state_word(state)),
				    [L_CIRCUIT] = mkt_v_text(d->circuit[0] ? d->circuit : NULL),
				    [L_ERROR] = mkt_v_text(!view ? "no mkt-driverd on its line"
							   : view->error[0] ? view->error
									    : NULL),
			    });
	}
	mkt_out_close(&app->out);
	look_close(&l);
	return 0;
}

/* ---- status --------------------------------------------------------------------------------- */

enum {
	S_DEVICE,
	S_STATE,
	S_VEHICLE,
	S_POWER,
	S_SET,
	S_SET_MA,
	S_SET_W,
	S_MOVED,
	S_WANTED,
	S_SOC,
	S_CODE,
	S_AT,
	S_REASON,
	S_CHARGER,
	S_WINDOW,
	S_SIDE,
	S_COLS
};

static const struct mkt_col status_cols[] = {
	[S_DEVICE] = {"device", MKT_COL_TEXT, .head = "device"},
	[S_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[S_VEHICLE] = {"vehicle", MKT_COL_TEXT, .head = "car"},
	[S_POWER] = {"power_w", MKT_COL_POWER, .head = "power"},
	[S_SET] = {"set", MKT_COL_TEXT, .head = "set"},
	[S_SET_MA] = {"set_ma", MKT_COL_INT, .head = NULL},
	[S_SET_W] = {"set_w", MKT_COL_INT, .head = NULL},
	[S_MOVED] = {"moved_wh", MKT_COL_ENERGY, .head = "moved"},
	[S_WANTED] = {"contracted_wh", MKT_COL_ENERGY, .head = "of"},
	[S_SOC] = {"soc_bp", MKT_COL_SHARE, .head = "soc"},
	[S_CODE] = {"code", MKT_COL_TEXT, .head = NULL},
	[S_AT] = {"decided", MKT_COL_TIME_MS, .head = "since", .wide = true},
	[S_REASON] = {"reason", MKT_COL_TEXT, .head = "reason", .cut = true},
	[S_CHARGER] = {"charger", MKT_COL_TEXT, .head = "charger", .wide = true},
	[S_WINDOW] = {"window", MKT_COL_TIME, .head = "window", .wide = true},
	[S_SIDE] = {"side", MKT_COL_TEXT, .head = NULL},
	{.name = NULL}};
static const struct mkt_table status_table = {"device", status_cols, false};
static const struct mkt_doc status_doc = {"charge-status", 1, {&status_table}, false};

static struct mkt_val number(const struct mkt_jval *at, const char *key, int64_t factor)
{
	int64_t v;

	if (!mkt_jval_has(at, key) ||
	    mkt_jget_i64(at, key, INT64_MIN / 100, INT64_MAX / 100, &v, NULL))
		return mkt_v_none();
	return mkt_v_int(v * factor);
}

/* The same of what is never below 0: people see energy, shares and times in their own form. */
static struct mkt_val amount(const struct mkt_jval *at, const char *key, int64_t factor)
{
	struct mkt_val v = number(at, key, factor);

	return v.kind == MKT_VAL_INT && v.i >= 0 ? mkt_v_uint((uint64_t)v.i) : v;
}

static struct mkt_val text(const struct mkt_jval *at, const char *key)
{
	return mkt_v_text(mkt_jval_has(at, key) ? mkt_word(at, key) : NULL);
}

static void add_set(struct mkt_val v[S_COLS], bool by_current, int64_t set, struct mkt_text *out)
{
	*out = by_current ? mkt_fmt_current((uint32_t)set) : mkt_fmt_power((int32_t)set);
	v[S_SET] = mkt_v_text(out->s);
	v[by_current ? S_SET_MA : S_SET_W] = mkt_v_int(set);
}

static int show_running(struct mkt_app *app, const struct mkt_buf *answer, const char *only)
{
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root, list, at;
	struct mkt_jiter it = {0};
	bool found = !only;
	int rc = mkt_jdoc_parse(answer->data, answer->len, NULL, &doc, &app->err);

	if (!rc)
		root = mkt_jdoc_root(doc);
	if (!rc)
		rc = mkt_jget_arr(&root, "devices", &list, &app->err);
	if (!rc)
		rc = mkt_out_open(&app->out, &status_doc, &app->err);
	if (!rc)
		mkt_out_part(&app->out, &status_table);
	while (!rc && mkt_jval_next(&list, &it, &at)) {
		struct mkt_val v[S_COLS] = {{0}};
		struct mkt_text set;

		if (only && strcmp(only, mkt_word(&at, "device")))
			continue;
		found = true;
		v[S_DEVICE] = text(&at, "device");
		v[S_STATE] = text(&at, "state");
		v[S_VEHICLE] = text(&at, "vehicle");
		v[S_POWER] = number(&at, "power_w", 1);
		add_set(v, !strcmp(mkt_word(&at, "unit"), "mA"), number(&at, "set", 1).i, &set);
		v[S_MOVED] = amount(&at, "moved_wh", 1);
		v[S_WANTED] = amount(&at, "contracted_wh", 1);
		v[S_SOC] = amount(&at, "soc", 10);
		v[S_CODE] = text(&at, "code");
		v[S_AT] = amount(&at, "decided_ms", 1);
		v[S_REASON] = text(&at, "reason");
		v[S_CHARGER] = text(&at, "charger");
		v[S_WINDOW] = amount(&at, "window", 1);
		v[S_SIDE] = text(&at, "side");
		mkt_out_row(&app->out, v);
	}
	if (!rc)
		mkt_out_close(&app->out);
	mkt_jdoc_free(doc);
	if (!rc && !found)
		return mkt_err_set(&app->err, MKT_ENOTFOUND, "there is no device '%s'", only);
	return rc;
}

static void show_view(struct mkt_app *app, const struct mkt_device_conf *d,
		      const struct mkt_dev_view *view)
{
	uint64_t limit = view ? (uint64_t)view->poll_ms * MKT_DEV_POLLS_STALE : 0;
	int state = view ? (int)view->state : MKT_DEV_ABSENT;
	struct mkt_val v[S_COLS] = {{0}};
	struct mkt_text set;

	v[S_DEVICE] = mkt_v_text(d->name);
	v[S_STATE] = mkt_v_text(mkt_dev_state_word(state));
	v[S_CHARGER] = mkt_v_text(d->charger[0] ? d->charger : d->name);
	v[S_REASON] =
		mkt_v_text(view ? "'mkt charge run' does not run" : "no mkt-driverd on its line");
	if (view && mkt_reading_fresh(&view->r, MKT_R_VEHICLE, mkt_app_mono_ms(), limit))
		v[S_VEHICLE] =
			mkt_v_text(mkt_dev_vehicle_word((int)view->r.v[MKT_R_VEHICLE].value));
	if (view && mkt_reading_fresh(&view->r, MKT_R_POWER, mkt_app_mono_ms(), limit))
		v[S_POWER] = mkt_v_int(view->r.v[MKT_R_POWER].value);
	if (view && mkt_reading_fresh(&view->r, MKT_R_SOC, mkt_app_mono_ms(), limit))
		v[S_SOC] = mkt_v_uint((uint64_t)view->r.v[MKT_R_SOC].value * 10);
	if (view && view->applied.kind && view->applied.kind != MKT_SET_MODE)
		add_set(v, view->applied.kind == MKT_SET_CURRENT, view->applied.value, &set);
	mkt_out_row(&app->out, v);
}

static int show_lines(struct mkt_app *app, const char *file, const char *only)
{
	struct looking l = {0};
	bool found = !only;
	int rc = look_open(app, &l, file);

	if (!rc)
		rc = mkt_out_open(&app->out, &status_doc, &app->err);
	if (!rc) {
		mkt_out_part(&app->out, &status_table);
		for (uint32_t i = 0; i < l.conf->ndevices; i++) {
			if (only && strcmp(only, l.conf->devices[i].name))
				continue;
			found = true;
			show_view(app, &l.conf->devices[i], look_at(&l, &l.conf->devices[i]));
		}
		mkt_out_close(&app->out);
	}
	look_close(&l);
	if (!rc && !found)
		return mkt_err_set(&app->err, MKT_ENOTFOUND, "there is no device '%s'", only);
	return rc;
}

int charge_status(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct charge_where *v = values;
	const char *only = argc ? argv[0] : NULL;
	struct mkt_buf answer = MKT_BUF_INIT;
	struct mkt_zone zone;
	int rc = local_zone(app, &zone);

	if (!rc)
		rc = charge_ctl_ask(app, "status\n", &answer);
	if (!rc) {
		rc = show_running(app, &answer, only);
	} else if (rc == -MKT_ENOTFOUND) {
		memset(&app->err, 0, sizeof(app->err));
		rc = show_lines(app, v->devices, only);
	}
	mkt_buf_release(&answer);
	mkt_out_flush(&app->out);
	app->out.zone = NULL;
	return rc;
}

/* ---- the journal ---------------------------------------------------------------------------- */

enum { J_AT, J_DEVICE, J_KIND, J_WINDOW, J_CODE, J_TEXT, J_COLS };

static const struct mkt_col log_cols[] = {
	[J_AT] = {"time", MKT_COL_TIME_MS, .head = "time"},
	[J_DEVICE] = {"device", MKT_COL_TEXT, .head = "device"},
	[J_KIND] = {"kind", MKT_COL_TEXT, .head = "kind", .wide = true},
	[J_WINDOW] = {"window", MKT_COL_TIME, .head = "window", .wide = true},
	[J_CODE] = {"code", MKT_COL_TEXT, .head = "code", .wide = true},
	[J_TEXT] = {"text", MKT_COL_TEXT, .head = "what"},
	{.name = NULL}};
static const struct mkt_table log_table = {"entry", log_cols, false};
static const struct mkt_doc log_doc = {"charge-log", 1, {&log_table}, false};

struct telling {
	struct mkt_app *app;
	const char *only;
	bool all;
	uint64_t skip;
};

/* A sentence for records that have none. */
static void sentence(const struct mkt_jval *r, const char *kind, char out[200])
{
	unsigned long long import = mkt_count(r, "import"), export = mkt_count(r, "export");

	out[0] = '\0';
	if (mkt_jval_has(r, "text"))
		snprintf(out, 200, "%s", mkt_word(r, "text"));
	else if (mkt_jval_has(r, "import"))
		snprintf(out, 200, "counters %s: %llu Wh drawn, %llu Wh supplied",
			 !strcmp(kind, "begin") ? "at the window's beginning"
			 : !strcmp(kind, "end") ? "at the window's end"
						: "in the window",
			 import, export);
	else if (!strcmp(kind, "contract"))
		snprintf(out, 200, "c%llu: %llu Wh to be %s",
			 (unsigned long long)mkt_count(r, "exec"),
			 (unsigned long long)mkt_count(r, "wh"),
			 mkt_count(r, "dir") ? "supplied" : "drawn");
	else if (!strcmp(kind, "report"))
		snprintf(out, 200, "report under request id %s", mkt_word(r, "request"));
	else if (!strcmp(kind, "reported"))
		snprintf(out, 200, "the chain has the report");
	else if (!strcmp(kind, "closed"))
		snprintf(out, 200, "c%llu is reported or settled",
			 (unsigned long long)mkt_count(r, "exec"));
}

static bool for_people(const char *kind)
{
	return !strcmp(kind, "plan") || !strcmp(kind, "note") || !strcmp(kind, "unreported");
}

static int log_one(void *arg, const char *record, size_t n)
{
	struct telling *t = arg;
	struct mkt_jdoc *doc = NULL;
	struct mkt_val v[J_COLS] = {{0}};
	struct mkt_jval r;
	const char *kind;
	char line[200];

	if (mkt_jdoc_parse(record, n, NULL, &doc, NULL))
		return 0;
	r = mkt_jdoc_root(doc);
	kind = mkt_word(&r, "k");
	sentence(&r, kind, line);
	if ((t->all || for_people(kind)) && strcmp(kind, "cursor") &&
	    (!t->only || !strcmp(t->only, mkt_word(&r, "dev")))) {
		v[J_AT] = amount(&r, "at", 1);
		v[J_DEVICE] = text(&r, "dev");
		v[J_KIND] = mkt_v_text(kind);
		v[J_WINDOW] = amount(&r, "window", 1);
		v[J_CODE] = text(&r, "code");
		v[J_TEXT] = mkt_v_text(line);
		mkt_out_row(&t->app->out, v);
	}
	mkt_jdoc_free(doc);
	return 0;
}

static int journal_path(struct mkt_app *app, struct mkt_buf *path)
{
	int rc = charge_state_dir(app, path, false);

	mkt_buf_addstr(path, "/journal");
	return rc;
}

int charge_log(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct telling t = {.app = app, .only = argc ? argv[0] : NULL, .all = app->opt.verbose > 0};
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_zone zone;
	int rc = local_zone(app, &zone);

	(void)values;
	if (!rc)
		rc = journal_path(app, &path);
	if (!rc)
		rc = mkt_out_open(&app->out, &log_doc, &app->err);
	if (!rc) {
		mkt_out_part(&app->out, &log_table);
		rc = mkt_journal_read(mkt_buf_str(&path), log_one, &t, &app->err);
		mkt_out_close(&app->out);
	}
	if (rc == -MKT_ENOTFOUND) {
		mkt_err_set(&app->err, MKT_ENOTFOUND, "there is no journal '%s'",
			    mkt_buf_str(&path));
		mkt_err_hint(&app->err, "'mkt charge run' writes it");
	}
	mkt_buf_release(&path);
	mkt_out_flush(&app->out);
	app->out.zone = NULL;
	return rc;
}

/* ---- for mkt why ---------------------------------------------------------------------------- */

struct asking {
	uint64_t exec, window_s;
	bool ours; /* the contract is in the journal */
	void (*each)(void *arg, uint64_t at_ms, const char *dev, const char *text);
	void *arg;
};

static int why_one(void *arg, const char *record, size_t n)
{
	struct asking *a = arg;
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval r;
	const char *kind;

	if (mkt_jdoc_parse(record, n, NULL, &doc, NULL))
		return 0;
	r = mkt_jdoc_root(doc);
	kind = mkt_word(&r, "k");
	a->ours |= !strcmp(kind, "contract") && mkt_count(&r, "exec") == a->exec;
	if (for_people(kind) && mkt_jval_has(&r, "window") &&
	    mkt_count(&r, "window") == a->window_s)
		a->each(a->arg, mkt_count(&r, "at"),
			mkt_jval_has(&r, "dev") ? mkt_word(&r, "dev") : NULL, mkt_word(&r, "text"));
	mkt_jdoc_free(doc);
	return 0;
}

static void nobody(void *arg, uint64_t at_ms, const char *dev, const char *line)
{
	(void)arg, (void)at_ms, (void)dev, (void)line;
}

int charge_why(struct mkt_app *app, uint64_t exec, uint64_t window_s,
	       void (*each)(void *arg, uint64_t at_ms, const char *dev, const char *text),
	       void *arg)
{
	struct asking a = {.exec = exec, .window_s = window_s, .each = nobody};
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_err err = {0};
	int rc = journal_path(app, &path);

	if (!rc)
		rc = mkt_journal_read(mkt_buf_str(&path), why_one, &a, &err);
	a.each = each;
	a.arg = arg;
	if (!rc && a.ours)
		rc = mkt_journal_read(mkt_buf_str(&path), why_one, &a, &err);
	mkt_buf_release(&path);
	return rc == -MKT_ENOTFOUND ? 0 : rc;
}
