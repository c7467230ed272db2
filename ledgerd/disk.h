/*
 * The disk below a chain: watermarks, growth and the days that are left.
 *
 * Growth is measured, not guessed: what blocks, store, and archives on the same file
 * system take is noted in DIR/growth, "UTC-seconds bytes" a line (growth.h).
 */
#ifndef LEDGERD_DISK_H
#define LEDGERD_DISK_H

#include "core/base/compat.h"
#include "ledgerd/growth.h"

struct ld_node;

/* Of the ticker's thread alone: its notes. */
struct ld_disk {
	struct ld_growth growth;
	uint64_t archive_bytes;	 /* on the same file system */
	uint64_t archive_at_s;	 /* when they were counted; 0: never */
	bool loaded;
};

/* Every second: free space, watermarks and their alarms, notes. */
void ld_disk_tick(struct ld_node *n, struct ld_disk *d);

#endif
