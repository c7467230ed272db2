/*
 * The reading side of event streams on any bytes: the same events however the bytes are cut, none
 * above the bound, and after a restart nothing of what was lost but the id.
 */
#include "core/base/compat.h"

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/wire/sse.h"
#include "tests/fuzz/fuzz.h"

/* Events as text; -MKT_ELIMIT ends them. */
static int drain(struct mkt_sse *s, struct mkt_buf *out)
{
	struct mkt_sse_event ev;
	int rc;

	while ((rc = mkt_sse_next(s, &ev)) == 1) {
		FUZZ_CHECK(strlen(ev.kind) <= MKT_SSE_KIND_MAX && strlen(ev.id) <= MKT_SSE_ID_MAX);
		FUZZ_CHECK(ev.len <= MKT_SSE_BYTES_MAX);
		mkt_buf_addf(out, "%s|%s|%zu|", ev.kind, ev.id, ev.len);
		mkt_buf_add(out, ev.data, ev.len);
	}
	FUZZ_CHECK(rc == 0 || rc == -MKT_ELIMIT);
	return rc;
}

/* @step 0: in one piece. */
static void read_in(const uint8_t *data, size_t size, size_t step, struct mkt_buf *out)
{
	struct mkt_sse s = MKT_SSE_INIT;
	int rc = 0;

	for (size_t at = 0; !rc && at < size;) {
		size_t n = step && step < size - at ? step : size - at;

		FUZZ_CHECK(!mkt_sse_feed(&s, data + at, n));
		rc = drain(&s, out);
		at += n;
	}
	mkt_sse_restart(&s);
	FUZZ_CHECK(drain(&s, out) == 0);
	if (!rc) {
		FUZZ_CHECK(!mkt_sse_feed(&s, "data: x\n\n", 9));
		FUZZ_CHECK(drain(&s, out) == 0);
	}
	mkt_sse_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_buf whole = MKT_BUF_INIT, cut = MKT_BUF_INIT;

	read_in(data, size, 0, &whole);
	read_in(data, size, size ? 1 + data[0] % 7 : 0, &cut);
	FUZZ_CHECK(whole.len == cut.len &&
		   !memcmp(mkt_buf_str(&whole), mkt_buf_str(&cut), cut.len));
	mkt_buf_release(&whole);
	mkt_buf_release(&cut);
	return 0;
}
