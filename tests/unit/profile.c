/* The reader of profiles: a small community on disk, then one fault after another. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/agent/profile.h"
#include "tests/tmpdir.h"

#define W0 1560697200ull

static const char *const names[] = {"participants.csv", "load_30min.csv", "pv_30min.csv", "prices_30min.csv",
				    "ev_sessions.csv"};

static const char *const good[] = {
	"id,kind,pv_w,battery_wh,battery_w,battery_round_trip_pct,phev_wh,charger_w,chargers,note\n"
	"a1,household,0,0,0,0,0,0,0,\n"
	"b2,household,4000,6400,5000,90,9500,3300,1,x\n"
	"c3,office,0,0,0,0,0,3600,2,\n",
	"window,start_local,a1,b2,c3\n"
	"1560697200,00:00,1,2,3\n"
	"1560699000,00:30,4,5,6\n"
	"1560700800,01:00,7,8,9\n",
	"window,b2\n"
	"1560697200,0\n"
	"1560699000,10\n"
	"1560700800,20\n",
	"window,price_upwh\n"
	"1560697200,6800\n"
	"1560699000,-10\n"
	"1560700800,0\n",
	"plug_in,plug_out,participant,charger,energy_wh\n"
	"1560697300,1560704500,c3,left,3000\n"
	"1560697300,1560700900,b2,b2c1,3300\n"
	"1560699000,1560702600,c3,right,10\n"
	"1560704500,1560708100,c3,left,3600\n",
};

struct place {
	char dir[PATH_MAX];
};

static void write_file(const struct place *p, const char *name, const char *text)
{
	char path[PATH_MAX + 32];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static void write_good(const struct place *p)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++)
		write_file(p, names[i], good[i]);
}

static int set_up(void **state)
{
	static struct place p;

	tmpdir_make(p.dir, "profile");
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX + 32];

	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		unlink(path);
	}
	return rmdir(p->dir);
}

static void a_good_one_is_read(void **state)
{
	struct mkt_profile *s;
	struct mkt_session e;
	uint32_t load_wh[MKT_SITES_MAX], pv_wh[MKT_SITES_MAX];
	struct mkt_reading r = {.load_wh = load_wh, .pv_wh = pv_wh};
	struct mkt_err err;

	write_good(*state);
	if (mkt_profile_open(((struct place *)*state)->dir, &s, &err))
		fail_msg("%s", err.text);
	assert_int_equal(s->nsites, 3);
	assert_int_equal(s->first_s, W0);
	assert_int_equal(s->windows, 3);
	assert_string_equal(s->sites[1].id, "b2");
	assert_int_equal(s->sites[1].battery_pct, 90);
	assert_int_equal(s->sites[1].charger_w, 3300);
	assert_int_equal(s->sites[2].kind, MKT_SITE_OFFICE);
	assert_int_equal(s->sites[2].nchargers, 2);
	assert_string_equal(s->sites[2].chargers[1], "right");

	assert_int_equal(mkt_profile_next(s, &r, &err), 1);
	assert_int_equal(r.window_s, W0);
	assert_int_equal(r.load_wh[2], 3);
	assert_int_equal(r.pv_wh[0], 0);
	assert_int_equal(mkt_profile_next(s, &r, &err), 1);
	assert_int_equal(r.pv_wh[1], 10);
	assert_int_equal(r.price_upwh, -10);
	assert_int_equal(mkt_profile_next(s, &r, &err), 1);
	assert_int_equal(mkt_profile_next(s, &r, &err), 0);
	assert_int_equal(mkt_profile_next(s, &r, &err), 0);

	assert_int_equal(mkt_profile_session(s, W0 + 100, &e, &err), 0); /* its plug-in is not before that */
	assert_int_equal(mkt_profile_session(s, W0 + 101, &e, &err), 1);
	assert_int_equal(e.site, 2);
	assert_int_equal(e.charger, 0);
	assert_int_equal(mkt_profile_session(s, W0 + 101, &e, &err), 1);
	assert_int_equal(e.energy_wh, 3300);
	assert_int_equal(mkt_profile_session(s, W0 + 101, &e, &err), 0);
	assert_int_equal(mkt_profile_session(s, UINT64_MAX, &e, &err), 1);
	assert_int_equal(e.charger, 1);
	assert_int_equal(mkt_profile_session(s, UINT64_MAX, &e, &err), 1);
	assert_int_equal(mkt_profile_session(s, UINT64_MAX, &e, &err), 0);
	mkt_profile_free(s);
}

static void line_ends_and_marks_of_other_systems_are_fine(void **state)
{
	struct mkt_profile *s;
	uint32_t load_wh[MKT_SITES_MAX], pv_wh[MKT_SITES_MAX];
	struct mkt_reading r = {.load_wh = load_wh, .pv_wh = pv_wh};
	struct mkt_err err;

	write_good(*state);
	write_file(*state, "prices_30min.csv",
		   "\xef\xbb\xbfwindow,tokyo_ujpy_wh\r\n1560697200,1\r\n1560699000,2\r\n1560700800,3\r\n");
	if (mkt_profile_open(((struct place *)*state)->dir, &s, &err))
		fail_msg("%s", err.text);
	assert_int_equal(mkt_profile_next(s, &r, &err), 1);
	assert_int_equal(r.price_upwh, 1);
	mkt_profile_free(s);
}

static void files_nobody_needs_may_be_missing(void **state)
{
	struct place *p = *state;
	struct mkt_profile *s;
	struct mkt_session e;
	struct mkt_err err;
	char path[PATH_MAX + 32];

	write_good(p);
	write_file(p, "participants.csv",
		   "id,kind,pv_w,battery_wh,battery_w,battery_round_trip_pct,charger_w,chargers\n"
		   "a1,household,0,0,0,0,0,0\n");
	for (size_t i = 2; i <= 4; i += 2) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	if (mkt_profile_open(p->dir, &s, &err))
		fail_msg("%s", err.text);
	assert_int_equal(mkt_profile_session(s, UINT64_MAX, &e, &err), 0);
	mkt_profile_free(s);
}

struct fault {
	unsigned file;
	const char *from, *to; /* the first @from becomes @to */
	const char *says;
};

static const struct fault faults[] = {
	{0, "a1,household", "A1,household", "participants.csv:2: column 'id': 'A1' is no name: 1 to 31 of a-z, 0-9, '-', a letter first"},
	{0, "b2,household", "a1,household", "participants.csv:3: column 'id': 'a1' is there twice"},
	{0, "c3,office", "c3,castle", "participants.csv:4: column 'kind': 'castle' is neither household nor office"},
	{0, "4000,6400,5000", "4000,6400,0", "participants.csv:3: a battery needs battery_w and battery_round_trip_pct"},
	{0, ",90,", ",101,", "participants.csv:3: column 'battery_round_trip_pct': 101 is not between 0 and 100"},
	{0, ",3600,2,", ",0,2,", "participants.csv:4: chargers need charger_w"},
	{0, "battery_w,", "battery_power,", "participants.csv:1: there is no column 'battery_w'"},
	{0, "a1,household,0", "a1,household", "participants.csv:2: 9 cells where the header has 10"},
	{1, "4,5,6", "4,5,6,7", "load_30min.csv:3: 6 cells where the header has 5"},
	{1, ",4,5,6", ",4,,6", "load_30min.csv:3: column 'b2': the cell is empty"},
	{1, ",4,5,6", ",4,5.5,6", "load_30min.csv:3: column 'b2': '5.5' is not a whole number"},
	{1, ",4,5,6", ",4,-5,6", "load_30min.csv:3: column 'b2': -5 is not between 0 and 10000000"},
	{1, ",4,5,6", ",4,\"5\",6", "load_30min.csv:3: quotes are not read; cells are plain"},
	{1, "1560699000", "1560699001", "load_30min.csv:3: column 'window': 1560699001 is not a multiple of 1800"},
	{1, "1560699000", "1560700800", "load_30min.csv:3: column 'window': 1560700800 where 1560699000 is next"},
	{1, "a1,b2,c3", "a1,b2,b2", "load_30min.csv:1: two columns are named 'b2'"},
	{1, "a1,b2,c3", "a1,b2,c4", "load_30min.csv:1: there is no column 'c3'"},
	{1, "7,8,9\n", "7,8,9", "load_30min.csv:4: the line has no end: is the file cut off?"},
	{2, "1560700800,20\n", "", "pv_30min.csv:3: the file ends before window 1560700800 of load_30min.csv"},
	{2, "1560699000", "1560700800", "pv_30min.csv:3: column 'window': 1560700800 where 1560699000 is next"},
	{3, "price_upwh", "price", "prices_30min.csv:1: there is neither a column 'price_upwh' nor 'tokyo_ujpy_wh'"},
	{3, "-10", "-10000000", "prices_30min.csv:3: column 'price_upwh': -10000000 is not between -2000000 and 2000000"},
	{4, "c3,left,3000", "d4,left,3000", "ev_sessions.csv:2: column 'participant': 'd4' is not in participants.csv"},
	{4, "c3,left,3000", "a1,left,3000", "ev_sessions.csv:2: column 'participant': 'a1' has no charger in participants.csv"},
	{4, "c3,left,3000", "c3,left,0", "ev_sessions.csv:2: column 'energy_wh': 0 is not between 1 and 1000000"},
	{4, "c3,left,3000", "c3,,3000", "ev_sessions.csv:2: column 'charger': '' is no name of 1 to 31 bytes"},
	{4, "b2c1,3300", "b2c1,3301", "ev_sessions.csv:3: column 'energy_wh': 3301 Wh is more than 3300 W give in that time"},
	{4, "1560700900", "1560697300", "ev_sessions.csv:3: column 'plug_out': plug_out is not after plug_in"},
	{4, "c3,right", "c3,left", "ev_sessions.csv:4: column 'charger': 'left' is still in use by an earlier session"},
	{4, "1560699000,15", "1560697200,15", "ev_sessions.csv:4: column 'plug_in': sessions are not in order of plug_in"},
};

static void each_fault_is_told_with_its_place(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(faults); i++) {
		const struct fault *f = &faults[i];
		const char *at = strstr(good[f->file], f->from);
		struct mkt_profile *s = NULL;
		struct mkt_err err = {0};
		char text[1024];

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good[f->file]), good[f->file], f->to,
			 at + strlen(f->from));
		write_good(p);
		write_file(p, names[f->file], text);
		assert_int_equal(mkt_profile_open(p->dir, &s, &err), -MKT_EINVAL);
		assert_string_equal(err.text, f->says);
		assert_null(s);
	}
}

static void missing_and_empty_files_are_told(void **state)
{
	struct place *p = *state;
	struct mkt_profile *s = NULL;
	struct mkt_err err;
	char path[PATH_MAX + 32];

	for (size_t i = 0; i < MKT_ARRAY_SIZE(names); i++) {
		write_good(p);
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkt_profile_open(p->dir, &s, &err), -MKT_EIO);
		assert_non_null(strstr(err.text, names[i]));
		write_file(p, names[i], "");
		assert_int_equal(mkt_profile_open(p->dir, &s, &err), -MKT_EINVAL);
		assert_non_null(strstr(err.text, "the file is empty"));
	}
	write_good(p);
	write_file(p, "load_30min.csv", "window,a1,b2,c3\n");
	assert_int_equal(mkt_profile_open(p->dir, &s, &err), -MKT_EINVAL);
	assert_string_equal(err.text, "load_30min.csv: there is no window in it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_good_one_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(line_ends_and_marks_of_other_systems_are_fine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_nobody_needs_may_be_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_fault_is_told_with_its_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(missing_and_empty_files_are_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
