/*
 * What mkt-driverd does with a line and its devices, whatever their drivers are:
 * open, identify, poll, notice loss, come back; hold orders and end them.
 *
 *   bus.c     the line: opening, losing, whose turn it is
 *   device.c  one device: states, passes, errors, history
 *   order.c   orders: lease, stops, read-back, safe state
 *
 * drv_bus_step() does one thing that is due and returns; it may wait for a device
 * as long as a driver's call may (DRV_CALL_MAX_MS), and for nobody else.  All
 * times are monotonic ms.  What happens is told through struct drv_hooks.
 * One thread.
 */
#ifndef MKT_DRIVERS_DEVICE_H
#define MKT_DRIVERS_DEVICE_H

#include "core/app/log.h"
#include "drivers/driver.h"

#define DRV_BUS_MAX 32		 /* devices of one line */
#define DRV_ERRORS_MAX 3	 /* in a row: then the device is opened anew */
#define DRV_PAUSE_FIRST_MS 1000	 /* before it is tried again; doubled ... */
#define DRV_PAUSE_MAX_MS 30000	 /* ... up to this */
#define DRV_ABSENT_MAX_MS 5000	 /* the same while there is no such port: looking is cheap */
#define DRV_POLL_MIN_MS 200	 /* when a stop is near */
#define DRV_SAMPLES 1441	 /* of the history: one a minute for a day */
#define DRV_WAITERS 16		 /* requests that wait for one device */

/* ---- hooks --------------------------------------------------------------------------------- */

struct drv_unit;

/* What has changed since it was told. */
enum {
	DRV_CH_STATE = 1 << 0,
	DRV_CH_IDENTITY = 1 << 1, /* kind, abilities, texts */
	DRV_CH_READINGS = 1 << 2, /* a pass, or bytes that came by themselves */
	DRV_CH_ORDER = 1 << 3,
	DRV_CH_COUNTERS = 1 << 4,
	DRV_CH_ALL = (1 << 5) - 1,
};


struct drv_hooks {
	void *arg;
	/* For people; @u NULL: the line. */
	void (*tell)(void *arg, const struct drv_unit *u, enum mkt_level level, const char *text);
	/* The request behind @ticket has ended; 0 or negative with @err. */
	void (*done)(void *arg, struct drv_unit *u, uint64_t ticket, int rc,
		     const struct mkt_err *err);
	/* An order began, changed or ended: what must survive this process. */
	void (*save)(void *arg);
};

/* ---- one device ---------------------------------------------------------------------------- */

struct drv_sample {
	uint64_t at_ms;
	int64_t import_wh, export_wh; /* -1: not known */
};

/* An order in force. */
struct drv_hold {
	bool held;
	uint32_t owner;		     /* the client that gave it; 0: it is gone */
	uint64_t lost_ms;	     /* since when */
	struct mkt_order order;
	uint64_t given_wh[2];	     /* its stops as asked for: another meter moves those above */
	uint64_t ends_ms;	     /* of the lease */
	bool stopped;		     /* a counter reached its stop: paused */
	struct mkt_setpoint applied; /* confirmed; kind NONE: not yet */
	uint64_t applied_ms;
	bool send;		     /* owed to the device, from send_ms on */
	uint64_t send_ms;
	uint32_t resend_ms;	     /* pause before the next repetition; grows */
	uint8_t differs;	     /* passes in a row that read back something else */
	int64_t other;		     /* what they read, when it was told; INT64_MIN: nothing */
	bool safe;		     /* the safe state is owed to the device */
};

/* What a driver is in the midst of, and will be called for again (-MKT_EBUSY). */
enum drv_job { DRV_J_NONE = 0, DRV_J_OPEN, DRV_J_POLL, DRV_J_COMMAND, DRV_J_SAFE };

struct drv_bus;

struct drv_unit {
	struct drv_device dev;
	struct mkt_device_conf conf;
	struct drv_bus *bus;

	enum mkt_dev_state state;
	uint64_t since_ms;
	int error_code;			/* 0: none */
	char error[MKT_ERR_TEXT_MAX];
	bool open;			/* the driver has it */
	uint64_t open_ms;		/* since about when */
	bool tried;			/* since the line was opened */
	bool known;			/* was ready once */
	enum drv_job job;
	uint64_t again_ms;		/* when the driver is called again for it */
	uint64_t job_ms;		/* since when; 0: it is not */
	struct mkt_setpoint job_set;	/* of DRV_J_COMMAND */
	uint8_t errors;			/* in a row */
	uint32_t pause_ms;		/* before the next try; 0: none failed */
	uint32_t poll_ms;
	uint64_t next_ms;		/* poll, or try to open */
	uint64_t keepalive_at_ms;
	uint64_t pass_ms;		/* last complete pass */
	uint64_t outage_ms;		/* when the present one began; 0: none */
	uint32_t outage_errors;		/* of it: for the log */
	uint32_t doubted[2], jumped[2]; /* of dev.doubt, already told */
	unsigned changed;		/* DRV_CH_..., cleared by who tells, as the next two */
	uint64_t told_ms;		/* readings taken before are told */
	bool told[MKT_READINGS];	/* as known */

	struct drv_hold hold;
	struct drv_hold before;		/* to go back to when a fresh order is refused */
	bool fresh;			/* the order has not been answered */
	uint64_t command_ms;		/* how long one takes, lately */
	struct {
		int64_t value;
		uint64_t flowed_mwh;	/* since it came to be so, by power and time, at least */
		int64_t power_w;	/* that way, at the last pass; never negative */
		uint64_t at_ms;		/* calendar: of the last pass */
	} tick[2];			/* import, export */

	struct {
		uint64_t ticket;
		enum drv_job job;
	} waiters[DRV_WAITERS];

	struct drv_sample *samples;	/* ring of DRV_SAMPLES */
	uint32_t nsamples, sample_at;
	uint64_t sample_ms;		/* the next */
};

/* ---- the line ------------------------------------------------------------------------------ */

struct drv_bus {
	char port[DRV_PORT_MAX + 1];
	struct drv_link_conf conf;
	struct drv_link *link; /* NULL: closed */
	struct drv_unit *units;
	uint32_t n;
	bool opening;	       /* told, to be done */
	uint64_t try_ms;
	uint32_t pause_ms;
	uint32_t failures;     /* of opening, in a row: for the log */
	uint32_t turn;	       /* who is asked first */
	struct drv_unit *spoke; /* who had the line last */
	struct drv_hooks hooks;
};

/*
 * Make the line @line (NULL: none, for a process that only scans) with @devices.
 * Nothing is opened.  -MKT_EUSAGE an unknown driver, line settings that do not go
 * together; -MKT_ENOMEM.
 */
int drv_bus_init(struct drv_bus *b, const struct mkt_line_conf *line,
		 const struct mkt_device_conf *devices, uint32_t n, const struct drv_hooks *hooks,
		 struct mkt_err *err) MKT_MUST_CHECK;
void drv_bus_release(struct drv_bus *b); /* says nothing on the line */

/* Do one thing that is due.  Returns when the next one is; <= now: at once. */
uint64_t drv_bus_step(struct drv_bus *b);

/* To poll(2) for input, or -1; then drv_bus_input(). */
int drv_bus_fd(const struct drv_bus *b);
void drv_bus_input(struct drv_bus *b);

/* Pass bytes of the line to @fn from now on; NULL: no more. */
void drv_bus_trace(struct drv_bus *b, drv_trace_fn *fn, void *arg);

/* Leave the devices in their exit state, as far as orders of ours hold them; close. */
void drv_bus_quit(struct drv_bus *b);

struct drv_unit *drv_bus_find(struct drv_bus *b, const char *name);

/* ---- requests ------------------------------------------------------------------------------ */

/*
 * Each ends with hooks.done(ticket), perhaps before it returns.  Refused at once:
 * negative, with nothing done and no call of done.
 *
 * -MKT_EDEVSTALE (or the device's last error): it is not ready; -MKT_EBUSY another
 * request is under way; for orders besides: -MKT_EINVAL, -MKT_EDEVUNSUPPORTED,
 * -MKT_ELOCKED another client holds it.
 */
int drv_unit_refresh(struct drv_unit *u, uint64_t ticket, struct mkt_err *err) MKT_MUST_CHECK;
int drv_unit_order(struct drv_unit *u, uint32_t client, const struct mkt_order *order,
		   uint64_t ticket, struct mkt_err *err) MKT_MUST_CHECK;
int drv_unit_release(struct drv_unit *u, uint32_t client, uint64_t ticket,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* The client is gone: its orders are kept for conf.lost_s. */
void drv_bus_client_lost(struct drv_bus *b, uint32_t client);

/*
 * The order of a process that is gone: its order, given_wh, stopped and ends_ms; with
 * ends_ms 0 its time is over and the safe state is owed.
 */
void drv_unit_adopt(struct drv_unit *u, const struct drv_hold *of);

/* ---- between the three files --------------------------------------------------------------- */

void drv_unit_tell(struct drv_unit *u, enum mkt_level level, const char *fmt, ...)
	MKT_PRINTF(3, 4);
void drv_unit_state(struct drv_unit *u, enum mkt_dev_state state);
/* An exchange failed: note it and what follows from it. */
void drv_unit_failed(struct drv_unit *u, int rc, const struct mkt_err *err);
/* What time alone does: staleness, the end of leases. */
void drv_unit_time(struct drv_unit *u, uint64_t now_ms);
void drv_unit_input(struct drv_unit *u);
/* Do what is due for it.  False: nothing was. */
bool drv_unit_urgent(struct drv_unit *u, uint64_t now_ms); /* keepalive, orders */
bool drv_unit_due(struct drv_unit *u, uint64_t now_ms);
uint64_t drv_unit_next(const struct drv_unit *u);
void drv_unit_close(struct drv_unit *u);
void drv_unit_answer(struct drv_unit *u, enum drv_job job, int rc, const struct mkt_err *err);
/* @rc of a callback: with -MKT_EBUSY the job goes on, or has taken too long. */
int drv_unit_again(struct drv_unit *u, enum drv_job job, int rc, struct mkt_err *err);
bool drv_unit_wait(struct drv_unit *u, enum drv_job job, uint64_t ticket);

void drv_bus_lost(struct drv_bus *b, int code, const char *text);
void drv_bus_settle(struct drv_bus *b); /* close the line if all were tried and none is there */

/* Orders: at every pass, at every step (false: nothing to do), when it is due next. */
void drv_order_time(struct drv_unit *u, uint64_t now_ms);
void drv_order_pass(struct drv_unit *u);
bool drv_order_step(struct drv_unit *u, uint64_t now_ms);
uint64_t drv_order_next(const struct drv_unit *u);
uint32_t drv_order_poll_ms(const struct drv_unit *u); /* sooner when a stop is near */
void drv_order_opened(struct drv_unit *u);	      /* the device is there again */
void drv_order_quit(struct drv_unit *u);
/* A counter began anew: what is left until the stop stays the same. */
void drv_order_jump(struct drv_unit *u, unsigned which, int64_t jump_wh);
/* The reading of a counter: 0 import, 1 export. */
const struct mkt_value *drv_unit_counter(const struct drv_unit *u, unsigned which);

#endif
