/*
 * What the api*.c files share: routes, parameters, the frame of an answer.
 *
 * A handler returns 0 with req->reply filled, LD_WAITS after parking the request,
 * or a negative code with @err, which becomes the answer.  The contract of all
 * answers is mkt-api(7).
 */
#ifndef LEDGERD_API_H
#define LEDGERD_API_H

#include "core/base/err.h"
#include "core/codec/json.h"
#include "ledgerd/http.h"
#include "ledgerd/node.h"

#define LD_WAITS 1
#define LD_PAGE_ROWS 100   /* limit= unless told */
#define LD_BREATH_ROWS 64u /* rows formatted under one hold of the state's lock */
#define LD_INDEX_WAIT_MS 5000u
#define LD_INDEX_WAITS 2u

typedef int ld_handler(struct ld_req *r, struct mkt_err *err);

/* ---- parameters ------------------------------------------------------------------------ */

/* The value of a query parameter, or NULL. */
const char *ld_param(struct ld_req *r, const char *name);

/* A whole number 0..@max.  1 there, 0 absent (*out is left alone), -MKT_EUSAGE. */
int ld_param_u64(struct ld_req *r, const char *name, uint64_t max, uint64_t *out,
		 struct mkt_err *err) MKT_MUST_CHECK;
int ld_param_flag(struct ld_req *r, const char *name, bool *out,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* limit=, 1..MKT_PAGE_ROWS_MAX. */
int ld_param_limit(struct ld_req *r, uint32_t *out, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The body as frames, (u32 length, bytes) each, in @out: as it came in
 * application/octet-stream, or out of {KEY:["<base64>",...]}.
 */
int ld_body_frames(struct ld_req *r, const char *key, struct mkt_buf *out,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* Every parameter was looked at?  -MKT_EUSAGE names the first that nobody knows. */
int ld_params_done(struct ld_req *r, struct mkt_err *err) MKT_MUST_CHECK;

/* Digits only, no sign; false otherwise or above @max. */
bool ld_parse_u64(const char *s, uint64_t max, uint64_t *out);

/* An account by number, name or key.  With the state's lock.  -MKT_ENOTFOUND. */
int ld_find_account(struct ld_node *n, const char *text, uint32_t *number,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* account=X.  Takes the lock.  1 there, 0 absent, or an error. */
int ld_param_account(struct ld_req *r, uint32_t *number, struct mkt_err *err) MKT_MUST_CHECK;

/* ---- answers --------------------------------------------------------------------------- */

/* {"schema":S,"height":H,"as_of":T,"data": -- then exactly one value, then ld_end(). */
void ld_begin(struct ld_req *r, struct mkt_jw *w, const char *schema);

/* "next": where the list goes on.  NULL: nothing follows. */
int ld_end(struct ld_req *r, struct mkt_jw *w, const char *next,
	   struct mkt_err *err) MKT_MUST_CHECK;

/* "2026-11-23T01:30:00.250Z" and "2026-11-23T01:30:00Z" */
void ld_json_time_ms(struct mkt_jw *w, const char *key, uint64_t ms);
void ld_json_time_s(struct mkt_jw *w, const char *key, uint64_t s);
/* "window":{"start","end"},"window_s":N */
void ld_json_window(struct mkt_jw *w, const struct ld_node *n, uint32_t window);
/* "tags":"green+lvm".  With the state's lock. */
void ld_json_tags(struct mkt_jw *w, const struct ld_node *n, mkt_tags tags);
/* KEY:"name", or the number as text while an account has none.  With the state's lock. */
void ld_json_name(struct mkt_jw *w, const struct ld_node *n, const char *key, uint32_t account);

/* Member "node" (api_node.c) and "alarms" (health.c). */
void ld_json_node(struct mkt_jw *w, struct ld_node *n);
void ld_json_alarms(struct mkt_jw *w, struct ld_node *n);
/* "upstream":{...} of a fullnode; of others nothing. */
void ld_json_upstream(struct mkt_jw *w, struct ld_node *n);
/* "engine":{...} of an authority among several: who leads, epoch, lag; else nothing. */
void ld_json_engine(struct mkt_jw *w, struct ld_node *n);

/* Let a writer in between two rows. */
static inline void ld_breathe(struct ld_node *n, uint32_t row)
{
	if (row % LD_BREATH_ROWS == LD_BREATH_ROWS - 1) {
		ld_node_unread(n);
		ld_node_read(n);
	}
}

/*
 * Park @r until the indexes hold @height, at most LD_INDEX_WAITS times a request:
 * later calls return false, so that a full disk never makes a read hang.  True:
 * return LD_WAITS.
 */
bool ld_wait_indexed(struct ld_req *r, uint64_t height);

/*
 * The sentence of a refusal, for receipts, events and previews alike.  @leg counts
 * from 1, 0: none; @more as in its RESULT event.  False: the code says it all.
 */
bool ld_refusal(char out[MKT_ERR_TEXT_MAX], const struct ld_node *n, unsigned code, uint64_t leg,
		uint64_t more);

/*
 * "results":[...] of a transaction: one for each RESULT event in @events (encoded,
 * only those of this transaction).  @tx is decoded.
 */
void ld_json_results(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tx *tx,
		     const void *events, size_t len);

/* Where an event stands, and the operation it belongs to (a RESULT's; else may be NULL). */
struct ld_event_at {
	uint64_t height;
	uint32_t n;
	const struct mkt_op *operation;
};

/* One object.  With the state's lock, as the next. */
void ld_json_event(struct mkt_jw *w, const struct ld_node *n, const struct mkt_event *ev,
		   const struct ld_event_at *at);
/* The members that a contract has from its making. */
void ld_json_contract_terms(struct mkt_jw *w, const struct ld_node *n,
			    const struct mkt_ev_contract *c);

/* Pieces of a bid and of a grant; with the state's lock. */
void ld_json_op(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tx *tx,
		const struct mkt_op *op);
void ld_json_legs(struct mkt_jw *w, const struct ld_node *n, const struct mkt_bid_leg *legs,
		  uint16_t nlegs);
void ld_json_flags(struct mkt_jw *w, uint8_t flags);
void ld_json_until(struct mkt_jw *w, uint64_t until_s); /* null: 0 */
void ld_json_rights(struct mkt_jw *w, uint32_t rights);

struct ld_look;

/* A contract as an object, by its number.  Takes the lock.  -MKT_ECONTRACT. */
int ld_put_contract(struct ld_node *n, struct mkt_jw *w, uint64_t exec,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* The event of a story's entry (height << 24 | number) as an object.  Takes the lock. */
int ld_put_entry(struct ld_look *l, struct mkt_jw *w, uint64_t entry,
		 struct mkt_err *err) MKT_MUST_CHECK;

/* Accounts are private and this request, at the users' door, is not signed: -MKT_EUNSIGNED. */
int ld_private(struct ld_req *r, struct mkt_err *err) MKT_MUST_CHECK;

/* ---- handlers -------------------------------------------------------------------------- */

ld_handler ld_post_transactions, ld_post_preview, ld_post_telemetry, ld_get_telemetry;
ld_handler ld_get_status, ld_get_genesis, ld_get_market, ld_get_limits, ld_get_health,
	ld_get_metrics;
ld_handler ld_get_books, ld_get_bids, ld_get_bid, ld_get_contracts, ld_get_contract;
ld_handler ld_get_certificate;
ld_handler ld_get_accounts, ld_get_account, ld_get_story;
ld_handler ld_get_blocks, ld_get_block, ld_get_tx, ld_find_tx, ld_get_chain,
	ld_get_snapshot;
ld_handler ld_get_events, ld_get_events_page;
ld_handler ld_get_peer, ld_get_prepared, ld_get_evidences, ld_get_evidence;

#endif
