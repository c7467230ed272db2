#include "core/base/compat.h"

#include "core/wire/etcd_impl.h"

#define RETRY_MS 20 /* after a failure, on the next endpoint */
#define LOST_RETRY_MS 200

struct etcd_call *etcd_begin(struct mkt_etcd *e, unsigned i, uint8_t kind)
{
	struct etcd_call *c = &e->calls[i];

	c->busy = true;
	c->again = false;
	c->kind = kind;
	c->begun_ms = mkt_mono_ms();
	mkt_buf_clear(&c->body);
	return c;
}

void etcd_hang_up(struct etcd_call *c)
{
	if (c->sent)
		curl_multi_remove_handle(c->etcd->multi, c->easy);
	c->sent = false;
	c->etcd->moved = true;
	curl_slist_free_all(c->headers);
	c->headers = NULL;
}

/* ---- sending -------------------------------------------------------------------------------- */

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct etcd_call *c = arg;

	n *= size;
	c->long_ = c->answer.len + n > MKT_ETCD_ANSWER_MAX;
	if (c->long_)
		return 0;
	mkt_buf_add(&c->answer, p, n);
	return c->answer.bad ? 0 : n;
}

static bool set_headers(struct etcd_call *c)
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
		[CALL_LOGIN] = "/v3/auth/authenticate",
		[CALL_WATCH] = "/v3/watch",
		[CALL_PAGE] = "/v3/kv/range",
		[CALL_GRANT] = "/v3/lease/grant",
		[CALL_ALIVE] = "/v3/lease/keepalive",
		[CALL_REVOKE] = "/v3/lease/revoke",
		[CALL_TXN] = "/v3/kv/txn",
	};

	return paths[kind];
}

int etcd_send(struct etcd_call *c)
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

/* ---- what answers mean ---------------------------------------------------------------------- */

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
static uint8_t outcome_unsent(const struct etcd_call *c)
{
	long sent = 0;

	if (c->sent && (curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent) || sent))
		return MKT_KV_UNKNOWN;
	return MKT_KV_REFUSED;
}

void etcd_no_answer(struct etcd_call *c, const char *why)
{
	struct mkt_etcd *e = c->etcd;
	uint8_t outcome = outcome_unsent(c);
	uint32_t txn_id = c->txn_id;
	unsigned endpoint = c->endpoint;
	uint8_t kind = c->kind;
	bool sent = c->sent;

	etcd_hang_up(c);
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

static void take_login(struct etcd_call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	struct etcd_head head;

	if (etcd_read_login(c->answer.data, c->answer.len, &head, e->token, err)) {
		etcd_no_answer(c, err->text);
		return;
	}
	etcd_hang_up(c);
	c->busy = false;
	if (one_of_ours(e, head.cluster)) {
		e->have_token = true;
		e->login++;
	}
}

static void take_txn(struct etcd_call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	uint32_t txn_id = c->txn_id;
	struct etcd_head head;

	if (etcd_read_txn(c->answer.data, c->answer.len, e->prefix, &c->asked, &e->room, &e->answer,
			  &head, err)) {
		etcd_no_answer(c, err->text);
		return;
	}
	etcd_hang_up(c);
	c->busy = false; /* callbacks may use it again */
	e->answer.cluster = head.cluster;
	if (one_of_ours(e, head.cluster))
		tell(e, txn_id, e->answer.outcome);
}

static void take_page(struct etcd_call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	struct etcd_head head;
	bool more = false;

	if (etcd_read_page(c->answer.data, c->answer.len, e->prefix, &e->room, hand_over, e, &head,
			   &more, e->page_last, err)) {
		etcd_no_answer(c, err->text);
		return;
	}
	etcd_hang_up(c);
	c->busy = false;
	if (!one_of_ours(e, head.cluster))
		return;
	/* Later pages are of the revision of the first. */
	if (!e->page_rev)
		e->page_rev = head.revision;
	e->watch_rev = more ? 0 : e->page_rev + 1;
}

static void take_lease(struct etcd_call *c, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	struct etcd_head head;
	uint64_t lease, ttl;
	uint64_t begun = c->begun_ms;

	if (etcd_read_lease(c->answer.data, c->answer.len, &head, &lease, &ttl, err)) {
		etcd_no_answer(c, err->text);
		return;
	}
	etcd_hang_up(c);
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
static void take_refusal(struct etcd_call *c, long status, struct mkt_err *err)
{
	struct mkt_etcd *e = c->etcd;
	enum etcd_refusal r = etcd_read_refusal(status, c->answer.data, c->answer.len, err);

	if (r == ETCD_TOKEN && e->user && !c->again && c->kind != CALL_LOGIN) {
		/* Fetch another, unless that has been done since, and send it once more. */
		if (c->login == e->login)
			e->have_token = false;
		etcd_hang_up(c);
		c->again = true;
		c->begun_ms = mkt_mono_ms();
		return;
	}
	if (r == ETCD_NO_LOGIN && c->kind == CALL_LOGIN) {
		e->no_users = true;
		etcd_hang_up(c);
		c->busy = false;
		return;
	}
	if (r == ETCD_UNSURE || c->kind == CALL_LOGIN) {
		etcd_no_answer(c, err->text);
		return;
	}
	etcd_hang_up(c);
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

/* ---- the watch's stream --------------------------------------------------------------------- */

/* One line.  False: the stream is over. */
static bool take_line(struct etcd_call *c, const uint8_t *p, size_t n)
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
		etcd_no_answer(c, err.text);
		return false;
	}
	if (!one_of_ours(e, head.cluster))
		return false;
	if (news.canceled) {
		if (news.compacted)
			read_again(e);
		else
			e->have_token = false;
		etcd_hang_up(c);
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
static void take_lines(struct etcd_call *c)
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

/* ---- a transfer is over --------------------------------------------------------------------- */

static void over(struct etcd_call *c, CURLcode res)
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
		etcd_no_answer(c, err.text);
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

void etcd_reap(struct mkt_etcd *e)
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
