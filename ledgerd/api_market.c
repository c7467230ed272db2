/* What a node and its market are: status, genesis, market, limits, health, metrics. */
#include "core/base/compat.h"

#include <stdatomic.h>

#include "ledgerd/api.h"
#include "ledgerd/health.h"
#include "ledgerd/reader.h"
#include "ledgerd/telemetry.h"

/* ---- market: formatted once a change of the state ------------------------------------------ */

/*
 * `market` is read by every command and every agent before it bids, so its
 * answer is kept.  All but three small numbers at its end move only with blocks
 * and the operator's transactions; the rest is made again whenever the state has
 * moved at all.
 */
struct ld_api_cache {
	pthread_mutex_t mu;
	uint64_t version;     /* of the state, when @fixed was made */
	uint64_t height;      /* of the last block then */
	struct mkt_buf fixed; /* from the first brace to "limits" */
};

#define MARKET_TAIL 128 /* room for what comes after @fixed */

void ld_api_cache_free(struct ld_api_cache *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->mu);
	mkt_buf_release(&c->fixed);
	free(c);
}

struct ld_api_cache *ld_api_cache_new(void)
{
	struct ld_api_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->mu, NULL);
	c->version = UINT64_MAX;
	return c;
}

static void put_parameters(struct mkt_jw *w, const struct ld_node *n)
{
	const struct mkt_genesis *g = n->g;
	int32_t up, down;

	mkt_state_imbalance(n->state, &up, &down);
	mkt_jw_kstr(w, "name", g->name);
	mkt_jw_khex(w, "chain", n->chain_id.b, sizeof(n->chain_id.b));
	mkt_jw_kstr(w, "currency", g->currency);
	mkt_jw_kstr(w, "zone", g->zone);
	mkt_jw_kstr(w, "clock", g->clock == MKT_CLOCK_OPERATOR ? "operator" : "system");
	mkt_jw_ku64(w, "window_s", g->window_s);
	mkt_jw_ku64(w, "opening_s", g->opening_s);
	mkt_jw_ku64(w, "gate_s", g->gate_s);
	mkt_jw_ki64(w, "tick_upwh", g->tick_upwh);
	mkt_jw_ki64(w, "price_min_upwh", g->price_min_upwh);
	mkt_jw_ki64(w, "price_max_upwh", g->price_max_upwh);
	mkt_jw_ku64(w, "lot_wh", g->lot_wh);
	mkt_jw_ku64(w, "deadline_s", g->deadline_s);
	mkt_jw_kstr(w, "unreported", g->unreported == MKT_UNREPORTED_ZERO ? "zero" : "other");
	mkt_jw_ku64(w, "collateral_bp", g->collateral_bp);
	mkt_jw_ku64(w, "interval_ms", g->interval_ms);
	mkt_jw_ku64(w, "heartbeat_s", g->heartbeat_s);
	mkt_jw_ku64(w, "validity_s", g->validity_s);
	mkt_jw_ku64(w, "retention_s", g->retention_s);
	mkt_jw_ki64(w, "imbalance_up_upwh", up);
	mkt_jw_ki64(w, "imbalance_down_upwh", down);
}

static void put_tag_value(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tag_value *v)
{
	mkt_jw_obj(w);
	mkt_jw_kstr(w, "name", v->name);
	mkt_jw_kbool(w, "direct", v->direct);
	mkt_jw_kbool(w, "closed", v->closed);
	mkt_jw_ku64(w, "members", v->nmembers);
	mkt_jw_ki64(w, "fee_upwh", v->fee_upwh);
	mkt_jw_ku64(w, "fee_account", v->fee_account);
	ld_json_name(w, n, "fee_account_name", v->fee_account);
	mkt_jw_obj_end(w);
}

static void put_dimensions(struct mkt_jw *w, const struct ld_node *n)
{
	const struct mkt_tag_table *t = mkt_state_tags(n->state);

	mkt_jw_key(w, "dimensions");
	mkt_jw_arr(w);
	for (unsigned d = 0; d < t->ndims; d++) {
		mkt_jw_obj(w);
		mkt_jw_kstr(w, "name", t->dims[d].name);
		mkt_jw_key(w, "values");
		mkt_jw_arr(w);
		for (unsigned v = 0; v < t->dims[d].nvalues; v++)
			put_tag_value(w, n, &t->dims[d].values[v]);
		mkt_jw_arr_end(w);
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

static void put_class(struct mkt_jw *w, unsigned cls, const struct mkt_class_limits *lim)
{
	mkt_jw_kstr(w, "class", mkt_class_name(cls));
	mkt_jw_ku64(w, "open_bids", lim->open_bids);
	mkt_jw_ku64(w, "tx_per_min", lim->tx_per_min);
	mkt_jw_ku64(w, "reads_per_min", lim->reads_per_min);
	mkt_jw_ku64(w, "rows_per_min", lim->rows_per_min);
}

static void put_classes(struct mkt_jw *w, const struct ld_node *n)
{
	mkt_jw_key(w, "limits");
	mkt_jw_arr(w);
	for (unsigned c = 0; c < MKT_CLASS_COUNT; c++) {
		mkt_jw_obj(w);
		put_class(w, c, mkt_state_limits(n->state, c));
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

/* With c->mu. */
static void make_fixed(struct ld_api_cache *c, struct ld_node *n, uint64_t version)
{
	uint64_t time_ms;
	struct mkt_jw w;

	c->version = version;
	ld_node_head(n, &c->height, &time_ms);
	mkt_buf_clear(&c->fixed);
	mkt_jw_init(&w, &c->fixed);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "schema", "mkt.market/1");
	mkt_jw_ku64(&w, "height", c->height);
	ld_json_time_ms(&w, "as_of", time_ms);
	mkt_jw_key(&w, "data");
	mkt_jw_obj(&w);
	ld_node_read(n);
	put_parameters(&w, n);
	put_dimensions(&w, n);
	put_classes(&w, n);
	ld_node_unread(n);
	mkt_jw_key(&w, "open"); /* its value is the first of what moves */
}

static void put_open(struct mkt_buf *b, struct ld_node *n)
{
	uint64_t now_ms = ld_node_operator_clock(n) ? 0 : ld_utc_ms(), block_ms;
	uint32_t first, count;
	struct mkt_jw w;

	ld_node_read(n);
	block_ms = mkt_state_time_ms(n->state);
	if (now_ms < block_ms)
		now_ms = block_ms;
	mkt_state_open_windows(n->state, now_ms, &first, &count);
	ld_node_unread(n);
	mkt_jw_init(&w, b);
	mkt_jw_obj(&w);
	mkt_jw_ku64(&w, "first", (uint64_t)first * n->g->window_s);
	mkt_jw_ku64(&w, "count", count);
	mkt_jw_obj_end(&w);
	mkt_buf_addstr(b, ",\"now_ms\":");
	mkt_jw_u64(&w, now_ms);
	mkt_buf_addstr(b, "}}\n");
}

int ld_get_market(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct ld_api_cache *c = n->cache;
	struct mkt_buf *b = &r->reply.body;
	uint64_t version;

	if (ld_params_done(r, err) < 0)
		return -MKT_EUSAGE;
	pthread_mutex_lock(&c->mu);
	version = atomic_load(&n->version);
	if (c->version != version || c->height != mkt_chain_height(n->chain) || c->fixed.bad)
		make_fixed(c, n, version);
	mkt_buf_grow(b, c->fixed.len + MARKET_TAIL);
	mkt_buf_add(b, c->fixed.data, c->fixed.len);
	pthread_mutex_unlock(&c->mu);
	put_open(b, n);
	if (b->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	r->reply.status = 200;
	return 0;
}

/* ---- status -------------------------------------------------------------------------------- */

static void put_totals(struct mkt_jw *w, const struct mkt_totals *t)
{
	mkt_jw_key(w, "totals");
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "txs", t->txs);
	mkt_jw_ku64(w, "ops", t->ops);
	mkt_jw_ku64(w, "refused", t->refused);
	mkt_jw_ku64(w, "bids", t->bids);
	mkt_jw_ku64(w, "contracts", t->contracts);
	mkt_jw_ku64(w, "settled", t->settled);
	mkt_jw_ku64(w, "reports", t->reports);
	mkt_jw_ku64(w, "contracted_wh", t->contracted_wh);
	mkt_jw_ku64(w, "delivered_wh", t->delivered_wh);
	mkt_jw_ki64s(w, "money_uc", t->money_uc);
	mkt_jw_ki64s(w, "charges_uc", t->charges_uc);
	mkt_jw_ki64s(w, "fees_uc", t->fees_uc);
	mkt_jw_obj_end(w);
}

static void put_disk(struct mkt_jw *w, struct ld_node *n, bool full)
{
	uint64_t blocks, store, days = atomic_load(&n->guard.days_left);

	mkt_chain_bytes(n->chain, &blocks, &store);
	mkt_jw_key(w, "disk");
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "blocks_bytes", blocks);
	mkt_jw_ku64(w, "store_bytes", store);
	mkt_jw_ku64(w, "free_bytes", atomic_load(&n->guard.free_bytes));
	mkt_jw_key(w, "days_left");
	if (days == UINT64_MAX)
		mkt_jw_null(w);
	else
		mkt_jw_u64(w, days);
	mkt_jw_kstr(w, "state",
		    full			    ? "full"
		    : atomic_load(&n->guard.refuse) ? "refusing"
		    : atomic_load(&n->guard.alarm)  ? "alarm"
						    : "ok");
	mkt_jw_obj_end(w);
}

struct snapshot {
	struct mkt_totals totals;
	uint32_t accounts, open_bids;
};

int ld_get_status(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct ld_pipe_numbers p;
	struct snapshot s;
	uint64_t height, time_ms;
	struct mkt_jw w;

	if (ld_params_done(r, err) < 0)
		return -MKT_EUSAGE;
	ld_node_read(n);
	mkt_state_totals(n->state, &s.totals);
	s.accounts = mkt_state_accounts(n->state);
	s.open_bids = mkt_books_count(mkt_state_books(n->state));
	ld_node_unread(n);
	ld_pipe_numbers(n, &p);
	ld_node_head(n, &height, &time_ms);
	ld_begin(r, &w, "mkt.status/1");
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "version", MKT_VERSION);
	mkt_jw_kstr(&w, "role", ld_role_name(n));
	mkt_jw_khex(&w, "chain", n->chain_id.b, sizeof(n->chain_id.b));
	mkt_jw_kstr(&w, "name", n->g->name);
	mkt_jw_kstr(&w, "currency", n->g->currency);
	mkt_jw_kstr(&w, "zone", n->g->zone);
	mkt_jw_kstr(&w, "clock", ld_node_operator_clock(n) ? "operator" : "system");
	mkt_jw_ku64(&w, "height", height);
	ld_json_time_ms(&w, "time", time_ms);
	mkt_jw_ku64(&w, "time_ms", time_ms);
	mkt_jw_ku64(&w, "indexed", mkt_chain_indexed(n->chain));
	mkt_jw_ku64(&w, "queue", p.queued_txs);
	mkt_jw_ku64(&w, "txs", s.totals.txs);
	mkt_jw_ku64(&w, "contracts", s.totals.contracts);
	mkt_jw_ku64(&w, "accounts", s.accounts);
	mkt_jw_ku64(&w, "open_bids", s.open_bids);
	put_disk(&w, n, p.disk_full);
	put_totals(&w, &s.totals);
	ld_json_node(&w, n);
	mkt_jw_khex(&w, "digest", p.digest.b, sizeof(p.digest.b));
	mkt_jw_ku64(&w, "uptime_s", (ld_mono_ms() - n->started_ms) / 1000);
	mkt_jw_obj_end(&w);
	return ld_end(r, &w, NULL, err);
}

int ld_get_genesis(struct ld_req *r, struct mkt_err *err)
{
	if (ld_params_done(r, err) < 0)
		return -MKT_EUSAGE;
	mkt_genesis_enc(r->node->g, &r->reply.body);
	if (r->reply.body.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	r->reply.type = "application/octet-stream";
	r->reply.status = 200;
	return 0;
}

/* ---- limits -------------------------------------------------------------------------------- */

static void put_used(struct mkt_jw *w, const char *key, uint64_t limit, uint64_t used)
{
	mkt_jw_key(w, key);
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "limit", limit);
	mkt_jw_ku64(w, "used", used);
	mkt_jw_obj_end(w);
}

static void put_rate(struct mkt_jw *w, const char *key, const struct ld_rate *rate)
{
	mkt_jw_key(w, key);
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "limit", rate->limit);
	mkt_jw_ku64(w, "left", rate->left);
	mkt_jw_ku64(w, "reset_s", rate->reset_s);
	mkt_jw_obj_end(w);
}

int ld_get_limits(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct mkt_class_limits lim = {0}, reader;
	struct mkt_account acc = {0};
	struct ld_rate tx = {0}, reads, rows;
	uint32_t number = 0;
	uint64_t tx_ms = ld_mono_ms();
	struct mkt_jw w;
	int res = ld_private(r, err);

	if (res >= 0) {
		res = ld_param_account(r, &number, err);
		if (!res)
			return mkt_err_set(err, MKT_EUSAGE, "'account' is missing");
	}
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res >= 0)
		res = ld_reader_may(r, number, err);
	if (res < 0)
		return res;
	ld_reader_limits(r, &reader);
	ld_node_read(n);
	if (mkt_state_account(n->state, number, &acc))
		lim = *mkt_state_limits(n->state, acc.cls);
	if (ld_node_operator_clock(n))
		tx_ms = mkt_state_time_ms(n->state);
	ld_node_unread(n);
	ld_guard_tx_rate(&n->guard, number, lim.tx_per_min, tx_ms, &tx);
	ld_guard_look(&n->guard, &r->who, &reader, ld_mono_ms(), &reads, &rows);
	ld_begin(r, &w, "mkt.limits/1");
	mkt_jw_obj(&w);
	mkt_jw_ku64(&w, "account", number);
	mkt_jw_kstr(&w, "account_name", acc.name);
	mkt_jw_kstr(&w, "class", mkt_class_name(acc.cls));
	put_used(&w, "open_bids", lim.open_bids, acc.open_bids);
	put_rate(&w, "tx_per_min", &tx);
	put_rate(&w, "reads_per_min", &reads);
	put_rate(&w, "rows_per_min", &rows);
	mkt_jw_obj_end(&w);
	return ld_end(r, &w, NULL, err);
}
