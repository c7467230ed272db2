/*
 * Any bytes as the answer to a Modbus request, RTU and TCP, in pieces.  What is
 * taken stood whole in what came, with a right checksum or transaction; a callback
 * ends in time; registers are written only then.
 *
 * Input: one byte of choice, then pieces: a length, a delay, that many bytes.  A
 * length with its highest bit set: two bytes of CRC over them are added, since
 * nobody guesses one.
 */
#include "core/base/compat.h"

#include "drivers/modbus.h"
#include "tests/crc16.h"
#include "tests/fuzz/fuzz.h"
#include "tests/memlink.h"

static struct {
	const uint8_t *data;
	size_t n;
	uint8_t came[4096];
	size_t ncame;
} in;

static void push_piece(struct drv_link *l)
{
	uint8_t piece[130];
	size_t n = in.data[0] & 0x7f;
	bool crc = in.data[0] & 0x80;
	uint32_t after = in.data[1];
	uint16_t sum;

	in.data += 2;
	in.n -= 2;
	n = n < in.n ? n : in.n;
	memcpy(piece, in.data, n);
	in.data += n;
	in.n -= n;
	if (crc) {
		sum = crc16(piece, n);
		piece[n++] = (uint8_t)sum;
		piece[n++] = (uint8_t)(sum >> 8);
	}
	if (in.ncame + n > sizeof(in.came))
		return;
	memcpy(in.came + in.ncame, piece, n);
	in.ncame += n;
	mem_push(l, after, piece, n);
}

/* Each request is answered by up to eight pieces. */
static void peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	FUZZ_CHECK(n >= 8 && n <= 260);
	FUZZ_CHECK(l->tcp || !crc16(bytes, n));
	for (int i = 0; i < 8 && in.n >= 2; i++)
		push_piece(l);
}

/* Did these registers come? */
static bool came(bool tcp, uint8_t unit, uint8_t function, const uint16_t *r, uint16_t n)
{
	uint8_t frame[260] = {unit, function, (uint8_t)(2 * n)};
	size_t len = 3 + 2u * n;

	for (uint16_t i = 0; i < n; i++) {
		frame[3 + 2 * i] = (uint8_t)(r[i] >> 8);
		frame[4 + 2 * i] = (uint8_t)r[i];
	}
	if (!tcp) {
		uint16_t crc = crc16(frame, len);

		frame[len++] = (uint8_t)crc;
		frame[len++] = (uint8_t)(crc >> 8);
	}
	return memmem(in.came, in.ncame, frame, len) != NULL;
}

static void reads(struct drv_mb *m, bool tcp, uint16_t n, bool holding)
{
	uint16_t r[DRV_MB_READ_MAX + 1];
	struct mkt_err err = {0};
	int rc;

	memset(r, 0xA5, sizeof(r));
	rc = holding ? drv_mb_holding(m, 7, n, r, &err) : drv_mb_input(m, 7, n, r, &err);
	if (rc < 0) {
		FUZZ_CHECK(err.code == -rc && err.text[0]);
		FUZZ_CHECK(rc == -MKT_EDEVTIMEOUT || rc == -MKT_EDEVFRAME ||
			   rc == -MKT_EDEVREFUSED);
		FUZZ_CHECK(r[0] == 0xA5A5);
	} else {
		FUZZ_CHECK(came(tcp, 1, holding ? 3 : 4, r, n));
		FUZZ_CHECK(r[n] == 0xA5A5);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t values[] = {1, 2, 3};
	struct drv_mb_conf conf = {.unit = 1, .answer_ms = 100, .turnaround_ms = 200, .retries = 1};
	uint64_t begin;
	struct drv_mb *m;
	bool tcp;

	if (!size)
		return 0;
	tcp = data[0] & 1;
	mem_reset(tcp);
	mem.peer = peer;
	in.data = data + 1;
	in.n = size - 1;
	in.ncame = 0;
	FUZZ_CHECK(drv_mb_new(&mem, NULL, &conf, &m, NULL) == 0);
	begin = mem.now_ms;
	drv_mb_begin(m);
	reads(m, tcp, (uint16_t)(1 + (data[0] >> 2 & 3)), data[0] & 2);
	reads(m, tcp, data[0] & 0x80 ? 60 : 2, data[0] & 0x40);
	(void)drv_mb_write1(m, 7, 1, NULL);
	(void)drv_mb_write(m, 7, 3, values, NULL);
	FUZZ_CHECK(mem.now_ms <= begin + DRV_CALL_MAX_MS);
	drv_mb_free(m);
	return 0;
}
