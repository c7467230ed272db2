/*
 * ledgerd rebuild: a new engine for a chain whose etcd is lost for ever, from what is on the disks
 * of the authorities, none of which runs.
 *
 * A vote says that its block is stored and was executed where it was given, so any n - q + 1 of n
 * directories hold every final block, and the vote with the highest epoch above them, which may
 * have become final unseen: that block is certified and appended first.  Then an empty etcd is told
 * where the chain stands, in a generation one higher, signed by a quorum.
 *
 * Source: ledger-engine protocol section 5.4.
 */
#include "core/base/compat.h"

#include <getopt.h>
#include <limits.h>

#include "core/app/log.h"
#include "core/base/file.h"
#include "core/chain/verify.h"
#include "core/crypto/hash.h"
#include "core/crypto/keyfile.h"
#include "ledgerd/cli.h"
#include "ledgerd/engine.h"
#include "ledgerd/hub.h"
#include "ledgerd/prepared.h"

#define SEED_MS 15000u

static const char usage[] =
	"usage: ledgerd rebuild [-h] [-f FILE] [-o SECTION.NAME=VALUE]... -k KEY... DIR...\n"
	"  -k KEY  key file of an authority; a quorum of them is needed\n"
	"  -f, -o  as of ledgerd: [etcd] is where the new engine is made\n"
	"  -h      print this\n"
	"DIR are chain directories of at least n - q + 1 of n authorities, none of which runs.\n"
	"see mkt-operations(7)\n";

/* One authority's disk. */
struct disk {
	char path[PATH_MAX];
	struct mkt_chain *chain;
	struct ld_prepared *prepared;
	uint64_t height, time_ms;
	struct mkt_hash hash;
};

struct rebuild {
	struct ld_cli cli;
	struct ld_conf conf;
	const char *key_file[MKT_AUTHORITIES_MAX];
	unsigned nkeys, ndisks;
	struct disk disks[MKT_AUTHORITIES_MAX];
	struct disk *best; /* the highest */
	struct mkt_authorities set;
	struct mkt_q_id id;
	uint64_t epoch; /* the highest that anybody has signed in */
	struct mkt_seckey keys[MKT_AUTHORITIES_MAX];
	int number[MKT_AUTHORITIES_MAX]; /* of each key in the set */
	bool answered, done;
};

/* ---- the disks ----------------------------------------------------------------------------- */

static int open_disk(struct rebuild *r, const char *dir, struct mkt_err *err)
{
	struct disk *d = &r->disks[r->ndisks];
	struct mkt_chain_open how = {.read_only = false};
	int res;

	if (!realpath(dir, d->path))
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no directory '%s'", dir);
	for (unsigned i = 0; i < r->ndisks; i++)
		if (!strcmp(r->disks[i].path, d->path))
			return mkt_err_set(err, MKT_EUSAGE, "'%s' is given twice", dir);
	r->ndisks++;
	res = mkt_chain_open(d->path, &how, &d->chain, err);
	if (!res)
		res = ld_prepared_open(d->path, &d->prepared, err);
	if (res < 0)
		return res;
	if (!mkt_hash_eq(mkt_chain_id(d->chain), mkt_chain_id(r->disks[0].chain)))
		return mkt_err_set(err, MKT_ECHAIN, "'%s' is of another chain", dir);
	mkt_chain_head(d->chain, &d->height, &d->hash, &d->time_ms);
	if (!r->best || d->height > r->best->height)
		r->best = d;
	return 0;
}

static int read_block(struct mkt_chain *c, uint64_t height, struct mkt_buf *buf,
		      struct mkt_block *b, struct mkt_err *err)
{
	int res = mkt_chain_read(c, height, buf, err);

	return res < 0 ? res : mkt_block_dec(buf->data, buf->len, b, err);
}

/* The highest chain holds all the others. */
static int check_one_chain(struct rebuild *r, struct mkt_err *err)
{
	struct mkt_buf buf = MKT_BUF_INIT;
	struct mkt_block b;
	int res = 0;

	for (unsigned i = 0; !res && i < r->ndisks; i++) {
		const struct disk *d = &r->disks[i];

		res = read_block(r->best->chain, d->height, &buf, &b, err);
		if (!res && !mkt_hash_eq(&b.hash, &d->hash))
			res = mkt_err_set(err, MKT_EINTEGRITY,
					  "'%s' and '%s' have different blocks %llu", d->path,
					  r->best->path, (unsigned long long)d->height);
		if (!res && d == r->best)
			r->epoch = b.h.epoch;
	}
	mkt_buf_release(&buf);
	return res;
}

/* ---- the keys ------------------------------------------------------------------------------ */

static int load_keys(struct rebuild *r, struct mkt_err *err)
{
	bool seen[MKT_AUTHORITIES_MAX] = {false};

	for (unsigned i = 0; i < r->nkeys; i++) {
		struct mkt_pubkey pub;
		int res = mkt_keyfile_load(r->key_file[i], (struct mkt_pass){NULL, 0}, &r->keys[i],
					   err);

		if (res < 0)
			return res;
		mkt_seckey_public(&r->keys[i], &pub);
		r->number[i] = mkt_authorities_find(&r->set, &pub);
		if (r->number[i] < 0 || seen[r->number[i]])
			return mkt_err_set(err, MKT_EDENIED, "'%s' is %s", r->key_file[i],
					   r->number[i] < 0 ? "no authority's key" : "given twice");
		seen[r->number[i]] = true;
	}
	return 0;
}

static int check_enough(struct rebuild *r, struct mkt_err *err)
{
	unsigned n = r->set.n, q = mkt_authorities_quorum(&r->set);

	if (r->ndisks < n - q + 1)
		return mkt_err_set(err, MKT_EUSAGE,
				   "%u directories are given, %u of %u authorities are needed",
				   r->ndisks, n - q + 1, n);
	if (r->nkeys < q)
		return mkt_err_set(err, MKT_EUSAGE, "%u keys are given, %u are needed", r->nkeys,
				   q);
	return 0;
}

/* Which key signs as the next lower number after @after; NULL: no more. */
static const struct mkt_seckey *next_key(const struct rebuild *r, int after, int *number)
{
	const struct mkt_seckey *key = NULL;

	for (unsigned i = 0; i < r->nkeys; i++)
		if (r->number[i] > after && (!key || r->number[i] < *number)) {
			key = &r->keys[i];
			*number = r->number[i];
		}
	return key;
}

/* ---- a block that may be final -------------------------------------------------------------- */

/* The vote with the highest epoch above the head, wherever it is. */
static int find_vote(struct rebuild *r, struct mkt_quorum_vote *out, struct mkt_buf *body,
		     struct mkt_err *err)
{
	struct mkt_quorum_vote *v = calloc(LD_PREPARED_MAX, sizeof(*v));
	int found = 0;

	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	for (unsigned i = 0; i < r->ndisks && found >= 0; i++) {
		unsigned n = ld_prepared_votes(r->disks[i].prepared, r->best->height, v,
					       LD_PREPARED_MAX);

		for (unsigned k = 0; k < n && found >= 0; k++) {
			if (v[k].epoch > r->epoch)
				r->epoch = v[k].epoch;
			if (v[k].height != r->best->height + 1 ||
			    (found && v[k].epoch <= out->epoch))
				continue;
			*out = v[k];
			found = ld_prepared_get(r->disks[i].prepared, out->height, out->epoch,
						body, err);
			found = found < 0 ? found : 1;
		}
	}
	free(v);
	return found;
}

static void certify(const struct rebuild *r, const struct mkt_hash *hash, struct mkt_vote *votes,
		    unsigned *n)
{
	const struct mkt_seckey *key;
	int number = -1;

	for (*n = 0; (key = next_key(r, number, &number)); (*n)++) {
		votes[*n].authority = (uint16_t)number;
		mkt_header_sign(hash, key, &votes[*n].sig);
	}
}

/* Keep the vote of the one that sealed it: every certificate has it. */
static int add_sealer(const struct mkt_block *b, struct mkt_vote *votes, unsigned *n,
		      struct mkt_err *err)
{
	unsigned at = 0;

	while (at < *n && votes[at].authority < b->h.authority)
		at++;
	if (at < *n && votes[at].authority == b->h.authority)
		return 0;
	for (unsigned i = 0; i < b->nvotes; i++)
		if (b->votes[i].authority == b->h.authority && *n < MKT_AUTHORITIES_MAX) {
			memmove(votes + at + 1, votes + at, (*n - at) * sizeof(*votes));
			votes[at] = b->votes[i];
			(*n)++;
			return 0;
		}
	return mkt_err_set(err, MKT_EINTEGRITY, "block %llu: who sealed it has not signed it",
			   (unsigned long long)b->h.height);
}

/* Execute it and append it to the highest chain; the others take it from there. */
static int append_block(struct rebuild *r, struct mkt_buf *body, struct mkt_err *err)
{
	struct mkt_chain *c = r->best->chain;
	struct mkt_verify_prev prev;
	struct mkt_events ev = MKT_EVENTS_INIT;
	struct mkt_delta delta = {.rows = NULL};
	struct mkt_vote votes[MKT_AUTHORITIES_MAX];
	struct mkt_buf buf = MKT_BUF_INIT;
	struct mkt_sealed s = {.bytes = MKT_BUF_INIT}, *p = &s;
	struct mkt_block b, last, certified;
	unsigned n = 0;
	int res = read_block(c, r->best->height, &buf, &last, err);

	if (!res) {
		prev = mkt_verify_prev_of(&last);
		res = mkt_block_dec(body->data, body->len, &b, err);
	}
	if (!res) {
		certify(r, &b.hash, votes, &n);
		res = add_sealer(&b, votes, &n, err);
	}
	if (!res)
		res = mkt_verify_execute(mkt_chain_state(c), &b, &prev, mkt_chain_id(c), &ev,
					 &delta, err);
	if (!res && mkt_sealed_take(&b, body, &delta, &s) < 0)
		res = mkt_err_code(err, MKT_ENOMEM);
	if (!res && mkt_sealed_certify(&s, votes, n) < 0)
		res = mkt_err_code(err, MKT_ENOMEM);
	if (!res)
		res = mkt_block_dec(s.bytes.data, s.bytes.len, &certified, err);
	if (!res)
		res = mkt_verify_static(&certified, &r->set, mkt_chain_id(c), err);
	if (!res)
		res = mkt_chain_append(c, &p, 1, err);
	if (!res)
		res = mkt_chain_index(c, &p, 1, err);
	mkt_events_release(&ev);
	mkt_delta_release(&delta);
	mkt_buf_release(&buf);
	mkt_sealed_release(&s);
	return res;
}

static int finish_vote(struct rebuild *r, struct mkt_err *err)
{
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_quorum_vote v = {.height = 0};
	int res = find_vote(r, &v, &body, err);

	if (res > 0) {
		mkt_log(MKT_LOG_NOTICE, "block %llu of epoch %llu may be final: it is made so",
			(unsigned long long)v.height, (unsigned long long)v.epoch);
		res = append_block(r, &body, err);
		mkt_chain_head(r->best->chain, &r->best->height, &r->best->hash,
			       &r->best->time_ms);
	}
	mkt_buf_release(&body);
	return res;
}

/* ---- the new engine ------------------------------------------------------------------------ */

static int generation(struct rebuild *r, struct mkt_err *err)
{
	for (unsigned i = 0; i < r->ndisks; i++) {
		uint64_t generation = 0, cluster = 0;
		int res = ld_engine_recall(r->disks[i].path, &generation, &cluster, err);

		if (res < 0)
			return res;
		if (generation > r->id.generation)
			r->id.generation = generation;
	}
	return 0;
}

static int make_id(struct rebuild *r, struct mkt_err *err)
{
	const struct mkt_seckey *key;
	int number = -1, res = generation(r, err);

	r->id.chain = *mkt_chain_id(r->best->chain);
	r->id.generation++;
	r->id.base = r->best->height;
	r->id.hash = r->best->hash;
	while (!res && (key = next_key(r, number, &number))) {
		struct mkt_vote *v = &r->id.votes[r->id.nvotes++];

		v->authority = (uint16_t)number;
		mkt_q_id_sign(&r->id, key, &v->sig);
	}
	return res;
}

static void on_answer(void *ctx, uint32_t txn_id, const struct mkt_kv_answer *a)
{
	struct rebuild *r = ctx;

	(void)txn_id;
	r->answered = a->outcome == MKT_KV_DONE || a->outcome == MKT_KV_ELSE;
	r->done = a->outcome == MKT_KV_DONE;
}

static void on_seen(void *ctx, const struct mkt_kv_pair *p)
{
	(void)ctx;
	(void)p;
}

static void on_lost(void *ctx, bool lost, const char *why)
{
	(void)ctx;
	if (lost)
		mkt_log(MKT_LOG_WARNING, "etcd is not reached: %s", why);
}

static void on_leased(void *ctx)
{
	(void)ctx;
}

static void fill_txn(const struct rebuild *r, struct mkt_kv_txn *t)
{
	struct mkt_q_ep ep = {.epoch = r->epoch + 1};
	int number = -1;
	const struct mkt_seckey *key = next_key(r, -1, &number);

	snprintf(ep.holder, sizeof(ep.holder), "%s", r->set.v[number].name);
	snprintf(ep.writer, sizeof(ep.writer), "%s", r->set.v[number].name);
	t->ncmps = 3;
	snprintf(t->cmp[0].key, sizeof(t->cmp[0].key), "id");
	snprintf(t->cmp[1].key, sizeof(t->cmp[1].key), "ep");
	snprintf(t->cmp[2].key, sizeof(t->cmp[2].key), "head");
	for (unsigned i = 0; i < t->ncmps; i++)
		t->cmp[i].kind = MKT_KV_ABSENT;
	t->nthen = 2;
	t->then[0].kind = t->then[1].kind = MKT_KV_PUT;
	snprintf(t->then[0].key, sizeof(t->then[0].key), "id");
	t->then[0].len = mkt_q_id_put(&r->id, t->then[0].value);
	snprintf(t->then[1].key, sizeof(t->then[1].key), "ep");
	t->then[1].len = mkt_q_ep_put(&ep, &r->id.chain, key, t->then[1].value);
	t->nels = 1;
	t->els[0].kind = MKT_KV_GET;
	snprintf(t->els[0].key, sizeof(t->els[0].key), "id");
}

/* Into an etcd that holds nothing of this chain. */
static int seed(struct rebuild *r, struct mkt_err *err)
{
	struct mkt_etcd_calls calls = {on_answer, on_seen, on_lost, on_leased, r};
	struct mkt_kv_txn *t = calloc(1, sizeof(*t));
	uint64_t end = ld_mono_ms() + SEED_MS;
	struct mkt_etcd *e = NULL;
	int res;

	if (!t)
		return mkt_err_code(err, MKT_ENOMEM);
	fill_txn(r, t);
	res = ld_engine_etcd(&r->conf, &r->id.chain, 0, &calls, &e, err);
	for (uint32_t id = 1; !res && !r->answered && ld_mono_ms() < end; id++) {
		res = mkt_etcd_txn(e, id, t, err);
		for (uint64_t next = ld_mono_ms() + 1000;
		     !res && !r->answered && ld_mono_ms() < next;)
			res = mkt_etcd_step(e, next, err);
	}
	mkt_etcd_free(e);
	free(t);
	if (res < 0)
		return res;
	if (!r->answered)
		return mkt_err_set(err, MKT_EUNAVAILABLE, "etcd does not answer");
	if (!r->done)
		return mkt_err_set(err, MKT_EEXISTS, "etcd holds an engine of this chain already");
	return 0;
}

/* The next start takes the new engine: one of a higher generation, of whatever cluster. */
static int remember(struct rebuild *r, struct mkt_err *err)
{
	int res = 0;

	for (unsigned i = 0; !res && i < r->ndisks; i++)
		res = ld_engine_remember(r->disks[i].path, r->id.generation - 1, 0, err);
	return res;
}

static int rebuild(struct rebuild *r, int ndirs, char **dirs, struct mkt_err *err)
{
	int res = 0;

	for (int i = 0; i < ndirs && !res; i++)
		res = open_disk(r, dirs[i], err);
	if (!res)
		res = check_one_chain(r, err);
	if (!res)
		r->set = *mkt_state_authorities(mkt_chain_state(r->best->chain));
	if (!res)
		res = load_keys(r, err);
	if (!res)
		res = check_enough(r, err);
	if (!res)
		res = finish_vote(r, err);
	if (!res)
		r->set = *mkt_state_authorities(mkt_chain_state(r->best->chain));
	if (!res)
		res = make_id(r, err);
	if (!res)
		res = seed(r, err);
	if (!res)
		res = remember(r, err);
	return res;
}

static int parse(struct rebuild *r, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "f:o:k:h")) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (c == 'k' && r->nkeys < MKT_AUTHORITIES_MAX)
			r->key_file[r->nkeys++] = optarg;
		else if ((c == 'f' || c == 'o') && !ld_cli_option(&r->cli, c, optarg))
			continue;
		else
			return -MKT_EUSAGE;
	}
	if (argc - optind < 1 || argc - optind > MKT_AUTHORITIES_MAX || !r->nkeys) {
		fputs(usage, stderr);
		return -MKT_EUSAGE;
	}
	return 0;
}

int ld_tool_rebuild(int argc, char **argv)
{
	struct rebuild *r = calloc(1, sizeof(*r));
	struct mkt_err err = {0};
	int res = r ? parse(r, argc, argv) : -MKT_ENOMEM;

	if (res) {
		free(r);
		return res > 0 ? 0 : ld_cli_status(-res);
	}
	if (mkt_crypto_init() < 0)
		res = mkt_err_code(&err, MKT_EINTERNAL);
	if (!res)
		res = ld_cli_conf(&r->cli, &r->conf, &err);
	if (!res && !r->conf.etcd_endpoints[0])
		res = mkt_err_set(&err, MKT_EINVAL, "'endpoints' in [etcd] is missing");
	if (!res)
		res = rebuild(r, argc - optind, argv + optind, &err);
	if (!res)
		mkt_log(MKT_LOG_NOTICE, "the engine begins anew above block %llu, generation %llu",
			(unsigned long long)r->id.base, (unsigned long long)r->id.generation);
	for (unsigned i = 0; i < r->ndisks; i++) {
		ld_prepared_close(r->disks[i].prepared);
		mkt_chain_close(r->disks[i].chain);
	}
	mkt_wipe(r->keys, sizeof(r->keys));
	free(r);
	return res < 0 ? ld_cli_fail(&err, ld_cli_status(err.code)) : 0;
}
