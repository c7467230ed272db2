/*
 * Life of a state, blocks, and the dispatch of operations.
 */
#include "core/base/compat.h"

#include <stdarg.h>

#include "core/ledger/state_impl.h"

/* ---- answers and events ----------------------------------------------------------------- */

int refuse(struct answer *r, int code, uint64_t more, const char *fmt, ...)
{
	char text[MKT_ERR_TEXT_MAX];
	va_list ap;

	r->code = code;
	r->ref = 0;
	r->more = more;
	if (r->err) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		mkt_err_set(r->err, code, "%s", text);
	}
	return -code;
}

int refuse_leg(struct answer *r, int code, unsigned leg, uint64_t more, const char *what)
{
	refuse(r, code, more, "%s (leg %u)", what ? what : mkt_code_text(code), leg + 1);
	r->ref = leg + 1;
	return -code;
}

void emit(struct mkt_state *s, struct mkt_event *ev)
{
	ev->tx = s->tx_ix;
	ev->op = s->op_ix;
	if (mkt_event_add(s->ev, ev) < 0)
		s->nomem = true;
}

/* ---- life ------------------------------------------------------------------------------- */

static void state_fields(struct mkt_state *s)
{
	const struct mkt_genesis *g = &s->g;
	int64_t top = g->price_max_upwh > 0 ? g->price_max_upwh : 0;

	s->up_upwh = g->imbalance_up_upwh;
	s->down_upwh = g->imbalance_down_upwh;
	memcpy(s->limits, g->limits, sizeof(s->limits));
	s->collateral_upwh = (top * g->collateral_bp + 9999) / 10000;
	s->time_ms = s->prev_time_ms = g->time_ms;
	s->window_max = (uint32_t)(MKT_TIME_MS_MAX / 1000 / g->window_s) - 1;
	windows_open_at(s, s->time_ms, &s->open_first, &s->open_last);
	s->next_bid = s->next_exec = 1;
	s->seq = 1;
	s->in_block = true; /* block 0, until the first mkt_state_end() */
	s->bids_free = s->contracts_free = s->windows_free = s->parties_free = NONE;
	for (unsigned i = 0; i < LEG_CLASSES; i++)
		s->legs_free[i] = NONE;
	s->bids = s->contracts = LIST_EMPTY;
	s->gate_ms = s->deadline_ms = s->retire_ms = UINT64_MAX;
}

static int state_chain(struct mkt_state *s)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	int rc;

	mkt_genesis_enc(&s->g, &bytes);
	rc = bytes.bad ? -MKT_ENOMEM : 0;
	if (!rc)
		mkt_genesis_id(bytes.data, bytes.len, &s->chain);
	mkt_buf_release(&bytes);
	mkt_authorities_of(&s->g, &s->authorities);
	return rc;
}

static int state_tables(struct mkt_state *s, struct mkt_err *err)
{
	const struct mkt_genesis *g = &s->g;
	struct mkt_books_conf conf = {g->price_min_upwh, g->price_max_upwh, g->tick_upwh,
				      MKT_OPEN_BIDS_MAX};
	uint64_t seed;

	mkt_random(&seed, sizeof(seed)); /* names and keys come from outside */
	mkt_idmap_init(&s->by_key, MKT_PUBKEY_LEN, seed);
	mkt_idmap_init(&s->by_name, 32, ~seed);
	if (requests_init(s) < 0 || state_chain(s) < 0 ||
	    mkt_tag_table_copy(&s->tags, &g->tags) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	return mkt_books_new(&conf, &s->books, err);
}

/* The records of block 0, all new. */
static int state_genesis(struct mkt_state *s)
{
	struct account operator = {.key = s->g.operator_key,
				   .name = "operator",
				   .cls = MKT_CLASS_OPERATOR};

	if (account_add(s, &operator) < 0)
		return -MKT_ENOMEM;
	account_touch(s, MKT_OPERATOR);
	for (unsigned i = 0; i < s->tags.ndims; i++)
		note(s, MKT_REC_DIM, i, &s->dim_mark[i]);
	for (unsigned i = 0; i < MKT_CLASS_COUNT; i++)
		note(s, MKT_REC_LIMITS, i, &s->limits_mark[i]);
	return s->nomem ? -MKT_ENOMEM : 0;
}

int mkt_state_new(const struct mkt_genesis *g, struct mkt_state **out, struct mkt_err *err)
{
	struct mkt_state *s;
	int rc = mkt_genesis_check(g, err);

	if (rc < 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s || mkt_genesis_copy(&s->g, g) < 0) {
		free(s);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	state_fields(s);
	rc = state_tables(s, err);
	if (!rc && state_genesis(s) < 0)
		rc = mkt_err_code(err, MKT_ENOMEM);
	if (rc < 0) {
		mkt_state_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

static void free_digest(struct mkt_state *s)
{
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(s->dirty); i++)
		free(s->dirty[i].v);
	free(s->scratch);
	mkt_buf_release(&s->bytes);
	free(s->undo.v);
	mkt_buf_release(&s->undo.bytes);
	mkt_fills_release(&s->fills);
}

void mkt_state_free(struct mkt_state *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->naccounts; i++)
		account_release(&s->account[i]);
	free(s->account);
	mkt_idmap_release(&s->by_key);
	mkt_idmap_release(&s->by_name);
	for (uint32_t i = 0; i < s->norder; i++)
		window_release(&s->window[s->order[i]]);
	free(s->window);
	free(s->order);
	mkt_map_release(&s->by_window);
	free(s->book_of);
	mkt_map_release(&s->own);
	mkt_books_free(s->books);
	free(s->bid);
	free(s->by_slot);
	mkt_map_release(&s->by_bid);
	free(s->leg);
	free(s->until);
	free(s->contract);
	mkt_map_release(&s->by_exec);
	mkt_map_release(&s->parties);
	free(s->party);
	requests_release(s);
	free_digest(s);
	mkt_tag_table_release(&s->tags);
	mkt_genesis_release(&s->g);
	free(s);
}

/* ---- blocks ----------------------------------------------------------------------------- */

int mkt_state_begin(struct mkt_state *s, uint64_t height, uint64_t time_ms, struct mkt_events *ev,
		    struct mkt_err *err)
{
	if (height != s->height + 1)
		return mkt_err_set(err, MKT_EINVAL, "block %llu does not follow block %llu",
				   (unsigned long long)height, (unsigned long long)s->height);
	if (time_ms < s->time_ms || time_ms > MKT_TIME_MS_MAX)
		return mkt_err_set(err, MKT_EINVAL,
				   "the time of block %llu goes back or is no time",
				   (unsigned long long)height);
	mkt_events_clear(ev);
	s->ev = ev;
	s->tx_ix = MKT_EVENT_NO_TX;
	s->op_ix = 0;
	s->height = height;
	s->prev_time_ms = s->time_ms;
	s->time_ms = time_ms;
	s->in_block = true;
	s->block_txs = 0;
	s->clock_seen = s->set_changed = false;
	windows_open_at(s, time_ms, &s->open_first, &s->open_last);
	requests_purge(s);
	gates_run(s);
	untils_run(s);
	deadlines_run(s);
	retention_run(s);
	s->ev = NULL;
	return s->nomem ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

static int admit_clock(const struct mkt_state *s, const struct mkt_tx *tx, struct mkt_err *err)
{
	if (tx->ops[0].kind != MKT_OP_CLOCK)
		return 0;
	if (s->g.clock != MKT_CLOCK_OPERATOR)
		return mkt_err_set(err, MKT_ECLOCK, "this chain has the clock of its authority");
	if (tx->account != MKT_OPERATOR)
		return mkt_err_set(err, MKT_ECLOCK, "only the operator sets the clock");
	if (s->block_txs)
		return mkt_err_set(err, MKT_ECLOCK, "a clock only opens a block");
	if (tx->ops[0].u.clock.time_ms != s->time_ms)
		return mkt_err_set(err, MKT_ECLOCK, "the clock is not the time of its block");
	return 0;
}

/* A block is signed by the set before it; what comes after a change is signed by another. */
static int admit_alone(const struct mkt_state *s, const struct mkt_tx *tx, struct mkt_err *err)
{
	if (s->set_changed || (s->block_txs && tx->ops[0].kind == MKT_OP_AUTHORITY))
		return mkt_err_set(err, MKT_EAUTHORITY,
				   "a change of the authorities is not alone in its block");
	return 0;
}

int mkt_state_admit(const struct mkt_state *s, const struct mkt_tx *tx, struct mkt_err *err)
{
	if (!account_known(s, tx->account))
		return mkt_err_set(err, MKT_EACCOUNT, "account %u is not enrolled", tx->account);
	if (s->account[tx->account].suspended)
		return mkt_err_set(err, MKT_ESUSPENDED, "account '%s' is suspended",
				   s->account[tx->account].name);
	if (tx->valid_until_s < (s->time_ms + 999) / 1000)
		return mkt_err_code(err, MKT_EEXPIRED);
	if (tx->valid_until_s - s->time_ms / 1000 > s->g.validity_s)
		return mkt_err_set(err, MKT_EVALIDITY, "valid-until is more than %u s ahead",
				   s->g.validity_s);
	if (request_used(s, tx->account, tx->request))
		return mkt_err_set(err, MKT_ECONFLICT, "this request id was used before");
	if (admit_alone(s, tx, err) < 0)
		return -MKT_EAUTHORITY;
	return admit_clock(s, tx, err);
}

int mkt_state_check_clock(const struct mkt_state *s, struct mkt_err *err)
{
	if (s->g.clock != MKT_CLOCK_OPERATOR || s->clock_seen || s->time_ms == s->prev_time_ms)
		return 0;
	return mkt_err_set(err, MKT_ECLOCK, "the time of block %llu is not the operator's",
			   (unsigned long long)s->height);
}

/* ---- operations ------------------------------------------------------------------------- */

static const struct {
	check_fn *check;
	run_fn *run;
} kinds[] = {
	[MKT_OP_BID] = {check_bid, run_bid},
	[MKT_OP_CANCEL] = {check_cancel, run_cancel},
	[MKT_OP_REDUCE] = {check_reduce, run_reduce},
	[MKT_OP_REPORT] = {check_report, run_report},
	[MKT_OP_METER] = {check_meter, run_meter},
	[MKT_OP_TRANSFER] = {check_transfer, run_transfer},
	[MKT_OP_RETIRE] = {check_retire, run_retire},
	[MKT_OP_DELEGATE] = {check_delegate, run_delegate},
	[MKT_OP_REVOKE] = {check_revoke, run_revoke},
	[MKT_OP_ENROLL] = {check_enroll, run_enroll},
	[MKT_OP_SUSPEND] = {check_suspend, run_suspend},
	[MKT_OP_DEPOSIT] = {check_deposit, run_deposit},
	[MKT_OP_WITHDRAW] = {check_withdraw, run_withdraw},
	[MKT_OP_DIMENSION] = {check_dimension, run_dimension},
	[MKT_OP_TAG] = {check_tag, run_tag},
	[MKT_OP_MEMBER] = {check_member, run_member},
	[MKT_OP_LIMITS] = {check_limits, run_limits},
	[MKT_OP_CLOCK] = {check_clock_op, run_clock},
	[MKT_OP_IMBALANCE] = {check_imbalance, run_imbalance},
	[MKT_OP_METEROP] = {check_meterop, run_meterop},
	[MKT_OP_AUTHORITY] = {check_authority, run_authority},
};

int check_op(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	int rc = check_actor(s, a, r);

	return rc < 0 ? rc : kinds[a->op->kind].check(s, a, r);
}

static int do_op(struct mkt_state *s, const struct mkt_tx *tx, unsigned i, struct answer *r)
{
	struct act a = {tx, &tx->ops[i], s->time_ms, s->open_first, s->open_last, &s->plan};
	int rc;

	s->op_ix = (uint16_t)i;
	rc = check_op(s, &a, r);
	if (!rc)
		rc = kinds[a.op->kind].run(s, &a, r);
	return rc;
}

static void result(struct mkt_state *s, const struct mkt_op *op, unsigned i, const struct answer *r)
{
	struct mkt_event ev = {.kind = MKT_EV_RESULT};

	s->op_ix = (uint16_t)i;
	ev.u.result.account = op->account;
	ev.u.result.code = (uint16_t)r->code;
	ev.u.result.ref = r->ref;
	ev.u.result.more = r->more;
	emit(s, &ev);
	s->totals.ops++;
	s->totals.refused += r->code != 0;
}

static void apply_each(struct mkt_state *s, const struct mkt_tx *tx)
{
	for (unsigned i = 0; i < tx->nops && !s->nomem; i++) {
		struct answer r = {0};

		do_op(s, tx, i, &r);
		result(s, &tx->ops[i], i, &r);
	}
}

static void apply_all_or_nothing(struct mkt_state *s, const struct mkt_tx *tx)
{
	const struct answer aborted = {.code = MKT_EABORTED};
	struct answer r = {0};
	unsigned failed;

	undo_begin(s);
	for (failed = 0; failed < tx->nops && !s->nomem; failed++) {
		r = (struct answer){0};
		if (do_op(s, tx, failed, &r) < 0)
			break;
		result(s, &tx->ops[failed], failed, &r);
	}
	if (failed == tx->nops) {
		s->undo.on = false;
		return;
	}
	undo_all(s);
	for (unsigned i = 0; i < tx->nops; i++)
		result(s, &tx->ops[i], i, i == failed ? &r : &aborted);
}

int mkt_state_apply(struct mkt_state *s, const struct mkt_tx *tx, uint32_t ix,
		    struct mkt_events *ev)
{
	s->ev = ev;
	s->tx_ix = ix;
	s->block_txs++;
	s->totals.txs++;
	s->set_changed = tx->ops[0].kind == MKT_OP_AUTHORITY;
	if (request_add(s, tx->account, tx->request, tx->valid_until_s) < 0)
		s->nomem = true;
	else if (tx->flags & MKT_TX_ALL_OR_NOTHING)
		apply_all_or_nothing(s, tx);
	else
		apply_each(s, tx);
	s->ev = NULL;
	return s->nomem ? -MKT_ENOMEM : 0;
}
