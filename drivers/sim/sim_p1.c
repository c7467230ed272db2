/*
 * Simulated P1 meter: pushes a telegram every second (or ten) with what flows at
 * a house's connection.
 *
 * Models (--model): esmr5 (the default: every second, three phases), dsmr4 (every
 * ten seconds, one phase), dsmr2 (as dsmr4 without checksum), lu (totals, no
 * tariffs).
 * Verbs: power W (drawn positive), tariff 1|2, every MS, off, on (the data request
 * line).
 * Faults of its own: unsigned (no checksum in this telegram).
 */
#include "core/base/compat.h"

#include "core/base/buf.h"
#include "core/units/civil.h"
#include "drivers/p1.h"
#include "drivers/sim/sim.h"

#define POWER_MAX_W 100000
#define SUMMER_MONTHS(m) ((m) > 3 && (m) < 10) /* near enough: the letter says which it is */

enum model { ESMR5, DSMR4, DSMR2, LU };

struct meter {
	enum model model;
	unsigned tariff;
	uint64_t by_tariff_mj[2][2]; /* import, export; the other tariff's is the rest */
	uint32_t every_ms;
	uint64_t next_ms; /* real */
	bool off;
};

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	static const char *const names[] = {"esmr5", "dsmr4", "dsmr2", "lu"};
	struct meter *v = calloc(1, sizeof(*v));
	size_t m = 0;

	(void)s;
	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = v;
	while (model && m < MKT_ARRAY_SIZE(names) && strcmp(model, names[m]) != 0)
		m++;
	if (m == MKT_ARRAY_SIZE(names))
		return mkt_err_set(err, MKT_EUSAGE, "there is no model '%s'", model);
	v->model = (enum model)m;
	v->tariff = 1;
	v->every_ms = v->model == DSMR4 || v->model == DSMR2 ? 10000 : 1000;
	/* A store behind the connection that is never full: power is what the script says. */
	d->phys.battery = true;
	d->phys.phases = v->model == DSMR4 || v->model == DSMR2 ? 1 : 3;
	d->phys.efficiency = 1000;
	d->phys.taper = 1000;
	d->phys.capacity_wh = SIM_CAPACITY_MAX_WH;
	d->phys.charge_max_w = d->phys.discharge_max_w = POWER_MAX_W;
	sim_phys_soc_set(&d->phys, 500);
	return 0;
}

/* ---- telegrams ---------------------------------------------------------------------------- */

static void put(struct mkt_buf *b, const char *code, const char *value)
{
	mkt_buf_addf(b, "%s(%s)\r\n", code, value);
}

static void put_kwh(struct mkt_buf *b, const char *code, uint64_t wh)
{
	mkt_buf_addf(b, "%s(%06llu.%03llu*kWh)\r\n", code,
		     (unsigned long long)(wh / 1000 % 1000000), (unsigned long long)(wh % 1000));
}

static void put_kw(struct mkt_buf *b, const char *code, uint32_t w)
{
	mkt_buf_addf(b, "%s(%02u.%03u*kW)\r\n", code, w / 1000 % 100, w % 1000);
}

static void put_time(struct mkt_buf *b, uint64_t now_ms)
{
	struct mkt_civil c;

	mkt_civil_from((int64_t)(now_ms / 1000) + 3600, &c);
	if (SUMMER_MONTHS(c.month))
		mkt_civil_from((int64_t)(now_ms / 1000) + 7200, &c);
	mkt_buf_addf(b, "0-0:1.0.0(%02d%02u%02u%02u%02u%02u%c)\r\n", c.year % 100, c.month, c.day,
		     c.hour, c.minute, c.second, SUMMER_MONTHS(c.month) ? 'S' : 'W');
}

/* What tariff 1 has counted; the rest is tariff 2's. */
static uint64_t tariff1_wh(const struct sim_device *d, unsigned way, uint64_t total_wh)
{
	const struct meter *v = d->priv;
	uint64_t now_mj = way ? d->phys.export_mj : d->phys.import_mj;
	uint64_t mj = v->by_tariff_mj[way][0], wh;

	if (v->tariff == 1)
		mj += now_mj - v->by_tariff_mj[way][1];
	wh = mj / SIM_WH_MJ;
	return wh < total_wh ? wh : total_wh;
}

static void put_counters(struct mkt_buf *b, const struct sim_device *d)
{
	const struct meter *v = d->priv;
	uint64_t wh[2] = {sim_phys_import_wh(&d->phys), sim_phys_export_wh(&d->phys)}, first;
	char code[16];

	for (unsigned way = 0; way < 2; way++) {
		snprintf(code, sizeof(code), "1-0:%u.8.0", way + 1);
		if (v->model == LU) {
			put_kwh(b, code, wh[way]);
			continue;
		}
		first = tariff1_wh(d, way, wh[way]);
		code[8] = '1';
		put_kwh(b, code, first);
		code[8] = '2';
		put_kwh(b, code, wh[way] - first);
	}
	snprintf(code, sizeof(code), "%04u", v->tariff);
	put(b, "0-0:96.14.0", code);
}

static void put_phases(struct mkt_buf *b, const struct sim_device *d)
{
	static const char *const in[] = {"1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0"};
	static const char *const out[] = {"1-0:22.7.0", "1-0:42.7.0", "1-0:62.7.0"};
	static const char *const volt[] = {"1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0"};
	static const char *const amp[] = {"1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0"};
	int32_t w = d->phys.power_w / d->phys.phases;
	uint32_t mv = d->phys.voltage_mv;

	for (unsigned i = 0; i < 3 && i < d->phys.phases; i++) {
		mkt_buf_addf(b, "%s(%03u.%u*V)\r\n", volt[i], mv / 1000, mv / 100 % 10);
		mkt_buf_addf(b, "%s(%03u*A)\r\n", amp[i],
			     (sim_phys_current_ma(&d->phys) + 500) / 1000);
		put_kw(b, in[i], w > 0 ? (uint32_t)w : 0);
		put_kw(b, out[i], w < 0 ? (uint32_t)-w : 0);
	}
}

static void telegram(struct sim *s, const struct sim_device *d, struct mkt_buf *b)
{
	static const char *const versions[] = {"50", "42", NULL, "42"};
	const struct meter *v = d->priv;
	int32_t w = d->phys.power_w;

	mkt_buf_addstr(b, v->model == DSMR2 ? "/ISk5\\2ME382-1003\r\n\r\n"
					    : "/XMX5LGBBFG1009325446\r\n\r\n");
	if (versions[v->model])
		put(b, "1-3:0.2.8", versions[v->model]);
	if (v->model != DSMR2)
		put_time(b, sim_now_ms(s));
	put(b, "0-0:96.1.1", "4530303236303030303136363037333134"); /* E0026000016607314 */
	put_counters(b, d);
	put_kw(b, "1-0:1.7.0", w > 0 ? (uint32_t)w : 0);
	put_kw(b, "1-0:2.7.0", w < 0 ? (uint32_t)-w : 0);
	put(b, "0-0:96.7.21", "00004");
	if (v->model != DSMR2)
		put_phases(b, d);
	mkt_buf_addstr(b, "0-1:24.1.0(003)\r\n0-1:24.2.1(261122110000W)(00012.345*m3)\r\n!");
	if (v->model != DSMR2 && !sim_fault(s, d, "unsigned", NULL))
		mkt_buf_addf(b, "%04X", p1_crc(b->data, b->len));
	mkt_buf_addstr(b, "\r\n");
}

/* ---- the line ------------------------------------------------------------------------------ */

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	(void)s, (void)bytes, (void)n, (void)real_ms; /* the port has no receiver */
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	struct sim_device *d = sim_unit(s, 0);
	struct meter *v = d->priv;
	struct mkt_buf b = MKT_BUF_INIT;

	if (v->off)
		return UINT64_MAX;
	if (real_ms < v->next_ms)
		return v->next_ms;
	telegram(s, d, &b);
	if (!b.bad)
		sim_send(s, d, b.data, b.len);
	mkt_buf_release(&b);
	v->next_ms = real_ms + v->every_ms;
	return v->next_ms;
}

/* What has flowed since the last change belongs to the tariff before. */
static void change_tariff(struct sim_device *d, unsigned tariff)
{
	struct meter *v = d->priv;
	uint64_t now[2] = {d->phys.import_mj, d->phys.export_mj};

	for (unsigned way = 0; way < 2; way++) {
		if (v->tariff == 1)
			v->by_tariff_mj[way][0] += now[way] - v->by_tariff_mj[way][1];
		v->by_tariff_mj[way][1] = now[way];
	}
	v->tariff = tariff;
}

static bool number(const char *text, long min, long max, long *value)
{
	char *end;

	*value = strtol(text, &end, 10);
	return end != text && !*end && *value >= min && *value <= max;
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	struct meter *v = d->priv;
	long n;

	(void)s;
	if (!strcmp(verb, "power") && number(rest, -POWER_MAX_W, POWER_MAX_W, &n))
		sim_phys_power(&d->phys, (int32_t)n);
	else if (!strcmp(verb, "tariff") && number(rest, 1, 2, &n))
		change_tariff(d, (unsigned)n);
	else if (!strcmp(verb, "every") && number(rest, 50, 60000, &n))
		v->every_ms = (uint32_t)n, v->next_ms = 0;
	else if (!strcmp(verb, "off") || !strcmp(verb, "on"))
		v->off = verb[1] == 'f';
	else
		return false;
	return true;
}

const struct sim_protocol sim_protocol = {
	.name = "p1",
	.summary = "A DSMR or ESMR meter that pushes P1 telegrams.",
	.kind = MKT_DEV_METER,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
};
