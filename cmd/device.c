/*
 * mkt device: chargers, batteries, inverters and meters, without ledger and
 * network.  This file has the options, read and monitor.
 */
#include "core/base/compat.h"

#include "cmd/device.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"

/* ---- read ----------------------------------------------------------------------------------- */

struct read_values {
	struct mkt_device_opts reach;
	bool diagnose;
};

#define V struct read_values
static const struct mkt_opt read_opts[] = {
	MKT_O_FLAG(V, diagnose, "diagnose", 0, "what is wrong, and the remedy"),
	MKT_O_GROUP(V, reach, struct mkt_device_opts, mkt_device_options), MKT_O_END};
#undef V

static const struct mkt_doc device_doc = {
	"device", 1, {&mkt_device_table, &mkt_reading_table}, false};
static const struct mkt_doc diagnosis_doc = {
	"device-diagnosis", 1, {&mkt_device_table, &mkt_check_table, &mkt_reading_table}, false};

static int print_device(const struct mkt_device *d, const struct mkt_doc *doc,
			const struct mkt_checks *c)
{
	struct mkt_out *o = &d->app->out;
	const struct mkt_dev_view *v = mkt_device_view(d);
	int r = mkt_out_open(o, doc, &d->app->err);

	if (r < 0)
		return r;
	if (v) {
		mkt_out_part(o, &mkt_device_table);
		mkt_device_row(o, d, v);
	}
	if (c && !mkt_for_people(d->app)) {
		mkt_out_part(o, &mkt_check_table);
		mkt_check_rows(o, c);
	}
	if (v) {
		mkt_out_part(o, &mkt_reading_table);
		mkt_device_readings(o, v);
	}
	mkt_out_close(o);
	return 0;
}

static int read_one(struct mkt_device *d, const char *target)
{
	int r = mkt_device_open(d, target);

	if (r >= 0)
		r = mkt_device_wait_ready(d);
	if (!r)
		r = mkt_devc_refresh(d->c, d->name, d->app->deadline_ms, &d->app->err);
	return r < 0 ? r : print_device(d, &device_doc, NULL);
}

/* Errors of the device are what was asked for. */
static int diagnose(struct mkt_device *d, const char *target)
{
	struct mkt_app *app = d->app;
	struct mkt_checks c = {.app = app};
	int r = mkt_out_check(&app->out, &diagnosis_doc, &app->err);

	if (r < 0)
		return r;
	r = mkt_device_open(d, target);
	if (r < 0) {
		if (mkt_code_exit(-r) == mkt_code_exit(MKT_EUSAGE))
			return r;
		mkt_check_error(&c, "line", app->err.code, app->err.text);
	} else {
		if (!mkt_device_wait_ready(d) &&
		    mkt_devc_refresh(d->c, d->name, app->deadline_ms, &app->err) < 0)
			mkt_check_error(&c, "pass", app->err.code, app->err.text);
		mkt_check_line(&c, mkt_device_view(d));
		mkt_check_identity(&c, mkt_device_view(d));
		mkt_check_readings(&c, mkt_device_view(d));
	}
	memset(&app->err, 0, sizeof(app->err));
	if (mkt_for_people(app))
		mkt_out_say(&app->out, "\n");
	r = print_device(d, &diagnosis_doc, &c);
	return r < 0 ? r : c.faults ? mkt_code_exit(MKT_EDEVFAULT) : 0;
}

/* ---- read without a target: all of the site -------------------------------------------------- */

enum { L_NAME, L_LINE, L_DRIVER, L_KIND, L_STATE, L_SINCE, L_NOW, L_ERROR, L_CODE, L_COLS };

static const struct mkt_col list_cols[] = {
	[L_NAME] = {"name", MKT_COL_TEXT, .head = "device"},
	[L_LINE] = {"line", MKT_COL_TEXT, .head = "line"},
	[L_DRIVER] = {"driver", MKT_COL_TEXT, .head = "driver"},
	[L_KIND] = {.name = "kind", .kind = MKT_COL_TEXT},
	[L_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[L_SINCE] = {"since_s", MKT_COL_DURATION, .head = "since"},
	[L_NOW] = {"now", MKT_COL_TEXT, .head = "now", .cut = true},
	[L_ERROR] = {"error", MKT_COL_TEXT, .head = "error", .cut = true},
	[L_CODE] = {.name = "error_code", .kind = MKT_COL_TEXT},
	{.name = NULL},
};
static const struct mkt_table list_table = {"device", list_cols, false};
static const struct mkt_doc list_doc = {"devices", 1, {&list_table}, false};

static void list_row(struct mkt_device *d, const struct mkt_device_conf *conf, int r)
{
	const struct mkt_dev_view *v = mkt_device_view(d);
	const struct mkt_err *err = &d->app->err;
	uint64_t now_ms = mkt_app_mono_ms();
	struct mkt_buf now = MKT_BUF_INIT;
	struct mkt_val row[L_COLS];

	if (v)
		mkt_device_sentence(v, &now);
	row[L_NAME] = mkt_v_text(conf->name);
	row[L_LINE] = mkt_v_text(conf->line);
	row[L_DRIVER] = mkt_v_text(conf->driver);
	row[L_KIND] = v ? mkt_v_text(mkt_dev_kind_word((int)v->kind)) : mkt_v_none();
	row[L_STATE] = mkt_v_text(mkt_dev_state_word(v ? (int)v->state : MKT_DEV_ABSENT));
	row[L_SINCE] = v && now_ms > v->since_ms ? mkt_v_uint((now_ms - v->since_ms) / 1000)
						 : mkt_v_none();
	row[L_NOW] = mkt_v_text(now.len ? mkt_buf_str(&now) : NULL);
	row[L_ERROR] = mkt_v_text(r < 0 ? err->text : NULL);
	row[L_CODE] = mkt_v_text(r < 0 ? mkt_code_word(err->code) : NULL);
	mkt_out_row(&d->app->out, row);
	mkt_buf_release(&now);
}

/* Every device has its row, whatever is wrong with it; 10 if something is. */
static int read_site(struct mkt_app *app, const struct mkt_device_opts *opts)
{
	struct mkt_devices *site;
	unsigned failed = 0;
	int r = mkt_devices_read(opts->devices, &site, &app->err);

	if (r < 0)
		return r;
	r = mkt_out_open(&app->out, &list_doc, &app->err);
	if (r >= 0)
		mkt_out_part(&app->out, &list_table);
	for (uint32_t i = 0; r >= 0 && i < site->ndevices; i++) {
		struct mkt_device d = {.app = app, .opts = opts};
		int rc = mkt_device_open(&d, site->devices[i].name);

		if (rc >= 0)
			rc = mkt_device_wait_ready(&d);
		failed += rc != 0;
		list_row(&d, &site->devices[i], rc);
		memset(&app->err, 0, sizeof(app->err));
		mkt_device_close(&d);
	}
	if (r >= 0)
		mkt_out_close(&app->out);
	r = r < 0 ? r : failed ? mkt_code_exit(MKT_EPARTIAL) : 0;
	free(site);
	return r;
}

static int read_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct read_values *v = values;
	struct mkt_device d = {.app = app, .opts = &v->reach};
	int r;

	if (!argc && v->diagnose)
		return mkt_app_usage(app, "--diagnose which device?");
	if (!argc)
		return read_site(app, &v->reach);
	r = v->diagnose ? diagnose(&d, argv[0]) : read_one(&d, argv[0]);
	mkt_device_close(&d);
	return r;
}

/* ---- monitor -------------------------------------------------------------------------------- */

struct monitor_values {
	struct mkt_device_opts reach;
	struct mkt_num time, count;
};

#define V struct monitor_values
static const struct mkt_opt monitor_opts[] = {
	MKT_O_UNIT(V, time, DURATION, "for", 0, "DURATION", NULL, "how long (default: to Ctrl-C)"),
	MKT_O_UINT(V, count, "count", 'n', "N", 1, INT64_MAX, NULL, "end after so many passes"),
	MKT_O_GROUP(V, reach, struct mkt_device_opts, mkt_device_options), MKT_O_END};
#undef V

enum { M_TIME, M_DEVICE, M_STATE, M_READING, M_VALUE, M_TEXT, M_ERROR, M_COLS };

static const struct mkt_col monitor_cols[] = {
	[M_TIME] = {"time_ms", MKT_COL_TIME_MS, .head = "time"},
	[M_DEVICE] = {"device", MKT_COL_TEXT, .head = "device"},
	[M_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[M_READING] = {"reading", MKT_COL_TEXT, .head = "reading"},
	[M_VALUE] = {.name = "value", .kind = MKT_COL_INT},
	[M_TEXT] = {"text", MKT_COL_TEXT, .head = "value"},
	[M_ERROR] = {"error", MKT_COL_TEXT, .head = "error"},
	{.name = NULL},
};
static const struct mkt_table monitor_table = {"reading", monitor_cols, false};
static const struct mkt_doc monitor_doc = {"device-reading", 1, {&monitor_table}, true};

struct monitoring {
	struct mkt_device d;
	uint64_t seen_ms;	    /* of the newest reading that was shown */
	enum mkt_dev_state state;   /* as shown last */
	bool begun;
	uint64_t passes;
};

static void monitor_row(struct monitoring *m, const struct mkt_dev_view *v, int id, uint64_t at_ms)
{
	struct mkt_val row[M_COLS];
	struct mkt_reading_text text = {""};
	uint64_t now_ms = mkt_app_mono_ms();

	if (id >= 0)
		text = mkt_reading_text((enum mkt_reading_id)id, v->r.v[id].value);
	row[M_TIME] = mkt_v_uint(mkt_app_now_ms() - (now_ms > at_ms ? now_ms - at_ms : 0));
	row[M_DEVICE] = mkt_v_text(v->name);
	row[M_STATE] = mkt_v_text(mkt_dev_state_word((int)v->state));
	row[M_READING] = mkt_v_text(id >= 0 ? mkt_reading_info[id].name : NULL);
	row[M_VALUE] = id >= 0 ? mkt_v_int(v->r.v[id].value) : mkt_v_none();
	row[M_TEXT] = mkt_v_text(id >= 0 ? text.s : NULL);
	row[M_ERROR] = mkt_v_text(v->error[0] && v->state != MKT_DEV_READY ? v->error : NULL);
	mkt_out_row(&m->d.app->out, row);
}

static void monitor_sentence(struct monitoring *m, const struct mkt_dev_view *v)
{
	struct mkt_out *o = &m->d.app->out;
	struct mkt_buf now = MKT_BUF_INIT;
	struct mkt_val at = mkt_v_uint(mkt_app_now_ms() / 1000);
	struct mkt_buf time = MKT_BUF_INIT;

	mkt_out_human(o, MKT_COL_TIME, &at, &time);
	mkt_device_sentence(v, &now);
	mkt_out_say(o, "%s  %-12s  %s%s%s\n", mkt_buf_str(&time), mkt_dev_state_word((int)v->state),
		    mkt_buf_str(&now), v->state != MKT_DEV_READY && v->error[0] ? "  " : "",
		    v->state != MKT_DEV_READY ? v->error : "");
	mkt_buf_release(&now);
	mkt_buf_release(&time);
}

/* What is new since the last time: readings of a pass, or another state. */
static void show_news(struct monitoring *m)
{
	const struct mkt_dev_view *v = mkt_device_view(&m->d);
	uint64_t newest_ms = m->seen_ms;
	bool people = mkt_for_people(m->d.app), changed;

	if (!v)
		return;
	changed = !m->begun || v->state != m->state;
	if (changed && !people)
		monitor_row(m, v, -1, v->since_ms);
	for (int i = 0; i < MKT_READINGS; i++) {
		const struct mkt_value *r = &v->r.v[i];

		if (!r->known || r->at_ms <= m->seen_ms)
			continue;
		newest_ms = r->at_ms > newest_ms ? r->at_ms : newest_ms;
		if (!people)
			monitor_row(m, v, i, r->at_ms);
	}
	if (people && (changed || newest_ms > m->seen_ms))
		monitor_sentence(m, v);
	m->passes += newest_ms > m->seen_ms;
	m->seen_ms = newest_ms;
	m->state = v->state;
	m->begun = true;
	mkt_out_flush(&m->d.app->out);
}

static int follow(struct monitoring *m, const struct monitor_values *v)
{
	struct mkt_app *app = m->d.app;
	uint64_t now_ms = mkt_app_mono_ms();
	uint64_t end_ms = v->time.given ? now_ms + (uint64_t)v->time.v : UINT64_MAX;
	int r = 0;

	show_news(m);
	while (r >= 0 && now_ms < end_ms && !mkt_app_stopped() && !mkt_out_failed(&app->out)) {
		if (v->count.given && m->passes >= (uint64_t)v->count.v)
			break;
		r = mkt_device_listen(&m->d, end_ms - now_ms < 500 ? end_ms - now_ms : 500);
		if (r > 0)
			show_news(m);
		now_ms = mkt_app_mono_ms();
	}
	return r < 0 ? r : 0;
}

static int monitor_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct monitor_values *v = values;
	struct monitoring m = {.d = {.app = app, .opts = &v->reach}};
	int r;

	(void)argc;
	app->out.sparse = true;
	mkt_app_catch_signals();
	r = mkt_out_open(&app->out, &monitor_doc, &app->err);
	if (r >= 0)
		r = mkt_device_open(&m.d, argv[0]);
	if (r >= 0) {
		mkt_out_part(&app->out, &monitor_table);
		r = follow(&m, v);
		mkt_out_close(&app->out);
	}
	mkt_device_close(&m.d);
	return r;
}

/* ---- the command ---------------------------------------------------------------------------- */

#define REACH(S) MKT_O_GROUP(S, reach, struct mkt_device_opts, mkt_device_options), MKT_O_END

static const struct mkt_opt probe_opts[] = {
	MKT_O_FLAG(struct mkt_device_probe_values, all_speeds, "all-speeds", 0,
		   "go through the usual speeds and parities as well"),
	REACH(struct mkt_device_probe_values)};

static const struct mkt_opt set_opts[] = {
	MKT_O_UNIT(struct mkt_device_set_values, hold, DURATION, "for", 0, "DURATION", NULL,
		   "stay, hold it so long, then release it"),
	REACH(struct mkt_device_set_values)};

static const struct mkt_opt test_opts[] = {
	MKT_O_FLAG(struct mkt_device_test_values, no_power, "no-power", 0,
		   "leave out what moves power"),
	REACH(struct mkt_device_test_values)};

static const struct mkt_opt record_opts[] = {
	MKT_O_FILE(struct mkt_device_record_values, output, "output", 'o', "FILE",
		   "where to (default: standard output)"),
	MKT_O_UNIT(struct mkt_device_record_values, time, DURATION, "for", 0, "DURATION", NULL,
		   "how long (default: to Ctrl-C)"),
	REACH(struct mkt_device_record_values)};

static const struct mkt_spec device_subs[] = {
	{.name = "scan", .summary = "show the serial ports, and who has them",
	 .run = mkt_device_scan},
	{.name = "probe", .summary = "find out what answers on a port", .args = "PORT",
	 .complete = "port", .opts = probe_opts,
	 .values_size = sizeof(struct mkt_device_probe_values), .run = mkt_device_probe,
	 .args_min = 1, .args_max = 1},
	{.name = "read", .summary = "show a device and its readings, or all devices",
	 .args = "[DEVICE|PORT]", .complete = "device", .opts = read_opts,
	 .values_size = sizeof(struct read_values), .run = read_run, .args_max = 1},
	{.name = "monitor", .summary = "show readings as they come", .args = "DEVICE|PORT",
	 .complete = "device", .opts = monitor_opts, .values_size = sizeof(struct monitor_values),
	 .run = monitor_run, .args_min = 1, .args_max = 1},
	{.name = "set", .summary = "set current, power or mode, and see it confirmed",
	 .args = "DEVICE|PORT SETPOINT", .complete = "device setpoint", .opts = set_opts,
	 .about = "SETPOINT is 16A, 3kW, pause, release, auto, hold, charge [POWER] or\n"
		  "discharge [POWER].\n",
	 .values_size = sizeof(struct mkt_device_set_values), .run = mkt_device_set, .args_min = 2,
	 .args_max = 3, .flags = MKT_CMD_MOVES_POWER},
	{.name = "test", .summary = "test a device step by step, and print a report",
	 .args = "DEVICE|PORT", .complete = "device", .opts = test_opts,
	 .values_size = sizeof(struct mkt_device_test_values), .run = mkt_device_test,
	 .args_min = 1, .args_max = 1, .flags = MKT_CMD_MOVES_POWER},
	{.name = "record", .summary = "record what passes on the line", .args = "DEVICE|PORT",
	 .complete = "device", .opts = record_opts,
	 .values_size = sizeof(struct mkt_device_record_values), .run = mkt_device_record,
	 .args_min = 1, .args_max = 1},
	{.name = "replay", .summary = "let a driver speak to a recording", .args = "FILE",
	 .complete = "file", .opts = mkt_device_options,
	 .values_size = sizeof(struct mkt_device_opts), .run = mkt_device_replay, .args_min = 1,
	 .args_max = 1},
	{.name = NULL},
};

const struct mkt_spec cmd_device = {
	.name = "device",
	.summary = "look at chargers, batteries and meters, and control them",
	.subs = device_subs,
};
