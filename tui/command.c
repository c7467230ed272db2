#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "tui/command.h"
#include "tui/frame.h"
#include "tui/known.h"
#include "tui/overlay.h"

/* ---- words -------------------------------------------------------------------------------- */

int tui_command_split(char *text, const char **words, int max)
{
	int n = 0;

	for (;;) {
		char *out, quote = 0;

		text += strspn(text, " \t");
		if (!*text) {
			words[n] = NULL;
			return n;
		}
		if (n == max - 1)
			return -1;
		words[n++] = out = text;
		for (; *text && (quote || (*text != ' ' && *text != '\t')); text++) {
			if (quote ? *text == quote : *text == '"' || *text == '\'')
				quote = quote ? 0 : *text;
			else
				*out++ = *text;
		}
		if (quote)
			return -1;
		text += *text != 0;
		*out = '\0';
	}
}

static const char *const own_words[] = {"quit", "theme", "tz"};

/* Candidates for the first word: panes, our own words, commands. */
static const char *first_word(const struct tui_dash *d, unsigned i)
{
	if (i < TUI_PANES)
		return tui_pane_name((enum tui_pane)i);
	i -= TUI_PANES;
	if (i < MKT_ARRAY_SIZE(own_words))
		return own_words[i];
	i -= (unsigned)MKT_ARRAY_SIZE(own_words);
	return d->conf.command ? d->conf.command(i) : NULL;
}

static bool named_before(const struct tui_dash *d, unsigned i, const char *word)
{
	for (unsigned k = 0; k < i; k++)
		if (!strcmp(first_word(d, k), word))
			return true;
	return false;
}

static bool complete(struct tui_dash *d, const char *line, unsigned i, char *out, size_t size)
{
	const char *theme = strncmp(line, "theme ", 6) ? NULL : line + 6;
	const char *word;

	for (unsigned k = 0; theme && k < TUI_SCHEMES; k++) {
		word = tui_scheme_name((enum tui_scheme)k);
		if (!strncmp(word, theme, strlen(theme)) && !i--) {
			snprintf(out, size, "%s", word);
			return true;
		}
	}
	if (strchr(line, ' '))
		return false;
	for (unsigned k = 0; (word = first_word(d, k)) != NULL; k++)
		if (!strncmp(word, line, strlen(line)) && !named_before(d, k, word) && !i--) {
			snprintf(out, size, "%s", word);
			return true;
		}
	return false;
}

/* ---- commands of mkt ---------------------------------------------------------------------- */

static void ran(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	struct mkt_buf b = MKT_BUF_INIT;
	char title[TUI_LINE_MAX + 24];

	(void)ctx;
	if (!*o->out && !*o->err) {
		tui_dash_say(d, o->status ? TUI_BAD : TUI_GOOD, "mkt %s: %s %d", d->typed,
			     o->status ? "failed with status" : "done, status", o->status);
	} else {
		snprintf(title, sizeof(title), o->status ? "mkt %s (status %d)" : "mkt %s",
			 d->typed, o->status);
		mkt_buf_addstr(&b, o->out);
		if (o->cut)
			mkt_buf_addstr(&b, "\n(more was written than is shown here)\n");
		mkt_buf_addstr(&b, o->err);
		tui_text_open(d, title, mkt_buf_str(&b));
		mkt_buf_release(&b);
	}
	d->typed[0] = '\0';
}

static void run(struct tui_dash *d, const char *line, const char *const *words)
{
	const char *why = d->conf.refusal ? d->conf.refusal(words, d->conf.control) : NULL;
	int rc;

	if (why) {
		tui_dash_say(d, TUI_WARN, "mkt %s: %s", words[0], why);
		return;
	}
	if (d->typed[0]) {
		tui_dash_say(d, TUI_WARN, "'mkt %.120s' is still under way", d->typed);
		return;
	}
	rc = tui_run(d, words, ran, NULL);
	if (rc >= 0) {
		snprintf(d->typed, sizeof(d->typed), "%s", line);
		tui_dash_say(d, TUI_PLAIN, "mkt %s ...", line);
		return;
	}
	tui_dash_say(d, TUI_BAD,
		     rc == -MKT_EBUSY ? "too many commands are under way"
				      : "the command could not be started");
}

/* ---- our own words ------------------------------------------------------------------------ */

static void set_theme(struct tui_dash *d, const char *name)
{
	int scheme = tui_scheme_find(name);

	if (scheme < 0) {
		tui_dash_say(d, TUI_WARN,
			     "theme is default, light, mono, contrast or deuteranopia");
		return;
	}
	d->conf.scheme = (enum tui_scheme)scheme;
	d->urgent = true;
}

static void set_zone(struct tui_dash *d, const char *name)
{
	char was[sizeof(d->tz)];
	struct mkt_err err = {0};

	memcpy(was, d->tz, sizeof(was));
	snprintf(d->tz, sizeof(d->tz), "%s", name);
	if (tui_known_zone(d, &err)) {
		memcpy(d->tz, was, sizeof(was));
		tui_dash_say(d, TUI_WARN, "%s", err.text);
	}
	d->urgent = true;
}

static bool is_command(const struct tui_dash *d, const char *word)
{
	const char *name;

	for (unsigned i = 0; d->conf.command && (name = d->conf.command(i)) != NULL; i++)
		if (!strcmp(name, word))
			return true;
	return false;
}

/* A pane's name alone; the beginning of one will do unless that is a command. */
static int pane_of(const struct tui_dash *d, const char *word)
{
	int pane = tui_pane_find(word);

	if (pane >= 0 && strcmp(tui_pane_name((enum tui_pane)pane), word) != 0 &&
	    is_command(d, word))
		return -1;
	return pane;
}

void tui_command_do(struct tui_dash *d, const char *line)
{
	const char *words[TUI_ARGS_MAX];
	char copy[TUI_LINE_MAX];
	int n, pane;

	snprintf(copy, sizeof(copy), "%s", line);
	n = tui_command_split(copy, words, TUI_ARGS_MAX);
	if (n < 0)
		tui_dash_say(d, TUI_WARN, "a quote is open, or there are too many words");
	if (n <= 0)
		return;
	pane = n == 1 ? pane_of(d, words[0]) : -1;
	if (pane >= 0)
		tui_dash_show(d, (enum tui_pane)pane);
	else if (n == 1 && (!strcmp(words[0], "quit") || !strcmp(words[0], "q")))
		tui_frame_leave(d, 0);
	else if (!strcmp(words[0], "theme"))
		set_theme(d, n > 1 ? words[1] : "");
	else if (!strcmp(words[0], "tz"))
		set_zone(d, n > 1 ? words[1] : "");
	else
		run(d, line, !strcmp(words[0], "mkt") && n > 1 ? words + 1 : words);
}

static void typed(struct tui_dash *d, void *ctx, const char *line)
{
	(void)ctx;
	tui_command_do(d, line);
}

void tui_command_open(struct tui_dash *d)
{
	tui_prompt_open(d,
			&(struct tui_prompt_conf){
				.label = ":", .done = typed, .complete = complete, .history = ':'});
}
