#include "core/base/compat.h"

#include "cmd/genesis.h"
#include "core/units/parse.h"
#include "core/units/window.h"

#define V struct mkt_genesis_values
#define COLLATERAL_WHOLE 10000 /* basis points */

const struct mkt_opt mkt_genesis_options[] = {
	MKT_O_TEXT(V, name, "name", 0, "NAME", NULL, "name of the chain (default mkt)"),
	MKT_O_TEXT(V, currency, "currency", 0, "CODE", NULL,
		   "currency of prices and money (default JPY)"),
	MKT_O_TEXT(V, zone, "zone", 0, "ZONE", "zone",
		   "zone of the market's days (default Asia/Tokyo)"),
	MKT_O_WORD(V, window, "window", 0, "15m|30m|60m", "30m", "length of a window"),
	MKT_O_UNIT(V, opening, DURATION, "opening", 0, "DURATION", "7d",
		   "windows open this long before they start"),
	MKT_O_UNIT(V, gate, DURATION, "gate", 0, "DURATION", "5m",
		   "bids close this long before the start"),
	MKT_O_TEXT(V, tick, "tick", 0, "PRICE", NULL,
		   "prices are multiples of it (default 0.01/kWh)"),
	MKT_O_TEXT(V, price_min, "price-min", 0, "PRICE", NULL, "lowest price (default 0/kWh)"),
	MKT_O_TEXT(V, price_max, "price-max", 0, "PRICE", NULL, "highest price (default 200/kWh)"),
	MKT_O_UNIT(V, lot, ENERGY, "lot", 0, "ENERGY", "1Wh", "amounts are multiples of it"),
	MKT_O_UNIT(V, deadline, DURATION, "deadline", 0, "DURATION", "1h",
		   "reports until this long after the window"),
	MKT_O_WORD(V, unreported, "unreported", 0, "other|zero", "other",
		   "what counts for a side without report: the other side's figure, or nothing"),
	MKT_O_TEXT(V, imbalance_up, "imbalance-up", 0, "PRICE", NULL,
		   "paid for energy that was not supplied (default 45/kWh)"),
	MKT_O_TEXT(V, imbalance_down, "imbalance-down", 0, "PRICE", NULL,
		   "paid for energy that was not drawn (default 20/kWh)"),
	MKT_O_TEXT(V, collateral, "collateral", 0, "SHARE", NULL,
		   "share of the highest price that sellers hold (default 0%)"),
	MKT_O_UNIT(V, interval, DURATION, "interval", 0, "DURATION", "1s",
		   "a block is sealed at least so often"),
	MKT_O_UNIT(V, heartbeat, DURATION, "heartbeat", 0, "DURATION", "60s",
		   "an empty block after so much quiet; 0s for none"),
	MKT_O_UNIT(V, retention, DURATION, "retention", 0, "DURATION", "7d",
		   "contracts stay in the state this long after their deadline"),
	MKT_O_WORD(V, clock, "clock", 0, "system|operator", "system",
		   "whose time blocks have; the operator's is for simulation"),
	MKT_O_TEXT(V, start, "start", 0, "TIME", NULL, "time of block 0 (default now)"),
	MKT_O_FLAG(V, private_accounts, "private-accounts", 0,
		   "accounts, bids and contracts are shown on the socket only"),
	MKT_O_END
};

static int copy_text(struct mkt_app *app, const char *option, const char *text, char *out,
		     size_t size)
{
	if (!text)
		return 0;
	if (strlen(text) >= size)
		return mkt_err_set(&app->err, MKT_EINVAL, "option '%s': '%s' is too long", option,
				   text);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int set_price(struct mkt_app *app, const struct mkt_genesis *g, const char *option,
		     const char *text, int32_t *out)
{
	int rc = text ? mkt_parse_price(text, g->currency, out, &app->err) : 0;

	return rc < 0 ? mkt_err_wrap(&app->err, "option '%s'", option) : 0;
}

static int set_prices(struct mkt_app *app, const V *v, struct mkt_genesis *g)
{
	const struct {
		const char *option, *text;
		int32_t *out;
	} rows[] = {
		{"--tick", v->tick, &g->tick_upwh},
		{"--price-min", v->price_min, &g->price_min_upwh},
		{"--price-max", v->price_max, &g->price_max_upwh},
		{"--imbalance-up", v->imbalance_up, &g->imbalance_up_upwh},
		{"--imbalance-down", v->imbalance_down, &g->imbalance_down_upwh},
	};
	uint32_t share = 0;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		int rc = set_price(app, g, rows[i].option, rows[i].text, rows[i].out);

		if (rc < 0)
			return rc;
	}
	if (v->collateral &&
	    mkt_parse_share(v->collateral, COLLATERAL_WHOLE, &share, &app->err) < 0)
		return mkt_err_wrap(&app->err, "option '--collateral'");
	g->collateral_bp = (uint16_t)share;
	return 0;
}

/* Genesis keeps whole seconds, and 32 bits of them. */
static int set_seconds(struct mkt_app *app, const char *option, struct mkt_num ms, uint32_t *out)
{
	if (ms.v % 1000 || ms.v / 1000 > UINT32_MAX)
		return mkt_err_set(&app->err, MKT_EINVAL, "option '%s' needs whole seconds",
				   option);
	*out = (uint32_t)(ms.v / 1000);
	return 0;
}

static int set_durations(struct mkt_app *app, const V *v, struct mkt_genesis *g)
{
	const struct {
		const char *option;
		struct mkt_num ms;
		uint32_t *out;
	} rows[] = {
		{"--opening", v->opening, &g->opening_s},
		{"--gate", v->gate, &g->gate_s},
		{"--deadline", v->deadline, &g->deadline_s},
		{"--heartbeat", v->heartbeat, &g->heartbeat_s},
		{"--retention", v->retention, &g->retention_s},
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		int rc = set_seconds(app, rows[i].option, rows[i].ms, rows[i].out);

		if (rc < 0)
			return rc;
	}
	if (v->interval.v > UINT32_MAX || v->lot.v > UINT32_MAX)
		return mkt_err_set(&app->err, MKT_EINVAL, "--interval or --lot is too large");
	g->interval_ms = (uint32_t)v->interval.v;
	g->lot_wh = (uint32_t)v->lot.v;
	return 0;
}

static int set_start(struct mkt_app *app, const V *v, struct mkt_genesis *g)
{
	uint64_t now_ms = mkt_app_now_ms(), start_s;
	struct mkt_zone zone;
	struct mkt_when when = {.now_s = now_ms / 1000, .zone = &zone, .window_s = g->window_s,
				.past_ok = true};
	const char *tz = mkt_app_setting(app, "core.timezone");
	int rc = mkt_zone_load(&zone, g->zone, NULL, &app->err);

	if (!rc && tz)
		rc = mkt_zone_load(&zone, tz, NULL, &app->err);
	if (rc < 0)
		return rc;
	g->time_ms = now_ms;
	if (!v->start)
		return 0;
	rc = mkt_instant_parse(v->start, &when, &start_s, &app->err);
	if (rc < 0)
		return mkt_err_wrap(&app->err, "option '--start'");
	g->time_ms = start_s * 1000;
	return 0;
}

static int fill(struct mkt_app *app, const V *v, struct mkt_genesis *g)
{
	static const uint32_t windows_s[] = {0, 900, 1800, 3600};
	int rc = copy_text(app, "--name", v->name, g->name, sizeof(g->name));

	if (!rc)
		rc = copy_text(app, "--currency", v->currency, g->currency, sizeof(g->currency));
	if (!rc)
		rc = copy_text(app, "--zone", v->zone, g->zone, sizeof(g->zone));
	g->window_s = windows_s[v->window];
	g->clock = (uint8_t)(v->clock - 1);
	g->unreported = (uint8_t)(v->unreported - 1);
	g->private_accounts = v->private_accounts;
	if (!rc)
		rc = set_prices(app, v, g);
	if (!rc)
		rc = set_durations(app, v, g);
	if (!rc)
		rc = set_start(app, v, g);
	return rc;
}

int mkt_genesis_from_options(struct mkt_app *app, const struct mkt_genesis_values *v,
			     struct mkt_genesis *g)
{
	int rc = mkt_genesis_default(g);

	if (rc < 0)
		return mkt_err_code(&app->err, -rc);
	rc = fill(app, v, g);
	if (rc < 0)
		mkt_genesis_release(g);
	return rc;
}
