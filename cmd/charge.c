/*
 * mkt charge: contracts as current in the cables of a site.
 */
#include "core/base/compat.h"

#include <string.h>

#include "cmd/charge.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "core/units/parse.h"

const struct mkt_opt charge_devices_options[] = {
	MKT_O_FILE(struct charge_where, devices, "devices", 0, "FILE",
		   "lines, devices and circuits (default: see devices.conf(5))"),
	MKT_O_END};

static const struct mkt_opt where_opts[] = {
	MKT_O_FILE(struct charge_where, devices, "devices", 0, "FILE",
		   "lines, devices and circuits (default: see devices.conf(5))"),
	MKT_O_END};

#define V struct charge_run_values

static const struct mkt_opt run_opts[] = {
	MKT_O_GROUP(V, where, struct charge_where, charge_devices_options),
	MKT_O_FILE(V, clock, "clock", 0, "FILE", "live by the calendar of a simulation"),
	MKT_O_FLAG(V, once, "once", 0, "one turn, then end: for timers and looks"), MKT_O_END};

struct start_values {
	bool now;
};

static const struct mkt_opt start_opts[] = {
	MKT_O_FLAG(struct start_values, now, "now", 0,
		   "move what is contracted at once, not spread over the window"),
	MKT_O_END};

/* ---- asking the running process ----------------------------------------------------------- */

enum { R_DEVICE, R_ASKED, R_CODE, R_REASON, R_COLS };

static const struct mkt_col done_cols[] = {[R_DEVICE] = {"device", MKT_COL_TEXT, .head = "device"},
					   [R_ASKED] = {"asked", MKT_COL_TEXT, .head = "asked"},
					   [R_CODE] = {"code", MKT_COL_TEXT, .head = "code"},
					   [R_REASON] = {"reason", MKT_COL_TEXT, .head = "reason"},
					   {.name = NULL}};
static const struct mkt_table done_table = {"device", done_cols, true};
static const struct mkt_doc done_doc = {"charge", 1, {&done_table}, false};

static int show_answer(struct mkt_app *app, const struct mkt_jval *root, const char *dev,
		       const char *asked)
{
	struct mkt_jval list, at;
	struct mkt_jiter it = {0};
	int rc;

	if (mkt_jval_has(root, "error")) {
		rc = mkt_code_find(mkt_word(root, "error"));
		return mkt_err_set(&app->err, rc > 0 ? rc : MKT_EINTERNAL, "%s: %s", dev,
				   mkt_word(root, "message"));
	}
	rc = mkt_jget_arr(root, "devices", &list, &app->err);
	while (!rc && mkt_jval_next(&list, &it, &at)) {
		struct mkt_val v[R_COLS] = {
			[R_DEVICE] = mkt_v_text(dev),
			[R_ASKED] = mkt_v_text(asked),
			[R_CODE] = mkt_v_text(mkt_word(&at, "code")),
			[R_REASON] = mkt_v_text(mkt_word(&at, "reason")),
		};

		if (!strcmp(mkt_word(&at, "device"), dev))
			return mkt_out_receipt(&app->out, &done_doc, v, &app->err, "%s: %s", dev,
					       mkt_word(&at, "reason"));
	}
	return rc;
}

static int ask(struct mkt_app *app, const char *asked, const char *dev, const char *line)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root;
	int rc = charge_ctl_ask(app, line, &answer);

	if (rc == -MKT_ENOTFOUND) {
		app->err.code = MKT_EUNAVAILABLE;
		mkt_err_hint(&app->err, "start it, or use 'mkt device set %s'", dev);
		rc = -MKT_EUNAVAILABLE;
	}
	if (!rc)
		rc = mkt_jdoc_parse(answer.data, answer.len, NULL, &doc, &app->err);
	if (!rc) {
		root = mkt_jdoc_root(doc);
		rc = show_answer(app, &root, dev, asked);
	}
	mkt_jdoc_free(doc);
	mkt_buf_release(&answer);
	return rc;
}

/* Names of devices are letters of configuration; anything else is no device. */
static int check_name(struct mkt_app *app, const char *dev)
{
	if (strlen(dev) <= MKT_DEV_NAME_MAX && !dev[strcspn(dev, " \t\r\n")])
		return 0;
	return mkt_err_set(&app->err, MKT_ENOTFOUND, "there is no device '%s'", dev);
}

static int start_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct start_values *v = values;
	const char *verb = v->now ? "now" : "start";
	char line[80];
	int rc = check_name(app, argv[0]);

	(void)argc;
	if (!rc)
		rc = mkt_app_confirm(app, "Let %s %s what is contracted?", argv[0],
				     v->now ? "move at once" : "move");
	if (rc || app->opt.dry_run)
		return rc;
	snprintf(line, sizeof(line), "%s %s\n", verb, argv[0]);
	return ask(app, verb, argv[0], line);
}

/* Less power needs no question, and no process of ours: the device itself is asked then. */
static int stop_directly(struct mkt_app *app, const char *file, const char *dev)
{
	struct mkt_devices *conf = NULL;
	const struct mkt_device_conf *d;
	struct mkt_devc *client = NULL;
	struct mkt_order order = {.lease_s = 1};
	struct mkt_setpoint applied;
	char path[512];
	int rc = mkt_devices_read(file, &conf, &app->err);

	d = rc ? NULL : mkt_devices_device(conf, dev);
	if (!rc && !d)
		rc = mkt_err_set(&app->err, MKT_ENOTFOUND, "there is no device '%s'", dev);
	if (!rc)
		rc = mkt_devices_socket(conf, d->line, path, sizeof(path));
	if (!rc)
		rc = mkt_devc_open(path, app->deadline_ms, &client, &app->err);
	if (!rc) {
		const struct mkt_dev_view *view = mkt_devc_find(client, dev);

		order.set.kind =
			view && !(view->caps & MKT_CAP_CURRENT) ? MKT_SET_POWER : MKT_SET_CURRENT;
		rc = mkt_devc_order(client, dev, &order, app->deadline_ms, &applied, &app->err);
	}
	mkt_devc_close(client);
	free(conf);
	if (rc)
		return rc;
	mkt_out_say(&app->out, "%s: paused; 'mkt charge run' does not run\n", dev);
	return 0;
}

static int stop_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct charge_where *v = values;
	char line[80];
	int rc = check_name(app, argv[0]);

	(void)argc;
	if (rc || app->opt.dry_run)
		return rc;
	snprintf(line, sizeof(line), "stop %s\n", argv[0]);
	rc = ask(app, "stop", argv[0], line);
	if (rc != -MKT_EUNAVAILABLE)
		return rc;
	memset(&app->err, 0, sizeof(app->err));
	return stop_directly(app, v->devices, argv[0]);
}

/* "16A", "3kW" or "none". */
static int read_limit(struct mkt_app *app, const char *text, char out[24])
{
	uint32_t ma = 0;
	int32_t w = 0;

	snprintf(out, 24, "0 W");
	if (!strcmp(text, "none"))
		return 0;
	if (!mkt_parse_current(text, &ma, NULL))
		snprintf(out, 24, "%u mA", ma);
	else if (!mkt_parse_power(text, &w, NULL) && w > 0)
		snprintf(out, 24, "%d W", w);
	if (ma || w > 0)
		return 0;
	return mkt_err_set(&app->err, MKT_EUSAGE,
			   "'%s' is no limit: a current (16A), a power (3kW), or none; "
			   "'mkt charge stop' pauses",
			   text);
}

static int limit_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	char line[100], limit[24];
	int rc = check_name(app, argv[0]);

	(void)values, (void)argc;
	if (!rc)
		rc = read_limit(app, argv[1], limit);
	if (!rc)
		rc = mkt_app_confirm(app, "Limit %s to %s?", argv[0], argv[1]);
	if (rc || app->opt.dry_run)
		return rc;
	snprintf(line, sizeof(line), "limit %s %s\n", argv[0], limit);
	return ask(app, "limit", argv[0], line);
}

/* ---- the command -------------------------------------------------------------------------- */

static const struct mkt_spec charge_subs[] = {
	{.name = "list",
	 .summary = "devices of the site and how they are",
	 .opts = where_opts,
	 .values_size = sizeof(struct charge_where),
	 .run = charge_list},
	{.name = "status",
	 .summary = "what each device does, and why",
	 .args = "[DEVICE]",
	 .complete = "device",
	 .opts = where_opts,
	 .values_size = sizeof(struct charge_where),
	 .run = charge_status,
	 .args_max = 1},
	{.name = "start",
	 .summary = "let a device take part again",
	 .args = "DEVICE",
	 .complete = "device",
	 .opts = start_opts,
	 .values_size = sizeof(struct start_values),
	 .run = start_run,
	 .args_min = 1,
	 .args_max = 1,
	 .flags = MKT_CMD_MOVES_POWER},
	{.name = "stop",
	 .summary = "pause a device until it is started",
	 .args = "DEVICE",
	 .complete = "device",
	 .opts = where_opts,
	 .values_size = sizeof(struct charge_where),
	 .run = stop_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = "limit",
	 .summary = "set the most that a device may draw or supply",
	 .args = "DEVICE CURRENT|POWER|none",
	 .complete = "device",
	 .run = limit_run,
	 .args_min = 2,
	 .args_max = 2,
	 .flags = MKT_CMD_MOVES_POWER},
	{.name = "log",
	 .summary = "decisions and notes of the journal",
	 .args = "[DEVICE]",
	 .complete = "device",
	 .run = charge_log,
	 .args_max = 1},
	{.name = "run",
	 .summary = "make contracts happen: drive, meter, report",
	 .opts = run_opts,
	 .values_size = sizeof(struct charge_run_values),
	 .run = charge_run,
	 .flags = MKT_CMD_MOVES_POWER},
	{.name = NULL},
};

const struct mkt_spec cmd_charge = {
	.name = "charge",
	.summary = "move what is contracted through chargers and batteries",
	.subs = charge_subs,
};
