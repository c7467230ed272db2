#include "core/base/compat.h"

#include "ledgerd/guard.h"

#define TOKEN 60000u /* a limit of n a minute refills n units a millisecond */

int ld_guard_init(struct ld_guard *g)
{
	memset(g, 0, sizeof(*g));
	g->peers = calloc(LD_PEERS_MAX, sizeof(*g->peers));
	if (!g->peers)
		return -MKT_ENOMEM;
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
static struct ld_bucket *account_bucket(struct ld_guard *g, uint32_t account)
{
	if (account >= g->naccounts) {
		uint32_t n = account + 1 > UINT32_MAX / 2 ? account + 1 : (account + 1) * 2;
		struct ld_bucket *p = realloc(g->accounts, n * sizeof(*p));

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
	struct ld_bucket *b;
	bool ok = true;

	if (out)
		*out = (struct ld_rate){0};
	if (!limit)
		return true;
	pthread_mutex_lock(&g->mu);
	b = account_bucket(g, account);
	if (b)
		ok = ld_bucket_take(b, limit, n, now_ms, out);
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

bool ld_guard_read(struct ld_guard *g, const uint8_t addr[16], uint32_t reads, uint32_t rows,
		   uint64_t now_ms, struct ld_rate *out)
{
	struct ld_peer *p;
	bool ok;

	*out = (struct ld_rate){0};
	if (!reads && !rows)
		return true;
	pthread_mutex_lock(&g->mu);
	p = find_peer(g, addr);
	p->used_ms = now_ms;
	/* One row must be left; what a page takes beyond is taken after it was made. */
	ok = ld_bucket_take(&p->rows, rows, 1, now_ms, out) &&
	     ld_bucket_take(&p->reads, reads, 1, now_ms, out);
	pthread_mutex_unlock(&g->mu);
	if (!ok)
		atomic_fetch_add(&g->limited, 1);
	return ok;
}

void ld_guard_rows(struct ld_guard *g, const uint8_t addr[16], uint32_t limit, uint32_t rows,
		   uint64_t now_ms)
{
	struct ld_peer *p;
	uint64_t want = (uint64_t)rows * TOKEN;

	if (!limit || rows <= 1)
		return;
	pthread_mutex_lock(&g->mu);
	p = find_peer(g, addr);
	refill(&p->rows, limit, now_ms);
	p->rows.level -= want < p->rows.level ? want : p->rows.level;
	pthread_mutex_unlock(&g->mu);
}

void ld_guard_peer(struct ld_guard *g, const uint8_t addr[16], uint64_t now_ms,
		   struct ld_rate *reads, struct ld_rate *rows)
{
	uint32_t reads_limit = reads->limit, rows_limit = rows->limit;
	struct ld_peer *p;

	if (!reads_limit && !rows_limit) {
		*reads = *rows = (struct ld_rate){0};
		return;
	}
	pthread_mutex_lock(&g->mu);
	p = find_peer(g, addr);
	ld_bucket_take(&p->reads, reads_limit, 0, now_ms, reads);
	ld_bucket_take(&p->rows, rows_limit, 0, now_ms, rows);
	pthread_mutex_unlock(&g->mu);
}

int ld_guard_stream(struct ld_guard *g, struct mkt_err *err)
{
	if (atomic_fetch_add(&g->streams, 1) < LD_STREAMS_MAX)
		return 0;
	ld_guard_stream_end(g);
	return mkt_err_set(err, MKT_EBUSY, "%d streams are being read", LD_STREAMS_MAX);
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
