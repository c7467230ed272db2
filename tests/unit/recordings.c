/*
 * Recorded lines against drivers: tests/drivers/DRIVER-WHAT.log is a trace of a
 * line, DRIVER-WHAT.chk what the driver is told to do and what it must make of
 * the bytes:
 *
 *	> open
 *	identity Voltronic|5000 VA, 48 V, off grid|PI30|9293333010501
 *	caps mode soc
 *	> poll
 *	power 1500
 *	> set mode 3
 *	applied mode 3
 *	> safe
 *	ok
 *
 * To record: write the lines that begin with '>' to the .chk, then
 *
 *	RECORD=/dev/ttyUSB0 build/tests/unit/recordings pi30-axpert
 *
 * in the tree's folder does them on that port and writes both files.  SECRET=FILE
 * has the credentials for a driver that needs some.
 */
#include "core/base/compat.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "drivers/driver.h"

#define FOLDER "tests/drivers/"
#define TEXT_MAX (1u << 20)
#define BUSY_MS 50 /* between calls of what is busy, when recording */

struct play {
	struct mkt_device_conf conf;
	struct drv_device d;
	struct mkt_err err;
	struct mkt_buf trace, said;
	uint64_t calendar_ms; /* an hour a step: counters may move */
	uint64_t begin_ms;
	unsigned differences;
};

static void on_trace(void *arg, uint64_t at_ms, char dir, const void *bytes, size_t n)
{
	struct play *p = arg;

	if (dir == '#' && n > 3 && !memcmp(bytes, "not", 3) && !p->differences++)
		print_error("%.*s\n", (int)n, (const char *)bytes);
	if (dir == '#' && n > 6 && !memcmp(bytes, "line /", 6))
		return; /* a port of this machine is nobody's business */
	if (!p->begin_ms)
		p->begin_ms = at_ms;
	assert_int_equal(drv_trace_line(&p->trace, p->begin_ms, at_ms, dir, bytes, n), 0);
}

static uint64_t calendar(void *arg)
{
	const struct play *p = arg;

	return p->calendar_ms;
}

/* ---- steps -------------------------------------------------------------------------------- */

static void say_caps(struct play *p)
{
	mkt_buf_addf(&p->said, "identity %s|%s|%s|%s\ncaps", p->d.id.maker, p->d.id.model,
		     p->d.id.version, p->d.id.serial);
	for (unsigned bit = 1; mkt_dev_cap_word(bit); bit <<= 1)
		if (p->d.caps & bit)
			mkt_buf_addf(&p->said, " %s", mkt_dev_cap_word(bit));
	mkt_buf_addstr(&p->said, "\n");
}

static void say_readings(struct play *p)
{
	for (unsigned i = 0; i < MKT_READINGS; i++)
		if (p->d.r.v[i].known)
			mkt_buf_addf(&p->said, "%s %lld\n", mkt_reading_info[i].name,
				     (long long)p->d.r.v[i].value);
	if (p->d.faulty)
		mkt_buf_addf(&p->said, "fault: %s\n", p->d.fault);
}

static int call(struct play *p, const char *step, struct mkt_setpoint *set,
		struct mkt_setpoint *applied)
{
	const struct drv_driver *drv = p->d.driver;

	if (!strcmp(step, "open"))
		return drv->open(&p->d, &p->err);
	if (!strcmp(step, "poll"))
		return drv->poll(&p->d, &p->err);
	if (!strcmp(step, "safe"))
		return drv->safe_state(&p->d, &p->err);
	return drv->command(&p->d, set, applied, &p->err);
}

static void parse_set(const char *step, struct mkt_setpoint *set)
{
	static const char *const kinds[] = {"none", "current", "power", "mode"};
	char kind[16];
	int value;

	assert_int_equal(sscanf(step, "set %15s %d", kind, &value), 2);
	for (int k = 1; k < 4; k++)
		if (!strcmp(kinds[k], kind))
			*set = (struct mkt_setpoint){(enum mkt_set)k, value};
	assert_int_not_equal(set->kind, MKT_SET_NONE);
}

static void run_step(struct play *p, const char *step)
{
	struct mkt_setpoint set = {MKT_SET_NONE, 0}, applied = set;
	uint64_t end_ms = drv_now_ms() + 60000;
	int r;

	if (!strncmp(step, "set ", 4))
		parse_set(step, &set);
	mkt_buf_addf(&p->said, "> %s\n", step);
	p->calendar_ms += 3600000;
	while ((r = call(p, step, &set, &applied)) == -MKT_EBUSY && drv_now_ms() < end_ms) {
		if (getenv("RECORD"))
			drv_sleep_ms(BUSY_MS);
		if (p->d.priv && p->d.driver->input)
			assert_true(p->d.driver->input(&p->d, &p->err) >= 0);
	}
	if (r < 0)
		mkt_buf_addf(&p->said, "error %s: %s\n", mkt_code_word(-r), p->err.text);
	else if (!strcmp(step, "open"))
		say_caps(p);
	else if (!strcmp(step, "poll"))
		say_readings(p);
	else if (set.kind)
		mkt_buf_addf(&p->said, "applied %.*s %d\n", (int)strcspn(step + 4, " "), step + 4,
			     applied.value);
	else
		mkt_buf_addstr(&p->said, "ok\n");
}

/* ---- one recording ------------------------------------------------------------------------ */

/* The driver whose name @name begins with, as far as a dash. */
static const struct drv_driver *driver_of(const char *name)
{
	const struct drv_driver *found = NULL;

	for (size_t i = 0; drv_drivers[i]; i++) {
		size_t n = strlen(drv_drivers[i]->name);

		if (!strncmp(name, drv_drivers[i]->name, n) && name[n] == '-' &&
		    (!found || n > strlen(found->name)))
			found = drv_drivers[i];
	}
	return found;
}

static void begin(struct play *p, const char *name, const char *port)
{
	struct drv_link_conf conf = {.port = port, .trace = on_trace, .trace_arg = p};

	memset(p, 0, sizeof(*p));
	mkt_device_defaults(&p->conf);
	snprintf(p->conf.name, sizeof(p->conf.name), "dev");
	if (getenv("SECRET"))
		snprintf(p->conf.secret, sizeof(p->conf.secret), "%.250s", getenv("SECRET"));
	p->d = (struct drv_device){.driver = driver_of(name), .conf = &p->conf,
				   .calendar_ms = calendar, .calendar_arg = p};
	if (!p->d.driver)
		fail_msg("'%s': there is no such driver", name);
	p->d.kind = p->d.driver->kind;
	p->conf.unit = p->d.driver->unit;
	conf.line = p->d.driver->line;
	conf.pause_ms = p->d.driver->pause_ms;
	if (drv_link_open(&conf, &p->d.link, &p->err) < 0)
		fail_msg("%s: %s", port, p->err.text);
}

static void run_steps(struct play *p, const char *script)
{
	char step[80];

	for (const char *at = script; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		if (strncmp(at, "> ", 2) != 0)
			continue;
		snprintf(step, sizeof(step), "%.*s", (int)strcspn(at + 2, "\n"), at + 2);
		run_step(p, step);
	}
}

static void end(struct play *p)
{
	p->d.driver->close(&p->d);
	drv_link_close(p->d.link);
	mkt_buf_release(&p->trace);
	mkt_buf_release(&p->said);
}

static void read_script(const char *name, struct mkt_buf *out)
{
	struct mkt_err err = {0};
	char path[200];

	snprintf(path, sizeof(path), FOLDER "%s.chk", name);
	if (mkt_file_read(path, TEXT_MAX, out, &err) < 0)
		fail_msg("%s", err.text);
}

static void replay(const char *name)
{
	struct mkt_buf script = MKT_BUF_INIT;
	struct play p;
	char port[200];

	read_script(name, &script);
	snprintf(port, sizeof(port), "replay:" FOLDER "%s.log", name);
	begin(&p, name, port);
	run_steps(&p, mkt_buf_str(&script));
	assert_string_equal(mkt_buf_str(&p.said), mkt_buf_str(&script));
	assert_int_equal(p.differences, 0);
	end(&p);
	mkt_buf_release(&script);
}

static void record(const char *name, const char *port)
{
	static const struct mkt_file_how how = {0644, false};
	struct mkt_buf script = MKT_BUF_INIT;
	struct play p;
	char path[200];

	read_script(name, &script);
	begin(&p, name, port);
	run_steps(&p, mkt_buf_str(&script));
	snprintf(path, sizeof(path), FOLDER "%s.log", name);
	assert_int_equal(mkt_file_write(path, p.trace.data, p.trace.len, how, NULL), 0);
	snprintf(path, sizeof(path), FOLDER "%s.chk", name);
	assert_int_equal(mkt_file_write(path, p.said.data, p.said.len, how, NULL), 0);
	end(&p);
	mkt_buf_release(&script);
}

static const char *wanted; /* one recording to make */

static void test_recordings(void **state)
{
	const char *port = getenv("RECORD");
	glob_t found = {0};
	char name[100];

	(void)state;
	if (port && wanted) {
		record(wanted, port);
		return;
	}
	assert_int_equal(glob(FOLDER "*.log", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *file = found.gl_pathv[i] + strlen(FOLDER);

		snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - 4), file);
		print_message("%s\n", name);
		replay(name);
	}
	globfree(&found);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_recordings)};

	wanted = argc > 1 ? argv[1] : NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
