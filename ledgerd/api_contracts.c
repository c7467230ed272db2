/* GET /v1/contracts and /v1/contracts/ID. */
#include "core/base/compat.h"

#include "core/chain/cert.h"
#include "core/units/checked.h"
#include "ledgerd/api.h"
#include "ledgerd/reader.h"
#include "ledgerd/look.h"

#define ALL_ACCOUNTS UINT32_MAX
#define STORY_PIECE 256u
#define STORY_SCAN_MAX 20000u

static const char *status_name(uint8_t status)
{
	switch (status) {
	case MKT_CONTRACT_MATCHED:
		return "matched";
	case MKT_CONTRACT_REPORTED:
		return "reported";
	case MKT_CONTRACT_SETTLED:
		return "settled";
	case MKT_CONTRACT_RETIRED:
		return "retired";
	default:
		return "?";
	}
}

/* The members.  With the state's lock. */
static void put_members(struct mkt_jw *w, const struct ld_node *n, const struct mkt_contract *c)
{
	ld_json_contract_terms(w, n, &c->what);
	mkt_jw_kstr(w, "status", status_name(c->status));
	mkt_jw_kbool(w, "supply_reported", c->reported & 1);
	mkt_jw_kbool(w, "draw_reported", c->reported & 2);
	mkt_jw_ku64(w, "supply_wh", c->supply_wh);
	mkt_jw_ku64(w, "draw_wh", c->draw_wh);
	mkt_jw_ku64(w, "delivered_wh", c->delivered_wh);
	mkt_jw_ki64s(w, "locked_uc", c->locked_uc);
	mkt_jw_ki64s(w, "collateral_uc", c->collateral_uc);
	mkt_jw_ku64(w, "height", c->height);
	if (c->status >= MKT_CONTRACT_SETTLED) {
		mkt_jw_ki64s(w, "paid_uc", mkt_cost_uc(c->what.price_upwh, c->delivered_wh));
		mkt_jw_ki64s(w, "fee_uc", mkt_cost_uc(c->what.fee_upwh, c->delivered_wh));
	}
}

/* From the state, or from the archive of settled ones.  1 found, 0 not. */
static int get_contract(struct ld_node *n, uint64_t exec, struct mkt_contract *c,
			struct mkt_err *err)
{
	bool here;

	ld_node_read(n);
	here = mkt_state_contract(n->state, exec, c);
	ld_node_unread(n);
	return here ? 1 : mkt_chain_contract(n->chain, exec, c, err);
}

static void put_object(struct ld_node *n, struct mkt_jw *w, const struct mkt_contract *c)
{
	mkt_jw_obj(w);
	ld_node_read(n);
	put_members(w, n, c);
	ld_node_unread(n);
	mkt_jw_obj_end(w);
}

int ld_put_contract(struct ld_node *n, struct mkt_jw *w, uint64_t exec, struct mkt_err *err)
{
	struct mkt_contract c;
	int res = get_contract(n, exec, &c, err);

	if (!res)
		return mkt_err_set(err, MKT_ECONTRACT, "there is no contract %llu",
				   (unsigned long long)exec);
	if (res > 0)
		put_object(n, w, &c);
	return res < 0 ? res : 0;
}

/* ---- lists ---------------------------------------------------------------------------------- */

struct list {
	uint32_t account, window_nr, limit, rows;
	bool by_window, past;
	uint64_t after;
	bool has_after;
	bool more; /* @after is where the list goes on */
};

static bool is_of(const struct mkt_contract *c, uint32_t account)
{
	return account == ALL_ACCOUNTS || c->what.buyer == account || c->what.seller == account;
}

/* One more row if it is wanted. */
static int list_one(struct ld_node *n, struct mkt_jw *w, struct list *l, uint64_t exec,
		    struct mkt_err *err)
{
	struct mkt_contract c;
	int res = get_contract(n, exec, &c, err);

	if (res <= 0 || !is_of(&c, l->account))
		return res < 0 ? res : 0;
	put_object(n, w, &c);
	l->rows++;
	return 0;
}

/* Contracts of a window, ascending, from the index. */
static int list_window(struct ld_node *n, struct mkt_jw *w, struct list *l, struct mkt_err *err)
{
	uint64_t execs[STORY_PIECE];
	uint32_t scanned = 0;

	while (!l->more) {
		int count = mkt_chain_window(n->chain, l->window_nr, l->after + 1, execs,
					     STORY_PIECE, err);

		if (count < 0)
			return count;
		for (int i = 0; i < count && l->rows < l->limit; i++) {
			if (list_one(n, w, l, execs[i], err) < 0)
				return -err->code;
			l->after = execs[i];
		}
		scanned += (uint32_t)count;
		l->more = l->rows == l->limit || scanned >= STORY_SCAN_MAX;
		if (count < (int)STORY_PIECE)
			break;
	}
	return 0;
}

/* Contracts that the state still has, of one account or all. */
static int list_state(struct ld_node *n, struct mkt_jw *w, struct list *l, struct mkt_err *err)
{
	struct mkt_contract *page = malloc(((size_t)l->limit + 1) * sizeof(*page));
	uint32_t count;

	if (!page)
		return mkt_err_code(err, MKT_ENOMEM);
	ld_node_read(n);
	count = mkt_state_contracts(n->state, l->account, l->after, page, l->limit + 1);
	for (uint32_t i = 0; i < count && i < l->limit; i++) {
		mkt_jw_obj(w);
		put_members(w, n, &page[i]);
		mkt_jw_obj_end(w);
		ld_breathe(n, i);
		l->after = page[i].what.exec;
		l->rows++;
	}
	ld_node_unread(n);
	l->more = count > l->limit;
	free(page);
	return 0;
}

/* Settled ones of an account from its story, newest first; the cursor is a place in the story. */
static int list_past(struct ld_look *look, struct mkt_jw *w, struct list *l, struct mkt_err *err)
{
	struct ld_node *n = look->node;
	uint64_t entries[STORY_PIECE], at = l->has_after ? l->after : UINT64_MAX;
	uint32_t scanned = 0;
	bool end = false;

	while (!end && l->rows < l->limit && scanned < STORY_SCAN_MAX) {
		int count =
			mkt_chain_story(n->chain, l->account, at, true, entries, STORY_PIECE, err);

		if (count < 0)
			return count;
		end = count < (int)STORY_PIECE;
		for (int i = 0; i < count; i++) {
			struct mkt_event ev;
			int res;

			if (l->rows == l->limit) {
				end = false;
				break;
			}
			res = ld_look_event(look, entries[i] >> 24,
					    (uint32_t)(entries[i] & 0xffffff), &ev, err);
			if (res >= 0 && ev.kind == MKT_EV_SETTLED)
				res = list_one(n, w, l, ev.u.settled.exec, err);
			if (res < 0)
				return res;
			at = entries[i] - 1;
			scanned++;
		}
	}
	l->more = !end;
	l->after = at;
	return 0;
}

static int parse_list(struct ld_req *r, struct list *l, struct mkt_err *err)
{
	uint32_t window_s = r->node->g->window_s;
	uint64_t start = 0;
	int res = ld_private(r, err);

	l->account = ALL_ACCOUNTS;
	if (res >= 0)
		res = ld_param_account(r, &l->account, err);
	if (res >= 0)
		res = ld_reader_may(r, l->account, err);
	if (res >= 0)
		res = ld_param_u64(r, "window", (uint64_t)UINT32_MAX * window_s, &start, err);
	l->by_window = res == 1;
	if (res == 1 && start % window_s)
		return mkt_err_set(err, MKT_EUSAGE, "'window' is not the start of a window of %u s",
				   window_s);
	l->window_nr = (uint32_t)(start / window_s);
	if (res >= 0)
		res = ld_param_u64(r, "after", UINT64_MAX - 1, &l->after, err);
	l->has_after = res == 1;
	if (res >= 0)
		res = ld_param_limit(r, &l->limit, err);
	if (res >= 0)
		res = ld_param_flag(r, "past", &l->past, err);
	if (res >= 0)
		res = ld_params_done(r, err);
	if (res >= 0 && l->past && (l->by_window || l->account == ALL_ACCOUNTS))
		return mkt_err_set(err, MKT_EUSAGE, "'past' needs 'account', and no 'window'");
	return res;
}

int ld_get_contracts(struct ld_req *r, struct mkt_err *err)
{
	struct list l = {0};
	struct ld_look look;
	struct mkt_jw w;
	char next[24];
	int res = parse_list(r, &l, err);

	if (res < 0)
		return res;
	ld_look_init(&look, r->node);
	ld_begin(r, &w, "mkt.contracts/1");
	mkt_jw_arr(&w);
	if (l.by_window)
		res = list_window(r->node, &w, &l, err);
	else if (l.past)
		res = list_past(&look, &w, &l, err);
	else
		res = list_state(r->node, &w, &l, err);
	mkt_jw_arr_end(&w);
	ld_look_release(&look);
	if (res < 0)
		return res;
	snprintf(next, sizeof(next), "%llu", (unsigned long long)l.after);
	r->rows = l.rows;
	return ld_end(r, &w, l.more ? next : NULL, err);
}

/* ---- one contract --------------------------------------------------------------------------- */

static bool about(const struct mkt_event *ev, uint64_t exec)
{
	return (ev->kind == MKT_EV_CONTRACT && ev->u.contract.exec == exec) ||
	       (ev->kind == MKT_EV_REPORT && ev->u.report.exec == exec) ||
	       (ev->kind == MKT_EV_SETTLED && ev->u.settled.exec == exec);
}

static void put_settlement(struct mkt_jw *w, const struct mkt_ev_settled *s, uint64_t height)
{
	mkt_jw_ki64s(w, "buyer_charge_uc", s->buyer_charge_uc);
	mkt_jw_ki64s(w, "seller_charge_uc", s->seller_charge_uc);
	mkt_jw_ku64(w, "settled_height", height);
}

/* The story of one party, read piece by piece. */
struct party_story {
	uint32_t account;
	uint64_t from;
	uint64_t entries[STORY_PIECE];
	int n, at;
	bool end;
};

/* The next entry, not taken yet; UINT64_MAX at the end. */
static int story_peek(struct ld_node *n, struct party_story *s, uint64_t *entry,
		      struct mkt_err *err)
{
	if (s->at == s->n && !s->end) {
		s->n = mkt_chain_story(n->chain, s->account, s->from, false, s->entries,
				       STORY_PIECE, err);
		if (s->n < 0)
			return s->n;
		s->at = 0;
		s->end = s->n < (int)STORY_PIECE;
		if (s->n)
			s->from = s->entries[s->n - 1] + 1;
	}
	*entry = s->at < s->n ? s->entries[s->at] : UINT64_MAX;
	return 0;
}

/* The next entry of either party, each once: a party reports into its own story only. */
static int stories_next(struct ld_node *n, struct party_story party[2], uint64_t *entry,
			struct mkt_err *err)
{
	uint64_t first[2] = {UINT64_MAX, UINT64_MAX};

	for (int i = 0; i < 2; i++) {
		int res = story_peek(n, &party[i], &first[i], err);

		if (res < 0)
			return res;
	}
	*entry = first[0] < first[1] ? first[0] : first[1];
	for (int i = 0; i < 2 && *entry != UINT64_MAX; i++)
		party[i].at += first[i] == *entry;
	return 0;
}

/* "events" of a contract from the stories of both parties, and what its settlement says. */
static int put_events(struct ld_look *l, struct mkt_jw *w, const struct mkt_contract *c,
		      struct mkt_err *err)
{
	struct party_story party[2] = {{.account = c->what.seller, .from = c->height << 24},
				       {.account = c->what.buyer, .from = c->height << 24}};
	struct mkt_event ev;
	uint64_t entry = 0;
	bool settled = false;
	int res = 0;

	mkt_jw_key(w, "events");
	mkt_jw_arr(w);
	for (uint32_t scanned = 0; !settled && scanned < STORY_SCAN_MAX; scanned++) {
		res = stories_next(l->node, party, &entry, err);
		if (res < 0 || entry == UINT64_MAX)
			break;
		res = ld_look_event(l, entry >> 24, (uint32_t)(entry & 0xffffff), &ev, err);
		if (res >= 0 && about(&ev, c->what.exec))
			res = ld_put_entry(l, w, entry, err);
		if (res < 0)
			break;
		settled = ev.kind == MKT_EV_SETTLED && ev.u.settled.exec == c->what.exec;
	}
	if (res < 0)
		return res;
	mkt_jw_arr_end(w);
	if (settled)
		put_settlement(w, &ev.u.settled, entry >> 24);
	return 0;
}

/* The contract that the path names, for one of its parties; LD_WAITS until it is on the disk. */
static int find_one(struct ld_req *r, struct mkt_contract *c, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	uint64_t exec = 0;
	int res = ld_private(r, err);

	if (res >= 0)
		res = ld_params_done(r, err);
	if (res < 0)
		return res;
	res = ld_parse_u64(r->arg, UINT64_MAX, &exec) ? get_contract(n, exec, c, err) : 0;
	if (res < 0)
		return res;
	if (!res)
		return mkt_err_set(err, MKT_ECONTRACT, "there is no contract '%s'", r->arg);
	res = ld_reader_may_either(r, c->what.buyer, c->what.seller, err);
	if (res < 0)
		return res;
	/* Made by a block that is not on the disk yet: its story comes with that. */
	if (c->height > ld_hub_height(&n->hub, LD_INDEXED) && ld_wait_indexed(r, c->height))
		return LD_WAITS;
	return 0;
}

int ld_get_certificate(struct ld_req *r, struct mkt_err *err)
{
	struct mkt_contract c;
	int res = find_one(r, &c, err);

	if (res)
		return res;
	res = mkt_cert_build(r->node->chain, c.what.exec, &r->reply.body, err);
	/* Settled by a block that is not indexed yet. */
	if (res == -MKT_EUNSETTLED && c.status >= MKT_CONTRACT_SETTLED &&
	    ld_wait_indexed(r, ld_pipe_pending_height(r->node)))
		return LD_WAITS;
	if (res < 0)
		return res;
	r->reply.type = "application/octet-stream";
	r->reply.status = 200;
	return 0;
}

int ld_get_contract(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct mkt_contract c;
	struct ld_look look;
	struct mkt_jw w;
	int res = find_one(r, &c, err);

	if (res)
		return res;
	ld_look_init(&look, n);
	ld_begin(r, &w, "mkt.contract/1");
	mkt_jw_obj(&w);
	ld_node_read(n);
	put_members(&w, n, &c);
	ld_node_unread(n);
	res = put_events(&look, &w, &c, err);
	mkt_jw_obj_end(&w);
	ld_look_release(&look);
	return res < 0 ? res : ld_end(r, &w, NULL, err);
}
