#include "core/base/compat.h"

#include <stdio.h>
#include <string.h>

#include "tui/bid.h"
#include "tui/command.h"
#include "tui/overlay.h"

static void typed(struct tui_dash *d, void *ctx, const char *line);

static void ask(struct tui_dash *d, const char *line)
{
	tui_prompt_open(d, &(struct tui_prompt_conf){.label = "bid ",
						     .initial = line,
						     .done = typed,
						     .history = 'b'});
}

/* "bid", the words of @line, and room for one more; false, and it is said: they are none. */
static bool words_of(struct tui_dash *d, char *line, const char **words)
{
	int n;

	words[0] = "bid";
	n = tui_command_split(line, words + 1, TUI_ARGS_MAX - 3);
	if (n > 0)
		return true;
	tui_dash_say(d, TUI_WARN, n ? "a quote is not closed, or there are too many words"
				    : "nothing was typed, nothing is bid");
	return false;
}

/* The question, with what the node says that would happen now. */
static void question(struct tui_dash *d, const char *line, const char *preview)
{
	const char *words[TUI_ARGS_MAX];
	char copy[TUI_LINE_MAX];
	struct mkt_buf text = MKT_BUF_INIT;

	snprintf(copy, sizeof(copy), "%s", line);
	if (!words_of(d, copy, words))
		return;
	mkt_buf_addf(&text, "%s\nThat is at block %llu; the market goes on until it is sent.",
		     preview, (unsigned long long)d->node.height);
	tui_dialog_open(d, &(struct tui_dialog){.title = "Bid",
						.text = mkt_buf_str(&text),
						.argv = words});
	mkt_buf_release(&text);
}

static void previewed(struct tui_dash *d, void *ctx, const struct tui_outcome *o)
{
	char line[sizeof(d->typed)];

	(void)ctx;
	snprintf(line, sizeof(line), "%s", d->typed);
	d->typed[0] = '\0';
	if (!o->status) {
		question(d, line, o->out);
		return;
	}
	ask(d, line); /* comes to light when what is wrong was read */
	tui_text_open(d, "This bid would be refused", *o->err ? o->err : "mkt bid failed\n");
}

static void typed(struct tui_dash *d, void *ctx, const char *line)
{
	const char *words[TUI_ARGS_MAX];
	char copy[TUI_LINE_MAX];
	int n = 0;

	(void)ctx;
	snprintf(copy, sizeof(copy), "%s", line);
	if (!words_of(d, copy, words))
		return;
	if (d->typed[0]) {
		tui_dash_say(d, TUI_WARN, "'mkt %.120s' is still under way", d->typed);
		return;
	}
	while (words[n])
		n++;
	words[n] = "--dry-run";
	words[n + 1] = NULL;
	if (tui_run(d, words, previewed, NULL) < 0) {
		tui_dash_say(d, TUI_BAD, "the preview could not be started");
		return;
	}
	snprintf(d->typed, sizeof(d->typed), "%s", line);
	tui_dash_say(d, TUI_PLAIN, "what it would do now ...");
}

void tui_bid_open(struct tui_dash *d, const struct tui_bid_start *start)
{
	char line[TUI_LINE_MAX];

	if (!tui_dash_may(d))
		return;
	snprintf(line, sizeof(line), "%s 1kWh --at '%s' --price %s%s",
		 start->sell ? "sell" : "buy", start->window ? start->window : "next",
		 start->tags ? start->tags : "", start->tags ? "=" : "");
	ask(d, line);
}
