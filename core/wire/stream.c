#include "core/base/compat.h"

#include "core/base/limits.h"
#include "core/wire/http.h"
#include "core/wire/stream.h"

#define BACKOFF_MS_MIN 250
#define BACKOFF_MS_MAX 5000
#define REFUSAL_BYTES_MAX 4096

struct mkt_stream {
	struct mkt_http http;
	char *path;
	struct mkt_sse sse;
	char cursor[MKT_SSE_ID_MAX + 1];
	struct curl_slist *headers;
	struct mkt_buf refusal;
	bool running; /* a transfer is under way */
	bool fresh;   /* bytes came since the last look */
	bool over;    /* ... and has ended with @over_res; what came with it may still be unread */
	CURLcode over_res;
	bool no_memory;
	uint64_t heard_ms;
	uint64_t retry_ms; /* not before */
	uint64_t delay_ms;
};

int mkt_stream_new(const struct mkt_client_conf *conf, const struct mkt_stream_conf *what,
		   struct mkt_stream **out, struct mkt_err *err)
{
	struct mkt_stream *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return mkt_err_code(err, MKT_ENOMEM);
	rc = mkt_http_init(&s->http, conf, err);
	if (!rc) {
		s->path = strdup(what->path);
		if (!s->path)
			rc = mkt_err_code(err, MKT_ENOMEM);
		else if (what->cursor && strlen(what->cursor) > MKT_SSE_ID_MAX)
			rc = mkt_err_set(err, MKT_EINVAL, "'%.80s' is not a cursor", what->cursor);
	}
	if (rc) {
		mkt_stream_free(s);
		return rc;
	}
	if (what->cursor)
		snprintf(s->cursor, sizeof(s->cursor), "%s", what->cursor);
	s->delay_ms = BACKOFF_MS_MIN;
	*out = s;
	return 0;
}

static void hang_up(struct mkt_stream *s)
{
	if (s->running)
		curl_multi_remove_handle(s->http.multi, s->http.easy);
	s->running = false;
	s->over = false;
	curl_slist_free_all(s->headers);
	s->headers = NULL;
}

void mkt_stream_free(struct mkt_stream *s)
{
	if (!s)
		return;
	hang_up(s);
	mkt_http_release(&s->http);
	mkt_sse_release(&s->sse);
	mkt_buf_release(&s->refusal);
	free(s->path);
	free(s);
}

const char *mkt_stream_cursor(const struct mkt_stream *s)
{
	return s->cursor;
}

int mkt_stream_fd(const struct mkt_stream *s)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (s->running && !s->over)
		curl_easy_getinfo(s->http.easy, CURLINFO_ACTIVESOCKET, &fd);
	return fd == CURL_SOCKET_BAD ? -1 : (int)fd;
}

uint64_t mkt_stream_now_ms(void)
{
	return mkt_mono_ms();
}

static long status_of(const struct mkt_stream *s)
{
	long status = 0;

	curl_easy_getinfo(s->http.easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

bool mkt_stream_connected(const struct mkt_stream *s)
{
	return s->running && !s->over && status_of(s) == 200;
}

uint64_t mkt_stream_retry_ms(const struct mkt_stream *s)
{
	return s->running ? 0 : s->retry_ms;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct mkt_stream *s = arg;

	n *= size;
	s->heard_ms = mkt_mono_ms();
	if (status_of(s) != 200) {
		if (s->refusal.len + n <= REFUSAL_BYTES_MAX)
			mkt_buf_add(&s->refusal, p, n);
		return n;
	}
	s->fresh = true;
	s->delay_ms = BACKOFF_MS_MIN;
	if (mkt_sse_feed(&s->sse, p, n)) {
		s->no_memory = true;
		return 0;
	}
	return n;
}

/* Ask again, behind the last event that was handed out. */
static int dial(struct mkt_stream *s, struct mkt_err *err)
{
	char line[sizeof("Last-Event-ID: ") + MKT_SSE_ID_MAX];
	int rc = mkt_http_prepare(&s->http, s->path, err);

	if (!rc)
		rc = mkt_http_header(&s->headers, "Accept: text/event-stream", err);
	if (!rc && s->cursor[0]) {
		snprintf(line, sizeof(line), "Last-Event-ID: %s", s->cursor);
		rc = mkt_http_header(&s->headers, line, err);
	}
	if (!rc)
		rc = mkt_http_sign(&s->http, "GET", s->path, &s->headers, err);
	if (rc) {
		curl_slist_free_all(s->headers);
		s->headers = NULL;
		return rc;
	}
	curl_easy_setopt(s->http.easy, CURLOPT_HTTPHEADER, s->headers);
	curl_easy_setopt(s->http.easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(s->http.easy, CURLOPT_WRITEDATA, s);
	mkt_buf_clear(&s->refusal);
	mkt_sse_restart(&s->sse);
	curl_multi_add_handle(s->http.multi, s->http.easy);
	s->running = true;
	s->fresh = false;
	s->heard_ms = mkt_mono_ms();
	mkt_http_trace(&s->http, "GET %s, after '%s'", s->path, s->cursor);
	return 0;
}

static int lost(struct mkt_stream *s)
{
	hang_up(s);
	mkt_sse_restart(&s->sse);
	s->retry_ms = mkt_mono_ms() + s->delay_ms;
	s->delay_ms = s->delay_ms * 2 > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : s->delay_ms * 2;
	return MKT_STREAM_LOST;
}

/* The transfer is over: a refusal that will stay, or a loss. */
static int ended(struct mkt_stream *s, CURLcode res, struct mkt_err *err)
{
	long status = status_of(s);

	if (s->no_memory)
		return mkt_err_code(err, MKT_ENOMEM);
	if (res != CURLE_OK) {
		int rc = mkt_http_failure(&s->http, res, MKT_EUNAVAILABLE, err);

		return rc == -MKT_EUSAGE || rc == -MKT_EDENIED ? rc : lost(s);
	}
	if (status == 200) {
		mkt_err_set(err, MKT_EUNAVAILABLE, "'%s' ended the stream", s->http.server);
		return lost(s);
	}
	mkt_client_refusal(status, &s->refusal, err);
	if (mkt_http_challenged(&s->http, status)) {
		lost(s);
		s->retry_ms = 0; /* again at once: nobody need hear of it */
		if (err)
			memset(err, 0, sizeof(*err));
		return MKT_STREAM_EVENT;
	}
	if (status == 429 || status >= 500)
		return lost(s);
	hang_up(s);
	return err ? -err->code : -MKT_EUNAVAILABLE;
}

/* Bytes, the end, or the time: one wait.  1: look at the parser again. */
static int listen_once(struct mkt_stream *s, uint64_t until_ms, struct mkt_err *err)
{
	uint64_t quiet = s->heard_ms + MKT_STREAM_QUIET_MS;
	CURLcode res;

	if (s->over)
		return ended(s, s->over_res, err);
	switch (mkt_http_drive(&s->http, until_ms < quiet ? until_ms : quiet, &s->fresh, &res)) {
	case MKT_DRIVE_STOPPED:
		return mkt_err_set(err, MKT_ECANCELLED, "interrupted");
	case MKT_DRIVE_LATE:
		if (mkt_mono_ms() >= until_ms)
			return MKT_STREAM_QUIET;
		mkt_err_set(err, MKT_EUNAVAILABLE, "'%s' has been silent for %u s", s->http.server,
			    MKT_STREAM_QUIET_MS / 1000);
		return lost(s);
	default:
		s->over = res != CURLE_AGAIN;
		s->over_res = res;
		s->fresh = false;
		return MKT_STREAM_EVENT;
	}
}

int mkt_stream_next(struct mkt_stream *s, uint64_t until_ms, struct mkt_sse_event *ev,
		    struct mkt_err *err)
{
	for (;;) {
		int rc = mkt_sse_next(&s->sse, ev);

		if (rc < 0)
			return mkt_err_set(err, -rc, "an event of the stream is too long");
		if (rc > 0) {
			if (ev->id[0])
				snprintf(s->cursor, sizeof(s->cursor), "%s", ev->id);
			return MKT_STREAM_EVENT;
		}
		if (!s->running) {
			uint64_t now = mkt_mono_ms();

			if (now < s->retry_ms &&
			    !mkt_http_pause(&s->http, s->retry_ms - now, until_ms))
				return mkt_err_set(err, MKT_ECANCELLED, "interrupted");
			if (mkt_mono_ms() < s->retry_ms)
				return MKT_STREAM_QUIET;
			rc = dial(s, err);
			if (rc)
				return rc;
		}
		rc = listen_once(s, until_ms, err);
		if (rc != MKT_STREAM_EVENT)
			return rc;
	}
}
