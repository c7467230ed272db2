/*
 * The operator's operations on the rules of the chain: tags, limits, imbalance
 * prices, clock.
 */
#include "core/base/compat.h"

#include "core/ledger/state_impl.h"

static void dim_touch(struct mkt_state *s, unsigned dim)
{
	note(s, MKT_REC_DIM, dim, &s->dim_mark[dim]);
}

/* ---- tags ------------------------------------------------------------------------------- */

int check_dimension(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const char *dim = a->op->u.dimension.dim, *first = a->op->u.dimension.first;

	if (!mkt_name_ok(dim) || !mkt_name_ok(first))
		return refuse(r, MKT_ENAME, 0, "name '%s' or '%s' is not well formed", dim, first);
	if (mkt_tag_find_dim(&s->tags, dim) >= 0 || mkt_tag_find(&s->tags, first, NULL, NULL) >= 0)
		return refuse(r, MKT_EEXISTS, 0, "'%s' or '%s' exists already", dim, first);
	if (s->tags.ndims >= MKT_DIMS_MAX)
		return refuse(r, MKT_ELIMIT, MKT_DIMS_MAX, "a chain has at most %d dimensions",
			      MKT_DIMS_MAX);
	return 0;
}

int run_dimension(struct mkt_state *s, const struct act *a, struct answer *r)
{
	if (mkt_tag_add_dim(&s->tags, a->op->u.dimension.dim, a->op->u.dimension.first) < 0) {
		s->nomem = true; /* all else was checked */
		return 0;
	}
	r->ref = s->tags.ndims - 1u;
	dim_touch(s, s->tags.ndims - 1u);
	return 0;
}

int check_tag(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	unsigned dim = a->op->u.tag.dim, at_dim;
	const char *name = a->op->u.tag.name;
	uint8_t at;

	if (dim >= s->tags.ndims)
		return refuse(r, MKT_ETAG, 0, "no dimension %u", dim);
	if (!mkt_name_ok(name))
		return refuse(r, MKT_ENAME, 0, "name '%s' is not well formed", name);
	if (a->op->u.tag.fee_upwh < 0)
		return refuse(r, MKT_EPRICE, 0, "a fee is not below zero");
	if (!account_known(s, a->op->u.tag.fee_account))
		return refuse(r, MKT_EACCOUNT, 0, "account %u is not enrolled",
			      a->op->u.tag.fee_account);
	if (mkt_tag_find(&s->tags, name, &at_dim, &at) < 0) {
		if (s->tags.dims[dim].nvalues >= MKT_TAG_VALUES_MAX)
			return refuse(r, MKT_ELIMIT, MKT_TAG_VALUES_MAX,
				      "a dimension has at most %d tags", MKT_TAG_VALUES_MAX);
		return 0;
	}
	if (at_dim != dim)
		return refuse(r, MKT_EEXISTS, 0, "tag '%s' exists in another dimension", name);
	if (s->tags.dims[dim].values[at].direct != !!(a->op->u.tag.flags & MKT_TAG_DIRECT))
		return refuse(r, MKT_EEXISTS, 0, "tag '%s' exists and what is direct stays so",
			      name);
	return 0;
}

/* The engine ranks by fee: tell it of the books that have the changed tag. */
static void refee(struct mkt_state *s, unsigned dim, uint8_t value)
{
	for (uint32_t i = 0; i < s->norder; i++) {
		const struct window *w = &s->window[s->order[i]];

		for (uint32_t k = 0; k < w->nbooks; k++) {
			mkt_tags tags = w->books[k].tags;
			int32_t fee = INT32_MAX;

			if (mkt_tags_value(tags, dim) != value)
				continue;
			if (mkt_tags_fee(&s->tags, tags, &fee) < 0)
				fee = INT32_MAX; /* buys are refused there: see check_bid() */
			mkt_book_set_fee(s->books, w->books[k].book, fee);
		}
	}
}

int run_tag(struct mkt_state *s, const struct act *a, struct answer *r)
{
	struct mkt_tag_value v = {
		.direct = a->op->u.tag.flags & MKT_TAG_DIRECT,
		.closed = a->op->u.tag.flags & MKT_TAG_CLOSED,
		.fee_upwh = a->op->u.tag.fee_upwh,
		.fee_account = a->op->u.tag.fee_account,
	};
	uint8_t value;

	memcpy(v.name, a->op->u.tag.name, sizeof(v.name));
	if (mkt_tag_set_value(&s->tags, a->op->u.tag.dim, &v, &value) < 0) {
		s->nomem = true;
		return 0;
	}
	r->ref = value;
	dim_touch(s, a->op->u.tag.dim);
	refee(s, a->op->u.tag.dim, value);
	return 0;
}

int check_member(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	unsigned dim = a->op->u.member.dim, value = a->op->u.member.value;

	if (dim >= s->tags.ndims || value >= s->tags.dims[dim].nvalues)
		return refuse(r, MKT_ETAG, 0, "no tag %u in dimension %u", value, dim);
	if (!account_known(s, a->op->u.member.account))
		return refuse(r, MKT_EACCOUNT, 0, "account %u is not enrolled",
			      a->op->u.member.account);
	if (a->op->u.member.in && s->tags.dims[dim].values[value].nmembers >= MKT_TAG_MEMBERS_MAX)
		return refuse(r, MKT_ELIMIT, MKT_TAG_MEMBERS_MAX, "a tag has at most %d members",
			      MKT_TAG_MEMBERS_MAX);
	return 0;
}

int run_member(struct mkt_state *s, const struct act *a, struct answer *r)
{
	r->ref = a->op->u.member.account;
	dim_touch(s, a->op->u.member.dim);
	if (mkt_tag_set_member(&s->tags, a->op->u.member.dim, a->op->u.member.value,
			       a->op->u.member.account, a->op->u.member.in) < 0)
		s->nomem = true;
	return 0;
}

/* ---- limits, prices, clock -------------------------------------------------------------- */

int check_limits(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	(void)s;
	if (a->op->u.limits.lim.open_bids > MKT_OPEN_BIDS_ACCOUNT_MAX)
		return refuse(r, MKT_ELIMIT, MKT_OPEN_BIDS_ACCOUNT_MAX,
			      "an account has at most %u open bids", MKT_OPEN_BIDS_ACCOUNT_MAX);
	return 0;
}

int run_limits(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint8_t cls = a->op->u.limits.cls;

	note(s, MKT_REC_LIMITS, cls, &s->limits_mark[cls]);
	s->limits[cls] = a->op->u.limits.lim;
	r->ref = cls;
	return 0;
}

int check_imbalance(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	int32_t up = a->op->u.imbalance.up_upwh, down = a->op->u.imbalance.down_upwh;

	(void)s;
	if (up < 0 || up > MKT_IMBALANCE_MAX || down < 0 || down > MKT_IMBALANCE_MAX)
		return refuse(r, MKT_EPRICE, MKT_IMBALANCE_MAX, "an imbalance price is 0 to %d",
			      MKT_IMBALANCE_MAX);
	return 0;
}

int run_imbalance(struct mkt_state *s, const struct act *a, struct answer *r)
{
	(void)r;
	s->up_upwh = a->op->u.imbalance.up_upwh;
	s->down_upwh = a->op->u.imbalance.down_upwh;
	return 0;
}

/* mkt_state_admit() has seen to it that the clock stands where it may. */
int check_clock_op(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	if (s->g.clock != MKT_CLOCK_OPERATOR || a->op->u.clock.time_ms < s->time_ms)
		return refuse(r, MKT_ECLOCK, 0, "%s", mkt_code_text(MKT_ECLOCK));
	return 0;
}

int run_clock(struct mkt_state *s, const struct act *a, struct answer *r)
{
	s->clock_seen = true;
	r->more = a->op->u.clock.time_ms;
	return 0;
}

/* ---- authorities ------------------------------------------------------------------------ */

int check_authority(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct mkt_op_authority *o = &a->op->u.authority;
	struct mkt_err why = {0};

	if (!mkt_name_ok(o->change.who.name))
		return refuse(r, MKT_ENAME, 0, "name '%s' is not well formed", o->change.who.name);
	if (mkt_authorities_check(&s->authorities, &s->chain, &o->change, a->tx->raw + o->sigs_at,
				  o->nsigs, &why) < 0)
		return refuse(r, why.code, s->authorities.generation, "%s", why.text);
	return 0;
}

int run_authority(struct mkt_state *s, const struct act *a, struct answer *r)
{
	note(s, MKT_REC_AUTHORITIES, 0, &s->authorities_mark);
	mkt_authorities_change(&s->authorities, &a->op->u.authority.change, s->height);
	r->ref = s->authorities.generation;
	r->more = s->authorities.n;
	return 0;
}
