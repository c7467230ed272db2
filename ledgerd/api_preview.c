/* POST /v1/preview: what an envelope would do now; nothing changes. */
#include "core/base/compat.h"

#include "ledgerd/api.h"
#include "ledgerd/reader.h"

static void put_fills(struct mkt_jw *w, const struct ld_node *n, const struct mkt_bid_leg *legs,
		      const struct mkt_preview *p)
{
	mkt_jw_key(w, "fills");
	mkt_jw_arr(w);
	for (uint32_t i = 0; i < p->fills.n && i < MKT_PAGE_ROWS_MAX; i++) {
		const struct mkt_fill *f = &p->fills.v[i];

		mkt_jw_obj(w);
		mkt_jw_ku64s(w, "bid", f->maker_id);
		mkt_jw_ku64(w, "leg", f->taker_leg);
		ld_json_window(w, n, legs[f->taker_leg].window);
		ld_json_tags(w, n, legs[f->taker_leg].tags);
		mkt_jw_ku64(w, "energy_wh", f->wh);
		mkt_jw_ki64(w, "price_upwh", f->price_upwh);
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

/* With the state's lock. */
static void put_preview(struct mkt_jw *w, const struct ld_node *n, const struct mkt_tx *tx,
			const struct mkt_op *op, const struct mkt_preview *p)
{
	char line[MKT_ERR_TEXT_MAX];

	mkt_jw_obj(w);
	mkt_jw_kstr(w, "op", mkt_op_name(op->kind));
	mkt_jw_kstr(w, "code", mkt_code_word(p->err.code));
	if (p->err.code) {
		/* The words of the real call, where its event can tell as much. */
		bool same = ld_refusal(line, n, (unsigned)p->err.code, p->ref, p->more);

		mkt_jw_kstr(w, "message", same ? line : p->err.text);
		mkt_jw_kstr(w, "hint", p->err.hint);
		if (p->leg != MKT_NO_LEG)
			mkt_jw_ku64(w, "leg", p->leg);
	}
	if (op->kind == MKT_OP_BID && !p->err.code) {
		put_fills(w, n, tx->legs + op->u.bid.first_leg, p);
		mkt_jw_ku64(w, "left_wh", p->left_wh);
		mkt_jw_ki64s(w, "escrow_uc", p->escrow_uc);
		mkt_jw_ki64s(w, "cost_uc", p->cost_uc);
	}
	if (!p->err.code)
		mkt_jw_ki64s(w, "available_uc", p->available_uc);
	mkt_jw_obj_end(w);
}

/*
 * What mkt_state_admit() refuses whatever the time; valid-until is compared with
 * now, because the state's time is that of the last block.
 */
static int check_envelope(struct ld_node *n, const struct mkt_tx *tx, uint64_t now_ms,
			  struct mkt_err *err)
{
	int res = mkt_state_admit(n->state, tx, err);

	if (res == -MKT_EACCOUNT || res == -MKT_ESUSPENDED || res == -MKT_ECONFLICT)
		return res;
	if (tx->valid_until_s < now_ms / 1000)
		return mkt_err_code(err, MKT_EEXPIRED);
	if (tx->valid_until_s > now_ms / 1000 + n->g->validity_s)
		return mkt_err_code(err, MKT_EVALIDITY);
	return 0;
}

static int put_all(struct ld_req *r, struct mkt_jw *w, const struct mkt_tx *tx, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	uint64_t now_ms = ld_node_now_ms(n);
	int res;

	ld_node_read(n);
	res = check_envelope(n, tx, now_ms, err);
	for (uint16_t i = 0; i < tx->nops && res >= 0; i++) {
		struct mkt_preview p = {0};

		res = mkt_state_preview(n->state, tx, i, now_ms, &p);
		if (res >= 0)
			put_preview(w, n, tx, &tx->ops[i], &p);
		else
			mkt_err_code(err, -res);
		mkt_preview_release(&p);
		ld_breathe(n, LD_BREATH_ROWS - 1); /* a dry run may be long */
	}
	ld_node_unread(n);
	return res;
}

int ld_post_preview(struct ld_req *r, struct mkt_err *err)
{
	struct mkt_tx tx = MKT_TX_INIT;
	struct mkt_jw w;
	int res = ld_private(r, err);

	if (res >= 0)
		res = ld_params_done(r, err);
	if (res >= 0)
		res = mkt_tx_dec(r->body.data, r->body.len, &r->node->chain_id, &tx, err);
	if (res >= 0)
		res = ld_reader_may(r, tx.account, err);
	if (res >= 0) {
		ld_begin(r, &w, "mkt.preview/1");
		mkt_jw_arr(&w);
		res = put_all(r, &w, &tx, err);
		mkt_jw_arr_end(&w);
	}
	mkt_tx_release(&tx);
	return res < 0 ? res : ld_end(r, &w, NULL, err);
}
