/*
 * Any bytes from a server at its client.  What stands before a byte 0x01 is there
 * when the client connects, what stands behind it comes as the answer to a request.
 * Whatever it is: names and texts end, words are known ones, a pass of time is not
 * waited for.
 */
#include "core/base/compat.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/device/client.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX 65536 /* fits the buffer of a socket */

static int pair[2];
static const uint8_t *answer;
static size_t answer_n;


/* The other end is ours. */
int connect(int fd, const struct sockaddr *sa, socklen_t n)
{
	(void)sa;
	(void)n;
	return dup2(pair[0], fd) < 0 ? -1 : 0;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	(void)fd;
	(void)p;
	(void)flags;
	if (answer_n)
		FUZZ_CHECK(write(pair[1], answer, answer_n) == (ssize_t)answer_n);
	answer_n = 0;
	shutdown(pair[1], SHUT_WR);
	return (ssize_t)n;
}

static bool ends(const char *s, size_t size)
{
	return memchr(s, 0, size) != NULL;
}

static void check_view(const struct mkt_dev_view *v)
{
	FUZZ_CHECK(v->name[0] && ends(v->name, sizeof(v->name)));
	FUZZ_CHECK(ends(v->driver, sizeof(v->driver)) && ends(v->maturity, sizeof(v->maturity)));
	FUZZ_CHECK(ends(v->error, sizeof(v->error)) && ends(v->id.serial, sizeof(v->id.serial)));
	FUZZ_CHECK(ends(v->id.maker, sizeof(v->id.maker)));
	FUZZ_CHECK(v->kind < MKT_DEV_KINDS && v->state < MKT_DEV_STATES);
	FUZZ_CHECK(v->order.set.kind <= MKT_SET_MODE && v->applied.kind <= MKT_SET_MODE);
	FUZZ_CHECK(v->error_code >= 0);
	for (int i = 0; i < MKT_READINGS; i++)
		FUZZ_CHECK(v->r.v[i].known || !v->r.v[i].value);
	for (const char *s = v->error; *s; s++)
		FUZZ_CHECK((uint8_t)*s >= 0x20 && *s != 0x7f);
}

static void each_row(void *arg, const char *line, size_t n)
{
	(void)arg;
	FUZZ_CHECK(n < 512 && strlen(line) == n);
}

static void each_event(void *arg, const char *name, const char *level, const char *text)
{
	(void)arg;
	FUZZ_CHECK(strlen(name) + strlen(level) + strlen(text) < 1600);
}

static void use(struct mkt_devc *c)
{
	struct mkt_dev_sample samples[8];
	struct mkt_err err = {0};
	int n;

	mkt_devc_events(c, each_event, NULL);
	n = mkt_devc_history(c, "ev", 0, samples, 8, 0, &err);
	FUZZ_CHECK(n <= 8 && (n >= 0 || err.text[0]));
	(void)!mkt_devc_trace(c, true, each_row, NULL, 0, &err);
	(void)!mkt_devc_input(c, &err);
	FUZZ_CHECK(mkt_devc_count(c) <= MKT_DEVC_DEVICES_MAX);
	for (uint32_t i = 0; i < mkt_devc_count(c); i++) {
		check_view(mkt_devc_at(c, i));
		FUZZ_CHECK(mkt_devc_find(c, mkt_devc_at(c, i)->name) == mkt_devc_at(c, i));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *mark = size ? memchr(data, 1, size) : NULL;
	size_t first = mark ? (size_t)(mark - data) : size;
	struct mkt_err err = {0};
	struct mkt_devc *c = NULL;

	if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return 0;
	FUZZ_CHECK(!first || write(pair[1], data, first) == (ssize_t)first);
	answer = mark ? mark + 1 : NULL;
	answer_n = mark ? size - first - 1 : 0;
	if (!mark)
		shutdown(pair[1], SHUT_WR);
	if (mkt_devc_open("x", 0, &c, &err) == 0)
		use(c);
	else
		FUZZ_CHECK(err.code && err.text[0]);
	if (c)
		mkt_devc_close(c);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
