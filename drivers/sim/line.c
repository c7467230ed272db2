/* A pty, a TCP port or a UDP port. */
#include "core/base/compat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/sim/line.h"
#include "drivers/sim/script.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- pty ----------------------------------------------------------------------------------- */

/* Make the link point to the pty, in one step for whoever looks. */
static int link_pty(struct sim_line *l, const char *pts, struct mkt_err *err)
{
	char tmp[sizeof(l->where) + 16];

	snprintf(tmp, sizeof(tmp), "%s.%ld", l->where, (long)getpid());
	unlink(tmp);
	if (symlink(pts, tmp) < 0 || rename(tmp, l->where) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make the link '%s'", l->where);
	return 0;
}

/* A pty in raw mode. */
static int new_pty(int *master, int *slave)
{
	struct termios t;

	if (openpty(master, slave, NULL, NULL, NULL) < 0)
		return -1;
	tcgetattr(*slave, &t);
	cfmakeraw(&t);
	tcsetattr(*slave, TCSANOW, &t);
	fcntl(*master, F_SETFL, O_NONBLOCK);
	fcntl(*master, F_SETFD, FD_CLOEXEC);
	fcntl(*slave, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int open_pty(struct sim_line *l, struct mkt_err *err)
{
	char pts[64];

	if (l->fd < 0 && new_pty(&l->fd, &l->slave) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make a pty");
	if (ttyname_r(l->slave, pts, sizeof(pts)))
		return mkt_err_set(err, MKT_EIO, "the pty has no name");
	l->anew = true;
	if (l->linked)
		return link_pty(l, pts, err);
	snprintf(l->where, sizeof(l->where), "%s", pts);
	return 0;
}

/* ---- sockets ------------------------------------------------------------------------------- */

static int parse_address(struct sockaddr_in *a, const char *where, struct mkt_err *err)
{
	const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
	char host[64] = "127.0.0.1";
	uint64_t n;

	if (colon && (size_t)(colon - where) < sizeof(host))
		snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	*a = (struct sockaddr_in){.sin_family = AF_INET};
	if (inet_pton(AF_INET, host, &a->sin_addr) != 1)
		return mkt_err_set(err, MKT_EUSAGE, "'%s': '%s' is no IPv4 address", where, host);
	if (!sim_number(port, strlen(port), &n) || n > UINT16_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "'%s': '%s' is no port", where, port);
	a->sin_port = htons((uint16_t)n);
	return 0;
}

/* A socket bound to l->addr, which learns the port that was taken; or -1. */
static int bind_socket(struct sim_line *l, int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	socklen_t len = sizeof(l->addr);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&l->addr, sizeof(l->addr)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 4) < 0) ||
	    getsockname(fd, (struct sockaddr *)&l->addr, &len) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int open_socket(struct sim_line *l, struct mkt_err *err)
{
	int fd = bind_socket(l, l->kind == SIM_LINE_TCP ? SOCK_STREAM : SOCK_DGRAM);

	if (fd < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot listen on port %u",
				   ntohs(l->addr.sin_port));
	*(l->kind == SIM_LINE_TCP ? &l->listener : &l->fd) = fd;
	return 0;
}

/* One client at a time: the next waits until this one has gone. */
static void accept_client(struct sim_line *l)
{
	l->fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	l->anew |= l->fd >= 0;
}

/* ---- the line ------------------------------------------------------------------------------ */

static int open_again(struct sim_line *l, struct mkt_err *err)
{
	l->back_ms = 0;
	return l->kind == SIM_LINE_PTY ? open_pty(l, err) : open_socket(l, err);
}

int sim_line_open(struct sim_line *l, enum sim_line_kind kind, const char *where,
		  struct mkt_err *err)
{
	int r = 0;

	*l = (struct sim_line){.kind = kind, .fd = -1, .slave = -1, .listener = -1};
	if (strlen(where) >= sizeof(l->where))
		return mkt_err_set(err, MKT_EUSAGE, "'%.40s...' is too long", where);
	snprintf(l->where, sizeof(l->where), "%s", where);
	l->linked = kind == SIM_LINE_PTY && *where;
	if (kind != SIM_LINE_PTY)
		r = parse_address(&l->addr, where, err);
	if (r >= 0)
		r = open_again(l, err);
	if (r < 0)
		sim_line_close(l);
	return r;
}

void sim_line_close(struct sim_line *l)
{
	char to[64], pts[64] = "";
	ssize_t n = l->linked ? readlink(l->where, to, sizeof(to) - 1) : -1;

	if (n > 0 && l->slave >= 0 && !ttyname_r(l->slave, pts, sizeof(pts))) {
		to[n] = '\0';
		if (!strcmp(to, pts))
			unlink(l->where);
	}
	close_fd(&l->fd);
	close_fd(&l->slave);
	close_fd(&l->listener);
	mkt_buf_release(&l->out.bytes);
	l->out.n = 0;
}

void sim_line_name(const struct sim_line *l, char *out, size_t size)
{
	char host[INET_ADDRSTRLEN] = "";

	if (l->kind == SIM_LINE_PTY) {
		snprintf(out, size, "%s", l->where);
		return;
	}
	inet_ntop(AF_INET, &l->addr.sin_addr, host, sizeof(host));
	snprintf(out, size, "%s:%s:%u", l->kind == SIM_LINE_TCP ? "tcp" : "udp", host,
		 ntohs(l->addr.sin_port));
}

int sim_line_fd(const struct sim_line *l)
{
	if (l->back_ms)
		return -1;
	return l->kind == SIM_LINE_TCP && l->fd < 0 ? l->listener : l->fd;
}

size_t sim_line_read(struct sim_line *l, uint8_t *buf, size_t size)
{
	socklen_t len = sizeof(l->peer);
	ssize_t n;

	if (l->back_ms)
		return 0;
	if (l->kind == SIM_LINE_TCP && l->fd < 0)
		accept_client(l);
	if (l->fd < 0)
		return 0;
	if (l->kind == SIM_LINE_UDP) {
		n = recvfrom(l->fd, buf, size, 0, (struct sockaddr *)&l->peer, &len);
		return n > 0 ? (size_t)n : 0;
	}
	n = read(l->fd, buf, size);
	if (l->kind == SIM_LINE_TCP && (!n || (n < 0 && errno != EAGAIN && errno != EINTR))) {
		close_fd(&l->fd);
		sim_queue_clear(&l->out);
	}
	/* A host that was killed leaves its lock on a pty, which a real port would lose. */
	if (l->kind == SIM_LINE_PTY)
		ioctl(l->slave, TIOCNXCL);
	return n > 0 ? (size_t)n : 0;
}

/* What does not go out at once is lost: nobody listens. */
static void put(const struct sim_line *l, const uint8_t *bytes, size_t n)
{
	ssize_t r = 0;

	if (l->fd < 0 || l->back_ms)
		return;
	if (l->kind == SIM_LINE_PTY)
		r = write(l->fd, bytes, n);
	else if (l->kind == SIM_LINE_TCP)
		r = send(l->fd, bytes, n, MSG_NOSIGNAL);
	else if (l->peer.sin_port)
		r = sendto(l->fd, bytes, n, 0, (const struct sockaddr *)&l->peer, sizeof(l->peer));
	(void)r;
}

void sim_line_run(struct sim_line *l, uint64_t real_ms)
{
	const uint8_t *bytes;
	size_t n;

	if (l->back_ms && real_ms >= l->back_ms && open_again(l, NULL) < 0)
		l->back_ms = real_ms + 1000;
	while ((bytes = sim_queue_first(&l->out, real_ms, &n))) {
		put(l, bytes, n);
		sim_queue_drop(&l->out);
	}
}

uint64_t sim_line_next(const struct sim_line *l)
{
	uint64_t next = sim_queue_next(&l->out);

	return l->back_ms && l->back_ms < next ? l->back_ms : next;
}

void sim_line_hangup(struct sim_line *l, uint64_t back_ms)
{
	int master = -1, slave = -1;

	/* The next pty is taken before this one goes, so that it has another name. */
	if (l->kind == SIM_LINE_PTY && new_pty(&master, &slave) < 0)
		master = -1;
	if (l->linked)
		unlink(l->where);
	close_fd(&l->fd);
	close_fd(&l->slave);
	close_fd(&l->listener);
	sim_queue_clear(&l->out);
	l->back_ms = back_ms;
	l->fd = master;
	l->slave = slave;
}
