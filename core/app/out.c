#include "core/base/compat.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "core/app/out.h"

#define KEEP_BYTES_MAX (1u << 20) /* what is held back at most before writing begins */

void mkt_out_init(struct mkt_out *o, const struct mkt_term *term)
{
	*o = (struct mkt_out){.term = term, .fd = STDOUT_FILENO, .paging = true};
	snprintf(o->currency, sizeof(o->currency), "JPY");
}

void mkt_out_release(struct mkt_out *o)
{
	mkt_buf_release(&o->buf);
	mkt_buf_release(&o->cells);
	mkt_buf_release(&o->fields_there);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void write_all(struct mkt_out *o, int fd, const uint8_t *p, size_t n)
{
	while (n && !o->write_errno) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			o->write_errno = errno;
			return;
		}
		p += done;
		n -= (size_t)done;
	}
}

static bool is_long(const struct mkt_out *o)
{
	size_t lines = 0;

	for (size_t i = 0; i < o->buf.len; i++)
		lines += o->buf.data[i] == '\n';
	return lines + 1 > o->term->rows;
}

/* People get a pager when the text does not fit; a pager that cannot start is not missed. */
static void maybe_page(struct mkt_out *o)
{
	const char *command;

	if (o->wrote || !o->paging || o->form != MKT_FORM_HUMAN || !o->term->out_tty)
		return;
	if (o->doc && o->doc->stream)
		return;
	command = is_long(o) ? mkt_pager_command(o->pager) : NULL;
	if (!command)
		return;
	signal(SIGPIPE, SIG_IGN);
	if (mkt_pager_start(&o->to_pager, command, NULL) < 0)
		o->paging = false;
}

static void write_kept(struct mkt_out *o)
{
	if (o->buf.bad)
		o->write_errno = ENOMEM;
	if (!o->buf.len)
		return;
	write_all(o, o->to_pager.in ? fileno(o->to_pager.in) : o->fd, o->buf.data, o->buf.len);
	o->wrote = true;
	mkt_buf_clear(&o->buf);
}

void mkt_out_flush(struct mkt_out *o)
{
	write_kept(o);
}

bool mkt_out_failed(const struct mkt_out *o)
{
	return o->write_errno != 0;
}

static void relieve(struct mkt_out *o)
{
	if (o->buf.len < KEEP_BYTES_MAX)
		return;
	maybe_page(o);
	write_kept(o);
}

int mkt_out_finish(struct mkt_out *o, bool failed, struct mkt_err *err)
{
	if (failed && !o->wrote)
		mkt_buf_clear(&o->buf);
	maybe_page(o);
	write_kept(o);
	if (o->to_pager.in) {
		mkt_pager_finish(&o->to_pager);
		if (o->write_errno == EPIPE)
			o->write_errno = 0;
	}
	if (o->write_errno)
		return mkt_err_sys(err, MKT_EOUTPUT, o->write_errno, "cannot write the result");
	return 0;
}

/* ---- fields ------------------------------------------------------------------------------- */

unsigned mkt_out_cols(const struct mkt_table *t)
{
	unsigned n = 0;

	while (t->cols[n].name)
		n++;
	assert(n <= MKT_COLS_MAX);
	return n;
}

static unsigned part_index(const struct mkt_doc *doc, const struct mkt_table *t)
{
	unsigned i = 0;

	while (doc->parts[i] && doc->parts[i] != t)
		i++;
	assert(doc->parts[i]);
	return i;
}

bool mkt_out_shows(const struct mkt_out *o, unsigned col)
{
	return o->selected[part_index(o->doc, o->table)] >> col & 1;
}

void mkt_out_name(const struct mkt_out *o, const char *name, struct mkt_buf *b)
{
	for (; *name; name++) {
		if (*name != '$') {
			mkt_buf_addch(b, (uint8_t)*name);
			continue;
		}
		for (const char *c = o->currency; *c; c++)
			mkt_buf_addch(b, (uint8_t)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c));
	}
}

/* Does --fields word @w of @n bytes name this column? */
static bool names_column(const struct mkt_out *o, const struct mkt_col *c, const char *w, size_t n)
{
	struct mkt_buf name = MKT_BUF_INIT;
	bool same;

	mkt_out_name(o, c->name, &name);
	same = name.len == n && !memcmp(mkt_buf_str(&name), w, n);
	mkt_buf_release(&name);
	if (!same && c->json)
		same = strcspn(c->json, ".") == n && !strncmp(c->json, w, n);
	return same;
}

/* The columns of one part that a word names; "part" and "part.column" where there are several. */
static uint64_t columns_named(const struct mkt_out *o, const struct mkt_doc *doc,
			      const struct mkt_table *t, const char *w, size_t n)
{
	size_t part_len = strlen(t->name);
	uint64_t set = 0;

	if (doc->parts[1] && n >= part_len && !memcmp(w, t->name, part_len)) {
		if (n == part_len)
			return (1ull << mkt_out_cols(t)) - 1;
		if (w[part_len] == '.') {
			w += part_len + 1;
			n -= part_len + 1;
		}
	}
	for (unsigned c = 0; t->cols[c].name; c++)
		if (names_column(o, &t->cols[c], w, n))
			set |= 1ull << c;
	return set;
}

/* The list may be longer than a sentence can be: it goes beside the error. */
static int unknown_field(struct mkt_out *o, const struct mkt_doc *doc, const char *w, size_t n,
			 struct mkt_err *err)
{
	struct mkt_buf *all = &o->fields_there;

	mkt_buf_clear(all);
	for (unsigned p = 0; doc->parts[p]; p++) {
		for (unsigned c = 0; doc->parts[p]->cols[c].name; c++) {
			mkt_buf_addstr(all, all->len ? "," : "");
			if (doc->parts[1])
				mkt_buf_addf(all, "%s.", doc->parts[p]->name);
			mkt_out_name(o, doc->parts[p]->cols[c].name, all);
		}
	}
	return mkt_err_set(err, MKT_EUSAGE, "unknown field '%.*s'", (int)n, w);
}

static int select_fields(struct mkt_out *o, const struct mkt_doc *doc, uint64_t *selected,
			 struct mkt_err *err)
{
	const char *w = o->fields;

	for (unsigned p = 0; doc->parts[p]; p++)
		selected[p] = w ? 0 : UINT64_MAX;
	while (w) {
		size_t n = strcspn(w, ",");
		uint64_t any = 0;

		for (unsigned p = 0; doc->parts[p]; p++) {
			uint64_t set = columns_named(o, doc, doc->parts[p], w, n);

			selected[p] |= set;
			any |= set;
		}
		if (!any)
			return unknown_field(o, doc, w, n, err);
		w = w[n] ? w + n + 1 : NULL;
	}
	return 0;
}

int mkt_out_check(struct mkt_out *o, const struct mkt_doc *doc, struct mkt_err *err)
{
	uint64_t selected[MKT_PARTS_MAX];

	if (o->form == MKT_FORM_CSV && doc->parts[1])
		return mkt_err_set(err, MKT_EUSAGE, "--csv shows one table, and this has several");
	return select_fields(o, doc, selected, err);
}

/* ---- documents ---------------------------------------------------------------------------- */

void mkt_out_meta(struct mkt_out *o, uint64_t height, uint64_t as_of_ms, bool stale)
{
	o->has_meta = true;
	o->height = height;
	o->as_of_ms = as_of_ms;
	o->stale = stale;
}

static const struct mkt_render *renderer(enum mkt_form form)
{
	switch (form) {
	case MKT_FORM_JSON:
		return &mkt_render_json;
	case MKT_FORM_PORCELAIN:
		return &mkt_render_porcelain;
	case MKT_FORM_CSV:
		return &mkt_render_csv;
	default:
		return &mkt_render_human;
	}
}

int mkt_out_open(struct mkt_out *o, const struct mkt_doc *doc, struct mkt_err *err)
{
	int rc = mkt_out_check(o, doc, err);

	if (!rc)
		rc = select_fields(o, doc, o->selected, err);
	if (rc < 0)
		return rc;
	assert(!o->doc);
	o->doc = doc;
	o->table = NULL;
	o->next[0] = 0;
	o->render = renderer(o->form);
	o->render->open(o);
	return 0;
}

/* A part of which --fields names nothing is left out. */
static bool hidden(const struct mkt_out *o)
{
	return !o->selected[part_index(o->doc, o->table)];
}

static void end_part(struct mkt_out *o)
{
	if (o->table && !hidden(o))
		o->render->part_end(o);
	o->table = NULL;
}

void mkt_out_part(struct mkt_out *o, const struct mkt_table *table)
{
	assert(o->doc);
	end_part(o);
	o->table = table;
	o->n_rows = 0;
	if (!hidden(o))
		o->render->part(o);
	relieve(o);
}

void mkt_out_row(struct mkt_out *o, const struct mkt_val *v)
{
	assert(o->table && !(o->table->one && o->n_rows));
	if (hidden(o))
		return;
	o->render->row(o, v);
	o->n_rows++;
	if (o->doc->stream)
		write_kept(o);
	else
		relieve(o);
}

void mkt_out_next(struct mkt_out *o, const char *cursor)
{
	snprintf(o->next, sizeof(o->next), "%s", cursor);
}

void mkt_out_close(struct mkt_out *o)
{
	assert(o->doc);
	end_part(o);
	o->render->close(o);
	o->doc = NULL;
}

int mkt_out_one(struct mkt_out *o, const struct mkt_doc *doc, const struct mkt_val *v,
		struct mkt_err *err)
{
	int rc = mkt_out_open(o, doc, err);

	if (rc < 0)
		return rc;
	mkt_out_part(o, doc->parts[0]);
	mkt_out_row(o, v);
	mkt_out_close(o);
	return 0;
}

int mkt_out_receipt(struct mkt_out *o, const struct mkt_doc *doc, const struct mkt_val *v,
		    struct mkt_err *err, const char *fmt, ...)
{
	va_list ap;
	char line[512];

	if (o->quiet)
		return mkt_out_check(o, doc, err);
	if (o->form != MKT_FORM_HUMAN)
		return mkt_out_one(o, doc, v, err);
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	mkt_out_say(o, "%s\n", line);
	return mkt_out_check(o, doc, err);
}

void mkt_out_say(struct mkt_out *o, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (o->form != MKT_FORM_HUMAN)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0) {
		mkt_buf_addstr(&o->buf, text);
		free(text);
	} else {
		o->buf.bad = true;
	}
	va_end(ap);
	relieve(o);
}

void mkt_out_raw(struct mkt_out *o, const void *p, size_t n)
{
	mkt_buf_add(&o->buf, p, n);
	relieve(o);
}
