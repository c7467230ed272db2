/* Traces: bytes of a line as text, and back. */
#include "core/base/compat.h"

#include "drivers/link.h"

/* ---- write ---------------------------------------------------------------------------------- */

static void add_printable(struct mkt_buf *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mkt_buf_addch(out, p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.');
}

int drv_trace_line(struct mkt_buf *out, uint64_t begin_ms, uint64_t at_ms, char dir,
		   const void *bytes, size_t n)
{
	uint64_t ms = at_ms > begin_ms ? at_ms - begin_ms : 0;
	const uint8_t *p = bytes;

	mkt_buf_addf(out, "%llu.%03u %c", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000),
		     dir);
	if (dir == '#') {
		mkt_buf_addch(out, ' ');
		add_printable(out, p, n);
	} else {
		for (size_t i = 0; i < n; i++)
			mkt_buf_addf(out, " %02X", p[i]);
		mkt_buf_addstr(out, "  |");
		add_printable(out, p, n);
		mkt_buf_addch(out, '|');
	}
	mkt_buf_addch(out, '\n');
	return out->bad ? -MKT_ENOMEM : 0;
}

/* ---- read ----------------------------------------------------------------------------------- */

struct cursor {
	const char *begin, *at, *end;
};

static int bad(const struct cursor *c, const char *what, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINVAL, "column %zu: %s", (size_t)(c->at - c->begin) + 1, what);
}

static void blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

static bool digit(const struct cursor *c)
{
	return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

/* "12.345", "12.3", "12": milliseconds. */
static int read_time(struct cursor *c, uint64_t *ms, struct mkt_err *err)
{
	uint64_t v = 0;
	unsigned scale = 100;

	if (!digit(c))
		return bad(c, "a time in seconds is expected", err);
	for (; digit(c); c->at++) {
		if (v > 1000000000000u)
			return bad(c, "the time is too large", err);
		v = v * 10 + (unsigned)(*c->at - '0');
	}
	v *= 1000;
	if (c->at < c->end && *c->at == '.')
		for (c->at++; digit(c); c->at++, scale /= 10)
			v += (unsigned)(*c->at - '0') * scale;
	*ms = v;
	return 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_bytes(struct cursor *c, struct drv_trace_entry *out, struct mkt_err *err)
{
	for (blanks(c); c->at < c->end && *c->at != '|'; blanks(c)) {
		int high = nibble(c->at[0]);
		int low = c->end - c->at > 1 ? nibble(c->at[1]) : -1;

		if (high < 0 || low < 0)
			return bad(c, "two hexadecimal digits are expected", err);
		if (out->n == DRV_FRAME_MAX)
			return bad(c, "too many bytes", err);
		out->bytes[out->n++] = (uint8_t)(high << 4 | low);
		c->at += 2;
	}
	return 1;
}

static int read_remark(struct cursor *c, struct drv_trace_entry *out, struct mkt_err *err)
{
	size_t n;

	if (c->at < c->end && *c->at == ' ')
		c->at++;
	n = (size_t)(c->end - c->at);
	if (n > DRV_FRAME_MAX)
		return bad(c, "the remark is too long", err);
	if (n)
		memcpy(out->bytes, c->at, n);
	out->n = (uint16_t)n;
	return 1;
}

int drv_trace_parse(const char *line, size_t n, struct drv_trace_entry *out, struct mkt_err *err)
{
	struct cursor c = {line, line, line + n};
	int r;

	while (c.end > c.begin && (c.end[-1] == '\n' || c.end[-1] == '\r'))
		c.end--;
	blanks(&c);
	if (c.at == c.end || *c.at == ';')
		return 0;
	out->n = 0;
	r = read_time(&c, &out->at_ms, err);
	if (r < 0)
		return r;
	blanks(&c);
	out->dir = c.at < c.end ? *c.at : '\0';
	if (out->dir != '>' && out->dir != '<' && out->dir != '#')
		return bad(&c, "'>', '<' or '#' is expected", err);
	c.at++;
	return out->dir == '#' ? read_remark(&c, out, err) : read_bytes(&c, out, err);
}
