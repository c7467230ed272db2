/*
 * Driver `p1`: DSMR and ESMR meters, which push a telegram every one to ten
 * seconds and are never spoken to.  input() takes what comes and sets the readings
 * at once; poll() says whether the last good telegram is too old.
 *
 * A meter that has once sent a right checksum must go on sending them.
 */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/driver.h"
#include "drivers/p1.h"

#define FIRST_MS 25000u /* for the first good telegram: two of DSMR 4 and some */
#define OLD_MS 25000u	/* two are missing */
#define PROBE_MS 2500u

struct p1 {
	struct p1_stream stream;
	struct p1_values v;  /* of the last good telegram, with good_ms */
	uint64_t opened_ms;
	uint64_t good_ms;    /* 0: none yet */
	bool has_crc;	     /* it sends checksums */
	uint32_t bad;	     /* telegrams since the last good one */
	uint32_t dropped;    /* of the stream, counted already */
	uint64_t bytes;	     /* since open, for who sees none or garbage */
	struct mkt_err why;  /* of the last bad one */
};

/* ---- readings ----------------------------------------------------------------------------- */

static void set_if(struct drv_device *d, enum mkt_reading_id id, int64_t v)
{
	if (v != P1_NONE)
		drv_set(d, id, v);
}

/* Drawn minus supplied; a meter may tell one of them only. */
static int64_t net(const struct drv_device *d, int64_t import_w, int64_t export_w)
{
	if (import_w == P1_NONE && export_w == P1_NONE)
		return P1_NONE;
	import_w = import_w == P1_NONE ? 0 : import_w;
	export_w = export_w == P1_NONE ? 0 : export_w;
	return (import_w - export_w) * d->conf->meter_sign;
}

static void tell(struct drv_device *d, const struct p1_values *v)
{
	bool turned = d->conf->meter_sign < 0;

	set_if(d, MKT_R_POWER, net(d, v->import_w, v->export_w));
	for (unsigned i = 0; i < 3; i++) {
		set_if(d, (enum mkt_reading_id)(MKT_R_POWER_L1 + i),
		       net(d, v->phase_import_w[i], v->phase_export_w[i]));
		set_if(d, (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + i), v->phase_mv[i]);
		set_if(d, (enum mkt_reading_id)(MKT_R_CURRENT_L1 + i), v->phase_ma[i]);
	}
	if (v->step_wh)
		drv_set(d, MKT_R_ENERGY_STEP, v->step_wh);
	set_if(d, MKT_R_ENERGY_IMPORT, turned ? v->export_wh : v->import_wh);
	set_if(d, MKT_R_ENERGY_EXPORT, turned ? v->import_wh : v->export_wh);
	if (v->time_s)
		drv_set(d, MKT_R_DEVICE_TIME, v->time_s);
}

/* ---- telegrams ---------------------------------------------------------------------------- */

static int check(const struct drv_device *d, const struct p1 *p, const struct p1_values *v,
		 struct mkt_err *err)
{
	if (p->has_crc && !v->has_crc)
		return mkt_err_set(err, MKT_EDEVFRAME, "a telegram without checksum, after others "
						       "that had one");
	if (p->good_ms && d->id.serial[0] && strcmp(v->serial, d->id.serial) != 0)
		return mkt_err_set(err, MKT_EDEVFRAME, "a telegram of meter '%s', not '%s'",
				   v->serial, d->id.serial);
	return 0;
}

static void take_telegram(struct drv_device *d, struct p1 *p)
{
	struct p1_values v = {.has_crc = false};
	int r = p1_parse(p->stream.bytes, p->stream.n, &v, &p->why);

	if (!r)
		r = check(d, p, &v, &p->why);
	if (r < 0) {
		p->bad++;
		drv_count(d, DRV_BAD_FRAMES);
		return;
	}
	drv_count(d, DRV_ANSWERS);
	p->v = v;
	p->has_crc |= v.has_crc;
	p->bad = 0;
	p->good_ms = drv_now_ms();
}

/* Telegrams that never came to their end. */
static void count_dropped(struct drv_device *d, struct p1 *p)
{
	for (; p->dropped != p->stream.dropped; p->dropped++) {
		p->bad++;
		mkt_err_set(&p->why, MKT_EDEVFRAME, "a telegram without end");
		drv_count(d, DRV_BAD_FRAMES);
	}
}

/* What has come by now; readings of the last telegram once the meter is known. */
static int collect(struct drv_device *d, struct mkt_err *err)
{
	struct p1 *p = d->priv;
	uint64_t before = p->good_ms;
	uint8_t bytes[512];
	int n;

	while ((n = drv_link_read(d->link, bytes, sizeof(bytes), drv_now_ms(), err)) > 0) {
		const uint8_t *at = bytes;
		size_t left = (size_t)n;

		p->bytes += left;
		while (p1_take(&p->stream, &at, &left) > 0)
			take_telegram(d, p);
		count_dropped(d, p);
		if (n < (int)sizeof(bytes))
			break;
	}
	if (n >= 0 && p->good_ms != before && d->caps)
		tell(d, &p->v);
	return n < 0 ? n : 0;
}

/* Nothing good for too long: in words, what came instead. */
static int too_old(const struct p1 *p, uint64_t age_ms, struct mkt_err *err)
{
	if (p->bad)
		return mkt_err_set(err, MKT_EDEVFRAME, "%u bad telegrams, and no good one for %llu "
						       "s: %.120s",
				   p->bad, (unsigned long long)(age_ms / 1000), p->why.text);
	if (!p->good_ms && p->bytes)
		return mkt_err_set(err, MKT_EDEVFRAME,
				   "%llu bytes came in %llu s, but no telegram: check speed and "
				   "parity (115200 8N1, or 9600 7E1), and that the cable inverts",
				   (unsigned long long)p->bytes,
				   (unsigned long long)(age_ms / 1000));
	return mkt_err_set(err, MKT_EDEVTIMEOUT,
			   "no telegram for %llu s: the meter sends one every 1 to 10 s while its "
			   "data request line is high",
			   (unsigned long long)(age_ms / 1000));
}

/* ---- callbacks ---------------------------------------------------------------------------- */

/* "/XMX5LGBBFG..." : three letters of the maker, the speed, the model. */
static void identify(struct mkt_identity *id, const struct p1_values *v)
{
	memset(id, 0, sizeof(*id));
	mkt_dev_text(id->maker, v->ident, strnlen(v->ident, 3));
	if (strlen(v->ident) > 4)
		mkt_dev_text(id->model, v->ident + 4, strlen(v->ident + 4));
	if (v->version)
		snprintf(id->version, sizeof(id->version), "DSMR %d.%d", v->version / 10,
			 v->version % 10);
	else if (!v->has_crc)
		snprintf(id->version, sizeof(id->version), "DSMR 2.2 or 3.0");
	memcpy(id->serial, v->serial, sizeof(id->serial));
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	struct drv_device d = {.link = l, .conf = conf};
	uint64_t until = drv_now_ms() + PROBE_MS;
	struct p1 p = {.bad = 0};
	int r = 0;

	d.priv = &p;
	while (!r && !p.good_ms && drv_now_ms() < until) {
		r = collect(&d, err);
		drv_sleep_ms(20);
	}
	if (r < 0 || !p.good_ms)
		return r;
	identify(id, &p.v);
	return 1;
}

static int open_device(struct drv_device *d, struct mkt_err *err)
{
	struct p1 *p = d->priv;
	uint64_t waited;
	bool turned;
	int r;

	if (!p) {
		d->priv = p = calloc(1, sizeof(*p));
		if (!p)
			return mkt_err_code(err, MKT_ENOMEM);
		p->opened_ms = drv_now_ms();
	}
	r = collect(d, err);
	if (r < 0)
		return r;
	waited = drv_now_ms() - p->opened_ms;
	if (!p->good_ms && waited > FIRST_MS)
		return too_old(p, waited, err);
	if (!p->good_ms)
		return mkt_err_set(err, MKT_EBUSY, "waiting for the first telegram");
	identify(&d->id, &p->v);
	r = drv_check_serial(d, err);
	if (r < 0)
		return r;
	turned = d->conf->meter_sign < 0;
	d->caps = p->v.import_wh == P1_NONE ? 0 : turned ? MKT_CAP_EXPORT : MKT_CAP_IMPORT;
	d->caps |= p->v.export_wh == P1_NONE ? 0 : turned ? MKT_CAP_IMPORT : MKT_CAP_EXPORT;
	if (!d->caps)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "meter '%.40s' tells no energy: neither 1-0:1.8.x nor 2.8.x",
				   p->v.ident);
	tell(d, &p->v);
	return 0;
}

static int poll_device(struct drv_device *d, struct mkt_err *err)
{
	struct p1 *p = d->priv;
	int r = collect(d, err);
	uint64_t age = drv_now_ms() - p->good_ms;

	if (r < 0)
		return r;
	if (age <= OLD_MS)
		return 0;
	drv_count(d, DRV_TIMEOUTS);
	return too_old(p, age, err);
}

static int command(struct drv_device *d, const struct mkt_setpoint *set,
		   struct mkt_setpoint *applied, struct mkt_err *err)
{
	(void)d, (void)set, (void)applied;
	return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "a meter takes no orders");
}

static int safe_state(struct drv_device *d, struct mkt_err *err)
{
	(void)d, (void)err;
	return 0;
}

static void close_device(struct drv_device *d)
{
	free(d->priv);
	d->priv = NULL;
}

const struct drv_driver drv_p1 = {
	.name = "p1",
	.summary = "DSMR and ESMR smart meters, P1 port",
	.maturity = DRV_EXPERIMENTAL,
	.kind = MKT_DEV_METER,
	.line = {.speed = 115200, .parity = 'N', .data_bits = 8, .stop_bits = 1},
	.poll_ms = 10000,
	.probe = probe,
	.open = open_device,
	.poll = poll_device,
	.input = collect,
	.command = command,
	.safe_state = safe_state,
	.close = close_device,
};
