#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/ledger/genesis.h"

static const char *const class_names[MKT_CLASS_COUNT] = {
	[MKT_CLASS_OPERATOR] = "operator", [MKT_CLASS_HOUSEHOLD] = "household",
	[MKT_CLASS_OFFICE] = "office",     [MKT_CLASS_EV] = "ev",
	[MKT_CLASS_BATTERY] = "battery",   [MKT_CLASS_RETAILER] = "retailer",
	[MKT_CLASS_AGGREGATOR] = "aggregator", [MKT_CLASS_METER] = "meter",
	[MKT_CLASS_READER] = "reader",
};

const char *mkt_class_name(unsigned cls)
{
	return cls < MKT_CLASS_COUNT ? class_names[cls] : NULL;
}

int mkt_class_find(const char *name)
{
	for (int i = 0; i < MKT_CLASS_COUNT; i++)
		if (!strcmp(class_names[i], name))
			return i;
	return -1;
}

/* ---- defaults --------------------------------------------------------------------------- */

/*
 * One bid is one transaction, so a household's 600 a minute are ten times the
 * largest block of the field trial for each of its participants.
 */
static const struct mkt_class_limits default_limits[MKT_CLASS_COUNT] = {
	[MKT_CLASS_OPERATOR] = {0, 0, 0, 0},
	[MKT_CLASS_HOUSEHOLD] = {4096, 600, 6000, 600000},
	[MKT_CLASS_OFFICE] = {8192, 1200, 6000, 600000},
	[MKT_CLASS_EV] = {4096, 600, 6000, 600000},
	[MKT_CLASS_BATTERY] = {8192, 1200, 6000, 600000},
	[MKT_CLASS_RETAILER] = {65535, 60000, 60000, 6000000},
	[MKT_CLASS_AGGREGATOR] = {65535, 60000, 60000, 6000000},
	[MKT_CLASS_METER] = {1, 60000, 60000, 6000000},
	[MKT_CLASS_READER] = {1, 60, 6000, 600000},
};

static int default_tags(struct mkt_tag_table *t)
{
	const struct mkt_tag_value green = {.name = "green"}, shvm = {.name = "shvm"};
	uint8_t value;
	int rc = mkt_tag_add_dim(t, "energy", "brown");

	if (!rc)
		rc = mkt_tag_set_value(t, 0, &green, &value);
	if (!rc)
		rc = mkt_tag_add_dim(t, "market", "lvm");
	if (!rc)
		rc = mkt_tag_set_value(t, 1, &shvm, &value);
	return rc;
}

int mkt_genesis_default(struct mkt_genesis *g)
{
	struct mkt_tag_table tags = {0};
	int rc = default_tags(&tags);

	if (rc < 0) {
		mkt_tag_table_release(&tags);
		return rc;
	}
	*g = (struct mkt_genesis){
		.name = "mkt",
		.currency = "JPY",
		.zone = "Asia/Tokyo",
		.clock = MKT_CLOCK_SYSTEM,
		.window_s = 1800,
		.opening_s = 7 * 86400,
		.gate_s = 300,
		.tick_upwh = 10,
		.price_min_upwh = 0,
		.price_max_upwh = 200000,
		.lot_wh = 1,
		.deadline_s = 3600,
		.unreported = MKT_UNREPORTED_OTHER,
		.imbalance_up_upwh = 45000,
		.imbalance_down_upwh = 20000,
		.interval_ms = 1000,
		.heartbeat_s = 60,
		.block_txs = 20000,
		.validity_s = 3600,
		.retention_s = 7 * 86400,
		.tags = tags,
	};
	memcpy(g->limits, default_limits, sizeof(g->limits));
	return 0;
}

void mkt_genesis_release(struct mkt_genesis *g)
{
	mkt_tag_table_release(&g->tags);
	*g = (struct mkt_genesis){0};
}

int mkt_genesis_copy(struct mkt_genesis *to, const struct mkt_genesis *from)
{
	struct mkt_tag_table tags;
	int rc = mkt_tag_table_copy(&tags, &from->tags);

	if (rc < 0)
		return rc;
	*to = *from;
	to->tags = tags;
	return 0;
}

/* ---- bounds ----------------------------------------------------------------------------- */

static bool currency_ok(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] < 'A' || s[i] > 'Z')
			return false;
	return n >= 1 && n <= MKT_CURRENCY_MAX;
}

/* A name of the zone database, which becomes part of a path: no dots, no root. */
static bool zone_ok(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';

		if (!letter && !other && (c != '/' || !i))
			return false;
	}
	return n >= 1 && n <= MKT_ZONE_MAX;
}

static int check_names(const struct mkt_genesis *g, struct mkt_err *err)
{
	if (!mkt_name_ok(g->name))
		return mkt_err_set(err, MKT_EINVAL, "chain name '%s' is not well formed", g->name);
	if (!currency_ok(g->currency))
		return mkt_err_set(err, MKT_EINVAL, "currency '%s' is not 1 to %d capital letters",
				   g->currency, MKT_CURRENCY_MAX);
	if (!zone_ok(g->zone))
		return mkt_err_set(err, MKT_EINVAL, "zone '%s' is not well formed", g->zone);
	return 0;
}

static int check_times(const struct mkt_genesis *g, struct mkt_err *err)
{
	if (!g->time_ms || g->time_ms > MKT_TIME_MS_MAX)
		return mkt_err_set(err, MKT_EINVAL, "the time of block 0 is out of range");
	if (g->clock > MKT_CLOCK_OPERATOR)
		return mkt_err_set(err, MKT_EINVAL, "no such clock: %u", g->clock);
	if (g->window_s != 900 && g->window_s != 1800 && g->window_s != 3600)
		return mkt_err_set(err, MKT_EINVAL, "a window of %u s is not 900, 1800 or 3600 s",
				   g->window_s);
	if (g->opening_s > MKT_SPAN_S_MAX)
		return mkt_err_set(err, MKT_EINVAL, "windows open more than a year ahead");
	if (g->gate_s >= g->opening_s)
		return mkt_err_set(err, MKT_EINVAL, "the gate closes before the window opens");
	if (!g->deadline_s || g->deadline_s > MKT_SPAN_S_MAX)
		return mkt_err_set(err, MKT_EINVAL, "the deadline for reports is out of range");
	if (!g->retention_s || g->retention_s > MKT_SPAN_S_MAX)
		return mkt_err_set(err, MKT_EINVAL, "the retention of contracts is out of range");
	return 0;
}

static int check_prices(const struct mkt_genesis *g, struct mkt_err *err)
{
	int64_t span = (int64_t)g->price_max_upwh - g->price_min_upwh;

	if (g->tick_upwh <= 0)
		return mkt_err_set(err, MKT_EINVAL, "the price tick must be positive");
	if (span < 0)
		return mkt_err_set(err, MKT_EINVAL, "the price range is empty");
	if (g->price_min_upwh % g->tick_upwh || g->price_max_upwh % g->tick_upwh)
		return mkt_err_set(err, MKT_EINVAL,
				   "the ends of the price range are not on the tick");
	if (span / g->tick_upwh >= MKT_TICKS_MAX)
		return mkt_err_set(err, MKT_EINVAL, "the price range has more than %u ticks",
				   MKT_TICKS_MAX);
	if (!g->lot_wh)
		return mkt_err_set(err, MKT_EINVAL, "the lot must be positive");
	if (g->collateral_bp > 10000)
		return mkt_err_set(err, MKT_EINVAL, "collateral above 10000/10000");
	if (g->imbalance_up_upwh < 0 || g->imbalance_up_upwh > MKT_IMBALANCE_MAX ||
	    g->imbalance_down_upwh < 0 || g->imbalance_down_upwh > MKT_IMBALANCE_MAX)
		return mkt_err_set(err, MKT_EINVAL, "an imbalance price is out of range");
	if (g->unreported > MKT_UNREPORTED_ZERO)
		return mkt_err_set(err, MKT_EINVAL, "no such rule for unreported energy: %u",
				   g->unreported);
	return 0;
}

static int check_blocks(const struct mkt_genesis *g, struct mkt_err *err)
{
	if (!g->interval_ms || g->interval_ms > 3600000)
		return mkt_err_set(err, MKT_EINVAL, "the block interval is out of range");
	if (g->heartbeat_s > MKT_SPAN_S_MAX)
		return mkt_err_set(err, MKT_EINVAL, "the heartbeat is out of range");
	if (!g->block_txs || g->block_txs > MKT_BLOCK_TXS_MAX)
		return mkt_err_set(err, MKT_EINVAL, "transactions of a block: not 1 to %u",
				   MKT_BLOCK_TXS_MAX);
	if (!g->validity_s || g->validity_s > MKT_VALIDITY_MAX_S)
		return mkt_err_set(err, MKT_EINVAL, "the validity is not 1 to %u s",
				   MKT_VALIDITY_MAX_S);
	for (unsigned i = 0; i < MKT_CLASS_COUNT; i++)
		if (g->limits[i].open_bids > MKT_OPEN_BIDS_ACCOUNT_MAX)
			return mkt_err_set(err, MKT_EINVAL, "more than %u open bids for class '%s'",
					   MKT_OPEN_BIDS_ACCOUNT_MAX, class_names[i]);
	return 0;
}

static bool key_is_zero(const struct mkt_pubkey *k)
{
	static const struct mkt_pubkey zero;

	return !memcmp(k->b, zero.b, sizeof(zero.b));
}

static int check_keys(const struct mkt_genesis *g, struct mkt_err *err)
{
	if (key_is_zero(&g->operator_key))
		return mkt_err_set(err, MKT_EINVAL, "the operator has no key");
	if (!g->nauthorities || g->nauthorities > MKT_AUTHORITIES_MAX)
		return mkt_err_set(err, MKT_EINVAL, "a chain has 1 to %d authorities",
				   MKT_AUTHORITIES_MAX);
	if (g->quorum > MKT_QUORUM_BFT)
		return mkt_err_set(err, MKT_EINVAL, "no such quorum rule: %u", g->quorum);
	for (unsigned i = 0; i < g->nauthorities; i++) {
		if (key_is_zero(&g->authorities[i]))
			return mkt_err_set(err, MKT_EINVAL, "authority %u has no key", i);
		for (unsigned j = 0; j < i; j++)
			if (!memcmp(&g->authorities[i], &g->authorities[j], MKT_PUBKEY_LEN))
				return mkt_err_set(err, MKT_EINVAL,
						   "authorities %u and %u have the same key", j, i);
	}
	return 0;
}

static int check_value(const struct mkt_genesis *g, unsigned dim, unsigned value,
		       struct mkt_err *err)
{
	const struct mkt_tag_value *v = &g->tags.dims[dim].values[value];
	unsigned first_dim;
	uint8_t first;

	if (!mkt_name_ok(v->name))
		return mkt_err_set(err, MKT_EINVAL, "tag '%s' is not well formed", v->name);
	if (mkt_tag_find(&g->tags, v->name, &first_dim, &first) < 0 || first_dim != dim ||
	    first != value)
		return mkt_err_set(err, MKT_EINVAL, "two tags are called '%s'", v->name);
	if (v->fee_upwh < 0)
		return mkt_err_set(err, MKT_EINVAL, "the fee of tag '%s' is negative", v->name);
	if (v->fee_account != MKT_OPERATOR)
		return mkt_err_set(err, MKT_EINVAL, "the fee of tag '%s' goes to no account",
				   v->name);
	if (v->nmembers)
		return mkt_err_set(err, MKT_EINVAL, "tag '%s' has members at genesis", v->name);
	return 0;
}

static int check_tags(const struct mkt_genesis *g, struct mkt_err *err)
{
	const struct mkt_tag_table *t = &g->tags;

	if (!t->ndims || t->ndims > MKT_DIMS_MAX)
		return mkt_err_set(err, MKT_EINVAL, "a chain has 1 to %d tag dimensions",
				   MKT_DIMS_MAX);
	for (unsigned d = 0; d < t->ndims; d++) {
		if (!mkt_name_ok(t->dims[d].name))
			return mkt_err_set(err, MKT_EINVAL, "dimension '%s' is not well formed",
					   t->dims[d].name);
		if (mkt_tag_find_dim(t, t->dims[d].name) != (int)d)
			return mkt_err_set(err, MKT_EINVAL, "two dimensions are called '%s'",
					   t->dims[d].name);
		if (!t->dims[d].nvalues || t->dims[d].nvalues > MKT_TAG_VALUES_MAX)
			return mkt_err_set(err, MKT_EINVAL, "dimension '%s' has no values",
					   t->dims[d].name);
		for (unsigned i = 0; i < t->dims[d].nvalues; i++) {
			int rc = check_value(g, d, i, err);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int mkt_genesis_check(const struct mkt_genesis *g, struct mkt_err *err)
{
	int rc = check_names(g, err);

	if (!rc)
		rc = check_times(g, err);
	if (!rc)
		rc = check_prices(g, err);
	if (!rc)
		rc = check_blocks(g, err);
	if (!rc)
		rc = check_keys(g, err);
	if (!rc)
		rc = check_tags(g, err);
	return rc;
}

/* ---- bytes ------------------------------------------------------------------------------ */

static void market_enc(const struct mkt_genesis *g, struct mkt_buf *out)
{
	mkt_enc_u32(out, g->window_s);
	mkt_enc_u32(out, g->opening_s);
	mkt_enc_u32(out, g->gate_s);
	mkt_enc_i32(out, g->tick_upwh);
	mkt_enc_i32(out, g->price_min_upwh);
	mkt_enc_i32(out, g->price_max_upwh);
	mkt_enc_u32(out, g->lot_wh);
	mkt_enc_u32(out, g->deadline_s);
	mkt_enc_u8(out, g->unreported);
	mkt_enc_u16(out, g->collateral_bp);
	mkt_enc_i32(out, g->imbalance_up_upwh);
	mkt_enc_i32(out, g->imbalance_down_upwh);
	mkt_enc_u32(out, g->interval_ms);
	mkt_enc_u32(out, g->heartbeat_s);
	mkt_enc_u32(out, g->block_txs);
	mkt_enc_u32(out, g->validity_s);
	mkt_enc_u32(out, g->retention_s);
}

void mkt_genesis_enc(const struct mkt_genesis *g, struct mkt_buf *out)
{
	mkt_enc_u8(out, g->quorum ? MKT_GENESIS_VERSION_QUORUM : MKT_GENESIS_VERSION);
	mkt_enc_text(out, g->name, strlen(g->name));
	mkt_enc_text(out, g->currency, strlen(g->currency));
	mkt_enc_text(out, g->zone, strlen(g->zone));
	mkt_enc_u64(out, g->time_ms);
	mkt_enc_u8(out, g->clock);
	mkt_enc_u8(out, g->private_accounts);
	market_enc(g, out);
	mkt_enc_bytes(out, g->operator_key.b, MKT_PUBKEY_LEN);
	mkt_enc_u8(out, g->nauthorities);
	for (unsigned i = 0; i < g->nauthorities; i++)
		mkt_enc_bytes(out, g->authorities[i].b, MKT_PUBKEY_LEN);
	if (g->quorum)
		mkt_enc_u8(out, g->quorum);
	mkt_enc_u8(out, MKT_CLASS_COUNT);
	for (unsigned i = 0; i < MKT_CLASS_COUNT; i++) {
		mkt_enc_u32(out, g->limits[i].open_bids);
		mkt_enc_u32(out, g->limits[i].tx_per_min);
		mkt_enc_u32(out, g->limits[i].reads_per_min);
		mkt_enc_u32(out, g->limits[i].rows_per_min);
	}
	mkt_enc_u8(out, g->tags.ndims);
	for (unsigned d = 0; d < g->tags.ndims; d++)
		mkt_tag_dim_enc(&g->tags.dims[d], out);
}

static void market_dec(struct mkt_dec *in, struct mkt_genesis *g)
{
	g->window_s = mkt_dec_u32(in);
	g->opening_s = mkt_dec_u32(in);
	g->gate_s = mkt_dec_u32(in);
	g->tick_upwh = mkt_dec_i32(in);
	g->price_min_upwh = mkt_dec_i32(in);
	g->price_max_upwh = mkt_dec_i32(in);
	g->lot_wh = mkt_dec_u32(in);
	g->deadline_s = mkt_dec_u32(in);
	g->unreported = mkt_dec_u8(in);
	g->collateral_bp = mkt_dec_u16(in);
	g->imbalance_up_upwh = mkt_dec_i32(in);
	g->imbalance_down_upwh = mkt_dec_i32(in);
	g->interval_ms = mkt_dec_u32(in);
	g->heartbeat_s = mkt_dec_u32(in);
	g->block_txs = mkt_dec_u32(in);
	g->validity_s = mkt_dec_u32(in);
	g->retention_s = mkt_dec_u32(in);
}

static void key_dec(struct mkt_dec *in, struct mkt_pubkey *k)
{
	const uint8_t *p = mkt_dec_bytes(in, MKT_PUBKEY_LEN);

	if (p)
		memcpy(k->b, p, MKT_PUBKEY_LEN);
}

/* Authorities, class limits, tags; what is counted. */
static int lists_dec(struct mkt_dec *in, struct mkt_genesis *g, uint8_t version)
{
	unsigned ndims;

	key_dec(in, &g->operator_key);
	g->nauthorities = mkt_dec_u8(in);
	if (g->nauthorities > MKT_AUTHORITIES_MAX)
		return -MKT_ENONCANONICAL;
	for (unsigned i = 0; i < g->nauthorities; i++)
		key_dec(in, &g->authorities[i]);
	if (version == MKT_GENESIS_VERSION_QUORUM)
		g->quorum = mkt_dec_u8(in);
	if (version == MKT_GENESIS_VERSION_QUORUM && !g->quorum && !in->bad)
		return -MKT_ENONCANONICAL; /* a majority is version 1 */
	if (mkt_dec_u8(in) != MKT_CLASS_COUNT && !in->bad)
		return -MKT_ENONCANONICAL;
	for (unsigned i = 0; i < MKT_CLASS_COUNT; i++) {
		g->limits[i].open_bids = mkt_dec_u32(in);
		g->limits[i].tx_per_min = mkt_dec_u32(in);
		g->limits[i].reads_per_min = mkt_dec_u32(in);
		g->limits[i].rows_per_min = mkt_dec_u32(in);
	}
	ndims = mkt_dec_u8(in);
	if (ndims > MKT_DIMS_MAX)
		return -MKT_ENONCANONICAL;
	for (unsigned d = 0; d < ndims; d++) {
		int rc = mkt_tag_dim_dec(in, &g->tags.dims[d]);

		if (rc < 0)
			return rc;
		g->tags.ndims++;
	}
	return mkt_dec_end(in);
}

static int fields_dec(struct mkt_dec *in, struct mkt_genesis *g, struct mkt_err *err)
{
	uint8_t private_accounts, version = mkt_dec_u8(in);
	int rc;

	if (version != MKT_GENESIS_VERSION && version != MKT_GENESIS_VERSION_QUORUM && !in->bad)
		return mkt_err_set(err, MKT_EVERSION, "the version of the genesis is not known");
	mkt_dec_text(in, g->name, MKT_NAME_MAX);
	mkt_dec_text(in, g->currency, MKT_CURRENCY_MAX);
	mkt_dec_text(in, g->zone, MKT_ZONE_MAX);
	g->time_ms = mkt_dec_u64(in);
	g->clock = mkt_dec_u8(in);
	private_accounts = mkt_dec_u8(in);
	g->private_accounts = private_accounts;
	market_dec(in, g);
	rc = private_accounts > 1 ? -MKT_ENONCANONICAL : lists_dec(in, g, version);
	if (rc < 0)
		return mkt_err_set(err, -rc, "the genesis is damaged (%s)", mkt_code_word(-rc));
	return mkt_genesis_check(g, err);
}

int mkt_genesis_dec(const void *p, size_t n, struct mkt_genesis *g, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	struct mkt_genesis got = {0};
	int rc = fields_dec(&in, &got, err);

	if (rc < 0) {
		mkt_genesis_release(&got);
		return rc;
	}
	*g = got;
	return 0;
}

void mkt_genesis_id(const void *bytes, size_t n, struct mkt_hash *id)
{
	mkt_hash(id, MKT_DOM_GENESIS, bytes, n);
}
