#include "core/base/compat.h"

#include "core/chain/merkle.h"

static void node(const struct mkt_hash *left, const struct mkt_hash *right, struct mkt_hash *out)
{
	mkt_hash2(out, MKT_DOM_NODE, left->b, MKT_HASH_LEN, right->b, MKT_HASH_LEN);
}

/* One level up, in place: joining neighbours and lifting the odd one is the tree of RFC 6962. */
static uint32_t fold_level(struct mkt_hash *v, uint32_t n)
{
	for (uint32_t i = 0; i + 1 < n; i += 2)
		node(&v[i], &v[i + 1], &v[i / 2]);
	if (n % 2)
		v[n / 2] = v[n - 1];
	return n / 2 + n % 2;
}

void mkt_merkle_root(struct mkt_hash *leaves, uint32_t n, struct mkt_hash *root)
{
	if (!n) {
		mkt_hash(root, MKT_DOM_NODE, NULL, 0);
		return;
	}
	while (n > 1)
		n = fold_level(leaves, n);
	*root = leaves[0];
}

int mkt_merkle_prove(const struct mkt_hash *leaves, uint32_t n, uint32_t ix, struct mkt_proof *out)
{
	struct mkt_proof p = {.n = n, .ix = ix};
	struct mkt_hash *v;

	if (ix >= n)
		return -MKT_EINVAL;
	v = malloc((size_t)n * sizeof(*v));
	if (!v)
		return -MKT_ENOMEM;
	memcpy(v, leaves, (size_t)n * sizeof(*v));
	while (n > 1) {
		if (ix % 2 || ix + 1 < n)
			p.path[p.depth++] = v[ix ^ 1];
		n = fold_level(v, n);
		ix /= 2;
	}
	free(v);
	*out = p;
	return 0;
}

bool mkt_merkle_ok(const struct mkt_proof *p, const struct mkt_hash *leaf,
		   const struct mkt_hash *root)
{
	struct mkt_hash h = *leaf;
	uint32_t n = p->n, ix = p->ix;
	unsigned used = 0;

	if (ix >= n || p->depth > MKT_MERKLE_DEPTH_MAX)
		return false;
	/* The shape follows from n and ix alone, so a path of another length proves nothing. */
	while (n > 1) {
		if (ix % 2 || ix + 1 < n) {
			if (used == p->depth)
				return false;
			if (ix % 2)
				node(&p->path[used], &h, &h);
			else
				node(&h, &p->path[used], &h);
			used++;
		}
		n = n / 2 + n % 2;
		ix /= 2;
	}
	return used == p->depth && mkt_hash_eq(&h, root);
}
