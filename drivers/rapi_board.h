/*
 * An OpenEVSE controller: what it is asked and told, over drivers/rapi_line.h.
 * The driver (evse_rapi.c) decides when.
 *
 * Functions return 0 (or what they say), or -MKT_EDEVTIMEOUT, -MKT_EDEVFRAME,
 * -MKT_EDEVREFUSED, -MKT_EDEVLOST and what they name; what was read before stays.
 */
#ifndef MKT_DRIVERS_RAPI_BOARD_H
#define MKT_DRIVERS_RAPI_BOARD_H

#include "drivers/rapi_line.h"

#define RAPI_AMPS_MAX 100 /* no board has more; eight bits hold it */

enum {
	RAPI_ST_A = 0x01, RAPI_ST_B = 0x02, RAPI_ST_C = 0x03, RAPI_ST_GFI = 0x06,
	RAPI_ST_SLEEP = 0xfe, RAPI_ST_OFF = 0xff
};

/* What outlives a reconnection. */
struct rapi_kept {
	bool known;	   /* the meter's last words are */
	bool connected;	   /* with a vehicle */
	int64_t total_wh, session_ws;
	int64_t lost_wh;   /* sessions that a power cut made the board forget */
};
_Static_assert(sizeof(struct rapi_kept) <= sizeof(((struct drv_device *)0)->keep), "keep");

struct rapi {
	struct rapi_line q;
	struct rapi_kept kept;
	unsigned major;		/* of the protocol */
	bool identified;
	uint64_t since_ms;	/* of what goes on over several calls; 0: nothing */
	uint32_t polls;
	/* as read last */
	uint8_t state;
	uint16_t flags;		/* 0 for protocols below 5 */
	int connected;		/* 1, 0; -1: cannot be told */
	int amps;		/* pilot in force */
	int min_a, max_a;
	int ceiling;		/* 0: not told */
	uint32_t gfi_trips;
	/* what held before a missed heartbeat or a reboot */
	int held_a;
	bool held_paused;
	/* supervision */
	bool can_watch, armed;
	int watch_s, watch_a;
};

bool rapi_is_fault(uint8_t state);
bool rapi_is_paused(uint8_t state); /* asleep or disabled */
/* A fault and its remedy in words. */
const char *rapi_fault_words(uint8_t state);
/* -MKT_EDEVFAULT with them. */
int rapi_fault(const struct rapi *p, struct mkt_err *err);

/* Ask for what every firmware has: NK is an error. */
int rapi_ask_ok(struct rapi *p, const char *command, struct mkt_err *err) MKT_MUST_CHECK;
/* Word @i of the answer, within @min..@max. */
bool rapi_number(const struct rapi *p, unsigned i, int64_t min, int64_t max, int64_t *out);
/* -MKT_EDEVFRAME: what came as the answer to @command cannot be one. */
int rapi_odd(const struct rapi *p, const char *command, struct mkt_err *err);

int rapi_read_state(struct rapi *p, struct mkt_err *err) MKT_MUST_CHECK;
/* Pilot in force and its bounds. */
int rapi_read_capacity(struct rapi *p, struct mkt_err *err) MKT_MUST_CHECK;
/* Of charger and installation. */
int rapi_largest_a(const struct drv_device *d, const struct rapi *p);

/* Can a current be set without being stored?  From protocol 4 on. */
bool rapi_is_volatile(const struct rapi *p);
/*
 * Set the pilot, never stored, and read it back: p->amps may be another (clamped).
 * A ceiling that falls by it was stored after all: -MKT_EDEVREFUSED, and the
 * ability is taken away.
 */
int rapi_set_amps(struct drv_device *d, struct rapi *p, int amps, struct mkt_err *err)
	MKT_MUST_CHECK;
/* Wake it from sleep.  -MKT_EDEVFAULT, -MKT_EDEVUNCONFIRMED. */
int rapi_wake(struct rapi *p, struct mkt_err *err) MKT_MUST_CHECK;
/*
 * Put it to sleep, which lets the vehicle stop; done when the relay is open.
 * -MKT_EBUSY until then.
 */
int rapi_pause(struct rapi *p, struct mkt_err *err) MKT_MUST_CHECK;

/* Heartbeat supervision as conf wants it: p->watch_s, p->watch_a.  -MKT_EINVAL. */
int rapi_watch_settings(const struct drv_device *d, struct rapi *p, struct mkt_err *err)
	MKT_MUST_CHECK;
/* Arm it, if the firmware has it, and read it back. */
int rapi_arm(struct drv_device *d, struct rapi *p, struct mkt_err *err) MKT_MUST_CHECK;
/* A pulse; if earlier ones were missed, what held before is put back. */
int rapi_pulse(struct drv_device *d, struct rapi *p, struct mkt_err *err) MKT_MUST_CHECK;

#endif
