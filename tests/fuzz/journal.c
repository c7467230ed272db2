/*
 * The journal of mkt charge: any bytes are read, what is a record is applied, and
 * what the state says of itself makes the same state again.
 */
#include "core/base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/journal.h"
#include "core/device/duty.h"
#include "tests/fuzz/fuzz.h"

static int take(void *arg, const char *record, size_t n)
{
	(void)!mkt_duties_apply(arg, record, n, NULL);
	return 0;
}

static void dump(const struct mkt_duties *d, struct mkt_buf *out)
{
	mkt_duties_dump(d, 1, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_duties d = MKT_DUTIES_INIT, again = MKT_DUTIES_INIT;
	struct mkt_buf all = MKT_BUF_INIT, twice = MKT_BUF_INIT;
	struct mkt_journal_end end;
	const char *nl;

	(void)!mkt_journal_parse(data, size, take, &d, &end);
	if (end.good > size || end.torn != (end.good < size))
		abort();
	/* Without checksums, line by line: what a disk that lies might hand over. */
	for (const char *p = (const char *)data, *stop = p + size;
	     p < stop && (nl = memchr(p, '\n', (size_t)(stop - p))); p = nl + 1)
		(void)!mkt_duties_apply(&d, p, (size_t)(nl - p), NULL);
	dump(&d, &all);
	for (const char *p = mkt_buf_str(&all); (nl = strchr(p, '\n')); p = nl + 1)
		if (mkt_duties_apply(&again, p, (size_t)(nl - p), NULL))
			abort();
	dump(&again, &twice);
	if (all.len != twice.len || (all.len && memcmp(all.data, twice.data, all.len)))
		abort();
	mkt_buf_release(&all);
	mkt_buf_release(&twice);
	mkt_duties_release(&d);
	mkt_duties_release(&again);
	return 0;
}
