/*
 * The latest signed state of each charger, in memory: what api_telemetry.c puts
 * and lists.  Never on the chain, gone with the process, bounded.
 *
 * Entries are ordered by account and charger.  When there is no room the one
 * heard of least recently goes.  All calls are thread-safe.
 */
#ifndef LEDGERD_TELEMETRY_H
#define LEDGERD_TELEMETRY_H

#include <pthread.h>

#include "core/base/err.h"
#include "core/wire/telemetry.h"

#define LD_STATES_MAX 16384u /* chargers held: 8 MiB */

/* As signed, with what orders it. */
struct ld_state {
	uint32_t account;
	uint16_t len;
	char charger[MKT_CHARGER_MAX + 1];
	uint64_t time_ms;  /* as its signer says */
	uint64_t heard_ms; /* monotonic */
	uint8_t bytes[MKT_TELEMETRY_BYTES_MAX];
};

struct ld_telemetry;

struct ld_telemetry *ld_telemetry_new(uint32_t max);
void ld_telemetry_free(struct ld_telemetry *t);

/*
 * Keep @s, unless a later one is held: -MKT_EEXPIRED; -MKT_ECONFLICT another one
 * of the same time.  The very same one again is fine and changes nothing.
 */
int ld_telemetry_put(struct ld_telemetry *t, const struct ld_state *s,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* The first entry after (@account, @charger), "" before all of the account; false: none. */
bool ld_telemetry_after(struct ld_telemetry *t, uint32_t account, const char *charger,
			struct ld_state *out);

uint32_t ld_telemetry_count(struct ld_telemetry *t);

#endif
