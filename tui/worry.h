/*
 * Which chargers and batteries somebody should look at, by what was told of them last.
 */
#ifndef TUI_WORRY_H
#define TUI_WORRY_H

#include "core/wire/telemetry.h"

#define TUI_SILENT_MS 45000 /* states come every 10 s: so long no word is silence */

/* Rising; what is at fault is worse than what nobody has heard of lately. */
enum tui_worry { TUI_NO_WORRY, TUI_SILENT, TUI_AT_FAULT };

/* @age_ms: since the node heard it. */
enum tui_worry tui_worry(const struct mkt_telemetry *t, uint64_t age_ms);

#endif
