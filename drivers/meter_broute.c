/*
 * Smart meters of Japan (class 0288) over the B route.
 *
 * E7 and E8 are read in each pass, the counters in every second: the radio has a
 * budget, and the meter answers in seconds.  What it sends unasked each half
 * hour (EA, EB) are the counters at that instant of its own clock, exactly.
 */
#include "core/base/compat.h"

#include "core/units/civil.h"
#include "drivers/broute.h"

#define CALL_MS 200 /* the rest of a minute is waited for between calls */
#define JAPAN_S (9 * 3600) /* no summer time */

/* A counter of the meter, with what it has rolled over. */
struct counter {
	uint64_t last; /* as it was read */
	uint64_t rolled;
	bool known;
};

struct meter {
	struct drv_br br;
	bool described; /* D3, D7, E1 and identity are read */
	bool polling, counting;
	uint64_t unit_num, unit_den; /* Wh of one count */
	uint64_t modulus;	     /* counts */
	struct counter drawn, supplied;
	uint64_t half_hour_ms; /* of the notice that was taken last */
};

static const uint8_t describing[] = {0x82, 0x8A, 0x8D, 0xD3, 0xD7, 0xE1};
static const uint8_t flowing[] = {0xE7, 0xE8};
static const uint8_t counting[] = {0xE0, 0xE3};

static void add(struct drv_en_map *m, const uint8_t *epcs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		drv_en_put(m, epcs[i]);
}

/* ---- what the meter is --------------------------------------------------------------------- */

/* E1: power of ten of a kWh. */
static bool unit_of(int e1, uint64_t *num, uint64_t *den)
{
	static const struct {
		uint8_t code;
		uint32_t num, den;
	} units[] = {{0x00, 1000, 1},	 {0x01, 100, 1},     {0x02, 10, 1},
		     {0x03, 1, 1},	 {0x04, 1, 10},	     {0x0A, 10000, 1},
		     {0x0B, 100000, 1}, {0x0C, 1000000, 1}, {0x0D, 10000000, 1}};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(units); i++)
		if (units[i].code == e1) {
			*num = units[i].num;
			*den = units[i].den;
			return true;
		}
	return false;
}

static int take_scale(struct meter *m, struct mkt_err *err)
{
	const struct drv_en_talk *t = &m->br.t;
	const struct drv_en_value *d3 = drv_en_value(t, 0xD3);
	int digits = drv_en_byte(t, 0xD7), e1 = drv_en_byte(t, 0xE1);
	int64_t factor = 1;

	if (d3 && (!drv_en_u32(d3->edt, d3->n, &factor) || factor > 999999))
		return mkt_err_set(err, MKT_EDEVIDENTITY, "the meter's coefficient (D3) is none");
	if (digits < 1 || digits > 8)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "the meter's significant digits (D7) are %d, not 1 to 8",
				   digits);
	if (!unit_of(e1, &m->unit_num, &m->unit_den))
		return mkt_err_set(err, MKT_EDEVIDENTITY, "the meter's unit (E1) is %d", e1);
	m->unit_num *= (uint64_t)factor;
	m->modulus = 1;
	while (digits--)
		m->modulus *= 10;
	return 0;
}

static void identify(struct meter *m)
{
	const struct drv_en_talk *t = &m->br.t;
	struct mkt_identity *id = &m->br.d->id;
	const struct drv_en_value *v = drv_en_value(t, 0x8A);

	memset(id, 0, sizeof(*id));
	if (v && v->n == 3)
		snprintf(id->maker, sizeof(id->maker), "maker %02X%02X%02X", v->edt[0], v->edt[1],
			 v->edt[2]);
	v = drv_en_value(t, 0x82);
	snprintf(id->model, sizeof(id->model), "smart meter 028801%s%c",
		 v && v->n == 4 && v->edt[2] >= 'A' && v->edt[2] <= 'Z' ? " release " : "",
		 v && v->n == 4 && v->edt[2] >= 'A' && v->edt[2] <= 'Z' ? v->edt[2] : 0);
	snprintf(id->version, sizeof(id->version), "module %.40s", m->br.version);
	v = drv_en_value(t, 0x8D);
	if (v)
		mkt_dev_text(id->serial, v->edt, v->n);
}

static int describe(struct meter *m, uint64_t until_ms, struct mkt_err *err)
{
	struct drv_en_map set = {{0}};
	int r;

	if (m->br.anew) {
		m->br.anew = false;
		m->described = m->polling = false;
		add(&set, describing, sizeof(describing));
		drv_en_pass_begin(&m->br.t, &set);
	}
	if (m->described)
		return 0;
	r = drv_en_pass(&m->br.t, until_ms, err);
	if (r < 0)
		return r;
	r = take_scale(m, err);
	if (r < 0)
		return r;
	identify(m);
	m->described = true;
	return drv_check_serial(m->br.d, err);
}

/* ---- readings ------------------------------------------------------------------------------ */

static bool number(const struct meter *m, uint8_t epc,
		   bool (*get)(const void *edt, size_t n, int64_t *v), int64_t *out)
{
	const struct drv_en_value *v = drv_en_value(&m->br.t, epc);

	return v && get(v->edt, v->n, out);
}

/* Wh of the counter's reading @raw, on beyond its roll-over. */
static bool energy(const struct meter *m, struct counter *c, int64_t raw, int64_t *wh)
{
	uint64_t n = (uint64_t)raw, rolled = c->rolled, v;

	if (n >= m->modulus)
		return false;
	if (c->known && n < c->last && c->last - n > m->modulus / 2)
		rolled += m->modulus;
	if (__builtin_mul_overflow(rolled + n, m->unit_num, &v) || v / m->unit_den > INT64_MAX)
		return false;
	*wh = (int64_t)(v / m->unit_den);
	c->last = n;
	c->rolled = rolled;
	c->known = true;
	return true;
}

static enum mkt_reading_id counter_id(const struct meter *m, bool drawn)
{
	return drawn == (m->br.d->conf->meter_sign >= 0) ? MKT_R_ENERGY_IMPORT
							  : MKT_R_ENERGY_EXPORT;
}

static void tell_counter(struct meter *m, bool drawn, int64_t raw)
{
	int64_t wh;

	if (energy(m, drawn ? &m->drawn : &m->supplied, raw, &wh))
		drv_set(m->br.d, counter_id(m, drawn), wh);
}

static void tell_current(struct meter *m)
{
	const struct drv_en_value *v = drv_en_value(&m->br.t, 0xE8);
	int64_t a;

	if (!v || v->n != 4)
		return;
	if (drv_en_s16(v->edt, 2, &a))
		drv_set(m->br.d, MKT_R_CURRENT_L1, a * 100);
	if (drv_en_s16(v->edt + 2, 2, &a))
		drv_set(m->br.d, MKT_R_CURRENT_L2, a * 100);
}

static void tell(struct meter *m)
{
	struct drv_device *d = m->br.d;
	int64_t v, step = (int64_t)(m->unit_num / m->unit_den);

	drv_set(d, MKT_R_ENERGY_STEP, step ? step : 1);
	if (number(m, 0xE7, drv_en_s32, &v))
		drv_set(d, MKT_R_POWER, d->conf->meter_sign < 0 ? -v : v);
	tell_current(m);
	if (number(m, 0xE0, drv_en_u32, &v))
		tell_counter(m, true, v);
	if (number(m, 0xE3, drv_en_u32, &v))
		tell_counter(m, false, v);
}

/* EA, EB: year, month, day, hour, minute, second, and the counter at that time. */
static bool half_hour(const struct drv_en_value *v, int64_t *at_s, int64_t *raw)
{
	struct mkt_civil c;

	if (v->n != 11 || !drv_en_u32(v->edt + 7, 4, raw))
		return false;
	c = (struct mkt_civil){v->edt[0] << 8 | v->edt[1], v->edt[2], v->edt[3],
			       v->edt[4],		   v->edt[5], v->edt[6]};
	if (c.year < 2000 || c.year > 9999 || c.month < 1 || c.month > 12 || c.day < 1 ||
	    c.day > mkt_civil_month_days(c.year, c.month) || c.hour > 23 || c.minute > 59 ||
	    c.second > 59)
		return false;
	*at_s = mkt_civil_seconds(&c) - JAPAN_S;
	return true;
}

/*
 * Counters of the half hour, unless they were read since: then they lie before
 * what is known already.
 */
static void take_half_hour(struct meter *m)
{
	static const uint8_t epcs[] = {0xEA, 0xEB};
	int64_t at_s, raw;

	if (!m->br.t.noticed || !m->described)
		return;
	m->br.t.noticed = false;
	for (size_t i = 0; i < sizeof(epcs); i++) {
		const struct drv_en_value *v = &m->br.t.v[epcs[i] - 0x80];
		const struct counter *c = i ? &m->supplied : &m->drawn;

		if (v->at_ms <= m->half_hour_ms || !half_hour(v, &at_s, &raw))
			continue;
		if (c->known && (uint64_t)raw < c->last &&
		    c->last - (uint64_t)raw <= m->modulus / 2)
			continue;
		tell_counter(m, !i, raw);
		drv_set(m->br.d, MKT_R_DEVICE_TIME, at_s);
	}
	m->half_hour_ms = drv_now_ms();
}

/* ---- callbacks ----------------------------------------------------------------------------- */

static int go_on(struct meter *m, uint64_t until_ms, struct mkt_err *err)
{
	int r = drv_br_run(&m->br, until_ms, err);

	return r < 0 ? r : describe(m, until_ms, err);
}

/* As after an open(): three unanswered requests, and the session is taken for dead. */
static int rejoin(struct meter *m, int r, struct mkt_err *err)
{
	if (r != -MKT_EDEVTIMEOUT || m->br.state != DRV_BR_JOINED)
		return r;
	drv_br_rejoin(&m->br);
	m->polling = false;
	return mkt_err_set(err, MKT_EBUSY, "the meter is silent; joining again");
}

static int br_open(struct drv_device *d, struct mkt_err *err)
{
	struct drv_br_secret s;
	struct meter *m = d->priv;
	int r;

	if (!m) {
		r = drv_br_secret(d->link, d->conf->secret, &s, err);
		explicit_bzero(&s, sizeof(s));
		if (r < 0)
			return r;
		m = d->priv = calloc(1, sizeof(*m));
		if (!m)
			return mkt_err_code(err, MKT_ENOMEM);
		drv_br_init(&m->br, d->link, d, d->conf->secret);
	}
	r = go_on(m, drv_now_ms() + CALL_MS, err);
	if (r < 0)
		return rejoin(m, r, err);
	d->caps = MKT_CAP_READ_ONLY | MKT_CAP_IMPORT | MKT_CAP_EXPORT;
	return 0;
}

static int br_poll(struct drv_device *d, struct mkt_err *err)
{
	uint64_t until_ms = drv_now_ms() + CALL_MS;
	struct drv_en_map set = {{0}};
	struct meter *m = d->priv;
	int r = go_on(m, until_ms, err);

	if (r < 0)
		return rejoin(m, r, err);
	if (!m->polling) {
		add(&set, flowing, sizeof(flowing));
		m->counting = !m->counting;
		if (m->counting)
			add(&set, counting, sizeof(counting));
		drv_en_pass_begin(&m->br.t, &set);
		m->polling = true;
	}
	r = drv_en_pass(&m->br.t, until_ms, err);
	take_half_hour(m);
	if (r < 0)
		return rejoin(m, r, err);
	m->polling = false;
	tell(m);
	return 0;
}

static int br_input(struct drv_device *d, struct mkt_err *err)
{
	struct meter *m = d->priv;
	int n;

	do
		n = drv_br_pump(&m->br, 0, err);
	while (n > 0);
	take_half_hour(m);
	return n;
}

static int br_command(struct drv_device *d, const struct mkt_setpoint *set,
		      struct mkt_setpoint *applied, struct mkt_err *err)
{
	(void)d;
	(void)set;
	(void)applied;
	return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "a meter takes no orders");
}

static int br_safe_state(struct drv_device *d, struct mkt_err *err)
{
	(void)d;
	(void)err;
	return 0;
}

static void br_close(struct drv_device *d)
{
	free(d->priv);
	d->priv = NULL;
}

static int br_probe(struct drv_link *l, const struct mkt_device_conf *conf,
		    struct mkt_identity *id, struct mkt_err *err)
{
	static const char ask[] = "SKVER\r\n";
	struct drv_br *b;
	int r = 0;

	(void)conf;
	if (drv_link_is_datagram(l))
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return mkt_err_code(err, MKT_ENOMEM);
	drv_br_init(b, l, NULL, NULL);
	for (int i = 0; i < 2 && r >= 0 && !b->version[0]; i++) {
		uint64_t until_ms = drv_now_ms() + 700;

		r = drv_link_write(l, ask, sizeof(ask) - 1, until_ms, err);
		while (r >= 0 && !b->version[0] && drv_now_ms() < until_ms)
			r = drv_br_pump(b, until_ms, err);
	}
	memset(id, 0, sizeof(*id));
	snprintf(id->model, sizeof(id->model), "Wi-SUN module (SKSTACK-IP)");
	memcpy(id->version, b->version, sizeof(id->version) - 1);
	if (r >= 0 && b->version[0])
		r = drv_link_drain(l, 50, 500, err) < 0 ? -MKT_EDEVLOST : 1;
	else if (r > 0)
		r = 0;
	free(b);
	return r;
}

const struct drv_driver drv_broute = {
	.name = "broute",
	.summary = "smart meters of Japan over a Wi-SUN module (B route)",
	.maturity = DRV_BETA,
	.kind = MKT_DEV_METER,
	.line = {.speed = 115200, .parity = 'N', .data_bits = 8, .stop_bits = 1},
	.settle_ms = 200,
	.poll_ms = 20000,
	.busy_ms = 600000, /* three scans take four minutes, backing off three */
	.probe = br_probe,
	.open = br_open,
	.poll = br_poll,
	.input = br_input,
	.command = br_command,
	.safe_state = br_safe_state,
	.close = br_close,
};
