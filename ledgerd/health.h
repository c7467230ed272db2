/* How a node is: what /v1/health, /metrics and alarms say.  Taken at one moment, cheap. */
#ifndef LEDGERD_HEALTH_H
#define LEDGERD_HEALTH_H

#include "ledgerd/keeper.h"
#include "ledgerd/node.h"

struct ld_health {
	const char *status; /* "ok", or the first thing that is wrong */
	uint64_t height, time_ms, indexed;
	uint64_t age_ms; /* of the last block, by the node's clock */
	uint64_t blocks_bytes, store_bytes;
	uint64_t resident_bytes;
	struct ld_pipe_numbers pipe;
	struct ld_keeper_numbers kept;
};

void ld_health_take(struct ld_node *n, struct ld_health *out);

/* "solo", "fullnode", "authority" */
const char *ld_role_name(const struct ld_node *n);

#endif
