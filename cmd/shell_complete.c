/*
 * Completion of mkt shell: from the option tables, and by `mkt --complete=KIND`.
 */
#include "core/base/compat.h"

#include "cmd/shell.h"

static void offer(struct mkt_buf *out, const char *prefix, const char *value, const char *about)
{
	if (!strncmp(value, prefix, strlen(prefix)))
		mkt_buf_addf(out, "%s\t%s\n", value, about ? about : "");
}

static void offer_words(struct mkt_buf *out, const char *prefix, const struct shell_word *w)
{
	for (; w->name; w++)
		offer(out, prefix, w->name, w->about);
}

static void offer_commands(struct mkt_buf *out, const char *prefix)
{
	for (const struct mkt_command *c = mkt_commands; c->name; c++)
		if (!(c->flags & MKT_CMD_HIDDEN) && strcmp(c->name, "shell"))
			offer(out, prefix, c->name, c->spec->summary);
	offer_words(out, prefix, shell_own);
}

static void offer_kind(struct shell *s, const char *kind, size_t n, const char *prefix,
		       struct mkt_buf *out)
{
	char ask[64];
	char *argv[] = {ask, (char *)(uintptr_t)prefix, NULL};

	snprintf(ask, sizeof(ask), "--complete=%.*s", (int)n, kind);
	if (n)
		shell_capture(s, argv, out, true);
}

/* Rows of mkt_opt_completion(): name, kind, metavar, help. */
static void offer_options(const struct mkt_opt *rows, const char *prefix, struct mkt_buf *out)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char name[64];

	if (rows)
		mkt_opt_completion(rows, &b);
	for (const char *at = mkt_buf_str(&b); *at;) {
		size_t n = strcspn(at, "\t\n"), whole = strcspn(at, "\n"), help = whole;

		while (help && at[help - 1] != '\t')
			help--;
		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		if (!strncmp(name, prefix, strlen(prefix)))
			mkt_buf_addf(out, "%s\t%.*s\n", name, (int)(whole - help), at + help);
		at += whole + (at[whole] == '\n');
	}
	mkt_buf_release(&b);
}

/* The value kind of the option @name, which stands before the word; NULL: it takes none. */
static const char *value_kind(const struct mkt_opt *rows, const char *name)
{
	for (; rows && rows->kind != MKT_OPT_END; rows++)
		if (rows->name && rows->complete && !strcmp(rows->name, name))
			return rows->complete;
	return NULL;
}

static const struct mkt_spec *find_sub(const struct mkt_spec *spec, const char *name)
{
	for (const struct mkt_spec *sub = spec->subs; sub && sub->name; sub++)
		if (!strcmp(sub->name, name))
			return sub;
	return NULL;
}

/* The @at-th of the kinds of arguments "account energy"; the last repeats. */
static void offer_argument(struct shell *s, const char *kinds, int at, const char *prefix,
			   struct mkt_buf *out)
{
	while (kinds && at-- > 0 && strchr(kinds, ' '))
		kinds = strchr(kinds, ' ') + 1;
	if (kinds)
		offer_kind(s, kinds, strcspn(kinds, " "), prefix, out);
}

static void after_command(struct shell *s, const struct shell_words *w, const char *prefix,
			  struct mkt_buf *out)
{
	const struct mkt_command *c = mkt_command_find(w->v[0]);
	const struct mkt_spec *spec = c ? c->spec : NULL, *sub = NULL;
	const char *last = w->v[w->n - 1], *kind = NULL;
	int arguments = 0;

	if (!spec)
		return;
	for (int i = 1; i < w->n; i++) {
		if (!sub && (sub = find_sub(spec, w->v[i])))
			arguments = 0;
		else
			arguments += w->v[i][0] != '-';
	}
	if (!strncmp(last, "--", 2))
		kind = value_kind(sub ? sub->opts : spec->opts, last + 2);
	if (kind) {
		offer_kind(s, kind, strlen(kind), prefix, out);
	} else if (*prefix == '-') {
		offer_options(sub ? sub->opts : spec->opts, prefix, out);
		offer_options(mkt_global_options, prefix, out);
	} else if (spec->subs && !sub) {
		for (const struct mkt_spec *p = spec->subs; p->name; p++)
			offer(out, prefix, p->name, p->summary);
	} else {
		offer_argument(s, (sub ? sub : spec)->complete, arguments, prefix, out);
	}
}

void shell_candidates(struct shell *s, const char *line, size_t start, const char *prefix,
		      struct mkt_buf *out)
{
	struct shell_words w = {.text = MKT_BUF_INIT};
	struct mkt_err err = {0};

	if (!shell_split(&w, line, start, NULL, NULL, &err)) {
		if (!w.n)
			offer_commands(out, prefix);
		else if (!strcmp(w.v[0], "set") && w.n == 1)
			offer_words(out, prefix, shell_settings);
		else
			after_command(s, &w, prefix, out);
	}
	shell_words_release(&w);
}
