/*
 * The options that every command takes.
 */
#include "core/base/compat.h"

#include "core/app/app.h"

#define G struct mkt_globals

const struct mkt_opt mkt_global_options[] = {
	MKT_O_FLAG(G, usage, NULL, 'h', "show this and leave"),
	MKT_O_FLAG(G, help, "help", 0, "show the manual page and leave"),
	MKT_O_FLAG(G, version, "version", 0, "show the version and leave"),
	MKT_O_FILE(G, config, "config", 0, "FILE", "configuration file instead of the usual one"),
	MKT_O_LIST(G, set, NULL, 'c', "NAME=VALUE", "setting", "one setting for this call"),
	MKT_O_TEXT(G, server, "server", 0, "URL", "server", "where ledgerd listens"),
	MKT_O_TEXT(G, account, "account", 0, "NAME", "account", "account to act for"),
	MKT_O_FILE(G, identity, "identity", 0, "FILE", "key file that signs"),
	MKT_O_FLAG(G, json, "json", 0, "answer as JSON"),
	MKT_O_FLAG(G, csv, "csv", 0, "answer as comma-separated values, for spreadsheets"),
	{.kind = MKT_OPT_WORD,
	 .name = "porcelain",
	 .bare = true,
	 .metavar = "1",
	 .at = MKT_O_AT(G, porcelain, int),
	 .help = "answer as stable lines with TAB between fields"},
	MKT_O_FLAG(G, nul, NULL, 'z', "porcelain records end with NUL, nothing is escaped"),
	MKT_O_TEXT(G, fields, "fields", 0, "LIST", NULL, "only these fields, joined by commas"),
	MKT_O_TEXT(G, tz, "tz", 0, "ZONE", "zone", "zone of times you read and type"),
	MKT_O_TEXT(G, timeout, "timeout", 0, "DURATION", NULL,
		   "deadline of the whole command (default 30s)"),
	MKT_O_TRI(G, wait, "wait", 0, "wait until it is sealed or confirmed"),
	MKT_O_FLAG(G, dry_run, "dry-run", 'n', "check everything, change nothing"),
	MKT_O_FLAG(G, yes, "yes", 'y', "do not ask"),
	MKT_O_FLAG(G, no_input, "no-input", 0, "never ask; fail instead"),
	MKT_O_FLAG(G, quiet, "quiet", 'q', "no receipts and warnings"),
	MKT_O_COUNT(G, verbose, "verbose", 'v', "say more"),
	MKT_O_WORD(G, color, "color", 0, "auto|always|never", NULL, "colours"),
	MKT_O_FLAG(G, no_pager, "no-pager", 'P', "do not page long output"),
	MKT_O_TRI(G, progress, "progress", 0, "show progress of long calls"),
	MKT_O_FILE(G, trace, "trace", 0, "FILE", "append what is sent and received"),
	{.kind = MKT_OPT_FLAG,
	 .name = "completion-helper",
	 .hidden = true,
	 .at = MKT_O_AT(G, completion, bool),
	 .help = "options for completion scripts"},
	MKT_O_END
};
