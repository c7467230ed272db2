/* GET /v1/accounts, one account, its story. */
#include "core/base/compat.h"

#include "ledgerd/api.h"
#include "ledgerd/reader.h"
#include "ledgerd/look.h"

static bool each_grant(void *ctx, const struct mkt_grant *g)
{
	struct mkt_jw *w = ctx;

	mkt_jw_obj(w);
	mkt_jw_ku64(w, "to", g->to);
	ld_json_rights(w, g->rights);
	ld_json_until(w, g->until_s);
	mkt_jw_kbool(w, "meter", g->meter);
	mkt_jw_obj_end(w);
	return true;
}

/* With the state's lock: what is borrowed from the state is written at once. */
static void put_account(struct mkt_jw *w, const struct ld_node *n, const struct mkt_account *a)
{
	char key[MKT_PUBKEY_TEXT];

	mkt_pubkey_text(&a->key, key);
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "account", a->number);
	mkt_jw_kstr(w, "name", a->name);
	mkt_jw_kstr(w, "key", key);
	mkt_jw_kstr(w, "class", mkt_class_name(a->cls));
	mkt_jw_kbool(w, "suspended", a->suspended);
	mkt_jw_ki64s(w, "available_uc", a->available_uc);
	mkt_jw_ki64s(w, "held_uc", a->held_uc);
	mkt_jw_ki64s(w, "locked_uc", a->locked_uc);
	mkt_jw_ku64(w, "open_bids", a->open_bids);
	mkt_jw_key(w, "chargers");
	mkt_jw_arr(w);
	for (unsigned i = 0; i < a->nchargers; i++)
		mkt_jw_str(w, a->chargers[i]);
	mkt_jw_arr_end(w);
	mkt_jw_key(w, "grants");
	mkt_jw_arr(w);
	mkt_state_grants(n->state, a->number, each_grant, w);
	mkt_jw_arr_end(w);
	mkt_jw_obj_end(w);
}

int ld_get_accounts(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct mkt_account acc;
	struct mkt_jw w;
	uint64_t at = 0;
	uint32_t limit;
	char next[24];
	int res = ld_reader_may(r, LD_EVERYBODY, err);

	if (res >= 0)
		res = ld_param_u64(r, "after", UINT32_MAX, &at, err);
	at += res == 1;
	if (res >= 0)
		res = ld_param_limit(r, &limit, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	ld_begin(r, &w, "mkt.accounts/1");
	mkt_jw_arr(&w);
	ld_node_read(n);
	for (;
	     r->rows < limit && at <= UINT32_MAX && mkt_state_account(n->state, (uint32_t)at, &acc);
	     at++) {
		put_account(&w, n, &acc);
		ld_breathe(n, r->rows++);
	}
	res = at < mkt_state_accounts(n->state);
	ld_node_unread(n);
	mkt_jw_arr_end(&w);
	snprintf(next, sizeof(next), "%llu", (unsigned long long)at - 1);
	return ld_end(r, &w, res ? next : NULL, err);
}

/* The account that the path names, if the reader may see it. */
static int path_account(struct ld_req *r, uint32_t *number, struct mkt_err *err)
{
	int res;

	ld_node_read(r->node);
	res = ld_find_account(r->node, r->arg, number, err);
	ld_node_unread(r->node);
	return res < 0 ? res : ld_reader_may(r, *number, err);
}

int ld_get_account(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct mkt_account acc;
	uint32_t number;
	struct mkt_jw w;
	int res = ld_private(r, err);

	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	res = path_account(r, &number, err);
	if (res < 0)
		return res;
	ld_node_read(n);
	if (mkt_state_account(n->state, number, &acc)) {
		ld_begin(r, &w, "mkt.account/1");
		put_account(&w, n, &acc);
	}
	ld_node_unread(n);
	return res < 0 ? res : ld_end(r, &w, NULL, err);
}

/* ---- the story ------------------------------------------------------------------------------ */

int ld_put_entry(struct ld_look *l, struct mkt_jw *w, uint64_t entry, struct mkt_err *err)
{
	struct ld_event_at at = {.height = entry >> 24, .n = (uint32_t)(entry & 0xffffff)};
	const struct mkt_tx *tx;
	struct mkt_event ev;
	int res = ld_look_event(l, at.height, at.n, &ev, err);

	if (res >= 0 && ev.kind == MKT_EV_RESULT && ev.tx != MKT_EVENT_NO_TX) {
		res = ld_look_tx(l, at.height, ev.tx, &tx, err);
		if (res >= 0 && ev.op < tx->nops)
			at.operation = &tx->ops[ev.op];
	}
	if (res < 0)
		return res;
	ld_node_read(l->node);
	ld_json_event(w, l->node, &ev, &at);
	ld_node_unread(l->node);
	return 0;
}

int ld_get_story(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	uint64_t from = 0, entries[MKT_PAGE_ROWS_MAX + 1];
	struct ld_look look;
	struct mkt_jw w;
	uint32_t number, limit;
	uint64_t pruned = 0;
	bool down, has_from;
	char next[24];
	int count = 0, res = ld_private(r, err);

	if (res >= 0)
		res = ld_param_u64(r, "from", UINT64_MAX, &from, err);
	has_from = res == 1;
	if (res >= 0)
		res = ld_param_limit(r, &limit, err);
	if (res >= 0)
		res = ld_param_flag(r, "down", &down, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	res = path_account(r, &number, err);
	if (res >= 0)
		count = mkt_chain_story(n->chain, number, down && !has_from ? UINT64_MAX : from,
					down, entries, limit + 1, err);
	if (res < 0 || count < 0)
		return res < 0 ? res : count;
	ld_look_init(&look, n);
	ld_begin(r, &w, "mkt.events/1");
	mkt_jw_arr(&w);
	for (; r->rows < (uint32_t)count && r->rows < limit && res >= 0; r->rows++) {
		res = ld_put_entry(&look, &w, entries[r->rows], err);
		if (res != -MKT_EPRUNED)
			continue;
		res = 0;
		if (entries[r->rows] >> 24 > pruned)
			pruned = entries[r->rows] >> 24;
	}
	mkt_jw_arr_end(&w);
	if (pruned) /* entries up to this block were left out */
		mkt_jw_ku64(&w, "pruned", pruned);
	ld_look_release(&look);
	if (res < 0)
		return res;
	if ((uint32_t)count > limit)
		snprintf(next, sizeof(next), "%llu", (unsigned long long)entries[limit]);
	return ld_end(r, &w, (uint32_t)count > limit ? next : NULL, err);
}
