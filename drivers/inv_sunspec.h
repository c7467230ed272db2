/*
 * Inside the SunSpec driver: what it knows of one device.
 *
 *   inv_sunspec.c        the driver: identity, kind and abilities, poll, orders
 *   inv_sunspec_read.c   readings from the models
 *   inv_sunspec_store.c  storage control by models 124 and 704
 *
 * Signs: a model's W is positive when the inverter generates; ours then is
 * negative (supplied).  Powers of storage control are ours: charge positive.
 */
#ifndef MKT_DRIVERS_INV_SUNSPEC_H
#define MKT_DRIVERS_INV_SUNSPEC_H

#include "drivers/sunspec.h"

/* A 32-bit counter that begins again at 0: what it has turned over is kept. */
struct inv_counter {
	uint32_t last;
	uint32_t turns;
};

/* What steers a battery. */
enum inv_control { INV_NONE = 0, INV_124, INV_704 };

/* What the control models say is in force. */
struct inv_state {
	enum mkt_dev_mode mode;
	bool steered;	   /* not the device's own programme */
	bool idle;	   /* with HOLD: not even charge from its own generation */
	int32_t power_w;   /* charge positive; counts when steered */
	uint32_t revert_s; /* its own watchdog; 0: none, or off */
};

struct inv {
	enum { INV_WALK = 0, INV_MODELS, INV_FIRST } stage; /* of open */
	struct drv_mb *mb;
	struct ss_io io;
	struct ss_map map;
	unsigned device; /* logical device of the chain */

	/* Models; NULL: the device has none. */
	const struct ss_model *ac, *meter, *name, *basic, *limit, *ctl, *store, *batt;

	enum inv_control control;
	struct ss_block cb; /* the control model as last read */
	uint32_t ref_w;	    /* 124: of which rates are a share */
	uint32_t wmax_w;    /* of which WMaxLimPct is a share; 0: not known */
	uint32_t step_w;    /* smallest power that can be asked for */
	uint32_t charge_max_w, discharge_max_w;
	uint32_t cap_w;	     /* AC output allowed by WMaxLimPct; UINT32_MAX: not limited */
	uint32_t watchdog_s; /* that is asked for; 0: the device has none */
	bool local;	     /* 802: under local control */
	bool beats;	     /* 802: wants a heartbeat */
	uint16_t beat;

	struct mkt_setpoint asked; /* the last order */
	bool held;		   /* an order is in force, and kept alive */
	struct inv_state hold;
	uint64_t armed_ms;   /* when its watchdog was last started */
	uint64_t written_ms; /* the last set-point */
	uint8_t *grid_set; /* 1: we allowed charging from the grid; outlives this process */

	uint32_t polls;
	struct inv_counter count[2]; /* import, export */
	int8_t w_sign;		     /* of a meter's W against its counters */
	int8_t w_doubt;		     /* readings in a row that speak against it */
	int64_t last_imp, last_exp;
	bool last_known, last_in;
	int8_t dc_sign; /* of 802's W: 1 charge is positive, -1 negative, 0 not known yet */
};

/* ---- readings ------------------------------------------------------------------------------ */

int inv_read_ac(struct drv_device *d, struct inv *v, struct mkt_err *err) MKT_MUST_CHECK;
int inv_read_meter(struct drv_device *d, struct inv *v, struct mkt_err *err) MKT_MUST_CHECK;
/* 713 and 802: charge, health, local control. */
int inv_read_store(struct drv_device *d, struct inv *v, struct mkt_err *err) MKT_MUST_CHECK;
/* The control model: what is in force, limits. */
int inv_read_control(struct drv_device *d, struct inv *v, struct mkt_err *err) MKT_MUST_CHECK;
/* The same without asking the device: what v->cb says. */
void inv_set_control(struct drv_device *d, const struct inv *v);
/* 123: WMaxLimPct caps what can be discharged. */
int inv_read_cap(struct drv_device *d, struct inv *v, struct mkt_err *err) MKT_MUST_CHECK;

/* ---- storage control ----------------------------------------------------------------------- */

/*
 * Which control does the device have, and within which limits?  Ratings and
 * settings are read once.  v->control is INV_NONE when there is none that works.
 */
int inv_store_find(struct drv_device *d, struct inv *v, struct mkt_err *err) MKT_MUST_CHECK;

/* What v->cb says is in force. */
struct inv_state inv_store_state(const struct inv *v);

/*
 * Make @want so, v->cb having just been read: limits and timers first, the mode
 * last, each read back.  Registers that are right already are not written, but with
 * @again (which starts the watchdog anew).  0, and v->cb is what was read back; a
 * device that clamps the power has done it.  -MKT_EDEVUNCONFIRMED what is read back
 * is something else.
 */
int inv_store_set(struct inv *v, const struct inv_state *want, bool again,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* 802's heartbeat. */
int inv_store_beat(struct inv *v, struct mkt_err *err) MKT_MUST_CHECK;

#endif
