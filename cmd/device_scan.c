/* mkt device scan and probe: which ports there are, and what answers on them. */
#include "core/base/compat.h"

#include "cmd/device.h"
#include "cmd/tables.h"
#include "core/device/line.h"

enum { P_PORT, P_NAME, P_WHAT, P_HOLDER, P_COLS };

static const struct mkt_col port_cols[] = {
	[P_PORT] = {"port", MKT_COL_TEXT, .head = "port"},
	[P_NAME] = {"name", MKT_COL_TEXT, .head = "name for devices.conf"},
	[P_WHAT] = {"what", MKT_COL_TEXT, .head = "what", .cut = true},
	[P_HOLDER] = {"holder", MKT_COL_TEXT, .head = "held by"},
	{.name = NULL},
};
static const struct mkt_table port_table = {"port", port_cols, false};
static const struct mkt_doc scan_doc = {"device-scan", 1, {&port_table}, false};

enum { F_PORT, F_DRIVER, F_UNIT, F_SPEED, F_PARITY, F_MAKER, F_MODEL, F_VERSION, F_SERIAL, F_COLS };

static const struct mkt_col found_cols[] = {
	[F_PORT] = {"port", MKT_COL_TEXT, .head = "port"},
	[F_DRIVER] = {"driver", MKT_COL_TEXT, .head = "driver"},
	[F_UNIT] = {"unit", MKT_COL_UINT, .head = "unit"},
	[F_SPEED] = {"speed", MKT_COL_TEXT, .head = "speed"},
	[F_PARITY] = {"parity", MKT_COL_TEXT, .head = "parity"},
	[F_MAKER] = {"maker", MKT_COL_TEXT, .head = "maker"},
	[F_MODEL] = {"model", MKT_COL_TEXT, .head = "model"},
	[F_VERSION] = {"version", MKT_COL_TEXT, .head = "version"},
	[F_SERIAL] = {"serial", MKT_COL_TEXT, .head = "serial"},
	{.name = NULL},
};
static const struct mkt_table found_table = {"device", found_cols, true};
static const struct mkt_doc probe_doc = {"device-probe", 1, {&found_table}, false};

/* ---- scan ----------------------------------------------------------------------------------- */

/* The rows of an answer; the first thing that went wrong. */
struct rows {
	struct mkt_device *d;
	struct mkt_progress progress;
	uint64_t tries;
	unsigned found;
	char first[MKT_LINE_MAX + 1]; /* of them */
};

static const char *text(const struct mkt_line *l, const char *key, char *out, size_t size)
{
	return mkt_line_text(l, key, out, size) < 0 || !out[0] ? NULL : out;
}

static void port_row(void *arg, const char *line, size_t n)
{
	struct rows *r = arg;
	struct mkt_val row[P_COLS];
	char path[256], name[256], what[256], holder[256];
	struct mkt_line l;

	if (mkt_line_split(&l, line, n, NULL) < 0 || !mkt_line_get(&l, "path"))
		return;
	row[P_PORT] = mkt_v_text(text(&l, "path", path, sizeof(path)));
	row[P_NAME] = mkt_v_text(text(&l, "name", name, sizeof(name)));
	row[P_WHAT] = mkt_v_text(text(&l, "what", what, sizeof(what)));
	row[P_HOLDER] = mkt_v_text(text(&l, "holder", holder, sizeof(holder)));
	if (row[P_HOLDER].kind == MKT_VAL_NONE && mkt_line_get(&l, "held") &&
	    !strcmp(mkt_line_get(&l, "held"), "yes"))
		row[P_HOLDER] = mkt_v_text("another process");
	mkt_out_row(&r->d->app->out, row);
	r->found++;
}

int mkt_device_scan(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct mkt_device_opts none = {.driver = NULL};
	struct mkt_device d = {.app = app, .opts = &none};
	struct rows rows = {.d = &d};
	int r = mkt_out_open(&app->out, &scan_doc, &app->err);

	(void)values, (void)argc, (void)argv;
	if (r >= 0)
		r = mkt_device_open_bare(&d);
	if (r >= 0) {
		mkt_out_part(&app->out, &port_table);
		r = mkt_devc_call(d.c, "scan", port_row, &rows, app->deadline_ms, &app->err);
		mkt_out_close(&app->out);
	}
	if (r >= 0 && !rows.found && mkt_for_people(app))
		mkt_app_hint(app, "no serial port: is the adapter plugged in? "
				  "tcp: and udp: ports are not listed");
	mkt_device_close(&d);
	return r < 0 ? r : 0;
}

/* ---- probe ---------------------------------------------------------------------------------- */

static void probe_row(void *arg, const char *line, size_t n)
{
	struct rows *r = arg;
	struct mkt_line l;

	if (mkt_line_split(&l, line, n, NULL) < 0)
		return;
	if (mkt_line_get(&l, "try"))
		mkt_progress_update(&r->progress, ++r->tries, 0, mkt_app_mono_ms());
	else if (mkt_line_get(&l, "found") && mkt_line_get(&l, "parity") && !r->found++)
		snprintf(r->first, sizeof(r->first), "%.*s", (int)n, line);
}

/* Probes take their time: longer than other commands, unless --timeout is given. */
static int run_probe(struct rows *rows, const char *port, bool all_speeds)
{
	static const char *const parities[] = {NULL, "N", "E", "O"};
	const struct mkt_device_opts *o = rows->d->opts;
	struct mkt_app *app = rows->d->app;
	struct mkt_buf request = MKT_BUF_INIT;
	int r;

	if (!app->opt.timeout)
		app->deadline_ms = app->begun_ms + (all_speeds ? 20 : 2) * 60000u;
	r = mkt_device_open_bare(rows->d);
	if (r < 0)
		return r;
	mkt_buf_addstr(&request, "probe");
	mkt_line_add(&request, 0, "port", port);
	if (o->driver)
		mkt_line_add(&request, 0, "driver", o->driver);
	if (o->unit.given)
		mkt_buf_addf(&request, " unit=%lld", (long long)o->unit.v);
	if (o->speed.given)
		mkt_buf_addf(&request, " speed=%lld", (long long)o->speed.v);
	if (o->parity)
		mkt_buf_addf(&request, " parity=%s", parities[o->parity]);
	if (all_speeds)
		mkt_buf_addstr(&request, " speeds=all");
	mkt_app_progress(app, &rows->progress, "trying drivers");
	r = mkt_devc_call(rows->d->c, mkt_buf_str(&request), probe_row, rows, app->deadline_ms,
			  &app->err);
	mkt_progress_end(&rows->progress);
	mkt_buf_release(&request);
	if (r >= 0 && !rows->found)
		r = mkt_err_set(&app->err, MKT_EDEVTIMEOUT, "nothing that is known answers on '%s'",
				port);
	return r < 0 ? r : 0;
}

int mkt_device_find_driver(struct mkt_device *d, const char *port)
{
	struct mkt_device bare = {.app = d->app, .opts = d->opts};
	struct rows rows = {.d = &bare};
	struct mkt_line l;
	int r = run_probe(&rows, port, false);

	mkt_device_close(&bare);
	if (r < 0)
		return r;
	if (mkt_line_split(&l, rows.first, strlen(rows.first), NULL) < 0 ||
	    !text(&l, "found", d->driver, sizeof(d->driver)))
		return mkt_err_set(&d->app->err, MKT_EINTERNAL, "mkt-driverd names no driver");
	mkt_app_trace(d->app, "probe: %s", d->driver);
	return 0;
}

static int print_found(struct mkt_app *app, const char *port, const struct mkt_line *l)
{
	static const char *const keys[F_COLS] = {
		[F_DRIVER] = "found",	[F_SPEED] = "speed",	 [F_PARITY] = "parity",
		[F_MAKER] = "maker",	[F_MODEL] = "model",	 [F_VERSION] = "version",
		[F_SERIAL] = "serial",
	};
	char values[F_COLS][MKT_LINE_MAX];
	struct mkt_val row[F_COLS];
	uint64_t unit;

	for (unsigned i = 0; i < F_COLS; i++)
		row[i] = keys[i] ? mkt_v_text(text(l, keys[i], values[i], sizeof(values[i])))
				 : mkt_v_none();
	row[F_PORT] = mkt_v_text(port);
	if (mkt_line_u64(l, "speed", UINT32_MAX, &unit) < 0 || !unit) /* no serial port */
		row[F_SPEED] = row[F_PARITY] = mkt_v_none();
	if (mkt_line_u64(l, "unit", UINT16_MAX, &unit) >= 0 && unit)
		row[F_UNIT] = mkt_v_uint(unit);
	return mkt_out_one(&app->out, &probe_doc, row, &app->err);
}

int mkt_device_probe(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct mkt_device_probe_values *v = values;
	struct mkt_device d = {.app = app, .opts = &v->reach};
	struct rows rows = {.d = &d};
	struct mkt_line l;
	int r = mkt_out_check(&app->out, &probe_doc, &app->err);

	(void)argc;
	if (r >= 0)
		r = run_probe(&rows, argv[0], v->all_speeds);
	if (r >= 0)
		r = mkt_line_split(&l, rows.first, strlen(rows.first), &app->err);
	if (r >= 0)
		r = print_found(app, argv[0], &l);
	mkt_device_close(&d);
	return r;
}
