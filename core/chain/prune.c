/* Bodies out of the segment files into archives, and back. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/chain/archive_impl.h"

#define CHUNK (1u << 20)
#define SHORT_BYTES 400 /* what is left of a record, or a little more */
#define WORTH 4 /* a file is made anew when one part in so many would go */

/* ---- what may go ---- */

static int height_before(struct mkt_chain *c, uint64_t since_ms, uint64_t *first,
			 struct mkt_err *err)
{
	uint64_t before = 0;
	int r = since_ms ? mkt_segments_find(c->seg, MKT_BY_TIME_MS, since_ms - 1, &before, err)
			 : -MKT_ENOTFOUND;

	if (r < 0 && r != -MKT_ENOTFOUND)
		return r;
	*first = r < 0 ? 0 : before + 1;
	return 0;
}

/* Time of the last block in the store: a restart reads what lies a validity period before it. */
static int indexed_time(struct mkt_chain *c, uint64_t *time_ms, struct mkt_err *err)
{
	struct mkt_segment_keys keys;
	int r;

	if (!c->nindexed)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "opened without its state");
	r = mkt_segments_keys(c->seg, c->nindexed - 1, &keys, err);
	if (!r)
		*time_ms = keys.v[MKT_BY_TIME_MS];
	return r;
}

int mkt_chain_prune_before(struct mkt_chain *c, uint64_t keep_s, uint64_t *before,
			   struct mkt_err *err)
{
	uint64_t now = 0, keep_ms = keep_s > UINT64_MAX / 1000 ? UINT64_MAX : keep_s * 1000;
	int r = indexed_time(c, &now, err);

	return r < 0 ? r : height_before(c, now > keep_ms ? now - keep_ms : 0, before, err);
}

int mkt_chain_prune_limit(struct mkt_chain *c, uint64_t *before, struct mkt_err *err)
{
	struct mkt_contract contract;
	struct mkt_bid bid;
	uint64_t now = 0, limit = 0, height;
	int r = indexed_time(c, &now, err);

	if (!r)
		r = height_before(c, chain_valid_since(&c->g, now), &limit, err);
	if (r < 0)
		return r;
	if (limit >= c->nindexed)
		limit = c->nindexed - 1;
	if (mkt_state_contracts(c->state, UINT32_MAX, 0, &contract, 1) && contract.height < limit)
		limit = contract.height;
	if (mkt_state_bids(c->state, UINT32_MAX, 0, &bid, 1)) {
		r = mkt_chain_height_of_bid(c, bid.id, &height, err);
		if (!r && height < limit)
			limit = height;
	}
	if (!r)
		*before = limit;
	return r;
}

/* ---- one segment file ---- */

struct pruning {
	struct mkt_chain *c;
	const struct mkt_prune *p;
	struct mkt_pruned *done;
	uint64_t first, end; /* heights that are looked at: below p->before */
	uint8_t *chosen;     /* a bit for each */
	uint64_t nchosen, first_chosen, last_chosen;
	int fd; /* of the archive */
	uint64_t len, bytes;
	struct mkt_buf out, raw, block;
	char name[CHAIN_ARCHIVE_MAX + 1];
	char tmp[PATH_MAX];
};

static bool is_chosen(const struct pruning *w, uint64_t height)
{
	uint64_t i = height - w->first;

	return height >= w->first && height < w->end && (w->chosen[i / 8] >> i % 8 & 1);
}

static int cannot(const struct pruning *w, int errnum, struct mkt_err *err)
{
	return mkt_err_sys(err, chain_io_code(errnum), errnum, "cannot write into '%s'", w->p->dir);
}

static int flush(struct pruning *w, struct mkt_err *err)
{
	size_t at = 0;

	if (w->out.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	while (at < w->out.len) {
		ssize_t n = pwrite(w->fd, w->out.data + at, w->out.len - at, (off_t)w->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(w, errno, err);
		at += (size_t)n;
		w->len += (uint64_t)n;
	}
	mkt_buf_clear(&w->out);
	return 0;
}

static int check_stop(const struct pruning *w, struct mkt_err *err)
{
	if (w->p->stop && w->p->stop(w->p->ctx))
		return mkt_err_set(err, MKT_ECANCELLED, "moving bodies was stopped");
	return 0;
}

/* Has block @height a body, which may go?  Not if the set of authorities changes with it. */
static int consider(struct pruning *w, uint64_t height, bool *yes, struct mkt_err *err)
{
	struct mkt_block b, next;
	size_t used = 0;
	int r = mkt_segments_read(w->c->seg, height, &w->block, err), r2;

	if (r < 0)
		return r;
	*yes = false;
	if (r == 1 || !height)
		return 0;
	r = mkt_block_dec_head(w->block.data, w->block.len, &b, &used, err);
	if (r < 0 || used == w->block.len)
		return r;
	r2 = mkt_chain_read_head(w->c, height + 1, &next, err);
	if (r2 >= 0)
		*yes = mkt_hash_eq(&b.h.authorities, &next.h.authorities);
	return r2 < 0 ? r2 : 0;
}

static int archive_one(struct pruning *w, uint64_t height, struct mkt_err *err)
{
	uint64_t i = height - w->first;
	int r = mkt_segments_read_raw(w->c->seg, height, &w->raw, err);

	if (r < 0)
		return r;
	w->chosen[i / 8] |= (uint8_t)(1u << i % 8);
	if (!w->nchosen++)
		w->first_chosen = height;
	w->last_chosen = height;
	w->bytes += w->raw.len;
	mkt_buf_add(&w->out, w->raw.data, w->raw.len);
	return w->out.len >= CHUNK || w->out.bad ? flush(w, err) : 0;
}

/* Records into the archive, whose head is written last. */
static int fill_archive(struct pruning *w, struct mkt_err *err)
{
	uint8_t head[MKT_ARCHIVE_HEAD_BYTES] = {0};
	int r = 0;

	mkt_buf_add(&w->out, head, sizeof(head));
	for (uint64_t h = w->first; !r && h < w->end; h++) {
		bool yes;

		r = check_stop(w, err);
		if (!r)
			r = consider(w, h, &yes, err);
		if (!r && yes)
			r = archive_one(w, h, err);
	}
	return r ? r : flush(w, err);
}

static int end_archive(struct pruning *w, struct mkt_err *err)
{
	char path[PATH_MAX];
	uint64_t len = w->len;
	int n, r;

	snprintf(w->name, sizeof(w->name), "%012llu-%012llu.mkta",
		 (unsigned long long)w->first_chosen, (unsigned long long)w->last_chosen);
	archive_head_enc(&w->c->id, w->first_chosen, w->last_chosen, &w->out);
	w->len = 0;
	mkt_buf_clear(&w->raw); /* the head once more, for the sum at the end */
	mkt_buf_add(&w->raw, w->out.data, w->out.len);
	r = w->raw.bad ? mkt_err_code(err, MKT_ENOMEM) : flush(w, err);
	w->len = len;
	if (!r) {
		archive_end_enc(w->raw.data, w->nchosen, &w->out);
		r = flush(w, err);
	}
	if (!r && fsync(w->fd) < 0)
		r = cannot(w, errno, err);
	n = snprintf(path, sizeof(path), "%s/%s", w->p->dir, w->name);
	if (!r && (n < 0 || (size_t)n >= sizeof(path)))
		r = mkt_err_set(err, MKT_EINVAL, "'%s' is too long", w->p->dir);
	return r ? r : chain_file_publish(w->tmp, path, err);
}

static int write_archive(struct pruning *w, struct mkt_err *err)
{
	int r;

	snprintf(w->tmp, sizeof(w->tmp), "%.4000s/archive.new", w->p->dir);
	w->fd = open(w->tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w->fd < 0)
		return cannot(w, errno, err);
	r = fill_archive(w, err);
	if (!r && w->nchosen)
		r = end_archive(w, err);
	close(w->fd);
	if (r < 0 || !w->nchosen)
		unlink(w->tmp);
	return r;
}

static int shorten(void *ctx, uint64_t height, const void *rec, size_t n, struct mkt_buf *out,
		   struct mkt_err *err)
{
	struct pruning *w = ctx;
	struct mkt_block b;
	size_t used;
	int r = check_stop(w, err);

	if (r < 0 || !is_chosen(w, height))
		return r;
	r = mkt_segments_unpack(w->c->seg, rec, n, &height, &w->block, err);
	if (!r)
		r = mkt_block_dec_head(w->block.data, w->block.len, &b, &used, err);
	return r ? r
		 : chain_pack_short(w->c->seg, mkt_record_flags(rec), &w->block, used, w->name, out,
				    err);
}

static int prune_file(struct pruning *w, uint32_t number, struct mkt_err *err)
{
	size_t bits = (size_t)(w->end - w->first) / 8 + 1;
	int r;

	w->chosen = calloc(bits, 1);
	if (!w->chosen)
		return mkt_err_code(err, MKT_ENOMEM);
	r = write_archive(w, err);
	if (!r && w->nchosen)
		r = mkt_segments_rewrite(w->c->seg, number, shorten, w, err);
	if (!r && w->nchosen) {
		w->done->blocks += w->nchosen;
		w->done->bytes += w->bytes;
		w->done->files++;
		memcpy(w->done->name, w->name, sizeof(w->done->name));
	}
	free(w->chosen);
	mkt_buf_release(&w->out);
	mkt_buf_release(&w->raw);
	mkt_buf_release(&w->block);
	return r;
}

/* Would enough of the file go?  @first .. @end - 1 are its heights below the limit. */
static int worth(struct mkt_chain *c, uint64_t first, uint64_t end, uint64_t file_end, bool all,
		 struct mkt_err *err)
{
	uint64_t upto = 0, whole = 0, keep = (end - first) * SHORT_BYTES;
	int r = mkt_segments_upto(c->seg, end - 1, &upto, err);

	if (!r)
		r = mkt_segments_upto(c->seg, file_end - 1, &whole, err);
	if (r < 0)
		return r;
	return all || (upto > keep && (upto - keep) * WORTH >= whole);
}

static int prune_number(struct mkt_chain *c, const struct mkt_prune *p, uint32_t number,
			struct mkt_pruned *out, struct mkt_err *err)
{
	struct pruning w = {.c = c, .p = p, .done = out, .fd = -1};
	uint64_t file_end;
	int r = mkt_segments_span(c->seg, number, &w.first, &file_end, err);

	w.end = file_end < p->before ? file_end : p->before;
	if (r < 0 || w.first >= w.end)
		return r;
	r = worth(c, w.first, w.end, file_end, p->all, err);
	if (r <= 0)
		return r;
	r = number == mkt_segments_last(c->seg) ? mkt_segments_roll(c->seg, err) : 0;
	return r < 0 ? r : prune_file(&w, number, err);
}

int mkt_chain_prune(struct mkt_chain *c, const struct mkt_prune *p, struct mkt_pruned *out,
		    struct mkt_err *err)
{
	uint32_t last = mkt_segments_last(c->seg);
	int r = mkt_dir_make(p->dir, 0755, err);

	*out = (struct mkt_pruned){.blocks = 0};
	for (uint32_t i = 1; !r && i <= last; i++)
		r = prune_number(c, p, i, out, err);
	return r;
}

/* ---- back ---- */

struct restoring {
	struct mkt_chain *c;
	struct mkt_archive *a;
	uint64_t from, to;
	struct mkt_pruned done; /* of one file */
	struct mkt_buf rec, block, head;
};

static int differs(const struct restoring *w, uint64_t height, const char *fault,
		   struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "block %llu of '%s': %s",
			   (unsigned long long)height, mkt_archive_path(w->a), fault);
}

/*
 * The whole record: as archived where header and votes are the same bytes; else the
 * votes of this node with the body.
 */
static int join(struct restoring *w, uint64_t height, unsigned flags, struct mkt_buf *out,
		struct mkt_err *err)
{
	struct mkt_block have, b;
	size_t have_used = 0, used = 0;
	int r = mkt_block_dec_head(w->head.data, w->head.len, &have, &have_used, err);

	if (!r)
		r = mkt_block_dec_head(w->block.data, w->block.len, &b, &used, err);
	if (!r)
		r = mkt_block_dec(w->block.data, w->block.len, &b, err);
	if (!r && !mkt_hash_eq(&b.hash, &have.hash))
		return differs(w, height, "it is not the block of the chain", err);
	if (!r)
		r = mkt_verify_roots(&b, err);
	if (r < 0) {
		mkt_err_wrap(err, "'%s'", mkt_archive_path(w->a));
		return r;
	}
	if (used == have_used && !memcmp(w->head.data, w->block.data, used)) {
		mkt_buf_add(out, w->rec.data, w->rec.len);
		return 0;
	}
	w->head.len = have_used;
	mkt_buf_add(&w->head, w->block.data + used, w->block.len - used);
	if (w->head.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	return mkt_segments_pack(w->c->seg, height, flags & ~MKT_RECORD_PRUNED, w->head.data,
				 w->head.len, out, err);
}

static int lengthen(void *ctx, uint64_t height, const void *rec, size_t n, struct mkt_buf *out,
		    struct mkt_err *err)
{
	struct restoring *w = ctx;
	int r;

	if (height < w->from || height > w->to || !(mkt_record_flags(rec) & MKT_RECORD_PRUNED))
		return 0;
	r = mkt_archive_read(w->a, height, &w->rec, err);
	if (r <= 0)
		return r;
	r = mkt_segments_unpack(w->c->seg, rec, n, &height, &w->head, err);
	if (!r)
		r = mkt_segments_unpack(w->c->seg, w->rec.data, w->rec.len, &height, &w->block,
					err);
	if (!r)
		r = join(w, height, mkt_record_flags(rec), out, err);
	w->done.blocks++;
	w->done.bytes += w->rec.len;
	return r;
}

/* Is there a pruned record in first .. end - 1 that is wanted? */
static int any_pruned(struct restoring *w, uint64_t first, uint64_t end, struct mkt_err *err)
{
	struct mkt_block b;
	int r = 0;

	if (first < w->from)
		first = w->from;
	if (end > w->to)
		end = w->to + 1;
	for (uint64_t h = first; !r && h < end; h++)
		r = mkt_chain_read_head(w->c, h, &b, err);
	return r;
}

static int restore_number(struct restoring *w, uint32_t number, struct mkt_pruned *out,
			  struct mkt_err *err)
{
	uint64_t first, end;
	int r = mkt_segments_span(w->c->seg, number, &first, &end, err);

	if (r < 0 || first > w->to || end <= w->from)
		return r;
	r = any_pruned(w, first, end, err);
	if (r <= 0)
		return r;
	r = number == mkt_segments_last(w->c->seg) ? mkt_segments_roll(w->c->seg, err) : 0;
	w->done = (struct mkt_pruned){.blocks = 0};
	if (!r)
		r = mkt_segments_rewrite(w->c->seg, number, lengthen, w, err);
	if (r < 0)
		return r;
	out->blocks += w->done.blocks;
	out->bytes += w->done.bytes;
	out->files++;
	return 0;
}

int mkt_chain_restore(struct mkt_chain *c, struct mkt_archive *a, uint64_t from, uint64_t to,
		      struct mkt_pruned *out, struct mkt_err *err)
{
	struct restoring w = {.c = c, .a = a, .from = from, .to = to};
	uint32_t last = mkt_segments_last(c->seg);
	int r = 0;

	*out = (struct mkt_pruned){.blocks = 0};
	if (w.from < mkt_archive_first(a))
		w.from = mkt_archive_first(a);
	if (w.to > mkt_archive_last(a))
		w.to = mkt_archive_last(a);
	for (uint32_t i = 1; !r && w.from <= w.to && i <= last; i++)
		r = restore_number(&w, i, out, err);
	mkt_buf_release(&w.rec);
	mkt_buf_release(&w.block);
	mkt_buf_release(&w.head);
	return r;
}
