/* The line: opened by name, lost, opened again; whose turn it is. */
#include "core/base/compat.h"

#include <assert.h>
#include <string.h>

#include "drivers/device.h"

/* ---- settings ------------------------------------------------------------------------------ */

/* What a line is set to when its section is silent: the drivers', who must agree. */
static int settle_line(struct drv_bus *b, const struct mkt_line_conf *line, struct mkt_err *err)
{
	struct drv_line *l = &b->conf.line;

	*l = (struct drv_line){line->speed, line->parity, line->data_bits, line->stop_bits};
	b->conf.pause_ms = line->pause_ms == UINT32_MAX ? 0 : line->pause_ms;
	b->conf.echo = line->echo;
	for (uint32_t i = 0; i < b->n; i++) {
		const struct drv_driver *first = b->units[0].dev.driver;
		const struct drv_driver *d = b->units[i].dev.driver;

		assert(d && first); /* by init_unit() */
		if (!line->speed && d->line.speed != first->line.speed)
			return mkt_err_set(err, MKT_EUSAGE,
					   "[line.%s]: '%s' usually has %u baud and '%s' %u: "
					   "'speed' must be set", line->name, first->name,
					   first->line.speed, d->name, d->line.speed);
		if (!line->parity && d->line.parity != first->line.parity)
			return mkt_err_set(err, MKT_EUSAGE,
					   "[line.%s]: '%s' and '%s' usually differ in parity: "
					   "'parity' must be set", line->name, first->name,
					   d->name);
		if (line->pause_ms == UINT32_MAX && d->pause_ms > b->conf.pause_ms)
			b->conf.pause_ms = d->pause_ms;
		if (d->settle_ms > b->conf.settle_ms)
			b->conf.settle_ms = d->settle_ms;
	}
	if (!b->n)
		return 0;
	if (!l->speed)
		l->speed = b->units[0].dev.driver->line.speed;
	if (!l->parity)
		l->parity = b->units[0].dev.driver->line.parity;
	if (!l->data_bits)
		l->data_bits = b->units[0].dev.driver->line.data_bits;
	if (!l->stop_bits)
		l->stop_bits = b->units[0].dev.driver->line.stop_bits;
	return 0;
}

static int init_unit(struct drv_bus *b, struct drv_unit *u, const struct mkt_device_conf *conf,
		     struct mkt_err *err)
{
	const struct drv_driver *driver = drv_find(conf->driver);

	if (!driver)
		return mkt_err_set(err, MKT_EUSAGE, "[device.%s]: there is no driver '%s'",
				   conf->name, conf->driver);
	*u = (struct drv_unit){.conf = *conf, .bus = b};
	if (!u->conf.unit)
		u->conf.unit = driver->unit;
	u->dev.driver = driver;
	u->dev.conf = &u->conf;
	u->dev.kind = driver->kind;
	u->poll_ms = conf->poll_ms ? conf->poll_ms : driver->poll_ms;
	u->since_ms = drv_now_ms();
	u->command_ms = 200;
	u->samples = calloc(DRV_SAMPLES, sizeof(*u->samples));
	return u->samples ? 0 : mkt_err_code(err, MKT_ENOMEM);
}

int drv_bus_init(struct drv_bus *b, const struct mkt_line_conf *line,
		 const struct mkt_device_conf *devices, uint32_t n, const struct drv_hooks *hooks,
		 struct mkt_err *err)
{
	int rc = 0;

	*b = (struct drv_bus){.hooks = *hooks};
	if (!line)
		return 0;
	if (n > DRV_BUS_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "[line.%s] has more than %d devices",
				   line->name, DRV_BUS_MAX);
	snprintf(b->port, sizeof(b->port), "%s", line->port);
	b->conf.port = b->port;
	b->units = calloc(n ? n : 1, sizeof(*b->units));
	if (!b->units)
		return mkt_err_code(err, MKT_ENOMEM);
	for (; b->n < n && rc >= 0; b->n++)
		rc = init_unit(b, &b->units[b->n], &devices[b->n], err);
	if (rc >= 0)
		rc = settle_line(b, line, err);
	if (rc < 0)
		drv_bus_release(b);
	return rc;
}

void drv_bus_release(struct drv_bus *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		drv_unit_close(&b->units[i]);
		free(b->units[i].samples);
	}
	drv_link_close(b->link);
	b->link = NULL;
	free(b->units);
	b->units = NULL;
	b->n = 0;
}

struct drv_unit *drv_bus_find(struct drv_bus *b, const char *name)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (!strcmp(b->units[i].conf.name, name))
			return &b->units[i];
	return NULL;
}

void drv_bus_trace(struct drv_bus *b, drv_trace_fn *fn, void *arg)
{
	b->conf.trace = fn;
	b->conf.trace_arg = arg;
	if (b->link)
		drv_link_trace(b->link, fn, arg);
}

int drv_bus_fd(const struct drv_bus *b)
{
	return b->link ? drv_link_fd(b->link) : -1;
}

/* ---- losing the line ----------------------------------------------------------------------- */

static void close_line(struct drv_bus *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		drv_unit_close(&b->units[i]);
	drv_link_close(b->link);
	b->link = NULL;
	b->spoke = NULL;
}

/* What a device is while its line is closed. */
static void line_state(struct drv_unit *u, enum mkt_dev_state before_ready, int code,
		       const char *text)
{
	u->error_code = code;
	snprintf(u->error, sizeof(u->error), "%s", text);
	u->changed |= DRV_CH_STATE;
	if (!u->outage_ms)
		u->outage_ms = drv_now_ms();
	if (u->state != MKT_DEV_REFUSED)
		drv_unit_state(u, u->known ? MKT_DEV_RECONNECTING : before_ready);
}

/* The first ten failures, then one in a hundred. */
static void tell_line(struct drv_bus *b, const char *text)
{
	if (++b->failures <= 10 || b->failures % 100 == 0)
		b->hooks.tell(b->hooks.arg, NULL, MKT_LOG_WARNING, text);
}

static void try_later(struct drv_bus *b, uint32_t max_ms)
{
	b->pause_ms = b->pause_ms ? b->pause_ms * 2 : DRV_PAUSE_FIRST_MS;
	if (b->pause_ms > max_ms)
		b->pause_ms = max_ms;
	b->try_ms = drv_now_ms() + b->pause_ms;
}

void drv_bus_lost(struct drv_bus *b, int code, const char *text)
{
	if (!b->link)
		return;
	close_line(b);
	tell_line(b, text);
	for (uint32_t i = 0; i < b->n; i++)
		line_state(&b->units[i], MKT_DEV_OPENING, code, text);
	try_later(b, DRV_PAUSE_MAX_MS);
}

void drv_bus_settle(struct drv_bus *b)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < b->n; i++) {
		if (b->units[i].open || !b->units[i].tried)
			return;
		if (b->units[i].next_ms < next)
			next = b->units[i].next_ms;
	}
	close_line(b);
	b->try_ms = next;
}

/* ---- opening it ---------------------------------------------------------------------------- */

static void line_opened(struct drv_bus *b)
{
	char text[DRV_PORT_MAX + 64];

	if (b->failures) {
		snprintf(text, sizeof(text), "'%s' is open again after %u failures", b->port,
			 b->failures);
		b->hooks.tell(b->hooks.arg, NULL, MKT_LOG_NOTICE, text);
		b->failures = 0;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		struct drv_unit *u = &b->units[i];

		u->tried = false;
		u->next_ms = drv_now_ms();
		if (!u->known && u->state != MKT_DEV_REFUSED)
			drv_unit_state(u, MKT_DEV_IDENTIFYING);
	}
}

static void open_line(struct drv_bus *b)
{
	struct mkt_err err = {0};
	int rc = drv_link_open(&b->conf, &b->link, &err);

	b->opening = false;
	if (rc >= 0) {
		line_opened(b);
		return;
	}
	b->link = NULL;
	tell_line(b, err.text);
	for (uint32_t i = 0; i < b->n; i++)
		line_state(&b->units[i],
			   rc == -MKT_EDEVABSENT ? MKT_DEV_ABSENT : MKT_DEV_OPENING, -rc, err.text);
	try_later(b, rc == -MKT_EDEVABSENT ? DRV_ABSENT_MAX_MS : DRV_PAUSE_MAX_MS);
}

/* Two steps, so that clients hear of "opening" before it waits for a board to boot. */
static uint64_t step_closed(struct drv_bus *b, uint64_t now_ms)
{
	if (now_ms < b->try_ms)
		return b->try_ms;
	if (b->opening) {
		open_line(b);
		return now_ms;
	}
	b->opening = true;
	for (uint32_t i = 0; i < b->n; i++)
		if (!b->units[i].known && b->units[i].state != MKT_DEV_REFUSED)
			drv_unit_state(&b->units[i], MKT_DEV_OPENING);
	return now_ms;
}

/* ---- turns --------------------------------------------------------------------------------- */

typedef bool step_fn(struct drv_unit *u, uint64_t now_ms);

/* The next one after who had the last turn and has something to do. */
static bool give_turn(struct drv_bus *b, step_fn *step, uint64_t now_ms)
{
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t at = (b->turn + i) % b->n;

		if (step(&b->units[at], now_ms)) {
			b->turn = at + 1;
			b->spoke = &b->units[at];
			return true;
		}
	}
	return false;
}

uint64_t drv_bus_step(struct drv_bus *b)
{
	uint64_t now = drv_now_ms(), next = UINT64_MAX;

	if (!b->n)
		return UINT64_MAX;
	for (uint32_t i = 0; i < b->n; i++)
		drv_unit_time(&b->units[i], now);
	if (b->link && (give_turn(b, drv_unit_urgent, now) || give_turn(b, drv_unit_due, now)))
		return now;
	if (!b->link)
		next = step_closed(b, now);
	for (uint32_t i = 0; i < b->n; i++) {
		uint64_t t = drv_unit_next(&b->units[i]);

		if (t < next)
			next = t;
	}
	return next;
}

/* Bytes that nobody asked for: a driver's, or a late answer. */
void drv_bus_input(struct drv_bus *b)
{
	struct drv_unit *u = b->spoke ? b->spoke : b->units;
	struct mkt_err err = {0};
	uint8_t late[256];
	int rc = 0;

	if (!b->link || !b->n)
		return;
	for (uint32_t i = 0; i < b->n; i++)
		if (b->units[i].dev.driver->input &&
		    (b->units[i].open || b->units[i].job == DRV_J_OPEN))
			u = &b->units[i];
	if (u->dev.driver->input && (u->open || u->job == DRV_J_OPEN)) {
		drv_unit_input(u);
		return;
	}
	rc = drv_link_read(b->link, late, sizeof(late), 0, &err);
	if (rc > 0)
		drv_count(&u->dev, DRV_LATE);
	else if (rc < 0)
		drv_bus_lost(b, -rc, err.text);
}

void drv_bus_quit(struct drv_bus *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		drv_order_quit(&b->units[i]);
	close_line(b);
}
