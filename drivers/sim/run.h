/*
 * What a running simulator is made of: main.c runs it, verbs.c changes it.
 */
#ifndef MKT_DRIVERS_SIM_RUN_H
#define MKT_DRIVERS_SIM_RUN_H

#include "core/device/clock.h"
#include "drivers/sim/faults.h"
#include "drivers/sim/line.h"
#include "drivers/sim/script.h"
#include "drivers/sim/sim.h"

#define SIM_UNITS_MAX 32

struct sim {
	struct sim_device devices[SIM_UNITS_MAX];
	uint32_t n;
	struct mkt_clock *clock;
	uint32_t speed;		   /* calendar seconds in a real one */
	uint64_t begin_ms, real_ms; /* calendar and real time of the start */
	struct sim_line line;
	struct sim_faults faults;
	struct sim_events events;
	bool quit;
};

/* Run the physics of all devices up to now. */
void sim_run_phys(struct sim *s);

/* Do what the event says, its time has come.  What it has to tell is appended to @say. */
int sim_do(struct sim *s, const struct sim_event *e, struct mkt_buf *say,
	   struct mkt_err *err) MKT_MUST_CHECK;

#endif
