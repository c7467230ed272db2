/*
 * Any request at a whole node, from where the HTTP server hands it over: paths,
 * queries, cursors, Last-Event-ID, bodies.  Envelopes posted as frames are
 * signed again, so that what is changed in them comes as far as the ledger.
 *
 * An input is "METHOD TARGET TYPE EVENT-ID\n" and the body; '-' stands for none,
 * and a method that begins with '@' comes over the network.  Whatever it is, the
 * status is one that mkt-api(7) knows and never that of a fault of ours, JSON is
 * JSON, a refusal names its code, streams give no more than asked for, and every
 * so often all invariants of the ledger are looked at.
 */
#include "core/base/compat.h"

#include <semaphore.h>
#include <sys/mman.h>

#include "core/codec/json.h"
#include "ledgerd/http.h"
#include "core/app/log.h"
#include "ledgerd/node.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/http.h"

#define SIGNED_HEIGHT_MAX 20000 /* signing again makes blocks: the chain ends here */
#define CHECK_EVERY 512
#define STREAM_READS 8

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Nothing here crashes the machine: blocks need not reach the disk. */
int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int msync(void *p, size_t n, int flags)
{
	(void)p, (void)n, (void)flags;
	return 0;
}

static struct world {
	struct node made;
	struct ld_conf conf;
	struct ld_node *node;
	uint64_t inputs;
} world;

struct call {
	struct ld_req req;
	sem_t woken;
};

/* ---- the server's part ---------------------------------------------------------------------- */

static void park(struct ld_req *r)
{
	(void)r;
}

static void wake(struct ld_req *r)
{
	struct call *c = (struct call *)(void *)r;

	sem_post(&c->woken);
}

static void serve(struct call *c)
{
	struct ld_req *r = &c->req;

	while ((r->resume ? r->resume(r) : ld_api(r)) == LD_PARKED)
		while (sem_wait(&c->woken) < 0)
			;
}

static void call_release(struct call *c)
{
	struct ld_req *r = &c->req;

	if (r->work && r->work_free)
		r->work_free(r->work);
	if (r->reply.stream)
		r->reply.stream->free(r->reply.stream);
	mkt_buf_release(&r->reply.body);
	mkt_buf_release(&r->body);
	sem_destroy(&c->woken);
}

static void call_init(struct call *c)
{
	memset(c, 0, sizeof(*c));
	sem_init(&c->woken, 0, 0);
	c->req.node = world.node;
	c->req.park = park;
	c->req.wake = wake;
}

/* ---- the request ---------------------------------------------------------------------------- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static char *unescape(char *text)
{
	char *to = text;

	for (char *p = text; *p; p++)
		if (*p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			*to++ = (char)(hex(p[1]) << 4 | hex(p[2]));
			p += 2;
		} else {
			*to++ = *p == '+' ? ' ' : *p;
		}
	*to = 0;
	return text;
}

static void take_params(struct ld_req *r, char *query)
{
	char *pair;

	while ((pair = strsep(&query, "&"))) {
		char *value = strchr(pair, '=');

		if (r->nparams == LD_PARAMS_MAX) {
			r->params_over = true;
			return;
		}
		if (value)
			*value++ = 0;
		r->params[r->nparams++] =
			(struct ld_param){unescape(pair), value ? unescape(value) : "", false};
	}
}

static const char *word(char **rest)
{
	const char *w = strsep(rest, " ");

	return w && strcmp(w, "-") != 0 ? w : NULL;
}

static bool take_head(struct ld_req *r, char *line)
{
	char *rest = line, *target, *query;

	r->method = word(&rest);
	target = strsep(&rest, " ");
	if (!r->method || !target)
		return false;
	r->door = *r->method == '@' ? LD_DOOR_USERS : LD_DOOR_LOCAL;
	r->method += r->door == LD_DOOR_USERS;
	r->type = word(&rest);
	r->last_event_id = word(&rest);
	query = strchr(target, '?');
	if (query)
		*query++ = 0;
	r->path = unescape(target);
	take_params(r, query);
	return true;
}

/* @p of @len bytes, but for its last 64, which become the signature of @account. */
static void sign(uint8_t *p, uint32_t len, uint32_t account, const char tag[16])
{
	struct mkt_buf text = MKT_BUF_INIT;
	struct mkt_sig sig;

	if (!account || account > HTTP_ACCOUNTS)
		return;
	mkt_buf_add(&text, tag, 16);
	mkt_buf_add(&text, p, len - MKT_SIG_LEN);
	mkt_sign(&sig, node_key(&world.made, account), text.data, text.len);
	memcpy(p + len - MKT_SIG_LEN, &sig, sizeof(sig));
	mkt_buf_release(&text);
}

/* Each frame that is long enough gets the signature of its account, but for the operator's. */
static void sign_again(struct mkt_buf *body, bool states)
{
	uint8_t *p = body->data, *end = p + body->len;

	while (end - p > 4) {
		uint32_t len = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			       (uint32_t)p[3] << 24;
		uint32_t account;
		const uint8_t *request;

		p += 4;
		if (len > (size_t)(end - p))
			break;
		if (states && len > MKT_SIG_LEN)
			sign(p, len, p[13], "mkt:sign-ts:v1:"); /* the signer is at byte 13 */
		else if (len > MKT_SIG_LEN && mkt_tx_peek(p, len, &account, &request) == 0)
			sign(p, len, account, "mkt:sign-tx:v1:");
		p += len;
	}
}

/* ---- what must hold ------------------------------------------------------------------------- */

static void check_status(const struct ld_reply *a)
{
	static const unsigned known[] = {200, 400, 403, 404, 405, 409,
					 413, 422, 429, 503, 504, 507};
	bool good = false;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(known); i++)
		good |= a->status == known[i];
	if (!good)
		fprintf(stderr, "status %u: %.500s\n", a->status, (const char *)a->body.data);
	FUZZ_CHECK(good);
}

static void check_json(const struct ld_reply *a)
{
	struct mkt_jdoc *doc;
	struct mkt_jval root, error;
	const char *code;
	struct mkt_err err = {0};

	FUZZ_CHECK(a->body.len && a->body.data[a->body.len - 1] == '\n');
	if (mkt_jdoc_parse(a->body.data, a->body.len, NULL, &doc, &err) < 0) {
		fprintf(stderr, "%s: %.2000s\n", err.text, (const char *)a->body.data);
		FUZZ_CHECK(false);
	}
	root = mkt_jdoc_root(doc);
	if (a->status >= 400 && a->status != 503) {
		FUZZ_CHECK(mkt_jget_obj(&root, "error", &error, &err) == 0);
		FUZZ_CHECK(mkt_jget_str(&error, "code", &code, NULL, &err) == 0 && *code);
	}
	mkt_jdoc_free(doc);
}

static void read_stream(struct ld_stream *s)
{
	char room[777];

	for (unsigned i = 0; i < STREAM_READS; i++) {
		ssize_t n = s->read(s, room, sizeof(room));

		FUZZ_CHECK(n != LD_STREAM_BROKEN && n <= (ssize_t)sizeof(room));
		if (n <= 0)
			break;
	}
}

static void check_ledger(void)
{
	struct mkt_err err = {0};

	ld_node_read(world.node);
	if (mkt_state_check(world.node->state, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		FUZZ_CHECK(false);
	}
	ld_node_unread(world.node);
}

/* ---- the node ------------------------------------------------------------------------------- */

static void end_world(void)
{
	ld_node_stop(world.node);
	check_ledger();
	ld_node_free(world.node);
	node_release(&world.made);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct mkt_err err = {0};
	struct call c;

	(void)argc, (void)argv;
	mkt_log_level(MKT_LOG_ERROR);
	node_make(&world.made, "http", http_tune);
	world.conf.refuse_free_bytes = world.conf.alarm_free_bytes = 1;
	snprintf(world.conf.dir, sizeof(world.conf.dir), "%s", world.made.chain_dir);
	snprintf(world.conf.key, sizeof(world.conf.key), "%s", world.made.key_file);
	if (ld_node_open(&world.conf, &world.node, &err) < 0)
		node_die("cannot open the node", &err);
	atexit(end_world);
	call_init(&c);
	c.req.method = "POST";
	c.req.path = "/v1/transactions";
	c.req.type = "application/octet-stream";
	http_world(&world.made, &c.req.body);
	serve(&c);
	FUZZ_CHECK(c.req.reply.status == 200);
	FUZZ_CHECK(!strstr(mkt_buf_str(&c.req.reply.body), "refused"));
	FUZZ_CHECK(strstr(mkt_buf_str(&c.req.reply.body), "CONTRACT") ||
		   mkt_state_next_exec(world.node->state) == 2);
	call_release(&c);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *eol = memchr(data, '\n', size);
	size_t head = eol ? (size_t)(eol - data) : size;
	char *line = strndup((const char *)data, head);
	struct call c;

	call_init(&c);
	if (line && take_head(&c.req, line)) {
		if (eol)
			mkt_buf_add(&c.req.body, eol + 1, size - head - 1);
		if (c.req.body.len && c.req.type &&
		    !strcmp(c.req.type, "application/octet-stream") &&
		    mkt_chain_height(world.node->chain) < SIGNED_HEIGHT_MAX)
			sign_again(&c.req.body, !strcmp(c.req.path, "/v1/telemetry"));
		serve(&c);
		check_status(&c.req.reply);
		if (c.req.reply.stream)
			read_stream(c.req.reply.stream);
		else if (!c.req.reply.type)
			check_json(&c.req.reply);
	}
	call_release(&c);
	free(line);
	if (++world.inputs % CHECK_EVERY == 0)
		check_ledger();
	return 0;
}
