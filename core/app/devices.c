/* devices.conf: a table of settings for each kind of section, then what must hold between them. */
#include "core/base/compat.h"

#include <ctype.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/app/devices.h"
#include "core/units/parse.h"


/* ---- values -------------------------------------------------------------------------------- */

enum value {
	V_TEXT,	    /* @max bytes */
	V_NAME,	    /* of a section */
	V_COUNT8,   /* @min .. @max */
	V_COUNT16,
	V_COUNT32,
	V_CURRENT,  /* mA */
	V_POWER,    /* W */
	V_VOLTAGE,  /* mV */
	V_MS,	    /* @min .. @max */
	V_SECONDS,
	V_SHARE,    /* permille */
	V_BOOL,
	V_PARITY,
	V_EXIT,
	V_SIGN,
};

struct setting {
	const char *name;
	enum value kind;
	size_t at;
	uint32_t min, max;
};

#define AT_LINE(f) offsetof(struct mkt_line_conf, f)
#define AT_DEV(f) offsetof(struct mkt_device_conf, f)
#define AT_CIRCUIT(f) offsetof(struct mkt_circuit_conf, f)
#define TEXT_OF(S, f) sizeof(((struct S *)0)->f) - 1

static const struct setting line_settings[] = {
	{"port", V_TEXT, AT_LINE(port), 0, TEXT_OF(mkt_line_conf, port)},
	{"speed", V_COUNT32, AT_LINE(speed), 50, 4000000},
	{"parity", V_PARITY, AT_LINE(parity), 0, 0},
	{"data_bits", V_COUNT8, AT_LINE(data_bits), 7, 8},
	{"stop_bits", V_COUNT8, AT_LINE(stop_bits), 1, 2},
	{"pause", V_MS, AT_LINE(pause_ms), 0, 2000},
	{"echo", V_BOOL, AT_LINE(echo), 0, 0},
	{NULL, V_TEXT, 0, 0, 0},
};

static const struct setting device_settings[] = {
	{"line", V_NAME, AT_DEV(line), 0, 0},
	{"driver", V_NAME, AT_DEV(driver), 0, 0},
	{"unit", V_COUNT16, AT_DEV(unit), 1, UINT16_MAX},
	{"serial", V_TEXT, AT_DEV(serial), 0, MKT_DEV_TEXT_MAX},
	{"charger", V_TEXT, AT_DEV(charger), 0, MKT_CHARGER_MAX},
	{"circuit", V_NAME, AT_DEV(circuit), 0, 0},
	{"phases", V_COUNT8, AT_DEV(phases), 1, 3},
	{"voltage", V_VOLTAGE, AT_DEV(nominal_mv), 100, 500},
	{"max", V_CURRENT, AT_DEV(max_ma), 1000, 400000},
	{"max_power", V_POWER, AT_DEV(max_w), 1, 1000000},
	{"failsafe", V_CURRENT, AT_DEV(failsafe_ma), 0, 400000},
	{"watchdog", V_SECONDS, AT_DEV(watchdog_s), 5, 3600},
	{"poll", V_MS, AT_DEV(poll_ms), 200, 3600000},
	{"lost", V_SECONDS, AT_DEV(lost_s), 0, 86400},
	{"exit", V_EXIT, AT_DEV(exit), 0, 0},
	{"soc_min", V_SHARE, AT_DEV(soc_min), 0, 1000},
	{"soc_max", V_SHARE, AT_DEV(soc_max), 0, 1000},
	{"efficiency", V_SHARE, AT_DEV(efficiency), 100, 1000},
	{"meter_sign", V_SIGN, AT_DEV(meter_sign), 0, 0},
	{"secret", V_TEXT, AT_DEV(secret), 0, TEXT_OF(mkt_device_conf, secret)},
	{NULL, V_TEXT, 0, 0, 0},
};

static const struct setting circuit_settings[] = {
	{"max", V_CURRENT, AT_CIRCUIT(max_ma), 1000, 10000000},
	{"phases", V_COUNT8, AT_CIRCUIT(phases), 1, 3},
	{NULL, V_TEXT, 0, 0, 0},
};

static const struct setting site_settings[] = {
	{"sockets", V_TEXT, offsetof(struct mkt_devices, sockets), 0,
	 TEXT_OF(mkt_devices, sockets)},
	{NULL, V_TEXT, 0, 0, 0},
};

/* Letters, digits, '-' and '_'; what names a charger on the ledger besides. */
static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > MKT_DEV_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
			return false;
	return true;
}

static int set_text(char *at, const struct setting *s, const char *text, struct mkt_err *err)
{
	size_t n = strlen(text);

	if (s->kind == V_NAME && !name_ok(text))
		return mkt_err_set(err, MKT_EUSAGE,
				   "'%s' is '%s', which is no name of up to %d letters, digits, "
				   "'-' and '_'", s->name, text, MKT_DEV_NAME_MAX);
	if (s->kind == V_TEXT && n > s->max)
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is longer than %u bytes", s->name,
				   s->max);
	memcpy(at, text, n + 1);
	return 0;
}

static int word_of(const struct setting *s, const char *text, const char *const *words,
		   struct mkt_err *err)
{
	int i = 0;

	for (; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	return mkt_err_set(err, MKT_EUSAGE, "'%s' is '%s', not %s%s%s%s%s", s->name, text, words[0],
			   i > 2 ? ", " : " or ", words[1], i > 2 ? " or " : "",
			   i > 2 ? words[2] : "");
}

static int set_word(void *at, const struct setting *s, const char *text, struct mkt_err *err)
{
	static const char *const bools[] = {"no", "yes", NULL};
	static const char *const parities[] = {"none", "even", "odd", NULL};
	static const char *const exits[] = {"pause", "keep", "auto", NULL};
	static const char *const signs[] = {"normal", "reversed", NULL};
	int i = word_of(s, text, s->kind == V_BOOL     ? bools :
				 s->kind == V_PARITY ? parities :
				 s->kind == V_EXIT   ? exits : signs, err);

	if (i < 0)
		return i;
	switch (s->kind) {
	case V_BOOL:
		*(bool *)at = i == 1;
		break;
	case V_PARITY:
		*(char *)at = "NEO"[i];
		break;
	case V_EXIT:
		*(enum mkt_exit_state *)at = (enum mkt_exit_state)i;
		break;
	default:
		*(int8_t *)at = i ? -1 : 1;
		break;
	}
	return 0;
}

/* "230V": volts, whole. */
static int parse_voltage(const char *text, uint64_t *mv, struct mkt_err *err)
{
	char digits[16];
	size_t n = strlen(text);

	if (n < 2 || n >= sizeof(digits) || text[n - 1] != 'V')
		return mkt_err_set(err, MKT_EINVAL, "voltage '%s' is not as 230V", text);
	memcpy(digits, text, n - 1);
	digits[n - 1 - (text[n - 2] == ' ')] = 0;
	if (mkt_parse_count(digits, 1, 1000, mv, err) < 0)
		return -MKT_EINVAL;
	return 0;
}

/* In the unit of @s->min and @s->max. */
static int parse_number(const struct setting *s, const char *text, uint64_t *out,
			struct mkt_err *err)
{
	uint32_t u = 0;
	int32_t i = 0;
	int rc;

	switch (s->kind) {
	case V_CURRENT:
		rc = mkt_parse_current(text, &u, err);
		*out = u;
		return rc;
	case V_POWER:
		rc = mkt_parse_power(text, &i, err);
		*out = i < 0 ? UINT64_MAX : (uint64_t)i;
		return rc;
	case V_SHARE:
		rc = mkt_parse_share(text, 1000, &u, err);
		*out = u;
		return rc;
	case V_VOLTAGE:
		return parse_voltage(text, out, err);
	case V_MS:
		return mkt_parse_duration(text, out, err);
	case V_SECONDS:
		rc = mkt_parse_duration(text, out, err);
		if (rc >= 0 && *out % 1000)
			return mkt_err_set(err, MKT_EINVAL, "'%s' is not a number of seconds",
					   text);
		*out /= 1000;
		return rc;
	default:
		return mkt_parse_count(text, s->min, s->max, out, err);
	}
}

static const char *unit_of(enum value kind)
{
	switch (kind) {
	case V_CURRENT:
		return " mA";
	case V_POWER:
		return " W";
	case V_VOLTAGE:
		return " V";
	case V_MS:
		return " ms";
	case V_SECONDS:
		return " s";
	case V_SHARE:
		return " permille";
	default:
		return "";
	}
}

static int set_number(void *at, const struct setting *s, const char *text, struct mkt_err *err)
{
	struct mkt_err why;
	uint64_t v = 0;

	if (parse_number(s, text, &v, &why) < 0) {
		mkt_err_set(err, MKT_EUSAGE, "'%s': %s", s->name, why.text);
		mkt_err_hint(err, "%s", why.hint);
		return -MKT_EUSAGE;
	}
	if (v < s->min || v > s->max)
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is '%s', but must be %u to %u%s", s->name,
				   text, s->min, s->max, unit_of(s->kind));
	if (s->kind == V_COUNT8)
		*(uint8_t *)at = (uint8_t)v;
	else if (s->kind == V_COUNT16 || s->kind == V_SHARE)
		*(uint16_t *)at = (uint16_t)v;
	else
		*(uint32_t *)at = (uint32_t)(s->kind == V_VOLTAGE ? v * 1000 : v);
	return 0;
}

static int set(void *row, const struct setting *settings, const char *section, const char *key,
	       const char *text, struct mkt_err *err)
{
	const struct setting *s = settings;

	while (s->name && strcmp(s->name, key) != 0)
		s++;
	if (!s->name)
		return mkt_err_set(err, MKT_EUSAGE, "there is no setting '%s' in [%s]", key,
				   section);
	switch (s->kind) {
	case V_TEXT:
	case V_NAME:
		return set_text((char *)row + s->at, s, text, err);
	case V_BOOL:
	case V_PARITY:
	case V_EXIT:
	case V_SIGN:
		return set_word((char *)row + s->at, s, text, err);
	default:
		return set_number((char *)row + s->at, s, text, err);
	}
}

/* ---- sections ------------------------------------------------------------------------------ */

void mkt_line_defaults(struct mkt_line_conf *l)
{
	*l = (struct mkt_line_conf){.pause_ms = UINT32_MAX};
}

void mkt_device_defaults(struct mkt_device_conf *d)
{
	*d = (struct mkt_device_conf){
		.phases = 1,
		.nominal_mv = 230000,
		.lost_s = 60,
		.exit = MKT_EXIT_PAUSE,
		.soc_min = 100,
		.soc_max = 1000,
		.efficiency = 850,
		.meter_sign = 1,
	};
}

const struct mkt_line_conf *mkt_devices_line(const struct mkt_devices *d, const char *name)
{
	for (uint32_t i = 0; i < d->nlines; i++)
		if (!strcmp(d->lines[i].name, name))
			return &d->lines[i];
	return NULL;
}

const struct mkt_device_conf *mkt_devices_device(const struct mkt_devices *d, const char *name)
{
	for (uint32_t i = 0; i < d->ndevices; i++)
		if (!strcmp(d->devices[i].name, name))
			return &d->devices[i];
	return NULL;
}

const struct mkt_circuit_conf *mkt_devices_circuit(const struct mkt_devices *d, const char *name)
{
	for (uint32_t i = 0; i < d->ncircuits; i++)
		if (!strcmp(d->circuits[i].name, name))
			return &d->circuits[i];
	return NULL;
}

int mkt_line_setting(struct mkt_line_conf *l, const char *name, const char *value,
		     struct mkt_err *err)
{
	return set(l, line_settings, "line", name, value, err);
}

int mkt_device_setting(struct mkt_device_conf *d, const char *name, const char *value,
		       struct mkt_err *err)
{
	return set(d, device_settings, "device", name, value, err);
}

static int full(const char *what, uint32_t max, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EUSAGE, "more than %u %s", max, what);
}

static int set_line(struct mkt_devices *d, const char *name, const char *section, const char *key,
		    const char *text, struct mkt_err *err)
{
	struct mkt_line_conf *l = (struct mkt_line_conf *)mkt_devices_line(d, name);

	if (!l) {
		if (d->nlines == MKT_LINES_MAX)
			return full("lines", MKT_LINES_MAX, err);
		l = &d->lines[d->nlines++];
		mkt_line_defaults(l);
		snprintf(l->name, sizeof(l->name), "%s", name);
	}
	return set(l, line_settings, section, key, text, err);
}

static int set_device(struct mkt_devices *d, const char *name, const char *section, const char *key,
		      const char *text, struct mkt_err *err)
{
	struct mkt_device_conf *dev = (struct mkt_device_conf *)mkt_devices_device(d, name);

	if (!dev) {
		if (d->ndevices == MKT_DEVICES_MAX)
			return full("devices", MKT_DEVICES_MAX, err);
		dev = &d->devices[d->ndevices++];
		mkt_device_defaults(dev);
		snprintf(dev->name, sizeof(dev->name), "%s", name);
	}
	return set(dev, device_settings, section, key, text, err);
}

static int set_circuit(struct mkt_devices *d, const char *name, const char *section,
		       const char *key, const char *text, struct mkt_err *err)
{
	struct mkt_circuit_conf *c = (struct mkt_circuit_conf *)mkt_devices_circuit(d, name);

	if (!c) {
		if (d->ncircuits == MKT_CIRCUITS_MAX)
			return full("circuits", MKT_CIRCUITS_MAX, err);
		c = &d->circuits[d->ncircuits++];
		*c = (struct mkt_circuit_conf){.phases = 1};
		snprintf(c->name, sizeof(c->name), "%s", name);
	}
	return set(c, circuit_settings, section, key, text, err);
}

/* One entry, "device.ev-03.line". */
static int take(struct mkt_devices *d, const struct mkt_conf_entry *e, struct mkt_err *err)
{
	char section[64], *name;
	const char *key = strrchr(e->name, '.');
	size_t n = key ? (size_t)(key - e->name) : 0;

	if (!key || n >= sizeof(section))
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is in no section that there is", e->name);
	memcpy(section, e->name, n);
	section[n] = 0;
	key++;
	if (!strcmp(section, "site"))
		return set(d, site_settings, section, key, e->value, err);
	name = strchr(section, '.');
	if (name && !name_ok(name + 1))
		return mkt_err_set(err, MKT_EUSAGE,
				   "[%s]: a name has 1 to %d letters, digits, '-' and '_'", section,
				   MKT_DEV_NAME_MAX);
	if (name && !strncmp(section, "line.", 5))
		return set_line(d, name + 1, section, key, e->value, err);
	if (name && !strncmp(section, "device.", 7))
		return set_device(d, name + 1, section, key, e->value, err);
	if (name && !strncmp(section, "circuit.", 8))
		return set_circuit(d, name + 1, section, key, e->value, err);
	return mkt_err_set(err, MKT_EUSAGE,
			   "[%s] is neither [site] nor [line.NAME], [device.NAME], [circuit.NAME]",
			   section);
}

/* ---- what must hold ------------------------------------------------------------------------ */

static int check_line(const struct mkt_devices *d, const struct mkt_line_conf *l,
		      struct mkt_err *err)
{
	if (!l->port[0])
		return mkt_err_set(err, MKT_EUSAGE, "[line.%s] has no 'port'", l->name);
	for (const struct mkt_line_conf *o = d->lines; o < l; o++)
		if (!strcmp(o->port, l->port))
			return mkt_err_set(err, MKT_EUSAGE,
					   "[line.%s] and [line.%s] have the same port '%s'",
					   o->name, l->name, l->port);
	return 0;
}

static int check_twins(const struct mkt_device_conf *a, const struct mkt_device_conf *b,
		       struct mkt_err *err)
{
	if (!strcmp(a->line, b->line) && a->unit == b->unit &&
	    (a->unit || !strcmp(a->driver, b->driver)))
		return mkt_err_set(err, MKT_EUSAGE,
				   "[device.%s] and [device.%s] have the same line and unit",
				   a->name, b->name);
	if (!strcmp(a->charger, b->charger))
		return mkt_err_set(err, MKT_EUSAGE,
				   "[device.%s] and [device.%s] are both the charger '%s'", a->name,
				   b->name, a->charger);
	return 0;
}

static int check_device(const struct mkt_devices *d, const struct mkt_device_conf *dev,
			struct mkt_err *err)
{
	const char *lacks = !dev->line[0] ? "line" : !dev->driver[0] ? "driver" : NULL;
	int rc = 0;

	if (lacks)
		return mkt_err_set(err, MKT_EUSAGE, "[device.%s] has no '%s'", dev->name, lacks);
	if (!mkt_devices_line(d, dev->line))
		return mkt_err_set(err, MKT_EUSAGE, "[device.%s]: there is no [line.%s]", dev->name,
				   dev->line);
	if (dev->circuit[0] && !mkt_devices_circuit(d, dev->circuit))
		return mkt_err_set(err, MKT_EUSAGE, "[device.%s]: there is no [circuit.%s]",
				   dev->name, dev->circuit);
	if (dev->soc_min >= dev->soc_max)
		return mkt_err_set(err, MKT_EUSAGE, "[device.%s]: 'soc_min' is not below 'soc_max'",
				   dev->name);
	if (dev->max_ma && dev->failsafe_ma > dev->max_ma)
		return mkt_err_set(err, MKT_EUSAGE, "[device.%s]: 'failsafe' is above 'max'",
				   dev->name);
	for (const struct mkt_device_conf *o = d->devices; o < dev && rc >= 0; o++)
		rc = check_twins(o, dev, err);
	return rc;
}

static int check(struct mkt_devices *d, struct mkt_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < d->nlines && rc >= 0; i++)
		rc = check_line(d, &d->lines[i], err);
	for (uint32_t i = 0; i < d->ncircuits && rc >= 0; i++)
		if (!d->circuits[i].max_ma)
			rc = mkt_err_set(err, MKT_EUSAGE, "[circuit.%s] has no 'max'",
					 d->circuits[i].name);
	for (uint32_t i = 0; i < d->ndevices && rc >= 0; i++) {
		struct mkt_device_conf *dev = &d->devices[i];

		if (!dev->charger[0])
			memcpy(dev->charger, dev->name, sizeof(dev->charger));
		rc = check_device(d, dev, err);
	}
	if (rc >= 0 && d->sockets[0] != '/')
		rc = mkt_err_set(err, MKT_EUSAGE, "'sockets' is '%s', which is no path from the "
				 "root", d->sockets);
	return rc;
}

/* ---- the file ------------------------------------------------------------------------------ */

static int read_file(struct mkt_devices *d, const char *file, struct mkt_err *err)
{
	struct mkt_conf conf = MKT_CONF_INIT;
	int rc = mkt_conf_read(&conf, file, err);

	for (size_t i = 0; i < conf.n && rc >= 0; i++) {
		const char *where = conf.entries[i].where;

		rc = take(d, &conf.entries[i], err);
		if (rc < 0)
			mkt_err_wrap(err, "%s", strncmp(where, "file:", 5) ? where : where + 5);
	}
	/* Names outside of sections. */
	if (rc >= 0 && conf.warnings.len)
		rc = mkt_err_set(err, MKT_EUSAGE, "%.*s",
				 (int)strcspn(mkt_buf_str(&conf.warnings), "\n"),
				 mkt_buf_str(&conf.warnings));
	if (rc >= 0) {
		rc = check(d, err);
		if (rc < 0)
			mkt_err_wrap(err, "%s", file);
	}
	mkt_conf_release(&conf);
	return rc;
}

/* The file to read without being told one, in @path. */
static int usual_file(struct mkt_buf *path, struct mkt_err *err)
{
	const char *env = getenv("MKT_DEVICES");
	struct mkt_err ignored;

	if (env && *env) {
		mkt_buf_addstr(path, env);
	} else if (mkt_conf_dir(NULL, MKT_DIR_CONFIG, path, &ignored) >= 0) {
		mkt_buf_addstr(path, "/devices.conf");
		if (!path->bad && access(mkt_buf_str(path), F_OK) < 0)
			mkt_buf_clear(path);
	}
	if (!path->len)
		mkt_buf_addstr(path, MKT_DEVICES_SITE);
	return path->bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

int mkt_devices_read(const char *file, struct mkt_devices **out, struct mkt_err *err)
{
	struct mkt_buf path = MKT_BUF_INIT;
	struct mkt_devices *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return mkt_err_code(err, MKT_ENOMEM);
	memcpy(d->sockets, MKT_SOCKETS, sizeof(MKT_SOCKETS));
	rc = file ? 0 : usual_file(&path, err);
	if (rc >= 0)
		rc = read_file(d, file ? file : mkt_buf_str(&path), err);
	mkt_buf_release(&path);
	if (rc < 0) {
		free(d);
		return rc;
	}
	*out = d;
	return 0;
}

int mkt_devices_socket(const struct mkt_devices *d, const char *line, char *path, size_t size)
{
	struct sockaddr_un sa;
	int n = snprintf(path, size, "%s/%s.sock", d->sockets, line);

	return n < 0 || (size_t)n >= size || (size_t)n >= sizeof(sa.sun_path) ? -MKT_ELIMIT : 0;
}
