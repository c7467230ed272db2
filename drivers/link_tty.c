/* Terminal settings by termios alone: ptys, and whatever libserialport refuses. */
#include "core/base/compat.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "drivers/link_impl.h"

#define PTY_MAJOR_FIRST 136 /* Unix98 pty slaves: Documentation/admin-guide/devices.txt */
#define PTY_MAJOR_LAST 143

static const struct {
	uint32_t baud;
	speed_t code;
} speeds[] = {
	{300, B300},	   {600, B600},	      {1200, B1200},	 {2400, B2400},
	{4800, B4800},	   {9600, B9600},     {19200, B19200},	 {38400, B38400},
	{57600, B57600},   {115200, B115200}, {230400, B230400}, {460800, B460800},
	{921600, B921600},
};

uint32_t link_tty_byte_us(const struct drv_line *line)
{
	uint32_t bits = 1u + (line->data_bits ? line->data_bits : 8u) +
			(line->parity == 'E' || line->parity == 'O') +
			(line->stop_bits == 2 ? 2u : 1u);

	return bits * 1000000u / (line->speed ? line->speed : LINK_SPEED_DEFAULT);
}

/* A pty has no parity and eight bits: the kernel clears what else is asked for. */
static bool is_pty(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && major(st.st_rdev) >= PTY_MAJOR_FIRST &&
	       major(st.st_rdev) <= PTY_MAJOR_LAST;
}

/* Bytes as they are, no flow control; all but speed and frame. */
static void make_raw(struct termios *t)
{
	tcflag_t frame = t->c_cflag;

	cfmakeraw(t);
	t->c_iflag &= ~(tcflag_t)(INPCK | IXOFF | IXANY);
	/* Without HUPCL: boards that restart when DTR falls would do so at every close. */
	t->c_cflag = (frame | CLOCAL | CREAD) & ~(tcflag_t)(HUPCL | CRTSCTS);
	t->c_cc[VMIN] = 1; /* so that "nothing yet" and "hung up" differ */
	t->c_cc[VTIME] = 0;
}

int link_tty_raw(int fd, const char *port, struct mkt_err *err)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return mkt_err_sys(err, MKT_EINVAL, errno, "'%s' is not a serial port", port);
	make_raw(&t);
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		return mkt_err_sys(err, MKT_EINVAL, errno, "cannot set up '%s'", port);
	return 0;
}

static bool speed_code(uint32_t baud, speed_t *code)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(speeds); i++)
		if (speeds[i].baud == baud) {
			*code = speeds[i].code;
			return true;
		}
	return false;
}

int link_tty_setup(int fd, const struct drv_line *line, const char *port, struct mkt_err *err)
{
	uint32_t baud = line->speed ? line->speed : LINK_SPEED_DEFAULT;
	bool pty = is_pty(fd);
	tcflag_t frame = CS8;
	struct termios t;
	speed_t code;

	if (!speed_code(baud, &code))
		return mkt_err_set(err, MKT_EINVAL, "'%s' cannot be set to %u baud", port,
				   (unsigned)baud);
	if (!pty && line->data_bits == 7)
		frame = CS7;
	if (!pty && (line->parity == 'E' || line->parity == 'O'))
		frame |= PARENB | (line->parity == 'O' ? PARODD : 0u);
	if (!pty && line->stop_bits == 2)
		frame |= CSTOPB;
	if (tcgetattr(fd, &t) < 0)
		return mkt_err_sys(err, MKT_EINVAL, errno, "'%s' is not a serial port", port);
	t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB | PARODD | CSTOPB);
	t.c_cflag |= frame;
	cfsetispeed(&t, code);
	cfsetospeed(&t, code);
	make_raw(&t);
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		return mkt_err_sys(err, MKT_EINVAL, errno, "cannot set up '%s'", port);
	return 0;
}
