#include "core/base/compat.h"

#include "core/app/suggest.h"

/* Weights as git has them: people swap letters and leave some out far more than they add. */
#define COST_SWAP 0u
#define COST_SUBST 2u
#define COST_ADD 1u
#define COST_DROP 3u
#define NEAR_MAX 7u /* beyond this two words have nothing in common */

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Damerau-Levenshtein with weights, three rows at a time. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][MKT_SUGGEST_WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2], *t;

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j * COST_ADD;
	for (size_t i = 0; i < a_len; i++) {
		now[0] = (unsigned)(i + 1) * COST_DROP;
		for (size_t j = 0; j < b_len; j++) {
			unsigned d = last[j] + (a[i] == b[j] ? 0 : COST_SUBST);

			if (i && j && a[i - 1] == b[j] && a[i] == b[j - 1] && a[i] != b[j])
				d = min_of(d, before[j - 1] + COST_SWAP);
			d = min_of(d, last[j + 1] + COST_DROP);
			now[j + 1] = min_of(d, now[j] + COST_ADD);
		}
		t = before;
		before = last;
		last = now;
		now = t;
	}
	return last[b_len];
}

unsigned mkt_suggest_distance(const char *typed, const char *name)
{
	size_t typed_len = strlen(typed), name_len = strlen(name);

	if (typed_len > MKT_SUGGEST_WORD_MAX || name_len > MKT_SUGGEST_WORD_MAX)
		return UINT32_MAX;
	if (typed_len && !strncmp(typed, name, typed_len))
		return 0;
	return edit_distance(typed, typed_len, name, name_len) + 1;
}

void mkt_suggest_offer(struct mkt_suggest *s, const char *name)
{
	unsigned d = mkt_suggest_distance(s->typed, name), at;

	/* Short words are near to everything: allow less than one change a letter. */
	if (d > NEAR_MAX || d > 2 * strlen(s->typed))
		return;
	for (at = s->n; at > 0 && s->distance[at - 1] > d; at--)
		;
	if (at >= MKT_SUGGEST_MAX)
		return;
	if (s->n < MKT_SUGGEST_MAX)
		s->n++;
	for (unsigned i = s->n - 1; i > at; i--) {
		s->near[i] = s->near[i - 1];
		s->distance[i] = s->distance[i - 1];
	}
	s->near[at] = name;
	s->distance[at] = d;
}
