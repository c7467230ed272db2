/* What is wrong with a device, as far as its mkt-driverd has seen; and what to do about it. */
#include "core/base/compat.h"

#include <stdarg.h>

#include "cmd/device.h"
#include "cmd/tables.h"
#include "core/units/fmt.h"

/* Of any domestic supply in the world, with room for a bad one. */
#define VOLTAGE_MIN_MV 85000
#define VOLTAGE_MAX_MV 280000
#define FREQUENCY_MIN_MHZ 45000
#define FREQUENCY_MAX_MHZ 65000
#define HOT_MC 85000
#define COLD_MC (-40000)
#define LOAD_SEEN_W 500	     /* below this power factor and offsets hide everything */
#define POWER_PERMILLE 200   /* power may differ so much from volts times amperes */
#define LOSS_PERMILLE 20     /* of requests: more is a bad line */
#define REQUESTS_JUDGED 20

enum { K_CHECK, K_RESULT, K_SEEN, K_REMEDY, K_COLS };

static const struct mkt_col check_cols[] = {
	[K_CHECK] = {"check", MKT_COL_TEXT, .head = "check"},
	[K_RESULT] = {"result", MKT_COL_TEXT, .head = "result"},
	[K_SEEN] = {"seen", MKT_COL_TEXT, .head = "seen", .cut = true},
	[K_REMEDY] = {"remedy", MKT_COL_TEXT, .head = "remedy", .cut = true},
	{.name = NULL},
};
const struct mkt_table mkt_check_table = {"check", check_cols, false};

static const struct {
	int code;
	const char *remedy;
} remedies[] = {
	{MKT_EDEVABSENT, "plug the adapter in; 'mkt device scan' lists the ports there are"},
	{MKT_ELINELOCKED, "end the program that has the port, or speak to its mkt-driverd by name"},
	{MKT_EDEVLOST, "check cable, adapter and its power; for tcp: address, port and network"},
	{MKT_EDEVTIMEOUT, "is it switched on? then: A and B swapped, wrong unit, speed or parity, "
			  "no termination"},
	{MKT_EDEVFRAME, "speed and parity as the device has them; 120 ohm at both ends; only one "
			"master"},
	{MKT_EDEVREFUSED, "the device's own menu must allow control from outside"},
	{MKT_EDEVUNCONFIRMED, "another master, a load manager or the device's own limit changed "
			      "it"},
	{MKT_EDEVIDENTITY, "nothing was written: check port, --unit, --driver, and 'serial' in "
			   "devices.conf"},
	{MKT_EDEVFAULT, "read the fault at the device; clear its cause there, then switch it off "
			"and on"},
	{MKT_EDEVSTALE, "check cable and power; 'mkt device monitor' shows whether it comes back"},
	{MKT_EDEVUNSUPPORTED, "see its abilities in 'mkt device read'"},
	{MKT_EUNAVAILABLE, "is mkt-driverd installed and of the same version as mkt?"},
};

/* ---- notes ---------------------------------------------------------------------------------- */

static const char *verdict_word(enum mkt_verdict v)
{
	static const char *const words[] = {"ok", "warning", "skipped", "fault"};

	return words[v];
}

static void tell(struct mkt_checks *c, const struct mkt_check *k)
{
	static const enum mkt_color colors[] = {MKT_COLOR_GREEN, MKT_COLOR_YELLOW, MKT_COLOR_DIM,
						MKT_COLOR_RED};
	struct mkt_out *o = &c->app->out;
	struct mkt_buf seen = MKT_BUF_INIT;

	mkt_term_clean(o->term, k->seen, &seen);
	mkt_out_say(o, "%s%-8s%s %-13s  %s\n", mkt_term_paint(o->term->color, colors[k->verdict]),
		    verdict_word(k->verdict), mkt_term_plain(o->term->color), k->name,
		    mkt_buf_str(&seen));
	if (k->remedy)
		mkt_out_say(o, "%-8s %-13s  -> %s\n", "", "", k->remedy);
	mkt_out_flush(o);
	mkt_buf_release(&seen);
}

void mkt_check_add(struct mkt_checks *c, const char *name, enum mkt_verdict verdict,
		   const char *remedy, const char *fmt, ...)
{
	struct mkt_check *k = &c->v[c->n];
	va_list ap;

	if (c->n == MKT_CHECKS_MAX)
		return;
	c->n++;
	k->name = name;
	k->verdict = verdict;
	k->remedy = remedy;
	va_start(ap, fmt);
	vsnprintf(k->seen, sizeof(k->seen), fmt, ap);
	va_end(ap);
	c->faults |= verdict == MKT_CHECK_FAULT;
	if (mkt_for_people(c->app))
		tell(c, k);
}

void mkt_check_error(struct mkt_checks *c, const char *name, int code, const char *text)
{
	const char *remedy = NULL;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(remedies); i++)
		if (remedies[i].code == code)
			remedy = remedies[i].remedy;
	mkt_check_add(c, name, MKT_CHECK_FAULT, remedy, "%s", text[0] ? text : mkt_code_text(code));
}

void mkt_check_rows(struct mkt_out *o, const struct mkt_checks *c)
{
	struct mkt_val row[K_COLS];

	for (unsigned i = 0; i < c->n; i++) {
		row[K_CHECK] = mkt_v_text(c->v[i].name);
		row[K_RESULT] = mkt_v_text(verdict_word(c->v[i].verdict));
		row[K_SEEN] = mkt_v_text(c->v[i].seen);
		row[K_REMEDY] = mkt_v_text(c->v[i].remedy);
		mkt_out_row(o, row);
	}
}

/* ---- the line ------------------------------------------------------------------------------- */

enum { REQUESTS, ANSWERS, TIMEOUTS, BAD, REFUSALS, STRANGERS, LATE, RECONNECTS };

static void counters(struct mkt_checks *c, const uint64_t n[8])
{
	static const struct {
		unsigned counter;
		const char *what, *remedy;
	} rows[] = {
		{BAD, "frames with errors", "noise: shielded pair, 120 ohm at both ends, away from "
					    "power cables; or speed and parity"},
		{STRANGERS, "frames of others", "a second master, or two devices with one unit"},
		{LATE, "late answers", "raise 'pause' of the line in devices.conf"},
		{REFUSALS, "refusals", "its own menu must allow control; or another firmware"},
		{RECONNECTS, "reconnects", "loose plug, weak hub or cable: the adapter came and "
					   "went"},
	};
	bool well = true;

	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		if (!n[rows[i].counter])
			continue;
		mkt_check_add(c, "line", MKT_CHECK_WARNING, rows[i].remedy,
			      "%llu %s in %llu requests", (unsigned long long)n[rows[i].counter],
			      rows[i].what, (unsigned long long)n[REQUESTS]);
		well = false;
	}
	if (n[REQUESTS] >= REQUESTS_JUDGED && n[TIMEOUTS] * 1000 > n[REQUESTS] * LOSS_PERMILLE) {
		mkt_check_add(c, "line", MKT_CHECK_WARNING,
			      "cable, plugs, termination; another master on the bus",
			      "%llu of %llu requests had no answer",
			      (unsigned long long)n[TIMEOUTS], (unsigned long long)n[REQUESTS]);
		well = false;
	}
	if (well)
		mkt_check_add(c, "line", MKT_CHECK_OK, NULL, "%llu answers to %llu requests",
			      (unsigned long long)n[ANSWERS], (unsigned long long)n[REQUESTS]);
}

void mkt_check_line(struct mkt_checks *c, const struct mkt_dev_view *v)
{
	uint64_t now_ms = mkt_app_mono_ms();
	uint64_t for_s = now_ms > v->since_ms ? (now_ms - v->since_ms) / 1000 : 0;

	if (v->state == MKT_DEV_READY)
		mkt_check_add(c, "state", MKT_CHECK_OK, NULL, "ready for %s",
			      mkt_fmt_span(for_s).s);
	else if (v->error_code)
		mkt_check_error(c, "state", v->error_code, v->error);
	else
		mkt_check_add(c, "state", MKT_CHECK_FAULT,
			      "wait, and look again; then check power and wiring", "%s for %s",
			      mkt_dev_state_word((int)v->state), mkt_fmt_span(for_s).s);
	counters(c, v->counters);
}

void mkt_check_identity(struct mkt_checks *c, const struct mkt_dev_view *v)
{
	const struct mkt_identity *id = &v->id;

	if (id->maker[0] || id->model[0] || id->version[0])
		mkt_check_add(c, "identity", MKT_CHECK_OK, NULL, "%s%s%s%s%s%s%s", id->maker,
			      id->maker[0] ? " " : "", id->model,
			      id->version[0] ? ", version " : "", id->version,
			      id->serial[0] ? ", serial " : "", id->serial);
	else
		mkt_check_add(c, "identity", MKT_CHECK_WARNING,
			      "compare the plate of the device with the driver's page",
			      "it does not say what it is");
	if (v->caps & MKT_CAP_READ_ONLY)
		mkt_check_add(c, "control", MKT_CHECK_WARNING,
			      "allow control from outside in the device's own menu",
			      "it answers, but refuses control");
}

/* ---- readings ------------------------------------------------------------------------------- */

static bool have(const struct mkt_dev_view *v, enum mkt_reading_id id)
{
	return v->r.v[id].known;
}

static void in_range(struct mkt_checks *c, const struct mkt_dev_view *v, enum mkt_reading_id id,
		     int64_t min, int64_t max, const char *remedy)
{
	int64_t value = v->r.v[id].value;
	bool well = value >= min && value <= max;

	if (!have(v, id))
		return;
	mkt_check_add(c, mkt_reading_info[id].name, well ? MKT_CHECK_OK : MKT_CHECK_FAULT,
		      well ? NULL : remedy, "%s", mkt_reading_text(id, value).s);
}

/* Phases: a voltage of nothing with current is a wire that is not measured. */
static void voltages(struct mkt_checks *c, const struct mkt_dev_view *v)
{
	for (int i = 0; i < 3; i++) {
		enum mkt_reading_id volt = (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + i);

		/* A charger of one phase has the other two at nothing. */
		if (i && !mkt_reading_or(&v->r, volt, 0))
			continue;
		in_range(c, v, volt, VOLTAGE_MIN_MV, VOLTAGE_MAX_MV,
			 "measure at the terminals: a phase is missing, or the unit is read wrong");
	}
}

/* mW of volts times amperes over the phases that are known; false: not all is. */
static bool apparent_w(const struct mkt_dev_view *v, int64_t *out)
{
	int64_t mw = 0;

	if (!have(v, MKT_R_VOLTAGE_L1) || !have(v, MKT_R_CURRENT_L1))
		return false;
	for (int i = 0; i < 3; i++) {
		enum mkt_reading_id volt = (enum mkt_reading_id)(MKT_R_VOLTAGE_L1 + i);
		enum mkt_reading_id amp = (enum mkt_reading_id)(MKT_R_CURRENT_L1 + i);
		int64_t ma = mkt_reading_or(&v->r, amp, 0);

		if (ma && !have(v, volt))
			return false;
		mw += mkt_reading_or(&v->r, volt, 0) / 1000 * (ma < 0 ? -ma : ma);
	}
	*out = mw / 1000;
	return true;
}

static void power(struct mkt_checks *c, const struct mkt_dev_view *v)
{
	int64_t w = mkt_reading_or(&v->r, MKT_R_POWER, 0), abs_w = w < 0 ? -w : w, va;

	if (!have(v, MKT_R_POWER))
		return;
	if (v->kind == MKT_DEV_EVSE && w < 0) {
		mkt_check_add(c, "power", MKT_CHECK_FAULT,
			      "a clamp points the other way: 'meter_sign = reversed', or turn it",
			      "a charger that supplies: %s", mkt_reading_text(MKT_R_POWER, w).s);
		return;
	}
	if (!apparent_w(v, &va) || (va < LOAD_SEEN_W && abs_w < LOAD_SEEN_W)) {
		mkt_check_add(c, "power", MKT_CHECK_OK, NULL, "%s",
			      mkt_reading_text(MKT_R_POWER, w).s);
		return;
	}
	/* Less than volts times amperes is power factor; more is no power. */
	if (abs_w * 1000 > va * (1000 + POWER_PERMILLE) || abs_w * 2 < va)
		mkt_check_add(c, "power", MKT_CHECK_FAULT,
			      "a clamp on the wrong wire, or the wrong driver or model",
			      "%s, but volts times amperes give %s",
			      mkt_reading_text(MKT_R_POWER, w).s,
			      mkt_reading_text(MKT_R_POWER, va).s);
	else
		mkt_check_add(c, "power", MKT_CHECK_OK, NULL, "%s; volts times amperes give %s",
			      mkt_reading_text(MKT_R_POWER, w).s,
			      mkt_reading_text(MKT_R_POWER, va).s);
}

static void safety(struct mkt_checks *c, const struct mkt_dev_view *v)
{
	int64_t fault = mkt_reading_or(&v->r, MKT_R_FAULT, 0);

	if (fault)
		mkt_check_add(c, "fault", MKT_CHECK_FAULT,
			      "look the code up in the driver's page and at the device",
			      "the device reports fault %lld", (long long)fault);
	if (v->kind != MKT_DEV_EVSE && v->kind != MKT_DEV_V2H && v->kind != MKT_DEV_BATTERY)
		return;
	if (mkt_reading_or(&v->r, MKT_R_WATCHDOG, 0) > 0)
		mkt_check_add(c, "watchdog", MKT_CHECK_OK, NULL, "%s",
			      mkt_reading_text(MKT_R_WATCHDOG, v->r.v[MKT_R_WATCHDOG].value).s);
	else if (v->caps & MKT_CAP_WATCHDOG)
		mkt_check_add(c, "watchdog", MKT_CHECK_OK, NULL, "is armed with a set-point");
	else
		mkt_check_add(c, "watchdog", MKT_CHECK_WARNING,
			      "when the line is cut it goes on as it was told last: "
			      "give it a limit of its own",
			      "the device has none, or it is off");
}

static void ages(struct mkt_checks *c, const struct mkt_dev_view *v)
{
	uint64_t now_ms = mkt_app_mono_ms(), limit_ms = mkt_device_limit_ms(v);
	unsigned known = 0, stale = 0;
	const char *name = "";

	for (int i = 0; i < MKT_READINGS; i++) {
		known += v->r.v[i].known;
		if (v->r.v[i].known &&
		    !mkt_reading_fresh(&v->r, (enum mkt_reading_id)i, now_ms, limit_ms)) {
			stale++;
			name = mkt_reading_info[i].name;
		}
	}
	if (!known)
		mkt_check_add(c, "readings", MKT_CHECK_FAULT,
			      "nothing was ever read: see the checks above", "none");
	else if (stale)
		mkt_check_add(c, "readings", MKT_CHECK_FAULT,
			      "the device has stopped to tell them: switch it off and on",
			      "%u of %u are stale: %s", stale, known, name);
	else
		mkt_check_add(c, "readings", MKT_CHECK_OK, NULL, "%u, all fresh", known);
}

void mkt_check_readings(struct mkt_checks *c, const struct mkt_dev_view *v)
{
	ages(c, v);
	voltages(c, v);
	in_range(c, v, MKT_R_FREQUENCY, FREQUENCY_MIN_MHZ, FREQUENCY_MAX_MHZ,
		 "wrong driver or model: the value is read from the wrong place");
	power(c, v);
	in_range(c, v, MKT_R_SOC, 0, 1000, "wrong driver or model");
	in_range(c, v, MKT_R_TEMPERATURE, COLD_MC, HOT_MC,
		 "let it cool down; check clamps and fans for loose contacts and dust");
	safety(c, v);
}
