/*
 * Making a certificate: where its parts stand in the chain, then the blocks one by
 * one, each read once for its header and the paths in it.
 */
#include "core/base/compat.h"

#include "core/chain/cert.h"
#include "core/chain/verify.h"

#define STORY_PIECE 256u
#define STORY_MAX 20000u /* entries of a party between contract and settlement */

struct place {
	bool there;
	uint64_t height;
	uint32_t ix;
};

struct build {
	struct mkt_chain *c;
	struct mkt_contract k;
	struct place at[MKT_CERT_END];
	struct mkt_buf bytes; /* of the block that is open */
	struct mkt_block b;
	uint64_t open; /* its height; 0: none */
	struct mkt_tx tx;
};

static int open_block(struct build *m, uint64_t height, struct mkt_err *err)
{
	int r;

	if (m->open == height)
		return 0;
	m->open = 0;
	r = mkt_chain_read(m->c, height, &m->bytes, err);
	if (!r)
		r = mkt_block_dec(m->bytes.data, m->bytes.len, &m->b, err);
	if (!r)
		m->open = height;
	return r;
}

/* An event, and the envelope before it that made it. */
static void note(struct build *m, unsigned event, uint32_t ix, const struct mkt_event *ev)
{
	m->at[event] = (struct place){true, m->open, ix};
	if (event != MKT_CERT_CONTRACT && event != MKT_CERT_SETTLED)
		m->at[event - 1] = (struct place){true, m->open, ev->tx};
}

/* Results of other operations may have the number of a bid as well: a cancel of it. */
static int is_bid(struct build *m, const struct mkt_event *ev, struct mkt_err *err)
{
	const uint8_t *p;
	uint32_t n;

	if (!mkt_block_tx(&m->b, ev->tx, &p, &n))
		return 0;
	if (mkt_tx_dec(p, n, mkt_chain_id(m->c), &m->tx, err) < 0)
		return -err->code;
	return ev->op < m->tx.nops && m->tx.ops[ev->op].kind == MKT_OP_BID;
}

static int find_bid(struct build *m, uint64_t bid, unsigned what, struct mkt_err *err)
{
	const uint8_t *at = NULL;
	struct mkt_event ev;
	uint64_t height;
	int r = mkt_chain_height_of_bid(m->c, bid, &height, err);

	if (!r)
		r = open_block(m, height, err);
	for (uint32_t ix = 0; !r && mkt_block_next_event(&m->b, &at, &ev); ix++) {
		if (ev.kind != MKT_EV_RESULT || ev.u.result.code || ev.u.result.ref != bid)
			continue;
		r = is_bid(m, &ev, err);
		if (r > 0)
			note(m, what, ix, &ev);
	}
	if (r >= 0 && !m->at[what].there)
		return mkt_err_set(err, MKT_EINTEGRITY, "bid %llu is not in its block",
				   (unsigned long long)bid);
	return r < 0 ? r : 0;
}

/* What a block tells of the contract. */
static int scan_block(struct build *m, uint64_t height, struct mkt_err *err)
{
	uint64_t exec = m->k.what.exec;
	const uint8_t *at = NULL;
	struct mkt_event ev;
	int r = open_block(m, height, err);

	for (uint32_t ix = 0; !r && mkt_block_next_event(&m->b, &at, &ev); ix++) {
		if (ev.kind == MKT_EV_CONTRACT && ev.u.contract.exec == exec)
			note(m, MKT_CERT_CONTRACT, ix, &ev);
		else if (ev.kind == MKT_EV_SETTLED && ev.u.settled.exec == exec)
			note(m, MKT_CERT_SETTLED, ix, &ev);
		else if (ev.kind == MKT_EV_REPORT && ev.u.report.exec == exec)
			note(m,
			     ev.u.report.side == MKT_SUPPLY ? MKT_CERT_SUPPLY_DONE
							    : MKT_CERT_DRAW_DONE,
			     ix, &ev);
	}
	return r;
}

/* Blocks of a party's story from the contract to the settlement, each once. */
static int scan_story(struct build *m, uint32_t account, struct mkt_err *err)
{
	uint64_t entries[STORY_PIECE], from = m->k.height << 24, last = 0;
	uint32_t scanned = 0;
	int n;

	do {
		n = mkt_chain_story(m->c, account, from, false, entries, STORY_PIECE, err);
		for (int i = 0; i < n; i++) {
			uint64_t height = entries[i] >> 24;

			if (m->at[MKT_CERT_SETTLED].there &&
			    height > m->at[MKT_CERT_SETTLED].height)
				return 0;
			if (height != last && scan_block(m, height, err) < 0)
				return -err->code;
			last = height;
			from = entries[i] + 1;
		}
		scanned += n > 0 ? (uint32_t)n : 0;
		if (scanned > STORY_MAX)
			return mkt_err_set(
				err, MKT_ELIMIT,
				"too much happened until the settlement of contract %llu",
				(unsigned long long)m->k.what.exec);
	} while (n == (int)STORY_PIECE);
	return n < 0 ? n : 0;
}

static int find_all(struct build *m, uint64_t exec, struct mkt_err *err)
{
	int r = mkt_chain_contract(m->c, exec, &m->k, err);

	if (r < 0)
		return r;
	if (!r)
		return mkt_err_set(err, MKT_EUNSETTLED, "contract %llu is not settled yet",
				   (unsigned long long)exec);
	r = find_bid(m, m->k.what.buy_bid, MKT_CERT_BUY_DONE, err);
	if (!r)
		r = find_bid(m, m->k.what.sell_bid, MKT_CERT_SELL_DONE, err);
	if (!r)
		r = scan_story(m, m->k.what.seller, err);
	if (!r)
		r = scan_story(m, m->k.what.buyer, err);
	if (!r && (!m->at[MKT_CERT_CONTRACT].there || !m->at[MKT_CERT_SETTLED].there))
		r = mkt_err_set(err, MKT_EINTEGRITY, "contract %llu is not where the indexes say",
				(unsigned long long)exec);
	return r;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Heights of the parts, ascending, each once. */
static unsigned heights_of(const struct build *m, uint64_t out[MKT_CERT_HEADS_MAX])
{
	uint64_t last = 0;
	unsigned n = 0;

	for (;;) {
		uint64_t next = UINT64_MAX;

		for (unsigned i = 1; i < MKT_CERT_END; i++)
			if (m->at[i].there && m->at[i].height > last && m->at[i].height < next)
				next = m->at[i].height;
		if (next == UINT64_MAX || n == MKT_CERT_HEADS_MAX)
			return n;
		out[n++] = last = next;
	}
}

/* Which set each of the headers names. */
struct named_sets {
	const uint64_t *heights;
	struct mkt_hash set[MKT_CERT_HEADS_MAX];
	unsigned n;
};

/*
 * From @height on a header names another set than @mine.  A set may come back as it was: that
 * the last header names this one says nothing of those before it.
 */
static bool other_named(const struct named_sets *s, uint64_t height, const struct mkt_hash *mine)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->heights[i] >= height && !mkt_hash_eq(&s->set[i], mine))
			return true;
	return false;
}

/* The blocks that changed the authorities, as far as a header needs them: their successors name
 * another set.  None may be left out on the way, for each is signed by the set before it. */
static int put_changes(struct build *m, const uint64_t *heights, unsigned nheights,
		       struct mkt_buf *out, struct mkt_err *err)
{
	struct named_sets named = {.heights = heights};
	struct mkt_buf changes = MKT_BUF_INIT;
	struct mkt_block b = {.txs = NULL};
	struct mkt_authorities set;
	struct mkt_hash mine;
	unsigned n = 0;
	int r = 0;

	for (; r >= 0 && named.n < nheights; named.n++) {
		r = mkt_chain_read_head(m->c, heights[named.n], &b, err);
		named.set[named.n] = b.h.authorities;
	}
	mkt_authorities_of(mkt_chain_genesis(m->c), &set);
	mkt_authorities_set_hash(&set, &mine);
	for (uint64_t h = 1; r >= 0 && other_named(&named, h, &mine); h++) {
		r = mkt_chain_read_head(m->c, h, &b, err);
		if (r < 0 || mkt_hash_eq(&b.h.authorities, &mine))
			continue;
		r = open_block(m, h - 1, err);
		if (!r && n++ == MKT_CERT_CHANGES_MAX)
			r = mkt_err_set(err, MKT_ELIMIT, "the authorities have changed too often");
		if (!r)
			r = mkt_verify_next_set(&m->b, mkt_chain_id(m->c), &set, err);
		mkt_authorities_set_hash(&set, &mine);
		mkt_enc_u32(&changes, (uint32_t)m->bytes.len);
		mkt_enc_bytes(&changes, m->bytes.data, m->bytes.len);
	}
	mkt_enc_u8(out, (uint8_t)n);
	mkt_enc_bytes(out, changes.data, changes.len);
	out->bad |= changes.bad;
	mkt_buf_release(&changes);
	return r < 0 ? r : 0;
}

static void put_head(const struct mkt_block *b, struct mkt_buf *out)
{
	mkt_header_enc(&b->h, out);
	mkt_enc_u8(out, b->nvotes);
	for (unsigned i = 0; i < b->nvotes; i++) {
		mkt_enc_u16(out, b->votes[i].authority);
		mkt_enc_bytes(out, b->votes[i].sig.b, MKT_SIG_LEN);
	}
}

/* The bytes of a leaf; false if the block has none of that number. */
static bool leaf_of(const struct mkt_block *b, bool tx, uint32_t ix, const uint8_t **p, uint32_t *n)
{
	const uint8_t *at = NULL, *from = b->events;
	struct mkt_event ev;

	if (tx)
		return mkt_block_tx(b, ix, p, n);
	for (uint32_t i = 0; mkt_block_next_event(b, &at, &ev); i++, from = at)
		if (i == ix) {
			*p = from;
			*n = (uint32_t)(at - from);
			return true;
		}
	return false;
}

static int put_item(struct build *m, unsigned what, unsigned head, struct mkt_buf *out,
		    struct mkt_err *err)
{
	bool tx = mkt_cert_is_tx(what);
	uint32_t n = tx ? m->b.h.ntxs : m->b.h.nevents, len = 0;
	struct mkt_hash *leaves = malloc((n + 1u) * sizeof(*leaves));
	const uint8_t *p = NULL;
	struct mkt_proof proof;
	int r = leaves ? 0 : mkt_err_code(err, MKT_ENOMEM);

	if (!r && tx)
		mkt_block_tx_leaves(&m->b, leaves);
	else if (!r)
		r = mkt_block_event_leaves(&m->b, leaves, err);
	if (!r && (mkt_merkle_prove(leaves, n, m->at[what].ix, &proof) < 0 ||
		   !leaf_of(&m->b, tx, m->at[what].ix, &p, &len)))
		r = mkt_err_set(err, MKT_EINTEGRITY, "a part is not in block %llu",
				(unsigned long long)m->open);
	free(leaves);
	if (r < 0)
		return r;
	mkt_enc_u8(out, (uint8_t)what);
	mkt_enc_u8(out, (uint8_t)head);
	mkt_enc_u32(out, proof.ix);
	mkt_enc_u8(out, proof.depth);
	for (unsigned i = 0; i < proof.depth; i++)
		mkt_enc_bytes(out, proof.path[i].b, MKT_HASH_LEN);
	mkt_enc_u32(out, len);
	mkt_enc_bytes(out, p, len);
	return 0;
}

static int put_all(struct build *m, uint64_t exec, struct mkt_buf *out, struct mkt_err *err)
{
	uint64_t heights[MKT_CERT_HEADS_MAX];
	unsigned n = heights_of(m, heights);
	struct mkt_buf genesis = MKT_BUF_INIT;
	int r;

	mkt_genesis_enc(mkt_chain_genesis(m->c), &genesis);
	mkt_enc_bytes(out, MKT_CERT_MAGIC, sizeof(MKT_CERT_MAGIC) - 1);
	mkt_enc_u64(out, exec);
	mkt_enc_u32(out, (uint32_t)genesis.len);
	mkt_enc_bytes(out, genesis.data, genesis.len);
	out->bad |= genesis.bad;
	mkt_buf_release(&genesis);
	r = put_changes(m, heights, n, out, err);
	mkt_enc_u8(out, (uint8_t)n);
	for (unsigned i = 0; !r && i < n; i++) {
		r = open_block(m, heights[i], err);
		if (!r)
			put_head(&m->b, out);
	}
	for (unsigned what = 1; !r && what < MKT_CERT_END; what++) {
		unsigned head = 0;

		if (!m->at[what].there)
			continue;
		while (heights[head] != m->at[what].height)
			head++;
		r = open_block(m, heights[head], err);
		if (!r)
			r = put_item(m, what, head, out, err);
	}
	return r;
}

int mkt_cert_build(struct mkt_chain *c, uint64_t exec, struct mkt_buf *out, struct mkt_err *err)
{
	struct build *m = calloc(1, sizeof(*m));
	struct mkt_buf whole = MKT_BUF_INIT;
	int r = m ? 0 : mkt_err_code(err, MKT_ENOMEM);

	if (!r) {
		m->c = c;
		r = find_all(m, exec, err);
	}
	if (!r)
		r = put_all(m, exec, &whole, err);
	if (!r) {
		mkt_buf_add(out, whole.data, whole.len);
		if (whole.bad || out->bad)
			r = mkt_err_code(err, MKT_ENOMEM);
	}
	mkt_buf_release(&whole);
	if (m) {
		mkt_buf_release(&m->bytes);
		mkt_tx_release(&m->tx);
	}
	free(m);
	return r;
}
