/*
 * Accounts, what they grant each other, and the operations on them.
 */
#include "core/base/compat.h"

#include "core/codec/enc.h"
#include "core/ledger/state_impl.h"
#include "core/units/fmt.h"

struct money_copy {
	int64_t available_uc, held_uc, locked_uc;
};

struct account *account_touch(struct mkt_state *s, uint32_t number)
{
	struct account *a = &s->account[number];

	note(s, MKT_REC_ACCOUNT, number, &a->mark);
	if (undo_wants(s, &a->saved)) {
		struct money_copy m = {a->available_uc, a->held_uc, a->locked_uc};

		undo_row(s, U_MONEY, 0, number, &m, sizeof(m));
	}
	return a;
}

void account_release(struct account *a)
{
	free(a->chargers);
	free(a->grants);
	a->chargers = NULL;
	a->grants = NULL;
}

/* ---- finding ---------------------------------------------------------------------------- */

#define NAME_KEY 32

/* A name of at most MKT_NAME_MAX bytes as a key: zeros behind it. */
static void name_key(uint8_t key[NAME_KEY], const char *name)
{
	memset(key, 0, NAME_KEY);
	for (size_t i = 0; name[i]; i++)
		key[i] = (uint8_t)name[i];
}

bool account_by_name(const struct mkt_state *s, const char *name, uint32_t *number)
{
	uint8_t key[NAME_KEY];

	if (strlen(name) > MKT_NAME_MAX)
		return false;
	name_key(key, name);
	return mkt_idmap_get(&s->by_name, key, number);
}

static int name_put(struct mkt_state *s, const char *name, uint32_t number)
{
	uint8_t key[NAME_KEY];

	name_key(key, name);
	return mkt_idmap_put(&s->by_name, key, number);
}

static void name_del(struct mkt_state *s, const char *name)
{
	uint8_t key[NAME_KEY];

	name_key(key, name);
	mkt_idmap_del(&s->by_name, key, NULL);
}

bool account_has_charger(const struct account *a, const char *charger)
{
	for (unsigned i = 0; i < a->nchargers; i++)
		if (!strcmp(a->chargers[i], charger))
			return true;
	return false;
}

int account_add(struct mkt_state *s, const struct account *a)
{
	struct account *mine;

	if (ROOM(s->account, s->accounts_cap, (uint64_t)s->naccounts + 1) < 0 ||
	    mkt_idmap_put(&s->by_key, a->key.b, s->naccounts) < 0 ||
	    name_put(s, a->name, s->naccounts) < 0)
		return -MKT_ENOMEM;
	mine = &s->account[s->naccounts++];
	*mine = *a;
	mine->open_bids = 0;
	mine->bids = mine->contracts[0] = mine->contracts[1] = LIST_EMPTY;
	mine->mark = (struct mark){0};
	mine->saved = 0;
	return 0;
}

/* ---- grants ----------------------------------------------------------------------------- */

/* Where the grant to @to is, or belongs. */
static uint32_t grant_at(const struct account *a, uint32_t to)
{
	uint32_t lo = 0, hi = a->ngrants;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (a->grants[mid].g.to < to)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct grant *grant_find(const struct mkt_state *s, uint32_t from, uint32_t to)
{
	const struct account *a = &s->account[from];
	uint32_t at = grant_at(a, to);

	return at < a->ngrants && a->grants[at].g.to == to ? &a->grants[at] : NULL;
}

static void grant_make(struct mkt_state *s, const struct mkt_grant *g)
{
	struct account *a = &s->account[g->from];
	uint32_t at = grant_at(a, g->to);
	struct grant fresh = {.g = *g};

	if (ROOM(a->grants, a->grants_cap, (uint64_t)a->ngrants + 1) < 0) {
		s->nomem = true;
		return;
	}
	note(s, MKT_REC_GRANT, grant_id(g->from, g->to), &fresh.mark);
	memmove(a->grants + at + 1, a->grants + at, (a->ngrants - at) * sizeof(*a->grants));
	a->grants[at] = fresh;
	a->ngrants++;
}

void grant_put(struct mkt_state *s, const struct mkt_grant *g)
{
	struct account *a = &s->account[g->from];
	uint32_t at = grant_at(a, g->to);
	bool empty = !g->rights && !g->meter;

	if (at >= a->ngrants || a->grants[at].g.to != g->to) {
		if (!empty)
			grant_make(s, g);
		return;
	}
	note(s, MKT_REC_GRANT, grant_id(g->from, g->to), &a->grants[at].mark);
	if (!empty) {
		a->grants[at].g = *g;
		return;
	}
	a->ngrants--;
	memmove(a->grants + at, a->grants + at + 1, (a->ngrants - at) * sizeof(*a->grants));
}

/* ---- who may ---------------------------------------------------------------------------- */

static bool may_meter(const struct act *a, const struct grant *g)
{
	return g && g->g.meter && (a->op->kind == MKT_OP_REPORT || a->op->kind == MKT_OP_METER);
}

static bool may_act(const struct act *a, const struct grant *g)
{
	return g && g->g.rights & 1u << a->op->kind &&
	       (!g->g.until_s || g->g.until_s >= a->now_ms / 1000);
}

int check_actor(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t from = a->op->account, to = a->tx->account;
	const struct grant *g;

	if (a->op->kind >= MKT_OP_FIRST_OPERATOR) {
		if (to != MKT_OPERATOR)
			return refuse(r, MKT_EDENIED, 0, "only the operator may do that");
		return 0;
	}
	if (!account_known(s, from))
		return refuse(r, MKT_EACCOUNT, 0, "account %u is not enrolled", from);
	g = from == to ? NULL : grant_find(s, from, to);
	if (may_meter(a, g))
		return 0;
	if (s->account[from].suspended)
		return refuse(r, MKT_ESUSPENDED, 0, "account '%s' is suspended",
			      s->account[from].name);
	if (from != to && !may_act(a, g))
		return refuse(r, MKT_EDELEGATION, 0, "account '%s' has not delegated '%s' to '%s'",
			      s->account[from].name, mkt_op_name(a->op->kind),
			      s->account[to].name);
	return 0;
}

/* ---- money ------------------------------------------------------------------------------ */

static int check_receiver(const struct mkt_state *s, uint32_t number, struct answer *r)
{
	if (!account_known(s, number))
		return refuse(r, MKT_EACCOUNT, 0, "account %u is not enrolled", number);
	return 0;
}

static int check_available(const struct mkt_state *s, uint32_t number, int64_t money_uc,
			   struct answer *r)
{
	const struct account *a = &s->account[number];

	if (a->available_uc < money_uc)
		return refuse(r, MKT_EFUNDS, (uint64_t)money_uc,
			      "not enough available: %s needed, %s available",
			      mkt_fmt_money(money_uc, s->g.currency).s,
			      mkt_fmt_money(a->available_uc, s->g.currency).s);
	return 0;
}

int check_transfer(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t to = a->op->u.transfer.to;
	int rc = check_receiver(s, to, r);

	if (rc < 0)
		return rc;
	if (to == a->op->account)
		return refuse(r, MKT_EINVAL, 0, "a transfer to oneself");
	return check_available(s, a->op->account, a->op->u.transfer.money_uc, r);
}

int run_transfer(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t from = a->op->account, to = a->op->u.transfer.to;
	int64_t money_uc = a->op->u.transfer.money_uc;

	money_add(s, from, -money_uc);
	money_add(s, to, money_uc);
	money_event(s, MKT_MONEY_TRANSFER, from, to, money_uc, 0);
	r->ref = to;
	r->more = (uint64_t)money_uc;
	return 0;
}

int check_deposit(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	int rc = check_receiver(s, a->op->u.transfer.to, r);

	if (rc < 0)
		return rc;
	if (a->op->u.transfer.money_uc > MKT_MONEY_MAX ||
	    s->totals.money_uc > MKT_MONEY_MAX - a->op->u.transfer.money_uc)
		return refuse(r, MKT_EOVERFLOW, 0, "more money than a chain can count");
	return 0;
}

int run_deposit(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t to = a->op->u.transfer.to;
	int64_t money_uc = a->op->u.transfer.money_uc;

	money_add(s, to, money_uc);
	s->totals.money_uc += money_uc; /* checked above */
	money_event(s, MKT_MONEY_DEPOSIT, MKT_NO_ACCOUNT, to, money_uc, 0);
	r->ref = to;
	r->more = (uint64_t)money_uc;
	return 0;
}

int check_withdraw(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	int rc = check_receiver(s, a->op->u.transfer.to, r);

	return rc < 0 ? rc
		      : check_available(s, a->op->u.transfer.to, a->op->u.transfer.money_uc, r);
}

int run_withdraw(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t from = a->op->u.transfer.to;
	int64_t money_uc = a->op->u.transfer.money_uc;

	money_add(s, from, -money_uc);
	s->totals.money_uc -= money_uc; /* not below -MKT_MONEY_MAX: see escrow.c */
	money_event(s, MKT_MONEY_WITHDRAW, from, MKT_NO_ACCOUNT, money_uc, 0);
	r->ref = from;
	r->more = (uint64_t)money_uc;
	return 0;
}

/* ---- delegations ------------------------------------------------------------------------ */

/* May @from have one more grant, to @to? */
static int check_grant(const struct mkt_state *s, uint32_t from, uint32_t to, struct answer *r)
{
	int rc = check_receiver(s, to, r);

	if (rc < 0)
		return rc;
	if (from == to)
		return refuse(r, MKT_EINVAL, 0, "a grant to oneself");
	if (!grant_find(s, from, to) && s->account[from].ngrants >= MKT_GRANTS_MAX)
		return refuse(r, MKT_ELIMIT, MKT_GRANTS_MAX, "an account has at most %d grants",
			      MKT_GRANTS_MAX);
	return 0;
}

int check_delegate(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint64_t until_s = a->op->u.delegate.until_s;

	if (until_s && until_s < a->now_ms / 1000)
		return refuse(r, MKT_EUNTIL, 0, "the delegation's until has passed");
	return check_grant(s, a->op->account, a->op->u.delegate.to, r);
}

/* The grant as it stands, and kept for undo; an empty one if there is none. */
static struct mkt_grant grant_now(struct mkt_state *s, uint32_t from, uint32_t to)
{
	const struct grant *old = grant_find(s, from, to);
	struct mkt_grant g = old ? old->g : (struct mkt_grant){.from = from, .to = to};

	if (s->undo.on)
		undo_row(s, U_GRANT, 0, 0, &g, sizeof(g));
	return g;
}

int run_delegate(struct mkt_state *s, const struct act *a, struct answer *r)
{
	struct mkt_grant g = grant_now(s, a->op->account, a->op->u.delegate.to);

	g.rights = a->op->u.delegate.rights;
	g.until_s = a->op->u.delegate.until_s;
	grant_put(s, &g);
	r->ref = g.to;
	r->more = g.rights;
	return 0;
}

int check_revoke(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t to = a->op->u.delegate.to;
	const struct grant *g;
	int rc = check_receiver(s, to, r);

	if (rc < 0)
		return rc;
	g = grant_find(s, a->op->account, to);
	if (!g || !g->g.rights)
		return refuse(r, MKT_ENOTFOUND, 0, "nothing is delegated to '%s'",
			      s->account[to].name);
	return 0;
}

int run_revoke(struct mkt_state *s, const struct act *a, struct answer *r)
{
	struct mkt_grant g = grant_now(s, a->op->account, a->op->u.delegate.to);

	r->ref = g.to;
	r->more = g.rights;
	g.rights = 0;
	g.until_s = 0;
	grant_put(s, &g);
	return 0;
}

int check_meterop(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	int rc = check_receiver(s, a->op->u.meterop.account, r);

	return rc < 0 ? rc
		      : check_grant(s, a->op->u.meterop.account, a->op->u.meterop.meter, r);
}

int run_meterop(struct mkt_state *s, const struct act *a, struct answer *r)
{
	struct mkt_grant g = grant_now(s, a->op->u.meterop.account, a->op->u.meterop.meter);

	g.meter = a->op->u.meterop.on;
	grant_put(s, &g);
	r->ref = g.from;
	r->more = g.to;
	return 0;
}

/* ---- enrolling and suspending ----------------------------------------------------------- */

static bool key_is_zero(const struct mkt_pubkey *k)
{
	static const struct mkt_pubkey zero;

	return !memcmp(k->b, zero.b, sizeof(zero.b));
}

int check_enroll(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct mkt_op_enroll *e = &a->op->u.enroll;
	uint32_t number = NONE, named;
	bool known = mkt_idmap_get(&s->by_key, e->key.b, &number);

	if (key_is_zero(&e->key))
		return refuse(r, MKT_EINVAL, 0, "an account has no key");
	if (!mkt_name_ok(e->name) || !strncmp(e->name, "mkt1", 4))
		return refuse(r, MKT_ENAME, 0, "name '%s' is not well formed", e->name);
	if (account_by_name(s, e->name, &named) && named != number)
		return refuse(r, MKT_ENAME, named, "name '%s' is taken", e->name);
	if ((e->cls == MKT_CLASS_OPERATOR) != (known && number == MKT_OPERATOR))
		return refuse(r, MKT_EINVAL, 0, "a chain has one operator");
	if (!known && s->naccounts >= MKT_ACCOUNTS_MAX)
		return refuse(r, MKT_ELIMIT, MKT_ACCOUNTS_MAX, "a chain has at most %u accounts",
			      MKT_ACCOUNTS_MAX);
	return 0;
}

/* Chargers from the envelope.  False without memory. */
static bool chargers_copy(struct account *a, const struct mkt_tx *tx, const struct mkt_op_enroll *e)
{
	struct mkt_dec in = mkt_dec_init(tx->raw + e->chargers_at, e->chargers_len);

	a->nchargers = e->nchargers;
	a->chargers = NULL;
	if (!e->nchargers)
		return true;
	a->chargers = calloc(e->nchargers, sizeof(*a->chargers));
	if (!a->chargers)
		return false;
	for (unsigned i = 0; i < e->nchargers; i++)
		mkt_dec_text(&in, a->chargers[i], MKT_CHARGER_MAX); /* form was checked */
	return true;
}

static int enroll_again(struct mkt_state *s, uint32_t number, const struct account *fresh)
{
	struct account *a = account_touch(s, number);

	if (strcmp(a->name, fresh->name) != 0) {
		name_del(s, a->name);
		if (name_put(s, fresh->name, number) < 0)
			return -MKT_ENOMEM;
		memcpy(a->name, fresh->name, sizeof(a->name));
	}
	a->cls = fresh->cls;
	free(a->chargers);
	a->chargers = fresh->chargers;
	a->nchargers = fresh->nchargers;
	return 0;
}

int run_enroll(struct mkt_state *s, const struct act *a, struct answer *r)
{
	const struct mkt_op_enroll *e = &a->op->u.enroll;
	struct account fresh = {.key = e->key, .cls = e->cls};
	uint32_t number = s->naccounts;
	int rc;

	memcpy(fresh.name, e->name, sizeof(fresh.name));
	if (!chargers_copy(&fresh, a->tx, e)) {
		s->nomem = true;
		return 0;
	}
	if (mkt_idmap_get(&s->by_key, e->key.b, &number))
		rc = enroll_again(s, number, &fresh);
	else
		rc = account_add(s, &fresh);
	if (rc < 0) {
		s->nomem = true;
		return 0;
	}
	account_touch(s, number);
	r->ref = number;
	return 0;
}

int check_suspend(const struct mkt_state *s, const struct act *a, struct answer *r)
{
	if (a->op->u.suspend.account == MKT_OPERATOR)
		return refuse(r, MKT_EDENIED, 0, "the operator cannot be suspended");
	return check_receiver(s, a->op->u.suspend.account, r);
}

int run_suspend(struct mkt_state *s, const struct act *a, struct answer *r)
{
	uint32_t number = a->op->u.suspend.account;
	bool on = a->op->u.suspend.on;

	r->ref = number;
	if (s->account[number].suspended == on)
		return 0;
	account_touch(s, number)->suspended = on;
	while (on && s->account[number].bids.head != NONE) {
		bid_cancel(s, s->account[number].bids.head, MKT_GONE_SUSPENDED);
		r->more++;
	}
	return 0;
}
