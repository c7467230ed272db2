/*
 * The answers of ledgerd's API v1 as typed values (mkt-api(7)).
 *
 * An answer owns its document; values taken from it (struct mkt_jval) borrow it
 * and live as long.  Answers must not be moved while values of them are in use.
 * What the server sends is checked like any input: a member that is missing or
 * of another type is -MKT_EUNAVAILABLE with a sentence that names it, because it
 * is the server that does not speak our language.
 */
#ifndef MKT_WIRE_API_H
#define MKT_WIRE_API_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/codec/json.h"
#include "core/crypto/hash.h"
#include "core/ledger/genesis.h"
#include "core/market/tag.h"
#include "core/wire/client.h"

struct mkt_answer {
	struct mkt_jdoc *doc;
	struct mkt_jval root, data;
	uint64_t height;   /* of the block that the answer holds for; 0 if not told */
	uint64_t as_of_ms; /* its time */
	const char *next;  /* cursor of the next page; NULL: this is the last */
};

#define MKT_ANSWER_INIT {0}

void mkt_answer_release(struct mkt_answer *a);

/* Read the frame of an answer that came by other ways: pulls.  @a is released first. */
int mkt_answer_read(const struct mkt_buf *body, struct mkt_answer *a, struct mkt_err *err)
	MKT_MUST_CHECK;

/* GET @path and read the frame of the answer.  @a is released first. */
int mkt_api_get(struct mkt_client *c, const char *path, struct mkt_answer *a, struct mkt_err *err)
	MKT_MUST_CHECK;

/* POST @what and read the frame of the answer.  @a is released first. */
int mkt_api_post(struct mkt_client *c, const struct mkt_post *what, struct mkt_answer *a,
		 struct mkt_err *err) MKT_MUST_CHECK;

/* "code", "message" and "hint" of @at as an error; "ok" or none is none. */
int mkt_api_code(const struct mkt_jval *at, struct mkt_err *out, struct mkt_err *err)
	MKT_MUST_CHECK;

/* Turn @err into -MKT_EUNAVAILABLE: the server does not speak as agreed. */
int mkt_api_foreign(struct mkt_err *err);

/* RFC 3339 UTC ("2026-11-23T01:30:00Z", decimals of a second allowed) to milliseconds. */
int mkt_time_parse(const char *text, uint64_t *time_ms) MKT_MUST_CHECK;
/* The member @key of @obj as such a time. */
int mkt_jget_time(const struct mkt_jval *obj, const char *key, uint64_t *time_ms,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* What a chain is and which windows take bids now: GET /v1/market. */
struct mkt_facts {
	struct mkt_hash chain;
	char name[MKT_NAME_MAX + 1];
	char currency[MKT_CURRENCY_MAX + 1];
	char zone[MKT_ZONE_MAX + 1];
	uint8_t clock;            /* enum mkt_clock_kind */
	uint32_t window_s, opening_s, gate_s, deadline_s, interval_ms, validity_s;
	uint32_t lot_wh;
	int32_t tick_upwh, price_min_upwh, price_max_upwh;
	int32_t imbalance_up_upwh, imbalance_down_upwh;
	struct mkt_tag_table tags; /* owned; without members */
	uint64_t open_first_s;     /* start of the first window that takes bids */
	uint32_t open_count;
	uint64_t now_ms;           /* the chain's clock when the answer was made */
	uint64_t height;
	uint64_t as_of_ms;
};

#define MKT_FACTS_INIT {0}

void mkt_facts_release(struct mkt_facts *f);
int mkt_facts_read(const struct mkt_answer *a, struct mkt_facts *f, struct mkt_err *err)
	MKT_MUST_CHECK;
int mkt_api_market(struct mkt_client *c, struct mkt_facts *f, struct mkt_err *err) MKT_MUST_CHECK;

/* ---- posting ---------------------------------------------------------------------------- */

enum mkt_wait { MKT_WAIT_NONE, MKT_WAIT_EXECUTED, MKT_WAIT_SEALED };

/* Append one envelope to a body of POST /v1/transactions. */
void mkt_api_frame(struct mkt_buf *body, const void *envelope, size_t n);

/*
 * Post framed envelopes; one receipt for each, in their order, is a.data.  As
 * every envelope has a request id, a lost answer is asked for again until the
 * client's deadline; then -MKT_EUNKNOWN.
 */
int mkt_api_submit(struct mkt_client *c, const struct mkt_buf *body, enum mkt_wait wait,
		   struct mkt_answer *a, struct mkt_err *err) MKT_MUST_CHECK;

/* What one envelope would do; one result for each operation is a.data. */
int mkt_api_preview(struct mkt_client *c, const void *envelope, size_t n, struct mkt_answer *a,
		    struct mkt_err *err) MKT_MUST_CHECK;

enum mkt_receipt_status {
	MKT_RECEIPT_QUEUED,   /* taken; not yet in a block */
	MKT_RECEIPT_EXECUTED, /* in a block that is not yet on the disk */
	MKT_RECEIPT_SEALED,
	MKT_RECEIPT_REPLAYED, /* taken before; results are the first ones */
	MKT_RECEIPT_REFUSED,  /* not in a block: err tells why */
};

struct mkt_receipt {
	enum mkt_receipt_status status;
	struct mkt_err err; /* code 0 unless refused */
	char tx[65];        /* hex; "" if not told */
	uint64_t height;    /* 0: not in a block */
	uint32_t index;
	uint64_t time_ms;
};

/* Read element @i of a.data.  @row gets the value itself, for mkt_receipt_result(). */
int mkt_receipt_read(const struct mkt_answer *a, size_t i, struct mkt_receipt *r,
		     struct mkt_jval *row, struct mkt_err *err) MKT_MUST_CHECK;

/* "queued", "executed", ... */
const char *mkt_receipt_name(enum mkt_receipt_status s);

/* What became of one operation. */
struct mkt_result {
	char op[16];        /* "bid" */
	struct mkt_err err; /* code 0: done */
	uint16_t leg;       /* BID refused: leg at fault; MKT_NO_LEG */
};

/* Read one element of a receipt's or preview's results; other members are in @at itself. */
int mkt_result_read(const struct mkt_jval *at, struct mkt_result *r, struct mkt_err *err)
	MKT_MUST_CHECK;

#endif
