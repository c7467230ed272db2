/*
 * The insides of core/wire/etcd.h: calls and endpoints.  etcd_call.c sends requests and
 * reads answers, etcd.c decides what is due.  Private to core/wire.
 *
 * A callback may begin a transaction in any call that is not busy: nothing of a call is
 * looked at after its callback.
 */
#ifndef MKT_WIRE_ETCD_IMPL_H
#define MKT_WIRE_ETCD_IMPL_H

#include <stdatomic.h>

#include "core/wire/etcd.h"
#include "core/wire/etcd_json.h"
#include "core/wire/http.h"

enum etcd_kind { CALL_LOGIN, CALL_WATCH, CALL_PAGE, CALL_GRANT, CALL_ALIVE, CALL_REVOKE, CALL_TXN };

/* One request and its answer.  The curl handle is kept for the next one. */
struct etcd_call {
	struct mkt_etcd *etcd;
	CURL *easy;
	uint8_t kind;
	bool busy;
	bool sent;  /* in the hands of curl; else it waits for a token */
	bool again; /* once refused for its token */
	bool long_; /* the answer passed its bound */
	bool open;  /* of a watch: created */
	unsigned endpoint;
	unsigned login; /* number of the token it was sent with */
	uint64_t begun_ms;
	uint32_t txn_id;
	struct etcd_asked asked;
	struct mkt_buf body, answer;
	struct curl_slist *headers;
	char why[CURL_ERROR_SIZE];
};

/* Calls that there is one of; transactions follow. */
enum { AT_LOGIN, AT_WATCH, AT_LEASE, AT_TXN };

struct endpoint {
	char *name, *base;
	struct curl_slist *connect_to;
};

struct mkt_etcd {
	struct mkt_etcd_calls to;
	struct mkt_tls tls;
	char *tls_texts, *user, *password, *prefix;
	uint32_t request_ms, lease_s;
	struct endpoint at[MKT_ETCD_ENDPOINTS_MAX];
	unsigned nat, now_at; /* endpoints; the one in use */
	unsigned failed;      /* bit for each endpoint since the last answer of any */
	bool lost, foreign;
	bool called; /* a callback was made in this step */
	bool moved;  /* a call ended: look again what is due */
	atomic_bool woken;
	uint64_t cluster;
	CURLM *multi;
	struct mkt_buf room; /* of pairs that are handed out */
	struct mkt_kv_answer answer;

	char token[ETCD_TOKEN_MAX];
	unsigned login; /* counts tokens */
	bool have_token, no_users;
	uint64_t login_ms; /* not before */

	uint64_t lease; /* 0: none */
	uint64_t lease_ms;

	uint64_t watch_rev; /* the next to come; 0: read all first */
	uint64_t page_rev;  /* of the reading under way */
	char page_last[MKT_KV_KEY_MAX + 1];
	uint64_t watch_ms;

	struct etcd_call calls[AT_TXN + MKT_ETCD_TXNS_MAX];
};

/* A call anew: its body is to be written. */
struct etcd_call *etcd_begin(struct mkt_etcd *e, unsigned i, uint8_t kind);

/* Give the request to curl.  -MKT_ENOMEM. */
int etcd_send(struct etcd_call *c) MKT_MUST_CHECK;

/* Take the request from curl; one that was not over loses its connection. */
void etcd_hang_up(struct etcd_call *c);

/* No answer, or one that is none: the call is over. */
void etcd_no_answer(struct etcd_call *c, const char *why);

/* Look at what came; callbacks are made here. */
void etcd_reap(struct mkt_etcd *e);

#endif
