/* Participants of a large community: measured ones, moved by weeks. */
#include "core/base/compat.h"

#include "core/agent/community.h"
#include "core/agent/fixed.h"

#define WEEK (7 * 48) /* windows */
#define SHIFTS (2 * MKT_COMMUNITY_WEEKS + 1)
#define NOISE_SHIFT 1
#define NOISE_SCALE 2

struct community {
	struct mkt_profile self; /* first member */
	uint16_t nbase;
	uint64_t read, taken;	      /* windows and sessions handed out */
	int32_t *price_upwh;	      /* by window; owned, as the others */
	uint32_t *load_wh, *pv_wh;    /* by window and site of the source */
	struct mkt_session *sessions; /* of all participants, by plug-in */
	uint64_t nsessions, cap;
	int16_t *shift_weeks; /* by participant */
	uint16_t *scale;      /* of the load, thousandths */
};

static void community_free(struct mkt_profile *src)
{
	struct community *c = (struct community *)src;

	free(c->price_upwh);
	free(c->load_wh);
	free(c->pv_wh);
	free(c->sessions);
	free(c->shift_weeks);
	free(c->scale);
	free(c->self.sites);
	free(c);
}

/* The window of the source that participant @i lives in window @w. */
static uint64_t source_window(const struct community *c, uint32_t i, uint64_t w)
{
	uint64_t n = c->self.windows;

	return (w + n + (uint64_t)((int64_t)c->shift_weeks[i] * WEEK)) % n;
}

static int community_next(struct mkt_profile *src, struct mkt_reading *out, struct mkt_err *err)
{
	struct community *c = (struct community *)src;

	(void)err;
	if (c->read == src->windows)
		return 0;
	out->window_s = src->first_s + c->read * MKT_PROFILE_WINDOW_S;
	out->price_upwh = c->price_upwh[c->read];
	for (uint32_t i = 0; i < src->nsites; i++) {
		uint64_t at = source_window(c, i, c->read) * c->nbase + i % c->nbase;

		out->load_wh[i] = (uint32_t)((uint64_t)c->load_wh[at] * c->scale[i] / 1000);
		out->pv_wh[i] = c->pv_wh[at];
	}
	c->read++;
	return 1;
}

static int community_session(struct mkt_profile *src, uint64_t before_s, struct mkt_session *out,
			     struct mkt_err *err)
{
	struct community *c = (struct community *)src;

	(void)err;
	if (c->taken == c->nsessions || c->sessions[c->taken].plug_in_s >= before_s)
		return 0;
	*out = c->sessions[c->taken++];
	return 1;
}

static const struct mkt_profile_ops community_ops = {
	.next = community_next,
	.session = community_session,
	.free = community_free,
};

/* ---- reading the source ------------------------------------------------------------------- */

static int read_windows(struct community *c, struct mkt_profile *base, uint64_t n,
			struct mkt_err *err)
{
	c->price_upwh = calloc(n, sizeof(*c->price_upwh));
	c->load_wh = calloc(n * base->nsites, sizeof(*c->load_wh));
	c->pv_wh = calloc(n * base->nsites, sizeof(*c->pv_wh));
	if (!c->price_upwh || !c->load_wh || !c->pv_wh)
		return mkt_err_code(err, MKT_ENOMEM);
	for (uint64_t w = 0; w < n; w++) {
		struct mkt_reading r = {.load_wh = &c->load_wh[w * base->nsites],
					.pv_wh = &c->pv_wh[w * base->nsites]};
		int rc = mkt_profile_next(base, &r, err);

		if (rc < 0)
			return rc;
		if (!rc)
			return mkt_err_set(err, MKT_EINVAL, "the profiles end early");
		c->price_upwh[w] = r.price_upwh;
	}
	return 0;
}

static int add_session(struct community *c, const struct mkt_session *e)
{
	if (c->nsessions == c->cap) {
		uint64_t cap = c->cap ? c->cap * 2 : 1024;
		struct mkt_session *more = reallocarray(c->sessions, cap, sizeof(*more));

		if (!more)
			return -MKT_ENOMEM;
		c->sessions = more;
		c->cap = cap;
	}
	c->sessions[c->nsessions++] = *e;
	return 0;
}

/* A session of the source, for each participant that lives as that site does. */
static int spread_session(struct community *c, const struct mkt_session *e)
{
	uint64_t span_s = c->self.windows * MKT_PROFILE_WINDOW_S,
		 stay_s = e->plug_out_s - e->plug_in_s;

	for (uint32_t i = e->site; i < c->self.nsites; i += c->nbase) {
		struct mkt_session copy = *e;
		uint64_t from_s = e->plug_in_s - c->self.first_s + span_s;

		/* Put in the middle, what goes on behind the end would lie over other stays. */
		if (i >= c->nbase && e->plug_out_s > c->self.first_s + span_s)
			continue;
		from_s -= (uint64_t)((int64_t)c->shift_weeks[i] * WEEK * MKT_PROFILE_WINDOW_S);
		copy.site = (uint16_t)i;
		copy.plug_in_s = c->self.first_s + from_s % span_s;
		copy.plug_out_s = copy.plug_in_s + stay_s;
		if (add_session(c, &copy) < 0)
			return -MKT_ENOMEM;
	}
	return 0;
}

/* By plug-in; then by participant and charger, so that the order is one. */
static int by_time(const void *a, const void *b)
{
	const struct mkt_session *x = a, *y = b;

	if (x->plug_in_s != y->plug_in_s)
		return x->plug_in_s < y->plug_in_s ? -1 : 1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return (int)x->charger - (int)y->charger;
}

static int read_sessions(struct community *c, struct mkt_profile *base, struct mkt_err *err)
{
	uint64_t end_s = c->self.first_s + c->self.windows * MKT_PROFILE_WINDOW_S;
	struct mkt_session e;
	int rc;

	while ((rc = mkt_profile_session(base, end_s, &e, err)) > 0)
		if (e.plug_in_s >= c->self.first_s && spread_session(c, &e) < 0)
			return mkt_err_code(err, MKT_ENOMEM);
	if (c->nsessions)
		qsort(c->sessions, c->nsessions, sizeof(*c->sessions), by_time);
	return rc;
}

/* ---- participants ------------------------------------------------------------------------- */

static void name_site(struct mkt_site *s, uint32_t copy)
{
	char name[sizeof(s->id) + 12];

	/* The number is what tells them apart: a long name gives way. */
	snprintf(name, sizeof(name), "%.*s-%u", MKT_NAME_MAX - 6, s->id, copy);
	memcpy(s->id, name, sizeof(s->id) - 1);
	for (uint8_t k = 0; k < s->nchargers; k++) {
		char charger[sizeof(s->chargers[k]) + 12];

		snprintf(charger, sizeof(charger), "%.*s-%u", MKT_CHARGER_MAX - 6, s->chargers[k],
			 copy);
		memcpy(s->chargers[k], charger, sizeof(s->chargers[k]) - 1);
	}
}

static int make_sites(struct community *c, const struct mkt_profile *base,
		      const struct mkt_community_conf *conf)
{
	c->self.sites = calloc(conf->sites, sizeof(*c->self.sites));
	c->shift_weeks = calloc(conf->sites, sizeof(*c->shift_weeks));
	c->scale = calloc(conf->sites, sizeof(*c->scale));
	if (!c->self.sites || !c->shift_weeks || !c->scale)
		return -MKT_ENOMEM;
	for (uint32_t i = 0; i < conf->sites; i++) {
		uint32_t copy = i / base->nsites, site = i % base->nsites;
		uint32_t turn = mkt_noise_below(mkt_noise(conf->seed, NOISE_SHIFT, site), SHIFTS);

		c->self.sites[i] = base->sites[site];
		c->scale[i] = 1000;
		if (!copy)
			continue;
		name_site(&c->self.sites[i], copy);
		/* Round the weeks, beginning at a place that differs from site to site. */
		c->shift_weeks[i] = (int16_t)((int)((turn + copy) % SHIFTS) - MKT_COMMUNITY_WEEKS);
		if (copy >= SHIFTS)
			c->scale[i] = (uint16_t)(700 + mkt_noise_below(mkt_noise(conf->seed,
										 NOISE_SCALE, i),
								       601));
	}
	return 0;
}

int mkt_community_new(struct mkt_profile *base, const struct mkt_community_conf *conf,
		      struct mkt_profile **out, struct mkt_err *err)
{
	uint64_t windows = base->windows == UINT64_MAX ? conf->windows : base->windows;
	struct community *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c) {
		mkt_profile_free(base);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	c->self.ops = &community_ops;
	c->self.first_s = base->first_s;
	c->self.windows = windows;
	c->self.nsites = (uint16_t)conf->sites;
	c->nbase = base->nsites;
	if (!base->nsites || windows <= MKT_COMMUNITY_WEEKS * WEEK)
		rc = mkt_err_set(err, MKT_EINVAL,
				 "a larger community needs profiles of more than %d weeks",
				 MKT_COMMUNITY_WEEKS);
	if (!rc && make_sites(c, base, conf) < 0)
		rc = mkt_err_code(err, MKT_ENOMEM);
	if (!rc && (rc = read_windows(c, base, windows, err)) == 0)
		rc = read_sessions(c, base, err);
	mkt_profile_free(base);
	if (rc < 0) {
		community_free(&c->self);
		return rc;
	}
	*out = &c->self;
	return 0;
}
