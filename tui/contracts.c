#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/wire/api.h"
#include "tui/contracts.h"

#define HASH_SIZE (2 * TUI_TEXTS_MAX)
#define ROOM_EACH 16 /* a full store lets go of one in so many */

_Static_assert(sizeof(struct tui_contract) <= 56, "a hundred thousand of them are 6 MB");

void tui_contracts_release(struct tui_contracts *s)
{
	free(s->v);
	free(s->texts);
	free(s->text_at);
	free(s->text_hash);
	*s = (struct tui_contracts){0};
}

/* ---- texts -------------------------------------------------------------------------------- */

const char *tui_contracts_text(const struct tui_contracts *s, uint16_t number)
{
	return number && number <= s->ntexts ? s->texts + s->text_at[number] : "?";
}

static uint32_t hash_of(const char *text, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619u;
	return h;
}

static bool texts_begin(struct tui_contracts *s)
{
	if (s->text_hash)
		return true;
	s->text_hash = calloc(HASH_SIZE, sizeof(*s->text_hash));
	s->text_at = calloc(TUI_TEXTS_MAX + 1, sizeof(*s->text_at));
	if (s->text_hash && s->text_at)
		return true;
	free(s->text_hash);
	free(s->text_at);
	s->text_hash = NULL;
	s->text_at = NULL;
	return false;
}

static bool texts_room(struct tui_contracts *s, size_t n)
{
	uint32_t cap = s->texts_cap ? s->texts_cap * 2 : 4096;
	char *bigger;

	if (s->texts_len + n + 1 <= s->texts_cap)
		return true;
	bigger = realloc(s->texts, cap);
	if (!bigger)
		return false;
	s->texts = bigger;
	s->texts_cap = cap;
	return true;
}

/* The number of a text, given to it now if it is new; 0: no room. */
static uint16_t number_of(struct tui_contracts *s, const char *text)
{
	size_t n = strnlen(text, TUI_TEXT_BYTES_MAX);
	uint32_t at;

	if (!texts_begin(s))
		return 0;
	for (at = hash_of(text, n) % HASH_SIZE; s->text_hash[at]; at = (at + 1) % HASH_SIZE) {
		const char *known = tui_contracts_text(s, s->text_hash[at]);

		if (strlen(known) == n && !memcmp(known, text, n))
			return s->text_hash[at];
	}
	if (s->ntexts == TUI_TEXTS_MAX || !texts_room(s, n))
		return 0;
	memcpy(s->texts + s->texts_len, text, n);
	s->texts[s->texts_len + n] = '\0';
	s->text_at[++s->ntexts] = s->texts_len;
	s->texts_len += (uint32_t)n + 1;
	s->text_hash[at] = (uint16_t)s->ntexts;
	return (uint16_t)s->ntexts;
}

/* ---- places ------------------------------------------------------------------------------- */

static uint32_t place_of(const struct tui_contracts *s, uint64_t exec)
{
	uint32_t from = 0, to = s->n;

	if (s->n && s->v[s->n - 1].exec < exec)
		return s->n; /* they come in order */
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if (s->v[mid].exec < exec)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

uint32_t tui_contracts_find(const struct tui_contracts *s, uint64_t exec)
{
	uint32_t at = place_of(s, exec);

	return at < s->n && s->v[at].exec == exec ? at : UINT32_MAX;
}

/* The oldest that are over make room. */
static void let_go(struct tui_contracts *s)
{
	uint32_t many = TUI_CONTRACTS_MAX / ROOM_EACH, to = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (many && s->v[i].status >= TUI_CONTRACT_SETTLED) {
			many--;
			s->dropped++;
			continue;
		}
		s->v[to++] = s->v[i];
	}
	s->n = to;
}

static bool room(struct tui_contracts *s)
{
	uint32_t cap = s->cap ? s->cap + s->cap / 2 : 256;
	struct tui_contract *bigger;

	/* When nothing is over yet there is no use in looking each time. */
	if (s->n == TUI_CONTRACTS_MAX && s->full++ % 1024 == 0)
		let_go(s);
	if (s->n < TUI_CONTRACTS_MAX)
		s->full = 0;
	if (s->n < s->cap)
		return true;
	cap = cap < TUI_CONTRACTS_MAX ? cap : TUI_CONTRACTS_MAX;
	if (s->n == cap)
		return false;
	bigger = reallocarray(s->v, cap, sizeof(*bigger));
	if (!bigger)
		return false;
	s->v = bigger;
	s->cap = cap;
	return true;
}

/* ---- reading ------------------------------------------------------------------------------ */

static int number(const struct mkt_jval *at, const char *key, uint32_t *out, struct mkt_err *err)
{
	uint64_t v;
	int rc = mkt_jget_u64(at, key, UINT32_MAX, &v, err);

	if (!rc)
		*out = (uint32_t)v;
	return rc;
}

static int price(const struct mkt_jval *at, const char *key, int32_t *out, struct mkt_err *err)
{
	int64_t v;
	int rc = mkt_jget_i64(at, key, INT32_MIN, INT32_MAX, &v, err);

	if (!rc)
		*out = (int32_t)v;
	return rc;
}

static int text(struct tui_contracts *s, const struct mkt_jval *at, const char *key, uint16_t *out,
		struct mkt_err *err)
{
	const char *t;
	int rc = mkt_jget_str(at, key, &t, NULL, err);

	if (!rc)
		*out = number_of(s, t);
	return rc;
}

/* What a contract is from its making on. */
static int read_terms(struct tui_contracts *s, const struct mkt_jval *at, struct tui_contract *c,
		      struct mkt_err *err)
{
	int rc = mkt_jget_u64(at, "exec", UINT64_MAX, &c->exec, err);

	if (!rc)
		rc = number(at, "window_s", &c->start_s, err);
	if (!rc)
		rc = number(at, "buyer", &c->buyer, err);
	if (!rc)
		rc = number(at, "seller", &c->seller, err);
	if (!rc)
		rc = number(at, "energy_wh", &c->energy_wh, err);
	if (!rc)
		rc = price(at, "price_upwh", &c->price_upwh, err);
	if (!rc)
		rc = price(at, "fee_upwh", &c->fee_upwh, err);
	if (!rc)
		rc = text(s, at, "buyer_name", &c->buyer_name, err);
	if (!rc)
		rc = text(s, at, "seller_name", &c->seller_name, err);
	if (!rc)
		rc = text(s, at, "tags", &c->tags, err);
	return rc;
}

static int read_reported(const struct mkt_jval *at, struct tui_contract *c, struct mkt_err *err)
{
	bool supply, draw;
	int rc = number(at, "supply_wh", &c->supply_wh, err);

	if (!rc)
		rc = number(at, "draw_wh", &c->draw_wh, err);
	if (!rc)
		rc = number(at, "delivered_wh", &c->delivered_wh, err);
	if (!rc)
		rc = mkt_jget_bool(at, "supply_reported", &supply, err);
	if (!rc)
		rc = mkt_jget_bool(at, "draw_reported", &draw, err);
	if (rc)
		return rc;
	c->supply_reported = supply;
	c->draw_reported = draw;
	return 0;
}

static int read_status(const struct mkt_jval *at, struct tui_contract *c, struct mkt_err *err)
{
	static const char *const words[] = {"matched", "reported", "settled", "retired"};
	const char *word;
	int rc = mkt_jget_str(at, "status", &word, NULL, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], word))
			c->status = (uint8_t)i;
	return 0;
}

int tui_contracts_put(struct tui_contracts *s, const struct mkt_jval *at, struct mkt_err *err)
{
	struct tui_contract c = {.seen = 1};
	int rc = read_terms(s, at, &c, err);
	uint32_t place;

	/* The event of its making has no status yet. */
	if (!rc && mkt_jval_has(at, "status")) {
		rc = read_status(at, &c, err);
		if (!rc)
			rc = read_reported(at, &c, err);
	}
	if (rc)
		return mkt_api_foreign(err);
	place = place_of(s, c.exec);
	if (place < s->n && s->v[place].exec == c.exec) {
		s->v[place] = c;
		return 0;
	}
	if (!room(s)) {
		s->dropped++;
		return 0;
	}
	place = place_of(s, c.exec);
	memmove(s->v + place + 1, s->v + place, (s->n - place) * sizeof(*s->v));
	s->v[place] = c;
	s->n++;
	return 0;
}

/* ---- events ------------------------------------------------------------------------------- */

static bool on_report(struct tui_contract *c, const struct mkt_jval *ev)
{
	const char *side;
	uint32_t wh;

	if (mkt_jget_str(ev, "side", &side, NULL, NULL) || number(ev, "energy_wh", &wh, NULL))
		return false;
	if (!strcmp(side, "supply")) {
		c->supply_wh = wh;
		c->supply_reported = 1;
	} else {
		c->draw_wh = wh;
		c->draw_reported = 1;
	}
	if (c->status == TUI_CONTRACT_MATCHED)
		c->status = TUI_CONTRACT_REPORTED;
	return true;
}

static bool on_settled(struct tui_contract *c, const struct mkt_jval *ev)
{
	struct tui_contract after = *c;

	if (read_reported(ev, &after, NULL))
		return false;
	after.status = TUI_CONTRACT_SETTLED;
	*c = after;
	return true;
}

static bool on_result(struct tui_contract *c, const struct mkt_jval *ev)
{
	const char *what, *code;

	if (mkt_jget_str(ev, "what", &what, NULL, NULL) || strcmp(what, "retire") ||
	    mkt_jget_str(ev, "code", &code, NULL, NULL) || strcmp(code, "ok"))
		return false;
	c->status = TUI_CONTRACT_RETIRED;
	return true;
}

bool tui_contracts_event(struct tui_contracts *s, const char *kind, const struct mkt_jval *ev)
{
	static const struct {
		const char *kind;
		bool (*on)(struct tui_contract *c, const struct mkt_jval *ev);
	} t[] = {{"report", on_report}, {"settled", on_settled}, {"result", on_result}};
	uint64_t exec;
	uint32_t row;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		if (strcmp(t[i].kind, kind))
			continue;
		if (!mkt_jval_has(ev, "exec") ||
		    mkt_jget_u64(ev, "exec", UINT64_MAX, &exec, NULL))
			return false;
		row = tui_contracts_find(s, exec);
		return row != UINT32_MAX && t[i].on(&s->v[row], ev);
	}
	return false;
}

/* ---- reading again ------------------------------------------------------------------------ */

void tui_contracts_begin(struct tui_contracts *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->v[i].seen = 0;
}

void tui_contracts_end(struct tui_contracts *s)
{
	uint32_t to = 0;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->v[i].seen || s->v[i].status >= TUI_CONTRACT_SETTLED)
			s->v[to++] = s->v[i];
	s->n = to;
}

/* ---- how it stands ------------------------------------------------------------------------ */

static bool is_short(const struct tui_contract *c)
{
	if (c->status >= TUI_CONTRACT_SETTLED)
		return c->delivered_wh < c->energy_wh;
	return (c->supply_reported && c->supply_wh < c->energy_wh) ||
	       (c->draw_reported && c->draw_wh < c->energy_wh);
}

enum tui_delivery tui_contract_stands(const struct tui_contract *c, uint64_t now_s,
				      uint32_t window_s)
{
	if (is_short(c))
		return TUI_DELIVERY_SHORT;
	if (c->status == TUI_CONTRACT_RETIRED)
		return TUI_DELIVERY_RETIRED;
	if (c->status == TUI_CONTRACT_SETTLED)
		return TUI_DELIVERY_DONE;
	if (now_s < c->start_s)
		return TUI_DELIVERY_COMING;
	return now_s < (uint64_t)c->start_s + window_s ? TUI_DELIVERY_NOW : TUI_DELIVERY_DUE;
}

uint32_t tui_contract_moved(const struct tui_contract *c)
{
	uint32_t least = UINT32_MAX;

	if (c->status >= TUI_CONTRACT_SETTLED)
		return c->delivered_wh;
	if (c->supply_reported)
		least = c->supply_wh;
	if (c->draw_reported && c->draw_wh < least)
		least = c->draw_wh;
	return least == UINT32_MAX ? 0 : least;
}
