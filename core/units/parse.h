/*
 * Text to values: the only text parser for units.
 *
 * A value carries its unit: 10kWh, 3kW, 16A, 25.5JPY/kWh, 1200JPY, 80%, 20s.
 * One space may stand between number and unit, so that what `fmt` prints for
 * people reads back.  Numbers are decimal with a point: no grouping, no exponent,
 * no '+'; unit names are case sensitive (SI: mWh is not MWh).  The result is
 * exact in the base unit or it is an error whose hint names the two neighbours.
 *
 * Errors are all -MKT_EINVAL (exit status 2).  The sentence tells kind, text and
 * the column of the fault, counted from 1 in bytes: "energy '10kXh' has an
 * unknown unit at column 3".  Outputs are written on success only.  No
 * allocation, no clock, no locale.  Details for people: mkt-units(7).
 */
#ifndef MKT_UNITS_PARSE_H
#define MKT_UNITS_PARSE_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define MKT_NUMBER_DIGITS_MAX 27 /* of one number: its product with any unit fits 128 bits */

/* Wh kWh MWh GWh; base Wh; not negative. */
MKT_MUST_CHECK int mkt_parse_energy(const char *text, uint64_t *energy_wh, struct mkt_err *err);

/* The same in 1 .. UINT32_MAX Wh: the amount of one bid. */
MKT_MUST_CHECK int mkt_parse_amount(const char *text, uint32_t *energy_wh, struct mkt_err *err);

/* W kW MW; base W; may be negative (supplies). */
MKT_MUST_CHECK int mkt_parse_power(const char *text, int32_t *power_w, struct mkt_err *err);

/* mA A; base mA; not negative. */
MKT_MUST_CHECK int mkt_parse_current(const char *text, uint32_t *current_ma, struct mkt_err *err);

/*
 * 25.5JPY/kWh or 25.5/kWh; also per Wh and per MWh; base micro-currency per Wh,
 * so 25.5/kWh is 25500; may be negative.  @currency is the chain's, as "JPY";
 * another one in the text is an error.
 */
MKT_MUST_CHECK int mkt_parse_price(const char *text, const char *currency, int32_t *price_upwh,
				   struct mkt_err *err);

/* 1200JPY; base micro-currency: 1 JPY is 1000000; may be negative. */
MKT_MUST_CHECK int mkt_parse_money(const char *text, const char *currency, int64_t *money_uc,
				   struct mkt_err *err);

/*
 * 80% of @whole, 0% to 100%: parts per million with 1000000, basis points with
 * 10000.  @whole is a power of ten, 100 .. 10^9.
 */
MKT_MUST_CHECK int mkt_parse_share(const char *text, uint32_t whole, uint32_t *parts,
				   struct mkt_err *err);

/* ms s m h d; base ms; not negative; a day is 24 h. */
MKT_MUST_CHECK int mkt_parse_duration(const char *text, uint64_t *time_ms, struct mkt_err *err);

/* A plain number of things, @min .. @max: the one value without a unit. */
MKT_MUST_CHECK int mkt_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *count,
				   struct mkt_err *err);

/* Is the price a multiple of @tick_upwh > 0?  If not, the hint names its neighbours on the tick. */
MKT_MUST_CHECK int mkt_check_tick(int32_t price_upwh, int32_t tick_upwh, const char *currency,
				  struct mkt_err *err);

/* Is the energy a positive multiple of @lot_wh > 0?  Otherwise the hint names the neighbours. */
MKT_MUST_CHECK int mkt_check_lot(uint64_t energy_wh, uint32_t lot_wh, struct mkt_err *err);

#endif
