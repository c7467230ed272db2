/*
 * mkt admin authority: who seals, and changing it.
 *
 *	list                              who is in the set, and who of it is alive
 *	propose add NAME KEY FILE         write a proposal
 *	propose remove NAME FILE
 *	sign FILE --key authority.key     co-sign it, where the key is
 *	add FILE..., remove FILE...       send it, with the signatures of all files
 */
#include "core/base/compat.h"

#include "cmd/admin.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/identity.h"
#include "cmd/proposal.h"

#define V struct mkt_admin_authority_values

const struct mkt_opt mkt_admin_authority_options[] = {
	MKT_O_FILE(V, key, "key", 0, "FILE", "for 'sign': the authority's key file"),
	MKT_O_GROUP(V, act, struct mkt_act_opts, mkt_act_admin_options), MKT_O_END};

/* ---- list --------------------------------------------------------------------------------- */

static const struct mkt_col authority_cols[] = {
	{"number", MKT_COL_UINT, .head = "number"},
	{"name", MKT_COL_TEXT, .head = "name"},
	{"key", MKT_COL_TEXT, .head = "key"},
	{"alive", MKT_COL_BOOL, .head = "alive"},
	{"height", MKT_COL_UINT, .head = "block"},
	{"url", MKT_COL_TEXT, .head = "url", .wide = true},
	{.name = NULL}};
static const struct mkt_source authority_source[] = {{"number", 0, NULL}, {"name", 0, NULL},
						     {"key", 0, NULL},	  {"alive", 0, NULL},
						     {"height", 0, NULL}, {"url", 0, NULL}};
static const struct mkt_table authority_table = {"authority", authority_cols, false};
static const struct mkt_doc authorities_doc = {"authorities", 1, {&authority_table}, false};

static int read_member(const struct mkt_jval *at, struct mkt_authorities *set, struct mkt_err *err)
{
	struct mkt_authority *a = &set->v[set->n];
	const char *key;
	int rc = mkt_jget_text(at, "name", a->name, sizeof(a->name), err);

	if (!rc)
		rc = mkt_jget_str(at, "key", &key, NULL, err);
	if (!rc && mkt_pubkey_parse(key, &a->key))
		rc = mkt_err_set(err, MKT_EINVAL, "'%s' is no key", key);
	if (!rc)
		set->n++;
	return rc;
}

/* The set in force, as the server tells it in @node of its status. */
static int read_set(const struct mkt_jval *node, struct mkt_authorities *set, struct mkt_err *err)
{
	struct mkt_jiter it = {0};
	struct mkt_jval members, at;
	const char *rule = "";
	uint64_t generation = 0;
	int rc = mkt_jget_arr(node, "members", &members, err);

	memset(set, 0, sizeof(*set));
	if (!rc)
		rc = mkt_jget_u64(node, "generation", UINT32_MAX, &generation, err);
	if (!rc)
		rc = mkt_jget_u64(node, "since", UINT64_MAX, &set->since, err);
	if (!rc)
		rc = mkt_jget_str(node, "quorum", &rule, NULL, err);
	if (!rc && (!mkt_jval_count(&members) || mkt_jval_count(&members) > MKT_AUTHORITIES_MAX))
		rc = mkt_err_set(err, MKT_EINVAL, "the server tells of no set of authorities");
	while (!rc && mkt_jval_next(&members, &it, &at))
		rc = read_member(&at, set, err);
	if (rc < 0)
		return mkt_api_foreign(err);
	set->generation = (uint32_t)generation;
	set->quorum = strcmp(rule, "bft") ? MKT_QUORUM_MAJORITY : MKT_QUORUM_BFT;
	return 0;
}

/* Status into @a, its node and the set in it. */
static int get_set(struct mkt_session *s, struct mkt_answer *a, struct mkt_jval *node,
		   struct mkt_authorities *set)
{
	int rc = mkt_session_get(s, a, "/v1/status");

	if (!rc)
		rc = mkt_jget_obj(&a->data, "node", node, &s->app->err);
	return rc ? rc : read_set(node, set, &s->app->err);
}

int mkt_admin_set(struct mkt_session *s, struct mkt_authorities *set)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_jval node;
	int rc = get_set(s, &a, &node, set);

	mkt_answer_release(&a);
	return rc;
}

static int list(struct mkt_session *s, const struct mkt_jval *node,
		const struct mkt_authorities *set)
{
	struct mkt_out *out = &s->app->out;
	struct mkt_jval members;
	int rc = mkt_out_open(out, &authorities_doc, &s->app->err);

	if (rc)
		return rc;
	mkt_out_part(out, &authority_table);
	rc = mkt_jget_arr(node, "members", &members, &s->app->err);
	if (!rc)
		rc = mkt_rows_add(s, &authority_table, authority_source, &members);
	mkt_out_close(out);
	mkt_out_say(out, "set %u since block %llu; %u of %u must sign a block\n", set->generation,
		    (unsigned long long)set->since, mkt_authorities_quorum(set), set->n);
	return rc;
}

static int list_run(struct mkt_app *app, int argc)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_authorities set;
	struct mkt_jval node;
	struct mkt_session s;
	int rc = argc ? mkt_app_usage(app, "'list' takes no argument") :
			mkt_session_open(&s, app, MKT_NEED_MARKET);

	if (rc)
		return rc;
	rc = get_set(&s, &a, &node, &set);
	if (!rc)
		rc = list(&s, &node, &set);
	mkt_answer_release(&a);
	mkt_session_close(&s);
	return rc;
}

/* ---- proposals ---------------------------------------------------------------------------- */

enum { P_FILE, P_WHAT, P_NAME, P_KEY, P_GENERATION, P_CHAIN, P_SIGNED, P_NEEDED, P_COLS };

static const struct mkt_col proposal_cols[] = {
	[P_FILE] = {.name = "file", .kind = MKT_COL_TEXT},
	[P_WHAT] = {.name = "what", .kind = MKT_COL_TEXT},
	[P_NAME] = {.name = "name", .kind = MKT_COL_TEXT},
	[P_KEY] = {.name = "key", .kind = MKT_COL_TEXT},
	[P_GENERATION] = {.name = "generation", .kind = MKT_COL_UINT},
	[P_CHAIN] = {.name = "chain", .kind = MKT_COL_ID},
	[P_SIGNED] = {.name = "signed", .kind = MKT_COL_UINT},
	[P_NEEDED] = {.name = "needed", .kind = MKT_COL_UINT},
	{.name = NULL}};
static const struct mkt_table proposal_table = {"proposal", proposal_cols, true};
static const struct mkt_doc proposal_doc = {"proposal", 1, {&proposal_table}, false};

/* @set NULL: not asked for. */
static int tell(struct mkt_app *app, const char *file, const struct mkt_proposal *p,
		const struct mkt_authorities *set)
{
	char key[MKT_PUBKEY_TEXT], needed[32] = "";
	struct mkt_val row[P_COLS] = {
		[P_FILE] = mkt_v_text(file),
		[P_WHAT] = mkt_v_text(mkt_proposal_word(p)),
		[P_NAME] = mkt_v_text(p->change.who.name),
		[P_GENERATION] = mkt_v_uint(p->change.generation),
		[P_CHAIN] = mkt_v_bytes(p->chain.b, sizeof(p->chain.b)),
		[P_SIGNED] = mkt_v_uint(p->n),
	};

	mkt_pubkey_text(&p->change.who.key, key);
	row[P_KEY] = mkt_v_text(key);
	if (set) {
		row[P_NEEDED] = mkt_v_uint(mkt_authorities_quorum(set));
		snprintf(needed, sizeof(needed), " of %u needed", mkt_authorities_quorum(set));
	}
	return mkt_out_receipt(&app->out, &proposal_doc, row, &app->err,
			       "%s authority '%s' %s: %u signature%s%s, in %s",
			       mkt_proposal_word(p), p->change.who.name, key, p->n,
			       p->n == 1 ? "" : "s", needed, file);
}

/* What the words after 'propose' ask for; the key of whom to remove is in @set. */
static int read_words(struct mkt_app *app, const struct mkt_authorities *set, char **argv,
		      struct mkt_proposal *p)
{
	struct mkt_authority *who = &p->change.who;
	bool adding = !strcmp(argv[0], "add");
	int at;

	p->change.what = adding ? MKT_AUTHORITY_ADD : MKT_AUTHORITY_REMOVE;
	p->change.generation = set->generation;
	if (!mkt_name_ok(argv[1]))
		return mkt_app_usage(app, "name '%s' is not well formed", argv[1]);
	snprintf(who->name, sizeof(who->name), "%s", argv[1]);
	at = mkt_authorities_named(set, who->name);
	if (adding) {
		if (mkt_pubkey_parse(argv[2], &who->key))
			return mkt_app_usage(app, "'%s' is no key (mkt1...)", argv[2]);
		if (at >= 0 || mkt_authorities_find(set, &who->key) >= 0)
			return mkt_err_set(&app->err, MKT_EAUTHORITY,
					   "an authority has this %s already",
					   at >= 0 ? "name" : "key");
		return 0;
	}
	if (at < 0)
		return mkt_err_set(&app->err, MKT_EAUTHORITY, "there is no authority '%s'",
				   who->name);
	who->key = set->v[at].key;
	return 0;
}

static int propose_run(struct mkt_app *app, int argc, char **argv)
{
	bool adding = argc && !strcmp(argv[0], "add");
	bool removing = argc && !strcmp(argv[0], "remove");
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_authorities set;
	struct mkt_proposal p = {.n = 0};
	struct mkt_jval node;
	struct mkt_session s;
	int rc;

	if (!(adding && argc == 4) && !(removing && argc == 3))
		return mkt_app_usage(app,
				     "propose 'add NAME KEY FILE' or 'remove NAME FILE'");
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET);
	if (rc)
		return rc;
	p.chain = s.facts.chain;
	rc = get_set(&s, &a, &node, &set);
	if (!rc)
		rc = read_words(app, &set, argv, &p);
	if (!rc && !app->opt.dry_run)
		rc = mkt_proposal_write(argv[argc - 1], &p, true, &app->err);
	if (!rc)
		rc = tell(app, argv[argc - 1], &p, &set);
	mkt_answer_release(&a);
	mkt_session_close(&s);
	return rc;
}

static int sign_run(struct mkt_app *app, const V *v, int argc, char **argv)
{
	struct mkt_proposal p;
	struct mkt_seckey key;
	int rc;

	if (argc != 1 || !v->key)
		return mkt_app_usage(app, "give one file, and the authority's key with --key");
	rc = mkt_proposal_read(argv[0], &p, &app->err);
	if (!rc && !app->opt.dry_run)
		rc = mkt_app_confirm(app, "%s authority '%s'? who signs cannot take it back",
				     mkt_proposal_word(&p), p.change.who.name);
	if (!rc)
		rc = mkt_identity_open(app, v->key, &key);
	if (rc)
		return rc;
	rc = mkt_proposal_sign(&p, &key, &app->err);
	mkt_wipe(&key, sizeof(key));
	if (!rc && !app->opt.dry_run)
		rc = mkt_proposal_write(argv[0], &p, false, &app->err);
	return rc ? rc : tell(app, argv[0], &p, NULL);
}

/* ---- sending ------------------------------------------------------------------------------ */

static int read_files(struct mkt_app *app, const char *verb, int argc, char **argv,
		      struct mkt_proposal *p)
{
	struct mkt_proposal more;
	int rc = mkt_proposal_read(argv[0], p, &app->err);

	for (int i = 1; !rc && i < argc; i++) {
		rc = mkt_proposal_read(argv[i], &more, &app->err);
		if (!rc)
			rc = mkt_proposal_merge(p, &more, &app->err);
	}
	if (!rc && strcmp(verb, mkt_proposal_word(p)) != 0)
		rc = mkt_app_usage(app, "'%s' proposes to %s '%s'", argv[0], mkt_proposal_word(p),
				   p->change.who.name);
	return rc;
}

static int send(struct mkt_act *a, const struct mkt_proposal *p, const struct mkt_authorities *set)
{
	uint8_t cosigns[MKT_AUTHORITIES_MAX * MKT_COSIGN_LEN];
	struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
	struct mkt_app *app = a->s.app;
	bool adding = p->change.what == MKT_AUTHORITY_ADD;

	op.u.authority.change = p->change;
	op.u.authority.nsigs = (uint8_t)mkt_proposal_cosigns(p, set, cosigns);
	if (op.u.authority.nsigs < mkt_authorities_quorum(set)) {
		mkt_err_set(&app->err, MKT_EAUTHORITY,
			    "%u of %u authorities have signed, %u must", op.u.authority.nsigs,
			    set->n, mkt_authorities_quorum(set));
		mkt_err_hint(&app->err,
			     "mkt admin authority sign FILE --key FILE, at each of them");
		return -MKT_EAUTHORITY;
	}
	mkt_act_note(a, "authority %s %s %u", mkt_proposal_word(p), p->change.who.name,
		     p->change.generation);
	mkt_act_add(a, &op, NULL, (const char *)cosigns);
	snprintf(a->line, sizeof(a->line), "'%s' is %s authority", p->change.who.name,
		 adding ? "an" : "no longer an");
	return mkt_act_do(a, "change the authorities");
}

static int send_run(struct mkt_app *app, const V *v, const char *verb, int argc, char **argv)
{
	struct mkt_answer answer = MKT_ANSWER_INIT;
	struct mkt_authorities set;
	struct mkt_proposal p = {.change = {.what = 0}};
	struct mkt_jval node;
	struct mkt_act a;
	int rc = argc ? read_files(app, verb, argc, argv, &p) :
			mkt_app_usage(app, "give the file of the proposal");

	if (!rc)
		rc = mkt_admin_open(&a, app, &v->act);
	if (rc)
		return rc;
	if (!mkt_hash_eq(&p.chain, &a.s.facts.chain))
		rc = mkt_err_set(&app->err, MKT_ECHAIN, "'%s' is for another chain", argv[0]);
	if (!rc)
		rc = get_set(&a.s, &answer, &node, &set);
	if (!rc && !app->opt.dry_run)
		rc = mkt_app_confirm(app, "%s authority '%s' of chain '%s'?", verb,
				     p.change.who.name, a.s.facts.name);
	if (!rc)
		rc = send(&a, &p, &set);
	mkt_answer_release(&answer);
	mkt_act_close(&a);
	return rc;
}

int mkt_admin_authority_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const char *verb = argv[0];

	argc--;
	argv++;
	if (!strcmp(verb, "list"))
		return list_run(app, argc);
	if (!strcmp(verb, "propose"))
		return propose_run(app, argc, argv);
	if (!strcmp(verb, "sign"))
		return sign_run(app, values, argc, argv);
	if (!strcmp(verb, "add") || !strcmp(verb, "remove"))
		return send_run(app, values, verb, argc, argv);
	return mkt_app_usage(app, "'%s' is not list, propose, sign, add or remove", verb);
}
