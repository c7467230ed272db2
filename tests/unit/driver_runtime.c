/*
 * What becomes of a line and its devices, with a driver and a line that do what the
 * test says, and a clock that only they move: hours pass at once, and the same way
 * each time.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/device.h"
#include "tests/rng.h"

/* ---- a line of the test's own -------------------------------------------------------------- */

static uint64_t now_ms;
static int link_rc;	    /* of opening */
static int link_opens;
static bool link_is_open;
static char link_place; /* what a link points at */

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
	link_opens++;
	assert_false(link_is_open); /* never two */
	if (link_rc < 0)
		return mkt_err_set(err, -link_rc, "no port '%s'", conf->port);
	link_is_open = true;
	*out = (struct drv_link *)(void *)&link_place;
	return 0;
}

void drv_link_close(struct drv_link *l)
{
	if (l)
		link_is_open = false;
}

void drv_link_trace(struct drv_link *l, drv_trace_fn *fn, void *arg)
{
	(void)l;
	(void)fn;
	(void)arg;
}

int drv_link_read(struct drv_link *l, void *buf, size_t size, uint64_t deadline_ms,
		  struct mkt_err *err)
{
	(void)l;
	(void)deadline_ms;
	(void)err;
	memset(buf, 'x', size);
	return 3;
}

int drv_link_fd(const struct drv_link *l)
{
	(void)l;
	return -1;
}

/* ---- a device of the test's own ------------------------------------------------------------ */

#define TIMEOUT_MS 500

struct fake {
	int open_rc, poll_rc, command_rc, safe_rc; /* what comes of it */
	int busy;				   /* calls until it is done */
	int opens, closes, polls, commands, safes, keepalives, probes;
	uint32_t keepalive_ms;
	const char *serial;
	bool faulty;
	struct mkt_setpoint set;   /* in force */
	int32_t shown;		   /* what it reads back; INT32_MIN: what is in force */
	int64_t import_mwh;	   /* grows with current x 230 V x 3 */
	uint64_t at_ms;
	uint64_t last_poll_ms, gap_max_ms;
};

static struct fake fakes[2];

static struct fake *fake_of(const struct mkt_device_conf *conf)
{
	return &fakes[conf->unit - 1];
}

static int64_t power_of(const struct fake *f)
{
	return f->set.kind == MKT_SET_CURRENT ? (int64_t)f->set.value * 69 / 100 : 0;
}

static void flow(struct fake *f)
{
	if (f->at_ms)
		f->import_mwh += power_of(f) * (int64_t)(now_ms - f->at_ms) / 3600;
	f->at_ms = now_ms;
}

/* One exchange: an answer after 10 ms, or none. */
static int exchange(struct drv_device *d, int rc, struct mkt_err *err)
{
	struct fake *f = fake_of(d->conf);

	if (f->busy) {
		f->busy--;
		return mkt_err_set(err, MKT_EBUSY, "it joins the network");
	}
	drv_count(d, DRV_REQUESTS);
	now_ms += rc == -MKT_EDEVTIMEOUT ? TIMEOUT_MS : 10;
	flow(f);
	return rc < 0 ? mkt_err_set(err, -rc, "'%s' fails", d->conf->name) : 0;
}

static int fake_probe(struct drv_link *l, const struct mkt_device_conf *conf,
		      struct mkt_identity *id, struct mkt_err *err)
{
	struct fake *f = fake_of(conf);

	(void)l;
	(void)err;
	f->probes++;
	snprintf(id->serial, sizeof(id->serial), "%s", f->serial);
	return 1;
}

static int fake_open(struct drv_device *d, struct mkt_err *err)
{
	struct fake *f = fake_of(d->conf);
	int rc;

	f->opens++;
	assert_true(link_is_open);
	if (!d->priv)
		d->priv = malloc(1);
	rc = exchange(d, f->open_rc, err);
	if (rc < 0)
		return rc;
	snprintf(d->id.serial, sizeof(d->id.serial), "%s", f->serial);
	d->caps = MKT_CAP_CURRENT | MKT_CAP_PAUSE | MKT_CAP_IMPORT;
	drv_set(d, MKT_R_CURRENT_MIN, 6000);
	drv_keepalive(d, f->keepalive_ms);
	return 0;
}

static int fake_poll(struct drv_device *d, struct mkt_err *err)
{
	struct fake *f = fake_of(d->conf);
	int rc = exchange(d, f->poll_rc, err);

	f->polls++;
	if (rc < 0)
		return rc;
	if (f->last_poll_ms && now_ms - f->last_poll_ms > f->gap_max_ms)
		f->gap_max_ms = now_ms - f->last_poll_ms;
	f->last_poll_ms = now_ms;
	drv_fault(d, f->faulty ? "relay" : NULL);
	drv_set(d, MKT_R_POWER, power_of(f));
	drv_set(d, MKT_R_ENERGY_IMPORT, f->import_mwh / 1000);
	drv_set(d, MKT_R_CURRENT_LIMIT, f->shown == INT32_MIN ? f->set.value : f->shown);
	return 0;
}

static int fake_keepalive(struct drv_device *d, struct mkt_err *err)
{
	struct fake *f = fake_of(d->conf);

	f->keepalives++;
	return exchange(d, f->poll_rc, err);
}

static int fake_command(struct drv_device *d, const struct mkt_setpoint *set,
			struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct fake *f = fake_of(d->conf);
	int rc;

	f->commands++;
	rc = exchange(d, f->command_rc, err);
	if (rc >= 0)
		f->set = *applied = *set;
	return rc;
}

static int fake_safe(struct drv_device *d, struct mkt_err *err)
{
	struct fake *f = fake_of(d->conf);
	int rc;

	f->safes++;
	rc = exchange(d, f->safe_rc, err);
	if (rc >= 0)
		f->set = (struct mkt_setpoint){MKT_SET_CURRENT, 0};
	return rc;
}

static void fake_close(struct drv_device *d)
{
	fake_of(d->conf)->closes++;
	free(d->priv);
	d->priv = NULL;
}

static const struct drv_driver fake_driver = {
	.name = "fake", .kind = MKT_DEV_EVSE, .poll_ms = 1000, .unit = 1, .probe = fake_probe,
	.open = fake_open, .poll = fake_poll, .keepalive = fake_keepalive,
	.command = fake_command, .safe_state = fake_safe, .close = fake_close,
};
const struct drv_driver *const drv_drivers[] = {&fake_driver, NULL};

const struct drv_driver *drv_find(const char *name)
{
	return strcmp(name, "fake") ? NULL : &fake_driver;
}

/* ---- what is told -------------------------------------------------------------------------- */

static struct drv_bus bus;
static struct drv_unit *u;
static int told[8], dones, saves;
static int done_rc;
static uint64_t done_ticket;
static char lives[512]; /* words of the states that were passed through */
static enum mkt_dev_state last_state;

static void tell(void *arg, const struct drv_unit *unit, enum mkt_level level, const char *text)
{
	(void)arg;
	(void)unit;
	(void)text;
	told[level]++;
}

static void done(void *arg, struct drv_unit *unit, uint64_t ticket, int rc,
		 const struct mkt_err *err)
{
	(void)arg;
	(void)unit;
	assert_true(rc >= 0 || (err && err->text[0]));
	dones++;
	done_rc = rc;
	done_ticket = ticket;
}

static void save(void *arg)
{
	(void)arg;
	saves++;
}

static void note_state(void)
{
	size_t n = strlen(lives);

	if (u->state == last_state)
		return;
	last_state = u->state;
	snprintf(lives + n, sizeof(lives) - n, " %s", mkt_dev_state_word((int)u->state));
}

static void run(uint64_t for_ms)
{
	uint64_t end = now_ms + for_ms;
	int turns = 0;

	while (now_ms < end) {
		uint64_t next = drv_bus_step(&bus);

		note_state();
		if (next > now_ms) {
			now_ms = next < end ? next : end;
			turns = 0;
		}
		assert_true(++turns < 100); /* nothing is due for ever */
	}
}

static struct mkt_device_conf confs[2];

static void start(uint32_t n)
{
	struct mkt_line_conf line;
	struct drv_hooks hooks = {NULL, tell, done, save};
	struct mkt_err err = {0};

	mkt_line_defaults(&line);
	snprintf(line.port, sizeof(line.port), "/dev/fake");
	assert_int_equal(drv_bus_init(&bus, &line, confs, n, &hooks, &err), 0);
	u = &bus.units[0];
	last_state = MKT_DEV_ABSENT;
}

static int setup(void **state)
{
	(void)state;
	now_ms = 1000000;
	link_rc = link_opens = dones = saves = 0;
	link_is_open = false;
	memset(told, 0, sizeof(told));
	lives[0] = 0;
	for (int i = 0; i < 2; i++) {
		fakes[i] = (struct fake){.serial = "S1", .shown = INT32_MIN};
		mkt_device_defaults(&confs[i]);
		snprintf(confs[i].name, sizeof(confs[i].name), "ev-%d", i + 1);
		snprintf(confs[i].driver, sizeof(confs[i].driver), "fake");
		confs[i].unit = (uint16_t)(i + 1);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drv_bus_release(&bus);
	assert_false(link_is_open);
	return 0;
}

#define F (&fakes[0])

static struct mkt_order current_order(int32_t ma, uint32_t lease_s)
{
	return (struct mkt_order){.set = {MKT_SET_CURRENT, ma}, .lease_s = lease_s};
}

/* What became of it; -1: it is still under way. */
static int order_by(uint32_t client, const struct mkt_order *o)
{
	struct mkt_err err = {0};
	int before = dones, rc = drv_unit_order(u, client, o, 7, &err);

	if (rc < 0) {
		assert_int_equal(dones, before);
		return rc;
	}
	return dones > before ? done_rc : -1;
}

static int order(int32_t ma)
{
	struct mkt_order o = current_order(ma, 3600);

	return order_by(1, &o);
}

/* ---- states -------------------------------------------------------------------------------- */

static void a_life(void **state)
{
	(void)state;
	start(1);
	run(3500);
	assert_string_equal(lives, " opening identifying ready");
	assert_int_equal(F->opens, 1);
	assert_int_equal(F->polls, 4);
	assert_int_equal(F->commands + F->safes, 0); /* starting writes nothing */
	F->faulty = true;
	run(1000);
	assert_int_equal(u->error_code, MKT_EDEVFAULT);
	assert_string_equal(u->error, "relay");
	F->faulty = false;
	run(1000);
	assert_string_equal(u->error, "");
	F->poll_rc = -MKT_EDEVTIMEOUT;
	run(5000);
	F->poll_rc = 0;
	run(5000);
	assert_string_equal(lives, " opening identifying ready fault ready reconnecting ready");
}

static void a_port_that_comes_later(void **state)
{
	(void)state;
	link_rc = -MKT_EDEVABSENT;
	start(1);
	run(600000);
	assert_int_equal(u->state, MKT_DEV_ABSENT);
	assert_int_equal(u->error_code, MKT_EDEVABSENT);
	assert_in_range(link_opens, 100, 130); /* every 5 s */
	assert_in_range(told[MKT_LOG_WARNING], 10, 12);
	link_rc = 0;
	run(6000);
	assert_int_equal(u->state, MKT_DEV_READY);
	assert_int_equal(u->error_code, 0);
}

static void a_port_of_somebody_else(void **state)
{
	(void)state;
	link_rc = -MKT_ELINELOCKED;
	start(1);
	run(120000);
	assert_int_equal(u->state, MKT_DEV_OPENING);
	assert_int_equal(u->error_code, MKT_ELINELOCKED);
	assert_in_range(link_opens, 7, 9); /* 1 2 4 8 16 30 30 ... */
}

static void another_device_is_refused(void **state)
{
	(void)state;
	snprintf(confs[0].serial, sizeof(confs[0].serial), "S2");
	start(1);
	run(100000);
	assert_string_equal(lives, " opening identifying refused");
	assert_int_equal(u->error_code, MKT_EDEVIDENTITY);
	assert_int_equal(F->opens, 0); /* not even armed */
	assert_in_range(F->probes, 3, 4);
	F->serial = "S2";
	run(31000);
	assert_int_equal(u->state, MKT_DEV_READY);
}

static void unknown_firmware_is_refused(void **state)
{
	(void)state;
	F->open_rc = -MKT_EDEVIDENTITY;
	start(1);
	run(100000);
	assert_string_equal(lives, " opening identifying refused");
	assert_int_equal(F->opens, F->closes);
	assert_in_range(F->opens, 3, 4);
}

static void three_errors_close_it(void **state)
{
	(void)state;
	start(1);
	run(2500);
	F->poll_rc = F->open_rc = -MKT_EDEVTIMEOUT;
	run(4000);
	assert_int_equal(F->closes, 1);
	assert_false(link_is_open); /* or it would come back under another name */
	assert_int_equal(u->state, MKT_DEV_RECONNECTING);
	run(3600000);
	assert_in_range(link_opens, 118, 130); /* pauses grow up to 30 s */
	assert_in_range(told[MKT_LOG_WARNING], 10, 12); /* ten, then one in a hundred */
	assert_int_equal(F->opens, F->closes);
	F->poll_rc = F->open_rc = 0;
	run(31000);
	assert_int_equal(u->state, MKT_DEV_READY);
	assert_int_equal(u->dev.counters[DRV_RECONNECTS], 1);
	assert_int_equal(told[MKT_LOG_NOTICE], 2); /* ready, back */
}

static void one_error_is_none(void **state)
{
	(void)state;
	start(1);
	run(1500);
	for (int i = 0; i < 20; i++) {
		F->poll_rc = i % 3 == 2 ? 0 : -MKT_EDEVFRAME;
		run(1000);
	}
	assert_int_equal(F->opens, 1);
	assert_string_equal(lives, " opening identifying ready");
}

static void a_lost_line_is_closed_at_once(void **state)
{
	(void)state;
	start(2);
	run(2500);
	fakes[1].poll_rc = -MKT_EDEVLOST;
	run(1000);
	assert_false(link_is_open);
	assert_int_equal(u->state, MKT_DEV_RECONNECTING);
	assert_int_equal(bus.units[1].state, MKT_DEV_RECONNECTING);
	assert_int_equal(u->error_code, MKT_EDEVLOST);
	fakes[1].poll_rc = 0;
	run(2000);
	assert_int_equal(u->state, MKT_DEV_READY);
	assert_int_equal(bus.units[1].state, MKT_DEV_READY);
	assert_int_equal(F->opens, 2);
}

static void a_dead_device_leaves_the_others_alone(void **state)
{
	(void)state;
	F->keepalive_ms = 300;
	fakes[1].open_rc = -MKT_EDEVTIMEOUT;
	start(2);
	run(600000);
	assert_int_equal(u->state, MKT_DEV_READY);
	assert_int_equal(bus.units[1].state, MKT_DEV_IDENTIFYING);
	assert_true(bus.units[1].dev.brief);
	assert_in_range(F->polls, 595, 601);
	assert_true(F->gap_max_ms <= 1000 + TIMEOUT_MS + 50);
	assert_true(F->keepalives > 1800);
	assert_in_range(fakes[1].opens, 20, 26);
	assert_int_equal(link_opens, 1);
	/* Dying later is the same. */
	fakes[1].open_rc = 0;
	run(31000);
	assert_int_equal(bus.units[1].state, MKT_DEV_READY);
	fakes[1].open_rc = fakes[1].poll_rc = -MKT_EDEVTIMEOUT;
	run(60000);
	assert_int_equal(bus.units[1].state, MKT_DEV_RECONNECTING);
	assert_true(F->gap_max_ms <= 1000 + TIMEOUT_MS + 50);
}

static void what_takes_long_is_waited_for(void **state)
{
	(void)state;
	F->busy = 40; /* a radio joins: 10 s */
	start(1);
	run(5000);
	assert_int_equal(u->state, MKT_DEV_IDENTIFYING);
	assert_string_equal(u->error, "it joins the network");
	run(10000);
	assert_int_equal(u->state, MKT_DEV_READY);
	assert_int_equal(F->closes, 0);
	F->busy = 20; /* a pass of 5 s is no pass in 3 polls */
	run(6000);
	assert_string_equal(lives, " opening identifying ready stale ready");
	F->busy = 1000000; /* never ends */
	run(140000);
	assert_int_equal(u->error_code, MKT_EDEVTIMEOUT);
}

static void limits_stay_fresh_while_it_is_open(void **state)
{
	(void)state;
	start(1);
	run(60000);
	assert_true(mkt_reading_fresh(&u->dev.r, MKT_R_CURRENT_MIN, now_ms, 1100));
	F->poll_rc = F->open_rc = -MKT_EDEVTIMEOUT;
	run(60000);
	assert_false(mkt_reading_fresh(&u->dev.r, MKT_R_CURRENT_MIN, now_ms, 3000));
	assert_true(u->dev.r.v[MKT_R_POWER].known); /* old, and says so */
}

static void history_has_a_sample_a_minute(void **state)
{
	(void)state;
	start(1);
	run(600000);
	assert_in_range(u->nsamples, 6, 21); /* the system's clock stands still here */
	run(150000000);
	assert_int_equal(u->nsamples, DRV_SAMPLES);
}

/* ---- requests ------------------------------------------------------------------------------ */

static void a_refresh_is_a_pass(void **state)
{
	struct mkt_err err = {0};

	(void)state;
	start(1);
	assert_int_equal(drv_unit_refresh(u, 5, &err), -MKT_EDEVSTALE);
	run(2500);
	assert_int_equal(drv_unit_refresh(u, 5, &err), 0);
	assert_int_equal(dones, 1);
	assert_int_equal(done_rc, 0);
	assert_int_equal(done_ticket, 5);
	F->busy = 3;
	assert_int_equal(drv_unit_refresh(u, 6, &err), 0);
	assert_int_equal(drv_unit_refresh(u, 7, &err), 0);
	assert_int_equal(dones, 1);
	run(1000);
	assert_int_equal(dones, 3);
	F->poll_rc = -MKT_EDEVFRAME;
	assert_int_equal(drv_unit_refresh(u, 8, &err), 0);
	assert_int_equal(done_rc, -MKT_EDEVFRAME);
	F->busy = 3;
	F->poll_rc = 0;
	for (int i = 0; i < DRV_WAITERS; i++)
		assert_int_equal(drv_unit_refresh(u, 9, &err), 0);
	assert_int_equal(drv_unit_refresh(u, 10, &err), -MKT_EBUSY);
	run(1000);
	assert_int_equal(dones, 4 + DRV_WAITERS);
}

static void orders_are_checked_before_anything_is_sent(void **state)
{
	struct mkt_order o;

	(void)state;
	confs[0].max_ma = 20000;
	start(1);
	assert_int_equal(order(16000), -MKT_EDEVSTALE);
	run(2500);
	assert_int_equal(order(5999), -MKT_EINVAL);
	assert_int_equal(order(-1), -MKT_EINVAL);
	assert_int_equal(order(20001), -MKT_EINVAL);
	o = current_order(10000, 0);
	assert_int_equal(order_by(1, &o), -MKT_EINVAL);
	o = current_order(10000, 86401);
	assert_int_equal(order_by(1, &o), -MKT_EINVAL);
	o = (struct mkt_order){.set = {MKT_SET_POWER, 1000}, .lease_s = 9};
	assert_int_equal(order_by(1, &o), -MKT_EDEVUNSUPPORTED);
	o = (struct mkt_order){.set = {MKT_SET_MODE, MKT_MODE_HOLD}, .lease_s = 9};
	assert_int_equal(order_by(1, &o), -MKT_EDEVUNSUPPORTED);
	o = (struct mkt_order){.lease_s = 9};
	assert_int_equal(order_by(1, &o), -MKT_EINVAL);
	o = current_order(10000, 9);
	o.stop_export_wh = 100;
	assert_int_equal(order_by(1, &o), -MKT_EDEVUNSUPPORTED);
	u->dev.caps |= MKT_CAP_READ_ONLY;
	assert_int_equal(order(16000), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(F->commands, 0);
	assert_false(u->hold.held);
}

static void an_order_is_done_once(void **state)
{
	struct mkt_order o = current_order(16000, 60);

	(void)state;
	start(1);
	run(2500);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(order_by(1, &o), 0);
		run(30000);
	}
	assert_int_equal(F->commands, 1);
	assert_int_equal(F->set.value, 16000);
	assert_int_equal(u->hold.applied.value, 16000);
	assert_int_equal(order_by(2, &o), -MKT_ELOCKED);
	o.set.value = 0; /* pause */
	assert_int_equal(order_by(1, &o), 0);
	assert_int_equal(F->commands, 2);
	assert_true(saves > 0);
}

static void the_lease_ends(void **state)
{
	struct mkt_order o = current_order(16000, 60);

	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order_by(1, &o), 0);
	run(59000);
	assert_int_equal(F->safes, 0);
	run(2000);
	assert_int_equal(F->safes, 1);
	assert_false(u->hold.held || u->hold.safe);
	assert_int_equal(F->set.value, 0);
	run(60000);
	assert_int_equal(F->safes, 1);
}

static void exit_may_keep_the_set_point(void **state)
{
	struct mkt_order o = current_order(16000, 60);

	(void)state;
	confs[0].exit = MKT_EXIT_KEEP;
	start(1);
	run(2500);
	assert_int_equal(order_by(1, &o), 0);
	run(70000);
	assert_false(u->hold.held);
	assert_int_equal(order_by(1, &o), 0);
	drv_bus_quit(&bus);
	assert_int_equal(F->safes, 0);
	assert_int_equal(F->set.value, 16000);
}

static void a_lost_client_has_time_to_come_back(void **state)
{
	struct mkt_order o = current_order(16000, 3600);

	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order_by(1, &o), 0);
	drv_bus_client_lost(&bus, 2); /* somebody else */
	run(70000);
	assert_int_equal(F->safes, 0);
	drv_bus_client_lost(&bus, 1);
	run(50000);
	assert_int_equal(order_by(3, &o), 0); /* taken over, nothing is written */
	assert_int_equal(F->commands, 1);
	run(100000);
	assert_true(u->hold.held);
	drv_bus_client_lost(&bus, 3);
	run(61000);
	assert_int_equal(F->safes, 1);
	assert_false(u->hold.held);
}

static void giving_up_is_the_safe_state(void **state)
{
	struct mkt_err err = {0};

	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order(16000), 0);
	assert_int_equal(drv_unit_release(u, 2, 1, &err), -MKT_ELOCKED);
	assert_int_equal(drv_unit_release(u, 1, 1, &err), 0);
	assert_int_equal(F->safes, 1);
	assert_int_equal(done_rc, 0);
	/* What is not reached is tried again, and the client knows. */
	assert_int_equal(order(16000), 0);
	F->safe_rc = -MKT_EDEVUNCONFIRMED;
	assert_int_equal(drv_unit_release(u, 1, 2, &err), 0);
	assert_int_equal(done_rc, -MKT_EDEVUNCONFIRMED);
	assert_true(u->hold.safe);
	F->safe_rc = 0;
	run(3000);
	assert_false(u->hold.safe);
	assert_int_equal(F->set.value, 0);
}

static void a_refusal_leaves_what_was(void **state)
{
	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order(10000), 0);
	F->command_rc = -MKT_EDEVREFUSED;
	assert_int_equal(order(16000), -MKT_EDEVREFUSED);
	assert_int_equal(u->hold.order.set.value, 10000);
	F->command_rc = 0;
	run(10000);
	assert_int_equal(F->commands, 2);
	assert_int_equal(F->set.value, 10000);
}

static void what_is_not_confirmed_is_sent_again(void **state)
{
	(void)state;
	start(1);
	run(2500);
	F->command_rc = -MKT_EDEVUNCONFIRMED;
	assert_int_equal(order(16000), -MKT_EDEVUNCONFIRMED);
	assert_int_equal(u->hold.applied.kind, MKT_SET_NONE); /* never shown as done */
	run(600000);
	assert_in_range(F->commands, 12, 20); /* pauses grow to a minute */
	F->command_rc = 0;
	run(61000);
	assert_int_equal(u->hold.applied.value, 16000);
	assert_int_equal(F->opens, 1); /* no fault of the line */
}

static void a_command_may_take_long(void **state)
{
	struct mkt_err err = {0};

	(void)state;
	start(1);
	run(2500);
	F->busy = 10;
	assert_int_equal(order(16000), -1);
	assert_int_equal(order(10000), -MKT_EBUSY);
	assert_int_equal(drv_unit_release(u, 1, 3, &err), -MKT_EBUSY);
	run(3500);
	assert_int_equal(dones, 1);
	assert_int_equal(done_rc, 0);
	assert_int_equal(F->set.value, 16000);
	assert_int_equal(F->commands, 11);
}

static void somebody_else_sets_it(void **state)
{
	int notices;

	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order(16000), 0);
	run(10000);
	notices = told[MKT_LOG_NOTICE];
	F->shown = 10000;
	run(600000);
	assert_int_equal(told[MKT_LOG_NOTICE], notices + 1); /* one event, not one a cycle */
	assert_in_range(F->commands, 8, 20);
	F->shown = 15800; /* quarter amperes */
	run(200000);
	notices = F->commands;
	run(200000);
	assert_int_equal(F->commands, notices);
}

static void an_order_outlives_an_outage(void **state)
{
	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order(16000), 0);
	F->poll_rc = F->open_rc = -MKT_EDEVTIMEOUT;
	run(20000);
	assert_int_equal(u->state, MKT_DEV_RECONNECTING);
	F->poll_rc = F->open_rc = 0;
	F->set.value = 0; /* its watchdog */
	run(31000);
	assert_int_equal(F->set.value, 16000);
	assert_int_equal(F->commands, 2);
	/* Ended meanwhile: made safe when it is back. */
	F->poll_rc = F->open_rc = -MKT_EDEVTIMEOUT;
	run(10000);
	drv_bus_client_lost(&bus, 1);
	run(100000);
	assert_true(u->hold.safe && !u->hold.held);
	assert_int_equal(F->safes, 0);
	F->poll_rc = F->open_rc = 0;
	run(31000);
	assert_int_equal(F->safes, 1);
	assert_int_equal(F->set.value, 0);
}

static void a_client_renews_through_an_outage(void **state)
{
	struct mkt_order o = current_order(16000, 30);

	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order_by(1, &o), 0);
	F->poll_rc = F->open_rc = -MKT_EDEVTIMEOUT;
	run(5000);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(order_by(1, &o), -MKT_EDEVSTALE);
		run(10000);
	}
	o.set.value = 10000; /* another order is not taken */
	assert_int_equal(order_by(1, &o), -MKT_EDEVSTALE);
	assert_int_equal(u->hold.order.set.value, 16000);
	assert_int_equal(order_by(2, &o), -MKT_ELOCKED);
	F->poll_rc = F->open_rc = 0;
	F->set.value = 0;
	o = current_order(16000, 60);
	assert_int_equal(order_by(1, &o), -MKT_EDEVSTALE);
	run(31000);
	assert_int_equal(F->safes, 0);
	assert_int_equal(F->set.value, 16000);
}

/* ---- counters ------------------------------------------------------------------------------ */

static void it_stops_at_the_counter(void **state)
{
	struct mkt_order o = current_order(16000, 86400); /* 11.04 kW: 3 Wh a second */

	(void)state;
	confs[0].poll_ms = 10000;
	start(1);
	run(12000);
	o.stop_import_wh = 2500;
	assert_int_equal(order_by(1, &o), 0);
	run(700000);
	assert_int_equal(u->hold.applied.value, 16000);
	drv_bus_client_lost(&bus, 1); /* whatever happens to who gave it */
	run(59000);
	run(100000);
	assert_int_equal(F->set.value, 0);
	drv_bus_quit(&bus);
	assert_in_range(F->import_mwh, 0, 2501000);
}

static void stops_are_exact(void **state)
{
	(void)state;
	confs[0].poll_ms = 10000;
	start(1);
	run(12000);
	for (uint64_t stop = 100; stop < 20000; stop = stop * 3 / 2) {
		struct mkt_order o = current_order(32000, 86400);

		o.stop_import_wh = stop;
		assert_int_equal(order_by(1, &o), 0);
		assert_int_equal(F->set.value, 32000);
		run(8000000);
		assert_true(u->hold.stopped);
		assert_int_equal(F->set.value, 0);
		assert_true(F->import_mwh < (int64_t)(stop + 1) * 1000);
		assert_true(F->import_mwh > (int64_t)(stop - 2) * 1000);
		/* Renewing does not start it again; a later stop does. */
		assert_int_equal(order_by(1, &o), 0);
		assert_int_equal(F->set.value, 0);
		F->import_mwh = (int64_t)stop * 1000;
		run(20000);
	}
}

static void a_meter_that_stands_still(void **state)
{
	struct mkt_order o = current_order(16000, 86400);
	int64_t at;

	(void)state;
	start(1);
	run(2500);
	o.stop_import_wh = 100;
	assert_int_equal(order_by(1, &o), 0);
	run(5000);
	at = F->import_mwh;
	for (int i = 0; i < 60; i++) {
		F->import_mwh = at;
		run(1000);
	}
	assert_true(u->hold.stopped); /* by the power that flows */
}

static void a_new_meter_moves_the_stop(void **state)
{
	struct mkt_order o = current_order(16000, 86400);

	(void)state;
	F->import_mwh = 99000000;
	start(1);
	run(2500);
	o.stop_import_wh = 99100;
	assert_int_equal(order_by(1, &o), 0);
	run(10000);
	F->import_mwh = 5000; /* 27 of 100 Wh have flowed; 9 more until it is believed */
	run(10000);
	assert_in_range(u->hold.order.stop_import_wh, 76, 78);
	assert_int_equal(order_by(1, &o), 0); /* renewed by one who knows nothing of it */
	assert_in_range(u->hold.order.stop_import_wh, 76, 78);
	run(60000);
	assert_int_equal(F->set.value, 0);
	assert_in_range(F->import_mwh, 75000, 78000);
	assert_int_equal(u->dev.doubt[0].jumps, 1);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void ending_makes_safe_what_we_hold(void **state)
{
	(void)state;
	start(2);
	fakes[1].set = (struct mkt_setpoint){MKT_SET_CURRENT, 8000}; /* its own business */
	run(2500);
	assert_int_equal(order(16000), 0);
	F->busy = 3;
	drv_bus_quit(&bus);
	assert_int_equal(F->set.value, 0);
	assert_int_equal(fakes[1].set.value, 8000);
	assert_int_equal(fakes[1].safes, 0);
	assert_false(link_is_open);
}

static void ending_does_not_hang(void **state)
{
	uint64_t begin;

	(void)state;
	start(1);
	run(2500);
	assert_int_equal(order(16000), 0);
	F->safe_rc = -MKT_EDEVUNCONFIRMED;
	begin = now_ms;
	drv_bus_quit(&bus);
	assert_true(now_ms - begin < 6000);
}

static void orders_of_a_killed_process_go_on(void **state)
{
	struct drv_hold h = {.order = current_order(16000, 60)};

	(void)state;
	start(1);
	F->set = h.order.set;
	h.ends_ms = now_ms + 3600000;
	drv_unit_adopt(u, &h);
	run(30000);
	assert_true(u->hold.held && !u->hold.owner);
	assert_int_equal(u->hold.applied.value, 16000);
	run(35000);
	assert_false(u->hold.held); /* nobody came */
	assert_int_equal(F->safes, 1);
	h.ends_ms = 0; /* of another boot */
	drv_unit_adopt(u, &h);
	run(5000);
	assert_int_equal(F->safes, 2);
}

static void settings_that_do_not_go_together(void **state)
{
	struct drv_hooks hooks = {NULL, tell, done, save};
	struct mkt_line_conf line;
	struct mkt_err err = {0};

	(void)state;
	mkt_line_defaults(&line);
	snprintf(confs[0].driver, sizeof(confs[0].driver), "fak");
	assert_int_equal(drv_bus_init(&bus, &line, confs, 1, &hooks, &err), -MKT_EUSAGE);
	assert_string_equal(err.text, "[device.ev-1]: there is no driver 'fak'");
	assert_int_equal(drv_bus_init(&bus, NULL, NULL, 0, &hooks, &err), 0);
	assert_true(drv_bus_step(&bus) == UINT64_MAX);
}

/* ---- anything ------------------------------------------------------------------------------ */

static void trouble(struct rng *r)
{
	static const int codes[] = {0, 0, 0, -MKT_EDEVTIMEOUT, -MKT_EDEVFRAME, -MKT_EDEVLOST,
				    -MKT_EDEVREFUSED};
	int rc = codes[rng_below(r, MKT_ARRAY_SIZE(codes))];

	switch (rng_below(r, 8)) {
	case 0:
		link_rc = rng_below(r, 3) ? 0 : -MKT_EDEVABSENT;
		break;
	case 1:
		F->open_rc = rc;
		break;
	case 2:
		F->poll_rc = rc;
		break;
	case 3:
		F->command_rc = rng_below(r, 4) ? rc : -MKT_EDEVUNCONFIRMED;
		break;
	case 4:
		F->safe_rc = rng_below(r, 4) ? rc : -MKT_EDEVUNCONFIRMED;
		break;
	case 5:
		F->busy = (int)rng_below(r, 20);
		break;
	case 6:
		F->faulty = !rng_below(r, 4);
		break;
	default: /* all is well */
		link_rc = F->open_rc = F->poll_rc = F->command_rc = F->safe_rc = F->busy = 0;
		F->faulty = false;
	}
}

static void wish(struct rng *r)
{
	uint32_t client = 1 + (uint32_t)rng_below(r, 2);
	struct mkt_err err = {0};
	struct mkt_order o;

	switch (rng_below(r, 6)) {
	case 0:
		drv_bus_client_lost(&bus, client);
		break;
	case 1:
		(void)!drv_unit_release(u, client, 1, &err);
		break;
	case 2:
		(void)!drv_unit_refresh(u, 1, &err);
		break;
	default:
		o = current_order(rng_below(r, 3) ? 6000 + (int32_t)rng_below(r, 26000) : 0,
				  1 + (uint32_t)rng_below(r, 300));
		if (rng_below(r, 2))
			o.stop_import_wh = (uint64_t)F->import_mwh / 1000 + rng_below(r, 200);
		(void)!order_by(client, &o);
	}
}

/* Whatever happens: in the end, with nobody left, the device is safe and its line well. */
static void anything_ends_well(void **state)
{
	struct rng r = rng_start("runtime");

	for (int i = 0; i < 300; i++) {
		setup(state);
		confs[0].poll_ms = 500 + (uint32_t)rng_below(&r, 5000);
		F->keepalive_ms = rng_below(&r, 2) ? 700 : 0;
		start(1 + (uint32_t)rng_below(&r, 2));
		for (int k = 0; k < 100; k++) {
			if (rng_below(&r, 3))
				trouble(&r);
			if (rng_below(&r, 2))
				wish(&r);
			run(rng_below(&r, 20000));
			assert_true(!u->hold.held || !u->hold.safe);
			assert_true(u->open == (u->dev.priv != NULL) || u->job == DRV_J_OPEN);
		}
		link_rc = F->open_rc = F->poll_rc = F->command_rc = F->safe_rc = F->busy = 0;
		F->faulty = false;
		drv_bus_client_lost(&bus, 1);
		drv_bus_client_lost(&bus, 2);
		run(300000);
		assert_int_equal(u->state, MKT_DEV_READY);
		assert_false(u->hold.held || u->hold.safe);
		assert_int_equal(F->set.value, 0);
		for (size_t w = 0; w < DRV_WAITERS; w++)
			assert_int_equal(u->waiters[w].job, DRV_J_NONE);
		drv_bus_quit(&bus);
		drv_bus_release(&bus);
		assert_int_equal(F->opens > 0, F->closes > 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_life),
		T(a_port_that_comes_later),
		T(a_port_of_somebody_else),
		T(another_device_is_refused),
		T(unknown_firmware_is_refused),
		T(three_errors_close_it),
		T(one_error_is_none),
		T(a_lost_line_is_closed_at_once),
		T(a_dead_device_leaves_the_others_alone),
		T(what_takes_long_is_waited_for),
		T(limits_stay_fresh_while_it_is_open),
		T(history_has_a_sample_a_minute),
		T(a_refresh_is_a_pass),
		T(orders_are_checked_before_anything_is_sent),
		T(an_order_is_done_once),
		T(the_lease_ends),
		T(exit_may_keep_the_set_point),
		T(a_lost_client_has_time_to_come_back),
		T(giving_up_is_the_safe_state),
		T(a_refusal_leaves_what_was),
		T(what_is_not_confirmed_is_sent_again),
		T(a_command_may_take_long),
		T(somebody_else_sets_it),
		T(an_order_outlives_an_outage),
		T(a_client_renews_through_an_outage),
		T(it_stops_at_the_counter),
		T(stops_are_exact),
		T(a_meter_that_stands_still),
		T(a_new_meter_moves_the_stop),
		T(ending_makes_safe_what_we_hold),
		T(ending_does_not_hang),
		T(orders_of_a_killed_process_go_on),
		T(settings_that_do_not_go_together),
		T(anything_ends_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
