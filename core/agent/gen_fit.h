/* What the generator was fitted to; private to core/agent/gen*.c.  Shares are in thousandths. */
#ifndef MKT_AGENT_GEN_FIT_H
#define MKT_AGENT_GEN_FIT_H

#include "core/agent/fixed.h"

enum mkt_load_kind { MKT_LOAD_FLAT, MKT_LOAD_HOUSE, MKT_LOAD_OFFICE, MKT_LOAD_KINDS };

/* A load is mean of the site x share of the month x share of the hour x a draw from @rest. */
struct mkt_load_fit {
	int32_t mean_wh[5];     /* a window's mean: quartiles over the sites of this kind */
	int16_t hour[2][24];    /* workdays; Saturday and Sunday */
	int16_t month[12];
	struct mkt_quantiles rest;
	/* How much of a draw lasts a day, hours, a window; squares sum to 10^6. */
	int16_t day, slow, quick;
	uint8_t slow_windows;
	uint8_t quick_windows;
};

struct mkt_car_fit {
	int16_t hour[24];       /* plug-ins by hour of the day; sums to 1000 */
	struct mkt_quantiles minutes;
	struct mkt_quantiles energy_wh;
};

enum mkt_car_kind {
	MKT_CAR_DAY,
	MKT_CAR_EVENING,
	MKT_CAR_MORNING_WORK,
	MKT_CAR_LATE_WORK,
	MKT_CAR_KINDS
};

extern const struct mkt_load_fit mkt_load_fit[MKT_LOAD_KINDS];
extern const struct mkt_car_fit mkt_car_fit[MKT_CAR_KINDS];

/*
 * Quartiles over the cars: plug-ins a day tried in each of the two parts of it, and energy
 * of a session.
 */
extern const int16_t mkt_car_tries[5];
extern const int16_t mkt_car_energy[5];
/* At work: plug-ins of a workday by charger, and the share of them before 11. */
#define MKT_WORK_CHARGERS 12
extern const int16_t mkt_work_tries[MKT_WORK_CHARGERS];
#define MKT_WORK_EARLY 610

/*
 * Price of energy, made as a load is; and what it rises to in the afternoons of
 * days on which energy is scarce, with the share of a month's workdays that are such.
 */
extern const int32_t mkt_price_mean_upwh;
extern const int16_t mkt_price_hour[2][24];
extern const int16_t mkt_price_month[12];
extern const struct mkt_quantiles mkt_price_rest;
extern const int16_t mkt_scarce_month[12];
extern const struct mkt_quantiles mkt_scarce_upwh;
#define MKT_SCARCE_FROM_H 14
#define MKT_SCARCE_TO_H 19

/* Share of a day's clear-sky energy that comes through, and yields of roofs as quartiles. */
extern const struct mkt_quantiles mkt_sky_rest;
extern const int16_t mkt_roof_yield[5];
#define MKT_SKY_SEASON 700      /* how much clearer midsummer is, in thousandths of a deviation */
#define MKT_CLEAR_WH_KW 458     /* a window of a kW straight to the sun, without air */
#define MKT_AIR_Q16 5898        /* 0.09: the air takes 0.09/(sine of elevation + 0.09) */
#define MKT_ROOF_TILT_CDEG 2000
#define MKT_SUN_NOON_S 42600    /* 11:50 standard time */

#endif
