/*
 * Errors: a number, a sentence and a hint, in a buffer that the caller owns.
 *
 * Functions return 0 or more on success and -MKT_E... on failure, and fill the
 * @err they were given as their last argument; @err may be NULL.  Nothing here
 * allocates, prints or exits.  Sentences are lower case without a full stop;
 * the fault comes first and user text stands in single quotes with control
 * characters replaced.
 */
#ifndef MKT_BASE_ERR_H
#define MKT_BASE_ERR_H

#include "core/base/compat.h"

enum mkt_code {
	MKT_OK = 0,
#define MKT_ERROR(name, number, word, exit, text, hint) MKT_##name = number,
#include "core/base/errors.def"
#undef MKT_ERROR
};

#define MKT_ERR_TEXT_MAX 256
#define MKT_ERR_HINT_MAX 160

struct mkt_err {
	int code;                    /* enum mkt_code; 0: nothing happened */
	char text[MKT_ERR_TEXT_MAX];
	char hint[MKT_ERR_HINT_MAX]; /* starts as the hint of the code's row */
};

/* Fill @err with @code, its row's hint and the formatted sentence.  Returns -@code. */
int mkt_err_set(struct mkt_err *err, int code, const char *fmt, ...) MKT_PRINTF(3, 4);

/* As mkt_err_set() with the row's own sentence. */
int mkt_err_code(struct mkt_err *err, int code);

/* As mkt_err_set(), with ": " and the text of errno value @errnum at the end. */
int mkt_err_sys(struct mkt_err *err, int code, int errnum, const char *fmt, ...) MKT_PRINTF(4, 5);

#ifdef __clang_analyzer__
/*
 * The analyzer sees one file at a time; it would follow paths on which the
 * report of an error returned none.  (err.c undoes this for the definitions.)
 * No function: it goes into those only so deep.
 */
#define mkt_err_failed(call)                                                                       \
	__extension__({                                                                            \
		int failed_ = (call);                                                              \
		if (failed_ >= 0)                                                                  \
			__builtin_unreachable();                                                   \
		failed_;                                                                           \
	})
#define mkt_err_set(...) mkt_err_failed(mkt_err_set(__VA_ARGS__))
#define mkt_err_code(err, code) mkt_err_failed(mkt_err_code(err, code))
#define mkt_err_sys(...) mkt_err_failed(mkt_err_sys(__VA_ARGS__))
#endif

/* Put "context: " before the sentence.  Returns -err->code (-MKT_EINTERNAL without @err). */
int mkt_err_wrap(struct mkt_err *err, const char *fmt, ...) MKT_PRINTF(2, 3);

/* Replace the hint. */
void mkt_err_hint(struct mkt_err *err, const char *fmt, ...) MKT_PRINTF(2, 3);

/* The row of a code; an unknown code gives the row of EINTERNAL.  Never NULL. */
const char *mkt_code_word(int code); /* "ok" for 0 */
const char *mkt_code_text(int code);
const char *mkt_code_hint(int code);
int mkt_code_exit(int code);

/* The code of a word, or -1. */
int mkt_code_find(const char *word);

#endif
