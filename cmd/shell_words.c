/*
 * Words of a line of mkt shell.
 */
#include "core/base/compat.h"

#include <ctype.h>
#include <strings.h>

#include "cmd/shell_words.h"

struct splitting {
	struct shell_words *w;
	const char *at, *end;
	shell_value_fn *value;
	void *arg;
	struct mkt_err *err;
	size_t begins[SHELL_WORDS_MAX];
};

size_t shell_name_len(const char *text, size_t len)
{
	size_t n = 0;

	if (len && isdigit((unsigned char)text[0]))
		return 0;
	while (n < len && (isalnum((unsigned char)text[n]) || text[n] == '_'))
		n++;
	return n;
}

static int put(struct splitting *s, const char *text, size_t n)
{
	if (s->w->text.len + n > SHELL_TEXT_MAX)
		return mkt_err_set(s->err, MKT_EUSAGE, "the line is longer than %d bytes",
				   SHELL_TEXT_MAX);
	mkt_buf_add(&s->w->text, text, n);
	return s->w->text.bad ? mkt_err_code(s->err, MKT_ENOMEM) : 0;
}

/* At a dollar sign.  One that no name follows is itself. */
static int variable(struct splitting *s)
{
	const char *name = ++s->at, *value;
	size_t left = (size_t)(s->end - name);
	size_t n = left && *name == '?' ? 1 : shell_name_len(name, left);

	if (!n)
		return put(s, "$", 1);
	s->at += n;
	value = s->value ? s->value(s->arg, name, n) : NULL;
	if (!value)
		return mkt_err_set(s->err, MKT_EUSAGE, "there is no variable '%.*s'", (int)n, name);
	return put(s, value, strlen(value));
}

static int one_word(struct splitting *s)
{
	char quote = 0;
	int rc = 0;

	while (!rc && s->at < s->end && (quote || (*s->at != ' ' && *s->at != '\t'))) {
		char c = *s->at;

		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? 0 : c;
			s->at++;
		} else if (c == '$' && quote != '\'') {
			rc = variable(s);
		} else if (c == '\\' && quote != '\'' && s->end - s->at > 1) {
			rc = put(s, s->at + 1, 1);
			s->at += 2;
		} else {
			rc = put(s, s->at++, 1);
		}
	}
	if (!rc && quote)
		return mkt_err_set(s->err, MKT_EUSAGE, "the quote %c is not closed", quote);
	return rc ? rc : put(s, "", 1);
}

static int check(const char *line, size_t len, struct mkt_err *err)
{
	if (len > SHELL_LINE_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "the line is longer than %d bytes",
				   SHELL_LINE_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return mkt_err_set(err, MKT_EUSAGE,
					   "the line has a control character at column %zu", i + 1);
	return 0;
}

int shell_split(struct shell_words *w, const char *line, size_t len, shell_value_fn *value,
		void *arg, struct mkt_err *err)
{
	struct splitting s = {w, line, line + len, value, arg, err, {0}};
	int rc = check(line, len, err);

	while (!rc) {
		while (s.at < s.end && (*s.at == ' ' || *s.at == '\t'))
			s.at++;
		if (s.at == s.end || *s.at == '#')
			break;
		if (w->n == SHELL_WORDS_MAX)
			return mkt_err_set(err, MKT_EUSAGE, "the line has more than %d words",
					   SHELL_WORDS_MAX);
		s.begins[w->n++] = w->text.len;
		rc = one_word(&s);
	}
	/* The text has come to rest: now the words have addresses. */
	for (int i = 0; !rc && i < w->n; i++)
		w->v[i] = (char *)w->text.data + s.begins[i];
	w->v[rc ? 0 : w->n] = NULL;
	return rc;
}

void shell_words_release(struct shell_words *w)
{
	mkt_buf_release(&w->text);
	w->n = 0;
}

bool shell_line_secret(const char *line)
{
	static const char *const marks[] = {"passphrase", "password", "secret", "token"};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(marks); i++)
		if (strcasestr(line, marks[i]))
			return true;
	return *line == ' ' || *line == '\t';
}
