#include "core/base/compat.h"

#include <string.h>

#include "core/device/line.h"

int mkt_line_split(struct mkt_line *l, const char *text, size_t n, struct mkt_err *err)
{
	char *at = l->text, *end = l->text + n;

	l->n = 0;
	if (n && text[n - 1] == '\r') /* typed by hand */
		end--, n--;
	if (!n || n > MKT_LINE_MAX - 1)
		return mkt_err_set(err, MKT_EINVAL, "a line has 1 to %d bytes", MKT_LINE_MAX - 1);
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return mkt_err_set(err, MKT_EINVAL, "a control character at column %zu",
					   i + 1);
	memcpy(l->text, text, n);
	*end = 0;
	for (;;) {
		char *blank = strchr(at, ' ');

		if (!*at || blank == at)
			return mkt_err_set(err, MKT_EINVAL, "an empty word at column %td",
					   at - l->text + 1);
		if (l->n == MKT_LINE_WORDS)
			return mkt_err_set(err, MKT_EINVAL, "more than %d words", MKT_LINE_WORDS);
		l->word[l->n++] = at;
		if (!blank)
			return 0;
		*blank = 0;
		at = blank + 1;
	}
}

const char *mkt_line_get(const struct mkt_line *l, const char *key)
{
	size_t n = strlen(key);

	for (unsigned i = 0; i < l->n; i++)
		if (!strncmp(l->word[i], key, n) && l->word[i][n] == '=')
			return l->word[i] + n + 1;
	return NULL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mkt_line_text(const struct mkt_line *l, const char *key, char *out, size_t size)
{
	const char *s = mkt_line_get(l, key);
	char text[MKT_LINE_MAX];
	size_t n = 0;

	if (!s)
		return -MKT_ENOTFOUND;
	for (; *s; s++) {
		char c = *s;

		if (c == '%') {
			int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);

			if (low < 0)
				return -MKT_EINVAL;
			c = (char)(high << 4 | low);
			s += 2;
		}
		if (!c || n + 1 >= size)
			return -MKT_EINVAL;
		text[n++] = c;
	}
	memcpy(out, text, n);
	out[n] = 0;
	return 0;
}

bool mkt_line_number(const char *text, int64_t *out)
{
	bool negative = *text == '-';
	uint64_t v = 0;

	text += negative;
	if (!*text || strlen(text) > 18)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*out = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

int mkt_line_u64(const struct mkt_line *l, const char *key, uint64_t max, uint64_t *out)
{
	const char *s = mkt_line_get(l, key);
	int64_t v;

	if (!s)
		return -MKT_ENOTFOUND;
	if (!mkt_line_number(s, &v) || v < 0 || *s == '-' || (uint64_t)v > max)
		return -MKT_EINVAL;
	*out = (uint64_t)v;
	return 0;
}

void mkt_line_add(struct mkt_buf *b, size_t begin, const char *key, const char *text)
{
	mkt_buf_addf(b, " %s=", key);
	for (; *text && !b->bad; text++) {
		uint8_t c = (uint8_t)*text;

		if (b->len - begin + 3 > MKT_LINE_MAX - 1)
			return;
		if (c <= 0x20 || c == '%' || c == 0x7f)
			mkt_buf_addf(b, "%%%02X", c);
		else
			mkt_buf_addch(b, c);
	}
}

static const char *const kinds[] = {"none", "current", "power", "mode"};

void mkt_line_add_set(struct mkt_buf *b, const char *key, const struct mkt_setpoint *set)
{
	if (set->kind == MKT_SET_NONE)
		mkt_buf_addf(b, " %s=none", key);
	else if (set->kind == MKT_SET_MODE)
		mkt_buf_addf(b, " %s=mode:%s", key, mkt_dev_mode_word(set->value));
	else
		mkt_buf_addf(b, " %s=%s:%d", key, kinds[set->kind], set->value);
}

bool mkt_line_set(const char *text, struct mkt_setpoint *out)
{
	const char *colon = strchr(text, ':');
	int64_t v;

	if (!strcmp(text, "none")) {
		*out = (struct mkt_setpoint){MKT_SET_NONE, 0};
		return true;
	}
	if (!colon)
		return false;
	if (colon - text == 4 && !strncmp(text, "mode", 4)) {
		int mode = mkt_dev_mode_find(colon + 1);

		*out = (struct mkt_setpoint){MKT_SET_MODE, mode};
		return mode >= 0;
	}
	if (!mkt_line_number(colon + 1, &v) || v < INT32_MIN || v > INT32_MAX)
		return false;
	for (int kind = MKT_SET_CURRENT; kind <= MKT_SET_POWER; kind++)
		if (strlen(kinds[kind]) == (size_t)(colon - text) &&
		    !strncmp(text, kinds[kind], (size_t)(colon - text))) {
			*out = (struct mkt_setpoint){(enum mkt_set)kind, (int32_t)v};
			return true;
		}
	return false;
}
