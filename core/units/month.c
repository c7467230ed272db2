#include "core/base/compat.h"

#include <stdio.h>

#include "core/units/civil.h"
#include "core/units/month.h"

#define YEAR_MAX 9999

static uint64_t start_of(const struct mkt_zone *z, int32_t year, unsigned month)
{
	int64_t s = mkt_zone_day_start(z, mkt_civil_days(year, month, 1));

	return s > 0 ? (uint64_t)s : 0;
}

static void fill(const struct mkt_zone *z, int32_t year, unsigned month, struct mkt_month *out)
{
	bool last = month == 12;

	*out = (struct mkt_month){.year = year, .month = (uint8_t)month};
	out->from_s = start_of(z, year, month);
	out->to_s = start_of(z, year + last, last ? 1 : month + 1);
	snprintf(out->text, sizeof(out->text), "%04d-%02u", (int)year, month);
}

void mkt_month_at(const struct mkt_zone *z, uint64_t time_s, struct mkt_month *out)
{
	int64_t s = time_s < MKT_TIME_MAX_S ? (int64_t)time_s : MKT_TIME_MAX_S;
	struct mkt_civil c;

	mkt_civil_from(mkt_zone_local(z, s), &c);
	if (c.year > YEAR_MAX) {
		c.year = YEAR_MAX;
		c.month = 12;
	}
	fill(z, c.year, c.month, out);
}

static bool digits(const char *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

int mkt_month_parse(const struct mkt_zone *z, uint64_t now_s, const char *text,
		    struct mkt_month *out, struct mkt_err *err)
{
	struct mkt_month this;
	int32_t year = 0;
	unsigned month;

	mkt_month_at(z, now_s, &this);
	if (!strcmp(text, "this")) {
		*out = this;
		return 0;
	}
	if (!strcmp(text, "last")) {
		fill(z, this.year - (this.month == 1), this.month == 1 ? 12 : this.month - 1u, out);
		return 0;
	}
	if (strlen(text) != 7 || text[4] != '-' || !digits(text, 4) || !digits(text + 5, 2))
		return mkt_err_set(err, MKT_EINVAL, "'%s' is not a month as 2026-11, this or last",
				   text);
	for (unsigned i = 0; i < 4; i++)
		year = year * 10 + (text[i] - '0');
	month = (unsigned)(text[5] - '0') * 10 + (unsigned)(text[6] - '0');
	if (month < 1 || month > 12 || year < 1970)
		return mkt_err_set(err, MKT_EINVAL, "there is no month '%s'", text);
	fill(z, year, month, out);
	return 0;
}
