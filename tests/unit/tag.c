#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/market/tag.h"

/* energy {brown, green}, market {lvm, shvm, club (direct, fee 500)} */
static struct mkt_tag_table table(void)
{
	struct mkt_tag_table t = {0};
	uint8_t v;

	assert_int_equal(mkt_tag_add_dim(&t, "energy", "brown"), 0);
	assert_int_equal(mkt_tag_set_value(&t, 0, &(struct mkt_tag_value){.name = "green"}, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(mkt_tag_add_dim(&t, "market", "lvm"), 0);
	assert_int_equal(mkt_tag_set_value(&t, 1, &(struct mkt_tag_value){.name = "shvm"}, &v), 0);
	assert_int_equal(mkt_tag_set_value(&t, 1,
					   &(struct mkt_tag_value){.name = "club",
								   .direct = true,
								   .fee_upwh = 500,
								   .fee_account = 3},
					   &v),
			 0);
	assert_int_equal(v, 2);
	return t;
}

static mkt_tags tags(uint8_t energy, uint8_t market)
{
	return mkt_tags_with(mkt_tags_with(0, 0, energy), 1, market);
}

static void names_have_a_form(void **state)
{
	(void)state;
	assert_true(mkt_name_ok("a"));
	assert_true(mkt_name_ok("house-07.b_c"));
	assert_true(mkt_name_ok("abcdefghijklmnopqrstuvwxyz01234"));
	assert_false(mkt_name_ok("abcdefghijklmnopqrstuvwxyz012345"));
	assert_false(mkt_name_ok(""));
	assert_false(mkt_name_ok("7up"));
	assert_false(mkt_name_ok("Green"));
	assert_false(mkt_name_ok("a+b"));
	assert_false(mkt_name_ok("a b"));
}

static void table_refuses_what_it_cannot_hold(void **state)
{
	struct mkt_tag_table t = table();
	struct mkt_tag_value v = {.name = "green", .direct = true};
	uint8_t value = 77;
	char name[16];

	(void)state;
	assert_int_equal(mkt_tag_add_dim(&t, "energy", "x"), -MKT_EEXISTS);
	assert_int_equal(mkt_tag_add_dim(&t, "x", "green"), -MKT_EEXISTS);
	assert_int_equal(mkt_tag_add_dim(&t, "X", "y"), -MKT_ENAME);
	assert_int_equal(mkt_tag_add_dim(&t, "x", ""), -MKT_ENAME);
	assert_int_equal(mkt_tag_set_value(&t, 1, &v, &value), -MKT_EEXISTS); /* other dimension */
	assert_int_equal(mkt_tag_set_value(&t, 0, &v, &value), -MKT_EEXISTS); /* becomes direct */
	assert_int_equal(mkt_tag_set_value(&t, 2, &v, &value), -MKT_ETAG);
	v = (struct mkt_tag_value){.name = "9"};
	assert_int_equal(mkt_tag_set_value(&t, 0, &v, &value), -MKT_ENAME);
	v = (struct mkt_tag_value){.name = "n", .fee_upwh = -1};
	assert_int_equal(mkt_tag_set_value(&t, 0, &v, &value), -MKT_EPRICE);
	assert_int_equal(value, 77);
	for (int d = 2; d < MKT_DIMS_MAX; d++) {
		snprintf(name, sizeof(name), "d%d", d);
		assert_int_equal(mkt_tag_add_dim(&t, name, name), 0);
	}
	assert_int_equal(mkt_tag_add_dim(&t, "more", "more"), -MKT_ELIMIT);
	for (int i = 2; i < MKT_TAG_VALUES_MAX; i++) {
		v = (struct mkt_tag_value){0};
		snprintf(v.name, sizeof(v.name), "v%d", i);
		assert_int_equal(mkt_tag_set_value(&t, 0, &v, &value), 0);
		assert_int_equal(value, i);
	}
	v = (struct mkt_tag_value){.name = "w"};
	assert_int_equal(mkt_tag_set_value(&t, 0, &v, &value), -MKT_ELIMIT);
	mkt_tag_table_release(&t);
}

static void members_close_a_value(void **state)
{
	struct mkt_tag_table t = table();
	struct mkt_tag_value v = {.name = "club", .direct = true, .closed = true, .fee_upwh = 1};
	uint8_t value;

	(void)state;
	assert_true(mkt_tags_open_to(&t, tags(0, 2), 9));
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 9, true), 0);
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 4, true), 0);
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 9, true), 0);
	assert_int_equal(t.dims[1].values[2].nmembers, 2);
	assert_int_equal(t.dims[1].values[2].members[0], 4);
	assert_true(mkt_tags_open_to(&t, tags(1, 2), 9));
	assert_false(mkt_tags_open_to(&t, tags(1, 2), 5));
	assert_true(mkt_tags_open_to(&t, tags(1, 1), 5));
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 9, false), 0);
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 9, false), 0);
	assert_false(mkt_tags_open_to(&t, tags(0, 2), 9));
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 4, false), 0);
	assert_false(mkt_tags_open_to(&t, tags(0, 2), 4)); /* still closed */
	assert_int_equal(mkt_tag_set_member(&t, 1, 3, 4, true), -MKT_ETAG);
	assert_int_equal(mkt_tag_set_member(&t, 2, 0, 4, true), -MKT_ETAG);
	for (uint32_t i = 0; i < MKT_TAG_MEMBERS_MAX; i++)
		assert_int_equal(mkt_tag_set_member(&t, 1, 2, i * 7 % 2048, true), 0);
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 99999, true), -MKT_ELIMIT);
	assert_int_equal(mkt_tag_set_value(&t, 1, &v, &value), 0); /* members stay */
	assert_int_equal(value, 2);
	assert_int_equal(t.dims[1].values[2].nmembers, MKT_TAG_MEMBERS_MAX);
	assert_int_equal(t.dims[1].values[2].fee_upwh, 1);
	mkt_tag_table_release(&t);
}

static void sets_are_judged(void **state)
{
	struct mkt_tag_table t = table();
	int32_t fee = -1;

	(void)state;
	assert_true(mkt_tags_known(&t, 0));
	assert_true(mkt_tags_known(&t, tags(1, 2)));
	assert_false(mkt_tags_known(&t, tags(2, 0)));
	assert_false(mkt_tags_known(&t, tags(0, 3)));
	assert_false(mkt_tags_known(&t, mkt_tags_with(0, 2, 1)));
	assert_false(mkt_tags_known(&t, mkt_tags_with(0, 7, 1)));
	assert_true(mkt_tags_direct(&t, tags(1, 2)));
	assert_false(mkt_tags_direct(&t, tags(1, 1)));
	assert_int_equal(mkt_tags_fee(&t, tags(1, 2), &fee), 0);
	assert_int_equal(fee, 500);
	t.dims[0].values[1].fee_upwh = INT32_MAX;
	fee = -1;
	assert_int_equal(mkt_tags_fee(&t, tags(1, 2), &fee), -MKT_EOVERFLOW);
	assert_int_equal(fee, -1);
	assert_int_equal(mkt_tags_fee(&t, tags(1, 1), &fee), 0);
	assert_int_equal(fee, INT32_MAX);
	mkt_tag_table_release(&t);
}

static void text_goes_both_ways(void **state)
{
	static const struct {
		const char *text, *back;
		uint8_t energy, market;
	} good[] = {
		{"brown", "brown", 0, 0}, {"lvm", "brown", 0, 0},           {"green", "green", 1, 0},
		{"shvm", "shvm", 0, 1},   {"club+green", "green+club", 1, 2}, {"brown+lvm", "brown", 0, 0},
	};
	static const char *const bad[] = {"",       "+",           "green+",      "green++lvm",
					  "purple", "green+brown", "green+green", "Green",
					  "abcdefghijklmnopqrstuvwxyz0123456789"};
	struct mkt_tag_table t = table();
	struct mkt_buf out = MKT_BUF_INIT;
	struct mkt_err err;
	mkt_tags got;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(good); i++) {
		assert_int_equal(mkt_tags_parse(&t, good[i].text, &got, NULL), 0);
		assert_true(got == tags(good[i].energy, good[i].market));
		mkt_buf_clear(&out);
		mkt_tags_text(&t, got, &out);
		assert_string_equal(mkt_buf_str(&out), good[i].back);
	}
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		got = 42;
		assert_int_equal(mkt_tags_parse(&t, bad[i], &got, &err), -MKT_ETAG);
		assert_true(got == 42);
		assert_true(err.text[0] != 0);
	}
	mkt_buf_release(&out);
	mkt_tag_table_release(&t);
}

static void bytes_are_canonical(void **state)
{
	struct mkt_tag_table t = table(), copy;
	struct mkt_buf out = MKT_BUF_INIT, again = MKT_BUF_INIT;
	struct mkt_tag_dim d = {0};
	struct mkt_dec in;

	(void)state;
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 9, true), 0);
	assert_int_equal(mkt_tag_set_member(&t, 1, 2, 4, true), 0);
	assert_int_equal(mkt_tag_table_copy(&copy, &t), 0);
	mkt_tag_dim_enc(&copy.dims[1], &out);
	in = mkt_dec_init(out.data, out.len);
	assert_int_equal(mkt_tag_dim_dec(&in, &d), 0);
	assert_ptr_equal(in.at, in.end);
	mkt_tag_dim_enc(&d, &again);
	assert_int_equal(out.len, again.len);
	assert_memory_equal(out.data, again.data, out.len);
	mkt_tag_dim_release(&d);
	for (size_t n = 0; n < out.len; n++) {
		in = mkt_dec_init(out.data, n);
		assert_int_equal(mkt_tag_dim_dec(&in, &d), -MKT_ETRUNCATED);
	}
	out.data[out.len - 8] = 9; /* members not ascending */
	in = mkt_dec_init(out.data, out.len);
	assert_int_equal(mkt_tag_dim_dec(&in, &d), -MKT_ENONCANONICAL);
	out.data[out.len - 8] = 4;
	out.data[out.len - 10 - 8 - 1] |= 4; /* an unknown flag */
	in = mkt_dec_init(out.data, out.len);
	assert_int_equal(mkt_tag_dim_dec(&in, &d), -MKT_ENONCANONICAL);
	out.data[1] = 'M';
	in = mkt_dec_init(out.data, out.len);
	assert_int_equal(mkt_tag_dim_dec(&in, &d), -MKT_ENONCANONICAL);
	mkt_buf_release(&out);
	mkt_buf_release(&again);
	mkt_tag_table_release(&t);
	mkt_tag_table_release(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_a_form),
		cmocka_unit_test(table_refuses_what_it_cannot_hold),
		cmocka_unit_test(members_close_a_value),
		cmocka_unit_test(sets_are_judged),
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(bytes_are_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
