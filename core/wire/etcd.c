#include "core/base/compat.h"

#include <stdatomic.h>

#include "core/wire/etcd.h"
#include "core/wire/etcd_json.h"
#include "core/wire/http.h"

#define PREFIX_MAX 64
#define REQUEST_MS 400
#define LEASE_S 3
#define LOGIN_MS 5000  /* passwords are slow by intent */
#define SHAKE_MS 1000  /* a handshake of TLS on a busy machine */
#define RETRY_MS 20    /* after a failure, on the next endpoint */
#define LOST_RETRY_MS 200
#define CONNECTIONS 32

enum kind { CALL_LOGIN, CALL_WATCH, CALL_PAGE, CALL_GRANT, CALL_ALIVE, CALL_REVOKE, CALL_TXN };

/* One request and its answer.  The curl handle is kept for the next one. */
struct call {
	struct mkt_etcd *etcd;
	CURL *easy;
	uint8_t kind;
	bool busy;
	bool sent;  /* in the hands of curl; else it waits for a token */
	bool again; /* once refused for its token */
	bool long_; /* the answer passed its bound */
	bool open;  /* of a watch: created */
	unsigned endpoint;
	unsigned login; /* number of the token it was sent with */
	uint64_t begun_ms;
	uint32_t txn_id;
	struct etcd_asked asked;
	struct mkt_buf body, answer;
	struct curl_slist *headers;
	char why[CURL_ERROR_SIZE];
};

/* Calls that there is one of; transactions follow. */
enum { AT_LOGIN, AT_WATCH, AT_LEASE, AT_TXN };

struct endpoint {
	char *name, *base;
	struct curl_slist *connect_to;
};

struct mkt_etcd {
	struct mkt_etcd_calls to;
	struct mkt_tls tls;
	char *tls_texts, *user, *password, *prefix;
	uint32_t request_ms, lease_s;
	struct endpoint at[MKT_ETCD_ENDPOINTS_MAX];
	unsigned nat, now_at; /* endpoints; the one in use */
	unsigned failed;      /* bit for each endpoint since the last answer of any */
	bool lost, foreign;
	bool called; /* a callback was made in this step */
	bool moved;  /* a call ended: look again what is due */
	atomic_bool woken;
	uint64_t cluster;
	CURLM *multi;
	struct mkt_buf room; /* of pairs that are handed out */
	struct mkt_kv_answer answer;

	char token[ETCD_TOKEN_MAX];
	unsigned login; /* counts tokens */
	bool have_token, no_users;
	uint64_t login_ms; /* not before */

	uint64_t lease; /* 0: none */
	uint64_t lease_ms;

	uint64_t watch_rev;  /* the next to come; 0: read all first */
	uint64_t page_rev;   /* of the reading under way */
	char page_last[MKT_KV_KEY_MAX + 1];
	uint64_t watch_ms;

	struct call calls[AT_TXN + MKT_ETCD_TXNS_MAX];
};

/* ---- making and ending ---------------------------------------------------------------------- */

static int add_endpoint(struct mkt_etcd *e, const char *text, size_t n, struct mkt_err *err)
{
	struct endpoint *at = &e->at[e->nat];
	const char *host;

	if (e->nat == MKT_ETCD_ENDPOINTS_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "more than %d etcd endpoints",
				   MKT_ETCD_ENDPOINTS_MAX);
	at->name = strndup(text, n);
	if (!at->name)
		return mkt_err_code(err, MKT_ENOMEM);
	e->nat++;
	host = strstr(at->name, "://");
	if ((strncmp(at->name, "https://", 8) && strncmp(at->name, "http://", 7)) || !host[3] ||
	    strpbrk(host + 3, "/?#@\\"))
		return mkt_err_set(err, MKT_EUSAGE, "bad etcd endpoint '%s'", at->name);
	if (e->tls.name && at->name[4] == 's')
		return mkt_tls_rename(at->name, e->tls.name, &at->base, &at->connect_to) ?
			       mkt_err_code(err, MKT_ENOMEM) :
			       0;
	at->base = strdup(at->name);
	return at->base ? 0 : mkt_err_code(err, MKT_ENOMEM);
}

static int add_endpoints(struct mkt_etcd *e, const char *text, struct mkt_err *err)
{
	int rc = 0;

	for (text += strspn(text, " ,"); *text && !rc; text += strspn(text, " ,")) {
		size_t n = strcspn(text, " ,");

		rc = add_endpoint(e, text, n, err);
		text += n;
	}
	return rc || e->nat ? rc : mkt_err_set(err, MKT_EUSAGE, "no etcd endpoints are given");
}

static int take_conf(struct mkt_etcd *e, const struct mkt_etcd_conf *conf, struct mkt_err *err)
{
	size_t n = strlen(conf->prefix);

	if (n < 2 || n > PREFIX_MAX || conf->prefix[n - 1] != '/')
		return mkt_err_set(err, MKT_EUSAGE, "bad prefix '%s' of keys in etcd", conf->prefix);
	e->request_ms = conf->request_ms ? conf->request_ms : REQUEST_MS;
	e->lease_s = conf->lease_s ? conf->lease_s : LEASE_S;
	e->cluster = conf->cluster;
	e->prefix = strdup(conf->prefix);
	e->user = conf->user ? strdup(conf->user) : NULL;
	e->password = conf->user ? strdup(conf->password ? conf->password : "") : NULL;
	if (!e->prefix || (conf->user && (!e->user || !e->password)) ||
	    mkt_tls_copy(&conf->tls, &e->tls, &e->tls_texts))
		return mkt_err_code(err, MKT_ENOMEM);
	return add_endpoints(e, conf->endpoints, err);
}

int mkt_etcd_new(const struct mkt_etcd_conf *conf, const struct mkt_etcd_calls *calls,
		 struct mkt_etcd **out, struct mkt_err *err)
{
	struct mkt_etcd *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return mkt_err_code(err, MKT_ENOMEM);
	e->to = *calls;
	atomic_init(&e->woken, false);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls); i++)
		e->calls[i].etcd = e;
	rc = take_conf(e, conf, err);
	if (!rc && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		e->multi = curl_multi_init();
	if (!rc && !e->multi)
		rc = mkt_err_code(err, MKT_ENOMEM);
	if (rc) {
		mkt_etcd_free(e);
		return rc;
	}
	curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
	*out = e;
	return 0;
}

/* Take the request from curl; one that was not over loses its connection. */
static void hang_up(struct call *c)
{
	if (c->sent)
		curl_multi_remove_handle(c->etcd->multi, c->easy);
	c->sent = false;
	c->etcd->moved = true;
	curl_slist_free_all(c->headers);
	c->headers = NULL;
}

void mkt_etcd_free(struct mkt_etcd *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls); i++) {
		struct call *c = &e->calls[i];

		hang_up(c);
		curl_easy_cleanup(c->easy);
		mkt_buf_release(&c->body);
		mkt_buf_release(&c->answer);
	}
	if (e->multi)
		curl_multi_cleanup(e->multi);
	for (unsigned i = 0; i < e->nat; i++) {
		free(e->at[i].name);
		free(e->at[i].base);
		curl_slist_free_all(e->at[i].connect_to);
	}
	mkt_buf_release(&e->room);
	free(e->tls_texts);
	free(e->prefix);
	free(e->user);
	if (e->password)
		explicit_bzero(e->password, strlen(e->password));
	free(e->password);
	explicit_bzero(e->token, sizeof(e->token));
	free(e);
}

uint64_t mkt_etcd_cluster(const struct mkt_etcd *e)
{
	return e->cluster;
}

void mkt_etcd_wake(struct mkt_etcd *e)
{
	atomic_store(&e->woken, true);
	curl_multi_wakeup(e->multi);
}

/* ---- sending ---------------------------------------------------------------------------------- */

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;

	n *= size;
	c->long_ = c->answer.len + n > MKT_ETCD_ANSWER_MAX;
	if (c->long_)
		return 0;
	mkt_buf_add(&c->answer, p, n);
	return c->answer.bad ? 0 : n;
}

static bool set_headers(struct call *c)
{
	char line[ETCD_TOKEN_MAX + 32];

	snprintf(line, sizeof(line), "Authorization: %s", c->etcd->token);
	c->headers = curl_slist_append(NULL, "Content-Type: application/json");
	/* No round trip to ask whether the body is welcome. */
	if (c->headers && curl_slist_append(c->headers, "Expect:") &&
	    (!c->etcd->have_token || c->kind == CALL_LOGIN || curl_slist_append(c->headers, line)))
		return true;
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	return false;
}

static const char *path_of(uint8_t kind)
{
	static const char *const paths[] = {
		[CALL_LOGIN] = "/v3/auth/authenticate", [CALL_WATCH] = "/v3/watch",
		[CALL_PAGE] = "/v3/kv/range",		[CALL_GRANT] = "/v3/lease/grant",
		[CALL_ALIVE] = "/v3/lease/keepalive",	[CALL_REVOKE] = "/v3/lease/revoke",
		[CALL_TXN] = "/v3/kv/txn",
	};

	return paths[kind];
}

/* Give the request to curl.  -MKT_ENOMEM. */
static int send_call(struct call *c)
{
	struct mkt_etcd *e = c->etcd;
	const struct endpoint *at = &e->at[e->now_at];
	char url[512];

	if (!c->easy)
		c->easy = curl_easy_init();
	if (!c->easy || c->body.bad || !set_headers(c))
		return -MKT_ENOMEM;
	curl_easy_reset(c->easy); /* keeps connections */
	snprintf(url, sizeof(url), "%.400s%s", at->base, path_of(c->kind));
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, at->connect_to);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, mkt_buf_str(&c->body));
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->why);
	mkt_tls_apply(c->easy, &e->tls);
	c->why[0] = 0;
	mkt_buf_clear(&c->answer);
	c->long_ = c->open = false;
	c->endpoint = e->now_at;
	c->login = e->login;
	c->begun_ms = mkt_mono_ms();
	if (curl_multi_add_handle(e->multi, c->easy) != CURLM_OK)
		return -MKT_ENOMEM;
	c->sent = true;
	return 0;
}

/* A call anew: its body is to be written. */
static struct call *begin(struct mkt_etcd *e, unsigned i, uint8_t kind)
{
	struct call *c = &e->calls[i];

	c->busy = true;
	c->again = false;
	c->kind = kind;
	c->begun_ms = mkt_mono_ms();
	mkt_buf_clear(&c->body);
	return c;
}

static bool may_send(const struct mkt_etcd *e)
{
	return !e->user || e->have_token || e->no_users;
}

int mkt_etcd_txn(struct mkt_etcd *e, uint32_t txn_id, const struct mkt_kv_txn *t,
		 struct mkt_err *err)
{
	unsigned i = AT_TXN;
	struct call *c;

	if (e->foreign)
		return mkt_err_code(err, MKT_EFOREIGN);
	while (i < MKT_ARRAY_SIZE(e->calls) && e->calls[i].busy)
		i++;
	if (i == MKT_ARRAY_SIZE(e->calls))
		return mkt_err_set(err, MKT_EBUSY, "%d transactions with etcd are under way",
				   MKT_ETCD_TXNS_MAX);
	c = begin(e, i, CALL_TXN);
	c->txn_id = txn_id;
	etcd_ask(&c->asked, t);
	/* A lease that is not: refused by etcd, as it should be. */
	etcd_put_txn(&c->body, e->prefix, t, e->lease ? e->lease : INT64_MAX);
	if (c->body.bad || (may_send(e) && send_call(c))) {
		hang_up(c);
		c->busy = false;
		return mkt_err_code(err, MKT_ENOMEM);
	}
	return 0;
}

/* ---- what answers mean ------------------------------------------------------------------------ */

static void tell(struct mkt_etcd *e, uint32_t txn_id, uint8_t outcome)
{
	if (outcome == MKT_KV_UNKNOWN || outcome == MKT_KV_REFUSED) {
		e->answer.npairs = 0;
		e->answer.revision = 0;
	}
	e->answer.outcome = outcome;
	e->called = true;
	e->to.answer(e->to.ctx, txn_id, &e->answer);
}

static void hand_over(void *ctx, const struct mkt_kv_pair *p)
{
	struct mkt_etcd *e = ctx;

	e->called = true;
	e->to.seen(e->to.ctx, p);
}

static uint64_t retry_at(const struct mkt_etcd *e)
{
	return mkt_mono_ms() + (e->lost ? LOST_RETRY_MS : RETRY_MS);
}

/* The watch must begin with all that stands. */
static void read_again(struct mkt_etcd *e)
{
	e->watch_rev = e->page_rev = 0;
	e->page_last[0] = 0;
}

/* This endpoint is no good now: on to the next. */
static void endpoint_bad(struct mkt_etcd *e, unsigned endpoint, const char *why)
{
	const char *name = e->at[endpoint].name;
	char text[MKT_ERR_TEXT_MAX];

	e->failed |= 1u << endpoint;
	if (endpoint == e->now_at)
		e->now_at = (e->now_at + 1) % e->nat;
	if (e->lost || e->failed != (1u << e->nat) - 1)
		return;
	e->lost = e->called = true;
	if (strstr(why, name))
		snprintf(text, sizeof(text), "%s", why);
	else
		snprintf(text, sizeof(text), "'%.100s': %.150s", name, why);
	e->to.lost(e->to.ctx, true, text);
}

static void endpoint_good(struct mkt_etcd *e)
{
	e->failed = 0;
	if (!e->lost)
		return;
	e->lost = false;
	e->called = true;
	e->to.lost(e->to.ctx, false, "");
}

/* An answer that makes sense.  False if it is of another cluster. */
static bool one_of_ours(struct mkt_etcd *e, uint64_t cluster)
{
	if (!e->cluster)
		e->cluster = cluster;
	e->foreign = cluster != e->cluster;
	if (!e->foreign)
		endpoint_good(e);
	return !e->foreign;
}

/* Whether a transaction without answer is surely not done: nothing of it left this machine. */
static uint8_t outcome_unsent(const struct call *c)
{
	long sent = 0;

	if (c->sent && (curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent) || sent))
		return MKT_KV_UNKNOWN;
	return MKT_KV_REFUSED;
}

/* No answer, or one that is none: the call is over. */
static void no_answer(struct call *c, const char *why)
{
	struct mkt_etcd *e = c->etcd;
	uint8_t outcome = outcome_unsent(c);
	uint32_t txn_id = c->txn_id;
	unsigned endpoint = c->endpoint;
	uint8_t kind = c->kind;
	bool sent = c->sent;

	hang_up(c);
	c->busy = false; /* callbacks may use it again */
	if (sent)
		endpoint_bad(e, endpoint, why);
	switch (kind) {
	case CALL_LOGIN:
		e->login_ms = retry_at(e);
		break;
	case CALL_WATCH:
	case CALL_PAGE:
		e->watch_ms = retry_at(e);
		break;
	case CALL_TXN:
		tell(e, txn_id, outcome);
		break;
	default:
		e->lease_ms = retry_at(e);
	}
}

static void take_login(struct call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	struct etcd_head head;

	if (etcd_read_login(c->answer.data, c->answer.len, &head, e->token, err)) {
		no_answer(c, err->text);
		return;
	}
	hang_up(c);
	c->busy = false;
	if (one_of_ours(e, head.cluster)) {
		e->have_token = true;
		e->login++;
	}
}

static void take_txn(struct call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	uint32_t txn_id = c->txn_id;
	struct etcd_head head;

	if (etcd_read_txn(c->answer.data, c->answer.len, e->prefix, &c->asked, &e->room, &e->answer,
			  &head, err)) {
		no_answer(c, err->text);
		return;
	}
	hang_up(c);
	c->busy = false; /* callbacks may use it again */
	if (one_of_ours(e, head.cluster))
		tell(e, txn_id, e->answer.outcome);
}

static void take_page(struct call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	struct etcd_head head;
	bool more = false;

	if (etcd_read_page(c->answer.data, c->answer.len, e->prefix, &e->room, hand_over, e, &head,
			   &more, e->page_last, err)) {
		no_answer(c, err->text);
		return;
	}
	hang_up(c);
	c->busy = false;
	if (!one_of_ours(e, head.cluster))
		return;
	/* Later pages are of the revision of the first. */
	if (!e->page_rev)
		e->page_rev = head.revision;
	e->watch_rev = more ? 0 : e->page_rev + 1;
}

static void take_lease(struct call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	struct etcd_head head;
	uint64_t lease, ttl;
	uint64_t begun = c->begun_ms;

	if (etcd_read_lease(c->answer.data, c->answer.len, &head, &lease, &ttl, err)) {
		no_answer(c, err->text);
		return;
	}
	hang_up(c);
	c->busy = false;
	if (!one_of_ours(e, head.cluster))
		return;
	if (c->kind == CALL_ALIVE && !ttl) {
		e->lease = 0; /* another is granted at once */
		e->lease_ms = 0;
		return;
	}
	e->lease_ms = begun + (uint64_t)e->lease_s * 1000 / 3;
	if (c->kind != CALL_GRANT)
		return;
	e->lease = lease;
	e->called = true;
	e->to.leased(e->to.ctx);
}

/* Status other than 200. */
static void take_refusal(struct call *c, long status, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	enum etcd_refusal r = etcd_read_refusal(status, c->answer.data, c->answer.len, err);

	if (r == ETCD_TOKEN && e->user && !c->again && c->kind != CALL_LOGIN) {
		/* Fetch another, unless that has been done since, and send it once more. */
		if (c->login == e->login)
			e->have_token = false;
		hang_up(c);
		c->again = true;
		c->begun_ms = mkt_mono_ms();
		return;
	}
	if (r == ETCD_NO_LOGIN && c->kind == CALL_LOGIN) {
		e->no_users = true;
		hang_up(c);
		c->busy = false;
		return;
	}
	if (r == ETCD_UNSURE || c->kind == CALL_LOGIN) {
		no_answer(c, err->text);
		return;
	}
	hang_up(c);
	if (c->kind == CALL_TXN) {
		uint32_t txn_id = c->txn_id;

		c->busy = false; /* callbacks may use it again */
		endpoint_good(e);
		tell(e, txn_id, MKT_KV_REFUSED);
		return;
	}
	c->busy = false;
	endpoint_good(e);
	if (c->kind == CALL_PAGE || c->kind == CALL_WATCH) {
		read_again(e);
		e->watch_ms = mkt_mono_ms() + LOST_RETRY_MS;
	} else {
		e->lease = 0;
		e->lease_ms = mkt_mono_ms() + LOST_RETRY_MS;
	}
}

/* ---- the watch's stream ------------------------------------------------------------------------- */

/* One line.  False: the stream is over. */
static bool take_line(struct call *c, const uint8_t *p, size_t n)
{
	struct mkt_etcd *e = c->etcd;
	struct etcd_news news;
	struct etcd_head head;
	struct mkt_err err;
	int rc = etcd_read_news(p, n, e->prefix, &e->room, hand_over, e, &head, &news, &err);

	if (rc) {
		/* Too much of it for one line: what stands is less. */
		if (rc == -MKT_ELIMIT)
			read_again(e);
		no_answer(c, err.text);
		return false;
	}
	if (!one_of_ours(e, head.cluster))
		return false;
	if (news.canceled) {
		if (news.compacted)
			read_again(e);
		else
			e->have_token = false;
		hang_up(c);
		c->busy = false;
		e->watch_ms = mkt_mono_ms() + (news.compacted ? 0 : LOST_RETRY_MS);
		return false;
	}
	c->open |= news.created;
	if (news.last && !news.fragment)
		e->watch_rev = news.last + 1;
	return true;
}

/* Outside of curl's callbacks, because ours may begin transfers. */
static void take_lines(struct call *c)
{
	size_t at = 0;
	const uint8_t *end;

	if (!c->busy || !c->sent || c->kind != CALL_WATCH)
		return;
	while (at < c->answer.len &&
	       (end = memchr(c->answer.data + at, '\n', c->answer.len - at))) {
		size_t n = (size_t)(end - (c->answer.data + at));

		if (n && !take_line(c, c->answer.data + at, n))
			return;
		at += n + 1;
	}
	if (!at)
		return;
	c->answer.len -= at;
	memmove(c->answer.data, c->answer.data + at, c->answer.len);
}

/* ---- a transfer is over ------------------------------------------------------------------------- */

static void over(struct call *c, CURLcode res)
{
	struct mkt_etcd *e = c->etcd;
	const char *name = e->at[c->endpoint].name;
	struct mkt_err err = {0};
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (res != CURLE_OK || (status == 200 && c->kind == CALL_WATCH)) {
		if (c->long_) {
			mkt_err_set(&err, MKT_ELIMIT, "'%s': answer too long", name);
			if (c->kind == CALL_WATCH)
				read_again(e);
		} else if (!mkt_tls_failure(c->easy, res, name, &e->tls, c->why, &err)) {
			mkt_err_set(&err, MKT_EUNAVAILABLE, "'%s': %s", name,
				    res == CURLE_OK ? "the watch ended" : curl_easy_strerror(res));
		}
		no_answer(c, err.text);
		return;
	}
	if (status != 200) {
		take_refusal(c, status, &err);
		return;
	}
	switch (c->kind) {
	case CALL_LOGIN:
		take_login(c, &err);
		break;
	case CALL_TXN:
		take_txn(c, &err);
		break;
	case CALL_PAGE:
		take_page(c, &err);
		break;
	default:
		take_lease(c, &err);
	}
}

static void reap(struct mkt_etcd *e)
{
	CURLMsg *m;
	int left;

	take_lines(&e->calls[AT_WATCH]);
	while (!e->foreign && (m = curl_multi_info_read(e->multi, &left))) {
		CURLcode res = m->data.result;
		void *c = NULL;

		/* @m dies with the handle's removal. */
		if (m->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c) == CURLE_OK)
			over(c, res);
	}
}

/* ---- time --------------------------------------------------------------------------------------- */

/* When this call is given up; UINT64_MAX: never. */
static uint64_t deadline_of(const struct call *c)
{
	uint64_t limit = c->kind == CALL_LOGIN || !c->sent ? LOGIN_MS : c->etcd->request_ms;
	curl_off_t ready = 0, tcp = 0;

	if (c->kind == CALL_WATCH && c->open)
		return UINT64_MAX;
	if (!c->sent)
		return c->begun_ms + limit;
	/* The time for the answer begins when the request may go out. */
	curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	if (ready > 0)
		return c->begun_ms + (uint64_t)ready / 1000 + limit;
	curl_easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &tcp);
	return c->begun_ms + limit + (tcp > 0 ? SHAKE_MS : 0);
}

/* Give up what is late; returns when the next one will be. */
static uint64_t expire(struct mkt_etcd *e, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls); i++) {
		struct call *c = &e->calls[i];
		uint64_t until = c->busy ? deadline_of(c) : UINT64_MAX;
		char why[MKT_ERR_TEXT_MAX];

		if (until <= now) {
			snprintf(why, sizeof(why), "'%.200s': no answer in time",
				 e->at[c->endpoint].name);
			no_answer(c, why);
		} else if (until < next) {
			next = until;
		}
	}
	return next;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int keep_watch(struct mkt_etcd *e, uint64_t now, uint64_t *next)
{
	struct call *c = &e->calls[AT_WATCH];

	/* It moves with the rest: only then a dead endpoint is noticed. */
	if (c->busy && c->sent && c->endpoint != e->now_at) {
		hang_up(c);
		c->busy = false;
	}
	if (c->busy)
		return 0;
	if (now < e->watch_ms) {
		*next = earlier(*next, e->watch_ms);
		return 0;
	}
	c = begin(e, AT_WATCH, e->watch_rev ? CALL_WATCH : CALL_PAGE);
	if (e->watch_rev)
		etcd_put_watch(&c->body, e->prefix, e->watch_rev);
	else
		etcd_put_page(&c->body, e->prefix, e->page_last, e->page_rev);
	return send_call(c);
}

static int keep_lease(struct mkt_etcd *e, uint64_t now, uint64_t *next)
{
	struct call *c = &e->calls[AT_LEASE];

	if (c->busy)
		return 0;
	if (now < e->lease_ms) {
		*next = earlier(*next, e->lease_ms);
		return 0;
	}
	c = begin(e, AT_LEASE, e->lease ? CALL_ALIVE : CALL_GRANT);
	if (e->lease)
		etcd_put_lease(&c->body, e->lease);
	else
		etcd_put_grant(&c->body, e->lease_s);
	return send_call(c);
}

static int keep_login(struct mkt_etcd *e, uint64_t now, uint64_t *next)
{
	struct call *c = &e->calls[AT_LOGIN];

	if (may_send(e) || c->busy)
		return 0;
	if (now < e->login_ms) {
		*next = earlier(*next, e->login_ms);
		return 0;
	}
	c = begin(e, AT_LOGIN, CALL_LOGIN);
	etcd_put_login(&c->body, e->user, e->password);
	return send_call(c);
}

/* Begin what is due; *@next: when there is more. */
static int keep_up(struct mkt_etcd *e, uint64_t now, uint64_t *next)
{
	int rc = keep_login(e, now, next);

	if (rc || !may_send(e))
		return rc;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls) && !rc; i++)
		if (e->calls[i].busy && !e->calls[i].sent)
			rc = send_call(&e->calls[i]);
	if (!rc)
		rc = keep_lease(e, now, next);
	if (!rc)
		rc = keep_watch(e, now, next);
	return rc;
}

int mkt_etcd_step(struct mkt_etcd *e, uint64_t until_ms, struct mkt_err *err)
{
	int running;

	e->called = false;
	for (;;) {
		uint64_t now = mkt_mono_ms(), next = until_ms;

		e->moved = false;
		if (!e->foreign && keep_up(e, now, &next))
			return mkt_err_code(err, MKT_ENOMEM);
		if (!e->foreign && curl_multi_perform(e->multi, &running) != CURLM_OK)
			return mkt_err_code(err, MKT_ENOMEM);
		reap(e);
		if (e->foreign)
			return mkt_err_set(err, MKT_EFOREIGN,
					   "an etcd of another cluster than %llx answers",
					   (unsigned long long)e->cluster);
		now = mkt_mono_ms();
		next = earlier(next, expire(e, now));
		if (atomic_exchange(&e->woken, false) || e->called || now >= until_ms)
			return 0;
		if (next > now && !e->moved)
			curl_multi_poll(e->multi, NULL, 0, (int)earlier(next - now, 1000), NULL);
	}
}

/* Drive @c alone until it is over. */
static void finish(struct call *c, uint64_t until_ms)
{
	struct mkt_etcd *e = c->etcd;
	uint64_t now;
	int running, left;

	until_ms = earlier(until_ms, c->begun_ms + e->request_ms + SHAKE_MS);
	while ((now = mkt_mono_ms()) < until_ms &&
	       curl_multi_perform(e->multi, &running) == CURLM_OK) {
		CURLMsg *m = curl_multi_info_read(e->multi, &left);
		long status = 0;

		if (m && m->msg == CURLMSG_DONE) {
			curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
			if (m->data.result == CURLE_OK && status == 200)
				e->lease = 0;
			break;
		}
		curl_multi_poll(e->multi, NULL, 0, (int)(until_ms - now), NULL);
	}
	hang_up(c);
	c->busy = false;
}

void mkt_etcd_leave(struct mkt_etcd *e, uint64_t until_ms)
{
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls); i++) {
		hang_up(&e->calls[i]);
		e->calls[i].busy = false;
	}
	for (unsigned i = 0; i < e->nat && e->lease && !e->foreign && may_send(e); i++) {
		struct call *c = begin(e, AT_LEASE, CALL_REVOKE);

		etcd_put_lease(&c->body, e->lease);
		if (send_call(c))
			break;
		finish(c, until_ms);
		e->now_at = (e->now_at + 1) % e->nat;
	}
}
