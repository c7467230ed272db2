/*
 * What was metered goes to the ledger; what the devices do goes out as telemetry.
 *
 * A report has a request id that is in the journal before anything is sent, and
 * its envelope is kept under it (core/app/request.h); so whenever this process
 * ends, the same bytes are sent again, and the ledger does them once.  It counts
 * as reported when the chain's own events say so.
 */
#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/charge.h"
#include "core/app/request.h"
#include "core/ledger/tx.h"
#include "core/wire/telemetry.h"

#define POST_MS 2000
#define AGAIN_MS 5000 /* until the chain has told of it, or another try */
#define VALID_S 600u
#define PUBLISH_MS 10000 /* states go out so often, and at once when a decision is new */
#define PUBLISH_MIN_MS 1000

/* ---- when --------------------------------------------------------------------------------- */

static uint64_t end_ms(const struct charge *c, const struct mkt_duty *w)
{
	return (w->window_s + c->s.facts.window_s) * 1000;
}

/* Where an operator moves the chain's time, it may be behind ours. */
static bool chain_is_there(const struct charge *c, const struct mkt_duty *w)
{
	return c->s.facts.clock != MKT_CLOCK_OPERATOR || c->chain_ms >= end_ms(c, w);
}

static bool all_ended(const struct mkt_duty *w)
{
	for (uint32_t i = 0; i < w->nmeters; i++)
		if (!w->meters[i].ended)
			return false;
	return w->nmeters > 0;
}

static bool all_closed(const struct mkt_duty_side *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!s->contracts[i].closed)
			return false;
	return true;
}

static int keep_state(struct charge *c, const struct mkt_duty *w, unsigned dir, const char *why)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (why) {
		mkt_duty_put_unreported(&b, c->now_ms, w->window_s, dir, why);
		mkt_app_warn(c->app, "window not reported: %s", why);
	} else {
		mkt_duty_put_reported(&b, c->now_ms, w->window_s, dir, c->height);
	}
	return charge_keep(c, &b, true);
}

/* ---- the envelope ------------------------------------------------------------------------- */

static int build(struct charge *c, const struct mkt_duty *w, unsigned dir, struct mkt_request *r)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_tx_head head = {.chain = c->s.facts.chain,
				   .account = c->s.signer,
				   .valid_until_s = c->now_ms / 1000};
	uint32_t valid = c->s.facts.validity_s < VALID_S ? c->s.facts.validity_s : VALID_S;
	struct mkt_duty_figure *f = calloc(w->side[dir].n, sizeof(*f));
	uint32_t n = f ? mkt_duty_figures(w, dir, f) : 0;
	int rc;

	head.valid_until_s += valid;
	memcpy(head.request, r->id.b, sizeof(head.request));
	mkt_tx_begin(&t, &head);
	for (uint32_t i = 0; i < n; i++) {
		struct mkt_op op = {.kind = MKT_OP_REPORT, .account = c->s.account};

		op.u.report.exec = f[i].exec;
		op.u.report.wh = f[i].wh;
		op.u.report.side = dir ? MKT_SUPPLY : MKT_DRAW;
		snprintf(op.u.report.charger, sizeof(op.u.report.charger), "%s", f[i].charger);
		mkt_tx_add(&t, &op, NULL, NULL);
		charge_note(c, NULL, w->window_s, "reports %u Wh %s of c%llu", f[i].wh,
			    dir ? "supplied" : "drawn", (unsigned long long)f[i].exec);
	}
	free(f);
	rc = mkt_tx_end(&t, &c->s.key, &c->app->err);
	if (rc) {
		mkt_tx_build_release(&t);
		return rc;
	}
	r->envelope = t.buf;
	mkt_tx_id(t.buf.data, t.buf.len, &r->tx);
	r->state = MKT_REQUEST_UNFINISHED;
	r->time_s = mkt_app_now_ms() / 1000;
	snprintf(r->account, sizeof(r->account), "%u", c->s.account);
	snprintf(r->command, sizeof(r->command), "charge run");
	mkt_hash(&r->call, MKT_DOM_KEY, t.buf.data, t.buf.len);
	return mkt_request_save(c->app, r);
}

/* A new id: in the journal before anything is sent under it. */
static int choose_id(struct charge *c, const struct mkt_duty *w, unsigned dir)
{
	struct mkt_buf b = MKT_BUF_INIT;
	uint8_t request[16];

	mkt_random(request, sizeof(request));
	mkt_duty_put_report(&b, c->now_ms, w->window_s, dir, request);
	return charge_keep(c, &b, true);
}

/* ---- sending ------------------------------------------------------------------------------ */

/* What the answer means: 0 wait for the chain's events; 1 send anew; -code give up. */
static int judge(struct charge *c, const struct mkt_answer *a, struct mkt_err *why)
{
	struct mkt_receipt receipt;
	struct mkt_jval row, results, at;
	struct mkt_jiter it = {0};
	struct mkt_result r;
	int verdict = 0;

	if (mkt_receipt_read(a, 0, &receipt, &row, why))
		return 0;
	if (receipt.status == MKT_RECEIPT_REFUSED) {
		*why = receipt.err;
		return receipt.err.code == MKT_EEXPIRED || receipt.err.code == MKT_EVALIDITY
			       ? 1
			       : -receipt.err.code;
	}
	if (mkt_jget_arr(&row, "results", &results, NULL))
		return 0;
	while (mkt_jval_next(&results, &it, &at)) {
		if (mkt_result_read(&at, &r, why) || !r.err.code || r.err.code == MKT_EREPORTED)
			continue;
		*why = r.err;
		charge_note(c, NULL, 0, "report refused: %s", r.err.text);
		if (r.err.code == MKT_EEARLY)
			return 1;
		verdict = -r.err.code;
	}
	return verdict;
}

static void drop_chargers(struct mkt_duty *w)
{
	for (uint32_t i = 0; i < w->nmeters; i++)
		w->meters[i].charger[0] = '\0';
}

static void finish_request(struct charge *c, const uint8_t request[16], const char *what)
{
	struct mkt_request r = MKT_REQUEST_INIT;
	struct mkt_request_id id;

	memcpy(id.b, request, sizeof(id.b));
	if (!mkt_request_load(c->app, &id, &r)) {
		r.state = MKT_REQUEST_DONE;
		snprintf(r.receipt, sizeof(r.receipt), "%s", what);
		(void)!mkt_request_save(c->app, &r);
	}
	memset(&c->app->err, 0, sizeof(c->app->err));
	mkt_request_release(&r);
}

static int send_side(struct charge *c, struct mkt_duty *w, unsigned dir)
{
	struct mkt_request r = MKT_REQUEST_INIT;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_err err = {0};
	int rc, verdict = 0;

	memcpy(r.id.b, w->side[dir].request, sizeof(r.id.b));
	rc = mkt_request_load(c->app, &r.id, &r);
	if (rc == -MKT_ENOTFOUND)
		rc = build(c, w, dir, &r);
	if (rc) {
		mkt_request_release(&r);
		return rc;
	}
	mkt_api_frame(&body, r.envelope.data, r.envelope.len);
	mkt_client_restart(c->poster, POST_MS);
	rc = mkt_api_submit(c->poster, &body, MKT_WAIT_EXECUTED, &a, &err);
	if (!rc)
		verdict = judge(c, &a, &err);
	else
		mkt_app_trace(c->app, "report: %s", err.text);
	mkt_answer_release(&a);
	mkt_buf_release(&body);
	mkt_request_release(&r);
	if (!verdict)
		return 0;
	finish_request(c, w->side[dir].request, err.text);
	if (verdict == -MKT_ECHARGER)
		drop_chargers(w);
	if (verdict == 1 || verdict == -MKT_ECHARGER)
		return choose_id(c, w, dir);
	return keep_state(c, w, dir, err.text);
}

/* One side of one window: what is to be done about it now? */
static int turn_side(struct charge *c, struct mkt_duty *w, unsigned dir, bool again)
{
	struct mkt_duty_side *s = &w->side[dir];
	bool late = c->now_ms >= end_ms(c, w) + (uint64_t)c->s.facts.deadline_s * 1000;
	int rc = 0;

	if (!s->n || s->report >= MKT_DUTY_REPORTED || c->now_ms < end_ms(c, w))
		return 0;
	if (all_closed(s)) {
		if (s->report == MKT_DUTY_SENT)
			finish_request(c, s->request, "on the chain");
		return keep_state(c, w, dir, NULL);
	}
	if (late)
		return keep_state(c, w, dir,
				  w->nmeters ? "the deadline for reports has passed"
					     : "nothing was metered");
	if (!all_ended(w) || !chain_is_there(c, w))
		return 0;
	if (s->report == MKT_DUTY_OPEN) {
		rc = choose_id(c, w, dir);
		again = true;
	}
	if (rc || !again)
		return rc;
	c->report_ms = mkt_app_mono_ms() + AGAIN_MS;
	return send_side(c, w, dir);
}

int charge_report(struct charge *c)
{
	bool again = mkt_app_mono_ms() >= c->report_ms;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < c->duties.n; i++)
		for (unsigned dir = 0; !rc && dir < 2; dir++)
			rc = turn_side(c, &c->duties.v[i], dir, again);
	return rc;
}

/* ---- telemetry ---------------------------------------------------------------------------- */

static void put_value(struct mkt_telemetry *t, const struct charge_device *d,
		      enum mkt_reading_id id, enum mkt_telemetry_field field)
{
	int64_t v;

	if (!charge_fresh(d, id))
		return;
	v = d->view->r.v[id].value;
	t->fields |= (uint8_t)field;
	if (field == MKT_TM_POWER)
		t->power_w = (int32_t)v;
	else if (field == MKT_TM_IMPORT && v >= 0)
		t->import_wh = (uint64_t)v;
	else if (field == MKT_TM_EXPORT && v >= 0)
		t->export_wh = (uint64_t)v;
	else if (field == MKT_TM_SOC && v >= 0 && v <= 1000)
		t->soc = (uint16_t)v;
	else
		t->fields &= (uint8_t)~field;
}

static void put_contract(const struct charge *c, struct mkt_telemetry *t,
			 const struct charge_device *d)
{
	const struct mkt_duty *w = charge_present(c);
	unsigned dir;

	if (!w || !mkt_duty_meter(w, d->conf->name))
		return;
	dir = d->plan.set < 0 || !mkt_duty_wh(w, 0);
	t->fields |= MKT_TM_CONTRACT;
	t->window = (uint32_t)(w->window_s / c->s.facts.window_s);
	t->side = dir ? MKT_SUPPLY : MKT_DRAW;
	t->contracted_wh = (uint32_t)mkt_duty_wh(w, dir);
	t->moved_wh = (uint32_t)d->plan.moved_wh[dir];
}

static int put_state(struct charge *c, const struct charge_device *d, struct mkt_buf *body)
{
	enum mkt_dev_state state = d->view ? d->view->state : MKT_DEV_ABSENT;
	struct mkt_telemetry t = {.chain = c->s.facts.chain,
				  .account = c->s.account,
				  .signer = c->s.signer,
				  .time_ms = c->now_ms};
	struct mkt_buf b = MKT_BUF_INIT;
	int rc;

	snprintf(t.charger, sizeof(t.charger), "%s", d->charger);
	snprintf(t.kind, sizeof(t.kind), "%s",
		 mkt_dev_kind_word(d->view ? (int)d->view->kind : MKT_DEV_EVSE));
	snprintf(t.state, sizeof(t.state), "%s", mkt_dev_state_word((int)state));
	if (d->plan.vehicle != MKT_VEHICLE_UNKNOWN)
		snprintf(t.vehicle, sizeof(t.vehicle), "%s",
			 mkt_dev_vehicle_word((int)d->plan.vehicle));
	snprintf(t.reason, sizeof(t.reason), "%s", d->out.text);
	put_value(&t, d, MKT_R_POWER, MKT_TM_POWER);
	put_value(&t, d, MKT_R_ENERGY_IMPORT, MKT_TM_IMPORT);
	put_value(&t, d, MKT_R_ENERGY_EXPORT, MKT_TM_EXPORT);
	put_value(&t, d, MKT_R_SOC, MKT_TM_SOC);
	if (d->view) {
		t.fields |= d->plan.by_current ? MKT_TM_LIMIT_MA : MKT_TM_LIMIT_W;
		if (d->plan.by_current)
			t.limit_ma = d->plan.set > 0 ? (uint32_t)d->plan.set : 0;
		else
			t.limit_w = d->plan.set;
	}
	put_contract(c, &t, d);
	rc = mkt_telemetry_enc(&t, &c->s.key, &b, &c->app->err);
	if (!rc)
		mkt_api_frame(body, b.data, b.len);
	mkt_buf_release(&b);
	return rc;
}

/* States are for people who watch: one that does not arrive is not missed for long. */
void charge_publish(struct charge *c)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf body = MKT_BUF_INIT;
	uint64_t mono = mkt_app_mono_ms();
	struct mkt_err err = {0};
	bool any = false;

	if (mono < c->publish_ms)
		return;
	for (uint32_t i = 0; i < c->ndevices; i++) {
		struct charge_device *d = &c->devices[i];

		if (!d->enrolled || (d->told_ms && mono < d->told_ms + PUBLISH_MS))
			continue;
		d->told_ms = mono;
		any |= !put_state(c, d, &body);
	}
	if (!any)
		return;
	mkt_client_restart(c->poster, POST_MS);
	c->publish_ms = mono + PUBLISH_MIN_MS;
	if (mkt_api_publish(c->poster, &body, &a, &err)) {
		mkt_app_trace(c->app, "telemetry: %s", err.text);
		c->publish_ms = mono + 3 * (uint64_t)PUBLISH_MS;
	}
	memset(&c->app->err, 0, sizeof(c->app->err));
	mkt_answer_release(&a);
	mkt_buf_release(&body);
}
