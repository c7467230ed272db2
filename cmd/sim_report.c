/* What it came to, beside what the paper tells of its 441 days. */
#include "core/base/compat.h"

#include <stdarg.h>

#include "cmd/sim_devices.h"
#include "cmd/sim_page.h"
#include "cmd/sim_split.h"
#include "cmd/svg.h"
#include "core/base/file.h"
#include "core/chain/chain.h"
#include "core/units/fmt.h"

/* ---- what the ledger says ----------------------------------------------------------- */

static int read_totals(const struct mkt_jval *data, struct sim_ledger *l, struct mkt_err *err)
{
	struct mkt_jval totals, disk;
	const char *digest;
	int rc;

	if ((rc = mkt_jget_u64(data, "height", UINT64_MAX, &l->height, err)) < 0 ||
	    (rc = mkt_jget_str(data, "digest", &digest, NULL, err)) < 0 ||
	    (rc = mkt_jget_obj(data, "totals", &totals, err)) < 0 ||
	    (rc = mkt_jget_u64(&totals, "txs", UINT64_MAX, &l->txs, err)) < 0 ||
	    (rc = mkt_jget_u64(&totals, "ops", UINT64_MAX, &l->ops, err)) < 0 ||
	    (rc = mkt_jget_u64(&totals, "contracts", UINT64_MAX, &l->contracts, err)) < 0 ||
	    (rc = mkt_jget_u64(&totals, "settled", UINT64_MAX, &l->settled, err)) < 0 ||
	    (rc = mkt_jget_u64(&totals, "contracted_wh", UINT64_MAX, &l->contracted_wh, err)) < 0 ||
	    (rc = mkt_jget_u64(&totals, "delivered_wh", UINT64_MAX, &l->delivered_wh, err)) < 0 ||
	    (rc = mkt_jget_i64(&totals, "money_uc", INT64_MIN, INT64_MAX, &l->money_uc, err)) < 0 ||
	    (rc = mkt_jget_obj(data, "disk", &disk, err)) < 0 ||
	    (rc = mkt_jget_u64(&disk, "blocks_bytes", UINT64_MAX, &l->blocks_bytes, err)) < 0 ||
	    (rc = mkt_jget_u64(&disk, "store_bytes", UINT64_MAX, &l->store_bytes, err)) < 0)
		return rc;
	snprintf(l->digest, sizeof(l->digest), "%s", digest);
	return 0;
}

int sim_totals_read(struct sim *s, struct sim_ledger *out)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc;

	memset(out, 0, sizeof(*out));
	mkt_client_restart(s->chain.client, SIM_CALL_MS);
	rc = mkt_api_get(s->chain.client, "/v1/status", &a, &s->app->err);
	if (!rc)
		rc = read_totals(&a.data, out, &s->app->err);
	mkt_answer_release(&a);
	return rc;
}

int sim_ledger_read(struct sim *s, struct sim_ledger *out)
{
	int rc = sim_totals_read(s, out);

	if (!rc && (rc = sim_sum_accounts(s, &out->accounts_uc)) == 0)
		rc = sim_bill_check(s);
	return rc;
}

int sim_recount(struct sim *s, const struct sim_ledger *l)
{
	struct mkt_chain_open how = {.read_only = false};
	struct mkt_err *err = &s->app->err;
	struct mkt_chain *c;
	uint64_t height;
	int rc = mkt_chain_open(s->chain.dir, &how, &c, err);

	if (rc < 0)
		return rc;
	height = mkt_chain_height(c);
	if (height != l->height)
		rc = mkt_err_set(err, MKT_EINTEGRITY,
				 "ledgerd told of block %llu, on the disk are %llu",
				 (unsigned long long)l->height, (unsigned long long)height);
	if (!rc)
		rc = mkt_state_check(mkt_chain_state(c), err);
	mkt_chain_close(c);
	return rc;
}

/* ---- judgement ---------------------------------------------------------------------- */

int sim_judge(const struct sim *s, const struct sim_ledger *l, const struct sim_findings *f,
	      struct mkt_err *err)
{
	const struct sim_device_sums dev = sim_device_sums(s->devices);
	const struct sim_bill_sums bills = sim_bill_sums(s);
	const struct sim_energy *e = &s->energy;
	const struct {
		bool holds;
		const char *what;
	} must[] = {
		{!f->over_wh, "a bid has contracted more than its amount"},
		{!f->strays, "a contract stands that no bid allows"},
		{!f->excess_wh, "more was settled than was supplied and drawn"},
		{!bills.dearer, "somebody paid above the retailer's price for what was drawn"},
		{!bills.cheaper, "somebody earned below the feed-in price for what was supplied"},
		{!f->outside, "neighbours traded outside feed-in and retail price"},
		{l->accounts_uc == s->deposits_uc, "money is not conserved"},
		{l->money_uc == s->deposits_uc, "the ledger counts other deposits than were made"},
		{l->contracts == f->contracts,
		 "the ledger counts other contracts than it tells of"},
		{l->contracted_wh == f->contracted_wh,
		 "the ledger counts other energy than its contracts"},
		{l->settled == f->settled && f->settled == f->contracts,
		 "a contract was not settled"},
		{l->delivered_wh == f->delivered_wh,
		 "the ledger counts other deliveries than it settled"},
		{l->txs == s->post.txs, "the ledger counts other transactions than were sent"},
		{s->untagged || e->cars_filled * 100 >= e->cars_could * 99,
		 "fewer than 99 % of the cars that could be filled were"},
		{s->untagged || !e->cars_untold, "a car left with less than its driver was told"},
		{s->untagged || (e->car_kept_wh + dev.steps_wh) * 100 >= e->car_contracted_wh * 99,
		 "cars took more than 1 % less than was contracted for them"},
		{s->untagged ||
			 (e->battery_kept_wh + dev.steps_wh) * 100 >= e->battery_contracted_wh * 99,
		 "sites whose battery could help moved more than 1 % less than contracted"},
		{dev.over_wh <= dev.steps_wh, "devices moved more than they were asked for"},
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(must); i++)
		if (!must[i].holds)
			return mkt_err_set(err, MKT_EINTEGRITY, "%s", must[i].what);
	return 0;
}

/* ---- for scripts -------------------------------------------------------------------- */

enum {
	C_FROM, C_DAYS, C_WINDOWS, C_PARTICIPANTS, C_PROFILES, C_SEED, C_TXS, C_OPS, C_REFUSED,
	C_BIDS, C_CONTRACTS, C_SETTLED, C_TX_PER_1000, C_OPS_PER_1000,
	C_PARTY_TXS, C_PARTY_PER_1000, C_OVER, C_STRAYS,
	C_CONTRACTED, C_DELIVERED, C_NEIGHBOURS, C_NEIGHBOURS_WH, C_NEIGHBOURS_PRICE, C_LOAD,
	C_PV, C_CARS, C_SESSIONS, C_MISSED, C_DRAWN, C_SUPPLIED, C_DEPOSITS, C_ACCOUNTS_UC,
	C_DEVICES, C_DEVICES_ASKED, C_DEVICES_MOVED, C_DEVICES_SHORT, C_DEVICES_OVER,
	C_DEVICES_ORDERS,
	C_CARS_COULD, C_CARS_FILLED, C_CARS_TOLD, C_CARS_TOLD_WH, C_CARS_UNTOLD,
	C_CAR_CONTRACTED, C_CAR_KEPT, C_BAT_CONTRACTED, C_BAT_KEPT, C_HOME_CONTRACTED,
	C_HOME_KEPT, C_BOUGHT, C_GREEN,
	C_BILLS, C_ALONE, C_CHARGES, C_WORSE,
	C_CONSERVED, C_BLOCKS, C_BLOCK_MAX, C_BLOCKS_BYTES, C_STORE_BYTES, C_TX_BYTES,
	C_DIGEST, C_WALL, C_HOLDS, C_COUNT
};

_Static_assert(C_COUNT <= MKT_COLS_MAX, "a bit each");

static const struct mkt_col sim_cols[] = {
	[C_FROM] = {.name = "from", .kind = MKT_COL_TIME},
	[C_DAYS] = {.name = "days", .kind = MKT_COL_UINT},
	[C_WINDOWS] = {.name = "windows", .kind = MKT_COL_UINT},
	[C_PARTICIPANTS] = {.name = "participants", .kind = MKT_COL_UINT},
	[C_PROFILES] = {.name = "profiles", .kind = MKT_COL_TEXT},
	[C_SEED] = {.name = "seed", .kind = MKT_COL_BIG},
	[C_TXS] = {.name = "transactions", .kind = MKT_COL_UINT},
	[C_OPS] = {.name = "operations", .kind = MKT_COL_UINT},
	[C_REFUSED] = {.name = "refused", .kind = MKT_COL_UINT},
	[C_BIDS] = {.name = "bids", .kind = MKT_COL_UINT},
	[C_CONTRACTS] = {.name = "contracts", .kind = MKT_COL_UINT},
	[C_SETTLED] = {.name = "settled", .kind = MKT_COL_UINT},
	[C_TX_PER_1000] = {.name = "transactions_per_1000_contracts", .kind = MKT_COL_UINT},
	[C_OPS_PER_1000] = {.name = "operations_per_1000_contracts", .kind = MKT_COL_UINT},
	[C_PARTY_TXS] = {.name = "participant_transactions", .kind = MKT_COL_UINT},
	[C_PARTY_PER_1000] = {.name = "participant_transactions_per_1000_contracts",
			      .kind = MKT_COL_UINT},
	[C_OVER] = {.name = "over_contracted_wh", .kind = MKT_COL_ENERGY},
	[C_STRAYS] = {.name = "stray_contracts", .kind = MKT_COL_UINT},
	[C_CONTRACTED] = {.name = "contracted_wh", .kind = MKT_COL_ENERGY},
	[C_DELIVERED] = {.name = "delivered_wh", .kind = MKT_COL_ENERGY},
	[C_NEIGHBOURS] = {.name = "neighbour_contracts", .kind = MKT_COL_UINT},
	[C_NEIGHBOURS_WH] = {.name = "neighbour_wh", .kind = MKT_COL_ENERGY},
	[C_NEIGHBOURS_PRICE] = {.name = "neighbour_price_u$_per_wh", .kind = MKT_COL_PRICE},
	[C_LOAD] = {.name = "load_wh", .kind = MKT_COL_ENERGY},
	[C_PV] = {.name = "pv_wh", .kind = MKT_COL_ENERGY},
	[C_CARS] = {.name = "cars_wh", .kind = MKT_COL_ENERGY},
	[C_SESSIONS] = {.name = "car_sessions", .kind = MKT_COL_UINT},
	[C_MISSED] = {.name = "cars_missed_wh", .kind = MKT_COL_ENERGY},
	[C_DRAWN] = {.name = "metered_draw_wh", .kind = MKT_COL_ENERGY},
	[C_SUPPLIED] = {.name = "metered_supply_wh", .kind = MKT_COL_ENERGY},
	[C_DEPOSITS] = {.name = "deposits_uc", .kind = MKT_COL_MONEY},
	[C_ACCOUNTS_UC] = {.name = "accounts_uc", .kind = MKT_COL_MONEY},
	[C_DEVICES] = {.name = "devices", .kind = MKT_COL_UINT},
	[C_DEVICES_ASKED] = {.name = "devices_asked_wh", .kind = MKT_COL_ENERGY},
	[C_DEVICES_MOVED] = {.name = "devices_moved_wh", .kind = MKT_COL_ENERGY},
	[C_DEVICES_SHORT] = {.name = "devices_short_wh", .kind = MKT_COL_ENERGY},
	[C_DEVICES_OVER] = {.name = "devices_over_wh", .kind = MKT_COL_ENERGY},
	[C_DEVICES_ORDERS] = {.name = "devices_orders", .kind = MKT_COL_UINT},
	[C_CARS_COULD] = {.name = "cars_could_be_filled", .kind = MKT_COL_UINT},
	[C_CARS_FILLED] = {.name = "cars_filled", .kind = MKT_COL_UINT},
	[C_CARS_TOLD] = {.name = "cars_told", .kind = MKT_COL_UINT},
	[C_CARS_TOLD_WH] = {.name = "cars_told_wh", .kind = MKT_COL_ENERGY},
	[C_CARS_UNTOLD] = {.name = "cars_untold", .kind = MKT_COL_UINT},
	[C_CAR_CONTRACTED] = {.name = "car_contracted_wh", .kind = MKT_COL_ENERGY},
	[C_CAR_KEPT] = {.name = "car_metered_wh", .kind = MKT_COL_ENERGY},
	[C_BAT_CONTRACTED] = {.name = "battery_contracted_wh", .kind = MKT_COL_ENERGY},
	[C_BAT_KEPT] = {.name = "battery_metered_wh", .kind = MKT_COL_ENERGY},
	[C_HOME_CONTRACTED] = {.name = "home_contracted_wh", .kind = MKT_COL_ENERGY},
	[C_HOME_KEPT] = {.name = "home_metered_wh", .kind = MKT_COL_ENERGY},
	[C_BOUGHT] = {.name = "bought_wh", .kind = MKT_COL_ENERGY},
	[C_GREEN] = {.name = "green_wh", .kind = MKT_COL_ENERGY},
	[C_BILLS] = {.name = "bills_uc", .kind = MKT_COL_MONEY},
	[C_ALONE] = {.name = "retailer_alone_uc", .kind = MKT_COL_MONEY},
	[C_CHARGES] = {.name = "shortfall_charges_uc", .kind = MKT_COL_MONEY},
	[C_WORSE] = {.name = "worse_off", .kind = MKT_COL_UINT},
	[C_CONSERVED] = {.name = "money_conserved", .kind = MKT_COL_BOOL},
	[C_BLOCKS] = {.name = "blocks", .kind = MKT_COL_UINT},
	[C_BLOCK_MAX] = {.name = "block_transactions_max", .kind = MKT_COL_UINT},
	[C_BLOCKS_BYTES] = {.name = "blocks_bytes", .kind = MKT_COL_UINT},
	[C_STORE_BYTES] = {.name = "store_bytes", .kind = MKT_COL_UINT},
	[C_TX_BYTES] = {.name = "bytes_per_transaction", .kind = MKT_COL_UINT},
	[C_DIGEST] = {.name = "digest", .kind = MKT_COL_TEXT},
	[C_WALL] = {.name = "wall_ms", .kind = MKT_COL_UINT},
	[C_HOLDS] = {.name = "holds", .kind = MKT_COL_BOOL},
	{.name = NULL},
};
static const struct mkt_table sim_table = {"sim", sim_cols, true};
static const struct mkt_doc sim_doc = {"sim", 1, {&sim_table}, false};

/* @part of @whole, in parts of @unit. */
static uint64_t share(uint64_t part, uint64_t whole, uint64_t unit)
{
	return whole ? (part * unit + whole / 2) / whole : 0;
}

/* Of bids, and of what several untagged bids asked for together. */
static uint64_t over_wh(const struct sim *s, const struct sim_findings *f)
{
	return f->over_wh + (s->split ? sim_split_over_wh(s->split) : 0);
}

static int64_t mean_price(const struct sim_findings *f)
{
	return f->neighbours_wh ? f->neighbours_uc / (int64_t)f->neighbours_wh : 0;
}

static uint64_t tx_bytes(const struct sim_ledger *l)
{
	return l->txs ? (l->blocks_bytes + l->store_bytes) / l->txs : 0;
}

static int tell_scripts(struct sim *s, const struct sim_ledger *l, const struct sim_findings *f,
			bool holds)
{
	const struct sim_device_sums dev = sim_device_sums(s->devices);
	const struct sim_bill_sums bills = sim_bill_sums(s);
	const struct sim_energy *e = &s->energy;
	struct mkt_val row[C_COUNT] = {
		[C_FROM] = mkt_v_uint(s->from_s),
		[C_DAYS] = mkt_v_uint(s->days),
		[C_WINDOWS] = mkt_v_uint((s->end_s - s->from_s) / MKT_PROFILE_WINDOW_S),
		[C_PARTICIPANTS] = mkt_v_uint(s->profile->nsites),
		[C_PROFILES] = mkt_v_text(s->profiles),
		[C_SEED] = mkt_v_uint(s->seed),
		[C_TXS] = mkt_v_uint(l->txs), [C_OPS] = mkt_v_uint(l->ops),
		[C_REFUSED] = mkt_v_uint(s->post.refused),
		[C_BIDS] = mkt_v_uint(f->bids),
		[C_CONTRACTS] = mkt_v_uint(f->contracts),
		[C_SETTLED] = mkt_v_uint(f->settled),
		[C_TX_PER_1000] = mkt_v_uint(share(l->txs, f->contracts, 1000)),
		[C_OPS_PER_1000] = mkt_v_uint(share(l->ops, f->contracts, 1000)),
		[C_PARTY_TXS] = mkt_v_uint(s->post.party_txs),
		[C_PARTY_PER_1000] = mkt_v_uint(share(s->post.party_txs, f->contracts, 1000)),
		[C_OVER] = mkt_v_uint(over_wh(s, f)),
		[C_STRAYS] = mkt_v_uint(f->strays),
		[C_CONTRACTED] = mkt_v_uint(f->contracted_wh),
		[C_DELIVERED] = mkt_v_uint(f->delivered_wh),
		[C_NEIGHBOURS] = mkt_v_uint(f->neighbours),
		[C_NEIGHBOURS_WH] = mkt_v_uint(f->neighbours_wh),
		[C_NEIGHBOURS_PRICE] = mkt_v_int(mean_price(f)),
		[C_LOAD] = mkt_v_uint(e->load_wh),
		[C_PV] = mkt_v_uint(e->pv_wh),
		[C_CARS] = mkt_v_uint(e->car_wh),
		[C_SESSIONS] = mkt_v_uint(e->sessions),
		[C_MISSED] = mkt_v_uint(e->car_missed_wh),
		[C_DRAWN] = mkt_v_uint(e->draw_wh),
		[C_SUPPLIED] = mkt_v_uint(e->supply_wh),
		[C_DEPOSITS] = mkt_v_int(s->deposits_uc),
		[C_ACCOUNTS_UC] = mkt_v_int(l->accounts_uc),
		[C_DEVICES] = mkt_v_uint(dev.devices),
		[C_DEVICES_ASKED] = mkt_v_uint(dev.asked_wh),
		[C_DEVICES_MOVED] = mkt_v_uint(dev.moved_wh),
		[C_DEVICES_SHORT] = mkt_v_uint(dev.short_wh),
		[C_DEVICES_OVER] = mkt_v_uint(dev.over_wh),
		[C_DEVICES_ORDERS] = mkt_v_uint(dev.orders),
		[C_CARS_COULD] = mkt_v_uint(e->cars_could),
		[C_CARS_FILLED] = mkt_v_uint(e->cars_filled),
		[C_CARS_TOLD] = mkt_v_uint(e->cars_told),
		[C_CARS_TOLD_WH] = mkt_v_uint(e->cars_told_wh),
		[C_CARS_UNTOLD] = mkt_v_uint(e->cars_untold),
		[C_CAR_CONTRACTED] = mkt_v_uint(e->car_contracted_wh),
		[C_CAR_KEPT] = mkt_v_uint(e->car_kept_wh),
		[C_BAT_CONTRACTED] = mkt_v_uint(e->battery_contracted_wh),
		[C_BAT_KEPT] = mkt_v_uint(e->battery_kept_wh),
		[C_HOME_CONTRACTED] = mkt_v_uint(e->home_contracted_wh),
		[C_HOME_KEPT] = mkt_v_uint(e->home_kept_wh),
		[C_BOUGHT] = mkt_v_uint(e->bought_wh),
		[C_GREEN] = mkt_v_uint(e->green_wh),
		[C_BILLS] = mkt_v_int(bills.bills_uc),
		[C_ALONE] = mkt_v_int(bills.alone_uc),
		[C_CHARGES] = mkt_v_int(bills.charges_uc),
		[C_WORSE] = mkt_v_uint(bills.worse),
		[C_CONSERVED] = mkt_v_bool(l->accounts_uc == s->deposits_uc),
		[C_BLOCKS] = mkt_v_uint(l->height + 1),
		[C_BLOCK_MAX] = mkt_v_uint(s->post.block_txs_max),
		[C_BLOCKS_BYTES] = mkt_v_uint(l->blocks_bytes),
		[C_STORE_BYTES] = mkt_v_uint(l->store_bytes),
		[C_TX_BYTES] = mkt_v_uint(tx_bytes(l)),
		[C_DIGEST] = mkt_v_text(l->digest),
		[C_WALL] = mkt_v_uint(s->ended_ms - s->begun_ms),
		[C_HOLDS] = mkt_v_bool(holds),
	};

	return mkt_out_one(&s->app->out, &sim_doc, row, &s->app->err);
}

/* ---- for people --------------------------------------------------------------------- */

enum { H_WHAT, H_HERE, H_PAPER, H_COUNT };

static const struct mkt_col human_cols[] = {
	[H_WHAT] = {"what", MKT_COL_TEXT, .head = ""},
	[H_HERE] = {"here", MKT_COL_TEXT, .head = "this run"},
	[H_PAPER] = {"paper", MKT_COL_TEXT, .head = "the paper"},
	{.name = NULL},
};
static const struct mkt_table human_table = {"figure", human_cols, false};
static const struct mkt_doc human_doc = {"sim", 1, {&human_table}, false};

/* The same for the page. */
static void page_row(struct mkt_buf *out, const char *what, const char *here, const char *paper)
{
	mkt_buf_addf(out, "<tr><th scope=\"row\">%s</th><td>", what);
	svg_text(out, here);
	mkt_buf_addf(out, "</td><td>%s</td></tr>\n", paper ? paper : "");
}

static void line(struct sim *s, const char *what, const char *paper, const char *fmt, ...)
	MKT_PRINTF(4, 5);

static void line(struct sim *s, const char *what, const char *paper, const char *fmt, ...)
{
	char here[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(here, sizeof(here), fmt, ap);
	va_end(ap);
	if (s->rows) {
		page_row(s->rows, what, here, paper);
		return;
	}
	mkt_out_row(&s->app->out, (struct mkt_val[]){[H_WHAT] = mkt_v_text(what),
						     [H_HERE] = mkt_v_text(here),
						     [H_PAPER] = mkt_v_text(paper)});
}

/* 1234567 as "1,234,567"; @out of 32. */
static const char *grouped(uint64_t v, char *out)
{
	char digits[24];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)v), k = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	out[k] = '\0';
	return out;
}

static void tell_market(struct sim *s, const struct sim_ledger *l, const struct sim_findings *f)
{
	char a[32];

	line(s, "days", "441", "%u", s->days);
	line(s, "participants", "21", "%u", s->profile->nsites);
	line(s, "transactions", "7,861,004", "%s", grouped(l->txs, a));
	line(s, "contracts", NULL, "%s", grouped(f->contracts, a));
	line(s, "transactions a contract", NULL, "%s",
	     mkt_fmt_decimal((int64_t)share(l->txs, f->contracts, 100), 2, 2).s);
	line(s, "of participants and retailer", "16, or 32", "%s",
	     mkt_fmt_decimal((int64_t)share(s->post.party_txs, f->contracts, 100), 2, 2).s);
	line(s, "operations a contract", NULL, "%s",
	     mkt_fmt_decimal((int64_t)share(l->ops, f->contracts, 100), 2, 2).s);
	line(s, "over-contracted", NULL, "%llu Wh", (unsigned long long)over_wh(s, f));
	line(s, "contracted", NULL, "%s", mkt_fmt_energy(f->contracted_wh).s);
	line(s, "metered under contracts", NULL, "%s, %llu %%", mkt_fmt_energy(f->delivered_wh).s,
	     (unsigned long long)share(f->delivered_wh, f->contracted_wh, 100));
	line(s, "of it between neighbours", NULL, "%s, %llu %%", mkt_fmt_energy(f->neighbours_wh).s,
	     (unsigned long long)share(f->neighbours_wh, f->contracted_wh, 100));
	line(s, "their mean price", NULL, "%s",
	     mkt_fmt_price((int32_t)mean_price(f), s->chain.genesis.currency).s);
}

static void tell_energy(struct sim *s)
{
	const struct sim_energy *e = &s->energy;

	line(s, "homes and office used", NULL, "%s", mkt_fmt_energy(e->load_wh).s);
	line(s, "cars took", NULL, "%s in %llu stays", mkt_fmt_energy(e->car_wh).s,
	     (unsigned long long)e->sessions);
	line(s, "roofs gave", NULL, "%s", mkt_fmt_energy(e->pv_wh).s);
	line(s, "drawn through meters", NULL, "%s", mkt_fmt_energy(e->draw_wh).s);
	line(s, "supplied through meters", NULL, "%s", mkt_fmt_energy(e->supply_wh).s);
}

/* "12.345 kWh, 99.9 % metered"; what the best device cannot do is not asked of it. */
static void tell_kept(struct sim *s, const char *what, uint64_t contracted_wh, uint64_t kept_wh)
{
	line(s, what, NULL, "%s, %s %% metered", mkt_fmt_energy(contracted_wh).s,
	     mkt_fmt_decimal((int64_t)share(kept_wh, contracted_wh, 1000), 1, 1).s);
}

static void tell_cars(struct sim *s)
{
	const struct sim_energy *e = &s->energy;

	line(s, "cars that could be filled", NULL, "%llu, filled %llu",
	     (unsigned long long)e->cars_could, (unsigned long long)e->cars_filled);
	line(s, "cars told on arrival", NULL, "%llu that %s would be missing",
	     (unsigned long long)e->cars_told, mkt_fmt_energy(e->cars_told_wh).s);
	line(s, "cars that lacked more", NULL, "%llu", (unsigned long long)e->cars_untold);
	tell_kept(s, "contracted for cars", e->car_contracted_wh, e->car_kept_wh);
	tell_kept(s, "where the battery could", e->battery_contracted_wh, e->battery_kept_wh);
	tell_kept(s, "homes, by forecast", e->home_contracted_wh, e->home_kept_wh);
	line(s, "green of what was bought", NULL, "%s, %s %%", mkt_fmt_energy(e->green_wh).s,
	     mkt_fmt_decimal((int64_t)share(e->green_wh, e->bought_wh, 1000), 1, 1).s);
}

static void tell_bills(struct sim *s)
{
	const struct sim_bill_sums b = sim_bill_sums(s);
	const char *currency = s->chain.genesis.currency;

	line(s, "all bills together", NULL, "%s", mkt_fmt_money(b.bills_uc, currency).s);
	line(s, "at the retailer alone", NULL, "%s", mkt_fmt_money(b.alone_uc, currency).s);
	line(s, "of the bills for shortfalls", NULL, "%s", mkt_fmt_money(b.charges_uc, currency).s);
	line(s, "dearer than the retailer", NULL, "%u of %u bought, %u sold below feed-in",
	     b.dearer, s->profile->nsites, b.cheaper);
	line(s, "pay more than alone", NULL, "%u of %u, together %s", b.worse,
	     s->profile->nsites, mkt_fmt_money(b.worse_uc, currency).s);
}

static void tell_devices(struct sim *s)
{
	const struct sim_device_sums dev = sim_device_sums(s->devices);
	char a[32];

	line(s, "chargers and batteries", NULL, "%u on %u lines", dev.devices, dev.lines);
	line(s, "they were to move", NULL, "%s", mkt_fmt_energy(dev.asked_wh).s);
	line(s, "their meters say", NULL, "%s, %llu Wh short, %llu Wh over",
	     mkt_fmt_energy(dev.moved_wh).s, (unsigned long long)dev.short_wh,
	     (unsigned long long)dev.over_wh);
	line(s, "orders read back", NULL, "%s", grouped(dev.orders, a));
}

static void tell_chain(struct sim *s, const struct sim_ledger *l)
{
	const char *currency = s->chain.genesis.currency;
	uint64_t wall_ms = s->ended_ms - s->begun_ms;
	char a[32];

	line(s, "money conserved", NULL, "%s, %s %s",
	     l->accounts_uc == s->deposits_uc ? "yes" : "NO",
	     mkt_fmt_decimal(l->accounts_uc / 10000, 2, 2).s, currency);
	line(s, "operations refused", NULL, "%llu", (unsigned long long)s->post.refused);
	line(s, "blocks", NULL, "%s", grouped(l->height + 1, a));
	line(s, "most transactions in a block", "805", "%u", s->post.block_txs_max);
	line(s, "disk", "50 to 150 GB", "%s kB",
	     grouped((l->blocks_bytes + l->store_bytes + 500) / 1000, a));
	line(s, "bytes a transaction", NULL, "%llu", (unsigned long long)tx_bytes(l));
	line(s, "of them in blocks", NULL, "%llu",
	     (unsigned long long)(l->txs ? l->blocks_bytes / l->txs : 0));
	if (!s->rows) /* the page is of the run, not of the machine */
		line(s, "time", "441 days", "%s s",
		     mkt_fmt_decimal((int64_t)((wall_ms + 50) / 100), 1, 1).s);
}

static void tell_figures(struct sim *s, const struct sim_ledger *l, const struct sim_findings *f)
{
	tell_market(s, l, f);
	tell_energy(s);
	tell_cars(s);
	tell_bills(s);
	if (s->devices)
		tell_devices(s);
	tell_chain(s, l);
}

static int tell_people(struct sim *s, const struct sim_ledger *l, const struct sim_findings *f)
{
	int rc = mkt_out_open(&s->app->out, &human_doc, &s->app->err);

	if (rc < 0)
		return rc;
	mkt_out_say(&s->app->out, "%u %s from %s, %s, seed %llu\n\n", s->days,
		    s->days == 1 ? "day" : "days", mkt_fmt_date(&s->zone, s->from_s).s,
		    s->profiles ? s->profiles : "a made-up community", (unsigned long long)s->seed);
	mkt_out_part(&s->app->out, &human_table);
	tell_figures(s, l, f);
	mkt_out_close(&s->app->out);
	mkt_out_say(&s->app->out, "\nstate %s\n", l->digest);
	if (s->chain.keep)
		mkt_out_say(&s->app->out, "chain %s\n", s->chain.dir);
	return 0;
}

int sim_report_check(struct mkt_app *app)
{
	return mkt_out_check(&app->out, app->out.form == MKT_FORM_HUMAN ? &human_doc : &sim_doc,
			     &app->err);
}

/* ---- the page ------------------------------------------------------------------------- */

/* @broken: what did not hold, or NULL. */
static int write_page(struct sim *s, const struct sim_ledger *l, const struct sim_findings *f,
		      const char *broken, const char *path)
{
	struct mkt_buf rows = MKT_BUF_INIT, page = MKT_BUF_INIT;
	struct sim_page_words words = {.digest = l->digest, .broken = broken};
	int rc;

	s->rows = &rows;
	tell_figures(s, l, f);
	s->rows = NULL;
	page.bad = rows.bad;
	words.figures = mkt_buf_str(&rows);
	rc = sim_page_write(s->page, s, &words, &page);
	if (!rc)
		rc = mkt_file_write(path, page.data, page.len,
				    (struct mkt_file_how){.mode = 0644}, &s->app->err);
	mkt_buf_release(&rows);
	mkt_buf_release(&page);
	return rc;
}

int sim_report(struct sim *s, const struct sim_ledger *l, const char *path)
{
	struct mkt_err broken = {0};
	struct sim_findings f;
	int rc, held;

	sim_audit_findings(s->audit, &f);
	held = sim_judge(s, l, &f, &broken);
	rc = s->app->out.form == MKT_FORM_HUMAN ? tell_people(s, l, &f)
						: tell_scripts(s, l, &f, !held);
	if (!rc && path)
		rc = write_page(s, l, &f, held ? broken.text : NULL, path);
	if (!rc && path && s->app->out.form == MKT_FORM_HUMAN)
		mkt_out_say(&s->app->out, "page %s\n", path);
	if (rc < 0 || !held)
		return rc;
	mkt_out_flush(&s->app->out); /* the figures are told even if they are bad */
	s->app->err = broken;
	return held;
}
