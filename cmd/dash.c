/*
 * mkt dash: the dashboard on a terminal, or without one: a picture, lines, a script.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/identity.h"
#include "cmd/session.h"
#include "tui/loop.h"
#include "tui/peek.h"
#include "tui/script.h"

#define ONCE_MS_MIN 3000 /* a node that is not there is looked for so long */

struct dash_values {
	enum mkt_tri control, mouse;
	int theme;
	bool ascii, once, text;
	const char *size, *pane, *script;
};

#define V struct dash_values

static const struct mkt_opt dash_opts[] = {
	MKT_O_TRI(V, control, "control", 0, "let keys and commands change something"),
	MKT_O_WORD(V, theme, "theme", 0, "default|light|mono|contrast|deuteranopia", NULL,
		   "colours (default: ui.theme; mono where colour is off)"),
	MKT_O_FLAG(V, ascii, "ascii", 0, "draw with ASCII alone"),
	MKT_O_TRI(V, mouse, "mouse", 0, "the mouse; --no-mouse leaves it to the terminal"),
	MKT_O_TEXT(V, pane, "pane", 0, "PANE", NULL, "begin with this pane"),
	MKT_O_FLAG(V, once, "once", 0, "print one picture as text and end"),
	MKT_O_TEXT(V, size, "size", 0, "COLSxROWS", NULL,
		   "size of the picture without a screen (default: 80x24)"),
	MKT_O_FLAG(V, text, "text", 0, "print changes as lines, without moving the cursor"),
	MKT_O_FILE(V, script, "script", 0, "FILE", "do what FILE says, off-screen: for tests"),
	MKT_O_END};

struct dashing {
	struct mkt_app *app;
	const struct dash_values *v;
	struct tui_dash_conf conf;
	struct tui_dash *d;
	struct tui_feed *feed;
	struct tui_loop loop;
	char program[4096];
};

/* ---- what commands may do ----------------------------------------------------------------- */

static const char *command_name(unsigned i)
{
	return mkt_commands[i].name;
}

/* Flags of the subcommand that @argv names, if it names one. */
static unsigned flags_of(const struct mkt_command *c, const char *const *argv)
{
	for (const struct mkt_spec *s = c->spec->subs; s && s->name; s++)
		for (unsigned i = 1; argv[i]; i++)
			if (!strcmp(argv[i], s->name))
				return c->flags | s->flags;
	return c->flags;
}

static bool has_option(const char *const *argv, const char *name)
{
	for (unsigned i = 1; argv[i]; i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

static const char *refusal(const char *const *argv, bool control)
{
	const struct mkt_command *c = mkt_command_find(argv[0]);
	unsigned changes = MKT_CMD_SIGNS | MKT_CMD_MOVES_POWER, flags = c ? flags_of(c, argv) : 0;
	bool looks = c && ((flags & MKT_CMD_READS) || !strcmp(argv[0], "help") ||
			   !strcmp(argv[0], "verify"));

	if (flags & MKT_CMD_NEEDS_TTY)
		return "it needs a terminal of its own";
	if (control || (looks && !(flags & changes)) || has_option(argv, "-h") ||
	    has_option(argv, "-n") || has_option(argv, "--dry-run"))
		return NULL;
	if (!c)
		return "it is no command of ours; start with 'mkt dash --control' for others";
	return "it may change something; start with 'mkt dash --control' for that";
}

/* ---- settings ----------------------------------------------------------------------------- */

static bool setting_is(struct mkt_app *app, const char *name, const char *value)
{
	const char *have = mkt_app_setting(app, name);

	return have && !strcmp(have, value);
}

/* Whose money and bids: the account named, else the key's own; without either, nobody's. */
static void find_who(struct dashing *s)
{
	const char *named = mkt_app_setting(s->app, "core.account");
	struct mkt_err kept = s->app->err;
	char text[MKT_PUBKEY_TEXT];
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_pubkey pub;

	if (named && *named) {
		mkt_account_path(&b, named);
		if (b.len < sizeof(s->conf.who))
			snprintf(s->conf.who, sizeof(s->conf.who), "%s", mkt_buf_str(&b));
		mkt_buf_release(&b);
		return;
	}
	if (!mkt_identity_public(s->app, &pub)) {
		mkt_pubkey_text(&pub, text);
		snprintf(s->conf.who, sizeof(s->conf.who), "%s", text);
	}
	s->app->err = kept;
}

static int find_theme(struct dashing *s)
{
	const char *set = mkt_app_setting(s->app, "ui.theme");
	int scheme = TUI_SCHEME_DEFAULT;

	if (s->v->theme)
		scheme = s->v->theme - 1;
	else if (set)
		scheme = tui_scheme_find(set);
	if (scheme < 0)
		return mkt_err_set(&s->app->err, MKT_EUSAGE, "setting 'ui.theme': '%s' is no theme",
				   set);
	s->conf.scheme =
		s->app->term.color || s->v->theme ? (enum tui_scheme)scheme : TUI_SCHEME_MONO;
	return 0;
}

/* Keys of the user's own: keys.PANE.ACTION = KEYS. */
static int bind_keys(struct dashing *s)
{
	const struct mkt_conf *c = &s->app->conf;

	for (size_t i = 0; i < c->n; i++) {
		const char *name = c->entries[i].name, *dot;
		char pane[16];

		if (strncmp(name, "keys.", 5) != 0)
			continue;
		dot = strchr(name + 5, '.');
		snprintf(pane, sizeof(pane), "%.*s", dot ? (int)(dot - name - 5) : 0, name + 5);
		if (!dot ||
		    tui_keymap_bind(&s->d->keys, pane, dot + 1, c->entries[i].value, &s->app->err))
			return mkt_err_wrap(&s->app->err, "setting '%s' (%s)", name,
					    c->entries[i].where);
	}
	return 0;
}

static int find_pane(struct dashing *s, const char *name, enum tui_pane *pane)
{
	int found = name ? tui_pane_find(name) : TUI_PANE_OVERVIEW;

	if (found < 0)
		return mkt_app_usage(s->app, "there is no pane '%s'", name);
	*pane = (enum tui_pane)found;
	return 0;
}

/* Commands that are run beside us find what this one was told. */
static void export_settings(struct dashing *s)
{
	ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
	const char *identity = mkt_app_setting(s->app, "core.identity");
	const char *account = mkt_app_setting(s->app, "core.account");

	s->program[n > 0 ? n : 0] = '\0';
	if (s->app->config_file)
		setenv("MKT_CONFIG", s->app->config_file, 1);
	if (identity)
		setenv("MKT_IDENTITY", identity, 1);
	if (account && *account)
		setenv("MKT_ACCOUNT", account, 1);
	if (s->app->opt.tz)
		setenv("MKT_TZ", s->app->opt.tz, 1);
}

/* The command that a dialog shows does the same in the shell that started this dashboard. */
static void remember_options(struct dashing *s)
{
	const struct mkt_globals *o = &s->app->opt;
	const char *const given[][2] = {{"--config", o->config},
					{"--server", o->server},
					{"--account", o->account},
					{"--identity", o->identity},
					{"--tz", o->tz}};
	unsigned n = 0;

	_Static_assert(2 * MKT_ARRAY_SIZE(given) < MKT_ARRAY_SIZE(s->conf.said), "a NULL ends");
	for (size_t i = 0; i < MKT_ARRAY_SIZE(given); i++)
		if (given[i][1]) {
			s->conf.said[n++] = given[i][0];
			s->conf.said[n++] = given[i][1];
		}
}

static int configure(struct dashing *s)
{
	const struct dash_values *v = s->v;
	struct mkt_app *app = s->app;

	export_settings(s);
	s->conf = (struct tui_dash_conf){
		.server = mkt_app_setting(app, "core.server"),
		.program = s->program,
		.tz = mkt_app_setting(app, "core.timezone"),
		.refusal = refusal,
		.command = command_name,
		.control = v->control == MKT_YES ||
			   (v->control == MKT_UNSET && setting_is(app, "ui.control", "yes")),
		.ascii = v->ascii || !app->term.utf8,
		.mouse = v->mouse != MKT_NO,
	};
	remember_options(s);
	find_who(s);
	return find_theme(s);
}

/* ---- the parts ---------------------------------------------------------------------------- */

static int build(struct dashing *s, const char *pane_name)
{
	struct mkt_app *app = s->app;
	struct mkt_client_conf client;
	struct tui_source source;
	enum tui_pane pane = TUI_PANE_OVERVIEW;
	int rc;

	/* From here on nobody may be asked anything on the terminal. */
	app->opt.no_input = true;
	mkt_session_client_conf(app, &client);
	client.stop = NULL;
	rc = find_pane(s, pane_name, &pane);
	if (!rc)
		rc = configure(s);
	if (!rc)
		rc = tui_feed_new(&client, &s->feed, &app->err);
	if (rc)
		return rc;
	source = tui_feed_source(s->feed);
	s->d = calloc(1, sizeof(*s->d));
	if (!s->d)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	rc = tui_dash_init(s->d, &s->conf, &source, &app->err);
	if (rc) {
		free(s->d);
		s->d = NULL;
		return rc;
	}
	s->d->canvas.utf8 = app->term.utf8;
	s->d->canvas.glyphs = s->conf.ascii ? TUI_ASCII : TUI_BRAILLE;
	rc = bind_keys(s);
	if (!rc)
		rc = tui_loop_init(&s->loop, s->d, s->feed, &app->err);
	if (!rc)
		tui_dash_show(s->d, pane);
	return rc;
}

static void take_apart(struct dashing *s)
{
	if (s->loop.d)
		tui_loop_release(&s->loop);
	tui_feed_free(s->feed);
	if (s->d)
		tui_dash_release(s->d);
	free(s->d);
}

/* ---- the ways to show --------------------------------------------------------------------- */

static int off_screen(struct dashing *s)
{
	unsigned rows = 24, cols = 80;

	if (s->v->size && !tui_script_size(s->v->size, &rows, &cols))
		return mkt_app_usage(s->app, "--size is COLSxROWS as 100x40, not '%s'", s->v->size);
	if (tui_canvas_resize(&s->d->canvas, rows, cols))
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	s->app->out.paging = false;
	return 0;
}

static int show_once(struct dashing *s)
{
	uint64_t left = mkt_app_left_ms(s->app);
	int rc = off_screen(s);

	if (!rc)
		rc = tui_peek_wait(&s->loop,
				   s->d->steady_ms + (left > ONCE_MS_MIN ? left : ONCE_MS_MIN),
				   &s->app->err);
	if (!rc)
		tui_peek_print(&s->loop, &s->app->out);
	return rc == -MKT_ECANCELLED && s->d->exit_status ? s->d->exit_status : rc;
}

static int show_lines(struct dashing *s)
{
	int rc = off_screen(s);

	return rc ? rc : tui_peek_lines(&s->loop, &s->app->out, s->app->opt.json);
}

static int run_script(struct dashing *s)
{
	bool std = !strcmp(s->v->script, "-");
	FILE *in = std ? stdin : fopen(s->v->script, "re");
	int rc =
		in ? off_screen(s)
		   : mkt_err_sys(&s->app->err, MKT_EUSAGE, errno, "cannot open '%s'", s->v->script);

	if (!rc)
		rc = tui_script_run(&s->loop, in, &s->app->out, &s->app->err);
	if (in && !std)
		fclose(in);
	return rc ? rc : s->d->exit_status;
}

static int show_screen(struct dashing *s)
{
	struct tui_screen_conf conf = {.scheme = s->conf.scheme,
				       .mouse = s->conf.mouse,
				       .in = STDIN_FILENO,
				       .out = STDOUT_FILENO};
	struct tui_screen *screen;
	int rc = tui_screen_open(&conf, &screen, &s->app->err);

	if (rc)
		return rc;
	rc = tui_loop_screen(&s->loop, screen, &s->app->err);
	if (!rc)
		rc = tui_loop_run(&s->loop);
	tui_screen_close(screen);
	return rc;
}

static int dash_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct dash_values *v = values;
	struct dashing s = {.app = app, .v = v};
	const char *pane = argc ? argv[0] : v->pane;
	int rc;

	if (v->once + v->text + (v->script != NULL) > 1)
		return mkt_app_usage(app, "--once, --text and --script exclude each other");
	if (argc && v->pane)
		return mkt_app_usage(app, "the pane is named twice");
	rc = build(&s, pane);
	if (!rc && v->once)
		rc = show_once(&s);
	else if (!rc && v->text)
		rc = show_lines(&s);
	else if (!rc && v->script)
		rc = run_script(&s);
	else if (!rc)
		rc = show_screen(&s);
	take_apart(&s);
	return rc;
}

const struct mkt_spec cmd_dash = {
	.name = "dash",
	.summary = "watch the market live",
	.args = "[PANE]",
	.complete = "pane",
	.opts = dash_opts,
	.values_size = sizeof(struct dash_values),
	.run = dash_run,
	.args_max = 1,
};
