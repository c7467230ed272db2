#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/chain/chain_impl.h"

#define GENESIS_BYTES_MAX (1u << 20)

static int path_in(char out[PATH_MAX], const char *dir, const char *name, struct mkt_err *err)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? mkt_err_set(err, MKT_EINVAL, "'%s' is too long", dir) : 0;
}

/* ---- create ---- */

static int keys_of(void *ctx, uint64_t height, const void *p, size_t n,
		   struct mkt_segment_keys *out, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	struct mkt_header h;

	(void)ctx;
	if (mkt_header_dec(&in, &h) < 0 || h.height != height)
		return mkt_err_set(err, MKT_EINTEGRITY, "it does not hold that block");
	*out = (struct mkt_segment_keys){{h.time_ms, h.first_tx, h.first_bid, h.first_exec}};
	return 0;
}

static void segment_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct mkt_chain *c = ctx;

	if (c->opt.progress)
		c->opt.progress(c->opt.ctx, MKT_CHAIN_SCAN, done, total);
}

/* @path must live as long as the call. */
static struct mkt_segments_conf segments_conf(const char *path, const struct mkt_hash *chain)
{
	struct mkt_segments_conf conf = {
		.dir = path,
		.record_max = MKT_BLOCK_BYTES_MAX,
		.keys = keys_of,
	};

	memcpy(conf.owner, chain->b, MKT_SEGMENT_OWNER_LEN);
	return conf;
}

static int first_block(const struct mkt_genesis *g, const struct mkt_hash *id, struct mkt_buf *out,
		       struct mkt_err *err)
{
	struct mkt_delta delta = {.rows = NULL};
	struct mkt_state *s;
	int r = mkt_state_new(g, &s, err);

	if (r < 0)
		return r;
	r = mkt_block_first(s, id, &delta, out);
	mkt_delta_release(&delta);
	mkt_state_free(s);
	return r < 0 ? mkt_err_code(err, -r) : 0;
}

int chain_segments_open(const char *dir, const struct mkt_hash *id, struct mkt_segments **out,
			struct mkt_err *err)
{
	char path[PATH_MAX] = "";
	struct mkt_segments_conf conf = segments_conf(path, id);
	int r = path_in(path, dir, "blocks", err);

	return r ? r : mkt_segments_open(&conf, out, err);
}

static int write_first_block(const char *dir, const struct mkt_genesis *g,
			     const struct mkt_hash *id, struct mkt_err *err)
{
	struct mkt_segment_record rec;
	struct mkt_buf block = MKT_BUF_INIT;
	struct mkt_segments *seg = NULL;
	int r = first_block(g, id, &block, err);

	if (!r)
		r = chain_segments_open(dir, id, &seg, err);
	if (!r) {
		rec = (struct mkt_segment_record){block.data, block.len, {{0}}, 0};
		r = keys_of(NULL, 0, block.data, block.len, &rec.keys, err);
	}
	if (!r)
		r = mkt_segments_append(seg, &rec, 1, err);
	mkt_segments_close(seg);
	mkt_buf_release(&block);
	return r;
}

/* All of a chain in @dir, which is new and ours. */
static int fill_dir(const char *dir, const struct mkt_genesis *g, struct mkt_err *err)
{
	char path[PATH_MAX];
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_hash id;
	int r;

	mkt_genesis_enc(g, &bytes);
	if (bytes.bad)
		return mkt_err_code(err, MKT_ENOMEM);
	mkt_genesis_id(bytes.data, bytes.len, &id);
	r = path_in(path, dir, "genesis", err);
	if (!r)
		r = mkt_file_write(path, bytes.data, bytes.len,
				   (struct mkt_file_how){.mode = 0644, .fresh = true}, err);
	mkt_buf_release(&bytes);
	return r ? r : write_first_block(dir, g, &id, err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

int chain_io_code(int errnum)
{
	bool full = errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;

	return full ? MKT_EDISKFULL : MKT_EIO;
}

int chain_file_publish(const char *tmp, const char *path, struct mkt_err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 1;

	snprintf(parent, sizeof(parent), "%.*s", n ? n : 1, slash ? path : ".");
	if (rename(tmp, path) < 0 || sync_dir(parent) < 0)
		return mkt_err_sys(err, chain_io_code(errno), errno, "cannot write '%s'", path);
	return 0;
}

/* Give the finished @tmp its name; an empty directory of that name may stand there. */
int chain_dir_publish(const char *tmp, const char *dir, struct mkt_err *err)
{
	char parent[PATH_MAX];

	if (sync_dir(tmp) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot write '%s'", tmp);
	if (rename(tmp, dir) < 0) {
		if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
			return mkt_err_set(err, MKT_EEXISTS, "'%s' exists and is not empty", dir);
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make '%s'", dir);
	}
	if (path_in(parent, dir, "..", err) < 0 || sync_dir(parent) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot write '%s'", dir);
	return 0;
}

/* A new directory beside @dir. */
static int temp_dir(const char *dir, char out[PATH_MAX], struct mkt_err *err)
{
	size_t len = strlen(dir);
	uint64_t number;
	int n;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	mkt_random(&number, sizeof(number));
	n = snprintf(out, PATH_MAX, "%.*s.new.%016llx", (int)len, dir, (unsigned long long)number);
	if (n < 0 || n >= PATH_MAX)
		return mkt_err_set(err, MKT_EINVAL, "'%s' is too long", dir);
	if (mkdir(out, 0755) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make '%s'", dir);
	return 0;
}

void chain_dir_drop(const char *tmp)
{
	nftw(tmp, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int chain_dir_new(const char *dir, const struct mkt_genesis *g, char tmp[PATH_MAX],
		  struct mkt_err *err)
{
	int r = mkt_genesis_check(g, err);

	if (!r)
		r = temp_dir(dir, tmp, err);
	if (r < 0)
		return r;
	r = fill_dir(tmp, g, err);
	if (r < 0)
		chain_dir_drop(tmp);
	return r;
}

int mkt_chain_create(const char *dir, const struct mkt_genesis *g, struct mkt_err *err)
{
	char tmp[PATH_MAX];
	int r = chain_dir_new(dir, g, tmp, err);

	if (r < 0)
		return r;
	r = chain_dir_publish(tmp, dir, err);
	if (r < 0)
		chain_dir_drop(tmp);
	return r;
}

/* ---- open and close ---- */

static int read_genesis(struct mkt_chain *c, struct mkt_err *err)
{
	char path[PATH_MAX];
	struct mkt_buf bytes = MKT_BUF_INIT;
	int r = path_in(path, c->dir, "genesis", err);

	if (!r)
		r = mkt_file_read(path, GENESIS_BYTES_MAX, &bytes, err);
	if (!r)
		r = mkt_genesis_dec(bytes.data, bytes.len, &c->g, err);
	if (!r) {
		mkt_genesis_id(bytes.data, bytes.len, &c->id);
	}
	mkt_buf_release(&bytes);
	return r;
}

static int take_lock(struct mkt_chain *c, struct mkt_err *err)
{
	char path[PATH_MAX];
	int r = path_in(path, c->dir, "lock", err);

	if (r < 0)
		return r;
	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (c->lock_fd < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot open '%s'", path);
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return mkt_err_set(err, MKT_ELOCKED, "another process has '%s'", c->dir);
		return mkt_err_sys(err, MKT_EIO, errno, "cannot lock '%s'", path);
	}
	return 0;
}

static int open_segments(struct mkt_chain *c, uint64_t known, struct mkt_err *err)
{
	char path[PATH_MAX] = "";
	struct mkt_segments_conf conf = segments_conf(path, &c->id);
	int r = path_in(path, c->dir, "blocks", err);

	if (r < 0)
		return r;
	conf.read_only = c->read_only;
	conf.segment_max = c->opt.segment_max;
	conf.known = known;
	conf.progress = segment_progress;
	conf.ctx = c;
	r = mkt_segments_open(&conf, &c->seg, err);
	if (r < 0)
		return r;
	c->recovered.cut_bytes = mkt_segments_cut(c->seg);
	c->recovered.rescanned = mkt_segments_rebuilt(c->seg);
	if (!mkt_segments_count(c->seg))
		return mkt_err_set(err, MKT_ESTORE, "'%s' holds no blocks", path);
	return 0;
}

static int read_head(struct mkt_chain *c, struct mkt_err *err)
{
	struct mkt_block b;
	int r = mkt_chain_read_head(c, mkt_segments_count(c->seg) - 1, &b, err);

	if (r >= 0)
		c->head = mkt_verify_prev_of(&b);
	return r < 0 ? r : 0;
}

static int open_all(struct mkt_chain *c, struct mkt_err *err)
{
	struct chain_store_head head = {.there = false};
	int r = read_genesis(c, err);

	if (!r && !c->read_only)
		r = take_lock(c, err);
	if (!r && !c->read_only)
		r = chain_store_open(c, &head, err);
	if (!r)
		r = open_segments(c, head.there ? head.height + 1 : 0, err);
	if (!r)
		r = read_head(c, err);
	if (!r && !c->read_only)
		r = chain_recover(c, &head, err);
	return r;
}

int mkt_chain_open(const char *dir, const struct mkt_chain_open *opt, struct mkt_chain **out,
		   struct mkt_err *err)
{
	struct mkt_chain *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return mkt_err_code(err, MKT_ENOMEM);
	if (opt)
		c->opt = *opt;
	c->read_only = c->opt.read_only;
	c->lock_fd = -1;
	pthread_mutex_init(&c->head_lock, NULL);
	c->dir = strdup(dir);
	r = c->dir ? open_all(c, err) : mkt_err_code(err, MKT_ENOMEM);
	if (r < 0) {
		mkt_chain_close(c);
		return r;
	}
	*out = c;
	return 0;
}

void mkt_chain_close(struct mkt_chain *c)
{
	if (!c)
		return;
	mkt_state_free(c->state);
	mkt_segments_close(c->seg);
	mkt_store_close(c->store);
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	mkt_genesis_release(&c->g);
	chain_scratch_release(&c->scratch);
	pthread_mutex_destroy(&c->head_lock);
	free(c->dir);
	free(c);
}

/* ---- what it is ---- */

void mkt_chain_recovered(const struct mkt_chain *c, struct mkt_chain_recovery *out)
{
	*out = c->recovered;
}

struct mkt_state *mkt_chain_state(struct mkt_chain *c)
{
	return c->state;
}

const struct mkt_genesis *mkt_chain_genesis(const struct mkt_chain *c)
{
	return &c->g;
}

const struct mkt_hash *mkt_chain_id(const struct mkt_chain *c)
{
	return &c->id;
}

uint64_t mkt_chain_height(const struct mkt_chain *c)
{
	return mkt_segments_count(c->seg) - 1;
}

void mkt_chain_head(const struct mkt_chain *c, uint64_t *height, struct mkt_hash *hash,
		    uint64_t *time_ms)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&c->head_lock;

	pthread_mutex_lock(lock);
	*height = c->head.height;
	*hash = c->head.hash;
	*time_ms = c->head.time_ms;
	pthread_mutex_unlock(lock);
}

uint64_t mkt_chain_indexed(const struct mkt_chain *c)
{
	return c->nindexed - 1;
}

void mkt_chain_bytes(struct mkt_chain *c, uint64_t *blocks, uint64_t *store)
{
	*blocks = mkt_segments_bytes(c->seg);
	*store = c->store ? mkt_store_bytes(c->store) : 0;
}

/* ---- append and read ---- */

static bool follows(const struct mkt_verify_prev *prev, const struct mkt_sealed *s)
{
	return s->h.height == prev->height + 1 && mkt_hash_eq(&s->h.prev, &prev->hash) &&
	       s->h.first_tx == prev->next_tx && s->h.time_ms >= prev->time_ms;
}

static struct mkt_verify_prev prev_of(const struct mkt_sealed *s)
{
	return (struct mkt_verify_prev){s->hash, s->h.height, s->h.time_ms,
					s->h.first_tx + s->h.ntxs, s->h.epoch};
}

int mkt_chain_append(struct mkt_chain *c, struct mkt_sealed *const *blocks, unsigned n,
		     struct mkt_err *err)
{
	struct mkt_verify_prev prev = c->head;
	struct mkt_segment_record *rec = calloc(n ? n : 1, sizeof(*rec));
	int r = 0;

	if (!rec)
		return mkt_err_code(err, MKT_ENOMEM);
	for (unsigned i = 0; !r && i < n; i++) {
		const struct mkt_header *h = &blocks[i]->h;

		if (!follows(&prev, blocks[i]))
			r = mkt_err_set(err, MKT_EINVAL, "block %llu does not follow the last one",
					(unsigned long long)h->height);
		rec[i] = (struct mkt_segment_record){
			blocks[i]->bytes.data,
			blocks[i]->bytes.len,
			{{h->time_ms, h->first_tx, h->first_bid, h->first_exec}},
			0,
		};
		prev = prev_of(blocks[i]);
	}
	if (!r)
		r = mkt_segments_append(c->seg, rec, n, err);
	free(rec);
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->head_lock);
	c->head = prev;
	pthread_mutex_unlock(&c->head_lock);
	return 0;
}

/* @rest: what stands after header and votes of a pruned record. */
static int pruned(uint64_t height, const uint8_t *rest, size_t n, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(rest, n);
	char archive[CHAIN_ARCHIVE_MAX + 1];

	mkt_dec_text(&in, archive, CHAIN_ARCHIVE_MAX);
	if (in.bad || !archive[0]) {
		mkt_err_set(err, MKT_EPRUNED, "the body of block %llu is not on this node",
			    (unsigned long long)height);
		mkt_err_hint(err, "ask another node, or give it an archive by 'ledgerd restore'");
		return -MKT_EPRUNED;
	}
	return mkt_err_set(err, MKT_EPRUNED, "the body of block %llu was moved to the archive '%s'",
			   (unsigned long long)height, archive);
}

static int wrong_height(const struct mkt_block *b, uint64_t height, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "block %llu stands where block %llu should",
			   (unsigned long long)b->h.height, (unsigned long long)height);
}

/* A record's contents that are pruned: who has the rest. */
static int tell_pruned(const struct mkt_buf *bytes, uint64_t height, struct mkt_err *err)
{
	struct mkt_block b;
	size_t used;
	int r = mkt_block_dec_head(bytes->data, bytes->len, &b, &used, err);

	if (!r && b.h.height != height)
		r = wrong_height(&b, height, err);
	return r ? r : pruned(height, bytes->data + used, bytes->len - used, err);
}

int mkt_chain_read(struct mkt_chain *c, uint64_t height, struct mkt_buf *out, struct mkt_err *err)
{
	int r = mkt_segments_read(c->seg, height, out, err);

	return r == 1 ? tell_pruned(out, height, err) : r;
}

int mkt_chain_read_head(struct mkt_chain *c, uint64_t height, struct mkt_block *b,
			struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	int r = mkt_segments_read(c->seg, height, &bytes, err), r2 = 0;

	if (r >= 0)
		r2 = mkt_block_dec_head(bytes.data, bytes.len, b, NULL, err);
	if (r >= 0 && !r2 && b->h.height != height)
		r2 = wrong_height(b, height, err);
	mkt_buf_release(&bytes);
	return r2 < 0 ? r2 : r;
}

int mkt_chain_unpack(struct mkt_chain *c, const void *p, size_t n, uint64_t *height,
		     struct mkt_buf *out, struct mkt_err *err)
{
	return mkt_segments_unpack(c->seg, p, n, height, out, err);
}

int mkt_chain_read_raw(struct mkt_chain *c, uint64_t height, struct mkt_buf *out,
		       struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	int r = mkt_segments_read_raw(c->seg, height, out, err);

	if (r < 0 || !(mkt_record_flags(out->data) & MKT_RECORD_PRUNED))
		return r;
	r = mkt_segments_unpack(c->seg, out->data, out->len, &height, &bytes, err);
	if (!r)
		r = tell_pruned(&bytes, height, err);
	mkt_buf_release(&bytes);
	return r;
}

int mkt_chain_read_short(struct mkt_chain *c, uint64_t height, struct mkt_buf *out,
			 struct mkt_err *err)
{
	struct mkt_buf bytes = MKT_BUF_INIT;
	struct mkt_block b, next;
	size_t used = 0;
	bool whole = height >= mkt_chain_height(c);
	int r = mkt_segments_read(c->seg, height, &bytes, err), r2 = 0;

	if (r >= 0)
		r2 = mkt_block_dec_head(bytes.data, bytes.len, &b, &used, err);
	if (!r && !r2 && !whole) {
		r2 = mkt_chain_read_head(c, height + 1, &next, err);
		whole = r2 >= 0 && (!mkt_hash_eq(&next.h.authorities, &b.h.authorities) ||
				    bytes.len == used);
	}
	if (r >= 0 && r2 >= 0 && !r && whole)
		r2 = mkt_segments_read_raw(c->seg, height, out, err);
	else if (r >= 0 && r2 >= 0)
		r2 = chain_pack_short(c->seg, 0, &bytes, used, "", out, err);
	mkt_buf_release(&bytes);
	return r < 0 ? r : r2 < 0 ? r2 : 0;
}

int chain_pack_short(struct mkt_segments *seg, unsigned flags, const struct mkt_buf *block,
		     size_t used, const char *archive, struct mkt_buf *out, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(block->data + 1 + MKT_HASH_LEN, 8); /* version, chain */
	struct mkt_buf head = MKT_BUF_INIT;
	int r;

	mkt_buf_add(&head, block->data, used);
	mkt_enc_text(&head, archive, strlen(archive));
	mkt_buf_clear(out);
	flags |= MKT_RECORD_PRUNED;
	r = head.bad ? mkt_err_code(err, MKT_ENOMEM)
		     : mkt_segments_pack(seg, mkt_dec_u64(&in), flags, head.data, head.len, out,
					 err);
	mkt_buf_release(&head);
	return r;
}

int chain_read_block(struct mkt_chain *c, uint64_t height, struct mkt_buf *bytes,
		     struct mkt_block *b, struct mkt_err *err)
{
	int r = mkt_chain_read(c, height, bytes, err);

	if (!r)
		r = mkt_block_dec(bytes->data, bytes->len, b, err);
	if (!r && b->h.height != height)
		r = wrong_height(b, height, err);
	return r;
}
