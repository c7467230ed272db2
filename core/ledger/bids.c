/*
 * Open bids: the pool with their legs, the lists and counts they are in, and
 * the heap of untils.  The engine (core/market/book.h) knows where they rest;
 * here is whose they are and what they hold.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

struct bid *bid_touch(struct mkt_state *s, uint32_t ix)
{
	struct bid *b = &s->bid[ix];

	note(s, MKT_REC_BID, b->id, &b->mark);
	if (undo_wants(s, &b->saved))
		undo_row(s, U_BID_LEFT, 0, ix, &b->left_wh, sizeof(b->left_wh));
	return b;
}

const struct bid *bid_find(const struct mkt_state *s, uint64_t id)
{
	uint32_t ix;

	return mkt_map_get(&s->by_bid, id, &ix) ? &s->bid[ix] : NULL;
}

/* ---- memory ----------------------------------------------------------------------------- */

static uint32_t bid_alloc(struct mkt_state *s)
{
	uint32_t ix = s->bids_free;

	if (ix != NONE) {
		s->bids_free = (uint32_t)s->bid[ix].id;
		return ix;
	}
	if (ROOM(s->bid, s->bids_cap, (uint64_t)s->nbids + 1) < 0)
		return NONE;
	return s->nbids++;
}

static void bid_release(struct mkt_state *s, uint32_t ix)
{
	s->bid[ix].id = s->bids_free;
	s->bids_free = ix;
}

static unsigned leg_class(unsigned n)
{
	return n <= 1 ? 0 : 32 - (unsigned)__builtin_clz(n - 1);
}

static uint32_t legs_alloc(struct mkt_state *s, unsigned n)
{
	unsigned cls = leg_class(n);
	uint32_t at = s->legs_free[cls];

	if (at != NONE) {
		s->legs_free[cls] = s->leg[at].book;
		return at;
	}
	if (ROOM(s->leg, s->legs_cap, (uint64_t)s->nlegs + (1u << cls)) < 0)
		return NONE;
	at = s->nlegs;
	s->nlegs += 1u << cls;
	return at;
}

static void legs_release(struct mkt_state *s, uint32_t at, unsigned n)
{
	unsigned cls = leg_class(n);

	s->leg[at].book = s->legs_free[cls];
	s->legs_free[cls] = at;
}

/* ---- counts of legs --------------------------------------------------------------------- */

uint32_t own_count(const struct mkt_state *s, uint32_t account, uint32_t book)
{
	uint32_t n = 0;

	return mkt_map_get(&s->own, (uint64_t)account << 32 | book, &n) ? n : 0;
}

static void own_more(struct mkt_state *s, uint32_t account, uint32_t book)
{
	uint64_t key = (uint64_t)account << 32 | book;

	if (mkt_map_put(&s->own, key, own_count(s, account, book) + 1) < 0)
		s->nomem = true;
}

static void own_less(struct mkt_state *s, uint32_t account, uint32_t book)
{
	uint64_t key = (uint64_t)account << 32 | book;
	uint32_t n = own_count(s, account, book);

	if (n <= 1)
		mkt_map_del(&s->own, key, NULL);
	else if (mkt_map_put(&s->own, key, n - 1) < 0)
		s->nomem = true;
}

static void legs_count(struct mkt_state *s, const struct bid *b, bool in)
{
	const struct leg *legs = legs_of(s, b);

	for (unsigned i = 0; i < b->nlegs; i++) {
		struct window *w;

		if (legs[i].book == NONE)
			continue;
		w = &s->window[s->book_of[legs[i].book].window];
		if (in) {
			own_more(s, b->account, legs[i].book);
			w->legs++;
		} else {
			own_less(s, b->account, legs[i].book);
			w->legs--;
		}
	}
}

void leg_leave(struct mkt_state *s, uint32_t ix, uint16_t leg)
{
	struct bid *b = &s->bid[ix];
	struct leg *l = &legs_of(s, b)[leg];

	own_less(s, b->account, l->book);
	s->window[s->book_of[l->book].window].legs--;
	l->book = NONE;
	b->open--;
}

/* ---- untils ----------------------------------------------------------------------------- */

static bool until_before(const struct until *a, const struct until *b)
{
	return a->until_s < b->until_s || (a->until_s == b->until_s && a->id < b->id);
}

static void until_sift_down(struct mkt_state *s, uint32_t at)
{
	struct until u = s->until[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= s->nuntil)
			break;
		if (child + 1 < s->nuntil && until_before(&s->until[child + 1], &s->until[child]))
			child++;
		if (!until_before(&s->until[child], &u))
			break;
		s->until[at] = s->until[child];
		at = child;
	}
	s->until[at] = u;
}

static void until_push(struct mkt_state *s, uint64_t until_s, uint64_t id)
{
	struct until u = {until_s, id};
	uint32_t at = s->nuntil;

	if (ROOM(s->until, s->until_cap, (uint64_t)s->nuntil + 1) < 0) {
		s->nomem = true;
		return;
	}
	s->nuntil++;
	while (at && until_before(&u, &s->until[(at - 1) / 2])) {
		s->until[at] = s->until[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	s->until[at] = u;
}

static void until_pop(struct mkt_state *s)
{
	s->until[0] = s->until[--s->nuntil];
	if (s->nuntil)
		until_sift_down(s, 0);
}

/* A row may be of a bid that is gone, or of one undone whose id another bid has now. */
static bool until_stands(const struct mkt_state *s, const struct until *u)
{
	const struct bid *b = bid_find(s, u->id);

	return b && b->until_s == u->until_s;
}

/* When most rows are of gone bids, keep the others only. */
static void until_rebuild(struct mkt_state *s)
{
	uint32_t kept = 0;

	if (s->nuntil / 2 <= s->until_live + 64)
		return;
	for (uint32_t i = 0; i < s->nuntil; i++)
		if (until_stands(s, &s->until[i]))
			s->until[kept++] = s->until[i];
	s->nuntil = kept;
	for (uint32_t i = kept / 2; i-- > 0;)
		until_sift_down(s, i);
}

void untils_run(struct mkt_state *s)
{
	until_rebuild(s);
	while (s->nuntil && s->until[0].until_s <= s->time_ms / 1000) {
		struct until u = s->until[0];
		uint32_t ix;

		until_pop(s);
		if (until_stands(s, &u) && mkt_map_get(&s->by_bid, u.id, &ix))
			bid_cancel(s, ix, MKT_GONE_UNTIL);
	}
}

void untils_trim(struct mkt_state *s)
{
	while (s->nuntil && !until_stands(s, &s->until[0]))
		until_pop(s);
}

/* ---- coming and going ------------------------------------------------------------------- */

static struct links links_all(const struct mkt_state *s)
{
	return (struct links){&s->bid->all, sizeof(struct bid)};
}

static struct links links_own(const struct mkt_state *s)
{
	return (struct links){&s->bid->own, sizeof(struct bid)};
}

void bid_set_slot(struct mkt_state *s, uint32_t ix, uint32_t slot)
{
	s->bid[ix].slot = slot;
	if (slot == MKT_NO_SLOT)
		return;
	if (ROOM(s->by_slot, s->by_slot_cap, (uint64_t)slot + 1) < 0)
		s->nomem = true;
	else
		s->by_slot[slot] = ix;
}

/* All but the links; NONE without memory. */
static uint32_t install(struct mkt_state *s, const struct bid *b, const struct leg *legs)
{
	uint32_t leg = legs_alloc(s, b->nlegs);
	uint32_t ix = leg == NONE ? NONE : bid_alloc(s);

	if (ix == NONE || mkt_map_put(&s->by_bid, b->id, ix) < 0) {
		s->nomem = true;
		return NONE;
	}
	s->bid[ix] = *b;
	s->bid[ix].leg = leg;
	memcpy(&s->leg[leg], legs, b->nlegs * sizeof(*legs));
	bid_set_slot(s, ix, b->slot);
	legs_count(s, &s->bid[ix], true);
	s->account[b->account].open_bids++;
	if (b->until_s) {
		until_push(s, b->until_s, b->id);
		s->until_live++;
	}
	return ix;
}

uint32_t bid_enter(struct mkt_state *s, const struct bid *b, const struct leg *legs)
{
	uint32_t ix = install(s, b, legs);

	if (ix == NONE)
		return NONE;
	s->bid[ix].mark = (struct mark){0};
	s->bid[ix].saved = s->undo.on ? s->undo.seq : 0; /* undone as a whole */
	list_append(&s->bids, links_all(s), ix);
	list_append(&s->account[b->account].bids, links_own(s), ix);
	note(s, MKT_REC_BID, b->id, &s->bid[ix].mark);
	if (s->undo.on)
		undo_row(s, U_BID_NEW, 0, ix, NULL, 0);
	return ix;
}

static void uninstall(struct mkt_state *s, uint32_t ix)
{
	struct bid *b = &s->bid[ix];
	struct account *a = &s->account[b->account];

	legs_count(s, b, false);
	list_unlink(&s->bids, links_all(s), ix);
	list_unlink(&a->bids, links_own(s), ix);
	a->open_bids--;
	if (b->until_s)
		s->until_live--;
	mkt_map_del(&s->by_bid, b->id, NULL);
	legs_release(s, b->leg, b->nlegs);
	bid_release(s, ix);
}

void bid_gone_event(struct mkt_state *s, uint64_t id, uint32_t account, uint8_t reason,
		    uint32_t left_wh, uint32_t amount_wh)
{
	struct mkt_event ev = {.kind = MKT_EV_GONE};

	ev.u.gone.bid = id;
	ev.u.gone.account = account;
	ev.u.gone.reason = reason;
	ev.u.gone.left_wh = left_wh;
	ev.u.gone.amount_wh = amount_wh;
	emit(s, &ev);
}

void bid_leave(struct mkt_state *s, uint32_t ix, uint8_t reason)
{
	struct bid *b = bid_touch(s, ix);

	escrow_free(s, b->account, b->rate_upwh * b->left_wh);
	if (s->undo.on) {
		undo_row(s, U_BID_GONE, 0, ix, b, sizeof(*b));
		undo_more(s, legs_of(s, b), b->nlegs * sizeof(struct leg));
	}
	bid_gone_event(s, b->id, b->account, reason, b->left_wh, b->amount_wh);
	uninstall(s, ix);
}

/* ---- undoing; the rows of the log come back to front, so everything after is undone ----- */

static void engine_restore(struct mkt_state *s, uint32_t ix)
{
	struct bid *b = &s->bid[ix];
	const struct leg *legs = legs_of(s, b);
	bool open[MKT_LEGS_MAX];
	struct mkt_incoming o = {.id = b->id, .owner = b->account, .amount_wh = b->left_wh,
			      .side = b->side, .nlegs = b->nlegs, .legs = s->order_legs};
	uint32_t slot;

	for (unsigned i = 0; i < b->nlegs; i++) {
		open[i] = legs[i].book != NONE;
		s->order_legs[i] = (struct mkt_leg){open[i] ? legs[i].book : 0, legs[i].price_upwh};
	}
	if (mkt_books_restore(s->books, &o, open, &slot) < 0)
		s->nomem = true; /* it stood there before: nothing else can fail */
	else
		bid_set_slot(s, ix, slot);
}

/* Used-up bids that were put back are not in the engine. */
static void engine_cancel(struct mkt_state *s, const struct bid *b)
{
	int rc = b->slot == MKT_NO_SLOT ? 0 : mkt_books_cancel(s->books, b->slot, b->id);

	assert(!rc);
	(void)rc;
}

void bid_unwind_new(struct mkt_state *s, uint32_t ix)
{
	engine_cancel(s, &s->bid[ix]);
	uninstall(s, ix);
}

void bid_unwind_gone(struct mkt_state *s, const struct bid *b, const struct leg *legs)
{
	struct bid back = *b;
	uint32_t ix;

	back.slot = MKT_NO_SLOT; /* another bid may have it by now */
	ix = install(s, &back, legs);
	if (ix == NONE)
		return;
	list_relink(&s->bids, links_all(s), ix);
	list_relink(&s->account[b->account].bids, links_own(s), ix);
	if (b->left_wh)
		engine_restore(s, ix); /* else bid_unwind_left() follows */
}

void bid_unwind_left(struct mkt_state *s, uint32_t ix, uint32_t left_wh)
{
	struct bid *b = &s->bid[ix];

	if (b->left_wh == left_wh && b->slot != MKT_NO_SLOT)
		return;
	engine_cancel(s, b);
	b->left_wh = left_wh;
	engine_restore(s, ix);
}
