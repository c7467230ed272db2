/*
 * Links over UDP: one write and one read is one datagram.  Only the host that was
 * named is heard; when it is a multicast group, everybody who answers is.
 */
#include "core/base/compat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "drivers/link_impl.h"

#define UDP_PORT "3610" /* ECHONET Lite */

struct udp {
	struct sockaddr_storage to;
	socklen_t to_len;
	bool group; /* @to is one: anybody may answer */
};

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		       &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr));
}

static void drop(struct drv_link *l, const struct sockaddr_storage *from, socklen_t len,
		 const char *why)
{
	char host[INET6_ADDRSTRLEN] = "?";

	getnameinfo((const struct sockaddr *)from, len, host, sizeof(host), NULL, 0,
		    NI_NUMERICHOST);
	link_remark(l, "dropped a datagram of %s: %s", host, why);
}

static int udp_read(struct drv_link *l, void *buf, size_t size, struct mkt_err *err)
{
	const struct udp *u = l->priv;

	for (;;) {
		struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(l->fd, buf, size, MSG_TRUNC, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : link_lost(l, errno, err);
		if (!u->group && !same_host(&from, &u->to))
			drop(l, &from, len, "not the configured host");
		else if ((size_t)n > size)
			drop(l, &from, len, "too long");
		else if (n > 0)
			return (int)n;
	}
}

static int udp_write(struct drv_link *l, const void *bytes, size_t n, struct mkt_err *err)
{
	const struct udp *u = l->priv;
	ssize_t w;

	do
		w = sendto(l->fd, bytes, n, MSG_NOSIGNAL, (const struct sockaddr *)&u->to,
			   u->to_len);
	while (w < 0 && errno == EINTR);
	if (w >= 0)
		return (int)n;
	return errno == EAGAIN ? 0 : link_lost(l, errno, err);
}

static void udp_close(struct drv_link *l)
{
	free(l->priv);
	l->priv = NULL;
}

static int look_up(const struct drv_link *l, const struct link_host *h, int family, int flags,
		   struct sockaddr_storage *out, socklen_t *len, struct mkt_err *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM, .ai_family = family, .ai_flags = flags};
	struct addrinfo *list;
	int r = getaddrinfo(h->host[0] ? h->host : NULL, h->port[0] ? h->port : UDP_PORT, &hints,
			    &list);

	if (r)
		return mkt_err_set(err, MKT_EDEVLOST, "cannot find '%s' of '%s': %s", h->host,
				   l->port, gai_strerror(r));
	memcpy(out, list->ai_addr, list->ai_addrlen);
	*len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

/* Hear and speak to the group through the interface of @local. */
static int join(const struct drv_link *l, const struct udp *u, struct in_addr local,
		struct mkt_err *err)
{
	struct ip_mreq m = {((const struct sockaddr_in *)&u->to)->sin_addr, local};

	if (setsockopt(l->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) < 0 ||
	    setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof(local)) < 0)
		return mkt_err_sys(err, MKT_EDEVLOST, errno, "cannot join the group of '%s'",
				   l->port);
	return 0;
}

static int bind_local(struct drv_link *l, const struct udp *u, const struct link_host *local,
		      struct mkt_err *err)
{
	struct in_addr at = {INADDR_ANY};
	struct sockaddr_storage a;
	socklen_t len;
	int one = 1;
	int r = look_up(l, local, u->to.ss_family, AI_PASSIVE, &a, &len, err);

	if (r < 0)
		return r;
	if (u->group) {
		/* A socket bound to one address does not hear the group. */
		at = ((struct sockaddr_in *)&a)->sin_addr;
		((struct sockaddr_in *)&a)->sin_addr.s_addr = INADDR_ANY;
	}
	l->fd = socket(a.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return mkt_err_sys(err, MKT_EDEVLOST, errno, "cannot open '%s'", l->port);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&a, len) < 0)
		return mkt_err_sys(err, MKT_EDEVLOST, errno, "cannot bind %s port %s of '%s'",
				   local->host, local->port[0] ? local->port : UDP_PORT, l->port);
	return u->group ? join(l, u, at, err) : 0;
}

static bool is_group(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET &&
	       IN_MULTICAST(ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr));
}

int link_udp_open(struct drv_link *l, const char *where, struct mkt_err *err)
{
	static const struct link_ops ops = {udp_read, udp_write, udp_close};
	size_t n = strcspn(where, ",");
	struct link_host host, local = {"", ""};
	struct udp *u;
	int r = link_host_parse(where, n, &host, err);

	if (r >= 0 && where[n])
		r = link_host_parse(where + n + 1, strlen(where + n + 1), &local, err);
	if (r < 0)
		return r;
	u = calloc(1, sizeof(*u));
	if (!u)
		return mkt_err_code(err, MKT_ENOMEM);
	l->priv = u;
	l->ops = &ops;
	l->datagram = true;
	r = look_up(l, &host, AF_UNSPEC, 0, &u->to, &u->to_len, err);
	if (r < 0)
		return r;
	u->group = is_group(&u->to);
	return bind_local(l, u, &local, err);
}
