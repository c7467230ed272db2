/* The transactions of a block, and the lines of a transaction. */
#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/units/fmt.h"
#include "tui/blocks.h"

static void put_hash(const struct mkt_hash *h, char *out)
{
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", h->b[i]);
}

/* ---- transactions ------------------------------------------------------------------------- */

void tui_txs_release(struct tui_txs *t)
{
	free(t->v);
	*t = (struct tui_txs){0};
}

void tui_txs_clear(struct tui_txs *t, uint64_t height)
{
	struct tui_tx *v = t->v;
	uint32_t cap = t->cap;

	*t = (struct tui_txs){.v = v, .cap = cap, .block.height = height};
}

/* "bid 3, cancel": kinds in their order, with how many of each come together. */
static void join_ops(const struct mkt_jval *ops, char *out, size_t size)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	const char *last = "", *word;
	unsigned n = 0;
	size_t len = 0;

	out[0] = '\0';
	for (bool more = true; more;) {
		more = mkt_jval_next(ops, &it, &at);
		if (more && mkt_jval_str(&at, &word, NULL, NULL))
			continue;
		if (more && !strcmp(word, last)) {
			n++;
			continue;
		}
		if (n > 1 && len < size)
			len += (size_t)snprintf(out + len, size - len, " %u", n);
		if (more && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
						word);
		last = more ? word : "";
		n = 1;
	}
}

static int room_for(void **v, uint32_t *cap, uint32_t n, size_t size, struct mkt_err *err)
{
	uint32_t more = *cap ? *cap * 2 : 64;
	void *bigger;

	if (n < *cap)
		return 0;
	bigger = realloc(*v, more * size);
	if (!bigger)
		return mkt_err_code(err, MKT_ENOMEM);
	*v = bigger;
	*cap = more;
	return 0;
}

static int add_tx(struct tui_txs *t, const struct mkt_jval *at, struct mkt_err *err)
{
	void *v = t->v;
	int rc = room_for(&v, &t->cap, t->n, sizeof(*t->v), err);
	struct tui_tx x = {0};
	struct mkt_jval ops;
	uint64_t index, account;

	t->v = v;
	if (rc)
		return rc;
	if (mkt_jget_u64(at, "index", UINT32_MAX, &index, err) ||
	    mkt_jget_hex(at, "tx", x.id.b, sizeof(x.id.b), err) ||
	    mkt_jget_u64(at, "account", UINT32_MAX, &account, err) ||
	    mkt_jget_arr(at, "ops", &ops, err))
		return mkt_api_foreign(err);
	if (index != t->n)
		return mkt_err_set(err, MKT_EUNAVAILABLE,
				   "the server's transactions do not follow each other");
	x.account = (uint32_t)account;
	snprintf(x.name, sizeof(x.name), "%s", mkt_word(at, "account_name"));
	join_ops(&ops, x.ops, sizeof(x.ops));
	t->v[t->n++] = x;
	return 0;
}

static void read_certificate(struct tui_txs *t, const struct mkt_jval *block)
{
	struct mkt_jval c, names, at;
	struct mkt_jiter it = {0};
	size_t len = 0, size = sizeof(t->signed_by);
	const char *name;

	if (mkt_jget_obj(block, "certificate", &c, NULL) ||
	    mkt_jget_arr(&c, "signed_by", &names, NULL))
		return;
	while (len < size && mkt_jval_next(&names, &it, &at))
		if (!mkt_jval_str(&at, &name, NULL, NULL))
			len += (size_t)snprintf(t->signed_by + len, size - len, "%s%s",
						len ? ", " : "", name);
	if (len < size)
		snprintf(t->signed_by + len, size - len, "%s%llu of %llu, %llu needed, epoch %llu",
			 len ? ": " : "", (unsigned long long)mkt_count(&c, "votes"),
			 (unsigned long long)mkt_count(&c, "authorities"),
			 (unsigned long long)mkt_count(&c, "needed"),
			 (unsigned long long)mkt_count(&c, "epoch"));
}

int tui_txs_take(struct tui_txs *t, const struct mkt_answer *a, struct mkt_err *err)
{
	struct tui_block b;
	struct mkt_jiter it = {0};
	struct mkt_jval list, at;
	int rc = tui_block_read(&a->data, &b, err);

	if (!rc && b.height != t->block.height)
		rc = mkt_err_set(err, MKT_EUNAVAILABLE, "the server gave another block");
	if (!rc && mkt_jget_arr(&a->data, "transactions", &list, err))
		rc = mkt_api_foreign(err);
	while (!rc && t->n < TUI_TXS_KEEP && mkt_jval_next(&list, &it, &at))
		rc = add_tx(t, &at, err);
	if (rc)
		return rc;
	t->block = b;
	read_certificate(t, &a->data);
	t->more = a->next && t->n && t->n < TUI_TXS_KEEP;
	t->after = t->n ? t->n - 1 : 0;
	t->known = true;
	return 0;
}

enum { T_INDEX, T_TX, T_ACCOUNT, T_OPS, T_COLS };

static const struct tui_column tx_columns[T_COLS] = {
	[T_INDEX] = {.name = "index", .title = "nr", .width = 6, .least = 4, .rank = 2,
		     .align = TUI_RIGHT, .number = true},
	[T_TX] = {.name = "tx", .title = "transaction", .width = 20, .least = 9},
	[T_ACCOUNT] = {.name = "account", .title = "signer", .width = 16, .least = 8, .rank = 1},
	[T_OPS] = {.name = "ops", .title = "operations", .width = 24, .least = 10, .rank = 1,
		   .grows = true},
};

static enum tui_style tx_cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct tui_tx *x = &((const struct tui_txs *)ctx)->v[row];

	switch (column) {
	case T_INDEX:
		snprintf(out, TUI_CELL_MAX, "%u", (unsigned)row);
		break;
	case T_TX:
		put_hash(&x->id, out);
		break;
	case T_ACCOUNT:
		snprintf(out, TUI_CELL_MAX, "%s", x->name);
		break;
	default:
		snprintf(out, TUI_CELL_MAX, "%s", x->ops);
		break;
	}
	return TUI_PLAIN;
}

static uint64_t tx_row_id(void *ctx, uint32_t row)
{
	(void)ctx;
	return row + 1u;
}

static int tx_compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	const struct tui_tx *x = &((const struct tui_txs *)ctx)->v[a];
	const struct tui_tx *y = &((const struct tui_txs *)ctx)->v[b];

	switch (column) {
	case T_TX:
		return memcmp(x->id.b, y->id.b, MKT_HASH_LEN);
	case T_ACCOUNT:
		return strcmp(x->name, y->name);
	case T_OPS:
		return strcmp(x->ops, y->ops);
	default:
		return (a > b) - (a < b);
	}
}

const struct tui_rows tui_tx_rows = {.columns = tx_columns,
				     .ncolumns = T_COLS,
				     .cell = tx_cell,
				     .id = tx_row_id,
				     .compare = tx_compare};

/* ---- lines of one ------------------------------------------------------------------------- */

void tui_txlines_clear(struct tui_txlines *t, const struct mkt_hash *id)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->v[i].text);
	t->n = 0;
	t->known = t->cut = false;
	t->id = *id;
}

void tui_txlines_release(struct tui_txlines *t)
{
	tui_txlines_clear(t, &t->id);
	free(t->v);
	*t = (struct tui_txlines){0};
}

/* What lines are being made of. */
struct writer {
	struct tui_txlines *t;
	const struct mkt_story *story;
	struct mkt_buf b; /* the text of the next line */
	bool bad;
};

static void end_line(struct writer *w, const char *what, unsigned number, enum tui_style style)
{
	struct tui_txlines *t = w->t;
	void *v = t->v;
	char *text;

	t->cut |= t->n == TUI_TXLINES_KEEP;
	if (!t->cut && !w->bad) {
		w->bad = w->b.bad || room_for(&v, &t->cap, t->n, sizeof(*t->v), NULL);
		t->v = v;
		text = w->bad ? NULL : strdup(mkt_buf_str(&w->b));
		w->bad |= !text;
		if (text)
			t->v[t->n++] = (struct tui_txline){what, number, style, text};
	}
	mkt_buf_clear(&w->b);
}

static void say_result(struct writer *w, const struct mkt_jval *r)
{
	const char *code = mkt_word(r, "code");
	bool ok = !strcmp(code, "ok");

	if (ok)
		mkt_buf_addstr(&w->b, "done");
	else
		mkt_buf_addf(&w->b, "refused, %s: %s", code, mkt_word(r, "message"));
	if (mkt_jval_has(r, "bid"))
		mkt_buf_addf(&w->b, ", b%llu", (unsigned long long)mkt_count(r, "bid"));
	if (mkt_jval_has(r, "exec"))
		mkt_buf_addf(&w->b, ", c%llu", (unsigned long long)mkt_count(r, "exec"));
	if (mkt_jval_has(r, "filled_wh"))
		mkt_buf_addf(&w->b, ", %s matched", mkt_fmt_energy(mkt_count(r, "filled_wh")).s);
	if (mkt_jval_has(r, "left_wh"))
		mkt_buf_addf(&w->b, ", %s left", mkt_fmt_energy(mkt_count(r, "left_wh")).s);
	end_line(w, "result", 0, ok ? TUI_GOOD : TUI_BAD);
}

static void say_op(struct writer *w, const struct mkt_tx *tx, unsigned i)
{
	const struct mkt_op *op = &tx->ops[i];

	mkt_story_op(w->story, tx, op, &w->b);
	end_line(w, "op", i + 1, TUI_STRONG);
	for (unsigned k = 0; op->kind == MKT_OP_BID && k < op->u.bid.nlegs; k++) {
		mkt_story_leg(w->story, &tx->legs[op->u.bid.first_leg + k], &w->b);
		end_line(w, "leg", k + 1, TUI_PLAIN);
	}
}

static void say_ops(struct writer *w, const struct mkt_tx *tx, const struct mkt_jval *data)
{
	struct mkt_jiter it = {0};
	struct mkt_jval results, r;
	bool told = !mkt_jget_arr(data, "results", &results, NULL);

	for (unsigned i = 0; i < tx->nops; i++) {
		say_op(w, tx, i);
		if (told && mkt_jval_next(&results, &it, &r))
			say_result(w, &r);
	}
}

static void say_events(struct writer *w, const struct mkt_jval *data)
{
	struct mkt_jiter it = {0};
	struct mkt_jval events, ev;

	if (mkt_jget_arr(data, "events", &events, NULL))
		return;
	while (mkt_jval_next(&events, &it, &ev)) {
		mkt_story_event(w->story, &ev, &w->b);
		end_line(w, "event", 0, TUI_PLAIN);
	}
}

static void say_head(struct writer *w, const struct mkt_tx *tx, const struct mkt_jval *data,
		     const char *name)
{
	char id[2 * MKT_HASH_LEN + 1];
	uint64_t ms;

	put_hash(&tx->id, id);
	mkt_buf_addstr(&w->b, id);
	end_line(w, "id", 0, TUI_PLAIN);
	mkt_buf_addf(&w->b, "block %llu, number %llu",
		     (unsigned long long)mkt_count(data, "height"),
		     (unsigned long long)mkt_count(data, "index"));
	if (!mkt_jget_time(data, "time", &ms, NULL))
		mkt_buf_addf(&w->b, ", %s", mkt_fmt_local(w->story->zone, ms / 1000).s);
	end_line(w, "place", 0, TUI_PLAIN);
	mkt_buf_addf(&w->b, "#%u", (unsigned)tx->account);
	if (name && name[0])
		mkt_buf_addf(&w->b, " %s", name);
	end_line(w, "signer", 0, TUI_PLAIN);
	mkt_buf_addf(&w->b, "until %s%s", mkt_fmt_local(w->story->zone, tx->valid_until_s).s,
		     tx->flags & MKT_TX_ALL_OR_NOTHING ? ", all or nothing" : "");
	end_line(w, "valid", 0, TUI_PLAIN);
	for (unsigned i = 0; i < MKT_REQUEST_LEN; i++)
		mkt_buf_addf(&w->b, "%02x", tx->request[i]);
	end_line(w, "request", 0, TUI_PLAIN);
}

/* The envelope's bytes, of hexadecimal digits. */
static int read_envelope(const struct mkt_jval *data, struct mkt_buf *out, struct mkt_err *err)
{
	const char *hex;
	size_t len;

	if (mkt_jget_str(data, "envelope", &hex, &len, err))
		return mkt_api_foreign(err);
	if (mkt_buf_grow(out, len / 2) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	out->len = len / 2;
	return mkt_jget_hex(data, "envelope", out->data, out->len, err) ? mkt_api_foreign(err) : 0;
}

int tui_txlines_take(struct tui_txlines *t, const struct mkt_story *story,
		     const struct mkt_answer *a, const char *name, struct mkt_err *err)
{
	struct tui_txlines made = {.id = t->id, .known = true};
	struct writer w = {.t = &made, .story = story, .b = MKT_BUF_INIT};
	struct mkt_buf envelope = MKT_BUF_INIT;
	struct mkt_tx tx = MKT_TX_INIT;
	int rc = read_envelope(&a->data, &envelope, err);

	if (!rc && mkt_tx_dec(envelope.data, envelope.len, &story->facts->chain, &tx, err) < 0)
		rc = err->code == MKT_ENOMEM ? -MKT_ENOMEM : mkt_api_foreign(err);
	if (!rc && !mkt_hash_eq(&tx.id, &t->id))
		rc = mkt_err_set(err, MKT_EUNAVAILABLE, "the server gave another transaction");
	if (!rc) {
		say_head(&w, &tx, &a->data, name);
		say_ops(&w, &tx, &a->data);
		say_events(&w, &a->data);
		rc = w.bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
	}
	if (!rc) {
		struct tui_txlines old = *t;

		*t = made;
		made = old;
	}
	tui_txlines_release(&made);
	mkt_tx_release(&tx);
	mkt_buf_release(&envelope);
	mkt_buf_release(&w.b);
	return rc;
}

enum { L_WHAT, L_TEXT, L_COLS };

static const struct tui_column line_columns[L_COLS] = {
	[L_WHAT] = {.name = "what", .title = "what", .width = 8, .rank = 1},
	[L_TEXT] = {.name = "text", .title = "text", .width = 66, .least = 10, .grows = true},
};

static enum tui_style line_cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct tui_txline *l = &((const struct tui_txlines *)ctx)->v[row];

	if (column != L_WHAT)
		snprintf(out, TUI_CELL_MAX, "%.*s", TUI_CELL_MAX - 1, l->text);
	else if (l->number)
		snprintf(out, TUI_CELL_MAX, "%s %u", l->what, l->number);
	else
		snprintf(out, TUI_CELL_MAX, "%s", l->what);
	return column == L_WHAT ? TUI_DIM : l->style;
}

const struct tui_rows tui_txline_rows = {
	.columns = line_columns, .ncolumns = L_COLS, .cell = line_cell, .id = tx_row_id};
