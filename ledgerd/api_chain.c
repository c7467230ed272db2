/* Blocks and transactions, and the chain as a stream of its records. */
#include "core/base/compat.h"

#include <ctype.h>

#include "core/chain/merkle.h"
#include "core/codec/enc.h"
#include "ledgerd/api.h"
#include "ledgerd/reader.h"
#include "ledgerd/look.h"

#define PAGE_BYTES_MAX (64u << 20) /* of blocks opened for one page */

/* ---- headers -------------------------------------------------------------------------------- */

/* @bytes 0: the body is pruned. */
static void put_header(struct mkt_jw *w, const struct mkt_block *b, size_t bytes)
{
	const struct mkt_header *h = &b->h;

	mkt_jw_ku64(w, "height", h->height);
	ld_json_time_ms(w, "time", h->time_ms);
	mkt_jw_ku64(w, "time_ms", h->time_ms);
	mkt_jw_khex(w, "hash", b->hash.b, sizeof(b->hash.b));
	mkt_jw_khex(w, "prev", h->prev.b, sizeof(h->prev.b));
	mkt_jw_ku64(w, "txs", h->ntxs);
	mkt_jw_ku64(w, "events", h->nevents);
	mkt_jw_ku64s(w, "first_tx", h->first_tx);
	mkt_jw_ku64s(w, "first_bid", h->first_bid);
	mkt_jw_ku64s(w, "first_exec", h->first_exec);
	mkt_jw_khex(w, "tx_root", h->tx_root.b, sizeof(h->tx_root.b));
	mkt_jw_khex(w, "event_root", h->event_root.b, sizeof(h->event_root.b));
	mkt_jw_khex(w, "state", h->state.b, sizeof(h->state.b));
	mkt_jw_ku64(w, "authority", h->authority);
	mkt_jw_ku64(w, "bytes", bytes);
	mkt_jw_kbool(w, "pruned", !bytes);
}

/* A line of the list: of a pruned block, what its header says. */
static int put_line(struct ld_look *l, struct mkt_jw *w, uint64_t height, uint64_t *bytes,
		    struct mkt_err *err)
{
	const struct ld_look_block *k;
	struct mkt_block head = {.nvotes = 0};
	int res = ld_look_block(l, height, &k, err);
	size_t n = res < 0 ? 0 : k->bytes.len;

	if (res == -MKT_EPRUNED)
		res = mkt_chain_read_head(l->node->chain, height, &head, err);
	if (res < 0)
		return res;
	mkt_jw_obj(w);
	put_header(w, n ? &k->b : &head, n);
	mkt_jw_obj_end(w);
	*bytes += n;
	return 0;
}

int ld_get_blocks(struct ld_req *r, struct mkt_err *err)
{
	uint64_t head = mkt_chain_height(r->node->chain), at, bytes = 0;
	struct ld_look look;
	struct mkt_jw w;
	uint32_t limit;
	bool down, more = true;
	char next[24];
	int res = ld_param_flag(r, "down", &down, err);

	at = down ? head : 0;
	if (res >= 0)
		res = ld_param_u64(r, "from", UINT64_MAX, &at, err);
	if (res >= 0)
		res = ld_param_limit(r, &limit, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	if (down && at > head)
		at = head;
	ld_look_init(&look, r->node);
	ld_begin(r, &w, "mkt.blocks/1");
	mkt_jw_arr(&w);
	for (more = at <= head; more && r->rows < limit && bytes < PAGE_BYTES_MAX; r->rows++) {
		res = put_line(&look, &w, at, &bytes, err);
		if (res < 0)
			break;
		more = down ? at > 0 : at < head;
		at = down ? at - 1 : at + 1;
	}
	mkt_jw_arr_end(&w);
	ld_look_release(&look);
	if (res < 0)
		return res;
	snprintf(next, sizeof(next), "%llu", (unsigned long long)at);
	return ld_end(r, &w, more ? next : NULL, err);
}

/* One line for a transaction of a block. */
static void put_tx_line(struct ld_node *n, struct mkt_jw *w, const struct mkt_tx *tx, uint32_t ix)
{
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "index", ix);
	mkt_jw_khex(w, "tx", tx->id.b, sizeof(tx->id.b));
	mkt_jw_ku64(w, "account", tx->account);
	ld_node_read(n);
	ld_json_name(w, n, "account_name", tx->account);
	ld_node_unread(n);
	mkt_jw_key(w, "ops");
	mkt_jw_arr(w);
	for (uint16_t i = 0; i < tx->nops; i++)
		mkt_jw_str(w, mkt_op_name(tx->ops[i].kind));
	mkt_jw_arr_end(w);
	mkt_jw_obj_end(w);
}

/* Transactions from index @from; how many were put, or an error. */
static int put_txs(struct ld_node *n, struct mkt_jw *w, const struct mkt_block *b, uint32_t from,
		   uint32_t limit, struct mkt_err *err)
{
	const uint8_t *at = NULL, *p;
	struct mkt_tx tx = MKT_TX_INIT;
	uint32_t len, ix = 0;
	int res = 0;

	mkt_jw_key(w, "transactions");
	mkt_jw_arr(w);
	for (; res >= 0 && (ix < from || ix - from < limit); ix++) {
		if (!mkt_block_next_tx(b, &at, &p, &len))
			break;
		if (ix < from)
			continue;
		res = mkt_tx_dec(p, len, &n->chain_id, &tx, err);
		if (res >= 0)
			put_tx_line(n, w, &tx, ix);
	}
	mkt_jw_arr_end(w);
	mkt_tx_release(&tx);
	return res < 0 ? res : (int)(ix > from ? ix - from : 0);
}

/*
 * The set whose votes @h must have.  Most blocks have the one in force now; for others the
 * chain looks for the changes.
 */
static int set_of(struct ld_node *n, const struct mkt_header *h, struct mkt_authorities *set,
		  struct mkt_err *err)
{
	struct mkt_hash hash;

	ld_node_read(n);
	ld_node_authorities(n, set);
	ld_node_unread(n);
	mkt_authorities_set_hash(set, &hash);
	return mkt_hash_eq(&hash, &h->authorities)
		       ? 0
		       : mkt_chain_authorities(n->chain, h->height, set, err);
}

/* Who has signed, and how many must. */
static int put_certificate(struct ld_node *n, struct mkt_jw *w, const struct mkt_block *b,
			   struct mkt_err *err)
{
	struct mkt_authorities set;
	int res = set_of(n, &b->h, &set, err);

	if (res < 0)
		return res;
	mkt_jw_key(w, "certificate");
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "epoch", b->h.epoch);
	mkt_jw_ku64(w, "votes", b->nvotes);
	mkt_jw_ku64(w, "needed", b->h.height ? mkt_authorities_quorum(&set) : 0);
	mkt_jw_ku64(w, "authorities", set.n);
	mkt_jw_key(w, "signed_by");
	mkt_jw_arr(w);
	for (unsigned i = 0; i < b->nvotes; i++)
		mkt_jw_str(w, b->votes[i].authority < set.n ? set.v[b->votes[i].authority].name
							    : "");
	mkt_jw_arr_end(w);
	mkt_jw_obj_end(w);
	return 0;
}

int ld_get_block(struct ld_req *r, struct mkt_err *err)
{
	const struct ld_look_block *k;
	struct ld_look look;
	uint64_t height, from = 0;
	uint32_t limit;
	struct mkt_jw w;
	char next[24];
	int res = ld_reader_may(r, LD_EVERYBODY, err), after;

	if (res >= 0)
		res = ld_param_limit(r, &limit, err);
	if (res < 0)
		return res;
	after = ld_param_u64(r, "after", UINT32_MAX, &from, err);
	from += after == 1;
	res = after < 0 ? after : ld_params_done(r, err);
	if (res < 0)
		return res;
	if (!ld_parse_u64(r->arg, UINT64_MAX, &height))
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no block '%s'", r->arg);
	ld_look_init(&look, r->node);
	res = ld_look_block(&look, height, &k, err);
	if (res >= 0) {
		ld_begin(r, &w, "mkt.block/1");
		mkt_jw_obj(&w);
		put_header(&w, &k->b, k->bytes.len);
		res = put_certificate(r->node, &w, &k->b, err);
	}
	if (res >= 0) {
		res = put_txs(r->node, &w, &k->b, from > UINT32_MAX ? UINT32_MAX : (uint32_t)from,
			      limit, err);
		mkt_jw_obj_end(&w);
	}
	if (res >= 0) {
		uint64_t end = from + (uint32_t)res;

		r->rows = (uint32_t)res;
		snprintf(next, sizeof(next), "%llu", (unsigned long long)end - 1);
		res = ld_end(r, &w, end < k->b.h.ntxs && res ? next : NULL, err);
	}
	ld_look_release(&look);
	return res;
}

/* ---- one transaction ------------------------------------------------------------------------ */

static int put_proof(struct ld_node *n, struct mkt_jw *w, const struct mkt_block *b, uint32_t ix,
		     struct mkt_err *err)
{
	struct mkt_hash *leaves = malloc(b->h.ntxs * sizeof(*leaves));
	struct mkt_buf header = MKT_BUF_INIT;
	struct mkt_authorities set;
	struct mkt_proof proof;
	int res;

	if (!leaves)
		return mkt_err_code(err, MKT_ENOMEM);
	mkt_block_tx_leaves(b, leaves);
	res = mkt_merkle_prove(leaves, b->h.ntxs, ix, &proof);
	free(leaves);
	res = res < 0 ? mkt_err_code(err, MKT_ENOMEM)
		      : set_of(n, &b->h, &set, err);
	mkt_header_enc(&b->h, &header);
	if (res < 0 || header.bad) {
		mkt_buf_release(&header);
		return res < 0 ? res : mkt_err_code(err, MKT_ENOMEM);
	}
	mkt_jw_key(w, "proof");
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "n", proof.n);
	mkt_jw_ku64(w, "ix", proof.ix);
	mkt_jw_key(w, "path");
	mkt_jw_arr(w);
	for (unsigned i = 0; i < proof.depth; i++)
		mkt_jw_hex(w, proof.path[i].b, sizeof(proof.path[i].b));
	mkt_jw_arr_end(w);
	mkt_jw_obj_end(w);
	mkt_jw_khex(w, "header", header.data, header.len);
	mkt_buf_release(&header);
	mkt_jw_key(w, "votes");
	mkt_jw_arr(w);
	for (unsigned i = 0; i < b->nvotes; i++) {
		char key[MKT_PUBKEY_TEXT] = "";

		if (b->votes[i].authority < set.n)
			mkt_pubkey_text(&set.v[b->votes[i].authority].key, key);
		mkt_jw_obj(w);
		mkt_jw_ku64(w, "authority", b->votes[i].authority);
		mkt_jw_kstr(w, "key", key);
		mkt_jw_khex(w, "sig", b->votes[i].sig.b, sizeof(b->votes[i].sig.b));
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
	return 0;
}

static int put_tx_events(struct ld_look *l, struct mkt_jw *w, const struct mkt_tx_place *at,
			 struct mkt_err *err)
{
	uint32_t first, count;
	int res = ld_look_tx_first(l, at->height, at->ix, &first, &count, err);

	mkt_jw_key(w, "events");
	mkt_jw_arr(w);
	for (uint32_t i = 0; res >= 0 && i < count && i < MKT_PAGE_ROWS_MAX; i++)
		res = ld_put_entry(l, w, at->height << 24 | (first + i), err);
	mkt_jw_arr_end(w);
	return res;
}

static int put_tx(struct ld_look *l, struct mkt_jw *w, const struct mkt_tx_place *at, bool proof,
		  struct mkt_err *err)
{
	struct ld_node *n = l->node;
	const struct ld_look_block *k;
	const struct mkt_tx *tx;
	const uint8_t *events;
	size_t events_len;
	int res = ld_look_block(l, at->height, &k, err);

	if (res >= 0)
		res = ld_look_tx_events(l, at->height, at->ix, &events, &events_len, err);
	if (res >= 0)
		res = ld_look_tx(l, at->height, at->ix, &tx, err);
	if (res < 0)
		return res;
	mkt_jw_khex(w, "tx", tx->id.b, sizeof(tx->id.b));
	mkt_jw_ku64(w, "height", at->height);
	mkt_jw_ku64(w, "index", at->ix);
	ld_json_time_ms(w, "time", k->b.h.time_ms);
	mkt_jw_ku64(w, "account", tx->account);
	ld_json_time_s(w, "valid_until", tx->valid_until_s);
	mkt_jw_khex(w, "request", tx->request, sizeof(tx->request));
	mkt_jw_kbool(w, "all_or_nothing", tx->flags & MKT_TX_ALL_OR_NOTHING);
	mkt_jw_key(w, "ops");
	mkt_jw_arr(w);
	ld_node_read(n);
	for (uint16_t i = 0; i < tx->nops; i++) {
		ld_json_op(w, n, tx, &tx->ops[i]);
		ld_breathe(n, i);
	}
	ld_node_unread(n);
	mkt_jw_arr_end(w);
	ld_json_results(w, n, tx, events, events_len);
	if (proof) {
		mkt_jw_khex(w, "envelope", tx->raw, tx->raw_len);
		res = put_proof(n, w, &k->b, at->ix, err);
	}
	return res < 0 ? res : put_tx_events(l, w, at, err);
}

/* @found: 1, 0 or an error, as the chain's look-ups say it. */
static int answer_tx(struct ld_req *r, int found, const struct mkt_tx_place *at, bool proof,
		     struct mkt_err *err)
{
	const struct mkt_tx *tx;
	struct ld_look look;
	struct mkt_jw w;
	int res;

	if (!found && ld_wait_indexed(r, ld_pipe_pending_height(r->node)))
		return LD_WAITS;
	if (!found)
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no such transaction");
	if (found < 0)
		return found;
	ld_look_init(&look, r->node);
	res = ld_look_tx(&look, at->height, at->ix, &tx, err);
	if (res >= 0)
		res = ld_reader_may(r, tx->account, err);
	if (res >= 0) {
		ld_begin(r, &w, "mkt.tx/1");
		mkt_jw_obj(&w);
		res = put_tx(&look, &w, at, proof, err);
		mkt_jw_obj_end(&w);
	}
	ld_look_release(&look);
	return res < 0 ? res : ld_end(r, &w, NULL, err);
}

static bool all_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

int ld_get_tx(struct ld_req *r, struct mkt_err *err)
{
	struct mkt_tx_place at;
	size_t n = strlen(r->arg);
	bool proof;
	int res = ld_private(r, err);

	if (res >= 0)
		res = ld_param_flag(r, "proof", &proof, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	if (n < 8 || n > 2 * MKT_HASH_LEN || !all_hex(r->arg, n))
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is not 8 to 64 hexadecimal digits",
				   r->arg);
	res = mkt_chain_find_prefix(r->node->chain, r->arg, n, &at, err);
	return answer_tx(r, res == -MKT_ENOTFOUND ? 0 : res, &at, proof, err);
}

static bool parse_request(const char *text, uint8_t out[MKT_REQUEST_LEN])
{
	if (strlen(text) != 2 * MKT_REQUEST_LEN || !all_hex(text, 2 * MKT_REQUEST_LEN))
		return false;
	for (size_t i = 0; i < MKT_REQUEST_LEN; i++) {
		char pair[3] = {text[2 * i], text[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

int ld_find_tx(struct ld_req *r, struct mkt_err *err)
{
	uint8_t request[MKT_REQUEST_LEN];
	const char *text = ld_param(r, "request");
	struct mkt_tx_place at;
	uint32_t account;
	bool proof;
	int res = ld_private(r, err);

	if (res < 0)
		return res;
	res = ld_param_account(r, &account, err);
	if (!res || !text)
		return mkt_err_set(err, MKT_EUSAGE, "'account' and 'request' are needed");
	if (res > 0)
		res = ld_param_flag(r, "proof", &proof, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	if (!parse_request(text, request))
		return mkt_err_set(err, MKT_EUSAGE, "'request' is not %d hexadecimal digits",
				   2 * MKT_REQUEST_LEN);
	return answer_tx(r, mkt_chain_find_request(r->node->chain, account, request, &at, err), &at,
			 proof, err);
}

/* ---- the chain as a stream ------------------------------------------------------------------ */

#define STREAM_KEEP (1u << 20) /* a record's room that is kept for the next */
#define CHAIN_WAIT_MS_MAX 30000u

struct chain_stream {
	struct ld_stream base;
	struct ld_node *node;
	bool headers;
	uint64_t at, end;     /* heights, @end excluded */
	struct mkt_buf record, piece; /* piece: length and record of one block */
	size_t given;
	size_t held; /* of both, as the guard knows */
};

static int read_record(struct chain_stream *s, uint64_t height, struct mkt_err *err)
{
	if (s->record.cap > STREAM_KEEP)
		mkt_buf_release(&s->record);
	return s->headers ? mkt_chain_read_short(s->node->chain, height, &s->record, err)
			  : mkt_chain_read_raw(s->node->chain, height, &s->record, err);
}

static bool next_record(struct chain_stream *s)
{
	struct mkt_buf *b = &s->piece;

	if (b->cap > STREAM_KEEP)
		mkt_buf_release(b);
	mkt_buf_clear(b);
	if (read_record(s, s->at, NULL) < 0)
		return false;
	mkt_enc_u32(b, (uint32_t)s->record.len);
	mkt_buf_add(b, s->record.data, s->record.len);
	s->at++;
	return !b->bad;
}

/*
 * Until the reader goes on: keep the record if there is room for that among all streams,
 * else read it again then.
 */
static void rest(struct chain_stream *s)
{
	struct ld_guard *g = &s->node->guard;
	size_t held = s->record.cap + s->piece.cap;
	bool room = ld_guard_hold(g, s->held, held);

	s->held = held;
	if (room)
		return;
	mkt_buf_release(&s->record);
	if (s->given < s->piece.len)
		s->at--;
	else
		s->given = 0;
	mkt_buf_release(&s->piece);
	ld_guard_hold(g, s->held, 0);
	s->held = 0;
}

static ssize_t chain_read(struct ld_stream *base, char *to, size_t max)
{
	struct chain_stream *s = (struct chain_stream *)(void *)base;
	size_t done = 0;

	while (done < max) {
		size_t n;

		if (s->piece.len && s->given == s->piece.len) {
			mkt_buf_clear(&s->piece);
			s->given = 0;
		}
		if (!s->piece.len && s->at == s->end)
			break;
		if (!s->piece.len && (!next_record(s) || s->piece.len <= s->given))
			return LD_STREAM_BROKEN;
		n = s->piece.len - s->given;
		if (n > max - done)
			n = max - done;
		memcpy(to + done, s->piece.data + s->given, n);
		s->given += n;
		done += n;
	}
	if (!done)
		return LD_STREAM_END;
	rest(s);
	return (ssize_t)done;
}

static void chain_free(struct ld_stream *base)
{
	struct chain_stream *s = (struct chain_stream *)(void *)base;

	ld_guard_stream_end(&s->node->guard);
	ld_guard_hold(&s->node->guard, s->held, 0);
	mkt_buf_release(&s->record);
	mkt_buf_release(&s->piece);
	free(s);
}

static void wake_chain(struct ld_waiter *w)
{
	ld_req_wake(w->ctx);
}

/* Who has all blocks waits for the next: a node that follows hears of it at once. */
static bool wait_next(struct ld_req *r, uint64_t height, uint64_t wait_ms)
{
	uint64_t now = ld_mono_ms();

	if (!wait_ms || r->waits)
		return false;
	r->waits++;
	r->waiter = (struct ld_waiter){
		.what = LD_APPENDED,
		.height = height,
		.deadline_ms = now + wait_ms,
		.wake = wake_chain,
		.ctx = r,
	};
	ld_req_park(r);
	if (!ld_hub_wait(&r->node->hub, &r->waiter, now))
		ld_req_wake(r);
	return true;
}

int ld_get_chain(struct ld_req *r, struct mkt_err *err)
{
	uint64_t head = mkt_chain_height(r->node->chain), from = 0, limit = UINT64_MAX, wait_ms = 0;
	struct chain_stream *s;
	bool headers = false;
	int res = ld_reader_may(r, LD_EVERYBODY, err);

	if (res >= 0)
		res = ld_param_flag(r, "headers", &headers, err);
	if (res >= 0)
		res = ld_param_u64(r, "from", UINT64_MAX, &from, err);
	if (res >= 0)
		res = ld_param_u64(r, "limit", UINT64_MAX, &limit, err);
	if (res >= 0)
		res = ld_param_u64(r, "wait", CHAIN_WAIT_MS_MAX, &wait_ms, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	if (from > head + 1)
		return mkt_err_set(err, MKT_ENOTFOUND, "the chain ends at block %llu",
				   (unsigned long long)head);
	if (from == head + 1 && wait_next(r, from, wait_ms))
		return LD_WAITS;
	res = ld_guard_stream(&r->node->guard, r->node->conf->streams, err);
	if (res < 0)
		return res;
	s = calloc(1, sizeof(*s));
	if (!s) {
		ld_guard_stream_end(&r->node->guard);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	s->base.read = chain_read;
	s->base.free = chain_free;
	s->node = r->node;
	s->headers = headers;
	s->at = from;
	s->end = limit < head + 1 - from ? from + limit : head + 1;
	/* What is wrong with the first one is told in words; later the stream breaks off. */
	res = s->at < s->end ? read_record(s, s->at, err) : 0;
	if (res < 0) {
		chain_free(&s->base);
		return res;
	}
	r->reply.stream = &s->base;
	r->reply.type = "application/octet-stream";
	r->reply.status = 200;
	return 0;
}
