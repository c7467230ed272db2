/*
 * mkt report: what was supplied or drawn, as a meter or device measured it.
 */
#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "core/base/file.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"

#define FILE_BYTES_MAX (1u << 20)
#define NAMES_KEPT 64 /* accounts looked up once */

struct report_values {
	int side; /* 1 supply, 2 draw */
	const char *charger;
	const char *window;
	const char *file;
	struct mkt_act_opts act;
};

#define V struct report_values

static const struct mkt_opt report_opts[] = {
	MKT_O_WORD(V, side, "side", 0, "supply|draw", NULL,
		   "which side was measured (default: yours of the contract)"),
	MKT_O_TEXT(V, charger, "charger", 0, "ID", NULL, "charger or meter that measured"),
	MKT_O_TEXT(V, window, "window", 0, "WINDOW", "window",
		   "over all contracts of the account in a window"),
	MKT_O_FILE(V, file, "file", 0, "CSV", "many at once; - for stdin"),
	MKT_O_GROUP(V, act, struct mkt_act_opts, mkt_act_options),
	MKT_O_END};

static void report_row(struct mkt_act *a, size_t i, const struct mkt_jval *at,
		       struct mkt_act_row *row)
{
	const char *op = mkt_word(at, "op");

	(void)a;
	row->exec = mkt_count(at, "exec");
	row->count = mkt_act_number(at, "contracts", -1);
	row->energy_wh = mkt_act_number(at, "taken_wh", -1);
	if (row->energy_wh < 0)
		snprintf(row->line, sizeof(row->line), "%s %zu", op, i + 1);
	else if (row->exec)
		snprintf(row->line, sizeof(row->line), "c%llu reported, %s taken",
			 (unsigned long long)row->exec, mkt_fmt_energy((uint64_t)row->energy_wh).s);
	else
		snprintf(row->line, sizeof(row->line), "%lld contract%s reported, %s taken",
			 (long long)row->count, row->count == 1 ? "" : "s",
			 mkt_fmt_energy((uint64_t)row->energy_wh).s);
}

/* Zero is a report like any other: nothing came. */
static int read_energy(struct mkt_app *app, const char *text, uint32_t *wh)
{
	uint64_t v;
	int rc = mkt_parse_energy(text, &v, &app->err);

	if (!rc && v > UINT32_MAX)
		rc = mkt_err_set(&app->err, MKT_EINVAL, "energy '%s' is too much for one report",
				 text);
	if (!rc)
		*wh = (uint32_t)v;
	return rc;
}

static int read_charger(struct mkt_app *app, const char *text, char out[MKT_CHARGER_MAX + 1])
{
	if (text && strlen(text) > MKT_CHARGER_MAX)
		return mkt_err_set(&app->err, MKT_EUSAGE,
				   "the charger '%s' has more than %d letters", text,
				   MKT_CHARGER_MAX);
	snprintf(out, MKT_CHARGER_MAX + 1, "%s", text ? text : "");
	return 0;
}

/* Which side of the contract the account stands on. */
static int find_side(struct mkt_act *a, uint64_t exec, uint8_t *side)
{
	struct mkt_answer c = MKT_ANSWER_INIT;
	struct mkt_app *app = a->s.app;
	uint64_t buyer = 0, seller = 0;
	int rc = mkt_session_get(&a->s, &c, "/v1/contracts/%llu", (unsigned long long)exec);

	if (!rc)
		rc = mkt_jget_u64(&c.data, "buyer", UINT32_MAX, &buyer, &app->err);
	if (!rc)
		rc = mkt_jget_u64(&c.data, "seller", UINT32_MAX, &seller, &app->err);
	if (!rc && buyer != a->s.account && seller != a->s.account)
		rc = mkt_app_usage(app, "contract c%llu is of others: give --side",
				   (unsigned long long)exec);
	if (!rc)
		*side = seller == a->s.account ? MKT_SUPPLY : MKT_DRAW;
	mkt_answer_release(&c);
	return rc;
}

static int add_contract(struct mkt_act *a, const struct report_values *v, char **argv)
{
	struct mkt_op op = {.kind = MKT_OP_REPORT};
	struct mkt_app *app = a->s.app;
	int rc = mkt_id_parse(app, 'c', argv[0], &op.u.report.exec);

	if (!rc)
		rc = read_energy(app, argv[1], &op.u.report.wh);
	if (!rc)
		rc = read_charger(app, v->charger, op.u.report.charger);
	op.u.report.side = (uint8_t)v->side;
	if (!rc && !v->side)
		rc = find_side(a, op.u.report.exec, &op.u.report.side);
	mkt_act_add(a, &op, NULL, NULL);
	return rc;
}

static int read_window(struct mkt_act *a, const char *text, uint32_t *number)
{
	struct mkt_when when = mkt_session_when(&a->s, true);
	struct mkt_windows w;
	int rc = mkt_windows_parse(text, &when, &w, &a->s.app->err);

	if (!rc && w.count != 1)
		rc = mkt_app_usage(a->s.app, "'%s' is more than one window", text);
	if (!rc)
		*number = (uint32_t)(w.first_s / when.window_s);
	return rc;
}

static int add_meter(struct mkt_act *a, const struct report_values *v, const char *energy)
{
	struct mkt_op op = {.kind = MKT_OP_METER};
	struct mkt_app *app = a->s.app;
	int rc;

	if (!v->side)
		return mkt_app_usage(app, "--window needs --side");
	op.u.meter.side = (uint8_t)v->side;
	rc = read_window(a, v->window, &op.u.meter.window);
	if (!rc)
		rc = read_energy(app, energy, &op.u.meter.wh);
	if (!rc)
		rc = read_charger(app, v->charger, op.u.meter.charger);
	mkt_act_note(a, "window %s side %d %u Wh charger %s", v->window, v->side, op.u.meter.wh,
		     op.u.meter.charger);
	mkt_act_add(a, &op, NULL, NULL);
	return rc;
}

/* ---- bulk --------------------------------------------------------------------------------- */

enum field { F_CONTRACT, F_WINDOW, F_ENERGY, F_SIDE, F_CHARGER, F_ACCOUNT, F_COUNT };

struct sheet {
	struct mkt_act *a;
	const struct report_values *v;
	int at[F_COUNT]; /* column of each field; -1: not there */
	struct {
		char name[80];
		uint32_t number;
	} seen[NAMES_KEPT];
	unsigned nseen;
};

/* Cut a line at its commas; blanks around a field do not count.  -1: too many. */
static int cut(char *line, char *fields[F_COUNT])
{
	int n = 0;

	for (;;) {
		char *end = strchr(line, ','), *last;

		if (n == F_COUNT)
			return -1;
		line += strspn(line, " \t");
		if (end)
			*end = '\0';
		for (last = line + strlen(line); last > line && strchr(" \t\r", last[-1]);)
			*--last = '\0';
		fields[n++] = line;
		if (!end)
			return n;
		line = end + 1;
	}
}

static int read_head(struct sheet *t, char *line)
{
	static const char *const names[] = {"contract", "window",  "energy",
					    "side", "charger", "account"};
	struct mkt_app *app = t->a->s.app;
	char *fields[F_COUNT];
	int n = cut(line, fields);

	for (int f = 0; f < F_COUNT; f++)
		t->at[f] = -1;
	for (int i = 0; i < n; i++) {
		int f = 0;

		while (f < F_COUNT && strcmp(names[f], fields[i]))
			f++;
		if (f == F_COUNT || t->at[f] >= 0)
			return mkt_app_usage(app, "'%s' is no column, or stands twice", fields[i]);
		t->at[f] = i;
	}
	if (n < 0 || t->at[F_ENERGY] < 0 || (t->at[F_CONTRACT] < 0) == (t->at[F_WINDOW] < 0))
		return mkt_app_usage(app,
				     "the first line names columns: energy, contract or window, "
				     "and side, charger, account");
	if (t->at[F_SIDE] < 0 && !t->v->side)
		return mkt_app_usage(app, "the file has no column 'side': give --side");
	return 0;
}

static int find_account(struct sheet *t, const char *name, uint32_t *number)
{
	int rc;

	for (unsigned i = 0; i < t->nseen; i++)
		if (!strcmp(t->seen[i].name, name)) {
			*number = t->seen[i].number;
			return 0;
		}
	rc = mkt_session_account(&t->a->s, name, number);
	if (!rc && t->nseen < NAMES_KEPT && strlen(name) < sizeof(t->seen[0].name)) {
		snprintf(t->seen[t->nseen].name, sizeof(t->seen[0].name), "%s", name);
		t->seen[t->nseen++].number = *number;
	}
	return rc;
}

static int read_side(struct sheet *t, const char *text, uint8_t *side)
{
	*side = (uint8_t)t->v->side;
	if (!text || !*text)
		return *side ? 0 : mkt_app_usage(t->a->s.app, "the side is missing");
	*side = !strcmp(text, "supply") ? MKT_SUPPLY : !strcmp(text, "draw") ? MKT_DRAW : 0;
	return *side ? 0 : mkt_app_usage(t->a->s.app, "the side is supply or draw, not '%s'", text);
}

/* What a row says, whichever kind of report it becomes. */
struct measured {
	uint32_t wh, account;
	uint8_t side;
	char charger[MKT_CHARGER_MAX + 1];
};

static int read_measured(struct sheet *t, char **fields, struct measured *m)
{
	struct mkt_app *app = t->a->s.app;
	const char *charger = t->at[F_CHARGER] < 0 ? t->v->charger : fields[t->at[F_CHARGER]];
	int rc = read_energy(app, fields[t->at[F_ENERGY]], &m->wh);

	m->account = t->a->s.account;
	if (!rc)
		rc = read_side(t, t->at[F_SIDE] < 0 ? NULL : fields[t->at[F_SIDE]], &m->side);
	if (!rc)
		rc = read_charger(app, charger, m->charger);
	if (!rc && t->at[F_ACCOUNT] >= 0 && *fields[t->at[F_ACCOUNT]])
		rc = find_account(t, fields[t->at[F_ACCOUNT]], &m->account);
	return rc;
}

static int add_row(struct sheet *t, char *line)
{
	struct mkt_app *app = t->a->s.app;
	struct mkt_op op = {.kind = t->at[F_WINDOW] < 0 ? MKT_OP_REPORT : MKT_OP_METER};
	struct measured m = {0};
	char *fields[F_COUNT];
	int n = cut(line, fields), rc;

	for (int f = 0; f < F_COUNT; f++)
		if (t->at[f] >= n)
			return mkt_app_usage(app, "the row has too few columns");
	rc = read_measured(t, fields, &m);
	if (rc)
		return rc;
	if (op.kind == MKT_OP_REPORT) {
		rc = mkt_id_parse(app, 'c', fields[t->at[F_CONTRACT]], &op.u.report.exec);
		op.u.report.wh = m.wh;
		op.u.report.side = m.side;
		memcpy(op.u.report.charger, m.charger, sizeof(m.charger));
	} else {
		rc = read_window(t->a, fields[t->at[F_WINDOW]], &op.u.meter.window);
		op.u.meter.wh = m.wh;
		op.u.meter.side = m.side;
		memcpy(op.u.meter.charger, m.charger, sizeof(m.charger));
	}
	if (!rc && t->a->ops.nops == MKT_OPS_MAX)
		rc = mkt_app_usage(app, "a file has at most %d reports", MKT_OPS_MAX);
	if (!rc)
		mkt_act_add_for(t->a, &op, m.account);
	return rc;
}

static int add_file(struct mkt_act *a, const struct report_values *v)
{
	struct mkt_app *app = a->s.app;
	struct mkt_buf b = MKT_BUF_INIT;
	struct sheet *t = calloc(1, sizeof(*t));
	int rc = t ? mkt_file_read(v->file, FILE_BYTES_MAX, &b, &app->err)
		   : mkt_err_code(&app->err, MKT_ENOMEM);
	char *line = b.len ? (char *)b.data : NULL;

	if (!rc)
		*t = (struct sheet){.a = a, .v = v};
	for (unsigned n = 1; !rc && line && *line; n++) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		if (n == 1)
			rc = read_head(t, line);
		else if (line[strspn(line, " \t\r")])
			rc = add_row(t, line);
		if (rc)
			mkt_err_wrap(&app->err, "%s, line %u", v->file, n);
		line = end ? end + 1 : NULL;
	}
	if (!rc && !a->ops.nops)
		rc = mkt_app_usage(app, "'%s' holds no reports", v->file);
	mkt_buf_release(&b);
	free(t);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static int report_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct report_values *v = values;
	int wanted = v->file ? 0 : v->window ? 1 : 2;
	struct mkt_act a;
	int rc;

	if (v->file && v->window)
		return mkt_app_usage(app, "--file and --window exclude each other");
	if (argc != wanted)
		return mkt_app_usage(app, "%s",
				     v->file	 ? "--file takes no arguments"
				     : v->window ? "--window takes one argument: ENERGY"
						 : "give CONTRACT and ENERGY");
	rc = mkt_act_open(&a, app, &v->act);
	if (rc)
		return rc;
	if (v->file)
		rc = add_file(&a, v);
	else if (v->window)
		rc = add_meter(&a, v, argv[0]);
	else
		rc = add_contract(&a, v, argv);
	if (!rc) {
		rc = mkt_act_send(&a);
		if (rc)
			rc = mkt_err_wrap(&app->err, "cannot report");
	}
	if (!rc)
		rc = mkt_act_print(&a, report_row);
	if (!rc)
		rc = mkt_act_end(&a);
	mkt_act_close(&a);
	return rc;
}

const struct mkt_spec cmd_report = {
	.name = "report",
	.summary = "report what was supplied or drawn",
	.args = "[[CONTRACT] ENERGY]",
	.complete = "contract energy",
	.opts = report_opts,
	.values_size = sizeof(struct report_values),
	.run = report_run,
	.args_max = 2,
};
