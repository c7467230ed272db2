/*
 * A simulated device for unit tests: its process, and a driver opened on its line
 * as mkt-driverd would: what is busy is called again, and input goes to input().
 */
#ifndef MKT_TESTS_SIMDEV_H
#define MKT_TESTS_SIMDEV_H

#include "core/base/compat.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/app/devices.h"
#include "drivers/driver.h"

struct simdev {
	pid_t pid;
	int in;		/* its standard input */
	FILE *out;	/* its standard output */
	char port[256]; /* what it said: "/dev/pts/3", "udp:127.0.0.2:4711" */

	/* the driver's side */
	struct mkt_device_conf conf;
	struct drv_device d;
	struct mkt_err err;
	struct mkt_buf trace;
};

/* build/mkt-sim-NAME, beside build/tests/unit/THIS. */
static inline void simdev_path(const char *name, char *out, size_t size)
{
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = 0;
	for (int up = 0; up < 3; up++)
		*strrchr(self, '/') = 0;
	assert_true(snprintf(out, size, "%s/mkt-sim-%s", self, name) < (int)size);
}

/* @args: after the name, NULL at the end. */
static inline void simdev_start(struct simdev *s, const char *name, const char *const *args)
{
	const char *argv[16] = {NULL};
	char path[440], line[300];
	int to[2], from[2], n = 0;

	memset(s, 0, sizeof(*s));
	simdev_path(name, path, sizeof(path));
	argv[n++] = path;
	argv[n++] = "--parent-dies";
	while (*args)
		argv[n++] = *args++;
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (!s->pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	s->in = to[1];
	s->out = fdopen(from[0], "r");
	assert_non_null(fgets(line, sizeof(line), s->out));
	line[strcspn(line, "\n")] = 0;
	assert_memory_equal(line, "ready ", 6);
	snprintf(s->port, sizeof(s->port), "%.250s", line + 6);
}

/* One line of script, now. */
static inline void simdev_say(struct simdev *s, const char *order)
{
	char line[300];

	assert_true(dprintf(s->in, "%s\n", order) > 0);
	do
		assert_non_null(fgets(line, sizeof(line), s->out));
	while (strncmp(line, "ok", 2) && strncmp(line, "error", 5));
	if (strncmp(line, "ok", 2))
		fail_msg("'%s': %s", order, line);
}

/* A number that "show" tells of a unit: "power_w". */
static inline long long simdev_show_unit(struct simdev *s, unsigned unit, const char *name)
{
	char line[600], word[40], begin[20];
	long long v = -999999;

	snprintf(word, sizeof(word), " %s=", name);
	snprintf(begin, sizeof(begin), "unit=%u ", unit);
	assert_true(dprintf(s->in, "show\n") > 0);
	for (;;) {
		const char *at;

		assert_non_null(fgets(line, sizeof(line), s->out));
		if (!strncmp(line, "ok", 2))
			return v;
		at = strstr(line, word);
		if (at && !strncmp(line, begin, strlen(begin)))
			v = strtoll(at + strlen(word), NULL, 10);
	}
}

static inline long long simdev_show(struct simdev *s, const char *name)
{
	return simdev_show_unit(s, 1, name);
}

static inline void simdev_trace(void *arg, uint64_t at_ms, char dir, const void *bytes, size_t n)
{
	assert_int_equal(drv_trace_line(arg, 0, at_ms, dir, bytes, n), 0);
}

/* Open the line; s->conf is to be filled further before the driver's open(). */
static inline void simdev_line(struct simdev *s, const char *driver, const char *port)
{
	const struct drv_driver *drv = drv_find(driver);
	struct drv_link_conf conf = {.port = port};

	assert_non_null(drv);
	conf.line = drv->line;
	conf.trace = simdev_trace;
	conf.trace_arg = &s->trace;
	mkt_device_defaults(&s->conf);
	snprintf(s->conf.name, sizeof(s->conf.name), "dev");
	snprintf(s->conf.driver, sizeof(s->conf.driver), "%s", driver);
	s->d = (struct drv_device){.driver = drv, .conf = &s->conf, .kind = drv->kind};
	if (drv_link_open(&conf, &s->d.link, &s->err) < 0)
		fail_msg("%s: %s", port, s->err.text);
}

/* Between two calls of something that is busy. */
static inline void simdev_between(struct simdev *s)
{
	struct pollfd p = {.fd = drv_link_fd(s->d.link), .events = POLLIN};

	if (poll(&p, 1, 50) > 0 && s->d.priv && s->d.driver->input)
		assert_true(s->d.driver->input(&s->d, NULL) >= 0);
}

#define SIMDEV_CALL(s, call)                                                                       \
	__extension__({                                                                            \
		uint64_t end_ms_ = drv_now_ms() + 60000, at_ms_;                                   \
		int r_;                                                                            \
		for (;;) {                                                                         \
			at_ms_ = drv_now_ms();                                                     \
			r_ = (call);                                                               \
			assert_true(drv_now_ms() - at_ms_ < DRV_CALL_MAX_MS + 2000);               \
			if (r_ != -MKT_EBUSY || drv_now_ms() > end_ms_)                            \
				break;                                                             \
			simdev_between(s);                                                         \
		}                                                                                  \
		r_;                                                                                \
	})

static inline int simdev_open(struct simdev *s)
{
	return SIMDEV_CALL(s, s->d.driver->open(&s->d, &s->err));
}

static inline int simdev_poll(struct simdev *s)
{
	return SIMDEV_CALL(s, s->d.driver->poll(&s->d, &s->err));
}

static inline int simdev_set(struct simdev *s, enum mkt_set kind, int32_t value, int32_t *applied)
{
	struct mkt_setpoint set = {kind, value}, got = {MKT_SET_NONE, -1};
	int r = SIMDEV_CALL(s, s->d.driver->command(&s->d, &set, &got, &s->err));

	if (applied)
		*applied = got.value;
	return r;
}

static inline int64_t simdev_reading(const struct simdev *s, enum mkt_reading_id id)
{
	return mkt_reading_or(&s->d.r, id, -999999);
}

/* Driver, line, process. */
static inline void simdev_end(struct simdev *s)
{
	if (s->d.driver)
		s->d.driver->close(&s->d);
	drv_link_close(s->d.link);
	s->d.link = NULL;
	kill(s->pid, SIGTERM);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	close(s->in);
	fclose(s->out);
	mkt_buf_release(&s->trace);
}

#endif
