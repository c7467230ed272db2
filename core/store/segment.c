#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "core/crypto/hash.h"
#include "core/store/segment_impl.h"

#define ZSTD_LEVEL 1 /* one-leg bids: 106 B each at 290 MB/s; level 3: 108 B at 105 MB/s */
#define SUM_LEN 16
#define SUM_AT (MKT_RECORD_HEADER_BYTES - SUM_LEN)
#define FLAGS_AT 20
#define READ_TRIES 8		/* a file is made anew at most so often while one record is read */
#define KEEP_BUF_MAX (8u << 20) /* more than a usual append: given back after it */
#define INDEX_RESERVE (64u << 10)

static const uint8_t magic[4] = {'M', 'K', 'T', 'R'};

/* ---- records and entries ---- */

void seg_name(uint32_t id, char out[SEG_NAME_MAX])
{
	unsigned number = seg_number(id), gen = seg_gen(id);

	if (gen)
		snprintf(out, SEG_NAME_MAX, "%06u.%u.seg", number, gen);
	else
		snprintf(out, SEG_NAME_MAX, "%06u.seg", number);
}

int seg_open_file(const struct mkt_segments *s, uint32_t id, int flags)
{
	char name[SEG_NAME_MAX];

	seg_name(id, name);
	return openat(s->dir_fd, name, flags | O_CLOEXEC, 0644);
}

int seg_pread(int fd, void *p, size_t n, uint64_t off)
{
	uint8_t *at = p;

	while (n) {
		ssize_t got = pread(fd, at, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (!got)
			return ENODATA;
		at += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int seg_pwrite(int fd, const void *p, size_t n, uint64_t off)
{
	const uint8_t *at = p;

	while (n) {
		ssize_t put = pwrite(fd, at, n, (off_t)off);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno;
		at += put;
		off += (uint64_t)put;
		n -= (size_t)put;
	}
	return 0;
}

int seg_code(int errnum)
{
	if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
		return MKT_EDISKFULL;
	return errnum == ENOMEM ? MKT_ENOMEM : MKT_EIO;
}

/* FNV-1a, 64 bits: against torn and stray writes, not against people. */
static uint64_t entry_check(const uint8_t *p, uint64_t height)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (unsigned i = 0; i < SEG_ENTRY_BYTES - 8; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	for (unsigned i = 0; i < 8; i++)
		h = (h ^ (uint8_t)(height >> 8 * i)) * 0x100000001b3u;
	return h;
}

void seg_entry_enc(const struct seg_entry *e, uint64_t height, struct mkt_buf *out)
{
	size_t at = out->len;

	if (mkt_buf_grow(out, SEG_ENTRY_BYTES) < 0)
		return;
	mkt_enc_u32(out, e->seg);
	mkt_enc_u32(out, e->len);
	mkt_enc_u64(out, e->off);
	for (unsigned i = 0; i < MKT_BY_COUNT; i++)
		mkt_enc_u64(out, e->keys.v[i]);
	mkt_enc_u64(out, entry_check(out->data + at, height));
}

bool seg_entry_dec(const uint8_t *p, uint64_t height, struct seg_entry *e)
{
	struct mkt_dec in = mkt_dec_init(p, SEG_ENTRY_BYTES);

	e->seg = mkt_dec_u32(&in);
	e->len = mkt_dec_u32(&in);
	e->off = mkt_dec_u64(&in);
	for (unsigned i = 0; i < MKT_BY_COUNT; i++)
		e->keys.v[i] = mkt_dec_u64(&in);
	return mkt_dec_u64(&in) == entry_check(p, height);
}

int seg_entry_get(const struct mkt_segments *s, uint64_t height, struct seg_entry *e,
		  struct mkt_err *err)
{
	uint8_t raw[SEG_ENTRY_BYTES];
	int errnum;

	if (s->conf.read_only && height >= s->entries_from) {
		memcpy(raw, s->entries.data + (height - s->entries_from) * SEG_ENTRY_BYTES,
		       sizeof(raw));
	} else {
		errnum = seg_pread(s->index_fd, raw, sizeof(raw), height * SEG_ENTRY_BYTES);
		if (errnum && errnum != ENODATA)
			return mkt_err_sys(err, MKT_EIO, errnum, "cannot read '%s/index'", s->dir);
		if (errnum)
			memset(raw, 0, sizeof(raw));
	}
	if (seg_entry_dec(raw, height, e))
		return 0;
	mkt_err_set(err, MKT_ESTORE, "'%s/index' is damaged at entry %llu", s->dir,
		    (unsigned long long)height);
	mkt_err_hint(err, "stop the node, remove that file and start again: it is rebuilt");
	return -MKT_ESTORE;
}

const char *seg_record_dec(const uint8_t *p, uint32_t record_max, struct seg_record *r)
{
	struct mkt_dec in = mkt_dec_init(p, MKT_RECORD_HEADER_BYTES);

	if (memcmp(mkt_dec_bytes(&in, sizeof(magic)), magic, sizeof(magic)) != 0)
		return "no record begins there";
	r->raw_len = mkt_dec_u32(&in);
	r->stored_len = mkt_dec_u32(&in);
	r->height = mkt_dec_u64(&in);
	r->flags = mkt_dec_u8(&in);
	mkt_dec_bytes(&in, 3);
	r->sum = mkt_dec_bytes(&in, SUM_LEN);
	if (r->raw_len > record_max || r->stored_len > ZSTD_compressBound(record_max))
		return "its length is out of range";
	return NULL;
}

static void record_sum(const uint8_t *p, size_t stored_len, uint8_t out[SUM_LEN])
{
	struct mkt_hash h;

	mkt_hash2(&h, MKT_DOM_SEGMENT, p, SUM_AT, p + MKT_RECORD_HEADER_BYTES, stored_len);
	memcpy(out, h.b, SUM_LEN);
}

bool seg_record_ok(const uint8_t *p, const struct seg_record *r)
{
	uint8_t sum[SUM_LEN];

	record_sum(p, r->stored_len, sum);
	return !memcmp(sum, r->sum, SUM_LEN);
}

/*
 * To make a context costs a hundred times what unpacking a small record does, so
 * a few are kept.  NULL: no memory.
 */
static ZSTD_DCtx *take_dctx(struct mkt_segments *s)
{
	for (unsigned i = 0; i < SEG_DCTX_MAX; i++) {
		ZSTD_DCtx *d = atomic_exchange(&s->dctx[i], NULL);

		if (d)
			return d;
	}
	return ZSTD_createDCtx();
}

static void give_dctx(struct mkt_segments *s, ZSTD_DCtx *d)
{
	for (unsigned i = 0; d && i < SEG_DCTX_MAX; i++) {
		ZSTD_DCtx *none = NULL;

		if (atomic_compare_exchange_strong(&s->dctx[i], &none, d))
			return;
	}
	ZSTD_freeDCtx(d);
}

static int unpack_payload(ZSTD_DCtx *d, const uint8_t *payload, const struct seg_record *r,
			  struct mkt_buf *out, struct mkt_err *err)
{
	size_t got;

	mkt_buf_clear(out);
	if (!d || mkt_buf_grow(out, r->raw_len + 1u) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	got = ZSTD_decompressDCtx(d, out->data, r->raw_len, payload, r->stored_len);
	if (ZSTD_isError(got) || got != r->raw_len)
		return mkt_err_set(err, MKT_EINTEGRITY, "its contents do not unpack");
	out->len = got;
	out->data[got] = 0;
	return 0;
}

static int unpack(ZSTD_DCtx *d, const void *p, size_t n, uint32_t record_max, struct seg_record *r,
		  struct mkt_buf *out, struct mkt_err *err)
{
	const char *fault;

	if (n < MKT_RECORD_HEADER_BYTES)
		return mkt_err_set(err, MKT_ETRUNCATED, "the record ends within its header");
	fault = seg_record_dec(p, record_max, r);
	if (fault)
		return mkt_err_set(err, MKT_EINTEGRITY, "%s", fault);
	if (n - MKT_RECORD_HEADER_BYTES < r->stored_len)
		return mkt_err_set(err, MKT_ETRUNCATED, "the record ends within its contents");
	if (!seg_record_ok(p, r))
		return mkt_err_set(err, MKT_EINTEGRITY, "its checksum is wrong");
	return unpack_payload(d, (const uint8_t *)p + MKT_RECORD_HEADER_BYTES, r, out, err);
}

int mkt_record_unpack(const void *p, size_t n, uint32_t record_max, uint64_t *height,
		      struct mkt_buf *out, size_t *used, struct mkt_err *err)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	struct seg_record r;
	int ret = unpack(d, p, n, record_max, &r, out, err);

	ZSTD_freeDCtx(d);
	if (ret < 0)
		return ret;
	*height = r.height;
	if (used)
		*used = MKT_RECORD_HEADER_BYTES + (size_t)r.stored_len;
	return 0;
}

int mkt_segments_unpack(struct mkt_segments *s, const void *p, size_t n, uint64_t *height,
			struct mkt_buf *out, struct mkt_err *err)
{
	ZSTD_DCtx *d = take_dctx(s);
	struct seg_record r;
	int ret = unpack(d, p, n, s->conf.record_max, &r, out, err);

	give_dctx(s, d);
	if (!ret)
		*height = r.height;
	return ret;
}

unsigned mkt_record_flags(const void *p)
{
	return ((const uint8_t *)p)[FLAGS_AT];
}

/* ---- append ---- */

static int pack(ZSTD_CCtx *cctx, uint64_t height, unsigned flags, const void *p, size_t n,
		struct mkt_buf *b, struct mkt_err *err)
{
	size_t at = b->len, room = ZSTD_compressBound(n), stored;

	if (!cctx || mkt_buf_grow(b, MKT_RECORD_HEADER_BYTES + room) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	stored = ZSTD_compressCCtx(cctx, b->data + at + MKT_RECORD_HEADER_BYTES, room, p, n,
				   ZSTD_LEVEL);
	if (ZSTD_isError(stored))
		return mkt_err_set(err, MKT_ENOMEM, "cannot compress: %s",
				   ZSTD_getErrorName(stored));
	mkt_enc_bytes(b, magic, sizeof(magic));
	mkt_enc_u32(b, (uint32_t)n);
	mkt_enc_u32(b, (uint32_t)stored);
	mkt_enc_u64(b, height);
	mkt_enc_u32(b, flags); /* u8 flags and three zeros */
	record_sum(b->data + at, stored, b->data + at + SUM_AT);
	b->len = at + MKT_RECORD_HEADER_BYTES + stored;
	return 0;
}

int mkt_record_pack(uint64_t height, unsigned flags, const void *p, size_t n, struct mkt_buf *out,
		    struct mkt_err *err)
{
	ZSTD_CCtx *cctx = ZSTD_createCCtx();
	int r = pack(cctx, height, flags & UINT8_MAX, p, n, out, err);

	ZSTD_freeCCtx(cctx);
	return r;
}

int mkt_segments_pack(struct mkt_segments *s, uint64_t height, unsigned flags, const void *p,
		      size_t n, struct mkt_buf *out, struct mkt_err *err)
{
	ZSTD_CCtx *cctx = atomic_exchange(&s->spare_cctx, NULL), *none = NULL;
	int r;

	if (!cctx)
		cctx = ZSTD_createCCtx();
	r = pack(cctx, height, flags & UINT8_MAX, p, n, out, err);
	if (!atomic_compare_exchange_strong(&s->spare_cctx, &none, cctx))
		ZSTD_freeCCtx(cctx);
	return r;
}

static int pack_one(struct mkt_segments *s, const struct mkt_segment_record *rec, uint64_t height,
		    bool first, struct mkt_err *err)
{
	if (rec->n > s->conf.record_max)
		return mkt_err_set(err, MKT_EINVAL, "record %llu is longer than a record may be",
				   (unsigned long long)height);
	return pack(s->cctx, height, rec->flags | (first ? SEG_FLAG_FIRST : 0), rec->p, rec->n,
		    &s->buf, err);
}

/* Entries of the packed records, which will stand at the end of the present segment. */
static int make_entries(struct mkt_segments *s, const struct mkt_segment_record *v, unsigned n,
			uint64_t height, struct mkt_err *err)
{
	size_t at = 0;

	mkt_buf_clear(&s->entries);
	for (unsigned i = 0; i < n; i++) {
		struct seg_record r = {.stored_len = 0};
		struct seg_entry e = {
			.seg = seg_id(s->seg, s->gen), .off = s->seg_len + at, .keys = v[i].keys};

		(void)seg_record_dec(s->buf.data + at, UINT32_MAX / 2, &r);
		e.len = MKT_RECORD_HEADER_BYTES + r.stored_len;
		seg_entry_enc(&e, height + i, &s->entries);
		at += e.len;
	}
	return s->entries.bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

void seg_file_head(const struct mkt_segments *s, uint64_t height, struct mkt_buf *out)
{
	mkt_enc_bytes(out, "mktseg1\n", 8);
	mkt_enc_u64(out, height);
	mkt_enc_bytes(out, s->conf.owner, MKT_SEGMENT_OWNER_LEN);
}

int seg_new_file(struct mkt_segments *s, uint32_t seg, uint64_t height, struct mkt_err *err)
{
	struct mkt_buf head = MKT_BUF_INIT;
	int fd, errnum = 0;

	seg_file_head(s, height, &head);
	if (head.bad) {
		mkt_buf_release(&head);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	fd = seg_open_file(s, seg, O_RDWR | O_CREAT | O_TRUNC);
	if (fd < 0)
		errnum = errno;
	else
		errnum = seg_pwrite(fd, head.data, head.len, 0);
	mkt_buf_release(&head);
	if (!errnum && (fsync(fd) < 0 || fsync(s->dir_fd) < 0 || fdatasync(s->index_fd) < 0))
		errnum = errno;
	if (errnum) {
		char name[SEG_NAME_MAX];

		seg_name(seg, name);
		if (fd >= 0) {
			unlinkat(s->dir_fd, name, 0);
			close(fd);
		}
		return mkt_err_sys(err, seg_code(errnum), errnum, "cannot make '%s/%s'", s->dir,
				   name);
	}
	if (s->seg_fd >= 0)
		close(s->seg_fd);
	s->seg_fd = fd;
	s->seg = seg;
	s->gen = 0;
	s->seg_len = SEG_FILE_HEADER;
	s->bytes += SEG_FILE_HEADER;
	return 0;
}

/*
 * Back to what was there before; a failure here means that nobody knows what is.
 * The index first: its entries prove records.
 */
static void undo(struct mkt_segments *s, uint64_t count)
{
	if (ftruncate(s->index_fd, (off_t)(count * SEG_ENTRY_BYTES)) < 0 ||
	    fdatasync(s->index_fd) < 0 || ftruncate(s->seg_fd, (off_t)s->seg_len) < 0 ||
	    fdatasync(s->seg_fd) < 0)
		s->failed = true;
}

static int write_all(struct mkt_segments *s, uint64_t count, struct mkt_err *err)
{
	uint64_t index_at = count * SEG_ENTRY_BYTES;
	int errnum;

	/* Room for the entries first: after the commit point nothing may fail for lack of space. */
	if (fallocate(s->index_fd, FALLOC_FL_KEEP_SIZE, (off_t)index_at,
		      (off_t)s->entries.len + INDEX_RESERVE) < 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		return mkt_err_sys(err, seg_code(errno), errno, "cannot write '%s/index'", s->dir);
	errnum = seg_pwrite(s->seg_fd, s->buf.data, s->buf.len, s->seg_len);
	if (!errnum && fdatasync(s->seg_fd) < 0) {
		errnum = errno;
		s->failed = seg_code(errnum) ==
			    MKT_EIO; /* what the kernel dropped is not written by trying again */
	}
	if (errnum) {
		char name[SEG_NAME_MAX];

		seg_name(seg_id(s->seg, s->gen), name);
		mkt_err_sys(err, seg_code(errnum), errnum, "cannot write '%s/%s'", s->dir, name);
	}
	if (!errnum) {
		errnum = seg_pwrite(s->index_fd, s->entries.data, s->entries.len, index_at);
		if (errnum)
			mkt_err_sys(err, seg_code(errnum), errnum, "cannot write '%s/index'",
				    s->dir);
	}
	if (!errnum)
		return 0;
	undo(s, count);
	return -seg_code(errnum);
}

static int append(struct mkt_segments *s, const struct mkt_segment_record *v, unsigned n,
		  struct mkt_err *err)
{
	uint64_t count = s->count, max = s->conf.segment_max;
	int r;

	mkt_buf_clear(&s->buf);
	for (unsigned i = 0; i < n; i++) {
		r = pack_one(s, &v[i], count + i, !i, err);
		if (r < 0)
			return r;
	}
	if (s->seg_len > SEG_FILE_HEADER && s->seg_len + s->buf.len > max) {
		r = seg_new_file(s, s->seg + 1, count, err);
		if (r < 0)
			return r;
	}
	r = make_entries(s, v, n, count, err);
	if (r < 0)
		return r;
	r = write_all(s, count, err);
	if (r < 0)
		return r;
	s->seg_len += s->buf.len;
	s->bytes += s->buf.len + s->entries.len;
	s->count = count + n;
	return 0;
}

int mkt_segments_append(struct mkt_segments *s, const struct mkt_segment_record *v, unsigned n,
			struct mkt_err *err)
{
	int r;

	if (s->conf.read_only || !n || n > MKT_APPEND_MAX)
		return mkt_err_set(err, MKT_EINVAL,
				   "nothing to append, too much, or opened for reading only");
	if (s->failed)
		return mkt_err_set(err, MKT_EIO, "an earlier write to '%s' failed; start again",
				   s->dir);
	pthread_mutex_lock(&s->append_lock);
	r = append(s, v, n, err);
	if (s->buf.cap > KEEP_BUF_MAX)
		mkt_buf_release(&s->buf);
	pthread_mutex_unlock(&s->append_lock);
	return r;
}

int mkt_segments_roll(struct mkt_segments *s, struct mkt_err *err)
{
	int r = 0;

	if (s->conf.read_only)
		return mkt_err_set(err, MKT_EINVAL, "opened for reading only");
	pthread_mutex_lock(&s->append_lock);
	if (s->seg_len > SEG_FILE_HEADER)
		r = seg_new_file(s, s->seg + 1, s->count, err);
	pthread_mutex_unlock(&s->append_lock);
	return r;
}

/* ---- read ---- */

uint64_t mkt_segments_count(const struct mkt_segments *s)
{
	return s->count;
}

uint64_t mkt_segments_cut(const struct mkt_segments *s)
{
	return s->cut;
}

uint64_t mkt_segments_rebuilt(const struct mkt_segments *s)
{
	return s->rebuilt;
}

uint64_t mkt_segments_bytes(const struct mkt_segments *s)
{
	return s->bytes;
}

static int entry_of(const struct mkt_segments *s, uint64_t height, struct seg_entry *e,
		    struct mkt_err *err)
{
	if (height >= s->count)
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no block %llu",
				   (unsigned long long)height);
	return seg_entry_get(s, height, e, err);
}

/* -MKT_ENOTFOUND: the file is gone. */
static int read_bytes(const struct mkt_segments *s, const struct seg_entry *e, struct mkt_buf *out,
		      struct mkt_err *err)
{
	char name[SEG_NAME_MAX];
	int fd, errnum;

	seg_name(e->seg, name);
	mkt_buf_clear(out);
	if (mkt_buf_grow(out, e->len + 1u) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	fd = seg_open_file(s, e->seg, O_RDONLY);
	if (fd < 0)
		return mkt_err_sys(err, errno == ENOENT ? MKT_ENOTFOUND : MKT_EIO, errno,
				   "cannot open '%s/%s'", s->dir, name);
	errnum = seg_pread(fd, out->data, e->len, e->off);
	close(fd);
	if (errnum)
		return mkt_err_sys(err, errnum == ENODATA ? MKT_EINTEGRITY : MKT_EIO, errnum,
				   "cannot read '%s/%s' at %llu", s->dir, name,
				   (unsigned long long)e->off);
	out->len = e->len;
	out->data[out->len] = 0;
	return 0;
}

static int name_fault(const struct mkt_segments *s, const struct seg_entry *e, uint64_t height,
		      const char *fault, struct mkt_err *err)
{
	char name[SEG_NAME_MAX];

	seg_name(e->seg, name);
	return mkt_err_set(err, MKT_EINTEGRITY, "'%s/%s' is damaged at %llu, block %llu: %s",
			   s->dir, name, (unsigned long long)e->off, (unsigned long long)height,
			   fault);
}

/*
 * Entry and bytes of a record.  Its file may be made anew meanwhile: then the file of
 * the entry is gone, and the index names another; or the entry is just being written.
 */
static int find_bytes(const struct mkt_segments *s, uint64_t height, struct seg_entry *e,
		      struct mkt_buf *out, struct mkt_err *err)
{
	int r = -MKT_ENOTFOUND;

	if (height >= s->count)
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no block %llu",
				   (unsigned long long)height);
	for (unsigned i = 0; i < READ_TRIES && (r == -MKT_ENOTFOUND || r == -MKT_ESTORE); i++) {
		r = seg_entry_get(s, height, e, err);
		if (!r && e->len < MKT_RECORD_HEADER_BYTES)
			return name_fault(s, e, height, "its index entry is too short", err);
		if (!r)
			r = read_bytes(s, e, out, err);
	}
	if (r == -MKT_ENOTFOUND) { /* a block that is known to be there */
		r = -MKT_EIO;
		if (err)
			err->code = MKT_EIO;
	}
	return r;
}

/* Checked but for the payload's unpacking. */
static int read_record(const struct mkt_segments *s, uint64_t height, struct seg_entry *e,
		       struct seg_record *r, struct mkt_buf *out, struct mkt_err *err)
{
	const char *fault;
	int ret = find_bytes(s, height, e, out, err);

	if (ret < 0)
		return ret;
	fault = seg_record_dec(out->data, s->conf.record_max, r);
	if (!fault && (r->height != height || r->stored_len != e->len - MKT_RECORD_HEADER_BYTES))
		fault = "another record stands there";
	if (!fault && !seg_record_ok(out->data, r))
		fault = "its checksum is wrong";
	return fault ? name_fault(s, e, height, fault, err) : 0;
}

int mkt_segments_read_raw(struct mkt_segments *s, uint64_t height, struct mkt_buf *out,
			  struct mkt_err *err)
{
	struct seg_entry e;
	struct seg_record r;

	return read_record(s, height, &e, &r, out, err);
}

int mkt_segments_read(struct mkt_segments *s, uint64_t height, struct mkt_buf *out,
		      struct mkt_err *err)
{
	struct mkt_buf raw = MKT_BUF_INIT;
	struct seg_entry e;
	struct seg_record r;
	int ret = read_record(s, height, &e, &r, &raw, err);

	if (!ret) {
		ZSTD_DCtx *d = take_dctx(s);

		ret = unpack_payload(d, raw.data + MKT_RECORD_HEADER_BYTES, &r, out, err);
		give_dctx(s, d);
		if (ret == -MKT_EINTEGRITY)
			name_fault(s, &e, height, "its contents do not unpack", err);
		if (!ret && (r.flags & MKT_RECORD_PRUNED))
			ret = 1;
	}
	mkt_buf_release(&raw);
	return ret;
}

int mkt_segments_keys(struct mkt_segments *s, uint64_t height, struct mkt_segment_keys *out,
		      struct mkt_err *err)
{
	struct seg_entry e;
	int r = entry_of(s, height, &e, err);

	if (!r)
		*out = e.keys;
	return r;
}

int mkt_segments_find(struct mkt_segments *s, enum mkt_segment_key key, uint64_t value,
		      uint64_t *height, struct mkt_err *err)
{
	uint64_t from = 0, to = s->count; /* the first record above @value is in from .. to */
	struct seg_entry e;

	while (from < to) {
		uint64_t mid = from + (to - from) / 2;
		int r = seg_entry_get(s, mid, &e, err);

		if (r < 0)
			return r;
		if (e.keys.v[key] <= value)
			from = mid + 1;
		else
			to = mid;
	}
	if (!from)
		return mkt_err_set(err, MKT_ENOTFOUND, "it is before the first block");
	*height = from - 1;
	return 0;
}

/* ---- open and close ---- */

int mkt_segments_open(const struct mkt_segments_conf *conf, struct mkt_segments **out,
		      struct mkt_err *err)
{
	struct mkt_segments *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return mkt_err_code(err, MKT_ENOMEM);
	s->conf = *conf;
	s->dir_fd = s->index_fd = s->seg_fd = -1;
	pthread_mutex_init(&s->append_lock, NULL);
	pthread_mutex_init(&s->rewrite_lock, NULL);
	s->dir = strdup(conf->dir);
	s->cctx = ZSTD_createCCtx();
	s->conf.dir = s->dir;
	if (!s->conf.segment_max)
		s->conf.segment_max = MKT_SEGMENT_MAX_DEFAULT;
	r = s->dir && s->cctx ? seg_open_all(s, err) : mkt_err_code(err, MKT_ENOMEM);
	if (r < 0) {
		mkt_segments_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void mkt_segments_close(struct mkt_segments *s)
{
	if (!s)
		return;
	if (s->index_fd >= 0) {
		if (!s->conf.read_only)
			fdatasync(s->index_fd);
		close(s->index_fd);
	}
	if (s->seg_fd >= 0)
		close(s->seg_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	ZSTD_freeCCtx(s->cctx);
	ZSTD_freeCCtx(s->spare_cctx);
	for (unsigned i = 0; i < SEG_DCTX_MAX; i++)
		ZSTD_freeDCtx(s->dctx[i]);
	mkt_buf_release(&s->buf);
	mkt_buf_release(&s->entries);
	pthread_mutex_destroy(&s->append_lock);
	pthread_mutex_destroy(&s->rewrite_lock);
	free(s->gens);
	free(s->dir);
	free(s);
}
