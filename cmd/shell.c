/*
 * mkt shell: lines from a terminal or a pipe, each one command.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "cmd/events.h"
#include "cmd/identity.h"
#include "cmd/shell.h"
#include "core/wire/stream.h"
#include "tui/canvas.h"

#define HISTORY_LINES 1000
#define EVENTS_A_SECOND 4 /* sentences; more are counted */
#define EVENTS_AT_ONCE 200 /* read before the keyboard is looked at again */

struct shell_values {
	bool keep_going, eor;
};

#define V struct shell_values

static const struct mkt_opt shell_opts[] = {
	MKT_O_FLAG(V, keep_going, "keep-going", 'k', "go on after a line that failed"),
	MKT_O_FLAG(V, eor, "eor", 0, "end each reply with a line '.'"), MKT_O_END};

/* ---- lines from a pipe -------------------------------------------------------------------- */

/* One line, bounded: what is too long is read to its end and refused by shell_split(). */
static bool read_line(char *line, size_t *len)
{
	int c;

	*len = 0;
	while ((c = getc(stdin)) != EOF && c != '\n')
		if (*len <= SHELL_LINE_MAX)
			line[(*len)++] = (char)c;
	return c != EOF || *len;
}

static int run_pipe(struct shell *s, bool keep_going)
{
	char line[SHELL_LINE_MAX + 1];
	size_t len;
	int failed = 0;

	while (!s->leave && read_line(line, &len)) {
		shell_line(s, line, len);
		failed = s->status ? s->status : failed;
		if ((failed && !keep_going) || mkt_out_failed(&s->app->out))
			break;
	}
	return failed;
}

/* ---- a terminal: readline has globals, and no argument for its callbacks ------------------- */

struct typing {
	struct shell s;
	struct mkt_session session; /* for sentences of events; open when @opened */
	struct mkt_stream *stream;
	struct mkt_buf history; /* path */
	struct mkt_buf offered; /* candidates of the last Tab */
	uint64_t height, second_ms, next_ms;
	unsigned shown, left_out;
	bool opened, ended, stale, reader;
	char prompt[160];
};

/* Readline's callbacks have no argument: the one session of this program. */
static struct typing *typing(void)
{
	static struct typing one;

	return &one;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static const char *make_prompt(struct typing *t)
{
	const char *who = getenv("MKT_ACCOUNT"), *key = getenv("MKT_IDENTITY");
	struct mkt_buf b = MKT_BUF_INIT;
	char height[24] = "?";

	who = who && *who ? who : mkt_app_setting(t->s.app, "core.account");
	key = key && *key ? key : mkt_app_setting(t->s.app, "core.identity");
	who = who && *who ? who : key && *key ? key : "mkt";
	if (strrchr(who, '/'))
		who = strrchr(who, '/') + 1;
	tui_clean(&b, who, strlen(who), false);
	if (t->height)
		snprintf(height, sizeof(height), "%llu", (unsigned long long)t->height);
	snprintf(t->prompt, sizeof(t->prompt), "%.80s #%s%s%s > ", mkt_buf_str(&b), height,
		 t->stale ? " STALE" : "", t->reader ? " RO" : "");
	mkt_buf_release(&b);
	return t->prompt;
}

/* Without a key nothing can be signed. */
static void look_for_key(struct typing *t)
{
	struct mkt_pubkey pub;

	t->reader = mkt_identity_public(t->s.app, &pub) != 0;
	memset(&t->s.app->err, 0, sizeof(t->s.app->err));
}

/* ---- history ------------------------------------------------------------------------------ */

static void open_history(struct typing *t)
{
	struct stat st;

	if (mkt_conf_dir(&t->s.app->conf, MKT_DIR_STATE, &t->history, &t->s.app->err)) {
		memset(&t->s.app->err, 0, sizeof(t->s.app->err));
		mkt_buf_clear(&t->history);
		return;
	}
	mkdir(mkt_buf_str(&t->history), 0700);
	mkt_buf_addstr(&t->history, "/history");
	if (stat(mkt_buf_str(&t->history), &st) || !S_ISREG(st.st_mode))
		return;
	history_truncate_file(mkt_buf_str(&t->history), HISTORY_LINES);
	chmod(mkt_buf_str(&t->history), 0600);
	read_history(mkt_buf_str(&t->history));
	stifle_history(HISTORY_LINES);
}

static void remember(struct typing *t, const char *line)
{
	int fd;

	if (!*line)
		return;
	add_history(line);
	if (shell_line_secret(line) || !t->history.len)
		return;
	fd = open(mkt_buf_str(&t->history), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return;
	dprintf(fd, "%s\n", line);
	close(fd);
}

/* ---- completion --------------------------------------------------------------------------- */

static char *next_candidate(const char *text, int state)
{
	const struct mkt_buf *offered = &typing()->offered;
	static size_t at;

	(void)text;
	if (!state)
		at = 0;
	while (at < offered->len) {
		const char *line = (const char *)offered->data + at;
		size_t n = strcspn(line, "\t\n"), whole = strcspn(line, "\n");

		at += whole + 1;
		if (n)
			return strndup(line, n);
	}
	return NULL;
}

static char **complete(const char *text, int start, int end)
{
	struct typing *t = typing();

	(void)end;
	rl_attempted_completion_over = 1;
	mkt_buf_clear(&t->offered);
	shell_candidates(&t->s, rl_line_buffer, (size_t)start, text, &t->offered);
	return t->offered.len ? rl_completion_matches(text, next_candidate) : NULL;
}

/* Candidates with what they are, under the line. */
static void show_candidates(char **matches, int n, int max)
{
	const struct mkt_buf *offered = &typing()->offered;
	struct mkt_buf b = MKT_BUF_INIT;

	(void)matches, (void)n;
	tui_clean(&b, (const char *)offered->data, offered->len, true);
	rl_crlf();
	for (const char *at = mkt_buf_str(&b); *at;) {
		size_t whole = strcspn(at, "\n"), word = strcspn(at, " \n");

		fprintf(rl_outstream, "  %-*.*s %.*s\n", max, (int)word, at, (int)(whole - word),
			at + word);
		at += whole + (at[whole] == '\n');
	}
	mkt_buf_release(&b);
	rl_forced_update_display();
}

/* ---- events ------------------------------------------------------------------------------- */

/* @text above the line that is being typed, which is drawn again below. */
static void above(const char *text)
{
	rl_clear_visible_line();
	fprintf(rl_outstream, "%s\n", text);
	rl_forced_update_display();
}

/* The chain's zone and currency, asked once the node answers. */
static void open_session(struct typing *t)
{
	t->opened = !mkt_session_open(&t->session, t->s.app, MKT_NEED_MARKET);
	if (t->opened)
		t->height = t->height ? t->height : t->session.facts.height;
	memset(&t->s.app->err, 0, sizeof(t->s.app->err));
}

static void show_event(struct typing *t, const struct mkt_sse_event *ev)
{
	struct mkt_err err = {0};
	struct mkt_jdoc *doc = NULL;
	struct mkt_buf say = MKT_BUF_INIT, clean = MKT_BUF_INIT;
	struct mkt_jval root;

	t->height = strtoull(ev->id, NULL, 10);
	if (t->s.quiet || !strcmp(ev->kind, "block"))
		return;
	/* Events may come with the first bytes of a connection. */
	if (!t->opened)
		open_session(t);
	if (t->shown == EVENTS_A_SECOND || !t->opened) {
		t->left_out++;
		return;
	}
	if (!mkt_jdoc_parse(ev->data, ev->len, NULL, &doc, &err)) {
		root = mkt_jdoc_root(doc);
		mkt_event_sentence(&t->session, &root, &say);
		tui_clean(&clean, mkt_buf_str(&say), say.len, false);
		above(mkt_buf_str(&clean));
		t->shown++;
	}
	mkt_jdoc_free(doc);
	mkt_buf_release(&say);
	mkt_buf_release(&clean);
}

static void next_second(struct typing *t)
{
	char text[64];
	uint64_t now = mkt_stream_now_ms();

	if (now < t->second_ms + 1000)
		return;
	if (t->left_out) {
		snprintf(text, sizeof(text), "... and %u more events; see 'log'", t->left_out);
		above(text);
	}
	t->second_ms = now;
	t->shown = t->left_out = 0;
}

static void listen_again(struct typing *t)
{
	struct mkt_stream_conf what = {.path = "/v1/events", .cursor = ""};
	struct mkt_client_conf conf;
	const char *server = getenv("MKT_SERVER");

	mkt_stream_free(t->stream);
	t->stream = NULL;
	t->s.moved = false;
	mkt_session_client_conf(t->s.app, &conf);
	conf.stop = NULL;
	if (server && *server)
		conf.server = server;
	if (mkt_stream_new(&conf, &what, &t->stream, &t->s.app->err))
		memset(&t->s.app->err, 0, sizeof(t->s.app->err));
}

static void listen(struct typing *t)
{
	struct mkt_sse_event ev;
	struct mkt_err err = {0};
	uint64_t before = t->height;
	bool stale;
	int news = MKT_STREAM_QUIET;

	if (t->s.moved)
		listen_again(t);
	for (unsigned i = 0; t->stream && i < EVENTS_AT_ONCE; i++) {
		news = mkt_stream_next(t->stream, mkt_stream_now_ms(), &ev, &err);
		if (news != MKT_STREAM_EVENT)
			break;
		show_event(t, &ev);
	}
	stale = !t->stream || news < 0 || !mkt_stream_connected(t->stream);
	if (!stale && !t->opened)
		open_session(t);
	next_second(t);
	if (stale == t->stale && (before == t->height || mkt_stream_now_ms() < t->next_ms))
		return;
	t->stale = stale;
	t->next_ms = mkt_stream_now_ms() + 250;
	rl_set_prompt(make_prompt(t));
	rl_clear_visible_line();
	rl_forced_update_display();
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void take_line(char *line)
{
	struct typing *t = typing();

	/* The terminal is the command's while it runs. */
	rl_callback_handler_remove();
	if (!line) {
		t->ended = true;
		fputc('\n', rl_outstream);
		return;
	}
	remember(t, line);
	shell_line(&t->s, line, strlen(line));
	free(line);
	interrupted = 0;
	t->ended = t->s.leave;
	look_for_key(t);
	if (!t->ended)
		rl_callback_handler_install(make_prompt(t), take_line);
}

static void drop_line(void)
{
	interrupted = 0;
	fputs("^C", rl_outstream);
	rl_crlf();
	rl_replace_line("", 1);
	rl_point = 0;
	rl_on_new_line();
	rl_redisplay();
}

static void loop(struct typing *t)
{
	while (!t->ended) {
		struct pollfd p[2] = {{STDIN_FILENO, POLLIN, 0}, {-1, POLLIN, 0}};

		if (t->stream)
			p[1].fd = mkt_stream_fd(t->stream);
		if (poll(p, 2, 200) < 0 && errno != EINTR)
			break;
		if (interrupted)
			drop_line();
		else if (p[0].revents & POLLIN)
			rl_callback_read_char();
		else if (p[0].revents)
			break;
		if (!t->ended)
			listen(t);
	}
}

static int run_terminal(struct typing *t)
{
	struct sigaction sa = {.sa_handler = on_interrupt};

	rl_readline_name = "mkt";
	rl_catch_signals = 0;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = show_candidates;
	rl_completer_word_break_characters = (char *)(uintptr_t) " \t";
	sigaction(SIGINT, &sa, NULL);
	using_history();
	open_history(t);
	look_for_key(t);
	t->stale = true;
	listen_again(t);
	rl_callback_handler_install(make_prompt(t), take_line);
	loop(t);
	rl_callback_handler_remove();
	mkt_stream_free(t->stream);
	if (t->opened)
		mkt_session_close(&t->session);
	mkt_buf_release(&t->history);
	mkt_buf_release(&t->offered);
	clear_history();
	return t->s.status;
}

/* ---- the command -------------------------------------------------------------------------- */

/* Commands that are run as children find what this one was told. */
static int export_settings(struct shell *s)
{
	const struct mkt_globals *o = &s->app->opt;
	const char *const pairs[][2] = {
		{"MKT_CONFIG", s->app->config_file}, {"MKT_SERVER", o->server},
		{"MKT_ACCOUNT", o->account},	     {"MKT_IDENTITY", o->identity},
		{"MKT_TZ", o->tz},		     {"MKT_TIMEOUT", o->timeout}};
	ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);

	s->program[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < MKT_ARRAY_SIZE(pairs); i++)
		if (pairs[i][1] && setenv(pairs[i][0], pairs[i][1], 1))
			return mkt_err_code(&s->app->err, MKT_ENOMEM);
	return 0;
}

static int shell_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct shell_values *v = values;
	struct typing *t = typing();
	int rc;

	(void)argc, (void)argv;
	t->s.app = app;
	t->s.json = app->opt.json;
	t->s.eor = v->eor;
	t->s.terminal = app->term.in_tty && app->term.out_tty;
	app->out.paging = false;
	rc = export_settings(&t->s);
	if (!rc)
		rc = t->s.terminal ? run_terminal(t) : run_pipe(&t->s, v->keep_going);
	shell_release(&t->s);
	return rc;
}

const struct mkt_spec cmd_shell = {
	.name = "shell",
	.summary = "type commands, one a line",
	.opts = shell_opts,
	.values_size = sizeof(struct shell_values),
	.run = shell_run,
};
