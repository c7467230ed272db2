/*
 * Serial ports: found by name, locked, and set up by libserialport, or by plain
 * termios where that refuses.
 *
 * The descriptor that is opened first carries the lock until the end; the
 * library opens the port a second time for itself.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/link_impl.h"

#define LAST_WORD_MS 300 /* what was written last may leave before the port is closed */

struct serial {
	struct sp_port *sp; /* NULL: plain termios on @lock */
	int lock;
	bool changed;	    /* @before is to be restored */
	struct termios before;
};

/* ---- names ---------------------------------------------------------------------------------- */

/* The device node of @port now; a link leads elsewhere after re-plugging. */
static int resolve(const char *port, char path[PATH_MAX], struct mkt_err *err)
{
	char found[DRV_PORT_MAX + 1];
	int r;

	if (!strncmp(port, "usb:", 4)) {
		r = link_port_by_usb(port, found, err);
		if (r < 0)
			return r;
		port = found;
	}
	if (realpath(port, path))
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return mkt_err_set(err, MKT_EDEVABSENT, "there is no port '%s'", port);
	return mkt_err_sys(err, MKT_EDEVLOST, errno, "cannot open '%s'", port);
}

static bool in_class_tty(const char *path)
{
	const char *name = strrchr(path, '/');
	char node[PATH_MAX + 16];

	snprintf(node, sizeof(node), "/sys/class/tty/%s", name ? name + 1 : path);
	return access(node, F_OK) == 0;
}

/* ---- locks ---------------------------------------------------------------------------------- */

static int locked_by(const char *port, const char *path, struct mkt_err *err)
{
	char holder[LINK_HOLDER_MAX];

	if (link_port_locker(path, holder) || link_port_user(path, holder))
		return mkt_err_set(err, MKT_ELINELOCKED, "'%s' is held by %s", port, holder);
	return mkt_err_set(err, MKT_ELINELOCKED, "'%s' is held by another process", port);
}

static int open_failed(const char *port, const char *path, int errnum, struct mkt_err *err)
{
	int r;

	switch (errnum) {
	case EBUSY:
		return locked_by(port, path, err);
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return mkt_err_sys(err, MKT_EDEVABSENT, errnum, "there is no port '%s'", port);
	default:
		r = mkt_err_sys(err, MKT_EDEVLOST, errnum, "cannot open '%s'", port);
		if (errnum == EACCES)
			mkt_err_hint(err, "serial ports belong to group dialout: "
					  "join it, log out and in again");
		return r;
	}
}

static int open_locked(const char *port, const char *path, int *out, struct mkt_err *err)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char holder[LINK_HOLDER_MAX];
	int r = 0;

	if (fd < 0)
		return open_failed(port, path, errno, err);
	if (!isatty(fd))
		r = mkt_err_set(err, MKT_EINVAL, "'%s' is not a serial port", port);
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = locked_by(port, path, err);
	/* Two readers steal each other's bytes, and not everybody locks. */
	else if (in_class_tty(path) && link_port_user(path, holder))
		r = mkt_err_set(err, MKT_ELINELOCKED, "'%s' is open in %s", port, holder);
	if (r < 0)
		close(fd);
	else
		*out = fd;
	return r;
}

/* ---- settings ------------------------------------------------------------------------------- */

static int sp_refused(const char *port, const char *what, struct mkt_err *err)
{
	char *why = sp_last_error_message();
	int r = mkt_err_set(err, MKT_EINVAL, "cannot set %s of '%s': %s", what, port,
			    why ? why : "refused");

	sp_free_error_message(why);
	return r;
}

static int sp_setup(struct sp_port *sp, const struct drv_line *line, const char *port,
		    struct mkt_err *err)
{
	enum sp_parity parity = line->parity == 'E'   ? SP_PARITY_EVEN
				: line->parity == 'O' ? SP_PARITY_ODD
						      : SP_PARITY_NONE;

	if (sp_set_baudrate(sp, (int)(line->speed ? line->speed : LINK_SPEED_DEFAULT)) != SP_OK)
		return sp_refused(port, "the speed", err);
	if (sp_set_bits(sp, line->data_bits ? line->data_bits : 8) != SP_OK ||
	    sp_set_parity(sp, parity) != SP_OK ||
	    sp_set_stopbits(sp, line->stop_bits ? line->stop_bits : 1) != SP_OK)
		return sp_refused(port, "frame and parity", err);
	if (sp_set_flowcontrol(sp, SP_FLOWCONTROL_NONE) != SP_OK)
		return sp_refused(port, "flow control", err);
	return 0;
}

/* 0 and l->fd, -MKT_EINVAL for settings, or 1: the library does not want this port. */
static int by_library(struct drv_link *l, struct serial *s, const char *path,
		      const struct drv_line *line, struct mkt_err *err)
{
	int fd;

	if (sp_get_port_by_name(path, &s->sp) != SP_OK)
		return 1;
	if (sp_open(s->sp, SP_MODE_READ_WRITE) != SP_OK) {
		sp_free_port(s->sp);
		s->sp = NULL;
		return 1;
	}
	if (sp_get_port_handle(s->sp, &fd) != SP_OK)
		return sp_refused(l->port, "the descriptor", err);
	l->fd = fd;
	return sp_setup(s->sp, line, l->port, err);
}

static int set_up(struct drv_link *l, struct serial *s, const char *path,
		  const struct drv_line *line, struct mkt_err *err)
{
	int r = 1;

	if (tcgetattr(s->lock, &s->before) < 0)
		return mkt_err_sys(err, MKT_EINVAL, errno, "'%s' is not a serial port", l->port);
	s->changed = true;
	if (in_class_tty(path))
		r = by_library(l, s, path, line, err);
	if (r < 0)
		return r;
	if (r == 0) {
		r = link_tty_raw(l->fd, l->port, err);
	} else {
		l->fd = s->lock;
		r = link_tty_setup(l->fd, line, l->port, err);
	}
	if (r < 0)
		return r;
	ioctl(s->lock, TIOCEXCL);
	tcflush(l->fd, TCIFLUSH);
	return 0;
}

/* ---- open and close ------------------------------------------------------------------------- */

/* The kernel's close may wait half a minute for bytes that nobody takes: never longer than this. */
static void let_leave(int fd)
{
	uint64_t end_ms = drv_now_ms() + LAST_WORD_MS;
	int left = 0;

	while (ioctl(fd, TIOCOUTQ, &left) == 0 && left > 0 && drv_now_ms() < end_ms)
		drv_sleep_ms(5);
	if (left > 0)
		tcflush(fd, TCOFLUSH);
}

static void serial_close(struct drv_link *l)
{
	struct serial *s = l->priv;

	if (!s)
		return;
	if (l->fd >= 0)
		let_leave(l->fd);
	if (s->changed) {
		s->before.c_cflag &= ~(tcflag_t)HUPCL; /* a board may restart when DTR falls */
		tcsetattr(s->lock, TCSANOW, &s->before);
		ioctl(s->lock, TIOCNXCL);
	}
	if (s->sp) {
		sp_close(s->sp);
		sp_free_port(s->sp);
	}
	l->fd = -1;
	close(s->lock);
	free(s);
	l->priv = NULL;
}

int link_serial_open(struct drv_link *l, const char *port, const struct drv_line *line,
		     struct mkt_err *err)
{
	static const struct link_ops ops = {link_fd_read, link_fd_write, serial_close};
	struct serial *s;
	char path[PATH_MAX];
	int lock = -1, r = resolve(port, path, err);

	if (r >= 0)
		r = open_locked(port, path, &lock, err);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(lock);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	s->lock = lock;
	l->priv = s;
	l->ops = &ops;
	l->byte_us = link_tty_byte_us(line);
	return set_up(l, s, path, line, err);
}
