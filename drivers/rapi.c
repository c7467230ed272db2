/* Frames of RAPI: see rapi.h. */
#include "core/base/compat.h"

#include "drivers/rapi.h"

uint8_t rapi_xor(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint8_t x = 0;

	while (n--)
		x ^= *p++;
	return x;
}

uint8_t rapi_sum(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return sum;
}

static size_t build(char *out, size_t max, const char *text, uint8_t id)
{
	size_t n = strlen(text);
	char tail[8] = "";

	if (!n || strpbrk(text, "$^*\r"))
		return 0;
	if (id)
		snprintf(tail, sizeof(tail), " :%02X", id);
	if (1 + n + strlen(tail) + 3 > max)
		return 0;
	n = (size_t)snprintf(out, max + 2, "$%s%s", text, tail);
	return n + (size_t)snprintf(out + n, max + 2 - n, "^%02X\r", rapi_xor(out, n));
}

size_t rapi_build(char out[RAPI_COMMAND_MAX + 2], const char *command, uint8_t id)
{
	return build(out, RAPI_COMMAND_MAX, command, id);
}

size_t rapi_frame_text(char out[RAPI_FRAME_MAX + 2], const char *text, uint8_t id)
{
	return build(out, RAPI_FRAME_MAX, text, id);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Two hex digits, or -1. */
static int hex2(const char *p)
{
	int hi = digit(p[0]), lo = hi < 0 ? -1 : digit(p[1]);

	return lo < 0 ? -1 : hi << 4 | lo;
}

/* The checksum at the end of @n bytes: 1 right, 0 there is none, -1 wrong. */
static int checksum(const char *s, size_t n)
{
	int want;

	if (n < 4 || (s[n - 3] != '^' && s[n - 3] != '*'))
		return memchr(s, '^', n) ? -1 : 0;
	want = hex2(s + n - 2);
	return want == (s[n - 3] == '^' ? rapi_xor(s, n - 3) : rapi_sum(s, n - 3)) ? 1 : -1;
}

static void cut_words(struct rapi_frame *f)
{
	char *s = f->text;

	f->words = 0;
	for (size_t i = 0; i < RAPI_WORDS_MAX; i++)
		f->word[i] = "";
	while (*s && f->words < RAPI_WORDS_MAX) {
		size_t n = strcspn(s, " ");

		if (n)
			f->word[f->words++] = s;
		s += n;
		while (*s == ' ')
			*s++ = '\0';
	}
}

void rapi_frame_copy(struct rapi_frame *to, const struct rapi_frame *from)
{
	*to = *from;
	memcpy(to->text, to->raw, sizeof(to->text));
	cut_words(to);
}

/* What stands between '$' and CR. */
static enum rapi_got parse(const char *s, size_t n, struct rapi_frame *f)
{
	int sum = checksum(s, n), id;

	if (sum < 0 || memchr(s, '\0', n))
		return RAPI_BAD;
	f->checked = sum;
	f->id = 0;
	n -= sum ? 3 : 0;
	if (n > 5 && s[n - 4] == ' ' && s[n - 3] == ':' && (id = hex2(s + n - 2)) > 0) {
		f->id = (uint8_t)id;
		n -= 4;
	}
	if (n < 3) /* "$" and two letters */
		return RAPI_BAD;
	f->nraw = (uint8_t)(n - 1);
	memcpy(f->raw, s + 1, n - 1);
	f->raw[n - 1] = '\0';
	memcpy(f->text, f->raw, n);
	cut_words(f);
	return strcspn(f->raw, " ") == 2 ? RAPI_FRAME : RAPI_BAD;
}

enum rapi_got rapi_feed(struct rapi_reader *r, uint8_t byte, struct rapi_frame *f)
{
	if (byte == '$') {
		/* Whatever began before is lost; a new frame begins at every one. */
		enum rapi_got got = r->inside ? RAPI_BAD : RAPI_NOTHING;

		r->inside = true;
		r->buf[0] = '$';
		r->n = 1;
		return got;
	}
	if (!r->inside)
		return RAPI_NOTHING;
	if (byte == '\r') {
		r->inside = false;
		return parse(r->buf, r->n, f);
	}
	if (r->n == RAPI_FRAME_MAX) {
		r->inside = false;
		return RAPI_BAD;
	}
	r->buf[r->n++] = (char)byte;
	return RAPI_NOTHING;
}

bool rapi_is_answer(const struct rapi_frame *f)
{
	return !strcmp(f->word[0], "OK") || !strcmp(f->word[0], "NK");
}

bool rapi_is_notice(const struct rapi_frame *f)
{
	static const char *const notices[] = {"AT", "AB", "AN", "ST", "WF"};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(notices); i++)
		if (!strcmp(f->word[0], notices[i]))
			return true;
	return false;
}

bool rapi_dec(const char *word, int64_t *value)
{
	bool minus = *word == '-';
	int64_t v = 0;

	word += minus;
	if (!*word || strlen(word) > 15)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return false;
		v = v * 10 + (*word - '0');
	}
	*value = minus ? -v : v;
	return true;
}

bool rapi_hex(const char *word, uint32_t *value)
{
	uint32_t v = 0;

	if (!*word || strlen(word) > 8)
		return false;
	for (; *word; word++) {
		int d = digit(*word);

		if (d < 0)
			return false;
		v = v << 4 | (uint32_t)d;
	}
	*value = v;
	return true;
}
