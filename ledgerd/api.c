/* Routes, parameters and the frame of answers. */
#include "core/base/compat.h"

#include <ctype.h>

#include "core/base/limits.h"
#include "core/units/fmt.h"
#include "core/wire/signed.h"
#include "ledgerd/api.h"
#include "ledgerd/reader.h"

/* ---- parameters ---------------------------------------------------------------------------- */

const char *ld_param(struct ld_req *r, const char *name)
{
	const char *value = NULL;

	for (unsigned i = 0; i < r->nparams; i++)
		if (!strcmp(r->params[i].name, name)) {
			r->params[i].used = true;
			value = value ? value : r->params[i].value;
		}
	return value;
}

bool ld_parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s) || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

int ld_param_u64(struct ld_req *r, const char *name, uint64_t max, uint64_t *out,
		 struct mkt_err *err)
{
	const char *text = ld_param(r, name);

	if (!text)
		return 0;
	if (!ld_parse_u64(text, max, out))
		return mkt_err_set(err, MKT_EUSAGE,
				   "'%s' is '%s', which is no whole number up to %llu", name, text,
				   (unsigned long long)max);
	return 1;
}

int ld_param_flag(struct ld_req *r, const char *name, bool *out, struct mkt_err *err)
{
	uint64_t v = 0;
	int res = ld_param_u64(r, name, 1, &v, err);

	*out = v;
	return res < 0 ? res : 0;
}

int ld_param_limit(struct ld_req *r, uint32_t *out, struct mkt_err *err)
{
	uint64_t v = LD_PAGE_ROWS;
	int res = ld_param_u64(r, "limit", MKT_PAGE_ROWS_MAX, &v, err);

	if (res < 0)
		return res;
	if (!v)
		return mkt_err_set(err, MKT_EUSAGE, "'limit' is 0");
	*out = (uint32_t)v;
	return 0;
}

int ld_params_done(struct ld_req *r, struct mkt_err *err)
{
	for (unsigned i = 0; i < r->nparams; i++)
		if (!r->params[i].used)
			return mkt_err_set(err, MKT_EUSAGE, "'%s' takes no parameter '%s'", r->path,
					   r->params[i].name);
	if (r->params_over)
		return mkt_err_set(err, MKT_EUSAGE, "there are more than %d parameters",
				   LD_PARAMS_MAX);
	return 0;
}

int ld_find_account(struct ld_node *n, const char *text, uint32_t *number, struct mkt_err *err)
{
	struct mkt_pubkey key;
	uint64_t v;

	if (text[0] == '#')
		text++;
	if (ld_parse_u64(text, UINT32_MAX, &v)) {
		if (v < mkt_state_accounts(n->state)) {
			*number = (uint32_t)v;
			return 0;
		}
	} else if (!mkt_pubkey_parse(text, &key)) {
		if (mkt_state_find_key(n->state, &key, number))
			return 0;
	} else if (mkt_state_find_name(n->state, text, number)) {
		return 0;
	}
	return mkt_err_set(err, MKT_ENOTFOUND, "there is no account '%s'", text);
}

int ld_param_account(struct ld_req *r, uint32_t *number, struct mkt_err *err)
{
	const char *text = ld_param(r, "account");
	int res;

	if (!text)
		return 0;
	ld_node_read(r->node);
	res = ld_find_account(r->node, text, number, err);
	ld_node_unread(r->node);
	return res < 0 ? res : 1;
}

int ld_private(struct ld_req *r, struct mkt_err *err)
{
	if (!r->node->g->private_accounts || r->door != LD_DOOR_USERS || r->who.signed_by)
		return 0;
	return mkt_err_set(err, MKT_EUNSIGNED,
			   "accounts of this chain are private: the read must be signed");
}

/* ---- the frame of an answer ---------------------------------------------------------------- */

void ld_json_time_ms(struct mkt_jw *w, const char *key, uint64_t ms)
{
	mkt_jw_kstr(w, key, mkt_fmt_utc_ms(ms).s);
}

void ld_json_time_s(struct mkt_jw *w, const char *key, uint64_t s)
{
	mkt_jw_kstr(w, key, mkt_fmt_utc(s).s);
}

void ld_json_window(struct mkt_jw *w, const struct ld_node *n, uint32_t window)
{
	uint64_t start = (uint64_t)window * n->g->window_s;

	mkt_jw_key(w, "window");
	mkt_jw_obj(w);
	ld_json_time_s(w, "start", start);
	ld_json_time_s(w, "end", start + n->g->window_s);
	mkt_jw_obj_end(w);
	mkt_jw_ku64(w, "window_s", start);
}

void ld_json_tags(struct mkt_jw *w, const struct ld_node *n, mkt_tags tags)
{
	struct mkt_buf text = MKT_BUF_INIT;

	mkt_tags_text(mkt_state_tags(n->state), tags, &text);
	mkt_jw_kstr(w, "tags", mkt_buf_str(&text));
	mkt_buf_release(&text);
}

void ld_json_name(struct mkt_jw *w, const struct ld_node *n, const char *key, uint32_t account)
{
	struct mkt_account acc;
	bool known = mkt_state_account(n->state, account, &acc);

	mkt_jw_key(w, key);
	if (known && acc.name[0])
		mkt_jw_str(w, acc.name);
	else
		mkt_jw_u64s(w, account);
}

void ld_begin(struct ld_req *r, struct mkt_jw *w, const char *schema)
{
	uint64_t height, time_ms;

	ld_node_head(r->node, &height, &time_ms);
	mkt_jw_init(w, &r->reply.body);
	mkt_jw_obj(w);
	mkt_jw_kstr(w, "schema", schema);
	mkt_jw_ku64(w, "height", height);
	ld_json_time_ms(w, "as_of", time_ms);
	mkt_jw_key(w, "data");
}

int ld_end(struct ld_req *r, struct mkt_jw *w, const char *next, struct mkt_err *err)
{
	if (next)
		mkt_jw_kstr(w, "next", next);
	mkt_jw_obj_end(w);
	mkt_buf_addch(&r->reply.body, '\n');
	if (r->reply.body.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	r->reply.status = 200;
	return 0;
}

/* ---- errors -------------------------------------------------------------------------------- */

static unsigned status_of(int code)
{
	switch (code) {
	case MKT_EUSAGE:
	case MKT_EINVAL:
		return 400;
	case MKT_EUNSIGNED:
		return 401;
	case MKT_EDENIED:
	case MKT_ESIGNATURE:
	case MKT_EDELEGATION:
		return 403;
	case MKT_ENOTFOUND:
	case MKT_EBID:
	case MKT_ECONTRACT:
		return 404;
	case MKT_ECONFLICT:
		return 409;
	case MKT_EPRUNED:
		return 410;
	case MKT_ELIMIT:
		return 413;
	case MKT_ENOTLEADER:
		return 421;
	case MKT_ERATE:
		return 429;
	case MKT_EBUSY:
	case MKT_EUNAVAILABLE:
		return 503;
	case MKT_ETIMEOUT:
	case MKT_EUNKNOWN: /* to be sent again: the same bytes are executed once */
		return 504;
	case MKT_EDISKFULL:
		return 507;
	case MKT_EINTERNAL:
	case MKT_ENOMEM:
	case MKT_EIO:
	case MKT_EINTEGRITY:
	case MKT_ESTORE:
		return 500;
	default:
		return 422;
	}
}

/* "Mkt-Sig chain=...": what a client must put into its signature. */
static void challenge(struct ld_req *r)
{
	static const char begin[] = MKT_SIGNED_SCHEME " chain=";
	char *at = r->reply.challenge + sizeof(begin) - 1;

	memcpy(r->reply.challenge, begin, sizeof(begin));
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(at + 2 * i, 3, "%02x", r->node->chain_id.b[i]);
}

void ld_reply_error(struct ld_req *r, const struct mkt_err *err)
{
	struct mkt_jw w;

	mkt_buf_clear(&r->reply.body);
	mkt_jw_init(&w, &r->reply.body);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "schema", "mkt.error/1");
	mkt_jw_key(&w, "error");
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "code", mkt_code_word(err->code));
	mkt_jw_ki64(&w, "exit", mkt_code_exit(err->code));
	mkt_jw_kstr(&w, "message", err->text[0] ? err->text : mkt_code_text(err->code));
	mkt_jw_kstr(&w, "hint", err->hint);
	mkt_jw_obj_end(&w);
	mkt_jw_obj_end(&w);
	mkt_buf_addch(&r->reply.body, '\n');
	r->reply.status = status_of(err->code);
	r->reply.type = NULL;
	if (r->reply.status == 401)
		challenge(r);
	if (r->reply.status == 503 && !r->reply.retry_s)
		r->reply.retry_s = 1;
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void wake_waiter(struct ld_waiter *w)
{
	ld_req_wake(w->ctx);
}

bool ld_wait_indexed(struct ld_req *r, uint64_t height)
{
	uint64_t now = ld_mono_ms();

	if (r->waits == LD_INDEX_WAITS || ld_hub_height(&r->node->hub, LD_INDEXED) >= height)
		return false;
	r->waits++;
	mkt_buf_clear(&r->reply.body);
	r->waiter = (struct ld_waiter){
		.what = LD_INDEXED,
		.height = height,
		.deadline_ms = now + LD_INDEX_WAIT_MS,
		.wake = wake_waiter,
		.ctx = r,
	};
	ld_req_park(r);
	if (!ld_hub_wait(&r->node->hub, &r->waiter, now))
		ld_req_wake(r);
	return true;
}

/* ---- routes -------------------------------------------------------------------------------- */

enum route_flags {
	LOOKS_BACK = 1 << 0, /* needs the indexes of all that is on the disk */
	FREE = 1 << 1,	     /* not counted against the reader's limits */
	PEERS = 1 << 2,	     /* other nodes may ask, too */
	PEERS_ONLY = 1 << 3, /* nobody else may, but at the own socket */
};

static const struct route {
	const char *method, *path;
	ld_handler *fn;
	unsigned flags;
} routes[] = {
	{"POST", "/v1/transactions", ld_post_transactions, FREE | PEERS},
	{"POST", "/v1/preview", ld_post_preview, 0},
	{"POST", "/v1/telemetry", ld_post_telemetry, 0},
	{"GET", "/v1/telemetry", ld_get_telemetry, 0},
	{"GET", "/v1/status", ld_get_status, PEERS},
	{"GET", "/v1/genesis", ld_get_genesis, PEERS},
	{"GET", "/v1/market", ld_get_market, 0},
	{"GET", "/v1/books", ld_get_books, 0},
	{"GET", "/v1/bids", ld_get_bids, LOOKS_BACK},
	{"GET", "/v1/bids/*", ld_get_bid, LOOKS_BACK},
	{"GET", "/v1/contracts", ld_get_contracts, LOOKS_BACK},
	{"GET", "/v1/contracts/*", ld_get_contract, LOOKS_BACK},
	{"GET", "/v1/certificates/*", ld_get_certificate, LOOKS_BACK},
	{"GET", "/v1/accounts", ld_get_accounts, 0},
	{"GET", "/v1/accounts/*", ld_get_account, 0},
	{"GET", "/v1/accounts/*/events", ld_get_story, LOOKS_BACK},
	{"GET", "/v1/blocks", ld_get_blocks, PEERS},
	{"GET", "/v1/blocks/*", ld_get_block, PEERS},
	{"GET", "/v1/tx", ld_find_tx, LOOKS_BACK},
	{"GET", "/v1/tx/*", ld_get_tx, LOOKS_BACK},
	{"GET", "/v1/chain", ld_get_chain, PEERS},
	{"GET", "/v1/snapshot", ld_get_snapshot, PEERS},
	{"GET", "/v1/peer", ld_get_peer, FREE | PEERS_ONLY},
	{"GET", "/v1/prepared/*", ld_get_prepared, FREE | PEERS_ONLY},
	{"GET", "/v1/evidence", ld_get_evidences, PEERS},
	{"GET", "/v1/evidence/*", ld_get_evidence, PEERS},
	{"GET", "/v1/events", ld_get_events, 0},
	{"GET", "/v1/events/page", ld_get_events_page, 0},
	{"GET", "/v1/limits", ld_get_limits, FREE},
	{"GET", "/v1/health", ld_get_health, FREE | PEERS},
	{"GET", "/metrics", ld_get_metrics, FREE},
};

/* @pattern holds at most one '*', which stands for one segment of the path. */
static bool matches(const char *pattern, const char *path, char arg[LD_ARG_MAX + 1])
{
	size_t n;

	for (; *pattern && *pattern != '*'; pattern++, path++)
		if (*pattern != *path)
			return false;
	if (!*pattern)
		return !*path;
	n = strcspn(path, "/");
	if (!n || n > LD_ARG_MAX || strcmp(pattern + 1, path + n) != 0)
		return false;
	memcpy(arg, path, n);
	arg[n] = 0;
	return true;
}

/* What is not for a door is not there for it. */
static bool open_to(const struct route *route, const struct ld_req *r)
{
	if (r->door == LD_DOOR_PEERS)
		return route->flags & (PEERS | PEERS_ONLY);
	if (r->node->conf->role == LD_AUTHORITY) /* serves nodes and who keeps it, no users */
		return r->door == LD_DOOR_LOCAL && (route->flags & (FREE | PEERS | PEERS_ONLY));
	return r->door == LD_DOOR_LOCAL || !(route->flags & PEERS_ONLY);
}

/* A path is known by its exact form before the one with '*': /v1/events/page. */
static const struct route *find_route(struct ld_req *r)
{
	const char *allow = NULL;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(routes); i++) {
		if (!open_to(&routes[i], r) || !matches(routes[i].path, r->path, r->arg))
			continue;
		if (!strcmp(routes[i].method, r->method) ||
		    (!strcmp(r->method, "HEAD") && !strcmp(routes[i].method, "GET")))
			return &routes[i];
		allow = allow && strcmp(allow, routes[i].method) ? "GET, POST" : routes[i].method;
	}
	r->reply.allow = allow;
	return NULL;
}

/* True if other nodes than this one would know the path. */
static bool of_others(struct ld_req *r)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(routes); i++)
		if (matches(routes[i].path, r->path, r->arg))
			return true;
	return false;
}

static int no_route(struct ld_req *r, struct mkt_err *err)
{
	if (!r->reply.allow && r->node->conf->role == LD_AUTHORITY && r->door == LD_DOOR_LOCAL &&
	    of_others(r)) {
		mkt_err_set(err, MKT_ENOTFOUND, "an authority does not serve '%s'", r->path);
		mkt_err_hint(err, "ask a fullnode: --server, or core.server in mkt.conf(5)");
		return -MKT_ENOTFOUND;
	}
	if (r->reply.allow)
		return mkt_err_set(err, MKT_EUSAGE, "'%s' takes %s, not %s", r->path,
				   r->reply.allow, r->method);
	return mkt_err_set(err, MKT_ENOTFOUND, "there is nothing at '%s'", r->path);
}

enum ld_step ld_api(struct ld_req *r)
{
	const struct route *route = find_route(r);
	struct mkt_err err = {0};
	bool again = r->waits;
	int res;

	if (!route)
		res = no_route(r, &err);
	else if (!again && ld_reader_admit(r, !(route->flags & FREE), &err) < 0)
		res = -err.code;
	else if ((route->flags & LOOKS_BACK) &&
		 ld_wait_indexed(r, ld_hub_height(&r->node->hub, LD_APPENDED)))
		return LD_PARKED;
	else
		res = route->fn(r, &err);
	if (res == LD_WAITS)
		return LD_PARKED;
	if (res < 0)
		ld_reply_error(r, &err);
	if (!route && r->reply.allow)
		r->reply.status = 405;
	ld_reader_rows(r);
	return LD_DONE;
}
