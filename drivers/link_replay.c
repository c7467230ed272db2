/*
 * A recorded trace in place of a device.
 *
 * What is written must be the next '>' of the recording; then the '<' up to the
 * '>' after it can be read, piece by piece as they came, as fast as they are
 * wanted.  Another write changes nothing: the device stays silent, as it would
 * to a frame that it does not know, and a remark names the difference.  So a
 * driver that tries again, or has learnt to ask one thing more, finds its way
 * back.  What came before the remark "settled" is left out.
 *
 * A recording in which nothing was sent is of a device that speaks by itself: it
 * is played at the pace it had, or all of it would be over before anybody listens.
 */
#include "core/base/compat.h"

#include <sys/timerfd.h>

#include "core/base/file.h"
#include "drivers/link_impl.h"

#define RECORDING_MAX (16u << 20) /* bytes of text: days of a quiet line */

#define NONCES_MAX 64		      /* one for each time that a device was opened */

struct entry {
	uint64_t at_ms;
	size_t at; /* in bytes */
	uint16_t n;
	char dir;
};

struct replay {
	struct entry *entries;
	size_t count, cap;
	struct mkt_buf bytes;
	size_t next_read, next_write; /* entries; the reader stops at the writer */
	uint16_t taken;		      /* of the entry at next_read */
	bool paced;
	uint64_t begin_ms;	      /* that the first entry is played at, if paced */
	bool ended;		      /* said so */
	uint16_t nonces[NONCES_MAX];
	unsigned nnonces, nonce; /* the next */
};

/* ---- load ----------------------------------------------------------------------------------- */

static int keep(struct replay *p, const struct drv_trace_entry *e)
{
	if (p->count == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		struct entry *more = reallocarray(p->entries, cap, sizeof(*more));

		if (!more)
			return -MKT_ENOMEM;
		p->entries = more;
		p->cap = cap;
	}
	p->entries[p->count++] = (struct entry){e->at_ms, p->bytes.len, e->n, e->dir};
	mkt_buf_add(&p->bytes, e->bytes, e->n);
	return p->bytes.bad ? -MKT_ENOMEM : 0;
}

static bool remark_is(const struct drv_trace_entry *e, const char *word)
{
	return e->n >= strlen(word) && !memcmp(e->bytes, word, strlen(word));
}

/* "nonce 4711" */
static void take_nonce(struct replay *p, const struct drv_trace_entry *e)
{
	unsigned v = 0;

	for (size_t i = strlen("nonce "); i < e->n && e->bytes[i] >= '0' && e->bytes[i] <= '9'; i++)
		v = (v * 10 + e->bytes[i] - '0') & UINT16_MAX;
	if (p->nnonces < NONCES_MAX)
		p->nonces[p->nnonces++] = (uint16_t)v;
}

static int take_entry(struct drv_link *l, struct replay *p, const struct drv_trace_entry *e)
{
	if (e->dir != '#')
		return keep(p, e);
	if (remark_is(e, "line udp:"))
		l->datagram = true;
	else if (remark_is(e, "line tcp:"))
		l->tcp = true;
	else if (remark_is(e, "nonce "))
		take_nonce(p, e);
	else if (remark_is(e, "settled"))
		p->count = 0;
	return 0;
}

static int load(struct drv_link *l, struct replay *p, const char *file, const struct mkt_buf *text,
		struct mkt_err *err)
{
	struct drv_trace_entry e;
	const char *at = mkt_buf_str(text), *end = at + text->len;
	unsigned long number = 1;

	for (; at < end; number++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = nl ? (size_t)(nl - at) : (size_t)(end - at);
		int r = drv_trace_parse(at, n, &e, err);

		if (r < 0)
			return mkt_err_wrap(err, "%s:%lu", file, number);
		if (r > 0 && take_entry(l, p, &e) < 0)
			return mkt_err_code(err, MKT_ENOMEM);
		at += n + 1;
	}
	return 0;
}

/* ---- play ----------------------------------------------------------------------------------- */

/* When the next entry may be read, monotonic; 0: now. */
static uint64_t due_ms(const struct replay *p)
{
	return p->paced ? p->begin_ms + (p->entries[p->next_read].at_ms - p->entries[0].at_ms) : 0;
}

/* The descriptor, a timer, is readable from when there is something to read. */
static void show(struct drv_link *l, const struct replay *p)
{
	struct itimerspec t = {.it_value = {0, 0}};

	if (p->next_read < p->next_write) {
		uint64_t ms = due_ms(p);

		t.it_value.tv_sec = (time_t)(ms / 1000);
		t.it_value.tv_nsec = (long)(ms % 1000) * 1000000 + 1; /* 0 would stop it */
	}
	timerfd_settime(l->fd, TFD_TIMER_ABSTIME, &t, NULL);
}

/* From @from on: the next '>', or the end. */
static size_t next_sent(const struct replay *p, size_t from)
{
	while (from < p->count && p->entries[from].dir != '>')
		from++;
	return from;
}

static int replay_read(struct drv_link *l, void *buf, size_t size, struct mkt_err *err)
{
	struct replay *p = l->priv;
	const struct entry *e;
	size_t n;

	(void)err;
	while (p->next_read < p->next_write && p->entries[p->next_read].dir == '>')
		p->next_read++;
	show(l, p);
	if (p->next_read == p->next_write) {
		if (p->next_write == p->count && !p->ended)
			link_remark(l, "the recording has ended");
		p->ended = p->next_write == p->count;
		return 0;
	}
	if (due_ms(p) > drv_now_ms())
		return 0;
	e = &p->entries[p->next_read];
	n = (size_t)(e->n - p->taken) < size ? (size_t)(e->n - p->taken) : size;
	memcpy(buf, p->bytes.data + e->at + p->taken, n);
	p->taken = (uint16_t)(p->taken + n);
	if (p->taken == e->n || l->datagram) {
		p->taken = 0;
		p->next_read++;
	}
	show(l, p);
	return (int)n;
}

static void tell_difference(struct drv_link *l, const struct entry *e, const uint8_t *want,
			    const uint8_t *got, size_t n)
{
	size_t i = 0;

	while (i < n && i < e->n && want[i] == got[i])
		i++;
	if (i < n && i < e->n)
		link_remark(l, "not as recorded: byte %zu is %02X, recorded was %02X", i + 1,
			    got[i], want[i]);
	else
		link_remark(l, "not as recorded: %zu bytes were sent, recorded were %u", n,
			    (unsigned)e->n);
}

/* As recorded; what was secret then was recorded as stars, and is secret now. */
static bool as_recorded(const struct drv_link *l, const uint8_t *want, const uint8_t *got, size_t n)
{
	if (!memcmp(want, got, n))
		return true;
	while (l->hush && n && want[n - 1] == '*')
		n--;
	return !n;
}

/* Where the recording goes on after this write; 0: it is another one.  Long frames have lines. */
static size_t after_write(const struct drv_link *l, const struct replay *p, const uint8_t *bytes,
			  size_t n)
{
	size_t i = p->next_write, at = 0;

	while (at < n && i < p->count && p->entries[i].dir == '>') {
		const struct entry *e = &p->entries[i++];

		if (e->n > n - at || !as_recorded(l, p->bytes.data + e->at, bytes + at, e->n))
			return 0;
		at += e->n;
	}
	return at == n ? i : 0;
}

static int replay_write(struct drv_link *l, const void *bytes, size_t n, struct mkt_err *err)
{
	struct replay *p = l->priv;
	const struct entry *e;
	size_t next;

	(void)err;
	if (p->next_write == p->count) {
		link_remark(l, p->ended ? "not as recorded: nothing more was sent"
					: "the recording has ended");
		p->ended = true;
		return (int)n;
	}
	e = &p->entries[p->next_write];
	next = after_write(l, p, bytes, n);
	if (next)
		p->next_write = next_sent(p, next);
	else
		tell_difference(l, e, p->bytes.data + e->at, bytes, n);
	show(l, p);
	return (int)n;
}

uint16_t link_replay_nonce(struct drv_link *l)
{
	struct replay *p = l->priv;

	return p->nonce < p->nnonces ? p->nonces[p->nonce++] : 0;
}

static void replay_close(struct drv_link *l)
{
	struct replay *p = l->priv;

	if (!p)
		return;
	mkt_buf_release(&p->bytes);
	free(p->entries);
	free(p);
	l->priv = NULL;
}

int link_replay_open(struct drv_link *l, const char *file, struct mkt_err *err)
{
	static const struct link_ops ops = {replay_read, replay_write, replay_close};
	struct mkt_buf text = MKT_BUF_INIT;
	struct replay *p;
	int r = mkt_file_read(file, RECORDING_MAX, &text, err);

	if (r < 0) {
		mkt_buf_release(&text);
		return r == -MKT_ENOTFOUND ? mkt_err_set(err, MKT_EDEVABSENT,
							 "there is no recording '%s'", file)
					   : r;
	}
	p = calloc(1, sizeof(*p));
	l->priv = p;
	l->ops = &ops;
	l->replay = true;
	r = p ? load(l, p, file, &text, err) : mkt_err_code(err, MKT_ENOMEM);
	mkt_buf_release(&text);
	if (r < 0)
		return r;
	p->next_write = next_sent(p, 0);
	p->paced = p->next_write == p->count;
	p->begin_ms = drv_now_ms();
	l->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->fd < 0)
		return mkt_err_set(err, MKT_EDEVLOST, "no descriptor for '%s'", l->port);
	show(l, p);
	return 0;
}
