#include "core/base/compat.h"

#include "core/wire/http.h"

/* Bits of CURLINFO_SSL_VERIFYRESULT as GnuTLS gives them (gnutls_certificate_status_t). */
#define VERIFY_REVOKED (1L << 5)
#define VERIFY_NO_SIGNER (1L << 6)
#define VERIFY_NOT_YET (1L << 9)
#define VERIFY_EXPIRED (1L << 10)

int mkt_tls_copy(const struct mkt_tls *from, struct mkt_tls *to, char **texts)
{
	const char *in[] = {from->ca, from->cert, from->key, from->name};
	const char **out[] = {&to->ca, &to->cert, &to->key, &to->name};
	size_t n = 1;
	char *at;

	for (unsigned i = 0; i < MKT_ARRAY_SIZE(in); i++)
		n += in[i] ? strlen(in[i]) + 1 : 0;
	at = *texts = malloc(n);
	if (!at)
		return -MKT_ENOMEM;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(in); i++) {
		/* An empty setting is one that is not set. */
		*out[i] = in[i] && *in[i] ? at : NULL;
		if (*out[i])
			at = (char *)memcpy(at, in[i], strlen(in[i]) + 1) + strlen(in[i]) + 1;
	}
	return 0;
}

int mkt_tls_rename(const char *base, const char *name, char **url, struct curl_slist **to)
{
	const char *host = base + strlen("https://"), *end = host + strcspn(host, "/");
	const char *bracket = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
	const char *colon =
		memchr(bracket ? bracket : host, ':', (size_t)(end - (bracket ? bracket : host)));
	int hostlen = (int)((colon ? colon : end) - host);
	struct mkt_buf b = MKT_BUF_INIT;

	*to = NULL;
	mkt_buf_addf(&b, "::%.*s:", hostlen, host);
	if (!b.bad)
		*to = curl_slist_append(NULL, mkt_buf_str(&b));
	mkt_buf_clear(&b);
	mkt_buf_addf(&b, "https://%s%s", name, host + hostlen);
	if (b.bad || !*to) {
		mkt_buf_release(&b);
		curl_slist_free_all(*to);
		*to = NULL;
		return -MKT_ENOMEM;
	}
	*url = (char *)mkt_buf_take(&b, NULL);
	return 0;
}

void mkt_tls_apply(CURL *e, const struct mkt_tls *tls)
{
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (tls->ca) {
		/* Those of the system are believed no more. */
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(e, CURLOPT_CAINFO, tls->ca);
	}
	if (tls->cert) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, tls->cert);
		curl_easy_setopt(e, CURLOPT_SSLKEY, tls->key ? tls->key : tls->cert);
	}
}

/* The server's certificate did not convince. */
static void not_believed(CURL *e, const char *server, const char *why, struct mkt_err *err)
{
	long bits = 0;

	curl_easy_getinfo(e, CURLINFO_SSL_VERIFYRESULT, &bits);
	if (strstr(why, "subject name")) {
		mkt_err_set(err, MKT_EUNAVAILABLE, "the certificate of '%s' is for another name",
			    server);
		mkt_err_hint(err, "check the address; core.tls_name may give the name it has");
	} else if (bits & VERIFY_NO_SIGNER) {
		mkt_err_set(err, MKT_EUNAVAILABLE, "the certificate of '%s' is of an unknown CA",
			    server);
		mkt_err_hint(err, "core.tls_ca names the file of the CA to believe");
	} else if (bits & (VERIFY_EXPIRED | VERIFY_NOT_YET)) {
		mkt_err_set(err, MKT_EUNAVAILABLE, "the certificate of '%s' %s", server,
			    bits & VERIFY_EXPIRED ? "has expired" : "is not valid yet");
		mkt_err_hint(err, "check this machine's clock; else the operator must renew it");
	} else if (bits & VERIFY_REVOKED) {
		mkt_err_set(err, MKT_EUNAVAILABLE, "the certificate of '%s' is revoked", server);
		mkt_err_hint(err, "tell the operator");
	} else {
		mkt_err_set(err, MKT_EUNAVAILABLE, "the certificate of '%s' is not valid: %s",
			    server, why);
		mkt_err_hint(err, "core.tls_ca names the file of the CA to believe");
	}
}

/* The server ended the handshake over our certificate, or for the lack of one. */
static void refused(const char *server, const struct mkt_tls *tls, struct mkt_err *err)
{
	if (tls->cert)
		mkt_err_set(err, MKT_EDENIED, "'%s' does not accept the certificate '%s'", server,
			    tls->cert);
	else
		mkt_err_set(err, MKT_EDENIED, "'%s' wants a certificate", server);
	mkt_err_hint(err, tls->cert ? "it may have expired, or be of another CA or name"
				    : "core.tls_cert and core.tls_key name its files");
}

/*
 * From TLS 1.3 on a client that is not accepted hears of it when it reads the answer.  Only
 * the first request of a connection can meet that.
 */
static bool late_refusal(CURL *e, CURLcode res, const char *server)
{
	long made = 0, status = 0;

	if ((res != CURLE_RECV_ERROR && res != CURLE_SEND_ERROR) || strncmp(server, "https:", 6))
		return false;
	curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &made);
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	return made == 1 && !status;
}

bool mkt_tls_failure(CURL *e, CURLcode res, const char *server, const struct mkt_tls *tls,
		     const char *why, struct mkt_err *err)
{
	if (res == CURLE_PEER_FAILED_VERIFICATION) {
		not_believed(e, server, why, err);
	} else if (res == CURLE_SSL_CACERT_BADFILE) {
		mkt_err_set(err, MKT_EUSAGE, "cannot read the CA file '%s'",
			    tls->ca ? tls->ca : "of the system");
		mkt_err_hint(err, "it must hold certificates in PEM; see core.tls_ca");
	} else if (res == CURLE_SSL_CERTPROBLEM || strstr(why, "error reading X.509")) {
		mkt_err_set(err, MKT_EUSAGE, "cannot use the certificate '%s' with the key '%s'",
			    tls->cert ? tls->cert : "", tls->key ? tls->key : "in it");
		mkt_err_hint(err, "both must be PEM files that belong together");
	} else if (late_refusal(e, res, server) && !strstr(why, "fatal alert")) {
		/* The alert did not get through, or there was none: anything may have happened. */
		mkt_err_set(err, MKT_EUNAVAILABLE, "'%s' ended the connection behind the handshake",
			    server);
		mkt_err_hint(err, "it may not accept this program's certificate");
	} else if (late_refusal(e, res, server) ||
		   (res == CURLE_SSL_CONNECT_ERROR &&
		    (strcasestr(why, "certificate is") || strstr(why, "CA is unknown")))) {
		refused(server, tls, err);
	} else if (res == CURLE_SSL_CONNECT_ERROR) {
		mkt_err_set(err, MKT_EUNAVAILABLE, "TLS with '%s' failed: %s", server,
			    *why ? why : curl_easy_strerror(res));
		mkt_err_hint(err, "is it a server of https? it may want a certificate");
	} else {
		return false;
	}
	return true;
}
