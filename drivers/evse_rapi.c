/*
 * Driver `rapi`: OpenEVSE chargers.
 *
 * What its firmware wants one to know, and what is done about it:
 * - "$SC n" stores and lowers the ceiling for ever; "$SC n V" does not.  Only the
 *   latter is sent, and the ceiling is read back to see that it has not moved.
 * - Heartbeat supervision is the only thing that limits a charger whose driver has
 *   died: it is armed at open, its pulse is keepalive().  After a miss the pilot
 *   stays down until acknowledged, and then jumps to the ceiling: the current that
 *   held before is set again at once.
 * - The total of the meter grows when the vehicle leaves, by what the session
 *   counted; the session's counter keeps its value until the next one.  So the
 *   live total is total + session while a vehicle is there, and total alone
 *   otherwise, read between two states that agree.
 * - A reboot forgets current, pause and session: what held is put back.
 *
 * Frames: rapi.h; exchanges: rapi_line.h.
 */
#include "core/base/compat.h"

#include "drivers/rapi_line.h"

#define BOOT_MS 7000	/* opening the port resets some boards: 5.5 s to the first frame */
#define RELAY_MS 6000	/* the relay opens 3 s after "$FS" at the latest */
#define ATTACH_MS 1500	/* more than a dozen exchanges take */
#define WATCHDOG_S 30
#define WATCHDOG_MIN_S 5
#define WATCHDOG_MAX_S 60 /* above 65 the firmware's interval wraps */
#define FALLBACK_MIN_A 6
#define AMPS_MAX 100	/* no board has more; eight bits hold it */
#define SELDOM 16	/* every so manieth poll asks for temperature and fault counters */
#define NO_SENSOR (-2560)

enum {
	ST_A = 0x01, ST_B = 0x02, ST_C = 0x03, ST_FAULT_FIRST = 0x04, ST_FAULT_LAST = 0x0e,
	ST_SLEEP = 0xfe, ST_OFF = 0xff
};
enum {
	FL_AUTH_LOCKED = 0x0008, FL_RELAY = 0x0040, FL_VEHICLE = 0x0100, FL_TIMER = 0x1000,
	FL_BOOT_LOCK = 0x4000
};

/* What outlives a reconnection. */
struct kept {
	bool known;	   /* the meter's last words are */
	bool connected;	   /* with a vehicle */
	int64_t total_wh, session_ws;
	int64_t lost_wh;   /* sessions that a power cut made the board forget */
};
_Static_assert(sizeof(struct kept) <= sizeof(((struct drv_device *)0)->keep), "keep");

struct rapi {
	struct rapi_line q;
	struct kept kept;
	unsigned major;		/* of the protocol */
	bool identified;
	uint64_t since_ms;	/* of what goes on over several calls; 0: nothing */
	uint32_t polls;
	/* as read last */
	uint8_t state;
	uint16_t flags;		/* 0 for protocols below 5 */
	int connected;		/* 1, 0; -1: cannot be told */
	int amps;		/* pilot in force */
	int min_a, max_a;
	int ceiling;		/* 0: not told */
	uint32_t gfi_trips;
	/* what held before a missed heartbeat or a reboot */
	int held_a;
	bool held_paused;
	/* supervision */
	bool can_watch, armed;
	int watch_s, watch_a;
};

/* ---- asking -------------------------------------------------------------------------------- */

static int refused(const struct rapi *p, const char *command, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EDEVREFUSED, "'$%s' is answered '%s'", command,
			   rapi_answer_text(&p->q));
}

static int odd(const struct rapi *p, const char *command, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EDEVFRAME, "'%s' is no answer to '$%s'",
			   rapi_answer_text(&p->q), command);
}

/* Ask for what every firmware has. */
static int ask_ok(struct rapi *p, const char *command, struct mkt_err *err)
{
	int r = rapi_ask(&p->q, command, err);

	return r ? r : refused(p, command, err);
}

/* Word @i of the answer within @min..@max. */
static bool number(const struct rapi *p, unsigned i, int64_t min, int64_t max, int64_t *out)
{
	return rapi_dec(p->q.answer.word[i], out) && *out >= min && *out <= max;
}

static bool is_fault(uint8_t state)
{
	return state >= ST_FAULT_FIRST && state <= ST_FAULT_LAST;
}

static bool is_paused(uint8_t state)
{
	return state == ST_SLEEP || state == ST_OFF;
}

/* ---- state --------------------------------------------------------------------------------- */

static bool parse_state(struct rapi *p)
{
	const struct rapi_frame *f = &p->q.answer;
	uint32_t state = 0, flags = 0;
	int64_t decimal;

	if (p->major < 5) {
		if (f->words < 3 || !number(p, 1, 0, 255, &decimal))
			return false;
		state = (uint32_t)decimal;
	} else if (f->words < 5 || !rapi_hex(f->word[1], &state) || state > 255 ||
		   !rapi_hex(f->word[4], &flags) || flags > 0xffff) {
		return false;
	}
	p->state = (uint8_t)state;
	p->flags = (uint16_t)flags;
	return true;
}

/* Is a vehicle there?  By the state, the flags, or "$G0". */
static int find_connected(struct rapi *p, struct mkt_err *err)
{
	int r;

	if (p->state >= ST_A && p->state <= ST_C)
		p->connected = p->state != ST_A;
	else if (p->major >= 5 && p->state != ST_OFF)
		p->connected = (p->flags & FL_VEHICLE) != 0;
	else {
		r = rapi_ask(&p->q, "G0", err);
		if (r < 0)
			return r;
		p->connected = -1;
		if (r && (!strcmp(p->q.answer.word[1], "0") || !strcmp(p->q.answer.word[1], "1")))
			p->connected = p->q.answer.word[1][0] - '0';
	}
	return 0;
}

static int read_state(struct rapi *p, struct mkt_err *err)
{
	int r = ask_ok(p, "GS", err);

	if (r < 0)
		return r;
	if (!parse_state(p))
		return odd(p, "GS", err);
	return find_connected(p, err);
}

/* Pilot in force and its bounds. */
static int read_capacity(struct rapi *p, struct mkt_err *err)
{
	int64_t min, max, amps, ceiling = 0;
	int r = ask_ok(p, "GC", err);

	if (r < 0)
		return r;
	if (!number(p, 1, 1, AMPS_MAX, &min) || !number(p, 2, min, AMPS_MAX, &max) ||
	    (p->q.answer.words > 3 && !number(p, 3, 0, AMPS_MAX, &amps)) ||
	    (p->q.answer.words > 4 && !number(p, 4, 0, AMPS_MAX, &ceiling)))
		return odd(p, "GC", err);
	p->min_a = (int)min;
	p->max_a = (int)max;
	p->ceiling = (int)ceiling;
	if (p->q.answer.words <= 3) {
		r = ask_ok(p, "GE", err);
		if (r < 0)
			return r;
		if (!number(p, 1, 0, AMPS_MAX, &amps))
			return odd(p, "GE", err);
	}
	p->amps = (int)amps;
	return 0;
}

static int largest_a(const struct drv_device *d, const struct rapi *p)
{
	int most = p->ceiling ? p->ceiling : p->max_a;
	int conf = (int)(d->conf->max_ma / 1000);

	return conf && conf < most ? conf : most;
}

static const char *fault_words(uint8_t state)
{
	switch (state) {
	case 0x04:
		return "the vehicle asks for ventilation, which this charger does not have";
	case 0x05:
		return "diode check failed: unplug; look at cable and plug for damage and water";
	case 0x06:
		return "ground fault current: unplug; have cable, plug and vehicle checked";
	case 0x07:
		return "no protective earth: have the supply's earth checked before use";
	case 0x08:
		return "relay stuck closed: switch off at the breaker; the relay must be replaced";
	case 0x09:
		return "ground fault self test failed: switch off and on; then replace the board";
	case 0x0a:
		return "too hot: let it cool, and look for shade and loose terminals";
	case 0x0b:
		return "the vehicle drew more than it was told: unplug; try with another vehicle";
	case 0x0e:
		return "relay does not close: switch off and on; then replace the relay";
	default:
		return "the controller reports a fault that is not known here";
	}
}

static void show_fault(struct drv_device *d, const struct rapi *p)
{
	if (!is_fault(p->state))
		drv_fault(d, NULL);
	else if (p->state == 0x06 && p->gfi_trips)
		drv_fault(d, "fault 06: %s (%u times so far)", fault_words(p->state), p->gfi_trips);
	else
		drv_fault(d, "fault %02x: %s", p->state, fault_words(p->state));
	drv_set(d, MKT_R_FAULT, is_fault(p->state) ? p->state : 0);
}

static enum mkt_dev_vehicle vehicle(const struct rapi *p)
{
	if (is_fault(p->state))
		return MKT_VEHICLE_F;
	if (p->state == ST_C)
		return MKT_VEHICLE_C;
	if (!p->state || p->connected < 0)
		return MKT_VEHICLE_UNKNOWN;
	return p->connected ? MKT_VEHICLE_B : MKT_VEHICLE_A;
}

static void show_state(struct drv_device *d, const struct rapi *p)
{
	bool paused = is_paused(p->state);

	drv_set(d, MKT_R_VEHICLE, vehicle(p));
	drv_set(d, MKT_R_ENABLED, !paused && !is_fault(p->state));
	drv_set(d, MKT_R_CURRENT_LIMIT, paused ? 0 : p->amps * 1000);
	drv_set(d, MKT_R_CURRENT_MIN, p->min_a * 1000);
	drv_set(d, MKT_R_CURRENT_MAX, largest_a(d, p) * 1000);
	drv_set(d, MKT_R_PHASES, d->conf->phases);
	if (p->can_watch) {
		drv_set(d, MKT_R_WATCHDOG, p->armed ? p->watch_s : 0);
		drv_set(d, MKT_R_FAILSAFE_CURRENT, p->watch_a * 1000);
	}
	show_fault(d, p);
}

/* ---- setting the current ------------------------------------------------------------------- */

/* The volatile form exists from protocol 4 on; before, each current would be stored. */
static bool is_volatile(const struct rapi *p)
{
	return p->major >= 4;
}

/* Set the pilot, never stored, and see that nothing else has changed. */
static int set_amps(struct drv_device *d, struct rapi *p, int amps, struct mkt_err *err)
{
	int ceiling = p->ceiling, r;
	char command[16];
	int64_t now;

	if (amps < FALLBACK_MIN_A || amps > AMPS_MAX)
		return mkt_err_set(err, MKT_EINVAL, "%d A is no current to set", amps);
	snprintf(command, sizeof(command), "SC %d V", amps);
	r = rapi_ask(&p->q, command, err);
	if (r < 0)
		return r;
	/* "$NK 32": not refused but clamped; without a number it is a refusal. */
	if (!r && !number(p, 1, 1, AMPS_MAX, &now))
		return refused(p, command, err);
	r = read_capacity(p, err);
	if (r < 0)
		return r;
	if (ceiling && p->ceiling < ceiling) {
		d->caps &= ~(unsigned)(MKT_CAP_CURRENT | MKT_CAP_POWER);
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "this firmware stored the current: its ceiling fell from %d to %d A; "
				   "no current is set any more", ceiling, p->ceiling);
	}
	return 0;
}

/* Wake it from sleep; the state after it tells whether that was enough. */
static int wake(struct rapi *p, struct mkt_err *err)
{
	int r = 0;

	if (p->flags & FL_BOOT_LOCK)
		r = rapi_ask(&p->q, "SB", err);
	if (r >= 0)
		r = ask_ok(p, "FE", err);
	if (r >= 0)
		r = read_state(p, err);
	if (r < 0)
		return r;
	if (is_fault(p->state))
		return mkt_err_set(err, MKT_EDEVFAULT, "fault %02x: %s", p->state,
				   fault_words(p->state));
	if (!is_paused(p->state))
		return 0;
	if (p->flags & FL_TIMER)
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "its delay timer keeps it asleep: switch the timer off");
	if (p->flags & FL_AUTH_LOCKED)
		return mkt_err_set(err, MKT_EDEVREFUSED, "it is locked until somebody is authorised");
	return mkt_err_set(err, MKT_EDEVUNCONFIRMED, "it stays asleep after '$FE'");
}

/* Pause: "$FS", which lets the vehicle stop; then the relay must open.  -MKT_EBUSY while it does not. */
static int pause_charge(struct rapi *p, struct mkt_err *err)
{
	int r = read_state(p, err);

	if (r >= 0 && !is_paused(p->state)) {
		r = ask_ok(p, "FS", err);
		if (r >= 0)
			r = read_state(p, err);
	}
	if (r < 0)
		return r;
	if (is_fault(p->state) && !(p->flags & FL_RELAY))
		return mkt_err_set(err, MKT_EDEVFAULT, "fault %02x: %s", p->state,
				   fault_words(p->state));
	if (is_paused(p->state) && !(p->flags & FL_RELAY)) {
		p->since_ms = 0;
		return 0;
	}
	if (!p->since_ms)
		p->since_ms = drv_now_ms();
	if (drv_now_ms() - p->since_ms < RELAY_MS)
		return mkt_err_set(err, MKT_EBUSY, "the relay opens");
	p->since_ms = 0;
	return mkt_err_set(err, MKT_EDEVUNCONFIRMED, "state %02x, relay %s after '$FS'", p->state,
			   p->flags & FL_RELAY ? "closed" : "open");
}

/* ---- heartbeat ----------------------------------------------------------------------------- */

/* Take what "$SY" and "$GY" answer: interval, amps, trigger. */
static bool parse_watch(struct rapi *p, int *seconds, int *amps, int *trigger)
{
	int64_t t, a, g;

	if (!number(p, 1, 0, UINT16_MAX, &t) || !number(p, 2, 0, UINT8_MAX, &a) ||
	    !number(p, 3, 0, 2, &g))
		return false;
	*seconds = (int)t;
	*amps = (int)a;
	*trigger = (int)g;
	return true;
}

/* Acknowledge a missed pulse, which lifts the pilot to the ceiling; set @amps at once. */
static int acknowledge(struct drv_device *d, struct rapi *p, int amps, struct mkt_err *err)
{
	int r = ask_ok(p, "SY 165", err);

	if (r >= 0 && is_volatile(p))
		r = set_amps(d, p, amps, err);
	return r < 0 ? r : 0;
}

static int watch_settings(const struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	uint32_t seconds = d->conf->watchdog_s ? d->conf->watchdog_s : WATCHDOG_S;
	int amps = (int)(d->conf->failsafe_ma / 1000);

	if (seconds < WATCHDOG_MIN_S || seconds > WATCHDOG_MAX_S)
		return mkt_err_set(err, MKT_EINVAL, "watchdog: %u s are not within %d..%d s", seconds,
				   WATCHDOG_MIN_S, WATCHDOG_MAX_S);
	p->watch_s = (int)seconds;
	p->watch_a = amps < FALLBACK_MIN_A ? FALLBACK_MIN_A : amps;
	if (p->watch_a > largest_a(d, p))
		p->watch_a = largest_a(d, p);
	return 0;
}

/* Arm it, if it is not as it should be: it is stored.  Read back. */
static int arm(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int seconds, amps, trigger, r = rapi_ask(&p->q, "GY", err);
	char command[24];

	p->can_watch = r > 0;
	if (r <= 0)
		return r;
	if (!parse_watch(p, &seconds, &amps, &trigger))
		return odd(p, "GY", err);
	/* What is in force stays in force: a lower current than before, or the same. */
	if (trigger == 2) {
		r = acknowledge(d, p, p->amps, err);
		if (r < 0)
			return r;
	}
	if (seconds != p->watch_s || amps != p->watch_a) {
		snprintf(command, sizeof(command), "SY %d %d", p->watch_s, p->watch_a);
		r = ask_ok(p, command, err);
		if (r >= 0)
			r = ask_ok(p, "GY", err);
		if (r < 0)
			return r;
		if (!parse_watch(p, &seconds, &amps, &trigger) || seconds != p->watch_s ||
		    amps != p->watch_a)
			return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
					   "heartbeat of %d s and %d A reads back as '%s'", p->watch_s,
					   p->watch_a, rapi_answer_text(&p->q));
	}
	r = ask_ok(p, "SY", err);
	p->armed = r > 0;
	return r < 0 ? r : 0;
}

/* A pulse; if earlier ones were missed, what held before is put back. */
static int pulse(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int seconds, amps, trigger, r = rapi_ask(&p->q, "SY", err);

	if (r < 0)
		return r;
	if (!parse_watch(p, &seconds, &amps, &trigger))
		return odd(p, "SY", err);
	if (trigger == 2) {
		r = acknowledge(d, p, p->held_a, err);
		d->hurry = true;
	} else if (seconds != p->watch_s || amps != p->watch_a) {
		r = arm(d, p, err);
	}
	return r < 0 ? r : 0;
}

static int keepalive(struct drv_device *d, struct mkt_err *err)
{
	struct rapi *p = d->priv;

	rapi_line_begin(&p->q);
	return p->armed ? pulse(d, p, err) : 0;
}

/* ---- identity ------------------------------------------------------------------------------ */

/* "OK firmware protocol": is it one that is known?  Sets what the line does. */
static int parse_version(struct rapi_line *q, unsigned *major, struct mkt_identity *id,
			 struct mkt_err *err)
{
	const struct rapi_frame *f = &q->answer;
	char text[2 * MKT_DEV_TEXT_MAX];
	int64_t number = 0;
	size_t n = strcspn(f->word[2], ".");
	char first[8] = "";

	if (n && n < sizeof(first))
		memcpy(first, f->word[2], n);
	if (strcmp(f->word[0], "OK") != 0 || !rapi_dec(first, &number) || number < 1 ||
	    number > 6 || f->checked != (number >= 2))
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "'$GV' is answered '%s'%s: no OpenEVSE firmware that is known "
				   "(protocols 1 to 6 are)", f->raw,
				   f->checked ? "" : " without checksum");
	*major = (unsigned)number;
	*id = (struct mkt_identity){.maker = "OpenEVSE"};
	mkt_dev_text(id->model, "OpenEVSE", 8);
	snprintf(text, sizeof(text), "%s RAPI %s", f->word[1], f->word[2]);
	mkt_dev_text(id->version, text, strlen(text));
	q->ids = f->id != 0;
	q->sums = f->checked;
	q->any = false;
	return 0;
}

static int ask_version(struct rapi_line *q, unsigned *major, struct mkt_identity *id,
		       struct mkt_err *err)
{
	int r;

	q->any = true;
	r = rapi_ask(q, "GV", err);
	return r < 0 ? r : parse_version(q, major, id, err);
}

/* Serial number of the controller; many have none. */
static int read_serial(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int r = rapi_ask(&p->q, "GI", err);
	const char *s = p->q.answer.raw;

	if (r > 0 && strlen(s) > 2)
		mkt_dev_text(d->id.serial, s + 2, strlen(s + 2));
	return r == -MKT_EDEVLOST ? r : drv_check_serial(d, err);
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	struct rapi_line q;
	unsigned major;
	int r;

	(void)conf;
	rapi_line_init(&q, l, NULL);
	r = ask_version(&q, &major, id, err);
	if (r == -MKT_EDEVTIMEOUT || r == -MKT_EDEVFRAME || r == -MKT_EDEVIDENTITY)
		return 0;
	return r < 0 ? r : 1;
}

/* ---- open ---------------------------------------------------------------------------------- */

static int identify(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int r;

	if (!p->since_ms)
		p->since_ms = drv_now_ms();
	r = ask_version(&p->q, &p->major, &d->id, err);
	if (r == -MKT_EDEVTIMEOUT && drv_now_ms() - p->since_ms < BOOT_MS)
		return mkt_err_set(err, MKT_EBUSY, "the controller may be starting");
	if (r < 0)
		return r;
	p->since_ms = 0;
	r = read_serial(d, p, err);
	if (r < 0)
		return r;
	p->identified = true;
	if (drv_now_ms() + ATTACH_MS > p->q.deadline_ms)
		return mkt_err_set(err, MKT_EBUSY, "the controller answers slowly");
	return 0;
}

static void find_abilities(struct drv_device *d, const struct rapi *p, bool meter)
{
	d->kind = MKT_DEV_EVSE;
	d->caps = MKT_CAP_PAUSE | MKT_CAP_VEHICLE;
	if (is_volatile(p))
		d->caps |= MKT_CAP_CURRENT | MKT_CAP_POWER;
	if (meter)
		d->caps |= MKT_CAP_IMPORT;
	if (p->can_watch)
		d->caps |= MKT_CAP_WATCHDOG;
}

/* Read, adopt, arm. */
static int attach(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int meter, r = read_state(p, err);

	if (r >= 0)
		r = read_capacity(p, err);
	if (r >= 0)
		r = watch_settings(d, p, err);
	if (r < 0)
		return r;
	meter = rapi_ask(&p->q, "GU", err);
	if (meter < 0)
		return meter;
	r = arm(d, p, err);
	if (r < 0)
		return r;
	find_abilities(d, p, meter > 0);
	p->held_a = p->amps;
	p->held_paused = is_paused(p->state);
	drv_set(d, MKT_R_ENERGY_STEP, 1);
	if (p->can_watch)
		drv_keepalive(d, (uint32_t)p->watch_s * 1000 / 3);
	p->q.notices = 0;
	return 0;
}

static int open_rapi(struct drv_device *d, struct mkt_err *err)
{
	struct rapi *p = d->priv;
	int r = 0;

	if (!p) {
		p = d->priv = calloc(1, sizeof(*p));
		if (!p)
			return mkt_err_code(err, MKT_ENOMEM);
		rapi_line_init(&p->q, d->link, d);
		memcpy(&p->kept, d->keep, sizeof(p->kept));
	}
	rapi_line_begin(&p->q);
	if (!p->identified)
		r = identify(d, p, err);
	return r < 0 ? r : attach(d, p, err);
}

static void close_rapi(struct drv_device *d)
{
	free(d->priv);
	d->priv = NULL;
}

/* ---- poll ---------------------------------------------------------------------------------- */

static int read_current(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int64_t ma, mv, used_mv = d->conf->nominal_mv;
	int r = rapi_ask(&p->q, "GG", err);

	if (r < 0)
		return r;
	if (!r)
		return 0;
	if (!number(p, 1, -1, 1000000, &ma) || !number(p, 2, -1, 1000000, &mv))
		return odd(p, "GG", err);
	if (mv > 0) {
		drv_set(d, MKT_R_VOLTAGE_L1, mv);
		used_mv = mv;
	}
	if (ma < 0) { /* no ammeter */
		drv_unset(d, MKT_R_CURRENT_L1);
		drv_unset(d, MKT_R_POWER);
		return 0;
	}
	drv_set(d, MKT_R_CURRENT_L1, ma);
	drv_set(d, MKT_R_POWER, ma * used_mv / 1000000 * d->conf->phases);
	return 0;
}

/*
 * A session that is neither counted in the total nor going on: the board was
 * without power.  What it counted was metered, so it stays in the sum.
 */
static void note_lost_session(struct rapi *p, int64_t total_wh, int64_t session_ws)
{
	struct kept *k = &p->kept;
	int64_t was = k->total_wh + k->session_ws / 3600;

	if (!k->known || !k->connected || session_ws >= k->session_ws || total_wh >= was ||
	    total_wh < k->total_wh)
		return;
	k->lost_wh += was - total_wh;
	p->q.notices |= RAPI_BOOTED;
}

/* The meter, if the vehicle did not come or go while it was read. */
static int read_energy(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int64_t session_ws, total_wh;
	int connected = p->connected, r;

	if (!(d->caps & MKT_CAP_IMPORT) || !p->state)
		return 0;
	r = ask_ok(p, "GU", err);
	if (r < 0)
		return r;
	if (!number(p, 1, 0, INT64_MAX, &session_ws) || !number(p, 2, 0, INT64_MAX, &total_wh))
		return odd(p, "GU", err);
	r = read_state(p, err);
	if (r < 0)
		return r;
	if (connected != p->connected || !p->state) {
		d->hurry = true;
		return 0;
	}
	if (connected < 0) { /* disabled: as it was before */
		if (!p->kept.known)
			return 0;
		connected = p->kept.connected;
	}
	note_lost_session(p, total_wh, session_ws);
	p->kept.known = true;
	p->kept.connected = connected;
	p->kept.total_wh = total_wh;
	p->kept.session_ws = session_ws;
	memcpy(d->keep, &p->kept, sizeof(p->kept));
	drv_set(d, MKT_R_ENERGY_SESSION, session_ws / 3600);
	drv_set(d, MKT_R_ENERGY_IMPORT,
		total_wh + p->kept.lost_wh + (connected ? session_ws / 3600 : 0));
	return 0;
}

static int read_seldom(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int64_t t, hottest = NO_SENSOR;
	int r;

	if (p->polls++ % SELDOM && !is_fault(p->state))
		return 0;
	r = rapi_ask(&p->q, "GP", err);
	if (r < 0)
		return r;
	for (unsigned i = 1; r && i < p->q.answer.words && i < 4; i++)
		if (number(p, i, NO_SENSOR, 2000, &t) && t > hottest)
			hottest = t;
	if (hottest > NO_SENSOR)
		drv_set(d, MKT_R_TEMPERATURE, hottest * 100);
	r = rapi_ask(&p->q, "GF", err);
	if (r > 0 && !rapi_hex(p->q.answer.word[1], &p->gfi_trips))
		return odd(p, "GF", err);
	return r < 0 ? r : 0;
}

/* The board has booted: the same one still?  Put back what held. */
static int recover(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	struct mkt_identity id;
	int r = ask_version(&p->q, &p->major, &id, err);

	if (r < 0)
		return r;
	if (strcmp(id.version, d->id.version) != 0)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "it came back as '%s', was '%s'", id.version,
				   d->id.version);
	if (!p->state || is_fault(p->state)) /* not ready yet */
		return 0;
	if (p->held_paused) {
		r = pause_charge(p, err);
		if (r < 0)
			return r;
	}
	r = is_volatile(p) ? set_amps(d, p, p->held_a, err) : 0;
	if (r >= 0 && p->can_watch)
		r = arm(d, p, err);
	if (r >= 0)
		p->q.notices &= ~(unsigned)RAPI_BOOTED;
	return r < 0 ? r : 0;
}

/*
 * The pilot is another than the one that held: a missed pulse, or somebody else.
 * What somebody else has set is told, not fought.
 */
static int compare(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int r = 0;

	if (p->amps != p->held_a && p->armed) {
		r = pulse(d, p, err);
		if (r >= 0)
			r = read_capacity(p, err);
	}
	p->held_a = p->amps;
	p->held_paused = is_paused(p->state);
	return r;
}

static int poll_rapi(struct drv_device *d, struct mkt_err *err)
{
	struct rapi *p = d->priv;
	int r;

	rapi_line_begin(&p->q);
	r = rapi_listen(&p->q, err);
	if (r >= 0)
		r = read_state(p, err);
	if (r >= 0 && (p->q.notices & RAPI_BOOTED))
		r = recover(d, p, err);
	p->q.notices &= ~(unsigned)RAPI_CHANGED;
	if (r >= 0)
		r = read_capacity(p, err);
	if (r >= 0 && p->state && !(p->q.notices & RAPI_BOOTED))
		r = compare(d, p, err);
	if (r >= 0)
		r = read_current(d, p, err);
	if (r >= 0)
		r = read_energy(d, p, err);
	if (r >= 0)
		r = read_seldom(d, p, err);
	if (r < 0)
		return r;
	show_state(d, p);
	return 0;
}

static int input(struct drv_device *d, struct mkt_err *err)
{
	struct rapi *p = d->priv;
	int r = rapi_listen(&p->q, err);

	d->hurry |= p->q.notices != 0;
	return r;
}

/* ---- commands ------------------------------------------------------------------------------ */

static int start(struct drv_device *d, struct rapi *p, int amps, struct mkt_err *err)
{
	int r = read_state(p, err);

	if (r >= 0 && is_fault(p->state))
		r = mkt_err_set(err, MKT_EDEVFAULT, "fault %02x: %s", p->state, fault_words(p->state));
	if (r >= 0 && p->can_watch && !p->armed)
		r = arm(d, p, err);
	if (r >= 0)
		r = set_amps(d, p, amps, err);
	if (r >= 0 && is_paused(p->state))
		r = wake(p, err);
	if (r < 0)
		return r;
	if (p->amps > amps)
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED, "%d A were asked for, %d A are in force",
				   amps, p->amps);
	p->held_a = p->amps;
	p->held_paused = false;
	return 0;
}

/* The whole amps that are meant; 0: pause. */
static int wanted_a(const struct drv_device *d, const struct rapi *p, const struct mkt_setpoint *set,
		    struct mkt_err *err)
{
	int amps;

	if (set->value < 0)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "it cannot discharge");
	if (set->kind == MKT_SET_POWER) {
		amps = drv_current_for(d, set->value) / 1000;
		amps = amps < p->min_a ? 0 : amps;
	} else {
		amps = set->value / 1000;
		if (set->value && amps < p->min_a)
			return mkt_err_set(err, MKT_EINVAL, "%d mA is below the smallest current, %d A",
					   set->value, p->min_a);
	}
	return amps < largest_a(d, p) ? amps : largest_a(d, p);
}

static int32_t power_of(const struct drv_device *d, int amps)
{
	int64_t mv = mkt_reading_or(&d->r, MKT_R_VOLTAGE_L1, d->conf->nominal_mv);

	return (int32_t)(amps * mv / 1000 * d->conf->phases);
}

static int command(struct drv_device *d, const struct mkt_setpoint *set,
		   struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct rapi *p = d->priv;
	int amps, r;

	if (set->kind != MKT_SET_CURRENT && set->kind != MKT_SET_POWER)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "it takes a current or a power");
	amps = wanted_a(d, p, set, err);
	if (amps < 0)
		return amps;
	if (amps && !(d->caps & MKT_CAP_CURRENT))
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "this firmware would store each current it is given");
	rapi_line_begin(&p->q);
	r = amps ? start(d, p, amps, err) : pause_charge(p, err);
	if (r < 0)
		return r;
	p->held_paused = !amps;
	show_state(d, p);
	amps = amps ? p->amps : 0;
	*applied = (struct mkt_setpoint){
		.kind = set->kind,
		.value = set->kind == MKT_SET_POWER ? power_of(d, amps) : amps * 1000,
	};
	return 0;
}

/* Its own programme: no supervision, the ceiling, awake. */
static int set_free(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int r = read_state(p, err);

	if (r >= 0 && p->armed) {
		r = ask_ok(p, "SY 0 0", err);
		p->armed = r < 0;
	}
	if (r >= 0 && is_volatile(p))
		r = set_amps(d, p, largest_a(d, p), err);
	if (r >= 0 && is_paused(p->state))
		r = wake(p, err);
	if (r < 0)
		return r;
	p->held_a = p->amps;
	p->held_paused = false;
	return 0;
}

static int safe_state(struct drv_device *d, struct mkt_err *err)
{
	struct rapi *p = d->priv;
	int r = 0;

	rapi_line_begin(&p->q);
	if (d->conf->exit == MKT_EXIT_PAUSE) {
		r = pause_charge(p, err);
		p->held_paused |= r >= 0;
	} else if (d->conf->exit == MKT_EXIT_AUTO) {
		r = set_free(d, p, err);
	}
	if (r >= 0)
		show_state(d, p);
	return r;
}

const struct drv_driver drv_rapi = {
	.name = "rapi",
	.summary = "OpenEVSE chargers over RAPI",
	.maturity = DRV_BETA,
	.kind = MKT_DEV_EVSE,
	.line = {.speed = 115200, .parity = 'N', .data_bits = 8, .stop_bits = 1},
	.settle_ms = 200,
	.poll_ms = 1000,
	.probe = probe,
	.open = open_rapi,
	.poll = poll_rapi,
	.keepalive = keepalive,
	.input = input,
	.command = command,
	.safe_state = safe_state,
	.close = close_rapi,
};
