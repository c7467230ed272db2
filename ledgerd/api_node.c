/*
 * What this node is among the others, for /v1/status: who leads, who seals, who is behind.
 * What is not known is left out.
 */
#include "core/base/compat.h"

#include "ledgerd/api.h"
#include "ledgerd/engine.h"
#include "ledgerd/ingest.h"
#include "ledgerd/health.h"

static const struct mkt_quorum_member *member_named(const struct mkt_quorum_member *m, unsigned n,
						    const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(m[i].name, name))
			return &m[i];
	return NULL;
}

/* The set in force for the next block; who of it is alive, as far as the engine tells. */
static void put_authorities(struct mkt_jw *w, struct ld_node *n, const struct mkt_authorities *set)
{
	struct mkt_quorum_member live[MKT_AUTHORITIES_MAX];
	unsigned nlive = n->engine ? ld_engine_members(n->engine, live, MKT_AUTHORITIES_MAX) : 0;

	mkt_jw_ku64(w, "generation", set->generation);
	mkt_jw_ku64(w, "since", set->since);
	mkt_jw_kstr(w, "quorum", set->quorum == MKT_QUORUM_BFT ? "bft" : "majority");
	mkt_jw_ku64(w, "needed", mkt_authorities_quorum(set));
	mkt_jw_key(w, "members");
	mkt_jw_arr(w);
	for (unsigned i = 0; i < set->n; i++) {
		const struct mkt_quorum_member *m = member_named(live, nlive, set->v[i].name);
		char key[MKT_PUBKEY_TEXT];

		mkt_pubkey_text(&set->v[i].key, key);
		mkt_jw_obj(w);
		mkt_jw_ku64(w, "number", i);
		mkt_jw_kstr(w, "name", set->v[i].name);
		mkt_jw_kstr(w, "key", key);
		if (m) {
			mkt_jw_kbool(w, "alive", m->alive);
			mkt_jw_ku64(w, "height", m->durable);
			mkt_jw_kstr(w, "url", m->url);
		}
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

static void put_engine(struct mkt_jw *w, struct ld_engine *e)
{
	struct mkt_quorum_view v = {.epoch = 0};
	uint64_t now = ld_mono_ms();

	ld_engine_look(e, &v);
	mkt_jw_kstr(w, "leader", v.leader);
	mkt_jw_kbool(w, "leads", v.leading);
	mkt_jw_kbool(w, "engine", v.reachable);
	mkt_jw_ku64(w, "epoch", v.epoch);
	mkt_jw_ku64(w, "head", v.head);
	mkt_jw_ku64(w, "lag_blocks", v.head > v.applied ? v.head - v.applied : 0);
	mkt_jw_ku64(w, "proposal", v.proposal);
	mkt_jw_ku64(w, "votes", v.votes);
	mkt_jw_ku64(w, "quiet_ms", v.progress_ms && now > v.progress_ms ? now - v.progress_ms : 0);
	if (v.halted)
		mkt_jw_kstr(w, "halt", v.halt);
}

void ld_json_engine(struct mkt_jw *w, struct ld_node *n)
{
	if (!n->engine)
		return;
	mkt_jw_key(w, "engine");
	mkt_jw_obj(w);
	put_engine(w, n->engine);
	mkt_jw_obj_end(w);
}

/* Of a node that follows: in the same words as an authority's. */
static void put_lag(struct mkt_jw *w, struct ld_ingest *ingest)
{
	struct ld_ingest_numbers in;
	uint64_t now = ld_mono_ms(), quiet_ms;

	ld_ingest_look(ingest, &in);
	quiet_ms = now > in.heard_ms ? now - in.heard_ms : 0;
	mkt_jw_ku64(w, "lag_blocks", in.upstream > in.height ? in.upstream - in.height : 0);
	mkt_jw_ku64(w, "lag_ms", quiet_ms > LD_POLL_MS ? quiet_ms : 0);
	if (quiet_ms > LD_STALE_MS)
		ld_json_time_ms(w, "stale_since", ld_utc_ms() - quiet_ms);
	if (in.halted)
		mkt_jw_kstr(w, "halt", in.halt);
}

void ld_json_node(struct mkt_jw *w, struct ld_node *n)
{
	struct mkt_authorities set;
	int own;

	ld_node_read(n);
	ld_node_authorities(n, &set);
	ld_node_unread(n);
	own = n->conf->role == LD_FULLNODE ? -1 : mkt_authorities_find(&set, &n->pub);
	mkt_jw_key(w, "node");
	mkt_jw_obj(w);
	mkt_jw_kstr(w, "role", ld_role_name(n));
	if (own >= 0) {
		mkt_jw_ku64(w, "number", (uint64_t)own);
		mkt_jw_kstr(w, "name", set.v[own].name);
	}
	if (n->engine)
		put_engine(w, n->engine);
	if (n->ingest)
		put_lag(w, n->ingest);
	ld_json_upstream(w, n);
	put_authorities(w, n, &set);
	ld_json_alarms(w, n);
	mkt_jw_obj_end(w);
}
