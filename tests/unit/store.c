#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/store/store_impl.h"
#include "tests/rng.h"
#include "tests/tmpdir.h"

#define B(p, n) ((struct mkt_bytes){(p), (n)})
#define NONE B(NULL, 0)

static struct mkt_bytes str(const char *s)
{
	return B(s, strlen(s));
}

static const size_t width[MKT_TAB_COUNT] = {
	[MKT_TAB_TX] = 10, [MKT_TAB_ACCOUNT] = 8, [MKT_TAB_WINDOW] = 8};

static void open_lmdb(const char *dir, struct mkt_store **s)
{
	struct mkt_err err;

	if (mkt_store_open_lmdb(dir, 0, s, &err) < 0)
		fail_msg("%s", err.text);
}

/* A listing of what a walk gives: "key=val " in hexadecimal. */
struct listing {
	struct mkt_buf b;
	unsigned left;
};

static bool list_one(void *ctx, struct mkt_bytes key, struct mkt_bytes val)
{
	struct listing *l = ctx;

	mkt_buf_addhex(&l->b, key.p, key.n);
	mkt_buf_addch(&l->b, '=');
	mkt_buf_addhex(&l->b, val.p, val.n);
	mkt_buf_addch(&l->b, ' ');
	return --l->left > 0;
}

static void assert_same_walk(struct mkt_store_tx *a, struct mkt_store_tx *b, enum mkt_store_table tab,
			     struct mkt_bytes key, struct mkt_bytes val, unsigned max)
{
	struct listing la = {MKT_BUF_INIT, max}, lb = {MKT_BUF_INIT, max};
	struct mkt_err err;

	assert_int_equal(mkt_store_walk(a, tab, key, val, list_one, &la, &err), 0);
	assert_int_equal(mkt_store_walk(b, tab, key, val, list_one, &lb, &err), 0);
	assert_string_equal(mkt_buf_str(&la.b), mkt_buf_str(&lb.b));
	mkt_buf_clear(&la.b);
	mkt_buf_clear(&lb.b);
	la.left = lb.left = max;
	assert_int_equal(mkt_store_walk_back(a, tab, key, val, list_one, &la, &err), 0);
	assert_int_equal(mkt_store_walk_back(b, tab, key, val, list_one, &lb, &err), 0);
	assert_string_equal(mkt_buf_str(&la.b), mkt_buf_str(&lb.b));
	mkt_buf_release(&la.b);
	mkt_buf_release(&lb.b);
}

/* What mkt_store.h says, on one back end. */
static void check_contract(struct mkt_store *s)
{
	struct mkt_store_tx *t, *old;
	struct mkt_bytes v;
	struct mkt_err err;
	struct listing l = {MKT_BUF_INIT, 100};

	assert_int_equal(mkt_store_begin(s, true, &t, &err), 0);
	assert_int_equal(mkt_store_put(t, MKT_TAB_STATE, str("b"), str("1"), &err), 0);
	assert_int_equal(mkt_store_put(t, MKT_TAB_STATE, str("a"), str("2"), &err), 0);
	assert_int_equal(mkt_store_put(t, MKT_TAB_STATE, str("b"), str("three"), &err), 0);
	assert_int_equal(mkt_store_get(t, MKT_TAB_STATE, str("b"), &v, &err), 1);
	assert_int_equal(v.n, 5);
	assert_int_equal(
		mkt_store_put_set(t, MKT_TAB_WINDOW, str("w"), "0000000100000003", 8, 2, &err), 0);
	assert_int_equal(
		mkt_store_put_set(t, MKT_TAB_WINDOW, str("w"), "0000000200000003", 8, 2, &err), 0);
	assert_int_equal(mkt_store_put_set(t, MKT_TAB_STATE, str("w"), "00000002", 8, 1, &err),
			 -MKT_EINVAL);
	assert_int_equal(mkt_store_commit(t, &err), 0);

	/* A reader keeps what it saw; nothing of an aborted transaction remains. */
	assert_int_equal(mkt_store_begin(s, false, &old, &err), 0);
	assert_int_equal(mkt_store_put(old, MKT_TAB_STATE, str("x"), str("y"), &err), -MKT_EINVAL);
	assert_int_equal(mkt_store_get(old, MKT_TAB_STATE, str("c"), &v, &err), 0);
	assert_int_equal(mkt_store_walk(old, MKT_TAB_WINDOW, NONE, NONE, list_one, &l, &err), 0);
	assert_string_equal(mkt_buf_str(&l.b),
			    "77=3030303030303031 77=3030303030303032 77=3030303030303033 ");
	mkt_buf_release(&l.b);
	assert_int_equal(mkt_store_get(old, MKT_TAB_STATE, str("a"), &v, &err), 1);
	mkt_store_abort(old);
	assert_int_equal(mkt_store_begin(s, true, &t, &err), 0);
	assert_int_equal(mkt_store_del(t, MKT_TAB_STATE, str("a"), &err), 0);
	assert_int_equal(mkt_store_del(t, MKT_TAB_STATE, str("nothing"), &err), 0);
	assert_int_equal(mkt_store_del(t, MKT_TAB_WINDOW, str("w"), &err), 0);
	assert_int_equal(mkt_store_get(t, MKT_TAB_WINDOW, str("w"), &v, &err), 0);
	mkt_store_abort(t);
	assert_int_equal(mkt_store_begin(s, false, &t, &err), 0);
	assert_int_equal(mkt_store_get(t, MKT_TAB_STATE, str("a"), &v, &err), 1);
	assert_int_equal(mkt_store_get(t, MKT_TAB_WINDOW, str("w"), &v, &err), 1);
	mkt_store_abort(t);
	assert_true(mkt_store_bytes(s) > 0);
}

static void both_back_ends_keep_the_contract(void **state)
{
	struct mkt_store *s;
	struct mkt_err err;
	char dir[PATH_MAX];

	(void)state;
	assert_int_equal(mkt_store_open_mem(&s, &err), 0);
	check_contract(s);
	mkt_store_close(s);
	tmpdir_make(dir, "store");
	open_lmdb(dir, &s);
	check_contract(s);
	mkt_store_close(s);
	tmpdir_remove(dir);
}

static void random_bytes(struct rng *r, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rng_below(r, i + 2 < n ? 2 : 40);
}

static void change_both(struct rng *r, struct mkt_store_tx *a, struct mkt_store_tx *b)
{
	enum mkt_store_table tab = (enum mkt_store_table)rng_below(r, MKT_TAB_COUNT);
	uint8_t key[6], val[400];
	size_t klen = 3 + rng_below(r, 3), vlen = width[tab] ? width[tab] : rng_below(r, 200);
	struct mkt_err err;

	random_bytes(r, key, klen);
	if (rng_below(r, 10) == 0) {
		assert_int_equal(mkt_store_del(a, tab, B(key, klen), &err), 0);
		assert_int_equal(mkt_store_del(b, tab, B(key, klen), &err), 0);
		return;
	}
	random_bytes(r, val, vlen);
	if (width[tab] &&
	    rng_below(r, 2)) { /* an ascending run; sometimes above all that is there */
		size_t n = 1 + rng_below(r, 30);

		for (size_t i = 0; i < n; i++) {
			memcpy(val + i * vlen, val, vlen);
			val[i * vlen + vlen - 1] = (uint8_t)(i * 3);
			if (rng_below(r, 8) == 0)
				memset(val + i * vlen, (int)(200 + i), 1);
			if (i && memcmp(val + i * vlen, val + (i - 1) * vlen, vlen) <= 0)
				n = i;
		}
		assert_int_equal(mkt_store_put_set(a, tab, B(key, klen), val, vlen, n, &err), 0);
		assert_int_equal(mkt_store_put_set(b, tab, B(key, klen), val, vlen, n, &err), 0);
		return;
	}
	assert_int_equal(mkt_store_put(a, tab, B(key, klen), B(val, vlen), &err), 0);
	assert_int_equal(mkt_store_put(b, tab, B(key, klen), B(val, vlen), &err), 0);
}

static void compare_both(struct rng *r, struct mkt_store_tx *a, struct mkt_store_tx *b)
{
	enum mkt_store_table tab = (enum mkt_store_table)rng_below(r, MKT_TAB_COUNT);
	uint8_t key[6], val[16];
	size_t klen = 3 + rng_below(r, 3);
	struct mkt_bytes va = NONE, vb = NONE;
	struct mkt_err err;
	int found;

	random_bytes(r, key, klen);
	random_bytes(r, val, width[tab]);
	found = mkt_store_get(a, tab, B(key, klen), &va, &err);
	assert_int_equal(mkt_store_get(b, tab, B(key, klen), &vb, &err), found);
	assert_int_equal(va.n, vb.n);
	if (va.n)
		assert_memory_equal(va.p, vb.p, va.n);
	assert_same_walk(a, b, tab, B(key, klen), B(val, rng_below(r, 3) ? width[tab] : 0), 7);
	if (rng_below(r, 50) == 0)
		assert_same_walk(a, b, tab, NONE, NONE, UINT32_MAX);
}

static void lmdb_agrees_with_memory(void **state)
{
	struct rng r = rng_start("store");
	struct mkt_store *a, *b;
	struct mkt_err err;
	char dir[PATH_MAX];

	(void)state;
	tmpdir_make(dir, "store");
	open_lmdb(dir, &a);
	assert_int_equal(mkt_store_open_mem(&b, &err), 0);
	for (unsigned round = 0; round < 60; round++) {
		struct mkt_store_tx *ta, *tb;
		bool keep = rng_below(&r, 4) != 0;

		assert_int_equal(mkt_store_begin(a, true, &ta, &err), 0);
		assert_int_equal(mkt_store_begin(b, true, &tb, &err), 0);
		for (uint64_t n = rng_below(&r, 400); n-- > 0;) {
			change_both(&r, ta, tb);
			if (rng_below(&r, 10) == 0)
				compare_both(&r, ta, tb);
		}
		if (keep) {
			assert_int_equal(mkt_store_commit(ta, &err), 0);
			assert_int_equal(mkt_store_commit(tb, &err), 0);
		} else {
			mkt_store_abort(ta);
			mkt_store_abort(tb);
		}
		if (rng_below(&r, 10) == 0) {
			mkt_store_close(a);
			open_lmdb(dir, &a);
		}
		assert_int_equal(mkt_store_begin(a, false, &ta, &err), 0);
		assert_int_equal(mkt_store_begin(b, false, &tb, &err), 0);
		for (unsigned n = 0; n < 100; n++)
			compare_both(&r, ta, tb);
		mkt_store_abort(ta);
		mkt_store_abort(tb);
	}
	mkt_store_close(a);
	mkt_store_close(b);
	tmpdir_remove(dir);
}

/* One transaction of @n rows; the value says which transaction. */
static int put_rows(struct mkt_store *s, uint32_t n, uint32_t value, struct mkt_err *err)
{
	struct mkt_store_tx *t;
	int r = mkt_store_begin(s, true, &t, err);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t key = __builtin_bswap32(i * 2654435761u), val[16] = {value};

		r = mkt_store_put(t, MKT_TAB_STATE, B(&key, 4), B(val, sizeof(val)), err);
		if (r < 0) {
			mkt_store_abort(t);
			return r;
		}
	}
	return mkt_store_commit(t, err);
}

struct count {
	uint32_t n, value;
	bool mixed;
};

static bool count_one(void *ctx, struct mkt_bytes key, struct mkt_bytes val)
{
	struct count *c = ctx;
	uint32_t v;

	(void)key;
	memcpy(&v, val.p, sizeof(v));
	c->mixed |= c->n && v != c->value;
	c->value = v;
	c->n++;
	return true;
}

static struct count count_rows(struct mkt_store *s)
{
	struct count c = {0, 0, false};
	struct mkt_store_tx *t;
	struct mkt_err err;

	assert_int_equal(mkt_store_begin(s, false, &t, &err), 0);
	assert_int_equal(mkt_store_walk(t, MKT_TAB_STATE, NONE, NONE, count_one, &c, &err), 0);
	mkt_store_abort(t);
	return c;
}

static void the_map_grows_when_told_to_begin_again(void **state)
{
	const struct lmdb_map small = {1u << 20, 64u << 10, 16u << 20};
	struct mkt_store *s;
	struct mkt_err err;
	struct count c;
	char dir[PATH_MAX];
	unsigned again = 0;
	int r;

	(void)state;
	tmpdir_make(dir, "store");
	assert_int_equal(lmdb_open(dir, &small, &s, &err), 0);
	assert_int_equal(put_rows(s, 1000, 1, &err), 0);
	while ((r = put_rows(s, 40000, 2, &err)) == -MKT_EBUSY) {
		c = count_rows(s);
		assert_int_equal(c.n, 1000);
		assert_true(++again < 10);
	}
	assert_int_equal(r, 0);
	assert_true(again > 0);
	c = count_rows(s);
	assert_int_equal(c.n, 40000);
	assert_false(c.mixed);
	/* The ceiling is as a full disk: refused, and what was there stays. */
	for (again = 0; (r = put_rows(s, 400000, 3, &err)) == -MKT_EBUSY; again++)
		assert_true(again < 10);
	assert_int_equal(r, -MKT_EDISKFULL);
	c = count_rows(s);
	assert_int_equal(c.n, 40000);
	assert_int_equal(c.value, 2);
	assert_int_equal(put_rows(s, 40000, 4, &err), 0);
	mkt_store_close(s);
	open_lmdb(dir, &s);
	c = count_rows(s);
	assert_int_equal(c.n, 40000);
	assert_int_equal(c.value, 4);
	assert_false(c.mixed);
	mkt_store_close(s);
	tmpdir_remove(dir);
}

struct readers {
	struct mkt_store *s;
	_Atomic bool stop;
	_Atomic unsigned torn, seen;
};

static void *read_on(void *p)
{
	struct readers *rd = p;

	while (!rd->stop) {
		struct count c = {0, 0, false};
		struct mkt_store_tx *t;

		if (mkt_store_begin(rd->s, false, &t, NULL) < 0 ||
		    mkt_store_walk(t, MKT_TAB_STATE, NONE, NONE, count_one, &c, NULL) < 0)
			c.mixed = true;
		mkt_store_abort(t);
		rd->torn += c.mixed;
		rd->seen++;
	}
	return NULL;
}

static void readers_see_whole_transactions_while_the_map_grows(void **state)
{
	const struct lmdb_map small = {256u << 10, 16u << 10, 64u << 20};
	struct readers rd = {.stop = false};
	pthread_t t[3];
	struct mkt_err err;
	char dir[PATH_MAX];

	(void)state;
	tmpdir_make(dir, "store");
	assert_int_equal(lmdb_open(dir, &small, &rd.s, &err), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_on, &rd), 0);
	for (uint32_t v = 1; v <= 60 || rd.seen < 100; v++) {
		int r;

		do
			r = put_rows(rd.s, 50 * v < 20000 ? 50 * v : 20000, v, &err);
		while (r == -MKT_EBUSY);
		assert_int_equal(r, 0);
	}
	rd.stop = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(rd.torn, 0);
	mkt_store_close(rd.s);
	tmpdir_remove(dir);
}

/* The child dies in the middle of its third transaction; two are there. */
static void a_killed_writer_leaves_whole_transactions(void **state)
{
	struct mkt_store *s;
	struct count c;
	char dir[PATH_MAX];
	int status;
	pid_t pid;

	(void)state;
	tmpdir_make(dir, "store");
	pid = fork();
	if (!pid) {
		struct mkt_store_tx *t;
		uint32_t v[16] = {9};

		if (mkt_store_open_lmdb(dir, 0, &s, NULL) < 0 || put_rows(s, 3000, 1, NULL) < 0 ||
		    put_rows(s, 4000, 2, NULL) < 0 || mkt_store_begin(s, true, &t, NULL) < 0)
			_exit(1);
		for (uint32_t i = 0; i < 2000; i++)
			if (mkt_store_put(t, MKT_TAB_STATE, B(&i, 4), B(v, sizeof(v)), NULL) < 0)
				_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	open_lmdb(dir, &s);
	c = count_rows(s);
	assert_int_equal(c.n, 4000);
	assert_int_equal(c.value, 2);
	assert_false(c.mixed);
	mkt_store_close(s);
	tmpdir_remove(dir);
}

static void what_is_no_store_is_refused(void **state)
{
	struct mkt_store *s;
	struct mkt_err err;
	char dir[PATH_MAX], path[PATH_MAX];
	struct mkt_buf junk = MKT_BUF_INIT;

	(void)state;
	tmpdir_make(dir, "store");
	for (unsigned i = 0; i < 20000; i++)
		mkt_buf_addch(&junk, (uint8_t)(i * 7));
	snprintf(path, sizeof(path), "%.3000s/data.mdb", dir);
	file_write(path, junk.data, junk.len);
	assert_int_equal(mkt_store_open_lmdb(dir, 0, &s, &err), -MKT_ESTORE);
	assert_int_equal(mkt_store_open_lmdb("/dev/null/x", 0, &s, &err), -MKT_EIO);
	mkt_buf_release(&junk);
	tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_back_ends_keep_the_contract),
		cmocka_unit_test(lmdb_agrees_with_memory),
		cmocka_unit_test(the_map_grows_when_told_to_begin_again),
		cmocka_unit_test(readers_see_whole_transactions_while_the_map_grows),
		cmocka_unit_test(a_killed_writer_leaves_whole_transactions),
		cmocka_unit_test(what_is_no_store_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
