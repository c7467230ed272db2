#include "core/base/compat.h"

#include <errno.h>
#include <ini.h>
#include <pwd.h>
#include <unistd.h>

#include "core/app/conf.h"
#include "core/base/file.h"
#include "core/app/opt.h"
#include "core/units/zone.h"

#define FILE_BYTES_MAX (256u << 10)

const struct mkt_setting mkt_settings[] = {
#define MKT_SETTING(name, env, value, help) {name, env, value, help},
#include "core/app/settings.def"
#undef MKT_SETTING
	{NULL, NULL, NULL, NULL},
};

const struct mkt_setting *mkt_setting_find(const char *name)
{
	for (const struct mkt_setting *s = mkt_settings; s->name; s++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

int mkt_setting_check(const char *name, const char *value, struct mkt_err *err)
{
	static const struct mkt_opt duration = {.kind = MKT_OPT_DURATION, .min = 1,
						.max = 7 * 86400000ll};
	static const struct mkt_opt color = {.kind = MKT_OPT_WORD, .metavar = "auto|always|never"};
	static const struct mkt_opt progress = {.kind = MKT_OPT_WORD, .metavar = "line|plain"};
	static const struct mkt_opt control = {.kind = MKT_OPT_WORD, .metavar = "yes|no"};
	static const struct mkt_opt theme = {.kind = MKT_OPT_WORD,
					     .metavar =
						     "default|light|mono|contrast|deuteranopia"};
	struct mkt_zone zone;
	struct mkt_num n;
	int word;

	if (!strcmp(name, "core.timeout"))
		return mkt_opt_value(&duration, &n, "setting 'core.timeout'", value, err);
	if (!strcmp(name, "ui.color"))
		return mkt_opt_value(&color, &word, "setting 'ui.color'", value, err);
	if (!strcmp(name, "ui.progress"))
		return mkt_opt_value(&progress, &word, "setting 'ui.progress'", value, err);
	if (!strcmp(name, "ui.control"))
		return mkt_opt_value(&control, &word, "setting 'ui.control'", value, err);
	if (!strcmp(name, "ui.theme"))
		return mkt_opt_value(&theme, &word, "setting 'ui.theme'", value, err);
	if (!strcmp(name, "core.timezone"))
		return mkt_zone_load(&zone, value, NULL, err);
	return 0;
}

bool mkt_setting_known(const char *name)
{
	if (mkt_setting_find(name))
		return true;
	/* Other sections belong to external commands and later versions. */
	return strchr(name, '.') && strncasecmp(name, "core.", 5) != 0 &&
	       strncasecmp(name, "ui.", 3) != 0;
}

void mkt_conf_release(struct mkt_conf *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->entries[i].name);
		free(c->entries[i].value);
		free(c->entries[i].where);
	}
	free(c->entries);
	mkt_buf_release(&c->warnings);
	*c = (struct mkt_conf)MKT_CONF_INIT;
}

/* ---- the sorted list ---------------------------------------------------------------------- */

/* Where @name is, or where it belongs. */
static size_t place_of(const struct mkt_conf *c, const char *name, bool *there)
{
	size_t low = 0, high = c->n;

	*there = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int d = strcmp(name, c->entries[mid].name);

		if (!d) {
			*there = true;
			return mid;
		}
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static int make_room(struct mkt_conf *c, size_t at)
{
	struct mkt_conf_entry *e;

	if (c->n >= MKT_CONF_ENTRIES_MAX)
		return -MKT_ELIMIT;
	e = realloc(c->entries, (c->n + 1) * sizeof(*e));
	if (!e)
		return -MKT_ENOMEM;
	c->entries = e;
	memmove(e + at + 1, e + at, (c->n - at) * sizeof(*e));
	e[at] = (struct mkt_conf_entry){0};
	c->n++;
	return 0;
}

static int put(struct mkt_conf *c, const char *name, const char *value, enum mkt_origin origin,
	       const char *where)
{
	bool there;
	size_t at = place_of(c, name, &there);
	char *v = strdup(value), *w = strdup(where), *n = there ? NULL : strdup(name);
	int rc = -MKT_ENOMEM;

	if (!v || !w || (!there && !n))
		goto fail;
	if (!there) {
		rc = make_room(c, at);
		if (rc < 0)
			goto fail;
		c->entries[at].name = n;
	}
	free(c->entries[at].value);
	free(c->entries[at].where);
	c->entries[at].value = v;
	c->entries[at].where = w;
	c->entries[at].origin = origin;
	return 0;
fail:
	free(v);
	free(w);
	free(n);
	return rc;
}

const struct mkt_conf_entry *mkt_conf_find(const struct mkt_conf *c, const char *name)
{
	bool there;
	size_t at = place_of(c, name, &there);

	return there ? &c->entries[at] : NULL;
}

const char *mkt_conf_get(const struct mkt_conf *c, const char *name)
{
	const struct mkt_conf_entry *e = mkt_conf_find(c, name);

	return e ? e->value : NULL;
}

/* ---- files -------------------------------------------------------------------------------- */

struct reader {
	struct mkt_conf *c;
	const char *path;
	enum mkt_origin origin;
	const char *at; /* the next line */
	unsigned line;
	unsigned long_line; /* the first that is too long, or 0 */
	int rc;
};

/* As fgets(), without leading blanks: inih would take an indented line for a continuation. */
static char *next_line(char *out, int size, void *stream)
{
	struct reader *r = stream;
	size_t n = strcspn(r->at, "\n"), blanks = strspn(r->at, " \t");

	if (!*r->at)
		return NULL;
	r->line++;
	if (n > MKT_CONF_LINE_MAX && !r->long_line)
		r->long_line = r->line;
	if (blanks > n)
		blanks = n;
	snprintf(out, (size_t)size, "%.*s\n", (int)(n - blanks < (size_t)size - 2 ? n - blanks : 0),
		 r->at + blanks);
	r->at += n;
	r->at += *r->at == '\n';
	return out;
}

static int take_value(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	struct mkt_buf name = MKT_BUF_INIT, where = MKT_BUF_INIT;

	mkt_buf_addf(&name, "%s%s%s", section, *section ? "." : "", key);
	mkt_buf_addf(&where, "file:%s:%u", r->path, r->line);
	if (name.bad || where.bad)
		r->rc = -MKT_ENOMEM;
	else if (!mkt_setting_known(mkt_buf_str(&name)))
		mkt_buf_addf(&r->c->warnings, "%s:%u: unknown setting '%s'\n", r->path, r->line,
			     mkt_buf_str(&name));
	else if (!r->rc)
		r->rc = put(r->c, mkt_buf_str(&name), value, r->origin, mkt_buf_str(&where));
	mkt_buf_release(&name);
	mkt_buf_release(&where);
	return !r->rc;
}

static int load_file(struct mkt_conf *c, const char *path, enum mkt_origin origin,
		     struct mkt_err *err)
{
	struct mkt_buf text = MKT_BUF_INIT;
	struct reader r = {.c = c, .path = path, .origin = origin};
	int bad_line, rc = mkt_file_read(path, FILE_BYTES_MAX, &text, err);

	if (rc < 0)
		goto out;
	r.at = mkt_buf_str(&text);
	bad_line = ini_parse_stream(next_line, &r, take_value, &r);
	if (r.rc < 0)
		rc = mkt_err_set(err, -r.rc, "cannot read '%s': %s", path, mkt_code_text(-r.rc));
	else if (r.long_line)
		rc = mkt_err_set(err, MKT_EUSAGE, "'%s' line %u is longer than %d bytes", path,
				 r.long_line, MKT_CONF_LINE_MAX);
	else if (bad_line)
		rc = mkt_err_set(err, MKT_EUSAGE,
				 "'%s' line %d is neither [section] nor 'name = value'", path,
				 bad_line);
out:
	mkt_buf_release(&text);
	return rc;
}

int mkt_conf_read(struct mkt_conf *c, const char *file, struct mkt_err *err)
{
	return load_file(c, file, MKT_ORIGIN_SITE, err);
}

/* ---- sources ------------------------------------------------------------------------------ */

static const char *home(void)
{
	const char *h = getenv("HOME");
	const struct passwd *pw;

	if (h && *h == '/')
		return h;
	pw = getpwuid(getuid());
	return pw && pw->pw_dir && *pw->pw_dir == '/' ? pw->pw_dir : NULL;
}

int mkt_conf_dir(const struct mkt_conf *c, enum mkt_dir dir, struct mkt_buf *path,
		 struct mkt_err *err)
{
	static const struct {
		const char *setting, *env, *under_home;
	} rows[] = {
		[MKT_DIR_CONFIG] = {NULL, "XDG_CONFIG_HOME", ".config"},
		[MKT_DIR_DATA] = {"core.data", "XDG_DATA_HOME", ".local/share"},
		[MKT_DIR_STATE] = {"core.state", "XDG_STATE_HOME", ".local/state"},
	};
	const char *set = rows[dir].setting && c ? mkt_conf_get(c, rows[dir].setting) : NULL;
	const char *xdg = getenv(rows[dir].env), *h;

	if (set && *set) {
		mkt_buf_addstr(path, set);
	} else if (xdg && *xdg == '/') {
		mkt_buf_addf(path, "%s/mkt", xdg);
	} else {
		h = home();
		if (!h) {
			mkt_err_set(err, MKT_EUSAGE, "no home directory is known");
			mkt_err_hint(err, "set HOME or %s", rows[dir].setting ? rows[dir].setting :
				     rows[dir].env);
			return -MKT_EUSAGE;
		}
		mkt_buf_addf(path, "%s/%s/mkt", h, rows[dir].under_home);
	}
	return path->bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

static int load_builtin(struct mkt_conf *c)
{
	for (const struct mkt_setting *s = mkt_settings; s->name; s++)
		if (s->dflt && put(c, s->name, s->dflt, MKT_ORIGIN_BUILTIN, "built-in") < 0)
			return -MKT_ENOMEM;
	return 0;
}

static int load_environment(struct mkt_conf *c)
{
	for (const struct mkt_setting *s = mkt_settings; s->name; s++) {
		const char *v = s->env ? getenv(s->env) : NULL;
		char where[64];

		if (!v || !*v)
			continue;
		snprintf(where, sizeof(where), "environment:%s", s->env);
		if (put(c, s->name, v, MKT_ORIGIN_ENV, where) < 0)
			return -MKT_ENOMEM;
	}
	return 0;
}

static int load_user(struct mkt_conf *c, const char *file, struct mkt_err *err)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc;

	if (file)
		return load_file(c, file, MKT_ORIGIN_USER, err);
	rc = mkt_conf_dir(NULL, MKT_DIR_CONFIG, &path, NULL);
	if (rc == -MKT_EUSAGE)
		return 0; /* no home, no file: cron with an empty environment */
	mkt_buf_addstr(&path, "/config");
	if (!rc)
		rc = load_file(c, mkt_buf_str(&path), MKT_ORIGIN_USER, err);
	mkt_buf_release(&path);
	return rc == -MKT_ENOTFOUND ? 0 : rc;
}

int mkt_conf_load(struct mkt_conf *c, const char *file, struct mkt_err *err)
{
	int rc;

	if (load_builtin(c) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	rc = load_file(c, MKT_CONF_SITE, MKT_ORIGIN_SITE, err);
	if (!rc || rc == -MKT_ENOTFOUND)
		rc = load_user(c, file, err);
	if (rc == -MKT_ENOMEM)
		return rc;
	if (rc < 0) {
		if (err)
			err->code = MKT_EUSAGE;
		return -MKT_EUSAGE;
	}
	if (load_environment(c) < 0)
		return mkt_err_code(err, MKT_ENOMEM);
	return 0;
}

int mkt_conf_option(struct mkt_conf *c, const char *name, const char *value, struct mkt_err *err)
{
	int rc = put(c, name, value, MKT_ORIGIN_OPTION, "option");

	return rc < 0 ? mkt_err_code(err, -rc) : 0;
}

int mkt_conf_assign(struct mkt_conf *c, const char *text, struct mkt_err *err)
{
	const char *equals = strchr(text, '=');
	char *name;
	int rc;

	if (!equals || equals == text)
		return mkt_err_set(err, MKT_EUSAGE, "option '-c' needs name=value, not '%s'", text);
	name = strndup(text, (size_t)(equals - text));
	if (!name)
		return mkt_err_code(err, MKT_ENOMEM);
	if (mkt_setting_known(name)) {
		rc = mkt_conf_option(c, name, equals + 1, err);
	} else {
		rc = mkt_err_set(err, MKT_EUSAGE, "unknown setting '%s'", name);
		mkt_err_hint(err, "see 'mkt config list'");
	}
	free(name);
	return rc;
}
