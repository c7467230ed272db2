/*
 * mkt-driverd: options, configuration, signals, readiness.  Stays in front.
 *
 * Exit status: 0 stopped, 2 options or configuration, 5 there is no such line, 7
 * another mkt-driverd serves it or a file cannot be used, 70 a fault of ours.
 */
#include "core/base/compat.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/version.h"
#include "core/device/clock.h"
#include "drivers/server.h"

static const char usage[] =
	"usage: mkt-driverd [-hnvV] [-f FILE] [--stdio] [--clock FILE] LINE\n"
	"   or: mkt-driverd [-hnvV] --port PORT --driver DRIVER [OPTION]... [LINE]\n"
	"   or: mkt-driverd --stdio\n"
	"  -f FILE         configuration (default: see devices.conf(5))\n"
	"  -n              check the configuration, then end\n"
	"  --stdio         serve standard input and output alone, and end with them\n"
	"  --trace         with --stdio: trace the line from the first byte on\n"
	"  --sockets DIR   directory of the socket\n"
	"  --port PORT     one device without configuration, on this port\n"
	"  --driver DRIVER   by this driver\n"
	"  --unit N          at this address on the bus\n"
	"  --speed N         line settings, as in devices.conf(5)\n"
	"  --parity WORD\n"
	"  --name NAME       what it is called (default: device)\n"
	"  -o NAME=VALUE     any other setting of a device in devices.conf(5)\n"
	"  --clock FILE    energy is judged by the clock of a simulation\n"
	"  -v              log more\n"
	"  -V              print the version\n"
	"  -h              print this\n"
	"see mkt-driverd(8)\n";

struct options {
	const char *file, *sockets, *clock, *line;
	bool check, alone, trace, direct; /* direct: --port */
	struct mkt_line_conf line_conf;
	struct mkt_device_conf device;
};

enum { O_STDIO = 256, O_SOCKETS, O_PORT, O_DRIVER, O_UNIT, O_SPEED, O_PARITY, O_NAME, O_CLOCK,
       O_TRACE };

static const struct option longs[] = {
	{"stdio", no_argument, NULL, O_STDIO},
	{"trace", no_argument, NULL, O_TRACE},
	{"sockets", required_argument, NULL, O_SOCKETS},
	{"port", required_argument, NULL, O_PORT},
	{"driver", required_argument, NULL, O_DRIVER},
	{"unit", required_argument, NULL, O_UNIT},
	{"speed", required_argument, NULL, O_SPEED},
	{"parity", required_argument, NULL, O_PARITY},
	{"name", required_argument, NULL, O_NAME},
	{"clock", required_argument, NULL, O_CLOCK},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static int fail(const struct mkt_err *err)
{
	mkt_log(MKT_LOG_ERROR, "%s", err->text[0] ? err->text : mkt_code_text(err->code));
	if (err->hint[0])
		mkt_log(MKT_LOG_INFO, "hint: %s", err->hint);
	return mkt_code_exit(err->code);
}

/* ---- options ------------------------------------------------------------------------------- */

static int set_device(struct options *o, const char *text, struct mkt_err *err)
{
	const char *eq = strchr(text, '=');
	char name[32];

	if (!eq || (size_t)(eq - text) >= sizeof(name))
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is not NAME=VALUE", text);
	snprintf(name, sizeof(name), "%.*s", (int)(eq - text), text);
	return mkt_device_setting(&o->device, name, eq + 1, err);
}

static int take_direct(struct options *o, int c, const char *arg, struct mkt_err *err)
{
	switch (c) {
	case O_PORT:
		o->direct = true;
		return mkt_line_setting(&o->line_conf, "port", arg, err);
	case O_SPEED:
		return mkt_line_setting(&o->line_conf, "speed", arg, err);
	case O_PARITY:
		return mkt_line_setting(&o->line_conf, "parity", arg, err);
	case O_DRIVER:
		return mkt_device_setting(&o->device, "driver", arg, err);
	case O_UNIT:
		return mkt_device_setting(&o->device, "unit", arg, err);
	case 'o':
		return set_device(o, arg, err);
	default: /* as the name of a charger: the same rules */
		if (strlen(arg) > MKT_DEV_NAME_MAX || !*arg || strpbrk(arg, " \t="))
			return mkt_err_set(err, MKT_EUSAGE, "'%s' is no name", arg);
		snprintf(o->device.name, sizeof(o->device.name), "%s", arg);
		return 0;
	}
}

/* 1 done; 0 go on; negative with @err. */
static int take(struct options *o, int c, struct mkt_err *err)
{
	switch (c) {
	case 'f':
		o->file = optarg;
		return 0;
	case 'n':
		o->check = true;
		return 0;
	case 'v':
		mkt_log_level(MKT_LOG_DEBUG);
		return 0;
	case 'V':
		printf("mkt-driverd %s\n", MKT_VERSION);
		return 1;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case O_STDIO:
		o->alone = true;
		mkt_log_level(MKT_LOG_ERROR); /* the client is told */
		return 0;
	case O_TRACE:
		o->trace = true;
		return 0;
	case O_SOCKETS:
		o->sockets = optarg;
		return 0;
	case O_CLOCK:
		o->clock = optarg;
		return 0;
	case '?':
		return mkt_err_set(err, MKT_EUSAGE, "see 'mkt-driverd -h'");
	default:
		return take_direct(o, c, optarg, err);
	}
}

static int parse_options(int argc, char **argv, struct options *o, struct mkt_err *err)
{
	int c, rc = 0;

	*o = (struct options){0};
	mkt_line_defaults(&o->line_conf);
	mkt_device_defaults(&o->device);
	snprintf(o->device.name, sizeof(o->device.name), "device");
	while (!rc && (c = getopt_long(argc, argv, "f:o:nvVh", longs, NULL)) != -1)
		rc = take(o, c, err);
	if (rc)
		return rc;
	if (optind < argc)
		o->line = argv[optind++];
	if (optind < argc)
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is one argument too many", argv[optind]);
	if (o->direct && !o->device.driver[0])
		return mkt_err_set(err, MKT_EUSAGE, "--port needs --driver");
	if (!o->direct && o->device.driver[0])
		return mkt_err_set(err, MKT_EUSAGE, "--driver needs --port");
	if (!o->direct && !o->line && !o->alone && !o->check)
		return mkt_err_set(err, MKT_EUSAGE, "which line? see 'mkt-driverd -h'");
	if (!o->line)
		o->line = o->direct ? "device" : "";
	if (strlen(o->line) > MKT_DEV_NAME_MAX || strchr(o->line, '/'))
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is no name of a line", o->line);
	return 0;
}

/* ---- configuration ------------------------------------------------------------------------- */

/* The devices of a line, and the line; from the file or from the options. */
static int init_bus(struct drv_server *s, const struct options *o, const struct mkt_devices *d,
		    const char *name, struct mkt_err *err)
{
	struct drv_hooks hooks = drv_server_hooks(s);
	const struct mkt_line_conf *line = o->direct ? &o->line_conf : NULL;
	struct mkt_device_conf devices[DRV_BUS_MAX];
	uint32_t n = 0;

	if (o->direct) {
		devices[n++] = o->device;
	} else if (*name) {
		line = mkt_devices_line(d, name);
		if (!line)
			return mkt_err_set(err, MKT_ENOTFOUND, "there is no [line.%s]", name);
		for (uint32_t i = 0; i < d->ndevices; i++) {
			if (strcmp(d->devices[i].line, name) != 0)
				continue;
			if (n == DRV_BUS_MAX)
				return mkt_err_set(err, MKT_EUSAGE,
						   "[line.%s] has more than %d devices", name,
						   DRV_BUS_MAX);
			devices[n++] = d->devices[i];
		}
	}
	return drv_bus_init(&s->bus, line, devices, n, &hooks, err);
}

static int check(struct drv_server *s, const struct options *o, const struct mkt_devices *d,
		 struct mkt_err *err)
{
	int rc = 0;

	if (o->direct || *o->line) {
		rc = init_bus(s, o, d, o->line, err);
		if (rc >= 0)
			drv_bus_release(&s->bus);
		return rc;
	}
	for (uint32_t i = 0; i < d->nlines && rc >= 0; i++) {
		rc = init_bus(s, o, d, d->lines[i].name, err);
		if (rc >= 0)
			drv_bus_release(&s->bus);
	}
	return rc;
}

/* ---- service ------------------------------------------------------------------------------- */

static uint64_t calendar(void *arg)
{
	return mkt_clock_now_ms(arg);
}

static void beat(void)
{
	mkt_notify("WATCHDOG=1");
}

/* Half of what the service manager waits for; 0: it does not. */
static uint32_t beat_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long us = usec ? strtoull(usec, NULL, 10) : 0;

	if (pid && strtoull(pid, NULL, 10) != (unsigned long long)getpid())
		return 0;
	return us / 2000 > 3600000 ? 3600000 : (uint32_t)(us / 2000);
}

static int stop_signals(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGHUP);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(struct drv_server *s, const struct options *o, const char *sockets,
		 struct mkt_err *err)
{
	struct mkt_clock *clock = NULL;
	int stop = stop_signals(), rc = 0;

	if (stop < 0)
		return mkt_err_set(err, MKT_EINTERNAL, "no descriptor for signals");
	if (o->clock)
		rc = mkt_clock_open(o->clock, &clock, err);
	for (uint32_t i = 0; i < s->bus.n && clock; i++) {
		s->bus.units[i].dev.calendar_ms = calendar;
		s->bus.units[i].dev.calendar_arg = clock;
	}
	if (rc >= 0 && o->alone)
		drv_server_stdio(s, o->trace);
	else if (rc >= 0)
		rc = drv_server_listen(s, sockets, err);
	if (rc >= 0) {
		mkt_log(MKT_LOG_INFO, "line '%s' on '%s' with %u devices", s->line, s->bus.port,
			s->bus.n);
		mkt_notify("READY=1\nSTATUS=serving");
		drv_server_run(s, stop, beat_ms(), beat);
		mkt_notify("STOPPING=1");
	}
	drv_server_quit(s);
	if (rc >= 0)
		mkt_log(MKT_LOG_INFO, "line '%s' ends", s->line);
	mkt_clock_close(clock);
	close(stop);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o;
	struct mkt_err err = {0};
	struct mkt_devices *d = NULL;
	struct drv_server s;
	char sockets[256] = "";
	int rc = parse_options(argc, argv, &o, &err);

	if (rc)
		return rc < 0 ? fail(&err) : fflush(stdout) ? mkt_code_exit(MKT_EOUTPUT) : 0;
	drv_server_init(&s, o.line);
	if (!o.direct && (*o.line || o.check))
		rc = mkt_devices_read(o.file, &d, &err);
	if (rc >= 0 && o.check) {
		rc = check(&s, &o, d, &err);
		free(d);
		return rc < 0 ? fail(&err) : puts("configuration ok") < 0 || fflush(stdout) ?
		       mkt_code_exit(MKT_EOUTPUT) : 0;
	}
	if (rc >= 0)
		rc = init_bus(&s, &o, d, o.line, &err);
	if (rc >= 0) {
		snprintf(sockets, sizeof(sockets), "%s",
			 o.sockets ? o.sockets : d ? d->sockets : MKT_SOCKETS);
		free(d);
		d = NULL;
		rc = serve(&s, &o, sockets, &err);
	}
	free(d);
	return rc < 0 ? fail(&err) : 0;
}
