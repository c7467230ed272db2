#include "core/base/compat.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/stream.h"
#include "tui/feed.h"

#define RETRY_MS_MIN 1000 /* after a refusal; losses have the stream's own pauses */
#define RETRY_MS_MAX 30000
#define LOOK_MS 20 /* no descriptor to poll yet */

/* One event waits as its kind and its JSON, each with NUL. */
struct tui_feed {
	struct mkt_client_conf conf;
	struct mkt_pull *pull;
	struct mkt_stream *stream; /* NULL: refused, or paused */
	char cursor[MKT_SSE_ID_MAX + 1];
	struct mkt_buf waiting; /* events of a block that is not whole, from @at */
	size_t at;
	bool whole; /* they may be handed out, with @block_ms */
	uint64_t block_ms;
	uint64_t read_ms;  /* not before */
	uint64_t retry_ms; /* not before, after a refusal */
	uint64_t delay_ms;
	uint64_t lost_ms; /* when it was lost; 0: it is not */
	bool ever, connected, paused;
	char why[MKT_ERR_TEXT_MAX]; /* last told reason of a loss */
};

int tui_feed_new(const struct mkt_client_conf *conf, struct tui_feed **out, struct mkt_err *err)
{
	struct tui_feed *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return mkt_err_code(err, MKT_ENOMEM);
	f->conf = *conf;
	f->delay_ms = RETRY_MS_MIN;
	rc = mkt_pull_new(conf, &f->pull, err);
	if (rc) {
		free(f);
		return rc;
	}
	*out = f;
	return 0;
}

void tui_feed_free(struct tui_feed *f)
{
	if (!f)
		return;
	mkt_stream_free(f->stream);
	mkt_pull_free(f->pull);
	mkt_buf_release(&f->waiting);
	free(f);
}

static int get(void *ctx, const char *path, mkt_pull_fn *done, void *done_ctx)
{
	struct tui_feed *f = ctx;

	return mkt_pull_get(f->pull, path, done, done_ctx);
}

struct tui_source tui_feed_source(struct tui_feed *f)
{
	return (struct tui_source){.get = get, .ctx = f};
}

unsigned tui_feed_fds(const struct tui_feed *f, struct pollfd *out, int *wait_ms)
{
	unsigned n = mkt_pull_fds(f->pull, out, wait_ms);
	uint64_t now = mkt_stream_now_ms(), at = 0;
	int fd = f->stream ? mkt_stream_fd(f->stream) : -1;

	if (f->paused)
		return n;
	if (f->whole)
		at = now;
	else if (!f->stream)
		at = f->retry_ms;
	else if (fd < 0)
		at = mkt_stream_retry_ms(f->stream) > now ? mkt_stream_retry_ms(f->stream)
							  : now + LOOK_MS;
	else if (now < f->read_ms)
		at = f->read_ms;
	else
		out[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	if (at) {
		uint64_t left = at > now ? at - now : 0;

		if (*wait_ms < 0 || left < (uint64_t)*wait_ms)
			*wait_ms = (int)left;
	}
	return n;
}

/* ---- events ------------------------------------------------------------------------------- */

static uint64_t number_of(const struct mkt_jval *obj, const char *key)
{
	uint64_t v = 0;

	return mkt_jget_u64(obj, key, INT64_MAX, &v, NULL) ? 0 : v;
}

static void hand_out(struct tui_feed *f, struct tui_dash *d, const char *kind, const char *json)
{
	struct tui_event ev = {.kind = kind, .time_ms = f->block_ms};
	struct mkt_jdoc *doc = NULL;

	if (mkt_jdoc_parse(json, strlen(json), NULL, &doc, NULL))
		return; /* not JSON: nobody here can make anything of it */
	ev.data = mkt_jdoc_root(doc);
	ev.height = number_of(&ev.data, "height");
	ev.n = (uint32_t)number_of(&ev.data, "n");
	if (!ev.time_ms)
		ev.time_ms = tui_dash_chain_ms(d);
	tui_dash_event(d, &ev);
	mkt_jdoc_free(doc);
}

/* Those that wait, for a few milliseconds. */
static void hand_out_some(struct tui_feed *f, struct tui_dash *d)
{
	uint64_t until = mkt_stream_now_ms() + TUI_FEED_WORK_MS;

	while (f->at < f->waiting.len) {
		const char *kind = (const char *)f->waiting.data + f->at;
		const char *json = kind + strlen(kind) + 1;

		f->at += strlen(kind) + strlen(json) + 2;
		hand_out(f, d, kind, json);
		if (mkt_stream_now_ms() >= until)
			break;
	}
	if (f->at < f->waiting.len)
		return;
	mkt_buf_clear(&f->waiting);
	f->at = 0;
	f->whole = false;
}

static uint64_t time_of_block(const char *json, size_t n)
{
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root;
	uint64_t ms;

	if (mkt_jdoc_parse(json, n, NULL, &doc, NULL))
		return 0;
	root = mkt_jdoc_root(doc);
	ms = number_of(&root, "time_ms");
	mkt_jdoc_free(doc);
	return ms;
}

static void keep(struct tui_feed *f, const struct mkt_sse_event *ev)
{
	size_t before = f->waiting.len;

	mkt_buf_add(&f->waiting, ev->kind, strlen(ev->kind) + 1);
	mkt_buf_add(&f->waiting, ev->data, strnlen(ev->data, ev->len));
	mkt_buf_addch(&f->waiting, '\0');
	if (f->waiting.bad) { /* no memory: what is there goes, this one is lost */
		f->waiting.bad = false;
		f->waiting.len = before;
		f->whole = before > 0;
		return;
	}
	f->whole = !strcmp(ev->kind, "block");
	f->block_ms = f->whole ? time_of_block(ev->data, ev->len) : 0;
	if (f->waiting.len >= TUI_FEED_BYTES_MAX)
		f->whole = true; /* a block too long to wait for: with the time by the clock */
}

/* ---- the line ----------------------------------------------------------------------------- */

static void lost(struct tui_feed *f, struct tui_dash *d, const struct mkt_err *err)
{
	if (!f->lost_ms)
		f->lost_ms = d->steady_ms ? d->steady_ms : 1;
	if (strcmp(f->why, err->text) != 0) {
		snprintf(f->why, sizeof(f->why), "%s", err->text);
		tui_dash_say(d, TUI_BAD, "%s", err->text);
	}
	f->connected = false;
	tui_dash_touch(d);
}

static void refused(struct tui_feed *f, struct tui_dash *d, const struct mkt_err *err)
{
	mkt_stream_free(f->stream);
	f->stream = NULL;
	f->retry_ms = d->steady_ms + f->delay_ms;
	f->delay_ms = f->delay_ms * 2 > RETRY_MS_MAX ? RETRY_MS_MAX : f->delay_ms * 2;
	/* A cursor that the node does not know: another chain, or one that lost its end. */
	f->cursor[0] = '\0';
	lost(f, d, err);
}

static void dial(struct tui_feed *f, struct tui_dash *d)
{
	struct mkt_stream_conf what = {.path = "/v1/events", .cursor = f->cursor};
	struct mkt_err err = {0};

	if (f->lost_ms && d->steady_ms - f->lost_ms > TUI_GAP_MS)
		f->cursor[0] = '\0';
	if (mkt_stream_new(&f->conf, &what, &f->stream, &err))
		refused(f, d, &err);
}

static void connected(struct tui_feed *f, struct tui_dash *d)
{
	f->connected = true;
	f->delay_ms = RETRY_MS_MIN;
	f->lost_ms = 0;
	d->word_ms = d->steady_ms;
	if (f->why[0] && !strcmp(d->said, f->why))
		d->said[0] = '\0';
	f->why[0] = '\0';
	if (f->ever)
		tui_dash_reload(d);
	f->ever = true;
	tui_dash_touch(d);
}

/* After a long loss what was missed is not worth its while: panes read again anyway. */
static bool too_old(const struct tui_feed *f, const struct tui_dash *d)
{
	return f->lost_ms && f->cursor[0] && d->steady_ms - f->lost_ms > TUI_GAP_MS;
}

static void read_line(struct tui_feed *f, struct tui_dash *d)
{
	uint64_t until = mkt_stream_now_ms() + TUI_FEED_WORK_MS;
	struct mkt_sse_event ev;
	struct mkt_err err = {0};
	int news;

	do {
		news = mkt_stream_next(f->stream, 0, &ev, &err);
		if (news == MKT_STREAM_EVENT) {
			keep(f, &ev);
			snprintf(f->cursor, sizeof(f->cursor), "%s", mkt_stream_cursor(f->stream));
			d->word_ms = d->steady_ms;
			f->read_ms = d->steady_ms + TUI_FEED_PAUSE_MS;
		}
	} while (news == MKT_STREAM_EVENT && !f->whole && mkt_stream_now_ms() < until);
	if (news < 0)
		refused(f, d, &err);
	else if (news == MKT_STREAM_LOST)
		lost(f, d, &err);
	else if (!f->connected && mkt_stream_connected(f->stream))
		connected(f, d);
}

static void tell(struct tui_feed *f, struct tui_dash *d)
{
	enum tui_link was = d->link;
	uint64_t silent = d->steady_ms - d->word_ms;

	d->retry_ms = !f->stream ? f->retry_ms : mkt_stream_retry_ms(f->stream);
	if (f->connected || (f->paused && f->ever && !f->lost_ms))
		d->link = silent > TUI_STALE_MS ? TUI_LINK_STALE : TUI_LINK_LIVE;
	else
		d->link = f->ever || f->lost_ms ? TUI_LINK_OFFLINE : TUI_LINK_STARTING;
	if (d->link != was)
		tui_dash_touch(d);
}

void tui_feed_turn(struct tui_feed *f, struct tui_dash *d)
{
	mkt_pull_turn(f->pull);
	if (f->paused != d->paused) {
		f->paused = d->paused;
		if (f->paused) {
			mkt_stream_free(f->stream);
			f->stream = NULL;
			f->connected = false;
			f->retry_ms = 0;
		}
	}
	if (!f->paused) {
		if (f->whole)
			hand_out_some(f, d);
		if (f->stream && too_old(f, d)) {
			mkt_stream_free(f->stream);
			f->stream = NULL;
		}
		if (!f->stream && d->steady_ms >= f->retry_ms)
			dial(f, d);
		if (f->stream && !f->whole && d->steady_ms >= f->read_ms)
			read_line(f, d);
	}
	tell(f, d);
}
