/* Whose account is which, what they hold, and what they pay in. */
#include "core/base/compat.h"

#include "cmd/sim.h"
#include "core/units/checked.h"

#define PAGE 1000
#define MONEY 1000000ll /* micro-currency in one unit */
#define HOUSEHOLD_UC (30000 * MONEY)
#define OFFICE_UC (300000 * MONEY)
#define RETAILER_UC (10000000 * MONEY)
#define DEPOSITS_MAX 1000 /* of one envelope */

typedef int each_fn(struct sim *s, const struct mkt_jval *at, uint32_t account);

/* All accounts as the ledger has them, page by page. */
static int each_account(struct sim *s, each_fn *each)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	char path[128] = "/v1/accounts?limit=1000";
	bool more = true;
	int rc = 0;

	mkt_client_restart(s->chain.client, SIM_CALL_MS);
	while (!rc && more) {
		struct mkt_jiter it = {0};
		struct mkt_jval at;
		uint64_t account;

		rc = mkt_api_get(s->chain.client, path, &a, &s->app->err);
		while (!rc && mkt_jval_next(&a.data, &it, &at)) {
			rc = mkt_jget_u64(&at, "account", UINT32_MAX, &account, &s->app->err);
			if (!rc)
				rc = each(s, &at, (uint32_t)account);
		}
		more = !rc && a.next;
		if (more)
			snprintf(path, sizeof(path), "/v1/accounts?limit=%d&after=%s", PAGE,
				 a.next);
	}
	mkt_answer_release(&a);
	return rc;
}

/* ---- numbers -------------------------------------------------------------------------- */

/* Accounts were enrolled in the order of the parties and are told in that of their numbers. */
static int number_party(struct sim *s, const struct mkt_jval *at, uint32_t account)
{
	uint32_t i = s->naccounts;
	const char *name, *want;
	int rc = mkt_jget_str(at, "name", &name, NULL, &s->app->err);

	if (rc < 0 || !account || !strcmp(name, "operator"))
		return rc;
	if (++i >= s->nparties)
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY, "account %u is nobody's", account);
	want = i == 1 ? SIM_RETAILER : s->profile->sites[i - 2].id;
	if (strcmp(name, want) != 0 || account >= 2 * s->nparties)
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY,
				   "account %u should be '%s' and is '%.40s'", account, want, name);
	s->parties[i].account = account;
	s->party_of[account] = i;
	s->naccounts = i;
	return 0;
}

int sim_number_parties(struct sim *s)
{
	int rc;

	s->party_of = calloc(2 * (size_t)s->nparties, sizeof(*s->party_of));
	if (!s->party_of)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	s->naccounts = 0;
	rc = each_account(s, number_party);
	if (!rc && s->naccounts + 1 != s->nparties)
		rc = mkt_err_set(&s->app->err, MKT_EINTEGRITY, "%u accounts of %u are there",
				 s->naccounts, s->nparties - 1);
	return rc;
}

struct sim_party *sim_party(const struct sim *s, uint32_t account)
{
	if (!s->party_of || account >= 2 * s->nparties || !s->party_of[account])
		return NULL;
	return &s->parties[s->party_of[account]];
}

/* ---- money ---------------------------------------------------------------------------- */

static int64_t budget(const struct sim_party *p)
{
	if (!p->agent)
		return RETAILER_UC;
	return p->agent->site->kind == MKT_SITE_OFFICE ? OFFICE_UC : HOUSEHOLD_UC;
}

static int deposit(struct sim *s, struct sim_party *p, int64_t more_uc)
{
	struct mkt_plan *plan = &s->parties[0].plan;
	struct mkt_intent *in;
	int rc;

	if (mkt_add_i64(s->deposits_uc, more_uc, &s->deposits_uc))
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY, "deposits pass all bounds");
	in = mkt_plan_add(plan, MKT_OP_DEPOSIT, MKT_OPERATOR);
	in->op.u.transfer.to = p->account;
	in->op.u.transfer.money_uc = more_uc;
	p->deposits_uc += more_uc;
	if (plan->n < DEPOSITS_MAX)
		return 0;
	rc = sim_post_add(s, &s->parties[0], plan);
	mkt_plan_clear(plan);
	return rc;
}

static int deposit_for(struct sim *s, const struct mkt_jval *at, uint32_t account)
{
	struct sim_party *p = sim_party(s, account);
	int64_t available, more = 0;
	int rc = mkt_jget_i64(at, "available_uc", INT64_MIN, INT64_MAX, &available, &s->app->err);

	if (rc < 0 || !p || available >= budget(p) / 2)
		return rc;
	if (mkt_sub_i64(budget(p), available, &more))
		return mkt_err_set(&s->app->err, MKT_EINTEGRITY, "deposits pass all bounds");
	rc = sim_journal_note(s, account, more);
	return rc < 0 ? rc : deposit(s, p, more);
}

/* As they were when the run was played first. */
static int deposit_again(struct sim *s)
{
	struct sim_party *p;
	uint32_t account;
	int64_t more;
	int rc;

	while ((rc = sim_journal_next(s, &account, &more)) > 0) {
		p = sim_party(s, account);
		if (!p)
			return mkt_err_set(&s->app->err, MKT_EIO,
					   "the journal of the run knows an account %u", account);
		if ((rc = deposit(s, p, more)) < 0)
			break;
	}
	return rc;
}

int sim_top_up(struct sim *s)
{
	int rc;

	mkt_plan_clear(&s->parties[0].plan);
	if (sim_journal_knows(s))
		rc = deposit_again(s);
	else if ((rc = each_account(s, deposit_for)) == 0)
		rc = sim_journal_end(s);
	return rc < 0 ? rc : sim_post_add(s, &s->parties[0], &s->parties[0].plan);
}

static int add_account(struct sim *s, const struct mkt_jval *at, uint32_t account)
{
	static const char *const parts[] = {"available_uc", "held_uc", "locked_uc"};
	struct sim_party *p = sim_party(s, account);
	int64_t uc;
	int rc = 0;

	if (p)
		p->holds_uc = 0;
	for (size_t i = 0; !rc && i < MKT_ARRAY_SIZE(parts); i++) {
		rc = mkt_jget_i64(at, parts[i], INT64_MIN, INT64_MAX, &uc, &s->app->err);
		if (!rc && mkt_add_i64(s->accounts_uc, uc, &s->accounts_uc))
			rc = mkt_err_set(&s->app->err, MKT_EINTEGRITY, "accounts pass all bounds");
		if (!rc && p)
			p->holds_uc += uc;
	}
	return rc;
}

int sim_sum_accounts(struct sim *s, int64_t *sum_uc)
{
	int rc;

	s->accounts_uc = 0;
	rc = each_account(s, add_account);
	*sum_uc = s->accounts_uc;
	return rc;
}
