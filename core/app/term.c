#include "core/base/compat.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#include "core/app/term.h"
#include "core/codec/enc.h"

#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT 24
#define SIZE_MAX_SANE 10000

static bool env_is_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v;
}

static unsigned env_size(const char *name)
{
	const char *v = getenv(name);
	char *end;
	unsigned long n;

	if (!v || *v < '0' || *v > '9')
		return 0;
	n = strtoul(v, &end, 10);
	return *end || n > SIZE_MAX_SANE ? 0 : (unsigned)n;
}

static void find_size(struct mkt_term *t)
{
	struct winsize ws = {0};

	if (t->out_tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		ws = (struct winsize){0};
	t->columns = env_size("COLUMNS");
	if (!t->columns)
		t->columns = ws.ws_col ? ws.ws_col : COLUMNS_DEFAULT;
	t->rows = env_size("LINES");
	if (!t->rows)
		t->rows = ws.ws_row ? ws.ws_row : ROWS_DEFAULT;
}

static bool wants_color(enum mkt_color_when option, enum mkt_color_when setting, bool tty)
{
	const char *term = getenv("TERM"), *force = getenv("CLICOLOR_FORCE");

	if (option == MKT_WHEN_ALWAYS || option == MKT_WHEN_NEVER)
		return option == MKT_WHEN_ALWAYS;
	if (option != MKT_WHEN_AUTO) {
		if (env_is_set("NO_COLOR"))
			return false;
		if (force && *force && strcmp(force, "0") != 0)
			return true;
		if (setting == MKT_WHEN_ALWAYS || setting == MKT_WHEN_NEVER)
			return setting == MKT_WHEN_ALWAYS;
	}
	return tty && term && *term && strcmp(term, "dumb") != 0;
}

void mkt_term_init(struct mkt_term *t, enum mkt_color_when option, enum mkt_color_when setting)
{
	const char *codeset;

	*t = (struct mkt_term){
		.in_tty = isatty(STDIN_FILENO) == 1,
		.out_tty = isatty(STDOUT_FILENO) == 1,
		.err_tty = isatty(STDERR_FILENO) == 1,
	};
	t->color = wants_color(option, setting, t->out_tty);
	t->err_color = wants_color(option, setting, t->err_tty);
	if (setlocale(LC_CTYPE, "")) {
		codeset = nl_langinfo(CODESET);
		t->utf8 = !strcasecmp(codeset, "UTF-8");
	}
	find_size(t);
}

bool mkt_term_interactive(const struct mkt_term *t)
{
	return t->in_tty && t->out_tty;
}

const char *mkt_term_paint(bool on, enum mkt_color c)
{
	static const char *const codes[MKT_COLOR_COUNT] = {
		[MKT_COLOR_NONE] = "",
		[MKT_COLOR_RED] = "\033[31m",
		[MKT_COLOR_GREEN] = "\033[32m",
		[MKT_COLOR_YELLOW] = "\033[33m",
		[MKT_COLOR_BLUE] = "\033[34m",
		[MKT_COLOR_CYAN] = "\033[36m",
		[MKT_COLOR_BOLD] = "\033[1m",
		[MKT_COLOR_DIM] = "\033[2m",
	};

	return on && c < MKT_COLOR_COUNT ? codes[c] : "";
}

const char *mkt_term_plain(bool on)
{
	return on ? "\033[0m" : "";
}

/* The bytes of the first character of @text (not ""), and the columns it takes. */
static size_t next_char(const struct mkt_term *t, const char *text, unsigned *columns)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t n;
	int w;

	*columns = 1;
	if (!t->utf8)
		return 1;
	n = mbrtowc(&c, text, MB_CUR_MAX, &state);
	if (n == (size_t)-1 || n == (size_t)-2 || n == 0)
		return 1;
	w = wcwidth(c);
	*columns = w > 0 ? (unsigned)w : 0;
	return n;
}

unsigned mkt_term_width(const struct mkt_term *t, const char *text)
{
	unsigned width = 0, w;

	while (*text) {
		text += next_char(t, text, &w);
		width += w;
	}
	return width;
}

void mkt_term_cut(const struct mkt_term *t, char *text, unsigned columns)
{
	unsigned width = 0, w;
	char *end = text;

	if (!columns || mkt_term_width(t, text) <= columns)
		return;
	while (*end) {
		size_t n = next_char(t, end, &w);

		if (width + w > columns - 1)
			break;
		width += w;
		end += n;
	}
	end[0] = '~';
	end[1] = 0;
}

/* A locale that is not UTF-8's has other bytes for its letters: those are not looked at. */
static bool deceives(const unsigned char *s, size_t n)
{
	return n > 1 && mkt_utf8_len(s, n) == n && mkt_code_deceives(mkt_utf8_code(s, n));
}

void mkt_term_clean(const struct mkt_term *t, const char *text, struct mkt_buf *b)
{
	while (*text) {
		const unsigned char *u = (const unsigned char *)text;
		unsigned w;
		size_t n = next_char(t, text, &w);
		/* C1 controls are two bytes in UTF-8: C2 80 to C2 9F. */
		bool c1 = u[0] == 0xc2 && u[1] < 0xa0;
		bool broken = n == 1 && u[0] >= 0x80;

		if (u[0] < 0x20 || u[0] == 0x7f || c1 || broken || deceives(u, n))
			mkt_buf_addch(b, '?');
		else
			mkt_buf_add(b, text, n);
		text += n;
	}
}

/* ---- pager -------------------------------------------------------------------------------- */

const char *mkt_pager_command(const char *setting)
{
	const char *c = getenv("MKT_PAGER");

	if (!c)
		c = setting;
	if (!c)
		c = getenv("PAGER");
	if (!c)
		c = "less";
	/* cat is what people set to say "none". */
	return !*c || !strcmp(c, "cat") ? NULL : c;
}

static void run_pager(const char *command, int in)
{
	dup2(in, STDIN_FILENO);
	if (in != STDIN_FILENO)
		close(in);
	setenv("LESS", "FRX", 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

int mkt_pager_start(struct mkt_pager *p, const char *command, struct mkt_err *err)
{
	int ends[2];
	pid_t pid;
	FILE *in;

	if (pipe(ends) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot start the pager");
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return mkt_err_sys(err, MKT_EIO, errno, "cannot start the pager");
	}
	if (!pid) {
		close(ends[1]);
		run_pager(command, ends[0]);
	}
	close(ends[0]);
	in = fdopen(ends[1], "w");
	if (!in) {
		close(ends[1]);
		waitpid(pid, NULL, 0);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	*p = (struct mkt_pager){in, pid};
	return 0;
}

void mkt_pager_finish(struct mkt_pager *p)
{
	if (!p->in)
		return;
	fclose(p->in);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*p = (struct mkt_pager){NULL, 0};
}

/* ---- progress ----------------------------------------------------------------------------- */

#define PROGRESS_WAIT_MS 2000
#define PROGRESS_EVERY_MS 200
#define PROGRESS_PLAIN_EVERY_MS 10000

void mkt_progress_begin(struct mkt_progress *p, const char *verb, uint64_t now_ms,
			uint64_t deadline_ms)
{
	p->begun_ms = now_ms;
	p->drawn_ms = now_ms;
	p->deadline_ms = deadline_ms;
	p->shown = false;
	snprintf(p->verb, sizeof(p->verb), "%s", verb);
}

static uint64_t percent(uint64_t done, uint64_t total)
{
	if (done >= total)
		return 100;
	return total > UINT64_MAX / 100 ? done / (total / 100) : done * 100 / total;
}

/* "verifying blocks: 1200 of 5000 (24 %), 600/s, 20 s left" */
static void describe(const struct mkt_progress *p, uint64_t done, uint64_t total, uint64_t now_ms,
		     char *out, size_t size)
{
	uint64_t spent_ms = now_ms > p->begun_ms ? now_ms - p->begun_ms : 1;
	uint64_t rate = done / (spent_ms / 1000 + 1);
	int n = snprintf(out, size, "%s: %llu", p->verb, (unsigned long long)done);

	if (total && n > 0 && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, " of %llu (%llu %%)",
			      (unsigned long long)total,
			      (unsigned long long)percent(done, total));
	if (rate && n > 0 && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, ", %llu/s", (unsigned long long)rate);
	if (p->deadline_ms > now_ms && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, ", gives up in %llu s",
			 (unsigned long long)((p->deadline_ms - now_ms) / 1000));
}

void mkt_progress_update(struct mkt_progress *p, uint64_t done, uint64_t total, uint64_t now_ms)
{
	uint64_t every_ms = p->plain ? PROGRESS_PLAIN_EVERY_MS : PROGRESS_EVERY_MS;
	char line[160];

	if (!p->on || now_ms < p->begun_ms + PROGRESS_WAIT_MS || now_ms < p->drawn_ms + every_ms)
		return;
	p->drawn_ms = now_ms;
	describe(p, done, total, now_ms, line, sizeof(line));
	if (p->plain)
		fprintf(stderr, "%s\n", line);
	else
		fprintf(stderr, "\r%.*s\033[K", (int)(p->columns > 1 ? p->columns - 1 : 1), line);
	fflush(stderr);
	p->shown = true;
}

void mkt_progress_end(struct mkt_progress *p)
{
	if (p->shown && !p->plain) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	p->shown = false;
}
