#include "core/base/compat.h"

#include <string.h>

#include "core/device/model.h"
#include "drivers/pi30.h"

/* ---- frames ------------------------------------------------------------------------------- */

uint16_t pi30_crc(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint16_t crc = 0;

	for (size_t i = 0; i < n; i++) {
		crc = (uint16_t)(crc ^ (b[i] << 8));
		for (unsigned k = 0; k < 8; k++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	return crc;
}

static uint8_t raised(uint8_t b)
{
	return b == '(' || b == '\r' || b == '\n' ? (uint8_t)(b + 1) : b;
}

void pi30_crc_bytes(const void *p, size_t n, uint8_t out[2])
{
	uint16_t crc = pi30_crc(p, n);

	out[0] = raised((uint8_t)(crc >> 8));
	out[1] = raised((uint8_t)crc);
}

size_t pi30_frame(const char *text, uint8_t out[PI30_FRAME_MAX])
{
	size_t n = strnlen(text, PI30_FRAME_MAX);

	if (!n || n + 3 > PI30_FRAME_MAX)
		return 0;
	memcpy(out, text, n);
	pi30_crc_bytes(text, n, out + n);
	out[n + 2] = '\r';
	return n + 3;
}

/* Some firmware raises 0x00 too, some none of them. */
static bool crc_byte_ok(uint8_t got, uint8_t want)
{
	return got == want || (got == want + 1 && (raised(want) != want || !want));
}

int pi30_answer(const uint8_t *frame, size_t n, char text[PI30_TEXT_MAX + 1], struct mkt_err *err)
{
	size_t len = n > 3 ? n - 3 : 0;
	uint16_t crc;

	if (n < 4 || frame[0] != '(')
		return mkt_err_set(err, MKT_EDEVFRAME, "an answer of %zu bytes without '('", n);
	if (len > PI30_TEXT_MAX)
		return mkt_err_set(err, MKT_EDEVFRAME, "an answer of more than %d bytes",
				   PI30_TEXT_MAX);
	crc = pi30_crc(frame, n - 2);
	if (!crc_byte_ok(frame[n - 2], (uint8_t)(crc >> 8)) ||
	    !crc_byte_ok(frame[n - 1], (uint8_t)crc))
		return mkt_err_set(err, MKT_EDEVFRAME,
				   "checksum %02X %02X of an answer of %zu bytes, expected %02X "
				   "%02X",
				   frame[n - 2], frame[n - 1], n, crc >> 8, crc & 0xff);
	for (size_t i = 0; i < len; i++)
		if (frame[1 + i] < ' ' || frame[1 + i] > '~')
			return mkt_err_set(err, MKT_EDEVFRAME, "byte %02X in an answer",
					   frame[1 + i]);
	memcpy(text, frame + 1, len);
	text[len] = 0;
	return 0;
}

/* ---- fields ------------------------------------------------------------------------------- */

void pi30_split(struct pi30_fields *f, const char *text)
{
	size_t n = strnlen(text, PI30_TEXT_MAX);
	bool within = false;

	memcpy(f->text, text, n);
	f->text[n] = 0;
	f->n = 0;
	for (size_t i = 0; i < n; i++) {
		bool blank = f->text[i] == ' ';

		if (!blank && !within && f->n < PI30_FIELDS_MAX)
			f->at[f->n++] = (uint16_t)i;
		if (blank)
			f->text[i] = 0;
		within = !blank;
	}
}

bool pi30_number(const struct pi30_fields *f, unsigned i, unsigned digits, int32_t *out)
{
	const char *p = i < f->n ? f->text + f->at[i] : "";
	const char *point = NULL;
	bool minus = *p == '-';
	int64_t v = 0;
	unsigned n = 0;

	p += minus || *p == '+';
	for (; *p >= '0' && *p <= '9' && n < 9; p++, n++)
		v = v * 10 + (*p - '0');
	if (!n)
		return false;
	if (*p == '.')
		point = p++;
	for (; point && *p >= '0' && *p <= '9'; p++)
		if (digits) {
			v = v * 10 + (*p - '0');
			digits--;
		}
	for (; digits; digits--)
		v *= 10;
	if (*p || v > INT32_MAX)
		return false;
	*out = (int32_t)(minus ? -v : v);
	return true;
}

static int32_t number_or_none(const struct pi30_fields *f, unsigned i, unsigned digits, int32_t min,
			      int32_t max)
{
	int32_t v;

	return pi30_number(f, i, digits, &v) && v >= min && v <= max ? v : PI30_NONE;
}

/* ---- answers ------------------------------------------------------------------------------ */

#define STATUS_FIELDS 17 /* to the flags: all that the oldest firmware has */
#define FLAGS_AT 16
#define RATINGS_FIELDS 18

/* Is field @i a row of @n bits?  It tells QPIGS from QPIRI, should one come for the other. */
static bool is_bits(const struct pi30_fields *f, unsigned i, size_t n)
{
	const char *p = i < f->n ? f->text + f->at[i] : "";

	return strlen(p) == n && strspn(p, "01") == n;
}

static int battery_power(struct pi30_status *s, struct mkt_err *err)
{
	if (s->battery_mv == PI30_NONE || s->charge_a == PI30_NONE || s->discharge_a == PI30_NONE)
		return mkt_err_set(err, MKT_EDEVFRAME, "QPIGS tells no voltage or current of the "
						       "battery");
	s->battery_w = s->battery_mv / 10 * (s->charge_a - s->discharge_a) / 100;
	return 0;
}

int pi30_status(const char *text, struct pi30_status *out, struct mkt_err *err)
{
	struct pi30_fields f;

	pi30_split(&f, text);
	if (f.n < STATUS_FIELDS)
		return mkt_err_set(err, MKT_EDEVFRAME, "QPIGS has %u fields, not %d or more", f.n,
				   STATUS_FIELDS);
	if (!is_bits(&f, FLAGS_AT, 8))
		return mkt_err_set(err, MKT_EDEVFRAME, "QPIGS: field %d is not eight bits",
				   FLAGS_AT + 1);
	*out = (struct pi30_status){
		.grid_mv = number_or_none(&f, 0, 3, 0, 500000),
		.grid_mhz = number_or_none(&f, 1, 3, 0, 100000),
		.output_mv = number_or_none(&f, 2, 3, 0, 500000),
		.load_va = number_or_none(&f, 4, 0, 0, 1000000),
		.load_w = number_or_none(&f, 5, 0, 0, 1000000),
		.load_percent = number_or_none(&f, 6, 0, 0, 1000),
		.battery_mv = number_or_none(&f, 8, 3, 0, 1000000),
		.charge_a = number_or_none(&f, 9, 0, 0, 1000),
		.discharge_a = number_or_none(&f, 15, 0, 0, 1000),
		.soc_percent = number_or_none(&f, 10, 0, 0, 100),
		.heat_sink_c = f.n >= 18 ? number_or_none(&f, 11, 0, -50, 150) : PI30_NONE,
		.pv_w = number_or_none(&f, 19, 0, 0, 1000000),
	};
	return battery_power(out, err);
}

int pi30_ratings(const char *text, struct pi30_ratings *out, struct mkt_err *err)
{
	struct pi30_fields f;

	pi30_split(&f, text);
	if (f.n < RATINGS_FIELDS)
		return mkt_err_set(err, MKT_EDEVFRAME, "QPIRI has %u fields, not %d or more", f.n,
				   RATINGS_FIELDS);
	if (is_bits(&f, FLAGS_AT, 8))
		return mkt_err_set(err, MKT_EDEVFRAME, "QPIRI: that is an answer to QPIGS");
	*out = (struct pi30_ratings){
		.output_va = number_or_none(&f, 5, 0, 0, 1000000),
		.output_w = number_or_none(&f, 6, 0, 0, 1000000),
		.battery_mv = number_or_none(&f, 7, 3, 0, 1000000),
		.ac_charge_a = number_or_none(&f, 13, 0, 0, 999),
		.output_priority = number_or_none(&f, 16, 0, 0, 9),
		.charge_priority = number_or_none(&f, 17, 0, 0, 9),
		.machine = number_or_none(&f, 19, 0, 0, 99),
	};
	return 0;
}

unsigned pi30_currents(const char *text, uint16_t out[PI30_CURRENTS_MAX])
{
	struct pi30_fields f;
	unsigned n = 0;
	int32_t a;

	if (strspn(text, "0123456789 ") != strlen(text))
		return 0;
	pi30_split(&f, text);
	for (unsigned i = 0; i < f.n && n < PI30_CURRENTS_MAX; i++)
		if (pi30_number(&f, i, 0, &a) && a > 0 && a <= 999)
			out[n++] = (uint16_t)a;
	return n;
}

bool pi30_is_mode(const char *text)
{
	return strlen(text) == 1 && pi30_mode_word(text[0]);
}

bool pi30_is_warnings(const char *text)
{
	size_t n = strlen(text);

	return n >= 20 && n <= 64 && strspn(text, "01") == n;
}

const char *pi30_mode_word(char letter)
{
	static const struct {
		char letter;
		const char *word;
	} words[] = {{'P', "power on"}, {'S', "standby"}, {'L', "grid"},     {'B', "battery"},
		     {'F', "fault"},	{'H', "saving"},  {'Y', "bypass"},   {'D', "shutdown"},
		     {'C', "charging"}};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(words); i++)
		if (words[i].letter == letter)
			return words[i].word;
	return NULL;
}

const char *pi30_warning(const char *text, unsigned nth, unsigned *bit)
{
	static const char *const names[] = {
		[1] = "inverter fault",
		[2] = "bus voltage high",
		[3] = "bus voltage low",
		[4] = "bus soft start",
		[5] = "no grid",
		[6] = "output short",
		[7] = "output voltage low",
		[8] = "output voltage high",
		[9] = "too hot",
		[10] = "fan blocked",
		[11] = "battery voltage high",
		[12] = "battery low",
		[14] = "battery empty",
		[16] = "overload",
		[17] = "memory fault",
		[18] = "output current high",
		[19] = "soft start failed",
		[20] = "self-test failed",
		[21] = "output offset",
		[22] = "battery not there",
		[23] = "current sensor",
		[24] = "battery short",
		[25] = "power limited",
		[26] = "solar voltage high",
		[27] = "solar overload",
	};

	for (unsigned i = 0; i < 64 && text[i]; i++) {
		if (text[i] != '1' || nth--)
			continue;
		*bit = i;
		return i < MKT_ARRAY_SIZE(names) && names[i] ? names[i] : "other";
	}
	return NULL;
}
