/*
 * A daemon's log: one line an event on stderr, with its level, in the form
 * that journald reads (<N> prefix) when stderr is the journal's.
 * Thread-safe.  Never called with secrets.
 */
#ifndef MKT_APP_LOG_H
#define MKT_APP_LOG_H

#include "core/base/compat.h"

enum mkt_level {
	MKT_LOG_ERROR = 3,
	MKT_LOG_WARNING,
	MKT_LOG_NOTICE,
	MKT_LOG_INFO,
	MKT_LOG_DEBUG
};

/* Lines above @max are dropped; start: MKT_LOG_INFO. */
void mkt_log_level(enum mkt_level max);

void mkt_log(enum mkt_level level, const char *fmt, ...) MKT_PRINTF(2, 3);

/* Tell systemd (socket in $NOTIFY_SOCKET; nothing without it) a state such as "READY=1". */
void mkt_notify(const char *state);

#endif
