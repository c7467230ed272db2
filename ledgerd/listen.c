#include "core/base/compat.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ledgerd/conf.h"
#include "ledgerd/listen.h"

#define BACKLOG 1024

int ld_listen_unix(const char *path, uint32_t mode, int *out, struct mkt_err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd, probe;

	if (n >= sizeof(sa.sun_path))
		return mkt_err_set(err, MKT_EINVAL, "the path '%s' is too long for a socket", path);
	memcpy(sa.sun_path, path, n + 1);
	/* A socket left by a crash answers nobody and may go; one that is answered is another's. */
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe >= 0 && !connect(probe, (struct sockaddr *)&sa, sizeof(sa))) {
		close(probe);
		return mkt_err_set(err, MKT_ELOCKED, "another process listens on '%s'", path);
	}
	if (probe >= 0) {
		if (errno == ECONNREFUSED)
			unlink(path);
		close(probe);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make a socket");
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, mode) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int e = errno;

		close(fd);
		return mkt_err_sys(err, e == EADDRINUSE ? MKT_ELOCKED : MKT_EIO, e,
				   "cannot listen on '%s'", path);
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

int ld_listen_tcp(const char *text, int *out, struct mkt_err *err)
{
	struct addrinfo *ai;
	int res = resolve(text, &ai, err);
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
				   "cannot listen on '%s'", text);
	}
	*out = fd;
	return 0;
}
