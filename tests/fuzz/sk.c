/*
 * What a Wi-SUN module says.  Each item takes bytes; a full buffer always gives
 * one; and what is said in one piece is understood the same in two.
 */
#include "core/base/compat.h"

#include "drivers/sk.h"
#include "tests/fuzz/fuzz.h"

static void check_item(const struct drv_sk_item *it)
{
	struct drv_sk_pan p = {.have = 0};

	FUZZ_CHECK(it->kind >= DRV_SK_OK && it->kind <= DRV_SK_BAD);
	FUZZ_CHECK(it->n <= DRV_SK_DATA_MAX && strlen(it->text) <= DRV_SK_TEXT_MAX);
	FUZZ_CHECK(strlen(it->ip) == 0 || strlen(it->ip) == DRV_SK_IP_LEN);
	if ((it->kind == DRV_SK_UDP || it->kind == DRV_SK_EVENT || it->kind == DRV_SK_ADDRESS))
		FUZZ_CHECK(it->ip[0]);
	if (it->kind == DRV_SK_PAN && drv_sk_pan_field(&p, it->text))
		FUZZ_CHECK(strlen(p.channel) <= 2 && strlen(p.pan) <= 4 && strlen(p.addr) <= 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drv_sk_item it, part;
	size_t used, at = 0, n;

	while (at < size) {
		used = drv_sk_next(data + at, size - at, &it);
		FUZZ_CHECK(used <= size - at);
		if (!used) {
			FUZZ_CHECK(size - at < DRV_SK_ITEM_MAX);
			break;
		}
		check_item(&it);
		/* Cut short it is not there yet, or (damaged) known as such early. */
		n = drv_sk_next(data + at, used / 2, &part);
		FUZZ_CHECK(!n || part.kind == DRV_SK_BAD || n == used);
		at += used;
	}
	return 0;
}
