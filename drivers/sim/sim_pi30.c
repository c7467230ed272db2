/*
 * Simulated PI30 inverter: a battery that is charged from the grid, held, or
 * discharged into the house's load, as its priorities say.
 *
 * Models (--model): axpert (the default), old (17 fields of status, no list of
 * currents), hidden (priorities not told), pi41 (another protocol).
 * Verbs: load W; panel POP PCP (somebody at the inverter); trip BIT (fault mode with
 * that warning), untrip; spoil QUERY (its answer always has a bad checksum), heal.
 * Faults of its own: nak (refuses), deaf (says ACK and does nothing).
 */
#include "core/base/compat.h"

#include "drivers/pi30.h"
#include "drivers/sim/sim.h"

#define BATTERY_MIN_MV 46000u
#define LIST "002 010 020 030 040 050 060 070 080 090 100 110 120"

enum model { AXPERT, OLD, HIDDEN, PI41 };

struct inverter {
	enum model model;
	unsigned output, charge; /* priorities */
	unsigned ac_a, total_a;
	uint32_t load_w;
	int trip;		 /* warning bit; -1: well */
	char spoiled[16];
	uint8_t in[64]; /* a command on its way in */
	size_t n;
};

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	static const char *const names[] = {"axpert", "old", "hidden", "pi41"};
	struct inverter *v = calloc(1, sizeof(*v));
	size_t m = 0;

	(void)s;
	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = v;
	while (model && m < MKT_ARRAY_SIZE(names) && strcmp(model, names[m]) != 0)
		m++;
	if (m == MKT_ARRAY_SIZE(names))
		return mkt_err_set(err, MKT_EUSAGE, "there is no model '%s'", model);
	v->model = (enum model)m;
	v->charge = 3;
	v->output = 1;
	v->ac_a = 30;
	v->total_a = 60;
	v->load_w = 550;
	v->trip = -1;
	d->phys.phases = 1;
	d->phys.capacity_wh = 10000;
	d->phys.charge_max_w = d->phys.discharge_max_w = 5000;
	sim_phys_soc_set(&d->phys, 500);
	return 0;
}

/* ---- what flows --------------------------------------------------------------------------- */

static uint32_t battery_mv(const struct sim_device *d)
{
	return BATTERY_MIN_MV + sim_phys_soc(&d->phys) * 8u;
}

static void settle(struct sim_device *d)
{
	const struct inverter *v = d->priv;
	int32_t w = 0;

	if (v->trip >= 0)
		w = 0;
	else if (v->output == 2)
		w = -(int32_t)v->load_w;
	else if (v->charge == 0 || v->charge == 2)
		w = (int32_t)(battery_mv(d) / 100 * v->ac_a / 10);
	sim_phys_power(&d->phys, w);
}

/* ---- answers ------------------------------------------------------------------------------ */

static void status(const struct sim_device *d, char *out, size_t size)
{
	const struct inverter *v = d->priv;
	uint32_t mv = battery_mv(d);
	int32_t w = d->phys.power_w, a = (w < 0 ? -w : w) * 1000 / (int32_t)mv;
	unsigned soc = sim_phys_soc(&d->phys) / 10u;
	int n = snprintf(out, size,
			 "(230.1 50.0 230.1 50.0 %04u %04u %03u 380 %02u.%02u %03d %03u 0041 0000 "
			 "000.0 00.00 %05d 000%d0%d0%d",
			 v->load_w, v->load_w, v->load_w / 50, mv / 1000, mv / 10 % 100,
			 w > 0 ? a : 0, soc, w < 0 ? a : 0, v->load_w > 0, w > 0, w > 0);

	if (v->model != OLD && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, " 00 00 00000 010 0 00 0000");
}

static void ratings(const struct inverter *v, char *out, size_t size)
{
	char output[12] = "-", charge[12] = "-";

	if (v->model != HIDDEN) {
		snprintf(output, sizeof(output), "%u", v->output);
		snprintf(charge, sizeof(charge), "%u", v->charge);
	}
	snprintf(out, size,
		 "(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 %02u %03u 1 %s "
		 "%s 6 01 0 0 54.0 0 1%s",
		 v->ac_a, v->total_a, output, charge, v->model == OLD ? "" : " 000 0");
}

static void warnings(const struct inverter *v, char *out)
{
	memset(out, '0', 33);
	out[0] = '(';
	out[33] = 0;
	if (v->trip >= 0) {
		out[1 + 1] = '1'; /* inverter fault */
		out[1 + v->trip] = '1';
	}
}

static char mode(const struct inverter *v)
{
	return v->trip >= 0 ? 'F' : v->output == 2 ? 'B' : 'L';
}

static bool query(const struct sim_device *d, const char *text, char *out, size_t size)
{
	const struct inverter *v = d->priv;

	if (!strcmp(text, "QPI"))
		snprintf(out, size, "(%s", v->model == PI41 ? "PI41" : "PI30");
	else if (!strcmp(text, "QID"))
		snprintf(out, size, "(9293333010501");
	else if (!strcmp(text, "QPIGS"))
		status(d, out, size);
	else if (!strcmp(text, "QPIRI"))
		ratings(v, out, size);
	else if (!strcmp(text, "QPIWS"))
		warnings(v, out);
	else if (!strcmp(text, "QMOD"))
		snprintf(out, size, "(%c", mode(v));
	else if (!strcmp(text, "QMUCHGCR") && v->model != OLD)
		snprintf(out, size, "(" LIST);
	else
		return false;
	return true;
}

/* @text is @verb and a number of @digits digits. */
static bool setting(const char *text, const char *verb, unsigned digits, unsigned *value)
{
	size_t n = strlen(verb);

	if (strncmp(text, verb, n) != 0 || strlen(text) != n + digits)
		return false;
	*value = 0;
	for (text += n; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*value = *value * 10 + (unsigned)(*text - '0');
	}
	return true;
}

static bool permitted(unsigned a)
{
	char item[8];

	snprintf(item, sizeof(item), "%03u", a);
	return strstr(LIST, item);
}

/* A setting that was taken. */
static bool change(struct inverter *v, const char *text, bool deaf)
{
	unsigned value, *where;

	if (setting(text, "POP", 2, &value) && value <= 2)
		where = &v->output;
	else if (setting(text, "PCP", 2, &value) && value <= 3)
		where = &v->charge;
	else if (setting(text, "MUCHGC", 3, &value) && permitted(value))
		where = &v->ac_a;
	else
		return false;
	if (!deaf)
		*where = value;
	return true;
}

static void answer(struct sim *s, struct sim_device *d, const char *text)
{
	struct inverter *v = d->priv;
	char out[PI30_TEXT_MAX + 2] = "(NAK";
	uint8_t frame[PI30_FRAME_MAX];
	size_t n;

	if (sim_fault(s, d, "nak", NULL))
		snprintf(out, sizeof(out), "(NAK");
	else if (!query(d, text, out, sizeof(out)) &&
		 change(v, text, sim_fault(s, d, "deaf", NULL)))
		snprintf(out, sizeof(out), "(ACK");
	settle(d);
	n = pi30_frame(out, frame);
	if (v->spoiled[0] && !strcmp(v->spoiled, text))
		frame[n - 2] ^= 0x55;
	sim_send(s, d, frame, n);
}

/* ---- the line ------------------------------------------------------------------------------ */

static void whole(struct sim *s, struct sim_device *d)
{
	struct inverter *v = d->priv;
	char text[sizeof(v->in)];
	uint8_t crc[2];

	if (v->n < 3)
		return;
	pi30_crc_bytes(v->in, v->n - 2, crc);
	memcpy(text, v->in, v->n - 2);
	text[v->n - 2] = 0;
	answer(s, d, memcmp(crc, v->in + v->n - 2, 2) ? "?" : text);
}

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	struct sim_device *d = sim_unit(s, 0);
	struct inverter *v = d->priv;

	(void)real_ms;
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\r') {
			whole(s, d);
			v->n = 0;
		} else if (v->n < sizeof(v->in)) {
			v->in[v->n++] = bytes[i];
		}
	}
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	(void)real_ms;
	settle(sim_unit(s, 0)); /* the battery's voltage moves with its charge */
	return UINT64_MAX;
}

static void opened(struct sim *s)
{
	struct inverter *v = sim_at(s, 0)->priv;

	v->n = 0;
}

static bool number(const char **rest, unsigned max, unsigned *value)
{
	char *end;
	unsigned long n = strtoul(*rest, &end, 10);

	if (end == *rest || n > max)
		return false;
	*rest = end;
	*value = (unsigned)n;
	return true;
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	struct inverter *v = d->priv;
	unsigned a, b;

	(void)s;
	if (!strcmp(verb, "load") && number(&rest, 5000, &a))
		v->load_w = a;
	else if (!strcmp(verb, "panel") && number(&rest, 2, &a) && number(&rest, 3, &b))
		v->output = a, v->charge = b;
	else if (!strcmp(verb, "trip") && number(&rest, 31, &a))
		v->trip = (int)a;
	else if (!strcmp(verb, "untrip"))
		v->trip = -1;
	else if (!strcmp(verb, "spoil") && *rest && strlen(rest) < sizeof(v->spoiled))
		snprintf(v->spoiled, sizeof(v->spoiled), "%s", rest);
	else if (!strcmp(verb, "heal"))
		v->spoiled[0] = 0;
	else
		return false;
	settle(d);
	return true;
}

const struct sim_protocol sim_protocol = {
	.name = "pi30",
	.summary = "A PI30 (Voltronic) inverter with a battery behind a serial line.",
	.kind = MKT_DEV_BATTERY,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
	.opened = opened,
};
