/*
 * Simulated Mennekes AMTRON Compact 2.0s chargers.
 *
 * --model LAYOUT[-low], "1.3" unless given; with "-low" the low words of 32 bit
 * numbers come first.  Verbs of its own: reboot; error code=N (0: none); installed
 * ma=N (its installation limit); poke ma=N (somebody else's limit; 0: none).
 */
#include "core/base/compat.h"

#include "drivers/modbus.h" /* float32 */
#include "drivers/sim/rtu.h"

#define CHARGER_MA 32000
#define INSTALLED_MA 16000
#define HEARTBEAT_MS 10000
#define CHANGE_MS 5000 /* limits that come sooner are not taken */
#define BOOT_MS 2000

struct box {
	struct sim_rtu rtu; /* of the line: the first box's is used */
	uint16_t layout, failsafe, release, phases, locked, error;
	bool low_first, lost; /* lost: the master */
	uint32_t limit_ma, installed_ma, spacing_ms;
	uint64_t beat_ms, boot_ms, change_ms, plugged_ms; /* real */
};

static void defaults(struct box *b)
{
	b->release = 0;
	b->limit_ma = 0;
	b->phases = b->locked = 0;
	b->lost = false;
	b->change_ms = 0;
}

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	struct box *b = calloc(1, sizeof(*b));
	uint8_t v[2] = {1, 3};
	const char *rest = model ? sim_rtu_version(model, 2, v) : "";

	if (!b)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = b;
	if (!rest || (*rest && strcmp(rest, "-low") != 0))
		return mkt_err_set(err, MKT_EUSAGE, "--model '%s': a layout as 1.3 or 1.3-low",
				   model);
	b->layout = (uint16_t)(v[0] << 8 | v[1]);
	b->low_first = *rest != 0;
	b->installed_ma = INSTALLED_MA;
	b->spacing_ms = sim_takes_ms(s, CHANGE_MS);
	b->beat_ms = sim_real_ms();
	defaults(b);
	return 0;
}

static uint32_t all_limits(const struct box *b)
{
	uint32_t ma = b->installed_ma < CHARGER_MA ? b->installed_ma : CHARGER_MA;
	uint32_t failsafe = b->failsafe >= 6 ? b->failsafe * 1000u : 0;

	if (b->lost && b->failsafe)
		return failsafe < ma ? failsafe : ma;
	return b->limit_ma && b->limit_ma < ma ? b->limit_ma : ma;
}

static void apply(struct sim_device *d)
{
	const struct box *b = d->priv;
	uint32_t ma = all_limits(b);

	if (ma < 6000 || !b->release || b->error)
		ma = 0;
	if (d->phys.limit_ma == ma && d->phys.relay == (ma != 0))
		return;
	sim_phys_limit(&d->phys, ma);
	sim_phys_relay(&d->phys, ma != 0);
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint16_t state(const struct sim_device *d)
{
	const struct box *b = d->priv;

	if (b->error)
		return 6;
	if (!d->phys.plugged)
		return 1;
	if (!d->phys.limit_ma)
		return 2;
	return d->phys.power_w ? 5 : 4;
}

static uint16_t pilot(const struct sim_device *d)
{
	if (!d->phys.plugged)
		return d->phys.limit_ma ? 26 : 10;
	if (!d->phys.limit_ma)
		return 11;
	return sim_phys_soc(&d->phys) >= 1000 ? 27 : 28;
}

/* The 32 bit value at an even distance of its block; false: none there. */
static bool value32(const struct sim_device *d, uint16_t addr, uint32_t *v)
{
	const struct box *b = d->priv;
	unsigned i = (addr - 0x0500u) / 2, phase = i % 3;
	bool connected = phase < d->phys.phases;
	uint32_t ma = sim_phys_current_ma(&d->phys);

	switch (addr) {
	case 0x0114:
		*v = drv_f32_of(d->phys.limit_ma, 3);
		return true;
	case 0x0302:
		*v = drv_f32_of(b->limit_ma, 3);
		return true;
	case 0x0304:
		*v = drv_f32_of(b->installed_ma, 3);
		return true;
	case 0x0306:
		*v = drv_f32_of(CHARGER_MA, 3);
		return true;
	case 0x0512:
		*v = drv_f32_of(d->phys.power_w, 0);
		return true;
	case 0x0900:
		*v = drv_f32_of(385, 1);
		return true;
	case 0x0B00:
		*v = drv_f32_of(all_limits(b), 3);
		return true;
	case 0x0B02:
		*v = drv_f32_of((int64_t)sim_phys_session_wh(&d->phys), 3);
		return true;
	case 0x0B04:
		*v = d->phys.plugged ? (uint32_t)((sim_real_ms() - b->plugged_ms) / 1000) : 0;
		return true;
	case 0x1000:
		*v = drv_f32_of((int64_t)sim_phys_import_wh(&d->phys), 3);
		return true;
	default:
		break;
	}
	if (addr < 0x0500 || addr > 0x0510 || addr % 2)
		return false;
	if (i < 3)
		*v = drv_f32_of(connected ? ma : 0, 3);
	else if (i < 6)
		*v = drv_f32_of(connected ? d->phys.voltage_mv : 0, 3);
	else
		*v = drv_f32_of(connected ? d->phys.power_w / d->phys.phases : 0, 0);
	return true;
}

static bool value16(const struct sim_device *d, uint16_t addr, uint16_t *v)
{
	const struct box *b = d->priv;
	uint16_t text[16];

	if (addr >= 0x0001 && addr <= 0x0010) {
		sim_rtu_text(text, 16, "5.33");
		*v = text[addr - 0x0001];
		return true;
	}
	if (addr >= 0x0013 && addr <= 0x0022) {
		sim_rtu_text(text, 16, "134000001.00001");
		text[7] = (uint16_t)(text[7] + ((d->unit - 1) << 8));
		*v = text[addr - 0x0013];
		return true;
	}
	switch (addr) {
	case 0x0000:
		*v = b->layout;
		return true;
	case 0x0100:
		*v = state(d);
		return true;
	case 0x0101:
		*v = b->release ? 1 : 2;
		return true;
	case 0x0108:
		*v = pilot(d);
		return true;
	case 0x030C:
		*v = d->phys.phases == 1 ? 0 : 2;
		return true;
	case 0x030E:
		*v = b->failsafe;
		return true;
	case 0x0314:
		*v = 30;
		return true;
	case 0x073A:
		*v = b->failsafe;
		return b->layout >= 0x0103;
	case 0x0D02:
	case 0x0D06:
		*v = b->locked;
		return true;
	case 0x0D04:
		*v = b->phases;
		return true;
	case 0x0D05:
		*v = b->release;
		return true;
	case 0x0E00:
		*v = b->error;
		return true;
	case 0x0E01:
		*v = b->lost;
		return true;
	default:
		return false;
	}
}

static int box_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		    uint16_t *out)
{
	const struct box *b = d->priv;

	(void)s;
	if (!holding)
		return SIM_RTU_FUNCTION;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(addr + i);
		uint32_t v;

		if (value16(d, at, &out[i]))
			continue;
		if (i + 1 == n || !value32(d, at, &v))
			return SIM_RTU_ADDRESS;
		sim_rtu_put32(out + i, b->low_first ? v << 16 | v >> 16 : v);
		i++;
	}
	return 0;
}

static int write_limit(struct box *b, const uint16_t *values)
{
	uint32_t bits = b->low_first ? (uint32_t)values[1] << 16 | values[0] : drv_be32(values);
	int64_t ma;

	if (!drv_f32_scaled(bits, 3, &ma) || ma < 0 || ma > CHARGER_MA)
		return SIM_RTU_VALUE;
	if (sim_real_ms() < b->change_ms)
		return 0; /* too soon: answered, not taken */
	b->limit_ma = (uint32_t)ma;
	b->change_ms = sim_real_ms() + b->spacing_ms;
	return 0;
}

static int write_one(struct box *b, uint16_t addr, uint16_t v)
{
	switch (addr) {
	case 0x0D00:
		if (v != 0x55AA)
			return SIM_RTU_VALUE;
		b->beat_ms = sim_real_ms();
		b->lost = false;
		return 0;
	case 0x0D04:
		if (b->release || v > 1)
			return SIM_RTU_VALUE;
		b->phases = v;
		return 0;
	case 0x0D05:
	case 0x0D06:
		if (v > 1)
			return SIM_RTU_VALUE;
		*(addr == 0x0D05 ? &b->release : &b->locked) = v;
		return 0;
	case 0x073A:
		if (b->layout < 0x0103)
			return SIM_RTU_ADDRESS;
		if (v > 32 || (v > 1 && v < 6))
			return SIM_RTU_VALUE;
		b->failsafe = v;
		return 0;
	default:
		return SIM_RTU_ADDRESS;
	}
}

static int box_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		     const uint16_t *values)
{
	struct box *b = d->priv;
	int number;

	(void)s;
	(void)single;
	if (addr == 0x0302 && n == 2)
		number = write_limit(b, values);
	else
		number = n == 1 ? write_one(b, addr, values[0]) : SIM_RTU_ADDRESS;
	apply(d);
	return number;
}

static bool heard(struct sim *s, struct sim_device *d, uint64_t real_ms)
{
	const struct box *b = d->priv;

	(void)s;
	return real_ms >= b->boot_ms;
}

/* ---- time and verbs -------------------------------------------------------------------------- */

static uint64_t tick_box(struct sim_device *d, uint64_t real_ms)
{
	struct box *b = d->priv;

	if (!d->phys.plugged)
		b->plugged_ms = real_ms;
	if (real_ms >= b->beat_ms + HEARTBEAT_MS)
		b->lost = true;
	apply(d);
	return b->lost ? UINT64_MAX : b->beat_ms + HEARTBEAT_MS;
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
		b->boot_ms = b->beat_ms = sim_real_ms() + BOOT_MS;
	} else if (!strcmp(verb, "error") && sim_arg(rest, "code", &value)) {
		b->error = (uint16_t)value;
	} else if (!strcmp(verb, "installed") && sim_arg(rest, "ma", &value)) {
		b->installed_ma = (uint32_t)value;
	} else if (!strcmp(verb, "poke") && sim_arg(rest, "ma", &value)) {
		b->limit_ma = (uint32_t)value;
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
	.name = "mennekes",
	.summary = "Mennekes AMTRON Compact 2.0s chargers on a bus",
	.kind = MKT_DEV_EVSE,
	.units = 32,
	.tcp = true,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
	.opened = opened,
};
