/* Commands and answers of RAPI: see rapi_line.h. */
#include "core/base/compat.h"

#include "drivers/rapi_line.h"

#define CALL_MS (DRV_CALL_MAX_MS - 200)
#define FIRST_MS 700   /* answers take 5..70 ms, some half a second */
#define SECOND_MS 1300 /* the main loop stands still for up to 2 s while relays are tested */
#define LATE_MS 2000
#define LOOK_MS 20     /* how soon an answer that is owed is seen */
#define READS_MAX 512  /* of a line that never falls silent */

void rapi_line_init(struct rapi_line *q, struct drv_link *l, struct drv_device *d)
{
	*q = (struct rapi_line){.l = l, .d = d, .ids = true, .sums = true};
	q->id = (uint8_t)drv_link_nonce(l); /* not where the last run began */
	rapi_line_begin(q);
}

void rapi_line_begin(struct rapi_line *q)
{
	q->deadline_ms = drv_now_ms() + CALL_MS;
}

const char *rapi_answer_text(const struct rapi_line *q)
{
	return q->answer.raw;
}

static void count(struct rapi_line *q, enum drv_counter c)
{
	if (q->d)
		drv_count(q->d, c);
}

static void take_notice(struct rapi_line *q, const struct rapi_frame *f)
{
	if (!strcmp(f->word[0], "AB") ||
	    (!strcmp(f->word[0], "AT") && !strcmp(f->word[1], "00")))
		q->notices |= RAPI_BOOTED | RAPI_CHANGED;
	else if (!strcmp(f->word[0], "AT") || !strcmp(f->word[0], "ST"))
		q->notices |= RAPI_CHANGED;
}

/* An answer: ours, late, or the refusal of a command that was spoilt on its way. */
static void take_answer(struct rapi_line *q, const struct rapi_frame *f)
{
	bool bare_nk = !f->id && !strcmp(f->raw, "NK");
	bool ours = f->id ? f->id == q->id : !q->ids || (q->any && !bare_nk);

	if (q->waiting && !q->got && ours) {
		count(q, DRV_ANSWERS);
		rapi_frame_copy(&q->answer, f);
		q->got = true;
	} else if (q->waiting && bare_nk) {
		count(q, DRV_BAD_FRAMES);
		q->spoilt = true;
	} else {
		count(q, DRV_LATE);
		q->owed -= q->owed > 0;
	}
}

static void take(struct rapi_line *q, uint8_t byte)
{
	struct rapi_frame f;
	enum rapi_got got = rapi_feed(&q->reader, byte, &f);

	if (got == RAPI_NOTHING)
		return;
	if (got == RAPI_BAD || (!f.checked && q->sums && !q->any)) {
		count(q, DRV_BAD_FRAMES);
		q->bad = true;
	} else if (rapi_is_notice(&f) && (f.checked || !q->sums)) {
		take_notice(q, &f);
	} else if (rapi_is_answer(&f)) {
		take_answer(q, &f);
	} else {
		count(q, DRV_BAD_FRAMES);
	}
}

/* Take what comes until @until_ms, or until the answer has. */
static int receive(struct rapi_line *q, uint64_t until_ms, struct mkt_err *err)
{
	uint8_t buf[128];
	int n, reads = 0;

	do {
		n = drv_link_read(q->l, buf, sizeof(buf), until_ms, err);
		for (int i = 0; i < n; i++)
			take(q, buf[i]);
	} while (n > 0 && !q->got && !q->spoilt && ++reads < READS_MAX);
	return n < 0 ? n : 0;
}

int rapi_listen(struct rapi_line *q, struct mkt_err *err)
{
	q->waiting = q->got = q->spoilt = false;
	return receive(q, 0, err);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int send_command(struct rapi_line *q, const char *command, struct mkt_err *err)
{
	char out[RAPI_COMMAND_MAX + 2];
	size_t n;

	q->id = q->id == UINT8_MAX ? 1 : (uint8_t)(q->id + 1);
	n = rapi_build(out, command, q->ids || q->any ? q->id : 0);
	if (!n)
		return mkt_err_set(err, MKT_EINVAL, "'%s' is no command", command);
	count(q, DRV_REQUESTS);
	return drv_link_write(q->l, out, n, q->deadline_ms, err);
}

/* Without ids a late answer would be taken for the next one. */
static int wait_for_late(struct rapi_line *q, struct mkt_err *err)
{
	uint64_t until = sooner(q->quiet_ms, q->deadline_ms);
	int r = 0;

	while (r >= 0 && q->owed && drv_now_ms() < until)
		r = receive(q, sooner(until, drv_now_ms() + LOOK_MS), err);
	if (drv_now_ms() >= q->quiet_ms)
		q->owed = 0;
	return r;
}

/* 1 answered, 0 not; the line's errors. */
static int once(struct rapi_line *q, const char *command, uint32_t wait_ms, struct mkt_err *err)
{
	int r = rapi_listen(q, err);

	if (r >= 0 && !q->ids)
		r = wait_for_late(q, err);
	if (r >= 0)
		r = send_command(q, command, err);
	if (r < 0)
		return r;
	q->waiting = true;
	r = receive(q, sooner(drv_now_ms() + wait_ms, q->deadline_ms), err);
	q->waiting = false;
	if (r < 0 || q->got)
		return r < 0 ? r : 1;
	if (q->spoilt)
		return 0;
	count(q, DRV_TIMEOUTS);
	q->owed += q->owed < UINT8_MAX;
	q->quiet_ms = drv_now_ms() + LATE_MS;
	return 0;
}

int rapi_ask(struct rapi_line *q, const char *command, struct mkt_err *err)
{
	int tries = q->d && q->d->brief ? 1 : 2, r = 0;

	q->bad = false;
	for (int i = 0; i < tries && !r && drv_now_ms() < q->deadline_ms; i++)
		r = once(q, command, i ? SECOND_MS : FIRST_MS, err);
	if (r < 0)
		return r;
	if (!r && (q->bad || q->spoilt))
		return mkt_err_set(err, MKT_EDEVFRAME, "what came is no answer to '$%s'", command);
	if (!r)
		return mkt_err_set(err, MKT_EDEVTIMEOUT, "no answer to '$%s'", command);
	if (!strcmp(q->answer.word[0], "OK"))
		return 1;
	count(q, DRV_REFUSALS);
	return 0;
}
