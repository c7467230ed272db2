/*
 * SKSTACK-IP, the language of Wi-SUN modules: lines of text in both directions,
 * with binary payloads in the midst.  Pure.
 *
 * Modules with two stacks (BP35C2, RL7023 DSS) print one field more in EVENT and
 * ERXUDP (the side, one digit), which is told from its neighbours by its length;
 * the payload of ERXUDP may be raw or hex text whatever ROPT says, and is told by
 * what it is.  Sources: ROHM "BP35A1 command reference"; Tessera "SKSTACK-IP for
 * RL7023" transcripts.
 */
#ifndef MKT_DRIVERS_SK_H
#define MKT_DRIVERS_SK_H

#include "core/base/compat.h"

#define DRV_SK_DATA_MAX 1232
#define DRV_SK_TEXT_MAX 127
#define DRV_SK_IP_LEN 39 /* FE80:0000:0000:0000:1034:5678:1234:5678 */
#define DRV_SK_ITEM_MAX (2 * DRV_SK_DATA_MAX + 256) /* bytes of the longest item */
#define DRV_SK_PORT 0x0E1A /* 3610, ECHONET Lite */

enum drv_sk_kind {
	DRV_SK_OK = 1,	/* text: what follows, "00" */
	DRV_SK_FAIL,	/* code: of ERnn */
	DRV_SK_EVENT,	/* code, ip, param */
	DRV_SK_UDP,	/* ip: the source; port: ours; data */
	DRV_SK_PANDESC, /* the lines of it follow */
	DRV_SK_PAN,	/* text: "Channel:39" */
	DRV_SK_VERSION, /* text: "1.2.10" */
	DRV_SK_ADDRESS, /* ip */
	DRV_SK_TEXT,	/* anything else: echoes, boot text, ESREG */
	DRV_SK_BAD	/* a damaged EVENT or ERXUDP, or no line at all */
};

struct drv_sk_item {
	enum drv_sk_kind kind;
	uint8_t code;
	int param; /* last field of EVENT; -1: none */
	char ip[DRV_SK_IP_LEN + 1];
	uint16_t port;
	char text[DRV_SK_TEXT_MAX + 1]; /* cut */
	uint16_t n;
	uint8_t data[DRV_SK_DATA_MAX];
};

/*
 * The first item of @bytes.  Returns how many bytes it takes; 0: more must come,
 * which is never said of DRV_SK_ITEM_MAX bytes or more.
 */
size_t drv_sk_next(const uint8_t *bytes, size_t n, struct drv_sk_item *out);

/* What a scan found; complete with channel, PAN and address. */
struct drv_sk_pan {
	char channel[3], pan[5], addr[17];
	uint8_t lqi;
	uint8_t have; /* bits: 1 channel, 2 PAN, 4 address */
};
#define DRV_SK_PAN_COMPLETE 7

/* One line of EPANDESC.  False: not a field that matters, or not well formed. */
bool drv_sk_pan_field(struct drv_sk_pan *p, const char *text);

/*
 * SKSENDTO: text, one space, then the raw frame and nothing else.  Returns the
 * length, or 0: it does not fit @size.
 */
size_t drv_sk_sendto(uint8_t *out, size_t size, const char *ip, bool dual, const uint8_t *frame,
		     size_t n);

#endif
