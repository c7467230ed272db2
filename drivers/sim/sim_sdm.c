/*
 * Simulated Eastron SDM meters.  What they measure is the physics behind them: a
 * vehicle, or with --battery a battery; it charges at once.
 *
 * --model sdm630 (unless given), sdm120 (one phase; registers of the others are
 * refused) or sdm120-zero (they read 0).  Verb of its own: power w=N [out=1] sets
 * what flows (of a battery: out=1 into the grid).
 */
#include "core/base/compat.h"

#include "drivers/modbus.h" /* float32 */
#include "drivers/sim/rtu.h"

#define HERTZ_M 50000
#define REGISTERS_MAX 60

struct meter {
	struct sim_rtu rtu; /* of the line: the first meter's is used */
	bool one, zero;
};

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	struct meter *m = calloc(1, sizeof(*m));

	(void)s;
	if (!m)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = m;
	m->zero = model && !strcmp(model, "sdm120-zero");
	m->one = m->zero || (model && !strcmp(model, "sdm120"));
	if (model && !m->one && strcmp(model, "sdm630") != 0)
		return mkt_err_set(err, MKT_EUSAGE, "--model '%s': sdm630, sdm120 or sdm120-zero",
				   model);
	if (m->one)
		d->phys.phases = 1;
	sim_phys_limit(&d->phys, d->phys.vehicle_max_ma);
	sim_phys_relay(&d->phys, true);
	return 0;
}

/* ---- registers ------------------------------------------------------------------------------- */

/* A value of one of three phases: @first of the first. */
static uint32_t phase_value(const struct sim_device *d, uint16_t first)
{
	int32_t w = d->phys.power_w / d->phys.phases;

	switch (first) {
	case 0x00:
		return drv_f32_of(d->phys.voltage_mv, 3);
	case 0x06:
		return drv_f32_of(sim_phys_current_ma(&d->phys), 3);
	case 0x0C:
		return drv_f32_of(w, 0);
	case 0x12:
		return drv_f32_of(w < 0 ? -w : w, 0);
	case 0x1E:
		return drv_f32_of(1, 0);
	default:
		return 0; /* var */
	}
}

static bool value(const struct sim_device *d, uint16_t addr, uint32_t *v)
{
	const struct meter *m = d->priv;
	int64_t import = (int64_t)sim_phys_import_wh(&d->phys);
	int64_t export = (int64_t)sim_phys_export_wh(&d->phys);

	*v = 0;
	if (addr < 0x24) {
		unsigned phase = addr / 2 % 3;

		if (phase < d->phys.phases)
			*v = phase_value(d, (uint16_t)(addr - 2 * phase));
		return !m->one || m->zero || phase == 0;
	}
	switch (addr) {
	case 0x34:
		*v = m->one ? 0 : drv_f32_of(d->phys.power_w, 0);
		return !m->one || m->zero;
	case 0x46:
		*v = drv_f32_of(HERTZ_M, 3);
		return true;
	case 0x48:
		*v = drv_f32_of(import, 3);
		return true;
	case 0x4A:
		*v = drv_f32_of(export, 3);
		return true;
	case 0x156:
		*v = drv_f32_of(import + export, 3);
		return true;
	default:
		return !m->one && addr < 0x158; /* what is not simulated reads 0 */
	}
}

static int meter_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		      uint16_t *out)
{
	(void)s;
	if (holding) {
		if (addr != 0xFC00 || n != 2)
			return SIM_RTU_ADDRESS;
		sim_rtu_put32(out, 21000000u + d->unit);
		return 0;
	}
	if (n > REGISTERS_MAX)
		return SIM_RTU_VALUE;
	if (addr % 2 || n % 2)
		return SIM_RTU_ADDRESS;
	for (uint16_t i = 0; i < n; i = (uint16_t)(i + 2)) {
		uint32_t v;

		if (!value(d, (uint16_t)(addr + i), &v))
			return SIM_RTU_ADDRESS;
		sim_rtu_put32(out + i, v);
	}
	return 0;
}

static int meter_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		       const uint16_t *values)
{
	(void)s;
	(void)d;
	(void)single;
	(void)addr;
	(void)n;
	(void)values;
	return SIM_RTU_FAILURE; /* wants its button pressed */
}

/* ---- the protocol ---------------------------------------------------------------------------- */

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	(void)s;
	(void)real_ms;
	return UINT64_MAX;
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	uint64_t w, out = 0;

	(void)s;
	if (strcmp(verb, "power") != 0 || !sim_arg(rest, "w", &w) || w > 1000000)
		return false;
	(void)sim_arg(rest, "out", &out);
	sim_phys_power(&d->phys, out ? -(int32_t)w : (int32_t)w);
	return true;
}

static const struct sim_rtu_calls meter_calls = {.read = meter_read, .write = meter_write};

static struct sim_rtu *line(struct sim *s)
{
	struct meter *first = sim_at(s, 0)->priv;

	return &first->rtu;
}

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	sim_rtu_input(line(s), s, &meter_calls, bytes, n, real_ms);
}

static void opened(struct sim *s)
{
	sim_rtu_opened(line(s));
}

const struct sim_protocol sim_protocol = {
	.name = "sdm",
	.summary = "Eastron SDM meters on a bus",
	.kind = MKT_DEV_METER,
	.units = 32,
	.tcp = true,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
	.opened = opened,
};
