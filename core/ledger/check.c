/*
 * Everything counted again from scratch, by other ways than it was made.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

static int wrong(struct mkt_err *err, const char *what, uint64_t id)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "%s (%llu)", what, (unsigned long long)id);
}

/* ---- money ------------------------------------------------------------------------------ */

static int check_account(const struct mkt_state *s, uint32_t number, int64_t *sum_uc,
			 struct mkt_err *err)
{
	const struct account *a = &s->account[number];
	int64_t held = 0, locked = 0;
	uint64_t last = 0;
	uint32_t n = 0;

	for (uint32_t ix = a->bids.head; ix != NONE; ix = s->bid[ix].own.next) {
		const struct bid *b = &s->bid[ix];

		held += escrow_rate(s, b->side, legs_of(s, b), b->nlegs) * b->left_wh;
		n++;
		if (b->account != number || b->id <= last)
			return wrong(err, "the list of bids of an account is out of order", number);
		last = b->id;
	}
	for (unsigned side = 0; side < 2; side++) {
		for (uint32_t ix = a->contracts[side].head; ix != NONE;
		     ix = s->contract[ix].link[C_ACCOUNT + side].next)
			locked += side ? s->contract[ix].c.locked_uc
				       : s->contract[ix].c.collateral_uc;
	}
	if (n != a->open_bids)
		return wrong(err, "the count of open bids of an account is wrong", number);
	if (held != a->held_uc)
		return wrong(err, "the escrow of an account is not that of its bids", number);
	if (locked != a->locked_uc)
		return wrong(err, "what is locked of an account is not that of its contracts",
			     number);
	*sum_uc += a->available_uc + a->held_uc + a->locked_uc;
	return 0;
}

int check_money(const struct mkt_state *s, struct mkt_err *err)
{
	int64_t sum_uc = 0;

	for (uint32_t i = 0; i < s->naccounts; i++) {
		int rc = check_account(s, i, &sum_uc, err);

		if (rc < 0)
			return rc;
	}
	if (sum_uc != s->totals.money_uc)
		return wrong(err, "money was made or lost", (uint64_t)sum_uc);
	return 0;
}

static int check_indexes(const struct mkt_state *s, struct mkt_err *err)
{
	for (uint32_t i = 0; i < s->naccounts; i++) {
		const struct account *a = &s->account[i];
		uint32_t number;

		if (!mkt_idmap_get(&s->by_key, a->key.b, &number) || number != i)
			return wrong(err, "an account is not found by its key", i);
		if (!account_by_name(s, a->name, &number) || number != i)
			return wrong(err, "an account is not found by its name", i);
		for (uint32_t k = 1; k < a->ngrants; k++)
			if (a->grants[k - 1].g.to >= a->grants[k].g.to)
				return wrong(err, "grants of an account are out of order", i);
	}
	if (s->by_key.count != s->naccounts || s->by_name.count != s->naccounts)
		return wrong(err, "names or keys of accounts that are not there", s->naccounts);
	return 0;
}

/* ---- bids against the engine ------------------------------------------------------------ */

static int check_leg(const struct mkt_state *s, const struct bid *b, uint16_t i,
		     struct mkt_err *err)
{
	const struct leg *l = &legs_of(s, b)[i];
	struct mkt_leg at;
	bool open = mkt_books_leg(s->books, b->slot, i, &at);

	if (open != (l->book != NONE))
		return wrong(err, "a leg and the book disagree on its being open", b->id);
	if (!open)
		return 0;
	if (at.book != l->book || at.price_upwh != l->price_upwh)
		return wrong(err, "a leg rests elsewhere than it says", b->id);
	if (s->book_of[l->book].tags != l->tags ||
	    s->window[s->book_of[l->book].window].number != l->window)
		return wrong(err, "a leg rests in a book of other window or tags", b->id);
	return 0;
}

static int check_one_bid(const struct mkt_state *s, uint32_t ix, struct mkt_err *err)
{
	const struct bid *b = &s->bid[ix];
	struct mkt_resting r;
	uint32_t found;

	if (!mkt_map_get(&s->by_bid, b->id, &found) || found != ix || s->by_slot[b->slot] != ix)
		return wrong(err, "a bid is not found by its id or slot", b->id);
	if (!mkt_books_get(s->books, b->slot, b->id, &r))
		return wrong(err, "an open bid does not rest", b->id);
	if (r.owner != b->account || r.left_wh != b->left_wh || r.side != b->side ||
	    r.nlegs != b->nlegs || r.open != b->open || !b->left_wh || b->left_wh > b->amount_wh)
		return wrong(err, "an open bid rests as another", b->id);
	if (b->rate_upwh != escrow_rate(s, b->side, legs_of(s, b), b->nlegs))
		return wrong(err, "a bid holds another escrow than the rule says", b->id);
	if (b->flags & (MKT_BID_IOC | MKT_BID_FOK))
		return wrong(err, "a bid rests that must not", b->id);
	for (uint16_t i = 0; i < b->nlegs; i++) {
		int rc = check_leg(s, b, i, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_bids(const struct mkt_state *s, struct mkt_err *err)
{
	uint32_t n = 0, untils = 0;
	uint64_t last = 0;

	for (uint32_t ix = s->bids.head; ix != NONE; ix = s->bid[ix].all.next) {
		int rc = check_one_bid(s, ix, err);

		if (rc < 0)
			return rc;
		if (s->bid[ix].id <= last || s->bid[ix].id >= s->next_bid)
			return wrong(err, "the list of bids is out of order", last);
		last = s->bid[ix].id;
		untils += s->bid[ix].until_s != 0;
		n++;
	}
	if (n != s->by_bid.count || n != mkt_books_count(s->books) || untils != s->until_live)
		return wrong(err, "the counts of open bids disagree", n);
	return 0;
}

/* ---- books ------------------------------------------------------------------------------ */

struct crossing {
	const struct mkt_state *s;
	uint32_t book;
	int32_t sell_upwh;
	uint32_t seller;
	uint64_t bad;
};

static bool buy_crosses(void *ctx, uint32_t slot, const struct mkt_resting *bid, uint16_t leg,
			int32_t price_upwh)
{
	struct crossing *c = ctx;

	(void)slot;
	(void)leg;
	if (price_upwh < c->sell_upwh)
		return false;
	if (bid->owner != c->seller)
		c->bad = bid->id;
	return !c->bad;
}

static bool sell_crosses(void *ctx, uint32_t slot, const struct mkt_resting *bid, uint16_t leg,
			 int32_t price_upwh)
{
	struct crossing *c = ctx;
	int32_t best;
	uint32_t wh;

	(void)slot;
	(void)leg;
	if (!mkt_book_best(c->s->books, c->book, MKT_BUY, &best, &wh) || best < price_upwh)
		return false;
	c->sell_upwh = price_upwh;
	c->seller = bid->owner;
	mkt_book_walk(c->s->books, c->book, MKT_BUY, buy_crosses, c);
	return !c->bad;
}

struct counting {
	const struct mkt_state *s;
	uint32_t legs;
	uint64_t bad;
};

static bool count_leg(void *ctx, uint32_t slot, const struct mkt_resting *bid, uint16_t leg,
		      int32_t price_upwh)
{
	struct counting *c = ctx;
	const struct bid *b = bid_find(c->s, bid->id);

	c->legs++;
	if (!b || b->slot != slot || legs_of(c->s, b)[leg].price_upwh != price_upwh)
		c->bad = bid->id;
	return !c->bad;
}

static int check_window(const struct mkt_state *s, uint32_t ix, struct mkt_err *err)
{
	const struct window *w = &s->window[ix];
	struct counting count = {.s = s};
	uint32_t unsettled = 0;

	for (uint32_t i = 0; i < w->nbooks; i++) {
		struct crossing c = {.s = s, .book = w->books[i].book};

		mkt_book_walk(s->books, c.book, MKT_SELL, sell_crosses, &c);
		if (c.bad)
			return wrong(err, "a book is crossed between two accounts", c.bad);
		mkt_book_walk(s->books, c.book, MKT_SELL, count_leg, &count);
		mkt_book_walk(s->books, c.book, MKT_BUY, count_leg, &count);
		if (count.bad)
			return wrong(err, "a book has a bid that the ledger has not", count.bad);
	}
	for (uint32_t k = w->contracts.head; k != NONE; k = s->contract[k].link[C_WINDOW].next) {
		if (s->contract[k].window != ix || s->contract[k].c.what.window != w->number)
			return wrong(err, "a contract is in the list of another window",
				     s->contract[k].c.what.exec);
		unsettled += s->contract[k].c.status < MKT_CONTRACT_SETTLED;
	}
	if (count.legs != w->legs || unsettled != w->unsettled)
		return wrong(err, "the counts of a window are wrong", w->number);
	return 0;
}

static int check_windows(const struct mkt_state *s, struct mkt_err *err)
{
	for (uint32_t i = 0; i < s->norder; i++) {
		int rc = check_window(s, s->order[i], err);

		if (rc < 0)
			return rc;
		if (i && s->window[s->order[i - 1]].number >= s->window[s->order[i]].number)
			return wrong(err, "windows are out of order", i);
	}
	return 0;
}

/* ---- own bids per book ------------------------------------------------------------------ */

static int check_own(const struct mkt_state *s, struct mkt_err *err)
{
	struct mkt_map again = MKT_MAP_INIT;
	uint64_t key;
	uint32_t at = 0, n, want;
	int rc = 0;

	for (uint32_t ix = s->bids.head; ix != NONE && !rc; ix = s->bid[ix].all.next) {
		const struct bid *b = &s->bid[ix];

		for (unsigned i = 0; i < b->nlegs; i++) {
			key = (uint64_t)b->account << 32 | legs_of(s, b)[i].book;
			n = 0;
			if (legs_of(s, b)[i].book == NONE)
				continue;
			mkt_map_get(&again, key, &n);
			if (mkt_map_put(&again, key, n + 1) < 0)
				rc = mkt_err_code(err, MKT_ENOMEM);
		}
	}
	while (!rc && mkt_map_next(&again, &at, &key, &n))
		if (!mkt_map_get(&s->own, key, &want) || want != n)
			rc = wrong(err, "the count of own bids of a book is wrong", key);
	if (!rc && again.count != s->own.count)
		rc = wrong(err, "own bids are counted that are not there", again.count);
	mkt_map_release(&again);
	return rc;
}

/* ---- contracts -------------------------------------------------------------------------- */

static int check_contract(const struct mkt_state *s, uint32_t ix, struct mkt_err *err)
{
	const struct contract *k = &s->contract[ix];
	const struct mkt_contract *c = &k->c;
	bool settled = c->status >= MKT_CONTRACT_SETTLED;
	uint32_t found;

	if (!contract_find(s, c->what.exec, &found) || found != ix)
		return wrong(err, "a contract is not found by its id", c->what.exec);
	if (c->locked_uc != (settled ? 0 : contract_lock(s, &c->what, 1)) ||
	    c->collateral_uc != (settled ? 0 : contract_lock(s, &c->what, 0)))
		return wrong(err, "a contract locks other money than it costs", c->what.exec);
	if (c->what.buyer == c->what.seller || !c->what.wh)
		return wrong(err, "a contract that cannot be", c->what.exec);
	if (settled && (c->delivered_wh > c->supply_wh || c->delivered_wh > c->draw_wh))
		return wrong(err, "more was delivered than metered", c->what.exec);
	return 0;
}

/* Contracted Wh of every open bid, as far as its contracts are still there. */
static int check_amounts(const struct mkt_state *s, struct mkt_err *err)
{
	uint64_t *wh = calloc(s->nbids ? s->nbids : 1, sizeof(*wh));
	int rc = 0;

	if (!wh)
		return mkt_err_code(err, MKT_ENOMEM);
	for (uint32_t k = s->contracts.head; k != NONE; k = s->contract[k].link[C_ALL].next) {
		const struct mkt_ev_contract *c = &s->contract[k].c.what;
		uint32_t ix;

		if (mkt_map_get(&s->by_bid, c->buy_bid, &ix))
			wh[ix] += c->wh;
		if (mkt_map_get(&s->by_bid, c->sell_bid, &ix))
			wh[ix] += c->wh;
	}
	for (uint32_t ix = s->bids.head; ix != NONE && !rc; ix = s->bid[ix].all.next)
		if (wh[ix] + s->bid[ix].left_wh > s->bid[ix].amount_wh)
			rc = wrong(err, "a bid has contracted more than its amount", s->bid[ix].id);
	free(wh);
	return rc;
}

/* Open sides are in the list of their party, in order, and nothing else is. */
static int check_parties(const struct mkt_state *s, struct mkt_err *err)
{
	uint32_t at = 0, open = 0, listed = 0, list;
	uint64_t key;

	for (uint32_t k = s->contracts.head; k != NONE; k = s->contract[k].link[C_ALL].next)
		if (s->contract[k].c.status < MKT_CONTRACT_SETTLED)
			open += 2u - (uint32_t)__builtin_popcount(s->contract[k].c.reported);
	while (mkt_map_next(&s->parties, &at, &key, &list)) {
		unsigned side = key & 1;
		uint64_t last = 0;

		for (uint32_t ix = s->party[list].head; ix != NONE;
		     ix = s->contract[ix].link[C_OPEN + side].next) {
			const struct contract *c = &s->contract[ix];

			if (c->window != key >> 33 ||
			    contract_account(c, side) != (uint32_t)(key >> 1) ||
			    c->c.reported & 1u << side || c->c.what.exec <= last)
				return wrong(err, "a contract waits for the wrong report",
					     c->c.what.exec);
			last = c->c.what.exec;
			listed++;
		}
	}
	return open == listed ? 0 : wrong(err, "contracts that wait for reports are lost", open);
}

static int check_contracts(const struct mkt_state *s, struct mkt_err *err)
{
	uint32_t n = 0;
	uint64_t last = 0;

	for (uint32_t k = s->contracts.head; k != NONE; k = s->contract[k].link[C_ALL].next) {
		int rc = check_contract(s, k, err);

		if (rc < 0)
			return rc;
		if (s->contract[k].c.what.exec <= last ||
		    s->contract[k].c.what.exec >= s->next_exec)
			return wrong(err, "the list of contracts is out of order", last);
		last = s->contract[k].c.what.exec;
		n++;
	}
	if (n != s->by_exec.count)
		return wrong(err, "the counts of contracts disagree", n);
	if (s->totals.contracts != s->next_exec - 1)
		return wrong(err, "a contract was not counted", s->totals.contracts);
	return 0;
}

/* ---- digest ----------------------------------------------------------------------------- */

/* Between blocks: the sum of all records is what the blocks have made of it. */
static int check_digest(const struct mkt_state *s, struct mkt_err *err)
{
	struct mkt_delta all = {0};
	struct mkt_lthash sum = {{0}};
	int rc = 0;

	if (mkt_state_dump(s, &all) < 0)
		rc = mkt_err_code(err, MKT_ENOMEM);
	for (uint32_t i = 0; i < all.n && !rc; i++) {
		const struct mkt_delta_row *r = &all.rows[i];
		struct mkt_hash h;

		record_hash(r->type, r->id, all.bytes.data + r->at, r->len, &h);
		mkt_lthash_add(&sum, &h);
	}
	if (!rc && memcmp(&sum, &s->sum, sizeof(sum)) != 0)
		rc = wrong(err, "the digest is not that of the records", s->height);
	mkt_delta_release(&all);
	return rc;
}

int mkt_state_check(const struct mkt_state *s, struct mkt_err *err)
{
	int rc = check_money(s, err);

	if (!rc)
		rc = check_indexes(s, err);
	if (!rc)
		rc = check_bids(s, err);
	if (!rc)
		rc = check_windows(s, err);
	if (!rc)
		rc = check_own(s, err);
	if (!rc)
		rc = check_contracts(s, err);
	if (!rc)
		rc = check_amounts(s, err);
	if (!rc)
		rc = check_parties(s, err);
	if (!rc && !s->in_block)
		rc = check_digest(s, err);
	return rc;
}
