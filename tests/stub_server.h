/*
 * A server of canned answers on a unix socket, for tests of core/wire.  Each
 * step serves one request; requests and connections are kept for the test to look at.
 */
#ifndef TESTS_STUB_SERVER_H
#define TESTS_STUB_SERVER_H

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "tests/tmpdir.h"

struct stub_step {
	const char *reply; /* whole answer; NULL: none */
	bool hang_up;	   /* close after it */
	bool refuse;	   /* close without having read */
	bool mute;	   /* read, then never answer */
	bool close;	   /* read, then nobody listens any more */
};

#define STUB_STEPS_MAX 16

struct stub {
	char dir[PATH_MAX], path[108], server[128];
	const struct stub_step *steps;
	unsigned nsteps;
	int fd;
	pthread_t thread;
	unsigned connections;
	char request[STUB_STEPS_MAX][2048];
	unsigned nrequests;
};

/* Head and body of one request; false at the end of the connection. */
static inline bool stub_read(int fd, char *out, size_t size)
{
	size_t n = 0;

	memset(out, 0, size);
	for (;;) {
		char *body = strstr(out, "\r\n\r\n"), *len = strcasestr(out, "content-length:");
		ssize_t got;

		if (body && n >= (size_t)(body + 4 - out) + (len ? strtoul(len + 15, NULL, 10) : 0))
			return true;
		got = read(fd, out + n, size - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
}

static inline void stub_connection(struct stub *s, int fd, unsigned *at)
{
	while (*at < s->nsteps) {
		const struct stub_step *step = &s->steps[*at];

		if (step->refuse) {
			(*at)++;
			return;
		}
		if (!stub_read(fd, s->request[s->nrequests], sizeof(s->request[0])))
			return;
		s->nrequests++;
		(*at)++;
		if (step->close)
			unlink(s->path);
		if (step->mute) {
			char c;

			while (read(fd, &c, 1) > 0)
				;
			return;
		}
		if (step->reply && write(fd, step->reply, strlen(step->reply)) < 0)
			return;
		if (!step->reply || step->hang_up)
			return;
	}
}

static inline void *stub_main(void *arg)
{
	struct stub *s = arg;
	unsigned at = 0;
	int fd;

	while (at < s->nsteps && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->connections++;
		stub_connection(s, fd, &at);
		close(fd);
	}
	return NULL;
}

static inline bool stub_start(struct stub *s, const struct stub_step *steps, unsigned n)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memset(s, 0, sizeof(*s));
	s->steps = steps;
	s->nsteps = n;
	tmpdir_make(s->dir, "stub");
	snprintf(s->path, sizeof(s->path), "%.100s/s", s->dir);
	snprintf(s->server, sizeof(s->server), "unix:%s", s->path);
	memcpy(a.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return s->fd >= 0 && !bind(s->fd, (struct sockaddr *)&a, sizeof(a)) && !listen(s->fd, 16) &&
	       !pthread_create(&s->thread, NULL, stub_main, s);
}

/* All clients are gone: wait for the thread, then requests may be read. */
static inline void stub_stop(struct stub *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	unlink(s->path);
	rmdir(s->dir);
}

#endif
