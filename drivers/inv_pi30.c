/*
 * Driver `pi30`: Voltronic inverters with a battery.  What can be asked of them
 * is two priorities and a charging current, so they take modes only:
 *
 *	charge		PCP02 POP00, and MUCHGC within conf's largest power
 *	hold		PCP03 POP00
 *	discharge	PCP03 POP02, into the house's load
 *	auto		what was found at open
 *
 * Settings are stored in EEPROM: each is written only if QPIRI tells another
 * value, and QPIRI is what confirms it.  There is no watchdog.  Firmware drops
 * commands now and then, and some answer one query with a bad checksum always:
 * only QPIGS must be right for a pass.  Orders and opening take longer than a call:
 * they go on where they were (-MKT_EBUSY).
 */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/driver.h"
#include "drivers/pi30.h"

#define CALL_MS 2800	/* of one callback */
#define ANSWER_MS 1200	/* to the first byte: slow firmware takes a second */
#define REST_MS 800	/* from there to CR: 140 bytes at 2400 baud take 583 ms */
#define STEP_MS (ANSWER_MS + REST_MS) /* an exchange is not begun with less than this left */
#define PAUSE_MS 250	/* before the first new try; then double */
#define TRIES 5
#define MISSES 3	/* a query that fails so often is asked every so manieth poll only */
#define MISSED_EVERY 20
#define STEPS_MAX 12	/* of one order: three writes, reads, and room */

enum { UTILITY_FIRST = 0, BATTERY_FIRST = 2 };	/* POP */
enum { CHARGE_BOTH = 2, CHARGE_SOLAR = 3 };	/* PCP */
enum { W_OUTPUT = 1 << 0, W_CHARGE = 1 << 1, W_CURRENT = 1 << 2 };

/* What is written, as QPIRI tells it; PI30_NONE: leave it. */
struct settings {
	int32_t output, charge, ac_a;
};

/* What open() found the first time, kept over reconnections: the owner's programme. */
struct keep {
	uint8_t known, output, charge;
	uint16_t ac_a;
	char serial[32];
};
_Static_assert(sizeof(struct keep) <= sizeof(((struct drv_device *)0)->keep), "keep");

enum { Q_MODE, Q_WARNINGS, Q_RATINGS, QUERIES };

struct pi30 {
	struct pi30_ratings ratings; /* of the last QPIRI */
	bool known;		     /* they hold: nothing was written since */
	struct keep found;
	uint16_t currents[PI30_CURRENTS_MAX];
	unsigned ncurrents;
	unsigned step;		     /* of open() */
	uint8_t misses[QUERIES];
	uint32_t polls;
	char mode;		     /* letter of QMOD */
	char warnings[PI30_TEXT_MAX + 1];
	enum mkt_dev_mode wanted;    /* last one confirmed */
	/* An order on its way. */
	uint8_t written;	     /* W_... */
	unsigned steps;
};

/* ---- one exchange ------------------------------------------------------------------------- */

struct call {
	struct drv_link *link;
	struct drv_device *d; /* NULL: a probe, nothing is counted */
	uint64_t until_ms;
};

static void count(const struct call *c, enum drv_counter what)
{
	if (c->d)
		drv_count(c->d, what);
}

static struct call call_of(struct drv_device *d)
{
	return (struct call){.link = d->link, .d = d, .until_ms = drv_now_ms() + CALL_MS};
}

/* Is there time for one more exchange? */
static bool time_left(const struct call *c)
{
	return drv_now_ms() + STEP_MS <= c->until_ms;
}

/* An answer as it comes in: bytes before its '(' are noise. */
struct incoming {
	uint8_t frame[PI30_FRAME_MAX];
	size_t n;
	bool begun;
};

/* 1: @in is whole, without CR.  0: more is to come. */
static int take_byte(struct incoming *in, uint8_t b, struct mkt_err *err)
{
	if (b == '(') {
		in->begun = true;
		in->n = 0;
	}
	if (!in->begun)
		return 0;
	if (b == '\r')
		return 1;
	if (in->n == sizeof(in->frame))
		return mkt_err_set(err, MKT_EDEVFRAME, "an answer of more than %d bytes",
				   PI30_FRAME_MAX);
	in->frame[in->n++] = b;
	return 0;
}

static int read_answer(const struct call *c, struct incoming *in, struct mkt_err *err)
{
	uint64_t deadline = drv_now_ms() + ANSWER_MS;
	uint8_t bytes[64];
	bool begun;
	int n, r;

	if (deadline > c->until_ms)
		deadline = c->until_ms;
	while ((n = drv_link_read(c->link, bytes, sizeof(bytes), deadline, err)) > 0) {
		begun = in->begun;
		for (int i = 0; i < n; i++) {
			r = take_byte(in, bytes[i], err);
			if (r)
				return r; /* what stands after CR is nobody's */
		}
		if (in->begun && !begun)
			deadline = drv_now_ms() + REST_MS;
	}
	if (n < 0)
		return n;
	if (in->begun)
		return mkt_err_set(err, MKT_EDEVFRAME, "an answer that ends after %zu bytes",
				   in->n);
	return mkt_err_set(err, MKT_EDEVTIMEOUT, "no answer within %d ms", ANSWER_MS);
}

static int exchange_once(const struct call *c, const char *command, char text[PI30_TEXT_MAX + 1],
			 struct mkt_err *err)
{
	uint8_t frame[PI30_FRAME_MAX];
	size_t n = pi30_frame(command, frame);
	struct incoming in = {.n = 0};
	int r = drv_link_drain(c->link, 0, 0, err);

	if (r >= 0) {
		count(c, DRV_REQUESTS);
		r = drv_link_write(c->link, frame, n, c->until_ms, err);
	}
	if (r >= 0)
		r = read_answer(c, &in, err);
	if (r >= 0)
		r = pi30_answer(in.frame, in.n, text, err);
	if (r == -MKT_EDEVTIMEOUT)
		count(c, DRV_TIMEOUTS);
	if (r == -MKT_EDEVFRAME)
		count(c, DRV_BAD_FRAMES);
	if (r < 0)
		return mkt_err_wrap(err, "%s", command);
	count(c, DRV_ANSWERS);
	return 0;
}

/* The answer is right by its checksum, but to another question: a late one. */
static int stranger(const struct call *c, const char *command, const char *text,
		    struct mkt_err *err)
{
	count(c, DRV_LATE);
	if (drv_link_drain(c->link, PAUSE_MS, 2 * PAUSE_MS, err) < 0)
		return -MKT_EDEVLOST;
	return mkt_err_set(err, MKT_EDEVFRAME, "'%.20s' is no answer to %s", text, command);
}

/* Tried again, after growing pauses, while there is time. */
static int exchange(const struct call *c, const char *command, char text[PI30_TEXT_MAX + 1],
		    struct mkt_err *err)
{
	uint32_t pause_ms = PAUSE_MS;
	int r = exchange_once(c, command, text, err);

	for (int i = 1; i < TRIES && (r == -MKT_EDEVTIMEOUT || r == -MKT_EDEVFRAME); i++) {
		if ((c->d && c->d->brief) || drv_now_ms() + pause_ms + ANSWER_MS > c->until_ms)
			break;
		if (drv_link_drain(c->link, pause_ms, pause_ms + PAUSE_MS, err) < 0)
			return -MKT_EDEVLOST;
		pause_ms *= 2;
		r = exchange_once(c, command, text, err);
	}
	if (!r && !strcmp(text, "NAK")) {
		count(c, DRV_REFUSALS);
		return mkt_err_set(err, MKT_EDEVREFUSED, "%s: the inverter answers NAK", command);
	}
	return r;
}

/* A setting.  ACK is no proof: QPIRI is. */
static int order(const struct call *c, const char *command, struct mkt_err *err)
{
	char text[PI30_TEXT_MAX + 1];
	int r = exchange(c, command, text, err);

	return !r && strcmp(text, "ACK") != 0 ? stranger(c, command, text, err) : r;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int check_protocol(const struct call *c, struct mkt_err *err)
{
	char text[PI30_TEXT_MAX + 1];
	int r = exchange(c, "QPI", text, err);

	/* The first NAK may be for what noise, or another driver's probe, left in its buffer. */
	if (r == -MKT_EDEVREFUSED)
		r = exchange(c, "QPI", text, err);
	if (r == -MKT_EDEVREFUSED)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "NAK to QPI: not a PI30 inverter");
	if (!r && strcmp(text, "PI30") != 0)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "'%.20s' to QPI, not 'PI30'", text);
	return r;
}

static int read_serial(const struct call *c, struct mkt_identity *id, struct mkt_err *err)
{
	char text[PI30_TEXT_MAX + 1];
	int r = exchange(c, "QID", text, err);

	if (!r)
		mkt_dev_text(id->serial, text, strlen(text));
	return r == -MKT_EDEVLOST ? r : 0; /* some have none, or spoil it always */
}

static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	struct call c = {.link = l, .until_ms = drv_now_ms() + CALL_MS};
	int r = check_protocol(&c, err);

	(void)conf;
	if (r == -MKT_EDEVTIMEOUT || r == -MKT_EDEVFRAME || r == -MKT_EDEVIDENTITY)
		return 0;
	if (!r)
		r = read_serial(&c, id, err);
	if (r < 0)
		return r;
	snprintf(id->maker, sizeof(id->maker), "Voltronic");
	snprintf(id->version, sizeof(id->version), "PI30");
	return 1;
}

static int read_ratings(const struct call *c, struct pi30 *p, struct mkt_err *err)
{
	char text[PI30_TEXT_MAX + 1];
	int r = exchange(c, "QPIRI", text, err);

	if (!r)
		r = pi30_ratings(text, &p->ratings, err);
	p->known = !r;
	return r;
}

static void read_currents(const struct call *c, struct pi30 *p)
{
	char text[PI30_TEXT_MAX + 1];

	if (!exchange(c, "QMUCHGCR", text, NULL))
		p->ncurrents = pi30_currents(text, p->currents);
}

/* What was there before us: of this run's first open, if it is the same inverter. */
static void remember(struct drv_device *d, struct pi30 *p)
{
	struct keep k;

	memcpy(&k, d->keep, sizeof(k));
	if (!k.known || strncmp(k.serial, d->id.serial, sizeof(k.serial) - 1) != 0) {
		k = (struct keep){.known = 1,
				  .output = (uint8_t)p->ratings.output_priority,
				  .charge = (uint8_t)p->ratings.charge_priority,
				  .ac_a = p->ratings.ac_charge_a == PI30_NONE
						  ? UINT16_MAX
						  : (uint16_t)p->ratings.ac_charge_a};
		snprintf(k.serial, sizeof(k.serial), "%.31s", d->id.serial);
		memcpy(d->keep, &k, sizeof(k));
	}
	p->found = k;
}

static void tell_abilities(struct drv_device *d, struct pi30 *p)
{
	const struct pi30_ratings *r = &p->ratings;

	d->caps = MKT_CAP_SOC;
	if (r->output_priority == PI30_NONE || r->charge_priority == PI30_NONE) {
		d->caps |= MKT_CAP_READ_ONLY;
		return;
	}
	d->caps |= MKT_CAP_MODE;
	remember(d, p);
}

static void tell_identity(struct drv_device *d, const struct pi30 *p)
{
	const char *machine = p->ratings.machine == 0	 ? "grid tie"
			      : p->ratings.machine == 1	 ? "off grid"
			      : p->ratings.machine == 10 ? "hybrid"
							 : "inverter";

	snprintf(d->id.maker, sizeof(d->id.maker), "Voltronic");
	snprintf(d->id.version, sizeof(d->id.version), "PI30");
	if (p->ratings.output_va != PI30_NONE && p->ratings.battery_mv != PI30_NONE)
		snprintf(d->id.model, sizeof(d->id.model), "%d VA, %d V, %s", p->ratings.output_va,
			 p->ratings.battery_mv / 1000, machine);
}

/* Each step is one exchange. */
static int open_step(const struct call *c, struct drv_device *d, struct mkt_err *err)
{
	struct pi30 *p = d->priv;
	int r;

	switch (p->step++) {
	case 0:
		return check_protocol(c, err);
	case 1:
		r = read_serial(c, &d->id, err);
		return r < 0 ? r : drv_check_serial(d, err);
	case 2:
		r = read_ratings(c, p, err);
		tell_identity(d, p);
		if (!r)
			tell_abilities(d, p);
		return r;
	default:
		read_currents(c, p);
		return 1;
	}
}

static int open_device(struct drv_device *d, struct mkt_err *err)
{
	struct call c = call_of(d);
	int r = 0;

	if (!d->priv)
		d->priv = calloc(1, sizeof(struct pi30));
	if (!d->priv)
		return mkt_err_code(err, MKT_ENOMEM);
	while (!r && time_left(&c))
		r = open_step(&c, d, err);
	if (!r)
		return mkt_err_set(err, MKT_EBUSY, "identifying");
	return r < 0 ? r : 0;
}

static void close_device(struct drv_device *d)
{
	free(d->priv);
	d->priv = NULL;
}

/* ---- polling ------------------------------------------------------------------------------ */

static void set_if(struct drv_device *d, enum mkt_reading_id id, int32_t v, int32_t factor)
{
	if (v != PI30_NONE)
		drv_set(d, id, (int64_t)v * factor);
}

static int poll_status(const struct call *c, struct drv_device *d, struct mkt_err *err)
{
	char text[PI30_TEXT_MAX + 1];
	struct pi30_status s;
	int r = exchange(c, "QPIGS", text, err);

	if (!r)
		r = pi30_status(text, &s, err);
	if (r)
		return r;
	set_if(d, MKT_R_POWER, s.battery_w, 1);
	set_if(d, MKT_R_VOLTAGE_L1, s.grid_mv, 1);
	set_if(d, MKT_R_FREQUENCY, s.grid_mhz, 1);
	set_if(d, MKT_R_BATTERY_VOLTAGE, s.battery_mv, 1);
	set_if(d, MKT_R_SOC, s.soc_percent, 10);
	set_if(d, MKT_R_TEMPERATURE, s.heat_sink_c, 1000);
	return 0;
}

static enum mkt_dev_mode mode_of(const struct pi30 *p)
{
	int32_t output = p->ratings.output_priority, charge = p->ratings.charge_priority;
	enum mkt_dev_mode mode = MKT_MODE_AUTO;

	if (output == UTILITY_FIRST && charge == CHARGE_BOTH)
		mode = MKT_MODE_CHARGE;
	else if (output == UTILITY_FIRST && charge == CHARGE_SOLAR)
		mode = MKT_MODE_HOLD;
	else if (output == BATTERY_FIRST && charge == CHARGE_SOLAR)
		mode = MKT_MODE_DISCHARGE;
	/* The owner's own programme may look like one of ours. */
	if (mode != p->wanted && output == p->found.output && charge == p->found.charge)
		return MKT_MODE_AUTO;
	return mode;
}

static void tell_ratings(struct drv_device *d, const struct pi30 *p)
{
	const struct pi30_ratings *r = &p->ratings;

	if (d->caps & MKT_CAP_MODE)
		drv_set(d, MKT_R_MODE, mode_of(p));
	if (r->ac_charge_a != PI30_NONE && r->battery_mv != PI30_NONE)
		drv_set(d, MKT_R_POWER_CHARGE_MAX,
			(int64_t)r->battery_mv * r->ac_charge_a / 1000);
	set_if(d, MKT_R_POWER_DISCHARGE_MAX, r->output_w, 1);
}

static void tell_fault(struct drv_device *d, const struct pi30 *p)
{
	unsigned bit = 0;
	const char *what = pi30_warning(p->warnings, 0, &bit);

	if (p->mode != 'F') {
		drv_fault(d, NULL);
		drv_set(d, MKT_R_FAULT, 0);
		return;
	}
	/* "inverter fault" says no more than the mode does. */
	if (what && bit == 1 && pi30_warning(p->warnings, 1, &bit))
		what = pi30_warning(p->warnings, 1, &bit);
	drv_fault(d, "the inverter is in fault mode%s%s", what ? ": " : "", what ? what : "");
	drv_set(d, MKT_R_FAULT, bit + 1);
}

static int ask(const struct call *c, struct drv_device *d, unsigned query, struct mkt_err *err)
{
	struct pi30 *p = d->priv;
	char text[PI30_TEXT_MAX + 1];
	int r;

	if (query == Q_RATINGS) {
		r = read_ratings(c, p, err);
		if (!r)
			tell_ratings(d, p);
		return r;
	}
	r = exchange(c, query == Q_MODE ? "QMOD" : "QPIWS", text, err);
	if (r < 0)
		return r;
	if (query == Q_MODE ? !pi30_is_mode(text) : !pi30_is_warnings(text))
		return stranger(c, query == Q_MODE ? "QMOD" : "QPIWS", text, err);
	if (query == Q_MODE)
		p->mode = text[0];
	else
		memcpy(p->warnings, text, sizeof(p->warnings));
	tell_fault(d, p);
	return 0;
}

static int poll_device(struct drv_device *d, struct mkt_err *err)
{
	struct call c = call_of(d);
	struct pi30 *p = d->priv;
	int r = poll_status(&c, d, err);

	p->polls++;
	for (unsigned i = 0; !r && i < QUERIES && time_left(&c); i++) {
		unsigned q = (p->polls + i) % QUERIES; /* what there was no time for goes first */

		if (p->misses[q] >= MISSES && p->polls % MISSED_EVERY)
			continue;
		r = ask(&c, d, q, err);
		p->misses[q] = r ? (uint8_t)(p->misses[q] + (p->misses[q] < MISSES)) : 0;
		if (r != -MKT_EDEVLOST)
			r = 0; /* of this query only */
	}
	return r;
}

/* ---- orders ------------------------------------------------------------------------------- */

/*
 * The largest permitted current whose power is within conf's; PI30_NONE: leave it.
 * From 100 A on the command's first digit is a unit to some firmware, an amount to
 * other: those are not chosen.
 */
static int charge_current(const struct drv_device *d, int32_t *ac_a, struct mkt_err *err)
{
	const struct pi30 *p = d->priv;
	uint64_t mv = p->ratings.battery_mv > 0 ? (uint64_t)p->ratings.battery_mv : 0;

	*ac_a = PI30_NONE;
	if (!d->conf->max_w || !p->ncurrents || !mv)
		return 0;
	for (unsigned i = 0; i < p->ncurrents; i++)
		if (p->currents[i] < 100 && p->currents[i] > *ac_a &&
		    p->currents[i] * mv <= (uint64_t)d->conf->max_w * 1000)
			*ac_a = p->currents[i];
	if (*ac_a != PI30_NONE)
		return 0;
	return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
			   "the smallest charging current is %u A: more than %u W", p->currents[0],
			   d->conf->max_w);
}

static struct settings found_settings(const struct pi30 *p)
{
	return (struct settings){p->found.output, p->found.charge,
				 p->found.ac_a == UINT16_MAX ? PI30_NONE : p->found.ac_a};
}

static int settings_of(const struct drv_device *d, int32_t mode, struct settings *out,
		       struct mkt_err *err)
{
	const struct pi30 *p = d->priv;

	*out = (struct settings){UTILITY_FIRST, CHARGE_SOLAR, PI30_NONE};
	switch (mode) {
	case MKT_MODE_AUTO:
		*out = found_settings(p);
		return 0;
	case MKT_MODE_HOLD:
		return 0;
	case MKT_MODE_DISCHARGE:
		out->output = BATTERY_FIRST;
		return 0;
	case MKT_MODE_CHARGE:
		out->charge = CHARGE_BOTH;
		return charge_current(d, &out->ac_a, err);
	default:
		return mkt_err_set(err, MKT_EINVAL, "there is no mode %d", mode);
	}
}

static bool differs(int32_t want, int32_t is)
{
	return want != PI30_NONE && want != is;
}

/* One write that is still needed; 0: none. */
static unsigned next_write(const struct settings *want, const struct pi30_ratings *is,
			   char command[16])
{
	/* First that nothing is charged or drawn that should not be. */
	if (differs(want->ac_a, is->ac_charge_a)) {
		snprintf(command, 16, "MUCHGC%03u", (unsigned)want->ac_a % 1000);
		return W_CURRENT;
	}
	if (differs(want->charge, is->charge_priority)) {
		snprintf(command, 16, "PCP%02d", want->charge);
		return W_CHARGE;
	}
	if (differs(want->output, is->output_priority)) {
		snprintf(command, 16, "POP%02d", want->output);
		return W_OUTPUT;
	}
	return 0;
}

static void assume(struct pi30_ratings *is, const struct settings *want, unsigned what)
{
	if (what == W_CURRENT)
		is->ac_charge_a = want->ac_a;
	if (what == W_CHARGE)
		is->charge_priority = want->charge;
	if (what == W_OUTPUT)
		is->output_priority = want->output;
}

static int unconfirmed(const struct settings *want, const struct pi30_ratings *is,
		       struct mkt_err *err)
{
	if (differs(want->ac_a, is->ac_charge_a))
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
				   "asked for %d A of charging from the grid, read back %d A",
				   want->ac_a, is->ac_charge_a);
	return mkt_err_set(err, MKT_EDEVUNCONFIRMED,
			   "asked for priorities POP%02d PCP%02d, read back POP%02d PCP%02d",
			   want->output, want->charge, is->output_priority, is->charge_priority);
}

/* One exchange towards @want.  1: read back, and so it is. */
static int apply_step(const struct call *c, struct drv_device *d, const struct settings *want,
		      struct mkt_err *err)
{
	struct pi30 *p = d->priv;
	char command[16];
	unsigned what;
	int r;

	if (!p->steps++) /* never believe an old reading */
		return read_ratings(c, p, err);
	what = next_write(want, &p->ratings, command);
	if (!what && p->known)
		return 1;
	if (!what)
		return read_ratings(c, p, err);
	if (p->written & what || p->steps > STEPS_MAX)
		return unconfirmed(want, &p->ratings, err);
	p->known = false;
	p->written |= (uint8_t)what;
	r = order(c, command, err);
	if (!r)
		assume(&p->ratings, want, what);
	return r;
}

static int apply(struct drv_device *d, const struct settings *want, struct mkt_err *err)
{
	struct call c = call_of(d);
	struct pi30 *p = d->priv;
	int r = 0;

	while (!r && time_left(&c))
		r = apply_step(&c, d, want, err);
	if (!r)
		return mkt_err_set(err, MKT_EBUSY, "setting priorities");
	p->steps = 0;
	p->written = 0;
	tell_ratings(d, p);
	return r < 0 ? r : 0;
}

static int command(struct drv_device *d, const struct mkt_setpoint *set,
		   struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct pi30 *p = d->priv;
	struct settings want;
	int r;

	if (set->kind != MKT_SET_MODE)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "a PI30 inverter takes no set-point in W or A: order a mode "
				   "(charge, hold, discharge, auto)");
	if (!(d->caps & MKT_CAP_MODE))
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "this inverter does not tell its priorities (QPIRI)");
	r = settings_of(d, set->value, &want, err);
	if (!r)
		r = apply(d, &want, err);
	if (r < 0)
		return r;
	p->wanted = (enum mkt_dev_mode)set->value;
	*applied = *set;
	tell_ratings(d, p);
	return 0;
}

/* The owner's programme again: the inverter has no pause of its own. */
static int safe_state(struct drv_device *d, struct mkt_err *err)
{
	struct mkt_setpoint set = {MKT_SET_MODE, MKT_MODE_AUTO}, applied;

	if (d->conf->exit == MKT_EXIT_KEEP || !(d->caps & MKT_CAP_MODE))
		return 0;
	return command(d, &set, &applied, err);
}

const struct drv_driver drv_pi30 = {
	.name = "pi30",
	.summary = "Voltronic (Axpert) inverters over PI30",
	.maturity = DRV_EXPERIMENTAL,
	.kind = MKT_DEV_BATTERY,
	.line = {.speed = 2400, .parity = 'N', .data_bits = 8, .stop_bits = 1},
	.pause_ms = 20,
	.settle_ms = 200,
	.poll_ms = 5000,
	.probe = probe,
	.open = open_device,
	.poll = poll_device,
	.command = command,
	.safe_state = safe_state,
	.close = close_device,
};
