/* Plans become signed envelopes, one a party; receipts find their way back. */
#include "core/base/compat.h"

#include "cmd/sim_split.h"

#define PART 1000 /* envelopes of one request: an answer of some MB */
#define VALID_S 1800 /* envelopes are good for this long after the chain's time */

static void fill_head(struct sim *s, uint32_t account, struct mkt_tx_head *h)
{
	*h = (struct mkt_tx_head){
		.chain = s->chain.id, .account = account, .valid_until_s = s->now_s + VALID_S};
	for (int i = 0; i < 8; i++) {
		h->request[i] = (uint8_t)(s->post.request >> (8 * i));
		h->request[8 + i] = (uint8_t)(s->seed >> (8 * i));
	}
	s->post.request++;
}

static int add_frame(struct sim_post *p, struct sim_party *party, const struct mkt_plan *plan)
{
	if (p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 64;
		struct sim_frame *more = reallocarray(p->frames, cap, sizeof(*more));

		if (!more)
			return -MKT_ENOMEM;
		p->frames = more;
		p->cap = cap;
	}
	mkt_api_frame(&p->body, p->build.buf.data, p->build.buf.len);
	p->frames[p->n++] = (struct sim_frame){party, plan, p->body.len};
	return p->body.bad ? -MKT_ENOMEM : 0;
}

int sim_post_add(struct sim *s, struct sim_party *p, const struct mkt_plan *plan)
{
	if (plan->bad)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	return s->split && p != s->parties ? sim_split_add(s, p, plan) : sim_post_frame(s, p, plan);
}

int sim_post_frame(struct sim *s, struct sim_party *p, const struct mkt_plan *plan)
{
	struct sim_post *post = &s->post;
	struct mkt_tx_head head;
	int rc;

	if (plan->bad)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	if (!plan->n)
		return 0;
	fill_head(s, p->account, &head);
	mkt_tx_begin(&post->build, &head);
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct mkt_op *op = &plan->v[i].op;
		bool bid = op->kind == MKT_OP_BID;

		mkt_tx_add(&post->build, op, bid ? &plan->legs[op->u.bid.first_leg] : NULL, NULL);
	}
	rc = mkt_tx_end(&post->build, &p->key, &s->app->err);
	if (rc < 0)
		return rc;
	return add_frame(post, p, plan) < 0 ? mkt_err_code(&s->app->err, MKT_ENOMEM) : 0;
}

int sim_post_clock(struct sim *s, uint64_t time_s)
{
	struct sim_party *party = &s->parties[0];
	struct mkt_intent *in;

	s->now_s = time_s;
	mkt_plan_clear(&party->plan);
	in = mkt_plan_add(&party->plan, MKT_OP_CLOCK, MKT_OPERATOR);
	in->op.u.clock.time_ms = time_s * 1000;
	return sim_post_add(s, party, &party->plan);
}

void sim_battery_id(const struct mkt_site *site, char out[MKT_CHARGER_MAX + 1])
{
	snprintf(out, MKT_CHARGER_MAX + 1, "%.*s-battery", MKT_CHARGER_MAX - 8, site->id);
}

/* Chargers, and the battery as one: what is driven tells its state. */
static uint8_t add_chargers(const struct mkt_site *site, struct mkt_buf *out)
{
	char battery[MKT_CHARGER_MAX + 1];

	for (unsigned i = 0; i < site->nchargers; i++)
		mkt_enc_text(out, site->chargers[i], strlen(site->chargers[i]));
	if (!site->battery_wh || site->nchargers == MKT_CHARGERS_MAX)
		return site->nchargers;
	sim_battery_id(site, battery);
	mkt_enc_text(out, battery, strlen(battery));
	return (uint8_t)(site->nchargers + 1);
}

int sim_post_enroll(struct sim *s, const struct mkt_site *site, const struct mkt_pubkey *pub)
{
	struct mkt_op op = {.kind = MKT_OP_ENROLL, .account = MKT_OPERATOR};
	struct mkt_buf chargers = MKT_BUF_INIT;
	struct mkt_tx_head head;
	int rc;

	op.u.enroll.key = *pub;
	op.u.enroll.cls = MKT_CLASS_RETAILER;
	snprintf(op.u.enroll.name, sizeof(op.u.enroll.name), "%s", site ? site->id : SIM_RETAILER);
	if (site) {
		op.u.enroll.cls =
			site->kind == MKT_SITE_OFFICE ? MKT_CLASS_OFFICE : MKT_CLASS_HOUSEHOLD;
		op.u.enroll.nchargers = add_chargers(site, &chargers);
		op.u.enroll.chargers_len = (uint32_t)chargers.len;
	}
	fill_head(s, MKT_OPERATOR, &head);
	mkt_tx_begin(&s->post.build, &head);
	mkt_tx_add(&s->post.build, &op, NULL, mkt_buf_str(&chargers));
	rc = chargers.bad ? mkt_err_code(&s->app->err, MKT_ENOMEM)
			  : mkt_tx_end(&s->post.build, &s->parties[0].key, &s->app->err);
	mkt_buf_release(&chargers);
	if (rc < 0)
		return rc;
	return add_frame(&s->post, &s->parties[0], NULL) < 0
		       ? mkt_err_code(&s->app->err, MKT_ENOMEM)
		       : 0;
}

/* ---- receipts ----------------------------------------------------------------------- */

/* Nothing that this program sends should be refused; if it is, the report tells. */
static void note_refusal(struct sim_post *p, const struct sim_party *party, const char *op,
			 const struct mkt_err *why)
{
	p->refused++;
	if (p->first_refusal[0])
		return;
	snprintf(p->first_refusal, sizeof(p->first_refusal), "%.16s of account %u: %.200s", op,
		 party->account, why->text);
}

/* The outcome of intent @i of a party's plan. */
static int take_result(struct sim *s, const struct sim_frame *f, uint32_t i,
		       const struct mkt_jval *at)
{
	struct sim_party *party = f->party;
	struct mkt_err *err = &s->app->err;
	const struct mkt_intent *in;
	struct mkt_result r;
	uint64_t id = 0;
	int rc = mkt_result_read(at, &r, err);

	if (rc < 0)
		return rc;
	s->post.ops++;
	s->post.party_ops += party != s->parties;
	if (r.err.code)
		note_refusal(&s->post, party, r.op, &r.err);
	if (strcmp(r.op, "bid") != 0)
		return 0;
	if (!f->plan || i >= f->plan->n)
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "a receipt has more results than the envelope operations");
	in = &f->plan->v[i];
	if (!r.err.code && (rc = mkt_jget_u64(at, "bid", UINT64_MAX, &id, err)) < 0)
		return rc;
	if (s->placed)
		s->placed(s->placed_who, party, in, id);
	else if (party->agent)
		mkt_agent_placed(party->agent, in, id);
	if (id && sim_audit_bid(s->audit, id, &in->op, f->plan->legs) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	return 0;
}

static void note_block(struct sim_post *p, uint64_t height)
{
	p->in_block = height == p->height ? p->in_block + 1 : 1;
	p->height = height;
	if (p->in_block > p->block_txs_max)
		p->block_txs_max = p->in_block;
}

/* Receipt @i of an answer is of frame @frame. */
static int take_receipt(struct sim *s, const struct mkt_answer *a, uint32_t i, uint32_t frame)
{
	struct mkt_err *err = &s->app->err;
	struct mkt_jval row, results, at;
	struct mkt_jiter it = {0};
	struct mkt_receipt r;
	uint32_t n = 0;
	int rc = mkt_receipt_read(a, i, &r, &row, err);

	if (rc < 0)
		return rc;
	s->post.txs++;
	s->post.party_txs += s->post.frames[frame].party != s->parties;
	s->replayed = r.status == MKT_RECEIPT_REPLAYED;
	if (r.status != MKT_RECEIPT_SEALED && !(s->replayed && s->journal))
		return mkt_err_set(err, r.err.code ? r.err.code : MKT_EINTEGRITY,
				   "an envelope of account %u is %s: %s",
				   s->post.frames[frame].party->account, mkt_receipt_name(r.status),
				   r.err.text);
	note_block(&s->post, r.height);
	rc = mkt_jget_arr(&row, "results", &results, err);
	while (!rc && mkt_jval_next(&results, &it, &at))
		rc = take_result(s, &s->post.frames[frame], n++, &at);
	return rc;
}

/* Envelopes @from to @end - 1 in one request. */
static int send_part(struct sim *s, uint32_t from, uint32_t end)
{
	struct sim_post *p = &s->post;
	size_t begin = from ? p->frames[from - 1].end : 0;
	const struct mkt_buf part = {.data = p->body.data + begin,
				     .len = p->frames[end - 1].end - begin};
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc;

	mkt_client_restart(s->chain.client, SIM_CALL_MS);
	rc = mkt_api_submit(s->chain.client, &part, MKT_WAIT_SEALED, &a, &s->app->err);
	if (!rc && mkt_jval_count(&a.data) != end - from)
		rc = mkt_err_set(&s->app->err, MKT_EINTEGRITY,
				 "%u envelopes sent, %zu receipts came", end - from,
				 mkt_jval_count(&a.data));
	for (uint32_t i = from; !rc && i < end; i++)
		rc = take_receipt(s, &a, i - from, i);
	mkt_answer_release(&a);
	return rc;
}

int sim_post_send(struct sim *s)
{
	struct sim_post *p = &s->post;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < p->n; i += PART)
		rc = send_part(s, i, p->n - i < PART ? p->n : i + PART);
	mkt_buf_clear(&p->body);
	p->n = 0;
	if (s->split)
		sim_split_sent(s->split);
	return rc;
}

void sim_post_release(struct sim_post *p)
{
	mkt_buf_release(&p->body);
	mkt_tx_build_release(&p->build);
	free(p->frames);
	p->frames = NULL;
}
