/* POST and GET /v1/telemetry: the latest signed state of each charger. */
#include "core/base/compat.h"

#include "core/codec/base64.h"
#include "core/units/civil.h"
#include "ledgerd/api.h"
#include "ledgerd/reader.h"
#include "ledgerd/telemetry.h"

#define STATES_MAX 256u		/* of one request: 20 ms of signatures */
#define SKEW_MS 300000u		/* how far a state's time may be from the chain's */
#define CURSOR_MAX (12 + MKT_CHARGER_MAX)

/* ---- who may say it ------------------------------------------------------------------------- */

struct right {
	uint32_t to;
	uint64_t now_s;
	bool found;
};

static bool each_grant(void *ctx, const struct mkt_grant *g)
{
	const uint32_t reports = 1u << MKT_OP_REPORT | 1u << MKT_OP_METER;
	struct right *r = ctx;

	if (g->to == r->to)
		r->found = g->meter || ((g->rights & reports) &&
					(!g->until_s || g->until_s >= r->now_s));
	return g->to < r->to; /* receivers ascend */
}

static bool has_charger(const struct mkt_account *acc, const char *charger)
{
	for (unsigned i = 0; i < acc->nchargers; i++)
		if (!strcmp(acc->chargers[i], charger))
			return true;
	return false;
}

/* What the chain's other pages could show. */
static int check_window(const struct ld_node *n, const struct mkt_telemetry *t, struct mkt_err *err)
{
	if (((uint64_t)t->window + 1) * n->g->window_s <= MKT_TIME_MAX_S)
		return 0;
	return mkt_err_set(err, MKT_EWINDOW, "window %u is past the year 9999", t->window);
}

/* With the state's lock.  The signer's key goes to *@key. */
static int check_state(const struct mkt_state *s, const struct mkt_telemetry *t,
		       struct mkt_pubkey *key, struct mkt_err *err)
{
	struct right right = {.to = t->signer, .now_s = mkt_state_time_ms(s) / 1000};
	struct mkt_account acc, signer;

	if (!mkt_state_account(s, t->account, &acc))
		return mkt_err_set(err, MKT_EACCOUNT, "account %u is not enrolled", t->account);
	if (!mkt_state_account(s, t->signer, &signer))
		return mkt_err_set(err, MKT_EACCOUNT, "account %u is not enrolled", t->signer);
	if (signer.suspended)
		return mkt_err_set(err, MKT_ESUSPENDED, "account '%s' is suspended", signer.name);
	if (t->signer != t->account) {
		mkt_state_grants(s, t->account, each_grant, &right);
		if (!right.found)
			return mkt_err_set(err, MKT_EDELEGATION,
					   "account '%s' has not delegated 'report' to '%s'",
					   acc.name, signer.name);
	}
	if (!has_charger(&acc, t->charger))
		return mkt_err_set(err, MKT_ECHARGER,
				   "the charger '%s' is not enrolled for account '%s'", t->charger,
				   acc.name);
	*key = signer.key;
	return 0;
}

/* An operator's clock moves by windows, and a state may be from before the last move. */
static int check_time(struct ld_node *n, uint64_t time_ms, struct mkt_err *err)
{
	uint64_t now_ms = ld_node_now_ms(n), skew_ms = SKEW_MS;

	if (ld_node_operator_clock(n) && skew_ms < (uint64_t)n->g->window_s * 1000)
		skew_ms = (uint64_t)n->g->window_s * 1000;
	if (time_ms > now_ms && time_ms - now_ms > skew_ms)
		return mkt_err_set(err, MKT_EVALIDITY,
				   "the state's time is %llu s ahead of the chain's clock",
				   (unsigned long long)((time_ms - now_ms) / 1000));
	if (now_ms > time_ms && now_ms - time_ms > skew_ms)
		return mkt_err_set(err, MKT_EEXPIRED,
				   "the state's time is %llu s behind the chain's clock",
				   (unsigned long long)((now_ms - time_ms) / 1000));
	return 0;
}

static int take(struct ld_node *n, const void *p, size_t len, struct mkt_telemetry *t,
		struct mkt_err *err)
{
	struct ld_state s = {.heard_ms = ld_mono_ms()};
	struct mkt_pubkey key;
	int res = mkt_telemetry_dec(p, len, &n->chain_id, t, err);

	if (res < 0)
		return res;
	ld_node_read(n);
	res = check_state(n->state, t, &key, err);
	ld_node_unread(n);
	if (!res && !mkt_telemetry_sig_ok(p, len, &key))
		res = mkt_err_code(err, MKT_ESIGNATURE);
	if (!res)
		res = check_window(n, t, err);
	if (!res)
		res = check_time(n, t->time_ms, err);
	if (res < 0)
		return res;
	s.account = t->account;
	s.time_ms = t->time_ms;
	s.len = (uint16_t)len;
	memcpy(s.charger, t->charger, sizeof(s.charger));
	memcpy(s.bytes, p, len);
	return ld_telemetry_put(n->telemetry, &s, err);
}

/* ---- the body: (u32 length, state) to its end ----------------------------------------------- */

/* 1 and the next state, 0 at the end. */
static int next_state(struct mkt_dec *in, const uint8_t **p, uint32_t *len, struct mkt_err *err)
{
	if (in->at == in->end)
		return 0;
	*len = mkt_dec_u32(in);
	*p = mkt_dec_bytes(in, *len);
	if (*p)
		return 1;
	return mkt_err_set(err, MKT_EINVAL, "the body ends within a state");
}

static int check_frames(const struct mkt_buf *body, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(body->data, body->len);
	const uint8_t *p;
	uint32_t len, n = 0;
	int res;

	while ((res = next_state(&in, &p, &len, err)) > 0)
		if (++n > STATES_MAX)
			return mkt_err_set(err, MKT_ELIMIT, "one request takes at most %u states",
					   STATES_MAX);
	if (!res && !n)
		return mkt_err_set(err, MKT_EUSAGE, "the body holds no state");
	return res;
}

static void put_receipt(struct ld_node *n, struct mkt_jw *w, const uint8_t *p, uint32_t len)
{
	struct mkt_telemetry t;
	struct mkt_err err = {0};
	int res = take(n, p, len, &t, &err);

	mkt_jw_obj(w);
	mkt_jw_ku64(w, "account", t.account);
	mkt_jw_kstr(w, "charger", t.charger);
	mkt_jw_kstr(w, "status", res < 0 ? "refused" : "held");
	mkt_jw_kstr(w, "code", mkt_code_word(err.code));
	if (res < 0) {
		mkt_jw_kstr(w, "message", err.text);
		mkt_jw_kstr(w, "hint", err.hint);
	}
	mkt_jw_obj_end(w);
}

int ld_post_telemetry(struct ld_req *r, struct mkt_err *err)
{
	struct mkt_buf body = MKT_BUF_INIT;
	const uint8_t *p;
	struct mkt_dec in;
	struct mkt_jw w;
	uint32_t len;
	int res = ld_params_done(r, err);

	if (!res)
		res = ld_body_frames(r, "states", &body, err);
	if (!res)
		res = check_frames(&body, err);
	if (!res) {
		in = mkt_dec_init(body.data, body.len);
		ld_begin(r, &w, "mkt.telemetry-receipts/1");
		mkt_jw_arr(&w);
		while (next_state(&in, &p, &len, err) > 0)
			put_receipt(r->node, &w, p, len);
		mkt_jw_arr_end(&w);
		res = ld_end(r, &w, NULL, err);
	}
	mkt_buf_release(&body);
	return res;
}

/* ---- the list ------------------------------------------------------------------------------- */

static void put_number(struct mkt_jw *w, const char *key, bool told, int64_t v)
{
	if (told)
		mkt_jw_ki64(w, key, v);
	else
		mkt_jw_knull(w, key);
}

static void put_contract(struct mkt_jw *w, const struct ld_node *n, const struct mkt_telemetry *t)
{
	mkt_jw_key(w, "contract");
	if (!(t->fields & MKT_TM_CONTRACT)) {
		mkt_jw_null(w);
		return;
	}
	mkt_jw_obj(w);
	ld_json_window(w, n, t->window);
	mkt_jw_kstr(w, "side", t->side == MKT_SUPPLY ? "supply" : "draw");
	mkt_jw_ku64(w, "contracted_wh", t->contracted_wh);
	mkt_jw_ku64(w, "moved_wh", t->moved_wh);
	mkt_jw_obj_end(w);
}

static void put_signed(struct mkt_jw *w, const struct ld_state *s)
{
	struct mkt_buf text = MKT_BUF_INIT;

	mkt_base64_put(&text, s->bytes, s->len);
	mkt_jw_kstr(w, "signed", mkt_buf_str(&text));
	mkt_buf_release(&text);
}

static void put_state(struct mkt_jw *w, struct ld_node *n, const struct ld_state *s)
{
	struct mkt_telemetry t;

	if (mkt_telemetry_dec(s->bytes, s->len, NULL, &t, NULL) < 0)
		return; /* it was decoded when it came */
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "account", t.account);
	ld_node_read(n);
	ld_json_name(w, n, "account_name", t.account);
	ld_json_name(w, n, "signer_name", t.signer);
	ld_node_unread(n);
	mkt_jw_ku64(w, "signer", t.signer);
	mkt_jw_kstr(w, "charger", t.charger);
	mkt_jw_kstr(w, "kind", t.kind);
	mkt_jw_kstr(w, "state", t.state);
	mkt_jw_kstr(w, "vehicle", t.vehicle);
	ld_json_time_ms(w, "time", t.time_ms);
	mkt_jw_ku64(w, "age_ms", ld_mono_ms() - s->heard_ms);
	put_number(w, "power_w", t.fields & MKT_TM_POWER, t.power_w);
	put_number(w, "limit_ma", t.fields & MKT_TM_LIMIT_MA, t.limit_ma);
	put_number(w, "limit_w", t.fields & MKT_TM_LIMIT_W, t.limit_w);
	put_number(w, "import_wh", t.fields & MKT_TM_IMPORT, (int64_t)t.import_wh);
	put_number(w, "export_wh", t.fields & MKT_TM_EXPORT, (int64_t)t.export_wh);
	put_number(w, "soc_permille", t.fields & MKT_TM_SOC, t.soc);
	put_contract(w, n, &t);
	mkt_jw_kstr(w, "reason", t.reason);
	put_signed(w, s);
	mkt_jw_obj_end(w);
}

/* A cursor is ACCOUNT:CHARGER. */
static int param_after(struct ld_req *r, uint32_t *account, char charger[MKT_CHARGER_MAX + 1],
		       struct mkt_err *err)
{
	const char *text = ld_param(r, "after");
	const char *colon = text ? strchr(text, ':') : NULL;
	char number[12];
	uint64_t v;

	if (!text)
		return 0;
	if (!colon || (size_t)(colon - text) >= sizeof(number) ||
	    strlen(colon + 1) > MKT_CHARGER_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "'after' is '%s', which is no cursor", text);
	memcpy(number, text, (size_t)(colon - text));
	number[colon - text] = 0;
	if (!ld_parse_u64(number, UINT32_MAX, &v))
		return mkt_err_set(err, MKT_EUSAGE, "'after' is '%s', which is no cursor", text);
	*account = (uint32_t)v;
	snprintf(charger, MKT_CHARGER_MAX + 1, "%s", colon + 1);
	return 1;
}

struct want {
	uint32_t account; /* with @one */
	bool one;
	uint32_t limit;
	struct ld_state at; /* after its account and charger */
};

static int params(struct ld_req *r, struct want *want, struct mkt_err *err)
{
	uint32_t number = 0;
	int res = ld_param_account(r, &want->account, err);

	want->one = res == 1;
	if (res >= 0) {
		int may = ld_reader_may(r, want->one ? want->account : LD_EVERYBODY, err);

		res = may < 0 ? may : res;
	}
	want->at.account = want->one ? want->account : 0;
	if (res >= 0)
		res = param_after(r, &number, want->at.charger, err);
	if (res == 1 && (!want->one || number == want->account))
		want->at.account = number;
	else if (res == 1)
		res = mkt_err_set(err, MKT_EUSAGE, "'after' is of another account");
	if (res >= 0)
		res = ld_param_limit(r, &want->limit, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	return res < 0 ? res : 0;
}

static bool next_wanted(struct ld_node *n, struct want *want)
{
	struct ld_state next;

	if (!ld_telemetry_after(n->telemetry, want->at.account, want->at.charger, &next) ||
	    (want->one && next.account != want->account))
		return false;
	want->at = next;
	return true;
}

int ld_get_telemetry(struct ld_req *r, struct mkt_err *err)
{
	struct want want = {0};
	char cursor[CURSOR_MAX + 1];
	struct mkt_jw w;
	bool more = true;
	int res = ld_private(r, err);

	if (res >= 0)
		res = params(r, &want, err);
	if (res < 0)
		return res;
	ld_begin(r, &w, "mkt.telemetry/1");
	mkt_jw_arr(&w);
	while (r->rows < want.limit && (more = next_wanted(r->node, &want))) {
		put_state(&w, r->node, &want.at);
		r->rows++;
	}
	mkt_jw_arr_end(&w);
	snprintf(cursor, sizeof(cursor), "%u:%s", want.at.account, want.at.charger);
	return ld_end(r, &w, more && next_wanted(r->node, &want) ? cursor : NULL, err);
}
