#include "core/base/compat.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/segment_impl.h"

#define CHUNK (1u << 20)
#define PROBE (64u << 10)

/* A place among the segments, and the height of the record that should begin there. */
struct place {
	uint32_t seg;
	uint64_t off, height;
};

/* ---- files ---- */

/* Of the file that counts. */
static uint32_t id_of(const struct mkt_segments *s, uint32_t seg)
{
	return seg_id(seg, s->gens ? s->gens[seg] : 0);
}

static int damaged(const struct mkt_segments *s, uint32_t seg, uint64_t off, uint64_t height,
		   const char *fault, struct mkt_err *err)
{
	char name[SEG_NAME_MAX];

	seg_name(id_of(s, seg), name);
	return mkt_err_set(err, MKT_ESTORE, "'%s/%s' is damaged at %llu, block %llu: %s", s->dir,
			   name, (unsigned long long)off, (unsigned long long)height, fault);
}

static int cannot(const struct mkt_segments *s, uint32_t seg, int errnum, struct mkt_err *err)
{
	char name[SEG_NAME_MAX];

	seg_name(id_of(s, seg), name);
	return mkt_err_sys(err, seg_code(errnum), errnum, "cannot read '%s/%s'", s->dir, name);
}

static int open_dir(struct mkt_segments *s, struct mkt_err *err)
{
	if (!s->conf.read_only && mkdir(s->dir, 0755) < 0 && errno != EEXIST)
		return mkt_err_sys(err, seg_code(errno), errno, "cannot make '%s'", s->dir);
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot open '%s'", s->dir);
	s->index_fd = openat(s->dir_fd, "index",
			     (s->conf.read_only ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC, 0644);
	if (s->index_fd < 0 && !(s->conf.read_only && errno == ENOENT))
		return mkt_err_sys(err, seg_code(errno), errno, "cannot open '%s/index'", s->dir);
	return 0;
}

typedef int each_file_fn(struct mkt_segments *s, uint32_t id, struct mkt_err *err);

/* Every segment file, and every one that was never given its name (id 0: @stray). */
static int each_file(struct mkt_segments *s, each_file_fn *each, bool strays, struct mkt_err *err)
{
	DIR *d = opendir(s->dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", s->dir);
	while (!r && (e = readdir(d))) {
		char name[SEG_NAME_MAX], *end;
		unsigned long v = strtoul(e->d_name, &end, 10), gen = 0;

		if (strays && !strcmp(e->d_name, SEG_TEMP))
			unlinkat(s->dir_fd, SEG_TEMP, 0);
		if (*end == '.' && isdigit((unsigned char)end[1]))
			gen = strtoul(end + 1, NULL, 10);
		if (!v || v > SEG_NUMBER_MAX || gen > SEG_GEN_MAX)
			continue;
		seg_name(seg_id((uint32_t)v, (uint32_t)gen), name);
		if (!strcmp(name, e->d_name))
			r = each(s, seg_id((uint32_t)v, (uint32_t)gen), err);
	}
	closedir(d);
	return r;
}

static int note_last(struct mkt_segments *s, uint32_t id, struct mkt_err *err)
{
	(void)err;
	if (seg_number(id) > s->seg)
		s->seg = seg_number(id);
	return 0;
}

static int note_gen(struct mkt_segments *s, uint32_t id, struct mkt_err *err)
{
	uint32_t number = seg_number(id);

	(void)err;
	if (number <= s->seg && seg_gen(id) > s->gens[number])
		s->gens[number] = (uint16_t)seg_gen(id);
	return 0;
}

/* Which files there are: the last number, and the generation of each that counts. */
static int list_files(struct mkt_segments *s, struct mkt_err *err)
{
	int r = each_file(s, note_last, !s->conf.read_only, err);

	if (r < 0)
		return r;
	s->gens = calloc(s->seg + 1u, sizeof(*s->gens));
	return s->gens ? each_file(s, note_gen, false, err) : mkt_err_code(err, MKT_ENOMEM);
}

/* Length, and first height from the file's header: 1; 0 if the file never got a header. */
static int file_header(const struct mkt_segments *s, uint32_t seg, uint64_t *height, uint64_t *len,
		       struct mkt_err *err)
{
	uint8_t raw[SEG_FILE_HEADER] = {0};
	struct mkt_dec in = mkt_dec_init(raw, sizeof(raw));
	int fd = seg_open_file(s, id_of(s, seg), O_RDONLY), errnum;
	char name[SEG_NAME_MAX];
	struct stat st;
	bool known;

	seg_name(id_of(s, seg), name);
	if (fd < 0 && errno == ENOENT)
		return mkt_err_set(err, MKT_ESTORE, "'%s/%s' is missing", s->dir, name);
	if (fd < 0)
		return cannot(s, seg, errno, err);
	errnum = fstat(fd, &st) < 0 ? errno : seg_pread(fd, raw, sizeof(raw), 0);
	close(fd);
	if (errnum && errnum != ENODATA)
		return cannot(s, seg, errnum, err);
	*len = (uint64_t)st.st_size;
	known = !memcmp(mkt_dec_bytes(&in, 8), "mktseg1\n", 8);
	if (seg == s->seg && (*len < SEG_FILE_HEADER || (*len == SEG_FILE_HEADER && !known)))
		return 0;
	if (!known || *len < SEG_FILE_HEADER)
		return damaged(s, seg, 0, 0, "it does not begin as a segment file", err);
	*height = mkt_dec_u64(&in);
	if (memcmp(mkt_dec_bytes(&in, MKT_SEGMENT_OWNER_LEN), s->conf.owner,
		   MKT_SEGMENT_OWNER_LEN) != 0)
		return mkt_err_set(err, MKT_ESTORE, "'%s/%s' belongs to another chain", s->dir,
				   name);
	return 1;
}

/* Which segments there are; a last one that never got its header does not count. */
static int survey(struct mkt_segments *s, struct mkt_err *err)
{
	uint64_t height, len;
	char name[SEG_NAME_MAX];
	int r = list_files(s, err);

	if (r < 0 || !s->seg)
		return r;
	r = file_header(s, s->seg, &height, &len, err);
	if (r)
		return r < 0 ? r : 0;
	seg_name(id_of(s, s->seg), name);
	if (!s->conf.read_only && unlinkat(s->dir_fd, name, 0) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot remove '%s/%s'", s->dir, name);
	s->seg--;
	return 0;
}

/* ---- the index ---- */

static bool read_entry(const struct mkt_segments *s, uint64_t height, struct seg_entry *e)
{
	uint8_t raw[SEG_ENTRY_BYTES];

	return s->index_fd >= 0 &&
	       !seg_pread(s->index_fd, raw, sizeof(raw), height * SEG_ENTRY_BYTES) &&
	       seg_entry_dec(raw, height, e);
}

static uint64_t index_slots(const struct mkt_segments *s)
{
	struct stat st;

	return s->index_fd >= 0 && !fstat(s->index_fd, &st) ? (uint64_t)st.st_size / SEG_ENTRY_BYTES
							    : 0;
}

/*
 * Where checking the index begins: the last segment but one.  All entries before
 * a segment were synced before it began, so one look at the last of them tells
 * whether the file is whole up to there; if it is not, earlier segments follow.
 */
static int index_start(struct mkt_segments *s, struct place *at, struct mkt_err *err)
{
	struct seg_entry e;
	uint64_t len;
	int r;

	at->seg = s->seg > 1 ? s->seg - 1 : 1;
	at->off = SEG_FILE_HEADER;
	for (;; at->seg--) {
		r = file_header(s, at->seg, &at->height, &len, err);
		if (r < 0)
			return r;
		if (at->seg == 1 || (at->height && read_entry(s, at->height - 1, &e) &&
				     e.seg == id_of(s, at->seg - 1)))
			break;
	}
	if (at->seg == 1 && at->height)
		return damaged(s, 1, 0, at->height, "the first segment does not begin with block 0",
			       err);
	return 0;
}

/*
 * Follow the entries while each record begins where the one before ended.  @at
 * is then the last entry's record, which is read again, or the place to scan from.
 */
static int follow_index(struct mkt_segments *s, struct place *at, struct mkt_err *err)
{
	struct seg_entry e;
	struct place next = *at;
	uint64_t len = 0, height = 0;
	int r = file_header(s, at->seg, &height, &len, err);

	while (r >= 0 && read_entry(s, next.height, &e)) {
		if (seg_number(e.seg) == next.seg + 1 && next.seg < s->seg && next.off == len) {
			r = file_header(s, next.seg + 1, &height, &len, err);
			if (r < 0 || height != next.height)
				break;
			next.seg++;
			next.off = SEG_FILE_HEADER;
		}
		if (e.seg != id_of(s, next.seg) || e.off != next.off || e.len > len - e.off)
			break;
		*at = next;
		next.off += e.len;
		next.height++;
	}
	return r < 0 ? r : 0;
}

/* Records that entries beyond the followed ones prove to have been durable. */
static uint64_t proven(const struct mkt_segments *s, uint64_t from)
{
	uint64_t n = s->conf.known > from ? s->conf.known : from;
	struct seg_entry e;

	for (uint64_t h = index_slots(s); h > n; h--)
		if (read_entry(s, h - 1, &e))
			return h;
	return n;
}

static int flush_entries(struct mkt_segments *s, struct mkt_err *err)
{
	int errnum;

	if (s->entries.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	if (s->conf.read_only)
		return 0;
	errnum = seg_pwrite(s->index_fd, s->entries.data, s->entries.len,
			    s->entries_from * SEG_ENTRY_BYTES);
	if (errnum)
		return mkt_err_sys(err, seg_code(errnum), errnum, "cannot write '%s/index'",
				   s->dir);
	s->entries_from += s->entries.len / SEG_ENTRY_BYTES;
	mkt_buf_clear(&s->entries);
	return 0;
}

/* ---- the scan ---- */

struct scan {
	int fd;
	struct place at;
	uint64_t len; /* of the present segment */
	uint64_t proven;
	uint64_t done, total;
	int errnum; /* the disk failed: not the same as bad bytes */
	struct mkt_buf raw, rec;
};

static const char *read_part(struct scan *c, size_t n)
{
	if (mkt_buf_grow(&c->raw, n) < 0) {
		c->errnum = ENOMEM;
		return "out of memory";
	}
	c->errnum = seg_pread(c->fd, c->raw.data + c->raw.len, n, c->at.off + c->raw.len);
	if (c->errnum)
		return "it cannot be read";
	c->raw.len += n;
	return NULL;
}

/* The whole record at @c->at, of any height, into @c->raw: NULL, or what is wrong. */
static const char *read_record(struct mkt_segments *s, struct scan *c, struct seg_record *r)
{
	uint64_t left = c->len - c->at.off;
	const char *fault;

	if (left < MKT_RECORD_HEADER_BYTES)
		return "it ends within a record";
	mkt_buf_clear(&c->raw);
	fault = read_part(c, MKT_RECORD_HEADER_BYTES);
	if (!fault)
		fault = seg_record_dec(c->raw.data, s->conf.record_max, r);
	if (fault)
		return fault;
	if (left - MKT_RECORD_HEADER_BYTES < r->stored_len)
		return "it ends within a record";
	fault = read_part(c, r->stored_len);
	if (fault)
		return fault;
	(void)seg_record_dec(c->raw.data, s->conf.record_max,
			     r); /* r->sum points into bytes that may have moved */
	return seg_record_ok(c->raw.data, r) ? NULL : "its checksum is wrong";
}

static const char *check_record(struct mkt_segments *s, struct scan *c, struct seg_record *r)
{
	const char *fault = read_record(s, c, r);

	return fault || r->height == c->at.height ? fault : "another block stands there";
}

/* Is there, after the bad bytes, the beginning of a later append?  Then they were durable once. */
static bool later_append(struct mkt_segments *s, const struct scan *c)
{
	uint8_t buf[PROBE];
	struct scan probe = *c;
	struct seg_record r;
	bool found = false;

	probe.raw = (struct mkt_buf)MKT_BUF_INIT;
	for (uint64_t off = c->at.off + 1; !found && off + MKT_RECORD_HEADER_BYTES <= c->len;) {
		size_t n = c->len - off < PROBE ? (size_t)(c->len - off) : PROBE;
		const uint8_t *hit =
			seg_pread(c->fd, buf, n, off) ? NULL : memmem(buf, n, "MKTR", 4);

		if (!hit) {
			off += n > 3 ? n - 3 : n;
			continue;
		}
		off += (uint64_t)(hit - buf);
		probe.at.off = off++;
		found = !read_record(s, &probe, &r) && r.height > c->at.height &&
			(r.flags & SEG_FLAG_FIRST);
	}
	mkt_buf_release(&probe.raw);
	return found;
}

static int take_record(struct mkt_segments *s, struct scan *c, const struct seg_record *r,
		       struct mkt_err *err)
{
	struct seg_entry e = {.seg = id_of(s, c->at.seg),
			      .off = c->at.off,
			      .len = MKT_RECORD_HEADER_BYTES + r->stored_len};
	char why[MKT_ERR_TEXT_MAX];
	uint64_t height;
	int ret = mkt_segments_unpack(s, c->raw.data, c->raw.len, &height, &c->rec, err);

	if (!ret)
		ret = s->conf.keys(s->conf.ctx, height, c->rec.data, c->rec.len, &e.keys, err);
	if (ret == -MKT_ENOMEM)
		return ret;
	if (ret < 0) {
		snprintf(why, sizeof(why), "%s", err ? err->text : "its contents are bad");
		return damaged(s, c->at.seg, c->at.off, c->at.height, why, err);
	}
	seg_entry_enc(&e, height, &s->entries);
	c->at.off += e.len;
	c->at.height++;
	c->done += e.len;
	s->rebuilt++;
	if (s->entries.len < CHUNK)
		return 0;
	if (s->conf.progress)
		s->conf.progress(s->conf.ctx, c->done, c->total);
	return flush_entries(s, err);
}

/* Records of one segment to its end, or to where the last append broke off (1). */
static int scan_segment(struct mkt_segments *s, struct scan *c, struct mkt_err *err)
{
	struct seg_record r;
	uint64_t told = c->done;

	while (c->at.off < c->len) {
		const char *fault = check_record(s, c, &r);
		int ret;

		if (fault && c->errnum)
			return cannot(s, c->at.seg, c->errnum, err);
		if (fault && (c->at.seg < s->seg || c->at.height < c->proven || later_append(s, c)))
			return damaged(s, c->at.seg, c->at.off, c->at.height, fault, err);
		if (fault)
			return 1;
		ret = take_record(s, c, &r, err);
		if (ret < 0)
			return ret;
		if (s->conf.progress && c->done - told >= 16 * CHUNK) {
			s->conf.progress(s->conf.ctx, c->done, c->total);
			told = c->done;
		}
	}
	return 0;
}

static int scan_open(struct mkt_segments *s, struct scan *c, struct mkt_err *err)
{
	uint64_t height = 0;
	int r = file_header(s, c->at.seg, &height, &c->len, err);

	if (r < 0)
		return r;
	if (c->at.off == SEG_FILE_HEADER && height != c->at.height)
		return damaged(s, c->at.seg, 0, height,
			       "it begins with another block than the one that follows", err);
	c->fd = seg_open_file(s, id_of(s, c->at.seg), O_RDONLY);
	return c->fd < 0 ? cannot(s, c->at.seg, errno, err) : 0;
}

static int scan_all(struct mkt_segments *s, struct scan *c, struct mkt_err *err)
{
	int r;

	for (;; c->at.seg++, c->at.off = SEG_FILE_HEADER) {
		r = scan_open(s, c, err);
		if (r < 0)
			return r;
		r = scan_segment(s, c, err);
		close(c->fd);
		c->fd = -1;
		if (r || c->at.seg == s->seg)
			break;
	}
	if (r >= 0 && c->at.height < c->proven)
		return damaged(s, c->at.seg, c->at.off, c->at.height,
			       "blocks that were written are missing", err);
	return r < 0 ? r : flush_entries(s, err);
}

/* ---- files made anew ---- */

/*
 * A file of a lower generation is there besides the one that counts: a rewriting
 * was cut short after the new file had its name.  The index may name either.
 */
static int finish_rewrite(struct mkt_segments *s, uint32_t id, struct mkt_err *err)
{
	struct scan c = {.fd = -1, .at = {seg_number(id), SEG_FILE_HEADER, 0}};
	char name[SEG_NAME_MAX];
	struct seg_entry e;
	uint64_t len;
	int r;

	if (c.at.seg > s->seg || seg_gen(id) == s->gens[c.at.seg])
		return 0;
	r = file_header(s, c.at.seg, &c.at.height, &len, err);
	if (r > 0 && read_entry(s, c.at.height, &e)) { /* else the index ends before and is made */
		s->entries_from = c.at.height;
		c.proven = UINT64_MAX;
		r = scan_open(s, &c, err);
		if (r >= 0)
			r = scan_segment(s, &c, err);
		if (!r)
			r = flush_entries(s, err);
		if (!r && fdatasync(s->index_fd) < 0)
			r = mkt_err_sys(err, MKT_EIO, errno, "cannot write '%s/index'", s->dir);
		if (c.fd >= 0)
			close(c.fd);
		mkt_buf_release(&c.raw);
		mkt_buf_release(&c.rec);
		mkt_buf_clear(&s->entries);
		s->entries_from = 0;
		s->rebuilt = 0;
	}
	if (r < 0)
		return r;
	seg_name(id, name);
	if (unlinkat(s->dir_fd, name, 0) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot remove '%s/%s'", s->dir, name);
	return 0;
}

/* ---- putting it together ---- */

static int sum_bytes(struct mkt_segments *s, const struct scan *c, uint64_t *left,
		     struct mkt_err *err)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i <= s->seg; i++) {
		uint64_t height, len;
		int r = file_header(s, i, &height, &len, err);

		if (r < 0)
			return r;
		if (i == c->at.seg)
			*left = len - c->at.off;
		else if (i > c->at.seg)
			*left += len;
		sum += len;
	}
	s->bytes = sum;
	return 0;
}

/* Open the last segment for appending and cut what the last append left unfinished. */
static int ready_to_append(struct mkt_segments *s, const struct scan *c, struct mkt_err *err)
{
	uint64_t cut = c->len - c->at.off;

	s->gen = s->gens[s->seg];
	s->seg_fd = seg_open_file(s, id_of(s, s->seg), O_RDWR);
	if (s->seg_fd < 0)
		return cannot(s, s->seg, errno, err);
	if (cut && (ftruncate(s->seg_fd, (off_t)c->at.off) < 0 || fsync(s->seg_fd) < 0))
		return mkt_err_sys(err, MKT_EIO, errno, "cannot cut segment %lu of '%s'",
				   (unsigned long)s->seg, s->dir);
	s->cut = cut;
	s->bytes -= cut;
	if (ftruncate(s->index_fd, (off_t)(c->at.height * SEG_ENTRY_BYTES)) < 0 ||
	    fdatasync(s->index_fd) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot write '%s/index'", s->dir);
	return 0;
}

static int recover(struct mkt_segments *s, struct scan *c, struct mkt_err *err)
{
	struct seg_entry e;
	bool again; /* the record of the last good entry is read too */
	int r = index_start(s, &c->at, err);

	if (!r)
		r = follow_index(s, &c->at, err);
	if (!r)
		r = sum_bytes(s, c, &c->total, err);
	if (r < 0)
		return r;
	again = read_entry(s, c->at.height, &e);
	c->proven = proven(s, c->at.height);
	s->entries_from = c->at.height;
	r = scan_all(s, c, err);
	if (r < 0)
		return r;
	if (!s->conf.read_only) {
		r = ready_to_append(s, c, err);
		if (r < 0)
			return r;
	}
	s->rebuilt -= again;
	s->seg_len = c->at.off;
	s->count = c->at.height;
	s->bytes += c->at.height * SEG_ENTRY_BYTES;
	return 0;
}

int seg_open_all(struct mkt_segments *s, struct mkt_err *err)
{
	struct scan c = {.fd = -1};
	int r = open_dir(s, err);

	if (!r)
		r = survey(s, err);
	if (!r && s->seg && !s->conf.read_only)
		r = each_file(s, finish_rewrite, false, err);
	if (r < 0)
		return r;
	if (s->seg) {
		r = recover(s, &c, err);
		if (c.fd >= 0)
			close(c.fd);
		mkt_buf_release(&c.raw);
		mkt_buf_release(&c.rec);
		free(s->gens);
		s->gens = NULL;
		return r;
	}
	if (proven(s, 0))
		return mkt_err_set(err, MKT_ESTORE, "'%s/000001.seg' is missing", s->dir);
	return s->conf.read_only ? 0 : seg_new_file(s, 1, 0, err);
}
