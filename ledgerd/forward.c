/*
 * The way of a transaction through a fullnode: checked here, ordered elsewhere.
 *
 * This thread stands where the sequencer stands in a node that seals.  It takes batches
 * that are verified, in order, refuses what this node refuses of its own, and sends the
 * rest as one body to the upstream in use: one request is under way, with all that has
 * gathered while the one before was.  The queue before it is the pipeline's, so a slow
 * upstream is -MKT_EBUSY to clients in the end.
 *
 * An upstream that does not answer, or does not lead, is followed by the next one with the
 * same bytes: an envelope is executed once, whoever brings it.  A client whose time is over
 * is told what is known: nothing was sent, or the outcome is unknown.  What was executed is
 * answered from this node's own store, once the block has come (api_post.c).
 */
#include "core/base/compat.h"

#include <time.h>

#include "core/app/log.h"
#include "core/wire/api.h"
#include "ledgerd/ingest_impl.h"
#include "ledgerd/pipe_impl.h"

#define SEND_TXS 4096u /* of one request, but for a batch that is larger */
#define SEND_BYTES (1u << 20)
#define TRY_MS 2000u	/* for an upstream to answer; then the next, with the same bytes */
#define PAUSE_MS 200u	/* when none does */
#define UNSENT_MS 2000u /* that an envelope waits for an upstream to appear */

struct forward {
	struct ld_node *n;
	struct ld_pipe *p;
	const char *urls[LD_UPSTREAMS_MAX];
	unsigned nurls, now; /* in use */
	char *texts;
	struct mkt_client *client;    /* of it; NULL: none yet */
	struct ld_batch *head, *tail; /* being sent */
	uint32_t txs;
	size_t nbytes;
	struct mkt_buf body;
	bool maybe; /* an upstream may have taken it */
	bool told;  /* that none answers */
};

/* ---- batches ------------------------------------------------------------------------------- */

static bool fits(const struct forward *f, const struct ld_batch *b)
{
	return !f->head ||
	       (f->txs + b->nitems <= SEND_TXS && f->nbytes + b->body.len <= SEND_BYTES);
}

/* With p->mu: is all of the first batch verified? */
static bool first_ready(struct ld_pipe *p)
{
	struct ld_batch *b = p->head;

	while (b && b->seq_chunk < b->nchunks && b->verified[b->seq_chunk])
		b->seq_chunk++;
	return b && b->seq_chunk == b->nchunks;
}

/* What is verified and fits into one request; waits.  False: stopping, nothing is left. */
static bool gather(struct forward *f)
{
	struct ld_pipe *p = f->p;

	f->txs = 0;
	f->nbytes = 0;
	f->maybe = false;
	pthread_mutex_lock(&p->mu);
	while (!first_ready(p) && (!p->stop || p->head))
		pthread_cond_wait(&p->verified, &p->mu);
	while (first_ready(p) && fits(f, p->head)) {
		struct ld_batch *b = p->head;

		p->head = b->next;
		if (!p->head)
			p->tail = NULL;
		b->next = NULL;
		if (f->tail)
			f->tail->next = b;
		else
			f->head = b;
		f->tail = b;
		f->txs += b->nitems;
		f->nbytes += b->body.len + 4 * (size_t)b->nitems;
	}
	pthread_mutex_unlock(&p->mu);
	return f->head;
}

static void answer(struct ld_batch *b)
{
	ld_batch_answer(b);
	ld_batch_put(b);
}

static void answer_all(struct forward *f)
{
	while (f->head) {
		struct ld_batch *b = f->head;

		f->head = b->next;
		b->next = NULL;
		answer(b);
	}
	f->tail = NULL;
}

/*
 * Batches whose clients wait no longer, or all of them.  What surely was not sent is told soon,
 * and at once while nobody is there: the client tries again by itself.
 */
static void give_up(struct forward *f, bool all)
{
	struct ld_batch **at = &f->head;
	uint64_t now = ld_mono_ms(), patience = f->maybe ? LD_SEAL_WAIT_MS : UNSENT_MS;

	f->tail = NULL;
	while (*at) {
		struct ld_batch *b = *at;

		if (!all && now - b->submitted_ms < patience) {
			f->tail = b;
			at = &b->next;
			continue;
		}
		*at = b->next;
		b->next = NULL;
		b->lost = f->maybe ? MKT_EUNKNOWN : MKT_EUNAVAILABLE;
		answer(b);
	}
}

/* ---- what this node refuses of its own ------------------------------------------------------- */

static void check_item(struct forward *f, struct ld_item *it)
{
	uint64_t now_ms =
		ld_node_operator_clock(f->n) ? mkt_state_time_ms(f->n->state) : ld_mono_ms();
	struct mkt_err err = {0};
	int res = it->unsure ? ld_item_verify_late(f->n, it, &err) : 0;

	if (!res)
		res = ld_item_admit(f->n, it, now_ms, &err);
	if (!res)
		return;
	ld_item_refuse(it, &err);
	atomic_fetch_add(&f->p->refused, 1);
}

static void check_all(struct forward *f)
{
	for (struct ld_batch *b = f->head; b; b = b->next) {
		ld_node_read(f->n);
		for (uint32_t i = 0; i < b->nitems; i++) {
			if (b->items[i].form_code)
				atomic_fetch_add(&f->p->refused, 1);
			else
				check_item(f, &b->items[i]);
		}
		ld_node_unread(f->n);
	}
}

static bool is_sent(const struct ld_item *it)
{
	return !it->form_code && it->verdict == LD_PENDING;
}

static uint32_t make_body(struct forward *f)
{
	uint32_t n = 0;

	mkt_buf_clear(&f->body);
	for (struct ld_batch *b = f->head; b; b = b->next)
		for (uint32_t i = 0; i < b->nitems; i++)
			if (is_sent(&b->items[i])) {
				mkt_api_frame(&f->body, b->items[i].p, b->items[i].len);
				n++;
			}
	return n;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Refused for what may be otherwise a moment later, before its request id was looked up. */
static bool is_mood(int code)
{
	return code == MKT_ERATE || code == MKT_EDISKFULL || code == MKT_EBUSY;
}

static void take_receipt(struct forward *f, struct ld_batch *b, struct ld_item *it,
			 const struct mkt_receipt *rc)
{
	if (rc->status == MKT_RECEIPT_REFUSED && f->maybe && is_mood(rc->err.code)) {
		struct mkt_err err = {0};

		mkt_err_set(&err, MKT_EUNKNOWN, "an authority may have taken it; the next says: %s",
			    rc->err.text);
		ld_item_refuse(it, &err);
		atomic_fetch_add(&f->p->refused, 1);
		return;
	}
	if (rc->status == MKT_RECEIPT_REFUSED) {
		ld_item_refuse(it, &rc->err);
		atomic_fetch_add(&f->p->refused, 1);
		return;
	}
	it->verdict = rc->status == MKT_RECEIPT_REPLAYED ? LD_SEEN : LD_FORWARDED;
	it->code = MKT_ECONFLICT; /* if its request id turns out to be another's */
	it->height = rc->height;
	if (rc->height > b->seen_height)
		b->seen_height = rc->height;
	atomic_fetch_add(&f->p->executed, 1);
}

/* One receipt for each envelope, in order. */
static int take_receipts(struct forward *f, const struct mkt_answer *a, uint32_t n,
			 struct mkt_err *err)
{
	size_t at = 0;

	if (mkt_jval_is_arr(&a->data, err) < 0 || mkt_jval_count(&a->data) != n)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "it gave %zu receipts for %u envelopes",
				   mkt_jval_count(&a->data), n);
	for (struct ld_batch *b = f->head; b; b = b->next)
		for (uint32_t i = 0; i < b->nitems; i++) {
			struct mkt_receipt rc;
			struct mkt_jval row;
			int res;

			if (!is_sent(&b->items[i]))
				continue;
			res = mkt_receipt_read(a, at++, &rc, &row, err);
			if (res < 0)
				return res;
			take_receipt(f, b, &b->items[i], &rc);
		}
	return 0;
}

/* All of it is refused in the same words. */
static void refuse_all(struct forward *f, const struct mkt_err *err)
{
	for (struct ld_batch *b = f->head; b; b = b->next)
		for (uint32_t i = 0; i < b->nitems; i++)
			if (is_sent(&b->items[i])) {
				ld_item_refuse(&b->items[i], err);
				atomic_fetch_add(&f->p->refused, 1);
			}
}

/* ---- sending ------------------------------------------------------------------------------- */

/* Does another upstream, or a later try, promise more? */
static bool passes(int res)
{
	return res == -MKT_EUNAVAILABLE || res == -MKT_EUNKNOWN || res == -MKT_ENOTLEADER ||
	       res == -MKT_EBUSY || res == -MKT_ETIMEOUT || res == -MKT_EDENIED ||
	       res == -MKT_EUSAGE || res == -MKT_ECANCELLED || res == -MKT_ENOTFOUND ||
	       res == -MKT_EHALTED;
}

/* To the upstream in use. */
static int try_send(struct forward *f, uint32_t n, struct mkt_err *err)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int res = 0;

	if (!f->client)
		res = ld_upstream_client(f->n->conf, f->urls[f->now], NULL, &f->client, err);
	if (!res) {
		mkt_client_restart(f->client, TRY_MS);
		res = mkt_api_submit(f->client, &f->body, MKT_WAIT_EXECUTED, &a, err);
		f->maybe |= res == -MKT_EUNKNOWN;
	}
	if (!res) {
		res = take_receipts(f, &a, n, err);
		f->maybe |= res < 0;
	}
	mkt_answer_release(&a);
	return res;
}

static void next_upstream(struct forward *f)
{
	mkt_client_free(f->client);
	f->client = NULL;
	f->now = (f->now + 1) % f->nurls;
}

static void pause_ms(unsigned ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

/* Until it is answered, or nobody waits for it. */
static void send_all(struct forward *f)
{
	bool absent = f->told;
	unsigned tries = 0;

	for (;;) {
		struct mkt_err err = {0};
		uint32_t n = make_body(f);
		int res = n ? try_send(f, n, &err) : 0;

		if (res >= 0) {
			if (n && f->told)
				mkt_log(MKT_LOG_NOTICE, "transactions go to '%s'", f->urls[f->now]);
			f->told = f->told && !n;
			break;
		}
		if (!passes(res) && f->maybe) { /* this one refuses, but another may have done it */
			give_up(f, true);
			break;
		}
		if (!passes(res)) {
			refuse_all(f, &err);
			break;
		}
		next_upstream(f);
		if (++tries % f->nurls)
			continue;
		if (!f->told)
			mkt_log(MKT_LOG_WARNING, "nobody takes transactions: %s", err.text);
		f->told = true;
		give_up(f, atomic_load(&f->n->stopping) || (absent && !f->maybe));
		if (!f->head)
			break;
		pause_ms(PAUSE_MS);
	}
	answer_all(f);
}

void *ld_forward_main(void *arg)
{
	struct ld_node *n = arg;
	struct forward f = {.n = n, .p = n->pipe};
	struct mkt_err err = {0};

	pthread_setname_np(pthread_self(), "forward");
	if (ld_upstream_split(n->conf->upstream, f.urls, &f.nurls, &f.texts, &err) < 0)
		ld_fatal("cannot forward", &err);
	while (gather(&f)) {
		check_all(&f);
		send_all(&f);
	}
	mkt_client_free(f.client);
	mkt_buf_release(&f.body);
	free(f.texts);
	return NULL;
}
