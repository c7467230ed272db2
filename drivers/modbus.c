/*
 * libmodbus has one end of a pair of sockets, the link is on the other: what
 * libmodbus writes goes out on the line, and what came from there is handed to
 * it when it is complete.  libmodbus never waits.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/modbus.h"

#define ANSWER_MS 500
#define TURNAROUND_MS 1000
#define BUSY_MS 1000	/* before a busy device is asked again */
#define QUIET_MS 50	/* longest pause within a frame: USB adapters deliver in pieces */
#define BYTE_MS 5	/* slowest byte: 2400 baud */
#define ADU_MAX 260
#define NOISE_MAX 256	/* read beside an answer, and given up after */
#define MBAP 7
#define UNIT_MAX 247
#define EXCEPTION_RTU 5
#define EXCEPTION_TCP 9

struct drv_mb {
	modbus_t *ctx;
	int near, far; /* libmodbus reads and writes near, we far */
	struct drv_link *link;
	struct drv_device *dev;
	struct drv_mb_conf conf;
	bool tcp;
	uint16_t transaction;
	int exception;
	uint64_t budget_ms; /* end of this callback's time; 0: each exchange has its own */
	uint64_t end_ms;    /* of this exchange */
	uint64_t quiet_ms;  /* until then an answer to the last request may come; 0: none */
};

/* One exchange. */
struct exchange {
	uint8_t pdu[6 + 2 * DRV_MB_WRITE_MAX + 1]; /* unit, function, data */
	size_t npdu;
	uint8_t request[ADU_MAX]; /* on the wire */
	size_t nrequest;
	uint8_t head[6]; /* how a good answer begins */
	size_t nhead;
	size_t want; /* length of a good answer on the wire */
	bool read;
	uint64_t sent_ms;
	uint8_t in[ADU_MAX + NOISE_MAX];
	size_t n;
	size_t at, len; /* the answer in there */
};

static void count(struct drv_mb *m, enum drv_counter c)
{
	if (m->dev)
		drv_count(m->dev, c);
}

static void pair_close(struct drv_mb *m)
{
	if (m->near >= 0)
		close(m->near);
	if (m->far >= 0)
		close(m->far);
}

static int context_new(struct drv_mb *m, struct mkt_err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return mkt_err_sys(err, MKT_EINTERNAL, errno, "cannot make a pair of sockets");
	m->near = pair[0];
	m->far = pair[1];
	m->ctx = m->tcp ? modbus_new_tcp("127.0.0.1", MODBUS_TCP_DEFAULT_PORT)
			: modbus_new_rtu("link", 19200, 'E', 8, 1);
	if (!m->ctx)
		return mkt_err_code(err, MKT_ENOMEM);
	modbus_set_socket(m->ctx, m->near);
	/* What it is handed is there already. */
	modbus_set_response_timeout(m->ctx, 0, 1);
	modbus_set_byte_timeout(m->ctx, 0, 1);
	return 0;
}

int drv_mb_new(struct drv_link *l, struct drv_device *d, const struct drv_mb_conf *conf,
	       struct drv_mb **out, struct mkt_err *err)
{
	bool tcp = drv_link_is_tcp(l);
	struct drv_mb *m;
	int rc;

	if (conf->unit > (tcp ? UINT8_MAX : UNIT_MAX) || (!tcp && !conf->unit))
		return mkt_err_set(err, MKT_EINVAL, "unit %u: it must be %s", conf->unit,
				   tcp ? "0 to 255" : "1 to 247");
	m = calloc(1, sizeof(*m));
	if (!m)
		return mkt_err_code(err, MKT_ENOMEM);
	m->near = m->far = -1;
	m->link = l;
	m->dev = d;
	m->conf = *conf;
	m->tcp = tcp;
	if (!m->conf.answer_ms)
		m->conf.answer_ms = ANSWER_MS;
	if (!m->conf.turnaround_ms)
		m->conf.turnaround_ms = TURNAROUND_MS;
	rc = context_new(m, err);
	if (rc < 0) {
		drv_mb_free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void drv_mb_free(struct drv_mb *m)
{
	if (!m)
		return;
	if (m->ctx)
		modbus_free(m->ctx);
	pair_close(m);
	free(m);
}

void drv_mb_begin(struct drv_mb *m)
{
	m->budget_ms = drv_now_ms() + DRV_CALL_MAX_MS;
}

int drv_mb_exception(const struct drv_mb *m)
{
	return m->exception;
}

/* ---- what libmodbus does --------------------------------------------------------------------- */

static void discard(int fd)
{
	uint8_t buf[ADU_MAX];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* The request's bytes for the wire. */
static int build(struct drv_mb *m, struct exchange *x, struct mkt_err *err)
{
	ssize_t n;

	discard(m->far);
	if (modbus_send_raw_request(m->ctx, x->pdu, (int)x->npdu) < 0)
		return mkt_err_set(err, MKT_EINTERNAL, "libmodbus: %s", modbus_strerror(errno));
	n = recv(m->far, x->request, sizeof(x->request), MSG_DONTWAIT);
	if (n <= 0)
		return mkt_err_sys(err, MKT_EINTERNAL, errno, "no request came from libmodbus");
	x->nrequest = (size_t)n;
	if (m->tcp) { /* libmodbus numbers no raw request */
		m->transaction++;
		x->request[0] = (uint8_t)(m->transaction >> 8);
		x->request[1] = (uint8_t)m->transaction;
	}
	return 0;
}

/*
 * Is there a whole frame of @unit at @p: an answer, or with @request a request?
 * Its length, or 0.
 */
static size_t whole(struct drv_mb *m, uint8_t unit, bool request, const uint8_t *p, size_t n)
{
	uint8_t rest[ADU_MAX];
	int rc;

	if (n > ADU_MAX)
		n = ADU_MAX;
	if (modbus_set_slave(m->ctx, unit) < 0)
		return 0;
	discard(m->near);
	if (send(m->far, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
		return 0;
	rc = request ? modbus_receive(m->ctx, rest) : modbus_receive_confirmation(m->ctx, rest);
	discard(m->near);
	return rc > 0 ? (size_t)rc : 0;
}

/* ---- RTU ------------------------------------------------------------------------------------- */

/* Does the answer begin at @at?  Its length, 0. */
static size_t answer_at(struct drv_mb *m, const struct exchange *x, size_t at)
{
	const uint8_t *p = x->in + at;
	size_t n = x->n - at, want = x->want;

	if (n >= EXCEPTION_RTU && p[0] == x->pdu[0] && p[1] == (x->pdu[1] | 0x80))
		want = EXCEPTION_RTU;
	else if (n < want || memcmp(p, x->head, x->nhead) != 0)
		return 0;
	return whole(m, x->pdu[0], false, p, want) == want ? want : 0;
}

static bool find_answer(struct drv_mb *m, struct exchange *x)
{
	for (size_t at = 0; at + EXCEPTION_RTU <= x->n; at++) {
		x->len = answer_at(m, x, at);
		x->at = at;
		if (x->len)
			return true;
	}
	return false;
}

/* Somebody else's frame at the beginning of what came. */
static bool stranger(struct drv_mb *m, const struct exchange *x, size_t n)
{
	if (n < EXCEPTION_RTU || x->in[0] == 0 || x->in[0] > UNIT_MAX)
		return false;
	return whole(m, x->in[0], true, x->in, n) || whole(m, x->in[0], false, x->in, n);
}

/* Nothing of what came is the answer: say what it is. */
static int no_answer(struct drv_mb *m, const struct exchange *x, struct mkt_err *err)
{
	char hex[3 * 12 + 1] = "";

	if (!x->n) {
		count(m, DRV_TIMEOUTS);
		return mkt_err_set(err, MKT_EDEVTIMEOUT, "unit %u does not answer", x->pdu[0]);
	}
	if (x->n >= x->nrequest && !memcmp(x->in, x->request, x->nrequest)) {
		count(m, DRV_STRANGERS);
		(void)mkt_err_set(err, MKT_EDEVFRAME, "our own request came back");
		mkt_err_hint(err, "the adapter echoes: set 'echo = yes' for this line");
		return -MKT_EDEVFRAME;
	}
	if (!m->tcp && stranger(m, x, x->n)) {
		count(m, DRV_STRANGERS);
		return mkt_err_set(err, MKT_EDEVFRAME,
				   "a frame of unit %u came, function %u: not ours, is there "
				   "another master on the bus",
				   x->in[0], x->in[1]);
	}
	for (size_t i = 0; i < x->n && i < 12; i++)
		(void)snprintf(hex + 3 * i, 4, " %02X", x->in[i]);
	count(m, DRV_BAD_FRAMES);
	return mkt_err_set(err, MKT_EDEVFRAME, "%zu bytes came, not an answer of %zu:%s%s", x->n,
			   x->want, hex, x->n > 12 ? " ..." : "");
}

/* What stands before and after an answer. */
static int surroundings(struct drv_mb *m, const struct exchange *x, struct mkt_err *err)
{
	if (x->at && stranger(m, x, x->at)) {
		count(m, DRV_STRANGERS); /* the answer may be to them */
		return mkt_err_set(err, MKT_EDEVFRAME,
				   "a frame of unit %u came first: another master on the bus",
				   x->in[0]);
	}
	if (x->at || x->at + x->len < x->n)
		count(m, DRV_BAD_FRAMES);
	return 0;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int receive_rtu(struct drv_mb *m, struct exchange *x, struct mkt_err *err)
{
	uint64_t first = sooner(x->sent_ms + m->conf.answer_ms, m->end_ms), end = first;
	uint64_t last = sooner(first + (uint64_t)BYTE_MS * x->want, m->end_ms);

	for (;;) {
		int rc = drv_link_read(m->link, x->in + x->n, sizeof(x->in) - x->n, end, err);

		if (rc < 0)
			return rc;
		if (!rc)
			return no_answer(m, x, err);
		x->n += (size_t)rc;
		if (find_answer(m, x))
			return surroundings(m, x, err);
		if (x->n == sizeof(x->in))
			return no_answer(m, x, err);
		/* More is to come at once; what is missing, as long as a first byte may. */
		end = sooner(drv_now_ms() + QUIET_MS, last);
		if (x->n < x->want && end < first)
			end = first;
	}
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* A whole frame came that has our transaction: 1 it is the answer. */
static int check_tcp(struct drv_mb *m, struct exchange *x, struct mkt_err *err)
{
	size_t want = x->in[MBAP] == (x->pdu[1] | 0x80) ? EXCEPTION_TCP : x->want;

	x->at = MBAP - 1;
	if (x->in[x->at] != x->pdu[0]) {
		count(m, DRV_STRANGERS);
		return mkt_err_set(err, MKT_EDEVFRAME, "unit %u answered for unit %u",
				   x->in[x->at], x->pdu[0]);
	}
	if (x->len != want || (want != EXCEPTION_TCP && memcmp(x->in + x->at, x->head, x->nhead)) ||
	    whole(m, x->pdu[0], false, x->in, want) != want)
		return no_answer(m, x, err);
	return 1;
}

/* One frame, if there is one: 1 the answer, 0 not yet. */
static int take_tcp(struct drv_mb *m, struct exchange *x, struct mkt_err *err)
{
	while (x->n > MBAP) {
		size_t len = be16(x->in + 4);

		if (be16(x->in + 2) != 0 || len < 3 || len > ADU_MAX - MBAP + 1)
			return no_answer(m, x, err);
		x->len = MBAP - 1 + len;
		if (x->n < x->len)
			return 0;
		if (be16(x->in) == m->transaction)
			return check_tcp(m, x, err);
		count(m, DRV_LATE);
		x->n -= x->len;
		memmove(x->in, x->in + x->len, x->n);
	}
	return 0;
}

static int receive_tcp(struct drv_mb *m, struct exchange *x, struct mkt_err *err)
{
	uint64_t end = sooner(x->sent_ms + m->conf.answer_ms, m->end_ms);

	for (;;) {
		int rc = drv_link_read(m->link, x->in + x->n, sizeof(x->in) - x->n, end, err);

		if (rc < 0)
			return rc;
		if (!rc)
			return no_answer(m, x, err);
		x->n += (size_t)rc;
		rc = take_tcp(m, x, err);
		if (rc)
			return rc < 0 ? rc : 0;
	}
}

/* ---- an exchange ----------------------------------------------------------------------------- */

/* Listen until no answer to the last request can come any more. */
static int drain(struct drv_mb *m, const struct exchange *x, struct mkt_err *err)
{
	uint64_t latest = sooner(x->sent_ms + m->conf.turnaround_ms, m->end_ms), end = latest;
	bool came = x->n > 0;
	uint8_t buf[ADU_MAX];

	if (came)
		end = sooner(drv_now_ms() + QUIET_MS, m->end_ms);
	for (;;) {
		int rc = drv_link_read(m->link, buf, sizeof(buf), end, err);

		if (rc <= 0)
			return rc;
		if (!came)
			count(m, DRV_LATE);
		came = true;
		if (drv_now_ms() >= m->end_ms)
			return 0;
		end = sooner(drv_now_ms() + QUIET_MS, m->end_ms);
	}
}

/* What lies there before we have asked is no answer of ours. */
static int clear_line(struct drv_mb *m, struct mkt_err *err)
{
	uint8_t buf[ADU_MAX];
	bool came = false;

	for (;;) {
		uint64_t end = came ? drv_now_ms() + QUIET_MS : m->quiet_ms;
		int rc = drv_link_read(m->link, buf, sizeof(buf), sooner(end, m->end_ms), err);

		if (rc < 0)
			return rc;
		if (!rc || drv_now_ms() >= m->end_ms)
			break;
		came = true;
	}
	if (came)
		count(m, m->quiet_ms ? DRV_LATE : DRV_STRANGERS);
	m->quiet_ms = 0;
	return 0;
}

static const char *exception_text(unsigned number)
{
	static const char *const text[] = {
		[1] = "it does not know the function",
		[2] = "it does not have the address",
		[3] = "it does not take the value",
		[4] = "it has failed",
		[5] = "it is still at work",
		[6] = "it is busy",
		[8] = "its memory has a parity error",
		[10] = "the gateway has no path",
		[11] = "the gateway had no answer",
	};

	if (number < MKT_ARRAY_SIZE(text) && text[number])
		return text[number];
	return "no known reason";
}

static int exception(struct drv_mb *m, const struct exchange *x, struct mkt_err *err)
{
	unsigned number = x->in[x->at + 2];
	bool gateway = number == 10 || number == 11;

	m->exception = (int)number;
	count(m, DRV_REFUSALS);
	return mkt_err_set(err, gateway ? MKT_EDEVTIMEOUT : MKT_EDEVREFUSED,
			   "unit %u: exception %u, %s", x->pdu[0], number, exception_text(number));
}

/*
 * After silence or a bad frame.  A device that has been silent lately is not
 * waited for: others share the line, and know its late answer by its unit.  It
 * is made up for before its own next request.
 */
static int quieten(struct drv_mb *m, const struct exchange *x, struct mkt_err *err)
{
	m->quiet_ms = x->sent_ms + m->conf.turnaround_ms;
	if (!x->n && m->dev && m->dev->brief)
		return 0;
	m->quiet_ms = 0;
	return drain(m, x, err);
}

/* Once, without a second try. */
static int once(struct drv_mb *m, struct exchange *x, struct mkt_err *err)
{
	struct mkt_err lost = {0};
	int rc;

	m->exception = 0;
	x->n = 0;
	if (drv_now_ms() >= m->end_ms)
		return mkt_err_set(err, MKT_EDEVTIMEOUT, "unit %u: no time is left to ask it",
				   x->pdu[0]);
	rc = clear_line(m, err);
	if (rc >= 0)
		rc = build(m, x, err);
	if (rc >= 0)
		rc = drv_link_write(m->link, x->request, x->nrequest, m->end_ms, err);
	if (rc < 0)
		return rc;
	count(m, DRV_REQUESTS);
	x->sent_ms = drv_now_ms();
	rc = m->tcp ? receive_tcp(m, x, err) : receive_rtu(m, x, err);
	if (rc == -MKT_EDEVFRAME || (rc == -MKT_EDEVTIMEOUT && !m->tcp)) {
		if (quieten(m, x, &lost) < 0) {
			if (err)
				*err = lost;
			return -lost.code;
		}
	}
	if (rc < 0)
		return rc;
	count(m, DRV_ANSWERS);
	return x->in[x->at + 1] & 0x80 ? exception(m, x, err) : 0;
}

/* Is there reason, and time, for one more try? */
static bool again(const struct drv_mb *m, const struct exchange *x, int rc, unsigned tries,
		  bool *waited)
{
	bool busy = m->exception == 5 || m->exception == 6;
	uint64_t now = drv_now_ms();

	if (busy && !*waited && now + BUSY_MS + m->conf.answer_ms <= m->end_ms) {
		*waited = true;
		drv_sleep_ms(BUSY_MS);
		return true;
	}
	if (!x->read || m->exception || tries >= m->conf.retries || (m->dev && m->dev->brief))
		return false;
	return (rc == -MKT_EDEVFRAME || (rc == -MKT_EDEVTIMEOUT && !tries)) &&
	       now + m->conf.answer_ms <= m->end_ms;
}

static int run(struct drv_mb *m, struct exchange *x, struct mkt_err *err)
{
	uint16_t addr = be16(x->pdu + 2);
	bool waited = false;
	int rc;

	m->end_ms = m->budget_ms ? m->budget_ms : drv_now_ms() + DRV_CALL_MAX_MS;
	for (unsigned tries = 0;; tries++) {
		rc = once(m, x, err);
		if (rc >= 0 || !again(m, x, rc, tries, &waited))
			break;
	}
	if (rc < 0 && rc != -MKT_EDEVLOST)
		(void)mkt_err_wrap(err, "%s register %u (0x%04x)", x->read ? "read" : "write", addr,
				   addr);
	return rc;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void begin(const struct drv_mb *m, struct exchange *x, uint8_t function, uint16_t addr,
		  uint16_t second)
{
	memset(x, 0, sizeof(*x));
	x->pdu[0] = (uint8_t)m->conf.unit;
	x->pdu[1] = function;
	put16(x->pdu + 2, addr);
	put16(x->pdu + 4, second);
	x->npdu = 6;
	memcpy(x->head, x->pdu, 6);
	x->nhead = 6;
	x->want = (m->tcp ? MBAP - 1u : 2u) + 6;
}

static int read_registers(struct drv_mb *m, uint8_t function, uint16_t addr, uint16_t n,
			  uint16_t *out, struct mkt_err *err)
{
	struct exchange x;
	int rc;

	if (!n || n > DRV_MB_READ_MAX || addr + n > 0x10000)
		return mkt_err_set(err, MKT_EINVAL, "cannot read %u registers at %u", n, addr);
	begin(m, &x, function, addr, n);
	x.read = true;
	x.head[2] = (uint8_t)(2 * n);
	x.nhead = 3;
	x.want = (m->tcp ? MBAP - 1u : 2u) + 3 + 2u * n;
	rc = run(m, &x, err);
	for (uint16_t i = 0; rc >= 0 && i < n; i++)
		out[i] = be16(x.in + x.at + 3 + 2u * i);
	return rc;
}

int drv_mb_holding(struct drv_mb *m, uint16_t addr, uint16_t n, uint16_t *out, struct mkt_err *err)
{
	return read_registers(m, MODBUS_FC_READ_HOLDING_REGISTERS, addr, n, out, err);
}

int drv_mb_input(struct drv_mb *m, uint16_t addr, uint16_t n, uint16_t *out, struct mkt_err *err)
{
	return read_registers(m, MODBUS_FC_READ_INPUT_REGISTERS, addr, n, out, err);
}

int drv_mb_write1(struct drv_mb *m, uint16_t addr, uint16_t value, struct mkt_err *err)
{
	struct exchange x;

	begin(m, &x, MODBUS_FC_WRITE_SINGLE_REGISTER, addr, value);
	return run(m, &x, err);
}

int drv_mb_write(struct drv_mb *m, uint16_t addr, uint16_t n, const uint16_t *values,
		 struct mkt_err *err)
{
	struct exchange x;

	if (!n || n > DRV_MB_WRITE_MAX || addr + n > 0x10000)
		return mkt_err_set(err, MKT_EINVAL, "cannot write %u registers at %u", n, addr);
	begin(m, &x, MODBUS_FC_WRITE_MULTIPLE_REGISTERS, addr, n);
	x.pdu[x.npdu++] = (uint8_t)(2 * n);
	for (uint16_t i = 0; i < n; i++, x.npdu += 2)
		put16(x.pdu + x.npdu, values[i]);
	return run(m, &x, err);
}
