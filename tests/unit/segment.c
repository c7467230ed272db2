#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "core/crypto/hash.h"
#include "core/store/segment.h"
#include "tests/rng.h"
#include "tests/tmpdir.h"

#define RECORD_MAX (1u << 16)
#define SEGMENT 6000u
#define INDEX_ENTRY 56u

/* Record @h is made from its height alone: some shrink a lot, some not at all. */
static void contents(uint64_t h, struct mkt_buf *b)
{
	struct rng r = {h * 77 + 5};
	size_t n = (size_t)rng_below(&r, 900);

	mkt_buf_clear(b);
	mkt_buf_addf(b, "%llu ", (unsigned long long)h);
	for (size_t i = 0; i < n; i++)
		mkt_buf_addch(b, (uint8_t)(h % 3 ? rng_u64(&r) : i / 50));
}

static struct mkt_segment_keys keys_at(uint64_t h)
{
	return (struct mkt_segment_keys){{1000 + 10 * h, 3 * h, 1 + h / 4, h * h}};
}

static int keys_of(void *ctx, uint64_t height, const void *p, size_t n,
		   struct mkt_segment_keys *out, struct mkt_err *err)
{
	(void)ctx;
	if (!n || strtoull(p, NULL, 10) != height)
		return mkt_err_set(err, MKT_EINTEGRITY, "the contents are those of another record");
	*out = keys_at(height);
	return 0;
}

static struct mkt_segments_conf conf_of(const char *dir)
{
	return (struct mkt_segments_conf){
		.dir = dir,
		.owner = "owner of a test",
		.segment_max = SEGMENT,
		.record_max = RECORD_MAX,
		.keys = keys_of,
	};
}

static int open_at(const char *dir, bool read_only, struct mkt_segments **s, struct mkt_err *err)
{
	struct mkt_segments_conf conf = conf_of(dir);

	conf.read_only = read_only;
	return mkt_segments_open(&conf, s, err);
}

static int append_some(struct mkt_segments *s, unsigned n, struct mkt_err *err)
{
	struct mkt_segment_record rec[16];
	struct mkt_buf b[16];
	uint64_t h = mkt_segments_count(s);
	int r;

	for (unsigned i = 0; i < n; i++) {
		b[i] = (struct mkt_buf)MKT_BUF_INIT;
		contents(h + i, &b[i]);
		rec[i] = (struct mkt_segment_record){b[i].data, b[i].len, keys_at(h + i), 0};
	}
	r = mkt_segments_append(s, rec, n, err);
	for (unsigned i = 0; i < n; i++)
		mkt_buf_release(&b[i]);
	return r;
}

/* Every record is what was appended, by whatever way it is asked for. */
static void assert_records(struct mkt_segments *s, uint64_t count)
{
	struct mkt_buf got = MKT_BUF_INIT, raw = MKT_BUF_INIT, want = MKT_BUF_INIT;
	struct mkt_segment_keys keys, expect;
	uint64_t found, height;
	struct mkt_err err;

	assert_int_equal(mkt_segments_count(s), count);
	for (uint64_t h = 0; h < count; h++) {
		contents(h, &want);
		expect = keys_at(h);
		assert_int_equal(mkt_segments_read(s, h, &got, &err), 0);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
		assert_int_equal(mkt_segments_read_raw(s, h, &raw, &err), 0);
		assert_int_equal(
			mkt_record_unpack(raw.data, raw.len, RECORD_MAX, &height, &got, NULL, &err),
			0);
		assert_int_equal(height, h);
		assert_memory_equal(got.data, want.data, want.len);
		assert_int_equal(mkt_segments_keys(s, h, &keys, &err), 0);
		assert_memory_equal(&keys, &expect, sizeof(keys));
		assert_int_equal(mkt_segments_find(s, MKT_BY_TIME_MS, 1009 + 10 * h, &found, &err),
				 0);
		assert_int_equal(found, h);
		assert_int_equal(mkt_segments_find(s, MKT_BY_EXEC, h * h, &found, &err), 0);
		assert_int_equal(found, h);
	}
	assert_int_equal(mkt_segments_read(s, count, &got, &err), -MKT_ENOTFOUND);
	assert_int_equal(mkt_segments_find(s, MKT_BY_TIME_MS, 999, &found, &err), -MKT_ENOTFOUND);
	mkt_buf_release(&got);
	mkt_buf_release(&raw);
	mkt_buf_release(&want);
}

/* What the directory held after each append. */
struct step {
	uint64_t count, seg_len; /* records, bytes of the last segment */
	unsigned seg;
};

#define STEPS 60

static void in_dir(char out[PATH_MAX], const char *dir, const char *file)
{
	snprintf(out, PATH_MAX, "%.3000s/%s", dir, file);
}

static void seg_path(char out[PATH_MAX], const char *dir, unsigned seg)
{
	snprintf(out, PATH_MAX, "%.3000s/%06u.seg", dir, seg);
}

static unsigned last_seg(const char *dir)
{
	char path[PATH_MAX];
	unsigned n = 0;

	do
		seg_path(path, dir, ++n);
	while (!access(path, F_OK));
	return n - 1;
}

static void make_log(const char *dir, struct rng *r, struct step steps[STEPS])
{
	struct mkt_segments *s;
	struct mkt_err err;
	char path[PATH_MAX];

	assert_int_equal(open_at(dir, false, &s, &err), 0);
	for (unsigned i = 0; i < STEPS; i++) {
		assert_int_equal(append_some(s, 1 + (unsigned)rng_below(r, 9), &err), 0);
		steps[i].count = mkt_segments_count(s);
		steps[i].seg = last_seg(dir);
		seg_path(path, dir, steps[i].seg);
		steps[i].seg_len = file_size(path);
	}
	mkt_segments_close(s);
}

static void what_is_appended_is_read_and_survives_closing(void **state)
{
	struct rng r = rng_start("segment");
	struct step steps[STEPS];
	char dir[PATH_MAX];
	struct mkt_segments *s;
	struct mkt_err err;
	uint64_t sum = 0;

	(void)state;
	tmpdir_make(dir, "segment");
	make_log(dir, &r, steps);
	assert_true(steps[STEPS - 1].seg > 5);
	for (unsigned i = 1; i <= steps[STEPS - 1].seg; i++) {
		char path[PATH_MAX];

		seg_path(path, dir, i);
		sum += file_size(path);
	}
	for (int ro = 0; ro < 2; ro++) {
		assert_int_equal(open_at(dir, ro, &s, &err), 0);
		assert_int_equal(mkt_segments_rebuilt(s), 0);
		assert_int_equal(mkt_segments_cut(s), 0);
		assert_int_equal(mkt_segments_bytes(s), sum + steps[STEPS - 1].count * INDEX_ENTRY);
		assert_records(s, steps[STEPS - 1].count);
		assert_int_equal(append_some(s, 0, &err), -MKT_EINVAL);
		if (ro)
			assert_int_equal(append_some(s, 1, &err), -MKT_EINVAL);
		mkt_segments_close(s);
	}
	tmpdir_remove(dir);
}

static void limits_of_records_hold(void **state)
{
	char dir[PATH_MAX], big[RECORD_MAX + 1] = "0 ";
	struct mkt_segment_record rec = {big, sizeof(big), keys_at(0), 0};
	struct mkt_segments *s;
	struct mkt_err err;

	(void)state;
	tmpdir_make(dir, "segment");
	assert_int_equal(open_at(dir, false, &s, &err), 0);
	assert_records(s, 0);
	assert_int_equal(mkt_segments_append(s, &rec, 1, &err), -MKT_EINVAL);
	rec.n = RECORD_MAX;
	assert_int_equal(mkt_segments_append(s, &rec, 1, &err), 0);
	assert_int_equal(mkt_segments_count(s), 1);
	mkt_segments_close(s);
	assert_int_equal(open_at(dir, false, &s, &err), 0);
	assert_int_equal(mkt_segments_count(s), 1);
	mkt_segments_close(s);
	tmpdir_remove(dir);
}

/* Turn the copy in @dir into what a crash during the append after step @i may leave. */
static void crash_after(const char *dir, const struct step *steps, unsigned i, struct rng *r)
{
	const struct step *was = &steps[i], *next = &steps[i + 1];
	char path[PATH_MAX], index[PATH_MAX];
	struct mkt_buf b = MKT_BUF_INIT;
	uint64_t keep, entries;

	for (unsigned seg = steps[STEPS - 1].seg; seg > next->seg; seg--) {
		seg_path(path, dir, seg);
		unlink(path);
	}
	seg_path(path, dir, next->seg);
	keep = next->seg == was->seg ? was->seg_len : 0;
	keep += rng_below(r, next->seg_len - keep + 1);
	assert_int_equal(truncate(path, (off_t)keep), 0);
	if (next->seg == was->seg && rng_below(r, 2)) { /* a page that never got to the disk */
		uint64_t from = was->seg_len + rng_below(r, keep - was->seg_len + 1);
		uint64_t to = from + rng_below(r, keep - from + 1);

		assert_true(file_read(path, &b));
		memset(b.data + from, 0, to - from);
		file_write(path, b.data, b.len);
	}
	in_dir(index, dir, "index");
	entries = rng_below(r, 3) ? was->count : rng_below(r, was->count + 1);
	if (rng_below(r, 8) == 0)
		entries = 0;
	keep = entries * INDEX_ENTRY + (rng_below(r, 2) ? 0 : rng_below(r, INDEX_ENTRY));
	assert_int_equal(truncate(index, (off_t)keep), 0);
	if (rng_below(r, 4) == 0) /* the file's length came before its bytes */
		assert_int_equal(truncate(index, (off_t)(keep + rng_below(r, 500))), 0);
	mkt_buf_release(&b);
}

/*
 * All that an append returned for is there, nothing half of the one that was
 * under way, and the log goes on; looking at it read-only before changes nothing.
 */
static void a_crash_loses_nothing_that_was_appended(void **state)
{
	struct rng r = rng_start("segment crash");
	struct step steps[STEPS];
	char dir[PATH_MAX], copy[PATH_MAX + 16];

	(void)state;
	tmpdir_make(dir, "segment");
	make_log(dir, &r, steps);
	snprintf(copy, sizeof(copy), "%s.crash", dir);
	for (unsigned round = 0; round < 150; round++) {
		unsigned i = (unsigned)rng_below(&r, STEPS - 1);
		struct mkt_segments *s;
		struct mkt_err err;
		uint64_t n;

		tmpdir_copy(dir, copy);
		crash_after(copy, steps, i, &r);
		if (open_at(copy, true, &s, &err) < 0)
			fail_msg("round %u: %s", round, err.text);
		n = mkt_segments_count(s);
		assert_in_range(n, steps[i].count, steps[i + 1].count);
		assert_records(s, n);
		mkt_segments_close(s);
		assert_int_equal(open_at(copy, false, &s, &err), 0);
		assert_records(s, n);
		assert_int_equal(append_some(s, 5, &err), 0);
		mkt_segments_close(s);
		assert_int_equal(open_at(copy, false, &s, &err), 0);
		assert_int_equal(mkt_segments_cut(s), 0);
		assert_int_equal(mkt_segments_rebuilt(s), 0);
		assert_records(s, n + 5);
		mkt_segments_close(s);
		tmpdir_remove(copy);
	}
	tmpdir_remove(dir);
}

static void a_lost_index_is_rebuilt(void **state)
{
	struct rng r = rng_start("segment index");
	struct step steps[STEPS];
	char dir[PATH_MAX], index[PATH_MAX];
	struct mkt_segments *s;
	struct mkt_err err;

	(void)state;
	tmpdir_make(dir, "segment");
	make_log(dir, &r, steps);
	in_dir(index, dir, "index");
	unlink(index);
	assert_int_equal(open_at(dir, true, &s, &err), 0);
	assert_records(s, steps[STEPS - 1].count);
	mkt_segments_close(s);
	assert_int_equal(access(index, F_OK), -1);
	assert_int_equal(open_at(dir, false, &s, &err), 0);
	assert_int_equal(mkt_segments_rebuilt(s), steps[STEPS - 1].count);
	assert_records(s, steps[STEPS - 1].count);
	mkt_segments_close(s);
	tmpdir_remove(dir);
}

/* Records may be refused by name, but none is ever wrong and none silently missing. */
static void assert_named_or_equal(const char *dir, uint64_t count, bool *named)
{
	struct mkt_segments_conf conf = conf_of(dir);
	struct mkt_buf got = MKT_BUF_INIT, want = MKT_BUF_INIT;
	struct mkt_segment_keys keys, expect;
	struct mkt_segments *s;
	struct mkt_err err;
	int r;

	conf.read_only = true;
	conf.known = count; /* as the store's height tells */
	r = mkt_segments_open(&conf, &s, &err);
	*named = r < 0;
	if (r < 0) {
		assert_int_equal(r, -MKT_ESTORE);
		assert_non_null(strstr(err.text, dir));
		return;
	}
	assert_int_equal(mkt_segments_count(s), count);
	for (uint64_t h = 0; h < count; h++) {
		r = mkt_segments_read(s, h, &got, &err);
		contents(h, &want);
		if (r < 0) {
			assert_true(r == -MKT_EINTEGRITY || r == -MKT_ESTORE);
			assert_non_null(strstr(err.text, dir));
			*named = true;
		} else {
			assert_int_equal(got.len, want.len);
			assert_memory_equal(got.data, want.data, want.len);
		}
		expect = keys_at(h);
		if (mkt_segments_keys(s, h, &keys, &err) == 0)
			assert_memory_equal(&keys, &expect, sizeof(keys));
	}
	mkt_buf_release(&got);
	mkt_buf_release(&want);
	mkt_segments_close(s);
}

static void a_flipped_bit_is_named(void **state)
{
	struct rng r = rng_start("segment flips");
	struct step steps[STEPS];
	char dir[PATH_MAX], path[PATH_MAX], index[PATH_MAX];
	struct mkt_buf b = MKT_BUF_INIT, index_bytes = MKT_BUF_INIT;
	uint64_t count;
	bool named;

	(void)state;
	tmpdir_make(dir, "segment");
	make_log(dir, &r, steps);
	count = steps[STEPS - 1].count;
	in_dir(index, dir, "index");
	assert_true(file_read(index, &index_bytes));
	for (unsigned round = 0; round < 200; round++) {
		bool in_index = rng_below(&r, 4) == 0,
		     no_index = !in_index && rng_below(&r, 3) == 0;
		uint64_t at;

		in_dir(path, dir, "index");
		if (!in_index)
			seg_path(path, dir, 1 + (unsigned)rng_below(&r, steps[STEPS - 1].seg));
		if (no_index)
			unlink(index);
		assert_true(file_read(path, &b));
		at = rng_below(&r, b.len);
		if (!in_index && !no_index && at >= 8 && at < 16)
			at = 0; /* a segment's first height matters only to a scan of it */
		b.data[at] ^= (uint8_t)(1u << round % 8);
		file_write(path, b.data, b.len);
		assert_named_or_equal(dir, count, &named);
		assert_true(named || in_index); /* the index' end is rebuilt without a word */
		b.data[at] ^= (uint8_t)(1u << round % 8);
		file_write(path, b.data, b.len);
		file_write(index, index_bytes.data, index_bytes.len);
	}
	assert_named_or_equal(dir, count, &named);
	assert_false(named);
	mkt_buf_release(&b);
	mkt_buf_release(&index_bytes);
	tmpdir_remove(dir);
}

/* Without an index, only a later append shows that bytes which are bad now were good once. */
static void damage_before_a_later_append_is_not_cut_off(void **state)
{
	char dir[PATH_MAX], path[PATH_MAX], index[PATH_MAX];
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_segments *s;
	struct mkt_err err;
	uint64_t after_first;

	(void)state;
	tmpdir_make(dir, "segment");
	in_dir(index, dir, "index");
	seg_path(path, dir, 1);
	assert_int_equal(open_at(dir, false, &s, &err), 0);
	assert_int_equal(append_some(s, 2, &err), 0);
	after_first = file_size(path);
	assert_int_equal(append_some(s, 2, &err), 0);
	mkt_segments_close(s);
	unlink(index);
	assert_true(file_read(path, &b));
	b.data[after_first - 1] ^= 1;
	file_write(path, b.data, b.len);
	assert_int_equal(open_at(dir, false, &s, &err), -MKT_ESTORE);
	assert_non_null(strstr(err.text, "block 1"));
	assert_int_equal(file_size(path), b.len);
	/* The same in the last append is one that never returned. */
	b.data[after_first - 1] ^= 1;
	b.data[after_first + 50] ^= 1;
	file_write(path, b.data, b.len);
	assert_int_equal(open_at(dir, false, &s, &err), 0);
	assert_int_equal(mkt_segments_cut(s), b.len - after_first);
	assert_records(s, 2);
	mkt_segments_close(s);
	mkt_buf_release(&b);
	tmpdir_remove(dir);
}

static void what_is_missing_or_foreign_is_named(void **state)
{
	struct rng r = rng_start("segment missing");
	struct step steps[STEPS];
	struct mkt_segments_conf conf;
	char dir[PATH_MAX], path[PATH_MAX], away[PATH_MAX];
	struct mkt_segments *s;
	struct mkt_err err;
	unsigned last;

	(void)state;
	tmpdir_make(dir, "segment");
	make_log(dir, &r, steps);
	last = steps[STEPS - 1].seg;
	in_dir(away, dir, "away");
	for (unsigned seg = 1; seg <= last; seg++) {
		seg_path(path, dir, seg);
		assert_int_equal(rename(path, away), 0);
		assert_int_equal(open_at(dir, false, &s, &err), -MKT_ESTORE);
		assert_int_equal(rename(away, path), 0);
	}
	assert_int_equal(truncate(path, (off_t)(steps[STEPS - 1].seg_len - 1)), 0);
	assert_int_equal(open_at(dir, false, &s, &err), -MKT_ESTORE);
	assert_non_null(strstr(err.text, path));
	conf = conf_of(dir);
	conf.owner[0] ^= 1;
	assert_int_equal(mkt_segments_open(&conf, &s, &err), -MKT_ESTORE);
	assert_non_null(strstr(err.text, "another chain"));
	tmpdir_remove(dir);
	assert_int_equal(open_at(dir, true, &s, &err), -MKT_EIO);
}

/* A limit on the file's size stands for a full disk: the write ends early, then fails. */
static void a_full_disk_appends_nothing(void **state)
{
	struct rlimit old, small;
	struct mkt_segments_conf conf;
	char dir[PATH_MAX], path[PATH_MAX];
	struct mkt_segments *s;
	struct mkt_err err;
	uint64_t len;

	(void)state;
	tmpdir_make(dir, "segment");
	conf = conf_of(dir);
	conf.segment_max = 1u << 20;
	assert_int_equal(mkt_segments_open(&conf, &s, &err), 0);
	assert_int_equal(append_some(s, 16, &err), 0);
	seg_path(path, dir, 1);
	len = file_size(path);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	for (unsigned room = 0; room < 2000; room += 100) {
		small = old;
		small.rlim_cur = len + room;
		setrlimit(RLIMIT_FSIZE, &small);
		assert_int_equal(append_some(s, 16, &err), -MKT_EDISKFULL);
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(file_size(path), len);
		assert_int_equal(mkt_segments_count(s), 16);
	}
	assert_int_equal(append_some(s, 3, &err), 0);
	assert_records(s, 19);
	mkt_segments_close(s);
	assert_int_equal(mkt_segments_open(&conf, &s, &err), 0);
	assert_int_equal(mkt_segments_rebuilt(s), 0);
	assert_records(s, 19);
	mkt_segments_close(s);
	tmpdir_remove(dir);
}

#define READERS 3
#define STREAM 1500u

static void *stream(void *p)
{
	struct mkt_segments *s = p;
	struct mkt_buf got = MKT_BUF_INIT, want = MKT_BUF_INIT;
	struct mkt_err err;
	intptr_t wrong = 0;

	for (uint64_t h = 0; h < STREAM;) {
		if (h >= mkt_segments_count(s)) {
			sched_yield();
			continue;
		}
		contents(h, &want);
		if (mkt_segments_read(s, h, &got, &err) < 0 || got.len != want.len ||
		    memcmp(got.data, want.data, want.len) != 0)
			wrong++;
		h++;
	}
	mkt_buf_release(&got);
	mkt_buf_release(&want);
	return (void *)wrong;
}

static void readers_follow_the_writer(void **state)
{
	char dir[PATH_MAX];
	struct mkt_segments *s;
	struct mkt_err err;
	pthread_t t[READERS];

	(void)state;
	tmpdir_make(dir, "segment");
	assert_int_equal(open_at(dir, false, &s, &err), 0);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, stream, s), 0);
	while (mkt_segments_count(s) < STREAM)
		assert_int_equal(append_some(s, 15, &err), 0);
	for (unsigned i = 0; i < READERS; i++) {
		void *wrong;

		pthread_join(t[i], &wrong);
		assert_null(wrong);
	}
	mkt_segments_close(s);
	tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_appended_is_read_and_survives_closing),
		cmocka_unit_test(limits_of_records_hold),
		cmocka_unit_test(a_crash_loses_nothing_that_was_appended),
		cmocka_unit_test(a_lost_index_is_rebuilt),
		cmocka_unit_test(a_flipped_bit_is_named),
		cmocka_unit_test(damage_before_a_later_append_is_not_cut_off),
		cmocka_unit_test(what_is_missing_or_foreign_is_named),
		cmocka_unit_test(a_full_disk_appends_nothing),
		cmocka_unit_test(readers_follow_the_writer),
	};

	return mkt_crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
