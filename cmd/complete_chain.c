/*
 * Values for completion that the chain knows: tags, windows, bids, contracts,
 * accounts.  A local socket only, 150 ms at most, and never a word of error.
 */
#include "core/base/compat.h"

#include "cmd/cmd.h"
#include "cmd/events.h"
#include "core/units/fmt.h"

#define ANSWER_MS 150u
#define CANDIDATES_MAX 200u

struct asking {
	struct mkt_session s;
	const char *prefix;
};

static void offer(struct asking *q, const char *value, const char *about)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (strncmp(value, q->prefix, strlen(q->prefix)) != 0)
		return;
	mkt_buf_addf(&b, "%s\t%s\n", value, about);
	mkt_out_raw(&q->s.app->out, mkt_buf_str(&b), b.len);
	mkt_buf_release(&b);
}

static int list_tags(struct asking *q)
{
	const struct mkt_tag_table *t = &q->s.facts.tags;

	for (unsigned d = 0; d < t->ndims; d++)
		for (unsigned v = 0; v < t->dims[d].nvalues; v++)
			offer(q, t->dims[d].values[v].name, t->dims[d].name);
	return 0;
}

static int list_dimensions(struct asking *q)
{
	const struct mkt_tag_table *t = &q->s.facts.tags;

	for (unsigned d = 0; d < t->ndims; d++)
		offer(q, t->dims[d].name, "dimension");
	return 0;
}

/* The next windows, as they are written with their date. */
static int list_windows(struct asking *q)
{
	const struct mkt_facts *f = &q->s.facts;

	offer(q, "next", "the next window that takes bids");
	for (uint32_t i = 0; i < f->open_count && i < 48; i++) {
		uint64_t start = f->open_first_s + (uint64_t)i * f->window_s;
		struct mkt_text text = mkt_fmt_window(&q->s.zone, start, f->window_s);

		offer(q, text.s, "takes bids");
	}
	return 0;
}

/* Call @each for every row of a list. */
static int list_rows(struct asking *q, const char *path,
		     void (*each)(struct asking *q, const struct mkt_jval *row))
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_jiter it = {0};
	struct mkt_jval row;
	int rc = mkt_session_get(&q->s, &a, "%s&limit=%u", path, CANDIDATES_MAX);

	while (!rc && mkt_jval_next(&a.data, &it, &row))
		each(q, &row);
	mkt_answer_release(&a);
	return -MKT_ENOTFOUND;
}

static void offer_bid(struct asking *q, const struct mkt_jval *row)
{
	char id[24], about[120];

	snprintf(id, sizeof(id), "b%llu", (unsigned long long)mkt_count(row, "bid"));
	snprintf(about, sizeof(about), "%.8s, %s left", mkt_word(row, "side"),
		 mkt_fmt_energy(mkt_count(row, "left_wh")).s);
	offer(q, id, about);
}

static void offer_contract(struct asking *q, const struct mkt_jval *row)
{
	struct mkt_buf about = MKT_BUF_INIT;
	char id[24];

	snprintf(id, sizeof(id), "c%llu", (unsigned long long)mkt_count(row, "exec"));
	mkt_buf_addf(&about, "%s, ", mkt_word(row, "status"));
	mkt_add_window(&q->s, row, &about);
	offer(q, id, mkt_buf_str(&about));
	mkt_buf_release(&about);
}

static void offer_account(struct asking *q, const struct mkt_jval *row)
{
	const char *name = mkt_word(row, "name");

	if (*name)
		offer(q, name, mkt_word(row, "class"));
}

static int list_mine(struct asking *q, const char *what,
		     void (*each)(struct asking *q, const struct mkt_jval *row))
{
	char path[160];

	snprintf(path, sizeof(path), "/v1/%s?account=%s", what, q->s.who);
	return list_rows(q, path, each);
}

static int list_bids(struct asking *q)
{
	return list_mine(q, "bids", offer_bid);
}

static int list_contracts(struct asking *q)
{
	return list_mine(q, "contracts", offer_contract);
}

static int list_accounts(struct asking *q)
{
	return list_rows(q, "/v1/accounts?after=0", offer_account);
}

/* "tag" and "tags": options say what they take, people what they want listed. */
static bool is_kind(const char *name, const char *kind)
{
	size_t n = strlen(name);

	return !strncmp(name, kind, n) && (!kind[n] || !strcmp(kind + n, "s"));
}

int mkt_complete_chain(struct mkt_app *app, const char *kind, const char *prefix)
{
	static const struct {
		const char *kind;
		int (*list)(struct asking *q);
		unsigned need;
	} t[] = {
		{"tag", list_tags, 0},
		{"dimension", list_dimensions, 0},
		{"window", list_windows, 0},
		{"bid", list_bids, MKT_NEED_WHO},
		{"contract", list_contracts, MKT_NEED_WHO},
		{"account", list_accounts, 0},
	};
	const char *server = mkt_app_setting(app, "core.server");
	struct asking q = {.prefix = prefix};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		if (!is_kind(t[i].kind, kind))
			continue;
		if (!server || strncmp(server, "unix:", 5) != 0)
			return 0;
		app->deadline_ms = mkt_app_mono_ms() + ANSWER_MS;
		/* Nothing to offer is no news for a shell. */
		if (!mkt_session_open(&q.s, app, MKT_NEED_MARKET | t[i].need)) {
			(void)t[i].list(&q);
			mkt_session_close(&q.s);
		}
		memset(&app->err, 0, sizeof(app->err));
		return 0;
	}
	return -MKT_ENOTFOUND;
}
