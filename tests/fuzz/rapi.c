/*
 * Any bytes to the reader of RAPI frames.  A frame with checksum, built again from
 * what was read, reads the same; a notice or an answer never has more words than
 * there is room for.
 */
#include "core/base/compat.h"

#include "drivers/rapi.h"
#include "tests/fuzz/fuzz.h"

static void again(const struct rapi_frame *f)
{
	struct rapi_reader r = {0};
	struct rapi_frame g, copy;
	char text[RAPI_FRAME_MAX + 2];
	size_t n = rapi_frame_text(text, f->raw, f->id);
	enum rapi_got got = RAPI_NOTHING;

	if (!n)
		return; /* a '^' or '*' in the text, or checksum and id added make it too long */
	for (size_t i = 0; i < n; i++)
		got = rapi_feed(&r, (uint8_t)text[i], &g);
	FUZZ_CHECK(got == RAPI_FRAME && g.checked);
	FUZZ_CHECK(!strcmp(f->raw, g.raw) && f->id == g.id && f->words == g.words);
	rapi_frame_copy(&copy, &g);
	for (size_t i = 0; i < RAPI_WORDS_MAX; i++)
		FUZZ_CHECK(!strcmp(copy.word[i], f->word[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rapi_reader r = {0};
	struct rapi_frame f;
	int64_t v;
	uint32_t x;

	for (size_t i = 0; i < size; i++) {
		if (rapi_feed(&r, data[i], &f) != RAPI_FRAME)
			continue;
		FUZZ_CHECK(f.words >= 1 && f.words <= RAPI_WORDS_MAX);
		FUZZ_CHECK(strlen(f.raw) == f.nraw && strlen(f.word[0]) == 2);
		FUZZ_CHECK(!rapi_is_notice(&f) || !rapi_is_answer(&f));
		for (size_t k = 0; k < RAPI_WORDS_MAX; k++)
			if (rapi_dec(f.word[k], &v) && !strchr(f.word[k], '-'))
				FUZZ_CHECK(v >= 0 && (strlen(f.word[k]) > 8 || rapi_hex(f.word[k], &x)));
		again(&f);
	}
	return 0;
}
