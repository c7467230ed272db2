/* Snapshots: writing, and reading their rows.  What is made of them: build.c. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/chain/snapshot_impl.h"

#define CHUNK (1u << 20)

static const char magic[8] = {'m', 'k', 't', 's', 'n', 'a', 'p', '1'};

/* ---- head ---- */

static void enc_head(const struct mkt_snapshot_info *i, struct mkt_buf *out)
{
	mkt_enc_bytes(out, magic, sizeof(magic));
	mkt_enc_bytes(out, i->chain.b, MKT_HASH_LEN);
	mkt_enc_u64(out, i->height);
	mkt_enc_bytes(out, i->hash.b, MKT_HASH_LEN);
	mkt_enc_u64(out, i->tail);
	mkt_enc_u64(out, i->time_ms);
}

static void dec_hash(struct mkt_dec *in, struct mkt_hash *h)
{
	const uint8_t *p = mkt_dec_bytes(in, MKT_HASH_LEN);

	if (p)
		memcpy(h->b, p, MKT_HASH_LEN);
}

int mkt_snapshot_head_dec(const void *p, size_t n, struct mkt_snapshot_info *out,
			  struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	struct mkt_snapshot_info i = {.height = 0};

	if (n < MKT_SNAPSHOT_HEAD_BYTES)
		return mkt_err_set(err, MKT_EINTEGRITY, "the snapshot ends within its head");
	if (memcmp(mkt_dec_bytes(&in, sizeof(magic)), magic, sizeof(magic)) != 0)
		return mkt_err_set(err, MKT_EINTEGRITY, "it does not begin as a snapshot");
	dec_hash(&in, &i.chain);
	i.height = mkt_dec_u64(&in);
	dec_hash(&in, &i.hash);
	i.tail = mkt_dec_u64(&in);
	i.time_ms = mkt_dec_u64(&in);
	if (!i.tail || i.tail > i.height)
		return mkt_err_set(err, MKT_EINTEGRITY,
				   "the snapshot of block %llu names block %llu as its tail",
				   (unsigned long long)i.height, (unsigned long long)i.tail);
	*out = i;
	return 0;
}

/* ---- writing ---- */

struct writing {
	struct mkt_chain *c;
	int fd;
	const char *path;
	struct mkt_buf chunk, rec;
	uint64_t nchunks, rows, bytes;
	struct mkt_err *err;
	int r;
};

static int put_bytes(struct writing *w, const struct mkt_buf *b)
{
	size_t at = 0;

	if (b->bad)
		return mkt_err_code(w->err, MKT_ENOMEM);
	while (at < b->len) {
		ssize_t n = write(w->fd, b->data + at, b->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mkt_err_sys(w->err, chain_io_code(errno), errno, "cannot write '%s'",
					   w->path);
		at += (size_t)n;
	}
	w->bytes += b->len;
	return 0;
}

static int put_chunk(struct writing *w)
{
	int r;

	mkt_buf_clear(&w->rec);
	r = w->chunk.bad ? mkt_err_code(w->err, MKT_ENOMEM)
			 : mkt_segments_pack(w->c->seg, w->nchunks, 0, w->chunk.data, w->chunk.len,
					     &w->rec, w->err);
	if (!r)
		r = put_bytes(w, &w->rec);
	w->nchunks++;
	mkt_buf_clear(&w->chunk);
	return r;
}

static bool put_row(void *ctx, struct mkt_bytes key, struct mkt_bytes val)
{
	struct writing *w = ctx;
	const uint8_t *k = key.p;

	if (key.n != CHAIN_STATE_KEY || val.n > UINT32_MAX) {
		w->r = mkt_err_set(w->err, MKT_ESTORE, "a record of the store has no whole key");
		return false;
	}
	if (w->chunk.len && w->chunk.len + val.n > CHUNK)
		w->r = put_chunk(w);
	mkt_enc_u8(&w->chunk, k[0]);
	mkt_enc_u64(&w->chunk, chain_get64(k + 1));
	mkt_enc_u32(&w->chunk, (uint32_t)val.n);
	mkt_enc_bytes(&w->chunk, val.p, val.n);
	w->rows++;
	return !w->r;
}

static int put_rows(struct writing *w, struct mkt_store_tx *t)
{
	static const enum mkt_store_table tables[] = CHAIN_STATE_TABLES;
	struct mkt_bytes none = {NULL, 0};
	int r = 0;

	for (size_t i = 0; !r && i < MKT_ARRAY_SIZE(tables); i++) {
		r = mkt_store_walk(t, tables[i], none, none, put_row, w, w->err);
		if (!r)
			r = w->r;
	}
	if (!r && w->chunk.len)
		r = put_chunk(w);
	return r;
}

static int put_end(struct writing *w, const struct mkt_hash *digest)
{
	mkt_enc_u8(&w->chunk, 0);
	mkt_enc_u64(&w->chunk, w->rows);
	mkt_enc_bytes(&w->chunk, digest->b, MKT_HASH_LEN);
	return put_chunk(w);
}

/* The first height whose request ids may still be used. */
static int tail_of(struct mkt_chain *c, struct mkt_snapshot_info *i, struct mkt_err *err)
{
	uint64_t since = chain_valid_since(&c->g, i->time_ms), before = 0;
	int r = since ? mkt_segments_find(c->seg, MKT_BY_TIME_MS, since - 1, &before, err)
		      : -MKT_ENOTFOUND;

	if (r < 0 && r != -MKT_ENOTFOUND)
		return r;
	i->tail = r < 0 ? 1 : before + 1;
	if (i->tail > i->height)
		i->tail = i->height;
	return 0;
}

static int describe(struct mkt_chain *c, const struct chain_store_head *head,
		    struct mkt_snapshot_info *i, struct mkt_err *err)
{
	struct mkt_segment_keys keys;
	int r;

	if (!head->height)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "there is nothing but block 0 yet");
	*i = (struct mkt_snapshot_info){.chain = c->id, .height = head->height, .hash = head->hash};
	r = mkt_segments_keys(c->seg, head->height, &keys, err);
	if (r < 0)
		return r;
	i->time_ms = keys.v[MKT_BY_TIME_MS];
	return tail_of(c, i, err);
}

static int write_all(struct writing *w, struct mkt_snapshot_info *out)
{
	struct chain_store_head head = {.there = false};
	struct mkt_store_tx *t;
	int r = mkt_store_begin(w->c->store, false, &t, w->err);

	if (r < 0)
		return r;
	r = chain_store_get_head(w->c, t, &head, w->err);
	if (!r && !head.there)
		r = mkt_err_set(w->err, MKT_EUNAVAILABLE, "nothing is indexed yet");
	if (!r)
		r = describe(w->c, &head, out, w->err);
	if (!r) {
		enc_head(out, &w->rec);
		r = put_bytes(w, &w->rec);
	}
	if (!r)
		r = put_rows(w, t);
	mkt_store_abort(t);
	if (!r)
		r = put_end(w, &head.state);
	if (!r && fsync(w->fd) < 0)
		r = mkt_err_sys(w->err, chain_io_code(errno), errno, "cannot write '%s'", w->path);
	out->bytes = w->bytes;
	return r;
}

int mkt_snapshot_write(struct mkt_chain *c, const char *path, struct mkt_snapshot_info *out,
		       struct mkt_err *err)
{
	char tmp[PATH_MAX];
	struct mkt_snapshot_info info = {.height = 0};
	struct writing w = {.c = c, .path = path, .err = err};
	int n = snprintf(tmp, sizeof(tmp), "%s.new", path), r;

	if (!c->store)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "opened without its state");
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return mkt_err_set(err, MKT_EINVAL, "'%s' is too long", path);
	w.fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w.fd < 0)
		return mkt_err_sys(err, chain_io_code(errno), errno, "cannot write '%s'", path);
	r = write_all(&w, &info);
	close(w.fd);
	mkt_buf_release(&w.chunk);
	mkt_buf_release(&w.rec);
	if (!r)
		r = chain_file_publish(tmp, path, err);
	if (r < 0) {
		unlink(tmp);
		return r;
	}
	*out = info;
	return 0;
}

/* ---- reading ---- */

static int read_some(struct snapshot_reader *s, void *p, size_t n, const char *what,
		     struct mkt_err *err)
{
	uint8_t *at = p;

	while (n) {
		ssize_t got = read(s->fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", s->path);
		if (!got)
			return mkt_err_set(err, MKT_EINTEGRITY, "'%s' ends within %s", s->path,
					   what);
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

int snapshot_open(struct snapshot_reader *s, const char *path, struct mkt_err *err)
{
	uint8_t raw[MKT_SNAPSHOT_HEAD_BYTES];
	struct stat st;
	int r;

	*s = (struct snapshot_reader){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (s->fd < 0)
		return mkt_err_sys(err, errno == ENOENT ? MKT_ENOTFOUND : MKT_EIO, errno,
				   "cannot open '%s'", path);
	r = fstat(s->fd, &st) < 0 ? mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", path)
				  : read_some(s, raw, sizeof(raw), "its head", err);
	if (!r) {
		r = mkt_snapshot_head_dec(raw, sizeof(raw), &s->info, err);
		if (r < 0)
			mkt_err_wrap(err, "'%s'", path);
	}
	if (r < 0) {
		snapshot_close(s);
		return r;
	}
	s->info.bytes = (uint64_t)st.st_size;
	return 0;
}

void snapshot_close(struct snapshot_reader *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	mkt_buf_release(&s->rec);
	mkt_buf_release(&s->rows);
}

int mkt_snapshot_look(const char *path, struct mkt_snapshot_info *out, struct mkt_err *err)
{
	struct snapshot_reader s;
	int r = snapshot_open(&s, path, err);

	if (r < 0)
		return r;
	*out = s.info;
	snapshot_close(&s);
	return 0;
}

/* The next record of the file, unpacked into s->rows. */
static int read_record(struct snapshot_reader *s, struct mkt_err *err)
{
	struct mkt_dec in;
	uint64_t number;
	uint32_t stored;
	int r;

	mkt_buf_clear(&s->rec);
	if (mkt_buf_grow(&s->rec, MKT_RECORD_HEADER_BYTES) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	r = read_some(s, s->rec.data, MKT_RECORD_HEADER_BYTES, "a chunk", err);
	if (r < 0)
		return r;
	in = mkt_dec_init(s->rec.data + 8, 4);
	stored = mkt_dec_u32(&in);
	if (stored > SNAPSHOT_CHUNK_MAX)
		return mkt_err_set(err, MKT_EINTEGRITY, "'%s', chunk %llu: its length is wrong",
				   s->path, (unsigned long long)s->nchunks);
	s->rec.len = MKT_RECORD_HEADER_BYTES;
	if (mkt_buf_grow(&s->rec, stored) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	r = read_some(s, s->rec.data + s->rec.len, stored, "a chunk", err);
	if (r < 0)
		return r;
	s->rec.len += stored;
	r = mkt_record_unpack(s->rec.data, s->rec.len, SNAPSHOT_CHUNK_MAX, &number, &s->rows, NULL,
			      err);
	if (!r && number != s->nchunks)
		r = mkt_err_set(err, MKT_EINTEGRITY, "it is not the next");
	if (r == -MKT_EINTEGRITY || r == -MKT_ETRUNCATED) {
		mkt_err_wrap(err, "'%s', chunk %llu", s->path, (unsigned long long)s->nchunks);
		return -MKT_EINTEGRITY;
	}
	s->nchunks++;
	s->in = mkt_dec_init(s->rows.data, s->rows.len);
	return r;
}

static int bad_row(const struct snapshot_reader *s, const char *what, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "'%s', chunk %llu: %s", s->path,
			   (unsigned long long)s->nchunks - 1, what);
}

static int read_end(struct snapshot_reader *s, struct mkt_err *err)
{
	uint8_t more;
	uint64_t rows = mkt_dec_u64(&s->in);

	dec_hash(&s->in, &s->digest);
	if (s->in.bad || mkt_dec_end(&s->in) < 0 || rows != s->nrows)
		return bad_row(s, "it ends with another count than its rows", err);
	if (read(s->fd, &more, 1) != 0)
		return bad_row(s, "something follows its end", err);
	return 0;
}

int snapshot_next(struct snapshot_reader *s, struct snapshot_row *row, struct mkt_err *err)
{
	if (s->in.at == s->in.end) {
		int r = read_record(s, err);

		if (r < 0)
			return r;
	}
	row->type = mkt_dec_u8(&s->in);
	if (!s->in.bad && !row->type)
		return read_end(s, err);
	row->id = mkt_dec_u64(&s->in);
	row->n = mkt_dec_u32(&s->in);
	row->p = mkt_dec_bytes(&s->in, row->n);
	if (s->in.bad)
		return bad_row(s, "it ends within a row", err);
	s->nrows++;
	return 1;
}
