/*
 * mkt --complete=KIND PREFIX: values for completion scripts.
 *
 * A row for each kind.  A lister must answer within 150 ms or say nothing; it
 * asks nobody, starts nothing and prints no error: a shell is waiting.
 */
#include "core/base/compat.h"

#include <dirent.h>

#include "cmd/cmd.h"
#include "cmd/identity.h"
#include "core/app/devices.h"
#include "tui/keymap.h"

struct key_list {
	struct mkt_app *app;
	const char *prefix;
};

struct lister {
	const char *kind;
	int (*list)(struct mkt_app *app, const char *prefix);
};

static void candidate(struct mkt_app *app, const char *prefix, const char *value,
		      const char *about)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (strncmp(value, prefix, strlen(prefix)) != 0)
		return;
	mkt_buf_addf(&b, "%s\t%s\n", value, about);
	mkt_out_raw(&app->out, mkt_buf_str(&b), b.len);
	mkt_buf_release(&b);
}

static int list_commands(struct mkt_app *app, const char *prefix)
{
	for (const struct mkt_command *c = mkt_commands; c->name; c++)
		if (!(c->flags & MKT_CMD_HIDDEN))
			candidate(app, prefix, c->name, c->spec->summary);
	return 0;
}

static int list_settings(struct mkt_app *app, const char *prefix)
{
	for (const struct mkt_setting *s = mkt_settings; s->name; s++)
		candidate(app, prefix, s->name, s->help);
	return 0;
}

static void list_key(void *arg, const char *name)
{
	struct key_list *l = arg;

	candidate(l->app, l->prefix, name, "key");
}

static int list_keys(struct mkt_app *app, const char *prefix)
{
	struct key_list l = {app, prefix};

	return mkt_identity_each(app, list_key, &l);
}

/* Names in devices.conf; a file with faults has none. */
static int list_devices(struct mkt_app *app, const char *prefix)
{
	struct mkt_devices *site;

	if (mkt_devices_read(NULL, &site, NULL) < 0)
		return 0;
	for (uint32_t i = 0; i < site->ndevices; i++)
		candidate(app, prefix, site->devices[i].name, site->devices[i].driver);
	free(site);
	return 0;
}

/* Serial ports by the links that udev makes. */
static int list_ports(struct mkt_app *app, const char *prefix)
{
	DIR *d = opendir("/dev/serial/by-id");
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[300];

		snprintf(path, sizeof(path), "/dev/serial/by-id/%s", e->d_name);
		if (e->d_name[0] != '.')
			candidate(app, prefix, path, "serial port");
	}
	if (d)
		closedir(d);
	return 0;
}

static int list_setpoints(struct mkt_app *app, const char *prefix)
{
	static const struct {
		const char *word, *about;
	} words[] = {
		{"pause", "neither charge nor discharge"},
		{"release", "end what was set"},
		{"auto", "the device's own programme"},
		{"hold", "keep what is stored"},
		{"charge", "from the grid"},
		{"discharge", "into house or grid"},
		{"6A", "least charging current"},
		{"16A", "charging current"},
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(words); i++)
		candidate(app, prefix, words[i].word, words[i].about);
	return 0;
}

static int list_panes(struct mkt_app *app, const char *prefix)
{
	for (int i = 0; i < TUI_PANES; i++)
		candidate(app, prefix, tui_pane_name((enum tui_pane)i), "pane of the dashboard");
	return 0;
}

static const struct lister listers[] = {
	{"command", list_commands},
	{"setting", list_settings},
	{"key", list_keys},
	{"device", list_devices},
	{"port", list_ports},
	{"setpoint", list_setpoints},
	{"pane", list_panes},
};

int mkt_complete(struct mkt_app *app, const char *kind, const char *prefix)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(listers); i++)
		if (!strcmp(listers[i].kind, kind) && mkt_app_load(app) == 0)
			return listers[i].list(app, prefix);
	if (!mkt_app_load(app) && !mkt_complete_chain(app, kind, prefix))
		return 0;
	memset(&app->err, 0, sizeof(app->err));
	/* Not a word on stderr: it would stand in the line being typed. */
	return mkt_code_exit(MKT_EUSAGE);
}
