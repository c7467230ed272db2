#include "core/base/compat.h"

#include "core/market/book.h"
#include "core/units/civil.h"
#include "core/wire/api.h"

#define PATH_MARKET "/v1/market"

int mkt_api_foreign(struct mkt_err *err)
{
	char text[MKT_ERR_TEXT_MAX];

	if (!err)
		return -MKT_EUNAVAILABLE;
	memcpy(text, err->text, sizeof(text));
	mkt_err_set(err, MKT_EUNAVAILABLE, "the server's answer is not understood: %.200s", text);
	mkt_err_hint(err, "is it ledgerd, and of this version?");
	return -MKT_EUNAVAILABLE;
}

/* ---- times ------------------------------------------------------------------------------ */

static bool digits(const char **p, unsigned n, unsigned *v)
{
	*v = 0;
	for (unsigned i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*v = *v * 10 + (unsigned)(**p - '0');
	}
	return true;
}

static bool take(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* ".25" to 250; finer digits are cut. */
static bool decimals(const char **p, unsigned *ms)
{
	unsigned place = 100;

	*ms = 0;
	if (!take(p, '.'))
		return true;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, place /= 10)
		*ms += (unsigned)(**p - '0') * place;
	return true;
}

int mkt_time_parse(const char *text, uint64_t *time_ms)
{
	unsigned y, mo, d, h, mi, s, ms;
	const char *p = text;
	struct mkt_civil c;
	int64_t t;

	if (!digits(&p, 4, &y) || !take(&p, '-') || !digits(&p, 2, &mo) || !take(&p, '-') ||
	    !digits(&p, 2, &d) || !take(&p, 'T') || !digits(&p, 2, &h) || !take(&p, ':') ||
	    !digits(&p, 2, &mi) || !take(&p, ':') || !digits(&p, 2, &s) || !decimals(&p, &ms) ||
	    !take(&p, 'Z') || *p)
		return -MKT_EINVAL;
	if (mo < 1 || mo > 12 || d < 1 || d > mkt_civil_month_days((int32_t)y, mo) || h > 23 ||
	    mi > 59 || s > 59)
		return -MKT_EINVAL;
	c = (struct mkt_civil){.year = (int32_t)y, .month = (uint8_t)mo, .day = (uint8_t)d,
			       .hour = (uint8_t)h, .minute = (uint8_t)mi, .second = (uint8_t)s};
	t = mkt_civil_seconds(&c);
	if (t < 0)
		return -MKT_EINVAL;
	*time_ms = (uint64_t)t * 1000 + ms;
	return 0;
}

int mkt_jget_time(const struct mkt_jval *obj, const char *key, uint64_t *time_ms,
		  struct mkt_err *err)
{
	const char *text;
	int rc = mkt_jget_str(obj, key, &text, NULL, err);

	if (!rc && mkt_time_parse(text, time_ms))
		rc = mkt_err_set(err, MKT_EINVAL, "'%s' is not a time", key);
	return rc;
}

/* ---- answers ---------------------------------------------------------------------------- */

void mkt_answer_release(struct mkt_answer *a)
{
	mkt_jdoc_free(a->doc);
	memset(a, 0, sizeof(*a));
}

static int read_frame(struct mkt_answer *a, struct mkt_err *err)
{
	int rc = 0;

	a->root = mkt_jdoc_root(a->doc);
	rc = mkt_jval_get(&a->root, "data", &a->data, err);
	if (!rc && mkt_jval_has(&a->root, "height"))
		rc = mkt_jget_u64(&a->root, "height", INT64_MAX, &a->height, err);
	if (!rc && mkt_jval_has(&a->root, "as_of"))
		rc = mkt_jget_time(&a->root, "as_of", &a->as_of_ms, err);
	if (!rc && mkt_jval_has(&a->root, "next"))
		rc = mkt_jget_str(&a->root, "next", &a->next, NULL, err);
	return rc;
}

int mkt_answer_read(const struct mkt_buf *body, struct mkt_answer *a, struct mkt_err *err)
{
	static const struct mkt_jlimits lim = {MKT_ANSWER_BYTES_MAX, MKT_JSON_DEPTH_MAX,
					       MKT_JSON_VALUES_MAX};
	int rc;

	mkt_answer_release(a);
	rc = mkt_jdoc_parse(mkt_buf_str(body), body->len, &lim, &a->doc, err);
	if (!rc)
		rc = read_frame(a, err);
	if (!rc)
		return 0;
	mkt_answer_release(a);
	return rc == -MKT_ENOMEM ? rc : mkt_api_foreign(err);
}

int mkt_api_get(struct mkt_client *c, const char *path, struct mkt_answer *a, struct mkt_err *err)
{
	struct mkt_buf body = MKT_BUF_INIT;
	int rc = mkt_client_get(c, path, &body, err);

	mkt_answer_release(a);
	if (!rc)
		rc = mkt_answer_read(&body, a, err);
	mkt_buf_release(&body);
	return rc;
}

/* ---- the market ------------------------------------------------------------------------- */

static int get_u32(const struct mkt_jval *o, const char *key, uint32_t *out, struct mkt_err *err)
{
	uint64_t v;
	int rc = mkt_jget_u64(o, key, UINT32_MAX, &v, err);

	if (!rc)
		*out = (uint32_t)v;
	return rc;
}

static int get_i32(const struct mkt_jval *o, const char *key, int32_t *out, struct mkt_err *err)
{
	int64_t v;
	int rc = mkt_jget_i64(o, key, INT32_MIN, INT32_MAX, &v, err);

	if (!rc)
		*out = (int32_t)v;
	return rc;
}

static int read_identity(const struct mkt_jval *d, struct mkt_facts *f, struct mkt_err *err)
{
	char word[16];
	int rc = mkt_jget_hex(d, "chain", f->chain.b, sizeof(f->chain.b), err);

	if (!rc)
		rc = mkt_jget_text(d, "name", f->name, sizeof(f->name), err);
	if (!rc)
		rc = mkt_jget_text(d, "currency", f->currency, sizeof(f->currency), err);
	if (!rc)
		rc = mkt_jget_text(d, "zone", f->zone, sizeof(f->zone), err);
	if (!rc)
		rc = mkt_jget_text(d, "clock", word, sizeof(word), err);
	if (!rc)
		f->clock = strcmp(word, "operator") ? MKT_CLOCK_SYSTEM : MKT_CLOCK_OPERATOR;
	if (!rc)
		rc = mkt_jget_u64(d, "now_ms", INT64_MAX, &f->now_ms, err);
	return rc;
}

static int read_numbers(const struct mkt_jval *d, struct mkt_facts *f, struct mkt_err *err)
{
	const struct {
		const char *key;
		uint32_t *out;
	} u[] = {
		{"window_s", &f->window_s},       {"opening_s", &f->opening_s},
		{"gate_s", &f->gate_s},           {"deadline_s", &f->deadline_s},
		{"interval_ms", &f->interval_ms}, {"validity_s", &f->validity_s},
		{"lot_wh", &f->lot_wh},
	};
	const struct {
		const char *key;
		int32_t *out;
	} i[] = {
		{"tick_upwh", &f->tick_upwh},
		{"price_min_upwh", &f->price_min_upwh},
		{"price_max_upwh", &f->price_max_upwh},
		{"imbalance_up_upwh", &f->imbalance_up_upwh},
		{"imbalance_down_upwh", &f->imbalance_down_upwh},
	};
	int rc = 0;

	for (size_t k = 0; !rc && k < MKT_ARRAY_SIZE(u); k++)
		rc = get_u32(d, u[k].key, u[k].out, err);
	for (size_t k = 0; !rc && k < MKT_ARRAY_SIZE(i); k++)
		rc = get_i32(d, i[k].key, i[k].out, err);
	/* What the program will divide by. */
	if (!rc && (!f->window_s || f->tick_upwh <= 0 || !f->lot_wh))
		rc = mkt_err_set(err, MKT_EINVAL, "window, tick or lot is not positive");
	return rc;
}

static int read_value(const struct mkt_jval *at, struct mkt_tag_table *t, unsigned dim,
		      struct mkt_err *err)
{
	struct mkt_tag_value v = {0};
	uint8_t number;
	int rc = mkt_jget_text(at, "name", v.name, sizeof(v.name), err);

	if (!rc)
		rc = mkt_jget_bool(at, "direct", &v.direct, err);
	if (!rc)
		rc = mkt_jget_bool(at, "closed", &v.closed, err);
	if (!rc)
		rc = get_i32(at, "fee_upwh", &v.fee_upwh, err);
	if (!rc && mkt_jval_has(at, "fee_account"))
		rc = get_u32(at, "fee_account", &v.fee_account, err);
	if (rc)
		return rc;
	rc = mkt_tag_set_value(t, dim, &v, &number);
	return rc < 0 ? mkt_err_set(err, -rc, "bad tag '%s'", v.name) : 0;
}

static int read_dim(const struct mkt_jval *at, struct mkt_tag_table *t, struct mkt_err *err)
{
	char name[MKT_NAME_MAX + 1], first[MKT_NAME_MAX + 1];
	struct mkt_jval values, v;
	struct mkt_jiter it = {0};
	unsigned dim = t->ndims;
	int rc = mkt_jget_text(at, "name", name, sizeof(name), err);

	if (!rc)
		rc = mkt_jget_arr(at, "values", &values, err);
	for (size_t n = 0; !rc && mkt_jval_next(&values, &it, &v); n++) {
		if (!n) {
			rc = mkt_jget_text(&v, "name", first, sizeof(first), err);
			if (!rc && mkt_tag_add_dim(t, name, first) < 0)
				rc = mkt_err_set(err, MKT_EINVAL, "bad dimension '%s'", name);
		}
		if (!rc)
			rc = read_value(&v, t, dim, err);
	}
	if (!rc && t->ndims == dim)
		rc = mkt_err_set(err, MKT_EINVAL, "dimension '%s' has no values", name);
	return rc;
}

static int read_tags(const struct mkt_jval *d, struct mkt_tag_table *t, struct mkt_err *err)
{
	struct mkt_jval dims, v;
	struct mkt_jiter it = {0};
	int rc = mkt_jget_arr(d, "dimensions", &dims, err);

	while (!rc && mkt_jval_next(&dims, &it, &v))
		rc = read_dim(&v, t, err);
	return rc;
}

static int read_open(const struct mkt_jval *d, struct mkt_facts *f, struct mkt_err *err)
{
	struct mkt_jval open;
	int rc = mkt_jget_obj(d, "open", &open, err);

	if (!rc)
		rc = mkt_jget_u64(&open, "first", INT64_MAX, &f->open_first_s, err);
	if (!rc)
		rc = get_u32(&open, "count", &f->open_count, err);
	return rc;
}

void mkt_facts_release(struct mkt_facts *f)
{
	mkt_tag_table_release(&f->tags);
	memset(f, 0, sizeof(*f));
}

int mkt_facts_read(const struct mkt_answer *a, struct mkt_facts *f, struct mkt_err *err)
{
	int rc;

	mkt_facts_release(f);
	rc = read_identity(&a->data, f, err);
	if (!rc)
		rc = read_numbers(&a->data, f, err);
	if (!rc)
		rc = read_tags(&a->data, &f->tags, err);
	if (!rc)
		rc = read_open(&a->data, f, err);
	if (rc) {
		mkt_facts_release(f);
		return rc == -MKT_ENOMEM ? rc : mkt_api_foreign(err);
	}
	f->height = a->height;
	f->as_of_ms = a->as_of_ms;
	return 0;
}

int mkt_api_market(struct mkt_client *c, struct mkt_facts *f, struct mkt_err *err)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc = mkt_api_get(c, PATH_MARKET, &a, err);

	if (!rc)
		rc = mkt_facts_read(&a, f, err);
	mkt_answer_release(&a);
	return rc;
}

/* ---- posting ---------------------------------------------------------------------------- */

void mkt_api_frame(struct mkt_buf *body, const void *envelope, size_t n)
{
	mkt_enc_u32(body, (uint32_t)n);
	mkt_buf_add(body, envelope, n);
}

int mkt_api_post(struct mkt_client *c, const struct mkt_post *what, struct mkt_answer *a,
		 struct mkt_err *err)
{
	struct mkt_buf body = MKT_BUF_INIT;
	int rc = mkt_client_post(c, what, &body, err);

	mkt_answer_release(a);
	if (!rc)
		rc = mkt_answer_read(&body, a, err);
	/* It may be done although we cannot read what became of it. */
	if (rc == -MKT_EUNAVAILABLE && body.len && what->changes)
		rc = mkt_err_set(err, MKT_EUNKNOWN, "sent, but the answer is not understood");
	mkt_buf_release(&body);
	return rc;
}

int mkt_api_submit(struct mkt_client *c, const struct mkt_buf *body, enum mkt_wait wait,
		   struct mkt_answer *a, struct mkt_err *err)
{
	static const char *const paths[] = {
		[MKT_WAIT_NONE] = "/v1/transactions?wait=none",
		[MKT_WAIT_EXECUTED] = "/v1/transactions?wait=executed",
		[MKT_WAIT_SEALED] = "/v1/transactions?wait=sealed",
	};

	if (body->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	return mkt_api_post(c,
		    &(struct mkt_post){.path = paths[wait],
				       .type = "application/octet-stream",
				       .p = body->data,
				       .n = body->len,
				       .changes = true},
		    a, err);
}

int mkt_api_preview(struct mkt_client *c, const void *envelope, size_t n, struct mkt_answer *a,
		    struct mkt_err *err)
{
	return mkt_api_post(c,
			    &(struct mkt_post){.path = "/v1/preview",
					       .type = "application/octet-stream",
					       .p = envelope,
					       .n = n},
			    a, err);
}

static const char *const status_names[] = {
	[MKT_RECEIPT_QUEUED] = "queued",     [MKT_RECEIPT_EXECUTED] = "executed",
	[MKT_RECEIPT_SEALED] = "sealed",     [MKT_RECEIPT_REPLAYED] = "replayed",
	[MKT_RECEIPT_REFUSED] = "refused",
};

const char *mkt_receipt_name(enum mkt_receipt_status s)
{
	return status_names[s];
}

int mkt_api_code(const struct mkt_jval *at, struct mkt_err *out, struct mkt_err *err)
{
	char word[32], text[MKT_ERR_TEXT_MAX];
	int code, rc;

	memset(out, 0, sizeof(*out));
	if (!mkt_jval_has(at, "code"))
		return 0;
	rc = mkt_jget_text(at, "code", word, sizeof(word), err);
	if (rc || !strcmp(word, "ok"))
		return rc;
	code = mkt_code_find(word);
	/* A word of a newer server is a refusal all the same. */
	mkt_err_code(out, code > 0 ? code : MKT_EINVAL);
	if (!mkt_jget_text(at, "message", text, sizeof(text), NULL) && text[0])
		mkt_err_set(out, out->code, "%s", text);
	if (!mkt_jget_text(at, "hint", text, sizeof(text), NULL) && text[0])
		mkt_err_hint(out, "%s", text);
	return 0;
}

static int read_status(const struct mkt_jval *row, enum mkt_receipt_status *s, struct mkt_err *err)
{
	char word[16];
	int rc = mkt_jget_text(row, "status", word, sizeof(word), err);

	for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(status_names); i++)
		if (!strcmp(word, status_names[i])) {
			*s = (enum mkt_receipt_status)i;
			return 0;
		}
	return rc ? rc : mkt_err_set(err, MKT_EINVAL, "unknown status '%s'", word);
}

int mkt_receipt_read(const struct mkt_answer *a, size_t i, struct mkt_receipt *r,
		     struct mkt_jval *row, struct mkt_err *err)
{
	struct mkt_jiter it = {0};
	int rc = 0;

	memset(r, 0, sizeof(*r));
	for (size_t k = 0; k <= i; k++)
		if (!mkt_jval_next(&a->data, &it, row))
			rc = mkt_err_set(err, MKT_EINVAL, "receipt %zu is missing", i);
	if (!rc)
		rc = read_status(row, &r->status, err);
	if (!rc)
		rc = mkt_api_code(row, &r->err, err);
	if (!rc && mkt_jval_has(row, "tx"))
		rc = mkt_jget_text(row, "tx", r->tx, sizeof(r->tx), err);
	if (!rc && mkt_jval_has(row, "height"))
		rc = mkt_jget_u64(row, "height", INT64_MAX, &r->height, err);
	if (!rc && mkt_jval_has(row, "index"))
		rc = get_u32(row, "index", &r->index, err);
	if (!rc && mkt_jval_has(row, "time"))
		rc = mkt_jget_time(row, "time", &r->time_ms, err);
	if (!rc && r->status == MKT_RECEIPT_REFUSED && !r->err.code)
		rc = mkt_err_set(err, MKT_EINVAL, "a refusal without a code");
	return rc ? mkt_api_foreign(err) : 0;
}

int mkt_result_read(const struct mkt_jval *at, struct mkt_result *r, struct mkt_err *err)
{
	uint32_t leg = MKT_NO_LEG;
	int rc = mkt_jget_text(at, "op", r->op, sizeof(r->op), err);

	if (!rc)
		rc = mkt_api_code(at, &r->err, err);
	if (!rc && mkt_jval_has(at, "leg"))
		rc = get_u32(at, "leg", &leg, err);
	r->leg = leg < MKT_NO_LEG ? (uint16_t)leg : MKT_NO_LEG;
	return rc ? mkt_api_foreign(err) : 0;
}
