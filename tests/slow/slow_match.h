/*
 * The market's matching once more, written to be obviously right: the rules R2
 * to R6 of design 4 as they are read, loops over everything, no index, nothing
 * remembered between steps.  Tests hold the real engine against it.
 *
 * Memory failure ends the program: it is a test.
 */
#ifndef MKT_TESTS_SLOW_MATCH_H
#define MKT_TESTS_SLOW_MATCH_H

#include "core/market/book.h"

struct slow_bid {
	uint64_t id;
	uint32_t owner;
	uint32_t left_wh;
	uint8_t side;
	uint16_t nlegs;
	struct mkt_leg *legs;
	bool *open; /* leg still in its book */
};

struct slow_book {
	bool open;
	bool direct;
	int32_t fee_upwh;
};

struct slow {
	struct slow_bid *bids; /* open ones, in order of arrival */
	uint32_t n;
	struct slow_book *books;
	uint32_t nbooks;
	uint32_t bids_max;
};

/* One place in a queue: a leg of an open bid. */
struct slow_place {
	const struct slow_bid *bid;
	uint16_t leg;
	int32_t price_upwh;
};

struct slow *slow_new(uint32_t bids_max);
void slow_free(struct slow *s);

/* Book @book is (again) open and empty. */
void slow_open(struct slow *s, uint32_t book, bool direct, int32_t fee_upwh);

/* As mkt_books_place() for bids that pass R0; slots in @fills are MKT_NO_SLOT. */
int slow_match(struct slow *s, const struct mkt_incoming *o, struct mkt_fills *fills,
	       uint32_t *left_wh);

bool slow_cancel(struct slow *s, uint64_t id);
int slow_reduce(struct slow *s, uint64_t id, uint32_t left_wh);
void slow_close(struct slow *s, uint32_t book);

/* The open bid @id or NULL. */
const struct slow_bid *slow_get(const struct slow *s, uint64_t id);

/* One side of a book in order of priority; *@n places that the caller frees. */
struct slow_place *slow_queue(const struct slow *s, uint32_t book, uint8_t side, uint32_t *n);

#endif
