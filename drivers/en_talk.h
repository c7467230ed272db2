/*
 * Talking to one ECHONET Lite object: one request at a time, tried again with a
 * new TID, answers matched by TID (0 is tolerated), SEOJ, ESV and properties; a
 * cache of what it has said; reading many properties in as many requests as the
 * device likes.  The transport (UDP, B route) is the driver's.
 *
 * Everything may take longer than a call: what waits returns -MKT_EBUSY at its
 * deadline and goes on when it is called again.
 *
 * A late answer counts as one and is dropped, as is one of another object; an
 * answer that is none of what was asked changes nothing.
 */
#ifndef MKT_DRIVERS_EN_TALK_H
#define MKT_DRIVERS_EN_TALK_H

#include "drivers/driver.h"
#include "drivers/echonet.h"

#define DRV_EN_VALUE_MAX 17 /* bytes: property maps, identification */

struct drv_en_io {
	void *arg;
	/* Send one frame: 0, -MKT_EBUSY not now, or negative. */
	int (*send)(void *arg, const uint8_t *frame, size_t n, struct mkt_err *err);
	/* Wait for something until @until_ms; hand frames to drv_en_take().  0 or negative. */
	int (*pump)(void *arg, uint64_t until_ms, struct mkt_err *err);
};

struct drv_en_value {
	uint8_t n; /* 0: never said */
	uint8_t edt[DRV_EN_VALUE_MAX];
	uint32_t pass; /* during which it was said */
	uint64_t at_ms;
};

struct drv_en_talk {
	struct drv_device *d; /* for counters; NULL: nothing is counted */
	struct drv_en_io io;
	uint32_t eoj; /* with whom */

	/* settings */
	uint32_t single_ms, several_ms, set_ms; /* answer time: get of one, of several; set */
	uint8_t tries;				/* requests altogether, each with its TID */
	uint8_t most; /* properties in a get; falls when they are too many */

	/* the request */
	bool waiting;
	uint8_t sent;		   /* so often */
	uint16_t tid;		   /* of the last; the ones before it count as well */
	uint8_t asked;		   /* properties */
	uint32_t deoj;
	uint64_t again_ms;	   /* then it is sent again, or given up */
	struct drv_en_out req;
	struct drv_en_map want;    /* what it names */
	struct drv_en_map refused; /* of the last answer */
	struct drv_en_frame answer;
	uint8_t bytes[DRV_EN_BYTES_MAX]; /* of the answer */

	/* reading many */
	struct drv_en_map todo, alone, hopeless;
	bool passing;
	uint8_t got;	 /* values of the last request that was partly refused */
	uint8_t most_ok; /* most properties ever answered at once */
	uint32_t pass;	 /* its number */

	bool noticed; /* a notice came: the caller clears it */
	struct drv_en_value v[128];
};

/* With the answer times of UDP: 5 s, 20 s for sets, four tries. */
void drv_en_talk_init(struct drv_en_talk *t, struct drv_device *d, const struct drv_en_io *io,
		      uint32_t eoj);

/* A frame came: answer, notice, or nothing for us. */
void drv_en_take(struct drv_en_talk *t, const uint8_t *bytes, size_t n);

/*
 * Ask @deoj (usually t->eoj).  A request that was under way is given up.  Then
 * drv_en_wait() until it is not busy.
 */
int drv_en_request(struct drv_en_talk *t, uint32_t deoj, uint8_t esv,
		   const struct drv_en_prop *props, size_t n, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * 0: t->answer and t->refused are there; -MKT_EBUSY: not yet at @until_ms;
 * -MKT_EDEVTIMEOUT: never; the transport's errors.
 */
int drv_en_wait(struct drv_en_talk *t, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* The request under way was lost on the way: send it again after @ms. */
void drv_en_lost(struct drv_en_talk *t, uint32_t ms);

/*
 * Read all of @set into the cache, in as many requests as it takes.  What the
 * device refuses when it is asked alone is not asked again.  drv_en_pass() as
 * drv_en_wait().
 */
void drv_en_pass_begin(struct drv_en_talk *t, const struct drv_en_map *set);
int drv_en_pass(struct drv_en_talk *t, uint64_t until_ms, struct mkt_err *err) MKT_MUST_CHECK;

/* The value of a property if it was said since the last pass began, else NULL. */
const struct drv_en_value *drv_en_value(const struct drv_en_talk *t, uint8_t epc);
int drv_en_byte(const struct drv_en_talk *t, uint8_t epc); /* one byte as it is, or -1 */

#endif
