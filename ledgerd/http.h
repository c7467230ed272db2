/*
 * Between the HTTP server (http_mhd.c) and what answers (api*.c): a request, its
 * answer, and how to wait without holding a thread.
 *
 * A handler looks at the request and either fills req->reply and returns
 * LD_DONE, or calls ld_req_park(), arranges that ld_req_wake() will be called,
 * and returns LD_PARKED; after the wake it is called again with the same
 * request.  The order matters: park first, then arrange, because the wake may
 * come at once.
 *
 * An answer is a body, or a stream whose read() is called at the pace of the
 * client; it parks the same way when it has nothing to give.
 */
#ifndef LEDGERD_HTTP_H
#define LEDGERD_HTTP_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "ledgerd/conf.h"
#include "ledgerd/guard.h"
#include "ledgerd/hub.h"

#define LD_PARAMS_MAX 16
#define LD_ARG_MAX 127

struct ld_node;
struct ld_req;

struct ld_param {
	const char *name, *value; /* decoded; borrowed */
	bool used;		  /* a handler has looked at it */
};

#define LD_STREAM_END (-1)
#define LD_STREAM_WAIT (-2)   /* parked */
#define LD_STREAM_BROKEN (-3) /* end without a proper end: the client must not take it for whole */

struct ld_stream {
	/* Write 1..@max bytes, or one of the above. */
	ssize_t (*read)(struct ld_stream *s, char *to, size_t max);
	void (*free)(struct ld_stream *s);
};

struct ld_reply {
	unsigned status;
	const char *type; /* content type; NULL: application/json */
	struct mkt_buf body;
	struct ld_stream *stream; /* instead of @body; owned */
	bool rate_known;
	uint32_t rate_limit, rate_left, rate_reset_s;
	uint32_t retry_s;  /* Retry-After; 0: none */
	char challenge[96]; /* how to sign: WWW-Authenticate; "": none */
	const char *allow; /* of a 405 */
};

enum ld_step { LD_DONE, LD_PARKED };

/* Where a request came in: decides which routes there are. */
enum ld_door {
	LD_DOOR_LOCAL, /* unix socket: the operator of the node, and users of a solo or full node */
	LD_DOOR_USERS, /* TCP, perhaps TLS */
	LD_DOOR_PEERS, /* mutual TLS with the nodes of [peer NAME] */
};

struct ld_req {
	struct ld_node *node;
	const char *method, *path; /* borrowed for the request's life */
	const char *type;	   /* content type of the body, or NULL */
	const char *last_event_id; /* or NULL */
	const char *uri;	   /* path and query as they were sent: what a signed read signs */
	const char *authorization; /* or NULL */
	enum ld_door door;
	const char *peer_name;	   /* LD_DOOR_PEERS: of the configuration; else NULL */
	struct ld_param params[LD_PARAMS_MAX];
	unsigned nparams;
	bool params_over; /* there were more */
	struct ld_who who; /* whose limits count at the users' door */
	struct mkt_buf body;
	/* Of the handler. */
	char arg[LD_ARG_MAX + 1]; /* what the route's '*' stands for */
	uint32_t rows;		  /* given out: counted against the reader's limit */
	enum ld_step (*resume)(struct ld_req *r); /* to call after a wake; NULL: from the start */
	void *work;
	void (*work_free)(void *work);
	struct ld_waiter waiter;
	unsigned waits; /* times it was parked for the indexes */
	struct ld_reply reply;
	/* Of the server. */
	void *conn;
	struct ld_http *http;
	void (*park)(struct ld_req *r);
	void (*wake)(struct ld_req *r);
};

static inline void ld_req_park(struct ld_req *r)
{
	r->park(r);
}

static inline void ld_req_wake(struct ld_req *r)
{
	r->wake(r);
}

/* The answer to any request (api.c).  Thread-safe; a request belongs to one thread at a time. */
enum ld_step ld_api(struct ld_req *r);

/* Answer with the JSON of @err and the status of its code. */
void ld_reply_error(struct ld_req *r, const struct mkt_err *err);

struct ld_http;

/*
 * Listen where @conf says.  -MKT_ELOCKED: a port or socket is taken;
 * -MKT_EINVAL: no such address; -MKT_EIO.
 */
int ld_http_start(struct ld_node *n, const struct ld_conf *conf, struct ld_http **out,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* Can the certificates of @conf be read?  -MKT_EIO names the file. */
int ld_http_check(const struct ld_conf *conf, struct mkt_err *err) MKT_MUST_CHECK;

/* Read the certificates again (SIGHUP); tells the log.  Any thread. */
void ld_http_reload(struct ld_http *h);

/* Refuse new connections; those that stand go on. */
void ld_http_quiesce(struct ld_http *h);

/* End all connections; nobody may be parked any more: after ld_hub_stop() and ld_pipe_stop(). */
void ld_http_stop(struct ld_http *h);

#endif
