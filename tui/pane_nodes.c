/*
 * Nodes: this node, who else seals, whom it follows, the disk, what the account may still do;
 * what is silent, behind or nearly used up comes first, and says so in words.
 *
 *   fullnode, mkt 0.1.0, up 3 h 5 min                       read 1 s ago
 *   leader a2  epoch 4  3 authorities, 2 must sign (majority)  0 changes
 *   what       state          block  use   age   more
 *   >a3        silent         18102          1 s  129 blocks behind the others
 *    this node follows        18231          1 s  of https://10.0.0.1:7461
 */
#include "core/base/compat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/units/fmt.h"
#include "core/wire/story.h"
#include "tui/list.h"
#include "tui/overlay.h"

#define EVERY_MS 2000
#define OLD_MS 10000 /* a figure that is older is marked */
#define DAYS_FEW 14
#define BEHIND_MIN 2 /* blocks: one is under way all the time */
#define ROWS_MAX (MKT_AUTHORITIES_MAX + TUI_ALARMS_MAX + 16)
#define NO_PERCENT UINT32_MAX

enum source { OF_STATUS, OF_HEALTH, OF_LIMITS, SOURCES };

enum worry { WORRY_NONE, WORRY_SOME, WORRY_MUCH };

struct row {
	uint64_t id; /* not 0 */
	enum source source;
	enum worry worry;
	char what[40], state[32];
	uint64_t height; /* 0: none */
	uint32_t percent;
	char more[160];
};

struct pane {
	struct tui_dash *d;
	struct tui_list list;
	struct row rows[ROWS_MAX]; /* of all sources, in the order of worry */
	uint32_t nrows;
	char role[16], version[24], quorum[16];
	uint64_t uptime_s, epoch, height, generation, needed, members;
	char leader[MKT_NAME_MAX + 1];
	struct mkt_buf detail[SOURCES]; /* all of an answer, in lines; owned */
	uint64_t came_ms[SOURCES];	/* steady; 0: never */
	uint64_t asked_ms[SOURCES];
	bool waiting[SOURCES];
};

/* ---- rows --------------------------------------------------------------------------------- */

enum { C_WHAT, C_STATE, C_BLOCK, C_USE, C_AGE, C_MORE, C_COLS };

static const struct tui_column columns[C_COLS] = {
	[C_WHAT] = {.name = "what", .title = "what", .width = 14, .least = 9},
	[C_STATE] = {.name = "state", .title = "state", .width = 14, .least = 12},
	[C_BLOCK] = {.name = "block", .title = "block", .width = 9, .least = 6, .rank = 2,
		     .align = TUI_RIGHT, .number = true},
	[C_USE] = {.name = "use", .title = "use", .width = 5, .rank = 1, .align = TUI_RIGHT},
	[C_AGE] = {.name = "age", .title = "age", .width = 6, .rank = 1, .align = TUI_RIGHT},
	[C_MORE] = {.name = "more", .title = "more", .width = 40, .least = 12, .rank = 3,
		    .grows = true},
};

static uint64_t age_of(const struct pane *p, enum source s)
{
	return p->d->steady_ms > p->came_ms[s] ? p->d->steady_ms - p->came_ms[s] : 0;
}

static enum tui_style cell(void *ctx, uint32_t at, unsigned column, char *out)
{
	static const enum tui_style styles[] = {TUI_PLAIN, TUI_WARN, TUI_BAD};
	const struct pane *p = ctx;
	const struct row *r = &p->rows[at];
	bool old = age_of(p, r->source) > OLD_MS;

	out[0] = '\0';
	switch (column) {
	case C_WHAT:
		snprintf(out, TUI_CELL_MAX, "%s", r->what);
		break;
	case C_STATE:
		snprintf(out, TUI_CELL_MAX, "%s%s", r->state, old ? " ?" : "");
		return old ? TUI_STALE : styles[r->worry];
	case C_BLOCK:
		if (r->height)
			snprintf(out, TUI_CELL_MAX, "%" PRIu64, r->height);
		break;
	case C_USE:
		if (r->percent != NO_PERCENT)
			snprintf(out, TUI_CELL_MAX, "%u%%", (unsigned)r->percent);
		return styles[r->worry];
	case C_AGE:
		snprintf(out, TUI_CELL_MAX, "%" PRIu64 " s", age_of(p, r->source) / 1000);
		return old ? TUI_STALE : TUI_DIM;
	default:
		snprintf(out, TUI_CELL_MAX, "%.127s", r->more);
		break;
	}
	return old ? TUI_STALE : TUI_PLAIN;
}

static uint64_t row_id(void *ctx, uint32_t at)
{
	return ((const struct pane *)ctx)->rows[at].id;
}

static int compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	const struct row *x = &((const struct pane *)ctx)->rows[a];
	const struct row *y = &((const struct pane *)ctx)->rows[b];

	switch (column) {
	case C_BLOCK:
		return (x->height > y->height) - (x->height < y->height);
	case C_USE:
		return (x->percent > y->percent) - (x->percent < y->percent);
	case C_STATE:
		return strcmp(x->state, y->state);
	case C_MORE:
		return strcmp(x->more, y->more);
	case C_AGE:
		return (int)x->source - (int)y->source;
	default:
		return strcmp(x->what, y->what);
	}
}

static const struct tui_rows rows = {.columns = columns,
				     .ncolumns = C_COLS,
				     .cell = cell,
				     .id = row_id,
				     .compare = compare};

/* What a row is about tells its id, so that the selection stays with it. */
static uint64_t id_of(const char *kind, const char *name)
{
	uint64_t h = 14695981039346656037u;

	for (; *kind; kind++)
		h = (h ^ (uint8_t)*kind) * 1099511628211u;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 1099511628211u;
	return h | 1;
}

/* Behind those that worry as much. */
static struct row *add_row(struct pane *p, enum source s, enum worry worry, const char *kind,
			   const char *name)
{
	uint32_t at = p->nrows;

	if (p->nrows == ROWS_MAX)
		return NULL;
	while (at && p->rows[at - 1].worry < worry)
		at--;
	memmove(&p->rows[at + 1], &p->rows[at], (p->nrows++ - at) * sizeof(p->rows[0]));
	p->rows[at] = (struct row){
		.id = id_of(kind, name), .source = s, .worry = worry, .percent = NO_PERCENT};
	snprintf(p->rows[at].what, sizeof(p->rows[at].what), "%s", name);
	return &p->rows[at];
}

static void MKT_PRINTF(3, 4) fill(struct row *r, const char *state, const char *fmt, ...)
{
	va_list ap;

	if (!r)
		return;
	snprintf(r->state, sizeof(r->state), "%s", state);
	va_start(ap, fmt);
	vsnprintf(r->more, sizeof(r->more), fmt, ap);
	va_end(ap);
}

static void drop_rows(struct pane *p, enum source s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nrows; i++)
		if (p->rows[i].source != s)
			p->rows[n++] = p->rows[i];
	p->nrows = n;
}

/* ---- all of an answer, for Enter ---------------------------------------------------------- */

static bool add_scalar(struct mkt_buf *b, const char *part, const struct mkt_jval *v)
{
	const char *s;
	int64_t i;
	bool yes;
	char text[32];

	if (!mkt_jval_bool(v, &yes, NULL)) {
		s = yes ? "yes" : "no";
	} else if (mkt_jval_type(v) == MKT_JINT &&
		   !mkt_jval_i64(v, INT64_MIN, INT64_MAX, &i, NULL)) {
		snprintf(text, sizeof(text), "%" PRId64, i);
		s = text;
	} else if (mkt_jval_str(v, &s, NULL, NULL)) {
		return false;
	}
	mkt_buf_addf(b, "  %s%s%s  %s\n", part, part[0] ? "." : "", v->key ? v->key : "", s);
	return true;
}

/* Members of an object, and of the objects in it; lists are rows of their own. */
static void flatten(struct mkt_buf *b, const struct mkt_jval *obj)
{
	struct mkt_jiter it = {0};
	struct mkt_jval v;

	mkt_buf_clear(b);
	while (mkt_jval_next(obj, &it, &v)) {
		struct mkt_jiter in = {0};
		struct mkt_jval w;

		if (add_scalar(b, "", &v) || mkt_jval_type(&v) != MKT_JOBJ)
			continue;
		while (mkt_jval_next(&v, &in, &w))
			add_scalar(b, v.key ? v.key : "", &w);
	}
}

/* ---- /v1/status --------------------------------------------------------------------------- */

static bool is_true(const struct mkt_jval *obj, const char *key, bool otherwise)
{
	bool v;

	return mkt_jval_has(obj, key) && !mkt_jget_bool(obj, key, &v, NULL) ? v : otherwise;
}

static void text_of(const struct mkt_jval *obj, const char *key, char *out, size_t size)
{
	out[0] = '\0';
	if (mkt_jval_has(obj, key))
		snprintf(out, size, "%s", mkt_word(obj, key));
}

static void add_this_node(struct pane *p, const struct mkt_jval *node)
{
	uint64_t lag = mkt_count(node, "lag_blocks"), lag_ms = mkt_count(node, "lag_ms");
	uint64_t votes = mkt_count(node, "votes"), proposal = mkt_count(node, "proposal");
	bool engine = is_true(node, "engine", true);
	enum worry worry = WORRY_NONE;
	char state[32], name[MKT_NAME_MAX + 1];
	struct row *r;

	text_of(node, "name", name, sizeof(name));
	snprintf(state, sizeof(state), "%s",
		 !strcmp(p->role, "fullnode")		  ? "follows"
		 : !strcmp(p->role, "solo")		  ? "seals"
		 : is_true(node, "leads", p->members < 2) ? "leads"
							  : "votes");
	if (lag) {
		worry = WORRY_SOME;
		snprintf(state, sizeof(state), "behind %" PRIu64, lag);
	}
	if (mkt_jval_has(node, "stale_since") || !engine || mkt_jval_has(node, "halt")) {
		worry = WORRY_MUCH;
		snprintf(state, sizeof(state), "%s",
			 mkt_jval_has(node, "halt") ? "halted"
			 : engine		    ? "stale"
						    : "no engine");
	}
	r = add_row(p, OF_STATUS, worry, "node", "this node");
	if (mkt_jval_has(node, "halt"))
		fill(r, state, "%.120s", mkt_word(node, "halt"));
	else if (lag_ms)
		fill(r, state, "heard of its upstream %s ago", mkt_fmt_span(lag_ms / 1000).s);
	else if (proposal)
		fill(r, state,
		     "block %" PRIu64 " under vote: %" PRIu64 " of %" PRIu64 " needed votes",
		     proposal, votes, p->needed);
	else
		fill(r, state, "%s%s%s", p->role, name[0] ? " " : "", name);
	if (r)
		r->height = p->height;
}

/* The highest block that any of them has. */
static uint64_t highest(const struct pane *p, const struct mkt_jval *members)
{
	uint64_t most = p->height;
	struct mkt_jiter it = {0};
	struct mkt_jval m;

	while (mkt_jval_next(members, &it, &m))
		if (mkt_count(&m, "height") > most)
			most = mkt_count(&m, "height");
	return most;
}

static void add_member(struct pane *p, const struct mkt_jval *m, uint64_t most)
{
	uint64_t height = mkt_count(m, "height"), behind = most > height ? most - height : 0;
	bool told = mkt_jval_has(m, "alive"), alive = is_true(m, "alive", true);
	const char *name = mkt_word(m, "name");
	enum worry worry = !alive ? WORRY_MUCH : told && behind >= BEHIND_MIN ? WORRY_SOME : 0;
	struct row *r = add_row(p, OF_STATUS, worry, "member", name);
	char state[32];

	if (!alive)
		snprintf(state, sizeof(state), "silent");
	else if (worry)
		snprintf(state, sizeof(state), "behind %" PRIu64, behind);
	else if (p->leader[0] && !strcmp(p->leader, name))
		snprintf(state, sizeof(state), "leads");
	else
		snprintf(state, sizeof(state), "%s", told ? "alive" : "authority");
	if (!alive && behind)
		fill(r, state, "%" PRIu64 " blocks behind; %s", behind,
		     mkt_jval_has(m, "url") ? mkt_word(m, "url") : "");
	else if (mkt_jval_has(m, "url"))
		fill(r, state, "%.120s", mkt_word(m, "url"));
	else
		fill(r, state, "key %.100s", mkt_word(m, "key"));
	if (r && told)
		r->height = height;
}

static void add_alarms(struct pane *p, const struct mkt_jval *node)
{
	struct mkt_jiter it = {0};
	struct mkt_jval list, a;

	if (mkt_jget_arr(node, "alarms", &list, NULL))
		return;
	for (unsigned n = 0; n < TUI_ALARMS_MAX && mkt_jval_next(&list, &it, &a); n++)
		fill(add_row(p, OF_STATUS, WORRY_MUCH, "alarm", mkt_word(&a, "alarm")), "ALARM",
		     "%.150s", mkt_word(&a, "text"));
}

static void add_disk(struct pane *p, const struct mkt_jval *disk)
{
	bool days_told = mkt_jval_has(disk, "days_left");
	uint64_t days = mkt_count(disk, "days_left");
	const char *state = mkt_word(disk, "state");
	enum worry worry = strcmp(state, "ok")		   ? WORRY_MUCH
			   : days_told && days < DAYS_FEW ? WORRY_SOME
							   : WORRY_NONE;
	struct row *r = add_row(p, OF_STATUS, worry, "disk", "disk");
	char left[48] = "days left not known";

	if (days_told)
		snprintf(left, sizeof(left), "%" PRIu64 " days left", days);
	fill(r, state, "%s free, %s; chain takes %s",
	     mkt_fmt_bytes(mkt_count(disk, "free_bytes")).s, left,
	     mkt_fmt_bytes(mkt_count(disk, "blocks_bytes") + mkt_count(disk, "store_bytes")).s);
}

static void read_head(struct pane *p, const struct mkt_jval *data, const struct mkt_jval *node)
{
	struct mkt_jval members;

	text_of(data, "role", p->role, sizeof(p->role));
	text_of(data, "version", p->version, sizeof(p->version));
	text_of(node, "leader", p->leader, sizeof(p->leader));
	text_of(node, "quorum", p->quorum, sizeof(p->quorum));
	p->uptime_s = mkt_count(data, "uptime_s");
	p->height = mkt_count(data, "height");
	p->epoch = mkt_count(node, "epoch");
	p->generation = mkt_count(node, "generation");
	p->needed = mkt_count(node, "needed");
	p->members = mkt_jget_arr(node, "members", &members, NULL) ? 0 : mkt_jval_count(&members);
}

/* The order is a new one: the list follows its rows by their ids. */
static void rows_changed(struct pane *p, enum source s)
{
	p->came_ms[s] = p->d->steady_ms;
	tui_list_changed(&p->list, p->nrows);
	tui_dash_touch(p->d);
}

static void got_status(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jval node, disk, members, m;
	struct mkt_jiter it = {0};
	struct mkt_err why;

	p->waiting[OF_STATUS] = false;
	if (err)
		return;
	if (mkt_jget_obj(&a->data, "node", &node, &why)) {
		tui_dash_say(d, TUI_BAD, "%s", why.text);
		return;
	}
	drop_rows(p, OF_STATUS);
	read_head(p, &a->data, &node);
	add_this_node(p, &node);
	if (!mkt_jget_arr(&node, "members", &members, NULL)) {
		uint64_t most = highest(p, &members);

		while (mkt_jval_next(&members, &it, &m))
			add_member(p, &m, most);
	}
	add_alarms(p, &node);
	if (!mkt_jget_obj(&a->data, "disk", &disk, NULL))
		add_disk(p, &disk);
	flatten(&p->detail[OF_STATUS], &a->data);
	rows_changed(p, OF_STATUS);
}

/* ---- /v1/health --------------------------------------------------------------------------- */

static void add_upstream(struct pane *p, const struct mkt_jval *up)
{
	uint64_t lag = mkt_count(up, "lag_blocks"), heard = mkt_count(up, "heard_ms") / 1000;
	bool stale = is_true(up, "stale", false), halted = is_true(up, "halted", false);
	enum worry worry = stale || halted ? WORRY_MUCH : lag ? WORRY_SOME : WORRY_NONE;
	struct row *r = add_row(p, OF_HEALTH, worry, "upstream", "upstream");

	fill(r, stale ? "silent" : halted ? "refused" : "heard", "%" PRIu64 " s ago, %.100s", heard,
	     mkt_word(up, "url"));
	if (r)
		r->height = mkt_count(up, "height");
}

static void add_health(struct pane *p, const struct mkt_jval *root)
{
	const char *status = mkt_word(root, "status");
	bool ok = !strcmp(status, "ok");
	struct row *r = add_row(p, OF_HEALTH, ok ? WORRY_NONE : WORRY_MUCH, "health", "service");

	fill(r, status,
	     "%" PRIu64 " waiting, %" PRIu64 " connections, %" PRIu64 " streams, %s memory",
	     mkt_count(root, "queue"), mkt_count(root, "connections"), mkt_count(root, "streams"),
	     mkt_fmt_bytes(mkt_count(root, "resident_bytes")).s);
}

static void got_health(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
		       const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jdoc *doc;
	struct mkt_jval root, up;

	(void)d;
	p->waiting[OF_HEALTH] = false;
	if (err || mkt_jdoc_parse(body->data, body->len, NULL, &doc, NULL))
		return;
	root = mkt_jdoc_root(doc);
	if (mkt_jval_has(&root, "status")) {
		drop_rows(p, OF_HEALTH);
		add_health(p, &root);
		if (!mkt_jget_obj(&root, "upstream", &up, NULL))
			add_upstream(p, &up);
		flatten(&p->detail[OF_HEALTH], &root);
		rows_changed(p, OF_HEALTH);
	}
	mkt_jdoc_free(doc);
}

/* ---- /v1/limits --------------------------------------------------------------------------- */

static void add_limit(struct pane *p, const struct mkt_jval *data, const char *key,
		      const char *words)
{
	uint64_t max, used, left;
	enum worry worry;
	struct mkt_jval at;
	struct row *r;

	if (mkt_jget_obj(data, key, &at, NULL))
		return;
	max = mkt_count(&at, "limit");
	used = mkt_count(&at, "used");
	left = mkt_count(&at, "left");
	if (max && !mkt_jval_has(&at, "used"))
		used = left < max ? max - left : 0;
	worry = max && used >= max ? WORRY_MUCH : max && used >= max - max / 10 ? WORRY_SOME : 0;
	r = add_row(p, OF_LIMITS, worry, "limit", words);
	if (!max)
		fill(r, "no limit", "%" PRIu64 " used", used);
	else
		fill(r, worry == WORRY_MUCH ? "used up" : worry ? "nearly used" : "ok",
		     "%" PRIu64 " of %" PRIu64 " used, class %.40s", used, max,
		     mkt_word(data, "class"));
	if (r && max)
		r->percent = used >= max ? 100 : (uint32_t)(used * 100 / max);
}

static void got_limits(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		       const struct mkt_err *err)
{
	struct pane *p = ctx;

	(void)d;
	p->waiting[OF_LIMITS] = false;
	if (err)
		return;
	drop_rows(p, OF_LIMITS);
	add_limit(p, &a->data, "open_bids", "open bids");
	add_limit(p, &a->data, "tx_per_min", "tx/min");
	add_limit(p, &a->data, "reads_per_min", "reads/min");
	add_limit(p, &a->data, "rows_per_min", "rows/min");
	flatten(&p->detail[OF_LIMITS], &a->data);
	rows_changed(p, OF_LIMITS);
}

/* ---- the pane ----------------------------------------------------------------------------- */

static int ask_for(struct pane *p, enum source s)
{
	switch (s) {
	case OF_STATUS:
		return tui_dash_get(p->d, got_status, p, "/v1/status");
	case OF_HEALTH:
		return tui_dash_get_body(p->d, got_health, p, "/v1/health?facts=1");
	default:
		return tui_dash_get(p->d, got_limits, p, "/v1/limits?account=%s", p->d->conf.who);
	}
}

static void tick(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	for (enum source s = 0; s < SOURCES; s++) {
		if (p->waiting[s] || (s == OF_LIMITS && !d->conf.who[0]) ||
		    (p->asked_ms[s] && d->steady_ms - p->asked_ms[s] < EVERY_MS))
			continue;
		p->waiting[s] = !ask_for(p, s);
		if (p->waiting[s])
			p->asked_ms[s] = d->steady_ms;
	}
	tui_dash_touch(d); /* ages */
}

static int init(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->d = d;
	tui_list_init(&p->list, &rows, p, -1);
	return 0;
}

static void release(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	tui_list_release(&p->list);
	for (unsigned i = 0; i < SOURCES; i++)
		mkt_buf_release(&p->detail[i]);
}

static void visit(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	memset(p->asked_ms, 0, sizeof(p->asked_ms));
	tick(d, self);
}

static void reload(struct tui_dash *d, void *self)
{
	if (d->shown == TUI_PANE_NODES)
		visit(d, self);
}

static void draw_head(struct pane *p, struct tui_area a)
{
	unsigned x = tui_print(a, 0, 0, TUI_TITLE, "%s", p->role);

	x += tui_print(a, 0, x, TUI_PLAIN, ", mkt %s, up %s", p->version,
		       mkt_fmt_span(p->uptime_s).s);
	if (a.cols >= 70 && p->d->conf.server)
		tui_text(a, 0, x + 2, a.cols > x + 2 ? a.cols - x - 2 : 0, TUI_LEFT, TUI_DIM,
			 p->d->conf.server);
	if (a.rows < 2)
		return;
	x = tui_print(a, 1, 0, TUI_PLAIN, "leader ");
	tui_text(a, 1, x, tui_width(a.c, p->leader[0] ? p->leader : "-"), TUI_LEFT, TUI_STRONG,
		 p->leader[0] ? p->leader : "-");
	x += tui_width(a.c, p->leader[0] ? p->leader : "-");
	tui_print(a, 1, x, TUI_PLAIN,
		  "  epoch %" PRIu64 "  %" PRIu64 " authorit%s, %" PRIu64
		  " must sign (%s)  %" PRIu64 " change%s",
		  p->epoch, p->members, p->members == 1 ? "y" : "ies", p->needed, p->quorum,
		  p->generation, p->generation == 1 ? "" : "s");
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;
	unsigned head = !p->came_ms[OF_STATUS] ? 0 : a.rows >= 6 ? 2 : a.rows >= 3 ? 1 : 0;

	if (head)
		draw_head(p, tui_part(a, 0, 0, head, a.cols));
	tui_list_draw(&p->list, tui_part(a, head, 0, a.rows - head, a.cols), d->steady_ms,
		      "reading ...");
}

static void open_row(struct pane *p)
{
	uint32_t at = tui_list_row(&p->list);
	struct mkt_buf b = MKT_BUF_INIT;
	const struct row *r;

	if (at == TUI_NO_ROW) {
		tui_dash_say(p->d, TUI_WARN, "nothing is selected");
		return;
	}
	r = &p->rows[at];
	mkt_buf_addf(&b, "%s: %s\n%s\n\nAll that the node tells of it and of itself, %" PRIu64
		     " s ago:\n\n",
		     r->what, r->state, r->more, age_of(p, r->source) / 1000);
	mkt_buf_add(&b, p->detail[r->source].data, p->detail[r->source].len);
	tui_text_open(p->d, r->what, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	(void)d;
	if (action != TUI_A_OPEN)
		return false;
	open_row(self);
	return true;
}

static struct tui_list *list(struct tui_dash *d, void *self)
{
	(void)d;
	return &((struct pane *)self)->list;
}

static bool copy(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	uint32_t at = tui_list_row(&p->list);

	(void)d;
	if (at == TUI_NO_ROW)
		return false;
	mkt_buf_addf(out, "%s %s %s", p->rows[at].what, p->rows[at].state, p->rows[at].more);
	return true;
}

static void line(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	const struct row *r = p->nrows ? &p->rows[0] : NULL;

	mkt_buf_addf(out, "%s #%" PRIu64 "  leader %s", p->role, d->node.height,
		     p->leader[0] ? p->leader : "-");
	if (r && r->worry)
		mkt_buf_addf(out, "  %s %s", r->what, r->state);
}

const struct tui_pane_ops tui_pane_nodes = {
	.which = TUI_PANE_NODES,
	.size = sizeof(struct pane),
	.init = init,
	.release = release,
	.visit = visit,
	.reload = reload,
	.tick = tick,
	.draw = draw,
	.act = act,
	.list = list,
	.copy = copy,
	.line = line,
};
