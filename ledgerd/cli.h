/*
 * What the ways to call ledgerd share: settings from file and options, failing
 * with a sentence, exit status; and the tools that are not the daemon.
 */
#ifndef LEDGERD_CLI_H
#define LEDGERD_CLI_H

#include "core/base/err.h"
#include "ledgerd/conf.h"

#define LD_CONF_FILE "/etc/mkt/ledgerd.conf"
#define LD_SETTINGS_MAX 32

struct ld_cli {
	const char *file;
	const char *set[LD_SETTINGS_MAX];
	unsigned nset;
};

/* Option 'f' or 'o'.  -MKT_EUSAGE (told): too many settings. */
int ld_cli_option(struct ld_cli *c, int option, const char *value) MKT_MUST_CHECK;

/* Settings of the file, then those of -o.  Not checked as a whole: ld_conf_check(). */
int ld_cli_conf(const struct ld_cli *c, struct ld_conf *conf, struct mkt_err *err) MKT_MUST_CHECK;

/* Log what failed; returns @status. */
int ld_cli_fail(const struct mkt_err *err, int status);

/* Exit status of a code: the table of mkt(1) for daemons. */
int ld_cli_status(int code);

/* `ledgerd status ...` and the like: the exit status; -1: argv[0] is no tool. */
int ld_cli_tool(int argc, char **argv);

int ld_tool_status(int argc, char **argv);
int ld_tool_prune(int argc, char **argv);
int ld_tool_restore(int argc, char **argv);
int ld_tool_rebuild(int argc, char **argv);

#endif
