/* mkt device record and replay: the bytes of a line, and a driver on them. */
#include "core/base/compat.h"

#include <errno.h>

#include "cmd/device.h"
#include "cmd/tables.h"
#include "core/base/file.h"

/* ---- record --------------------------------------------------------------------------------- */

struct recording {
	struct mkt_device d;
	const char *file; /* NULL: standard output */
	struct mkt_buf text;
	uint64_t lines;
};

/* With a file all is kept until the end: a command that fails leaves none. */
static void keep(void *arg, const char *line, size_t n)
{
	struct recording *r = arg;

	r->lines++;
	if (r->file) {
		mkt_buf_add(&r->text, line, n);
		mkt_buf_addch(&r->text, '\n');
	} else {
		mkt_out_raw(&r->d.app->out, line, n);
		mkt_out_raw(&r->d.app->out, "\n", 1);
		mkt_out_flush(&r->d.app->out);
	}
}

static int listen_until(struct recording *r, uint64_t until_ms)
{
	struct mkt_app *app = r->d.app;
	uint64_t now_ms = mkt_app_mono_ms();
	struct mkt_progress p;
	int rc = 0;

	mkt_app_progress(app, &p, "recording lines");
	while (rc >= 0 && now_ms < until_ms && !mkt_app_stopped() && !r->text.bad &&
	       !mkt_out_failed(&app->out)) {
		rc = mkt_device_listen(&r->d, until_ms - now_ms < 500 ? until_ms - now_ms : 500);
		now_ms = mkt_app_mono_ms();
		mkt_progress_update(&p, r->lines, 0, now_ms);
	}
	mkt_progress_end(&p);
	return rc < 0 ? rc : 0;
}

static int save(struct recording *r)
{
	struct mkt_app *app = r->d.app;
	int rc;

	if (r->text.bad)
		return mkt_err_code(&app->err, MKT_ENOMEM);
	if (!r->lines)
		return mkt_err_set(&app->err, MKT_EDEVTIMEOUT, "nothing passed on '%s'", r->d.port);
	if (!r->file)
		return 0;
	rc = mkt_file_write(r->file, r->text.data, r->text.len,
			    (struct mkt_file_how){0644, false}, &app->err);
	if (rc >= 0 && !app->opt.quiet && mkt_for_people(app))
		mkt_out_say(&app->out, "%llu lines in %s\n", (unsigned long long)r->lines, r->file);
	return rc;
}

int mkt_device_record(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct mkt_device_record_values *v = values;
	struct recording r = {.file = v->output};
	uint64_t until_ms = UINT64_MAX;
	int rc;

	(void)argc;
	r.d.app = app;
	r.d.opts = &v->reach;
	r.d.traced = true;
	if (r.file && !strcmp(r.file, "-"))
		r.file = NULL;
	mkt_app_catch_signals();
	rc = mkt_device_open(&r.d, argv[0]);
	if (rc >= 0)
		rc = mkt_devc_trace(r.d.c, true, keep, &r, app->deadline_ms, &app->err);
	if (v->time.given)
		until_ms = mkt_app_mono_ms() + (uint64_t)v->time.v;
	if (rc >= 0)
		rc = listen_until(&r, until_ms);
	if (rc >= 0)
		rc = save(&r);
	mkt_buf_release(&r.text);
	mkt_device_close(&r.d);
	return rc;
}

/* ---- replay --------------------------------------------------------------------------------- */

static const struct mkt_doc replay_doc = {
	"device", 1, {&mkt_device_table, &mkt_reading_table}, false};

#define SETTLE_MS 300 /* after the last bytes: what the driver makes of them */

/* What the trace of the replay tells. */
struct replaying {
	struct mkt_device d;
	unsigned differences;
	char difference[MKT_ERR_TEXT_MAX];
	bool ended;
};

static void hear(void *arg, const char *line, size_t n)
{
	struct replaying *p = arg;
	const char *remark = memmem(line, n, " # ", 3);
	size_t len = remark ? n - (size_t)(remark - line) - 3 : 0;

	if (!remark)
		return;
	remark += 3;
	if (len >= 3 && !memcmp(remark, "not", 3)) {
		if (!p->ended && !p->differences++)
			snprintf(p->difference, sizeof(p->difference), "%.*s", (int)len, remark);
	} else if (memmem(remark, len, "has ended", 9)) {
		p->ended = true;
	}
}

/* Passes, one after another, until the recording has no more to say, or says otherwise. */
static int play(struct replaying *p)
{
	struct mkt_app *app = p->d.app;
	int r = mkt_devc_trace(p->d.c, true, hear, p, app->deadline_ms, &app->err);

	if (r >= 0)
		r = mkt_device_wait_ready(&p->d);
	while (!r && !p->ended && !p->differences && !mkt_app_stopped() && mkt_app_left_ms(app)) {
		r = mkt_devc_refresh(p->d.c, p->d.name, app->deadline_ms, &app->err);
		r = r < 0 ? r : 0;
		if (r && (p->ended || p->differences)) {
			memset(&app->err, 0, sizeof(app->err));
			r = 0;
		}
	}
	return r;
}

static int print_replay(struct replaying *p)
{
	struct mkt_out *o = &p->d.app->out;
	const struct mkt_dev_view *v = mkt_device_view(&p->d);
	int r = mkt_out_open(o, &replay_doc, &p->d.app->err);

	if (r < 0 || !v)
		return r;
	mkt_out_part(o, &mkt_device_table);
	mkt_device_row(o, &p->d, v);
	mkt_out_part(o, &mkt_reading_table);
	mkt_device_readings(o, v);
	mkt_out_close(o);
	return 0;
}

int mkt_device_replay(struct mkt_app *app, void *values, int argc, char **argv)
{
	const struct mkt_device_opts *opts = values;
	struct replaying p = {.differences = 0};
	struct mkt_buf port = MKT_BUF_INIT;
	int r;

	(void)argc;
	p.d.app = app;
	p.d.opts = opts;
	p.d.traced = true;
	if (!opts->driver)
		return mkt_app_usage(app, "which driver? --driver NAME");
	mkt_buf_addf(&port, "replay:%s", argv[0]);
	r = mkt_device_open(&p.d, mkt_buf_str(&port));
	if (r >= 0)
		r = play(&p);
	if (!r)
		r = print_replay(&p);
	if (p.differences)
		mkt_app_warn(app, "the driver asked otherwise than the recording %u times: %s",
			     p.differences, p.difference);
	mkt_buf_release(&port);
	mkt_device_close(&p.d);
	return r;
}
