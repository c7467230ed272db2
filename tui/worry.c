#include "core/base/compat.h"

#include <string.h>

#include "tui/worry.h"

enum tui_worry tui_worry(const struct mkt_telemetry *t, uint64_t age_ms)
{
	static const char *const wrong[] = {"fault", "refused", "absent", "reconnecting", "stale"};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++)
		if (!strcmp(t->state, wrong[i]))
			return TUI_AT_FAULT;
	if (!strcmp(t->vehicle, "F")) /* the car's fault, IEC 61851-1 */
		return TUI_AT_FAULT;
	return age_ms > TUI_SILENT_MS ? TUI_SILENT : TUI_NO_WORRY;
}
