/*
 * The program mkt: from the command's name to the command.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "core/app/suggest.h"
#include "core/crypto/hash.h"

#define ALIAS_DEPTH_MAX 8
#define ALIAS_WORDS_MAX 64

const struct mkt_command mkt_commands[] = {
#define MKT_COMMAND(name, group, flags) {#name, &cmd_##name, MKT_GROUP_##group, flags},
#include "cmd/commands.def"
#undef MKT_COMMAND
	{NULL, NULL, MKT_GROUP_START, 0},
};

/* Options that make sense before any command only. */
struct front {
	const char *list;
	const char *complete;
};

static const struct mkt_opt front_options[] = {
	{.kind = MKT_OPT_TEXT, .name = "list-cmds", .metavar = "KINDS", .hidden = true,
	 .at = MKT_O_AT(struct front, list, const char *), .help = "names of commands"},
	{.kind = MKT_OPT_TEXT, .name = "complete", .metavar = "KIND", .hidden = true,
	 .at = MKT_O_AT(struct front, complete, const char *), .help = "values for completion"},
	MKT_O_END
};

const struct mkt_command *mkt_command_find(const char *name)
{
	for (const struct mkt_command *c = mkt_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* ---- lists -------------------------------------------------------------------------------- */

static void add_name(void *arg, const char *name)
{
	struct mkt_app *app = arg;

	mkt_out_raw(&app->out, name, strlen(name));
	mkt_out_raw(&app->out, "\n", 1);
}

static void list_main(struct mkt_app *app)
{
	for (const struct mkt_command *c = mkt_commands; c->name; c++)
		if (!(c->flags & MKT_CMD_HIDDEN))
			add_name(app, c->name);
}

static int list_aliases(struct mkt_app *app)
{
	int rc = mkt_app_load(app);

	for (size_t i = 0; !rc && i < app->conf.n; i++)
		if (!strncmp(app->conf.entries[i].name, "alias.", 6))
			add_name(app, app->conf.entries[i].name + 6);
	return rc;
}

static int list_commands(struct mkt_app *app, const char *kinds)
{
	int rc = 0;

	while (*kinds && !rc) {
		size_t n = strcspn(kinds, ",");

		if (n == 4 && !memcmp(kinds, "main", n))
			list_main(app);
		else if (n == 6 && !memcmp(kinds, "others", n))
			mkt_external_list(add_name, app);
		else if (n == 5 && !memcmp(kinds, "alias", n))
			rc = list_aliases(app);
		else
			rc = mkt_app_usage(app, "unknown kind of commands '%.*s'", (int)n, kinds);
		kinds += n;
		kinds += *kinds == ',';
	}
	return rc;
}

/* ---- what is no command ------------------------------------------------------------------- */

static void offer(void *arg, const char *name)
{
	struct mkt_suggest *near = arg;

	for (unsigned i = 0; i < near->n; i++)
		if (!strcmp(near->near[i], name))
			return;
	mkt_suggest_offer(near, name);
}

/* Names of external commands live as long as the listing: only ours and aliases are offered. */
static int unknown_command(struct mkt_app *app, const char *name)
{
	struct mkt_suggest near = {.typed = name};
	char hint[MKT_ERR_HINT_MAX] = "";
	size_t used = 0;

	for (const struct mkt_command *c = mkt_commands; c->name; c++)
		if (!(c->flags & MKT_CMD_HIDDEN))
			offer(&near, c->name);
	for (size_t i = 0; i < app->conf.n; i++)
		if (!strncmp(app->conf.entries[i].name, "alias.", 6))
			offer(&near, app->conf.entries[i].name + 6);
	for (unsigned i = 0; i < near.n && used < sizeof(hint); i++)
		used += (size_t)snprintf(hint + used, sizeof(hint) - used, "%s'mkt %.40s'",
					 i ? " or " : "did you mean ", near.near[i]);
	mkt_err_set(&app->err, MKT_EUSAGE, "'%s' is not a mkt command", name);
	mkt_err_hint(&app->err, "%s", near.n ? hint : "see 'mkt help -a'");
	if (near.n)
		mkt_err_hint(&app->err, "%s?", hint);
	return -MKT_EUSAGE;
}

static int run_external(struct mkt_app *app, const char *name, int argc, char **argv)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc = mkt_external_find(name, &path);

	if (!rc || rc == -MKT_EDENIED) {
		int found = rc;

		rc = found < 0 ? mkt_err_set(&app->err, MKT_EUSAGE, "cannot run '%s'",
					     mkt_buf_str(&path)) :
				 mkt_external_run(app, mkt_buf_str(&path), argc, argv);
		mkt_err_hint(&app->err, "check its mode and its first line");
		app->exit_status = 126;
	} else if (rc == -MKT_ENOTFOUND) {
		rc = unknown_command(app, name);
	}
	mkt_buf_release(&path);
	return rc;
}

/* ---- aliases ------------------------------------------------------------------------------ */

/* Words of an alias: blanks part them, '...' and "..." hold them together.  In place. */
static int split_words(char *text, char **words, int max)
{
	int n = 0;

	for (;;) {
		char *out, quote = 0;

		text += strspn(text, " \t");
		if (!*text)
			return n;
		if (n == max)
			return -1;
		words[n++] = out = text;
		for (; *text && (quote || (*text != ' ' && *text != '\t')); text++) {
			if (quote ? *text == quote : *text == '"' || *text == '\'')
				quote = quote ? 0 : *text;
			else
				*out++ = *text;
		}
		if (quote)
			return -1;
		text += *text != 0;
		*out = 0;
	}
}

static int run_command(struct mkt_app *app, int argc, char **argv, int depth);

static int run_alias(struct mkt_app *app, const char *value, int argc, char **argv, int depth)
{
	char *text = strdup(value), **words = calloc((size_t)argc + ALIAS_WORDS_MAX + 1,
						     sizeof(*words));
	int n, rc;

	if (!text || !words) {
		rc = mkt_err_code(&app->err, MKT_ENOMEM);
		goto out;
	}
	n = split_words(text, words, ALIAS_WORDS_MAX);
	if (n <= 0 || depth >= ALIAS_DEPTH_MAX) {
		rc = mkt_err_set(&app->err, MKT_EUSAGE, n > 0 ? "alias '%s' leads to itself" :
				 "alias '%s' has no words or an open quote", argv[0]);
		goto out;
	}
	for (int i = 1; i < argc; i++)
		words[n++] = argv[i];
	mkt_app_unload(app);
	rc = run_command(app, n, words, depth + 1);
out:
	free(words);
	free(text);
	return rc;
}

/* argv[0] is the command's name. */
static int run_command(struct mkt_app *app, int argc, char **argv, int depth)
{
	const struct mkt_command *c = mkt_command_find(argv[0]);
	char name[80];
	const char *alias;
	int rc;

	if (c) {
		snprintf(app->command, sizeof(app->command), "%s", c->name);
		return mkt_app_run(app, c->spec, argc - 1, argv + 1);
	}
	rc = mkt_app_load(app);
	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "alias.%.72s", argv[0]);
	alias = mkt_app_setting(app, name);
	if (alias)
		return run_alias(app, alias, argc, argv, depth);
	return run_external(app, argv[0], argc, argv);
}

/* ---- main --------------------------------------------------------------------------------- */

static int show_front(struct mkt_app *app)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (app->opt.version) {
		mkt_out_say(&app->out, "mkt %s\n", MKT_VERSION);
		return 0;
	}
	if (app->opt.help)
		return mkt_help_manual(app, "mkt");
	if (app->opt.completion) {
		mkt_opt_completion(mkt_global_options, &b);
		mkt_out_raw(&app->out, mkt_buf_str(&b), b.len);
		mkt_buf_release(&b);
		return 0;
	}
	app->out.paging = false; /* the first thing that a person sees must not ask for a key */
	mkt_help_commands(app, false);
	if (app->opt.usage) {
		mkt_opt_help(mkt_global_options, app->term.columns, &b);
		mkt_out_say(&app->out, "\noptions of every command, before or after its name:\n%s",
			    mkt_buf_str(&b));
		mkt_buf_release(&b);
	}
	return 0;
}

static int dispatch(struct mkt_app *app, int argc, char **argv)
{
	struct front front = {0};
	struct mkt_opt_set own = {front_options, &front};
	int n = mkt_app_parse_front(app, own, argc, argv);

	if (n < 0)
		return n;
	if (front.list)
		return list_commands(app, front.list);
	if (front.complete)
		return mkt_complete(app, front.complete, n ? argv[0] : "");
	if (!n || app->opt.version)
		return show_front(app);
	return run_command(app, n, argv, 0);
}

/* "/usr/bin/mkt-bid" is `mkt bid`. */
static const char *linked_name(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	const char *base = slash ? slash + 1 : argv0;

	return base && !strncmp(base, "mkt-", 4) && base[4] ? base + 4 : NULL;
}

static int run_program(struct mkt_app *app, int argc, char **argv)
{
	const char *linked = linked_name(argc ? argv[0] : NULL);

	if (!linked)
		return dispatch(app, argc ? argc - 1 : 0, argv + 1);
	argv[0] = (char *)(uintptr_t)linked;
	return run_command(app, argc, argv, 0);
}

/* --help: the page of the command, not of its subcommand. */
static int show_manual(struct mkt_app *app)
{
	char page[72];

	snprintf(page, sizeof(page), "mkt-%.*s", (int)strcspn(app->command, " "), app->command);
	return mkt_help_manual(app, page);
}

int main(int argc, char **argv)
{
	struct mkt_app app;
	int rc, status;

	mkt_app_init(&app);
	app.show_manual = show_manual;
	rc = mkt_crypto_init();
	if (rc < 0)
		mkt_err_code(&app.err, -rc);
	else
		rc = run_program(&app, argc, argv);
	status = mkt_app_finish(&app, rc);
	mkt_app_release(&app);
	return status;
}
