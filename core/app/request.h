/*
 * Request ids: what makes a call safe to repeat.
 *
 * Before an envelope is sent it is saved under its request id; after the answer
 * it is marked done.  A call that ends without an answer is repeated with the
 * same id, and the saved bytes are sent again: the chain does it once.
 *
 * An id comes from --request-id, or from --once-per (a hash of account, command,
 * normalised arguments and period, so that cron's second call is the first one's
 * repetition), or is random.
 *
 * One file a request in $XDG_STATE_HOME/mkt/requests, named by the id in hex,
 * mode 0600, written to a temporary name, synced, renamed.
 */
#ifndef MKT_APP_REQUEST_H
#define MKT_APP_REQUEST_H

#include "core/app/app.h"
#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/crypto/hash.h"

#define MKT_REQUEST_ID_LEN 16
#define MKT_REQUEST_ID_TEXT 33          /* hex with NUL */
#define MKT_REQUEST_KEEP_S (30 * 86400) /* done requests are forgotten after this */
#define MKT_REQUEST_LIST_MAX 10000      /* files looked at by one listing */

struct mkt_request_id {
	uint8_t b[MKT_REQUEST_ID_LEN];
};

enum mkt_request_state { MKT_REQUEST_UNFINISHED = 1, MKT_REQUEST_DONE };

struct mkt_request {
	struct mkt_request_id id;
	enum mkt_request_state state;
	uint64_t time_s;             /* when it was first saved */
	char account[80];            /* as text */
	char command[64];            /* "bid buy" */
	struct mkt_hash tx;          /* of the envelope */
	struct mkt_hash call;        /* what was asked for: the same id for another is a conflict */
	struct mkt_buf envelope;     /* owned */
	char receipt[256];           /* the receipt line, once done; "" before */
};

#define MKT_REQUEST_INIT {.envelope = MKT_BUF_INIT}
void mkt_request_release(struct mkt_request *r);

/* ---- where an id comes from ---- */

/* Options of every command that signs; take them in with MKT_O_GROUP. */
struct mkt_request_values {
	const char *id;  /* --request-id */
	int once_per;    /* enum mkt_once, 0: not given */
};
enum mkt_once { MKT_ONCE_WINDOW = 1, MKT_ONCE_HOUR, MKT_ONCE_DAY };
extern const struct mkt_opt mkt_request_options[];

/* What a derived id stands for. */
struct mkt_once_key {
	const char *account;
	const char *command;
	const char *arguments;     /* normalised: same meaning, same text */
	uint64_t period_s;         /* start of the period: see mkt_once_period() */
};

/*
 * The start of the period in which @now_s lies.  Hours and windows are counted
 * from 1970 UTC; days begin at midnight @offset_s east of Greenwich.
 */
uint64_t mkt_once_period(enum mkt_once once, uint64_t now_s, uint32_t window_s, int32_t offset_s);

/*
 * Choose the id and put it into app->request_id.  --request-id is 32 hex digits
 * or a UUID, taken as it is, or other text of 1..64 printable bytes, hashed.
 * @key is used with --once-per only.  -MKT_EUSAGE.
 */
int mkt_request_choose(struct mkt_app *app, const struct mkt_request_values *v,
		       const struct mkt_once_key *key, struct mkt_request_id *id) MKT_MUST_CHECK;

/* The id that the text of --request-id means. */
int mkt_request_parse(const char *text, struct mkt_request_id *id, struct mkt_err *err)
	MKT_MUST_CHECK;

void mkt_request_text(const struct mkt_request_id *id, char out[MKT_REQUEST_ID_TEXT]);

/* ---- the store ---- */

/*
 * Save before sending, and again with state done and the receipt.  Does nothing
 * under --dry-run.  -MKT_EIO: nothing may be sent.
 */
int mkt_request_save(struct mkt_app *app, const struct mkt_request *r) MKT_MUST_CHECK;

/* It was surely not applied, and the call may be made anew.  Nothing to forget is fine. */
void mkt_request_forget(struct mkt_app *app, const struct mkt_request_id *id);

/* -MKT_ENOTFOUND; -MKT_EINTEGRITY for a file that is damaged. */
int mkt_request_load(struct mkt_app *app, const struct mkt_request_id *id, struct mkt_request *r)
	MKT_MUST_CHECK;

/*
 * Call @each for every saved request, the oldest first; a non-zero value ends the
 * walk and is returned.  Damaged files are skipped with a warning.
 */
int mkt_request_each(struct mkt_app *app, int (*each)(void *arg, const struct mkt_request *r),
		     void *arg) MKT_MUST_CHECK;

#endif
