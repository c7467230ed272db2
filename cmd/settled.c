#include "core/base/compat.h"

#include <stdlib.h>

#include "cmd/settled.h"
#include "core/units/checked.h"
#include "core/wire/api.h"

static int read_numbers(const struct mkt_jval *ev, struct mkt_settled *t, struct mkt_err *err)
{
	const struct {
		const char *key;
		uint64_t max, *out;
	} rows[] = {
		{"exec", UINT64_MAX, &t->exec},
		{"height", UINT64_MAX, &t->height},
		{"window_s", UINT64_MAX, &t->window_s},
		{"buyer", UINT32_MAX, &t->buyer},
		{"seller", UINT32_MAX, &t->seller},
		{"contracted_wh", UINT32_MAX, &t->contracted_wh},
		{"supply_wh", UINT32_MAX, &t->supply_wh},
		{"draw_wh", UINT32_MAX, &t->draw_wh},
		{"delivered_wh", UINT32_MAX, &t->delivered_wh},
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(rows); i++)
		rc = mkt_jget_u64(ev, rows[i].key, rows[i].max, rows[i].out, err);
	return rc;
}

static int read_money(const struct mkt_jval *ev, struct mkt_settled *t, struct mkt_err *err)
{
	const struct {
		const char *key;
		int64_t *out;
	} rows[] = {
		{"paid_uc", &t->paid_uc},
		{"fee_uc", &t->fee_uc},
		{"buyer_charge_uc", &t->buyer_charge_uc},
		{"seller_charge_uc", &t->seller_charge_uc},
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(rows); i++)
		rc = mkt_jget_i64(ev, rows[i].key, INT64_MIN, INT64_MAX, rows[i].out, err);
	return rc;
}

int mkt_settled_read(const struct mkt_jval *ev, struct mkt_settled *out, struct mkt_err *err)
{
	int rc = read_numbers(ev, out, err);

	if (!rc)
		rc = read_money(ev, out, err);
	if (!rc)
		rc = mkt_jget_str(ev, "buyer_name", &out->buyer_name, NULL, err);
	if (!rc)
		rc = mkt_jget_str(ev, "seller_name", &out->seller_name, NULL, err);
	if (!rc)
		rc = mkt_jget_bool(ev, "supply_reported", &out->supply_reported, err);
	if (!rc)
		rc = mkt_jget_bool(ev, "draw_reported", &out->draw_reported, err);
	return rc ? mkt_api_foreign(err) : 0;
}

/* Is @name one of the words of @list? */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list) {
		size_t len = strcspn(list, ",");

		if (len == n && !memcmp(list, name, n))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

static void add_who(char who[MKT_SETTLE_WHO_MAX], const char *name)
{
	size_t used = strlen(who), left = MKT_SETTLE_WHO_MAX - used;

	if (listed(who, name) || listed(who, "..."))
		return;
	/* Room for ",..." stays, so that what is left out shows. */
	if (strlen(name) + 6 <= left)
		snprintf(who + used, left, "%s%s", used ? "," : "", name);
	else
		snprintf(who + used, left, "%s...", used ? "," : "");
}

int mkt_settle_add(struct mkt_settle_sum *sum, const struct mkt_settled *t, struct mkt_err *err)
{
	uint64_t not_drawn = t->contracted_wh > t->draw_wh ? t->contracted_wh - t->draw_wh : 0;
	uint64_t not_supplied =
		t->contracted_wh > t->supply_wh ? t->contracted_wh - t->supply_wh : 0;

	if (mkt_add_i64(sum->paid_uc, t->paid_uc, &sum->paid_uc) ||
	    mkt_add_i64(sum->fees_uc, t->fee_uc, &sum->fees_uc) ||
	    mkt_add_i64(sum->buyer_charges_uc, t->buyer_charge_uc, &sum->buyer_charges_uc) ||
	    mkt_add_i64(sum->seller_charges_uc, t->seller_charge_uc, &sum->seller_charges_uc))
		return mkt_err_code(err, MKT_EOVERFLOW);
	sum->contracts++;
	sum->short_contracts += not_drawn || not_supplied;
	sum->unreported += !t->supply_reported || !t->draw_reported;
	sum->contracted_wh += t->contracted_wh;
	sum->supply_wh += t->supply_wh;
	sum->draw_wh += t->draw_wh;
	sum->delivered_wh += t->delivered_wh;
	sum->buyers_short_wh += not_drawn;
	sum->sellers_short_wh += not_supplied;
	if (not_drawn)
		add_who(sum->who, t->buyer_name);
	if (not_supplied)
		add_who(sum->who, t->seller_name);
	return 0;
}

void mkt_settle_sums_release(struct mkt_settle_sums *sums)
{
	free(sums->v);
	*sums = (struct mkt_settle_sums){0};
}

struct mkt_settle_sum *mkt_settle_sum(struct mkt_settle_sums *sums, uint64_t start_s,
				      struct mkt_err *err)
{
	struct mkt_settle_sum *v;
	size_t at = sums->n;

	/* Settlements come almost in the order of windows: look from the end. */
	while (at && sums->v[at - 1].start_s > start_s)
		at--;
	if (at && sums->v[at - 1].start_s == start_s)
		return &sums->v[at - 1];
	if (sums->n == sums->cap) {
		size_t cap = sums->cap ? sums->cap * 2 : 64;

		v = reallocarray(sums->v, cap, sizeof(*v));
		if (!v) {
			mkt_err_code(err, MKT_ENOMEM);
			return NULL;
		}
		sums->v = v;
		sums->cap = cap;
	}
	memmove(&sums->v[at + 1], &sums->v[at], (sums->n - at) * sizeof(*sums->v));
	sums->n++;
	sums->v[at] = (struct mkt_settle_sum){.start_s = start_s};
	return &sums->v[at];
}
