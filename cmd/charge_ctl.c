/*
 * The socket of `mkt charge run`, in its state directory: one line is asked, one
 * JSON document answered.
 *
 *	status
 *	stop DEV      nothing is charged or discharged until "start"
 *	start DEV     it takes part again, spread evenly
 *	now DEV       it takes part again, and moves what is contracted at once
 *	limit DEV N mA|W  at most so much; 0: no limit
 */
#include "core/base/compat.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#include "cmd/charge.h"

#define NAME "socket"
#define LINE_MAX_ 200
#define SERVE_MS 200
#define ASK_MS 5000
#define ANSWER_MAX (1u << 20)

/* Paths of sockets are short; that of a directory which is open always is. */
static struct sockaddr_un address(int dir_fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" NAME, dir_fd);
	return a;
}

int charge_ctl_open(struct charge *c)
{
	struct sockaddr_un a = address(c->state_fd);
	mode_t old;
	int rc;

	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listen_fd < 0)
		return mkt_err_sys(&c->app->err, MKT_EIO, errno, "cannot make a socket");
	/* The journal is locked: whoever left this one is gone. */
	unlinkat(c->state_fd, NAME, 0);
	old = umask(077);
	rc = bind(c->listen_fd, (struct sockaddr *)&a, sizeof(a));
	umask(old);
	if (rc < 0 || listen(c->listen_fd, 8) < 0)
		return mkt_err_sys(&c->app->err, MKT_EIO, errno,
				   "cannot listen in the state directory");
	return 0;
}

void charge_ctl_close(struct charge *c)
{
	if (c->listen_fd < 0)
		return;
	close(c->listen_fd);
	unlinkat(c->state_fd, NAME, 0);
	c->listen_fd = -1;
}

/* ---- answering ---------------------------------------------------------------------------- */

static void put_reading(struct mkt_jw *w, const char *key, const struct charge_device *d,
			enum mkt_reading_id id)
{
	if (d->view && charge_fresh(d, id))
		mkt_jw_ki64(w, key, d->view->r.v[id].value);
	else
		mkt_jw_knull(w, key);
}

static void put_device(struct charge *c, struct mkt_jw *w, const struct charge_device *d)
{
	const struct mkt_duty *duty = charge_present(c);
	unsigned dir = duty && (d->plan.set < 0 || !mkt_duty_wh(duty, 0));

	mkt_jw_obj(w);
	mkt_jw_kstr(w, "device", d->conf->name);
	mkt_jw_kstr(w, "charger", d->charger);
	mkt_jw_kstr(w, "state", mkt_dev_state_word(d->view ? (int)d->view->state : MKT_DEV_ABSENT));
	if (d->plan.vehicle)
		mkt_jw_kstr(w, "vehicle", mkt_dev_vehicle_word((int)d->plan.vehicle));
	put_reading(w, "power_w", d, MKT_R_POWER);
	put_reading(w, "soc", d, MKT_R_SOC);
	mkt_jw_kstr(w, "unit", d->plan.by_current ? "mA" : "W");
	mkt_jw_ki64(w, "set", d->plan.set);
	if (duty) {
		mkt_jw_ku64(w, "window", duty->window_s);
		mkt_jw_kstr(w, "side", dir ? "supply" : "draw");
		mkt_jw_ku64(w, "contracted_wh", mkt_duty_wh(duty, dir));
		mkt_jw_ku64(w, "moved_wh", d->plan.moved_wh[dir]);
	}
	mkt_jw_kstr(w, "code", mkt_plan_word((int)d->out.code));
	mkt_jw_kstr(w, "reason", d->out.text);
	mkt_jw_ku64(w, "decided_ms", d->decided_ms);
	mkt_jw_obj_end(w);
}

static void put_status(struct charge *c, struct mkt_jw *w)
{
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "now_ms", c->now_ms);
	mkt_jw_key(w, "devices");
	mkt_jw_arr(w);
	for (uint32_t i = 0; i < c->ndevices; i++)
		put_device(c, w, &c->devices[i]);
	mkt_jw_arr_end(w);
	mkt_jw_obj_end(w);
}

static void put_error(struct mkt_jw *w, const char *code, const char *text)
{
	mkt_jw_obj(w);
	mkt_jw_kstr(w, "error", code);
	mkt_jw_kstr(w, "message", text);
	mkt_jw_obj_end(w);
}

static const struct charge_device *find_device(const struct charge *c, const char *name)
{
	for (uint32_t i = 0; name && i < c->ndevices; i++)
		if (!strcmp(c->devices[i].conf->name, name))
			return &c->devices[i];
	return NULL;
}

/* A limit in the unit of the device's set-points. */
static uint32_t limit_of(const struct charge_device *d, const char *number, const char *unit)
{
	uint32_t v = (uint32_t)strtoul(number, NULL, 10);
	bool in_ma = !strcmp(unit, "mA");

	if (in_ma == d->plan.by_current || !v)
		return v;
	return in_ma ? mkt_plan_watts(&d->plan, v) : mkt_plan_ma(&d->plan, v);
}

struct request {
	const char *verb, *dev, *number, *unit;
};

static int set_will(struct charge *c, const struct request *r, const struct charge_device *d)
{
	const struct mkt_duty_will *had = mkt_duties_will(&c->duties, r->dev);
	struct mkt_duty_will w = had ? *had : (struct mkt_duty_will){0};
	struct mkt_buf b = MKT_BUF_INIT;

	snprintf(w.dev, sizeof(w.dev), "%s", r->dev);
	if (r->unit && !strcmp(r->verb, "limit")) {
		w.limit = limit_of(d, r->number, r->unit);
		charge_note(c, r->dev, 0, "asked: limit %s %s", r->number, r->unit);
	} else {
		w.stopped = !strcmp(r->verb, "stop");
		w.hasty = !strcmp(r->verb, "now");
		charge_note(c, r->dev, 0, "asked: %s", r->verb);
	}
	mkt_duty_put_will(&b, c->now_ms, &w);
	return charge_keep(c, &b, true);
}

static bool is_change(const struct request *r)
{
	if (!r->verb || !strcmp(r->verb, "limit"))
		return r->verb && r->unit;
	return !strcmp(r->verb, "stop") || !strcmp(r->verb, "start") || !strcmp(r->verb, "now");
}

/* One request.  Orders follow at once, so that the answer tells what is. */
static void answer(struct charge *c, char *line, struct mkt_buf *out)
{
	char *save = NULL;
	struct request r = {.verb = strtok_r(line, " \n", &save)};
	const struct charge_device *d;
	struct mkt_jw w;

	r.dev = strtok_r(NULL, " \n", &save);
	r.number = strtok_r(NULL, " \n", &save);
	r.unit = strtok_r(NULL, " \n", &save);
	d = find_device(c, r.dev);
	mkt_jw_init(&w, out);
	if (is_change(&r) && !d)
		put_error(&w, "not-found", "no such device");
	else if ((is_change(&r) && set_will(c, &r, d)) || charge_decide(c))
		put_error(&w, mkt_code_word(c->app->err.code), c->app->err.text);
	else if (is_change(&r) || (r.verb && !strcmp(r.verb, "status")))
		put_status(c, &w);
	else
		put_error(&w, "usage", "not a request");
}

/* Read to the end of the line, or for @ms. */
static bool read_line(int fd, char line[LINE_MAX_ + 1], int ms)
{
	size_t n = 0;

	while (n < LINE_MAX_) {
		struct pollfd p = {fd, POLLIN, 0};
		ssize_t got = poll(&p, 1, ms) > 0 ? read(fd, line + n, LINE_MAX_ - n) : -1;

		if (got <= 0)
			return false;
		n += (size_t)got;
		line[n] = '\0';
		if (line[n - 1] == '\n')
			return true;
	}
	return false;
}

static void write_all(int fd, const char *p, size_t n, int ms)
{
	while (n) {
		struct pollfd w = {fd, POLLOUT, 0};
		ssize_t put = poll(&w, 1, ms) > 0 ? send(fd, p, n, MSG_NOSIGNAL) : -1;

		if (put <= 0)
			return;
		p += put;
		n -= (size_t)put;
	}
}

void charge_ctl_turn(struct charge *c)
{
	for (unsigned served = 0; served < 8; served++) {
		int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct mkt_buf out = MKT_BUF_INIT;
		char line[LINE_MAX_ + 1];

		if (fd < 0)
			return;
		if (read_line(fd, line, SERVE_MS)) {
			answer(c, line, &out);
			mkt_buf_addch(&out, '\n');
			write_all(fd, mkt_buf_str(&out), out.len, SERVE_MS);
		}
		mkt_buf_release(&out);
		close(fd);
	}
}

/* ---- asking ------------------------------------------------------------------------------- */

static int exchange(struct mkt_app *app, int fd, const char *line, struct mkt_buf *out)
{
	char piece[4096];

	write_all(fd, line, strlen(line), ASK_MS);
	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		ssize_t got = poll(&p, 1, ASK_MS) > 0 ? read(fd, piece, sizeof(piece)) : -1;

		if (got < 0 || out->len + sizeof(piece) > ANSWER_MAX)
			return mkt_err_set(&app->err, MKT_ETIMEOUT,
					   "'mkt charge run' does not answer");
		if (!got)
			break;
		mkt_buf_add(out, piece, (size_t)got);
	}
	return out->len ? 0
			: mkt_err_set(&app->err, MKT_EUNAVAILABLE, "'mkt charge run' has ended");
}

int charge_ctl_ask(struct mkt_app *app, const char *line, struct mkt_buf *out)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc = charge_state_dir(app, &path, false), dir = -1, fd = -1;

	if (!rc)
		dir = open(mkt_buf_str(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkt_buf_release(&path);
	if (dir >= 0) {
		struct sockaddr_un a = address(dir);

		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
			close(fd);
			fd = -1;
		}
		close(dir);
	}
	if (!rc && fd < 0)
		rc = mkt_err_set(&app->err, MKT_ENOTFOUND, "'mkt charge run' does not run here");
	if (!rc)
		rc = exchange(app, fd, line, out);
	if (fd >= 0)
		close(fd);
	return rc;
}
