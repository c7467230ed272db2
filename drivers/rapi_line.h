/*
 * Commands and answers of RAPI over a link.
 *
 * One command is outstanding at a time.  Answers are matched by sequence id; those
 * of another are late and are dropped.  Controllers without ids (protocol below 3) are
 * listened to until a late answer can no longer come before anything is sent
 * again.  Notices may come between, and are remembered.
 */
#ifndef MKT_DRIVERS_RAPI_LINE_H
#define MKT_DRIVERS_RAPI_LINE_H

#include "drivers/driver.h"
#include "drivers/rapi.h"

enum {
	RAPI_CHANGED = 1 << 0, /* $AT, $ST: the state is another */
	RAPI_BOOTED = 1 << 1   /* $AB */
};

struct rapi_line {
	struct drv_link *l;
	struct drv_device *d;	 /* counts; NULL in probes */
	struct rapi_reader reader;
	bool ids;		 /* answers carry the sequence id */
	bool sums;		 /* answers carry a checksum */
	bool any;		 /* not known yet: take an answer without either */
	uint8_t id;		 /* of the last command */
	uint32_t owed;		 /* without ids: answers that may still come ... */
	uint64_t quiet_ms;	 /* ... until then; nothing is sent before */
	uint64_t deadline_ms;	 /* of the whole call */
	unsigned notices;	 /* RAPI_...: what was told; who acts on it clears it */
	struct rapi_frame answer;
	/* one exchange */
	bool waiting, got, spoilt, bad;
};

void rapi_line_init(struct rapi_line *q, struct drv_link *l, struct drv_device *d);

/* A callback of the driver begins: it may take DRV_CALL_MAX_MS. */
void rapi_line_begin(struct rapi_line *q);

/*
 * Send "$COMMAND" and wait for its answer, in @q->answer.  1: OK, 0: NK;
 * -MKT_EDEVTIMEOUT, -MKT_EDEVFRAME (something came, but no answer), -MKT_EDEVLOST.
 * Tried twice: every command of this driver may be said again.
 */
int rapi_ask(struct rapi_line *q, const char *command, struct mkt_err *err) MKT_MUST_CHECK;

/* Take what has come: notices, late answers.  0 or -MKT_EDEVLOST. */
int rapi_listen(struct rapi_line *q, struct mkt_err *err) MKT_MUST_CHECK;

/* "$OK 8.2.3.EU 5.2.1", for messages. */
const char *rapi_answer_text(const struct rapi_line *q);

#endif
