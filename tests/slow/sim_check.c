/*
 * What always holds, looked at after every change of the store and every action.  Numbers are
 * those of the invariants in the protocol's section 6.
 *
 *    1  one certified block for each height          certify()
 *    2  what is final was certified                  head_put()
 *    3  heads go up by one, each on the one before   head_put()
 *    4  nothing of epoch e after takeover e + 1      round_put()
 *    5  one block signed for each (h, e, authority)  sim_check_signature()
 *    6  what was final stays, over loss of all power head_put(), sim_check_settled()
 *    7  a transaction is in one block                head_put()
 *   10  a vote in the store is on the voter's disk   round_put()
 *   12  a store that was rolled back is refused      sim_check_settled()
 *       by all who know better; what those who do not make of it is not looked at
 *   13  so is a foreign one                          sim_check_settled()
 *   15  no bad block time while one clock jumps      head_put()
 *   16  a watch that lost something catches up       sim_check_settled()
 *   17  the quorum is of the set in force            certify()
 *   18  nothing is final without a quorum            sim_check_action(), COMMIT
 *   20  what a faulty leader does is not certified,  certify()
 *       evidence is true, and progress resumes       sim_check_action(), sim_check_settled()
 */
#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "tests/slow/sim_quorum.h"

static void certify(struct sim *s, uint16_t ix)
{
	struct sim_block *b = &s->block[ix];
	const struct mkt_authorities *set = sim_set(s, b);
	uint16_t *there = &s->certified[b->h.height];
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += (b->votes >> i & 1) && mkt_authorities_find(set, &s->node[i].pub) >= 0;
	if (n < mkt_authorities_quorum(set))
		return;
	if (b->bad)
		sim_wrong(s, "20: a bad block is certified at height %u", (unsigned)b->h.height);
	if (*there && *there != ix)
		sim_wrong(s, "1: two blocks are certified at height %u", (unsigned)b->h.height);
	*there = ix;
}

static int node_named(const struct sim *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->node[i].name, name))
			return (int)i;
	return -1;
}

static void voted(struct sim *s, unsigned node, uint16_t ix)
{
	const struct sim_node *n = &s->node[node];

	s->block[ix].votes |= 1u << node;
	if (n->faulty == SIM_HONEST && n->body[ix] != 2 && n->chain[s->block[ix].h.height] != ix)
		sim_wrong(s, "10: %s attested what is not on its disk", n->name);
	certify(s, ix);
}

static void round_put(struct sim *s, const struct mkt_q_key *key, const struct mkt_kv_pair *p)
{
	struct mkt_dec in = mkt_dec_init(p->value, p->len);
	struct mkt_header h;
	struct mkt_hash hash;
	uint16_t ix;
	int who;

	if (key->epoch != s->epoch)
		sim_wrong(s, "4: '%s' was put in epoch %u", p->key, (unsigned)s->epoch);
	mkt_dec_u8(&in);
	if (key->kind == MKT_QK_PROPOSAL) {
		if (mkt_header_dec(&in, &h) < 0)
			return;
		mkt_header_hash(&h, &hash);
		ix = sim_find(s, &hash);
		who = ix ? node_named(s, sim_set(s, &s->block[ix])->v[h.authority].name) : -1;
	} else {
		memcpy(hash.b, mkt_dec_bytes(&in, MKT_HASH_LEN), MKT_HASH_LEN);
		ix = sim_find(s, &hash);
		who = node_named(s, key->name);
	}
	if (!ix || who < 0)
		sim_wrong(s, "'%s' is of no block or of nobody", p->key);
	else
		voted(s, (unsigned)who, ix);
}

static void head_put(struct sim *s, const struct mkt_kv_pair *p)
{
	struct mkt_q_head v;
	const struct sim_block *b;
	uint16_t ix;

	if (mkt_q_head_get(p->value, p->len, &s->chain, NULL, &v) < 0) {
		sim_wrong(s, "2: the head is not one");
		return;
	}
	ix = sim_find(s, &v.hash);
	b = &s->block[ix];
	if (!ix || s->certified[b->h.height] != ix)
		sim_wrong(s, "2: a head that is not certified");
	else if (s->final[b->h.height] && s->final[b->h.height] != ix)
		sim_wrong(s, "6: another block is final at height %u", (unsigned)b->h.height);
	else if (b->h.height != s->head + 1 || b->prev != s->final[s->head])
		sim_wrong(s, "3: the head does not follow the one before");
	else if (b->txs & s->block[b->prev].all)
		sim_wrong(s, "7: a transaction is in two blocks");
	else if (b->h.time_ms < s->block[b->prev].h.time_ms ||
		 b->h.time_ms > sim_utc_ms(s, NULL) + 2000 + SIM_SKEW_MS)
		sim_wrong(s, "15: the time of block %u is wrong", (unsigned)b->h.height);
	s->head = b->h.height;
	s->final[s->head] = ix;
	s->commits++;
}

static void ep_put(struct sim *s, const struct mkt_kv_pair *p)
{
	struct mkt_q_ep v;

	if (mkt_q_ep_get(p->value, p->len, &s->chain, &s->everybody, &v) < 0)
		sim_wrong(s, "'ep' is not good");
	else if (v.epoch <= s->epoch)
		sim_wrong(s, "4: epoch %u follows %u", (unsigned)v.epoch, (unsigned)s->epoch);
	else
		s->epoch = v.epoch;
	s->takeovers++;
}

void sim_check_store(struct sim *s)
{
	for (; s->checked < s->kv.nlog; s->checked++) {
		struct mkt_kv_pair p;
		struct mkt_q_key key;

		sim_kv_pair(&s->kv.log[s->checked], &p);
		mkt_q_key_parse(p.key, &key);
		if (p.deleted || s->rolled)
			continue;
		if (key.kind == MKT_QK_PROPOSAL || key.kind == MKT_QK_VOTE)
			round_put(s, &key, &p);
		else if (key.kind == MKT_QK_HEAD)
			head_put(s, &p);
		else if (key.kind == MKT_QK_EP)
			ep_put(s, &p);
	}
}

static void check_evidence(struct sim *s, const struct mkt_q_action *a)
{
	struct mkt_evidence ev;
	struct mkt_err err;

	s->evidence++;
	if (mkt_evidence_check(a->evidence, a->evidence_len, &s->chain, &s->sets[0], &ev, &err) <
		    0 &&
	    mkt_evidence_check(a->evidence, a->evidence_len, &s->chain, &s->sets[1], &ev, &err) <
		    0) {
		sim_wrong(s, "20: %s", err.text);
		return;
	}
	for (unsigned i = 0; i < s->n; i++)
		if (!memcmp(&ev.key, &s->node[i].pub, sizeof(ev.key)) &&
		    s->node[i].faulty == SIM_HONEST)
			sim_wrong(s, "20: evidence against %s, who did nothing", s->node[i].name);
}

void sim_check_action(struct sim *s, unsigned node, const struct mkt_q_action *a)
{
	const struct sim_node *n = &s->node[node];
	const struct mkt_authorities *set = &s->sets[s->block[n->chain[n->height]].set_after];
	uint16_t ix;

	if (s->rolled)
		return;
	switch (a->kind) {
	case MKT_QA_COMMIT:
		ix = sim_find(s, &a->hash);
		if (!ix || s->final[a->height] != ix)
			sim_wrong(s, "18: %s was told of a final block that is none", n->name);
		else if (mkt_q_votes_good(&a->hash, a->votes, a->nvotes,
					  sim_set(s, &s->block[ix])) <
			 mkt_authorities_quorum(sim_set(s, &s->block[ix])))
			sim_wrong(s, "17: %s was given votes that are no quorum", n->name);
		break;
	case MKT_QA_LEAD:
	case MKT_QA_BUILD:
	case MKT_QA_CHECK:
		if (mkt_authorities_find(set, &n->pub) < 0)
			sim_wrong(s, "17: %s acts and is not in the set", n->name);
		break;
	case MKT_QA_EVIDENCE:
		check_evidence(s, a);
		break;
	case MKT_QA_HALT:
		sim_wrong(s, "%s halts: %s", n->name, a->text);
		break;
	default:
		break;
	}
}

void sim_check_signature(struct sim *s, const struct mkt_pubkey *pub, const struct mkt_hash *hash)
{
	const struct sim_node *n = &s->node[s->stepping];
	uint16_t ix = sim_find(s, hash);

	if (!ix || n->faulty != SIM_HONEST || memcmp(pub, &n->pub, sizeof(*pub)) != 0)
		return;
	for (uint32_t i = 1; i < s->nblocks; i++) {
		const struct sim_block *b = &s->block[i];

		if (i != ix && n->signed_[i] && b->h.height == s->block[ix].h.height &&
		    b->h.epoch == s->block[ix].h.epoch)
			sim_wrong(s, "5: %s signed two blocks at one height and epoch", n->name);
	}
	s->node[s->stepping].signed_[ix] = true;
}

/* Whose chain the store does not hold any more, has halted. */
static bool halted_well(const struct sim *s)
{
	struct mkt_kv_pair p;
	struct mkt_q_head v = {.nvotes = 0};

	if (sim_kv_get(&s->kv, "head", &p) &&
	    mkt_q_head_get(p.value, p.len, &s->chain, NULL, &v) < 0)
		return false;
	for (unsigned i = 0; i < s->n; i++) {
		const struct sim_node *n = &s->node[i];
		bool knows = s->plan.foreign ? n->generation != 0 : n->height > v.header.height;

		if (knows && !n->halted)
			return false;
	}
	return true;
}

/* Everything that was asked for is final on every node. */
bool sim_check_settled(const struct sim *s)
{
	if (s->rolled)
		return halted_well(s);
	if (s->change_us && !s->block[s->final[s->head]].set_after)
		return false;
	if ((s->block[s->final[s->head]].all & s->txs) != s->txs)
		return false;
	for (unsigned i = 0; i < s->n; i++)
		if (s->node[i].height != s->head)
			return false;
	return true;
}
