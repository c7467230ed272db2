/* POST /v1/transactions: frames in, receipts out. */
#include "core/base/compat.h"

#include "core/codec/base64.h"
#include "core/units/fmt.h"
#include "ledgerd/api.h"
#include "ledgerd/engine.h"
#include "ledgerd/look.h"

#define RECEIPT_BYTES 360 /* of one bid: room is made once */

struct post {
	struct ld_batch *batch;
	int door;	     /* why the pipeline did not take it; 0: it did */
	struct ld_look look; /* for results of replayed envelopes */
	uint64_t time_ms;    /* whose text is in @time: receipts of one block share it */
	struct mkt_text time;
};

static void post_free(void *work)
{
	struct post *p = work;

	if (p->batch)
		ld_batch_put(p->batch);
	ld_look_release(&p->look);
	free(p);
}

/* ---- the body ------------------------------------------------------------------------------ */

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int too_many(struct mkt_err *err)
{
	return mkt_err_set(err, MKT_ELIMIT, "one request takes at most %u envelopes", LD_BATCH_TXS);
}

/* b->body holds (u32 length, envelope) to its end. */
static int frame_bytes(struct ld_batch *b, struct mkt_err *err)
{
	const uint8_t *p = b->body.data, *end = p ? p + b->body.len : NULL;
	int res = 0;

	while (p < end && !res) {
		uint32_t len;

		if (end - p < 4)
			return mkt_err_set(err, MKT_EINVAL,
					   "the body ends within the length of envelope %u",
					   b->nitems + 1);
		len = get_u32(p);
		p += 4;
		if (len > (size_t)(end - p))
			return mkt_err_set(err, MKT_EINVAL,
					   "the body ends within envelope %u: %u bytes are "
					   "announced, %zu left",
					   b->nitems + 1, len, (size_t)(end - p));
		res = ld_batch_add(b, p, len);
		p += len;
	}
	if (res == -MKT_ELIMIT)
		return too_many(err);
	return res < 0 ? mkt_err_code(err, -res) : 0;
}

/* {KEY:["<base64>",...]}: put into @out as frames. */
static int frames_json(struct ld_req *r, const char *key, struct mkt_buf *out, struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root, list, v;
	struct mkt_jiter it = {0};
	int res = mkt_jdoc_parse(r->body.data, r->body.len, NULL, &doc, err);

	if (res < 0)
		return res;
	root = mkt_jdoc_root(doc);
	res = mkt_jval_only(&root, &key, 1, err);
	if (!res)
		res = mkt_jget_arr(&root, key, &list, err);
	while (!res && mkt_jval_next(&list, &it, &v)) {
		size_t at = out->len, n, len;
		const char *s;

		res = mkt_jval_str(&v, &s, &n, err);
		if (res < 0)
			break;
		mkt_buf_add(out, "\0\0\0\0", 4);
		if (!mkt_base64_add(out, s, n)) {
			res = mkt_err_set(err, MKT_EINVAL,
					  "'%s[%u]' is not base64 (RFC 4648, padded)", key,
					  it.index);
			break;
		}
		len = out->len - at - 4;
		for (unsigned k = 0; k < 4; k++)
			out->data[at + k] = (uint8_t)(len >> (8 * k));
	}
	mkt_jdoc_free(doc);
	return res;
}

static bool is_type(const char *type, const char *want)
{
	size_t n = strlen(want);

	return type && !strncasecmp(type, want, n) &&
	       (!type[n] || type[n] == ';' || type[n] == ' ');
}

int ld_body_frames(struct ld_req *r, const char *key, struct mkt_buf *out, struct mkt_err *err)
{
	struct mkt_buf kept;

	if (is_type(r->type, "application/json"))
		return frames_json(r, key, out, err);
	if (!is_type(r->type, "application/octet-stream"))
		return mkt_err_set(err, MKT_EUSAGE,
				   "the body must be application/octet-stream or application/json");
	kept = *out; /* a pooled batch keeps its storage: the two change hands */
	*out = r->body;
	r->body = kept;
	return 0;
}

static int frame(struct ld_req *r, struct ld_batch *b, struct mkt_err *err)
{
	int res = ld_body_frames(r, "envelopes", &b->body, err);

	if (!res)
		res = frame_bytes(b, err);
	if (!res && !b->nitems)
		return mkt_err_set(err, MKT_EUSAGE, "the body holds no envelope");
	return res;
}

/* ---- receipts ------------------------------------------------------------------------------ */

/* What the chain knows of an envelope whose request id was used before. */
struct replay {
	bool known; /* the request id is on the chain, */
	bool found; /* with this envelope, and its outcome could be read */
	struct mkt_tx_place place;
	uint64_t time_ms;
	const uint8_t *events;
	size_t events_len;
	int code; /* if not replayed: why it is refused */
	struct mkt_err err;
};

static void look_up(struct ld_node *n, struct post *p, const struct ld_item *it, struct replay *out)
{
	int res = mkt_chain_find_request(n->chain, it->tx.account, it->tx.request, &out->place,
					 &out->err);

	*out = (struct replay){.known = res > 0, .place = out->place, .code = it->code};
	if (res <= 0)
		return;
	if (!mkt_hash_eq(&out->place.id, &it->tx.id)) {
		out->code = MKT_ECONFLICT;
		return;
	}
	out->found = !ld_look_tx_events(&p->look, out->place.height, out->place.ix, &out->events,
					&out->events_len, &out->err) &&
		     !ld_look_time(&p->look, out->place.height, &out->time_ms, &out->err);
	if (!out->found)
		out->code = out->err.code;
}

static void put_refused(struct mkt_jw *w, const struct ld_item *it, int code)
{
	mkt_jw_kstr(w, "status", "refused");
	mkt_jw_kstr(w, "code", mkt_code_word(code));
	mkt_jw_kstr(w, "message", code == it->code && it->text ? it->text : mkt_code_text(code));
	mkt_jw_kstr(w, "hint", code == it->code && it->hint ? it->hint : mkt_code_hint(code));
}

struct placed {
	uint64_t height, time_ms;
	uint32_t ix;
	const void *events;
	size_t events_len;
};

static void put_placed(struct post *p, struct mkt_jw *w, const char *status,
		       const struct mkt_tx *tx, const struct placed *at)
{
	if (p->time_ms != at->time_ms) {
		p->time_ms = at->time_ms;
		p->time = mkt_fmt_utc_ms(at->time_ms);
	}
	mkt_jw_kstr(w, "status", status);
	mkt_jw_kstr(w, "code", "ok");
	mkt_jw_ku64s(w, "height", at->height);
	mkt_jw_ku64(w, "index", at->ix);
	mkt_jw_kstr(w, "time", p->time.s);
	ld_json_results(w, p->look.node, tx, at->events, at->events_len);
}

static void put_executed(struct post *p, struct mkt_jw *w, const struct ld_item *it)
{
	struct placed at = {it->height, it->time_ms, it->ix, it->events.data, it->events.len};

	put_placed(p, w, p->batch->on_disk ? "sealed" : "executed", &it->tx, &at);
}

static void put_seen(struct ld_node *n, struct post *p, struct mkt_jw *w, const struct ld_item *it)
{
	struct replay rep = {0};
	struct placed at;

	look_up(n, p, it, &rep);
	if (!rep.found) {
		put_refused(w, it, rep.code);
		return;
	}
	at = (struct placed){rep.place.height, rep.time_ms, rep.place.ix, rep.events,
			     rep.events_len};
	put_placed(p, w, it->verdict == LD_SEEN ? "replayed" : "sealed", &it->tx, &at);
}

static void put_receipt(struct ld_node *n, struct post *p, struct mkt_jw *w,
			const struct ld_item *it)
{
	bool none = p->batch->wait == LD_WAIT_NONE; /* then the sequencer may be writing to @it */

	mkt_jw_obj(w);
	if (!it->form_code || it->len > MKT_TX_FIXED_BYTES) {
		struct mkt_hash id = it->tx.id;

		if (it->form_code)
			mkt_tx_id(it->p, it->len, &id);
		mkt_jw_khex(w, "tx", id.b, sizeof(id.b));
	} else {
		mkt_jw_knull(w, "tx");
	}
	if (it->form_code)
		put_refused(w, it, it->form_code);
	else if (none)
		mkt_jw_kstr(w, "status", "queued");
	else if (it->verdict == LD_EXECUTED)
		put_executed(p, w, it);
	else if (it->verdict == LD_SEEN || it->verdict == LD_FORWARDED)
		put_seen(n, p, w, it);
	else
		put_refused(w, it, it->code);
	mkt_jw_obj_end(w);
}

/* Seconds until one more transaction is allowed. */
static uint32_t tell_rate(struct ld_req *r, uint32_t account)
{
	struct ld_node *n = r->node;
	struct mkt_account acc;
	struct ld_rate rate;
	uint64_t now_ms = ld_mono_ms();
	uint32_t limit = 0;

	ld_node_read(n);
	if (mkt_state_account(n->state, account, &acc))
		limit = mkt_state_limits(n->state, acc.cls)->tx_per_min;
	if (ld_node_operator_clock(n))
		now_ms = mkt_state_time_ms(n->state);
	ld_node_unread(n);
	if (!limit)
		return 0;
	ld_guard_tx_rate(&n->guard, account, limit, now_ms, &rate);
	r->reply.rate_known = true;
	r->reply.rate_limit = rate.limit;
	r->reply.rate_left = rate.left;
	r->reply.rate_reset_s = rate.reset_s;
	return rate.retry_s;
}

/* The whole request fell to the rate limit: 429 in so many words. */
static bool all_limited(const struct ld_batch *b)
{
	if (b->wait == LD_WAIT_NONE)
		return false;
	for (uint32_t i = 0; i < b->nitems; i++)
		if (b->items[i].form_code || b->items[i].verdict != LD_REFUSED ||
		    b->items[i].code != MKT_ERATE)
			return false;
	return true;
}

/* Whoever leads, its name where it is known. */
static int not_leader(struct ld_node *n, struct mkt_err *err)
{
	char leader[MKT_NAME_MAX + 1];

	if (!n->engine || ld_engine_leads(n->engine, leader) || !leader[0])
		return mkt_err_code(err, MKT_ENOTLEADER);
	return mkt_err_set(err, MKT_ENOTLEADER, "authority '%s' leads", leader);
}

/*
 * Taken, and void since: this node led and leads no more.  The same bytes, sent again, are
 * executed once.  A request id that was used only in what is void is void too.
 */
static bool has_void(struct ld_node *n, struct post *p)
{
	struct ld_batch *b = p->batch;

	for (uint32_t i = 0; n->engine && b->wait != LD_WAIT_NONE && i < b->nitems; i++) {
		struct ld_item *it = &b->items[i];
		struct replay rep = {0};

		if (it->form_code)
			continue;
		if (it->verdict == LD_VOID)
			return true;
		if (it->verdict != LD_SEEN || it->code != MKT_ECONFLICT)
			continue;
		look_up(n, p, it, &rep);
		if (!rep.known)
			return true;
	}
	return false;
}

/*
 * A fullnode, for an envelope that was sent on: no upstream answered in time, or one has
 * executed it in a block that has not come here, or another block came in its place.
 */
static int not_known(struct ld_node *n, struct post *p, struct mkt_err *err)
{
	struct ld_batch *b = p->batch;

	if (b->wait == LD_WAIT_NONE)
		return 0;
	if (b->lost == MKT_EUNAVAILABLE)
		return mkt_err_set(err, b->lost,
				   "no upstream takes transactions; nothing was sent");
	if (b->lost)
		return mkt_err_set(err, b->lost, "sent on, but no upstream answered in time");
	for (uint32_t i = 0; i < b->nitems; i++) {
		struct ld_item *it = &b->items[i];
		struct replay rep = {0};

		if (it->form_code || !it->height ||
		    (it->verdict != LD_FORWARDED && it->verdict != LD_SEEN))
			continue;
		look_up(n, p, it, &rep);
		if (!rep.known)
			return mkt_err_set(err, MKT_EUNKNOWN,
					   "executed upstream in block %llu, which this node has "
					   "not yet",
					   (unsigned long long)it->height);
	}
	return 0;
}

static int receipts(struct ld_req *r, struct mkt_err *err)
{
	struct post *p = r->work;
	struct ld_batch *b = p->batch;
	struct mkt_jw w;
	uint32_t retry_s = 0;

	if (has_void(r->node, p))
		return not_leader(r->node, err);
	if (r->node->conf->role == LD_FULLNODE && not_known(r->node, p, err) < 0)
		return -err->code;
	if (!b->items[0].form_code)
		retry_s = tell_rate(r, b->items[0].tx.account);
	/* Another node has many clients: each gets the answer that is its own. */
	if (r->door != LD_DOOR_PEERS && all_limited(b)) {
		r->reply.retry_s = retry_s ? retry_s : 1;
		return mkt_err_set(err, MKT_ERATE, "%s", b->items[0].text ? b->items[0].text : "");
	}
	mkt_buf_grow(&r->reply.body, 128 + (size_t)b->nitems * RECEIPT_BYTES);
	ld_begin(r, &w, "mkt.receipts/1");
	mkt_jw_arr(&w);
	for (uint32_t i = 0; i < b->nitems; i++)
		put_receipt(r->node, p, &w, &b->items[i]);
	mkt_jw_arr_end(&w);
	return ld_end(r, &w, NULL, err);
}

static int refused_at_the_door(struct ld_node *n, int code, struct mkt_err *err)
{
	if (code == -MKT_ENOTLEADER && n->engine)
		ld_engine_work(n->engine);
	if (code == -MKT_ENOTLEADER)
		return not_leader(n, err);
	if (code == -MKT_EBUSY)
		return mkt_err_set(err, MKT_EBUSY, "the queue of transactions is full");
	if (code == -MKT_EUNAVAILABLE)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "the node is stopping");
	if (code == -MKT_EDISKFULL)
		return mkt_err_set(err, MKT_EDISKFULL, "the disk is full: nothing can be sealed");
	return mkt_err_code(err, -code);
}

/* After the pipeline, and again after the indexes. */
static enum ld_step resume(struct ld_req *r)
{
	struct post *p = r->work;
	struct mkt_err err = {0};

	if (p->door) {
		refused_at_the_door(r->node, p->door, &err);
		ld_reply_error(r, &err);
		return LD_DONE;
	}
	if (p->batch->wait != LD_WAIT_NONE && p->batch->seen_height &&
	    ld_wait_indexed(r, p->batch->seen_height))
		return LD_PARKED;
	if (receipts(r, &err) < 0)
		ld_reply_error(r, &err);
	return LD_DONE;
}

/* ---- the request --------------------------------------------------------------------------- */

static int param_wait(struct ld_req *r, uint8_t *wait, struct mkt_err *err)
{
	static const char *const names[] = {"none", "executed", "sealed"};
	const char *text = ld_param(r, "wait");

	*wait = LD_WAIT_SEALED;
	if (!text)
		return 0;
	for (uint8_t i = 0; i < 3; i++)
		if (!strcmp(text, names[i])) {
			*wait = i;
			return 0;
		}
	return mkt_err_set(err, MKT_EUSAGE, "'wait' is '%s', not none, executed or sealed", text);
}

static void batch_done(void *ctx)
{
	ld_req_wake(ctx);
}

int ld_post_transactions(struct ld_req *r, struct mkt_err *err)
{
	struct post *p = calloc(1, sizeof(*p));
	uint8_t wait;
	int res;

	if (!p)
		return mkt_err_code(err, MKT_ENOMEM);
	r->work = p;
	r->work_free = post_free;
	ld_look_init(&p->look, r->node);
	res = param_wait(r, &wait, err);
	if (!res)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	res = ld_batch_new(r->node, r->body.len, &p->batch);
	if (res < 0)
		return refused_at_the_door(r->node, res, err);
	p->batch->wait = wait;
	p->batch->done = batch_done;
	p->batch->done_ctx = r;
	res = frame(r, p->batch, err);
	if (res < 0)
		return res;
	r->resume = resume;
	ld_req_park(r);
	p->door = ld_batch_submit(p->batch);
	if (p->door)
		ld_req_wake(r); /* it is parked: the answer is given in resume() */
	return LD_WAITS;
}
