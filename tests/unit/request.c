/*
 * Request ids: where they come from, and that a saved request comes back.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "core/app/request.h"
#include "core/base/file.h"
#include "tests/tmpdir.h"

struct fixture {
	char dir[PATH_MAX];
	char requests[PATH_MAX + 16];
	struct mkt_app app;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(mkt_crypto_init(), 0);
	tmpdir_make(f->dir, "request");
	snprintf(f->requests, sizeof(f->requests), "%s/requests", f->dir);
	mkt_app_init(&f->app);
	f->app.opt.quiet = true;
	assert_int_equal(mkt_conf_option(&f->app.conf, "core.state", f->dir, &f->app.err), 0);
	*state = f;
	return 0;
}

static unsigned files_in(const char *dir, bool remove)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (remove)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
	return n;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	files_in(f->requests, true);
	rmdir(f->requests);
	rmdir(f->dir);
	assert_int_not_equal(access(f->dir, F_OK), 0);
	mkt_app_release(&f->app);
	free(f);
	return 0;
}

/* ---- ids ---------------------------------------------------------------------------------- */

static void id_of(const char *text, char out[MKT_REQUEST_ID_TEXT])
{
	struct mkt_request_id id;

	assert_int_equal(mkt_request_parse(text, &id, NULL), 0);
	mkt_request_text(&id, out);
}

static void test_parse(void **state)
{
	char a[MKT_REQUEST_ID_TEXT], b[MKT_REQUEST_ID_TEXT];
	struct mkt_request_id id;
	char longest[66];

	(void)state;
	id_of("00112233445566778899aABbcCddEeFf", a);
	assert_string_equal(a, "00112233445566778899aabbccddeeff");
	id_of("00112233-4455-6677-8899-aabbccddeeff", b);
	assert_string_equal(a, b);
	/* Words are hashed: a digit less or more is a word. */
	id_of("00112233445566778899aabbccddeef", a);
	assert_string_not_equal(a, b);
	id_of("house07 2026-11-23", a);
	id_of("house07 2026-11-24", b);
	assert_string_not_equal(a, b);
	assert_int_equal(mkt_request_parse("", &id, NULL), -MKT_EUSAGE);
	assert_int_equal(mkt_request_parse("a\tb", &id, NULL), -MKT_EUSAGE);
	memset(longest, 'x', sizeof(longest));
	longest[65] = 0;
	assert_int_equal(mkt_request_parse(longest, &id, NULL), -MKT_EUSAGE);
	longest[64] = 0;
	assert_int_equal(mkt_request_parse(longest, &id, NULL), 0);
}

static void choose(struct fixture *f, int once, struct mkt_once_key key, char out[MKT_REQUEST_ID_TEXT])
{
	struct mkt_request_values v = {.once_per = once};
	struct mkt_request_id id;

	assert_int_equal(mkt_request_choose(&f->app, &v, &key, &id), 0);
	mkt_request_text(&id, out);
	assert_string_equal(out, f->app.request_id);
}

static void test_once(void **state)
{
	struct fixture *f = *state;
	const struct mkt_once_key key = {"house07", "bid buy", "2000 green=24000", 1800};
	struct mkt_once_key others[] = {key, key, key, key, key};
	char first[MKT_REQUEST_ID_TEXT], other[MKT_REQUEST_ID_TEXT];

	others[0].account = "house08";
	others[1].command = "bid sell";
	others[2].arguments = "2000 green=24001";
	others[3].period_s = 3600;
	/* Texts do not run into each other. */
	others[4].account = "house07bid";
	others[4].command = " buy";
	choose(f, MKT_ONCE_WINDOW, key, first);
	choose(f, MKT_ONCE_WINDOW, key, other);
	assert_string_equal(first, other);
	choose(f, MKT_ONCE_HOUR, key, other);
	assert_string_not_equal(first, other);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(others); i++) {
		choose(f, MKT_ONCE_WINDOW, others[i], other);
		assert_string_not_equal(first, other);
	}
	choose(f, 0, key, first);
	choose(f, 0, key, other);
	assert_string_not_equal(first, other);
}

static void test_both_is_usage(void **state)
{
	struct fixture *f = *state;
	struct mkt_request_values v = {.id = "x", .once_per = MKT_ONCE_DAY};
	struct mkt_request_id id;

	assert_int_equal(mkt_request_choose(&f->app, &v, NULL, &id), -MKT_EUSAGE);
}

static void test_period(void **state)
{
	const uint64_t t = 1795397400; /* 2026-11-23 01:30 UTC, 10:30 in Tokyo */

	(void)state;
	assert_int_equal(mkt_once_period(MKT_ONCE_WINDOW, t + 1799, 1800, 0), t);
	assert_int_equal(mkt_once_period(MKT_ONCE_WINDOW, t + 1800, 1800, 0), t + 1800);
	assert_int_equal(mkt_once_period(MKT_ONCE_HOUR, t, 1800, 0), t - 1800);
	assert_int_equal(mkt_once_period(MKT_ONCE_DAY, t, 1800, 0), t - 5400);
	assert_int_equal(mkt_once_period(MKT_ONCE_DAY, t, 1800, 9 * 3600), t - 10 * 3600 - 1800);
	assert_int_equal(mkt_once_period(MKT_ONCE_DAY, t, 1800, -5 * 3600), t - 5400 - 19 * 3600);
}

/* ---- the store ---------------------------------------------------------------------------- */

static struct mkt_request sample(uint8_t first, uint64_t time_s)
{
	struct mkt_request r = MKT_REQUEST_INIT;

	memset(r.id.b, 0x11, sizeof(r.id.b));
	r.id.b[0] = first;
	r.state = MKT_REQUEST_UNFINISHED;
	r.time_s = time_s;
	snprintf(r.account, sizeof(r.account), "house07");
	snprintf(r.command, sizeof(r.command), "bid buy");
	memset(r.tx.b, 0xab, sizeof(r.tx.b));
	mkt_buf_add(&r.envelope, "\0\1\2\n", 4);
	return r;
}

static void test_save_and_load(void **state)
{
	struct fixture *f = *state;
	struct mkt_request r = sample(1, 77), got = MKT_REQUEST_INIT;
	char path[PATH_MAX + 64], name[MKT_REQUEST_ID_TEXT];
	struct stat st;

	assert_int_equal(mkt_request_save(&f->app, &r), 0);
	assert_int_equal(mkt_request_load(&f->app, &r.id, &got), 0);
	assert_int_equal(got.state, MKT_REQUEST_UNFINISHED);
	assert_int_equal(got.time_s, 77);
	assert_string_equal(got.account, "house07");
	assert_string_equal(got.command, "bid buy");
	assert_memory_equal(&got.tx, &r.tx, sizeof(r.tx));
	assert_memory_equal(&got.id, &r.id, sizeof(r.id));
	assert_int_equal(got.envelope.len, 4);
	assert_memory_equal(got.envelope.data, r.envelope.data, 4);
	assert_string_equal(got.receipt, "");
	mkt_request_release(&got);

	r.state = MKT_REQUEST_DONE;
	snprintf(r.receipt, sizeof(r.receipt), "bid b17 open in block 3");
	assert_int_equal(mkt_request_save(&f->app, &r), 0);
	assert_int_equal(mkt_request_load(&f->app, &r.id, &got), 0);
	assert_int_equal(got.state, MKT_REQUEST_DONE);
	assert_string_equal(got.receipt, "bid b17 open in block 3");
	assert_int_equal(files_in(f->requests, false), 1);
	mkt_request_text(&r.id, name);
	snprintf(path, sizeof(path), "%s/%s", f->requests, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	mkt_request_release(&got);
	mkt_request_release(&r);
}

static void test_not_there_and_damaged(void **state)
{
	struct fixture *f = *state;
	struct mkt_request r = sample(2, 1), got = MKT_REQUEST_INIT;
	struct mkt_buf b = MKT_BUF_INIT;
	char path[PATH_MAX + 64], name[MKT_REQUEST_ID_TEXT];

	assert_int_equal(mkt_request_load(&f->app, &r.id, &got), -MKT_ENOTFOUND);
	assert_int_equal(mkt_request_save(&f->app, &r), 0);
	mkt_request_text(&r.id, name);
	snprintf(path, sizeof(path), "%s/%s", f->requests, name);
	assert_int_equal(mkt_file_read(path, 4096, &b, NULL), 0);
	for (size_t n = 0; n < b.len; n++) {
		assert_int_equal(mkt_file_write(path, b.data, n, (struct mkt_file_how){0600, false}, NULL), 0);
		assert_int_equal(mkt_request_load(&f->app, &r.id, &got), -MKT_EINTEGRITY);
	}
	mkt_buf_release(&b);
	mkt_request_release(&r);
}

static void test_dry_run_saves_nothing(void **state)
{
	struct fixture *f = *state;
	struct mkt_request r = sample(3, 1);

	f->app.opt.dry_run = true;
	assert_int_equal(mkt_request_save(&f->app, &r), 0);
	assert_int_not_equal(access(f->requests, F_OK), 0);
	mkt_request_release(&r);
}

struct seen {
	unsigned n;
	uint64_t last_s;
};

static int see(void *arg, const struct mkt_request *r)
{
	struct seen *s = arg;

	assert_true(r->time_s >= s->last_s);
	s->last_s = r->time_s;
	return ++s->n == 4 ? 42 : 0;
}

static void test_each(void **state)
{
	static const uint64_t times[] = {50, 10, 40, 20, 30};
	struct fixture *f = *state;
	struct seen s = {0, 0};

	assert_int_equal(mkt_request_each(&f->app, see, &s), 0);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(times); i++) {
		struct mkt_request r = sample((uint8_t)(i + 1), times[i]);

		assert_int_equal(mkt_request_save(&f->app, &r), 0);
		mkt_request_release(&r);
		if (i == 2) {
			s = (struct seen){0, 0};
			assert_int_equal(mkt_request_each(&f->app, see, &s), 0);
			assert_int_equal(s.n, 3);
		}
	}
	s = (struct seen){0, 0};
	assert_int_equal(mkt_request_each(&f->app, see, &s), 42);
	assert_int_equal(s.n, 4);
}

/* Done and old goes; unfinished stays however old it is. */
static void test_prune(void **state)
{
	struct fixture *f = *state;
	struct utimbuf old = {1000000, 1000000};

	for (uint8_t i = 1; i <= 3; i++) {
		struct mkt_request r = sample(i, i);
		char path[PATH_MAX + 64], name[MKT_REQUEST_ID_TEXT];

		r.state = i == 1 ? MKT_REQUEST_UNFINISHED : MKT_REQUEST_DONE;
		assert_int_equal(mkt_request_save(&f->app, &r), 0);
		mkt_request_text(&r.id, name);
		snprintf(path, sizeof(path), "%s/%s", f->requests, name);
		if (i != 3)
			assert_int_equal(utime(path, &old), 0);
		mkt_request_release(&r);
	}
	assert_int_equal(files_in(f->requests, false), 3);
	{
		struct mkt_request r = sample(16, 9), got = MKT_REQUEST_INIT;

		assert_int_equal(mkt_request_save(&f->app, &r), 0);
		assert_int_equal(files_in(f->requests, false), 3);
		r.id.b[0] = 1;
		assert_int_equal(mkt_request_load(&f->app, &r.id, &got), 0);
		mkt_request_release(&got);
		r.id.b[0] = 2;
		assert_int_equal(mkt_request_load(&f->app, &r.id, &got), -MKT_ENOTFOUND);
		mkt_request_release(&r);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_parse), T(test_once), T(test_both_is_usage), T(test_period),
		T(test_save_and_load), T(test_not_there_and_damaged), T(test_dry_run_saves_nothing),
		T(test_each), T(test_prune),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
