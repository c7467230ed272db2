/*
 * The SunSpec driver against the simulator, both in this process and in virtual
 * time; every frame between them is kept as text.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/sim/sim_sunspec.c" /* its functions are static */
#include "tests/memlink.h"
#include "tests/rng.h"

/* ---- the simulator without its program ------------------------------------------------------ */

static struct sim_device box;
static char frames[200000]; /* "> 01 03 ...\n< 01 03 ...\n" */
static size_t nframes;
static bool silent;
static struct rng *faults;
static bool lost_now;
static int lose_writes; /* answers to so many writes are lost */
static int refuse_next; /* exception of the next request, whatever it is */

static void note(char dir, const uint8_t *p, size_t n)
{
	if (nframes + 3 * n + 3 >= sizeof(frames))
		nframes = 0;
	frames[nframes++] = dir;
	for (size_t i = 0; i < n; i++)
		nframes += (size_t)snprintf(frames + nframes, 4, " %02X", p[i]);
	frames[nframes++] = '\n';
	frames[nframes] = 0;
}

struct sim_device *sim_unit(struct sim *s, uint16_t unit)
{
	(void)s;
	if (unit && unit != box.unit)
		return NULL;
	sim_phys_run(&box.phys, mem.now_ms);
	return &box;
}

uint32_t sim_count(const struct sim *s)
{
	(void)s;
	return 1;
}

struct sim_device *sim_at(struct sim *s, uint32_t i)
{
	(void)s;
	return i ? NULL : &box;
}

void sim_send(struct sim *s, const struct sim_device *d, const void *frame, size_t n)
{
	(void)s;
	(void)d;
	uint8_t spoilt[300];
	uint64_t dice = faults ? rng_below(faults, 40) : 40;

	memcpy(spoilt, frame, n);
	if (dice == 0)
		spoilt[rng_below(faults, n)] ^= (uint8_t)(1 << rng_below(faults, 8));
	if (lost_now || dice == 1)
		return;
	note('<', frame, n);
	if (dice == 2) {
		mem_push(&mem, 20, "\x01\x03\x55", 3); /* noise */
	} else if (dice == 3) {
		mem_push(&mem, 510 + (uint32_t)rng_below(faults, 300), spoilt, n); /* late */
		return;
	}
	mem_push(&mem, (uint32_t)n + 30, spoilt, n); /* as long as it takes at 9600 baud */
}

bool sim_fault(struct sim *s, const struct sim_device *d, const char *kind, uint32_t *arg)
{
	(void)s;
	(void)d;
	(void)kind;
	(void)arg;
	return false;
}

bool sim_is_tcp(const struct sim *s)
{
	(void)s;
	return mem.tcp;
}

bool sim_is_udp(const struct sim *s)
{
	(void)s;
	return false;
}

uint64_t sim_now_ms(const struct sim *s)
{
	(void)s;
	return mem.now_ms;
}

uint64_t sim_real_ms(void)
{
	return mem.now_ms;
}

static void peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	(void)l;
	note('>', bytes, n);
	if (silent)
		return;
	tick(NULL, mem.now_ms);
	if (refuse_next) {
		uint8_t out[5] = {bytes[0], bytes[1] | 0x80, (uint8_t)refuse_next};
		uint16_t crc = sim_rtu_crc(out, 3);

		out[3] = (uint8_t)crc;
		out[4] = (uint8_t)(crc >> 8);
		refuse_next = 0;
		sim_send(NULL, NULL, out, 5);
		return;
	}
	if (lose_writes && bytes[1] == 16) {
		lose_writes--;
		lost_now = true;
	}
	input(NULL, bytes, n, mem.now_ms);
	lost_now = false;
}

/* ---- a device under test --------------------------------------------------------------------- */

extern const struct drv_driver drv_sunspec;

static struct mkt_device_conf conf;
static struct drv_device dev;
static struct mkt_err err;

static void begin(const char *name, bool tcp)
{
	mem_reset(tcp);
	mem.peer = peer;
	silent = false;
	refuse_next = 0;
	nframes = 0;
	memset(&box, 0, sizeof(box));
	box.unit = 1;
	sim_phys_init(&box.phys, mem.now_ms);
	assert_int_equal(start(NULL, &box, name, &err), 0);
	memset(&conf, 0, sizeof(conf));
	mkt_device_defaults(&conf);
	memset(&dev, 0, sizeof(dev));
	dev.driver = &drv_sunspec;
	dev.conf = &conf;
	dev.link = &mem;
	dev.kind = dev.driver->kind;
}

/* As the runtime does: again while it is at work; none longer than it may be. */
static int again(int (*call)(struct drv_device *d, struct mkt_err *e))
{
	for (int i = 0; i < 50; i++) {
		uint64_t from = mem.now_ms;
		int rc = call(&dev, &err);

		assert_in_range(mem.now_ms - from, 0, DRV_CALL_MAX_MS + 100);
		if (rc != -MKT_EBUSY)
			return rc;
		mem.now_ms += DRV_AGAIN_MS;
	}
	return -MKT_EBUSY;
}

static void up(const char *name)
{
	begin(name, false);
	if (again(drv_sunspec.open) != 0)
		fail_msg("%s: %s", name, err.text);
}

static void down(void)
{
	drv_sunspec.close(&dev);
	assert_null(dev.priv);
	free(box.priv);
}

static struct mkt_setpoint applied;

static int order(enum mkt_set kind, int32_t value)
{
	struct mkt_setpoint set = {kind, value};

	for (int i = 0; i < 50; i++) {
		uint64_t from = mem.now_ms;
		int rc = drv_sunspec.command(&dev, &set, &applied, &err);

		assert_in_range(mem.now_ms - from, 0, DRV_CALL_MAX_MS + 100);
		if (rc != -MKT_EBUSY)
			return rc;
		mem.now_ms += DRV_AGAIN_MS;
	}
	return -MKT_EBUSY;
}

static void say(const char *verb, const char *rest)
{
	sim_phys_run(&box.phys, mem.now_ms);
	assert_true(command(NULL, &box, verb, rest));
}

static int64_t reading(enum mkt_reading_id id)
{
	return mkt_reading_or(&dev.r, id, INT64_MIN);
}

static void polled(void)
{
	if (drv_sunspec.poll(&dev, &err) != 0)
		fail_msg("%s", err.text);
}

/* Time as the runtime spends it: polls, and keepalive when it is wanted. */
static int pass(uint32_t seconds)
{
	uint64_t end = mem.now_ms + seconds * 1000ull, kept = mem.now_ms, poll_at = 0;
	int rc = 0;

	while (mem.now_ms < end && rc == 0) {
		if (mem.now_ms >= poll_at) {
			polled();
			poll_at = mem.now_ms + 2000;
		}
		if (dev.keepalive_ms && mem.now_ms - kept >= dev.keepalive_ms) {
			kept = mem.now_ms;
			rc = drv_sunspec.keepalive(&dev, &err);
		}
		mem.now_ms += 100;
		tick(NULL, mem.now_ms);
	}
	return rc;
}

static unsigned writes(void)
{
	unsigned n = 0;

	for (const char *p = frames; (p = strstr(p, "> 01 ")); p += 5)
		n += !strncmp(p + 5, "10", 2) || !strncmp(p + 5, "06", 2);
	return n;
}

static void forget(void)
{
	nframes = 0;
	frames[0] = 0;
}

/* ---- kinds and readings ---------------------------------------------------------------------- */

static void kinds(void **state)
{
	static const struct {
		const char *model;
		enum mkt_dev_kind kind;
		unsigned caps;
	} rows[] = {
		{"gen24", MKT_DEV_BATTERY,
		 MKT_CAP_POWER | MKT_CAP_DISCHARGE | MKT_CAP_MODE | MKT_CAP_PAUSE | MKT_CAP_EXPORT |
			 MKT_CAP_SOC | MKT_CAP_WATCHDOG},
		{"gen24-norevert", MKT_DEV_BATTERY,
		 MKT_CAP_POWER | MKT_CAP_DISCHARGE | MKT_CAP_MODE | MKT_CAP_PAUSE | MKT_CAP_EXPORT |
			 MKT_CAP_SOC},
		{"gen24@0", MKT_DEV_BATTERY, MKT_CAP_POWER | MKT_CAP_SOC | MKT_CAP_WATCHDOG},
		{"gen24@50000", MKT_DEV_BATTERY, MKT_CAP_POWER | MKT_CAP_SOC | MKT_CAP_WATCHDOG},
		{"float", MKT_DEV_BATTERY, MKT_CAP_POWER | MKT_CAP_EXPORT | MKT_CAP_SOC},
		{"odd", MKT_DEV_BATTERY, MKT_CAP_POWER | MKT_CAP_EXPORT | MKT_CAP_SOC},
		{"battery802", MKT_DEV_BATTERY, MKT_CAP_POWER | MKT_CAP_EXPORT | MKT_CAP_SOC},
		{"hybrid700", MKT_DEV_BATTERY,
		 MKT_CAP_POWER | MKT_CAP_DISCHARGE | MKT_CAP_MODE | MKT_CAP_PAUSE | MKT_CAP_IMPORT |
			 MKT_CAP_EXPORT | MKT_CAP_SOC | MKT_CAP_WATCHDOG},
		{"pv", MKT_DEV_INVERTER, MKT_CAP_EXPORT},
		{"solaredge", MKT_DEV_INVERTER, MKT_CAP_EXPORT},
		{"meter", MKT_DEV_METER, MKT_CAP_IMPORT | MKT_CAP_EXPORT},
		{"meter-float", MKT_DEV_METER, MKT_CAP_IMPORT | MKT_CAP_EXPORT},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		up(rows[i].model);
		assert_int_equal(dev.kind, rows[i].kind);
		if ((dev.caps & rows[i].caps) != rows[i].caps ||
		    (strchr(rows[i].model, '-') && dev.caps != rows[i].caps))
			fail_msg("%s: abilities %x", rows[i].model, dev.caps);
		assert_string_equal(dev.id.serial, "SIM00001");
		assert_int_equal(writes(), 0); /* nothing is written at the start */
		down();
	}
}

static void readings(void **state)
{
	(void)state;
	up("gen24");
	assert_string_equal(dev.id.maker, "Simulated");
	assert_string_equal(dev.id.model, "GEN24 5.0");
	say("own", "-1500");
	polled();
	assert_int_equal(reading(MKT_R_POWER), -1500);
	assert_int_equal(reading(MKT_R_VOLTAGE_L1), 230000);
	assert_int_equal(reading(MKT_R_CURRENT_L2), 2170);
	assert_int_equal(reading(MKT_R_FREQUENCY), 50010);
	assert_int_equal(reading(MKT_R_TEMPERATURE), 41200);
	assert_in_range(reading(MKT_R_SOC), 499, 500);
	assert_int_equal(reading(MKT_R_SOC_MIN), 100);
	assert_int_equal(reading(MKT_R_CAPACITY), 10000);
	assert_int_equal(reading(MKT_R_BATTERY_VOLTAGE), 49800);
	assert_int_equal(reading(MKT_R_PHASES), 3);
	assert_int_equal(reading(MKT_R_MODE), MKT_MODE_AUTO);
	assert_int_equal(reading(MKT_R_POWER_CHARGE_MAX), 5000);
	assert_int_equal(reading(MKT_R_POWER_CHARGE_MIN), 1);
	assert_int_equal(drv_rated_w(&dev), 5000);
	assert_int_equal(reading(MKT_R_ENERGY_STEP), 1);
	assert_int_equal(reading(MKT_R_POWER_LIMIT), INT64_MIN);
	pass(240);
	assert_in_range(reading(MKT_R_ENERGY_EXPORT), 97, 101);
	assert_false(dev.faulty);
	say("fail", "on");
	polled();
	assert_true(dev.faulty);
	assert_int_equal(reading(MKT_R_FAULT), 1);
	assert_int_equal(order(MKT_SET_POWER, 1000), -MKT_EDEVFAULT);
	assert_int_equal(order(MKT_SET_MODE, MKT_MODE_AUTO), 0);
	down();

	up("float");
	say("own", "2000");
	polled();
	assert_int_equal(reading(MKT_R_POWER), 2000);
	assert_int_equal(reading(MKT_R_VOLTAGE_L3), 230000);
	assert_int_equal(reading(MKT_R_TEMPERATURE), 41200);
	down();
}

static void meters(void **state)
{
	(void)state;
	up("meter");
	say("load", "3601");
	polled();
	assert_int_equal(reading(MKT_R_POWER), 3601);
	assert_int_equal(reading(MKT_R_POWER_L1), 1201);
	pass(100);
	assert_in_range(reading(MKT_R_ENERGY_IMPORT), 97, 101);
	assert_int_equal(reading(MKT_R_ENERGY_EXPORT), 0);
	down();

	/* Clamps that point the other way. */
	begin("meter", false);
	conf.meter_sign = -1;
	assert_int_equal(again(drv_sunspec.open), 0);
	say("load", "3600");
	pass(100);
	assert_int_equal(reading(MKT_R_POWER), -3600);
	assert_in_range(reading(MKT_R_ENERGY_EXPORT), 97, 101);
	assert_int_equal(reading(MKT_R_ENERGY_IMPORT), 0);
	down();

	/* A maker whose W counts export: the counters tell. */
	up("meter-reversed");
	say("load", "3600");
	polled();
	assert_int_equal(reading(MKT_R_POWER), -3600);
	pass(20);
	assert_int_equal(reading(MKT_R_POWER), 3600);
	pass(80);
	say("load", "-1800");
	pass(100);
	assert_int_equal(reading(MKT_R_POWER), -1800);
	down();

	up("meter-float");
	say("load", "-7200");
	pass(100);
	assert_int_equal(reading(MKT_R_POWER), -7200);
	assert_in_range(reading(MKT_R_ENERGY_EXPORT), 195, 201);
	down();
}

/* A 32-bit counter turns over, and nobody notices. */
static void roll_over(void **state)
{
	(void)state;
	up("meter");
	box.phys.meter_begin_wh = box.phys.meter_modulo_wh - 50;
	drv_sunspec.close(&dev);
	memset(&dev.r, 0, sizeof(dev.r));
	assert_int_equal(again(drv_sunspec.open), 0);
	assert_true(reading(MKT_R_ENERGY_IMPORT) == 4294967246);
	say("load", "3600");
	pass(100);
	assert_in_range(reading(MKT_R_ENERGY_IMPORT), 4294967246 + 97, 4294967246 + 101);
	assert_int_equal(dev.doubt[0].jumps, 0);
	down();
}

static void logical_devices(void **state)
{
	(void)state;
	begin("solaredge", false);
	snprintf(conf.serial, sizeof(conf.serial), "SIM01001");
	assert_int_equal(again(drv_sunspec.open), 0);
	assert_int_equal(dev.kind, MKT_DEV_METER);
	assert_string_equal(dev.id.model, "Meter");
	down();

	begin("solaredge", false);
	snprintf(conf.serial, sizeof(conf.serial), "SIM00777");
	assert_int_equal(again(drv_sunspec.open), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(err.text, "SIM00777"));
	assert_int_equal(writes(), 0);
	down();
}

/* ---- storage control ------------------------------------------------------------------------- */

static void control_124(void **state)
{
	(void)state;
	up("gen24");
	forget();
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	assert_int_equal(applied.kind, MKT_SET_POWER);
	assert_int_equal(applied.value, 1500);
	assert_int_equal(box.phys.power_w, 1500);
	assert_int_equal(writes(), 3);
	assert_int_equal(reading(MKT_R_MODE), MKT_MODE_CHARGE);
	assert_int_equal(reading(MKT_R_POWER_LIMIT), 1500);
	assert_int_equal(reading(MKT_R_WATCHDOG), 300);
	polled();
	assert_int_equal(reading(MKT_R_POWER), 1500);

	/* The same again writes nothing. */
	forget();
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	assert_int_equal(writes(), 0);
	assert_int_equal(applied.value, 1500);

	assert_int_equal(order(MKT_SET_POWER, -2500), 0);
	assert_int_equal(applied.value, -2500);
	assert_int_equal(box.phys.power_w, -2500);
	assert_int_equal(reading(MKT_R_MODE), MKT_MODE_DISCHARGE);

	/* More than it can: told what it does. */
	assert_int_equal(order(MKT_SET_POWER, 9000), 0);
	assert_int_equal(applied.value, 5000);
	assert_int_equal(box.phys.power_w, 5000);

	/* Rates are shares of a setting. */
	put(box.priv, SS_124_WChaMax, 4000);
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	assert_int_equal(applied.value, 1500);
	assert_int_equal(box.phys.power_w, 1500);
	put(box.priv, SS_124_WChaMax, 5000);

	say("own", "-700");
	assert_int_equal(order(MKT_SET_MODE, MKT_MODE_HOLD), 0);
	assert_int_equal(applied.value, MKT_MODE_HOLD);
	assert_int_equal(box.phys.power_w, 0);
	assert_int_equal(reading(MKT_R_ENABLED), 0);
	assert_int_equal(order(MKT_SET_POWER, 0), 0);
	assert_int_equal(applied.value, 0);
	assert_int_equal(get(box.priv, SS_124_StorCtl_Mod), 3);
	assert_int_equal(order(MKT_SET_MODE, MKT_MODE_AUTO), 0);
	assert_int_equal(applied.value, MKT_MODE_AUTO);
	assert_int_equal(box.phys.power_w, -700);
	assert_int_equal(get(box.priv, SS_124_OutWRte), FULL);
	assert_int_equal(get(box.priv, SS_124_InWRte), FULL);
	assert_int_equal(get(box.priv, SS_124_ChaGriSet), 0); /* as it was */
	assert_int_equal(reading(MKT_R_POWER_LIMIT), INT64_MIN);
	assert_int_equal(order(MKT_SET_CURRENT, 6000), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(order(MKT_SET_MODE, 77), -MKT_EINVAL);
	down();
}

static void control_704(void **state)
{
	(void)state;
	up("hybrid700");
	assert_int_equal(reading(MKT_R_POWER_CHARGE_MAX), 4600);
	assert_int_equal(reading(MKT_R_POWER_DISCHARGE_MAX), 4800);
	forget();
	assert_int_equal(order(MKT_SET_POWER, 2500), 0);
	assert_int_equal(applied.value, 2500);
	assert_int_equal(box.phys.power_w, 2500);
	assert_int_equal(writes(), 3);
	assert_int_equal(reading(MKT_R_WATCHDOG), 300);
	forget();
	assert_int_equal(order(MKT_SET_POWER, 2500), 0);
	assert_int_equal(writes(), 0);
	assert_int_equal(order(MKT_SET_POWER, -9999), 0);
	assert_int_equal(applied.value, -4800);
	assert_int_equal(reading(MKT_R_MODE), MKT_MODE_DISCHARGE);
	say("own", "300");
	assert_int_equal(order(MKT_SET_POWER, 0), 0);
	assert_int_equal(box.phys.power_w, 0);
	assert_int_equal(reading(MKT_R_MODE), MKT_MODE_HOLD);
	assert_int_equal(order(MKT_SET_MODE, MKT_MODE_CHARGE), 0);
	assert_int_equal(box.phys.power_w, 4600);
	/* What it would revert to is not to be another set-point. */
	put(box.priv, SS_704_WSetEnaRvrt, 1);
	assert_int_equal(order(MKT_SET_POWER, 1000), 0);
	assert_int_equal(get(box.priv, SS_704_WSetEnaRvrt), 0);
	assert_int_equal(order(MKT_SET_MODE, MKT_MODE_AUTO), 0);
	assert_int_equal(box.phys.power_w, 300);
	pass(240);
	assert_true(reading(MKT_R_ENERGY_IMPORT) >= 20);
	down();
}

/* The revert timer: repeated while an order is held, and running out when nobody repeats it. */
static void watchdogs(void **state)
{
	static const char *const names[] = {"gen24", "hybrid700"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++) {
		begin(names[i], false);
		conf.watchdog_s = 60;
		assert_int_equal(again(drv_sunspec.open), 0);
		assert_int_equal(dev.keepalive_ms, 0);
		assert_int_equal(order(MKT_SET_POWER, 1500), 0);
		assert_int_equal(dev.keepalive_ms, 30000);
		assert_int_equal(pass(200), 0);
		assert_int_equal(box.phys.power_w, 1500);
		/* The line is cut: after a minute at most it is the device's own again. */
		silent = true;
		for (int k = 0; k < 600; k++) {
			mem.now_ms += 100;
			tick(NULL, mem.now_ms);
		}
		assert_int_equal(box.phys.power_w, 0);
		silent = false;
		/* An order that ran out is told, not started again. */
		forget();
		assert_int_equal(drv_sunspec.keepalive(&dev, &err), 0);
		assert_int_equal(writes(), 0);
		assert_int_equal(reading(MKT_R_MODE), MKT_MODE_AUTO);
		assert_int_equal(reading(MKT_R_POWER_LIMIT), 0);
		assert_int_equal(order(MKT_SET_POWER, 1500), 0);
		assert_int_equal(box.phys.power_w, 1500);
		down();
	}
}

/* A driver that begins anew finds what its predecessor left, and starts the timer again. */
static void restart(void **state)
{
	(void)state;
	up("gen24");
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	drv_sunspec.close(&dev);
	forget();
	assert_int_equal(again(drv_sunspec.open), 0);
	assert_int_equal(reading(MKT_R_POWER_LIMIT), 1500);
	assert_int_equal(box.phys.power_w, 1500);
	assert_int_equal(writes(), 0);
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	assert_int_equal(writes(), 2); /* rates and timer, mode */
	assert_int_equal(get(box.priv, SS_124_ChaGriSet), 1);
	assert_int_equal(order(MKT_SET_MODE, MKT_MODE_AUTO), 0);
	assert_int_equal(get(box.priv, SS_124_ChaGriSet), 0); /* as the first one found it */
	down();
}

static void safe_states(void **state)
{
	static const struct {
		const char *model;
		enum mkt_exit_state exit;
		int32_t power_w;
		enum mkt_dev_mode mode;
	} rows[] = {
		{"gen24", MKT_EXIT_AUTO, -700, MKT_MODE_AUTO},
		{"gen24", MKT_EXIT_PAUSE, -700, MKT_MODE_AUTO},
		{"gen24", MKT_EXIT_KEEP, 1500, MKT_MODE_CHARGE},
		{"gen24-norevert", MKT_EXIT_PAUSE, -700, MKT_MODE_AUTO},
		{"hybrid700", MKT_EXIT_AUTO, -700, MKT_MODE_AUTO},
		{"hybrid700", MKT_EXIT_KEEP, 1500, MKT_MODE_CHARGE},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		begin(rows[i].model, false);
		conf.exit = rows[i].exit;
		assert_int_equal(again(drv_sunspec.open), 0);
		say("own", "-700");
		assert_int_equal(order(MKT_SET_POWER, 1500), 0);
		assert_int_equal(again(drv_sunspec.safe_state), 0);
		polled();
		assert_int_equal(box.phys.power_w, rows[i].power_w);
		assert_int_equal(reading(MKT_R_MODE), rows[i].mode);
		down();
	}
}

/* Another set-point waits its turn; what ends one does not. */
static void spacing(void **state)
{
	struct mkt_setpoint more = {MKT_SET_POWER, 2000}, stop = {MKT_SET_POWER, 0};

	(void)state;
	up("hybrid700");
	assert_int_equal(order(MKT_SET_POWER, 1500), 0);
	assert_int_equal(drv_sunspec.command(&dev, &more, &applied, &err), -MKT_EBUSY);
	assert_int_equal(drv_sunspec.command(&dev, &stop, &applied, &err), 0);
	assert_int_equal(box.phys.power_w, 0);
	assert_int_equal(order(MKT_SET_POWER, 2000), 0);
	assert_int_equal(box.phys.power_w, 2000);
	down();
}

static void battery_802(void **state)
{
	(void)state;
	up("battery802");
	assert_int_equal(reading(MKT_R_SOC_MIN), 100);
	assert_int_equal(reading(MKT_R_SOC_MAX), 1000);
	assert_int_equal(reading(MKT_R_PHASES), 1);
	assert_int_equal(reading(MKT_R_VOLTAGE_L1), 230000);
	assert_int_equal(reading(MKT_R_VOLTAGE_L2), INT64_MIN);
	assert_int_equal(order(MKT_SET_POWER, 1000), 0);
	assert_int_equal(dev.keepalive_ms, 1000);
	assert_int_equal(pass(20), 0);
	assert_in_range(get(box.priv, SS_802_CtrlHb), 15, 20);
	assert_int_equal(pass(400), 0);
	assert_int_equal(box.phys.power_w, 1000);

	say("local", "on");
	polled();
	assert_true(dev.caps & MKT_CAP_READ_ONLY);
	assert_false(dev.caps & MKT_CAP_POWER);
	forget();
	assert_int_equal(order(MKT_SET_POWER, 500), -MKT_EDEVREFUSED);
	assert_non_null(strstr(err.text, "local control"));
	assert_int_equal(writes(), 0);
	assert_int_equal(again(drv_sunspec.safe_state), 0);
	say("local", "off");
	polled();
	assert_false(dev.caps & MKT_CAP_READ_ONLY);
	assert_int_equal(order(MKT_SET_POWER, 500), 0);
	down();
}

/* Somebody else limits the AC output: what can be discharged is told. */
static void caps_of_others(void **state)
{
	static const char *const names[] = {"gen24", "hybrid700"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++) {
		up(names[i]);
		say("cap", "3000"); /* 30 % of 5000 W */
		assert_int_equal(order(MKT_SET_POWER, -2500), 0);
		assert_int_equal(applied.value, -1500);
		assert_int_equal(reading(MKT_R_POWER_DISCHARGE_MAX), 1500);
		say("cap", "0");
		pass(30);
		assert_int_equal(reading(MKT_R_POWER_DISCHARGE_MAX), 0);
		assert_int_equal(order(MKT_SET_POWER, -2500), -MKT_EDEVUNSUPPORTED);
		down();
	}
}

static void refusals(void **state)
{
	(void)state;
	up("gen24");
	refuse_next = 6; /* busy: asked again after a second */
	polled();
	refuse_next = 4;
	polled();
	refuse_next = 1;
	assert_int_equal(drv_sunspec.poll(&dev, &err), -MKT_EDEVREFUSED);
	polled();
	silent = true;
	assert_int_equal(drv_sunspec.poll(&dev, &err), -MKT_EDEVTIMEOUT);
	assert_int_equal(order(MKT_SET_POWER, 1000), -MKT_EDEVTIMEOUT);
	silent = false;
	/* The models have moved: nothing is written. */
	forget();
	((struct device *)box.priv)->r[((struct device *)box.priv)->m[4].at] = 160;
	assert_int_equal(order(MKT_SET_POWER, 1000), -MKT_EDEVIDENTITY);
	assert_int_equal(writes(), 0);
	down();

	up("pv");
	assert_int_equal(order(MKT_SET_POWER, 1000), -MKT_EDEVUNSUPPORTED);
	assert_int_equal(again(drv_sunspec.safe_state), 0);
	down();
}

/* The answer to a write is lost: what is read back tells whether it was done. */
static void lost_answers(void **state)
{
	(void)state;
	up("hybrid700");
	lose_writes = 1;
	assert_int_equal(order(MKT_SET_POWER, 1000), 0);
	assert_int_equal(box.phys.power_w, 1000);
	down();

	up("gen24");
	lose_writes = 1;
	((struct device *)box.priv)->local = true; /* and it was not */
	assert_int_equal(order(MKT_SET_POWER, 1000), -MKT_EDEVTIMEOUT);
	lose_writes = 0;
	assert_int_equal(order(MKT_SET_POWER, 1000), -MKT_EDEVUNCONFIRMED);
	assert_non_null(strstr(err.text, "read back"));
	((struct device *)box.priv)->local = false;
	assert_int_equal(order(MKT_SET_POWER, 1000), 0);
	down();
}

/*
 * Orders on a line that loses, spoils and delays: who hears "done" has it, and what
 * was read is what is.
 */
static void orders_under_faults(void **state)
{
	static const char *const names[] = {"gen24", "hybrid700"};
	struct rng rng = rng_start("sunspec_driver");
	unsigned done = 0, read = 0;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++) {
		up(names[i]);
		faults = &rng;
		for (int k = 0; k < 150; k++) {
			int32_t w = (int32_t)rng_below(&rng, 9001) - 4500;
			bool mode = rng_below(&rng, 5) == 0;
			int rc =
				mode ? order(MKT_SET_MODE, MKT_MODE_AUTO) : order(MKT_SET_POWER, w);

			if (rc == 0 && !mode) {
				assert_in_range(applied.value - w + 1, 0, 2); /* steps of 0.5 W */
				assert_in_range(box.phys.setpoint_w - w + 1, 0, 2);
			}
			if (rc == 0 && mode)
				assert_int_equal(box.phys.setpoint_w, 0);
			done += rc == 0;
			mem.now_ms += rng_below(&rng, 5000);
			if (drv_sunspec.poll(&dev, &err) < 0)
				continue;
			read++;
			assert_int_equal(reading(MKT_R_POWER), box.phys.power_w);
			sim_phys_soc_set(&box.phys, 500);
		}
		faults = NULL;
		polled();
		down();
	}
	printf("%u of 300 orders done, %u polls read\n", done, read);
	assert_true(done > 100 && read > 100);
}

/* Another master sets another mode: reported, and not fought. */
static void other_master(void **state)
{
	(void)state;
	begin("gen24", false);
	conf.watchdog_s = 20;
	assert_int_equal(again(drv_sunspec.open), 0);
	assert_int_equal(order(MKT_SET_POWER, 1000), 0);
	say("foreign", "0");
	forget();
	assert_int_equal(pass(30), 0);
	assert_int_equal(writes(), 0);
	assert_int_equal(reading(MKT_R_POWER_LIMIT), 0);
	assert_int_equal(reading(MKT_R_MODE), MKT_MODE_AUTO);
	down();
}

static void nobody(void **state)
{
	struct mkt_identity id;

	(void)state;
	begin("gen24", false);
	silent = true;
	assert_int_equal(again(drv_sunspec.open), -MKT_EDEVTIMEOUT);
	drv_sunspec.close(&dev);
	assert_int_equal(drv_sunspec.probe(&mem, &conf, &id, &err), 0);
	silent = false;
	assert_int_equal(drv_sunspec.probe(&mem, &conf, &id, &err), 1);
	assert_string_equal(id.model, "GEN24 5.0");
	((struct device *)box.priv)->r[0] = 0x1234;
	assert_int_equal(drv_sunspec.probe(&mem, &conf, &id, &err), 0);
	assert_int_equal(again(drv_sunspec.open), -MKT_EDEVIDENTITY);
	assert_non_null(strstr(err.text, "SunS"));
	down();
}

static void over_tcp(void **state)
{
	(void)state;
	begin("hybrid700@0", true);
	assert_int_equal(again(drv_sunspec.open), 0);
	/* The probe of the reference, at another base afterwards. */
	assert_non_null(strstr(frames, "> 00 01 00 00 00 06 01 03 9C 40 00 03\n"));
	assert_int_equal(order(MKT_SET_POWER, 1234), 0);
	assert_int_equal(box.phys.power_w, 1234);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),	   cmocka_unit_test(readings),
		cmocka_unit_test(meters),	   cmocka_unit_test(roll_over),
		cmocka_unit_test(logical_devices), cmocka_unit_test(control_124),
		cmocka_unit_test(control_704),	   cmocka_unit_test(watchdogs),
		cmocka_unit_test(restart),	   cmocka_unit_test(safe_states),
		cmocka_unit_test(spacing),	   cmocka_unit_test(battery_802),
		cmocka_unit_test(caps_of_others),  cmocka_unit_test(refusals),
		cmocka_unit_test(other_master),	   cmocka_unit_test(orders_under_faults),
		cmocka_unit_test(lost_answers),	   cmocka_unit_test(nobody),
		cmocka_unit_test(over_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
