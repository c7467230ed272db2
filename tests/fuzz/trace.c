/* Lines of traces from anywhere: what is read, written and read again is the same. */
#include "core/base/compat.h"

#include "drivers/link.h"
#include "tests/fuzz/fuzz.h"

static bool printable(const struct drv_trace_entry *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->bytes[i] < 0x20 || e->bytes[i] > 0x7e)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drv_trace_entry e, again;
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_err err = {.code = 0};
	int r = drv_trace_parse((const char *)data, size, &e, &err);

	if (r < 0) {
		FUZZ_CHECK(r == -MKT_EINVAL && !strncmp(err.text, "column ", 7));
		return 0;
	}
	if (!r)
		return 0;
	FUZZ_CHECK(e.n <= DRV_FRAME_MAX);
	FUZZ_CHECK(drv_trace_line(&b, 0, e.at_ms, e.dir, e.bytes, e.n) == 0);
	FUZZ_CHECK(drv_trace_parse(mkt_buf_str(&b), b.len, &again, &err) == 1);
	FUZZ_CHECK(again.at_ms == e.at_ms && again.dir == e.dir && again.n == e.n);
	if (e.dir != '#' || printable(&e))
		FUZZ_CHECK(!memcmp(again.bytes, e.bytes, e.n));
	mkt_buf_release(&b);
	return 0;
}
