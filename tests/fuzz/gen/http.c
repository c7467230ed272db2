/*
 * Write starting inputs for the http target: each route with its parameters,
 * envelopes as frames and as JSON.
 *
 *   gen-http DIR
 */
#include "core/base/compat.h"

#include "core/codec/base64.h"
#include "core/wire/telemetry.h"
#include "tests/fuzz/http.h"

static const char *const reads[][2] = {
	{"status", "/v1/status"},
	{"genesis", "/v1/genesis"},
	{"market", "/v1/market"},
	{"books", "/v1/books?from=1767200400&count=48&tags=green%2Blvm&levels=5&account=house0001&"
		  "depth=1"},
	{"books-after", "/v1/books?summary=1&limit=2&after=1767200400:101"},
	{"bids", "/v1/bids?account=3&past=1&limit=2&after=1"},
	{"bid", "/v1/bids/3"},
	{"contracts", "/v1/contracts?account=house0003&window=1767200400&past=1&limit=1&after=0"},
	{"contract", "/v1/contracts/1"},
	{"accounts", "/v1/accounts?limit=3&after=2"},
	{"account", "/v1/accounts/house0002"},
	{"story", "/v1/accounts/3/events?limit=2&down=1&from=33554432"},
	{"blocks", "/v1/blocks?from=0&down=1&limit=2"},
	{"block", "/v1/blocks/1?limit=2&after=0"},
	{"tx", "/v1/tx/0123456789abcdef?proof=1"},
	{"tx-request", "/v1/tx?account=1&request=0123456789abcdef0123456789abcdef"},
	{"chain", "/v1/chain?from=1&limit=1"},
	{"events", "/v1/events?from=0&kind=contract,result&account=3"},
	{"events-window", "/v1/events?from=1:2&window=1767200400"},
	{"events-page", "/v1/events/page?from=0:1&limit=3&kind=gone"},
	{"limits", "/v1/limits?account=1"},
	{"telemetry", "/v1/telemetry?account=1&limit=1"},
	{"telemetry-after", "/v1/telemetry?after=1:c1"},
	{"health", "/v1/health"},
	{"metrics", "/metrics"},
};

static void write_input(const char *dir, const char *name, const char *head,
			const struct mkt_buf *body)
{
	struct mkt_buf text = MKT_BUF_INIT;
	char path[512];

	mkt_buf_addf(&text, "%s\n", head);
	if (body)
		mkt_buf_add(&text, body->data, body->len);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file_write(path, text.data, text.len);
	mkt_buf_release(&text);
}

/* A frame of one operation of @op.account. */
static void add_op(struct node *n, const struct mkt_op *op, const struct mkt_bid_leg *legs,
		   const char *text, struct mkt_buf *out)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;

	node_begin(n, &t, op->account);
	mkt_tx_add(&t, op, legs, text);
	node_frame(n, &t, op->account, out);
}

static const struct {
	const char *name;
	struct mkt_op op;
} posts[] = {
	{"buy",
	 {.kind = MKT_OP_BID,
	  .account = 5,
	  .u.bid = {.side = MKT_BUY, .nlegs = 2, .amount_wh = 30}}},
	{"sell",
	 {.kind = MKT_OP_BID,
	  .account = 6,
	  .u.bid = {.side = MKT_SELL, .flags = MKT_BID_IOC, .nlegs = 1, .amount_wh = 5}}},
	{"cancel", {.kind = MKT_OP_CANCEL, .account = 4, .u.cancel = {.bid = 4}}},
	{"cancel-all", {.kind = MKT_OP_CANCEL, .account = 2, .u.cancel = {.what = MKT_CANCEL_ALL}}},
	{"reduce", {.kind = MKT_OP_REDUCE, .account = 2, .u.reduce = {2, 5}}},
	{"report", {.kind = MKT_OP_REPORT, .account = 1, .u.report = {1, 10, MKT_SUPPLY, ""}}},
	{"transfer", {.kind = MKT_OP_TRANSFER, .account = 1, .u.transfer = {2, 500}}},
	{"delegate", {.kind = MKT_OP_DELEGATE, .account = 1, .u.delegate = {3, MKT_RIGHTS_ALL, 0}}},
};

static void write_posts(struct node *n, const char *dir)
{
	static const struct mkt_bid_leg legs[] = {{HTTP_WINDOW, 4600, 0},
						  {HTTP_WINDOW + 1, 4500, 1}};
	struct mkt_buf all = MKT_BUF_INIT, one = MKT_BUF_INIT, json = MKT_BUF_INIT;
	char name[64];

	mkt_buf_addstr(&json, "{\"envelopes\":[");
	for (size_t i = 0; i < MKT_ARRAY_SIZE(posts); i++) {
		mkt_buf_clear(&one);
		add_op(n, &posts[i].op, legs, "rent", &one);
		snprintf(name, sizeof(name), "post-%s", posts[i].name);
		write_input(dir, name,
			    "POST /v1/transactions?wait=executed application/octet-stream -", &one);
		mkt_buf_add(&all, one.data, one.len);
		mkt_buf_addstr(&json, i ? ",\"" : "\"");
		mkt_base64_put(&json, one.data + 4, one.len - 4);
		mkt_buf_addch(&json, '"');
		memmove(one.data, one.data + 4, one.len - 4);
		one.len -= 4;
		snprintf(name, sizeof(name), "preview-%s", posts[i].name);
		write_input(dir, name, "POST /v1/preview application/octet-stream -", &one);
	}
	mkt_buf_addstr(&json, "]}");
	write_input(dir, "post-all", "POST /v1/transactions application/octet-stream -", &all);
	write_input(dir, "post-none", "@POST /v1/transactions?wait=none application/octet-stream -",
		    &all);
	write_input(dir, "post-json", "POST /v1/transactions?wait=sealed application/json -",
		    &json);
	mkt_buf_release(&all);
	mkt_buf_release(&one);
	mkt_buf_release(&json);
}

static void write_states(struct node *n, const char *dir)
{
	struct mkt_telemetry t = {.chain = n->id, .account = 1, .signer = 1, .time_ms = HTTP_TIME_MS,
				  .charger = HTTP_CHARGER, .kind = "evse", .state = "ready",
				  .vehicle = "C", .fields = MKT_TM_ALL, .window = HTTP_WINDOW,
				  .side = MKT_DRAW, .reason = "charging"};
	struct mkt_buf one = MKT_BUF_INIT, frames = MKT_BUF_INIT, json = MKT_BUF_INIT;

	mkt_buf_addstr(&json, "{\"states\":[");
	for (unsigned i = 0; i < 2; i++, t.time_ms++) {
		mkt_buf_clear(&one);
		if (mkt_telemetry_enc(&t, node_key(n, 1), &one, NULL) < 0)
			exit(1);
		mkt_api_frame(&frames, one.data, one.len);
		mkt_buf_addstr(&json, i ? ",\"" : "\"");
		mkt_base64_put(&json, one.data, one.len);
		mkt_buf_addch(&json, '"');
	}
	mkt_buf_addstr(&json, "]}");
	write_input(dir, "states", "POST /v1/telemetry application/octet-stream -", &frames);
	write_input(dir, "states-json", "POST /v1/telemetry application/json -", &json);
	mkt_buf_release(&one);
	mkt_buf_release(&frames);
	mkt_buf_release(&json);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";
	struct mkt_buf world = MKT_BUF_INIT;
	struct node n;

	node_make(&n, "http", http_tune);
	http_world(&n, &world); /* makes the keys */
	n.requests += 1000;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(reads); i++) {
		char head[256];

		snprintf(head, sizeof(head), "GET %s - -", reads[i][1]);
		write_input(dir, reads[i][0], head, NULL);
	}
	write_input(dir, "events-again", "@GET /v1/events - 1:3", NULL);
	write_input(dir, "post-empty", "POST /v1/transactions application/octet-stream -", NULL);
	write_input(dir, "preview-empty", "POST /v1/preview application/octet-stream -", NULL);
	write_posts(&n, dir);
	write_states(&n, dir);
	mkt_buf_release(&world);
	node_release(&n);
	return 0;
}
