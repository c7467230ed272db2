/*
 * Profiles: what a community drew, generated and charged, window by window, and
 * what energy cost.
 *
 * A source gives it as a stream in order of time: readings of all sites, one
 * window each, and charging sessions by plug-in.  Two sources exist: files in
 * the layout of mkt-sim(1) (mkt_profile_open()) and the generator
 * (core/agent/gen.h).  Memory does not grow with the number of days.
 *
 * Units: Wh per window, W, micro-currency per Wh, Unix seconds UTC.  A window is
 * named by its start, a multiple of MKT_PROFILE_WINDOW_S, and lasts that long.
 */
#ifndef MKT_AGENT_PROFILE_H
#define MKT_AGENT_PROFILE_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"

#define MKT_PROFILE_WINDOW_S 1800

enum mkt_site_kind { MKT_SITE_HOUSEHOLD = 0, MKT_SITE_OFFICE = 1 };

/* A participant's equipment. */
struct mkt_site {
	char id[MKT_NAME_MAX + 1];
	uint8_t kind;               /* enum mkt_site_kind */
	uint8_t battery_pct;        /* round-trip efficiency, 1..100; 0 without battery */
	uint8_t nchargers;
	uint32_t pv_w;              /* 0: none */
	uint32_t battery_wh;        /* 0: none */
	uint32_t battery_w;         /* both ways */
	uint32_t charger_w;         /* of one charger; 0: none */
	char chargers[MKT_CHARGERS_MAX][MKT_CHARGER_MAX + 1];
};

/* A car at a charger, from plug-in to plug-out, and the AC energy it takes in that time. */
struct mkt_session {
	uint64_t plug_in_s, plug_out_s;
	uint32_t energy_wh;
	uint16_t site;
	uint8_t charger; /* of the site */
};

/* One window of all sites, in the order of the source's sites; room for them is the caller's. */
struct mkt_reading {
	uint64_t window_s;
	int32_t price_upwh; /* day-ahead price of energy */
	uint32_t *load_wh;  /* drawn, without PV, battery and car */
	uint32_t *pv_wh;
};

struct mkt_profile;

struct mkt_profile_ops {
	/* 1 and the next window, 0 at the end, or negative with @err. */
	int (*next)(struct mkt_profile *s, struct mkt_reading *out, struct mkt_err *err);
	/*
	 * 1 and the next session if its plug-in is before @before_s, else 0, or negative
	 * with @err.
	 */
	int (*session)(struct mkt_profile *s, uint64_t before_s, struct mkt_session *out,
		       struct mkt_err *err);
	void (*free)(struct mkt_profile *s);
};

/* First member of every source. */
struct mkt_profile {
	const struct mkt_profile_ops *ops;
	uint64_t first_s;      /* first window */
	uint64_t windows;      /* UINT64_MAX: without end */
	uint16_t nsites;
	struct mkt_site *sites; /* owned */
};

static inline int mkt_profile_next(struct mkt_profile *s, struct mkt_reading *out,
				   struct mkt_err *err)
{
	return s->ops->next(s, out, err);
}

static inline int mkt_profile_session(struct mkt_profile *s, uint64_t before_s,
				      struct mkt_session *out,
				     struct mkt_err *err)
{
	return s->ops->session(s, before_s, out, err);
}

/* NULL is fine. */
void mkt_profile_free(struct mkt_profile *s);

/*
 * Open the files of @dir: participants.csv, load_30min.csv, prices_30min.csv,
 * and where participants have PV or chargers pv_30min.csv and ev_sessions.csv.
 * All files are read through once and checked, so that a fault is told before
 * anything has begun: -MKT_EIO, or -MKT_EINVAL with "file:line: what is wrong".
 * The caller frees *@out with mkt_profile_free().
 */
int mkt_profile_open(const char *dir, struct mkt_profile **out, struct mkt_err *err) MKT_MUST_CHECK;

#endif
