/*
 * Values to text.  Every function returns a struct with the text in it: bounded,
 * no allocation, no buffer shared between calls.  In a printf argument the text
 * lives to the end of the statement:
 *
 *	printf("%s at %s\n", mkt_fmt_energy(wh).s, mkt_fmt_price(p, "JPY").s);
 *
 * Human forms carry unit and zone and read back with core/units/parse and
 * core/units/window.  They are exact: no digit of a value is ever dropped.
 * Machine forms of numbers are plain integers in base units and need no function
 * here; machine times are RFC 3339 UTC.
 */
#ifndef MKT_UNITS_FMT_H
#define MKT_UNITS_FMT_H

#include "core/base/compat.h"
#include "core/units/zone.h"

#define MKT_FMT_MAX 79

struct mkt_text {
	char s[MKT_FMT_MAX + 1];
};

/*
 * @v / 10^@digits as a decimal number with at least @decimals_min decimals (at
 * most @digits <= 18): (25500, 3, 2) is "25.50", (25505, 3, 2) is "25.505".
 */
struct mkt_text mkt_fmt_decimal(int64_t v, unsigned digits, unsigned decimals_min);

/* Bare numbers for columns whose head has the unit. */
struct mkt_text mkt_fmt_kwh(uint64_t energy_wh);       /* "10.000" */
struct mkt_text mkt_fmt_per_kwh(int32_t price_upwh);   /* "25.50" */
struct mkt_text mkt_fmt_currency(int64_t money_uc);    /* "1200", "1275.50" */

struct mkt_text mkt_fmt_energy(uint64_t energy_wh);    /* "10.000 kWh" */
struct mkt_text mkt_fmt_power(int32_t power_w);        /* "3.180 kW" */
struct mkt_text mkt_fmt_current(uint32_t current_ma);  /* "15.9 A" */
struct mkt_text mkt_fmt_price(int32_t price_upwh, const char *currency); /* "25.50 JPY/kWh" */
struct mkt_text mkt_fmt_money(int64_t money_uc, const char *currency);   /* "1275.50 JPY" */

/* "80%"; @whole is a power of ten, 100 .. 10^9. */
struct mkt_text mkt_fmt_share(uint32_t parts, uint32_t whole);

/* For people, to a tenth, rounded down: "999 B", "4.1 kB", "12.0 GB". */
struct mkt_text mkt_fmt_bytes(uint64_t bytes);

/* "20s", "5m", "1500ms": the largest unit that is exact. */
struct mkt_text mkt_fmt_duration(uint64_t time_ms);

/* How long ago or ahead, rounded down, for people only: "41 min", "2 h 5 min", "3 d 4 h". */
struct mkt_text mkt_fmt_span(uint64_t time_s);

/*
 * Times.  Seconds (or ms) since 1970 UTC, to the end of 9999; later ones, which
 * only damaged data have, are written "@" and the number of seconds.
 */
struct mkt_text mkt_fmt_utc(uint64_t time_s);          /* "2026-11-23T01:30:00Z" */
struct mkt_text mkt_fmt_utc_ms(uint64_t time_ms);      /* "2026-11-23T01:30:00.250Z" */

/* "2026-11-23 10:30:00 JST", "10:30 JST", "2026-11-23" */
struct mkt_text mkt_fmt_local(const struct mkt_zone *z, uint64_t time_s);
struct mkt_text mkt_fmt_clock(const struct mkt_zone *z, uint64_t time_s);
struct mkt_text mkt_fmt_date(const struct mkt_zone *z, uint64_t time_s);

/*
 * @length_s from @start_s: "2026-11-23 10:30-11:30 JST".  The end is read from the
 * clock as it runs before the end, so a window that ends with a clock change
 * keeps its length, and the end of a day is 24:00; where the clock changes
 * within, both ends have their zone: "2026-10-25 02:00 CEST-03:00 CET".
 */
struct mkt_text mkt_fmt_window(const struct mkt_zone *z, uint64_t start_s, uint64_t length_s);

/* The same without the date of the start. */
struct mkt_text mkt_fmt_window_short(const struct mkt_zone *z, uint64_t start_s, uint64_t length_s);

/* "2026-11-23T01:30:00Z/2026-11-23T02:30:00Z" */
struct mkt_text mkt_fmt_window_utc(uint64_t start_s, uint64_t length_s);

#endif
