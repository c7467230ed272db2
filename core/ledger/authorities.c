#include "core/base/compat.h"

#include "core/ledger/authorities.h"

void mkt_authorities_of(const struct mkt_genesis *g, struct mkt_authorities *out)
{
	*out = (struct mkt_authorities){.quorum = MKT_QUORUM_MAJORITY, .n = g->nauthorities};
	for (unsigned i = 0; i < g->nauthorities; i++) {
		out->v[i].key = g->authorities[i];
		snprintf(out->v[i].name, sizeof(out->v[i].name), "a%u", i + 1);
	}
}

unsigned mkt_authorities_quorum(const struct mkt_authorities *set)
{
	unsigned n = set->n, faulty = set->quorum == MKT_QUORUM_BFT ? (n - 1) / 3 : 0;

	return (n + faulty) / 2 + 1;
}

int mkt_authorities_find(const struct mkt_authorities *set, const struct mkt_pubkey *key)
{
	for (int i = 0; i < set->n; i++)
		if (!memcmp(&set->v[i].key, key, sizeof(*key)))
			return i;
	return -1;
}

int mkt_authorities_named(const struct mkt_authorities *set, const char *name)
{
	for (int i = 0; i < set->n; i++)
		if (!strcmp(set->v[i].name, name))
			return i;
	return -1;
}

void mkt_authorities_set_hash(const struct mkt_authorities *set, struct mkt_hash *out)
{
	struct mkt_pubkey keys[MKT_AUTHORITIES_MAX];
	uint8_t count = set->n;

	for (unsigned i = 0; i < set->n; i++)
		keys[i] = set->v[i].key;
	mkt_hash2(out, MKT_DOM_AUTHS, &count, 1, keys, set->n * sizeof(*keys));
}
