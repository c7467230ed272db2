/*
 * Best prices of all open books as a map, windows down and tag sets across: colour
 * for the eye, and the numbers that it stands for.
 *
 *             green          brown
 *   11:00  > 24.10/25.50      - /27.00
 *   11:30    24.00/26.00    23.00/ -
 *
 * A cell that both sides quote is shaded by its spread: the narrower, the stronger.
 *
 * Filled by passes of pages of GET /v1/books?summary=1; what a pass does not tell any more is
 * forgotten at its end, and until then the old one is shown.  Bounded memory.  Not thread-safe.
 */
#ifndef TUI_HEAT_H
#define TUI_HEAT_H

#include "core/market/tag.h"
#include "core/units/zone.h"
#include "core/wire/api.h"
#include "tui/canvas.h"

#define TUI_HEAT_TAGS 32
#define TUI_HEAT_TAG_MAX (MKT_DIMS_MAX * (MKT_NAME_MAX + 1) + 1)
#define TUI_HEAT_CELLS 4096
#define TUI_NO_PRICE INT32_MIN

struct tui_heat_cell {
	uint64_t window_s;
	uint32_t tag; /* of tags[] */
	int32_t buy_upwh, sell_upwh; /* TUI_NO_PRICE: nobody */
};

/* Zeroed is an empty one. */
struct tui_heat {
	char tags[TUI_HEAT_TAGS][TUI_HEAT_TAG_MAX];
	unsigned ntags;
	struct tui_heat_cell cells[TUI_HEAT_CELLS]; /* by window */
	struct tui_heat_cell coming[TUI_HEAT_CELLS]; /* of the pass */
	unsigned n, ncoming;
	bool more; /* there was no room for all */
	struct tui_area drawn; /* where, for the mouse */
	uint64_t top_s;
	unsigned left, columns;
};

/* Number of a tag set, learnt if need be; TUI_HEAT_TAGS: there is no room. */
unsigned tui_heat_tag(struct tui_heat *h, const char *tags);

/* The chain's tag sets, when they are few enough for a map: also those that nobody quotes. */
void tui_heat_learn(struct tui_heat *h, const struct mkt_tag_table *t);

/* A pass begins; a page of it; its end. */
void tui_heat_begin(struct tui_heat *h);
void tui_heat_page(struct tui_heat *h, const struct mkt_answer *a);
void tui_heat_end(struct tui_heat *h);

/* NULL: nobody quotes there. */
const struct tui_heat_cell *tui_heat_find(const struct tui_heat *h, uint64_t window_s,
					  unsigned tag);

/* What is shown: windows of @window_s seconds from @first_s, @count of them; the selected cell. */
struct tui_heat_view {
	const struct mkt_zone *zone;
	uint64_t first_s, at_s;
	uint32_t window_s, count;
	unsigned at_tag;
};
void tui_heat_draw(struct tui_heat *h, const struct tui_heat_view *v, struct tui_area a);

/* The cell at a place of the canvas, as drawn last; false: none is there. */
bool tui_heat_at(const struct tui_heat *h, const struct tui_heat_view *v, unsigned y, unsigned x,
		 uint64_t *window_s, unsigned *tag);

/* Columns that a map of all tag sets takes. */
unsigned tui_heat_width(const struct tui_heat *h);

/* "24.10/25.50", "-" for a side that nobody quotes. */
void tui_heat_quote(const struct tui_heat_cell *c, char *out, size_t size);

#endif
