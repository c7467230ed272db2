/* From a name or a port to a device: through the mkt-driverd that there is, or one of our own. */
#include "core/base/compat.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "cmd/device.h"

#define ARGS_MAX 24

#define O struct mkt_device_opts
const struct mkt_opt mkt_device_options[] = {
	MKT_O_FILE(O, devices, "devices", 0, "FILE", "lines and devices: devices.conf(5)"),
	MKT_O_TEXT(O, driver, "driver", 0, "NAME", NULL, "of a port (default: a probe finds it)"),
	MKT_O_UINT(O, unit, "unit", 0, "N", 1, 65535, NULL, "address on the bus"),
	MKT_O_UINT(O, speed, "speed", 0, "BAUD", 300, 4000000, NULL,
		   "of a serial port (default: the driver's)"),
	MKT_O_WORD(O, parity, "parity", 0, "none|even|odd", NULL,
		   "of a serial port (default: the driver's)"),
	MKT_O_END};

/* ---- the program ---------------------------------------------------------------------------- */

static bool runs(const char *path)
{
	return access(path, X_OK) == 0;
}

/* $MKT_DRIVERD, beside this program, where it is installed, PATH. */
static int find_driverd(char out[PATH_MAX], struct mkt_err *err)
{
	static const char *const places[] = {"mkt-driverd", "../sbin/mkt-driverd",
					     "../libexec/mkt/mkt-driverd"};
	const char *given = getenv("MKT_DRIVERD"), *path = getenv("PATH");
	char self[PATH_MAX / 2];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (given && given[0]) {
		snprintf(out, PATH_MAX, "%s", given);
		return runs(out) ? 0
				 : mkt_err_sys(err, MKT_EUNAVAILABLE, errno,
					       "cannot run $MKT_DRIVERD '%s'", given);
	}
	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t i = 0; n > 0 && i < MKT_ARRAY_SIZE(places); i++) {
		snprintf(out, PATH_MAX, "%.*s%s", (int)n, self, places[i]);
		if (runs(out))
			return 0;
	}
	while (path && *path) {
		size_t len = strcspn(path, ":");

		snprintf(out, PATH_MAX, "%.*s/mkt-driverd", (int)len, path);
		if (len && runs(out))
			return 0;
		path += len + (path[len] == ':');
	}
	mkt_err_set(err, MKT_EUNAVAILABLE, "there is no mkt-driverd beside mkt or in PATH");
	mkt_err_hint(err, "install it, or name it by MKT_DRIVERD");
	return -MKT_EUNAVAILABLE;
}

struct args {
	const char *v[ARGS_MAX];
	size_t n;
};

static void arg(struct args *a, const char *option, const char *value)
{
	if (value && value[0] && a->n + 4 < ARGS_MAX) {
		a->v[a->n++] = option;
		a->v[a->n++] = value;
	}
}

static int spawn(struct mkt_device *d, struct args *a)
{
	char path[PATH_MAX];
	int r = find_driverd(path, &d->app->err);

	if (r < 0)
		return r;
	if (d->traced)
		a->v[a->n++] = "--trace";
	a->v[0] = path;
	a->v[a->n] = NULL;
	d->own = true;
	for (size_t i = 0; i < a->n; i++)
		mkt_app_trace(d->app, "mkt-driverd argument %zu: %s", i, a->v[i]);
	r = mkt_devc_spawn(a->v, d->app->deadline_ms, &d->c, &d->app->err);
	return r < 0 ? mkt_err_wrap(&d->app->err, "mkt-driverd") : 0;
}

/* What --unit, --speed and --parity say of the line. */
struct line_args {
	char unit[16], speed[16];
};

static void add_line(struct args *a, const struct mkt_device_opts *o, struct line_args *text)
{
	static const char *const parities[] = {"", "none", "even", "odd"};

	text->unit[0] = text->speed[0] = '\0';
	if (o->unit.given)
		snprintf(text->unit, sizeof(text->unit), "%lld", (long long)o->unit.v);
	if (o->speed.given)
		snprintf(text->speed, sizeof(text->speed), "%lld", (long long)o->speed.v);
	arg(a, "--unit", text->unit);
	arg(a, "--speed", text->speed);
	arg(a, "--parity", parities[o->parity]);
}

/* ---- ports ---------------------------------------------------------------------------------- */

int mkt_device_open_bare(struct mkt_device *d)
{
	struct args a = {{NULL, "--stdio"}, 2};

	return spawn(d, &a);
}

/* "ttyUSB0", "tcp-10-0-0-7-502": a name as those in devices.conf. */
static void name_of_port(const char *port, char name[MKT_DEV_NAME_MAX + 1])
{
	const char *slash = strrchr(port, '/');

	if (slash && slash[1])
		port = slash + 1;
	snprintf(name, MKT_DEV_NAME_MAX + 1, "%.*s", MKT_DEV_NAME_MAX, port);
	for (char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9')))
			*c = '-';
}

static int open_port(struct mkt_device *d, const char *port)
{
	struct args a = {{NULL, "--stdio"}, 2};
	struct line_args text;
	int r = 0;

	snprintf(d->port, sizeof(d->port), "%s", port);
	if (d->opts->driver)
		snprintf(d->driver, sizeof(d->driver), "%s", d->opts->driver);
	else
		r = mkt_device_find_driver(d, port);
	if (r < 0)
		return r;
	name_of_port(port, d->name);
	arg(&a, "--port", port);
	arg(&a, "--driver", d->driver);
	arg(&a, "--name", d->name);
	/* A technician's set-point outlives the command; the device's watchdog watches over it. */
	arg(&a, "-o", d->lets_go ? "exit=auto" : "exit=keep");
	add_line(&a, d->opts, &text);
	return spawn(d, &a);
}

/* ---- names ---------------------------------------------------------------------------------- */

static int open_private(struct mkt_device *d, const struct mkt_device_conf *conf)
{
	struct args a = {{NULL, "--stdio"}, 2};

	arg(&a, "-f", d->opts->devices);
	a.v[a.n++] = conf->line;
	return spawn(d, &a);
}

static int open_named(struct mkt_device *d, const char *name)
{
	const struct mkt_device_conf *conf;
	const struct mkt_line_conf *line;
	char path[PATH_MAX];
	int r;

	if (d->opts->driver || d->opts->unit.given || d->opts->speed.given || d->opts->parity)
		return mkt_app_usage(d->app,
				     "'%s' is a name of devices.conf(5): --driver, --unit, "
				     "--speed and --parity are for ports", name);
	if (!d->site)
		r = mkt_devices_read(d->opts->devices, &d->site, &d->app->err);
	else
		r = 0;
	if (r == -MKT_ENOTFOUND)
		mkt_err_hint(&d->app->err, "name a port (/dev/..., usb:..., tcp:...), "
					   "or write the file: devices.conf(5)");
	if (r < 0)
		return r;
	conf = mkt_devices_device(d->site, name);
	if (!conf) {
		mkt_err_set(&d->app->err, MKT_ENOTFOUND, "no device '%s' in devices.conf", name);
		mkt_err_hint(&d->app->err, "see 'mkt device read' for those there are; "
					   "a port is /dev/..., usb:..., tcp:...");
		return -MKT_ENOTFOUND;
	}
	line = mkt_devices_line(d->site, conf->line);
	snprintf(d->name, sizeof(d->name), "%s", conf->name);
	snprintf(d->driver, sizeof(d->driver), "%s", conf->driver);
	snprintf(d->port, sizeof(d->port), "%s", line ? line->port : "");
	r = mkt_devices_socket(d->site, conf->line, path, sizeof(path));
	if (r >= 0)
		r = mkt_devc_open(path, d->app->deadline_ms, &d->c, &d->app->err);
	if (r >= 0)
		return 0;
	if (r != -MKT_EUNAVAILABLE)
		return mkt_err_wrap(&d->app->err, "mkt-driverd of line '%s'", conf->line);
	memset(&d->app->err, 0, sizeof(d->app->err));
	return open_private(d, conf);
}

int mkt_device_open(struct mkt_device *d, const char *target)
{
	int r = strpbrk(target, "/:") ? open_port(d, target) : open_named(d, target);

	if (r >= 0 && !mkt_device_view(d))
		r = mkt_err_set(&d->app->err, MKT_ENOTFOUND,
				"mkt-driverd does not have device '%s'", d->name);
	return r;
}

void mkt_device_close(struct mkt_device *d)
{
	mkt_devc_close(d->c);
	free(d->site);
	d->c = NULL;
	d->site = NULL;
}

const struct mkt_dev_view *mkt_device_view(const struct mkt_device *d)
{
	return d->c ? mkt_devc_find(d->c, d->name) : NULL;
}

/* ---- waiting -------------------------------------------------------------------------------- */

int mkt_device_listen(struct mkt_device *d, uint64_t ms)
{
	struct pollfd p = {.fd = mkt_devc_fd(d->c), .events = POLLIN};
	int n = poll(&p, 1, ms > INT_MAX ? INT_MAX : (int)ms);

	if (n <= 0)
		return 0; /* a signal: the caller looks at mkt_app_stopped() */
	n = mkt_devc_input(d->c, &d->app->err);
	return n < 0 ? n : 1;
}

int mkt_device_error(struct mkt_device *d, const struct mkt_dev_view *v)
{
	static const int codes[MKT_DEV_STATES] = {
		[MKT_DEV_ABSENT] = MKT_EDEVABSENT,	 [MKT_DEV_OPENING] = MKT_EDEVTIMEOUT,
		[MKT_DEV_IDENTIFYING] = MKT_EDEVTIMEOUT, [MKT_DEV_READY] = MKT_EDEVSTALE,
		[MKT_DEV_STALE] = MKT_EDEVSTALE,	 [MKT_DEV_RECONNECTING] = MKT_EDEVLOST,
		[MKT_DEV_REFUSED] = MKT_EDEVIDENTITY,	 [MKT_DEV_FAULT] = MKT_EDEVFAULT,
	};
	/* Busy is a state on the way to others; when nothing else comes it is silence. */
	int code = v->error_code && v->error_code != MKT_EBUSY ? v->error_code : codes[v->state];

	return mkt_err_set(&d->app->err, code, "%s is %s: %s", v->name,
			   mkt_dev_state_word((int)v->state),
			   v->error[0] ? v->error : mkt_code_text(code));
}

/* It is on its way, and nothing is wrong yet. */
static bool undecided(const struct mkt_dev_view *v)
{
	switch (v->state) {
	case MKT_DEV_OPENING:
	case MKT_DEV_IDENTIFYING:
		return !v->error_code || v->error_code == MKT_EBUSY;
	case MKT_DEV_ABSENT:
	case MKT_DEV_RECONNECTING:
		return !v->error_code;
	default:
		return false;
	}
}

int mkt_device_wait_ready(struct mkt_device *d)
{
	const struct mkt_dev_view *v = mkt_device_view(d);
	uint64_t left_ms;
	int r = 0;

	while (r >= 0 && v && undecided(v)) {
		left_ms = mkt_app_left_ms(d->app);
		if (!left_ms)
			break;
		if (mkt_app_stopped())
			return 128 + mkt_app_stopped();
		r = mkt_device_listen(d, left_ms);
		v = mkt_device_view(d);
	}
	if (r < 0)
		return r;
	if (!v)
		return mkt_err_set(&d->app->err, MKT_ENOTFOUND, "mkt-driverd does not have '%s'",
				   d->name);
	return v->state == MKT_DEV_READY ? 0 : mkt_device_error(d, v);
}
