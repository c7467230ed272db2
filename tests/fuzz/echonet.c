/*
 * ECHONET Lite: bytes as a frame, as a property map, and as what comes while a
 * request is under way.  What is decoded lies within the input and is encoded
 * again to the same bytes; only an answer ends a request.
 */
#include "core/base/compat.h"

#include "drivers/en_talk.h"
#include "tests/fuzz/fuzz.h"

static void check_frame(const uint8_t *data, size_t size)
{
	struct drv_en_frame f;
	struct drv_en_out o;
	struct mkt_err err;
	int n = drv_en_decode(data, size, &f, &err);

	if (n < 0) {
		FUZZ_CHECK(n == -MKT_EDEVFRAME && err.text[0]);
		return;
	}
	FUZZ_CHECK((size_t)n <= size && f.n <= DRV_EN_PROPS_MAX && f.nset <= f.n);
	if (n > DRV_EN_BYTES_MAX)
		return;
	drv_en_begin(&o, f.tid, f.seoj, f.deoj, f.esv);
	for (unsigned i = 0; i < f.n; i++) {
		if (i == f.nset)
			drv_en_second(&o);
		FUZZ_CHECK(!f.p[i].pdc ||
			   (f.p[i].edt > data && f.p[i].edt + f.p[i].pdc <= data + n));
		drv_en_add(&o, f.p[i].epc, f.p[i].edt, f.p[i].pdc);
	}
	if (f.nset == f.n && (f.esv & 0xCF) == 0x4E && f.esv != 0x4E)
		drv_en_second(&o); /* SetGet without a get list */
	FUZZ_CHECK(!o.bad && o.n == (size_t)n && !memcmp(o.bytes, data, o.n));
}

static void check_map(const uint8_t *data, size_t size)
{
	struct drv_en_map m, again;
	uint8_t out[17];
	size_t n;

	if (drv_en_map_decode(data, size, &m, NULL) < 0)
		return;
	n = drv_en_map_encode(&m, out);
	FUZZ_CHECK(n == size && drv_en_map_decode(out, n, &again, NULL) == 0);
	FUZZ_CHECK(!memcmp(&m, &again, sizeof(m)));
}

static int send_nothing(void *arg, const uint8_t *frame, size_t n, struct mkt_err *err)
{
	(void)arg;
	(void)frame;
	(void)n;
	(void)err;
	return 0;
}

/* Lengths in one byte each, then that many bytes: frames as they come. */
static void check_talk(const uint8_t *data, size_t size)
{
	static const struct drv_en_prop ask[] = {{0xCF, 0, NULL}, {0xDA, 0, NULL}};
	const struct drv_en_io io = {NULL, send_nothing, NULL};
	struct drv_en_talk *t = calloc(1, sizeof(*t));
	bool waiting = true;

	drv_en_talk_init(t, NULL, &io, 0x027D01);
	FUZZ_CHECK(drv_en_request(t, t->eoj, DRV_EN_GET, ask, 2, NULL) == 0);
	while (size > 1) {
		size_t n = data[0] < size - 1 ? data[0] : size - 1;

		drv_en_take(t, data + 1, n);
		if (waiting && !t->waiting) {
			FUZZ_CHECK(t->answer.seoj == t->eoj && t->answer.n == 2);
			FUZZ_CHECK(t->answer.esv == 0x72 || t->answer.esv == 0x52);
			waiting = false;
		}
		FUZZ_CHECK(waiting == t->waiting);
		data += n + 1;
		size -= n + 1;
	}
	free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] == 'm')
		check_map(data + 1, size - 1);
	else if (data[0] == 't')
		check_talk(data + 1, size - 1);
	else
		check_frame(data, size);
	return 0;
}
