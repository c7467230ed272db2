#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "core/units/civil.h"
#include "core/wire/story.h"
#include "tui/today.h"

#define PAGE 250

static void ask(struct tui_today *t);

/* The window an object is of, or TUI_TODAY_MAX. */
static uint32_t place(const struct tui_today *t, uint64_t window_s)
{
	uint32_t length = t->d->facts.window_s;

	if (!t->first_s || !length || window_s < t->first_s)
		return TUI_TODAY_MAX;
	return window_s - t->first_s < (uint64_t)t->n * length
		       ? (uint32_t)((window_s - t->first_s) / length)
		       : TUI_TODAY_MAX;
}

static void got(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		const struct mkt_err *err)
{
	struct tui_today *t = ctx;
	struct mkt_jiter it = {0};
	struct mkt_jval c;

	t->waiting = false;
	if (err)
		return; /* asked for again at the next tick */
	while (mkt_jval_next(&a->data, &it, &c)) {
		uint32_t i = place(t, mkt_count(&c, "window_s"));

		if (i != t->read)
			continue; /* the day changed while this was under way */
		t->contracted_wh[i] += mkt_count(&c, "energy_wh");
		t->delivered_wh[i] += mkt_count(&c, "delivered_wh");
	}
	snprintf(t->after, sizeof(t->after), "%s", a->next ? a->next : "");
	if (!a->next)
		t->read++;
	tui_dash_touch(d);
	ask(t);
}

static void ask(struct tui_today *t)
{
	uint64_t window_s = t->first_s + (uint64_t)t->read * t->d->facts.window_s;

	if (t->waiting || !t->first_s || t->read >= t->n)
		return;
	if (!t->after[0]) /* from its beginning, also after a page that was lost */
		t->contracted_wh[t->read] = t->delivered_wh[t->read] = 0;
	t->waiting = !tui_dash_get(t->d, got, t, "/v1/contracts?window=%llu&limit=%d%s%s",
				   (unsigned long long)window_s, PAGE, t->after[0] ? "&after=" : "",
				   t->after);
}

static void begin(struct tui_today *t)
{
	const struct tui_dash *d = t->d;
	uint64_t now_s = tui_dash_chain_ms(d) / 1000, length = d->facts.window_s;
	int64_t day = mkt_zone_local(&d->zone, (int64_t)now_s) / MKT_DAY_S;
	uint64_t first_s = (uint64_t)mkt_zone_day_start(&d->zone, day),
		 end_s = (uint64_t)mkt_zone_day_start(&d->zone, day + 1);

	if (!d->have_facts || !length || first_s == t->first_s)
		return;
	first_s += (length - first_s % length) % length;
	if (first_s == t->first_s)
		return;
	t->first_s = first_s;
	t->n = (uint32_t)((end_s - first_s + length - 1) / length);
	t->n = t->n > TUI_TODAY_MAX ? TUI_TODAY_MAX : t->n;
	t->read = 0;
	t->after[0] = '\0';
}

void tui_today_tick(struct tui_today *t)
{
	begin(t);
	ask(t);
}

void tui_today_reload(struct tui_today *t)
{
	t->first_s = 0;
	tui_today_tick(t);
}

void tui_today_event(struct tui_today *t, const struct tui_event *ev)
{
	bool made = !strcmp(ev->kind, "contract");
	uint32_t i;

	if (!made && strcmp(ev->kind, "settled") != 0)
		return;
	i = place(t, mkt_count(&ev->data, "window_s"));
	if (i >= t->read)
		return; /* not of today, or its pages come later */
	if (made)
		t->contracted_wh[i] += mkt_count(&ev->data, "energy_wh");
	else
		t->delivered_wh[i] += mkt_count(&ev->data, "delivered_wh");
}

void tui_today_sum(const struct tui_today *t, uint64_t *contracted_wh, uint64_t *delivered_wh)
{
	*contracted_wh = *delivered_wh = 0;
	for (uint32_t i = 0; i < t->read; i++) {
		*contracted_wh += t->contracted_wh[i];
		*delivered_wh += t->delivered_wh[i];
	}
}
