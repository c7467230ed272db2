/*
 * ledgerd.conf: what the operator of a node sets (ledgerd.conf(5)).
 *
 *   [node]       role dir socket socket_mode listen threads tls_cert tls_key
 *   [authority]  key
 *   [upstream]   urls chain from_genesis     fullnode: where blocks come from and transactions go
 *   [peers]      listen cert key ca          mutual TLS between nodes
 *   [peer NAME]  url                         a node that may connect: NAME is in its certificate
 *   [etcd]       endpoints ca cert key user password_file
 *   [limits]     connections connections_per_address body_bytes streams
 *   [disk]       alarm_free refuse_free alarm_command keep_days archive
 */
#ifndef LEDGERD_CONF_H
#define LEDGERD_CONF_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/crypto/hash.h"

#define LD_PATH_MAX 256
#define LD_URLS_MAX 1024  /* of a list of addresses, separated by spaces */
#define LD_NAMED_MAX 64	  /* peers */

enum ld_role { LD_SOLO, LD_FULLNODE, LD_AUTHORITY };

struct ld_named { /* a peer of mutual TLS */
	char name[MKT_NAME_MAX + 1];
	char url[LD_PATH_MAX]; /* ""; it only calls us */
};

struct ld_conf {
	enum ld_role role;
	char dir[LD_PATH_MAX];	    /* of the chain */
	char socket[LD_PATH_MAX];   /* unix socket; "": none */
	char listen[LD_PATH_MAX];   /* address:port, [address]:port; "": none */
	bool listen_set;	    /* said, not built in */
	char key[LD_PATH_MAX];	    /* the authority's key file */
	uint32_t socket_mode;	    /* permissions of the socket */
	uint32_t threads;	    /* that answer HTTP, for each listener */
	uint32_t connections;	    /* at once, for each listener */
	uint64_t body_bytes;	    /* of one request; at most MKT_BODY_BYTES_MAX */
	uint64_t alarm_free_bytes;  /* warn below this */
	uint64_t refuse_free_bytes; /* refuse new bids below this */
	char alarm_command[LD_PATH_MAX]; /* run by sh when an alarm begins or ends; "": none */
	uint32_t keep_days;	    /* bodies older than this go to the archive; 0: all stay */
	char archive[LD_PATH_MAX];  /* directory of archive files; "": DIR/archive */
	char tls_cert[LD_PATH_MAX], tls_key[LD_PATH_MAX]; /* of @listen; "": plain HTTP */
	char upstream[LD_URLS_MAX]; /* "https://a1:7461 https://full1:7460", in order of liking */
	char upstream_chain[2 * MKT_HASH_LEN + 1]; /* id of the chain to follow; "": as they say */
	bool from_genesis;	    /* an empty node executes all blocks and takes no snapshot */
	char peer_listen[LD_PATH_MAX], peer_cert[LD_PATH_MAX], peer_key[LD_PATH_MAX],
		peer_ca[LD_PATH_MAX];
	struct ld_named peers[LD_NAMED_MAX];
	uint32_t npeers;
	char etcd_endpoints[LD_URLS_MAX]; /* "": none; an authority alone needs none */
	char etcd_ca[LD_PATH_MAX], etcd_cert[LD_PATH_MAX], etcd_key[LD_PATH_MAX];
	char etcd_user[MKT_NAME_MAX + 1], etcd_password_file[LD_PATH_MAX];
	uint32_t connections_per_address; /* 0: no bound of its own */
	uint32_t streams;	    /* open at once */
};

/* Built-in values; @dir and @key stay empty.  An authority's @listen is empty by itself. */
void ld_conf_init(struct ld_conf *c);

/*
 * One setting; @section of a peer is "peer NAME".  -MKT_EINVAL names it and what was
 * expected.
 */
int ld_conf_set(struct ld_conf *c, const char *section, const char *name, const char *value,
		struct mkt_err *err) MKT_MUST_CHECK;

/* Read a file over the built-in values.  -MKT_EINVAL with the line, -MKT_EIO. */
int ld_conf_read(struct ld_conf *c, const char *path, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * What must hold between settings: a directory, what the role needs and none of what it
 * may not have, places that can be listened on, files that belong together, watermarks
 * in order (conf_check.c).
 */
int ld_conf_check(const struct ld_conf *c, struct mkt_err *err) MKT_MUST_CHECK;

/* The peer of @name, letters compared without case; NULL: none. */
const struct ld_named *ld_conf_peer(const struct ld_conf *c, const char *name);

#endif
