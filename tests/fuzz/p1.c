/*
 * Any bytes as a P1 stream, in two pieces cut where the first byte says.  Where it
 * is cut makes no difference; each telegram begins with '/', ends a line, and is
 * refused in words or read.
 */
#include "core/base/compat.h"

#include "drivers/p1.h"
#include "tests/fuzz/fuzz.h"

struct seen {
	unsigned whole, good;
	uint16_t crc;
};

static void feed(struct p1_stream *s, const uint8_t *p, size_t n, struct seen *seen)
{
	struct p1_values v;
	struct mkt_err err = {0};

	while (p1_take(s, &p, &n) > 0) {
		FUZZ_CHECK(s->n > 2 && s->n <= P1_TELEGRAM_MAX);
		FUZZ_CHECK(s->bytes[0] == '/' && s->bytes[s->n - 1] == '\n');
		seen->whole++;
		seen->crc = (uint16_t)(seen->crc * 31u + p1_crc(s->bytes, s->n));
		if (p1_parse(s->bytes, s->n, &v, &err) < 0) {
			FUZZ_CHECK(err.code == MKT_EDEVFRAME && err.text[0]);
			continue;
		}
		seen->good++;
		FUZZ_CHECK(v.import_wh == P1_NONE || v.import_wh >= 0);
		FUZZ_CHECK(v.import_w == P1_NONE || v.import_w >= 0);
		FUZZ_CHECK(v.step_wh >= 0 && v.step_wh <= 1000);
		FUZZ_CHECK(strlen(v.ident) <= MKT_DEV_TEXT_MAX && strlen(v.serial) <= MKT_DEV_TEXT_MAX);
	}
}

/* The last line is given its right checksum: else no input would come further. */
static void sign(uint8_t *t, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	uint16_t crc;

	if (n < 8 || t[n - 7] != '!')
		return;
	crc = p1_crc(t, n - 6);
	for (unsigned k = 0; k < 4; k++)
		t[n - 6 + k] = (uint8_t)digits[crc >> (12 - 4 * k) & 15];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct p1_stream one, two;
	struct seen a = {0}, b = {0};
	struct p1_values v;
	uint8_t *copy;
	size_t cut;

	if (!size)
		return 0;
	cut = (size_t)data[0] * size / 256;
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	feed(&one, data, size, &a);
	feed(&two, data, cut, &b);
	feed(&two, data + cut, size - cut, &b);
	FUZZ_CHECK(a.whole == b.whole && a.good == b.good && a.crc == b.crc);
	copy = malloc(size);
	FUZZ_CHECK(copy);
	memcpy(copy, data, size);
	sign(copy, size);
	(void)p1_parse(copy, size, &v, NULL);
	free(copy);
	return 0;
}
