/*
 * Alarms of a node: what needs a person, from when until when.
 *
 * An alarm is on or off.  When it begins or ends it is logged, and the command of
 * [disk] alarm_command is run by /bin/sh -c in a process of its own, with the facts
 * in its environment (ledgerd(8)).  Commands run one after another in a thread of
 * this module and are killed after LD_ALARM_RUN_MS; nobody waits for them.
 *
 * Threads: all calls from any.
 */
#ifndef LEDGERD_ALARM_H
#define LEDGERD_ALARM_H

#include "core/base/compat.h"
#include "core/base/err.h"

enum ld_alarm {
	LD_ALARM_DISK,	   /* "disk": less free than alarm_free */
	LD_ALARM_REFUSING, /* "disk-refusing": less free than refuse_free, new bids are refused */
	LD_ALARM_FULL,	   /* "disk-full": a write failed for lack of space */
	LD_ALARM_INGEST,   /* "ingest": a block of the upstream differed; the node does not grow */
	LD_ALARM_ENGINE,   /* "engine": this authority signs nothing more */
	LD_ALARM_PROGRESS, /* "progress": blocks are due and none comes */
	LD_ALARM_PRUNE,	   /* "prune": bodies could not be moved to the archive */
	LD_ALARM_COUNT
};

#define LD_ALARM_TEXT 200
#define LD_ALARM_RUN_MS 30000 /* a command that runs longer is killed */
#define LD_ALARM_QUEUE 32     /* begins and ends that wait for the command; more are logged only */

struct ld_node;
struct ld_alarms;

/* The word of an alarm, as in /v1/health and in MKT_ALARM. */
const char *ld_alarm_word(enum ld_alarm what);

/* @n is looked at for facts when a command runs.  NULL: no memory. */
struct ld_alarms *ld_alarms_new(struct ld_node *n);
/* Waits for a command that runs, at most LD_ALARM_RUN_MS; drops those that wait. */
void ld_alarms_free(struct ld_alarms *a);

/*
 * The alarm is on with this sentence, or off (the sentence says what is right again).
 * Only a change does anything, so it may be called every second; while it stays on a new
 * sentence takes the place of the old one.
 */
void ld_alarm_set(struct ld_alarms *a, enum ld_alarm what, bool on, const char *fmt, ...)
	MKT_PRINTF(4, 5);

/* Is it on?  @text (may be NULL) gets its sentence, *since_ms when it began (UTC). */
bool ld_alarm_look(struct ld_alarms *a, enum ld_alarm what, char text[LD_ALARM_TEXT],
		   uint64_t *since_ms);

#endif
