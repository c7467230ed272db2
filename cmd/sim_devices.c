/* The programs behind a simulated community: simulators and mkt-driverd's. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/sim_devices.h"
#include "core/base/file.h"

#define READY_MS 20000 /* of real time, for a device to be ready */
#define END_MS 5000
#define LINE_MAX_ 300

/* What a kind of device is made of. */
struct sim_make {
	const char *program; /* mkt-sim-... */
	const char *model;   /* or NULL */
	const char *driver;
	enum { PTY, TCP, UDP } line;
};

/* Homes have different ones, in turn; an office has one bus. */
static const struct sim_make chargers[] = {
	{"rapi", NULL, "rapi", PTY},
	{"heidelberg", NULL, "heidelberg", PTY},
	{"abb", NULL, "abb-terra", PTY},
	{"mennekes", NULL, "mennekes", PTY},
};
static const struct sim_make batteries[] = {
	{"sunspec", "hybrid700", "sunspec", PTY},
	{"sunspec", "hybrid700", "sunspec", TCP},
	{"echonet", "battery", "echonet-battery", UDP},
};
static const struct sim_make bus = {"abb", NULL, "abb-terra", PTY};

/* ---- which device is what ------------------------------------------------------------------ */

static int no_room(struct sim_devices *d)
{
	return mkt_err_set(&d->s->app->err, MKT_ELIMIT,
			   "more than %d devices or %d lines: play without --devices",
			   SIM_DEVICES_MAX, SIM_LINES_MAX);
}

static struct sim_line *add_line(struct sim_devices *d, const char *name,
				 const struct sim_make *make)
{
	struct sim_line *l;

	if (d->nlines == SIM_LINES_MAX)
		return NULL;
	l = &d->lines[d->nlines++];
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->make = make;
	l->orders = l->answers = -1;
	return l;
}

static int add_dev(struct sim_devices *d, struct sim_line *l, uint16_t site, int charger)
{
	const struct mkt_site *at = &d->s->profile->sites[site];
	struct sim_dev *dev;

	if (!l || d->ndevs == SIM_DEVICES_MAX)
		return no_room(d);
	dev = &d->devs[d->ndevs++];
	dev->line = l;
	dev->unit = ++l->units;
	dev->site = site;
	dev->charger = charger;
	dev->next_ms = MKT_PLAN_NEVER;
	if (charger < 0)
		sim_battery_id(at, dev->name);
	else
		snprintf(dev->name, sizeof(dev->name), "%s", at->chargers[charger]);
	return 0;
}

/* A charger on a line of its own; several of a site share a bus. */
static int lay_out(struct sim_devices *d)
{
	const struct mkt_profile *p = d->s->profile;
	uint32_t homes = 0, stores = 0;
	int rc = 0;

	for (uint16_t i = 0; !rc && i < p->nsites; i++) {
		const struct mkt_site *at = &p->sites[i];
		struct sim_line *l = NULL;
		char name[MKT_DEV_NAME_MAX + 1];

		if (at->nchargers == 1)
			l = add_line(d, at->id, &chargers[homes++ % MKT_ARRAY_SIZE(chargers)]);
		else if (at->nchargers)
			l = add_line(d, at->id, &bus);
		for (int c = 0; !rc && c < at->nchargers; c++)
			rc = add_dev(d, l, i, c);
		if (rc || !at->battery_wh)
			continue;
		snprintf(name, sizeof(name), "%.*s-b", MKT_DEV_NAME_MAX - 2, at->id);
		l = add_line(d, name, &batteries[stores++ % MKT_ARRAY_SIZE(batteries)]);
		rc = add_dev(d, l, i, -1);
	}
	return rc;
}

/* ---- processes ----------------------------------------------------------------------------- */

/* @in, @out: -1 for nothing.  In a group of its own, and gone when we are. */
_Noreturn static void become(const char *path, char *const *argv, int in, int out,
			     const char *log, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    err = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	sigset_t none;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (null >= 0 && err >= 0 && dup2(in < 0 ? null : in, 0) == 0 &&
	    dup2(out < 0 ? null : out, 1) == 1 && dup2(err, 2) == 2 &&
	    prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
		execvp(path, argv);
	_exit(127);
}

static int start(struct sim_devices *d, const char *name, char *const *argv, int in, int out,
		 pid_t *pid)
{
	char path[SIM_PATH_MAX], log[SIM_PATH_MAX + 16];
	pid_t self = getpid();
	int rc = sim_find(d->s->app, NULL, name, path, sizeof(path));

	if (rc < 0)
		return rc;
	snprintf(log, sizeof(log), "%s/log", d->dir);
	*pid = fork();
	if (*pid < 0) {
		*pid = 0;
		return mkt_err_sys(&d->s->app->err, MKT_EIO, errno, "cannot start a process");
	}
	if (!*pid)
		become(path, argv, in, out, log, self);
	return 0;
}

/* One line of a simulator's standard output. */
static int hear(struct sim_devices *d, struct sim_line *l, char *line, size_t size)
{
	uint64_t until = mkt_app_mono_ms() + READY_MS;
	struct pollfd p = {.fd = l->answers, .events = POLLIN};
	size_t n = 0;

	while (n + 1 < size) {
		uint64_t now = mkt_app_mono_ms();

		if (now >= until || poll(&p, 1, (int)(until - now)) <= 0)
			break;
		if (read(l->answers, line + n, 1) != 1)
			break;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		n++;
	}
	return mkt_err_set(&d->s->app->err, MKT_EUNAVAILABLE, "mkt-sim-%s of '%s' says nothing",
			   l->make->program, l->name);
}

int sim_line_tell(struct sim_devices *d, struct sim_line *l, const char *fmt, ...)
{
	char line[LINE_MAX_];
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	if (write(l->orders, line, (size_t)n) != n)
		return mkt_err_sys(&d->s->app->err, MKT_EUNAVAILABLE, errno,
				   "cannot speak to mkt-sim-%s of '%s'", l->make->program, l->name);
	rc = hear(d, l, line, sizeof(line));
	if (!rc && strcmp(line, "ok") != 0)
		rc = mkt_err_set(&d->s->app->err, MKT_EINTERNAL, "mkt-sim-%s: %.200s",
				 l->make->program, line);
	return rc;
}

/* A loopback address of our own: ECHONET Lite has one port for all. */
static void loopback(const struct sim_devices *d, const struct sim_line *l, unsigned host,
		     char *out, size_t size)
{
	unsigned pid = (unsigned)getpid(), at = (unsigned)(l - d->lines);

	snprintf(out, size, "127.%u.%u.%u", 1 + pid / 256 % 254, pid % 256, 2 * at + host);
}

/* One way: the agent counts losses of the whole round when it charges. */
static unsigned one_way(unsigned pct)
{
	unsigned r = 1000;

	while (r * r > pct * 10000)
		r--;
	return r;
}

struct args {
	char text[20][64];
	char *argv[24];
	unsigned n, ntext;
};

static void arg(struct args *a, const char *word)
{
	a->argv[a->n++] = (char *)word;
}

static void number(struct args *a, const char *option, uint64_t v)
{
	snprintf(a->text[a->ntext], sizeof(a->text[0]), "%llu", (unsigned long long)v);
	arg(a, option);
	arg(a, a->text[a->ntext++]);
}

static void device_args(struct sim_devices *d, struct sim_line *l, struct args *a, char *where,
			size_t size)
{
	static const char *const options[] = {"--pty", "--tcp", "--udp"};
	const struct sim_dev *first = d->devs;
	const struct mkt_site *at;

	while (first->line != l)
		first++;
	at = &d->s->profile->sites[first->site];
	if (l->make->line == PTY)
		snprintf(where, size, "%.480s/%s.tty", d->dir, l->name);
	else if (l->make->line == TCP)
		snprintf(where, size, "127.0.0.1:0");
	else
		loopback(d, l, 1, where, size);
	if (l->make->line == UDP)
		snprintf(where + strlen(where), size - strlen(where), ":3610");
	snprintf(a->text[a->ntext], sizeof(a->text[0]), "mkt-sim-%s", l->make->program);
	arg(a, a->text[a->ntext++]);
	arg(a, options[l->make->line]);
	arg(a, where);
	arg(a, "--clock");
	arg(a, d->clock_file);
	arg(a, "--parent-dies");
	if (l->make->model) {
		arg(a, "--model");
		arg(a, l->make->model);
	}
	if (first->charger < 0) {
		number(a, "--capacity", at->battery_wh);
		number(a, "--soc", d->s->agents[first->site].soc_x100 * 10 / at->battery_wh);
		number(a, "--charge-max", at->battery_w);
		number(a, "--discharge-max", at->battery_w);
		number(a, "--efficiency", one_way(at->battery_pct));
		number(a, "--taper", 1000);
	} else {
		number(a, "--units", l->units);
		number(a, "--phases", 1);
		number(a, "--voltage", SIM_VOLTAGE_V * 1000);
		number(a, "--max", (uint64_t)at->charger_w * 1000 / SIM_VOLTAGE_V);
	}
}

/* Start the simulator of a line; @port is where it answers, as mkt-driverd names it. */
static int start_device(struct sim_devices *d, struct sim_line *l, char *port, size_t size)
{
	struct args a = {.n = 0};
	char where[SIM_PATH_MAX + 64], line[LINE_MAX_], host[32];
	int in[2] = {-1, -1}, out[2] = {-1, -1}, rc;

	device_args(d, l, &a, where, sizeof(where));
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return mkt_err_sys(&d->s->app->err, MKT_EIO, errno, "cannot make a pipe");
	rc = start(d, a.argv[0], a.argv, in[0], out[1], &l->device);
	close(in[0]);
	close(out[1]);
	l->orders = in[1];
	l->answers = out[0];
	if (rc < 0 || (rc = hear(d, l, line, sizeof(line))) < 0)
		return rc;
	if (strncmp(line, "ready ", 6) != 0)
		return mkt_err_set(&d->s->app->err, MKT_EUNAVAILABLE, "mkt-sim-%s: %.200s",
				   l->make->program, line);
	if (l->make->line == PTY) {
		snprintf(port, size, "%s", where);
	} else if (l->make->line == TCP) {
		snprintf(port, size, "%s%s", strncmp(line + 6, "tcp:", 4) ? "tcp:" : "", line + 6);
	} else {
		loopback(d, l, 2, host, sizeof(host));
		where[strlen(where) - 5] = '\0';
		snprintf(port, size, "udp:%.64s:3610,%s:3610", where, host);
	}
	return 0;
}

static void describe(struct sim_devices *d, const struct sim_line *l, const char *port,
		     struct mkt_buf *b)
{
	mkt_buf_addf(b, "[line.%s]\nport = %s\npause = 0s\n", l->name, port);
	for (uint32_t i = 0; i < d->ndevs; i++) {
		const struct sim_dev *dev = &d->devs[i];
		const struct mkt_site *at = &d->s->profile->sites[dev->site];

		if (dev->line != l)
			continue;
		mkt_buf_addf(b, "[device.%s]\nline = %s\ndriver = %s\n", dev->name, l->name,
			     l->make->driver);
		if (l->units > 1)
			mkt_buf_addf(b, "unit = %u\n", dev->unit);
		if (dev->charger >= 0)
			mkt_buf_addf(b, "voltage = %uV\nmax = %uA\n", SIM_VOLTAGE_V,
				     (at->charger_w + SIM_VOLTAGE_V - 1) / SIM_VOLTAGE_V);
		else
			mkt_buf_addf(b, "soc_min = 0%%\n");
	}
}

static int start_driverd(struct sim_devices *d, struct sim_line *l)
{
	char conf[SIM_PATH_MAX + 16];
	char *argv[] = {(char *)"mkt-driverd", (char *)"-f", conf, (char *)"--clock",
			d->clock_file, l->name, NULL};

	snprintf(conf, sizeof(conf), "%s/devices.conf", d->dir);
	return start(d, argv[0], argv, -1, -1, &l->driverd);
}

static int connect_to(struct sim_devices *d, struct sim_line *l)
{
	char path[SIM_PATH_MAX + 64];
	uint64_t until = mkt_app_mono_ms() + READY_MS;
	int status;

	snprintf(path, sizeof(path), "%s/%s.sock", d->dir, l->name);
	while (mkt_devc_open(path, until, &l->conn, &d->s->app->err) < 0) {
		if (waitpid(l->driverd, &status, WNOHANG) == l->driverd) {
			l->driverd = 0;
			return mkt_err_set(&d->s->app->err, MKT_EUNAVAILABLE,
					   "mkt-driverd of '%s' has ended", l->name);
		}
		if (mkt_app_mono_ms() >= until)
			return mkt_err_wrap(&d->s->app->err, "mkt-driverd of '%s'", l->name);
		usleep(2000);
	}
	return 0;
}

static int wait_ready(struct sim_devices *d, struct sim_dev *dev)
{
	uint64_t until = mkt_app_mono_ms() + READY_MS;
	struct mkt_err *err = &d->s->app->err;
	struct pollfd p = {.fd = mkt_devc_fd(dev->line->conn), .events = POLLIN};
	int rc = 0;

	dev->view = mkt_devc_find(dev->line->conn, dev->name);
	while (!rc && (!dev->view || dev->view->state != MKT_DEV_READY)) {
		if (mkt_app_mono_ms() >= until)
			return mkt_err_set(err, MKT_EUNAVAILABLE, "device '%s' is %s: %.160s",
					   dev->name,
					   dev->view ? mkt_dev_state_word((int)dev->view->state)
						     : "not there",
					   dev->view ? dev->view->error : "");
		poll(&p, 1, 100);
		rc = mkt_devc_input(dev->line->conn, err);
		dev->view = mkt_devc_find(dev->line->conn, dev->name);
	}
	return rc;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int start_lines(struct sim_devices *d)
{
	struct mkt_buf conf = MKT_BUF_INIT;
	char port[SIM_PATH_MAX + 64], path[SIM_PATH_MAX + 16];
	struct mkt_err *err = &d->s->app->err;
	int rc = 0;

	mkt_buf_addf(&conf, "[site]\nsockets = %s\n", d->dir);
	for (uint32_t i = 0; !rc && i < d->nlines; i++) {
		rc = start_device(d, &d->lines[i], port, sizeof(port));
		describe(d, &d->lines[i], port, &conf);
	}
	snprintf(path, sizeof(path), "%s/devices.conf", d->dir);
	if (!rc)
		rc = conf.bad ? mkt_err_code(err, MKT_ENOMEM)
			      : mkt_file_write(path, conf.data, conf.len,
					       (struct mkt_file_how){0600, true}, err);
	mkt_buf_release(&conf);
	for (uint32_t i = 0; !rc && i < d->nlines; i++)
		rc = start_driverd(d, &d->lines[i]);
	for (uint32_t i = 0; !rc && i < d->nlines; i++)
		rc = connect_to(d, &d->lines[i]);
	for (uint32_t i = 0; !rc && i < d->ndevs; i++)
		rc = wait_ready(d, &d->devs[i]);
	return rc;
}

int sim_devices_start(struct sim *s, struct sim_devices **out)
{
	struct sim_devices *d = calloc(1, sizeof(*d));
	int rc;

	*out = d;
	if (!d)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	d->s = s;
	d->now_ms = s->from_s * 1000;
	snprintf(d->dir, sizeof(d->dir), "%.480s/dev", s->chain.run);
	snprintf(d->clock_file, sizeof(d->clock_file), "%s/clock", d->dir);
	if (mkdir(d->dir, 0700) < 0)
		return mkt_err_sys(&s->app->err, MKT_EIO, errno, "cannot make '%s'", d->dir);
	rc = mkt_clock_create(d->clock_file, d->now_ms, &d->clock, &s->app->err);
	if (!rc)
		rc = lay_out(d);
	return rc < 0 ? rc : start_lines(d);
}

/* It was told to end. */
static void reap(pid_t pid)
{
	uint64_t until = mkt_app_mono_ms() + END_MS;

	if (!pid)
		return;
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (mkt_app_mono_ms() >= until)
			kill(pid, SIGKILL);
		usleep(1000);
	}
}

/* All at once, then wait: each has something to say to its device. */
static void end_all(struct sim_devices *d, bool devices)
{
	for (int wait = 0; wait < 2; wait++)
		for (uint32_t i = 0; i < d->nlines; i++) {
			pid_t pid = devices ? d->lines[i].device : d->lines[i].driverd;

			if (wait)
				reap(pid);
			else if (pid)
				kill(pid, SIGTERM);
		}
}

void sim_devices_free(struct sim_devices *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->nlines; i++)
		mkt_devc_close(d->lines[i].conn);
	end_all(d, false);
	end_all(d, true);
	for (uint32_t i = 0; i < d->nlines; i++) {
		if (d->lines[i].orders >= 0)
			close(d->lines[i].orders);
		if (d->lines[i].answers >= 0)
			close(d->lines[i].answers);
	}
	mkt_clock_close(d->clock);
	free(d);
}
