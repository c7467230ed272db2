/*
 * Several runs over the same days: with and without tags in one and two markets
 * (--compare), and with a rising premium for green energy (--green-curve).
 */
#include "core/base/compat.h"

#include "cmd/sim.h"
#include "core/units/fmt.h"

/* @part of @whole in parts of @unit, rounded. */
static uint64_t share(uint64_t part, uint64_t whole, uint64_t unit)
{
	return whole ? (part * unit + whole / 2) / whole : 0;
}

/* ---- tagged and untagged ---------------------------------------------------------------- */

#define TAGGED_PER_1000_MAX 4000

enum {
	P_MARKET, P_MARKETS, P_TXS, P_OPS, P_CONTRACTS, P_TX, P_OP, P_BOUGHT, P_OVER, P_CONTRACTED,
	P_METERED, P_CHARGES, P_COUNT
};

static const struct mkt_col compare_cols[] = {
	[P_MARKET] = {"way", MKT_COL_TEXT, .head = "bids"},
	[P_MARKETS] = {"markets", MKT_COL_UINT, .head = "markets"},
	[P_TXS] = {"transactions", MKT_COL_UINT, .head = "transactions"},
	[P_OPS] = {"operations", MKT_COL_UINT, .head = "operations", .wide = true},
	[P_CONTRACTS] = {"contracts", MKT_COL_UINT, .head = "contracts"},
	[P_TX] = {"transactions_per_1000_contracts", MKT_COL_UINT, .head = "tx/1000 contracts"},
	[P_OP] = {"operations_per_1000_contracts", MKT_COL_UINT, .head = "op/1000 contracts"},
	[P_BOUGHT] = {"bids", MKT_COL_UINT, .head = "bids sent", .wide = true},
	[P_OVER] = {"over_contracted_wh", MKT_COL_ENERGY, .head = "over"},
	[P_CONTRACTED] = {"contracted_wh", MKT_COL_ENERGY, .head = "contracted"},
	[P_METERED] = {"delivered_wh", MKT_COL_ENERGY, .head = "metered"},
	[P_CHARGES] = {"shortfall_charges_uc", MKT_COL_MONEY, .head = "charges", .wide = true},
	{.name = NULL},
};
static const struct mkt_table compare_table = {"variant", compare_cols, false};
static const struct mkt_doc compare_doc = {"sim-compare", 1, {&compare_table}, false};

static void tell_variant(struct mkt_out *out, const struct sim_variant *how,
			 const struct sim_figures *f)
{
	mkt_out_row(out, (struct mkt_val[]){
		[P_MARKET] = mkt_v_text(how->untagged ? "untagged" : "tagged"),
		[P_MARKETS] = mkt_v_uint(how->markets),
		[P_TXS] = mkt_v_uint(f->txs),
		[P_OPS] = mkt_v_uint(f->ops),
		[P_CONTRACTS] = mkt_v_uint(f->found.contracts),
		[P_TX] = mkt_v_uint(share(f->txs, f->found.contracts, 1000)),
		[P_OP] = mkt_v_uint(share(f->ops, f->found.contracts, 1000)),
		[P_BOUGHT] = mkt_v_uint(f->found.bids),
		[P_OVER] = mkt_v_uint(f->found.over_wh + f->over_wh),
		[P_CONTRACTED] = mkt_v_uint(f->found.contracted_wh),
		[P_METERED] = mkt_v_uint(f->found.delivered_wh),
		[P_CHARGES] = mkt_v_int(f->bills.charges_uc),
	});
}

static int judge_tagged(struct mkt_app *app, const struct sim_figures *f)
{
	if (f->found.over_wh + f->over_wh)
		return mkt_err_set(&app->err, MKT_EINTEGRITY,
				   "with tags more was contracted than was bid for");
	if (f->txs * 1000 > f->found.contracts * TAGGED_PER_1000_MAX)
		return mkt_err_set(&app->err, MKT_EINTEGRITY,
				   "with tags a contract took more than %d transactions",
				   TAGGED_PER_1000_MAX / 1000);
	return 0;
}

static void tell_compare_rule(struct mkt_out *out)
{
	mkt_out_say(out, "%s", "\n"
		"A transaction is one signed envelope of a participant or the retailer: bids,\n"
		"withdrawals, reductions, reports; none of the operator (clock, deposits).\n"
		"Tagged: what a site has to say at one time shares an envelope.\n"
		"Untagged: one for each bid, and a bid for each window and market; for each\n"
		"withdrawal, after its contract was heard of; and for each report of a contract.\n"
		"Over: contracted beyond what a side wanted.  Same days, seed, prices, agents.\n");
}

static const struct sim_variant variants[] = {
	{.markets = 1}, {.markets = 2}, {.untagged = true, .markets = 1},
	{.untagged = true, .markets = 2},
};

int sim_compare(struct mkt_app *app, const struct sim_values *v)
{
	struct sim_figures f;
	struct mkt_err broken = {0};
	int rc = mkt_out_open(&app->out, &compare_doc, &app->err);

	if (rc < 0)
		return rc;
	mkt_out_part(&app->out, &compare_table);
	for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(variants); i++) {
		rc = sim_variant(app, v, &variants[i], &f);
		if (rc < 0)
			break;
		tell_variant(&app->out, &variants[i], &f);
		if (!variants[i].untagged && !broken.code && judge_tagged(app, &f) < 0)
			broken = app->err;
	}
	mkt_out_close(&app->out);
	if (!rc && app->out.form == MKT_FORM_HUMAN)
		tell_compare_rule(&app->out);
	if (rc < 0 || !broken.code)
		return rc;
	mkt_out_flush(&app->out); /* the figures are told even if they are bad */
	app->err = broken;
	return -broken.code;
}

/* ---- a premium for green ---------------------------------------------------------------- */

enum { G_PREMIUM, G_SHARE, G_GREEN, G_BOUGHT, G_BILLS, G_ALONE, G_COUNT };

static const struct mkt_col green_cols[] = {
	[G_PREMIUM] = {"premium_u$_per_wh", MKT_COL_PRICE, .head = "premium"},
	[G_SHARE] = {"green_share", MKT_COL_SHARE, .head = "green"},
	[G_GREEN] = {"green_wh", MKT_COL_ENERGY, .head = "green"},
	[G_BOUGHT] = {"bought_wh", MKT_COL_ENERGY, .head = "bought"},
	[G_BILLS] = {"bills_uc", MKT_COL_MONEY, .head = "all bills"},
	[G_ALONE] = {"retailer_alone_uc", MKT_COL_MONEY, .head = "retailer alone"},
	{.name = NULL},
};
static const struct mkt_table green_table = {"premium", green_cols, false};
static const struct mkt_doc green_doc = {"sim-green", 1, {&green_table}, false};

static const int32_t premiums_upwh[] = {0, 500, 1000, 2000, 4000, 8000};

int sim_green_curve(struct mkt_app *app, const struct sim_values *v)
{
	struct mkt_err broken = {0};
	uint64_t before = 0;
	int rc = mkt_out_open(&app->out, &green_doc, &app->err);

	if (rc < 0)
		return rc;
	mkt_out_part(&app->out, &green_table);
	for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(premiums_upwh); i++) {
		struct sim_variant how = {
			.markets = 1, .green_mode = true, .premium_upwh = premiums_upwh[i]};
		struct sim_figures f;
		uint64_t green;

		rc = sim_variant(app, v, &how, &f);
		if (rc < 0)
			break;
		green = share(f.energy.green_wh, f.energy.bought_wh, 1000000);
		mkt_out_row(&app->out, (struct mkt_val[]){
			[G_PREMIUM] = mkt_v_int(how.premium_upwh),
			[G_SHARE] = mkt_v_uint((green + 50) / 100),
			[G_GREEN] = mkt_v_uint(f.energy.green_wh),
			[G_BOUGHT] = mkt_v_uint(f.energy.bought_wh),
			[G_BILLS] = mkt_v_int(f.bills.bills_uc),
			[G_ALONE] = mkt_v_int(f.bills.alone_uc),
		});
		if (green < before && !broken.code)
			mkt_err_set(&broken, MKT_EINTEGRITY,
				    "the share of green falls at a premium of %s",
				    mkt_fmt_price(how.premium_upwh, app->out.currency).s);
		before = green;
	}
	mkt_out_close(&app->out);
	if (rc < 0 || !broken.code)
		return rc;
	mkt_out_flush(&app->out);
	app->err = broken;
	return -broken.code;
}

/* ---- before anything is played ---------------------------------------------------------- */

int sim_compare_check(struct mkt_app *app)
{
	return mkt_out_check(&app->out, &compare_doc, &app->err);
}

int sim_green_check(struct mkt_app *app)
{
	return mkt_out_check(&app->out, &green_doc, &app->err);
}
