#include "core/base/compat.h"

#include <stdarg.h>

#include "cmd/act.h"
#include "core/units/civil.h"

#define VALID_S                                                                                    \
	600u /* how long an envelope may wait for its block: certainty comes soon after a loss */

#define O struct mkt_act_opts

const struct mkt_opt mkt_act_options[] = {
	MKT_O_TEXT(O, for_account, "for", 0, "ACCOUNT", "account",
		   "act for an account that has delegated to you"),
	MKT_O_GROUP(O, request, struct mkt_request_values, mkt_request_options), MKT_O_END};

const struct mkt_opt mkt_act_admin_options[] = {
	MKT_O_GROUP(O, request, struct mkt_request_values, mkt_request_options), MKT_O_END};

/* ---- opening ------------------------------------------------------------------------------ */

int mkt_act_open(struct mkt_act *a, struct mkt_app *app, const struct mkt_act_opts *opts)
{
	int rc = 0;

	*a = (struct mkt_act){.opts = opts,
			      .ops = MKT_TX_BUILD_INIT,
			      .notes = MKT_BUF_INIT,
			      .request = MKT_REQUEST_INIT,
			      .leg = MKT_NO_LEG};
	if (opts->request.id && opts->request.once_per)
		return mkt_app_usage(app, "--request-id and --once-per exclude each other");
	if (opts->for_account)
		rc = mkt_conf_option(&app->conf, "core.account", opts->for_account, &app->err);
	return rc ? rc : mkt_session_open(&a->s, app, MKT_NEED_MARKET | MKT_NEED_KEY);
}

void mkt_act_close(struct mkt_act *a)
{
	mkt_answer_release(&a->answer);
	mkt_tx_build_release(&a->ops);
	mkt_buf_release(&a->notes);
	mkt_request_release(&a->request);
	mkt_session_close(&a->s);
}

void mkt_act_note(struct mkt_act *a, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mkt_buf_addstr(&a->notes, text);
	mkt_buf_addch(&a->notes, 0);
}

void mkt_act_add(struct mkt_act *a, struct mkt_op *op, const struct mkt_bid_leg *legs,
		 const char *text)
{
	op->account = op->kind < MKT_OP_FIRST_OPERATOR ? a->s.account : 0;
	mkt_tx_add(&a->ops, op, legs, text);
}

void mkt_act_add_for(struct mkt_act *a, struct mkt_op *op, uint32_t account)
{
	op->account = account;
	mkt_tx_add(&a->ops, op, NULL, NULL);
}

/* ---- request ids -------------------------------------------------------------------------- */

/* What the call is, whatever the hour: chain, signer, account, command, notes. */
static int digest_call(struct mkt_act *a)
{
	const struct mkt_buf *what = a->notes.len ? &a->notes : &a->ops.buf;
	struct mkt_buf b = MKT_BUF_INIT;
	bool bad;

	mkt_buf_add(&b, a->s.facts.chain.b, MKT_HASH_LEN);
	mkt_enc_u32(&b, a->s.signer);
	mkt_enc_u32(&b, a->s.account);
	mkt_buf_add(&b, a->s.app->command, strlen(a->s.app->command) + 1);
	mkt_buf_add(&b, what->data, what->len);
	mkt_hash(&a->call, MKT_DOM_KEY, b.data, b.len);
	bad = b.bad || a->notes.bad || a->ops.buf.bad;
	mkt_buf_release(&b);
	return bad ? mkt_err_code(&a->s.app->err, MKT_ENOMEM) : 0;
}

/* When an envelope that is made now ends, and the start of the period of --once-per. */
static uint64_t period_start(struct mkt_act *a)
{
	static const uint32_t lengths[] = {[MKT_ONCE_HOUR] = 3600, [MKT_ONCE_DAY] = MKT_DAY_S};
	bool sets_clock = a->clock_s && !a->s.app->opt.dry_run;
	uint64_t now = sets_clock ? a->clock_s : a->s.facts.now_ms / 1000, start, end;
	enum mkt_once once = (enum mkt_once)a->opts->request.once_per;
	uint32_t valid = a->s.facts.validity_s < VALID_S ? a->s.facts.validity_s : VALID_S;
	int64_t offset = mkt_zone_local(&a->s.zone, (int64_t)now) - (int64_t)now;

	a->valid_until_s = now + valid;
	if (!once)
		return 0;
	start = mkt_once_period(once, now, a->s.facts.window_s, (int32_t)offset);
	end = start + (once == MKT_ONCE_WINDOW ? a->s.facts.window_s : lengths[once]);
	/* The same bytes again, even when what is kept here is lost. */
	if (end > now && end <= now + a->s.facts.validity_s)
		a->valid_until_s = end;
	return start;
}

static int choose_id(struct mkt_act *a)
{
	char account[16], call[2 * MKT_HASH_LEN + 1];
	struct mkt_once_key key = {.account = account,
				   .command = a->s.app->command,
				   .arguments = call,
				   .period_s = period_start(a)};

	snprintf(account, sizeof(account), "%u", a->s.account);
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(call + 2 * (size_t)i, 3, "%02x", a->call.b[i]);
	return mkt_request_choose(a->s.app, &a->opts->request, &key, &a->request.id);
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Make and sign the envelope into a->request. */
static int build(struct mkt_act *a)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx_head head = {
		.flags = a->all_or_nothing ? MKT_TX_ALL_OR_NOTHING : 0,
		.chain = a->s.facts.chain,
		.account = a->s.signer,
		.valid_until_s = a->valid_until_s,
	};
	struct mkt_request *r = &a->request;
	int rc;

	memcpy(head.request, r->id.b, sizeof(head.request));
	mkt_tx_begin(&t, &head);
	mkt_buf_add(&t.buf, a->ops.buf.data, a->ops.buf.len);
	t.nops = a->ops.nops;
	t.overlong = a->ops.overlong;
	t.buf.bad |= a->ops.buf.bad;
	rc = mkt_tx_end(&t, &a->s.key, &a->s.app->err);
	if (rc) {
		mkt_tx_build_release(&t);
		return rc;
	}
	mkt_buf_release(&r->envelope);
	r->envelope = t.buf;
	mkt_tx_id(t.buf.data, t.buf.len, &r->tx);
	r->call = a->call;
	r->state = MKT_REQUEST_UNFINISHED;
	r->time_s = mkt_app_now_ms() / 1000;
	snprintf(r->account, sizeof(r->account), "%u", a->s.account);
	snprintf(r->command, sizeof(r->command), "%s", a->s.app->command);
	return 0;
}

/* The answer's own refusal of the whole, or its results. */
static int read_receipt(struct mkt_act *a)
{
	struct mkt_app *app = a->s.app;
	int rc = mkt_receipt_read(&a->answer, 0, &a->receipt, &a->row, &app->err);

	if (!rc && a->receipt.status == MKT_RECEIPT_REFUSED) {
		app->applied = MKT_APPLIED_NO;
		app->err = a->receipt.err;
		return -app->err.code;
	}
	if (!rc && mkt_jval_has(&a->row, "results"))
		rc = mkt_jget_arr(&a->row, "results", &a->results, &app->err);
	app->applied = !rc && a->receipt.height ? MKT_APPLIED_YES : MKT_APPLIED_UNKNOWN;
	if (rc)
		return mkt_err_set(&app->err, MKT_EUNKNOWN,
				   "sent, but the answer is not understood");
	return 0;
}

static int count_failed(struct mkt_act *a)
{
	struct mkt_app *app = a->s.app;
	size_t n = mkt_jval_count(&a->results);
	struct mkt_result r;
	struct mkt_jval at;
	int rc = 0;

	a->failed = 0;
	for (size_t i = 0; !rc && i < n; i++) {
		rc = mkt_act_result(a, i, &at, &r);
		a->failed += !rc && r.err.code;
	}
	if (rc || n != 1 || !a->failed)
		return rc;
	/* One operation, refused: that is the command's error. */
	app->applied = MKT_APPLIED_NO;
	app->err = r.err;
	a->leg = r.leg;
	return -app->err.code;
}

static int post(struct mkt_act *a)
{
	struct mkt_app *app = a->s.app;
	enum mkt_wait wait = app->opt.wait == MKT_NO ? MKT_WAIT_NONE : MKT_WAIT_SEALED;
	struct mkt_buf body = MKT_BUF_INIT;
	int rc;

	mkt_api_frame(&body, a->request.envelope.data, a->request.envelope.len);
	mkt_app_catch_signals();
	rc = mkt_api_submit(a->s.client, &body, wait, &a->answer, &app->err);
	mkt_buf_release(&body);
	if (rc == -MKT_EUNKNOWN)
		app->applied = MKT_APPLIED_UNKNOWN;
	if (rc == -MKT_ECANCELLED && mkt_app_stopped())
		app->exit_status = 128 + mkt_app_stopped();
	return rc ? rc : read_receipt(a);
}

/* Build, keep, post. */
static int post_new(struct mkt_act *a)
{
	int rc = build(a);

	if (!rc)
		rc = mkt_request_save(a->s.app, &a->request);
	return rc ? rc : post(a);
}

static bool surely_not_applied(int rc)
{
	return rc == -MKT_EUNAVAILABLE || rc == -MKT_EBUSY || rc == -MKT_ERATE ||
	       rc == -MKT_ECANCELLED || rc == -MKT_EDISKFULL;
}

/*
 * What is done or refused is marked so; what was surely not taken is forgotten,
 * unless an earlier try of it may have been.  The rest stays on the list of
 * `mkt status`.
 */
static int close_request(struct mkt_act *a, int rc, bool old)
{
	struct mkt_app *app = a->s.app;
	struct mkt_err err = app->err;

	if (rc == -MKT_EUNKNOWN || (!rc && a->receipt.status == MKT_RECEIPT_QUEUED))
		return rc;
	if (surely_not_applied(rc)) {
		if (!old)
			mkt_request_forget(app, &a->request.id);
		return rc;
	}
	a->request.state = MKT_REQUEST_DONE;
	if (rc)
		snprintf(a->request.receipt, sizeof(a->request.receipt), "refused: %s",
			 mkt_code_word(-rc));
	else
		snprintf(a->request.receipt, sizeof(a->request.receipt), "block %llu",
			 (unsigned long long)a->receipt.height);
	/* It is on the chain whether or not this can be written. */
	if (mkt_request_save(app, &a->request))
		mkt_app_warn(app, "%s", app->err.text);
	app->err = err;
	return rc;
}

/* Post what is kept under the id, or build it and keep it first. */
static int send_once(struct mkt_act *a)
{
	struct mkt_app *app = a->s.app;
	int rc = mkt_request_load(app, &a->request.id, &a->request);
	bool old = !rc;

	if (rc && rc != -MKT_ENOTFOUND)
		return rc;
	memset(&app->err, 0, sizeof(app->err));
	if (!old)
		return close_request(a, post_new(a), false);
	if (!mkt_hash_eq(&a->request.call, &a->call))
		return mkt_err_set(&app->err, MKT_ECONFLICT,
				   "this request id was used for 'mkt %s' with other arguments",
				   a->request.command);
	rc = post(a);
	/* It expired before anyone took it, and nobody ever can: the call may be made anew. */
	if (rc == -MKT_EEXPIRED) {
		old = false;
		rc = post_new(a);
	}
	return close_request(a, rc, old);
}

/* Under an id of its own: that the real call was made already is not the question. */
static int preview(struct mkt_act *a)
{
	int rc;

	mkt_random(a->request.id.b, sizeof(a->request.id.b));
	rc = build(a);

	if (!rc)
		rc = mkt_api_preview(a->s.client, a->request.envelope.data, a->request.envelope.len,
				     &a->answer, &a->s.app->err);
	a->results = a->answer.data;
	return rc;
}

int mkt_act_send(struct mkt_act *a)
{
	int rc = digest_call(a);

	if (!rc)
		rc = choose_id(a);
	if (a->s.app->opt.dry_run)
		a->s.app->request_id[0] = '\0';
	if (!rc)
		rc = a->s.app->opt.dry_run ? preview(a) : send_once(a);
	return rc ? rc : count_failed(a);
}

int mkt_act_end(struct mkt_act *a)
{
	size_t n = mkt_jval_count(&a->results);

	if (!a->failed)
		return 0;
	/* What was printed is part of the answer. */
	mkt_out_flush(&a->s.app->out);
	return mkt_err_set(&a->s.app->err, MKT_EPARTIAL, "%u of %zu operations were refused",
			   a->failed, n);
}

int mkt_act_result(struct mkt_act *a, size_t i, struct mkt_jval *at, struct mkt_result *r)
{
	struct mkt_jiter it = {0};

	for (size_t k = 0; k <= i; k++)
		if (!mkt_jval_next(&a->results, &it, at))
			return mkt_err_set(&a->s.app->err, MKT_EUNKNOWN,
					   "the answer has no result for operation %zu", i + 1);
	return mkt_result_read(at, r, &a->s.app->err);
}

void mkt_act_state(const struct mkt_act *a, char *out, size_t size)
{
	const struct mkt_receipt *r = &a->receipt;
	unsigned long long height = r->height;

	if (a->s.app->opt.dry_run)
		snprintf(out, size, "dry run, nothing was sent");
	else if (r->status == MKT_RECEIPT_QUEUED)
		snprintf(out, size, "accepted, not confirmed");
	else if (r->status == MKT_RECEIPT_REPLAYED)
		snprintf(out, size, "replayed, block %llu", height);
	else if (r->status == MKT_RECEIPT_SEALED)
		snprintf(out, size, "block %llu", height);
	else
		snprintf(out, size, "executed, block %llu not yet sealed", height);
}
