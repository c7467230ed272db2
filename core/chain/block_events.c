#include "core/base/compat.h"

#include "core/chain/block.h"

bool mkt_block_next_event(const struct mkt_block *b, const uint8_t **at, struct mkt_event *ev)
{
	const uint8_t *from = *at ? *at : b->events;
	struct mkt_dec in = mkt_dec_init(from, (size_t)(b->events + b->events_len - from));

	if (in.at == in.end || mkt_event_dec(&in, ev) < 0)
		return false;
	*at = in.at;
	return true;
}

int mkt_block_event_leaves(const struct mkt_block *b, struct mkt_hash *out, struct mkt_err *err)
{
	const uint8_t *at = NULL, *from = b->events;
	struct mkt_event ev;
	uint32_t n = 0;

	while (n < b->h.nevents && mkt_block_next_event(b, &at, &ev)) {
		mkt_hash(&out[n++], MKT_DOM_LEAF, from, (size_t)(at - from));
		from = at;
	}
	if (n < b->h.nevents)
		return mkt_err_set(err, MKT_EINTEGRITY, "block %llu: event %lu is not well formed",
				   (unsigned long long)b->h.height, (unsigned long)n);
	if (from != b->events + b->events_len)
		return mkt_err_set(err, MKT_EINTEGRITY, "block %llu: bytes follow its last event",
				   (unsigned long long)b->h.height);
	return 0;
}
