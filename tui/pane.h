/*
 * What a pane is to the frame: a table of functions and memory of its own.
 *
 * How to add a pane: a file tui/pane_NAME.c that defines `const struct tui_pane_ops
 * tui_pane_NAME` and a row in tui_pane_ops() (dash.c).  The frame allocates @size zeroed bytes for
 * it at the start and frees them after release(); no other pane sees them.
 *
 * A pane never waits and never writes to the terminal.  It asks for data by
 * tui_dash_get(), is told of what came, keeps what it shows in bounded memory,
 * and draws from that whenever it is told to.  Everything may be NULL but size, which, draw.
 *
 * All calls are made from the one thread of the dashboard.
 */
#ifndef TUI_PANE_H
#define TUI_PANE_H

#include "core/base/buf.h"
#include "core/codec/json.h"
#include "tui/canvas.h"
#include "tui/keymap.h"

struct tui_dash;
struct tui_list;

/* One event of the chain, read from JSON once for all panes; borrowed for the call. */
struct tui_event {
	const char *kind;     /* "contract", "bid", ... as mkt-api(7) names them */
	uint64_t height;      /* of its block */
	uint32_t n;	      /* place among the block's events */
	uint64_t time_ms;     /* of its block */
	struct mkt_jval data; /* the event whole */
};

struct tui_pane_ops {
	enum tui_pane which;
	size_t size;

	/* -MKT_ENOMEM ends the dashboard before it begins.  Options of the dash are set. */
	int (*init)(struct tui_dash *d, void *self);
	void (*release)(struct tui_dash *d, void *self);

	/* It is shown from now on: ask for what is needed. */
	void (*visit)(struct tui_dash *d, void *self);

	/* Ask for everything again: the chain's facts came first, `r`, or a gap in the events. */
	void (*reload)(struct tui_dash *d, void *self);

	/*
	 * An event came; also while another pane is shown.  Cheap: up to thousands a second
	 * come, so no reads and no sorting here, only a note of what has changed.
	 */
	void (*event)(struct tui_dash *d, void *self, const struct tui_event *ev);

	/* About once a second while it is shown: the place to ask for what has changed. */
	void (*tick)(struct tui_dash *d, void *self);

	/* Picture into @a, of any size from 1x1.  Must not change what is shown otherwise. */
	void (*draw)(struct tui_dash *d, void *self, struct tui_area a);

	/*
	 * An action of keymap.def.  False: not its own; the frame then gives it to list(), or says
	 * that nothing happened.  A pane that cannot act says why (tui_dash_say()) and is true.
	 */
	bool (*act)(struct tui_dash *d, void *self, enum tui_action action);

	/* A click, double click or wheel at a place of the area last drawn into. */
	bool (*mouse)(struct tui_dash *d, void *self, const struct tui_input *in);

	/* The list that moving, searching, sorting, marking and exporting act on now, or NULL. */
	struct tui_list *(*list)(struct tui_dash *d, void *self);

	/* What `y` copies: an id or the equal command.  False: nothing is selected. */
	bool (*copy)(struct tui_dash *d, void *self, struct mkt_buf *out);

	/* One line for --text and for terminals too small for a pane; NULL: the frame's own. */
	void (*line)(struct tui_dash *d, void *self, struct mkt_buf *out);
};

extern const struct tui_pane_ops tui_pane_overview;
extern const struct tui_pane_ops tui_pane_book;
extern const struct tui_pane_ops tui_pane_devices;
extern const struct tui_pane_ops tui_pane_contracts;
extern const struct tui_pane_ops tui_pane_blocks;
extern const struct tui_pane_ops tui_pane_account;
extern const struct tui_pane_ops tui_pane_events;
extern const struct tui_pane_ops tui_pane_nodes;

/* The pane's functions by number, NULL where there is none; in dash.c. */
const struct tui_pane_ops *tui_pane_ops(enum tui_pane which);

#endif
