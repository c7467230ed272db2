/*
 * Commands of mkt.
 *
 * How to add one, say `mkt frob`:
 *
 * 1. A row in cmd/commands.def:
 *
 *	MKT_COMMAND(frob, TRADE, MKT_CMD_READS)
 *
 * 2. A file cmd/frob.c that defines cmd_frob; nothing else changes:
 *
 *	#include "core/base/compat.h"
 *
 *	#include "cmd/cmd.h"
 *
 *	struct frob_values {
 *		const char *at;
 *		struct mkt_num depth;
 *	};
 *
 *	static const struct mkt_opt frob_opts[] = {
 *		MKT_O_TEXT(struct frob_values, at, "at", 0, "WINDOW", "window", "which window"),
 *		MKT_O_UINT(struct frob_values, depth, "depth", 'd', "N", 1, 1000, "20", "levels"),
 *		MKT_O_END
 *	};
 *
 *	static int frob_run(struct mkt_app *app, void *values, int argc, char **argv)
 *	{
 *		const struct frob_values *v = values;
 *
 *		if (!v->at)
 *			return mkt_app_usage(app, "which window?");
 *		...
 *		return mkt_out_one(&app->out, &frob_doc, row, &app->err);
 *	}
 *
 *	const struct mkt_spec cmd_frob = {
 *		.name = "frob", .summary = "frob a book", .args = "[TAG]", .complete = "tag",
 *		.opts = frob_opts, .values_size = sizeof(struct frob_values),
 *		.run = frob_run, .args_max = 1,
 *	};
 *
 *    The struct is zeroed, defaults are put in, options and common options
 *    (core/app/app.h: struct mkt_globals) are parsed wherever they stand, -h and
 *    --completion-helper are answered from the table, the configuration is read.
 *    Subcommands are rows of .subs, each a struct mkt_spec with options of its
 *    own.  Options that several commands share are one table that each takes in
 *    with MKT_O_GROUP.
 *
 * 3. The result: 0 is success; a negative code with app->err filled ends the
 *    program with that row's exit status and the two lines "mkt: ..." and
 *    "hint: ..."; a number above 0 is an exit status without message (1: the
 *    answer is no).  `return mkt_err_wrap(&app->err, "cannot place bid")` says
 *    what failed.  Commands print through app->out only (core/app/out.h), and
 *    questions go through mkt_app_confirm().
 *
 * 4. What must hold: --dry-run changes nothing; -q prints no receipt; a document
 *    is described once and shown in three forms; man/mkt-frob.1 has the usage
 *    line of -h as its SYNOPSIS; tests/cli/frob.bats.
 *
 * Completion of values: a kind named in .complete or in an option's row is asked
 * back as `mkt --complete=KIND PREFIX`; cmd/complete.c has one row a kind.
 */
#ifndef MKT_CMD_CMD_H
#define MKT_CMD_CMD_H

#include "core/app/app.h"

/* Groups in the order in which they are shown. */
enum mkt_group {
	MKT_GROUP_START = 0,
	MKT_GROUP_TRADE,
	MKT_GROUP_LOOK,
	MKT_GROUP_RECORD,
	MKT_GROUP_OPERATE,
	MKT_GROUP_HELP,
	MKT_GROUP_COUNT
};

struct mkt_command {
	const char *name;
	const struct mkt_spec *spec;
	enum mkt_group group;
	unsigned flags; /* MKT_CMD_... */
};

#define MKT_COMMAND(name, group, flags) extern const struct mkt_spec cmd_##name;
#include "cmd/commands.def"
#undef MKT_COMMAND

/* All of commands.def, in its order; ended by a row without name. */
extern const struct mkt_command mkt_commands[];
extern const char *const mkt_group_titles[MKT_GROUP_COUNT];

/* The row, or NULL. */
const struct mkt_command *mkt_command_find(const char *name);

/* ---- commands that are not ours: cmd/external.c ---- */

/*
 * Find mkt-@name in $MKT_EXEC_PATH, the libexec directory and PATH.  Appends its
 * path to @path and returns 0; -MKT_ENOTFOUND; -MKT_EDENIED when it is there but
 * cannot be run.
 */
int mkt_external_find(const char *name, struct mkt_buf *path) MKT_MUST_CHECK;

/* Become it.  Returns only when that fails. */
int mkt_external_run(struct mkt_app *app, const char *path, int argc, char **argv) MKT_MUST_CHECK;

/* Call @each for the name of every external command, without "mkt-"; twice for duplicates. */
void mkt_external_list(void (*each)(void *arg, const char *name), void *arg);

/* ---- completion: cmd/complete.c ---- */

/* `mkt --complete=KIND PREFIX`: candidates, one a line, "value TAB description". */
int mkt_complete(struct mkt_app *app, const char *kind, const char *prefix) MKT_MUST_CHECK;

/* The same for what the chain knows: cmd/complete_chain.c.  -MKT_ENOTFOUND: another kind. */
int mkt_complete_chain(struct mkt_app *app, const char *kind, const char *prefix) MKT_MUST_CHECK;

/* ---- help: cmd/help.c ---- */

/* Commands by group; with @all the rare ones, externals and aliases as well. */
void mkt_help_commands(struct mkt_app *app, bool all);

/* Show manual page @page, "mkt-bid"; -MKT_ENOTFOUND without one. */
int mkt_help_manual(struct mkt_app *app, const char *page) MKT_MUST_CHECK;

#endif
