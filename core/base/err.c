#include "core/base/compat.h"

#include <stdarg.h>

#include "core/base/err.h"

#undef mkt_err_set
#undef mkt_err_code
#undef mkt_err_sys

struct row {
	int code;
	int exit_status;
	const char *word;
	const char *text;
	const char *hint;
};

static const struct row rows[] = {
	{0, 0, "ok", "done", ""},
#define MKT_ERROR(name, number, word, exit, text, hint) {number, exit, word, text, hint},
#include "core/base/errors.def"
#undef MKT_ERROR
};

static const struct row *row_of(int code)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return row_of(MKT_EINTERNAL);
}

const char *mkt_code_word(int code)
{
	return row_of(code)->word;
}

const char *mkt_code_text(int code)
{
	return row_of(code)->text;
}

const char *mkt_code_hint(int code)
{
	return row_of(code)->hint;
}

int mkt_code_exit(int code)
{
	return row_of(code)->exit_status;
}

int mkt_code_find(const char *word)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].word, word))
			return rows[i].code;
	return -1;
}

/* User text may hold anything; a terminal must not see its control bytes. */
static void replace_controls(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void set_hint(struct mkt_err *err, int code)
{
	snprintf(err->hint, sizeof(err->hint), "%s", row_of(code)->hint);
}

int mkt_err_set(struct mkt_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	replace_controls(err->text);
	set_hint(err, code);
	return -code;
}

int mkt_err_code(struct mkt_err *err, int code)
{
	return mkt_err_set(err, code, "%s", row_of(code)->text);
}

int mkt_err_sys(struct mkt_err *err, int code, int errnum, const char *fmt, ...)
{
	va_list ap;
	char why[96];
	size_t used;

	if (!err)
		return -code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
		 strerror_r(errnum, why, sizeof(why)));
	replace_controls(err->text);
	set_hint(err, code);
	return -code;
}

int mkt_err_wrap(struct mkt_err *err, const char *fmt, ...)
{
	va_list ap;
	char old[MKT_ERR_TEXT_MAX];
	size_t used;

	if (!err)
		return -MKT_EINTERNAL;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", old);
	replace_controls(err->text);
	return -err->code;
}

void mkt_err_hint(struct mkt_err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	replace_controls(err->hint);
}
