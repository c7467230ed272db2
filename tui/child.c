#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/child.h"

#define KILL_MS 2000 /* from the kind signal to the other one */
#define KILL_STEP_MS 10
#define READ_CHUNK 16384
#define READS_A_TURN 16 /* then keys are looked at again */
#define STATUS_CANNOT_RUN 126

struct tui_child {
	struct tui_child *next;
	pid_t pid;
	int run;
	int fd[2];  /* its stdout and stderr; -1: ended */
	int end_fd; /* readable when it has ended; -1: it is asked at each turn */
	struct mkt_buf kept[2];
	bool cut, cancelled, killed;
	uint64_t cancelled_ms; /* steady */
	tui_ran_fn *done;
	void *ctx;
	bool owned; /* ctx is ours to free */
};

/* ---- beginning ---------------------------------------------------------------------------- */

/* What execve() is given; made before fork(), for after it only few calls are safe. */
struct start {
	const char *argv[TUI_ARGS_MAX + 1];
	char **env;
	char *server; /* "MKT_SERVER=..." */
	int out[2], err[2], null;
};

static void free_start(struct start *s)
{
	free(s->env);
	free(s->server);
	for (int i = 0; i < 2; i++) {
		if (s->out[i] >= 0)
			close(s->out[i]);
		if (s->err[i] >= 0)
			close(s->err[i]);
	}
	if (s->null >= 0)
		close(s->null);
}

static int make_env(struct start *s, const char *server)
{
	size_t n = 0, k = 0;

	while (environ[n])
		n++;
	s->env = calloc(n + 2, sizeof(*s->env));
	if (!s->env)
		return -MKT_ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!server || strncmp(environ[i], "MKT_SERVER=", 11) != 0)
			s->env[k++] = environ[i];
	if (!server)
		return 0;
	if (asprintf(&s->server, "MKT_SERVER=%s", server) < 0) {
		s->server = NULL;
		return -MKT_ENOMEM;
	}
	s->env[k] = s->server;
	return 0;
}

static int make_start(struct start *s, const struct tui_dash *d, const char *const *argv)
{
	unsigned n = 0;

	*s = (struct start){.out = {-1, -1}, .err = {-1, -1}, .null = -1};
	s->argv[0] = d->conf.program;
	for (; n < TUI_ARGS_MAX - 1 && argv[n]; n++)
		s->argv[n + 1] = argv[n];
	if (argv[n])
		return -MKT_EIO; /* our own bound: callers have the same */
	if (make_env(s, d->conf.server))
		return -MKT_ENOMEM;
	s->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->null < 0 || pipe2(s->out, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(s->err, O_CLOEXEC | O_NONBLOCK) < 0)
		return -MKT_EIO;
	return 0;
}

/* In the child: only what is safe there. */
static void become(const struct start *s, pid_t parent)
{
	static const char sorry[] = "the program cannot be run\n";
	sigset_t none;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(STATUS_CANNOT_RUN); /* the dashboard died meanwhile */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(s->null, STDIN_FILENO);
	dup2(s->out[1], STDOUT_FILENO);
	dup2(s->err[1], STDERR_FILENO);
	/* Pipes of ours do not block; what a command writes to may. */
	fcntl(STDOUT_FILENO, F_SETFL, 0);
	fcntl(STDERR_FILENO, F_SETFL, 0);
	execve(s->argv[0], (char *const *)(uintptr_t)s->argv, s->env);
	if (write(STDERR_FILENO, sorry, sizeof(sorry) - 1) < 0)
		_exit(STATUS_CANNOT_RUN);
	_exit(STATUS_CANNOT_RUN);
}

static int take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static unsigned count(const struct tui_dash *d)
{
	unsigned n = 0;

	for (const struct tui_child *c = d->children; c; c = c->next)
		n++;
	return n;
}

static int start(struct tui_dash *d, const char *const *argv, struct tui_child *c)
{
	pid_t parent = getpid();
	struct start s;
	int rc = make_start(&s, d, argv);

	if (!rc)
		c->pid = fork();
	if (!rc && c->pid == 0)
		become(&s, parent);
	if (!rc && c->pid < 0)
		rc = -MKT_EIO;
	if (!rc) {
		c->fd[0] = take(&s.out[0]);
		c->fd[1] = take(&s.err[0]);
		c->end_fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	}
	free_start(&s);
	return rc;
}

static int run(struct tui_dash *d, const char *const *argv, struct tui_child with)
{
	struct tui_child *c;
	int last = 0, rc;

	if (count(d) >= TUI_CHILDREN_MAX)
		return -MKT_EBUSY;
	c = malloc(sizeof(*c));
	if (!c)
		return -MKT_ENOMEM;
	*c = with;
	rc = start(d, argv, c);
	if (rc) {
		free(c);
		return rc;
	}
	for (const struct tui_child *o = d->children; o; o = o->next)
		last = o->run > last ? o->run : last;
	c->run = last + 1;
	c->next = d->children;
	d->children = c;
	return c->run;
}

int tui_run(struct tui_dash *d, const char *const *argv, tui_ran_fn *done, void *ctx)
{
	return run(d, argv, (struct tui_child){.done = done, .ctx = ctx});
}

int tui_run_keep(struct tui_dash *d, const char *const *argv, tui_ran_fn *done, void *ctx)
{
	return run(d, argv, (struct tui_child){.done = done, .ctx = ctx, .owned = true});
}

/* ---- going on ----------------------------------------------------------------------------- */

static void keep(struct tui_child *c, unsigned stream, const char *p, size_t n)
{
	struct mkt_buf *b = &c->kept[stream];
	size_t room = TUI_OUTPUT_MAX - b->len;

	if (n > room) {
		c->cut = true;
		n = room;
	}
	mkt_buf_add(b, p, n);
}

static void close_stream(struct tui_child *c, unsigned i)
{
	if (c->fd[i] >= 0)
		close(c->fd[i]);
	c->fd[i] = -1;
}

/* True if there may be more right away. */
static bool read_stream(struct tui_child *c, unsigned i)
{
	char chunk[READ_CHUNK];

	for (unsigned k = 0; c->fd[i] >= 0 && k < READS_A_TURN; k++) {
		ssize_t n = read(c->fd[i], chunk, sizeof(chunk));

		if (n > 0)
			keep(c, i, chunk, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			return false;
		else if (!(n < 0 && errno == EINTR))
			close_stream(c, i);
	}
	return c->fd[i] >= 0;
}

static void unlink_child(struct tui_dash *d, struct tui_child *c)
{
	struct tui_child **at = &d->children;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

static void free_child(struct tui_child *c)
{
	close_stream(c, 0);
	close_stream(c, 1);
	if (c->end_fd >= 0)
		close(c->end_fd);
	mkt_buf_release(&c->kept[0]);
	mkt_buf_release(&c->kept[1]);
	if (c->owned)
		free(c->ctx);
	free(c);
}

static void tell(struct tui_dash *d, struct tui_child *c, int status)
{
	struct mkt_buf out = MKT_BUF_INIT, err = MKT_BUF_INIT;
	struct tui_outcome o = {.cut = c->cut};

	tui_clean(&out, (const char *)c->kept[0].data, c->kept[0].len, true);
	tui_clean(&err, (const char *)c->kept[1].data, c->kept[1].len, true);
	o.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	o.out = mkt_buf_str(&out);
	o.err = mkt_buf_str(&err);
	if (c->done)
		c->done(d, c->ctx, &o);
	mkt_buf_release(&out);
	mkt_buf_release(&err);
}

static void kill_child(struct tui_child *c, int sig)
{
	/* Its session's group: what it started itself goes with it. */
	if (kill(-c->pid, sig) < 0)
		kill(c->pid, sig); /* not yet a leader */
}

/* True if it has ended and is no more. */
static bool turn(struct tui_dash *d, struct tui_child *c)
{
	bool more = read_stream(c, 0);
	int status;

	more |= read_stream(c, 1);
	if (c->cancelled && !c->killed && d->steady_ms - c->cancelled_ms >= KILL_MS) {
		c->killed = true;
		kill_child(c, SIGKILL);
	}
	if (more || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	/* What it wrote last; others may hold the pipe open, and are not waited for. */
	read_stream(c, 0);
	read_stream(c, 1);
	unlink_child(d, c);
	d->dirty = true;
	if (!c->cancelled)
		tell(d, c, status);
	free_child(c);
	return true;
}

void tui_run_turn(struct tui_dash *d)
{
	struct tui_child *c = d->children;

	/* A call may start others: begin again after one that has ended. */
	while (c)
		c = turn(d, c) ? d->children : c->next;
}

unsigned tui_run_fds(const struct tui_dash *d, struct pollfd *out, unsigned max)
{
	unsigned n = 0;

	for (const struct tui_child *c = d->children; c; c = c->next) {
		const int fds[TUI_CHILD_FDS] = {c->fd[0], c->fd[1], c->end_fd};

		for (unsigned i = 0; i < TUI_CHILD_FDS; i++)
			if (fds[i] >= 0 && n < max)
				out[n++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	}
	return n;
}

/* ---- end ---------------------------------------------------------------------------------- */

void tui_run_cancel(struct tui_dash *d, int run)
{
	for (struct tui_child *c = d->children; c; c = c->next) {
		if (c->run != run || c->cancelled)
			continue;
		c->cancelled = true;
		c->cancelled_ms = d->steady_ms;
		kill_child(c, SIGTERM);
	}
}

/* Commands end at SIGTERM by themselves, and know then whether what they sent was done. */
static void wait_for_all(struct tui_dash *d)
{
	unsigned left = KILL_MS / KILL_STEP_MS;

	while (d->children) {
		struct tui_child *c = d->children;
		int status;

		while (waitpid(c->pid, &status, left ? WNOHANG : 0) == 0) {
			poll(NULL, 0, KILL_STEP_MS);
			if (--left == 0)
				for (c = d->children; c; c = c->next)
					kill_child(c, SIGKILL);
			c = d->children;
		}
		unlink_child(d, c);
		free_child(c);
	}
}

void tui_run_release(struct tui_dash *d)
{
	for (struct tui_child *c = d->children; c; c = c->next) {
		kill_child(c, SIGTERM);
		close_stream(c, 0); /* nobody reads any more: nobody shall wait for that */
		close_stream(c, 1);
	}
	wait_for_all(d);
}

/* ---- words -------------------------------------------------------------------------------- */

void tui_outcome_line(const struct tui_outcome *o, char *out, size_t size)
{
	const char *from = o->status && *o->err ? o->err : *o->out ? o->out : o->err;

	from += strspn(from, "\n ");
	if (*from)
		snprintf(out, size, "%.*s", (int)strcspn(from, "\n"), from);
	else if (o->status)
		snprintf(out, size, "failed with status %d", o->status);
	else
		snprintf(out, size, "done");
}

static bool plain(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				"_@%+=:,./-");

	return n && !word[n];
}

static void add_word(const char *word, struct mkt_buf *out)
{
	mkt_buf_addch(out, ' ');
	if (plain(word)) {
		mkt_buf_addstr(out, word);
		return;
	}
	mkt_buf_addch(out, '\'');
	for (const char *p = word; *p; p++)
		if (*p == '\'')
			mkt_buf_addstr(out, "'\\''");
		else
			mkt_buf_addch(out, (uint8_t)*p);
	mkt_buf_addch(out, '\'');
}

void tui_command_text(const struct tui_dash *d, const char *const *argv, struct mkt_buf *out)
{
	mkt_buf_addstr(out, "mkt");
	for (unsigned i = 0; d && i < MKT_ARRAY_SIZE(d->conf.said) && d->conf.said[i]; i++)
		add_word(d->conf.said[i], out);
	for (unsigned i = 0; argv[i]; i++)
		add_word(argv[i], out);
}
