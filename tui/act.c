/*
 * Keys, mouse and ticks: what the frame does itself, and what it hands on to overlay, pane
 * and list.
 */
#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "tui/command.h"
#include "tui/frame.h"
#include "tui/help.h"
#include "tui/list.h"
#include "tui/overlay.h"

#define LEAVE_MS 5000

static struct tui_list *list_of(struct tui_dash *d)
{
	const struct tui_pane_ops *ops = tui_pane_ops(d->shown);

	return ops && ops->list && d->have_facts ? ops->list(d, d->pane[d->shown]) : NULL;
}

void tui_frame_leave(struct tui_dash *d, int exit_status)
{
	if (d->top && d->top->ops->busy &&
	    (!d->leave_ms || d->steady_ms - d->leave_ms > LEAVE_MS)) {
		d->leave_ms = d->steady_ms ? d->steady_ms : 1;
		tui_dash_say(d, TUI_WARN,
			     "something is open that is not done: F10 once more leaves");
		d->urgent = true;
		return;
	}
	d->quit = true;
	d->exit_status = exit_status;
}

/* ---- searching ---------------------------------------------------------------------------- */

static void search(struct tui_dash *d, void *ctx, const char *line)
{
	struct tui_list *l = list_of(d);

	(void)ctx;
	if (l && !tui_list_search(l, line) && line[0])
		tui_dash_say(d, TUI_WARN, "'%s' is nowhere in these rows", line);
}

static void search_ended(struct tui_dash *d, void *ctx, const char *line)
{
	(void)line;
	search(d, ctx, "");
}

static void filter(struct tui_dash *d, void *ctx, const char *line)
{
	struct tui_list *l = list_of(d);
	struct mkt_err err = {0};

	(void)ctx;
	if (l && tui_list_filter(l, line, &err))
		tui_dash_say(d, TUI_WARN, "%s", err.text);
}

static void ask_rows(struct tui_dash *d, bool narrow)
{
	struct tui_list *l = list_of(d);

	if (!l) {
		tui_dash_say(d, TUI_WARN, "there are no rows to search here");
		return;
	}
	tui_prompt_open(d, &(struct tui_prompt_conf){
				   .label = narrow ? "show only: " : "/",
				   .initial = narrow ? l->filter : NULL,
				   .done = narrow ? filter : search,
				   .live = narrow ? NULL : search,
				   .left = narrow ? NULL : search_ended,
				   .history = narrow ? '\\' : '/',
			   });
}

/* ---- actions ------------------------------------------------------------------------------ */

static void copy(struct tui_dash *d)
{
	const struct tui_pane_ops *ops = tui_pane_ops(d->shown);

	mkt_buf_clear(&d->clip);
	if (!ops || !ops->copy || !d->have_facts || !ops->copy(d, d->pane[d->shown], &d->clip))
		tui_dash_say(d, TUI_WARN, "nothing is selected that could be copied");
	else
		tui_dash_say(d, TUI_PLAIN, "copied: %.200s", mkt_buf_str(&d->clip));
}

static void pause_picture(struct tui_dash *d)
{
	d->paused = !d->paused;
	if (!d->paused)
		tui_dash_reload(d);
	tui_dash_say(d, TUI_PLAIN,
		     d->paused ? "paused: the picture stays as it is; Z goes on" : "going on");
}

static void reload(struct tui_dash *d)
{
	tui_dash_reload(d);
	d->repaint = true;
	tui_dash_say(d, TUI_PLAIN, "reading everything again");
}

/* What needs no pane.  False: it is none of these. */
static bool act_here(struct tui_dash *d, enum tui_action action)
{
	if (action >= TUI_A_PANE_1 && action <= TUI_A_PANE_8) {
		tui_dash_show(d, (enum tui_pane)(action - TUI_A_PANE_1));
		return true;
	}
	switch (action) {
	case TUI_A_NEXT_PANE:
		tui_dash_show(d, (d->shown + 1) % TUI_PANES);
		return true;
	case TUI_A_PREV_PANE:
		tui_dash_show(d, (d->shown + TUI_PANES - 1) % TUI_PANES);
		return true;
	case TUI_A_SEARCH:
		ask_rows(d, false);
		return true;
	case TUI_A_FILTER:
		ask_rows(d, true);
		return true;
	case TUI_A_COMMAND:
		tui_command_open(d);
		return true;
	case TUI_A_PAUSE:
		pause_picture(d);
		return true;
	case TUI_A_COPY:
		copy(d);
		return true;
	case TUI_A_EXPORT:
		tui_export_open(d, list_of(d));
		return true;
	case TUI_A_RELOAD:
		reload(d);
		return true;
	case TUI_A_HELP:
		tui_help_open(d);
		return true;
	case TUI_A_QUIT:
		tui_frame_leave(d, 0);
		return true;
	default:
		return false;
	}
}

/* Esc at the end of all ways back: searches and filters go. */
static bool forget_filter(struct tui_dash *d)
{
	struct tui_list *l = list_of(d);

	if (!l || (!l->filter[0] && !l->search[0]))
		return false;
	search(d, NULL, "");
	filter(d, NULL, "");
	return true;
}

static void act(struct tui_dash *d, const struct tui_binding *b)
{
	const struct tui_pane_ops *ops = tui_pane_ops(d->shown);
	enum tui_action action = (enum tui_action)b->action;
	struct tui_list *l;

	if ((b->flags & TUI_F_CONTROL) && !tui_dash_may(d))
		return;
	if (act_here(d, action))
		return;
	if (!ops || !d->have_facts) {
		tui_dash_say(d, TUI_WARN, "nothing is known yet: waiting for %s",
			     d->conf.server ? d->conf.server : "the node");
		return;
	}
	if (ops->act && ops->act(d, d->pane[d->shown], action))
		return;
	l = list_of(d);
	if (l && tui_list_act(l, action))
		return;
	if (action == TUI_A_BACK && (forget_filter(d) || d->said[0]))
		return;
	tui_dash_say(d, TUI_WARN,
		     action == TUI_A_BACK ? "there is nothing to go back from"
					  : "nothing here for '%s'",
		     b->help);
}

/* ---- mouse -------------------------------------------------------------------------------- */

static void press(struct tui_dash *d, uint32_t key)
{
	tui_frame_key(d, &(struct tui_input){.key = key});
}

static bool inside(struct tui_area a, const struct tui_input *in)
{
	return in->y >= a.y && in->y < a.y + a.rows && in->x >= a.x && in->x < a.x + a.cols;
}

static bool click_frame(struct tui_dash *d, const struct tui_input *in)
{
	const struct tui_places *p = &d->places;

	for (unsigned i = 0; in->y == p->tab_y && i < TUI_PANES; i++)
		if (in->x >= p->tab[i].x && in->x < p->tab[i].x + p->tab[i].w) {
			tui_dash_show(d, (enum tui_pane)i);
			return true;
		}
	for (unsigned i = 0; in->y == p->bar_y && i < p->nbar; i++)
		if (in->x >= p->bar[i].x && in->x < p->bar[i].x + p->bar[i].w) {
			press(d, p->bar[i].key);
			return true;
		}
	if (p->side.cols && inside(p->side, in)) {
		if (in->mouse == TUI_DOUBLE)
			tui_dash_show(d, TUI_PANE_EVENTS);
		return true;
	}
	return false;
}

static void on_mouse(struct tui_dash *d, const struct tui_input *in)
{
	const struct tui_pane_ops *ops = tui_pane_ops(d->shown);
	struct tui_list *l;

	if (click_frame(d, in) || !ops || !d->have_facts || !inside(d->places.main, in))
		return;
	if (ops->mouse && ops->mouse(d, d->pane[d->shown], in))
		return;
	l = list_of(d);
	if (l && tui_list_mouse(l, in) == 1)
		press(d, TUI_K_ENTER);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* F10 and the like leave even while something is typed; letters are letters there. */
static bool leaves(const struct tui_dash *d, const struct tui_input *in)
{
	const struct tui_binding *b = tui_keymap_find(&d->keys, d->shown, in->key);

	return b && b->action == TUI_A_QUIT && (in->key < ' ' || in->key > 0x10ffff);
}

static void unknown_key(struct tui_dash *d, uint32_t key)
{
	char name[TUI_KEY_NAME_MAX + 1];

	tui_key_name(key, name);
	tui_dash_say(d, TUI_WARN, "'%s' does nothing here; ? shows the keys", name);
}

void tui_frame_key(struct tui_dash *d, const struct tui_input *in)
{
	const struct tui_binding *b = tui_keymap_find(&d->keys, d->shown, in->key);

	d->urgent = true;
	if (in->key == TUI_K_RESIZE || in->key == TUI_K_NONE)
		return;
	if (tui_frame_small(d)) {
		if (b && b->action == TUI_A_QUIT)
			tui_frame_leave(d, 0);
		return;
	}
	if (leaves(d, in)) {
		tui_frame_leave(d, 0);
		return;
	}
	if (d->top) {
		d->top->ops->key(d, d->top->self, in);
		return;
	}
	if (!b || b->action != TUI_A_BACK)
		d->said[0] = '\0';
	if (in->key == TUI_K_MOUSE)
		on_mouse(d, in);
	else if (b)
		act(d, b);
	else
		unknown_key(d, in->key);
	if (b && b->action == TUI_A_BACK && d->said_ms != d->steady_ms)
		d->said[0] = '\0';
}

void tui_frame_tick(struct tui_dash *d)
{
	const struct tui_pane_ops *ops = tui_pane_ops(d->shown);

	if (d->top && d->top->ops->tick)
		d->top->ops->tick(d, d->top->self);
	if (d->paused || !d->have_facts)
		return;
	if (ops && ops->tick)
		ops->tick(d, d->pane[d->shown]);
	ops = tui_pane_ops(TUI_PANE_EVENTS);
	if (!ops || !d->places.side.cols) {
		d->side_visited = false;
		return;
	}
	if (!d->side_visited && ops->visit)
		ops->visit(d, d->pane[TUI_PANE_EVENTS]);
	d->side_visited = true;
	if (ops->tick)
		ops->tick(d, d->pane[TUI_PANE_EVENTS]);
}
