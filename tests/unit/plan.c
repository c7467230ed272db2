/* The planner: sentences of the cases that matter, and random situations in a small world. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/device/plan.h"
#include "tests/rng.h"

#define T0 1795397400000ull /* 2026-11-23 10:30 JST */
#define WINDOW_MS 1800000ull

/* ---- one device, one decision ------------------------------------------------------------- */

static struct mkt_plan_device evse(void)
{
	return (struct mkt_plan_device){
		.name = "ev-03",
		.by_current = true,
		.phases = 1,
		.voltage_mv = 230000,
		.min_ma = 6000,
		.max_ma = 16000,
		.circuit = -1,
		.usable = true,
		.vehicle = MKT_VEHICLE_B,
		.power_known = true,
		.room_wh = {MKT_PLAN_UNKNOWN, MKT_PLAN_UNKNOWN},
		.counter_wh = {5000, 0},
		.metered = {true, false},
	};
}

static struct mkt_plan_device battery(void)
{
	return (struct mkt_plan_device){
		.name = "bat",
		.phases = 1,
		.voltage_mv = 230000,
		.min_w = {0, 0},
		.max_w = {3000, 2500},
		.circuit = -1,
		.usable = true,
		.power_known = true,
		.room_wh = {MKT_PLAN_UNKNOWN, MKT_PLAN_UNKNOWN},
		.counter_wh = {100, 200},
		.metered = {true, true},
	};
}

struct situation {
	struct mkt_zone zone;
	struct mkt_plan_device d[8];
	struct mkt_plan_circuit c[2];
	struct mkt_plan_in in;
	struct mkt_plan_out out[8];
	uint64_t wake;
};

static void window(struct situation *s, uint64_t import_wh, uint64_t export_wh)
{
	struct mkt_err err = {0};

	if (!s->zone.name[0])
		assert_int_equal(mkt_zone_load(&s->zone, "+09:00", NULL, &err), 0);
	s->in.now_ms = s->in.start_ms = T0;
	s->in.end_ms = T0 + WINDOW_MS;
	s->in.wanted_wh[0] = import_wh;
	s->in.wanted_wh[1] = export_wh;
	s->in.next_ms = MKT_PLAN_NEVER;
	s->in.window_s = 1800;
	s->in.margin_ms = 10000;
	s->in.zone = &s->zone;
	s->in.devices = s->d;
	s->in.circuits = s->c;
	if (!s->in.ndevices)
		s->in.ndevices = 1;
}

static void decide(struct situation *s)
{
	s->wake = mkt_plan(&s->in, s->out);
}

static void decided(const struct situation *s, uint32_t i, int32_t value, enum mkt_plan_code code,
		    const char *text)
{
	assert_string_equal(s->out[i].text, text);
	assert_int_equal(s->out[i].code, code);
	assert_int_equal(s->out[i].set.value, value);
}

static void one_device(void **state)
{
	struct situation s = {.d = {evse()}};

	(void)state;
	window(&s, 1200, 0);
	decide(&s);
	decided(&s, 0, 11000, MKT_PLAN_SPREAD, "charging at 11.0 A: 0 of 1200 Wh moved");
	assert_int_equal(s.out[0].stop_wh[0], 6200);
	assert_int_equal(s.out[0].set.kind, MKT_SET_CURRENT);

	window(&s, 5000, 0);
	decide(&s);
	decided(&s, 0, 16000, MKT_PLAN_FULL, "charging at 16.0 A (all it can): 0 of 5000 Wh moved");

	window(&s, 230, 0);
	decide(&s);
	decided(&s, 0, 0, MKT_PLAN_FLOOR, "6.0 A floor: starts at 10:49 +09");
	assert_int_equal(s.wake, T0 + WINDOW_MS - 10000 - 600000);

	s.d[0].moved_wh[0] = 230;
	decide(&s);
	decided(&s, 0, 0, MKT_PLAN_DONE, "paused: 230 of 230 Wh moved");

	s.d[0].vehicle = MKT_VEHICLE_A;
	decide(&s);
	decided(&s, 0, 0, MKT_PLAN_NO_VEHICLE, "no vehicle");

	s.d[0].usable = false;
	decide(&s);
	decided(&s, 0, 0, MKT_PLAN_STALE, "stale readings: waits for the device");
	assert_int_equal(s.out[0].set.kind, MKT_SET_NONE);
}

static void waiting(void **state)
{
	struct situation s = {.d = {evse()}};

	(void)state;
	window(&s, 0, 0);
	s.in.start_ms = s.in.end_ms = 0;
	s.in.next_ms = T0 + 7 * WINDOW_MS;
	decide(&s);
	decided(&s, 0, 0, MKT_PLAN_WAITING, "waiting: window 14:00 +09 not begun");
	assert_int_equal(s.wake, T0 + 7 * WINDOW_MS);
	s.in.next_ms = MKT_PLAN_NEVER;
	decide(&s);
	decided(&s, 0, 0, MKT_PLAN_IDLE, "nothing contracted");
}

static void both_ways(void **state)
{
	struct situation s = {.d = {battery()}};

	(void)state;
	window(&s, 500, 500);
	decide(&s);
	/* In the time that discharging 500 Wh at 2.5 kW leaves. */
	assert_true(s.out[0].set.value > 1600 && s.out[0].set.value < 1800);
	s.d[0].moved_wh[0] = 500;
	s.in.now_ms += WINDOW_MS / 2;
	decide(&s);
	assert_true(s.out[0].set.value < -2000 && s.out[0].set.value > -2100);
	assert_int_equal(s.out[0].stop_wh[1], 700);
	s.d[0].room_wh[1] = 0;
	decide(&s);
	decided(&s, 0, 0, MKT_PLAN_ROOM, "battery empty: 0 of 500 Wh moved");
}

static void circuits(void **state)
{
	struct situation s = {.d = {evse(), evse()},
			      .c = {{"garage", 20000}},
			      .in = {.ndevices = 2, .ncircuits = 1}};

	(void)state;
	s.d[0].circuit = s.d[1].circuit = 0;
	window(&s, 2100, 0);
	decide(&s);
	assert_in_range(s.out[0].set.value + s.out[1].set.value, 16000, 20000);
	window(&s, 4000, 0);
	s.c[0].max_ma = 10000;
	decide(&s);
	decided(&s, 0, 10000, MKT_PLAN_CIRCUIT, "circuit garage full: 10.0 A of 16.0 A wanted");
	assert_int_equal(s.out[1].set.value, 0);
	/* What is out of our hands is taken off first. */
	s.d[0].usable = false;
	s.d[0].held_ma = 6000;
	decide(&s);
	assert_int_equal(s.out[1].set.value, 0);
	assert_int_equal(s.out[1].code, MKT_PLAN_CIRCUIT);
}

static void no_draw(void **state)
{
	struct situation s = {.d = {evse(), evse()}, .in = {.ndevices = 2}};

	(void)state;
	window(&s, 1000, 0);
	s.d[0].set = 10000;
	s.d[0].set_since_ms = T0;
	s.in.now_ms += 60000;
	decide(&s);
	decided(&s, 0, 10000, MKT_PLAN_NO_DRAW, "no draw: offered 10.0 A, nothing flows");
	assert_int_equal(s.out[1].set.value, 10000);
	s.d[0].power_w = 2300;
	decide(&s);
	assert_int_equal(s.out[0].set.value, 10000);
	decided(&s, 1, 0, MKT_PLAN_SHARE, "paused: other devices move the amount");
}

/* ---- a small world ------------------------------------------------------------------------ */

#define DEVICES 6

struct thing {
	uint32_t takes_ma;	     /* what the vehicle takes at most */
	uint64_t energy_mj[2];	     /* true energy, W x ms */
	uint64_t room_mj[2];
	int32_t set, next;	     /* in force; and from when on the next one is */
	uint64_t next_ms;
	uint32_t step_wh;
	uint64_t seen_wh[2], seen_ms; /* what the counter showed, and since when */
};

struct world {
	struct situation s;
	struct thing t[DEVICES];
	uint32_t latency_ms;
	struct rng r;
};

static uint32_t flows(const struct world *w, uint32_t i, unsigned *dir)
{
	const struct mkt_plan_device *d = &w->s.d[i];
	const struct thing *t = &w->t[i];
	uint32_t power;

	*dir = t->set < 0;
	if (d->by_current)
		power = mkt_plan_watts(d, (uint32_t)t->set < t->takes_ma ? (uint32_t)t->set
									 : t->takes_ma);
	else
		power = (uint32_t)(t->set < 0 ? -t->set : t->set);
	return t->energy_mj[*dir] < t->room_mj[*dir] ? power : 0;
}

static void run_thing(struct world *w, uint32_t i, uint64_t from, uint64_t to)
{
	struct thing *t = &w->t[i];
	unsigned dir;

	if (t->next_ms > from && t->next_ms <= to) {
		flows(w, i, &dir);
		t->energy_mj[dir] += flows(w, i, &dir) * (t->next_ms - from);
		from = t->next_ms;
	}
	if (t->next_ms && t->next_ms <= to) {
		t->set = t->next;
		t->next_ms = 0;
	}
	flows(w, i, &dir);
	t->energy_mj[dir] += flows(w, i, &dir) * (to - from);
}

static void read_thing(struct world *w, uint32_t i)
{
	struct mkt_plan_device *d = &w->s.d[i];
	struct thing *t = &w->t[i];
	unsigned dir;
	uint32_t power = flows(w, i, &dir);

	d->power_w = dir ? -(int32_t)power : (int32_t)power;
	mkt_plan_learn(d, w->s.in.now_ms);
	d->unseen_wh = (uint32_t)(power * (w->s.in.now_ms - t->seen_ms) / 3600000);
	if (d->unseen_wh > t->step_wh)
		d->unseen_wh = t->step_wh;
	for (dir = 0; dir < 2; dir++) {
		uint64_t wh = t->energy_mj[dir] / 3600000 / t->step_wh * t->step_wh;

		if (wh != t->seen_wh[dir] || !power)
			t->seen_ms = w->s.in.now_ms;
		t->seen_wh[dir] = wh;
		d->moved_wh[dir] = wh;
		d->counter_wh[dir] = 5000 + wh;
		d->room_wh[dir] = t->room_mj[dir] == UINT64_MAX
					  ? MKT_PLAN_UNKNOWN
					  : (int64_t)((t->room_mj[dir] - t->energy_mj[dir] +
						       3599999) / 3600000);
		if (t->room_mj[dir] < t->energy_mj[dir])
			d->room_wh[dir] = 0;
	}
}

/* What must hold of any answer. */
static void check_out(const struct world *w)
{
	const struct situation *s = &w->s;
	uint64_t sum[2] = {0, 0};

	assert_true(s->wake > s->in.now_ms);
	for (uint32_t i = 0; i < s->in.ndevices; i++) {
		const struct mkt_plan_device *d = &s->d[i];
		const struct mkt_plan_out *o = &s->out[i];
		int32_t v = o->set.value;

		assert_true(o->text[0] != '\0');
		if (d->by_current) {
			assert_true(v == 0 || (v >= 6000 && v <= (int32_t)d->max_ma));
		} else {
			assert_true(v <= (int32_t)d->max_w[0] && -v <= (int32_t)d->max_w[1]);
			assert_true(v == 0 || v >= (int32_t)d->min_w[0] ||
				    -v >= (int32_t)d->min_w[1]);
		}
		if (o->set.kind != MKT_SET_NONE && v)
			assert_true(o->stop_wh[v < 0] > d->counter_wh[v < 0]);
		if (d->circuit >= 0)
			sum[d->circuit] += d->by_current
						   ? (uint32_t)v
						   : mkt_plan_ma(d, (uint32_t)(v < 0 ? -v : v));
	}
	for (uint32_t c = 0; c < s->in.ncircuits; c++)
		assert_true(sum[c] <= s->c[c].max_ma);
}

static void apply(struct world *w)
{
	for (uint32_t i = 0; i < w->s.in.ndevices; i++) {
		struct mkt_plan_device *d = &w->s.d[i];
		struct thing *t = &w->t[i];

		if (w->s.out[i].set.value == d->set)
			continue;
		d->set = w->s.out[i].set.value;
		d->set_since_ms = w->s.in.now_ms;
		t->next = d->set;
		t->next_ms = w->s.in.now_ms + w->latency_ms;
		if (!w->latency_ms) {
			t->set = d->set;
			t->next_ms = 0;
		}
	}
}

static void make_thing(struct world *w, uint32_t i)
{
	bool power = rng_below(&w->r, 3) == 0;
	struct mkt_plan_device *d = &w->s.d[i];
	static const uint32_t steps[] = {1, 1, 1, 10};

	*d = power ? battery() : evse();
	d->phases = rng_below(&w->r, 4) ? 1 : 3;
	d->max_ma = 6000 + (uint32_t)rng_below(&w->r, 27) * 1000;
	d->max_w[0] = 800 + (uint32_t)rng_below(&w->r, 9000);
	d->max_w[1] = 800 + (uint32_t)rng_below(&w->r, 9000);
	d->min_w[0] = d->min_w[1] = rng_below(&w->r, 2) ? 0 : (uint32_t)rng_below(&w->r, 500);
	d->latency_ms = w->latency_ms;
	d->metered[1] = power;
	w->t[i] = (struct thing){.step_wh = steps[rng_below(&w->r, 4)],
				 .takes_ma = rng_below(&w->r, 4) ? UINT32_MAX : 10000,
				 .room_mj = {UINT64_MAX, UINT64_MAX}};
	if (w->s.in.ncircuits)
		d->circuit = (int)rng_below(&w->r, w->s.in.ncircuits + 1) - 1;
	read_thing(w, i);
}

/* Wh that device @i moves in the whole window if nothing holds it. */
static uint64_t most_wh(const struct world *w, uint32_t i, unsigned dir)
{
	const struct mkt_plan_device *d = &w->s.d[i];
	uint32_t ma = d->max_ma < w->t[i].takes_ma ? d->max_ma : w->t[i].takes_ma;
	uint64_t power = !d->by_current ? d->max_w[dir] : dir ? 0 : mkt_plan_watts(d, ma);

	return power * WINDOW_MS / 3600000;
}

static void run_window(struct world *w)
{
	struct situation *s = &w->s;
	unsigned decisions = 0;

	while (s->in.now_ms < s->in.end_ms) {
		uint64_t next;

		for (uint32_t i = 0; i < s->in.ndevices; i++)
			read_thing(w, i);
		decide(s);
		check_out(w);
		apply(w);
		next = s->wake < s->in.end_ms ? s->wake : s->in.end_ms;
		if (w->latency_ms && next > s->in.now_ms + 1000)
			next = s->in.now_ms + 1000;
		/* An order is waited for. */
		for (uint32_t i = 0; i < s->in.ndevices; i++)
			if (w->t[i].next_ms > next)
				next = w->t[i].next_ms;
		for (uint32_t i = 0; i < s->in.ndevices; i++)
			run_thing(w, i, s->in.now_ms, next);
		s->in.now_ms = next;
		assert_true(++decisions < 4000);
	}
}

/* One device alone: it is done, to a step of the meter, when it can be. */
static void alone(struct world *w, unsigned dir)
{
	uint64_t wanted = 1 + rng_below(&w->r, most_wh(w, 0, dir) * 95 / 100), moved;
	uint64_t wants[2] = {0, 0};
	uint32_t step = w->t[0].step_wh;

	wants[dir] = wanted;
	window(&w->s, wants[0], wants[1]);
	run_window(w);
	moved = w->t[0].energy_mj[dir] / 3600000 / step * step;
	if (moved > wanted + step || moved + step + wanted / 100 + 1 < wanted)
		fail_msg("wanted %llu Wh, moved %llu (step %u, latency %u ms)",
			 (unsigned long long)wanted, (unsigned long long)moved, step,
			 w->latency_ms);
}

static void random_alone(void **state)
{
	struct world w = {.r = rng_start("plan alone")};

	(void)state;
	for (unsigned n = 0; n < 600; n++) {
		w.s.in = (struct mkt_plan_in){.ndevices = 1};
		w.latency_ms = n % 3 ? 0 : (uint32_t)rng_below(&w.r, 2500);
		make_thing(&w, 0);
		alone(&w, w.s.d[0].by_current ? 0 : (unsigned)rng_below(&w.r, 2));
	}
}

/* Several: never above the amount, and done when there is room enough. */
static void several(struct world *w)
{
	uint64_t most[2] = {0, 0}, wanted[2], moved[2] = {0, 0}, step = 0;
	uint64_t circuit = 0;

	for (uint32_t i = 0; i < w->s.in.ndevices; i++) {
		make_thing(w, i);
		most[0] += most_wh(w, i, 0);
		most[1] += most_wh(w, i, 1);
		step += w->t[i].step_wh;
		circuit |= w->s.d[i].circuit >= 0;
	}
	wanted[0] = rng_below(&w->r, most[0] + 1);
	wanted[1] = rng_below(&w->r, 3) ? 0 : rng_below(&w->r, most[1] / 2 + 1);
	window(&w->s, wanted[0], wanted[1]);
	run_window(w);
	for (uint32_t i = 0; i < w->s.in.ndevices; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			moved[dir] += w->t[i].energy_mj[dir] / 3600000;
	for (unsigned dir = 0; dir < 2; dir++) {
		/* What flows in all devices until the stop is in force. */
		uint64_t slip = w->latency_ms ? w->s.in.ndevices * 8 : w->s.in.ndevices;
		bool easy = !circuit && !wanted[1] && wanted[0] < most[0] / 10 * 7;

		if (moved[dir] > wanted[dir] + step + slip ||
		    (easy && moved[dir] + step + slip + wanted[dir] / 100 < wanted[dir]))
			fail_msg("wanted %llu Wh, moved %llu of %llu (%u devices, latency %u ms)",
				 (unsigned long long)wanted[dir], (unsigned long long)moved[dir],
				 (unsigned long long)most[dir], w->s.in.ndevices, w->latency_ms);
	}
}

static void random_several(void **state)
{
	struct world w = {.r = rng_start("plan several")};

	(void)state;
	for (unsigned n = 0; n < 400; n++) {
		uint32_t circuits = (uint32_t)rng_below(&w.r, 3);

		w.s.in = (struct mkt_plan_in){.ndevices = 1 + (uint32_t)rng_below(&w.r, DEVICES),
					      .ncircuits = circuits};
		for (uint32_t c = 0; c < circuits; c++)
			w.s.c[c] = (struct mkt_plan_circuit){
				"c", 6000 + (uint32_t)rng_below(&w.r, 58000)};
		w.latency_ms = n % 4 ? 0 : (uint32_t)rng_below(&w.r, 2500);
		several(&w);
	}
}

/* Two that take turns on a circuit that carries one: both are done. */
static void turns(void **state)
{
	struct world w = {.r = rng_start("plan turns"),
			  .s = {.in = {.ndevices = 2, .ncircuits = 1}, .c = {{"garage", 10000}}}};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		w.s.d[i] = evse();
		w.s.d[i].circuit = 0;
		w.t[i] = (struct thing){.step_wh = 1,
					.takes_ma = 10000,
					.room_mj = {i ? UINT64_MAX : 400ull * 3600000, UINT64_MAX}};
		read_thing(&w, i);
	}
	window(&w.s, 1000, 0);
	run_window(&w);
	assert_in_range(w.t[0].energy_mj[0] / 3600000 + w.t[1].energy_mj[0] / 3600000, 995, 1001);
	assert_in_range(w.t[0].energy_mj[0] / 3600000, 395, 401);
}

/* A circuit that carries more than one alone can take: both run, though one is more pressed. */
static void together(void **state)
{
	struct world w = {.r = rng_start("plan together"),
			  .s = {.in = {.ndevices = 2, .ncircuits = 1}, .c = {{"garage", 20000}}}};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		w.s.d[i] = evse();
		w.s.d[i].circuit = 0;
		w.t[i] = (struct thing){.step_wh = 1,
					.takes_ma = UINT32_MAX,
					.room_mj = {UINT64_MAX, UINT64_MAX}};
		read_thing(&w, i);
	}
	window(&w.s, 2100, 0);
	run_window(&w);
	assert_in_range(w.t[0].energy_mj[0] / 3600000 + w.t[1].energy_mj[0] / 3600000, 2090, 2102);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_device),	cmocka_unit_test(waiting),
		cmocka_unit_test(both_ways),	cmocka_unit_test(circuits),
		cmocka_unit_test(no_draw),	cmocka_unit_test(random_alone),
		cmocka_unit_test(random_several), cmocka_unit_test(turns),
		cmocka_unit_test(together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
