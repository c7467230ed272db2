/*
 * Inside of the segment files, shared by segment.c (append, read, find),
 * segment_open.c (opening and recovery) and segment_rewrite.c (a file made
 * anew).  Not for others.
 */
#ifndef MKT_STORE_SEGMENT_IMPL_H
#define MKT_STORE_SEGMENT_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/codec/enc.h"
#include "core/store/segment.h"

#define SEG_FILE_HEADER 32u
#define SEG_FLAG_FIRST 1u /* of an append */
#define SEG_ENTRY_BYTES 56u
#define SEG_NAME_MAX 24
#define SEG_NUMBER_BITS 20 /* of a file's id in index entries; above them its generation */
#define SEG_NUMBER_MAX 999999u
#define SEG_GEN_MAX 4095u
#define SEG_TEMP "rewrite.new" /* a file on its way to its name */
#define SEG_DCTX_MAX 16 /* kept for reading: threads that read at the same time */

static inline uint32_t seg_id(uint32_t number, uint32_t gen)
{
	return number | gen << SEG_NUMBER_BITS;
}

static inline uint32_t seg_number(uint32_t id)
{
	return id & ((1u << SEG_NUMBER_BITS) - 1);
}

static inline uint32_t seg_gen(uint32_t id)
{
	return id >> SEG_NUMBER_BITS;
}

struct seg_entry {
	uint32_t seg; /* id of the file */
	uint32_t len; /* record header and payload */
	uint64_t off;
	struct mkt_segment_keys keys;
};

struct mkt_segments {
	struct mkt_segments_conf conf;
	char *dir; /* for messages; conf.dir points here */
	int dir_fd, index_fd;
	int seg_fd;	  /* the last segment, for appending; -1 when read only */
	_Atomic uint32_t seg; /* number of the last segment; the first is 1 */
	uint32_t gen;	  /* its generation */
	uint16_t *gens;	  /* of all files by number, while opening */
	pthread_mutex_t append_lock, rewrite_lock;
	uint64_t seg_len; /* its length */
	_Atomic uint64_t count;
	_Atomic uint64_t bytes;
	bool failed; /* the disk may hold anything: no more appends */
	uint64_t cut, rebuilt;
	struct ZSTD_CCtx_s *cctx; /* of appends */
	_Atomic(struct ZSTD_CCtx_s *) spare_cctx; /* of mkt_segments_pack(), when idle */
	_Atomic(struct ZSTD_DCtx_s *) dctx[SEG_DCTX_MAX]; /* idle ones; a thread takes one out */
	struct mkt_buf buf;				  /* records of an append */
	struct mkt_buf entries; /* encoded entries not yet in the index file ... */
	uint64_t entries_from;	/* ... from this height on; when read only they stay here */
};

/* A record's header, checked for form only. */
struct seg_record {
	uint32_t raw_len, stored_len;
	uint64_t height;
	uint8_t flags;
	const uint8_t *sum;
};

void seg_name(uint32_t id, char out[SEG_NAME_MAX]);
int seg_open_file(const struct mkt_segments *s, uint32_t id, int flags);
/* The file header into @out. */
void seg_file_head(const struct mkt_segments *s, uint64_t height, struct mkt_buf *out);
int seg_new_file(struct mkt_segments *s, uint32_t seg, uint64_t height,
		 struct mkt_err *err) MKT_MUST_CHECK;

/* All of @n bytes at @off: 0, or errno's value; seg_pread(): ENODATA at the end of the file. */
int seg_pread(int fd, void *p, size_t n, uint64_t off);
int seg_pwrite(int fd, const void *p, size_t n, uint64_t off);
/* The code of a failed write. */
int seg_code(int errnum);

void seg_entry_enc(const struct seg_entry *e, uint64_t height, struct mkt_buf *out);
/* False unless the check fits @height. */
bool seg_entry_dec(const uint8_t *p, uint64_t height, struct seg_entry *e);
/* Entry of @height < count, from memory or the index file. */
int seg_entry_get(const struct mkt_segments *s, uint64_t height, struct seg_entry *e,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* Header at @p (MKT_RECORD_HEADER_BYTES there): NULL, or what is wrong. */
const char *seg_record_dec(const uint8_t *p, uint32_t record_max, struct seg_record *r);
/* Checksum over header and payload at @p (whole record there). */
bool seg_record_ok(const uint8_t *p, const struct seg_record *r);

/* Find the files, recover, make ready to append. */
int seg_open_all(struct mkt_segments *s, struct mkt_err *err) MKT_MUST_CHECK;

#endif
