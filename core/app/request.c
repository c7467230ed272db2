#include "core/base/compat.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/app/request.h"
#include "core/base/file.h"
#include "core/base/limits.h"

#define FIRST_LINE "mkt-request 1"
#define FILE_BYTES_MAX (2 * MKT_TX_BYTES_MAX + 4096)
#define NAME_LEN (2 * MKT_REQUEST_ID_LEN)
#define PRUNE_EVERY 16 /* one save in so many looks for old files */

void mkt_request_release(struct mkt_request *r)
{
	mkt_buf_release(&r->envelope);
	*r = (struct mkt_request)MKT_REQUEST_INIT;
}

static int directory(struct mkt_app *app, struct mkt_buf *path)
{
	int rc = mkt_conf_dir(&app->conf, MKT_DIR_STATE, path, &app->err);

	mkt_buf_addstr(path, "/requests");
	return rc < 0 ? rc : path->bad ? mkt_err_code(&app->err, MKT_ENOMEM) : 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_together(const struct mkt_request *r, struct mkt_buf *b)
{
	mkt_buf_addf(b, FIRST_LINE "\nstate %s\ntime %llu\naccount %s\ncommand %s\ntx ",
		     r->state == MKT_REQUEST_DONE ? "done" : "unfinished",
		     (unsigned long long)r->time_s, r->account, r->command);
	mkt_buf_addhex(b, r->tx.b, sizeof(r->tx.b));
	mkt_buf_addstr(b, "\ncall ");
	mkt_buf_addhex(b, r->call.b, sizeof(r->call.b));
	mkt_buf_addf(b, "\nreceipt %s\nenvelope ", r->receipt);
	mkt_buf_addhex(b, r->envelope.data, r->envelope.len);
	mkt_buf_addch(b, '\n');
}

static bool is_request(const char *name)
{
	return strspn(name, "0123456789abcdef") == NAME_LEN && !name[NAME_LEN];
}

/* Old requests that are done go; unfinished ones stay until somebody looks. */
static void prune_one(struct mkt_app *app, const char *path, uint64_t now_s)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct stat st;

	if (stat(path, &st) < 0 || (uint64_t)st.st_mtime + MKT_REQUEST_KEEP_S > now_s)
		return;
	if (!mkt_file_read(path, FILE_BYTES_MAX, &b, NULL) &&
	    !strncmp(mkt_buf_str(&b), FIRST_LINE "\nstate done\n", sizeof(FIRST_LINE) + 11)) {
		mkt_app_trace(app, "forget request '%s'", path);
		unlink(path);
	}
	mkt_buf_release(&b);
}

static void prune(struct mkt_app *app, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	uint64_t now_s = mkt_app_now_ms() / 1000;

	for (unsigned n = 0; d && n < MKT_REQUEST_LIST_MAX && (e = readdir(d)); n++) {
		struct mkt_buf path = MKT_BUF_INIT;

		if (!is_request(e->d_name))
			continue;
		mkt_buf_addf(&path, "%s/%s", dir, e->d_name);
		prune_one(app, mkt_buf_str(&path), now_s);
		mkt_buf_release(&path);
	}
	if (d)
		closedir(d);
}

int mkt_request_save(struct mkt_app *app, const struct mkt_request *r)
{
	struct mkt_buf path = MKT_BUF_INIT, text = MKT_BUF_INIT;
	char name[MKT_REQUEST_ID_TEXT];
	int rc;

	if (app->opt.dry_run)
		return 0;
	rc = directory(app, &path);
	if (!rc)
		rc = mkt_dir_make(mkt_buf_str(&path), 0700, &app->err);
	if (!rc && r->id.b[0] % PRUNE_EVERY == 0)
		prune(app, mkt_buf_str(&path));
	mkt_request_text(&r->id, name);
	mkt_buf_addf(&path, "/%s", name);
	put_together(r, &text);
	if (!rc && (text.bad || path.bad))
		rc = mkt_err_code(&app->err, MKT_ENOMEM);
	if (!rc)
		rc = mkt_file_write(mkt_buf_str(&path), text.data, text.len,
				    (struct mkt_file_how){0600, false}, &app->err);
	mkt_buf_release(&path);
	mkt_buf_release(&text);
	return rc;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The rest of the line that begins with @word; NULL if the line is another. */
static char *value_of(char **at, const char *word)
{
	size_t n = strlen(word);
	char *line = *at, *end = strchr(line, '\n');

	if (!end || strncmp(line, word, n) != 0 || line[n] != ' ')
		return NULL;
	*end = 0;
	*at = end + 1;
	return line + n + 1;
}

static bool copy_value(char **at, const char *word, char *out, size_t size)
{
	const char *v = value_of(at, word);

	if (!v || strlen(v) >= size)
		return false;
	memcpy(out, v, strlen(v) + 1);
	return true;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool add_unhex(const char *hex, size_t digits, struct mkt_buf *b)
{
	if (digits % 2)
		return false;
	for (size_t i = 0; i < digits; i += 2) {
		int high = nibble(hex[i]), low = nibble(hex[i + 1]);

		if (high < 0 || low < 0)
			return false;
		mkt_buf_addch(b, (uint8_t)(high << 4 | low));
	}
	return !b->bad;
}

static bool read_hash(const char *hex, struct mkt_hash *out)
{
	struct mkt_buf b = MKT_BUF_INIT;
	bool ok = hex && strlen(hex) == 2 * sizeof(out->b) && add_unhex(hex, strlen(hex), &b);

	if (ok)
		memcpy(out->b, b.data, sizeof(out->b));
	mkt_buf_release(&b);
	return ok;
}

static bool take_apart(char *text, struct mkt_request *r)
{
	char state[16], time[24];
	const char *hex;
	char *at = text;

	if (strncmp(at, FIRST_LINE "\n", sizeof(FIRST_LINE)) != 0)
		return false;
	at += sizeof(FIRST_LINE);
	if (!copy_value(&at, "state", state, sizeof(state)) ||
	    !copy_value(&at, "time", time, sizeof(time)) ||
	    !copy_value(&at, "account", r->account, sizeof(r->account)) ||
	    !copy_value(&at, "command", r->command, sizeof(r->command)) ||
	    !read_hash(value_of(&at, "tx"), &r->tx) ||
	    !read_hash(value_of(&at, "call"), &r->call) ||
	    !copy_value(&at, "receipt", r->receipt, sizeof(r->receipt)))
		return false;
	r->state = !strcmp(state, "done") ? MKT_REQUEST_DONE : MKT_REQUEST_UNFINISHED;
	r->time_s = strtoull(time, NULL, 10);
	hex = value_of(&at, "envelope");
	return hex && add_unhex(hex, strlen(hex), &r->envelope) && !*at;
}

static int load_file(const char *path, const char *name, struct mkt_request *r,
		     struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT, id = MKT_BUF_INIT;
	struct mkt_request got = MKT_REQUEST_INIT;
	int rc = mkt_file_read(path, FILE_BYTES_MAX, &text, err);

	if (!rc && (!text.len || !take_apart((char *)text.data, &got) ||
		    !add_unhex(name, NAME_LEN, &id)))
		rc = mkt_err_set(err, MKT_EINTEGRITY, "saved request '%s' is damaged", path);
	if (!rc) {
		memcpy(got.id.b, id.data, sizeof(got.id.b));
		*r = got;
	} else {
		mkt_request_release(&got);
	}
	mkt_buf_release(&text);
	mkt_buf_release(&id);
	return rc;
}

int mkt_request_load(struct mkt_app *app, const struct mkt_request_id *id, struct mkt_request *r)
{
	struct mkt_buf path = MKT_BUF_INIT;
	char name[MKT_REQUEST_ID_TEXT];
	int rc = directory(app, &path);

	mkt_request_text(id, name);
	mkt_buf_addf(&path, "/%s", name);
	if (!rc)
		rc = load_file(mkt_buf_str(&path), name, r, &app->err);
	if (rc == -MKT_ENOTFOUND)
		mkt_err_set(&app->err, MKT_ENOTFOUND, "no request '%s' was made here", name);
	mkt_buf_release(&path);
	return rc;
}

void mkt_request_forget(struct mkt_app *app, const struct mkt_request_id *id)
{
	struct mkt_buf path = MKT_BUF_INIT;
	char name[MKT_REQUEST_ID_TEXT];

	mkt_request_text(id, name);
	if (!directory(app, &path)) {
		mkt_buf_addf(&path, "/%s", name);
		unlink(mkt_buf_str(&path));
	}
	mkt_buf_release(&path);
}

static int only_requests(const struct dirent *e)
{
	return is_request(e->d_name);
}

static int older_first(const void *a, const void *b)
{
	const struct mkt_request *x = a, *y = b;

	return x->time_s < y->time_s ? -1 : x->time_s > y->time_s;
}

/* Read the files of @dir into an array, which the caller releases. */
static int load_all(struct mkt_app *app, const char *dir, struct mkt_request **out, size_t *n)
{
	struct dirent **found = NULL;
	int count = scandir(dir, &found, only_requests, alphasort), rc = 0;
	struct mkt_request *all = calloc(count > 0 ? (size_t)count : 1, sizeof(*all));

	*n = 0;
	if (!all)
		rc = mkt_err_code(&app->err, MKT_ENOMEM);
	else if (count < 0 && errno != ENOENT)
		rc = mkt_err_sys(&app->err, MKT_EIO, errno, "cannot read directory '%s'", dir);
	for (int i = 0; i < count; i++) {
		struct mkt_buf path = MKT_BUF_INIT;
		struct mkt_err why = {0};

		mkt_buf_addf(&path, "%s/%s", dir, found[i]->d_name);
		if (!rc && *n < MKT_REQUEST_LIST_MAX) {
			if (!load_file(mkt_buf_str(&path), found[i]->d_name, &all[*n], &why))
				++*n;
			else if (why.code != MKT_ENOTFOUND)
				mkt_app_warn(app, "%s", why.text);
		}
		mkt_buf_release(&path);
		free(found[i]);
	}
	free(found);
	*out = all;
	return rc;
}

int mkt_request_each(struct mkt_app *app, int (*each)(void *arg, const struct mkt_request *r),
		     void *arg)
{
	struct mkt_buf dir = MKT_BUF_INIT;
	struct mkt_request *all = NULL;
	size_t n = 0;
	int rc = directory(app, &dir);

	if (!rc)
		rc = load_all(app, mkt_buf_str(&dir), &all, &n);
	if (n)
		qsort(all, n, sizeof(*all), older_first);
	for (size_t i = 0; i < n; i++) {
		if (!rc)
			rc = each(arg, &all[i]);
		mkt_request_release(&all[i]);
	}
	free(all);
	mkt_buf_release(&dir);
	return rc;
}
