/*
 * Modbus slave framing of simulated devices: RTU behind a pty, Modbus TCP behind
 * a socket; with a CRC of its own, so that frames can be spoilt and libmodbus,
 * on the other end, is checked by somebody else.
 *
 * Functions 3, 4, 6, 16.  A protocol gives two functions, which read and write
 * registers of one unit; the rest (framing, units, exceptions, broadcasts, the
 * faults busy and stranger) is here.  Coils (5) are answered by exception 1.
 *
 * A frame ends where its function says that it ends.  Bytes that begin no frame
 * to anybody here are passed over one by one until the next good frame: there
 * are no pauses to count on behind a pty.
 */
#ifndef MKT_DRIVERS_SIM_RTU_H
#define MKT_DRIVERS_SIM_RTU_H

#include "core/base/compat.h"
#include "drivers/sim/sim.h"

#define SIM_RTU_MAX 260

/* Exceptions. */
enum { SIM_RTU_FUNCTION = 1, SIM_RTU_ADDRESS, SIM_RTU_VALUE, SIM_RTU_FAILURE, SIM_RTU_BUSY = 6 };

struct sim_rtu_calls {
	/* @n registers from @addr into @out: 0, or an exception's number. */
	int (*read)(struct sim *s, struct sim_device *d, bool holding, uint16_t addr, uint16_t n,
		    uint16_t *out);
	/* All or none.  @single: function 6. */
	int (*write)(struct sim *s, struct sim_device *d, bool single, uint16_t addr, uint16_t n,
		     const uint16_t *values);
	/*
	 * A request for this unit has come and nothing is done yet: watchdogs.  False: it
	 * is not answered (asleep).  NULL: always answered.
	 */
	bool (*heard)(struct sim *s, struct sim_device *d, uint64_t real_ms);
};

/* What has come and is no whole frame yet. */
struct sim_rtu {
	uint8_t buf[2 * SIM_RTU_MAX];
	size_t n;
};

/* For sim_protocol.input and .opened. */
void sim_rtu_input(struct sim_rtu *r, struct sim *s, const struct sim_rtu_calls *calls,
		   const uint8_t *bytes, size_t n, uint64_t real_ms);
void sim_rtu_opened(struct sim_rtu *r);

uint16_t sim_rtu_crc(const uint8_t *bytes, size_t n);

/* Registers of a float32 or 32 bit number, high word first. */
void sim_rtu_put32(uint16_t *out, uint32_t v);
/* "1.0.8": @n numbers up to 255 with dots between.  What follows them, or NULL: they are not. */
const char *sim_rtu_version(const char *text, unsigned n, uint8_t *out);
/* ASCII, two characters a register, filled up with NUL. */
void sim_rtu_text(uint16_t *out, uint16_t n, const char *text);

#endif
