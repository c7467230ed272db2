/*
 * Driver `skel`: a skeleton to copy.  It compiles, speaks to a charger that does
 * not exist, and is in no list.  HACKING.md, "A driver", has the steps around it.
 *
 * The imaginary protocol: lines that end in CR, answered by one line.
 *
 *	V	"skel 1.2 SN123"	model, version, serial number
 *	S	"C 7360 123456"		vehicle (A, B, C, F), W, Wh
 *	L	"16000"			limit in force, mA
 *	L=N	"ok" or "no"		set it; 0 pauses
 *
 * Say here what a reader must know before the code: which devices, which of their
 * traps are dealt with, what is stored in flash, what the device does when nobody
 * speaks to it.  Bytes and numbers belong into a file of their own (drivers/pi30.c
 * beside inv_pi30.c), which tests and fuzzers can use without a line.
 */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/driver.h"

/* Times with their reason.  No call may take longer than DRV_CALL_MAX_MS, all tries together. */
#define ANSWER_MS 500 /* the slowest device answers in 300 */
#define DRAIN_MS 400  /* after a timeout: nothing later than that was ever seen */
#define TRIES 2
#define LINE_MAX 80
#define MIN_MA 6000 /* less is no charging: IEC 61851 */

/* What is known of one device between calls.  Readings are not kept here: drv_set() has them. */
struct skel {
	int32_t max_ma;
};

/* ---- one exchange -------------------------------------------------------------------------- */

/*
 * One answer into @out.  Every wait has a deadline.  Noise, half lines and lines that
 * are too long end up as -MKT_EDEVFRAME, silence as -MKT_EDEVTIMEOUT; a lost line comes
 * out of drv_link_read() as -MKT_EDEVLOST and is passed on as it is.
 */
static int read_line(struct drv_link *l, char out[LINE_MAX + 1], struct mkt_err *err)
{
	uint64_t deadline = drv_now_ms() + ANSWER_MS;
	size_t n = 0;
	int r;

	while (n < LINE_MAX && (r = drv_link_read(l, out + n, LINE_MAX - n, deadline, err)) != 0) {
		char *end;

		if (r < 0)
			return r;
		end = memchr(out + n, '\r', (size_t)r);
		n += (size_t)r;
		if (!end)
			continue;
		*end = 0;
		return 0;
	}
	if (n)
		return mkt_err_set(err, MKT_EDEVFRAME, "%zu bytes without an end", n);
	return mkt_err_set(err, MKT_EDEVTIMEOUT, "no answer within %d ms", ANSWER_MS);
}

static int ask_once(struct drv_link *l, const char *what, char out[LINE_MAX + 1],
		    struct mkt_err *err)
{
	char line[LINE_MAX];
	int n = snprintf(line, sizeof(line), "%s\r", what);
	int r = drv_link_drain(l, 0, 0, err); /* what came unasked is no answer */

	if (r >= 0)
		r = drv_link_write(l, line, (size_t)n, drv_now_ms() + ANSWER_MS, err);
	if (r >= 0)
		r = read_line(l, out, err);
	return r < 0 ? mkt_err_wrap(err, "%s", what) : 0;
}

/*
 * @d is NULL in probe(): nothing is counted there.  After a timeout the line is
 * drained before anything else is sent: a late answer carries no id here and would
 * be taken for the next one.  d->brief: others wait for the line, do not try again.
 */
static int ask(struct drv_link *l, struct drv_device *d, const char *what, char out[LINE_MAX + 1],
	       struct mkt_err *err)
{
	int r = 0;

	for (int i = 0; i < (d && d->brief ? 1 : TRIES); i++) {
		if (d)
			drv_count(d, DRV_REQUESTS);
		r = ask_once(l, what, out, err);
		if (r != -MKT_EDEVTIMEOUT && r != -MKT_EDEVFRAME)
			break;
		if (d)
			drv_count(d, r == -MKT_EDEVTIMEOUT ? DRV_TIMEOUTS : DRV_BAD_FRAMES);
		if (drv_link_drain(l, DRAIN_MS / 4, DRAIN_MS, err) < 0)
			return -MKT_EDEVLOST;
	}
	if (!r && d)
		drv_count(d, DRV_ANSWERS);
	return r;
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* All digits and nothing else, or false: what a device sends is a stranger's. */
static bool number(const char *s, int32_t max, int32_t *out)
{
	int64_t v = 0;

	if (!*s || strlen(s) > 10)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (*s - '0');
	}
	*out = (int32_t)v;
	return v <= max;
}

static int read_limit(struct drv_device *d, int32_t *limit_ma, struct mkt_err *err)
{
	char text[LINE_MAX + 1] = "";
	int r = ask(d->link, d, "L", text, err);

	if (!r && !number(text, 80000, limit_ma))
		return mkt_err_set(err, MKT_EDEVFRAME, "L: '%.20s' is no current", text);
	if (!r)
		drv_set(d, MKT_R_CURRENT_LIMIT, *limit_ma);
	return r;
}

/* ---- callbacks ----------------------------------------------------------------------------- */

/* 1 and *@id: it is mine.  0: somebody else, or nobody.  Harmless questions only. */
static int probe(struct drv_link *l, const struct mkt_device_conf *conf, struct mkt_identity *id,
		 struct mkt_err *err)
{
	char text[LINE_MAX + 1];
	int r = ask(l, NULL, "V", text, err);

	(void)conf; /* conf->unit on a bus */
	if (r == -MKT_EDEVTIMEOUT || r == -MKT_EDEVFRAME)
		return 0;
	if (r < 0)
		return r;
	if (strncmp(text, "skel ", 5) != 0)
		return 0;
	mkt_dev_text(id->model, "skel", 4);
	mkt_dev_text(id->version, text + 5, strcspn(text + 5, " "));
	if (strrchr(text, ' ') > text + 5)
		mkt_dev_text(id->serial, strrchr(text, ' ') + 1, strlen(strrchr(text, ' ') + 1));
	return 1;
}

/*
 * Identify; refuse what is not known, saying what was read; find the abilities in what
 * the device reports, not in what its model ought to have; read its state and adopt it.
 * Only then write (watchdog, failsafe), and read that back.  Work that takes longer
 * than a call returns -MKT_EBUSY and is called again.
 */
static int open_device(struct drv_device *d, struct mkt_err *err)
{
	struct skel *p;
	int r = probe(d->link, d->conf, &d->id, err);

	if (r < 0)
		return r;
	if (!r)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "what answers is no skel charger");
	if (strncmp(d->id.version, "1.", 2) != 0)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "firmware '%s' is not known: 1.x is",
				   d->id.version);
	r = drv_check_serial(d, err);
	if (r < 0)
		return r;
	d->priv = p = calloc(1, sizeof(*p));
	if (!p)
		return mkt_err_code(err, MKT_ENOMEM);
	p->max_ma = d->conf->max_ma ? (int32_t)d->conf->max_ma : 32000;
	d->caps = MKT_CAP_CURRENT | MKT_CAP_PAUSE | MKT_CAP_IMPORT | MKT_CAP_VEHICLE;
	drv_set(d, MKT_R_CURRENT_MIN, MIN_MA);
	drv_set(d, MKT_R_CURRENT_MAX, p->max_ma);
	drv_set(d, MKT_R_ENERGY_STEP, 1);
	return 0;
}

/* One pass: all readings that matter, or an error and none of them. */
static int poll_device(struct drv_device *d, struct mkt_err *err)
{
	char text[LINE_MAX + 1], *word[3], *rest = text;
	int32_t power_w, energy_wh, limit_ma;
	int r = ask(d->link, d, "S", text, err);

	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		word[i] = strsep(&rest, " ");
	if (!word[2] || rest || !number(word[1], 100000, &power_w) ||
	    !number(word[2], INT32_MAX, &energy_wh) || strlen(word[0]) != 1 ||
	    !strchr("ABCF", word[0][0]))
		return mkt_err_set(err, MKT_EDEVFRAME, "S: the answer is no state");
	drv_set(d, MKT_R_VEHICLE,
		word[0][0] == 'F' ? MKT_VEHICLE_F : MKT_VEHICLE_A + (word[0][0] - 'A'));
	drv_set(d, MKT_R_POWER, power_w);
	drv_set(d, MKT_R_ENERGY_IMPORT, energy_wh); /* doubted by itself when it jumps */
	if (word[0][0] == 'F')
		drv_fault(d, "the charger reports a fault");
	else
		drv_fault(d, NULL);
	return read_limit(d, &limit_ma, err);
}

/*
 * Make it so, and read it back: only what the device then says is done.  Refuse what it
 * cannot do, never round up.  If a setting is stored in flash, compare first and
 * write on change only.
 */
static int command(struct drv_device *d, const struct mkt_setpoint *set,
		   struct mkt_setpoint *applied, struct mkt_err *err)
{
	const struct skel *p = d->priv;
	char order[24], text[LINE_MAX + 1];
	int32_t ma;
	int r;

	if (set->kind != MKT_SET_CURRENT)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED, "a skel charger takes a current only");
	if (set->value < 0 || (set->value && set->value < MIN_MA) || set->value > p->max_ma)
		return mkt_err_set(err, MKT_EINVAL, "%d mA is not 0 or %d..%d mA", set->value,
				   MIN_MA, p->max_ma);
	snprintf(order, sizeof(order), "L=%d", set->value);
	r = ask(d->link, d, order, text, err);
	if (r < 0)
		return r;
	if (strcmp(text, "ok") != 0) {
		drv_count(d, DRV_REFUSALS);
		return mkt_err_set(err, MKT_EDEVREFUSED, "the charger refused %d mA", set->value);
	}
	r = read_limit(d, &ma, err);
	if (!r && ma != set->value)
		return mkt_err_set(err, MKT_EDEVUNCONFIRMED, "asked for %d mA, read back %d mA",
				   set->value, ma);
	if (!r)
		*applied = *set;
	return r;
}

/* What conf says the device is left in: paused, as it is, or its own programme. */
static int safe_state(struct drv_device *d, struct mkt_err *err)
{
	struct mkt_setpoint pause = {MKT_SET_CURRENT, 0}, applied;

	return d->conf->exit == MKT_EXIT_KEEP ? 0 : command(d, &pause, &applied, err);
}

/* Called after a failed open() as well.  The line may be gone: say nothing on it. */
static void close_device(struct drv_device *d)
{
	free(d->priv);
	d->priv = NULL;
}

extern const struct drv_driver drv_skel; /* DRV_DRIVER(skel) in drivers.def does this */
const struct drv_driver drv_skel = {
	.name = "skel",
	.summary = "a skeleton",
	.maturity = DRV_EXPERIMENTAL,
	.kind = MKT_DEV_EVSE,
	.line = {.speed = 9600, .parity = 'N', .data_bits = 8, .stop_bits = 1},
	.pause_ms = 50,
	.poll_ms = 5000,
	.probe = probe,
	.open = open_device,
	.poll = poll_device,
	.command = command,
	.safe_state = safe_state,
	.close = close_device,
};
