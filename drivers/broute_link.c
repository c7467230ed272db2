/* From a Wi-SUN module to a joined session: drivers/broute.h. */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/broute.h"

#define COMMAND_MS 3000
#define COMMAND_TRIES 3
#define JOIN_MS 60000
#define QUIET_MS 2000 /* half an item that nothing follows is none */
#define SCAN_FIRST 6
#define SCAN_LAST 8
#define CHANNELS 28

static void go(struct drv_br *b, enum drv_br_state state)
{
	b->state = state;
	b->said = false;
	b->tries = 0;
}

void drv_br_rejoin(struct drv_br *b)
{
	b->expired = false;
	b->joins = 0;
	go(b, DRV_BR_JOIN);
}

/* ---- what comes ---------------------------------------------------------------------------- */

static void tally(struct drv_br *b, enum drv_counter c)
{
	if (b->d)
		drv_count(b->d, c);
}

static void take_event(struct drv_br *b, const struct drv_sk_item *it)
{
	switch (it->code) {
	case 0x21: /* sent; 01: not */
		if (it->param == 1)
			drv_en_lost(&b->t, 1000);
		break;
	case 0x22:
		if (b->state == DRV_BR_SCAN && b->said)
			b->answer = DRV_BR_OK;
		break;
	case 0x24:
		if (b->state == DRV_BR_JOIN)
			b->answer = DRV_BR_FAIL;
		else if (b->state == DRV_BR_JOINED)
			drv_br_rejoin(b);
		break;
	case 0x25:
		b->expired = false;
		if (b->state == DRV_BR_JOIN)
			b->answer = DRV_BR_OK;
		break;
	case 0x26:
	case 0x27:
	case 0x28:
		if (b->state == DRV_BR_JOINED)
			drv_br_rejoin(b);
		break;
	case 0x29:
		b->expired = true;
		b->expired_ms = drv_now_ms();
		break;
	case 0x32:
	case 0x33:
		b->limited = it->code == 0x32;
		break;
	default:
		break;
	}
}

/* OK ends most commands; a scan, an address and a join are ended by something else. */
static void take_ok(struct drv_br *b, const struct drv_sk_item *it)
{
	if (b->state == DRV_BR_FORMAT)
		b->raw = !strcmp(it->text, "00");
	if (b->state != DRV_BR_SCAN && b->state != DRV_BR_ADDRESS && b->state != DRV_BR_JOIN)
		b->answer = DRV_BR_OK;
}

static void take_fail(struct drv_br *b, const struct drv_sk_item *it)
{
	tally(b, DRV_REFUSALS);
	b->answer = DRV_BR_FAIL;
	b->code = it->code;
	if (b->state != DRV_BR_JOINED)
		return;
	if (it->code == 5)
		b->dual = !b->dual;
	drv_en_lost(&b->t, it->code == 5 ? 0 : 1000);
}

static void take_pan(struct drv_br *b, const struct drv_sk_item *it)
{
	drv_sk_pan_field(&b->pan, it->text);
	if (b->pan.have == DRV_SK_PAN_COMPLETE && b->pan.lqi >= b->found.lqi)
		b->found = b->pan;
}

static void take_udp(struct drv_br *b, const struct drv_sk_item *it)
{
	struct drv_en_frame f;
	size_t at = 0;
	int n;

	if (it->port != DRV_SK_PORT || strcmp(it->ip, b->ip) != 0)
		return; /* PANA, neighbours */
	if (it->n < 2 || it->data[0] != 0x10) {
		tally(b, DRV_BAD_FRAMES);
		return;
	}
	/* Some meters send several frames in one. */
	do {
		n = drv_en_decode(it->data + at, it->n - at, &f, NULL);
		drv_en_take(&b->t, it->data + at, n > 0 ? (size_t)n : it->n - at);
		at += n > 0 ? (size_t)n : it->n;
	} while (at < it->n);
}

static void take(struct drv_br *b, const struct drv_sk_item *it)
{
	switch (it->kind) {
	case DRV_SK_OK:
		take_ok(b, it);
		break;
	case DRV_SK_FAIL:
		take_fail(b, it);
		break;
	case DRV_SK_EVENT:
		take_event(b, it);
		break;
	case DRV_SK_UDP:
		take_udp(b, it);
		break;
	case DRV_SK_PANDESC:
		memset(&b->pan, 0, sizeof(b->pan));
		break;
	case DRV_SK_PAN:
		take_pan(b, it);
		break;
	case DRV_SK_VERSION:
		memcpy(b->version, it->text, sizeof(b->version));
		break;
	case DRV_SK_ADDRESS:
		if (b->state == DRV_BR_ADDRESS && b->said) {
			memcpy(b->ip, it->ip, sizeof(b->ip));
			b->answer = DRV_BR_OK;
		}
		break;
	case DRV_SK_BAD:
		tally(b, DRV_BAD_FRAMES);
		break;
	case DRV_SK_TEXT:
		break; /* echoes */
	}
}

int drv_br_pump(struct drv_br *b, uint64_t until_ms, struct mkt_err *err)
{
	struct drv_sk_item it;
	size_t used, at = 0;
	int n = drv_link_read(b->link, b->buf + b->n, sizeof(b->buf) - b->n, until_ms, err);

	if (n < 0)
		return n;
	if (!n && b->n && drv_now_ms() - b->heard_ms > QUIET_MS) {
		tally(b, DRV_BAD_FRAMES);
		b->n = 0;
	}
	if (!n)
		return 0;
	b->heard_ms = drv_now_ms();
	b->n += (size_t)n;
	while ((used = drv_sk_next(b->buf + at, b->n - at, &it))) {
		take(b, &it);
		at += used;
	}
	b->n -= at;
	memmove(b->buf, b->buf + at, b->n);
	explicit_bzero(b->buf + b->n, at); /* an echo may have held the password */
	return n;
}

/* ---- commands ------------------------------------------------------------------------------ */

static uint32_t scan_ms(const struct drv_br *b)
{
	return ((1u << b->scan) + 1) * 10 * CHANNELS;
}

static uint32_t patience_ms(const struct drv_br *b)
{
	if (b->state == DRV_BR_SCAN)
		return scan_ms(b) * 3 / 2 + 5000;
	return b->state == DRV_BR_JOIN ? JOIN_MS : COMMAND_MS;
}

static int credential(const struct drv_br *b, char *line, size_t size, struct mkt_err *err)
{
	struct drv_br_secret s;
	int r = drv_br_secret(b->link, b->secret, &s, err);

	if (r < 0)
		return r;
	if (b->state == DRV_BR_PASSWORD)
		snprintf(line, size, "SKSETPWD %X %s\r\n", DRV_BR_PASSWORD_LEN, s.password);
	else
		snprintf(line, size, "SKSETRBID %s\r\n", s.id);
	explicit_bzero(&s, sizeof(s));
	return 0;
}

static int command(const struct drv_br *b, char *line, size_t size, struct mkt_err *err)
{
	const char *side = b->dual ? " 0" : "";

	switch (b->state) {
	case DRV_BR_VERSION:
		snprintf(line, size, "SKVER\r\n");
		break;
	case DRV_BR_ECHO:
		snprintf(line, size, "SKSREG SFE 0\r\n");
		break;
	case DRV_BR_FORMAT:
		snprintf(line, size, "ROPT\r\n");
		break;
	case DRV_BR_SET_FORMAT:
		snprintf(line, size, "WOPT 01\r\n");
		break;
	case DRV_BR_PASSWORD:
	case DRV_BR_ID:
		return credential(b, line, size, err);
	case DRV_BR_SCAN:
		snprintf(line, size, "SKSCAN 2 FFFFFFFF %u%s\r\n", b->scan, side);
		break;
	case DRV_BR_CHANNEL:
		snprintf(line, size, "SKSREG S2 %s\r\n", b->found.channel);
		break;
	case DRV_BR_PAN:
		snprintf(line, size, "SKSREG S3 %s\r\n", b->found.pan);
		break;
	case DRV_BR_ADDRESS:
		snprintf(line, size, "SKLL64 %s\r\n", b->found.addr);
		break;
	case DRV_BR_JOIN:
		snprintf(line, size, "SKJOIN %s\r\n", b->ip);
		break;
	case DRV_BR_BACKOFF:
	case DRV_BR_JOINED:
		break;
	}
	return 0;
}

static int say(struct drv_br *b, struct mkt_err *err)
{
	bool hush = b->state == DRV_BR_PASSWORD || b->state == DRV_BR_ID;
	char line[96] = "";
	int r = command(b, line, sizeof(line), err);

	if (r < 0)
		return r;
	if (b->state == DRV_BR_SCAN)
		memset(&b->found, 0, sizeof(b->found));
	b->answer = DRV_BR_NONE;
	drv_link_hush(b->link, hush);
	r = drv_link_write(b->link, line, strlen(line), drv_now_ms() + 500, err);
	drv_link_hush(b->link, hush && !b->quiet); /* until the next command: echoes as well */
	explicit_bzero(line, sizeof(line));
	b->said = true;
	b->limit_ms = drv_now_ms() + patience_ms(b);
	tally(b, DRV_REQUESTS);
	return r;
}

/* ---- steps --------------------------------------------------------------------------------- */

static const char *const doing[] = {
	[DRV_BR_VERSION] = "asking for the module's version (SKVER)",
	[DRV_BR_ECHO] = "switching echo off (SKSREG SFE 0)",
	[DRV_BR_FORMAT] = "asking for the format of payloads (ROPT)",
	[DRV_BR_SET_FORMAT] = "setting the format of payloads (WOPT 01)",
	[DRV_BR_PASSWORD] = "giving the password (SKSETPWD)",
	[DRV_BR_ID] = "giving the Route-B id (SKSETRBID)",
	[DRV_BR_SCAN] = "scanning for the meter",
	[DRV_BR_CHANNEL] = "setting the channel (SKSREG S2)",
	[DRV_BR_PAN] = "setting the PAN (SKSREG S3)",
	[DRV_BR_ADDRESS] = "asking for the meter's address (SKLL64)",
	[DRV_BR_JOIN] = "joining the meter (SKJOIN)",
	[DRV_BR_BACKOFF] = "authentication failed three times; trying again in a few minutes",
	[DRV_BR_JOINED] = "joined",
};

static int scanned(struct drv_br *b, struct mkt_err *err)
{
	if (b->found.have == DRV_SK_PAN_COMPLETE) {
		go(b, DRV_BR_CHANNEL);
		return 0;
	}
	if (b->scan < SCAN_LAST) {
		b->scan++;
		go(b, DRV_BR_SCAN);
		return 0;
	}
	return mkt_err_set(err, MKT_EDEVTIMEOUT,
			   "no meter answers the scan: Route-B id, distance, antenna");
}

static void join_failed(struct drv_br *b)
{
	if (++b->joins < DRV_BR_JOINS) {
		go(b, DRV_BR_JOIN);
		return;
	}
	b->joins = 0;
	go(b, DRV_BR_BACKOFF);
	b->limit_ms = drv_now_ms() + DRV_BR_BACKOFF_MS;
}

static int failed(struct drv_br *b, struct mkt_err *err)
{
	switch (b->state) {
	case DRV_BR_VERSION:
		b->said = false; /* an unfinished line of before */
		if (++b->tries < COMMAND_TRIES)
			return 0;
		break;
	case DRV_BR_ECHO:
		go(b, DRV_BR_FORMAT);
		return 0;
	case DRV_BR_FORMAT: /* has no such setting: both formats are understood */
	case DRV_BR_SET_FORMAT:
		go(b, DRV_BR_PASSWORD);
		return 0;
	case DRV_BR_SCAN:
		if (b->code != 5 || b->tries++)
			break;
		b->dual = !b->dual;
		b->said = false;
		return 0;
	case DRV_BR_JOIN:
		join_failed(b);
		return 0;
	default:
		break;
	}
	return mkt_err_set(err, MKT_EDEVREFUSED, "the module refuses (ER%02u): %s", b->code,
			   doing[b->state]);
}

static int done(struct drv_br *b, struct mkt_err *err)
{
	switch (b->state) {
	case DRV_BR_ECHO:
		b->quiet = true;
		go(b, DRV_BR_FORMAT);
		return 0;
	case DRV_BR_FORMAT:
		go(b, b->raw ? DRV_BR_SET_FORMAT : DRV_BR_PASSWORD);
		return 0;
	case DRV_BR_SCAN:
		return scanned(b, err);
	case DRV_BR_JOIN:
		b->joins = 0;
		b->anew = true;
		go(b, DRV_BR_JOINED);
		return 0;
	default:
		go(b, b->state + 1);
		return 0;
	}
}

static int silent(struct drv_br *b, struct mkt_err *err)
{
	tally(b, DRV_TIMEOUTS);
	if (b->state == DRV_BR_JOIN) {
		join_failed(b);
		return 0;
	}
	b->said = false;
	if (++b->tries < COMMAND_TRIES)
		return 0;
	return mkt_err_set(err, MKT_EDEVTIMEOUT, "the Wi-SUN module does not answer: %s",
			   doing[b->state]);
}

static int step(struct drv_br *b, uint64_t until_ms, struct mkt_err *err)
{
	int r;

	if (b->state == DRV_BR_BACKOFF && drv_now_ms() >= b->limit_ms) {
		b->scan = SCAN_FIRST;
		go(b, DRV_BR_SCAN);
	}
	if (!b->said && b->state != DRV_BR_BACKOFF) {
		r = say(b, err);
		if (r < 0)
			return r;
	}
	r = drv_br_pump(b, until_ms < b->limit_ms ? until_ms : b->limit_ms, err);
	if (r < 0 || b->state == DRV_BR_BACKOFF)
		return r < 0 ? r : 0;
	if (b->answer == DRV_BR_OK) {
		tally(b, DRV_ANSWERS);
		return done(b, err);
	}
	if (b->answer == DRV_BR_FAIL)
		return failed(b, err);
	return drv_now_ms() >= b->limit_ms ? silent(b, err) : 0;
}

int drv_br_run(struct drv_br *b, uint64_t until_ms, struct mkt_err *err)
{
	int r;

	if (b->state == DRV_BR_JOINED && b->expired &&
	    drv_now_ms() - b->expired_ms > DRV_BR_BAN_MS)
		drv_br_rejoin(b);
	while (b->state != DRV_BR_JOINED) {
		r = step(b, until_ms, err);
		if (r < 0)
			return r;
		if (b->state != DRV_BR_JOINED && drv_now_ms() >= until_ms)
			return mkt_err_set(err, MKT_EBUSY, "%s", doing[b->state]);
	}
	drv_link_hush(b->link, false);
	return 0;
}

/* ---- frames -------------------------------------------------------------------------------- */

static int send_frame(void *arg, const uint8_t *frame, size_t n, struct mkt_err *err)
{
	struct drv_br *b = arg;
	uint8_t line[DRV_EN_BYTES_MAX + 96];
	size_t len;

	if (b->state != DRV_BR_JOINED)
		return mkt_err_set(err, MKT_EBUSY, "%s", doing[b->state]);
	if (b->expired)
		return mkt_err_set(err, MKT_EBUSY, "the session is being renewed");
	if (b->limited)
		return mkt_err_set(err, MKT_EBUSY,
				   "the module has used up its sending time of this hour");
	len = drv_sk_sendto(line, sizeof(line), b->ip, b->dual, frame, n);
	if (!len)
		return mkt_err_set(err, MKT_EINVAL, "ECHONET frame of %zu bytes", n);
	return drv_link_write(b->link, line, len, drv_now_ms() + 500, err);
}

static int pump(void *arg, uint64_t until_ms, struct mkt_err *err)
{
	struct drv_br *b = arg;
	int r = drv_br_pump(b, until_ms, err);

	if (r >= 0 && b->state != DRV_BR_JOINED)
		return mkt_err_set(err, MKT_EBUSY, "%s", doing[b->state]);
	return r;
}

void drv_br_init(struct drv_br *b, struct drv_link *l, struct drv_device *d, const char *secret)
{
	const struct drv_en_io io = {b, send_frame, pump};

	memset(b, 0, sizeof(*b));
	b->d = d;
	b->link = l;
	b->secret = secret;
	b->scan = SCAN_FIRST;
	drv_en_talk_init(&b->t, d, &io, DRV_EN_METER << 8 | 1);
	b->t.single_ms = 20000;
	b->t.several_ms = 60000;
	b->t.tries = 3;
	b->t.most = 8;
}
