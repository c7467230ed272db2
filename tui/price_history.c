#include "core/base/compat.h"

#include <string.h>

#include "core/units/fmt.h"
#include "tui/graph.h"
#include "tui/price_history.h"

void tui_price_history_clear(struct tui_price_history *h)
{
	memset(h, 0, sizeof(*h));
}

bool tui_price_history_put(struct tui_price_history *h, const struct mkt_jval *contract)
{
	uint64_t exec;
	int64_t upwh;
	unsigned at = h->n;

	if (!mkt_jval_has(contract, "exec") || !mkt_jval_has(contract, "price_upwh") ||
	    mkt_jget_u64(contract, "exec", UINT64_MAX, &exec, NULL) ||
	    mkt_jget_i64(contract, "price_upwh", INT32_MIN, INT32_MAX, &upwh, NULL))
		return false;
	while (at && h->exec[at - 1] > exec)
		at--;
	if (at && h->exec[at - 1] == exec)
		return false;
	if (h->n == TUI_PRICES) {
		if (!at) /* older than all that is kept */
			return false;
		at--;
		h->n--;
		memmove(h->upwh, h->upwh + 1, h->n * sizeof(h->upwh[0]));
		memmove(h->exec, h->exec + 1, h->n * sizeof(h->exec[0]));
	}
	memmove(&h->upwh[at + 1], &h->upwh[at], (h->n - at) * sizeof(h->upwh[0]));
	memmove(&h->exec[at + 1], &h->exec[at], (h->n - at) * sizeof(h->exec[0]));
	h->upwh[at] = upwh;
	h->exec[at] = exec;
	h->n++;
	h->seen++;
	return true;
}

void tui_price_history_draw(const struct tui_price_history *h, struct tui_area a, bool reading)
{
	int64_t least = 0, most = 0;
	unsigned x;

	if (!a.rows || !a.cols)
		return;
	x = tui_print(a, 0, 0, TUI_TITLE, "paid, by contract: ");
	if (!tui_range(h->upwh, h->n, &least, &most)) {
		tui_print(a, 0, x, TUI_DIM, reading ? "reading ..." : "no contracts here yet");
		return;
	}
	x += tui_print(a, 0, x, TUI_PLAIN, "%u, ", h->n);
	x += tui_print(a, 0, x, TUI_PLAIN, "%s", mkt_fmt_per_kwh((int32_t)least).s);
	x += tui_print(a, 0, x, TUI_PLAIN, " to %s", mkt_fmt_per_kwh((int32_t)most).s);
	x += tui_print(a, 0, x, TUI_PLAIN, ", last %s",
		       mkt_fmt_per_kwh((int32_t)h->upwh[h->n - 1]).s);
	if (reading)
		tui_print(a, 0, x, TUI_DIM, "  reading ...");
	/* A base below the least, so that it is seen too. */
	if (a.rows > 1)
		tui_graph(tui_part(a, 1, 0, a.rows - 1, a.cols), TUI_GRAPH, h->upwh, h->n,
			  least - (most - least) / 4 - 1, most);
}
