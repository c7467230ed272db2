/*
 * The devices of a simulated community: every charger and battery is a program
 * behind a pty or a socket (mkt-sim-...), spoken to by a real mkt-driverd.
 *
 *   sim_devices.c  the programs: which device is what, started, ended
 *   sim_drive.c    the windows: what each device is to move, orders, meters
 *   sim_tell.c     their states, for who watches
 *
 * The calendar of the devices is a shared clock that mkt sim moves from one
 * decision to the next; all lines, polls and heartbeats run in real time.
 */
#ifndef MKT_CMD_SIM_DEVICES_H
#define MKT_CMD_SIM_DEVICES_H

#include "cmd/sim.h"
#include "core/device/client.h"
#include "core/device/clock.h"
#include "core/device/plan.h"

#define SIM_DEVICES_MAX 64
#define SIM_LINES_MAX 32
#define SIM_VOLTAGE_V 240   /* of chargers: 16 A are as much as a car takes */
#define SIM_KEPT 4 /* windows whose figures are kept: they are reported two windows later */

/* One line: a simulator, the mkt-driverd that speaks to it, and our connection. */
struct sim_line {
	char name[MKT_DEV_NAME_MAX + 1];
	const struct sim_make *make;
	uint16_t units;
	pid_t device, driverd; /* 0: not running */
	int orders;	       /* the simulator's standard input; -1: none */
	int answers;	       /* its standard output */
	struct mkt_devc *conn;
};

/* Energy that went into one car in one window. */
struct sim_into_car {
	uint64_t car;
	uint32_t window, wh;
};

struct sim_dev {
	char name[MKT_DEV_NAME_MAX + 1];
	struct sim_line *line;
	uint16_t unit;
	uint16_t site;
	int charger;		   /* of the site; -1: its battery */
	const struct mkt_dev_view *view;
	/* the window that runs */
	uint64_t begin_wh[2];	   /* counters at its start, or when the car came */
	uint64_t wanted_wh[2];
	struct mkt_setpoint set;   /* in force */
	uint64_t stop_wh[2];	   /* its counters at which to stop */
	uint64_t set_ms;
	uint32_t takes_w[2];	   /* what the planner has learned of it */
	uint64_t next_ms;	   /* calendar: of the next decision; MKT_PLAN_NEVER */
	char why[MKT_TEXT_MAX + 1]; /* of the last one */
	uint64_t asked_wh;	   /* of all windows */
	uint64_t moved_wh, short_wh, over_wh;
	uint64_t steps_wh;	   /* the meter's step, once for each time it was read out */
	/* the car */
	bool plugged;
	uint64_t car;
	struct mkt_session session;
	uint32_t session_wh;	   /* into this car before this window */
	struct sim_into_car cars[2 * SIM_KEPT];
	uint32_t ncars;		   /* ever: the last are kept */
	/* the battery, of window w at w % SIM_KEPT */
	int32_t battery_wh[SIM_KEPT];
	uint64_t soc_x100[SIM_KEPT];
};

struct sim_devices {
	struct sim *s;
	char dir[SIM_PATH_MAX];
	char clock_file[SIM_PATH_MAX + 16];
	struct mkt_clock *clock;
	struct sim_line lines[SIM_LINES_MAX];
	uint32_t nlines;
	struct sim_dev devs[SIM_DEVICES_MAX];
	uint32_t ndevs;
	uint64_t now_ms, border_ms; /* calendar; the last border of windows that was acted on */
	uint64_t orders;	   /* given and confirmed */
	struct mkt_session soon[SIM_DEVICES_MAX]; /* sessions that begin before the next round */
	uint32_t nsoon;
};

/*
 * Start everything and wait until all devices are ready.  On failure
 * -MKT_EUNAVAILABLE names the program that is missing or silent;
 * sim_devices_free() cleans up in any case.
 */
int sim_devices_start(struct sim *s, struct sim_devices **out) MKT_MUST_CHECK;
void sim_devices_free(struct sim_devices *d);

/* Tell a simulator something, and wait until it has heard it. */
int sim_line_tell(struct sim_devices *d, struct sim_line *l, const char *fmt, ...)
	MKT_MUST_CHECK MKT_PRINTF(3, 4);

/*
 * Let the calendar run to @until_s: cars come and go, windows begin and end,
 * devices are driven.  Everything contracted for a window was told before it begins.
 */
int sim_drive(struct sim_devices *d, uint64_t until_s) MKT_MUST_CHECK;

/* Publish the states of all; what does not arrive is not missed. */
void sim_tell(struct sim_devices *d);

/* Wh by its counter in the window that runs; @dir: enum mkt_plan_dir. */
uint64_t sim_dev_moved(const struct sim_dev *dev, int dir);

/* What devices of a site moved in window @w; @car_wh has room for the agent's cars. */
void sim_moved(const struct sim_devices *d, uint16_t site, uint32_t w, uint32_t *car_wh,
	       struct mkt_moved *out);

/* All devices together; zeros without devices. */
struct sim_device_sums {
	uint32_t devices, lines;
	uint64_t asked_wh, moved_wh, short_wh, over_wh, steps_wh, orders;
};
struct sim_device_sums sim_device_sums(const struct sim_devices *d);

#endif
