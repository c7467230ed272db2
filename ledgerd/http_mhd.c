/*
 * The HTTP server: libmicrohttpd with a pool of polling threads, one daemon for
 * each door: the unix socket, users over TCP, peers over mutual TLS.
 *
 * poll, not epoll: with epoll exactly 128, 256 or 512 ready connections in one
 * thread stall libmicrohttpd 0.9.75 until a timeout, because its loop waits
 * again whenever it got as many events as it asked for.
 *
 * Every connection has a deadline for what its client must do next: send a head,
 * send a body, take an answer.  libmicrohttpd only knows of silence, and a client
 * that sends or takes one byte a second is never silent; so a thread looks at the
 * deadlines and shuts down the sockets of those that are late.
 *
 * TLS is set up where a connection is announced, before its handshake: session and
 * credentials are ours from there on (tls.h).
 */
#include "core/base/compat.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ledgerd/http.h"
#include "core/app/log.h"
#include "ledgerd/listen.h"
#include "ledgerd/node.h"
#include "ledgerd/tls.h"

#define IDLE_TIMEOUT_S 60u	/* of a connection that neither sends nor takes */
#define CONNECTION_BYTES 32768u /* request head, answer head, a piece of a body or stream */
#define STREAM_BYTES 4096u	/* a piece of a stream for a client of HTTP/1.0 */
#define HEAD_MS 10000u		/* from accepting to the end of the first head */
#define KEEP_MS 70000u		/* from an answer to the end of the next head */
#define PACE_MS 10000u		/* for a body, or for an answer, and on top of it ... */
#define PACE_BYTES_PER_MS 256u	/* ... its length at this pace */
#define LOOK_MS 500u		/* between looks at the deadlines */

struct door {
	struct ld_http *http;
	enum ld_door kind;
	struct MHD_Daemon *daemon; /* NULL: closed */
	struct ld_tls *tls;	   /* NULL: none */
	int fd;			   /* -1: given to the daemon, or none */
};

struct ld_http {
	struct ld_node *node;
	const struct ld_conf *conf;
	struct door doors[3]; /* by enum ld_door */
	atomic_bool quiet;
	_Atomic size_t uploading; /* bytes of bodies that have arrived and are held */
	pthread_mutex_t mu;
	pthread_cond_t end;
	struct conn *conns;
	pthread_t watch;
	bool watching, ending;
};

/* A connection, from its announcement to its close. */
struct conn {
	struct conn *next, *prev;
	int fd;
	_Atomic uint64_t deadline_ms; /* monotonic; 0: the client owes nothing */
	struct ld_tls_conn tls;
};

/* One request: ours, with what the server must remember. */
struct call {
	struct ld_req req;
	struct conn *conn;
	char *uri;	 /* as it was sent */
	bool begun;	 /* its head has been looked at */
	uint64_t length; /* Content-Length */
	uint64_t held;	 /* bytes of the body; counted in http->uploading */
	bool too_long, busy;
};

static void set_deadline(struct conn *c, uint64_t ms)
{
	if (c)
		atomic_store(&c->deadline_ms, ms ? ld_mono_ms() + ms : 0);
}

/* ---- a request's parts --------------------------------------------------------------------- */

static void park(struct ld_req *r)
{
	MHD_suspend_connection(r->conn);
}

static void wake(struct ld_req *r)
{
	MHD_resume_connection(r->conn);
}

static enum MHD_Result add_param(void *cls, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	struct ld_req *r = cls;

	(void)kind;
	if (r->nparams == LD_PARAMS_MAX) {
		r->params_over = true;
		return MHD_NO;
	}
	r->params[r->nparams++] = (struct ld_param){key, value ? value : "", false};
	return MHD_YES;
}

static void set_peer(struct ld_req *r, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info ? info->client_addr : NULL;

	if (!sa)
		return;
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		memcpy(r->who.addr, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *a =
			&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

		/* A house has a /64; of an IPv4 address behind ::ffff: that address counts. */
		if (IN6_IS_ADDR_V4MAPPED(a))
			memcpy(r->who.addr, a->s6_addr + 12, 4);
		else
			memcpy(r->who.addr, a->s6_addr, 8);
	}
}

static struct conn *conn_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* libmicrohttpd's first word of a request: the line as it came, before anything is decoded. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct door *d = cls;
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->uri = strdup(uri);
	c->conn = conn_of(conn);
	c->req.uri = c->uri;
	c->req.node = d->http->node;
	c->req.http = d->http;
	c->req.door = d->kind;
	c->req.conn = conn;
	c->req.park = park;
	c->req.wake = wake;
	return c;
}

static void call_begin(struct door *d, struct call *c, const char *url, const char *method)
{
	struct MHD_Connection *conn = c->req.conn;
	const char *length;

	c->begun = true;
	c->req.method = method;
	c->req.path = url;
	c->req.type =
		MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
	c->req.last_event_id = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "Last-Event-ID");
	c->req.authorization =
		MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	MHD_get_connection_values(conn, MHD_GET_ARGUMENT_KIND, add_param, &c->req);
	if (d->kind == LD_DOOR_USERS)
		set_peer(&c->req, conn);
	if (c->conn && c->conn->tls.peer)
		c->req.peer_name = c->conn->tls.peer->name;
	length = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	c->length = length ? strtoull(length, NULL, 10) : 0;
	c->too_long = c->length > d->http->conf->body_bytes;
	set_deadline(c->conn, PACE_MS + (length ? c->length : d->http->conf->body_bytes) /
						PACE_BYTES_PER_MS);
}

static void call_free(struct call *c)
{
	struct ld_req *r = &c->req;

	atomic_fetch_sub(&r->http->uploading, c->held);
	if (r->work && r->work_free)
		r->work_free(r->work);
	if (r->reply.stream)
		r->reply.stream->free(r->reply.stream);
	mkt_buf_release(&r->reply.body);
	mkt_buf_release(&r->body);
	free(c->uri);
	free(c);
}

/* ---- answers ------------------------------------------------------------------------------- */

static ssize_t stream_read(void *cls, uint64_t pos, char *to, size_t max)
{
	struct call *c = cls;
	struct ld_stream *s = c->req.reply.stream;
	ssize_t n = s->read(s, to, max);

	(void)pos;
	if (n > 0)
		return n;
	if (n == LD_STREAM_WAIT)
		return 0; /* suspended: called again after the wake */
	return n == LD_STREAM_END ? MHD_CONTENT_READER_END_OF_STREAM
				  : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void header_u32(struct MHD_Response *resp, const char *name, uint32_t v)
{
	char text[12];

	snprintf(text, sizeof(text), "%u", v);
	MHD_add_response_header(resp, name, text);
}

static struct MHD_Response *make_response(struct call *c)
{
	struct ld_reply *reply = &c->req.reply;
	struct MHD_Response *resp;
	uint8_t *p;
	size_t n;

	if (reply->stream)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BYTES,
							 stream_read, c, NULL);
	p = mkt_buf_take(&reply->body, &n);
	resp = MHD_create_response_from_buffer(n, p,
					       p ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!resp)
		free(p);
	return resp;
}

static enum MHD_Result send_reply(struct call *c)
{
	struct ld_reply *reply = &c->req.reply;
	size_t bytes = reply->body.len;
	struct MHD_Response *resp = make_response(c);
	enum MHD_Result res;

	if (!resp)
		return MHD_NO;
	set_deadline(c->conn, reply->stream ? 0 : PACE_MS + bytes / PACE_BYTES_PER_MS);
	MHD_add_response_header(resp, MHD_HTTP_HEADER_CONTENT_TYPE,
				reply->type ? reply->type : "application/json");
	if (reply->rate_known) {
		header_u32(resp, "RateLimit-Limit", reply->rate_limit);
		header_u32(resp, "RateLimit-Remaining", reply->rate_left);
		header_u32(resp, "RateLimit-Reset", reply->rate_reset_s);
	}
	if (reply->retry_s)
		header_u32(resp, MHD_HTTP_HEADER_RETRY_AFTER, reply->retry_s);
	if (reply->challenge[0])
		MHD_add_response_header(resp, MHD_HTTP_HEADER_WWW_AUTHENTICATE, reply->challenge);
	if (reply->allow)
		MHD_add_response_header(resp, MHD_HTTP_HEADER_ALLOW, reply->allow);
	if (reply->stream)
		MHD_add_response_header(resp, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (reply->status >= 400)
		atomic_fetch_add(&c->req.node->guard.errors, 1);
	res = MHD_queue_response(c->req.conn, reply->status, resp);
	MHD_destroy_response(resp);
	return res;
}

static enum MHD_Result run(struct call *c)
{
	enum ld_step step;

	set_deadline(c->conn, 0); /* now it waits for us */
	step = c->req.resume ? c->req.resume(&c->req) : ld_api(&c->req);

	return step == LD_PARKED ? MHD_YES : send_reply(c);
}

static enum MHD_Result refuse(struct call *c, int code, const char *why, unsigned status)
{
	struct mkt_err err = {0};

	mkt_err_set(&err, code, "%s", why);
	ld_reply_error(&c->req, &err);
	c->req.reply.status = status;
	c->req.reply.retry_s = status == MHD_HTTP_SERVICE_UNAVAILABLE;
	return send_reply(c);
}

/* Keep a piece of a body.  One that is too long is read on, and nothing kept of it. */
static void take(struct door *d, struct call *c, const char *data, size_t n)
{
	struct ld_http *h = d->http;

	if (c->too_long || c->busy)
		return;
	if (c->req.body.len + n > h->conf->body_bytes) {
		c->too_long = true;
		return;
	}
	c->held += n;
	/* Counted as it comes, so that who announces much and sends little costs little. */
	if (atomic_fetch_add(&h->uploading, n) + n > LD_QUEUE_BYTES) {
		c->busy = true;
		return;
	}
	mkt_buf_add(&c->req.body, data, n);
}

/* libmicrohttpd's entry: once for the head, then for pieces of the body, then for the answer. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *n, void **ctx)
{
	struct door *d = cls;
	struct call *c = *ctx;

	(void)conn;
	(void)version;
	if (!c || !c->uri)
		return MHD_NO;
	if (!c->begun) {
		call_begin(d, c, url, method);
		atomic_fetch_add(&d->http->node->guard.requests, 1);
		if (c->too_long)
			return refuse(c, MKT_ELIMIT, "the body is too long",
				      MHD_HTTP_CONTENT_TOO_LARGE);
		return MHD_YES;
	}
	if (*n) {
		take(d, c, data, *n);
		*n = 0;
		return MHD_YES;
	}
	if (c->too_long)
		return refuse(c, MKT_ELIMIT, "the body is too long", MHD_HTTP_CONTENT_TOO_LARGE);
	if (c->busy)
		return refuse(c, MKT_EBUSY, "too much is being sent at once",
			      MHD_HTTP_SERVICE_UNAVAILABLE);
	if (c->req.body.bad)
		return refuse(c, MKT_EBUSY, "no memory for the body", MHD_HTTP_SERVICE_UNAVAILABLE);
	return run(c);
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **ctx,
			 enum MHD_RequestTerminationCode toe)
{
	struct call *c = *ctx;

	(void)cls;
	(void)conn;
	(void)toe;
	if (!c)
		return;
	set_deadline(c->conn, KEEP_MS);
	call_free(c);
	*ctx = NULL;
}

/* ---- connections --------------------------------------------------------------------------- */

static enum MHD_Result on_accept(void *cls, const struct sockaddr *addr, socklen_t len)
{
	struct door *d = cls;

	(void)addr;
	(void)len;
	return atomic_load(&d->http->quiet) ? MHD_NO : MHD_YES;
}

static bool begin_tls(struct door *d, struct conn *c, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info;

	if (!d->tls)
		return true;
	info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info && info->tls_session && !ld_tls_conn_begin(&c->tls, d->tls, info->tls_session);
}

static void conn_begin(struct door *d, struct MHD_Connection *conn, void **ctx)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c = calloc(1, sizeof(*c));

	if (!info)
		abort(); /* every connection has a socket */
	if (!c || !begin_tls(d, c, conn)) {
		/* Nothing may be answered here: without its context it gets no further. */
		shutdown(info->connect_fd, SHUT_RDWR);
		free(c);
		return;
	}
	c->fd = info->connect_fd;
	set_deadline(c, HEAD_MS);
	pthread_mutex_lock(&d->http->mu);
	c->next = d->http->conns;
	if (c->next)
		c->next->prev = c;
	d->http->conns = c;
	pthread_mutex_unlock(&d->http->mu);
	*ctx = c;
}

static void conn_end(struct door *d, void **ctx)
{
	struct conn *c = *ctx;

	if (!c)
		return;
	pthread_mutex_lock(&d->http->mu);
	if (c->prev)
		c->prev->next = c->next;
	else
		d->http->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&d->http->mu);
	ld_tls_conn_end(&c->tls);
	free(c);
	*ctx = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *conn, void **ctx,
			  enum MHD_ConnectionNotificationCode toe)
{
	struct door *d = cls;

	if (toe == MHD_CONNECTION_NOTIFY_STARTED) {
		atomic_fetch_add(&d->http->node->guard.connections, 1);
		conn_begin(d, conn, ctx);
	} else {
		conn_end(d, ctx);
		atomic_fetch_sub(&d->http->node->guard.connections, 1);
	}
}

/* A socket is closed only after conn_end(), so the numbers in the list are those of the list. */
static void end_late(struct ld_http *h, uint64_t now)
{
	for (struct conn *c = h->conns; c; c = c->next) {
		uint64_t deadline = atomic_load(&c->deadline_ms);

		if (!deadline || now < deadline)
			continue;
		atomic_store(&c->deadline_ms, 0);
		shutdown(c->fd, SHUT_RDWR);
	}
}

static void *watch_main(void *arg)
{
	struct ld_http *h = arg;

	pthread_setname_np(pthread_self(), "doors");
	pthread_mutex_lock(&h->mu);
	while (!h->ending) {
		struct timespec until;
		uint64_t now = ld_mono_ms();

		end_late(h, now);
		now += LOOK_MS;
		until.tv_sec = (time_t)(now / 1000);
		until.tv_nsec = (long)(now % 1000) * 1000000;
		pthread_cond_timedwait(&h->end, &h->mu, &until);
	}
	pthread_mutex_unlock(&h->mu);
	return NULL;
}

/* ---- doors --------------------------------------------------------------------------------- */

static void log_mhd(void *cls, const char *fmt, va_list ap)
{
	char line[512];

	(void)cls;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	mkt_log(MKT_LOG_DEBUG, "http: %s", line);
}

static int start_daemon(struct door *d, const char *where, struct mkt_err *err)
{
	const struct ld_conf *conf = d->http->conf;
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
			 MHD_USE_ERROR_LOG | (d->tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)LD_TLS_PRIORITIES},
		{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, ld_tls_no_certificate()},
		{MHD_OPTION_END, 0, NULL}};

	d->daemon = MHD_start_daemon(
		flags, 0, on_accept, d, on_request, d, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL,
		MHD_OPTION_LISTEN_SOCKET, d->fd, MHD_OPTION_THREAD_POOL_SIZE,
		conf->threads > 1 ? conf->threads : 0, MHD_OPTION_CONNECTION_LIMIT,
		conf->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		d->kind == LD_DOOR_USERS ? conf->connections_per_address : 0,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_completed, d,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, d, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
		d, MHD_OPTION_ARRAY, d->tls ? tls : tls + 2, MHD_OPTION_END);
	if (!d->daemon)
		return mkt_err_set(err, MKT_EIO, "cannot start the HTTP server on '%s'", where);
	d->fd = -1;
	return 0;
}

static int make_tls(const struct ld_conf *c, enum ld_door kind, struct ld_tls **out,
		    struct mkt_err *err)
{
	struct ld_tls_files files = {c->tls_cert, c->tls_key, NULL};

	*out = NULL;
	if (kind == LD_DOOR_PEERS)
		files = (struct ld_tls_files){c->peer_cert, c->peer_key, c->peer_ca};
	return kind == LD_DOOR_LOCAL || !files.cert[0] ? 0 : ld_tls_new(&files, c, out, err);
}

int ld_http_check(const struct ld_conf *conf, struct mkt_err *err)
{
	int res = 0;

	for (unsigned i = LD_DOOR_LOCAL; i <= LD_DOOR_PEERS && res >= 0; i++) {
		struct ld_tls *t;

		res = make_tls(conf, (enum ld_door)i, &t, err);
		ld_tls_free(t);
	}
	return res;
}

static int open_door(struct door *d, struct mkt_err *err)
{
	const struct ld_conf *c = d->http->conf;
	int res = make_tls(c, d->kind, &d->tls, err);

	if (res < 0)
		return res;
	if (d->kind == LD_DOOR_LOCAL)
		return ld_listen_unix(c->socket, c->socket_mode, &d->fd, err);
	return ld_listen_tcp(d->kind == LD_DOOR_PEERS ? c->peer_listen : c->listen, &d->fd, err);
}

static int open_doors(struct ld_http *h, struct mkt_err *err)
{
	const char *const where[] = {h->conf->socket, h->conf->listen, h->conf->peer_listen};
	int res = 0;

	/* All places are taken before anybody is served at one of them. */
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(h->doors) && res >= 0; i++)
		if (where[i][0])
			res = open_door(&h->doors[i], err);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(h->doors) && res >= 0; i++)
		if (where[i][0])
			res = start_daemon(&h->doors[i], where[i], err);
	return res;
}

static void init_lock(struct ld_http *h)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&h->mu, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->end, &attr);
	pthread_condattr_destroy(&attr);
}

int ld_http_start(struct ld_node *n, const struct ld_conf *conf, struct ld_http **out,
		  struct mkt_err *err)
{
	struct ld_http *h = calloc(1, sizeof(*h));
	int res;

	if (!h)
		return mkt_err_code(err, MKT_ENOMEM);
	h->node = n;
	h->conf = conf;
	init_lock(h);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(h->doors); i++)
		h->doors[i] = (struct door){.http = h, .kind = (enum ld_door)i, .fd = -1};
	res = open_doors(h, err);
	if (!res) {
		h->watching = !pthread_create(&h->watch, NULL, watch_main, h);
		if (!h->watching)
			res = mkt_err_code(err, MKT_ENOMEM);
	}
	if (res < 0) {
		ld_http_stop(h);
		return res;
	}
	*out = h;
	return 0;
}

void ld_http_reload(struct ld_http *h)
{
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(h->doors); i++) {
		struct mkt_err err = {0};

		if (!h->doors[i].tls)
			continue;
		if (ld_tls_reload(h->doors[i].tls, &err) < 0)
			mkt_log(MKT_LOG_ERROR, "certificates stay as they were: %s", err.text);
		else
			mkt_log(MKT_LOG_NOTICE, "certificates of %s read again",
				i == LD_DOOR_PEERS ? "peers" : "users");
	}
}

void ld_http_quiesce(struct ld_http *h)
{
	atomic_store(&h->quiet, true);
}

static void close_door(struct door *d)
{
	if (d->daemon) {
		MHD_stop_daemon(d->daemon);
		if (d->kind == LD_DOOR_LOCAL)
			unlink(d->http->conf->socket);
	}
	if (d->fd >= 0)
		close(d->fd);
	ld_tls_free(d->tls);
}

void ld_http_stop(struct ld_http *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(h->doors); i++)
		close_door(&h->doors[i]);
	pthread_mutex_lock(&h->mu);
	h->ending = true;
	pthread_cond_signal(&h->end);
	pthread_mutex_unlock(&h->mu);
	if (h->watching)
		pthread_join(h->watch, NULL);
	pthread_cond_destroy(&h->end);
	pthread_mutex_destroy(&h->mu);
	free(h);
}
