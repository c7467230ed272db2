/*
 * mkt charge run: the loop.  One thread; it sleeps until a device, the chain, a
 * person or the calendar has news.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/charge.h"
#include "core/base/file.h"

#define HOLD_MS 55000 /* a simulated calendar waits so long for devices that are away */
#define AGAIN_MS 200   /* what is tried again so soon is waited for ... */
#define AGAIN_MAX 300  /* ... so many times */
#define SLEEP_MAX_MS 15000
#define LEDGER_RETRY_MS 2000
#define COMPACT_BYTES (1u << 20)
#define KEEP_DECISIONS 2000 /* of people's records, when the journal is compacted */
#define KEEP_WINDOWS_S (7 * 86400)

#define V struct charge_run_values

/* ---- journal ------------------------------------------------------------------------------ */

int charge_state_dir(struct mkt_app *app, struct mkt_buf *path, bool make)
{
	int rc = mkt_conf_dir(&app->conf, MKT_DIR_STATE, path, &app->err);

	mkt_buf_addstr(path, "/charge");
	if (!rc && path->bad)
		rc = mkt_err_code(&app->err, MKT_ENOMEM);
	return rc || !make ? rc : mkt_dir_make(mkt_buf_str(path), 0700, &app->err);
}

int charge_keep(struct charge *c, struct mkt_buf *record, bool sync)
{
	struct mkt_err *err = &c->app->err;
	int rc = record->bad
			 ? mkt_err_code(err, MKT_ENOMEM)
			 : mkt_journal_add(c->journal, mkt_buf_str(record), record->len, sync, err);

	if (!rc)
		rc = mkt_duties_apply(&c->duties, record->data, record->len, err);
	mkt_buf_release(record);
	return rc;
}

void charge_note(struct charge *c, const char *dev, uint64_t window_s, const char *fmt, ...)
{
	char text[MKT_DUTY_TEXT_MAX + 1];
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->app->opt.verbose)
		mkt_app_warn(c->app, "%s%s%s", dev ? dev : "", dev ? ": " : "", text);
	mkt_duty_put_note(&b, c->now_ms, dev, window_s, text);
	/* A note that is lost changes nothing. */
	if (!b.bad)
		(void)!mkt_journal_add(c->journal, mkt_buf_str(&b), b.len, false, &err);
	mkt_buf_release(&b);
}

static int replay(void *arg, const char *record, size_t n)
{
	struct charge *c = arg;

	return mkt_duties_apply(&c->duties, record, n, &c->app->err);
}

static int check_site(struct charge *c)
{
	struct mkt_buf b = MKT_BUF_INIT;

	if (!c->duties.has_site) {
		mkt_duty_put_site(&b, c->now_ms, c->s.facts.chain.b, c->s.account);
		return charge_keep(c, &b, true);
	}
	if (c->duties.account == c->s.account &&
	    !memcmp(c->duties.chain, c->s.facts.chain.b, sizeof(c->duties.chain)))
		return 0;
	mkt_err_set(&c->app->err, MKT_ECONFLICT,
		    "the journal is of another account or chain: account #%u", c->duties.account);
	mkt_err_hint(&c->app->err, "give each account a state directory: -c core.state=DIR");
	return -MKT_ECONFLICT;
}

static int open_journal(struct charge *c)
{
	struct mkt_buf path = MKT_BUF_INIT;
	int rc = charge_state_dir(c->app, &path, true);

	if (!rc) {
		c->state_fd = open(mkt_buf_str(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (c->state_fd < 0)
			rc = mkt_err_sys(&c->app->err, MKT_EIO, errno, "cannot open '%s'",
					 mkt_buf_str(&path));
	}
	mkt_buf_addstr(&path, "/journal");
	if (!rc)
		rc = mkt_journal_open(mkt_buf_str(&path), replay, c, &c->journal, &c->app->err);
	if (!rc && mkt_journal_damaged(c->journal))
		mkt_app_warn(c->app,
			     "the journal was damaged; what could not be read is in '%s.damaged'",
			     mkt_buf_str(&path));
	mkt_buf_release(&path);
	return rc ? rc : check_site(c);
}

/* The last records that are only for people. */
struct told {
	struct mkt_buf lines;
	size_t n;
};

static int keep_told(void *arg, const char *record, size_t n)
{
	struct told *t = arg;

	if (!memmem(record, n, "\"k\":\"plan\"", 10) && !memmem(record, n, "\"k\":\"note\"", 10))
		return 0;
	mkt_buf_add(&t->lines, record, n);
	mkt_buf_addch(&t->lines, '\n');
	t->n++;
	return t->lines.bad ? -MKT_ENOMEM : 0;
}

/* State first, then what is told: a reader sees decisions in their order. */
static int compact(struct charge *c)
{
	struct mkt_buf path = MKT_BUF_INIT, all = MKT_BUF_INIT;
	struct told t = {.lines = MKT_BUF_INIT};
	const char *from;
	int rc = charge_state_dir(c->app, &path, false);

	mkt_duties_trim(&c->duties,
			c->now_ms / 1000 > KEEP_WINDOWS_S ? c->now_ms / 1000 - KEEP_WINDOWS_S : 0);
	mkt_buf_addstr(&path, "/journal");
	mkt_duties_dump(&c->duties, c->now_ms, &all);
	if (!rc)
		rc = mkt_journal_read(mkt_buf_str(&path), keep_told, &t, &c->app->err);
	from = mkt_buf_str(&t.lines);
	for (; t.n > KEEP_DECISIONS && *from; t.n--)
		from = strchr(from, '\n') + 1;
	mkt_buf_addstr(&all, from);
	if (!rc && all.bad)
		rc = mkt_err_code(&c->app->err, MKT_ENOMEM);
	if (!rc)
		rc = mkt_journal_replace(c->journal, &all, &c->app->err);
	mkt_buf_release(&path);
	mkt_buf_release(&all);
	mkt_buf_release(&t.lines);
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* The ledger may come up after us. */
static int open_session(struct charge *c, bool once)
{
	bool told = false;

	for (;;) {
		int rc = mkt_session_open(&c->s, c->app, MKT_NEED_KEY);

		if (rc != -MKT_EUNAVAILABLE || once || mkt_app_stopped())
			return rc;
		if (!told)
			mkt_app_warn(c->app, "%s; waiting for it", c->app->err.text);
		told = true;
		poll(NULL, 0, LEDGER_RETRY_MS);
		c->app->deadline_ms = mkt_app_mono_ms() + LEDGER_RETRY_MS;
	}
}

static int open_poster(struct charge *c)
{
	struct mkt_client_conf conf;

	mkt_session_client_conf(c->app, &conf);
	conf.connect_ms = 500;
	return mkt_client_new(&conf, &c->poster, &c->app->err);
}

static int open_all(struct charge *c, const struct charge_run_values *v)
{
	char name[32];
	int rc = mkt_clock_open(v->clock, &c->clock, &c->app->err);

	if (!rc)
		rc = open_session(c, v->once);
	if (rc)
		return rc;
	c->now_ms = mkt_clock_now_ms(c->clock);
	snprintf(name, sizeof(name), "charge #%u", c->s.account);
	rc = open_journal(c);
	if (!rc)
		rc = charge_feed_open(c);
	if (!rc)
		rc = charge_site_open(c, v->where.devices);
	if (!rc)
		rc = charge_ctl_open(c);
	if (!rc)
		rc = open_poster(c);
	if (!rc)
		rc = mkt_clock_join(c->clock, name, &c->app->err);
	if (!rc && !c->nchargers)
		mkt_app_warn(c->app, "no charger is enrolled for the account: all devices of the "
				     "site are used, reports name none");
	return rc;
}

static void close_all(struct charge *c)
{
	charge_ctl_close(c);
	charge_site_close(c);
	mkt_stream_free(c->stream);
	mkt_client_free(c->poster);
	mkt_journal_close(c->journal);
	mkt_duties_release(&c->duties);
	if (c->state_fd >= 0)
		close(c->state_fd);
	if (c->s.client)
		mkt_session_close(&c->s);
	mkt_clock_close(c->clock);
}

/* ---- turns -------------------------------------------------------------------------------- */

/* What a turn is done in: decide if there is reason to, report, tell. */
static int turn(struct charge *c)
{
	uint64_t last = c->now_ms;
	int rc;

	charge_site_turn(c);
	charge_ctl_turn(c);
	rc = charge_feed(c, 0);
	c->now_ms = mkt_clock_now_ms(c->clock);
	if (c->now_ms < last) /* the calendar was set back: nothing is done twice, but it is told */
		charge_note(c, NULL, 0, "the calendar went back by %llu s",
			    (unsigned long long)(last - c->now_ms) / 1000);
	if (!rc && (c->due || c->now_ms >= c->wake_ms || c->now_ms < last))
		rc = charge_decide(c);
	if (!rc)
		rc = charge_report(c);
	if (!rc)
		charge_publish(c);
	if (!rc && mkt_journal_size(c->journal) > COMPACT_BYTES)
		rc = compact(c);
	return rc;
}

static bool reports_wait(const struct charge *c)
{
	for (uint32_t i = 0; i < c->duties.n; i++)
		if (c->duties.v[i].side[0].report == MKT_DUTY_SENT ||
		    c->duties.v[i].side[1].report == MKT_DUTY_SENT)
			return true;
	return false;
}

/* How long there is surely nothing to do, ms. */
static int quiet_ms(const struct charge *c, bool connected)
{
	uint64_t until = c->wake_ms > c->now_ms ? c->wake_ms - c->now_ms : 0;

	if (c->due)
		return 0;
	if (until > SLEEP_MAX_MS)
		until = SLEEP_MAX_MS;
	if ((c->busy || reports_wait(c) || !connected) && until > CHARGE_TICK_MS)
		until = CHARGE_TICK_MS;
	for (uint32_t i = 0; i < c->nlines; i++)
		if (!c->lines[i].client && until > CHARGE_TICK_MS)
			until = CHARGE_TICK_MS;
	return (int)until;
}

/* A device's news are reason to decide when they may change the answer. */
static void wake_by_devices(struct charge *c, const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents)
			c->due = true;
}

static void wait_news(struct charge *c)
{
	struct pollfd fds[MKT_LINES_MAX + 2];
	nfds_t n = 0, devices;
	int stream = mkt_stream_fd(c->stream);

	for (uint32_t i = 0; i < c->nlines; i++)
		if (c->lines[i].client)
			fds[n++] = (struct pollfd){mkt_devc_fd(c->lines[i].client), POLLIN, 0};
	devices = n;
	if (c->listen_fd >= 0)
		fds[n++] = (struct pollfd){c->listen_fd, POLLIN, 0};
	if (stream >= 0)
		fds[n++] = (struct pollfd){stream, POLLIN, 0};
	poll(fds, n, quiet_ms(c, stream >= 0));
	wake_by_devices(c, fds, devices);
	if (c->busy && c->wake_ms > c->now_ms + CHARGE_TICK_MS)
		c->wake_ms = c->now_ms + CHARGE_TICK_MS;
}

static int run_system(struct charge *c, bool once)
{
	int rc;

	do {
		rc = turn(c);
		if (!rc && !once && !mkt_app_stopped())
			wait_news(c);
	} while (!rc && !once && !mkt_app_stopped());
	return rc;
}

/* On a shared calendar ---------------------------------------------------------------------- */

/*
 * Is somebody away who may come back soon, or is an order tried again in a moment?
 * Time stands for a while.
 */
static bool hold(const struct charge *c)
{
	uint64_t mono = mkt_app_mono_ms();

	for (uint32_t i = 0; i < c->ndevices; i++) {
		const struct charge_device *d = &c->devices[i];

		if (d->missing_ms && mono < d->missing_ms + HOLD_MS)
			return true;
		if (mono < d->failed_ms && d->failed_ms - mono <= AGAIN_MS &&
		    d->failures < AGAIN_MAX)
			return true;
	}
	return false;
}

/* Blocks up to @height have been taken in, within a moment. */
static int catch_up(struct charge *c, uint64_t height, bool *seen)
{
	uint64_t until = mkt_app_mono_ms() + 200;
	int rc = 0;

	while (!rc && c->height < height && mkt_app_mono_ms() < until && !mkt_app_stopped())
		rc = charge_feed(c, until);
	*seen = c->height >= height;
	return rc;
}

static int run_simulated(struct charge *c, bool once)
{
	int rc = 0;

	c->due = true;
	while (!rc && !mkt_app_stopped()) {
		uint64_t height = mkt_clock_height(c->clock);
		uint64_t now = mkt_clock_now_ms(c->clock);
		bool seen = false;

		rc = catch_up(c, height, &seen);
		c->due |= hold(c);
		if (!rc)
			rc = turn(c);
		if (rc || c->now_ms != now)
			continue;
		if (seen && !c->due && !hold(c)) {
			mkt_clock_idle(c->clock, now, height, c->wake_ms);
			if (once)
				break;
			mkt_clock_wait(c->clock, 50);
		} else if (seen) {
			poll(NULL, 0, 5);
			c->due = true; /* what was waited for may be over */
		}
	}
	return rc;
}

int charge_run(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct charge_run_values *v = values;
	struct charge *c = calloc(1, sizeof(*c));
	int rc;

	(void)argc, (void)argv;
	if (!c)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	c->app = app;
	c->state_fd = c->listen_fd = -1;
	c->due = true;
	mkt_app_catch_signals();
	rc = open_all(c, v);
	if (!rc) {
		charge_note(c, NULL, 0, "mkt charge run begins");
		rc = mkt_clock_simulated(c->clock) ? run_simulated(c, v->once)
						   : run_system(c, v->once);
	}
	close_all(c);
	free(c);
	/* SIGTERM is how it is stopped. */
	return rc;
}
