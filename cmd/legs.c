#include "core/base/compat.h"

#include "cmd/legs.h"
#include "core/base/file.h"
#include "core/units/fmt.h"
#include "core/units/parse.h"

#define FILE_BYTES_MAX (64u << 10) /* 256 legs of any spelling */

void mkt_leg_text(const struct mkt_session *s, const struct mkt_bid_leg *leg, struct mkt_buf *out)
{
	uint64_t start = (uint64_t)leg->window * s->facts.window_s;

	mkt_buf_addf(out, "%s (", mkt_fmt_window(&s->zone, start, s->facts.window_s).s);
	mkt_tags_text(&s->facts.tags, leg->tags, out);
	mkt_buf_addch(out, ')');
}

/* One price with its tags; @text is "green+lvm=25.5/kWh" or "25.5/kWh". */
struct offer {
	mkt_tags tags;
	int32_t price_upwh;
};

static int read_price(struct mkt_act *a, const char *text, int32_t *price)
{
	const struct mkt_facts *f = &a->s.facts;
	int rc = mkt_parse_price(text, f->currency, price, &a->s.app->err);

	return rc ? rc : mkt_check_tick(*price, f->tick_upwh, f->currency, &a->s.app->err);
}

static int read_tags(struct mkt_act *a, const char *text, size_t n, mkt_tags *tags)
{
	char names[MKT_DIMS_MAX * (MKT_NAME_MAX + 1)];

	*tags = 0;
	if (!n)
		return 0;
	if (n >= sizeof(names))
		return mkt_err_set(&a->s.app->err, MKT_EUSAGE, "the tags '%.40s...' are too long",
				   text);
	memcpy(names, text, n);
	names[n] = '\0';
	return mkt_tags_parse(&a->s.facts.tags, names, tags, &a->s.app->err);
}

static int read_offer(struct mkt_act *a, const char *text, struct offer *o)
{
	const char *eq = strchr(text, '=');
	int rc = read_tags(a, text, eq ? (size_t)(eq - text) : 0, &o->tags);

	return rc ? rc : read_price(a, eq ? eq + 1 : text, &o->price_upwh);
}

static int add(struct mkt_act *a, struct mkt_legs *legs, uint64_t start_s, const struct offer *o)
{
	if (legs->n == MKT_LEGS_MAX)
		return mkt_err_set(&a->s.app->err, MKT_EUSAGE, "a bid has at most %d legs",
				   MKT_LEGS_MAX);
	legs->v[legs->n++] = (struct mkt_bid_leg){
		.window = (uint32_t)(start_s / a->s.facts.window_s),
		.tags = o->tags,
		.price_upwh = o->price_upwh,
	};
	return 0;
}

static int add_windows(struct mkt_act *a, struct mkt_legs *legs, const char *text,
		       const struct offer *offers, size_t n)
{
	struct mkt_when when = mkt_session_when(&a->s, false);
	struct mkt_windows w;
	int rc = mkt_windows_parse(text, &when, &w, &a->s.app->err);

	for (uint32_t i = 0; !rc && i < w.count; i++)
		for (size_t k = 0; !rc && k < n; k++)
			rc = add(a, legs, w.first_s + (uint64_t)i * when.window_s, &offers[k]);
	return rc;
}

/* --at and --price: all with all. */
static int read_product(struct mkt_act *a, const struct mkt_leg_words *w, struct mkt_legs *legs)
{
	struct offer offers[MKT_LEGS_MAX];
	int rc = 0;

	if (!w->at->n && !w->price->n)
		return 0;
	if (!w->at->n || !w->price->n)
		return mkt_app_usage(a->s.app, "%s needs %s", w->at->n ? "--at" : "--price",
				     w->at->n ? "--price" : "--at");
	if (w->price->n > MKT_LEGS_MAX)
		return mkt_app_usage(a->s.app, "there are more than %d prices", MKT_LEGS_MAX);
	for (size_t i = 0; !rc && i < w->price->n; i++) {
		rc = read_offer(a, w->price->v[i], &offers[i]);
		if (!rc)
			mkt_act_note(a, "price %llx %d", (unsigned long long)offers[i].tags,
				     offers[i].price_upwh);
	}
	for (size_t i = 0; !rc && i < w->at->n; i++) {
		mkt_act_note(a, "at %s", w->at->v[i]);
		rc = add_windows(a, legs, w->at->v[i], offers, w->price->n);
	}
	return rc;
}

/* "WINDOWS,TAGS,PRICE" or "WINDOWS,PRICE"; @text is cut in pieces. */
static int read_leg(struct mkt_act *a, char *text, struct mkt_legs *legs)
{
	char *tags = strchr(text, ','), *price = tags ? strchr(tags + 1, ',') : NULL;
	struct offer o = {0};
	int rc = 0;

	if (!tags || (price && strchr(price + 1, ',')))
		return mkt_app_usage(a->s.app, "a leg is WINDOWS,TAGS,PRICE, not '%s'", text);
	*tags++ = '\0';
	if (price)
		*price++ = '\0';
	if (price)
		rc = read_tags(a, tags, strlen(tags), &o.tags);
	if (!rc)
		rc = read_price(a, price ? price : tags, &o.price_upwh);
	if (!rc)
		mkt_act_note(a, "leg %s %llx %d", text, (unsigned long long)o.tags, o.price_upwh);
	return rc ? rc : add_windows(a, legs, text, &o, 1);
}

/* The line that begins at *@at, without blanks around it; *@at moves on. */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');
	size_t n;

	*at = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	line += strspn(line, " \t\r");
	line[strcspn(line, "#")] = '\0';
	for (n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--)
		line[n - 1] = '\0';
	return line;
}

static int read_file(struct mkt_act *a, const char *file, struct mkt_legs *legs)
{
	struct mkt_buf b = MKT_BUF_INIT;
	int rc = mkt_file_read(file, FILE_BYTES_MAX, &b, &a->s.app->err);
	char *at = b.len ? (char *)b.data : NULL;

	if (!rc && at && strlen(at) != b.len)
		rc = mkt_err_set(&a->s.app->err, MKT_EUSAGE, "'%s' is not text", file);
	for (unsigned n = 1; !rc && at && *at; n++) {
		char *line = next_line(&at);

		if (*line)
			rc = read_leg(a, line, legs);
		if (rc)
			mkt_err_wrap(&a->s.app->err, "%s, line %u", file, n);
	}
	mkt_buf_release(&b);
	return rc;
}

int mkt_legs_read(struct mkt_act *a, const struct mkt_leg_words *w, struct mkt_legs *legs)
{
	int rc;

	legs->n = 0;
	rc = read_product(a, w, legs);
	for (size_t i = 0; !rc && i < w->leg->n; i++) {
		char *text = strdup(w->leg->v[i]);

		rc = text ? read_leg(a, text, legs) : mkt_err_code(&a->s.app->err, MKT_ENOMEM);
		free(text);
	}
	if (!rc && w->file)
		rc = read_file(a, w->file, legs);
	if (!rc && !legs->n)
		rc = mkt_app_usage(a->s.app,
				   "a bid needs a leg: --at and --price, --leg or --legs");
	return rc;
}
