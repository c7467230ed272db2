/*
 * Simulated Heidelberg Energy Control chargers, up to 15 on a bus.
 *
 * --model LAYOUT, "1.0.8" unless given.  Verbs of its own: reboot; sleep (standby, if
 * it is enabled); ext-lock on|off; error on|off; manager max=MA (its own load
 * management holds the current down; 0: no more); poke addr=N value=N (somebody
 * else writes); singly on|off (blocks over 258 and 260 are refused).
 */
#include "core/base/compat.h"

#include "drivers/sim/rtu.h"

#define WATCHDOG_MS 15000
#define STANDBY_MS (12 * 60 * 1000) /* without a vehicle */
#define BOOT_MS 2000
#define RECOVER_MS 2000 /* from the first request after a lost master */
#define HARDWARE_MAX 160
#define HARDWARE_MIN 60
#define TEMPERATURE 325

enum { WATCHDOG = 257, STANDBY, LOCK, FREE_260, CURRENT, FAILSAFE };

struct box {
	struct sim_rtu rtu; /* of the line: the first box's is used */
	uint16_t layout;
	uint16_t watchdog_ms, standby, lock, current, failsafe;
	uint16_t manager; /* 0.1 A; 0: none */
	bool ext_locked, error, singly;
	bool tripped; /* the master is lost */
	bool asleep;
	uint64_t heard_ms, recover_ms, boot_ms, idle_ms; /* real */
	uint64_t on_wh;					 /* counter at power on */
};

static void defaults(struct box *b)
{
	b->watchdog_ms = WATCHDOG_MS;
	b->standby = 0;
	b->lock = 1;
	b->current = HARDWARE_MAX;
	b->failsafe = 0;
}

static uint16_t in_force(const struct box *b)
{
	uint16_t current = b->tripped ? b->failsafe : b->current;

	if (b->manager && current > b->manager)
		current = b->manager;
	return b->ext_locked || !b->lock || b->error || current < HARDWARE_MIN ? 0 : current;
}

static void apply(struct sim_device *d)
{
	const struct box *b = d->priv;
	uint32_t ma = in_force(b) * 100u;

	if (d->phys.limit_ma == ma && d->phys.relay == (ma != 0))
		return;
	sim_phys_limit(&d->phys, ma);
	sim_phys_relay(&d->phys, ma != 0);
}

static uint16_t state(const struct sim_device *d)
{
	const struct box *b = d->priv;
	bool allowed = in_force(b) != 0, full = sim_phys_soc(&d->phys) >= 1000;

	if (b->error || (b->tripped && !b->failsafe))
		return 11;
	if (b->ext_locked || !b->lock)
		return 10;
	if (!d->phys.plugged)
		return allowed ? 3 : 2;
	if (full && !d->phys.power_w)
		return allowed ? 5 : 4;
	return allowed ? 7 : 6;
}

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	struct box *b = calloc(1, sizeof(*b));
	uint8_t v[3] = {1, 0, 8};
	const char *rest = model ? sim_rtu_version(model, 3, v) : "";

	(void)s;
	if (!b)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = b;
	if (!rest || *rest || v[1] > 15 || v[2] > 15)
		return mkt_err_set(err, MKT_EUSAGE, "--model '%s': a layout as 1.0.8", model);
	b->layout = (uint16_t)(v[0] << 8 | v[1] << 4 | v[2]);
	b->heard_ms = b->idle_ms = sim_real_ms();
	defaults(b);
	return 0;
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint16_t input_register(const struct sim_device *d, uint16_t addr)
{
	const struct box *b = d->priv;
	uint64_t wh = sim_phys_import_wh(&d->phys);
	uint16_t r32[2];

	switch (addr) {
	case 4:
		return b->layout;
	case 5:
		return state(d);
	case 6:
	case 7:
	case 8:
		return addr - 6 < d->phys.phases
			       ? (uint16_t)(sim_phys_current_ma(&d->phys) / 100)
			       : 0;
	case 9:
		return TEMPERATURE;
	case 10:
	case 11:
	case 12:
		return addr - 10 < d->phys.phases ? (uint16_t)(d->phys.voltage_mv / 1000) : 3;
	case 13:
		return !b->ext_locked;
	case 14:
		return (uint16_t)d->phys.power_w;
	case 15:
	case 16:
		sim_rtu_put32(r32, (uint32_t)(wh - b->on_wh));
		return r32[addr - 15];
	case 17:
	case 18:
		sim_rtu_put32(r32, (uint32_t)wh);
		return r32[addr - 17];
	case 100:
		return HARDWARE_MAX / 10;
	case 101:
		return HARDWARE_MIN / 10;
	case 200:
		return 1;
	default:
		return 108; /* 203: software */
	}
}

static bool input_known(const struct box *b, uint16_t addr)
{
	return (addr >= 4 && addr <= (b->layout >= 0x0107 ? 18 : 16)) || addr == 100 ||
	       addr == 101 || addr == 200 || addr == 203;
}

static uint16_t *holding_register(struct box *b, uint16_t addr)
{
	switch (addr) {
	case WATCHDOG:
		return &b->watchdog_ms;
	case STANDBY:
		return &b->standby;
	case LOCK:
		return &b->lock;
	case CURRENT:
		return b->layout >= 0x0107 ? &b->current : NULL;
	case FAILSAFE:
		return b->layout >= 0x0107 ? &b->failsafe : NULL;
	default:
		return NULL;
	}
}

/* 258 and 260 are not for reading; a block that has them in its midst is, in most boxes. */
static bool holding_value(struct box *b, uint16_t addr, bool block, uint16_t *v)
{
	const uint16_t *r = holding_register(b, addr);

	if (b->singly && (addr == STANDBY || addr == FREE_260))
		return false;
	*v = r ? *r : 0;
	return r || (block && addr == FREE_260);
}

static int box_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		    uint16_t *out)
{
	(void)s;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(addr + i);

		if (holding ? !holding_value(d->priv, at, n > 1, &out[i])
			    : !input_known(d->priv, at))
			return SIM_RTU_ADDRESS;
		if (!holding)
			out[i] = input_register(d, at);
	}
	return 0;
}

static int check(uint16_t addr, uint16_t value)
{
	switch (addr) {
	case STANDBY:
		return value == 0 || value == 4 ? 0 : SIM_RTU_VALUE;
	case LOCK:
		return value <= 1 ? 0 : SIM_RTU_VALUE;
	case CURRENT:
	case FAILSAFE:
		return !value || (value >= HARDWARE_MIN && value <= HARDWARE_MAX) ? 0
										   : SIM_RTU_VALUE;
	default:
		return 0;
	}
}

static int box_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		     const uint16_t *values)
{
	struct box *b = d->priv;

	(void)s;
	(void)single;
	for (uint16_t i = 0; i < n; i++) {
		if (!holding_register(b, (uint16_t)(addr + i)))
			return SIM_RTU_ADDRESS;
		if (check((uint16_t)(addr + i), values[i]))
			return SIM_RTU_VALUE;
	}
	for (uint16_t i = 0; i < n; i++)
		*holding_register(b, (uint16_t)(addr + i)) = values[i];
	if (b->ext_locked)
		b->lock = 0;
	if (b->manager && b->current > b->manager)
		b->current = b->manager;
	apply(d);
	return 0;
}

static bool heard(struct sim *s, struct sim_device *d, uint64_t real_ms)
{
	struct box *b = d->priv;

	(void)s;
	if (real_ms < b->boot_ms)
		return false;
	b->heard_ms = real_ms;
	if (b->tripped && !b->recover_ms)
		b->recover_ms = real_ms + RECOVER_MS;
	if (b->asleep) { /* woken by what it does not answer */
		b->asleep = false;
		defaults(b);
		b->idle_ms = real_ms;
		return false;
	}
	return true;
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t tick_box(struct sim_device *d, uint64_t real_ms)
{
	struct box *b = d->priv;
	uint64_t trip_ms = b->heard_ms + b->watchdog_ms, next = UINT64_MAX;

	if (b->watchdog_ms && !b->tripped && real_ms >= trip_ms) {
		b->tripped = true;
		b->recover_ms = 0;
	}
	if (b->tripped && b->recover_ms && real_ms >= b->recover_ms)
		b->tripped = false;
	if (d->phys.plugged || b->standby)
		b->idle_ms = real_ms;
	if (real_ms >= b->idle_ms + STANDBY_MS)
		b->asleep = true;
	apply(d);
	if (b->watchdog_ms && !b->tripped)
		next = trip_ms;
	if (b->tripped && b->recover_ms)
		next = b->recover_ms;
	return next;
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < sim_count(s); i++) {
		struct sim_device *d = sim_unit(s, sim_at(s, i)->unit);
		uint64_t at = tick_box(d, real_ms);

		next = at < next ? at : next;
	}
	return next;
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static void reboot(struct sim_device *d)
{
	struct box *b = d->priv;

	defaults(b);
	b->tripped = b->asleep = false;
	b->boot_ms = sim_real_ms() + BOOT_MS;
	b->heard_ms = b->boot_ms;
	b->on_wh = sim_phys_import_wh(&d->phys);
}

static bool on_off(bool *flag, const char *rest)
{
	*flag = !strcmp(rest, "on");
	return *flag || !strcmp(rest, "off");
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	struct box *b = d->priv;
	uint64_t value, addr;
	bool known = true;

	(void)s;
	if (!strcmp(verb, "reboot")) {
		reboot(d);
	} else if (!strcmp(verb, "sleep")) {
		b->asleep = b->standby == 0;
	} else if (!strcmp(verb, "ext-lock")) {
		known = on_off(&b->ext_locked, rest);
	} else if (!strcmp(verb, "error")) {
		known = on_off(&b->error, rest);
	} else if (!strcmp(verb, "singly")) {
		known = on_off(&b->singly, rest);
	} else if (!strcmp(verb, "manager") && sim_arg(rest, "max", &value)) {
		b->manager = (uint16_t)(value / 100);
		if (b->manager && b->current > b->manager)
			b->current = b->manager;
	} else if (!strcmp(verb, "poke") && sim_arg(rest, "addr", &addr) &&
		   sim_arg(rest, "value", &value)) {
		uint16_t v = (uint16_t)value;

		known = box_write(s, d, true, (uint16_t)addr, 1, &v) == 0;
	} else {
		known = false;
	}
	apply(d);
	return known;
}

/* ---- the protocol ---------------------------------------------------------------------------- */

static const struct sim_rtu_calls calls = {.read = box_read, .write = box_write, .heard = heard};

static struct sim_rtu *line(struct sim *s)
{
	struct box *first = sim_at(s, 0)->priv;

	return &first->rtu;
}

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	sim_rtu_input(line(s), s, &calls, bytes, n, real_ms);
}

static void opened(struct sim *s)
{
	sim_rtu_opened(line(s));
}

const struct sim_protocol sim_protocol = {
	.name = "heidelberg",
	.summary = "Heidelberg Energy Control chargers on a bus",
	.kind = MKT_DEV_EVSE,
	.units = 15,
	.tcp = true,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
	.opened = opened,
};
