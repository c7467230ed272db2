/*
 * The way to a Japanese smart meter: a Wi-SUN module that speaks SKSTACK-IP, from
 * its version to a joined session (broute_link.c), and the meter behind it
 * (meter_broute.c).
 *
 * A scan takes 18 to 72 s and a join up to a minute: drv_br_run() goes as far as
 * it can by its deadline.
 */
#ifndef MKT_DRIVERS_BROUTE_H
#define MKT_DRIVERS_BROUTE_H

#include "drivers/en_talk.h"
#include "drivers/sk.h"

#define DRV_BR_ID_LEN 32
#define DRV_BR_PASSWORD_LEN 12
#define DRV_BR_JOINS 3		   /* tries before backing off */
#define DRV_BR_BACKOFF_MS 180000
#define DRV_BR_BAN_MS 120000	   /* re-authentication must be over by then */

enum drv_br_state {
	DRV_BR_VERSION = 0,
	DRV_BR_ECHO, /* off */
	DRV_BR_FORMAT,
	DRV_BR_SET_FORMAT,
	DRV_BR_PASSWORD,
	DRV_BR_ID,
	DRV_BR_SCAN,
	DRV_BR_CHANNEL,
	DRV_BR_PAN,
	DRV_BR_ADDRESS,
	DRV_BR_JOIN,
	DRV_BR_BACKOFF,
	DRV_BR_JOINED
};

/* What a command was answered with. */
enum drv_br_answer { DRV_BR_NONE = 0, DRV_BR_OK, DRV_BR_FAIL };

struct drv_br {
	struct drv_device *d; /* NULL while probing */
	struct drv_link *link;
	const char *secret; /* file of the credentials */
	struct drv_en_talk t;

	enum drv_br_state state;
	bool said;	/* the command of this state is out */
	uint8_t tries;	/* so often without an answer */
	enum drv_br_answer answer;
	uint8_t code;	/* of FAIL */
	uint64_t limit_ms;

	bool quiet;	 /* does not echo */
	bool dual;	 /* commands with a side */
	bool raw;	 /* ROPT said 00 */
	uint8_t scan;	 /* duration 6..8 */
	uint8_t joins;	 /* failed ones */
	struct drv_sk_pan pan, found; /* being read; the best */
	char ip[DRV_SK_IP_LEN + 1];
	char version[DRV_SK_TEXT_MAX + 1];

	bool anew;	 /* joined since this was last cleared */
	bool expired;	 /* EVENT 29: the session is being renewed, send nothing */
	uint64_t expired_ms;
	bool limited;	 /* EVENT 32: too much was sent this hour */

	uint8_t buf[DRV_SK_ITEM_MAX];
	size_t n;
	uint64_t heard_ms;
};

void drv_br_init(struct drv_br *b, struct drv_link *l, struct drv_device *d, const char *secret);

/*
 * Towards DRV_BR_JOINED: 0 it is; -MKT_EBUSY not yet at @until_ms.  -MKT_EUSAGE the
 * credentials; -MKT_EDEVTIMEOUT no module, no meter; -MKT_EDEVREFUSED.
 * A failed authentication is tried DRV_BR_JOINS times, then again after minutes.
 */
int drv_br_run(struct drv_br *b, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* Read what comes until something has come, or @until_ms. */
int drv_br_pump(struct drv_br *b, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* The session is dead: join again. */
void drv_br_rejoin(struct drv_br *b);

/*
 * The file: "id = " and 32 hex digits, "password = " and 12 letters or digits;
 * blanks within them do not count.  Only its owner, this user or root, may read
 * it.  -MKT_EUSAGE; no message has any of it.  Wipe @out after use.
 */
struct drv_br_secret {
	char id[DRV_BR_ID_LEN + 1];
	char password[DRV_BR_PASSWORD_LEN + 1];
};
/* What is to be told on link @l: of @file, or zeros to a recording, which has stars there. */
int drv_br_secret(const struct drv_link *l, const char *file, struct drv_br_secret *out,
		  struct mkt_err *err) MKT_MUST_CHECK;
int drv_br_secret_read(const char *file, struct drv_br_secret *out, struct mkt_err *err)
	MKT_MUST_CHECK;

#endif
