/*
 * Where a request id comes from.
 */
#include "core/base/compat.h"

#include "core/app/request.h"
#include "core/codec/enc.h"

#define TEXT_MAX 64

const struct mkt_opt mkt_request_options[] = {
	MKT_O_TEXT(struct mkt_request_values, id, "request-id", 0, "ID", "request",
		   "repeat or name the call: 32 hex digits, a UUID or any word"),
	MKT_O_WORD(struct mkt_request_values, once_per, "once-per", 0, "window|hour|day", NULL,
		   "the same call in the same period is done once"),
	MKT_O_END
};

void mkt_request_text(const struct mkt_request_id *id, char out[MKT_REQUEST_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(id->b); i++) {
		out[2 * i] = digits[id->b[i] >> 4];
		out[2 * i + 1] = digits[id->b[i] & 15];
	}
	out[2 * sizeof(id->b)] = 0;
}

/* 32 hex digits, with or without the dashes of a UUID. */
static bool read_hex(const char *text, struct mkt_request_id *id)
{
	struct mkt_request_id got = {{0}};
	bool uuid = strlen(text) == 36;
	unsigned n = 0;

	for (size_t i = 0; text[i]; i++) {
		char c = text[i];
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (uuid && (i == 8 || i == 13 || i == 18 || i == 23)) {
			if (c != '-')
				return false;
			continue;
		}
		if (v < 0 || n >= 2 * sizeof(got.b))
			return false;
		got.b[n / 2] = (uint8_t)(got.b[n / 2] << 4 | v);
		n++;
	}
	if (n != 2 * sizeof(got.b))
		return false;
	*id = got;
	return true;
}

static void from_hash(const struct mkt_buf *b, struct mkt_request_id *id)
{
	struct mkt_hash h;

	mkt_hash(&h, MKT_DOM_KEY, b->data, b->len);
	memcpy(id->b, h.b, sizeof(id->b));
}

int mkt_request_parse(const char *text, struct mkt_request_id *id, struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	size_t n = strlen(text);
	int rc = 0;

	if (read_hex(text, id))
		return 0;
	if (!n || n > TEXT_MAX || !mkt_text_ok(text, n))
		return mkt_err_set(
			err, MKT_EUSAGE,
			"a request id is 32 hex digits, a UUID, or 1 to %d printable bytes",
			TEXT_MAX);
	mkt_enc_text(&b, "word", 4);
	mkt_enc_text(&b, text, n);
	if (b.bad)
		rc = mkt_err_code(err, MKT_ENOMEM);
	else
		from_hash(&b, id);
	mkt_buf_release(&b);
	return rc;
}

uint64_t mkt_once_period(enum mkt_once once, uint64_t now_s, uint32_t window_s, int32_t offset_s)
{
	int64_t local_s = (int64_t)now_s + offset_s;

	switch (once) {
	case MKT_ONCE_WINDOW:
		return now_s - now_s % window_s;
	case MKT_ONCE_HOUR:
		return now_s - now_s % 3600;
	default:
		return (uint64_t)(local_s - local_s % 86400 - offset_s);
	}
}

static int derive(const struct mkt_once_key *k, enum mkt_once once, struct mkt_request_id *id,
		  struct mkt_err *err)
{
	const char *texts[] = {k->account, k->command, k->arguments};
	struct mkt_buf b = MKT_BUF_INIT;
	int rc = 0;

	mkt_enc_text(&b, "once", 4);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(texts); i++) {
		mkt_enc_u32(&b, (uint32_t)strlen(texts[i]));
		mkt_enc_bytes(&b, texts[i], strlen(texts[i]));
	}
	mkt_enc_u8(&b, (uint8_t)once);
	mkt_enc_u64(&b, k->period_s);
	if (b.bad)
		rc = mkt_err_code(err, MKT_ENOMEM);
	else
		from_hash(&b, id);
	mkt_buf_release(&b);
	return rc;
}

int mkt_request_choose(struct mkt_app *app, const struct mkt_request_values *v,
		       const struct mkt_once_key *key, struct mkt_request_id *id)
{
	int rc = 0;

	if (v->id && v->once_per)
		return mkt_app_usage(app, "--request-id and --once-per exclude each other");
	if (v->id)
		rc = mkt_request_parse(v->id, id, &app->err);
	else if (v->once_per)
		rc = derive(key, (enum mkt_once)v->once_per, id, &app->err);
	else
		mkt_random(id->b, sizeof(id->b));
	if (!rc)
		mkt_request_text(id, app->request_id);
	return rc;
}
