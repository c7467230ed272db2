/* ECHONET Lite frames byte by byte; requests and answers over a made-up transport. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "drivers/en_talk.h"

static size_t bytes(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned v;
	int used;

	while (sscanf(hex, " %2x%n", &v, &used) == 1) {
		out[n++] = (uint8_t)v;
		hex += used;
	}
	return n;
}

/* ---- frames -------------------------------------------------------------------------------- */

/* Each as "EPC=value", decoded, and encoded again to the same bytes. */
static const struct {
	const char *hex;
	uint32_t seoj, deoj;
	uint8_t esv;
	const char *props;
} frames[] = {
	/* discovery */
	{"10 81 00 20 05 FF 01 0E F0 01 62 01 D6 00", 0x05FF01, 0x0EF001, 0x62, "D6="},
	{"10 81 00 00 0E F0 01 0E F0 01 73 01 D5 0A 03 02 79 01 02 7D 01 02 7E 01", 0x0EF001,
	 0x0EF001, 0x73, "D5=03027901027D01027E01"},
	/* battery */
	{"10 81 00 10 05 FF 01 02 7D 01 61 02 EB 04 00 00 07 D0 DA 01 42", 0x05FF01, 0x027D01, 0x61,
	 "EB=000007D0 DA=42"},
	{"10 81 00 10 02 7D 01 05 FF 01 71 02 EB 00 DA 00", 0x027D01, 0x05FF01, 0x71, "EB= DA="},
	{"10 81 00 10 02 7D 01 05 FF 01 51 02 EB 04 00 00 07 D0 DA 00", 0x027D01, 0x05FF01, 0x51,
	 "EB=000007D0 DA="},
	{"10 81 00 11 05 FF 01 02 7D 01 62 05 CF 00 D3 00 E4 00 A4 00 A5 00", 0x05FF01, 0x027D01,
	 0x62, "CF= D3= E4= A4= A5="},
	{"10 81 00 11 02 7D 01 05 FF 01 72 05 CF 01 42 D3 04 00 00 07 BC E4 01 38 A4 04 00 00 10 D8 "
	 "A5 04 00 00 15 70",
	 0x027D01, 0x05FF01, 0x72, "CF=42 D3=000007BC E4=38 A4=000010D8 A5=00001570"},
	/* charger and discharger */
	{"10 81 00 12 05 FF 01 02 7E 01 62 04 C7 00 DA 00 D3 00 E4 00", 0x05FF01, 0x027E01, 0x62,
	 "C7= DA= D3= E4="},
	{"10 81 00 12 02 7E 01 05 FF 01 72 04 C7 01 43 DA 01 44 D3 04 00 00 00 00 E4 01 4B",
	 0x027E01, 0x05FF01, 0x72, "C7=43 DA=44 D3=00000000 E4=4B"},
	{"10 81 00 13 05 FF 01 02 7E 01 61 01 CD 01 10", 0x05FF01, 0x027E01, 0x61, "CD=10"},
	{"10 81 00 13 02 7E 01 05 FF 01 71 01 CD 00", 0x027E01, 0x05FF01, 0x71, "CD="},
	{"10 81 00 14 05 FF 01 02 7E 01 61 02 EC 04 00 00 05 DC DA 01 43", 0x05FF01, 0x027E01, 0x61,
	 "EC=000005DC DA=43"},
	{"10 81 00 14 02 7E 01 05 FF 01 71 02 EC 00 DA 00", 0x027E01, 0x05FF01, 0x71, "EC= DA="},
	/* photovoltaics */
	{"10 81 00 21 05 FF 01 02 79 01 62 02 E0 00 E1 00", 0x05FF01, 0x027901, 0x62, "E0= E1="},
	{"10 81 00 21 02 79 01 05 FF 01 72 02 E0 02 0C 30 E1 04 00 45 B3 52", 0x027901, 0x05FF01,
	 0x72, "E0=0C30 E1=0045B352"},
	/* meter */
	{"10 81 00 01 05 FF 01 02 88 01 62 01 E7 00", 0x05FF01, 0x028801, 0x62, "E7="},
	{"10 81 00 01 02 88 01 05 FF 01 72 01 E7 04 00 00 03 A0", 0x028801, 0x05FF01, 0x72,
	 "E7=000003A0"},
	{"10 81 00 01 02 88 01 05 FF 01 72 01 E7 04 FF FF FA 24", 0x028801, 0x05FF01, 0x72,
	 "E7=FFFFFA24"},
	{"10 81 00 02 05 FF 01 02 88 01 62 05 D3 00 D7 00 E1 00 E0 00 E3 00", 0x05FF01, 0x028801,
	 0x62, "D3= D7= E1= E0= E3="},
	{"10 81 00 02 02 88 01 05 FF 01 72 05 D3 04 00 00 00 01 D7 01 06 E1 01 01 E0 04 00 01 E2 40 "
	 "E3 04 00 00 03 15",
	 0x028801, 0x05FF01, 0x72, "D3=00000001 D7=06 E1=01 E0=0001E240 E3=00000315"},
	{"10 81 00 03 05 FF 01 02 88 01 62 02 E7 00 E8 00", 0x05FF01, 0x028801, 0x62, "E7= E8="},
	{"10 81 00 03 02 88 01 05 FF 01 72 02 E7 04 00 00 02 24 E8 04 00 1E 00 1C", 0x028801,
	 0x05FF01, 0x72, "E7=00000224 E8=001E001C"},
	{"10 81 00 04 02 88 01 05 FF 01 52 02 E7 04 00 00 02 24 D3 00", 0x028801, 0x05FF01, 0x52,
	 "E7=00000224 D3="},
	{"10 81 00 05 05 FF 01 02 88 01 61 01 E5 01 01", 0x05FF01, 0x028801, 0x61, "E5=01"},
	{"10 81 00 05 02 88 01 05 FF 01 71 01 E5 00", 0x028801, 0x05FF01, 0x71, "E5="},
	{"10 81 00 00 02 88 01 05 FF 01 73 02 EA 0B 07 E9 0B 16 0A 1E 00 00 01 E2 40 EB 0B 07 E9 0B "
	 "16 0A 1E 00 00 00 03 15",
	 0x028801, 0x05FF01, 0x73, "EA=07E90B160A1E000001E240 EB=07E90B160A1E0000000315"},
};

static void worked_frames(void **state)
{
	struct drv_en_frame f;
	struct drv_en_out o;
	struct mkt_buf text = MKT_BUF_INIT;
	uint8_t b[200];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(frames); i++) {
		size_t n = bytes(frames[i].hex, b);

		assert_int_equal(drv_en_decode(b, n, &f, NULL), n);
		assert_int_equal(f.seoj, frames[i].seoj);
		assert_int_equal(f.deoj, frames[i].deoj);
		assert_int_equal(f.esv, frames[i].esv);
		mkt_buf_clear(&text);
		drv_en_begin(&o, f.tid, f.seoj, f.deoj, f.esv);
		for (unsigned p = 0; p < f.n; p++) {
			mkt_buf_addf(&text, "%s%02X=", p ? " " : "", f.p[p].epc);
			for (unsigned at = 0; at < f.p[p].pdc; at++)
				mkt_buf_addf(&text, "%02X", f.p[p].edt[at]);
			drv_en_add(&o, f.p[p].epc, f.p[p].edt, f.p[p].pdc);
		}
		assert_string_equal(mkt_buf_str(&text), frames[i].props);
		assert_false(o.bad);
		assert_int_equal(o.n, n);
		assert_memory_equal(o.bytes, b, n);
		/* Cut anywhere it is no frame; with more behind it, it is as long as before. */
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(drv_en_decode(b, cut, &f, NULL), -MKT_EDEVFRAME);
		assert_int_equal(drv_en_decode(b, n + 3, &f, NULL), n);
	}
	mkt_buf_release(&text);
}

static void two_lists(void **state)
{
	static const char hex[] = "10 81 12 34 05 FF 01 02 7D 01 6E 01 DA 01 42 02 DA 00 D3 00";
	struct drv_en_frame f;
	struct drv_en_out o;
	uint8_t b[64], mode = 0x42;
	size_t n = bytes(hex, b);

	(void)state;
	assert_int_equal(drv_en_decode(b, n, &f, NULL), n);
	assert_int_equal(f.tid, 0x1234);
	assert_int_equal(f.nset, 1);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.p[2].epc, 0xD3);
	drv_en_begin(&o, 0x1234, DRV_EN_CONTROLLER, 0x027D01, DRV_EN_SETGET);
	drv_en_add(&o, 0xDA, &mode, 1);
	drv_en_second(&o);
	drv_en_add(&o, 0xDA, NULL, 0);
	drv_en_add(&o, 0xD3, NULL, 0);
	assert_int_equal(o.n, n);
	assert_memory_equal(o.bytes, b, n);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(drv_en_decode(b, cut, &f, NULL), -MKT_EDEVFRAME);
}

static void what_is_no_frame(void **state)
{
	static const char *const bad[] = {
		"10 82 00 20 05 FF 01 0E F0 01 62 01 D6 00", /* format 2 */
		"11 81 00 20 05 FF 01 0E F0 01 62 01 D6 00",
		"10 81 00 20 05 FF 01 0E F0 01 62 02 D6 00",
		"10 81 00 20 05 FF 01 0E F0 01 72 01 D6 05 00 00 00 00",
		"10 81 00 20 05 FF 01 0E F0 01 62 01 7F 00",
	};
	struct drv_en_frame f;
	struct drv_en_out o;
	struct mkt_err err;
	uint8_t b[600] = {0x10, 0x81, 0, 1, 5, 0xFF, 1, 2, 0x7D, 1, 0x62, 129};

	(void)state;
	memset(b + 12, 0x80, sizeof(b) - 12);
	for (size_t i = 13; i < sizeof(b); i += 2)
		b[i] = 0;
	assert_int_equal(drv_en_decode(b, sizeof(b), &f, &err), -MKT_EDEVFRAME);
	assert_non_null(strstr(err.text, "129"));
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		size_t n = bytes(bad[i], b);

		assert_int_equal(drv_en_decode(b, n, &f, &err), -MKT_EDEVFRAME);
		assert_true(err.text[0]);
	}
	drv_en_begin(&o, 1, 1, 2, DRV_EN_SETC);
	for (int i = 0; i < 6; i++)
		drv_en_add(&o, 0x80, b, 250);
	assert_true(o.bad);
	assert_true(o.n <= DRV_EN_BYTES_MAX);
}

static void property_maps(void **state)
{
	static const uint8_t epcs[] = {0x80, 0x81, 0x82, 0x88, 0x8A, 0x97, 0x98, 0x9D, 0x9E, 0x9F,
				       0xD3, 0xD7, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE7, 0xE8,
				       0xEA, 0xEB};
	uint8_t b[17], out[17];
	size_t n = bytes("16 41 41 41 60 40 40 00 62 43 00 41 40 00 02 02 02", b);
	struct drv_en_map m, want = {{0}};

	(void)state;
	for (size_t i = 0; i < sizeof(epcs); i++)
		drv_en_put(&want, epcs[i]);
	assert_int_equal(n, 17);
	assert_int_equal(drv_en_map_decode(b, n, &m, NULL), 0);
	assert_memory_equal(&m, &want, sizeof(m));
	assert_int_equal(drv_en_map_encode(&m, out), 17);
	assert_memory_equal(out, b, 17);

	n = bytes("03 80 DA FF", b);
	assert_int_equal(drv_en_map_decode(b, n, &m, NULL), 0);
	assert_true(drv_en_has(&m, 0x80) && drv_en_has(&m, 0xDA) && drv_en_has(&m, 0xFF));
	assert_false(drv_en_has(&m, 0x81) || drv_en_has(&m, 0x7F) || drv_en_has(&m, 0));
	assert_int_equal(drv_en_map_encode(&m, out), 4);
	assert_memory_equal(out, b, 4);
	drv_en_drop(&m, 0x80);
	drv_en_drop(&m, 0xDA);
	drv_en_drop(&m, 0xFF);
	assert_true(drv_en_empty(&m));
	/* None, too short, another count, twice the same, no property. */
	assert_int_equal(drv_en_map_decode(b, 0, &m, NULL), -MKT_EDEVFRAME);
	assert_int_equal(drv_en_map_decode(b, 3, &m, NULL), -MKT_EDEVFRAME);
	n = bytes("15 41 41 41 60 40 40 00 62 43 00 41 40 00 02 02 02", b);
	assert_int_equal(drv_en_map_decode(b, n, &m, NULL), -MKT_EDEVFRAME);
	n = bytes("02 80 80", b);
	assert_int_equal(drv_en_map_decode(b, n, &m, NULL), -MKT_EDEVFRAME);
	n = bytes("01 7F", b);
	assert_int_equal(drv_en_map_decode(b, n, &m, NULL), -MKT_EDEVFRAME);
	assert_int_equal(drv_en_map_decode((const uint8_t *)"", 1, &m, NULL), 0);
}

static void codes_are_no_numbers(void **state)
{
	static const struct {
		bool (*get)(const void *edt, size_t n, int64_t *v);
		const char *hex;
		bool ok;
		int64_t v;
	} t[] = {
		{drv_en_u8, "FD", true, 0xFD},
		{drv_en_u8, "FE", false, 0},
		{drv_en_u8, "FF", false, 0},
		{drv_en_u8, "00 00", false, 0},
		{drv_en_u16, "FF FD", true, 0xFFFD},
		{drv_en_u16, "FF FE", false, 0},
		{drv_en_u16, "FF FF", false, 0},
		{drv_en_u16, "01", false, 0},
		{drv_en_u32, "FF FF FF FD", true, 0xFFFFFFFD},
		{drv_en_u32, "FF FF FF FE", false, 0},
		{drv_en_u32, "FF FF FF FF", false, 0},
		{drv_en_s16, "7F FD", true, 0x7FFD},
		{drv_en_s16, "7F FE", false, 0},
		{drv_en_s16, "7F FF", false, 0},
		{drv_en_s16, "80 00", false, 0},
		{drv_en_s16, "80 01", true, -0x7FFF},
		{drv_en_s16, "FF FF", true, -1},
		{drv_en_s32, "FF FF FA 24", true, -1500},
		{drv_en_s32, "7F FF FF FD", true, 0x7FFFFFFD},
		{drv_en_s32, "7F FF FF FE", false, 0},
		{drv_en_s32, "7F FF FF FF", false, 0},
		{drv_en_s32, "80 00 00 00", false, 0},
		{drv_en_s32, "80 00 00 01", true, -0x7FFFFFFF},
		{drv_en_s32, "", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		uint8_t b[8];
		size_t n = bytes(t[i].hex, b);
		int64_t v = 4711;

		assert_int_equal(t[i].get(b, n, &v), t[i].ok);
		assert_int_equal(v, t[i].ok ? t[i].v : 4711);
	}
}

/* ---- requests ------------------------------------------------------------------------------ */

struct wire {
	struct drv_en_talk t;
	struct drv_device d;
	struct mkt_device_conf conf;
	uint8_t sent[DRV_EN_BYTES_MAX];
	size_t n;
	unsigned sends;
	bool busy;		  /* holds frames back */
	const char *say;	  /* hex that comes at the next pump */
	unsigned most;		  /* what this device answers at once; more is refused */
	bool deaf;		  /* says nothing to more than @most */
	uint8_t never;		  /* refuses this one always */
};

static int wire_send(void *arg, const uint8_t *frame, size_t n, struct mkt_err *err)
{
	struct wire *w = arg;

	if (w->busy)
		return mkt_err_set(err, MKT_EBUSY, "not now");
	memcpy(w->sent, frame, n);
	w->n = n;
	w->sends++;
	return 0;
}

static int wire_pump(void *arg, uint64_t until_ms, struct mkt_err *err)
{
	struct wire *w = arg;
	uint8_t b[300];

	(void)err;
	if (w->say) {
		drv_en_take(&w->t, b, bytes(w->say, b));
		w->say = NULL;
	} else if (drv_now_ms() < until_ms) {
		drv_sleep_ms(1);
	}
	return 0;
}

/* A device that answers with one byte, the property's number, for each. */
static int wire_device(void *arg, uint64_t until_ms, struct mkt_err *err)
{
	struct wire *w = arg;
	struct drv_en_frame f;
	struct drv_en_out o;
	bool all = true;

	(void)err;
	if (!w->n || drv_en_decode(w->sent, w->n, &f, NULL) < 0 || (w->deaf && f.n > w->most)) {
		if (drv_now_ms() < until_ms)
			drv_sleep_ms(1);
		return 0;
	}
	drv_en_begin(&o, f.tid, f.deoj, f.seoj, 0);
	for (unsigned i = 0; i < f.n; i++) {
		bool ok = i < w->most && f.p[i].epc != w->never;

		drv_en_add(&o, f.p[i].epc, &f.p[i].epc, ok);
		all &= ok;
	}
	o.bytes[10] = all ? 0x72 : 0x52;
	w->n = 0;
	drv_en_take(&w->t, o.bytes, o.n);
	return 0;
}

static void wire_init(struct wire *w, int (*pump)(void *, uint64_t, struct mkt_err *))
{
	const struct drv_en_io io = {w, wire_send, pump};

	memset(w, 0, sizeof(*w));
	w->d.conf = &w->conf;
	drv_en_talk_init(&w->t, &w->d, &io, 0x027D01);
	w->t.single_ms = w->t.several_ms = w->t.set_ms = 20;
	w->t.tries = 3;
}

static int ask(struct wire *w, uint8_t esv, const uint8_t *epcs, const uint8_t *edt, size_t n)
{
	struct drv_en_prop p[8];

	for (size_t i = 0; i < n; i++)
		p[i] = (struct drv_en_prop){epcs[i], edt ? 1 : 0, edt ? edt + i : NULL};
	return drv_en_request(&w->t, 0x027D01, esv, p, n, NULL);
}

static void answers_are_matched(void **state)
{
	static const uint8_t epcs[] = {0xCF, 0xDA};
	static const struct {
		const char *hex;
		enum drv_counter counted; /* DRV_ANSWERS: taken */
	} t[] = {
		{"10 81 00 01 02 7D 01 05 FF 01 72 02 CF 01 42 DA 01 42", DRV_ANSWERS},
		{"10 81 00 00 02 7D 01 05 FF 01 72 02 CF 01 42 DA 01 42", DRV_ANSWERS}, /* TID 0 */
		{"10 81 00 01 02 7D 01 05 FF 01 72 02 DA 01 42 CF 01 42", DRV_ANSWERS},
		{"10 81 00 01 02 7D 01 05 FF 01 52 02 CF 01 42 DA 00", DRV_REFUSALS},
		{"10 81 00 02 02 7D 01 05 FF 01 72 02 CF 01 42 DA 01 42", DRV_LATE}, /* TID */
		{"10 81 00 01 02 7D 02 05 FF 01 72 02 CF 01 42 DA 01 42", DRV_STRANGERS},
		{"10 81 00 01 02 7D 01 05 FF 01 71 02 CF 01 42 DA 01 42", DRV_BAD_FRAMES}, /* ESV */
		{"10 81 00 01 02 7D 01 05 FF 01 72 01 CF 01 42", DRV_BAD_FRAMES},
		{"10 81 00 01 02 7D 01 05 FF 01 72 02 CF 01 42 CF 01 42", DRV_BAD_FRAMES},
		{"10 81 00 01 02 7D 01 05 FF 01 72 02 CF 01 42 DA 01", DRV_BAD_FRAMES},
		{"10 81 00 01 02 7D 01 05 FF 01 72 02 CF 01 42 DA 01 42 00", DRV_BAD_FRAMES},
	};
	struct wire w;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		bool taken = t[i].counted == DRV_ANSWERS || t[i].counted == DRV_REFUSALS;

		wire_init(&w, wire_pump);
		assert_int_equal(ask(&w, DRV_EN_GET, epcs, NULL, 2), 0);
		w.say = t[i].hex;
		assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 5, NULL),
				 taken ? 0 : -MKT_EBUSY);
		assert_int_equal(w.d.counters[t[i].counted], 1);
		assert_int_equal(drv_en_byte(&w.t, 0xCF), taken ? 0x42 : -1);
		assert_int_equal(drv_en_has(&w.t.refused, 0xDA), t[i].counted == DRV_REFUSALS);
	}
}

/* 51: what comes back unchanged is refused, what comes back empty was taken. */
static void partial_refusals_of_sets(void **state)
{
	static const uint8_t epcs[] = {0xEB, 0xDA}, edt[] = {7, 0x42};
	struct wire w;

	(void)state;
	wire_init(&w, wire_pump);
	assert_int_equal(ask(&w, DRV_EN_SETC, epcs, edt, 2), 0);
	w.say = "10 81 00 01 02 7D 01 05 FF 01 51 02 EB 01 07 DA 00";
	assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 100, NULL), 0);
	assert_true(drv_en_has(&w.t.refused, 0xEB));
	assert_false(drv_en_has(&w.t.refused, 0xDA));
	assert_int_equal(ask(&w, DRV_EN_SETC, epcs, edt, 2), 0);
	w.say = "10 81 00 02 02 7D 01 05 FF 01 71 02 EB 00 DA 00";
	assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 100, NULL), 0);
	assert_true(drv_en_empty(&w.t.refused));
}

static void tries_have_new_tids_and_an_end(void **state)
{
	static const uint8_t epcs[] = {0xCF};
	struct mkt_err err;
	struct wire w;

	(void)state;
	wire_init(&w, wire_pump);
	assert_int_equal(ask(&w, DRV_EN_GET, epcs, NULL, 1), 0);
	assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 5000, &err), -MKT_EDEVTIMEOUT);
	assert_int_equal(w.sends, 3);
	assert_int_equal(w.sent[3], 3);
	assert_int_equal(w.d.counters[DRV_TIMEOUTS], 3);
	/* The answer to the first try counts while the second is out. */
	assert_int_equal(ask(&w, DRV_EN_GET, epcs, NULL, 1), 0);
	while (w.sends < 5)
		assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 1, NULL), -MKT_EBUSY);
	w.say = "10 81 00 04 02 7D 01 05 FF 01 72 01 CF 01 43";
	assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 100, NULL), 0);
	assert_int_equal(drv_en_byte(&w.t, 0xCF), 0x43);
	/* That of the request before the last one does not. */
	assert_int_equal(ask(&w, DRV_EN_GET, epcs, NULL, 1), 0);
	w.say = "10 81 00 05 02 7D 01 05 FF 01 72 01 CF 01 44";
	assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 2, NULL), -MKT_EBUSY);
	assert_int_equal(w.d.counters[DRV_LATE], 1);
	/* Held back, it is neither sent nor given up. */
	w.busy = true;
	w.sends = 0;
	drv_sleep_ms(100);
	for (int i = 0; i < 5; i++)
		assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 30, NULL), -MKT_EBUSY);
	w.busy = false;
	assert_int_equal(drv_en_wait(&w.t, drv_now_ms() + 5, NULL), -MKT_EBUSY);
	assert_int_equal(w.sends, 1);
}

static void notices_are_taken_and_answered(void **state)
{
	static const char answer[] = "10 81 00 09 05 FF 01 02 7D 01 7A 01 DA 00";
	struct wire w;
	uint8_t b[64], want[64];

	(void)state;
	wire_init(&w, wire_pump);
	drv_en_take(&w.t, b, bytes("10 81 00 07 02 7E 01 0E F0 01 73 01 DA 01 46", b));
	assert_false(w.t.noticed); /* another object's */
	drv_en_take(&w.t, b, bytes("10 81 00 07 02 7D 01 0E F0 01 73 01 DA 01 46", b));
	assert_true(w.t.noticed);
	assert_int_equal(drv_en_byte(&w.t, 0xDA), 0x46);
	assert_int_equal(w.sends, 0);
	drv_en_take(&w.t, b, bytes("10 81 00 09 02 7D 01 05 FF 01 74 01 DA 01 44", b));
	assert_int_equal(drv_en_byte(&w.t, 0xDA), 0x44);
	assert_int_equal(w.n, bytes(answer, want));
	assert_memory_equal(w.sent, want, w.n);
	/* Somebody looks for devices: not our affair. */
	drv_en_take(&w.t, b, bytes("10 81 00 09 05 FF 01 0E F0 01 62 01 D6 00", b));
	assert_int_equal(w.d.counters[DRV_STRANGERS] + w.d.counters[DRV_LATE], 0);
}

static void reads_as_many_as_the_device_likes(void **state)
{
	static const struct {
		unsigned most;
		bool deaf;
		uint8_t never;
		unsigned learnt; /* how many are asked for from then on */
	} t[] = {{99, false, 0, 16}, {99, false, 0xA5, 16}, {3, false, 0, 3}, {1, false, 0, 1},
		 {5, true, 0, 5},    {1, true, 0xA0, 1},    {4, false, 0xA1, 4}};
	struct drv_en_map set = {{0}};

	(void)state;
	for (uint8_t epc = 0xA0; epc < 0xB4; epc++)
		drv_en_put(&set, epc);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++) {
		struct wire w;
		unsigned before;

		wire_init(&w, wire_device);
		w.most = t[i].most;
		w.deaf = t[i].deaf;
		w.never = t[i].never;
		drv_en_pass_begin(&w.t, &set);
		assert_int_equal(drv_en_pass(&w.t, drv_now_ms() + 20000, NULL), 0);
		for (uint8_t epc = 0xA0; epc < 0xB4; epc++)
			assert_int_equal(drv_en_byte(&w.t, epc), epc == t[i].never ? -1 : epc);
		/* Once known, nothing is asked in vain. */
		drv_en_pass_begin(&w.t, &set);
		assert_int_equal(drv_en_byte(&w.t, 0xA2), -1); /* of the pass before */
		before = w.sends;
		assert_int_equal(drv_en_pass(&w.t, drv_now_ms() + 20000, NULL), 0);
		assert_true(w.t.most <= t[i].learnt + (t[i].deaf ? 2u : 0u));
		assert_true(w.sends - before <= 20u / w.t.most + 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worked_frames),
		cmocka_unit_test(two_lists),
		cmocka_unit_test(what_is_no_frame),
		cmocka_unit_test(property_maps),
		cmocka_unit_test(codes_are_no_numbers),
		cmocka_unit_test(answers_are_matched),
		cmocka_unit_test(partial_refusals_of_sets),
		cmocka_unit_test(tries_have_new_tids_and_an_end),
		cmocka_unit_test(notices_are_taken_and_answered),
		cmocka_unit_test(reads_as_many_as_the_device_likes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
