/*
 * Faults of the line, and the queue of bytes that they delay and cut.
 *
 * A frame goes through the faults into the queue as pieces, each with the real
 * time at which it may leave; pieces leave in the order they came.
 */
#ifndef MKT_DRIVERS_SIM_FAULTS_H
#define MKT_DRIVERS_SIM_FAULTS_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

#define SIM_FAULTS_MAX 32
#define SIM_PIECES_MAX 2048
#define SIM_PIECE_MAX 4096 /* bytes; a longer frame is dropped */

struct sim_fault {
	char kind[24];
	uint16_t unit;	   /* 0: every one */
	uint32_t arg;	   /* "late=700" */
	uint32_t every;	   /* strikes each so manieth time; at least 1 */
	uint32_t seen;
	uint32_t left;	   /* times; UINT32_MAX: no end */
	uint64_t until_ms; /* real; UINT64_MAX: no end */
};

struct sim_faults {
	struct sim_fault v[SIM_FAULTS_MAX];
	uint32_t n;
	uint64_t random; /* state of the generator: seed it */
};

/* A random number below @n (> 0), the same on every machine. */
uint32_t sim_faults_random(struct sim_faults *f, uint32_t n);

/* "KIND[=N] [every=N] [for=S] [count=N]".  -MKT_EUSAGE, -MKT_ELIMIT. */
int sim_faults_add(struct sim_faults *f, uint16_t unit, const char *text, uint64_t real_ms,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* Forget those of @unit; 0: all. */
void sim_faults_clear(struct sim_faults *f, uint16_t unit);

/* Does one of this kind strike @unit now?  Counts as one of its times. */
bool sim_faults_strike(struct sim_faults *f, uint16_t unit, const char *kind, uint64_t real_ms,
		       uint32_t *arg);

struct sim_piece {
	uint64_t due_ms; /* real */
	uint32_t n;
};

struct sim_queue {
	struct sim_piece v[SIM_PIECES_MAX];
	uint32_t n;
	struct mkt_buf bytes; /* of all pieces, one after the other */
};

void sim_queue_add(struct sim_queue *q, uint64_t due_ms, const void *bytes, size_t n);
/* The first piece if it is due: its bytes, until the queue changes; else NULL. */
const uint8_t *sim_queue_first(const struct sim_queue *q, uint64_t real_ms, size_t *n);
void sim_queue_drop(struct sim_queue *q); /* the first piece has left */
void sim_queue_clear(struct sim_queue *q);
uint64_t sim_queue_next(const struct sim_queue *q); /* real; UINT64_MAX: empty */

/*
 * A frame of @unit through the faults.  @serial: bytes on a wire, which may be cut
 * and spoilt; otherwise a spoilt frame is lost, as networks do with them.
 */
void sim_faults_frame(struct sim_faults *f, uint16_t unit, bool serial, const void *frame,
		      size_t n, uint64_t real_ms, struct sim_queue *q);

#endif
