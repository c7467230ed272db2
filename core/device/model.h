/*
 * Devices as everybody sees them: kinds, states, abilities, readings, set-points.
 *
 * Shared by drivers (which fill it), mkt-driverd (which tells it), the client of
 * its socket (core/device/client.h) and whoever decides (core/device/plan.h).
 * Pure data; readings carry the monotonic time at which they were taken, and
 * whoever shows one asks mkt_reading_fresh() first: an old value is never shown
 * as a present one.
 *
 * Units: W, Wh, mA, mV, mHz, permille, thousandths of a degree Celsius, s.
 * Signs: drawn from the grid (charge, import) positive; supplied negative.
 */
#ifndef MKT_DEVICE_MODEL_H
#define MKT_DEVICE_MODEL_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define MKT_DEV_NAME_MAX 31	 /* a device's name in configuration: as a charger's id */
#define MKT_DEV_TEXT_MAX 63	 /* maker, model, serial ...: printable UTF-8 */
#define MKT_DEV_POLLS_STALE 3	 /* a reading older than so many polls is stale */

enum mkt_dev_kind {
	MKT_DEV_EVSE = 0, /* charges a vehicle */
	MKT_DEV_V2H,	  /* charges and discharges a vehicle */
	MKT_DEV_BATTERY,  /* battery with its inverter, or hybrid inverter */
	MKT_DEV_INVERTER, /* generation only */
	MKT_DEV_METER,
	MKT_DEV_KINDS
};

/*
 * State of a device, in the order of a life.  READY: a complete pass within the
 * last MKT_DEV_POLLS_STALE polls.  REFUSED: what answers is not what was
 * configured, or its firmware is not known; nothing is written to it.
 * FAULT: it answers, and says that it is faulty.
 */
enum mkt_dev_state {
	MKT_DEV_ABSENT = 0, /* no such port, or nobody has tried */
	MKT_DEV_OPENING,
	MKT_DEV_IDENTIFYING,
	MKT_DEV_READY,
	MKT_DEV_STALE,
	MKT_DEV_RECONNECTING,
	MKT_DEV_REFUSED,
	MKT_DEV_FAULT,
	MKT_DEV_STATES
};

/* The vehicle at a charger; letters of IEC 61851-1. */
enum mkt_dev_vehicle {
	MKT_VEHICLE_UNKNOWN = 0,
	MKT_VEHICLE_A,	/* none */
	MKT_VEHICLE_B,	/* connected, does not charge */
	MKT_VEHICLE_C,	/* charges, or wants to */
	MKT_VEHICLE_F,	/* fault of charger or vehicle */
	MKT_VEHICLES
};

/* Modes of devices that take no set-point, or besides one. */
enum mkt_dev_mode {
	MKT_MODE_UNKNOWN = 0,
	MKT_MODE_AUTO,	    /* the device's own programme */
	MKT_MODE_HOLD,	    /* neither charge from the grid nor discharge */
	MKT_MODE_CHARGE,    /* from the grid, at the device's own rate or the set-point */
	MKT_MODE_DISCHARGE, /* into the house or the grid */
	MKT_MODES
};

/* Abilities, found at run time from what the device reports. */
enum {
	MKT_CAP_CURRENT = 1 << 0,   /* takes a charging current, mA */
	MKT_CAP_POWER = 1 << 1,	    /* takes a power in W (charging) */
	MKT_CAP_DISCHARGE = 1 << 2, /* takes a negative power */
	MKT_CAP_MODE = 1 << 3,	    /* takes a mode */
	MKT_CAP_PAUSE = 1 << 4,	    /* can be stopped and started */
	MKT_CAP_IMPORT = 1 << 5,    /* has energy.import: can be reported from */
	MKT_CAP_EXPORT = 1 << 6,    /* has energy.export */
	MKT_CAP_SOC = 1 << 7,
	MKT_CAP_WATCHDOG = 1 << 8,  /* falls to a safe state by itself */
	MKT_CAP_PHASES = 1 << 9,    /* can switch phases */
	MKT_CAP_VEHICLE = 1 << 10,  /* tells whether a vehicle is there */
	MKT_CAP_READ_ONLY = 1 << 11 /* answers, but refuses control */
};

enum mkt_unit {
	MKT_UNIT_NONE = 0, MKT_UNIT_W, MKT_UNIT_WH, MKT_UNIT_MA, MKT_UNIT_MV, MKT_UNIT_MHZ,
	MKT_UNIT_PERMILLE, MKT_UNIT_MC, MKT_UNIT_S
};

enum mkt_reading_id {
#define MKT_READING(name, text, unit, what) MKT_R_##name,
#include "core/device/readings.def"
#undef MKT_READING
	MKT_READINGS
};

struct mkt_reading_info {
	const char *name;
	enum mkt_unit unit;
	const char *what;
};
extern const struct mkt_reading_info mkt_reading_info[MKT_READINGS];

/* The reading of a name, or -1. */
int mkt_reading_find(const char *name);

/* All readings of a device; a value counts only with .known. */
struct mkt_readings {
	struct mkt_value {
		int64_t value;
		uint64_t at_ms; /* monotonic */
		bool known;
	} v[MKT_READINGS];
};

/* The value, or @otherwise when it is not known.  Says nothing of its age. */
int64_t mkt_reading_or(const struct mkt_readings *r, enum mkt_reading_id id, int64_t otherwise);

/* Known and not older than @limit_ms at @now_ms. */
bool mkt_reading_fresh(const struct mkt_readings *r, enum mkt_reading_id id, uint64_t now_ms,
		       uint64_t limit_ms);

/* "3.180 kW", "16.0 A", "56.3%", "charging" for people: with its unit. */
struct mkt_reading_text {
	char s[48];
};
struct mkt_reading_text mkt_reading_text(enum mkt_reading_id id, int64_t value);

/* What a device says it is.  Texts are made printable by who fills them. */
struct mkt_identity {
	char maker[MKT_DEV_TEXT_MAX + 1];
	char model[MKT_DEV_TEXT_MAX + 1];
	char version[MKT_DEV_TEXT_MAX + 1]; /* firmware, protocol */
	char serial[MKT_DEV_TEXT_MAX + 1];
};

/* Copy device text into @out: stops at NUL or @n, trims blanks, replaces what is not printable. */
void mkt_dev_text(char out[MKT_DEV_TEXT_MAX + 1], const void *text, size_t n);

/* What is asked of a device. */
struct mkt_setpoint {
	enum mkt_set {
		MKT_SET_NONE = 0,
		MKT_SET_CURRENT, /* mA of charging; 0: pause; 1..min-1 is refused */
		MKT_SET_POWER,	 /* W, charge positive, discharge negative; 0: standby */
		MKT_SET_MODE,	 /* enum mkt_dev_mode; MKT_MODE_AUTO gives control back */
	} kind;
	int32_t value;
};

/*
 * An order: a set-point, how long it holds without being renewed, and the
 * counter at which the device is paused whatever happens to who gave it.
 */
struct mkt_order {
	struct mkt_setpoint set;
	uint32_t lease_s;	 /* 1..86400; then the safe state */
	uint64_t stop_import_wh; /* pause when energy.import reaches this; 0: no such stop */
	uint64_t stop_export_wh;
};

/* Words: "evse", "ready", "C", "charge"; for people and protocols alike.  Find gives -1. */
const char *mkt_dev_kind_word(int kind);
const char *mkt_dev_state_word(int state);
const char *mkt_dev_vehicle_word(int vehicle);
const char *mkt_dev_mode_word(int mode);
const char *mkt_dev_cap_word(unsigned bit); /* one bit; NULL: no such */
int mkt_dev_kind_find(const char *word);
int mkt_dev_state_find(const char *word);
int mkt_dev_mode_find(const char *word);
unsigned mkt_dev_cap_find(const char *word); /* 0: no such */

#endif
