#include "core/base/compat.h"

#include <errno.h> /* the program's name */
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/app/log.h"

#define LINE_MAX_BYTES 1024

static _Atomic int level_max = MKT_LOG_INFO;

void mkt_log_level(enum mkt_level max)
{
	atomic_store(&level_max, (int)max);
}

static const char *level_name(enum mkt_level level)
{
	switch (level) {
	case MKT_LOG_ERROR:
		return "error";
	case MKT_LOG_WARNING:
		return "warning";
	case MKT_LOG_NOTICE:
		return "notice";
	case MKT_LOG_INFO:
		return "info";
	case MKT_LOG_DEBUG:
		break;
	}
	return "debug";
}

/* One write(2) a line, so that lines of two threads never mix. */
void mkt_log(enum mkt_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	int at, more;
	ssize_t done;

	if ((int)level > atomic_load(&level_max))
		return;
	if (getenv("JOURNAL_STREAM"))
		at = snprintf(line, sizeof(line), "<%d>", (int)level);
	else
		at = snprintf(line, sizeof(line), "%.32s: %s: ", program_invocation_short_name,
			      level_name(level));
	va_start(ap, fmt);
	more = vsnprintf(line + at, sizeof(line) - (size_t)at - 1, fmt, ap);
	va_end(ap);
	if (more < 0)
		return;
	at += more;
	if (at > (int)sizeof(line) - 2)
		at = (int)sizeof(line) - 2;
	line[at++] = '\n';
	done = write(STDERR_FILENO, line, (size_t)at);
	(void)done; /* nobody is left to tell */
}

void mkt_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(sa.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sa.sun_path, path, n);
	if (path[0] == '@')
		sa.sun_path[0] = 0; /* abstract name */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		mkt_log(MKT_LOG_DEBUG, "cannot tell the service manager '%s'", state);
	close(fd);
}
