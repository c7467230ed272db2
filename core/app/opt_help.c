#include "core/base/compat.h"

#include "core/app/opt.h"

#define HELP_COLUMN 30u /* where the sentences start */
#define HELP_NARROW 60u /* below this width a sentence gets its own line */

static void heading(const struct mkt_opt *o, struct mkt_buf *out)
{
	if (o->letter)
		mkt_buf_addf(out, "  -%c%s", o->letter, o->name ? ", " : "");
	else
		mkt_buf_addstr(out, "      ");
	if (o->name)
		mkt_buf_addf(out, "--%s%s", o->kind == MKT_OPT_TRI ? "[no-]" : "", o->name);
	if (o->metavar)
		mkt_buf_addf(out, o->bare ? "[=%s]" : " %s", o->metavar);
}

/* Words of @text from column @at on, each further line indented to @indent. */
static void add_wrapped(const char *text, unsigned at, unsigned indent, unsigned columns,
			struct mkt_buf *out)
{
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (!first && at + 1 + n > columns) {
			mkt_buf_addf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			mkt_buf_addch(out, ' ');
			at++;
		}
		mkt_buf_add(out, text, n);
		at += (unsigned)n;
		first = false;
		text += n;
		text += strspn(text, " ");
	}
}

void mkt_opt_help(const struct mkt_opt *rows, unsigned columns, struct mkt_buf *out)
{
	unsigned indent = columns < HELP_NARROW ? 10 : HELP_COLUMN;

	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		struct mkt_buf text = MKT_BUF_INIT;
		size_t start = out->len, used;

		if (o->kind == MKT_OPT_GROUP) {
			mkt_opt_help(o->rows, columns, out);
			continue;
		}
		if (o->hidden)
			continue;
		heading(o, out);
		used = out->len - start;
		if (used + 2 > indent) {
			mkt_buf_addch(out, '\n');
			used = 0;
		}
		mkt_buf_addf(out, "%*s", (int)(indent - used), "");
		mkt_buf_addstr(&text, o->help ? o->help : "");
		if (o->dflt)
			mkt_buf_addf(&text, " (default %s)", o->dflt);
		else if (o->kind == MKT_OPT_LIST)
			mkt_buf_addstr(&text, " (repeatable)");
		add_wrapped(mkt_buf_str(&text), indent, indent, columns, out);
		mkt_buf_release(&text);
		mkt_buf_addch(out, '\n');
	}
}

void mkt_opt_usage(const struct mkt_opt *rows, struct mkt_buf *out)
{
	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		if (o->kind == MKT_OPT_GROUP)
			mkt_opt_usage(o->rows, out);
		else if (o->required)
			mkt_buf_addf(out, " --%s %s%s", o->name, o->metavar,
				     o->kind == MKT_OPT_LIST ? " ..." : "");
	}
}

static void add_kind(const struct mkt_opt *o, struct mkt_buf *out)
{
	if (o->kind == MKT_OPT_WORD)
		mkt_buf_addf(out, "words:%s", o->metavar);
	else if (o->kind == MKT_OPT_FILE)
		mkt_buf_addstr(out, "file");
	else if (o->complete)
		mkt_buf_addstr(out, o->complete);
	else
		mkt_buf_addstr(out, o->metavar ? "value" : "-");
}

static void completion_row(const struct mkt_opt *o, const char *dashes, const char *name,
			   struct mkt_buf *out)
{
	mkt_buf_addf(out, "%s%s\t", dashes, name);
	add_kind(o, out);
	mkt_buf_addf(out, "\t%s\t%s\n", o->metavar ? o->metavar : "-", o->help ? o->help : "");
}

void mkt_opt_completion(const struct mkt_opt *rows, struct mkt_buf *out)
{
	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		char letter[2] = {o->letter, 0};

		if (o->kind == MKT_OPT_GROUP) {
			mkt_opt_completion(o->rows, out);
			continue;
		}
		if (o->hidden)
			continue;
		if (o->name)
			completion_row(o, "--", o->name, out);
		if (o->letter)
			completion_row(o, "-", letter, out);
		if (o->kind == MKT_OPT_TRI)
			completion_row(o, "--no-", o->name, out);
	}
}
