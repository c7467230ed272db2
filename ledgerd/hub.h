/*
 * Who waits for blocks: parked requests and idle streams.
 *
 * A waiter names a height and whether it must be on the disk or in the indexes;
 * it is woken once, by the thread that makes it true, by its deadline, or by
 * ld_hub_stop().  Waking is a callback that must not block and must not call
 * the hub.
 */
#ifndef LEDGERD_HUB_H
#define LEDGERD_HUB_H

#include <pthread.h>

#include "core/base/compat.h"

enum ld_wait_for { LD_APPENDED, LD_INDEXED };

struct ld_waiter {
	struct ld_waiter *next, *prev; /* NULL: not waiting; of the hub */
	enum ld_wait_for what;
	uint64_t height;      /* woken at this height or above */
	uint64_t deadline_ms; /* monotonic; woken then in any case */
	void (*wake)(struct ld_waiter *w);
	void *ctx;
};

struct ld_hub {
	pthread_mutex_t mu;
	struct ld_waiter list;
	uint64_t appended, indexed;
	bool stopped;
};

void ld_hub_init(struct ld_hub *h, uint64_t appended, uint64_t indexed);
void ld_hub_release(struct ld_hub *h);

/*
 * Wait.  False if there is nothing to wait for (true already, past its deadline
 * or stopped): then @w is not kept and wake is not called.  @w stays the
 * caller's and must live until it is woken or ld_hub_leave() returned.
 */
bool ld_hub_wait(struct ld_hub *h, struct ld_waiter *w, uint64_t now_ms);

/* Stop waiting; no wake after this. */
void ld_hub_leave(struct ld_hub *h, struct ld_waiter *w);

/* The last block on the disk, or in the indexes, has moved. */
void ld_hub_advance(struct ld_hub *h, enum ld_wait_for what, uint64_t height);

/* Wake those whose deadline has passed. */
void ld_hub_tick(struct ld_hub *h, uint64_t now_ms);

/* Wake all, and let nobody wait any more. */
void ld_hub_stop(struct ld_hub *h);
bool ld_hub_stopped(struct ld_hub *h);

uint64_t ld_hub_height(struct ld_hub *h, enum ld_wait_for what);

/* Milliseconds of the monotonic clock. */
uint64_t ld_mono_ms(void);

#endif
