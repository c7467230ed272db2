/*
 * Cars.  The driver tells how much energy and until when.  The car's need is cut
 * into parts that the charger can give in one window, and each part becomes one
 * bid over windows of its own, so that no window can be asked for more than the
 * charger gives:
 *
 *   parts of 3:  windows  1 2 3 1 2 3 1 2 ...
 *
 * A bid asks for green energy in all its windows up to the one in which the
 * retailer gives the rest: the cheapest in the later half of the stay.
 */
#include "core/base/compat.h"

#include "core/agent/strategy.h"

#define WINDOW_S MKT_PROFILE_WINDOW_S

struct mkt_car *mkt_agent_car(struct mkt_agent *a, uint64_t number)
{
	for (uint32_t i = 0; i < a->ncars; i++)
		if (a->cars[i].number == number)
			return &a->cars[i];
	return NULL;
}

uint32_t mkt_car_room_wh(const struct mkt_agent *a, const struct mkt_session *s, uint32_t w)
{
	uint64_t from = (uint64_t)w * WINDOW_S, to = from + WINDOW_S;

	if (from < s->plug_in_s)
		from = s->plug_in_s;
	if (to > s->plug_out_s)
		to = s->plug_out_s;
	return from < to ? (uint32_t)((to - from) * a->site->charger_w / 3600) : 0;
}

int mkt_agent_plug_in(struct mkt_agent *a, const struct mkt_session *s)
{
	uint64_t room_wh = 0;

	if (a->ncars == a->cars_cap) {
		uint32_t cap = a->cars_cap ? a->cars_cap * 2 : 4;
		struct mkt_car *more = reallocarray(a->cars, cap, sizeof(*more));

		if (!more)
			return -MKT_ENOMEM;
		a->cars = more;
		a->cars_cap = cap;
	}
	for (uint64_t w = s->plug_in_s / WINDOW_S; w * WINDOW_S < s->plug_out_s; w++)
		room_wh += mkt_car_room_wh(a, s, (uint32_t)w);
	a->cars[a->ncars++] = (struct mkt_car){
		.number = ++a->ncars_ever,
		.s = *s,
		.left_wh = s->energy_wh,
		.told_wh = room_wh < s->energy_wh ? s->energy_wh - (uint32_t)room_wh : 0,
	};
	return 0;
}

/* The cheapest of the part's windows in the later half of the stay; the earlier at equal price. */
static uint32_t last_resort(const struct mkt_car_part *part, uint32_t end,
			    const struct mkt_outlook *o)
{
	uint32_t n = (end - part->first + part->step - 1) / part->step;
	uint32_t best = part->first + n / 2 * part->step;

	for (uint32_t w = best; w < end; w += part->step)
		if (o->retail_upwh[w - o->first] < o->retail_upwh[best - o->first])
			best = w;
	return best;
}

/* Cut the need into parts over the whole windows from @o->first to departure. */
static void plan_car(struct mkt_agent *a, struct mkt_car *car, const struct mkt_terms *t,
		     const struct mkt_outlook *o)
{
	uint32_t markets = t->markets > 1 ? t->markets : 1; /* a leg in each */
	uint32_t end = (uint32_t)(car->s.plug_out_s / WINDOW_S), need = car->left_wh;
	uint32_t each = a->site->charger_w / (3600 / WINDOW_S), n;

	car->planned = true;
	if (end > o->first + o->n)
		end = o->first + o->n;
	if (end > o->first + MKT_LEGS_MAX / markets)
		end = o->first + MKT_LEGS_MAX / markets;
	if (end <= o->first || !each)
		return; /* away before the next window: charges without a contract */
	n = (need + each - 1) / each;
	if (n > end - o->first)
		n = end - o->first;
	if (n > MKT_CAR_PARTS_MAX)
		n = MKT_CAR_PARTS_MAX;
	for (uint32_t i = 0; i < n; i++) {
		struct mkt_car_part *part = &car->parts[i];

		part->first = o->first + i;
		part->step = n;
		part->left_wh = need < each ? need : each;
		part->last = last_resort(part, end, o);
		need -= part->left_wh;
	}
	car->nparts = (uint8_t)n;
}

static void bid_part(struct mkt_agent *a, const struct mkt_car *car, unsigned ix,
		     const struct mkt_terms *t, const struct mkt_outlook *o, struct mkt_plan *p)
{
	const struct mkt_car_part *part = &car->parts[ix];
	struct mkt_intent *in = mkt_plan_bid(p, a->account, MKT_BUY, part->left_wh);

	in->purpose = MKT_FOR_CAR;
	in->car = car->number;
	in->part = (uint8_t)ix;
	for (uint32_t w = part->first; w <= part->last; w += part->step) {
		uint32_t i = w - o->first;
		/* Where the price is not out, never above the lowest that it may become. */
		int32_t retail = i < o->known ? o->retail_upwh[i] : mkt_retail_upwh(t, INT32_MIN);

		mkt_agent_leg(t, p, w, t->green, mkt_between_upwh(t, retail, a->car_share));
	}
}

void mkt_cars_bid(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		  struct mkt_plan *p)
{
	for (uint32_t i = 0; i < a->ncars; i++) {
		struct mkt_car *car = &a->cars[i];

		if (car->planned)
			continue;
		plan_car(a, car, t, o);
		for (unsigned k = 0; k < car->nparts; k++)
			bid_part(a, car, k, t, o, p);
	}
}

/* Parts whose last window has come: the retailer gives what is left. */
void mkt_cars_rest(struct mkt_agent *a, const struct mkt_terms *t, const struct mkt_outlook *o,
		   struct mkt_plan *p)
{
	for (uint32_t i = 0; i < a->ncars; i++)
		for (unsigned k = 0; k < a->cars[i].nparts; k++) {
			struct mkt_car_part *part = &a->cars[i].parts[k];
			struct mkt_intent *in;

			if (part->last != o->first || !part->left_wh)
				continue;
			if (part->bid)
				mkt_plan_cancel(p, a->account, part->bid);
			part->bid = 0;
			in = mkt_plan_bid(p, a->account, MKT_BUY, part->left_wh);
			in->purpose = MKT_FOR_CAR;
			in->car = a->cars[i].number;
			in->part = (uint8_t)k;
			if (t->green_mode)
				mkt_agent_leg(t, p, o->first, t->green,
					     mkt_green_upwh(t, o->retail_upwh[0]));
			mkt_agent_leg(t, p, o->first, t->brown, o->retail_upwh[0]);
		}
}

/* Make the bid of a part smaller by @wh. */
static void shrink(struct mkt_agent *a, struct mkt_car_part *part, uint32_t wh, struct mkt_plan *p)
{
	part->left_wh -= wh;
	if (!part->left_wh) {
		mkt_plan_cancel(p, a->account, part->bid);
		part->bid = 0;
	} else {
		struct mkt_intent *in = mkt_plan_add(p, MKT_OP_REDUCE, a->account);

		in->op.u.reduce.bid = part->bid;
		in->op.u.reduce.left_wh = part->left_wh;
	}
}

uint32_t mkt_cars_take_own(struct mkt_agent *a, uint32_t k, uint32_t wh, struct mkt_plan *p)
{
	struct mkt_position *at = mkt_agent_position(a, k);

	for (uint32_t i = 0; i < a->ncars; i++)
		for (unsigned n = 0; n < a->cars[i].nparts; n++) {
			struct mkt_car_part *part = &a->cars[i].parts[n];
			uint32_t take = part->left_wh < wh ? part->left_wh : wh;

			/*
			 * Only the part that this window belongs to: its energy and the
			 * rest of it fit the charger.
			 */
			if (!part->bid || !take || k < part->first || k > part->last ||
			    (k - part->first) % part->step)
				continue;
			shrink(a, part, take, p);
			at->own_wh = take;
			at->own_car = a->cars[i].number;
			return take;
		}
	return 0;
}
