/*
 * The calendar: seconds to date and time of day and back, in the proleptic
 * Gregorian calendar, without leap seconds and without time zones.
 */
#ifndef MKT_UNITS_CIVIL_H
#define MKT_UNITS_CIVIL_H

#include "core/base/compat.h"

#define MKT_DAY_S 86400
#define MKT_TIME_MAX_S 253402300799 /* 9999-12-31T23:59:59: four digits of a year */

struct mkt_civil {
	int32_t year;
	uint8_t month;  /* 1..12 */
	uint8_t day;    /* 1..31 */
	uint8_t hour;   /* 0..23 */
	uint8_t minute; /* 0..59 */
	uint8_t second; /* 0..59 */
};

/* Days since 1970-01-01.  @month 1..12; @day may be outside its month. */
int64_t mkt_civil_days(int32_t year, unsigned month, int64_t day);

/* Seconds since 1970-01-01T00:00:00. */
int64_t mkt_civil_seconds(const struct mkt_civil *c);

/* The reverse; @s within +-MKT_TIME_MAX_S and a few days. */
void mkt_civil_from(int64_t s, struct mkt_civil *out);

unsigned mkt_civil_month_days(int32_t year, unsigned month);

/* 0 = Sunday of the day @days after 1970-01-01. */
unsigned mkt_civil_weekday(int64_t days);

#endif
