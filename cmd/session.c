#include "core/base/compat.h"

#include <stdarg.h>

#include "cmd/identity.h"
#include "cmd/session.h"

/* ---- connection --------------------------------------------------------------------------- */

static void trace(void *ctx, const char *what)
{
	mkt_app_trace(ctx, "%s", what);
}

/* The key's own account reads. */
static int sign_reads(void *ctx, struct mkt_reader *out, struct mkt_err *err)
{
	struct mkt_app *app = ctx;
	struct mkt_err kept = app->err;
	struct mkt_pubkey pub;
	int rc = mkt_identity_secret(app, &out->key);

	if (!rc) {
		mkt_seckey_public(&out->key, &pub);
		mkt_pubkey_text(&pub, out->account);
	}
	*err = app->err;
	app->err = kept;
	return rc;
}

void mkt_session_client_conf(struct mkt_app *app, struct mkt_client_conf *conf)
{
	*conf = (struct mkt_client_conf){
		.server = mkt_app_setting(app, "core.server"),
		.timeout_ms = mkt_app_left_ms(app),
		.tls = {.ca = mkt_app_setting(app, "core.tls_ca"),
			.cert = mkt_app_setting(app, "core.tls_cert"),
			.key = mkt_app_setting(app, "core.tls_key"),
			.name = mkt_app_setting(app, "core.tls_name")},
		.agent = "mkt/" MKT_VERSION,
		.stop = mkt_app_stop_flag(),
		.reader = sign_reads,
		.reader_ctx = app,
		.trace = trace,
		.trace_ctx = app,
	};
	/* A deadline that is over is not "no deadline". */
	if (!conf->timeout_ms)
		conf->timeout_ms = 1;
}

static int connect_server(struct mkt_session *s)
{
	struct mkt_client_conf conf;

	mkt_session_client_conf(s->app, &conf);
	return mkt_client_new(&conf, &s->client, &s->app->err);
}

static int not_enrolled(struct mkt_session *s, const char *key)
{
	return mkt_err_set(&s->app->err, MKT_EACCOUNT, "the key %s is not enrolled on chain '%s'",
			   key, s->facts.name);
}

int mkt_session_enrolled(struct mkt_session *s, const char *path, int rc)
{
	/* What /v1/tx does not find is the request. */
	if (rc == -MKT_ENOTFOUND && s->own && strncmp(path, "/v1/tx", 6) && strstr(path, s->who))
		return not_enrolled(s, s->who);
	return rc;
}

int mkt_session_get(struct mkt_session *s, struct mkt_answer *a, const char *fmt, ...)
{
	char *path;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	rc = mkt_session_enrolled(s, path, mkt_api_get(s->client, path, a, &s->app->err));
	free(path);
	if (!rc && a->as_of_ms)
		mkt_out_meta(&s->app->out, a->height, a->as_of_ms, false);
	return rc;
}

/* ---- facts -------------------------------------------------------------------------------- */

static int read_market(struct mkt_session *s)
{
	struct mkt_app *app = s->app;
	const char *zone = mkt_app_setting(app, "core.timezone");
	int rc = mkt_api_market(s->client, &s->facts, &app->err);

	if (rc)
		return rc;
	snprintf(app->out.currency, sizeof(app->out.currency), "%s", s->facts.currency);
	rc = mkt_zone_load(&s->zone, zone ? zone : s->facts.zone, NULL, &app->err);
	if (!rc)
		app->out.zone = &s->zone;
	return rc;
}

struct mkt_when mkt_session_when(const struct mkt_session *s, bool past_ok)
{
	return (struct mkt_when){
		.now_s = s->facts.now_ms / 1000,
		.zone = &s->zone,
		.window_s = s->facts.window_s,
		.gate_s = s->facts.gate_s,
		.past_ok = past_ok,
	};
}

/* ---- who ---------------------------------------------------------------------------------- */

void mkt_account_path(struct mkt_buf *b, const char *text)
{
	mkt_url_escape(b, text[0] == '#' ? text + 1 : text);
}

int mkt_session_account(struct mkt_session *s, const char *text, uint32_t *number)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf path = MKT_BUF_INIT;
	uint64_t n;
	int rc;

	mkt_buf_addstr(&path, "/v1/accounts/");
	mkt_account_path(&path, text);
	rc = mkt_api_get(s->client, mkt_buf_str(&path), &a, &s->app->err);
	if (!rc)
		rc = mkt_jget_u64(&a.data, "account", UINT32_MAX, &n, &s->app->err);
	if (!rc)
		*number = (uint32_t)n;
	mkt_answer_release(&a);
	mkt_buf_release(&path);
	return rc;
}

/* The account to act for, if it is not the key's own; NULL: it is. */
static const char *named_account(const struct mkt_app *app)
{
	const char *named = mkt_app_setting(app, "core.account");

	return named && *named ? named : NULL;
}

/* The account is the one that was named, else the key's own. */
static int find_who(struct mkt_session *s)
{
	const char *named = named_account(s->app);
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_pubkey pub;
	int rc = 0;

	if (named) {
		mkt_account_path(&b, named);
		if (b.len >= sizeof(s->who))
			rc = mkt_err_set(&s->app->err, MKT_EUSAGE, "bad account '%s'", named);
		else
			snprintf(s->who, sizeof(s->who), "%s", mkt_buf_str(&b));
		mkt_buf_release(&b);
		return rc;
	}
	rc = mkt_identity_public(s->app, &pub);
	if (!rc) {
		mkt_pubkey_text(&pub, s->who);
		s->own = true;
	}
	return rc;
}

static int find_signer(struct mkt_session *s)
{
	const char *named = named_account(s->app);
	char text[MKT_PUBKEY_TEXT];
	struct mkt_pubkey pub;
	int rc = mkt_identity_secret(s->app, &s->key);

	if (rc)
		return rc;
	mkt_seckey_public(&s->key, &pub);
	mkt_pubkey_text(&pub, text);
	rc = mkt_session_account(s, text, &s->signer);
	if (rc == -MKT_ENOTFOUND)
		return not_enrolled(s, text);
	s->account = s->signer;
	if (!rc && named)
		rc = mkt_session_account(s, named, &s->account);
	return rc;
}

/* ---- sessions ----------------------------------------------------------------------------- */

int mkt_session_open(struct mkt_session *s, struct mkt_app *app, unsigned need)
{
	int rc;

	*s = (struct mkt_session){.app = app};
	rc = connect_server(s);
	if (!rc && (need & (MKT_NEED_MARKET | MKT_NEED_KEY)))
		rc = read_market(s);
	if (!rc && (need & MKT_NEED_WHO))
		rc = find_who(s);
	if (!rc && (need & MKT_NEED_KEY))
		rc = find_signer(s);
	if (rc)
		mkt_session_close(s);
	return rc;
}

void mkt_session_close(struct mkt_session *s)
{
	/* The output may still be read: it must not keep our zone. */
	s->app->out.zone = NULL;
	mkt_client_free(s->client);
	mkt_facts_release(&s->facts);
	mkt_wipe(&s->key, sizeof(s->key));
	memset(s, 0, sizeof(*s));
}

int mkt_id_parse(struct mkt_app *app, char prefix, const char *text, uint64_t *id)
{
	const char *digits = text + (*text == prefix);
	char *end;

	*id = strtoull(digits, &end, 10);
	if (*digits < '1' || *digits > '9' || *end || *id == UINT64_MAX)
		return mkt_err_set(&app->err, MKT_EUSAGE, "'%s' is not the number of a %s, as %c17",
				   text, prefix == 'b' ? "bid" : "contract", prefix);
	return 0;
}
