#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "core/wire/story.h"
#include "tui/graph.h"
#include "tui/ladder.h"

#define NUMBER_COLS 9
#define BIDS_COLS 6

static unsigned side_of(const struct mkt_jval *at)
{
	return strcmp(mkt_word(at, "side"), "buy") ? TUI_LADDER_SELL : TUI_LADDER_BUY;
}

void tui_ladder_levels(struct tui_ladder *l, const struct mkt_answer *a)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	int64_t upwh;

	memset(l->n, 0, sizeof(l->n));
	while (mkt_jval_next(&a->data, &it, &at)) {
		unsigned side = side_of(&at);

		if (l->n[side] == TUI_LADDER_LEVELS || !mkt_jval_has(&at, "price_upwh") ||
		    mkt_jget_i64(&at, "price_upwh", INT32_MIN, INT32_MAX, &upwh, NULL))
			continue;
		l->v[side][l->n[side]++] = (struct tui_level){
			(int32_t)upwh, mkt_count(&at, "energy_wh"),
			mkt_jval_has(&at, "own_wh") ? mkt_count(&at, "own_wh") : 0,
			mkt_count(&at, "bids")};
	}
}

void tui_ladder_depth(struct tui_ladder *l, const struct mkt_answer *a)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;

	memset(l->gross_wh, 0, sizeof(l->gross_wh));
	memset(l->unique_wh, 0, sizeof(l->unique_wh));
	while (mkt_jval_next(&a->data, &it, &at)) {
		if (!mkt_jval_has(&at, "gross_wh"))
			continue;
		l->gross_wh[side_of(&at)] = mkt_count(&at, "gross_wh");
		l->unique_wh[side_of(&at)] = mkt_count(&at, "unique_wh");
	}
	l->depth = true;
}

/* ---- the picture -------------------------------------------------------------------------- */

/* Half a ladder; columns from its outer edge are mirrored on the right. */
static void draw_level(struct tui_area a, unsigned y, unsigned side, const struct tui_level *l,
		       uint64_t most, bool bids)
{
	bool buy = side == TUI_LADDER_BUY;
	enum tui_style style = buy ? TUI_BUY : TUI_SELL;
	unsigned more = bids && a.cols >= 2 * NUMBER_COLS + BIDS_COLS + 4 ? BIDS_COLS : 0;
	unsigned used = 2 * NUMBER_COLS + more + 1; /* numbers and the mark */
	unsigned bar = a.cols > used ? a.cols - used : 0;
	unsigned price_x = buy && a.cols > NUMBER_COLS ? a.cols - NUMBER_COLS : 0;
	unsigned energy_x = buy ? price_x > NUMBER_COLS ? price_x - NUMBER_COLS : 0 : NUMBER_COLS;
	unsigned bids_x = buy ? energy_x - (energy_x ? more : 0) : 2 * NUMBER_COLS;
	char number[24];

	tui_text(a, y, price_x, NUMBER_COLS, TUI_RIGHT, style, mkt_fmt_per_kwh(l->price_upwh).s);
	tui_text(a, y, energy_x, NUMBER_COLS, TUI_RIGHT, TUI_PLAIN, mkt_fmt_kwh(l->energy_wh).s);
	if (more) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)l->bids);
		tui_text(a, y, bids_x, BIDS_COLS, TUI_RIGHT, TUI_DIM, number);
	}
	if (bar)
		tui_meter(a, y, buy ? 1 : used, bar, buy, style, l->energy_wh, most);
	if (l->own_wh)
		tui_print(a, y, buy ? 0 : used - 1, TUI_OWN, "*");
}

void tui_ladder_draw(const struct tui_ladder *l, struct tui_area a, unsigned skip, bool bids)
{
	unsigned half = a.cols > 3 ? (a.cols - 1) / 2 : a.cols;
	struct tui_area side[TUI_LADDER_SIDES] = {tui_part(a, 0, 0, a.rows, half),
						  tui_part(a, 0, half + 1, a.rows, a.cols - half)};
	uint64_t most = 1;

	if (!a.rows || !a.cols)
		return;
	tui_text(side[0], 0, 0, half, TUI_RIGHT, TUI_HEAD, "BUY kWh  per kWh");
	tui_print(side[1], 0, 0, TUI_HEAD, "  per kWh SELL kWh");
	for (unsigned s = 0; s < TUI_LADDER_SIDES; s++)
		for (unsigned i = 0; i < l->n[s]; i++)
			most = l->v[s][i].energy_wh > most ? l->v[s][i].energy_wh : most;
	for (unsigned y = 0; y < a.rows; y++)
		tui_print(a, y, half, TUI_DIM, "|");
	for (unsigned s = 0; s < TUI_LADDER_SIDES; s++)
		for (unsigned y = 1; y < a.rows && skip + y - 1 < l->n[s]; y++)
			draw_level(side[s], y, s, &l->v[s][skip + y - 1], most, bids);
	if (!l->n[0] && !l->n[1] && a.rows > 1)
		tui_print(a, 1, 0, TUI_DIM, "nobody offers anything");
}
