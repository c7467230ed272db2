/*
 * A driver against its simulator in one process and virtual time.
 *
 *	#include "drivers/sim/sim_NAME.c"
 *	#include "tests/memsim.h"
 *
 * The simulator's bytes travel over tests/memlink.h; its clocks, real and calendar,
 * are the line's virtual time.  Here stands what drivers/sim/main.c does.
 */
#ifndef MKT_TESTS_MEMSIM_H
#define MKT_TESTS_MEMSIM_H

#include "core/base/compat.h"
#include "drivers/driver.h"
#include "drivers/sim/sim.h"
#include "tests/memlink.h"

#define MEM_UNITS 4
#define MEM_ANSWER_MS 10

/* Faults that strike the next so many frames. */
struct mem_faults {
	uint32_t silence, checksum, busy, stranger, noise, half;
	uint32_t late_ms; /* each answer takes so long */
	uint32_t split;	  /* each answer comes in pieces of so many bytes */
};

struct sim {
	struct sim_device devices[MEM_UNITS];
	uint32_t n;
	uint64_t tick_ms;
};

static struct sim mem_sim;
static struct mem_faults mem_faults;

uint64_t sim_real_ms(void)
{
	return mem.now_ms;
}

uint64_t sim_now_ms(const struct sim *s)
{
	(void)s;
	return mem.now_ms;
}

uint32_t sim_count(const struct sim *s)
{
	return s->n;
}

uint32_t sim_takes_ms(const struct sim *s, uint32_t ms)
{
	(void)s;
	return ms;
}

struct sim_device *sim_at(struct sim *s, uint32_t i)
{
	return i < s->n ? &s->devices[i] : NULL;
}

struct sim_device *sim_unit(struct sim *s, uint16_t unit)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!unit || s->devices[i].unit == unit) {
			sim_phys_run(&s->devices[i].phys, mem.now_ms);
			return &s->devices[i];
		}
	return NULL;
}

bool sim_is_tcp(const struct sim *s)
{
	(void)s;
	return mem.tcp;
}

bool sim_is_udp(const struct sim *s)
{
	(void)s;
	return false;
}

uint32_t sim_random(struct sim *s, uint32_t n)
{
	(void)s;
	return n / 2;
}

static bool mem_strikes(uint32_t *left)
{
	*left -= *left > 0;
	return true;
}

bool sim_fault(struct sim *s, const struct sim_device *d, const char *kind, uint32_t *arg)
{
	(void)s;
	(void)d;
	(void)arg;
	if (!strcmp(kind, "busy") && mem_faults.busy)
		return mem_strikes(&mem_faults.busy);
	if (!strcmp(kind, "stranger") && mem_faults.stranger)
		return mem_strikes(&mem_faults.stranger);
	return false;
}

void sim_send(struct sim *s, const struct sim_device *d, const void *frame, size_t n)
{
	uint32_t after = mem_faults.late_ms ? mem_faults.late_ms : MEM_ANSWER_MS;
	size_t piece = mem_faults.split ? mem_faults.split : n;
	uint8_t copy[300];

	(void)s;
	(void)d;
	if (mem_faults.silence && mem_strikes(&mem_faults.silence))
		return;
	memcpy(copy, frame, n);
	if (mem_faults.checksum && mem_strikes(&mem_faults.checksum))
		copy[n - 1] ^= 0x55;
	if (mem_faults.half && mem_strikes(&mem_faults.half))
		n /= 2;
	if (mem_faults.noise && mem_strikes(&mem_faults.noise))
		mem_push(&mem, after, "\xff\x00\x01", 3);
	for (size_t at = 0; at < n; at += piece)
		mem_push(&mem, after++, copy + at, n - at < piece ? n - at : piece);
}

/* Let the simulator do what was due by now, in order. */
static inline void mem_sim_run(void)
{
	uint64_t now = mem.now_ms;

	while (mem_sim.tick_ms < now) {
		mem.now_ms = mem_sim.tick_ms;
		mem_sim.tick_ms = sim_protocol.tick(&mem_sim, mem.now_ms);
		if (mem_sim.tick_ms <= mem.now_ms)
			mem_sim.tick_ms = mem.now_ms + 1;
	}
	mem.now_ms = now;
	mem_sim.tick_ms = sim_protocol.tick(&mem_sim, now);
	if (mem_sim.tick_ms <= now)
		mem_sim.tick_ms = now + 1;
}

static inline void mem_sim_peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	mem_sim_run();
	sim_protocol.input(&mem_sim, bytes, n, l->now_ms);
	mem_sim.tick_ms = sim_protocol.tick(&mem_sim, l->now_ms);
}

/* Pass time with nobody talking. */
static inline void mem_wait(uint64_t ms)
{
	mem.now_ms += ms;
	mem_sim_run();
}

static inline void mem_sim_end(void)
{
	for (uint32_t i = 0; i < mem_sim.n; i++) {
		free(mem_sim.devices[i].priv);
		mem_sim.devices[i].priv = NULL;
	}
	mem_sim.n = 0;
}

/* @units devices of @model.  False: the simulator refuses. */
static inline bool mem_sim_begin(uint32_t units, const char *model, bool tcp)
{
	struct mkt_err err;

	mem_sim_end();
	mem_reset(tcp);
	mem.peer = mem_sim_peer;
	memset(&mem_faults, 0, sizeof(mem_faults));
	memset(&mem_sim, 0, sizeof(mem_sim));
	for (uint32_t i = 0; i < units && i < MEM_UNITS; i++) {
		struct sim_device *d = &mem_sim.devices[i];

		d->unit = (uint16_t)(i + 1);
		mem_sim.n = i + 1;
		sim_phys_init(&d->phys, mem.now_ms);
		if (sim_protocol.start(&mem_sim, d, model, &err) < 0)
			return false;
	}
	mem_sim_run();
	return true;
}

/* A verb of the protocol's own for the first unit. */
static inline bool mem_sim_do(const char *verb, const char *rest)
{
	struct sim_device *d = sim_unit(&mem_sim, 1);
	bool known;

	mem_sim_run();
	known = sim_protocol.command(&mem_sim, d, verb, rest);
	mem_sim_run();
	return known;
}

static inline void mem_plug(uint16_t soc)
{
	struct sim_device *d = sim_unit(&mem_sim, 1);

	sim_phys_plug(&d->phys, 40000, soc, 32000);
	mem_sim_run();
}

#endif
