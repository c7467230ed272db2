#include "core/base/compat.h"

#include "ledgerd/growth.h"

#define DAY_S 86400u

void ld_growth_parse(struct ld_growth *g, const char *text)
{
	g->n = 0;
	while (*text && g->n < LD_GROWTH_SAMPLES) {
		const char *end = strchr(text, '\n');
		char *next, *last;
		uint64_t at = strtoull(text, &next, 10), bytes = strtoull(next, &last, 10);

		if (*text != '-' && next > text && last > next && (end ? last == end : !*last) &&
		    (!g->n || at > g->v[g->n - 1].at_s)) {
			g->v[g->n].at_s = at;
			g->v[g->n++].bytes = bytes;
		}
		if (!end)
			break;
		text = end + 1;
	}
}

bool ld_growth_note(struct ld_growth *g, uint64_t now_s, uint64_t bytes)
{
	while (g->n && g->v[g->n - 1].at_s > now_s)
		g->n--;
	if (g->n && now_s - g->v[g->n - 1].at_s < LD_GROWTH_STEP_S)
		return false;
	if (g->n == LD_GROWTH_SAMPLES)
		memmove(g->v, g->v + 1, --g->n * sizeof(g->v[0]));
	g->v[g->n].at_s = now_s;
	g->v[g->n++].bytes = bytes;
	return true;
}

uint64_t ld_growth_days(const struct ld_growth *g, uint64_t now_s, uint64_t bytes,
			uint64_t free_bytes)
{
	uint64_t span, grown;
	__uint128_t days;

	if (!g->n || now_s < g->v[0].at_s + LD_GROWTH_STEP_S || bytes <= g->v[0].bytes)
		return UINT64_MAX;
	span = now_s - g->v[0].at_s;
	grown = bytes - g->v[0].bytes;
	days = (__uint128_t)free_bytes * span / ((__uint128_t)grown * DAY_S);
	return days > UINT32_MAX ? UINT64_MAX : (uint64_t)days;
}
