/*
 * Simulated SunSpec devices: a register map made of models, over the physics of a
 * battery.
 *
 * --model NAME[@BASE]; NAME is one of models[] below, BASE 40000, 0 or 50000.
 * Script verbs besides the common ones: own W (what the inverter's own programme
 * wants; charge positive), load W (a meter's power; import positive), local on|off
 * (802 LocRemCtl), fail on|off (the inverter reports a fault), cap PERMYRIAD|off
 * (WMaxLimPct of somebody else's), foreign MODE (StorCtl_Mod by another master).
 */
#include "core/base/compat.h"

#include "drivers/sim/rtu.h"
#include "drivers/sunspec.h"

#define REGS_MAX 700
#define MODELS_MAX 12
#define FULL 10000 /* 100 % with a scale factor of -2 */
#define WMAX_W 5000

enum {
	F_NO_REVERT = 1, /* no revert timers */
	F_SHORT_1 = 2,	 /* model 1 is 65 long */
	F_STRICT = 4,	 /* 60 registers at once, no read over the border of a model */
	F_REVERSED = 8,	 /* the meter's W counts export positive */
};

struct device {
	struct sim_rtu framing; /* of the line: the first device's */
	uint16_t base;
	uint16_t n;
	uint16_t r[REGS_MAX];
	bool writable[REGS_MAX];
	struct {
		uint16_t id, at, len;
	} m[MODELS_MAX];
	unsigned nm;
	unsigned flags;
	bool meter;
	int32_t own_w, load_w;
	uint32_t charge_w, discharge_w, wmax_w; /* of the nameplate */
	bool local;
	uint64_t revert_ms; /* real time at which control ends; 0: it does not */
};

/* ---- the map ------------------------------------------------------------------------------- */

/* Where a point of the last model of its family is; -1: there is no such model. */
static int where(const struct device *v, enum ss_point p)
{
	for (unsigned i = v->nm; i-- > 0;)
		if (ss_family(v->m[i].id) == ss_points[p].model &&
		    ss_points[p].off < v->m[i].len + 2)
			return v->m[i].at + ss_points[p].off;
	return -1;
}

static void put(struct device *v, enum ss_point p, int64_t value)
{
	int at = where(v, p);

	if (at < 0)
		return;
	for (unsigned k = ss_size(ss_points[p].type); k-- > 0; value >>= 16)
		v->r[at + (int)k] = (uint16_t)value;
}

/* Signed when the point is. */
static int64_t get(const struct device *v, enum ss_point p)
{
	enum ss_type type = ss_points[p].type;
	int at = where(v, p);
	int64_t value = 0;

	if (at < 0)
		return 0;
	for (unsigned k = 0; k < ss_size(type); k++)
		value = (int64_t)((uint64_t)value << 16 | v->r[at + (int)k]);
	if (type == SS_INT16)
		return (int16_t)value;
	return type == SS_INT32 ? (int32_t)value : value;
}

/* What says that a point is absent. */
static int64_t nothing(enum ss_type type)
{
	switch (type) {
	case SS_INT16:
	case SS_SUNSSF:
		return INT16_MIN;
	case SS_INT32:
		return INT32_MIN;
	case SS_ACC32:
		return 0;
	case SS_FLOAT32:
		return 0x7FC00000;
	default:
		return -1;
	}
}

static void model(struct device *v, uint16_t id, uint16_t len)
{
	uint16_t at = v->n;

	v->m[v->nm].id = id;
	v->m[v->nm].at = at;
	v->m[v->nm++].len = len;
	v->r[at] = id;
	v->r[at + 1] = len;
	v->n = (uint16_t)(at + 2 + len);
	for (uint16_t i = 2; i < len + 2; i++)
		v->r[at + i] = 0xFFFF;
	for (unsigned p = 0; p < SS_POINTS; p++) {
		const struct ss_point_info *i = &ss_points[p];

		if (i->model != ss_family(id) || i->off + ss_size(i->type) > len + 2u)
			continue;
		if (i->type != SS_STRING8 && i->type != SS_STRING16)
			put(v, (enum ss_point)p, nothing(i->type));
		for (unsigned k = 0; i->how == 'W' && k < ss_size(i->type); k++)
			v->writable[at + i->off + k] = true;
	}
}

static void text(struct device *v, enum ss_point p, const char *s)
{
	int at = where(v, p);

	sim_rtu_text(v->r + at, (uint16_t)ss_size(ss_points[p].type), s);
}

static void common(struct device *v, const char *maker, const char *name, unsigned serial)
{
	char sn[16];

	model(v, 1, v->flags & F_SHORT_1 ? 65 : 66);
	text(v, SS_1_Mn, maker);
	text(v, SS_1_Md, name);
	text(v, SS_1_Opt, "");
	text(v, SS_1_Vr, "1.0");
	snprintf(sn, sizeof(sn), "SIM%05u", serial);
	text(v, SS_1_SN, sn);
}

/* ---- models -------------------------------------------------------------------------------- */

struct value {
	enum ss_point point;
	int64_t value;
};

static void puts_(struct device *v, const struct value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(v, values[i].point, values[i].value);
}

static void inverter(struct device *v, uint16_t id)
{
	static const struct value scales[] = {
		{SS_103_A_SF, -2}, {SS_103_V_SF, -1}, {SS_103_W_SF, 0}, {SS_103_Hz_SF, -2},
		{SS_103_WH_SF, 0}, {SS_103_Tmp_SF, -1}, {SS_103_TmpCab, 412}, {SS_103_Evt1, 0},
	};
	static const struct value floats[] = {{SS_113_Evt1, 0}};

	model(v, id, ss_family(id) == 103 ? 50 : 60);
	if (ss_family(id) == 103)
		puts_(v, scales, MKT_ARRAY_SIZE(scales));
	else
		puts_(v, floats, MKT_ARRAY_SIZE(floats));
}

static void nameplate(struct device *v, bool storage)
{
	static const struct value values[] = {
		{SS_120_DERTyp, 4}, {SS_120_WRtg, WMAX_W}, {SS_120_WRtg_SF, 0}};
	static const struct value battery[] = {
		{SS_120_DERTyp, 82}, {SS_120_WHRtg, 1000}, {SS_120_WHRtg_SF, 1},
		{SS_120_MaxChaRte, 5000}, {SS_120_MaxChaRte_SF, 0}, {SS_120_MaxDisChaRte, 5000},
		{SS_120_MaxDisChaRte_SF, 0}};

	model(v, 120, 26);
	puts_(v, values, MKT_ARRAY_SIZE(values));
	if (storage)
		puts_(v, battery, MKT_ARRAY_SIZE(battery));
}

static void limits(struct device *v)
{
	static const struct value values[] = {
		{SS_123_WMaxLimPct, FULL}, {SS_123_WMaxLim_Ena, 0}, {SS_123_WMaxLimPct_SF, -2}};

	model(v, 123, 24);
	puts_(v, values, MKT_ARRAY_SIZE(values));
}

static void storage(struct device *v)
{
	static const struct value values[] = {
		{SS_124_WChaMax, WMAX_W}, {SS_124_StorCtl_Mod, 0},
		{SS_124_MinRsvPct, 1000}, {SS_124_InBatV, 4980},
		{SS_124_OutWRte, FULL}, {SS_124_InWRte, FULL},
		{SS_124_InOutWRte_WinTms, 0}, {SS_124_InOutWRte_RvrtTms, 0},
		{SS_124_ChaGriSet, 0}, {SS_124_WChaMax_SF, 0},
		{SS_124_MinRsvPct_SF, -2}, {SS_124_ChaState_SF, -2},
		{SS_124_InBatV_SF, -2}, {SS_124_InOutWRte_SF, -2}};

	model(v, 124, 24);
	puts_(v, values, MKT_ARRAY_SIZE(values));
	if (v->flags & F_NO_REVERT)
		put(v, SS_124_InOutWRte_RvrtTms, 0xFFFF);
}

static void battery(struct device *v)
{
	static const struct value values[] = {{SS_802_WHRtg, 1000},
					      {SS_802_WHRtg_SF, 1},
					      {SS_802_WChaRteMax, 5000},
					      {SS_802_WDisChaRteMax, 5000},
					      {SS_802_WChaDisChaMax_SF, 0},
					      {SS_802_SoCMax, 1000},
					      {SS_802_SoCMin, 50},
					      {SS_802_SoCRsvMin, 100},
					      {SS_802_SoC_SF, -1},
					      {SS_802_Hb, 1},
					      {SS_802_CtrlHb, 0},
					      {SS_802_State, 3},
					      {SS_802_Evt1, 0},
					      {SS_802_V, 498},
					      {SS_802_V_SF, -1},
					      {SS_802_W_SF, 0}};

	model(v, 802, 62);
	puts_(v, values, MKT_ARRAY_SIZE(values));
}

static void meter(struct device *v, uint16_t id)
{
	static const struct value scales[] = {{SS_203_A_SF, -2},    {SS_203_V_SF, -1},
					      {SS_203_Hz_SF, -2},   {SS_203_W_SF, 0},
					      {SS_203_TotWh_SF, 0}, {SS_203_Evt, 0}};
	static const struct value floats[] = {{SS_213_Evt, 0}};

	model(v, id, ss_family(id) == 203 ? 105 : 124);
	if (ss_family(id) == 203)
		puts_(v, scales, MKT_ARRAY_SIZE(scales));
	else
		puts_(v, floats, MKT_ARRAY_SIZE(floats));
	v->meter = true;
}

static void der(struct device *v)
{
	static const struct value measure[] = {
		{SS_701_ACType, 2}, {SS_701_ConnSt, 1}, {SS_701_Alrm, 0}, {SS_701_A_SF, -2},
		{SS_701_V_SF, -1}, {SS_701_Hz_SF, -3}, {SS_701_W_SF, 0}, {SS_701_TotWh_SF, 0},
		{SS_701_Tmp_SF, -1}, {SS_701_TmpCab, 389}};
	static const struct value capacity[] = {{SS_702_WMaxRtg, WMAX_W},
						{SS_702_WChaRteMaxRtg, 5000},
						{SS_702_WDisChaRteMaxRtg, 5000},
						{SS_702_WMax, WMAX_W},
						{SS_702_WChaRteMax, 4600},
						{SS_702_WDisChaRteMax, 4800},
						{SS_702_W_SF, 0}};
	static const struct value control[] = {
		{SS_704_WMaxLimPctEna, 0}, {SS_704_WMaxLimPct, FULL}, {SS_704_WSetEna, 0},
		{SS_704_WSetMod, 0}, {SS_704_WSet, 0}, {SS_704_WSetEnaRvrt, 0},
		{SS_704_WSetRvrtTms, 0}, {SS_704_WSetRvrtRem, 0}, {SS_704_WMaxLimPct_SF, -2},
		{SS_704_WSet_SF, 0}};
	static const struct value store[] = {
		{SS_713_WHRtg, 1000}, {SS_713_Sta, 0}, {SS_713_WH_SF, 1}, {SS_713_Pct_SF, -1}};

	model(v, 701, 153);
	puts_(v, measure, MKT_ARRAY_SIZE(measure));
	model(v, 702, 50);
	puts_(v, capacity, MKT_ARRAY_SIZE(capacity));
	model(v, 704, 65);
	puts_(v, control, MKT_ARRAY_SIZE(control));
	if (v->flags & F_NO_REVERT)
		put(v, SS_704_WSetRvrtTms, UINT32_MAX);
	model(v, 713, 7);
	puts_(v, store, MKT_ARRAY_SIZE(store));
}

/* ---- devices ------------------------------------------------------------------------------- */

static void make_gen24(struct device *v, unsigned serial)
{
	common(v, "Simulated", "GEN24 5.0", serial);
	inverter(v, 103);
	nameplate(v, true);
	limits(v);
	storage(v);
}

static void make_float(struct device *v, unsigned serial)
{
	common(v, "Simulated", "GEN24 5.0 float", serial);
	inverter(v, 113);
	nameplate(v, true);
	limits(v);
	storage(v);
}

static void make_odd(struct device *v, unsigned serial)
{
	common(v, "Simulated", "Odd 5", serial);
	model(v, 64001, 7);
	inverter(v, 102);
	model(v, 64002, 0);
	nameplate(v, true);
	model(v, 160, 88);
	storage(v);
}

static void make_700(struct device *v, unsigned serial)
{
	common(v, "Simulated", "Hybrid 700", serial);
	der(v);
}

static void make_802(struct device *v, unsigned serial)
{
	common(v, "Simulated", "Battery 802", serial);
	inverter(v, 101);
	nameplate(v, true);
	storage(v);
	battery(v);
}

static void make_meter(struct device *v, unsigned serial)
{
	common(v, "Simulated", "Meter", serial);
	meter(v, 203);
}

static void make_meter_float(struct device *v, unsigned serial)
{
	common(v, "Simulated", "Meter float", serial);
	meter(v, 213);
}

static void make_solaredge(struct device *v, unsigned serial)
{
	common(v, "SolarEdge", "SE5K", serial);
	inverter(v, 103);
	common(v, "SolarEdge", "Meter", 1000 + serial);
	meter(v, 203);
}

static void make_pv(struct device *v, unsigned serial)
{
	common(v, "Simulated", "PV 5.0", serial);
	inverter(v, 101);
	nameplate(v, false);
	limits(v);
}

static const struct {
	const char *name;
	void (*make)(struct device *v, unsigned serial);
	unsigned flags;
} models[] = {
	{"hybrid700", make_700, 0}, /* first: what there is when nothing is said */
	{"hybrid700-norevert", make_700, F_NO_REVERT},
	{"gen24", make_gen24, 0},
	{"gen24-norevert", make_gen24, F_NO_REVERT},
	{"float", make_float, 0},
	{"odd", make_odd, F_STRICT},
	{"battery802", make_802, 0},
	{"pv", make_pv, 0},
	{"meter", make_meter, 0},
	{"meter-float", make_meter_float, 0},
	{"meter-reversed", make_meter, F_REVERSED},
	{"solaredge", make_solaredge, F_SHORT_1 | F_REVERSED},
};

/* Everything is a battery to the physics: a meter is one that is never full. */
static void set_phys(struct device *v, struct sim_phys *p)
{
	p->battery = true;
	p->phases = 3;
	for (unsigned i = 0; i < v->nm; i++)
		if (ss_family(v->m[i].id) == 103)
			p->phases = (uint8_t)(v->m[i].id - 100);
	p->capacity_wh = v->meter ? SIM_CAPACITY_MAX_WH : 10000;
	p->charge_max_w = p->discharge_max_w = v->meter ? 100000 : WMAX_W;
	v->charge_w = v->discharge_w = v->wmax_w = WMAX_W;
	p->efficiency = v->meter ? 1000 : 950;
	p->taper = v->meter ? 1000 : 900;
	if (where(v, SS_103_WH) >= 0 || where(v, SS_203_TotWhImp) >= 0)
		p->meter_modulo_wh = UINT64_C(1) << 32;
	sim_phys_soc_set(p, 500);
}

static int no_such_model(const char *name, struct mkt_err *err)
{
	char all[256];
	size_t at = 0;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(models) && at < sizeof(all); i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "",
				       models[i].name);
	return mkt_err_set(err, MKT_EUSAGE, "there is no model '%s'; there are %s", name, all);
}

static int start(struct sim *s, struct sim_device *d, const char *name, struct mkt_err *err)
{
	size_t n = name ? strcspn(name, "@") : 0;
	struct device *v = calloc(1, sizeof(*v));
	size_t i = 0;

	(void)s;
	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = v;
	while (name && (strlen(models[i].name) != n || memcmp(models[i].name, name, n) != 0))
		if (++i == MKT_ARRAY_SIZE(models))
			return no_such_model(name, err);
	v->base = name && name[n] ? (uint16_t)strtoul(name + n + 1, NULL, 10) : 40000;
	if (v->base != 40000 && v->base != 0 && v->base != 50000)
		return mkt_err_set(err, MKT_EUSAGE, "the base is 40000, 0 or 50000");
	v->flags = models[i].flags;
	v->r[0] = 0x5375;
	v->r[1] = 0x6E53;
	v->n = 2;
	models[i].make(v, d->unit ? d->unit : 1);
	v->r[v->n++] = SS_END;
	if (!(v->flags & F_STRICT))
		v->r[v->n++] = 0;
	set_phys(v, &d->phys);
	return 0;
}

/* ---- what the battery does ----------------------------------------------------------------- */

static int32_t rate_w(const struct device *v, enum ss_point p)
{
	return (int32_t)(get(v, p) * get(v, SS_124_WChaMax) / FULL);
}

/* Power that the controls make of the inverter's own wish; charge positive. */
static int32_t wanted_w(const struct device *v)
{
	int64_t mod = get(v, SS_124_StorCtl_Mod);
	int32_t w = v->own_w, most = INT32_MAX;

	if (v->meter)
		return v->load_w;
	if (where(v, SS_704_WSet) >= 0 && get(v, SS_704_WSetEna) == 1)
		w = (int32_t)-get(v, SS_704_WSet);
	if (where(v, SS_124_OutWRte) >= 0) {
		if ((mod & 2) && w < -rate_w(v, SS_124_OutWRte))
			w = -rate_w(v, SS_124_OutWRte);
		if ((mod & 1) && w > rate_w(v, SS_124_InWRte))
			w = rate_w(v, SS_124_InWRte);
		if (mod && w > 0 && get(v, SS_124_ChaGriSet) != 1)
			w = 0; /* there is no sun in here */
	}
	if (where(v, SS_123_WMaxLimPct) >= 0 && get(v, SS_123_WMaxLim_Ena) == 1)
		most = (int32_t)(get(v, SS_123_WMaxLimPct) * v->wmax_w / FULL);
	if (where(v, SS_704_WSet) >= 0 && get(v, SS_704_WMaxLimPctEna) == 1)
		most = (int32_t)(get(v, SS_704_WMaxLimPct) * v->wmax_w / FULL);
	return w < -most ? -most : w;
}

static void control(struct sim_device *d)
{
	struct device *v = d->priv;

	if (v->meter)
		sim_phys_soc_set(&d->phys, 500);
	sim_phys_power(&d->phys, wanted_w(v));
}

static void release(struct device *v)
{
	v->revert_ms = 0;
	put(v, SS_124_StorCtl_Mod, 0);
	put(v, SS_124_OutWRte, FULL);
	put(v, SS_124_InWRte, FULL);
	put(v, SS_704_WSetEna, get(v, SS_704_WSetEnaRvrt));
	put(v, SS_704_WSetRvrtRem, 0);
}

/* A control was written: its revert timer begins anew. */
static void arm(struct device *v, uint64_t real_ms)
{
	int64_t seconds = 0;

	if (where(v, SS_124_OutWRte) >= 0 && get(v, SS_124_StorCtl_Mod) &&
	    get(v, SS_124_InOutWRte_RvrtTms) != 0xFFFF)
		seconds = get(v, SS_124_InOutWRte_RvrtTms);
	if (where(v, SS_704_WSet) >= 0 && get(v, SS_704_WSetEna) == 1 &&
	    get(v, SS_704_WSetRvrtTms) != UINT32_MAX)
		seconds = get(v, SS_704_WSetRvrtTms);
	v->revert_ms = seconds ? real_ms + (uint64_t)seconds * 1000 : 0;
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < sim_count(s); i++) {
		struct sim_device *d = sim_at(s, i);
		struct device *v = d->priv;

		if (v->revert_ms && v->revert_ms <= real_ms) {
			release(v);
			control(d);
		}
		if (v->revert_ms && v->revert_ms < next)
			next = v->revert_ms;
	}
	return next;
}

/* ---- measurements -------------------------------------------------------------------------- */

static void put_float(struct device *v, enum ss_point p, int64_t value, unsigned digits)
{
	put(v, p, drv_f32_of(value, digits));
}

static int64_t charge_state(const struct sim_phys *p)
{
	if (p->power_w)
		return p->power_w > 0 ? 4 : 3;
	return sim_phys_soc(p) >= 1000 ? 5 : sim_phys_soc(p) ? 6 : 2;
}

static void measure_inverter(struct device *v, const struct sim_phys *p)
{
	int64_t centi_a = sim_phys_current_ma(p) / 10, deci_v = p->voltage_mv / 100;
	bool failed = get(v, SS_103_Evt1) || get(v, SS_113_Evt1);
	const struct value values[] = {
		{SS_103_A, p->phases * centi_a},
		{SS_103_AphA, centi_a},
		{SS_103_AphB, p->phases > 1 ? centi_a : -1},
		{SS_103_AphC, p->phases > 2 ? centi_a : -1},
		{SS_103_PhVphA, deci_v},
		{SS_103_PhVphB, p->phases > 1 ? deci_v : -1},
		{SS_103_PhVphC, p->phases > 2 ? deci_v : -1},
		{SS_103_W, -p->power_w},
		{SS_103_Hz, 5001},
		{SS_103_WH, (int64_t)sim_phys_export_wh(p)},
		{SS_103_St, failed ? 7 : 4},
		{SS_113_St, failed ? 7 : 4},
	};

	puts_(v, values, MKT_ARRAY_SIZE(values));
	put_float(v, SS_113_A, 3 * centi_a, 2);
	put_float(v, SS_113_AphA, centi_a, 2);
	put_float(v, SS_113_AphB, centi_a, 2);
	put_float(v, SS_113_AphC, centi_a, 2);
	put_float(v, SS_113_PhVphA, deci_v, 1);
	put_float(v, SS_113_PhVphB, deci_v, 1);
	put_float(v, SS_113_PhVphC, deci_v, 1);
	put_float(v, SS_113_W, -p->power_w, 0);
	put_float(v, SS_113_Hz, 5001, 2);
	put_float(v, SS_113_WH, (int64_t)sim_phys_export_wh(p), 0);
	put_float(v, SS_113_TmpCab, 412, 1);
}

static void measure_der(struct device *v, const struct sim_phys *p, uint64_t real_ms)
{
	int64_t centi_a = sim_phys_current_ma(p) / 10, deci_v = p->voltage_mv / 100;
	int64_t phase_w = -p->power_w / 3, soc = sim_phys_soc(p);
	const struct value values[] = {
		{SS_701_W, -p->power_w},
		{SS_701_Hz, 50010},
		{SS_701_InvSt, get(v, SS_701_Alrm) ? 6 : 3},
		{SS_701_TotWhInj, (int64_t)sim_phys_export_wh(p)},
		{SS_701_TotWhAbs, (int64_t)sim_phys_import_wh(p)},
		{SS_701_WL1, -p->power_w - 2 * phase_w},
		{SS_701_WL2, phase_w},
		{SS_701_WL3, phase_w},
		{SS_701_AL1, centi_a},
		{SS_701_AL2, centi_a},
		{SS_701_AL3, centi_a},
		{SS_701_VL1, deci_v},
		{SS_701_VL2, deci_v},
		{SS_701_VL3, deci_v},
		{SS_713_SoC, soc},
		{SS_713_WHAvail, soc * p->capacity_wh / 10000},
		{SS_713_WHRtg, p->capacity_wh / 10},
	};

	puts_(v, values, MKT_ARRAY_SIZE(values));
	if (get(v, SS_704_WSetRvrtTms) != UINT32_MAX)
		put(v, SS_704_WSetRvrtRem,
		    v->revert_ms > real_ms ? (int64_t)(v->revert_ms - real_ms + 999) / 1000 : 0);
}

static void measure_battery(struct device *v, const struct sim_phys *p)
{
	int64_t soc = sim_phys_soc(p);
	const struct value values[] = {
		{SS_120_WHRtg, p->capacity_wh / 10}, {SS_124_ChaState, soc * 10},
		{SS_124_ChaSt, charge_state(p)}, {SS_802_SoC, soc},
		{SS_802_ChaSt, charge_state(p)}, {SS_802_LocRemCtl, v->local},
		{SS_802_WHRtg, p->capacity_wh / 10}, {SS_802_W, p->power_w},
	};

	if (where(v, SS_124_ChaState) >= 0)
		puts_(v, values, MKT_ARRAY_SIZE(values));
}

static void measure_meter(struct device *v, const struct sim_phys *p)
{
	int sign = v->flags & F_REVERSED ? -1 : 1;
	int64_t centi_a = sim_phys_current_ma(p) / 10, deci_v = p->voltage_mv / 100;
	int64_t w = sign * p->power_w, imp = (int64_t)sim_phys_import_wh(p);
	int64_t exp = (int64_t)sim_phys_export_wh(p);
	const struct value values[] = {
		{SS_203_AphA, centi_a}, {SS_203_AphB, centi_a}, {SS_203_AphC, centi_a},
		{SS_203_PhVphA, deci_v}, {SS_203_PhVphB, deci_v}, {SS_203_PhVphC, deci_v},
		{SS_203_Hz, 5001}, {SS_203_W, w}, {SS_203_WphA, w - 2 * (w / 3)},
		{SS_203_WphB, w / 3}, {SS_203_WphC, w / 3}, {SS_203_TotWhExp, exp},
		{SS_203_TotWhImp, imp},
	};

	puts_(v, values, MKT_ARRAY_SIZE(values));
	put_float(v, SS_213_AphA, centi_a, 2);
	put_float(v, SS_213_PhVphA, deci_v, 1);
	put_float(v, SS_213_Hz, 5001, 2);
	put_float(v, SS_213_W, w, 0);
	put_float(v, SS_213_TotWhExp, exp, 0);
	put_float(v, SS_213_TotWhImp, imp, 0);
}

static uint32_t in_register(uint32_t w)
{
	return w < INT16_MAX ? w : INT16_MAX;
}

/* A battery of another size, by --charge-max and --discharge-max, says so on its nameplate. */
static void rate(struct device *v, const struct sim_phys *p)
{
	uint32_t in = in_register(p->charge_max_w), out = in_register(p->discharge_max_w);
	uint32_t most = in > out ? in : out;
	const struct value values[] = {
		{SS_120_WRtg, most}, {SS_120_MaxChaRte, in}, {SS_120_MaxDisChaRte, out},
		{SS_124_WChaMax, most}, {SS_702_WMaxRtg, most}, {SS_702_WChaRteMaxRtg, in},
		{SS_702_WDisChaRteMaxRtg, out}, {SS_702_WMax, most}, {SS_702_WChaRteMax, in},
		{SS_702_WDisChaRteMax, out}, {SS_802_WChaRteMax, in}, {SS_802_WDisChaRteMax, out},
	};

	if (v->meter || (in == v->charge_w && out == v->discharge_w))
		return;
	v->charge_w = in;
	v->discharge_w = out;
	v->wmax_w = most;
	puts_(v, values, MKT_ARRAY_SIZE(values));
}

/* ---- requests ------------------------------------------------------------------------------ */

/* Is [at, at + n) within one model, its head included? */
static bool within_one(const struct device *v, uint32_t at, uint16_t n)
{
	for (unsigned i = 0; i < v->nm; i++)
		if (at >= v->m[i].at && at + n <= v->m[i].at + 2u + v->m[i].len)
			return true;
	return at + n <= 3 || (at + 1u == v->n && n == 1);
}

static int do_read(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		   uint16_t *out)
{
	struct device *v = d->priv;
	uint32_t at = (uint32_t)addr - v->base;

	(void)s;
	if (!holding)
		return SIM_RTU_FUNCTION;
	if (addr < v->base || at + n > v->n)
		return SIM_RTU_ADDRESS;
	if ((v->flags & F_STRICT) && (n > 60 || !within_one(v, at, n)))
		return SIM_RTU_ADDRESS;
	rate(v, &d->phys);
	measure_inverter(v, &d->phys);
	measure_der(v, &d->phys, sim_real_ms());
	measure_battery(v, &d->phys);
	measure_meter(v, &d->phys);
	memcpy(out, v->r + at, n * sizeof(*out));
	return 0;
}

/* What a device like this refuses. */
static bool is_valid(const struct device *v)
{
	int64_t out = get(v, SS_124_OutWRte), in = get(v, SS_124_InWRte);

	return get(v, SS_124_StorCtl_Mod) <= 3 && out >= -FULL && out <= FULL && in >= -FULL &&
	       in <= FULL && get(v, SS_704_WSetEna) <= 1 && get(v, SS_704_WSetMod) <= 1;
}

static int do_write(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		    const uint16_t *values)
{
	struct device *v = d->priv;
	uint32_t at = (uint32_t)addr - v->base;
	uint16_t old[REGS_MAX];

	(void)s;
	(void)single;
	if (addr < v->base || at + n > v->n)
		return SIM_RTU_ADDRESS;
	for (uint32_t i = at; i < at + n; i++)
		if (!v->writable[i])
			return SIM_RTU_ADDRESS;
	if (v->local)
		return 0; /* taken, and ignored */
	memcpy(old, v->r, sizeof(old));
	memcpy(v->r + at, values, n * sizeof(*values));
	if (!is_valid(v)) {
		memcpy(v->r, old, sizeof(old));
		return SIM_RTU_VALUE;
	}
	/* A heartbeat is no control. */
	if ((int)at != where(v, SS_802_CtrlHb)) {
		arm(v, sim_real_ms());
		control(d);
	}
	return 0;
}

static const struct sim_rtu_calls calls = {do_read, do_write, NULL};

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	struct device *first = sim_at(s, 0)->priv;

	sim_rtu_input(&first->framing, s, &calls, bytes, n, real_ms);
}

static void opened(struct sim *s)
{
	struct device *first = sim_at(s, 0)->priv;

	sim_rtu_opened(&first->framing);
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	struct device *v = d->priv;
	bool on = !strcmp(rest, "on");
	int32_t number = (int32_t)strtol(rest, NULL, 10);

	(void)s;
	if (!strcmp(verb, "own")) {
		v->own_w = number;
	} else if (!strcmp(verb, "load")) {
		v->load_w = number;
	} else if (!strcmp(verb, "local")) {
		v->local = on;
	} else if (!strcmp(verb, "fail")) {
		put(v, SS_103_Evt1, on);
		put(v, SS_113_Evt1, on);
		put(v, SS_701_Alrm, on);
	} else if (!strcmp(verb, "cap")) {
		bool off = !strcmp(rest, "off");

		put(v, SS_123_WMaxLimPct, off ? FULL : number);
		put(v, SS_123_WMaxLim_Ena, !off);
		put(v, SS_704_WMaxLimPct, off ? FULL : number);
		put(v, SS_704_WMaxLimPctEna, !off);
	} else if (!strcmp(verb, "foreign")) {
		put(v, SS_124_StorCtl_Mod, number & 3);
		put(v, SS_704_WSetEna, number != 0);
	} else {
		return false;
	}
	control(d);
	return true;
}

const struct sim_protocol sim_protocol = {
	.name = "sunspec",
	.summary = "SunSpec inverters, batteries and meters over Modbus RTU or TCP",
	.kind = MKT_DEV_BATTERY,
	.units = 32,
	.tcp = true,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
	.opened = opened,
};
