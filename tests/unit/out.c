/*
 * One description, four forms: every kind of value in each, parts, lists inside
 * rows, streams, fields, cursors; what a failed write does.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/app/out.h"

enum { C_ID, C_NAME, C_WINDOW, C_PRICE, C_ENERGY, C_POWER, C_MONEY, C_TIME, C_MS, C_BIG, C_OPEN,
       C_AGE, C_LEGS, C_COUNT };
enum { L_TAG, L_PRICE, L_COUNT };

static const struct mkt_col leg_cols[] = {
	[L_TAG] = {.name = "tag", .kind = MKT_COL_TEXT},
	[L_PRICE] = {.name = "price_u$_per_wh", .kind = MKT_COL_PRICE},
	{.name = NULL},
};
static const struct mkt_table legs = {"leg", leg_cols, false};

static const struct mkt_col cols[] = {
	[C_ID] = {.name = "id", .kind = MKT_COL_ID, .head = "id", .json = "bid.id"},
	[C_NAME] = {.name = "name", .kind = MKT_COL_TEXT, .head = "name", .json = "bid.name", .cut = true},
	[C_WINDOW] = {.name = "window", .kind = MKT_COL_WINDOW, .head = "window"},
	[C_PRICE] = {.name = "price_u$_per_wh", .kind = MKT_COL_PRICE, .head = "limit"},
	[C_ENERGY] = {.name = "energy_wh", .kind = MKT_COL_ENERGY, .head = ""},
	[C_POWER] = {.name = "power_w", .kind = MKT_COL_POWER, .head = "power"},
	[C_MONEY] = {.name = "held_u$", .kind = MKT_COL_MONEY, .head = "held"},
	[C_TIME] = {.name = "time", .kind = MKT_COL_TIME, .head = "time"},
	[C_MS] = {.name = "block_time_ms", .kind = MKT_COL_TIME_MS, .head = "block time", .wide = true},
	[C_BIG] = {.name = "sum", .kind = MKT_COL_BIG, .head = "sum"},
	[C_OPEN] = {.name = "open", .kind = MKT_COL_BOOL, .head = "open"},
	[C_AGE] = {.name = "age_s", .kind = MKT_COL_DURATION, .head = "age"},
	[C_LEGS] = {.name = "legs", .kind = MKT_COL_LIST, .head = "legs", .sub = &legs},
	{.name = NULL},
};
static const struct mkt_table bids = {"bid", cols, false};
static const struct mkt_table bid = {"bid", cols, true};
static const struct mkt_doc bids_doc = {"bids", 1, {&bids}, false};
static const struct mkt_doc bid_doc = {"bid", 2, {&bid}, false};

static const struct mkt_col small_cols[] = {
	{.name = "name", .kind = MKT_COL_TEXT, .head = "name"},
	{.name = "n", .kind = MKT_COL_UINT, .head = "n"},
	{.name = NULL},
};
static const struct mkt_table head_part = {"head", small_cols, true};
static const struct mkt_table rows_part = {"row", small_cols, false};
static const struct mkt_doc parts_doc = {"parts", 1, {&head_part, &rows_part}, false};
static const struct mkt_doc stream_doc = {"events", 1, {&rows_part}, true};

static const uint8_t id[] = {0x9f, 0x3c, 0x61, 0xaa, 0x01};
static const struct mkt_val two_legs[] = {
	{.kind = MKT_VAL_TEXT, .text = "green"}, {.kind = MKT_VAL_INT, .i = 25500},
	{.kind = MKT_VAL_TEXT, .text = "brown"}, {.kind = MKT_VAL_INT, .i = -1},
};

static void full_row(struct mkt_val *v)
{
	v[C_ID] = mkt_v_bytes(id, sizeof(id));
	v[C_NAME] = mkt_v_text("a\tb\\c\n\"d\" \x1b[31m\xc3\xa9");
	v[C_WINDOW] = mkt_v_window(1795397400, 1800);
	v[C_PRICE] = mkt_v_int(25505);
	v[C_ENERGY] = mkt_v_uint(10000);
	v[C_POWER] = mkt_v_int(-3180);
	v[C_MONEY] = mkt_v_int(-1275500000);
	v[C_TIME] = mkt_v_uint(1795397400);
	v[C_MS] = mkt_v_uint(1795397400250);
	v[C_BIG] = mkt_v_uint(UINT64_MAX);
	v[C_OPEN] = mkt_v_bool(true);
	v[C_AGE] = mkt_v_uint(125);
	v[C_LEGS] = mkt_v_list(two_legs, 2);
}

/* ---- the harness: what was written to a file ---------------------------------------------- */

struct fixture {
	struct mkt_term term;
	struct mkt_out o;
	struct mkt_err err;
	char text[8192];
	size_t len;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	mkt_term_init(&f->term, MKT_WHEN_NEVER, 0);
	f->term.out_tty = false;
	f->term.utf8 = false;
	f->term.columns = 80;
	mkt_out_init(&f->o, &f->term);
	f->o.fd = memfd_create("out", MFD_CLOEXEC);
	*state = f;
	return f->o.fd < 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->o.fd);
	mkt_out_release(&f->o);
	free(f);
	return 0;
}

static const char *written(struct fixture *f)
{
	ssize_t n;

	assert_int_equal(mkt_out_finish(&f->o, false, &f->err), 0);
	n = pread(f->o.fd, f->text, sizeof(f->text) - 1, 0);
	assert_true(n >= 0);
	f->len = (size_t)n;
	f->text[n] = 0;
	return f->text;
}

static void print_bids(struct fixture *f, const struct mkt_doc *doc)
{
	struct mkt_val row[C_COUNT], none[C_COUNT] = {{0}};

	full_row(row);
	assert_int_equal(mkt_out_open(&f->o, doc, &f->err), 0);
	mkt_out_part(&f->o, doc->parts[0]);
	mkt_out_row(&f->o, row);
	if (doc == &bids_doc)
		mkt_out_row(&f->o, none);
	mkt_out_close(&f->o);
}

/* ---- JSON --------------------------------------------------------------------------------- */

#define JSON_ROW                                                                                   \
	"{\"bid\":{\"id\":\"9f3c61aa01\",\"name\":\"a\\tb\\\\c\\n\\\"d\\\" \\u001b[31m\xc3\xa9\"},"  \
	"\"window\":{\"start\":\"2026-11-23T01:30:00Z\",\"end\":\"2026-11-23T02:00:00Z\"},"        \
	"\"price_ujpy_per_wh\":25505,\"energy_wh\":10000,\"power_w\":-3180,"                       \
	"\"held_ujpy\":\"-1275500000\",\"time\":\"2026-11-23T01:30:00Z\","                         \
	"\"block_time_ms\":\"2026-11-23T01:30:00.250Z\",\"sum\":\"18446744073709551615\","         \
	"\"open\":true,\"age_s\":125,"                                                             \
	"\"legs\":[{\"tag\":\"green\",\"price_ujpy_per_wh\":25500},"                               \
	"{\"tag\":\"brown\",\"price_ujpy_per_wh\":-1}]}"
#define JSON_NONE                                                                                  \
	"{\"bid\":{\"id\":null,\"name\":null},\"window\":null,\"price_ujpy_per_wh\":null,"          \
	"\"energy_wh\":null,\"power_w\":null,\"held_ujpy\":null,\"time\":null,"                    \
	"\"block_time_ms\":null,\"sum\":null,\"open\":null,\"age_s\":null,\"legs\":null}"

static void test_json(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_JSON;
	mkt_out_meta(&f->o, 18231, 1795397403250, false);
	print_bids(f, &bids_doc);
	assert_string_equal(written(f), "{\"schema\":\"mkt.bids/1\",\"height\":18231,"
			    "\"as_of\":\"2026-11-23T01:30:03.250Z\",\"stale\":false,\"data\":["
			    JSON_ROW "," JSON_NONE "]}\n");
}

static void test_json_object(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_JSON;
	print_bids(f, &bid_doc);
	assert_string_equal(written(f), "{\"schema\":\"mkt.bid/2\",\"data\":" JSON_ROW "}\n");
}

static void test_json_fields(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_JSON;
	f->o.fields = "energy_wh,price_ujpy_per_wh,name";
	mkt_out_meta(&f->o, 1, 0, true);
	print_bids(f, &bid_doc);
	assert_string_equal(written(f), "{\"schema\":\"mkt.bid/2\",\"height\":1,"
			    "\"as_of\":\"1970-01-01T00:00:00.000Z\",\"stale\":true,\"data\":"
			    "{\"bid\":{\"name\":\"a\\tb\\\\c\\n\\\"d\\\" \\u001b[31m\xc3\xa9\"},"
			    "\"price_ujpy_per_wh\":25505,\"energy_wh\":10000}}\n");
}

static void print_parts(struct fixture *f)
{
	assert_int_equal(mkt_out_open(&f->o, &parts_doc, &f->err), 0);
	mkt_out_part(&f->o, &head_part);
	mkt_out_row(&f->o, (struct mkt_val[]){mkt_v_text("h"), mkt_v_uint(1)});
	mkt_out_part(&f->o, &rows_part);
	mkt_out_row(&f->o, (struct mkt_val[]){mkt_v_text("r"), mkt_v_uint(2)});
	mkt_out_row(&f->o, (struct mkt_val[]){mkt_v_text("s"), mkt_v_uint(3)});
	mkt_out_next(&f->o, "c3");
	mkt_out_close(&f->o);
}

static void test_json_parts(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_JSON;
	print_parts(f);
	assert_string_equal(written(f), "{\"schema\":\"mkt.parts/1\",\"data\":"
			    "{\"head\":{\"name\":\"h\",\"n\":1},"
			    "\"row\":[{\"name\":\"r\",\"n\":2},{\"name\":\"s\",\"n\":3}]},"
			    "\"next\":\"c3\"}\n");
}

static void print_stream(struct fixture *f)
{
	assert_int_equal(mkt_out_open(&f->o, &stream_doc, &f->err), 0);
	mkt_out_part(&f->o, &rows_part);
	for (uint64_t i = 1; i <= 2; i++) {
		mkt_out_row(&f->o, (struct mkt_val[]){mkt_v_text("e"), mkt_v_uint(i)});
		assert_int_equal(f->o.buf.len, 0); /* written at once */
	}
	mkt_out_close(&f->o);
}

static void test_json_lines(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_JSON;
	print_stream(f);
	assert_string_equal(written(f), "{\"schema\":\"mkt.events/1\",\"name\":\"e\",\"n\":1}\n"
			    "{\"schema\":\"mkt.events/1\",\"name\":\"e\",\"n\":2}\n");
}

/* ---- porcelain ---------------------------------------------------------------------------- */

#define PORCELAIN_FIELDS                                                                           \
	"\tid\tname\twindow\tprice_ujpy_per_wh\tenergy_wh\tpower_w\theld_ujpy\ttime\t"             \
	"block_time_ms\tsum\topen\tage_s"

static void test_porcelain(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_PORCELAIN;
	mkt_out_meta(&f->o, 18231, 1795397403250, true);
	print_bids(f, &bids_doc);
	assert_string_equal(written(f), "# mkt-bids 1\n# block 18231 1795397403 stale\n"
			    "# fields.bid type" PORCELAIN_FIELDS "\n"
			    "# fields.leg type\ttag\tprice_ujpy_per_wh\n"
			    "bid\t9f3c61aa01\ta\\tb\\\\c\\n\"d\" \x1b[31m\xc3\xa9\t1795397400\t25505\t10000\t"
			    "-3180\t-1275500000\t1795397400\t1795397400250\t18446744073709551615\t1\t125\n"
			    "leg\tgreen\t25500\nleg\tbrown\t-1\n"
			    "bid\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\n");
}

static void test_porcelain_time(void **state)
{
	static const struct mkt_col col[] = {{.name = "time", .kind = MKT_COL_TIME_MS}, {.name = NULL}};
	static const struct mkt_table table = {"block", col, true};
	static const struct mkt_doc doc = {"block", 1, {&table}, false};
	struct mkt_val row = mkt_v_uint(1795397400250);
	struct fixture *f = *state;

	f->o.form = MKT_FORM_PORCELAIN;
	assert_int_equal(mkt_out_one(&f->o, &doc, &row, NULL), 0);
	assert_string_equal(written(f), "# mkt-block 1\n# fields type\ttime\nblock\t1795397400\n");
}

static void test_porcelain_nul(void **state)
{
	static const char want[] = "# mkt-bid 2\0# fields type\tid\tname\0"
				   "bid\t9f3c61aa01\ta\tb\\c\n\"d\" \x1b[31m\xc3\xa9";
	struct fixture *f = *state;

	f->o.form = MKT_FORM_PORCELAIN;
	f->o.nul = true;
	f->o.fields = "id,name";
	print_bids(f, &bid_doc);
	written(f);
	/* The list is not among the fields; its type still makes the form of the header. */
	assert_memory_equal(f->text, want, 12);
	assert_memory_equal(f->text + f->len - 30, want + sizeof(want) - 30, 30);
	assert_null(memchr(f->text, '\n', 20));
}

static void test_porcelain_parts(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_PORCELAIN;
	f->o.currency[0] = 0;
	print_parts(f);
	assert_string_equal(written(f), "# mkt-parts 1\n# fields.head type\tname\tn\nhead\th\t1\n"
			    "# fields.row type\tname\tn\nrow\tr\t2\nrow\ts\t3\n# next c3\n");
}

/* ---- people ------------------------------------------------------------------------------- */

static void test_human(void **state)
{
	struct fixture *f = *state;
	struct mkt_zone tokyo;

	assert_int_equal(mkt_zone_load(&tokyo, "+09:00", NULL, &f->err), 0);
	f->o.zone = &tokyo;
	f->o.fields = "id,window,price_ujpy_per_wh,energy_wh,power_w,held_ujpy,open,age_s,legs";
	print_bids(f, &bids_doc);
	assert_string_equal(written(f),
		"id          window                      limit JPY/kWh     kWh  power kW  held JPY  open    age  legs\n"
		"9f3c61aa01  2026-11-23 10:30-11:00 +09         25.505  10.000    -3.180  -1275.50  yes   2 min     2\n"
		"-           -                                       -       -         -         -  -         -     -\n");
}

static void test_human_object(void **state)
{
	struct fixture *f = *state;

	f->o.fields = "name,price_ujpy_per_wh,held_ujpy,time,block_time_ms";
	print_bids(f, &bid_doc);
	assert_string_equal(written(f), "name        a?b\\c?\"d\" ?[31m??\n"
			    "limit       25.505 JPY/kWh\n"
			    "held        -1275.50 JPY\n"
			    "time        2026-11-23 01:30:00 UTC\n"
			    "block time  2026-11-23 01:30:00 UTC\n");
}

static void test_human_wide_columns(void **state)
{
	struct fixture *f = *state;

	print_bids(f, &bid_doc);
	assert_null(strstr(written(f), "block time"));
}

static void test_human_narrow(void **state)
{
	struct fixture *f = *state;
	const char *line;

	f->term.out_tty = true;
	f->o.paging = false;
	f->term.columns = 24;
	assert_int_equal(mkt_out_open(&f->o, &bids_doc, &f->err), 0);
	f->o.selected[0] = 1u << C_ID | 1u << C_NAME | 1u << C_ENERGY;
	mkt_out_part(&f->o, &bids);
	mkt_out_row(&f->o, (struct mkt_val[C_COUNT]){
		[C_ID] = mkt_v_bytes(id, sizeof(id)), [C_NAME] = mkt_v_text("a long name"),
		[C_ENERGY] = mkt_v_uint(5)});
	mkt_out_close(&f->o);
	assert_string_equal(written(f), "id        name       kWh\n"
					"9f3c61aa  a long~  0.005\n");
	for (line = f->text; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 24);
}

static void test_human_parts_and_empty(void **state)
{
	struct fixture *f = *state;

	print_parts(f);
	assert_int_equal(mkt_out_open(&f->o, &(struct mkt_doc){"x", 1, {&rows_part}, false}, &f->err), 0);
	mkt_out_part(&f->o, &rows_part);
	mkt_out_close(&f->o);
	assert_string_equal(written(f), "name  h\nn     1\n\nname  n\nr     2\ns     3\n"
			    "~ more: --cursor c3\nname  n\n");
}

static void test_human_stream(void **state)
{
	struct fixture *f = *state;

	print_stream(f);
	assert_string_equal(written(f), "e  1\ne  2\n");
}

static void test_receipt(void **state)
{
	struct fixture *f = *state;
	struct mkt_val v[] = {mkt_v_text("h"), mkt_v_uint(1)};
	static const struct mkt_doc doc = {"head", 1, {&head_part}, false};

	assert_int_equal(mkt_out_receipt(&f->o, &doc, v, &f->err, "bid %s in block %d", "b1", 7), 0);
	assert_string_equal(written(f), "bid b1 in block 7\n");
	f->o.form = MKT_FORM_PORCELAIN;
	assert_int_equal(mkt_out_receipt(&f->o, &doc, v, &f->err, "bid"), 0);
	assert_string_equal(written(f), "bid b1 in block 7\n# mkt-head 1\n# fields type\tname\tn\nhead\th\t1\n");
	f->o.quiet = true;
	assert_int_equal(mkt_out_receipt(&f->o, &doc, v, &f->err, "bid"), 0);
	assert_true(strlen(written(f)) < 70);
}

/* ---- faults ------------------------------------------------------------------------------- */

static void test_unknown_field(void **state)
{
	struct fixture *f = *state;

	f->o.fields = "name,nome";
	assert_int_equal(mkt_out_check(&f->o, &parts_doc, &f->err), -MKT_EUSAGE);
	assert_string_equal(f->err.text, "unknown field 'nome'");
	assert_string_equal(mkt_buf_str(&f->o.fields_there), "head.name,head.n,row.name,row.n");
	f->o.fields = "head,row.n";
	assert_int_equal(mkt_out_check(&f->o, &parts_doc, &f->err), 0);
	f->o.fields = "";
	assert_int_equal(mkt_out_check(&f->o, &parts_doc, &f->err), -MKT_EUSAGE);
	f->o.fields = "name,,n";
	assert_int_equal(mkt_out_check(&f->o, &parts_doc, &f->err), -MKT_EUSAGE);
}

static void test_failure_prints_nothing(void **state)
{
	struct fixture *f = *state;

	print_parts(f);
	assert_int_equal(mkt_out_finish(&f->o, true, &f->err), 0);
	assert_string_equal(written(f), "");
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	int fd = f->o.fd;

	f->o.fd = open("/dev/full", O_WRONLY);
	print_parts(f);
	assert_int_equal(mkt_out_finish(&f->o, false, &f->err), -MKT_EOUTPUT);
	assert_int_equal(mkt_code_exit(f->err.code), 74);
	close(f->o.fd);
	f->o.fd = fd;
}

/* A long list does not gather in memory. */
static void test_long_list(void **state)
{
	struct fixture *f = *state;
	size_t most = 0;

	f->o.form = MKT_FORM_PORCELAIN;
	assert_int_equal(mkt_out_open(&f->o, &parts_doc, &f->err), 0);
	mkt_out_part(&f->o, &rows_part);
	for (uint64_t i = 0; i < 200000; i++) {
		mkt_out_row(&f->o, (struct mkt_val[]){mkt_v_text("some name"), mkt_v_uint(i)});
		most = f->o.buf.len > most ? f->o.buf.len : most;
	}
	mkt_out_close(&f->o);
	assert_true(most < (2u << 20));
	assert_int_equal(mkt_out_finish(&f->o, false, &f->err), 0);
	assert_true(lseek(f->o.fd, 0, SEEK_END) > 3000000);
}

/* ---- CSV ---------------------------------------------------------------------------------- */

static void test_csv(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_CSV;
	mkt_out_meta(&f->o, 18231, 1795397403250, false);
	print_bids(f, &bids_doc);
	assert_string_equal(written(f),
			    "id,name,window,price_ujpy_per_wh,energy_wh,power_w,held_ujpy,time,"
			    "block_time_ms,sum,open,age_s\n"
			    "9f3c61aa01,\"a\tb\\c\n\"\"d\"\" \x1b[31m\xc3\xa9\",2026-11-23T01:30:00Z,25505,"
			    "10000,-3180,-1275500000,2026-11-23T01:30:00Z,2026-11-23T01:30:00.250Z,"
			    "18446744073709551615,1,125\n"
			    ",,,,,,,,,,,\n");
}

static void test_csv_one_table(void **state)
{
	struct fixture *f = *state;

	f->o.form = MKT_FORM_CSV;
	f->o.fields = "open,name";
	print_bids(f, &bid_doc);
	assert_memory_equal(written(f), "name,open\n\"a", 12);
	f->o.fields = NULL;
	assert_int_equal(mkt_out_open(&f->o, &parts_doc, &f->err), -MKT_EUSAGE);
	assert_int_equal(mkt_out_check(&f->o, &parts_doc, &f->err), -MKT_EUSAGE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_json), T(test_json_object), T(test_json_fields), T(test_json_parts),
		T(test_json_lines), T(test_porcelain), T(test_porcelain_time),
		T(test_json_lines), T(test_porcelain), T(test_porcelain_nul),
		T(test_porcelain_parts), T(test_human), T(test_human_object),
		T(test_human_wide_columns), T(test_human_narrow), T(test_human_parts_and_empty),
		T(test_human_stream), T(test_receipt), T(test_unknown_field),
		T(test_csv), T(test_csv_one_table), T(test_failure_prints_nothing), T(test_full_disk), T(test_long_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
