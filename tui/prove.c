#include "core/base/compat.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/chain/framed.h"
#include "core/chain/verify.h"
#include "core/wire/story.h"
#include "tui/overlay.h"
#include "tui/prove.h"

#define OPS_SHOWN 20

void tui_prove_init(struct tui_prove *p, struct tui_dash *d)
{
	*p = (struct tui_prove){.d = d, .tx = MKT_TXPROOF_INIT};
}

void tui_prove_release(struct tui_prove *p)
{
	mkt_txproof_release(&p->tx);
	mkt_tx_release(&p->op);
	mkt_buf_release(&p->bytes);
	mkt_buf_release(&p->part);
	mkt_buf_release(&p->steps);
}

/* ---- what is told ------------------------------------------------------------------------- */

struct hex {
	char s[2 * MKT_HASH_LEN + 1];
};

static struct hex hex_of(const struct mkt_hash *h)
{
	struct hex out;

	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(out.s + 2 * i, 3, "%02x", h->b[i]);
	return out;
}

static void add_step(struct tui_prove *p, const char *mark, const char *what, const char *fmt,
		     va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	mkt_buf_addf(&p->steps, "%2u %-5s %-12s %s\n", ++p->nsteps, mark, what, text);
}

static void MKT_PRINTF(3, 4) step(struct tui_prove *p, const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_step(p, "ok", what, fmt, ap);
	va_end(ap);
}

static void MKT_PRINTF(3, 4) unchecked(struct tui_prove *p, const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_step(p, "--", what, fmt, ap);
	va_end(ap);
}

/* The block whose header everything hangs from. */
static const struct mkt_block *head_of(const struct tui_prove *p)
{
	return p->what == TUI_PROVE_TX ? &p->tx.head : &p->block;
}

static void say_ops(struct tui_prove *p, struct mkt_buf *b)
{
	const struct mkt_story story = {&p->d->facts, &p->d->zone};

	mkt_buf_addf(b, "\nThe transaction says, signed by account #%u:\n",
		     (unsigned)p->op.account);
	for (unsigned i = 0; i < p->op.nops && i < OPS_SHOWN; i++) {
		const struct mkt_op *op = &p->op.ops[i];

		mkt_buf_addstr(b, "  ");
		mkt_story_op(&story, &p->op, op, b);
		mkt_buf_addch(b, '\n');
		for (unsigned k = 0; op->kind == MKT_OP_BID && k < op->u.bid.nlegs &&
				     k < OPS_SHOWN; k++) {
			mkt_buf_addstr(b, "    ");
			mkt_story_leg(&story, &p->op.legs[op->u.bid.first_leg + k], b);
			mkt_buf_addch(b, '\n');
		}
	}
	if (p->op.nops > OPS_SHOWN)
		mkt_buf_addf(b, "  and %u operations more\n", (unsigned)p->op.nops - OPS_SHOWN);
	mkt_buf_addstr(b, "\nNot checked here: results and events, which the block's other root "
			  "covers; p on\nthe block looks at that.\n");
}

/* What is proved, in a sentence. */
static void say_proved(struct tui_prove *p, struct mkt_buf *b)
{
	const struct mkt_block *h = head_of(p);

	if (p->what == TUI_PROVE_TX)
		mkt_buf_addf(b, "PROVED: transaction %s is number %u of block %llu",
			     hex_of(&p->id).s, (unsigned)p->tx.index,
			     (unsigned long long)h->h.height);
	else
		mkt_buf_addf(b,
			     "PROVED: block %llu is as shown, with its %u transactions and %u "
			     "events",
			     (unsigned long long)h->h.height, (unsigned)h->h.ntxs,
			     (unsigned)h->h.nevents);
	mkt_buf_addf(b, ",\nsigned by %u of the %u authorities of chain %s.\n\n", h->nvotes,
		     p->set.n, hex_of(&p->chain).s);
}

static void finish(struct tui_prove *p, const char *reason, const char *after)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char title[64];

	if (p->what == TUI_PROVE_TX)
		snprintf(title, sizeof(title), "proof of %.16s...", hex_of(&p->id).s);
	else
		snprintf(title, sizeof(title), "proof of block %llu",
			 (unsigned long long)p->shown.height);
	if (reason)
		mkt_buf_addf(&b, "NOT PROVED: %s.\n%s\n\n", reason, after);
	else
		say_proved(p, &b);
	mkt_buf_add(&b, p->steps.data, p->steps.len);
	if (!reason && p->what == TUI_PROVE_TX)
		say_ops(p, &b);
	if (!reason)
		mkt_buf_addstr(&b, "\nIt all rests on the chain's id: compare it with the one you "
				   "know.\n");
	if (b.bad)
		tui_dash_say(p->d, TUI_BAD, "no memory for the proof");
	else
		tui_text_open(p->d, title, mkt_buf_str(&b));
	mkt_buf_release(&b);
	tui_dash_say(p->d, reason ? TUI_BAD : TUI_GOOD, "%s: %s", title,
		     reason ? "NOT proved" : "proved");
	p->what = TUI_PROVE_NOTHING;
	mkt_buf_release(&p->bytes);
	mkt_buf_release(&p->part);
}

/* Something that was told is not so. */
static void refuted(struct tui_prove *p, const char *what, const struct mkt_err *err)
{
	if (err->code == MKT_ENOMEM) {
		finish(p, "there is no memory", "That says nothing about the node.");
		return;
	}
	mkt_buf_addf(&p->steps, "%2u WRONG %-12s %s\n", ++p->nsteps, what, err->text);
	finish(p, err->text,
	       "What this node tells is not what the chain's authorities have signed.");
}

/* Something that is needed did not come. */
static void missing(struct tui_prove *p, const char *what, const struct mkt_err *err)
{
	mkt_buf_addf(&p->steps, "%2u --    %-12s %s\n", ++p->nsteps, what, err->text);
	finish(p, err->text,
	       "What is needed could not be read: that says nothing about the chain.");
}

/* A read that could not even be asked for. */
static void asked(struct tui_prove *p, const char *what, int rc)
{
	struct mkt_err err = {0};

	if (!rc)
		return;
	if (rc == -MKT_EBUSY)
		mkt_err_set(&err, MKT_EBUSY, "too much is under way; try again");
	else
		mkt_err_code(&err, -rc);
	missing(p, what, &err);
}

/* ---- the signer --------------------------------------------------------------------------- */

static void got_account(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			const struct mkt_err *err)
{
	struct tui_prove *p = ctx;
	struct mkt_pubkey key;
	struct mkt_err why;
	const char *text;

	(void)d;
	if (err) {
		unchecked(p, "signer", "the key of #%u: %s", (unsigned)p->op.account, err->text);
		finish(p, NULL, NULL);
		return;
	}
	if (mkt_jget_str(&a->data, "key", &text, NULL, &why) || mkt_pubkey_parse(text, &key) < 0) {
		mkt_err_set(&why, MKT_EINTEGRITY, "the key of account #%u is no key",
			    (unsigned)p->op.account);
		refuted(p, "signer", &why);
		return;
	}
	if (!mkt_tx_sig_ok(p->op.raw, p->op.raw_len, &key)) {
		mkt_err_set(&why, MKT_EINTEGRITY,
			    "the signature is not by the key that is told for account #%u",
			    (unsigned)p->op.account);
		refuted(p, "signer", &why);
		return;
	}
	step(p, "signer", "its signature is by the key of #%u, %s", (unsigned)p->op.account, text);
	finish(p, NULL, NULL);
}

static void check_tx(struct tui_prove *p)
{
	struct mkt_err err;

	if (mkt_txproof_path(&p->tx, &err)) {
		refuted(p, "path", &err);
		return;
	}
	step(p, "path", "%u hashes lead from leaf %u of %u to root %s", p->tx.path.depth,
	     (unsigned)p->tx.path.ix, (unsigned)p->tx.path.n, hex_of(&p->tx.head.h.tx_root).s);
	if (mkt_txproof_envelope(&p->tx, &p->id, &p->chain, &p->op, &err)) {
		refuted(p, "envelope", &err);
		return;
	}
	step(p, "envelope", "%zu bytes of account #%u have the id asked for", p->tx.envelope.len,
	     (unsigned)p->op.account);
	asked(p, "signer",
	      tui_dash_get(p->d, got_account, p, "/v1/accounts/%u", (unsigned)p->op.account));
}

/* ---- the block ---------------------------------------------------------------------------- */

static void got_prev(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
		     const struct mkt_err *err)
{
	struct tui_prove *p = ctx;
	struct mkt_verify_prev prev;
	struct mkt_block b;
	struct mkt_err why;

	(void)d;
	if (err) {
		missing(p, "link", err);
		return;
	}
	if (mkt_framed_block(body->data, body->len, p->shown.height - 1, TUI_PROVE_BLOCK_MAX,
			     &p->part, &b, &why) < 0) {
		refuted(p, "link", &why);
		return;
	}
	prev = mkt_verify_prev_of(&b);
	if (mkt_verify_follows(&p->block, &prev, &p->chain, &why) < 0) {
		refuted(p, "link", &why);
		return;
	}
	step(p, "link", "it follows block %llu, %s", (unsigned long long)b.h.height,
	     hex_of(&b.hash).s);
	finish(p, NULL, NULL);
}

static int not_as_shown(struct mkt_err *err, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "the node shows another %s than its block has",
			   what);
}

static int compare_shown(struct tui_prove *p, struct mkt_err *err)
{
	const struct tui_shown_block *s = &p->shown;
	const struct mkt_block *b = &p->block;
	const uint8_t *at = NULL, *tx;
	uint32_t len;

	if (!mkt_hash_eq(&s->hash, &b->hash))
		return not_as_shown(err, "hash");
	if (s->time_ms != b->h.time_ms)
		return not_as_shown(err, "time");
	if (s->txs != b->h.ntxs || s->events != b->h.nevents)
		return not_as_shown(err, "number of transactions or events");
	for (uint32_t i = 0; s->tx && mkt_block_next_tx(b, &at, &tx, &len); i++) {
		struct mkt_hash shown, id;

		if (!s->tx(s->ctx, i, &shown))
			continue;
		mkt_tx_id(tx, len, &id);
		if (!mkt_hash_eq(&shown, &id))
			return mkt_err_set(err, MKT_EINTEGRITY,
					   "the node shows another transaction %u than its "
					   "block has",
					   (unsigned)i);
	}
	return 0;
}

static void check_block(struct tui_prove *p)
{
	struct mkt_err err;

	if (mkt_verify_roots(&p->block, &err) < 0) {
		refuted(p, "roots", &err);
		return;
	}
	step(p, "roots", "%u transactions lead to %s, %u events to %s", (unsigned)p->block.h.ntxs,
	     hex_of(&p->block.h.tx_root).s, (unsigned)p->block.h.nevents,
	     hex_of(&p->block.h.event_root).s);
	if (compare_shown(p, &err)) {
		refuted(p, "shown", &err);
		return;
	}
	step(p, "shown", "what this screen shows of it is what it says");
	if (!p->shown.height) {
		finish(p, NULL, NULL);
		return;
	}
	asked(p, "link",
	      tui_dash_get_body(p->d, got_prev, p, "/v1/chain?from=%llu&limit=1&headers=1",
				(unsigned long long)p->shown.height - 1));
}

/* ---- authorities -------------------------------------------------------------------------- */

static void say_votes(struct tui_prove *p)
{
	const struct mkt_block *b = head_of(p);
	struct mkt_buf who = MKT_BUF_INIT;

	if (!b->h.height) {
		step(p, "signatures", "block 0 needs none: genesis makes it");
		return;
	}
	for (unsigned i = 0; i < b->nvotes; i++) {
		const struct mkt_authority *a = &p->set.v[b->votes[i].authority];
		char key[MKT_PUBKEY_TEXT];

		mkt_pubkey_text(&a->key, key);
		mkt_buf_addf(&who, "%s%s %.16s...", i ? ", " : "", a->name, key);
	}
	step(p, "signatures", "%u of %u authorities, %u needed: %s", b->nvotes, p->set.n,
	     mkt_authorities_quorum(&p->set), mkt_buf_str(&who));
	mkt_buf_release(&who);
}

static void check_head(struct tui_prove *p)
{
	const struct mkt_block *b = head_of(p);
	struct mkt_err err;
	int r = p->what == TUI_PROVE_TX ? mkt_txproof_signed(&p->tx, &p->set, &p->chain, &err)
					: mkt_verify_head(b, &p->set, &p->chain, &err);

	if (p->set.generation)
		step(p, "authorities", "%u in force since block %llu", p->set.n,
		     (unsigned long long)p->set.since);
	else
		step(p, "authorities", "%u, as genesis names them", p->set.n);
	if (r < 0) {
		refuted(p, "signatures", &err);
		return;
	}
	step(p, "header", "of block %llu, hash %s: of this chain, and it names these authorities",
	     (unsigned long long)b->h.height, hex_of(&b->hash).s);
	say_votes(p);
	if (p->what == TUI_PROVE_TX)
		check_tx(p);
	else
		check_block(p);
}

static void look_for_change(struct tui_prove *p);

/* Which set the block in the middle names says in which half the first change is. */
static void got_middle(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
		       const struct mkt_err *err)
{
	struct tui_prove *p = ctx;
	uint64_t middle = p->at + (p->to - p->at) / 2;
	struct mkt_hash hash;
	struct mkt_block b;
	struct mkt_err why;

	(void)d;
	if (err) {
		missing(p, "authorities", err);
		return;
	}
	if (mkt_framed_block(body->data, body->len, middle, TUI_PROVE_BLOCK_MAX, &p->part, &b,
			     &why) < 0) {
		refuted(p, "authorities", &why);
		return;
	}
	mkt_authorities_set_hash(&p->set, &hash);
	if (mkt_hash_eq(&hash, &b.h.authorities))
		p->at = middle;
	else
		p->to = middle;
	look_for_change(p);
}

/*
 * Of the block that changes the set: how many changes were before it.  The set may have changed
 * and come back before: bisection walks past that, and need not go there, for the keys that have
 * signed this block are those that are trusted.
 */
static void skip_generations(struct tui_prove *p, const struct mkt_block *b)
{
	struct mkt_tx tx = MKT_TX_INIT;
	const uint8_t *bytes;
	uint32_t len;

	if (b->h.ntxs == 1 && mkt_block_tx(b, 0, &bytes, &len) &&
	    mkt_tx_dec(bytes, len, &p->chain, &tx, NULL) == 0 &&
	    tx.ops[0].kind == MKT_OP_AUTHORITY &&
	    tx.ops[0].u.authority.change.generation > p->set.generation)
		p->set.generation = tx.ops[0].u.authority.change.generation;
	mkt_tx_release(&tx);
}

/* The block at p->at must change the set. */
static int take_change(struct tui_prove *p, const struct mkt_buf *body, struct mkt_err *err)
{
	uint32_t generation;
	struct mkt_block b;
	int r = mkt_framed_block(body->data, body->len, p->at, TUI_PROVE_BLOCK_MAX, &p->part, &b,
				 err);

	if (!r)
		r = mkt_verify_static(&b, &p->set, &p->chain, err);
	if (r < 0)
		return r;
	skip_generations(p, &b);
	generation = p->set.generation;
	r = mkt_verify_next_set(&b, &p->chain, &p->set, err);
	if (r < 0)
		return r;
	if (r || p->set.generation == generation)
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "block %llu names authorities that no block made",
				   (unsigned long long)p->at + 1);
	return 0;
}

static void got_change(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
		       const struct mkt_err *err)
{
	struct tui_prove *p = ctx;
	struct mkt_err why;

	(void)d;
	if (err) {
		missing(p, "authorities", err);
		return;
	}
	if (take_change(p, body, &why) < 0) {
		refuted(p, "authorities", &why);
		return;
	}
	step(p, "change", "block %llu, signed by those before, makes the authorities %u",
	     (unsigned long long)p->at, p->set.n);
	p->from = p->at + 1;
	p->at = p->from;
	p->to = head_of(p)->h.height;
	look_for_change(p);
}

static void read_head(struct tui_prove *p, tui_body_fn *fn, uint64_t height)
{
	asked(p, "authorities",
	      tui_dash_get_body(p->d, fn, p, "/v1/chain?from=%llu&limit=1&headers=1",
				(unsigned long long)height));
}

/*
 * The set in force for p->from is known.  If the header names another one, find a block in [at,
 * to) after which the name differs, and let it prove the next set.
 */
static void look_for_change(struct tui_prove *p)
{
	const struct mkt_block *b = head_of(p);
	struct mkt_err err = {0};
	struct mkt_hash hash;

	mkt_authorities_set_hash(&p->set, &hash);
	if (mkt_hash_eq(&hash, &b->h.authorities)) {
		check_head(p);
		return;
	}
	if (p->at >= p->to || ++p->reads > TUI_PROVE_READS_MAX) {
		mkt_err_set(&err, MKT_EINTEGRITY, "block %llu names authorities that no block made",
			    (unsigned long long)b->h.height);
		refuted(p, "authorities", &err);
		return;
	}
	if (p->to - p->at > 1)
		read_head(p, got_middle, p->at + (p->to - p->at) / 2);
	else
		read_head(p, got_change, p->at);
}

static void got_genesis(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
			const struct mkt_err *err)
{
	struct tui_prove *p = ctx;
	struct mkt_genesis g;
	struct mkt_err why;

	if (err) {
		missing(p, "chain", err);
		return;
	}
	mkt_genesis_id(body->data, body->len, &p->chain);
	if (!mkt_hash_eq(&p->chain, &d->facts.chain)) {
		mkt_err_set(&why, MKT_EINTEGRITY,
			    "genesis hashes to %.16s..., which is another chain than %.16s...",
			    hex_of(&p->chain).s, hex_of(&d->facts.chain).s);
		refuted(p, "chain", &why);
		return;
	}
	if (mkt_genesis_dec(body->data, body->len, &g, &why) < 0) {
		refuted(p, "chain", &why);
		return;
	}
	step(p, "chain", "%zu bytes of genesis hash to %s, the chain of this dashboard", body->len,
	     hex_of(&p->chain).s);
	mkt_authorities_of(&g, &p->set);
	mkt_genesis_release(&g);
	p->from = p->at = 0;
	p->to = head_of(p)->h.height;
	look_for_change(p);
}

/* ---- beginning ---------------------------------------------------------------------------- */

static void got_tx(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		   const struct mkt_err *err)
{
	struct tui_prove *p = ctx;
	struct mkt_err why;

	(void)d;
	if (err) {
		missing(p, "answer", err);
		return;
	}
	if (mkt_txproof_read(&a->data, &p->tx, &why) < 0) {
		refuted(p, "answer", &why);
		return;
	}
	asked(p, "chain", tui_dash_get_body(p->d, got_genesis, p, "/v1/genesis"));
}

static void got_block(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
		      const struct mkt_err *err)
{
	struct tui_prove *p = ctx;
	struct mkt_err why;
	int r;

	(void)d;
	if (err) {
		missing(p, "answer", err);
		return;
	}
	r = mkt_framed_block(body->data, body->len, p->shown.height, TUI_PROVE_BLOCK_MAX,
			     &p->bytes, &p->block, &why);
	if (r > 0)
		mkt_err_set(&why, MKT_EINTEGRITY, "a header came for the block that was asked for");
	if (r)
		refuted(p, "answer", &why);
	else
		asked(p, "chain", tui_dash_get_body(p->d, got_genesis, p, "/v1/genesis"));
}

static bool begin(struct tui_prove *p, enum tui_prove_what what)
{
	if (p->what) {
		tui_dash_say(p->d, TUI_WARN, "a proof is being checked already");
		return false;
	}
	p->what = what;
	p->reads = p->nsteps = 0;
	mkt_buf_clear(&p->steps);
	tui_dash_say(p->d, TUI_PLAIN, "checking ...");
	return true;
}

void tui_prove_tx(struct tui_prove *p, const struct mkt_hash *id)
{
	if (!begin(p, TUI_PROVE_TX))
		return;
	p->id = *id;
	asked(p, "answer", tui_dash_get(p->d, got_tx, p, "/v1/tx/%s?proof=1", hex_of(id).s));
}

void tui_prove_block(struct tui_prove *p, const struct tui_shown_block *shown)
{
	if (shown->bytes > TUI_PROVE_BLOCK_MAX) {
		tui_dash_say(p->d, TUI_WARN, "this block is too large to be checked here: "
					     "'mkt verify' at its node does it");
		return;
	}
	if (!begin(p, TUI_PROVE_BLOCK))
		return;
	p->shown = *shown;
	asked(p, "answer",
	      tui_dash_get_body(p->d, got_block, p, "/v1/chain?from=%llu&limit=1",
				(unsigned long long)shown->height));
}
