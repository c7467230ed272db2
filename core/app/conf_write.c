/*
 * Changing one line of a configuration file that a person wrote.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/app/conf.h"
#include "core/base/file.h"

#define FILE_BYTES_MAX (256u << 10)

/* A name splits at its last dot: keys.book.x is x of [keys.book]. */
struct target {
	const char *section;
	size_t section_len;
	const char *key;
	const char *value; /* NULL: remove */
	bool in_section;   /* the line at hand is in the section */
	bool seen_section;
	bool done;
	size_t end_of_section; /* in the output: where a new key goes */
};

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static size_t trimmed(const char *s, size_t n)
{
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		n--;
	return n;
}

static void enter_section(struct target *t, const char *line, size_t n)
{
	const char *close = memchr(line, ']', n);
	size_t len = close ? (size_t)(close - line - 1) : 0;

	t->in_section = close && len == t->section_len && !memcmp(line + 1, t->section, len);
	if (t->in_section)
		t->seen_section = true;
}

static bool is_key(const struct target *t, const char *line, size_t n)
{
	size_t len = strcspn(line, "=:");

	if (!t->in_section || len >= n)
		return false;
	len = trimmed(line, len);
	return len == strlen(t->key) && !memcmp(line, t->key, len);
}

static void copy_line(struct target *t, const char *line, size_t n, struct mkt_buf *out)
{
	const char *text = skip_blanks(line);
	size_t rest = n - (size_t)(text - line);

	if (*text == '[')
		enter_section(t, text, rest);
	else if (is_key(t, text, rest)) {
		if (t->value && !t->done)
			mkt_buf_addf(out, "%s = %s\n", t->key, t->value);
		t->done = true;
		if (t->value)
			t->end_of_section = out->len;
		return;
	}
	mkt_buf_add(out, line, n);
	mkt_buf_addch(out, '\n');
	if (t->in_section && trimmed(text, rest))
		t->end_of_section = out->len;
}

/* Put "key = value" at the end of its section, or begin one. */
static void add_key(const struct target *t, struct mkt_buf *out)
{
	struct mkt_buf rest = MKT_BUF_INIT;

	if (!t->seen_section) {
		mkt_buf_addf(out, "%s[%.*s]\n%s = %s\n", out->len ? "\n" : "", (int)t->section_len,
			     t->section, t->key, t->value);
		return;
	}
	mkt_buf_add(&rest, out->data + t->end_of_section, out->len - t->end_of_section);
	out->len = t->end_of_section;
	mkt_buf_addf(out, "%s = %s\n", t->key, t->value);
	mkt_buf_add(out, rest.data, rest.len);
	out->bad |= rest.bad;
	mkt_buf_release(&rest);
}

static int check_value(const char *name, const char *value, struct mkt_err *err)
{
	size_t n = value ? strlen(value) : 0;

	if (strlen(name) + n + 4 > MKT_CONF_LINE_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "value of '%s' is too long", name);
	if (n && (strchr(value, '\n') || strstr(value, " ;") || trimmed(value, n) != n ||
		  skip_blanks(value) != value))
		return mkt_err_set(
			err, MKT_EUSAGE,
			"value of '%s' cannot be kept in a file: line break, ' ;' or outer blanks",
			name);
	return 0;
}

static int change(struct target *t, const char *text, struct mkt_buf *out, const char *name,
		  struct mkt_err *err)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		copy_line(t, text, n, out);
		text += n;
		text += *text == '\n';
	}
	if (!t->done && !t->value)
		return mkt_err_set(err, MKT_ENOTFOUND, "'%s' is not set there", name);
	if (!t->done)
		add_key(t, out);
	return out->bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

static int make_parent(const char *file, struct mkt_err *err)
{
	const char *slash = strrchr(file, '/');
	char *dir;
	int rc;

	if (!slash || slash == file)
		return 0;
	dir = strndup(file, (size_t)(slash - file));
	rc = dir ? mkt_dir_make(dir, 0755, err) : mkt_err_code(err, MKT_ENOMEM);
	free(dir);
	return rc;
}

int mkt_conf_write(const char *file, const char *name, const char *value, struct mkt_err *err)
{
	const char *dot = strrchr(name, '.');
	struct mkt_buf old = MKT_BUF_INIT, new = MKT_BUF_INIT;
	struct target t = {.section = name, .value = value};
	struct stat st;
	mode_t mode = 0644;
	int rc;

	if (!dot || dot == name || !dot[1])
		return mkt_err_set(err, MKT_EUSAGE, "setting '%s' is not of the form section.name",
				   name);
	rc = check_value(name, value, err);
	if (rc < 0)
		return rc;
	t.section_len = (size_t)(dot - name);
	t.key = dot + 1;
	if (!stat(file, &st))
		mode = st.st_mode & 0777;
	rc = mkt_file_read(file, FILE_BYTES_MAX, &old, err);
	if (!rc || rc == -MKT_ENOTFOUND)
		rc = change(&t, mkt_buf_str(&old), &new, name, err);
	if (!rc)
		rc = make_parent(file, err);
	if (!rc)
		rc = mkt_file_write(file, new.data, new.len, (struct mkt_file_how){mode, false},
				    err);
	mkt_buf_release(&old);
	mkt_buf_release(&new);
	return rc;
}
