/*
 * Near misses of a word: for "did you mean".  Nothing is ever run on a guess.
 */
#ifndef MKT_APP_SUGGEST_H
#define MKT_APP_SUGGEST_H

#include "core/base/compat.h"

#define MKT_SUGGEST_MAX 3      /* names shown at most */
#define MKT_SUGGEST_WORD_MAX 64 /* longer words get no suggestion */

/*
 * How far @typed is from @name: swapped neighbours cost nothing much, letters
 * left out little, wrong and extra letters more; 0 means @typed begins @name.
 */
unsigned mkt_suggest_distance(const char *typed, const char *name);

struct mkt_suggest {
	const char *typed;
	const char *near[MKT_SUGGEST_MAX];
	unsigned distance[MKT_SUGGEST_MAX];
	unsigned n;
};

/* Offer a name; it is kept, borrowed, if it is among the nearest. */
void mkt_suggest_offer(struct mkt_suggest *s, const char *name);

#endif
