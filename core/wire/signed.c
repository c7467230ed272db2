#include "core/base/compat.h"

#include "core/wire/signed.h"

static const char purpose[16] = "mkt:sign-rd:v1:"; /* with its 0 */

static void message(struct mkt_buf *b, const struct mkt_hash *chain, uint64_t time_ms,
		    const uint8_t nonce[MKT_SIGNED_NONCE], const char *method, const char *uri)
{
	mkt_buf_add(b, purpose, sizeof(purpose));
	mkt_buf_add(b, chain->b, sizeof(chain->b));
	for (unsigned i = 0; i < 8; i++)
		mkt_buf_addch(b, (unsigned char)(time_ms >> (8 * i)));
	mkt_buf_add(b, nonce, MKT_SIGNED_NONCE);
	mkt_buf_add(b, method, strlen(method) + 1);
	mkt_buf_addstr(b, uri);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* "NAME=" at *@at, then up to @max bytes before the next ", " or the end; NULL: not so. */
static const char *field(const char **at, const char *name, size_t max, size_t *n)
{
	size_t len = strlen(name);
	const char *value = *at + len;

	if (strncmp(*at, name, len) != 0)
		return NULL;
	*n = strcspn(value, ", ");
	if (!*n || *n > max)
		return NULL;
	*at = value + *n;
	if (**at) {
		if ((*at)[0] != ',' || (*at)[1] != ' ' || !(*at)[2])
			return NULL;
		*at += 2;
	}
	return value;
}

static bool number(const char *p, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	if (n > 1 && p[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9' || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v))
			return false;
	*out = v;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex(const char *p, size_t n, uint8_t *out, size_t want)
{
	if (n != 2 * want)
		return false;
	for (size_t i = 0; i < want; i++) {
		int high = digit(p[2 * i]), low = digit(p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool parse(const char *at, struct mkt_signed *s)
{
	size_t n;
	const char *v = field(&at, MKT_SIGNED_SCHEME " account=", sizeof(s->account) - 1, &n);

	if (!v)
		return false;
	memcpy(s->account, v, n);
	v = field(&at, "time=", 20, &n);
	if (!v || !number(v, n, &s->time_ms))
		return false;
	v = field(&at, "nonce=", 2 * sizeof(s->nonce), &n);
	if (!v || !hex(v, n, s->nonce, sizeof(s->nonce)))
		return false;
	v = field(&at, "sig=", 2 * sizeof(s->sig.b), &n);
	return v && hex(v, n, s->sig.b, sizeof(s->sig.b)) && !*at;
}

int mkt_signed_parse(const char *value, struct mkt_signed *out, struct mkt_err *err)
{
	struct mkt_signed s = {{0}, 0, {0}, {{0}}};

	if (!parse(value, &s))
		return mkt_err_set(err, MKT_EINVAL,
				   "'Authorization' is not '" MKT_SIGNED_SCHEME
				   " account=..., time=..., nonce=..., sig=...'");
	*out = s;
	return 0;
}

bool mkt_signed_ok(const struct mkt_signed *s, const struct mkt_hash *chain, const char *method,
		   const char *uri, const struct mkt_pubkey *key)
{
	struct mkt_buf b = MKT_BUF_INIT;
	bool ok;

	if (strlen(uri) > MKT_SIGNED_URI_MAX)
		return false;
	message(&b, chain, s->time_ms, s->nonce, method, uri);
	ok = !b.bad && mkt_sig_ok(&s->sig, key, b.data, b.len);
	mkt_buf_release(&b);
	return ok;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void add_hex(struct mkt_buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mkt_buf_addf(b, "%02x", p[i]);
}

int mkt_signed_add(struct mkt_buf *value, const struct mkt_reader *r, const char *method,
		   const char *uri, uint64_t time_ms, const uint8_t nonce[MKT_SIGNED_NONCE],
		   struct mkt_err *err)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_sig sig = {{0}};

	if (strlen(uri) > MKT_SIGNED_URI_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "a path of more than %d bytes cannot be signed",
				   MKT_SIGNED_URI_MAX);
	message(&b, &r->chain, time_ms, nonce, method, uri);
	if (!b.bad)
		mkt_sign(&sig, &r->key, b.data, b.len);
	value->bad |= b.bad;
	mkt_buf_release(&b);
	mkt_buf_addf(value, MKT_SIGNED_SCHEME " account=%s, time=%llu, nonce=", r->account,
		     (unsigned long long)time_ms);
	add_hex(value, nonce, MKT_SIGNED_NONCE);
	mkt_buf_addstr(value, ", sig=");
	add_hex(value, sig.b, sizeof(sig.b));
	return value->bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}
