/*
 * Time zones by name, from the tz database, without libc's process-wide TZ:
 * a bounded reader of TZif files (RFC 8536, version 2 and later) with the
 * POSIX rule of their footer for times past the table.  (Debian has no small C
 * library for this: libc's is global to the process, the others are C++ or ICU.)
 *
 * A struct mkt_zone is a plain value of about 12 kB: no allocation, nothing to
 * release, constant after loading, so any number of threads may read it.
 *
 * Instants are Unix seconds UTC; local times are the seconds that a wall clock
 * and calendar would show, counted as if they were UTC (core/units/civil.h).
 * Offsets are seconds east of Greenwich: local = UTC + offset.
 */
#ifndef MKT_UNITS_ZONE_H
#define MKT_UNITS_ZONE_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define MKT_ZONE_NAME_MAX 63
#define MKT_ZONE_ABBR_MAX 9      /* "JST", "+0545"; POSIX promises 6 */
#define MKT_ZONE_TIMES_MAX 1024  /* changes in one file; the largest of 2025b has 310 */
#define MKT_ZONE_TYPES_MAX 64    /* kinds of local time; the largest has 18 */
#define MKT_ZONE_FILE_MAX 65536  /* bytes */
#define MKT_ZONE_DIR "/usr/share/zoneinfo"

struct mkt_zone_type {
	int32_t offset_s; /* -24:59:59 .. 25:59:59 */
	bool dst;
	char abbr[MKT_ZONE_ABBR_MAX + 1];
};

/* One date of the POSIX rule: when, in local time of the type that ends. */
struct mkt_zone_date {
	char kind;      /* 'J' day 1..365 without Feb 29, 'N' day 0..365, 'M' month.week.day */
	uint16_t day;   /* J, N: the day; M: weekday 0..6 */
	uint8_t month;  /* M: 1..12 */
	uint8_t week;   /* M: 1..5; 5 is the last */
	int32_t time_s; /* seconds after midnight, -167 h .. 167 h */
};

struct mkt_zone {
	char name[MKT_ZONE_NAME_MAX + 1];
	uint32_t ntimes;
	uint32_t ntypes;                     /* 0 only while rule tells all */
	int64_t times[MKT_ZONE_TIMES_MAX];   /* ascending */
	uint8_t kinds[MKT_ZONE_TIMES_MAX];   /* type from times[i] on */
	struct mkt_zone_type types[MKT_ZONE_TYPES_MAX]; /* types[0]: before times[0] */
	bool ruled;                          /* a footer: rules all from the last change on */
	bool rule_dst;                       /* the rule has daylight saving time */
	struct mkt_zone_type std;
	struct mkt_zone_type dst;
	struct mkt_zone_date dst_begin;
	struct mkt_zone_date dst_end;
};

void mkt_zone_utc(struct mkt_zone *z);

/*
 * Find a zone by name: "UTC", "Z", a fixed offset "+09:00" or "-0330", or a file
 * of the tz database in @dir (NULL: MKT_ZONE_DIR).  -MKT_EINVAL: no such zone,
 * no tz database on this machine, or a damaged file, each with its sentence.
 */
MKT_MUST_CHECK int mkt_zone_load(struct mkt_zone *z, const char *name, const char *dir,
				 struct mkt_err *err);

/* The same from the bytes of a TZif file.  -MKT_EINVAL: not one, or above a limit. */
MKT_MUST_CHECK int mkt_zone_parse(struct mkt_zone *z, const char *name, const void *tzif, size_t n,
				  struct mkt_err *err);

/* The kind of local time at an instant.  Owned by @z; any @utc_s is allowed. */
const struct mkt_zone_type *mkt_zone_at(const struct mkt_zone *z, int64_t utc_s);

/* @utc_s + offset. */
int64_t mkt_zone_local(const struct mkt_zone *z, int64_t utc_s);

/*
 * The instants at which clocks show @local_s, which is within +-MKT_TIME_MAX_S.
 * Returns how many there are:
 *   1  utc[0] == utc[1]
 *   2  clocks were set back: both, the earlier first
 *   0  clocks were set forward over it: utc[0] reads @local_s by the offset after
 *      the change, utc[1] by the one before; utc[0] < the change <= utc[1]
 */
int mkt_zone_to_utc(const struct mkt_zone *z, int64_t local_s, int64_t utc[2]);

/* The first instant of the local day that is @days after 1970-01-01. */
int64_t mkt_zone_day_start(const struct mkt_zone *z, int64_t days);

#endif
