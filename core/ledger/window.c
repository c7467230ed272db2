/*
 * Windows: their books, and what happens to them with time alone: the gate
 * closes, the deadline settles, contracts are forgotten.
 *
 * gate_ms, deadline_ms and retire_ms of the state are lower bounds of the next
 * such instant, so that a block costs nothing while none has come.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

/* ---- instants --------------------------------------------------------------------------- */

static uint64_t start_ms(const struct mkt_state *s, uint32_t number)
{
	return (uint64_t)number * s->g.window_s * 1000;
}

uint64_t window_gate_ms(const struct mkt_state *s, uint32_t number)
{
	uint64_t start = start_ms(s, number), gate = s->g.gate_s * 1000ull;

	return start > gate ? start - gate : 0;
}

uint64_t window_end_s(const struct mkt_state *s, uint32_t number)
{
	return ((uint64_t)number + 1) * s->g.window_s;
}

uint64_t window_deadline_s(const struct mkt_state *s, uint32_t number)
{
	return window_end_s(s, number) + s->g.deadline_s;
}

static uint64_t window_retire_ms(const struct mkt_state *s, uint32_t number)
{
	return (window_deadline_s(s, number) + s->g.retention_s) * 1000;
}

void windows_open_at(const struct mkt_state *s, uint64_t now_ms, uint32_t *first, uint32_t *last)
{
	uint64_t window = s->g.window_s * 1000ull;

	/* The first whose gate is after now; the last whose opening is not. */
	*first = (uint32_t)((now_ms + s->g.gate_s * 1000ull) / window + 1);
	*last = (uint32_t)((now_ms + s->g.opening_s * 1000ull) / window);
	if (*last > s->window_max)
		*last = s->window_max;
}

/* ---- finding and making ----------------------------------------------------------------- */

uint32_t window_find(const struct mkt_state *s, uint32_t number)
{
	uint32_t ix;

	return mkt_map_get(&s->by_window, number, &ix) ? ix : NONE;
}

/* Where window @number is in the order, or belongs. */
static uint32_t order_at(const struct mkt_state *s, uint32_t number)
{
	uint32_t lo = 0, hi = s->norder;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (s->window[s->order[mid]].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint32_t window_alloc(struct mkt_state *s)
{
	uint32_t ix = s->windows_free;

	if (ix != NONE) {
		s->windows_free = s->window[ix].number;
		return ix;
	}
	if (ROOM(s->window, s->windows_cap, (uint64_t)s->nwindows + 1) < 0)
		return NONE;
	return s->nwindows++;
}

uint32_t window_get(struct mkt_state *s, uint32_t number)
{
	uint32_t ix = window_find(s, number), at;

	if (ix != NONE)
		return ix;
	ix = window_alloc(s);
	if (ix == NONE || mkt_map_put(&s->by_window, number, ix) < 0 ||
	    ROOM(s->order, s->order_cap, (uint64_t)s->norder + 1) < 0)
		return NONE;
	at = order_at(s, number);
	memmove(s->order + at + 1, s->order + at, (s->norder - at) * sizeof(*s->order));
	s->order[at] = ix;
	s->norder++;
	s->window[ix] = (struct window){.number = number, .contracts = LIST_EMPTY};
	return ix;
}

void window_release(struct window *w)
{
	free(w->books);
	w->books = NULL;
}

static void window_drop(struct mkt_state *s, uint32_t ix)
{
	struct window *w = &s->window[ix];
	uint32_t at = order_at(s, w->number);

	mkt_map_del(&s->by_window, w->number, NULL);
	s->norder--;
	memmove(s->order + at, s->order + at + 1, (s->norder - at) * sizeof(*s->order));
	window_release(w);
	w->number = s->windows_free;
	s->windows_free = ix;
}

/* ---- books ------------------------------------------------------------------------------ */

static uint32_t book_at(const struct window *w, mkt_tags tags)
{
	uint32_t lo = 0, hi = w->nbooks;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (w->books[mid].tags < tags)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t window_book(const struct mkt_state *s, uint32_t window, mkt_tags tags)
{
	const struct window *w = &s->window[window];
	uint32_t at = book_at(w, tags);

	return at < w->nbooks && w->books[at].tags == tags ? w->books[at].book : NONE;
}

static uint32_t book_make(struct mkt_state *s, uint32_t window, mkt_tags tags)
{
	struct window *w = &s->window[window];
	uint32_t at = book_at(w, tags), book;
	int32_t fee;

	if (mkt_tags_fee(&s->tags, tags, &fee) < 0)
		fee = INT32_MAX; /* nobody can buy there */
	if (ROOM(w->books, w->books_cap, (uint64_t)w->nbooks + 1) < 0 ||
	    mkt_book_open(s->books, mkt_tags_direct(&s->tags, tags), fee, &book) < 0 ||
	    ROOM(s->book_of, s->book_of_cap, (uint64_t)book + 1) < 0)
		return NONE;
	memmove(w->books + at + 1, w->books + at, (w->nbooks - at) * sizeof(*w->books));
	w->books[at] = (struct window_book){tags, book};
	w->nbooks++;
	s->book_of[book] = (struct book_of){tags, window};
	if (window_gate_ms(s, w->number) < s->gate_ms)
		s->gate_ms = window_gate_ms(s, w->number);
	return book;
}

uint32_t window_open_book(struct mkt_state *s, uint32_t number, mkt_tags tags)
{
	uint32_t window = window_get(s, number);
	uint32_t book = window == NONE ? NONE : window_book(s, window, tags);

	if (window != NONE && book == NONE)
		book = book_make(s, window, tags);
	return book;
}

/* ---- gates ------------------------------------------------------------------------------ */

struct closing {
	struct mkt_state *s;
	uint32_t legs, expired;
};

static void leg_gone(void *ctx, uint32_t slot, const struct mkt_resting *resting, uint16_t leg)
{
	struct closing *c = ctx;
	uint32_t ix = c->s->by_slot[slot];
	struct bid *b = bid_touch(c->s, ix);
	int64_t rate;

	assert(b->id == resting->id);
	c->legs++;
	leg_leave(c->s, ix, leg);
	if (!resting->open) {
		c->expired++;
		bid_leave(c->s, ix, MKT_GONE_EXPIRED);
		return;
	}
	rate = escrow_rate(c->s, b->side, legs_of(c->s, b), b->nlegs);
	escrow_free(c->s, b->account, (b->rate_upwh - rate) * b->left_wh);
	b->rate_upwh = rate;
}

static void gate_close(struct mkt_state *s, uint32_t ix)
{
	struct closing c = {.s = s};
	struct window *w = &s->window[ix];
	struct mkt_event ev = {.kind = MKT_EV_GATE};

	for (uint32_t i = 0; i < w->nbooks; i++)
		mkt_book_close(s->books, w->books[i].book, leg_gone, &c);
	window_release(w);
	w->nbooks = w->books_cap = 0;
	ev.u.gate.window = w->number;
	ev.u.gate.legs = c.legs;
	ev.u.gate.expired = c.expired;
	if (c.legs)
		emit(s, &ev);
	if (w->contracts.head == NONE)
		window_drop(s, ix);
}

void gates_run(struct mkt_state *s)
{
	uint32_t i = 0;

	if (s->gate_ms > s->time_ms)
		return;
	s->gate_ms = UINT64_MAX;
	while (i < s->norder) {
		uint32_t ix = s->order[i], number = s->window[ix].number;
		uint32_t before = s->norder;

		if (window_gate_ms(s, number) > s->time_ms) {
			s->gate_ms = window_gate_ms(s, number);
			break;
		}
		if (s->window[ix].nbooks)
			gate_close(s, ix);
		i += s->norder == before; /* else the next has taken its place */
	}
}

/* ---- deadlines -------------------------------------------------------------------------- */

static void deadline_settle(struct mkt_state *s, uint32_t window)
{
	uint32_t next;

	for (uint32_t ix = s->window[window].contracts.head; ix != NONE; ix = next) {
		next = s->contract[ix].link[C_WINDOW].next;
		if (s->contract[ix].c.status < MKT_CONTRACT_SETTLED)
			contract_settle(s, ix);
	}
}

void deadlines_run(struct mkt_state *s)
{
	if (s->deadline_ms > s->time_ms)
		return;
	s->deadline_ms = UINT64_MAX;
	for (uint32_t i = 0; i < s->norder; i++) {
		const struct window *w = &s->window[s->order[i]];
		uint64_t at_ms = window_deadline_s(s, w->number) * 1000;

		if (!w->unsettled)
			continue;
		if (at_ms > s->time_ms) {
			s->deadline_ms = at_ms;
			break;
		}
		deadline_settle(s, s->order[i]);
	}
}

void retention_run(struct mkt_state *s)
{
	uint32_t i = 0;

	if (s->retire_ms > s->time_ms)
		return;
	s->retire_ms = UINT64_MAX;
	while (i < s->norder) {
		uint32_t ix = s->order[i];
		struct window *w = &s->window[ix];

		if (w->contracts.head == NONE) {
			i++;
			continue;
		}
		if (window_retire_ms(s, w->number) > s->time_ms ||
		    w->settled_height == s->height) {
			/* Later windows retire later; one settled now waits for the next block. */
			s->retire_ms = window_retire_ms(s, w->number);
			break;
		}
		while (w->contracts.head != NONE)
			contract_drop(s, w->contracts.head);
		window_drop(s, ix);
	}
}

uint64_t windows_next_ms(const struct mkt_state *s)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < s->norder; i++) {
		const struct window *w = &s->window[s->order[i]];
		uint64_t at = UINT64_MAX;

		if (w->legs)
			at = window_gate_ms(s, w->number);
		if (w->unsettled && window_deadline_s(s, w->number) * 1000 < at)
			at = window_deadline_s(s, w->number) * 1000;
		if (at < next)
			next = at;
	}
	return next;
}
