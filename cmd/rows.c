/*
 * From the server's JSON to rows of output.
 */
#include "core/base/compat.h"

#include "cmd/session.h"

#define IDS_BYTES 24 /* "b18446744073709551615" */

/* Texts and nested rows that must live until the row is handed over. */
struct scratch {
	char (*ids)[IDS_BYTES];
	unsigned nids, cap;
	struct mkt_val *lists[MKT_COLS_MAX];
	unsigned nlists;
};

#define WAY_MAX 3

/* The way down a path; values borrow their parents and keys, so all of it stays. */
struct way {
	struct mkt_jval at[WAY_MAX];
	char keys[WAY_MAX][32];
};

/* Follow "window.start".  NULL: not there. */
static const struct mkt_jval *walk(const struct mkt_jval *obj, const char *path, struct way *way)
{
	for (unsigned i = 0; i < WAY_MAX; i++) {
		size_t n = strcspn(path, ".");

		snprintf(way->keys[i], sizeof(way->keys[i]), "%.*s", (int)n, path);
		if (!mkt_jval_has(obj, way->keys[i]) ||
		    mkt_jval_get(obj, way->keys[i], &way->at[i], NULL))
			return NULL;
		obj = &way->at[i];
		path += n;
		if (!*path++)
			return obj;
	}
	return NULL;
}

static int int_value(const struct mkt_jval *v, struct mkt_val *out, struct mkt_err *err)
{
	int64_t i;
	int rc = mkt_jval_i64(v, INT64_MIN, INT64_MAX, &i, err);

	if (!rc)
		*out = mkt_v_int(i);
	return rc;
}

static int uint_value(const struct mkt_jval *v, struct mkt_val *out, struct mkt_err *err)
{
	uint64_t u;
	int rc = mkt_jval_u64(v, UINT64_MAX, &u, err);

	if (!rc)
		*out = mkt_v_uint(u);
	return rc;
}

static int bool_value(const struct mkt_jval *v, struct mkt_val *out, struct mkt_err *err)
{
	bool b;
	int rc = mkt_jval_bool(v, &b, err);

	if (!rc)
		*out = mkt_v_bool(b);
	return rc;
}

static int text_value(const struct mkt_jval *v, struct mkt_val *out, struct mkt_err *err)
{
	const char *text;
	int rc = mkt_jval_str(v, &text, NULL, err);

	/* Nothing was said: absent. */
	if (!rc)
		*out = mkt_v_text(*text ? text : NULL);
	return rc;
}

/* Times come as RFC 3339 or as a number in the unit of the column. */
static int time_value(const struct mkt_jval *v, bool ms, struct mkt_val *out, struct mkt_err *err)
{
	const char *text;
	uint64_t t;

	if (mkt_jval_type(v) == MKT_JINT)
		return uint_value(v, out, err);
	if (mkt_jval_str(v, &text, NULL, err) || mkt_time_parse(text, &t))
		return mkt_err_set(err, MKT_EUNAVAILABLE, "the server's answer has a bad time");
	*out = mkt_v_uint(ms ? t : t / 1000);
	return 0;
}

static int window_value(struct mkt_session *s, const struct mkt_jval *v, struct mkt_val *out,
			struct mkt_err *err)
{
	struct mkt_val start;
	int rc = time_value(v, false, &start, err);

	if (!rc)
		*out = mkt_v_window(start.u, s->facts.window_s);
	return rc;
}

/* People know bids and contracts by letter and number. */
static int id_value(struct mkt_session *s, char prefix, const struct mkt_jval *v,
		    struct mkt_val *out, struct scratch *k)
{
	int rc = uint_value(v, out, &s->app->err);

	if (rc || s->app->out.form != MKT_FORM_HUMAN || k->nids == k->cap)
		return rc;
	snprintf(k->ids[k->nids], IDS_BYTES, "%c%llu", prefix, (unsigned long long)out->u);
	*out = mkt_v_text(k->ids[k->nids++]);
	return 0;
}

static int fill_row(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		    const struct mkt_jval *obj, struct mkt_val *out, struct scratch *k);

static int list_value(struct mkt_session *s, const struct mkt_col *col,
		      const struct mkt_source *from, const struct mkt_jval *v, struct mkt_val *out,
		      struct scratch *k)
{
	size_t n = mkt_jval_count(v), cols = mkt_out_cols(col->sub), i = 0;
	struct mkt_val *rows = calloc(n * cols + 1, sizeof(*rows));
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int rc = 0;

	if (!rows)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	k->lists[k->nlists++] = rows;
	while (!rc && i < n && mkt_jval_next(v, &it, &at))
		rc = fill_row(s, col->sub, from, &at, rows + i++ * cols, k);
	*out = mkt_v_list(rows, n);
	return rc;
}

static int value_of(struct mkt_session *s, const struct mkt_col *col, const struct mkt_source *from,
		    const struct mkt_jval *obj, struct mkt_val *out, struct scratch *k)
{
	struct way way;
	const struct mkt_jval *v = from->path ? walk(obj, from->path, &way) : NULL;
	struct mkt_err *err = &s->app->err;

	*out = mkt_v_none();
	if (!v)
		return 0;
	if (from->prefix)
		return id_value(s, from->prefix, v, out, k);
	switch (col->kind) {
	case MKT_COL_LIST:
		return list_value(s, col, from->sub, v, out, k);
	case MKT_COL_BOOL:
		return bool_value(v, out, err);
	case MKT_COL_INT:
	case MKT_COL_POWER:
	case MKT_COL_PRICE:
	case MKT_COL_MONEY:
		return int_value(v, out, err);
	case MKT_COL_TIME:
	case MKT_COL_TIME_MS:
		return time_value(v, col->kind == MKT_COL_TIME_MS, out, err);
	case MKT_COL_WINDOW:
		return window_value(s, v, out, err);
	case MKT_COL_TEXT:
	case MKT_COL_ID:
		return text_value(v, out, err);
	default:
		return uint_value(v, out, err);
	}
}

static int fill_row(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		    const struct mkt_jval *obj, struct mkt_val *out, struct scratch *k)
{
	for (unsigned c = 0; t->cols[c].name; c++) {
		int rc = value_of(s, &t->cols[c], &from[c], obj, &out[c], k);

		if (rc)
			return mkt_err_wrap(&s->app->err, "cannot read the server's answer");
	}
	return 0;
}

/* Every integer of the row may be an id. */
static unsigned count_ids(const struct mkt_jval *v)
{
	unsigned n = 0;
	struct mkt_jiter it = {0};
	struct mkt_jval at;

	while (mkt_jval_next(v, &it, &at)) {
		enum mkt_jtype type = mkt_jval_type(&at);
		struct mkt_jiter it2 = {0};
		struct mkt_jval at2;

		n++;
		if (type != MKT_JARR)
			continue;
		while (mkt_jval_next(&at, &it2, &at2))
			n += (unsigned)mkt_jval_count(&at2);
	}
	return n;
}

int mkt_rows_named(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		   const struct mkt_jval *obj, const char *first)
{
	struct mkt_val row[MKT_COLS_MAX];
	struct scratch k = {.cap = count_ids(obj)};
	int rc;

	k.ids = calloc(k.cap + 1, IDS_BYTES);
	if (!k.ids)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	rc = fill_row(s, t, from, obj, row, &k);
	if (first)
		row[0] = mkt_v_text(first);
	if (!rc)
		mkt_out_row(&s->app->out, row);
	for (unsigned i = 0; i < k.nlists; i++)
		free(k.lists[i]);
	free(k.ids);
	return rc;
}

int mkt_rows_one(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		 const struct mkt_jval *obj)
{
	return mkt_rows_named(s, t, from, obj, NULL);
}

int mkt_rows_add(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		 const struct mkt_jval *rows)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int rc = 0;

	while (!rc && mkt_jval_next(rows, &it, &at))
		rc = mkt_rows_one(s, t, from, &at);
	return rc;
}
