#include "core/base/compat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/identity.h"
#include "core/crypto/hash.h"

int mkt_identity_dir(struct mkt_app *app, struct mkt_buf *path)
{
	int rc = mkt_conf_dir(&app->conf, MKT_DIR_DATA, path, &app->err);

	mkt_buf_addstr(path, "/keys");
	return rc < 0 ? rc : path->bad ? mkt_err_code(&app->err, MKT_ENOMEM) : 0;
}

/* Names become file names: nothing that leaves the directory or hides in it. */
static bool name_ok(const char *name)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n && !name[n] && name[0] != '.' && name[0] != '-' && n <= 64;
}

int mkt_identity_path(struct mkt_app *app, const char *name, struct mkt_buf *path)
{
	int rc;

	if (!name) {
		name = mkt_app_setting(app, "core.identity");
		if (!name || !*name)
			name = MKT_KEY_DEFAULT;
	}
	if (strchr(name, '/')) {
		mkt_buf_addstr(path, name);
		return path->bad ? mkt_err_code(&app->err, MKT_ENOMEM) : 0;
	}
	if (!name_ok(name)) {
		mkt_err_set(&app->err, MKT_EUSAGE, "'%s' cannot be the name of a key", name);
		mkt_err_hint(&app->err,
			     "letters, digits, '.', '_' and '-', at most 64; a path has a '/'");
		return -MKT_EUSAGE;
	}
	rc = mkt_identity_dir(app, path);
	mkt_buf_addf(path, "/%s" MKT_KEY_SUFFIX, name);
	return rc < 0 ? rc : path->bad ? mkt_err_code(&app->err, MKT_ENOMEM) : 0;
}

static int is_key(const struct dirent *e)
{
	size_t n = strlen(e->d_name), suffix = strlen(MKT_KEY_SUFFIX);

	return e->d_name[0] != '.' && n > suffix &&
	       !strcmp(e->d_name + n - suffix, MKT_KEY_SUFFIX);
}

int mkt_identity_each(struct mkt_app *app, void (*each)(void *arg, const char *name), void *arg)
{
	struct mkt_buf dir = MKT_BUF_INIT;
	struct dirent **found = NULL;
	int n = 0, rc = mkt_identity_dir(app, &dir);

	if (!rc)
		n = scandir(mkt_buf_str(&dir), &found, is_key, alphasort);
	if (n < 0 && errno != ENOENT)
		rc = mkt_err_sys(&app->err, MKT_EIO, errno, "cannot read directory '%s'",
				 mkt_buf_str(&dir));
	for (int i = 0; i < n; i++) {
		found[i]->d_name[strlen(found[i]->d_name) - strlen(MKT_KEY_SUFFIX)] = 0;
		each(arg, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	mkt_buf_release(&dir);
	return rc;
}

int mkt_identity_peek(struct mkt_app *app, const char *path, struct mkt_keyfile *key)
{
	int rc = mkt_keyfile_peek(path, key, &app->err);

	if (rc == -MKT_ENOTFOUND)
		mkt_err_hint(&app->err,
			     "make one with 'mkt key new', or name yours with --identity");
	return rc;
}

int mkt_identity_public(struct mkt_app *app, struct mkt_pubkey *pub)
{
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_keyfile key = {0};
	int rc = mkt_identity_path(app, NULL, &path);

	if (!rc)
		rc = mkt_identity_peek(app, mkt_buf_str(&path), &key);
	if (!rc)
		*pub = key.pub;
	mkt_buf_release(&path);
	return rc;
}

/* ---- passphrases -------------------------------------------------------------------------- */

static int check_private(struct mkt_app *app, int fd, const char *file)
{
	struct stat st;

	/* A pipe or a descriptor that the caller made is the caller's business. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 077))
		return 0;
	mkt_err_set(&app->err, MKT_EDENIED, "passphrase file '%s' is open to others", file);
	mkt_err_hint(&app->err, "chmod 600 '%s'", file);
	return -MKT_EDENIED;
}

static int read_passphrase(struct mkt_app *app, const char *file, char out[MKT_PASSPHRASE_MAX + 1])
{
	int fd = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO, rc;
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0)
		return mkt_err_sys(&app->err, MKT_EUSAGE, errno, "cannot open passphrase file '%s'",
				   file);
	rc = check_private(app, fd, file);
	while (!rc && used < MKT_PASSPHRASE_MAX + 1 && n > 0) {
		n = read(fd, out + used, MKT_PASSPHRASE_MAX + 1 - used);
		if (n > 0)
			used += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (fd != STDIN_FILENO)
		close(fd);
	if (rc < 0)
		return rc;
	if (used && out[used - 1] == '\n')
		used--;
	if (n < 0 || !used || used > MKT_PASSPHRASE_MAX || memchr(out, 0, used))
		return mkt_err_set(&app->err, MKT_EUSAGE,
				   "passphrase file '%s' must hold 1 to %d bytes of text", file,
				   MKT_PASSPHRASE_MAX);
	out[used] = 0;
	return 0;
}

int mkt_passphrase(struct mkt_app *app, const char *file, bool again,
		   char out[MKT_PASSPHRASE_MAX + 1])
{
	int rc;

	if (file)
		rc = read_passphrase(app, file, out);
	else
		rc = mkt_app_passphrase(app, "passphrase", again, out, MKT_PASSPHRASE_MAX + 1);
	if (rc < 0)
		mkt_wipe(out, MKT_PASSPHRASE_MAX + 1);
	return rc;
}

const struct mkt_opt mkt_seal_options[] = {
	MKT_O_FLAG(struct mkt_seal_values, ask, "passphrase", 'p',
		   "seal the key with a passphrase, asked for"),
	MKT_O_FILE(struct mkt_seal_values, file, "passphrase-file", 0, "FILE",
		   "seal with the passphrase in FILE (- stdin, /dev/fd/N a descriptor)"),
	MKT_O_END
};

int mkt_seal_passphrase(struct mkt_app *app, const struct mkt_seal_values *v,
			char out[MKT_PASSPHRASE_MAX + 1])
{
	out[0] = 0;
	if (!v->ask && !v->file)
		return 0;
	return mkt_passphrase(app, v->file, true, out);
}

/* ---- secret keys -------------------------------------------------------------------------- */

int mkt_identity_open(struct mkt_app *app, const char *path, struct mkt_seckey *sec)
{
	struct rlimit none = {0, 0};
	struct mkt_keyfile key;
	char pass[MKT_PASSPHRASE_MAX + 1] = "";
	int rc = mkt_identity_peek(app, path, &key);

	/* A crash must not leave the key on disk. */
	setrlimit(RLIMIT_CORE, &none);
	if (!rc && key.sealed)
		rc = mkt_passphrase(app, mkt_app_setting(app, "core.passphrase_file"), false, pass);
	if (!rc)
		rc = mkt_keyfile_load(path, (struct mkt_pass){pass, strlen(pass)}, sec, &app->err);
	mkt_wipe(pass, sizeof(pass));
	return rc;
}

int mkt_identity_secret(struct mkt_app *app, struct mkt_seckey *sec)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc = mkt_identity_path(app, NULL, &path);

	if (!rc)
		rc = mkt_identity_open(app, mkt_buf_str(&path), sec);
	mkt_buf_release(&path);
	return rc;
}
