#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/device/client.h"
#include "core/device/line.h"

#define PROTOCOL 1
#define END_MS 8000 /* for a private mkt-driverd to bring its devices to their exit state */

typedef void each_fn(void *arg, const char *line, size_t n);

struct mkt_devc {
	int fd;
	pid_t pid; /* of a private mkt-driverd; 0: none */
	char text[MKT_LINE_MAX];
	size_t n;
	bool skip;	/* the rest of a line that was too long */
	bool ready;	/* the first picture is complete */
	bool gone;
	int version;	/* 0: no greeting yet */
	struct mkt_dev_view views[MKT_DEVC_DEVICES_MAX];
	uint32_t count;

	uint32_t last_id; /* of the request under way, or the last one */
	bool waiting;
	int rc;
	struct mkt_err answer;
	struct mkt_setpoint applied;
	each_fn *row;
	void *row_arg;

	each_fn *trace;
	void *trace_arg;
	void (*event)(void *arg, const char *name, const char *level, const char *text);
	void *event_arg;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the picture --------------------------------------------------------------------------- */

static struct mkt_dev_view *view_of(struct mkt_devc *c, const char *name)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (!strcmp(c->views[i].name, name))
			return &c->views[i];
	return NULL;
}

/* An age that was sent, as a time of ours. */
static uint64_t time_of(uint64_t age_ms)
{
	uint64_t now = now_ms();

	return age_ms < now ? now - age_ms : 0;
}

static void take_caps(struct mkt_dev_view *v, const char *list)
{
	v->caps = 0;
	while (list && *list) {
		char word[32];
		size_t n = strcspn(list, ",");

		if (n < sizeof(word)) {
			memcpy(word, list, n);
			word[n] = 0;
			v->caps |= mkt_dev_cap_find(word);
		}
		list += n + (list[n] == ',');
	}
}

static void take_text(const struct mkt_line *l, const char *key, char *out, size_t size)
{
	char text[MKT_LINE_MAX];

	if (mkt_line_text(l, key, text, sizeof(text)) < 0)
		return;
	snprintf(out, size, "%s", text);
	for (; *out; out++)
		if ((uint8_t)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

static void take_device(struct mkt_devc *c, const struct mkt_line *l)
{
	struct mkt_dev_view *v = view_of(c, l->word[1]);
	const char *kind = mkt_line_get(l, "kind");
	uint64_t poll_ms = 0;

	if (!v) {
		if (c->count == MKT_DEVC_DEVICES_MAX || strlen(l->word[1]) > MKT_DEV_NAME_MAX)
			return;
		v = &c->views[c->count++];
		*v = (struct mkt_dev_view){.poll_ms = 1000};
		memcpy(v->name, l->word[1], strlen(l->word[1]) + 1);
	}
	take_text(l, "driver", v->driver, sizeof(v->driver));
	take_text(l, "maturity", v->maturity, sizeof(v->maturity));
	if (kind && mkt_dev_kind_find(kind) >= 0)
		v->kind = (enum mkt_dev_kind)mkt_dev_kind_find(kind);
	if (mkt_line_u64(l, "poll", UINT32_MAX, &poll_ms) >= 0)
		v->poll_ms = (uint32_t)poll_ms;
	take_caps(v, mkt_line_get(l, "caps"));
}

static void take_identity(struct mkt_dev_view *v, const struct mkt_line *l)
{
	take_text(l, "maker", v->id.maker, sizeof(v->id.maker));
	take_text(l, "model", v->id.model, sizeof(v->id.model));
	take_text(l, "version", v->id.version, sizeof(v->id.version));
	take_text(l, "serial", v->id.serial, sizeof(v->id.serial));
}

static void take_state(struct mkt_dev_view *v, const struct mkt_line *l)
{
	int state = l->n > 2 ? mkt_dev_state_find(l->word[2]) : -1;
	const char *code = mkt_line_get(l, "code");
	uint64_t age = 0;

	if (state < 0 || mkt_line_u64(l, "age", INT64_MAX, &age) < 0)
		return;
	v->state = (enum mkt_dev_state)state;
	v->since_ms = time_of(age);
	v->error[0] = 0;
	take_text(l, "error", v->error, sizeof(v->error));
	v->error_code = code ? mkt_code_find(code) : 0;
	if (v->error_code < 0)
		v->error_code = MKT_EDEVICE;
}

/* "power=3180/412" or "soc=-" */
static void take_reading(struct mkt_dev_view *v, char *word)
{
	char *equals = strchr(word, '='), *slash;
	int64_t value, age;
	int id;

	if (!equals)
		return;
	*equals = 0;
	id = mkt_reading_find(word);
	if (id < 0)
		return;
	if (!strcmp(equals + 1, "-")) {
		v->r.v[id] = (struct mkt_value){0};
		return;
	}
	slash = strchr(equals + 1, '/');
	if (!slash)
		return;
	*slash = 0;
	if (mkt_line_number(equals + 1, &value) && mkt_line_number(slash + 1, &age) && age >= 0)
		v->r.v[id] = (struct mkt_value){value, time_of((uint64_t)age), true};
}

static bool says_yes(const struct mkt_line *l, const char *key)
{
	const char *s = mkt_line_get(l, key);

	return s && !strcmp(s, "yes");
}

static void take_order(struct mkt_dev_view *v, const struct mkt_line *l)
{
	const char *set = mkt_line_get(l, "set"), *applied = mkt_line_get(l, "applied");
	const char *safe = mkt_line_get(l, "safe");
	struct mkt_order o = {0};
	uint64_t lease = 0;

	if (!set || !mkt_line_set(set, &o.set))
		return;
	if (mkt_line_u64(l, "stop.import", INT64_MAX, &o.stop_import_wh) < 0)
		o.stop_import_wh = 0;
	if (mkt_line_u64(l, "stop.export", INT64_MAX, &o.stop_export_wh) < 0)
		o.stop_export_wh = 0;
	if (mkt_line_u64(l, "lease", UINT32_MAX, &lease) < 0)
		lease = 0;
	o.lease_s = (uint32_t)(lease / 1000);
	v->order = o;
	v->order_ends_ms = now_ms() + lease;
	if (!applied || !mkt_line_set(applied, &v->applied))
		v->applied = (struct mkt_setpoint){MKT_SET_NONE, 0};
	v->own = says_yes(l, "own");
	v->stopped = says_yes(l, "stopped");
	v->lost = says_yes(l, "lost");
	v->safe_owed = safe && !strcmp(safe, "owed");
}

static void take_counters(struct mkt_dev_view *v, const struct mkt_line *l)
{
	static const char *const names[] = {
		"requests", "answers", "timeouts", "bad", "refusals", "strangers", "late",
		"reconnects",
	};
	const char *jump;
	int64_t wh;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++) {
		uint64_t n;

		if (mkt_line_u64(l, names[i], INT64_MAX, &n) >= 0)
			v->counters[i] = n;
	}
	jump = mkt_line_get(l, "jump.import");
	if (jump && mkt_line_number(jump, &wh))
		v->import_jump_wh = wh;
	jump = mkt_line_get(l, "jump.export");
	if (jump && mkt_line_number(jump, &wh))
		v->export_jump_wh = wh;
}

static void take_event(struct mkt_devc *c, const struct mkt_line *l)
{
	char text[MKT_LINE_MAX] = "", level[16] = "";

	if (!c->event)
		return;
	take_text(l, "level", level, sizeof(level));
	take_text(l, "text", text, sizeof(text));
	c->event(c->event_arg, l->word[1], level, text);
}

/* ---- lines --------------------------------------------------------------------------------- */

/* What stands behind @words words of a line. */
static const char *rest_of(const char *text, int words)
{
	for (; words && text; words--) {
		text = strchr(text, ' ');
		if (text)
			text++;
	}
	return text ? text : "";
}

static void take_answer(struct mkt_devc *c, const struct mkt_line *l, const char *text)
{
	const char *rest = rest_of(text, 2), *applied = mkt_line_get(l, "applied");
	int64_t id;
	int code;

	if (!c->waiting || l->n < 2 || !mkt_line_number(l->word[1], &id) || id != c->last_id)
		return;
	if (!strcmp(l->word[0], "row")) {
		if (c->row)
			c->row(c->row_arg, rest, strlen(rest));
		return;
	}
	c->waiting = false;
	if (!strcmp(l->word[0], "ok")) {
		c->rc = 0;
		if (applied && !mkt_line_set(applied, &c->applied))
			c->applied = (struct mkt_setpoint){MKT_SET_NONE, 0};
		if (c->row && *rest)
			c->row(c->row_arg, rest, strlen(rest));
		return;
	}
	code = l->n > 2 ? mkt_code_find(l->word[2]) : -1;
	c->rc = mkt_err_code(&c->answer, code > 0 ? code : MKT_EDEVICE);
	take_text(l, "text", c->answer.text, sizeof(c->answer.text));
	if (!c->answer.text[0])
		c->rc = mkt_err_code(&c->answer, c->answer.code);
	take_text(l, "hint", c->answer.hint, sizeof(c->answer.hint));
}

static void take_unit(struct mkt_devc *c, struct mkt_line *l)
{
	struct mkt_dev_view *v = view_of(c, l->word[1]);

	if (!v)
		return;
	if (!strcmp(l->word[0], "identity"))
		take_identity(v, l);
	else if (!strcmp(l->word[0], "state"))
		take_state(v, l);
	else if (!strcmp(l->word[0], "order"))
		take_order(v, l);
	else if (!strcmp(l->word[0], "counters"))
		take_counters(v, l);
	else if (!strcmp(l->word[0], "reading"))
		for (unsigned i = 2; i < l->n; i++)
			take_reading(v, l->word[i]);
}

static void take_greeting(struct mkt_devc *c, const struct mkt_line *l)
{
	int64_t version;

	/* Whatever else stands there is no server of ours. */
	c->version = l->n > 1 && !strcmp(l->word[0], "mkt-driverd") &&
		     mkt_line_number(l->word[1], &version) && version == PROTOCOL ? PROTOCOL : -1;
}

static void take_line(struct mkt_devc *c, const char *text, size_t n)
{
	struct mkt_line l;
	struct mkt_err ignored;

	if (c->version && n > 6 && !strncmp(text, "trace ", 6)) {
		if (c->trace)
			c->trace(c->trace_arg, text + 6, n - 6);
		return;
	}
	if (mkt_line_split(&l, text, n, &ignored) < 0) {
		if (!c->version)
			c->version = -1;
		return;
	}
	if (!c->version)
		take_greeting(c, &l);
	else if (!strcmp(l.word[0], "ready"))
		c->ready = true;
	else if (l.n < 2)
		return;
	else if (!strcmp(l.word[0], "device"))
		take_device(c, &l);
	else if (!strcmp(l.word[0], "event"))
		take_event(c, &l);
	else if (!strcmp(l.word[0], "row") || !strcmp(l.word[0], "ok") ||
		 !strcmp(l.word[0], "error"))
		take_answer(c, &l, text);
	else
		take_unit(c, &l);
}

static void take_bytes(struct mkt_devc *c, const char *p, size_t n)
{
	for (; n; n--, p++) {
		if (*p != '\n') {
			/* One place stays for the NUL. */
			if (c->n < sizeof(c->text) - 1)
				c->text[c->n++] = *p;
			else
				c->skip = true;
			continue;
		}
		c->text[c->n] = 0;
		if (!c->skip && !memchr(c->text, 0, c->n))
			take_line(c, c->text, c->n);
		c->n = 0;
		c->skip = false;
	}
}

int mkt_devc_input(struct mkt_devc *c, struct mkt_err *err)
{
	char bytes[4096];

	while (!c->gone) {
		ssize_t n = read(c->fd, bytes, sizeof(bytes));

		if (n > 0)
			take_bytes(c, bytes, (size_t)n);
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			return 0;
		else
			c->gone = true;
	}
	return mkt_err_set(err, MKT_EUNAVAILABLE, "mkt-driverd has ended the connection");
}

/* ---- waiting ------------------------------------------------------------------------------- */

static int wait_fd(const struct mkt_devc *c, short events, uint64_t deadline_ms,
		   struct mkt_err *err)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	for (;;) {
		uint64_t now = now_ms(), left = deadline_ms > now ? deadline_ms - now : 0;
		int n = poll(&p, 1, left > 3600000 ? 3600000 : (int)left);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return mkt_err_sys(err, MKT_EINTERNAL, errno, "poll");
		if (!n && now >= deadline_ms)
			return mkt_err_set(err, MKT_ETIMEOUT, "mkt-driverd gave no answer in time");
	}
}

static int send_line(struct mkt_devc *c, const struct mkt_buf *line, uint64_t deadline_ms,
		     struct mkt_err *err)
{
	size_t sent = 0;

	if (line->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	if (line->len > MKT_LINE_MAX)
		return mkt_err_set(err, MKT_EINVAL, "a request is longer than %d bytes",
				   MKT_LINE_MAX);
	while (sent < line->len) {
		ssize_t n = send(c->fd, line->data + sent, line->len - sent, MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			int rc = wait_fd(c, POLLOUT, deadline_ms, err);

			if (rc < 0)
				return rc;
		} else if (n < 0 && errno != EINTR) {
			c->gone = true;
			return mkt_err_sys(err, MKT_EUNAVAILABLE, errno,
					   "mkt-driverd has ended the connection");
		}
	}
	return 0;
}

/* The answer's own error, or that of the connection. */
static int ask(struct mkt_devc *c, const char *request, uint64_t deadline_ms, struct mkt_err *err)
{
	struct mkt_buf line = MKT_BUF_INIT;
	int rc;

	if (strpbrk(request, "\r\n"))
		return mkt_err_set(err, MKT_EINVAL, "a request is one line");
	if (!++c->last_id)
		++c->last_id;
	mkt_buf_addf(&line, "%u %s\n", c->last_id, request);
	c->waiting = true;
	c->applied = (struct mkt_setpoint){MKT_SET_NONE, 0};
	rc = send_line(c, &line, deadline_ms, err);
	mkt_buf_release(&line);
	while (rc >= 0 && c->waiting) {
		rc = wait_fd(c, POLLIN, deadline_ms, err);
		if (rc >= 0)
			rc = mkt_devc_input(c, err);
		if (!c->waiting)
			rc = 0; /* answered before it ended */
	}
	c->waiting = false;
	if (rc < 0)
		return rc;
	if (c->rc < 0 && err)
		*err = c->answer;
	return c->rc;
}

static int check_name(const char *name, struct mkt_err *err)
{
	if (!*name || strlen(name) > MKT_DEV_NAME_MAX || strpbrk(name, " \r\n"))
		return mkt_err_set(err, MKT_EINVAL, "'%s' is no name of a device", name);
	return 0;
}

/* "VERB NAME" */
static int ask_about(struct mkt_devc *c, const char *verb, const char *name, uint64_t deadline_ms,
		     struct mkt_err *err)
{
	char request[80];
	int rc = check_name(name, err);

	if (rc < 0)
		return rc;
	snprintf(request, sizeof(request), "%s %s", verb, name);
	return ask(c, request, deadline_ms, err);
}

/* ---- the connection ------------------------------------------------------------------------ */

static int greet(struct mkt_devc *c, uint64_t deadline_ms, struct mkt_err *err)
{
	int rc = 0;

	while (rc >= 0 && !c->ready && c->version >= 0) {
		rc = wait_fd(c, POLLIN, deadline_ms, err);
		if (rc >= 0)
			rc = mkt_devc_input(c, err);
	}
	if (c->version < 0) {
		mkt_err_set(err, MKT_EVERSION, "who answers is no mkt-driverd of protocol %d",
			    PROTOCOL);
		mkt_err_hint(err, "use programs of one version");
		return -MKT_EVERSION;
	}
	return c->ready ? 0 : rc;
}

static struct mkt_devc *new_client(struct mkt_err *err)
{
	struct mkt_devc *c = calloc(1, sizeof(*c));

	if (!c)
		mkt_err_code(err, MKT_ENOMEM);
	else
		c->fd = -1;
	return c;
}

static int finish_open(struct mkt_devc *c, int rc, uint64_t deadline_ms, struct mkt_devc **out,
		       struct mkt_err *err)
{
	if (rc >= 0)
		rc = greet(c, deadline_ms, err);
	if (rc < 0)
		mkt_devc_close(c);
	else
		*out = c;
	return rc < 0 ? rc : 0;
}

int mkt_devc_open(const char *path, uint64_t deadline_ms, struct mkt_devc **out,
		  struct mkt_err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct mkt_devc *c;
	int rc = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		return mkt_err_set(err, MKT_EINVAL, "the path '%s' is too long for a socket", path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	c = new_client(err);
	if (!c)
		return -MKT_ENOMEM;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		rc = mkt_err_sys(err, MKT_EUNAVAILABLE, errno, "no mkt-driverd at '%s'", path);
		mkt_err_hint(err, "start mkt-driverd for this line");
	}
	return finish_open(c, rc, deadline_ms, out, err);
}

extern char **environ;

static int spawn(struct mkt_devc *c, const char *const *argv, int theirs, struct mkt_err *err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_adddup2(&files, theirs, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, theirs, STDOUT_FILENO);
	rc = posix_spawn(&c->pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (!rc)
		return 0;
	c->pid = 0;
	return mkt_err_sys(err, MKT_EUNAVAILABLE, rc, "cannot run '%s'", argv[0]);
}

int mkt_devc_spawn(const char *const *argv, uint64_t deadline_ms, struct mkt_devc **out,
		   struct mkt_err *err)
{
	struct mkt_devc *c = new_client(err);
	int pair[2], rc;

	if (!c)
		return -MKT_ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		rc = mkt_err_sys(err, MKT_EINTERNAL, errno, "no socket");
		return finish_open(c, rc, deadline_ms, out, err);
	}
	c->fd = pair[0];
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	rc = spawn(c, argv, pair[1], err);
	close(pair[1]);
	return finish_open(c, rc, deadline_ms, out, err);
}

/* It ends when its standard input does. */
static void reap(pid_t pid)
{
	uint64_t deadline = now_ms() + END_MS;
	struct timespec pause = {0, 5000000};

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (now_ms() >= deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

void mkt_devc_close(struct mkt_devc *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	if (c->pid > 0)
		reap(c->pid);
	free(c);
}

int mkt_devc_fd(const struct mkt_devc *c)
{
	return c->fd;
}

uint32_t mkt_devc_count(const struct mkt_devc *c)
{
	return c->count;
}

const struct mkt_dev_view *mkt_devc_at(const struct mkt_devc *c, uint32_t i)
{
	return i < c->count ? &c->views[i] : NULL;
}

const struct mkt_dev_view *mkt_devc_find(const struct mkt_devc *c, const char *name)
{
	return view_of((struct mkt_devc *)(uintptr_t)c, name);
}

/* ---- requests ------------------------------------------------------------------------------ */

int mkt_devc_refresh(struct mkt_devc *c, const char *name, uint64_t deadline_ms,
		     struct mkt_err *err)
{
	return ask_about(c, "refresh", name, deadline_ms, err);
}

int mkt_devc_release(struct mkt_devc *c, const char *name, uint64_t deadline_ms,
		     struct mkt_err *err)
{
	return ask_about(c, "release", name, deadline_ms, err);
}

int mkt_devc_order(struct mkt_devc *c, const char *name, const struct mkt_order *order,
		   uint64_t deadline_ms, struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct mkt_buf line = MKT_BUF_INIT;
	int rc = check_name(name, err);

	if (rc < 0)
		return rc;
	mkt_buf_addf(&line, "order %s lease=%u", name, order->lease_s);
	mkt_line_add_set(&line, "set", &order->set);
	if (order->stop_import_wh)
		mkt_buf_addf(&line, " stop.import=%llu",
			     (unsigned long long)order->stop_import_wh);
	if (order->stop_export_wh)
		mkt_buf_addf(&line, " stop.export=%llu",
			     (unsigned long long)order->stop_export_wh);
	rc = line.bad ? mkt_err_code(err, MKT_ENOMEM) :
	     ask(c, mkt_buf_str(&line), deadline_ms, err);
	mkt_buf_release(&line);
	if (rc >= 0 && applied)
		*applied = c->applied;
	return rc;
}

struct history {
	struct mkt_dev_sample *out;
	size_t n, max;
};

static int64_t wh_of(const struct mkt_line *l, const char *key)
{
	uint64_t wh;

	return mkt_line_u64(l, key, INT64_MAX, &wh) < 0 ? -1 : (int64_t)wh;
}

static void take_sample(void *arg, const char *text, size_t n)
{
	struct history *h = arg;
	struct mkt_line l;
	uint64_t age;

	if (h->n == h->max || mkt_line_split(&l, text, n, NULL) < 0 ||
	    mkt_line_u64(&l, "age", INT64_MAX, &age) < 0)
		return;
	h->out[h->n++] = (struct mkt_dev_sample){time_of(age), wh_of(&l, "import"),
						 wh_of(&l, "export")};
}

int mkt_devc_history(struct mkt_devc *c, const char *name, uint64_t from_ms,
		     struct mkt_dev_sample *out, size_t max, uint64_t deadline_ms,
		     struct mkt_err *err)
{
	struct history h = {out, 0, max};
	uint64_t now = now_ms();
	char request[96];
	int rc = check_name(name, err);

	if (rc < 0)
		return rc;
	snprintf(request, sizeof(request), "history %s since=%llu", name,
		 (unsigned long long)(now > from_ms ? now - from_ms : 0));
	rc = mkt_devc_call(c, request, take_sample, &h, deadline_ms, err);
	return rc < 0 ? rc : (int)h.n;
}

void mkt_devc_events(struct mkt_devc *c,
		     void (*each)(void *arg, const char *name, const char *level, const char *text),
		     void *arg)
{
	c->event = each;
	c->event_arg = arg;
}

int mkt_devc_trace(struct mkt_devc *c, bool on, each_fn *each, void *arg, uint64_t deadline_ms,
		   struct mkt_err *err)
{
	c->trace = on ? each : NULL;
	c->trace_arg = arg;
	return ask(c, on ? "trace on" : "trace off", deadline_ms, err);
}

int mkt_devc_call(struct mkt_devc *c, const char *request, each_fn *each, void *arg,
		  uint64_t deadline_ms, struct mkt_err *err)
{
	int rc;

	c->row = each;
	c->row_arg = arg;
	rc = ask(c, request, deadline_ms, err);
	c->row = NULL;
	return rc;
}
