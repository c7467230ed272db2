/*
 * The chain that requests of the fuzz target meet, and that its starting inputs
 * are signed for: always the same, its time stands still.
 */
#ifndef MKT_TESTS_FUZZ_HTTP_H
#define MKT_TESTS_FUZZ_HTTP_H

#include "tests/node.h"

#define HTTP_ACCOUNTS 6
#define HTTP_TIME_MS 1767193200000u
#define HTTP_CHARGER "c1" /* of account 1 */
#define HTTP_WINDOW ((uint32_t)(HTTP_TIME_MS / 1000 / 1800) + 4) /* open for bids */

static inline void http_tune(struct mkt_genesis *g)
{
	g->clock = MKT_CLOCK_OPERATOR;
	g->time_ms = HTTP_TIME_MS;
}

/* One bid of one leg as a frame. */
static inline void http_bid(struct node *n, uint32_t account, uint8_t side, uint32_t wh,
			    int32_t price_upwh, struct mkt_buf *out)
{
	struct mkt_bid_leg leg = {.window = HTTP_WINDOW, .price_upwh = price_upwh};
	struct mkt_op_bid bid = {.side = side, .nlegs = 1, .amount_wh = wh};

	node_bid(n, account, &bid, &leg, out);
}

/* A charger for account 1, as a frame. */
static inline void http_charger(struct node *n, struct mkt_buf *out)
{
	struct mkt_op op = {.kind = MKT_OP_ENROLL,
			    .u.enroll = {.cls = MKT_CLASS_HOUSEHOLD, .nchargers = 1,
					 .name = "house0001",
					 .chargers_len = sizeof(HTTP_CHARGER)}};
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;

	mkt_seckey_public(node_key(n, 1), &op.u.enroll.key);
	node_begin(n, &t, 0);
	mkt_tx_add(&t, &op, NULL, "\002" HTTP_CHARGER);
	node_frame(n, &t, 0, out);
}

/* Frames that fill the chain: accounts, and bids of which some match. */
static inline void http_world(struct node *n, struct mkt_buf *out)
{
	node_enrolments(n, HTTP_ACCOUNTS, 1000000000, out);
	http_bid(n, 1, MKT_SELL, 50, 4000, out);
	http_bid(n, 2, MKT_SELL, 20, 4500, out);
	http_bid(n, 3, MKT_BUY, 60, 4100, out);
	http_bid(n, 4, MKT_BUY, 10, 3000, out);
	http_charger(n, out);
}

#endif
