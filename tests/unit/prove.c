/*
 * Proofs on the spot: a chain of three authorities whose set changes, comes back as it was, and changes
 * again is believed, and whatever a node alters in what it answers is told, with the step at fault and
 * one reason.
 */
#include "core/base/compat.h"

#include "core/chain/chain.h"
#include "core/chain/verify.h"
#include "core/store/segment.h"
#include "tests/panes.h"
#include "tui/prove.h"

#define BLOCKS 21 /* heights 0 .. 20 */
#define TXS 3	  /* of each block but the first and those that change the set */
#define CAME 1	  /* the block that adds "east" for the first time */
#define WENT 2	  /* the block that removes it: the set is that of genesis again */
#define ADDED 6	  /* the block that adds "east" */
#define REMOVED 13 /* the block that removes "a1" */

static bool changes_set(unsigned height)
{
	return height == CAME || height == WENT || height == ADDED || height == REMOVED;
}

struct world {
	struct desk *k;
	struct mkt_pubkey pub[5]; /* a1, a2, a3, east; a stranger */
	struct mkt_seckey sec[5];
	struct mkt_buf genesis;
	struct mkt_hash chain;
	struct mkt_buf block[BLOCKS];
	struct mkt_authorities set[BLOCKS]; /* in force for each */
	/* What the node tells otherwise. */
	void (*lie)(struct world *w, const char *path, struct mkt_buf *answer);
	const char *refuse; /* paths that begin so are not answered */
};

static struct world *world;

/* ---- a chain ------------------------------------------------------------------------------ */

static void make_genesis(struct world *w)
{
	struct mkt_genesis g;

	assert_int_equal(mkt_crypto_init(), 0);
	assert_int_equal(mkt_genesis_default(&g), 0);
	for (unsigned i = 0; i < 5; i++) {
		uint8_t seed[MKT_SEED_LEN] = {(uint8_t)(i + 1), 0x5e};

		mkt_keypair(&w->pub[i], &w->sec[i], seed);
		if (i < 3)
			g.authorities[i] = w->pub[i];
	}
	g.nauthorities = 3;
	g.operator_key = w->pub[4];
	g.time_ms = 1795392000000u;
	mkt_genesis_enc(&g, &w->genesis);
	mkt_genesis_id(w->genesis.data, w->genesis.len, &w->chain);
	mkt_authorities_of(&g, &w->set[0]);
	mkt_genesis_release(&g);
}

static void add_framed(struct mkt_buf *txs, struct mkt_tx_build *t, const struct mkt_seckey *key,
		       struct mkt_hash *leaf)
{
	struct mkt_err err;

	assert_int_equal(mkt_tx_end(t, key, &err), 0);
	mkt_enc_u32(txs, (uint32_t)t->buf.len);
	mkt_enc_bytes(txs, t->buf.data, t->buf.len);
	mkt_hash(leaf, MKT_DOM_LEAF, t->buf.data, t->buf.len);
	mkt_tx_build_release(t);
}

/* Transfers of the account that the stranger's key belongs to. */
static void make_transfers(struct world *w, uint8_t height, struct mkt_buf *txs,
			   struct mkt_hash *leaf)
{
	for (uint8_t i = 0; i < TXS; i++) {
		struct mkt_tx_build t = MKT_TX_BUILD_INIT;
		struct mkt_tx_head h = {.chain = w->chain,
					.account = 2,
					.valid_until_s = 1795392600,
					.request = {height, i}};
		struct mkt_op op = {.kind = MKT_OP_TRANSFER, .account = 2};

		op.u.transfer.to = 3;
		op.u.transfer.money_uc = 1000000 * (i + 1);
		mkt_tx_begin(&t, &h);
		mkt_tx_add(&t, &op, NULL, "for the cake");
		add_framed(txs, &t, &w->sec[4], &leaf[i]);
	}
}

static const struct mkt_seckey *secret_of(const struct world *w, const struct mkt_pubkey *pub)
{
	for (unsigned i = 0; i < 5; i++)
		if (!memcmp(pub->b, w->pub[i].b, sizeof(pub->b)))
			return &w->sec[i];
	return NULL;
}

/* The one operation of a block that changes the set, with everybody's signature. */
static void make_change(struct world *w, const struct mkt_authorities *set,
			const struct mkt_authority_change *c, struct mkt_buf *txs,
			struct mkt_hash *leaf)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx_head h = {.chain = w->chain, .valid_until_s = 1795392600, .request = {c->what}};
	struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
	struct mkt_buf text = MKT_BUF_INIT, sigs = MKT_BUF_INIT;

	mkt_authority_signed(c, &w->chain, &text);
	for (uint16_t i = 0; i < set->n; i++) {
		struct mkt_sig sig;

		mkt_sign(&sig, secret_of(w, &set->v[i].key), text.data, text.len);
		mkt_enc_u16(&sigs, i);
		mkt_enc_bytes(&sigs, sig.b, sizeof(sig.b));
	}
	op.u.authority.change = *c;
	op.u.authority.nsigs = set->n;
	mkt_tx_begin(&t, &h);
	mkt_tx_add(&t, &op, NULL, (const char *)sigs.data);
	add_framed(txs, &t, &w->sec[4], leaf);
	mkt_buf_release(&text);
	mkt_buf_release(&sigs);
}

/* RESULT of operation 0 of transaction 0: done. */
static void make_event(struct mkt_buf *events, struct mkt_hash *root)
{
	mkt_enc_u8(events, MKT_EV_RESULT);
	mkt_enc_u32(events, 0);
	mkt_enc_u16(events, 0);
	mkt_enc_u32(events, 0);
	mkt_enc_u16(events, 0);
	mkt_enc_u64(events, 0);
	mkt_enc_u64(events, 0);
	mkt_hash(root, MKT_DOM_LEAF, events->data, events->len);
}

static void sign_block(struct world *w, const struct mkt_header *h,
		       const struct mkt_authorities *set, struct mkt_buf *out)
{
	struct mkt_hash hash;

	mkt_header_hash(h, &hash);
	mkt_header_enc(h, out);
	mkt_enc_u8(out, h->height ? set->n : 0);
	for (uint16_t i = 0; h->height && i < set->n; i++) {
		struct mkt_sig sig;

		mkt_header_sign(&hash, secret_of(w, &set->v[i].key), &sig);
		mkt_enc_u16(out, i);
		mkt_enc_bytes(out, sig.b, sizeof(sig.b));
	}
}

static void make_block(struct world *w, uint8_t height, struct mkt_header *prev)
{
	struct mkt_authorities *set = &w->set[height];
	struct mkt_authority_change c = {MKT_AUTHORITY_ADD, set->generation, {.name = "east"}};
	struct mkt_buf txs = MKT_BUF_INIT, events = MKT_BUF_INIT;
	bool change = changes_set(height);
	struct mkt_header h = {.chain = w->chain,
			       .prev = w->chain,
			       .height = height,
			       .time_ms = 1795392000000u + height * 1000u,
			       .ntxs = !height ? 0 : change ? 1 : TXS,
			       .nevents = change,
			       .first_tx = prev->first_tx + prev->ntxs};
	struct mkt_hash leaf[TXS];

	c.who.key = w->pub[3];
	if (height == WENT || height == REMOVED)
		c.what = MKT_AUTHORITY_REMOVE;
	if (height == REMOVED)
		c.who = set->v[0]; /* a1 */
	if (height)
		mkt_header_hash(prev, &h.prev);
	mkt_authorities_set_hash(set, &h.authorities);
	mkt_merkle_root(NULL, 0, &h.event_root);
	if (change) {
		make_change(w, set, &c, &txs, leaf);
		make_event(&events, &h.event_root);
	} else if (height) {
		make_transfers(w, height, &txs, leaf);
	}
	mkt_merkle_root(leaf, h.ntxs, &h.tx_root);
	sign_block(w, &h, set, &w->block[height]);
	mkt_buf_add(&w->block[height], txs.data, txs.len);
	mkt_buf_add(&w->block[height], events.data, events.len);
	if (height + 1 < BLOCKS) {
		w->set[height + 1] = *set;
		if (change)
			mkt_authorities_change(&w->set[height + 1], &c, height);
	}
	*prev = h;
	mkt_buf_release(&txs);
	mkt_buf_release(&events);
}

/* ---- a node ------------------------------------------------------------------------------- */

static void decode(const struct world *w, unsigned height, struct mkt_block *b)
{
	struct mkt_err err;

	assert_int_equal(
		mkt_block_dec(w->block[height].data, w->block[height].len, b, &err), 0);
}

static void add_hex(struct mkt_buf *b, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mkt_buf_addf(b, "%02x", ((const uint8_t *)p)[i]);
}

/* Which transaction an id is of. */
static void find_tx(const struct world *w, const char *hex, unsigned *height, uint32_t *ix,
		    struct mkt_bytes *tx)
{
	for (*height = 1; *height < BLOCKS; ++*height) {
		struct mkt_block b;
		const uint8_t *at = NULL, *p;
		uint32_t len;

		decode(w, *height, &b);
		for (*ix = 0; mkt_block_next_tx(&b, &at, &p, &len); ++*ix) {
			struct mkt_buf text = MKT_BUF_INIT;
			struct mkt_hash id;
			bool same;

			mkt_tx_id(p, len, &id);
			add_hex(&text, id.b, sizeof(id.b));
			same = !strncmp(mkt_buf_str(&text), hex, 64);
			mkt_buf_release(&text);
			*tx = (struct mkt_bytes){p, len};
			if (same)
				return;
		}
	}
	fail_msg("no transaction %s", hex);
}

static void put_votes(const struct world *w, const struct mkt_block *b, struct mkt_buf *out)
{
	for (unsigned i = 0; i < b->nvotes; i++) {
		char key[MKT_PUBKEY_TEXT];

		mkt_pubkey_text(&w->set[b->h.height].v[b->votes[i].authority].key, key);
		mkt_buf_addf(out, "%s{\"authority\":%u,\"key\":\"%s\",\"sig\":\"", i ? "," : "",
			     b->votes[i].authority, key);
		add_hex(out, b->votes[i].sig.b, MKT_SIG_LEN);
		mkt_buf_addstr(out, "\"}");
	}
}

static void answer_tx(const struct world *w, const char *hex, struct mkt_buf *out)
{
	struct mkt_hash leaf[TXS];
	struct mkt_proof proof;
	struct mkt_bytes tx = {NULL, 0};
	struct mkt_block b;
	unsigned height;
	uint32_t ix;

	find_tx(w, hex, &height, &ix, &tx);
	decode(w, height, &b);
	mkt_block_tx_leaves(&b, leaf);
	assert_int_equal(mkt_merkle_prove(leaf, b.h.ntxs, ix, &proof), 0);
	mkt_buf_addf(out,
		     "{\"schema\":\"mkt.tx/1\",\"height\":20,\"as_of\":\"2026-11-23T02:00:00Z\","
		     "\"data\":{\"tx\":\"%.64s\",\"height\":%u,\"index\":%u,\"account\":%u,"
		     "\"envelope\":\"",
		     hex, height, (unsigned)ix, changes_set(height) ? 0 : 2);
	add_hex(out, tx.p, tx.n);
	mkt_buf_addf(out, "\",\"proof\":{\"n\":%u,\"ix\":%u,\"path\":[", (unsigned)proof.n,
		     (unsigned)proof.ix);
	for (unsigned i = 0; i < proof.depth; i++) {
		mkt_buf_addstr(out, i ? ",\"" : "\"");
		add_hex(out, proof.path[i].b, MKT_HASH_LEN);
		mkt_buf_addch(out, '"');
	}
	mkt_buf_addstr(out, "]},\"header\":\"");
	add_hex(out, w->block[height].data, MKT_HEADER_BYTES);
	mkt_buf_addstr(out, "\",\"votes\":[");
	put_votes(w, &b, out);
	mkt_buf_addstr(out, "]}}");
}

/* Blocks as they are stored: whole, or header and votes only. */
static void answer_chain(const struct world *w, const char *path, struct mkt_buf *out)
{
	unsigned height = (unsigned)strtoul(strstr(path, "from=") + 5, NULL, 10);
	bool head = strstr(path, "headers=1") && !changes_set(height);
	struct mkt_buf record = MKT_BUF_INIT;
	size_t n = w->block[height].len;
	struct mkt_block b;
	struct mkt_err err;

	if (head)
		assert_int_equal(mkt_block_dec_head(w->block[height].data, n, &b, &n, &err), 0);
	assert_int_equal(mkt_record_pack(height, head ? MKT_RECORD_PRUNED : 0,
					 w->block[height].data, n, &record, &err),
			 0);
	mkt_enc_u32(out, (uint32_t)record.len);
	mkt_enc_bytes(out, record.data, record.len);
	mkt_buf_release(&record);
}

static const char *answer(struct desk *k, const char *path, struct mkt_buf *buf)
{
	char key[MKT_PUBKEY_TEXT];

	(void)k;
	if (world->refuse && !strncmp(path, world->refuse, strlen(world->refuse)))
		return NULL;
	if (!strncmp(path, "/v1/tx/", 7))
		answer_tx(world, path + 7, buf);
	else if (!strcmp(path, "/v1/genesis"))
		mkt_buf_add(buf, world->genesis.data, world->genesis.len);
	else if (!strncmp(path, "/v1/chain?", 10))
		answer_chain(world, path, buf);
	else if (!strncmp(path, "/v1/accounts/", 13)) {
		mkt_pubkey_text(&world->pub[4], key);
		mkt_buf_addf(buf,
			     "{\"schema\":\"mkt.account/1\",\"height\":20,"
			     "\"as_of\":\"2026-11-23T02:00:00Z\",\"data\":{\"key\":\"%s\"}}",
			     key);
	}
	if (world->lie)
		world->lie(world, path, buf);
	return buf->len ? mkt_buf_str(buf) : NULL;
}

/* ---- setting up --------------------------------------------------------------------------- */

static int prove_init(struct tui_dash *d, void *self)
{
	tui_prove_init(self, d);
	return 0;
}

static void prove_release(struct tui_dash *d, void *self)
{
	(void)d;
	tui_prove_release(self);
}

static const struct tui_pane_ops prove_ops = {.which = TUI_PANE_BLOCKS,
					      .size = sizeof(struct tui_prove),
					      .init = prove_init,
					      .release = prove_release};

static struct world *begin(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mkt_header prev = {.ntxs = 0};

	assert_non_null(w);
	make_genesis(w);
	for (uint8_t i = 0; i < BLOCKS; i++)
		make_block(w, i, &prev);
	w->k = desk_begin(&prove_ops, "");
	w->k->answer = answer;
	w->k->d.facts.chain = w->chain;
	world = w;
	return w;
}

static void end(struct world *w)
{
	desk_end(w->k);
	for (unsigned i = 0; i < BLOCKS; i++)
		mkt_buf_release(&w->block[i]);
	mkt_buf_release(&w->genesis);
	free(w);
}

static struct mkt_hash id_at(const struct world *w, unsigned height, uint32_t ix)
{
	struct mkt_block b;
	const uint8_t *tx;
	struct mkt_hash id;
	uint32_t len;

	decode(w, height, &b);
	assert_true(mkt_block_tx(&b, ix, &tx, &len));
	mkt_tx_id(tx, len, &id);
	return id;
}

static const char *prove_tx(struct world *w, unsigned height, uint32_t ix)
{
	struct mkt_hash id = id_at(w, height, ix);

	w->k->text[0] = '\0';
	tui_prove_tx(w->k->self, &id);
	desk_answer(w->k);
	return w->k->text;
}

static struct tui_shown_block shown(const struct world *w, unsigned height)
{
	struct mkt_block b;

	decode(w, height, &b);
	return (struct tui_shown_block){.height = height,
					.time_ms = b.h.time_ms,
					.txs = b.h.ntxs,
					.events = b.h.nevents,
					.bytes = w->block[height].len,
					.hash = b.hash};
}

static const char *prove_block(struct world *w, const struct tui_shown_block *s)
{
	w->k->text[0] = '\0';
	tui_prove_block(w->k->self, s);
	desk_answer(w->k);
	return w->k->text;
}

static void has(const char *text, const char *want)
{
	if (!strstr(text, want))
		fail_msg("no '%s' in:\n%s", want, text);
}

/* ---- what is so --------------------------------------------------------------------------- */

static void each_transaction_is_proved(void **state)
{
	struct world *w = begin();

	(void)state;
	for (unsigned h = 1; h < BLOCKS; h++) {
		bool change = changes_set(h);

		for (uint32_t i = 0; i < (change ? 1 : TXS); i++)
			has(prove_tx(w, h, i), "PROVED: transaction ");
		assert_null(strstr(w->k->text, "NOT PROVED"));
	}
	has(prove_tx(w, 3, 1), "transfer: 2 JPY to #3: for the cake");
	has(w->k->text, "3 of 3 authorities, 2 needed: a1 mkt1");
	has(w->k->text, "as genesis names them");
	has(w->k->text, "2 hashes lead from leaf 1 of 3");
	has(prove_tx(w, 20, 0), "block 6, signed by those before, makes the authorities 4\n");
	has(w->k->text, "block 13, signed by those before, makes the authorities 3\n");
	has(w->k->text, "3 in force since block 13");
	has(SAID(w->k), ": proved");
	end(w);
}

static void each_block_is_proved(void **state)
{
	struct world *w = begin();

	(void)state;
	for (unsigned h = 0; h < BLOCKS; h++) {
		struct tui_shown_block s = shown(w, h);

		has(prove_block(w, &s), "PROVED: block ");
		assert_null(strstr(w->k->text, "NOT PROVED"));
	}
	has(w->k->text, "it follows block 19, ");
	end(w);
}

static void one_at_a_time(void **state)
{
	struct world *w = begin();
	struct mkt_hash id = id_at(w, 2, 0);

	(void)state;
	tui_prove_tx(w->k->self, &id);
	tui_prove_tx(w->k->self, &id);
	has(SAID(w->k), "being checked already");
	desk_answer(w->k);
	has(w->k->text, "PROVED: ");
	end(w);
}

/* ---- what did not come -------------------------------------------------------------------- */

static void what_is_missing_is_no_lie(void **state)
{
	static const char *const paths[] = {"/v1/tx/", "/v1/genesis", "/v1/chain"};
	struct world *w = begin();

	(void)state;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(paths); i++) {
		w->refuse = paths[i];
		has(prove_tx(w, 20, 0), "NOT PROVED: no answer.\n");
		has(w->k->text, "that says nothing about the chain");
	}
	/* The signer's key may be nobody's business: the authorities' signatures stand. */
	w->refuse = "/v1/accounts/";
	has(prove_tx(w, 20, 0), "PROVED: transaction");
	assert_null(strstr(w->k->text, "NOT PROVED"));
	has(w->k->text, "--    signer       the key of #2: no answer");
	w->refuse = NULL;
	w->k->full = true;
	has(prove_tx(w, 3, 0), "NOT PROVED: too much is under way");
	w->k->full = false;
	has(prove_tx(w, 3, 0), "PROVED: transaction");
	end(w);
}

/* ---- lies --------------------------------------------------------------------------------- */

/* Another letter @at letters behind @key. */
static void alter(struct mkt_buf *b, const char *key, size_t at)
{
	char *p = strstr((char *)b->data, key);

	assert_non_null(p);
	p += strlen(key) + at;
	*p = *p == '1' ? '2' : '1';
}

static void lie_envelope(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		alter(b, "\"envelope\":\"", 110);
}

static void lie_path(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		alter(b, "\"path\":[\"", 9);
}

static void lie_index(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		alter(b, "\"index\":", 0);
}

static void lie_height(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		alter(b, "\"tx\":\"", 75); /* its "height" */
}

static void lie_account(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		alter(b, "\"account\":", 0);
}

static void lie_root(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		alter(b, "\"header\":\"", 2 * (1 + 32 + 8 + 32 + 8 + 8 + 4 + 4 + 8 + 8 + 8) + 5);
}

static void lie_signature(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		alter(b, "\"sig\":\"", 20);
}

static void lie_key(struct world *w, const char *path, struct mkt_buf *b)
{
	char mine[MKT_PUBKEY_TEXT], other[MKT_PUBKEY_TEXT];
	char *p;

	if (strncmp(path, "/v1/tx/", 7) != 0)
		return;
	mkt_pubkey_text(&w->pub[0], mine);
	mkt_pubkey_text(&w->pub[4], other);
	p = strstr((char *)b->data, mine);
	assert_non_null(p);
	memcpy(p, other, strlen(other));
}

/* A signature of somebody who is no authority. */
static void lie_signer(struct world *w, const char *path, struct mkt_buf *b)
{
	struct mkt_buf hex = MKT_BUF_INIT;
	struct mkt_block block;
	struct mkt_sig sig;
	char *p;

	if (strncmp(path, "/v1/tx/", 7) != 0)
		return;
	decode(w, 3, &block);
	mkt_header_sign(&block.hash, &w->sec[4], &sig);
	add_hex(&hex, sig.b, sizeof(sig.b));
	p = strstr((char *)b->data, "\"sig\":\"");
	assert_non_null(p);
	memcpy(p + 7, hex.data, hex.len);
	mkt_buf_release(&hex);
}

/* One vote of three, which is no quorum. */
static void lie_votes(struct world *w, const char *path, struct mkt_buf *b)
{
	char *p, *q;

	(void)w;
	if (strncmp(path, "/v1/tx/", 7) != 0)
		return;
	p = strstr((char *)b->data, "},{\"authority\":1");
	q = strstr((char *)b->data, "}]}}");
	assert_non_null(p);
	assert_non_null(q);
	memmove(p, q, strlen(q) + 1);
	b->len -= (size_t)(q - p);
}

/* The same authority twice. */
static void lie_twice(struct world *w, const char *path, struct mkt_buf *b)
{
	char *p;

	(void)w;
	if (strncmp(path, "/v1/tx/", 7) != 0)
		return;
	p = strstr((char *)b->data, "{\"authority\":1");
	assert_non_null(p);
	p[13] = '0';
}

static void lie_tx(struct world *w, const char *path, struct mkt_buf *b)
{
	struct mkt_buf hex = MKT_BUF_INIT;
	struct mkt_hash other = id_at(w, 5, 1);

	if (strncmp(path, "/v1/tx/", 7) != 0)
		return;
	add_hex(&hex, other.b, sizeof(other.b));
	mkt_buf_clear(b);
	answer_tx(w, mkt_buf_str(&hex), b);
	mkt_buf_release(&hex);
}

static void lie_genesis(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strcmp(path, "/v1/genesis"))
		b->data[b->len / 2] ^= 1;
}

static void lie_account_key(struct world *w, const char *path, struct mkt_buf *b)
{
	char mine[MKT_PUBKEY_TEXT], other[MKT_PUBKEY_TEXT];

	if (strncmp(path, "/v1/accounts/", 13) != 0)
		return;
	mkt_pubkey_text(&w->pub[4], mine);
	mkt_pubkey_text(&w->pub[1], other);
	memcpy(strstr((char *)b->data, mine), other, strlen(other));
}

static void lie_form(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/tx/", 7))
		memcpy(strstr((char *)b->data, "\"votes\""), "\"goats\"", 7);
}

static void transactions_of_liars(void **state)
{
	static const struct {
		void (*lie)(struct world *w, const char *path, struct mkt_buf *b);
		const char *step, *reason;
	} t[] = {
		{lie_envelope, "path", "the Merkle path does not lead from the transaction"},
		{lie_path, "path", "the Merkle path does not lead from the transaction"},
		{lie_index, "path", "the Merkle path is of another place"},
		{lie_height, "signatures", "the header is of block 3, not of 1 as told"},
		{lie_account, "envelope", "its signer is another account than the one told"},
		{lie_root, "signatures", "block 3: the signature of an authority is wrong"},
		{lie_signature, "signatures", "block 3: the signature of an authority is wrong"},
		{lie_signer, "signatures", "block 3: the signature of an authority is wrong"},
		{lie_key, "signatures", "the key named for authority 0 is not its key"},
		{lie_votes, "signatures", "block 3: too few authorities have signed it"},
		{lie_twice, "answer", "votes"},
		{lie_tx, "envelope", "it is another transaction than the one asked for"},
		{lie_genesis, "chain", "which is another chain than"},
		{lie_account_key, "signer", "the signature is not by the key"},
		{lie_form, "answer", "votes"},
	};
	struct world *w = begin();

	(void)state;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		char step[40];

		w->lie = t[i].lie;
		has(prove_tx(w, 3, 0), "NOT PROVED: ");
		has(w->k->text, t[i].reason);
		has(w->k->text, "is not what the chain's authorities have signed");
		snprintf(step, sizeof(step), " WRONG %-12s ", t[i].step);
		has(w->k->text, step);
		has(SAID(w->k), "NOT proved");
	}
	end(w);
}

/* Headers of a set that nobody made: the last block signed by strangers who name themselves. */
static void lie_set(struct world *w, const char *path, struct mkt_buf *b)
{
	struct mkt_authorities set = {.n = 1, .quorum = MKT_QUORUM_MAJORITY};
	struct mkt_buf old = w->block[20], forged = MKT_BUF_INIT;
	struct mkt_authorities was = w->set[20];
	struct mkt_block block;

	if (strncmp(path, "/v1/tx/", 7) != 0)
		return;
	set.v[0].key = w->pub[4];
	decode(w, 20, &block);
	mkt_authorities_set_hash(&set, &block.h.authorities);
	sign_block(w, &block.h, &set, &forged);
	mkt_buf_add(&forged, block.txs, block.txs_len);
	w->block[20] = forged;
	w->set[20] = set;
	mkt_buf_clear(b);
	answer_tx(w, path + 7, b);
	w->block[20] = old;
	w->set[20] = was;
	mkt_buf_release(&forged);
}

/* The change's co-signatures altered, and the block's roots with it: its votes are wrong then. */
static void lie_change(struct world *w, const char *path, struct mkt_buf *b)
{
	struct mkt_buf altered = MKT_BUF_INIT, old = w->block[ADDED];

	if (!strstr(path, "/v1/chain?from=6&"))
		return;
	mkt_buf_add(&altered, old.data, old.len);
	altered.data[altered.len - 120] ^= 1;
	w->block[ADDED] = altered;
	mkt_buf_clear(b);
	answer_chain(w, path, b);
	w->block[ADDED] = old;
	mkt_buf_release(&altered);
}

static void lie_other_block(struct world *w, const char *path, struct mkt_buf *b)
{
	if (strncmp(path, "/v1/chain?", 10) != 0)
		return;
	mkt_buf_clear(b);
	answer_chain(w, "/v1/chain?from=2&headers=1", b);
}

static void lie_garbage(struct world *w, const char *path, struct mkt_buf *b)
{
	(void)w;
	if (!strncmp(path, "/v1/chain?", 10))
		b->data[b->len / 2] ^= 0x40;
}

static void authorities_of_liars(void **state)
{
	static const struct {
		void (*lie)(struct world *w, const char *path, struct mkt_buf *b);
		const char *reason;
	} t[] = {
		{lie_set, "block 20 names authorities that no block made"},
		{lie_change, "block 6: the transactions are not those of its root"},
		{lie_other_block, "another block came for it"},
		{lie_garbage, "block 10: "},
	};
	struct world *w = begin();

	(void)state;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		w->lie = t[i].lie;
		has(prove_tx(w, 20, 0), "NOT PROVED: ");
		has(w->k->text, t[i].reason);
		has(w->k->text, " WRONG authorities ");
	}
	end(w);
}

/* A transaction of the block asked for is another one. */
static void lie_body(struct world *w, const char *path, struct mkt_buf *b)
{
	struct mkt_buf altered = MKT_BUF_INIT, old = w->block[9];

	if (strcmp(path, "/v1/chain?from=9&limit=1") != 0)
		return;
	mkt_buf_add(&altered, old.data, old.len);
	altered.data[altered.len - 1] ^= 1;
	w->block[9] = altered;
	mkt_buf_clear(b);
	answer_chain(w, path, b);
	w->block[9] = old;
	mkt_buf_release(&altered);
}

static void lie_head_only(struct world *w, const char *path, struct mkt_buf *b)
{
	if (strcmp(path, "/v1/chain?from=9&limit=1") != 0)
		return;
	mkt_buf_clear(b);
	answer_chain(w, "/v1/chain?from=9&headers=1", b);
}

static bool another_tx(void *ctx, uint32_t ix, struct mkt_hash *id)
{
	(void)ctx;
	*id = id_at(world, 9, ix == 2 ? 1 : ix);
	return true;
}

static void blocks_of_liars(void **state)
{
	struct world *w = begin();
	struct tui_shown_block s = shown(w, 9);

	(void)state;
	w->lie = lie_body;
	has(prove_block(w, &s), "NOT PROVED: block 9: the transactions are not those of its root");
	w->lie = lie_head_only;
	has(prove_block(w, &s), "NOT PROVED: a header came for the block");
	w->lie = NULL;
	s.time_ms++;
	has(prove_block(w, &s), "NOT PROVED: the node shows another time");
	s = shown(w, 9);
	s.hash.b[5] ^= 1;
	has(prove_block(w, &s), "NOT PROVED: the node shows another hash");
	s = shown(w, 9);
	s.txs--;
	has(prove_block(w, &s), "NOT PROVED: the node shows another number of transactions");
	s = shown(w, 9);
	s.tx = another_tx;
	has(prove_block(w, &s), "NOT PROVED: the node shows another transaction 2");
	s.bytes = TUI_PROVE_BLOCK_MAX + 1;
	prove_block(w, &s);
	has(SAID(w->k), "too large to be checked here");
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_transaction_is_proved),
		cmocka_unit_test(each_block_is_proved),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(what_is_missing_is_no_lie),
		cmocka_unit_test(transactions_of_liars),
		cmocka_unit_test(authorities_of_liars),
		cmocka_unit_test(blocks_of_liars),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
