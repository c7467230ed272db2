#include "core/base/compat.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>

#include "core/app/log.h"
#include "ledgerd/tls.h"

#define CERTS_IN_CHAIN_MAX 8
#define NAMES_MAX 32 /* of one certificate */
#define NAME_BYTES 256

/* What was read from the files; connections hold it. */
struct ld_tls_creds {
	gnutls_certificate_credentials_t cred;
	unsigned refs; /* under the mutex of @tls */
};

struct ld_tls {
	struct ld_tls_files files;
	const struct ld_conf *conf;
	pthread_mutex_t mu;
	struct ld_tls_creds *now;
};

/* ---- files ---------------------------------------------------------------------------------- */

static int read_files(const struct ld_tls_files *f, gnutls_certificate_credentials_t cred,
		      struct mkt_err *err)
{
	int res = gnutls_certificate_set_x509_key_file2(cred, f->cert, f->key, GNUTLS_X509_FMT_PEM,
							NULL, 0);

	if (res < 0)
		return mkt_err_set(err, MKT_EIO, "cannot use certificate '%s' with key '%s': %s",
				   f->cert, f->key, gnutls_strerror(res));
	if (!f->ca)
		return 0;
	res = gnutls_certificate_set_x509_trust_file(cred, f->ca, GNUTLS_X509_FMT_PEM);
	if (res < 0)
		return mkt_err_set(err, MKT_EIO, "cannot use '%s': %s", f->ca,
				   gnutls_strerror(res));
	if (!res)
		return mkt_err_set(err, MKT_EIO, "there is no certificate in '%s'", f->ca);
	gnutls_certificate_set_verify_limits(cred, 16384, CERTS_IN_CHAIN_MAX);
	return 0;
}

static void creds_free(struct ld_tls_creds *c)
{
	gnutls_certificate_free_credentials(c->cred);
	free(c);
}

static int creds_new(const struct ld_tls_files *f, struct ld_tls_creds **out, struct mkt_err *err)
{
	struct ld_tls_creds *c = calloc(1, sizeof(*c));
	int res;

	if (!c)
		return mkt_err_code(err, MKT_ENOMEM);
	if (gnutls_certificate_allocate_credentials(&c->cred) < 0) {
		free(c);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	res = read_files(f, c->cred, err);
	if (res < 0) {
		creds_free(c);
		return res;
	}
	c->refs = 1;
	*out = c;
	return 0;
}

static void creds_put(struct ld_tls *t, struct ld_tls_creds *c)
{
	bool last;

	pthread_mutex_lock(&t->mu);
	last = !--c->refs;
	pthread_mutex_unlock(&t->mu);
	if (last)
		creds_free(c);
}

int ld_tls_new(const struct ld_tls_files *files, const struct ld_conf *conf, struct ld_tls **out,
	       struct mkt_err *err)
{
	struct ld_tls *t = calloc(1, sizeof(*t));
	int res;

	if (!t)
		return mkt_err_code(err, MKT_ENOMEM);
	t->files = *files;
	t->conf = conf;
	res = creds_new(files, &t->now, err);
	if (res < 0) {
		free(t);
		return res;
	}
	pthread_mutex_init(&t->mu, NULL);
	*out = t;
	return 0;
}

void ld_tls_free(struct ld_tls *t)
{
	if (!t)
		return;
	creds_put(t, t->now);
	pthread_mutex_destroy(&t->mu);
	free(t);
}

int ld_tls_reload(struct ld_tls *t, struct mkt_err *err)
{
	struct ld_tls_creds *c, *old;
	int res = creds_new(&t->files, &c, err);

	if (res < 0)
		return res;
	pthread_mutex_lock(&t->mu);
	old = t->now;
	t->now = c;
	pthread_mutex_unlock(&t->mu);
	creds_put(t, old);
	return 0;
}

/* ---- who is it ------------------------------------------------------------------------------ */

/* @text of @n bytes; a name with a 0 inside is not the one that it looks like. */
static const struct ld_named *named(const struct ld_conf *conf, const char *text, size_t n,
				    char name[NAME_BYTES])
{
	memcpy(name, text, n);
	name[n] = 0;
	return strlen(name) == n ? ld_conf_peer(conf, name) : NULL;
}

/* Of DNS names the first that is a peer's; CN only where there is no DNS name. */
static const struct ld_named *find_peer(const struct ld_conf *conf, gnutls_x509_crt_t crt,
					char name[NAME_BYTES])
{
	const struct ld_named *peer;
	char text[NAME_BYTES];
	bool dns = false;
	size_t n;

	name[0] = 0;
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		int kind;

		n = sizeof(text) - 1;
		kind = gnutls_x509_crt_get_subject_alt_name(crt, i, text, &n, NULL);
		if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (kind != GNUTLS_SAN_DNSNAME)
			continue;
		dns = true;
		peer = named(conf, text, n, name);
		if (peer)
			return peer;
	}
	n = sizeof(text) - 1;
	if (dns || gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &n))
		return NULL;
	return named(conf, text, n, name);
}

static int refuse(const char *why)
{
	mkt_log(MKT_LOG_NOTICE, "a peer was refused: %s", why);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

static int refuse_status(unsigned status)
{
	gnutls_datum_t text = {NULL, 0};

	if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
		return refuse("its certificate is not trusted");
	refuse((const char *)text.data);
	gnutls_free(text.data);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

/* gnutls calls it within the handshake; not 0 ends that with an alert. */
static int verify(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
					 .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	struct ld_tls_conn *c = gnutls_session_get_ptr(session);
	const gnutls_datum_t *der;
	gnutls_x509_crt_t crt;
	unsigned status, n = 0;
	char name[NAME_BYTES], text[NAME_BYTES + 32];

	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0)
		return refuse("its certificate cannot be checked");
	if (status)
		return refuse_status(status);
	der = gnutls_certificate_get_peers(session, &n);
	if (!der || !n || gnutls_x509_crt_init(&crt) < 0)
		return refuse("it shows no certificate");
	c->peer = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) < 0
			  ? NULL
			  : find_peer(c->tls->conf, crt, name);
	gnutls_x509_crt_deinit(crt);
	if (c->peer)
		return 0;
	snprintf(text, sizeof(text), "there is no [peer %s]", name);
	return refuse(text);
}

int ld_tls_conn_begin(struct ld_tls_conn *c, struct ld_tls *t, void *session)
{
	gnutls_session_t s = session;

	pthread_mutex_lock(&t->mu);
	*c = (struct ld_tls_conn){.tls = t, .creds = t->now};
	c->creds->refs++;
	pthread_mutex_unlock(&t->mu);
	/* The server's own credentials were set before ours and give way. */
	if (gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, c->creds->cred) < 0)
		return -MKT_EIO;
	gnutls_session_set_ptr(s, c);
	gnutls_certificate_server_set_request(s, t->files.ca ? GNUTLS_CERT_REQUIRE
							     : GNUTLS_CERT_IGNORE);
	if (t->files.ca)
		gnutls_session_set_verify_function(s, verify);
	return 0;
}

void ld_tls_conn_end(struct ld_tls_conn *c)
{
	if (c->creds)
		creds_put(c->tls, c->creds);
	c->creds = NULL;
}

static int no_certificate(gnutls_session_t session, const gnutls_datum_t *req, int nreq,
			  const gnutls_pk_algorithm_t *pk, int npk, gnutls_pcert_st **pcert,
			  unsigned *npcert, gnutls_privkey_t *key)
{
	(void)session, (void)req, (void)nreq, (void)pk, (void)npk, (void)pcert, (void)npcert;
	(void)key;
	return -1;
}

void *ld_tls_no_certificate(void)
{
	gnutls_certificate_retrieve_function2 *fn = no_certificate;
	void *p;

	memcpy(&p, &fn, sizeof(p)); /* as POSIX has it, one is as good as the other */
	return p;
}
