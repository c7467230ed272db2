/*
 * The HTTP server: libmicrohttpd with a pool of polling threads, one daemon for
 * the unix socket and one for TCP.
 *
 * poll, not epoll: with epoll exactly 128, 256 or 512 ready connections in one
 * thread stall libmicrohttpd 0.9.75 until a timeout, because its loop waits
 * again whenever it got as many events as it asked for.
 */
#include "core/base/compat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ledgerd/http.h"
#include "core/app/log.h"
#include "ledgerd/node.h"

#define IDLE_TIMEOUT_S 60u	/* of a connection that neither sends nor takes */
#define CONNECTION_BYTES 65536u /* request head, answer head, and a piece of a body */
#define STREAM_BYTES 32768u	/* a piece of a stream */
#define BACKLOG 1024

struct ld_http {
	struct ld_node *node;
	const struct ld_conf *conf;
	struct MHD_Daemon *local, *tcp;
	int local_fd, tcp_fd; /* -1: given to the daemon, or none */
	atomic_bool quiet;
	_Atomic size_t uploading; /* bytes of bodies that are arriving */
};

/* One request: ours, with what the server must remember. */
struct call {
	struct ld_req req;
	uint64_t announced; /* Content-Length; counted in http->uploading */
	bool too_long, busy;
};

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

		memcpy(r->peer, &in->sin_addr, 4);
		r->counted = true;
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		memcpy(r->peer, &in6->sin6_addr, 16);
		r->counted = true;
	}
}

static struct call *call_new(struct ld_http *h, struct MHD_Connection *conn, const char *url,
			     const char *method)
{
	struct call *c = calloc(1, sizeof(*c));
	const char *length;

	if (!c)
		return NULL;
	c->req.node = h->node;
	c->req.http = h;
	c->req.conn = conn;
	c->req.park = park;
	c->req.wake = wake;
	c->req.method = method;
	c->req.path = url;
	c->req.type =
		MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
	c->req.last_event_id = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "Last-Event-ID");
	MHD_get_connection_values(conn, MHD_GET_ARGUMENT_KIND, add_param, &c->req);
	set_peer(&c->req, conn);
	length = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	c->announced = length ? strtoull(length, NULL, 10) : 0;
	if (c->announced > h->conf->body_bytes) {
		c->too_long = true;
		c->announced = 0;
	} else if (atomic_fetch_add(&h->uploading, c->announced) + c->announced > LD_QUEUE_BYTES) {
		c->busy = true;
	} else if (c->announced && mkt_buf_grow(&c->req.body, c->announced) < 0) {
		c->busy = true;
	}
	return c;
}

static void call_free(struct call *c)
{
	struct ld_req *r = &c->req;

	atomic_fetch_sub(&r->http->uploading, c->announced);
	if (r->work && r->work_free)
		r->work_free(r->work);
	if (r->reply.stream)
		r->reply.stream->free(r->reply.stream);
	mkt_buf_release(&r->reply.body);
	mkt_buf_release(&r->body);
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
	struct MHD_Response *resp = make_response(c);
	enum MHD_Result res;

	if (!resp)
		return MHD_NO;
	MHD_add_response_header(resp, MHD_HTTP_HEADER_CONTENT_TYPE,
				reply->type ? reply->type : "application/json");
	if (reply->rate_known) {
		header_u32(resp, "RateLimit-Limit", reply->rate_limit);
		header_u32(resp, "RateLimit-Remaining", reply->rate_left);
		header_u32(resp, "RateLimit-Reset", reply->rate_reset_s);
	}
	if (reply->retry_s)
		header_u32(resp, MHD_HTTP_HEADER_RETRY_AFTER, reply->retry_s);
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
	enum ld_step step = c->req.resume ? c->req.resume(&c->req) : ld_api(&c->req);

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

/* libmicrohttpd's entry: once for the head, then for pieces of the body, then for the answer. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *n, void **ctx)
{
	struct ld_http *h = cls;
	struct call *c = *ctx;

	(void)version;
	if (!c) {
		c = call_new(h, conn, url, method);
		if (!c)
			return MHD_NO;
		*ctx = c;
		atomic_fetch_add(&h->node->guard.requests, 1);
		if (c->too_long)
			return refuse(c, MKT_ELIMIT, "the body is too long",
				      MHD_HTTP_CONTENT_TOO_LARGE);
		if (c->busy)
			return refuse(c, MKT_EBUSY, "too much is being sent at once",
				      MHD_HTTP_SERVICE_UNAVAILABLE);
		return MHD_YES;
	}
	if (*n) {
		/* A body without a length may yet turn out too long: read on, keep nothing. */
		if (c->req.body.len + *n > h->conf->body_bytes)
			c->too_long = true;
		else
			mkt_buf_add(&c->req.body, data, *n);
		*n = 0;
		return MHD_YES;
	}
	if (c->too_long)
		return refuse(c, MKT_ELIMIT, "the body is too long", MHD_HTTP_CONTENT_TOO_LARGE);
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
	if (c)
		call_free(c);
	*ctx = NULL;
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *addr, socklen_t len)
{
	struct ld_http *h = cls;

	(void)addr;
	(void)len;
	return atomic_load(&h->quiet) ? MHD_NO : MHD_YES;
}

/* ---- listening ----------------------------------------------------------------------------- */

static int listen_local(const struct ld_conf *conf, int *out, struct mkt_err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(conf->socket);
	int fd, probe;

	if (n >= sizeof(sa.sun_path))
		return mkt_err_set(err, MKT_EINVAL, "the path '%s' is too long for a socket",
				   conf->socket);
	memcpy(sa.sun_path, conf->socket, n + 1);
	/* A socket left by a crash answers nobody and may go; one that is answered is another's. */
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe >= 0 && !connect(probe, (struct sockaddr *)&sa, sizeof(sa))) {
		close(probe);
		return mkt_err_set(err, MKT_ELOCKED, "another process listens on '%s'",
				   conf->socket);
	}
	if (probe >= 0) {
		if (errno == ECONNREFUSED)
			unlink(conf->socket);
		close(probe);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make a socket");
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(conf->socket, conf->socket_mode) < 0 || listen(fd, BACKLOG) < 0) {
		int e = errno;

		close(fd);
		return mkt_err_sys(err, e == EADDRINUSE ? MKT_ELOCKED : MKT_EIO, e,
				   "cannot listen on '%s'", conf->socket);
	}
	*out = fd;
	return 0;
}

/* "127.0.0.1:7460", "[::1]:7460", "localhost:7460" */
static int resolve(const char *text, struct addrinfo **out, struct mkt_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	char host[LD_PATH_MAX];
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	int res;

	if (n < 1 || n >= sizeof(host) || !colon[1])
		return mkt_err_set(err, MKT_EINVAL, "'%s' is not HOST:PORT", text);
	memcpy(host, text, n);
	host[n] = 0;
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = 0;
		memmove(host, host + 1, n - 1);
	}
	res = getaddrinfo(host, colon + 1, &hints, out);
	if (res)
		return mkt_err_set(err, MKT_EINVAL, "cannot listen on '%s': %s", text,
				   gai_strerror(res));
	return 0;
}

static int listen_tcp(const struct ld_conf *conf, int *out, struct mkt_err *err)
{
	struct addrinfo *ai;
	int res = resolve(conf->listen, &ai, err);
	int one = 1, fd, e;

	if (res < 0)
		return res;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	res = fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0 ? -1
											     : 0;
	e = errno;
	freeaddrinfo(ai);
	if (res < 0) {
		if (fd >= 0)
			close(fd);
		return mkt_err_sys(err, e == EADDRINUSE ? MKT_ELOCKED : MKT_EIO, e,
				   "cannot listen on '%s'", conf->listen);
	}
	*out = fd;
	return 0;
}

static void log_mhd(void *cls, const char *fmt, va_list ap)
{
	char line[512];

	(void)cls;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	mkt_log(MKT_LOG_DEBUG, "http: %s", line);
}

static struct MHD_Daemon *start_daemon(struct ld_http *h, int fd)
{
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
			 MHD_USE_ERROR_LOG;

	return MHD_start_daemon(
		flags, 0, on_accept, h, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
		h->conf->threads > 1 ? h->conf->threads : 0, MHD_OPTION_CONNECTION_LIMIT,
		h->conf->connections, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
}

int ld_http_start(struct ld_node *n, const struct ld_conf *conf, struct ld_http **out,
		  struct mkt_err *err)
{
	struct ld_http *h = calloc(1, sizeof(*h));
	int res = 0;

	if (!h)
		return mkt_err_code(err, MKT_ENOMEM);
	h->node = n;
	h->conf = conf;
	h->local_fd = h->tcp_fd = -1;
	if (conf->socket[0])
		res = listen_local(conf, &h->local_fd, err);
	if (!res && conf->listen[0])
		res = listen_tcp(conf, &h->tcp_fd, err);
	if (!res && h->local_fd >= 0) {
		h->local = start_daemon(h, h->local_fd);
		if (!h->local)
			res = mkt_err_set(err, MKT_EIO, "cannot start the HTTP server on '%s'",
					  conf->socket);
		else
			h->local_fd = -1;
	}
	if (!res && h->tcp_fd >= 0) {
		h->tcp = start_daemon(h, h->tcp_fd);
		if (!h->tcp)
			res = mkt_err_set(err, MKT_EIO, "cannot start the HTTP server on '%s'",
					  conf->listen);
		else
			h->tcp_fd = -1;
	}
	if (res < 0) {
		ld_http_stop(h);
		return res;
	}
	*out = h;
	return 0;
}

void ld_http_quiesce(struct ld_http *h)
{
	atomic_store(&h->quiet, true);
}

void ld_http_stop(struct ld_http *h)
{
	if (!h)
		return;
	if (h->local)
		MHD_stop_daemon(h->local);
	if (h->tcp)
		MHD_stop_daemon(h->tcp);
	if (h->local_fd >= 0)
		close(h->local_fd);
	if (h->tcp_fd >= 0)
		close(h->tcp_fd);
	if (h->local)
		unlink(h->conf->socket);
	free(h);
}
