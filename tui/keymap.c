#include "core/base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec/enc.h"
#include "tui/keymap.h"

struct row {
	uint8_t pane, action, flags;
	const char *keys, *word, *label, *help;
};

static const struct row rows[] = {
#define TUI_KEY(pane, keys, action, label, flags, help)                                            \
	{TUI_PANE_##pane, TUI_A_##action, flags, keys, #action, label, help},
#include "tui/keymap.def"
#undef TUI_KEY
};

_Static_assert(MKT_ARRAY_SIZE(rows) <= MKT_ARRAY_SIZE(((struct tui_keymap *)0)->v), "room for all");

static const char *const panes[TUI_PANES + 1] = {
	"overview", "book", "contracts", "devices", "blocks", "account", "events", "nodes", "all",
};

const char *tui_pane_name(enum tui_pane pane)
{
	return pane <= TUI_PANES ? panes[pane] : NULL;
}

int tui_pane_find(const char *name)
{
	int found = -1;

	for (int i = 0; *name && i < TUI_PANES; i++) {
		if (strncmp(panes[i], name, strlen(name)) != 0)
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

/* ---- names of keys ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	uint32_t key;
} named[] = {
	{"Tab", TUI_K_TAB},	   {"S-Tab", TUI_K_BACKTAB}, {"Enter", TUI_K_ENTER},
	{"Esc", TUI_K_ESC},	   {"Up", TUI_K_UP},	     {"Down", TUI_K_DOWN},
	{"Left", TUI_K_LEFT},	   {"Right", TUI_K_RIGHT},   {"Home", TUI_K_HOME},
	{"End", TUI_K_END},	   {"PgUp", TUI_K_PGUP},     {"PgDn", TUI_K_PGDN},
	{"Ins", TUI_K_INSERT},	   {"Del", TUI_K_DELETE},    {"Space", ' '},
	{"Bksp", TUI_K_BACKSPACE},
};

uint32_t tui_key_parse(const char *name)
{
	size_t n = strlen(name);
	char *end;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(named); i++)
		if (!strcmp(name, named[i].name))
			return named[i].key;
	if (n == 3 && name[0] == 'C' && name[1] == '-' && name[2] >= 'a' && name[2] <= 'z')
		return (uint32_t)(name[2] - 'a' + 1);
	if (n > 1 && n < 4 && name[0] == 'F' && name[1] >= '1' && name[1] <= '9') {
		long f = strtol(name + 1, &end, 10);

		return !*end && f <= 12 ? TUI_K_F1 + (uint32_t)f - 1 : TUI_K_NONE;
	}
	return n == 1 && name[0] > ' ' && name[0] < 127 ? (uint32_t)name[0] : TUI_K_NONE;
}

void tui_key_name(uint32_t key, char out[TUI_KEY_NAME_MAX + 1])
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(named); i++)
		if (named[i].key == key) {
			snprintf(out, TUI_KEY_NAME_MAX + 1, "%s", named[i].name);
			return;
		}
	if (key >= TUI_K_F1 && key <= TUI_K_F12)
		snprintf(out, TUI_KEY_NAME_MAX + 1, "F%u", (unsigned)(key - TUI_K_F1 + 1));
	else if (key < ' ')
		snprintf(out, TUI_KEY_NAME_MAX + 1, "C-%c", (char)('a' + key - 1));
	else
		snprintf(out, TUI_KEY_NAME_MAX + 1, "%c", key < 127 ? (char)key : '?');
}

/* ---- the table ---------------------------------------------------------------------------- */

/* -1: one of them is no key, or there are too many. */
static int parse_keys(const char *text, uint32_t keys[TUI_KEYS_MAX])
{
	int n = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		char name[TUI_KEY_NAME_MAX + 1];

		if (len && (len > TUI_KEY_NAME_MAX || n == TUI_KEYS_MAX))
			return -1;
		if (len) {
			memcpy(name, text, len);
			name[len] = '\0';
			keys[n] = tui_key_parse(name);
			if (!keys[n++])
				return -1;
		}
		text += len + (text[len] == ' ');
	}
	return n;
}

void tui_keymap_init(struct tui_keymap *m)
{
	m->n = MKT_ARRAY_SIZE(rows);
	for (unsigned i = 0; i < m->n; i++) {
		const struct row *r = &rows[i];
		struct tui_binding *b = &m->v[i];

		*b = (struct tui_binding){.pane = r->pane,
					  .action = r->action,
					  .flags = r->flags,
					  .word = r->word,
					  .label = r->label,
					  .help = r->help};
		b->nkeys = (uint8_t)parse_keys(r->keys, b->keys);
	}
}

static bool has_key(const struct tui_binding *b, uint32_t key)
{
	for (unsigned i = 0; i < b->nkeys; i++)
		if (b->keys[i] == key)
			return true;
	return false;
}

const struct tui_binding *tui_keymap_find(const struct tui_keymap *m, enum tui_pane pane,
					  uint32_t key)
{
	const struct tui_binding *all = NULL;

	for (unsigned i = 0; key && i < m->n; i++) {
		if (!has_key(&m->v[i], key))
			continue;
		if (m->v[i].pane == pane)
			return &m->v[i];
		if (m->v[i].pane == TUI_PANE_ALL)
			all = &m->v[i];
	}
	return all;
}

static struct tui_binding *find_row(struct tui_keymap *m, const char *pane, const char *action)
{
	for (unsigned i = 0; i < m->n; i++)
		if (!strcmp(panes[m->v[i].pane], pane) && !strcasecmp(m->v[i].word, action))
			return &m->v[i];
	return NULL;
}

int tui_keymap_bind(struct tui_keymap *m, const char *pane, const char *action, const char *keys,
		    struct mkt_err *err)
{
	struct tui_binding *row = find_row(m, pane, action);
	uint32_t v[TUI_KEYS_MAX] = {0};
	int n = parse_keys(keys, v);

	if (!row)
		return mkt_err_set(err, MKT_EINVAL, "there is no action '%s' in pane '%s'", action,
				   pane);
	if (n < 1)
		return mkt_err_set(err, MKT_EINVAL,
				   "'%s' is not 1 to %d keys such as 'x', 'F5', 'C-p'", keys,
				   TUI_KEYS_MAX);
	for (unsigned i = 0; i < m->n; i++)
		for (int k = 0; k < n; k++)
			if (&m->v[i] != row && m->v[i].pane == row->pane && has_key(&m->v[i], v[k]))
				return mkt_err_set(err, MKT_EINVAL, "'%s' in '%s' is '%s' already",
						   keys, pane, m->v[i].word);
	row->nkeys = (uint8_t)n;
	memcpy(row->keys, v, sizeof(v));
	return 0;
}
