/* FILE of mkt agent: mkt-agent.conf(5). */
#include "core/base/compat.h"

#include <ctype.h>

#include "cmd/agent.h"
#include "core/base/file.h"
#include "core/units/parse.h"

#define DAY_S 86400u

static const struct {
	const char *name;
	enum mkt_trade_kind kind;
} kinds[] = {
	{"household", MKT_TRADE_HOUSEHOLD}, {"pv", MKT_TRADE_PV},
	{"phev", MKT_TRADE_CARS},	    {"office", MKT_TRADE_CARS},
	{"battery", MKT_TRADE_BATTERY},	    {"maker", MKT_TRADE_MAKER},
	{"retailer", MKT_TRADE_MAKER},
};

static const char *const known[] = {
	"agent.kind",	     "agent.mode",	   "agent.green_premium", "agent.direct",
	"agent.green",	     "agent.brown",	   "agent.retail",	  "agent.feed_in",
	"agent.ahead",	     "agent.interval",	   "agent.budget",	  "agent.circuit",
	"agent.history",     "battery.capacity",   "battery.soc",	  "battery.soc_min",
	"battery.soc_max",   "battery.power",	   "battery.efficiency",  "battery.least_gain",
	"maker.reference",   "maker.spread",	   "maker.amount",
};

static const char *const car_known[] = {"energy", "max", "plug_in", "departure"};

/* ---- values ------------------------------------------------------------------------------- */

static int missing(struct mkt_app *app, const char *name)
{
	return mkt_err_set(&app->err, MKT_EUSAGE, "the configuration says no '%s'", name);
}

/* The text of a setting, or its default; NULL default: it is needed. */
static int text_of(struct mkt_app *app, const struct agent_conf *c, const char *name,
		   const char *dflt, const char **out)
{
	const char *v = mkt_conf_get(&c->file, name);

	*out = v ? v : dflt;
	return *out ? 0 : missing(app, name);
}

static int fault(struct mkt_app *app, const char *name)
{
	mkt_err_wrap(&app->err, "'%s' of the configuration", name);
	app->err.code = MKT_EUSAGE;
	return -MKT_EUSAGE;
}

static int energy_of(struct mkt_app *app, const struct agent_conf *c, const char *name,
		     uint32_t *out)
{
	const char *text;
	int rc = text_of(app, c, name, NULL, &text);

	if (rc)
		return rc;
	return mkt_parse_amount(text, out, &app->err) ? fault(app, name) : 0;
}

static int power_of(struct mkt_app *app, const struct agent_conf *c, const char *name,
		    const char *dflt, uint32_t *out)
{
	const char *text;
	int32_t w = 0;
	int rc = text_of(app, c, name, dflt, &text);

	if (rc)
		return rc;
	if (mkt_parse_power(text, &w, &app->err))
		return fault(app, name);
	if (w < 0)
		return mkt_err_set(&app->err, MKT_EUSAGE, "'%s' is below zero", name);
	*out = (uint32_t)w;
	return 0;
}

static int share_of(struct mkt_app *app, const struct agent_conf *c, const char *name,
		    const char *dflt, uint32_t *out)
{
	const char *text;
	int rc = text_of(app, c, name, dflt, &text);

	if (rc)
		return rc;
	return mkt_parse_share(text, 10000, out, &app->err) ? fault(app, name) : 0;
}

static int price_of(struct agent *a, const char *name, const char *dflt, int32_t *out)
{
	const char *text;
	int rc = text_of(a->app, &a->conf, name, dflt, &text);

	if (rc)
		return rc;
	return mkt_parse_price(text, a->s->facts.currency, out, &a->app->err) ? fault(a->app, name)
									      : 0;
}

/* "07:30" as seconds of the day. */
static int clock_of(struct mkt_app *app, const struct agent_conf *c, const char *name,
		    uint32_t *out)
{
	const char *t;
	int rc = text_of(app, c, name, NULL, &t);
	unsigned h, m;

	if (rc)
		return rc;
	if (strlen(t) != 5 || t[2] != ':' || !isdigit((unsigned char)t[0]) ||
	    !isdigit((unsigned char)t[1]) || !isdigit((unsigned char)t[3]) ||
	    !isdigit((unsigned char)t[4]))
		return mkt_err_set(&app->err, MKT_EUSAGE, "'%s' is a time as 07:30, not '%s'", name,
				   t);
	h = (unsigned)(t[0] - '0') * 10 + (unsigned)(t[1] - '0');
	m = (unsigned)(t[3] - '0') * 10 + (unsigned)(t[4] - '0');
	if (h > 23 || m > 59)
		return mkt_err_set(&app->err, MKT_EUSAGE, "there is no time '%s'", t);
	*out = h * 3600 + m * 60;
	return 0;
}

/* ---- sections ----------------------------------------------------------------------------- */

/* "car.ev1.energy": the name between the dots; false if it is of another section. */
static bool car_name(const char *entry, char name[MKT_NAME_MAX + 1], const char **key)
{
	const char *end = strrchr(entry, '.');

	if (strncmp(entry, "car.", 4) || !end || end < entry + 5 || end - entry - 4 > MKT_NAME_MAX)
		return false;
	memcpy(name, entry + 4, (size_t)(end - entry - 4));
	name[end - entry - 4] = '\0';
	*key = end + 1;
	return mkt_name_ok(name) && !strchr(name, '.');
}

static int read_car(struct mkt_app *app, struct agent_conf *c, const char *name)
{
	struct agent_car_conf *car = &c->cars[c->ncars];
	char key[4][MKT_NAME_MAX + 24];
	int rc;

	for (unsigned i = 0; i < c->ncars; i++)
		if (!strcmp(c->cars[i].name, name))
			return 0;
	if (c->ncars == AGENT_CARS_MAX)
		return mkt_err_set(&app->err, MKT_EUSAGE, "more than %d cars", AGENT_CARS_MAX);
	for (unsigned i = 0; i < 4; i++)
		snprintf(key[i], sizeof(key[i]), "car.%s.%s", name, car_known[i]);
	snprintf(car->name, sizeof(car->name), "%s", name);
	rc = energy_of(app, c, key[0], &car->need_wh);
	if (!rc)
		rc = power_of(app, c, key[1], NULL, &car->max_w);
	if (!rc)
		rc = clock_of(app, c, key[2], &car->plug_in_s);
	if (!rc)
		rc = clock_of(app, c, key[3], &car->departure_s);
	c->ncars += !rc;
	return rc;
}

/* Every entry is known: what is misspelt would be passed over otherwise. */
static int read_entries(struct mkt_app *app, struct agent_conf *c)
{
	for (size_t i = 0; i < c->file.n; i++) {
		const struct mkt_conf_entry *e = &c->file.entries[i];
		char name[MKT_NAME_MAX + 1];
		const char *key;
		bool ok = false;
		int rc;

		for (size_t k = 0; k < MKT_ARRAY_SIZE(known); k++)
			ok |= !strcmp(known[k], e->name);
		if (!ok && car_name(e->name, name, &key)) {
			for (size_t k = 0; k < MKT_ARRAY_SIZE(car_known); k++)
				ok |= !strcmp(car_known[k], key);
			rc = ok ? read_car(app, c, name) : 0;
			if (rc)
				return rc;
		}
		if (!ok)
			return mkt_err_set(&app->err, MKT_EUSAGE, "there is no setting '%s' (%s)",
					   e->name, e->where);
	}
	return 0;
}

static int read_kind(struct mkt_app *app, struct agent_conf *c)
{
	const char *text;
	int rc = text_of(app, c, "agent.kind", NULL, &text);

	for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, text)) {
			c->kind = kinds[i].kind;
			return 0;
		}
	return rc ? rc
		  : mkt_err_set(&app->err, MKT_EUSAGE, "there is no agent of kind '%s'", text);
}

static int read_common(struct mkt_app *app, struct agent_conf *c)
{
	const char *ahead, *interval;
	uint64_t n = 0;
	int rc = text_of(app, c, "agent.ahead", "24", &ahead);

	if (!rc && mkt_parse_count(ahead, 1, MKT_TRADE_WINDOWS_MAX, &n, &app->err))
		return fault(app, "agent.ahead");
	c->ahead = (uint32_t)n;
	if (!rc)
		rc = text_of(app, c, "agent.interval", "60s", &interval);
	if (!rc && mkt_parse_duration(interval, &c->interval_ms, &app->err))
		return fault(app, "agent.interval");
	if (!rc && (c->interval_ms < 100 || c->interval_ms > DAY_S * 1000u))
		return mkt_err_set(&app->err, MKT_EUSAGE, "'agent.interval' is 100 ms to 1 d");
	return rc ? rc : power_of(app, c, "agent.circuit", "0W", &c->circuit_w);
}

static int read_battery(struct mkt_app *app, struct agent_conf *c)
{
	int rc = energy_of(app, c, "battery.capacity", &c->capacity_wh);

	if (!rc)
		rc = power_of(app, c, "battery.power", NULL, &c->battery_w);
	if (!rc)
		rc = share_of(app, c, "battery.soc", "50%", &c->soc_bp);
	if (!rc)
		rc = share_of(app, c, "battery.soc_min", "10%", &c->soc_min_bp);
	if (!rc)
		rc = share_of(app, c, "battery.soc_max", "90%", &c->soc_max_bp);
	return rc ? rc : share_of(app, c, "battery.efficiency", "85%", &c->efficiency_bp);
}

int agent_conf_read(struct mkt_app *app, const char *file, struct agent_conf *c)
{
	int rc = mkt_conf_read(&c->file, file, &app->err);

	if (!rc)
		rc = read_kind(app, c);
	if (!rc)
		rc = read_entries(app, c);
	if (!rc)
		rc = read_common(app, c);
	if (!rc && c->kind == MKT_TRADE_CARS && !c->ncars)
		rc = missing(app, "car.NAME.energy");
	if (!rc && c->kind == MKT_TRADE_BATTERY)
		rc = read_battery(app, c);
	if (!rc && c->kind == MKT_TRADE_MAKER)
		rc = energy_of(app, c, "maker.amount", &c->base_wh);
	return rc;
}

void agent_conf_release(struct agent_conf *c)
{
	mkt_conf_release(&c->file);
	free(c->history);
}

/* ---- what needs the chain ----------------------------------------------------------------- */

static int add_tags(struct agent *a, struct mkt_trade *t, const char *name, const char *text,
		    bool green)
{
	if (t->ntags == MKT_TRADE_TAGS_MAX)
		return mkt_err_set(&a->app->err, MKT_EUSAGE, "'agent.direct' names too many");
	if (mkt_tags_parse(&a->s->facts.tags, text, &t->tags[t->ntags], &a->app->err))
		return fault(a->app, name);
	t->green[t->ntags++] = green;
	return 0;
}

/* Direct partners, named with commas, come first in every bid. */
static int add_direct(struct agent *a, struct mkt_trade *t)
{
	const char *at = mkt_conf_get(&a->conf.file, "agent.direct");
	int rc = 0;

	while (!rc && at && *at) {
		size_t n = strcspn(at, ",");
		char text[MKT_CONF_LINE_MAX + 1];

		snprintf(text, sizeof(text), "%.*s", (int)n, at);
		rc = add_tags(a, t, "agent.direct", text, true);
		at += n;
		at += strspn(at, ", ");
	}
	return rc;
}

static int read_books(struct agent *a, struct mkt_trade *t)
{
	const char *green, *brown;
	int rc = text_of(a->app, &a->conf, "agent.green", "green", &green);

	t->ntags = 0;
	if (!rc)
		rc = text_of(a->app, &a->conf, "agent.brown", "brown", &brown);
	if (!rc)
		rc = add_direct(a, t);
	if (!rc && t->kind != MKT_TRADE_BATTERY && t->kind != MKT_TRADE_MAKER)
		rc = add_tags(a, t, "agent.green", green, true);
	if (!rc && t->kind != MKT_TRADE_PV)
		rc = add_tags(a, t, "agent.brown", brown, false);
	return rc;
}

static int read_prices(struct agent *a, struct mkt_trade *t)
{
	const char *mode, *budget = mkt_conf_get(&a->conf.file, "agent.budget");
	bool maker = t->kind == MKT_TRADE_MAKER;
	int rc = text_of(a->app, &a->conf, "agent.mode", "economy", &mode);

	if (!rc && strcmp(mode, "economy") && strcmp(mode, "green"))
		return mkt_err_set(&a->app->err, MKT_EUSAGE, "'agent.mode' is economy or green");
	if (!rc && !strcmp(mode, "green"))
		rc = price_of(a, "agent.green_premium", "2/kWh", &t->premium_upwh);
	if (!rc && !maker)
		rc = price_of(a, "agent.retail", NULL, &t->high_upwh);
	if (!rc && !maker)
		rc = price_of(a, "agent.feed_in", "0/kWh", &t->low_upwh);
	if (!rc && maker)
		rc = price_of(a, "maker.reference", NULL, &t->reference_upwh);
	if (!rc && maker)
		rc = price_of(a, "maker.spread", NULL, &t->spread_upwh);
	if (!rc && t->kind == MKT_TRADE_BATTERY)
		rc = price_of(a, "battery.least_gain", "1/kWh", &t->spread_upwh);
	t->bounded = budget != NULL;
	if (!rc && budget &&
	    mkt_parse_money(budget, a->s->facts.currency, &t->budget_uc, &a->app->err))
		return fault(a->app, "agent.budget");
	return rc;
}

/* The meter's file is read anew each time: it grows. */
static int read_history(struct agent *a, struct mkt_trade *t)
{
	struct mkt_buf b = MKT_BUF_INIT;
	const char *file;
	int rc = text_of(a->app, &a->conf, "agent.history", NULL, &file);

	if (!rc && a->s->facts.window_s != 1800)
		return mkt_err_set(&a->app->err, MKT_EUSAGE,
				   "forecasts are made for windows of half an hour only");
	if (!rc && !a->conf.history)
		a->conf.history = calloc(1, sizeof(*a->conf.history));
	if (!rc && !a->conf.history)
		return mkt_err_code(&a->app->err, MKT_ENOMEM);
	if (!rc)
		rc = mkt_file_read(file, MKT_HISTORY_BYTES_MAX, &b, &a->app->err);
	if (!rc && mkt_history_parse(mkt_buf_str(&b), b.len, t->window_s, a->conf.history,
				     &a->app->err))
		rc = fault(a->app, "agent.history");
	t->history = a->conf.history;
	mkt_buf_release(&b);
	return rc;
}

int agent_conf_market(struct agent *a, struct mkt_trade *t)
{
	const struct agent_conf *c = &a->conf;
	int rc;

	t->kind = c->kind;
	rc = read_books(a, t);
	if (!rc)
		rc = read_prices(a, t);
	if (!rc && (t->kind == MKT_TRADE_HOUSEHOLD || t->kind == MKT_TRADE_PV))
		rc = read_history(a, t);
	t->circuit_w = c->circuit_w;
	t->base_wh = c->base_wh;
	t->battery_w = c->battery_w;
	t->efficiency_bp = c->efficiency_bp;
	t->soc_wh = (uint32_t)((uint64_t)c->capacity_wh * c->soc_bp / 10000);
	t->soc_min_wh = (uint32_t)((uint64_t)c->capacity_wh * c->soc_min_bp / 10000);
	t->soc_max_wh = (uint32_t)((uint64_t)c->capacity_wh * c->soc_max_bp / 10000);
	return rc;
}
