/*
 * Graphs of letters: lines of dots, bars, one-row histories, shades.  Each degrades
 * from braille (2 x 4 dots a cell) over blocks (eighths of a cell) to ASCII, by the
 * canvas' glyphs; the same values at the same size give the same picture.
 *
 * Values are any int64; TUI_GAP stands for "not known" and draws nothing.
 */
#ifndef TUI_GRAPH_H
#define TUI_GRAPH_H

#include "tui/canvas.h"

#define TUI_GAP INT64_MIN

/* Least and greatest of @v without gaps; false if there is none. */
bool tui_range(const int64_t *v, unsigned n, int64_t *least, int64_t *most);

/*
 * The last values of @v (oldest first), right-aligned in all of @a: from @least at the
 * bottom to @most at the top, filled below.  A cell holds two values in braille, else one.
 */
void tui_graph(struct tui_area a, enum tui_style style, const int64_t *v, unsigned n, int64_t least,
	       int64_t most);

/* The same in one row of @width columns from 0 or the least to the most of @v. */
void tui_spark(struct tui_area a, unsigned y, unsigned x, unsigned width, enum tui_style style,
	       const int64_t *v, unsigned n);

/* @value of @most as a bar in @width columns, from the right when @right.  Returns cells filled. */
unsigned tui_meter(struct tui_area a, unsigned y, unsigned x, unsigned width, bool right,
		   enum tui_style style, uint64_t value, uint64_t most);

/* The shade 0 (nothing) to 4 of @value between 0 and @most, for TUI_HEAT1.. */
unsigned tui_shade(uint64_t value, uint64_t most);

#endif
