/*
 * Write starting inputs for the envelope target: each kind of operation alone,
 * and some together.
 *
 *   gen-envelope DIR
 */
#include "core/base/compat.h"

#include "tests/fuzz/envelope.h"

static void write_file(const char *dir, const char *name, const struct mkt_buf *b)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f || fwrite(b->data, b->len, 1, f) != 1 || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static const struct mkt_bid_leg legs[] = {
	{W0 + 20, 5000, 0}, {W0 + 20, 5000, 0x0001}, {W0 + 21, 4990, 0x0101}, {W0 + 22, 100, 0x0100},
};

static const char cosigns[2 * MKT_COSIGN_LEN] = {[MKT_COSIGN_LEN] = 1}; /* of 0 and 1 */

static const struct sample {
	const char *name;
	uint32_t signer;
	struct mkt_op op;
	const char *text;
} samples[] = {
	{"bid-buy", 1, {.kind = MKT_OP_BID, .account = 1, .u.bid = {.side = MKT_BUY, .nlegs = 4, .amount_wh = 100}}, NULL},
	{"bid-sell", 2, {.kind = MKT_OP_BID, .account = 2, .u.bid = {.side = MKT_SELL, .nlegs = 1, .amount_wh = 10}}, NULL},
	{"bid-until", 1, {.kind = MKT_OP_BID, .account = 1, .u.bid = {.side = MKT_SELL, .nlegs = 2, .amount_wh = 9, .until_s = T0_S + 99}}, NULL},
	{"bid-fok", 1, {.kind = MKT_OP_BID, .account = 1, .u.bid = {.side = MKT_BUY, .flags = MKT_BID_FOK, .nlegs = 3, .amount_wh = 5}}, NULL},
	{"cancel", 2, {.kind = MKT_OP_CANCEL, .account = 2, .u.cancel = {.bid = 1}}, NULL},
	{"cancel-all", 2, {.kind = MKT_OP_CANCEL, .account = 2, .u.cancel = {.what = MKT_CANCEL_ALL}}, NULL},
	{"cancel-window", 2, {.kind = MKT_OP_CANCEL, .account = 2, .u.cancel = {.what = MKT_CANCEL_WINDOW, .window = W0 + 20}}, NULL},
	{"reduce", 2, {.kind = MKT_OP_REDUCE, .account = 2, .u.reduce = {1, 5}}, NULL},
	{"report", 1, {.kind = MKT_OP_REPORT, .account = 1, .u.report = {1, 10, MKT_DRAW, "evse-1"}}, NULL},
	{"meter", 2, {.kind = MKT_OP_METER, .account = 2, .u.meter = {W0 + 1, 10, MKT_SUPPLY, ""}}, NULL},
	{"transfer", 1, {.kind = MKT_OP_TRANSFER, .account = 1, .u.transfer = {2, 500}}, "rent"},
	{"retire", 1, {.kind = MKT_OP_RETIRE, .account = 1, .u.retire = {1}}, "claim"},
	{"delegate", 1, {.kind = MKT_OP_DELEGATE, .account = 1, .u.delegate = {3, MKT_RIGHTS_ALL, 0}}, NULL},
	{"revoke", 1, {.kind = MKT_OP_REVOKE, .account = 1, .u.delegate = {.to = 2}}, NULL},
	{"enroll", 0, {.kind = MKT_OP_ENROLL, .u.enroll = {.key = {{7}}, .cls = MKT_CLASS_EV, .nchargers = 2, .name = "car", .chargers_len = 5}}, "\001a\002bc"},
	{"suspend", 0, {.kind = MKT_OP_SUSPEND, .u.suspend = {2, 1}}, NULL},
	{"deposit", 0, {.kind = MKT_OP_DEPOSIT, .u.transfer = {2, 1000}}, "in"},
	{"withdraw", 0, {.kind = MKT_OP_WITHDRAW, .u.transfer = {2, 1}}, "out"},
	{"dimension", 0, {.kind = MKT_OP_DIMENSION, .u.dimension = {"place", "town"}}, NULL},
	{"tag", 0, {.kind = MKT_OP_TAG, .u.tag = {1, MKT_TAG_DIRECT, 500, 3, "club"}}, NULL},
	{"member", 0, {.kind = MKT_OP_MEMBER, .u.member = {1, 1, 1, 2}}, NULL},
	{"limits", 0, {.kind = MKT_OP_LIMITS, .u.limits = {MKT_CLASS_EV, {1, 2, 3, 4}}}, NULL},
	{"clock", 0, {.kind = MKT_OP_CLOCK, .u.clock = {T0_S * 1000 + 1000}}, NULL},
	{"imbalance", 0, {.kind = MKT_OP_IMBALANCE, .u.imbalance = {1, 2}}, NULL},
	{"authority-add", 0, {.kind = MKT_OP_AUTHORITY, .u.authority = {{1, 0, {{{7}}, "east"}}, 1, 0}}, cosigns},
	{"authority-remove", 0, {.kind = MKT_OP_AUTHORITY, .u.authority = {{2, 0, {{{7}}, "a1"}}, 2, 0}}, cosigns},
	{"meterop", 0, {.kind = MKT_OP_METEROP, .u.meterop = {1, 3, 1}}, NULL},
};

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";
	struct ledger l;

	envelope_world(&l);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(samples); i++) {
		ledger_tx_begin(&l, samples[i].signer, 0);
		mkt_tx_add(&l.build, &samples[i].op, legs, samples[i].text);
		LEDGER_WANT(ledger_tx_end(&l) == 0);
		write_file(dir, samples[i].name, &l.build.buf);
	}
	for (uint8_t flags = 0; flags <= MKT_TX_ALL_OR_NOTHING; flags++) {
		ledger_tx_begin(&l, 2, flags);
		for (int i = 1; i < 8; i++)
			mkt_tx_add(&l.build, &samples[i].op, legs, NULL);
		LEDGER_WANT(ledger_tx_end(&l) == 0);
		write_file(dir, flags ? "all-or-nothing" : "many", &l.build.buf);
	}
	ledger_stop(&l);
	return 0;
}
