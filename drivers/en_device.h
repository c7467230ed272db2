/*
 * An ECHONET Lite device under control: what dev_echonet.c (who it is, what it
 * says) and en_dispatch.c (what it is told) share.
 *
 * Orders follow the object definitions: connection check of the vehicle (C7, CD),
 * limits (C8, C9), set-point and mode in one SetC if both can be set, read back
 * (DA is the wish, CF the truth).  None of these devices has a watchdog: what was
 * asked for stays until something else is.
 */
#ifndef MKT_DRIVERS_EN_DEVICE_H
#define MKT_DRIVERS_EN_DEVICE_H

#include "drivers/en_talk.h"

#define DRV_EN_CALL_MS 500     /* a call waits for so long; who is slower is called again */
#define DRV_EN_SETTLE_MS 20000 /* after a set, until it is read back */
#define DRV_EN_FOLLOW_MS 60000 /* until power electronics follow; also the vehicle's check */
#define DRV_EN_WATCH_MS 60000  /* wish and truth are compared so often */
#define DRV_EN_LOCKED_MS 600000 /* one that refuses control is tried again after this */

/* Operation modes (DA, CF). */
enum {
	DRV_EN_RAPID = 0x41,
	DRV_EN_CHARGE = 0x42,
	DRV_EN_DISCHARGE = 0x43,
	DRV_EN_STANDBY = 0x44,
	DRV_EN_AUTO = 0x46,
	DRV_EN_STOP = 0x47
};

enum drv_en_step {
	DRV_EN_IDLE = 0,
	DRV_EN_LOOK,	/* reading what the order depends on */
	DRV_EN_CHECK,	/* CD = 10: is there a vehicle */
	DRV_EN_CHECKING, /* until C7 says */
	DRV_EN_SET,	/* set-point, mode, or both */
	DRV_EN_UNDO,	/* the mode was taken without its set-point: standby */
	DRV_EN_CONFIRM
};

/* Some take one property a set only. */
enum { DRV_EN_BOTH = 0, DRV_EN_POWER_ALONE, DRV_EN_MODE_ALONE };

/* What the device is to do: a mode, with the property of its power if it has one. */
struct drv_en_wish {
	uint8_t mode;
	uint8_t epc; /* EB, EC; 0: none */
	uint32_t power_w;
};

/* Bytes of drv_device.keep; operation modes, 0: none. */
enum {
	DRV_EN_SAVED = 0, /* DA before the first order */
	DRV_EN_LEFT,	  /* DA as the last order left it */
	DRV_EN_TOUCHED	  /* not a mode: 1 while it may be doing what we told it */
};

struct drv_en_device {
	struct drv_device *d; /* NULL while probing */
	struct drv_link *link;
	struct drv_en_talk t;
	uint16_t cls; /* enum drv_en_class */
	struct drv_en_map readable, settable, polled;
	uint8_t opening; /* step of open() */
	bool polling;	 /* a pass of poll() is under way */
	uint8_t refusals;   /* of control, in a row */
	uint64_t locked_ms; /* counts as read only until then */

	/* the order under way, and the last one */
	enum drv_en_step step;
	bool asked;	     /* the request of this step is out */
	uint8_t part;	     /* what a set carries: DRV_EN_BOTH, or one after the other */
	bool told;	     /* the result was given to who asked */
	struct mkt_setpoint set, applied;
	struct drv_en_wish next;
	uint64_t limit_ms; /* this step fails then */
	uint64_t pause_ms; /* do nothing before */
	int result;
	uint64_t done_ms;
	struct mkt_err why;

	/* what is in force */
	bool wishing;
	struct drv_en_wish wish;
	struct mkt_setpoint wished;
	uint32_t watch_ms;
	uint64_t watched_ms;
	uint8_t missed;	   /* times in a row that it did not follow */
};

bool drv_en_can_charge_power(const struct drv_en_device *e);	/* EB and DA, both ways */
bool drv_en_can_discharge_power(const struct drv_en_device *e); /* EC and DA */
bool drv_en_is_locked(const struct drv_en_device *e);
bool drv_en_can_mode(const struct drv_en_device *e);

/* Begin an order, unless it is the one under way. */
void drv_en_order(struct drv_en_device *e, const struct mkt_setpoint *set);

/*
 * Go on with it until @until_ms: 0 done, e->applied is confirmed; -MKT_EBUSY;
 * else why not.
 */
int drv_en_dispatch(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* What is read shows that the wish is followed.  True without a wish. */
bool drv_en_follows(const struct drv_en_device *e);

const char *drv_en_mode_word(int mode);

#endif
