/* Keys of the dashboard: the table is sound, names go both ways, users rebind. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tui/keymap.h"

static void the_table_is_sound(void **state)
{
	struct tui_keymap m;
	bool used[TUI_ACTIONS] = {false};

	(void)state;
	tui_keymap_init(&m);
	for (unsigned i = 0; i < m.n; i++) {
		const struct tui_binding *b = &m.v[i];

		if (b->nkeys < 1 || b->nkeys > TUI_KEYS_MAX)
			fail_msg("%s of %s has no keys", b->word, tui_pane_name(b->pane));
		used[b->action] = true;
		assert_true(strlen(b->label) <= 9);
		assert_true(b->help[0] != '\0');
		for (unsigned k = 0; k < b->nkeys; k++) {
			char name[TUI_KEY_NAME_MAX + 1];

			tui_key_name(b->keys[k], name);
			assert_int_equal(tui_key_parse(name), b->keys[k]);
			if (tui_keymap_find(&m, b->pane, b->keys[k]) != b)
				fail_msg("'%s' is bound twice in %s", name, tui_pane_name(b->pane));
		}
	}
	for (unsigned a = TUI_A_NONE + 1; a < TUI_ACTIONS; a++)
		if (!used[a])
			fail_msg("action %u has no key", a);
}

static void a_pane_goes_before_all(void **state)
{
	struct tui_keymap m;

	(void)state;
	tui_keymap_init(&m);
	assert_int_equal(tui_keymap_find(&m, TUI_PANE_BOOK, 'b')->action, TUI_A_BUY);
	assert_int_equal(tui_keymap_find(&m, TUI_PANE_BLOCKS, 'q')->action, TUI_A_QUIT);
	assert_null(tui_keymap_find(&m, TUI_PANE_BLOCKS, 'b'));
	assert_null(tui_keymap_find(&m, TUI_PANE_BLOCKS, TUI_K_NONE));
	assert_int_equal(tui_keymap_find(&m, TUI_PANE_ALL, TUI_K_F1)->action, TUI_A_HELP);
}

static void names(void **state)
{
	static const char *const bad[] = {"", "ab", "F0", "F13", "F1x", "C-", "C-A", "\x01", "é"};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		assert_int_equal(tui_key_parse(bad[i]), TUI_K_NONE);
	assert_int_equal(tui_key_parse("C-l"), 12);
	assert_int_equal(tui_key_parse("F12"), TUI_K_F12);
	assert_int_equal(tui_pane_find("bo"), TUI_PANE_BOOK);
	assert_int_equal(tui_pane_find("b"), -1); /* book, blocks */
	assert_int_equal(tui_pane_find(""), -1);
	assert_int_equal(tui_pane_find("all"), -1);
}

static void rebinding(void **state)
{
	struct mkt_err err = {0};
	struct tui_keymap m;

	(void)state;
	tui_keymap_init(&m);
	assert_int_equal(tui_keymap_bind(&m, "all", "quit", "C-x F9", &err), 0);
	assert_null(tui_keymap_find(&m, TUI_PANE_BOOK, 'q'));
	assert_int_equal(tui_keymap_find(&m, TUI_PANE_BOOK, 24)->action, TUI_A_QUIT);
	assert_int_equal(tui_keymap_bind(&m, "all", "quit", "r", &err), -MKT_EINVAL);
	assert_non_null(strstr(err.text, "RELOAD"));
	assert_int_equal(tui_keymap_bind(&m, "all", "quit", "", &err), -MKT_EINVAL);
	assert_int_equal(tui_keymap_bind(&m, "all", "quit", "Wrong", &err), -MKT_EINVAL);
	assert_int_equal(tui_keymap_bind(&m, "all", "fly", "x", &err), -MKT_EINVAL);
	assert_int_equal(tui_keymap_bind(&m, "attic", "quit", "x", &err), -MKT_EINVAL);
	/* What is free in one pane may mean another thing in the next. */
	assert_int_equal(tui_keymap_bind(&m, "blocks", "prove", "b", &err), 0);
	assert_int_equal(tui_keymap_find(&m, TUI_PANE_BLOCKS, 'b')->action, TUI_A_PROVE);
	assert_int_equal(tui_keymap_find(&m, TUI_PANE_BOOK, 'b')->action, TUI_A_BUY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(a_pane_goes_before_all),
		cmocka_unit_test(names),
		cmocka_unit_test(rebinding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
