/*
 * mkt wait: until something has happened, or a deadline.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/app/request.h"
#include "core/units/fmt.h"
#include "core/wire/stream.h"

struct wait_values {
	const char *deadline;
	int state;
	const char *request_id;
};

#define V struct wait_values

#define DEADLINE                                                                                   \
	MKT_O_TEXT(V, deadline, "deadline", 0, "DURATION", NULL,                                   \
		   "how long at most (default: that of --timeout)")

static const struct mkt_opt bid_opts[] = {
	MKT_O_WORD(V, state, "state", 0, "filled|matched|closed", "filled", "what to wait for"),
	DEADLINE, MKT_O_END};

static const struct mkt_opt contract_opts[] = {
	MKT_O_WORD(V, state, "state", 0, "settled|reported", "settled", "what to wait for"),
	DEADLINE, MKT_O_END};

static const struct mkt_opt tx_opts[] = {
	MKT_O_TEXT(V, request_id, "request-id", 0, "ID", "request", "a request of the account"),
	DEADLINE, MKT_O_END};

static const struct mkt_opt plain_opts[] = {DEADLINE, MKT_O_END};

enum { W_WHAT, W_ID, W_STATE, W_MET, W_COLS };

static const struct mkt_col wait_cols[] = {[W_WHAT] = {"what", MKT_COL_TEXT, .head = "what"},
					   [W_ID] = {"id", MKT_COL_TEXT, .head = "id"},
					   [W_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
					   [W_MET] = {"met", MKT_COL_BOOL, .head = "met"},
					   {.name = NULL}};
static const struct mkt_table wait_table = {"wait", wait_cols, false};
static const struct mkt_doc wait_doc = {"wait", 1, {&wait_table}, true};

enum verdict { NOT_YET, MET, NEVER };

/* One condition: where to look, and what it means. */
struct waiting {
	struct mkt_session s;
	const struct wait_values *v;
	const char *what;
	char id[80];
	char path[200];
	uint64_t target;  /* height, or ms */
	uint64_t look_ms; /* until: when it will be so if no block comes; 0: unknown */
	char state[96];
	uint64_t height; /* of the last look */
	enum verdict (*judge)(struct waiting *w, const struct mkt_jval *data);
};

/* ---- conditions --------------------------------------------------------------------------- */

static enum verdict judge_bid(struct waiting *w, const struct mkt_jval *data)
{
	const char *state = mkt_word(data, "state");
	bool closed = strcmp(state, "open") != 0;

	snprintf(w->state, sizeof(w->state), "%s", state);
	if (w->v->state == 2   ? mkt_count(data, "filled_wh") > 0
	    : w->v->state == 3 ? closed
			       : !strcmp(state, "filled"))
		return MET;
	return closed ? NEVER : NOT_YET;
}

static enum verdict judge_contract(struct waiting *w, const struct mkt_jval *data)
{
	const char *status = mkt_word(data, "status");
	bool settled = !strcmp(status, "settled") || !strcmp(status, "retired");

	snprintf(w->state, sizeof(w->state), "%s", status);
	return settled || (w->v->state == 2 && !strcmp(status, "reported")) ? MET : NOT_YET;
}

static enum verdict judge_tx(struct waiting *w, const struct mkt_jval *data)
{
	snprintf(w->state, sizeof(w->state), "sealed in block %llu",
		 (unsigned long long)mkt_count(data, "height"));
	return MET;
}

static enum verdict judge_height(struct waiting *w, const struct mkt_jval *data)
{
	uint64_t height = mkt_count(data, "height");

	snprintf(w->state, sizeof(w->state), "%llu", (unsigned long long)height);
	return height >= w->target ? MET : NOT_YET;
}

static enum verdict judge_time(struct waiting *w, const struct mkt_jval *data)
{
	uint64_t now = mkt_count(data, "now_ms");

	snprintf(w->state, sizeof(w->state), "%s", mkt_fmt_local(&w->s.zone, now / 1000).s);
	/* On an operator's clock only blocks move the time. */
	w->look_ms = now < w->target && w->s.facts.clock == MKT_CLOCK_SYSTEM
			     ? mkt_stream_now_ms() + (w->target - now)
			     : 0;
	return now >= w->target ? MET : NOT_YET;
}

/* ---- looking and waiting ------------------------------------------------------------------ */

static int look(struct waiting *w, enum verdict *verdict)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc = mkt_session_get(&w->s, &a, "%s", w->path);

	*verdict = NOT_YET;
	if (!rc) {
		*verdict = w->judge(w, &a.data);
		w->height = a.height;
	} else if (rc == -MKT_ENOTFOUND && w->judge == judge_tx) {
		/* It may still come. */
		memset(&w->s.app->err, 0, sizeof(w->s.app->err));
		snprintf(w->state, sizeof(w->state), "not on the chain");
		rc = 0;
	}
	mkt_answer_release(&a);
	return rc;
}

/* Until a block is sealed, or it is time to look again; 1: look, 0: the deadline, or an error. */
static int next_block(struct waiting *w, struct mkt_stream *st)
{
	struct mkt_app *app = w->s.app;
	uint64_t until =
		w->look_ms && w->look_ms < app->deadline_ms ? w->look_ms : app->deadline_ms;
	struct mkt_sse_event ev;

	for (;;) {
		int news = mkt_stream_next(st, until, &ev, &app->err);

		if (news < 0)
			return news;
		if (news == MKT_STREAM_QUIET)
			return mkt_app_left_ms(app) > 0;
		if (news == MKT_STREAM_EVENT && !strcmp(ev.kind, "block"))
			return 1;
	}
}

static int watch(struct waiting *w, enum verdict *verdict)
{
	struct mkt_app *app = w->s.app;
	struct mkt_stream_conf what = {.cursor = ""};
	struct mkt_client_conf conf;
	struct mkt_stream *st = NULL;
	char path[80];
	int rc = look(w, verdict), go = 1;

	if (rc || *verdict != NOT_YET)
		return rc;
	snprintf(path, sizeof(path), "/v1/events?kind=gate&from=%llu",
		 (unsigned long long)(w->height ? w->height : w->s.facts.height) + 1);
	what.path = path;
	mkt_session_client_conf(app, &conf);
	mkt_app_catch_signals();
	rc = mkt_stream_new(&conf, &what, &st, &app->err);
	while (!rc && *verdict == NOT_YET && go > 0) {
		go = next_block(w, st);
		if (go > 0)
			rc = look(w, verdict);
	}
	mkt_stream_free(st);
	if (go == -MKT_ECANCELLED && mkt_app_stopped())
		return 128 + mkt_app_stopped();
	return go < 0 ? go : rc;
}

static int tell(struct waiting *w, bool met)
{
	struct mkt_app *app = w->s.app;
	struct mkt_val v[W_COLS] = {
		[W_WHAT] = mkt_v_text(w->what),
		[W_ID] = mkt_v_text(w->id),
		[W_STATE] = mkt_v_text(w->state),
		[W_MET] = mkt_v_bool(met),
	};
	int rc;

	if (app->out.quiet)
		return !met;
	if (mkt_for_people(app)) {
		mkt_out_say(&app->out, "%s %s: %s\n", w->what, w->id, w->state);
		return !met;
	}
	rc = mkt_out_open(&app->out, &wait_doc, &app->err);
	if (rc)
		return rc;
	mkt_out_part(&app->out, &wait_table);
	mkt_out_row(&app->out, v);
	mkt_out_close(&app->out);
	return !met;
}

static int set_deadline(struct mkt_app *app, const char *text)
{
	static const struct mkt_opt row = {
		.kind = MKT_OPT_DURATION, .min = 1, .max = 366 * 86400000ll, .metavar = "DURATION"};
	struct mkt_num ms;
	int rc = text ? mkt_opt_value(&row, &ms, "--deadline", text, &app->err) : 0;

	if (!rc && text)
		app->deadline_ms = app->begun_ms + (uint64_t)ms.v;
	return rc;
}

static int open_waiting(struct waiting *w, struct mkt_app *app, const struct wait_values *v,
			unsigned need)
{
	int rc = set_deadline(app, v->deadline);

	w->v = v;
	return rc ? rc : mkt_session_open(&w->s, app, MKT_NEED_MARKET | need);
}

static int wait_for(struct waiting *w)
{
	enum verdict verdict;
	int rc = watch(w, &verdict);

	if (!rc)
		rc = tell(w, verdict == MET);
	mkt_session_close(&w->s);
	return rc;
}

/* ---- subcommands -------------------------------------------------------------------------- */

static int bid_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct waiting w = {.what = "bid", .judge = judge_bid};
	uint64_t id;
	int rc = mkt_id_parse(app, 'b', argv[0], &id);

	(void)argc;
	if (!rc)
		rc = open_waiting(&w, app, values, 0);
	if (rc)
		return rc;
	snprintf(w.id, sizeof(w.id), mkt_for_people(app) ? "b%llu" : "%llu",
		 (unsigned long long)id);
	snprintf(w.path, sizeof(w.path), "/v1/bids/%llu", (unsigned long long)id);
	return wait_for(&w);
}

static int contract_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct waiting w = {.what = "contract", .judge = judge_contract};
	uint64_t id;
	int rc = mkt_id_parse(app, 'c', argv[0], &id);

	(void)argc;
	if (!rc)
		rc = open_waiting(&w, app, values, 0);
	if (rc)
		return rc;
	snprintf(w.id, sizeof(w.id), mkt_for_people(app) ? "c%llu" : "%llu",
		 (unsigned long long)id);
	snprintf(w.path, sizeof(w.path), "/v1/contracts/%llu", (unsigned long long)id);
	return wait_for(&w);
}

static int tx_path(struct waiting *w, const char *id)
{
	struct mkt_app *app = w->s.app;
	struct mkt_request_id request;
	int rc;

	if (id) {
		if (strlen(id) != 64 || id[strspn(id, "0123456789abcdefABCDEF")])
			return mkt_app_usage(app, "'%s' is not the whole id of a transaction", id);
		snprintf(w->id, sizeof(w->id), "%s", id);
		snprintf(w->path, sizeof(w->path), "/v1/tx/%s", id);
		return 0;
	}
	rc = mkt_request_parse(w->v->request_id, &request, &app->err);
	if (!rc) {
		mkt_request_text(&request, w->id);
		snprintf(w->path, sizeof(w->path), "/v1/tx?account=%s&request=%s", w->s.who, w->id);
	}
	return rc;
}

static int tx_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct waiting w = {.what = "transaction", .judge = judge_tx};
	const struct wait_values *v = values;
	int rc;

	if (!argc == !v->request_id)
		return mkt_app_usage(app, "give the id of a transaction, or --request-id");
	rc = open_waiting(&w, app, v, argc ? 0 : MKT_NEED_WHO);
	if (rc)
		return rc;
	rc = tx_path(&w, argc ? argv[0] : NULL);
	if (rc) {
		mkt_session_close(&w.s);
		return rc;
	}
	return wait_for(&w);
}

static int height_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct waiting w = {.what = "height", .judge = judge_height, .path = "/v1/status"};
	char *end;
	int rc;

	(void)argc;
	w.target = strtoull(argv[0], &end, 10);
	if (argv[0][0] < '0' || argv[0][0] > '9' || *end)
		return mkt_app_usage(app, "'%s' is no height", argv[0]);
	rc = open_waiting(&w, app, values, 0);
	if (rc)
		return rc;
	snprintf(w.id, sizeof(w.id), "%s", argv[0]);
	return wait_for(&w);
}

static int until_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct waiting w = {.what = "until", .judge = judge_time, .path = "/v1/market"};
	struct mkt_when when;
	uint64_t time_s;
	int rc = open_waiting(&w, app, values, 0);

	(void)argc;
	if (rc)
		return rc;
	when = mkt_session_when(&w.s, true);
	rc = mkt_instant_parse(argv[0], &when, &time_s, &app->err);
	if (rc) {
		mkt_session_close(&w.s);
		return rc;
	}
	w.target = time_s * 1000;
	snprintf(w.id, sizeof(w.id), "%s", argv[0]);
	return wait_for(&w);
}

static const struct mkt_spec wait_subs[] = {
	{.name = "bid",
	 .summary = "until a bid is filled",
	 .args = "BID",
	 .complete = "bid",
	 .opts = bid_opts,
	 .values_size = sizeof(struct wait_values),
	 .run = bid_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = "contract",
	 .summary = "until a contract is settled",
	 .args = "CONTRACT",
	 .complete = "contract",
	 .opts = contract_opts,
	 .values_size = sizeof(struct wait_values),
	 .run = contract_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = "tx",
	 .summary = "until a transaction is sealed",
	 .args = "[ID]",
	 .complete = "tx",
	 .opts = tx_opts,
	 .values_size = sizeof(struct wait_values),
	 .run = tx_run,
	 .args_max = 1},
	{.name = "height",
	 .summary = "until the chain is so high",
	 .args = "HEIGHT",
	 .opts = plain_opts,
	 .values_size = sizeof(struct wait_values),
	 .run = height_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = "until",
	 .summary = "until the chain's clock shows a time",
	 .args = "TIME",
	 .opts = plain_opts,
	 .values_size = sizeof(struct wait_values),
	 .run = until_run,
	 .args_min = 1,
	 .args_max = 1},
	{.name = NULL},
};

const struct mkt_spec cmd_wait = {
	.name = "wait",
	.summary = "wait until something has happened",
	.subs = wait_subs,
};
