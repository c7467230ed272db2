/*
 * The dashboard as its panes see it: what is known of node, chain and account, how
 * to ask for more, how to speak to the person.
 *
 *   pane.h     what a pane is               list.h     tables with a selection
 *   feed.h     events and reads, LIVE ...   overlay.h  dialogs, texts, prompts, children
 *   frame.h    header, tabs, bottom line    loop.h     poll: terminal, feed, children
 *
 * One thread.  Nobody waits: reads are asked for by tui_dash_get() and answered later by a call.
 * Times: wall clock in Unix ms, steady clock in ms; both are read once for each turn of the loop,
 * so that everything in one picture is of the same instant.
 */
#ifndef TUI_DASH_H
#define TUI_DASH_H

#include "core/units/zone.h"
#include "core/wire/api.h"
#include "core/wire/pull.h"
#include "tui/pane.h"

#define TUI_WHO_MAX 80
#define TUI_SAY_MAX 256
#define TUI_ALARMS_MAX 16

/* How it stands with the node, in the order of worry. */
enum tui_link {
	TUI_LINK_STARTING, /* nothing came yet */
	TUI_LINK_LIVE,
	TUI_LINK_STALE,	  /* connected, but silent for longer than a node is ever silent */
	TUI_LINK_OFFLINE, /* not connected; it tries again at retry_ms */
};

/* What the header tells of the node; of GET /v1/status and the events. */
struct tui_node {
	char role[16], leader[64];
	uint64_t height, block_ms; /* of the last block */
	uint32_t block_txs;
	bool block_seen;	 /* block_txs is known */
	uint64_t epoch, lag;	 /* blocks behind its upstream */
	int64_t disk_free_pct;	 /* -1: not told */
	int64_t disk_free_bytes; /* -1: not told */
	char disk_state[16];	 /* "ok", "alarm", ... */
	int64_t disk_days;	 /* until it is full at today's growth; -1: not told */
	uint32_t nalarms;
	char alarms[TUI_ALARMS_MAX][96]; /* sentences of the node; others' text */
};

/* What the header tells of the account; of GET /v1/accounts/X. */
struct tui_money {
	bool known, missing; /* missing: the chain has no such account */
	char name[MKT_NAME_MAX + 1];
	int64_t available_uc, held_uc, locked_uc;
	uint32_t open_bids;
};

/*
 * Where reads go: pulls of core/wire/pull.h, or a test's canned answers.  -MKT_EBUSY: too many are
 * under way, ask again at the next tick.
 */
struct tui_source {
	int (*get)(void *ctx, const char *path, mkt_pull_fn *done, void *done_ctx);
	void *ctx;
};

struct tui_overlay;
struct tui_child;
struct tui_history;

/* A read that is under way. */
struct tui_ask {
	struct tui_ask *next;
	struct tui_dash *d;
	void (*fn)(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
		   const struct mkt_err *err);
	/* Or this one, for a body that is no frame of mkt-api(7); then @fn is not called. */
	void (*raw)(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
		    const struct mkt_err *err);
	void *ctx;
};

struct tui_dash_conf {
	const char *server;  /* for people, and for children's --server */
	const char *program; /* mkt, for children; absolute */
	const char *tz;	     /* --tz; NULL: the chain's */
	/* Why `mkt @argv...` is not run from here, or NULL; NULL: everything is run. */
	const char *(*refusal)(const char *const *argv, bool control);
	const char *(*command)(unsigned i); /* names of commands, for completion; NULL ends */
	const char *said[11]; /* options that came with the call and hold for its commands too */
	char who[TUI_WHO_MAX];		    /* account as a piece of a path; "": none */
	bool control;			    /* actions that change something outside may be done */
	bool ascii;
	bool mouse;
	enum tui_scheme scheme;
};

/* Where things were drawn last: for the mouse, and for those who print a pane. */
struct tui_places {
	struct tui_area main, side; /* side.cols 0: one column only */
	struct {
		uint16_t x, w;
	} tab[TUI_PANES];
	struct {
		uint16_t x, w;
		uint32_t key;
	} bar[8];
	unsigned tab_y, bar_y, nbar;
};

struct tui_dash {
	struct tui_dash_conf conf;
	struct tui_source source;
	struct tui_keymap keys;
	struct tui_canvas canvas;

	/* Instant of this turn. */
	uint64_t now_ms; /* wall clock */
	uint64_t steady_ms;

	/* What is known. */
	bool have_facts;
	struct mkt_facts facts; /* owned; of the last GET /v1/market */
	struct mkt_zone zone;	/* of the person: --tz, else the chain's */
	enum tui_link link;
	uint64_t word_ms;  /* steady: when the node last said anything */
	uint64_t retry_ms; /* steady: when it is tried again, of TUI_LINK_OFFLINE */
	struct tui_node node;
	struct tui_money money;

	/* The picture. */
	enum tui_pane shown;
	bool paused;  /* Z: no event is taken in and no pane ticks, so the picture stays */
	bool repaint; /* everything on the terminal: somebody else may have written there */
	bool dirty;   /* draw again, when the next picture is due */
	bool urgent;  /* draw again now: somebody pressed a key */
	bool quit;
	uint64_t leave_ms; /* steady: somebody wanted to leave while something was open */
	int exit_status;
	char said[TUI_SAY_MAX]; /* status line; "": none */
	enum tui_style said_style;
	uint64_t said_ms;	       /* steady */
	void *pane[TUI_PANES];	       /* each pane's memory; owned */
	struct tui_overlay *top;       /* the uppermost; overlay.h */
	struct tui_child *children;    /* under way; child.h */
	char typed[512];	       /* the command of `:` that is under way; "": none */
	struct tui_history *histories; /* of prompts; prompt.h */
	struct tui_places places;
	bool side_visited;		/* the second pane knows that it is shown */
	struct mkt_buf clip;		/* to be copied to the terminal's clipboard; "": nothing */
	struct tui_ask *asks;		/* reads that are not answered; owned */
	uint64_t asked_ms[3];		/* steady: status, account, facts */
	bool money_old;			/* blocks came since the account was read */
	char tz[MKT_ZONE_NAME_MAX + 1]; /* of `:tz`; "": conf.tz */
};

/* @conf is copied, its texts are borrowed.  Panes are made.  -MKT_ENOMEM. */
int tui_dash_init(struct tui_dash *d, const struct tui_dash_conf *conf,
		  const struct tui_source *source, struct mkt_err *err) MKT_MUST_CHECK;
void tui_dash_release(struct tui_dash *d);

/*
 * What came of a read, once, in a later turn.  @a is valid when @err is NULL and until return.
 */
typedef void tui_got_fn(struct tui_dash *d, void *ctx, const struct mkt_answer *a,
			const struct mkt_err *err);

/*
 * Ask for a path of mkt-api(7), printf-like ("/v1/blocks/%llu").  -MKT_EBUSY: too many are under
 * way (ask again at the next tick); -MKT_ENOMEM.  @ctx must last until @fn was called or the dash
 * is released: a pane's memory does.
 */
int tui_dash_get(struct tui_dash *d, tui_got_fn *fn, void *ctx, const char *fmt, ...) MKT_MUST_CHECK
	MKT_PRINTF(4, 5);

/*
 * The same for a body as it came: bytes of /v1/chain and /v1/genesis, or JSON of a form of its own.
 * @body is valid when @err is NULL and until return.
 */
typedef void tui_body_fn(struct tui_dash *d, void *ctx, const struct mkt_buf *body,
			 const struct mkt_err *err);
int tui_dash_get_body(struct tui_dash *d, tui_body_fn *fn, void *ctx, const char *fmt,
		      ...) MKT_MUST_CHECK MKT_PRINTF(4, 5);

/* The chain's time now, ms: the wall clock, or the last block's with a clock of the operator. */
uint64_t tui_dash_chain_ms(const struct tui_dash *d);

/* One sentence for the status line; it stays until the next key, or 10 s. */
void tui_dash_say(struct tui_dash *d, enum tui_style style, const char *fmt, ...) MKT_PRINTF(3, 4);

/* True if actions that change something may be done; else the reason is said. */
bool tui_dash_may(struct tui_dash *d);

/* Something that is shown has changed: draw when the next picture is due. */
void tui_dash_touch(struct tui_dash *d);

/* Show another pane. */
void tui_dash_show(struct tui_dash *d, enum tui_pane pane);

/* For panes: an event to all of them; the feed calls it. */
void tui_dash_event(struct tui_dash *d, const struct tui_event *ev);

/* Everything is to be read again. */
void tui_dash_reload(struct tui_dash *d);

#endif
