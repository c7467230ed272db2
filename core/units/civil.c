#include "core/base/compat.h"

#include "core/units/civil.h"

/* Years begin in March, so that the leap day is the last; an era is 400 years. */
#define ERA_DAYS 146097
#define DAYS_TO_1970 719468 /* from 0000-03-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t mkt_civil_days(int32_t year, unsigned month, int64_t day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t march_month = ((int64_t)month + 9) % 12;
	int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;

	return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - DAYS_TO_1970;
}

int64_t mkt_civil_seconds(const struct mkt_civil *c)
{
	return mkt_civil_days(c->year, c->month, c->day) * MKT_DAY_S + c->hour * 3600 +
	       c->minute * 60 + c->second;
}

void mkt_civil_from(int64_t s, struct mkt_civil *out)
{
	int64_t days = floor_div(s, MKT_DAY_S);
	int64_t rest = s - days * MKT_DAY_S;
	int64_t z = days + DAYS_TO_1970;
	int64_t era = floor_div(z, ERA_DAYS);
	int64_t doe = z - era * ERA_DAYS;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t march_month = (5 * doy + 2) / 153;

	out->day = (uint8_t)(doy - (153 * march_month + 2) / 5 + 1);
	out->month = (uint8_t)(march_month < 10 ? march_month + 3 : march_month - 9);
	out->year = (int32_t)(yoe + era * 400 + (out->month <= 2));
	out->hour = (uint8_t)(rest / 3600);
	out->minute = (uint8_t)(rest / 60 % 60);
	out->second = (uint8_t)(rest % 60);
}

unsigned mkt_civil_month_days(int32_t year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

unsigned mkt_civil_weekday(int64_t days)
{
	int64_t d = days + 4; /* 1970-01-01 was a Thursday */

	return (unsigned)(d - floor_div(d, 7) * 7);
}
