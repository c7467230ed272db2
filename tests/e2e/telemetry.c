/*
 * States of chargers: published, read back with their signatures, replaced by
 * later ones only, refused from whoever may not speak for a charger, and in no
 * block.
 */
#include "core/base/compat.h"

#include "core/codec/base64.h"
#include "core/wire/telemetry.h"
#include "tests/node.h"
#include "tests/tap.h"

#define ACCOUNTS 4 /* 1 has chargers, 2 its delegation, 3 meters it, 4 has nothing */
#define CHARGERS 5

static struct mkt_client *client;
static uint64_t clock_ms; /* of the last state: each is later */

static struct mkt_telemetry state_of(const struct node *n, const char *charger, uint32_t signer)
{
	struct mkt_telemetry t = {
		.chain = n->id,
		.account = 1,
		.signer = signer,
		.time_ms = clock_ms + 1,
		.kind = "evse",
		.state = "ready",
		.vehicle = "C",
		.fields = MKT_TM_POWER | MKT_TM_LIMIT_MA | MKT_TM_IMPORT | MKT_TM_CONTRACT,
		.power_w = 3680,
		.limit_ma = 16000,
		.import_wh = 123456,
		.window = (uint32_t)(clock_ms / 1000 / n->g.window_s),
		.side = MKT_DRAW,
		.contracted_wh = 5000,
		.moved_wh = 1234,
		.reason = "3.766 kWh to go",
	};

	clock_ms++;
	snprintf(t.charger, sizeof(t.charger), "%s", charger);
	return t;
}

static void frame(const struct node *n, const struct mkt_telemetry *t, struct mkt_buf *body)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_err err = {0};

	if (mkt_telemetry_enc(t, node_key(n, t->signer), &bytes, &err) < 0)
		node_die("cannot encode a state", &err);
	mkt_api_frame(body, bytes.data, bytes.len);
	mkt_buf_release(&bytes);
}

/* Publish one; the code of its receipt. */
static int publish(const struct node *n, const struct mkt_telemetry *t, struct mkt_err *why)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf body = MKT_BUF_INIT;
	int res;

	frame(n, t, &body);
	res = mkt_api_publish(client, &body, &a, why);
	if (!res)
		res = mkt_telemetry_receipt(&a, 0, why);
	mkt_answer_release(&a);
	mkt_buf_release(&body);
	return res;
}

static bool refused(const struct node *n, const struct mkt_telemetry *t, int code, const char *text)
{
	struct mkt_err why = {0};
	int res = publish(n, t, &why);

	if (res != -code || !strstr(why.text, text))
		printf("# %d %s\n", res, why.text);
	return res == -code && strstr(why.text, text);
}

/* Row @i of a list; false: there is none, or it is not as agreed. */
static bool row_of(const struct mkt_answer *a, size_t i, struct mkt_telemetry_row *row)
{
	struct mkt_jiter it = {0};
	struct mkt_err err = {0};
	struct mkt_jval v;

	for (size_t k = 0; k <= i; k++)
		if (!mkt_jval_next(&a->data, &it, &v))
			return false;
	if (mkt_telemetry_read(&v, row, &err) == 0)
		return true;
	printf("# %s\n", err.text);
	return false;
}

static void list(const char *path, struct mkt_answer *a)
{
	struct mkt_err err = {0};

	if (mkt_api_get(client, path, a, &err) < 0)
		node_die(path, &err);
}

/* ---- the market's part ---------------------------------------------------------------------- */

static void enroll_chargers(struct node *n)
{
	struct mkt_op op = {.kind = MKT_OP_ENROLL};
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_buf body = MKT_BUF_INIT;

	mkt_seckey_public(node_key(n, 1), &op.u.enroll.key);
	op.u.enroll.cls = MKT_CLASS_EV;
	op.u.enroll.nchargers = CHARGERS;
	op.u.enroll.chargers_len = 3 * CHARGERS;
	snprintf(op.u.enroll.name, sizeof(op.u.enroll.name), "garage");
	node_begin(n, &t, 0);
	mkt_tx_add(&t, &op, NULL, "\002c1\002c2\002c3\002c4\002c5");
	op = (struct mkt_op){.kind = MKT_OP_METEROP, .u.meterop = {1, 3, 1}};
	mkt_tx_add(&t, &op, NULL, NULL);
	node_frame(n, &t, 0, &body);
	op = (struct mkt_op){.kind = MKT_OP_DELEGATE, .account = 1};
	op.u.delegate.to = 2;
	op.u.delegate.rights = 1u << MKT_OP_REPORT;
	node_begin(n, &t, 1);
	mkt_tx_add(&t, &op, NULL, NULL);
	node_frame(n, &t, 1, &body);
	op.u.delegate.to = 4;
	op.u.delegate.rights = 1u << MKT_OP_BID;
	node_begin(n, &t, 1);
	mkt_tx_add(&t, &op, NULL, NULL);
	node_frame(n, &t, 1, &body);
	node_must_post(n, &body);
	mkt_buf_release(&body);
}

/* ---- the story ------------------------------------------------------------------------------ */

static void test_held(const struct node *n)
{
	struct mkt_telemetry t = state_of(n, "c1", 1), later;
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_telemetry_row row;
	struct mkt_pubkey key;
	struct mkt_err why = {0};

	ok(publish(n, &t, &why) == 0, "the owner's state is held");
	ok(publish(n, &t, &why) == 0, "the very same again is fine");
	mkt_seckey_public(node_key(n, 1), &key);
	list("/v1/telemetry?account=garage", &a);
	ok(row_of(&a, 0, &row) && !row_of(&a, 1, &row) && row_of(&a, 0, &row) &&
		   !memcmp(&row.t.chain, &n->id, 8) && row.t.time_ms == t.time_ms &&
		   row.t.moved_wh == 1234 && !strcmp(row.t.reason, t.reason) &&
		   !strcmp(row.account_name, "garage") && row.age_ms < NODE_ANSWER_MS,
	   "it is told as it was said");
	ok(mkt_telemetry_sig_ok(row.bytes, row.nbytes, &key), "with its signature");
	later = state_of(n, "c1", 2);
	later.moved_wh = 2000;
	ok(publish(n, &later, &why) == 0, "who may report for the account may say it too");
	ok(refused(n, &t, MKT_EEXPIRED, "a later state of charger 'c1' is held"),
	   "an older one does not come back");
	later.moved_wh = 2001;
	ok(refused(n, &later, MKT_ECONFLICT, "another state of charger 'c1' at the same time"),
	   "two of the same time conflict");
	list("/v1/telemetry?account=1", &a);
	ok(row_of(&a, 0, &row) && row.t.moved_wh == 2000 && row.t.signer == 2 &&
		   !strcmp(row.signer_name, "house0002"),
	   "the latest replaces the one before");
	later = state_of(n, "c1", 3);
	ok(publish(n, &later, &why) == 0, "a meter operator may say it");
	mkt_answer_release(&a);
}

static void test_refused(const struct node *n)
{
	struct mkt_telemetry t = state_of(n, "c2", 4);

	ok(refused(n, &t, MKT_EDELEGATION, "'garage' has not delegated 'report' to 'house0004'"),
	   "a delegation for bids is none for reports");
	t = state_of(n, "c9", 1);
	ok(refused(n, &t, MKT_ECHARGER, "'c9' is not enrolled for account 'garage'"),
	   "a charger that is not the account's");
	t = state_of(n, "c2", 1);
	t.account = 2;
	ok(refused(n, &t, MKT_EDELEGATION, "has not delegated"), "somebody else's account");
	t.account = 99;
	ok(refused(n, &t, MKT_EACCOUNT, "account 99"), "an account that is not there");
	t = state_of(n, "c2", 1);
	t.chain.b[0] ^= 1;
	ok(refused(n, &t, MKT_ECHAIN, "another chain"), "another chain's");
	t = state_of(n, "c2", 1);
	t.time_ms = node_ms(CLOCK_REALTIME) + 3600000;
	ok(refused(n, &t, MKT_EVALIDITY, "s ahead of the chain's clock"), "from the future");
	t.time_ms -= 2 * 3600000;
	ok(refused(n, &t, MKT_EEXPIRED, "s behind the chain's clock"), "from long ago");
	t = state_of(n, "c2", 1);
	t.window = UINT32_MAX;
	ok(refused(n, &t, MKT_EWINDOW, "past the year 9999"), "a window that cannot be");
}

/* A changed byte anywhere is refused, and a body that is none. */
static void test_bytes(const struct node *n)
{
	struct mkt_telemetry t = state_of(n, "c2", 1);
	struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT, json = MKT_BUF_INIT;
	unsigned bad = 0;
	size_t len;

	frame(n, &t, &body);
	len = body.len - 4;
	for (size_t i = 4; i < body.len; i++) {
		body.data[i] ^= 0x40;
		bad += node_post(n, "/v1/telemetry", &body, &answer) == 200 &&
		       strstr(mkt_buf_str(&answer), "\"status\":\"refused\"");
		body.data[i] ^= 0x40;
	}
	ok(bad == len, "any byte changed: refused");
	body.len--;
	ok(node_post(n, "/v1/telemetry", &body, &answer) == 400 &&
		   strstr(mkt_buf_str(&answer), "the body ends within a state"),
	   "a body that ends early");
	body.len++;
	mkt_buf_addstr(&json, "{\"states\":[\"");
	mkt_base64_put(&json, body.data + 4, len);
	mkt_buf_addstr(&json, "\"]}");
	struct conn c;

	ok(conn_open(&c, n) &&
		   conn_send(&c, "POST", "/v1/telemetry", "application/json", &json) &&
		   conn_recv(&c, &answer) == 200 &&
		   strstr(mkt_buf_str(&answer), "\"status\":\"held\""),
	   "base64 in JSON is taken as well");
	conn_close(&c);
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
	mkt_buf_release(&json);
}

static void test_pages(const struct node *n)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_telemetry_row row;
	struct mkt_err err = {0};
	char name[8], path[128];
	unsigned rows = 0, pages = 0;

	for (unsigned i = CHARGERS; i; i--) { /* not in their order */
		struct mkt_telemetry t;

		snprintf(name, sizeof(name), "c%u", i);
		t = state_of(n, name, 1);
		frame(n, &t, &body);
	}
	ok(mkt_api_publish(client, &body, &a, &err) == 0 &&
		   mkt_jval_count(&a.data) == CHARGERS &&
		   mkt_telemetry_receipt(&a, CHARGERS - 1, &err) == 0,
	   "several in one body");
	snprintf(path, sizeof(path), "/v1/telemetry?limit=2");
	for (;; pages++) {
		list(path, &a);
		for (size_t i = 0; row_of(&a, i, &row); i++, rows++) {
			snprintf(name, sizeof(name), "c%u", rows + 1);
			if (strcmp(name, row.t.charger) != 0)
				rows = 100;
		}
		if (!a.next)
			break;
		snprintf(path, sizeof(path), "/v1/telemetry?limit=2&after=%s", a.next);
	}
	ok(rows == CHARGERS && pages == 2, "pages go through all of them in order");
	list("/v1/telemetry?account=2", &a);
	ok(mkt_jval_count(&a.data) == 0 && !a.next, "an account without states has none");
	ok(mkt_api_get(client, "/v1/telemetry?after=x", &a, &err) == -MKT_EUSAGE,
	   "a cursor that is none");
	mkt_buf_release(&body);
	mkt_answer_release(&a);
}

static uint64_t transactions(const struct node *n)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	char text[128];

	if (node_get(n, "/v1/status", &answer) != 200)
		node_die("no status", NULL);
	json_member(mkt_buf_str(&answer), "txs", text);
	mkt_buf_release(&answer);
	return strtoull(text, NULL, 10);
}

int main(void)
{
	struct node n;
	struct mkt_client_conf conf = {.timeout_ms = NODE_ANSWER_MS};
	char server[NODE_PATH_MAX + 8];
	struct mkt_err err = {0};
	uint64_t txs;

	node_make(&n, "telemetry", NULL);
	if (!node_start(&n))
		node_die("ledgerd does not start", NULL);
	snprintf(server, sizeof(server), "unix:%s", n.sock);
	conf.server = server;
	if (mkt_client_new(&conf, &client, &err) < 0)
		node_die("no client", &err);
	node_enroll(&n, ACCOUNTS, 1000000000);
	enroll_chargers(&n);
	txs = transactions(&n);
	clock_ms = node_ms(CLOCK_REALTIME);
	test_held(&n);
	test_refused(&n);
	test_bytes(&n);
	test_pages(&n);
	ok(transactions(&n) == txs, "nothing of it is on the chain");
	mkt_client_free(client);
	ok(node_end(&n, SIGTERM) == 0, "it stops cleanly");
	node_release(&n);
	return tap_end();
}
