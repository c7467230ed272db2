/*
 * Sockets to listen on: "/run/mkt/ledgerd.sock", "127.0.0.1:7460", "[::1]:7460".
 */
#ifndef LEDGERD_LISTEN_H
#define LEDGERD_LISTEN_H

#include "core/base/err.h"

/*
 * A socket, not blocking, in *@fd, which the caller closes.  -MKT_ELOCKED: taken;
 * -MKT_EINVAL: no such place; -MKT_EIO.  A unix socket that a crash left is replaced.
 */
int ld_listen_unix(const char *path, uint32_t mode, int *fd, struct mkt_err *err) MKT_MUST_CHECK;
int ld_listen_tcp(const char *text, int *fd, struct mkt_err *err) MKT_MUST_CHECK;

#endif
