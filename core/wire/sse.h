/*
 * Server-sent events (WHATWG HTML, 9.2), the reading side: bytes in, events out.
 * Pure: no I/O.  Feed whatever came, in pieces of any size, then take events
 * until there is none.  Memory is bounded by MKT_SSE_BYTES_MAX and what one feed
 * brings.
 */
#ifndef MKT_WIRE_SSE_H
#define MKT_WIRE_SSE_H

#include "core/base/buf.h"
#include "core/base/compat.h"

#define MKT_SSE_ID_MAX 63
#define MKT_SSE_KIND_MAX 31

struct mkt_sse {
	struct mkt_buf in; /* bytes not yet read, from @at */
	size_t at;
	struct mkt_buf data; /* of the event that is being read */
	bool has_data;
	bool taken; /* data was handed out: clear before going on */
	bool after_cr;
	char kind[MKT_SSE_KIND_MAX + 1];
	char id[MKT_SSE_ID_MAX + 1]; /* last id seen; stays from event to event */
};

#define MKT_SSE_INIT                                                                               \
	{                                                                                          \
		.in = MKT_BUF_INIT                                                                 \
	}

struct mkt_sse_event {
	const char *kind; /* "message" unless said; borrowed until the next call, as the others */
	const char *id;	  /* "" before the first */
	const char *data;
	size_t len;
};

void mkt_sse_release(struct mkt_sse *s);

/* Forget half an event, keep the last id: the connection was lost. */
void mkt_sse_restart(struct mkt_sse *s);

/* -MKT_ENOMEM. */
int mkt_sse_feed(struct mkt_sse *s, const void *p, size_t n) MKT_MUST_CHECK;

/* 1 and *@ev; 0: more bytes are needed; -MKT_ELIMIT: an event passes the bound; -MKT_ENOMEM. */
int mkt_sse_next(struct mkt_sse *s, struct mkt_sse_event *ev) MKT_MUST_CHECK;

#endif
