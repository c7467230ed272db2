/*
 * From words to a call: options, subcommands, -h, --completion-helper.
 */
#include "core/base/compat.h"

#include <stdarg.h>
#include <unistd.h>

#include "core/app/app.h"
#include "core/app/suggest.h"

/* ---- help --------------------------------------------------------------------------------- */

void mkt_app_usage_lines(const struct mkt_spec *spec, const char *command, struct mkt_buf *out)
{
	const char *first = out->len && out->data[out->len - 1] == '\n' ? "      " : "usage:";

	if (spec->run) {
		mkt_buf_addf(out, "%s mkt %s [options]", first, command);
		if (spec->args)
			mkt_buf_addf(out, " %s", spec->args);
		mkt_opt_usage(spec->opts, out);
		mkt_buf_addch(out, '\n');
	}
	for (const struct mkt_spec *s = spec->subs; s && s->name; s++) {
		char name[80];

		snprintf(name, sizeof(name), "%s %s", command, s->name);
		mkt_app_usage_lines(s, name, out);
	}
}

static void list_subs(const struct mkt_spec *spec, struct mkt_buf *out)
{
	size_t widest = 0;

	for (const struct mkt_spec *s = spec->subs; s->name; s++)
		widest = strlen(s->name) > widest ? strlen(s->name) : widest;
	mkt_buf_addstr(out, "\n");
	for (const struct mkt_spec *s = spec->subs; s->name; s++)
		mkt_buf_addf(out, "  %-*s  %s\n", (int)widest, s->name, s->summary);
}

static int show_usage(struct mkt_app *app, const struct mkt_spec *spec)
{
	struct mkt_buf b = MKT_BUF_INIT;
	bool has_options = spec->opts && spec->opts->kind != MKT_OPT_END;

	mkt_app_usage_lines(spec, app->command, &b);
	mkt_buf_addf(&b, "\n%s\n", spec->summary);
	if (spec->about)
		mkt_buf_addf(&b, "\n%s\n", spec->about);
	if (spec->subs)
		list_subs(spec, &b);
	if (has_options) {
		mkt_buf_addstr(&b, "\n");
		mkt_opt_help(spec->opts, app->term.columns, &b);
	}
	/* Subcommands share the page of their command. */
	mkt_buf_addf(&b, "\noptions of every command: mkt -h.  manual: mkt help %.*s\n",
		     (int)strcspn(app->command, " "), app->command);
	app->out.form = MKT_FORM_HUMAN;
	mkt_out_say(&app->out, "%s", mkt_buf_str(&b));
	mkt_buf_release(&b);
	return 0;
}

/* A line for each option and subcommand; `mkt --completion-helper` has the common options. */
static int show_completion(struct mkt_app *app, const struct mkt_spec *spec)
{
	struct mkt_buf b = MKT_BUF_INIT;

	for (const struct mkt_spec *s = spec->subs; s && s->name; s++)
		mkt_buf_addf(&b, "%s\tcommand\t-\t%s\n", s->name, s->summary);
	if (spec->complete)
		mkt_buf_addf(&b, "arguments\t%s\t%s\t%s\n", spec->complete,
			     spec->args ? spec->args : "-", spec->summary);
	mkt_opt_completion(spec->opts, &b);
	mkt_out_raw(&app->out, mkt_buf_str(&b), b.len);
	mkt_buf_release(&b);
	return 0;
}

/* ---- errors of usage ---------------------------------------------------------------------- */

/* Point at the command's usage, after what the hint says already. */
static int point_at_usage(struct mkt_app *app)
{
	char hint[MKT_ERR_HINT_MAX];
	const char *space = app->command[0] ? " " : "";

	snprintf(hint, sizeof(hint), "%.100s", app->err.hint);
	if (hint[0])
		mkt_err_hint(&app->err, "%s%s see 'mkt%s%s -h'", hint,
			     hint[strlen(hint) - 1] == '?' ? "" : ";", space, app->command);
	else
		mkt_err_hint(&app->err, "see 'mkt%s%s -h'", space, app->command);
	return -MKT_EUSAGE;
}

int mkt_app_usage(struct mkt_app *app, const char *fmt, ...)
{
	char text[MKT_ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mkt_err_set(&app->err, MKT_EUSAGE, "%s", text);
	return point_at_usage(app);
}

/* --json may stand after the option that is wrong: the error must be JSON all the same. */
static void note_json(struct mkt_app *app, int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--json"))
			app->opt.json = true;
}

static int parse(struct mkt_app *app, struct mkt_opt_parse *p, int argc, char **argv)
{
	int n;

	p->prefixes = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
	if (app->opts_ended)
		return argc;
	note_json(app, argc, argv);
	n = mkt_opt_parse(p, argc, argv, &app->err);
	app->opts_ended = p->ended;
	/* Usage errors and help come before the configuration is read. */
	if (app->opt.color)
		mkt_term_init(&app->term, (enum mkt_color_when)app->opt.color, 0);
	return n == -MKT_EUSAGE ? point_at_usage(app) : n;
}

int mkt_app_parse_front(struct mkt_app *app, struct mkt_opt_set own, int argc, char **argv)
{
	struct mkt_opt_parse p = {
		.sets = {own, {mkt_global_options, &app->opt}},
		.stop_at_arg = true,
	};

	return parse(app, &p, argc, argv);
}

/* ---- running ------------------------------------------------------------------------------ */

static int count_arguments(struct mkt_app *app, const struct mkt_spec *spec, int n, char **argv)
{
	if (n < spec->args_min)
		return mkt_app_usage(app, "too few arguments: 'mkt %s' needs %s", app->command,
				     spec->args);
	if (spec->args_max >= 0 && n > spec->args_max)
		return mkt_app_usage(app, "unexpected argument '%s'", argv[spec->args_max]);
	return 0;
}

static int unknown_sub(struct mkt_app *app, const struct mkt_spec *spec, const char *word)
{
	struct mkt_suggest near = {.typed = word};

	for (const struct mkt_spec *s = spec->subs; s->name; s++)
		mkt_suggest_offer(&near, s->name);
	mkt_err_set(&app->err, MKT_EUSAGE, "'mkt %s' has no command '%s'", app->command, word);
	if (near.n)
		mkt_err_hint(&app->err, "did you mean 'mkt %s %s'?", app->command, near.near[0]);
	return point_at_usage(app);
}

static int run_sub(struct mkt_app *app, const struct mkt_spec *spec, int argc, char **argv)
{
	size_t used = strlen(app->command);

	for (const struct mkt_spec *s = spec->subs; s->name; s++) {
		if (strcmp(s->name, argv[0]) != 0)
			continue;
		snprintf(app->command + used, sizeof(app->command) - used, " %s", s->name);
		return mkt_app_run(app, s, argc - 1, argv + 1);
	}
	return unknown_sub(app, spec, argv[0]);
}

static int run_parsed(struct mkt_app *app, const struct mkt_spec *spec, void *values, int argc,
		      char **argv)
{
	int rc;

	if (app->opt.usage)
		return show_usage(app, spec);
	if (app->opt.completion)
		return show_completion(app, spec);
	if (app->opt.help)
		return app->show_manual(app);
	if (!spec->run)
		return mkt_app_usage(app, "'mkt %s' needs a command", app->command);
	if (mkt_opt_missing(spec->opts, values, &app->err) < 0)
		return point_at_usage(app);
	rc = count_arguments(app, spec, argc, argv);
	if (!rc)
		rc = mkt_app_load(app);
	return rc < 0 ? rc : spec->run(app, values, argc, argv);
}

/* A command with subcommands may have arguments of its own: whatever is none of their names. */
static bool is_argument(const struct mkt_spec *spec, const char *word)
{
	for (const struct mkt_spec *s = spec->subs; s->name; s++)
		if (!strcmp(s->name, word))
			return false;
	return spec->run && spec->args_max;
}

int mkt_app_run(struct mkt_app *app, const struct mkt_spec *spec, int argc, char **argv)
{
	void *values = calloc(1, spec->values_size ? spec->values_size : 1);
	struct mkt_opt_parse p = {
		.sets = {{spec->opts, values}, {mkt_global_options, &app->opt}},
		.stop_at_arg = spec->subs != NULL,
	};
	int n, rc;

	if (!values)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	rc = mkt_opt_defaults(spec->opts, values, &app->err);
	n = rc < 0 ? rc : parse(app, &p, argc, argv);
	if (n > 0 && spec->subs && is_argument(spec, argv[0])) {
		p.stop_at_arg = false; /* more options may stand behind it */
		n = parse(app, &p, n, argv);
	}
	if (n < 0)
		rc = n;
	else if (spec->subs && n && !is_argument(spec, argv[0]))
		rc = run_sub(app, spec, n, argv);
	else
		rc = run_parsed(app, spec, values, n, argv);
	mkt_opt_release(spec->opts, values);
	free(values);
	return rc;
}
