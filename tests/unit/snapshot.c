#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/chain/archive.h"
#include "core/chain/snapshot.h"
#include "core/store/segment.h"
#include "tests/chain.h"

#define BLOCKS 120

/* The last ones lie close together: their request ids all count. */
static void grow(struct node *n, unsigned blocks)
{
	struct mkt_sealed b, *v = &b;
	struct mkt_err err;

	for (unsigned i = 0; i < blocks; i++) {
		if (i + 10 < blocks) {
			node_block(n, (unsigned)rng_below(&n->r, 20), &b);
		} else {
			node_begin(n, n->prev.time_ms + 1000);
			for (unsigned k = 0; k < 8; k++)
				node_random_op(n);
			node_seal(n, &b);
		}
		NODE_OK(mkt_chain_append(n->c, &v, 1, &err), &err);
		NODE_OK(mkt_chain_index(n->c, &v, 1, &err), &err);
		mkt_sealed_release(&b);
	}
}

static void dump_state(struct mkt_chain *c, struct mkt_buf *out)
{
	struct mkt_delta d = {.rows = NULL};

	NODE_WANT(mkt_state_dump(mkt_chain_state(c), &d) == 0);
	mkt_buf_clear(out);
	for (uint32_t i = 0; i < d.n; i++) {
		mkt_buf_addf(out, "%u %llu ", d.rows[i].type, (unsigned long long)d.rows[i].id);
		mkt_buf_addhex(out, d.bytes.data + d.rows[i].at, d.rows[i].len);
		mkt_buf_addch(out, '\n');
	}
	mkt_delta_release(&d);
}

struct setup {
	struct node n;
	char file[PATH_MAX], to[PATH_MAX];
	struct mkt_snapshot_info info;
};

static void begin(struct setup *s)
{
	struct mkt_err err;

	memset(s, 0, sizeof(*s));
	node_start(&s->n, "snapshot", rng_start("snapshot"));
	snprintf(s->file, sizeof(s->file), "%.3000s/snap", s->n.top);
	snprintf(s->to, sizeof(s->to), "%.3000s/copy", s->n.top);
	grow(&s->n, BLOCKS);
	NODE_OK(mkt_snapshot_write(s->n.c, s->file, &s->info, &err), &err);
	assert_int_equal(s->info.height, BLOCKS);
	assert_int_equal(s->info.bytes, file_size(s->file));
	assert_true(s->info.tail > 1 && s->info.tail <= BLOCKS);
}

/* As a new node does it; @spoil (may be NULL) changes a record on its way. */
typedef void spoil_fn(uint64_t height, struct mkt_buf *rec, struct setup *s);

static int build(struct setup *s, spoil_fn *spoil, struct mkt_err *err)
{
	struct mkt_chain_builder *b;
	struct mkt_buf rec = MKT_BUF_INIT;
	int r = mkt_chain_build(s->to, &s->n.g, s->file, &b, err);

	if (r < 0)
		return r;
	while (!r && mkt_chain_build_next(b) <= s->info.height) {
		uint64_t h = mkt_chain_build_next(b);

		r = h < s->info.tail ? mkt_chain_read_short(s->n.c, h, &rec, err)
				     : mkt_chain_read_raw(s->n.c, h, &rec, err);
		NODE_OK(r, err);
		if (spoil)
			spoil(h, &rec, s);
		r = mkt_chain_build_block(b, rec.data, rec.len, err);
	}
	mkt_buf_release(&rec);
	if (!r)
		return mkt_chain_build_end(b, err);
	mkt_chain_build_abort(b);
	return r;
}

static void assert_nothing_left(struct setup *s)
{
	DIR *d = opendir(s->n.top);
	struct dirent *e;

	while ((e = readdir(d)))
		assert_true(e->d_name[0] == '.' || !strcmp(e->d_name, "chain") ||
			    !strcmp(e->d_name, "snap"));
	closedir(d);
}

static void a_chain_is_built_and_goes_on(void **state)
{
	struct mkt_buf a = MKT_BUF_INIT, b = MKT_BUF_INIT;
	struct mkt_snapshot_info look;
	struct mkt_tx_place place, same;
	struct mkt_block blk;
	struct setup s;
	struct node copy;
	struct mkt_err err;

	(void)state;
	begin(&s);
	NODE_OK(mkt_snapshot_look(s.file, &look, &err), &err);
	assert_memory_equal(&look, &s.info, sizeof(look));
	NODE_OK(build(&s, NULL, &err), &err);
	copy = s.n;
	memcpy(copy.dir, s.to, sizeof(copy.dir));
	node_open(&copy);
	assert_memory_equal(&copy.prev, &s.n.prev, sizeof(copy.prev));
	dump_state(s.n.c, &a);
	dump_state(copy.c, &b);
	assert_string_equal(mkt_buf_str(&a), mkt_buf_str(&b));

	/* Bodies above the tail are there with their transactions; below they are named. */
	for (uint64_t h = 1; h <= BLOCKS; h++) {
		int r = mkt_chain_read(copy.c, h, &b, &err);

		NODE_OK(mkt_chain_read(s.n.c, h, &a, &err), &err);
		NODE_OK(mkt_block_dec(a.data, a.len, &blk, &err), &err);
		if (r == -MKT_EPRUNED) {
			assert_true(h < s.info.tail && strstr(err.text, "not on this node"));
			assert_int_equal(mkt_chain_read_raw(copy.c, h, &b, &err), -MKT_EPRUNED);
			continue;
		}
		assert_int_equal(r, 0);
		assert_true(h >= s.info.tail || (!blk.h.ntxs && !blk.h.nevents));
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.data, b.data, a.len);
		for (uint32_t i = 0; h >= s.info.tail && i < blk.h.ntxs; i++) {
			const uint8_t *tx;
			struct mkt_hash id;
			uint32_t len;

			assert_true(mkt_block_tx(&blk, i, &tx, &len));
			mkt_tx_id(tx, len, &id);
			assert_int_equal(mkt_chain_find_tx(s.n.c, &id, &place, &err), 1);
			assert_int_equal(mkt_chain_find_tx(copy.c, &id, &same, &err), 1);
			assert_int_equal(place.height, same.height);
			assert_int_equal(place.ix, same.ix);
		}
	}
	grow(&copy, 20);
	mkt_chain_close(copy.c);
	node_open(&copy);
	assert_int_equal(copy.prev.height, BLOCKS + 20);
	mkt_chain_close(copy.c);
	s.n.ev = copy.ev; /* shared storage, grown by the copy */
	memcpy(s.n.tx, copy.tx, sizeof(s.n.tx));
	mkt_buf_release(&a);
	mkt_buf_release(&b);
	node_stop(&s.n);
}

static void a_flipped_bit_of_the_file_is_refused(void **state)
{
	struct mkt_buf good = MKT_BUF_INIT, bad = MKT_BUF_INIT;
	struct setup s;
	struct mkt_err err;

	(void)state;
	begin(&s);
	assert_true(file_read(s.file, &good));
	for (unsigned i = 0; i < 60; i++) {
		/* Every field of the head, then anywhere. */
		size_t at = i < 30 ? i * MKT_SNAPSHOT_HEAD_BYTES / 30
				   : (size_t)rng_below(&s.n.r, good.len);

		mkt_buf_clear(&bad);
		mkt_buf_add(&bad, good.data, good.len);
		bad.data[at] ^= (uint8_t)(1u << rng_below(&s.n.r, 8));
		file_write(s.file, bad.data, bad.len);
		err = (struct mkt_err){0};
		assert_int_not_equal(build(&s, NULL, &err), 0);
		assert_true(err.text[0]);
		assert_nothing_left(&s);
	}
	for (unsigned i = 0; i < 20; i++) {
		file_write(s.file, good.data, (size_t)rng_below(&s.n.r, good.len));
		assert_int_equal(build(&s, NULL, &err), -MKT_EINTEGRITY);
	}
	assert_nothing_left(&s);
	mkt_buf_release(&good);
	mkt_buf_release(&bad);
	node_stop(&s.n);
}

static void spoil_bit(uint64_t height, struct mkt_buf *rec, struct setup *s)
{
	if (height == s->info.tail / 2)
		rec->data[rec->len / 2] ^= 4;
}

/* A vote that is none, in a record that is whole otherwise. */
static void spoil_vote(uint64_t height, struct mkt_buf *rec, struct setup *s)
{
	struct mkt_buf block = MKT_BUF_INIT;
	struct mkt_err err;

	if (height != s->info.tail / 2)
		return;
	NODE_OK(mkt_record_unpack(rec->data, rec->len, MKT_BLOCK_BYTES_MAX, &height, &block, NULL,
				  &err),
		&err);
	block.data[MKT_HEADER_BYTES + 10] ^= 1;
	mkt_buf_clear(rec);
	NODE_OK(mkt_record_pack(height, MKT_RECORD_PRUNED, block.data, block.len, rec, &err), &err);
	mkt_buf_release(&block);
}

static void leave_out_body(uint64_t height, struct mkt_buf *rec, struct setup *s)
{
	struct mkt_err err;

	if (height >= s->info.tail && height < s->info.height)
		NODE_OK(mkt_chain_read_short(s->n.c, height, rec, &err), &err);
}

static void another_block(uint64_t height, struct mkt_buf *rec, struct setup *s)
{
	struct mkt_err err;

	if (height == s->info.tail / 2)
		NODE_OK(mkt_chain_read_short(s->n.c, height + 1, rec, &err), &err);
}

static void a_wrong_block_is_refused_and_named(void **state)
{
	struct setup s;
	struct mkt_err err;
	char name[32];

	(void)state;
	begin(&s);
	snprintf(name, sizeof(name), "block %llu", (unsigned long long)s.info.tail / 2);
	assert_int_equal(build(&s, spoil_bit, &err), -MKT_EINTEGRITY);
	assert_non_null(strstr(err.text, name));
	assert_int_equal(build(&s, spoil_vote, &err), -MKT_EINTEGRITY);
	assert_non_null(strstr(err.text, name));
	assert_non_null(strstr(err.text, "signature"));
	assert_int_equal(build(&s, another_block, &err), -MKT_EINTEGRITY);
	assert_non_null(strstr(err.text, "height"));
	assert_int_equal(build(&s, leave_out_body, &err), -MKT_EPRUNED);
	assert_nothing_left(&s);
	assert_int_equal(mkt_chain_build(s.n.dir, &s.n.g, "/nowhere",
					 &(struct mkt_chain_builder *){0}, &err),
			 -MKT_ENOTFOUND);
	NODE_OK(build(&s, NULL, &err), &err);
	assert_int_equal(build(&s, NULL, &err), -MKT_EEXISTS);
	node_stop(&s.n);
}

/* ---- another set of authorities ---- */

static void cosign(const struct node *n, const struct mkt_authority_change *change,
		   char out[MKT_COSIGN_LEN + 1])
{
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_sig sig;

	mkt_authority_signed(change, mkt_chain_id(n->c), &b);
	mkt_sign(&sig, &n->authority_key, b.data, b.len);
	memset(out, 0, MKT_COSIGN_LEN + 1); /* number 0 */
	memcpy(out + 2, sig.b, MKT_SIG_LEN);
	mkt_buf_release(&b);
}

static void append_one(struct node *n, struct mkt_sealed *b)
{
	struct mkt_err err;

	NODE_OK(mkt_chain_append(n->c, &b, 1, &err), &err);
	NODE_OK(mkt_chain_index(n->c, &b, 1, &err), &err);
	mkt_sealed_release(b);
}

/* A second authority, in a block of its own; its height. */
static uint64_t add_authority(struct node *n, struct mkt_seckey *second)
{
	struct mkt_op op = {.kind = MKT_OP_AUTHORITY};
	char sigs[MKT_COSIGN_LEN + 1];
	struct mkt_sealed b;

	op.u.authority.change.what = MKT_AUTHORITY_ADD;
	op.u.authority.change.generation = n->signers.generation;
	node_key(202, &op.u.authority.change.who.key, second);
	snprintf(op.u.authority.change.who.name, MKT_NAME_MAX, "second");
	op.u.authority.nsigs = 1;
	cosign(n, &op.u.authority.change, sigs);
	node_begin(n, n->prev.time_ms + 1000);
	assert_true(node_do(n, 0, &op, NULL, sigs));
	node_seal(n, &b);
	assert_int_equal(n->signers.n, 2);
	append_one(n, &b);
	return n->prev.height;
}

static void grow_by_two(struct node *n, const struct mkt_seckey *second, unsigned blocks)
{
	for (unsigned i = 0; i < blocks; i++) {
		struct mkt_vote votes[2] = {{.authority = 0}, {.authority = 1}};
		struct mkt_sealed b;

		node_begin(n, n->prev.time_ms + (i + 20 < blocks ? 600000 : i ? 1000 : 0));
		for (unsigned k = 0; k < 4; k++)
			node_random_op(n);
		node_seal(n, &b);
		mkt_header_sign(&b.hash, &n->authority_key, &votes[0].sig);
		mkt_header_sign(&b.hash, second, &votes[1].sig);
		NODE_WANT(mkt_sealed_certify(&b, votes, 2) == 0);
		append_one(n, &b);
	}
}

static uint64_t cut_height;

static void cut_body(uint64_t height, struct mkt_buf *rec, struct setup *s)
{
	struct mkt_buf block = MKT_BUF_INIT;
	struct mkt_block b;
	struct mkt_err err;
	size_t used;

	(void)s;
	if (height != cut_height)
		return;
	NODE_OK(mkt_record_unpack(rec->data, rec->len, MKT_BLOCK_BYTES_MAX, &height, &block, NULL,
				  &err),
		&err);
	NODE_OK(mkt_block_dec_head(block.data, block.len, &b, &used, &err), &err);
	mkt_buf_clear(rec);
	NODE_OK(mkt_record_pack(height, MKT_RECORD_PRUNED, block.data, used, rec, &err), &err);
	mkt_buf_release(&block);
}

static void certificates_are_followed_through_a_change_of_authorities(void **state)
{
	struct mkt_buf rec = MKT_BUF_INIT;
	struct mkt_pruned done;
	struct mkt_prune p = {.all = true};
	struct mkt_seckey second;
	struct mkt_err err;
	char dir[PATH_MAX];
	struct setup s;

	(void)state;
	memset(&s, 0, sizeof(s));
	node_start(&s.n, "snapshot", rng_start("snapshot"));
	snprintf(s.file, sizeof(s.file), "%.3000s/snap", s.n.top);
	snprintf(s.to, sizeof(s.to), "%.3000s/copy", s.n.top);
	snprintf(dir, sizeof(dir), "%.3000s/archive", s.n.top);
	grow(&s.n, 20);
	cut_height = add_authority(&s.n, &second);
	grow_by_two(&s.n, &second, 40);
	NODE_OK(mkt_snapshot_write(s.n.c, s.file, &s.info, &err), &err);
	assert_true(s.info.tail > cut_height + 1);

	/* Its body stays, whatever is pruned. */
	p.before = s.info.tail;
	p.dir = dir;
	NODE_OK(mkt_chain_prune(s.n.c, &p, &done, &err), &err);
	assert_true(done.blocks > 10);
	NODE_OK(mkt_chain_read_raw(s.n.c, cut_height, &rec, &err), &err);
	assert_int_equal(mkt_chain_read_raw(s.n.c, cut_height + 1, &rec, &err), -MKT_EPRUNED);
	mkt_buf_release(&rec);

	/* Without it the new set is unknown; with it the chain is built, and opens. */
	assert_int_equal(build(&s, cut_body, &err), -MKT_EINTEGRITY);
	assert_non_null(strstr(err.text, "another set of authorities"));
	NODE_OK(build(&s, NULL, &err), &err);
	mkt_chain_close(s.n.c);
	memcpy(s.n.dir, s.to, sizeof(s.n.dir));
	node_open(&s.n);
	assert_int_equal(mkt_state_authorities(mkt_chain_state(s.n.c))->n, 2);
	node_stop(&s.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_built_and_goes_on),
		cmocka_unit_test(a_flipped_bit_of_the_file_is_refused),
		cmocka_unit_test(a_wrong_block_is_refused_and_named),
		cmocka_unit_test(certificates_are_followed_through_a_change_of_authorities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
