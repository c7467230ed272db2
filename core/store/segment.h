/*
 * Segment files: an append-only log of numbered records, the truth of a chain.
 *
 *   NNNNNN.seg, NNNNNN.G.seg  32 bytes of file header, then records; G 1..4095: made anew G times
 *     header    "mktseg1\n", u64 height of the first record, 16 bytes of owner (the chain's id)
 *     record    u32 magic "MKTR", u32 raw length, u32 stored length, u64 height, u8 flags, 3 x 0,
 *               16 bytes of MKT_DOM_SEGMENT over the 24 bytes before and the payload,
 *               payload: one zstd frame
 *   index       56 bytes a record: u32 segment and G << 20, u32 record length, u64 offset,
 *               u64 time_ms,
 *               u64 first tx, u64 first bid, u64 first exec, u64 check
 *
 * All little endian.  Flag bit 0 marks the first record of an append, bit 1 one that is
 * pruned: it holds only a part of what was appended (core/chain/archive.h).
 *
 * An append is one write and one fdatasync: when it returns all its records are
 * durable.  The index is written after that and is not synced, since it can be
 * rebuilt from the segments; so an index entry proves that its record was durable.
 * It is synced when a segment is full.
 *
 * Opening scans the segments from the last good index entry.  Bytes that no
 * record begins are an append that never returned, if nothing later was durable,
 * and are cut off; otherwise they are damage and are named: -MKT_ESTORE with
 * file, offset and height, and nothing is changed.
 *
 * A segment but the last may be made anew with other records of the same heights
 * (mkt_segments_rewrite()): the new file is written, synced and named, then the index
 * entries point to it, then the old one goes.  After a crash the file of the highest
 * generation counts, which is whole since it has its name, and opening does the rest.
 * A reader that finds its file gone looks at the index again.
 *
 * A record is checked whenever it is read.  Reading uses pread() on a descriptor
 * of its own and takes no lock, so any number of threads stream at once and the
 * resident memory is that of their buffers.
 *
 * Threads: one appends; one rewrites; reads from any.
 */
#ifndef MKT_STORE_SEGMENT_H
#define MKT_STORE_SEGMENT_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

struct mkt_segments;

#define MKT_SEGMENT_OWNER_LEN 16
#define MKT_SEGMENT_MAX_DEFAULT (256u << 20)
#define MKT_RECORD_HEADER_BYTES 40
#define MKT_APPEND_MAX 4096 /* records of one append */

/* What a record is found by, besides its height; none goes down from one record to the next. */
enum mkt_segment_key { MKT_BY_TIME_MS, MKT_BY_TX, MKT_BY_BID, MKT_BY_EXEC, MKT_BY_COUNT };

struct mkt_segment_keys {
	uint64_t v[MKT_BY_COUNT];
};

/* Keys of a record from its bytes; called when the index is rebuilt. */
typedef int mkt_segment_keys_fn(void *ctx, uint64_t height, const void *p, size_t n,
				struct mkt_segment_keys *out, struct mkt_err *err);

/* Told now and then while the segments are scanned: bytes done and in all. */
typedef void mkt_segment_progress_fn(void *ctx, uint64_t done, uint64_t total);

struct mkt_segments_conf {
	const char *dir; /* made if missing, unless read_only */
	uint8_t owner[MKT_SEGMENT_OWNER_LEN];
	uint64_t segment_max; /* a new file begins when an append would pass it; 0: the default */
	uint32_t record_max;  /* raw bytes of one record */
	uint64_t known;	      /* records known from elsewhere to have been durable */
	bool read_only;	      /* nothing is written or cut; an unfinished tail is left out */
	mkt_segment_keys_fn *keys;
	mkt_segment_progress_fn *progress; /* may be NULL */
	void *ctx;			   /* of both */
};

/*
 * Open or make, and recover as told above.
 *   -MKT_ESTORE  damage, a missing file, or another owner    -MKT_EIO  -MKT_EDISKFULL  -MKT_ENOMEM
 */
int mkt_segments_open(const struct mkt_segments_conf *conf, struct mkt_segments **out,
		      struct mkt_err *err) MKT_MUST_CHECK;
/* Syncs the index, so that the next open scans nothing. */
void mkt_segments_close(struct mkt_segments *s);

/* Number of durable records; heights are 0 .. n-1. */
uint64_t mkt_segments_count(const struct mkt_segments *s);

/* Bytes cut off by mkt_segments_open(), and records whose index entries it rebuilt. */
uint64_t mkt_segments_cut(const struct mkt_segments *s);
uint64_t mkt_segments_rebuilt(const struct mkt_segments *s);

struct mkt_segment_record {
	const void *p;
	size_t n;
	struct mkt_segment_keys keys;
	uint8_t flags; /* 0 or MKT_RECORD_PRUNED */
};

/*
 * Append 1..MKT_APPEND_MAX records and sync once.  On failure none is there:
 *   -MKT_EDISKFULL  no space; try again when there is
 *   -MKT_EIO        the disk failed: what it holds is unknown, and every later append fails
 *   -MKT_EINVAL     a record longer than record_max
 */
int mkt_segments_append(struct mkt_segments *s, const struct mkt_segment_record *v, unsigned n,
			struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Replace @out by the record, checked and unpacked: 0 whole, 1 pruned.
 * -MKT_ENOTFOUND; -MKT_EINTEGRITY names file and offset.
 */
int mkt_segments_read(struct mkt_segments *s, uint64_t height, struct mkt_buf *out,
		      struct mkt_err *err) MKT_MUST_CHECK;
/* The same as stored: record header and zstd frame, checked. */
int mkt_segments_read_raw(struct mkt_segments *s, uint64_t height, struct mkt_buf *out,
			  struct mkt_err *err) MKT_MUST_CHECK;

/* Keys of a record.  -MKT_ENOTFOUND, -MKT_ESTORE. */
int mkt_segments_keys(struct mkt_segments *s, uint64_t height, struct mkt_segment_keys *out,
		      struct mkt_err *err) MKT_MUST_CHECK;

/*
 * The last record whose @key is <= @value.  -MKT_ENOTFOUND if there is none.
 * Cost: O(log n) reads of 56 bytes.
 */
int mkt_segments_find(struct mkt_segments *s, enum mkt_segment_key key, uint64_t value,
		      uint64_t *height, struct mkt_err *err) MKT_MUST_CHECK;

/* Bytes of all files. */
uint64_t mkt_segments_bytes(const struct mkt_segments *s);

/*
 * Check and unpack one record as mkt_segments_read_raw() gives it, from any
 * source.  *@used (may be NULL) is its length, so that records may follow each
 * other.  -MKT_ETRUNCATED: more bytes are needed; -MKT_EINTEGRITY.
 */
#define MKT_RECORD_PRUNED 2u /* flag */
int mkt_record_unpack(const void *p, size_t n, uint32_t record_max, uint64_t *height,
		      struct mkt_buf *out, size_t *used, struct mkt_err *err) MKT_MUST_CHECK;

/* Flags in the header at @p, of a record that was checked. */
unsigned mkt_record_flags(const void *p);

/* Append the record of @n bytes to @out.  -MKT_ENOMEM. */
int mkt_record_pack(uint64_t height, unsigned flags, const void *p, size_t n, struct mkt_buf *out,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* The same with what @s keeps for it: many small records cost less.  Any thread. */
int mkt_segments_unpack(struct mkt_segments *s, const void *p, size_t n, uint64_t *height,
			struct mkt_buf *out, struct mkt_err *err) MKT_MUST_CHECK;
int mkt_segments_pack(struct mkt_segments *s, uint64_t height, unsigned flags, const void *p,
		      size_t n, struct mkt_buf *out, struct mkt_err *err) MKT_MUST_CHECK;

/* ---- files made anew ---------------------------------------------------------------------- */

/* The last file's number; the first is 1. */
uint32_t mkt_segments_last(const struct mkt_segments *s);

/* Heights of the records in file @number: @first .. @end - 1.  -MKT_ENOTFOUND, -MKT_ESTORE. */
int mkt_segments_span(struct mkt_segments *s, uint32_t number, uint64_t *first, uint64_t *end,
		      struct mkt_err *err) MKT_MUST_CHECK;

/* Bytes of its file up to the end of the record.  -MKT_ENOTFOUND, -MKT_ESTORE. */
int mkt_segments_upto(struct mkt_segments *s, uint64_t height, uint64_t *bytes,
		      struct mkt_err *err) MKT_MUST_CHECK;

/* Begin a new file, so that what was the last one may be made anew.  What append gives. */
int mkt_segments_roll(struct mkt_segments *s, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * What becomes of a record: append another record of this height to @out, or nothing,
 * and it stays.  @rec is checked.  Negative ends the rewriting; nothing has changed then.
 */
typedef int mkt_segment_change_fn(void *ctx, uint64_t height, const void *rec, size_t n,
				  struct mkt_buf *out, struct mkt_err *err);

/*
 * Make file @number anew, not the last one.  On failure the old one stands.  Of
 * two threads one waits.  -MKT_EINVAL the last file; -MKT_ELIMIT made anew too often;
 * -MKT_EDISKFULL, -MKT_EIO, -MKT_EINTEGRITY as reading.
 */
int mkt_segments_rewrite(struct mkt_segments *s, uint32_t number, mkt_segment_change_fn *change,
			 void *ctx, struct mkt_err *err) MKT_MUST_CHECK;

#endif
