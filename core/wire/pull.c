#include "core/base/compat.h"

#include "core/base/limits.h"
#include "core/wire/http.h"
#include "core/wire/pull.h"

#define CONNECTING_MS 20 /* no descriptor to poll yet */

struct ask {
	char *path;
	mkt_pull_fn *done;
	void *ctx;
};

/* One connection and what runs on it. */
struct line {
	struct mkt_http http;
	bool busy;
	struct ask ask;
	struct mkt_buf body;
	uint64_t until_ms;
};

struct mkt_pull {
	struct line lines[MKT_PULL_LINES];
	struct ask queue[MKT_PULL_QUEUE_MAX];
	unsigned nqueue;
};

int mkt_pull_new(const struct mkt_client_conf *conf, struct mkt_pull **out, struct mkt_err *err)
{
	struct mkt_pull *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (!p)
		return mkt_err_code(err, MKT_ENOMEM);
	for (unsigned i = 0; !rc && i < MKT_PULL_LINES; i++)
		rc = mkt_http_init(&p->lines[i].http, conf, err);
	if (rc) {
		mkt_pull_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void mkt_pull_free(struct mkt_pull *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < MKT_PULL_LINES; i++) {
		mkt_http_release(&p->lines[i].http);
		mkt_buf_release(&p->lines[i].body);
		free(p->lines[i].ask.path);
	}
	for (unsigned i = 0; i < p->nqueue; i++)
		free(p->queue[i].path);
	free(p);
}

int mkt_pull_get(struct mkt_pull *p, const char *path, mkt_pull_fn *done, void *ctx)
{
	struct ask *a = &p->queue[p->nqueue];

	if (p->nqueue == MKT_PULL_QUEUE_MAX)
		return -MKT_EBUSY;
	a->path = strdup(path);
	if (!a->path)
		return -MKT_ENOMEM;
	a->done = done;
	a->ctx = ctx;
	p->nqueue++;
	return 0;
}

static size_t on_body(char *s, size_t size, size_t n, void *arg)
{
	struct line *l = arg;

	n *= size;
	if (l->body.len + n > MKT_ANSWER_BYTES_MAX)
		return 0;
	mkt_buf_add(&l->body, s, n);
	return l->body.bad ? 0 : n;
}

static int begin(struct line *l, struct mkt_err *err)
{
	int rc = mkt_http_prepare(&l->http, l->ask.path, err);

	if (rc)
		return rc;
	curl_easy_setopt(l->http.easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(l->http.easy, CURLOPT_WRITEDATA, l);
	mkt_buf_clear(&l->body);
	curl_multi_add_handle(l->http.multi, l->http.easy);
	l->until_ms = mkt_mono_ms() + MKT_PULL_MS;
	return 0;
}

static void finish(struct line *l, const struct mkt_err *err)
{
	struct ask ask = l->ask;

	l->ask.path = NULL;
	l->busy = false;
	ask.done(ask.ctx, err ? NULL : &l->body, err);
	free(ask.path);
}

static void take_next(struct mkt_pull *p, struct line *l)
{
	struct mkt_err err = {0};

	l->ask = p->queue[0];
	p->nqueue--;
	memmove(p->queue, p->queue + 1, p->nqueue * sizeof(*p->queue));
	l->busy = true;
	if (begin(l, &err))
		finish(l, &err);
}

static void go_on(struct line *l)
{
	struct mkt_err err = {0};
	CURLcode res = CURLE_AGAIN;
	long status = 0;

	/* Its deadline is now: drive what is ready and do not wait. */
	if (mkt_http_drive(&l->http, 0, NULL, &res) != MKT_DRIVE_DONE) {
		if (mkt_mono_ms() < l->until_ms)
			return;
		mkt_err_set(&err, MKT_ETIMEOUT, "'%s' gave no answer in time", l->http.server);
	} else if (res != CURLE_OK) {
		mkt_http_failure(&l->http, res, MKT_EUNAVAILABLE, &err);
	} else {
		curl_easy_getinfo(l->http.easy, CURLINFO_RESPONSE_CODE, &status);
		if (status != 200)
			mkt_client_refusal(status, &l->body, &err);
	}
	curl_multi_remove_handle(l->http.multi, l->http.easy);
	finish(l, err.code ? &err : NULL);
}

void mkt_pull_turn(struct mkt_pull *p)
{
	for (unsigned i = 0; i < MKT_PULL_LINES; i++) {
		struct line *l = &p->lines[i];

		if (!l->busy && p->nqueue)
			take_next(p, l);
		if (l->busy)
			go_on(l);
	}
}

unsigned mkt_pull_fds(const struct mkt_pull *p, struct pollfd *out, int *wait_ms)
{
	uint64_t now = mkt_mono_ms();
	unsigned n = 0;

	if (p->nqueue && mkt_pull_open(p) < p->nqueue + MKT_PULL_LINES)
		*wait_ms = 0; /* a line is free */
	for (unsigned i = 0; i < MKT_PULL_LINES; i++) {
		const struct line *l = &p->lines[i];
		curl_socket_t fd = CURL_SOCKET_BAD;
		uint64_t left;

		if (!l->busy)
			continue;
		curl_easy_getinfo(l->http.easy, CURLINFO_ACTIVESOCKET, &fd);
		if (fd != CURL_SOCKET_BAD)
			out[n++] = (struct pollfd){.fd = (int)fd, .events = POLLIN};
		left = fd == CURL_SOCKET_BAD ? CONNECTING_MS
		       : l->until_ms > now   ? l->until_ms - now
					     : 0;
		if (*wait_ms < 0 || left < (uint64_t)*wait_ms)
			*wait_ms = (int)left;
	}
	return n;
}

unsigned mkt_pull_open(const struct mkt_pull *p)
{
	unsigned n = p->nqueue;

	for (unsigned i = 0; i < MKT_PULL_LINES; i++)
		n += p->lines[i].busy;
	return n;
}
