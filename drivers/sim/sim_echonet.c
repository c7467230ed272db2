/*
 * Simulated ECHONET Lite node: storage batteries, vehicle chargers, photovoltaics.
 *
 *	--model battery|v2h|charger|pv[,OPTION]...
 *
 *	no-power  EB and EC are not there: it runs at its own rate
 *	slow      works as told four seconds later
 *	auto      a battery that starts in its own programme
 *	locked    refuses all settings, as under a maker's own controller
 *	single    one property a request
 *	check     the vehicle is undetermined until it is checked (CD)
 *	tid0      answers carry TID 0
 *
 * Verbs: "mode XX" (somebody at the panel sets DA), "broken on|off".  Faults
 * "refuse" (settings), "refuse-power" (EB, EC), "stuck" (CF does not follow DA).
 */
#include "core/base/compat.h"

#include "drivers/echonet.h"
#include "drivers/sim/sim.h"

#define PROGRAMME_W (-300) /* what a battery does of itself: feeds the house */
#define OWN_RATE_W 3000
#define LEAST_W 100
#define CHECK_MS 1500
#define SLOW_MS 4000
#define UNITS_MAX 16

struct object {
	uint16_t cls;
	bool no_power, slow, locked, single, check, tid0, broken;
	uint8_t da, cf, c7;
	uint32_t charge_w, discharge_w; /* EB, EC */
	uint64_t follow_ms;		/* real time at which CF follows DA; 0: it has */
	uint64_t checked_ms;		/* the vehicle's check ends; 0: none under way */
	uint8_t told_da, told_cf, told_c7;
};

static const struct object *object(const struct sim_device *d)
{
	return d->priv;
}

/* What there is, by class; then what can be set. */
static const uint8_t common[] = {0x80, 0x82, 0x83, 0x88, 0x89,
				 0x8A, 0x8C, 0x8D, 0x93, 0x9D, 0x9E, 0x9F};
static const uint8_t battery_get[] = {0xA0, 0xA1, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xC8, 0xC9,
				      0xCF, 0xD3, 0xDA, 0xE2, 0xE4, 0xE6, 0xEB, 0xEC};
static const uint8_t v2h_get[] = {0xC0, 0xC2, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCC, 0xCE, 0xCF,
				  0xD0, 0xD3, 0xD6, 0xD8, 0xDA, 0xE2, 0xE4, 0xE6, 0xEB, 0xEC};
static const uint8_t charger_get[] = {0xC5, 0xC7, 0xC8, 0xCC, 0xCE, 0xCF, 0xD0, 0xD3,
				      0xD8, 0xDA, 0xE2, 0xE4, 0xE6, 0xEB};
static const uint8_t pv_get[] = {0xA0, 0xA1, 0xC1, 0xD0, 0xD1, 0xE0, 0xE1, 0xE8};
static const uint8_t settable[] = {0xCD, 0xDA, 0xEB, 0xEC};

static void add_all(struct drv_en_map *m, const uint8_t *epcs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		drv_en_put(m, epcs[i]);
}

static struct drv_en_map readable(const struct object *o)
{
	struct drv_en_map m = {{0}};

	add_all(&m, common, sizeof(common));
	if (o->cls == DRV_EN_BATTERY)
		add_all(&m, battery_get, sizeof(battery_get));
	else if (o->cls == DRV_EN_V2H)
		add_all(&m, v2h_get, sizeof(v2h_get));
	else if (o->cls == DRV_EN_CHARGER)
		add_all(&m, charger_get, sizeof(charger_get));
	else
		add_all(&m, pv_get, sizeof(pv_get));
	if (o->no_power) {
		drv_en_drop(&m, 0xEB);
		drv_en_drop(&m, 0xEC);
	}
	return m;
}

static struct drv_en_map writable(const struct object *o)
{
	struct drv_en_map m = {{0}}, get = readable(o);

	for (size_t i = 0; i < sizeof(settable); i++)
		if (drv_en_has(&get, settable[i] == 0xCD ? 0xC7 : settable[i]))
			drv_en_put(&m, settable[i]);
	return m;
}

static struct drv_en_map notified(const struct object *o)
{
	struct drv_en_map m = {{0}}, get = readable(o);
	static const uint8_t epcs[] = {0x80, 0x88, 0xC7, 0xDA};

	for (size_t i = 0; i < sizeof(epcs); i++)
		if (drv_en_has(&get, epcs[i]))
			drv_en_put(&m, epcs[i]);
	if (o->cls == DRV_EN_BATTERY)
		drv_en_put(&m, 0xCF);
	return m;
}

/* ---- what it does -------------------------------------------------------------------------- */

static uint8_t connection(const struct sim_device *d)
{
	const struct object *o = d->priv;

	if (!d->phys.plugged)
		return 0x30;
	return o->c7;
}

static int32_t power_of(const struct sim_device *d)
{
	const struct object *o = d->priv;

	switch (o->cf) {
	case 0x41:
	case 0x42:
		return (int32_t)(o->charge_w ? o->charge_w : OWN_RATE_W);
	case 0x43:
		return -(int32_t)(o->discharge_w ? o->discharge_w : OWN_RATE_W);
	case 0x46:
		return PROGRAMME_W;
	default:
		return 0;
	}
}

static void apply(struct sim_device *d)
{
	struct object *o = d->priv;

	if (o->cls == DRV_EN_PV)
		return;
	sim_phys_relay(&d->phys, o->cf == 0x41 || o->cf == 0x42 || o->cf == 0x43);
	sim_phys_power(&d->phys, power_of(d));
}

static void follow(struct sim *s, struct sim_device *d, uint64_t real_ms)
{
	struct object *o = d->priv;

	if (o->slow && o->cf != o->da && !o->follow_ms)
		o->follow_ms = real_ms + sim_takes_ms(s, SLOW_MS);
	if (o->follow_ms > real_ms || (o->cf != o->da && sim_fault(s, d, "stuck", NULL)))
		return;
	o->follow_ms = 0;
	o->cf = o->da;
	apply(d);
}

/* ---- properties ---------------------------------------------------------------------------- */

static size_t put_u32(uint8_t *out, uint64_t v)
{
	drv_en_put32(out, (uint32_t)v);
	return 4;
}

static size_t put_u8(uint8_t *out, unsigned v)
{
	out[0] = (uint8_t)v;
	return 1;
}

static size_t get_common(const struct sim_device *d, uint8_t epc, uint8_t *out)
{
	const struct object *o = d->priv;
	struct drv_en_map m;

	switch (epc) {
	case 0x80:
		return put_u8(out, 0x30);
	case 0x82:
		memcpy(out, "\0\0K\1", 4);
		return 4;
	case 0x83:
		memcpy(out, "\xFE\xFF\xFF\xFF" "simulated\0\0\0", 16);
		out[16] = (uint8_t)d->unit;
		return 17;
	case 0x88:
		return put_u8(out, o->broken ? 0x41 : 0x42);
	case 0x89:
		out[0] = 0;
		out[1] = o->broken ? 0x29 : 0;
		return 2;
	case 0x8A:
		memcpy(out, "\xFF\xFF\xFF", 3);
		return 3;
	case 0x8C:
		memset(out, 0, 12);
		snprintf((char *)out, 12, "SIM-%04X", o->cls);
		return 12;
	case 0x8D:
		memset(out, 0, 13);
		snprintf((char *)out, 13, "SIM%09u", d->unit);
		return 12;
	case 0x93:
		return put_u8(out, o->locked ? 0x41 : 0x42);
	case 0x9D:
		m = notified(o);
		return drv_en_map_encode(&m, out);
	case 0x9E:
		m = writable(o);
		return drv_en_map_encode(&m, out);
	case 0x9F:
		m = readable(o);
		return drv_en_map_encode(&m, out);
	default:
		return 0;
	}
}

/* Energy in Wh that can be drawn (@room) or given at the meter, losses included. */
static uint64_t store_wh(const struct sim_phys *p, bool room)
{
	uint64_t cap_mwh = (uint64_t)p->capacity_wh * 1000, have_mwh;

	have_mwh = cap_mwh / 1000 * sim_phys_soc(p);
	if (room)
		return (cap_mwh - have_mwh) / p->efficiency;
	return have_mwh * p->efficiency / 1000000;
}

static size_t limits(uint8_t *out, uint32_t most)
{
	put_u32(out, LEAST_W);
	put_u32(out + 4, most);
	return 8;
}

static uint32_t charge_max(const struct sim_phys *p)
{
	return p->charge_max_w ? p->charge_max_w : OWN_RATE_W;
}

/* The same in all classes with a store. */
static size_t get_store(const struct sim_device *d, uint8_t epc, uint8_t *out)
{
	const struct object *o = d->priv;
	const struct sim_phys *p = &d->phys;

	switch (epc) {
	case 0xC8:
		return limits(out, charge_max(p));
	case 0xC9:
		return limits(out, p->discharge_max_w);
	case 0xD3:
		return put_u32(out, (uint32_t)p->power_w);
	case 0xD0:
	case 0xC0:
		return put_u32(out, p->capacity_wh);
	case 0xD6:
		return put_u32(out, sim_phys_export_wh(p));
	case 0xD8:
		return put_u32(out, sim_phys_import_wh(p));
	case 0xDA:
		return put_u8(out, o->da);
	case 0xE2:
		return put_u32(out, (uint64_t)p->capacity_wh * sim_phys_soc(p) / 1000);
	case 0xC4:
	case 0xE4:
		return put_u8(out, (sim_phys_soc(p) + 5u) / 10);
	case 0xEB:
		return put_u32(out, o->charge_w);
	case 0xEC:
		return put_u32(out, o->discharge_w);
	default:
		return 0;
	}
}

static size_t get_battery(const struct sim_device *d, uint8_t epc, uint8_t *out)
{
	const struct object *o = d->priv;
	const struct sim_phys *p = &d->phys;

	switch (epc) {
	case 0xA0:
		return put_u32(out, (uint64_t)p->capacity_wh * 1000 / p->efficiency);
	case 0xA1:
		return put_u32(out, (uint64_t)p->capacity_wh * p->efficiency / 1000);
	case 0xA4:
		return put_u32(out, store_wh(p, true));
	case 0xA5:
		return put_u32(out, store_wh(p, false));
	case 0xA6:
		return put_u8(out, 100);
	case 0xA7:
		return put_u8(out, 0);
	case 0xA8:
		return put_u32(out, sim_phys_import_wh(p));
	case 0xA9:
		return put_u32(out, sim_phys_export_wh(p));
	case 0xCF:
		return put_u8(out, o->cf);
	case 0xE6:
		return put_u8(out, 4);
	default:
		return get_store(d, epc, out);
	}
}

static size_t get_vehicle(const struct sim_device *d, uint8_t epc, uint8_t *out)
{
	const struct object *o = d->priv;
	const struct sim_phys *p = &d->phys;

	switch (epc) {
	case 0xC2:
		return put_u32(out, store_wh(p, false));
	case 0xC5:
		return put_u32(out, charge_max(p));
	case 0xC6:
		return put_u32(out, p->discharge_max_w);
	case 0xC7:
		return put_u8(out, connection(d));
	case 0xCC:
		return put_u8(out, o->cls == DRV_EN_V2H ? 0x22 : 0x12);
	case 0xCE:
		return put_u32(out, p->capacity_wh);
	case 0xCF:
		return put_u32(out, store_wh(p, true));
	case 0xE6:
		return put_u8(out, 0);
	default:
		return get_store(d, epc, out);
	}
}

static size_t get_pv(const struct sim_device *d, uint8_t epc, uint8_t *out)
{
	const struct sim_phys *p = &d->phys;

	switch (epc) {
	case 0xA0:
		return put_u8(out, 100);
	case 0xA1:
	case 0xE8:
		drv_en_put16(out, (uint16_t)p->discharge_max_w);
		return 2;
	case 0xC1:
		return put_u8(out, 0x42);
	case 0xD0:
		return put_u8(out, 0);
	case 0xD1:
		return put_u8(out, 0x44);
	case 0xE0:
		drv_en_put16(out, (uint16_t)(p->power_w < 0 ? -p->power_w : 0));
		return 2;
	case 0xE1:
		return put_u32(out, sim_phys_export_wh(p));
	default:
		return 0;
	}
}

/* The value of a property; 0: refused. */
static size_t get(const struct sim_device *d, uint8_t epc, uint8_t *out)
{
	const struct object *o = d->priv;
	struct drv_en_map m = readable(o);

	if (!drv_en_has(&m, epc))
		return 0;
	if (epc < 0xA0)
		return get_common(d, epc, out);
	if (o->cls == DRV_EN_BATTERY)
		return get_battery(d, epc, out);
	return o->cls == DRV_EN_PV ? get_pv(d, epc, out) : get_vehicle(d, epc, out);
}

static bool is_mode(const struct object *o, uint8_t mode)
{
	switch (mode) {
	case 0x42:
	case 0x44:
		return true;
	case 0x43:
		return o->cls != DRV_EN_CHARGER;
	case 0x47:
		return o->cls != DRV_EN_BATTERY;
	case 0x41:
	case 0x46:
		return o->cls == DRV_EN_BATTERY;
	default:
		return false;
	}
}

static bool set_power(const struct sim_device *d, const struct drv_en_prop *p, uint32_t *v)
{
	uint32_t most = p->epc == 0xEB ? charge_max(&d->phys) : d->phys.discharge_max_w;
	int64_t w;

	if (!drv_en_u32(p->edt, p->pdc, &w) || w > most)
		return false;
	*v = (uint32_t)w;
	return true;
}

static bool set(struct sim *s, struct sim_device *d, const struct drv_en_prop *p)
{
	struct object *o = d->priv;
	struct drv_en_map m = writable(o);

	if (!drv_en_has(&m, p->epc) || o->locked || sim_fault(s, d, "refuse", NULL))
		return false;
	switch (p->epc) {
	case 0xCD:
		o->checked_ms = sim_real_ms() + sim_takes_ms(s, CHECK_MS);
		return p->pdc == 1 && p->edt[0] == 0x10;
	case 0xDA:
		if (p->pdc != 1 || !is_mode(o, p->edt[0]))
			return false;
		o->da = p->edt[0];
		return true;
	case 0xEB:
		return !sim_fault(s, d, "refuse-power", NULL) && set_power(d, p, &o->charge_w);
	default:
		return !sim_fault(s, d, "refuse-power", NULL) && set_power(d, p, &o->discharge_w);
	}
}

/* ---- the node's profile -------------------------------------------------------------------- */

static size_t node_list(struct sim *s, uint8_t *out)
{
	uint32_t n = sim_count(s);

	out[0] = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++) {
		const struct sim_device *d = sim_at(s, i);
		const struct object *o = d->priv;

		drv_en_put16(out + 1 + 3 * i, o->cls);
		out[3 + 3 * i] = (uint8_t)d->unit;
	}
	return 1 + 3 * n;
}

static size_t get_node(struct sim *s, uint8_t epc, uint8_t *out)
{
	static const uint8_t epcs[] = {0x80, 0x82, 0x83, 0x8A, 0x9F, 0xD3, 0xD5, 0xD6};
	static const uint8_t version[] = {1, 14, 1, 0};
	struct drv_en_map m = {{0}};

	add_all(&m, epcs, sizeof(epcs));
	switch (epc) {
	case 0x82:
		memcpy(out, version, sizeof(version));
		return 4;
	case 0x80:
	case 0x83:
	case 0x8A:
		return get_common(sim_at(s, 0), epc, out);
	case 0x9F:
		return drv_en_map_encode(&m, out);
	case 0xD3:
		memset(out, 0, 3);
		out[2] = (uint8_t)sim_count(s);
		return 3;
	case 0xD5:
	case 0xD6:
		return node_list(s, out);
	default:
		return 0;
	}
}

/* ---- requests ------------------------------------------------------------------------------ */

static size_t value(struct sim *s, const struct sim_device *d, uint8_t epc, uint8_t *out)
{
	return d ? get(d, epc, out) : get_node(s, epc, out);
}

/* Read the properties from @from on into the answer.  True: all of them. */
static bool answer_get(struct sim *s, const struct sim_device *d, const struct drv_en_frame *f,
		       unsigned from, struct drv_en_out *out)
{
	bool all = true, too_many = d && object(d)->single && f->n > 1;
	uint8_t v[256];

	for (unsigned i = from; i < f->n; i++) {
		size_t n = too_many ? 0 : value(s, d, f->p[i].epc, v);

		all &= n != 0;
		drv_en_add(out, f->p[i].epc, v, (uint8_t)n);
	}
	return all;
}

static bool answer_set(struct sim *s, struct sim_device *d, const struct drv_en_frame *f,
		       struct drv_en_out *out)
{
	bool all = true;

	for (unsigned i = 0; i < f->nset; i++) {
		const struct drv_en_prop *p = &f->p[i];
		bool ok = d && !(object(d)->single && f->nset > 1) && set(s, d, p);

		all &= ok;
		drv_en_add(out, p->epc, p->edt, ok ? 0 : p->pdc);
	}
	if (d)
		follow(s, d, sim_real_ms());
	return all;
}

static void answer(struct sim *s, struct sim_device *d, uint32_t eoj, const struct drv_en_frame *f)
{
	struct drv_en_out out;
	bool ok;

	drv_en_begin(&out, d && object(d)->tid0 ? 0 : f->tid, eoj, f->seoj, 0);
	switch (f->esv) {
	case DRV_EN_GET:
	case DRV_EN_INF_REQ:
		ok = answer_get(s, d, f, 0, &out);
		break;
	case DRV_EN_SETC:
	case DRV_EN_SETI:
		ok = answer_set(s, d, f, &out);
		break;
	case DRV_EN_SETGET:
		ok = answer_set(s, d, f, &out);
		drv_en_second(&out);
		ok &= answer_get(s, d, f, f->nset, &out);
		break;
	default:
		return;
	}
	out.bytes[10] = (uint8_t)(ok ? f->esv + 0x10 : f->esv - 0x10);
	if (!out.bad && !(ok && f->esv == DRV_EN_SETI))
		sim_send(s, d, out.bytes, out.n);
}

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	struct drv_en_frame f;

	(void)real_ms;
	if (drv_en_decode(bytes, n, &f, NULL) != (int)n)
		return;
	if (f.deoj == DRV_EN_NODE || f.deoj == (DRV_EN_NODE & ~0xFFu)) {
		answer(s, NULL, DRV_EN_NODE, &f);
		return;
	}
	for (uint32_t i = 0; i < sim_count(s); i++) {
		struct sim_device *d = sim_unit(s, sim_at(s, i)->unit);
		const struct object *o = d->priv;
		uint32_t eoj = (uint32_t)o->cls << 8 | d->unit;

		if (f.deoj == eoj || f.deoj == (eoj & ~0xFFu))
			answer(s, d, eoj, &f);
	}
}

/* ---- what happens by itself ---------------------------------------------------------------- */

static void notify(struct sim *s, struct sim_device *d, uint8_t epc, uint8_t v, uint8_t *told)
{
	struct object *o = d->priv;
	struct drv_en_map m = notified(o);
	struct drv_en_out out;

	if (v == *told)
		return;
	*told = v;
	if (!drv_en_has(&m, epc))
		return;
	drv_en_begin(&out, 0, (uint32_t)o->cls << 8 | d->unit, DRV_EN_NODE, DRV_EN_INF);
	drv_en_add(&out, epc, &v, 1);
	sim_send(s, d, out.bytes, out.n);
}

static void check_vehicle(struct sim_device *d, uint64_t real_ms)
{
	struct object *o = d->priv;

	if (!d->phys.plugged && o->check)
		o->c7 = 0xFF;
	if (!o->checked_ms || real_ms < o->checked_ms)
		return;
	o->checked_ms = 0;
	o->c7 = o->cls == DRV_EN_V2H ? 0x43 : 0x41;
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < sim_count(s); i++) {
		struct sim_device *d = sim_at(s, i);
		struct object *o = d->priv;

		check_vehicle(d, real_ms);
		if (o->cf != o->da)
			follow(s, d, real_ms);
		notify(s, d, 0xDA, o->da, &o->told_da);
		if (o->cls == DRV_EN_BATTERY)
			notify(s, d, 0xCF, o->cf, &o->told_cf);
		else if (o->cls != DRV_EN_PV)
			notify(s, d, 0xC7, connection(d), &o->told_c7);
		if (o->checked_ms && o->checked_ms < next)
			next = o->checked_ms;
		if (o->follow_ms && o->follow_ms < next)
			next = o->follow_ms;
	}
	return next;
}

static int option(struct object *o, const char *word, size_t n, struct mkt_err *err)
{
	static const struct {
		const char *name;
		uint16_t cls;
	} classes[] = {{"battery", DRV_EN_BATTERY},
		       {"v2h", DRV_EN_V2H},
		       {"charger", DRV_EN_CHARGER},
		       {"pv", DRV_EN_PV}};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"no-power", &o->no_power}, {"slow", &o->slow},   {"locked", &o->locked},
		     {"single", &o->single},	 {"check", &o->check}, {"tid0", &o->tid0}};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(classes); i++)
		if (strlen(classes[i].name) == n && !memcmp(classes[i].name, word, n)) {
			o->cls = classes[i].cls;
			return 0;
		}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(flags); i++)
		if (strlen(flags[i].name) == n && !memcmp(flags[i].name, word, n)) {
			*flags[i].flag = true;
			return 0;
		}
	if (n == 4 && !memcmp(word, "auto", n)) {
		o->da = o->cf = 0x46;
		return 0;
	}
	return mkt_err_set(err, MKT_EUSAGE, "--model: '%.*s' is not known", (int)n, word);
}

static void start_phys(struct sim_phys *p, const struct object *o)
{
	p->phases = 1;
	p->voltage_mv = 200000;
	p->battery = o->cls == DRV_EN_BATTERY || o->cls == DRV_EN_PV;
	p->charge_max_w = o->cls == DRV_EN_BATTERY ? 3000 : 6000;
	p->discharge_max_w = o->cls == DRV_EN_CHARGER ? 0 : p->charge_max_w;
	if (o->cls == DRV_EN_BATTERY)
		p->capacity_wh = 9800;
	sim_phys_soc_set(p, 500);
	if (o->cls == DRV_EN_PV) { /* an endless store that only gives */
		p->capacity_wh = SIM_CAPACITY_MAX_WH;
		sim_phys_soc_set(p, 1000);
		sim_phys_power(p, -3120);
	}
}

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	struct object *o = calloc(1, sizeof(*o));
	int r = 0;

	(void)s;
	if (!o)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = o;
	o->cls = DRV_EN_BATTERY;
	o->da = o->cf = 0x44;
	while (model && *model && r >= 0) {
		size_t n = strcspn(model, ",");

		r = option(o, model, n, err);
		model += n + (model[n] == ',');
	}
	if (r < 0)
		return r;
	o->c7 = o->check ? 0xFF : o->cls == DRV_EN_V2H ? 0x43 : 0x41;
	o->told_da = o->da;
	o->told_cf = o->cf;
	o->told_c7 = 0x30;
	start_phys(&d->phys, o);
	apply(d);
	return 0;
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	struct object *o = d->priv;
	char *end;
	unsigned long mode;

	(void)s;
	if (!strcmp(verb, "broken")) {
		o->broken = !strcmp(rest, "on");
		return o->broken || !strcmp(rest, "off");
	}
	if (strcmp(verb, "mode"))
		return false;
	mode = strtoul(rest, &end, 16);
	if (end == rest || *end || mode > UINT8_MAX || !is_mode(o, (uint8_t)mode))
		return false;
	o->da = (uint8_t)mode;
	return true;
}

const struct sim_protocol sim_protocol = {
	.name = "echonet",
	.summary = "ECHONET Lite node: battery, vehicle charger, photovoltaics",
	.kind = MKT_DEV_BATTERY,
	.units = UNITS_MAX,
	.udp = true,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
};
