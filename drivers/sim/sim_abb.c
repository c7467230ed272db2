/*
 * Simulated ABB Terra AC chargers.
 *
 * --model FIRMWARE, "1.6.5" unless given.  Verbs of its own: reboot; error
 * code=N (0: none); manager max=MA (its own load management; 0: no more); poke
 * ma=N (the app sets another limit); slow ms=N (time until a limit is in force).
 */
#include "core/base/compat.h"

#include "drivers/sim/rtu.h"

#define MAX_MA 32000
#define TIMEOUT_S 60
#define BOOT_MS 2000
#define SLOW_MS 2000

struct box {
	struct sim_rtu rtu; /* of the line: the first box's is used */
	uint8_t version[3];
	uint32_t error, set_ma, force_ma, manager_ma, slow_ms;
	uint16_t timeout_s;
	bool stopped;			       /* the master was lost: the session is over */
	uint64_t heard_ms, boot_ms, change_ms; /* real */
};

static void defaults(struct box *b)
{
	b->set_ma = b->force_ma = MAX_MA;
	b->timeout_s = TIMEOUT_S;
	b->stopped = false;
	b->change_ms = UINT64_MAX;
}

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	struct box *b = calloc(1, sizeof(*b));
	uint8_t v[3] = {1, 6, 5};
	const char *rest = model ? sim_rtu_version(model, 3, v) : "";

	if (!b)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = b;
	if (!rest || *rest)
		return mkt_err_set(err, MKT_EUSAGE, "--model '%s': a firmware as 1.6.5", model);
	memcpy(b->version, v, 3);
	b->slow_ms = sim_takes_ms(s, SLOW_MS);
	b->heard_ms = sim_real_ms();
	defaults(b);
	return 0;
}

static uint32_t in_force(const struct box *b)
{
	if (b->manager_ma && b->force_ma > b->manager_ma)
		return b->manager_ma;
	return b->force_ma;
}

static void apply(struct sim_device *d)
{
	const struct box *b = d->priv;
	uint32_t ma = b->stopped || b->error || in_force(b) < 6000 ? 0 : in_force(b);

	if (d->phys.limit_ma == ma && d->phys.relay == (ma != 0))
		return;
	sim_phys_limit(&d->phys, ma);
	sim_phys_relay(&d->phys, ma != 0);
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint32_t state(const struct sim_device *d)
{
	const struct box *b = d->priv;

	if (!d->phys.plugged)
		return 0;
	if (b->stopped)
		return 5u << 8;
	if (!d->phys.limit_ma || sim_phys_soc(&d->phys) >= 1000)
		return 2u << 8;
	return 4u << 8 | (d->phys.limit_ma < MAX_MA ? 0x8000u : 0);
}

static uint32_t value32(const struct sim_device *d, uint16_t index)
{
	const struct box *b = d->priv;
	bool connected = (index - 8) % 3 < d->phys.phases;

	switch (index) {
	case 2:
		return (uint32_t)b->version[0] << 24 | (uint32_t)b->version[1] << 16 |
		       (uint32_t)b->version[2] << 8;
	case 3:
		return MAX_MA;
	case 4:
		return b->error;
	case 5:
		return d->phys.plugged ? 0x0111 : 0;
	case 6:
		return state(d);
	case 7:
		return in_force(b);
	case 8:
	case 9:
	case 10:
		return connected ? sim_phys_current_ma(&d->phys) : 0;
	case 11:
	case 12:
	case 13:
		return connected ? d->phys.voltage_mv / 100 : 0;
	case 14:
		return (uint32_t)d->phys.power_w;
	default:
		return (uint32_t)sim_phys_session_wh(&d->phys);
	}
}

static int box_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		    uint16_t *out)
{
	const struct box *b = d->priv;
	uint16_t r32[2], serial[4];

	(void)s;
	(void)holding; /* functions 3 and 4 do the same */
	if (addr < 0x4000 || addr + n > 0x4021)
		return SIM_RTU_ADDRESS;
	sim_rtu_text(serial, 4, "TACW0001");
	serial[3] = (uint16_t)(serial[3] + d->unit - 1);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(addr - 0x4000 + i);

		sim_rtu_put32(r32, value32(d, at / 2));
		out[i] = at < 4 ? serial[at] : at == 0x20 ? b->timeout_s : r32[at % 2];
	}
	return 0;
}

static int box_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		     const uint16_t *values)
{
	struct box *b = d->priv;
	uint32_t ma;

	(void)s;
	(void)single;
	if (addr == 0x4106 && n == 1) {
		b->timeout_s = values[0];
		return 0;
	}
	if (addr != 0x4100 || n != 2)
		return SIM_RTU_ADDRESS;
	ma = (uint32_t)values[0] << 16 | values[1];
	if (ma > MAX_MA)
		return SIM_RTU_VALUE;
	b->set_ma = ma;
	b->change_ms = sim_real_ms() + b->slow_ms;
	return 0;
}

static bool heard(struct sim *s, struct sim_device *d, uint64_t real_ms)
{
	struct box *b = d->priv;

	(void)s;
	(void)d;
	if (real_ms < b->boot_ms)
		return false;
	b->heard_ms = real_ms;
	b->stopped = false; /* polled again */
	return true;
}

/* ---- time and verbs -------------------------------------------------------------------------- */

static uint64_t tick_box(struct sim_device *d, uint64_t real_ms)
{
	struct box *b = d->priv;
	uint64_t trip_ms = b->heard_ms + b->timeout_s * 1000u, next = b->change_ms;

	if (real_ms >= b->change_ms) {
		b->force_ma = b->set_ma;
		b->change_ms = next = UINT64_MAX;
	}
	if (b->timeout_s && real_ms >= trip_ms)
		b->stopped = true;
	apply(d);
	return b->timeout_s && !b->stopped && trip_ms < next ? trip_ms : next;
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < sim_count(s); i++) {
		uint64_t at = tick_box(sim_unit(s, sim_at(s, i)->unit), real_ms);

		next = at < next ? at : next;
	}
	return next;
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	struct box *b = d->priv;
	uint64_t value = 0;

	(void)s;
	if (!strcmp(verb, "reboot")) {
		defaults(b);
		b->boot_ms = b->heard_ms = sim_real_ms() + BOOT_MS;
	} else if (!strcmp(verb, "error") && sim_arg(rest, "code", &value)) {
		b->error = (uint32_t)value;
	} else if (!strcmp(verb, "manager") && sim_arg(rest, "max", &value)) {
		b->manager_ma = (uint32_t)value;
	} else if (!strcmp(verb, "poke") && sim_arg(rest, "ma", &value)) {
		b->set_ma = b->force_ma = (uint32_t)value;
	} else if (!strcmp(verb, "slow") && sim_arg(rest, "ms", &value)) {
		b->slow_ms = (uint32_t)value;
	} else {
		return false;
	}
	apply(d);
	return true;
}

static const struct sim_rtu_calls box_calls = {
	.read = box_read, .write = box_write, .heard = heard};

static struct sim_rtu *line(struct sim *s)
{
	struct box *first = sim_at(s, 0)->priv;

	return &first->rtu;
}

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	sim_rtu_input(line(s), s, &box_calls, bytes, n, real_ms);
}

static void opened(struct sim *s)
{
	sim_rtu_opened(line(s));
}

const struct sim_protocol sim_protocol = {
	.name = "abb",
	.summary = "ABB Terra AC chargers on a bus",
	.kind = MKT_DEV_EVSE,
	.units = 32,
	.tcp = true,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
	.opened = opened,
};
