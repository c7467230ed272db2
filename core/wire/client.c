#include "core/base/compat.h"

#include <errno.h>
#include <time.h>

#include "core/base/limits.h"
#include "core/codec/json.h"
#include "core/wire/client.h"
#include "core/wire/http.h"

#define BACKOFF_MS_MIN 50
#define BACKOFF_MS_MAX 2000
#define RETRY_AFTER_S_MAX 60

struct mkt_client {
	struct mkt_http http;
	uint64_t deadline_ms; /* monotonic; MKT_NEVER */
	struct mkt_rate rate;
};

/* One request, over all its tries. */
struct call {
	const char *path;
	const struct mkt_post *post; /* NULL: GET */
	struct mkt_buf *body;	     /* the whole answer, begun anew with each try */
	mkt_sink_fn *sink;	     /* @body NULL: who takes it as it comes */
	void *ctx;
	struct mkt_buf refusal; /* body of an answer that is no success */
	bool handed;		/* the sink got bytes */
	int sink_rc;
	bool maybe; /* some try may have been applied */
	CURL *easy;
};

enum outcome {
	OUT_DONE,   /* a full answer; its code is the call's */
	OUT_AGAIN,  /* surely not applied */
	OUT_MAYBE,  /* sent, no full answer */
	OUT_ABSENT, /* nobody listens */
	OUT_FATAL,  /* no use to try again */
};

int mkt_client_new(const struct mkt_client_conf *conf, struct mkt_client **out, struct mkt_err *err)
{
	struct mkt_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return mkt_err_code(err, MKT_ENOMEM);
	rc = mkt_http_init(&c->http, conf, err);
	if (rc) {
		free(c);
		return rc;
	}
	c->rate = (struct mkt_rate){-1, -1, -1};
	mkt_client_restart(c, conf->timeout_ms);
	*out = c;
	return 0;
}

void mkt_client_free(struct mkt_client *c)
{
	if (!c)
		return;
	mkt_http_release(&c->http);
	free(c);
}

void mkt_client_restart(struct mkt_client *c, uint64_t timeout_ms)
{
	c->deadline_ms = timeout_ms ? mkt_mono_ms() + timeout_ms : MKT_NEVER;
}

const char *mkt_client_server(const struct mkt_client *c)
{
	return c->http.server;
}

bool mkt_client_stopped(const struct mkt_client *c)
{
	return c->http.stopped;
}

void mkt_client_rate(const struct mkt_client *c, struct mkt_rate *out)
{
	*out = c->rate;
}

void mkt_url_escape(struct mkt_buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
		    (ch >= '0' && ch <= '9') || ch == '-' || ch == '.' || ch == '_' || ch == '~')
			mkt_buf_addch(b, ch);
		else
			mkt_buf_addf(b, "%%%02X", ch);
	}
}

/* ---- one try ---------------------------------------------------------------------------- */

static long status_of(CURL *e)
{
	long status = 0;

	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct call *call = arg;

	n *= size;
	if (status_of(call->easy) != 200) {
		if (call->refusal.len + n <= MKT_ANSWER_BYTES_MAX)
			mkt_buf_add(&call->refusal, p, n);
		return n;
	}
	if (call->body) {
		mkt_buf_add(call->body, p, n);
		if (call->body->bad)
			call->sink_rc = -MKT_ENOMEM;
		else if (call->body->len > MKT_ANSWER_BYTES_MAX)
			call->sink_rc = -MKT_ELIMIT;
	} else {
		call->handed = true;
		call->sink_rc = call->sink(call->ctx, p, n);
	}
	return call->sink_rc < 0 ? 0 : n;
}

static int64_t header_number(CURL *e, const char *name)
{
	struct curl_header *h;
	char *end;
	long long v;

	if (curl_easy_header(e, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return -1;
	errno = 0;
	v = strtoll(h->value, &end, 10);
	return errno || end == h->value || v < 0 ? -1 : v;
}

static int set_up(struct mkt_client *c, struct call *call, struct curl_slist **headers,
		  struct mkt_err *err)
{
	CURL *e = c->http.easy;
	struct mkt_buf line = MKT_BUF_INIT;
	int rc = mkt_http_prepare(&c->http, call->path, err);

	if (rc)
		return rc;
	call->easy = e;
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 128L * 1024);
	rc = mkt_http_sign(&c->http, call->post ? "POST" : "GET", call->path, headers, err);
	if (rc)
		return rc;
	if (!call->post) {
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, *headers);
		return 0;
	}
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->post->p);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->post->n);
	mkt_buf_addf(&line, "Content-Type: %s", call->post->type);
	rc = mkt_http_header(headers, mkt_buf_str(&line), err);
	/* No round trip to ask whether the body is welcome. */
	if (!rc)
		rc = mkt_http_header(headers, "Expect:", err);
	mkt_buf_release(&line);
	if (rc)
		return rc;
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, *headers);
	return 0;
}

/* What the answer's status says; fills @err when it is no success. */
static enum outcome read_status(struct mkt_client *c, struct call *call, uint64_t *wait_ms,
				struct mkt_err *err)
{
	CURL *e = c->http.easy;
	long status = status_of(e);
	int64_t after = header_number(e, "Retry-After");
	bool known;

	c->rate.limit = header_number(e, "RateLimit-Limit");
	c->rate.remaining = header_number(e, "RateLimit-Remaining");
	c->rate.reset_s = header_number(e, "RateLimit-Reset");
	if (status == 200)
		return OUT_DONE;
	known = mkt_client_refusal(status, &call->refusal, err) != -MKT_EUNAVAILABLE;
	if (mkt_http_challenged(&c->http, status)) {
		*wait_ms = 0;
		return OUT_AGAIN;
	}
	if (status == 429 || status == 503) {
		if (after >= 0)
			*wait_ms =
				(uint64_t)(after > RETRY_AFTER_S_MAX ? RETRY_AFTER_S_MAX : after) *
				1000;
		return OUT_AGAIN;
	}
	/* A gateway that lost its server, or a server in trouble, cannot say what was done. */
	if (status >= 500 && status != 507 && (!known || (call->post && call->post->changes)))
		return OUT_MAYBE;
	return OUT_DONE;
}

static enum outcome read_failure(struct mkt_client *c, struct call *call, CURLcode res,
				 struct mkt_err *err)
{
	if (res == CURLE_WRITE_ERROR && call->sink_rc < 0) {
		mkt_err_code(err, -call->sink_rc);
		return OUT_FATAL;
	}
	if (res == CURLE_OUT_OF_MEMORY) {
		mkt_err_code(err, MKT_ENOMEM);
		return OUT_FATAL;
	}
	mkt_http_failure(&c->http, res, MKT_EUNAVAILABLE, err);
	if (err->code == MKT_EDENIED || err->code == MKT_EUSAGE)
		return OUT_FATAL;
	if (!mkt_http_unsent(&c->http))
		return OUT_MAYBE;
	if (res == CURLE_COULDNT_CONNECT || res == CURLE_COULDNT_RESOLVE_HOST)
		return OUT_ABSENT;
	if (res == CURLE_PEER_FAILED_VERIFICATION || res == CURLE_UNSUPPORTED_PROTOCOL)
		return OUT_FATAL;
	return OUT_AGAIN;
}

static enum outcome attempt(struct mkt_client *c, struct call *call, uint64_t *wait_ms,
			    struct mkt_err *err)
{
	struct curl_slist *headers = NULL;
	enum outcome out = OUT_FATAL;
	enum mkt_drive drive;
	CURLcode res = CURLE_AGAIN;
	uint64_t begun = mkt_mono_ms();

	mkt_buf_clear(&call->refusal);
	if (call->body)
		mkt_buf_clear(call->body);
	call->sink_rc = 0;
	if (set_up(c, call, &headers, err)) {
		curl_slist_free_all(headers);
		return OUT_FATAL;
	}
	curl_multi_add_handle(c->http.multi, c->http.easy);
	drive = mkt_http_drive(&c->http, c->deadline_ms, NULL, &res);
	if (drive == MKT_DRIVE_DONE && res == CURLE_OK) {
		out = read_status(c, call, wait_ms, err);
	} else if (drive == MKT_DRIVE_DONE) {
		out = read_failure(c, call, res, err);
	} else {
		bool unsent = mkt_http_unsent(&c->http);

		mkt_err_set(err, unsent ? MKT_EUNAVAILABLE : MKT_ETIMEOUT, "'%s' gave no answer %s",
			    c->http.server, drive == MKT_DRIVE_LATE ? "in time" : "yet");
		out = unsent ? OUT_AGAIN : OUT_MAYBE;
	}
	curl_multi_remove_handle(c->http.multi, c->http.easy);
	curl_slist_free_all(headers);
	mkt_http_trace(&c->http, "%s %s: %s %ld, %u ms", call->post ? "POST" : "GET", call->path,
		       res == CURLE_OK ? "status" : "no answer, curl",
		       res == CURLE_OK ? status_of(c->http.easy) : (long)res,
		       (unsigned)(mkt_mono_ms() - begun));
	return out;
}

/* ---- a call ----------------------------------------------------------------------------- */

/* A little disorder, so that a hundred clients that lost one server do not come back as one. */
static uint64_t jitter(uint64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ms / 2 + (uint64_t)t.tv_nsec / 1000 % (ms / 2 + 1);
}

/* The last try failed in a way that may pass: what the whole call comes to. */
static int give_up(const struct mkt_client *c, const struct call *call, struct mkt_err *err)
{
	struct mkt_err last = *err;

	if (call->maybe && call->post && call->post->changes)
		return mkt_err_set(err, MKT_EUNKNOWN, "%s; it may have been applied", last.text);
	if (c->http.stopped)
		return mkt_err_set(err, MKT_ECANCELLED, "interrupted; nothing was applied");
	return -err->code;
}

static int try_until_known(struct mkt_client *c, struct call *call, struct mkt_err *err)
{
	uint64_t delay = BACKOFF_MS_MIN, absent_until = mkt_mono_ms() + c->http.conf.connect_ms;

	for (;;) {
		uint64_t wait = jitter(delay), now;
		enum outcome out;

		memset(err, 0, sizeof(*err));
		out = attempt(c, call, &wait, err);
		if (out == OUT_DONE || (out == OUT_FATAL && !call->maybe))
			return -err->code;
		call->maybe |= out == OUT_MAYBE;
		now = mkt_mono_ms();
		if (out == OUT_FATAL || c->http.stopped || call->handed ||
		    now + wait >= c->deadline_ms ||
		    (out == OUT_ABSENT && now + wait >= absent_until))
			return give_up(c, call, err);
		mkt_http_trace(&c->http, "%s: next try in %u ms", err->text, (unsigned)wait);
		if (!mkt_http_pause(&c->http, wait, c->deadline_ms))
			return give_up(c, call, err);
		delay = delay * 2 > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : delay * 2;
	}
}

static int run(struct mkt_client *c, struct call *call, struct mkt_err *err)
{
	struct mkt_err mine;
	int rc = try_until_known(c, call, err ? err : &mine);

	mkt_buf_release(&call->refusal);
	return rc;
}

int mkt_client_get(struct mkt_client *c, const char *path, struct mkt_buf *body,
		   struct mkt_err *err)
{
	struct call call = {.path = path, .body = body};

	return run(c, &call, err);
}

int mkt_client_fetch(struct mkt_client *c, const char *path, mkt_sink_fn *sink, void *ctx,
		     struct mkt_err *err)
{
	struct call call = {.path = path, .sink = sink, .ctx = ctx};

	return run(c, &call, err);
}

int mkt_client_post(struct mkt_client *c, const struct mkt_post *post, struct mkt_buf *body,
		    struct mkt_err *err)
{
	struct call call = {.path = post->path, .post = post, .body = body};

	return run(c, &call, err);
}

/* ---- refusals --------------------------------------------------------------------------- */

static int code_of_status(long status)
{
	switch (status) {
	case 400:
		return MKT_EINVAL;
	case 401:
	case 403:
		return MKT_EDENIED;
	case 404:
		return MKT_ENOTFOUND;
	case 409:
		return MKT_ECONFLICT;
	case 413:
		return MKT_ELIMIT;
	case 429:
		return MKT_ERATE;
	case 503:
		return MKT_EBUSY;
	case 507:
		return MKT_EDISKFULL;
	default:
		return MKT_EUNAVAILABLE;
	}
}

int mkt_client_refusal(long status, const struct mkt_buf *body, struct mkt_err *err)
{
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root, e;
	char word[32], text[MKT_ERR_TEXT_MAX], hint[MKT_ERR_HINT_MAX];
	int code = code_of_status(status);

	mkt_err_set(err, code, "the server answered with status %ld", status);
	if (mkt_jdoc_parse(mkt_buf_str(body), body->len, NULL, &doc, NULL))
		return -code;
	root = mkt_jdoc_root(doc);
	if (!mkt_jget_obj(&root, "error", &e, NULL) &&
	    !mkt_jget_text(&e, "code", word, sizeof(word), NULL) &&
	    !mkt_jget_text(&e, "message", text, sizeof(text), NULL)) {
		int found = mkt_code_find(word);

		/* A word that this program does not know yet keeps the class of the status. */
		code = found > 0 ? found : code;
		mkt_err_set(err, code, "%s", text);
		if (!mkt_jget_text(&e, "hint", hint, sizeof(hint), NULL))
			mkt_err_hint(err, "%s", hint);
	}
	mkt_jdoc_free(doc);
	return -code;
}
