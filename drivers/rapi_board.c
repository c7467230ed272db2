/* An OpenEVSE controller: see rapi_board.h. */
#include "core/base/compat.h"

#include "drivers/rapi_board.h"

#define RELAY_MS 6000	/* the relay opens 3 s after "$FS" at the latest */
#define WATCHDOG_S 30
#define WATCHDOG_MIN_S 5
#define WATCHDOG_MAX_S 60 /* above 65 the firmware's interval wraps */
#define FALLBACK_MIN_A 6

enum { ST_FAULT_FIRST = 0x04, ST_FAULT_LAST = 0x0e };
enum {
	FL_AUTH_LOCKED = 0x0008, FL_RELAY = 0x0040, FL_VEHICLE = 0x0100, FL_TIMER = 0x1000,
	FL_BOOT_LOCK = 0x4000
};

/* ---- asking -------------------------------------------------------------------------------- */

static int refused(const struct rapi *p, const char *command, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EDEVREFUSED, "'$%s' is answered '%s'", command,
			   rapi_answer_text(&p->q));
}

int rapi_odd(const struct rapi *p, const char *command, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EDEVFRAME, "'%s' is no answer to '$%s'",
			   rapi_answer_text(&p->q), command);
}

int rapi_ask_ok(struct rapi *p, const char *command, struct mkt_err *err)
{
	int r = rapi_ask(&p->q, command, err);

	return r ? r : refused(p, command, err);
}

bool rapi_number(const struct rapi *p, unsigned i, int64_t min, int64_t max, int64_t *out)
{
	return rapi_dec(p->q.answer.word[i], out) && *out >= min && *out <= max;
}

bool rapi_is_fault(uint8_t state)
{
	return state >= ST_FAULT_FIRST && state <= ST_FAULT_LAST;
}

bool rapi_is_paused(uint8_t state)
{
	return state == RAPI_ST_SLEEP || state == RAPI_ST_OFF;
}

/* ---- state --------------------------------------------------------------------------------- */

static bool parse_state(struct rapi *p)
{
	const struct rapi_frame *f = &p->q.answer;
	uint32_t state = 0, flags = 0;
	int64_t decimal;

	if (p->major < 5) {
		if (f->words < 3 || !rapi_number(p, 1, 0, 255, &decimal))
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

	if (p->state >= RAPI_ST_A && p->state <= RAPI_ST_C)
		p->connected = p->state != RAPI_ST_A;
	else if (p->major >= 5 && p->state != RAPI_ST_OFF)
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

int rapi_read_state(struct rapi *p, struct mkt_err *err)
{
	int r = rapi_ask_ok(p, "GS", err);

	if (r < 0)
		return r;
	if (!parse_state(p))
		return rapi_odd(p, "GS", err);
	return find_connected(p, err);
}

int rapi_read_capacity(struct rapi *p, struct mkt_err *err)
{
	int64_t min, max, amps, ceiling = 0;
	int r = rapi_ask_ok(p, "GC", err);

	if (r < 0)
		return r;
	if (!rapi_number(p, 1, 1, RAPI_AMPS_MAX, &min) ||
	    !rapi_number(p, 2, min, RAPI_AMPS_MAX, &max) ||
	    (p->q.answer.words > 3 && !rapi_number(p, 3, 0, RAPI_AMPS_MAX, &amps)) ||
	    (p->q.answer.words > 4 && !rapi_number(p, 4, 0, RAPI_AMPS_MAX, &ceiling)))
		return rapi_odd(p, "GC", err);
	p->min_a = (int)min;
	p->max_a = (int)max;
	p->ceiling = (int)ceiling;
	if (p->q.answer.words <= 3) {
		r = rapi_ask_ok(p, "GE", err);
		if (r < 0)
			return r;
		if (!rapi_number(p, 1, 0, RAPI_AMPS_MAX, &amps))
			return rapi_odd(p, "GE", err);
	}
	p->amps = (int)amps;
	return 0;
}

int rapi_largest_a(const struct drv_device *d, const struct rapi *p)
{
	int most = p->ceiling ? p->ceiling : p->max_a;
	int conf = (int)(d->conf->max_ma / 1000);

	return conf && conf < most ? conf : most;
}

const char *rapi_fault_words(uint8_t state)
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

int rapi_fault(const struct rapi *p, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EDEVFAULT, "fault %02x: %s", p->state,
			   rapi_fault_words(p->state));
}

/* ---- setting the current ------------------------------------------------------------------- */

bool rapi_is_volatile(const struct rapi *p)
{
	return p->major >= 4;
}

int rapi_set_amps(struct drv_device *d, struct rapi *p, int amps, struct mkt_err *err)
{
	int ceiling = p->ceiling, r;
	char command[16];
	int64_t now;

	if (amps < FALLBACK_MIN_A || amps > RAPI_AMPS_MAX)
		return mkt_err_set(err, MKT_EINVAL, "%d A is no current to set", amps);
	snprintf(command, sizeof(command), "SC %d V", amps);
	r = rapi_ask(&p->q, command, err);
	if (r < 0)
		return r;
	/* "$NK 32": not refused but clamped; without a number it is a refusal. */
	if (!r && !rapi_number(p, 1, 1, RAPI_AMPS_MAX, &now))
		return refused(p, command, err);
	r = rapi_read_capacity(p, err);
	if (r < 0)
		return r;
	if (ceiling && p->ceiling < ceiling) {
		d->caps &= ~(unsigned)(MKT_CAP_CURRENT | MKT_CAP_POWER);
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "this firmware stored the current: its ceiling fell from %d "
				   "to %d A; no current is set any more", ceiling, p->ceiling);
	}
	return 0;
}

/* Wake it from sleep; the state after it tells whether that was enough. */
int rapi_wake(struct rapi *p, struct mkt_err *err)
{
	int r = 0;

	if (p->flags & FL_BOOT_LOCK)
		r = rapi_ask(&p->q, "SB", err);
	if (r >= 0)
		r = rapi_ask_ok(p, "FE", err);
	if (r >= 0)
		r = rapi_read_state(p, err);
	if (r < 0)
		return r;
	if (rapi_is_fault(p->state))
		return rapi_fault(p, err);
	if (!rapi_is_paused(p->state))
		return 0;
	if (p->flags & FL_TIMER)
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "its delay timer keeps it asleep: switch the timer off");
	if (p->flags & FL_AUTH_LOCKED)
		return mkt_err_set(err, MKT_EDEVREFUSED,
				   "it is locked until somebody is authorised");
	return mkt_err_set(err, MKT_EDEVUNCONFIRMED, "it stays asleep after '$FE'");
}

int rapi_pause(struct rapi *p, struct mkt_err *err)
{
	int r = rapi_read_state(p, err);

	if (r >= 0 && !rapi_is_paused(p->state)) {
		r = rapi_ask_ok(p, "FS", err);
		if (r >= 0)
			r = rapi_read_state(p, err);
	}
	if (r < 0)
		return r;
	if (rapi_is_fault(p->state) && !(p->flags & FL_RELAY))
		return rapi_fault(p, err);
	if (rapi_is_paused(p->state) && !(p->flags & FL_RELAY)) {
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

	if (!rapi_number(p, 1, 0, UINT16_MAX, &t) || !rapi_number(p, 2, 0, UINT8_MAX, &a) ||
	    !rapi_number(p, 3, 0, 2, &g))
		return false;
	*seconds = (int)t;
	*amps = (int)a;
	*trigger = (int)g;
	return true;
}

/* Acknowledge a missed pulse, which lifts the pilot to the ceiling; set @amps at once. */
static int acknowledge(struct drv_device *d, struct rapi *p, int amps, struct mkt_err *err)
{
	int r = rapi_ask_ok(p, "SY 165", err);

	if (r >= 0 && rapi_is_volatile(p))
		r = rapi_set_amps(d, p, amps, err);
	return r < 0 ? r : 0;
}

int rapi_watch_settings(const struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	uint32_t seconds = d->conf->watchdog_s ? d->conf->watchdog_s : WATCHDOG_S;
	int amps = (int)(d->conf->failsafe_ma / 1000);

	if (seconds < WATCHDOG_MIN_S || seconds > WATCHDOG_MAX_S)
		return mkt_err_set(err, MKT_EINVAL, "watchdog: %u s are not within %d..%d s",
				   seconds, WATCHDOG_MIN_S, WATCHDOG_MAX_S);
	p->watch_s = (int)seconds;
	p->watch_a = amps < FALLBACK_MIN_A ? FALLBACK_MIN_A : amps;
	if (p->watch_a > rapi_largest_a(d, p))
		p->watch_a = rapi_largest_a(d, p);
	return 0;
}

/* Arm it, if it is not as it should be: it is stored.  Read back. */
int rapi_arm(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int seconds, amps, trigger, r = rapi_ask(&p->q, "GY", err);
	char command[24];

	p->can_watch = r > 0;
	if (r <= 0)
		return r;
	if (!parse_watch(p, &seconds, &amps, &trigger))
		return rapi_odd(p, "GY", err);
	/* What is in force stays in force: a lower current than before, or the same. */
	if (trigger == 2) {
		r = acknowledge(d, p, p->amps, err);
		if (r < 0)
			return r;
	}
	if (seconds != p->watch_s || amps != p->watch_a) {
		snprintf(command, sizeof(command), "SY %d %d", p->watch_s, p->watch_a);
		r = rapi_ask_ok(p, command, err);
		if (r >= 0)
			r = rapi_ask_ok(p, "GY", err);
		if (r < 0)
			return r;
		if (!parse_watch(p, &seconds, &amps, &trigger) || seconds != p->watch_s ||
		    amps != p->watch_a)
			return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
					   "heartbeat of %d s and %d A reads back as '%s'",
					   p->watch_s, p->watch_a, rapi_answer_text(&p->q));
	}
	r = rapi_ask_ok(p, "SY", err);
	p->armed = r > 0;
	return r < 0 ? r : 0;
}

int rapi_pulse(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int seconds, amps, trigger, r = rapi_ask(&p->q, "SY", err);

	if (r < 0)
		return r;
	if (!parse_watch(p, &seconds, &amps, &trigger))
		return rapi_odd(p, "SY", err);
	if (trigger == 2) {
		r = acknowledge(d, p, p->held_a, err);
		d->hurry = true;
	} else if (seconds != p->watch_s || amps != p->watch_a) {
		r = rapi_arm(d, p, err);
	}
	return r < 0 ? r : 0;
}
