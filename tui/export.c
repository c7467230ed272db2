/* `e`: rows or picture of the pane into a file. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/list.h"
#include "tui/overlay.h"

#define PATH_LEN_MAX 1024

static bool is_json(const char *path)
{
	size_t n = strlen(path);

	return n > 5 && !strcmp(path + n - 5, ".json");
}

/* ---- the picture -------------------------------------------------------------------------- */

static void picture_json(struct tui_dash *d, char *text, struct mkt_buf *out)
{
	struct mkt_jw w;
	char *line;

	mkt_jw_init(&w, out);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "pane", tui_pane_name(d->shown));
	mkt_jw_key(&w, "lines");
	mkt_jw_arr(&w);
	while ((line = strsep(&text, "\n")) != NULL)
		if (text || *line)
			mkt_jw_str(&w, line);
	mkt_jw_arr_end(&w);
	mkt_jw_obj_end(&w);
	mkt_buf_addch(out, '\n');
}

/* The pane drawn once more, as large as it is seen, without what lies over it. */
static int write_picture(struct tui_dash *d, FILE *f, bool json, struct mkt_err *err)
{
	const struct tui_pane_ops *ops = tui_pane_ops(d->shown);
	struct tui_canvas c = {.utf8 = d->canvas.utf8, .glyphs = d->canvas.glyphs};
	struct mkt_buf text = MKT_BUF_INIT, out = MKT_BUF_INIT;
	int rc = 0;

	if (tui_canvas_resize(&c, d->places.main.rows, d->places.main.cols))
		return mkt_err_code(err, MKT_ENOMEM);
	if (ops && d->have_facts)
		ops->draw(d, d->pane[d->shown], tui_whole(&c));
	tui_canvas_text(&c, &text);
	mkt_buf_addch(&text, '\0');
	if (json && !text.bad)
		picture_json(d, (char *)text.data, &out);
	else if (!text.bad)
		mkt_buf_addstr(&out, (const char *)text.data);
	if (text.bad || out.bad)
		rc = mkt_err_code(err, MKT_ENOMEM);
	else if (fwrite(mkt_buf_str(&out), 1, out.len, f) != out.len || fflush(f))
		rc = mkt_err_sys(err, MKT_EOUTPUT, errno, "cannot write");
	mkt_buf_release(&text);
	mkt_buf_release(&out);
	tui_canvas_release(&c);
	return rc;
}

/* ---- the file ----------------------------------------------------------------------------- */

/* Under a name of its own until it is whole. */
static FILE *open_temp(const char *path, char *temp, size_t size)
{
	FILE *f;
	int fd;

	snprintf(temp, size, "%s.tmp%ld", path, (long)getpid());
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

static int put_in_place(const char *temp, const char *path, bool over, struct mkt_err *err)
{
	/* link() refuses a name that is taken; rename() replaces it. */
	int failed = (over ? rename(temp, path) : link(temp, path)) < 0 ? errno : 0;

	if (failed || !over)
		unlink(temp);
	if (failed == EEXIST)
		return mkt_err_set(err, MKT_EEXISTS, "'%s' exists already", path);
	return failed ? mkt_err_sys(err, MKT_EIO, failed, "cannot write '%s'", path) : 0;
}

static int write_file(struct tui_dash *d, struct tui_list *l, const char *path, bool over,
		      struct mkt_err *err)
{
	char temp[PATH_LEN_MAX + 32];
	FILE *f;
	int rc;

	if (!over && !access(path, F_OK))
		return mkt_err_set(err, MKT_EEXISTS, "'%s' exists already", path);
	f = open_temp(path, temp, sizeof(temp));
	if (!f)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot create '%s'", path);
	rc = l ? tui_list_export(l, f, is_json(path), err)
	       : write_picture(d, f, is_json(path), err);
	if (!rc && fsync(fileno(f)) < 0 && errno != EINVAL)
		rc = mkt_err_sys(err, MKT_EOUTPUT, errno, "cannot write");
	if (fclose(f) && !rc)
		rc = mkt_err_sys(err, MKT_EOUTPUT, errno, "cannot write");
	if (rc)
		unlink(temp);
	return rc ? rc : put_in_place(temp, path, over, err);
}

/* ---- asking ------------------------------------------------------------------------------- */

static void ask(struct tui_dash *d, struct tui_list *l, const char *name);

/* "~/x" is in the home directory. */
static bool whole_path(const char *line, char *out, size_t size)
{
	const char *home = getenv("HOME");
	int n;

	if (line[0] == '~' && line[1] == '/' && home)
		n = snprintf(out, size, "%s%s", home, line + 1);
	else
		n = snprintf(out, size, "%s", line);
	return n > 0 && (size_t)n < size;
}

static void typed(struct tui_dash *d, void *ctx, const char *line)
{
	struct tui_list *l = ctx;
	bool over = line[0] == '!';
	char path[PATH_LEN_MAX];
	struct mkt_err err = {0};
	int rc;

	if (!line[over])
		return;
	if (!whole_path(line + over, path, sizeof(path))) {
		tui_dash_say(d, TUI_WARN, "that name is too long");
		return;
	}
	rc = write_file(d, l, path, over, &err);
	if (rc == -MKT_EEXISTS) {
		ask(d, l, line);
		tui_dash_say(d, TUI_WARN, "%s; put ! before the name to write over it", err.text);
	} else if (rc) {
		tui_dash_say(d, TUI_BAD, "%s", err.text);
	} else if (l) {
		tui_dash_say(d, TUI_GOOD, "%u rows written to %s", (unsigned)l->shown, path);
	} else {
		tui_dash_say(d, TUI_GOOD, "written to %s", path);
	}
}

static void ask(struct tui_dash *d, struct tui_list *l, const char *name)
{
	tui_prompt_open(d, &(struct tui_prompt_conf){.label = "file (.json or text): ",
						     .initial = name,
						     .done = typed,
						     .ctx = l,
						     .history = 'e'});
}

void tui_export_open(struct tui_dash *d, struct tui_list *l)
{
	char name[64];

	snprintf(name, sizeof(name), "mkt-%s.txt", tui_pane_name(d->shown));
	ask(d, l, name);
}
