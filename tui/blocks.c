#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/units/fmt.h"
#include "tui/blocks.h"

/* ---- reading ------------------------------------------------------------------------------ */

int tui_block_read(const struct mkt_jval *at, struct tui_block *out, struct mkt_err *err)
{
	struct tui_block b = {0};
	uint64_t txs, events, authority;

	if (mkt_jget_u64(at, "height", INT64_MAX, &b.height, err) ||
	    mkt_jget_u64(at, "time_ms", INT64_MAX, &b.time_ms, err) ||
	    mkt_jget_u64(at, "txs", UINT32_MAX, &txs, err) ||
	    mkt_jget_u64(at, "events", UINT32_MAX, &events, err) ||
	    mkt_jget_u64(at, "authority", UINT32_MAX, &authority, err) ||
	    mkt_jget_u64(at, "bytes", INT64_MAX, &b.bytes, err) ||
	    mkt_jget_hex(at, "hash", b.hash.b, sizeof(b.hash.b), err))
		return mkt_api_foreign(err);
	b.txs = (uint32_t)txs;
	b.events = (uint32_t)events;
	b.authority = (uint32_t)authority;
	b.pruned = !b.bytes;
	*out = b;
	return 0;
}

void tui_sealers_read(struct tui_sealers *s, const struct mkt_answer *a)
{
	struct tui_sealers v = {0};
	struct mkt_jval node, list, at;
	struct mkt_jiter it = {0};

	if (mkt_jget_obj(&a->data, "node", &node, NULL) ||
	    mkt_jget_arr(&node, "members", &list, NULL))
		return;
	v.since = mkt_count(&node, "since");
	while (mkt_jval_next(&list, &it, &at)) {
		uint64_t number;

		if (mkt_jget_u64(&at, "number", MKT_AUTHORITIES_MAX - 1, &number, NULL) ||
		    mkt_jget_text(&at, "name", v.name[number], sizeof(v.name[0]), NULL))
			continue;
		if (v.n <= number)
			v.n = (unsigned)number + 1;
	}
	*s = v;
}

/* ---- a stretch of the chain --------------------------------------------------------------- */

int tui_blocks_init(struct tui_blocks *b, const struct mkt_zone *zone)
{
	*b = (struct tui_blocks){.zone = zone};
	b->v = malloc(TUI_BLOCKS_KEEP * sizeof(*b->v));
	return b->v ? 0 : -MKT_ENOMEM;
}

void tui_blocks_release(struct tui_blocks *b)
{
	free(b->v);
	b->v = NULL;
	b->n = 0;
}

static void reverse(struct tui_block *v, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		struct tui_block t = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = t;
	}
}

/* A page into ascending order; heights must be next to each other. */
static int read_page(const struct mkt_answer *a, struct tui_block *page, uint32_t *n,
		     struct mkt_err *err)
{
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	uint32_t k = 0;

	while (mkt_jval_next(&a->data, &it, &at)) {
		if (k == TUI_BLOCKS_PAGE)
			return mkt_err_set(err, MKT_EUNAVAILABLE,
					   "the server gave more blocks than were asked for");
		if (tui_block_read(&at, &page[k++], err))
			return -MKT_EUNAVAILABLE;
	}
	if (k > 1 && page[0].height > page[1].height)
		reverse(page, k);
	for (uint32_t i = 1; i < k; i++)
		if (page[i].height != page[0].height + i)
			return mkt_err_set(err, MKT_EUNAVAILABLE,
					   "the server's blocks do not follow each other");
	*n = k;
	return 0;
}

static void drop(struct tui_blocks *b, uint32_t count, bool oldest)
{
	b->n -= count;
	if (oldest)
		memmove(b->v, b->v + count, b->n * sizeof(*b->v));
}

/* @page lies in or right beside what is there. */
static void merge(struct tui_blocks *b, const struct tui_block *page, uint32_t n)
{
	uint64_t first = b->v[0].height, last = b->v[b->n - 1].height;
	uint32_t before = page[0].height < first ? (uint32_t)(first - page[0].height) : 0;
	uint32_t after = page[n - 1].height > last ? (uint32_t)(page[n - 1].height - last) : 0;
	uint32_t all = b->n + before + after;

	if (all > TUI_BLOCKS_KEEP)
		drop(b, all - TUI_BLOCKS_KEEP, after > 0);
	if (!b->n)
		return;
	memmove(b->v + before, b->v, b->n * sizeof(*b->v));
	b->n += before + after;
	first = before ? page[0].height : b->v[0].height;
	for (uint32_t i = 0; i < n; i++)
		if (page[i].height >= first && page[i].height - first < b->n)
			b->v[page[i].height - first] = page[i];
}

int tui_blocks_take(struct tui_blocks *b, const struct mkt_answer *a, bool anew,
		    struct mkt_err *err)
{
	struct tui_block *page = calloc(TUI_BLOCKS_PAGE, sizeof(*page));
	uint32_t n = 0;
	int rc = page ? read_page(a, page, &n, err) : mkt_err_code(err, MKT_ENOMEM);

	if (!rc && n) {
		bool touches = !anew && b->n &&
			       page[0].height <= b->v[b->n - 1].height + 1 &&
			       page[n - 1].height + 1 >= b->v[0].height;

		if (touches) {
			merge(b, page, n);
		} else {
			memcpy(b->v, page, n * sizeof(*page));
			b->n = n;
		}
	}
	free(page);
	return rc;
}

/* ---- rows --------------------------------------------------------------------------------- */

enum { B_HEIGHT, B_TIME, B_TXS, B_EVENTS, B_BYTES, B_BY, B_HASH, B_COLS };

static const struct tui_column block_columns[B_COLS] = {
	[B_HEIGHT] = {.name = "block", .title = "block", .width = 9, .least = 7, .number = true},
	[B_TIME] = {.name = "time", .title = "time", .width = 14, .rank = 1},
	[B_TXS] = {.name = "txs", .title = "tx", .width = 7, .least = 5, .align = TUI_RIGHT,
		   .number = true},
	[B_EVENTS] = {.name = "events", .title = "events", .width = 7, .rank = 4,
		      .align = TUI_RIGHT, .number = true},
	[B_BYTES] = {.name = "bytes", .title = "bytes", .width = 9, .rank = 3, .align = TUI_RIGHT,
		     .number = true},
	[B_BY] = {.name = "by", .title = "sealer", .width = 12, .least = 6, .rank = 2},
	[B_HASH] = {.name = "hash", .title = "hash", .width = 64, .least = 10, .rank = 5,
		    .grows = true},
};

static void put_hash(const struct mkt_hash *h, char *out)
{
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", h->b[i]);
}

static void put_sealer(const struct tui_blocks *b, const struct tui_block *at, char *out)
{
	const struct tui_sealers *s = &b->sealers;

	if (!at->height)
		snprintf(out, TUI_CELL_MAX, "genesis");
	else if (at->height > s->since && at->authority < s->n && s->name[at->authority][0])
		snprintf(out, TUI_CELL_MAX, "%s", s->name[at->authority]);
	else
		snprintf(out, TUI_CELL_MAX, "#%u", (unsigned)at->authority);
}

static enum tui_style block_cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	const struct tui_blocks *b = ctx;
	const struct tui_block *at = &b->v[row];

	switch (column) {
	case B_HEIGHT:
		snprintf(out, TUI_CELL_MAX, "%llu", (unsigned long long)at->height);
		break;
	case B_TIME:
		snprintf(out, TUI_CELL_MAX, "%.14s",
			 mkt_fmt_local(b->zone, at->time_ms / 1000).s + 5);
		break;
	case B_TXS:
		snprintf(out, TUI_CELL_MAX, "%u", (unsigned)at->txs);
		break;
	case B_EVENTS:
		snprintf(out, TUI_CELL_MAX, "%u", (unsigned)at->events);
		break;
	case B_BYTES:
		snprintf(out, TUI_CELL_MAX, at->pruned ? "archived" : "%llu",
			 (unsigned long long)at->bytes);
		break;
	case B_BY:
		put_sealer(b, at, out);
		break;
	default:
		put_hash(&at->hash, out);
		return TUI_DIM;
	}
	return at->txs ? TUI_PLAIN : TUI_DIM;
}

static uint64_t block_id(void *ctx, uint32_t row)
{
	return tui_block_id(((const struct tui_blocks *)ctx)->v[row].height);
}

static uint64_t block_value(const struct tui_block *at, unsigned column)
{
	switch (column) {
	case B_TXS:
		return at->txs;
	case B_EVENTS:
		return at->events;
	case B_BYTES:
		return at->bytes;
	case B_BY:
		return at->authority;
	default:
		return at->height; /* time goes with it */
	}
}

static int block_compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	const struct tui_blocks *t = ctx;
	uint64_t x = block_value(&t->v[a], column), y = block_value(&t->v[b], column);

	if (column == B_HASH)
		return memcmp(t->v[a].hash.b, t->v[b].hash.b, MKT_HASH_LEN);
	return (x > y) - (x < y);
}

const struct tui_rows tui_block_rows = {.columns = block_columns,
					.ncolumns = B_COLS,
					.cell = block_cell,
					.id = block_id,
					.compare = block_compare};
