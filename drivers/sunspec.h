/*
 * SunSpec: the chain of models that a device says it has, and their points.
 *
 * A device announces itself with "SunS" at register 40000, 0 or 50000; behind
 * it stand models, each an id, a length and a body.  Addresses are never known
 * beforehand: the walk finds them.  What a model says of its length counts, not
 * its definition; models that are not known are stepped over.
 *
 * Values are integers: a point is read in units of 10^-digits, its scale factor
 * applied, absent points told apart; no floating point.
 *
 * Source: SunSpec information model specification and model definitions.  The
 * points are in drivers/sunspec.def.  Registers are reached through struct ss_io,
 * so that the walk runs over Modbus and, in tests, over memory.
 */
#ifndef MKT_DRIVERS_SUNSPEC_H
#define MKT_DRIVERS_SUNSPEC_H

#include "drivers/modbus.h"

#define SS_MODELS_MAX 64 /* of one chain; more is no chain */
#define SS_SAME_MAX 16	 /* models of one id */
#define SS_REGS_MAX 127	 /* of one model that are kept: id, length and one read */
#define SS_END 0xFFFF	 /* the id behind the last model */

/* Registers of a device.  Functions as in drivers/modbus.h, their errors too. */
struct ss_io {
	int (*read)(void *arg, uint16_t addr, uint16_t n, uint16_t *out, struct mkt_err *err);
	/* @single: function 6, else 16. */
	int (*write)(void *arg, uint16_t addr, uint16_t n, const uint16_t *values, bool single,
		     struct mkt_err *err);
	int (*exception)(void *arg); /* number of the last failure; 0: it was none */
	void *arg;
	uint16_t read_max; /* registers of one read: 125, 60 or 30, found by trying */
};

/* Over Modbus.  @mb stays the caller's. */
void ss_io_modbus(struct ss_io *io, struct drv_mb *mb);

/* ---- the chain ----------------------------------------------------------------------------- */

struct ss_model {
	uint16_t id;
	uint16_t addr;	  /* of the id register */
	uint16_t len;	  /* of the body, as told */
	uint8_t device;	  /* logical device: each model 1 begins another */
	uint8_t instance; /* of the same id in that device, from 0 */
};

struct ss_map {
	uint16_t base;
	uint8_t count;
	uint8_t devices;
	struct ss_model m[SS_MODELS_MAX];
};

/*
 * Find the chain and walk it.  1 and *@out; 0 there is no SunSpec here.
 * -MKT_EDEVIDENTITY it has no end, or runs out of the registers: says where.
 * -MKT_EDEVTIMEOUT nobody answered at any base.  Else the line's errors, twice in a row.
 */
int ss_walk(struct ss_io *io, struct ss_map *out, struct mkt_err *err) MKT_MUST_CHECK;

/* The first model of a logical device whose id has the family @id; NULL: it has none. */
const struct ss_model *ss_find(const struct ss_map *map, unsigned device, uint16_t id);

/* The id under which sunspec.def lists the points of @id: 101 to 103, 201 to 203; else itself. */
uint16_t ss_family(uint16_t id);

/* "1, 103, 64001": ids of a logical device, for messages. */
void ss_ids(const struct ss_map *map, unsigned device, char *out, size_t size);

/* ---- points -------------------------------------------------------------------------------- */

enum ss_type {
	SS_INT16 = 0,
	SS_UINT16,
	SS_ENUM16,
	SS_BITS16,
	SS_SUNSSF,
	SS_INT32,
	SS_UINT32,
	SS_ACC32,
	SS_BITS32,
	SS_FLOAT32,
	SS_UINT64,
	SS_STRING8,
	SS_STRING16
};

enum ss_point {
#define SS_POINT(model, name, offset, type, sf, how) SS_##model##_##name,
#include "drivers/sunspec.def"
#undef SS_POINT
	SS_POINTS
};

struct ss_point_info {
	const char *name;
	uint16_t model, off, sf;
	enum ss_type type;
	char how; /* 'R', 'W', 'M': see sunspec.def */
};
extern const struct ss_point_info ss_points[SS_POINTS];

/* Registers of a type. */
unsigned ss_size(enum ss_type type);

/* A model as it was read: registers by offset, id and length at 0 and 1. */
struct ss_block {
	uint16_t addr;
	uint16_t n; /* registers that are there */
	uint16_t r[SS_REGS_MAX];
};

/*
 * Read the body of a model, or as much of it as has points, in as few requests as
 * the device takes: after a refusal 60 registers each, then 30.  *@out is
 * changed only on success.
 */
int ss_read(struct ss_io *io, const struct ss_model *m, struct ss_block *out,
	    struct mkt_err *err) MKT_MUST_CHECK;

/* Are id and length still where the walk found them?  -MKT_EDEVIDENTITY: no. */
int ss_check(struct ss_io *io, const struct ss_model *m, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The value of a point in units of 10^-@digits (@digits 0..6), rounded to nearest.
 * False: absent, no usable scale factor, beyond the model's length, or
 * too large.
 */
bool ss_get(const struct ss_block *b, enum ss_point p, unsigned digits, int64_t *out);

/* The number in the registers, unscaled; false: absent.  Not for floats and texts. */
bool ss_raw(const struct ss_block *b, enum ss_point p, int64_t *out);

/* The scale factor of a point; 0 for those that have none.  False: not usable. */
bool ss_exponent(const struct ss_block *b, enum ss_point p, int *out);

/* @v times 10^@e (@e -18..18), rounded to nearest; false: it does not fit. */
bool ss_scale(int64_t v, int e, int64_t *out);

void ss_text(const struct ss_block *b, enum ss_point p, char out[MKT_DEV_TEXT_MAX + 1]);

/*
 * Put @value, in units of 10^-@digits, into @b as the device wants it, rounded
 * to nearest.  Nothing is sent.  -MKT_EINVAL it does not fit, or would read as
 * absent; -MKT_EDEVUNSUPPORTED the point or its scale factor is not there.
 */
int ss_put(struct ss_block *b, enum ss_point p, int64_t value, unsigned digits,
	   struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Send @n registers of @b from offset @off, by function 16 (a single one by 6
 * to a device that has no 16).  Says nothing of what the device made of them: read
 * back.
 */
int ss_write(struct ss_io *io, const struct ss_block *b, uint16_t off, uint16_t n,
	     struct mkt_err *err) MKT_MUST_CHECK;

#endif
