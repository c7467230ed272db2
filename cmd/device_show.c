/* Devices and readings as rows and as sentences: always with unit and age. */
#include "core/base/compat.h"

#include "cmd/device.h"
#include "core/units/fmt.h"

enum { D_NAME, D_DRIVER, D_MATURITY, D_PORT, D_KIND, D_MAKER, D_MODEL, D_VERSION, D_SERIAL,
       D_STATE, D_SINCE, D_ERROR, D_CODE, D_CAPS, D_SET, D_APPLIED, D_POLL, D_COUNTERS,
       D_COLS = D_COUNTERS + 8 };

static const struct mkt_col device_cols[] = {
	[D_NAME] = {"name", MKT_COL_TEXT, .head = "device"},
	[D_DRIVER] = {"driver", MKT_COL_TEXT, .head = "driver"},
	[D_MATURITY] = {"maturity", MKT_COL_TEXT, .head = "maturity"},
	[D_PORT] = {"port", MKT_COL_TEXT, .head = "port"},
	[D_KIND] = {"kind", MKT_COL_TEXT, .head = "kind"},
	[D_MAKER] = {"maker", MKT_COL_TEXT, .head = "maker"},
	[D_MODEL] = {"model", MKT_COL_TEXT, .head = "model"},
	[D_VERSION] = {"version", MKT_COL_TEXT, .head = "version"},
	[D_SERIAL] = {"serial", MKT_COL_TEXT, .head = "serial"},
	[D_STATE] = {"state", MKT_COL_TEXT, .head = "state"},
	[D_SINCE] = {"since_s", MKT_COL_DURATION, .head = "since"},
	[D_ERROR] = {"error", MKT_COL_TEXT, .head = "error"},
	[D_CODE] = {.name = "error_code", .kind = MKT_COL_TEXT},
	[D_CAPS] = {"abilities", MKT_COL_TEXT, .head = "abilities"},
	[D_SET] = {"ordered", MKT_COL_TEXT, .head = "ordered"},
	[D_APPLIED] = {"in_force", MKT_COL_TEXT, .head = "in force"},
	[D_POLL] = {"poll_ms", MKT_COL_DURATION_MS, .head = "poll", .wide = true},
	[D_COUNTERS + 0] = {"requests", MKT_COL_UINT, .head = "requests", .wide = true},
	[D_COUNTERS + 1] = {"answers", MKT_COL_UINT, .head = "answers", .wide = true},
	[D_COUNTERS + 2] = {"timeouts", MKT_COL_UINT, .head = "timeouts", .wide = true},
	[D_COUNTERS + 3] = {"bad_frames", MKT_COL_UINT, .head = "bad frames", .wide = true},
	[D_COUNTERS + 4] = {"refusals", MKT_COL_UINT, .head = "refusals", .wide = true},
	[D_COUNTERS + 5] = {"strangers", MKT_COL_UINT, .head = "strangers", .wide = true},
	[D_COUNTERS + 6] = {"late", MKT_COL_UINT, .head = "late", .wide = true},
	[D_COUNTERS + 7] = {"reconnects", MKT_COL_UINT, .head = "reconnects", .wide = true},
	{.name = NULL},
};
const struct mkt_table mkt_device_table = {"device", device_cols, true};

enum { R_DEVICE, R_NAME, R_TEXT, R_VALUE, R_UNIT, R_AGE, R_STALE, R_COLS };

static const struct mkt_col reading_cols[] = {
	[R_DEVICE] = {.name = "device", .kind = MKT_COL_TEXT},
	[R_NAME] = {"reading", MKT_COL_TEXT, .head = "reading"},
	[R_TEXT] = {"text", MKT_COL_TEXT, .head = "value"},
	[R_VALUE] = {.name = "value", .kind = MKT_COL_INT},
	[R_UNIT] = {.name = "unit", .kind = MKT_COL_TEXT},
	[R_AGE] = {"age_ms", MKT_COL_DURATION_MS, .head = "age"},
	[R_STALE] = {"stale", MKT_COL_BOOL, .head = "stale"},
	{.name = NULL},
};
const struct mkt_table mkt_reading_table = {"reading", reading_cols, false};

/* ---- words ---------------------------------------------------------------------------------- */

/* Of the values in rows: base units, as everywhere in porcelain and JSON. */
static const char *unit_word(enum mkt_unit u)
{
	static const char *const words[] = {
		[MKT_UNIT_W] = "W",   [MKT_UNIT_WH] = "Wh",   [MKT_UNIT_MA] = "mA",
		[MKT_UNIT_MV] = "mV", [MKT_UNIT_MHZ] = "mHz", [MKT_UNIT_PERMILLE] = "permille",
		[MKT_UNIT_MC] = "mC", [MKT_UNIT_S] = "s",     [MKT_UNIT_NONE] = NULL,
	};

	return words[u];
}

struct mkt_setpoint_text mkt_setpoint_text(const struct mkt_setpoint *set)
{
	struct mkt_setpoint_text t = {""};

	switch (set->kind) {
	case MKT_SET_CURRENT:
		if (set->value > 0)
			snprintf(t.s, sizeof(t.s), "%s",
				 mkt_reading_text(MKT_R_CURRENT_LIMIT, set->value).s);
		else
			snprintf(t.s, sizeof(t.s), "pause");
		break;
	case MKT_SET_POWER:
		snprintf(t.s, sizeof(t.s), "%s", mkt_reading_text(MKT_R_POWER_LIMIT, set->value).s);
		break;
	case MKT_SET_MODE:
		snprintf(t.s, sizeof(t.s), "%s", mkt_dev_mode_word(set->value));
		break;
	case MKT_SET_NONE:
		break;
	}
	return t;
}

static void add_caps(unsigned caps, struct mkt_buf *b)
{
	for (unsigned bit = 1; bit; bit <<= 1)
		if ((caps & bit) && mkt_dev_cap_word(bit))
			mkt_buf_addf(b, "%s%s", b->len ? " " : "", mkt_dev_cap_word(bit));
}

static uint64_t age_ms(uint64_t at_ms)
{
	uint64_t now_ms = mkt_app_mono_ms();

	return now_ms > at_ms ? now_ms - at_ms : 0;
}

uint64_t mkt_device_limit_ms(const struct mkt_dev_view *v)
{
	return (uint64_t)v->poll_ms * MKT_DEV_POLLS_STALE;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static struct mkt_val given(const char *text)
{
	return mkt_v_text(text[0] ? text : NULL);
}

void mkt_device_row(struct mkt_out *o, const struct mkt_device *d, const struct mkt_dev_view *v)
{
	struct mkt_setpoint_text order = mkt_setpoint_text(&v->order.set);
	struct mkt_setpoint_text applied = mkt_setpoint_text(&v->applied);
	struct mkt_buf caps = MKT_BUF_INIT;
	struct mkt_val row[D_COLS];

	add_caps(v->caps, &caps);
	row[D_NAME] = mkt_v_text(v->name);
	row[D_DRIVER] = given(v->driver);
	row[D_MATURITY] = given(v->maturity);
	row[D_PORT] = given(d->port);
	row[D_KIND] = mkt_v_text(mkt_dev_kind_word((int)v->kind));
	row[D_MAKER] = given(v->id.maker);
	row[D_MODEL] = given(v->id.model);
	row[D_VERSION] = given(v->id.version);
	row[D_SERIAL] = given(v->id.serial);
	row[D_STATE] = mkt_v_colored(mkt_v_text(mkt_dev_state_word((int)v->state)),
				     v->state == MKT_DEV_READY ? MKT_COLOR_GREEN : MKT_COLOR_RED);
	row[D_SINCE] = mkt_v_uint(age_ms(v->since_ms) / 1000);
	row[D_ERROR] = given(v->error);
	row[D_CODE] = mkt_v_text(v->error_code ? mkt_code_word(v->error_code) : NULL);
	row[D_CAPS] = given(mkt_buf_str(&caps));
	row[D_SET] = given(order.s);
	row[D_APPLIED] = given(applied.s);
	row[D_POLL] = mkt_v_uint(v->poll_ms);
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(v->counters); i++)
		row[D_COUNTERS + i] = mkt_v_uint(v->counters[i]);
	mkt_out_row(o, row);
	mkt_buf_release(&caps);
}

void mkt_device_readings(struct mkt_out *o, const struct mkt_dev_view *v)
{
	uint64_t now_ms = mkt_app_mono_ms(), limit_ms = mkt_device_limit_ms(v);

	for (int i = 0; i < MKT_READINGS; i++) {
		const struct mkt_reading_info *info = &mkt_reading_info[i];
		bool stale = !mkt_reading_fresh(&v->r, (enum mkt_reading_id)i, now_ms, limit_ms);
		struct mkt_reading_text text;
		struct mkt_val row[R_COLS];
		uint64_t age;

		if (!v->r.v[i].known)
			continue;
		text = mkt_reading_text((enum mkt_reading_id)i, v->r.v[i].value);
		row[R_DEVICE] = mkt_v_text(v->name);
		row[R_NAME] = mkt_v_text(info->name);
		row[R_TEXT] = mkt_v_text(text.s);
		row[R_VALUE] = mkt_v_int(v->r.v[i].value);
		row[R_UNIT] = mkt_v_text(unit_word(info->unit));
		age = age_ms(v->r.v[i].at_ms);
		row[R_AGE] = mkt_v_uint(o->form == MKT_FORM_HUMAN ? age / 100 * 100 : age);
		row[R_STALE] = mkt_v_colored(mkt_v_bool(stale),
					     stale ? MKT_COLOR_RED : MKT_COLOR_NONE);
		mkt_out_row(o, row);
	}
}

void mkt_device_sentence(const struct mkt_dev_view *v, struct mkt_buf *b)
{
	static const enum mkt_reading_id shown[] = {
		MKT_R_POWER, MKT_R_CURRENT_L1, MKT_R_VOLTAGE_L1, MKT_R_CURRENT_LIMIT,
		MKT_R_POWER_LIMIT, MKT_R_MODE, MKT_R_VEHICLE, MKT_R_SOC, MKT_R_ENERGY_IMPORT,
		MKT_R_ENERGY_EXPORT,
	};
	uint64_t now_ms = mkt_app_mono_ms(), limit_ms = mkt_device_limit_ms(v);

	for (size_t i = 0; i < MKT_ARRAY_SIZE(shown); i++) {
		const struct mkt_value *r = &v->r.v[shown[i]];
		const char *name = mkt_reading_info[shown[i]].name;

		if (!r->known)
			continue;
		mkt_buf_addf(b, "%s", b->len ? "  " : "");
		/* What its unit does not tell has its name before it. */
		if (shown[i] != MKT_R_POWER && shown[i] != MKT_R_VEHICLE && shown[i] != MKT_R_MODE)
			mkt_buf_addf(b, "%s ", name);
		mkt_buf_addf(b, "%s%s", mkt_reading_text(shown[i], r->value).s,
			     mkt_reading_fresh(&v->r, shown[i], now_ms, limit_ms) ? "" : "?");
	}
}
