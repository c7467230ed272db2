/*
 * A private chain and a real ledgerd for tests and measurements: made below
 * TMPDIR, talked to over its unix socket with a client that is nothing but a
 * socket, so that every byte and every connection is in the test's hand.
 */
#ifndef MKT_TESTS_NODE_H
#define MKT_TESTS_NODE_H

#include "core/base/compat.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "core/chain/chain.h"
#include "core/crypto/keyfile.h"
#include "core/ledger/tx.h"
#include "tests/rng.h"
#include "tests/tmpdir.h"

#define NODE_PATH_MAX (PATH_MAX + 64)
#define NODE_ANSWER_MS 60000 /* a test that waits longer has failed */

struct node {
	char dir[PATH_MAX];
	char chain_dir[NODE_PATH_MAX], key_file[NODE_PATH_MAX], sock[NODE_PATH_MAX];
	char listen[64];	 /* "": none */
	const char *const *more; /* further -o settings, NULL at the end; or NULL */
	pid_t pid;		 /* 0: not running */
	struct mkt_genesis g;
	struct mkt_hash id;
	struct mkt_seckey op;
	struct mkt_seckey *keys; /* of accounts 1 .. naccounts */
	uint32_t naccounts;
	uint64_t requests; /* makes request ids */
	uint64_t seed;
};

static inline uint64_t node_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline void node_die(const char *what, const struct mkt_err *err)
{
	printf("# %s: %s\n", what, err && err->text[0] ? err->text : strerror(errno));
	printf("Bail out! %s\n", what);
	fflush(stdout);
	exit(2);
}

static inline void node_seed(uint64_t n, uint8_t seed[MKT_SEED_LEN])
{
	struct rng r = {n};

	for (unsigned i = 0; i < MKT_SEED_LEN; i++)
		seed[i] = (uint8_t)rng_u64(&r);
}

/* A chain with the default genesis, no limits and room for changes by @tune before it is made. */
static inline void node_make(struct node *n, const char *name, void (*tune)(struct mkt_genesis *))
{
	uint8_t seed[MKT_SEED_LEN];
	struct mkt_err err = {0};
	struct mkt_buf bytes = MKT_BUF_INIT;

	memset(n, 0, sizeof(*n));
	if (mkt_crypto_init() < 0 || mkt_genesis_default(&n->g) < 0)
		node_die("no memory", NULL);
	tmpdir_make(n->dir, name);
	snprintf(n->chain_dir, sizeof(n->chain_dir), "%s/chain", n->dir);
	snprintf(n->key_file, sizeof(n->key_file), "%s/authority.key", n->dir);
	snprintf(n->sock, sizeof(n->sock), "%s/s", n->dir);
	n->seed = 1000;
	node_seed(n->seed, seed);
	snprintf(n->g.name, sizeof(n->g.name), "%s", name);
	mkt_keypair(&n->g.operator_key, &n->op, seed);
	n->g.authorities[0] = n->g.operator_key;
	n->g.nauthorities = 1;
	n->g.time_ms = node_ms(CLOCK_REALTIME);
	memset(n->g.limits, 0, sizeof(n->g.limits));
	if (tune)
		tune(&n->g);
	if (mkt_keyfile_create(n->key_file, &n->op, (struct mkt_pass){NULL, 0}, MKT_KDF_DEFAULT,
			       &err) < 0 ||
	    mkt_genesis_check(&n->g, &err) < 0 || mkt_chain_create(n->chain_dir, &n->g, &err) < 0)
		node_die("cannot make a chain", &err);
	mkt_genesis_enc(&n->g, &bytes);
	mkt_genesis_id(bytes.data, bytes.len, &n->id);
	mkt_buf_release(&bytes);
}

/* ---- the daemon ----------------------------------------------------------------------------- */

static inline void node_exec(const struct node *n, const char *notify)
{
	const char *build = getenv("BUILD");
	char args[8][NODE_PATH_MAX + 32], program[PATH_MAX];
	const char *argv[48] = {program};
	int at = 1;

	snprintf(program, sizeof(program), "%s/ledgerd", build ? build : "build");
	snprintf(args[0], sizeof(args[0]), "node.dir=%s", n->chain_dir);
	snprintf(args[1], sizeof(args[1]), "node.socket=%s", n->sock);
	snprintf(args[2], sizeof(args[2]), "node.listen=%s", n->listen);
	snprintf(args[3], sizeof(args[3]), "authority.key=%s", n->key_file);
	snprintf(args[4], sizeof(args[4]), "disk.refuse_free=1MB");
	snprintf(args[5], sizeof(args[5]), "disk.alarm_free=1MB");
	for (int i = 0; i < 6; i++) {
		argv[at++] = "-o";
		argv[at++] = args[i];
	}
	for (int i = 0; n->more && n->more[i] && at < 46; i++) {
		argv[at++] = "-o";
		argv[at++] = n->more[i];
	}
	argv[at] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves nothing behind */
	setenv("NOTIFY_SOCKET", notify, 1);
	execv(program, (char *const *)(uintptr_t)argv);
	perror(program);
	_exit(127);
}

/* Start it and wait until it says that it is ready; false if it ends or does not say so. */
static inline bool node_start(struct node *n)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char text[128] = "";
	struct pollfd pfd;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t until = node_ms(CLOCK_MONOTONIC) + NODE_ANSWER_MS;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.90s/ready", n->dir);
	unlink(sa.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		node_die("cannot make the readiness socket", NULL);
	fflush(stdout);
	n->pid = fork();
	if (!n->pid)
		node_exec(n, sa.sun_path);
	pfd = (struct pollfd){.fd = fd, .events = POLLIN};
	while (!strstr(text, "READY=1") && node_ms(CLOCK_MONOTONIC) < until) {
		ssize_t len;

		if (waitpid(n->pid, NULL, WNOHANG) == n->pid) {
			n->pid = 0;
			break;
		}
		if (poll(&pfd, 1, 100) <= 0)
			continue;
		len = recv(fd, text, sizeof(text) - 1, 0);
		text[len > 0 ? len : 0] = 0;
	}
	close(fd);
	return strstr(text, "READY=1");
}

/* End it; the wait status. */
static inline int node_end(struct node *n, int sig)
{
	int status = -1;

	if (n->pid <= 0)
		return -1;
	kill(n->pid, sig);
	waitpid(n->pid, &status, 0);
	n->pid = 0;
	return status;
}

static inline void node_release(struct node *n)
{
	if (n->pid > 0)
		node_end(n, SIGKILL);
	mkt_genesis_release(&n->g);
	free(n->keys);
	if (!getenv("MKT_KEEP"))
		tmpdir_remove(n->dir);
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

struct conn {
	int fd;
	struct mkt_buf in; /* bytes that came and were not taken */
};

static inline bool conn_open(struct conn *c, const struct node *n)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	*c = (struct conn){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s", n->sock);
	if (c->fd >= 0 && !connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)))
		return true;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	return false;
}

static inline void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	mkt_buf_release(&c->in);
}

/* n->listen: "127.0.0.1:PORT" */
static inline bool conn_open_tcp(struct conn *c, const struct node *n)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};

	*c = (struct conn){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	sa.sin_port = htons((uint16_t)strtoul(strchr(n->listen, ':') + 1, NULL, 10));
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (c->fd >= 0 && !connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)))
		return true;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	return false;
}

static inline bool conn_write(struct conn *c, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t k = send(c->fd, at, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		at += k;
		n -= (size_t)k;
	}
	return true;
}

/* More bytes into c->in; false at the end or when nothing comes. */
static inline bool conn_more(struct conn *c)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	ssize_t k;

	if (mkt_buf_grow(&c->in, 65536) < 0 || poll(&pfd, 1, NODE_ANSWER_MS) != 1)
		return false;
	k = recv(c->fd, c->in.data + c->in.len, 65536, 0);
	if (k <= 0)
		return false;
	c->in.len += (size_t)k;
	c->in.data[c->in.len] = 0;
	return true;
}

static inline void conn_drop(struct conn *c, size_t n)
{
	memmove(c->in.data, c->in.data + n, c->in.len - n);
	c->in.len -= n;
	c->in.data[c->in.len] = 0;
}

static inline bool conn_send(struct conn *c, const char *method, const char *path, const char *type,
			     const struct mkt_buf *body)
{
	struct mkt_buf head = MKT_BUF_INIT;
	bool ok;

	mkt_buf_addf(&head, "%s %s HTTP/1.1\r\nHost: mkt\r\n", method, path);
	if (body)
		mkt_buf_addf(&head, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, body->len);
	mkt_buf_addstr(&head, "\r\n");
	if (body)
		mkt_buf_add(&head, body->data, body->len);
	ok = conn_write(c, head.data, head.len);
	mkt_buf_release(&head);
	return ok;
}

/* Head of an answer: its status, with "Content-Length" in *length (-1: chunked).  0: none came. */
static inline int conn_head(struct conn *c, int64_t *length)
{
	char *end, *field;
	int status;

	while (!c->in.data || !(end = strstr((char *)c->in.data, "\r\n\r\n")))
		if (!conn_more(c))
			return 0;
	*end = 0;
	if (sscanf((char *)c->in.data, "HTTP/1.1 %d", &status) != 1)
		return 0;
	field = strcasestr((char *)c->in.data, "\r\nContent-Length: ");
	*length = field ? strtoll(field + 18, NULL, 10) : -1;
	conn_drop(c, (size_t)(end + 4 - (char *)c->in.data));
	return status;
}

/* One chunk's data appended to @out; 1 more may come, 0 the last, -1 broken. */
static inline int conn_chunk(struct conn *c, struct mkt_buf *out)
{
	size_t head, n;
	char *end;

	while (!c->in.data || !(end = strstr((char *)c->in.data, "\r\n")))
		if (!conn_more(c))
			return -1;
	n = strtoull((char *)c->in.data, NULL, 16);
	head = (size_t)(end + 2 - (char *)c->in.data);
	while (c->in.len < head + n + 2)
		if (!conn_more(c))
			return -1;
	mkt_buf_add(out, c->in.data + head, n);
	conn_drop(c, head + n + 2);
	return n ? 1 : 0;
}

/* A whole answer; the status, 0 if none came. */
static inline int conn_recv(struct conn *c, struct mkt_buf *body)
{
	int64_t length;
	int status = conn_head(c, &length), more = 1;

	mkt_buf_clear(body);
	if (!status)
		return 0;
	if (length < 0) {
		while (more > 0)
			more = conn_chunk(c, body);
		return more < 0 ? 0 : status;
	}
	while ((int64_t)c->in.len < length)
		if (!conn_more(c))
			return 0;
	mkt_buf_add(body, c->in.data, (size_t)length);
	if (c->in.data)
		conn_drop(c, (size_t)length);
	return status;
}

/* One request on a connection of its own. */
static inline int node_get(const struct node *n, const char *path, struct mkt_buf *body)
{
	struct conn c;
	int status = 0;

	if (conn_open(&c, n) && conn_send(&c, "GET", path, NULL, NULL))
		status = conn_recv(&c, body);
	conn_close(&c);
	return status;
}

static inline int node_post(const struct node *n, const char *path, const struct mkt_buf *body,
			    struct mkt_buf *answer)
{
	struct conn c;
	int status = 0;

	if (conn_open(&c, n) && conn_send(&c, "POST", path, "application/octet-stream", body))
		status = conn_recv(&c, answer);
	conn_close(&c);
	return status;
}

/* The text or number of the first member @key at or after @at in a JSON text; "" if there is none. */
static inline const char *json_member(const char *at, const char *key, char out[128])
{
	char pattern[64];
	const char *p;
	size_t n;

	snprintf(pattern, sizeof(pattern), "\"%s\":", key);
	p = at ? strstr(at, pattern) : NULL;
	out[0] = 0;
	if (!p)
		return out;
	p += strlen(pattern);
	p += *p == '"';
	n = strcspn(p, "\",}]");
	snprintf(out, 128, "%.*s", (int)(n < 127 ? n : 127), p);
	return out;
}

/* ---- envelopes ------------------------------------------------------------------------------ */

static inline const struct mkt_seckey *node_key(const struct node *n, uint32_t account)
{
	return account ? &n->keys[account - 1] : &n->op;
}

static inline void node_begin(struct node *n, struct mkt_tx_build *t, uint32_t account)
{
	struct mkt_tx_head head = {
		.chain = n->id,
		.account = account,
		.valid_until_s = (n->g.clock == MKT_CLOCK_OPERATOR ? n->g.time_ms
								   : node_ms(CLOCK_REALTIME)) /
					 1000 +
				 n->g.validity_s / 2,
	};

	n->requests++;
	memcpy(head.request, &n->requests, sizeof(n->requests));
	memcpy(head.request + 8, &n->seed, sizeof(n->seed));
	mkt_tx_begin(t, &head);
}

/* Sign and append as a frame. */
static inline void node_frame(struct node *n, struct mkt_tx_build *t, uint32_t account,
			      struct mkt_buf *out)
{
	struct mkt_err err = {0};
	uint8_t len[4];

	if (mkt_tx_end(t, node_key(n, account), &err) < 0)
		node_die("cannot build an envelope", &err);
	for (unsigned i = 0; i < 4; i++)
		len[i] = (uint8_t)(t->buf.len >> (8 * i));
	mkt_buf_add(out, len, 4);
	mkt_buf_add(out, t->buf.data, t->buf.len);
	mkt_tx_build_release(t);
}

/* One bid of one leg. */
static inline void node_bid(struct node *n, uint32_t account, const struct mkt_op_bid *bid,
			    const struct mkt_bid_leg *legs, struct mkt_buf *out)
{
	struct mkt_tx_build t = MKT_TX_BUILD_INIT;
	struct mkt_op op = {.kind = MKT_OP_BID, .account = account, .u.bid = *bid};

	node_begin(n, &t, account);
	mkt_tx_add(&t, &op, legs, NULL);
	node_frame(n, &t, account, out);
}

static inline void node_must_post(struct node *n, const struct mkt_buf *body)
{
	struct mkt_buf answer = MKT_BUF_INIT;
	int status = node_post(n, "/v1/transactions", body, &answer);

	if (status != 200 || strstr(mkt_buf_str(&answer), "\"refused\"")) {
		printf("# %d %.2000s\n", status, mkt_buf_str(&answer));
		node_die("the operator's transactions were not taken", NULL);
	}
	mkt_buf_release(&answer);
}

/* Keys of accounts 1 .. @count; envelopes that enroll them and give each @money_uc, as frames. */
static inline void node_enrolments(struct node *n, uint32_t count, int64_t money_uc,
				   struct mkt_buf *out)
{
	n->keys = calloc(count, sizeof(*n->keys));
	n->naccounts = count;
	for (uint32_t at = 0; at < count;) {
		struct mkt_tx_build t = MKT_TX_BUILD_INIT;

		node_begin(n, &t, 0);
		for (uint32_t k = 0; k < 400 && at < count; k++, at++) {
			struct mkt_op op = {.kind = MKT_OP_ENROLL};
			uint8_t seed[MKT_SEED_LEN];

			node_seed(n->seed + at + 1, seed);
			mkt_keypair(&op.u.enroll.key, &n->keys[at], seed);
			op.u.enroll.cls = MKT_CLASS_HOUSEHOLD;
			snprintf(op.u.enroll.name, sizeof(op.u.enroll.name), "house%04u", at + 1);
			mkt_tx_add(&t, &op, NULL, NULL);
			op = (struct mkt_op){.kind = MKT_OP_DEPOSIT};
			op.u.transfer.to = at + 1;
			op.u.transfer.money_uc = money_uc;
			mkt_tx_add(&t, &op, NULL, "start");
		}
		node_frame(n, &t, 0, out);
	}
}

/* Enroll accounts 1 .. @count and give each @money_uc. */
static inline void node_enroll(struct node *n, uint32_t count, int64_t money_uc)
{
	struct mkt_buf body = MKT_BUF_INIT;

	node_enrolments(n, count, money_uc, &body);
	node_must_post(n, &body);
	mkt_buf_release(&body);
}

#endif
