/*
 * mkt init: a private chain in one command.
 *
 * Everything is made in a directory beside the one asked for and renamed at the
 * end, so that a call that fails leaves nothing:
 *
 *	DIR/operator.key   signs what the operator does
 *	DIR/authority.key  seals blocks; ledgerd reads it.  Of several authorities made here:
 *	                   authority-a1.key, ...; none where the keys were made elsewhere
 *	DIR/chain/         genesis and block 0
 *	DIR/ledgerd.conf   for ledgerd -f; not for several authorities, each has its own
 *	DIR/mkt.conf       for mkt --config; the same goes into the user's own file
 */
#include "core/base/compat.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/genesis.h"
#include "cmd/identity.h"
#include "core/base/file.h"
#include "core/chain/chain.h"
#include "core/crypto/hash.h"

struct init_values {
	const char *socket;
	const char *listen;
	bool no_config;
	struct mkt_num authorities;
	struct mkt_list authority;
	int quorum;
	struct mkt_seal_values seal;
	struct mkt_genesis_values genesis;
};

static const struct mkt_opt init_opts[] = {
	MKT_O_FILE(struct init_values, socket, "socket", 0, "PATH",
		   "socket of ledgerd (default DIR/ledgerd.sock)"),
	MKT_O_TEXT(struct init_values, listen, "listen", 0, "ADDRESS", NULL,
		   "address and port of ledgerd besides; empty for none (default 127.0.0.1:7460)"),
	MKT_O_FLAG(struct init_values, no_config, "no-config", 0,
		   "leave your own configuration alone"),
	MKT_O_UINT(struct init_values, authorities, "authorities", 0, "N", 1, MKT_AUTHORITIES_MAX,
		   NULL, "make keys of so many authorities, a1, a2, ... (default 1)"),
	MKT_O_LIST(struct init_values, authority, "authority", 0, "[NAME=]KEY", NULL,
		   "an authority whose key was made elsewhere: a1=mkt1..., a2=mkt1..."),
	MKT_O_WORD(struct init_values, quorum, "quorum", 0, "majority|bft", "majority",
		   "how many authorities must sign a block"),
	MKT_O_GROUP(struct init_values, seal, struct mkt_seal_values, mkt_seal_options),
	MKT_O_GROUP(struct init_values, genesis, struct mkt_genesis_values, mkt_genesis_options),
	MKT_O_END
};

enum { C_CHAIN, C_NAME, C_DIR, C_OPERATOR, C_AUTHORITY, C_SERVER, C_CONFIG, C_LEDGERD, C_COUNT };

static const struct mkt_col init_cols[] = {
	[C_CHAIN] = {.name = "chain", .kind = MKT_COL_ID},
	[C_NAME] = {.name = "name", .kind = MKT_COL_TEXT},
	[C_DIR] = {.name = "dir", .kind = MKT_COL_TEXT},
	[C_OPERATOR] = {.name = "operator", .kind = MKT_COL_TEXT},
	[C_AUTHORITY] = {.name = "authority", .kind = MKT_COL_TEXT},
	[C_SERVER] = {.name = "server", .kind = MKT_COL_TEXT},
	[C_CONFIG] = {.name = "config", .kind = MKT_COL_TEXT},
	[C_LEDGERD] = {.name = "ledgerd_config", .kind = MKT_COL_TEXT},
	{.name = NULL},
};
static const struct mkt_table init_table = {"init", init_cols, true};
static const struct mkt_doc init_doc = {"init", 1, {&init_table}, false};

/* One chain in the making. */
struct making {
	struct mkt_app *app;
	const struct init_values *v;
	struct mkt_buf dir;    /* absolute: what it will be */
	struct mkt_buf temp;   /* where it is made */
	struct mkt_buf server; /* "unix:..." */
	struct mkt_genesis g;
	struct mkt_seckey operator_key, authority_keys[MKT_AUTHORITIES_MAX];
	unsigned nkeys; /* of authorities, made here */
	struct mkt_hash id;
	bool begun;            /* the temporary directory is there */
	bool own_config;       /* --config is needed: the user's file names another server */
};

/* ---- where -------------------------------------------------------------------------------- */

static int find_dir(struct making *m, const char *dir)
{
	struct mkt_app *app = m->app;
	char *here = NULL;
	int rc = 0;

	if (!dir) {
		rc = mkt_conf_dir(&app->conf, MKT_DIR_DATA, &m->dir, &app->err);
		mkt_buf_addstr(&m->dir, "/market");
	} else if (*dir != '/') {
		here = getcwd(NULL, 0);
		if (!here)
			return mkt_err_sys(&app->err, MKT_EIO, errno, "cannot tell where we are");
		mkt_buf_addf(&m->dir, "%s/%s", here, dir);
	} else {
		mkt_buf_addstr(&m->dir, dir);
	}
	free(here);
	while (m->dir.len > 1 && m->dir.data[m->dir.len - 1] == '/')
		m->dir.data[--m->dir.len] = 0;
	mkt_buf_addf(&m->temp, "%s.new%ld", mkt_buf_str(&m->dir), (long)getpid());
	if (!rc && (m->dir.bad || m->temp.bad))
		rc = mkt_err_code(&app->err, MKT_ENOMEM);
	return rc;
}

/* rename() takes an empty directory's place, nothing else's. */
static bool is_empty_dir(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return d && n <= 2; /* . and .. */
}

static int check_free(struct making *m)
{
	const char *dir = mkt_buf_str(&m->dir);

	if (access(dir, F_OK) < 0 || is_empty_dir(dir))
		return 0;
	mkt_err_set(&m->app->err, MKT_EEXISTS, "'%s' exists already and is not empty", dir);
	mkt_err_hint(&m->app->err, "name another directory: mkt init DIR");
	return -MKT_EEXISTS;
}

/* Paths are written into configuration files, which cannot hold everything. */
static int check_path(struct making *m)
{
	const char *dir = mkt_buf_str(&m->dir);

	if (m->dir.len + 32 > MKT_CONF_LINE_MAX)
		return mkt_err_set(&m->app->err, MKT_EUSAGE, "the path '%s' is too long", dir);
	if (strchr(dir, '\n') || strstr(dir, " ;") || dir[m->dir.len - 1] == ' ')
		return mkt_err_set(&m->app->err, MKT_EUSAGE,
				   "the path '%s' cannot stand in a configuration file", dir);
	return 0;
}

static int find_socket(struct making *m)
{
	struct sockaddr_un un;

	mkt_buf_addstr(&m->server, "unix:");
	if (m->v->socket)
		mkt_buf_addstr(&m->server, m->v->socket);
	else
		mkt_buf_addf(&m->server, "%s/ledgerd.sock", mkt_buf_str(&m->dir));
	if (m->v->socket && m->v->socket[0] != '/')
		return mkt_err_set(&m->app->err, MKT_EUSAGE,
				   "option '--socket' needs a path from the root");
	if (m->server.len - 5 < sizeof(un.sun_path))
		return 0;
	mkt_err_set(&m->app->err, MKT_EUSAGE, "socket path '%s' is longer than %zu bytes",
		    mkt_buf_str(&m->server) + 5, sizeof(un.sun_path) - 1);
	mkt_err_hint(&m->app->err, "give a shorter one with --socket");
	return -MKT_EUSAGE;
}

/* ---- making ------------------------------------------------------------------------------- */

static void new_key(struct mkt_seckey *sec, struct mkt_pubkey *pub)
{
	uint8_t seed[MKT_SEED_LEN];

	mkt_random(seed, sizeof(seed));
	mkt_keypair(pub, sec, seed);
	mkt_wipe(seed, sizeof(seed));
}

/* Whether one process does it all: ledgerd --role solo. */
static bool is_solo(const struct making *m)
{
	return m->nkeys == 1 && m->g.nauthorities == 1;
}

/* "mkt1..." or "a2=mkt1...": names are given by place, so that a wrong one is a mistake. */
static int take_authority(struct making *m, const char *text)
{
	struct mkt_genesis *g = &m->g;
	const char *key = strchr(text, '=');
	char name[16];

	if (g->nauthorities == MKT_AUTHORITIES_MAX)
		return mkt_app_usage(m->app, "a chain has at most %d authorities",
				     MKT_AUTHORITIES_MAX);
	snprintf(name, sizeof(name), "a%u", g->nauthorities + 1u);
	if (key && (strlen(name) != (size_t)(key - text) || strncmp(name, text, strlen(name)) != 0))
		return mkt_app_usage(m->app,
				     "authority %u of '--authority' is called '%s', not '%.*s'",
				     g->nauthorities + 1u, name, (int)(key - text), text);
	if (mkt_pubkey_parse(key ? key + 1 : text, &g->authorities[g->nauthorities]))
		return mkt_app_usage(m->app, "'%s' is no key (mkt1...)", key ? key + 1 : text);
	g->nauthorities++;
	return 0;
}

static int set_authorities(struct making *m)
{
	const struct init_values *v = m->v;
	int rc = 0;

	m->g.quorum = (uint8_t)(v->quorum - 1);
	if (v->authorities.given && v->authority.n)
		return mkt_app_usage(m->app, "--authorities and --authority exclude each other");
	for (size_t i = 0; !rc && i < v->authority.n; i++)
		rc = take_authority(m, v->authority.v[i]);
	if (rc || v->authority.n)
		return rc;
	m->nkeys = v->authorities.given ? (unsigned)v->authorities.v : 1;
	for (unsigned i = 0; i < m->nkeys; i++)
		new_key(&m->authority_keys[i], &m->g.authorities[i]);
	m->g.nauthorities = (uint8_t)m->nkeys;
	return 0;
}

static int make_genesis(struct making *m)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	int rc = mkt_genesis_from_options(m->app, &m->v->genesis, &m->g);

	if (rc < 0)
		return rc;
	new_key(&m->operator_key, &m->g.operator_key);
	rc = set_authorities(m);
	if (!rc)
		rc = mkt_genesis_check(&m->g, &m->app->err);
	mkt_genesis_enc(&m->g, &bytes);
	if (!rc && bytes.bad)
		rc = mkt_err_code(&m->app->err, MKT_ENOMEM);
	if (!rc)
		mkt_genesis_id(bytes.data, bytes.len, &m->id);
	mkt_buf_release(&bytes);
	return rc;
}

static int write_in(struct making *m, const char *name, const struct mkt_buf *text)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc;

	mkt_buf_addf(&path, "%s/%s", mkt_buf_str(&m->temp), name);
	if (text->bad || path.bad)
		rc = mkt_err_code(&m->app->err, MKT_ENOMEM);
	else
		rc = mkt_file_write(mkt_buf_str(&path), text->data, text->len,
				    (struct mkt_file_how){0644, true}, &m->app->err);
	mkt_buf_release(&path);
	return rc;
}

static int write_key(struct making *m, const char *name, const struct mkt_seckey *sec,
		     struct mkt_pass pass)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc;

	mkt_buf_addf(&path, "%s/%s", mkt_buf_str(&m->temp), name);
	rc = mkt_keyfile_create(mkt_buf_str(&path), sec, pass, MKT_KDF_DEFAULT, &m->app->err);
	mkt_buf_release(&path);
	return rc;
}

static int write_keys(struct making *m)
{
	char pass[MKT_PASSPHRASE_MAX + 1] = "";
	int rc = mkt_seal_passphrase(m->app, &m->v->seal, pass);

	if (!rc)
		rc = write_key(m, "operator.key", &m->operator_key,
			       (struct mkt_pass){pass, strlen(pass)});
	mkt_wipe(pass, sizeof(pass));
	/* ledgerd starts without a person: its key is not sealed. */
	for (unsigned i = 0; !rc && i < m->nkeys; i++) {
		char name[32] = "authority.key";

		if (m->nkeys > 1)
			snprintf(name, sizeof(name), "authority-a%u.key", i + 1);
		rc = write_key(m, name, &m->authority_keys[i], (struct mkt_pass){NULL, 0});
	}
	return rc;
}

static int write_configs(struct making *m)
{
	const char *dir = mkt_buf_str(&m->dir);
	struct mkt_buf b = MKT_BUF_INIT;
	int rc;

	mkt_buf_addf(&b,
		     "# The node of chain '%s': ledgerd -f %s/ledgerd.conf\n"
		     "[node]\nrole = solo\ndir = %s/chain\nsocket = %s\nlisten = %s\n\n"
		     "[authority]\nkey = %s/authority.key\n",
		     m->g.name, dir, dir, mkt_buf_str(&m->server) + 5,
		     m->v->listen ? m->v->listen : "127.0.0.1:7460", dir);
	rc = is_solo(m) ? write_in(m, "ledgerd.conf", &b) : 0;
	mkt_buf_clear(&b);
	mkt_buf_addf(&b,
		     "# The operator of chain '%s': mkt --config %s/mkt.conf\n"
		     "[core]\nserver = %s\nidentity = %s/operator.key\nstate = %s/state\n",
		     m->g.name, dir, mkt_buf_str(&m->server), dir, dir);
	if (!rc)
		rc = write_in(m, "mkt.conf", &b);
	mkt_buf_release(&b);
	return rc;
}

static int make_chain(struct making *m)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc;

	mkt_buf_addf(&path, "%s/chain", mkt_buf_str(&m->temp));
	rc = path.bad ? mkt_err_code(&m->app->err, MKT_ENOMEM) :
			mkt_chain_create(mkt_buf_str(&path), &m->g, &m->app->err);
	mkt_buf_release(&path);
	return rc;
}

static int make_all(struct making *m)
{
	const char *temp = mkt_buf_str(&m->temp), *dir = mkt_buf_str(&m->dir);
	int rc = mkt_dir_make(temp, 0700, &m->app->err);

	if (rc < 0)
		return rc;
	m->begun = true;
	rc = write_keys(m);
	if (!rc)
		rc = write_configs(m);
	if (!rc)
		rc = make_chain(m);
	if (!rc && rename(temp, dir) < 0)
		rc = mkt_err_sys(&m->app->err, MKT_EIO, errno, "cannot make '%s'", dir);
	if (!rc)
		m->begun = false;
	return rc;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void release(struct making *m)
{
	if (m->begun)
		nftw(mkt_buf_str(&m->temp), remove_one, 8, FTW_DEPTH | FTW_PHYS);
	mkt_genesis_release(&m->g);
	mkt_wipe(&m->operator_key, sizeof(m->operator_key));
	mkt_wipe(m->authority_keys, sizeof(m->authority_keys));
	mkt_buf_release(&m->dir);
	mkt_buf_release(&m->temp);
	mkt_buf_release(&m->server);
}

/* ---- the user's configuration ------------------------------------------------------------- */

static int set_user(struct making *m, const char *file, const char *name, const char *value)
{
	return mkt_conf_write(file, name, value, &m->app->err);
}

/* A user who has a server already keeps it. */
static int write_user_config(struct making *m)
{
	const struct mkt_conf_entry *e = mkt_conf_find(&m->app->conf, "core.server");
	struct mkt_buf file = MKT_BUF_INIT, key = MKT_BUF_INIT;
	int rc;

	m->own_config = m->v->no_config || (e && e->origin == MKT_ORIGIN_USER);
	if (m->own_config && !m->v->no_config)
		mkt_app_hint(m->app,
			     "your configuration names another server: use --config %s/mkt.conf",
			     mkt_buf_str(&m->dir));
	if (m->own_config || m->app->opt.dry_run)
		return 0;
	rc = mkt_app_config_path(m->app, &file);
	mkt_buf_addf(&key, "%s/operator.key", mkt_buf_str(&m->dir));
	if (!rc)
		rc = set_user(m, mkt_buf_str(&file), "core.server", mkt_buf_str(&m->server));
	if (!rc)
		rc = set_user(m, mkt_buf_str(&file), "core.identity", mkt_buf_str(&key));
	mkt_buf_release(&file);
	mkt_buf_release(&key);
	if (rc < 0)
		mkt_app_warn(m->app, "the chain is made, but your configuration is not: %s",
			     m->app->err.text);
	return 0;
}

/* ---- the command -------------------------------------------------------------------------- */

static void say_next(struct making *m)
{
	const char *dir = mkt_buf_str(&m->dir);
	char operator_text[MKT_PUBKEY_TEXT];
	struct mkt_buf id = MKT_BUF_INIT;

	if (m->app->out.quiet)
		return;
	mkt_pubkey_text(&m->g.operator_key, operator_text);
	mkt_buf_addhex(&id, m->id.b, sizeof(m->id.b));
	mkt_out_say(&m->app->out, "chain %s %s in %s%s\noperator %s\n", m->g.name, mkt_buf_str(&id),
		    dir, m->app->opt.dry_run ? " (dry run: not made)" : "", operator_text);
	if (!is_solo(m)) {
		mkt_out_say(&m->app->out, "%u authorities; next: mkt help operations\n",
			    m->g.nauthorities);
		mkt_buf_release(&id);
		return;
	}
	mkt_out_say(&m->app->out, "next:\n  ledgerd -f %s/ledgerd.conf &\n  mkt%s%s%s status\n",
		    dir, m->own_config ? " --config " : "", m->own_config ? dir : "",
		    m->own_config ? "/mkt.conf" : "");
	mkt_buf_release(&id);
}

static int tell(struct making *m)
{
	char operator_text[MKT_PUBKEY_TEXT], authority_text[MKT_PUBKEY_TEXT];
	struct mkt_buf config = MKT_BUF_INIT, ledgerd = MKT_BUF_INIT;
	struct mkt_val row[C_COUNT];
	int rc;

	if (m->app->out.form == MKT_FORM_HUMAN) {
		say_next(m);
		return 0;
	}
	if (m->app->out.quiet)
		return 0;
	mkt_pubkey_text(&m->g.operator_key, operator_text);
	mkt_pubkey_text(&m->g.authorities[0], authority_text);
	mkt_buf_addf(&config, "%s/mkt.conf", mkt_buf_str(&m->dir));
	mkt_buf_addf(&ledgerd, "%s/ledgerd.conf", mkt_buf_str(&m->dir));
	row[C_CHAIN] = mkt_v_bytes(m->id.b, sizeof(m->id.b));
	row[C_NAME] = mkt_v_text(m->g.name);
	row[C_DIR] = mkt_v_text(mkt_buf_str(&m->dir));
	row[C_OPERATOR] = mkt_v_text(operator_text);
	row[C_AUTHORITY] = mkt_v_text(authority_text);
	row[C_SERVER] = mkt_v_text(mkt_buf_str(&m->server));
	row[C_CONFIG] = mkt_v_text(mkt_buf_str(&config));
	row[C_LEDGERD] = is_solo(m) ? mkt_v_text(mkt_buf_str(&ledgerd)) : mkt_v_none();
	rc = mkt_out_one(&m->app->out, &init_doc, row, &m->app->err);
	mkt_buf_release(&config);
	mkt_buf_release(&ledgerd);
	return rc;
}

static int init_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	struct making m = {.app = app, .v = values};
	int rc = mkt_out_check(&app->out, &init_doc, &app->err);

	if (!rc)
		rc = find_dir(&m, argc ? argv[0] : NULL);
	if (!rc)
		rc = check_path(&m);
	if (!rc)
		rc = find_socket(&m);
	if (!rc)
		rc = make_genesis(&m);
	if (!rc)
		rc = check_free(&m);
	if (!rc && !app->opt.dry_run)
		rc = make_all(&m);
	if (!rc)
		rc = write_user_config(&m);
	if (!rc)
		rc = tell(&m);
	if (rc < 0)
		mkt_err_wrap(&app->err, "cannot make a chain");
	release(&m);
	return rc;
}

const struct mkt_spec cmd_init = {
	.name = "init",
	.summary = "make a private chain with keys and configuration",
	.args = "[DIR]",
	.about = "DIR is $XDG_DATA_HOME/mkt/market unless given.",
	.complete = "directory",
	.opts = init_opts,
	.values_size = sizeof(struct init_values),
	.run = init_run,
	.args_max = 1,
};
