/*
 * Certificate files for connections that this program opens.
 *
 * A server is believed if its certificate chains to @ca and names @name (or the
 * host of its address).  @cert and @key are shown to servers that ask for one.
 */
#ifndef MKT_WIRE_TLS_H
#define MKT_WIRE_TLS_H

struct mkt_tls {
	const char *ca;	  /* PEM file; NULL: those of the system */
	const char *cert; /* PEM file of this program; NULL: none */
	const char *key;  /* PEM file; NULL: in @cert */
	const char *name; /* name the server's certificate must have; NULL: the host's */
};

#endif
