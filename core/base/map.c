#include "core/base/compat.h"

#include <assert.h>

#include "core/base/err.h"
#include "core/base/map.h"

#define CAP_MIN 16u

/* Odd constants with well spread bits (fractions of pi). */
#define MIX_A 0x243f6a8885a308d3u
#define MIX_B 0x13198a2e03707345u

/* Folded multiply: every bit of the product's halves depends on many bits of both sides. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 u128;
	u128 p = (u128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* The smallest capacity that holds @count at 3/4 full; 0 if there is none. */
static uint32_t cap_for(uint32_t count)
{
	uint32_t cap = CAP_MIN;

	if (count > MKT_MAP_COUNT_MAX)
		return 0;
	while (cap / 4 * 3 < count)
		cap *= 2;
	return cap;
}

/*
 * Deletion by shifting back: the entry at @at, whose home is @home, may move to
 * the hole at @hole if the hole lies on its way from home, seen around the end.
 */
static bool may_move(uint32_t hole, uint32_t at, uint32_t home, uint32_t mask)
{
	return ((at - home) & mask) >= ((at - hole) & mask);
}

/* ---- 64-bit keys ---- */

static uint32_t home_of(const struct mkt_map *m, uint64_t key)
{
	return (uint32_t)fold(key ^ MIX_A, MIX_B) & (m->cap - 1);
}

void mkt_map_init(struct mkt_map *m)
{
	*m = (struct mkt_map)MKT_MAP_INIT;
}

void mkt_map_release(struct mkt_map *m)
{
	free(m->slots);
	mkt_map_init(m);
}

void mkt_map_clear(struct mkt_map *m)
{
	if (m->slots)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->count = 0;
}

/* The slot of @key, or the free slot where it belongs.  The map has a free slot. */
static uint32_t find(const struct mkt_map *m, uint64_t key)
{
	uint32_t mask = m->cap - 1;
	uint32_t i = home_of(m, key);

	while (m->slots[i].used && m->slots[i].key != key)
		i = (i + 1) & mask;
	return i;
}

int mkt_map_reserve(struct mkt_map *m, uint32_t count)
{
	struct mkt_map big = {.cap = cap_for(count), .count = m->count};

	if (!big.cap)
		return -MKT_ENOMEM;
	if (big.cap <= m->cap)
		return 0;
	big.slots = calloc(big.cap, sizeof(*big.slots));
	if (!big.slots)
		return -MKT_ENOMEM;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].used)
			big.slots[find(&big, m->slots[i].key)] = m->slots[i];
	free(m->slots);
	*m = big;
	return 0;
}

bool mkt_map_get(const struct mkt_map *m, uint64_t key, uint32_t *value)
{
	const struct mkt_map_slot *s;

	if (!m->count)
		return false;
	s = &m->slots[find(m, key)];
	if (!s->used)
		return false;
	if (value)
		*value = s->value;
	return true;
}

int mkt_map_put(struct mkt_map *m, uint64_t key, uint32_t value)
{
	uint32_t i = 0;

	if (m->cap) {
		i = find(m, key);
		if (m->slots[i].used) {
			m->slots[i].value = value;
			return 1;
		}
	}
	if (m->count >= m->cap / 4 * 3) {
		if (mkt_map_reserve(m, m->count + 1) < 0)
			return -MKT_ENOMEM;
		i = find(m, key);
	}
	m->slots[i] = (struct mkt_map_slot){key, value, 1};
	m->count++;
	return 0;
}

bool mkt_map_del(struct mkt_map *m, uint64_t key, uint32_t *value)
{
	uint32_t mask = m->cap - 1;
	uint32_t hole;

	if (!m->count)
		return false;
	hole = find(m, key);
	if (!m->slots[hole].used)
		return false;
	if (value)
		*value = m->slots[hole].value;
	for (uint32_t i = (hole + 1) & mask; m->slots[i].used; i = (i + 1) & mask) {
		if (!may_move(hole, i, home_of(m, m->slots[i].key), mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].used = 0;
	m->count--;
	return true;
}

bool mkt_map_next(const struct mkt_map *m, uint32_t *at, uint64_t *key, uint32_t *value)
{
	while (*at < m->cap) {
		const struct mkt_map_slot *s = &m->slots[(*at)++];

		if (!s->used)
			continue;
		if (key)
			*key = s->key;
		if (value)
			*value = s->value;
		return true;
	}
	return false;
}

/* ---- keys of 16 or 32 bytes ---- */

static uint64_t word_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Home is the tag without its lowest bit, so neither growth nor deletion hashes again. */
static uint32_t tag_of(const struct mkt_idmap *m, const uint8_t *key)
{
	uint64_t h = m->seed ^ MIX_A;

	for (uint32_t i = 0; i < m->key_len; i += 16)
		h = fold(word_at(key + i) ^ h, word_at(key + i + 8) ^ m->seed ^ MIX_B) ^ h;
	return (uint32_t)(fold(h, MIX_B ^ m->seed) >> 32) | 1;
}

static uint32_t id_home(const struct mkt_idmap *m, uint32_t tag)
{
	return (tag >> 1) & (m->cap - 1);
}

static uint8_t *id_key(const struct mkt_idmap *m, uint32_t slot)
{
	return m->keys + (size_t)slot * m->key_len;
}

void mkt_idmap_init(struct mkt_idmap *m, uint32_t key_len, uint64_t seed)
{
	assert(key_len == 16 || key_len == 32);
	*m = (struct mkt_idmap){.key_len = key_len, .seed = seed};
}

void mkt_idmap_release(struct mkt_idmap *m)
{
	free(m->slots);
	free(m->keys);
	mkt_idmap_init(m, m->key_len, m->seed);
}

void mkt_idmap_clear(struct mkt_idmap *m)
{
	if (m->slots)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->count = 0;
}

static uint32_t id_find(const struct mkt_idmap *m, const uint8_t *key, uint32_t tag)
{
	uint32_t mask = m->cap - 1;
	uint32_t i = id_home(m, tag);

	while (m->slots[i].tag) {
		if (m->slots[i].tag == tag && !memcmp(id_key(m, i), key, m->key_len))
			break;
		i = (i + 1) & mask;
	}
	return i;
}

static void id_set(struct mkt_idmap *m, uint32_t slot, const uint8_t *key,
		   struct mkt_idmap_slot entry)
{
	m->slots[slot] = entry;
	memcpy(id_key(m, slot), key, m->key_len);
}

int mkt_idmap_reserve(struct mkt_idmap *m, uint32_t count)
{
	struct mkt_idmap big = {
		.cap = cap_for(count), .count = m->count, .key_len = m->key_len, .seed = m->seed};

	if (!big.cap)
		return -MKT_ENOMEM;
	if (big.cap <= m->cap)
		return 0;
	big.slots = calloc(big.cap, sizeof(*big.slots));
	big.keys = malloc((size_t)big.cap * big.key_len);
	if (!big.slots || !big.keys) {
		free(big.slots);
		free(big.keys);
		return -MKT_ENOMEM;
	}
	for (uint32_t i = 0; i < m->cap; i++) {
		const uint8_t *key = id_key(m, i);

		if (m->slots[i].tag)
			id_set(&big, id_find(&big, key, m->slots[i].tag), key, m->slots[i]);
	}
	free(m->slots);
	free(m->keys);
	m->slots = big.slots;
	m->keys = big.keys;
	m->cap = big.cap;
	return 0;
}

bool mkt_idmap_get(const struct mkt_idmap *m, const void *key, uint32_t *value)
{
	const struct mkt_idmap_slot *s;

	if (!m->count)
		return false;
	s = &m->slots[id_find(m, key, tag_of(m, key))];
	if (!s->tag)
		return false;
	if (value)
		*value = s->value;
	return true;
}

int mkt_idmap_put(struct mkt_idmap *m, const void *key, uint32_t value)
{
	uint32_t tag = tag_of(m, key);
	uint32_t i = 0;

	if (m->cap) {
		i = id_find(m, key, tag);
		if (m->slots[i].tag) {
			m->slots[i].value = value;
			return 1;
		}
	}
	if (m->count >= m->cap / 4 * 3) {
		if (mkt_idmap_reserve(m, m->count + 1) < 0)
			return -MKT_ENOMEM;
		i = id_find(m, key, tag);
	}
	id_set(m, i, key, (struct mkt_idmap_slot){tag, value});
	m->count++;
	return 0;
}

bool mkt_idmap_del(struct mkt_idmap *m, const void *key, uint32_t *value)
{
	uint32_t mask = m->cap - 1;
	uint32_t hole;

	if (!m->count)
		return false;
	hole = id_find(m, key, tag_of(m, key));
	if (!m->slots[hole].tag)
		return false;
	if (value)
		*value = m->slots[hole].value;
	for (uint32_t i = (hole + 1) & mask; m->slots[i].tag; i = (i + 1) & mask) {
		if (!may_move(hole, i, id_home(m, m->slots[i].tag), mask))
			continue;
		id_set(m, hole, id_key(m, i), m->slots[i]);
		hole = i;
	}
	m->slots[hole].tag = 0;
	m->count--;
	return true;
}
