/*
 * Contracts in memory: fixed small records by number, for lists of a hundred thousand.
 *
 * A record takes 56 bytes; names and tags are texts that many share, kept once.  When the
 * store is full the oldest that are settled make room; what has no room is counted.  One thread.
 */
#ifndef TUI_CONTRACTS_H
#define TUI_CONTRACTS_H

#include "core/base/err.h"
#include "core/codec/json.h"

#define TUI_CONTRACTS_MAX 100000u
#define TUI_TEXTS_MAX 8192u	 /* names and tags that differ; more are shown as "?" */
#define TUI_TEXT_BYTES_MAX 48u	 /* of one, cut there */

enum tui_contract_status {
	TUI_CONTRACT_MATCHED,
	TUI_CONTRACT_REPORTED,
	TUI_CONTRACT_SETTLED,
	TUI_CONTRACT_RETIRED,
};

struct tui_contract {
	uint64_t exec;
	uint32_t start_s; /* of its window */
	uint32_t buyer, seller;
	uint32_t energy_wh, supply_wh, draw_wh, delivered_wh;
	int32_t price_upwh, fee_upwh;
	uint16_t buyer_name, seller_name, tags; /* tui_contracts_text() */
	uint8_t status;				/* enum tui_contract_status */
	uint8_t supply_reported : 1, draw_reported : 1, seen : 1;
};

/* How it stands, in the order of worry. */
enum tui_delivery {
	TUI_DELIVERY_SHORT,  /* less was reported or delivered than contracted */
	TUI_DELIVERY_DUE,    /* the window is over, and a report is missing */
	TUI_DELIVERY_NOW,    /* in its window */
	TUI_DELIVERY_COMING, /* before its window */
	TUI_DELIVERY_DONE,   /* settled, all of it */
	TUI_DELIVERY_RETIRED,
	TUI_DELIVERIES
};

struct tui_text_entry;

struct tui_contracts {
	struct tui_contract *v; /* ascending by number; owned */
	uint32_t n, cap;
	uint64_t dropped;	/* had no room */
	uint32_t full;		/* times in a row that nothing could make room */
	char *texts;		/* one after the other, each with NUL; owned */
	uint32_t texts_len, texts_cap;
	uint32_t *text_at;	/* by number; owned */
	uint16_t *text_hash;	/* open addressing, twice TUI_TEXTS_MAX; owned */
	uint32_t ntexts;
};

/* Zeroed before.  Nothing is taken until the first contract comes. */
void tui_contracts_release(struct tui_contracts *s);

/* The row of a contract, or UINT32_MAX. */
uint32_t tui_contracts_find(const struct tui_contracts *s, uint64_t exec);

/* A name or tag set; "?" for what had no room.  Anybody's text. */
const char *tui_contracts_text(const struct tui_contracts *s, uint16_t number);

/*
 * An object of GET /v1/contracts or an event of kind contract: new, or in place of what was known.
 * -MKT_EUNAVAILABLE: a member is missing or of another type, with its name; -MKT_ENOMEM.
 */
int tui_contracts_put(struct tui_contracts *s, const struct mkt_jval *at,
		      struct mkt_err *err) MKT_MUST_CHECK;

/* An event: reported, settled, retired; false: no contract of ours is changed by it. */
bool tui_contracts_event(struct tui_contracts *s, const char *kind, const struct mkt_jval *ev);

/*
 * Before and after everything is read again: what was not put between is gone from the state;
 * settled ones stay.
 */
void tui_contracts_begin(struct tui_contracts *s);
void tui_contracts_end(struct tui_contracts *s);

/* How a contract stands at an instant. */
enum tui_delivery tui_contract_stands(const struct tui_contract *c, uint64_t now_s,
				      uint32_t window_s);

/* Wh that are certain: delivered when settled, else the least of what was reported; 0 before. */
uint32_t tui_contract_moved(const struct tui_contract *c);

#endif
