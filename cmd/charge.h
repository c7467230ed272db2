/*
 * mkt charge: contracts of an account as current in the cables of a site.
 *
 *	charge.c	 the command and its short subcommands
 *	charge_run.c	 `mkt charge run`: the loop, and what is kept from one turn to the next
 *	charge_feed.c	 contracts: from the event stream of ledgerd into the journal
 *	charge_site.c	 lines and devices: connections to mkt-driverd, readings, what they can
 *	charge_decide.c	 windows begin and end, the plan is made and ordered
 *	charge_report.c	 what was metered goes to the ledger, states go out
 *	charge_ctl.c	 the socket by which other commands reach the running process
 *	charge_show.c	 list, status, log
 *
 * Everything that must outlive the process is a record of the journal
 * (core/device/duty.h): charge_keep() writes and applies it.
 */
#ifndef MKT_CMD_CHARGE_H
#define MKT_CMD_CHARGE_H

#include "cmd/session.h"
#include "core/app/devices.h"
#include "core/app/journal.h"
#include "core/device/client.h"
#include "core/device/clock.h"
#include "core/device/duty.h"
#include "core/device/plan.h"
#include "core/wire/stream.h"

#define CHARGE_ORDER_MS 4000  /* an order is confirmed, or has failed, by then */
#define CHARGE_LEASE_S 90     /* and holds so long without us */
#define CHARGE_BORDER_MS 5000 /* a reading this close to a window's border is the border's */
#define CHARGE_TICK_MS 1000   /* decisions while a contract runs, on the system's clock */

struct charge_line {
	const struct mkt_line_conf *conf;
	struct mkt_devc *client;
	uint64_t retry_ms; /* monotonic: not before */
	bool told;	   /* that it is not there */
};

struct charge_device {
	const struct mkt_device_conf *conf;
	const char *charger;
	bool enrolled;
	struct charge_line *line;
	const struct mkt_dev_view *view; /* NULL: not connected */
	struct mkt_plan_device plan;	 /* what the planner is asked with */
	uint64_t vehicle;		 /* last seen: comes and goes */
	uint64_t seen_wh[2], seen_ms;	 /* counters, and since when they show this (calendar) */
	uint64_t before_wh[2], before_ms; /* what they showed before one of them jumped */
	int64_t jump_wh[2];		  /* how far they have, by mkt-driverd */
	bool jumped;
	uint32_t rated_w, step_wh;
	bool rested;			 /* outside of windows it is as it is configured
					  * to be when nobody gives it orders */
	uint64_t order_ms;		 /* monotonic: the last order that was confirmed */
	struct mkt_order order;		 /* which it was */
	bool settling;			 /* it was just told to start, or to stop */
	uint64_t failed_ms;		 /* monotonic: not asked again before */
	uint32_t failures;
	uint64_t missing_ms;	 /* monotonic: not usable since; 0: it is */
	struct mkt_plan_out out; /* the last decision ... */
	uint64_t decided_ms;	 /* ... and when it became this (calendar) */
	uint64_t told_ms;	 /* monotonic: its state went out */
};

struct charge {
	struct mkt_app *app;
	struct mkt_session s;
	struct mkt_client *poster; /* short deadlines: the devices do not wait for the ledger */
	struct mkt_devices *conf;
	struct mkt_clock *clock;
	struct mkt_journal *journal;
	struct mkt_duties duties;
	struct mkt_stream *stream;
	uint64_t height;	/* last block that the stream told of */
	uint64_t chain_ms; /* its time */
	uint64_t cursor_height; /* in the journal */
	char chargers[MKT_CHARGERS_MAX][MKT_CHARGER_MAX + 1];
	uint32_t nchargers;
	struct charge_line lines[MKT_LINES_MAX];
	struct charge_device devices[MKT_DEVICES_MAX];
	uint32_t nlines, ndevices;
	struct mkt_plan_circuit circuits[MKT_CIRCUITS_MAX];
	int state_fd; /* directory of journal and socket */
	int listen_fd;
	uint64_t now_ms; /* calendar, of this turn */
	uint64_t wake_ms;
	bool due;	    /* something changed: decide at once */
	bool busy;	    /* a window with contracts runs */
	uint64_t report_ms; /* monotonic: try again then */
	uint64_t publish_ms;
};

/* ---- charge_run.c ---- */

/* Write a record and make it so.  @sync: it must survive whatever comes. */
int charge_keep(struct charge *c, struct mkt_buf *record, bool sync) MKT_MUST_CHECK;
/* A sentence for the journal; on stderr as well with -v. */
void charge_note(struct charge *c, const char *dev, uint64_t window_s, const char *fmt, ...)
	MKT_PRINTF(4, 5);
/* The directory of journal and socket, appended to @path; made if @make. */
int charge_state_dir(struct mkt_app *app, struct mkt_buf *path, bool make) MKT_MUST_CHECK;

/* ---- charge_feed.c ---- */

int charge_feed_open(struct charge *c) MKT_MUST_CHECK;
/* Take what has come; waits for the first of it until @until_ms (monotonic). */
int charge_feed(struct charge *c, uint64_t until_ms) MKT_MUST_CHECK;

/* ---- charge_site.c ---- */

int charge_site_open(struct charge *c, const char *file) MKT_MUST_CHECK;
void charge_site_close(struct charge *c);
/* Connect what is not, take in what has come. */
void charge_site_turn(struct charge *c);
/* Start and stop take real time, and a simulated calendar stands still meanwhile. */
void charge_site_settle(struct charge *c);
/* Readings of now for every device that matters; then what they say to the planner. */
void charge_site_read(struct charge *c);
bool charge_fresh(const struct charge_device *d, enum mkt_reading_id id);

/* ---- charge_decide.c ---- */

int charge_decide(struct charge *c) MKT_MUST_CHECK;
/* The window of @duty is the present one, if there is one with contracts; or NULL. */
struct mkt_duty *charge_present(const struct charge *c);

/* ---- charge_report.c ---- */

int charge_report(struct charge *c) MKT_MUST_CHECK;
void charge_publish(struct charge *c);

/* ---- charge_ctl.c ---- */

int charge_ctl_open(struct charge *c) MKT_MUST_CHECK;
void charge_ctl_close(struct charge *c);
void charge_ctl_turn(struct charge *c);
/* Ask the running process: one line, one JSON document.  -MKT_ENOTFOUND: none runs. */
int charge_ctl_ask(struct mkt_app *app, const char *line, struct mkt_buf *answer) MKT_MUST_CHECK;

/* ---- subcommands ---- */

extern const struct mkt_opt charge_devices_options[]; /* --devices FILE: struct charge_where */
struct charge_where {
	const char *devices;
};

struct charge_run_values {
	const char *clock;
	struct charge_where where;
	bool once;
};

int charge_run(struct mkt_app *app, void *values, int argc, char **argv);
int charge_list(struct mkt_app *app, void *values, int argc, char **argv);
int charge_status(struct mkt_app *app, void *values, int argc, char **argv);
int charge_log(struct mkt_app *app, void *values, int argc, char **argv);

/*
 * What the journal of this user says about a contract: @each gets the sentence of
 * every decision and note of its window.  0 if there is no journal.
 */
int charge_why(struct mkt_app *app, uint64_t exec, uint64_t window_s,
	       void (*each)(void *arg, uint64_t at_ms, const char *dev, const char *text),
	       void *arg) MKT_MUST_CHECK;

#endif
