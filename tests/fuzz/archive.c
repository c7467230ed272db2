/*
 * Archives and snapshots from anywhere.  The first byte says which, and whether its
 * checksums are put right, so that what stands behind them is reached.  What is
 * refused has a sentence; what is read lies within the file.
 */
#include "core/base/compat.h"

#include <sys/mman.h>
#include <unistd.h>

#include "core/chain/archive_impl.h"
#include "core/chain/snapshot_impl.h"
#include "tests/fuzz/fuzz.h"

#define READS_MAX 64

static void check_error(const struct mkt_err *err)
{
	FUZZ_CHECK((err->code == MKT_EINTEGRITY || err->code == MKT_ENOMEM) && err->text[0]);
}

static void check_archive(const char *path, size_t size)
{
	struct mkt_buf rec = MKT_BUF_INIT;
	struct mkt_archive *a;
	struct mkt_err err = {0};
	uint64_t h;
	int r = mkt_archive_open(path, NULL, &a, &err);

	if (r < 0) {
		check_error(&err);
		return;
	}
	h = mkt_archive_first(a);
	for (unsigned i = 0; r >= 0 && i < READS_MAX && h <= mkt_archive_last(a); i++, h++) {
		r = mkt_archive_read(a, h, &rec, &err);
		if (r < 0)
			check_error(&err);
		FUZZ_CHECK(r != 1 || (rec.len >= MKT_RECORD_HEADER_BYTES && rec.len < size));
	}
	mkt_archive_close(a);
	mkt_buf_release(&rec);
}

static void check_snapshot(const char *path)
{
	struct snapshot_reader s;
	struct snapshot_row row;
	struct mkt_err err = {0};
	uint64_t rows = 0;
	int r = snapshot_open(&s, path, &err);

	if (r < 0) {
		check_error(&err);
		return;
	}
	FUZZ_CHECK(s.info.tail && s.info.tail <= s.info.height);
	while ((r = snapshot_next(&s, &row, &err)) == 1) {
		const uint8_t *p = row.p;

		FUZZ_CHECK(row.type && p >= s.rows.data && p + row.n <= s.rows.data + s.rows.len);
		rows++;
	}
	if (r < 0)
		check_error(&err);
	FUZZ_CHECK(r < 0 || rows == s.nrows);
	snapshot_close(&s);
}

/* An archive whose end fits its head. */
static void mend_archive(struct mkt_buf *b)
{
	struct mkt_dec in;

	if (b->len < MKT_ARCHIVE_HEAD_BYTES + MKT_ARCHIVE_END_BYTES)
		return;
	b->len -= MKT_ARCHIVE_END_BYTES;
	in = mkt_dec_init(b->data + b->len + 4, 8);
	archive_end_enc(b->data, mkt_dec_u64(&in), b);
}

/* A snapshot whose rows are the bytes after its head. */
static void mend_snapshot(struct mkt_buf *b)
{
	struct mkt_buf rows = MKT_BUF_INIT;
	struct mkt_err err;

	if (b->len < MKT_SNAPSHOT_HEAD_BYTES)
		return;
	mkt_buf_add(&rows, b->data + MKT_SNAPSHOT_HEAD_BYTES, b->len - MKT_SNAPSHOT_HEAD_BYTES);
	b->len = MKT_SNAPSHOT_HEAD_BYTES;
	FUZZ_CHECK(mkt_record_pack(0, 0, rows.data, rows.len, b, &err) == 0);
	mkt_buf_release(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char path[64];
	int fd;

	if (size < 2)
		return 0;
	mkt_buf_add(&b, data + 1, size - 1);
	if (data[0] & 2)
		(data[0] & 1 ? mend_snapshot : mend_archive)(&b);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && write(fd, b.data, b.len) == (ssize_t)b.len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (data[0] & 1)
		check_snapshot(path);
	else
		check_archive(path, b.len);
	close(fd);
	mkt_buf_release(&b);
	return 0;
}
