/*
 * PI30: the serial protocol of Voltronic inverters and their rebrands.
 *
 *	command:  text, CRC, CR		answer:  '(' text, CRC, CR
 *
 * CRC is CRC-16/XMODEM, high byte first, over everything before it.  None of its
 * bytes may look like '(', CR or LF: such a byte is sent one higher.  Received,
 * both the plain and the raised byte are right.  Fields of an answer are separated
 * by blanks; their number differs by firmware, and one can be "-": not told.
 *
 * Pure: bytes in, values out; drivers/inv_pi30.c talks.
 */
#ifndef MKT_DRIVERS_PI30_H
#define MKT_DRIVERS_PI30_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define PI30_TEXT_MAX 250			/* of an answer; the longest known has 140 */
#define PI30_FRAME_MAX (PI30_TEXT_MAX + 4)	/* '(' and CRC and CR */
#define PI30_FIELDS_MAX 64
#define PI30_CURRENTS_MAX 32

uint16_t pi30_crc(const void *p, size_t n);

/* The two bytes that follow @n bytes at @p. */
void pi30_crc_bytes(const void *p, size_t n, uint8_t out[2]);

/* A frame of @text (with its '(' when it is an answer) into @out; its length, 0: too long. */
size_t pi30_frame(const char *text, uint8_t out[PI30_FRAME_MAX]);

/*
 * The text of an answer, from '(' to before CR in @frame of @n bytes, into @text
 * with a NUL.  -MKT_EDEVFRAME says what is wrong.
 */
int pi30_answer(const uint8_t *frame, size_t n, char text[PI30_TEXT_MAX + 1],
		struct mkt_err *err) MKT_MUST_CHECK;

/* ---- fields ------------------------------------------------------------------------------- */

struct pi30_fields {
	char text[PI30_TEXT_MAX + 1];
	uint16_t at[PI30_FIELDS_MAX];
	unsigned n; /* more than PI30_FIELDS_MAX are not looked at */
};

void pi30_split(struct pi30_fields *f, const char *text);

/*
 * Field @i (from 0) as a number with @digits decimals kept: "54.05", 3 gives 54050.
 * False: it is not there, is "-" or no number.
 */
bool pi30_number(const struct pi30_fields *f, unsigned i, unsigned digits, int32_t *out);

/* What is not told is PI30_NONE. */
#define PI30_NONE INT32_MIN

/* Answer to QPIGS: status. */
struct pi30_status {
	int32_t grid_mv, grid_mhz, output_mv;
	int32_t load_va, load_w, load_percent;
	int32_t battery_mv, charge_a, discharge_a, soc_percent;
	int32_t heat_sink_c; /* raw on firmware that tells fewer than 18 fields: then PI30_NONE */
	int32_t pv_w;
	int32_t battery_w;   /* charged positive */
};

/* Answer to QPIRI: ratings and settings. */
struct pi30_ratings {
	int32_t output_va, output_w, battery_mv;
	int32_t ac_charge_a;	 /* setting: most that is charged from the grid */
	int32_t output_priority; /* 0 utility, 1 solar, 2 solar, battery, utility */
	int32_t charge_priority; /* 0 utility, 1 solar, 2 both, 3 solar only */
	int32_t machine;	 /* 0 grid tie, 1 off grid, 10 hybrid */
};

/* -MKT_EDEVFRAME: too few fields, or what is needed is no number. */
int pi30_status(const char *text, struct pi30_status *out, struct mkt_err *err) MKT_MUST_CHECK;
int pi30_ratings(const char *text, struct pi30_ratings *out, struct mkt_err *err) MKT_MUST_CHECK;

/* Answer to QMUCHGCR: permitted currents in A, as told.  Their number; 0: it is no such list. */
unsigned pi30_currents(const char *text, uint16_t out[PI30_CURRENTS_MAX]);

/* Can this be an answer to QMOD, to QPIWS? */
bool pi30_is_mode(const char *text);
bool pi30_is_warnings(const char *text);

/* "battery" of a letter of QMOD; NULL: not known. */
const char *pi30_mode_word(char letter);

/* Warnings of QPIWS, first to last: the @nth that is set, NULL after them.  *@bit: from 0. */
const char *pi30_warning(const char *text, unsigned nth, unsigned *bit);

#endif
