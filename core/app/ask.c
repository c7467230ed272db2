/*
 * Questions to the person at the terminal.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <stdarg.h>
#include <termios.h>
#include <unistd.h>

#include "core/app/app.h"

/* A line from stdin, one byte a read: what stands behind it is not ours to take. */
static bool read_line(char *out, size_t size)
{
	size_t n = 0;

	for (;;) {
		char c;
		ssize_t got = read(STDIN_FILENO, &c, 1);

		if (got < 0 && errno == EINTR && !mkt_app_stopped())
			continue;
		if (got <= 0 || c == '\n')
			break;
		if (n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = 0;
	return n != 0;
}

static int can_ask(struct mkt_app *app, const char *instead)
{
	if (app->term.in_tty && app->term.err_tty && !app->opt.no_input)
		return 0;
	mkt_err_set(&app->err, MKT_EUSAGE, "this needs an answer and nobody can be asked");
	mkt_err_hint(&app->err, "%s", instead);
	return -MKT_EUSAGE;
}

int mkt_app_confirm(struct mkt_app *app, const char *fmt, ...)
{
	char text[512], answer[16];
	va_list ap;

	if (app->opt.yes)
		return 0;
	if (can_ask(app, "give --yes if you mean it") < 0)
		return -MKT_EUSAGE;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mkt_out_flush(&app->out);
	fprintf(stderr, "%s [y/N] ", text);
	if (read_line(answer, sizeof(answer)) && (!strcmp(answer, "y") || !strcmp(answer, "yes")))
		return 0;
	return mkt_err_code(&app->err, MKT_ECANCELLED);
}

static bool ask_hidden(const char *prompt, char *out, size_t size)
{
	struct termios shown, hidden;
	bool had = tcgetattr(STDIN_FILENO, &shown) == 0, ok;

	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	if (had)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	/* Last: what is typed before the prompt was shown on the screen, and is thrown away. */
	fprintf(stderr, "%s: ", prompt);
	ok = read_line(out, size);
	if (had)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	fputc('\n', stderr);
	return ok;
}

int mkt_app_passphrase(struct mkt_app *app, const char *prompt, bool again, char *out, size_t size)
{
	char second[256] = "";
	int rc = 0;

	if (can_ask(app, "give the passphrase with --passphrase-file or core.passphrase_file") < 0)
		return -MKT_EUSAGE;
	if (!ask_hidden(prompt, out, size))
		return mkt_err_set(&app->err, MKT_ECANCELLED, "no passphrase was given");
	if (again && (!ask_hidden("once more", second, sizeof(second)) || strcmp(out, second) != 0))
		rc = mkt_err_set(&app->err, MKT_EUSAGE, "the two passphrases differ");
	explicit_bzero(second, sizeof(second));
	return rc;
}
