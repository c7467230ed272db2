/* A private chain and the ledgerd that keeps it: made, started, ended, removed. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/sim.h"
#include "core/base/file.h"
#include "core/chain/chain.h"
#include "core/crypto/keyfile.h"

#define READY_MS 15000 /* ledgerd answers after this, or something is wrong */
#define TRY_MS 250     /* between looks at whether it still lives */
#define STOP_MS 20000  /* it seals and syncs before it ends */
#define NAP_US 2000
#define TMPDIR_MAX 60 /* bytes: the path of a socket has 107 */
#define NUMBER_AUTHORITY UINT64_MAX
#define NUMBER_OPERATOR 0
#define RETENTION_S 7200 /* settled contracts are read once, soon after */

void sim_key(uint64_t seed, uint64_t number, struct mkt_pubkey *pub, struct mkt_seckey *sec)
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_hash h;

	mkt_buf_addstr(&b, "mkt sim");
	mkt_enc_u64(&b, seed);
	mkt_enc_u64(&b, number);
	mkt_hash(&h, MKT_DOM_KEY, b.data, b.len);
	mkt_keypair(pub, sec, h.b);
	mkt_buf_release(&b);
}

/* ---- directories -------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void remove_tree(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Socket paths are short, so the private directory is not below --keep. */
static int make_run_dir(struct sim_chain *c)
{
	const char *tmp = getenv("TMPDIR");
	uint64_t name;
	int e;

	if (!tmp || !tmp[0] || strlen(tmp) > TMPDIR_MAX)
		tmp = "/tmp";
	do {
		mkt_random(&name, sizeof(name));
		snprintf(c->run, sizeof(c->run), "%s/mkt-sim.%016llx", tmp,
			 (unsigned long long)name);
		e = mkdir(c->run, 0700) < 0 ? errno : 0;
	} while (e == EEXIST);
	if (!e)
		return 0;
	c->run[0] = '\0';
	return mkt_err_sys(&c->app->err, MKT_EIO, e, "cannot make a directory in '%s'", tmp);
}

static int name_chain_dir(struct sim_chain *c, const char *keep)
{
	int n;

	c->keep = keep != NULL;
	n = keep ? snprintf(c->dir, sizeof(c->dir), "%s", keep)
		 : snprintf(c->dir, sizeof(c->dir), "%.480s/chain", c->run);
	if ((size_t)n >= sizeof(c->dir))
		return mkt_err_set(&c->app->err, MKT_EUSAGE, "the path '%.80s...' is too long",
				   keep);
	if (c->dir[0] != '/') { /* ledgerd may stand elsewhere */
		char here[SIM_PATH_MAX], path[SIM_PATH_MAX];

		if (!getcwd(here, sizeof(here)) ||
		    (size_t)snprintf(path, sizeof(path), "%s/%s", here, c->dir) >= sizeof(path))
			return mkt_err_set(&c->app->err, MKT_EUSAGE,
					   "the path of '%.80s' is too long", keep);
		memcpy(c->dir, path, sizeof(path));
	}
	return 0;
}

/* ---- the chain ---------------------------------------------------------------------- */

/* --resume: the chain that stands there must be of this run. */
static int same_genesis(struct sim_chain *c)
{
	struct mkt_buf want = MKT_BUF_INIT, have = MKT_BUF_INIT;
	char path[SIM_PATH_MAX + 16];
	int rc;

	mkt_genesis_enc(&c->genesis, &want);
	snprintf(path, sizeof(path), "%s/genesis", c->dir);
	rc = mkt_file_read(path, 1u << 20, &have, &c->app->err);
	if (!rc && (want.bad || want.len != have.len || memcmp(want.data, have.data, want.len)))
		rc = mkt_err_set(&c->app->err, MKT_EUSAGE,
				 "the chain in '%.200s' is of another run", c->dir);
	mkt_buf_release(&want);
	mkt_buf_release(&have);
	return rc;
}

static int make_genesis(struct sim_chain *c, const struct sim_chain_conf *conf)
{
	struct mkt_genesis *g = &c->genesis;
	struct mkt_seckey authority;
	struct mkt_buf bytes = MKT_BUF_INIT;
	char path[SIM_PATH_MAX + 16];
	int rc = mkt_genesis_default(g);

	if (rc < 0)
		return mkt_err_code(&c->app->err, -rc);
	snprintf(g->name, sizeof(g->name), "sim");
	snprintf(g->zone, sizeof(g->zone), "%s", conf->zone);
	g->time_ms = conf->time_s * 1000;
	g->clock = MKT_CLOCK_OPERATOR;
	/* Blocks end where a post ends, never because a machine was slow. */
	g->interval_ms = 60000;
	g->heartbeat_s = 0;
	g->retention_s = RETENTION_S;
	memset(g->limits, 0, sizeof(g->limits));
	sim_key(conf->seed, NUMBER_OPERATOR, &g->operator_key, &c->operator_key);
	g->nauthorities = 1;
	sim_key(conf->seed, NUMBER_AUTHORITY, &g->authorities[0], &authority);
	snprintf(path, sizeof(path), "%s/authority.key", c->run);
	rc = mkt_genesis_check(g, &c->app->err);
	if (!rc)
		rc = mkt_keyfile_create(path, &authority, (struct mkt_pass){NULL, 0},
					MKT_KDF_DEFAULT, &c->app->err);
	mkt_wipe(&authority, sizeof(authority));
	if (rc < 0)
		return rc;
	mkt_genesis_enc(g, &bytes);
	mkt_genesis_id(bytes.data, bytes.len, &c->id);
	mkt_buf_release(&bytes);
	return conf->resume ? same_genesis(c) : mkt_chain_create(c->dir, g, &c->app->err);
}

static int write_conf(struct sim_chain *c)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char path[SIM_PATH_MAX + 16];
	int rc;

	mkt_buf_addf(&b, "[node]\nrole=solo\ndir=%s\nsocket=%s/sock\nsocket_mode=0600\nlisten=\n",
		     c->dir, c->run);
	mkt_buf_addf(&b, "[authority]\nkey=%s/authority.key\n", c->run);
	snprintf(path, sizeof(path), "%s/ledgerd.conf", c->run);
	rc = b.bad ? mkt_err_code(&c->app->err, MKT_ENOMEM)
		   : mkt_file_write(path, b.data, b.len, (struct mkt_file_how){0600, true},
				    &c->app->err);
	mkt_buf_release(&b);
	return rc;
}

/* ---- ledgerd ------------------------------------------------------------------------ */

static bool runs(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int sim_find(struct mkt_app *app, const char *given, const char *name, char *out, size_t size)
{
	static const char *const beside[] = {"", "../sbin/", "../libexec/mkt/"};
	const char *libexec = getenv("MKT_EXEC_PATH");
	char self[SIM_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (given) {
		if (!runs(given))
			return mkt_err_set(&app->err, MKT_EUSAGE, "'%s' is no program", given);
		snprintf(out, size, "%s", given);
		return 0;
	}
	if (libexec && libexec[0]) {
		snprintf(out, size, "%s/%s", libexec, name);
		if (runs(out))
			return 0;
	}
	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < MKT_ARRAY_SIZE(beside); i++) {
		snprintf(out, size, "%.*s/%s%s", (int)(slash - self), self, beside[i], name);
		if (runs(out))
			return 0;
	}
	snprintf(out, size, "%s", name);
	return 0;
}

/* In the child: quiet, in a group of its own so that Ctrl-C is ours, and gone when we are. */
_Noreturn static void become(struct sim_chain *c, const char *path, pid_t parent)
{
	char conf[SIM_PATH_MAX + 16], log[SIM_PATH_MAX + 16];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), out;
	sigset_t none;

	snprintf(conf, sizeof(conf), "%s/ledgerd.conf", c->run);
	snprintf(log, sizeof(log), "%s/ledgerd.log", c->run);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (null >= 0 && out >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 &&
	    dup2(out, 2) == 2 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
		execlp(path, "ledgerd", "-d", "-f", conf, (char *)NULL);
	_exit(127);
}

/* Cut the last line off @text[0..end); the beginning of it. */
static size_t last_line(const char *text, size_t *end)
{
	size_t begin;

	while (*end && text[*end - 1] == '\n')
		--*end;
	for (begin = *end; begin && text[begin - 1] != '\n'; begin--)
		;
	return begin;
}

/* The last line of ledgerd's log that is not a hint. */
static void last_words(const struct sim_chain *c, char *out, size_t size)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char path[SIM_PATH_MAX + 16];
	const char *text;
	size_t end, begin;

	snprintf(path, sizeof(path), "%s/ledgerd.log", c->run);
	out[0] = '\0';
	if (mkt_file_read(path, 16u << 20, &b, NULL) == 0) {
		text = mkt_buf_str(&b);
		end = b.len;
		begin = last_line(text, &end);
		if (begin && strstr(text + begin, "hint: ")) {
			end = begin;
			begin = last_line(text, &end);
		}
		snprintf(out, size, "%.*s", (int)(end - begin < 200 ? end - begin : 200),
			 text + begin);
	}
	mkt_buf_release(&b);
}

static int tell_end(struct sim_chain *c, int status)
{
	char words[208];

	last_words(c, words, sizeof(words));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		mkt_err_set(&c->app->err, MKT_EUNAVAILABLE, "cannot run ledgerd");
	else if (WIFEXITED(status))
		mkt_err_set(&c->app->err, MKT_EUNAVAILABLE, "ledgerd ended with status %d%s%s",
			    WEXITSTATUS(status), words[0] ? ": " : "", words);
	else
		mkt_err_set(&c->app->err, MKT_EUNAVAILABLE, "ledgerd was ended by signal %d%s%s",
			    WTERMSIG(status), words[0] ? ": " : "", words);
	mkt_err_hint(&c->app->err, "see --ledgerd in mkt-sim(1)");
	return -MKT_EUNAVAILABLE;
}

int sim_chain_alive(struct sim_chain *c, uint32_t wait_ms)
{
	uint64_t until = mkt_app_mono_ms() + wait_ms;
	int status;

	if (!c->pid)
		return 0;
	while (waitpid(c->pid, &status, WNOHANG) != c->pid) {
		if (mkt_app_mono_ms() >= until)
			return 0;
		usleep(NAP_US);
	}
	c->pid = 0;
	return tell_end(c, status);
}

static int connect_to(struct sim_chain *c)
{
	char server[SIM_PATH_MAX + 16];
	struct mkt_client_conf conf = {
		.server = server, .timeout_ms = TRY_MS, .connect_ms = TRY_MS, .agent = "mkt-sim/1"};
	uint64_t until = mkt_app_mono_ms() + READY_MS;
	struct mkt_answer a = MKT_ANSWER_INIT;
	int rc, alive;

	snprintf(server, sizeof(server), "unix:%s/sock", c->run);
	rc = mkt_client_new(&conf, &c->client, &c->app->err);
	if (rc < 0)
		return rc;
	do {
		mkt_client_restart(c->client, TRY_MS);
		rc = mkt_api_get(c->client, "/v1/status", &a, &c->app->err);
		mkt_answer_release(&a);
		alive = sim_chain_alive(c, 0);
		if (alive < 0)
			return alive;
	} while (rc < 0 && mkt_app_mono_ms() < until && !mkt_app_stopped());
	if (rc < 0)
		return mkt_err_wrap(&c->app->err, "ledgerd does not answer");
	return 0;
}

int sim_chain_start(struct sim_chain *c, struct mkt_app *app, const struct sim_chain_conf *conf)
{
	char path[SIM_PATH_MAX];
	pid_t self = getpid();
	int rc;

	memset(c, 0, sizeof(*c));
	c->app = app;
	if ((rc = sim_find(app, conf->ledgerd, "ledgerd", path, sizeof(path))) < 0 ||
	    (rc = make_run_dir(c)) < 0)
		return rc;
	if ((rc = name_chain_dir(c, conf->keep)) < 0 || (rc = make_genesis(c, conf)) < 0 ||
	    (rc = write_conf(c)) < 0)
		return rc;
	c->pid = fork();
	if (c->pid < 0) {
		c->pid = 0;
		return mkt_err_sys(&app->err, MKT_EIO, errno, "cannot start a process");
	}
	if (!c->pid)
		become(c, path, self);
	return connect_to(c);
}

/* Wait for the end of ledgerd; false if it takes longer than STOP_MS. */
static bool wait_end(struct sim_chain *c, int *status)
{
	uint64_t until = mkt_app_mono_ms() + STOP_MS;

	while (waitpid(c->pid, status, WNOHANG) != c->pid) {
		if (mkt_app_mono_ms() > until)
			return false;
		usleep(NAP_US);
	}
	return true;
}

int sim_chain_stop(struct sim_chain *c)
{
	int status = 0;

	mkt_client_free(c->client); /* or it would wait for our connection */
	c->client = NULL;
	if (!c->pid)
		return 0;
	kill(c->pid, SIGTERM);
	if (!wait_end(c, &status)) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, &status, 0);
	}
	c->pid = 0;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : tell_end(c, status);
}

void sim_chain_release(struct sim_chain *c)
{
	struct mkt_err err = c->app ? c->app->err : (struct mkt_err){0};

	if (c->app && sim_chain_stop(c) < 0 && err.code)
		c->app->err = err; /* what went wrong first is told */
	if (c->run[0])
		remove_tree(c->run);
	c->run[0] = '\0';
	mkt_wipe(&c->operator_key, sizeof(c->operator_key));
	mkt_genesis_release(&c->genesis);
}
