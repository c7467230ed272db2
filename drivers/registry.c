/* The list of drivers: drivers/drivers.def. */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/driver.h"

#define DRV_DRIVER(symbol) extern const struct drv_driver drv_##symbol;
#include "drivers/drivers.def"
#undef DRV_DRIVER

const struct drv_driver *const drv_drivers[] = {
#define DRV_DRIVER(symbol) &drv_##symbol,
#include "drivers/drivers.def"
#undef DRV_DRIVER
	NULL,
};

const struct drv_driver *drv_find(const char *name)
{
	for (const struct drv_driver *const *d = drv_drivers; *d; d++)
		if (!strcmp((*d)->name, name))
			return *d;
	return NULL;
}
