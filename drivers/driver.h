/*
 * A driver: what mkt-driverd calls to make a device speak.
 *
 * A driver owns no port, no loop, no clock and no configuration: it is called
 * with a link that is open and a device whose settings are filled, does one
 * thing, and returns.  drivers/device.h is what calls it: opening, identity,
 * polling, staleness, reconnection, safe state are the same for all.
 *
 * Rules for all callbacks
 * - none blocks for longer than DRV_CALL_MAX_MS; every wait has a deadline;
 * - a wrong frame (checksum, length, unit, function, sequence) changes nothing:
 *   it is counted (drv_count()) and the exchange is tried again or fails;
 * - -MKT_EDEVTIMEOUT no answer; -MKT_EDEVFRAME an answer that is none;
 *   -MKT_EDEVREFUSED the device said no (exception, NK, SNA, NAK);
 *   -MKT_EDEVUNCONFIRMED read back, and it is not what was asked for;
 *   -MKT_EDEVIDENTITY not what was configured, or not known: says what was read;
 *   -MKT_EDEVLOST the line is gone; -MKT_EDEVUNSUPPORTED it cannot do that;
 *   -MKT_EDEVFAULT the device reports a fault that stops what was asked for;
 * - -MKT_EBUSY is no failure: what was begun goes on, longer than one call may take
 *   (a radio that joins, a converter that starts), and @err says what is waited
 *   for.  open(), poll(), command() and safe_state() are then called again after
 *   input or DRV_AGAIN_MS, with the same arguments and no close() between, until
 *   they return something else; the driver itself gives up in time.  input() may
 *   be called meanwhile;
 * - at start a driver reads before it writes, and adopts what it finds: it never
 *   "disables as initialisation";
 * - registers that are stored in flash or EEPROM are written on change only.
 *
 * How to add one: drivers/skel.c is a commented skeleton; HACKING.md has the list.
 */
#ifndef MKT_DRIVERS_DRIVER_H
#define MKT_DRIVERS_DRIVER_H

#include "core/app/devices.h"
#include "core/device/model.h"
#include "drivers/link.h"

#define DRV_CALL_MAX_MS 3000
#define DRV_AGAIN_MS 250 /* after -MKT_EBUSY */

enum drv_maturity { DRV_EXPERIMENTAL = 0, DRV_BETA, DRV_STABLE };

/* What is counted for each device. */
enum drv_counter {
	DRV_REQUESTS = 0, DRV_ANSWERS, DRV_TIMEOUTS, DRV_BAD_FRAMES, /* checksum, length, garbage */
	DRV_REFUSALS,	/* exceptions, NK, SNA */
	DRV_STRANGERS,	/* frames for or from somebody else: a second master, another unit */
	DRV_LATE,	/* answers after their timeout */
	DRV_RECONNECTS,
	DRV_COUNTERS
};

struct drv_driver;

/*
 * Doubt about an energy counter: readings that cannot be wait here until
 * several in a row agree that the meter rolled over or was replaced.
 */
struct drv_doubt {
	int64_t value;	   /* the last doubtful reading */
	uint64_t at_ms;	   /* of it, on the device's calendar */
	uint8_t agree;	   /* readings in a row that go with each other; 0: no doubt */
	uint32_t refused;  /* readings that were not taken, ever */
	uint32_t jumps;	   /* new beginnings that were taken, ever */
	int64_t jump_wh;   /* their sum: new minus old counter */
	uint64_t taken_ms; /* calendar: the last reading that was taken is no older */
};

/* A device as its driver sees it.  The runtime owns it; @priv is the driver's. */
struct drv_device {
	const struct drv_driver *driver;
	const struct mkt_device_conf *conf; /* name, unit, phases, limits, failsafe ... */
	struct drv_link *link;		    /* open during every callback but close() */
	enum mkt_dev_kind kind;		    /* preset from the driver; open() may make it exact */
	unsigned caps;			    /* MKT_CAP_...: set by open() */
	struct mkt_identity id;		    /* set by open() */
	struct mkt_readings r;		    /* through drv_set() only */
	uint32_t rated_w;		    /* most that its counters see, W; 0: as orders ask */
	uint64_t counters[DRV_COUNTERS];
	bool faulty;			    /* the device says so; with @fault in words */
	char fault[128];
	bool hurry;			    /* set by input(): poll again at once */
	bool brief;			    /* silent lately: no second tries */
	uint32_t keepalive_ms;		    /* by drv_keepalive() */
	uint64_t asked_ms;		    /* calendar when this poll began; 0: none runs */
	struct drv_doubt doubt[2];	    /* of energy.import, energy.export */
	uint64_t (*calendar_ms)(void *arg); /* simulated time for energy; NULL: monotonic */
	void *calendar_arg;
	/*
	 * The driver's: zero at first, kept over close(), and as long as an order is
	 * held over the end of the process: what a device was set to before us.
	 */
	uint8_t keep[64];
	void *priv;
};

struct drv_driver {
	const char *name;    /* "rapi", "heidelberg", "sunspec" ...: in configuration */
	const char *summary; /* "OpenEVSE chargers over RAPI" */
	enum drv_maturity maturity;
	enum mkt_dev_kind kind;
	struct drv_line line;	/* usual line settings */
	uint32_t pause_ms;	/* usual pause between frames */
	uint32_t settle_ms;	/* to listen after open */
	uint32_t poll_ms;	/* usual time between polls */
	uint16_t unit;		/* usual address on a bus; 0: has none */
	uint32_t busy_ms;	/* it may be at one thing (-MKT_EBUSY) so long; 0: two minutes */

	/*
	 * Is this mine?  Harmless reads only.  1 and *@id; 0 somebody else, or
	 * nobody; negative: the line.  Needs no open(); leaves nothing behind.
	 */
	int (*probe)(struct drv_link *l, const struct mkt_device_conf *conf,
		     struct mkt_identity *id, struct mkt_err *err);
	/*
	 * Identify, refuse what is not known, find the abilities, adopt the state,
	 * arm watchdog and failsafe and read them back.  Allocates @priv; on
	 * failure close() is called as well.
	 */
	int (*open)(struct drv_device *d, struct mkt_err *err);
	/* One pass: all readings that matter, or failure.  On failure values keep their age. */
	int (*poll)(struct drv_device *d, struct mkt_err *err);
	/*
	 * What must be said more often than polls (heartbeats); at most every
	 * @keepalive_ms, which open() sets by drv_keepalive().  NULL: nothing.
	 */
	int (*keepalive)(struct drv_device *d, struct mkt_err *err);
	/* Bytes came outside of an exchange (notices, pushed telegrams).  NULL: discard them. */
	int (*input)(struct drv_device *d, struct mkt_err *err);
	/*
	 * Make it so, and read it back.  0 and *@applied, what is in force now (the
	 * device may clamp); negative: not done, or not known to be done.
	 */
	int (*command)(struct drv_device *d, const struct mkt_setpoint *set,
		       struct mkt_setpoint *applied, struct mkt_err *err);
	/* Paused, or its own programme: what conf says; confirmed. */
	int (*safe_state)(struct drv_device *d, struct mkt_err *err);
	/* Free @priv.  Says nothing on the line. */
	void (*close)(struct drv_device *d);
};

/* All drivers; ended by NULL.  drivers/registry.c is the only list. */
extern const struct drv_driver *const drv_drivers[];
const struct drv_driver *drv_find(const char *name); /* or NULL */

/*
 * Set a reading, now.  Limits, capacity and steps that open() sets stay fresh as long
 * as passes succeed; everything else is as old as its last drv_set().  A counter of
 * energy (import, export) that goes back, or on by more than the rated power allows,
 * is not taken and keeps its age: it may be the late answer to another question.
 * When DRV_DOUBT_READINGS in a row go with each other, the meter has rolled over or
 * is another one, and the new value holds.
 */
#define DRV_DOUBT_READINGS 3
void drv_set(struct drv_device *d, enum mkt_reading_id id, int64_t value);
void drv_unset(struct drv_device *d, enum mkt_reading_id id);

void drv_count(struct drv_device *d, enum drv_counter c);

/* keepalive() is wanted every @ms; 0: not. */
void drv_keepalive(struct drv_device *d, uint32_t ms);

/* The device says it is faulty: @fmt in words; NULL: it is well. */
void drv_fault(struct drv_device *d, const char *fmt, ...) MKT_PRINTF(2, 3);

/*
 * Is @id.serial the one of conf, if conf has one?  For open(), as soon as the serial
 * number is read and before anything is written.  -MKT_EDEVIDENTITY.
 */
int drv_check_serial(const struct drv_device *d, struct mkt_err *err) MKT_MUST_CHECK;

/* Time by which energy is judged: simulated, or monotonic. */
uint64_t drv_calendar_ms(const struct drv_device *d);

/*
 * The time that a device wants between two writes, usually @ms: none where a
 * simulation moves the calendar, and stands still until we have written.
 */
uint32_t drv_spacing_ms(const struct drv_device *d, uint32_t ms);

/* The most that can flow, W: conf, then what the device says of itself, then 100 kW. */
int64_t drv_rated_w(const struct drv_device *d);

/* mA per phase for @power_w, rounded down; with known voltages, else conf's nominal ones. */
int32_t drv_current_for(const struct drv_device *d, int32_t power_w);

#endif
