/*
 * Simulated Wi-SUN module with a smart meter behind it (B route).
 *
 *	--model OPTION[,OPTION]...
 *
 *	fast     scans and joins take a hundredth of their time
 *	dual     a module with two stacks: commands with a side, one field more
 *	raw      payloads stay raw: WOPT is not known
 *	noecho   does not echo commands
 *	loud     echoes, whatever SFE says
 *	shy      the meter is found by the second scan only
 *	wrong    authentication fails
 *	no-d3    the meter has no coefficient
 *	few      the meter answers one property a request
 *
 * Verbs: "load W" (what flows through the meter), "event XX" (the module says so),
 * "notice" (the half hour's, now).  Faults: "lost" (EVENT 21 with 01), "mute" (the
 * meter does not answer), "er10" (SKSENDTO is refused).
 */
#include "core/base/compat.h"

#include <stdarg.h>

#include "core/base/buf.h"
#include "core/units/civil.h"
#include "drivers/echonet.h"
#include "drivers/sim/sim.h"
#include "drivers/sk.h"

#define METER 0x028801u
#define METER_IP "FE80:0000:0000:0000:1034:5678:1234:5678"
#define MODULE_IP "FE80:0000:0000:0000:021D:1290:1234:0001"
#define METER_MAC "1234567812345678"
#define CHANNELS 28
#define STEP_WH 100 /* E1 01: 0.1 kWh */
#define DIGITS 6
#define MODULUS 1000000u
#define JAPAN_S (9 * 3600)
#define HALF_HOUR_MS 1800000u

enum due { NOTHING = 0, SCANNED, JOINED };

struct module {
	bool fast, dual, raw, noecho, loud, shy, wrong, no_d3, few;
	bool echo, hex, joined, password, id;
	uint8_t scans;
	enum due due;
	uint64_t due_ms;
	uint64_t half_hour; /* the last that was told */
	uint8_t in[DRV_SK_ITEM_MAX];
	size_t n;
};

static struct module *module(struct sim *s)
{
	return sim_at(s, 0)->priv;
}

static void say(struct sim *s, const char *fmt, ...) MKT_PRINTF(2, 3);

/* One line. */
static void say(struct sim *s, const char *fmt, ...)
{
	char line[200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) - 2)
		return;
	line[n] = '\r';
	line[n + 1] = '\n';
	sim_send(s, NULL, line, (size_t)n + 2);
}

static void say_event(struct sim *s, unsigned number, int param)
{
	const char *side = module(s)->dual ? " 0" : "";

	if (param < 0)
		say(s, "EVENT %02X %s%s", number, METER_IP, side);
	else
		say(s, "EVENT %02X %s%s %02X", number, METER_IP, side, (unsigned)param);
}

static void say_udp(struct sim *s, unsigned port, const uint8_t *data, size_t n)
{
	const struct module *m = module(s);
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_buf_addf(&b, "ERXUDP %s %s %04X %04X %s 1 %s%04X ", METER_IP, MODULE_IP, port, port,
		     METER_MAC, m->dual ? "0 " : "", (unsigned)n);
	for (size_t i = 0; i < n; i++)
		if (m->hex)
			mkt_buf_addf(&b, "%02X", data[i]);
		else
			mkt_buf_addch(&b, data[i]);
	mkt_buf_addstr(&b, "\r\n");
	sim_send(s, NULL, b.data, b.len);
	mkt_buf_release(&b);
}

/* ---- the meter ----------------------------------------------------------------------------- */

static size_t put32(uint8_t *out, uint64_t v)
{
	drv_en_put32(out, (uint32_t)v);
	return 4;
}

static size_t half_hour(struct sim *s, uint64_t wh, uint8_t *out)
{
	uint64_t now_s = sim_now_ms(s) / HALF_HOUR_MS * (HALF_HOUR_MS / 1000);
	struct mkt_civil c;

	mkt_civil_from((int64_t)now_s + JAPAN_S, &c);
	drv_en_put16(out, (uint16_t)c.year);
	out[2] = c.month;
	out[3] = c.day;
	out[4] = c.hour;
	out[5] = c.minute;
	out[6] = c.second;
	put32(out + 7, wh / STEP_WH % MODULUS);
	return 11;
}

static size_t currents(const struct sim_phys *p, uint8_t *out)
{
	int64_t w = p->power_w < 0 ? -p->power_w : p->power_w;

	drv_en_put16(out, (uint16_t)(w / 20)); /* 200 V between the phases */
	drv_en_put16(out + 2, (uint16_t)(w / 20));
	return 4;
}

/* Bytes, not a text. */
static void put_bytes(uint8_t *out, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)bytes[i];
}

static size_t get(struct sim *s, uint8_t epc, uint8_t *out)
{
	const struct sim_phys *p = &sim_unit(s, 0)->phys;

	switch (epc) {
	case 0x80:
		out[0] = 0x30;
		return 1;
	case 0x82:
		put_bytes(out, "\0\0F\0", 4);
		return 4;
	case 0x88:
		out[0] = 0x42;
		return 1;
	case 0x8A:
		put_bytes(out, "\xFF\xFF\xFF", 3);
		return 3;
	case 0x8D:
		put_bytes(out, "SIMMETER0001", 12);
		return 12;
	case 0xD3:
		return module(s)->no_d3 ? 0 : put32(out, 1);
	case 0xD7:
		out[0] = DIGITS;
		return 1;
	case 0xE1:
		out[0] = 0x01;
		return 1;
	case 0xE0:
		return put32(out, sim_phys_import_wh(p) / STEP_WH % MODULUS);
	case 0xE3:
		return put32(out, sim_phys_export_wh(p) / STEP_WH % MODULUS);
	case 0xE7:
		return put32(out, (uint32_t)p->power_w);
	case 0xE8:
		return currents(p, out);
	case 0xEA:
		return half_hour(s, sim_phys_import_wh(p), out);
	case 0xEB:
		return half_hour(s, sim_phys_export_wh(p), out);
	default:
		return 0;
	}
}

static void answer(struct sim *s, const struct drv_en_frame *f)
{
	struct drv_en_out o;
	bool all = true;

	if (f->deoj != METER || f->esv != DRV_EN_GET || sim_fault(s, NULL, "mute", NULL))
		return;
	drv_en_begin(&o, f->tid, METER, f->seoj, 0);
	for (unsigned i = 0; i < f->n; i++) {
		uint8_t v[16];
		size_t n = module(s)->few && f->n > 1 ? 0 : get(s, f->p[i].epc, v);

		all &= n != 0;
		drv_en_add(&o, f->p[i].epc, v, (uint8_t)n);
	}
	o.bytes[10] = all ? 0x72 : 0x52;
	say_udp(s, DRV_SK_PORT, o.bytes, o.n);
}

static void notice(struct sim *s)
{
	static const uint8_t epcs[] = {0xEA, 0xEB};
	struct drv_en_out o;
	uint8_t v[16];

	drv_en_begin(&o, 0, METER, DRV_EN_CONTROLLER, DRV_EN_INF);
	for (size_t i = 0; i < sizeof(epcs); i++)
		drv_en_add(&o, epcs[i], v, (uint8_t)get(s, epcs[i], v));
	if (module(s)->joined)
		say_udp(s, DRV_SK_PORT, o.bytes, o.n);
}

/* ---- commands ------------------------------------------------------------------------------ */

static void later(struct sim *s, enum due what, uint32_t ms)
{
	struct module *m = module(s);

	m->due = what;
	m->due_ms = sim_real_ms() + (m->fast ? ms / 100 : ms);
}

/* Words behind the name; @n of them, and one more with two stacks. */
static bool has_words(struct sim *s, const char *line, unsigned n)
{
	unsigned words = 0;

	for (const char *at = line; (at = strchr(at, ' ')); at++)
		words++;
	if (words == n + module(s)->dual)
		return true;
	say(s, "FAIL ER05");
	return false;
}

static void do_scan(struct sim *s, const char *line)
{
	static const char head[] = "SKSCAN 2 FFFFFFFF ";
	unsigned long duration;

	if (!has_words(s, line, 3))
		return;
	duration = !strncmp(line, head, strlen(head)) ? strtoul(line + strlen(head), NULL, 10) : 15;
	if (duration > 14) {
		say(s, "FAIL ER06");
		return;
	}
	module(s)->scans++;
	say(s, "OK");
	later(s, SCANNED, ((1u << duration) + 1) * 10 * CHANNELS);
}

static void do_join(struct sim *s, const char *line)
{
	static const uint8_t pana[] = {0x00, 0x00, 0x00, 0x28, 0xC0, 0x00, 0x00, 0x02};
	struct module *m = module(s);

	if (strcmp(line, "SKJOIN " METER_IP) != 0) {
		say(s, "FAIL ER06");
		return;
	}
	m->joined = false;
	say(s, "OK");
	say_event(s, 0x21, 2);
	say_udp(s, 0x02CC, pana, sizeof(pana));
	later(s, JOINED, 3000);
}

static void do_credential(struct sim *s, bool *flag, bool ok)
{
	*flag = ok;
	say(s, ok ? "OK" : "FAIL ER06");
}

static void do_line(struct sim *s, const char *line)
{
	struct module *m = module(s);

	if (m->echo)
		say(s, "%s", line);
	if (!strcmp(line, "SKVER")) {
		say(s, "EVER 1.2.10");
		say(s, "OK");
	} else if (!strcmp(line, "SKSREG SFE 0") && !m->loud) {
		m->echo = false;
		say(s, "OK");
	} else if (!strncmp(line, "SKSREG S", 8)) {
		say(s, strstr(line, "SFE") ? "FAIL ER06" : "OK");
	} else if (!strcmp(line, "ROPT")) {
		say(s, "OK %02X", m->hex);
	} else if (!strncmp(line, "WOPT ", 5) && !m->raw) {
		m->hex = !strcmp(line + 5, "01");
		say(s, "OK");
	} else if (!strncmp(line, "SKSETPWD C ", 11)) {
		do_credential(s, &m->password, strlen(line + 11) == 12);
	} else if (!strncmp(line, "SKSETRBID ", 10)) {
		do_credential(s, &m->id, strlen(line + 10) == 32);
	} else if (!strncmp(line, "SKSCAN ", 7)) {
		do_scan(s, line);
	} else if (!strcmp(line, "SKLL64 " METER_MAC)) {
		say(s, METER_IP);
	} else if (!strncmp(line, "SKJOIN ", 7)) {
		do_join(s, line);
	} else if (*line) {
		say(s, "FAIL ER04");
	}
}

/* "SKSENDTO 1 <ip> 0E1A 1 [0 ]000E " and the frame.  Bytes it takes; 0: more must come. */
static size_t do_sendto(struct sim *s, const uint8_t *in, size_t n)
{
	const struct module *m = module(s);
	size_t head = m->dual ? 65 : 63, len;
	struct drv_en_frame f;
	char text[72];

	if (n < head)
		return 0;
	memcpy(text, in, head);
	text[head] = 0;
	len = strtoul(text + head - 5, NULL, 16);
	if (memcmp(text, "SKSENDTO 1 " METER_IP " 0E1A 1 ", 58) != 0 || text[head - 1] != ' ' ||
	    len > DRV_SK_DATA_MAX || (m->dual && memcmp(text + 58, "0 ", 2) != 0)) {
		say(s, "FAIL ER05");
		return n;
	}
	if (n < head + len)
		return 0;
	if (!m->joined || sim_fault(s, NULL, "er10", NULL)) {
		say(s, "FAIL ER10");
	} else if (sim_fault(s, NULL, "lost", NULL)) {
		say_event(s, 0x21, 1);
		say(s, "OK");
	} else {
		say_event(s, 0x21, 0);
		say(s, "OK");
		if (drv_en_decode(in + head, len, &f, NULL) == (int)len)
			answer(s, &f);
	}
	return head + len;
}

static size_t take_one(struct sim *s, const uint8_t *in, size_t n)
{
	const uint8_t *end;
	char line[160];
	size_t len;

	if (n >= 9 && !memcmp(in, "SKSENDTO ", 9))
		return do_sendto(s, in, n);
	end = memchr(in, '\n', n);
	if (!end)
		return 0;
	len = (size_t)(end - in);
	while (len && in[len - 1] == '\r')
		len--;
	if (len < sizeof(line)) {
		memcpy(line, in, len);
		line[len] = 0;
		do_line(s, line);
	}
	return (size_t)(end - in) + 1;
}

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	struct module *m = module(s);
	size_t used;

	(void)real_ms;
	if (n > sizeof(m->in) - m->n)
		m->n = 0;
	if (n > sizeof(m->in))
		return;
	memcpy(m->in + m->n, bytes, n);
	m->n += n;
	while (m->n && (used = take_one(s, m->in, m->n))) {
		m->n -= used;
		memmove(m->in, m->in + used, m->n);
	}
}

/* ---- what happens by itself ---------------------------------------------------------------- */

static void scanned(struct sim *s)
{
	const struct module *m = module(s);

	if (!m->shy || m->scans > 1) {
		say_event(s, 0x20, -1);
		say(s, "EPANDESC");
		say(s, "  Channel:39");
		say(s, "  Channel Page:09");
		say(s, "  Pan ID:9876");
		say(s, "  Addr:" METER_MAC);
		say(s, "  LQI:2D");
		if (m->dual)
			say(s, "  Side:0");
		say(s, "  PairID:12345678");
	}
	say_event(s, 0x22, -1);
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	struct module *m = module(s);
	uint64_t half = sim_now_ms(s) / HALF_HOUR_MS;
	enum due due = m->due;

	if (due && real_ms >= m->due_ms) {
		m->due = NOTHING;
		if (due == SCANNED) {
			scanned(s);
		} else {
			m->joined = !m->wrong && m->password && m->id;
			say_event(s, m->joined ? 0x25 : 0x24, -1);
		}
	}
	if (m->half_hour && half != m->half_hour)
		notice(s);
	m->half_hour = half;
	return m->due && m->due_ms < real_ms + 500 ? m->due_ms : real_ms + 500;
}

static int option(struct module *m, const char *word, size_t n, struct mkt_err *err)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"fast", &m->fast},     {"dual", &m->dual}, {"raw", &m->raw},
		     {"noecho", &m->noecho}, {"loud", &m->loud}, {"shy", &m->shy},
		     {"wrong", &m->wrong},
		     {"no-d3", &m->no_d3},   {"few", &m->few}};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(flags); i++)
		if (strlen(flags[i].name) == n && !memcmp(flags[i].name, word, n)) {
			*flags[i].flag = true;
			return 0;
		}
	return mkt_err_set(err, MKT_EUSAGE, "--model: '%.*s' is not known", (int)n, word);
}

static int start(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err)
{
	struct module *m = calloc(1, sizeof(*m));
	int r = 0;

	(void)s;
	if (!m)
		return mkt_err_code(err, MKT_ENOMEM);
	d->priv = m;
	while (model && *model && r >= 0) {
		size_t n = strcspn(model, ",");

		r = option(m, model, n, err);
		model += n + (model[n] == ',');
	}
	m->echo = !m->noecho;
	d->phys.phases = 1;
	d->phys.voltage_mv = 200000;
	d->phys.battery = true; /* the grid: takes and gives without end */
	d->phys.efficiency = 1000;
	d->phys.taper = 1000;
	d->phys.capacity_wh = SIM_CAPACITY_MAX_WH;
	d->phys.charge_max_w = d->phys.discharge_max_w = 100000;
	d->phys.meter_begin_wh = 12345600;
	sim_phys_soc_set(&d->phys, 500);
	sim_phys_power(&d->phys, 928);
	return r;
}

static bool command(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	char *end;
	long v;

	if (!strcmp(verb, "notice")) {
		notice(s);
		return true;
	}
	v = strtol(rest, &end, !strcmp(verb, "event") ? 16 : 10);
	if (end == rest || *end)
		return false;
	if (!strcmp(verb, "load") && v >= -100000 && v <= 100000)
		sim_phys_power(&d->phys, (int32_t)v);
	else if (!strcmp(verb, "event") && v >= 0 && v <= 0xFF)
		say_event(s, (unsigned)v, -1);
	else
		return false;
	return true;
}

static void opened(struct sim *s)
{
	module(s)->n = 0;
}

const struct sim_protocol sim_protocol = {
	.name = "broute",
	.summary = "Wi-SUN module with a smart meter of Japan behind it",
	.kind = MKT_DEV_METER,
	.start = start,
	.input = input,
	.tick = tick,
	.command = command,
	.opened = opened,
};
