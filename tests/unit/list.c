/* Lists: order, selection by id, columns that leave, filter, search, marks, mouse, export. */
#include "core/base/compat.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/codec/json.h"
#include "tests/rng.h"
#include "tui/list.h"

struct thing {
	uint64_t id;
	int64_t price;
	const char *name;
};

struct things {
	struct thing v[64];
	uint32_t n;
	unsigned cells, compares;
};

enum { NAME, PRICE, STATE };

static const struct tui_column columns[] = {
	[NAME] = {.name = "name", .title = "Name", .width = 8, .least = 4, .grows = true},
	[PRICE] = {.name = "price",
		   .title = "JPY/kWh",
		   .width = 8,
		   .rank = 1,
		   .align = TUI_RIGHT,
		   .number = true},
	[STATE] = {.name = "state", .title = "State", .width = 6, .rank = 2},
};

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	struct things *t = ctx;
	const struct thing *v = &t->v[row];

	t->cells++;
	if (column == NAME)
		snprintf(out, TUI_CELL_MAX, "%s", v->name);
	else if (column == PRICE)
		snprintf(out, TUI_CELL_MAX, "%lld.50", (long long)v->price);
	else
		snprintf(out, TUI_CELL_MAX, "%s", v->price > 20 ? "dear" : "cheap");
	return column == STATE && v->price > 20 ? TUI_BAD : TUI_PLAIN;
}

static uint64_t id(void *ctx, uint32_t row)
{
	return ((struct things *)ctx)->v[row].id;
}

static int compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	struct things *t = ctx;

	t->compares++;
	if (column == PRICE)
		return (t->v[a].price > t->v[b].price) - (t->v[a].price < t->v[b].price);
	if (column == NAME)
		return strcmp(t->v[a].name, t->v[b].name);
	return (t->v[a].price > 20) - (t->v[b].price > 20);
}

static const struct tui_rows rows = {
	.columns = columns, .ncolumns = 3, .cell = cell, .id = id, .compare = compare};
static const struct tui_rows by_text = {.columns = columns, .ncolumns = 3, .cell = cell, .id = id};

static struct things market(void)
{
	return (struct things){.v = {{11, 25, "acc7"},
				     {12, 9, "house07"},
				     {13, 30, "depot"},
				     {14, 12, "office"},
				     {15, 21, "pv-roof"}},
			       .n = 5};
}

struct bench {
	struct tui_canvas c;
	struct tui_list l;
	struct things t;
	uint64_t ms;
};

static void begin(struct bench *b, const struct tui_rows *r, int sort, unsigned height,
		  unsigned cols)
{
	*b = (struct bench){.c = {.utf8 = true, .glyphs = TUI_ASCII}, .t = market(), .ms = 10000};
	assert_int_equal(tui_canvas_resize(&b->c, height, cols), 0);
	tui_list_init(&b->l, r, &b->t, sort);
	tui_list_changed(&b->l, b->t.n);
}

static void end(struct bench *b)
{
	tui_list_release(&b->l);
	tui_canvas_release(&b->c);
}

static void draw(struct bench *b)
{
	tui_list_draw(&b->l, tui_whole(&b->c), b->ms, "nothing here");
}

static void shows(struct bench *b, const char *want)
{
	struct mkt_buf out = MKT_BUF_INIT;

	draw(b);
	tui_canvas_text(&b->c, &out);
	assert_string_equal(mkt_buf_str(&out), want);
	mkt_buf_release(&out);
}

static uint64_t chosen(struct bench *b)
{
	uint32_t row = tui_list_row(&b->l);

	return row == TUI_NO_ROW ? 0 : b->t.v[row].id;
}

static void pictures(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 6, 25);
	shows(&b, " Name      JPY/kWh State\n>acc7        25.50 dear\n house07      9.50 cheap\n"
		  " depot       30.50 dear\n office      12.50 cheap\n pv-roof     21.50 dear\n");
	assert_true(tui_list_act(&b.l, TUI_A_SORT_NEXT)); /* by name */
	assert_true(tui_list_act(&b.l, TUI_A_SORT_NEXT)); /* by price */
	shows(&b, " Name     JPY/kWh^ State\n house07      9.50 cheap\n office      12.50 cheap\n"
		  " pv-roof     21.50 dear\n>acc7        25.50 dear\n depot       30.50 dear\n");
	assert_true(tui_list_act(&b.l, TUI_A_INVERT));
	shows(&b, " Name     JPY/kWhv State\n depot       30.50 dear\n>acc7        25.50 dear\n"
		  " pv-roof     21.50 dear\n office      12.50 cheap\n house07      9.50 cheap\n");
	assert_int_equal(b.l.sort, PRICE);
	assert_true(tui_list_act(&b.l, TUI_A_SORT_PREV));
	assert_int_equal(b.l.sort, NAME);
	assert_false(b.l.inverted);
	assert_true(tui_list_act(&b.l, TUI_A_SORT_PREV));
	assert_int_equal(b.l.sort, -1);
	assert_int_equal(chosen(&b), 11);
	end(&b);
}

static void columns_leave_by_rank(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 2, 40); /* what is left over goes to the one that grows */
	shows(&b,
	      " Name                     JPY/kWh State\n>acc7                       25.50 dear\n");
	end(&b);
	begin(&b, &rows, -1, 2, 21); /* the name shrinks */
	shows(&b, " Name  JPY/kWh State\n>acc7    25.50 dear\n");
	end(&b);
	begin(&b, &rows, -1, 2, 17); /* the state leaves */
	shows(&b, " Name     JPY/kWh\n>acc7       25.50\n");
	end(&b);
	begin(&b, &rows, -1, 2, 5);
	shows(&b, " Name\n>acc7\n");
	end(&b);
	begin(&b, &rows, -1, 1, 3); /* one row: no head */
	shows(&b, ">a~\n");
	end(&b);
	begin(&b, &rows, -1, 3, 12);
	b.t.n = 0;
	tui_list_changed(&b.l, 0);
	shows(&b, " Name\nnothing here\n\n");
	assert_int_equal(tui_list_row(&b.l), TUI_NO_ROW);
	assert_true(tui_list_act(&b.l, TUI_A_DOWN));
	assert_true(tui_list_act(&b.l, TUI_A_MARK));
	assert_int_equal(b.l.nmarks, 0);
	end(&b);
}

static void drop(struct bench *b, uint32_t row)
{
	memmove(&b->t.v[row], &b->t.v[row + 1], (b->t.n - row - 1) * sizeof(b->t.v[0]));
	tui_list_changed(&b->l, --b->t.n);
}

static void selection_is_an_id(void **state)
{
	struct thing new = {20, 1, "a new one"};
	struct bench b;

	(void)state;
	begin(&b, &rows, PRICE, 6, 25);
	draw(&b);
	assert_true(tui_list_select(&b.l, 14));
	memmove(&b.t.v[1], &b.t.v[0], 5 * sizeof(new)); /* a row comes in before all */
	b.t.v[0] = new;
	tui_list_changed(&b.l, b.t.n = 6);
	assert_int_equal(chosen(&b), 14); /* though the picture is old */
	draw(&b);
	assert_int_equal(chosen(&b), 14);
	b.t.v[4].price = 99; /* it moves to the end */
	tui_list_changed(&b.l, 6);
	b.ms += 300;
	draw(&b);
	assert_int_equal(chosen(&b), 14);
	assert_int_equal(b.l.at, 5);
	drop(&b, 4); /* it goes: its neighbour stands in */
	assert_int_not_equal(chosen(&b), 14);
	b.ms += 300;
	draw(&b);
	assert_int_equal(chosen(&b), 13);
	b.t.v[b.t.n++] = (struct thing){14, 10, "office"}; /* it is back */
	tui_list_changed(&b.l, b.t.n);
	b.ms += 300;
	draw(&b);
	assert_int_equal(chosen(&b), 14);
	assert_true(tui_list_act(&b.l, TUI_A_FIRST));
	assert_int_equal(chosen(&b), 20);
	assert_false(tui_list_select(&b.l, 777));
	assert_int_equal(chosen(&b), 20);
	end(&b);
}

/* All rows go and come again, as in a reload: the cursor stands where it stood. */
static void survives_a_reload(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 6, 25);
	draw(&b);
	assert_true(tui_list_act(&b.l, TUI_A_LAST));
	assert_int_equal(chosen(&b), 15);
	for (uint32_t n = 0; n <= 5; n++) {
		tui_list_changed(&b.l, n);
		b.ms += 300;
		draw(&b);
		assert_int_equal(chosen(&b), n < 5 ? n ? 11 : 0 : 15);
	}
	end(&b);
}

static void order_is_made_four_times_a_second(void **state)
{
	struct bench b;
	unsigned made = 0, before;

	(void)state;
	begin(&b, &rows, PRICE, 6, 25);
	draw(&b);
	for (unsigned i = 0; i < 100; i++) { /* a second of pictures with a change before each */
		b.t.v[0].price = (int64_t)i;
		tui_list_changed(&b.l, b.t.n);
		before = b.t.compares;
		b.ms += 10;
		draw(&b);
		made += b.t.compares > before;
	}
	assert_int_equal(made, 4);
	tui_list_changed(&b.l, b.t.n);
	before = b.t.compares;
	assert_true(tui_list_act(&b.l, TUI_A_DOWN)); /* a key is at once */
	assert_true(b.t.compares > before);
	end(&b);
}

static void filters(void **state)
{
	struct mkt_err err;
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 6, 25);
	draw(&b);
	assert_true(tui_list_select(&b.l, 13));
	assert_int_equal(tui_list_filter(&b.l, "OFF", &err), 0);
	shows(&b, " Name      JPY/kWh State\n>office      12.50 cheap\n\n\n\nonly OFF: 1 of 5\n");
	assert_int_equal(tui_list_filter(&b.l, "!dear", &err), 0);
	assert_int_equal(b.l.shown, 2);
	assert_int_equal(tui_list_filter(&b.l, "state:dear", &err), 0);
	assert_int_equal(b.l.shown, 3);
	assert_int_equal(tui_list_filter(&b.l, "!PRICE:50", &err), 0);
	assert_int_equal(b.l.shown, 0);
	shows(&b,
	      " Name      JPY/kWh State\nno row fits the filter\n\n\n\nonly !PRICE:50: 0 of 5\n");
	assert_int_equal(tui_list_filter(&b.l, "colour:red", &err), -MKT_EUSAGE);
	assert_string_equal(err.text, "these rows have no field 'colour'");
	assert_string_equal(b.l.filter, "!PRICE:50");		   /* as it was */
	assert_int_equal(tui_list_filter(&b.l, "10:30", &err), 0); /* a time is no field */
	assert_int_equal(b.l.shown, 0);
	assert_int_equal(tui_list_filter(&b.l, "", &err), 0);
	assert_int_equal(b.l.shown, 5);
	assert_int_equal(chosen(&b), 13);
	assert_int_equal(
		tui_list_filter(&b.l,
				"a text of more letters than any filter of ours was ever made for",
				&err),
		-MKT_EUSAGE);
	end(&b);
}

static unsigned style_at(const struct bench *b, unsigned y, unsigned x)
{
	return b->c.cells[y * b->c.cols + x].style;
}

static void searches(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 7, 25);
	draw(&b);
	assert_true(tui_list_search(&b.l, "CE"));
	assert_int_equal(chosen(&b), 14);
	shows(&b,
	      " Name      JPY/kWh State\n acc7        25.50 dear\n house07      9.50 cheap\n"
	      " depot       30.50 dear\n>office      12.50 cheap\n pv-roof     21.50 dear\n/CE\n");
	assert_int_equal(style_at(&b, 4, 4), TUI_SELECT);
	assert_int_equal(style_at(&b, 4, 5), TUI_MATCH);
	assert_int_equal(style_at(&b, 4, 6), TUI_MATCH);
	assert_int_equal(style_at(&b, 4, 7), TUI_SELECT);
	assert_true(tui_list_search(&b.l, "50"));
	assert_int_equal(chosen(&b), 14);
	draw(&b);
	assert_int_equal(style_at(&b, 2, 16), TUI_MATCH); /* on the right of its column */
	assert_int_equal(style_at(&b, 2, 15), TUI_PLAIN);
	assert_true(tui_list_act(&b.l, TUI_A_FIND_NEXT));
	assert_int_equal(chosen(&b), 15);
	assert_true(tui_list_act(&b.l, TUI_A_FIND_NEXT)); /* around the end */
	assert_int_equal(chosen(&b), 11);
	assert_true(tui_list_act(&b.l, TUI_A_FIND_PREV));
	assert_int_equal(chosen(&b), 15);
	assert_false(tui_list_search(&b.l, "nobody"));
	assert_int_equal(chosen(&b), 15);
	assert_false(tui_list_act(&b.l, TUI_A_FIND_NEXT));
	assert_false(tui_list_search(&b.l, ""));
	end(&b);
}

static void marks(void **state)
{
	uint64_t ids[4];
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 7, 25);
	draw(&b);
	assert_int_equal(tui_list_chosen(&b.l, ids, 4), 1);
	assert_int_equal(ids[0], 11);
	assert_true(tui_list_act(&b.l, TUI_A_MARK)); /* and a row down */
	assert_true(tui_list_act(&b.l, TUI_A_DOWN));
	assert_true(tui_list_act(&b.l, TUI_A_MARK));
	shows(&b, " Name      JPY/kWh State\n*acc7        25.50 dear\n house07      9.50 cheap\n"
		  "*depot       30.50 dear\n>office      12.50 cheap\n pv-roof     21.50 dear\n"
		  "2 marked\n");
	assert_int_equal(tui_list_chosen(&b.l, ids, 4), 2);
	assert_int_equal(ids[0], 11);
	assert_int_equal(ids[1], 13);
	assert_int_equal(tui_list_chosen(&b.l, ids, 1), 2); /* how many there are */
	drop(&b, 0);
	assert_int_equal(tui_list_chosen(&b.l, ids, 4), 1); /* what is gone is not acted on */
	assert_int_equal(ids[0], 13);
	assert_true(tui_list_act(&b.l, TUI_A_UP));
	assert_true(tui_list_act(&b.l, TUI_A_MARK)); /* again: no longer */
	assert_true(tui_list_act(&b.l, TUI_A_UNMARK));
	assert_int_equal(tui_list_chosen(&b.l, ids, 4), 1);
	assert_int_equal(ids[0], 14);
	end(&b);
}

static void follows_the_newest(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, &rows, PRICE, 5, 25);
	draw(&b);
	assert_true(tui_list_act(&b.l, TUI_A_FOLLOW));
	assert_int_equal(chosen(&b), 15);
	b.t.v[b.t.n++] = (struct thing){16, 2, "late"};
	tui_list_changed(&b.l, b.t.n);
	b.ms += 300;
	shows(&b, " Name     JPY/kWh^ State\n>late         2.50 cheap\n house07      9.50 cheap\n"
		  " office      12.50 cheap\nfollowing the newest\n");
	assert_true(tui_list_act(&b.l, TUI_A_DOWN)); /* whoever moves follows no more */
	assert_false(b.l.follow);
	assert_int_equal(chosen(&b), 12);
	end(&b);
}

static void mouse(void **state)
{
	struct tui_input click = {.key = TUI_K_MOUSE, .mouse = TUI_CLICK, .y = 3, .x = 4};
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 6, 25);
	assert_int_equal(tui_list_mouse(&b.l, &click), -1); /* not drawn yet */
	draw(&b);
	assert_int_equal(tui_list_mouse(&b.l, &click), 0);
	assert_int_equal(chosen(&b), 13);
	click.mouse = TUI_DOUBLE;
	assert_int_equal(tui_list_mouse(&b.l, &click), 1);
	click.mouse = TUI_WHEEL_UP;
	assert_int_equal(tui_list_mouse(&b.l, &click), 0);
	assert_int_equal(chosen(&b), 11);
	click.mouse = TUI_WHEEL_DOWN;
	assert_int_equal(tui_list_mouse(&b.l, &click), 0);
	assert_int_equal(chosen(&b), 14);
	click = (struct tui_input){.key = TUI_K_MOUSE, .mouse = TUI_CLICK, .y = 0, .x = 12};
	assert_int_equal(tui_list_mouse(&b.l, &click), 0);
	assert_int_equal(b.l.sort, PRICE);
	assert_int_equal(tui_list_mouse(&b.l, &click), 0);
	assert_true(b.l.inverted);
	click.y = 99;
	assert_int_equal(tui_list_mouse(&b.l, &click), -1);
	end(&b);
}

/* Rows moved since the picture: what was seen under the mouse is selected. */
static void a_click_means_what_was_seen(void **state)
{
	struct tui_input click = {.key = TUI_K_MOUSE, .mouse = TUI_CLICK, .y = 3, .x = 4};
	struct bench b;

	(void)state;
	begin(&b, &rows, -1, 6, 25);
	draw(&b);
	drop(&b, 0);
	assert_int_equal(tui_list_mouse(&b.l, &click), 0);
	assert_int_equal(chosen(&b), 13);
	drop(&b, 1);
	draw(&b);
	end(&b);
}

static void without_a_compare(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, &by_text, NAME, 6, 25);
	b.t.v[0].name = "Same first letters 2"; /* longer than what is remembered of each */
	b.t.v[3].name = "same first letters 1";
	tui_list_changed(&b.l, b.t.n);
	shows(&b, " Name^     JPY/kWh State\n>depot       30.50 dear\n house07      9.50 cheap\n"
		  " pv-roof     21.50 dear\n same fi~    12.50 cheap\n Same fi~    25.50 dear\n");
	end(&b);
}

/* ---- many --------------------------------------------------------------------------------- */

#define MANY 100000u

struct many {
	int64_t *price;
	uint64_t cells, compares, ids;
};

static enum tui_style many_cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	struct many *m = ctx;

	(void)column;
	m->cells++;
	snprintf(out, TUI_CELL_MAX, "%lld", (long long)m->price[row]);
	return TUI_PLAIN;
}

static uint64_t many_id(void *ctx, uint32_t row)
{
	((struct many *)ctx)->ids++;
	return row + 1u;
}

static int many_compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	struct many *m = ctx;

	(void)column;
	m->compares++;
	return (m->price[a] > m->price[b]) - (m->price[a] < m->price[b]);
}

static const struct tui_rows many_rows = {.columns = columns,
					  .ncolumns = 3,
					  .cell = many_cell,
					  .id = many_id,
					  .compare = many_compare};

/* Calls so far, a cell being as dear as eight compares. */
static uint64_t work_of(const struct tui_list *l)
{
	const struct many *m = l->ctx;

	return m->cells * 8 + m->compares;
}

/* Slices are of 200,000, and the last merge and the cells seen come on top. */
#define SLICE_MOST (200000u + MANY + 40 * 3 * 8)

static bool in_order(const struct tui_list *l, const struct many *m)
{
	for (uint32_t i = 1; i < l->shown; i++)
		if (m->price[l->order[i - 1]] > m->price[l->order[i]])
			return false;
	return true;
}

/* Pictures until nothing is under way; no key waits for more than one.  Returns how many. */
static unsigned draw_all(struct tui_list *l, struct tui_canvas *c, uint64_t steady_ms)
{
	unsigned n = 0;

	do {
		uint64_t before = work_of(l);

		c->again = false;
		tui_list_draw(l, tui_whole(c), steady_ms, NULL);
		n++;
		assert_true(work_of(l) - before <= SLICE_MOST);
	} while (c->again);
	return n;
}

static void a_hundred_thousand_rows(void **state)
{
	struct tui_canvas c = {.utf8 = true};
	struct many m = {.price = calloc(MANY, sizeof(*m.price))};
	struct rng r = rng_start("a_hundred_thousand_rows");
	struct tui_list l;
	unsigned frames;

	(void)state;
	assert_non_null(m.price);
	assert_int_equal(tui_canvas_resize(&c, 40, 80), 0);
	for (unsigned i = 0; i < MANY; i++)
		m.price[i] = (int64_t)rng_below(&r, 1000000);
	tui_list_init(&l, &many_rows, &m, PRICE);
	tui_list_changed(&l, MANY);
	frames = draw_all(&l, &c, 1000);
	assert_int_equal(l.shown, MANY);
	assert_true(in_order(&l, &m));
	assert_true(m.cells <= 40 * 3 * frames);
	for (unsigned frame = 1; frame <= 8; frame++) {
		for (unsigned i = 0; i < 1000; i++) { /* events */
			m.price[rng_below(&r, MANY)] = (int64_t)rng_below(&r, 1000000);
			tui_list_changed(&l, MANY);
		}
		m.cells = m.compares = m.ids = 0;
		frames = draw_all(&l, &c, 1000 + 10000 * frame);
		assert_true(in_order(&l, &m));
		assert_true(m.cells <= 40 * 3 * frames);
		assert_true(m.compares <= 3 * MANY); /* a full sort takes 16 */
		assert_true(m.ids <= 2 * MANY + 40 * frames);
		m.cells = m.compares = m.ids = 0;
		tui_list_changed(&l, MANY);
		tui_list_draw(&l, tui_whole(&c), 1000 + 10000 * frame + 100, NULL);
		assert_true(m.cells <= 40 * 3); /* nothing is due: only what is seen */
		assert_int_equal(m.compares, 0);
		assert_true(m.ids <= 40);
	}
	free(m.price);
	tui_list_release(&l);
	tui_canvas_release(&c);
}

/* What a filter or a search goes through is done piece by piece, and the rows stay meanwhile. */
static void keys_do_not_wait(void **state)
{
	struct tui_canvas c = {.utf8 = true};
	struct many m = {.price = calloc(MANY, sizeof(*m.price))};
	struct tui_list l;
	struct mkt_err err;

	(void)state;
	assert_non_null(m.price);
	assert_int_equal(tui_canvas_resize(&c, 40, 80), 0);
	for (unsigned i = 0; i < MANY; i++)
		m.price[i] = i;
	tui_list_init(&l, &many_rows, &m, PRICE);
	tui_list_changed(&l, MANY);
	draw_all(&l, &c, 1000);
	assert_true(tui_list_select(&l, 50001));

	/* A filter: the old rows, then the new ones; the cursor stays on what it stood on. */
	assert_int_equal(tui_list_filter(&l, "5000", &err), 0);
	assert_int_equal(l.shown, MANY);
	assert_int_equal(tui_list_row(&l), 50000);
	tui_list_changed(&l, MANY); /* an event */
	assert_true(draw_all(&l, &c, 1100) > 5);
	assert_int_equal(l.shown, 10 + 10);
	assert_int_equal(tui_list_row(&l), 50000);
	assert_true(l.changed); /* the event is not forgotten */
	assert_int_equal(tui_list_filter(&l, "", &err), 0);
	draw_all(&l, &c, 1200);
	assert_int_equal(l.shown, MANY);
	assert_int_equal(tui_list_row(&l), 50000);

	/* Rows that go take what is under way with them. */
	assert_int_equal(tui_list_filter(&l, "9999", &err), 0);
	tui_list_draw(&l, tui_whole(&c), 11000, NULL);
	tui_list_changed(&l, 99991);
	draw_all(&l, &c, 21000);
	assert_int_equal(l.shown, 10); /* 9999, 19999, ... 89999, 99990 */
	for (unsigned i = 0; i < l.shown; i++)
		assert_true(l.order[i] < 99991);
	tui_list_changed(&l, MANY);
	assert_int_equal(tui_list_filter(&l, "", &err), 0);
	draw_all(&l, &c, 31000);

	/* A search that goes far, one that finds nothing, one that the person leaves behind. */
	assert_true(tui_list_select(&l, 1));
	assert_true(tui_list_search(&l, "77777"));
	assert_true(l.looking);
	draw_all(&l, &c, 31000);
	assert_int_equal(tui_list_row(&l), 77777);
	assert_true(tui_list_search(&l, "nowhere at all"));
	draw_all(&l, &c, 31000);
	assert_true(l.nowhere);
	assert_int_equal(tui_list_row(&l), 77777);
	assert_true(tui_list_search(&l, "11111"));
	assert_true(tui_list_act(&l, TUI_A_FIRST));
	draw_all(&l, &c, 31000);
	assert_int_equal(tui_list_row(&l), 0);
	free(m.price);
	tui_list_release(&l);
	tui_canvas_release(&c);
}

/* ---- export ------------------------------------------------------------------------------- */

static char *exported(struct bench *b, bool json)
{
	struct mkt_err err;
	size_t n = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	assert_int_equal(tui_list_export(&b->l, f, json, &err), 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void exports(void **state)
{
	struct mkt_err err;
	struct bench b;
	char *text;
	FILE *full;

	(void)state;
	begin(&b, &rows, PRICE, 2, 9); /* whole, however narrow the picture is */
	b.t.v[1].name = "evil\x1b[2J\"\n\xff name that is too long for its column";
	b.t.n = 2;
	tui_list_changed(&b.l, 2);
	draw(&b);
	text = exported(&b, false);
	assert_string_equal(text,
			    "Name                                              JPY/kWh  State\n"
			    "evil?[2J\"?? name that is too long for its column     9.50  cheap\n"
			    "acc7                                                25.50  dear\n");
	free(text);
	text = exported(&b, true);
	assert_string_equal(text,
			    "[\n{\"name\":\"evil\\u001b[2J\\\"\\n\xef\xbf\xbd name that is too "
			    "long for its column\",\"price\":9.50,\"state\":\"cheap\"},\n"
			    "{\"name\":\"acc7\",\"price\":25.50,\"state\":\"dear\"}\n]\n");
	free(text);
	tui_list_changed(&b.l, b.t.n = 0);
	text = exported(&b, true);
	assert_string_equal(text, "[\n]\n");
	free(text);
	full = fopen("/dev/full", "w");
	assert_non_null(full);
	assert_int_equal(tui_list_export(&b.l, full, false, &err), -MKT_EOUTPUT);
	fclose(full);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures),
		cmocka_unit_test(columns_leave_by_rank),
		cmocka_unit_test(selection_is_an_id),
		cmocka_unit_test(survives_a_reload),
		cmocka_unit_test(order_is_made_four_times_a_second),
		cmocka_unit_test(filters),
		cmocka_unit_test(searches),
		cmocka_unit_test(marks),
		cmocka_unit_test(follows_the_newest),
		cmocka_unit_test(mouse),
		cmocka_unit_test(a_click_means_what_was_seen),
		cmocka_unit_test(without_a_compare),
		cmocka_unit_test(a_hundred_thousand_rows),
		cmocka_unit_test(keys_do_not_wait),
		cmocka_unit_test(exports),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
