/* SKSTACK-IP lines: those of a start-up and of an exchange, whole and in pieces. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "drivers/sk.h"

#define MODULE "FE80:0000:0000:0000:021D:1290:1234:0001"
#define METER "FE80:0000:0000:0000:1034:5678:1234:5678"

static const uint8_t frame[] = {0x10, 0x81, 0x00, 0x01, 0x02, 0x88, 0x01, 0x05, 0xFF,
				0x01, 0x72, 0x01, 0xE7, 0x04, 0x00, 0x00, 0x03, 0xA0};
#define FRAME_HEX "1081000102880105FF017201E704000003A0"

/* An item in words. */
static void describe(const struct drv_sk_item *it, struct mkt_buf *out)
{
	static const char *const kinds[] = {"none",    "ok",  "fail",	 "event",   "udp",  "pandesc",
					    "pan",     "version", "address", "text", "bad"};

	mkt_buf_addf(out, "%s", kinds[it->kind]);
	switch (it->kind) {
	case DRV_SK_FAIL:
		mkt_buf_addf(out, " %u", it->code);
		break;
	case DRV_SK_EVENT:
		mkt_buf_addf(out, " %02X %.4s %d", it->code, it->ip + 35, it->param);
		break;
	case DRV_SK_ADDRESS:
		mkt_buf_addf(out, " %s", it->ip);
		break;
	case DRV_SK_UDP:
		mkt_buf_addf(out, " %.4s %04X ", it->ip + 35, it->port);
		mkt_buf_addhex(out, it->data, it->n);
		break;
	default:
		mkt_buf_addf(out, "%s%s", it->text[0] ? " " : "", it->text);
	}
	mkt_buf_addstr(out, "\n");
}

/* All items of @n bytes that come @step at a time. */
static void read_all(const uint8_t *in, size_t n, size_t step, struct mkt_buf *out)
{
	struct drv_sk_item it;
	size_t begin = 0, used;

	mkt_buf_clear(out);
	for (size_t end = step < n ? step : n;; end = end + step < n ? end + step : n) {
		while ((used = drv_sk_next(in + begin, end - begin, &it))) {
			describe(&it, out);
			begin += used;
		}
		if (end == n)
			break;
	}
	if (begin < n)
		mkt_buf_addstr(out, "...\n");
}

static void reads_as(const void *in, size_t n, const char *want)
{
	struct mkt_buf out = MKT_BUF_INIT;

	for (size_t step = 1; step <= n; step = step < 8 ? step + 1 : step * 3) {
		read_all(in, n, step, &out);
		assert_string_equal(mkt_buf_str(&out), want);
	}
	mkt_buf_release(&out);
}

static void start_up(void **state)
{
	static const char in[] = "SKVER\r\nEVER 1.2.10\r\nOK\r\n"
				 "SKSREG SFE 0\r\nOK\r\n"
				 "OK 00\r\nOK 01\r\n"
				 "FAIL ER05\r\nFAIL ER10\r\n"
				 "EVENT 20 " METER "\r\n"
				 "EPANDESC\r\n  Channel:39\r\n  Channel Page:09\r\n  Pan ID:9876\r\n"
				 "  Addr:1234567812345678\r\n  LQI:2D\r\n  PairID:12345678\r\n"
				 "EVENT 22 " METER "\r\n" METER "\r\n"
				 "EVENT 21 " METER " 02\r\nEVENT 25 " METER "\r\n"
				 "EVENT 21 " METER " 0 01\r\nEVENT 25 " METER " 0\r\nESREG 1\r\n\r\n";

	(void)state;
	reads_as(in, sizeof(in) - 1,
		 "text SKVER\nversion 1.2.10\nok\ntext SKSREG SFE 0\nok\nok 00\nok 01\nfail 5\nfail 10\n"
		 "event 20 5678 -1\npandesc\npan Channel:39\npan Channel Page:09\npan Pan ID:9876\n"
		 "pan Addr:1234567812345678\npan LQI:2D\npan PairID:12345678\nevent 22 5678 -1\n"
		 "address " METER "\nevent 21 5678 2\nevent 25 5678 -1\n"
		 "event 21 5678 1\nevent 25 5678 -1\ntext ESREG 1\ntext\n");
}

static void payloads(void **state)
{
	static const char *const sides[] = {"", "0 "};
	struct mkt_buf in = MKT_BUF_INIT;

	(void)state;
	for (int i = 0; i < 4; i++) {
		mkt_buf_clear(&in);
		mkt_buf_addf(&in, "ERXUDP %s %s 0E1A 0E1A 1234567812345678 1 %s0012 ", METER, MODULE,
			     sides[i & 1]);
		if (i & 2)
			mkt_buf_add(&in, frame, sizeof(frame));
		else
			mkt_buf_addstr(&in, FRAME_HEX);
		mkt_buf_addstr(&in, "\r\nOK\r\n");
		reads_as(in.data, in.len, "udp 5678 0E1A 1081000102880105ff017201e704000003a0\nok\n");
	}
	/* Raw ones with line ends, and with text that looks like another line. */
	mkt_buf_clear(&in);
	mkt_buf_addf(&in, "ERXUDP %s %s 0E1A 0E1A 1234567812345678 1 0008 \r\nOK\r\nFA\r\nOK\r\n",
		     METER, MODULE);
	reads_as(in.data, in.len, "udp 5678 0E1A 0d0a4f4b0d0a4641\nok\n");
	/* PANA, to another port. */
	mkt_buf_clear(&in);
	mkt_buf_addf(&in, "ERXUDP %s %s 02CC 02CC 1234567812345678 0 0004 00000028\r\n", METER,
		     MODULE);
	reads_as(in.data, in.len, "udp 5678 02CC 00000028\n");
	mkt_buf_release(&in);
}

static void damage(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{"EVENT 25\r\nOK\r\n", "bad\nok\n"},
		{"EVENT 25 FE80\r\nOK\r\n", "bad\nok\n"},
		{"EVENT XX " METER "\r\nOK\r\n", "bad\nok\n"},
		{"EVENT 21 " METER " 001\r\nOK\r\n", "bad\nok\n"},
		{"FAIL ER\r\nOK\r\n", "bad\nok\n"},
		{"\xffOK\r\nOK\r\n", "text ?OK\nok\n"},
		{"OKAY\r\nOK\n", "text OKAY\nok\n"},
		{"ERXUDP " METER "\r\nOK\r\n", "bad\naddress " METER "\nok\n"},
		{"ERXUDP " METER " " MODULE " 0E1A 0E1A 1234 1 0001 AA\r\nOK\r\n",
		 "bad\ntext " METER " " MODULE " 0E1A 0E1A 1234 1 0001 AA\nok\n"},
		{"ERXUDP " METER " " MODULE " 0E1A 0E1A 1234567812345678 1 FFFF AA\r\nOK\r\n",
		 "bad\ntext " METER " " MODULE " 0E1A 0E1A 1234567812345678 1 FFFF AA\nok\n"},
		/* Shorter than it says: the next line is taken along, and both are lost. */
		{"ERXUDP " METER " " MODULE " 0E1A 0E1A 1234567812345678 1 0002 1\r\nOK\r\nOK\r\n",
		 "bad\ntext " METER " " MODULE " 0E1A 0E1A 1234567812345678 1 0002 1\nok\nok\n"},
	};
	struct drv_sk_item it;
	uint8_t long_one[DRV_SK_ITEM_MAX];

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(t); i++)
		reads_as(t[i].in, strlen(t[i].in), t[i].out);
	memset(long_one, 'x', sizeof(long_one));
	assert_int_equal(drv_sk_next(long_one, sizeof(long_one) - 1, &it), 0);
	assert_int_equal(drv_sk_next(long_one, sizeof(long_one), &it), sizeof(long_one));
	assert_int_equal(it.kind, DRV_SK_BAD);
}

static void pan_fields(void **state)
{
	struct drv_sk_pan p = {.have = 0};

	(void)state;
	assert_false(drv_sk_pan_field(&p, "Channel Page:09"));
	assert_false(drv_sk_pan_field(&p, "Channel:3"));
	assert_false(drv_sk_pan_field(&p, "Pan ID:98765"));
	assert_false(drv_sk_pan_field(&p, "Addr:123456781234567G"));
	assert_false(drv_sk_pan_field(&p, ""));
	assert_int_equal(p.have, 0);
	assert_true(drv_sk_pan_field(&p, "Channel:39"));
	assert_true(drv_sk_pan_field(&p, "Pan ID:9876"));
	assert_true(drv_sk_pan_field(&p, "LQI:2D"));
	assert_int_not_equal(p.have, DRV_SK_PAN_COMPLETE);
	assert_true(drv_sk_pan_field(&p, "Addr:1234567812345678"));
	assert_int_equal(p.have, DRV_SK_PAN_COMPLETE);
	assert_string_equal(p.channel, "39");
	assert_string_equal(p.pan, "9876");
	assert_string_equal(p.addr, "1234567812345678");
	assert_int_equal(p.lqi, 0x2D);
}

static void sending(void **state)
{
	static const uint8_t get[] = {0x10, 0x81, 0x00, 0x01, 0x05, 0xFF, 0x01,
				      0x02, 0x88, 0x01, 0x62, 0x01, 0xE7, 0x00};
	uint8_t out[200], want[200];
	size_t n = drv_sk_sendto(out, sizeof(out), METER, false, get, sizeof(get));
	int len = snprintf((char *)want, sizeof(want), "SKSENDTO 1 %s 0E1A 1 000E ", METER);

	(void)state;
	memcpy(want + len, get, sizeof(get)); /* and nothing after it */
	assert_int_equal(n, (size_t)len + sizeof(get));
	assert_memory_equal(out, want, n);
	n = drv_sk_sendto(out, sizeof(out), METER, true, get, sizeof(get));
	len = snprintf((char *)want, sizeof(want), "SKSENDTO 1 %s 0E1A 1 0 000E ", METER);
	memcpy(want + len, get, sizeof(get));
	assert_int_equal(n, (size_t)len + sizeof(get));
	assert_memory_equal(out, want, n);
	assert_int_equal(drv_sk_sendto(out, n - 1, METER, true, get, sizeof(get)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_up), cmocka_unit_test(payloads), cmocka_unit_test(damage),
		cmocka_unit_test(pan_fields), cmocka_unit_test(sending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
