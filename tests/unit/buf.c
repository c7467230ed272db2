#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "tests/rng.h"

static void empty_buffer_is_an_empty_string(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;
	size_t n = 7;

	(void)state;
	assert_string_equal(mkt_buf_str(&b), "");
	mkt_buf_add(&b, NULL, 0);
	assert_string_equal(mkt_buf_str(&b), "");
	mkt_buf_clear(&b);
	mkt_buf_release(&b);
	assert_null(mkt_buf_take(&b, &n));
	assert_int_equal(n, 0);
}

static void everything_is_appended(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	mkt_buf_addstr(&b, "block ");
	mkt_buf_addf(&b, "%d%c", 18231, ' ');
	mkt_buf_addhex(&b, "\x00\x9f\xff", 3);
	mkt_buf_addch(&b, '!');
	mkt_buf_addf(&b, "%s", "");
	assert_string_equal(mkt_buf_str(&b), "block 18231 009fff!");
	assert_int_equal(b.len, 19);
	assert_false(b.bad);
	mkt_buf_release(&b);
	assert_int_equal(b.len, 0);
	mkt_buf_addstr(&b, "again");
	assert_string_equal(mkt_buf_str(&b), "again");
	mkt_buf_release(&b);
}

/* Contents, length and the NUL behind them, at every size and through clear and growth. */
static void random_appends_keep_every_byte(void **state)
{
	struct rng r = rng_start("buf");
	struct mkt_buf b = MKT_BUF_INIT;
	uint8_t model[20000], piece[300];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t n = rng_below(&r, sizeof(piece));

		for (size_t k = 0; k < n; k++)
			piece[k] = (uint8_t)rng_u64(&r);
		if (len + n > sizeof(model)) {
			mkt_buf_clear(&b);
			len = 0;
		}
		memcpy(model + len, piece, n);
		len += n;
		mkt_buf_add(&b, piece, n);
		assert_int_equal(b.len, len);
		assert_true(b.len < b.cap || !b.cap);
		if (len) {
			assert_memory_equal(b.data, model, len);
			assert_int_equal(b.data[len], 0);
		}
	}
	mkt_buf_release(&b);
}

static void failure_sticks_and_keeps_the_contents(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;

	(void)state;
	mkt_buf_addstr(&b, "kept");
	assert_int_equal(mkt_buf_grow(&b, SIZE_MAX), -MKT_ENOMEM);
	assert_true(b.bad);
	mkt_buf_addstr(&b, "lost");
	mkt_buf_addf(&b, "%s", "lost");
	mkt_buf_addhex(&b, "x", 1);
	mkt_buf_addch(&b, 'x');
	assert_string_equal(mkt_buf_str(&b), "kept");
	assert_int_equal(b.len, 4);
	mkt_buf_clear(&b);
	assert_false(b.bad);
	mkt_buf_addstr(&b, "new");
	assert_string_equal(mkt_buf_str(&b), "new");
	assert_int_equal(mkt_buf_grow(&b, SIZE_MAX / 2), -MKT_ENOMEM);
	mkt_buf_release(&b);
}

static void take_hands_over_the_storage(void **state)
{
	struct mkt_buf b = MKT_BUF_INIT;
	uint8_t *p;
	size_t n;

	(void)state;
	mkt_buf_addstr(&b, "mine");
	p = mkt_buf_take(&b, &n);
	assert_int_equal(n, 4);
	assert_string_equal((char *)p, "mine");
	assert_null(b.data);
	mkt_buf_addstr(&b, "yours");
	assert_string_equal((char *)p, "mine");
	free(p);
	mkt_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_buffer_is_an_empty_string),
		cmocka_unit_test(everything_is_appended),
		cmocka_unit_test(random_appends_keep_every_byte),
		cmocka_unit_test(failure_sticks_and_keeps_the_contents),
		cmocka_unit_test(take_hands_over_the_storage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
