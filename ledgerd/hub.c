#include "core/base/compat.h"

#include <time.h>

#include "ledgerd/hub.h"

uint64_t ld_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void ld_hub_init(struct ld_hub *h, uint64_t appended, uint64_t indexed)
{
	*h = (struct ld_hub){.appended = appended, .indexed = indexed};
	pthread_mutex_init(&h->mu, NULL);
	h->list.next = h->list.prev = &h->list;
}

void ld_hub_release(struct ld_hub *h)
{
	pthread_mutex_destroy(&h->mu);
}

static bool ready(const struct ld_hub *h, const struct ld_waiter *w)
{
	return w->height <= (w->what == LD_APPENDED ? h->appended : h->indexed);
}

static void take_out(struct ld_waiter *w)
{
	w->prev->next = w->next;
	w->next->prev = w->prev;
	w->next = w->prev = NULL;
}

bool ld_hub_wait(struct ld_hub *h, struct ld_waiter *w, uint64_t now_ms)
{
	bool waits;

	w->next = w->prev = NULL;
	pthread_mutex_lock(&h->mu);
	waits = !h->stopped && now_ms < w->deadline_ms && !ready(h, w);
	if (waits) {
		w->prev = h->list.prev;
		w->next = &h->list;
		w->prev->next = w;
		h->list.prev = w;
	}
	pthread_mutex_unlock(&h->mu);
	return waits;
}

void ld_hub_leave(struct ld_hub *h, struct ld_waiter *w)
{
	pthread_mutex_lock(&h->mu);
	if (w->next)
		take_out(w);
	pthread_mutex_unlock(&h->mu);
}

/* With h->mu held: a woken waiter may be freed by its owner only after that is released. */
static void wake_some(struct ld_hub *h, uint64_t now_ms)
{
	struct ld_waiter *w = h->list.next, *next;

	for (; w != &h->list; w = next) {
		next = w->next;
		if (!h->stopped && !ready(h, w) && now_ms < w->deadline_ms)
			continue;
		take_out(w);
		w->wake(w);
	}
}

void ld_hub_advance(struct ld_hub *h, enum ld_wait_for what, uint64_t height)
{
	pthread_mutex_lock(&h->mu);
	if (what == LD_APPENDED)
		h->appended = height;
	else
		h->indexed = height;
	wake_some(h, 0);
	pthread_mutex_unlock(&h->mu);
}

void ld_hub_tick(struct ld_hub *h, uint64_t now_ms)
{
	pthread_mutex_lock(&h->mu);
	wake_some(h, now_ms);
	pthread_mutex_unlock(&h->mu);
}

void ld_hub_stop(struct ld_hub *h)
{
	pthread_mutex_lock(&h->mu);
	h->stopped = true;
	wake_some(h, 0);
	pthread_mutex_unlock(&h->mu);
}

bool ld_hub_stopped(struct ld_hub *h)
{
	bool stopped;

	pthread_mutex_lock(&h->mu);
	stopped = h->stopped;
	pthread_mutex_unlock(&h->mu);
	return stopped;
}

uint64_t ld_hub_height(struct ld_hub *h, enum ld_wait_for what)
{
	uint64_t height;

	pthread_mutex_lock(&h->mu);
	height = what == LD_APPENDED ? h->appended : h->indexed;
	pthread_mutex_unlock(&h->mu);
	return height;
}
