#include "core/base/compat.h"

#include "core/wire/etcd_impl.h"

#define PREFIX_MAX 64
#define REQUEST_MS 400
#define LEASE_S 3
#define LOGIN_MS 5000 /* passwords are slow by intent */
#define SHAKE_MS 1000 /* a handshake of TLS on a busy machine */
#define CONNECTIONS 32

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
		return mkt_tls_rename(at->name, e->tls.name, &at->base, &at->connect_to)
			       ? mkt_err_code(err, MKT_ENOMEM)
			       : 0;
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
		return mkt_err_set(err, MKT_EUSAGE, "bad prefix '%s' of keys in etcd",
				   conf->prefix);
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

void mkt_etcd_free(struct mkt_etcd *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls); i++) {
		struct etcd_call *c = &e->calls[i];

		etcd_hang_up(c);
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

/* ---- transactions --------------------------------------------------------------------------- */

static bool may_send(const struct mkt_etcd *e)
{
	return !e->user || e->have_token || e->no_users;
}

int mkt_etcd_txn(struct mkt_etcd *e, uint32_t txn_id, const struct mkt_kv_txn *t,
		 struct mkt_err *err)
{
	unsigned i = AT_TXN;
	struct etcd_call *c;

	if (e->foreign)
		return mkt_err_code(err, MKT_EFOREIGN);
	while (i < MKT_ARRAY_SIZE(e->calls) && e->calls[i].busy)
		i++;
	if (i == MKT_ARRAY_SIZE(e->calls))
		return mkt_err_set(err, MKT_EBUSY, "%d transactions with etcd are under way",
				   MKT_ETCD_TXNS_MAX);
	c = etcd_begin(e, i, CALL_TXN);
	c->txn_id = txn_id;
	etcd_ask(&c->asked, t);
	/* A lease that is not: refused by etcd, as it should be. */
	etcd_put_txn(&c->body, e->prefix, t, e->lease ? e->lease : INT64_MAX);
	if (c->body.bad || (may_send(e) && etcd_send(c))) {
		etcd_hang_up(c);
		c->busy = false;
		return mkt_err_code(err, MKT_ENOMEM);
	}
	return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* When this call is given up; UINT64_MAX: never. */
static uint64_t deadline_of(const struct etcd_call *c)
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
		struct etcd_call *c = &e->calls[i];
		uint64_t until = c->busy ? deadline_of(c) : UINT64_MAX;
		char why[MKT_ERR_TEXT_MAX];

		if (until <= now) {
			snprintf(why, sizeof(why), "'%.200s': no answer in time",
				 e->at[c->endpoint].name);
			etcd_no_answer(c, why);
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
	struct etcd_call *c = &e->calls[AT_WATCH];

	/* It moves with the rest: only then a dead endpoint is noticed. */
	if (c->busy && c->sent && c->endpoint != e->now_at) {
		etcd_hang_up(c);
		c->busy = false;
	}
	if (c->busy)
		return 0;
	if (now < e->watch_ms) {
		*next = earlier(*next, e->watch_ms);
		return 0;
	}
	c = etcd_begin(e, AT_WATCH, e->watch_rev ? CALL_WATCH : CALL_PAGE);
	if (e->watch_rev)
		etcd_put_watch(&c->body, e->prefix, e->watch_rev);
	else
		etcd_put_page(&c->body, e->prefix, e->page_last, e->page_rev);
	return etcd_send(c);
}

static int keep_lease(struct mkt_etcd *e, uint64_t now, uint64_t *next)
{
	struct etcd_call *c = &e->calls[AT_LEASE];

	if (c->busy)
		return 0;
	if (now < e->lease_ms) {
		*next = earlier(*next, e->lease_ms);
		return 0;
	}
	c = etcd_begin(e, AT_LEASE, e->lease ? CALL_ALIVE : CALL_GRANT);
	if (e->lease)
		etcd_put_lease(&c->body, e->lease);
	else
		etcd_put_grant(&c->body, e->lease_s);
	return etcd_send(c);
}

static int keep_login(struct mkt_etcd *e, uint64_t now, uint64_t *next)
{
	struct etcd_call *c = &e->calls[AT_LOGIN];

	if (may_send(e) || c->busy)
		return 0;
	if (now < e->login_ms) {
		*next = earlier(*next, e->login_ms);
		return 0;
	}
	c = etcd_begin(e, AT_LOGIN, CALL_LOGIN);
	etcd_put_login(&c->body, e->user, e->password);
	return etcd_send(c);
}

/* Begin what is due; *@next: when there is more. */
static int keep_up(struct mkt_etcd *e, uint64_t now, uint64_t *next)
{
	int rc = keep_login(e, now, next);

	if (rc || !may_send(e))
		return rc;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls) && !rc; i++)
		if (e->calls[i].busy && !e->calls[i].sent)
			rc = etcd_send(&e->calls[i]);
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
		etcd_reap(e);
		if (e->foreign)
			return mkt_err_set(err, MKT_EFOREIGN,
					   "an etcd of another cluster than %llx answers",
					   (unsigned long long)e->cluster);
		/* Late is what was late before curl looked: our pause is not their fault. */
		next = earlier(next, expire(e, now));
		now = mkt_mono_ms();
		if (atomic_exchange(&e->woken, false) || e->called || now >= until_ms)
			return 0;
		if (next > now && !e->moved)
			curl_multi_poll(e->multi, NULL, 0, (int)earlier(next - now, 1000), NULL);
	}
}

/* Drive @c alone until it is over. */
static void finish(struct etcd_call *c, uint64_t until_ms)
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
	etcd_hang_up(c);
	c->busy = false;
}

void mkt_etcd_leave(struct mkt_etcd *e, uint64_t until_ms)
{
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(e->calls); i++) {
		etcd_hang_up(&e->calls[i]);
		e->calls[i].busy = false;
	}
	for (unsigned i = 0; i < e->nat && e->lease && !e->foreign && may_send(e); i++) {
		struct etcd_call *c = etcd_begin(e, AT_LEASE, CALL_REVOKE);

		etcd_put_lease(&c->body, e->lease);
		if (etcd_send(c))
			break;
		finish(c, until_ms);
		e->now_at = (e->now_at + 1) % e->nat;
	}
}
