#include "core/base/compat.h"

#include "core/app/opt.h"
#include "core/app/suggest.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"

/* Where a name or letter was found. */
struct match {
	const char *name; /* what was typed, without dashes and value */
	size_t len;
	char letter;
	bool prefixes;

	const struct mkt_opt *row;
	void *base;
	bool negated;
	unsigned hits; /* rows that the prefix fits */
	struct mkt_suggest near;
};

static void *field(const struct mkt_opt *o, void *base)
{
	return (char *)base + o->at;
}

static bool is_boolean(const struct mkt_opt *o)
{
	return o->kind == MKT_OPT_FLAG || o->kind == MKT_OPT_TRI;
}

static bool takes_value(const struct mkt_opt *o)
{
	return !is_boolean(o) && o->kind != MKT_OPT_COUNT && !o->bare;
}

/* ---- values ------------------------------------------------------------------------------- */

static int set_word(const struct mkt_opt *o, int *out, const char *shown, const char *text,
		    struct mkt_err *err)
{
	const char *w = o->metavar;
	size_t len = strlen(text);

	for (int place = 1; *w; place++) {
		size_t n = strcspn(w, "|");

		if (n == len && !memcmp(w, text, n)) {
			*out = place;
			return 0;
		}
		w += n;
		if (*w == '|')
			w++;
	}
	mkt_err_set(err, MKT_EUSAGE, "%s cannot be '%s'", shown, text);
	mkt_err_hint(err, "one of %s", o->metavar);
	return -MKT_EUSAGE;
}

/* Digits only: no sign, blank, base prefix or rest.  False if it is not, or does not fit. */
static bool read_digits(const char *s, size_t n, int64_t *out)
{
	int64_t v = 0;

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s[i] - '0', &v))
			return false;
	}
	*out = v;
	return true;
}

static int set_uint(const struct mkt_opt *o, struct mkt_num *out, const char *shown,
		    const char *text, struct mkt_err *err)
{
	int64_t v;

	if (!read_digits(text, strlen(text), &v))
		return mkt_err_set(err, MKT_EUSAGE, "%s needs a whole number, not '%s'", shown,
				   text);
	if ((o->min || o->max) && (v < o->min || v > o->max))
		return mkt_err_set(err, MKT_EUSAGE, "%s must be from %lld to %lld", shown,
				   (long long)o->min, (long long)o->max);
	*out = (struct mkt_num){v, true};
	return 0;
}

/* A bound as one may write it. */
static struct mkt_text as_written(uint8_t kind, int64_t v)
{
	if (kind == MKT_OPT_POWER)
		return mkt_fmt_power((int32_t)v);
	if (kind == MKT_OPT_ENERGY)
		return mkt_fmt_energy((uint64_t)v);
	return mkt_fmt_duration((uint64_t)v);
}

/* The one parser of units reads it; here the option's name is put before its sentence. */
static int set_quantity(const struct mkt_opt *o, struct mkt_num *out, const char *shown,
			const char *text, struct mkt_err *err)
{
	uint64_t u = 0;
	int32_t power_w = 0;
	int64_t v;
	int rc;

	if (o->kind == MKT_OPT_POWER)
		rc = mkt_parse_power(text, &power_w, err);
	else if (o->kind == MKT_OPT_ENERGY)
		rc = mkt_parse_energy(text, &u, err);
	else
		rc = mkt_parse_duration(text, &u, err);
	v = o->kind == MKT_OPT_POWER ? power_w : u > INT64_MAX ? INT64_MAX : (int64_t)u;
	if (rc < 0)
		return mkt_err_wrap(err, "%s", shown);
	if ((o->min || o->max) && (v < o->min || v > o->max)) {
		mkt_err_set(err, MKT_EINVAL, "%s: '%s' is out of range", shown, text);
		mkt_err_hint(err, "from %s to %s", as_written(o->kind, o->min).s,
			     as_written(o->kind, o->max).s);
		return -MKT_EINVAL;
	}
	*out = (struct mkt_num){v, true};
	return 0;
}

static int add_to_list(struct mkt_list *l, const char *text, struct mkt_err *err)
{
	const char **v = realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v)
		return mkt_err_code(err, MKT_ENOMEM);
	v[l->n++] = text;
	l->v = v;
	return 0;
}

static int set_bool(const struct mkt_opt *o, void *at, const char *shown, const char *text,
		    struct mkt_err *err)
{
	bool yes = !strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "1");
	bool no = !strcmp(text, "no") || !strcmp(text, "false") || !strcmp(text, "0");

	if (!yes && !no)
		return mkt_err_set(err, MKT_EUSAGE, "%s must be yes or no, not '%s'", shown, text);
	if (o->kind == MKT_OPT_FLAG)
		*(bool *)at = yes;
	else
		*(enum mkt_tri *)at = yes ? MKT_YES : MKT_NO;
	return 0;
}

int mkt_opt_value(const struct mkt_opt *o, void *base, const char *shown, const char *text,
		  struct mkt_err *err)
{
	void *at = field(o, base);

	switch (o->kind) {
	case MKT_OPT_FLAG:
	case MKT_OPT_TRI:
		return set_bool(o, at, shown, text, err);
	case MKT_OPT_COUNT:
		++*(int *)at;
		return 0;
	case MKT_OPT_TEXT:
	case MKT_OPT_FILE:
		*(const char **)at = text;
		return 0;
	case MKT_OPT_LIST:
		return add_to_list(at, text, err);
	case MKT_OPT_WORD:
		return set_word(o, at, shown, text, err);
	case MKT_OPT_UINT:
		return set_uint(o, at, shown, text, err);
	case MKT_OPT_DURATION:
	case MKT_OPT_ENERGY:
	case MKT_OPT_POWER:
		return set_quantity(o, at, shown, text, err);
	default:
		return mkt_err_set(err, MKT_EINTERNAL, "option table: kind %d", o->kind);
	}
}

int mkt_opt_defaults(const struct mkt_opt *rows, void *base, struct mkt_err *err)
{
	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		int rc = 0;

		if (o->kind == MKT_OPT_GROUP)
			rc = mkt_opt_defaults(o->rows, field(o, base), err);
		else if (o->dflt)
			rc = mkt_opt_value(o, base, o->name, o->dflt, err);
		if (rc < 0)
			return mkt_err_set(err, MKT_EINTERNAL, "default of option '%s'", o->name);
	}
	return 0;
}

void mkt_opt_release(const struct mkt_opt *rows, void *base)
{
	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		if (o->kind == MKT_OPT_GROUP) {
			mkt_opt_release(o->rows, field(o, base));
		} else if (o->kind == MKT_OPT_LIST) {
			struct mkt_list *l = field(o, base);

			free(l->v);
			*l = (struct mkt_list){NULL, 0};
		}
	}
}

/* ---- required ----------------------------------------------------------------------------- */

static bool is_given(const struct mkt_opt *o, const void *base)
{
	const void *at = (const char *)base + o->at;

	switch (o->kind) {
	case MKT_OPT_TEXT:
	case MKT_OPT_FILE:
		return *(const char *const *)at != NULL;
	case MKT_OPT_LIST:
		return ((const struct mkt_list *)at)->n != 0;
	case MKT_OPT_WORD:
		return *(const int *)at != 0;
	case MKT_OPT_FLAG:
	case MKT_OPT_TRI:
	case MKT_OPT_COUNT:
		return true;
	default:
		return ((const struct mkt_num *)at)->given;
	}
}

int mkt_opt_missing(const struct mkt_opt *rows, const void *base, struct mkt_err *err)
{
	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		if (o->kind == MKT_OPT_GROUP) {
			int rc = mkt_opt_missing(o->rows, (const char *)base + o->at, err);

			if (rc < 0)
				return rc;
		} else if (o->required && !is_given(o, base)) {
			mkt_err_set(err, MKT_EUSAGE, "option '--%s' is missing", o->name);
			mkt_err_hint(err, "--%s %s: %s", o->name, o->metavar, o->help);
			return -MKT_EUSAGE;
		}
	}
	return 0;
}

/* ---- finding ------------------------------------------------------------------------------ */

/* Try one spelling of one row.  Returns true when it is exact: the search is over. */
static bool try_name(struct match *m, const struct mkt_opt *o, void *base, const char *name,
		     bool negated)
{
	bool begins = !strncmp(m->name, name, m->len);

	if (begins && !name[m->len]) {
		*m = (struct match){.row = o, .base = base, .negated = negated, .hits = 1};
		return true;
	}
	if (begins && m->prefixes) {
		/* A flag and its opposite are two options: "--no" fits every flag. */
		m->hits++;
		m->row = o;
		m->base = base;
		m->negated = negated;
	}
	if (!negated && !o->hidden)
		mkt_suggest_offer(&m->near, name);
	return false;
}

static bool find_name(struct match *m, const struct mkt_opt *rows, void *base)
{
	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		char opposite[64];

		if (o->kind == MKT_OPT_GROUP) {
			if (find_name(m, o->rows, field(o, base)))
				return true;
			continue;
		}
		if (!o->name)
			continue;
		if (try_name(m, o, base, o->name, false))
			return true;
		if (!is_boolean(o))
			continue;
		if (!strncmp(o->name, "no-", 3))
			snprintf(opposite, sizeof(opposite), "%s", o->name + 3);
		else
			snprintf(opposite, sizeof(opposite), "no-%s", o->name);
		if (try_name(m, o, base, opposite, true))
			return true;
	}
	return false;
}

static bool find_letter(struct match *m, const struct mkt_opt *rows, void *base)
{
	for (const struct mkt_opt *o = rows; o && o->kind != MKT_OPT_END; o++) {
		if (o->kind == MKT_OPT_GROUP) {
			if (find_letter(m, o->rows, field(o, base)))
				return true;
		} else if (o->letter == m->letter) {
			m->row = o;
			m->base = base;
			return true;
		}
	}
	return false;
}

/* ---- parsing ------------------------------------------------------------------------------ */

/* The arguments not yet looked at. */
struct words {
	char **v;
	int n;
	int at;
};

static int apply_switch(const struct match *m, const char *shown, struct mkt_err *err)
{
	const struct mkt_opt *o = m->row;
	char first[64];

	if (is_boolean(o))
		return mkt_opt_value(o, m->base, shown, m->negated ? "no" : "yes", err);
	if (o->kind == MKT_OPT_COUNT)
		return mkt_opt_value(o, m->base, shown, "", err);
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(o->metavar, "|"), o->metavar);
	return mkt_opt_value(o, m->base, shown, first, err);
}

static int apply(const struct match *m, struct words *w, const char *value, const char *shown,
		 struct mkt_err *err)
{
	const struct mkt_opt *o = m->row;

	if (!value && !takes_value(o))
		return apply_switch(m, shown, err);
	if (value && (is_boolean(o) || o->kind == MKT_OPT_COUNT))
		return mkt_err_set(err, MKT_EUSAGE, "%s takes no value", shown);
	if (!value) {
		if (w->at >= w->n) {
			mkt_err_set(err, MKT_EUSAGE, "%s needs a value", shown);
			mkt_err_hint(err, "it is %s: %s", o->metavar, o->help);
			return -MKT_EUSAGE;
		}
		value = w->v[w->at++];
	}
	return mkt_opt_value(o, m->base, shown, value, err);
}

static int unknown_name(const struct match *m, struct mkt_err *err)
{
	if (m->hits > 1) {
		mkt_err_set(err, MKT_EUSAGE, "option '--%.*s' is ambiguous", (int)m->len, m->name);
		return -MKT_EUSAGE;
	}
	mkt_err_set(err, MKT_EUSAGE, "unknown option '--%.*s'", (int)m->len, m->name);
	if (m->near.n)
		mkt_err_hint(err, "did you mean '--%s'?", m->near.near[0]);
	return -MKT_EUSAGE;
}

static int parse_long(struct mkt_opt_parse *p, struct words *w, const char *text,
		      struct mkt_err *err)
{
	const char *equals = strchr(text, '=');
	char typed[MKT_SUGGEST_WORD_MAX + 1], shown[MKT_SUGGEST_WORD_MAX + 8];
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	struct match m = {.name = text, .len = len, .prefixes = p->prefixes};

	snprintf(typed, sizeof(typed), "%.*s", (int)len, text);
	m.near.typed = typed;
	for (int i = 0; i < MKT_OPT_SETS_MAX; i++)
		if (find_name(&m, p->sets[i].rows, p->sets[i].base))
			break;
	if (m.hits != 1)
		return unknown_name(&m, err);
	snprintf(shown, sizeof(shown), "option '--%s'", m.row->name);
	return apply(&m, w, equals ? equals + 1 : NULL, shown, err);
}

static int parse_letters(struct mkt_opt_parse *p, struct words *w, const char *text,
			 struct mkt_err *err)
{
	while (*text) {
		struct match m = {.letter = *text++};
		char shown[16];
		const char *value = NULL;
		int rc;

		snprintf(shown, sizeof(shown), "option '-%c'", m.letter);
		for (int i = 0; i < MKT_OPT_SETS_MAX && !m.row; i++)
			find_letter(&m, p->sets[i].rows, p->sets[i].base);
		if (!m.row)
			return mkt_err_set(err, MKT_EUSAGE, "unknown %s", shown);
		if (takes_value(m.row) && *text) {
			value = text;
			text += strlen(text);
		}
		rc = apply(&m, w, value, shown, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int mkt_opt_parse(struct mkt_opt_parse *p, int argc, char **argv, struct mkt_err *err)
{
	struct words w = {argv, argc, 0};
	int kept = 0;

	while (w.at < w.n) {
		char *word = w.v[w.at];
		int rc;

		if (word[0] != '-' || !word[1]) {
			if (p->stop_at_arg)
				break;
			argv[kept++] = word;
			w.at++;
			continue;
		}
		w.at++;
		if (!strcmp(word, "--")) {
			p->ended = true;
			break;
		}
		rc = word[1] == '-' ? parse_long(p, &w, word + 2, err)
				    : parse_letters(p, &w, word + 1, err);
		if (rc < 0)
			return rc;
	}
	while (w.at < w.n)
		argv[kept++] = w.v[w.at++];
	return kept;
}
