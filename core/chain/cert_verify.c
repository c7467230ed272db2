/*
 * Checking a certificate: genesis, the authorities from genesis on, headers, paths,
 * and that the parts tell one story.
 */
#include "core/base/compat.h"

#include <stdarg.h>

#include "core/chain/cert.h"
#include "core/chain/verify.h"
#include "core/units/checked.h"

struct check {
	const struct mkt_cert *c;
	const struct mkt_cert_check *how;
	struct mkt_cert_facts f;
	struct mkt_genesis g;
	struct mkt_authorities set; /* in force for the next header */
	unsigned change;	    /* next of the changes */
	struct mkt_tx tx;	    /* scratch */
};

static void MKT_PRINTF(2, 3) say(struct check *k, const char *fmt, ...)
{
	char text[320];
	va_list ap;

	if (!k->how->say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	k->how->say(k->how->ctx, text);
}

static int wrong(struct mkt_err *err, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "the certificate proves nothing: %s", what);
}

/* ---- the chain and its authorities -------------------------------------------------------- */

static int check_genesis(struct check *k, struct mkt_err *err)
{
	const struct mkt_bytes *b = &k->c->genesis;
	const struct mkt_hash *want = k->how->trust->chain;

	mkt_genesis_id(b->p, b->n, &k->f.chain);
	if (want && !mkt_hash_eq(want, &k->f.chain))
		return wrong(err, "its genesis is not that of the chain");
	if (mkt_genesis_dec(b->p, b->n, &k->g, NULL) < 0)
		return wrong(err, "its genesis is not well formed");
	mkt_authorities_of(&k->g, &k->set);
	snprintf(k->f.name, sizeof(k->f.name), "%s", k->g.name);
	snprintf(k->f.currency, sizeof(k->f.currency), "%s", k->g.currency);
	snprintf(k->f.zone, sizeof(k->f.zone), "%s", k->g.zone);
	k->f.window_s = k->g.window_s;
	say(k,
	    want ? "genesis: of chain '%s', the one that was named"
		 : "genesis: of a chain that is called '%s'",
	    k->g.name);
	return 0;
}

/* The next block that changed the set. */
static int take_change(struct check *k, struct mkt_err *err)
{
	const struct mkt_bytes *bytes = &k->c->changes[k->change];
	uint32_t generation = k->set.generation;
	struct mkt_block b;
	int r = mkt_block_dec(bytes->p, bytes->n, &b, err);

	if (!r && b.h.height <= k->set.since)
		return wrong(err, "the changes of authorities are not in order");
	if (!r)
		r = mkt_verify_static(&b, &k->set, &k->f.chain, err);
	if (!r)
		r = mkt_verify_next_set(&b, &k->f.chain, &k->set, err);
	if (!r && k->set.generation == generation)
		return wrong(err, "a block is there that changes no authorities");
	k->change++;
	if (!r)
		say(k, "authorities: changed in block %llu, now %u", (unsigned long long)b.h.height,
		    k->set.n);
	return r;
}

static bool change_is_before(const struct check *k, uint64_t height)
{
	const struct mkt_bytes *bytes = &k->c->changes[k->change];
	struct mkt_block b;

	if (k->change >= k->c->nchanges)
		return false;
	/* One that cannot be read is found at once. */
	return mkt_block_dec_head(bytes->p, bytes->n, &b, NULL, NULL) < 0 || b.h.height < height;
}

/* More than half of the keys that the user trusts have signed. */
static bool keys_signed(const struct check *k, const struct mkt_block *b)
{
	const struct mkt_cert_trust *t = k->how->trust;
	unsigned n = 0;

	for (unsigned i = 0; i < t->nkeys; i++) {
		int who = mkt_authorities_find(&k->set, &t->keys[i]);

		for (unsigned v = 0; v < b->nvotes && who >= 0; v++)
			n += b->votes[v].authority == who;
	}
	return n > t->nkeys / 2;
}

static int check_heads(struct check *k, struct mkt_err *err)
{
	for (unsigned i = 0; i < k->c->nheads; i++) {
		const struct mkt_block *b = &k->c->heads[i];
		int r = 0;

		while (!r && change_is_before(k, b->h.height))
			r = take_change(k, err);
		if (!r)
			r = mkt_verify_head(b, &k->set, &k->f.chain, err);
		if (r < 0)
			return r;
		if (k->how->trust->nkeys && !keys_signed(k, b))
			return wrong(err, "the authorities that you trust have not signed it");
		say(k, "block %llu: signed by %u of %u authorities",
		    (unsigned long long)b->h.height, b->nvotes, k->set.n);
		k->f.authorities = b->nvotes;
	}
	return k->change == k->c->nchanges ? 0 : wrong(err, "a change of authorities is too late");
}

/* ---- parts -------------------------------------------------------------------------------- */

static const struct mkt_block *head_of(const struct check *k, unsigned what)
{
	return &k->c->heads[k->c->items[what].head];
}

static int check_path(struct check *k, unsigned what, bool tx, struct mkt_err *err)
{
	const struct mkt_cert_item *it = &k->c->items[what];
	const struct mkt_block *b = head_of(k, what);
	struct mkt_hash leaf;

	mkt_hash(&leaf, MKT_DOM_LEAF, it->p, it->n);
	if (!mkt_merkle_ok(&it->proof, &leaf, tx ? &b->h.tx_root : &b->h.event_root))
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "the certificate proves nothing: "
				   "a part does not lead to the root of block %llu",
				   (unsigned long long)b->h.height);
	return 0;
}

static int take_event(struct check *k, unsigned what, uint8_t kind, struct mkt_event *ev,
		      struct mkt_err *err)
{
	const struct mkt_cert_item *it = &k->c->items[what];
	struct mkt_dec in = mkt_dec_init(it->p, it->n);
	int r = check_path(k, what, false, err);

	if (r < 0)
		return r;
	if (mkt_event_dec(&in, ev) < 0 || mkt_dec_end(&in) < 0 || ev->kind != kind)
		return wrong(err, "an event is of another kind");
	return 0;
}

/* The envelope @what into k->tx, and that @ev is of its operation of kind @kind. */
static int take_tx(struct check *k, unsigned what, const struct mkt_event *ev,
		   const struct mkt_op **op, struct mkt_err *err)
{
	const struct mkt_cert_item *it = &k->c->items[what];
	int r = check_path(k, what, true, err);

	if (r < 0)
		return r;
	r = mkt_tx_dec(it->p, it->n, &k->f.chain, &k->tx, NULL);
	if (r == -MKT_ENOMEM)
		return mkt_err_code(err, MKT_ENOMEM);
	if (r < 0)
		return wrong(err, "an envelope is not well formed");
	if (it->head != k->c->items[what + 1].head || ev->tx != it->proof.ix ||
	    ev->op >= k->tx.nops)
		return wrong(err, "an event is not of the envelope beside it");
	*op = &k->tx.ops[ev->op];
	return 0;
}

/* One of the two bids; @what is its envelope. */
static int check_bid(struct check *k, unsigned what, int32_t *limit, struct mkt_err *err)
{
	const struct mkt_ev_contract *c = &k->f.contract;
	bool buy = what == MKT_CERT_BUY;
	uint32_t account = buy ? c->buyer : c->seller;
	uint64_t bid = buy ? c->buy_bid : c->sell_bid;
	uint16_t leg = buy ? c->buy_leg : c->sell_leg;
	uint8_t side = buy ? MKT_BUY : MKT_SELL;
	const struct mkt_bid_leg *l;
	const struct mkt_op *op = NULL;
	struct mkt_event ev;
	int r = take_event(k, what + 1, MKT_EV_RESULT, &ev, err);

	if (!r)
		r = take_tx(k, what, &ev, &op, err);
	if (r < 0)
		return r;
	if (op->kind != MKT_OP_BID || ev.u.result.code || ev.u.result.ref != bid ||
	    ev.u.result.account != account || op->account != account || op->u.bid.side != side)
		return wrong(err, "a bid is not that of the contract");
	l = &k->tx.legs[op->u.bid.first_leg + (leg < op->u.bid.nlegs ? leg : 0)];
	if (leg >= op->u.bid.nlegs || l->window != c->window || l->tags != c->tags ||
	    (buy ? l->price_upwh < c->price_upwh : l->price_upwh > c->price_upwh))
		return wrong(err, "the contract is not what the bid allows");
	if (side == c->taker_side &&
	    (k->c->items[what].head != k->c->items[MKT_CERT_CONTRACT].head))
		return wrong(err, "the contract is not of the bid that made it");
	*limit = l->price_upwh;
	say(k, "bid b%llu: %s, by account %u, in block %llu", (unsigned long long)bid,
	    buy ? "to buy" : "to sell", account, (unsigned long long)head_of(k, what)->h.height);
	return 0;
}

static int check_contract(struct check *k, struct mkt_err *err)
{
	struct mkt_event ev;
	int r = take_event(k, MKT_CERT_CONTRACT, MKT_EV_CONTRACT, &ev, err);

	if (r < 0)
		return r;
	k->f.contract = ev.u.contract;
	k->f.contract_height = head_of(k, MKT_CERT_CONTRACT)->h.height;
	if (ev.u.contract.exec != k->c->exec)
		return wrong(err, "its contract is another one");
	r = check_bid(k, MKT_CERT_BUY, &k->f.buy_limit_upwh, err);
	if (!r)
		r = check_bid(k, MKT_CERT_SELL, &k->f.sell_limit_upwh, err);
	if (!r)
		say(k, "contract c%llu: %u Wh, in block %llu", (unsigned long long)k->c->exec,
		    ev.u.contract.wh, (unsigned long long)k->f.contract_height);
	return r;
}

/* What a side reported; 0 reports are fine, the settlement says how many there were. */
static int check_report(struct check *k, unsigned what, struct mkt_err *err)
{
	const struct mkt_ev_settled *s = &k->f.settled;
	bool supply = what == MKT_CERT_SUPPLY;
	uint32_t account = supply ? k->f.contract.seller : k->f.contract.buyer;
	const struct mkt_op *op = NULL;
	struct mkt_event ev;
	int r;

	if (k->c->items[what].there != !!(s->how & (supply ? 1 : 2)))
		return wrong(err, "its reports are not those that were settled");
	if (!k->c->items[what].there) {
		say(k, "%s: nobody reported it", supply ? "supply" : "draw");
		return 0;
	}
	r = take_event(k, what + 1, MKT_EV_REPORT, &ev, err);
	if (!r)
		r = take_tx(k, what, &ev, &op, err);
	if (r < 0)
		return r;
	if ((op->kind != MKT_OP_REPORT && op->kind != MKT_OP_METER) ||
	    ev.u.report.exec != k->c->exec || ev.u.report.account != account ||
	    ev.u.report.side != (supply ? MKT_SUPPLY : MKT_DRAW) ||
	    ev.u.report.wh != (supply ? s->supply_wh : s->draw_wh))
		return wrong(err, "a report is not that of the contract");
	say(k, "%s: %u Wh reported in block %llu", supply ? "supply" : "draw", ev.u.report.wh,
	    (unsigned long long)head_of(k, what)->h.height);
	return 0;
}

static int check_settled(struct check *k, struct mkt_err *err)
{
	const struct mkt_ev_contract *c = &k->f.contract;
	const struct mkt_block *b = head_of(k, MKT_CERT_SETTLED);
	struct mkt_event ev;
	const struct mkt_ev_settled *s = &ev.u.settled;
	int r = take_event(k, MKT_CERT_SETTLED, MKT_EV_SETTLED, &ev, err);

	if (r < 0)
		return r;
	if (s->exec != c->exec || s->buyer != c->buyer || s->seller != c->seller ||
	    s->window != c->window || s->contracted_wh != c->wh || s->delivered_wh > c->wh ||
	    s->paid_uc != mkt_cost_uc(c->price_upwh, s->delivered_wh) ||
	    s->fee_uc != mkt_cost_uc(c->fee_upwh, s->delivered_wh))
		return wrong(err, "the settlement is not that of the contract");
	k->f.settled = *s;
	k->f.settled_height = b->h.height;
	k->f.settled_ms = b->h.time_ms;
	r = check_report(k, MKT_CERT_SUPPLY, err);
	if (!r)
		r = check_report(k, MKT_CERT_DRAW, err);
	if (!r)
		say(k, "settlement: %u of %u Wh delivered and paid, in block %llu", s->delivered_wh,
		    s->contracted_wh, (unsigned long long)b->h.height);
	return r;
}

/* Tags in words where genesis has them. */
static void name_tags(struct check *k)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (mkt_tags_known(&k->g.tags, k->f.contract.tags))
		mkt_tags_text(&k->g.tags, k->f.contract.tags, &b);
	for (unsigned d = 0; !b.len && d < MKT_DIMS_MAX; d++)
		if (mkt_tags_value(k->f.contract.tags, d) || d < k->g.tags.ndims)
			mkt_buf_addf(&b, "%s%u.%u", d ? "+" : "", d,
				     mkt_tags_value(k->f.contract.tags, d));
	snprintf(k->f.tags, sizeof(k->f.tags), "%s", mkt_buf_str(&b));
	mkt_buf_release(&b);
}

int mkt_cert_verify(const struct mkt_cert *c, const struct mkt_cert_check *how,
		    struct mkt_cert_facts *facts, struct mkt_err *err)
{
	struct check *k;
	int r;

	if (!how->trust->chain && !how->trust->nkeys)
		return mkt_err_set(err, MKT_EINVAL, "neither a chain nor an authority is trusted");
	k = calloc(1, sizeof(*k));
	if (!k)
		return mkt_err_code(err, MKT_ENOMEM);
	k->c = c;
	k->how = how;
	r = check_genesis(k, err);
	if (!r)
		r = check_heads(k, err);
	if (!r)
		r = check_contract(k, err);
	if (!r)
		r = check_settled(k, err);
	if (!r) {
		name_tags(k);
		*facts = k->f;
	}
	mkt_tx_release(&k->tx);
	mkt_genesis_release(&k->g);
	free(k);
	return r;
}
