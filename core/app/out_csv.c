/*
 * The form for spreadsheets: RFC 4180 with a line of names first, lines ended by LF.
 *
 * Numbers are those of --porcelain, whole and in base units, so that sums are exact; times are
 * RFC 3339, which spreadsheets read.  What is absent is empty.
 */
#include "core/base/compat.h"

#include "core/app/out.h"
#include "core/units/fmt.h"

static void add_quoted(struct mkt_out *o, const char *s)
{
	if (!s[strcspn(s, ",\"\r\n")]) {
		mkt_buf_addstr(&o->buf, s);
		return;
	}
	mkt_buf_addch(&o->buf, '"');
	for (; *s; s++) {
		if (*s == '"')
			mkt_buf_addch(&o->buf, '"');
		mkt_buf_addch(&o->buf, (uint8_t)*s);
	}
	mkt_buf_addch(&o->buf, '"');
}

static void add_number(struct mkt_out *o, const struct mkt_col *col, uint64_t u)
{
	if (col->kind == MKT_COL_TIME)
		mkt_buf_addstr(&o->buf, mkt_fmt_utc(u).s);
	else if (col->kind == MKT_COL_TIME_MS)
		mkt_buf_addstr(&o->buf, mkt_fmt_utc_ms(u).s);
	else
		mkt_buf_addf(&o->buf, "%llu", (unsigned long long)u);
}

static void add_value(struct mkt_out *o, const struct mkt_col *col, const struct mkt_val *v)
{
	switch (v->kind) {
	case MKT_VAL_TEXT:
		add_quoted(o, v->text);
		break;
	case MKT_VAL_BYTES:
		mkt_buf_addhex(&o->buf, v->bytes.p, v->bytes.n);
		break;
	case MKT_VAL_INT:
		mkt_buf_addf(&o->buf, "%lld", (long long)v->i);
		break;
	case MKT_VAL_UINT:
		add_number(o, col, v->u);
		break;
	case MKT_VAL_WINDOW:
		mkt_buf_addstr(&o->buf, mkt_fmt_utc(v->window.start_s).s);
		break;
	default:
		break;
	}
}

static void add_comma(struct mkt_out *o, bool *any)
{
	if (*any)
		mkt_buf_addch(&o->buf, ',');
	*any = true;
}

static void csv_open(struct mkt_out *o)
{
	(void)o;
}

static void csv_part(struct mkt_out *o)
{
	bool any = false;

	for (unsigned c = 0; o->table->cols[c].name; c++) {
		if (o->table->cols[c].kind == MKT_COL_LIST || !mkt_out_shows(o, c))
			continue;
		add_comma(o, &any);
		mkt_out_name(o, o->table->cols[c].name, &o->buf);
	}
	mkt_buf_addch(&o->buf, '\n');
}

static void csv_row(struct mkt_out *o, const struct mkt_val *v)
{
	bool any = false;

	for (unsigned c = 0; o->table->cols[c].name; c++) {
		if (o->table->cols[c].kind == MKT_COL_LIST || !mkt_out_shows(o, c))
			continue;
		add_comma(o, &any);
		add_value(o, &o->table->cols[c], &v[c]);
	}
	mkt_buf_addch(&o->buf, '\n');
}

static void csv_end(struct mkt_out *o)
{
	(void)o;
}

const struct mkt_render mkt_render_csv = {csv_open, csv_part, csv_row, csv_end, csv_end};
