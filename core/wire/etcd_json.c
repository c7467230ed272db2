#include "core/base/compat.h"

#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "core/wire/etcd.h"
#include "core/wire/etcd_json.h"

#define PREFIX_MAX 64
#define VALUES_MAX (1u << 15) /* of one answer: 3,000 changes in one line of the watch */
#define DEPTH_MAX 12

static const struct mkt_jlimits limits = {MKT_ETCD_ANSWER_MAX, DEPTH_MAX, VALUES_MAX};

/* ---- requests ------------------------------------------------------------------------------- */

/* "name":"base64 of prefix and key"; @up: the first key behind all that begin so. */
static void put_key(struct mkt_buf *out, const char *name, const char *prefix, const char *key,
		    bool up)
{
	char full[PREFIX_MAX + MKT_KV_KEY_MAX + 1];
	int n = snprintf(full, sizeof(full), "%s%s", prefix, key);

	if (up)
		full[n - 1]++;
	mkt_buf_addf(out, "\"%s\":\"", name);
	mkt_base64_put(out, full, (size_t)n);
	mkt_buf_addch(out, '"');
}

static void put_op(struct mkt_buf *out, const char *prefix, const struct mkt_kv_op *op,
		   uint64_t lease)
{
	static const char *const request[] = {
		[MKT_KV_GET] = "request_range",
		[MKT_KV_PREFIX] = "request_range",
		[MKT_KV_PUT] = "request_put",
		[MKT_KV_DELETE] = "request_delete_range",
		[MKT_KV_DELETE_RANGE] = "request_delete_range",
	};

	mkt_buf_addf(out, "{\"%s\":{", request[op->kind]);
	put_key(out, "key", prefix, op->key, false);
	if (op->kind == MKT_KV_PREFIX || op->kind == MKT_KV_DELETE_RANGE) {
		mkt_buf_addch(out, ',');
		put_key(out, "range_end", prefix, op->kind == MKT_KV_PREFIX ? op->key : op->end,
			op->kind == MKT_KV_PREFIX);
	}
	if (op->kind == MKT_KV_PUT) {
		mkt_buf_addstr(out, ",\"value\":\"");
		mkt_base64_put(out, op->value, op->len);
		mkt_buf_addch(out, '"');
		if (op->leased)
			mkt_buf_addf(out, ",\"lease\":\"%llu\"", (unsigned long long)lease);
	}
	mkt_buf_addstr(out, "}}");
}

static void put_branch(struct mkt_buf *out, const char *name, const char *prefix,
		       const struct mkt_kv_op *ops, unsigned n, uint64_t lease)
{
	mkt_buf_addf(out, ",\"%s\":[", name);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			mkt_buf_addch(out, ',');
		put_op(out, prefix, &ops[i], lease);
	}
	mkt_buf_addch(out, ']');
}

void etcd_put_txn(struct mkt_buf *out, const char *prefix, const struct mkt_kv_txn *t,
		  uint64_t lease)
{
	mkt_buf_addstr(out, "{\"compare\":[");
	for (unsigned i = 0; i < t->ncmps; i++) {
		const struct mkt_kv_cmp *c = &t->cmp[i];
		bool absent = c->kind == MKT_KV_ABSENT || !c->rev;

		mkt_buf_addstr(out, i ? ",{" : "{");
		put_key(out, "key", prefix, c->key, false);
		mkt_buf_addf(out, ",\"target\":\"%s\",\"result\":\"EQUAL\",\"%s\":\"%llu\"}",
			     absent ? "CREATE" : "MOD", absent ? "create_revision" : "mod_revision",
			     absent ? 0ull : (unsigned long long)c->rev);
	}
	mkt_buf_addch(out, ']');
	put_branch(out, "success", prefix, t->then, t->nthen, lease);
	put_branch(out, "failure", prefix, t->els, t->nels, lease);
	mkt_buf_addch(out, '}');
}

void etcd_put_page(struct mkt_buf *out, const char *prefix, const char *after, uint64_t revision)
{
	char full[PREFIX_MAX + MKT_KV_KEY_MAX + 1];
	int n = snprintf(full, sizeof(full), "%s%s", prefix, after);

	mkt_buf_addstr(out, "{\"key\":\"");
	mkt_base64_put(out, full, (size_t)n + (*after ? 1 : 0)); /* with its NUL: the next one */
	mkt_buf_addstr(out, "\",");
	put_key(out, "range_end", prefix, "", true);
	mkt_buf_addf(out, ",\"limit\":\"%d\",\"revision\":\"%llu\"}", ETCD_PAGE,
		     (unsigned long long)revision);
}

void etcd_put_watch(struct mkt_buf *out, const char *prefix, uint64_t revision)
{
	mkt_buf_addstr(out, "{\"create_request\":{");
	put_key(out, "key", prefix, "", false);
	mkt_buf_addch(out, ',');
	put_key(out, "range_end", prefix, "", true);
	mkt_buf_addf(out, ",\"start_revision\":\"%llu\",\"fragment\":true}}",
		     (unsigned long long)revision);
}

void etcd_put_grant(struct mkt_buf *out, uint32_t ttl_s)
{
	mkt_buf_addf(out, "{\"TTL\":\"%u\"}", ttl_s);
}

void etcd_put_lease(struct mkt_buf *out, uint64_t lease)
{
	mkt_buf_addf(out, "{\"ID\":\"%llu\"}", (unsigned long long)lease);
}

void etcd_put_login(struct mkt_buf *out, const char *user, const char *password)
{
	struct mkt_jw w;

	mkt_jw_init(&w, out);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "name", user);
	mkt_jw_kstr(&w, "password", password);
	mkt_jw_obj_end(&w);
}

void etcd_ask(struct etcd_asked *asked, const struct mkt_kv_txn *t)
{
	const struct mkt_kv_op *ops[] = {t->els, t->then};

	asked->n[0] = t->nels;
	asked->n[1] = t->nthen;
	for (unsigned b = 0; b < 2; b++)
		for (unsigned i = 0; i < asked->n[b]; i++) {
			asked->kind[b][i] = ops[b][i].kind;
			memcpy(asked->key[b][i], ops[b][i].key, sizeof(ops[b][i].key));
		}
}

/* ---- parts of answers ----------------------------------------------------------------------- */

/* A number that is left out when it is zero. */
static int get_u64(const struct mkt_jval *o, const char *key, uint64_t *out, struct mkt_err *err)
{
	*out = 0;
	return mkt_jval_has(o, key) ? mkt_jget_u64(o, key, UINT64_MAX, out, err) : 0;
}

static int get_bool(const struct mkt_jval *o, const char *key, bool *out, struct mkt_err *err)
{
	*out = false;
	return mkt_jval_has(o, key) ? mkt_jget_bool(o, key, out, err) : 0;
}

static int get_head(const struct mkt_jval *o, struct etcd_head *head, struct mkt_err *err)
{
	struct mkt_jval h;
	int rc = mkt_jget_obj(o, "header", &h, err);

	if (!rc)
		rc = get_u64(&h, "cluster_id", &head->cluster, err);
	if (!rc)
		rc = get_u64(&h, "revision", &head->revision, err);
	if (!rc && !head->cluster)
		rc = mkt_err_set(err, MKT_EINVAL, "the answer names no cluster");
	return rc;
}

static int parse(const void *p, size_t n, struct mkt_jdoc **doc, struct mkt_jval *root,
		 struct mkt_err *err)
{
	int rc = mkt_jdoc_parse(p, n, &limits, doc, err);

	if (!rc)
		*root = mkt_jdoc_root(*doc);
	return rc;
}

/* Append the bytes of member @name, at most @max; none if it is left out. */
static int get_bytes(const struct mkt_jval *o, const char *name, size_t max, struct mkt_buf *room,
		     struct mkt_err *err)
{
	size_t before = room->len, n;
	const char *s;
	int rc;

	if (!mkt_jval_has(o, name))
		return 0;
	rc = mkt_jget_str(o, name, &s, &n, err);
	if (rc)
		return rc;
	if (n > (max + 2) / 3 * 4)
		return mkt_err_set(err, MKT_ELIMIT, "a %s is longer than %zu bytes", name, max);
	if (!mkt_base64_add(room, s, n))
		return room->bad ? mkt_err_code(err, MKT_ENOMEM)
				 : mkt_err_set(err, MKT_EINVAL, "a %s is not base64", name);
	if (room->len - before > max)
		return mkt_err_set(err, MKT_ELIMIT, "a %s is longer than %zu bytes", name, max);
	return 0;
}

static bool printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return true;
}

/* One key-value pair into @room, which has room enough that it does not move. */
static int get_pair(const struct mkt_jval *kv, const char *prefix, struct mkt_buf *room,
		    struct mkt_kv_pair *p, struct mkt_err *err)
{
	size_t start = room->len, lead = strlen(prefix), n, value;
	int rc = get_bytes(kv, "key", lead + MKT_KV_KEY_MAX, room, err);

	if (rc)
		return rc;
	n = room->len - start;
	if (n <= lead || memcmp(room->data + start, prefix, lead) != 0 ||
	    !printable((const char *)room->data + start, n))
		return mkt_err_set(err, MKT_EINVAL, "a key that was not asked for");
	mkt_buf_addch(room, 0);
	value = room->len;
	rc = get_bytes(kv, "value", MKT_KV_VALUE_MAX, room, err);
	if (!rc)
		rc = get_u64(kv, "mod_revision", &p->mod, err);
	if (rc)
		return rc;
	if (room->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	p->key = (const char *)room->data + start + lead;
	p->value = room->data + value;
	p->len = (uint32_t)(room->len - value);
	p->deleted = false;
	return p->mod ? 0 : mkt_err_set(err, MKT_EINVAL, "a pair without revision");
}

/* ---- transactions --------------------------------------------------------------------------- */

static int get_range(const struct mkt_jval *o, const char *prefix, const char *key, bool many,
		     struct mkt_buf *room, struct mkt_kv_answer *a, struct mkt_err *err)
{
	struct mkt_jval kvs, kv;
	struct mkt_jiter it = {0};
	const char *last = NULL;
	size_t lead = strlen(key);
	int rc;

	if (!mkt_jval_has(o, "kvs"))
		return 0;
	rc = mkt_jget_arr(o, "kvs", &kvs, err);
	while (!rc && mkt_jval_next(&kvs, &it, &kv)) {
		struct mkt_kv_pair *p = &a->pairs[a->npairs];

		if (a->npairs == MKT_KV_PAIRS_MAX)
			return mkt_err_set(err, MKT_ELIMIT, "more than %d pairs", MKT_KV_PAIRS_MAX);
		rc = get_pair(&kv, prefix, room, p, err);
		if (rc)
			return rc;
		if (many ? strncmp(p->key, key, lead) != 0 : strcmp(p->key, key) != 0)
			return mkt_err_set(err, MKT_EINVAL, "a key that was not asked for");
		if (last && strcmp(last, p->key) >= 0)
			return mkt_err_set(err, MKT_EINVAL, "keys are not in order");
		last = p->key;
		a->npairs++;
	}
	return rc;
}

/* The answer to operation @i of the branch that was taken. */
static int get_response(const struct mkt_jval *o, const char *prefix,
			const struct etcd_asked *asked, unsigned branch, unsigned i,
			struct mkt_buf *room, struct mkt_kv_answer *a, struct mkt_err *err)
{
	uint8_t kind = asked->kind[branch][i];
	const char *name = kind == MKT_KV_GET || kind == MKT_KV_PREFIX ? "response_range"
			   : kind == MKT_KV_PUT			       ? "response_put"
								       : "response_delete_range";
	struct mkt_jval r;
	int rc = mkt_jget_obj(o, name, &r, err);

	if (rc || (kind != MKT_KV_GET && kind != MKT_KV_PREFIX))
		return rc;
	return get_range(&r, prefix, asked->key[branch][i], kind == MKT_KV_PREFIX, room, a, err);
}

static int get_responses(const struct mkt_jval *root, const char *prefix,
			 const struct etcd_asked *asked, unsigned branch, struct mkt_buf *room,
			 struct mkt_kv_answer *a, struct mkt_err *err)
{
	struct mkt_jval all, one;
	struct mkt_jiter it = {0};
	unsigned i = 0;
	int rc = 0;

	if (!mkt_jval_has(root, "responses"))
		return asked->n[branch] ? mkt_err_set(err, MKT_EINVAL, "no responses") : 0;
	rc = mkt_jget_arr(root, "responses", &all, err);
	if (!rc && mkt_jval_count(&all) != asked->n[branch])
		rc = mkt_err_set(err, MKT_EINVAL, "%zu responses to %u operations",
				 mkt_jval_count(&all), asked->n[branch]);
	while (!rc && mkt_jval_next(&all, &it, &one))
		rc = get_response(&one, prefix, asked, branch, i++, room, a, err);
	return rc;
}

int etcd_read_txn(const void *p, size_t n, const char *prefix, const struct etcd_asked *asked,
		  struct mkt_buf *room, struct mkt_kv_answer *a, struct etcd_head *head,
		  struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	bool succeeded;
	int rc = parse(p, n, &doc, &root, err);

	if (rc)
		return rc;
	a->npairs = 0;
	mkt_buf_clear(room);
	/* What is decoded is shorter than its text: the room does not move under the pairs. */
	rc = mkt_buf_grow(room, n) ? mkt_err_code(err, MKT_ENOMEM) : get_head(&root, head, err);
	if (!rc)
		rc = get_bool(&root, "succeeded", &succeeded, err);
	if (!rc)
		rc = get_responses(&root, prefix, asked, succeeded, room, a, err);
	if (!rc) {
		a->outcome = succeeded ? MKT_KV_DONE : MKT_KV_ELSE;
		a->revision = head->revision;
	}
	mkt_jdoc_free(doc);
	return rc;
}

/* ---- readings and the watch ----------------------------------------------------------------- */

static int read_kvs(const struct mkt_jval *root, const char *prefix, struct mkt_buf *room,
		    etcd_pair_fn *fn, void *ctx, char last[MKT_KV_KEY_MAX + 1], struct mkt_err *err)
{
	struct mkt_jval kvs, kv;
	struct mkt_jiter it = {0};
	int rc;

	if (!mkt_jval_has(root, "kvs"))
		return 0;
	rc = mkt_jget_arr(root, "kvs", &kvs, err);
	while (!rc && mkt_jval_next(&kvs, &it, &kv)) {
		struct mkt_kv_pair pair;

		mkt_buf_clear(room);
		rc = get_pair(&kv, prefix, room, &pair, err);
		if (rc)
			break;
		if (strcmp(pair.key, last) <= 0)
			return mkt_err_set(err, MKT_EINVAL, "keys are not in order");
		snprintf(last, MKT_KV_KEY_MAX + 1, "%s", pair.key);
		fn(ctx, &pair);
	}
	return rc;
}

int etcd_read_page(const void *p, size_t n, const char *prefix, struct mkt_buf *room,
		   etcd_pair_fn *fn, void *ctx, struct etcd_head *head, bool *more,
		   char last[MKT_KV_KEY_MAX + 1], struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root, kvs;
	int rc = parse(p, n, &doc, &root, err);

	if (rc)
		return rc;
	mkt_buf_clear(room);
	rc = mkt_buf_grow(room, n) ? mkt_err_code(err, MKT_ENOMEM) : get_head(&root, head, err);
	if (!rc)
		rc = get_bool(&root, "more", more, err);
	if (!rc && *more && (mkt_jget_arr(&root, "kvs", &kvs, NULL) || !mkt_jval_count(&kvs)))
		rc = mkt_err_set(err, MKT_EINVAL, "an empty page, and more");
	if (!rc)
		rc = read_kvs(&root, prefix, room, fn, ctx, last, err);
	mkt_jdoc_free(doc);
	return rc;
}

static int read_event(const struct mkt_jval *ev, const char *prefix, struct mkt_buf *room,
		      struct mkt_kv_pair *pair, struct mkt_err *err)
{
	char type[16] = "PUT";
	struct mkt_jval kv;
	int rc = mkt_jval_has(ev, "type") ? mkt_jget_text(ev, "type", type, sizeof(type), err) : 0;

	if (!rc)
		rc = mkt_jget_obj(ev, "kv", &kv, err);
	mkt_buf_clear(room);
	if (!rc)
		rc = get_pair(&kv, prefix, room, pair, err);
	if (rc)
		return rc;
	pair->deleted = !strcmp(type, "DELETE");
	if (!pair->deleted && strcmp(type, "PUT") != 0)
		return mkt_err_set(err, MKT_EINVAL, "an event of type '%s'", type);
	return 0;
}

static int read_events(const struct mkt_jval *result, const char *prefix, struct mkt_buf *room,
		       etcd_pair_fn *fn, void *ctx, struct etcd_news *news, struct mkt_err *err)
{
	struct mkt_jval events, ev;
	struct mkt_jiter it = {0};
	int rc;

	if (!mkt_jval_has(result, "events"))
		return 0;
	rc = mkt_jget_arr(result, "events", &events, err);
	while (!rc && mkt_jval_next(&events, &it, &ev)) {
		struct mkt_kv_pair pair;

		rc = read_event(&ev, prefix, room, &pair, err);
		if (rc)
			break;
		if (pair.mod > news->last)
			news->last = pair.mod;
		fn(ctx, &pair);
	}
	return rc;
}

int etcd_read_news(const void *p, size_t n, const char *prefix, struct mkt_buf *room,
		   etcd_pair_fn *fn, void *ctx, struct etcd_head *head, struct etcd_news *news,
		   struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root, r;
	int rc = parse(p, n, &doc, &root, err);

	memset(news, 0, sizeof(*news));
	if (rc)
		return rc;
	mkt_buf_clear(room);
	rc = mkt_buf_grow(room, n) ? mkt_err_code(err, MKT_ENOMEM)
				   : mkt_jget_obj(&root, "result", &r, err);
	if (!rc)
		rc = get_head(&r, head, err);
	if (!rc)
		rc = get_bool(&r, "created", &news->created, err);
	if (!rc)
		rc = get_bool(&r, "canceled", &news->canceled, err);
	if (!rc)
		rc = get_bool(&r, "fragment", &news->fragment, err);
	if (!rc)
		rc = get_u64(&r, "compact_revision", &news->compacted, err);
	if (!rc && mkt_jval_has(&r, "cancel_reason"))
		rc = mkt_jget_text(&r, "cancel_reason", news->reason, sizeof(news->reason), err);
	if (!rc)
		rc = read_events(&r, prefix, room, fn, ctx, news, err);
	mkt_jdoc_free(doc);
	return rc;
}

/* ---- leases, tokens, refusals --------------------------------------------------------------- */

int etcd_read_lease(const void *p, size_t n, struct etcd_head *head, uint64_t *lease,
		    uint64_t *ttl_s, struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root, r;
	int rc = parse(p, n, &doc, &root, err);

	if (rc)
		return rc;
	/* Keeping alive is a stream of one. */
	if (mkt_jval_has(&root, "result"))
		rc = mkt_jget_obj(&root, "result", &r, err);
	else
		r = root;
	if (!rc)
		rc = get_head(&r, head, err);
	if (!rc)
		rc = get_u64(&r, "ID", lease, err);
	if (!rc)
		rc = get_u64(&r, "TTL", ttl_s, err);
	if (!rc && (!*lease || *lease > INT64_MAX))
		rc = mkt_err_set(err, MKT_EINVAL, "a lease without number");
	mkt_jdoc_free(doc);
	return rc;
}

int etcd_read_login(const void *p, size_t n, struct etcd_head *head, char token[ETCD_TOKEN_MAX],
		    struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	int rc = parse(p, n, &doc, &root, err);

	if (rc)
		return rc;
	rc = get_head(&root, head, err);
	if (!rc)
		rc = mkt_jget_text(&root, "token", token, ETCD_TOKEN_MAX, err);
	/* It becomes a line of a request's head. */
	if (!rc && (!*token || !printable(token, strlen(token))))
		rc = mkt_err_set(err, MKT_EINVAL, "the token is not one word");
	mkt_jdoc_free(doc);
	return rc;
}

enum etcd_refusal etcd_read_refusal(long status, const void *p, size_t n, struct mkt_err *err)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root;
	char text[MKT_ERR_TEXT_MAX];
	uint64_t code = 0;
	int rc;

	mkt_err_set(err, MKT_EUNAVAILABLE, "status %ld", status);
	if (parse(p, n, &doc, &root, NULL))
		return ETCD_UNSURE;
	rc = mkt_jget_text(&root, "error", text, sizeof(text), NULL);
	if (!rc)
		rc = get_u64(&root, "code", &code, NULL);
	mkt_jdoc_free(doc);
	/* Others than etcd itself (a proxy, its gateway) cannot know what was done. */
	if (rc || strncmp(text, "etcdserver: ", 12) != 0)
		return ETCD_UNSURE;
	mkt_err_set(err, MKT_EUNAVAILABLE, "%s", text + 12);
	switch (code) {
	case 16: /* unauthenticated */
		return ETCD_TOKEN;
	case 3: /* invalid argument: also a request without a token, and a token of old rules */
		return strstr(text, "user name is empty") || strstr(text, "revision in header")
			       ? ETCD_TOKEN
			       : ETCD_NOT_DONE;
	case 9: /* failed precondition */
		return strstr(text, "authentication is not enabled") ? ETCD_NO_LOGIN
								     : ETCD_NOT_DONE;
	case 11: /* out of range */
		return strstr(text, "compacted") ? ETCD_GAP : ETCD_UNSURE;
	case 5: /* not found: a lease */
	case 7: /* permission denied */
	case 8: /* resource exhausted: space, or too many requests */
		return ETCD_NOT_DONE;
	default: /* unavailable, deadline, internal: it may go on without us */
		return ETCD_UNSURE;
	}
}
