/*
 * Actions: commands that send one signed envelope.
 *
 *	struct mkt_act a;
 *
 *	rc = mkt_act_open(&a, app, &v->act);
 *	mkt_act_note(&a, "buy %u", amount);       what makes two calls the same call
 *	mkt_act_add(&a, &op, legs, NULL);
 *	rc = mkt_act_send(&a, &refused);          or asks for the preview under --dry-run
 *	... print from a.results ...
 *	mkt_act_close(&a);
 *
 * Every action has a request id: given, derived by --once-per, or random.  The
 * envelope is kept under it before it is sent, and sent again, byte for byte,
 * when the same call is made with the same id; so nothing happens twice.  What
 * cannot be known (the answer was lost) ends as MKT_EUNKNOWN and is listed by
 * `mkt status` until somebody asks again.
 */
#ifndef MKT_CMD_ACT_H
#define MKT_CMD_ACT_H

#include "cmd/session.h"
#include "core/app/request.h"
#include "core/ledger/tx.h"

struct mkt_act_opts {
	struct mkt_request_values request;
	const char *for_account;
};

/* --for, --request-id, --once-per: a command takes them in with MKT_O_GROUP. */
extern const struct mkt_opt mkt_act_options[];
/* Without --for: operations of the operator act for nobody. */
extern const struct mkt_opt mkt_act_admin_options[];

struct mkt_act {
	struct mkt_session s;
	const struct mkt_act_opts *opts;
	struct mkt_tx_build ops; /* operations so far, without a head */
	struct mkt_buf notes;
	bool all_or_nothing;
	struct mkt_hash call; /* what was asked for */
	uint64_t valid_until_s;
	uint64_t clock_s; /* CLOCK: the time it sets, which is that of its block; else 0 */
	struct mkt_request request;
	struct mkt_answer answer;
	struct mkt_receipt receipt; /* not under --dry-run */
	struct mkt_jval row;	    /* the receipt itself */
	struct mkt_jval results;    /* one for each operation; count 0 while only queued */
	unsigned failed;	    /* operations that were refused */
	uint16_t leg;		    /* of a refused bid: the leg at fault; MKT_NO_LEG */
	char line[200];		    /* what is done, in words, where one sentence does */
};

/* Opens a session with MKT_NEED_KEY.  On failure there is nothing to close. */
int mkt_act_open(struct mkt_act *a, struct mkt_app *app,
		 const struct mkt_act_opts *opts) MKT_MUST_CHECK;
void mkt_act_close(struct mkt_act *a);

/*
 * Two calls are the same if their command and notes are.  Notes say values, not
 * spellings, and times as they were typed: "next" is the same call an hour later
 * (--once-per tells the hours apart).  Without notes the operations themselves count.
 */
void mkt_act_note(struct mkt_act *a, const char *fmt, ...) MKT_PRINTF(2, 3);

/* Add an operation for the account acted for; operations of the operator act for nobody. */
void mkt_act_add(struct mkt_act *a, struct mkt_op *op, const struct mkt_bid_leg *legs,
		 const char *text);

/* The same for another account than the one of --for: bulk files name theirs. */
void mkt_act_add_for(struct mkt_act *a, struct mkt_op *op, uint32_t account);

/*
 * Send, or preview.  0: a.results tells each operation; some may be refused
 * (a.failed).  When the only operation is refused, or the whole envelope, that is
 * the error, with its own code.
 */
int mkt_act_send(struct mkt_act *a) MKT_MUST_CHECK;

/* To return after printing: 0, or -MKT_EPARTIAL when some of several were refused. */
int mkt_act_end(struct mkt_act *a) MKT_MUST_CHECK;

/* The receipt in words: "sealed in block 12", "replayed: sealed in block 12", "queued". */
void mkt_act_state(const struct mkt_act *a, char *out, size_t size);

/* Result @i and its error.  The value is borrowed from a.results. */
int mkt_act_result(struct mkt_act *a, size_t i, struct mkt_jval *at,
		   struct mkt_result *r) MKT_MUST_CHECK;

/* What is told of one operation that was done. */
struct mkt_act_row {
	uint64_t bid, exec; /* 0: none */
	int64_t account;    /* -1: none; so the next two */
	int64_t energy_wh;
	int64_t count;
	char line[320]; /* for people, without the state: "b17 cancelled" */
};

/* Fill @row from result @i, whose members are in @at; under --dry-run ids are missing there. */
typedef void mkt_act_row_fn(struct mkt_act *a, size_t i, const struct mkt_jval *at,
			    struct mkt_act_row *row);

/* Print what became of every operation: mkt.receipt/1, for people a line each. */
int mkt_act_print(struct mkt_act *a, mkt_act_row_fn *fill) MKT_MUST_CHECK;

/* Every line is a.line. */
mkt_act_row_fn mkt_act_plain_row;

/* Send, print with a.line; a failure is told as "cannot DOING: ...". */
int mkt_act_do(struct mkt_act *a, const char *doing) MKT_MUST_CHECK;

/* A member of a result as a number; @none if it is not there. */
int64_t mkt_act_number(const struct mkt_jval *at, const char *key, int64_t none);

#endif
