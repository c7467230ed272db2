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
 * What is said to the controller: rapi_board.h.
 */
#include "core/base/compat.h"

#include "drivers/rapi_board.h"

#define BOOT_MS 7000   /* opening the port resets some boards: 5.5 s to the first frame */
#define ATTACH_MS 1500 /* more than a dozen exchanges take */
#define SELDOM 2       /* every so manieth poll asks for temperature and fault counters */
#define NO_SENSOR (-2560)

static void show_fault(struct drv_device *d, const struct rapi *p)
{
	if (!rapi_is_fault(p->state))
		drv_fault(d, NULL);
	else if (p->state == RAPI_ST_GFI && p->gfi_trips)
		drv_fault(d, "fault 06: %s (%u times so far)", rapi_fault_words(p->state),
			 p->gfi_trips);
	else
		drv_fault(d, "fault %02x: %s", p->state, rapi_fault_words(p->state));
	drv_set(d, MKT_R_FAULT, rapi_is_fault(p->state) ? p->state : 0);
}

static enum mkt_dev_vehicle vehicle(const struct rapi *p)
{
	if (rapi_is_fault(p->state))
		return MKT_VEHICLE_F;
	if (p->state == RAPI_ST_C)
		return MKT_VEHICLE_C;
	if (!p->state || p->connected < 0)
		return MKT_VEHICLE_UNKNOWN;
	return p->connected ? MKT_VEHICLE_B : MKT_VEHICLE_A;
}

static void show_state(struct drv_device *d, const struct rapi *p)
{
	bool paused = rapi_is_paused(p->state);

	drv_set(d, MKT_R_VEHICLE, vehicle(p));
	drv_set(d, MKT_R_ENABLED, !paused && !rapi_is_fault(p->state));
	drv_set(d, MKT_R_CURRENT_LIMIT, paused ? 0 : p->amps * 1000);
	drv_set(d, MKT_R_CURRENT_MIN, p->min_a * 1000);
	drv_set(d, MKT_R_CURRENT_MAX, rapi_largest_a(d, p) * 1000);
	drv_set(d, MKT_R_PHASES, d->conf->phases);
	if (p->can_watch) {
		drv_set(d, MKT_R_WATCHDOG, p->armed ? p->watch_s : 0);
		drv_set(d, MKT_R_FAILSAFE_CURRENT, p->watch_a * 1000);
	}
	show_fault(d, p);
}

static int keepalive(struct drv_device *d, struct mkt_err *err)
{
	struct rapi *p = d->priv;

	rapi_line_begin(&p->q);
	return p->armed ? rapi_pulse(d, p, err) : 0;
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
	mkt_dev_text(id->model, "EVSE controller", 15);
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
static int ask_serial(struct rapi_line *q, struct mkt_identity *id, struct mkt_err *err)
{
	int r = rapi_ask(q, "GI", err);
	const char *s = q->answer.raw;

	if (r > 0 && strlen(s) > 2)
		mkt_dev_text(id->serial, s + 2, strlen(s + 2));
	return r == -MKT_EDEVLOST ? r : 0;
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
	if (r >= 0)
		r = ask_serial(&q, id, err);
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
	r = ask_serial(&p->q, &d->id, err);
	if (r >= 0)
		r = drv_check_serial(d, err);
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
	if (rapi_is_volatile(p))
		d->caps |= MKT_CAP_CURRENT | MKT_CAP_POWER;
	if (meter)
		d->caps |= MKT_CAP_IMPORT;
	if (p->can_watch)
		d->caps |= MKT_CAP_WATCHDOG;
}

/* Read, adopt, arm. */
static int attach(struct drv_device *d, struct rapi *p, struct mkt_err *err)
{
	int meter, r = rapi_read_state(p, err);

	if (r >= 0)
		r = rapi_read_capacity(p, err);
	if (r >= 0)
		r = rapi_watch_settings(d, p, err);
	if (r < 0)
		return r;
	meter = rapi_ask(&p->q, "GU", err);
	if (meter < 0)
		return meter;
	r = rapi_arm(d, p, err);
	if (r < 0)
		return r;
	find_abilities(d, p, meter > 0);
	p->held_a = p->amps;
	p->held_paused = rapi_is_paused(p->state);
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
	if (!rapi_number(p, 1, -1, 1000000, &ma) || !rapi_number(p, 2, -1, 1000000, &mv))
		return rapi_odd(p, "GG", err);
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
	struct rapi_kept *k = &p->kept;
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
	r = rapi_ask_ok(p, "GU", err);
	if (r < 0)
		return r;
	if (!rapi_number(p, 1, 0, INT64_MAX, &session_ws) ||
	    !rapi_number(p, 2, 0, INT64_MAX, &total_wh))
		return rapi_odd(p, "GU", err);
	r = rapi_read_state(p, err);
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

	if (p->polls++ % SELDOM && !rapi_is_fault(p->state))
		return 0;
	r = rapi_ask(&p->q, "GP", err);
	if (r < 0)
		return r;
	for (unsigned i = 1; r && i < p->q.answer.words && i < 4; i++)
		if (rapi_number(p, i, NO_SENSOR, 2000, &t) && t > hottest)
			hottest = t;
	if (hottest > NO_SENSOR)
		drv_set(d, MKT_R_TEMPERATURE, hottest * 100);
	r = rapi_ask(&p->q, "GF", err);
	if (r > 0 && !rapi_hex(p->q.answer.word[1], &p->gfi_trips))
		return rapi_odd(p, "GF", err);
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
		return mkt_err_set(err, MKT_EDEVIDENTITY, "it came back as '%s', was '%s'",
				   id.version, d->id.version);
	if (!p->state || rapi_is_fault(p->state)) /* not ready yet */
		return 0;
	if (p->held_paused) {
		r = rapi_pause(p, err);
		if (r < 0)
			return r;
	}
	r = rapi_is_volatile(p) ? rapi_set_amps(d, p, p->held_a, err) : 0;
	if (r >= 0 && p->can_watch)
		r = rapi_arm(d, p, err);
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
		r = rapi_pulse(d, p, err);
		if (r >= 0)
			r = rapi_read_capacity(p, err);
	}
	p->held_a = p->amps;
	p->held_paused = rapi_is_paused(p->state);
	return r;
}

static int poll_rapi(struct drv_device *d, struct mkt_err *err)
{
	struct rapi *p = d->priv;
	int r;

	rapi_line_begin(&p->q);
	r = rapi_listen(&p->q, err);
	if (r >= 0)
		r = rapi_read_state(p, err);
	if (r >= 0 && (p->q.notices & RAPI_BOOTED))
		r = recover(d, p, err);
	p->q.notices &= ~(unsigned)RAPI_CHANGED;
	if (r >= 0)
		r = rapi_read_capacity(p, err);
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
	int r = rapi_read_state(p, err);

	if (r >= 0 && rapi_is_fault(p->state))
		r = rapi_fault(p, err);
	if (r >= 0 && p->can_watch && !p->armed)
		r = rapi_arm(d, p, err);
	if (r >= 0)
		r = rapi_set_amps(d, p, amps, err);
	if (r >= 0 && rapi_is_paused(p->state))
		r = rapi_wake(p, err);
	if (r < 0)
		return r;
	if (p->amps > amps)
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				   "%d A were asked for, %d A are in force", amps, p->amps);
	p->held_a = p->amps;
	p->held_paused = false;
	return 0;
}

/* The whole amps that are meant; 0: pause. */
static int wanted_a(const struct drv_device *d, const struct rapi *p,
		    const struct mkt_setpoint *set, struct mkt_err *err)
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
			return mkt_err_set(err, MKT_EINVAL,
					   "%d mA is below the smallest current, %d A", set->value,
					   p->min_a);
	}
	return amps < rapi_largest_a(d, p) ? amps : rapi_largest_a(d, p);
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
	r = amps ? start(d, p, amps, err) : rapi_pause(p, err);
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
	int r = rapi_read_state(p, err);

	if (r >= 0 && p->armed) {
		r = rapi_ask_ok(p, "SY 0 0", err);
		p->armed = r < 0;
	}
	if (r >= 0 && rapi_is_volatile(p))
		r = rapi_set_amps(d, p, rapi_largest_a(d, p), err);
	if (r >= 0 && rapi_is_paused(p->state))
		r = rapi_wake(p, err);
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
		r = rapi_pause(p, err);
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
	.maturity = DRV_EXPERIMENTAL,
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
