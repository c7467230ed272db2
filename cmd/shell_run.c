/*
 * One line of mkt shell: what the shell does itself, and commands as children.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/shell.h"
#include "core/codec/json.h"

#define PREFIX_MAX 72 /* words that the shell puts before and behind a command */

const struct shell_word shell_own[] = {
	{"set", "a setting of this session"},
	{"let", "keep a word, or the id that a command answers, as $NAME"},
	{"exit", "leave"},
	{NULL, NULL}};

const struct shell_word shell_settings[] = {
	{"server", "where ledgerd listens"},
	{"account", "the account that is acted for"},
	{"identity", "the key that signs"},
	{"tz", "the zone of times"},
	{"timeout", "deadline of a command"},
	{"json", "on or off: answers as JSON"},
	{"events", "on or off: events above the prompt"},
	{NULL, NULL}};

static const char *const setting_env[] = {"MKT_SERVER", "MKT_ACCOUNT", "MKT_IDENTITY", "MKT_TZ",
					  "MKT_TIMEOUT"};

/* ---- variables ---------------------------------------------------------------------------- */

static const char *value_of(void *arg, const char *name, size_t n)
{
	struct shell *s = arg;

	if (n == 1 && *name == '?') {
		snprintf(s->status_text, sizeof(s->status_text), "%d", s->status);
		return s->status_text;
	}
	for (unsigned i = 0; i < s->nvars; i++)
		if (strlen(s->vars[i].name) == n && !memcmp(s->vars[i].name, name, n))
			return s->vars[i].value;
	return NULL;
}

static int keep(struct shell *s, const char *name, const char *value)
{
	unsigned i = 0;
	char *copy;

	while (i < s->nvars && strcmp(s->vars[i].name, name))
		i++;
	if (i == SHELL_VARS_MAX)
		return mkt_err_set(&s->app->err, MKT_EUSAGE, "there are %d variables already",
				   SHELL_VARS_MAX);
	copy = strdup(value);
	if (!copy)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	if (i == s->nvars)
		s->nvars++;
	else
		free(s->vars[i].value);
	snprintf(s->vars[i].name, sizeof(s->vars[i].name), "%s", name);
	s->vars[i].value = copy;
	return 0;
}

void shell_release(struct shell *s)
{
	for (unsigned i = 0; i < s->nvars; i++)
		free(s->vars[i].value);
}

/* ---- children ----------------------------------------------------------------------------- */

static void child(struct shell *s, char *const *argv, int out, bool silent)
{
	int null = open("/dev/null", O_RDWR);

	signal(SIGINT, SIG_DFL);
	/* Lines still to come are the shell's own: no command may read them. */
	if (null >= 0 && (!s->terminal || silent))
		dup2(null, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	if (null >= 0 && silent)
		dup2(null, STDERR_FILENO);
	execv(s->program, argv);
	_exit(126);
}

static int wait_for(pid_t pid)
{
	int st = 0;

	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return 126;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

static int start(struct shell *s, char *const *argv, int out, bool silent, pid_t *pid)
{
	struct mkt_globals *o = &s->app->opt;
	char *args[SHELL_WORDS_MAX + PREFIX_MAX + 1];
	unsigned n = 0;

	args[n++] = (char *)(uintptr_t) "mkt";
	for (size_t i = 0; i < o->set.n && n < PREFIX_MAX - 2; i++) {
		args[n++] = (char *)(uintptr_t) "-c";
		args[n++] = (char *)(uintptr_t)o->set.v[i];
	}
	if (s->json && !silent)
		args[n++] = (char *)(uintptr_t) "--json";
	while (*argv && n < MKT_ARRAY_SIZE(args) - 1)
		args[n++] = *argv++;
	args[n] = NULL;
	mkt_out_flush(&s->app->out);
	*pid = fork();
	if (!*pid)
		child(s, args, out, silent);
	return *pid < 0 ? mkt_err_sys(&s->app->err, MKT_EIO, errno, "cannot start a command") : 0;
}

int shell_child(struct shell *s, char *const *argv)
{
	pid_t pid;

	return start(s, argv, -1, false, &pid) ? mkt_code_exit(s->app->err.code) : wait_for(pid);
}

int shell_capture(struct shell *s, char *const *argv, struct mkt_buf *out, bool silent)
{
	char chunk[4096];
	int p[2], rc = 0;
	pid_t pid = -1;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		return mkt_code_exit(MKT_EIO);
	rc = start(s, argv, p[1], silent, &pid);
	close(p[1]);
	while (!rc && ((n = read(p[0], chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0 && out->len + (size_t)n <= SHELL_CAPTURE_MAX)
			mkt_buf_add(out, chunk, (size_t)n);
	close(p[0]);
	return rc ? mkt_code_exit(s->app->err.code) : wait_for(pid);
}

/* ---- let ---------------------------------------------------------------------------------- */

/* The id in an answer: the first of these members in data, or in its first row. */
static int find_id(struct shell *s, const struct mkt_buf *text, char *id, size_t size)
{
	static const char *const names[] = {"bid", "contract", "exec", "certificate", "id", "tx"};
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root, data, row, v;
	struct mkt_jiter it = {0};
	const char *word;
	uint64_t number;
	bool found = false;
	int rc = mkt_jdoc_parse(text->data, text->len, NULL, &doc, NULL);

	if (!rc) {
		root = mkt_jdoc_root(doc);
		rc = mkt_jval_get(&root, "data", &data, NULL);
	}
	if (!rc && mkt_jval_type(&data) == MKT_JARR) {
		rc = mkt_jval_next(&data, &it, &row) ? 0 : -MKT_ENOTFOUND;
		data = row;
	}
	for (size_t i = 0; !rc && !found && i < MKT_ARRAY_SIZE(names); i++) {
		if (!mkt_jval_has(&data, names[i]) || mkt_jval_get(&data, names[i], &v, NULL))
			continue;
		found = true;
		if (!mkt_jval_u64(&v, UINT64_MAX, &number, NULL))
			snprintf(id, size, "%llu", (unsigned long long)number);
		else if (!mkt_jval_str(&v, &word, NULL, NULL) && strlen(word) < size)
			snprintf(id, size, "%s", word);
		else
			found = false;
	}
	mkt_jdoc_free(doc);
	return found ? 0 : mkt_err_set(&s->app->err, MKT_ENOTFOUND, "the answer has no id");
}

static int let_command(struct shell *s, const char *name, struct shell_words *w)
{
	struct mkt_buf out = MKT_BUF_INIT;
	char json[] = "--json", id[128];
	bool set = s->json;
	char *argv[SHELL_WORDS_MAX + 2] = {json};
	int rc;

	memcpy(argv + 1, w->v + 3, (size_t)(w->n - 3) * sizeof(*argv));
	s->json = false;
	rc = shell_capture(s, argv, &out, false);
	s->json = set;
	if (!rc) {
		rc = find_id(s, &out, id, sizeof(id));
		if (!rc)
			rc = keep(s, name, id);
	}
	mkt_buf_release(&out);
	return rc;
}

static int let(struct shell *s, struct shell_words *w)
{
	const char *name = w->n > 1 ? w->v[1] : "";
	size_t n = strlen(name);

	if (w->n < 4 || strcmp(w->v[2], "=") || !n || n > SHELL_NAME_MAX ||
	    shell_name_len(name, n) != n)
		return mkt_err_set(&s->app->err, MKT_EUSAGE,
				   "it is 'let NAME = WORD' or 'let NAME = COMMAND...'");
	if (w->n == 4 && !mkt_command_find(w->v[3]))
		return keep(s, name, w->v[3]);
	return let_command(s, name, w);
}

/* ---- set ---------------------------------------------------------------------------------- */

static int set_switch(struct shell *s, bool *flag, const char *value, bool on)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return mkt_err_set(&s->app->err, MKT_EUSAGE, "it is on or off, not '%s'", value);
	*flag = !strcmp(value, "on") == on;
	return 0;
}

static void show_settings(struct shell *s)
{
	struct mkt_out *o = &s->app->out;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(setting_env); i++)
		mkt_out_say(o, "%-9s %s\n", shell_settings[i].name,
			    getenv(setting_env[i]) ? getenv(setting_env[i]) : "-");
	mkt_out_say(o, "json      %s\nevents    %s\n", s->json ? "on" : "off",
		    s->quiet ? "off" : "on");
}

static int set(struct shell *s, const struct shell_words *w)
{
	size_t i = 0;

	if (w->n == 1) {
		show_settings(s);
		return 0;
	}
	if (w->n != 3)
		return mkt_err_set(&s->app->err, MKT_EUSAGE, "it is 'set NAME VALUE', or 'set'");
	if (!strcmp(w->v[1], "json"))
		return set_switch(s, &s->json, w->v[2], true);
	if (!strcmp(w->v[1], "events"))
		return set_switch(s, &s->quiet, w->v[2], false);
	while (i < MKT_ARRAY_SIZE(setting_env) && strcmp(shell_settings[i].name, w->v[1]))
		i++;
	if (i == MKT_ARRAY_SIZE(setting_env))
		return mkt_err_set(&s->app->err, MKT_EUSAGE, "'%s' is no setting of the shell",
				   w->v[1]);
	s->moved = s->moved || !i;
	return setenv(setting_env[i], w->v[2], 1) ? mkt_err_code(&s->app->err, MKT_ENOMEM) : 0;
}

/* ---- a line ------------------------------------------------------------------------------- */

static int run_words(struct shell *s, struct shell_words *w)
{
	const char *name = w->v[0];

	if (!strcmp(name, "?")) {
		mkt_out_say(&s->app->out, "%d\n", s->status);
		return s->status;
	}
	if (!strcmp(name, "set"))
		return set(s, w);
	if (!strcmp(name, "let"))
		return let(s, w);
	if (!strcmp(name, "exit") || !strcmp(name, "quit")) {
		s->leave = true;
		return s->status;
	}
	if (!strcmp(name, "shell"))
		return mkt_err_set(&s->app->err, MKT_EUSAGE, "this is the shell already");
	if (!strcmp(name, "dash") && !s->terminal && w->n == 1)
		return mkt_err_set(&s->app->err, MKT_EUSAGE, "'dash' needs a terminal");
	return shell_child(s, w->v);
}

void shell_line(struct shell *s, const char *line, size_t len)
{
	struct shell_words w = {.text = MKT_BUF_INIT};
	int rc = shell_split(&w, line, len, value_of, s, &s->app->err);

	if (!rc && w.n) {
		bool shows = !strcmp(w.v[0], "?");

		rc = run_words(s, &w);
		if (rc >= 0)
			s->status = rc;
		/* Asking how it went is no failure of its own. */
		if (shows && !s->terminal)
			s->status = 0;
	}
	mkt_out_flush(&s->app->out);
	if (rc < 0) {
		fprintf(stderr, "mkt: %s\n", s->app->err.text);
		s->status = mkt_code_exit(-rc);
	}
	memset(&s->app->err, 0, sizeof(s->app->err));
	shell_words_release(&w);
	if (s->eor)
		mkt_out_say(&s->app->out, ".\n");
	mkt_out_flush(&s->app->out);
}
