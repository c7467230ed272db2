#include "core/base/compat.h"

#include "core/units/checked.h"
#include "core/wire/api.h"
#include "core/wire/booked.h"

/* Money that @key of the event names, added to @sum. */
static int add_money(const struct mkt_jval *ev, const char *key, int64_t *sum, struct mkt_err *err)
{
	int64_t v;
	int rc = mkt_jget_i64(ev, key, INT64_MIN, INT64_MAX, &v, err);

	if (rc)
		return mkt_api_foreign(err);
	if (mkt_add_i64(*sum, v, sum))
		return mkt_err_code(err, MKT_EOVERFLOW);
	return 0;
}

static int read_wh(const struct mkt_jval *ev, const char *key, uint64_t *out, struct mkt_err *err)
{
	return mkt_jget_u64(ev, key, UINT32_MAX, out, err) ? mkt_api_foreign(err) : 0;
}

static bool is_me(const struct mkt_jval *ev, const char *key, uint32_t number)
{
	uint64_t v;

	return mkt_jval_has(ev, key) && !mkt_jget_u64(ev, key, UINT32_MAX, &v, NULL) && v == number;
}

struct moved {
	uint64_t contracted, supply, draw, delivered;
};

static int as_buyer(struct mkt_booked *b, const struct mkt_jval *ev, const struct moved *m,
		    struct mkt_err *err)
{
	int rc = add_money(ev, "paid_uc", &b->paid_uc, err);

	if (!rc)
		rc = add_money(ev, "fee_uc", &b->fees_uc, err);
	if (!rc)
		rc = add_money(ev, "buyer_charge_uc", &b->charges_uc, err);
	if (rc)
		return rc;
	b->bought++;
	b->bought_wh += m->delivered;
	b->certificates += m->delivered > 0;
	b->short_wh += m->contracted > m->draw ? m->contracted - m->draw : 0;
	return 0;
}

static int as_seller(struct mkt_booked *b, const struct mkt_jval *ev, const struct moved *m,
		     struct mkt_err *err)
{
	int rc = add_money(ev, "paid_uc", &b->earned_uc, err);

	if (!rc)
		rc = add_money(ev, "seller_charge_uc", &b->charges_uc, err);
	if (rc)
		return rc;
	b->sold++;
	b->sold_wh += m->delivered;
	b->short_wh += m->contracted > m->supply ? m->contracted - m->supply : 0;
	return 0;
}

static int add_settled(struct mkt_booked *b, uint32_t number, const struct mkt_jval *ev,
		       struct mkt_err *err)
{
	struct moved m;
	int rc = read_wh(ev, "contracted_wh", &m.contracted, err);

	if (!rc)
		rc = read_wh(ev, "supply_wh", &m.supply, err);
	if (!rc)
		rc = read_wh(ev, "draw_wh", &m.draw, err);
	if (!rc)
		rc = read_wh(ev, "delivered_wh", &m.delivered, err);
	if (!rc && is_me(ev, "buyer", number))
		rc = as_buyer(b, ev, &m, err);
	if (!rc && is_me(ev, "seller", number))
		rc = as_seller(b, ev, &m, err);
	return rc;
}

static int add_movement(struct mkt_booked *b, uint32_t number, const struct mkt_jval *ev,
			struct mkt_err *err)
{
	bool in = is_me(ev, "to", number), out = is_me(ev, "from", number);
	const char *why;
	int rc = mkt_jget_str(ev, "why", &why, NULL, err);

	if (rc)
		return mkt_api_foreign(err);
	/* Fees and charges that this account pays are in its settlements. */
	if (!strcmp(why, "fee"))
		return in ? add_money(ev, "money_uc", &b->fees_in_uc, err) : 0;
	if (!strcmp(why, "charge"))
		return in ? add_money(ev, "money_uc", &b->charges_in_uc, err) : 0;
	if (!strcmp(why, "deposit"))
		return in ? add_money(ev, "money_uc", &b->deposited_uc, err) : 0;
	if (!strcmp(why, "withdraw"))
		return out ? add_money(ev, "money_uc", &b->withdrawn_uc, err) : 0;
	if (in)
		rc = add_money(ev, "money_uc", &b->received_uc, err);
	if (!rc && out)
		rc = add_money(ev, "money_uc", &b->sent_uc, err);
	return rc;
}

static int add_result(struct mkt_booked *b, uint32_t number, const struct mkt_jval *ev,
		      struct mkt_err *err)
{
	const char *what, *code;
	uint64_t wh;
	int rc = mkt_jget_str(ev, "what", &what, NULL, err);

	if (!rc)
		rc = mkt_jget_str(ev, "code", &code, NULL, err);
	if (rc)
		return mkt_api_foreign(err);
	if (strcmp(what, "retire") || strcmp(code, "ok") || !is_me(ev, "account", number))
		return 0;
	rc = read_wh(ev, "delivered_wh", &wh, err);
	if (rc)
		return rc;
	b->retired++;
	b->retired_wh += wh;
	return 0;
}

int mkt_booked_add(struct mkt_booked *b, uint32_t number, const struct mkt_jval *ev,
		   struct mkt_err *err)
{
	const char *kind;

	if (mkt_jget_str(ev, "kind", &kind, NULL, err))
		return mkt_api_foreign(err);
	if (!strcmp(kind, "settled"))
		return add_settled(b, number, ev, err);
	if (!strcmp(kind, "money"))
		return add_movement(b, number, ev, err);
	if (!strcmp(kind, "result"))
		return add_result(b, number, ev, err);
	return 0;
}

int mkt_booked_change(const struct mkt_booked *b, int64_t *change_uc, struct mkt_err *err)
{
	const int64_t in[] = {b->earned_uc, b->fees_in_uc, b->charges_in_uc, b->received_uc,
			      b->deposited_uc};
	const int64_t out[] = {b->paid_uc, b->fees_uc, b->charges_uc, b->sent_uc,
			       b->withdrawn_uc};
	int64_t sum = 0;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(in); i++)
		if (mkt_add_i64(sum, in[i], &sum) || mkt_sub_i64(sum, out[i], &sum))
			return mkt_err_code(err, MKT_EOVERFLOW);
	*change_uc = sum;
	return 0;
}
