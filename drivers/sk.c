/* SKSTACK-IP lines: drivers/sk.h. */
#include "core/base/compat.h"

#include "drivers/sk.h"

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* @n hex digits, 1..8 of them. */
static bool hex(const uint8_t *s, size_t n, uint32_t *v)
{
	*v = 0;
	if (!n || n > 8)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (digit(s[i]) < 0)
			return false;
		*v = *v << 4 | (uint32_t)digit(s[i]);
	}
	return true;
}

static bool is_ip(const uint8_t *s, size_t n)
{
	if (n != DRV_SK_IP_LEN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (i % 5 == 4 ? s[i] != ':' : digit(s[i]) < 0)
			return false;
	return true;
}

/* A field and where the next one begins; false: none. */
struct field {
	const uint8_t *s;
	size_t n;
};

static bool next_field(const uint8_t *line, size_t n, size_t *at, struct field *f)
{
	if (*at >= n)
		return false;
	f->s = line + *at;
	for (f->n = 0; *at + f->n < n && f->s[f->n] != ' ' && f->s[f->n] != '\r';)
		f->n++;
	*at += f->n + 1;
	return f->n > 0;
}

static bool starts(const uint8_t *line, size_t n, const char *word)
{
	size_t w = strlen(word);

	return n >= w && !memcmp(line, word, w);
}

static void text(struct drv_sk_item *out, const uint8_t *s, size_t n)
{
	size_t len = n < DRV_SK_TEXT_MAX ? n : DRV_SK_TEXT_MAX;

	for (size_t i = 0; i < len; i++)
		out->text[i] = (char)(s[i] >= 0x20 && s[i] < 0x7F ? s[i] : '?');
	out->text[len] = 0;
}

/* EVENT <number> <address> [<side>] [<parameter>] */
static bool event(const uint8_t *line, size_t n, struct drv_sk_item *out)
{
	struct field f;
	size_t at = 6;
	uint32_t v;

	if (!next_field(line, n, &at, &f) || f.n != 2 || !hex(f.s, f.n, &v))
		return false;
	out->code = (uint8_t)v;
	out->param = -1;
	if (!next_field(line, n, &at, &f) || !is_ip(f.s, f.n))
		return false;
	memcpy(out->ip, f.s, f.n);
	while (next_field(line, n, &at, &f)) {
		if (f.n > 2 || !hex(f.s, f.n, &v))
			return false;
		if (f.n == 2)
			out->param = (int)v;
	}
	return true;
}

static bool fail(const uint8_t *line, size_t n, struct drv_sk_item *out)
{
	uint32_t v = 0;

	if (n == 9 && starts(line + 5, 4, "ER") && hex(line + 7, 2, &v))
		out->code = (uint8_t)((v >> 4) * 10 + (v & 15));
	return n == 9;
}

static enum drv_sk_kind classify(const uint8_t *line, size_t n, struct drv_sk_item *out)
{
	static const struct {
		const char *word;
		enum drv_sk_kind kind;
		bool alone;
	} words[] = {{"OK", DRV_SK_OK, true},
		     {"OK ", DRV_SK_OK, false},
		     {"EVER ", DRV_SK_VERSION, false},
		     {"EPANDESC", DRV_SK_PANDESC, true},
		     {"  ", DRV_SK_PAN, false}};

	if (starts(line, n, "EVENT "))
		return event(line, n, out) ? DRV_SK_EVENT : DRV_SK_BAD;
	if (starts(line, n, "FAIL "))
		return fail(line, n, out) ? DRV_SK_FAIL : DRV_SK_BAD;
	if (is_ip(line, n)) {
		memcpy(out->ip, line, n);
		return DRV_SK_ADDRESS;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t w = strlen(words[i].word);

		if (!starts(line, n, words[i].word) || (words[i].alone && n != w))
			continue;
		text(out, line + w, n - w);
		return words[i].kind;
	}
	text(out, line, n);
	return DRV_SK_TEXT;
}

/* ---- ERXUDP ------------------------------------------------------------------------------- */

/* The payload is there: @n bytes take @width each.  1 or 2; 0: more must come. */
static size_t width_of(const uint8_t *s, size_t have, size_t n)
{
	size_t i;

	for (i = 0; i < have && i < 2 * n; i++)
		if (digit(s[i]) < 0)
			return have >= n ? 1 : 0;
	return i == 2 * n ? 2 : 0;
}

static size_t bad(struct drv_sk_item *out, size_t n)
{
	out->kind = DRV_SK_BAD;
	return n;
}

/*
 * ERXUDP <source> <destination> <remote port> <our port> <MAC> <secured> [<side>]
 * <length> <data>.  Behind it the cursor stands on the data.  1, 0: more must
 * come, -1: damaged.
 */
static int udp_head(const uint8_t *b, size_t n, size_t *at, struct drv_sk_item *out)
{
	static const uint8_t lengths[] = {DRV_SK_IP_LEN, DRV_SK_IP_LEN, 4, 4, 16, 1};
	size_t width;
	uint32_t v;

	for (size_t i = 0; i < sizeof(lengths) + 2; i++) {
		bool last = i >= sizeof(lengths);

		for (width = 0; *at + width < n && b[*at + width] != ' '; width++)
			if (b[*at + width] < ' ' || width > DRV_SK_IP_LEN)
				return -1;
		if (*at + width >= n)
			return 0;
		if (!last && width != lengths[i])
			return -1;
		if (i == 0 && is_ip(b + *at, width))
			memcpy(out->ip, b + *at, width);
		if (i == 3 && hex(b + *at, width, &v))
			out->port = (uint16_t)v;
		if (last && width == 4 && hex(b + *at, width, &v) && v <= DRV_SK_DATA_MAX) {
			out->n = (uint16_t)v;
			*at += width + 1;
			return out->ip[0] ? 1 : -1;
		}
		if (last && (width != 1 || i > sizeof(lengths)))
			return -1;
		*at += width + 1;
	}
	return -1;
}

static size_t udp(const uint8_t *b, size_t n, struct drv_sk_item *out)
{
	size_t at = 7, width;
	int r = udp_head(b, n, &at, out);
	uint32_t v = 0;

	if (r <= 0)
		return r < 0 || n >= DRV_SK_ITEM_MAX ? bad(out, 7) : 0;
	width = width_of(b + at, n - at, out->n);
	if (!width || n - at < width * out->n + 2)
		return 0;
	if (memcmp(b + at + width * out->n, "\r\n", 2) != 0)
		return bad(out, 7);
	for (size_t i = 0; i < out->n; i++) {
		if (width == 2)
			hex(b + at + 2 * i, 2, &v);
		out->data[i] = width == 2 ? (uint8_t)v : b[at + i];
	}
	out->kind = DRV_SK_UDP;
	return at + width * out->n + 2;
}

size_t drv_sk_next(const uint8_t *bytes, size_t n, struct drv_sk_item *out)
{
	const uint8_t *end;
	size_t len;

	memset(out, 0, offsetof(struct drv_sk_item, data));
	if (starts(bytes, n, "ERXUDP "))
		return udp(bytes, n, out);
	end = n ? memchr(bytes, '\n', n) : NULL;
	if (!end)
		return n >= DRV_SK_ITEM_MAX ? bad(out, n) : 0;
	len = (size_t)(end - bytes);
	if (len && bytes[len - 1] == '\r')
		len--;
	out->kind = classify(bytes, len, out);
	return (size_t)(end - bytes) + 1;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static bool value(const char *s, const char *name, char *out, size_t digits)
{
	size_t n = strlen(name);

	if (strncmp(s, name, n) || strlen(s + n) != digits)
		return false;
	for (size_t i = 0; i < digits; i++)
		if (digit((uint8_t)s[n + i]) < 0)
			return false;
	memcpy(out, s + n, digits + 1);
	return true;
}

bool drv_sk_pan_field(struct drv_sk_pan *p, const char *text)
{
	char lqi[3];
	uint32_t v;

	if (value(text, "Channel:", p->channel, 2))
		p->have |= 1;
	else if (value(text, "Pan ID:", p->pan, 4))
		p->have |= 2;
	else if (value(text, "Addr:", p->addr, 16))
		p->have |= 4;
	else if (value(text, "LQI:", lqi, 2) && hex((const uint8_t *)lqi, 2, &v))
		p->lqi = (uint8_t)v;
	else
		return false;
	return true;
}

size_t drv_sk_sendto(uint8_t *out, size_t size, const char *ip, bool dual, const uint8_t *frame,
		     size_t n)
{
	char head[80];
	int len = snprintf(head, sizeof(head), "SKSENDTO 1 %.39s %04X 1 %s%04X ", ip, DRV_SK_PORT,
			   dual ? "0 " : "", (unsigned)n);

	if (len <= 0 || n > DRV_SK_DATA_MAX || (size_t)len + n > size)
		return 0;
	memcpy(out, head, (size_t)len);
	memcpy(out + len, frame, n);
	return (size_t)len + n;
}
