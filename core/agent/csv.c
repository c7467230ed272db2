#include "core/base/compat.h"

#include <errno.h>
#include <stdarg.h>

#include "core/agent/csv.h"

#undef mkt_csv_fault

int mkt_csv_fault(const struct mkt_csv *c, int col, struct mkt_err *err, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (col < 0)
		return mkt_err_set(err, MKT_EINVAL, "%s:%llu: %s", c->name,
				   (unsigned long long)c->line, what);
	return mkt_err_set(err, MKT_EINVAL, "%s:%llu: column '%.40s': %s", c->name,
			   (unsigned long long)c->line, c->col[col], what);
}

/* Read one line without its end into c->row.  1, 0 at the end of the file, or negative. */
static int read_line(struct mkt_csv *c, struct mkt_err *err)
{
	ssize_t n;
	size_t len;

	errno = 0;
	n = getline(&c->row, &c->row_cap, c->f);
	if (n < 0) {
		if (errno || ferror(c->f))
			return mkt_err_sys(err, MKT_EIO, errno, "cannot read '%s'", c->name);
		return 0;
	}
	c->line++;
	len = (size_t)n;
	if (len > MKT_CSV_LINE_MAX)
		return mkt_csv_fault(c, -1, err, "the line is longer than %u bytes",
				     MKT_CSV_LINE_MAX);
	if (len && c->row[len - 1] == '\n')
		len--;
	else
		return mkt_csv_fault(c, -1, err, "the line has no end: is the file cut off?");
	if (len && c->row[len - 1] == '\r')
		len--;
	c->row[len] = '\0';
	if (strlen(c->row) != len)
		return mkt_csv_fault(c, -1, err, "the line holds a zero byte");
	if (memchr(c->row, '"', len))
		return mkt_csv_fault(c, -1, err, "quotes are not read; cells are plain");
	return 1;
}

/* Cut @line at its commas; the number of cells, or 0 if there are too many. */
static unsigned cut(char *line, char **cell)
{
	unsigned n = 0;
	char *end;

	for (;;) {
		if (n == MKT_CSV_CELLS_MAX)
			return 0;
		cell[n++] = line;
		end = strchr(line, ',');
		if (!end)
			return n;
		*end = '\0';
		line = end + 1;
	}
}

static int read_header(struct mkt_csv *c, struct mkt_err *err)
{
	int rc = read_line(c, err);
	const char *text = c->row;

	if (rc < 0)
		return rc;
	if (!rc)
		return mkt_err_set(err, MKT_EINVAL, "%s: the file is empty", c->name);
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	c->head = strdup(text);
	if (!c->head)
		return mkt_err_code(err, MKT_ENOMEM);
	c->ncols = cut(c->head, c->cell);
	if (!c->ncols)
		return mkt_csv_fault(c, -1, err, "more than %d columns", MKT_CSV_CELLS_MAX);
	for (unsigned i = 0; i < c->ncols; i++) {
		c->col[i] = c->cell[i];
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(c->col[k], c->col[i]))
				return mkt_csv_fault(c, -1, err, "two columns are named '%.40s'",
						     c->col[i]);
	}
	return 0;
}

int mkt_csv_open(struct mkt_csv *c, const char *dir, const char *name, struct mkt_err *err)
{
	char path[4096];
	int rc;

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return mkt_err_set(err, MKT_EINVAL, "the path of '%s' is too long", name);
	c->f = fopen(path, "re");
	if (!c->f)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot open '%s'", path);
	rc = read_header(c, err);
	if (rc < 0)
		mkt_csv_close(c);
	return rc;
}

void mkt_csv_close(struct mkt_csv *c)
{
	if (c->f)
		fclose(c->f);
	free(c->head);
	free(c->row);
	c->f = NULL;
	c->head = c->row = NULL;
	c->row_cap = 0;
	c->ncols = 0;
}

int mkt_csv_rewind(struct mkt_csv *c, struct mkt_err *err)
{
	int rc;

	if (fseeko(c->f, 0, SEEK_SET))
		return mkt_err_sys(err, MKT_EIO, errno, "cannot go back in '%s'", c->name);
	c->line = 0;
	rc = read_line(c, err); /* the header again */
	if (!rc)
		return mkt_err_set(err, MKT_EIO, "'%s' has changed while it was read", c->name);
	return rc < 0 ? rc : 0;
}

int mkt_csv_row(struct mkt_csv *c, struct mkt_err *err)
{
	int rc = read_line(c, err);
	unsigned n;

	if (rc <= 0)
		return rc;
	n = cut(c->row, c->cell);
	if (n != c->ncols)
		return mkt_csv_fault(c, -1, err, "%u cells where the header has %u", n, c->ncols);
	return 1;
}

int mkt_csv_find(const struct mkt_csv *c, const char *col)
{
	for (unsigned i = 0; i < c->ncols; i++)
		if (!strcmp(c->col[i], col))
			return (int)i;
	return -1;
}

int mkt_csv_need(const struct mkt_csv *c, const char *col, struct mkt_err *err)
{
	int at = mkt_csv_find(c, col);

	if (at < 0)
		return mkt_err_set(err, MKT_EINVAL, "%s:1: there is no column '%.40s'", c->name,
				   col);
	return at;
}

int mkt_csv_int(const struct mkt_csv *c, unsigned col, int64_t min, int64_t max, int64_t *out,
		struct mkt_err *err)
{
	const char *text = c->cell[col];
	size_t n = strlen(text), sign = text[0] == '-';
	long long v;

	if (!n)
		return mkt_csv_fault(c, (int)col, err, "the cell is empty");
	if (n > 18 || n == sign || strspn(text + sign, "0123456789") != n - sign)
		return mkt_csv_fault(c, (int)col, err, "'%.40s' is not a whole number", text);
	v = strtoll(text, NULL, 10);
	if (v < min || v > max)
		return mkt_csv_fault(c, (int)col, err, "%lld is not between %lld and %lld", v,
				     (long long)min, (long long)max);
	*out = v;
	return 0;
}
