/* Answers recorded from etcd 3.4.23, and what no etcd would say. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/codec/base64.h"
#include "core/wire/etcd.h"
#include "core/wire/etcd_json.h"

#define P "/L/x/"
#define HEAD                                                                                       \
	"\"header\":{\"cluster_id\":\"9501190629532374559\",\"member_id\":\"5964730238677501811\"" \
	",\"revision\":\"4\",\"raft_term\":\"2\"}"
#define EP                                                                                         \
	"{\"key\":\"L0wveC9lcA==\",\"create_revision\":\"2\",\"mod_revision\":\"2\",\"version\":"  \
	"\"1\",\"value\":\"djE=\"}"
#define LIVE                                                                                       \
	"{\"key\":\"L0wveC9saXZl\",\"create_revision\":\"4\",\"mod_revision\":\"4\",\"version\":"  \
	"\"1\",\"value\":\"djE=\",\"lease\":\"4711\"}"
#define RANGE(kvs)                                                                                 \
	"{\"response_range\":{\"header\":{\"revision\":\"2\"},\"kvs\":[" kvs "],\"count\":\"1\"}}"
#define PUT "{\"response_put\":{\"header\":{\"revision\":\"2\"}}}"

struct seen {
	unsigned n;
	struct {
		char key[MKT_KV_KEY_MAX + 1];
		uint64_t mod;
		bool deleted;
	} v[8];
};

static void take(void *ctx, const struct mkt_kv_pair *p)
{
	struct seen *s = ctx;

	assert_true(s->n < MKT_ARRAY_SIZE(s->v));
	snprintf(s->v[s->n].key, sizeof(s->v[0].key), "%s", p->key);
	s->v[s->n].mod = p->mod;
	s->v[s->n++].deleted = p->deleted;
}

/* Make `ep` if it is absent and read all; else read `ep` and `none`. */
static void usual(struct mkt_kv_txn *t)
{
	memset(t, 0, sizeof(*t));
	t->ncmps = 1;
	t->cmp[0].kind = MKT_KV_MOD;
	snprintf(t->cmp[0].key, sizeof(t->cmp[0].key), "%s", "ep");
	t->nthen = t->nels = 2;
	t->then[0].kind = MKT_KV_PUT;
	t->then[0].leased = true;
	snprintf(t->then[0].key, sizeof(t->then[0].key), "%s", "ep");
	memcpy(t->then[0].value, "v1", 2);
	t->then[0].len = 2;
	t->then[1].kind = MKT_KV_PREFIX;
	t->els[0].kind = t->els[1].kind = MKT_KV_GET;
	snprintf(t->els[0].key, sizeof(t->els[0].key), "%s", "ep");
	snprintf(t->els[1].key, sizeof(t->els[1].key), "%s", "none");
}

static struct mkt_kv_txn txn;
static struct mkt_kv_answer answer;

static int read_txn(const char *text, struct mkt_buf *room, struct mkt_err *err)
{
	struct etcd_asked asked;
	struct etcd_head head;

	usual(&txn);
	etcd_ask(&asked, &txn);
	return etcd_read_txn(text, strlen(text), P, &asked, room, &answer, &head, err);
}

static void requests_are_what_etcd_reads(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	usual(&txn);
	etcd_put_txn(&b, P, &txn, 77);
	assert_string_equal(
		mkt_buf_str(&b),
		"{\"compare\":[{\"key\":\"L0wveC9lcA==\",\"target\":\"CREATE\",\"result\":"
		"\"EQUAL\","
		"\"create_revision\":\"0\"}],\"success\":[{\"request_put\":{\"key\":\"L0wveC9lcA=="
		"\","
		"\"value\":\"djE=\",\"lease\":\"77\"}},{\"request_range\":{\"key\":\"L0wveC8=\","
		"\"range_end\":\"L0wveDA=\"}}],\"failure\":[{\"request_range\":{\"key\":"
		"\"L0wveC9lcA==\""
		"}},{\"request_range\":{\"key\":\"L0wveC9ub25l\"}}]}");
	mkt_buf_clear(&b);
	memset(&txn, 0, sizeof(txn));
	txn.ncmps = txn.nthen = 1;
	txn.cmp[0].rev = UINT64_MAX;
	snprintf(txn.cmp[0].key, sizeof(txn.cmp[0].key), "%s", "ep");
	txn.then[0].kind = MKT_KV_DELETE_RANGE;
	snprintf(txn.then[0].key, sizeof(txn.then[0].key), "%s", "a/");
	snprintf(txn.then[0].end, sizeof(txn.then[0].end), "%s", "b");
	etcd_put_txn(&b, P, &txn, 0);
	assert_string_equal(mkt_buf_str(&b),
			    "{\"compare\":[{\"key\":\"L0wveC9lcA==\",\"target\":\"MOD\",\"result\":"
			    "\"EQUAL\",\"mod_revision\":\"18446744073709551615\"}],\"success\":[{"
			    "\"request_delete_range\":{\"key\":\"L0wveC9hLw==\",\"range_end\":"
			    "\"L0wveC9i\"}}],\"failure\":[]}");
	mkt_buf_clear(&b);
	etcd_put_login(&b, "a\"b", "p\\w");
	assert_string_equal(mkt_buf_str(&b), "{\"name\":\"a\\\"b\",\"password\":\"p\\\\w\"}");
	mkt_buf_release(&b);
}

static void both_branches_are_read(void **state)
{
	struct mkt_buf room = MKT_BUF_INIT;
	struct mkt_err err;

	(void)state;
	assert_int_equal(read_txn("{" HEAD ",\"succeeded\":true,\"responses\":[" PUT
				  "," RANGE(EP "," LIVE) "]}",
				  &room, &err),
			 0);
	assert_int_equal(answer.outcome, MKT_KV_DONE);
	assert_int_equal(answer.revision, 4);
	assert_int_equal(answer.npairs, 2);
	assert_string_equal(answer.pairs[0].key, "ep");
	assert_int_equal(answer.pairs[0].mod, 2);
	assert_int_equal(answer.pairs[0].len, 2);
	assert_memory_equal(answer.pairs[0].value, "v1", 2);
	assert_string_equal(answer.pairs[1].key, "live");
	assert_int_equal(
		read_txn("{" HEAD ",\"responses\":[" RANGE(
				 EP) ","
				     "{\"response_range\":{\"header\":{\"revision\":\"2\"}}}]}",
			 &room, &err),
		0);
	assert_int_equal(answer.outcome, MKT_KV_ELSE);
	assert_int_equal(answer.npairs, 1);
	mkt_buf_release(&room);
}

/* A pair of @i with a key and a value of so many bytes. */
static void add_pair(struct mkt_buf *text, unsigned i, int key, size_t value)
{
	static uint8_t zeros[MKT_KV_VALUE_MAX + 1];
	char name[256];
	int n = snprintf(name, sizeof(name), P "%0*u", key, i);

	mkt_buf_addf(text, "%s{\"mod_revision\":\"2\",\"key\":\"", i ? "," : "");
	mkt_base64_put(text, name, (size_t)n);
	mkt_buf_addstr(text, "\",\"value\":\"");
	mkt_base64_put(text, zeros, value);
	mkt_buf_addstr(text, "\"}");
}

static void answers_to_other_questions_are_none(void **state)
{
	static const char *const bad[] = {
		"",
		"garbage",
		"[]",
		"null",
		"{}",
		"{\"header\":3}",
		"{\"header\":{}}",
		"{" HEAD "}",
		"{" HEAD ",\"succeeded\":\"true\",\"responses\":[]}",
		"{" HEAD ",\"succeeded\":true,\"responses\":[" PUT "]}",
		"{" HEAD ",\"succeeded\":true,\"responses\":[" PUT "," PUT "]}",
		"{" HEAD ",\"succeeded\":true,\"responses\":[" PUT "," PUT "," PUT "]}",
		"{" HEAD ",\"succeeded\":true,\"responses\":{}}",
		/* keys in the wrong order, twice, without revision, of others, of no prefix */
		"{" HEAD ",\"succeeded\":true,\"responses\":[" PUT "," RANGE(LIVE "," EP) "]}",
		"{" HEAD ",\"succeeded\":true,\"responses\":[" PUT "," RANGE(EP "," EP) "]}",
		"{" HEAD
		",\"responses\":[" RANGE("{\"key\":\"L0wveC9lcA==\"}") ","
								       "{\"response_range\":{}}]}",
		"{" HEAD ",\"responses\":[" RANGE(LIVE) ",{\"response_range\":{}}]}",
		"{" HEAD ",\"responses\":[" RANGE("{\"key\":\"L00veC9lcA==\",\"mod_revision\":"
						  "\"2\"}") ",{\"response_range\":{}}]}",
		"{" HEAD ",\"responses\":[" RANGE(
			"{\"key\":\"L0wveC8=\",\"mod_revision\":\"2\"}") ",{\"response_range\":{}}]"
									 "}",
		/* no base64; a negative, a fractional, a huge number; not an object */
		"{" HEAD ",\"responses\":[" RANGE("{\"key\":\"L0wveC9lcA=\",\"mod_revision\":"
						  "\"2\"}") ",{\"response_range\":{}}]}",
		"{" HEAD ",\"responses\":[" RANGE("{\"key\":\"L0wveC9lcA==\",\"mod_revision\":\"-"
						  "2\"}") ",{\"response_range\":{}}]}",
		"{" HEAD ",\"responses\":[" RANGE(
			"{\"key\":\"L0wveC9lcA==\",\"mod_revision\":2.5}") ",{\"response_range\":{}"
									   "}]}",
		"{" HEAD
		",\"responses\":[" RANGE("{\"key\":\"L0wveC9lcA==\",\"mod_revision\":"
					 "\"18446744073709551616\"}") ",{\"response_range\":{}}]}",
		"{" HEAD ",\"responses\":[" RANGE("7") ",{\"response_range\":{}}]}",
		"{" HEAD ",\"responses\":[[],[]]}",
	};
	struct mkt_buf room = MKT_BUF_INIT, text = MKT_BUF_INIT;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		if (read_txn(bad[i], &room, &err) >= 0)
			fail_msg("taken: %s", bad[i]);
	/* A key and a value that are too long, too many pairs. */
	for (unsigned which = 0; which < 3; which++) {
		mkt_buf_clear(&text);
		mkt_buf_addstr(&text, "{" HEAD ",\"succeeded\":true,\"responses\":[" PUT
				      ",{\"response_range\":{\"kvs\":[");
		for (unsigned i = 0; i <= (which == 2 ? MKT_KV_PAIRS_MAX : 0); i++)
			add_pair(&text, i, which == 0 ? MKT_KV_KEY_MAX + 1 : 4,
				 which == 1 ? MKT_KV_VALUE_MAX + 1 : 1);
		mkt_buf_addstr(&text, "]}}]}");
		assert_int_equal(read_txn(mkt_buf_str(&text), &room, &err), -MKT_ELIMIT);
	}
	mkt_buf_release(&text);
	mkt_buf_release(&room);
}

static void the_stream_is_read_line_by_line(void **state)
{
	static const char events[] =
		"{\"result\":{" HEAD ",\"events\":[{\"kv\":" EP
		"},{\"type\":\"DELETE\",\"kv\":{\"key\":"
		"\"L0wveC9lcA==\",\"mod_revision\":\"3\"}},{\"kv\":" LIVE "}]}}";
	static const char compacted[] =
		"{\"result\":{\"header\":{\"cluster_id\":\"1\",\"raft_term\":"
		"\"2\"},\"canceled\":true,\"compact_revision\":\"3\"}}";
	static const char denied[] =
		"{\"result\":{" HEAD ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,"
		"\"cancel_reason\":\"rpc error: code = PermissionDenied desc = etcdserver: "
		"permission "
		"denied\"}}";
	struct mkt_buf room = MKT_BUF_INIT;
	struct etcd_head head;
	struct etcd_news news;
	struct seen s = {0};
	struct mkt_err err;

	(void)state;
	assert_int_equal(
		etcd_read_news(events, strlen(events), P, &room, take, &s, &head, &news, &err), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.v[1].key, "ep");
	assert_true(s.v[1].deleted && !s.v[2].deleted);
	assert_int_equal(news.last, 4);
	assert_true(!news.created && !news.canceled);
	assert_int_equal(etcd_read_news(compacted, strlen(compacted), P, &room, take, &s, &head,
					&news, &err),
			 0);
	assert_true(news.canceled);
	assert_int_equal(news.compacted, 3);
	assert_int_equal(
		etcd_read_news(denied, strlen(denied), P, &room, take, &s, &head, &news, &err), 0);
	assert_true(news.canceled && !news.compacted && strstr(news.reason, "permission denied"));
	assert_true(etcd_read_news("{\"error\":{\"grpc_code\":14}}", 26, P, &room, take, &s, &head,
				   &news, &err) < 0);
	assert_int_equal(s.n, 3);
	mkt_buf_release(&room);
}

static void leases_and_tokens(void **state)
{
	static const char granted[] = "{" HEAD ",\"ID\":\"4711\",\"TTL\":\"3\"}";
	static const char alive[] = "{\"result\":{" HEAD ",\"ID\":\"4711\",\"TTL\":\"3\"}}";
	static const char gone[] = "{\"result\":{" HEAD ",\"ID\":\"4712\"}}";
	static const char login[] = "{" HEAD ",\"token\":\"ubZHyrHpasDvgMeE.23\"}";
	static const char split[] = "{" HEAD ",\"token\":\"a\\r\\nX: y\"}";
	char token[ETCD_TOKEN_MAX];
	struct etcd_head head;
	uint64_t id, ttl;

	(void)state;
	assert_int_equal(etcd_read_lease(granted, strlen(granted), &head, &id, &ttl, NULL), 0);
	assert_true(id == 4711 && ttl == 3 && head.cluster == 9501190629532374559ull);
	assert_int_equal(etcd_read_lease(alive, strlen(alive), &head, &id, &ttl, NULL), 0);
	assert_true(id == 4711 && ttl == 3);
	assert_int_equal(etcd_read_lease(gone, strlen(gone), &head, &id, &ttl, NULL), 0);
	assert_true(id == 4712 && !ttl);
	assert_int_equal(etcd_read_login(login, strlen(login), &head, token, NULL), 0);
	assert_string_equal(token, "ubZHyrHpasDvgMeE.23");
	assert_true(etcd_read_login(split, strlen(split), &head, token, NULL) < 0);
}

static void refusals_tell_whether_it_was_done(void **state)
{
	static const struct {
		long status;
		const char *text;
		enum etcd_refusal what;
	} t[] = {
		{404, "{\"error\":\"etcdserver: requested lease not found\",\"code\":5}",
		 ETCD_NOT_DONE},
		{429, "{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}",
		 ETCD_NOT_DONE},
		{403, "{\"error\":\"etcdserver: permission denied\",\"code\":7}", ETCD_NOT_DONE},
		{400, "{\"error\":\"etcdserver: duplicate key given in txn request\",\"code\":3}",
		 ETCD_NOT_DONE},
		{401, "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}", ETCD_TOKEN},
		{400, "{\"error\":\"etcdserver: user name is empty\",\"code\":3}", ETCD_TOKEN},
		{412, "{\"error\":\"etcdserver: authentication is not enabled\",\"code\":9}",
		 ETCD_NO_LOGIN},
		{400,
		 "{\"error\":\"etcdserver: mvcc: required revision has been "
		 "compacted\",\"code\":11}",
		 ETCD_GAP},
		{503, "{\"error\":\"etcdserver: request timed out\",\"code\":14}", ETCD_UNSURE},
		{503, "{\"error\":\"etcdserver: leader changed\",\"code\":14}", ETCD_UNSURE},
		{429, "{\"error\":\"grpc: received message larger than max\",\"code\":8}",
		 ETCD_UNSURE},
		{503, "<html>Service Unavailable</html>", ETCD_UNSURE},
		{401, "", ETCD_UNSURE},
		{400, "{\"error\":[],\"code\":{}}", ETCD_UNSURE},
	};
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
		assert_int_equal(etcd_read_refusal(t[i].status, t[i].text, strlen(t[i].text), &err),
				 t[i].what);
	assert_string_equal(err.text, "status 400");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_what_etcd_reads),
		cmocka_unit_test(both_branches_are_read),
		cmocka_unit_test(answers_to_other_questions_are_none),
		cmocka_unit_test(the_stream_is_read_line_by_line),
		cmocka_unit_test(leases_and_tokens),
		cmocka_unit_test(refusals_tell_whether_it_was_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
