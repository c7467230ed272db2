/*
 * Mennekes AMTRON Compact 2.0s and its sisters (Kostal Enector, AMTRON 4You 300,
 * Start 2.0s): Modbus RTU, 57600 8N2, unit 1 (50 in satellite mode).
 *
 * "Modbus RTU Specification AMTRON Compact 2.0s" 2.0, layout 1.0 to 1.3.  Here a
 * limit of 0 is NO LIMIT: to pause is to withdraw the release, never to write a
 * limit.  Between two limits the box wants 5 s.  Published drivers disagree about
 * the order of words in float32: it is found out by limits that must be currents.
 */
#include "core/base/compat.h"

#include "drivers/evse.h"
#include "drivers/modbus.h"

#define LAYOUT 0x0000
#define FIRMWARE 0x0001
#define SERIAL 0x0013
#define STATE 0x0100
#define CONTROL_PILOT 0x0108
#define LIMIT 0x0302	     /* A, by the controller; 0 no limit, below 6 pauses */
#define LIMIT_INSTALLED 0x0304
#define LIMIT_CHARGER 0x0306
#define PHASES_FIXED 0x030C  /* 0 only one, 1 only three, 2 switchable */
#define FAILSAFE_READ 0x030E
#define METER 0x0500	     /* I, U, P of three phases, P */
#define METER_COUNT 20
#define FAILSAFE 0x073A	     /* 0 off, 1 pause, 6..32 A; from layout 1.3 on */
#define TEMPERATURE 0x0900
#define LIMIT_FORCE 0x0B00   /* of all limits; then session energy */
#define HEARTBEAT 0x0D00
#define PHASES_WANTED 0x0D04 /* 0 all, 1 one; then the release */
#define RELEASE 0x0D05
#define ERROR_CODE 0x0E00    /* then 1: the master is lost */
#define ENERGY 0x1000	     /* kWh */

#define UNIT 1
#define TEXT_REGISTERS 16
#define LAYOUT_FIRST 0x0100
#define LAYOUT_FAILSAFE 0x0103
#define LAYOUT_LAST 0x0103
#define HEARTBEAT_VALUE 0x55AA
#define HEARTBEAT_S 10
#define HEARTBEAT_MS 3000
#define CHANGE_MS 5000 /* between limits */
#define SETTLE_MS 5000
#define STEP_MA 100
#define BOX_MAX_MA 32000

struct mennekes {
	struct drv_mb *mb;
	const struct drv_device *dev;
	uint16_t layout;
	bool low_first;	      /* words of 32 bit numbers */
	uint16_t failsafe;    /* as configured */
	bool given_back;      /* to its own programme: no failsafe */
	bool limited;	      /* limit_ms is set */
	uint64_t limit_ms;    /* when a limit was written last */
	bool waiting;	      /* a command is under way */
	int32_t waiting_ma;
	uint64_t written_ms;  /* of that command; 0: not yet */
};

/* What is in force, mA. */
struct control {
	int64_t limit_ma, force_ma;
	bool released;
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

/* ---- numbers --------------------------------------------------------------------------------- */

static uint32_t word32(const struct mennekes *m, const uint16_t *r)
{
	return m->low_first ? (uint32_t)r[1] << 16 | r[0] : drv_be32(r);
}

/* Thousandths; what is no number is -1. */
static int64_t milli(const struct mennekes *m, const uint16_t *r)
{
	int64_t v;

	return drv_f32_scaled(word32(m, r), 3, &v) ? v : -1;
}

static int read_milli(struct mennekes *m, uint16_t addr, int64_t *v, struct mkt_err *err)
{
	uint16_t r[2];
	int rc = drv_mb_holding(m->mb, addr, 2, r, err);

	if (rc >= 0)
		*v = milli(m, r);
	return rc;
}

static bool is_current(int64_t ma)
{
	return ma >= EVSE_MIN_MA && ma <= BOX_MAX_MA;
}

/* Limits that must be 6..32 A tell which word comes first: those of installation and charger. */
static int find_order(struct mennekes *m, const uint16_t r[4], struct mkt_err *err)
{
	bool high, low;

	m->low_first = false;
	high = is_current(milli(m, r)) && is_current(milli(m, r + 2));
	m->low_first = true;
	low = is_current(milli(m, r)) && is_current(milli(m, r + 2));
	m->low_first = low;
	if (high != low)
		return 0;
	return mkt_err_set(err, MKT_EDEVIDENTITY,
			   "registers 0x0304 to 0x0307 read %04x %04x %04x %04x: no order of words "
			   "makes only one pair of currents of it",
			   r[0], r[1], r[2], r[3]);
}

/* ---- identity -------------------------------------------------------------------------------- */

static int read_text(struct drv_mb *mb, uint16_t addr, char out[MKT_DEV_TEXT_MAX + 1],
		     struct mkt_err *err)
{
	uint8_t bytes[2 * TEXT_REGISTERS];
	uint16_t r[TEXT_REGISTERS];
	int rc = drv_mb_holding(mb, addr, TEXT_REGISTERS, r, err);

	for (size_t i = 0; rc >= 0 && i < TEXT_REGISTERS; i++) {
		bytes[2 * i] = (uint8_t)(r[i] >> 8);
		bytes[2 * i + 1] = (uint8_t)r[i];
	}
	if (rc >= 0)
		mkt_dev_text(out, bytes, sizeof(bytes));
	return rc;
}

/* 1: it is one of this family; *@layout may still be unknown. */
static int identify(struct drv_mb *mb, struct mkt_identity *id, uint16_t *layout,
		    struct mkt_err *err)
{
	char firmware[MKT_DEV_TEXT_MAX + 1];
	int rc = drv_mb_holding(mb, LAYOUT, 1, layout, err);

	if (rc < 0 || *layout >> 8 != LAYOUT_FIRST >> 8)
		return rc < 0 ? rc : 0;
	*id = (struct mkt_identity){.maker = "Mennekes", .model = "AMTRON Compact 2.0s"};
	rc = read_text(mb, FIRMWARE, firmware, err);
	if (rc >= 0)
		rc = read_text(mb, SERIAL, id->serial, err);
	if (rc < 0 || !firmware[0])
		return rc < 0 ? rc : 0;
	(void)snprintf(id->version, sizeof(id->version), "layout %d.%d, %.40s", *layout >> 8,
		       *layout & 0xff, firmware);
	return 1;
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	struct drv_mb *mb;
	uint16_t layout;
	int rc = attach(l, NULL, conf, &mb, err);

	if (rc < 0)
		return rc;
	rc = identify(mb, id, &layout, err);
	drv_mb_free(mb);
	return rc > 0 || rc == -MKT_EDEVLOST ? rc : 0;
}

static int check_identity(struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	int rc = identify(m->mb, &d->id, &m->layout, err);

	if (rc < 0)
		return rc;
	if (!rc || m->layout > LAYOUT_LAST)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "layout 0x%04x, version '%s' was read: known are layouts 0x%04x "
				   "to 0x%04x",
				   m->layout, d->id.version, LAYOUT_FIRST, LAYOUT_LAST);
	return drv_check_serial(d, err);
}

/* ---- heartbeat and failsafe ------------------------------------------------------------------ */

static int heartbeat(struct mennekes *m, struct mkt_err *err)
{
	return drv_mb_write1(m->mb, HEARTBEAT, HEARTBEAT_VALUE, err);
}

static int read_failsafe(struct mennekes *m, uint16_t *value, struct mkt_err *err)
{
	return drv_mb_holding(m->mb, m->layout >= LAYOUT_FAILSAFE ? FAILSAFE : FAILSAFE_READ, 1,
			      value, err);
}

/* Written on change only: the box may keep it in flash. */
static int arm(struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	uint16_t got, want = m->given_back ? 0 : m->failsafe;
	int rc = read_failsafe(m, &got, err);

	if (rc >= 0 && got != want && m->layout >= LAYOUT_FAILSAFE) {
		rc = drv_mb_write1(m->mb, FAILSAFE, want, err);
		if (rc >= 0 || rc == -MKT_EDEVTIMEOUT || rc == -MKT_EDEVFRAME)
			rc = read_failsafe(m, &got, err);
		if (rc >= 0 && got != want)
			return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
					   "failsafe: %u was written, %u is read back", want, got);
	}
	if (rc < 0)
		return rc;
	drv_set(d, MKT_R_WATCHDOG, got ? HEARTBEAT_S : 0);
	drv_set(d, MKT_R_FAILSAFE_CURRENT, got >= 6 ? got * 1000 : 0);
	return got != 0;
}

/* ---- readings -------------------------------------------------------------------------------- */

static int read_control(struct mennekes *m, struct control *c, struct mkt_err *err)
{
	uint16_t release;
	int rc = drv_mb_holding(m->mb, RELEASE, 1, &release, err);

	if (rc >= 0)
		rc = read_milli(m, LIMIT, &c->limit_ma, err);
	if (rc >= 0)
		rc = read_milli(m, LIMIT_FORCE, &c->force_ma, err);
	if (rc >= 0)
		c->released = release != 0;
	return rc;
}

/* The current that the vehicle may take: 0 pause. */
static int64_t in_force(const struct control *c)
{
	int64_t ma = c->force_ma;

	if (!c->released || c->limit_ma < 0)
		return 0;
	if (c->limit_ma && c->limit_ma < ma)
		ma = c->limit_ma;
	return ma < EVSE_MIN_MA ? 0 : ma;
}

static void set_control(struct drv_device *d, const struct control *c)
{
	int64_t ma = in_force(c);

	drv_set(d, MKT_R_CURRENT_LIMIT, ma);
	drv_set(d, MKT_R_ENABLED, ma != 0);
}

/* By the control pilot; by the box's own state where that says nothing. */
static enum mkt_dev_vehicle vehicle_of(uint16_t pilot, uint16_t state)
{
	switch (pilot) {
	case 10: /* A1, A2 */
	case 26:
		return MKT_VEHICLE_A;
	case 11:
	case 27:
		return MKT_VEHICLE_B;
	case 12: /* C, and D: with ventilation */
	case 13:
	case 28:
	case 29:
		return MKT_VEHICLE_C;
	case 14:
	case 15:
		return MKT_VEHICLE_F;
	default:
		break;
	}
	if (state == 1)
		return MKT_VEHICLE_A;
	if (state >= 2 && state <= 5)
		return state == 5 ? MKT_VEHICLE_C : MKT_VEHICLE_B;
	return state == 6 ? MKT_VEHICLE_F : MKT_VEHICLE_UNKNOWN;
}

static int poll_state(struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	uint16_t state, pilot, error[2];
	int rc = drv_mb_holding(m->mb, STATE, 1, &state, err);

	if (rc >= 0)
		rc = drv_mb_holding(m->mb, CONTROL_PILOT, 1, &pilot, err);
	if (rc >= 0)
		rc = drv_mb_holding(m->mb, ERROR_CODE, 2, error, err);
	if (rc < 0)
		return rc;
	drv_set(d, MKT_R_VEHICLE, vehicle_of(pilot, state));
	drv_set(d, MKT_R_FAULT, error[0]);
	if (error[0] || state == 6)
		drv_fault(d, "error code %u (0x%04x)", error[0], error[0]);
	else if (state == 7)
		drv_fault(d, "the box is in service mode");
	else
		drv_fault(d, NULL);
	return 0;
}

static void set_milli(struct drv_device *d, enum mkt_reading_id id, int64_t v)
{
	if (v >= 0)
		drv_set(d, id, v);
}

static int poll_meter(struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	uint16_t r[METER_COUNT];
	int64_t v;
	int rc = drv_mb_holding(m->mb, METER, METER_COUNT, r, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < 3; i++) {
		set_milli(d, (enum mkt_reading_id)(MKT_R_CURRENT_L1 + i), milli(m, r + 2 * i));
		set_milli(d, (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + i), milli(m, r + 6 + 2 * i));
		if (drv_f32_scaled(word32(m, r + 12 + 2 * i), 0, &v))
			drv_set(d, (enum mkt_reading_id)(MKT_R_POWER_L1 + i), v);
	}
	if (drv_f32_scaled(word32(m, r + 18), 0, &v))
		drv_set(d, MKT_R_POWER, v);
	return 0;
}

static int poll_energy(struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	uint16_t session[4], total[2], celsius[2];
	int64_t v;
	int rc = drv_mb_holding(m->mb, LIMIT_FORCE, 4, session, err);

	if (rc >= 0)
		rc = drv_mb_holding(m->mb, ENERGY, 2, total, err);
	if (rc >= 0)
		rc = drv_mb_holding(m->mb, TEMPERATURE, 2, celsius, err);
	if (rc < 0)
		return rc;
	set_milli(d, MKT_R_ENERGY_SESSION, milli(m, session + 2));
	drv_set(d, MKT_R_ENERGY_STEP, drv_f32_step(word32(m, total), 3));
	set_milli(d, MKT_R_ENERGY_IMPORT, milli(m, total));
	if (drv_f32_scaled(word32(m, celsius), 3, &v))
		drv_set(d, MKT_R_TEMPERATURE, v);
	return 0;
}

static int poll_phases(struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	uint16_t fixed, wanted;
	int rc = drv_mb_holding(m->mb, PHASES_FIXED, 1, &fixed, err);

	if (rc >= 0)
		rc = drv_mb_holding(m->mb, PHASES_WANTED, 1, &wanted, err);
	if (rc >= 0)
		drv_set(d, MKT_R_PHASES, fixed == 0 || (fixed == 2 && wanted == 1) ? 1 : 3);
	return rc;
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static int failsafe_conf(const struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	int32_t ma;
	int rc = evse_failsafe(d, &ma, err);

	if (rc < 0)
		return rc;
	if (ma > BOX_MAX_MA || ma % 1000)
		return mkt_err_set(err, MKT_EINVAL,
				   "failsafe of %d mA: this box has whole amperes up to 32", ma);
	if (d->conf->watchdog_s && d->conf->watchdog_s != HEARTBEAT_S)
		return mkt_err_set(err, MKT_EINVAL, "watchdog of %u s: this box has %d s only",
				   d->conf->watchdog_s, HEARTBEAT_S);
	m->failsafe = (uint16_t)(ma ? ma / 1000 : 1);
	return 0;
}

static int read_ranges(struct drv_device *d, struct mennekes *m, struct mkt_err *err)
{
	uint16_t r[4];
	int64_t installed, charger;
	int rc = drv_mb_holding(m->mb, LIMIT_INSTALLED, 4, r, err);

	if (rc >= 0)
		rc = find_order(m, r, err);
	if (rc < 0)
		return rc;
	installed = milli(m, r);
	charger = milli(m, r + 2);
	evse_current_max(d, installed < charger ? installed : charger);
	drv_set(d, MKT_R_CURRENT_MIN, EVSE_MIN_MA);
	return 0;
}

static int m_open(struct drv_device *d, struct mkt_err *err)
{
	struct mennekes *m = calloc(1, sizeof(*m));
	struct control c;
	int rc, watched;

	d->priv = m;
	if (!m)
		return mkt_err_code(err, MKT_ENOMEM);
	m->dev = d;
	rc = attach(d->link, d, d->conf, &m->mb, err);
	if (rc >= 0)
		rc = failsafe_conf(d, m, err);
	if (rc >= 0)
		rc = check_identity(d, m, err);
	if (rc >= 0)
		rc = read_ranges(d, m, err);
	if (rc >= 0)
		rc = heartbeat(m, err);
	if (rc >= 0)
		rc = arm(d, m, err);
	watched = rc;
	if (rc >= 0)
		rc = read_control(m, &c, err);
	if (rc < 0)
		return rc;
	d->caps = MKT_CAP_CURRENT | MKT_CAP_PAUSE | MKT_CAP_IMPORT | MKT_CAP_VEHICLE |
		  (watched ? MKT_CAP_WATCHDOG : 0u);
	set_control(d, &c);
	drv_keepalive(d, HEARTBEAT_MS);
	return 0;
}

static int m_keepalive(struct drv_device *d, struct mkt_err *err)
{
	struct mennekes *m = d->priv;

	drv_mb_begin(m->mb);
	return heartbeat(m, err);
}

static int m_poll(struct drv_device *d, struct mkt_err *err)
{
	struct mennekes *m = d->priv;
	struct control c;
	int rc;

	drv_mb_begin(m->mb);
	rc = poll_state(d, m, err);
	if (rc >= 0)
		rc = poll_phases(d, m, err);
	if (rc >= 0)
		rc = poll_meter(d, m, err);
	if (rc >= 0)
		rc = poll_energy(d, m, err);
	if (rc >= 0)
		rc = arm(d, m, err);
	if (rc >= 0)
		rc = read_control(m, &c, err);
	if (rc < 0)
		return rc;
	set_control(d, &c);
	return 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* What is lost of an answer is read back. */
static int sent(int rc)
{
	return rc == -MKT_EDEVTIMEOUT || rc == -MKT_EDEVFRAME ? 0 : rc;
}

static int write_limit(struct mennekes *m, int32_t ma, struct mkt_err *err)
{
	uint32_t bits = drv_f32_of(ma, 3);
	uint16_t high = (uint16_t)(bits >> 16), low = (uint16_t)bits;
	uint16_t r[2] = {m->low_first ? low : high, m->low_first ? high : low};
	int64_t got = 0;
	int rc;

	m->limited = true;
	m->limit_ms = drv_now_ms();
	rc = sent(drv_mb_write(m->mb, LIMIT, 2, r, err));
	if (rc >= 0)
		rc = read_milli(m, LIMIT, &got, err);
	if (rc >= 0 && (got <= 0 || got > ma)) /* 0 would be no limit at all */
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				   "limit: %d mA were written, %lld mA are read back", ma,
				   (long long)got);
	return rc;
}

static int start(struct mennekes *m, const struct control *now, int32_t ma, struct mkt_err *err)
{
	int rc = sent(heartbeat(m, err));

	if (rc >= 0 && now->limit_ma != ma) {
		if (m->limited && drv_now_ms() < m->limit_ms + drv_spacing_ms(m->dev, CHANGE_MS))
			return mkt_err_set(err, MKT_EBUSY, "the box wants %d s between limits",
					   CHANGE_MS / 1000);
		rc = write_limit(m, ma, err);
	}
	if (rc >= 0 && !now->released) /* never before its limit is there */
		rc = sent(drv_mb_write1(m->mb, RELEASE, 1, err));
	return rc;
}

/* Written, or to be written when the box takes it; then read back until it is in force. */
static int carry_out(struct mennekes *m, int32_t ma, struct control *c, struct mkt_err *err)
{
	int rc = read_control(m, c, err);

	if (rc < 0)
		return rc;
	if (!m->written_ms) {
		rc = ma ? start(m, c, ma, err) : sent(drv_mb_write1(m->mb, RELEASE, 0, err));
		if (rc < 0)
			return rc;
		m->written_ms = drv_now_ms();
		rc = read_control(m, c, err);
	}
	if (rc >= 0 && in_force(c) != ma && drv_now_ms() < m->written_ms + SETTLE_MS)
		return mkt_err_set(err, MKT_EBUSY, "%lld mA are in force, waiting for %d mA",
				   (long long)in_force(c), ma);
	return rc;
}

static int set_current(struct drv_device *d, const struct mkt_setpoint *set,
		       struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct mennekes *m = d->priv;
	struct control c;
	int32_t ma;
	int rc = evse_current(d, set, STEP_MA, &ma, err);

	if (rc < 0)
		return rc;
	drv_mb_begin(m->mb);
	if (!m->waiting || m->waiting_ma != ma)
		m->written_ms = 0;
	m->waiting = true;
	m->waiting_ma = ma;
	rc = carry_out(m, ma, &c, err);
	m->waiting = rc == -MKT_EBUSY;
	if (rc < 0)
		return rc;
	set_control(d, &c);
	return evse_applied(ma, in_force(&c), applied, err);
}

static int m_command(struct drv_device *d, const struct mkt_setpoint *set,
		     struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct mennekes *m = d->priv;

	m->given_back = false;
	return set_current(d, set, applied, err);
}

static int m_safe_state(struct drv_device *d, struct mkt_err *err)
{
	struct mkt_setpoint set = {.kind = MKT_SET_CURRENT}, applied;
	struct mennekes *m = d->priv;
	int rc;

	if (d->conf->exit == MKT_EXIT_KEEP)
		return 0;
	m->given_back = d->conf->exit == MKT_EXIT_AUTO;
	if (m->given_back)
		set.value = (int32_t)mkt_reading_or(&d->r, MKT_R_CURRENT_MAX, EVSE_MIN_MA);
	rc = set_current(d, &set, &applied, err);
	if (rc >= 0 && m->given_back)
		rc = arm(d, m, err);
	return rc < 0 ? rc : 0;
}

static void m_close(struct drv_device *d)
{
	struct mennekes *m = d->priv;

	if (m)
		drv_mb_free(m->mb);
	free(m);
	d->priv = NULL;
}

const struct drv_driver drv_mennekes = {
	.name = "mennekes",
	.summary = "Mennekes AMTRON Compact 2.0s chargers and their sisters, Modbus RTU",
	.maturity = DRV_EXPERIMENTAL,
	.kind = MKT_DEV_EVSE,
	.line = {.speed = 57600, .parity = 'N', .data_bits = 8, .stop_bits = 2},
	.pause_ms = 20,
	.poll_ms = 3000,
	.unit = UNIT,
	.probe = probe,
	.open = m_open,
	.poll = m_poll,
	.keepalive = m_keepalive,
	.command = m_command,
	.safe_state = m_safe_state,
	.close = m_close,
};
