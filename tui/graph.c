#include "core/base/compat.h"

#include <string.h>

#include "tui/graph.h"

bool tui_range(const int64_t *v, unsigned n, int64_t *least, int64_t *most)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		if (v[i] == TUI_GAP)
			continue;
		if (!any || v[i] < *least)
			*least = v[i];
		if (!any || v[i] > *most)
			*most = v[i];
		any = true;
	}
	return any;
}

/* @value between @least and @most as 0..@steps; what is above the least is at least 1. */
static unsigned level(int64_t value, int64_t least, int64_t most, unsigned steps)
{
	uint64_t span = (uint64_t)most - (uint64_t)least, up = (uint64_t)value - (uint64_t)least;
	uint64_t step;

	if (value == TUI_GAP || value <= least || !steps) /* no room: no level */
		return 0;
	if (value >= most)
		return steps;
	step = span / steps ? span / steps : 1;
	if (span <= UINT64_MAX / steps)
		step = (up * steps + span - 1) / span;
	else
		step = up / step + 1;
	return step > steps ? steps : (unsigned)step;
}

/* ---- letters ------------------------------------------------------------------------------ */

/* Braille: dots filled from below, 0..4 on the left and on the right. */
static void braille(char out[4], unsigned left, unsigned right)
{
	static const uint8_t dots[2][5] = {{0, 0x40, 0x44, 0x46, 0x47},
					   {0, 0x80, 0xa0, 0xb0, 0xb8}};
	unsigned code = 0x2800u + dots[0][left] + dots[1][right];

	out[0] = (char)(0xe0 | code >> 12);
	out[1] = (char)(0x80 | (code >> 6 & 0x3f));
	out[2] = (char)(0x80 | (code & 0x3f));
	out[3] = '\0';
}

static const char *const up_blocks[9] = {
	" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█",
};
static const char *const side_blocks[9] = {
	" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█",
};
static const char *const ascii_up[4] = {" ", ".", ":", "#"};

static enum tui_glyphs glyphs_of(const struct tui_canvas *c)
{
	return c->utf8 ? c->glyphs : TUI_ASCII;
}

/* Steps of one cell's height. */
static unsigned steps_of(enum tui_glyphs g)
{
	return g == TUI_BRAILLE ? 4 : g == TUI_BLOCK ? 8 : 3;
}

/* What of a column of @height steps lies in the cell @from_below. */
static unsigned in_cell(unsigned height, unsigned from_below, unsigned steps)
{
	unsigned below = from_below * steps;

	return height <= below ? 0 : height - below < steps ? height - below : steps;
}

/* ---- graphs ------------------------------------------------------------------------------- */

static void column(struct tui_area a, unsigned x, enum tui_style style, const unsigned height[2])
{
	enum tui_glyphs g = glyphs_of(a.c);
	unsigned steps = steps_of(g);

	for (unsigned y = 0; y < a.rows; y++) {
		unsigned up = a.rows - 1 - y;
		unsigned l = in_cell(height[0], up, steps), r = in_cell(height[1], up, steps);
		char dots[4];

		braille(dots, g == TUI_BRAILLE ? l : 0, g == TUI_BRAILLE ? r : 0);
		if (!l && (g != TUI_BRAILLE || !r))
			tui_glyph(a, y, x, style, " ");
		else
			tui_glyph(a, y, x, style,
				  g == TUI_BRAILLE ? dots
				  : g == TUI_BLOCK ? up_blocks[l]
						   : ascii_up[l]);
	}
}

void tui_graph(struct tui_area a, enum tui_style style, const int64_t *v, unsigned n, int64_t least,
	       int64_t most)
{
	unsigned each = glyphs_of(a.c) == TUI_BRAILLE ? 2 : 1;
	unsigned steps = a.rows * steps_of(glyphs_of(a.c));

	for (unsigned x = 0; x < a.cols; x++) {
		unsigned height[2] = {0, 0};

		for (unsigned k = 0; k < each; k++) {
			unsigned back = (a.cols - x) * each - k; /* from the end, at least 1 */

			if (back <= n)
				height[k] = level(v[n - back], least, most, steps);
		}
		column(a, x, style, height);
	}
}

void tui_spark(struct tui_area a, unsigned y, unsigned x, unsigned width, enum tui_style style,
	       const int64_t *v, unsigned n)
{
	int64_t least = 0, most = 0;

	if (tui_range(v, n, &least, &most))
		tui_graph(tui_part(a, y, x, 1, width), style, v, n, least < 0 ? least : 0, most);
	else
		tui_clear(tui_part(a, y, x, 1, width), style);
}

unsigned tui_meter(struct tui_area a, unsigned y, unsigned x, unsigned width, bool right,
		   enum tui_style style, uint64_t value, uint64_t most)
{
	bool fine = glyphs_of(a.c) != TUI_ASCII && !right;
	unsigned per = fine ? 8 : 1, filled;

	value = value > INT64_MAX ? INT64_MAX : value;
	most = most > INT64_MAX ? INT64_MAX : most;
	filled = most ? level((int64_t)value, 0, (int64_t)most, width * per) : 0;
	for (unsigned i = 0; i < width; i++) {
		unsigned part = in_cell(filled, i, per);
		const char *full = glyphs_of(a.c) == TUI_ASCII ? "#" : "█";

		tui_glyph(a, y, right ? x + width - 1 - i : x + i, style,
			  !part	 ? " "
			  : fine ? side_blocks[part]
				 : full);
	}
	return (filled + per - 1) / per;
}

unsigned tui_shade(uint64_t value, uint64_t most)
{
	if (!value || !most)
		return 0;
	if (value >= most)
		return 4;
	return 1 + (unsigned)(most / 4 ? value / (most / 4) : 0) % 4;
}
