/* Archive files: reading.  They are written by prune.c. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/chain/archive_impl.h"

static const char magic[8] = {'m', 'k', 't', 'a', 'r', 'c', 'h', '1'};
static const char end_magic[4] = {'M', 'K', 'T', 'E'};

struct mkt_archive {
	char *path;
	int fd;
	uint64_t first, last, records;
	uint64_t end;	 /* where the records end */
	uint64_t at;	 /* the next record */
	uint64_t height; /* of the record before @at */
	uint64_t taken;	 /* records before @at */
};

/* ---- form ---- */

void archive_head_enc(const struct mkt_hash *chain, uint64_t first, uint64_t last,
		      struct mkt_buf *out)
{
	mkt_enc_bytes(out, magic, sizeof(magic));
	mkt_enc_bytes(out, chain->b, MKT_HASH_LEN);
	mkt_enc_u64(out, first);
	mkt_enc_u64(out, last);
}

void archive_end_enc(const uint8_t head[MKT_ARCHIVE_HEAD_BYTES], uint64_t records,
		     struct mkt_buf *out)
{
	size_t at = out->len;
	struct mkt_hash sum;

	mkt_enc_bytes(out, end_magic, sizeof(end_magic));
	mkt_enc_u64(out, records);
	if (out->bad)
		return;
	mkt_hash2(&sum, MKT_DOM_SEGMENT, head, MKT_ARCHIVE_HEAD_BYTES, out->data + at, 12);
	mkt_enc_bytes(out, sum.b, 16);
}

/* ---- open ---- */

static int bad(const struct mkt_archive *a, uint64_t at, const char *fault, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "'%s' is damaged at %llu: %s", a->path,
			   (unsigned long long)at, fault);
}

static int read_at(const struct mkt_archive *a, void *p, size_t n, uint64_t at, struct mkt_err *err)
{
	uint8_t *to = p;

	while (n) {
		ssize_t got = pread(a->fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", a->path);
		if (!got)
			return bad(a, at, "it ends too early", err);
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static int check_ends(struct mkt_archive *a, const struct mkt_hash *chain, struct mkt_err *err)
{
	uint8_t head[MKT_ARCHIVE_HEAD_BYTES], end[MKT_ARCHIVE_END_BYTES];
	struct mkt_dec in;
	struct mkt_buf want = MKT_BUF_INIT;
	struct stat st;
	bool same;
	int r;

	if (fstat(a->fd, &st) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", a->path);
	if ((uint64_t)st.st_size < sizeof(head) + sizeof(end))
		return bad(a, (uint64_t)st.st_size, "it is shorter than an archive can be", err);
	a->end = (uint64_t)st.st_size - sizeof(end);
	r = read_at(a, head, sizeof(head), 0, err);
	if (!r)
		r = read_at(a, end, sizeof(end), a->end, err);
	if (r < 0)
		return r;
	in = mkt_dec_init(head, sizeof(head));
	if (memcmp(mkt_dec_bytes(&in, sizeof(magic)), magic, sizeof(magic)) != 0)
		return mkt_err_set(err, MKT_EINTEGRITY, "'%s' does not begin as an archive",
				   a->path);
	same = !chain || !memcmp(head + sizeof(magic), chain->b, MKT_HASH_LEN);
	mkt_dec_bytes(&in, MKT_HASH_LEN);
	a->first = mkt_dec_u64(&in);
	a->last = mkt_dec_u64(&in);
	in = mkt_dec_init(end + sizeof(end_magic), 8);
	a->records = mkt_dec_u64(&in);
	archive_end_enc(head, a->records, &want);
	if (want.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	if (memcmp(want.data, end, sizeof(end)) != 0)
		r = bad(a, a->end, "it does not end as an archive of its head", err);
	else if (!same)
		r = mkt_err_set(err, MKT_EINTEGRITY, "'%s' is of another chain", a->path);
	mkt_buf_release(&want);
	return r;
}

static void rewind_to_first(struct mkt_archive *a)
{
	a->at = MKT_ARCHIVE_HEAD_BYTES;
	a->height = a->taken = 0;
}

int mkt_archive_open(const char *path, const struct mkt_hash *chain, struct mkt_archive **out,
		     struct mkt_err *err)
{
	struct mkt_archive *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return mkt_err_code(err, MKT_ENOMEM);
	a->path = strdup(path);
	a->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!a->path)
		r = mkt_err_code(err, MKT_ENOMEM);
	else if (a->fd < 0)
		r = mkt_err_sys(err, errno == ENOENT ? MKT_ENOTFOUND : MKT_EIO, errno,
				"cannot open '%s'", path);
	else
		r = check_ends(a, chain, err);
	if (r < 0) {
		mkt_archive_close(a);
		return r;
	}
	rewind_to_first(a);
	*out = a;
	return 0;
}

void mkt_archive_close(struct mkt_archive *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	free(a);
}

const char *mkt_archive_path(const struct mkt_archive *a)
{
	return a->path;
}

uint64_t mkt_archive_first(const struct mkt_archive *a)
{
	return a->first;
}

uint64_t mkt_archive_last(const struct mkt_archive *a)
{
	return a->last;
}

/* ---- records ---- */

struct place {
	uint64_t height;
	uint64_t len; /* header and payload */
};

/* The record at a->at: does it stand in order and within the file? */
static int look(const struct mkt_archive *a, struct place *p, struct mkt_err *err)
{
	uint8_t raw[MKT_RECORD_HEADER_BYTES];
	struct mkt_dec in;
	int r;

	if (a->end - a->at < sizeof(raw))
		return bad(a, a->at, "it ends within a record", err);
	r = read_at(a, raw, sizeof(raw), a->at, err);
	if (r < 0)
		return r;
	in = mkt_dec_init(raw, sizeof(raw));
	mkt_dec_bytes(&in, 8);
	p->len = sizeof(raw) + (uint64_t)mkt_dec_u32(&in);
	p->height = mkt_dec_u64(&in);
	if (p->len > a->end - a->at)
		return bad(a, a->at, "a record is longer than the file", err);
	if (p->height < a->first || p->height > a->last || p->height <= a->height)
		return bad(a, a->at, "the record of another block stands there", err);
	return 0;
}

static int take(const struct mkt_archive *a, const struct place *p, struct mkt_buf *rec,
		struct mkt_err *err)
{
	struct mkt_buf ignored = MKT_BUF_INIT;
	uint64_t height;
	int r;

	if (p->len > SIZE_MAX / 2 || mkt_buf_grow(rec, (size_t)p->len + 1) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	r = read_at(a, rec->data, (size_t)p->len, a->at, err);
	if (r < 0)
		return r;
	rec->len = (size_t)p->len;
	rec->data[rec->len] = 0;
	r = mkt_record_unpack(rec->data, rec->len, MKT_BLOCK_BYTES_MAX, &height, &ignored, NULL,
			      err);
	if (r == -MKT_EINTEGRITY || r == -MKT_ETRUNCATED) {
		mkt_err_wrap(err, "'%s' is damaged at %llu, block %llu", a->path,
			     (unsigned long long)a->at, (unsigned long long)p->height);
		r = -MKT_EINTEGRITY;
		if (err)
			err->code = MKT_EINTEGRITY;
	}
	mkt_buf_release(&ignored);
	return r;
}

int mkt_archive_read(struct mkt_archive *a, uint64_t height, struct mkt_buf *rec,
		     struct mkt_err *err)
{
	struct place p = {.height = 0};
	int r = 0;

	mkt_buf_clear(rec);
	if (height < a->first || height > a->last)
		return 0;
	if (height <= a->height)
		rewind_to_first(a);
	while (a->at < a->end) {
		r = look(a, &p, err);
		if (r < 0)
			return r;
		if (p.height > height)
			return 0;
		if (p.height == height)
			r = take(a, &p, rec, err);
		if (r < 0)
			return r;
		a->at += p.len;
		a->height = p.height;
		a->taken++;
		if (p.height == height)
			return 1;
	}
	if (a->taken != a->records)
		return bad(a, a->end, "it holds another number of records than it says", err);
	return 0;
}
