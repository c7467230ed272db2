/*
 * A line in memory and virtual time, in place of drivers/link*.c: a test that
 * includes this file has the whole link, so that no other is linked in.  Time
 * passes only while somebody waits; what is sent goes to mem.peer, which puts
 * answers on the line with mem_push(), at once or later.
 */
#ifndef MKT_TESTS_MEMLINK_H
#define MKT_TESTS_MEMLINK_H

#include "core/base/compat.h"
#include "drivers/link.h"

#define MEM_PIECES 1024

struct drv_link {
	bool tcp;
	bool lost; /* every call fails */
	uint64_t now_ms;
	void (*peer)(struct drv_link *l, const uint8_t *bytes, size_t n);
	void *arg;
	uint32_t writes, opened;
	/* what is on its way to us: bytes that come together at a time */
	struct {
		uint64_t at_ms;
		uint16_t n;
		uint8_t bytes[300];
	} piece[MEM_PIECES];
	uint32_t npieces, next;
};

static struct drv_link mem;

static inline void mem_reset(bool tcp)
{
	memset(&mem, 0, sizeof(mem));
	mem.tcp = tcp;
	mem.now_ms = 1000000;
}

/* These bytes come @after_ms from now; later pushes never come earlier. */
static inline void mem_push(struct drv_link *l, uint32_t after_ms, const void *bytes, size_t n)
{
	if (l->next == l->npieces)
		l->next = l->npieces = 0;
	if (!n || n > sizeof(l->piece[0].bytes) || l->npieces == MEM_PIECES)
		return;
	l->piece[l->npieces].at_ms = l->now_ms + after_ms;
	l->piece[l->npieces].n = (uint16_t)n;
	memcpy(l->piece[l->npieces].bytes, bytes, n);
	l->npieces++;
}

uint64_t drv_now_ms(void)
{
	return mem.now_ms;
}

void drv_sleep_ms(uint32_t ms)
{
	mem.now_ms += ms;
}

int drv_link_open(const struct drv_link_conf *conf, struct drv_link **out, struct mkt_err *err)
{
	(void)conf;
	if (mem.lost)
		return mkt_err_set(err, MKT_EDEVABSENT, "no such port");
	mem.opened++;
	*out = &mem;
	return 0;
}

void drv_link_close(struct drv_link *l)
{
	(void)l;
}

void drv_link_trace(struct drv_link *l, drv_trace_fn *fn, void *arg)
{
	(void)l;
	(void)fn;
	(void)arg;
}

void drv_link_hush(struct drv_link *l, bool on)
{
	(void)l;
	(void)on;
}

uint16_t drv_link_nonce(struct drv_link *l)
{
	(void)l;
	return 1;
}

int drv_link_write(struct drv_link *l, const void *bytes, size_t n, uint64_t deadline_ms,
		   struct mkt_err *err)
{
	(void)deadline_ms;
	if (l->lost)
		return mkt_err_set(err, MKT_EDEVLOST, "the line is gone");
	l->writes++;
	if (l->peer)
		l->peer(l, bytes, n);
	return 0;
}

int drv_link_read(struct drv_link *l, void *buf, size_t size, uint64_t deadline_ms,
		  struct mkt_err *err)
{
	uint64_t latest = deadline_ms > l->now_ms ? deadline_ms : l->now_ms;
	size_t n;

	if (l->lost)
		return mkt_err_set(err, MKT_EDEVLOST, "the line is gone");
	if (l->next == l->npieces || l->piece[l->next].at_ms > latest) {
		l->now_ms = latest;
		return 0;
	}
	if (l->piece[l->next].at_ms > l->now_ms)
		l->now_ms = l->piece[l->next].at_ms;
	n = l->piece[l->next].n < size ? l->piece[l->next].n : size;
	memcpy(buf, l->piece[l->next].bytes, n);
	l->piece[l->next].n = (uint16_t)(l->piece[l->next].n - n);
	memmove(l->piece[l->next].bytes, l->piece[l->next].bytes + n, l->piece[l->next].n);
	if (!l->piece[l->next].n)
		l->next++;
	return (int)n;
}

int drv_link_drain(struct drv_link *l, uint32_t quiet_ms, uint32_t max_ms, struct mkt_err *err)
{
	uint64_t end = l->now_ms + max_ms;
	uint8_t buf[64];
	int rc;

	do {
		uint64_t quiet = l->now_ms + quiet_ms;

		rc = drv_link_read(l, buf, sizeof(buf), quiet < end ? quiet : end, err);
	} while (rc > 0 && l->now_ms < end);
	return rc < 0 ? rc : 0;
}

int drv_link_fd(const struct drv_link *l)
{
	(void)l;
	return -1;
}

const char *drv_link_port(const struct drv_link *l)
{
	return l->tcp ? "tcp:memory:502" : "memory";
}

bool drv_link_is_datagram(const struct drv_link *l)
{
	(void)l;
	return false;
}

bool drv_link_is_tcp(const struct drv_link *l)
{
	return l->tcp;
}

#endif
