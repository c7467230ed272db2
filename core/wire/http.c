#include "core/base/compat.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <time.h>

#include "core/wire/http.h"

#define POLL_MS 1000 /* conf.stop set by another thread is seen within this */

uint64_t mkt_mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Addresses come from options and files: refuse what curl would read in some other way. */
static int parse_server(struct mkt_http *h, struct mkt_err *err)
{
	const char *s = h->server;
	size_t n = strlen(s);

	if (!strncmp(s, "unix:", 5) && s[5] == '/') {
		h->unix_path = strdup(s + 5);
		h->base = strdup("http://localhost");
	} else if (!strncmp(s, "http://", 7) || !strncmp(s, "https://", 8)) {
		const char *host = strstr(s, "//") + 2;

		while (n && s[n - 1] == '/')
			n--;
		if (!*host || strpbrk(host, "?#@ \\") || s + n <= host)
			goto bad;
		h->base = strndup(s, n);
	} else {
		goto bad;
	}
	if (!h->base || (!strncmp(s, "unix:", 5) && !h->unix_path))
		return mkt_err_code(err, MKT_ENOMEM);
	return 0;
bad:
	mkt_err_set(err, MKT_EUSAGE, "bad server address '%s'", s);
	mkt_err_hint(err, "use unix:/path/to/ledgerd.sock, http://host:7460 or https://host");
	return -MKT_EUSAGE;
}

/* A server that has another name than its host: ask for the name, connect to the host. */
static int take_name(struct mkt_http *h, struct mkt_err *err)
{
	char *url;

	if (!h->conf.tls.name || strncmp(h->base, "https:", 6) != 0)
		return 0;
	if (mkt_tls_rename(h->base, h->conf.tls.name, &url, &h->connect_to))
		return mkt_err_code(err, MKT_ENOMEM);
	free(h->base);
	h->base = url;
	return 0;
}

int mkt_http_init(struct mkt_http *h, const struct mkt_client_conf *conf, struct mkt_err *err)
{
	long what = !strncmp(conf->server, "https:", 6) ? CURL_GLOBAL_DEFAULT : CURL_GLOBAL_NOTHING;
	int rc;

	memset(h, 0, sizeof(*h));
	h->conf = *conf;
	h->server = strdup(conf->server);
	h->agent = strdup(conf->agent ? conf->agent : "mkt");
	if (!h->server || !h->agent || mkt_tls_copy(&conf->tls, &h->conf.tls, &h->tls_texts)) {
		mkt_http_release(h);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	h->conf.server = h->server;
	h->conf.agent = h->agent;
	if (!h->conf.connect_ms)
		h->conf.connect_ms = MKT_CLIENT_CONNECT_MS;
	rc = parse_server(h, err);
	if (!rc)
		rc = take_name(h, err);
	if (rc) {
		mkt_http_release(h);
		return rc;
	}
	/* Reference-counted; starting TLS costs milliseconds that a unix socket does not need. */
	if (curl_global_init(what) == CURLE_OK) {
		h->multi = curl_multi_init();
		h->easy = curl_easy_init();
	}
	if (!h->multi || !h->easy) {
		mkt_http_release(h);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	return 0;
}

void mkt_http_release(struct mkt_http *h)
{
	if (h->easy && h->multi)
		curl_multi_remove_handle(h->multi, h->easy);
	curl_easy_cleanup(h->easy);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	free(h->server);
	free(h->agent);
	free(h->base);
	free(h->unix_path);
	free(h->tls_texts);
	curl_slist_free_all(h->connect_to);
	mkt_wipe(&h->reader, sizeof(h->reader));
	memset(h, 0, sizeof(*h));
}

/* ---- signed requests --------------------------------------------------------------------- */

int mkt_http_header(struct curl_slist **headers, const char *line, struct mkt_err *err)
{
	struct curl_slist *more = curl_slist_append(*headers, line);

	if (!more)
		return mkt_err_code(err, MKT_ENOMEM);
	*headers = more;
	return 0;
}

int mkt_http_sign(struct mkt_http *h, const char *method, const char *path,
		  struct curl_slist **headers, struct mkt_err *err)
{
	const char *host = strstr(h->base, "//");
	const char *under = host ? strchr(host + 2, '/') : NULL; /* of a server below a path */
	struct mkt_buf line = MKT_BUF_INIT, uri = MKT_BUF_INIT;
	uint8_t nonce[MKT_SIGNED_NONCE];
	struct timespec now;
	int rc;

	if (!h->signs)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	mkt_random(nonce, sizeof(nonce));
	mkt_buf_addf(&uri, "%s%s", under ? under : "", path);
	mkt_buf_addstr(&line, "Authorization: ");
	rc = mkt_signed_add(&line, &h->reader, method, mkt_buf_str(&uri),
			    (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, nonce,
			    err);
	if (!rc)
		rc = mkt_http_header(headers, mkt_buf_str(&line), err);
	mkt_buf_release(&uri);
	mkt_buf_release(&line);
	return rc;
}

/* "Mkt-Sig chain=<64 hexadecimal digits>" */
static bool read_challenge(CURL *e, struct mkt_hash *chain)
{
	static const char begin[] = MKT_SIGNED_SCHEME " chain=";
	struct curl_header *h;
	const char *at;

	if (curl_easy_header(e, "WWW-Authenticate", 0, CURLH_HEADER, -1, &h) != CURLHE_OK ||
	    strncmp(h->value, begin, sizeof(begin) - 1) != 0)
		return false;
	at = h->value + sizeof(begin) - 1;
	if (strspn(at, "0123456789abcdef") != 2 * MKT_HASH_LEN || at[2 * MKT_HASH_LEN])
		return false;
	for (unsigned i = 0; i < MKT_HASH_LEN; i++) {
		char pair[3] = {at[2 * i], at[2 * i + 1], 0};

		chain->b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

bool mkt_http_challenged(struct mkt_http *h, long status)
{
	struct mkt_err ignored = {0};

	if (status != 401 || h->asked || !h->conf.reader ||
	    !read_challenge(h->easy, &h->reader.chain))
		return false;
	h->asked = true;
	h->signs = !h->conf.reader(h->conf.reader_ctx, &h->reader, &ignored);
	if (h->signs)
		mkt_http_trace(h, "reads are signed from now on");
	else
		mkt_http_trace(h, "no key to sign reads: %s", ignored.text);
	return h->signs;
}

int mkt_http_prepare(struct mkt_http *h, const char *path, struct mkt_err *err)
{
	struct mkt_buf url = MKT_BUF_INIT;
	CURL *e = h->easy;
	CURLcode rc;

	curl_easy_reset(e); /* keeps the connection */
	mkt_buf_addstr(&url, h->base);
	mkt_buf_addstr(&url, path);
	if (url.bad) {
		mkt_buf_release(&url);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	rc = curl_easy_setopt(e, CURLOPT_URL, mkt_buf_str(&url));
	mkt_buf_release(&url);
	if (!rc && h->unix_path)
		rc = curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, h->unix_path);
	if (!rc)
		rc = curl_easy_setopt(e, CURLOPT_USERAGENT, h->agent);
	if (rc)
		return mkt_err_set(err, MKT_EUSAGE, "cannot use server '%s': %s", h->server,
				   curl_easy_strerror(rc));
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	h->why[0] = 0;
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->why);
	if (!h->unix_path)
		mkt_tls_apply(e, &h->conf.tls);
	if (h->connect_to)
		curl_easy_setopt(e, CURLOPT_CONNECT_TO, h->connect_to);
	return 0;
}

/* The result of the one transfer, or CURLE_AGAIN while it runs. */
static CURLcode result_of(struct mkt_http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE && m->easy_handle == h->easy)
			return m->data.result;
	return CURLE_AGAIN;
}

static bool stop_asked(const struct mkt_http *h)
{
	return h->conf.stop && __atomic_load_n(h->conf.stop, __ATOMIC_RELAXED);
}

enum mkt_drive mkt_http_drive(struct mkt_http *h, uint64_t until_ms, const bool *enough,
			      CURLcode *res)
{
	int running;

	for (;;) {
		uint64_t now, wait = POLL_MS;

		*res = CURLE_AGAIN;
		if (curl_multi_perform(h->multi, &running) != CURLM_OK) {
			*res = CURLE_OUT_OF_MEMORY;
			return MKT_DRIVE_DONE;
		}
		*res = result_of(h);
		if (*res != CURLE_AGAIN || (enough && *enough))
			return MKT_DRIVE_DONE;
		if (stop_asked(h)) {
			h->stopped = true;
			return MKT_DRIVE_STOPPED;
		}
		now = mkt_mono_ms();
		if (now >= until_ms)
			return MKT_DRIVE_LATE;
		if (until_ms - now < wait)
			wait = until_ms - now;
		curl_multi_poll(h->multi, NULL, 0, (int)wait, NULL);
	}
}

bool mkt_http_pause(struct mkt_http *h, uint64_t ms, uint64_t until_ms)
{
	uint64_t end = mkt_mono_ms() + ms;

	if (end > until_ms)
		end = until_ms;
	for (;;) {
		uint64_t now = mkt_mono_ms();

		if (stop_asked(h)) {
			h->stopped = true;
			return false;
		}
		if (now >= end)
			return true;
		curl_multi_poll(h->multi, NULL, 0, (int)(end - now < POLL_MS ? end - now : POLL_MS),
				NULL);
	}
}

/*
 * curl sends a request again by itself when a kept connection turns out to be dead, so an
 * error of connecting says nothing of an earlier copy; the bytes sent count them all.
 */
bool mkt_http_unsent(const struct mkt_http *h)
{
	long sent = 0;

	return curl_easy_getinfo(h->easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent == 0;
}

int mkt_http_failure(const struct mkt_http *h, CURLcode res, int code, struct mkt_err *err)
{
	char why[128];
	long os = 0;

	if (mkt_tls_failure(h->easy, res, h->server, &h->conf.tls, h->why, err))
		return err ? -err->code : -code;
	snprintf(why, sizeof(why), "%s", curl_easy_strerror(res));
	if (res == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os) == CURLE_OK && os)
		snprintf(why, sizeof(why), "%s", strerror((int)os));
	why[0] = (char)tolower((unsigned char)why[0]);
	if (res == CURLE_COULDNT_CONNECT || res == CURLE_COULDNT_RESOLVE_HOST)
		mkt_err_set(err, code, "cannot reach '%s': %s", h->server, why);
	else
		mkt_err_set(err, code, "'%s' gave no answer: %s", h->server, why);
	if (code == MKT_EUNAVAILABLE && os == ENOENT)
		mkt_err_hint(err, "is ledgerd running here? set '--server' or core.server");
	return -code;
}

void mkt_http_trace(const struct mkt_http *h, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!h->conf.trace)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	h->conf.trace(h->conf.trace_ctx, line);
}
