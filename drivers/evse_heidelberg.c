/*
 * Heidelberg Energy Control and its sisters (Amperfied, SENEC Wallbox pro s,
 * Walther basicEVO PRO): Modbus RTU, 19200 8E1, units 1..15.
 *
 * Register list "Heidelberg Wallbox Energy Control", layout 1.0.0 to 1.0.8; from
 * 1.0.7 on it takes a current.  What is written is lost at power on and after
 * standby: each pass looks whether the defaults are back, and arms it again.
 */
#include "core/base/compat.h"

#include "drivers/evse.h"
#include "drivers/modbus.h"

/* Input registers. */
#define IN_LAYOUT 4
#define IN_STATE 5	/* and what follows it up to the energy counters */
#define IN_FIRST IN_LAYOUT
#define IN_COUNT 15	/* 4..18 */
#define IN_COUNT_OLD 13 /* 4..16: before layout 1.0.7 */
#define IN_MAX 100
#define IN_MIN 101
#define IN_SOFTWARE 203

/* Holding registers. */
#define WATCHDOG 257 /* ms; 0 off */
#define STANDBY 258
#define LOCK 259     /* 0 locked */
#define CURRENT 261  /* 0 or 60..160, 0.1 A */
#define FAILSAFE 262 /* 0 error state, or 60..160 */
#define CONTROL_COUNT 6

#define STANDBY_OFF 4
#define LAYOUT_FIRST 0x0100
#define LAYOUT_CURRENT 0x0107 /* takes a current, has a counter since installation */
#define LAYOUT_LAST 0x0108
#define WATCHDOG_S 15	      /* the box's own default */
#define UNIT 1
#define STEP_MA 100

/* States: A no vehicle, B vehicle, C wants energy; 1 not allowed, 2 allowed by the box. */
enum { A1 = 2, A2, B1, B2, C1, C2, DERATING, ERROR_E, LOCKED_F, ERROR_BOX };

struct heidelberg {
	struct drv_mb *mb;
	uint16_t layout;
	bool singly;		/* the block of holding registers is refused */
	bool armed;
	uint16_t watchdog_ms, failsafe; /* as armed */
	bool ordered;
	uint16_t current;	/* last ordered, 0.1 A */
	uint32_t since_on_wh;	/* counter since power on */
	uint16_t control[CONTROL_COUNT]; /* 257..262 as last read; 258 and 260 may be 0 */
};

static int attach(struct drv_link *l, struct drv_device *d, const struct mkt_device_conf *conf,
		  struct drv_mb **mb, struct mkt_err *err)
{
	/* The first request wakes it from standby. */
	struct drv_mb_conf c = {.unit = conf->unit ? conf->unit : UNIT, .retries = d ? 2 : 1};
	int rc = drv_mb_new(l, d, &c, mb, err);

	if (rc >= 0)
		drv_mb_begin(*mb);
	return rc;
}

static bool is_layout(uint16_t v)
{
	return v >> 8 == LAYOUT_FIRST >> 8;
}

static bool is_state(uint16_t v)
{
	return v >= A1 && v <= ERROR_BOX;
}

static void identity(struct mkt_identity *id, uint16_t layout, uint16_t software)
{
	*id = (struct mkt_identity){.maker = "Heidelberg", .model = "Energy Control"};
	(void)snprintf(id->version, sizeof(id->version), "layout %d.%d.%d, software %u",
		       layout >> 8, layout >> 4 & 0xf, layout & 0xf, software);
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	uint16_t in[2], range[2] = {0}, software = 0;
	struct drv_mb *mb;
	int rc = attach(l, NULL, conf, &mb, err);

	if (rc < 0)
		return rc;
	rc = drv_mb_input(mb, IN_LAYOUT, 2, in, err);
	if (rc >= 0 && is_layout(in[0]) && is_state(in[1]))
		rc = drv_mb_input(mb, IN_MAX, 2, range, err);
	else if (rc >= 0)
		rc = -MKT_EDEVREFUSED;
	if (rc >= 0 && (range[1] < 6 || range[0] > 32 || range[0] < range[1]))
		rc = -MKT_EDEVREFUSED;
	if (rc >= 0) {
		if (drv_mb_input(mb, IN_SOFTWARE, 1, &software, NULL) < 0)
			software = 0;
		identity(id, in[0], software);
		rc = 1;
	}
	drv_mb_free(mb);
	return rc == 1 || rc == -MKT_EDEVLOST ? rc : 0;
}

/* ---- control registers ----------------------------------------------------------------------- */

static int read_control(struct heidelberg *h, struct mkt_err *err)
{
	static const uint16_t each[] = {WATCHDOG, LOCK, CURRENT, FAILSAFE};
	uint16_t r[CONTROL_COUNT] = {0};
	int rc;

	if (!h->singly) {
		rc = drv_mb_holding(h->mb, WATCHDOG, CONTROL_COUNT, r, err);
		h->singly = rc == -MKT_EDEVREFUSED && drv_mb_exception(h->mb) < 5;
		if (!h->singly) {
			if (rc >= 0)
				memcpy(h->control, r, sizeof(r));
			return rc;
		}
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(each); i++) {
		rc = drv_mb_holding(h->mb, each[i], 1, &r[each[i] - WATCHDOG], err);
		if (rc < 0)
			return rc;
	}
	memcpy(h->control, r, sizeof(r));
	return 0;
}

static uint16_t control(const struct heidelberg *h, uint16_t addr)
{
	return h->control[addr - WATCHDOG];
}

/* Written and read back.  An answer that is lost says nothing: what is read back does. */
static int write_confirmed(struct heidelberg *h, uint16_t addr, uint16_t value,
			   struct mkt_err *err)
{
	int rc = drv_mb_write1(h->mb, addr, value, err);
	uint16_t got;

	if (rc < 0 && rc != -MKT_EDEVTIMEOUT && rc != -MKT_EDEVFRAME)
		return rc;
	rc = drv_mb_holding(h->mb, addr, 1, &got, err);
	if (rc < 0)
		return rc;
	h->control[addr - WATCHDOG] = got;
	if (got != value)
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				   "register %u: %u was written, %u is read back", addr, value,
				   got);
	return 0;
}

/* Out of standby; watchdog and failsafe as configured. */
static int arm(struct heidelberg *h, struct mkt_err *err)
{
	int rc = drv_mb_write1(h->mb, STANDBY, STANDBY_OFF, err);

	if (rc == -MKT_EDEVREFUSED) /* boxes without standby */
		rc = 0;
	if (rc >= 0 && control(h, WATCHDOG) != h->watchdog_ms)
		rc = write_confirmed(h, WATCHDOG, h->watchdog_ms, err);
	if (rc >= 0 && control(h, FAILSAFE) != h->failsafe)
		rc = write_confirmed(h, FAILSAFE, h->failsafe, err);
	h->armed = rc >= 0;
	return rc;
}

/* ---- readings -------------------------------------------------------------------------------- */

static void set_control(struct drv_device *d, const struct heidelberg *h)
{
	drv_set(d, MKT_R_CURRENT_LIMIT, control(h, LOCK) ? control(h, CURRENT) * 100 : 0);
	drv_set(d, MKT_R_WATCHDOG, (control(h, WATCHDOG) + 999) / 1000);
	drv_set(d, MKT_R_FAILSAFE_CURRENT, control(h, FAILSAFE) * 100);
	drv_set(d, MKT_R_ENABLED, control(h, LOCK) && control(h, CURRENT));
}

static enum mkt_dev_vehicle vehicle_of(uint16_t state)
{
	switch (state) {
	case A1:
	case A2:
		return MKT_VEHICLE_A;
	case B1:
	case B2:
		return MKT_VEHICLE_B;
	case C1:
	case C2:
	case DERATING:
		return MKT_VEHICLE_C;
	case ERROR_E:
	case LOCKED_F:
	case ERROR_BOX:
		return MKT_VEHICLE_F;
	default:
		return MKT_VEHICLE_UNKNOWN;
	}
}

/* @unlocked: by the input on the box; locked by Modbus is no fault, a command unlocks it. */
static void set_state(struct drv_device *d, uint16_t state, bool unlocked)
{
	bool fault = state == ERROR_E || state == ERROR_BOX || (state == LOCKED_F && !unlocked);

	drv_set(d, MKT_R_VEHICLE, vehicle_of(state));
	drv_set(d, MKT_R_FAULT, fault ? state : 0);
	if (state == ERROR_E)
		drv_fault(d, "state 9 (E): fault of vehicle or cable");
	else if (state == ERROR_BOX)
		drv_fault(d, "state 11: the box is in error (it clears 10 s after a lost master)");
	else if (fault)
		drv_fault(d, "state 10 (F): locked by its external input");
	else
		drv_fault(d, NULL);
}

/* @r: input registers 4..16 or 4..18. */
static void set_input(struct drv_device *d, const struct heidelberg *h, const uint16_t *r)
{
	for (int i = 0; i < 3; i++) {
		drv_set(d, (enum mkt_reading_id)(MKT_R_CURRENT_L1 + i), r[2 + i] * 100);
		drv_set(d, (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + i), r[6 + i] * 1000);
	}
	drv_set(d, MKT_R_TEMPERATURE, (int16_t)r[5] * 100);
	evse_phases(d); /* before energy, which is judged by them */
	drv_set(d, MKT_R_POWER, r[10]);
	if (h->layout >= LAYOUT_CURRENT)
		drv_set(d, MKT_R_ENERGY_IMPORT, drv_be32(r + 13));
	drv_set(d, MKT_R_ENERGY_STEP, 1);
	set_state(d, r[1], r[9] != 0);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static int watchdog_conf(const struct drv_device *d, struct heidelberg *h, struct mkt_err *err)
{
	uint32_t s = d->conf->watchdog_s ? d->conf->watchdog_s : WATCHDOG_S;
	int32_t failsafe;
	int rc = evse_failsafe(d, &failsafe, err);

	if (rc < 0)
		return rc;
	if (s < 3 || s > 65)
		return mkt_err_set(err, MKT_EINVAL, "watchdog of %u s: this box has 3 to 65", s);
	if (failsafe > 16000)
		return mkt_err_set(err, MKT_EINVAL, "failsafe of %d mA: this box has up to 16 A",
				   failsafe);
	/* Never the factory's 15000: where that is read, the box has forgotten. */
	h->watchdog_ms = (uint16_t)(s * 1000 - 1);
	h->failsafe = (uint16_t)(failsafe / 100);
	return 0;
}

static int identify(struct drv_device *d, struct heidelberg *h, struct mkt_err *err)
{
	uint16_t in[2], software = 0, range[2];
	int rc = drv_mb_input(h->mb, IN_LAYOUT, 2, in, err);

	if (rc < 0)
		return rc;
	if (in[0] < LAYOUT_FIRST || in[0] > LAYOUT_LAST || !is_state(in[1]))
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "registers 4 and 5 read 0x%04x, %u: known are layouts 0x%04x to "
				   "0x%04x and states 2 to 11",
				   in[0], in[1], LAYOUT_FIRST, LAYOUT_LAST);
	h->layout = in[0];
	if (drv_mb_input(h->mb, IN_SOFTWARE, 1, &software, err) < 0)
		software = 0;
	identity(&d->id, h->layout, software);
	rc = drv_check_serial(d, err);
	if (rc >= 0)
		rc = drv_mb_input(h->mb, IN_MAX, 2, range, err);
	if (rc < 0)
		return rc;
	if (range[1] < 6 || range[0] > 32 || range[0] < range[1])
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "registers 100 and 101 read %u and %u: not a range of currents",
				   range[0], range[1]);
	evse_current_max(d, range[0] * 1000);
	drv_set(d, MKT_R_CURRENT_MIN, range[1] * 1000);
	return 0;
}

static int h_open(struct drv_device *d, struct mkt_err *err)
{
	struct heidelberg *h = calloc(1, sizeof(*h));
	int rc;

	d->priv = h;
	if (!h)
		return mkt_err_code(err, MKT_ENOMEM);
	rc = attach(d->link, d, d->conf, &h->mb, err);
	if (rc >= 0)
		rc = watchdog_conf(d, h, err);
	if (rc >= 0)
		rc = identify(d, h, err);
	if (rc < 0)
		return rc;
	d->caps = MKT_CAP_VEHICLE;
	if (h->layout < LAYOUT_CURRENT) {
		d->caps |= MKT_CAP_READ_ONLY;
		return 0;
	}
	rc = read_control(h, err);
	if (rc >= 0)
		rc = arm(h, err);
	if (rc < 0)
		return rc;
	d->caps |= MKT_CAP_CURRENT | MKT_CAP_PAUSE | MKT_CAP_IMPORT | MKT_CAP_WATCHDOG;
	set_control(d, h);
	drv_keepalive(d, h->watchdog_ms / 3u);
	return 0;
}

/* Power was off, or it stood by: what was written is gone. */
static bool forgot(struct heidelberg *h, uint32_t since_on_wh)
{
	bool less = since_on_wh < h->since_on_wh;

	h->since_on_wh = since_on_wh;
	return h->armed && (less || control(h, WATCHDOG) != h->watchdog_ms ||
			    control(h, FAILSAFE) != h->failsafe);
}

static int h_poll(struct drv_device *d, struct mkt_err *err)
{
	struct heidelberg *h = d->priv;
	bool full = h->layout >= LAYOUT_CURRENT;
	uint16_t r[IN_COUNT];
	int rc;

	drv_mb_begin(h->mb);
	rc = drv_mb_input(h->mb, IN_FIRST, full ? IN_COUNT : IN_COUNT_OLD, r, err);
	if (rc < 0)
		return rc;
	if (r[0] != h->layout)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "layout 0x%04x was read, it was 0x%04x",
				   r[0], h->layout);
	if (full) {
		rc = read_control(h, err);
		if (rc >= 0 && forgot(h, drv_be32(r + 11))) {
			rc = arm(h, err);
			if (rc >= 0 && h->ordered && control(h, CURRENT) != h->current)
				rc = write_confirmed(h, CURRENT, h->current, err);
		}
		if (rc < 0)
			return rc;
		set_control(d, h);
	}
	set_input(d, h, r);
	return 0;
}

/* Any request feeds the watchdog. */
static int h_keepalive(struct drv_device *d, struct mkt_err *err)
{
	struct heidelberg *h = d->priv;
	uint16_t state;

	drv_mb_begin(h->mb);
	return drv_mb_input(h->mb, IN_STATE, 1, &state, err);
}

/* Locked by Modbus; the input on the box may lock as well. */
static int unlock(struct heidelberg *h, struct mkt_err *err)
{
	uint16_t lock;
	int rc = drv_mb_holding(h->mb, LOCK, 1, &lock, err);

	if (rc < 0)
		return rc;
	h->control[LOCK - WATCHDOG] = lock;
	if (lock)
		return 0;
	rc = write_confirmed(h, LOCK, 1, err);
	if (rc == -MKT_EDEVUNCONFIRMED)
		return mkt_err_set(err, MKT_EDEVREFUSED, "it is locked by its external input");
	return rc;
}

static int h_command(struct drv_device *d, const struct mkt_setpoint *set,
		     struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct heidelberg *h = d->priv;
	int32_t ma;
	int rc;

	if (h->layout < LAYOUT_CURRENT)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "layout %d.%d.%d takes no current",
				   h->layout >> 8, h->layout >> 4 & 0xf, h->layout & 0xf);
	rc = evse_current(d, set, STEP_MA, &ma, err);
	if (rc < 0)
		return rc;
	drv_mb_begin(h->mb);
	h->ordered = true;
	h->current = (uint16_t)(ma / 100);
	rc = write_confirmed(h, CURRENT, h->current, err);
	if (rc == -MKT_EDEVUNCONFIRMED) /* less is in force: its own load management */
		rc = 0;
	if (rc >= 0 && ma)
		rc = unlock(h, err);
	if (rc >= 0 && !h->armed)
		rc = arm(h, err);
	if (rc < 0)
		return rc;
	set_control(d, h);
	return evse_applied(ma, control(h, CURRENT) * 100, applied, err);
}

/* Given back: full current, and no watchdog that would stop it. */
static int give_back(struct drv_device *d, struct heidelberg *h, struct mkt_err *err)
{
	int64_t max = mkt_reading_or(&d->r, MKT_R_CURRENT_MAX, EVSE_MIN_MA);
	int rc = write_confirmed(h, CURRENT, (uint16_t)(max / 100), err);

	if (rc >= 0)
		rc = write_confirmed(h, WATCHDOG, 0, err);
	if (rc >= 0)
		h->armed = h->ordered = false;
	return rc;
}

static int h_safe_state(struct drv_device *d, struct mkt_err *err)
{
	struct mkt_setpoint pause = {.kind = MKT_SET_CURRENT}, applied;
	struct heidelberg *h = d->priv;

	if (d->conf->exit == MKT_EXIT_KEEP || h->layout < LAYOUT_CURRENT)
		return 0;
	if (d->conf->exit == MKT_EXIT_PAUSE)
		return h_command(d, &pause, &applied, err);
	drv_mb_begin(h->mb);
	return give_back(d, h, err);
}

static void h_close(struct drv_device *d)
{
	struct heidelberg *h = d->priv;

	if (h)
		drv_mb_free(h->mb);
	free(h);
	d->priv = NULL;
}

const struct drv_driver drv_heidelberg = {
	.name = "heidelberg",
	.summary = "Heidelberg Energy Control chargers and their sisters, Modbus RTU",
	.maturity = DRV_BETA,
	.kind = MKT_DEV_EVSE,
	.line = {.speed = 19200, .parity = 'E', .data_bits = 8, .stop_bits = 1},
	.pause_ms = 100,
	.poll_ms = 2000,
	.unit = UNIT,
	.probe = probe,
	.open = h_open,
	.poll = h_poll,
	.keepalive = h_keepalive,
	.command = h_command,
	.safe_state = h_safe_state,
	.close = h_close,
};
