/*
 * A segment file made anew: bodies leave it, or come back.
 *
 * The order keeps a whole file for every record at every instant: write and sync
 * the new one, name it, write and sync its index entries, remove the old one.
 * segment_open.c finishes what was cut short after the naming.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/segment_impl.h"

#define CHUNK (1u << 20)

uint32_t mkt_segments_last(const struct mkt_segments *s)
{
	return s->seg;
}

/* The first height whose entry is in a file after @number - 1; the count if there is none. */
static int first_of(struct mkt_segments *s, uint32_t number, uint64_t *out, struct mkt_err *err)
{
	uint64_t from = 0, to = s->count;

	while (from < to) {
		uint64_t mid = from + (to - from) / 2;
		struct seg_entry e;
		int r = seg_entry_get(s, mid, &e, err);

		if (r < 0)
			return r;
		if (seg_number(e.seg) < number)
			from = mid + 1;
		else
			to = mid;
	}
	*out = from;
	return 0;
}

int mkt_segments_span(struct mkt_segments *s, uint32_t number, uint64_t *first, uint64_t *end,
		      struct mkt_err *err)
{
	uint64_t from = 0;
	int r;

	if (!number || number > s->seg)
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no segment %lu",
				   (unsigned long)number);
	r = first_of(s, number, &from, err);
	if (!r)
		r = first_of(s, number + 1, end, err);
	if (!r)
		*first = from;
	return r;
}

int mkt_segments_upto(struct mkt_segments *s, uint64_t height, uint64_t *bytes, struct mkt_err *err)
{
	struct seg_entry e;
	int r;

	if (height >= s->count)
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no block %llu",
				   (unsigned long long)height);
	r = seg_entry_get(s, height, &e, err);
	if (!r)
		*bytes = e.off + e.len;
	return r;
}

/* One rewriting. */
struct rewrite {
	struct mkt_segments *s;
	uint32_t old_id, new_id;
	uint64_t first, end; /* heights */
	int fd;
	uint64_t len; /* of the new file, what is still in @out included */
	struct mkt_buf out, raw, rec, entries;
};

static int cannot(const struct rewrite *w, int errnum, struct mkt_err *err)
{
	return mkt_err_sys(err, seg_code(errnum), errnum, "cannot write '%s/%s'", w->s->dir,
			   SEG_TEMP);
}

static int flush(struct rewrite *w, struct mkt_err *err)
{
	int errnum;

	if (w->out.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	errnum = seg_pwrite(w->fd, w->out.data, w->out.len, w->len - w->out.len);
	mkt_buf_clear(&w->out);
	return errnum ? cannot(w, errnum, err) : 0;
}

static int add_record(struct rewrite *w, uint64_t height, const struct mkt_buf *rec,
		      struct mkt_err *err)
{
	struct seg_entry e;
	int r = seg_entry_get(w->s, height, &e, err);

	if (r < 0)
		return r;
	e.seg = w->new_id;
	e.off = w->len;
	e.len = (uint32_t)rec->len;
	seg_entry_enc(&e, height, &w->entries);
	mkt_buf_add(&w->out, rec->data, rec->len);
	w->len += rec->len;
	if (w->entries.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	return w->out.len >= CHUNK || w->out.bad ? flush(w, err) : 0;
}

static int write_records(struct rewrite *w, mkt_segment_change_fn *change, void *ctx,
			 struct mkt_err *err)
{
	int r = 0;

	for (uint64_t h = w->first; !r && h < w->end; h++) {
		r = mkt_segments_read_raw(w->s, h, &w->raw, err);
		mkt_buf_clear(&w->rec);
		if (r >= 0)
			r = change(ctx, h, w->raw.data, w->raw.len, &w->rec, err);
		if (r >= 0 && w->rec.bad)
			r = mkt_err_code(err, MKT_ENOMEM);
		if (r >= 0)
			r = add_record(w, h, w->rec.len ? &w->rec : &w->raw, err);
	}
	return r < 0 ? r : flush(w, err);
}

static int write_file(struct rewrite *w, mkt_segment_change_fn *change, void *ctx,
		      struct mkt_err *err)
{
	char name[SEG_NAME_MAX];
	int r;

	w->fd = openat(w->s->dir_fd, SEG_TEMP, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w->fd < 0)
		return cannot(w, errno, err);
	seg_file_head(w->s, w->first, &w->out);
	w->len = w->out.len;
	r = write_records(w, change, ctx, err);
	if (r < 0)
		return r;
	seg_name(w->new_id, name);
	if (fsync(w->fd) < 0 || renameat(w->s->dir_fd, SEG_TEMP, w->s->dir_fd, name) < 0)
		return cannot(w, errno, err);
	return 0;
}

/* From here on the new file counts: what fails is done again by the next opening. */
static int take_place(struct rewrite *w, struct mkt_err *err)
{
	struct mkt_segments *s = w->s;
	char name[SEG_NAME_MAX];
	struct stat st;
	int errnum = fsync(s->dir_fd) < 0 ? errno : 0;

	if (!errnum)
		errnum = seg_pwrite(s->index_fd, w->entries.data, w->entries.len,
				    w->first * SEG_ENTRY_BYTES);
	if (!errnum && fdatasync(s->index_fd) < 0)
		errnum = errno;
	if (errnum)
		return mkt_err_sys(err, seg_code(errnum), errnum, "cannot write '%s/index'",
				   s->dir);
	seg_name(w->old_id, name);
	if (fstatat(s->dir_fd, name, &st, 0) < 0 || unlinkat(s->dir_fd, name, 0) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot remove '%s/%s'", s->dir, name);
	s->bytes += w->len;
	s->bytes -= (uint64_t)st.st_size;
	return 0;
}

static int rewrite(struct rewrite *w, uint32_t number, mkt_segment_change_fn *change, void *ctx,
		   struct mkt_err *err)
{
	struct seg_entry e = {.seg = 0};
	int r;

	if (w->s->conf.read_only || number >= w->s->seg)
		return mkt_err_set(err, MKT_EINVAL, "segment %lu cannot be made anew",
				   (unsigned long)number);
	r = mkt_segments_span(w->s, number, &w->first, &w->end, err);
	if (!r && w->first == w->end)
		return 0;
	if (!r)
		r = seg_entry_get(w->s, w->first, &e, err);
	if (r < 0)
		return r;
	if (seg_gen(e.seg) == SEG_GEN_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "segment %lu was made anew %u times",
				   (unsigned long)number, SEG_GEN_MAX);
	w->old_id = e.seg;
	w->new_id = seg_id(number, seg_gen(e.seg) + 1);
	r = write_file(w, change, ctx, err);
	if (r < 0) {
		unlinkat(w->s->dir_fd, SEG_TEMP, 0);
		return r;
	}
	return take_place(w, err);
}

int mkt_segments_rewrite(struct mkt_segments *s, uint32_t number, mkt_segment_change_fn *change,
			 void *ctx, struct mkt_err *err)
{
	struct rewrite w = {.s = s, .fd = -1};
	int r;

	pthread_mutex_lock(&s->rewrite_lock);
	r = rewrite(&w, number, change, ctx, err);
	pthread_mutex_unlock(&s->rewrite_lock);
	if (w.fd >= 0)
		close(w.fd);
	mkt_buf_release(&w.out);
	mkt_buf_release(&w.raw);
	mkt_buf_release(&w.rec);
	mkt_buf_release(&w.entries);
	return r;
}
