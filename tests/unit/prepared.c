/* A vote is on the disk, whole, or it is not there: whatever call the power fails at. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/crypto/hash.h"
#include "ledgerd/prepared.c"
#include "tests/rng.h"
#include "tests/tmpdir.h"

/* ---- power that fails ---- */

static int calls_left = -1; /* -1: it does not */

ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);

/* What was not synced is gone. */
static void step(int fd)
{
	if (calls_left > 0 && !--calls_left) {
		if (fd >= 0)
			(void)!ftruncate(fd, 0);
		_exit(9);
	}
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (calls_left == 1)
		(void)!__real_write(fd, p, n / 2);
	step(fd);
	return __real_write(fd, p, n);
}

int __wrap_fsync(int fd)
{
	step(fd);
	return __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	step(-1);
	return __real_rename(from, to);
}

/* ---- tests ---- */

static struct mkt_hash hash_of(uint8_t n)
{
	struct mkt_hash h;

	memset(h.b, n, sizeof(h.b));
	return h;
}

static struct ld_prepared *opened(const char *dir)
{
	struct ld_prepared *p = NULL;
	struct mkt_err err;

	assert_int_equal(ld_prepared_open(dir, &p, &err), 0);
	return p;
}

static int put(struct ld_prepared *p, uint64_t h, uint64_t e, uint8_t n, size_t len)
{
	uint8_t *body = malloc(len + 1);
	struct mkt_hash hash = hash_of(n);
	struct mkt_err err;
	int res;

	assert_non_null(body);
	memset(body, n, len);
	res = ld_prepared_put(p, h, e, &hash, body, len, &err);
	free(body);
	return res;
}

static void assert_body(struct ld_prepared *p, uint64_t h, uint64_t e, uint8_t n, size_t len)
{
	struct mkt_hash hash = hash_of(n);
	struct mkt_buf b = MKT_BUF_INIT, c = MKT_BUF_INIT;
	struct mkt_err err;

	assert_int_equal(ld_prepared_get(p, h, e, &b, &err), 0);
	assert_int_equal(ld_prepared_find(p, h, &hash, &c, &err), 0);
	assert_int_equal(b.len, len);
	assert_int_equal(c.len, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(b.data[i], n);
	mkt_buf_release(&b);
	mkt_buf_release(&c);
}

static void votes_last_until_they_are_forgotten(void **state)
{
	char dir[PATH_MAX];
	struct mkt_quorum_vote v[8];
	struct ld_prepared *p;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err;

	(void)state;
	tmpdir_make(dir, "prepared");
	p = opened(dir);
	assert_int_equal(ld_prepared_votes(p, 0, v, 8), 0);
	assert_int_equal(put(p, 7, 1, 'a', 1000), 0);
	assert_int_equal(put(p, 7, 3, 'b', 0), 0);
	assert_int_equal(put(p, 8, 3, 'c', 70000), 0);
	assert_int_equal(put(p, 7, 1, 'a', 1000), 0);
	assert_int_equal(put(p, 7, 1, 'x', 10), -MKT_ECONFLICT);
	ld_prepared_close(p);
	p = opened(dir);
	assert_int_equal(ld_prepared_votes(p, 6, v, 8), 3);
	assert_int_equal(ld_prepared_votes(p, 7, v, 8), 1);
	assert_int_equal(v[0].epoch, 3);
	assert_int_equal(v[0].hash.b[0], 'c');
	assert_body(p, 7, 1, 'a', 1000);
	assert_body(p, 7, 3, 'b', 0);
	assert_body(p, 8, 3, 'c', 70000);
	assert_int_equal(put(p, 7, 1, 'x', 10), -MKT_ECONFLICT);
	ld_prepared_forget(p, 7);
	assert_int_equal(ld_prepared_get(p, 7, 1, &b, &err), -MKT_ENOTFOUND);
	ld_prepared_close(p);
	p = opened(dir);
	assert_int_equal(ld_prepared_votes(p, 0, v, 8), 1);
	ld_prepared_close(p);
	mkt_buf_release(&b);
	tmpdir_remove(dir);
}

/* A vote whose file was damaged is a vote still: nothing else is signed there. */
static void damage_never_lets_sign_twice(void **state)
{
	char dir[PATH_MAX], path[PATH_MAX + 64];
	struct mkt_quorum_vote v[2];
	struct ld_prepared *p;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err;
	struct rng r = rng_start("prepared-damage");
	const struct mkt_hash none = {{0}};

	(void)state;
	tmpdir_make(dir, "damage");
	snprintf(path, sizeof(path), "%s/prepared/%020d-%020d", dir, 5, 2);
	for (int i = 0; i < 40; i++) {
		struct stat st;
		uint8_t byte;
		off_t at;
		int fd;

		p = opened(dir);
		assert_int_equal(put(p, 5, 2, 'a', 300), 0);
		ld_prepared_close(p);
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		at = (off_t)rng_below(&r, (uint64_t)st.st_size);
		if (i % 4 == 3) {
			assert_int_equal(ftruncate(fd, at), 0);
		} else {
			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte ^= (uint8_t)(1u << rng_below(&r, 8));
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		close(fd);
		p = opened(dir);
		assert_int_equal(ld_prepared_votes(p, 0, v, 2), 1);
		assert_true(mkt_hash_eq(&v[0].hash, &none));
		assert_true(ld_prepared_get(p, 5, 2, &b, &err) < 0);
		assert_int_equal(put(p, 5, 2, 'b', 10), -MKT_ECONFLICT);
		ld_prepared_forget(p, 5);
		ld_prepared_close(p);
	}
	mkt_buf_release(&b);
	tmpdir_remove(dir);
}

static void power_that_fails_leaves_all_or_nothing(void **state)
{
	int status = 9, calls = 1, kept = 0, lost = 0;

	(void)state;
	for (; status; calls++) {
		char dir[PATH_MAX];
		struct mkt_quorum_vote v[4];
		struct ld_prepared *p;
		unsigned n;
		pid_t pid;

		tmpdir_make(dir, "power");
		p = opened(dir);
		assert_int_equal(put(p, 3, 1, 'a', 100), 0);
		pid = fork();
		if (!pid) {
			calls_left = calls;
			_exit(put(p, 4, 1, 'b', 50000) ? 1 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		status = WEXITSTATUS(status);
		assert_int_not_equal(status, 1);
		ld_prepared_close(p);
		p = opened(dir);
		n = ld_prepared_votes(p, 0, v, 4);
		assert_body(p, 3, 1, 'a', 100);
		if (n == 2)
			assert_body(p, 4, 1, 'b', 50000);
		else
			assert_int_equal(put(p, 4, 1, 'c', 5), 0);
		assert_true(n == 2 || status == 9); /* what was told durable is there */
		kept += n == 2;
		lost += n == 1;
		ld_prepared_close(p);
		tmpdir_remove(dir);
	}
	assert_true(kept >= 1 && lost >= 2);
}

/* No room: an error, and nothing half written. */
static void a_full_disk_leaves_nothing(void **state)
{
	struct rlimit was, small = {.rlim_cur = 4096};
	struct mkt_quorum_vote v[4];
	char dir[PATH_MAX];
	struct ld_prepared *p;

	(void)state;
	tmpdir_make(dir, "full");
	p = opened(dir);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(put(p, 4, 1, 'a', 50000) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(ld_prepared_votes(p, 0, v, 4), 0);
	assert_int_equal(put(p, 4, 1, 'b', 50000), 0);
	ld_prepared_close(p);
	p = opened(dir);
	assert_int_equal(ld_prepared_votes(p, 0, v, 4), 1);
	assert_body(p, 4, 1, 'b', 50000);
	ld_prepared_close(p);
	tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(votes_last_until_they_are_forgotten),
		cmocka_unit_test(damage_never_lets_sign_twice),
		cmocka_unit_test(power_that_fails_leaves_all_or_nothing),
		cmocka_unit_test(a_full_disk_leaves_nothing),
	};

	return mkt_crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
