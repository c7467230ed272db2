/*
 * ledgerd.conf: what the operator of a node sets (ledgerd.conf(5)).
 *
 *   [node]       role dir socket socket_mode listen threads
 *   [authority]  key
 *   [limits]     connections body_bytes
 *   [disk]       alarm_free refuse_free
 */
#ifndef LEDGERD_CONF_H
#define LEDGERD_CONF_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define LD_PATH_MAX 256

struct ld_conf {
	char dir[LD_PATH_MAX];	    /* of the chain */
	char socket[LD_PATH_MAX];   /* unix socket; "": none */
	char listen[LD_PATH_MAX];   /* address:port, [address]:port; "": none */
	char key[LD_PATH_MAX];	    /* the authority's key file */
	uint32_t socket_mode;	    /* permissions of the socket */
	uint32_t threads;	    /* that answer HTTP, for each listener */
	uint32_t connections;	    /* at once, for each listener */
	uint64_t body_bytes;	    /* of one request; at most MKT_BODY_BYTES_MAX */
	uint64_t alarm_free_bytes;  /* warn below this */
	uint64_t refuse_free_bytes; /* refuse new bids below this */
};

/* Built-in values; @dir and @key stay empty. */
void ld_conf_init(struct ld_conf *c);

/* One setting; -MKT_EINVAL names it and what was expected. */
int ld_conf_set(struct ld_conf *c, const char *section, const char *name, const char *value,
		struct mkt_err *err) MKT_MUST_CHECK;

/* Read a file over the built-in values.  -MKT_EINVAL with the line, -MKT_EIO. */
int ld_conf_read(struct ld_conf *c, const char *path, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * What must hold between settings: a directory, a key, at least one listener, places
 * that can be listened on, watermarks in order.
 */
int ld_conf_check(const struct ld_conf *c, struct mkt_err *err) MKT_MUST_CHECK;

#endif
