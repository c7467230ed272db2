#include "core/base/compat.h"

#include <string.h>
#include <unistd.h>

#include "drivers/proto.h"

/* ---- told ---------------------------------------------------------------------------------- */

static void end_line(struct mkt_buf *out)
{
	mkt_buf_addch(out, '\n');
}

void drv_say_hello(struct mkt_buf *out, const struct drv_bus *b, const char *line, bool alone)
{
	size_t begin = out->len;

	mkt_buf_addf(out, "mkt-driverd %d", DRV_PROTOCOL);
	mkt_line_add(out, begin, "line", line);
	mkt_buf_addf(out, " pid=%ld devices=%u%s", (long)getpid(), b->n,
		     alone ? " private=yes" : "");
	mkt_line_add(out, begin, "port", b->port);
	end_line(out);
}

static void say_device(struct mkt_buf *out, const struct drv_unit *u)
{
	static const char *const maturity[] = {"experimental", "beta", "stable"};
	const struct drv_driver *d = u->dev.driver;
	const char *between = "";

	mkt_buf_addf(out, "device %s driver=%s maturity=%s kind=%s poll=%u caps=", u->conf.name,
		     d->name, maturity[d->maturity], mkt_dev_kind_word((int)u->dev.kind),
		     u->poll_ms);
	for (unsigned bit = 1; mkt_dev_cap_word(bit); bit <<= 1)
		if (u->dev.caps & bit) {
			mkt_buf_addf(out, "%s%s", between, mkt_dev_cap_word(bit));
			between = ",";
		}
	end_line(out);
}

/* Two lines: four texts of which each byte is escaped are too long for one. */
static void say_identity(struct mkt_buf *out, const struct drv_unit *u)
{
	const struct mkt_identity *id = &u->dev.id;
	size_t begin = out->len;

	mkt_buf_addf(out, "identity %s", u->conf.name);
	mkt_line_add(out, begin, "maker", id->maker);
	mkt_line_add(out, begin, "model", id->model);
	end_line(out);
	begin = out->len;
	mkt_buf_addf(out, "identity %s", u->conf.name);
	mkt_line_add(out, begin, "version", id->version);
	mkt_line_add(out, begin, "serial", id->serial);
	end_line(out);
}

static uint64_t age_of(uint64_t at_ms)
{
	uint64_t now = drv_now_ms();

	return now > at_ms ? now - at_ms : 0;
}

static void say_state(struct mkt_buf *out, const struct drv_unit *u)
{
	size_t begin = out->len;

	mkt_buf_addf(out, "state %s %s age=%llu", u->conf.name, mkt_dev_state_word((int)u->state),
		     (unsigned long long)age_of(u->since_ms));
	if (u->error_code)
		mkt_buf_addf(out, " code=%s", mkt_code_word(u->error_code));
	mkt_line_add(out, begin, "error", u->error);
	end_line(out);
}

/* A new line before one gets too long. */
static void say_readings(struct mkt_buf *out, const struct drv_unit *u, uint64_t since_ms)
{
	size_t begin = out->len;
	char one[96];

	for (int i = 0; i < MKT_READINGS; i++) {
		const struct mkt_value *v = &u->dev.r.v[i];
		int n = 0;

		if (v->known && (!since_ms || v->at_ms >= since_ms))
			n = snprintf(one, sizeof(one), " %s=%lld/%llu", mkt_reading_info[i].name,
				     (long long)v->value, (unsigned long long)age_of(v->at_ms));
		else if (!v->known && since_ms && u->told[i])
			n = snprintf(one, sizeof(one), " %s=-", mkt_reading_info[i].name);
		if (n <= 0)
			continue;
		if (out->len == begin || out->len - begin + (size_t)n >= MKT_LINE_MAX) {
			if (out->len != begin)
				end_line(out);
			begin = out->len;
			mkt_buf_addf(out, "reading %s", u->conf.name);
		}
		mkt_buf_addstr(out, one);
	}
	if (out->len != begin)
		end_line(out);
}

static void say_order(struct mkt_buf *out, const struct drv_unit *u, uint32_t client)
{
	const struct drv_hold *h = &u->hold;
	const struct mkt_setpoint none = {MKT_SET_NONE, 0};
	uint64_t now = drv_now_ms();

	mkt_buf_addf(out, "order %s", u->conf.name);
	mkt_line_add_set(out, "set", h->held ? &h->order.set : &none);
	if (h->held) {
		/* What is owed to the device is not in force, whatever was before. */
		mkt_line_add_set(out, "applied", h->send ? &none : &h->applied);
		mkt_buf_addf(out, " lease=%llu",
			     (unsigned long long)(h->ends_ms > now ? h->ends_ms - now : 0));
		if (h->order.stop_import_wh)
			mkt_buf_addf(out, " stop.import=%llu",
				     (unsigned long long)h->order.stop_import_wh);
		if (h->order.stop_export_wh)
			mkt_buf_addf(out, " stop.export=%llu",
				     (unsigned long long)h->order.stop_export_wh);
		mkt_buf_addf(out, " own=%s%s%s", client && h->owner == client ? "yes" : "no",
			     h->stopped ? " stopped=yes" : "", h->owner ? "" : " lost=yes");
	}
	mkt_buf_addf(out, "%s\n", h->safe ? " safe=owed" : "");
}

static void say_counters(struct mkt_buf *out, const struct drv_unit *u)
{
	static const char *const names[DRV_COUNTERS] = {
		"requests", "answers", "timeouts", "bad", "refusals", "strangers", "late",
		"reconnects",
	};

	mkt_buf_addf(out, "counters %s", u->conf.name);
	for (int i = 0; i < DRV_COUNTERS; i++)
		mkt_buf_addf(out, " %s=%llu", names[i], (unsigned long long)u->dev.counters[i]);
	mkt_buf_addf(out, " jump.import=%lld jump.export=%lld\n",
		     (long long)u->dev.doubt[0].jump_wh, (long long)u->dev.doubt[1].jump_wh);
}

void drv_say_unit(struct mkt_buf *out, const struct drv_unit *u, unsigned what, uint32_t client,
		  uint64_t since_ms)
{
	if (what & DRV_CH_IDENTITY) {
		say_device(out, u);
		say_identity(out, u);
	}
	if (what & DRV_CH_READINGS)
		say_readings(out, u, since_ms);
	if (what & DRV_CH_COUNTERS)
		say_counters(out, u);
	if (what & DRV_CH_ORDER)
		say_order(out, u, client);
	if (what & DRV_CH_STATE)
		say_state(out, u);
}

void drv_say_event(struct mkt_buf *out, const struct drv_unit *u, enum mkt_level level,
		   const char *text)
{
	size_t begin = out->len;
	const char *word = level <= MKT_LOG_ERROR ? "error" :
			   level == MKT_LOG_WARNING ? "warning" :
			   level == MKT_LOG_NOTICE ? "notice" : "info";

	mkt_buf_addf(out, "event %s level=%s", u ? u->conf.name : "-", word);
	mkt_line_add(out, begin, "text", text);
	end_line(out);
}

void drv_say_trace(struct mkt_buf *out, uint64_t begin_ms, uint64_t at_ms, char dir,
		   const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	do {
		size_t piece = n < DRV_TRACE_PIECE ? n : DRV_TRACE_PIECE;

		mkt_buf_addstr(out, "trace ");
		if (drv_trace_line(out, begin_ms, at_ms, dir, p, piece) < 0)
			return;
		if (!out->len || out->data[out->len - 1] != '\n')
			end_line(out);
		p += piece;
		n -= piece;
	} while (n);
}

static void add_wh(struct mkt_buf *out, const char *key, int64_t wh)
{
	if (wh < 0)
		mkt_buf_addf(out, " %s=-", key);
	else
		mkt_buf_addf(out, " %s=%lld", key, (long long)wh);
}

void drv_say_history(struct mkt_buf *out, uint32_t id, const struct drv_unit *u, uint64_t age_ms)
{
	for (uint32_t i = 0; i < u->nsamples; i++) {
		const struct drv_sample *s =
			&u->samples[(u->sample_at + DRV_SAMPLES - u->nsamples + i) % DRV_SAMPLES];
		uint64_t age = age_of(s->at_ms);

		if (age > age_ms)
			continue;
		mkt_buf_addf(out, "row %u age=%llu", id, (unsigned long long)age);
		add_wh(out, "import", s->import_wh);
		add_wh(out, "export", s->export_wh);
		end_line(out);
	}
}

void drv_say_done(struct mkt_buf *out, uint32_t id, int rc, const struct mkt_err *err)
{
	size_t begin = out->len;

	if (rc >= 0) {
		mkt_buf_addf(out, "ok %u\n", id);
		return;
	}
	mkt_buf_addf(out, "error %u %s", id, mkt_code_word(-rc));
	if (err) {
		if (err->hint[0] && strlen(err->text) + strlen(err->hint) < MKT_LINE_MAX / 3)
			mkt_line_add(out, begin, "hint", err->hint);
		mkt_line_add(out, begin, "text", err->text);
	}
	end_line(out);
}

/* ---- asked --------------------------------------------------------------------------------- */

struct verb {
	const char *word;
	bool name; /* of a device, after it */
};

static const struct verb verbs[] = {
	[DRV_V_PING] = {"ping", false},	      [DRV_V_REFRESH] = {"refresh", true},
	[DRV_V_ORDER] = {"order", true},      [DRV_V_RELEASE] = {"release", true},
	[DRV_V_HISTORY] = {"history", true},  [DRV_V_TRACE] = {"trace", false},
	[DRV_V_DRIVERS] = {"drivers", false}, [DRV_V_SCAN] = {"scan", false},
	[DRV_V_PROBE] = {"probe", false},
};

static int bad_value(const char *key, struct mkt_err *err)
{
	return mkt_err_set(err, MKT_EINVAL, "'%s' is missing or wrong", key);
}

static int parse_order(struct drv_request *r, struct mkt_err *err)
{
	const char *set = mkt_line_get(&r->line, "set");
	uint64_t lease;

	if (!set || !mkt_line_set(set, &r->order.set))
		return bad_value("set", err);
	if (mkt_line_u64(&r->line, "lease", UINT32_MAX, &lease) < 0)
		return bad_value("lease", err);
	r->order.lease_s = (uint32_t)lease;
	if (mkt_line_u64(&r->line, "stop.import", INT64_MAX / 4, &r->order.stop_import_wh) ==
	    -MKT_EINVAL)
		return bad_value("stop.import", err);
	if (mkt_line_u64(&r->line, "stop.export", INT64_MAX / 4, &r->order.stop_export_wh) ==
	    -MKT_EINVAL)
		return bad_value("stop.export", err);
	return 0;
}

static int parse_more(struct drv_request *r, struct mkt_err *err)
{
	switch (r->verb) {
	case DRV_V_ORDER:
		return parse_order(r, err);
	case DRV_V_HISTORY:
		r->since_ms = UINT64_MAX;
		if (mkt_line_u64(&r->line, "since", INT64_MAX, &r->since_ms) == -MKT_EINVAL)
			return bad_value("since", err);
		return 0;
	case DRV_V_TRACE:
		r->on = r->line.n > 2 && !strcmp(r->line.word[2], "on");
		if (!r->on && (r->line.n < 3 || strcmp(r->line.word[2], "off") != 0))
			return mkt_err_set(err, MKT_EINVAL, "'trace' is followed by on or off");
		return 0;
	default:
		return 0;
	}
}

int drv_request_parse(const char *text, size_t n, struct drv_request *out, struct mkt_err *err)
{
	struct mkt_line *l = &out->line;
	size_t verb = 0;
	int64_t id;

	out->id = 0;
	out->order = (struct mkt_order){0};
	out->name[0] = 0;
	if (mkt_line_split(l, text, n, err) < 0)
		return -MKT_EINVAL;
	if (!mkt_line_number(l->word[0], &id) || id < 0 || id > UINT32_MAX)
		return mkt_err_set(err, MKT_EINVAL, "a request begins with its number, not '%.32s'",
				   l->word[0]);
	out->id = (uint32_t)id;
	if (l->n < 2)
		return mkt_err_set(err, MKT_EINVAL, "no request after its number");
	while (verb < MKT_ARRAY_SIZE(verbs) && strcmp(verbs[verb].word, l->word[1]) != 0)
		verb++;
	if (verb == MKT_ARRAY_SIZE(verbs))
		return mkt_err_set(err, MKT_EINVAL, "there is no request '%.32s'", l->word[1]);
	out->verb = (enum drv_verb)verb;
	if (verbs[verb].name) {
		if (l->n < 3 || strlen(l->word[2]) > MKT_DEV_NAME_MAX)
			return mkt_err_set(err, MKT_EINVAL, "'%s' is followed by a device's name",
					   verbs[verb].word);
		memcpy(out->name, l->word[2], strlen(l->word[2]) + 1);
	}
	return parse_more(out, err);
}
