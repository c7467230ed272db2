/*
 * The event stream of ledgerd (GET /v1/events), with a cursor that survives lost
 * connections: after each one it goes on behind the last event that was handed
 * out, so none is missed and none comes twice.
 *
 * It reconnects for ever with growing pauses; the caller hears of every loss and
 * decides when to stop.  The server tells how far it is every 15 s at least; a
 * line quiet for longer than MKT_STREAM_QUIET_MS counts as lost.  Bytes are read
 * at the caller's pace, in constant memory.  Not thread-safe.
 */
#ifndef MKT_WIRE_STREAM_H
#define MKT_WIRE_STREAM_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/wire/client.h"
#include "core/wire/sse.h"

#define MKT_STREAM_QUIET_MS 45000

struct mkt_stream;

struct mkt_stream_conf {
	const char *path;   /* "/v1/events?from=3:0", escaped; @cursor is stronger than from= */
	const char *cursor; /* id of the last event seen before; NULL or "": none */
};

/* Nothing is sent yet.  conf.timeout_ms and connect_ms count not.  Errors as mkt_client_new(). */
int mkt_stream_new(const struct mkt_client_conf *conf, const struct mkt_stream_conf *what,
		   struct mkt_stream **out, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_stream_free(struct mkt_stream *s);

enum mkt_stream_news {
	MKT_STREAM_QUIET = 0, /* @until_ms came */
	MKT_STREAM_EVENT = 1, /* *@ev, borrowed until the next call */
	MKT_STREAM_LOST = 2,  /* no connection; @err tells why; the next call tries again */
};

/*
 * Wait for the next event until @until_ms (monotonic milliseconds; UINT64_MAX:
 * for ever).  Negative ends the stream: the server's refusal, -MKT_ELIMIT an
 * event too long, -MKT_ECANCELLED by conf.stop, -MKT_ENOMEM.
 */
int mkt_stream_next(struct mkt_stream *s, uint64_t until_ms, struct mkt_sse_event *ev,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* Id of the last event handed out: what to resume behind; "" if none. */
const char *mkt_stream_cursor(const struct mkt_stream *s);

/*
 * To poll(2) for input together with others, after mkt_stream_next() said that it
 * is quiet; -1: none at present, look again soon.
 */
int mkt_stream_fd(const struct mkt_stream *s);

/* True while the server is answering: connected, and not refused. */
bool mkt_stream_connected(const struct mkt_stream *s);

/* When it tries again, on the clock of @until_ms; 0: it is trying. */
uint64_t mkt_stream_retry_ms(const struct mkt_stream *s);

/* Now, on the clock of @until_ms. */
uint64_t mkt_stream_now_ms(void);

#endif
