/*
 * A line to devices: bytes out, bytes in, with deadlines.  One interface, and
 * behind it
 *
 *   link_serial.c  serial ports, by libserialport, after realpath(3)
 *   link_tty.c     plain termios: ptys, and what libserialport refuses
 *   link_tcp.c     serial servers and Modbus TCP
 *   link_udp.c     datagrams (ECHONET Lite); one write and one read is one datagram
 *   link_replay.c  a recorded trace that answers as the device did (tests, mkt device replay)
 *
 * Ports are named
 *
 *   usb:0403:6001:A50285BI  vendor, product, serial number of what is plugged in
 *   /dev/serial/by-id/...   resolved at every open: the target changes
 *   /dev/ttyUSB0, /dev/pts/3
 *   tcp:HOST:PORT           tcp:[::1]:502
 *   serial:HOST:PORT        the same, a serial line behind it: Modbus is RTU there
 *   udp:HOST[:PORT][,LOCAL[:PORT]]  both ports 3610 unless said
 *   replay:FILE
 *
 * All times are monotonic milliseconds (drv_now_ms()).  Functions that take a
 * deadline return at it, never later than a scheduling delay; none blocks without.
 * Errors of the line itself (EIO, ENXIO, ENODEV, EPIPE, EBADF, end of file)
 * are -MKT_EDEVLOST: close and open again by name, nothing else helps.
 * One thread a link.
 */
#ifndef MKT_DRIVERS_LINK_H
#define MKT_DRIVERS_LINK_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

#define DRV_PORT_MAX 255
#define DRV_FRAME_MAX 4096 /* no frame of any protocol here is longer (P1: up to 3 kB) */

uint64_t drv_now_ms(void);
void drv_sleep_ms(uint32_t ms);

struct drv_line {
	uint32_t speed;	  /* baud; 0: the driver's default */
	char parity;	  /* 'N', 'E', 'O'; 0: the driver's default.  Ptys have none */
	uint8_t data_bits; /* 7, 8; 0: default */
	uint8_t stop_bits; /* 1, 2; 0: default */
};

/* Bytes as they pass.  @dir '>' sent, '<' received, '#' a remark (text). */
typedef void drv_trace_fn(void *arg, uint64_t at_ms, char dir, const void *bytes, size_t n);

struct drv_link_conf {
	const char *port;
	struct drv_line line;
	uint32_t pause_ms;    /* silence before each write, since the last byte either way */
	uint32_t settle_ms;   /* listen and discard so long after open (boot text); 0: none */
	bool echo;	      /* discard an exact echo of what was sent (2-wire adapters) */
	drv_trace_fn *trace;  /* or NULL; may be set later */
	void *trace_arg;
};

struct drv_link;

/*
 * Open and lock (flock and TIOCEXCL).  -MKT_EDEVABSENT there is no such port;
 * -MKT_ELINELOCKED another process has it, by name when it can be told;
 * -MKT_EINVAL the name or the settings; -MKT_EDEVLOST anything else.
 */
int drv_link_open(const struct drv_link_conf *conf, struct drv_link **out,
		  struct mkt_err *err) MKT_MUST_CHECK;
void drv_link_close(struct drv_link *l); /* NULL is fine; restores the settings of the port */

/* Start or stop the trace. */
void drv_link_trace(struct drv_link *l, drv_trace_fn *fn, void *arg);

/* While on, bytes are traced as "*" each: what passes is secret (B route credentials). */
void drv_link_hush(struct drv_link *l, bool on);

/* Send all of it, or -MKT_EDEVTIMEOUT (flow control), -MKT_EDEVLOST. */
int drv_link_write(struct drv_link *l, const void *bytes, size_t n, uint64_t deadline_ms,
		   struct mkt_err *err) MKT_MUST_CHECK;

/*
 * What has come, at most @size bytes: their number; 0 at the deadline (which may
 * be over: then what is there already); -MKT_EDEVLOST.
 */
int drv_link_read(struct drv_link *l, void *buf, size_t size, uint64_t deadline_ms,
		  struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Discard what comes until the line has been quiet for @quiet_ms, for at most
 * @max_ms.  After a timeout: late answers carry no id.
 */
int drv_link_drain(struct drv_link *l, uint32_t quiet_ms, uint32_t max_ms,
		   struct mkt_err *err) MKT_MUST_CHECK;

/*
 * A number to begin sequence ids with, other than the last time.  It is a remark in
 * the trace; a recording gives back what it gave then, so that ids are the same.
 */
uint16_t drv_link_nonce(struct drv_link *l);

/* To poll(2) for input; do not read from it. */
int drv_link_fd(const struct drv_link *l);

/* The name it was opened by. */
const char *drv_link_port(const struct drv_link *l);

/* What is behind it: datagrams keep their borders. */
bool drv_link_is_datagram(const struct drv_link *l);
bool drv_link_is_tcp(const struct drv_link *l);

/* ---- ports of this machine ---------------------------------------------------------------- */

struct drv_port {
	char path[DRV_PORT_MAX + 1]; /* "/dev/ttyUSB0" */
	char name[DRV_PORT_MAX + 1]; /* "usb:0403:6001:A50285BI"; "" without USB identity */
	char what[128];		     /* product text for people */
	bool held;		     /* another process has it open */
	char holder[64];	     /* "mkt-driverd (1234)", if it can be told */
};

/* Call @each for every serial port.  Returns their number or a negative code. */
int drv_ports(void (*each)(void *arg, const struct drv_port *p), void *arg,
	      struct mkt_err *err) MKT_MUST_CHECK;

/* ---- traces ------------------------------------------------------------------------------- */

/*
 * One line of a trace, appended to @out: "12.345 > 24 47 56 0D  |$GV.|".  Time is
 * in seconds since @begin_ms.  The same text is what link_replay reads.
 */
int drv_trace_line(struct mkt_buf *out, uint64_t begin_ms, uint64_t at_ms, char dir,
		   const void *bytes, size_t n) MKT_MUST_CHECK;

struct drv_trace_entry {
	uint64_t at_ms; /* since the beginning of the trace */
	char dir;	/* '>', '<' or '#' */
	uint16_t n;
	uint8_t bytes[DRV_FRAME_MAX];
};

/*
 * Read one line.  1 and *@out; 0 for an empty line or a comment (";");
 * -MKT_EINVAL with the column.  Hex pairs apart or together; what stands after
 * two blanks and '|' is for people.
 */
int drv_trace_parse(const char *line, size_t n, struct drv_trace_entry *out,
		    struct mkt_err *err) MKT_MUST_CHECK;

#endif
