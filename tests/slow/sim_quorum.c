#include "core/base/compat.h"

#include <stdarg.h>

#include "tests/slow/sim_quorum.h"

#define SECOND UINT64_C(1000000)
#define CLUSTER 0xc0ffee
#define FOREIGN 0xbad

unsigned sim_plant;
bool sim_trace;

/* ---- chance, events --------------------------------------------------------------------- */

uint64_t sim_below(struct sim *s, uint64_t n)
{
	return rng_below(&s->r, n);
}

bool sim_chance(struct sim *s, uint32_t ppm)
{
	return ppm && rng_below(&s->r, 1000000) < ppm;
}

void sim_wrong(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->fault[0])
		return;
	va_start(ap, fmt);
	vsnprintf(s->fault, sizeof(s->fault), fmt, ap);
	va_end(ap);
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void push(struct sim *s, struct sim_event e)
{
	uint32_t i = s->nevents++;

	if (i == s->events_cap) {
		s->events_cap = s->events_cap ? 2 * s->events_cap : 1024;
		s->events = realloc(s->events, s->events_cap * sizeof(*s->events));
		if (!s->events)
			abort();
	}
	for (; i && before(&e, &s->events[(i - 1) / 2]); i = (i - 1) / 2)
		s->events[i] = s->events[(i - 1) / 2];
	s->events[i] = e;
}

static struct sim_event pop(struct sim *s)
{
	struct sim_event first = s->events[0], last = s->events[--s->nevents];
	uint32_t i = 0, c;

	while ((c = 2 * i + 1) < s->nevents) {
		if (c + 1 < s->nevents && before(&s->events[c + 1], &s->events[c]))
			c++;
		if (!before(&s->events[c], &last))
			break;
		s->events[i] = s->events[c];
		i = c;
	}
	s->events[i] = last;
	return first;
}

void sim_at(struct sim *s, uint64_t delay_us, uint8_t kind, unsigned node, uint32_t arg,
	    uint64_t more, struct sim_request *req)
{
	push(s, (struct sim_event){.at_us = s->now_us + delay_us,
				   .order = s->order++,
				   .kind = kind,
				   .node = (uint8_t)node,
				   .life = s->node[node].life,
				   .arg = arg,
				   .more = more,
				   .req = req});
}

/* ---- the world -------------------------------------------------------------------------- */

uint16_t sim_find(const struct sim *s, const struct mkt_hash *hash)
{
	for (uint32_t i = s->nblocks; i-- > 1;)
		if (mkt_hash_eq(&s->block[i].hash, hash))
			return (uint16_t)i;
	return 0;
}

const struct mkt_authorities *sim_set(const struct sim *s, const struct sim_block *b)
{
	return &s->sets[s->block[b->prev].set_after];
}

bool sim_reach(const struct sim *s, unsigned a, unsigned b)
{
	return !(s->node[a].peers_cut >> b & 1) && !(s->node[b].peers_cut >> a & 1);
}

static void make_sets(struct sim *s)
{
	struct mkt_authorities *set = &s->sets[0];

	memset(s->sets, 0, sizeof(s->sets));
	set->quorum = s->plan.bft ? MKT_QUORUM_BFT : MKT_QUORUM_MAJORITY;
	for (unsigned i = 0; i < s->n; i++) {
		struct sim_node *n = &s->node[i];

		s->everybody.v[i].key = n->pub;
		memcpy(s->everybody.v[i].name, n->name, sizeof(n->name));
	}
	s->everybody.n = (uint8_t)s->n;
	set->n = (uint8_t)s->plan.n;
	memcpy(set->v, s->everybody.v, sizeof(set->v));
	s->sets[1] = *set;
	s->sets[1].generation = 1;
	if (s->plan.learner)
		s->sets[1].n++;
	if (s->plan.remove < 0)
		return;
	s->sets[1].n--;
	memmove(&s->sets[1].v[s->plan.remove], &s->sets[1].v[s->plan.remove + 1],
		sizeof(set->v[0]) * (s->sets[1].n - (unsigned)s->plan.remove));
}

static void make_plan(struct sim *s)
{
	struct sim_plan *p = &s->plan;
	unsigned change;

	*p = (struct sim_plan){.n = 3 + (unsigned)sim_below(s, 3), .remove = -1};
	p->n = sim_chance(s, 20000) ? 1 + (unsigned)sim_below(s, 2) : p->n;
	p->bft = p->n > 3 && sim_chance(s, 300000);
	p->slow = sim_chance(s, 500000);
	p->stale = sim_chance(s, 300000);
	p->jumps = p->n >= 3 && sim_chance(s, 200000);
	p->loss_ppm = sim_chance(s, 700000) ? (uint32_t)sim_below(s, 80000) : 0;
	p->repeat_ppm = sim_chance(s, 700000) ? (uint32_t)sim_below(s, 100000) : 0;
	p->long_run = sim_chance(s, 4000);
	p->faults_us = (8 + sim_below(s, 12)) * SECOND * (p->long_run ? 12 : 1);
	p->rollback = p->n >= 3 && sim_chance(s, 30000);
	p->foreign = p->rollback && sim_chance(s, 300000);
	change = p->n < 3 || p->rollback ? 9 : (unsigned)sim_below(s, 8);
	if (change == 0)
		p->learner = 1;
	else if (change == 1 && p->n > 3)
		p->remove = (int)sim_below(s, p->n);
	p->end_us = p->faults_us + 60 * SECOND;
}

static void make_node(struct sim *s, unsigned i)
{
	struct sim_node *n = &s->node[i];
	uint8_t seed[MKT_SEED_LEN] = {(uint8_t)(i + 1)};

	memset(n, 0, sizeof(*n));
	mkt_keypair(&n->pub, &n->key, seed);
	snprintf(n->name, sizeof(n->name), "a%u", i + 1);
	n->rate_ppm = 950000 + (uint32_t)sim_below(s, 100000);
	n->skew_ms = (int64_t)sim_below(s, 2 * SIM_SKEW_MS) - SIM_SKEW_MS;
}

static void make_world(struct sim *s, uint64_t seed)
{
	s->seed = seed;
	s->r.state = seed * 0x9e3779b97f4a7c15u + 1;
	s->now_us = s->order = 0;
	s->nevents = 0;
	s->store_down = s->calm = s->rolled = false;
	s->head = s->epoch = 0;
	s->checked = s->stepping = 0;
	s->fault[0] = '\0';
	memset(s->final, 0, sizeof(s->final));
	memset(s->certified, 0, sizeof(s->certified));
	sim_kv_reset(&s->kv, CLUSTER);
	make_plan(s);
	s->n = s->plan.n + s->plan.learner;
	memset(&s->chain, 7, sizeof(s->chain));
	memset(&s->block[0], 0, sizeof(s->block[0]));
	s->block[0].h.chain = s->chain;
	s->block[0].h.time_ms = SIM_UTC_MS - 1000;
	mkt_header_hash(&s->block[0].h, &s->block[0].hash);
	s->nblocks = 1;
	for (unsigned i = 0; i < s->n; i++)
		make_node(s, i);
	make_sets(s);
	if (s->plan.n >= 3 && !s->plan.rollback && sim_chance(s, 350000)) {
		struct sim_node *n = &s->node[sim_below(s, s->plan.n)];

		n->faulty = (uint8_t)(1 + sim_below(s, SIM_FAULTS - 1));
	}
	s->txs = 0;
	s->change_us =
		s->plan.learner || s->plan.remove >= 0 ? 1 + sim_below(s, s->plan.faults_us) : 0;
}

/* ---- what goes wrong -------------------------------------------------------------------- */

static void restart_later(struct sim *s, unsigned node, uint64_t us)
{
	sim_crash(s, node);
	sim_at(s, us, SIM_RESTART, node, 0, 0, NULL);
}

static void all_power(struct sim *s)
{
	s->store_down = true;
	s->store_down_us = s->now_us + SECOND / 2 + sim_below(s, SECOND);
	for (unsigned i = 0; i < s->n; i++) {
		restart_later(s, i, 100000 + sim_below(s, 2 * SECOND));
		s->node[i].lease_us = 0;
	}
}

static void jump(struct sim *s)
{
	if (!s->plan.jumps)
		return;
	s->node[s->seed % s->plan.n].jump_ms = (int64_t)(sim_below(s, 3)) * 3600000 - 3600000;
}

/* Asked to stop; killed if it does not; started again. */
static void stop(struct sim *s, unsigned node)
{
	struct mkt_q_event ev = {.kind = MKT_QE_STOP};

	sim_at(s, 2 * SECOND + sim_below(s, SECOND), SIM_RESTART, node, s->node[node].life + 1, 0,
	       NULL);
	sim_step(s, node, &ev);
}

static void fault(struct sim *s)
{
	unsigned node = (unsigned)sim_below(s, s->n);
	struct sim_node *n = &s->node[node];

	s->nfaults++;
	switch (sim_below(s, 10)) {
	case 0:
	case 1:
		if (n->up && !n->halted)
			restart_later(s, node, 50000 + sim_below(s, 5 * SECOND));
		break;
	case 2:
	case 3:
		n->paused_us = s->now_us + sim_below(s, 6 * SECOND);
		break;
	case 4:
		n->cut = true;
		sim_at(s, sim_below(s, 5 * SECOND), SIM_HEAL, node, 0, 0, NULL);
		break;
	case 5:
		n->peers_cut = (uint32_t)sim_below(s, 1u << s->n);
		sim_at(s, sim_below(s, 5 * SECOND), SIM_HEAL, node, 0, 0, NULL);
		break;
	case 6:
		s->store_down = true;
		s->store_down_us = s->now_us + sim_below(s, 3 * SECOND);
		break;
	case 7:
		if (!s->plan.rollback && sim_chance(s, 300000))
			all_power(s);
		break;
	case 8:
		if (!s->plan.rollback)
			stop(s, node);
		break;
	default:
		jump(s);
		break;
	}
}

static void heal(struct sim *s, unsigned node)
{
	s->node[node].cut = false;
	s->node[node].peers_cut = 0;
}

static void submit(struct sim *s)
{
	uint64_t tx = UINT64_C(1) << sim_below(s, 48);

	s->txs |= tx;
	for (unsigned i = 0; i < 1 + sim_below(s, 3); i++) {
		unsigned node = (unsigned)sim_below(s, s->n);

		if (s->node[node].up) {
			s->node[node].pool |= tx;
			sim_at(s, 1000, SIM_SUBMIT, node, 0, 0, NULL);
		}
	}
}

/* Clients ask again for what is not final, at another node. */
static void ask_again(struct sim *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->node[i].up && (s->calm || sim_chance(s, 200000))) {
			s->node[i].pool |= s->txs & ~s->block[s->final[s->head]].all;
			sim_at(s, 1000, SIM_SUBMIT, i, 0, 0, NULL);
		}
}

static void roll_back(struct sim *s)
{
	uint64_t back = 1 + sim_below(s, 40);

	s->rolled = true;
	if (s->plan.foreign)
		s->kv.cluster = FOREIGN;
	else
		sim_kv_rollback(&s->kv, s->kv.revision - (back + 4 < s->kv.revision ? back : 1));
	s->checked = s->kv.nlog;
}

static void everything_heals(struct sim *s)
{
	if (s->plan.rollback && s->head > 2)
		roll_back(s);
	s->calm = true;
	s->store_down = false;
	for (unsigned i = 0; i < s->n; i++) {
		struct sim_node *n = &s->node[i];

		heal(s, i);
		n->jump_ms = 0;
		n->paused_us = 0;
		if (!n->up)
			sim_start(s, i);
	}
	submit(s);
}

/* ---- one seed --------------------------------------------------------------------------- */

/* Once every quarter of a second of the world. */
static void beat(struct sim *s)
{
	if (s->store_down && s->now_us >= s->store_down_us)
		s->store_down = false;
	for (unsigned i = 0; i < s->n && !s->store_down; i++) {
		struct sim_node *n = &s->node[i];

		if (n->lease_us && n->lease_us < s->now_us) {
			n->lease_us = 0;
			sim_kv_expire(&s->kv, (int)i);
			sim_store_changed(s);
		}
	}
	if (sim_below(s, 8) == 0)
		ask_again(s);
	if (s->change_us && s->now_us > s->change_us)
		for (unsigned i = 0; i < s->n; i++)
			sim_at(s, 1000, SIM_SUBMIT, i, 0, 0, NULL);
	if (s->calm)
		return;
	if (s->now_us >= s->plan.faults_us)
		everything_heals(s);
	else if (sim_below(s, 3) == 0)
		submit(s);
	if (!s->calm && s->now_us > SECOND && sim_below(s, s->plan.long_run ? 30 : 5) == 0)
		fault(s);
}

static bool for_node(struct sim *s, struct sim_event *e)
{
	const struct sim_node *n = &s->node[e->node];

	if (e->kind == SIM_REQUEST)
		return true; /* on its way, whatever becomes of who sent it */
	if (e->life != n->life && e->kind != SIM_RESTART && e->kind != SIM_HEAL)
		return false;
	if (s->now_us < n->paused_us && e->kind != SIM_HEAL) {
		struct sim_event later = *e;

		later.at_us = n->paused_us;
		push(s, later);
		e->req = NULL;
		return false;
	}
	return true;
}

static void happen(struct sim *s, struct sim_event *e)
{
	if (e->kind == SIM_FAULT) {
		beat(s);
		sim_at(s, SECOND / 4, SIM_FAULT, 0, 0, 0, NULL);
	} else if (!for_node(s, e)) {
		sim_drop(s, e);
	} else if (e->kind == SIM_RESTART) {
		if (e->arg == s->node[e->node].life + 1)
			sim_crash(s, e->node);
		if (!s->node[e->node].up)
			sim_start(s, e->node);
	} else if (e->kind == SIM_HEAL) {
		heal(s, e->node);
	} else {
		sim_happens(s, e);
	}
}

bool sim_run(struct sim *s, uint64_t seed)
{
	bool settled = false;

	make_world(s, seed);
	for (unsigned i = 0; i < s->n; i++)
		sim_start(s, i);
	sim_at(s, SECOND / 4, SIM_FAULT, 0, 0, 0, NULL);
	while (!s->fault[0] && !settled && s->now_us < s->plan.end_us) {
		struct sim_event e = pop(s);

		s->now_us = e.at_us;
		happen(s, &e);
		settled = s->calm && e.kind == SIM_FAULT && sim_check_settled(s);
	}
	if (!settled)
		sim_wrong(s, s->rolled ? "12, 13: not every node halts" : "20: it stands still");
	while (s->nevents) {
		struct sim_event e = pop(s);

		sim_drop(s, &e);
	}
	for (unsigned i = 0; i < s->n; i++)
		sim_crash(s, i);
	return !s->fault[0];
}
