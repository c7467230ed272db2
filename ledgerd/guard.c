#include "core/base/compat.h"

#include "core/crypto/hash.h"
#include "ledgerd/guard.h"

#define NONCE_WAYS 8u /* places that a nonce may have */
#define TOKEN 60000u  /* a limit of n a minute refills n units a millisecond */

int ld_guard_init(struct ld_guard *g)
{
	memset(g, 0, sizeof(*g));
	g->peers = calloc(LD_PEERS_MAX, sizeof(*g->peers));
	g->nonces = calloc(LD_NONCES, sizeof(*g->nonces)); /* pages come with use */
	if (!g->peers || !g->nonces) {
		free(g->peers);
		free(g->nonces);
		g->peers = NULL;
		return -MKT_ENOMEM;
	}
	mkt_random(g->nonce_seed, sizeof(g->nonce_seed));
	pthread_mutex_init(&g->mu, NULL);
	atomic_store(&g->days_left, UINT64_MAX);
	atomic_store(&g->free_bytes, UINT64_MAX);
	return 0;
}

void ld_guard_release(struct ld_guard *g)
{
	if (!g->peers)
		return;
	pthread_mutex_destroy(&g->mu);
	free(g->accounts);
	free(g->peers);
	free(g->nonces);
	g->accounts = NULL;
	g->peers = NULL;
}

static void refill(struct ld_bucket *b, uint32_t limit, uint64_t now_ms)
{
	uint64_t cap = (uint64_t)limit * TOKEN;
	uint64_t ms = now_ms > b->last_ms ? now_ms - b->last_ms : 0;

	if (!b->limit || ms >= TOKEN) {
		b->level = cap; /* new, or idle for a minute */
	} else {
		b->level += ms * limit;
		if (b->level > cap)
			b->level = cap;
	}
	b->limit = limit;
	if (now_ms > b->last_ms)
		b->last_ms = now_ms;
}

static void tell(const struct ld_bucket *b, struct ld_rate *out)
{
	uint64_t cap = (uint64_t)b->limit * TOKEN;
	uint64_t missing = b->level < TOKEN ? TOKEN - b->level : 0;

	out->limit = b->limit;
	out->left = (uint32_t)(b->level / TOKEN);
	out->reset_s = (uint32_t)((cap - b->level + (uint64_t)b->limit * 1000 - 1) /
				  ((uint64_t)b->limit * 1000));
	out->retry_s =
		(uint32_t)((missing + (uint64_t)b->limit * 1000 - 1) / ((uint64_t)b->limit * 1000));
}

bool ld_bucket_take(struct ld_bucket *b, uint32_t limit, uint32_t n, uint64_t now_ms,
		    struct ld_rate *out)
{
	bool ok;

	if (out)
		*out = (struct ld_rate){0};
	if (!limit)
		return true;
	refill(b, limit, now_ms);
	ok = b->level >= (uint64_t)n * TOKEN;
	if (ok)
		b->level -= (uint64_t)n * TOKEN;
	if (out)
		tell(b, out);
	return ok;
}

/* With g->mu.  NULL: out of memory, which must not stop anybody. */
static struct ld_quota *account_quota(struct ld_guard *g, uint32_t account)
{
	if (account >= g->naccounts) {
		uint32_t n = account + 1 > UINT32_MAX / 2 ? account + 1 : (account + 1) * 2;
		struct ld_quota *p = realloc(g->accounts, n * sizeof(*p));

		if (!p)
			return NULL;
		memset(p + g->naccounts, 0, (n - g->naccounts) * sizeof(*p));
		g->accounts = p;
		g->naccounts = n;
	}
	return &g->accounts[account];
}

static bool tx_take(struct ld_guard *g, uint32_t account, uint32_t limit, uint32_t n,
		    uint64_t now_ms, struct ld_rate *out)
{
	struct ld_quota *q;
	bool ok = true;

	if (out)
		*out = (struct ld_rate){0};
	if (!limit)
		return true;
	pthread_mutex_lock(&g->mu);
	q = account_quota(g, account);
	if (q)
		ok = ld_bucket_take(&q->tx, limit, n, now_ms, out);
	pthread_mutex_unlock(&g->mu);
	return ok;
}

bool ld_guard_tx(struct ld_guard *g, uint32_t account, uint32_t limit, uint64_t now_ms)
{
	return tx_take(g, account, limit, 1, now_ms, NULL);
}

void ld_guard_tx_rate(struct ld_guard *g, uint32_t account, uint32_t limit, uint64_t now_ms,
		      struct ld_rate *out)
{
	tx_take(g, account, limit, 0, now_ms, out);
}

/* With g->mu. */
static struct ld_peer *find_peer(struct ld_guard *g, const uint8_t addr[16])
{
	struct ld_peer *oldest = &g->peers[0];

	for (uint32_t i = 0; i < g->npeers; i++) {
		if (!memcmp(g->peers[i].addr, addr, 16))
			return &g->peers[i];
		if (g->peers[i].used_ms < oldest->used_ms)
			oldest = &g->peers[i];
	}
	if (g->npeers < LD_PEERS_MAX)
		oldest = &g->peers[g->npeers++];
	memset(oldest, 0, sizeof(*oldest));
	memcpy(oldest->addr, addr, 16);
	return oldest;
}

/* With g->mu.  The two buckets of @who; false: out of memory. */
static bool read_buckets(struct ld_guard *g, const struct ld_who *who, uint64_t now_ms,
			 struct ld_bucket **reads, struct ld_bucket **rows)
{
	if (who->signed_by) {
		struct ld_quota *q = account_quota(g, who->account);

		if (!q)
			return false;
		*reads = &q->reads;
		*rows = &q->rows;
	} else {
		struct ld_peer *p = find_peer(g, who->addr);

		p->used_ms = now_ms;
		*reads = &p->reads;
		*rows = &p->rows;
	}
	return true;
}

bool ld_guard_read(struct ld_guard *g, const struct ld_who *who, const struct mkt_class_limits *lim,
		   bool look, uint64_t now_ms, struct ld_rate *out)
{
	struct ld_bucket *reads, *rows;
	bool ok = true;

	*out = (struct ld_rate){0};
	if (!lim->reads_per_min && !lim->rows_per_min)
		return true;
	pthread_mutex_lock(&g->mu);
	if (read_buckets(g, who, now_ms, &reads, &rows)) {
		ld_bucket_take(rows, lim->rows_per_min, 0, now_ms, out);
		ok = !out->retry_s;
		if (ok)
			ok = ld_bucket_take(reads, lim->reads_per_min, !look, now_ms, out);
		ok = ok && !(look && out->retry_s);
		if (ok && !look)
			ld_bucket_take(rows, lim->rows_per_min, 1, now_ms, NULL);
	}
	pthread_mutex_unlock(&g->mu);
	if (!ok)
		atomic_fetch_add(&g->limited, 1);
	return ok;
}

void ld_guard_rows(struct ld_guard *g, const struct ld_who *who, uint32_t limit, uint32_t n,
		   uint64_t now_ms)
{
	struct ld_bucket *reads, *rows;
	uint64_t want = (uint64_t)n * TOKEN - TOKEN; /* one was taken before */

	if (!limit || n <= 1)
		return;
	pthread_mutex_lock(&g->mu);
	if (read_buckets(g, who, now_ms, &reads, &rows)) {
		refill(rows, limit, now_ms);
		rows->level -= want < rows->level ? want : rows->level;
	}
	pthread_mutex_unlock(&g->mu);
}

void ld_guard_look(struct ld_guard *g, const struct ld_who *who, const struct mkt_class_limits *lim,
		   uint64_t now_ms, struct ld_rate *reads, struct ld_rate *rows)
{
	struct ld_bucket *b_reads, *b_rows;

	*reads = *rows = (struct ld_rate){0};
	pthread_mutex_lock(&g->mu);
	if (read_buckets(g, who, now_ms, &b_reads, &b_rows)) {
		ld_bucket_take(b_reads, lim->reads_per_min, 0, now_ms, reads);
		ld_bucket_take(b_rows, lim->rows_per_min, 0, now_ms, rows);
	}
	pthread_mutex_unlock(&g->mu);
}

/* Not to be foreseen by who chooses nonces: they could be made to crowd in one place. */
static uint64_t nonce_tag(const struct ld_guard *g, uint32_t account, const uint8_t nonce[16])
{
	uint64_t half[2], h = g->nonce_seed[0] ^ account;

	memcpy(half, nonce, sizeof(half));
	for (unsigned i = 0; i < 2; i++) {
		h = (h ^ half[i]) * UINT64_C(0x9e3779b97f4a7c15) + g->nonce_seed[1];
		h ^= h >> 29;
		h *= UINT64_C(0xbf58476d1ce4e5b9);
		h ^= h >> 32;
	}
	return h;
}

int ld_guard_nonce(struct ld_guard *g, uint32_t account, const uint8_t nonce[16], uint64_t until_ms,
		   uint64_t now_ms)
{
	uint64_t tag = nonce_tag(g, account, nonce);
	struct ld_nonce *at = g->nonces + tag % (LD_NONCES / NONCE_WAYS) * NONCE_WAYS, *room = NULL;
	bool seen = false;

	pthread_mutex_lock(&g->mu);
	for (unsigned i = 0; i < NONCE_WAYS && !seen; i++) {
		bool old = at[i].until_ms < now_ms;

		seen = !old && at[i].tag == tag;
		if (old)
			room = &at[i];
	}
	if (!seen && room)
		*room = (struct ld_nonce){tag, until_ms};
	pthread_mutex_unlock(&g->mu);
	return seen ? -MKT_ECONFLICT : room ? 0 : -MKT_EBUSY;
}

bool ld_guard_hold(struct ld_guard *g, size_t before, size_t now)
{
	return atomic_fetch_add(&g->held, now - before) + now - before <= LD_STREAM_HELD_BYTES;
}

int ld_guard_stream(struct ld_guard *g, uint32_t max, struct mkt_err *err)
{
	if (atomic_fetch_add(&g->streams, 1) < max)
		return 0;
	ld_guard_stream_end(g);
	return mkt_err_set(err, MKT_EBUSY, "%u streams are being read", max);
}

void ld_guard_stream_end(struct ld_guard *g)
{
	atomic_fetch_sub(&g->streams, 1);
}

void ld_guard_free(struct ld_guard *g, uint64_t free_bytes, uint64_t alarm, uint64_t refuse)
{
	atomic_store(&g->free_bytes, free_bytes);
	atomic_store(&g->alarm, free_bytes < alarm);
	atomic_store(&g->refuse, free_bytes < refuse);
}
