/* The journal: torn at every byte, changed at every byte, locked, replaced. */
#include "core/base/compat.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/app/journal.h"
#include "core/base/file.h"
#include "tests/tmpdir.h"

struct got {
	struct mkt_buf text; /* records, each with '\n' */
	unsigned n;
};

static int take(void *arg, const char *record, size_t n)
{
	struct got *g = arg;

	mkt_buf_add(&g->text, record, n);
	mkt_buf_addch(&g->text, '\n');
	g->n++;
	return 0;
}

static struct mkt_journal *open_at(const char *path, struct got *g)
{
	struct mkt_journal *j = NULL;
	struct mkt_err err = {0};

	*g = (struct got){.text = MKT_BUF_INIT};
	assert_int_equal(mkt_journal_open(path, take, g, &j, &err), 0);
	return j;
}

static void add(struct mkt_journal *j, const char *record)
{
	struct mkt_err err = {0};

	assert_int_equal(mkt_journal_add(j, record, strlen(record), true, &err), 0);
}

static void put_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

/* Three records in a file. */
static void three(const char *path, struct mkt_buf *bytes)
{
	struct mkt_journal *j;
	struct mkt_err err = {0};
	struct got g;

	j = open_at(path, &g);
	add(j, "{\"a\":1}");
	add(j, "{\"a\":22}");
	add(j, "{\"a\":333}");
	mkt_journal_close(j);
	mkt_buf_release(&g.text);
	assert_int_equal(mkt_file_read(path, 4096, bytes, &err), 0);
}

static void torn_at_every_byte(void **state)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	const char *path = "journal";

	(void)state;
	three(path, &bytes);
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		unsigned whole = 0;
		struct got g, again;
		struct mkt_journal *j;

		for (size_t i = 0; i < cut; i++)
			whole += bytes.data[i] == '\n';
		put_file(path, bytes.data, cut);
		j = open_at(path, &g);
		assert_int_equal(g.n, whole);
		assert_false(mkt_journal_damaged(j));
		/* What is added stands behind the last whole record. */
		add(j, "{\"b\":4}");
		mkt_journal_close(j);
		j = open_at(path, &again);
		assert_int_equal(again.n, whole + 1);
		mkt_journal_close(j);
		mkt_buf_release(&g.text);
		mkt_buf_release(&again.text);
	}
	mkt_buf_release(&bytes);
	unlink(path);
}

static void changed_at_every_byte(void **state)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_journal_end end;

	(void)state;
	three("journal", &bytes);
	for (size_t at = 0; at < bytes.len; at++) {
		struct got g = {.text = MKT_BUF_INIT};
		unsigned before = 0;

		for (size_t i = 0; i < at; i++)
			before += bytes.data[i] == '\n';
		bytes.data[at] ^= 1;
		assert_int_equal(mkt_journal_parse(bytes.data, bytes.len, take, &g, &end), 0);
		bytes.data[at] ^= 1;
		assert_int_equal(g.n, before);
		assert_true(end.torn);
		mkt_buf_release(&g.text);
	}
	/* A line that is gone, and lines in another order, are found too. */
	{
		struct got g = {.text = MKT_BUF_INIT};
		const char *second = strchr((char *)bytes.data, '\n') + 1;

		assert_int_equal(mkt_journal_parse(second, strlen(second), take, &g, &end), 0);
		assert_int_equal(g.n, 0);
		assert_true(end.damaged);
		mkt_buf_release(&g.text);
	}
	mkt_buf_release(&bytes);
	unlink("journal");
}

static void damage_is_kept(void **state)
{
	struct mkt_buf bytes = MKT_BUF_INIT, copy = MKT_BUF_INIT;
	struct mkt_journal *j;
	struct mkt_err err = {0};
	struct got g;

	(void)state;
	three("journal", &bytes);
	bytes.data[30] ^= 4; /* in the second line */
	put_file("journal", bytes.data, bytes.len);
	j = open_at("journal", &g);
	assert_int_equal(g.n, 1);
	assert_true(mkt_journal_damaged(j));
	assert_int_equal(mkt_file_read("journal.damaged", 4096, &copy, &err), 0);
	assert_int_equal(copy.len, bytes.len);
	assert_memory_equal(copy.data, bytes.data, bytes.len);
	mkt_journal_close(j);
	mkt_buf_release(&g.text);
	mkt_buf_release(&bytes);
	mkt_buf_release(&copy);
	unlink("journal");
	unlink("journal.damaged");
}

static void one_writer(void **state)
{
	struct mkt_journal *j, *other = NULL;
	struct mkt_err err = {0};
	struct got g, h = {.text = MKT_BUF_INIT};

	(void)state;
	j = open_at("journal", &g);
	assert_int_equal(mkt_journal_open("journal", take, &h, &other, &err), -MKT_ELOCKED);
	add(j, "{}");
	assert_int_equal(mkt_journal_read("journal", take, &h, &err), 0);
	assert_int_equal(h.n, 1);
	mkt_journal_close(j);
	assert_int_equal(mkt_journal_read("nowhere", take, &h, &err), -MKT_ENOTFOUND);
	mkt_buf_release(&g.text);
	mkt_buf_release(&h.text);
	unlink("journal");
}

static void replaced(void **state)
{
	struct mkt_buf records = MKT_BUF_INIT;
	struct mkt_journal *j, *other = NULL;
	struct mkt_err err = {0};
	struct got g, h;

	(void)state;
	j = open_at("journal", &g);
	for (unsigned i = 0; i < 100; i++)
		add(j, "{\"long\":\"record\"}");
	mkt_buf_addstr(&records, "{\"x\":1}\n{\"x\":2}\n");
	assert_int_equal(mkt_journal_replace(j, &records, &err), 0);
	assert_in_range(mkt_journal_size(j), 40, 60);
	/* It is ours still, under the same name. */
	assert_int_equal(mkt_journal_open("journal", take, &g, &other, &err), -MKT_ELOCKED);
	add(j, "{\"x\":3}");
	mkt_journal_close(j);
	j = open_at("journal", &h);
	assert_string_equal(mkt_buf_str(&h.text), "{\"x\":1}\n{\"x\":2}\n{\"x\":3}\n");
	mkt_journal_close(j);
	mkt_buf_release(&g.text);
	mkt_buf_release(&h.text);
	mkt_buf_release(&records);
	unlink("journal");
}

static void what_is_no_record(void **state)
{
	struct mkt_journal *j;
	struct mkt_err err = {0};
	static char big[MKT_JOURNAL_RECORD_MAX + 1];
	struct got g;

	(void)state;
	j = open_at("journal", &g);
	memset(big, 'x', sizeof(big));
	assert_int_equal(mkt_journal_add(j, big, sizeof(big), true, &err), -MKT_EINVAL);
	assert_int_equal(mkt_journal_add(j, "", 0, true, &err), -MKT_EINVAL);
	assert_int_equal(mkt_journal_add(j, "a\nb", 3, true, &err), -MKT_EINVAL);
	assert_int_equal(mkt_journal_add(j, big, MKT_JOURNAL_RECORD_MAX, true, &err), 0);
	mkt_journal_close(j);
	mkt_buf_release(&g.text);
	unlink("journal");
}

int main(void)
{
	char dir[PATH_MAX];
	int failed;

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(torn_at_every_byte), cmocka_unit_test(changed_at_every_byte),
		cmocka_unit_test(damage_is_kept),     cmocka_unit_test(one_writer),
		cmocka_unit_test(replaced),	      cmocka_unit_test(what_is_no_record),
	};

	tmpdir_make(dir, "journal");
	if (chdir(dir) < 0)
		return 2;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tmpdir_remove(dir);
	return failed;
}
