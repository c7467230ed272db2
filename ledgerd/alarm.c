#include "core/base/compat.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/app/log.h"
#include "ledgerd/alarm.h"
#include "ledgerd/node.h"

#define POLL_MS 20
#define VARS_MAX 16
#define VAR_MAX 512

static const char *const words[] = {
	[LD_ALARM_DISK] = "disk",      [LD_ALARM_REFUSING] = "disk-refusing",
	[LD_ALARM_FULL] = "disk-full", [LD_ALARM_INGEST] = "ingest",
	[LD_ALARM_ENGINE] = "engine",  [LD_ALARM_PROGRESS] = "progress",
	[LD_ALARM_PRUNE] = "prune",
};
_Static_assert(MKT_ARRAY_SIZE(words) == LD_ALARM_COUNT, "every alarm has a word");

struct alarm_change {
	enum ld_alarm what;
	bool on;
	uint64_t at_ms; /* UTC */
	char text[LD_ALARM_TEXT];
};

struct ld_alarms {
	struct ld_node *node;
	pthread_mutex_t mu;
	pthread_cond_t more;
	struct {
		bool on;
		uint64_t since_ms;
		char text[LD_ALARM_TEXT];
	} now[LD_ALARM_COUNT];
	struct alarm_change queue[LD_ALARM_QUEUE];
	unsigned head, n;
	bool stop, running;
	pthread_t thread;
};

const char *ld_alarm_word(enum ld_alarm what)
{
	return words[what];
}

/* ---- the command --------------------------------------------------------------------------- */

struct environment {
	char text[VARS_MAX][VAR_MAX];
	char *v[VARS_MAX + 1];
	unsigned n;
};

static MKT_PRINTF(2, 3) void add_var(struct environment *e, const char *fmt, ...)
{
	va_list ap;

	if (e->n == VARS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(e->text[e->n], VAR_MAX, fmt, ap);
	va_end(ap);
	e->v[e->n] = e->text[e->n];
	e->v[++e->n] = NULL;
}

static void facts(struct ld_node *n, const struct alarm_change *c, struct environment *e)
{
	static const char *const roles[] = {"solo", "fullnode", "authority"};
	uint64_t days = atomic_load(&n->guard.days_left);
	const char *path = getenv("PATH");

	e->n = 0;
	add_var(e, "PATH=%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	add_var(e, "MKT_ALARM=%s", words[c->what]);
	add_var(e, "MKT_ALARM_STATE=%s", c->on ? "begin" : "end");
	add_var(e, "MKT_ALARM_TEXT=%s", c->text);
	add_var(e, "MKT_ALARM_TIME=%llu", (unsigned long long)c->at_ms / 1000);
	add_var(e, "MKT_CHAIN=%s", n->g ? n->g->name : "");
	add_var(e, "MKT_DIR=%s", n->conf->dir);
	add_var(e, "MKT_ROLE=%s", roles[n->conf->role]);
	add_var(e, "MKT_HEIGHT=%llu",
		(unsigned long long)(n->chain ? mkt_chain_height(n->chain) : 0));
	add_var(e, "MKT_FREE_BYTES=%llu", (unsigned long long)atomic_load(&n->guard.free_bytes));
	if (days == UINT64_MAX)
		add_var(e, "MKT_DAYS_LEFT=");
	else
		add_var(e, "MKT_DAYS_LEFT=%llu", (unsigned long long)days);
}

/* In a process group of its own, with no signal blocked or ignored. */
static int start(const char *command, struct environment *e, pid_t *pid)
{
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int errnum;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 2, 1); /* stdout is nobody's: to the log */
	errnum = posix_spawn(pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, e->v);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return errnum;
}

static void tell_end(const struct alarm_change *c, int status)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		mkt_log(MKT_LOG_DEBUG, "alarm command for '%s' is done", words[c->what]);
	else if (WIFEXITED(status))
		mkt_log(MKT_LOG_WARNING, "alarm command for '%s' ended with status %d",
			words[c->what], WEXITSTATUS(status));
	else
		mkt_log(MKT_LOG_WARNING, "alarm command for '%s' was ended by signal %d",
			words[c->what], WTERMSIG(status));
}

static void run(struct ld_alarms *a, const struct alarm_change *c)
{
	const struct timespec nap = {.tv_nsec = POLL_MS * 1000000};
	uint64_t begun = ld_mono_ms();
	struct environment e;
	int status = 0, errnum;
	pid_t pid, got;

	facts(a->node, c, &e);
	errnum = start(a->node->conf->alarm_command, &e, &pid);
	if (errnum) {
		mkt_log(MKT_LOG_WARNING, "cannot run the alarm command: %s", strerror(errnum));
		return;
	}
	while ((got = waitpid(pid, &status, WNOHANG)) == 0 &&
	       ld_mono_ms() - begun < LD_ALARM_RUN_MS)
		nanosleep(&nap, NULL);
	if (!got) {
		mkt_log(MKT_LOG_WARNING, "alarm command for '%s' runs for %d s: killed",
			words[c->what], LD_ALARM_RUN_MS / 1000);
		kill(-pid, SIGKILL);
		waitpid(pid, &status, 0);
	} else if (got == pid) {
		tell_end(c, status);
	}
}

static void *alarm_main(void *arg)
{
	struct ld_alarms *a = arg;
	struct alarm_change c;

	pthread_setname_np(pthread_self(), "alarm");
	pthread_mutex_lock(&a->mu);
	for (;;) {
		while (!a->n && !a->stop)
			pthread_cond_wait(&a->more, &a->mu);
		if (a->stop)
			break;
		c = a->queue[a->head];
		a->head = (a->head + 1) % LD_ALARM_QUEUE;
		a->n--;
		pthread_mutex_unlock(&a->mu);
		run(a, &c);
		pthread_mutex_lock(&a->mu);
	}
	pthread_mutex_unlock(&a->mu);
	return NULL;
}

/* ---- alarms ---------------------------------------------------------------------------------- */

struct ld_alarms *ld_alarms_new(struct ld_node *n)
{
	struct ld_alarms *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->node = n;
	pthread_mutex_init(&a->mu, NULL);
	pthread_cond_init(&a->more, NULL);
	if (n->conf->alarm_command[0])
		a->running = !pthread_create(&a->thread, NULL, alarm_main, a);
	return a;
}

void ld_alarms_free(struct ld_alarms *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->mu);
	a->stop = true;
	pthread_cond_signal(&a->more);
	pthread_mutex_unlock(&a->mu);
	if (a->running)
		pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->more);
	pthread_mutex_destroy(&a->mu);
	free(a);
}

/* With a->mu. */
static void enqueue(struct ld_alarms *a, const struct alarm_change *c)
{
	if (!a->running)
		return;
	if (a->n == LD_ALARM_QUEUE) {
		mkt_log(MKT_LOG_WARNING, "the alarm command is too slow: '%s' is not told",
			words[c->what]);
		return;
	}
	a->queue[(a->head + a->n++) % LD_ALARM_QUEUE] = *c;
	pthread_cond_signal(&a->more);
}

void ld_alarm_set(struct ld_alarms *a, enum ld_alarm what, bool on, const char *fmt, ...)
{
	struct alarm_change c = {.what = what, .on = on, .at_ms = ld_utc_ms()};
	bool changed;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c.text, sizeof(c.text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&a->mu);
	changed = a->now[what].on != on;
	if (changed) {
		a->now[what].since_ms = c.at_ms;
		enqueue(a, &c);
	}
	a->now[what].on = on;
	memcpy(a->now[what].text, c.text, sizeof(c.text));
	pthread_mutex_unlock(&a->mu);
	if (changed)
		mkt_log(on ? MKT_LOG_ERROR : MKT_LOG_NOTICE, "alarm '%s' %s: %s", words[what],
			on ? "begins" : "ends", c.text);
}

bool ld_alarm_look(struct ld_alarms *a, enum ld_alarm what, char text[LD_ALARM_TEXT],
		   uint64_t *since_ms)
{
	bool on;

	pthread_mutex_lock(&a->mu);
	on = a->now[what].on;
	if (text)
		memcpy(text, a->now[what].text, LD_ALARM_TEXT);
	if (since_ms)
		*since_ms = a->now[what].since_ms;
	pthread_mutex_unlock(&a->mu);
	return on;
}
