/*
 * Any bytes as a PI30 answer and its fields.  A frame that is taken is one that
 * the sender may have made; numbers are in the ranges that are promised.
 */
#include "core/base/compat.h"

#include "drivers/pi30.h"
#include "tests/fuzz/fuzz.h"

static void check_numbers(const char *text)
{
	struct pi30_fields f;
	int32_t v;

	pi30_split(&f, text);
	FUZZ_CHECK(f.n <= PI30_FIELDS_MAX);
	for (unsigned i = 0; i < f.n + 2; i++)
		for (unsigned digits = 0; digits < 4; digits++)
			if (pi30_number(&f, i, digits, &v))
				FUZZ_CHECK(i < f.n && v != PI30_NONE);
}

static void check_answers(const char *text)
{
	uint16_t currents[PI30_CURRENTS_MAX];
	struct pi30_ratings r;
	struct pi30_status s;
	struct mkt_err err = {0};
	unsigned n = pi30_currents(text, currents), bit;

	FUZZ_CHECK(n <= PI30_CURRENTS_MAX);
	for (unsigned i = 0; i < n; i++)
		FUZZ_CHECK(currents[i] > 0 && currents[i] <= 999);
	if (pi30_status(text, &s, &err) < 0)
		FUZZ_CHECK(err.code == MKT_EDEVFRAME && err.text[0]);
	else
		FUZZ_CHECK(s.battery_mv >= 0 && s.charge_a >= 0 && s.charge_a <= 1000);
	if (!pi30_ratings(text, &r, &err))
		FUZZ_CHECK(r.output_priority == PI30_NONE ||
			   (r.output_priority >= 0 && r.output_priority <= 9));
	for (unsigned i = 0; pi30_warning(text, i, &bit); i++)
		FUZZ_CHECK(i < 64 && bit < 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[PI30_TEXT_MAX + 1] = "", again[PI30_TEXT_MAX + 2];
	uint8_t frame[PI30_FRAME_MAX];
	struct mkt_err err = {0};

	if (pi30_answer(data, size, text, &err) < 0) {
		FUZZ_CHECK(err.code == MKT_EDEVFRAME && err.text[0]);
		/* The texts alone: no checksum to guess. */
		if (size > PI30_TEXT_MAX)
			return 0;
		for (size_t i = 0; i < size; i++)
			text[i] = data[i] ? (char)data[i] : ' ';
		text[size] = 0;
	} else {
		snprintf(again, sizeof(again), "(%s", text);
		FUZZ_CHECK(pi30_frame(again, frame) == size + 1);
		FUZZ_CHECK(!memcmp(frame, data, size - 2));
	}
	check_numbers(text);
	check_answers(text);
	return 0;
}
