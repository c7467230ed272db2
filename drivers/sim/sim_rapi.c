/*
 * mkt-sim-rapi: an OpenEVSE controller, with what its firmware really does: numbers
 * parsed into eight bits, a ceiling lowered by "$SC n", a heartbeat interval that
 * wraps in sixteen bits, answers in a heap after a pause.
 *
 * Models: 8.2.3 (protocol 5.2.1), 5.0.0 (4.0.1: decimal states, no heartbeat),
 * 3.11 (1.0.3: no checksums, no sequence ids, every current is stored), 10.0.0
 * (7.0.0: a protocol of the future).
 *
 * Verbs of its own:
 *	reboot [in=MS]	power cycle; deaf for so long (4500)
 *	block MS	the main loop stands still; commands are answered after it, together
 *	trouble N	the state of a fault (4..14); 0: well again
 *	current N	somebody else sets the current, A
 *	stubborn on|off	the vehicle does not stop by itself: the relay opens after 3 s
 *	stores on|off	every current is stored, also with V
 *	button short|long, wifi, timer on|off, lock on|off, boot-lock on|off
 * Fault of its own: stranger (an answer with another id comes first).
 */
#include "core/base/compat.h"

#include <stdarg.h>

#include "drivers/rapi.h"
#include "drivers/sim/script.h"
#include "drivers/sim/sim.h"

#define MIN_A 6
#define HARDWARE_MAX_A 32
#define BOOT_MS 4500
#define FAULT_BLOCK_MS 900   /* the main loop stands still while relays are tested */
#define VEHICLE_MS 100	     /* in which a vehicle asks for power, or stops */
#define RELAY_MS 3000	     /* after "$FS", whatever the vehicle does */
#define COOKIE 165
#define WAITING_MAX 8

enum { ST_A = 1, ST_B, ST_C, ST_STUCK = 8, ST_SLEEP = 0xfe, ST_OFF = 0xff };
enum {
	FL_LOCKED = 0x0008, FL_RELAY = 0x0040, FL_GFI = 0x0080, FL_EV = 0x0100, FL_ENDED = 0x0200,
	FL_EV_BEFORE = 0x0400, FL_TIMER = 0x1000, FL_BOOT_LOCK = 0x4000
};

static const struct model {
	const char *name, *firmware, *protocol;
	bool checksums, ids, notices_at, heartbeat, hex_state, volatile_current;
} models[] = {
	{"8.2.3", "8.2.3.EU", "5.2.1", true, true, true, true, true, true},
	{"5.0.0", "5.0.0", "4.0.1", true, true, false, false, false, true},
	{"3.11", "3.11", "1.0.3", false, false, false, false, false, false},
	{"10.0.0", "10.0.0", "7.0.0", true, true, true, true, true, true},
};

struct board {
	const struct model *m;
	struct sim_phys *phys;
	/* line */
	char buf[RAPI_COMMAND_MAX + 1];
	uint8_t n;
	bool inside, echo;
	char waiting[WAITING_MAX][RAPI_COMMAND_MAX + 1]; /* commands that came while blocked */
	uint8_t nwaiting;
	uint64_t blocked_ms, boot_ms; /* real; 0: not */
	/* state */
	uint8_t state, pilot;	     /* pilot: what the vehicle says */
	uint8_t amps, ceiling;
	uint16_t flags, said_flags;
	uint8_t said_state, said_pilot, said_amps;
	bool stubborn, stores;
	uint32_t react_ms;
	uint64_t vehicle_ms, relay_ms; /* real: vehicle acts, relay opens; 0: they do not */
	uint64_t elapsed_ms;	       /* calendar of the last closing */
	uint32_t trips[3];
	/* meter */
	uint64_t total_wh, session_begin_mj, stale_ws;
	/* heartbeat */
	uint16_t hb_s;
	uint8_t hb_a, hb_trigger;
	uint64_t hb_ms; /* real: last pulse */
};

/* ---- out ----------------------------------------------------------------------------------- */

static void say(struct sim *s, const struct board *b, uint8_t id, const char *fmt, ...)
	MKT_PRINTF(4, 5);

static void say(struct sim *s, const struct board *b, uint8_t id, const char *fmt, ...)
{
	char text[RAPI_FRAME_MAX], frame[RAPI_FRAME_MAX + 2];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (b->m->checksums)
		n = rapi_frame_text(frame, text, b->m->ids ? id : 0);
	else
		n = (size_t)snprintf(frame, sizeof(frame), "$%s\r", text);
	if (b->echo && n < sizeof(frame))
		frame[n++] = '\n';
	sim_send(s, sim_at(s, 0), frame, n);
}

/* The notice of a change, if there was one. */
static void notice(struct sim *s, struct board *b)
{
	if (b->boot_ms || (b->state == b->said_state && b->pilot == b->said_pilot &&
			   b->amps == b->said_amps))
		return;
	if (b->m->notices_at)
		say(s, b, 0, "AT %02x %02x %u %04x", b->state, b->pilot, b->state ? b->amps : 0u,
		    b->flags);
	else if (b->state != b->said_state)
		say(s, b, 0, "ST %02x", b->state);
	b->said_state = b->state;
	b->said_pilot = b->pilot;
	b->said_amps = b->amps;
}

/* ---- the controller ------------------------------------------------------------------------ */

static bool charging(const struct board *b)
{
	return b->state == ST_C || (b->stubborn && (b->flags & FL_RELAY));
}

/* Relay and pilot reach the vehicle. */
static void actuate(struct board *b)
{
	sim_phys_relay(b->phys, b->flags & FL_RELAY);
	sim_phys_limit(b->phys, charging(b) ? b->amps * 1000u : 0);
}

static void relay_open(struct board *b)
{
	b->relay_ms = 0;
	b->flags &= (uint16_t)~FL_RELAY;
	actuate(b);
	if (sim_phys_closed(b->phys)) {
		b->trips[2]++;
		b->state = ST_STUCK;
	}
}

static void relay_close(struct board *b, uint64_t now_ms)
{
	b->flags = (uint16_t)((b->flags | FL_RELAY) & ~FL_ENDED);
	b->elapsed_ms = now_ms;
	actuate(b);
}

static bool wants_power(const struct board *b)
{
	return b->phys->plugged && sim_phys_soc(b->phys) < 1000;
}

static void plugged_in(struct board *b, uint64_t real_ms)
{
	b->flags |= FL_EV | FL_EV_BEFORE | FL_ENDED;
	b->session_begin_mj = 0;
	b->pilot = ST_B;
	if (b->state == ST_A)
		b->state = ST_B;
	b->vehicle_ms = real_ms + b->react_ms;
}

static uint64_t session_ws(struct board *b)
{
	if (!b->phys->stale_meter)
		b->stale_ws = (b->phys->session_mj - b->session_begin_mj) / 1000;
	return b->stale_ws;
}

static uint64_t total_wh(const struct board *b)
{
	uint64_t wh = b->phys->meter_begin_wh + b->total_wh;

	return b->phys->meter_modulo_wh ? wh % b->phys->meter_modulo_wh : wh;
}

static void unplugged(struct board *b)
{
	b->flags &= (uint16_t) ~(FL_EV | FL_EV_BEFORE);
	b->flags |= FL_ENDED;
	b->total_wh += session_ws(b) / 3600;
	b->pilot = ST_A;
	if (b->state == ST_B || b->state == ST_C || (b->state < ST_STUCK && b->state > ST_C))
		b->state = ST_A;
	b->vehicle_ms = 0;
	relay_open(b);
}

/* The vehicle closes its switch, or opens it. */
static void vehicle_acts(struct board *b, uint64_t now_ms)
{
	b->vehicle_ms = 0;
	if (b->state == ST_B && wants_power(b)) {
		b->state = b->pilot = ST_C;
		relay_close(b, now_ms);
	} else if (b->state == ST_SLEEP && !b->stubborn) {
		b->pilot = ST_B;
		relay_open(b);
	}
}

static void sleep_now(struct board *b, uint64_t real_ms)
{
	if (b->state == ST_SLEEP || b->state == ST_OFF || (b->state > ST_C && b->state < ST_SLEEP))
		return;
	b->state = ST_SLEEP;
	if (b->flags & FL_RELAY) {
		b->relay_ms = real_ms + (b->react_ms ? RELAY_MS : 0);
		b->vehicle_ms = real_ms + b->react_ms;
	}
	actuate(b);
}

static void wake(struct board *b, uint64_t real_ms)
{
	if ((b->state != ST_SLEEP && b->state != ST_OFF) ||
	    (b->flags & (FL_TIMER | FL_LOCKED | FL_BOOT_LOCK)))
		return;
	if (b->flags & FL_RELAY)
		relay_open(b);
	b->state = b->phys->plugged ? ST_B : ST_A;
	b->pilot = b->state;
	if (b->phys->plugged)
		b->vehicle_ms = real_ms + b->react_ms;
}

static void disable(struct board *b)
{
	b->state = ST_OFF;
	relay_open(b);
}

static void trouble(struct board *b, uint8_t state, uint64_t real_ms)
{
	b->blocked_ms = real_ms + FAULT_BLOCK_MS;
	if (!state) {
		b->state = b->pilot = b->phys->plugged ? ST_B : ST_A;
		b->vehicle_ms = real_ms + b->react_ms;
		return;
	}
	if (state == 6) {
		b->trips[0]++;
		b->flags |= FL_GFI;
	}
	b->trips[1] += state == 7;
	b->vehicle_ms = 0;
	relay_open(b);
	b->state = state;
}

static void set_amps(struct board *b, unsigned amps)
{
	b->amps = (uint8_t)amps;
	actuate(b);
}

/* ---- heartbeat ----------------------------------------------------------------------------- */

/* The comparison is made in sixteen bits: 66 s are half a second. */
static uint64_t heartbeat_ms(const struct board *b)
{
	return (uint16_t)(b->hb_s * 1000u);
}

static unsigned fallback(const struct board *b)
{
	return b->hb_a < MIN_A ? MIN_A : b->hb_a;
}

static void watch_heartbeat(struct board *b, uint64_t real_ms)
{
	if (!b->hb_s || real_ms - b->hb_ms <= heartbeat_ms(b))
		return;
	b->hb_trigger = 2;
	if (b->amps > fallback(b))
		set_amps(b, fallback(b));
}

static void cmd_heartbeat(struct sim *s, struct board *b, uint8_t id, char *const *w, unsigned n)
{
	bool good = b->hb_trigger != 2;
	uint64_t t = 0, a = 0;

	if (n >= 3 && sim_number(w[1], strlen(w[1]), &t) && sim_number(w[2], strlen(w[2]), &a)) {
		if (!t && b->hb_trigger == 2)
			set_amps(b, b->ceiling);
		b->hb_s = (uint16_t)t;
		b->hb_a = (uint8_t)a;
		b->hb_trigger = 0;
		good = true;
	} else if (n == 2) {
		good = sim_number(w[1], strlen(w[1]), &t) && t == COOKIE;
		if (good && b->hb_trigger == 2) {
			b->hb_trigger = 1;
			set_amps(b, b->ceiling);
		}
	}
	if (good)
		b->hb_ms = sim_real_ms();
	say(s, b, id, "%s %u %u %u", good ? "OK" : "NK", b->hb_s, b->hb_a, b->hb_trigger);
}

/* ---- commands ------------------------------------------------------------------------------ */

/* Digits are not looked at, and eight bits are kept. */
static uint8_t eight_bits(const char *s)
{
	uint8_t v = 0;

	for (; *s; s++)
		v = (uint8_t)(v * 10 + (*s - '0'));
	return v;
}

static void cmd_current(struct sim *s, struct board *b, uint8_t id, char *const *w, unsigned n)
{
	unsigned asked = n > 1 ? eight_bits(w[1]) : 0, amps = asked;
	bool stored = n < 3 || !b->m->volatile_current || b->stores || strcmp(w[2], "V") != 0;
	unsigned most = stored ? HARDWARE_MAX_A : b->ceiling;

	if (n < 2) {
		say(s, b, id, "NK");
		return;
	}
	amps = amps < MIN_A ? MIN_A : amps > most ? most : amps;
	if (stored)
		b->ceiling = (uint8_t)amps;
	set_amps(b, amps);
	if (b->m->checksums)
		say(s, b, id, "%s %u", amps == asked ? "OK" : "NK", amps);
	else
		say(s, b, id, "%s", amps == asked ? "OK" : "NK");
}

static void cmd_state(struct sim *s, const struct board *b, uint8_t id)
{
	uint64_t ms = sim_now_ms(s) - b->elapsed_ms;
	unsigned elapsed = b->elapsed_ms ? (unsigned)(ms / 1000) : 0;

	if (b->m->hex_state)
		say(s, b, id, "OK %02x %u %02x %04x", b->state, elapsed, b->pilot, b->flags);
	else
		say(s, b, id, "OK %u %u", b->state, elapsed);
}

static void cmd_capacity(struct sim *s, const struct board *b, uint8_t id)
{
	if (b->m->hex_state)
		say(s, b, id, "OK %d %d %u %u", MIN_A, HARDWARE_MAX_A, b->amps, b->ceiling);
	else
		say(s, b, id, "OK %d %u", MIN_A, b->ceiling);
}

static void cmd_connected(struct sim *s, const struct board *b, uint8_t id)
{
	say(s, b, id, "OK %d", b->state == ST_OFF ? 2 : b->phys->plugged);
}

/* Get commands; false: no such command. */
static bool get(struct sim *s, struct board *b, uint8_t id, char what)
{
	switch (what) {
	case 'V':
		say(s, b, id, "OK %s %s", b->m->firmware, b->m->protocol);
		return true;
	case 'S':
		cmd_state(s, b, id);
		return true;
	case '0':
		cmd_connected(s, b, id);
		return true;
	case 'C':
		cmd_capacity(s, b, id);
		return true;
	case 'E':
		say(s, b, id, "OK %u 0021", b->amps);
		return true;
	case 'G':
		say(s, b, id, "OK %u %u", sim_phys_current_ma(b->phys), b->phys->voltage_mv);
		return true;
	case 'U':
		say(s, b, id, "OK %llu %llu", (unsigned long long)session_ws(b),
		    (unsigned long long)total_wh(b));
		return true;
	case 'F':
		say(s, b, id, "OK %x %x %x", b->trips[0], b->trips[1], b->trips[2]);
		return true;
	case 'P':
		say(s, b, id, "OK 253 -2560 -2560");
		return true;
	case 'T':
		say(s, b, id, "OK 165 165 165 165 165 85");
		return true;
	case 'A':
		say(s, b, id, "OK 220 0");
		return true;
	case 'D':
		say(s, b, id, "OK 0 0 0 0");
		return true;
	default:
		return false;
	}
}

static bool get_new(struct sim *s, struct board *b, uint8_t id, char what)
{
	if (!b->m->heartbeat)
		return false;
	if (what == 'Y')
		say(s, b, id, "OK %u %u %u", b->hb_s, b->hb_a, b->hb_trigger);
	else if (what == 'I')
		say(s, b, id, "OK  SIMEVS00000001");
	else
		return false;
	return true;
}

static bool function(struct sim *s, struct board *b, uint8_t id, char *const *w, unsigned n)
{
	switch (w[0][1]) {
	case 'E':
		wake(b, sim_real_ms());
		break;
	case 'S':
		sleep_now(b, sim_real_ms());
		break;
	case 'D':
		disable(b);
		break;
	case 'P':
		break;
	case 'F':
		if (n != 3)
			return false;
		/* Any value turns it on. */
		b->echo |= !strcmp(w[1], "E");
		break;
	default:
		return false;
	}
	say(s, b, id, "OK");
	return true;
}

static bool set(struct sim *s, struct board *b, uint8_t id, char *const *w, unsigned n)
{
	uint64_t mv;

	switch (w[0][1]) {
	case 'C':
		cmd_current(s, b, id, w, n);
		return true;
	case 'Y':
		if (!b->m->heartbeat)
			return false;
		cmd_heartbeat(s, b, id, w, n);
		return true;
	case 'V':
		if (n != 2 || !sim_number(w[1], strlen(w[1]), &mv))
			return false;
		b->phys->voltage_mv = (uint32_t)mv;
		sim_phys_changed(b->phys);
		break;
	case 'T':
		b->flags &= (uint16_t)~FL_TIMER;
		break;
	case 'B':
		if (!(b->flags & FL_BOOT_LOCK))
			return false;
		b->flags &= (uint16_t)~FL_BOOT_LOCK;
		say(s, b, id, "OK 0");
		return true;
	default:
		return false;
	}
	say(s, b, id, "OK");
	return true;
}

static void reboot(struct sim *s, struct board *b, uint64_t deaf_ms);

static void command(struct sim *s, struct board *b, char **w, unsigned n, uint8_t id)
{
	bool known = false;

	if (strlen(w[0]) == 2 && w[0][0] == 'G')
		known = get(s, b, id, w[0][1]) || get_new(s, b, id, w[0][1]);
	else if (!strcmp(w[0], "FR")) {
		reboot(s, b, BOOT_MS);
		return;
	} else if (strlen(w[0]) == 2 && w[0][0] == 'F')
		known = function(s, b, id, w, n);
	else if (strlen(w[0]) == 2 && w[0][0] == 'S')
		known = set(s, b, id, w, n);
	if (!known)
		say(s, b, id, "NK");
}

/* ---- in ------------------------------------------------------------------------------------ */

/* Cut the checksum off; false: it is wrong. */
static bool checksum_right(char *frame, size_t *n)
{
	char *mark = memchr(frame, '^', *n);
	uint32_t want;
	size_t len;

	mark = mark ? mark : memchr(frame, '*', *n);
	if (!mark)
		return true;
	len = (size_t)(mark - frame);
	if (!rapi_hex(mark + 1, &want) ||
	    want != (*mark == '^' ? rapi_xor(frame, len) : rapi_sum(frame, len)))
		return false;
	*mark = '\0';
	*n = len;
	return true;
}

/* One command without its CR. */
static void process(struct sim *s, struct board *b, char *frame, size_t n)
{
	char *w[10];
	unsigned words = 0;
	uint32_t id = 0;

	if (!checksum_right(frame, &n)) {
		say(s, b, 0, "NK");
		return;
	}
	for (char *p = frame + 1, *end; words < MKT_ARRAY_SIZE(w); p = end + 1) {
		w[words++] = p;
		end = strchr(p, ' ');
		if (!end)
			break;
		*end = '\0';
	}
	if (b->m->ids && words > 1 && w[words - 1][0] == ':' && rapi_hex(w[words - 1] + 1, &id))
		words--;
	if (sim_fault(s, sim_at(s, 0), "stranger", NULL))
		say(s, b, (uint8_t)(id + 77), "OK 1 2 3 4");
	command(s, b, w, words, (uint8_t)id);
}

static void wait_or_process(struct sim *s, struct board *b)
{
	b->buf[b->n] = '\0';
	if (!b->blocked_ms)
		process(s, b, b->buf, b->n);
	else if (b->nwaiting < WAITING_MAX)
		memcpy(b->waiting[b->nwaiting++], b->buf, b->n + 1u);
}

static void byte(struct sim *s, struct board *b, uint8_t c)
{
	if (b->echo)
		sim_send(s, sim_at(s, 0), &c, 1);
	if (c == '$') {
		b->inside = true;
		b->n = 0;
	}
	if (!b->inside)
		return;
	if (c == '\r') {
		b->inside = false;
		wait_or_process(s, b);
	} else if (b->n == RAPI_COMMAND_MAX || !c) {
		b->inside = false; /* dropped without an answer */
	} else {
		b->buf[b->n++] = (char)c;
	}
}

static void input(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	struct sim_device *d = sim_unit(s, 0);
	struct board *b = d->priv;

	(void)real_ms;
	for (size_t i = 0; i < n && !b->boot_ms; i++)
		byte(s, b, bytes[i]);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void power_on(struct board *b)
{
	b->state = b->pilot = 0;
	b->flags = FL_ENDED;
	b->amps = b->ceiling;
	b->session_begin_mj = b->phys->session_mj;
	b->hb_trigger = 0;
	b->inside = b->echo = false;
	b->nwaiting = 0;
	b->blocked_ms = b->vehicle_ms = b->relay_ms = b->elapsed_ms = 0;
	actuate(b);
}

static void reboot(struct sim *s, struct board *b, uint64_t deaf_ms)
{
	static const char text[] = "\nrelayCloseMs: 100\r\nrelayHoldPwm: 255\r\n";

	power_on(b);
	b->boot_ms = sim_real_ms() + deaf_ms;
	if (b->m->notices_at)
		sim_send(s, sim_at(s, 0), text, sizeof(text) - 1);
}

static void booted(struct sim *s, struct board *b, uint64_t real_ms)
{
	b->boot_ms = 0;
	b->hb_ms = real_ms;
	b->said_state = b->said_pilot = 0xee;
	notice(s, b);
	if (b->m->notices_at)
		say(s, b, 0, "AB 00 %s", b->m->firmware);
	b->state = b->pilot = ST_A;
	if (b->phys->plugged)
		plugged_in(b, real_ms);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

static void watch_vehicle(struct sim *s, struct board *b, uint64_t real_ms)
{
	if (b->phys->plugged && !(b->flags & FL_EV)) {
		plugged_in(b, real_ms);
		notice(s, b);
	} else if (!b->phys->plugged && (b->flags & FL_EV)) {
		unplugged(b);
	}
	if (b->vehicle_ms && real_ms >= b->vehicle_ms)
		vehicle_acts(b, sim_now_ms(s));
	if (b->relay_ms && real_ms >= b->relay_ms)
		relay_open(b);
	if (b->state == ST_C && !wants_power(b)) {
		b->state = b->pilot = ST_B;
		relay_open(b);
	} else if (b->state == ST_B && !b->vehicle_ms && wants_power(b)) {
		b->vehicle_ms = real_ms + b->react_ms;
	}
}

static uint64_t tick(struct sim *s, uint64_t real_ms)
{
	struct sim_device *d = sim_unit(s, 0);
	struct board *b = d->priv;
	uint64_t next = real_ms + 1000;

	if (b->boot_ms) {
		if (real_ms < b->boot_ms)
			return b->boot_ms;
		booted(s, b, real_ms);
	}
	watch_heartbeat(b, real_ms);
	if (b->blocked_ms && real_ms < b->blocked_ms)
		return b->blocked_ms;
	b->blocked_ms = 0;
	for (unsigned i = 0; i < b->nwaiting; i++)
		process(s, b, b->waiting[i], strlen(b->waiting[i]));
	b->nwaiting = 0;
	/* What follows from one another at once, where nothing takes time. */
	for (unsigned i = 0; i < (b->react_ms ? 1u : 3u); i++)
		watch_vehicle(s, b, real_ms);
	notice(s, b);
	next = sooner(next, b->vehicle_ms);
	next = sooner(next, b->relay_ms);
	return sooner(next, b->hb_s && b->hb_trigger != 2 ? b->hb_ms + heartbeat_ms(b) + 1 : 0);
}

/* ---- start and script ---------------------------------------------------------------------- */

static int start(struct sim *s, struct sim_device *d, const char *name, struct mkt_err *err)
{
	struct board *b;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(models); i++)
		if (!name || !strcmp(name, models[i].name)) {
			b = calloc(1, sizeof(*b));
			if (!b)
				return mkt_err_code(err, MKT_ENOMEM);
			d->phys.phases = 1;
			b->m = &models[i];
			b->phys = &d->phys;
			b->ceiling = HARDWARE_MAX_A;
			b->react_ms = sim_takes_ms(s, VEHICLE_MS);
			power_on(b);
			b->state = b->pilot = b->said_state = b->said_pilot = ST_A;
			b->said_amps = b->amps;
			d->priv = b;
			return 0;
		}
	return mkt_err_set(err, MKT_EUSAGE, "there is no model '%s'", name);
}

static void flag(struct board *b, uint16_t bit, const char *rest)
{
	b->flags = (uint16_t)(strcmp(rest, "on") ? b->flags & ~bit : b->flags | bit);
}

static bool numbered(struct sim *s, struct board *b, const char *verb, uint64_t n)
{
	if (!strcmp(verb, "block"))
		b->blocked_ms = sim_real_ms() + n;
	else if (!strcmp(verb, "trouble") && n < 15 && (!n || n > ST_C))
		trouble(b, (uint8_t)n, sim_real_ms());
	else if (!strcmp(verb, "current") && n >= MIN_A && n <= HARDWARE_MAX_A)
		set_amps(b, (unsigned)n);
	else
		return false;
	notice(s, b);
	return true;
}

static bool do_verb(struct sim *s, struct sim_device *d, const char *verb, const char *rest)
{
	struct board *b = d->priv;
	uint64_t n;

	if (!strcmp(verb, "reboot"))
		reboot(s, b, sim_arg(rest, "in", &n) ? n : BOOT_MS);
	else if (!strcmp(verb, "stubborn"))
		b->stubborn = !strcmp(rest, "on");
	else if (!strcmp(verb, "stores"))
		b->stores = !strcmp(rest, "on");
	else if (!strcmp(verb, "button"))
		say(s, b, 0, "AN %d", !strcmp(rest, "long"));
	else if (!strcmp(verb, "wifi"))
		say(s, b, 0, "WF 1");
	else if (!strcmp(verb, "timer"))
		flag(b, FL_TIMER, rest);
	else if (!strcmp(verb, "boot-lock"))
		flag(b, FL_BOOT_LOCK, rest);
	else if (!strcmp(verb, "lock"))
		flag(b, FL_LOCKED, rest);
	else
		return sim_number(rest, strlen(rest), &n) && numbered(s, b, verb, n);
	return true;
}

const struct sim_protocol sim_protocol = {
	.name = "rapi",
	.summary = "Simulated OpenEVSE charger: RAPI over a pty. See mkt-simulators(7).",
	.kind = MKT_DEV_EVSE,
	.tcp = true,
	.start = start,
	.input = input,
	.tick = tick,
	.command = do_verb,
};
