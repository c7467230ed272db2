/*
 * Lines of mkt shell on any bytes.  What is refused is told in a sentence; words that came out
 * come out again when each is quoted; bounds hold, whatever variables bring.
 */
#include "core/base/compat.h"

#include "cmd/shell_words.h"
#include "tests/fuzz/fuzz.h"

/* $BIG fills the room for words in a few uses; $none is no variable. */
static const char *value(void *arg, const char *name, size_t n)
{
	static char big[SHELL_TEXT_MAX / 3];

	(void)arg;
	FUZZ_CHECK((n == 1 && name[0] == '?') || n == shell_name_len(name, n));
	if (n == 3 && !memcmp(name, "BIG", 3)) {
		memset(big, 'x', sizeof(big) - 1);
		return big;
	}
	return n == 4 && !memcmp(name, "none", 4) ? NULL : "a 'b' $c \"";
}

static void quote(const struct shell_words *w, struct mkt_buf *out)
{
	for (int i = 0; i < w->n; i++) {
		mkt_buf_addstr(out, i ? " '" : "'");
		for (const char *p = w->v[i]; *p; p++)
			if (*p == '\'')
				mkt_buf_addstr(out, "'\\''");
			else
				mkt_buf_addch(out, (uint8_t)*p);
		mkt_buf_addch(out, '\'');
	}
}

static void again(const struct shell_words *w)
{
	struct shell_words back = {0};
	struct mkt_buf line = MKT_BUF_INIT;
	struct mkt_err err = {0};

	quote(w, &line);
	if (line.len <= SHELL_LINE_MAX) {
		FUZZ_CHECK(!shell_split(&back, mkt_buf_str(&line), line.len, value, NULL, &err));
		FUZZ_CHECK(back.n == w->n);
		for (int i = 0; i < w->n; i++)
			FUZZ_CHECK(!strcmp(back.v[i], w->v[i]));
	}
	shell_words_release(&back);
	mkt_buf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shell_words w = {0};
	struct mkt_err err = {0};
	char *line = malloc(size + 1);
	int rc;

	FUZZ_CHECK(line);
	memcpy(line, data, size);
	line[size] = 0;
	rc = shell_split(&w, line, size, value, NULL, &err);
	FUZZ_CHECK(rc == 0 || (rc == -MKT_EUSAGE && err.text[0]));
	for (const char *p = err.text; *p; p++)
		FUZZ_CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
	if (!rc) {
		size_t sum = 0;

		FUZZ_CHECK(w.n >= 0 && w.n <= SHELL_WORDS_MAX && !w.v[w.n]);
		for (int i = 0; i < w.n; i++)
			sum += strlen(w.v[i]) + 1;
		FUZZ_CHECK(sum <= SHELL_TEXT_MAX);
		again(&w);
	}
	(void)shell_line_secret(line);
	shell_words_release(&w);
	free(line);
	return 0;
}
