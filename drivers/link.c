/* Links: what is common to all back ends.  Waiting, pacing, echoes, trace. */
#include "core/base/compat.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <unistd.h>

#include "drivers/link_impl.h"

uint64_t drv_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void drv_sleep_ms(uint32_t ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

/* ---- trace --------------------------------------------------------------------------------- */

static void traced(struct drv_link *l, char dir, const void *bytes, size_t n)
{
	uint8_t stars[DRV_FRAME_MAX];

	if (!l->trace)
		return;
	if (l->hush && dir != '#') {
		n = n < sizeof(stars) ? n : sizeof(stars);
		memset(stars, '*', n);
		bytes = stars;
	}
	l->trace(l->trace_arg, drv_now_ms(), dir, bytes, n);
}

void link_remark(struct drv_link *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	if (!l->trace)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		traced(l, '#', text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void drv_link_hush(struct drv_link *l, bool on)
{
	l->hush = on;
}

void drv_link_trace(struct drv_link *l, drv_trace_fn *fn, void *arg)
{
	l->trace = fn;
	l->trace_arg = arg;
	/* link_replay.c reads it: framing depends on what the line was. */
	link_remark(l, "line %s", l->port);
}

/* ---- what back ends on a descriptor share --------------------------------------------------- */

int link_lost(const struct drv_link *l, int errnum, struct mkt_err *err)
{
	if (!errnum)
		return mkt_err_set(err, MKT_EDEVLOST, "lost '%s': it was closed or unplugged",
				   l->port);
	return mkt_err_sys(err, MKT_EDEVLOST, errnum, "lost '%s'", l->port);
}

int link_fd_read(struct drv_link *l, void *buf, size_t size, struct mkt_err *err)
{
	ssize_t n;

	do
		n = read(l->fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return (int)n;
	if (n < 0 && errno == EAGAIN)
		return 0;
	return link_lost(l, n < 0 ? errno : 0, err);
}

int link_fd_write(struct drv_link *l, const void *bytes, size_t n, struct mkt_err *err)
{
	ssize_t w;

	do
		w = write(l->fd, bytes, n);
	while (w < 0 && errno == EINTR);
	if (w >= 0)
		return (int)w;
	return errno == EAGAIN ? 0 : link_lost(l, errno, err);
}

/* Wait for @events until @deadline_ms.  The descriptor's errors show in the next read or write. */
static void wait_for(const struct drv_link *l, short events, uint64_t deadline_ms, uint64_t now_ms)
{
	struct pollfd p = {.fd = l->fd, .events = events};
	uint64_t ms = deadline_ms - now_ms;

	poll(&p, 1, ms > 3600000 ? 3600000 : (int)ms);
}

/* ---- open and close ------------------------------------------------------------------------- */

static int open_back_end(struct drv_link *l, const struct drv_link_conf *conf, struct mkt_err *err)
{
	const char *port = conf->port;

	if (!strncmp(port, "tcp:", 4))
		return link_tcp_open(l, port + 4, err);
	if (!strncmp(port, "serial:", 7)) {
		int r = link_tcp_open(l, port + 7, err);

		l->tcp = false; /* what is behind it is a serial line */
		return r;
	}
	if (!strncmp(port, "udp:", 4))
		return link_udp_open(l, port + 4, err);
	if (!strncmp(port, "replay:", 7))
		return link_replay_open(l, port + 7, err);
	if (!strncmp(port, "usb:", 4) || port[0] == '/')
		return link_serial_open(l, port, &conf->line, err);
	return mkt_err_set(err, MKT_EINVAL,
			   "'%s' names no port: /dev/..., usb:..., tcp:..., serial:..., udp:...",
			   port);
}

/* Boot text and noise: listen, and forget. */
static int settle(struct drv_link *l, uint32_t ms, struct mkt_err *err)
{
	uint8_t junk[256];
	uint64_t end_ms = drv_now_ms() + ms;
	int n;

	if (!ms || l->replay || l->datagram)
		return 0;
	do
		n = drv_link_read(l, junk, sizeof(junk), end_ms, err);
	while (n > 0 || (!n && drv_now_ms() < end_ms));
	if (n < 0)
		return n;
	link_remark(l, "settled");
	return 0;
}

int drv_link_open(const struct drv_link_conf *conf, struct drv_link **out, struct mkt_err *err)
{
	struct drv_link *l;
	int r;

	if (!conf->port || !conf->port[0] || strlen(conf->port) > DRV_PORT_MAX)
		return mkt_err_set(err, MKT_EINVAL, "the name of a port has 1..%d bytes",
				   DRV_PORT_MAX);
	l = calloc(1, sizeof(*l));
	if (!l)
		return mkt_err_code(err, MKT_ENOMEM);
	l->fd = -1;
	snprintf(l->port, sizeof(l->port), "%s", conf->port);
	l->pause_ms = conf->pause_ms;
	l->echo = conf->echo;
	r = open_back_end(l, conf, err);
	if (r >= 0) {
		if (conf->trace)
			drv_link_trace(l, conf->trace, conf->trace_arg);
		l->busy_until_ms = drv_now_ms();
		r = settle(l, conf->settle_ms, err);
	}
	if (r < 0) {
		drv_link_close(l);
		return r;
	}
	*out = l;
	return 0;
}

void drv_link_close(struct drv_link *l)
{
	if (!l)
		return;
	if (l->ops)
		l->ops->close(l);
	if (l->fd >= 0)
		close(l->fd);
	mkt_buf_release(&l->back);
	free(l);
}

/* ---- write --------------------------------------------------------------------------------- */

static int pause_before(struct drv_link *l, uint64_t deadline_ms, struct mkt_err *err)
{
	uint64_t now_ms = drv_now_ms(), from_ms = l->busy_until_ms + l->pause_ms;

	if (l->replay || !l->pause_ms || now_ms >= from_ms)
		return 0;
	if (from_ms > deadline_ms)
		return mkt_err_set(err, MKT_EDEVTIMEOUT,
				   "no time left to write to '%s' after the pause of %u ms",
				   l->port, (unsigned)l->pause_ms);
	drv_sleep_ms((uint32_t)(from_ms - now_ms));
	return 0;
}

/* The moment at which bytes that were handed over now will have left. */
static void sent(struct drv_link *l, const void *bytes, size_t n)
{
	uint64_t now_ms = drv_now_ms();

	if (l->busy_until_ms < now_ms)
		l->busy_until_ms = now_ms;
	l->busy_until_ms += ((uint64_t)n * l->byte_us + 999) / 1000;
	if (n)
		traced(l, '>', bytes, n);
	if (l->echo)
		memcpy(l->echo_bytes, bytes, n);
	l->echo_len = l->echo ? n : 0;
	l->echo_at = 0;
}

int drv_link_write(struct drv_link *l, const void *bytes, size_t n, uint64_t deadline_ms,
		   struct mkt_err *err)
{
	const uint8_t *p = bytes;
	size_t done = 0;
	int r;

	if (n > DRV_FRAME_MAX)
		return mkt_err_set(err, MKT_EINVAL, "a frame of %zu bytes is longer than %d", n,
				   DRV_FRAME_MAX);
	r = pause_before(l, deadline_ms, err);
	while (r >= 0 && done < n) {
		uint64_t now_ms = drv_now_ms();

		r = l->ops->write(l, p + done, n - done, err);
		if (r > 0)
			done += (size_t)r;
		if (r)
			continue;
		if (now_ms >= deadline_ms)
			r = mkt_err_set(err, MKT_EDEVTIMEOUT,
					"'%s' took %zu of %zu bytes: flow control?", l->port,
					done, n);
		else
			wait_for(l, POLLOUT, deadline_ms, now_ms);
	}
	sent(l, bytes, done);
	return r < 0 ? r : 0;
}

/* ---- read ---------------------------------------------------------------------------------- */

static size_t take_back(struct drv_link *l, void *buf, size_t size)
{
	size_t n = l->back.len - l->back_at;

	n = n < size ? n : size;
	if (n)
		memcpy(buf, l->back.data + l->back_at, n);
	l->back_at += n;
	if (l->back_at == l->back.len) {
		mkt_buf_clear(&l->back);
		l->back_at = 0;
	}
	return n;
}

/*
 * Take @n bytes that came away from the expected echo.  The rest is put back to be
 * read; when they differ from it, all that was taken for an echo as well.
 */
static int without_echo(struct drv_link *l, const uint8_t *p, size_t n, struct mkt_err *err)
{
	size_t same = 0, left = l->echo_len - l->echo_at;

	while (same < n && same < left && p[same] == l->echo_bytes[l->echo_at + same])
		same++;
	if (same < n && same < left) {
		mkt_buf_add(&l->back, l->echo_bytes, l->echo_at);
		l->echo_len = l->echo_at = same = 0;
	}
	l->echo_at += same;
	if (l->echo_at == l->echo_len)
		l->echo_len = l->echo_at = 0;
	mkt_buf_add(&l->back, p + same, n - same);
	return l->back.bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

/* What is there now. */
static int read_now(struct drv_link *l, void *buf, size_t size, struct mkt_err *err)
{
	uint8_t raw[512];
	bool filter = l->echo_len > 0;
	int n;

	if (l->back.len)
		return (int)take_back(l, buf, size);
	n = filter ? l->ops->read(l, raw, sizeof(raw), err) : l->ops->read(l, buf, size, err);
	if (n <= 0)
		return n;
	l->busy_until_ms = drv_now_ms();
	traced(l, '<', filter ? raw : buf, (size_t)n);
	if (!filter)
		return n;
	n = without_echo(l, raw, (size_t)n, err);
	return n < 0 ? n : (int)take_back(l, buf, size);
}

int drv_link_read(struct drv_link *l, void *buf, size_t size, uint64_t deadline_ms,
		  struct mkt_err *err)
{
	if (!size)
		return 0;
	if (size > INT32_MAX)
		size = INT32_MAX;
	for (;;) {
		uint64_t now_ms = drv_now_ms();
		int n = read_now(l, buf, size, err);

		if (n || now_ms >= deadline_ms)
			return n;
		wait_for(l, POLLIN, deadline_ms, now_ms);
	}
}

int drv_link_drain(struct drv_link *l, uint32_t quiet_ms, uint32_t max_ms, struct mkt_err *err)
{
	uint8_t junk[512];
	uint64_t now_ms = drv_now_ms(), end_ms = now_ms + max_ms, until_ms = now_ms + quiet_ms;
	int n;

	l->echo_len = l->echo_at = 0;
	do {
		if (until_ms > end_ms)
			until_ms = end_ms;
		n = drv_link_read(l, junk, sizeof(junk), until_ms, err);
		until_ms = drv_now_ms() + quiet_ms;
	} while (n > 0 && drv_now_ms() < end_ms);
	return n < 0 ? n : 0;
}

uint16_t drv_link_nonce(struct drv_link *l)
{
	uint16_t nonce = l->replay ? link_replay_nonce(l) : (uint16_t)drv_now_ms();

	link_remark(l, "nonce %u", (unsigned)nonce);
	return nonce;
}

int drv_link_fd(const struct drv_link *l)
{
	return l->fd;
}

const char *drv_link_port(const struct drv_link *l)
{
	return l->port;
}

bool drv_link_is_datagram(const struct drv_link *l)
{
	return l->datagram;
}

bool drv_link_is_tcp(const struct drv_link *l)
{
	return l->tcp;
}
