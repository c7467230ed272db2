/* Modbus slave framing, RTU and TCP. */
#include "core/base/compat.h"

#include "drivers/sim/rtu.h"

#define MBAP 6 /* bytes before the unit */
#define REGISTERS_MAX 125
#define EXCEPTION 0x80

enum { READ_HOLDING = 3, READ_INPUT = 4, WRITE_ONE = 6, WRITE_MANY = 16 };

uint16_t sim_rtu_crc(const uint8_t *bytes, size_t n)
{
	uint16_t crc = 0xFFFF;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
	}
	return crc;
}

void sim_rtu_put32(uint16_t *out, uint32_t v)
{
	out[0] = (uint16_t)(v >> 16);
	out[1] = (uint16_t)v;
}

void sim_rtu_text(uint16_t *out, uint16_t n, const char *text)
{
	size_t len = strlen(text);

	for (uint16_t i = 0; i < n; i++) {
		uint8_t high = 2u * i < len ? (uint8_t)text[2 * i] : 0;
		uint8_t low = 2u * i + 1 < len ? (uint8_t)text[2 * i + 1] : 0;

		out[i] = (uint16_t)(high << 8 | low);
	}
}

const char *sim_rtu_version(const char *text, unsigned n, uint8_t *out)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned v = 0;

		if (i && *text++ != '.')
			return NULL;
		if (*text < '0' || *text > '9')
			return NULL;
		for (; *text >= '0' && *text <= '9' && v <= UINT8_MAX; text++)
			v = 10 * v + (unsigned)(*text - '0');
		if (v > UINT8_MAX)
			return NULL;
		out[i] = (uint8_t)v;
	}
	return text;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* ---- what a request does --------------------------------------------------------------------- */

/* The answer to @p (unit, function, data) into @out: its length. */
static size_t refuse(const uint8_t *p, int number, uint8_t *out)
{
	out[0] = p[0];
	out[1] = p[1] | EXCEPTION;
	out[2] = (uint8_t)number;
	return 3;
}

static size_t do_read(struct sim *s, struct sim_device *d, const struct sim_rtu_calls *calls,
		      const uint8_t *p, uint8_t *out)
{
	uint16_t addr = be16(p + 2), n = be16(p + 4), r[REGISTERS_MAX] = {0};
	int number;

	if (!n || n > REGISTERS_MAX)
		return refuse(p, SIM_RTU_VALUE, out);
	if (addr + n > 0x10000)
		return refuse(p, SIM_RTU_ADDRESS, out);
	number = calls->read(s, d, p[1] == READ_HOLDING, addr, n, r);
	if (number)
		return refuse(p, number, out);
	out[0] = p[0];
	out[1] = p[1];
	out[2] = (uint8_t)(2 * n);
	for (uint16_t i = 0; i < n; i++)
		put16(out + 3 + 2 * i, r[i]);
	return 3 + 2u * n;
}

static size_t do_write(struct sim *s, struct sim_device *d, const struct sim_rtu_calls *calls,
		       const uint8_t *p, uint8_t *out)
{
	bool single = p[1] == WRITE_ONE;
	uint16_t addr = be16(p + 2), n = single ? 1 : be16(p + 4), v[REGISTERS_MAX];
	int number;

	if (!single && (!n || n > REGISTERS_MAX || p[6] != 2 * n))
		return refuse(p, SIM_RTU_VALUE, out);
	if (addr + n > 0x10000)
		return refuse(p, SIM_RTU_ADDRESS, out);
	for (uint16_t i = 0; i < n; i++)
		v[i] = single ? be16(p + 4) : be16(p + 7 + 2 * i);
	number = calls->write(s, d, single, addr, n, v);
	if (number)
		return refuse(p, number, out);
	memcpy(out, p, 6);
	return 6;
}

static size_t answer(struct sim *s, struct sim_device *d, const struct sim_rtu_calls *calls,
		     const uint8_t *p, uint8_t *out)
{
	if (sim_fault(s, d, "busy", NULL))
		return refuse(p, SIM_RTU_BUSY, out);
	switch (p[1]) {
	case READ_HOLDING:
	case READ_INPUT:
		return do_read(s, d, calls, p, out);
	case WRITE_ONE:
	case WRITE_MANY:
		return do_write(s, d, calls, p, out);
	default:
		return refuse(p, SIM_RTU_FUNCTION, out);
	}
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* Send @n bytes (unit, function, data) in their frame; TCP: of transaction @id. */
static void send_frame(struct sim *s, const struct sim_device *d, uint16_t id, const uint8_t *p,
		       size_t n)
{
	uint8_t frame[MBAP + SIM_RTU_MAX + 2];

	if (sim_is_tcp(s)) {
		put16(frame, id);
		put16(frame + 2, 0);
		put16(frame + 4, (uint16_t)n);
		memcpy(frame + MBAP, p, n);
		sim_send(s, d, frame, MBAP + n);
		return;
	}
	memcpy(frame, p, n);
	frame[n] = (uint8_t)sim_rtu_crc(p, n);
	frame[n + 1] = (uint8_t)(sim_rtu_crc(p, n) >> 8);
	sim_send(s, d, frame, n + 2);
}

/* Another master asks another unit, or one that is not there answers in our place. */
static void send_stranger(struct sim *s, const struct sim_device *d, const uint8_t *p)
{
	uint8_t other[6];

	memcpy(other, p, 6);
	other[0] = (uint8_t)(p[0] + 1);
	send_frame(s, d, 0, other, sizeof(other));
}

static void request(struct sim *s, const struct sim_rtu_calls *calls, uint16_t id,
		    const uint8_t *p, uint64_t real_ms)
{
	uint8_t out[SIM_RTU_MAX];
	struct sim_device *d;
	size_t n;

	if (!p[0] && !sim_is_tcp(s)) { /* broadcast: heard by all, answered by none */
		for (uint32_t i = 0; i < sim_count(s); i++)
			if (p[1] == WRITE_ONE || p[1] == WRITE_MANY)
				(void)do_write(s, sim_at(s, i), calls, p, out);
		return;
	}
	d = sim_unit(s, p[0]);
	if (!d || (calls->heard && !calls->heard(s, d, real_ms)))
		return;
	if (sim_fault(s, d, "stranger", NULL)) {
		send_stranger(s, d, p);
		return;
	}
	n = answer(s, d, calls, p, out);
	send_frame(s, d, id, out, n);
}

/* Length of the request that begins at @p, with its CRC; 0: not to be told yet; -1: none. */
static int rtu_length(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	if (p[1] != WRITE_MANY)
		return p[1] >= 1 && p[1] <= WRITE_ONE ? 8 : -1;
	if (n < 7)
		return 0;
	return p[6] <= 2 * REGISTERS_MAX ? 9 + p[6] : -1;
}

static void drop(struct sim_rtu *r, size_t n)
{
	r->n -= n;
	memmove(r->buf, r->buf + n, r->n);
}

static bool take_rtu(struct sim_rtu *r, struct sim *s, const struct sim_rtu_calls *calls,
		     uint64_t real_ms)
{
	int len = rtu_length(r->buf, r->n);
	size_t n = (size_t)len;

	if (len == 0 || (len > 0 && n > r->n))
		return false;
	if (len < 0 || (sim_rtu_crc(r->buf, n - 2) ^ r->buf[n - 2] ^ r->buf[n - 1] << 8) != 0) {
		drop(r, 1);
		return true;
	}
	request(s, calls, 0, r->buf, real_ms);
	drop(r, n);
	return true;
}

static bool take_tcp(struct sim_rtu *r, struct sim *s, const struct sim_rtu_calls *calls,
		     uint64_t real_ms)
{
	size_t len;

	if (r->n < MBAP)
		return false;
	len = be16(r->buf + 4);
	if (be16(r->buf + 2) != 0 || len < 6 || len > SIM_RTU_MAX - MBAP) {
		r->n = 0; /* out of step: nothing can be found again */
		return false;
	}
	if (r->n < MBAP + len)
		return false;
	if (r->buf[MBAP + 1] != WRITE_MANY || (len > 7 && len == 7u + r->buf[MBAP + 6]))
		request(s, calls, be16(r->buf), r->buf + MBAP, real_ms);
	drop(r, MBAP + len);
	return true;
}

void sim_rtu_input(struct sim_rtu *r, struct sim *s, const struct sim_rtu_calls *calls,
		   const uint8_t *bytes, size_t n, uint64_t real_ms)
{
	while (n) {
		size_t some = sizeof(r->buf) - r->n < n ? sizeof(r->buf) - r->n : n;

		memcpy(r->buf + r->n, bytes, some);
		r->n += some;
		bytes += some;
		n -= some;
		while (sim_is_tcp(s) ? take_tcp(r, s, calls, real_ms)
				     : take_rtu(r, s, calls, real_ms))
			;
	}
}

void sim_rtu_opened(struct sim_rtu *r)
{
	r->n = 0;
}
