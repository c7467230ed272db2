/*
 * The bytes of etcd's JSON gateway: requests written, answers read.  No network here.
 * Private to core/wire.
 *
 * Keys given and returned are those below @prefix.  Readers return 0, or -MKT_EINVAL (not
 * what was asked for), -MKT_ELIMIT or -MKT_ENOMEM.  Integers of 64 bits are text in JSON,
 * fields that are zero are left out.
 *
 * Source: etcd 3.4 api/etcdserverpb/rpc.proto through grpc-gateway; answers recorded from 3.4.23.
 */
#ifndef MKT_WIRE_ETCD_JSON_H
#define MKT_WIRE_ETCD_JSON_H

#include "core/quorum/kv.h"

#define ETCD_PAGE 256 /* pairs of one reading of the prefix */
#define ETCD_TOKEN_MAX 1024

/* What the answer to a transaction is checked against: [0] its @els, [1] its @then. */
struct etcd_asked {
	uint8_t n[2];
	uint8_t kind[2][MKT_KV_OPS_MAX];
	char key[2][MKT_KV_OPS_MAX][MKT_KV_KEY_MAX + 1];
};

void etcd_ask(struct etcd_asked *asked, const struct mkt_kv_txn *t);

void etcd_put_txn(struct mkt_buf *out, const char *prefix, const struct mkt_kv_txn *t,
		  uint64_t lease);
/* A page of all pairs, behind the key @after (or ""), at @revision (0: now). */
void etcd_put_page(struct mkt_buf *out, const char *prefix, const char *after, uint64_t revision);
void etcd_put_watch(struct mkt_buf *out, const char *prefix, uint64_t revision);
void etcd_put_grant(struct mkt_buf *out, uint32_t ttl_s);
void etcd_put_lease(struct mkt_buf *out, uint64_t lease); /* keep alive, and revoke */
void etcd_put_login(struct mkt_buf *out, const char *user, const char *password);

/* What every answer may tell besides its own matter. */
struct etcd_head {
	uint64_t cluster, revision;
};

/* Pairs of *@a point into @room, until it is changed. */
int etcd_read_txn(const void *p, size_t n, const char *prefix, const struct etcd_asked *asked,
		  struct mkt_buf *room, struct mkt_kv_answer *a, struct etcd_head *head,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* As it comes; the pair lives until the call returns. */
typedef void etcd_pair_fn(void *ctx, const struct mkt_kv_pair *p);

/* @last: the last key of the page, if there is @more. */
int etcd_read_page(const void *p, size_t n, const char *prefix, struct mkt_buf *room,
		   etcd_pair_fn *fn, void *ctx, struct etcd_head *head, bool *more,
		   char last[MKT_KV_KEY_MAX + 1], struct mkt_err *err) MKT_MUST_CHECK;

struct etcd_news {
	bool created, canceled, fragment;
	uint64_t compacted; /* canceled, because history begins here */
	uint64_t last;	    /* the greatest revision of the events; 0: none */
	char reason[160];   /* of canceled */
};

/* One line of the stream. */
int etcd_read_news(const void *p, size_t n, const char *prefix, struct mkt_buf *room,
		   etcd_pair_fn *fn, void *ctx, struct etcd_head *head, struct etcd_news *news,
		   struct mkt_err *err) MKT_MUST_CHECK;

/* A lease granted or kept alive: its number and time left, 0: it is gone. */
int etcd_read_lease(const void *p, size_t n, struct etcd_head *head, uint64_t *lease,
		    uint64_t *ttl_s, struct mkt_err *err) MKT_MUST_CHECK;

int etcd_read_login(const void *p, size_t n, struct etcd_head *head, char token[ETCD_TOKEN_MAX],
		    struct mkt_err *err) MKT_MUST_CHECK;

enum etcd_refusal {
	ETCD_UNSURE,   /* it may have been done */
	ETCD_NOT_DONE, /* a reason that is found before anything is done */
	ETCD_TOKEN,    /* not done: the token is not valid any more */
	ETCD_NO_LOGIN, /* not done: this etcd knows no users */
	ETCD_GAP,      /* not done: the revision is compacted */
};

/* An answer whose status is not 200.  @err gets etcd's words. */
enum etcd_refusal etcd_read_refusal(long status, const void *p, size_t n, struct mkt_err *err);

#endif
