/*
 * Any bytes from a client at mkt-driverd, with a device of the target's own that does
 * everything, and a clock that moves with each line.  Whatever is asked: each line
 * told is whole and short, and the device is never told what is not allowed.
 */
#include "core/base/compat.h"

#include <fcntl.h>
#include <unistd.h>

#include "drivers/server.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX 4096

static uint64_t now_ms;
static char link_place;

uint64_t drv_now_ms(void)
{
	return now_ms;
}

void drv_sleep_ms(uint32_t ms)
{
	now_ms += ms;
}

int drv_link_open(const struct drv_link_conf *conf, struct drv_link **out, struct mkt_err *err)
{
	(void)conf;
	(void)err;
	*out = (struct drv_link *)(void *)&link_place;
	return 0;
}

void drv_link_close(struct drv_link *l)
{
	(void)l;
}

void drv_link_trace(struct drv_link *l, drv_trace_fn *fn, void *arg)
{
	(void)l;
	if (fn)
		fn(arg, now_ms, '>', "$GV^35\r", 7);
}

int drv_link_read(struct drv_link *l, void *buf, size_t size, uint64_t deadline_ms,
		  struct mkt_err *err)
{
	(void)l;
	(void)buf;
	(void)size;
	(void)deadline_ms;
	(void)err;
	return 0;
}

int drv_link_fd(const struct drv_link *l)
{
	(void)l;
	return -1;
}

int drv_ports(void (*each)(void *arg, const struct drv_port *p), void *arg, struct mkt_err *err)
{
	(void)each;
	(void)arg;
	(void)err;
	return 0;
}

static int device_open(struct drv_device *d, struct mkt_err *err)
{
	(void)err;
	d->caps = MKT_CAP_CURRENT | MKT_CAP_POWER | MKT_CAP_DISCHARGE | MKT_CAP_MODE |
		  MKT_CAP_PAUSE | MKT_CAP_IMPORT | MKT_CAP_EXPORT;
	drv_set(d, MKT_R_CURRENT_MIN, 6000);
	return 0;
}

static int device_poll(struct drv_device *d, struct mkt_err *err)
{
	(void)err;
	now_ms += 5;
	drv_set(d, MKT_R_POWER, 1000);
	drv_set(d, MKT_R_ENERGY_IMPORT, (int64_t)(now_ms / 3600));
	drv_set(d, MKT_R_ENERGY_EXPORT, 7);
	return 0;
}

static int device_command(struct drv_device *d, const struct mkt_setpoint *set,
			  struct mkt_setpoint *applied, struct mkt_err *err)
{
	FUZZ_CHECK(set->kind != MKT_SET_CURRENT ||
		   (set->value <= 16000 && (!set->value || set->value >= 6000)));
	FUZZ_CHECK(set->kind != MKT_SET_POWER || (set->value <= 5000 && set->value >= -5000));
	FUZZ_CHECK(set->kind != MKT_SET_MODE || (set->value > 0 && set->value < MKT_MODES));
	FUZZ_CHECK(set->kind != MKT_SET_NONE);
	(void)d;
	if (set->value == 7777)
		return mkt_err_set(err, MKT_EDEVREFUSED, "no");
	if (set->value == -3333)
		return mkt_err_set(err, MKT_EBUSY, "it takes its time");
	*applied = *set;
	return 0;
}

static int device_safe(struct drv_device *d, struct mkt_err *err)
{
	(void)d;
	(void)err;
	return 0;
}

static void device_close(struct drv_device *d)
{
	(void)d;
}

static const struct drv_driver driver = {
	.name = "fake", .summary = "a device", .poll_ms = 1000, .open = device_open,
	.poll = device_poll, .command = device_command, .safe_state = device_safe,
	.close = device_close,
};
const struct drv_driver *const drv_drivers[] = {&driver, NULL};

const struct drv_driver *drv_find(const char *name)
{
	return strcmp(name, "fake") ? NULL : &driver;
}

/* ---- what is told --------------------------------------------------------------------------- */

static void check_told(int fd)
{
	static char text[1 << 20];
	ssize_t n = read(fd, text, sizeof(text));
	const char *at = text, *stop = text + (n > 0 ? n : 0);

	while (at < stop) {
		const char *end = memchr(at, '\n', (size_t)(stop - at));

		FUZZ_CHECK(end && end != at && end - at < MKT_LINE_MAX);
		for (; at < end; at++)
			FUZZ_CHECK((uint8_t)*at >= 0x20 && *at != 0x7f);
		at++;
	}
}

static void start(struct drv_server *s, int out)
{
	struct mkt_device_conf conf;
	struct mkt_line_conf line;
	struct mkt_err err;
	struct drv_hooks hooks = drv_server_hooks(s);

	mkt_line_defaults(&line);
	mkt_device_defaults(&conf);
	snprintf(conf.name, sizeof(conf.name), "ev");
	snprintf(conf.driver, sizeof(conf.driver), "fake");
	conf.max_ma = 16000;
	conf.max_w = 5000;
	drv_server_init(s, "l");
	FUZZ_CHECK(drv_bus_init(&s->bus, &line, &conf, 1, &hooks, &err) == 0);
	s->clients[0] = (struct drv_client){.id = 1, .in = -1, .out = out};
	s->last_id = 1;
}

static void run(struct drv_server *s, uint64_t for_ms)
{
	uint64_t end = now_ms + for_ms;

	for (int i = 0; i < 200 && now_ms < end; i++) {
		uint64_t next = drv_bus_step(&s->bus);

		if (next > now_ms)
			now_ms = next < end ? next : end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct drv_server s;
	int pipes[2];

	if (size > INPUT_MAX || pipe2(pipes, O_NONBLOCK) < 0)
		return 0;
	fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
	mkt_log_level(MKT_LOG_ERROR);
	now_ms = 1000000;
	start(&s, pipes[1]);
	run(&s, 2000);
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end ? (size_t)(end - data) : size;

		drv_client_line(&s, &s.clients[0], (const char *)data, n);
		check_told(pipes[0]);
		run(&s, n ? 100 : 60000); /* an empty line: a minute */
		data += n + (end != NULL);
		size -= n + (end != NULL);
	}
	drv_bus_quit(&s.bus);
	check_told(pipes[0]);
	mkt_buf_release(&s.clients[0].queue);
	drv_bus_release(&s.bus);
	close(pipes[0]);
	close(pipes[1]);
	return 0;
}
