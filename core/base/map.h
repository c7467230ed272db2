/*
 * Hash maps from fixed-size keys to 32-bit numbers (mostly: slots of a pool).
 *
 * struct mkt_map has 64-bit keys that we made ourselves (bid ids, packed window
 * and tags); struct mkt_idmap has keys of 16 or 32 bytes that may come from
 * outside (request ids, public keys) and hashes them with a seed, so that
 * nobody who does not know the seed can aim at one chain of slots.
 *
 * Both are open addressing with linear probing and deletion by shifting back:
 * no tombstones, so a map that lives for years is as fast as a fresh one.  They
 * grow by doubling at 3/4 full and never shrink; after *_reserve() of the
 * working set, put allocates nothing.  Any key and any value is allowed.
 *
 * Ownership: the map owns its storage; keys are copied.  No locks: any number
 * of readers, or one writer.  Cost: O(1) expected for every call.
 *
 * Order: what mkt_map_next() gives first depends only on the calls made before,
 * never on addresses or a clock; but a map rebuilt in another way may differ, so
 * a result that must be equal on every node is sorted by the caller.
 */
#ifndef MKT_BASE_MAP_H
#define MKT_BASE_MAP_H

#include "core/base/compat.h"

#define MKT_MAP_COUNT_MAX (1u << 29) /* entries of one map */

struct mkt_map_slot {
	uint64_t key;
	uint32_t value;
	uint32_t used;
};

struct mkt_map {
	struct mkt_map_slot *slots; /* NULL until the first put or reserve */
	uint32_t cap;               /* 0 or a power of two */
	uint32_t count;             /* entries */
};

#define MKT_MAP_INIT {NULL, 0, 0}

/* An empty map; allocates nothing. */
void mkt_map_init(struct mkt_map *m);

/* Free the storage; the map is empty and may be used again. */
void mkt_map_release(struct mkt_map *m);

/* Forget all entries, keep the storage. */
void mkt_map_clear(struct mkt_map *m);

/* Make room for @count entries in all.  -MKT_ENOMEM leaves the map as it was. */
MKT_MUST_CHECK int mkt_map_reserve(struct mkt_map *m, uint32_t count);

/* True and *@value if @key is there; @value may be NULL. */
bool mkt_map_get(const struct mkt_map *m, uint64_t key, uint32_t *value);

/*
 * Set the value of @key.  Returns 0 if the key is new, 1 if its value was
 * replaced, or with the map unchanged -MKT_ENOMEM (also past MKT_MAP_COUNT_MAX).
 */
MKT_MUST_CHECK int mkt_map_put(struct mkt_map *m, uint64_t key, uint32_t value);

/* Remove @key.  True if it was there, with its value in *@value (may be NULL). */
bool mkt_map_del(struct mkt_map *m, uint64_t key, uint32_t *value);

/*
 * Walk: start with *@at = 0; each true gives one entry (@key, @value may be
 * NULL).  No put or del between the calls.
 */
bool mkt_map_next(const struct mkt_map *m, uint32_t *at, uint64_t *key, uint32_t *value);

struct mkt_idmap_slot {
	uint32_t tag; /* 31 bits of hash and a 1; 0: free */
	uint32_t value;
};

struct mkt_idmap {
	struct mkt_idmap_slot *slots;
	uint8_t *keys; /* cap x key_len bytes */
	uint32_t cap;
	uint32_t count;
	uint32_t key_len;
	uint64_t seed;
};

/*
 * An empty map of keys of @key_len bytes (16 or 32).  @seed should be random
 * where keys come from outside; results do not depend on it.
 */
void mkt_idmap_init(struct mkt_idmap *m, uint32_t key_len, uint64_t seed);

/* The other calls are those of struct mkt_map; @key points at key_len bytes. */
void mkt_idmap_release(struct mkt_idmap *m);
void mkt_idmap_clear(struct mkt_idmap *m);
MKT_MUST_CHECK int mkt_idmap_reserve(struct mkt_idmap *m, uint32_t count);
bool mkt_idmap_get(const struct mkt_idmap *m, const void *key, uint32_t *value);
MKT_MUST_CHECK int mkt_idmap_put(struct mkt_idmap *m, const void *key, uint32_t value);
bool mkt_idmap_del(struct mkt_idmap *m, const void *key, uint32_t *value);

#endif
