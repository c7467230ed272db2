/*
 * The calendar of a simulation, shared by processes: a page in a file.
 *
 * It replaces the calendar only (market windows, the physics of simulated
 * devices), never the time of lines: deadlines, polls, heartbeats and watchdogs
 * are always real.  `mkt sim` and tests make the file and move the time; devices
 * simulated behind ptys integrate up to it when they are spoken to; each
 * `mkt charge run --clock FILE` takes a place in it and says until when it has
 * nothing to do and which block it has seen, so that the mover waits for all of
 * them before time jumps: nobody misses an instant, and no time is waited away.
 *
 * Words in the page are atomic; waiting is by futex.
 */
#ifndef MKT_DEVICE_CLOCK_H
#define MKT_DEVICE_CLOCK_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define MKT_CLOCK_PLACES 64

struct mkt_clock;

/* ---- the mover ----------------------------------------------------------------------------- */

/* Make the file (mode 0600) with the calendar at @now_ms, UTC. */
int mkt_clock_create(const char *file, uint64_t now_ms, struct mkt_clock **out,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* The calendar is @now_ms from now on (never earlier), and block @height is to be seen. */
void mkt_clock_set(struct mkt_clock *c, uint64_t now_ms, uint64_t height);

/*
 * Wait until every place is idle: has seen time and height.  Returns the earliest
 * time that any of them wants to be woken at (UINT64_MAX: none), or
 * -MKT_ETIMEOUT after @timeout_ms of real time, naming who is busy.  A place
 * whose process has died is taken away, and counted in *@died.
 */
int mkt_clock_wait_idle(struct mkt_clock *c, uint32_t timeout_ms, uint64_t *wake_ms,
			uint32_t *died, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Has somebody alive taken a place under @name and been idle once?  Who starts
 * programs waits for that before time moves.
 */
bool mkt_clock_joined(struct mkt_clock *c, const char *name);

/* ---- those who live by it ------------------------------------------------------------------ */

/* @file NULL: the system's clock; then the other calls do what is natural. */
int mkt_clock_open(const char *file, struct mkt_clock **out, struct mkt_err *err) MKT_MUST_CHECK;
void mkt_clock_close(struct mkt_clock *c); /* gives up its place */

uint64_t mkt_clock_now_ms(const struct mkt_clock *c); /* UTC */
bool mkt_clock_simulated(const struct mkt_clock *c);

/* Take a place under @name (for messages).  -MKT_ELIMIT. */
int mkt_clock_join(struct mkt_clock *c, const char *name, struct mkt_err *err) MKT_MUST_CHECK;

/* The height that must be seen before this place may be idle; 0 on the system's clock. */
uint64_t mkt_clock_height(const struct mkt_clock *c);

/* Nothing to do before @wake_ms (calendar), having acted on @seen_ms and block @height. */
void mkt_clock_idle(struct mkt_clock *c, uint64_t seen_ms, uint64_t height, uint64_t wake_ms);

/* Wait until time or height change, for at most @timeout_ms of real time. */
void mkt_clock_wait(struct mkt_clock *c, uint32_t timeout_ms);

#endif
