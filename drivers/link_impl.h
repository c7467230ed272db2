/*
 * What link.c and its back ends share; for drivers/link*.c and port.c only.
 *
 * A back end opens something, sets @fd (non-blocking, close on exec) and what it
 * is, and reads and writes without waiting; link.c waits, paces, traces and
 * discards echoes.
 */
#ifndef MKT_DRIVERS_LINK_IMPL_H
#define MKT_DRIVERS_LINK_IMPL_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "drivers/link.h"

#define LINK_SPEED_DEFAULT 9600
#define LINK_CONNECT_MS 3000 /* for a TCP connection: as long as any driver's call may take */
#define LINK_HOLDER_MAX 64   /* as in struct drv_port */

/* None waits.  Read and write: bytes moved, 0 nothing now, -MKT_EDEVLOST. */
struct link_ops {
	int (*read)(struct drv_link *l, void *buf, size_t size, struct mkt_err *err);
	int (*write)(struct drv_link *l, const void *bytes, size_t n, struct mkt_err *err);
	void (*close)(struct drv_link *l); /* all that open made but @fd */
};

struct drv_link {
	const struct link_ops *ops;
	char port[DRV_PORT_MAX + 1];
	int fd;			/* -1: none */
	void *priv;		/* the back end's */
	bool datagram, tcp;
	bool replay;		/* no time passes: no pauses, no settling */
	uint32_t byte_us;	/* how long a byte takes on the wire; 0: no matter */
	uint32_t pause_ms;
	uint64_t busy_until_ms; /* when the last byte either way had passed */
	bool hush; /* trace stars */
	drv_trace_fn *trace;
	void *trace_arg;
	bool echo;
	size_t echo_len, echo_at; /* expected, and seen of it */
	uint8_t echo_bytes[DRV_FRAME_MAX];
	struct mkt_buf back;	/* taken for an echo and found to be none */
	size_t back_at;
};

/* Back ends: what comes after "tcp:" and so on, or the whole name.  0 or as drv_link_open(). */
int link_serial_open(struct drv_link *l, const char *port, const struct drv_line *line,
		     struct mkt_err *err) MKT_MUST_CHECK;
int link_tcp_open(struct drv_link *l, const char *where, struct mkt_err *err) MKT_MUST_CHECK;
int link_udp_open(struct drv_link *l, const char *where, struct mkt_err *err) MKT_MUST_CHECK;
int link_replay_open(struct drv_link *l, const char *file, struct mkt_err *err) MKT_MUST_CHECK;

/* The next nonce of the recording; 0 when it has none. */
uint16_t link_replay_nonce(struct drv_link *l);

/* read(2) and write(2) on l->fd; end of file and all errors but EAGAIN are -MKT_EDEVLOST. */
int link_fd_read(struct drv_link *l, void *buf, size_t size, struct mkt_err *err);
int link_fd_write(struct drv_link *l, const void *bytes, size_t n, struct mkt_err *err);

/* "lost 'PORT': reason". */
int link_lost(const struct drv_link *l, int errnum, struct mkt_err *err);

/* A remark in the trace. */
void link_remark(struct drv_link *l, const char *fmt, ...) MKT_PRINTF(2, 3);

/* "HOST[:PORT]" or "[ADDRESS]:PORT" apart.  @port "" when there is none.  -MKT_EINVAL. */
struct link_host {
	char host[DRV_PORT_MAX + 1];
	char port[8];
};
int link_host_parse(const char *s, size_t n, struct link_host *out,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* ---- terminals (link_tty.c) ---------------------------------------------------------------- */

/* Raw, without flow control and HUPCL.  -MKT_EINVAL what the port cannot do. */
int link_tty_setup(int fd, const struct drv_line *line, const char *port, struct mkt_err *err);

/* The same but for speed and frame, which libserialport has set. */
int link_tty_raw(int fd, const char *port, struct mkt_err *err);

/* Microseconds of a byte with these settings. */
uint32_t link_tty_byte_us(const struct drv_line *line);

/* ---- ports (port.c) ------------------------------------------------------------------------- */

/* The path of "usb:VID:PID[:SERIAL]".  -MKT_EDEVABSENT; -MKT_EINVAL not one, or several fit. */
int link_port_by_usb(const char *name, char path[DRV_PORT_MAX + 1],
		     struct mkt_err *err) MKT_MUST_CHECK;

/* Who has @path open or locked, but for this process: "minicom (1234)".  False: nobody is seen. */
bool link_port_user(const char *path, char holder[LINK_HOLDER_MAX]);
bool link_port_locker(const char *path, char holder[LINK_HOLDER_MAX]);

#endif
