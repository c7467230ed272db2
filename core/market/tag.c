#include "core/base/compat.h"

#include "core/market/tag.h"
#include "core/units/checked.h"

#define FLAG_DIRECT (1 << 0)
#define FLAG_CLOSED (1 << 1)

/* ---- names ------------------------------------------------------------------------------ */

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool mkt_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n < 1 || n > MKT_NAME_MAX || name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!name_char(name[i]))
			return false;
	return true;
}

static void copy_name(char to[MKT_NAME_MAX + 1], const char *name)
{
	memset(to, 0, MKT_NAME_MAX + 1);
	snprintf(to, MKT_NAME_MAX + 1, "%s", name);
}

/* ---- life ------------------------------------------------------------------------------- */

void mkt_tag_dim_release(struct mkt_tag_dim *d)
{
	for (unsigned i = 0; i < d->nvalues; i++)
		free(d->values[i].members);
	free(d->values);
	*d = (struct mkt_tag_dim){0};
}

void mkt_tag_table_release(struct mkt_tag_table *t)
{
	for (unsigned d = 0; d < t->ndims; d++)
		mkt_tag_dim_release(&t->dims[d]);
	*t = (struct mkt_tag_table){0};
}

static int copy_value(struct mkt_tag_value *to, const struct mkt_tag_value *from)
{
	*to = *from;
	to->members = NULL;
	if (!from->nmembers)
		return 0;
	to->members = malloc(from->nmembers * sizeof(*to->members));
	if (!to->members)
		return -MKT_ENOMEM;
	memcpy(to->members, from->members, from->nmembers * sizeof(*to->members));
	return 0;
}

static int copy_dim(struct mkt_tag_dim *to, const struct mkt_tag_dim *from)
{
	*to = *from;
	to->nvalues = 0;
	to->values = calloc(from->nvalues, sizeof(*to->values));
	if (!to->values)
		return -MKT_ENOMEM;
	for (unsigned i = 0; i < from->nvalues; i++) {
		if (copy_value(&to->values[i], &from->values[i]) < 0)
			return -MKT_ENOMEM;
		to->nvalues++;
	}
	return 0;
}

int mkt_tag_table_copy(struct mkt_tag_table *to, const struct mkt_tag_table *from)
{
	struct mkt_tag_table t = {0};

	for (unsigned d = 0; d < from->ndims; d++) {
		t.ndims++;
		if (copy_dim(&t.dims[d], &from->dims[d]) < 0) {
			mkt_tag_table_release(&t);
			return -MKT_ENOMEM;
		}
	}
	*to = t;
	return 0;
}

/* ---- building --------------------------------------------------------------------------- */

int mkt_tag_add_dim(struct mkt_tag_table *t, const char *dim, const char *first)
{
	struct mkt_tag_dim *d;

	if (!mkt_name_ok(dim) || !mkt_name_ok(first))
		return -MKT_ENAME;
	if (mkt_tag_find_dim(t, dim) >= 0 || mkt_tag_find(t, first, NULL, NULL) >= 0)
		return -MKT_EEXISTS;
	if (t->ndims >= MKT_DIMS_MAX)
		return -MKT_ELIMIT;
	d = &t->dims[t->ndims];
	d->values = calloc(1, sizeof(*d->values));
	if (!d->values)
		return -MKT_ENOMEM;
	copy_name(d->name, dim);
	copy_name(d->values[0].name, first);
	d->nvalues = 1;
	t->ndims++;
	return 0;
}

/* A new value at the end of dimension @d. */
static int add_value(struct mkt_tag_dim *d, const struct mkt_tag_value *v, uint8_t *value)
{
	struct mkt_tag_value *values;

	if (d->nvalues >= MKT_TAG_VALUES_MAX)
		return -MKT_ELIMIT;
	values = realloc(d->values, (d->nvalues + 1u) * sizeof(*values));
	if (!values)
		return -MKT_ENOMEM;
	d->values = values;
	values[d->nvalues] = (struct mkt_tag_value){
		.direct = v->direct,
		.closed = v->closed,
		.fee_upwh = v->fee_upwh,
		.fee_account = v->fee_account,
	};
	copy_name(values[d->nvalues].name, v->name);
	*value = (uint8_t)d->nvalues++;
	return 0;
}

int mkt_tag_set_value(struct mkt_tag_table *t, unsigned dim, const struct mkt_tag_value *v,
		      uint8_t *value)
{
	struct mkt_tag_value *old;
	unsigned at_dim;
	uint8_t at;

	if (dim >= t->ndims)
		return -MKT_ETAG;
	if (!mkt_name_ok(v->name))
		return -MKT_ENAME;
	if (v->fee_upwh < 0)
		return -MKT_EPRICE;
	if (mkt_tag_find(t, v->name, &at_dim, &at) < 0)
		return add_value(&t->dims[dim], v, value);
	old = &t->dims[at_dim].values[at];
	if (at_dim != dim || old->direct != v->direct)
		return -MKT_EEXISTS;
	old->closed = v->closed;
	old->fee_upwh = v->fee_upwh;
	old->fee_account = v->fee_account;
	*value = at;
	return 0;
}

/* Where @account is, or belongs, in the ascending list. */
static uint32_t member_at(const struct mkt_tag_value *v, uint32_t account)
{
	uint32_t lo = 0, hi = v->nmembers;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (v->members[mid] < account)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_member(const struct mkt_tag_value *v, uint32_t account)
{
	uint32_t at = member_at(v, account);

	return at < v->nmembers && v->members[at] == account;
}

static int add_member(struct mkt_tag_value *v, uint32_t account)
{
	uint32_t at = member_at(v, account);
	uint32_t *members;

	if (v->nmembers >= MKT_TAG_MEMBERS_MAX)
		return -MKT_ELIMIT;
	members = realloc(v->members, (v->nmembers + 1) * sizeof(*members));
	if (!members)
		return -MKT_ENOMEM;
	memmove(members + at + 1, members + at, (v->nmembers - at) * sizeof(*members));
	members[at] = account;
	v->members = members;
	v->nmembers++;
	v->closed = true;
	return 0;
}

static void del_member(struct mkt_tag_value *v, uint32_t account)
{
	uint32_t at = member_at(v, account);

	v->nmembers--;
	memmove(v->members + at, v->members + at + 1, (v->nmembers - at) * sizeof(*v->members));
}

int mkt_tag_set_member(struct mkt_tag_table *t, unsigned dim, uint8_t value, uint32_t account,
		       bool in)
{
	struct mkt_tag_value *v;

	if (dim >= t->ndims || value >= t->dims[dim].nvalues)
		return -MKT_ETAG;
	v = &t->dims[dim].values[value];
	if (in == is_member(v, account))
		return 0;
	if (in)
		return add_member(v, account);
	del_member(v, account);
	return 0;
}

/* ---- questions -------------------------------------------------------------------------- */

bool mkt_tags_known(const struct mkt_tag_table *t, mkt_tags tags)
{
	for (unsigned d = 0; d < t->ndims; d++)
		if (mkt_tags_value(tags, d) >= t->dims[d].nvalues)
			return false;
	return t->ndims >= MKT_DIMS_MAX || !(tags >> (8 * t->ndims));
}

static const struct mkt_tag_value *value_of(const struct mkt_tag_table *t, mkt_tags tags,
					    unsigned d)
{
	return &t->dims[d].values[mkt_tags_value(tags, d)];
}

bool mkt_tags_open_to(const struct mkt_tag_table *t, mkt_tags tags, uint32_t account)
{
	for (unsigned d = 0; d < t->ndims; d++) {
		const struct mkt_tag_value *v = value_of(t, tags, d);

		if (v->closed && !is_member(v, account))
			return false;
	}
	return true;
}

bool mkt_tags_direct(const struct mkt_tag_table *t, mkt_tags tags)
{
	for (unsigned d = 0; d < t->ndims; d++)
		if (value_of(t, tags, d)->direct)
			return true;
	return false;
}

int mkt_tags_fee(const struct mkt_tag_table *t, mkt_tags tags, int32_t *fee_upwh)
{
	int64_t sum = 0;

	for (unsigned d = 0; d < t->ndims; d++)
		sum += value_of(t, tags, d)->fee_upwh; /* at most 8 of them */
	if (sum > INT32_MAX)
		return -MKT_EOVERFLOW;
	*fee_upwh = (int32_t)sum;
	return 0;
}

int mkt_tag_find_dim(const struct mkt_tag_table *t, const char *name)
{
	for (unsigned d = 0; d < t->ndims; d++)
		if (!strcmp(t->dims[d].name, name))
			return (int)d;
	return -1;
}

int mkt_tag_find(const struct mkt_tag_table *t, const char *name, unsigned *dim, uint8_t *value)
{
	for (unsigned d = 0; d < t->ndims; d++) {
		for (unsigned i = 0; i < t->dims[d].nvalues; i++) {
			if (strcmp(t->dims[d].values[i].name, name) != 0)
				continue;
			if (dim)
				*dim = d;
			if (value)
				*value = (uint8_t)i;
			return 0;
		}
	}
	return -1;
}

/* ---- text ------------------------------------------------------------------------------- */

void mkt_tags_text(const struct mkt_tag_table *t, mkt_tags tags, struct mkt_buf *out)
{
	const char *join = "";

	if (!tags && t->ndims)
		mkt_buf_addstr(out, t->dims[0].values[0].name);
	for (unsigned d = 0; d < t->ndims; d++) {
		if (!mkt_tags_value(tags, d))
			continue;
		mkt_buf_addstr(out, join);
		mkt_buf_addstr(out, value_of(t, tags, d)->name);
		join = "+";
	}
}

/* One name of the text; @seen has a bit for each dimension that had one. */
static int parse_name(const struct mkt_tag_table *t, const char *name, size_t n, mkt_tags *tags,
		      uint32_t *seen, struct mkt_err *err)
{
	char one[MKT_NAME_MAX + 1] = "";
	unsigned dim;
	uint8_t value;

	if (n <= MKT_NAME_MAX)
		memcpy(one, name, n);
	if (!n || n > MKT_NAME_MAX || mkt_tag_find(t, one, &dim, &value) < 0)
		return mkt_err_set(err, MKT_ETAG, "no such tag: '%.*s'", (int)(n < 64 ? n : 64),
				   name);
	if (*seen & 1u << dim)
		return mkt_err_set(err, MKT_ETAG, "a second tag of dimension '%s': '%s'",
				   t->dims[dim].name, one);
	*seen |= 1u << dim;
	*tags = mkt_tags_with(*tags, dim, value);
	return 0;
}

int mkt_tags_parse(const struct mkt_tag_table *t, const char *text, mkt_tags *tags,
		   struct mkt_err *err)
{
	mkt_tags found = 0;
	uint32_t seen = 0;

	for (;;) {
		size_t n = strcspn(text, "+");
		int rc = parse_name(t, text, n, &found, &seen, err);

		if (rc < 0)
			return rc;
		text += n;
		if (!*text)
			break;
		text++;
	}
	*tags = found;
	return 0;
}

/* ---- bytes ------------------------------------------------------------------------------ */

static void value_enc(const struct mkt_tag_value *v, struct mkt_buf *out)
{
	mkt_enc_text(out, v->name, strlen(v->name));
	mkt_enc_u8(out, (uint8_t)((v->direct ? FLAG_DIRECT : 0) | (v->closed ? FLAG_CLOSED : 0)));
	mkt_enc_i32(out, v->fee_upwh);
	mkt_enc_u32(out, v->fee_account);
	mkt_enc_u16(out, (uint16_t)v->nmembers);
	for (uint32_t i = 0; i < v->nmembers; i++)
		mkt_enc_u32(out, v->members[i]);
}

void mkt_tag_dim_enc(const struct mkt_tag_dim *d, struct mkt_buf *out)
{
	mkt_enc_text(out, d->name, strlen(d->name));
	mkt_enc_u8(out, (uint8_t)d->nvalues);
	for (unsigned i = 0; i < d->nvalues; i++)
		value_enc(&d->values[i], out);
}

static int members_dec(struct mkt_dec *in, struct mkt_tag_value *v)
{
	uint32_t n = mkt_dec_u16(in);

	if (in->bad)
		return -MKT_ETRUNCATED;
	if (n > MKT_TAG_MEMBERS_MAX)
		return -MKT_ENONCANONICAL;
	if (!n)
		return 0;
	v->members = malloc(n * sizeof(*v->members));
	if (!v->members)
		return -MKT_ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		v->members[i] = mkt_dec_u32(in);
		if (in->bad)
			return -MKT_ETRUNCATED;
		if (i && v->members[i] <= v->members[i - 1])
			return -MKT_ENONCANONICAL;
	}
	v->nmembers = n;
	return 0;
}

/* A name as it stands in canonical bytes: text that passes mkt_name_ok(). */
static int name_dec(struct mkt_dec *in, char name[MKT_NAME_MAX + 1])
{
	size_t n = mkt_dec_u8(in);
	const uint8_t *p = mkt_dec_bytes(in, n);

	if (!p)
		return -MKT_ETRUNCATED;
	if (n > MKT_NAME_MAX || memchr(p, 0, n))
		return -MKT_ENONCANONICAL;
	memset(name, 0, MKT_NAME_MAX + 1);
	memcpy(name, p, n);
	return mkt_name_ok(name) ? 0 : -MKT_ENONCANONICAL;
}

static int value_dec(struct mkt_dec *in, struct mkt_tag_value *v)
{
	int rc = name_dec(in, v->name);
	uint8_t flags;

	if (rc < 0)
		return rc;
	flags = mkt_dec_u8(in);
	v->fee_upwh = mkt_dec_i32(in);
	v->fee_account = mkt_dec_u32(in);
	if (in->bad)
		return -MKT_ETRUNCATED;
	if (flags > (FLAG_DIRECT | FLAG_CLOSED) || v->fee_upwh < 0)
		return -MKT_ENONCANONICAL;
	v->direct = flags & FLAG_DIRECT;
	v->closed = flags & FLAG_CLOSED;
	return members_dec(in, v);
}

int mkt_tag_dim_dec(struct mkt_dec *in, struct mkt_tag_dim *d)
{
	struct mkt_tag_dim got = {0};
	unsigned n;
	int rc = name_dec(in, got.name);

	if (rc < 0)
		return rc;
	n = mkt_dec_u8(in);
	if (in->bad)
		return -MKT_ETRUNCATED;
	if (!n)
		return -MKT_ENONCANONICAL;
	got.values = calloc(n, sizeof(*got.values));
	if (!got.values)
		return -MKT_ENOMEM;
	for (unsigned i = 0; i < n && !rc; i++) {
		got.nvalues++;
		rc = value_dec(in, &got.values[i]);
	}
	if (rc < 0) {
		mkt_tag_dim_release(&got);
		return rc;
	}
	*d = got;
	return 0;
}
