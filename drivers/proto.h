/*
 * What mkt-driverd says to clients and what they ask (mkt-driverd(5)): text only, no
 * sockets.  Lines are appended to a buffer, each with its line feed.
 */
#ifndef MKT_DRIVERS_PROTO_H
#define MKT_DRIVERS_PROTO_H

#include "core/device/line.h"
#include "drivers/device.h"

#define DRV_PROTOCOL 1
#define DRV_TRACE_PIECE 120 /* bytes of one trace line */

/* ---- told ---------------------------------------------------------------------------------- */

void drv_say_hello(struct mkt_buf *out, const struct drv_bus *b, const char *line, bool alone);

/*
 * What of DRV_CH_... has changed, for the client @client.  Readings: those taken
 * since @since_ms (0: all that are known).
 */
void drv_say_unit(struct mkt_buf *out, const struct drv_unit *u, unsigned what, uint32_t client,
		  uint64_t since_ms);
void drv_say_event(struct mkt_buf *out, const struct drv_unit *u, enum mkt_level level,
		   const char *text);
void drv_say_trace(struct mkt_buf *out, uint64_t begin_ms, uint64_t at_ms, char dir,
		   const void *bytes, size_t n);
void drv_say_history(struct mkt_buf *out, uint32_t id, const struct drv_unit *u, uint64_t age_ms);
/* "ok ID", or "error ID WORD text=..." */
void drv_say_done(struct mkt_buf *out, uint32_t id, int rc, const struct mkt_err *err);

/* ---- asked --------------------------------------------------------------------------------- */

enum drv_verb {
	DRV_V_PING, DRV_V_REFRESH, DRV_V_ORDER, DRV_V_RELEASE, DRV_V_HISTORY, DRV_V_TRACE,
	DRV_V_DRIVERS, DRV_V_SCAN, DRV_V_PROBE /* from here on: private */
};

struct drv_request {
	uint32_t id;
	enum drv_verb verb;
	char name[MKT_DEV_NAME_MAX + 1];
	struct mkt_order order;
	uint64_t since_ms; /* age */
	bool on;
	struct mkt_line line; /* for what private requests have besides */
};

/*
 * Read one line.  -MKT_EINVAL; @out->id is the request's, if it could be read, else 0.
 */
int drv_request_parse(const char *text, size_t n, struct drv_request *out,
		      struct mkt_err *err) MKT_MUST_CHECK;

#endif
