/*
 * Calls to ledgerd over HTTP: a unix socket or TCP, one connection kept alive.
 *
 * A server is "unix:/path", "http://host:port" or "https://host".  One deadline
 * covers all calls of a client, retries and back-off included, so a command that
 * cron starts every minute cannot pile up.
 *
 * What a failed call means is always told apart:
 *   surely not applied  the server was not reached, or said that it is busy:
 *                       retried with growing pauses, then -MKT_EUNAVAILABLE,
 *                       -MKT_EBUSY or -MKT_ERATE
 *   maybe applied       the request left, no full answer came.  Reads and
 *                       envelopes (which carry a request id) are sent again with
 *                       the same bytes; when the time is up a read gives
 *                       -MKT_ETIMEOUT and a post -MKT_EUNKNOWN, even if the last
 *                       try was not reached: an earlier one may have been applied
 *   refused             the server's own code, sentence and hint; or the handshake's: a server
 *                       that is not believed is -MKT_EUNAVAILABLE, one that does not take
 *                       this program's certificate -MKT_EDENIED, neither is tried again
 *
 * The only clock read here is the monotonic one, for the deadline.  Not
 * thread-safe: one client a thread.  Nothing prints.
 */
#ifndef MKT_WIRE_CLIENT_H
#define MKT_WIRE_CLIENT_H

#include <signal.h>

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/wire/signed.h"
#include "core/wire/tls.h"

#define MKT_CLIENT_CONNECT_MS 3000 /* default time to wait for a server that is not there */

/* What went over the line, for --trace: a sentence without newline. */
typedef void mkt_trace_fn(void *ctx, const char *what);

/*
 * Asked once, when a server wants reads to be signed: fill account and key of @out; the
 * chain is filled already.  Negative with @err: no signature, and the server's refusal stands.
 */
typedef int mkt_reader_fn(void *ctx, struct mkt_reader *out, struct mkt_err *err);

struct mkt_client_conf {
	const char *server;
	uint64_t timeout_ms; /* from mkt_client_new() on, over all calls; 0: none */
	uint64_t connect_ms; /* try this long while nobody listens; 0: MKT_CLIENT_CONNECT_MS */
	struct mkt_tls tls;		   /* of https servers; files are read at each connection */
	const char *agent;		   /* "mkt-bid/1" for the server's log; NULL: "mkt" */
	const volatile sig_atomic_t *stop; /* non-zero ends waiting; set atomically; or NULL */
	mkt_reader_fn *reader;		   /* signs reads where they must be; or NULL */
	void *reader_ctx;
	mkt_trace_fn *trace;		   /* or NULL */
	void *trace_ctx;
};

struct mkt_client;

/* @conf is copied.  -MKT_EUSAGE: the server's address is not well formed; -MKT_ENOMEM. */
int mkt_client_new(const struct mkt_client_conf *conf, struct mkt_client **out,
		   struct mkt_err *err) MKT_MUST_CHECK;
void mkt_client_free(struct mkt_client *c);

/* Start the deadline anew: programs that live long call it before each job. */
void mkt_client_restart(struct mkt_client *c, uint64_t timeout_ms);

/* The address as given. */
const char *mkt_client_server(const struct mkt_client *c);

/* True once conf.stop ended a call. */
bool mkt_client_stopped(const struct mkt_client *c);

/* Budget of the account as the last answer told it; -1: not told. */
struct mkt_rate {
	int64_t limit, remaining, reset_s;
};
void mkt_client_rate(const struct mkt_client *c, struct mkt_rate *out);

/*
 * Fetch @path ("/v1/market?x=y", already escaped) into @body, which is cleared
 * first.  -MKT_ELIMIT if the answer is longer than MKT_ANSWER_BYTES_MAX.
 */
int mkt_client_get(struct mkt_client *c, const char *path, struct mkt_buf *body,
		   struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Fetch @path and hand over the bytes as they come, at the pace of @sink, in
 * constant memory.  @sink returns 0, or negative to end the call with that
 * value.  Retried only while nothing was handed over.
 */
typedef int mkt_sink_fn(void *ctx, const void *p, size_t n);
int mkt_client_fetch(struct mkt_client *c, const char *path, mkt_sink_fn *sink, void *ctx,
		     struct mkt_err *err) MKT_MUST_CHECK;

struct mkt_post {
	const char *path;
	const char *type; /* "application/octet-stream" */
	const void *p;
	size_t n;
	bool changes; /* it may change something: an answer lost is -MKT_EUNKNOWN */
};

/* Send; the answer goes to @body, which is cleared first. */
int mkt_client_post(struct mkt_client *c, const struct mkt_post *post, struct mkt_buf *body,
		    struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The code of an answer that is no success: from its mkt.error/1 body, else from
 * @status.  Fills @err, returns negative.  For readers of streams.
 */
int mkt_client_refusal(long status, const struct mkt_buf *body, struct mkt_err *err);

/* Append @text with all but unreserved characters as %XX. */
void mkt_url_escape(struct mkt_buf *b, const char *text);

#endif
