/*
 * Commands that others wrote: programs named mkt-<name>.
 */
#include "core/base/compat.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"

#ifndef MKT_PREFIX
#define MKT_PREFIX "/usr/local"
#endif
#define LIBEXEC "/libexec/mkt"
#define NAME_BYTES_MAX 60

/* Names that could leave the directory, or hide from a list, are none. */
static bool name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n && !name[n] && n <= NAME_BYTES_MAX && name[0] != '-';
}

/*
 * The directory of programs that were installed with us: beside our own bin/,
 * wherever that was put; where the system does not tell, as it was built.
 */
static void find_libexec(struct mkt_buf *dir)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));

	/* Twice up: from bin/mkt to what holds bin/. */
	for (unsigned up = 0; up < 2 && n > 0; up++)
		while (n > 0 && self[--n] != '/')
			;
	if (n > 0 && n < (ssize_t)sizeof(self))
		mkt_buf_add(dir, self, (size_t)n);
	else
		mkt_buf_addstr(dir, MKT_PREFIX);
	mkt_buf_addstr(dir, LIBEXEC);
}

/* Call @each for every directory to search, until it returns true. */
static bool each_dir(bool (*each)(void *arg, const char *dir, size_t n), void *arg)
{
	struct mkt_buf libexec = MKT_BUF_INIT;
	const char *lists[] = {getenv("MKT_EXEC_PATH"), NULL, getenv("PATH")};
	bool found = false;

	find_libexec(&libexec);
	lists[1] = mkt_buf_str(&libexec);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(lists) && !found; i++) {
		const char *at = lists[i];

		while (at && *at && !found) {
			size_t n = strcspn(at, ":");

			/* Relative directories would make what runs depend on where one stands. */
			found = *at == '/' && each(arg, at, n);
			at += n;
			at += *at == ':';
		}
	}
	mkt_buf_release(&libexec);
	return found;
}

struct search {
	const char *name;
	struct mkt_buf *path;
	bool there; /* found a file that cannot be run */
};

static bool try_dir(void *arg, const char *dir, size_t n)
{
	struct search *s = arg;
	struct mkt_buf path = MKT_BUF_INIT;
	struct stat st;
	bool file, runs;

	mkt_buf_add(&path, dir, n);
	mkt_buf_addf(&path, "/mkt-%s", s->name);
	file = !stat(mkt_buf_str(&path), &st) && S_ISREG(st.st_mode);
	runs = file && !access(mkt_buf_str(&path), X_OK);
	if (runs || (file && !s->there)) {
		mkt_buf_clear(s->path);
		mkt_buf_add(s->path, path.data, path.len);
		s->there = true;
	}
	mkt_buf_release(&path);
	return runs;
}

int mkt_external_find(const char *name, struct mkt_buf *path)
{
	struct search s = {.name = name, .path = path};

	if (!name_ok(name))
		return -MKT_ENOTFOUND;
	if (each_dir(try_dir, &s))
		return path->bad ? -MKT_ENOMEM : 0;
	return s.there ? -MKT_EDENIED : -MKT_ENOTFOUND;
}

/* What we found out about server, account and configuration, for the program to use. */
static void export_settings(struct mkt_app *app)
{
	const char *server = mkt_app_setting(app, "core.server");
	const char *account = mkt_app_setting(app, "core.account");

	if (server)
		setenv("MKT_SERVER", server, 1);
	if (account)
		setenv("MKT_ACCOUNT", account, 1);
	if (app->config_file)
		setenv("MKT_CONFIG", app->config_file, 1);
}

int mkt_external_run(struct mkt_app *app, const char *path, int argc, char **argv)
{
	char **args = calloc((size_t)argc + 1, sizeof(*args));

	if (!args)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	memcpy(args, argv, (size_t)argc * sizeof(*args));
	args[0] = (char *)(uintptr_t)path;
	export_settings(app);
	execv(path, args);
	free(args);
	return mkt_err_sys(&app->err, MKT_EUSAGE, errno, "cannot run '%s'", path);
}

struct listing {
	void (*each)(void *arg, const char *name);
	void *arg;
};

static bool list_dir(void *arg, const char *dir, size_t n)
{
	struct listing *l = arg;
	char *path = strndup(dir, n);
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		const char *name = e->d_name + 4;

		if (strncmp(e->d_name, "mkt-", 4) != 0 || !name_ok(name) ||
		    mkt_command_find(name) || faccessat(dirfd(d), e->d_name, X_OK, 0) < 0)
			continue;
		l->each(l->arg, name);
	}
	if (d)
		closedir(d);
	free(path);
	return false;
}

void mkt_external_list(void (*each)(void *arg, const char *name), void *arg)
{
	struct listing l = {each, arg};

	each_dir(list_dir, &l);
}
