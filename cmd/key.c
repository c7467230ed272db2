/*
 * mkt key: make, show and list the keys of this user.
 */
#include "core/base/compat.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/identity.h"
#include "core/base/file.h"
#include "core/crypto/hash.h"

enum { C_NAME, C_ACCOUNT, C_SEALED, C_FILE, C_COUNT };

static const struct mkt_col key_cols[] = {
	[C_NAME] = {"name", MKT_COL_TEXT, .head = "name"},
	[C_ACCOUNT] = {"account", MKT_COL_TEXT, .head = "account"},
	[C_SEALED] = {"sealed", MKT_COL_BOOL, .head = "sealed"},
	[C_FILE] = {"file", MKT_COL_TEXT, .head = "file", .wide = true, .cut = true},
	{.name = NULL},
};
static const struct mkt_table keys_table = {"key", key_cols, false};
static const struct mkt_table key_table = {"key", key_cols, true};
static const struct mkt_doc keys_doc = {"keys", 1, {&keys_table}, false};
static const struct mkt_doc key_doc = {"key", 1, {&key_table}, false};

/* Everything about one key that may be seen. */
struct seen {
	char name[80];
	char account[MKT_PUBKEY_TEXT];
	bool sealed;
	const char *file;
};

static void name_from_path(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t n = strlen(base), suffix = strlen(MKT_KEY_SUFFIX);

	if (n > suffix && !strcmp(base + n - suffix, MKT_KEY_SUFFIX))
		n -= suffix;
	snprintf(out, size, "%.*s", (int)n, base);
}

static void see(struct seen *s, const char *path, const struct mkt_pubkey *pub, bool sealed)
{
	name_from_path(path, s->name, sizeof(s->name));
	mkt_pubkey_text(pub, s->account);
	s->sealed = sealed;
	s->file = path;
}

static void fill_row(const struct seen *s, struct mkt_val *row)
{
	row[C_NAME] = mkt_v_text(s->name);
	row[C_ACCOUNT] = mkt_v_text(s->account);
	row[C_SEALED] = mkt_v_bool(s->sealed);
	row[C_FILE] = mkt_v_text(s->file);
}

/* ---- new and import ----------------------------------------------------------------------- */

static int make_parent(struct mkt_app *app, const char *path)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
	int rc = 0;

	if (!dir)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	if (slash && slash != dir) {
		*slash = 0;
		rc = mkt_dir_make(dir, 0700, &app->err);
	}
	free(dir);
	return rc;
}

static int check_free(struct mkt_app *app, const char *path)
{
	if (access(path, F_OK) < 0)
		return 0;
	mkt_err_set(&app->err, MKT_EEXISTS, "key file '%s' exists already", path);
	mkt_err_hint(&app->err, "keys are never overwritten: give another name");
	return -MKT_EEXISTS;
}

/* The file of the key that is made: the name given, else the identity of the call. */
static int write_key(struct mkt_app *app, const struct mkt_seal_values *v, const char *name,
		     const struct mkt_seckey *sec)
{
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_val row[C_COUNT];
	struct mkt_pubkey pub;
	struct seen s;
	char pass[MKT_PASSPHRASE_MAX + 1] = "";
	int rc = mkt_identity_path(app, name, &path);

	if (!rc)
		rc = mkt_out_check(&app->out, &key_doc, &app->err);
	if (!rc)
		rc = check_free(app, mkt_buf_str(&path));
	if (!rc)
		rc = mkt_seal_passphrase(app, v, pass);
	if (!rc && !app->opt.dry_run)
		rc = make_parent(app, mkt_buf_str(&path));
	if (!rc && !app->opt.dry_run)
		rc = mkt_keyfile_create(mkt_buf_str(&path), sec,
					(struct mkt_pass){pass, strlen(pass)}, MKT_KDF_DEFAULT,
					&app->err);
	if (!rc) {
		mkt_seckey_public(sec, &pub);
		see(&s, mkt_buf_str(&path), &pub, pass[0] != 0);
		fill_row(&s, row);
		rc = mkt_out_receipt(&app->out, &key_doc, row, &app->err, "key %s %s in %s%s",
				     s.name, s.account, s.file,
				     app->opt.dry_run ? " (dry run: not made)" : "");
	}
	mkt_wipe(pass, sizeof(pass));
	mkt_buf_release(&path);
	return rc;
}

static int new_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	uint8_t seed[MKT_SEED_LEN];
	struct mkt_pubkey pub;
	struct mkt_seckey sec;
	int rc;

	mkt_random(seed, sizeof(seed));
	mkt_keypair(&pub, &sec, seed);
	mkt_wipe(seed, sizeof(seed));
	rc = write_key(app, values, argc ? argv[0] : NULL, &sec);
	mkt_wipe(&sec, sizeof(sec));
	return rc;
}

struct import_values {
	struct mkt_seal_values seal;
	const char *from;
};

static const struct mkt_opt import_opts[] = {
	{.kind = MKT_OPT_FILE, .name = "from", .metavar = "FILE", .dflt = "-",
	 .at = MKT_O_AT(struct import_values, from, const char *),
	 .help = "the secret as 'mkt key show --secret' prints it"},
	MKT_O_GROUP(struct import_values, seal, struct mkt_seal_values, mkt_seal_options),
	MKT_O_END
};

static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_seed(struct mkt_app *app, const char *from, uint8_t seed[MKT_SEED_LEN])
{
	struct mkt_buf b = MKT_BUF_INIT;
	int rc = mkt_file_read(from, 4 * MKT_SEED_LEN, &b, &app->err);

	while (!rc && b.len && b.data[b.len - 1] <= ' ')
		b.len--;
	if (!rc && b.len != 2 * MKT_SEED_LEN)
		rc = -MKT_EINVAL;
	for (size_t i = 0; !rc && i < MKT_SEED_LEN; i++) {
		int high = nibble(b.data[2 * i]), low = nibble(b.data[2 * i + 1]);

		if (high < 0 || low < 0)
			rc = -MKT_EINVAL;
		else
			seed[i] = (uint8_t)(high << 4 | low);
	}
	if (rc == -MKT_EINVAL)
		mkt_err_set(&app->err, MKT_EINVAL, "a secret is %d hexadecimal digits",
			    2 * MKT_SEED_LEN);
	if (b.cap)
		mkt_wipe(b.data, b.cap);
	mkt_buf_release(&b);
	return rc;
}

static int import_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct import_values *v = values;
	uint8_t seed[MKT_SEED_LEN];
	struct mkt_pubkey pub;
	struct mkt_seckey sec;
	int rc = read_seed(app, v->from, seed);

	if (rc < 0)
		return rc;
	mkt_keypair(&pub, &sec, seed);
	mkt_wipe(seed, sizeof(seed));
	rc = write_key(app, &v->seal, argc ? argv[0] : NULL, &sec);
	mkt_wipe(&sec, sizeof(sec));
	return rc;
}

/* ---- show --------------------------------------------------------------------------------- */

struct show_values {
	bool secret;
};

static const struct mkt_opt show_opts[] = {
	MKT_O_FLAG(struct show_values, secret, "secret", 0,
		   "print the secret; to a terminal, or a file that only you can read"),
	MKT_O_END
};

/* Where a secret may go.  A pipe may end anywhere: no. */
static int check_private_stdout(struct mkt_app *app)
{
	struct stat st;

	if (app->term.out_tty)
		return 0;
	if (!fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode) && !(st.st_mode & 077))
		return 0;
	mkt_err_set(&app->err, MKT_EDENIED, "a secret key is not written where others may read it");
	mkt_err_hint(&app->err, "use a terminal, or a file made with 'umask 077'");
	return -MKT_EDENIED;
}

static int show_secret(struct mkt_app *app, const char *path)
{
	struct mkt_buf b = MKT_BUF_INIT;
	uint8_t seed[MKT_SEED_LEN];
	struct mkt_seckey sec;
	int rc = check_private_stdout(app);

	if (!rc)
		rc = mkt_identity_open(app, path, &sec);
	if (rc < 0)
		return rc;
	mkt_seckey_seed(&sec, seed);
	mkt_buf_addhex(&b, seed, sizeof(seed));
	mkt_buf_addch(&b, '\n');
	app->out.paging = false;
	mkt_out_raw(&app->out, b.data, b.len);
	mkt_out_flush(&app->out);
	mkt_wipe(app->out.buf.data, app->out.buf.cap);
	mkt_wipe(b.data, b.cap);
	mkt_buf_release(&b);
	mkt_wipe(seed, sizeof(seed));
	mkt_wipe(&sec, sizeof(sec));
	return 0;
}

static int show_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct show_values *v = values;
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_val row[C_COUNT];
	struct mkt_keyfile key;
	struct seen s;
	int rc = mkt_identity_path(app, argc ? argv[0] : NULL, &path);

	if (!rc && v->secret) {
		rc = show_secret(app, mkt_buf_str(&path));
	} else if (!rc) {
		rc = mkt_identity_peek(app, mkt_buf_str(&path), &key);
		if (!rc) {
			see(&s, mkt_buf_str(&path), &key.pub, key.sealed);
			fill_row(&s, row);
			app->out.verbose = true;
			rc = mkt_out_one(&app->out, &key_doc, row, &app->err);
		}
	}
	mkt_buf_release(&path);
	return rc;
}

/* ---- list --------------------------------------------------------------------------------- */

static void list_one(void *arg, const char *name)
{
	struct mkt_app *app = arg;
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_val row[C_COUNT];
	struct mkt_keyfile key;
	struct mkt_err why = {0};
	struct seen s;

	if (mkt_identity_path(app, name, &path) < 0) {
		mkt_app_warn(app, "%s", app->err.text);
	} else if (mkt_keyfile_peek(mkt_buf_str(&path), &key, &why) < 0) {
		mkt_app_warn(app, "%s", why.text);
	} else {
		see(&s, mkt_buf_str(&path), &key.pub, key.sealed);
		fill_row(&s, row);
		mkt_out_row(&app->out, row);
	}
	mkt_buf_release(&path);
}

static int list_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	int rc = mkt_out_open(&app->out, &keys_doc, &app->err);

	(void)values, (void)argc, (void)argv;
	if (rc < 0)
		return rc;
	mkt_out_part(&app->out, &keys_table);
	rc = mkt_identity_each(app, list_one, app);
	mkt_out_close(&app->out);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static const struct mkt_spec key_subs[] = {
	{.name = "new",
	 .summary = "make a key",
	 .args = "[NAME]",
	 .opts = mkt_seal_options,
	 .values_size = sizeof(struct mkt_seal_values),
	 .run = new_run,
	 .args_max = 1},
	{.name = "show",
	 .summary = "show the account of a key",
	 .args = "[NAME]",
	 .complete = "key",
	 .opts = show_opts,
	 .values_size = sizeof(struct show_values),
	 .run = show_run,
	 .args_max = 1},
	{.name = "list", .summary = "list your keys", .run = list_run},
	{.name = "import",
	 .summary = "make a key file of a secret",
	 .args = "[NAME]",
	 .opts = import_opts,
	 .values_size = sizeof(struct import_values),
	 .run = import_run,
	 .args_max = 1},
	{.name = NULL},
};

const struct mkt_spec cmd_key = {
	.name = "key",
	.summary = "make and show the keys that sign",
	.subs = key_subs,
};
