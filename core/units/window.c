#include "core/base/compat.h"

#include <inttypes.h>
#include <stdarg.h>

#include "core/base/limits.h"
#include "core/units/civil.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"
#include "core/units/window.h"

/* What fmt writes as a date; local time may lie a day beyond UTC. */
#define LAST_S (MKT_TIME_MAX_S - 3 * MKT_DAY_S)

/* One time as it was written. */
struct point {
	int64_t days;      /* local date */
	int32_t second;    /* of the day; 86400: 24:00 */
	bool dated;
	bool has_offset;   /* Z, +09:00 */
	int32_t offset_s;
	char abbr[MKT_ZONE_ABBR_MAX + 1]; /* "" if none was given */
	size_t from, to;   /* where it stands in the text */
};

struct reader {
	const char *what; /* "window", "time" */
	const char *text;
	size_t at;
	const struct mkt_when *when;
	struct mkt_err *err;
};

static int not_understood(const struct reader *r)
{
	return mkt_err_set(r->err, MKT_EINVAL, "%s '%.64s' is not understood at column %zu",
			   r->what, r->text, r->at + 1);
}

/* "window start '02:30'" for sentences. */
static struct mkt_text named(const struct reader *r, const char *role, const struct point *p)
{
	struct mkt_text t;

	snprintf(t.s, sizeof(t.s), "%s%s '%.*s'", r->what, role, (int)(p->to - p->from),
		 r->text + p->from);
	return t;
}

/* ---- reading ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char peek(const struct reader *r)
{
	return r->text[r->at];
}

static bool accept(struct reader *r, const char *s)
{
	size_t n = strlen(s);

	if (strncmp(r->text + r->at, s, n) != 0)
		return false;
	r->at += n;
	return true;
}

/* Exactly @n digits in @min .. @max; @at stays at the fault. */
static bool digits(struct reader *r, unsigned n, unsigned min, unsigned max, unsigned *out)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!is_digit(r->text[r->at + i])) {
			r->at += i;
			return false;
		}
		v = v * 10 + (unsigned)(r->text[r->at + i] - '0');
	}
	if (v < min || v > max)
		return false;
	r->at += n;
	*out = v;
	return true;
}

static bool looks_like_date(const struct reader *r)
{
	const char *s = r->text + r->at;

	for (int i = 0; i < 4; i++)
		if (!is_digit(s[i]))
			return false;
	return s[4] == '-';
}

static int64_t today(const struct mkt_when *when)
{
	int64_t local = mkt_zone_local(when->zone, (int64_t)when->now_s);

	return local / MKT_DAY_S - (local % MKT_DAY_S < 0);
}

static int read_date(struct reader *r, struct point *p)
{
	unsigned year, month, day;

	if (!digits(r, 4, 1970, 9999, &year) || !accept(r, "-") ||
	    !digits(r, 2, 1, 12, &month) || !accept(r, "-") ||
	    !digits(r, 2, 1, mkt_civil_month_days((int32_t)year, month), &day))
		return not_understood(r);
	p->days = mkt_civil_days((int32_t)year, month, day);
	p->dated = true;
	return 0;
}

/* A day by word; false if there is none. */
static bool read_day_word(struct reader *r, int64_t *days)
{
	static const struct {
		const char *word;
		int ahead;
	} words[] = {{"today", 0}, {"tomorrow", 1}, {"yesterday", -1}};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(words); i++) {
		size_t from = r->at;

		if (!accept(r, words[i].word))
			continue;
		if (peek(r) && peek(r) != ' ') {
			r->at = from;
			return false;
		}
		*days = today(r->when) + words[i].ahead;
		return true;
	}
	return false;
}

/* hh:mm[:ss[.000]] */
static int read_clock(struct reader *r, struct point *p)
{
	unsigned h, m, s = 0;

	if (!digits(r, 2, 0, 24, &h) || !accept(r, ":") || !digits(r, 2, 0, h < 24 ? 59 : 0, &m))
		return not_understood(r);
	if (accept(r, ":")) {
		if (!digits(r, 2, 0, h < 24 ? 59 : 0, &s))
			return not_understood(r);
		if (accept(r, ".")) {
			if (!is_digit(peek(r)))
				return not_understood(r);
			while (accept(r, "0"))
				;
			if (is_digit(peek(r)))
				return mkt_err_set(r->err, MKT_EINVAL,
						   "%s '%.64s' is finer than 1s at column %zu",
						   r->what, r->text, r->at + 1);
		}
	}
	p->second = (int32_t)(h * 3600 + m * 60 + s);
	return 0;
}

/* Z or +hh:mm, right behind the time. */
static int read_offset(struct reader *r, struct point *p)
{
	bool west = peek(r) == '-';
	unsigned h, m;

	if (accept(r, "Z")) {
		p->has_offset = true;
		return 0;
	}
	if (!accept(r, "+") && !accept(r, "-"))
		return 0;
	if (!digits(r, 2, 0, 23, &h) || !accept(r, ":") || !digits(r, 2, 0, 59, &m))
		return not_understood(r);
	p->has_offset = true;
	p->offset_s = (int32_t)(h * 3600 + m * 60);
	if (west)
		p->offset_s = -p->offset_s;
	return 0;
}

/* Length of a zone's abbreviation at @s: letters, or a sign and two or four digits. */
static size_t abbr_len(const char *s)
{
	size_t n = 0;

	if (*s == '+' || *s == '-') {
		for (n = 1; is_digit(s[n]); n++)
			;
		return (n == 3 || n == 5) && s[n] != ':' ? n : 0;
	}
	while (is_letter(s[n]))
		n++;
	return n >= 3 && n <= MKT_ZONE_ABBR_MAX ? n : 0;
}

/* A space and an abbreviation, if there is one. */
static void read_abbr(struct reader *r, struct point *p)
{
	size_t n = peek(r) == ' ' ? abbr_len(r->text + r->at + 1) : 0;

	if (!n)
		return;
	memcpy(p->abbr, r->text + r->at + 1, n);
	p->abbr[n] = 0;
	r->at += 1 + n;
	if (strcmp(p->abbr, "UTC") != 0)
		return;
	p->has_offset = true;
	p->abbr[0] = 0;
}

/* ---- local time to instant ---- */

/* The instant at which clocks show @local_s with abbreviation @abbr. */
static bool reading_with(const struct mkt_zone *z, int64_t local_s, const char *abbr,
			 int64_t *utc_s)
{
	int64_t utc[2];
	int n = mkt_zone_to_utc(z, local_s, utc);

	for (int i = 0; i < n; i++)
		if (!strcmp(mkt_zone_at(z, utc[i])->abbr, abbr)) {
			*utc_s = utc[i];
			return true;
		}
	return false;
}

static int by_abbr(const struct reader *r, const char *role, const struct point *p, bool end,
		   int64_t *utc_s)
{
	const struct mkt_zone *z = r->when->zone;
	int64_t local = p->days * MKT_DAY_S + p->second;

	/* An end belongs to the clock that runs up to it: 03:00 CEST may be 02:00 CET. */
	if (end && reading_with(z, local - 1, p->abbr, utc_s)) {
		*utc_s += 1;
		return 0;
	}
	if (reading_with(z, local, p->abbr, utc_s))
		return 0;
	return mkt_err_set(r->err, MKT_EINVAL, "%s: clocks in %s do not show '%s' then",
			   named(r, role, p).s, z->name, p->abbr);
}

static int by_clock(const struct reader *r, const char *role, const struct point *p,
		    int64_t *utc_s)
{
	const struct mkt_zone *z = r->when->zone;
	struct mkt_text date;
	struct mkt_civil c;
	int64_t utc[2];
	int rc, n = mkt_zone_to_utc(z, p->days * MKT_DAY_S + p->second, utc);

	if (n == 1) {
		*utc_s = utc[0];
		return 0;
	}
	mkt_civil_from(p->days * MKT_DAY_S, &c);
	snprintf(date.s, sizeof(date.s), "%04d-%02u-%02u", (int)c.year, c.month, c.day);
	rc = mkt_err_set(r->err, MKT_EINVAL, "%s %s on %s in %s: it may be %s or %s",
			 named(r, role, p).s,
			 n ? "happens twice" : "is skipped by a clock change", date.s, z->name,
			 mkt_fmt_utc((uint64_t)utc[0]).s, mkt_fmt_utc((uint64_t)utc[1]).s);
	mkt_err_hint(r->err, "write the one you mean in UTC, with its Z");
	return rc;
}

static int in_range(const struct reader *r, const char *role, const struct point *p, int64_t utc_s)
{
	if (utc_s >= 0 && utc_s <= LAST_S)
		return 0;
	return mkt_err_set(r->err, MKT_EINVAL, "%s is not in the years 1970 to 9999",
			   named(r, role, p).s);
}

static int resolve(const struct reader *r, const char *role, const struct point *p, bool end,
		   int64_t *utc_s)
{
	int64_t u = 0;
	int rc = 0;

	if (p->has_offset)
		u = p->days * MKT_DAY_S + p->second - p->offset_s;
	else if (p->abbr[0])
		rc = by_abbr(r, role, p, end, &u);
	else
		rc = by_clock(r, role, p, &u);
	if (rc == 0)
		rc = in_range(r, role, p, u);
	if (rc == 0)
		*utc_s = u;
	return rc;
}

static int reader_init(struct reader *r, const char *what, const char *text,
		       const struct mkt_when *when, struct mkt_err *err)
{
	*r = (struct reader){what, text, 0, when, err};
	if (when->now_s > LAST_S)
		return mkt_err_set(err, MKT_EINVAL, "the clock is past the year 9999");
	return 0;
}

/* "-2h" or "+30m": what it is, seen from now. */
static int read_relative(struct reader *r, uint64_t *time_s)
{
	bool back = peek(r) == '-';
	uint64_t now_s = r->when->now_s, ms;
	int rc = mkt_parse_duration(r->text + 1, &ms, r->err);

	if (rc < 0)
		return rc;
	if (ms % 1000)
		return mkt_err_set(r->err, MKT_EINVAL, "%s '%.64s' is finer than 1s", r->what,
				   r->text);
	if (ms / 1000 > (back ? now_s : LAST_S - now_s))
		return mkt_err_set(r->err, MKT_EINVAL,
				   "%s '%.64s' is not in the years 1970 to 9999", r->what,
				   r->text);
	*time_s = back ? now_s - ms / 1000 : now_s + ms / 1000;
	return 0;
}

/* "@1795397400": seconds as the machine forms have them. */
static int read_epoch(struct reader *r, uint64_t *time_s)
{
	int rc = mkt_parse_count(r->text + 1, 0, LAST_S, time_s, r->err);

	if (rc < 0)
		mkt_err_wrap(r->err, "%s '%.64s'", r->what, r->text);
	return rc;
}

/* ---- instants ---- */

static int instant_of_point(struct reader *r, uint64_t *time_s)
{
	struct point p = {.from = r->at};
	bool iso = false;
	int64_t utc_s = 0;
	int rc = 0;

	if (looks_like_date(r)) {
		rc = read_date(r, &p);
		iso = accept(r, "T");
	} else if (read_day_word(r, &p.days)) {
		p.dated = true;
	} else {
		p.days = today(r->when);
	}
	if (rc < 0)
		return rc;
	if (p.dated && !iso && !peek(r)) {
		p.to = r->at;
		rc = in_range(r, "", &p, mkt_zone_day_start(r->when->zone, p.days));
		if (rc == 0)
			*time_s = (uint64_t)mkt_zone_day_start(r->when->zone, p.days);
		return rc;
	}
	if (p.dated && !iso && !accept(r, " "))
		return not_understood(r);
	rc = read_clock(r, &p);
	if (rc < 0)
		return rc;
	rc = read_offset(r, &p);
	if (rc < 0)
		return rc;
	if (!p.has_offset)
		read_abbr(r, &p);
	if (peek(r))
		return not_understood(r);
	p.to = r->at;
	rc = resolve(r, "", &p, false, &utc_s);
	if (rc < 0)
		return rc;
	*time_s = (uint64_t)utc_s;
	return 0;
}

int mkt_instant_parse(const char *text, const struct mkt_when *when, uint64_t *time_s,
		      struct mkt_err *err)
{
	struct reader r;
	int rc = reader_init(&r, "time", text, when, err);

	if (rc < 0)
		return rc;
	if (!strcmp(text, "now")) {
		*time_s = when->now_s;
		return 0;
	}
	if (text[0] == '+' || text[0] == '-')
		return read_relative(&r, time_s);
	if (text[0] == '@')
		return read_epoch(&r, time_s);
	rc = instant_of_point(&r, time_s);
	if (rc == -MKT_EINVAL && !is_digit(text[0]))
		mkt_err_hint(err, "times are now, today, -2h, 10:30, 2026-11-23T10:30, "
			     "2026-11-23T01:30:00Z");
	return rc;
}

/* ---- windows ---- */

static uint64_t window_at(const struct mkt_when *when, uint64_t time_s)
{
	return time_s - time_s % when->window_s;
}

static uint64_t next_window(const struct mkt_when *when)
{
	return window_at(when, when->now_s + when->gate_s) + when->window_s;
}

/* As a person would type it: without the zone where that says nothing more. */
static struct mkt_text range_text(const struct reader *r, int64_t start_s, int64_t end_s, bool utc)
{
	struct mkt_text t;
	char *space;

	if (utc)
		return mkt_fmt_window_utc((uint64_t)start_s, (uint64_t)(end_s - start_s));
	t = mkt_fmt_window_short(r->when->zone, (uint64_t)start_s, (uint64_t)(end_s - start_s));
	space = strchr(t.s, ' ');
	if (space && !strchr(space + 1, ' '))
		*space = 0;
	return t;
}

struct range {
	struct point start;
	struct point end;
	int64_t start_s;
	int64_t end_s;
};

/* The hint names the ranges on the borders around: with start a or b, to end c or d. */
static void hint_ranges(const struct reader *r, const struct range *g, int64_t first[2],
			int64_t second[2])
{
	bool utc = g->start.has_offset;

	if (first[0] >= first[1] || second[0] >= second[1]) {
		int64_t *only = first[0] < first[1] ? first : second;

		mkt_err_hint(r->err, "use %s", range_text(r, only[0], only[1], utc).s);
		return;
	}
	mkt_err_hint(r->err, "use %s or %s", range_text(r, first[0], first[1], utc).s,
		     range_text(r, second[0], second[1], utc).s);
}

static int check_borders(const struct reader *r, const struct range *g)
{
	int64_t len = r->when->window_s;
	int64_t start = g->start_s - g->start_s % len, end = g->end_s - g->end_s % len;
	bool start_off = start != g->start_s, end_off = end != g->end_s;
	int64_t end_up = end + (end_off ? len : 0);
	int rc;

	if (!start_off && !end_off)
		return 0;
	rc = mkt_err_set(r->err, MKT_EINVAL, "%s is not on a market border",
			 start_off ? named(r, " start", &g->start).s
				   : named(r, " end", &g->end).s);
	if (start_off)
		hint_ranges(r, g, (int64_t[2]){start, end_up}, (int64_t[2]){start + len, end_up});
	else
		hint_ranges(r, g, (int64_t[2]){start, end}, (int64_t[2]){start, end_up});
	return rc;
}

static int in_the_past(const struct reader *r, const char *which)
{
	const struct mkt_when *w = r->when;
	int rc = mkt_err_set(r->err, MKT_EINVAL, "%s is in the past", which);

	mkt_err_hint(r->err, "it is %s; the next window is %s", mkt_fmt_clock(w->zone, w->now_s).s,
		     mkt_fmt_window_short(w->zone, next_window(w), w->window_s).s);
	return rc;
}

static int check_range(const struct reader *r, const struct range *g, struct mkt_windows *out)
{
	uint32_t len = r->when->window_s;
	int rc;

	if (g->end_s <= g->start_s) {
		rc = mkt_err_set(r->err, MKT_EINVAL, "window '%.64s' ends before it begins",
				 r->text);
		mkt_err_hint(r->err, "over midnight both ends need a date: "
			     "2026-11-23T23:00/2026-11-24T01:00");
		return rc;
	}
	rc = check_borders(r, g);
	if (rc < 0)
		return rc;
	if ((uint64_t)g->start_s < r->when->now_s && !r->when->past_ok)
		return in_the_past(r, named(r, " start", &g->start).s);
	if ((g->end_s - g->start_s) / len > MKT_WINDOWS_MAX)
		return mkt_err_set(r->err, MKT_EINVAL, "window '%.64s' is more than %d windows",
				   r->text, MKT_WINDOWS_MAX);
	out->first_s = (uint64_t)g->start_s;
	out->count = (uint32_t)((g->end_s - g->start_s) / len);
	return 0;
}

/* One end of a range, after its day: clock, then offset (with @iso) or abbreviation. */
static int read_end(struct reader *r, struct point *p, bool iso)
{
	size_t from = r->at;
	int rc = read_clock(r, p);

	if (rc < 0)
		return rc;
	p->from = from;
	p->to = r->at;
	if (iso)
		return read_offset(r, p);
	read_abbr(r, p);
	return 0;
}

/* What one end says of the zone holds for the other if that says nothing. */
static void share_zone(struct point *to, const struct point *from)
{
	if (to->has_offset || to->abbr[0])
		return;
	to->has_offset = from->has_offset;
	to->offset_s = from->offset_s;
	memcpy(to->abbr, from->abbr, sizeof(to->abbr));
}

static int no_end(const struct reader *r, const struct point *start, bool iso)
{
	int rc = mkt_err_set(r->err, MKT_EINVAL, "window '%.64s' has no end at column %zu",
			     r->text, r->at + 1);
	int32_t end = start->second + (int32_t)r->when->window_s;

	if (end <= MKT_DAY_S)
		mkt_err_hint(r->err, "write %.64s%c%02d:%02d", r->text, iso ? '/' : '-',
			     end / 3600, end / 60 % 60);
	return rc;
}

static int read_range(struct reader *r, struct range *g, bool iso)
{
	size_t from;
	int rc = read_end(r, &g->start, iso);

	if (rc < 0)
		return rc;
	if (g->start.second == MKT_DAY_S) {
		r->at = g->start.from; /* 24:00 is an end only */
		return not_understood(r);
	}
	if (!peek(r))
		return no_end(r, &g->start, iso);
	if (!accept(r, iso ? "/" : "-"))
		return not_understood(r);
	from = r->at;
	g->end.days = g->start.days;
	if (looks_like_date(r)) {
		rc = read_date(r, &g->end);
		if (rc == 0 && !accept(r, iso ? "T" : " "))
			rc = not_understood(r);
	}
	if (rc == 0)
		rc = read_end(r, &g->end, iso);
	if (rc < 0)
		return rc;
	if (g->end.dated)
		g->end.from = from;
	if (peek(r))
		return not_understood(r);
	if (iso)
		share_zone(&g->end, &g->start);
	else
		share_zone(&g->start, &g->end);
	return 0;
}

/* A day alone is all of it. */
static void whole_day(const struct reader *r, struct range *g)
{
	g->end = g->start;
	g->end.second = MKT_DAY_S;
	g->start.to = g->end.to = r->at;
}

static int windows_of_range(struct reader *r, struct mkt_windows *out)
{
	struct range g = {.start = {.from = r->at}};
	bool iso = false, spaced = false;
	int rc = 0;

	if (looks_like_date(r)) {
		rc = read_date(r, &g.start);
		iso = accept(r, "T");
		spaced = !iso;
	} else {
		spaced = read_day_word(r, &g.start.days);
		if (!spaced)
			g.start.days = today(r->when);
	}
	if (rc == 0 && spaced && !peek(r))
		whole_day(r, &g);
	else if (rc == 0 && spaced && !accept(r, " "))
		rc = not_understood(r);
	else if (rc == 0)
		rc = read_range(r, &g, iso);
	if (rc == 0)
		rc = resolve(r, " start", &g.start, false, &g.start_s);
	if (rc == 0)
		rc = resolve(r, " end", &g.end, true, &g.end_s);
	return rc < 0 ? rc : check_range(r, &g, out);
}

static int windows_next(struct reader *r, struct mkt_windows *out)
{
	uint64_t n = 1;
	int rc = 0;

	if (r->text[4])
		rc = mkt_parse_count(r->text + 5, 1, MKT_WINDOWS_MAX, &n, r->err);
	if (rc < 0) {
		mkt_err_wrap(r->err, "window '%.64s'", r->text);
		return rc;
	}
	out->first_s = next_window(r->when);
	out->count = (uint32_t)n;
	return 0;
}

/* The one window that holds an instant. */
static int windows_around(struct reader *r, uint64_t time_s, struct mkt_windows *out)
{
	uint64_t first_s = window_at(r->when, time_s);
	struct mkt_text which;

	if (first_s < r->when->now_s && !r->when->past_ok) {
		snprintf(which.s, sizeof(which.s), "the start of window '%.40s'", r->text);
		return in_the_past(r, which.s);
	}
	out->first_s = first_s;
	out->count = 1;
	return 0;
}

static int windows_epoch(struct reader *r, struct mkt_windows *out)
{
	uint64_t time_s;
	int rc = read_epoch(r, &time_s);

	if (rc < 0)
		return rc;
	if (time_s % r->when->window_s) {
		rc = mkt_err_set(r->err, MKT_EINVAL,
				 "window start '%.64s' is not on a market border", r->text);
		mkt_err_hint(r->err, "use @%" PRIu64 " or @%" PRIu64, window_at(r->when, time_s),
			     window_at(r->when, time_s) + r->when->window_s);
		return rc;
	}
	return windows_around(r, time_s, out);
}

int mkt_windows_parse(const char *text, const struct mkt_when *when, struct mkt_windows *out,
		      struct mkt_err *err)
{
	uint64_t time_s;
	struct reader r;
	int rc = reader_init(&r, "window", text, when, err);

	if (rc < 0)
		return rc;
	if (!strncmp(text, "next", 4) && (!text[4] || text[4] == ' '))
		return windows_next(&r, out);
	if (text[0] == '+' || (text[0] == '-' && when->past_ok)) {
		rc = read_relative(&r, &time_s);
		return rc < 0 ? rc : windows_around(&r, time_s, out);
	}
	if (text[0] == '@')
		return windows_epoch(&r, out);
	rc = windows_of_range(&r, out);
	if (rc < 0 && r.err && !r.err->hint[0])
		mkt_err_hint(err, "windows are 10:30-11:30, tomorrow 10:30-11:30, "
			     "2026-11-23T10:30/11:30, next, next 4, +2h");
	return rc;
}
