/*
 * The SunSpec driver over a real line: opens, reads, orders, lets go, and tells
 * what it found as "name value" lines for tests/e2e/sunspec_peer.sh.
 *
 *	sunspec_line PORT [serial=TEXT] [watchdog=S] ORDER...
 *
 * ORDER: power=W, mode=WORD, safe, poll, wait=MS, for=MS (poll and keep alive).
 */
#include "core/base/compat.h"

#include "drivers/driver.h"

extern const struct drv_driver drv_sunspec;

static struct mkt_device_conf conf;
static struct drv_device dev;
static struct mkt_err err;

static int told(const char *what, int rc)
{
	if (rc < 0)
		printf("%s failed: %s: %s\n", what, mkt_code_word(-rc), err.text);
	else
		printf("%s done\n", what);
	return rc;
}

static int again(int (*call)(struct drv_device *d, struct mkt_err *e))
{
	int rc;

	while ((rc = call(&dev, &err)) == -MKT_EBUSY)
		drv_sleep_ms(DRV_AGAIN_MS);
	return rc;
}

static void show(void)
{
	printf("kind %s\n", mkt_dev_kind_word((int)dev.kind));
	printf("id %s|%s|%s|%s\n", dev.id.maker, dev.id.model, dev.id.version, dev.id.serial);
	for (unsigned bit = 1; bit; bit <<= 1)
		if (dev.caps & bit)
			printf("can %s\n", mkt_dev_cap_word(bit));
	for (int i = 0; i < MKT_READINGS; i++)
		if (dev.r.v[i].known)
			printf("%s %lld\n", mkt_reading_info[i].name, (long long)dev.r.v[i].value);
}

static int order(enum mkt_set kind, int32_t value)
{
	struct mkt_setpoint set = {kind, value}, applied = {MKT_SET_NONE, 0};
	int rc;

	while ((rc = dev.driver->command(&dev, &set, &applied, &err)) == -MKT_EBUSY)
		drv_sleep_ms(DRV_AGAIN_MS);
	if (rc == 0)
		printf("applied %d\n", applied.value);
	return told("order", rc);
}

/* As the runtime would: polls, and keepalive() as often as it is wanted. */
static void live(uint32_t ms)
{
	uint64_t end = drv_now_ms() + ms, kept = drv_now_ms();

	while (drv_now_ms() < end) {
		if (again(drv_sunspec.poll) < 0)
			told("poll", -err.code);
		if (dev.keepalive_ms && drv_now_ms() - kept >= dev.keepalive_ms) {
			kept = drv_now_ms();
			if (drv_sunspec.keepalive(&dev, &err) < 0)
				told("keepalive", -err.code);
		}
		drv_sleep_ms(200);
	}
}

static void act(const char *what)
{
	if (!strncmp(what, "power=", 6))
		order(MKT_SET_POWER, (int32_t)strtol(what + 6, NULL, 10));
	else if (!strncmp(what, "mode=", 5))
		order(MKT_SET_MODE, mkt_dev_mode_find(what + 5));
	else if (!strcmp(what, "safe"))
		told("safe", again(dev.driver->safe_state));
	else if (!strncmp(what, "wait=", 5))
		drv_sleep_ms((uint32_t)strtoul(what + 5, NULL, 10));
	else if (!strncmp(what, "for=", 4))
		live((uint32_t)strtoul(what + 4, NULL, 10));
	else if (told("poll", again(dev.driver->poll)) == 0)
		show();
}

int main(int argc, char **argv)
{
	struct drv_link_conf lc = {.pause_ms = drv_sunspec.pause_ms, .line = drv_sunspec.line};
	int i = 2;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkt_device_defaults(&conf);
	conf.exit = MKT_EXIT_AUTO;
	if (i < argc && !strncmp(argv[i], "serial=", 7))
		snprintf(conf.serial, sizeof(conf.serial), "%s", argv[i++] + 7);
	if (i < argc && !strncmp(argv[i], "watchdog=", 9))
		conf.watchdog_s = (uint32_t)strtoul(argv[i++] + 9, NULL, 10);
	dev = (struct drv_device){.driver = &drv_sunspec, .conf = &conf};
	lc.port = argv[1];
	if (told("link", drv_link_open(&lc, &dev.link, &err)) < 0)
		return 1;
	if (told("open", again(drv_sunspec.open)) == 0) {
		show();
		for (; i < argc; i++)
			act(argv[i]);
	}
	drv_sunspec.close(&dev);
	drv_link_close(dev.link);
	return 0;
}
