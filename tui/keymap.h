/*
 * Keys and what they do: keymap.def as tables, with what the user's configuration
 * changed.
 */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

#include "core/base/err.h"
#include "tui/screen.h"

enum tui_pane {
	TUI_PANE_OVERVIEW,
	TUI_PANE_BOOK,
	TUI_PANE_CONTRACTS,
	TUI_PANE_DEVICES,
	TUI_PANE_BLOCKS,
	TUI_PANE_ACCOUNT,
	TUI_PANE_EVENTS,
	TUI_PANE_NODES,
	TUI_PANES,
	TUI_PANE_ALL = TUI_PANES,
};

/* In the order of their first line in keymap.def; TUI_A_NONE: no such key here. */
enum tui_action {
	TUI_A_NONE,
	TUI_A_PANE_1, /* to PANE_8, in order */
	TUI_A_PANE_2,
	TUI_A_PANE_3,
	TUI_A_PANE_4,
	TUI_A_PANE_5,
	TUI_A_PANE_6,
	TUI_A_PANE_7,
	TUI_A_PANE_8,
	TUI_A_NEXT_PANE,
	TUI_A_PREV_PANE,
	TUI_A_UP,
	TUI_A_DOWN,
	TUI_A_LEFT,
	TUI_A_RIGHT,
	TUI_A_PAGE_UP,
	TUI_A_PAGE_DOWN,
	TUI_A_FIRST,
	TUI_A_LAST,
	TUI_A_OPEN,
	TUI_A_BACK,
	TUI_A_SEARCH,
	TUI_A_FILTER,
	TUI_A_FIND_NEXT,
	TUI_A_FIND_PREV,
	TUI_A_COMMAND,
	TUI_A_EARLIER,
	TUI_A_LATER,
	TUI_A_SORT_PREV,
	TUI_A_SORT_NEXT,
	TUI_A_INVERT,
	TUI_A_MARK,
	TUI_A_UNMARK,
	TUI_A_FOLLOW,
	TUI_A_PAUSE,
	TUI_A_COPY,
	TUI_A_EXPORT,
	TUI_A_RELOAD,
	TUI_A_HELP,
	TUI_A_QUIT,
	TUI_A_ACKNOWLEDGE,
	TUI_A_NEXT_TAG,
	TUI_A_PREV_TAG,
	TUI_A_BUY,
	TUI_A_SELL,
	TUI_A_WHY,
	TUI_A_STOP,
	TUI_A_LIMIT,
	TUI_A_PROVE,
	TUI_A_CANCEL,
	TUI_ACTIONS
};

#define TUI_F_CONTROL (1 << 0)

#define TUI_KEYS_MAX 4 /* of one row */
#define TUI_KEY_NAME_MAX 8

struct tui_binding {
	uint8_t pane;	/* enum tui_pane */
	uint8_t action; /* enum tui_action */
	uint8_t flags;
	uint8_t nkeys;
	uint32_t keys[TUI_KEYS_MAX];
	const char *word;  /* the action, as configurations name it: "next_pane"; static */
	const char *label; /* static */
	const char *help;  /* static */
};

/* All rows, and what the user made of them.  Zeroed and then tui_keymap_init(). */
struct tui_keymap {
	struct tui_binding v[96];
	unsigned n;
};

void tui_keymap_init(struct tui_keymap *m);

/*
 * "Enter", "C-l", "S-Tab", "F10", "PgDn", "Space", or one letter.  0 if it is none.
 * tui_key_name() writes the same; @out has room for TUI_KEY_NAME_MAX and NUL.
 */
uint32_t tui_key_parse(const char *name);
void tui_key_name(uint32_t key, char out[TUI_KEY_NAME_MAX + 1]);

/*
 * Bind @action of @pane ("all", "book") to other keys, blanks between them.  -MKT_EINVAL: no
 * such pane, action or key, or a key that does something else there, with a sentence.
 */
int tui_keymap_bind(struct tui_keymap *m, const char *pane, const char *action, const char *keys,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* What @key does in @pane; NULL: nothing. */
const struct tui_binding *tui_keymap_find(const struct tui_keymap *m, enum tui_pane pane,
					  uint32_t key);

/* "book"; NULL beyond the last. */
const char *tui_pane_name(enum tui_pane pane);
/* -1: no pane's name begins so, or several do. */
int tui_pane_find(const char *name);

#endif
