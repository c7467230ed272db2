/*
 * The form for scripts: mkt-porcelain(5).  It never changes for what it has;
 * new fields come at the end.
 */
#include "core/base/compat.h"

#include <assert.h>

#include "core/app/out.h"

static void end_record(struct mkt_out *o)
{
	mkt_buf_addch(&o->buf, o->nul ? 0 : '\n');
}

static void add_escaped(struct mkt_out *o, const char *s)
{
	for (; *s; s++) {
		const char *as = *s == '\t'   ? "\\t"
				 : *s == '\n' ? "\\n"
				 : *s == '\\' ? "\\\\"
					      : NULL;

		if (as && !o->nul)
			mkt_buf_addstr(&o->buf, as);
		else
			mkt_buf_addch(&o->buf, (uint8_t)*s);
	}
}

/* Times are whole seconds; milliseconds only under a name that says so. */
static uint64_t in_named_unit(const struct mkt_col *col, uint64_t u)
{
	size_t n = strlen(col->name);

	if (col->kind != MKT_COL_TIME_MS || (n > 3 && !strcmp(col->name + n - 3, "_ms")))
		return u;
	return u / 1000;
}

static void add_value(struct mkt_out *o, const struct mkt_col *col, const struct mkt_val *v)
{
	switch (v->kind) {
	case MKT_VAL_TEXT:
		add_escaped(o, v->text);
		break;
	case MKT_VAL_BYTES:
		mkt_buf_addhex(&o->buf, v->bytes.p, v->bytes.n);
		break;
	case MKT_VAL_INT:
		mkt_buf_addf(&o->buf, "%lld", (long long)v->i);
		break;
	case MKT_VAL_UINT:
		mkt_buf_addf(&o->buf, "%llu", (unsigned long long)in_named_unit(col, v->u));
		break;
	case MKT_VAL_WINDOW:
		mkt_buf_addf(&o->buf, "%llu", (unsigned long long)v->window.start_s);
		break;
	default:
		mkt_buf_addch(&o->buf, '-');
	}
}

/* Are there records of more than one type?  Then each "# fields" line tells its own. */
static bool has_types(const struct mkt_doc *doc)
{
	if (doc->parts[1])
		return true;
	for (const struct mkt_col *c = doc->parts[0]->cols; c->name; c++)
		if (c->kind == MKT_COL_LIST)
			return true;
	return false;
}

static void add_fields(struct mkt_out *o, const struct mkt_table *t, uint64_t selected)
{
	if (has_types(o->doc))
		mkt_buf_addf(&o->buf, "# fields.%s type", t->name);
	else
		mkt_buf_addstr(&o->buf, "# fields type");
	for (unsigned c = 0; t->cols[c].name; c++) {
		if (t->cols[c].kind == MKT_COL_LIST || !(selected >> c & 1))
			continue;
		mkt_buf_addch(&o->buf, '\t');
		mkt_out_name(o, t->cols[c].name, &o->buf);
	}
	end_record(o);
}

static void porcelain_open(struct mkt_out *o)
{
	mkt_buf_addf(&o->buf, "# mkt-%s %d", o->doc->schema, o->doc->version);
	end_record(o);
	if (o->has_meta) {
		mkt_buf_addf(&o->buf, "# block %llu %llu%s", (unsigned long long)o->height,
			     (unsigned long long)(o->as_of_ms / 1000), o->stale ? " stale" : "");
		end_record(o);
	}
}

static void porcelain_part(struct mkt_out *o)
{
	uint64_t shown = 0;

	for (unsigned c = 0; o->table->cols[c].name; c++)
		shown |= (uint64_t)mkt_out_shows(o, c) << c;
	add_fields(o, o->table, shown);
	for (unsigned c = 0; o->table->cols[c].name; c++)
		if (o->table->cols[c].kind == MKT_COL_LIST && (shown >> c & 1))
			add_fields(o, o->table->cols[c].sub, UINT64_MAX);
}

static void add_record(struct mkt_out *o, const struct mkt_table *t, const struct mkt_val *v,
		       bool whole)
{
	mkt_buf_addstr(&o->buf, t->name);
	for (unsigned c = 0; t->cols[c].name; c++) {
		if (t->cols[c].kind == MKT_COL_LIST || !(whole || mkt_out_shows(o, c)))
			continue;
		mkt_buf_addch(&o->buf, '\t');
		add_value(o, &t->cols[c], &v[c]);
	}
	end_record(o);
}

/* Rows inside a row follow it, as records of their own. */
static void porcelain_row(struct mkt_out *o, const struct mkt_val *v)
{
	const struct mkt_table *t = o->table;

	add_record(o, t, v, false);
	for (unsigned c = 0; t->cols[c].name; c++) {
		if (t->cols[c].kind != MKT_COL_LIST || v[c].kind != MKT_VAL_LIST ||
		    !mkt_out_shows(o, c))
			continue;
		for (size_t i = 0; i < v[c].list.n; i++)
			add_record(o, t->cols[c].sub,
				   v[c].list.v + i * mkt_out_cols(t->cols[c].sub), true);
	}
}

static void porcelain_part_end(struct mkt_out *o)
{
	(void)o;
}

static void porcelain_close(struct mkt_out *o)
{
	if (!o->next[0])
		return;
	mkt_buf_addf(&o->buf, "# next %s", o->next);
	end_record(o);
}

const struct mkt_render mkt_render_porcelain = {
	porcelain_open, porcelain_part, porcelain_row, porcelain_part_end, porcelain_close,
};
