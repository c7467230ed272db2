/*
 * Words of a line of `mkt shell`.
 *
 * Blanks part words.  '...' takes everything as it stands, "..." all but $NAME,
 * a backslash the next character outside '...'.  A word that begins with # ends
 * the line.  $NAME (letters, digits, _) and $? are replaced outside '...' by one
 * value that is not split again.  No recursion; memory is bounded by the limits.
 */
#ifndef MKT_CMD_SHELL_WORDS_H
#define MKT_CMD_SHELL_WORDS_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

#define SHELL_LINE_MAX 4096  /* bytes of a line, without newline */
#define SHELL_WORDS_MAX 256
#define SHELL_TEXT_MAX 65536 /* bytes of all words with what variables brought */

struct shell_words {
	struct mkt_buf text;	     /* the words, each with NUL behind */
	char *v[SHELL_WORDS_MAX + 1]; /* into @text; ended by NULL */
	int n;
};

/* Value of the variable named by @n bytes, borrowed; NULL: there is none. */
typedef const char *shell_value_fn(void *arg, const char *name, size_t n);

/*
 * Split @line of @len bytes into @w, which starts zeroed.  0 or -MKT_EUSAGE (open
 * quote, no such variable, too much, NUL or control characters), -MKT_ENOMEM.
 * Release in both cases.
 */
int shell_split(struct shell_words *w, const char *line, size_t len, shell_value_fn *value,
		void *arg, struct mkt_err *err) MKT_MUST_CHECK;
void shell_words_release(struct shell_words *w);

/* How many bytes of @text are a variable's name; 0: none. */
size_t shell_name_len(const char *text, size_t len);

/* True if the line may hold a secret, or begins with a blank: it is not kept. */
bool shell_line_secret(const char *line);

#endif
