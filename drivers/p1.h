/*
 * P1: the telegrams that DSMR and ESMR smart meters push by themselves.
 *
 *	/IDENT CR LF CR LF  OBIS(value*unit) CR LF ...  !CRC CR LF
 *
 * CRC is CRC-16/ARC of everything from '/' to '!', as four hexadecimal digits.
 * DSMR 2.2 and 3.0 have none: their telegrams end in "!" alone, and a telegram
 * that says it is of version 4 or later must have one.
 *
 * Pure: bytes in, values out; drivers/meter_p1.c listens.
 */
#ifndef MKT_DRIVERS_P1_H
#define MKT_DRIVERS_P1_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/device/model.h"

#define P1_TELEGRAM_MAX 4096 /* the standards' largest has 2 kB; with messages 3 kB */

uint16_t p1_crc(const void *p, size_t n);

/* A stream on its way in.  Zero at first. */
struct p1_stream {
	uint8_t bytes[P1_TELEGRAM_MAX];
	size_t n;	  /* 0: no telegram has begun */
	bool line_start;  /* the next byte begins a line */
	bool ends;	  /* '!' has come */
	bool whole;	  /* the last call gave bytes[0..n) away */
	uint32_t dropped; /* telegrams that were too long or begun anew, ever */
};

/*
 * Take bytes until a telegram is whole: 1, and it is s->bytes, s->n until the next
 * call; 0: all of them are taken.  *@p and *@n move on.
 */
int p1_take(struct p1_stream *s, const uint8_t **p, size_t *n);

/* What a telegram may tell, by unit W, Wh, mV, mA; P1_NONE: not told. */
#define P1_NONE INT64_MIN

struct p1_values {
	bool has_crc;
	char ident[MKT_DEV_TEXT_MAX + 1];  /* after '/' */
	char serial[MKT_DEV_TEXT_MAX + 1]; /* of the electricity meter */
	int32_t version;		   /* 50; 0: not told */
	int32_t tariff;			   /* 0: not told */
	int64_t time_s;			   /* the meter's clock, Unix seconds: 0 not told */
	int64_t import_wh, export_wh;	   /* all tariffs together */
	int64_t step_wh;		   /* last digit of the counters */
	int64_t import_w, export_w;
	int64_t phase_import_w[3], phase_export_w[3];
	int64_t phase_mv[3], phase_ma[3];
};

/*
 * Check a whole telegram and read it.  -MKT_EDEVFRAME: checksum, or a line that is
 * none; nothing of it is to be used.
 */
int p1_parse(const uint8_t *telegram, size_t n, struct p1_values *out,
	     struct mkt_err *err) MKT_MUST_CHECK;

#endif
