#include "core/base/compat.h"

#include "ledgerd/look.h"
#include "ledgerd/node.h"

void ld_look_init(struct ld_look *l, struct ld_node *n)
{
	*l = (struct ld_look){.node = n, .tx = MKT_TX_INIT, .tx_height = UINT64_MAX};
	for (unsigned i = 0; i < LD_LOOK_BLOCKS; i++)
		l->blocks[i].height = UINT64_MAX;
}

static void forget(struct ld_look_block *k)
{
	free(k->events);
	k->events = NULL;
	k->height = UINT64_MAX;
	if (k->bytes.cap > LD_LOOK_KEEP)
		mkt_buf_release(&k->bytes);
	mkt_buf_clear(&k->bytes);
}

void ld_look_release(struct ld_look *l)
{
	for (unsigned i = 0; i < LD_LOOK_BLOCKS; i++) {
		forget(&l->blocks[i]);
		mkt_buf_release(&l->blocks[i].bytes);
	}
	mkt_tx_release(&l->tx);
}

static int open_block(struct ld_look *l, uint64_t height, struct ld_look_block **out,
		      struct mkt_err *err)
{
	struct ld_look_block *k = &l->blocks[0];
	int res;

	for (unsigned i = 0; i < LD_LOOK_BLOCKS; i++) {
		if (l->blocks[i].height == height) {
			k = &l->blocks[i];
			k->used = ++l->clock;
			*out = k;
			return 0;
		}
		if (l->blocks[i].used < k->used)
			k = &l->blocks[i];
	}
	if (k->height == l->tx_height)
		l->tx_height = UINT64_MAX;
	forget(k);
	res = mkt_chain_read(l->node->chain, height, &k->bytes, err);
	if (res >= 0)
		res = mkt_block_dec(k->bytes.data, k->bytes.len, &k->b, err);
	if (res < 0)
		return res;
	k->height = height;
	k->used = ++l->clock;
	*out = k;
	return 0;
}

int ld_look_block(struct ld_look *l, uint64_t height, const struct ld_look_block **out,
		  struct mkt_err *err)
{
	struct ld_look_block *k;
	int res = open_block(l, height, &k, err);

	if (res >= 0)
		*out = k;
	return res;
}

int ld_look_time(struct ld_look *l, uint64_t height, uint64_t *time_ms, struct mkt_err *err)
{
	struct mkt_block head;
	struct ld_look_block *k;
	int res = open_block(l, height, &k, err);

	if (res >= 0) {
		*time_ms = k->b.h.time_ms;
	} else if (res == -MKT_EPRUNED) {
		res = mkt_chain_read_head(l->node->chain, height, &head, err);
		if (res >= 0)
			*time_ms = head.h.time_ms;
	}
	return res < 0 ? res : 0;
}

/* Where each event begins, and whose it is: made once a block. */
static int list_events(struct ld_look_block *k, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(k->b.events, k->b.events_len);
	uint32_t n = k->b.h.nevents;
	struct ld_look_event *list;

	if (k->events)
		return 0;
	list = malloc(((size_t)n + 1) * sizeof(*list));
	if (!list)
		return mkt_err_code(err, MKT_ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		struct mkt_event ev;

		list[i].at = (uint32_t)(in.at - k->b.events);
		if (mkt_event_dec(&in, &ev) < 0) {
			free(list);
			return mkt_err_set(err, MKT_EINTEGRITY,
					   "event %u of block %llu cannot be read", i,
					   (unsigned long long)k->height);
		}
		list[i].tx = ev.tx;
	}
	list[n] = (struct ld_look_event){(uint32_t)k->b.events_len, MKT_EVENT_NO_TX};
	k->events = list;
	return 0;
}

static int open_events(struct ld_look *l, uint64_t height, struct ld_look_block **out,
		       struct mkt_err *err)
{
	int res = open_block(l, height, out, err);

	return res < 0 ? res : list_events(*out, err);
}

int ld_look_event(struct ld_look *l, uint64_t height, uint32_t n, struct mkt_event *ev,
		  struct mkt_err *err)
{
	struct ld_look_block *k;
	struct mkt_dec in;
	int res = open_events(l, height, &k, err);

	if (res < 0)
		return res;
	if (n >= k->b.h.nevents)
		return mkt_err_set(err, MKT_ENOTFOUND, "block %llu has no event %u",
				   (unsigned long long)height, n);
	in = mkt_dec_init(k->b.events + k->events[n].at, k->b.events_len - k->events[n].at);
	return mkt_event_dec(&in, ev) < 0 ? mkt_err_code(err, MKT_EINTEGRITY) : 0;
}

/* Events of time alone come first, then those of transactions in order. */
static uint32_t first_event(const struct ld_look_block *k, uint32_t ix)
{
	uint32_t low = 0, high = k->b.h.nevents;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		bool before = k->events[mid].tx == MKT_EVENT_NO_TX || k->events[mid].tx < ix;

		if (before)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int ld_look_tx_first(struct ld_look *l, uint64_t height, uint32_t ix, uint32_t *first,
		     uint32_t *count, struct mkt_err *err)
{
	struct ld_look_block *k;
	int res = open_events(l, height, &k, err);

	if (res < 0)
		return res;
	*first = first_event(k, ix);
	*count = first_event(k, ix + 1) - *first;
	return 0;
}

int ld_look_tx_events(struct ld_look *l, uint64_t height, uint32_t ix, const uint8_t **p,
		      size_t *len, struct mkt_err *err)
{
	struct ld_look_block *k;
	uint32_t first, end;
	int res = open_events(l, height, &k, err);

	if (res < 0)
		return res;
	first = first_event(k, ix);
	end = first_event(k, ix + 1);
	*p = k->b.events + k->events[first].at;
	*len = k->events[end].at - k->events[first].at;
	return 0;
}

int ld_look_tx(struct ld_look *l, uint64_t height, uint32_t ix, const struct mkt_tx **tx,
	       struct mkt_err *err)
{
	struct ld_look_block *k;
	const uint8_t *p;
	uint32_t len;
	int res = open_block(l, height, &k, err);

	if (res < 0)
		return res;
	if (l->tx_height != height || l->tx_ix != ix) {
		if (!mkt_block_tx(&k->b, ix, &p, &len))
			return mkt_err_set(err, MKT_ENOTFOUND, "block %llu has no transaction %u",
					   (unsigned long long)height, ix);
		l->tx_height = UINT64_MAX;
		res = mkt_tx_dec(p, len, &l->node->chain_id, &l->tx, err);
		if (res < 0)
			return res;
		l->tx_height = height;
		l->tx_ix = ix;
	}
	*tx = &l->tx;
	return 0;
}

int ld_look_bid(struct ld_look *l, uint64_t id, struct ld_look_bid *out, struct mkt_err *err)
{
	struct ld_look_block *k;
	const struct mkt_tx *tx;
	struct mkt_event ev;
	struct mkt_dec in;
	uint64_t height;
	int res = mkt_chain_height_of_bid(l->node->chain, id, &height, err);

	if (res >= 0)
		res = open_block(l, height, &k, err);
	if (res < 0)
		return res;
	in = mkt_dec_init(k->b.events, k->b.events_len);
	for (uint32_t i = 0; i < k->b.h.nevents; i++) {
		if (mkt_event_dec(&in, &ev) < 0)
			return mkt_err_code(err, MKT_EINTEGRITY);
		if (ev.kind != MKT_EV_RESULT || ev.u.result.code || ev.u.result.ref != id)
			continue;
		res = ld_look_tx(l, height, ev.tx, &tx, err);
		if (res < 0)
			return res;
		if (ev.op >= tx->nops || tx->ops[ev.op].kind != MKT_OP_BID)
			continue; /* a cancel of this bid, or another thing of this number */
		*out = (struct ld_look_bid){
			.height = height,
			.time_ms = k->b.h.time_ms,
			.ix = ev.tx,
			.op = ev.op,
			.account = ev.u.result.account,
			.left_wh = (uint32_t)ev.u.result.more,
			.bid = &tx->ops[ev.op],
			.legs = tx->legs + tx->ops[ev.op].u.bid.first_leg,
		};
		return 0;
	}
	return mkt_err_set(err, MKT_EBID, "there is no bid %llu", (unsigned long long)id);
}
