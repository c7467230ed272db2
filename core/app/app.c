#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "core/app/app.h"

/* ---- time --------------------------------------------------------------------------------- */

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t mkt_app_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

uint64_t mkt_app_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

uint64_t mkt_app_left_ms(const struct mkt_app *app)
{
	uint64_t now_ms = mkt_app_mono_ms();

	return now_ms < app->deadline_ms ? app->deadline_ms - now_ms : 0;
}

/* ---- Ctrl-C ------------------------------------------------------------------------------- */

/* The one variable of the program: a handler can reach nothing else. */
static volatile sig_atomic_t signal_seen;

static void note_signal(int sig)
{
	signal_seen = sig;
}

void mkt_app_catch_signals(void)
{
	/* One shot: the second Ctrl-C ends the program as ever. */
	struct sigaction sa = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int mkt_app_stopped(void)
{
	return signal_seen;
}

const volatile sig_atomic_t *mkt_app_stop_flag(void)
{
	return &signal_seen;
}

/* ---- beginning and end -------------------------------------------------------------------- */

/*
 * A closed standard stream would be taken by the next file that is opened, and
 * the result written into it.  A stream that refuses makes an error of it.
 */
static void hold_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int got;

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		got = open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
		if (got >= 0 && got != fd) {
			dup2(got, fd);
			close(got);
		}
	}
}

void mkt_app_init(struct mkt_app *app)
{
	hold_standard_streams();
	*app = (struct mkt_app){.conf = MKT_CONF_INIT};
	app->begun_ms = mkt_app_mono_ms();
	app->deadline_ms = UINT64_MAX;
	mkt_term_init(&app->term, 0, 0);
	mkt_out_init(&app->out, &app->term);
}

void mkt_app_unload(struct mkt_app *app)
{
	mkt_conf_release(&app->conf);
	if (app->trace)
		fclose(app->trace);
	app->trace = NULL;
	app->loaded = false;
}

void mkt_app_release(struct mkt_app *app)
{
	mkt_app_unload(app);
	mkt_out_release(&app->out);
	mkt_opt_release(mkt_global_options, &app->opt);
}

/* Options that stand for settings: put among them, so that one look-up finds all. */
static int options_to_settings(struct mkt_app *app)
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{"core.server", app->opt.server},     {"core.account", app->opt.account},
		{"core.identity", app->opt.identity}, {"core.timezone", app->opt.tz},
		{"core.timeout", app->opt.timeout},
	};

	for (size_t i = 0; i < app->opt.set.n; i++) {
		int rc = mkt_conf_assign(&app->conf, app->opt.set.v[i], &app->err);

		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		if (rows[i].value &&
		    mkt_conf_option(&app->conf, rows[i].name, rows[i].value, &app->err) < 0)
			return -MKT_ENOMEM;
	}
	return 0;
}

static int set_deadline(struct mkt_app *app)
{
	static const struct mkt_opt row = {
		.kind = MKT_OPT_DURATION, .min = 1, .max = 7 * 86400000ll, .metavar = "DURATION"};
	struct mkt_num ms;
	int rc = mkt_opt_value(&row, &ms, "the timeout", mkt_app_setting(app, "core.timeout"),
			       &app->err);

	if (!rc)
		app->deadline_ms = app->begun_ms + (uint64_t)ms.v;
	return rc;
}

static int set_color(struct mkt_app *app)
{
	static const struct mkt_opt row = {.kind = MKT_OPT_WORD, .metavar = "auto|always|never"};
	const char *setting = mkt_app_setting(app, "ui.color");
	int when = 0, rc = mkt_opt_value(&row, &when, "setting 'ui.color'", setting, &app->err);

	if (!rc)
		mkt_term_init(&app->term, (enum mkt_color_when)app->opt.color,
			      (enum mkt_color_when)when);
	return rc;
}

static int set_form(struct mkt_app *app)
{
	struct mkt_out *o = &app->out;

	if (app->opt.json + app->opt.csv + (app->opt.porcelain != 0) > 1)
		return mkt_app_usage(app, "--json, --csv and --porcelain exclude each other");
	if (app->opt.nul && !app->opt.porcelain)
		return mkt_app_usage(app, "-z needs --porcelain");
	o->form = app->opt.json ? MKT_FORM_JSON :
		  app->opt.csv ? MKT_FORM_CSV :
		  app->opt.porcelain ? MKT_FORM_PORCELAIN : MKT_FORM_HUMAN;
	o->nul = app->opt.nul;
	o->quiet = app->opt.quiet;
	o->verbose = app->opt.verbose > 0;
	o->paging = !app->opt.no_pager;
	o->fields = app->opt.fields;
	o->pager = mkt_app_setting(app, "ui.pager");
	return 0;
}

static int open_trace(struct mkt_app *app)
{
	int fd;

	if (!app->opt.trace)
		return 0;
	/* Traces hold account names and amounts: not for other users' eyes. */
	fd = open(app->opt.trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	app->trace = fd < 0 ? NULL : fdopen(fd, "a");
	if (!app->trace)
		return mkt_err_sys(&app->err, MKT_EUSAGE, errno, "cannot open trace '%s'",
				   app->opt.trace);
	return 0;
}

static void tell_warnings(struct mkt_app *app)
{
	const char *line = app->warned ? "" : mkt_buf_str(&app->conf.warnings);

	app->warned = true;
	while (*line) {
		size_t n = strcspn(line, "\n");

		mkt_app_warn(app, "%.*s", (int)n, line);
		line += n;
		line += *line == '\n';
	}
}

int mkt_app_load(struct mkt_app *app)
{
	const char *env = getenv("MKT_CONFIG");
	int rc;

	if (app->loaded)
		return 0;
	app->config_file = app->opt.config ? app->opt.config : env && *env ? env : NULL;
	rc = mkt_conf_load(&app->conf, app->config_file, &app->err);
	if (!rc)
		rc = options_to_settings(app);
	if (!rc)
		rc = set_deadline(app);
	if (!rc)
		rc = set_color(app);
	if (!rc)
		rc = set_form(app);
	if (!rc)
		rc = open_trace(app);
	if (rc < 0)
		return rc;
	app->loaded = true;
	tell_warnings(app);
	return 0;
}

int mkt_app_config_path(struct mkt_app *app, struct mkt_buf *path)
{
	int rc;

	if (app->config_file) {
		mkt_buf_addstr(path, app->config_file);
		return path->bad ? mkt_err_code(&app->err, MKT_ENOMEM) : 0;
	}
	rc = mkt_conf_dir(&app->conf, MKT_DIR_CONFIG, path, &app->err);
	mkt_buf_addstr(path, "/config");
	return rc;
}

/* ---- telling ------------------------------------------------------------------------------ */

static void say_to_stderr(struct mkt_app *app, enum mkt_color color, const char *lead,
			  const char *text)
{
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_term_clean(&app->term, text, &b);
	fprintf(stderr, "%s%s%s%s\n", mkt_term_paint(app->term.err_color, color), lead,
		color ? mkt_term_plain(app->term.err_color) : "", mkt_buf_str(&b));
	mkt_buf_release(&b);
}

void mkt_app_warn(struct mkt_app *app, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (app->opt.quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_to_stderr(app, MKT_COLOR_YELLOW, "mkt: warning: ", text);
}

void mkt_app_hint(struct mkt_app *app, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (app->opt.quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_to_stderr(app, MKT_COLOR_NONE, "hint: ", text);
}

void mkt_app_trace(struct mkt_app *app, const char *fmt, ...)
{
	va_list ap;

	if (!app->trace)
		return;
	fprintf(app->trace, "%6llu ms  ", (unsigned long long)(mkt_app_mono_ms() - app->begun_ms));
	va_start(ap, fmt);
	vfprintf(app->trace, fmt, ap);
	va_end(ap);
	fputc('\n', app->trace);
	fflush(app->trace);
}

void mkt_app_progress(struct mkt_app *app, struct mkt_progress *p, const char *verb)
{
	const char *how = mkt_app_setting(app, "ui.progress");

	*p = (struct mkt_progress){.columns = app->term.columns};
	p->plain = (how && !strcmp(how, "plain")) || !app->term.err_tty;
	p->on = app->opt.progress == MKT_YES ||
		(app->opt.progress == MKT_UNSET && app->term.err_tty && !app->opt.quiet);
	mkt_progress_begin(p, verb, mkt_app_mono_ms(), app->deadline_ms == UINT64_MAX ? 0 :
			   app->deadline_ms);
}

/* ---- the error that ends it --------------------------------------------------------------- */

static const char *applied_word(const struct mkt_app *app)
{
	if (app->err.code == MKT_EUNKNOWN || app->applied == MKT_APPLIED_UNKNOWN)
		return "unknown";
	return app->applied == MKT_APPLIED_YES ? "yes" : "no";
}

/* The sentence, and what --fields takes where it took something else. */
static void add_message(const struct mkt_app *app, struct mkt_buf *b)
{
	mkt_buf_addstr(b, app->err.text);
	if (app->out.fields_there.len)
		mkt_buf_addf(b, "; there are %s", mkt_buf_str(&app->out.fields_there));
}

static void error_json(struct mkt_app *app)
{
	struct mkt_buf b = MKT_BUF_INIT, message = MKT_BUF_INIT;
	struct mkt_jw w;

	add_message(app, &message);
	mkt_jw_init(&w, &b);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "schema", "mkt.error/1");
	mkt_jw_key(&w, "error");
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "code", mkt_code_word(app->err.code));
	mkt_jw_ki64(&w, "exit", app->exit_status);
	mkt_jw_kstr(&w, "message", mkt_buf_str(&message));
	mkt_jw_kstr(&w, "hint", app->err.hint);
	mkt_jw_key(&w, "request_id");
	if (app->request_id[0])
		mkt_jw_str(&w, app->request_id);
	else
		mkt_jw_null(&w);
	mkt_jw_kstr(&w, "applied", applied_word(app));
	mkt_jw_obj_end(&w);
	mkt_jw_obj_end(&w);
	fprintf(stderr, "%s\n", mkt_buf_str(&b));
	mkt_buf_release(&message);
	mkt_buf_release(&b);
}

static void tell_error(struct mkt_app *app)
{
	struct mkt_buf message = MKT_BUF_INIT;

	if (app->opt.json) {
		error_json(app);
		return;
	}
	add_message(app, &message);
	say_to_stderr(app, MKT_COLOR_RED, "mkt: ", mkt_buf_str(&message));
	mkt_buf_release(&message);
	if (app->err.hint[0])
		say_to_stderr(app, MKT_COLOR_NONE, "hint: ", app->err.hint);
	if (app->request_id[0])
		say_to_stderr(app, MKT_COLOR_NONE, "request: ", app->request_id);
	if (app->err.code == MKT_EINTERNAL && app->opt.trace)
		say_to_stderr(app, MKT_COLOR_NONE, "trace: ", app->opt.trace);
}

int mkt_app_finish(struct mkt_app *app, int rc)
{
	struct mkt_err out_err = {0};

	if (rc < 0 && !app->err.code)
		mkt_err_code(&app->err, -rc);
	if (mkt_out_finish(&app->out, rc < 0, &out_err) < 0 && rc >= 0) {
		app->err = out_err;
		if (!app->request_id[0])
			mkt_err_hint(&app->err, "free space or mend the reader, then ask again");
		rc = -MKT_EOUTPUT;
	}
	if (rc >= 0 && app->out.form == MKT_FORM_CSV && app->out.next[0])
		mkt_app_warn(app, "there is more: --cursor %s", app->out.next);
	if (rc >= 0)
		return rc;
	if (!app->exit_status)
		app->exit_status = mkt_code_exit(-rc);
	tell_error(app);
	return app->exit_status;
}
