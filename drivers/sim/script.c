/* Lines of a script: times, units, verbs. */
#include "core/base/compat.h"

#include "drivers/sim/script.h"
#include "drivers/sim/sim.h"

#define BLANKS " \t\r\n"

bool sim_number(const char *s, size_t n, uint64_t *value)
{
	uint64_t v = 0;

	if (!n || n > 15)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*value = v;
	return true;
}

/* Seconds with up to three decimals, as ms. */
static bool seconds(const char *s, size_t n, uint64_t *ms)
{
	const char *dot = memchr(s, '.', n);
	size_t whole = dot ? (size_t)(dot - s) : n, digits = dot ? n - whole - 1 : 0;
	uint64_t part = 0;

	if (!sim_number(s, whole, ms) || *ms > UINT64_MAX / 2000)
		return false;
	if (dot && (digits > 3 || !sim_number(dot + 1, digits, &part)))
		return false;
	for (size_t i = digits; i < 3; i++)
		part *= 10;
	*ms = *ms * 1000 + part;
	return true;
}

/* The next word at *@s; its length, 0 at the end. */
static size_t word(const char **s)
{
	*s += strspn(*s, BLANKS);
	return strcspn(*s, BLANKS);
}

static int take_time(const char **s, uint64_t now_ms, struct sim_event *e, struct mkt_err *err)
{
	size_t n = word(s);
	const char *t = *s + 1;
	bool relative = n > 1 && *t == '+';
	uint64_t ms;

	e->at_ms = now_ms;
	if (**s != '@')
		return 0;
	if (n < 2 || !seconds(t + relative, n - 1 - relative, &ms))
		return mkt_err_set(err, MKT_EUSAGE, "'%.*s' is no time: @UNIXSECONDS or @+SECONDS",
				   (int)(n < 40 ? n : 40), *s);
	e->at_ms = relative ? now_ms + ms : ms;
	*s += n;
	return 0;
}

static int take_unit(const char **s, struct sim_event *e, struct mkt_err *err)
{
	size_t n = word(s);
	uint64_t unit;

	e->unit = 0;
	if (n < 5 || memcmp(*s, "unit=", 5) != 0)
		return 0;
	if (!sim_number(*s + 5, n - 5, &unit) || unit < 1 || unit > UINT16_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "'%.*s' is no unit",
				   (int)(n < 40 ? n : 40), *s);
	e->unit = (uint16_t)unit;
	*s += n;
	return 0;
}

static int take_rest(const char *s, struct sim_event *e, struct mkt_err *err)
{
	size_t n, len = 0;

	e->rest[0] = '\0';
	while ((n = word(&s)) > 0 && *s != '#') {
		if (len + n + 1 > SIM_ARGS_MAX)
			return mkt_err_set(err, MKT_EUSAGE, "more than %d characters after '%s'",
					   SIM_ARGS_MAX, e->verb);
		if (len)
			e->rest[len++] = ' ';
		memcpy(e->rest + len, s, n);
		len += n;
		e->rest[len] = '\0';
		s += n;
	}
	return 1;
}

int sim_script_parse(const char *line, size_t n, uint64_t now_ms, struct sim_event *out,
		     struct mkt_err *err)
{
	char text[256];
	const char *s = text;
	int r;

	if (n >= sizeof(text))
		return mkt_err_set(err, MKT_EUSAGE, "a line of more than %zu characters",
				   sizeof(text) - 1);
	if (memchr(line, '\0', n))
		return mkt_err_set(err, MKT_EUSAGE, "a line with a NUL in it");
	memcpy(text, line, n);
	text[n] = '\0';
	if (!word(&s) || *s == '#')
		return 0;
	r = take_time(&s, now_ms, out, err);
	if (r >= 0)
		r = take_unit(&s, out, err);
	if (r < 0)
		return r;
	n = word(&s);
	if (!n || *s == '#')
		return mkt_err_set(err, MKT_EUSAGE, "nothing is to happen");
	if (n > SIM_VERB_MAX)
		return mkt_err_set(err, MKT_EUSAGE, "'%.40s' is no verb", s);
	memcpy(out->verb, s, n);
	out->verb[n] = '\0';
	return take_rest(s + n, out, err);
}

int sim_events_add(struct sim_events *q, const struct sim_event *e, struct mkt_err *err)
{
	size_t i = q->n;

	if (q->n == SIM_EVENTS_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "more than %d events wait", SIM_EVENTS_MAX);
	if (q->n == q->room) {
		size_t room = q->room ? 2 * q->room : 16;
		struct sim_event *v = realloc(q->v, room * sizeof(*v));

		if (!v)
			return mkt_err_code(err, MKT_ENOMEM);
		q->v = v;
		q->room = room;
	}
	while (i && q->v[i - 1].at_ms > e->at_ms)
		i--;
	memmove(q->v + i + 1, q->v + i, (q->n - i) * sizeof(*q->v));
	q->v[i] = *e;
	q->n++;
	return 0;
}

bool sim_events_take(struct sim_events *q, uint64_t now_ms, struct sim_event *out)
{
	if (sim_events_next(q) > now_ms)
		return false;
	*out = q->v[0];
	q->n--;
	memmove(q->v, q->v + 1, q->n * sizeof(*q->v));
	return true;
}

uint64_t sim_events_next(const struct sim_events *q)
{
	return q->n ? q->v[0].at_ms : UINT64_MAX;
}

void sim_events_release(struct sim_events *q)
{
	free(q->v);
	*q = (struct sim_events){0};
}

/* Does the word of @n bytes at @s begin with "@name="?  Then what follows. */
static bool named(const char *s, size_t n, const char *name, uint64_t *value)
{
	size_t len = strlen(name);

	return n > len + 1 && !memcmp(s, name, len) && s[len] == '=' &&
	       sim_number(s + len + 1, n - len - 1, value);
}

bool sim_arg(const char *rest, const char *name, uint64_t *value)
{
	size_t n;

	for (; (n = word(&rest)) > 0; rest += n)
		if (named(rest, n, name, value))
			return true;
	return false;
}

int sim_args_check(const char *rest, const char *const *names, struct mkt_err *err)
{
	uint64_t value;
	size_t n;

	for (; (n = word(&rest)) > 0; rest += n) {
		const char *const *name = names;

		while (*name && !named(rest, n, *name, &value))
			name++;
		if (!*name)
			return mkt_err_set(err, MKT_EUSAGE, "'%.*s' is not understood here",
					   (int)n, rest);
	}
	return 0;
}
