/*
 * Any controller behind the driver `rapi`: each command is answered by a frame made
 * of the input's bytes, or by the bytes themselves.  No command is sent that must
 * never be (a current that is stored or that eight bits do not hold, echo, the
 * panic stop, an interval that wraps), none is too long, and no call takes longer
 * than it may.
 */
#include "core/base/compat.h"

#include "drivers/driver.h"
#include "drivers/rapi.h"
#include "tests/fuzz/fuzz.h"
#include "tests/memlink.h"

static const struct drv_driver *driver;
static const uint8_t *data;
static size_t left;

static uint8_t next(void)
{
	if (!left)
		return 0;
	left--;
	return *data++;
}

/* Words that mean something, and numbers of any size. */
static void word(char *out, size_t size)
{
	static const char *const words[] = {
		"0", "1", "2", "3", "6", "16", "20", "32", "100", "-1", "fe", "ff", "03", "06", "00",
		"0540", "0500", "0100", "4100", "1008", "230000", "8.2.3.EU", "5.2.1", "4.0.1",
		"1.0.3", "7.0.0", "30", "165", "-2560",
	};
	uint8_t c = next();

	if (c < MKT_ARRAY_SIZE(words))
		snprintf(out, size, " %s", words[c]);
	else if (c < 128)
		snprintf(out, size, " %u", c * 77777u);
	else
		snprintf(out, size, " %x", next());
}

static void push_frame(struct drv_link *l, const char *kind, uint8_t id)
{
	char text[80], frame[RAPI_FRAME_MAX + 2], w[16];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", kind);

	for (unsigned words = next() % 6; words; words--) {
		word(w, sizeof(w));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", w);
	}
	mem_push(l, next() % 4 ? 5 : next() * 4u, frame, rapi_frame_text(frame, text, id));
}

static void push_bytes(struct drv_link *l)
{
	uint8_t bytes[64];
	size_t n = next() % sizeof(bytes);

	for (size_t i = 0; i < n; i++)
		bytes[i] = next();
	mem_push(l, next(), bytes, n);
}

static void check_command(const struct rapi_frame *f)
{
	int64_t n = -1, a = -1;

	FUZZ_CHECK(strcmp(f->word[0], "FD") != 0 && strcmp(f->word[0], "FF") != 0);
	if (!strcmp(f->word[0], "SC")) {
		FUZZ_CHECK(f->words == 3 && !strcmp(f->word[2], "V"));
		FUZZ_CHECK(rapi_dec(f->word[1], &n) && n >= 6 && n <= 100);
	}
	if (!strcmp(f->word[0], "SY") && f->words == 3) {
		FUZZ_CHECK(rapi_dec(f->word[1], &n) && rapi_dec(f->word[2], &a));
		FUZZ_CHECK((!n && !a) || (n >= 5 && n <= 60 && a <= 100));
	}
}

static void peer(struct drv_link *l, const uint8_t *bytes, size_t n)
{
	struct rapi_reader r = {0};
	struct rapi_frame f;
	enum rapi_got got = RAPI_NOTHING;
	uint8_t mood = next();

	FUZZ_CHECK(n <= RAPI_COMMAND_MAX + 1);
	for (size_t i = 0; i < n; i++)
		got = rapi_feed(&r, bytes[i], &f);
	FUZZ_CHECK(got == RAPI_FRAME && f.checked);
	check_command(&f);
	if (mood & 0x80)
		push_frame(l, mood & 0x40 ? "AT" : "AB", 0);
	if ((mood & 7) == 7)
		push_bytes(l);
	else if ((mood & 7) != 6)
		push_frame(l, (mood & 7) == 5 ? "NK" : "OK", (mood & 0x38) == 0x38 ? next() : f.id);
}

/* One call of the driver, and again while it is busy. */
static int call(struct drv_device *d, uint8_t what)
{
	struct mkt_setpoint set = {what & 1 ? MKT_SET_CURRENT : MKT_SET_POWER, next() * 100}, got;
	uint64_t begin = mem.now_ms;
	struct mkt_err err;
	int rc;

	if (what < 64)
		rc = driver->poll(d, &err);
	else if (what < 96)
		rc = driver->keepalive(d, &err);
	else if (what < 112)
		rc = driver->input(d, &err);
	else if (what < 128)
		rc = driver->safe_state(d, &err);
	else
		rc = driver->command(d, &set, &got, &err);
	FUZZ_CHECK(mem.now_ms - begin <= DRV_CALL_MAX_MS);
	if (what >= 128 && rc >= 0)
		FUZZ_CHECK(got.kind == set.kind && got.value >= 0 && got.value <= set.value);
	mem.now_ms += 250;
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct mkt_device_conf conf = {.name = "ev", .phases = 1, .nominal_mv = 230000};
	struct drv_device d = {.conf = &conf, .link = &mem};
	struct mkt_err err;
	int rc;

	data = bytes;
	left = size;
	mem_reset(false);
	mem.peer = peer;
	driver = d.driver = drv_find("rapi");
	conf.exit = (enum mkt_exit_state)(next() % 3);
	conf.max_ma = next() % 2 ? 20000 : 0;
	do {
		rc = driver->open(&d, &err);
		mem.now_ms += 250;
	} while (rc == -MKT_EBUSY && left);
	for (unsigned i = 0; rc >= 0 && i < 40 && left; i++)
		call(&d, next());
	driver->close(&d);
	return 0;
}
