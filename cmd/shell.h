/*
 * What the parts of `mkt shell` share: the session, and how one line is done.
 *
 * A command runs as a child, this same program with the session's settings in
 * its environment: the parser, the questions and the exit status are the same as
 * outside, and what one command does to itself the next does not feel.
 */
#ifndef MKT_CMD_SHELL_H
#define MKT_CMD_SHELL_H

#include "cmd/cmd.h"
#include "cmd/shell_words.h"

#define SHELL_VARS_MAX 64
#define SHELL_NAME_MAX 31
#define SHELL_CAPTURE_MAX 65536

struct shell_var {
	char name[SHELL_NAME_MAX + 1];
	char *value; /* owned */
};

struct shell {
	struct mkt_app *app;
	char program[4096];	/* our own path */
	bool terminal;		/* a person types; else lines come from a pipe or file */
	bool json, eor, leave;	/* set json; --eor; exit was typed */
	bool quiet;		/* set events off */
	bool moved;		/* another server was set: the stream must follow */
	int status;		/* of the last line: $? */
	char status_text[16];
	struct shell_var vars[SHELL_VARS_MAX];
	unsigned nvars;
};

/* Do one line.  Errors are told on stderr; what came of it is in s->status. */
void shell_line(struct shell *s, const char *line, size_t len);

/* Run @argv (ended by NULL, without "mkt") and wait for it; returns its exit status. */
int shell_child(struct shell *s, char *const *argv);

/*
 * The same with its stdout appended to @out, SHELL_CAPTURE_MAX bytes of it at most.
 * @silent: what it says on stderr is dropped, and it can ask nothing.
 */
int shell_capture(struct shell *s, char *const *argv, struct mkt_buf *out, bool silent);

/* Words that the shell itself understands, ended by a row without name. */
struct shell_word {
	const char *name, *about;
};
extern const struct shell_word shell_own[];
extern const struct shell_word shell_settings[];

void shell_release(struct shell *s);

/* Candidates for the word that begins at @start of @line: "value TAB description" lines. */
void shell_candidates(struct shell *s, const char *line, size_t start, const char *prefix,
		      struct mkt_buf *out);

#endif
