/*
 * mkt help: which commands there are, and their manual pages.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"

extern char **environ;

const char *const mkt_group_titles[MKT_GROUP_COUNT] = {
	[MKT_GROUP_START] = "begin",
	[MKT_GROUP_TRADE] = "trade",
	[MKT_GROUP_LOOK] = "look at the market",
	[MKT_GROUP_RECORD] = "look at the record",
	[MKT_GROUP_OPERATE] = "operate and simulate",
	[MKT_GROUP_HELP] = "help",
};

static const struct {
	const char *topic, *summary;
} topics[] = {
	{"matching", "how the market matches bids"},
	{"units", "energy, prices, times and windows as you type them"},
	{"exit", "exit statuses and what to do about each"},
	{"errors", "every error code with its sentence"},
	{"environment", "variables, files and settings"},
	{"porcelain", "lines for scripts"},
	{"json", "documents for programs"},
	{"protocol", "transactions and blocks byte by byte"},
	{"api", "the server's HTTP interface"},
};

/* Topics whose page has another name. */
static const struct {
	const char *topic, *page;
} topic_pages[] = {
	{"exit", "mkt"},
	{"matching", "mkt-market.7"}, /* mkt-market(1) is the command's */
	{"environment", "mkt.conf"},
};

/* ---- manual pages ------------------------------------------------------------------------- */

int mkt_help_manual(struct mkt_app *app, const char *page)
{
	char *argv[] = {(char *)(uintptr_t)"man", (char *)(uintptr_t)page, NULL};
	pid_t pid;
	int rc, status = 0;

	mkt_out_flush(&app->out);
	rc = posix_spawnp(&pid, "man", NULL, NULL, argv, environ);
	if (!rc) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status) && !WEXITSTATUS(status))
			return 0;
	}
	if (rc || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
		mkt_err_set(&app->err, MKT_ENOTFOUND, "the program man is not installed");
	else
		mkt_err_set(&app->err, MKT_ENOTFOUND, "no manual page '%s'", page);
	mkt_err_hint(&app->err, "see 'mkt help -a' and '-h' of each command");
	return -MKT_ENOTFOUND;
}

/* Whole names of pages, as other pages write them: mkt, mkt-bid, mkt.conf, ledgerd. */
static bool is_page(const char *name)
{
	return (!strncmp(name, "mkt", 3) && (!name[3] || name[3] == '-' || name[3] == '.')) ||
	       !strncmp(name, "ledgerd", 7);
}

static int show_page(struct mkt_app *app, const char *name)
{
	char page[80];

	for (size_t i = 0; i < MKT_ARRAY_SIZE(topic_pages); i++)
		if (!strcmp(topic_pages[i].topic, name))
			return mkt_help_manual(app, topic_pages[i].page);
	if (is_page(name))
		return mkt_help_manual(app, name);
	snprintf(page, sizeof(page), "mkt-%.70s", name);
	return mkt_help_manual(app, page);
}

/* ---- lists -------------------------------------------------------------------------------- */

static int name_width(bool all)
{
	size_t widest = 0;

	for (const struct mkt_command *c = mkt_commands; c->name; c++)
		if ((all || c->flags & MKT_CMD_COMMON) && strlen(c->name) > widest)
			widest = strlen(c->name);
	return (int)widest;
}

static void list_group(struct mkt_app *app, enum mkt_group g, bool all)
{
	unsigned wanted = all ? ~0u : MKT_CMD_COMMON;
	bool begun = false;

	for (const struct mkt_command *c = mkt_commands; c->name; c++) {
		if (c->group != g || c->flags & MKT_CMD_HIDDEN || !(c->flags & wanted))
			continue;
		if (!begun)
			mkt_out_say(&app->out, "\n%s%s%s\n",
				    mkt_term_paint(app->term.color, MKT_COLOR_BOLD),
				    mkt_group_titles[g], mkt_term_plain(app->term.color));
		begun = true;
		mkt_out_say(&app->out, "  %-*s  %s\n", name_width(all), c->name, c->spec->summary);
	}
}

struct external {
	struct mkt_app *app;
	bool begun;
};

static void list_external(void *arg, const char *name)
{
	struct external *x = arg;

	if (!x->begun)
		mkt_out_say(&x->app->out, "\nprograms of others\n");
	x->begun = true;
	mkt_out_say(&x->app->out, "  %s\n", name);
}

static void list_aliases(struct mkt_app *app)
{
	bool begun = false;

	for (size_t i = 0; i < app->conf.n; i++) {
		const struct mkt_conf_entry *e = &app->conf.entries[i];

		if (strncmp(e->name, "alias.", 6) != 0)
			continue;
		if (!begun)
			mkt_out_say(&app->out, "\naliases\n");
		begun = true;
		mkt_out_say(&app->out, "  %s = %s\n", e->name + 6, e->value);
	}
}

void mkt_help_commands(struct mkt_app *app, bool all)
{
	struct external x = {app, false};

	mkt_out_say(&app->out, "usage: mkt [options] <command> [options] [arguments]\n");
	for (int g = 0; g < MKT_GROUP_COUNT; g++)
		list_group(app, (enum mkt_group)g, all);
	if (all) {
		mkt_external_list(list_external, &x);
		list_aliases(app);
	}
	mkt_out_say(&app->out, "\n");
	if (!all)
		mkt_out_say(&app->out, "mkt help -a         all commands\n");
	mkt_out_say(&app->out, "mkt help -g         topics: units, matching, exit statuses\n"
			       "mkt -h              options of every command\n"
			       "mkt <command> -h    its own options\n"
			       "mkt help <command>  its manual\n");
}

static void list_topics(struct mkt_app *app)
{
	mkt_out_say(&app->out, "topics, read with 'mkt help <topic>'\n");
	for (size_t i = 0; i < MKT_ARRAY_SIZE(topics); i++)
		mkt_out_say(&app->out, "  %-11s  %s\n", topics[i].topic, topics[i].summary);
}

/* ---- the command -------------------------------------------------------------------------- */

struct help_values {
	bool all;
	bool guides;
};

static const struct mkt_opt help_opts[] = {
	MKT_O_FLAG(struct help_values, all, "all", 'a',
		   "all commands, programs of others, aliases"),
	MKT_O_FLAG(struct help_values, guides, "guides", 'g', "topics that are no commands"),
	MKT_O_END
};

static int help_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct help_values *v = values;

	if (argc)
		return show_page(app, argv[0]);
	app->out.form = MKT_FORM_HUMAN;
	if (v->guides)
		list_topics(app);
	else
		mkt_help_commands(app, v->all);
	return 0;
}

const struct mkt_spec cmd_help = {
	.name = "help",
	.summary = "show manual pages and lists of commands",
	.args = "[COMMAND|TOPIC]",
	.complete = "command",
	.opts = help_opts,
	.values_size = sizeof(struct help_values),
	.run = help_run,
	.args_max = 1,
};
