/*
 * Contracts of the account: what there is already, then the event stream, from
 * the cursor in the journal on.  A contract is in the journal before the cursor
 * that is behind it.
 */
#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/charge.h"
#include "cmd/events.h"

#define CURSOR_BLOCKS 600 /* a cursor is kept at least so often */

/* The window is over, and nobody takes reports any more. */
static bool too_old(const struct charge *c, uint64_t window_s)
{
	return (window_s + c->s.facts.window_s + c->s.facts.deadline_s) * 1000 <= c->now_ms;
}

static int take_side(struct charge *c, const struct mkt_jval *ev, unsigned dir)
{
	const char *party = dir ? "seller" : "buyer";
	struct mkt_duty_contract k = {.exec = mkt_count(ev, "exec"),
				      .wh = (uint32_t)mkt_count(ev, "energy_wh")};
	uint64_t window_s = mkt_count(ev, "window_s");
	struct mkt_buf r = MKT_BUF_INIT;

	if (mkt_count(ev, party) != c->s.account || !k.exec || too_old(c, window_s))
		return 0;
	mkt_duty_put_contract(&r, c->now_ms, window_s, dir, &k);
	c->due = true;
	return charge_keep(c, &r, false);
}

static int take_contract(struct charge *c, const struct mkt_jval *ev)
{
	int rc = take_side(c, ev, 0);

	return rc ? rc : take_side(c, ev, 1);
}

static int take_closed(struct charge *c, const struct mkt_jval *ev, unsigned dir)
{
	struct mkt_buf r = MKT_BUF_INIT;

	mkt_duty_put_closed(&r, c->now_ms, mkt_count(ev, "exec"), dir);
	c->due = true;
	return charge_keep(c, &r, false);
}

static int keep_cursor(struct charge *c, const char *text)
{
	struct mkt_buf r = MKT_BUF_INIT;

	c->cursor_height = c->height;
	mkt_duty_put_cursor(&r, c->now_ms, text);
	return charge_keep(c, &r, false);
}

static int take_event(struct charge *c, const struct mkt_jval *ev, const char *id)
{
	const char *kind = mkt_word(ev, "kind");
	int rc = 0;

	if (!strcmp(kind, "block")) {
		c->height = mkt_count(ev, "height");
		c->chain_ms = mkt_count(ev, "time_ms");
		return c->height < c->cursor_height + CURSOR_BLOCKS ? 0 : keep_cursor(c, id);
	}
	if (!strcmp(kind, "contract"))
		rc = take_contract(c, ev);
	else if (!strcmp(kind, "report") && mkt_count(ev, "account") == c->s.account)
		rc = take_closed(c, ev, !strcmp(mkt_word(ev, "side"), "supply"));
	else if (!strcmp(kind, "settled"))
		rc = take_closed(c, ev, 0);
	if (!rc && !strcmp(kind, "settled"))
		rc = take_closed(c, ev, 1);
	return rc ? rc : keep_cursor(c, id);
}

/* ---- beginning ---------------------------------------------------------------------------- */

/* Contracts from before there was a journal. */
static int take_present(struct charge *c)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	uint64_t height = 0;
	char after[24] = "0", cursor[32];
	int rc;

	do {
		struct mkt_jiter it = {0};
		struct mkt_jval row;

		rc = mkt_session_get(&c->s, &a, "/v1/contracts?account=%u&after=%s", c->s.account,
				     after);
		if (!rc && !height)
			height = a.height;
		while (!rc && mkt_jval_next(&a.data, &it, &row)) {
			bool drawn = false, supplied = false;

			(void)!mkt_jget_bool(&row, "draw_reported", &drawn, NULL);
			(void)!mkt_jget_bool(&row, "supply_reported", &supplied, NULL);
			if (!drawn)
				rc = take_side(c, &row, 0);
			if (!rc && !supplied)
				rc = take_side(c, &row, 1);
		}
		snprintf(after, sizeof(after), "%s", !rc && a.next ? a.next : "");
	} while (!rc && after[0]);
	mkt_answer_release(&a);
	snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)height);
	return rc ? rc : keep_cursor(c, cursor);
}

static int read_chargers(struct charge *c)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_jval list, at;
	struct mkt_jiter it = {0};
	int rc = mkt_session_get(&c->s, &a, "/v1/accounts/%u", c->s.account);

	if (!rc)
		rc = mkt_jget_arr(&a.data, "chargers", &list, &c->app->err);
	while (!rc && c->nchargers < MKT_CHARGERS_MAX && mkt_jval_next(&list, &it, &at))
		rc = mkt_jval_text(&at, c->chargers[c->nchargers++], sizeof(c->chargers[0]),
				   &c->app->err);
	mkt_answer_release(&a);
	return rc;
}

int charge_feed_open(struct charge *c)
{
	struct mkt_stream_conf what = {0};
	struct mkt_client_conf conf;
	char path[120];
	int rc = read_chargers(c);

	if (!rc && !c->duties.cursor[0])
		rc = take_present(c);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/v1/events?account=%u&kind=contract,report,settled",
		 c->s.account);
	what.path = path;
	what.cursor = c->duties.cursor;
	c->chain_ms = c->s.facts.now_ms;
	c->height = c->cursor_height = strtoull(c->duties.cursor, NULL, 10);
	mkt_session_client_conf(c->app, &conf);
	return mkt_stream_new(&conf, &what, &c->stream, &c->app->err);
}

int charge_feed(struct charge *c, uint64_t until_ms)
{
	struct mkt_err *err = &c->app->err;
	struct mkt_sse_event ev;
	int news, rc = 0;

	for (;;) {
		struct mkt_jdoc *doc = NULL;
		struct mkt_jval root;

		news = mkt_stream_next(c->stream, until_ms, &ev, err);
		if (news == -MKT_ECANCELLED)
			return 0;
		if (news == MKT_STREAM_LOST)
			mkt_app_trace(c->app, "events: %s", err->text);
		if (news <= MKT_STREAM_QUIET || news == MKT_STREAM_LOST)
			break;
		rc = mkt_jdoc_parse(ev.data, ev.len, NULL, &doc, err);
		if (!rc) {
			root = mkt_jdoc_root(doc);
			rc = take_event(c, &root, ev.id);
		}
		mkt_jdoc_free(doc);
		if (rc)
			return rc;
		/* The rest of what is there, but not more. */
		until_ms = 0;
	}
	if (news < 0)
		return news;
	memset(err, 0, sizeof(*err));
	return 0;
}
