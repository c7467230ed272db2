#include "core/base/compat.h"

#include "core/wire/signed.h"
#include "ledgerd/reader.h"

/* ---- who ----------------------------------------------------------------------------------- */

/* The limits of @who's class. */
static struct mkt_class_limits limits_of(struct ld_node *n, const struct ld_who *who)
{
	struct mkt_class_limits lim;
	struct mkt_account acc;
	unsigned cls = MKT_CLASS_READER;

	ld_node_read(n);
	if (who->signed_by && mkt_state_account(n->state, who->account, &acc))
		cls = acc.cls;
	lim = *mkt_state_limits(n->state, cls);
	ld_node_unread(n);
	return lim;
}

void ld_reader_limits(struct ld_req *r, struct mkt_class_limits *out)
{
	*out = (struct mkt_class_limits){0};
	if (r->door == LD_DOOR_USERS)
		*out = limits_of(r->node, &r->who);
}

static int unsigned_because(struct mkt_err *err, const char *hint)
{
	mkt_err_hint(err, "%s", hint);
	return -MKT_EUNSIGNED;
}

static int check_time(uint64_t signed_ms, uint64_t now_ms, struct mkt_err *err)
{
	uint64_t off = signed_ms > now_ms ? signed_ms - now_ms : now_ms - signed_ms;

	if (off <= MKT_SIGNED_MS)
		return 0;
	mkt_err_set(err, MKT_EUNSIGNED, "the read was signed %llu s %s the clock of this node",
		    (unsigned long long)off / 1000, signed_ms > now_ms ? "ahead of" : "behind");
	return unsigned_because(err, "check this machine's clock");
}

/* The account that claims to have signed; its key. */
static int find_account(struct ld_node *n, const char *text, struct mkt_account *acc,
			struct mkt_err *err)
{
	uint32_t number;
	int res;

	ld_node_read(n);
	res = ld_find_account(n, text, &number, err);
	if (!res && !mkt_state_account(n->state, number, acc))
		res = -MKT_ENOTFOUND;
	ld_node_unread(n);
	acc->chargers = NULL; /* borrowed from the state */
	if (res < 0)
		return mkt_err_set(err, MKT_EUNSIGNED,
				   "the account that signed the read is not "
				   "enrolled");
	return 0;
}

static int check_signature(struct ld_req *r, const struct mkt_signed *s,
			   const struct mkt_account *acc, uint64_t now_ms, struct mkt_err *err)
{
	if (!mkt_signed_ok(s, &r->node->chain_id, r->method, r->uri, &acc->key))
		return mkt_err_set(err, MKT_EUNSIGNED,
				   "the signature is not that of account %u for this request",
				   acc->number);
	switch (ld_guard_nonce(&r->node->guard, acc->number, s->nonce, s->time_ms + MKT_SIGNED_MS,
			       now_ms)) {
	case 0:
		return 0;
	case -MKT_EBUSY:
		return mkt_err_set(err, MKT_EBUSY, "too many signed reads at once");
	default:
		return mkt_err_set(err, MKT_EUNSIGNED, "this signed read was used before");
	}
}

/* ---- limits -------------------------------------------------------------------------------- */

static void tell_rate(struct ld_req *r, const struct ld_rate *rate)
{
	if (!rate->limit)
		return;
	r->reply.rate_known = true;
	r->reply.rate_limit = rate->limit;
	r->reply.rate_left = rate->left;
	r->reply.rate_reset_s = rate->reset_s;
}

/* Take @reads of @who, or with 0 only look whether one more is there. */
static int take(struct ld_req *r, const struct ld_who *who, bool look, struct mkt_err *err)
{
	struct mkt_class_limits lim = limits_of(r->node, who);
	struct ld_rate rate;
	bool ok = ld_guard_read(&r->node->guard, who, &lim, look, ld_mono_ms(), &rate);

	tell_rate(r, &rate);
	if (ok)
		return 0;
	r->reply.retry_s = rate.retry_s ? rate.retry_s : 1;
	return mkt_err_set(err, MKT_ERATE,
			   who->signed_by ? "too many reads of this account"
					  : "too many reads from this address");
}

/*
 * The cheap things first: whose bucket is empty is refused before the signature is checked,
 * and nobody's bucket is drawn from by a signature that is not his.
 */
static int admit_signed(struct ld_req *r, bool counted, struct mkt_err *err)
{
	struct ld_who who = {.signed_by = true};
	uint64_t now_ms = ld_utc_ms();
	struct mkt_account acc = {.number = 0};
	struct mkt_signed s;
	int res = mkt_signed_parse(r->authorization, &s, err);

	if (!res)
		res = check_time(s.time_ms, now_ms, err);
	if (!res)
		res = find_account(r->node, s.account, &acc, err);
	if (!res) {
		who.account = acc.number;
		res = counted ? take(r, &who, true, err) : 0;
	}
	if (!res)
		res = check_signature(r, &s, &acc, now_ms, err);
	/* Signatures that do not hold cost their sender's address. */
	if (res == -MKT_EUNSIGNED && counted && take(r, &r->who, false, NULL) < 0)
		return mkt_err_set(err, MKT_ERATE, "too many reads from this address");
	if (res < 0)
		return res;
	r->who = who;
	return counted ? take(r, &r->who, false, err) : 0;
}

int ld_reader_admit(struct ld_req *r, bool counted, struct mkt_err *err)
{
	static const char scheme[] = MKT_SIGNED_SCHEME " ";

	if (r->door != LD_DOOR_USERS)
		return 0;
	/* Of another scheme: between the client and a proxy in front of us. */
	if (r->authorization && !strncmp(r->authorization, scheme, sizeof(scheme) - 1))
		return admit_signed(r, counted, err);
	return counted ? take(r, &r->who, false, err) : 0;
}

void ld_reader_rows(struct ld_req *r)
{
	struct mkt_class_limits lim;

	if (r->door != LD_DOOR_USERS || !r->rows)
		return;
	lim = limits_of(r->node, &r->who);
	ld_guard_rows(&r->node->guard, &r->who, lim.rows_per_min, r->rows, ld_mono_ms());
}

/* ---- what they may see --------------------------------------------------------------------- */

struct search {
	uint32_t reader;
	uint64_t now_s;
	bool found;
};

static bool each_grant(void *ctx, const struct mkt_grant *g)
{
	struct search *s = ctx;

	s->found = g->to == s->reader &&
		   (g->meter || (g->rights && (!g->until_s || g->until_s >= s->now_s)));
	return !s->found;
}

/* With the state's lock. */
static bool may_see(struct ld_node *n, uint32_t reader, uint32_t account)
{
	struct search s = {reader, mkt_state_time_ms(n->state) / 1000, false};
	struct mkt_account acc;

	if (reader == account || reader == MKT_OPERATOR)
		return true;
	if (mkt_state_account(n->state, reader, &acc) && acc.cls == MKT_CLASS_READER &&
	    !acc.suspended)
		return true;
	if (account != LD_EVERYBODY)
		mkt_state_grants(n->state, account, each_grant, &s);
	return s.found;
}

int ld_reader_may_either(struct ld_req *r, uint32_t a, uint32_t b, struct mkt_err *err)
{
	bool may;

	if (!r->node->g->private_accounts || r->door != LD_DOOR_USERS)
		return 0;
	if (ld_private(r, err) < 0)
		return -MKT_EUNSIGNED;
	ld_node_read(r->node);
	may = may_see(r->node, r->who.account, a) || may_see(r->node, r->who.account, b);
	ld_node_unread(r->node);
	if (may)
		return 0;
	if (a == LD_EVERYBODY)
		return mkt_err_set(err, MKT_EDENIED,
				   "accounts of this chain are private: this is for the operator "
				   "and accounts of class reader");
	return mkt_err_set(err, MKT_EDENIED,
			   "accounts of this chain are private: account %u may not read this",
			   r->who.account);
}

int ld_reader_may(struct ld_req *r, uint32_t account, struct mkt_err *err)
{
	return ld_reader_may_either(r, account, account, err);
}
