/*
 * mkt limits: what an account may do, and what of it is used.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"

enum { L_NAME, L_CLASS, L_LIMIT, L_USED, L_LEFT, L_RESET, L_COLS };

static const struct mkt_col limit_cols[] = {
	[L_NAME] = {"limit", MKT_COL_TEXT, .head = "limit"},
	[L_CLASS] = {"class", MKT_COL_TEXT, .head = "class"},
	[L_LIMIT] = {"max", MKT_COL_UINT, .head = "at most"},
	[L_USED] = {"used", MKT_COL_UINT, .head = "used"},
	[L_LEFT] = {"left", MKT_COL_UINT, .head = "left"},
	[L_RESET] = {"reset_s", MKT_COL_DURATION, .head = "whole again in"},
	{.name = NULL}};
static const struct mkt_table limit_table = {"limit", limit_cols, false};
static const struct mkt_doc limits_doc = {"limits", 1, {&limit_table}, false};

/* As programs read them and as people do. */
static const struct limit {
	const char *name, *words;
} limits[] = {
	{"open_bids", "open bids"},
	{"tx_per_min", "transactions a minute"},
	{"reads_per_min", "reads a minute"},
	{"rows_per_min", "rows a minute"},
};

static int add_row(struct mkt_session *s, const struct mkt_jval *data, const struct limit *l)
{
	struct mkt_val v[L_COLS] = {{0}};
	struct mkt_jval at;
	uint64_t max;
	int rc = mkt_jget_obj(data, l->name, &at, &s->app->err);

	if (!rc)
		rc = mkt_jget_u64(&at, "limit", UINT32_MAX, &max, &s->app->err);
	if (rc)
		return rc;
	v[L_NAME] = mkt_v_text(mkt_for_people(s->app) ? l->words : l->name);
	v[L_CLASS] = mkt_v_text(mkt_word(data, "class"));
	/* 0 stands for no limit: nothing is left or used up then. */
	if (max) {
		uint64_t left = mkt_count(&at, "left"), used = mkt_count(&at, "used");

		if (mkt_jval_has(&at, "used"))
			left = used < max ? max - used : 0;
		else
			used = left < max ? max - left : 0;
		v[L_LIMIT] = mkt_v_uint(max);
		v[L_USED] = mkt_v_uint(used);
		v[L_LEFT] = mkt_v_uint(left);
	} else if (mkt_jval_has(&at, "used")) {
		v[L_USED] = mkt_v_uint(mkt_count(&at, "used"));
	}
	if (max && mkt_jval_has(&at, "reset_s"))
		v[L_RESET] = mkt_v_uint(mkt_count(&at, "reset_s"));
	mkt_out_row(&s->app->out, v);
	return 0;
}

static int limits_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_session s;
	int rc = mkt_session_open(&s, app, MKT_NEED_MARKET | MKT_NEED_WHO);

	(void)values, (void)argc, (void)argv;
	if (rc)
		return rc;
	rc = mkt_session_get(&s, &a, "/v1/limits?account=%s", s.who);
	if (!rc)
		rc = mkt_out_open(&app->out, &limits_doc, &app->err);
	if (!rc) {
		mkt_out_part(&app->out, &limit_table);
		for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(limits); i++)
			rc = add_row(&s, &a.data, &limits[i]);
		mkt_out_close(&app->out);
	}
	mkt_answer_release(&a);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_limits = {
	.name = "limits",
	.summary = "show the rate budget of an account",
	.run = limits_run,
};
