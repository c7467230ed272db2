/*
 * mkt cert: certificates of settled contracts.
 *
 *	list                what an account has, and which are used up
 *	export CONTRACT     into a file, checked before it is kept
 *	verify FILE         on this machine alone, step by step
 *	retire CONTRACT     use one up, once and for all
 */
#include "core/base/compat.h"

#include "cmd/act.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/base/file.h"
#include "core/chain/cert.h"
#include "core/units/fmt.h"

#define KEYS_MAX MKT_AUTHORITIES_MAX

/* ---- list --------------------------------------------------------------------------------- */

struct list_values {
	struct mkt_list_opts list;
};

static const struct mkt_opt list_opts[] = {
	MKT_O_GROUP(struct list_values, list, struct mkt_list_opts, mkt_list_options), MKT_O_END};

static const struct mkt_col list_cols[] = {
	{"exec", MKT_COL_BIG, .head = "contract"},
	{"state", MKT_COL_TEXT, .head = "state"},
	{"window", MKT_COL_WINDOW, .head = "window"},
	{"tag", MKT_COL_TEXT, .head = "tags"},
	{"delivered_wh", MKT_COL_ENERGY, .head = "delivered"},
	{.name = "buyer", .kind = MKT_COL_UINT},
	{"buyer_name", MKT_COL_TEXT, .head = "buyer", .cut = true},
	{.name = "seller", .kind = MKT_COL_UINT},
	{"seller_name", MKT_COL_TEXT, .head = "seller", .cut = true},
	{"paid_u$", MKT_COL_MONEY, .head = "paid", .wide = true},
	{.name = NULL}};
static const struct mkt_source list_source[] = {
	{"exec", 'c', NULL},	 {"status", 0, NULL},	    {"window_s", 0, NULL},
	{"tags", 0, NULL},	 {"delivered_wh", 0, NULL}, {"buyer", 0, NULL},
	{"buyer_name", 0, NULL}, {"seller", 0, NULL},	    {"seller_name", 0, NULL},
	{"paid_uc", 0, NULL},
};
_Static_assert(MKT_ARRAY_SIZE(list_cols) == MKT_ARRAY_SIZE(list_source) + 1,
	       "a place for every column");
static const struct mkt_table list_table = {"certificate", list_cols, false};
static const struct mkt_doc list_doc = {"certificates", 1, {&list_table}, false};

static int list_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct list_values *v = values;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf query = MKT_BUF_INIT;
	struct mkt_session s;
	int rc = mkt_session_open(&s, app, MKT_NEED_MARKET | (argc ? 0 : MKT_NEED_WHO));

	if (rc)
		return rc;
	mkt_list_query(&query, &v->list, "after");
	mkt_buf_addstr(&query, "&past=1&account=");
	if (argc)
		mkt_account_path(&query, argv[0]);
	else
		mkt_buf_addstr(&query, s.who);
	rc = mkt_session_get(&s, &a, "/v1/contracts?%s", mkt_buf_str(&query));
	if (!rc)
		rc = mkt_list_print(&s, &list_doc, list_source, &a);
	mkt_answer_release(&a);
	mkt_buf_release(&query);
	mkt_session_close(&s);
	return rc;
}

/* ---- what a certificate says -------------------------------------------------------------- */

enum {
	C_FILE,
	C_CHAIN,
	C_NAME,
	C_EXEC,
	C_WINDOW,
	C_TAG,
	C_ENERGY,
	C_PRICE,
	C_FEE,
	C_BUYER,
	C_SELLER,
	C_SUPPLY,
	C_DRAW,
	C_DELIVERED,
	C_PAID,
	C_HEIGHT,
	C_TIME,
	C_VOTES,
	C_COLS
};

static const struct mkt_col cert_cols[] = {
	[C_FILE] = {.name = "file", .kind = MKT_COL_TEXT},
	[C_CHAIN] = {.name = "chain", .kind = MKT_COL_ID},
	[C_NAME] = {.name = "name", .kind = MKT_COL_TEXT},
	[C_EXEC] = {.name = "exec", .kind = MKT_COL_BIG},
	[C_WINDOW] = {.name = "window", .kind = MKT_COL_WINDOW},
	[C_TAG] = {.name = "tag", .kind = MKT_COL_TEXT},
	[C_ENERGY] = {.name = "energy_wh", .kind = MKT_COL_ENERGY},
	[C_PRICE] = {.name = "price_u$_per_wh", .kind = MKT_COL_PRICE},
	[C_FEE] = {.name = "fee_u$_per_wh", .kind = MKT_COL_PRICE},
	[C_BUYER] = {.name = "buyer", .kind = MKT_COL_UINT},
	[C_SELLER] = {.name = "seller", .kind = MKT_COL_UINT},
	[C_SUPPLY] = {.name = "supply_wh", .kind = MKT_COL_ENERGY},
	[C_DRAW] = {.name = "draw_wh", .kind = MKT_COL_ENERGY},
	[C_DELIVERED] = {.name = "delivered_wh", .kind = MKT_COL_ENERGY},
	[C_PAID] = {.name = "paid_u$", .kind = MKT_COL_MONEY},
	[C_HEIGHT] = {.name = "settled_height", .kind = MKT_COL_UINT},
	[C_TIME] = {.name = "settled_ms", .kind = MKT_COL_TIME_MS, .json = "settled"},
	[C_VOTES] = {.name = "authorities", .kind = MKT_COL_UINT},
	{.name = NULL}};
static const struct mkt_table cert_table = {"certificate", cert_cols, true};
static const struct mkt_doc cert_doc = {"certificate", 1, {&cert_table}, false};

static void fill_row(const char *file, const struct mkt_cert_facts *f, struct mkt_val row[C_COLS])
{
	const struct mkt_ev_contract *c = &f->contract;
	const struct mkt_ev_settled *s = &f->settled;

	row[C_FILE] = mkt_v_text(file);
	row[C_CHAIN] = mkt_v_bytes(f->chain.b, MKT_HASH_LEN);
	row[C_NAME] = mkt_v_text(f->name);
	row[C_EXEC] = mkt_v_uint(c->exec);
	row[C_WINDOW] = mkt_v_window((uint64_t)c->window * f->window_s, f->window_s);
	row[C_TAG] = mkt_v_text(f->tags);
	row[C_ENERGY] = mkt_v_uint(c->wh);
	row[C_PRICE] = mkt_v_int(c->price_upwh);
	row[C_FEE] = mkt_v_int(c->fee_upwh);
	row[C_BUYER] = mkt_v_uint(c->buyer);
	row[C_SELLER] = mkt_v_uint(c->seller);
	row[C_SUPPLY] = s->how & 1 ? mkt_v_uint(s->supply_wh) : mkt_v_none();
	row[C_DRAW] = s->how & 2 ? mkt_v_uint(s->draw_wh) : mkt_v_none();
	row[C_DELIVERED] = mkt_v_uint(s->delivered_wh);
	row[C_PAID] = mkt_v_int(s->paid_uc);
	row[C_HEIGHT] = mkt_v_uint(f->settled_height);
	row[C_TIME] = mkt_v_uint(f->settled_ms);
	row[C_VOTES] = mkt_v_uint(f->authorities);
}

static int prove(const struct mkt_buf *bytes, const struct mkt_cert_check *how,
		 struct mkt_cert_facts *f, struct mkt_err *err)
{
	struct mkt_cert *c = malloc(sizeof(*c));
	int rc = c ? mkt_cert_dec(bytes->data, bytes->len, c, err) : mkt_err_code(err, MKT_ENOMEM);

	if (!rc)
		rc = mkt_cert_verify(c, how, f, err);
	free(c);
	return rc;
}

/* ---- export ------------------------------------------------------------------------------- */

/* What is there already is kept: the same is fine, another thing is not overwritten. */
static int keep(struct mkt_app *app, const char *file, const struct mkt_buf *bytes)
{
	struct mkt_buf old = MKT_BUF_INIT;
	bool same = !mkt_file_read(file, MKT_CERT_BYTES_MAX, &old, NULL) && old.len == bytes->len &&
		    !memcmp(old.data, bytes->data, old.len);

	mkt_buf_release(&old);
	if (same || app->opt.dry_run)
		return 0;
	return mkt_file_write(file, bytes->data, bytes->len, (struct mkt_file_how){0644, true},
			      &app->err);
}

static int export_one(struct mkt_session *s, uint64_t exec, const char *file)
{
	struct mkt_cert_trust trust = {.chain = &s->facts.chain};
	struct mkt_cert_check how = {.trust = &trust};
	struct mkt_app *app = s->app;
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_cert_facts f;
	struct mkt_val row[C_COLS];
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/v1/certificates/%llu", (unsigned long long)exec);
	rc = mkt_client_get(s->client, path, &bytes, &app->err);
	if (!rc) {
		rc = prove(&bytes, &how, &f, &app->err);
		if (!rc && f.contract.exec != exec)
			rc = mkt_err_set(&app->err, MKT_EINTEGRITY,
					 "the server sent the certificate of another contract");
	}
	if (!rc && !strcmp(file, "-")) {
		mkt_out_raw(&app->out, bytes.data, bytes.len);
	} else if (!rc) {
		fill_row(file, &f, row);
		rc = keep(app, file, &bytes);
		if (!rc)
			rc = mkt_out_receipt(&app->out, &cert_doc, row, &app->err,
					     "certificate of c%llu, %s delivered: %s",
					     (unsigned long long)exec,
					     mkt_fmt_energy(f.settled.delivered_wh).s, file);
	}
	mkt_buf_release(&bytes);
	return rc < 0 ? mkt_err_wrap(&app->err, "cannot export") : rc;
}

static int export_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct mkt_session s;
	char file[40];
	uint64_t exec;
	int rc = mkt_id_parse(app, 'c', argv[0], &exec);

	(void)values;
	if (rc)
		return rc;
	snprintf(file, sizeof(file), "c%llu.cert", (unsigned long long)exec);
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET);
	if (rc)
		return rc;
	rc = export_one(&s, exec, argc > 1 ? argv[1] : file);
	mkt_session_close(&s);
	return rc;
}

/* ---- verify ------------------------------------------------------------------------------- */

struct verify_values {
	const char *chain, *genesis;
	struct mkt_list authorities;
};

static const struct mkt_opt verify_opts[] = {
	MKT_O_TEXT(struct verify_values, chain, "chain", 0, "ID", NULL,
		   "the chain's id, 64 digits, that you know from elsewhere"),
	MKT_O_FILE(struct verify_values, genesis, "genesis", 0, "FILE",
		   "the chain's genesis, instead of its id"),
	MKT_O_LIST(struct verify_values, authorities, "authority", 0, "KEY", NULL,
		   "key of an authority that you trust; may be repeated"),
	MKT_O_END};

/* What the user trusts, and where it is kept. */
struct trust {
	struct mkt_cert_trust t;
	struct mkt_hash chain;
	struct mkt_pubkey keys[KEYS_MAX];
};

static bool read_hash(const char *text, struct mkt_hash *out)
{
	if (strlen(text) != 2 * MKT_HASH_LEN ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * MKT_HASH_LEN)
		return false;
	for (size_t i = 0; i < MKT_HASH_LEN; i++) {
		char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

		out->b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

static int read_genesis(struct mkt_app *app, const char *file, struct mkt_hash *out)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_genesis g;
	int rc = mkt_file_read(file, MKT_BODY_BYTES_MAX, &b, &app->err);

	if (!rc) {
		rc = mkt_genesis_dec(b.data, b.len, &g, &app->err);
		if (rc < 0)
			rc = mkt_app_usage(app, "'%s' is not a genesis", file);
		else
			mkt_genesis_release(&g);
	}
	if (!rc)
		mkt_genesis_id(b.data, b.len, out);
	mkt_buf_release(&b);
	return rc;
}

static int read_trust(struct mkt_app *app, const struct verify_values *v, struct trust *t)
{
	int rc = 0;

	*t = (struct trust){.t.keys = t->keys};
	if (v->chain && v->genesis)
		return mkt_app_usage(app, "--chain and --genesis exclude each other");
	if (v->chain && !read_hash(v->chain, &t->chain))
		return mkt_app_usage(app, "'%s' is not a chain's id: 64 digits", v->chain);
	if (v->genesis)
		rc = read_genesis(app, v->genesis, &t->chain);
	if (v->chain || v->genesis)
		t->t.chain = &t->chain;
	if (v->authorities.n > KEYS_MAX)
		return mkt_app_usage(app, "a chain has at most %d authorities", KEYS_MAX);
	for (size_t i = 0; !rc && i < v->authorities.n; i++)
		if (mkt_pubkey_parse(v->authorities.v[i], &t->keys[i]) < 0)
			rc = mkt_app_usage(app, "'%s' is not a key, as mkt1...",
					   v->authorities.v[i]);
	t->t.nkeys = (unsigned)v->authorities.n;
	if (!rc && !t->t.chain && !t->t.nkeys)
		rc = mkt_app_usage(app,
				   "what do you trust? give --chain, --genesis or --authority");
	return rc;
}

static void say_step(void *ctx, const char *sentence)
{
	struct mkt_app *app = ctx;

	if (app->opt.quiet)
		return;
	mkt_out_say(&app->out, "%s\n", sentence);
	mkt_out_flush(&app->out);
}

static int tell(struct mkt_app *app, const char *file, const struct mkt_cert_facts *f)
{
	struct mkt_val row[C_COLS];
	struct mkt_buf when = MKT_BUF_INIT;
	const char *zone = mkt_app_setting(app, "core.timezone");
	struct mkt_zone z;
	int rc = mkt_zone_load(&z, zone ? zone : f->zone, NULL, &app->err);

	if (rc < 0)
		return rc;
	app->out.zone = &z;
	snprintf(app->out.currency, sizeof(app->out.currency), "%s", f->currency);
	fill_row(file, f, row);
	mkt_out_human(&app->out, MKT_COL_WINDOW, &row[C_WINDOW], &when);
	rc = mkt_out_receipt(&app->out, &cert_doc, row, &app->err,
			     "%s is whole: account %u delivered %s %s to account %u, %s", file,
			     f->contract.seller, mkt_fmt_energy(f->settled.delivered_wh).s, f->tags,
			     f->contract.buyer, mkt_buf_str(&when));
	mkt_buf_release(&when);
	app->out.zone = NULL;
	return rc;
}

static int verify_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_cert_facts f;
	struct trust t;
	struct mkt_cert_check how = {.trust = &t.t, .say = say_step, .ctx = app};
	int rc = read_trust(app, values, &t);

	(void)argc;
	if (!rc)
		rc = mkt_file_read(argv[0], MKT_CERT_BYTES_MAX, &bytes, &app->err);
	if (rc == -MKT_ELIMIT)
		rc = mkt_err_set(&app->err, MKT_EINTEGRITY, "this is not a certificate");
	if (!rc)
		rc = prove(&bytes, &how, &f, &app->err);
	mkt_buf_release(&bytes);
	if (rc == -MKT_EINTEGRITY)
		rc = mkt_err_wrap(&app->err, "'%s'", argv[0]);
	return rc < 0 ? rc : tell(app, argv[0], &f);
}

/* ---- retire ------------------------------------------------------------------------------- */

struct retire_values {
	const char *purpose;
	struct mkt_act_opts act;
};

static const struct mkt_opt retire_opts[] = {
	MKT_O_TEXT(struct retire_values, purpose, "purpose", 0, "TEXT", NULL,
		   "what it is used for; stands in the chain"),
	MKT_O_GROUP(struct retire_values, act, struct mkt_act_opts, mkt_act_options), MKT_O_END};

static void retire_row(struct mkt_act *a, size_t i, const struct mkt_jval *at,
		       struct mkt_act_row *row)
{
	(void)a;
	(void)i;
	row->exec = mkt_count(at, "exec");
	row->energy_wh = mkt_act_number(at, "delivered_wh", -1);
	if (row->energy_wh < 0)
		snprintf(row->line, sizeof(row->line), "the certificate would be retired");
	else
		snprintf(row->line, sizeof(row->line), "certificate of c%llu retired, %s",
			 (unsigned long long)row->exec, mkt_fmt_energy((uint64_t)row->energy_wh).s);
}

/* A number, or a certificate's file: that must be of this chain. */
static int read_what(struct mkt_session *s, const char *text, uint64_t *exec)
{
	struct mkt_cert_trust trust = {.chain = &s->facts.chain};
	struct mkt_cert_check how = {.trust = &trust};
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_cert_facts f;
	int rc;

	if (!strpbrk(text, "./"))
		return mkt_id_parse(s->app, 'c', text, exec);
	rc = mkt_file_read(text, MKT_CERT_BYTES_MAX, &bytes, &s->app->err);
	if (!rc) {
		rc = prove(&bytes, &how, &f, &s->app->err);
		if (rc < 0)
			mkt_err_wrap(&s->app->err, "'%s'", text);
	}
	if (!rc)
		*exec = f.contract.exec;
	mkt_buf_release(&bytes);
	return rc;
}

static int retire_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct retire_values *v = values;
	struct mkt_op op = {.kind = MKT_OP_RETIRE};
	struct mkt_act a;
	int rc;

	(void)argc;
	if (v->purpose &&
	    (strlen(v->purpose) > MKT_TEXT_MAX || !mkt_text_ok(v->purpose, strlen(v->purpose))))
		return mkt_app_usage(app,
				     "the purpose is at most %d letters, without control "
				     "characters",
				     MKT_TEXT_MAX);
	rc = mkt_act_open(&a, app, &v->act);
	if (rc)
		return rc;
	rc = read_what(&a.s, argv[0], &op.u.retire.exec);
	if (!rc) {
		mkt_act_add(&a, &op, NULL, v->purpose);
		rc = mkt_act_send(&a);
		if (rc)
			rc = mkt_err_wrap(&app->err, "cannot retire");
	}
	if (!rc)
		rc = mkt_act_print(&a, retire_row);
	if (!rc)
		rc = mkt_act_end(&a);
	mkt_act_close(&a);
	return rc;
}

static const struct mkt_spec cert_subs[] = {
	{.name = "list",
	 .summary = "certificates of an account, the last settled first",
	 .args = "[ACCOUNT]",
	 .complete = "account",
	 .opts = list_opts,
	 .values_size = sizeof(struct list_values),
	 .run = list_run,
	 .args_max = 1,
	 .flags = MKT_CMD_READS},
	{.name = "export",
	 .summary = "write the certificate of a settled contract",
	 .args = "CONTRACT [FILE]",
	 .complete = "contract file",
	 .run = export_run,
	 .args_min = 1,
	 .args_max = 2,
	 .flags = MKT_CMD_READS},
	{.name = "verify",
	 .summary = "check a certificate on this machine alone",
	 .args = "FILE",
	 .complete = "file",
	 .opts = verify_opts,
	 .values_size = sizeof(struct verify_values),
	 .run = verify_run,
	 .args_min = 1,
	 .args_max = 1,
	 .flags = MKT_CMD_LOCAL},
	{.name = "retire",
	 .summary = "use a certificate up, once",
	 .args = "CONTRACT|FILE",
	 .complete = "contract",
	 .opts = retire_opts,
	 .values_size = sizeof(struct retire_values),
	 .run = retire_run,
	 .args_min = 1,
	 .args_max = 1,
	 .flags = MKT_CMD_SIGNS},
	{.name = NULL}};

const struct mkt_spec cmd_cert = {
	.name = "cert",
	.summary = "certificates of settled contracts",
	.subs = cert_subs,
};
