/*
 * What client and stream share: addresses, the loop that drives one transfer
 * against a deadline, and curl's errors in our words.  Private to core/wire.
 */
#ifndef MKT_WIRE_HTTP_H
#define MKT_WIRE_HTTP_H

#include <curl/curl.h>

#include "core/wire/client.h"

#define MKT_NEVER UINT64_MAX

uint64_t mkt_mono_ms(void);

struct mkt_http {
	struct mkt_client_conf conf; /* texts owned below */
	char *server;
	char *agent;
	char *base;		       /* "http://localhost" in front of a path */
	char *unix_path;	       /* NULL: TCP */
	char *tls_texts;	       /* those of conf.tls */
	struct curl_slist *connect_to; /* of https with a name other than the host's, or NULL */
	CURLM *multi;
	CURL *easy;
	char why[CURL_ERROR_SIZE]; /* curl's own words on the last failure, or "" */
	bool stopped;
	bool asked, signs; /* the server wanted signed reads; we can */
	struct mkt_reader reader;
};

/* ---- TLS (tls.c) ---- */

/* Copy the texts of @from; @to points into *@texts, which free() frees.  -MKT_ENOMEM. */
int mkt_tls_copy(const struct mkt_tls *from, struct mkt_tls *to, char **texts) MKT_MUST_CHECK;

/*
 * The address to ask for when the server at @base ("https://host:port/x") must be the one
 * named @name: *@url has the name in it, *@to tells curl where it is.  -MKT_ENOMEM.
 */
int mkt_tls_rename(const char *base, const char *name, char **url,
		   struct curl_slist **to) MKT_MUST_CHECK;

void mkt_tls_apply(CURL *e, const struct mkt_tls *tls);

/*
 * If @res is a failure of TLS between us and @server: fill @err and return true.
 * -MKT_EUNAVAILABLE: it is not believed; -MKT_EDENIED: it does not believe us;
 * -MKT_EUSAGE: our own files.  Nothing was applied in the last two.
 */
bool mkt_tls_failure(CURL *e, CURLcode res, const char *server, const struct mkt_tls *tls,
		     const char *why, struct mkt_err *err);

/* ---- transfers (http.c) ---- */

int mkt_http_init(struct mkt_http *h, const struct mkt_client_conf *conf,
		  struct mkt_err *err) MKT_MUST_CHECK;
void mkt_http_release(struct mkt_http *h);

/* Add @line to *@headers (NULL: none yet), which stays its caller's.  -MKT_ENOMEM. */
int mkt_http_header(struct curl_slist **headers, const char *line,
		    struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Add 'Authorization' to *@headers (NULL: none yet) if requests are signed by now.
 * -MKT_ENOMEM, -MKT_ELIMIT.
 */
int mkt_http_sign(struct mkt_http *h, const char *method, const char *path,
		  struct curl_slist **headers, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * A request was refused with @status: true if that was for want of a signature and
 * from now on there is one, so that it should be sent again at once.
 */
bool mkt_http_challenged(struct mkt_http *h, long status);

/* Forget the options of the last request and set those of every request. */
int mkt_http_prepare(struct mkt_http *h, const char *path, struct mkt_err *err) MKT_MUST_CHECK;

enum mkt_drive { MKT_DRIVE_DONE, MKT_DRIVE_LATE, MKT_DRIVE_STOPPED };

/*
 * Drive the transfer that was added to the multi handle until it is done, until
 * @until_ms (monotonic), until conf.stop, or until *@enough is true (NULL: never;
 * also DONE).  *@res is curl's result once the transfer itself is over, else CURLE_AGAIN.
 */
enum mkt_drive mkt_http_drive(struct mkt_http *h, uint64_t until_ms, const bool *enough,
			      CURLcode *res);

/* Sleep, at most until @until_ms; false if conf.stop came. */
bool mkt_http_pause(struct mkt_http *h, uint64_t ms, uint64_t until_ms);

/* True if not a byte of the request can have reached anybody, in none of curl's own tries. */
bool mkt_http_unsent(const struct mkt_http *h);

/*
 * "cannot reach 'unix:/x': connection refused" with code @code; for a failure of TLS as
 * mkt_tls_failure().  Returns the negative code.
 */
int mkt_http_failure(const struct mkt_http *h, CURLcode res, int code, struct mkt_err *err);

void mkt_http_trace(const struct mkt_http *h, const char *fmt, ...) MKT_PRINTF(2, 3);

#endif
