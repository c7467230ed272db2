#include "core/base/compat.h"

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/wire/sse.h"

void mkt_sse_release(struct mkt_sse *s)
{
	mkt_buf_release(&s->in);
	mkt_buf_release(&s->data);
	memset(s, 0, sizeof(*s));
}

static void begin_event(struct mkt_sse *s)
{
	mkt_buf_clear(&s->data);
	s->has_data = false;
	s->taken = false;
	s->kind[0] = '\0';
}

void mkt_sse_restart(struct mkt_sse *s)
{
	mkt_buf_clear(&s->in);
	s->at = 0;
	s->after_cr = false;
	begin_event(s);
}

int mkt_sse_feed(struct mkt_sse *s, const void *p, size_t n)
{
	if (s->at) {
		s->in.len -= s->at;
		memmove(s->in.data, s->in.data + s->at, s->in.len);
		s->at = 0;
	}
	mkt_buf_add(&s->in, p, n);
	return s->in.bad ? -MKT_ENOMEM : 0;
}

/* The next line without its end; CR, LF and CR LF all end one.  False: not complete yet. */
static bool next_line(struct mkt_sse *s, const char **line, size_t *n)
{
	const char *p, *end;

	if (s->after_cr && s->at < s->in.len) {
		s->after_cr = false;
		if (s->in.data[s->at] == '\n')
			s->at++;
	}
	if (s->at == s->in.len)
		return false;
	p = (const char *)s->in.data + s->at;
	end = memchr(p, '\n', s->in.len - s->at);
	if (end)
		end = memchr(p, '\r', (size_t)(end - p)) ? memchr(p, '\r', (size_t)(end - p)) : end;
	else
		end = memchr(p, '\r', s->in.len - s->at);
	if (!end)
		return false;
	*line = p;
	*n = (size_t)(end - p);
	s->after_cr = *end == '\r';
	s->at += *n + 1;
	return true;
}

static bool is_field(const char *line, size_t n, const char *name, const char **value, size_t *len)
{
	size_t k = strlen(name);

	if (n < k || memcmp(line, name, k) || (n > k && line[k] != ':'))
		return false;
	*value = line + k;
	*len = n - k;
	if (*len) {
		(*value)++;
		(*len)--;
	}
	if (*len && **value == ' ') {
		(*value)++;
		(*len)--;
	}
	return true;
}

/* Values that do not fit, or hold NUL, are not ours: ignored. */
static void set_text(char *out, size_t max, const char *v, size_t n)
{
	if (n > max || memchr(v, '\0', n))
		return;
	memcpy(out, v, n);
	out[n] = '\0';
}

static void read_line(struct mkt_sse *s, const char *line, size_t n)
{
	const char *v;
	size_t len;

	if (is_field(line, n, "data", &v, &len)) {
		if (s->has_data)
			mkt_buf_addch(&s->data, '\n');
		mkt_buf_add(&s->data, v, len);
		s->has_data = true;
	} else if (is_field(line, n, "event", &v, &len)) {
		set_text(s->kind, MKT_SSE_KIND_MAX, v, len);
	} else if (is_field(line, n, "id", &v, &len)) {
		set_text(s->id, MKT_SSE_ID_MAX, v, len);
	}
}

int mkt_sse_next(struct mkt_sse *s, struct mkt_sse_event *ev)
{
	const char *line;
	size_t n;

	if (s->taken)
		begin_event(s);
	while (next_line(s, &line, &n)) {
		if (n) {
			read_line(s, line, n);
			if (s->data.len > MKT_SSE_BYTES_MAX)
				return -MKT_ELIMIT;
			continue;
		}
		if (!s->has_data) {
			begin_event(s);
			continue;
		}
		if (s->data.bad)
			return -MKT_ENOMEM;
		s->taken = true;
		ev->kind = s->kind[0] ? s->kind : "message";
		ev->id = s->id;
		ev->data = mkt_buf_str(&s->data);
		ev->len = s->data.len;
		return 1;
	}
	return s->in.len - s->at > MKT_SSE_BYTES_MAX ? -MKT_ELIMIT : 0;
}
