/*
 * mkt cancel: withdraw what is not yet matched.
 */
#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/cmd.h"
#include "core/units/fmt.h"

struct cancel_values {
	bool all;
	const char *window;
	struct mkt_act_opts act;
};

static const struct mkt_opt cancel_opts[] = {
	MKT_O_FLAG(struct cancel_values, all, "all", 0, "all open bids of the account"),
	MKT_O_TEXT(struct cancel_values, window, "window", 0, "WINDOWS", "window",
		   "all open bids that have a leg there"),
	MKT_O_GROUP(struct cancel_values, act, struct mkt_act_opts, mkt_act_options), MKT_O_END};

/* The action first: a row is made with it alone. */
struct cancelling {
	struct mkt_act a;
	char **ids; /* of the bids that were named */
};

/* One bid, or a number of bids. */
static void one_row(struct mkt_act *a, size_t i, const struct mkt_jval *at, struct mkt_act_row *row)
{
	const char *id = ((const struct cancelling *)(const void *)a)->ids[i];

	/* A refusal tells no number. */
	row->bid = strtoull(id + (*id == 'b'), NULL, 10);
	row->energy_wh = mkt_act_number(at, "freed_wh", -1);
	if (row->energy_wh >= 0)
		snprintf(row->line, sizeof(row->line), "b%llu cancelled, %s withdrawn",
			 (unsigned long long)row->bid, mkt_fmt_energy((uint64_t)row->energy_wh).s);
	else
		snprintf(row->line, sizeof(row->line), "b%llu",
			 (unsigned long long)row->bid);
}

static void many_row(struct mkt_act *a, size_t i, const struct mkt_jval *at,
		     struct mkt_act_row *row)
{
	(void)a, (void)i;
	row->count = mkt_act_number(at, "bids", -1);
	row->energy_wh = mkt_act_number(at, "freed_wh", -1);
	if (row->count >= 0 && row->energy_wh >= 0)
		snprintf(row->line, sizeof(row->line), "%lld bid%s cancelled, %s withdrawn",
			 (long long)row->count, row->count == 1 ? "" : "s",
			 mkt_fmt_energy((uint64_t)row->energy_wh).s);
	else
		snprintf(row->line, sizeof(row->line), "bids would be cancelled");
}

static int add_window(struct mkt_act *a, const char *text)
{
	struct mkt_when when = mkt_session_when(&a->s, true);
	struct mkt_windows w;
	int rc = mkt_windows_parse(text, &when, &w, &a->s.app->err);

	mkt_act_note(a, "window %s", text);
	for (uint32_t i = 0; !rc && i < w.count; i++) {
		struct mkt_op op = {.kind = MKT_OP_CANCEL};

		op.u.cancel.what = MKT_CANCEL_WINDOW;
		op.u.cancel.window = (uint32_t)(w.first_s / when.window_s + i);
		mkt_act_add(a, &op, NULL, NULL);
	}
	return rc;
}

static int add_bids(struct mkt_act *a, int argc, char **argv)
{
	int rc = 0;

	for (int i = 0; !rc && i < argc; i++) {
		struct mkt_op op = {.kind = MKT_OP_CANCEL};

		op.u.cancel.what = MKT_CANCEL_ONE;
		rc = mkt_id_parse(a->s.app, 'b', argv[i], &op.u.cancel.bid);
		mkt_act_add(a, &op, NULL, NULL);
	}
	return rc;
}

static void add_all(struct mkt_act *a)
{
	struct mkt_op op = {.kind = MKT_OP_CANCEL};

	op.u.cancel.what = MKT_CANCEL_ALL;
	mkt_act_add(a, &op, NULL, NULL);
}

static int cancel_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct cancel_values *v = values;
	struct cancelling c = {.ids = argv};
	struct mkt_act *a = &c.a;
	int rc = 0;

	if ((argc > 0) + v->all + (v->window != NULL) != 1)
		return mkt_app_usage(app, "give bids, or --all, or --window");
	rc = mkt_act_open(a, app, &v->act);
	if (rc)
		return rc;
	if (v->all)
		add_all(a);
	else if (v->window)
		rc = add_window(a, v->window);
	else
		rc = add_bids(a, argc, argv);
	if (!rc) {
		rc = mkt_act_send(a);
		if (rc)
			rc = mkt_err_wrap(&app->err,
					  argc == 1 ? "cannot cancel '%s'" : "cannot cancel",
					  argc == 1 ? argv[0] : "");
	}
	if (!rc)
		rc = mkt_act_print(a, argc ? one_row : many_row);
	if (!rc)
		rc = mkt_act_end(a);
	mkt_act_close(a);
	return rc;
}

const struct mkt_spec cmd_cancel = {
	.name = "cancel",
	.summary = "withdraw what is not yet matched",
	.args = "[BID...]",
	.complete = "bid",
	.opts = cancel_opts,
	.values_size = sizeof(struct cancel_values),
	.run = cancel_run,
	.args_max = -1,
};
