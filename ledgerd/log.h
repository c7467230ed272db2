/*
 * The daemon's log: one line an event on stderr, with its level, in the form
 * that journald reads (<N> prefix) when stderr is the journal's.
 * Thread-safe.  Never called with secrets.
 */
#ifndef LEDGERD_LOG_H
#define LEDGERD_LOG_H

#include "core/base/compat.h"

enum ld_level { LD_ERROR = 3, LD_WARNING = 4, LD_NOTICE = 5, LD_INFO = 6, LD_DEBUG = 7 };

/* Lines above @max are dropped; start: LD_INFO. */
void ld_log_level(enum ld_level max);

void ld_log(enum ld_level level, const char *fmt, ...) MKT_PRINTF(2, 3);

/* Tell systemd (socket in $NOTIFY_SOCKET; nothing without it) a state such as "READY=1". */
void ld_notify(const char *state);

#endif
