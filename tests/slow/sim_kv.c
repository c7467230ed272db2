#include "core/base/compat.h"

#include "tests/slow/sim_kv.h"

/* ---- memory of one seed --------------------------------------------------------------- */

#define CHUNK (1u << 20)
#define CHUNKS_MAX 256

static struct {
	uint8_t *chunk[CHUNKS_MAX];
	unsigned at;
	size_t used;
} arena;

void *sim_kv_alloc(size_t n)
{
	n = (n + 15) & ~(size_t)15;
	if (n > CHUNK)
		abort();
	if (arena.used + n > CHUNK) {
		arena.at++;
		arena.used = 0;
	}
	if (arena.at >= CHUNKS_MAX)
		abort();
	if (!arena.chunk[arena.at])
		arena.chunk[arena.at] = malloc(CHUNK);
	if (!arena.chunk[arena.at])
		abort();
	arena.used += n;
	return arena.chunk[arena.at] + arena.used - n;
}

static void *grown(const void *old, uint32_t n, uint32_t *cap, size_t size)
{
	void *p;

	*cap = *cap ? 2 * *cap : 4;
	p = sim_kv_alloc(*cap * size);
	if (n)
		memcpy(p, old, n * size);
	return p;
}

void sim_kv_reset(struct sim_kv *kv, uint64_t cluster)
{
	arena.at = 0;
	arena.used = 0;
	*kv = (struct sim_kv){.revision = 1, .cluster = cluster};
}

/* ---- keys and versions ------------------------------------------------------------------ */

static uint32_t place(const struct sim_kv *kv, const char *key)
{
	uint32_t lo = 0, hi = kv->nkeys;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (strcmp(kv->keys[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct sim_key *key_of(struct sim_kv *kv, const char *key)
{
	uint32_t at = place(kv, key);
	struct sim_key *k;

	if (at < kv->nkeys && !strcmp(kv->keys[at]->key, key))
		return kv->keys[at];
	if (kv->nkeys == kv->keys_cap)
		kv->keys = grown(kv->keys, kv->nkeys, &kv->keys_cap, sizeof(*kv->keys));
	memmove(kv->keys + at + 1, kv->keys + at, (kv->nkeys - at) * sizeof(*kv->keys));
	k = sim_kv_alloc(sizeof(*k));
	k->n = k->cap = 0;
	snprintf(k->key, sizeof(k->key), "%s", key);
	kv->keys[at] = k;
	kv->nkeys++;
	return k;
}

static const struct sim_version *at_revision(const struct sim_key *k, uint64_t rev)
{
	uint32_t i = k->n;

	while (i && k->v[i - 1].mod > rev)
		i--;
	return i && !k->v[i - 1].deleted ? &k->v[i - 1] : NULL;
}

static bool stands(const struct sim_key *k)
{
	return k->n && !k->v[k->n - 1].deleted;
}

static void change(struct sim_kv *kv, struct sim_key *k, struct sim_version v)
{
	if (k->n == k->cap)
		k->v = grown(k->v, k->n, &k->cap, sizeof(*k->v));
	if (kv->nlog == kv->log_cap)
		kv->log = grown(kv->log, kv->nlog, &kv->log_cap, sizeof(*kv->log));
	kv->log[kv->nlog++] = (struct sim_change){.key = k, .version = k->n, .mod = v.mod};
	k->v[k->n++] = v;
}

static void pair_of(const struct sim_key *k, const struct sim_version *v, struct mkt_kv_pair *out)
{
	*out = (struct mkt_kv_pair){.key = k->key,
				    .value = v->value,
				    .len = v->len,
				    .mod = v->mod,
				    .deleted = v->deleted};
}

void sim_kv_pair(const struct sim_change *c, struct mkt_kv_pair *out)
{
	pair_of(c->key, &c->key->v[c->version], out);
}

bool sim_kv_get(const struct sim_kv *kv, const char *key, struct mkt_kv_pair *out)
{
	uint32_t at = place(kv, key);
	const struct sim_version *v;

	if (at == kv->nkeys || strcmp(kv->keys[at]->key, key))
		return false;
	v = at_revision(kv->keys[at], kv->revision);
	if (!v)
		return false;
	pair_of(kv->keys[at], v, out);
	return true;
}

/* ---- transactions ----------------------------------------------------------------------- */

static bool holds(const struct sim_kv *kv, const struct mkt_kv_cmp *c)
{
	struct mkt_kv_pair p;
	bool there = sim_kv_get(kv, c->key, &p);

	if (c->kind == MKT_KV_ABSENT || !c->rev)
		return !there;
	return there && p.mod == c->rev;
}

static void put(struct sim_kv *kv, const struct mkt_kv_op *op, int lease, uint64_t rev)
{
	uint8_t *value = sim_kv_alloc(op->len);

	memcpy(value, op->value, op->len);
	change(kv, key_of(kv, op->key),
	       (struct sim_version){.mod = rev,
				    .value = value,
				    .len = op->len,
				    .lease = op->leased ? lease : -1});
}

static void delete_from(struct sim_kv *kv, const char *from, const char *to, uint64_t rev)
{
	for (uint32_t i = place(kv, from); i < kv->nkeys && strcmp(kv->keys[i]->key, to) < 0; i++)
		if (stands(kv->keys[i]))
			change(kv, kv->keys[i],
			       (struct sim_version){.mod = rev, .lease = -1, .deleted = true});
}

static void collect(const struct sim_kv *kv, const struct mkt_kv_op *op, uint64_t at,
		    struct mkt_kv_answer *a)
{
	size_t len = strlen(op->key);

	for (uint32_t i = place(kv, op->key); i < kv->nkeys; i++) {
		const struct sim_key *k = kv->keys[i];
		const struct sim_version *v = at_revision(k, at);

		if (op->kind == MKT_KV_GET ? strcmp(k->key, op->key) != 0
					   : strncmp(k->key, op->key, len) != 0)
			break;
		if (v && a->npairs < MKT_KV_PAIRS_MAX)
			pair_of(k, v, &a->pairs[a->npairs++]);
	}
}

static void run_op(struct sim_kv *kv, const struct mkt_kv_op *op, int lease, uint64_t at,
		   uint64_t rev, struct mkt_kv_answer *a)
{
	char end[MKT_KV_KEY_MAX + 3];

	switch (op->kind) {
	case MKT_KV_PUT:
		put(kv, op, lease, rev);
		break;
	case MKT_KV_DELETE:
		snprintf(end, sizeof(end), "%s\x01", op->key);
		delete_from(kv, op->key, end, rev);
		break;
	case MKT_KV_DELETE_RANGE:
		delete_from(kv, op->key, op->end, rev);
		break;
	default:
		collect(kv, op, at ? at : rev, a);
		break;
	}
}

void sim_kv_run(struct sim_kv *kv, const struct mkt_kv_txn *t, int lease, uint64_t at,
		struct mkt_kv_answer *a)
{
	uint64_t rev = kv->revision + 1;
	uint32_t log = kv->nlog;
	bool good = true;

	for (unsigned i = 0; i < t->ncmps; i++)
		good = good && holds(kv, &t->cmp[i]);
	a->outcome = good ? MKT_KV_DONE : MKT_KV_ELSE;
	a->cluster = kv->cluster;
	a->npairs = 0;
	for (unsigned i = 0; i < (good ? t->nthen : t->nels); i++)
		run_op(kv, good ? &t->then[i] : &t->els[i], lease, at, rev, a);
	if (kv->nlog != log)
		kv->revision = rev;
	a->revision = at ? at : kv->revision;
}

void sim_kv_expire(struct sim_kv *kv, int lease)
{
	uint64_t rev = kv->revision + 1;
	uint32_t log = kv->nlog;

	for (uint32_t i = place(kv, "live/"); i < kv->nkeys; i++) {
		struct sim_key *k = kv->keys[i];

		if (strncmp(k->key, "live/", 5) != 0)
			break;
		if (stands(k) && k->v[k->n - 1].lease == lease)
			change(kv, k,
			       (struct sim_version){.mod = rev, .lease = -1, .deleted = true});
	}
	if (kv->nlog != log)
		kv->revision = rev;
}

void sim_kv_rollback(struct sim_kv *kv, uint64_t revision)
{
	for (uint32_t i = 0; i < kv->nkeys; i++)
		while (kv->keys[i]->n && kv->keys[i]->v[kv->keys[i]->n - 1].mod > revision)
			kv->keys[i]->n--;
	while (kv->nlog && kv->log[kv->nlog - 1].mod > revision)
		kv->nlog--;
	kv->revision = revision;
}
