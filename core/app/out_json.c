/*
 * The form for programs: mkt-json(5).  Fields are only ever added within a
 * schema's number.
 */
#include "core/base/compat.h"

#include <assert.h>

#include "core/app/out.h"
#include "core/units/fmt.h"

static void add_time(struct mkt_jw *w, uint64_t time_ms, bool with_ms)
{
	mkt_jw_str(w, with_ms ? mkt_fmt_utc_ms(time_ms).s : mkt_fmt_utc(time_ms / 1000).s);
}

static void add_window(struct mkt_jw *w, const struct mkt_val *v)
{
	mkt_jw_obj(w);
	mkt_jw_key(w, "start");
	add_time(w, v->window.start_s * 1000, false);
	mkt_jw_key(w, "end");
	add_time(w, (v->window.start_s + v->window.length_s) * 1000, false);
	mkt_jw_obj_end(w);
}

static void add_uint(struct mkt_jw *w, enum mkt_col_kind kind, uint64_t u)
{
	switch (kind) {
	case MKT_COL_BOOL:
		mkt_jw_bool(w, u != 0);
		break;
	case MKT_COL_BIG:
		mkt_jw_u64s(w, u);
		break;
	case MKT_COL_TIME:
		add_time(w, u * 1000, false);
		break;
	case MKT_COL_TIME_MS:
		add_time(w, u, true);
		break;
	default:
		mkt_jw_u64(w, u);
	}
}

static void add_plain(struct mkt_jw *w, const struct mkt_col *c, const struct mkt_val *v)
{
	switch (v->kind) {
	case MKT_VAL_TEXT:
		mkt_jw_str(w, v->text);
		break;
	case MKT_VAL_BYTES:
		mkt_jw_hex(w, v->bytes.p, v->bytes.n);
		break;
	case MKT_VAL_INT:
		if (c->kind == MKT_COL_MONEY)
			mkt_jw_i64s(w, v->i);
		else
			mkt_jw_i64(w, v->i);
		break;
	case MKT_VAL_UINT:
		add_uint(w, c->kind, v->u);
		break;
	case MKT_VAL_WINDOW:
		add_window(w, v);
		break;
	default:
		mkt_jw_null(w);
	}
}

static void add_key(struct mkt_out *o, const char *path)
{
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_out_name(o, path, &b);
	mkt_jw_key(&o->jw, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static void add_members(struct mkt_out *o, const struct mkt_table *t, const struct mkt_val *v,
			uint64_t shown);

static void add_list(struct mkt_out *o, const struct mkt_table *t, const struct mkt_val *v)
{
	unsigned cols = mkt_out_cols(t);

	if (v->kind != MKT_VAL_LIST) {
		mkt_jw_null(&o->jw);
		return;
	}
	mkt_jw_arr(&o->jw);
	for (size_t i = 0; i < v->list.n; i++) {
		mkt_jw_obj(&o->jw);
		add_members(o, t, v->list.v + i * cols, UINT64_MAX);
		mkt_jw_obj_end(&o->jw);
	}
	mkt_jw_arr_end(&o->jw);
}

/* Columns whose paths begin with the same word, one after another, share an object. */
static void add_members(struct mkt_out *o, const struct mkt_table *t, const struct mkt_val *v,
			uint64_t shown)
{
	const char *open = NULL;
	size_t open_len = 0;

	for (unsigned c = 0; t->cols[c].name; c++) {
		const char *path = t->cols[c].json ? t->cols[c].json : t->cols[c].name;
		const char *dot = strchr(path, '.');
		size_t len = dot ? (size_t)(dot - path) : 0;

		if (!(shown >> c & 1) || (o->sparse && v[c].kind == MKT_VAL_NONE))
			continue;
		if (open && (len != open_len || memcmp(open, path, len) != 0)) {
			mkt_jw_obj_end(&o->jw);
			open = NULL;
		}
		if (dot && !open) {
			char first[64];

			snprintf(first, sizeof(first), "%.*s", (int)len, path);
			add_key(o, first);
			mkt_jw_obj(&o->jw);
			open = path;
			open_len = len;
		}
		add_key(o, dot ? dot + 1 : path);
		if (t->cols[c].kind == MKT_COL_LIST)
			add_list(o, t->cols[c].sub, &v[c]);
		else
			add_plain(&o->jw, &t->cols[c], &v[c]);
	}
	if (open)
		mkt_jw_obj_end(&o->jw);
}

static void add_head(struct mkt_out *o)
{
	char schema[64];

	snprintf(schema, sizeof(schema), "mkt.%s/%d", o->doc->schema, o->doc->version);
	mkt_jw_obj(&o->jw);
	mkt_jw_kstr(&o->jw, "schema", schema);
	/* An event tells its own block. */
	if (!o->has_meta || o->doc->stream)
		return;
	mkt_jw_ku64(&o->jw, "height", o->height);
	mkt_jw_key(&o->jw, "as_of");
	add_time(&o->jw, o->as_of_ms, true);
	mkt_jw_kbool(&o->jw, "stale", o->stale);
}

static void json_open(struct mkt_out *o)
{
	mkt_jw_init(&o->jw, &o->buf);
	if (o->doc->stream)
		return;
	add_head(o);
	mkt_jw_key(&o->jw, "data");
	if (o->doc->parts[1])
		mkt_jw_obj(&o->jw);
}

static void json_part(struct mkt_out *o)
{
	if (o->doc->stream)
		return;
	if (o->doc->parts[1])
		mkt_jw_key(&o->jw, o->table->name);
	if (!o->table->one)
		mkt_jw_arr(&o->jw);
}

static void json_row(struct mkt_out *o, const struct mkt_val *v)
{
	uint64_t shown = 0;

	for (unsigned c = 0; o->table->cols[c].name; c++)
		shown |= (uint64_t)mkt_out_shows(o, c) << c;
	if (o->doc->stream) {
		add_head(o);
		if (o->doc->parts[1])
			mkt_jw_kstr(&o->jw, "type", o->table->name);
	} else {
		mkt_jw_obj(&o->jw);
	}
	add_members(o, o->table, v, shown);
	mkt_jw_obj_end(&o->jw);
	if (o->doc->stream)
		mkt_buf_addch(&o->buf, '\n');
}

static void json_part_end(struct mkt_out *o)
{
	if (o->doc->stream)
		return;
	if (!o->table->one)
		mkt_jw_arr_end(&o->jw);
	else if (!o->n_rows)
		mkt_jw_null(&o->jw);
}

static void json_close(struct mkt_out *o)
{
	if (o->doc->stream)
		return;
	if (o->doc->parts[1])
		mkt_jw_obj_end(&o->jw);
	if (o->next[0])
		mkt_jw_kstr(&o->jw, "next", o->next);
	mkt_jw_obj_end(&o->jw);
	mkt_buf_addch(&o->buf, '\n');
}

const struct mkt_render mkt_render_json = {
	json_open, json_part, json_row, json_part_end, json_close,
};
