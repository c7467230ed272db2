#include "core/base/compat.h"

#include "core/agent/csv.h"
#include "core/agent/profile.h"
#include "core/codec/enc.h"

#define SITE_WH_MAX 10000000 /* per window: a 20 MW connection */
#define SITE_W_MAX 20000000
#define SESSION_WH_MAX 1000000
#define PRICE_UPWH_MAX 2000000	/* 2000 per kWh */
#define TIME_S_MAX 253402300799 /* end of the year 9999 */

/* One file of windows: where its columns are. */
struct series {
	struct mkt_csv csv;
	int window;
	int price;    /* prices only */
	int *of_site; /* load and PV: column of each site, -1: none; owned */
};

struct profile {
	struct mkt_profile base;
	struct series load, pv, prices;
	bool has_pv, has_ev;
	struct mkt_csv ev;
	int ev_in, ev_out, ev_who, ev_charger, ev_wh;
	uint64_t *charger_free_s; /* last plug-out, [site][charger]; owned */
	uint64_t last_in_s;
	uint64_t read; /* windows handed out */
	bool held;     /* @ahead waits for its time */
	struct mkt_session ahead;
};

void mkt_profile_free(struct mkt_profile *s)
{
	if (s)
		s->ops->free(s);
}

static void profile_free(struct mkt_profile *s)
{
	struct profile *p = (struct profile *)s;

	mkt_csv_close(&p->load.csv);
	mkt_csv_close(&p->pv.csv);
	mkt_csv_close(&p->prices.csv);
	mkt_csv_close(&p->ev);
	free(p->load.of_site);
	free(p->pv.of_site);
	free(p->charger_free_s);
	free(p->base.sites);
	free(p);
}

/* ---- participants.csv -------------------------------------------------------------------- */

struct site_cols {
	int id, kind, pv_w, battery_wh, battery_w, battery_pct, charger_w, chargers;
};

static int find_site_cols(const struct mkt_csv *c, struct site_cols *at, struct mkt_err *err)
{
	const struct {
		const char *name;
		int *at;
	} want[] = {
		{"id", &at->id},
		{"kind", &at->kind},
		{"pv_w", &at->pv_w},
		{"battery_wh", &at->battery_wh},
		{"battery_w", &at->battery_w},
		{"battery_round_trip_pct", &at->battery_pct},
		{"charger_w", &at->charger_w},
		{"chargers", &at->chargers},
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(want); i++) {
		*want[i].at = mkt_csv_need(c, want[i].name, err);
		if (*want[i].at < 0)
			return *want[i].at;
	}
	return 0;
}

static int site_number(const struct mkt_csv *c, int col, uint32_t max, uint32_t *out,
		       struct mkt_err *err)
{
	int64_t v;
	int rc = mkt_csv_int(c, (unsigned)col, 0, max, &v, err);

	if (!rc)
		*out = (uint32_t)v;
	return rc;
}

/* Names go into the chain as account names and have to be good ones. */
static int site_name(const struct mkt_csv *c, int col, const struct profile *p, char *out,
		     struct mkt_err *err)
{
	const char *id = c->cell[col];
	size_t n = strlen(id);

	if (!n || n > MKT_NAME_MAX || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != n ||
	    id[0] < 'a')
		return mkt_csv_fault(c, col, err,
				     "'%.40s' is no name: 1 to %d of a-z, 0-9, '-', a letter first",
				     id, MKT_NAME_MAX);
	for (unsigned i = 0; i < p->base.nsites; i++)
		if (!strcmp(p->base.sites[i].id, id))
			return mkt_csv_fault(c, col, err, "'%s' is there twice", id);
	memcpy(out, id, n + 1);
	return 0;
}

static int read_site(const struct mkt_csv *c, const struct site_cols *at, struct profile *p,
		     struct mkt_err *err)
{
	struct mkt_site *s = &p->base.sites[p->base.nsites];
	const char *kind = c->cell[at->kind];
	uint32_t pct = 0, chargers = 0;
	int rc;

	memset(s, 0, sizeof(*s));
	if ((rc = site_name(c, at->id, p, s->id, err)) < 0)
		return rc;
	if (!strcmp(kind, "office"))
		s->kind = MKT_SITE_OFFICE;
	else if (strcmp(kind, "household") != 0)
		return mkt_csv_fault(c, at->kind, err, "'%.40s' is neither household nor office",
				     kind);
	if ((rc = site_number(c, at->pv_w, SITE_W_MAX, &s->pv_w, err)) < 0 ||
	    (rc = site_number(c, at->battery_wh, SITE_WH_MAX, &s->battery_wh, err)) < 0 ||
	    (rc = site_number(c, at->battery_w, SITE_W_MAX, &s->battery_w, err)) < 0 ||
	    (rc = site_number(c, at->battery_pct, 100, &pct, err)) < 0 ||
	    (rc = site_number(c, at->charger_w, SITE_W_MAX, &s->charger_w, err)) < 0 ||
	    (rc = site_number(c, at->chargers, MKT_CHARGERS_MAX, &chargers, err)) < 0)
		return rc;
	if (s->battery_wh && (!pct || !s->battery_w))
		return mkt_csv_fault(c, -1, err,
				     "a battery needs battery_w and battery_round_trip_pct");
	if (chargers && !s->charger_w)
		return mkt_csv_fault(c, -1, err, "chargers need charger_w");
	s->battery_pct = (uint8_t)pct;
	p->has_pv |= s->pv_w > 0;
	p->has_ev |= chargers > 0;
	p->base.nsites++;
	return 0;
}

static int read_sites(const char *dir, struct profile *p, struct mkt_err *err)
{
	struct site_cols at;
	struct mkt_csv c;
	int rc;

	rc = mkt_csv_open(&c, dir, "participants.csv", err);
	if (rc < 0)
		return rc;
	rc = find_site_cols(&c, &at, err);
	while (rc >= 0 && (rc = mkt_csv_row(&c, err)) > 0) {
		if (p->base.nsites == MKT_SITES_MAX)
			rc = mkt_csv_fault(&c, -1, err, "more than %d participants", MKT_SITES_MAX);
		else
			rc = read_site(&c, &at, p, err);
	}
	if (rc >= 0 && !p->base.nsites)
		rc = mkt_err_set(err, MKT_EINVAL, "participants.csv: there is nobody in it");
	mkt_csv_close(&c);
	return rc;
}

/* ---- files of windows ---------------------------------------------------------------------- */

static int open_series(const char *dir, const char *name, struct series *s, struct mkt_err *err)
{
	int rc = mkt_csv_open(&s->csv, dir, name, err);

	if (rc < 0)
		return rc;
	s->window = mkt_csv_need(&s->csv, "window", err);
	return s->window < 0 ? s->window : 0;
}

/* A column for each site, or with @pv for each that has some. */
static int open_sites(const char *dir, const char *name, bool pv, const struct profile *p,
		      struct series *s, struct mkt_err *err)
{
	int rc = open_series(dir, name, s, err);

	if (rc < 0)
		return rc;
	s->of_site = calloc(p->base.nsites, sizeof(*s->of_site));
	if (!s->of_site)
		return mkt_err_code(err, MKT_ENOMEM);
	for (unsigned i = 0; i < p->base.nsites; i++) {
		s->of_site[i] = -1;
		if (pv && !p->base.sites[i].pv_w)
			continue;
		s->of_site[i] = mkt_csv_need(&s->csv, p->base.sites[i].id, err);
		if (s->of_site[i] < 0)
			return s->of_site[i];
	}
	return 0;
}

static int open_prices(const char *dir, struct series *s, struct mkt_err *err)
{
	int rc = open_series(dir, "prices_30min.csv", s, err);

	if (rc < 0)
		return rc;
	s->price = mkt_csv_find(&s->csv, "price_upwh");
	if (s->price < 0)
		s->price = mkt_csv_find(&s->csv, "tokyo_ujpy_wh");
	if (s->price < 0)
		return mkt_err_set(err, MKT_EINVAL,
				   "prices_30min.csv:1: there is neither a column 'price_upwh' "
				   "nor 'tokyo_ujpy_wh'");
	return 0;
}

/* The next row must be that of window @want_s (0: any on the border).  1, 0 at the end. */
static int next_window(struct series *s, uint64_t want_s, uint64_t *window_s, struct mkt_err *err)
{
	int64_t v;
	int rc = mkt_csv_row(&s->csv, err);

	if (rc <= 0)
		return rc;
	rc = mkt_csv_int(&s->csv, (unsigned)s->window, 0, TIME_S_MAX, &v, err);
	if (rc < 0)
		return rc;
	if (v % MKT_PROFILE_WINDOW_S)
		return mkt_csv_fault(&s->csv, s->window, err, "%lld is not a multiple of %d",
				     (long long)v, MKT_PROFILE_WINDOW_S);
	if (want_s && (uint64_t)v != want_s)
		return mkt_csv_fault(&s->csv, s->window, err, "%lld where %llu is next",
				     (long long)v, (unsigned long long)want_s);
	*window_s = (uint64_t)v;
	return 1;
}

static int read_cells(const struct series *s, uint16_t nsites, uint32_t *out, struct mkt_err *err)
{
	int64_t v;
	int rc;

	for (unsigned i = 0; i < nsites; i++) {
		out[i] = 0;
		if (s->of_site[i] < 0)
			continue;
		rc = mkt_csv_int(&s->csv, (unsigned)s->of_site[i], 0, SITE_WH_MAX, &v, err);
		if (rc < 0)
			return rc;
		out[i] = (uint32_t)v;
	}
	return 0;
}

/* @rc is what next_window() said of a file that must go on as long as the loads. */
static int must_go_on(int rc, const struct series *s, uint64_t window_s, struct mkt_err *err)
{
	if (rc)
		return rc;
	return mkt_err_set(
		err, MKT_EINVAL, "%s:%llu: the file ends before window %llu of load_30min.csv",
		s->csv.name, (unsigned long long)s->csv.line, (unsigned long long)window_s);
}

static int profile_next(struct mkt_profile *src, struct mkt_reading *out, struct mkt_err *err)
{
	struct profile *p = (struct profile *)src;
	uint64_t want = p->read ? src->first_s + p->read * MKT_PROFILE_WINDOW_S : 0, at;
	int64_t price;
	int rc;

	rc = next_window(&p->load, want, &at, err);
	if (rc <= 0)
		return rc;
	out->window_s = at;
	rc = must_go_on(next_window(&p->prices, at, &at, err), &p->prices, at, err);
	if (rc < 0 || (rc = read_cells(&p->load, src->nsites, out->load_wh, err)) < 0)
		return rc;
	rc = mkt_csv_int(&p->prices.csv, (unsigned)p->prices.price, -PRICE_UPWH_MAX, PRICE_UPWH_MAX,
			 &price, err);
	if (rc < 0)
		return rc;
	out->price_upwh = (int32_t)price;
	memset(out->pv_wh, 0, src->nsites * sizeof(*out->pv_wh));
	if (p->has_pv) {
		rc = must_go_on(next_window(&p->pv, at, &at, err), &p->pv, at, err);
		if (rc < 0 || (rc = read_cells(&p->pv, src->nsites, out->pv_wh, err)) < 0)
			return rc;
	}
	if (!p->read)
		src->first_s = at;
	p->read++;
	return 1;
}

/* ---- ev_sessions.csv ------------------------------------------------------------------------- */

static int open_sessions(const char *dir, struct profile *p, struct mkt_err *err)
{
	int rc = mkt_csv_open(&p->ev, dir, "ev_sessions.csv", err);

	if (rc < 0)
		return rc;
	if ((p->ev_in = mkt_csv_need(&p->ev, "plug_in", err)) < 0 ||
	    (p->ev_out = mkt_csv_need(&p->ev, "plug_out", err)) < 0 ||
	    (p->ev_who = mkt_csv_need(&p->ev, "participant", err)) < 0 ||
	    (p->ev_charger = mkt_csv_need(&p->ev, "charger", err)) < 0 ||
	    (p->ev_wh = mkt_csv_need(&p->ev, "energy_wh", err)) < 0)
		return -MKT_EINVAL;
	return 0;
}

/* The charger's number; a name not seen before is the site's next one. */
static int find_charger(struct profile *p, struct mkt_site *s, uint8_t *charger,
			struct mkt_err *err)
{
	const char *name = p->ev.cell[p->ev_charger];
	size_t n = strlen(name);

	if (!n || n > MKT_CHARGER_MAX || !mkt_text_ok(name, n))
		return mkt_csv_fault(&p->ev, p->ev_charger, err,
				     "'%.40s' is no name of 1 to %d bytes", name, MKT_CHARGER_MAX);
	for (*charger = 0; *charger < s->nchargers; ++*charger)
		if (!strcmp(s->chargers[*charger], name))
			return 0;
	if (!s->charger_w)
		return mkt_csv_fault(&p->ev, p->ev_who, err,
				     "'%s' has no charger in participants.csv", s->id);
	if (s->nchargers == MKT_CHARGERS_MAX)
		return mkt_csv_fault(&p->ev, p->ev_charger, err, "'%s' has more than %d chargers",
				     s->id, MKT_CHARGERS_MAX);
	memcpy(s->chargers[s->nchargers++], name, n + 1);
	return 0;
}

/* Does the session fit its charger: in order, not over another, not above its power? */
static int check_session(struct profile *p, const struct mkt_session *e, struct mkt_err *err)
{
	const struct mkt_site *s = &p->base.sites[e->site];
	uint64_t *free_s = &p->charger_free_s[(size_t)e->site * MKT_CHARGERS_MAX + e->charger];

	if (e->plug_out_s <= e->plug_in_s)
		return mkt_csv_fault(&p->ev, p->ev_out, err, "plug_out is not after plug_in");
	if (e->plug_in_s < p->last_in_s)
		return mkt_csv_fault(&p->ev, p->ev_in, err, "sessions are not in order of plug_in");
	if (e->plug_in_s < *free_s)
		return mkt_csv_fault(&p->ev, p->ev_charger, err,
				     "'%s' is still in use by an earlier session",
				     s->chargers[e->charger]);
	if ((uint64_t)e->energy_wh * 3600 > (uint64_t)s->charger_w * (e->plug_out_s - e->plug_in_s))
		return mkt_csv_fault(&p->ev, p->ev_wh, err,
				     "%u Wh is more than %u W give in that time", e->energy_wh,
				     s->charger_w);
	p->last_in_s = e->plug_in_s;
	*free_s = e->plug_out_s;
	return 0;
}

/* 1 and a session, 0 at the end. */
static int read_session(struct profile *p, struct mkt_session *e, struct mkt_err *err)
{
	int64_t in, out, wh;
	unsigned site = 0;
	int rc = mkt_csv_row(&p->ev, err);

	if (rc <= 0)
		return rc;
	if ((rc = mkt_csv_int(&p->ev, (unsigned)p->ev_in, 0, TIME_S_MAX, &in, err)) < 0 ||
	    (rc = mkt_csv_int(&p->ev, (unsigned)p->ev_out, 0, TIME_S_MAX, &out, err)) < 0 ||
	    (rc = mkt_csv_int(&p->ev, (unsigned)p->ev_wh, 1, SESSION_WH_MAX, &wh, err)) < 0)
		return rc;
	while (site < p->base.nsites && strcmp(p->base.sites[site].id, p->ev.cell[p->ev_who]) != 0)
		site++;
	if (site == p->base.nsites)
		return mkt_csv_fault(&p->ev, p->ev_who, err, "'%.40s' is not in participants.csv",
				     p->ev.cell[p->ev_who]);
	e->plug_in_s = (uint64_t)in;
	e->plug_out_s = (uint64_t)out;
	e->energy_wh = (uint32_t)wh;
	e->site = (uint16_t)site;
	if ((rc = find_charger(p, &p->base.sites[site], &e->charger, err)) < 0 ||
	    (rc = check_session(p, e, err)) < 0)
		return rc;
	return 1;
}

static int profile_session(struct mkt_profile *src, uint64_t before_s, struct mkt_session *out,
			   struct mkt_err *err)
{
	struct profile *p = (struct profile *)src;
	int rc;

	if (!p->has_ev)
		return 0;
	if (!p->held) {
		rc = read_session(p, &p->ahead, err);
		if (rc <= 0)
			return rc;
		p->held = true;
	}
	if (p->ahead.plug_in_s >= before_s)
		return 0;
	*out = p->ahead;
	p->held = false;
	return 1;
}

/* ---- opening --------------------------------------------------------------------------------- */

static const struct mkt_profile_ops profile_ops = {
	.next = profile_next,
	.session = profile_session,
	.free = profile_free,
};

/* Read everything once: faults come out, chargers get their numbers, windows are counted. */
static int read_through(struct profile *p, struct mkt_err *err)
{
	uint32_t load_wh[MKT_SITES_MAX], pv_wh[MKT_SITES_MAX];
	struct mkt_reading r = {.load_wh = load_wh, .pv_wh = pv_wh};
	struct mkt_session e;
	int rc;

	while ((rc = profile_next(&p->base, &r, err)) > 0)
		;
	if (rc < 0)
		return rc;
	if (!p->read)
		return mkt_err_set(err, MKT_EINVAL, "load_30min.csv: there is no window in it");
	p->base.windows = p->read;
	while (p->has_ev && (rc = read_session(p, &e, err)) > 0)
		;
	return rc < 0 ? rc : 0;
}

static int rewind_all(struct profile *p, struct mkt_err *err)
{
	int rc;

	p->read = 0;
	p->last_in_s = 0;
	memset(p->charger_free_s, 0,
	       sizeof(*p->charger_free_s) * p->base.nsites * MKT_CHARGERS_MAX);
	if ((rc = mkt_csv_rewind(&p->load.csv, err)) < 0 ||
	    (rc = mkt_csv_rewind(&p->prices.csv, err)) < 0 ||
	    (p->has_pv && (rc = mkt_csv_rewind(&p->pv.csv, err)) < 0) ||
	    (p->has_ev && (rc = mkt_csv_rewind(&p->ev, err)) < 0))
		return rc;
	return 0;
}

static int open_all(const char *dir, struct profile *p, struct mkt_err *err)
{
	int rc = read_sites(dir, p, err);

	if (rc < 0)
		return rc;
	p->charger_free_s =
		calloc((size_t)p->base.nsites * MKT_CHARGERS_MAX, sizeof(*p->charger_free_s));
	if (!p->charger_free_s)
		return mkt_err_code(err, MKT_ENOMEM);
	if ((rc = open_sites(dir, "load_30min.csv", false, p, &p->load, err)) < 0 ||
	    (rc = open_prices(dir, &p->prices, err)) < 0 ||
	    (p->has_pv && (rc = open_sites(dir, "pv_30min.csv", true, p, &p->pv, err)) < 0) ||
	    (p->has_ev && (rc = open_sessions(dir, p, err)) < 0) || (rc = read_through(p, err)) < 0)
		return rc;
	return rewind_all(p, err);
}

int mkt_profile_open(const char *dir, struct mkt_profile **out, struct mkt_err *err)
{
	struct profile *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return mkt_err_code(err, MKT_ENOMEM);
	p->base.ops = &profile_ops;
	p->base.sites = calloc(MKT_SITES_MAX, sizeof(*p->base.sites));
	rc = p->base.sites ? open_all(dir, p, err) : mkt_err_code(err, MKT_ENOMEM);
	if (rc < 0) {
		profile_free(&p->base);
		return rc;
	}
	*out = &p->base;
	return 0;
}
