/* Names and words of the device model, and values as people read them. */
#include "core/base/compat.h"

#include <string.h>

#include "core/codec/enc.h"
#include "core/device/model.h"
#include "core/units/fmt.h"

const struct mkt_reading_info mkt_reading_info[MKT_READINGS] = {
#define MKT_READING(name, text, unit, what) [MKT_R_##name] = {text, MKT_UNIT_##unit, what},
#include "core/device/readings.def"
#undef MKT_READING
};

/* ---- words -------------------------------------------------------------------------------- */

static const char *const kinds[MKT_DEV_KINDS] = {"evse", "v2h", "battery", "inverter", "meter"};
static const char *const states[MKT_DEV_STATES] = {
	"absent", "opening", "identifying", "ready", "stale", "reconnecting", "refused", "fault",
};
static const char *const vehicles[MKT_VEHICLES] = {"unknown", "A", "B", "C", "F"};
static const char *const modes[MKT_MODES] = {"unknown", "auto", "hold", "charge", "discharge"};
static const char *const caps[] = {
	"current", "power", "discharge", "mode",   "pause",   "import",
	"export",  "soc",   "watchdog",	 "phases", "vehicle", "read-only",
};

static const char *word_at(const char *const *words, int n, int i)
{
	return i >= 0 && i < n ? words[i] : "unknown";
}

static int find_word(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

const char *mkt_dev_kind_word(int kind)
{
	return word_at(kinds, MKT_DEV_KINDS, kind);
}

const char *mkt_dev_state_word(int state)
{
	return word_at(states, MKT_DEV_STATES, state);
}

const char *mkt_dev_vehicle_word(int vehicle)
{
	return word_at(vehicles, MKT_VEHICLES, vehicle);
}

const char *mkt_dev_mode_word(int mode)
{
	return word_at(modes, MKT_MODES, mode);
}

const char *mkt_dev_cap_word(unsigned bit)
{
	for (unsigned i = 0; i < MKT_ARRAY_SIZE(caps); i++)
		if (bit == 1u << i)
			return caps[i];
	return NULL;
}

int mkt_dev_kind_find(const char *word)
{
	return find_word(kinds, MKT_DEV_KINDS, word);
}

int mkt_dev_state_find(const char *word)
{
	return find_word(states, MKT_DEV_STATES, word);
}

int mkt_dev_mode_find(const char *word)
{
	return find_word(modes, MKT_MODES, word);
}

unsigned mkt_dev_cap_find(const char *word)
{
	int i = find_word(caps, (int)MKT_ARRAY_SIZE(caps), word);

	return i < 0 ? 0 : 1u << i;
}

/* ---- readings ----------------------------------------------------------------------------- */

int mkt_reading_find(const char *name)
{
	for (int i = 0; i < MKT_READINGS; i++)
		if (!strcmp(mkt_reading_info[i].name, name))
			return i;
	return -1;
}

int64_t mkt_reading_or(const struct mkt_readings *r, enum mkt_reading_id id, int64_t otherwise)
{
	return r->v[id].known ? r->v[id].value : otherwise;
}

bool mkt_reading_fresh(const struct mkt_readings *r, enum mkt_reading_id id, uint64_t now_ms,
		       uint64_t limit_ms)
{
	const struct mkt_value *v = &r->v[id];

	return v->known && (now_ms < v->at_ms || now_ms - v->at_ms <= limit_ms);
}

static const char *vehicle_text(int64_t value)
{
	switch (value) {
	case MKT_VEHICLE_A:
		return "no vehicle";
	case MKT_VEHICLE_B:
		return "connected";
	case MKT_VEHICLE_C:
		return "charging";
	case MKT_VEHICLE_F:
		return "fault";
	default:
		return "unknown";
	}
}

/* Thousandths with a unit: at least one decimal. */
static struct mkt_text milli(int64_t value, const char *unit)
{
	struct mkt_text t = mkt_fmt_decimal(value, 3, 1);
	size_t n = strlen(t.s);

	snprintf(t.s + n, sizeof(t.s) - n, " %s", unit);
	return t;
}

static struct mkt_text decimal_unit(int64_t value, unsigned digits, unsigned decimals,
				    const char *unit)
{
	struct mkt_text t = mkt_fmt_decimal(value, digits, decimals);
	size_t n = strlen(t.s);

	snprintf(t.s + n, sizeof(t.s) - n, "%s", unit);
	return t;
}

static struct mkt_text quantity(enum mkt_unit unit, int64_t value)
{
	switch (unit) {
	case MKT_UNIT_W:
		return decimal_unit(value, 3, 3, " kW");
	case MKT_UNIT_WH:
		return decimal_unit(value, 3, 3, " kWh");
	case MKT_UNIT_MA:
		return milli(value, "A");
	case MKT_UNIT_MV:
		return milli(value, "V");
	case MKT_UNIT_MHZ:
		return milli(value, "Hz");
	case MKT_UNIT_PERMILLE:
		return decimal_unit(value, 1, 1, "%");
	case MKT_UNIT_MC:
		return milli(value, "C");
	case MKT_UNIT_S:
		return decimal_unit(value, 0, 0, " s");
	case MKT_UNIT_NONE:
		break;
	}
	return decimal_unit(value, 0, 0, "");
}

struct mkt_reading_text mkt_reading_text(enum mkt_reading_id id, int64_t value)
{
	struct mkt_reading_text out;
	const char *s = NULL;

	if (id == MKT_R_VEHICLE)
		s = vehicle_text(value);
	else if (id == MKT_R_MODE)
		s = value > 0 && value < MKT_MODES ? modes[value] : "unknown";
	else if (id == MKT_R_ENABLED)
		s = value ? "yes" : "no";
	if (s)
		snprintf(out.s, sizeof(out.s), "%s", s);
	else if (id == MKT_R_DEVICE_TIME && value >= 0)
		snprintf(out.s, sizeof(out.s), "%.47s", mkt_fmt_utc((uint64_t)value).s);
	else
		snprintf(out.s, sizeof(out.s), "%.47s",
			 quantity(mkt_reading_info[id].unit, value).s);
	return out;
}

/* ---- texts of devices --------------------------------------------------------------------- */

/* Bytes of the character at @s if it may be shown, else 0. */
static size_t shown_len(const uint8_t *s, size_t n)
{
	size_t len = mkt_utf8_len(s, n);

	if (!len || s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0))
		return 0;
	return len;
}

void mkt_dev_text(char out[MKT_DEV_TEXT_MAX + 1], const void *text, size_t n)
{
	const uint8_t *s = text;
	size_t at = 0, end = 0;

	for (size_t i = 0; i < n && s[i];) {
		size_t len = shown_len(s + i, n - i), put = len ? len : 1;

		if (at + put > MKT_DEV_TEXT_MAX)
			break;
		if (at || s[i] != ' ') { /* no blanks in front */
			if (len)
				memcpy(out + at, s + i, len);
			else
				out[at] = '?';
			at += put;
			if (s[i] != ' ')
				end = at;
		}
		i += put;
	}
	out[end] = 0;
}
