/* Links over TCP: serial servers, Modbus TCP; and the parsing of hosts, for UDP as well. */
#include "core/base/compat.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/link_impl.h"

/* A dead peer is noticed within half a minute, even on a line that only listens. */
#define ALIVE_IDLE_S 10
#define ALIVE_EVERY_S 5
#define ALIVE_PROBES 3
#define UNACKNOWLEDGED_MS 20000

static int bad_host(const char *s, size_t n, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINVAL, "'%.*s' is not HOST:PORT", (int)n, s);
}

int link_host_parse(const char *s, size_t n, struct link_host *out, struct mkt_err *err)
{
	const char *end = s + n, *host = s, *host_end, *port;
	bool bracket = n && s[0] == '[';

	if (bracket) {
		host++;
		host_end = memchr(s, ']', n);
		port = host_end ? host_end + 1 : NULL;
	} else {
		host_end = memchr(s, ':', n);
		host_end = host_end ? host_end : end;
		port = host_end;
	}
	if (!host_end || host_end == host || (size_t)(host_end - host) >= sizeof(out->host))
		return bad_host(s, n, err);
	if (port < end && (*port != ':' || end - port < 2 || end - port > 6))
		return bad_host(s, n, err);
	for (const char *p = port + 1; p < end; p++)
		if (*p < '0' || *p > '9')
			return bad_host(s, n, err);
	snprintf(out->host, sizeof(out->host), "%.*s", (int)(host_end - host), host);
	snprintf(out->port, sizeof(out->port), "%.*s", port < end ? (int)(end - port - 1) : 0,
		 port < end ? port + 1 : "");
	return 0;
}

static int tcp_write(struct drv_link *l, const void *bytes, size_t n, struct mkt_err *err)
{
	ssize_t w;

	do
		w = send(l->fd, bytes, n, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w >= 0)
		return (int)w;
	return errno == EAGAIN ? 0 : link_lost(l, errno, err);
}

static void tcp_close(struct drv_link *l)
{
	(void)l;
}

static void set_int(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

static void tune(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_EVERY_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, ALIVE_PROBES);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
}

/* 0 or an errno; never longer than until @deadline_ms. */
static int connect_by(int fd, const struct addrinfo *a, uint64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int why = 0;

	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	for (;;) {
		uint64_t now_ms = drv_now_ms();
		int n = poll(&p, 1, now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0);

		if (n > 0)
			break;
		if (now_ms >= deadline_ms)
			return ETIMEDOUT;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0 ? errno : why;
}

static int connect_any(struct drv_link *l, const struct addrinfo *list, struct mkt_err *err)
{
	uint64_t deadline_ms = drv_now_ms() + LINK_CONNECT_MS;
	int why = EADDRNOTAVAIL;

	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		why = fd < 0 ? errno : connect_by(fd, a, deadline_ms);
		if (!why) {
			l->fd = fd;
			return 0;
		}
		if (fd >= 0)
			close(fd);
	}
	return mkt_err_sys(err, MKT_EDEVLOST, why, "cannot connect to '%s'", l->port);
}

int link_tcp_open(struct drv_link *l, const char *where, struct mkt_err *err)
{
	static const struct link_ops ops = {link_fd_read, tcp_write, tcp_close};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	struct link_host h;
	int r = link_host_parse(where, strlen(where), &h, err);

	if (r < 0)
		return r;
	if (!h.port[0])
		return bad_host(where, strlen(where), err);
	r = getaddrinfo(h.host, h.port, &hints, &list);
	if (r)
		return mkt_err_set(err, MKT_EDEVLOST, "cannot find the host of '%s': %s", l->port,
				   gai_strerror(r));
	l->ops = &ops;
	l->tcp = true;
	r = connect_any(l, list, err);
	freeaddrinfo(list);
	if (r >= 0)
		tune(l->fd);
	return r;
}
