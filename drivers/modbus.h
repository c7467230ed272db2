/*
 * Modbus over a link, RTU and TCP, framed and checked by libmodbus.
 *
 * libmodbus builds each request and checks each answer (CRC, unit, length); the
 * bytes travel over the link, so that its lock, trace, pacing, echo handling and
 * reconnection serve here as well.  What libmodbus does not compare is compared
 * here: function, byte count, what a write says it has written, and over TCP the
 * transaction.
 *
 * After a timeout the line is drained for the device's longest turnaround before
 * anything is sent again (drv_device.brief: before it is asked again): over RTU a
 * late answer carries no id and would be taken for the next one (over TCP it has one,
 * is counted and passed over).  A frame of another unit, or a request that is not
 * ours (a second master), is counted and ends the exchange.  Noise around an answer
 * is counted and passed over.
 *
 * Exceptions are -MKT_EDEVREFUSED, and -MKT_EDEVTIMEOUT (10, 11: a gateway had no
 * answer); after 5 and 6 (at work, busy) it is tried again once, a second later.
 * drv_mb_exception() tells the last one's number.  Otherwise -MKT_EDEVTIMEOUT,
 * -MKT_EDEVFRAME, -MKT_EDEVLOST, -MKT_EINVAL; never -MKT_EBUSY.
 */
#ifndef MKT_DRIVERS_MODBUS_H
#define MKT_DRIVERS_MODBUS_H

#include "drivers/driver.h"

#define DRV_MB_READ_MAX 125
#define DRV_MB_WRITE_MAX 123

struct drv_mb;

struct drv_mb_conf {
	uint16_t unit;
	uint32_t answer_ms;	/* response timeout; 0: 500 */
	uint32_t turnaround_ms; /* from request to its latest possible answer; 0: 1000 */
	uint8_t retries;	/* of reads after bad frames; after silence one at most */
};

/*
 * @d may be NULL (probes): nothing is counted.  TCP framing on tcp: links, else RTU.
 */
int drv_mb_new(struct drv_link *l, struct drv_device *d, const struct drv_mb_conf *conf,
	       struct drv_mb **out, struct mkt_err *err) MKT_MUST_CHECK;
void drv_mb_free(struct drv_mb *m); /* NULL is fine */

/*
 * A callback of the driver begins: all exchanges until the next drv_mb_begin()
 * end within DRV_CALL_MAX_MS together; after that -MKT_EDEVTIMEOUT.  Without it
 * each exchange has that time.
 */
void drv_mb_begin(struct drv_mb *m);

/* Function 3 / 4: @n registers from @addr (zero based).  Reads are tried again. */
int drv_mb_holding(struct drv_mb *m, uint16_t addr, uint16_t n, uint16_t *out,
		   struct mkt_err *err) MKT_MUST_CHECK;
int drv_mb_input(struct drv_mb *m, uint16_t addr, uint16_t n, uint16_t *out,
		 struct mkt_err *err) MKT_MUST_CHECK;

/* Function 6 / 16.  Never tried again by itself: read back instead. */
int drv_mb_write1(struct drv_mb *m, uint16_t addr, uint16_t value,
		  struct mkt_err *err) MKT_MUST_CHECK;
int drv_mb_write(struct drv_mb *m, uint16_t addr, uint16_t n, const uint16_t *values,
		 struct mkt_err *err) MKT_MUST_CHECK;

/* Exception number of the last failed call; 0: it was none. */
int drv_mb_exception(const struct drv_mb *m);

/* Registers to numbers, most significant word first. */
static inline uint32_t drv_be32(const uint16_t *r)
{
	return (uint32_t)r[0] << 16 | r[1];
}

/*
 * An IEEE float32 as an integer in units of 10^-@digits, rounded to nearest; no
 * floating point arithmetic on values from outside.  False for NaN, infinities
 * and what does not fit.
 */
bool drv_f32_scaled(uint32_t bits, unsigned digits, int64_t *out);
/*
 * What a counter of that value may be wrong by: the distance to the next float32, in
 * the same units, rounded up; at least 1.
 */
uint32_t drv_f32_step(uint32_t bits, unsigned digits);
/* The float32 nearest to @v / 10^@digits. */
uint32_t drv_f32_of(int64_t v, unsigned digits);

#endif
