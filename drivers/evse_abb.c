/*
 * ABB Terra AC: Modbus RTU (settings in the vendor's app, 9600 8N1 usual), or TCP.
 *
 * "Terra AC Charger Modbus Communication" 1.7.  It takes 10 to 30 s from pause to
 * charging and about 2 s for another current, so a command waits for the limit in
 * force.  Its one counter is of the session: energy.import goes on over sessions
 * for as long as the driver lives.  Never used: stop of a session (it clears the
 * permission, which only the app gives again) and the lock of the socket (a write
 * blocks the bus for more than a second).
 */
#include "core/base/compat.h"

#include "drivers/evse.h"
#include "drivers/modbus.h"

#define IDENTITY 0x4000 /* serial number 4, firmware 2, largest current 2 */
#define IDENTITY_COUNT 8
#define STATUS 0x4008	/* error ... session energy */
#define STATUS_COUNT 24
#define TIMEOUT_READ 0x4020
#define LIMIT 0x4100	/* mA, 2 registers */
#define TIMEOUT 0x4106	/* s */

/* Within STATUS. */
enum {
	S_ERROR = 0, S_SOCKET = 2, S_STATE = 4, S_LIMIT = 6, S_CURRENT = 8, S_VOLTAGE = 14,
	S_POWER = 20, S_SESSION = 22
};

#define UNIT 1
#define WATCHDOG_S 60
#define WATCHDOG_MIN_S 5
#define WATCHDOG_MAX_S 3600
#define VERSION_MAJOR 1
#define MAX_FIRST_MA 6000
#define MAX_LAST_MA 80000
#define SETTLE_MS 5000	/* a change of current takes about 2 s */
#define CABLE_IN_VEHICLE 0x0101

struct abb {
	struct drv_mb *mb;
	uint16_t watchdog_s;
	bool counting;		/* session_wh has been read */
	uint32_t session_wh;
	int64_t before_wh;	/* of sessions that ended while we looked */
	bool waiting;		/* for the limit in force to become */
	int32_t asked_ma;
	uint64_t begun_ms;
};

static int attach(struct drv_link *l, struct drv_device *d, const struct mkt_device_conf *conf,
		  struct drv_mb **mb, struct mkt_err *err)
{
	struct drv_mb_conf c = {.unit = conf->unit ? conf->unit : UNIT, .answer_ms = 700,
				.turnaround_ms = 1200, .retries = d ? 2 : 0};
	int rc = drv_mb_new(l, d, &c, mb, err);

	if (rc >= 0)
		drv_mb_begin(*mb);
	return rc;
}

static void bytes_of(const uint16_t *r, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = (uint8_t)(r[i] >> 8);
		out[2 * i + 1] = (uint8_t)r[i];
	}
}

/* Text if it is text, else its digits. */
static void serial_text(char out[MKT_DEV_TEXT_MAX + 1], const uint8_t b[8])
{
	bool text = b[0] != 0;

	for (int i = 0; i < 8; i++)
		text &= b[i] == 0 || (b[i] > 0x20 && b[i] < 0x7f);
	if (text) {
		mkt_dev_text(out, b, 8);
		return;
	}
	for (int i = 0; i < 8; i++)
		(void)snprintf(out + 2 * i, 3, "%02X", b[i]);
}

static void identity(struct mkt_identity *id, const uint16_t *r)
{
	uint8_t b[12];

	bytes_of(r, 6, b);
	*id = (struct mkt_identity){.maker = "ABB", .model = "Terra AC"};
	serial_text(id->serial, b);
	(void)snprintf(id->version, sizeof(id->version), "%u.%u.%u", b[8], b[9], b[10]);
}

static bool is_abb(const uint16_t *r)
{
	uint32_t max_ma = drv_be32(r + 6);

	return r[4] && max_ma >= MAX_FIRST_MA && max_ma <= MAX_LAST_MA;
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	uint16_t r[IDENTITY_COUNT];
	struct drv_mb *mb;
	int rc = attach(l, NULL, conf, &mb, err);

	if (rc < 0)
		return rc;
	rc = drv_mb_holding(mb, IDENTITY, IDENTITY_COUNT, r, err);
	drv_mb_free(mb);
	if (rc < 0)
		return rc == -MKT_EDEVLOST ? rc : 0;
	if (!is_abb(r))
		return 0;
	identity(id, r);
	return 1;
}

/* ---- watchdog -------------------------------------------------------------------------------- */

static int arm(struct drv_device *d, struct abb *a, struct mkt_err *err)
{
	uint16_t got;
	int rc = drv_mb_holding(a->mb, TIMEOUT_READ, 1, &got, err);

	if (rc >= 0 && got != a->watchdog_s) {
		rc = drv_mb_write1(a->mb, TIMEOUT, a->watchdog_s, err);
		if (rc >= 0 || rc == -MKT_EDEVTIMEOUT || rc == -MKT_EDEVFRAME)
			rc = drv_mb_holding(a->mb, TIMEOUT_READ, 1, &got, err);
	}
	if (rc < 0)
		return rc;
	if (got != a->watchdog_s)
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				   "communication timeout: %u s were written, %u s are read back",
				   a->watchdog_s, got);
	drv_set(d, MKT_R_WATCHDOG, got);
	drv_set(d, MKT_R_FAILSAFE_CURRENT, 0); /* it stops */
	return 0;
}

/* ---- readings -------------------------------------------------------------------------------- */

static enum mkt_dev_vehicle vehicle_of(uint32_t state, uint32_t socket)
{
	switch (state >> 8 & 0x7f) {
	case 0:
		return MKT_VEHICLE_A;
	case 1: /* waits for permission */
	case 2:
		return MKT_VEHICLE_B;
	case 3:
	case 4:
		return MKT_VEHICLE_C;
	case 5: /* the session was stopped */
		return socket >= CABLE_IN_VEHICLE ? MKT_VEHICLE_B : MKT_VEHICLE_A;
	default:
		return MKT_VEHICLE_UNKNOWN;
	}
}

static int64_t limit_of(const uint16_t *r)
{
	uint32_t ma = drv_be32(r + S_LIMIT);

	return ma < EVSE_MIN_MA ? 0 : ma;
}

static void set_limit(struct drv_device *d, int64_t ma)
{
	drv_set(d, MKT_R_CURRENT_LIMIT, ma);
	drv_set(d, MKT_R_ENABLED, ma != 0);
}

/* The counter begins at 0 with each session. */
static void set_energy(struct drv_device *d, struct abb *a, uint32_t session_wh)
{
	if (a->counting && session_wh < a->session_wh)
		a->before_wh += a->session_wh;
	a->session_wh = session_wh;
	a->counting = true;
	drv_set(d, MKT_R_ENERGY_SESSION, session_wh);
	drv_set(d, MKT_R_ENERGY_IMPORT, a->before_wh + session_wh);
	drv_set(d, MKT_R_ENERGY_STEP, 1);
}

static void set_status(struct drv_device *d, struct abb *a, const uint16_t *r)
{
	uint32_t error = drv_be32(r + S_ERROR);

	for (int i = 0; i < 3; i++) {
		drv_set(d, (enum mkt_reading_id)(MKT_R_CURRENT_L1 + i),
			drv_be32(r + S_CURRENT + 2 * i));
		drv_set(d, (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + i),
			(int64_t)drv_be32(r + S_VOLTAGE + 2 * i) * 100);
	}
	evse_phases(d); /* before energy, which is judged by them */
	drv_set(d, MKT_R_POWER, drv_be32(r + S_POWER));
	drv_set(d, MKT_R_VEHICLE, vehicle_of(drv_be32(r + S_STATE), drv_be32(r + S_SOCKET)));
	drv_set(d, MKT_R_FAULT, error);
	if (error)
		drv_fault(d, "error code %u", error);
	else
		drv_fault(d, NULL);
	set_limit(d, limit_of(r));
	set_energy(d, a, drv_be32(r + S_SESSION));
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static int identify(struct drv_device *d, struct abb *a, struct mkt_err *err)
{
	uint16_t r[IDENTITY_COUNT];
	int rc = drv_mb_holding(a->mb, IDENTITY, IDENTITY_COUNT, r, err);

	if (rc < 0)
		return rc;
	if (!is_abb(r) || r[4] >> 8 != VERSION_MAJOR)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "firmware %u.%u.%u and a largest current of %u mA were read: "
				   "known are firmware %d and 6 to 80 A",
				   r[4] >> 8, r[4] & 0xff, r[5] >> 8, drv_be32(r + 6),
				   VERSION_MAJOR);
	identity(&d->id, r);
	evse_current_max(d, drv_be32(r + 6));
	drv_set(d, MKT_R_CURRENT_MIN, EVSE_MIN_MA);
	return drv_check_serial(d, err);
}

static int a_open(struct drv_device *d, struct mkt_err *err)
{
	struct abb *a = calloc(1, sizeof(*a));
	uint32_t s = d->conf->watchdog_s ? d->conf->watchdog_s : WATCHDOG_S;
	int rc;

	d->priv = a;
	if (!a)
		return mkt_err_code(err, MKT_ENOMEM);
	if (d->conf->failsafe_ma)
		return mkt_err_set(err, MKT_EINVAL, "failsafe of %u mA: this box can only stop",
				   d->conf->failsafe_ma);
	if (d->conf->exit == MKT_EXIT_AUTO)
		return mkt_err_set(err, MKT_EINVAL,
				   "exit = auto: this box stops when it is not polled");
	if (s < WATCHDOG_MIN_S || s > WATCHDOG_MAX_S)
		return mkt_err_set(err, MKT_EINVAL, "watchdog of %u s: it must be %d to %d", s,
				   WATCHDOG_MIN_S, WATCHDOG_MAX_S);
	a->watchdog_s = (uint16_t)s;
	rc = attach(d->link, d, d->conf, &a->mb, err);
	if (rc >= 0)
		rc = identify(d, a, err);
	if (rc >= 0)
		rc = arm(d, a, err);
	if (rc < 0)
		return rc;
	d->caps = MKT_CAP_CURRENT | MKT_CAP_PAUSE | MKT_CAP_IMPORT | MKT_CAP_WATCHDOG |
		  MKT_CAP_VEHICLE;
	drv_keepalive(d, s * 1000 / 3);
	return 0;
}

static int a_poll(struct drv_device *d, struct mkt_err *err)
{
	struct abb *a = d->priv;
	uint16_t r[STATUS_COUNT];
	int rc;

	drv_mb_begin(a->mb);
	rc = drv_mb_holding(a->mb, STATUS, STATUS_COUNT, r, err);
	if (rc >= 0) /* power may have been off: the timeout is then its own again */
		rc = arm(d, a, err);
	if (rc >= 0)
		set_status(d, a, r);
	return rc;
}

/* Any request feeds the watchdog. */
static int a_keepalive(struct drv_device *d, struct mkt_err *err)
{
	struct abb *a = d->priv;
	uint16_t state[2];

	drv_mb_begin(a->mb);
	return drv_mb_holding(a->mb, STATUS + S_STATE, 2, state, err);
}

static int write_limit(struct abb *a, int32_t ma, struct mkt_err *err)
{
	uint16_t r[2] = {(uint16_t)((uint32_t)ma >> 16), (uint16_t)ma};
	int rc = drv_mb_write(a->mb, LIMIT, 2, r, err);

	/* Its answer is lost: what is in force tells. */
	return rc == -MKT_EDEVTIMEOUT || rc == -MKT_EDEVFRAME ? 0 : rc;
}

static int a_command(struct drv_device *d, const struct mkt_setpoint *set,
		     struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct abb *a = d->priv;
	uint16_t r[2];
	int64_t got;
	int32_t ma;
	int rc = evse_current(d, set, 1, &ma, err);

	if (rc < 0)
		return rc;
	drv_mb_begin(a->mb);
	if (!a->waiting || a->asked_ma != ma) {
		rc = write_limit(a, ma, err);
		if (rc < 0)
			return rc;
		a->waiting = true;
		a->asked_ma = ma;
		a->begun_ms = drv_now_ms();
	}
	rc = drv_mb_holding(a->mb, STATUS + S_LIMIT, 2, r, err);
	got = rc < 0 ? 0 : drv_be32(r);
	if (rc >= 0 && got != ma && (ma || got >= EVSE_MIN_MA) &&
	    drv_now_ms() < a->begun_ms + SETTLE_MS)
		return mkt_err_set(err, MKT_EBUSY, "%lld mA are in force, waiting for %d mA",
				   (long long)got, ma);
	a->waiting = false;
	if (rc < 0)
		return rc;
	got = got < EVSE_MIN_MA ? 0 : got;
	set_limit(d, got);
	return evse_applied(ma, got, applied, err);
}

static int a_safe_state(struct drv_device *d, struct mkt_err *err)
{
	struct mkt_setpoint set = {.kind = MKT_SET_CURRENT}, applied;

	if (d->conf->exit == MKT_EXIT_KEEP)
		return 0;
	return a_command(d, &set, &applied, err);
}

static void a_close(struct drv_device *d)
{
	struct abb *a = d->priv;

	if (a)
		drv_mb_free(a->mb);
	free(a);
	d->priv = NULL;
}

const struct drv_driver drv_abb = {
	.name = "abb-terra",
	.summary = "ABB Terra AC chargers, Modbus RTU or TCP",
	.maturity = DRV_EXPERIMENTAL,
	.kind = MKT_DEV_EVSE,
	.line = {.speed = 9600, .parity = 'N', .data_bits = 8, .stop_bits = 1},
	.pause_ms = 50,
	.poll_ms = 5000,
	.unit = UNIT,
	.probe = probe,
	.open = a_open,
	.poll = a_poll,
	.keepalive = a_keepalive,
	.command = a_command,
	.safe_state = a_safe_state,
	.close = a_close,
};
