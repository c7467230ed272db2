/*
 * What every command of mkt stands on: options common to all, configuration,
 * output, the error that ends the program, questions, Ctrl-C and deadlines.
 *
 * A program makes one struct mkt_app; commands get it as their first argument.
 * cmd/cmd.h tells how a command is added.
 */
#ifndef MKT_APP_APP_H
#define MKT_APP_APP_H

#include <signal.h>
#include <stdio.h>

#include "core/app/conf.h"
#include "core/app/opt.h"
#include "core/app/out.h"
#include "core/app/term.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/version.h"

/* The options that every command takes, as given: read settings through mkt_app_setting(). */
struct mkt_globals {
	bool usage;      /* -h */
	bool help;       /* --help */
	bool version;
	bool completion; /* --completion-helper */
	const char *config;
	struct mkt_list set; /* -c name=value */
	const char *server;
	const char *account;
	const char *identity;
	bool json;
	bool csv;
	int porcelain;   /* version, 0: no */
	bool nul;
	const char *fields;
	const char *tz;
	const char *timeout;
	enum mkt_tri wait;
	bool dry_run;
	bool yes;
	bool no_input;
	bool quiet;
	int verbose;
	int color;       /* enum mkt_color_when, 0: not given */
	bool no_pager;
	enum mkt_tri progress;
	const char *trace;
};

extern const struct mkt_opt mkt_global_options[];

struct mkt_app;

/*
 * A command or one of its subcommands: what it takes, and what it does.  @run
 * gets the filled struct of option values and the arguments; it returns 0, an
 * exit status above 0 that needs no message, or a negative code with app->err
 * filled.  With @subs, @run (if there is one) is the command without a subcommand.
 */
struct mkt_spec {
	const char *name;
	const char *summary;          /* one line, lower case, no full stop */
	const char *args;             /* as in the usage line: "ENERGY", "[ID...]"; NULL: none */
	const char *about;            /* more lines for -h, or NULL */
	const char *complete;         /* kinds of arguments: "account energy"; the last repeats */
	const struct mkt_opt *opts;   /* NULL: none */
	size_t values_size;           /* of the struct that @opts fills */
	const struct mkt_spec *subs;  /* ended by a row without name */
	int (*run)(struct mkt_app *app, void *values, int argc, char **argv);
	int args_min;
	int args_max;                 /* -1: any number */
	unsigned flags;               /* MKT_CMD_... of this subcommand, beside the command's own */
};

enum {
	MKT_CMD_READS = 1 << 0,       /* asks the server, changes nothing */
	MKT_CMD_SIGNS = 1 << 1,       /* sends a signed transaction */
	MKT_CMD_MOVES_POWER = 1 << 2, /* asks before it acts, or needs --yes */
	MKT_CMD_NEEDS_TTY = 1 << 3,
	MKT_CMD_LOCAL = 1 << 4,       /* needs no server */
	MKT_CMD_COMMON = 1 << 5,      /* shown by mkt alone */
	MKT_CMD_HIDDEN = 1 << 6
};

/* What is known of a change when an error is told. */
enum mkt_applied { MKT_APPLIED_NO = 0, MKT_APPLIED_YES, MKT_APPLIED_UNKNOWN };

struct mkt_app {
	struct mkt_globals opt;
	struct mkt_conf conf;
	struct mkt_term term;
	struct mkt_out out;
	struct mkt_err err;
	char command[64];           /* "bid buy" */
	const char *config_file;    /* --config or MKT_CONFIG; NULL: the usual one */
	uint64_t begun_ms;          /* monotonic */
	uint64_t deadline_ms;       /* monotonic; --timeout after the beginning */
	bool loaded;                /* configuration is read */
	bool warned;                /* its warnings are told */
	bool opts_ended;            /* "--" was seen before the command's name */
	FILE *trace;                /* --trace, or NULL */
	char request_id[33];        /* hex; "" until there is one: told with errors */
	enum mkt_applied applied;
	int exit_status;            /* instead of the error's own, if not 0: 126 */
	int (*show_manual)(struct mkt_app *app); /* --help: the program knows its pages */
};

void mkt_app_init(struct mkt_app *app);
void mkt_app_release(struct mkt_app *app);

/*
 * Parse the common options, and @own of the program, up to the first argument:
 * what stands before the command's name.  As mkt_opt_parse().
 */
int mkt_app_parse_front(struct mkt_app *app, struct mkt_opt_set own, int argc, char **argv)
	MKT_MUST_CHECK;

/*
 * Run a command: parse its options, find its subcommand, answer -h and
 * --completion-helper, read the configuration, call run.  argv[0] is the first
 * word after the command's name.  Returns what run returns.
 */
int mkt_app_run(struct mkt_app *app, const struct mkt_spec *spec, int argc, char **argv)
	MKT_MUST_CHECK;

/*
 * Read configuration and look at the terminal.  mkt_app_run() does it; the
 * dispatcher needs it earlier for aliases.  Does nothing the second time.
 */
int mkt_app_load(struct mkt_app *app) MKT_MUST_CHECK;

/* Forget what mkt_app_load() read: an alias brought more options. */
void mkt_app_unload(struct mkt_app *app);

/*
 * End of the program: write what is left of the output, tell the error.
 * @rc as run returned it.  Returns the exit status.
 */
int mkt_app_finish(struct mkt_app *app, int rc) MKT_MUST_CHECK;

/* The value of a setting, or NULL. */
static inline const char *mkt_app_setting(const struct mkt_app *app, const char *name)
{
	return mkt_conf_get(&app->conf, name);
}

/* A usage error that "see 'mkt bid -h'" helps with. */
int mkt_app_usage(struct mkt_app *app, const char *fmt, ...) MKT_PRINTF(2, 3);

/* A sentence on stderr: "mkt: warning: ...".  Not under -q. */
void mkt_app_warn(struct mkt_app *app, const char *fmt, ...) MKT_PRINTF(2, 3);
/* The same as "hint: ...". */
void mkt_app_hint(struct mkt_app *app, const char *fmt, ...) MKT_PRINTF(2, 3);

/* A line for --trace with the time in ms; nothing without it. */
void mkt_app_trace(struct mkt_app *app, const char *fmt, ...) MKT_PRINTF(2, 3);

/* The path of the user's configuration file, appended to @path. */
int mkt_app_config_path(struct mkt_app *app, struct mkt_buf *path) MKT_MUST_CHECK;

/* ---- time ---- */
uint64_t mkt_app_now_ms(void);  /* UTC */
uint64_t mkt_app_mono_ms(void); /* monotonic */

/* What is left until the deadline; 0 when it is over. */
uint64_t mkt_app_left_ms(const struct mkt_app *app);

/* ---- Ctrl-C ---- */

/*
 * From now on Ctrl-C and SIGTERM set a flag instead of ending the program, for
 * commands that must say what became of a request.  The second one ends it.
 */
void mkt_app_catch_signals(void);

/* The signal that came, or 0.  A command that stops for it returns 128 + signal. */
int mkt_app_stopped(void);
/* The flag itself, for those who wait inside a library. */
const volatile sig_atomic_t *mkt_app_stop_flag(void);

/* ---- progress ---- */
void mkt_app_progress(struct mkt_app *app, struct mkt_progress *p, const char *verb);

/* ---- questions ---- */

/*
 * Ask "...? [y/N] ".  0 for yes (or --yes), -MKT_ECANCELLED for no, -MKT_EUSAGE
 * when nobody can answer.
 */
int mkt_app_confirm(struct mkt_app *app, const char *fmt, ...) MKT_MUST_CHECK MKT_PRINTF(2, 3);

/*
 * Read a passphrase from the terminal without showing it; @again asks twice.
 * Writes at most @size - 1 bytes and NUL.  -MKT_EUSAGE when nobody can answer.
 * The caller wipes @out.
 */
int mkt_app_passphrase(struct mkt_app *app, const char *prompt, bool again, char *out,
		       size_t size) MKT_MUST_CHECK;

/* ---- help ---- */

/* "usage: mkt bid buy [options] ENERGY --at WINDOW", one line a subcommand. */
void mkt_app_usage_lines(const struct mkt_spec *spec, const char *command, struct mkt_buf *out);

#endif
