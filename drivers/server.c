#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/file.h"
#include "drivers/server.h"

/* ---- clients ------------------------------------------------------------------------------- */

static struct drv_client *client_of(struct drv_server *s, uint32_t id)
{
	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++)
		if (s->clients[i].id == id)
			return &s->clients[i];
	return NULL;
}

/* Write what goes without waiting. */
static void flush(struct drv_client *c)
{
	while (!c->gone && c->sent < c->queue.len) {
		ssize_t n = write(c->out, c->queue.data + c->sent, c->queue.len - c->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			c->gone = true;
		else
			c->sent += (size_t)n;
	}
	c->sent = 0;
	mkt_buf_clear(&c->queue);
}

void drv_client_say(struct drv_server *s, struct drv_client *c, const struct mkt_buf *text)
{
	(void)s;
	if (!c->id || c->gone || !text->len)
		return;
	if (text->bad || c->queue.len - c->sent + text->len > DRV_QUEUE_MAX) {
		c->gone = true;
		mkt_log(MKT_LOG_NOTICE, "a client does not read: cut off");
		return;
	}
	mkt_buf_add(&c->queue, text->data, text->len);
	if (c->queue.bad)
		c->gone = true;
	flush(c);
}

void drv_client_done(struct drv_server *s, struct drv_client *c, uint32_t id, int rc,
		     const struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT;

	drv_say_done(&text, id, rc, err);
	drv_client_say(s, c, &text);
	mkt_buf_release(&text);
}

static void say_everything(struct drv_server *s, struct drv_client *c)
{
	struct mkt_buf text = MKT_BUF_INIT;

	drv_say_hello(&text, &s->bus, s->line, s->alone);
	for (uint32_t i = 0; i < s->bus.n; i++)
		drv_say_unit(&text, &s->bus.units[i], DRV_CH_ALL, c->id, 0);
	mkt_buf_addstr(&text, "ready\n");
	drv_client_say(s, c, &text);
	mkt_buf_release(&text);
}

static struct drv_client *add_client(struct drv_server *s, int in, int out)
{
	struct drv_client *c = client_of(s, 0);

	if (!c)
		return NULL;
	*c = (struct drv_client){.id = ++s->last_id, .in = in, .out = out};
	if (!c->id) /* after four billion clients */
		c->id = ++s->last_id;
	say_everything(s, c);
	return c;
}

static bool anybody_traces(const struct drv_server *s)
{
	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++)
		if (s->clients[i].id && !s->clients[i].gone && s->clients[i].trace)
			return true;
	return false;
}

static void remove_client(struct drv_server *s, struct drv_client *c)
{
	uint32_t id = c->id;

	if (s->alone) { /* a terminal outlives us */
		fcntl(c->in, F_SETFL, fcntl(c->in, F_GETFL) & ~O_NONBLOCK);
		fcntl(c->out, F_SETFL, fcntl(c->out, F_GETFL) & ~O_NONBLOCK);
	}
	close(c->in);
	if (c->out != c->in)
		close(c->out);
	mkt_buf_release(&c->queue);
	*c = (struct drv_client){0};
	drv_bus_client_lost(&s->bus, id);
	if (!anybody_traces(s))
		drv_bus_trace(&s->bus, NULL, NULL);
}

/* ---- what the line tells ------------------------------------------------------------------- */

static void push_unit(struct drv_server *s, struct drv_unit *u)
{
	struct mkt_buf text = MKT_BUF_INIT;
	unsigned what = u->changed;

	if (!what)
		return;
	u->changed = 0;
	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++) {
		struct drv_client *c = &s->clients[i];

		if (!c->id || c->gone)
			continue;
		mkt_buf_clear(&text);
		drv_say_unit(&text, u, what, c->id, u->told_ms);
		drv_client_say(s, c, &text);
	}
	if (what & DRV_CH_READINGS) {
		u->told_ms = drv_now_ms();
		for (int i = 0; i < MKT_READINGS; i++)
			u->told[i] = u->dev.r.v[i].known;
	}
	mkt_buf_release(&text);
}

static void push_all(struct drv_server *s)
{
	for (uint32_t i = 0; i < s->bus.n; i++)
		push_unit(s, &s->bus.units[i]);
}

static void hook_tell(void *arg, const struct drv_unit *u, enum mkt_level level, const char *text)
{
	struct drv_server *s = arg;
	struct mkt_buf line = MKT_BUF_INIT;

	mkt_log(level, "%s: %s", u ? u->conf.name : s->line, text);
	if (level > MKT_LOG_INFO)
		return;
	drv_say_event(&line, u, level, text);
	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++)
		drv_client_say(s, &s->clients[i], &line);
	mkt_buf_release(&line);
}

static void hook_done(void *arg, struct drv_unit *u, uint64_t ticket, int rc,
		      const struct mkt_err *err)
{
	struct drv_server *s = arg;
	struct drv_client *c = client_of(s, (uint32_t)(ticket >> 32));
	struct mkt_buf text = MKT_BUF_INIT;
	uint32_t id = (uint32_t)ticket;

	push_unit(s, u); /* an answer comes after what it speaks of */
	if (!c || !(ticket >> 32))
		return;
	if (c->waiting)
		c->waiting--;
	if (rc >= 0 && u->hold.held) {
		mkt_buf_addf(&text, "ok %u", id);
		mkt_line_add_set(&text, "applied", &u->hold.applied);
		mkt_buf_addch(&text, '\n');
	} else {
		drv_say_done(&text, id, rc, err);
	}
	drv_client_say(s, c, &text);
	mkt_buf_release(&text);
}

static void hook_save(void *arg)
{
	drv_orders_save(arg);
}

static void hook_trace(void *arg, uint64_t at_ms, char dir, const void *bytes, size_t n)
{
	struct drv_server *s = arg;
	struct mkt_buf text = MKT_BUF_INIT;

	drv_say_trace(&text, s->trace_ms, at_ms, dir, bytes, n);
	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++)
		if (s->clients[i].trace)
			drv_client_say(s, &s->clients[i], &text);
	mkt_buf_release(&text);
}

struct drv_hooks drv_server_hooks(struct drv_server *s)
{
	return (struct drv_hooks){s, hook_tell, hook_done, hook_save};
}

/* ---- requests ------------------------------------------------------------------------------ */

static void set_trace(struct drv_server *s, struct drv_client *c, bool on)
{
	if (on && !anybody_traces(s)) {
		s->trace_ms = drv_now_ms();
		drv_bus_trace(&s->bus, hook_trace, s);
	}
	c->trace = on;
	if (!anybody_traces(s))
		drv_bus_trace(&s->bus, NULL, NULL);
}

/* Of a device: 1 it answers later, by hook_done(). */
static int ask_unit(struct drv_server *s, struct drv_client *c, const struct drv_request *r,
		    struct mkt_err *err)
{
	struct drv_unit *u = drv_bus_find(&s->bus, r->name);
	uint64_t ticket = (uint64_t)c->id << 32 | r->id;
	int rc;

	if (!u)
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no device '%s' on this line",
				   r->name);
	c->waiting++;
	if (r->verb == DRV_V_REFRESH)
		rc = drv_unit_refresh(u, ticket, err);
	else if (r->verb == DRV_V_ORDER)
		rc = drv_unit_order(u, c->id, &r->order, ticket, err);
	else
		rc = drv_unit_release(u, c->id, ticket, err);
	if (rc >= 0)
		return 1;
	c->waiting--;
	push_unit(s, u);
	return rc;
}

static int ask_history(struct drv_server *s, struct drv_client *c, const struct drv_request *r,
		       struct mkt_err *err)
{
	const struct drv_unit *u = drv_bus_find(&s->bus, r->name);
	struct mkt_buf text = MKT_BUF_INIT;

	if (!u)
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no device '%s' on this line",
				   r->name);
	drv_say_history(&text, r->id, u, r->since_ms);
	drv_client_say(s, c, &text);
	mkt_buf_release(&text);
	return 0;
}

static int ask(struct drv_server *s, struct drv_client *c, const struct drv_request *r,
	       struct mkt_err *err)
{
	switch (r->verb) {
	case DRV_V_PING:
		return 0;
	case DRV_V_TRACE:
		set_trace(s, c, r->on);
		return 0;
	case DRV_V_HISTORY:
		return ask_history(s, c, r, err);
	case DRV_V_DRIVERS:
	case DRV_V_SCAN:
	case DRV_V_PROBE:
		if (!s->alone)
			return mkt_err_set(err, MKT_EDENIED, "only with --stdio");
		return drv_private(s, c, r, err);
	default:
		return ask_unit(s, c, r, err);
	}
}

void drv_client_line(struct drv_server *s, struct drv_client *c, const char *text, size_t n)
{
	struct drv_request r;
	struct mkt_err err = {0};
	int rc = drv_request_parse(text, n, &r, &err);

	if (rc >= 0)
		rc = ask(s, c, &r, &err);
	if (rc <= 0)
		drv_client_done(s, c, r.id, rc, &err);
}

static void take_bytes(struct drv_server *s, struct drv_client *c, const char *p, size_t n)
{
	for (; n && !c->gone; n--, p++) {
		if (*p != '\n' && c->n < sizeof(c->text)) {
			c->text[c->n++] = *p;
			continue;
		}
		if (*p != '\n') {
			c->skip = true; /* told once the line ends */
			continue;
		}
		drv_client_line(s, c, c->text, c->skip ? MKT_LINE_MAX : c->n);
		c->n = 0;
		c->skip = false;
	}
}

static void read_client(struct drv_server *s, struct drv_client *c)
{
	char bytes[4096];
	ssize_t n = read(c->in, bytes, sizeof(bytes));

	if (n > 0)
		take_bytes(s, c, bytes, (size_t)n);
	else if (!n)
		c->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		c->gone = true;
}

/* ---- the socket ---------------------------------------------------------------------------- */

static int take_lock(struct drv_server *s, const char *dir, struct mkt_err *err)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s.lock", dir, s->line);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (s->lock < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot open '%s'", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB) < 0)
		return mkt_err_set(err, MKT_ELOCKED, "another mkt-driverd serves line '%s' in '%s'",
				   s->line, dir);
	return 0;
}

int drv_server_listen(struct drv_server *s, const char *dir, struct mkt_err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s.sock", dir, s->line), rc;
	mode_t mask;

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		return mkt_err_set(err, MKT_EUSAGE, "'%s/%s.sock' is longer than %zu bytes", dir,
				   s->line, sizeof(sa.sun_path) - 1);
	rc = mkt_dir_make(dir, 0750, err);
	if (rc >= 0)
		rc = take_lock(s, dir, err);
	if (rc < 0)
		return rc;
	snprintf(s->path, sizeof(s->path), "%s", sa.sun_path);
	snprintf(s->orders, sizeof(s->orders), "%s/%s.orders", dir, s->line);
	unlink(s->path); /* nobody's: we have the lock */
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0117);
	rc = s->listener < 0 ? -1 : bind(s->listener, (struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (rc < 0 || listen(s->listener, DRV_CLIENTS_MAX) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot listen on '%s'", s->path);
	drv_orders_load(s);
	return 0;
}

static void accept_client(struct drv_server *s)
{
	static const char full[] = "error 0 limit text=no%20place%20for%20another%20client\n";
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!add_client(s, fd, fd)) {
		ssize_t n = write(fd, full, sizeof(full) - 1);

		(void)n;
		close(fd);
	}
}

void drv_server_stdio(struct drv_server *s, bool trace)
{
	struct drv_client *c;

	s->alone = true;
	fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
	c = add_client(s, STDIN_FILENO, STDOUT_FILENO);
	if (c && trace)
		set_trace(s, c, true);
}

/* ---- the loop ------------------------------------------------------------------------------ */

void drv_server_init(struct drv_server *s, const char *line)
{
	*s = (struct drv_server){.listener = -1, .lock = -1};
	snprintf(s->line, sizeof(s->line), "%s", line);
}

/* Clients that are gone; ended ones once they have all answers.  False: alone, and it has ended. */
static bool sweep(struct drv_server *s)
{
	bool any = false;

	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++) {
		struct drv_client *c = &s->clients[i];

		if (c->id && (c->gone || (c->ended && !c->waiting && !c->queue.len)))
			remove_client(s, c);
		any |= c->id != 0;
	}
	return any || !s->alone;
}

struct waits {
	struct pollfd fds[DRV_CLIENTS_MAX * 2 + 3];
	struct drv_client *of[DRV_CLIENTS_MAX * 2 + 3];
	nfds_t n;
};

static void wait_for(struct waits *w, int fd, short events, struct drv_client *c)
{
	w->fds[w->n] = (struct pollfd){.fd = fd, .events = events};
	w->of[w->n++] = c;
}

static void gather(struct drv_server *s, struct waits *w, int stop_fd)
{
	wait_for(w, stop_fd, POLLIN, NULL);
	wait_for(w, drv_bus_fd(&s->bus), POLLIN, NULL);
	wait_for(w, s->listener, POLLIN, NULL);
	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++) {
		struct drv_client *c = &s->clients[i];

		if (!c->id)
			continue;
		if (!c->ended)
			wait_for(w, c->in, POLLIN, c);
		if (c->queue.len)
			wait_for(w, c->out, POLLOUT, c);
	}
}

/* The rest of a millisecond is waited out, so that what is due is due. */
static int timeout_ms(uint64_t next_ms, uint64_t most_ms)
{
	uint64_t now = drv_now_ms(), left = next_ms > now ? next_ms - now : 0;

	if (most_ms && left > most_ms)
		left = most_ms;
	return left > 3600000 ? 3600000 : (int)left;
}

void drv_server_run(struct drv_server *s, int stop_fd, uint32_t beat_ms, void (*beat)(void))
{
	while (sweep(s)) {
		struct waits w = {.n = 0};
		uint64_t next = drv_bus_step(&s->bus);

		push_all(s);
		if (beat_ms && drv_now_ms() >= s->beat_at_ms) {
			s->beat_at_ms = drv_now_ms() + beat_ms;
			beat();
		}
		gather(s, &w, stop_fd);
		if (poll(w.fds, w.n, timeout_ms(next, beat_ms)) <= 0)
			continue;
		if (w.fds[0].revents)
			return;
		for (nfds_t i = 3; i < w.n; i++) {
			if (w.fds[i].revents && w.fds[i].events == POLLOUT)
				flush(w.of[i]);
			else if (w.fds[i].revents)
				read_client(s, w.of[i]);
		}
		if (w.fds[1].revents)
			drv_bus_input(&s->bus);
		if (w.fds[2].revents)
			accept_client(s);
	}
}

void drv_server_quit(struct drv_server *s)
{
	drv_bus_quit(&s->bus);
	push_all(s);
	for (size_t i = 0; i < DRV_CLIENTS_MAX; i++)
		if (s->clients[i].id)
			remove_client(s, &s->clients[i]);
	drv_bus_release(&s->bus);
	if (s->listener >= 0) {
		unlink(s->path);
		close(s->listener);
	}
	if (s->lock >= 0)
		close(s->lock);
}
