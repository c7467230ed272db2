/*
 * Bad input through the front door: each fault gets its own code and a sentence,
 * and changes nothing.  Envelopes with a fault are in no block; operations that
 * the rules refuse are, but books, bids and accounts stay as they were.
 */
#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "tests/node.h"
#include "tests/tap.h"

#define ACCOUNTS 4
#define POOR 4 /* has almost no money */

/* ---- what must not change ------------------------------------------------------------------- */

static void tell(const struct node *n, const char *path, struct mkt_buf *out)
{
	struct mkt_buf answer = MKT_BUF_INIT;

	if (node_get(n, path, &answer) == 200)
		mkt_buf_addstr(out, strstr(mkt_buf_str(&answer), "\"data\":"));
	mkt_buf_release(&answer);
}

/* Everything that people have: money, bids, contracts. */
static void tell_state(const struct node *n, struct mkt_buf *out)
{
	mkt_buf_clear(out);
	tell(n, "/v1/accounts", out);
	tell(n, "/v1/bids", out);
	tell(n, "/v1/books?levels=100", out);
	tell(n, "/v1/contracts", out);
}

static void tell_digest(const struct node *n, char out[128])
{
	struct mkt_buf answer = MKT_BUF_INIT;

	out[0] = 0;
	if (node_get(n, "/v1/status", &answer) == 200)
		json_member(mkt_buf_str(&answer), "digest", out);
	mkt_buf_release(&answer);
}

/* ---- envelopes ------------------------------------------------------------------------------ */

struct made {
	struct mkt_tx_head head;
	uint32_t signer;
	struct mkt_op op;
	struct mkt_bid_leg legs[MKT_LEGS_MAX];
	unsigned ops;
};

static uint32_t open_window(const struct node *n)
{
	return (uint32_t)(node_ms(CLOCK_REALTIME) / 1000 / n->g.window_s) + 3;
}

/* A bid that would be taken: 1 kWh at 20 per kWh, far from what rests. */
static void good(struct node *n, struct made *m)
{
	*m = (struct made){.signer = 1, .ops = 1};
	m->head.chain = n->id;
	m->head.account = 1;
	m->head.valid_until_s = node_ms(CLOCK_REALTIME) / 1000 + 600;
	n->requests++;
	memcpy(m->head.request, &n->requests, sizeof(n->requests));
	m->op = (struct mkt_op){.kind = MKT_OP_BID, .account = 1};
	m->op.u.bid = (struct mkt_op_bid){.side = MKT_BUY, .nlegs = 1, .amount_wh = 1000};
	m->legs[0] = (struct mkt_bid_leg){.window = open_window(n), .price_upwh = 20000};
}

static void make(struct node *n, const struct made *m, struct mkt_buf *out)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_err err = {0};

	mkt_buf_clear(out);
	mkt_tx_begin(&t, &m->head);
	for (unsigned i = 0; i < m->ops; i++)
		mkt_tx_add(&t, &m->op, m->legs, NULL);
	if (mkt_tx_end(&t, node_key(n, m->signer), &err) < 0)
		node_die("cannot build an envelope", &err);
	mkt_buf_add(out, t.buf.data, t.buf.len);
	mkt_tx_build_release(&t);
}

/* Sign bytes that our builder would not make; the last 64 are for the signature. */
static void sign_again(const struct node *n, uint32_t signer, struct mkt_buf *b)
{
	static const char purpose[16] = "mkt:sign-tx:v1:";
	struct mkt_buf text = MKT_BUF_INIT;
	struct mkt_sig sig;

	mkt_buf_add(&text, purpose, sizeof(purpose));
	mkt_buf_add(&text, b->data, b->len - MKT_SIG_LEN);
	mkt_sign(&sig, node_key(n, signer), text.data, text.len);
	memcpy(b->data + b->len - MKT_SIG_LEN, sig.b, MKT_SIG_LEN);
	mkt_buf_release(&text);
}

static void post_one(const struct node *n, const struct mkt_buf *env, struct mkt_buf *answer)
{
	struct mkt_buf body = MKT_BUF_INIT;

	mkt_enc_u32(&body, (uint32_t)env->len);
	mkt_buf_add(&body, env->data, env->len);
	mkt_buf_clear(answer);
	if (node_post(n, "/v1/transactions", &body, answer) != 200)
		printf("# %.300s\n", mkt_buf_str(answer));
	mkt_buf_release(&body);
}

/* Refused before a block: status, code, a sentence; and the chain stands as it stood. */
static void refused(struct node *n, const char *what, const struct mkt_buf *env, const char *code)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	char before[128], after[128], status[128], got[128], message[128], line[512];
	bool right;

	tell_digest(n, before);
	post_one(n, env, &answer);
	tell_digest(n, after);
	json_member(mkt_buf_str(&answer), "status", status);
	json_member(mkt_buf_str(&answer), "code", got);
	json_member(mkt_buf_str(&answer), "message", message);
	right = !strcmp(status, "refused") && !strcmp(got, code) && message[0] &&
		!strcmp(before, after);
	if (!right)
		printf("# %.500s\n", mkt_buf_str(&answer));
	snprintf(line, sizeof(line), "%s: %s: %s", what, code, message);
	ok(right, line);
	mkt_buf_release(&answer);
}

/* Refused by the rules: recorded, and nothing else has changed. */
static void ruled_out(struct node *n, const char *what, const struct made *m, const char *code)
{
	struct mkt_buf env = MKT_BUF_INIT, answer = MKT_BUF_INIT, before = MKT_BUF_INIT,
		       after = MKT_BUF_INIT;
	char status[128], got[128], message[128], line[512];
	const char *results;
	bool right;

	tell_state(n, &before);
	make(n, m, &env);
	post_one(n, &env, &answer);
	tell_state(n, &after);
	json_member(mkt_buf_str(&answer), "status", status);
	results = strstr(mkt_buf_str(&answer), "\"results\":");
	json_member(results, "code", got);
	json_member(results, "message", message);
	right = !strcmp(status, "sealed") && !strcmp(got, code) && message[0] &&
		before.len == after.len && !memcmp(before.data, after.data, before.len);
	if (!right)
		printf("# %.500s\n", mkt_buf_str(&answer));
	snprintf(line, sizeof(line), "%s: %s: %s", what, code, message);
	ok(right, line);
	mkt_buf_release(&env);
	mkt_buf_release(&answer);
	mkt_buf_release(&before);
	mkt_buf_release(&after);
}

static void test_form(struct node *n)
{
	struct mkt_buf env = MKT_BUF_INIT, cut = MKT_BUF_INIT;
	struct made m;
	const size_t places[] = {0, 1, 9, 30, MKT_TX_FIXED_BYTES, MKT_TX_FIXED_BYTES + 12};
	char name[64];

	good(n, &m);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(places); i++) {
		make(n, &m, &env);
		env.len = places[i];
		snprintf(name, sizeof(name), "cut after %zu bytes", places[i]);
		refused(n, name, &env, "tx-truncated");
	}
	make(n, &m, &env);
	mkt_buf_addch(&env, 0);
	sign_again(n, 1, &env);
	refused(n, "a byte more", &env, "tx-overlong");
	make(n, &m, &env);
	while (env.len <= MKT_TX_BYTES_MAX)
		mkt_buf_addstr(&env, "more and more and more and more and more and more");
	refused(n, "a megabyte more", &env, "tx-overlong");
	make(n, &m, &env);
	env.data[0] = 9;
	sign_again(n, 1, &env);
	refused(n, "another version", &env, "tx-version");
	make(n, &m, &env);
	env.data[1] = 0x80;
	sign_again(n, 1, &env);
	refused(n, "an unknown flag", &env, "tx-noncanonical");
	make(n, &m, &env);
	env.data[MKT_TX_FIXED_BYTES] = 15;
	sign_again(n, 1, &env);
	refused(n, "an unknown operation", &env, "op-unknown");
	make(n, &m, &env);
	env.data[MKT_TX_FIXED_BYTES - 2] = env.data[MKT_TX_FIXED_BYTES - 1] = 0;
	sign_again(n, 1, &env);
	refused(n, "no operation", &env, "op-count");
	m.legs[0].tags = mkt_tags_with(0, 1, 1);
	make(n, &m, &env);
	env.data[MKT_TX_FIXED_BYTES + 19] = 0; /* the last tag byte: 1 -> 0 */
	sign_again(n, 1, &env);
	refused(n, "a tag set with a zero at its end", &env, "tx-noncanonical");
	mkt_buf_release(&env);
	mkt_buf_release(&cut);
}

static void test_envelope(struct node *n)
{
	struct mkt_buf env = MKT_BUF_INIT;
	struct made m;

	good(n, &m);
	make(n, &m, &env);
	env.data[20] ^= 1;
	refused(n, "a byte changed after signing", &env, "tx-signature");
	m.signer = 2;
	make(n, &m, &env);
	refused(n, "signed by another", &env, "tx-signature");
	good(n, &m);
	m.head.chain.b[0] ^= 1;
	make(n, &m, &env);
	refused(n, "for another chain", &env, "tx-chain");
	good(n, &m);
	m.head.account = ACCOUNTS + 1;
	make(n, &m, &env);
	refused(n, "an account that is not there", &env, "account-unknown");
	good(n, &m);
	m.head.valid_until_s = node_ms(CLOCK_REALTIME) / 1000 - 5;
	make(n, &m, &env);
	refused(n, "expired", &env, "tx-expired");
	m.head.valid_until_s = 0;
	make(n, &m, &env);
	refused(n, "expired in 1970", &env, "tx-expired");
	m.head.valid_until_s = node_ms(CLOCK_REALTIME) / 1000 + n->g.validity_s + 60;
	make(n, &m, &env);
	refused(n, "valid too long", &env, "tx-validity");
	m.head.valid_until_s = UINT64_MAX;
	make(n, &m, &env);
	refused(n, "valid for ever", &env, "tx-validity");
	good(n, &m);
	m.op = (struct mkt_op){.kind = MKT_OP_CLOCK};
	m.op.u.clock.time_ms = node_ms(CLOCK_REALTIME) + 1000;
	m.head.account = m.signer = 0;
	make(n, &m, &env);
	refused(n, "a clock on a chain without", &env, "clock");
	mkt_buf_release(&env);
}

static void test_replay(struct node *n)
{
	struct mkt_buf env = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	char status[128], bid[128], again[128], before[128], after[128];
	struct made m;

	good(n, &m);
	m.legs[0].price_upwh = 1000;
	make(n, &m, &env);
	post_one(n, &env, &answer);
	json_member(strstr(mkt_buf_str(&answer), "\"results\":"), "bid", bid);
	tell_digest(n, before);
	post_one(n, &env, &answer);
	tell_digest(n, after);
	json_member(mkt_buf_str(&answer), "status", status);
	json_member(strstr(mkt_buf_str(&answer), "\"results\":"), "bid", again);
	ok(!strcmp(status, "replayed") && bid[0] && !strcmp(bid, again) && !strcmp(before, after),
	   "the same envelope again: the first result, done once");
	m.op.u.bid.amount_wh = 2000;
	make(n, &m, &env);
	refused(n, "the same request id with other content", &env, "conflict");
	mkt_buf_release(&env);
	mkt_buf_release(&answer);
}

static void test_rules(struct node *n)
{
	struct made m;

	good(n, &m);
	m.op.u.bid.nlegs = 2;
	m.legs[1] = m.legs[0];
	ruled_out(n, "the same leg twice", &m, "leg-duplicate");
	good(n, &m);
	m.legs[0].price_upwh = 20005;
	ruled_out(n, "off the tick", &m, "off-tick");
	good(n, &m);
	m.legs[0].price_upwh = n->g.price_max_upwh + n->g.tick_upwh;
	ruled_out(n, "above the range", &m, "price-range");
	good(n, &m);
	m.legs[0].price_upwh = INT32_MIN;
	ruled_out(n, "far below the range", &m, "price-range");
	good(n, &m);
	m.legs[0].tags = mkt_tags_with(0, 0, 77);
	ruled_out(n, "an unknown tag", &m, "tag-unknown");
	good(n, &m);
	m.legs[0].tags = mkt_tags_with(0, 7, 1);
	ruled_out(n, "a tag of an unknown dimension", &m, "tag-unknown");
	good(n, &m);
	m.legs[0].window = open_window(n) - 4;
	ruled_out(n, "a window of the past", &m, "gate-closed");
	good(n, &m);
	m.legs[0].window = open_window(n) + 5000;
	ruled_out(n, "a window of next year", &m, "gate-not-open");
	good(n, &m);
	m.legs[0].window = UINT32_MAX;
	ruled_out(n, "the last window there is", &m, "window-unaligned");
	good(n, &m);
	m.op.u.bid.amount_wh = 0;
	ruled_out(n, "nothing", &m, "off-lot");
	good(n, &m);
	m.op.account = m.head.account = m.signer = POOR;
	m.op.u.bid.amount_wh = UINT32_MAX;
	m.legs[0].price_upwh = n->g.price_max_upwh;
	ruled_out(n, "more than there is money for", &m, "balance");
	good(n, &m);
	m.op.u.bid.flags = MKT_BID_FOK;
	ruled_out(n, "all or nothing of nothing", &m, "fok-killed");
	good(n, &m);
	m.op.account = 2;
	ruled_out(n, "for somebody who has not delegated", &m, "delegation");
	good(n, &m);
	m.op = (struct mkt_op){.kind = MKT_OP_DEPOSIT};
	m.op.u.transfer.to = 1;
	m.op.u.transfer.money_uc = 1000000;
	ruled_out(n, "a deposit by one who is not the operator", &m, "denied");
	good(n, &m);
	m.op = (struct mkt_op){.kind = MKT_OP_CANCEL, .account = 1};
	m.op.u.cancel.bid = 123456;
	ruled_out(n, "a cancel of no bid", &m, "bid-unknown");
	good(n, &m);
	m.op = (struct mkt_op){.kind = MKT_OP_REPORT, .account = 1};
	m.op.u.report.exec = 99;
	m.op.u.report.side = MKT_DRAW;
	ruled_out(n, "a report on no contract", &m, "contract-unknown");
}

/* ---- the ways in ---------------------------------------------------------------------------- */

static void base64(const struct mkt_buf *in, struct mkt_buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < in->len; i += 3) {
		size_t n = in->len - i < 3 ? in->len - i : 3;
		uint32_t v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (k < n ? in->data[i + k] : 0u);
		for (size_t k = 0; k < 4; k++)
			mkt_buf_addch(out, k <= n ? (uint8_t)digits[v >> (18 - 6 * k) & 63] : '=');
	}
}

/* Until the transaction is found or much too long. */
static bool found(const struct node *n, const char *tx)
{
	uint64_t until = node_ms(CLOCK_MONOTONIC) + 10000;
	struct mkt_buf answer = MKT_BUF_INIT;
	char path[160];
	int status = 0;

	snprintf(path, sizeof(path), "/v1/tx/%.64s", tx);
	while (status != 200 && node_ms(CLOCK_MONOTONIC) < until)
		status = node_get(n, path, &answer);
	mkt_buf_release(&answer);
	return status == 200;
}

static void test_ways(struct node *n)
{
	struct mkt_buf env = MKT_BUF_INIT, body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	char word[128], tx[128];
	struct conn c;
	struct made m;
	int status = 0;

	good(n, &m);
	m.legs[0].price_upwh = 1000;
	make(n, &m, &env);
	mkt_enc_u32(&body, (uint32_t)env.len);
	mkt_buf_add(&body, env.data, env.len);
	status = node_post(n, "/v1/transactions?wait=none", &body, &answer);
	json_member(mkt_buf_str(&answer), "tx", tx);
	ok(status == 200 && !strcmp(json_member(mkt_buf_str(&answer), "status", word), "queued") &&
		   found(n, tx),
	   "wait=none: queued, and soon in the chain");
	env.data[30] ^= 1; /* in the request id */
	mkt_buf_clear(&body);
	mkt_enc_u32(&body, (uint32_t)env.len);
	mkt_buf_add(&body, env.data, env.len);
	node_post(n, "/v1/transactions?wait=none", &body, &answer);
	ok(!strcmp(json_member(mkt_buf_str(&answer), "code", word), "tx-signature"),
	   "wait=none: a wrong signature is told");
	for (unsigned more = 0; more < 3; more++) {
		good(n, &m);
		m.legs[0].price_upwh = 1000;
		m.ops = 1 + more; /* lengths of every kind of padding */
		make(n, &m, &env);
		mkt_buf_clear(&body);
		mkt_buf_addstr(&body, "{\"envelopes\":[\"");
		base64(&env, &body);
		mkt_buf_addstr(&body, "\"]}");
		status = 0;
		if (conn_open(&c, n) &&
		    conn_send(&c, "POST", "/v1/transactions", "application/json", &body))
			status = conn_recv(&c, &answer);
		conn_close(&c);
		ok(status == 200 &&
			   !strcmp(json_member(mkt_buf_str(&answer), "status", word), "sealed"),
		   "an envelope in JSON is as good as one in bytes");
	}
	good(n, &m);
	make(n, &m, &env);
	memset(env.data + env.len - MKT_SIG_LEN, 0, MKT_SIG_LEN);
	status = node_post(n, "/v1/preview", &env, &answer);
	ok(status == 200 &&
		   !strcmp(json_member(mkt_buf_str(&answer), "escrow_uc", word), "20000000"),
	   "a preview needs no signature and tells the escrow");
	mkt_buf_release(&env);
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

struct request {
	const char *what, *method, *path, *type, *body;
	int status;
	const char *code;
};

static const struct request requests[] = {
	{"an empty body", "POST", "/v1/transactions", "application/octet-stream", "", 400, "usage"},
	{"half a length", "POST", "/v1/transactions", "application/octet-stream", "ab", 400,
	 "invalid"},
	{"a frame beyond the end", "POST", "/v1/transactions", "application/octet-stream", "zzzz",
	 400, "invalid"},
	{"no content type", "POST", "/v1/transactions", "text/plain", "x", 400, "usage"},
	{"no JSON", "POST", "/v1/transactions", "application/json", "{\"envelopes\":[", 400,
	 "invalid"},
	{"JSON of another kind", "POST", "/v1/transactions", "application/json", "{\"a\":1}", 400,
	 "invalid"},
	{"no base64", "POST", "/v1/transactions", "application/json", "{\"envelopes\":[\"=!\"]}",
	 400, "invalid"},
	{"base64 with bits left over", "POST", "/v1/transactions", "application/json",
	 "{\"envelopes\":[\"QQ==\",\"QR==\"]}", 400, "invalid"},
	{"an unknown wait", "POST", "/v1/transactions?wait=x", "application/octet-stream", "x", 400,
	 "usage"},
	{"a preview of rubbish", "POST", "/v1/preview", "application/octet-stream", "rubbish", 422,
	 "tx-version"},
	{"a path that is not there", "GET", "/v1/nothing", NULL, NULL, 404, "not-found"},
	{"a path that is too deep", "GET", "/v1/bids/1/2", NULL, NULL, 404, "not-found"},
	{"another method", "DELETE", "/v1/bids", NULL, NULL, 405, "usage"},
	{"a GET of what is posted", "GET", "/v1/transactions", NULL, NULL, 405, "usage"},
	{"an unknown parameter", "GET", "/v1/bids?x=1", NULL, NULL, 400, "usage"},
	{"a limit of 0", "GET", "/v1/bids?limit=0", NULL, NULL, 400, "usage"},
	{"a limit of 1001", "GET", "/v1/bids?limit=1001", NULL, NULL, 400, "usage"},
	{"a limit below 0", "GET", "/v1/bids?limit=-1", NULL, NULL, 400, "usage"},
	{"a limit beyond 64 bits", "GET", "/v1/bids?limit=99999999999999999999", NULL, NULL, 400,
	 "usage"},
	{"17 parameters", "GET", "/v1/bids?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q", NULL, NULL, 400,
	 "usage"},
	{"a window that is none", "GET", "/v1/books?from=1", NULL, NULL, 400, "usage"},
	{"tags that are none", "GET", "/v1/books?tags=pink", NULL, NULL, 422, "tag-unknown"},
	{"an account that is none", "GET", "/v1/bids?account=nobody", NULL, NULL, 404, "not-found"},
	{"a bid that is none", "GET", "/v1/bids/99999", NULL, NULL, 404, "bid-unknown"},
	{"a bid with a name", "GET", "/v1/bids/x", NULL, NULL, 404, "bid-unknown"},
	{"a contract that is none", "GET", "/v1/contracts/99999", NULL, NULL, 404,
	 "contract-unknown"},
	{"a block that is none", "GET", "/v1/blocks/99999999", NULL, NULL, 404, "not-found"},
	{"a block below 0", "GET", "/v1/blocks/-1", NULL, NULL, 404, "not-found"},
	{"a transaction that is none", "GET", "/v1/tx/00000000ffffffff", NULL, NULL, 404,
	 "not-found"},
	{"seven digits of a transaction", "GET", "/v1/tx/1234567", NULL, NULL, 400, "usage"},
	{"a chain beyond its end", "GET", "/v1/chain?from=999999", NULL, NULL, 404, "not-found"},
	{"events of an unknown kind", "GET", "/v1/events?kind=x", NULL, NULL, 400, "usage"},
	{"events from nowhere", "GET", "/v1/events/page?from=1:x", NULL, NULL, 400, "usage"},
};

static void test_http(struct node *n)
{
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(requests); i++) {
		const struct request *q = &requests[i];
		struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
		char got[128], message[128], line[512];
		struct conn c;
		int status = 0;

		if (q->body)
			mkt_buf_addstr(&body, q->body);
		if (conn_open(&c, n) &&
		    conn_send(&c, q->method, q->path, q->type, q->body ? &body : NULL))
			status = conn_recv(&c, &answer);
		conn_close(&c);
		json_member(mkt_buf_str(&answer), "code", got);
		json_member(mkt_buf_str(&answer), "message", message);
		snprintf(line, sizeof(line), "%s: %d %s: %s", q->what, status, got, message);
		ok(status == q->status && !strcmp(got, q->code) && message[0], line);
		mkt_buf_release(&body);
		mkt_buf_release(&answer);
	}
}

/* A body that is announced, or turns out, too long; a head without end; many frames. */
static void test_sizes(struct node *n)
{
	static const char announced[] =
		"POST /v1/transactions HTTP/1.1\r\nHost: m\r\n"
		"Content-Type: application/octet-stream\r\nContent-Length: 9000000\r\n\r\n";
	static const char chunked[] =
		"POST /v1/transactions HTTP/1.1\r\nHost: m\r\n"
		"Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	struct conn c;
	int status = 0;

	if (conn_open(&c, n) && conn_write(&c, announced, sizeof(announced) - 1))
		status = conn_recv(&c, &answer);
	conn_close(&c);
	ok(status == 413, "a body that is announced too long: 413 at once");
	mkt_buf_grow(&body, 9u << 20);
	mkt_buf_addstr(&body, "900000\r\n");
	memset(body.data + body.len, 0, 9u << 20);
	body.len += 9u << 20;
	mkt_buf_addstr(&body, "\r\n0\r\n\r\n");
	status = 0;
	if (conn_open(&c, n) && conn_write(&c, chunked, sizeof(chunked) - 1) &&
	    conn_write(&c, body.data, body.len))
		status = conn_recv(&c, &answer);
	conn_close(&c);
	ok(status == 413, "a body that turns out too long: 413");
	mkt_buf_clear(&body);
	for (unsigned i = 0; i < 20000; i++)
		mkt_enc_u32(&body, 0);
	status = node_post(n, "/v1/transactions", &body, &answer);
	ok(status == 413, "20,000 frames: 413");
	mkt_buf_clear(&body);
	mkt_buf_addstr(&body, "GET /v1/status HTTP/1.1\r\nX: ");
	while (body.len < 200000)
		mkt_buf_addch(&body, 'x');
	status = 0;
	if (conn_open(&c, n)) {
		conn_write(&c, body.data, body.len);
		status = conn_recv(&c, &answer);
	}
	conn_close(&c);
	ok(status >= 400 || !status, "a head without end is cut off");
	status = node_get(n, "/v1/health", &answer);
	ok(status == 200, "and the node is well");
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
}

/* Any byte of a good envelope changed: refused, whatever it was. */
static void test_flips(struct node *n)
{
	struct mkt_buf env = MKT_BUF_INIT, body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	char before[128], after[128];
	struct made m;
	unsigned refusals = 0, flips = 0;

	good(n, &m);
	make(n, &m, &env);
	for (size_t i = 0; i < env.len; i++) {
		mkt_enc_u32(&body, (uint32_t)env.len);
		env.data[i] ^= (uint8_t)(1 << i % 8);
		mkt_buf_add(&body, env.data, env.len);
		env.data[i] ^= (uint8_t)(1 << i % 8);
		flips++;
	}
	tell_digest(n, before);
	node_post(n, "/v1/transactions", &body, &answer);
	tell_digest(n, after);
	for (const char *p = mkt_buf_str(&answer); (p = strstr(p, "\"status\":\"refused\"")); p++)
		refusals++;
	ok(refusals == flips && !strcmp(before, after),
	   "any bit of an envelope changed: refused, nothing done");
	mkt_buf_release(&env);
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
}

int main(void)
{
	struct node n;
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_op op = {.kind = MKT_OP_WITHDRAW};
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;

	node_make(&n, "input", NULL);
	if (!node_start(&n))
		node_die("ledgerd does not start", NULL);
	node_enroll(&n, ACCOUNTS, 1000000000);
	op.u.transfer.to = POOR;
	op.u.transfer.money_uc = 999999999;
	node_begin(&n, &t, 0);
	mkt_tx_add(&t, &op, NULL, "all but one");
	node_frame(&n, &t, 0, &body);
	node_must_post(&n, &body);
	test_form(&n);
	test_envelope(&n);
	test_replay(&n);
	test_ways(&n);
	test_rules(&n);
	test_flips(&n);
	test_http(&n);
	test_sizes(&n);
	ok(node_end(&n, SIGTERM) == 0, "it stops cleanly");
	mkt_buf_release(&body);
	node_release(&n);
	return tap_end();
}
