/*
 * Tags: what a book is besides its window.
 *
 * A chain has up to MKT_DIMS_MAX dimensions (energy, market, ...), each with up
 * to 255 values; value 0 is the default of its dimension.  A book has one value
 * of every dimension, packed into 64 bits: byte d is the value of dimension d.
 * A dimension that is added later leaves all books as they are, because their
 * byte of it is 0.
 *
 * A value may be direct (its books are taken first, R3), may have members (only
 * they bid there) and may cost the buyer a fee per Wh, paid to an account.
 */
#ifndef MKT_MARKET_TAG_H
#define MKT_MARKET_TAG_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/codec/enc.h"

typedef uint64_t mkt_tags; /* packed tag set; byte d = value of dimension d */

struct mkt_tag_value {
	char name[MKT_NAME_MAX + 1];
	bool direct;
	bool closed;          /* has members: only they bid */
	int32_t fee_upwh;     /* >= 0 */
	uint32_t fee_account;
	uint32_t nmembers;
	uint32_t *members;    /* ascending account numbers; owned */
};

struct mkt_tag_dim {
	char name[MKT_NAME_MAX + 1];
	uint16_t nvalues;     /* at least 1 */
	struct mkt_tag_value *values; /* owned */
};

struct mkt_tag_table {
	uint8_t ndims;
	struct mkt_tag_dim dims[MKT_DIMS_MAX];
};

static inline uint8_t mkt_tags_value(mkt_tags t, unsigned dim)
{
	return (uint8_t)(t >> (8 * dim));
}

static inline mkt_tags mkt_tags_with(mkt_tags t, unsigned dim, uint8_t value)
{
	return (t & ~((mkt_tags)0xff << (8 * dim))) | (mkt_tags)value << (8 * dim);
}

/*
 * True if @name is 1..31 of [a-z0-9._-] and begins with a letter: the form of
 * every name (accounts, dimensions, tags, chains).
 */
bool mkt_name_ok(const char *name);

void mkt_tag_dim_release(struct mkt_tag_dim *d);
void mkt_tag_table_release(struct mkt_tag_table *t);

/* Copy @from with all it owns.  -MKT_ENOMEM leaves @to alone. */
int mkt_tag_table_copy(struct mkt_tag_table *to, const struct mkt_tag_table *from) MKT_MUST_CHECK;

/* Add a dimension with its default value.  -MKT_EEXISTS, -MKT_ELIMIT, -MKT_ENAME, -MKT_ENOMEM. */
int mkt_tag_add_dim(struct mkt_tag_table *t, const char *dim, const char *first) MKT_MUST_CHECK;

/*
 * Add a value, or change closed and fee of one that stands (members stay).
 * *@value gets its number.  Same errors, and -MKT_ETAG no such dimension,
 * -MKT_EPRICE negative fee.  Value names are unique over all dimensions, so that
 * people need not say the dimension.  What is direct stays so (-MKT_EEXISTS):
 * the rank of a book never changes under the bids in it.
 */
int mkt_tag_set_value(struct mkt_tag_table *t, unsigned dim, const struct mkt_tag_value *v,
		      uint8_t *value) MKT_MUST_CHECK;

/*
 * Let @account in or out; the value becomes closed with its first member and
 * stays so.  -MKT_ETAG, -MKT_ELIMIT, -MKT_ENOMEM.
 */
int mkt_tag_set_member(struct mkt_tag_table *t, unsigned dim, uint8_t value, uint32_t account,
		       bool in) MKT_MUST_CHECK;

/* True if every byte names a value of its dimension. */
bool mkt_tags_known(const struct mkt_tag_table *t, mkt_tags tags);

/* True if @account may bid there. */
bool mkt_tags_open_to(const struct mkt_tag_table *t, mkt_tags tags, uint32_t account);

/* True if one of the values is direct. */
bool mkt_tags_direct(const struct mkt_tag_table *t, mkt_tags tags);

/* Sum of the fees of all values (each goes to its own account).  -MKT_EOVERFLOW. */
int mkt_tags_fee(const struct mkt_tag_table *t, mkt_tags tags, int32_t *fee_upwh) MKT_MUST_CHECK;

/* Find a dimension or a value by name; -1 if there is none. */
int mkt_tag_find_dim(const struct mkt_tag_table *t, const char *name);
int mkt_tag_find(const struct mkt_tag_table *t, const char *name, unsigned *dim, uint8_t *value);

/*
 * Text of a tag set: names joined by '+', in order of dimension, defaults left
 * out unless all are defaults, when it is the name of dimension 0's default.
 * mkt_tags_parse() takes names in any order, each dimension at most once:
 * -MKT_ETAG with the name in @err.
 */
void mkt_tags_text(const struct mkt_tag_table *t, mkt_tags tags, struct mkt_buf *out);
int mkt_tags_parse(const struct mkt_tag_table *t, const char *text, mkt_tags *tags,
		   struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Canonical bytes of one dimension with its values (a record of the state; part
 * of genesis): text name, u8 n (1..255), n x (text name, u8 flags (bit 0 direct,
 * bit 1 closed), i32 fee, u32 fee account, u16 m, m x u32 member ascending).
 * Decoding fails with -MKT_ETRUNCATED, -MKT_ENONCANONICAL or -MKT_ENOMEM and
 * leaves @d alone; names of several dimensions are not compared.
 */
void mkt_tag_dim_enc(const struct mkt_tag_dim *d, struct mkt_buf *out);
int mkt_tag_dim_dec(struct mkt_dec *in, struct mkt_tag_dim *d) MKT_MUST_CHECK;

#endif
