/* Fetching: records of the upstream in use, taken apart, into pages. */
#include "core/base/compat.h"

#include <time.h>

#include "core/app/log.h"
#include "core/codec/json.h"
#include "core/store/segment.h"
#include "ledgerd/ingest_impl.h"

#define ASK_MS 3000u
#define QUICK_MS 100u
#define BACKOFF_MS_MIN 50u
#define BACKOFF_MS_MAX 2000u
#define RECORD_BYTES_MAX (MKT_BLOCK_BYTES_MAX + (1u << 20)) /* stored, at its worst */
#define KEEP_BYTES (1u << 20) /* of what is not whole yet, when it is empty again */

/* One upstream, for as long as it is good. */
struct fetch {
	struct ld_ingest *in;
	struct mkt_client *client;
	const char *url;
	unsigned round;
	uint64_t next;
	struct ld_page *page; /* being filled; NULL: none */
	struct mkt_buf bytes; /* records that are not whole yet */
	size_t at;	      /* of it, taken */
	uint64_t came;	      /* blocks of this request */
	struct mkt_err err;   /* why the sink ended it */
};

/* ---- upstreams ----------------------------------------------------------------------------- */

int ld_upstream_split(const char *list, const char *urls[LD_UPSTREAMS_MAX], unsigned *n,
		      char **texts, struct mkt_err *err)
{
	char *save = NULL;

	*n = 0;
	*texts = strdup(list);
	if (!*texts)
		return mkt_err_code(err, MKT_ENOMEM);
	for (char *at = strtok_r(*texts, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
		if (*n == LD_UPSTREAMS_MAX)
			break;
		urls[(*n)++] = at;
	}
	if (*n && *n < LD_UPSTREAMS_MAX)
		return 0;
	free(*texts);
	*texts = NULL;
	return mkt_err_set(err, MKT_EINVAL, "'urls' in [upstream] has none, or more than %u",
			   LD_UPSTREAMS_MAX - 1);
}

int ld_upstream_client(const struct ld_conf *conf, const char *url,
		       const volatile sig_atomic_t *stop, struct mkt_client **out,
		       struct mkt_err *err)
{
	struct mkt_client_conf c = {
		.server = url,
		.connect_ms = 1,
		.agent = "ledgerd/1",
		.stop = stop,
	};

	if (conf->peer_ca[0])
		c.tls = (struct mkt_tls){
			.ca = conf->peer_ca, .cert = conf->peer_cert, .key = conf->peer_key};
	return mkt_client_new(&c, out, err);
}

int ld_upstream_ask(struct mkt_client *c, struct ld_upstream_status *out, struct mkt_err *err)
{
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root, data;
	int res;

	mkt_client_restart(c, ASK_MS);
	res = mkt_client_get(c, "/v1/status", &body, err);
	if (!res)
		res = mkt_jdoc_parse(body.data, body.len, NULL, &doc, err);
	if (!res) {
		root = mkt_jdoc_root(doc);
		res = mkt_jget_obj(&root, "data", &data, err);
		if (!res)
			res = mkt_jget_hex(&data, "chain", out->chain.b, MKT_HASH_LEN, err);
		if (!res)
			res = mkt_jget_u64(&data, "height", UINT64_MAX, &out->height, err);
		mkt_jdoc_free(doc);
	}
	mkt_buf_release(&body);
	return res;
}

/* ---- pages --------------------------------------------------------------------------------- */

static bool over(const struct fetch *f)
{
	return f->in->stop || f->in->round != f->round;
}

/* With in->mu: the page goes to the executor. */
static void hand_over(struct fetch *f)
{
	struct ld_ingest *in = f->in;
	struct ld_page *p = f->page;

	p->next = NULL;
	if (in->ready_tail)
		in->ready_tail->next = p;
	else
		in->ready_head = p;
	in->ready_tail = p;
	in->next = f->next;
	in->hungry = false;
	f->page = NULL;
	pthread_cond_broadcast(&in->changed);
}

/* A page to fill; waits.  False: the end, or what was fetched is void. */
static bool need_page(struct fetch *f)
{
	struct ld_ingest *in = f->in;

	if (f->page)
		return true;
	pthread_mutex_lock(&in->mu);
	in->byte_ms = 0; /* it is us who make the upstream wait */
	while (!in->free && !over(f))
		pthread_cond_wait(&in->changed, &in->mu);
	in->byte_ms = ld_mono_ms();
	if (!over(f)) {
		f->page = in->free;
		in->free = f->page->next;
	}
	pthread_mutex_unlock(&in->mu);
	if (!f->page)
		return false;
	f->page->n = f->page->njobs = f->page->ntxs = 0;
	f->page->nbytes = 0;
	return true;
}

static void add_jobs(struct ld_page *p, uint32_t ix)
{
	uint32_t ntxs = p->b[ix].h.ntxs, n = LD_JOB_TXS + ntxs / LD_JOBS_A_BLOCK;

	p->jobs[p->njobs++] = (struct ld_job){ix, 0, 0};
	for (uint32_t at = 0; at < ntxs; at += n)
		p->jobs[p->njobs++] = (struct ld_job){ix, at, n};
}

static int add_record(struct fetch *f, const uint8_t *p, size_t n)
{
	struct ld_page *page = f->page;
	struct mkt_buf *bytes = &page->bytes[page->n];
	struct mkt_block *b = &page->b[page->n];
	struct mkt_err *err = &f->err;
	uint64_t height;
	int res = mkt_chain_unpack(f->in->n->chain, p, n, &height, bytes, err);

	if (!res && mkt_record_flags(p) & MKT_RECORD_PRUNED)
		return mkt_err_set(err, MKT_EPRUNED, "it has the body of block %llu no more",
				   (unsigned long long)f->next);
	if (!res && height == f->next)
		res = mkt_block_dec(bytes->data, bytes->len, b, err);
	if (res < 0)
		return mkt_err_wrap(err, "block %llu", (unsigned long long)f->next);
	if (height != f->next || b->h.height != height)
		return mkt_err_set(err, MKT_EINTEGRITY, "it gave block %llu for block %llu",
				   (unsigned long long)b->h.height, (unsigned long long)f->next);
	add_jobs(page, page->n);
	page->n++;
	page->ntxs += b->h.ntxs;
	page->nbytes += bytes->len;
	f->next++;
	f->came++;
	return 0;
}

static bool page_full(const struct ld_page *p)
{
	return p->n == LD_PAGE_BLOCKS || p->ntxs >= LD_PAGE_TXS || p->nbytes >= LD_PAGE_BYTES;
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The next whole record of f->bytes.  1 taken, 0 more bytes are needed. */
static int take_record(struct fetch *f)
{
	const uint8_t *p = f->bytes.data + f->at;
	size_t left = f->bytes.len - f->at;
	uint32_t n = left < 4 ? 0 : get_u32(p);
	int res;

	if (n > RECORD_BYTES_MAX)
		return mkt_err_set(&f->err, MKT_EINTEGRITY, "block %llu: its record has %u bytes",
				   (unsigned long long)f->next, n);
	if (left < 4 || left - 4 < n)
		return 0;
	if (!need_page(f))
		return -MKT_ECANCELLED;
	res = add_record(f, p + 4, n);
	if (res < 0)
		return res;
	f->at += 4 + (size_t)n;
	if (page_full(f->page)) {
		pthread_mutex_lock(&f->in->mu);
		hand_over(f);
		pthread_mutex_unlock(&f->in->mu);
	}
	return 1;
}

/* Bytes as they come. */
static int on_bytes(void *ctx, const void *p, size_t n)
{
	struct fetch *f = ctx;
	struct ld_ingest *in = f->in;
	int res;

	mkt_buf_add(&f->bytes, p, n);
	if (f->bytes.bad)
		return -MKT_ENOMEM;
	do
		res = take_record(f);
	while (res > 0);
	memmove(f->bytes.data, f->bytes.data + f->at, f->bytes.len - f->at);
	f->bytes.len -= f->at;
	f->at = 0;
	if (!f->bytes.len && f->bytes.cap > KEEP_BYTES)
		mkt_buf_release(&f->bytes);
	pthread_mutex_lock(&in->mu);
	if (f->next - 1 > in->numbers.upstream)
		in->numbers.upstream = f->next - 1;
	in->numbers.bytes += n;
	in->numbers.heard_ms = in->byte_ms = ld_mono_ms();
	if (!res && over(f))
		res = -MKT_ECANCELLED;
	if (!res && in->hungry && f->page && f->page->n)
		hand_over(f);
	pthread_mutex_unlock(&in->mu);
	return res;
}

/* The page that is not full, or what is left of it. */
static void end_page(struct fetch *f)
{
	struct ld_ingest *in = f->in;

	if (!f->page)
		return;
	pthread_mutex_lock(&in->mu);
	if (f->page->n && !over(f)) {
		hand_over(f);
	} else {
		f->page->next = in->free;
		in->free = f->page;
		f->page = NULL;
	}
	pthread_mutex_unlock(&in->mu);
}

static void nap(struct ld_ingest *in, uint64_t ms)
{
	uint64_t at = ld_mono_ms() + ms;
	struct timespec ts = {.tv_sec = (time_t)(at / 1000),
			      .tv_nsec = (long)(at % 1000) * 1000000};

	pthread_mutex_lock(&in->mu);
	while (!in->stop && !in->poked && ld_mono_ms() < at)
		pthread_cond_timedwait(&in->changed, &in->mu, &ts);
	in->poked = false;
	pthread_mutex_unlock(&in->mu);
}

/* ---- one upstream -------------------------------------------------------------------------- */

/* Is there one with blocks that the one in use has not?  Its number; else that in use. */
static unsigned ahead(struct fetch *f, unsigned now)
{
	struct ld_ingest *in = f->in;
	struct ld_upstream_status st = {.height = 0};
	struct mkt_client *c;
	struct mkt_err err;

	for (unsigned i = 0; i < in->nurls; i++) {
		int res;

		if (i == now ||
		    ld_upstream_client(in->n->conf, in->urls[i], &in->cancel, &c, &err) < 0)
			continue;
		res = ld_upstream_ask(c, &st, &err);
		mkt_client_free(c);
		if (!res && st.height >= f->next && mkt_hash_eq(&st.chain, &in->n->chain_id))
			return i;
	}
	return now;
}

/* It answers, has our chain and is not behind us. */
static int greet(struct fetch *f, struct mkt_err *err)
{
	struct ld_ingest *in = f->in;
	struct ld_upstream_status st = {.height = 0};
	int res = ld_upstream_ask(f->client, &st, err);

	if (res < 0)
		return res;
	if (!mkt_hash_eq(&st.chain, &in->n->chain_id))
		return mkt_err_set(err, MKT_ECHAIN, "it has another chain");
	if (st.height + 1 < f->next || (in->until != UINT64_MAX && st.height < in->until))
		return mkt_err_set(err, MKT_ENOTFOUND, "it is at block %llu only",
				   (unsigned long long)st.height);
	pthread_mutex_lock(&in->mu);
	if (strcmp(in->numbers.url, f->url) != 0)
		mkt_log(MKT_LOG_INFO, "following '%s' from block %llu; it is at block %llu", f->url,
			(unsigned long long)f->next, (unsigned long long)st.height);
	snprintf(in->numbers.url, sizeof(in->numbers.url), "%s", f->url);
	in->numbers.upstream = st.height;
	in->numbers.heard_ms = ld_mono_ms();
	pthread_mutex_unlock(&in->mu);
	return 0;
}

/* One question, and all the blocks that answer it. */
static int ask_blocks(struct fetch *f, struct mkt_err *err)
{
	struct ld_ingest *in = f->in;
	char path[128];
	int res;

	if (in->until == UINT64_MAX)
		snprintf(path, sizeof(path), "/v1/chain?from=%llu&wait=%u",
			 (unsigned long long)f->next, LD_POLL_MS);
	else
		snprintf(path, sizeof(path), "/v1/chain?from=%llu&limit=%llu",
			 (unsigned long long)f->next,
			 (unsigned long long)(in->until + 1 - f->next));
	f->came = 0;
	f->at = 0;
	mkt_buf_clear(&f->bytes);
	memset(&f->err, 0, sizeof(f->err));
	pthread_mutex_lock(&in->mu);
	in->byte_ms = ld_mono_ms();
	pthread_mutex_unlock(&in->mu);
	mkt_client_restart(f->client, 0);
	res = mkt_client_fetch(f->client, path, on_bytes, f, err);
	pthread_mutex_lock(&in->mu);
	in->byte_ms = 0;
	if (!res)
		in->numbers.heard_ms = ld_mono_ms();
	pthread_mutex_unlock(&in->mu);
	end_page(f);
	if (f->err.code) { /* the sink knows better */
		*err = f->err;
		res = -err->code;
	}
	return res;
}

/* Until it is lost, or another has more.  Its number, or that of the better one. */
static unsigned follow(struct fetch *f, unsigned now, struct mkt_err *err)
{
	struct ld_ingest *in = f->in;
	unsigned other = now;
	int res = ld_upstream_client(in->n->conf, f->url, &in->cancel, &f->client, err);

	if (!res)
		res = greet(f, err);
	while (!res && !over(f) && other == now && f->next <= in->until) {
		uint64_t begun = ld_mono_ms();

		res = ask_blocks(f, err);
		if (!res && !f->came && ld_mono_ms() - begun < QUICK_MS)
			nap(in, QUICK_MS); /* it does not keep the question: do not flood it */
		if (!res && !f->came && in->nurls > 1 && in->until == UINT64_MAX)
			other = ahead(f, now);
	}
	mkt_client_free(f->client);
	f->client = NULL;
	if (res == -MKT_EINTEGRITY && !over(f))
		ld_ingest_tell_lie(in, err);
	return other;
}

/* ---- the thread ---------------------------------------------------------------------------- */

static bool begin(struct fetch *f, unsigned now)
{
	struct ld_ingest *in = f->in;
	bool more;

	pthread_mutex_lock(&in->mu);
	f->url = in->urls[now];
	f->round = in->round;
	f->next = in->next;
	ld_ingest_cancel(in, in->stop);
	more = !in->stop && in->next <= in->until;
	pthread_mutex_unlock(&in->mu);
	return more;
}

/* Nobody has what is wanted: of no matter to who follows for ever. */
static void tell_out(struct ld_ingest *in, const struct mkt_err *err)
{
	pthread_mutex_lock(&in->mu);
	in->out = in->until != UINT64_MAX;
	in->why = *err;
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->mu);
}

void *ld_fetch_main(void *arg)
{
	struct fetch f = {.in = arg};
	struct ld_ingest *in = arg;
	uint64_t backoff = BACKOFF_MS_MIN;
	unsigned now = 0, lost = 0;

	pthread_setname_np(pthread_self(), "fetch");
	while (begin(&f, now)) {
		struct mkt_err err = {0};
		uint64_t from = f.next;
		unsigned other = follow(&f, now, &err);

		if (f.next > from) {
			backoff = BACKOFF_MS_MIN;
			lost = 0;
		}
		if (other != now) {
			now = other;
			continue;
		}
		if (f.next > in->until)
			break;
		if (err.text[0] && !lost && !over(&f))
			mkt_log(MKT_LOG_WARNING, "upstream '%s': %s", f.url, err.text);
		now = (now + 1) % in->nurls;
		if (++lost < in->nurls)
			continue;
		tell_out(in, &err);
		nap(in, backoff);
		backoff = backoff * 2 > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : backoff * 2;
	}
	mkt_buf_release(&f.bytes);
	return NULL;
}
