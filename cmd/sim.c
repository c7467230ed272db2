/*
 * mkt sim: play days of the market with a ledgerd of its own.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/sim_devices.h"
#include "cmd/sim_page.h"
#include "cmd/sim_split.h"
#include "core/agent/community.h"
#include "core/agent/gen.h"
#include "core/units/civil.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"
#include "core/units/window.h"

#define HISTORY_DAYS 28		 /* that forecasts of a made-up community begin with */
#define DEFAULT_DAY "2019-06-17" /* the first of the demonstration */
#define DAYS_MAX 3660
#define CHARGER_W_MIN 100
#define PREMIUM_MAX 100000
#define END_MS 10000   /* a ledgerd that closed its sockets has ended after this, sanitized too */
#define GENESIS_S 3600 /* block 0 stands this long before the first day */

struct sim_values {
	const char *profiles, *from, *keep, *resume, *ledgerd, *zone, *latitude, *premium, *report;
	struct mkt_num days, seed, scale, pace, charger_power;
	struct mkt_num markets;
	bool devices, table9, untagged, compare, green_curve;
};

static const struct mkt_opt sim_opts[] = {
	MKT_O_FILE(struct sim_values, profiles, "profiles", 0, "DIR",
		   "measured profiles (mkt-sim(1) tells the files)"),
	MKT_O_TEXT(struct sim_values, from, "from", 0, "DATE", NULL, "first day, as 2019-06-17"),
	MKT_O_UINT(struct sim_values, days, "days", 0, "N", 1, DAYS_MAX, "1", "how many days"),
	MKT_O_UINT(struct sim_values, seed, "seed", 0, "N", 0, INT64_MAX, "1",
		   "of keys, characters and what is made up"),
	{.kind = MKT_OPT_TEXT,
	 .name = "zone",
	 .at = MKT_O_AT(struct sim_values, zone, const char *),
	 .metavar = "ZONE",
	 .dflt = "Asia/Tokyo",
	 .help = "time zone of the community"},
	{.kind = MKT_OPT_TEXT,
	 .name = "latitude",
	 .at = MKT_O_AT(struct sim_values, latitude, const char *),
	 .metavar = "DEGREES",
	 .dflt = "35.2",
	 .help = "of made-up roofs; south is negative"},
	MKT_O_UINT(struct sim_values, scale, "scale", 0, "N", 1, MKT_COMMUNITY_MAX, NULL,
		   "a community of N participants, made of the profiles'"),
	{.kind = MKT_OPT_DURATION,
	 .name = "pace",
	 .at = MKT_O_AT(struct sim_values, pace, struct mkt_num),
	 .metavar = "TIME",
	 .max = 60000,
	 .help = "wait between windows, for people who watch"},
	MKT_O_FLAG(struct sim_values, devices, "devices", 0,
		   "chargers and batteries as programs behind mkt-driverd"),
	MKT_O_UNIT(struct sim_values, charger_power, POWER, "charger-power", 0, "POWER", NULL,
		   "chargers give this at most"),
	MKT_O_FLAG(struct sim_values, untagged, "untagged", 0,
		   "as the predecessor: a bid for each window and market"),
	MKT_O_UINT(struct sim_values, markets, "markets", 0, "N", 1, 2, "1", "energy markets"),
	MKT_O_FLAG(struct sim_values, compare, "compare", 0,
		   "tagged and untagged, in one and two markets, side by side"),
	MKT_O_TEXT(struct sim_values, premium, "green-premium", 0, "PRICE", NULL,
		   "buyers pay this more for green, as 2/kWh"),
	MKT_O_FLAG(struct sim_values, green_curve, "green-curve", 0,
		   "the share of green at several premiums"),
	MKT_O_FLAG(struct sim_values, table9, "table9", 0,
		   "the case of the paper's Table 9, tagged and untagged"),
	MKT_O_FILE(struct sim_values, keep, "keep", 0, "DIR",
		   "keep the chain in DIR, which is made"),
	MKT_O_FILE(struct sim_values, resume, "resume", 0, "DIR",
		   "go on with a run that was kept in DIR and interrupted"),
	MKT_O_FILE(struct sim_values, report, "report", 0, "FILE",
		   "write a page with charts of the run"),
	MKT_O_FILE(struct sim_values, ledgerd, "ledgerd", 0, "FILE", "the ledgerd to start"),
	MKT_O_END
};

/* "-33.87" to hundredths of a degree. */
static int parse_latitude(struct mkt_app *app, const char *text, int32_t *cdeg)
{
	const char *p = text + (text[0] == '-');
	size_t whole = strspn(p, "0123456789"),
	       part = p[whole] == '.' ? strspn(p + whole + 1, "0123456789") : 0;
	int32_t v = 0;

	if (!whole || whole > 2 || part > 2 || strlen(p) != whole + (part ? part + 1 : 0))
		return mkt_app_usage(
			app, "'%s' is no latitude: degrees with up to two decimals, as 35.2", text);
	for (size_t i = 0; i < whole; i++)
		v = v * 10 + (p[i] - '0');
	for (size_t i = 0; i < 2; i++)
		v = v * 10 + (i < part ? p[whole + 1 + i] - '0' : 0);
	if (v > MKT_GEN_LATITUDE_MAX)
		return mkt_app_usage(app, "'%s' is too near a pole: -66 to 66", text);
	*cdeg = text[0] == '-' ? -v : v;
	return 0;
}

/* Local midnight of day number @day, on the border of a window. */
static uint64_t midnight(const struct sim *s, int64_t day)
{
	uint64_t t = (uint64_t)mkt_zone_day_start(&s->zone, day);

	return (t + MKT_PROFILE_WINDOW_S - 1) / MKT_PROFILE_WINDOW_S * MKT_PROFILE_WINDOW_S;
}

static int64_t day_of(const struct sim *s, uint64_t time_s)
{
	return mkt_zone_local(&s->zone, (int64_t)time_s) / MKT_DAY_S;
}

static int parse_day(struct sim *s, const char *text, int64_t *day)
{
	struct mkt_when when = {
		.zone = &s->zone, .window_s = MKT_PROFILE_WINDOW_S, .past_ok = true};
	uint64_t t;
	int rc = mkt_instant_parse(text, &when, &t, &s->app->err);

	if (rc < 0)
		return rc;
	if (t != (uint64_t)mkt_zone_day_start(&s->zone, day_of(s, t)) || strlen(text) != 10 ||
	    t < MKT_DAY_S * 366)
		return mkt_app_usage(s->app, "'%s' is no date as 2019-06-17", text);
	*day = day_of(s, t);
	return 0;
}

/* Do the files have these days? */
static int check_days(struct sim *s)
{
	uint64_t end_s = s->profile->first_s + s->profile->windows * MKT_PROFILE_WINDOW_S;
	struct mkt_err *err = &s->app->err;

	if (s->from_s < s->profile->first_s) {
		int64_t first = day_of(s, s->profile->first_s - 1) + 1;

		mkt_err_set(err, MKT_EUSAGE, "the profiles begin later than that day");
		mkt_err_hint(err, "the first whole day is %s",
			     mkt_fmt_date(&s->zone, midnight(s, first)).s);
		return -MKT_EUSAGE;
	}
	if (s->end_s > end_s) {
		mkt_err_set(err, MKT_EUSAGE, "the profiles do not reach as far as that");
		mkt_err_hint(err, "their last whole day is %s",
			     mkt_fmt_date(&s->zone, end_s - MKT_DAY_S).s);
		return -MKT_EUSAGE;
	}
	return 0;
}

/* Accounts of the market itself have these names. */
static int check_names(struct sim *s)
{
	for (uint16_t i = 0; i < s->profile->nsites; i++)
		if (!strcmp(s->profile->sites[i].id, SIM_RETAILER) ||
		    !strcmp(s->profile->sites[i].id, "operator"))
			return mkt_err_set(&s->app->err, MKT_EUSAGE,
					   "a participant cannot be named '%s'",
					   s->profile->sites[i].id);
	return 0;
}

static int open_profile(struct sim *s, const struct sim_values *v)
{
	struct mkt_gen_conf conf = {
		.seed = s->seed, .latitude_cdeg = s->latitude_cdeg, .zone = &s->zone};
	int64_t day = 0;
	int rc = 0;

	if (v->profiles)
		rc = mkt_profile_open(v->profiles, &s->profile, &s->app->err);
	if (!rc && (v->from || !v->profiles))
		rc = parse_day(s, v->from ? v->from : DEFAULT_DAY, &day);
	else if (!rc)
		day = day_of(s, s->profile->first_s - 1) + 1;
	if (rc < 0)
		return rc;
	s->from_s = midnight(s, day);
	s->end_s = midnight(s, day + s->days);
	if (v->profiles)
		return (rc = check_names(s)) < 0 ? rc : check_days(s);
	conf.first_s = midnight(s, day - HISTORY_DAYS);
	return mkt_gen_new(&conf, &s->profile, &s->app->err);
}

/* --scale: the profiles' participants many times over. */
static int scale_up(struct sim *s, const struct sim_values *v)
{
	struct mkt_community_conf conf = {.sites = (uint32_t)v->scale.v,
					  .seed = s->seed,
					  .windows = (s->end_s - s->profile->first_s) /
							     MKT_PROFILE_WINDOW_S +
						     SIM_AHEAD};
	struct mkt_profile *base = s->profile;

	if (!v->scale.given)
		return 0;
	if (s->with_devices)
		return mkt_app_usage(s->app, "--devices is for the profiles' own participants, "
					     "not for --scale");
	s->profile = NULL;
	return mkt_community_new(base, &conf, &s->profile, &s->app->err);
}

/* --charger-power: a weak supply; stays may become too short. */
static int weaken(struct sim *s, const struct sim_values *v)
{
	if (v->charger_power.given && s->with_devices)
		return mkt_app_usage(s->app, "--devices have the power that they have: not with "
					     "--charger-power");
	if (v->charger_power.given && v->charger_power.v < CHARGER_W_MIN)
		return mkt_app_usage(s->app, "chargers must give at least %d W", CHARGER_W_MIN);
	s->charger_w = v->charger_power.given ? (uint32_t)v->charger_power.v : UINT32_MAX;
	return 0;
}

/* All that the envelopes follow from, but for what the profiles hold. */
static void tell_what(const struct sim *s, const struct sim_values *v, char *out, size_t size)
{
	snprintf(out, size, "seed %llu from %llu days %u scale %lld charger %u markets %u%s%s %d",
		 (unsigned long long)s->seed, (unsigned long long)s->from_s, s->days,
		 (long long)v->scale.v, s->charger_w, s->markets,
		 s->untagged ? " untagged" : "", s->green_mode ? " green" : "", s->premium_upwh);
}

/* Failures that a ledgerd which is about to end would explain. */
static bool unreached(int rc)
{
	return rc == -MKT_EUNAVAILABLE || rc == -MKT_EUNKNOWN || rc == -MKT_ETIMEOUT;
}

/* A chain, the days on it, its figures, and its end. */
static int play(struct sim *s, const struct sim_values *v, struct sim_ledger *l)
{
	struct sim_chain_conf conf = {.seed = s->seed,
				      .time_s = s->from_s - GENESIS_S,
				      .zone = v->zone,
				      .keep = v->resume ? v->resume : v->keep,
				      .resume = v->resume != NULL,
				      .ledgerd = v->ledgerd};
	int rc = sim_chain_start(&s->chain, s->app, &conf);

	if (rc < 0)
		return rc;
	snprintf(s->app->out.currency, sizeof(s->app->out.currency), "%s",
		 s->chain.genesis.currency);
	if ((v->keep || v->resume) && !v->table9 && !v->devices) {
		char what[256];

		tell_what(s, v, what, sizeof(what));
		if ((rc = sim_journal_open(s, what, v->resume != NULL)) < 0)
			return rc;
	}
	if (v->table9)
		rc = (rc = sim_table9(s)) < 0 ? rc : sim_totals_read(s, l);
	else
		rc = (rc = sim_play(s)) < 0 ? rc : sim_ledger_read(s, l);
	if (rc < 0 && !mkt_app_stopped() &&
	    sim_chain_alive(&s->chain, unreached(rc) ? END_MS : 0) < 0)
		return -s->app->err.code;
	if (rc < 0 || (rc = sim_chain_stop(&s->chain)) < 0)
		return rc;
	return sim_recount(s, l);
}

/* A page that could not be written is better told before the days than after them. */
static int begin_page(struct sim *s, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char *dir = slash ? strndup(path, (size_t)(name - path)) : strdup(".");
	struct stat st;
	int failed;

	if (!dir)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	failed = access(dir, W_OK | X_OK) < 0 ? errno : 0;
	free(dir);
	if (failed)
		return mkt_err_sys(&s->app->err, MKT_EIO, failed, "cannot write '%s'", path);
	if (!*name || !strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode)))
		return mkt_app_usage(s->app, "'%s' is no file to write a page to", path);
	s->page = sim_page_new(s);
	return s->page ? 0 : mkt_err_code(&s->app->err, MKT_ENOMEM);
}

static int run_days(struct sim *s, const struct sim_values *v)
{
	struct sim_ledger l = {0};
	int rc = v->report ? begin_page(s, v->report) : 0;

	if (!rc)
		rc = play(s, v, &l);
	return rc < 0 || v->table9 ? rc : sim_report(s, &l, v->report);
}

static int tell_dry_run(struct sim *s)
{
	if (!s->app->out.quiet)
		mkt_out_say(&s->app->out, "dry run: would play %u windows for %u participants\n",
			    (unsigned)((s->end_s - s->from_s) / MKT_PROFILE_WINDOW_S),
			    s->profile->nsites);
	return 0;
}

static void release(struct sim *s)
{
	sim_devices_free(s->devices);
	sim_chain_release(&s->chain);
	for (uint32_t i = 0; i < s->nparties; i++) {
		mkt_plan_release(&s->parties[i].plan);
		mkt_plan_release(&s->parties[i].rest);
		mkt_plan_release(&s->parties[i].reports);
		mkt_wipe(&s->parties[i].key, sizeof(s->parties[i].key));
	}
	for (uint16_t i = 0; s->agents && i < s->profile->nsites; i++)
		mkt_agent_release(&s->agents[i]);
	sim_post_release(&s->post);
	sim_audit_free(s->audit);
	sim_split_free(s->split);
	sim_journal_free(s->journal);
	sim_page_free(s->page);
	free(s->agents);
	free(s->sites);
	free(s->parties);
	free(s->ring);
	free(s->ring_wh);
	free(s->party_of);
	mkt_profile_free(s->profile);
	free(s);
}

/* All that is known before anything is started.  The caller releases *@out in any case. */
static int prepare(struct mkt_app *app, const struct sim_values *v, const struct sim_variant *how,
		   struct sim **out)
{
	struct sim *s = *out = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	s->app = app;
	s->seed = (uint64_t)v->seed.v;
	s->days = (uint32_t)v->days.v;
	s->profiles = v->profiles;
	s->pace_ms = (uint32_t)v->pace.v;
	s->with_devices = v->devices;
	s->untagged = how->untagged;
	s->markets = how->markets;
	s->green_mode = how->green_mode;
	s->premium_upwh = how->premium_upwh;
	if ((rc = parse_latitude(app, v->latitude, &s->latitude_cdeg)) == 0 &&
	    (rc = mkt_zone_load(&s->zone, v->zone, NULL, &app->err)) == 0 &&
	    (rc = open_profile(s, v)) == 0 && (rc = scale_up(s, v)) == 0)
		rc = weaken(s, v);
	return rc;
}

int sim_variant(struct mkt_app *app, const struct sim_values *v, const struct sim_variant *how,
		struct sim_figures *out)
{
	struct sim *s;
	int rc = prepare(app, v, how, &s);

	*out = (struct sim_figures){0};
	if (!rc)
		rc = play(s, v, &out->ledger);
	if (!rc) {
		sim_audit_findings(s->audit, &out->found);
		out->energy = s->energy;
		out->bills = sim_bill_sums(s);
		out->txs = s->post.party_txs;
		out->ops = s->post.party_ops;
		out->over_wh = s->split ? sim_split_over_wh(s->split) : 0;
		if (!how->untagged)
			rc = sim_judge(s, &out->ledger, &out->found, &app->err);
	}
	if (s)
		release(s);
	return rc;
}

/* Which options go together, and what they mean together. */
static int read_variant(struct mkt_app *app, const struct sim_values *v, struct sim_variant *how)
{
	bool several = v->compare || v->green_curve;

	*how = (struct sim_variant){.untagged = v->untagged, .markets = (uint8_t)v->markets.v};
	if (v->compare + v->green_curve + v->table9 > 1)
		return mkt_app_usage(app, "--compare, --green-curve and --table9 are runs of their "
					  "own: one of them");
	if (several && (v->keep || v->resume || v->untagged || v->markets.v > 1 || v->premium ||
			v->devices))
		return mkt_app_usage(app, "several runs choose market and premium themselves and "
					  "keep no chain");
	if (v->report && (several || v->table9))
		return mkt_app_usage(app, "--report is of one run: not with --compare, "
					  "--green-curve or --table9");
	if (v->resume && (v->keep || v->devices || v->table9))
		return mkt_app_usage(app, "--resume goes on with a kept run: without --keep, "
					  "--devices and --table9");
	if (v->untagged && (v->devices || v->premium))
		return mkt_app_usage(app, "--untagged goes without --devices and --green-premium");
	if (!v->premium)
		return 0;
	how->green_mode = true;
	if (mkt_parse_price(v->premium, "JPY", &how->premium_upwh, &app->err) < 0)
		return -app->err.code;
	if (how->premium_upwh < 0 || how->premium_upwh > PREMIUM_MAX)
		return mkt_app_usage(app, "a premium is 0 to %d/kWh", PREMIUM_MAX / 1000);
	return 0;
}

static int check_fields(struct mkt_app *app, const struct sim_values *v)
{
	if (v->table9)
		return sim_table9_check(app);
	if (v->compare)
		return sim_compare_check(app);
	return v->green_curve ? sim_green_check(app) : sim_report_check(app);
}

static int sim_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct sim_values *v = values;
	struct sim_variant how;
	struct sim *s = NULL;
	int rc = read_variant(app, v, &how), signal;

	(void)argc, (void)argv;
	if (rc < 0 || (rc = check_fields(app, v)) < 0)
		return rc;
	if (!app->opt.timeout)
		app->deadline_ms = UINT64_MAX; /* days take what they take */
	app->out.paging = false; /* a run ends by itself, on a terminal too */
	mkt_app_catch_signals();
	if (!(v->compare || v->green_curve) || app->opt.dry_run) {
		rc = prepare(app, v, &how, &s);
		if (!rc)
			rc = app->opt.dry_run ? tell_dry_run(s) : run_days(s, v);
	} else {
		rc = v->compare ? sim_compare(app, v) : sim_green_curve(app, v);
	}
	signal = mkt_app_stopped();
	if (s)
		release(s);
	return signal && rc == -MKT_ECANCELLED ? 128 + signal : rc;
}

const struct mkt_spec cmd_sim = {
	.name = "sim",
	.summary = "play days of the market with a ledgerd of its own",
	.opts = sim_opts,
	.values_size = sizeof(struct sim_values),
	.run = sim_run,
};
