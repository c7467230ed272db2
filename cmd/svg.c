/* Charts as SVG. */
#include "core/base/compat.h"

#include "cmd/svg.h"
#include "core/units/fmt.h"

#define WIDTH 720
#define HEIGHT 300
#define LEFT 64 /* for the numbers of the y axis */
#define RIGHT 12
#define TOP 46 /* title and legend */
#define BOTTOM 44
#define TICKS 5
#define LETTER 7 /* width of one, about */

/* Told apart by people who see red and green alike; after Okabe and Ito. */
static const char *const colors[SVG_SERIES_MAX] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
						   "#56b4e9", "#d55e00", "#999999", "#f0e442"};

/* Where values and places lie. */
struct frame {
	const struct svg_chart *c;
	unsigned x, y, w, h; /* of the field, pixels */
	int64_t least, most; /* of the y axis */
	int64_t step;
};

void svg_text(struct mkt_buf *out, const char *text)
{
	static const struct {
		char c;
		const char *as;
	} marks[] = {
		{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		const char *as = NULL;

		for (size_t i = 0; i < MKT_ARRAY_SIZE(marks); i++)
			if ((unsigned char)marks[i].c == *p)
				as = marks[i].as;
		if (as)
			mkt_buf_addstr(out, as);
		else /* what is not ASCII may be half a letter: names here are ASCII, or shown so */
			mkt_buf_addch(out, *p < 0x20 || *p > 0x7e ? '?' : *p);
	}
}

/* ---- the y axis ------------------------------------------------------------------------- */

/* Nothing here may overflow, whatever the values: they are halved in thought. */
static uint64_t span(int64_t least, int64_t most)
{
	return (uint64_t)most - (uint64_t)least;
}

/* 1, 2 or 5 times a power of ten, so that a few of them cover @range. */
static int64_t nice_step(uint64_t range)
{
	static const uint64_t parts[] = {1, 2, 5};
	uint64_t ten = 1;

	for (;;) {
		for (size_t i = 0; i < MKT_ARRAY_SIZE(parts); i++)
			if (range / (ten * parts[i]) <= TICKS)
				return (int64_t)(ten * parts[i]);
		if (ten > INT64_MAX / 100)
			return INT64_MAX / 2;
		ten *= 10;
	}
}

/* The height of the pile on @i, or the value of series @k there; SVG_GAP: none. */
static int64_t value_at(const struct svg_chart *c, unsigned k, unsigned i)
{
	return c->series[k].values[i];
}

static int64_t pile(const struct svg_chart *c, unsigned nseries, unsigned i)
{
	int64_t sum = 0, v;

	for (unsigned k = 0; k < nseries; k++) {
		v = value_at(c, k, i);
		if (v != SVG_GAP && v > 0 && __builtin_add_overflow(sum, v, &sum))
			return INT64_MAX / 2;
	}
	return sum;
}

static void take(struct frame *f, int64_t v)
{
	/* Pixels are counted in a quarter of the range that fits. */
	v = v > INT64_MAX / 4 ? INT64_MAX / 4 : v < INT64_MIN / 4 ? INT64_MIN / 4 : v;
	if (v < f->least)
		f->least = v;
	if (v > f->most)
		f->most = v;
}

static void find_range(struct frame *f)
{
	const struct svg_chart *c = f->c;

	for (unsigned i = 0; i < c->places; i++) {
		if (c->kind == SVG_STACKED)
			take(f, pile(c, c->nseries, i));
		for (unsigned k = 0; c->kind != SVG_STACKED && k < c->nseries; k++)
			if (value_at(c, k, i) != SVG_GAP)
				take(f, value_at(c, k, i));
	}
	take(f, c->least);
	take(f, c->most);
	f->step = nice_step(span(f->least, f->most));
	f->least -= (f->least % f->step + f->step) % f->step;
	if (f->most % f->step || f->most == f->least)
		f->most += f->step - (f->most % f->step + f->step) % f->step;
}

/* Pixel of @v from the top. */
static unsigned y_of(const struct frame *f, int64_t v)
{
	uint64_t range = span(f->least, f->most), up;

	v = v < f->least ? f->least : v > f->most ? f->most : v;
	up = span(f->least, v);
	while (range > UINT64_MAX / (f->h + 1)) {
		range /= 2;
		up /= 2;
	}
	return f->y + f->h - (range ? (unsigned)(up * f->h / range) : 0);
}

static unsigned x_of(const struct frame *f, unsigned place, unsigned part, unsigned parts)
{
	return f->x + (unsigned)(((uint64_t)place * parts + part) * f->w /
				 ((uint64_t)f->c->places * parts));
}

/* ---- drawing ---------------------------------------------------------------------------- */

static void label(struct mkt_buf *out, unsigned x, unsigned y, const char *anchor, const char *text)
{
	mkt_buf_addf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"%s\">", x, y, anchor);
	svg_text(out, text);
	mkt_buf_addstr(out, "</text>\n");
}

static void draw_y(struct mkt_buf *out, const struct frame *f)
{
	for (int64_t v = f->least; v <= f->most; v += f->step) {
		unsigned y = y_of(f, v);

		mkt_buf_addf(out, "<line x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\" stroke=\"%s\"/>\n",
			     f->x, y, f->x + f->w, y, v ? "#ddd" : "#555");
		label(out, f->x - 6, y + 4, "end", mkt_fmt_decimal(v, f->c->decimals, 0).s);
	}
	label(out, 4, TOP - 8, "start", f->c->y_title ? f->c->y_title : "");
}

/* As many names as fit beside one another. */
static void draw_x(struct mkt_buf *out, const struct frame *f)
{
	const struct svg_chart *c = f->c;
	unsigned widest = 1, every;
	char name[64];

	for (unsigned i = 0; c->place && i < c->places; i++) {
		const char *text = c->place(c->ctx, i, name);
		unsigned n = text ? (unsigned)strlen(text) : 0;

		widest = n > widest ? n : widest;
	}
	every = c->places * (widest + 1) * LETTER / f->w + 1;
	for (unsigned i = 0; c->place && i < c->places; i += every) {
		const char *text = c->place(c->ctx, i, name);

		if (text)
			label(out, x_of(f, i, 1, 2), f->y + f->h + 16, "middle", text);
	}
	label(out, f->x + f->w / 2, f->y + f->h + 34, "middle", c->x_title ? c->x_title : "");
}

static void draw_legend(struct mkt_buf *out, const struct frame *f)
{
	const struct svg_chart *c = f->c;
	unsigned x = f->x + 60;

	for (unsigned k = 0; k < c->nseries; k++) {
		mkt_buf_addf(out,
			     "<rect x=\"%u\" y=\"%u\" width=\"10\" height=\"10\" fill=\"%s\"/>\n",
			     x, TOP - 18, colors[k]);
		label(out, x + 14, TOP - 8, "start", c->series[k].name);
		x += 30 + (unsigned)strlen(c->series[k].name) * LETTER;
	}
}

static void bar(struct mkt_buf *out, unsigned x, unsigned w, unsigned y1, unsigned y2,
		const char *color)
{
	unsigned top = y1 < y2 ? y1 : y2, h = y1 < y2 ? y2 - y1 : y1 - y2;

	if (h)
		mkt_buf_addf(out,
			     "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"%s\"/>\n",
			     x, top, w ? w : 1, h, color);
}

static void draw_bars(struct mkt_buf *out, const struct frame *f)
{
	const struct svg_chart *c = f->c;
	unsigned parts = c->nseries + 1; /* and one between places */

	for (unsigned i = 0; i < c->places; i++)
		for (unsigned k = 0; k < c->nseries; k++) {
			int64_t v = value_at(c, k, i);
			unsigned x = x_of(f, i, 2 * k + 1, 2 * parts);

			if (v != SVG_GAP)
				bar(out, x, x_of(f, i, 2 * k + 3, 2 * parts) - x, y_of(f, 0),
				    y_of(f, v), colors[k]);
		}
}

static void draw_stacks(struct mkt_buf *out, const struct frame *f)
{
	const struct svg_chart *c = f->c;

	for (unsigned i = 0; i < c->places; i++)
		for (unsigned k = 0; k < c->nseries; k++) {
			unsigned x = x_of(f, i, 1, 8);

			bar(out, x, x_of(f, i, 7, 8) - x, y_of(f, pile(c, k, i)),
			    y_of(f, pile(c, k + 1, i)), colors[k]);
		}
}

/* A step a place; a gap begins a new line. */
static void draw_lines(struct mkt_buf *out, const struct frame *f)
{
	const struct svg_chart *c = f->c;

	for (unsigned k = 0; k < c->nseries; k++) {
		bool open = false;

		mkt_buf_addf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"",
			     colors[k]);
		for (unsigned i = 0; i < c->places; i++) {
			int64_t v = value_at(c, k, i);

			if (v == SVG_GAP) {
				open = false;
				continue;
			}
			mkt_buf_addf(out, "%s%u %uH%u", open ? "L" : "M", x_of(f, i, 0, 1),
				     y_of(f, v), x_of(f, i + 1, 0, 1));
			open = true;
		}
		mkt_buf_addstr(out, "\"/>\n");
	}
}

void svg_chart(struct mkt_buf *out, const struct svg_chart *c)
{
	unsigned width = c->width ? c->width : WIDTH, height = c->height ? c->height : HEIGHT;
	struct frame f = {.c = c, .x = LEFT, .y = TOP};

	width = width < 2 * LEFT ? 2 * LEFT : width;
	height = height < 2 * (TOP + BOTTOM) ? 2 * (TOP + BOTTOM) : height;
	f.w = width - LEFT - RIGHT;
	f.h = height - TOP - BOTTOM;
	mkt_buf_addf(
		out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n",
		width, height, width, height);
	mkt_buf_addstr(out, "<title>");
	svg_text(out, c->title);
	mkt_buf_addf(out, "</title>\n<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n", width,
		     height);
	mkt_buf_addf(out, "<text x=\"%u\" y=\"16\" font-size=\"14\" font-weight=\"bold\">", LEFT);
	svg_text(out, c->title);
	mkt_buf_addstr(out, "</text>\n");
	find_range(&f);
	draw_y(out, &f);
	if (c->places) {
		draw_x(out, &f);
		if (c->kind == SVG_LINES)
			draw_lines(out, &f);
		else if (c->kind == SVG_STACKED)
			draw_stacks(out, &f);
		else
			draw_bars(out, &f);
	}
	draw_legend(out, &f);
	mkt_buf_addstr(out, "</svg>\n");
}
