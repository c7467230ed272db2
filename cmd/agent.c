/*
 * mkt agent: bids for a site, by itself.
 *
 * A step looks at the ledger, plans, and compares with the bids that stand: what is as planned
 * stays, what only became less is reduced, the rest is cancelled; and only when the cancels are
 * done, and what was contracted meanwhile is counted, new bids are made.  So nothing is bid
 * twice, whatever happens between two requests.
 */
#include "core/base/compat.h"

#include <poll.h>

#include "cmd/agent.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "core/units/fmt.h"

#define RETRY_MS 2000
#define SLICE_MS 200 /* how soon a signal is heeded */
#define STEP_MS 30000

enum { A_ACTION, A_BID, A_SLOT, A_SIDE, A_ENERGY, A_LEGS, A_WINDOW, A_PRICE, A_WHY, A_COLS };

static const struct mkt_col agent_cols[] = {
	[A_ACTION] = {"action", MKT_COL_TEXT, .head = "action"},
	[A_BID] = {"bid", MKT_COL_BIG, .head = "bid"},
	[A_SLOT] = {"slot", MKT_COL_TEXT, .head = "for"},
	[A_SIDE] = {"side", MKT_COL_TEXT, .head = "side"},
	[A_ENERGY] = {"energy_wh", MKT_COL_ENERGY, .head = "energy"},
	[A_LEGS] = {"legs", MKT_COL_UINT, .head = "legs"},
	[A_WINDOW] = {"window", MKT_COL_WINDOW, .head = "first window"},
	[A_PRICE] = {"price_u$_per_wh", MKT_COL_PRICE, .head = "limit"},
	[A_WHY] = {"why", MKT_COL_TEXT, .head = "why", .cut = true},
	{.name = NULL}};
static const struct mkt_table agent_table = {"agent", agent_cols, false};
static const struct mkt_doc agent_doc = {"agent", 1, {&agent_table}, true};

/* ---- telling ------------------------------------------------------------------------------ */

static void tell(struct agent *a, const char *action, uint64_t id, const struct mkt_trade_bid *b,
		 const char *why)
{
	struct mkt_val row[A_COLS] = {[A_ACTION] = mkt_v_text(action), [A_WHY] = mkt_v_text(why)};

	if (id)
		row[A_BID] = mkt_v_uint(id);
	if (b) {
		row[A_SLOT] = mkt_v_text(b->slot);
		row[A_SIDE] = mkt_v_text(b->side == MKT_BUY ? "buy" : "sell");
		row[A_ENERGY] = mkt_v_uint(b->amount_wh);
		row[A_LEGS] = mkt_v_uint(b->nlegs);
		row[A_WINDOW] = mkt_v_window((uint64_t)b->legs[0].window * a->s->facts.window_s,
					     a->s->facts.window_s);
		row[A_PRICE] = mkt_v_int(b->legs[0].price_upwh);
	}
	mkt_out_row(&a->app->out, row);
	mkt_out_flush(&a->app->out);
}

static void tell_open(struct agent *a, const char *action, const struct agent_open *o,
		      const char *why)
{
	struct mkt_val row[A_COLS] = {
		[A_ACTION] = mkt_v_text(action),     [A_BID] = mkt_v_uint(o->id),
		[A_SLOT] = mkt_v_text(o->made->slot), [A_ENERGY] = mkt_v_uint(o->left_wh),
		[A_SIDE] = mkt_v_text(o->side == MKT_BUY ? "buy" : "sell"),
		[A_LEGS] = mkt_v_uint(o->nlegs),     [A_WHY] = mkt_v_text(why)};

	mkt_out_row(&a->app->out, row);
	mkt_out_flush(&a->app->out);
}

/* ---- sending ------------------------------------------------------------------------------ */

/* An envelope under way: the action, and what its operations are for. */
struct sending {
	struct mkt_act act;
	struct mkt_act_opts opts;
	struct agent_post post;
};

static void open_sending(struct agent *a, struct sending *x)
{
	*x = (struct sending){.post.n = 0};
	x->act = (struct mkt_act){.opts = &x->opts,
				  .ops = MKT_TX_BUILD_INIT,
				  .notes = MKT_BUF_INIT,
				  .request = MKT_REQUEST_INIT,
				  .leg = MKT_NO_LEG,
				  .s = *a->s};
}

/* The session is the step's own; but its key was copied. */
static void close_sending(struct sending *x)
{
	mkt_wipe(&x->act.s.key, sizeof(x->act.s.key));
	mkt_answer_release(&x->act.answer);
	mkt_tx_build_release(&x->act.ops);
	mkt_buf_release(&x->act.notes);
	mkt_request_release(&x->act.request);
}

/* What became of each operation goes into the journal. */
static int take_results(struct agent *a, struct sending *x)
{
	size_t n = mkt_jval_count(&x->act.results);
	int rc = 0;

	for (size_t i = 0; !rc && i < n && i < x->post.n; i++) {
		const struct agent_made *m = &x->post.made[i];
		struct mkt_result r;
		struct mkt_jval at;

		rc = mkt_act_result(&x->act, i, &at, &r);
		if (rc)
			break;
		if (r.err.code) {
			a->refused++;
			tell(a, "refused", 0, NULL, r.err.text);
		} else if (m->slot[0]) {
			rc = agent_book_bid(a, (unsigned)i, mkt_count(&at, "bid"));
		}
	}
	return rc;
}

/* Neither the ledger nor time has decided yet: it is asked for again. */
static bool undecided(int rc)
{
	int status = mkt_code_exit(-rc);

	return rc < 0 && (status == 7 || status == 8 || rc == -MKT_ECANCELLED);
}

/* Post what is kept or built under the journal's request id. */
static int post(struct agent *a, struct sending *x)
{
	struct mkt_err err;
	int rc, end;

	x->opts.request.id = x->post.request;
	mkt_act_note(&x->act, "%s", x->post.request);
	rc = mkt_act_send(&x->act);
	if (undecided(rc))
		return rc;
	if (!rc || (x->act.failed && mkt_jval_count(&x->act.results)))
		rc = take_results(a, x);
	else if (rc < 0) {
		a->refused++;
		tell(a, "refused", 0, NULL, a->app->err.text);
		rc = 0;
	}
	err = a->app->err;
	end = rc ? rc : agent_book_end(a);
	if (rc)
		a->app->err = err;
	else if (!end)
		a->app->err = (struct mkt_err){0};
	return end;
}

/* A post that somebody was killed in: the same bytes again; what was never kept was never sent. */
static int finish_post(struct agent *a)
{
	struct sending *x;
	struct mkt_request_id id;
	struct mkt_request r = MKT_REQUEST_INIT;
	int rc;

	if (!a->book.post.sent || a->app->opt.dry_run)
		return 0;
	rc = mkt_request_parse(a->book.post.request, &id, &a->app->err);
	if (!rc)
		rc = mkt_request_load(a->app, &id, &r);
	mkt_request_release(&r);
	if (rc == -MKT_ENOTFOUND) {
		a->app->err = (struct mkt_err){0};
		return agent_book_end(a);
	}
	x = rc ? NULL : malloc(sizeof(*x));
	if (!x)
		return rc ? rc : mkt_err_code(&a->app->err, MKT_ENOMEM);
	open_sending(a, x);
	x->post = a->book.post;
	rc = post(a, x);
	close_sending(x);
	free(x);
	return rc;
}

/* ---- comparing ---------------------------------------------------------------------------- */

static bool same_legs(const struct agent_open *o, const struct mkt_trade_bid *b)
{
	bool same = o->nlegs == b->nlegs && o->side == b->side;

	for (unsigned i = 0; same && i < b->nlegs; i++)
		same = o->legs[i].window == b->legs[i].window &&
		       o->legs[i].tags == b->legs[i].tags &&
		       o->legs[i].price_upwh == b->legs[i].price_upwh;
	return same;
}

static struct agent_open *find_open(struct agent *a, const char *slot)
{
	for (unsigned i = 0; i < a->view->nopen; i++)
		if (!strcmp(a->view->open[i].made->slot, slot))
			return &a->view->open[i];
	return NULL;
}

static const struct mkt_trade_bid *find_bid(struct agent *a, const char *slot)
{
	for (unsigned i = 0; i < a->plan->n; i++)
		if (!strcmp(a->plan->bids[i].slot, slot))
			return &a->plan->bids[i];
	return NULL;
}

/* Must a bid that stands be changed, and how: the operation is put into @op. */
static bool must_change(struct agent *a, struct agent_open *o, struct mkt_op *op)
{
	const struct mkt_trade_bid *b = find_bid(a, o->made->slot);
	bool twice = find_open(a, o->made->slot) != o;

	if (b && !twice && same_legs(o, b) && o->left_wh == b->amount_wh)
		return false;
	if (b && !twice && same_legs(o, b) && o->left_wh > b->amount_wh) {
		op->kind = MKT_OP_REDUCE;
		op->u.reduce.bid = o->id;
		op->u.reduce.left_wh = b->amount_wh;
	} else {
		op->kind = MKT_OP_CANCEL;
		op->u.cancel.what = MKT_CANCEL_ONE;
		op->u.cancel.bid = o->id;
	}
	return true;
}

static int send(struct agent *a, struct sending *x)
{
	struct mkt_request_id id;
	int rc;

	if (!x->post.n)
		return 0;
	a->changed += x->post.n;
	mkt_random(id.b, sizeof(id.b));
	mkt_request_text(&id, x->post.request);
	rc = agent_book_begin(a, &x->post);
	return rc ? rc : post(a, x);
}

/* Cancels and reduces.  How many there were; all of them in one envelope if they fit. */
static int send_changes(struct agent *a, struct sending *x)
{
	int rc = 0, n;

	open_sending(a, x);
	for (unsigned i = 0; i < a->view->nopen && x->post.n < AGENT_OPS_MAX; i++) {
		struct agent_open *o = &a->view->open[i];
		struct mkt_op op = {0};

		if (!must_change(a, o, &op))
			continue;
		tell_open(a, op.kind == MKT_OP_REDUCE ? "reduce" : "cancel", o,
			  "not what is wanted now");
		mkt_act_add(&x->act, &op, NULL, NULL);
		x->post.n++;
	}
	n = (int)x->post.n;
	if (!a->app->opt.dry_run)
		rc = send(a, x);
	close_sending(x);
	return rc ? rc : n;
}

static void add_bid(struct agent *a, struct sending *x, const struct mkt_trade_bid *b)
{
	struct mkt_op op = {.kind = MKT_OP_BID};
	struct agent_made *m = &x->post.made[x->post.n++];

	op.u.bid.side = b->side;
	op.u.bid.amount_wh = b->amount_wh;
	op.u.bid.nlegs = b->nlegs;
	snprintf(m->slot, sizeof(m->slot), "%s", b->slot);
	snprintf(m->why, sizeof(m->why), "%s", b->why);
	mkt_act_add(&x->act, &op, b->legs, NULL);
	tell(a, "bid", 0, b, b->why);
}

/* New bids, in as many envelopes as they need; @*at goes on in the plan. */
static int send_bids(struct agent *a, struct sending *x, unsigned *at)
{
	unsigned legs = 0;
	int rc = 0;

	open_sending(a, x);
	/* An envelope keeps well below its bound: 16 bytes a leg, at most. */
	for (; *at < a->plan->n && x->post.n < AGENT_OPS_MAX && legs < 4096; ++*at) {
		const struct mkt_trade_bid *b = &a->plan->bids[*at];

		if (find_open(a, b->slot))
			continue;
		add_bid(a, x, b);
		legs += b->nlegs;
	}
	if (!a->app->opt.dry_run)
		rc = send(a, x);
	close_sending(x);
	return rc;
}

/* ---- a step ------------------------------------------------------------------------------- */

static int look_and_plan(struct agent *a)
{
	int rc = agent_look(a);

	if (!rc)
		rc = mkt_trade_plan(&a->view->trade, a->plan, &a->app->err);
	return rc;
}

static int step_open(struct agent *a)
{
	struct sending *x = malloc(sizeof(*x));
	unsigned at = 0;
	int rc = x ? finish_post(a) : mkt_err_code(&a->app->err, MKT_ENOMEM);

	if (!rc)
		rc = look_and_plan(a);
	if (!rc)
		rc = send_changes(a, x);
	/* Something was taken back: what was contracted until then is known only now. */
	if (rc > 0 && !a->app->opt.dry_run)
		rc = look_and_plan(a);
	if (rc > 0)
		rc = 0;
	for (unsigned i = 0; !rc && i < a->plan->nnotes; i++)
		tell(a, "note", 0, NULL, a->plan->notes[i]);
	while (!rc && at < a->plan->n)
		rc = send_bids(a, x, &at);
	free(x);
	return rc;
}

static int step(struct agent *a)
{
	struct mkt_session s;
	int rc = mkt_session_open(&s, a->app, MKT_NEED_MARKET | MKT_NEED_KEY);

	if (rc)
		return rc;
	a->s = &s;
	if (!a->book.journal)
		rc = agent_book_open(a);
	if (!rc)
		rc = step_open(a);
	a->s = NULL;
	mkt_session_close(&s);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static int begin(struct agent *a, struct mkt_app *app, const char *file)
{
	int rc;

	a->app = app;
	rc = agent_conf_read(app, file, &a->conf);
	if (rc)
		return rc;
	/* Run and step are one agent: what one began the other ends, under the same request id. */
	snprintf(app->command, sizeof(app->command), "agent");
	a->view = calloc(1, sizeof(*a->view));
	a->plan = calloc(1, sizeof(*a->plan));
	if (a->view)
		a->view->contracted = calloc(AGENT_CARS_MAX, sizeof(a->view->contracted[0]));
	if (!a->view || !a->plan || !a->view->contracted)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	return mkt_out_open(&app->out, &agent_doc, &app->err);
}

static void end(struct agent *a)
{
	mkt_out_close(&a->app->out);
	agent_book_close(&a->book);
	agent_conf_release(&a->conf);
	if (a->view)
		free(a->view->contracted);
	free(a->view);
	free(a->plan);
}

static int step_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct agent *a = calloc(1, sizeof(*a));
	int rc = a ? begin(a, app, argv[0]) : mkt_err_code(&app->err, MKT_ENOMEM);

	(void)values, (void)argc;
	if (!rc) {
		mkt_out_part(&app->out, &agent_table);
		rc = step(a);
		if (!rc && a->refused)
			rc = mkt_err_set(&app->err, MKT_EPARTIAL, "%u operations were refused",
					 a->refused);
		end(a);
	} else if (a) {
		agent_conf_release(&a->conf);
	}
	free(a);
	return rc;
}

static void rest(uint64_t ms)
{
	uint64_t until = mkt_app_mono_ms() + ms, now;

	while (!mkt_app_stopped() && (now = mkt_app_mono_ms()) < until)
		poll(NULL, 0, (int)(until - now < SLICE_MS ? until - now : SLICE_MS));
}

/* Until a signal comes, or what no waiting mends. */
static int run_steps(struct agent *a)
{
	struct mkt_app *app = a->app;
	bool told = false;

	for (;;) {
		int rc;

		app->deadline_ms = mkt_app_mono_ms() + STEP_MS;
		rc = step(a);
		if (mkt_app_stopped())
			break;
		if (rc < 0 && !undecided(rc))
			return rc;
		if (rc < 0 && !told)
			mkt_app_warn(app, "%s; trying again", app->err.text);
		told = rc < 0;
		app->err = (struct mkt_err){0};
		app->applied = MKT_APPLIED_NO;
		rest(rc < 0 && a->conf.interval_ms > RETRY_MS ? RETRY_MS : a->conf.interval_ms);
		if (mkt_app_stopped())
			break;
	}
	app->err = (struct mkt_err){0};
	app->exit_status = 0;
	return 0;
}

static int run_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct agent *a = calloc(1, sizeof(*a));
	int rc = a ? begin(a, app, argv[0]) : mkt_err_code(&app->err, MKT_ENOMEM);

	(void)values, (void)argc;
	if (!rc) {
		mkt_app_catch_signals();
		mkt_out_part(&app->out, &agent_table);
		rc = run_steps(a);
		end(a);
	} else if (a) {
		agent_conf_release(&a->conf);
	}
	free(a);
	return rc;
}

static const struct mkt_spec agent_subs[] = {
	{.name = "run", .summary = "bid until stopped", .args = "FILE", .complete = "file",
	 .run = run_run, .args_min = 1, .args_max = 1, .flags = MKT_CMD_SIGNS},
	{.name = "step", .summary = "bid once, as from cron", .args = "FILE", .complete = "file",
	 .run = step_run, .args_min = 1, .args_max = 1, .flags = MKT_CMD_SIGNS},
	{.name = NULL}};

const struct mkt_spec cmd_agent = {
	.name = "agent",
	.summary = "bid for a site by itself",
	.subs = agent_subs,
};
