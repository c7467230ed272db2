/*
 * Answers of etcd.  The first byte says which reader: a transaction (with the questions
 * that the second byte names), a page, a line of the watch, a lease, a token, a refusal.
 */
#include "core/base/compat.h"

#include "core/wire/etcd_json.h"
#include "tests/fuzz/fuzz.h"

#define P "/L/x/"

static void check_pair(const struct mkt_kv_pair *p)
{
	size_t n = strnlen(p->key, MKT_KV_KEY_MAX + 1);
	uint8_t sum = 0;

	FUZZ_CHECK(n && n <= MKT_KV_KEY_MAX && p->len <= MKT_KV_VALUE_MAX && p->mod);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(p->key[i] > ' ' && p->key[i] <= '~');
	for (uint32_t i = 0; i < p->len; i++)
		sum = (uint8_t)(sum + p->value[i]); /* all of it is there */
	FUZZ_CHECK(sum <= UINT8_MAX);
}

static void take(void *ctx, const struct mkt_kv_pair *p)
{
	++*(unsigned *)ctx;
	check_pair(p);
}

static void txn(uint8_t what, const uint8_t *data, size_t size, struct mkt_buf *room)
{
	static struct mkt_kv_answer a;
	struct etcd_asked asked = {{2, 2},
				   {{MKT_KV_GET, MKT_KV_GET}, {MKT_KV_PUT, MKT_KV_PREFIX}},
				   {{"ep", "none"}, {"ep", ""}}};
	struct etcd_head head;

	if (what & 1)
		asked.kind[1][0] = MKT_KV_DELETE_RANGE;
	if (what & 2)
		memcpy(asked.key[1][1], "a/", 3);
	if (etcd_read_txn(data, size, P, &asked, room, &a, &head, NULL))
		return;
	FUZZ_CHECK(a.outcome == MKT_KV_DONE || a.outcome == MKT_KV_ELSE);
	FUZZ_CHECK(a.npairs <= MKT_KV_PAIRS_MAX && head.cluster);
	FUZZ_CHECK(a.outcome == MKT_KV_DONE || a.npairs <= 2);
	for (unsigned i = 0; i < a.npairs; i++) {
		check_pair(&a.pairs[i]);
		if (a.outcome == MKT_KV_ELSE)
			FUZZ_CHECK(!strcmp(a.pairs[i].key, "ep") ||
				   !strcmp(a.pairs[i].key, "none"));
		else if (what & 2)
			FUZZ_CHECK(!strncmp(a.pairs[i].key, "a/", 2));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_buf room = MKT_BUF_INIT;
	char last[MKT_KV_KEY_MAX + 1] = "", token[ETCD_TOKEN_MAX];
	struct etcd_head head;
	struct etcd_news news;
	unsigned n = 0;
	uint64_t lease, ttl;
	bool more;

	if (size < 2)
		return 0;
	switch (data[0]) {
	case '0':
		txn(data[1], data + 2, size - 2, &room);
		break;
	case '1':
		if (!etcd_read_page(data + 2, size - 2, P, &room, take, &n, &head, &more, last,
				    NULL))
			FUZZ_CHECK(n || !more);
		break;
	case '2':
		if (!etcd_read_news(data + 2, size - 2, P, &room, take, &n, &head, &news, NULL))
			FUZZ_CHECK(!n == !news.last);
		break;
	case '3':
		if (!etcd_read_lease(data + 2, size - 2, &head, &lease, &ttl, NULL))
			FUZZ_CHECK(lease && lease <= INT64_MAX);
		break;
	case '4':
		if (!etcd_read_login(data + 2, size - 2, &head, token, NULL))
			FUZZ_CHECK(*token && !strpbrk(token, " \r\n"));
		break;
	default:
		(void)etcd_read_refusal(400, data + 2, size - 2, NULL);
	}
	mkt_buf_release(&room);
	return 0;
}
