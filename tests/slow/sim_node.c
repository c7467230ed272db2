/* An authority's owner: disk, chain, network, and what quorum.h asks of who drives it. */
#include "core/base/compat.h"

#include "tests/slow/sim_quorum.h"

#define TIMEOUT_US 400000
#define LEASE_US 3000000
#define INTERVAL_MS 250
#define HEARTBEAT_US 3000000

static uint64_t mono_ms(const struct sim *s, const struct sim_node *n)
{
	return s->now_us / 1000 * n->rate_ppm / 1000000 + 1000;
}

uint64_t sim_utc_ms(const struct sim *s, const struct sim_node *n)
{
	uint64_t ms = SIM_UTC_MS + s->now_us / 1000;

	return n ? (uint64_t)((int64_t)ms + n->skew_ms + n->jump_ms) : ms;
}

static uint64_t delay(struct sim *s)
{
	if (s->plan.slow && !s->calm && sim_chance(s, 60000))
		return sim_below(s, 4000000);
	return 500 + sim_below(s, 3000);
}

/* ---- transactions on their way ---------------------------------------------------------- */

static struct sim_request *request(struct sim *s)
{
	struct sim_request *r = s->spare;

	if (r)
		s->spare = r->next;
	else
		r = malloc(sizeof(*r));
	if (!r)
		abort();
	return r;
}

static void release(struct sim *s, struct sim_request *r)
{
	if (--r->refs)
		return;
	r->next = s->spare;
	s->spare = r;
}

static void copy_op(struct mkt_kv_op *to, const struct mkt_kv_op *from)
{
	to->kind = from->kind;
	to->leased = from->leased;
	memcpy(to->key, from->key, sizeof(to->key));
	memcpy(to->end, from->end, sizeof(to->end));
	to->len = from->len;
	memcpy(to->value, from->value, from->len);
}

static void copy_txn(struct mkt_kv_txn *to, const struct mkt_kv_txn *from)
{
	to->ncmps = from->ncmps;
	to->nthen = from->nthen;
	to->nels = from->nels;
	memcpy(to->cmp, from->cmp, from->ncmps * sizeof(*to->cmp));
	for (unsigned i = 0; i < from->nthen; i++)
		copy_op(&to->then[i], &from->then[i]);
	for (unsigned i = 0; i < from->nels; i++)
		copy_op(&to->els[i], &from->els[i]);
}

/* The epoch is not compared when a vote is put: planted. */
static void plant(struct mkt_kv_txn *t)
{
	bool vote = t->nthen == 1 && t->then[0].kind == MKT_KV_PUT && t->then[0].key[0] == 'a';

	if (sim_plant == SIM_NO_EPOCH && vote)
		t->cmp[0] = t->cmp[--t->ncmps];
}

/* The block @ix on an old parent: registered once. */
static uint16_t stale_block(struct sim *s, unsigned node, uint16_t ix)
{
	struct sim_block *b = &s->block[s->nblocks];
	uint16_t there;

	*b = s->block[ix];
	b->bad = true;
	b->votes = 0;
	b->h.prev = s->block[0].hash;
	b->h.state.b[30] ^= 1;
	mkt_header_hash(&b->h, &b->hash);
	there = sim_find(s, &b->hash);
	if (there)
		return there;
	s->node[node].body[s->nblocks] = 2;
	return (uint16_t)s->nblocks++;
}

/* A leader that proposes on an old parent: what its core made is changed on the way. */
static void spoil(struct sim *s, unsigned node, struct mkt_kv_txn *t)
{
	struct sim_node *n = &s->node[node];
	struct mkt_q_proposal p = {.body_len = 100};
	struct mkt_q_vote v;
	uint16_t ix;

	if (n->faulty != SIM_STALE || t->nthen != 2 || t->then[0].key[0] != 'p')
		return;
	memcpy(v.hash.b, t->then[1].value + 1, MKT_HASH_LEN);
	ix = stale_block(s, node, sim_find(s, &v.hash));
	p.header = s->block[ix].h;
	p.hash = v.hash = s->block[ix].hash;
	mkt_header_sign(&p.hash, &n->key, &p.sig);
	v.sig = p.sig;
	t->then[0].len = mkt_q_proposal_put(&p, &n->key, t->then[0].value);
	t->then[1].len = mkt_q_vote_put(&v, t->then[1].value);
}

static void send_txn(struct sim *s, unsigned node, const struct mkt_q_action *a)
{
	struct sim_request *r = request(s);

	r->refs = 1;
	r->id = a->txn_id;
	r->answered = false;
	r->answer = NULL;
	r->sent_us = s->now_us;
	copy_txn(&r->t, a->txn);
	plant(&r->t);
	spoil(s, node, &r->t);
	sim_at(s, TIMEOUT_US, SIM_TIMEOUT, node, 0, 0, r);
	if (s->node[node].cut || (!s->calm && sim_chance(s, s->plan.loss_ppm)))
		return;
	r->refs++;
	sim_at(s, delay(s), SIM_REQUEST, node, true, 0, r);
	if (!s->calm && sim_chance(s, s->plan.repeat_ppm)) {
		r->refs++;
		sim_at(s, delay(s) + delay(s), SIM_REQUEST, node, false, 0, r);
	}
}

static bool reads_only(const struct mkt_kv_txn *t)
{
	for (unsigned i = 0; i < t->nthen; i++)
		if (t->then[i].kind != MKT_KV_GET && t->then[i].kind != MKT_KV_PREFIX)
			return false;
	return !t->ncmps;
}

static struct mkt_kv_answer *kept(const struct mkt_kv_answer *a)
{
	size_t n = offsetof(struct mkt_kv_answer, pairs) + a->npairs * sizeof(*a->pairs);
	struct mkt_kv_answer *to = sim_kv_alloc(n);

	memcpy(to, a, n);
	return to;
}

/* At the store; the first of several sendings is the one that is answered. */
static void at_store(struct sim *s, const struct sim_event *e)
{
	static struct mkt_kv_answer a;
	struct sim_request *r = e->req;
	uint64_t at = 0;

	if (s->store_down) {
		if (!e->arg || sim_chance(s, 500000))
			return;
		a = (struct mkt_kv_answer){.outcome = MKT_KV_REFUSED};
	} else {
		if (s->plan.stale && !s->calm && reads_only(&r->t) && sim_chance(s, 200000))
			at = s->kv.revision -
			     sim_below(s, s->kv.revision < 30 ? s->kv.revision : 30);
		sim_kv_run(&s->kv, &r->t, (int)e->node, at, &a);
		sim_store_changed(s);
		if (s->node[e->node].lease_us < s->now_us)
			s->node[e->node].lease_us = s->now_us + LEASE_US; /* a new one */
	}
	if (e->life != s->node[e->node].life)
		return; /* who asked is no more */
	if (!e->arg || s->node[e->node].cut || (!s->calm && sim_chance(s, s->plan.loss_ppm)))
		return;
	r->answer = kept(&a);
	r->refs++;
	sim_at(s, delay(s), SIM_ANSWER, e->node, 0, 0, r);
}

static void reachable(struct sim *s, unsigned node, bool yes)
{
	struct sim_node *n = &s->node[node];
	struct mkt_q_event ev = {.kind = MKT_QE_LOST, .yes = !yes};

	n->unknowns = yes ? 0 : n->unknowns + 1;
	if (yes ? !n->lost : n->lost || n->unknowns < 4)
		return;
	n->lost = !yes;
	sim_step(s, node, &ev);
}

static void answer(struct sim *s, const struct sim_event *e)
{
	static const struct mkt_kv_answer unknown = {.outcome = MKT_KV_UNKNOWN};
	struct sim_request *r = e->req;
	struct mkt_q_event ev = {.kind = MKT_QE_ANSWER, .txn_id = r->id};

	if (r->answered)
		return;
	r->answered = true;
	ev.answer = e->kind == SIM_ANSWER ? r->answer : &unknown;
	sim_step(s, e->node, &ev);
	reachable(s, e->node, e->kind == SIM_ANSWER && r->answer->outcome != MKT_KV_REFUSED);
}

/* ---- watch ------------------------------------------------------------------------------ */

static void watch_lost(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];

	n->watching = false;
	n->watch++;
	sim_at(s, 50000 + sim_below(s, s->calm ? 100000 : 1500000), SIM_RESYNC, node, n->watch, 0,
	       NULL);
}

void sim_store_changed(struct sim *s)
{
	uint32_t from = s->checked;

	sim_check_store(s);
	for (unsigned i = 0; i < s->n; i++) {
		struct sim_node *n = &s->node[i];
		uint64_t at = s->now_us + delay(s);

		if (!n->up || !n->watching || from == s->kv.nlog)
			continue;
		if (n->cut || (!s->calm && sim_chance(s, s->plan.loss_ppm / 4))) {
			watch_lost(s, i);
			continue;
		}
		n->watch_us = at > n->watch_us ? at : n->watch_us;
		for (uint32_t c = from; c < s->kv.nlog; c++)
			sim_at(s, n->watch_us - s->now_us, SIM_WATCH, i, n->watch, c, NULL);
	}
}

static void seen(struct sim *s, unsigned node, const struct mkt_kv_pair *p)
{
	struct mkt_q_event ev = {.kind = MKT_QE_SEEN, .pair = p};

	sim_step(s, node, &ev);
}

static void watched(struct sim *s, const struct sim_event *e)
{
	struct mkt_kv_pair p;

	if (e->arg != s->node[e->node].watch || e->more >= s->kv.nlog)
		return;
	sim_kv_pair(&s->kv.log[e->more], &p);
	seen(s, e->node, &p);
}

/* All that stands is told again; what was deleted meanwhile is not. */
static void resync(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n = &s->node[e->node];
	uint32_t life = n->life;

	if (e->arg != n->watch)
		return;
	if (n->cut || s->store_down) {
		watch_lost(s, e->node);
		return;
	}
	n->watching = true;
	n->watch_us = s->now_us;
	for (uint32_t i = 0; i < s->kv.nkeys && n->life == life; i++) {
		struct mkt_kv_pair p;

		if (sim_kv_get(&s->kv, s->kv.keys[i]->key, &p))
			seen(s, e->node, &p);
	}
}

/* ---- disk and chain --------------------------------------------------------------------- */

bool sim_works(const struct sim *s, const struct sim_node *n)
{
	const struct sim_block *top = &s->block[n->chain[n->height]];

	return (n->pool & ~top->all) ||
	       (s->change_us && s->now_us >= s->change_us && !top->set_after);
}

static void work(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];
	bool yes = sim_works(s, n);
	struct mkt_q_event ev = {.kind = MKT_QE_WORK, .yes = yes};

	if (!n->up || n->working == yes)
		return;
	n->working = yes;
	sim_step(s, node, &ev);
}

/* Who can give the body of @ix to @node; -1. */
static int source(struct sim *s, unsigned node, uint16_t ix)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct sim_node *o = &s->node[i];

		if (i != node && o->up && s->now_us >= o->paused_us && sim_reach(s, i, node) &&
		    o->faulty != SIM_WITHHOLD &&
		    (o->body[ix] == 2 || o->chain[s->block[ix].h.height] == ix))
			return (int)i;
	}
	return -1;
}

static void append(struct sim *s, unsigned node, uint16_t ix)
{
	struct sim_node *n = &s->node[node];
	struct sim_block *b = &s->block[ix];
	struct mkt_q_event ev = {.kind = MKT_QE_APPLIED,
				 .header = &b->h,
				 .hash = b->hash,
				 .set = &s->sets[b->set_after]};

	if (!n->up || b->h.height != n->height + 1)
		return;
	if (s->final[b->h.height] != ix && !s->rolled)
		sim_wrong(s, "18: %s appends a block that is not final", n->name);
	n->height++;
	n->chain[n->height] = ix;
	sim_step(s, node, &ev);
	work(s, node);
}

/* Towards the height that is final: the next block, from this disk or another's. */
static void chase(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n = &s->node[e->node];
	uint16_t ix = s->final[n->height + 1];

	n->chasing = false;
	if (n->height >= n->target || !ix)
		return;
	n->chasing = true;
	if (n->body[ix] == 2 || source(s, e->node, ix) >= 0)
		sim_at(s, 500 + sim_below(s, 4000), SIM_APPEND, e->node, ix, 0, NULL);
	else
		sim_at(s, 100000, SIM_CHASE, e->node, 0, 0, NULL);
}

static void aim(struct sim *s, unsigned node, uint64_t height)
{
	struct sim_node *n = &s->node[node];

	n->target = height > n->target ? height : n->target;
	if (!n->chasing)
		sim_at(s, 0, SIM_CHASE, node, 0, 0, NULL);
	n->chasing = true;
}

static void appended(struct sim *s, const struct sim_event *e)
{
	s->node[e->node].chasing = false;
	append(s, e->node, (uint16_t)e->arg);
	if (s->node[e->node].up)
		aim(s, e->node, s->node[e->node].target);
}

/* ---- checking --------------------------------------------------------------------------- */

static void checked(struct sim *s, unsigned node, uint16_t ix, uint8_t verdict)
{
	const struct sim_block *b = &s->block[ix];
	struct mkt_q_event ev = {.kind = MKT_QE_CHECKED,
				 .height = b->h.height,
				 .epoch = b->h.epoch,
				 .hash = b->hash,
				 .verdict = verdict};

	sim_step(s, node, &ev);
}

static void check(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n = &s->node[e->node];
	uint16_t ix = (uint16_t)e->arg;

	if (s->block[ix].h.height != n->height + 1)
		return; /* taken back by a COMMIT */
	if (n->body[ix] == 2) {
		checked(s, e->node, ix, MKT_Q_GOOD);
	} else if (source(s, e->node, ix) < 0) {
		checked(s, e->node, ix, MKT_Q_NO_BODY);
	} else if (!s->calm && sim_chance(s, 20000)) {
		checked(s, e->node, ix, MKT_Q_NOT_NOW);
	} else if (s->block[ix].bad) {
		checked(s, e->node, ix, MKT_Q_BAD);
	} else {
		n->body[ix] = 1;
		sim_at(s, 300 + sim_below(s, 5000), SIM_SYNC, e->node, ix, 0, NULL);
	}
}

static void synced(struct sim *s, const struct sim_event *e)
{
	s->node[e->node].body[e->arg] = 2;
	checked(s, e->node, (uint16_t)e->arg, MKT_Q_GOOD);
}

/* ---- building --------------------------------------------------------------------------- */

static uint64_t choose(struct sim *s, const struct sim_node *n, const struct sim_block *top)
{
	uint64_t left = n->pool & ~top->all;

	for (unsigned i = 0; i < 3; i++) /* a block takes some, not all */
		left &= ~(UINT64_C(1) << sim_below(s, 64));
	return left ? left : n->pool & ~top->all;
}

static uint16_t make_block(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];
	const struct sim_block *top = &s->block[n->chain[n->height]];
	const struct mkt_authorities *set = &s->sets[top->set_after];
	struct sim_block *b = &s->block[s->nblocks];
	bool change = s->change_us && s->now_us >= s->change_us && !top->set_after;
	uint64_t now = sim_utc_ms(s, n);

	memset(b, 0, sizeof(*b));
	b->txs = change ? 0 : choose(s, n, top);
	b->all = top->all | b->txs;
	b->prev = n->chain[n->height];
	b->set_after = change ? 1 : top->set_after;
	b->bad = n->faulty == SIM_BAD_ROOT || n->faulty == SIM_FUTURE;
	b->h = (struct mkt_header){.chain = s->chain,
				   .prev = top->hash,
				   .height = n->height + 1,
				   .time_ms = now > top->h.time_ms ? now : top->h.time_ms,
				   .epoch = n->build_e};
	b->h.time_ms += n->faulty == SIM_FUTURE ? 3600000 : 0;
	b->h.authority = (uint16_t)mkt_authorities_find(set, &n->pub);
	mkt_authorities_set_hash(set, &b->h.authorities);
	memcpy(b->h.tx_root.b, &b->txs, sizeof(b->txs));
	memcpy(b->h.state.b, &b->all, sizeof(b->all));
	b->h.state.b[31] = b->set_after;
	mkt_header_hash(&b->h, &b->hash);
	return (uint16_t)s->nblocks++;
}

static void seal(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n = &s->node[e->node];
	uint16_t ix;

	if (!n->building || e->more != n->build_e || n->build_h != n->height + 1)
		return;
	if (!sim_works(s, n) && s->now_us < n->built_us + HEARTBEAT_US) {
		sim_at(s, 100000, SIM_SEAL, e->node, 0, e->more, NULL);
		return;
	}
	if (s->nblocks + 2 >= SIM_BLOCKS)
		return;
	n->building = false;
	n->built_us = s->now_us;
	ix = make_block(s, e->node);
	n->body[ix] = 1;
	sim_at(s, 300 + sim_below(s, 5000), SIM_SEALED, e->node, ix, e->more, NULL);
}

/* A second block at the same height and epoch, told to one peer only. */
static void whisper(struct sim *s, unsigned node, uint16_t ix)
{
	unsigned peer = (unsigned)sim_below(s, s->n);
	uint32_t other = s->nblocks++;
	struct sim_block *b = &s->block[other];

	*b = s->block[ix];
	b->bad = true;
	b->votes = 0;
	b->h.state.b[29] ^= 1;
	mkt_header_hash(&b->h, &b->hash);
	sim_at(s, delay(s) + 5000, SIM_HEARD, peer, other, node, NULL);
}

static void sealed(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n = &s->node[e->node];
	struct mkt_q_event ev = {.kind = MKT_QE_BUILT, .header = &s->block[e->arg].h};

	n->body[e->arg] = 2;
	ev.body_len = 100;
	if (n->faulty == SIM_TWICE)
		whisper(s, e->node, (uint16_t)e->arg);
	sim_step(s, e->node, &ev);
}

static void heard(struct sim *s, const struct sim_event *e)
{
	const struct sim_block *b = &s->block[e->arg];
	struct mkt_q_event ev = {.kind = MKT_QE_HEARD, .header = &b->h};

	mkt_header_sign(&b->hash, &s->node[e->more].key, &ev.sig);
	sim_step(s, e->node, &ev);
}

/* ---- steps ------------------------------------------------------------------------------ */

static void build(struct sim *s, unsigned node, const struct mkt_q_action *a)
{
	struct sim_node *n = &s->node[node];
	uint64_t next = n->built_us + INTERVAL_MS * 1000;

	if (a->height != n->height + 1)
		sim_wrong(s, "%s is to build at %u and is at %u", n->name, (unsigned)a->height,
			  (unsigned)n->height);
	n->building = true;
	n->build_h = a->height;
	n->build_e = a->epoch;
	sim_at(s, next > s->now_us ? next - s->now_us : 0, SIM_SEAL, node, 0, a->epoch, NULL);
}

/* What one reads to understand a seed. */
static void trace(const struct sim *s, unsigned node, const struct mkt_q_action *a)
{
	static const char *const name[] = {
		"txn",	  "LEAD",     "FOLLOW", "BUILD", "CHECK",   "COMMIT", "CATCH_UP",
		"FORGET", "EVIDENCE", "JOINED", "ALARM", "STOPPED", "HALT",
	};
	const struct mkt_kv_txn *t = a->txn;

	printf("%8.3f %s %s %u/%u %s", (double)s->now_us / 1e6, s->node[node].name, name[a->kind],
	       (unsigned)a->height, (unsigned)a->epoch, a->text);
	for (unsigned i = 0; t && i < t->nthen; i++)
		if (t->then[i].kind == MKT_KV_PUT)
			printf(" put %s", t->then[i].key);
	printf("\n");
}

static void act(struct sim *s, unsigned node, const struct mkt_q_action *a)
{
	struct sim_node *n = &s->node[node];

	if (sim_trace)
		trace(s, node, a);
	sim_check_action(s, node, a);
	switch (a->kind) {
	case MKT_QA_TXN:
		send_txn(s, node, a);
		break;
	case MKT_QA_FOLLOW:
		n->building = false;
		break;
	case MKT_QA_BUILD:
		build(s, node, a);
		break;
	case MKT_QA_CHECK:
		sim_at(s, 500 + sim_below(s, 5000), SIM_CHECK, node, sim_find(s, &a->hash), 0,
		       NULL);
		break;
	case MKT_QA_COMMIT:
	case MKT_QA_CATCH_UP:
		aim(s, node, a->height);
		break;
	case MKT_QA_JOINED:
		n->generation = a->generation;
		n->cluster = a->cluster;
		break;
	case MKT_QA_HALT:
		n->halted = true;
		n->building = false;
		break;
	case MKT_QA_STOPPED:
		sim_crash(s, node);
		break;
	default:
		break;
	}
}

/* Actions are copied out: an owner may step again while it does them. */
void sim_step(struct sim *s, unsigned node, struct mkt_q_event *ev)
{
	static struct mkt_q_out out;
	struct sim_node *n = &s->node[node];
	uint32_t life = n->life;
	uint64_t at;

	if (!n->up || s->fault[0])
		return;
	ev->mono_ms = mono_ms(s, n);
	ev->utc_ms = sim_utc_ms(s, n);
	s->stepping = node;
	s->steps++;
	mkt_quorum_step(n->q, ev, &out);
	for (unsigned i = 0; i < out.n && n->life == life; i++)
		act(s, node, &out.v[i]);
	at = (out.timer_ms - 1000) * 1000000 / n->rate_ppm * 1000 + 1000;
	if (n->life == life && (n->tick_us <= s->now_us || at < n->tick_us)) {
		n->tick_us = at > s->now_us ? at : s->now_us + 1000;
		sim_at(s, n->tick_us - s->now_us, SIM_TICK, node, 0, n->tick_us, NULL);
	}
}

static void tick(struct sim *s, const struct sim_event *e)
{
	struct mkt_q_event ev = {.kind = MKT_QE_TICK};

	if (e->more != s->node[e->node].tick_us)
		return;
	s->node[e->node].tick_us = 0;
	sim_step(s, e->node, &ev);
}

static void keepalive(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n = &s->node[e->node];

	if (!n->cut && !s->store_down)
		n->lease_us = s->now_us + LEASE_US;
	sim_at(s, 1000000, SIM_KEEPALIVE, e->node, 0, 0, NULL);
}

void sim_happens(struct sim *s, struct sim_event *e)
{
	switch (e->kind) {
	case SIM_TICK:
		tick(s, e);
		break;
	case SIM_REQUEST:
		at_store(s, e);
		break;
	case SIM_ANSWER:
	case SIM_TIMEOUT:
		answer(s, e);
		break;
	case SIM_WATCH:
		watched(s, e);
		break;
	case SIM_RESYNC:
		resync(s, e);
		break;
	case SIM_CHECK:
		check(s, e);
		break;
	case SIM_SYNC:
		synced(s, e);
		break;
	case SIM_SEAL:
		seal(s, e);
		break;
	case SIM_SEALED:
		sealed(s, e);
		break;
	case SIM_CHASE:
		chase(s, e);
		break;
	case SIM_APPEND:
		appended(s, e);
		break;
	case SIM_HEARD:
		heard(s, e);
		break;
	case SIM_KEEPALIVE:
		keepalive(s, e);
		break;
	default:
		work(s, e->node);
		break; /* SIM_SUBMIT */
	}
	sim_drop(s, e);
}

void sim_drop(struct sim *s, struct sim_event *e)
{
	if (e->req)
		release(s, e->req);
}

/* ---- start, crash ----------------------------------------------------------------------- */

static unsigned votes_of(const struct sim *s, const struct sim_node *n, struct mkt_quorum_vote *v)
{
	unsigned nvotes = 0;

	for (uint32_t i = 1; i < s->nblocks && nvotes < 256; i++)
		if (n->body[i] == 2 && s->block[i].h.height > n->height)
			v[nvotes++] = (struct mkt_quorum_vote){.height = s->block[i].h.height,
							       .epoch = s->block[i].h.epoch,
							       .hash = s->block[i].hash};
	return nvotes;
}

void sim_start(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];
	const struct sim_block *top = &s->block[n->chain[n->height]];
	struct mkt_quorum_vote votes[256];
	struct mkt_quorum_conf c = {.chain = s->chain,
				    .key = n->key,
				    .interval_ms = INTERVAL_MS,
				    .height = n->height,
				    .hash = top->hash,
				    .time_ms = top->h.time_ms,
				    .set = s->sets[top->set_after],
				    .generation = n->generation,
				    .cluster = n->cluster};
	struct mkt_q_event ev = {.kind = MKT_QE_TICK};
	struct mkt_err err;

	snprintf(c.name, sizeof(c.name), "%s", n->name);
	snprintf(c.url, sizeof(c.url), "https://%s", n->name);
	if (mkt_quorum_new(&c, votes, votes_of(s, n, votes), &n->q, &err) < 0) {
		sim_wrong(s, "%s does not start: %s", n->name, err.text);
		return;
	}
	n->up = true;
	n->working = n->building = n->chasing = n->lost = false;
	n->unknowns = 0;
	n->target = n->paused_us = n->tick_us = 0;
	watch_lost(s, node);
	sim_at(s, 1000, SIM_KEEPALIVE, node, 0, 0, NULL);
	sim_step(s, node, &ev);
	work(s, node);
}

/* What was written and not synced is there after, or is not. */
void sim_crash(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];

	if (!n->up)
		return;
	mkt_quorum_free(n->q);
	n->q = NULL;
	n->up = n->watching = false;
	n->life++;
	n->watch++;
	n->pool = 0;
	for (uint32_t i = 0; i < s->nblocks; i++)
		if (n->body[i] == 1)
			n->body[i] = sim_chance(s, 500000) ? 2 : 0;
}
