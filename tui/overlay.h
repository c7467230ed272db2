/*
 * What lies over the panes: texts, questions, lines to type, forms; and commands of
 * mkt that run beside the dashboard.
 *
 * Overlays are a stack; the uppermost gets the keys.  A pane opens one and goes on; what
 * came of it is told by a call.  @ctx of a call must last as long as the dash: a pane's
 * memory does.  What an overlay acts on it holds by value (ids), never by row.
 */
#ifndef TUI_OVERLAY_H
#define TUI_OVERLAY_H

#include "tui/dash.h"

struct tui_overlay_ops {
	/*
	 * Draw over @a, the whole area of panes.  *@cursor_y stays -1 unless something is typed;
	 * then it is the cursor's place on the canvas: area.y + y.
	 */
	void (*draw)(struct tui_dash *d, void *self, struct tui_area a, int *cursor_y,
		     int *cursor_x);
	/* A key; it may pop itself. */
	void (*key)(struct tui_dash *d, void *self, const struct tui_input *in);
	/* About once a second, or NULL. */
	void (*tick)(struct tui_dash *d, void *self);
	/* Before its memory is freed, or NULL. */
	void (*release)(struct tui_dash *d, void *self);
	bool busy; /* leaving the dashboard asks first while this one is open */
};

/* One of the stack; the frame draws, feeds and ticks the uppermost by its functions. */
struct tui_overlay {
	struct tui_overlay *below; /* NULL: the panes */
	const struct tui_overlay_ops *ops;
	void *self; /* its memory */
};

/* @size zeroed bytes on top of the stack; NULL: no memory, and it was said. */
void *tui_overlay_push(struct tui_dash *d, const struct tui_overlay_ops *ops, size_t size);
/* Close the uppermost. */
void tui_overlay_pop(struct tui_dash *d);
/* The uppermost's memory if it is of @ops, else NULL. */
void *tui_overlay_top(const struct tui_dash *d, const struct tui_overlay_ops *ops);
void tui_overlay_release(struct tui_dash *d);

/* ---- texts ------------------------------------------------------------------------------- */

/* Lines to read, scroll and search; @text is copied, may be anybody's, bounded to 256 KiB. */
void tui_text_open(struct tui_dash *d, const char *title, const char *text);

/* ---- one line to type ---------------------------------------------------------------------- */

#define TUI_LINE_MAX 512

typedef void tui_typed_fn(struct tui_dash *d, void *ctx, const char *line);

struct tui_prompt_conf {
	const char *label;   /* ":" "/" "file: " */
	const char *initial; /* or NULL */
	tui_typed_fn *done;  /* Enter */
	tui_typed_fn *live;  /* after each key, for searching while typing; or NULL */
	tui_typed_fn *left;  /* Esc; or NULL */
	/* The word before the cursor to a longer one: @i-th candidate into @out; false: no more. */
	bool (*complete)(struct tui_dash *d, const char *line, unsigned i, char *out, size_t size);
	void *ctx;
	char history; /* lines of one letter's prompts are remembered together; 0: not */
};
void tui_prompt_open(struct tui_dash *d, const struct tui_prompt_conf *conf);

/* ---- commands of mkt beside the dashboard ---------------------------------------------------- */

#define TUI_ARGS_MAX 64
#define TUI_OUTPUT_MAX (64u << 10) /* kept of each stream */

/* What a command did: its exit status (128 + signal if killed), and what it wrote, neutralised. */
struct tui_outcome {
	int status;
	const char *out, *err; /* borrowed until return */
	bool cut;	       /* more was written than is kept */
};
typedef void tui_ran_fn(struct tui_dash *d, void *ctx, const struct tui_outcome *o);

/*
 * Run `mkt @argv...` (argv[0] is the command's name; NULL ends; copied) with this dashboard's
 * server and account, stdin empty, killed with the dashboard.  The number of the run, for
 * tui_run_cancel(), or negative: -MKT_EBUSY too many, -MKT_ENOMEM, -MKT_EIO.
 */
int tui_run(struct tui_dash *d, const char *const *argv, tui_ran_fn *done,
	    void *ctx) MKT_MUST_CHECK;
/* Kill it; @done is not called. */
void tui_run_cancel(struct tui_dash *d, int run);

/*
 * "mkt --account oak cancel b17" as a person would type it where this dashboard was started, quoted
 * where a shell needs it; @d NULL: without options of the dashboard's own.
 */
void tui_command_text(const struct tui_dash *d, const char *const *argv, struct mkt_buf *out);

/* Children for the loop: what to poll (at most @max), and going on with what is ready. */
struct pollfd;
unsigned tui_run_fds(const struct tui_dash *d, struct pollfd *out, unsigned max);
void tui_run_turn(struct tui_dash *d);
void tui_run_release(struct tui_dash *d);

/* ---- dialogs ------------------------------------------------------------------------------- */

/* A question before something is done; all texts are copied. */
struct tui_dialog {
	const char *title;	 /* "Cancel bid b17" */
	const char *text;	 /* what it means, lines; may hold others' text */
	const char *const *argv; /* the equal command without --yes; shown, and run with --yes */
	const char *type;	 /* the word to type for severe ones; NULL: `y` */
	tui_ran_fn *done; /* after it was done; NULL: the outcome is said on the status line */
	void *ctx;
};
/* Without --control the reason is said instead. */
void tui_dialog_open(struct tui_dash *d, const struct tui_dialog *q);

/* ---- export -------------------------------------------------------------------------------- */

/* `e`: asks for a file's name and writes @l there, or the picture of the pane when @l is NULL. */
void tui_export_open(struct tui_dash *d, struct tui_list *l);

#endif
