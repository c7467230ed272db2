/*
 * mkt admin evidence: proofs that an authority signed what contradicts itself, and whose
 * removal they argue for.
 *
 *	list              what the node has kept (or no word at all)
 *	save ID FILE      take one along
 *	check FILE        prove it again, on this machine
 */
#include "core/base/compat.h"

#include "cmd/admin.h"
#include "cmd/cmd.h"
#include "core/base/file.h"
#include "core/crypto/keyfile.h"
#include "core/quorum/value.h"

static const struct mkt_col evidence_cols[] = {
	{"id", MKT_COL_TEXT, .head = "evidence", .cut = true},
	{"kind", MKT_COL_TEXT, .head = "kind"},
	{"name", MKT_COL_TEXT, .head = "authority"},
	{"key", MKT_COL_TEXT, .head = "key", .wide = true},
	{"height", MKT_COL_UINT, .head = "block"},
	{"epoch", MKT_COL_UINT, .head = "epoch"},
	{.name = NULL}};
enum { E_ID, E_KIND, E_NAME, E_KEY, E_HEIGHT, E_EPOCH, E_COLS };
static const struct mkt_source evidence_source[] = {{"id", 0, NULL},	 {"kind", 0, NULL},
						    {"name", 0, NULL},	 {"key", 0, NULL},
						    {"height", 0, NULL}, {"epoch", 0, NULL}};
static const struct mkt_table list_table = {"evidence", evidence_cols, false};
static const struct mkt_doc list_doc = {"evidence", 1, {&list_table}, false};
static const struct mkt_table one_table = {"evidence", evidence_cols, true};
static const struct mkt_doc check_doc = {"evidence-check", 1, {&one_table}, false};

static int list(struct mkt_session *s)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_out *out = &s->app->out;
	int rc = mkt_session_get(s, &a, "/v1/evidence");

	if (!rc)
		rc = mkt_out_open(out, &list_doc, &s->app->err);
	if (!rc) {
		mkt_out_part(out, &list_table);
		rc = mkt_rows_add(s, &list_table, evidence_source, &a.data);
		mkt_out_close(out);
	}
	mkt_answer_release(&a);
	return rc;
}

static bool is_id(const char *text)
{
	return strlen(text) == 2 * MKT_HASH_LEN &&
	       strspn(text, "0123456789abcdef") == 2 * MKT_HASH_LEN;
}

static int save(struct mkt_session *s, const char *id, const char *file)
{
	struct mkt_app *app = s->app;
	struct mkt_buf bytes = MKT_BUF_INIT;
	char path[32 + 2 * MKT_HASH_LEN];
	int rc;

	if (!is_id(id))
		return mkt_app_usage(app, "'%s' is not the id of evidence: 64 digits", id);
	snprintf(path, sizeof(path), "/v1/evidence/%s", id);
	rc = mkt_client_get(s->client, path, &bytes, &app->err);
	if (!rc && !app->opt.dry_run)
		rc = mkt_file_write(file, bytes.data, bytes.len, (struct mkt_file_how){0644, true},
				    &app->err);
	mkt_buf_release(&bytes);
	return rc;
}

/*
 * What proves itself is looked at without a set, so that evidence against one who has left the
 * set is still evidence.  The rest needs the set of that height: the one in force is tried.
 */
static int prove(struct mkt_session *s, const struct mkt_buf *bytes,
		 const struct mkt_authorities *set, struct mkt_evidence *ev)
{
	struct mkt_err *err = &s->app->err;
	int rc = mkt_evidence_check(bytes->data, bytes->len, &s->facts.chain, set, ev, err);

	if (rc < 0 && mkt_evidence_check(bytes->data, bytes->len, &s->facts.chain, NULL, ev,
					 NULL) >= 0)
		rc = 0;
	return rc;
}

static int check(struct mkt_session *s, const char *file)
{
	struct mkt_app *app = s->app;
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_authorities set;
	struct mkt_evidence ev = {.kind = MKT_EVIDENCE_TWICE};
	char key[MKT_PUBKEY_TEXT];
	const char *name = "";
	int who = -1, rc = mkt_file_read(file, MKT_EVIDENCE_BYTES_MAX, &bytes, &app->err);

	if (!rc)
		rc = mkt_admin_set(s, &set);
	if (!rc) {
		rc = prove(s, &bytes, &set, &ev);
		if (rc < 0)
			mkt_err_wrap(&app->err, "'%s' proves nothing", file);
	}
	mkt_buf_release(&bytes);
	if (rc < 0)
		return rc;
	who = mkt_authorities_find(&set, &ev.key);
	name = who >= 0 ? set.v[who].name : "";
	mkt_pubkey_text(&ev.key, key);
	{
		const struct mkt_val row[E_COLS] = {
			[E_ID] = mkt_v_text(file),
			[E_KIND] = mkt_v_text(ev.kind == MKT_EVIDENCE_TWICE ? "twice" : "against"),
			[E_NAME] = mkt_v_text(name),
			[E_KEY] = mkt_v_text(key),
			[E_HEIGHT] = mkt_v_uint(ev.a.height),
			[E_EPOCH] = mkt_v_uint(ev.a.epoch),
		};

		rc = mkt_out_receipt(&app->out, &check_doc, row, &app->err,
				     ev.kind == MKT_EVIDENCE_TWICE
					     ? "%s%s%s signed two blocks %llu in epoch %llu"
					     : "%s%s%s led with another block %llu in epoch %llu "
					       "than the one that had a quorum",
				     name, *name ? " " : "", key, (unsigned long long)ev.a.height,
				     (unsigned long long)ev.a.epoch);
	}
	if (!rc && who >= 0)
		mkt_app_hint(app, "mkt admin authority propose remove %s FILE", name);
	return rc;
}

int mkt_admin_evidence_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const char *verb = argc ? argv[0] : "list";
	struct mkt_session s;
	int rc;

	(void)values;
	if (!(!strcmp(verb, "list") && argc <= 1) && !(!strcmp(verb, "save") && argc == 3) &&
	    !(!strcmp(verb, "check") && argc == 2))
		return mkt_app_usage(app, "give 'list', 'save ID FILE' or 'check FILE'");
	rc = mkt_session_open(&s, app, MKT_NEED_MARKET);
	if (rc)
		return rc;
	if (*verb == 'l')
		rc = list(&s);
	else
		rc = *verb == 's' ? save(&s, argv[1], argv[2]) : check(&s, argv[1]);
	mkt_session_close(&s);
	return rc;
}
