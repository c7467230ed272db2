#include "core/base/compat.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "core/app/log.h"
#include "core/base/file.h"
#include "core/codec/enc.h"
#include "ledgerd/prepared.h"

#define MAGIC "mktprep1"
#define MAGIC_LEN 8
#define HEAD_LEN (MAGIC_LEN + 8 + 8 + MKT_HASH_LEN + 4)

struct ld_prepared {
	pthread_mutex_t mu;
	char dir[PATH_MAX - 64];
	struct mkt_quorum_vote *v; /* LD_PREPARED_MAX */
	unsigned n;
};

static void path_of(const struct ld_prepared *p, uint64_t height, uint64_t epoch,
		    char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%020llu-%020llu", p->dir, (unsigned long long)height,
		 (unsigned long long)epoch);
}

static void check_of(const void *p, size_t n, struct mkt_hash *out)
{
	mkt_hash2(out, MKT_DOM_LEAF, MAGIC, MAGIC_LEN, p, n);
}

/* ---- one file ------------------------------------------------------------------------------ */

static void encode(const struct mkt_quorum_vote *v, const void *block, size_t n,
		   struct mkt_buf *out)
{
	struct mkt_hash check;

	mkt_buf_grow(out, HEAD_LEN + n + MKT_HASH_LEN);
	mkt_enc_bytes(out, MAGIC, MAGIC_LEN);
	mkt_enc_u64(out, v->height);
	mkt_enc_u64(out, v->epoch);
	mkt_enc_bytes(out, v->hash.b, MKT_HASH_LEN);
	mkt_enc_u32(out, (uint32_t)n);
	mkt_enc_bytes(out, block, n);
	if (out->bad)
		return;
	check_of(out->data, out->len, &check);
	mkt_enc_bytes(out, check.b, MKT_HASH_LEN);
}

/* The block is what lies between @out's head and checksum. */
static int read_one(const struct ld_prepared *p, uint64_t height, uint64_t epoch,
		    struct mkt_buf *out, struct mkt_hash *hash, struct mkt_err *err)
{
	char path[PATH_MAX];
	struct mkt_hash check;
	struct mkt_dec in;
	const uint8_t *magic, *h;
	uint32_t n;
	int res;

	path_of(p, height, epoch, path);
	res = mkt_file_read(path, HEAD_LEN + MKT_BLOCK_BYTES_MAX + MKT_HASH_LEN, out, err);
	if (res < 0)
		return res;
	if (out->len < HEAD_LEN + MKT_HASH_LEN)
		return mkt_err_set(err, MKT_EINTEGRITY, "'%s' is cut short", path);
	check_of(out->data, out->len - MKT_HASH_LEN, &check);
	if (memcmp(check.b, out->data + out->len - MKT_HASH_LEN, MKT_HASH_LEN) != 0)
		return mkt_err_set(err, MKT_EINTEGRITY, "'%s' is damaged", path);
	in = mkt_dec_init(out->data, out->len);
	magic = mkt_dec_bytes(&in, MAGIC_LEN);
	if (!magic || memcmp(magic, MAGIC, MAGIC_LEN) != 0 || mkt_dec_u64(&in) != height ||
	    mkt_dec_u64(&in) != epoch)
		return mkt_err_set(err, MKT_EINTEGRITY, "'%s' is not of its name", path);
	h = mkt_dec_bytes(&in, MKT_HASH_LEN);
	n = mkt_dec_u32(&in);
	if (!h || n != out->len - HEAD_LEN - MKT_HASH_LEN)
		return mkt_err_set(err, MKT_EINTEGRITY, "'%s' has another length", path);
	memcpy(hash->b, h, MKT_HASH_LEN);
	return 0;
}

static int get(const struct ld_prepared *p, uint64_t height, uint64_t epoch, struct mkt_buf *out,
	       struct mkt_err *err)
{
	struct mkt_hash hash;
	int res;

	mkt_buf_clear(out);
	res = read_one(p, height, epoch, out, &hash, err);
	if (res < 0)
		return res;
	out->len -= HEAD_LEN + MKT_HASH_LEN;
	memmove(out->data, out->data + HEAD_LEN, out->len);
	return 0;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* Digits of a name; false if it is none of ours. */
static bool parse_name(const char *name, uint64_t *height, uint64_t *epoch)
{
	unsigned long long h, e;
	char again[48], *end;

	if (strlen(name) != 41)
		return false;
	h = strtoull(name, &end, 10);
	e = *end ? strtoull(end + 1, NULL, 10) : 0;
	snprintf(again, sizeof(again), "%020llu-%020llu", h, e);
	*height = h;
	*epoch = e;
	return !strcmp(again, name);
}

static int take_in(struct ld_prepared *p, const char *name, struct mkt_buf *buf,
		   struct mkt_err *err)
{
	struct mkt_quorum_vote *v = &p->v[p->n];
	struct mkt_err why;
	char path[PATH_MAX + 256];
	int res;

	if (!parse_name(name, &v->height, &v->epoch)) {
		/* The temporary file of a write that never returned. */
		snprintf(path, sizeof(path), "%s/%.255s", p->dir, name);
		if (name[0] != '.' || strlen(name) > 2)
			unlink(path);
		return 0;
	}
	if (p->n == LD_PREPARED_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "'%s' holds more than %d blocks", p->dir,
				   LD_PREPARED_MAX);
	mkt_buf_clear(buf);
	res = read_one(p, v->height, v->epoch, buf, &v->hash, &why);
	if (res == -MKT_ENOMEM || res == -MKT_EIO)
		return mkt_err_set(err, why.code, "%s", why.text);
	if (res < 0) {
		mkt_log(MKT_LOG_ERROR, "%s: nothing else is signed at its height and epoch",
			why.text);
		memset(&v->hash, 0, sizeof(v->hash));
	}
	p->n++;
	return 0;
}

static int scan(struct ld_prepared *p, struct mkt_err *err)
{
	struct mkt_buf buf = MKT_BUF_INIT;
	const struct dirent *e;
	DIR *d = opendir(p->dir);
	int res = 0;

	if (!d)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", p->dir);
	while (!res && (e = readdir(d)))
		res = take_in(p, e->d_name, &buf, err);
	closedir(d);
	mkt_buf_release(&buf);
	return res;
}

int ld_prepared_open(const char *dir, struct ld_prepared **out, struct mkt_err *err)
{
	struct ld_prepared *p = calloc(1, sizeof(*p));
	int res, n;

	if (!p)
		return mkt_err_code(err, MKT_ENOMEM);
	pthread_mutex_init(&p->mu, NULL);
	p->v = calloc(LD_PREPARED_MAX + 1, sizeof(*p->v));
	n = snprintf(p->dir, sizeof(p->dir), "%s/prepared", dir);
	if (!p->v)
		res = mkt_err_code(err, MKT_ENOMEM);
	else if (n < 0 || (size_t)n >= sizeof(p->dir))
		res = mkt_err_set(err, MKT_EINVAL, "'%s' is too long", dir);
	else
		res = mkt_dir_make(p->dir, 0755, err);
	if (!res)
		res = scan(p, err);
	if (res < 0) {
		ld_prepared_close(p);
		return res;
	}
	*out = p;
	return 0;
}

void ld_prepared_close(struct ld_prepared *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->mu);
	free(p->v);
	free(p);
}

unsigned ld_prepared_votes(struct ld_prepared *p, uint64_t height, struct mkt_quorum_vote *out,
			   unsigned max)
{
	unsigned n = 0;

	pthread_mutex_lock(&p->mu);
	for (unsigned i = 0; i < p->n && n < max; i++)
		if (p->v[i].height > height)
			out[n++] = p->v[i];
	pthread_mutex_unlock(&p->mu);
	return n;
}

static const struct mkt_quorum_vote *at(const struct ld_prepared *p, uint64_t height,
					uint64_t epoch)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->v[i].height == height && p->v[i].epoch == epoch)
			return &p->v[i];
	return NULL;
}

static int write_one(const struct ld_prepared *p, const struct mkt_quorum_vote *v,
		     const void *block, size_t n, struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	char path[PATH_MAX];
	int res;

	encode(v, block, n, &bytes);
	path_of(p, v->height, v->epoch, path);
	if (bytes.bad)
		res = mkt_err_code(err, MKT_ENOMEM);
	else
		res = mkt_file_write(path, bytes.data, bytes.len,
				     (struct mkt_file_how){.mode = 0644}, err);
	mkt_buf_release(&bytes);
	return res;
}

int ld_prepared_put(struct ld_prepared *p, uint64_t height, uint64_t epoch,
		    const struct mkt_hash *hash, const void *block, size_t n, struct mkt_err *err)
{
	struct mkt_quorum_vote v = {height, epoch, *hash};
	const struct mkt_quorum_vote *old;
	int res = 0;

	if (n > MKT_BLOCK_BYTES_MAX)
		return mkt_err_code(err, MKT_ELIMIT);
	pthread_mutex_lock(&p->mu);
	old = at(p, height, epoch);
	if (old && !mkt_hash_eq(&old->hash, hash))
		res = mkt_err_set(err, MKT_ECONFLICT,
				  "another block was signed at height %llu, epoch %llu",
				  (unsigned long long)height, (unsigned long long)epoch);
	else if (!old && p->n == LD_PREPARED_MAX)
		res = mkt_err_set(err, MKT_ELIMIT, "'%s' holds %d blocks", p->dir,
				  LD_PREPARED_MAX);
	else if (!old)
		res = write_one(p, &v, block, n, err);
	if (!res && !old)
		p->v[p->n++] = v;
	pthread_mutex_unlock(&p->mu);
	return res;
}

int ld_prepared_get(struct ld_prepared *p, uint64_t height, uint64_t epoch, struct mkt_buf *out,
		    struct mkt_err *err)
{
	int res = -MKT_ENOTFOUND;

	pthread_mutex_lock(&p->mu);
	if (at(p, height, epoch))
		res = get(p, height, epoch, out, err);
	else
		mkt_err_set(err, MKT_ENOTFOUND, "no block is prepared at height %llu, epoch %llu",
			    (unsigned long long)height, (unsigned long long)epoch);
	pthread_mutex_unlock(&p->mu);
	return res;
}

int ld_prepared_find(struct ld_prepared *p, uint64_t height, const struct mkt_hash *hash,
		     struct mkt_buf *out, struct mkt_err *err)
{
	int res = mkt_err_set(err, MKT_ENOTFOUND, "that block of height %llu is not prepared",
			      (unsigned long long)height);

	pthread_mutex_lock(&p->mu);
	for (unsigned i = 0; res < 0 && i < p->n; i++)
		if (p->v[i].height == height && mkt_hash_eq(&p->v[i].hash, hash))
			res = get(p, height, p->v[i].epoch, out, err);
	pthread_mutex_unlock(&p->mu);
	return res;
}

void ld_prepared_forget(struct ld_prepared *p, uint64_t height)
{
	char path[PATH_MAX];
	unsigned n = 0;

	pthread_mutex_lock(&p->mu);
	for (unsigned i = 0; i < p->n; i++) {
		if (p->v[i].height > height) {
			p->v[n++] = p->v[i];
			continue;
		}
		path_of(p, p->v[i].height, p->v[i].epoch, path);
		unlink(path);
	}
	p->n = n;
	pthread_mutex_unlock(&p->mu);
}
