/*
 * A device and its driver in a test, as the runtime would have them: opened,
 * polled, commanded, with -MKT_EBUSY called again.
 */
#ifndef MKT_TESTS_DRVTEST_H
#define MKT_TESTS_DRVTEST_H

#include "core/base/compat.h"
#include "drivers/driver.h"
#include "tests/memlink.h"

struct dut {
	struct mkt_device_conf conf;
	struct drv_device d;
	struct mkt_err err;
	uint64_t longest_ms; /* of all turns */
};

static inline void dut_init(struct dut *t, const struct drv_driver *driver)
{
	memset(t, 0, sizeof(*t));
	mkt_device_defaults(&t->conf);
	(void)snprintf(t->conf.name, sizeof(t->conf.name), "dut");
	t->conf.phases = 3;
	t->d.driver = driver;
	t->d.kind = driver->kind;
	t->d.conf = &t->conf;
	t->d.link = &mem;
}

static inline void dut_took(struct dut *t, uint64_t begin_ms)
{
	if (mem.now_ms - begin_ms > t->longest_ms)
		t->longest_ms = mem.now_ms - begin_ms;
}

static inline int dut_open(struct dut *t)
{
	uint64_t begin = mem.now_ms;
	int rc;

	t->d.conf = &t->conf;
	rc = t->d.driver->open(&t->d, &t->err);
	dut_took(t, begin);
	if (rc < 0)
		t->d.driver->close(&t->d);
	return rc;
}

static inline int dut_poll(struct dut *t)
{
	uint64_t begin = mem.now_ms;
	int rc = t->d.driver->poll(&t->d, &t->err);

	dut_took(t, begin);
	return rc;
}

static inline int dut_set(struct dut *t, enum mkt_set kind, int32_t value, int32_t *applied)
{
	struct mkt_setpoint set = {.kind = kind, .value = value}, got = {.value = -1};
	uint64_t begin;
	int rc, turns = 0;

	do {
		begin = mem.now_ms;
		rc = t->d.driver->command(&t->d, &set, &got, &t->err);
		dut_took(t, begin);
		if (rc == -MKT_EBUSY)
			mem.now_ms += DRV_AGAIN_MS;
	} while (rc == -MKT_EBUSY && ++turns < 1000);
	*applied = got.value;
	return rc;
}

static inline int dut_safe(struct dut *t)
{
	uint64_t begin;
	int rc, turns = 0;

	do {
		begin = mem.now_ms;
		rc = t->d.driver->safe_state(&t->d, &t->err);
		dut_took(t, begin);
		if (rc == -MKT_EBUSY)
			mem.now_ms += DRV_AGAIN_MS;
	} while (rc == -MKT_EBUSY && ++turns < 1000);
	return rc;
}

static inline int64_t dut_get(const struct dut *t, enum mkt_reading_id id)
{
	return mkt_reading_or(&t->d.r, id, INT64_MIN);
}

#endif
