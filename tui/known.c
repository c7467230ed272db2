#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "tui/known.h"

enum { ASK_STATUS, ASK_ACCOUNT, ASK_FACTS };

/* ---- node --------------------------------------------------------------------------------- */

static void text_of(const struct mkt_jval *obj, const char *key, char *out, size_t size)
{
	const char *s = "";

	if (!mkt_jval_has(obj, key) || mkt_jget_str(obj, key, &s, NULL, NULL))
		s = "";
	snprintf(out, size, "%s", s);
}

static uint64_t number_of(const struct mkt_jval *obj, const char *key)
{
	uint64_t v = 0;

	return mkt_jval_has(obj, key) && !mkt_jget_u64(obj, key, INT64_MAX, &v, NULL) ? v : 0;
}

static int64_t told_of(const struct mkt_jval *obj, const char *key)
{
	int64_t v = -1;

	return mkt_jval_has(obj, key) && !mkt_jget_i64(obj, key, 0, INT64_MAX, &v, NULL) ? v : -1;
}

static void read_alarms(struct tui_node *n, const struct mkt_jval *node)
{
	struct mkt_jval alarms, one;
	struct mkt_jiter it = {0};

	n->nalarms = 0;
	if (!mkt_jval_has(node, "alarms") || mkt_jget_arr(node, "alarms", &alarms, NULL))
		return;
	while (mkt_jval_next(&alarms, &it, &one)) {
		if (n->nalarms < TUI_ALARMS_MAX)
			text_of(&one, "text", n->alarms[n->nalarms], sizeof(n->alarms[0]));
		n->nalarms++;
	}
}

static void got_status(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	struct tui_node *n = &d->node;
	struct mkt_jval part;

	(void)ctx;
	if (err)
		return;
	text_of(&a->data, "role", n->role, sizeof(n->role));
	if (a->height >= n->height) {
		n->height = a->height;
		n->block_ms = a->as_of_ms;
	}
	if (mkt_jval_has(&a->data, "disk") && !mkt_jget_obj(&a->data, "disk", &part, NULL)) {
		n->disk_free_bytes = told_of(&part, "free_bytes");
		n->disk_days = told_of(&part, "days_left");
		text_of(&part, "state", n->disk_state, sizeof(n->disk_state));
	}
	if (mkt_jval_has(&a->data, "node") && !mkt_jget_obj(&a->data, "node", &part, NULL)) {
		text_of(&part, "leader", n->leader, sizeof(n->leader));
		n->epoch = number_of(&part, "epoch");
		n->lag = number_of(&part, "lag_blocks");
		read_alarms(n, &part);
	}
	tui_dash_touch(d);
}

/* ---- account ------------------------------------------------------------------------------ */

static void got_account(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			const struct mkt_err *err)
{
	struct tui_money m = {.known = true};

	(void)ctx;
	if (err) {
		if (err->code == MKT_ENOTFOUND) {
			d->money.known = false;
			d->money.missing = true;
			tui_dash_touch(d);
		}
		return;
	}
	text_of(&a->data, "name", m.name, sizeof(m.name));
	if (mkt_jget_i64(&a->data, "available_uc", INT64_MIN, INT64_MAX, &m.available_uc, NULL) ||
	    mkt_jget_i64(&a->data, "held_uc", INT64_MIN, INT64_MAX, &m.held_uc, NULL) ||
	    mkt_jget_i64(&a->data, "locked_uc", INT64_MIN, INT64_MAX, &m.locked_uc, NULL))
		return;
	m.open_bids = (uint32_t)number_of(&a->data, "open_bids");
	d->money = m;
	tui_dash_touch(d);
}

/* ---- facts -------------------------------------------------------------------------------- */

int tui_known_zone(struct tui_dash *d, struct mkt_err *err)
{
	const char *name = d->tz[0] ? d->tz : d->conf.tz;

	if (!name)
		name = d->have_facts ? d->facts.zone : "UTC";
	return mkt_zone_load(&d->zone, name, NULL, err);
}

static void got_facts(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		      const struct mkt_err *err)
{
	struct mkt_facts f = MKT_FACTS_INIT;
	bool first = !d->have_facts;
	struct mkt_err why;

	(void)ctx;
	if (err) {
		if (first)
			tui_dash_say(d, TUI_BAD, "%s", err->text);
		return;
	}
	if (mkt_facts_read(a, &f, &why)) {
		tui_dash_say(d, TUI_BAD, "%s", why.text);
		return;
	}
	mkt_facts_release(&d->facts);
	d->facts = f;
	d->have_facts = true;
	if (!first)
		return;
	if (tui_known_zone(d, &why)) {
		tui_dash_say(d, TUI_WARN, "%s", why.text);
		mkt_zone_utc(&d->zone);
	}
	if (d->said_style == TUI_BAD)
		d->said[0] = '\0'; /* the complaint that there were none */
	tui_dash_reload(d);
	tui_dash_show(d, d->shown);
}

/* ---- when --------------------------------------------------------------------------------- */

static bool due(struct tui_dash *d, unsigned what, uint64_t every_ms)
{
	if (d->asked_ms[what] && d->steady_ms - d->asked_ms[what] < every_ms)
		return false;
	d->asked_ms[what] = d->steady_ms;
	return true;
}

/* A read that could not be asked for is due at the next tick. */
static void asked(struct tui_dash *d, unsigned what, int rc)
{
	if (rc)
		d->asked_ms[what] = 0;
}

void tui_known_tick(struct tui_dash *d)
{
	if (due(d, ASK_FACTS, d->have_facts ? TUI_FACTS_MS : TUI_FACTS_SOON_MS))
		asked(d, ASK_FACTS, tui_dash_get(d, got_facts, NULL, "/v1/market"));
	if (due(d, ASK_STATUS, TUI_STATUS_MS))
		asked(d, ASK_STATUS, tui_dash_get(d, got_status, NULL, "/v1/status"));
	if (d->conf.who[0] && (d->money_old || !d->money.known) &&
	    due(d, ASK_ACCOUNT, d->money.known ? TUI_ACCOUNT_MS : 3 * TUI_ACCOUNT_MS)) {
		d->money_old = false;
		asked(d, ASK_ACCOUNT,
		      tui_dash_get(d, got_account, NULL, "/v1/accounts/%s", d->conf.who));
	}
}

void tui_known_reload(struct tui_dash *d)
{
	memset(d->asked_ms, 0, sizeof(d->asked_ms));
	d->money_old = true;
}

void tui_known_event(struct tui_dash *d, const struct tui_event *ev)
{
	if (strcmp(ev->kind, "block") != 0)
		return;
	if (ev->height >= d->node.height) {
		d->node.height = ev->height;
		d->node.block_ms = ev->time_ms;
		d->node.block_seen = true;
		d->node.block_txs = (uint32_t)number_of(&ev->data, "txs");
	}
	d->money_old = true;
	tui_dash_touch(d);
}
