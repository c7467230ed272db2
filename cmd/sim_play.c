/* The days, window by window; strategy.h tells what a round is. */
#include "core/base/compat.h"

#include <poll.h>

#include "cmd/sim_devices.h"
#include "cmd/sim_page.h"
#include "cmd/sim_split.h"
#include "core/units/civil.h"
#include "core/units/fmt.h"

#define WINDOW_S MKT_PROFILE_WINDOW_S
#define NOON_S (12 * 3600) /* day-ahead prices are out */
#define PAGE 1000
#define REPLAY_PAGE 64
#define MARGIN_UPWH 14000 /* on the day-ahead price: grid and supply */
#define FEED_IN_UPWH 8000
#define SIM_CARS_MAX 256 /* of one site, between plug-in and the report of their last window */

static uint32_t window_of(uint64_t time_s)
{
	return (uint32_t)(time_s / WINDOW_S);
}

struct mkt_reading *sim_reading(struct sim *s, uint32_t w)
{
	return &s->ring[w % SIM_AHEAD];
}

static int no_memory(struct sim *s)
{
	return mkt_err_code(&s->app->err, MKT_ENOMEM);
}

/* ---- the profile -------------------------------------------------------------------- */

/* Read on, so that windows before @end are in the ring; those before the first day are history. */
static int read_to(struct sim *s, uint32_t end)
{
	struct mkt_reading *r;
	uint32_t from = window_of(s->from_s);

	while (!s->profile_ended && s->read_end < end) {
		bool before = s->read_end < from;
		int rc;

		r = sim_reading(s, s->read_end);
		rc = mkt_profile_next(s->profile, r, &s->app->err);
		if (rc < 0)
			return rc;
		if (!rc) {
			s->profile_ended = true;
			return 0;
		}
		for (uint16_t i = 0; before && i < s->profile->nsites; i++)
			mkt_agent_remember(&s->agents[i], r->load_wh[i], r->pv_wh[i]);
		s->read_end++;
	}
	return 0;
}

int sim_plug_in(struct sim *s, const struct mkt_session *e)
{
	struct mkt_agent *a = &s->agents[e->site];
	const struct mkt_car *car;

	if (mkt_agent_plug_in(a, e) < 0)
		return no_memory(s);
	s->energy.sessions++;
	car = &a->cars[a->ncars - 1];
	if (car->told_wh && s->app->opt.verbose)
		fprintf(stderr, "%s: the car that came at %s will lack %s at %s\n",
			a->site->chargers[e->charger], mkt_fmt_utc_ms(e->plug_in_s * 1000).s,
			mkt_fmt_energy(car->told_wh).s, mkt_fmt_utc_ms(e->plug_out_s * 1000).s);
	return 0;
}

static int take_cars(struct sim *s, uint64_t now_s)
{
	struct mkt_session e;
	int rc;

	while ((rc = mkt_profile_session(s->profile, now_s + 1, &e, &s->app->err)) > 0) {
		if (e.plug_in_s < s->from_s)
			continue; /* came before the first day */
		rc = sim_plug_in(s, &e);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* The first window whose day-ahead price is not out: tomorrow's are out at noon. */
static uint32_t known_end(const struct sim *s, uint64_t now_s)
{
	int64_t local = mkt_zone_local(&s->zone, (int64_t)now_s), day = local / MKT_DAY_S;

	day += local % MKT_DAY_S >= NOON_S ? 2 : 1;
	return window_of((uint64_t)mkt_zone_day_start(&s->zone, day));
}

/* Prices of the windows that are open for bids; where they are not out, as a day before. */
static void look_ahead(struct sim *s, uint32_t k, uint32_t known)
{
	uint32_t end = window_of(s->now_s + s->chain.genesis.opening_s) + 1;
	struct mkt_outlook *o = &s->look;

	if (known > s->read_end)
		known = s->read_end;
	o->first = k;
	o->n = end - k < MKT_OUTLOOK_MAX ? end - k : MKT_OUTLOOK_MAX;
	o->known = known - k < o->n ? known - k : o->n;
	for (uint32_t i = 0; i < o->n; i++) {
		if (i < o->known)
			o->retail_upwh[i] =
				mkt_retail_upwh(&s->terms, sim_reading(s, k + i)->price_upwh);
		else
			o->retail_upwh[i] =
				o->retail_upwh[i >= MKT_FORECAST_DAY ? i - MKT_FORECAST_DAY : 0];
	}
}

/* ---- contracts ---------------------------------------------------------------------- */

static int parse_contract(const struct mkt_jval *at, const struct mkt_tag_table *tags,
			  struct sim_contract *c, struct mkt_err *err)
{
	uint64_t buyer, seller, buy_leg, sell_leg, start, wh, delivered, supply, draw;
	int64_t price, fee;
	const char *text, *status;
	int rc;

	if ((rc = mkt_jget_u64(at, "exec", UINT64_MAX, &c->exec, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "buy_bid", UINT64_MAX, &c->buy_bid, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "sell_bid", UINT64_MAX, &c->sell_bid, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "buyer", UINT32_MAX, &buyer, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "seller", UINT32_MAX, &seller, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "buy_leg", MKT_LEGS_MAX, &buy_leg, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "sell_leg", MKT_LEGS_MAX, &sell_leg, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "window_s", UINT64_MAX, &start, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "energy_wh", UINT32_MAX, &wh, err)) < 0 ||
	    (rc = mkt_jget_i64(at, "price_upwh", INT32_MIN, INT32_MAX, &price, err)) < 0 ||
	    (rc = mkt_jget_i64(at, "fee_upwh", INT32_MIN, INT32_MAX, &fee, err)) < 0 ||
	    (rc = mkt_jget_str(at, "tags", &text, NULL, err)) < 0 ||
	    (rc = mkt_tags_parse(tags, text, &c->tags, err)) < 0 ||
	    (rc = mkt_jget_str(at, "status", &status, NULL, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "supply_wh", UINT32_MAX, &supply, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "height", UINT64_MAX, &c->height, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "draw_wh", UINT32_MAX, &draw, err)) < 0 ||
	    (rc = mkt_jget_u64(at, "delivered_wh", UINT32_MAX, &delivered, err)) < 0)
		return rc;
	c->buyer = (uint32_t)buyer;
	c->seller = (uint32_t)seller;
	c->buy_leg = (uint16_t)buy_leg;
	c->sell_leg = (uint16_t)sell_leg;
	c->window = window_of(start);
	c->wh = (uint32_t)wh;
	c->price_upwh = (int32_t)price;
	c->fee_upwh = (int32_t)fee;
	c->settled = !strcmp(status, "settled");
	c->supply_wh = (uint32_t)supply;
	c->draw_wh = (uint32_t)draw;
	c->delivered_wh = (uint32_t)delivered;
	return 0;
}

/* Tell one side's party of its contract. */
static int tell(struct sim *s, uint32_t account, enum mkt_side side, const struct sim_contract *c)
{
	struct mkt_agent_deal d = {.exec = c->exec, .window = c->window, .wh = c->wh, .side = side};
	const struct sim_party *p;

	d.bid = side == MKT_BUY ? c->buy_bid : c->sell_bid;
	if (s->split && sim_split_contract(s, account, &d) < 0)
		return -s->app->err.code;
	if (account == s->retailer.account) {
		mkt_retailer_contract(&s->retailer, c->window, side, c->wh);
		return 0;
	}
	if ((p = sim_party(s, account)) && p->agent)
		return mkt_agent_contract(p->agent, &d, &s->app->err);
	return mkt_err_set(&s->app->err, MKT_EINTEGRITY,
			   "contract %llu is of account %u, whom nobody knows",
			   (unsigned long long)c->exec, account);
}

static int take_new(void *who, struct sim *s, const struct sim_contract *c)
{
	struct sim_spread spread = {s->retailer.account, s->terms.feed_in_upwh,
				    s->look.retail_upwh[0]};
	int rc;

	(void)who;
	if (s->replayed && c->height > s->post.height)
		return 1; /* comes later in the days that are played again */
	if (c->exec != s->last_exec + 1)
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY,
				   "contract %llu follows contract %llu",
				   (unsigned long long)c->exec, (unsigned long long)s->last_exec);
	s->last_exec = c->exec;
	sim_audit_contract(s->audit, c, &spread);
	rc = tell(s, c->buyer, MKT_BUY, c);
	return rc < 0 ? rc : tell(s, c->seller, MKT_SELL, c);
}

/* The retailer's price of a window that was read. */
static int32_t retail_upwh(struct sim *s, uint32_t w)
{
	return mkt_retail_upwh(&s->terms, sim_reading(s, w)->price_upwh);
}

static int take_settled(void *who, struct sim *s, const struct sim_contract *c)
{
	(void)who;
	sim_audit_settled(s->audit, c);
	sim_bill_settled(s, c, retail_upwh(s, c->window));
	if (s->page)
		sim_page_settled(s->page, s, c);
	if (c->buyer != s->retailer.account) {
		s->energy.bought_wh += c->delivered_wh;
		if (mkt_tags_value(c->tags, 0) == mkt_tags_value(s->terms.green, 0))
			s->energy.green_wh += c->delivered_wh;
	}
	return 0;
}

/* A node lists without their window only those that it still has in its state. */
static void contracts_path(const struct sim *s, const struct sim_range *which, char *out,
			   size_t size)
{
	uint64_t page = s->replayed ? REPLAY_PAGE : PAGE, left = which->end - which->after;
	int n = snprintf(out, size, "/v1/contracts?after=%llu&limit=%llu",
			 (unsigned long long)which->after,
			 (unsigned long long)(left < page ? left : page));

	if (s->replayed && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, "&window=%llu",
			 (unsigned long long)which->window * WINDOW_S);
}

int sim_contracts(struct sim *s, struct sim_range which, sim_contract_fn *each, void *who)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct sim_contract c = {0};
	char path[128];
	bool more = which.after < which.end;
	int rc = 0;

	mkt_client_restart(s->chain.client, SIM_CALL_MS);
	while (!rc && more) {
		struct mkt_jiter it = {0};
		struct mkt_jval at;

		contracts_path(s, &which, path, sizeof(path));
		rc = mkt_api_get(s->chain.client, path, &a, &s->app->err);
		while (!rc && mkt_jval_next(&a.data, &it, &at)) {
			rc = parse_contract(&at, &s->chain.genesis.tags, &c, &s->app->err);
			which.after = c.exec;
			if (!rc)
				rc = each(who, s, &c);
		}
		more = a.next && which.after < which.end;
	}
	mkt_answer_release(&a);
	return rc < 0 ? rc : 0;
}

/* ---- one window --------------------------------------------------------------------- */

static void add_energy(struct sim *s, const struct mkt_reading *r, uint32_t site,
		       const struct mkt_metered *m)
{
	struct sim_energy *e = &s->energy;

	e->load_wh += r->load_wh[site];
	e->pv_wh += r->pv_wh[site];
	e->car_wh += m->car_wh;
	e->supply_wh += m->supply_wh;
	e->draw_wh += m->draw_wh;
	e->car_missed_wh += m->car_missed_wh;
	if (m->battery_wh > 0)
		e->charged_wh += (uint64_t)m->battery_wh;
	else
		e->discharged_wh += (uint64_t) - (int64_t)m->battery_wh;
	e->car_contracted_wh += m->car_contracted_wh;
	e->car_kept_wh += m->car_kept_wh;
	*(m->battery_could ? &e->battery_contracted_wh : &e->home_contracted_wh) +=
		m->site_contracted_wh;
	*(m->battery_could ? &e->battery_kept_wh : &e->home_kept_wh) += m->site_kept_wh;
	e->cars_left += m->cars_left;
	e->cars_could += m->cars_could;
	e->cars_filled += m->cars_filled;
	e->cars_told += m->cars_told;
	e->cars_told_wh += m->cars_told_wh;
	e->cars_untold += m->cars_untold;
}

/*
 * Reports are due within an hour of a window's end: those of two windows go together,
 * at the rounds of odd windows, and at the last one.
 */
static bool reports_go(const struct sim *s, uint32_t w)
{
	return w % 2 || w + 1 >= window_of(s->end_s);
}

/* What was held back, then nothing is. */
static void take_reports(struct sim_party *p)
{
	for (uint32_t i = 0; i < p->reports.n; i++) {
		const struct mkt_op *op = &p->reports.v[i].op;

		mkt_plan_add(&p->plan, (enum mkt_op_kind)op->kind, op->account)->op = *op;
	}
	p->plan.bad |= p->reports.bad;
	mkt_plan_clear(&p->reports);
}

/* Everybody's reports of window @w, as the first operations of their plans. */
static int meter(struct sim *s, uint32_t w)
{
	uint32_t car_wh[SIM_CARS_MAX];
	struct mkt_moved moved;
	struct mkt_metered m;

	for (uint32_t i = 0; i < s->nparties; i++)
		mkt_plan_clear(&s->parties[i].plan);
	if (w < window_of(s->from_s) || w >= window_of(s->end_s))
		return 0;
	mkt_retailer_meter(&s->retailer, w, &s->parties[1].reports);
	for (uint16_t i = 0; i < s->profile->nsites; i++) {
		const struct mkt_reading *r = sim_reading(s, w);
		struct mkt_agent *a = &s->agents[i];

		if (a->ncars > SIM_CARS_MAX)
			return mkt_err_set(&s->app->err, MKT_ELIMIT, "more than %d cars at '%s'",
					   SIM_CARS_MAX, a->site->id);
		if (s->devices)
			sim_moved(s->devices, i, w, car_wh, &moved);
		mkt_agent_meter(a, w, r->load_wh[i], r->pv_wh[i], s->devices ? &moved : NULL,
				&s->parties[2 + i].reports, &m);
		add_energy(s, r, i, &m);
		sim_bill_metered(s, w, i, &m);
		if (s->page)
			sim_page_metered(s->page, i, r, &m);
	}
	for (uint32_t i = 1; reports_go(s, w) && i < s->nparties; i++)
		take_reports(&s->parties[i]);
	return 0;
}

/* The retailer's offers for windows whose prices have come out since it last made some. */
static void offer(struct sim *s, uint32_t known)
{
	uint32_t end = known < window_of(s->end_s) ? known : window_of(s->end_s);
	struct mkt_outlook *o = &s->fresh;

	if (end > s->read_end)
		end = s->read_end;
	if (s->posted_end >= end)
		return;
	o->first = s->posted_end;
	o->n = o->known = end - s->posted_end;
	memcpy(o->retail_upwh, &s->look.retail_upwh[s->posted_end - s->look.first],
	       o->n * sizeof(o->retail_upwh[0]));
	mkt_retailer_bid(&s->retailer, &s->terms, o, &s->parties[1].plan);
	s->posted_end = end;
}

static uint32_t sells_wh(const struct mkt_plan *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->v[i].purpose == MKT_FOR_HOME_SELL)
			return p->v[i].op.u.bid.amount_wh;
	return 0;
}

/* The others see in the book what roofs offer, and bid after them. */
static void bid(struct sim *s)
{
	uint32_t n = s->profile->nsites;

	s->look.green_wh = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct mkt_plan *plan = &s->parties[2 + i].plan;

		mkt_agent_offer(&s->agents[i], &s->terms, &s->look, plan);
		s->look.green_wh += sells_wh(plan);
	}
	for (uint32_t i = 0; i < n; i++)
		mkt_agent_want(&s->agents[i], &s->terms, &s->look, &s->parties[2 + i].plan);
}

static int post(struct sim *s)
{
	int rc = sim_post_send(s);

	if (!rc)
		rc = sim_contracts(s, (struct sim_range){s->last_exec, UINT64_MAX, s->look.first},
				   take_new, NULL);
	if (rc < 0 || !s->split)
		return rc;
	rc = sim_split_withdraw(s);
	return rc < 0 ? rc : sim_post_send(s);
}

/* The sites' plans, sellers' first; who is first of all goes round from window to window. */
static int add_sites(struct sim *s, uint32_t k)
{
	uint32_t n = s->profile->nsites;
	int rc = 0;

	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; !rc && i < n; i++) {
			struct sim_party *p = &s->parties[2 + (i + k) % n];

			if ((sells_wh(&p->plan) > 0) == (pass == 0))
				rc = sim_post_add(s, p, &p->plan);
		}
	return rc;
}

/* Step 3 in one post: the cars of all before the surplus of all. */
static int add_rests(struct sim *s, uint32_t k)
{
	uint32_t n = s->profile->nsites;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < n; i++) {
		struct sim_party *p = &s->parties[2 + (i + k) % n];

		mkt_plan_clear(&p->plan);
		mkt_agent_cars(p->agent, &s->terms, &s->look, &p->plan);
		rc = sim_post_add(s, p, &p->plan);
	}
	for (uint32_t i = 0; !rc && i < n; i++) {
		struct sim_party *p = &s->parties[2 + (i + k) % n];

		mkt_plan_clear(&p->rest);
		mkt_agent_rest(p->agent, &s->terms, &s->look, &p->rest);
		rc = sim_post_add(s, p, &p->rest);
	}
	return rc;
}

/* Settled contracts of window @w are looked at again. */
static int check_settled(struct sim *s, uint32_t w)
{
	uint32_t i = w % MKT_POSITIONS;
	struct sim_range which;
	int rc;

	if (w < window_of(s->from_s) || w >= window_of(s->end_s))
		return 0;
	which = (struct sim_range){s->exec_before[i], s->exec_before[i] + s->contracts_at[i], w};
	rc = sim_contracts(s, which, take_settled, NULL);
	if (rc < 0)
		return rc;
	sim_bill_close(s, w, retail_upwh(s, w));
	if (s->page)
		sim_page_window(s->page, (uint64_t)w * WINDOW_S, retail_upwh(s, w));
	return 0;
}

/* What the reports that went in the round of window @w have settled. */
static int check_reported(struct sim *s, uint32_t w)
{
	int rc = 0;

	if (!reports_go(s, w))
		return 0;
	if (w % 2) /* else its predecessor went by itself */
		rc = check_settled(s, w - 1);
	return rc < 0 ? rc : check_settled(s, w);
}

static int bid_and_rest(struct sim *s, uint32_t k)
{
	uint32_t at = k % MKT_POSITIONS;
	int rc;

	bid(s);
	s->exec_before[at] = s->last_exec;
	if ((rc = sim_post_add(s, &s->parties[1], &s->parties[1].plan)) < 0 ||
	    (rc = add_sites(s, k)) < 0 || (rc = post(s)) < 0 || (rc = add_rests(s, k)) < 0 ||
	    (rc = post(s)) < 0)
		return rc;
	s->contracts_at[at] = (uint32_t)(s->last_exec - s->exec_before[at]);
	return 0;
}

/* After the last window: reports only. */
static int report_only(struct sim *s, uint32_t k)
{
	int rc = sim_post_add(s, &s->parties[1], &s->parties[1].plan);

	if (!rc)
		rc = add_sites(s, k);
	return rc < 0 ? rc : post(s);
}

/* A round; after the last window two more without bids, for the reports. */
static int play_window(struct sim *s, uint32_t k)
{
	uint64_t now_s = (uint64_t)k * WINDOW_S - SIM_LEAD_S;
	bool open = k < window_of(s->end_s);
	uint32_t known = known_end(s, now_s);
	int64_t day = mkt_zone_local(&s->zone, (int64_t)k * WINDOW_S) / MKT_DAY_S;
	int rc;

	if ((rc = read_to(s, known)) < 0 ||
	    (rc = s->devices ? sim_drive(s->devices, now_s) : take_cars(s, now_s)) < 0)
		return rc;
	if ((rc = sim_post_clock(s, now_s)) < 0)
		return rc;
	if (open && k == window_of((uint64_t)mkt_zone_day_start(&s->zone, day)) &&
	    (rc = sim_top_up(s)) < 0)
		return rc;
	rc = meter(s, k - MKT_AGENT_LAG);
	if (rc < 0)
		return rc;
	if (open) {
		look_ahead(s, k, known);
		offer(s, known);
		rc = bid_and_rest(s, k);
	} else {
		rc = report_only(s, k);
	}
	if (!rc)
		rc = check_reported(s, k - MKT_AGENT_LAG);
	sim_audit_forget(s->audit, k - MKT_AGENT_LAG);
	return rc;
}

/* ---- from the first to the last ----------------------------------------------------- */

static int make_ring(struct sim *s, uint32_t nsites)
{
	s->ring = calloc(SIM_AHEAD, sizeof(*s->ring));
	s->ring_wh = calloc((size_t)SIM_AHEAD * nsites, 2 * sizeof(*s->ring_wh));
	if (!s->ring || !s->ring_wh)
		return -MKT_ENOMEM;
	for (size_t i = 0; i < SIM_AHEAD; i++) {
		s->ring[i].load_wh = &s->ring_wh[2 * i * nsites];
		s->ring[i].pv_wh = &s->ring_wh[(2 * i + 1) * nsites];
	}
	return 0;
}

static int make_parties(struct sim *s)
{
	uint32_t n = s->profile->nsites;

	s->nparties = n + 2;
	s->agents = calloc(n, sizeof(*s->agents));
	s->parties = calloc(s->nparties, sizeof(*s->parties));
	s->audit = sim_audit_new();
	s->sites = calloc(n, sizeof(*s->sites));
	if (!s->agents || !s->parties || !s->sites || !s->audit || make_ring(s, n) < 0)
		return no_memory(s);
	s->parties[0].key = s->chain.operator_key;
	s->terms = (struct mkt_terms){
		.tick_upwh = s->chain.genesis.tick_upwh,
		.price_max_upwh = s->chain.genesis.price_max_upwh,
		.margin_upwh = MARGIN_UPWH,
		.feed_in_upwh = FEED_IN_UPWH,
		.short_sold_upwh = s->chain.genesis.imbalance_up_upwh,
		.short_bought_upwh = s->chain.genesis.imbalance_down_upwh,
		.green_mode = s->green_mode,
		.premium_upwh = s->premium_upwh,
		.markets = s->markets,
	};
	if (mkt_tags_parse(&s->chain.genesis.tags, "green", &s->terms.green, &s->app->err) < 0 ||
	    mkt_tags_parse(&s->chain.genesis.tags, "brown", &s->terms.brown, &s->app->err) < 0)
		return -s->app->err.code;
	for (uint32_t i = 0; i < n; i++) {
		s->sites[i] = s->profile->sites[i];
		if (s->sites[i].charger_w > s->charger_w)
			s->sites[i].charger_w = s->charger_w;
	}
	if (s->untagged && !(s->split = sim_split_new()))
		return no_memory(s);
	for (uint32_t i = 0; i < n; i++) /* the account number comes with the enrollment */
		s->parties[2 + i].agent = &s->agents[i];
	return 0;
}

static int enroll(struct sim *s)
{
	struct mkt_pubkey pub;
	int rc = 0;

	s->now_s = s->chain.genesis.time_ms / 1000;
	for (uint32_t i = 1; !rc && i < s->nparties; i++) {
		sim_key(s->seed, i, &pub, &s->parties[i].key);
		rc = sim_post_enroll(s, i > 1 ? &s->profile->sites[i - 2] : NULL, &pub);
	}
	if (!rc)
		rc = sim_post_send(s);
	if (!rc && s->post.refused)
		rc = mkt_err_set(&s->app->err, MKT_EDENIED, "cannot enroll: %s",
				 s->post.first_refusal);
	if (!rc)
		rc = sim_number_parties(s);
	if (rc < 0)
		return rc;
	mkt_retailer_init(&s->retailer, s->parties[1].account, s->profile->nsites);
	for (uint32_t i = 0; i < s->profile->nsites; i++)
		mkt_agent_init(&s->agents[i], &s->sites[i], s->parties[2 + i].account,
			       s->seed);
	rc = sim_top_up(s);
	return rc < 0 ? rc : sim_post_send(s);
}

/* Past every deadline: what was never reported is settled by time. */
static int settle_all(struct sim *s)
{
	int rc = sim_post_clock(s, s->end_s + s->chain.genesis.deadline_s + 1);

	return rc < 0 ? rc : sim_post_send(s);
}

/* A signal ends it. */
static void keep_pace(const struct sim *s)
{
	if (s->pace_ms)
		poll(NULL, 0, (int)s->pace_ms);
}

static int stopped(struct sim *s)
{
	mkt_err_set(&s->app->err, MKT_ECANCELLED, "stopped");
	if (s->journal)
		mkt_err_hint(&s->app->err, "the same with --resume %s goes on", s->chain.dir);
	return -MKT_ECANCELLED;
}

static int play_days(struct sim *s, struct mkt_progress *bar)
{
	uint32_t first = window_of(s->from_s), end = window_of(s->end_s) + MKT_AGENT_LAG;
	int rc = 0;

	for (uint32_t k = first; !rc && k < end; k++) {
		rc = play_window(s, k);
		if (mkt_app_stopped())
			return stopped(s);
		if (!mkt_app_left_ms(s->app))
			return mkt_err_set(&s->app->err, MKT_ETIMEOUT,
					   "%u of %u windows are played, and the time is over",
					   k - first + 1, end - first);
		mkt_progress_update(bar, k - first + 1, end - first, mkt_app_mono_ms());
		keep_pace(s);
	}
	return rc < 0 ? rc : settle_all(s);
}

int sim_begin(struct sim *s)
{
	int rc = make_parties(s);

	return rc < 0 ? rc : enroll(s);
}

int sim_play(struct sim *s)
{
	struct mkt_progress bar;
	int rc = sim_begin(s);

	s->read_end = window_of(s->profile->first_s);
	s->posted_end = window_of(s->from_s);
	if (!rc)
		rc = read_to(s, window_of(s->from_s));
	if (rc < 0)
		return rc;
	if (s->with_devices && (rc = sim_devices_start(s, &s->devices)) < 0)
		return rc;
	s->begun_ms = mkt_app_mono_ms();
	mkt_app_progress(s->app, &bar, "playing windows");
	rc = play_days(s, &bar);
	mkt_progress_end(&bar);
	s->ended_ms = mkt_app_mono_ms();
	return rc;
}
