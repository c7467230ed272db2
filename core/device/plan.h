/*
 * What the devices of a site do now, so that the energy contracted in this window
 * has moved by its end: the planner of `mkt charge run`.
 *
 * Pure: a function of the situation that it is given; integers, no clock, no I/O,
 * the same answer for the same question.  The caller asks again at the time that
 * the answer names, and whenever something changed; every answer corrects what
 * the last one guessed wrong.
 *
 * Rules
 * - All contracts of a window in one direction are one amount.  What is left of
 *   it goes to the devices in their order, to each what it can still move before
 *   the end, the rest to the next.
 * - A device's share is spread evenly over what is left of the window.  Below its
 *   smallest power it starts later instead, and then runs through.
 * - Nothing flows beyond the share: close to it the power falls to the smallest,
 *   and the stop comes earlier by what flows during the device's latency.
 *   stop_import_wh and stop_export_wh are the last guard, kept by mkt-driverd.
 * - Devices of a circuit never ask for more than its limit together.  Who has
 *   least time to spare is served first; one that runs is not interrupted for a
 *   small difference.  While somebody has to wait, those who run use all there is.
 * - A current is 0 or at least the device's minimum, never between.
 *
 * Units: W, Wh, mA of each phase, mV, calendar ms UTC.  Charging (import) is
 * positive, discharging (export) negative in set-points.
 */
#ifndef MKT_DEVICE_PLAN_H
#define MKT_DEVICE_PLAN_H

#include "core/base/compat.h"
#include "core/device/model.h"
#include "core/units/zone.h"

#define MKT_PLAN_DEVICES_MAX 64
#define MKT_PLAN_CIRCUITS_MAX 16
#define MKT_PLAN_UNKNOWN INT64_MAX  /* a room that nobody knows */
#define MKT_PLAN_NEVER UINT64_MAX
#define MKT_PLAN_TEXT_MAX 127
#define MKT_FLOOR_MA 6000	    /* IEC 61851-1: no pilot says less */

enum mkt_plan_dir { MKT_PLAN_IMPORT = 0, MKT_PLAN_EXPORT = 1 };

/* Codes are for ever: journals hold their words. */
enum mkt_plan_code {
	MKT_PLAN_IDLE = 0,   /* nothing contracted, now or later */
	MKT_PLAN_WAITING,    /* the window has not begun */
	MKT_PLAN_FLOOR,	     /* starts later: less than the smallest power is wanted */
	MKT_PLAN_SPREAD,     /* runs evenly */
	MKT_PLAN_FULL,	     /* runs with all it can */
	MKT_PLAN_SLOW,	     /* close to the amount */
	MKT_PLAN_DONE,	     /* the amount has moved */
	MKT_PLAN_SHARE,	     /* other devices move the amount */
	MKT_PLAN_CIRCUIT,    /* the circuit is full */
	MKT_PLAN_NO_VEHICLE,
	MKT_PLAN_NO_DRAW,    /* offered, but nothing flows */
	MKT_PLAN_ROOM,	     /* battery full, or empty */
	MKT_PLAN_STALE,	     /* not heard of lately */
	MKT_PLAN_FAULT,	     /* device or vehicle report a fault */
	MKT_PLAN_STOPPED,    /* by a person */
	MKT_PLAN_UNABLE,     /* cannot be steered in this direction */
	MKT_PLAN_CODES
};

const char *mkt_plan_word(int code); /* "waiting"; NULL beyond the codes */

struct mkt_plan_device {
	const char *name;

	/* What it can: zero maximum, cannot. */
	bool by_current;	  /* set-points are mA, else W */
	uint8_t phases;		  /* 1..3 */
	uint32_t voltage_mv;	  /* of a phase */
	uint32_t min_ma, max_ma;  /* by current: of each phase, all limits applied */
	uint32_t min_w[2], max_w[2]; /* by power: of each direction */
	int circuit;		  /* index; -1: none */
	uint32_t latency_ms;	  /* from a decision to its effect */

	/* How it is. */
	bool usable;		  /* answers, and may be written to */
	bool faulty;
	bool stopped;		  /* by a person */
	bool hasty;		  /* a person wants it at once, not spread */
	enum mkt_dev_vehicle vehicle; /* UNKNOWN for batteries */
	int32_t set;		  /* set-point in force, in its own unit; 0: none or pause */
	uint64_t set_since_ms;	  /* in force since */
	bool power_known;
	int32_t power_w;
	uint32_t unseen_wh;	  /* flowed since the counter last moved: it has steps */
	uint32_t takes_w[2];	  /* it has shown that it takes no more; 0: not known */
	int64_t room_wh[2];	  /* MKT_PLAN_UNKNOWN: by each direction */
	uint64_t counter_wh[2];
	uint64_t moved_wh[2];	  /* of this window */
	bool metered[2];	  /* has that counter */
	uint32_t held_ma;	  /* !usable: what it may draw meanwhile, of a phase */
};

struct mkt_plan_circuit {
	const char *name;
	uint32_t max_ma; /* of a phase */
};

struct mkt_plan_in {
	uint64_t now_ms;
	uint64_t start_ms, end_ms;   /* the window that @now_ms is in; 0, 0: none has contracts */
	uint64_t wanted_wh[2];	     /* contracted in it */
	uint64_t next_ms;	     /* start of the next window with contracts; MKT_PLAN_NEVER */
	uint32_t window_s;
	uint32_t margin_ms;	     /* to be done before the end */
	const struct mkt_zone *zone; /* of times in sentences */
	const struct mkt_plan_device *devices;
	uint32_t ndevices;
	const struct mkt_plan_circuit *circuits;
	uint32_t ncircuits;
};

struct mkt_plan_out {
	struct mkt_setpoint set; /* NONE: give the device back, nothing is asked of it */
	uint64_t stop_wh[2];	 /* counters at which it must be paused; 0: none */
	uint64_t share_wh[2];	 /* of what is left, this device's */
	enum mkt_plan_code code;
	char text[MKT_PLAN_TEXT_MAX + 1];
};

/*
 * Decide.  @out has in->ndevices elements, in their order.  Returns when to ask
 * again if nothing changes (after in->now_ms; MKT_PLAN_NEVER: only then).
 */
uint64_t mkt_plan(const struct mkt_plan_in *in, struct mkt_plan_out *out);

/*
 * What a device has shown about what it takes: the caller keeps d->takes_w from
 * decision to decision, calls this before each, and clears it when a vehicle comes or goes.
 */
void mkt_plan_learn(struct mkt_plan_device *d, uint64_t now_ms);

/* Power at @ma of each phase, W; and back, rounded down. */
uint32_t mkt_plan_watts(const struct mkt_plan_device *d, uint32_t ma);
uint32_t mkt_plan_ma(const struct mkt_plan_device *d, uint32_t power_w);

#endif
