/*
 * liar DIR KEY SOCKET HEIGHT WHAT: a node that serves the chain at DIR, but for one block:
 *
 *   votes   the signature of its authority is wrong
 *   body    a transaction is not the one of the root
 *   tx      a transaction's signature is wrong, and the authority has signed that
 *   state   the state digest is wrong, and the authority has signed that
 *   prev    it names another block before it, and the authority has signed that
 *
 * One process a connection, one answer a connection.  Ends with its parent.
 */
#include "core/base/compat.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/chain/chain.h"
#include "core/chain/merkle.h"
#include "core/codec/enc.h"
#include "core/crypto/keyfile.h"
#include "core/store/segment.h"

struct liar {
	struct mkt_chain *c;
	struct mkt_seckey key;
	uint64_t height;
	const char *what;
};

static void die(const char *what, const struct mkt_err *err)
{
	fprintf(stderr, "liar: %s: %s\n", what, err && err->text[0] ? err->text : "fault");
	exit(2);
}

static void put(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t k = send(fd, at, n, MSG_NOSIGNAL);

		if (k <= 0)
			exit(0);
		at += k;
		n -= (size_t)k;
	}
}

/* The last byte of the first transaction: of its signature. */
static void spoil_tx(const struct mkt_buf *bytes, const struct mkt_block *b)
{
	const uint8_t *at = NULL, *tx;
	uint32_t len;

	if (!mkt_block_next_tx(b, &at, &tx, &len))
		die("the block has no transaction", NULL);
	bytes->data[(size_t)(tx - bytes->data) + len - 1] ^= 1;
}

static void root_of(const struct mkt_block *b, struct mkt_hash *root)
{
	struct mkt_hash *leaves = malloc((b->h.ntxs + 1u) * sizeof(*leaves));

	if (!leaves)
		die("no memory", NULL);
	mkt_block_tx_leaves(b, leaves);
	mkt_merkle_root(leaves, b->h.ntxs, root);
	free(leaves);
}

/* The block again, with header @h signed anew. */
static void sign_again(const struct liar *l, struct mkt_buf *bytes, const struct mkt_header *h)
{
	struct mkt_buf out = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_hash hash;
	struct mkt_sig sig;
	struct mkt_err err;
	size_t used;

	if (mkt_block_dec_head(bytes->data, bytes->len, &b, &used, &err) < 0)
		die("block", &err);
	mkt_header_hash(h, &hash);
	mkt_header_sign(&hash, &l->key, &sig);
	mkt_header_enc(h, &out);
	mkt_enc_u8(&out, 1);
	mkt_enc_u16(&out, h->authority);
	mkt_enc_bytes(&out, sig.b, sizeof(sig.b));
	mkt_buf_add(&out, bytes->data + used, bytes->len - used);
	mkt_buf_release(bytes);
	*bytes = out;
}

static void lie(const struct liar *l, struct mkt_buf *bytes)
{
	struct mkt_block b;
	struct mkt_err err;

	if (mkt_block_dec(bytes->data, bytes->len, &b, &err) < 0)
		die("block", &err);
	if (!strcmp(l->what, "votes")) {
		bytes->data[MKT_HEADER_BYTES + 1 + 2] ^= 1;
		return;
	}
	if (!strcmp(l->what, "state"))
		b.h.state.b[0] ^= 1;
	else if (!strcmp(l->what, "prev"))
		b.h.prev.b[0] ^= 1;
	else
		spoil_tx(bytes, &b);
	if (!strcmp(l->what, "body"))
		return;
	root_of(&b, &b.h.tx_root);
	sign_again(l, bytes, &b.h);
}

static void put_chain(const struct liar *l, int fd, const char *query)
{
	const char *from = strstr(query, "from=");
	uint64_t at = from ? strtoull(from + 5, NULL, 10) : 0;
	struct mkt_buf bytes = MKT_BUF_INIT, record = MKT_BUF_INIT, len = MKT_BUF_INIT;
	struct mkt_err err;

	for (; at <= mkt_chain_height(l->c); at++) {
		if (mkt_chain_read(l->c, at, &bytes, &err) < 0)
			die("read", &err);
		if (at == l->height)
			lie(l, &bytes);
		mkt_buf_clear(&record);
		mkt_buf_clear(&len);
		if (mkt_record_pack(at, 0, bytes.data, bytes.len, &record, &err) < 0)
			die("pack", &err);
		mkt_enc_u32(&len, (uint32_t)record.len);
		put(fd, len.data, len.len);
		put(fd, record.data, record.len);
	}
	exit(0);
}

static void put_status(const struct liar *l, int fd)
{
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_buf_addf(&b, "{\"data\":{\"height\":%llu,\"chain\":\"",
		     (unsigned long long)mkt_chain_height(l->c));
	mkt_buf_addhex(&b, mkt_chain_id(l->c)->b, MKT_HASH_LEN);
	mkt_buf_addstr(&b, "\"}}\n");
	put(fd, b.data, b.len);
	exit(0);
}

static void serve(const struct liar *l, int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
	static const char none[] = "HTTP/1.1 503 no\r\nConnection: close\r\n\r\n";
	char request[4096] = "";
	size_t n = 0;

	while (!strstr(request, "\r\n\r\n") && n < sizeof(request) - 1) {
		ssize_t k = recv(fd, request + n, sizeof(request) - 1 - n, 0);

		if (k <= 0)
			exit(0);
		n += (size_t)k;
		request[n] = 0;
	}
	if (!strncmp(request, "GET /v1/chain", 13)) {
		*strstr(request, "\r\n") = 0;
		put(fd, head, sizeof(head) - 1);
		put_chain(l, fd, request);
	} else if (!strncmp(request, "GET /v1/status", 14)) {
		put(fd, head, sizeof(head) - 1);
		put_status(l, fd);
	}
	put(fd, none, sizeof(none) - 1);
	exit(0);
}

int main(int argc, char **argv)
{
	struct mkt_chain_open how = {.read_only = true};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct liar l = {0};
	struct mkt_err err = {0};
	int fd;

	if (argc != 6) {
		fprintf(stderr, "usage: liar DIR KEY SOCKET HEIGHT WHAT\n");
		return 2;
	}
	l.height = strtoull(argv[4], NULL, 10);
	l.what = argv[5];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	if (mkt_crypto_init() < 0 || mkt_chain_open(argv[1], &how, &l.c, &err) < 0 ||
	    mkt_keyfile_load(argv[2], (struct mkt_pass){NULL, 0}, &l.key, &err) < 0)
		die(argv[1], &err);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s", argv[3]);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 16) < 0)
		die(argv[3], NULL);
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c < 0)
			continue;
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			serve(&l, c);
		}
		close(c);
	}
}
