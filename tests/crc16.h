/* The CRC of Modbus RTU, for tests that make frames. */
#ifndef MKT_TESTS_CRC16_H
#define MKT_TESTS_CRC16_H

#include "core/base/compat.h"

static inline uint16_t crc16(const uint8_t *bytes, size_t n)
{
	uint16_t crc = 0xFFFF;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
	}
	return crc;
}

#endif
