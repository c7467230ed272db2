/*
 * TLS of the daemon's listeners, 1.2 or later; the only file that knows gnutls.
 *
 * Files are read when a listener starts and again by ld_tls_reload(); connections
 * that stand keep what they began with.  Where clients must show who they are, one
 * is refused within the handshake: without a certificate, with one that does not
 * chain to the CA for TLS clients, is expired, or has the name of no [peer NAME].
 * A name is a DNS name of the certificate or, if it has none, its CN.  There is no
 * resumption, so every connection is checked.
 */
#ifndef LEDGERD_TLS_H
#define LEDGERD_TLS_H

#include "ledgerd/conf.h"

#define LD_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct ld_tls;

struct ld_tls_files {
	const char *cert, *key;
	const char *ca; /* of clients; NULL: they need no certificate */
};

/* @conf names the peers and is borrowed, @files' texts too.  -MKT_EIO names the file. */
int ld_tls_new(const struct ld_tls_files *files, const struct ld_conf *conf, struct ld_tls **out,
	       struct mkt_err *err) MKT_MUST_CHECK;
void ld_tls_free(struct ld_tls *t); /* after all its connections */

/* Read the files again; on an error the old ones stay.  Any thread. */
int ld_tls_reload(struct ld_tls *t, struct mkt_err *err) MKT_MUST_CHECK;

/* One connection; at a fixed place until ld_tls_conn_end(). */
struct ld_tls_conn {
	struct ld_tls *tls;
	struct ld_tls_creds *creds;
	const struct ld_named *peer; /* who it is, once hands are shaken; NULL: not asked */
};

/* Before the handshake of @session, a gnutls_session_t.  -MKT_EIO. */
int ld_tls_conn_begin(struct ld_tls_conn *c, struct ld_tls *t, void *session) MKT_MUST_CHECK;
void ld_tls_conn_end(struct ld_tls_conn *c); /* after the session's last use */

/*
 * A callback for servers that want one for certificates before they know a connection.
 * It has none: ld_tls_conn_begin() comes first.
 */
void *ld_tls_no_certificate(void);

#endif
