/* What authorities ask each other: bodies under vote, how far, evidence. */
#include "core/base/compat.h"

#include "core/quorum/value.h"
#include "core/units/fmt.h"
#include "ledgerd/api.h"
#include "ledgerd/engine.h"
#include "ledgerd/evidence.h"
#include "ledgerd/health.h"
#include "ledgerd/prepared.h"

static int no_engine(struct mkt_err *err)
{
	return mkt_err_set(err, MKT_ENOTFOUND, "this node is not one of several authorities");
}

/* The encoded block that this node has signed at a height and epoch. */
int ld_get_prepared(struct ld_req *r, struct mkt_err *err)
{
	uint64_t height, epoch = 0;
	int res = ld_param_u64(r, "epoch", UINT64_MAX, &epoch, err);

	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	if (!ld_parse_u64(r->arg, UINT64_MAX, &height))
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is no height", r->arg);
	if (!r->node->engine)
		return no_engine(err);
	res = ld_prepared_get(ld_engine_prepared(r->node->engine), height, epoch, &r->reply.body,
			      err);
	if (res < 0)
		return res;
	r->reply.type = "application/octet-stream";
	r->reply.status = 200;
	return 0;
}

static void put_view(struct mkt_jw *w, struct ld_node *n)
{
	struct mkt_quorum_view v = {.epoch = 0};
	uint64_t now = ld_mono_ms(), lost;

	if (!n->engine)
		return;
	ld_engine_look(n->engine, &v);
	lost = ld_engine_lost_ms(n->engine);
	mkt_jw_kstr(w, "leader", v.leader);
	mkt_jw_ku64(w, "epoch", v.epoch);
	mkt_jw_ku64(w, "head", v.head);
	mkt_jw_ku64(w, "proposal", v.proposal);
	mkt_jw_ku64(w, "votes", v.votes);
	mkt_jw_ku64(w, "needed", v.needed);
	mkt_jw_key(w, "stale_since");
	if (lost)
		mkt_jw_str(w, mkt_fmt_utc_ms(ld_utc_ms() - (now - lost)).s);
	else
		mkt_jw_null(w);
	if (v.halted)
		mkt_jw_kstr(w, "halt", v.halt);
}

/* This node in a few lines: for the others and for who looks after it. */
int ld_get_peer(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct mkt_authorities set;
	struct mkt_hash hash;
	uint64_t height, time_ms;
	struct mkt_jw w;
	int number;

	if (ld_params_done(r, err) < 0)
		return -MKT_EUSAGE;
	ld_node_read(n);
	ld_node_authorities(n, &set);
	ld_node_unread(n);
	number = mkt_authorities_find(&set, &n->pub);
	mkt_chain_head(n->chain, &height, &hash, &time_ms);
	ld_begin(r, &w, "mkt.peer/1");
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "name", number >= 0 ? set.v[number].name : "");
	mkt_jw_kstr(&w, "role", ld_role_name(n));
	mkt_jw_khex(&w, "chain", n->chain_id.b, sizeof(n->chain_id.b));
	mkt_jw_ku64(&w, "durable", height);
	mkt_jw_khex(&w, "hash", hash.b, sizeof(hash.b));
	ld_json_time_ms(&w, "time", time_ms);
	put_view(&w, n);
	mkt_jw_obj_end(&w);
	return ld_end(r, &w, NULL, err);
}

/* ---- evidence ------------------------------------------------------------------------------ */

static void put_evidence(struct ld_node *n, struct mkt_jw *w, const char *name)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_evidence ev;
	struct mkt_authorities set;
	struct mkt_err err;
	char key[MKT_PUBKEY_TEXT];
	bool good;
	int who;

	if (ld_evidence_read(n->conf->dir, name, &bytes, &err) < 0)
		return;
	ld_node_read(n);
	ld_node_authorities(n, &set);
	ld_node_unread(n);
	mkt_jw_obj(w);
	mkt_jw_kstr(w, "id", name);
	mkt_jw_ku64(w, "bytes", bytes.len);
	/* Of one who has left the set, too: two signatures prove themselves. */
	good = mkt_evidence_check(bytes.data, bytes.len, &n->chain_id, &set, &ev, &err) >= 0 ||
	       mkt_evidence_check(bytes.data, bytes.len, &n->chain_id, NULL, &ev, NULL) >= 0;
	if (!good)
		memset(&ev, 0, sizeof(ev));
	who = mkt_authorities_find(&set, &ev.key);
	mkt_pubkey_text(&ev.key, key);
	mkt_jw_kstr(w, "kind",
		    !good                            ? "unproved"
		    : ev.kind == MKT_EVIDENCE_TWICE ? "twice"
						     : "against");
	mkt_jw_kstr(w, "key", good ? key : "");
	mkt_jw_kstr(w, "name", good && who >= 0 ? set.v[who].name : "");
	mkt_jw_ku64(w, "height", ev.a.height);
	mkt_jw_ku64(w, "epoch", ev.a.epoch);
	mkt_jw_obj_end(w);
	mkt_buf_release(&bytes);
}

int ld_get_evidences(struct ld_req *r, struct mkt_err *err)
{
	char(*names)[MKT_HASH_LEN * 2 + 1];
	struct mkt_jw w;
	int n;

	if (ld_params_done(r, err) < 0)
		return -MKT_EUSAGE;
	names = calloc(LD_EVIDENCE_MAX, sizeof(*names));
	if (!names)
		return mkt_err_code(err, MKT_ENOMEM);
	n = ld_evidence_list(r->node->conf->dir, names, LD_EVIDENCE_MAX, err);
	if (n >= 0) {
		ld_begin(r, &w, "mkt.evidence/1");
		mkt_jw_arr(&w);
		for (int i = 0; i < n; i++)
			put_evidence(r->node, &w, names[i]);
		mkt_jw_arr_end(&w);
		r->rows = (uint32_t)n;
	}
	free(names);
	return n < 0 ? n : ld_end(r, &w, NULL, err);
}

int ld_get_evidence(struct ld_req *r, struct mkt_err *err)
{
	int res = ld_params_done(r, err);

	if (res >= 0)
		res = ld_evidence_read(r->node->conf->dir, r->arg, &r->reply.body, err);
	if (res == -MKT_ENOTFOUND)
		mkt_err_set(err, MKT_ENOTFOUND, "there is no evidence '%s'", r->arg);
	if (res < 0)
		return res;
	r->reply.type = "application/octet-stream";
	r->reply.status = 200;
	return 0;
}
