/*
 * Lines of a script, and the events that wait for their time.
 */
#ifndef MKT_DRIVERS_SIM_SCRIPT_H
#define MKT_DRIVERS_SIM_SCRIPT_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define SIM_EVENTS_MAX 4096 /* that wait at once */
#define SIM_VERB_MAX 23
#define SIM_ARGS_MAX 159

struct sim_event {
	uint64_t at_ms; /* calendar */
	uint16_t unit;	/* 0: all */
	char verb[SIM_VERB_MAX + 1];
	char rest[SIM_ARGS_MAX + 1]; /* words with one blank between; "" */
};

/*
 * Read one line.  1 and *@out; 0 for an empty line or a comment; -MKT_EUSAGE.
 * @now_ms is what "+S" counts from, and the time of lines without one.
 */
int sim_script_parse(const char *line, size_t n, uint64_t now_ms, struct sim_event *out,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* Events in the order of their times, those of one time in the order they came. */
struct sim_events {
	struct sim_event *v; /* owned */
	size_t n, room;
};

int sim_events_add(struct sim_events *q, const struct sim_event *e,
		   struct mkt_err *err) MKT_MUST_CHECK;
/* Take the first if its time has come. */
bool sim_events_take(struct sim_events *q, uint64_t now_ms, struct sim_event *out);
uint64_t sim_events_next(const struct sim_events *q); /* calendar; UINT64_MAX: none */
void sim_events_release(struct sim_events *q);

/* A decimal number and nothing else; false: it is none, or does not fit. */
bool sim_number(const char *s, size_t n, uint64_t *value);

/* 0, or -MKT_EUSAGE naming the first word of @rest that is not NAME=NUMBER of one of @names. */
int sim_args_check(const char *rest, const char *const *names, struct mkt_err *err) MKT_MUST_CHECK;

#endif
