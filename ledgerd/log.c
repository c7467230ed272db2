#include "core/base/compat.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ledgerd/log.h"

#define LINE_MAX_BYTES 1024

static _Atomic int level_max = LD_INFO;

void ld_log_level(enum ld_level max)
{
	atomic_store(&level_max, (int)max);
}

static const char *level_name(enum ld_level level)
{
	switch (level) {
	case LD_ERROR:
		return "error";
	case LD_WARNING:
		return "warning";
	case LD_NOTICE:
		return "notice";
	case LD_INFO:
		return "info";
	case LD_DEBUG:
		break;
	}
	return "debug";
}

/* One write(2) a line, so that lines of two threads never mix. */
void ld_log(enum ld_level level, const char *fmt, ...)
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
		at = snprintf(line, sizeof(line), "ledgerd: %s: ", level_name(level));
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

void ld_notify(const char *state)
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
		ld_log(LD_DEBUG, "cannot tell the service manager '%s'", state);
	close(fd);
}
