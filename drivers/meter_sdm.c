/*
 * Eastron SDM630, SDM72 and SDM120 meters: Modbus RTU, 9600 8N1 unless set
 * otherwise, or over a TCP gateway.
 *
 * Input registers, float32, high word first, at most 60 a request.  The
 * configuration in the meter's holding registers is never written.  A meter of one
 * phase has no registers of the others, or reads 0.0 V there.
 */
#include "core/base/compat.h"

#include "drivers/modbus.h"

#define VOLTS 0x00   /* then A at 06, W at 0C: three each */
#define AMPERES 0x06
#define WATTS 0x0C
#define VWA_COUNT 18
#define TOTAL_W 0x34
#define HERTZ 0x46   /* then import and export kWh */
#define HKK_COUNT 6
#define SERIAL 0xFC00 /* holding, u32; many have it */

#define UNIT 1
#define CONNECTED_MV 50000
#define VOLTS_MAX_MV 500000
#define HERTZ_MIN 45000
#define HERTZ_MAX 65000

struct sdm {
	struct drv_mb *mb;
	bool three; /* has registers of three phases */
};

static int attach(struct drv_link *l, struct drv_device *d, const struct mkt_device_conf *conf,
		  struct drv_mb **mb, struct mkt_err *err)
{
	struct drv_mb_conf c = {.unit = conf->unit ? conf->unit : UNIT,
				.retries = d ? 2 : 0};
	int rc = drv_mb_new(l, d, &c, mb, err);

	if (rc >= 0)
		drv_mb_begin(*mb);
	return rc;
}

static int64_t scaled(const uint16_t *r, unsigned digits)
{
	int64_t v;

	return drv_f32_scaled(drv_be32(r), digits, &v) ? v : INT64_MIN;
}

/* @n values from @addr, which may be refused: 0. */
static int read_some(struct drv_mb *mb, uint16_t addr, uint16_t n, uint16_t *r, struct mkt_err *err)
{
	int rc = drv_mb_input(mb, addr, n, r, err);

	if (rc >= 0)
		return 1;
	return rc == -MKT_EDEVREFUSED && drv_mb_exception(mb) == 2 ? 0 : rc;
}

/* 1 a meter, 0 something else: @text says what was read.  *@phases: those that are connected. */
static int look(struct drv_mb *mb, bool *three, char *text, size_t size, struct mkt_err *err)
{
	uint16_t r[6] = {0}, hertz[2] = {0};
	int64_t mv, mhz;
	int rc = read_some(mb, VOLTS, 6, r, err);

	*three = rc > 0;
	if (!rc)
		rc = read_some(mb, VOLTS, 2, r, err);
	if (rc > 0)
		rc = read_some(mb, HERTZ, 2, hertz, err);
	if (rc < 0)
		return rc;
	mv = scaled(r, 3);
	mhz = scaled(hertz, 3);
	(void)snprintf(text, size, "%04x %04x as voltage and %04x %04x as frequency", r[0], r[1],
		       hertz[0], hertz[1]);
	return rc && mv >= CONNECTED_MV && mv <= VOLTS_MAX_MV && mhz >= HERTZ_MIN &&
	       mhz <= HERTZ_MAX;
}

static void identity(struct drv_mb *mb, bool three, struct mkt_identity *id)
{
	uint16_t serial[2];

	*id = (struct mkt_identity){.maker = "Eastron"};
	(void)snprintf(id->model, sizeof(id->model), "%s", three ? "SDM630" : "SDM120");
	if (drv_mb_holding(mb, SERIAL, 2, serial, NULL) >= 0)
		(void)snprintf(id->serial, sizeof(id->serial), "%u", drv_be32(serial));
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	struct drv_mb *mb;
	char text[80];
	bool three;
	int rc = attach(l, NULL, conf, &mb, err);

	if (rc < 0)
		return rc;
	rc = look(mb, &three, text, sizeof(text), err);
	if (rc > 0)
		identity(mb, three, id);
	drv_mb_free(mb);
	return rc > 0 || rc == -MKT_EDEVLOST ? rc : 0;
}

static int s_open(struct drv_device *d, struct mkt_err *err)
{
	struct sdm *s = calloc(1, sizeof(*s));
	char text[80] = "";
	int rc;

	d->priv = s;
	if (!s)
		return mkt_err_code(err, MKT_ENOMEM);
	rc = attach(d->link, d, d->conf, &s->mb, err);
	if (rc >= 0)
		rc = look(s->mb, &s->three, text, sizeof(text), err);
	if (rc == 0)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "not such a meter: it reads %s", text);
	if (rc < 0)
		return rc;
	identity(s->mb, s->three, &d->id);
	d->caps = MKT_CAP_IMPORT | MKT_CAP_EXPORT;
	return drv_check_serial(d, err);
}

/* ---- readings -------------------------------------------------------------------------------- */

static void set(struct drv_device *d, enum mkt_reading_id id, int64_t v)
{
	if (v != INT64_MIN)
		drv_set(d, id, v);
}

/* Volts, amperes and watts of a phase. */
static void set_phase(struct drv_device *d, int phase, const uint16_t *v, const uint16_t *a,
		      const uint16_t *w)
{
	int64_t power = scaled(w, 0);

	set(d, (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + phase), scaled(v, 3));
	set(d, (enum mkt_reading_id)(MKT_R_CURRENT_L1 + phase), scaled(a, 3));
	if (power != INT64_MIN)
		power *= d->conf->meter_sign;
	set(d, (enum mkt_reading_id)(MKT_R_POWER_L1 + phase), power);
}

static void set_power(struct drv_device *d, const uint16_t *w)
{
	int64_t power = scaled(w, 0);

	if (power != INT64_MIN)
		drv_set(d, MKT_R_POWER, power * d->conf->meter_sign);
}

static int poll_three(struct drv_device *d, struct sdm *s, struct mkt_err *err)
{
	uint16_t r[VWA_COUNT], total[2];
	int rc = drv_mb_input(s->mb, VOLTS, VWA_COUNT, r, err), phases = 0;

	if (rc >= 0)
		rc = drv_mb_input(s->mb, TOTAL_W, 2, total, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < 3; i++) {
		set_phase(d, i, r + VOLTS + 2 * i, r + AMPERES + 2 * i, r + WATTS + 2 * i);
		phases += scaled(r + VOLTS + 2 * i, 3) > CONNECTED_MV;
	}
	/* One of one phase that reads 0 for the others has no total either. */
	set_power(d, phases == 1 ? r + WATTS : total);
	drv_set(d, MKT_R_PHASES, phases);
	return 0;
}

static int poll_one(struct drv_device *d, struct sdm *s, struct mkt_err *err)
{
	uint16_t v[2], a[2], w[2];
	int rc = drv_mb_input(s->mb, VOLTS, 2, v, err);

	if (rc >= 0)
		rc = drv_mb_input(s->mb, AMPERES, 2, a, err);
	if (rc >= 0)
		rc = drv_mb_input(s->mb, WATTS, 2, w, err);
	if (rc < 0)
		return rc;
	set_phase(d, 0, v, a, w);
	set_power(d, w);
	drv_set(d, MKT_R_PHASES, 1);
	return 0;
}

static void set_counters(struct drv_device *d, const uint16_t *import, const uint16_t *export)
{
	uint32_t a = drv_f32_step(drv_be32(import), 3), b = drv_f32_step(drv_be32(export), 3);
	bool turned = d->conf->meter_sign < 0;

	drv_set(d, MKT_R_ENERGY_STEP, a > b ? a : b);
	set(d, MKT_R_ENERGY_IMPORT, scaled(turned ? export : import, 3));
	set(d, MKT_R_ENERGY_EXPORT, scaled(turned ? import : export, 3));
}

static int s_poll(struct drv_device *d, struct mkt_err *err)
{
	struct sdm *s = d->priv;
	uint16_t r[HKK_COUNT];
	int rc;

	drv_mb_begin(s->mb);
	rc = s->three ? poll_three(d, s, err) : poll_one(d, s, err);
	if (rc >= 0)
		rc = drv_mb_input(s->mb, HERTZ, HKK_COUNT, r, err);
	if (rc < 0)
		return rc;
	set(d, MKT_R_FREQUENCY, scaled(r, 3));
	set_counters(d, r + 2, r + 4);
	return 0;
}

static int s_command(struct drv_device *d, const struct mkt_setpoint *set,
		     struct mkt_setpoint *applied, struct mkt_err *err)
{
	(void)d;
	(void)set;
	(void)applied;
	return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "a meter takes no orders");
}

static int s_safe_state(struct drv_device *d, struct mkt_err *err)
{
	(void)d;
	(void)err;
	return 0;
}

static void s_close(struct drv_device *d)
{
	struct sdm *s = d->priv;

	if (s)
		drv_mb_free(s->mb);
	free(s);
	d->priv = NULL;
}

const struct drv_driver drv_sdm = {
	.name = "sdm",
	.summary = "Eastron SDM meters, Modbus RTU",
	.maturity = DRV_EXPERIMENTAL,
	.kind = MKT_DEV_METER,
	.line = {.speed = 9600, .parity = 'N', .data_bits = 8, .stop_bits = 1},
	.pause_ms = 20,
	.poll_ms = 2000,
	.unit = UNIT,
	.probe = probe,
	.open = s_open,
	.poll = s_poll,
	.command = s_command,
	.safe_state = s_safe_state,
	.close = s_close,
};
