/*
 * What a site owes to its contracts: windows, amounts, counters, reports.
 *
 * The state of `mkt charge run`, made from the records of its journal
 * (core/app/journal.h) and from nothing else: a change is a record, the record is
 * written, then applied; after a crash the same records give the same state.
 * Records are JSON objects of one line:
 *
 *	{"at":MS,"k":"site","chain":HEX,"account":N}
 *	{"at":MS,"k":"contract","exec":N,"window":S,"dir":0|1,"wh":N}
 *	{"at":MS,"k":"closed","exec":N,"dir":0|1}         reported, or settled, on the chain
 *	{"at":MS,"k":"cursor","text":"18231:4"}          events were taken up to here
 *	{"at":MS,"k":"begin","window":S,"dev":NAME,"charger":ID,"carried_import":WH,
 *	 "carried_export":WH,"rated_w":W,"step_wh":WH,"import":WH,"export":WH,"exact":BOOL}
 *	{"at":MS,"k":"mark","window":S,"dev":NAME,"import":WH,"export":WH}
 *	{"at":MS,"k":"end","window":S,"dev":NAME,"import":WH,"export":WH,"exact":BOOL}
 *	{"at":MS,"k":"report","window":S,"dir":0|1,"request":HEX}  before it is sent
 *	{"at":MS,"k":"reported","window":S,"dir":0|1,"height":N}
 *	{"at":MS,"k":"unreported","window":S,"dir":0|1,"text":WHY}
 *	{"at":MS,"k":"set","dev":NAME,"stopped":BOOL,"hasty":BOOL,"limit":N}
 *	{"at":MS,"k":"plan","dev":NAME,"window":S,"code":WORD,"set":N,"unit":"mA"|"W","text":...}
 *	{"at":MS,"k":"note","text":...,"dev":NAME,"window":S}
 *
 * begin, mark and end are readings of a device's counters in a window.  A counter
 * that has fallen, but no further than the rated power can bring over the end of its
 * digits or bits since, has rolled over.  One that has fallen otherwise, or grown to
 * more than the rated power (0: not known) brings since the beginning, is of another
 * meter and counts from there; a quarter, two steps and 100 Wh are spared.  What was
 * metered is what lies between the first and the last; if one of the borders was not
 * seen ("exact" false) that is a lower bound.
 *
 * Pure: no I/O, no clock.  Energy in Wh, times in calendar ms UTC, windows by
 * their start in s.  Direction 0 is import (draw), 1 export (supply).
 */
#ifndef MKT_DEVICE_DUTY_H
#define MKT_DEVICE_DUTY_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/device/model.h"
#include "core/device/plan.h"

#define MKT_DUTIES_MAX 4096	    /* windows at a time: 85 days of half hours */
#define MKT_DUTY_CONTRACTS_MAX 1000 /* of one window and direction: one envelope reports them */
#define MKT_DUTY_TEXT_MAX 255
#define MKT_DUTY_RECORD_MAX 1024

struct mkt_duty_contract {
	uint64_t exec;
	uint32_t wh;
	bool closed; /* reported or settled on the chain */
};

/* What one device's counters showed in a window. */
struct mkt_duty_meter {
	char dev[MKT_DEV_NAME_MAX + 1];
	char charger[MKT_CHARGER_MAX + 1];
	uint64_t last_wh[2], last_ms; /* counters, and when that was read */
	uint64_t moved_wh[2], begin_ms;
	uint32_t rated_w, step_wh; /* of the device; 0: not known */
	bool ended;
	bool exact_begin, exact_end;
};

enum mkt_duty_report { MKT_DUTY_OPEN = 0, MKT_DUTY_SENT, MKT_DUTY_REPORTED, MKT_DUTY_GIVEN_UP };

struct mkt_duty_side {
	struct mkt_duty_contract *contracts; /* by exec */
	uint32_t n;
	enum mkt_duty_report report;
	uint8_t request[16]; /* of the report, once SENT */
};

struct mkt_duty {
	uint64_t window_s;
	struct mkt_duty_side side[2];
	struct mkt_duty_meter *meters;
	uint32_t nmeters;
};

/* What a person has asked of a device. */
struct mkt_duty_will {
	char dev[MKT_DEV_NAME_MAX + 1];
	bool stopped, hasty;
	uint32_t limit; /* mA, or W of a device that takes watts; 0: none */
};

struct mkt_duties {
	struct mkt_duty *v; /* by window */
	uint32_t n, cap;
	struct mkt_duty_will wills[MKT_PLAN_DEVICES_MAX];
	uint32_t nwills;
	char cursor[64];
	uint8_t chain[8];
	uint32_t account;
	bool has_site;
};

#define MKT_DUTIES_INIT                                                                            \
	{                                                                                          \
		0                                                                                  \
	}

void mkt_duties_release(struct mkt_duties *d);

/*
 * Apply one record.  Kinds that are not known, and kinds that are only for people,
 * change nothing.  -MKT_EINVAL: not a record; -MKT_ELIMIT; -MKT_ENOMEM.
 */
int mkt_duties_apply(struct mkt_duties *d, const void *record, size_t n,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* The window, or NULL. */
struct mkt_duty *mkt_duties_find(const struct mkt_duties *d, uint64_t window_s);
struct mkt_duty_meter *mkt_duty_meter(const struct mkt_duty *w, const char *dev);
const struct mkt_duty_will *mkt_duties_will(const struct mkt_duties *d, const char *dev);

/* Start of the first window after @time_ms with contracts that are not closed; MKT_PLAN_NEVER. */
uint64_t mkt_duties_next_ms(const struct mkt_duties *d, uint64_t time_ms);

/* Contracted in a window. */
uint64_t mkt_duty_wh(const struct mkt_duty *w, unsigned dir);
/* Metered of one device, and of all. */
uint64_t mkt_duty_moved(const struct mkt_duty_meter *m, unsigned dir);
/* What a counter's reading @wh would add: 0 if it does not go on from the last. */
uint64_t mkt_duty_growth(const struct mkt_duty_meter *m, unsigned dir, uint64_t wh, uint64_t at_ms);
uint64_t mkt_duty_metered(const struct mkt_duty *w, unsigned dir);
/* Were both borders of all its meters seen? */
bool mkt_duty_exact(const struct mkt_duty *w);

/* One line of a report. */
struct mkt_duty_figure {
	uint64_t exec;
	uint32_t wh;
	const char *charger; /* of the device that moved most of it; "" without any */
};

/*
 * What is to be reported: energy goes to contracts in their order, the last one
 * gets what is over.  @out has room for side[dir].n; returns how many: contracts
 * that are closed have no line, but keep their part.
 */
uint32_t mkt_duty_figures(const struct mkt_duty *w, unsigned dir, struct mkt_duty_figure *out);

/* Nothing is left to be done: it may be forgotten. */
bool mkt_duty_over(const struct mkt_duty *w);
/* Forget windows that are over and begin before @before_s. */
void mkt_duties_trim(struct mkt_duties *d, uint64_t before_s);

/*
 * Append the records that make this state from nothing, each ended by '\n'; a
 * journal is compacted with them.
 */
void mkt_duties_dump(const struct mkt_duties *d, uint64_t at_ms, struct mkt_buf *out);

/* ---- records: one object without line end, appended to @out --------------------------------- */

struct mkt_duty_reading {
	uint64_t window_s;
	const char *dev, *charger;
	uint64_t wh[2];
	uint64_t moved_wh[2];	   /* of "begin": moved before in the window, as a dump knows */
	uint32_t rated_w, step_wh; /* of "begin": see above */
	bool exact;
};

void mkt_duty_put_site(struct mkt_buf *out, uint64_t at_ms, const uint8_t chain[8],
		       uint32_t account);
void mkt_duty_put_contract(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			   const struct mkt_duty_contract *c);
void mkt_duty_put_closed(struct mkt_buf *out, uint64_t at_ms, uint64_t exec, unsigned dir);
void mkt_duty_put_cursor(struct mkt_buf *out, uint64_t at_ms, const char *cursor);
/* @kind: "begin", "mark" or "end". */
void mkt_duty_put_reading(struct mkt_buf *out, uint64_t at_ms, const char *kind,
			  const struct mkt_duty_reading *r);
void mkt_duty_put_report(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			 const uint8_t request[16]);
void mkt_duty_put_reported(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			   uint64_t height);
void mkt_duty_put_unreported(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			     const char *why);
void mkt_duty_put_will(struct mkt_buf *out, uint64_t at_ms, const struct mkt_duty_will *w);
void mkt_duty_put_plan(struct mkt_buf *out, uint64_t at_ms, const char *dev, uint64_t window_s,
		       const struct mkt_plan_out *o);
void mkt_duty_put_note(struct mkt_buf *out, uint64_t at_ms, const char *dev, uint64_t window_s,
		       const char *text);

#endif
