#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "core/codec/json.h"
#include "core/device/duty.h"

#define SECONDS_MAX ((uint64_t)1 << 40)
#define WH_MAX ((uint64_t)1 << 53)
#define RATED_MAX_W 1000000 /* of a device that does not say */
#define SLACK_WH 100
#define BACK_MS 3600000 /* the most that a clock set back is taken for */

void mkt_duties_release(struct mkt_duties *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		free(d->v[i].side[0].contracts);
		free(d->v[i].side[1].contracts);
		free(d->v[i].meters);
	}
	free(d->v);
	*d = (struct mkt_duties)MKT_DUTIES_INIT;
}

/* ---- looking ------------------------------------------------------------------------------ */

/* Where @window_s stands, or would stand. */
static uint32_t place(const struct mkt_duties *d, uint64_t window_s)
{
	uint32_t lo = 0, hi = d->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (d->v[mid].window_s < window_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct mkt_duty *mkt_duties_find(const struct mkt_duties *d, uint64_t window_s)
{
	uint32_t at = place(d, window_s);

	return at < d->n && d->v[at].window_s == window_s ? &d->v[at] : NULL;
}

struct mkt_duty_meter *mkt_duty_meter(const struct mkt_duty *w, const char *dev)
{
	for (uint32_t i = 0; i < w->nmeters; i++)
		if (!strcmp(w->meters[i].dev, dev))
			return &w->meters[i];
	return NULL;
}

const struct mkt_duty_will *mkt_duties_will(const struct mkt_duties *d, const char *dev)
{
	for (uint32_t i = 0; i < d->nwills; i++)
		if (!strcmp(d->wills[i].dev, dev))
			return &d->wills[i];
	return NULL;
}

static bool side_open(const struct mkt_duty_side *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!s->contracts[i].closed)
			return true;
	return false;
}

uint64_t mkt_duties_next_ms(const struct mkt_duties *d, uint64_t time_ms)
{
	for (uint32_t i = place(d, time_ms / 1000); i < d->n; i++)
		if (d->v[i].window_s * 1000 > time_ms &&
		    (side_open(&d->v[i].side[0]) || side_open(&d->v[i].side[1])))
			return d->v[i].window_s * 1000;
	return MKT_PLAN_NEVER;
}

uint64_t mkt_duty_wh(const struct mkt_duty *w, unsigned dir)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < w->side[dir].n; i++)
		sum += w->side[dir].contracts[i].wh;
	return sum;
}

uint64_t mkt_duty_moved(const struct mkt_duty_meter *m, unsigned dir)
{
	return m->moved_wh[dir];
}

uint64_t mkt_duty_metered(const struct mkt_duty *w, unsigned dir)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < w->nmeters; i++)
		sum += mkt_duty_moved(&w->meters[i], dir);
	return sum;
}

bool mkt_duty_exact(const struct mkt_duty *w)
{
	for (uint32_t i = 0; i < w->nmeters; i++)
		if (!w->meters[i].exact_begin || !w->meters[i].exact_end)
			return false;
	return true;
}

/* ---- figures ------------------------------------------------------------------------------ */

/* The charger that moved most of the energy from @from to @to, counted over all meters in order. */
static const char *main_charger(const struct mkt_duty *w, unsigned dir, uint64_t from, uint64_t to)
{
	const char *best = w->nmeters ? w->meters[0].charger : "";
	uint64_t begin = 0, most = 0;

	for (uint32_t i = 0; i < w->nmeters; i++) {
		uint64_t end = begin + mkt_duty_moved(&w->meters[i], dir);
		uint64_t lo = begin > from ? begin : from, hi = end < to ? end : to;

		if (hi > lo && hi - lo > most) {
			most = hi - lo;
			best = w->meters[i].charger;
		}
		begin = end;
	}
	return best;
}

uint32_t mkt_duty_figures(const struct mkt_duty *w, unsigned dir, struct mkt_duty_figure *out)
{
	const struct mkt_duty_side *s = &w->side[dir];
	uint64_t metered = mkt_duty_metered(w, dir), from = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		uint64_t left = metered - from;
		uint64_t wh =
			left < s->contracts[i].wh || i + 1 == s->n ? left : s->contracts[i].wh;

		if (!s->contracts[i].closed)
			out[n++] = (struct mkt_duty_figure){
				.exec = s->contracts[i].exec,
				.wh = wh > UINT32_MAX ? UINT32_MAX : (uint32_t)wh,
				.charger = main_charger(w, dir, from, from + wh),
			};
		from += wh;
	}
	return n;
}

bool mkt_duty_over(const struct mkt_duty *w)
{
	for (unsigned dir = 0; dir < 2; dir++)
		if (side_open(&w->side[dir]) && w->side[dir].report < MKT_DUTY_REPORTED)
			return false;
	return true;
}

void mkt_duties_trim(struct mkt_duties *d, uint64_t before_s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		struct mkt_duty *w = &d->v[i];

		if (w->window_s < before_s && mkt_duty_over(w)) {
			free(w->side[0].contracts);
			free(w->side[1].contracts);
			free(w->meters);
		} else {
			d->v[kept++] = *w;
		}
	}
	d->n = kept;
}

/* ---- applying ----------------------------------------------------------------------------- */

/* The window, made if it is not there; NULL: no room, @err is filled. */
static struct mkt_duty *duty_of(struct mkt_duties *d, uint64_t window_s, struct mkt_err *err)
{
	uint32_t at = place(d, window_s);

	if (at < d->n && d->v[at].window_s == window_s)
		return &d->v[at];
	if (d->n == MKT_DUTIES_MAX) {
		mkt_err_set(err, MKT_ELIMIT, "more than %d windows", MKT_DUTIES_MAX);
		return NULL;
	}
	if (d->n == d->cap) {
		uint32_t cap = d->cap ? 2 * d->cap : 16;
		struct mkt_duty *v = realloc(d->v, cap * sizeof(*v));

		if (!v) {
			mkt_err_code(err, MKT_ENOMEM);
			return NULL;
		}
		d->v = v;
		d->cap = cap;
	}
	memmove(&d->v[at + 1], &d->v[at], (d->n - at) * sizeof(*d->v));
	d->n++;
	d->v[at] = (struct mkt_duty){.window_s = window_s};
	return &d->v[at];
}

static int get_window(const struct mkt_jval *r, uint64_t *window_s, struct mkt_err *err)
{
	return mkt_jget_u64(r, "window", SECONDS_MAX, window_s, err);
}

static int get_dir(const struct mkt_jval *r, unsigned *dir, struct mkt_err *err)
{
	uint64_t v = 0;
	int rc = mkt_jget_u64(r, "dir", 1, &v, err);

	*dir = (unsigned)v;
	return rc;
}

/* An exec id names one contract, which has one window. */
static bool elsewhere(const struct mkt_duties *d, uint64_t window_s, unsigned dir, uint64_t exec)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct mkt_duty_side *s = &d->v[i].side[dir];

		for (uint32_t k = 0; d->v[i].window_s != window_s && k < s->n; k++)
			if (s->contracts[k].exec == exec)
				return true;
	}
	return false;
}

static int apply_contract(struct mkt_duties *d, const struct mkt_jval *r, struct mkt_err *err)
{
	uint64_t window_s = 0, exec = 0, wh = 0;
	struct mkt_duty_contract *v;
	struct mkt_duty_side *s;
	struct mkt_duty *w;
	unsigned dir = 0;
	uint32_t at;
	int rc = get_window(r, &window_s, err);

	if (!rc)
		rc = get_dir(r, &dir, err);
	if (!rc)
		rc = mkt_jget_u64(r, "exec", UINT64_MAX, &exec, err);
	if (!rc)
		rc = mkt_jget_u64(r, "wh", UINT32_MAX, &wh, err);
	if (!rc && elsewhere(d, window_s, dir, exec))
		rc = mkt_err_set(err, MKT_EINVAL, "contract c%llu is of another window",
				 (unsigned long long)exec);
	w = rc ? NULL : duty_of(d, window_s, err);
	if (!w)
		return rc ? rc : -err->code;
	s = &w->side[dir];
	for (at = s->n; at && s->contracts[at - 1].exec >= exec; at--)
		if (s->contracts[at - 1].exec == exec)
			return 0; /* once more the same */
	if (s->n == MKT_DUTY_CONTRACTS_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "more than %d contracts in a window",
				   MKT_DUTY_CONTRACTS_MAX);
	v = realloc(s->contracts, (s->n + 1) * sizeof(*v));
	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	memmove(&v[at + 1], &v[at], (s->n - at) * sizeof(*v));
	v[at] = (struct mkt_duty_contract){.exec = exec, .wh = (uint32_t)wh};
	s->contracts = v;
	s->n++;
	return 0;
}

static int apply_closed(struct mkt_duties *d, const struct mkt_jval *r, struct mkt_err *err)
{
	uint64_t exec = 0;
	unsigned dir = 0;
	int rc = get_dir(r, &dir, err);

	if (!rc)
		rc = mkt_jget_u64(r, "exec", UINT64_MAX, &exec, err);
	for (uint32_t i = 0; !rc && i < d->n; i++) {
		struct mkt_duty_side *s = &d->v[i].side[dir];

		for (uint32_t k = 0; k < s->n; k++)
			if (s->contracts[k].exec == exec)
				s->contracts[k].closed = true;
	}
	return rc;
}

static struct mkt_duty_meter *add_meter(struct mkt_duty *w, const char *dev, struct mkt_err *err)
{
	struct mkt_duty_meter *v;

	if (w->nmeters == MKT_PLAN_DEVICES_MAX) {
		mkt_err_set(err, MKT_ELIMIT, "more than %d devices", MKT_PLAN_DEVICES_MAX);
		return NULL;
	}
	v = realloc(w->meters, (w->nmeters + 1) * sizeof(*v));
	if (!v) {
		mkt_err_code(err, MKT_ENOMEM);
		return NULL;
	}
	w->meters = v;
	v += w->nmeters++;
	*v = (struct mkt_duty_meter){0};
	snprintf(v->dev, sizeof(v->dev), "%s", dev);
	return v;
}

/* What a counter begins anew after: digits of Wh or of kWh, 32 bits of Wh and their multiples. */
static const uint64_t moduli[] = {
	UINT64_C(100000),	UINT64_C(1000000),    UINT64_C(10000000),
	UINT64_C(100000000),	UINT64_C(1000000000), UINT64_C(10000000000),
	UINT64_C(100000000000), UINT64_C(1) << 32,    (UINT64_C(1) << 32) * 10,
	(UINT64_C(1) << 32) * 100,
};

/* What can have flowed since a time, with a quarter to spare. */
static uint64_t flow_max_wh(const struct mkt_duty_meter *m, uint64_t since_ms, uint64_t at_ms)
{
	uint64_t time_s = at_ms > since_ms ? (at_ms - since_ms) / 1000 + 1 : 1;
	uint64_t rated_w = m->rated_w ? m->rated_w : RATED_MAX_W;

	if (time_s > UINT32_MAX)
		time_s = UINT32_MAX;
	return rated_w * time_s / 3600 * 5 / 4 + 2 * (uint64_t)m->step_wh + SLACK_WH;
}

/* When the window began for the device, by a clock that may have been set back since. */
static uint64_t begin_ms(const struct mkt_duty_meter *m, uint64_t at_ms)
{
	if (at_ms >= m->last_ms)
		return m->begin_ms;
	return at_ms > BACK_MS ? at_ms - BACK_MS : 0;
}

/* What flowed while a counter fell: to its end and on from nothing, if that is how it fell. */
static uint64_t rolled_over(uint64_t from, uint64_t to, uint64_t most)
{
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(moduli); i++)
		if (from < moduli[i] && moduli[i] - from <= most && to <= most - (moduli[i] - from))
			return moduli[i] - from + to;
	return 0;
}

uint64_t mkt_duty_growth(const struct mkt_duty_meter *m, unsigned dir, uint64_t wh, uint64_t at_ms)
{
	uint64_t last = m->last_wh[dir], grown = m->moved_wh[dir] + wh - last;

	if (wh < last)
		return rolled_over(last, wh, flow_max_wh(m, m->last_ms, at_ms));
	/* One reading may be late: it is the window's sum that cannot be too much. */
	return !m->rated_w || grown <= flow_max_wh(m, begin_ms(m, at_ms), at_ms) ? wh - last : 0;
}

static void read_meter(struct mkt_duty_meter *m, const uint64_t wh[2], uint64_t at_ms)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		m->moved_wh[dir] += mkt_duty_growth(m, dir, wh[dir], at_ms);
		m->last_wh[dir] = wh[dir];
	}
	m->begin_ms = begin_ms(m, at_ms);
	m->last_ms = at_ms;
}

/* What a reading says, before it is known to make sense. */
struct reading {
	uint64_t window_s, at_ms, wh[2], moved_wh[2], rated_w, step_wh;
	char dev[MKT_DEV_NAME_MAX + 1], charger[MKT_CHARGER_MAX + 1];
	bool begin, end, exact;
};

static int get_reading(const struct mkt_jval *r, struct reading *v, struct mkt_err *err)
{
	int rc = get_window(r, &v->window_s, err);

	if (!rc)
		rc = mkt_jget_text(r, "dev", v->dev, sizeof(v->dev), err);
	if (!rc)
		rc = mkt_jget_u64(r, "import", WH_MAX, &v->wh[0], err);
	if (!rc)
		rc = mkt_jget_u64(r, "export", WH_MAX, &v->wh[1], err);
	if (!rc && (v->begin || v->end))
		rc = mkt_jget_bool(r, "exact", &v->exact, err);
	if (!rc)
		rc = mkt_jget_u64(r, "at", UINT64_MAX, &v->at_ms, err);
	if (rc || !v->begin)
		return rc;
	rc = mkt_jget_text(r, "charger", v->charger, sizeof(v->charger), err);
	if (!rc)
		rc = mkt_jget_u64(r, "carried_import", WH_MAX, &v->moved_wh[0], err);
	if (!rc)
		rc = mkt_jget_u64(r, "carried_export", WH_MAX, &v->moved_wh[1], err);
	if (!rc && mkt_jval_has(r, "rated_w"))
		rc = mkt_jget_u64(r, "rated_w", INT32_MAX, &v->rated_w, err);
	if (!rc && mkt_jval_has(r, "step_wh"))
		rc = mkt_jget_u64(r, "step_wh", INT32_MAX, &v->step_wh, err);
	return rc;
}

static int begin_meter(struct mkt_duty *w, const struct reading *v, struct mkt_err *err)
{
	struct mkt_duty_meter *m = add_meter(w, v->dev, err);

	if (!m)
		return -err->code;
	memcpy(m->charger, v->charger, sizeof(m->charger));
	memcpy(m->last_wh, v->wh, sizeof(v->wh));
	memcpy(m->moved_wh, v->moved_wh, sizeof(v->moved_wh));
	m->rated_w = (uint32_t)v->rated_w;
	m->step_wh = (uint32_t)v->step_wh;
	m->exact_begin = v->exact;
	m->begin_ms = m->last_ms = v->at_ms;
	return 0;
}

static int apply_reading(struct mkt_duties *d, const struct mkt_jval *r, const char *kind,
			 struct mkt_err *err)
{
	struct reading v = {.begin = !strcmp(kind, "begin"), .end = !strcmp(kind, "end")};
	struct mkt_duty_meter *m;
	struct mkt_duty *w;
	int rc = get_reading(r, &v, err);

	w = rc ? NULL : mkt_duties_find(d, v.window_s);
	if (!w)
		return rc; /* of a window that is forgotten */
	m = mkt_duty_meter(w, v.dev);
	if (!m)
		return v.begin ? begin_meter(w, &v, err)
			       : mkt_err_set(err, MKT_EINVAL, "'%s' of a window that did not begin",
					     kind);
	if (m->ended)
		return 0;
	read_meter(m, v.wh, v.at_ms);
	m->ended = v.end;
	m->exact_end = v.end && v.exact;
	return 0;
}

static int apply_report(struct mkt_duties *d, const struct mkt_jval *r, const char *kind,
			struct mkt_err *err)
{
	uint8_t request[16] = {0};
	uint64_t window_s = 0;
	struct mkt_duty *w;
	unsigned dir = 0;
	int rc = get_window(r, &window_s, err);
	bool sent = !strcmp(kind, "report");

	if (!rc)
		rc = get_dir(r, &dir, err);
	if (!rc && sent)
		rc = mkt_jget_hex(r, "request", request, sizeof(request), err);
	w = rc ? NULL : mkt_duties_find(d, window_s);
	if (!w)
		return rc;
	w->side[dir].report = sent			  ? MKT_DUTY_SENT
			      : !strcmp(kind, "reported") ? MKT_DUTY_REPORTED
							  : MKT_DUTY_GIVEN_UP;
	if (sent)
		memcpy(w->side[dir].request, request, sizeof(request));
	return 0;
}

static int apply_will(struct mkt_duties *d, const struct mkt_jval *r, struct mkt_err *err)
{
	struct mkt_duty_will w = {0};
	struct mkt_duty_will *at;
	uint64_t limit = 0;
	int rc = mkt_jget_text(r, "dev", w.dev, sizeof(w.dev), err);

	if (!rc)
		rc = mkt_jget_bool(r, "stopped", &w.stopped, err);
	if (!rc)
		rc = mkt_jget_bool(r, "hasty", &w.hasty, err);
	if (!rc)
		rc = mkt_jget_u64(r, "limit", INT32_MAX, &limit, err);
	if (rc)
		return rc;
	w.limit = (uint32_t)limit;
	at = (struct mkt_duty_will *)mkt_duties_will(d, w.dev);
	if (!at && d->nwills == MKT_ARRAY_SIZE(d->wills))
		return mkt_err_set(err, MKT_ELIMIT, "more than %d devices", MKT_PLAN_DEVICES_MAX);
	if (!at)
		at = &d->wills[d->nwills++];
	*at = w;
	return 0;
}

static int apply_site(struct mkt_duties *d, const struct mkt_jval *r, struct mkt_err *err)
{
	uint64_t account = 0;
	int rc = mkt_jget_hex(r, "chain", d->chain, sizeof(d->chain), err);

	if (!rc)
		rc = mkt_jget_u64(r, "account", UINT32_MAX, &account, err);
	if (!rc) {
		d->account = (uint32_t)account;
		d->has_site = true;
	}
	return rc;
}

static int apply_object(struct mkt_duties *d, const struct mkt_jval *r, struct mkt_err *err)
{
	const char *kind = NULL;
	int rc = mkt_jget_str(r, "k", &kind, NULL, err);

	if (rc)
		return rc;
	if (!strcmp(kind, "contract"))
		return apply_contract(d, r, err);
	if (!strcmp(kind, "closed"))
		return apply_closed(d, r, err);
	if (!strcmp(kind, "cursor"))
		return mkt_jget_text(r, "text", d->cursor, sizeof(d->cursor), err);
	if (!strcmp(kind, "begin") || !strcmp(kind, "mark") || !strcmp(kind, "end"))
		return apply_reading(d, r, kind, err);
	if (!strcmp(kind, "report") || !strcmp(kind, "reported") || !strcmp(kind, "unreported"))
		return apply_report(d, r, kind, err);
	if (!strcmp(kind, "set"))
		return apply_will(d, r, err);
	if (!strcmp(kind, "site"))
		return apply_site(d, r, err);
	return 0;
}

int mkt_duties_apply(struct mkt_duties *d, const void *record, size_t n, struct mkt_err *err)
{
	const struct mkt_jlimits limits = {MKT_DUTY_RECORD_MAX, 4, 64};
	struct mkt_jdoc *doc = NULL;
	struct mkt_err own = {0};
	struct mkt_jval root;
	int rc;

	if (!err)
		err = &own;
	rc = mkt_jdoc_parse(record, n, &limits, &doc, err);
	if (!rc) {
		root = mkt_jdoc_root(doc);
		rc = apply_object(d, &root, err);
	}
	mkt_jdoc_free(doc);
	return rc;
}

/* ---- records ------------------------------------------------------------------------------ */

static struct mkt_jw open_record(struct mkt_buf *out, uint64_t at_ms, const char *kind)
{
	struct mkt_jw w;

	mkt_jw_init(&w, out);
	mkt_jw_obj(&w);
	mkt_jw_ku64(&w, "at", at_ms);
	mkt_jw_kstr(&w, "k", kind);
	return w;
}

void mkt_duty_put_site(struct mkt_buf *out, uint64_t at_ms, const uint8_t chain[8],
		       uint32_t account)
{
	struct mkt_jw w = open_record(out, at_ms, "site");

	mkt_jw_khex(&w, "chain", chain, 8);
	mkt_jw_ku64(&w, "account", account);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_contract(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			   const struct mkt_duty_contract *c)
{
	struct mkt_jw w = open_record(out, at_ms, "contract");

	mkt_jw_ku64(&w, "exec", c->exec);
	mkt_jw_ku64(&w, "window", window_s);
	mkt_jw_ku64(&w, "dir", dir);
	mkt_jw_ku64(&w, "wh", c->wh);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_closed(struct mkt_buf *out, uint64_t at_ms, uint64_t exec, unsigned dir)
{
	struct mkt_jw w = open_record(out, at_ms, "closed");

	mkt_jw_ku64(&w, "exec", exec);
	mkt_jw_ku64(&w, "dir", dir);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_cursor(struct mkt_buf *out, uint64_t at_ms, const char *cursor)
{
	struct mkt_jw w = open_record(out, at_ms, "cursor");

	mkt_jw_kstr(&w, "text", cursor);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_reading(struct mkt_buf *out, uint64_t at_ms, const char *kind,
			  const struct mkt_duty_reading *r)
{
	struct mkt_jw w = open_record(out, at_ms, kind);

	mkt_jw_ku64(&w, "window", r->window_s);
	mkt_jw_kstr(&w, "dev", r->dev);
	if (!strcmp(kind, "begin")) {
		mkt_jw_kstr(&w, "charger", r->charger);
		mkt_jw_ku64(&w, "carried_import", r->moved_wh[0]);
		mkt_jw_ku64(&w, "carried_export", r->moved_wh[1]);
		mkt_jw_ku64(&w, "rated_w", r->rated_w);
		mkt_jw_ku64(&w, "step_wh", r->step_wh);
	}
	mkt_jw_ku64(&w, "import", r->wh[0]);
	mkt_jw_ku64(&w, "export", r->wh[1]);
	if (strcmp(kind, "mark"))
		mkt_jw_kbool(&w, "exact", r->exact);
	mkt_jw_obj_end(&w);
}

static struct mkt_jw open_report(struct mkt_buf *out, uint64_t at_ms, const char *kind,
				 uint64_t window_s, unsigned dir)
{
	struct mkt_jw w = open_record(out, at_ms, kind);

	mkt_jw_ku64(&w, "window", window_s);
	mkt_jw_ku64(&w, "dir", dir);
	return w;
}

void mkt_duty_put_report(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			 const uint8_t request[16])
{
	struct mkt_jw w = open_report(out, at_ms, "report", window_s, dir);

	mkt_jw_khex(&w, "request", request, 16);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_reported(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			   uint64_t height)
{
	struct mkt_jw w = open_report(out, at_ms, "reported", window_s, dir);

	mkt_jw_ku64(&w, "height", height);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_unreported(struct mkt_buf *out, uint64_t at_ms, uint64_t window_s, unsigned dir,
			     const char *why)
{
	struct mkt_jw w = open_report(out, at_ms, "unreported", window_s, dir);

	mkt_jw_kstr(&w, "text", why);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_will(struct mkt_buf *out, uint64_t at_ms, const struct mkt_duty_will *will)
{
	struct mkt_jw w = open_record(out, at_ms, "set");

	mkt_jw_kstr(&w, "dev", will->dev);
	mkt_jw_kbool(&w, "stopped", will->stopped);
	mkt_jw_kbool(&w, "hasty", will->hasty);
	mkt_jw_ku64(&w, "limit", will->limit);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_plan(struct mkt_buf *out, uint64_t at_ms, const char *dev, uint64_t window_s,
		       const struct mkt_plan_out *o)
{
	struct mkt_jw w = open_record(out, at_ms, "plan");

	mkt_jw_kstr(&w, "dev", dev);
	if (window_s)
		mkt_jw_ku64(&w, "window", window_s);
	mkt_jw_kstr(&w, "code", mkt_plan_word((int)o->code));
	if (o->set.kind) {
		mkt_jw_ki64(&w, "set", o->set.value);
		mkt_jw_kstr(&w, "unit", o->set.kind == MKT_SET_CURRENT ? "mA" : "W");
	}
	mkt_jw_kstr(&w, "text", o->text);
	mkt_jw_obj_end(&w);
}

void mkt_duty_put_note(struct mkt_buf *out, uint64_t at_ms, const char *dev, uint64_t window_s,
		       const char *text)
{
	struct mkt_jw w = open_record(out, at_ms, "note");

	mkt_jw_kstr(&w, "text", text);
	if (dev)
		mkt_jw_kstr(&w, "dev", dev);
	if (window_s)
		mkt_jw_ku64(&w, "window", window_s);
	mkt_jw_obj_end(&w);
}

/* ---- dump --------------------------------------------------------------------------------- */

static void dump_side(const struct mkt_duty *d, unsigned dir, uint64_t at_ms, struct mkt_buf *out)
{
	const struct mkt_duty_side *s = &d->side[dir];

	for (uint32_t i = 0; i < s->n; i++) {
		mkt_duty_put_contract(out, at_ms, d->window_s, dir, &s->contracts[i]);
		mkt_buf_addch(out, '\n');
		if (!s->contracts[i].closed)
			continue;
		mkt_duty_put_closed(out, at_ms, s->contracts[i].exec, dir);
		mkt_buf_addch(out, '\n');
	}
	if (!s->n || s->report == MKT_DUTY_OPEN)
		return;
	if (s->report == MKT_DUTY_GIVEN_UP)
		mkt_duty_put_unreported(out, at_ms, d->window_s, dir, "");
	else
		mkt_duty_put_report(out, at_ms, d->window_s, dir, s->request);
	mkt_buf_addch(out, '\n');
	if (s->report == MKT_DUTY_REPORTED) {
		mkt_duty_put_reported(out, at_ms, d->window_s, dir, 0);
		mkt_buf_addch(out, '\n');
	}
}

static void dump_meter(const struct mkt_duty *d, const struct mkt_duty_meter *m,
		       struct mkt_buf *out)
{
	struct mkt_duty_reading r = {.window_s = d->window_s,
				     .dev = m->dev,
				     .charger = m->charger,
				     .wh = {m->last_wh[0], m->last_wh[1]},
				     .moved_wh = {m->moved_wh[0], m->moved_wh[1]},
				     .rated_w = m->rated_w,
				     .step_wh = m->step_wh,
				     .exact = m->exact_begin};

	mkt_duty_put_reading(out, m->begin_ms, "begin", &r);
	mkt_buf_addch(out, '\n');
	r.exact = m->exact_end;
	mkt_duty_put_reading(out, m->last_ms, m->ended ? "end" : "mark", &r);
	mkt_buf_addch(out, '\n');
}

void mkt_duties_dump(const struct mkt_duties *d, uint64_t at_ms, struct mkt_buf *out)
{
	if (d->has_site) {
		mkt_duty_put_site(out, at_ms, d->chain, d->account);
		mkt_buf_addch(out, '\n');
	}
	for (uint32_t i = 0; i < d->nwills; i++) {
		mkt_duty_put_will(out, at_ms, &d->wills[i]);
		mkt_buf_addch(out, '\n');
	}
	for (uint32_t i = 0; i < d->n; i++) {
		dump_side(&d->v[i], 0, at_ms, out);
		dump_side(&d->v[i], 1, at_ms, out);
		for (uint32_t k = 0; k < d->v[i].nmeters; k++)
			dump_meter(&d->v[i], &d->v[i].meters[k], out);
	}
	if (d->cursor[0]) {
		mkt_duty_put_cursor(out, at_ms, d->cursor);
		mkt_buf_addch(out, '\n');
	}
}
