#include "core/base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ledger/genesis.h"
#include "tui/known.h"
#include "tui/overlay.h"

const struct tui_pane_ops *tui_pane_ops(enum tui_pane which)
{
	static const struct tui_pane_ops *const panes[TUI_PANES] = {
		[TUI_PANE_OVERVIEW] = &tui_pane_overview,
		[TUI_PANE_BOOK] = &tui_pane_book,
		[TUI_PANE_DEVICES] = &tui_pane_devices,
		[TUI_PANE_CONTRACTS] = &tui_pane_contracts,
		[TUI_PANE_BLOCKS] = &tui_pane_blocks,
		[TUI_PANE_ACCOUNT] = &tui_pane_account,
		[TUI_PANE_EVENTS] = &tui_pane_events,
		[TUI_PANE_NODES] = &tui_pane_nodes,
	};

	return which < TUI_PANES ? panes[which] : NULL;
}

/* ---- beginning, end ----------------------------------------------------------------------- */

static int make_pane(struct tui_dash *d, enum tui_pane which, struct mkt_err *err)
{
	const struct tui_pane_ops *ops = tui_pane_ops(which);

	if (!ops)
		return 0;
	d->pane[which] = calloc(1, ops->size);
	if (!d->pane[which])
		return mkt_err_code(err, MKT_ENOMEM);
	if (ops->init && ops->init(d, d->pane[which])) {
		free(d->pane[which]);
		d->pane[which] = NULL;
		return mkt_err_code(err, MKT_ENOMEM);
	}
	return 0;
}

int tui_dash_init(struct tui_dash *d, const struct tui_dash_conf *conf,
		  const struct tui_source *source, struct mkt_err *err)
{
	int rc = 0;

	memset(d, 0, sizeof(*d));
	d->conf = *conf;
	d->source = *source;
	d->node.disk_free_pct = d->node.disk_free_bytes = d->node.disk_days = -1;
	d->dirty = true;
	tui_keymap_init(&d->keys);
	mkt_zone_utc(&d->zone);
	if (conf->tz)
		rc = tui_known_zone(d, err);
	for (unsigned i = 0; !rc && i < TUI_PANES; i++)
		rc = make_pane(d, (enum tui_pane)i, err);
	if (rc)
		tui_dash_release(d);
	return rc;
}

void tui_dash_release(struct tui_dash *d)
{
	tui_overlay_release(d);
	tui_run_release(d);
	for (unsigned i = 0; i < TUI_PANES; i++) {
		const struct tui_pane_ops *ops = tui_pane_ops((enum tui_pane)i);

		if (d->pane[i] && ops->release)
			ops->release(d, d->pane[i]);
		free(d->pane[i]);
	}
	while (d->asks) {
		struct tui_ask *a = d->asks;

		d->asks = a->next;
		free(a);
	}
	mkt_facts_release(&d->facts);
	mkt_buf_release(&d->clip);
	tui_canvas_release(&d->canvas);
	memset(d, 0, sizeof(*d));
}

/* ---- reads -------------------------------------------------------------------------------- */

static void unlink_ask(struct tui_ask *a)
{
	struct tui_ask **at = &a->d->asks;

	while (*at && *at != a)
		at = &(*at)->next;
	if (*at)
		*at = a->next;
}

/* An answer of any kind is a word of the node; no answer is none. */
static bool is_word(const struct mkt_err *err)
{
	return !err || (err->code != MKT_EUNAVAILABLE && err->code != MKT_ETIMEOUT);
}

static void on_answer(void *ctx, const struct mkt_buf *body, const struct mkt_err *err)
{
	struct tui_ask *ask = ctx;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct tui_dash *d = ask->d;
	struct mkt_err why;

	unlink_ask(ask);
	if (is_word(err))
		d->word_ms = d->steady_ms;
	if (ask->raw) {
		ask->raw(d, ask->ctx, body, err);
		free(ask);
		return;
	}
	if (!err && mkt_answer_read(body, &a, &why))
		err = &why;
	ask->fn(d, ask->ctx, err ? NULL : &a, err);
	mkt_answer_release(&a);
	free(ask);
}

/* What came of it is told as @how says. */
static int get(struct tui_dash *d, const struct tui_ask *how, const char *fmt, va_list ap)
{
	struct tui_ask *ask = malloc(sizeof(*ask));
	char *path = NULL;
	int rc;

	if (vasprintf(&path, fmt, ap) < 0)
		path = NULL;
	if (!ask || !path) {
		free(ask);
		free(path);
		return -MKT_ENOMEM;
	}
	*ask = *how;
	ask->d = d;
	ask->next = d->asks;
	d->asks = ask;
	rc = d->source.get(d->source.ctx, path, on_answer, ask);
	if (rc) {
		unlink_ask(ask);
		free(ask);
	}
	free(path);
	return rc;
}

int tui_dash_get(struct tui_dash *d, tui_got_fn *fn, void *ctx, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = get(d, &(struct tui_ask){.fn = fn, .ctx = ctx}, fmt, ap);
	va_end(ap);
	return rc;
}

int tui_dash_get_body(struct tui_dash *d, tui_body_fn *fn, void *ctx, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = get(d, &(struct tui_ask){.raw = fn, .ctx = ctx}, fmt, ap);
	va_end(ap);
	return rc;
}

/* ---- time, words -------------------------------------------------------------------------- */

uint64_t tui_dash_chain_ms(const struct tui_dash *d)
{
	if (d->have_facts && d->facts.clock == MKT_CLOCK_OPERATOR)
		return d->node.block_ms > d->facts.now_ms ? d->node.block_ms : d->facts.now_ms;
	return d->now_ms;
}

void tui_dash_say(struct tui_dash *d, enum tui_style style, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->said, sizeof(d->said), fmt, ap);
	va_end(ap);
	d->said_style = style;
	d->said_ms = d->steady_ms;
	tui_dash_touch(d);
}

bool tui_dash_may(struct tui_dash *d)
{
	if (!d->conf.control)
		tui_dash_say(d, TUI_WARN,
			     "read-only: start with 'mkt dash --control' to change something");
	return d->conf.control;
}

void tui_dash_touch(struct tui_dash *d)
{
	d->dirty = true;
}

/* ---- panes -------------------------------------------------------------------------------- */

void tui_dash_show(struct tui_dash *d, enum tui_pane pane)
{
	const struct tui_pane_ops *ops = tui_pane_ops(pane);

	d->shown = pane;
	d->urgent = true;
	if (ops && ops->visit && d->have_facts)
		ops->visit(d, d->pane[pane]);
}

void tui_dash_event(struct tui_dash *d, const struct tui_event *ev)
{
	tui_known_event(d, ev);
	for (unsigned i = 0; i < TUI_PANES; i++) {
		const struct tui_pane_ops *ops = tui_pane_ops((enum tui_pane)i);

		if (ops && ops->event)
			ops->event(d, d->pane[i], ev);
	}
}

void tui_dash_reload(struct tui_dash *d)
{
	tui_known_reload(d);
	if (!d->have_facts)
		return;
	for (unsigned i = 0; i < TUI_PANES; i++) {
		const struct tui_pane_ops *ops = tui_pane_ops((enum tui_pane)i);

		if (ops && ops->reload)
			ops->reload(d, d->pane[i]);
	}
	tui_dash_touch(d);
}
