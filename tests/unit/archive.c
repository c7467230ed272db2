/*
 * Bodies into archives and back: nothing is lost, whatever call the process dies
 * at; what is damaged is named.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "core/chain/archive.h"
#include "core/chain/chain_impl.h"
#include "tests/chain.h"

#define BLOCKS 100
#define KEEP 12 /* the last ones lie within the validity period */

/* ---- dying at a call ---- */

static int calls_left = -1; /* -1: live for ever */

static void step(void)
{
	if (calls_left > 0 && !--calls_left)
		_exit(9);
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_rename(const char *from, const char *to);
int __real_renameat(int fd, const char *from, int fd2, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int fd, const char *from, int fd2, const char *to);
int __wrap_unlinkat(int fd, const char *name, int flags);

/* Dies with half of it written. */
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (calls_left == 1)
		(void)!__real_pwrite(fd, p, n / 2, at);
	step();
	return __real_pwrite(fd, p, n, at);
}

/* A process that dies loses nothing of what it wrote: time is saved here. */
int __wrap_fsync(int fd)
{
	(void)fd;
	step();
	return 0;
}

int __wrap_fdatasync(int fd)
{
	(void)fd;
	step();
	return 0;
}

int __wrap_rename(const char *from, const char *to)
{
	step();
	return __real_rename(from, to);
}

int __wrap_renameat(int fd, const char *from, int fd2, const char *to)
{
	step();
	return __real_renameat(fd, from, fd2, to);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	step();
	return __real_unlinkat(fd, name, flags);
}

/* ---- a chain ---- */

struct setup {
	struct node n;
	char archive[PATH_MAX], copy[PATH_MAX];
	uint64_t limit; /* before which bodies may go */
	struct mkt_buf raw[BLOCKS + 1];
};

static void grow(struct node *n)
{
	struct mkt_sealed b, *v = &b;
	struct mkt_err err;

	for (unsigned i = 0; i < BLOCKS; i++) {
		if (i + KEEP < BLOCKS) {
			node_block(n, 1 + (unsigned)rng_below(&n->r, 30), &b);
		} else {
			/* First long enough for all contracts to be settled and forgotten. */
			node_begin(n,
				   n->prev.time_ms + (i + KEEP == BLOCKS ? 10 * 86400000u : 1000u));
			node_random_op(n);
			node_seal(n, &b);
		}
		NODE_OK(mkt_chain_append(n->c, &v, 1, &err), &err);
		NODE_OK(mkt_chain_index(n->c, &v, 1, &err), &err);
		mkt_sealed_release(&b);
	}
}

static void begin(struct setup *s)
{
	struct mkt_err err;

	memset(s, 0, sizeof(*s));
	node_start(&s->n, "archive", rng_start("archive"));
	snprintf(s->archive, sizeof(s->archive), "%.3000s/archive", s->n.top);
	snprintf(s->copy, sizeof(s->copy), "%.3000s/copy", s->n.top);
	grow(&s->n);
	for (uint64_t h = 0; h <= BLOCKS; h++)
		NODE_OK(mkt_chain_read_raw(s->n.c, h, &s->raw[h], &err), &err);
	NODE_OK(mkt_chain_prune_limit(s->n.c, &s->limit, &err), &err);
	assert_true(s->limit > BLOCKS / 2 && s->limit <= BLOCKS - KEEP + 1);
}

static void end(struct setup *s)
{
	for (unsigned i = 0; i <= BLOCKS; i++)
		mkt_buf_release(&s->raw[i]);
	node_stop(&s->n);
}

static int prune(struct setup *s, uint64_t before, struct mkt_pruned *done, struct mkt_err *err)
{
	struct mkt_prune p = {.before = before, .dir = s->archive, .all = true};

	return mkt_chain_prune(s->n.c, &p, done, err);
}

/* Every archive there is. */
static int restore_all(struct setup *s, struct mkt_pruned *sum, struct mkt_err *err)
{
	DIR *d = opendir(s->archive);
	struct dirent *e;
	int r = 0;

	*sum = (struct mkt_pruned){.blocks = 0};
	while (!r && d && (e = readdir(d))) {
		char path[PATH_MAX];
		struct mkt_archive *a;
		struct mkt_pruned done;

		if (!strstr(e->d_name, ".mkta"))
			continue;
		snprintf(path, sizeof(path), "%.3000s/%.200s", s->archive, e->d_name);
		r = mkt_archive_open(path, mkt_chain_id(s->n.c), &a, err);
		if (!r)
			r = mkt_chain_restore(s->n.c, a, 0, UINT64_MAX, &done, err);
		if (!r)
			mkt_archive_close(a);
		sum->blocks += done.blocks;
	}
	if (d)
		closedir(d);
	return r;
}

static bool has_body(const struct setup *s, uint64_t height)
{
	struct mkt_buf block = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_err err;
	uint64_t same;
	bool yes;

	NODE_OK(mkt_record_unpack(s->raw[height].data, s->raw[height].len, MKT_BLOCK_BYTES_MAX,
				  &same, &block, NULL, &err),
		&err);
	NODE_OK(mkt_block_dec(block.data, block.len, &b, &err), &err);
	yes = b.h.ntxs || b.h.nevents;
	mkt_buf_release(&block);
	return yes;
}

/* Each record is here as it was, or in the archive that its place names. */
static unsigned assert_nothing_lost(struct setup *s)
{
	struct mkt_buf rec = MKT_BUF_INIT, old = MKT_BUF_INIT;
	char open[PATH_MAX] = "";
	struct mkt_archive *a = NULL;
	struct mkt_block head, want;
	unsigned pruned = 0;
	struct mkt_err err;

	for (uint64_t h = 0; h <= BLOCKS; h++) {
		int r = mkt_chain_read_raw(s->n.c, h, &rec, &err);
		uint64_t same;

		if (r == -MKT_EPRUNED) {
			char path[PATH_MAX], name[64];
			const char *at = strchr(err.text, '\'');

			assert_non_null(at);
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "'"), at + 1);
			snprintf(path, sizeof(path), "%.3000s/%s", s->archive, name);
			if (strcmp(path, open) != 0) {
				mkt_archive_close(a);
				NODE_OK(mkt_archive_open(path, mkt_chain_id(s->n.c), &a, &err),
					&err);
				snprintf(open, sizeof(open), "%s", path);
			}
			assert_int_equal(mkt_archive_read(a, h, &rec, &err), 1);
			pruned++;
		} else {
			NODE_OK(r, &err);
		}
		assert_int_equal(rec.len, s->raw[h].len);
		assert_memory_equal(rec.data, s->raw[h].data, rec.len);
		NODE_OK(mkt_record_unpack(rec.data, rec.len, MKT_BLOCK_BYTES_MAX, &same, &old, NULL,
					  &err),
			&err);
		NODE_OK(mkt_block_dec(old.data, old.len, &want, &err), &err);
		NODE_OK(mkt_chain_read_head(s->n.c, h, &head, &err), &err);
		assert_memory_equal(&head.hash, &want.hash, sizeof(head.hash));
		assert_int_equal(head.nvotes, want.nvotes);
	}
	mkt_archive_close(a);
	mkt_buf_release(&rec);
	mkt_buf_release(&old);
	return pruned;
}

/* ---- tests ---- */

static void bodies_leave_and_come_back(void **state)
{
	uint64_t before, bytes, less, store;
	struct mkt_pruned done;
	struct setup s;
	struct mkt_err err;
	unsigned bodies = 0;

	(void)state;
	begin(&s);
	for (uint64_t h = 0; h < s.limit; h++)
		bodies += has_body(&s, h);
	mkt_chain_bytes(s.n.c, &bytes, &store);
	/* In two parts, the first of which ends within a file. */
	NODE_OK(prune(&s, s.limit / 2, &done, &err), &err);
	assert_int_equal(assert_nothing_lost(&s), done.blocks);
	NODE_OK(prune(&s, s.limit, &done, &err), &err);
	assert_int_equal(assert_nothing_lost(&s), bodies);
	mkt_chain_bytes(s.n.c, &less, &store);
	assert_true(less < bytes * 2 / 3);
	NODE_OK(prune(&s, s.limit, &done, &err), &err); /* nothing is left to do */
	assert_int_equal(done.blocks, 0);

	/* The node starts from what is left: request ids, state, more blocks. */
	mkt_chain_close(s.n.c);
	node_open(&s.n);
	assert_int_equal(s.n.prev.height, BLOCKS);
	assert_int_equal(assert_nothing_lost(&s), bodies);
	mkt_chain_close(s.n.c);
	s.n.opt.read_only = true;
	node_open(&s.n);
	assert_int_equal(assert_nothing_lost(&s), bodies);
	mkt_chain_close(s.n.c);
	s.n.opt.read_only = false;
	node_open(&s.n);

	NODE_OK(restore_all(&s, &done, &err), &err);
	assert_int_equal(done.blocks, bodies);
	assert_int_equal(assert_nothing_lost(&s), 0);
	NODE_OK(restore_all(&s, &done, &err), &err);
	assert_int_equal(done.blocks, 0);
	NODE_OK(mkt_chain_prune_before(s.n.c, 3600, &before, &err), &err);
	assert_int_equal(before, BLOCKS - KEEP + 1);
	end(&s);
}

static void a_store_is_not_made_without_bodies(void **state)
{
	struct mkt_pruned done;
	char db[PATH_MAX];
	struct setup s;
	struct mkt_err err;

	(void)state;
	begin(&s);
	NODE_OK(prune(&s, s.limit, &done, &err), &err);
	mkt_chain_close(s.n.c);
	snprintf(db, sizeof(db), "%.3000s/db", s.n.dir);
	tmpdir_remove(db);
	assert_int_equal(mkt_chain_open(s.n.dir, &s.n.opt, &s.n.c, &err), -MKT_EPRUNED);
	assert_non_null(strstr(err.text, ".mkta'"));
	s.n.c = NULL;
	end(&s);
}

/* ---- readers meanwhile ---- */

struct reader {
	struct setup *s;
	atomic_bool stop;
	uint64_t reads;
	char fault[200];
};

/* Any block at any moment: there, or pruned in words; its header always. */
static void *read_on(void *arg)
{
	struct reader *r = arg;
	struct rng rng = {r->s->limit + (uintptr_t)r};
	struct mkt_buf rec = MKT_BUF_INIT;

	while (!atomic_load(&r->stop) && !r->fault[0]) {
		uint64_t h = rng_below(&rng, BLOCKS + 1);
		struct mkt_block head;
		struct mkt_err err = {0};
		int res = mkt_chain_read_raw(r->s->n.c, h, &rec, &err);

		if (!res && (rec.len != r->s->raw[h].len ||
			     memcmp(rec.data, r->s->raw[h].data, rec.len) != 0))
			snprintf(r->fault, sizeof(r->fault), "block %u differs", (unsigned)h);
		if ((res < 0 && res != -MKT_EPRUNED) ||
		    mkt_chain_read_head(r->s->n.c, h, &head, &err) < 0 || head.h.height != h)
			snprintf(r->fault, sizeof(r->fault), "%.190s", err.text);
		r->reads++;
	}
	mkt_buf_release(&rec);
	return NULL;
}

static void readers_do_not_notice(void **state)
{
	struct reader r[2];
	pthread_t thread[2];
	struct mkt_pruned done;
	struct setup s;
	struct mkt_err err;

	(void)state;
	begin(&s);
	for (unsigned i = 0; i < 2; i++) {
		r[i] = (struct reader){.s = &s};
		assert_int_equal(pthread_create(&thread[i], NULL, read_on, &r[i]), 0);
	}
	for (unsigned i = 0; i < 12; i++) {
		NODE_OK(prune(&s, i % 2 ? s.limit : s.limit / 2, &done, &err), &err);
		NODE_OK(restore_all(&s, &done, &err), &err);
	}
	for (unsigned i = 0; i < 2; i++) {
		atomic_store(&r[i].stop, true);
		pthread_join(thread[i], NULL);
		assert_string_equal(r[i].fault, "");
		assert_true(r[i].reads > 100);
	}
	assert_nothing_lost(&s);
	end(&s);
}

/* Death at every call of pruning, then of restoring. */
static void die_at(struct setup *s, unsigned k, bool back)
{
	struct mkt_pruned done;
	struct mkt_err err = {0};
	int r;

	node_open(&s->n);
	calls_left = (int)k;
	r = back ? restore_all(s, &done, &err) : prune(s, s->limit, &done, &err);
	calls_left = -1;
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	mkt_chain_close(s->n.c);
	_exit(r < 0 ? 1 : 0);
}

static void killed_at_each_call(bool back)
{
	char blocks[PATH_MAX], saved[PATH_MAX], archive[PATH_MAX];
	struct mkt_pruned done;
	struct setup s;
	struct mkt_err err;
	unsigned k, step_by;

	begin(&s);
	if (back)
		NODE_OK(prune(&s, s.limit, &done, &err), &err);
	mkt_chain_close(s.n.c);
	snprintf(blocks, sizeof(blocks), "%.3000s/blocks", s.n.dir);
	snprintf(saved, sizeof(saved), "%.3000s/saved", s.n.top);
	snprintf(archive, sizeof(archive), "%.3000s/saved-archive", s.n.top);
	tmpdir_copy(blocks, saved);
	if (back)
		tmpdir_copy(s.archive, archive);
	step_by = getenv("MKT_LONG") ? 1 : 5;
	for (k = 1;; k += step_by) {
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (!pid)
			die_at(&s, k, back);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) &&
			    (WEXITSTATUS(status) == 9 || !WEXITSTATUS(status)));
		node_open(&s.n);
		assert_nothing_lost(&s);
		NODE_OK(prune(&s, s.limit, &done, &err), &err);
		assert_nothing_lost(&s);
		NODE_OK(restore_all(&s, &done, &err), &err);
		assert_int_equal(assert_nothing_lost(&s), 0);
		mkt_chain_close(s.n.c);
		if (!WEXITSTATUS(status))
			break;
		tmpdir_remove(blocks);
		tmpdir_remove(s.archive);
		tmpdir_copy(saved, blocks);
		if (back)
			tmpdir_copy(archive, s.archive);
	}
	assert_true(k > 20);
	printf("%u calls\n", k);
	s.n.c = NULL;
	end(&s);
}

static void killed_while_pruning(void **state)
{
	(void)state;
	killed_at_each_call(false);
}

static void killed_while_restoring(void **state)
{
	(void)state;
	killed_at_each_call(true);
}

static void a_damaged_archive_is_named(void **state)
{
	struct mkt_buf good = MKT_BUF_INIT, bad = MKT_BUF_INIT;
	struct mkt_pruned done;
	char path[PATH_MAX];
	struct setup s;
	struct mkt_err err;

	(void)state;
	begin(&s);
	NODE_OK(prune(&s, s.limit, &done, &err), &err);
	snprintf(path, sizeof(path), "%.3000s/%s", s.archive, done.name);
	assert_true(file_read(path, &good));
	for (unsigned i = 0; i < 60; i++) {
		struct mkt_archive *a = NULL;
		size_t n = good.len, at = (size_t)rng_below(&s.n.r, good.len);
		bool cut = i % 4 == 3;
		int r;

		mkt_buf_clear(&bad);
		mkt_buf_add(&bad, good.data, cut ? at : n);
		if (!cut)
			bad.data[at] ^= (uint8_t)(1u << rng_below(&s.n.r, 8));
		file_write(path, bad.data, bad.len);
		err = (struct mkt_err){0};
		r = mkt_archive_open(path, mkt_chain_id(s.n.c), &a, &err);
		if (!r)
			r = mkt_chain_restore(s.n.c, a, 0, UINT64_MAX, &done, &err);
		mkt_archive_close(a);
		assert_int_equal(r, -MKT_EINTEGRITY);
		assert_non_null(strstr(err.text, path));
	}
	file_write(path, good.data, good.len);
	assert_nothing_lost(&s);
	mkt_buf_release(&good);
	mkt_buf_release(&bad);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_leave_and_come_back),
		cmocka_unit_test(a_store_is_not_made_without_bodies),
		cmocka_unit_test(readers_do_not_notice),
		cmocka_unit_test(killed_while_pruning),
		cmocka_unit_test(killed_while_restoring),
		cmocka_unit_test(a_damaged_archive_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
