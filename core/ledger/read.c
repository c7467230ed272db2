/*
 * What readers ask.  Nothing here writes.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

uint64_t mkt_state_next_ms(const struct mkt_state *s)
{
	uint64_t next = windows_next_ms(s);

	if (s->nuntil && s->until[0].until_s < next / 1000)
		next = s->until[0].until_s * 1000;
	return next;
}

uint64_t mkt_state_height(const struct mkt_state *s)
{
	return s->height;
}

uint64_t mkt_state_time_ms(const struct mkt_state *s)
{
	return s->time_ms;
}

const struct mkt_authorities *mkt_state_authorities(const struct mkt_state *s)
{
	return &s->authorities;
}

const struct mkt_genesis *mkt_state_genesis(const struct mkt_state *s)
{
	return &s->g;
}

const struct mkt_tag_table *mkt_state_tags(const struct mkt_state *s)
{
	return &s->tags;
}

const struct mkt_class_limits *mkt_state_limits(const struct mkt_state *s, unsigned cls)
{
	return cls < MKT_CLASS_COUNT ? &s->limits[cls] : NULL;
}

void mkt_state_imbalance(const struct mkt_state *s, int32_t *up_upwh, int32_t *down_upwh)
{
	*up_upwh = s->up_upwh;
	*down_upwh = s->down_upwh;
}

void mkt_state_totals(const struct mkt_state *s, struct mkt_totals *out)
{
	*out = s->totals;
}

/* ---- accounts --------------------------------------------------------------------------- */

uint32_t mkt_state_accounts(const struct mkt_state *s)
{
	return s->naccounts;
}

bool mkt_state_account(const struct mkt_state *s, uint32_t number, struct mkt_account *out)
{
	const struct account *a;

	if (!account_known(s, number))
		return false;
	a = &s->account[number];
	*out = (struct mkt_account){
		.number = number,
		.cls = a->cls,
		.suspended = a->suspended,
		.key = a->key,
		.available_uc = a->available_uc,
		.held_uc = a->held_uc,
		.locked_uc = a->locked_uc,
		.open_bids = a->open_bids,
		.nchargers = a->nchargers,
		.chargers = (const char (*)[MKT_CHARGER_MAX + 1])a->chargers,
	};
	memcpy(out->name, a->name, sizeof(out->name));
	return true;
}

bool mkt_state_find_key(const struct mkt_state *s, const struct mkt_pubkey *key, uint32_t *number)
{
	return mkt_idmap_get(&s->by_key, key->b, number);
}

bool mkt_state_find_name(const struct mkt_state *s, const char *name, uint32_t *number)
{
	return account_by_name(s, name, number);
}

void mkt_state_grants(const struct mkt_state *s, uint32_t from, mkt_grant_fn *each, void *ctx)
{
	if (!account_known(s, from))
		return;
	for (uint32_t i = 0; i < s->account[from].ngrants; i++)
		if (!each(ctx, &s->account[from].grants[i].g))
			return;
}

/* ---- bids ------------------------------------------------------------------------------- */

static void bid_out(const struct bid *b, struct mkt_bid *out)
{
	*out = (struct mkt_bid){
		.id = b->id,
		.account = b->account,
		.side = b->side,
		.flags = b->flags,
		.amount_wh = b->amount_wh,
		.left_wh = b->left_wh,
		.until_s = b->until_s,
		.time_ms = b->time_ms,
		.held_uc = b->rate_upwh * b->left_wh,
		.nlegs = b->nlegs,
	};
}

bool mkt_state_bid(const struct mkt_state *s, uint64_t id, struct mkt_bid *out)
{
	const struct bid *b = bid_find(s, id);

	if (b)
		bid_out(b, out);
	return b;
}

bool mkt_state_bid_leg(const struct mkt_state *s, uint64_t id, uint16_t leg,
		       struct mkt_bid_leg *out, bool *open)
{
	const struct bid *b = bid_find(s, id);
	const struct leg *l;

	if (!b || leg >= b->nlegs)
		return false;
	l = &legs_of(s, b)[leg];
	*out = (struct mkt_bid_leg){l->window, l->price_upwh, l->tags};
	*open = l->book != NONE;
	return true;
}

/*
 * Where to go on after a cursor that may be gone: most cursors are near a bid
 * that stands, so a few ids are tried before the list is walked.
 */
#define CURSOR_TRIES 4096

/* The first open bid with id > @after. */
static uint32_t bids_after(const struct mkt_state *s, uint64_t after)
{
	uint32_t ix = s->bids.head;

	if (ix == NONE || s->bid[ix].id > after)
		return ix;
	for (uint64_t id = after; id < after + CURSOR_TRIES && id < s->next_bid; id++)
		if (mkt_map_get(&s->by_bid, id, &ix))
			return id == after ? s->bid[ix].all.next : ix;
	ix = s->bids.head;
	while (ix != NONE && s->bid[ix].id <= after)
		ix = s->bid[ix].all.next;
	return ix;
}

static uint32_t own_bids_after(const struct mkt_state *s, uint32_t account, uint64_t after)
{
	const struct bid *b = bid_find(s, after);
	uint32_t ix;

	if (b && b->account == account)
		return b->own.next;
	ix = s->account[account].bids.head;
	while (ix != NONE && s->bid[ix].id <= after)
		ix = s->bid[ix].own.next;
	return ix;
}

uint32_t mkt_state_bids(const struct mkt_state *s, uint32_t account, uint64_t after,
			struct mkt_bid *out, uint32_t max)
{
	bool all = account == UINT32_MAX;
	uint32_t n = 0, ix;

	if (!all && !account_known(s, account))
		return 0;
	ix = all ? bids_after(s, after) : own_bids_after(s, account, after);
	while (ix != NONE && n < max) {
		const struct bid *b = &s->bid[ix];

		bid_out(b, &out[n++]);
		ix = all ? b->all.next : b->own.next;
	}
	return n;
}

uint64_t mkt_state_next_bid(const struct mkt_state *s)
{
	return s->next_bid;
}

/* ---- contracts -------------------------------------------------------------------------- */

bool mkt_state_contract(const struct mkt_state *s, uint64_t exec, struct mkt_contract *out)
{
	uint32_t ix;

	if (!contract_find(s, exec, &ix))
		return false;
	*out = s->contract[ix].c;
	return true;
}

static uint64_t exec_of(const struct mkt_state *s, uint32_t ix)
{
	return s->contract[ix].c.what.exec;
}

/* The first contract of list @list (with head @head) with exec > @after. */
static uint32_t contracts_after(const struct mkt_state *s, unsigned list, uint32_t head,
				uint64_t after)
{
	uint32_t ix = head;

	while (ix != NONE && exec_of(s, ix) <= after)
		ix = s->contract[ix].link[list].next;
	return ix;
}

static uint32_t all_contracts_after(const struct mkt_state *s, uint64_t after)
{
	uint32_t ix = s->contracts.head;

	if (ix == NONE || exec_of(s, ix) > after)
		return ix;
	for (uint64_t e = after; e < after + CURSOR_TRIES && e < s->next_exec; e++)
		if (contract_find(s, e, &ix))
			return e == after ? s->contract[ix].link[C_ALL].next : ix;
	return contracts_after(s, C_ALL, s->contracts.head, after);
}

/* The lists of an account as seller and as buyer, merged. */
static uint32_t own_contracts(const struct mkt_state *s, uint32_t account, uint64_t after,
			      struct mkt_contract *out, uint32_t max)
{
	uint32_t at[2], n = 0, known;

	for (unsigned side = 0; side < 2; side++) {
		at[side] = s->account[account].contracts[side].head;
		if (contract_find(s, after, &known) &&
		    contract_account(&s->contract[known], side) == account)
			at[side] = known;
		at[side] = contracts_after(s, C_ACCOUNT + side, at[side], after);
	}
	while (n < max && (at[0] != NONE || at[1] != NONE)) {
		unsigned side = at[0] == NONE ||
				(at[1] != NONE && exec_of(s, at[1]) < exec_of(s, at[0]));

		out[n++] = s->contract[at[side]].c;
		at[side] = s->contract[at[side]].link[C_ACCOUNT + side].next;
	}
	return n;
}

uint32_t mkt_state_contracts(const struct mkt_state *s, uint32_t account, uint64_t after,
			     struct mkt_contract *out, uint32_t max)
{
	uint32_t n = 0;

	if (account != UINT32_MAX)
		return account_known(s, account) ? own_contracts(s, account, after, out, max) : 0;
	for (uint32_t ix = all_contracts_after(s, after); ix != NONE && n < max;
	     ix = s->contract[ix].link[C_ALL].next)
		out[n++] = s->contract[ix].c;
	return n;
}

uint64_t mkt_state_next_exec(const struct mkt_state *s)
{
	return s->next_exec;
}

/* ---- books ------------------------------------------------------------------------------ */

bool mkt_state_book(const struct mkt_state *s, uint32_t window, mkt_tags tags, uint32_t *book)
{
	uint32_t w = window_find(s, window);
	uint32_t b = w == NONE ? NONE : window_book(s, w, tags);

	if (b == NONE)
		return false;
	*book = b;
	return true;
}

bool mkt_state_next_book(const struct mkt_state *s, uint32_t *window, mkt_tags *tags,
			 uint32_t *book)
{
	for (uint32_t i = 0; i < s->norder; i++) {
		const struct window *w = &s->window[s->order[i]];

		if (w->number < *window)
			continue;
		for (uint32_t k = 0; k < w->nbooks; k++) {
			if (w->number == *window && w->books[k].tags <= *tags)
				continue;
			*window = w->number;
			*tags = w->books[k].tags;
			*book = w->books[k].book;
			return true;
		}
	}
	return false;
}

const struct mkt_books *mkt_state_books(const struct mkt_state *s)
{
	return s->books;
}

void mkt_state_open_windows(const struct mkt_state *s, uint64_t now_ms, uint32_t *first,
			    uint32_t *count)
{
	uint32_t last;

	windows_open_at(s, now_ms, first, &last);
	*count = last >= *first ? last - *first + 1 : 0;
}
