#include "core/base/compat.h"

#include "core/app/log.h"
#include "ledgerd/cli.h"

int ld_cli_option(struct ld_cli *c, int option, const char *value)
{
	if (option == 'f') {
		c->file = value;
		return 0;
	}
	if (c->nset == LD_SETTINGS_MAX) {
		fprintf(stderr, "ledgerd: more than %d settings\n", LD_SETTINGS_MAX);
		return -MKT_EUSAGE;
	}
	c->set[c->nset++] = value;
	return 0;
}

/* "node.listen=127.0.0.1:1" */
static int apply_setting(struct ld_conf *conf, const char *text, struct mkt_err *err)
{
	const char *eq = strchr(text, '=');
	const char *dot = eq ? memrchr(text, '.', (size_t)(eq - text)) : NULL;
	char section[64], name[32];

	if (!dot || (size_t)(dot - text) >= sizeof(section) || (size_t)(eq - dot) > sizeof(name))
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is not SECTION.NAME=VALUE", text);
	snprintf(section, sizeof(section), "%.*s", (int)(dot - text), text);
	snprintf(name, sizeof(name), "%.*s", (int)(eq - dot - 1), dot + 1);
	return ld_conf_set(conf, section, name, eq + 1, err);
}

int ld_cli_conf(const struct ld_cli *c, struct ld_conf *conf, struct mkt_err *err)
{
	int res = 0;

	ld_conf_init(conf);
	/* Without -f, settings by -o alone are enough. */
	if (c->file || !c->nset)
		res = ld_conf_read(conf, c->file ? c->file : LD_CONF_FILE, err);
	for (unsigned i = 0; i < c->nset && c->set[i] && res >= 0; i++)
		res = apply_setting(conf, c->set[i], err);
	return res < 0 ? res : 0;
}

int ld_cli_fail(const struct mkt_err *err, int status)
{
	mkt_log(MKT_LOG_ERROR, "%s", err->text[0] ? err->text : mkt_code_text(err->code));
	if (err->hint[0])
		mkt_log(MKT_LOG_INFO, "hint: %s", err->hint);
	return status;
}

/* 2 configuration, 7 taken or not to be had, 11 damaged. */
int ld_cli_status(int code)
{
	switch (code) {
	case MKT_EINTEGRITY:
	case MKT_ESTORE:
	case MKT_EPRUNED: /* the store is lost, and the bodies to make it anew are elsewhere */
		return 11;
	case MKT_ELOCKED:
	case MKT_EIO:
	case MKT_EDISKFULL:
	case MKT_EBUSY:
	case MKT_EUNAVAILABLE:
	case MKT_ECANCELLED:
		return 7;
	case MKT_ENOMEM:
	case MKT_EINTERNAL:
		return 70;
	default:
		return 2;
	}
}

int ld_cli_tool(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} tools[] = {
		{"status", ld_tool_status},
		{"prune", ld_tool_prune},
		{"restore", ld_tool_restore},
		{"rebuild", ld_tool_rebuild},
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(tools); i++)
		if (!strcmp(argv[0], tools[i].name))
			return tools[i].run(argc, argv);
	return -1;
}
