/*
 * mkt config: settings, and where each comes from.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"

enum { C_NAME, C_VALUE, C_ORIGIN, C_WHERE, C_COUNT };

static const struct mkt_col setting_cols[] = {
	[C_NAME] = {"name", MKT_COL_TEXT, .head = "name"},
	[C_VALUE] = {"value", MKT_COL_TEXT, .head = "value", .cut = true},
	[C_ORIGIN] = {.name = "origin", .kind = MKT_COL_TEXT},
	[C_WHERE] = {"where", MKT_COL_TEXT, .head = "where", .wide = true, .cut = true},
	{.name = NULL},
};
static const struct mkt_table settings_table = {"setting", setting_cols, false};
static const struct mkt_table setting_table = {"setting", setting_cols, true};
static const struct mkt_doc settings_doc = {"settings", 1, {&settings_table}, false};
static const struct mkt_doc setting_doc = {"setting", 1, {&setting_table}, false};

static void fill_row(const struct mkt_conf_entry *e, struct mkt_val *row)
{
	static const char *const words[] = {
		[MKT_ORIGIN_BUILTIN] = "built-in", [MKT_ORIGIN_SITE] = "site",
		[MKT_ORIGIN_USER] = "user",        [MKT_ORIGIN_ENV] = "environment",
		[MKT_ORIGIN_OPTION] = "option",
	};

	row[C_NAME] = mkt_v_text(e->name);
	row[C_VALUE] = mkt_v_text(e->value);
	row[C_ORIGIN] = mkt_v_text(words[e->origin]);
	row[C_WHERE] = mkt_v_text(e->where);
}

/* ---- list --------------------------------------------------------------------------------- */

struct list_values {
	bool list;
	bool show_origin;
};

static const struct mkt_opt list_opts[] = {
	MKT_O_FLAG(struct list_values, show_origin, "show-origin", 0,
		   "tell where each value comes from"),
	MKT_O_END
};

static int list_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct list_values *v = values;
	struct mkt_val row[C_COUNT];
	int rc;

	(void)argc, (void)argv;
	if (v->show_origin)
		app->out.verbose = true;
	rc = mkt_out_open(&app->out, &settings_doc, &app->err);
	if (rc < 0)
		return rc;
	mkt_out_part(&app->out, &settings_table);
	for (size_t i = 0; i < app->conf.n; i++) {
		fill_row(&app->conf.entries[i], row);
		mkt_out_row(&app->out, row);
	}
	mkt_out_close(&app->out);
	return 0;
}

/* `mkt config --list`, as hands that know git type it. */
static const struct mkt_opt config_opts[] = {
	MKT_O_FLAG(struct list_values, list, "list", 'l', "same as 'mkt config list'"),
	MKT_O_FLAG(struct list_values, show_origin, "show-origin", 0,
		   "tell where each value comes from"),
	MKT_O_END
};

static int config_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct list_values *v = values;

	if (!v->list)
		return mkt_app_usage(app, "'mkt config' needs a command");
	return list_run(app, values, argc, argv);
}

/* ---- get, set, unset, path ---------------------------------------------------------------- */

static int get_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct mkt_conf_entry *e = mkt_conf_find(&app->conf, argv[0]);
	struct mkt_val row[C_COUNT];

	(void)values, (void)argc;
	if (!e && !mkt_setting_known(argv[0])) {
		mkt_err_set(&app->err, MKT_EUSAGE, "unknown setting '%s'", argv[0]);
		mkt_err_hint(&app->err, "see 'mkt config list' and mkt.conf(5)");
		return -MKT_EUSAGE;
	}
	if (!e)
		return mkt_err_set(&app->err, MKT_ENOTFOUND, "'%s' is not set", argv[0]);
	if (app->out.form == MKT_FORM_HUMAN) {
		mkt_out_say(&app->out, "%s\n", e->value);
		return 0;
	}
	fill_row(e, row);
	return mkt_out_one(&app->out, &setting_doc, row, &app->err);
}

/* @value NULL removes. */
static int write_setting(struct mkt_app *app, const char *name, const char *value)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc = mkt_app_config_path(app, &path);

	if (!rc && !app->opt.dry_run)
		rc = mkt_conf_write(mkt_buf_str(&path), name, value, &app->err);
	mkt_buf_release(&path);
	return rc;
}

static int set_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	int rc;

	(void)values, (void)argc;
	if (!mkt_setting_known(argv[0])) {
		mkt_err_set(&app->err, MKT_EUSAGE, "unknown setting '%s'", argv[0]);
		mkt_err_hint(&app->err, "see 'mkt config list' and mkt.conf(5)");
		return -MKT_EUSAGE;
	}
	rc = mkt_setting_check(argv[0], argv[1], &app->err);
	return rc < 0 ? rc : write_setting(app, argv[0], argv[1]);
}

static int unset_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	(void)values, (void)argc;
	return write_setting(app, argv[0], NULL);
}

static int path_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc = mkt_app_config_path(app, &path);

	(void)values, (void)argc, (void)argv;
	mkt_buf_addch(&path, '\n');
	if (!rc)
		mkt_out_raw(&app->out, mkt_buf_str(&path), path.len);
	mkt_buf_release(&path);
	return rc;
}

static const struct mkt_spec config_subs[] = {
	{.name = "list", .summary = "show every setting that has a value", .opts = list_opts,
	 .values_size = sizeof(struct list_values), .run = list_run},
	{.name = "get", .summary = "show one setting", .args = "NAME", .complete = "setting",
	 .run = get_run, .args_min = 1, .args_max = 1},
	{.name = "set", .summary = "write a setting into your configuration file",
	 .args = "NAME VALUE", .complete = "setting", .run = set_run, .args_min = 2, .args_max = 2},
	{.name = "unset", .summary = "take a setting out of your configuration file",
	 .args = "NAME", .complete = "setting", .run = unset_run, .args_min = 1, .args_max = 1},
	{.name = "path", .summary = "show which file is yours", .run = path_run},
	{.name = NULL},
};

const struct mkt_spec cmd_config = {
	.name = "config",
	.summary = "show and change settings",
	.opts = config_opts,
	.values_size = sizeof(struct list_values),
	.subs = config_subs,
	.run = config_run,
};
