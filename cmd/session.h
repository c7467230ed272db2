/*
 * What commands that talk to ledgerd share: the connection, the chain's facts,
 * the zone of the person, the identity, and rows from JSON to output.
 *
 * A command opens one session with what it needs and closes it at the end; the
 * facts cost one round trip on a connection that is kept.
 */
#ifndef MKT_CMD_SESSION_H
#define MKT_CMD_SESSION_H

#include "core/app/app.h"
#include "core/crypto/sign.h"
#include "core/units/window.h"
#include "core/units/zone.h"
#include "core/wire/api.h"
#include "core/wire/client.h"

enum {
	MKT_NEED_MARKET = 1 << 0, /* facts, zone, currency of the output */
	MKT_NEED_WHO = 1 << 1,    /* who(): the account that is read or acted for */
	MKT_NEED_KEY = 1 << 2,    /* the secret key and the signer's number; implies the others */
};

struct mkt_session {
	struct mkt_app *app;
	struct mkt_client *client;
	struct mkt_facts facts;
	struct mkt_zone zone;
	struct mkt_seckey key;
	uint32_t signer;	       /* number of the key's account */
	uint32_t account;	       /* number of the account that is acted for */
	char who[MKT_PUBKEY_TEXT + 1]; /* the same as path piece: number, name or mkt1... */
	bool own;		       /* who is the key's own account */
};

/* On failure there is nothing to close.  app->err is filled. */
int mkt_session_open(struct mkt_session *s, struct mkt_app *app, unsigned need) MKT_MUST_CHECK;
void mkt_session_close(struct mkt_session *s);

/* Settings of a client or stream of this program. */
void mkt_session_client_conf(struct mkt_app *app, struct mkt_client_conf *conf);

/* GET with a formatted path; the answer's height and time go to the output. */
int mkt_session_get(struct mkt_session *s, struct mkt_answer *a, const char *fmt,
		    ...) MKT_MUST_CHECK MKT_PRINTF(3, 4);

/*
 * @rc, the end of a read about who; -MKT_ENOTFOUND of an account that is the key's own
 * is -MKT_EACCOUNT with the sentence that actions have.  mkt_session_get() does it.
 */
int mkt_session_enrolled(struct mkt_session *s, const char *path, int rc) MKT_MUST_CHECK;

/* How people's times are read here.  @past_ok: windows that have begun are fine. */
struct mkt_when mkt_session_when(const struct mkt_session *s, bool past_ok);

/* The number of an account given as #N, name or mkt1...: asks the server. */
int mkt_session_account(struct mkt_session *s, const char *text, uint32_t *number) MKT_MUST_CHECK;

/* An account as a piece of a path or query: "#3" becomes "3", the rest is escaped. */
void mkt_account_path(struct mkt_buf *b, const char *text);

/* "b17" or "17" for @prefix 'b'.  -MKT_EUSAGE with a sentence. */
int mkt_id_parse(struct mkt_app *app, char prefix, const char *text, uint64_t *id) MKT_MUST_CHECK;

/* ---- rows -------------------------------------------------------------------------------- */

/*
 * Where the value of each column of a table stands in the server's JSON: a path
 * "window.start" below the row, NULL for a column that is always absent.  For a
 * LIST column, @sub says the same of its rows.  A column whose @prefix is not 0
 * is an id: people see "b17".
 */
struct mkt_source {
	const char *path;
	char prefix;
	const struct mkt_source *sub;
};

/* One row for each element of the array @rows.  Missing members are absent values. */
int mkt_rows_add(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		 const struct mkt_jval *rows) MKT_MUST_CHECK;

/* One row from the object @obj. */
int mkt_rows_one(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		 const struct mkt_jval *obj) MKT_MUST_CHECK;

/* The same with @first as value of the first column, which has no path. */
int mkt_rows_named(struct mkt_session *s, const struct mkt_table *t, const struct mkt_source *from,
		   const struct mkt_jval *obj, const char *first) MKT_MUST_CHECK;

#endif
