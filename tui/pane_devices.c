/*
 * Devices: what chargers and batteries do now, as who drives them said last; silent and faulty ones
 * first.
 *
 *   12 devices  2 to look at  41300 W drawn  3200 W supplied
 *    device   state      kW   lately  contract kWh   soc    age  why
 *   >ev-05    silent      -            ==    37%    12%  4 min  circuit garage full
 *    ev-03    ready C  3.220 .:|||||  ====  59%   43%     1 s  charging at 14.0 A
 *
 * The node has no history: what was lately is what was read while this pane was looked at.
 */
#include "core/base/compat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/units/fmt.h"
#include "core/wire/telemetry.h"
#include "tui/graph.h"
#include "tui/list.h"
#include "tui/overlay.h"
#include "tui/worry.h"

#define EVERY_MS 2000
#define KEEP 1024    /* devices */
#define LATELY 24    /* readings of power */

struct device {
	uint64_t id; /* of account and charger; not 0 */
	char account[MKT_NAME_MAX + 1];
	struct mkt_telemetry t;
	uint64_t heard_ms; /* steady, by the node's clock; may be before this began */
	int64_t lately[LATELY];
	unsigned nlately;
};

struct pane {
	struct tui_dash *d;
	struct tui_list list;
	struct device *v;	    /* owned */
	uint32_t n, more;	    /* @more: told and not kept */
	uint64_t asked_ms, came_ms; /* steady; 0: never */
	bool waiting, failed;
	char device[MKT_CHARGER_MAX + 1]; /* that a limit is typed for */
};

/* ---- rows --------------------------------------------------------------------------------- */

enum { C_DEVICE, C_ACCOUNT, C_STATE, C_POWER, C_LATELY, C_CONTRACT, C_SOC, C_AGE, C_WHY, C_COLS };

static const struct tui_column columns[C_COLS] = {
	[C_DEVICE] = {.name = "device", .title = "device", .width = 12, .least = 7},
	[C_ACCOUNT] = {.name = "account", .title = "account", .width = 10, .least = 7, .rank = 6},
	[C_STATE] = {.name = "state", .title = "state", .width = 12, .least = 8},
	[C_POWER] = {.name = "kw", .title = "kW", .width = 8, .align = TUI_RIGHT, .number = true},
	[C_LATELY] = {.name = "lately", .title = "lately", .width = 12, .least = 6, .rank = 5},
	[C_CONTRACT] =
		{.name = "contract", .title = "contract kWh", .width = 16, .least = 14, .rank = 3},
	[C_SOC] = {.name = "soc", .title = "soc", .width = 5, .rank = 4, .align = TUI_RIGHT},
	[C_AGE] = {.name = "age", .title = "age", .width = 7, .rank = 1, .align = TUI_RIGHT},
	[C_WHY] =
		{.name = "why", .title = "why", .width = 30, .least = 20, .rank = 2, .grows = true},
};

static uint64_t age_ms(const struct pane *p, const struct device *v)
{
	return p->d->steady_ms > v->heard_ms ? p->d->steady_ms - v->heard_ms : 0;
}

static bool silent(const struct pane *p, const struct device *v)
{
	return age_ms(p, v) > TUI_SILENT_MS;
}

static enum tui_worry worry(const struct pane *p, const struct device *v)
{
	return tui_worry(&v->t, age_ms(p, v));
}

static void say_age(uint64_t ms, char *out)
{
	uint64_t s = ms / 1000;

	if (s < 120)
		snprintf(out, TUI_CELL_MAX, "%" PRIu64 " s", s);
	else if (s < 7200)
		snprintf(out, TUI_CELL_MAX, "%" PRIu64 " min", s / 60);
	else
		snprintf(out, TUI_CELL_MAX, "%" PRIu64 " h", s / 3600);
}

/* With the car's state of IEC 61851-1 behind it. */
static void say_state(const struct device *v, char *out)
{
	const char *car = v->t.vehicle[0] && strcmp(v->t.vehicle, "unknown") ? v->t.vehicle : "";

	snprintf(out, TUI_CELL_MAX, "%s%s%s", v->t.state, *car ? " " : "", car);
}

/* "3.220": thousandths of a kW are W. */
static void say_power(const struct device *v, char *out)
{
	int32_t w = v->t.power_w;

	if (v->t.fields & MKT_TM_POWER)
		snprintf(out, TUI_CELL_MAX, "%s%u.%03u", w < 0 ? "-" : "",
			 (unsigned)llabs((long long)w) / 1000,
			 (unsigned)llabs((long long)w) % 1000);
	else
		snprintf(out, TUI_CELL_MAX, "-");
}

/* What a silent one does nobody knows: what it did last is in its detail. */
static void say_silence(unsigned column, char *out)
{
	snprintf(out, TUI_CELL_MAX, "%s", column == C_STATE ? "silent" : "-");
}

static enum tui_style cell(void *ctx, uint32_t row, unsigned column, char *out)
{
	static const enum tui_style styles[] = {[TUI_NO_WORRY] = TUI_PLAIN,
						[TUI_SILENT] = TUI_WARN,
						[TUI_AT_FAULT] = TUI_BAD};
	const struct pane *p = ctx;
	const struct device *v = &p->v[row];
	enum tui_style style = silent(p, v) ? TUI_STALE : TUI_PLAIN;

	out[0] = '\0';
	if (column == C_DEVICE) {
		snprintf(out, TUI_CELL_MAX, "%s", v->t.charger);
	} else if (column == C_ACCOUNT) {
		snprintf(out, TUI_CELL_MAX, "%s", v->account);
	} else if (silent(p, v) && (column == C_STATE || column == C_POWER)) {
		say_silence(column, out);
		return column == C_STATE ? styles[worry(p, v)] : style;
	} else if (column == C_STATE) {
		say_state(v, out);
		return styles[worry(p, v)];
	} else if (column == C_POWER) {
		say_power(v, out);
	} else if (column == C_CONTRACT && v->t.fields & MKT_TM_CONTRACT) {
		snprintf(out, TUI_CELL_MAX, "%.40s of %.40s", mkt_fmt_energy(v->t.moved_wh).s,
			 mkt_fmt_energy(v->t.contracted_wh).s);
	} else if (column == C_SOC && v->t.fields & MKT_TM_SOC) {
		snprintf(out, TUI_CELL_MAX, "%u%%", v->t.soc / 10u);
	} else if (column == C_AGE) {
		say_age(age_ms(p, v), out);
	} else if (column == C_WHY) {
		snprintf(out, TUI_CELL_MAX, "%.127s", v->t.reason);
	}
	return style;
}

static bool paint(void *ctx, uint32_t row, unsigned column, struct tui_area at, enum tui_style base)
{
	const struct pane *p = ctx;
	const struct device *v = &p->v[row];

	if (column == C_LATELY) {
		tui_spark(at, 0, 0, at.cols, base, v->lately, v->nlately);
		return true;
	}
	if (column != C_CONTRACT || !(v->t.fields & MKT_TM_CONTRACT) || at.cols < 10 ||
	    !v->t.contracted_wh)
		return false;
	tui_meter(at, 0, 0, at.cols - 5, false, base, v->t.moved_wh, v->t.contracted_wh);
	tui_print(at, 0, at.cols - 4, base, "%3u%%",
		  (unsigned)((uint64_t)v->t.moved_wh * 100 / v->t.contracted_wh % 1000));
	return true;
}

static uint64_t id(void *ctx, uint32_t row)
{
	return ((const struct pane *)ctx)->v[row].id;
}

static int by_name(const struct device *x, const struct device *y)
{
	int c = strcmp(x->t.charger, y->t.charger);

	return c ? c : strcmp(x->account, y->account);
}

static int compare(void *ctx, uint32_t a, uint32_t b, unsigned column)
{
	const struct pane *p = ctx;
	const struct device *x = &p->v[a], *y = &p->v[b];
	char s[TUI_CELL_MAX], t[TUI_CELL_MAX];
	int64_t m = 0, n = 0;

	if (column == C_STATE)
		m = -(int64_t)worry(p, x), n = -(int64_t)worry(p, y);
	else if (column == C_POWER)
		m = x->t.power_w, n = y->t.power_w;
	else if (column == C_SOC)
		m = x->t.soc, n = y->t.soc;
	else if (column == C_AGE)
		m = (int64_t)age_ms(p, x), n = (int64_t)age_ms(p, y);
	else if (column == C_CONTRACT)
		m = x->t.moved_wh, n = y->t.moved_wh;
	if (m != n)
		return m < n ? -1 : 1;
	if (column == C_ACCOUNT || column == C_WHY) {
		cell(ctx, a, column, s);
		cell(ctx, b, column, t);
		if (strcmp(s, t))
			return strcmp(s, t);
	}
	return by_name(x, y);
}

static const struct tui_rows rows = {.columns = columns,
				     .ncolumns = C_COLS,
				     .cell = cell,
				     .id = id,
				     .compare = compare,
				     .paint = paint};

/* ---- reading ------------------------------------------------------------------------------ */

/* FNV-1a of account and charger: two of 1024 alike are less likely than a broken memory. */
static uint64_t id_of(const struct mkt_telemetry *t)
{
	uint64_t h = (0xcbf29ce484222325u ^ t->account) * 0x100000001b3u;

	for (const char *c = t->charger; *c; c++)
		h = (h ^ (uint8_t)*c) * 0x100000001b3u;
	return h ? h : 1;
}

/* What it did before, if it was known, and what it does now. */
static void remember(const struct pane *p, struct device *v)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->v[i].id == v->id) {
			memcpy(v->lately, p->v[i].lately, sizeof(v->lately));
			v->nlately = p->v[i].nlately;
			break;
		}
	if (v->nlately == LATELY)
		memmove(v->lately, v->lately + 1, sizeof(v->lately[0]) * --v->nlately);
	v->lately[v->nlately++] =
		v->t.fields & MKT_TM_POWER && !silent(p, v) ? v->t.power_w : TUI_GAP;
}

static bool take(struct pane *p, const struct mkt_jval *at, struct device *v)
{
	struct mkt_telemetry_row row;
	struct mkt_err err = {0};

	if (mkt_telemetry_read(at, &row, &err) < 0)
		return false;
	*v = (struct device){.t = row.t, .id = id_of(&row.t)};
	snprintf(v->account, sizeof(v->account), "%s", row.account_name);
	v->heard_ms = p->d->steady_ms > row.age_ms ? p->d->steady_ms - row.age_ms : 0;
	remember(p, v);
	return true;
}

static void got(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		const struct mkt_err *err)
{
	struct pane *p = ctx;
	struct mkt_jiter it = {0};
	struct mkt_jval at;
	struct device *v;
	size_t told = err ? 0 : mkt_jval_count(&a->data);
	uint32_t n = 0;

	p->waiting = false;
	v = err ? NULL : calloc(told && told < KEEP ? told : KEEP, sizeof(*v));
	p->failed = !v;
	tui_dash_touch(d);
	if (!v)
		return;
	while (n < KEEP && mkt_jval_next(&a->data, &it, &at))
		n += take(p, &at, &v[n]);
	free(p->v);
	p->v = v;
	p->n = n;
	p->more = (uint32_t)(told > n ? told - n : 0);
	p->came_ms = d->steady_ms;
	tui_list_changed(&p->list, n);
}

static void tick(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	if (p->waiting || (p->asked_ms && d->steady_ms < p->asked_ms + EVERY_MS))
		return;
	p->asked_ms = d->steady_ms;
	p->waiting = tui_dash_get(d, got, p, "/v1/telemetry") >= 0;
}

static void reload(struct tui_dash *d, void *self)
{
	((struct pane *)self)->asked_ms = 0;
	tick(d, self);
}

/* ---- what one does, and what can be done ------------------------------------------------- */

static const struct device *selected(struct pane *p)
{
	uint32_t row = tui_list_row(&p->list);

	if (row == TUI_NO_ROW || row >= p->n) {
		tui_dash_say(p->d, TUI_WARN, "no device is selected");
		return NULL;
	}
	return &p->v[row];
}

static void say_facts(const struct pane *p, const struct device *v, struct mkt_buf *b)
{
	const struct mkt_telemetry *t = &v->t;
	char s[TUI_CELL_MAX];

	say_state(v, s);
	mkt_buf_addf(b, "%s of %s, %s\n%s%s\n", t->charger, v->account, t->kind,
		     silent(p, v) ? "silent; what follows was so when it was heard last: " : "", s);
	say_age(age_ms(p, v), s);
	mkt_buf_addf(b, "heard      %s ago\n", s);
	say_power(v, s);
	mkt_buf_addf(b, "power      %s kW\n", s);
	if (t->fields & MKT_TM_LIMIT_MA)
		mkt_buf_addf(b, "limit      %u.%u A a phase\n", t->limit_ma / 1000,
			     t->limit_ma / 100 % 10);
	if (t->fields & MKT_TM_LIMIT_W)
		mkt_buf_addf(b, "set-point  %d W\n", t->limit_w);
	if (t->fields & MKT_TM_SOC)
		mkt_buf_addf(b, "charge     %u.%u %%\n", t->soc / 10u, t->soc % 10u);
	if (t->fields & MKT_TM_IMPORT)
		mkt_buf_addf(b, "drawn      %s in all\n", mkt_fmt_energy(t->import_wh).s);
	if (t->fields & MKT_TM_EXPORT)
		mkt_buf_addf(b, "supplied   %s in all\n", mkt_fmt_energy(t->export_wh).s);
	if (t->fields & MKT_TM_CONTRACT)
		mkt_buf_addf(b, "contract   %s of %s moved\n", mkt_fmt_energy(t->moved_wh).s,
			     mkt_fmt_energy(t->contracted_wh).s);
	mkt_buf_addf(b, "why        %s\n", t->reason);
}

static void open_device(struct pane *p, const struct device *v)
{
	struct mkt_buf b = MKT_BUF_INIT;

	say_facts(p, v, &b);
	tui_text_open(p->d, v->t.charger, mkt_buf_str(&b));
	mkt_buf_release(&b);
}

/* The question holds the device's name: rows may move beneath it. */
static void question(struct pane *p, const struct device *v, const char *title,
		     const char *const *argv)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char name[64];

	snprintf(name, sizeof(name), "%s %.31s", title, v->t.charger);
	say_facts(p, v, &b);
	mkt_buf_addstr(&b, "\nThe site's mkt charge run is told, on this machine.");
	tui_dialog_open(p->d,
			&(struct tui_dialog){.title = name, .text = mkt_buf_str(&b), .argv = argv});
	mkt_buf_release(&b);
}

static void limit_typed(struct tui_dash *d, void *ctx, const char *line)
{
	struct pane *p = ctx;

	for (uint32_t i = 0; *line && i < p->n; i++)
		if (!strcmp(p->v[i].t.charger, p->device)) {
			question(p, &p->v[i], "Limit",
				 (const char *const[]){"charge", "limit", p->device, line, NULL});
			return;
		}
	tui_dash_say(d, TUI_WARN, *line ? "'%s' is not told of any more" : "no limit was typed",
		     p->device);
}

static void ask_limit(struct pane *p, const struct device *v)
{
	if (!tui_dash_may(p->d))
		return;
	snprintf(p->device, sizeof(p->device), "%s", v->t.charger);
	tui_prompt_open(p->d, &(struct tui_prompt_conf){.label = "limit (10A, 3kW, none): ",
							.done = limit_typed,
							.ctx = p,
							.history = 'l'});
}

static void told_why(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	const struct pane *p = ctx;
	char title[64];

	snprintf(title, sizeof(title), "mkt charge log %s", p->device);
	tui_text_open(d, title, o->status ? o->err : o->out);
}

static void why(struct pane *p, const struct device *v)
{
	snprintf(p->device, sizeof(p->device), "%s", v->t.charger);
	if (tui_run(p->d, (const char *const[]){"charge", "log", p->device, NULL}, told_why, p) < 0)
		tui_dash_say(p->d, TUI_BAD, "mkt charge log could not be started");
}

static bool act(struct tui_dash *d, void *self, enum tui_action action)
{
	struct pane *p = self;
	const struct device *v;
	bool on;

	(void)d;
	if (action != TUI_A_OPEN && action != TUI_A_WHY && action != TUI_A_STOP &&
	    action != TUI_A_LIMIT)
		return false;
	v = selected(p);
	if (!v)
		return true;
	on = strncmp(v->t.reason, "stopped", 7) != 0;
	if (action == TUI_A_OPEN)
		open_device(p, v);
	else if (action == TUI_A_WHY)
		why(p, v);
	else if (action == TUI_A_LIMIT)
		ask_limit(p, v);
	else
		question(
			p, v, on ? "Stop" : "Start",
			(const char *const[]){"charge", on ? "stop" : "start", v->t.charger, NULL});
	return true;
}

/* ---- the pane ----------------------------------------------------------------------------- */

static void head(const struct pane *p, struct mkt_buf *b)
{
	int64_t drawn = 0, supplied = 0;
	uint32_t look = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		look += worry(p, &p->v[i]) != TUI_NO_WORRY;
		if (silent(p, &p->v[i]))
			continue;
		*(p->v[i].t.power_w < 0 ? &supplied : &drawn) += p->v[i].t.power_w;
	}
	mkt_buf_addf(b, "%u devices", (unsigned)p->n);
	if (p->more)
		mkt_buf_addf(b, " of %u", (unsigned)(p->n + p->more));
	mkt_buf_addf(b, "  %u to look at  %lld W drawn  %lld W supplied%s", (unsigned)look,
		     (long long)drawn, (long long)-supplied,
		     p->failed ? "  (the node did not answer; this is old)" : "");
}

static int init(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	p->d = d;
	tui_list_init(&p->list, &rows, p, C_STATE);
	return 0;
}

static void release(struct tui_dash *d, void *self)
{
	struct pane *p = self;

	(void)d;
	tui_list_release(&p->list);
	free(p->v);
}

static void draw(struct tui_dash *d, void *self, struct tui_area a)
{
	struct pane *p = self;
	struct mkt_buf b = MKT_BUF_INIT;

	head(p, &b);
	tui_text(a, 0, 0, a.cols, TUI_LEFT, p->failed ? TUI_STALE : TUI_DIM, mkt_buf_str(&b));
	mkt_buf_release(&b);
	if (a.rows > 1)
		tui_list_draw(
			&p->list, tui_part(a, 1, 0, a.rows - 1, a.cols), d->steady_ms,
			!p->came_ms
				? "not read yet"
				: "nobody has told of a charger or battery: see mkt charge run");
}

static struct tui_list *list(struct tui_dash *d, void *self)
{
	(void)d;
	return &((struct pane *)self)->list;
}

static bool copy(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	struct pane *p = self;
	uint32_t row = tui_list_row(&p->list);

	(void)d;
	if (row == TUI_NO_ROW || row >= p->n)
		return false;
	mkt_buf_addstr(out, p->v[row].t.charger);
	return true;
}

static void line(struct tui_dash *d, void *self, struct mkt_buf *out)
{
	(void)d;
	head(self, out);
}

const struct tui_pane_ops tui_pane_devices = {
	.which = TUI_PANE_DEVICES,
	.size = sizeof(struct pane),
	.init = init,
	.release = release,
	.visit = tick,
	.reload = reload,
	.tick = tick,
	.draw = draw,
	.act = act,
	.list = list,
	.copy = copy,
	.line = line,
};
