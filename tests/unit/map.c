#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/base/map.h"
#include "tests/rng.h"

static void empty_map_answers_and_allocates_nothing(void **state)
{
	struct mkt_map m;
	uint32_t at = 0, v = 7;

	(void)state;
	mkt_map_init(&m);
	assert_false(mkt_map_get(&m, 0, &v));
	assert_false(mkt_map_del(&m, 0, &v));
	assert_false(mkt_map_next(&m, &at, NULL, &v));
	assert_int_equal(v, 7); /* outputs are written on success only */
	assert_null(m.slots);
	mkt_map_release(&m);
}

static void any_key_and_value_is_allowed(void **state)
{
	static const uint64_t keys[] = {0, 1, UINT64_MAX, 0x243f6a8885a308d3u, 1ull << 63};
	struct mkt_map m = MKT_MAP_INIT;
	uint32_t v;

	(void)state;
	for (uint32_t i = 0; i < MKT_ARRAY_SIZE(keys); i++)
		assert_int_equal(mkt_map_put(&m, keys[i], UINT32_MAX - i), 0);
	for (uint32_t i = 0; i < MKT_ARRAY_SIZE(keys); i++) {
		assert_true(mkt_map_get(&m, keys[i], &v));
		assert_int_equal(v, UINT32_MAX - i);
		assert_int_equal(mkt_map_put(&m, keys[i], i), 1);
		assert_true(mkt_map_del(&m, keys[i], &v));
		assert_int_equal(v, i);
		assert_false(mkt_map_get(&m, keys[i], NULL));
	}
	assert_int_equal(m.count, 0);
	mkt_map_release(&m);
}

static void reserve_means_no_growth(void **state)
{
	struct mkt_map m = MKT_MAP_INIT;
	struct mkt_map_slot *slots;

	(void)state;
	assert_int_equal(mkt_map_reserve(&m, 1000), 0);
	slots = m.slots;
	for (uint64_t k = 0; k < 1000; k++)
		assert_int_equal(mkt_map_put(&m, k << 40, (uint32_t)k), 0);
	assert_ptr_equal(m.slots, slots);
	mkt_map_clear(&m);
	assert_ptr_equal(m.slots, slots);
	assert_false(mkt_map_get(&m, 1ull << 40, NULL));
	assert_int_equal(mkt_map_reserve(&m, MKT_MAP_COUNT_MAX + 1), -MKT_ENOMEM);
	assert_int_equal(mkt_map_put(&m, 1, 2), 0);
	mkt_map_release(&m);
}

#define KEYS 512

/*
 * A plain array is the model.  Few keys in a small map, so that chains are
 * long, wrap around the end and are cut in the middle by deletions.
 */
static void random_use_agrees_with_a_model(void **state)
{
	struct rng r = rng_start("map");
	struct mkt_map m = MKT_MAP_INIT;
	uint32_t model[KEYS], v, count = 0;
	uint64_t keys[KEYS];
	bool in[KEYS] = {false};

	(void)state;
	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = i % 2 ? rng_u64(&r) : (uint64_t)i * 1800;
	for (uint32_t step = 0; step < 200000; step++) {
		uint32_t i = (uint32_t)rng_below(&r, KEYS);

		/* Half of the time mostly growing, half mostly shrinking. */
		if (rng_below(&r, 4) < (step / 10000 % 2 ? 1u : 3u)) {
			v = (uint32_t)rng_u64(&r);
			assert_int_equal(mkt_map_put(&m, keys[i], v), in[i]);
			count += !in[i];
			in[i] = true;
			model[i] = v;
		} else {
			assert_int_equal(mkt_map_del(&m, keys[i], &v), in[i]);
			if (in[i])
				assert_int_equal(v, model[i]);
			count -= in[i];
			in[i] = false;
		}
		assert_int_equal(m.count, count);
		i = (uint32_t)rng_below(&r, KEYS);
		assert_int_equal(mkt_map_get(&m, keys[i], &v), in[i]);
		if (in[i])
			assert_int_equal(v, model[i]);
	}
	mkt_map_release(&m);
}

static void walk_gives_each_entry_once_and_repeats(void **state)
{
	struct mkt_map a = MKT_MAP_INIT, b = MKT_MAP_INIT;
	uint32_t at_a = 0, at_b = 0, va, vb, n = 0;
	uint64_t ka, kb, sum = 0;

	(void)state;
	for (uint64_t k = 1; k <= 5000; k++) {
		assert_int_equal(mkt_map_put(&a, k, (uint32_t)k), 0);
		assert_int_equal(mkt_map_put(&b, k, (uint32_t)k), 0);
	}
	while (mkt_map_next(&a, &at_a, &ka, &va)) {
		assert_true(mkt_map_next(&b, &at_b, &kb, &vb));
		assert_int_equal(ka, kb);
		assert_int_equal(va, ka);
		sum += ka;
		n++;
	}
	assert_int_equal(n, 5000);
	assert_int_equal(sum, 5000 * 5001 / 2);
	mkt_map_release(&a);
	mkt_map_release(&b);
}

static void id_key_of(uint8_t *key, uint32_t len, uint32_t i)
{
	memset(key, 0xa5, len);
	memcpy(key + len - 4, &i, 4); /* keys that differ in their last bytes only */
}

static void check_idmap(uint32_t len, uint64_t seed)
{
	struct rng r = {seed};
	struct mkt_idmap m;
	uint32_t model[KEYS], v;
	bool in[KEYS] = {false};
	uint8_t key[32];

	mkt_idmap_init(&m, len, seed);
	assert_false(mkt_idmap_get(&m, key, &v));
	assert_false(mkt_idmap_del(&m, key, &v));
	for (uint32_t step = 0; step < 100000; step++) {
		uint32_t i = (uint32_t)rng_below(&r, KEYS);

		id_key_of(key, len, i);
		if (rng_below(&r, 4) < (step / 10000 % 2 ? 1u : 3u)) {
			model[i] = (uint32_t)rng_u64(&r);
			assert_int_equal(mkt_idmap_put(&m, key, model[i]), in[i]);
			in[i] = true;
		} else {
			assert_int_equal(mkt_idmap_del(&m, key, &v), in[i]);
			if (in[i])
				assert_int_equal(v, model[i]);
			in[i] = false;
		}
		i = (uint32_t)rng_below(&r, KEYS);
		id_key_of(key, len, i);
		assert_int_equal(mkt_idmap_get(&m, key, &v), in[i]);
		if (in[i])
			assert_int_equal(v, model[i]);
	}
	mkt_idmap_clear(&m);
	assert_false(mkt_idmap_get(&m, key, NULL));
	mkt_idmap_release(&m);
	assert_int_equal(m.key_len, len);
	assert_int_equal(mkt_idmap_reserve(&m, MKT_MAP_COUNT_MAX + 1), -MKT_ENOMEM);
}

static void idmap_agrees_with_a_model(void **state)
{
	struct rng r = rng_start("idmap");

	(void)state;
	for (int i = 0; i < 3; i++) {
		check_idmap(16, rng_u64(&r));
		check_idmap(32, rng_u64(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_map_answers_and_allocates_nothing),
		cmocka_unit_test(any_key_and_value_is_allowed),
		cmocka_unit_test(reserve_means_no_growth),
		cmocka_unit_test(random_use_agrees_with_a_model),
		cmocka_unit_test(walk_gives_each_entry_once_and_repeats),
		cmocka_unit_test(idmap_agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
