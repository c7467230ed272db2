/*
 * mkt log: events of the chain, from any height, and on.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/tables.h"
#include "core/base/file.h"
#include "core/wire/stream.h"

struct log_values {
	bool follow;
	const char *from;
	const char *cursor_file;
	struct mkt_list kind;
	const char *window;
	bool mine;
	struct mkt_num limit;
};

#define V struct log_values

static const struct mkt_opt log_opts[] = {
	MKT_O_FLAG(V, follow, "follow", 'f', "go on with what comes"),
	MKT_O_TEXT(V, from, "from", 0, "HEIGHT[:N]|now", NULL, "where to begin (default: block 0)"),
	MKT_O_FILE(V, cursor_file, "cursor-file", 0, "FILE",
		   "go on after the last event; keep it there"),
	MKT_O_LIST(V, kind, "kind", 0, "KIND", NULL,
		   "result, contract, gone, gate, report, settled, money, block"),
	MKT_O_TEXT(V, window, "window", 0, "WINDOW", "window", "about one window"),
	MKT_O_FLAG(V, mine, "mine", 0, "about the account only"),
	MKT_O_UINT(V, limit, "limit", 0, "N", 1, INT64_MAX, NULL, "events at most"),
	MKT_O_END};

static const struct mkt_doc log_doc = {"event", 1, {&mkt_event_table}, true};

struct logging {
	struct mkt_session s;
	const struct log_values *v;
	struct mkt_buf query; /* filters, each with & in front */
	bool blocks;	      /* block events are wanted */
	bool only_blocks;
	char cursor[MKT_SSE_ID_MAX + 1]; /* of the last event that was shown */
	uint64_t shown;
	bool done; /* --limit is reached */
};

/* ---- cursor file -------------------------------------------------------------------------- */

static int read_cursor(struct logging *l)
{
	const char *file = l->v->cursor_file;
	struct mkt_err *err = &l->s.app->err;
	struct mkt_buf b = MKT_BUF_INIT;
	int rc = mkt_file_read(file, 4096, &b, err);
	size_t n = strspn(mkt_buf_str(&b), "0123456789:");

	if (rc == -MKT_ENOTFOUND) {
		memset(err, 0, sizeof(*err));
		rc = 0;
	} else if (!rc && (!n || n > MKT_SSE_ID_MAX || strcmp(mkt_buf_str(&b) + n, "\n"))) {
		rc = mkt_err_set(err, MKT_EUSAGE, "'%s' holds no cursor", file);
	} else if (!rc) {
		memcpy(l->cursor, b.data, n);
		l->cursor[n] = '\0';
	}
	mkt_buf_release(&b);
	return rc;
}

/* A cursor that could not be kept is told before events are shown, not after. */
static int check_cursor(struct logging *l)
{
	const char *file = l->v->cursor_file, *slash = strrchr(file, '/');
	char dir[PATH_MAX] = ".";

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - file) + 1, file);
	if (access(dir, W_OK | X_OK) < 0)
		return mkt_err_sys(&l->s.app->err, MKT_EIO, errno, "cannot create '%s'", file);
	return read_cursor(l);
}

static int write_cursor(struct logging *l)
{
	char line[MKT_SSE_ID_MAX + 2];
	int n = snprintf(line, sizeof(line), "%s\n", l->cursor);

	if (!l->v->cursor_file || !l->cursor[0])
		return 0;
	/* What was read counts as seen only when it has left us. */
	mkt_out_flush(&l->s.app->out);
	if (mkt_out_failed(&l->s.app->out))
		return 0;
	return mkt_file_write(l->v->cursor_file, line, (size_t)n,
			      (struct mkt_file_how){0644, false}, &l->s.app->err);
}

/* ---- rows --------------------------------------------------------------------------------- */

static int show(struct logging *l, const struct mkt_jval *ev)
{
	struct mkt_app *app = l->s.app;
	struct mkt_buf b = MKT_BUF_INIT;
	char place[40];
	int rc = 0;

	mkt_event_place(ev, place, sizeof(place));
	if (mkt_for_people(app)) {
		mkt_event_sentence(&l->s, ev, &b);
		mkt_out_say(&app->out, "%-10s %-8s  %s\n", place, mkt_word(ev, "kind"),
			    mkt_buf_str(&b));
		if (l->v->follow)
			mkt_out_flush(&app->out);
		mkt_buf_release(&b);
	} else {
		rc = mkt_rows_one(&l->s, &mkt_event_table, mkt_event_source, ev);
	}
	snprintf(l->cursor, sizeof(l->cursor), "%s", place);
	l->shown++;
	l->done = l->v->limit.given && l->shown >= (uint64_t)l->v->limit.v;
	return rc;
}

/* ---- pages: what there is ----------------------------------------------------------------- */

static int page(struct logging *l, const char *from, char next[64])
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval ev;
	uint64_t left = l->v->limit.given ? (uint64_t)l->v->limit.v - l->shown : 1000;
	int rc = mkt_session_get(&l->s, &a, "/v1/events/page?from=%s&limit=%llu%s", from,
				 (unsigned long long)(left < 1000 ? left : 1000),
				 mkt_buf_str(&l->query));

	while (!rc && mkt_jval_next(&a.data, &it, &ev))
		rc = show(l, &ev);
	snprintf(next, 64, "%s", !rc && a.next ? a.next : "");
	mkt_answer_release(&a);
	return rc;
}

/* "12:3" was seen: the next is "12:4"; "12" was seen whole. */
static void after(const char *cursor, char out[64])
{
	char *end;
	unsigned long long height = strtoull(cursor, &end, 10), n = 0;

	if (*end == ':')
		n = strtoull(end + 1, NULL, 10) + 1;
	else
		height++;
	snprintf(out, 64, "%llu:%llu", height, n);
}

static int show_pages(struct logging *l)
{
	char from[64], next[64];
	int rc;

	if (l->cursor[0])
		after(l->cursor, from);
	else if (l->v->from && !strcmp(l->v->from, "now"))
		return 0;
	else
		snprintf(from, sizeof(from), "%s", l->v->from ? l->v->from : "0");
	do {
		rc = page(l, from, next);
		snprintf(from, sizeof(from), "%s", next);
		if (!rc)
			rc = write_cursor(l);
	} while (!rc && next[0] && !l->done && !mkt_out_failed(&l->s.app->out));
	return rc;
}

/* ---- the stream: what comes --------------------------------------------------------------- */

static int show_event(struct logging *l, const struct mkt_sse_event *ev)
{
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root;
	bool block = !strcmp(ev->kind, "block");
	int rc;

	if (block ? !l->blocks : l->only_blocks)
		return 0;
	rc = mkt_jdoc_parse(ev->data, ev->len, NULL, &doc, &l->s.app->err);
	if (!rc) {
		root = mkt_jdoc_root(doc);
		rc = show(l, &root);
	}
	mkt_jdoc_free(doc);
	return rc ? rc : write_cursor(l);
}

static int read_stream(struct logging *l, struct mkt_stream *st)
{
	struct mkt_app *app = l->s.app;
	struct mkt_sse_event ev;
	bool lost = false;
	int rc = 0;

	while (!rc && !l->done && !mkt_out_failed(&app->out)) {
		int news = mkt_stream_next(st, UINT64_MAX, &ev, &app->err);

		if (news == -MKT_ECANCELLED && mkt_app_stopped())
			return 128 + mkt_app_stopped();
		if (news < 0)
			return news;
		if (news == MKT_STREAM_LOST && !lost)
			mkt_app_warn(app, "%s; trying again", app->err.text);
		lost = news == MKT_STREAM_LOST;
		if (news == MKT_STREAM_EVENT)
			rc = show_event(l, &ev);
	}
	return rc;
}

static int follow(struct logging *l)
{
	struct mkt_client_conf conf;
	struct mkt_stream_conf what = {.cursor = l->cursor};
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_stream *st = NULL;
	int rc;

	/* The facts named a block: what is sealed from here on is not missed while we dial. */
	mkt_buf_addf(&path, "/v1/events?from=");
	if (l->v->from && strcmp(l->v->from, "now"))
		mkt_buf_addf(&path, "%s%s", l->v->from, mkt_buf_str(&l->query));
	else
		mkt_buf_addf(&path, "%llu%s", (unsigned long long)l->s.facts.height + 1,
			     mkt_buf_str(&l->query));
	what.path = mkt_buf_str(&path);
	mkt_session_client_conf(l->s.app, &conf);
	mkt_app_catch_signals();
	rc = mkt_stream_new(&conf, &what, &st, &l->s.app->err);
	if (!rc)
		rc = mkt_session_enrolled(&l->s, what.path, read_stream(l, st));
	mkt_stream_free(st);
	mkt_buf_release(&path);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

/* "contract,block": blocks are no events of the chain, but of the stream. */
static void add_words(struct logging *l, const char *words, struct mkt_buf *list)
{
	while (*words) {
		size_t n = strcspn(words, ",");

		if (n == strlen("block") && !memcmp(words, "block", n))
			l->blocks = true;
		else
			mkt_buf_addf(list, "%s%.*s", list->len ? "," : "", (int)n, words);
		words += n + (words[n] == ',');
	}
}

static int add_kinds(struct logging *l)
{
	const struct mkt_list *kinds = &l->v->kind;
	struct mkt_buf list = MKT_BUF_INIT;

	l->blocks = !kinds->n && l->v->follow && !l->v->mine && !l->v->window;
	for (size_t i = 0; i < kinds->n; i++)
		add_words(l, kinds->v[i], &list);
	l->only_blocks = kinds->n && !list.len;
	if (list.len) {
		mkt_buf_addstr(&l->query, "&kind=");
		mkt_url_escape(&l->query, mkt_buf_str(&list));
	}
	mkt_buf_release(&list);
	if (l->blocks && kinds->n && !l->v->follow)
		return mkt_app_usage(l->s.app, "--kind block needs --follow; see 'mkt block'");
	return 0;
}

static int add_filters(struct logging *l)
{
	struct mkt_when when = mkt_session_when(&l->s, true);
	struct mkt_windows w;
	int rc = add_kinds(l);

	if (l->v->mine)
		mkt_buf_addf(&l->query, "&account=%s", l->s.who);
	if (rc || !l->v->window)
		return rc;
	rc = mkt_windows_parse(l->v->window, &when, &w, &l->s.app->err);
	if (!rc && w.count != 1)
		rc = mkt_app_usage(l->s.app, "'%s' is more than one window", l->v->window);
	if (!rc)
		mkt_buf_addf(&l->query, "&window=%llu", (unsigned long long)w.first_s);
	return rc;
}

static int log_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct logging l = {.v = values, .query = MKT_BUF_INIT};
	int rc;

	(void)argc, (void)argv;
	if (l.v->from && strcmp(l.v->from, "now") && l.v->from[strspn(l.v->from, "0123456789:")])
		return mkt_app_usage(app, "--from is HEIGHT, HEIGHT:N or now, not '%s'", l.v->from);
	rc = mkt_session_open(&l.s, app, MKT_NEED_MARKET | (l.v->mine ? MKT_NEED_WHO : 0));
	if (rc)
		return rc;
	rc = add_filters(&l);
	if (!rc && l.v->cursor_file)
		rc = check_cursor(&l);
	app->out.sparse = true;
	if (!rc)
		rc = mkt_out_open(&app->out, &log_doc, &app->err);
	if (!rc) {
		mkt_out_part(&app->out, &mkt_event_table);
		rc = l.v->follow ? follow(&l) : show_pages(&l);
		mkt_out_close(&app->out);
	}
	mkt_buf_release(&l.query);
	mkt_session_close(&l.s);
	return rc;
}

const struct mkt_spec cmd_log = {
	.name = "log",
	.summary = "show events of the chain, and follow them",
	.opts = log_opts,
	.values_size = sizeof(struct log_values),
	.run = log_run,
};
