/*
 * ECHONET Lite frames, format 1: bytes to properties and back.  Pure.
 *
 *	EHD 10 81 | TID 2 | SEOJ 3 | DEOJ 3 | ESV | OPC | { EPC PDC EDT } x OPC
 *
 * SetGet (6E, 7E, 5E) has a second OPC and list.  There is no checksum, so each
 * length is checked and a frame counts only if it answers something that was
 * asked (drivers/en_talk.h).  Source: ECHONET Lite Specification part 2, 1.14;
 * device objects, appendix release K.
 *
 * Objects are numbers: class group, class, instance: 0x027D01.
 */
#ifndef MKT_DRIVERS_ECHONET_H
#define MKT_DRIVERS_ECHONET_H

#include "core/base/compat.h"
#include "core/base/err.h"

#define DRV_EN_BYTES_MAX 1232 /* of a frame: one IPv6 datagram that needs no fragments */
#define DRV_EN_PROPS_MAX 128  /* of a frame: there are no more properties (80..FF) */
#define DRV_EN_HEADER 12

#define DRV_EN_CONTROLLER 0x05FF01u
#define DRV_EN_NODE 0x0EF001u

enum drv_en_class {
	DRV_EN_PV = 0x0279,
	DRV_EN_BATTERY = 0x027D,
	DRV_EN_V2H = 0x027E,
	DRV_EN_METER = 0x0288,
	DRV_EN_CHARGER = 0x02A1
};

/* Requests; the answer is 0x10 more, the refusal 0x10 less. */
enum drv_en_esv {
	DRV_EN_SETI = 0x60,
	DRV_EN_SETC = 0x61,
	DRV_EN_GET = 0x62,
	DRV_EN_INF_REQ = 0x63,
	DRV_EN_SETGET = 0x6E,
	DRV_EN_INF = 0x73,
	DRV_EN_INFC = 0x74,
	DRV_EN_INFC_RES = 0x7A
};

struct drv_en_prop {
	uint8_t epc, pdc;
	const uint8_t *edt; /* @pdc bytes within the frame; NULL if there are none */
};

struct drv_en_frame {
	uint16_t tid;
	uint32_t seoj, deoj;
	uint8_t esv;
	uint8_t n;    /* of both lists */
	uint8_t nset; /* SetGet: the first so many are the set list; else all */
	struct drv_en_prop p[DRV_EN_PROPS_MAX];
};

/*
 * Decode the frame at the beginning of @bytes.  Returns its length; @out points
 * into @bytes.  -MKT_EDEVFRAME with what is wrong.
 */
int drv_en_decode(const uint8_t *bytes, size_t n, struct drv_en_frame *out,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* A frame being written; begin, add ..., and look at @bad once at the end. */
struct drv_en_out {
	uint8_t bytes[DRV_EN_BYTES_MAX];
	size_t n;
	size_t opc; /* where the count of the list stands */
	bool bad;   /* too long */
};

void drv_en_begin(struct drv_en_out *o, uint16_t tid, uint32_t seoj, uint32_t deoj, uint8_t esv);
void drv_en_add(struct drv_en_out *o, uint8_t epc, const void *edt, uint8_t pdc);
void drv_en_second(struct drv_en_out *o); /* SetGet: what follows is the get list */

/*
 * Numbers.  False if the length is another or the value is a code for overflow,
 * underflow or no data; *@v is then untouched.
 */
bool drv_en_u8(const void *edt, size_t n, int64_t *v);
bool drv_en_u16(const void *edt, size_t n, int64_t *v);
bool drv_en_u32(const void *edt, size_t n, int64_t *v);
bool drv_en_s16(const void *edt, size_t n, int64_t *v);
bool drv_en_s32(const void *edt, size_t n, int64_t *v);

void drv_en_put16(uint8_t out[2], uint16_t v);
void drv_en_put32(uint8_t out[4], uint32_t v);

/* A set of properties 80..FF. */
struct drv_en_map {
	uint8_t bits[16];
};

bool drv_en_has(const struct drv_en_map *m, uint8_t epc); /* false below 80 */
void drv_en_put(struct drv_en_map *m, uint8_t epc);
void drv_en_drop(struct drv_en_map *m, uint8_t epc);
bool drv_en_empty(const struct drv_en_map *m);

/*
 * Property maps (9D, 9E, 9F): fewer than 16 as a list, else 17 bytes of bits.
 * -MKT_EDEVFRAME: neither, or not as many as it says.
 */
int drv_en_map_decode(const uint8_t *edt, size_t n, struct drv_en_map *out,
		      struct mkt_err *err) MKT_MUST_CHECK;
size_t drv_en_map_encode(const struct drv_en_map *m, uint8_t out[17]);

#endif
