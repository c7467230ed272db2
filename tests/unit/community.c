/* A community made of a small one: who lives as whom, and when. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/agent/community.h"
#include "core/agent/gen.h"
#include "core/units/civil.h"

#define WEEK (7 * 48)
#define WINDOWS (8 * WEEK)
#define FIRST_S 1560643200u
#define SITES 200

static struct mkt_zone zone;

static struct mkt_profile *source(uint64_t seed)
{
	struct mkt_gen_conf conf = {
		.seed = seed, .first_s = FIRST_S, .latitude_cdeg = 3520, .zone = &zone};
	struct mkt_profile *s = NULL;

	assert_int_equal(mkt_gen_new(&conf, &s, NULL), 0);
	return s;
}

static struct mkt_profile *community(uint32_t sites)
{
	struct mkt_community_conf conf = {.sites = sites, .windows = WINDOWS, .seed = 3};
	struct mkt_profile *c = NULL;

	assert_int_equal(mkt_community_new(source(7), &conf, &c, NULL), 0);
	return c;
}

/* All loads of all windows; the caller frees it. */
static uint32_t *loads(struct mkt_profile *p)
{
	uint32_t *all = calloc(WINDOWS, p->nsites * sizeof(*all)),
		 *pv = calloc(p->nsites, sizeof(*pv));

	assert_true(all && pv);
	for (uint64_t w = 0; w < WINDOWS; w++) {
		struct mkt_reading r = {.load_wh = &all[w * p->nsites], .pv_wh = pv};

		assert_int_equal(mkt_profile_next(p, &r, NULL), 1);
		assert_int_equal(r.window_s, FIRST_S + w * MKT_PROFILE_WINDOW_S);
	}
	free(pv);
	return all;
}

static void the_first_are_those_of_the_source(void **state)
{
	struct mkt_profile *c = community(SITES), *s = source(7);
	uint32_t *a = loads(c), *b = loads(s);

	(void)state;
	assert_int_equal(c->nsites, SITES);
	assert_int_equal(c->windows, WINDOWS);
	for (uint64_t w = 0; w < WINDOWS; w++)
		for (uint32_t i = 0; i < s->nsites; i++)
			assert_int_equal(a[w * SITES + i], b[w * s->nsites + i]);
	for (uint32_t i = 0; i < s->nsites; i++)
		assert_string_equal(c->sites[i].id, s->sites[i].id);
	free(a);
	free(b);
	mkt_profile_free(c);
	mkt_profile_free(s);
}

/* Every copy of the first dozen is its original, whole weeks away. */
static void copies_are_moved_by_weeks(void **state)
{
	struct mkt_profile *c = community(SITES);
	uint32_t *a = loads(c), n = 21;

	(void)state;
	for (uint32_t i = n; i < SITES && i / n < 2 * MKT_COMMUNITY_WEEKS + 1; i++) {
		bool found = false;

		for (int k = -MKT_COMMUNITY_WEEKS; !found && k <= MKT_COMMUNITY_WEEKS; k++) {
			found = true;
			for (uint64_t w = 0; found && w < WINDOWS; w++) {
				uint64_t from =
					(w + WINDOWS + (uint64_t)((int64_t)k * WEEK)) % WINDOWS;

				found = a[w * SITES + i] == a[from * SITES + i % n];
			}
		}
		if (!found)
			fail_msg("participant %u is nobody's copy", i);
	}
	free(a);
	mkt_profile_free(c);
}

static void names_differ(void **state)
{
	struct mkt_profile *c = community(SITES);

	(void)state;
	for (uint32_t i = 0; i < SITES; i++)
		for (uint32_t j = 0; j < i; j++) {
			assert_string_not_equal(c->sites[i].id, c->sites[j].id);
			if (c->sites[i].nchargers && c->sites[j].nchargers)
				assert_string_not_equal(c->sites[i].chargers[0],
							c->sites[j].chargers[0]);
		}
	mkt_profile_free(c);
}

static void stays_come_in_order_and_do_not_overlap(void **state)
{
	uint64_t free_s[SITES][MKT_CHARGERS_MAX] = {{0}}, last_s = 0, n = 0;
	struct mkt_profile *c = community(SITES);
	struct mkt_session e;

	(void)state;
	while (mkt_profile_session(c, UINT64_MAX, &e, NULL) > 0) {
		assert_true(e.plug_in_s >= last_s && e.plug_out_s > e.plug_in_s);
		assert_true(e.site < SITES && e.charger < c->sites[e.site].nchargers);
		assert_true(e.plug_in_s >= free_s[e.site][e.charger]);
		free_s[e.site][e.charger] = e.plug_out_s;
		last_s = e.plug_in_s;
		n++;
	}
	assert_true(n > 1000);
	mkt_profile_free(c);
}

static void a_short_source_is_refused(void **state)
{
	struct mkt_community_conf conf = {.sites = 50, .windows = 4 * WEEK, .seed = 3};
	struct mkt_profile *c = NULL;
	struct mkt_err err;

	(void)state;
	assert_int_equal(mkt_community_new(source(7), &conf, &c, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "a larger community needs profiles of more than 4 weeks");
}

static int load_zone(void **state)
{
	(void)state;
	return mkt_zone_load(&zone, "Asia/Tokyo", NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_are_those_of_the_source),
		cmocka_unit_test(copies_are_moved_by_weeks),
		cmocka_unit_test(names_differ),
		cmocka_unit_test(stays_come_in_order_and_do_not_overlap),
		cmocka_unit_test(a_short_source_is_refused),
	};

	return cmocka_run_group_tests(tests, load_zone, NULL);
}
