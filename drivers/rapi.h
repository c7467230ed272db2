/*
 * Frames of RAPI, the serial protocol of OpenEVSE controllers.
 *
 *	$GS :A7^5C\r			a command with sequence id and checksum
 *	$OK 01 0 01 0200 :A7^7E\r	its answer
 *	$AT 03 03 16 0540^36\r		a notice, at any time
 *
 * A frame begins at every '$' and ends at CR; what stands outside is text of a
 * boot or noise.  The checksum is two hex digits behind '^' (exclusive or of all
 * before it, from '$' on) or behind '*' (sum).  Firmware up to 3.11 answers
 * without one; the frame tells, and who reads decides whether to take it.
 *
 * Pure: bytes to frames and back.
 */
#ifndef MKT_DRIVERS_RAPI_H
#define MKT_DRIVERS_RAPI_H

#include "core/base/compat.h"

#define RAPI_COMMAND_MAX 31 /* '$' and 30 characters: a longer one is dropped without an answer */
#define RAPI_FRAME_MAX 95   /* longest frame that is read, without its CR */
#define RAPI_WORDS_MAX 12

uint8_t rapi_xor(const void *bytes, size_t n);
uint8_t rapi_sum(const void *bytes, size_t n);

/*
 * "$COMMAND :ID^XX\r" with its length; @id 0: without.  0: too long for a
 * controller, or @command holds what would end a frame.
 */
size_t rapi_build(char out[RAPI_COMMAND_MAX + 2], const char *command, uint8_t id);

/* The same without the bound of controllers' input, for answers and notices. */
size_t rapi_frame_text(char out[RAPI_FRAME_MAX + 2], const char *text, uint8_t id);

struct rapi_frame {
	bool checked;		       /* it had a checksum, which is right */
	uint8_t id;		       /* 0: none */
	uint8_t words;		       /* 1.. : "OK", "16" */
	const char *word[RAPI_WORDS_MAX]; /* into @text; "" beyond the last */
	uint8_t nraw;		       /* "$" excluded, checksum and id excluded */
	char raw[RAPI_FRAME_MAX + 1];  /* as it came */
	char text[RAPI_FRAME_MAX + 1]; /* cut into words */
};

struct rapi_reader {
	uint8_t n;
	bool inside; /* a '$' has come */
	char buf[RAPI_FRAME_MAX + 1];
};

/* Frame: *@f is filled.  Bad: one ended that is none (checksum, length, no words). */
enum rapi_got { RAPI_NOTHING = 0, RAPI_FRAME, RAPI_BAD };
enum rapi_got rapi_feed(struct rapi_reader *r, uint8_t byte, struct rapi_frame *f);

/* Words point into the frame they are of: never assign one. */
void rapi_frame_copy(struct rapi_frame *to, const struct rapi_frame *from);

/* What comes without being asked for. */
bool rapi_is_notice(const struct rapi_frame *f);
/* "OK" or "NK". */
bool rapi_is_answer(const struct rapi_frame *f);

/* A whole word as a number; false: it is none. */
bool rapi_dec(const char *word, int64_t *value);
bool rapi_hex(const char *word, uint32_t *value);

#endif
