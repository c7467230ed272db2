#include "core/base/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/frame.h"
#include "tui/peek.h"
#include "tui/script.h"

/* ---- reading ------------------------------------------------------------------------------ */

static bool number(const char **text, unsigned least, unsigned most, unsigned *out)
{
	size_t n = strspn(*text, "0123456789");
	unsigned long v = n && n < 6 ? strtoul(*text, NULL, 10) : 0;

	if (!n || n >= 6 || v < least || v > most)
		return false;
	*text += n;
	*out = (unsigned)v;
	return true;
}

bool tui_script_size(const char *text, unsigned *rows, unsigned *cols)
{
	unsigned r, c;

	if (!number(&text, 1, TUI_COLS_MAX, &c) || *text++ != 'x' ||
	    !number(&text, 1, TUI_ROWS_MAX, &r) || *text)
		return false;
	*rows = r;
	*cols = c;
	return true;
}

static bool read_mouse(const char *text, struct tui_input *in)
{
	static const char *const acts[] = {"", " double", " up", " down"};

	in->key = TUI_K_MOUSE;
	if (!number(&text, 0, TUI_ROWS_MAX - 1, &in->y) || *text++ != ' ' ||
	    !number(&text, 0, TUI_COLS_MAX - 1, &in->x))
		return false;
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(acts); i++)
		if (!strcmp(text, acts[i])) {
			static const enum tui_mouse mice[] = {TUI_CLICK, TUI_DOUBLE, TUI_WHEEL_UP,
							      TUI_WHEEL_DOWN};

			in->mouse = mice[i];
			return true;
		}
	return false;
}

static bool read_rest(struct tui_script_step *s)
{
	switch (s->verb) {
	case TUI_SCRIPT_KEY:
		s->in.key = tui_key_parse(s->text);
		return s->in.key != TUI_K_NONE;
	case TUI_SCRIPT_MOUSE:
		return read_mouse(s->text, &s->in);
	case TUI_SCRIPT_RESIZE:
		return tui_script_size(s->text, &s->rows, &s->cols);
	case TUI_SCRIPT_SCREEN:
		return !*s->text;
	default:
		return *s->text != '\0';
	}
}

int tui_script_read(const char *line, struct tui_script_step *step, struct mkt_err *err)
{
	static const struct {
		const char *word;
		enum tui_script_verb verb;
	} verbs[] = {
		{"key", TUI_SCRIPT_KEY},       {"keys", TUI_SCRIPT_KEYS},
		{"wait", TUI_SCRIPT_WAIT},     {"gone", TUI_SCRIPT_GONE},
		{"mouse", TUI_SCRIPT_MOUSE},   {"resize", TUI_SCRIPT_RESIZE},
		{"screen", TUI_SCRIPT_SCREEN},
	};
	size_t n = strcspn(line, " ");

	*step = (struct tui_script_step){.text = line + n + (line[n] == ' ')};
	if (!*line || *line == '#')
		return 0;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(verbs); i++)
		if (strlen(verbs[i].word) == n && !memcmp(verbs[i].word, line, n)) {
			step->verb = verbs[i].verb;
			if (read_rest(step))
				return 0;
			return mkt_err_set(err, MKT_EUSAGE, "'%s' takes not '%s'", verbs[i].word,
					   step->text);
		}
	return mkt_err_set(err, MKT_EUSAGE, "'%.*s' is no word of scripts", (int)n, line);
}

/* ---- doing -------------------------------------------------------------------------------- */

static void press(struct tui_loop *l, const struct tui_input *in)
{
	tui_frame_key(l->d, in);
	do
		tui_loop_turn(l, 0);
	while ((l->d->urgent || l->working) && !l->d->quit);
}

static bool shows(struct tui_loop *l, const char *text)
{
	struct mkt_buf b = MKT_BUF_INIT;
	bool there;

	tui_frame_draw(l->d, &l->cursor_y, &l->cursor_x);
	tui_canvas_text(&l->d->canvas, &b);
	there = strstr(mkt_buf_str(&b), text) != NULL;
	mkt_buf_release(&b);
	return there;
}

static int wait_for(struct tui_loop *l, const char *text, bool wanted, struct mkt_err *err)
{
	uint64_t until = l->d->steady_ms + TUI_SCRIPT_MS;

	while (shows(l, text) != wanted) {
		if (l->d->steady_ms >= until || l->d->quit)
			return mkt_err_set(err, MKT_ENO,
					   "waited in vain for the picture to %s '%s'",
					   wanted ? "have" : "lose", text);
		tui_loop_turn(l, 20);
	}
	return 0;
}

static int resize(struct tui_loop *l, const struct tui_script_step *s, struct mkt_err *err)
{
	if (tui_canvas_resize(&l->d->canvas, s->rows, s->cols))
		return mkt_err_code(err, MKT_ENOMEM);
	press(l, &(struct tui_input){.key = TUI_K_RESIZE});
	return 0;
}

static int do_step(struct tui_loop *l, const struct tui_script_step *s, struct mkt_out *out,
		   struct mkt_err *err)
{
	switch (s->verb) {
	case TUI_SCRIPT_NOTHING:
		return 0;
	case TUI_SCRIPT_KEY:
	case TUI_SCRIPT_MOUSE:
		press(l, &s->in);
		return 0;
	case TUI_SCRIPT_KEYS:
		for (const char *p = s->text; *p && !l->d->quit; p++)
			press(l, &(struct tui_input){.key = (uint8_t)*p});
		return 0;
	case TUI_SCRIPT_WAIT:
	case TUI_SCRIPT_GONE:
		return wait_for(l, s->text, s->verb == TUI_SCRIPT_WAIT, err);
	case TUI_SCRIPT_RESIZE:
		return resize(l, s, err);
	case TUI_SCRIPT_SCREEN:
		tui_peek_print(l, out);
		return 0;
	}
	return 0;
}

int tui_script_run(struct tui_loop *l, FILE *in, struct mkt_out *out, struct mkt_err *err)
{
	char line[TUI_SCRIPT_LINE_MAX];
	struct tui_script_step step;
	unsigned nr = 0;
	int rc = 0;

	while (!rc && !l->d->quit && fgets(line, sizeof(line), in)) {
		size_t n = strcspn(line, "\n");

		nr++;
		if (!line[n] && n == sizeof(line) - 1)
			rc = mkt_err_set(err, MKT_EUSAGE, "the line is too long");
		line[n] = '\0';
		if (!rc)
			rc = tui_script_read(line, &step, err);
		if (!rc)
			rc = do_step(l, &step, out, err);
		if (rc) {
			if (rc == -MKT_ENO)
				tui_peek_print(l, out);
			mkt_err_wrap(err, "line %u of the script", nr);
		}
	}
	if (!rc && ferror(in))
		rc = mkt_err_sys(err, MKT_EIO, errno, "cannot read the script");
	return rc;
}
