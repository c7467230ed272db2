/*
 * Client of a mkt-driverd: the devices of one line, their readings, orders.
 *
 * The protocol is mkt-driverd(5).  A client holds a connection and a picture of
 * the devices, which the server keeps up to date by itself (states at once,
 * readings after every poll).  Ages are converted to this process's monotonic
 * clock, so mkt_reading_fresh() works on them.
 *
 * The picture changes only inside mkt_devc_input() and the calls that wait.
 * Not thread-safe.  What the server sends is checked as a stranger's.
 */
#ifndef MKT_DEVICE_CLIENT_H
#define MKT_DEVICE_CLIENT_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/device/model.h"

#define MKT_DEVC_DEVICES_MAX 32 /* of one line */

struct mkt_devc;

/* A device as the server told it last. */
struct mkt_dev_view {
	char name[MKT_DEV_NAME_MAX + 1];
	char driver[MKT_DEV_NAME_MAX + 1];
	char maturity[16];	    /* "experimental", "beta", "stable" */
	enum mkt_dev_kind kind;
	enum mkt_dev_state state;
	uint64_t since_ms;	    /* monotonic: of the state */
	char error[MKT_ERR_TEXT_MAX]; /* last error in words; "" none */
	int error_code;		    /* MKT_E..., 0 */
	unsigned caps;
	struct mkt_identity id;
	struct mkt_readings r;
	uint32_t poll_ms;	    /* readings older than MKT_DEV_POLLS_STALE polls are stale */
	struct mkt_order order;	    /* held now, by whoever gave it; .set.kind NONE: nothing */
	struct mkt_setpoint applied; /* confirmed of it; NONE: nothing, at present */
	bool own;		    /* this connection gave it */
	bool stopped;		    /* a counter reached its stop: paused */
	bool lost;		    /* who gave it is gone */
	bool safe_owed;		    /* it is to be made safe when it can be reached */
	uint64_t order_ends_ms;	    /* monotonic: of the lease */
	/* What counters moved when a meter rolled over or was replaced, since driverd began. */
	int64_t import_jump_wh, export_jump_wh;
	/* requests answers timeouts bad refusals strangers late reconnects */
	uint64_t counters[8];
};

/*
 * Connect and read the greeting and the first picture, by @deadline_ms.
 * @path: a socket.  -MKT_EUNAVAILABLE nobody listens there; -MKT_EVERSION another
 * protocol; -MKT_ETIMEOUT; -MKT_ENOMEM.
 */
int mkt_devc_open(const char *path, uint64_t deadline_ms, struct mkt_devc **out,
		  struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The same over a private mkt-driverd that this call starts, @argv as for
 * execv(3) (its standard input and output become the connection); it ends
 * with mkt_devc_close().
 */
int mkt_devc_spawn(const char *const *argv, uint64_t deadline_ms, struct mkt_devc **out,
		   struct mkt_err *err) MKT_MUST_CHECK;

void mkt_devc_close(struct mkt_devc *c);

int mkt_devc_fd(const struct mkt_devc *c);

/* Read what has come.  0, or -MKT_EUNAVAILABLE: the connection is gone, close it. */
int mkt_devc_input(struct mkt_devc *c, struct mkt_err *err) MKT_MUST_CHECK;

uint32_t mkt_devc_count(const struct mkt_devc *c);
const struct mkt_dev_view *mkt_devc_at(const struct mkt_devc *c, uint32_t i);
const struct mkt_dev_view *mkt_devc_find(const struct mkt_devc *c, const char *name);

/* One complete pass now; the picture is that of after it.  The device's own errors. */
int mkt_devc_refresh(struct mkt_devc *c, const char *name, uint64_t deadline_ms,
		     struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Give an order and wait until the device has confirmed it by reading back; it
 * holds for order->lease_s and is renewed by giving it again (which writes
 * nothing if nothing changed).  On failure what was in force is unknown unless
 * the code says that nothing was sent (-MKT_EINVAL, -MKT_ELOCKED: another client
 * holds the device, -MKT_EDEVUNSUPPORTED, -MKT_EDEVSTALE).
 */
int mkt_devc_order(struct mkt_devc *c, const char *name, const struct mkt_order *order,
		   uint64_t deadline_ms, struct mkt_setpoint *applied,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* Give up the order: safe state, confirmed. */
int mkt_devc_release(struct mkt_devc *c, const char *name, uint64_t deadline_ms,
		     struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Samples of the energy counters that driverd took each minute (the last day),
 * from @from_ms (monotonic, as in mkt_reading.at_ms) on: how a client that was
 * away learns what flowed when.  Returns their number, at most @max.
 */
struct mkt_dev_sample {
	uint64_t at_ms;
	int64_t import_wh, export_wh; /* -1: not known */
};
int mkt_devc_history(struct mkt_devc *c, const char *name, uint64_t from_ms,
		     struct mkt_dev_sample *out, size_t max, uint64_t deadline_ms,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* What driverd has to say to people, from now on: @name "-" is the line.  NULL: to nobody. */
void mkt_devc_events(struct mkt_devc *c,
		     void (*each)(void *arg, const char *name, const char *level, const char *text),
		     void *arg);

/* Bytes of the line as trace lines (drivers/link.h), until @on is false: handed to @each. */
int mkt_devc_trace(struct mkt_devc *c, bool on,
		   void (*each)(void *arg, const char *line, size_t n), void *arg,
		   uint64_t deadline_ms, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Send one request (without its number) and hand each row of its answer to @each,
 * without "row ID "; last what stands after "ok ID", if anything does: for what a
 * private mkt-driverd offers besides (scan, probe, drivers).
 */
int mkt_devc_call(struct mkt_devc *c, const char *request,
		  void (*each)(void *arg, const char *line, size_t n), void *arg,
		  uint64_t deadline_ms, struct mkt_err *err) MKT_MUST_CHECK;

#endif
