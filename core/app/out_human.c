/*
 * The form for people: tables and "name: value" lines.  May change in any release.
 */
#include "core/base/compat.h"

#include <assert.h>
#include <libsmartcols/libsmartcols.h>

#include "core/app/out.h"
#include "core/units/fmt.h"

#define SEPARATOR "  "
#define CUT_MIN 6u      /* a shortened column is not narrower than this */
#define ID_SHORT 8u     /* characters of an id on a terminal: enough to name it */

/* ---- values ------------------------------------------------------------------------------- */

static void add_uint(struct mkt_buf *b, enum mkt_col_kind kind, uint64_t u,
		     const struct mkt_zone *zone)
{
	switch (kind) {
	case MKT_COL_BOOL:
		mkt_buf_addstr(b, u ? "yes" : "no");
		break;
	case MKT_COL_ENERGY:
		mkt_buf_addstr(b, mkt_fmt_kwh(u).s);
		break;
	case MKT_COL_TIME:
		mkt_buf_addstr(b, mkt_fmt_local(zone, u).s);
		break;
	case MKT_COL_TIME_MS:
		mkt_buf_addstr(b, mkt_fmt_local(zone, u / 1000).s);
		break;
	case MKT_COL_DURATION:
		mkt_buf_addstr(b, mkt_fmt_span(u).s);
		break;
	case MKT_COL_DURATION_MS:
		mkt_buf_addf(b, "%s s", mkt_fmt_decimal((int64_t)(u & INT64_MAX), 3, 0).s);
		break;
	case MKT_COL_SHARE:
		mkt_buf_addstr(b, mkt_fmt_share((uint32_t)u, 10000).s);
		break;
	case MKT_COL_BYTES:
		mkt_buf_addstr(b, mkt_fmt_bytes(u).s);
		break;
	default:
		mkt_buf_addf(b, "%llu", (unsigned long long)u);
	}
}

/* Two decimals at least, all that the value has at most. */
static void add_int(struct mkt_buf *b, enum mkt_col_kind kind, int64_t i)
{
	switch (kind) {
	case MKT_COL_POWER:
		mkt_buf_addstr(b, mkt_fmt_decimal(i, 3, 3).s);
		break;
	case MKT_COL_PRICE:
		mkt_buf_addstr(b, mkt_fmt_decimal(i, 3, 2).s);
		break;
	case MKT_COL_MONEY:
		mkt_buf_addstr(b, mkt_fmt_decimal(i, 6, 2).s);
		break;
	default:
		mkt_buf_addf(b, "%lld", (long long)i);
	}
}

void mkt_out_human(const struct mkt_out *o, enum mkt_col_kind kind, const struct mkt_val *v,
		   struct mkt_buf *b)
{
	size_t start = b->len;
	struct mkt_zone utc;
	const struct mkt_zone *zone = o->zone;

	if (!zone && (v->kind == MKT_VAL_UINT || v->kind == MKT_VAL_WINDOW)) {
		mkt_zone_utc(&utc);
		zone = &utc;
	}
	switch (v->kind) {
	case MKT_VAL_TEXT:
		mkt_term_clean(o->term, v->text, b);
		break;
	case MKT_VAL_BYTES:
		mkt_buf_addhex(b, v->bytes.p, v->bytes.n);
		break;
	case MKT_VAL_INT:
		add_int(b, kind, v->i);
		break;
	case MKT_VAL_UINT:
		add_uint(b, kind, v->u, zone);
		break;
	case MKT_VAL_WINDOW:
		mkt_buf_addstr(b, mkt_fmt_window(zone, v->window.start_s, v->window.length_s).s);
		break;
	case MKT_VAL_LIST:
		mkt_buf_addf(b, "%zu", v->list.n);
		break;
	default:
		mkt_buf_addch(b, '-');
	}
	if (kind == MKT_COL_ID && o->term->out_tty && !o->verbose && b->len > start + ID_SHORT) {
		b->len = start + ID_SHORT;
		b->data[b->len] = 0;
	}
}

void mkt_out_unit(const struct mkt_out *o, enum mkt_col_kind kind, char *out, size_t size)
{
	switch (kind) {
	case MKT_COL_ENERGY:
		snprintf(out, size, "kWh");
		break;
	case MKT_COL_POWER:
		snprintf(out, size, "kW");
		break;
	case MKT_COL_PRICE:
		snprintf(out, size, "%s/kWh", o->currency);
		break;
	case MKT_COL_MONEY:
		snprintf(out, size, "%s", o->currency);
		break;
	default:
		out[0] = 0;
	}
}

/* ---- tables ------------------------------------------------------------------------------- */

/* The columns that a person sees, and how wide they are. */
struct layout {
	unsigned n;
	unsigned shown; /* the first of them, as many as the terminal has room for */
	unsigned col[MKT_COLS_MAX];
	unsigned width[MKT_COLS_MAX];
	char head[MKT_COLS_MAX][48];
};

/* --fields names what is seen; without it, what has a header, wide columns with -v only. */
static bool is_seen(const struct mkt_out *o, unsigned c)
{
	const struct mkt_col *col = &o->table->cols[c];

	if (!mkt_out_shows(o, c))
		return false;
	if (o->fields)
		return true;
	return col->head && (!col->wide || o->verbose);
}

static void add_head(const struct mkt_out *o, const struct mkt_col *col, char *out, size_t size)
{
	char unit[16];
	struct mkt_buf name = MKT_BUF_INIT;

	mkt_out_unit(o, col->kind, unit, sizeof(unit));
	if (!col->head)
		mkt_out_name(o, col->name, &name);
	snprintf(out, size, "%s%s%s", col->head ? col->head : mkt_buf_str(&name),
		 unit[0] && (!col->head || col->head[0]) ? " " : "", unit);
	mkt_buf_release(&name);
}

static void find_columns(const struct mkt_out *o, struct layout *l)
{
	l->n = 0;
	for (unsigned c = 0; o->table->cols[c].name; c++) {
		if (!is_seen(o, c))
			continue;
		l->col[l->n] = c;
		add_head(o, &o->table->cols[c], l->head[l->n], sizeof(l->head[0]));
		l->width[l->n] = mkt_term_width(o->term, l->head[l->n]);
		l->n++;
	}
}

/* Cells are kept as a colour byte and a text each, in the order of rows. */
static void keep_cells(struct mkt_out *o, const struct mkt_val *v)
{
	for (unsigned c = 0; o->table->cols[c].name; c++) {
		if (!is_seen(o, c))
			continue;
		mkt_buf_addch(&o->cells, (uint8_t)(v[c].color + 1));
		mkt_out_human(o, o->table->cols[c].kind, &v[c], &o->cells);
		mkt_buf_addch(&o->cells, 0);
		o->n_cells++;
	}
}

static char *next_cell(char *cell)
{
	return cell + strlen(cell) + 1;
}

static void measure(const struct mkt_out *o, struct layout *l)
{
	char *cell = (char *)o->cells.data;

	for (size_t i = 0; i < o->n_cells; i++, cell = next_cell(cell)) {
		unsigned w = mkt_term_width(o->term, cell + 1);

		if (w > l->width[i % l->n])
			l->width[i % l->n] = w;
	}
}

/* Take from the widest column that may be cut until the line fits, or none is left. */
static void squeeze(const struct mkt_out *o, struct layout *l)
{
	unsigned total = (l->n - 1) * (unsigned)strlen(SEPARATOR);

	for (unsigned i = 0; i < l->n; i++)
		total += l->width[i];
	while (total > o->term->columns) {
		unsigned widest = l->n;

		for (unsigned i = 0; i < l->n; i++)
			if (o->table->cols[l->col[i]].cut && l->width[i] > CUT_MIN &&
			    (widest == l->n || l->width[i] > l->width[widest]))
				widest = i;
		if (widest == l->n)
			return;
		l->width[widest]--;
		total--;
	}
}

static bool is_right(enum mkt_col_kind kind);

/* What no squeezing makes fit is cut off at the edge; a '~' in the header tells. */
static void cut_off(const struct mkt_out *o, struct layout *l)
{
	unsigned sep = (unsigned)strlen(SEPARATOR), total = (l->n - 1) * sep, last = l->n - 1;
	size_t len;

	for (unsigned i = 0; i < l->n; i++)
		total += l->width[i];
	for (; last && total > o->term->columns; last--) {
		unsigned over = total - o->term->columns;

		if (!is_right(o->table->cols[l->col[last]].kind) &&
		    l->width[last] >= over + CUT_MIN) {
			l->width[last] -= over;
			break;
		}
		total -= l->width[last] + sep;
	}
	l->shown = last + 1;
	len = strlen(l->head[last]);
	if (l->shown == l->n || !l->width[last])
		return;
	if (len + 2 <= l->width[last] && len + 3 <= sizeof(l->head[0]))
		memcpy(l->head[last] + len, " ~", 3);
	else if (l->width[last] <= len)
		memcpy(l->head[last] + l->width[last] - 1, "~", 2);
}

static bool is_right(enum mkt_col_kind kind)
{
	switch (kind) {
	case MKT_COL_INT:
	case MKT_COL_UINT:
	case MKT_COL_BIG:
	case MKT_COL_ENERGY:
	case MKT_COL_POWER:
	case MKT_COL_PRICE:
	case MKT_COL_MONEY:
	case MKT_COL_DURATION:
	case MKT_COL_DURATION_MS:
	case MKT_COL_SHARE:
	case MKT_COL_BYTES:
	case MKT_COL_LIST:
		return true;
	default:
		return false;
	}
}

static struct libscols_table *new_table(const struct mkt_out *o, const struct layout *l)
{
	struct libscols_table *t = scols_new_table();

	if (!t)
		return NULL;
	scols_table_set_termforce(t, SCOLS_TERMFORCE_NEVER); /* widths are ours */
	scols_table_set_column_separator(t, SEPARATOR);
	scols_table_enable_colors(t, o->term->color);
	for (unsigned i = 0; i < l->shown; i++) {
		enum mkt_col_kind kind = o->table->cols[l->col[i]].kind;

		if (!scols_table_new_column(t, l->head[i], l->width[i],
					    is_right(kind) ? SCOLS_FL_RIGHT : 0)) {
			scols_unref_table(t);
			return NULL;
		}
	}
	return t;
}

static bool fill_table(const struct mkt_out *o, const struct layout *l, struct libscols_table *t)
{
	struct libscols_line *line = NULL;
	char *cell = (char *)o->cells.data, *next;

	for (size_t i = 0; i < o->n_cells; i++, cell = next) {
		size_t at = i % l->n;
		enum mkt_color color = (enum mkt_color)(cell[0] - 1);

		next = next_cell(cell);
		if (!at)
			line = scols_table_new_line(t, NULL);
		if (at >= l->shown)
			continue;
		mkt_term_cut(o->term, cell + 1, l->width[at]);
		if (!line || scols_line_set_data(line, at, cell + 1) < 0)
			return false;
		if (color != MKT_COLOR_NONE)
			scols_cell_set_color(scols_line_get_cell(line, at),
					     mkt_term_paint(o->term->color, color));
	}
	return true;
}

static void print_table(struct mkt_out *o, const struct layout *l)
{
	struct libscols_table *t = new_table(o, l);
	char *text = NULL;

	if (!t || !fill_table(o, l, t) || scols_print_table_to_string(t, &text) < 0) {
		o->buf.bad = true;
	} else if (o->n_cells) {
		mkt_buf_addstr(&o->buf, text);
		if (o->buf.len && o->buf.data[o->buf.len - 1] != '\n')
			mkt_buf_addch(&o->buf, '\n');
	} else {
		for (unsigned i = 0; i < l->n; i++)
			mkt_buf_addf(&o->buf, "%s%s", i ? SEPARATOR : "", l->head[i]);
		mkt_buf_addch(&o->buf, '\n');
	}
	free(text);
	scols_unref_table(t);
}

/* One object: a line for each value, headers in a column of their own. */
static void print_object(struct mkt_out *o, const struct layout *l)
{
	char *cell = (char *)o->cells.data;
	unsigned widest = 0;

	for (unsigned i = 0; i < l->n; i++) {
		unsigned w = (unsigned)strlen(o->table->cols[l->col[i]].head ?
					      o->table->cols[l->col[i]].head : l->head[i]);

		widest = w > widest ? w : widest;
	}
	for (unsigned i = 0; i < l->n && i < o->n_cells; i++, cell = next_cell(cell)) {
		const struct mkt_col *c = &o->table->cols[l->col[i]];
		const char *head = c->head ? c->head : l->head[i];
		char unit[16];

		mkt_out_unit(o, c->kind, unit, sizeof(unit));
		mkt_buf_addf(&o->buf, "%s%*s%s%s%s", head, (int)(widest - strlen(head) + 2), "",
			     mkt_term_paint(o->term->color, (enum mkt_color)(cell[0] - 1)),
			     cell + 1, cell[0] > 1 ? mkt_term_plain(o->term->color) : "");
		if (unit[0] && strcmp(cell + 1, "-") != 0)
			mkt_buf_addf(&o->buf, " %s", unit);
		mkt_buf_addch(&o->buf, '\n');
	}
}

/* Events as they come: one line each, no columns to wait for. */
static void print_event(struct mkt_out *o)
{
	char *cell = (char *)o->cells.data;

	for (size_t i = 0; i < o->n_cells; i++, cell = next_cell(cell))
		mkt_buf_addf(&o->buf, "%s%s", i ? SEPARATOR : "", cell + 1);
	mkt_buf_addch(&o->buf, '\n');
	mkt_buf_clear(&o->cells);
	o->n_cells = 0;
}

static void human_open(struct mkt_out *o)
{
	mkt_buf_clear(&o->cells);
	o->n_cells = 0;
}

static void human_part(struct mkt_out *o)
{
	if (o->doc->parts[0] != o->table && !o->doc->stream && o->buf.len)
		mkt_buf_addch(&o->buf, '\n');
}

static void human_row(struct mkt_out *o, const struct mkt_val *v)
{
	keep_cells(o, v);
	if (o->doc->stream)
		print_event(o);
}

static void human_part_end(struct mkt_out *o)
{
	struct layout l;

	if (o->doc->stream)
		return;
	find_columns(o, &l);
	if (!l.n)
		return;
	if (o->cells.bad) {
		o->buf.bad = true;
	} else if (o->table->one) {
		print_object(o, &l);
	} else {
		measure(o, &l);
		l.shown = l.n;
		if (o->term->out_tty) {
			squeeze(o, &l);
			cut_off(o, &l);
		}
		print_table(o, &l);
	}
	mkt_buf_clear(&o->cells);
	o->n_cells = 0;
}

static void human_close(struct mkt_out *o)
{
	if (o->next[0])
		mkt_buf_addf(&o->buf, "~ more: --cursor %s\n", o->next);
}

const struct mkt_render mkt_render_human = {
	human_open, human_part, human_row, human_part_end, human_close,
};
