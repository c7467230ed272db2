/*
 * mkt contracts: matched contracts and their state.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/tables.h"

struct contracts_values {
	const char *window;
	bool past, all;
	struct mkt_list_opts list;
};

static const struct mkt_opt contracts_opts[] = {
	MKT_O_TEXT(struct contracts_values, window, "window", 0, "WINDOW", "window",
		   "of one window, settled ones as well"),
	MKT_O_FLAG(struct contracts_values, past, "past", 0, "settled ones, newest first"),
	MKT_O_FLAG(struct contracts_values, all, "all", 0, "of everybody"),
	MKT_O_GROUP(struct contracts_values, list, struct mkt_list_opts, mkt_list_options),
	MKT_O_END};

static const struct mkt_doc contracts_doc = {"contracts", 1, {&mkt_contract_table}, false};

static int add_window(struct mkt_session *s, const char *text, struct mkt_buf *query)
{
	struct mkt_when when = mkt_session_when(s, true);
	struct mkt_windows w;
	int rc = mkt_windows_parse(text, &when, &w, &s->app->err);

	if (!rc && w.count != 1)
		rc = mkt_app_usage(s->app, "'%s' is more than one window", text);
	if (!rc)
		mkt_buf_addf(query, "&window=%llu", (unsigned long long)w.first_s);
	return rc;
}

static int show_one(struct mkt_session *s, const char *text)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	uint64_t id;
	int rc = mkt_id_parse(s->app, 'c', text, &id);

	if (!rc)
		rc = mkt_session_get(s, &a, "/v1/contracts/%llu", (unsigned long long)id);
	if (!rc)
		rc = mkt_out_open(&s->app->out, &contracts_doc, &s->app->err);
	if (!rc) {
		mkt_out_part(&s->app->out, &mkt_contract_table);
		rc = mkt_rows_one(s, &mkt_contract_table, mkt_contract_source, &a.data);
		mkt_out_close(&s->app->out);
	}
	mkt_answer_release(&a);
	return rc;
}

static int show_list(struct mkt_session *s, const struct contracts_values *v)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	int rc = 0;

	mkt_list_query(&query, &v->list, "after");
	if (!v->all)
		mkt_buf_addf(&query, "&account=%s", s->who);
	if (v->past)
		mkt_buf_addstr(&query, "&past=1");
	if (v->window)
		rc = add_window(s, v->window, &query);
	if (!rc)
		rc = mkt_session_get(s, &a, "/v1/contracts?%s", mkt_buf_str(&query));
	if (!rc)
		rc = mkt_list_print(s, &contracts_doc, mkt_contract_source, &a);
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	return rc;
}

static int contracts_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct contracts_values *v = values;
	bool mine = !argc && !v->all;
	struct mkt_session s;
	int rc;

	if (v->past && (v->all || v->window))
		return mkt_app_usage(app, "--past excludes --all and --window");
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (mine ? MKT_NEED_WHO : 0));
	if (rc)
		return rc;
	rc = argc ? show_one(&s, argv[0]) : show_list(&s, v);
	mkt_session_close(&s);
	return rc;
}

const struct mkt_spec cmd_contracts = {
	.name = "contracts",
	.summary = "show matched contracts and their state",
	.args = "[CONTRACT]",
	.complete = "contract",
	.opts = contracts_opts,
	.values_size = sizeof(struct contracts_values),
	.run = contracts_run,
	.args_max = 1,
};
