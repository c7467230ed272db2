#include "core/base/compat.h"

#include "core/codec/base64.h"
#include "core/codec/enc.h"
#include "core/wire/telemetry.h"

#define PURPOSE_LEN 16
#define CHAIN_LEN 8
#define SOC_MAX 1000

static const char purpose[PURPOSE_LEN] = "mkt:sign-ts:v1:";

/* ---- decoding ------------------------------------------------------------------------------- */

static bool word_ok(const char *s)
{
	for (; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') &&
		    !(*s >= '0' && *s <= '9') && *s != '-')
			return false;
	return true;
}

static int noncanonical(struct mkt_err *err, const char *what, const char *fault)
{
	return mkt_err_set(err, MKT_ENONCANONICAL, "the %s of the state %s", what, fault);
}

/* A text of at most @max bytes into @out of @max + 1. */
static int text_dec(struct mkt_dec *in, char *out, size_t max, const char *what,
		    struct mkt_err *err)
{
	uint8_t n = mkt_dec_u8(in);
	const uint8_t *p = mkt_dec_bytes(in, n);

	if (!p)
		return mkt_err_set(err, MKT_ETRUNCATED, "the state ends within its %s", what);
	if (n > max)
		return noncanonical(err, what, "is too long");
	if (!mkt_text_ok((const char *)p, n))
		return noncanonical(err, what, "is not printable UTF-8");
	memset(out, 0, max + 1);
	memcpy(out, p, n);
	return 0;
}

static int word_dec(struct mkt_dec *in, char out[MKT_TELEMETRY_WORD_MAX + 1], const char *what,
		    struct mkt_err *err)
{
	int rc = text_dec(in, out, MKT_TELEMETRY_WORD_MAX, what, err);

	if (!rc && !word_ok(out))
		return noncanonical(err, what, "is no word");
	return rc;
}

static int names_dec(struct mkt_dec *in, struct mkt_telemetry *t, struct mkt_err *err)
{
	int rc = text_dec(in, t->charger, MKT_CHARGER_MAX, "charger", err);

	if (!rc)
		rc = word_dec(in, t->kind, "kind", err);
	if (!rc)
		rc = word_dec(in, t->state, "device state", err);
	if (!rc)
		rc = word_dec(in, t->vehicle, "vehicle", err);
	if (rc)
		return rc;
	if (!t->charger[0])
		return noncanonical(err, "charger", "is empty");
	if (!t->kind[0])
		return noncanonical(err, "kind", "is empty");
	return t->state[0] ? 0 : noncanonical(err, "device state", "is empty");
}

static int contract_dec(struct mkt_dec *in, struct mkt_telemetry *t, struct mkt_err *err)
{
	t->window = mkt_dec_u32(in);
	t->side = mkt_dec_u8(in);
	t->contracted_wh = mkt_dec_u32(in);
	t->moved_wh = mkt_dec_u32(in);
	if (!in->bad && t->side != 1 && t->side != 2)
		return noncanonical(err, "contract", "is neither of supply nor of draw");
	return 0;
}

static int fields_dec(struct mkt_dec *in, struct mkt_telemetry *t, struct mkt_err *err)
{
	int rc = 0;

	t->fields = mkt_dec_u8(in);
	if (t->fields & ~MKT_TM_ALL)
		return mkt_err_set(err, MKT_ENONCANONICAL, "the state has unknown fields");
	t->power_w = t->fields & MKT_TM_POWER ? mkt_dec_i32(in) : 0;
	t->limit_ma = t->fields & MKT_TM_LIMIT_MA ? mkt_dec_u32(in) : 0;
	t->limit_w = t->fields & MKT_TM_LIMIT_W ? mkt_dec_i32(in) : 0;
	t->import_wh = t->fields & MKT_TM_IMPORT ? mkt_dec_u64(in) : 0;
	t->export_wh = t->fields & MKT_TM_EXPORT ? mkt_dec_u64(in) : 0;
	t->soc = t->fields & MKT_TM_SOC ? mkt_dec_u16(in) : 0;
	if (t->fields & MKT_TM_CONTRACT)
		rc = contract_dec(in, t, err);
	if (!rc && in->bad)
		return mkt_err_set(err, MKT_ETRUNCATED, "the state ends within its fields");
	if (!rc && (t->import_wh > MKT_TELEMETRY_WH_MAX || t->export_wh > MKT_TELEMETRY_WH_MAX))
		return noncanonical(err, "counter", "is past 2^53 - 1 Wh");
	if (!rc && t->soc > SOC_MAX)
		return noncanonical(err, "charge", "is above 1000 permille");
	return rc;
}

static int head_dec(struct mkt_dec *in, const struct mkt_hash *chain, struct mkt_telemetry *t,
		    struct mkt_err *err)
{
	uint8_t version = mkt_dec_u8(in);
	const uint8_t *id = mkt_dec_bytes(in, CHAIN_LEN);

	t->account = mkt_dec_u32(in);
	t->signer = mkt_dec_u32(in);
	t->time_ms = mkt_dec_u64(in);
	if (in->bad)
		return mkt_err_set(err, MKT_ETRUNCATED, "the state ends within its head");
	if (version != MKT_TELEMETRY_VERSION)
		return mkt_err_set(err, MKT_EVERSION, "the state is of version %u, not %u", version,
				   MKT_TELEMETRY_VERSION);
	if (chain && memcmp(id, chain->b, CHAIN_LEN) != 0)
		return mkt_err_set(err, MKT_ECHAIN, "the state is of another chain");
	memcpy(t->chain.b, id, CHAIN_LEN);
	return 0;
}

int mkt_telemetry_dec(const void *p, size_t n, const struct mkt_hash *chain,
		      struct mkt_telemetry *out, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	int rc;

	memset(out, 0, sizeof(*out));
	rc = head_dec(&in, chain, out, err);
	if (!rc)
		rc = names_dec(&in, out, err);
	if (!rc)
		rc = fields_dec(&in, out, err);
	if (!rc)
		rc = text_dec(&in, out->reason, MKT_TEXT_MAX, "reason", err);
	if (rc)
		return rc;
	if (!mkt_dec_bytes(&in, MKT_SIG_LEN))
		return mkt_err_set(err, MKT_ETRUNCATED, "the state ends within its signature");
	if (in.at != in.end)
		return mkt_err_set(err, MKT_EOVERLONG, "the state has bytes after its end");
	return 0;
}

/* ---- encoding and signatures ---------------------------------------------------------------- */

static void put_text(struct mkt_buf *b, const char *s)
{
	mkt_enc_text(b, s, strlen(s));
}

static void put_fields(struct mkt_buf *b, const struct mkt_telemetry *t)
{
	mkt_enc_u8(b, t->fields);
	if (t->fields & MKT_TM_POWER)
		mkt_enc_i32(b, t->power_w);
	if (t->fields & MKT_TM_LIMIT_MA)
		mkt_enc_u32(b, t->limit_ma);
	if (t->fields & MKT_TM_LIMIT_W)
		mkt_enc_i32(b, t->limit_w);
	if (t->fields & MKT_TM_IMPORT)
		mkt_enc_u64(b, t->import_wh);
	if (t->fields & MKT_TM_EXPORT)
		mkt_enc_u64(b, t->export_wh);
	if (t->fields & MKT_TM_SOC)
		mkt_enc_u16(b, t->soc);
	if (!(t->fields & MKT_TM_CONTRACT))
		return;
	mkt_enc_u32(b, t->window);
	mkt_enc_u8(b, t->side);
	mkt_enc_u32(b, t->contracted_wh);
	mkt_enc_u32(b, t->moved_wh);
}

int mkt_telemetry_enc(const struct mkt_telemetry *t, const struct mkt_seckey *key,
		      struct mkt_buf *out, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_telemetry back;
	struct mkt_sig sig;
	int rc;

	mkt_enc_bytes(&b, purpose, sizeof(purpose));
	mkt_enc_u8(&b, MKT_TELEMETRY_VERSION);
	mkt_enc_bytes(&b, t->chain.b, CHAIN_LEN);
	mkt_enc_u32(&b, t->account);
	mkt_enc_u32(&b, t->signer);
	mkt_enc_u64(&b, t->time_ms);
	put_text(&b, t->charger);
	put_text(&b, t->kind);
	put_text(&b, t->state);
	put_text(&b, t->vehicle);
	put_fields(&b, t);
	put_text(&b, t->reason);
	if (b.bad) {
		mkt_buf_release(&b);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	mkt_sign(&sig, key, b.data, b.len);
	mkt_enc_bytes(&b, sig.b, sizeof(sig.b));
	rc = mkt_telemetry_dec(b.data + PURPOSE_LEN, b.len - PURPOSE_LEN, NULL, &back, err);
	if (!rc)
		mkt_buf_add(out, b.data + PURPOSE_LEN, b.len - PURPOSE_LEN);
	else if (err)
		err->code = MKT_EINVAL;
	if (!rc && (b.bad || out->bad))
		rc = mkt_err_code(err, MKT_ENOMEM);
	else if (rc)
		rc = -MKT_EINVAL;
	mkt_buf_release(&b);
	return rc;
}

bool mkt_telemetry_sig_ok(const void *p, size_t n, const struct mkt_pubkey *key)
{
	uint8_t m[PURPOSE_LEN + MKT_TELEMETRY_BYTES_MAX];
	struct mkt_sig sig;

	if (n < MKT_SIG_LEN || n > MKT_TELEMETRY_BYTES_MAX)
		return false;
	n -= MKT_SIG_LEN;
	memcpy(m, purpose, PURPOSE_LEN);
	memcpy(m + PURPOSE_LEN, p, n);
	memcpy(sig.b, (const uint8_t *)p + n, MKT_SIG_LEN);
	return mkt_sig_ok(&sig, key, m, PURPOSE_LEN + n);
}

/* ---- calls ---------------------------------------------------------------------------------- */

int mkt_api_publish(struct mkt_client *c, const struct mkt_buf *body, struct mkt_answer *a,
		    struct mkt_err *err)
{
	if (body->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	return mkt_api_post(c,
			    &(struct mkt_post){.path = "/v1/telemetry",
					       .type = "application/octet-stream",
					       .p = body->data,
					       .n = body->len},
			    a, err);
}

int mkt_telemetry_receipt(const struct mkt_answer *a, size_t i, struct mkt_err *why)
{
	struct mkt_jiter it = {0};
	struct mkt_err err = {0};
	struct mkt_jval row;
	int rc;

	for (size_t k = 0; k <= i; k++)
		if (!mkt_jval_next(&a->data, &it, &row))
			return mkt_err_set(why, MKT_EUNAVAILABLE,
					   "the server's answer has no receipt %zu", i);
	rc = mkt_api_code(&row, why, &err);
	if (rc < 0) {
		*why = err;
		return mkt_api_foreign(why);
	}
	return -why->code;
}

static int signed_bytes(const struct mkt_jval *at, struct mkt_telemetry_row *out,
			struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	const char *text;
	size_t n;
	int rc = mkt_jget_str(at, "signed", &text, &n, err);

	if (!rc && (!mkt_base64_add(&b, text, n) || b.len > sizeof(out->bytes)))
		rc = mkt_err_set(err, MKT_EINVAL, "'signed' is no state in base64");
	if (!rc && b.len) {
		memcpy(out->bytes, b.data, b.len);
		out->nbytes = b.len;
	}
	mkt_buf_release(&b);
	return rc;
}

int mkt_telemetry_read(const struct mkt_jval *at, struct mkt_telemetry_row *out,
		       struct mkt_err *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = signed_bytes(at, out, err);
	if (!rc)
		rc = mkt_telemetry_dec(out->bytes, out->nbytes, NULL, &out->t, err);
	if (!rc)
		rc = mkt_jget_text(at, "account_name", out->account_name,
				   sizeof(out->account_name), err);
	if (!rc)
		rc = mkt_jget_text(at, "signer_name", out->signer_name, sizeof(out->signer_name),
				   err);
	if (!rc)
		rc = mkt_jget_u64(at, "age_ms", UINT64_MAX, &out->age_ms, err);
	return rc ? mkt_api_foreign(err) : 0;
}
