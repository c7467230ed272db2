/*
 * bench-conns: are all of many connections served?  Each round sends one request
 * on every connection before it reads any answer, so that all are ready at the
 * same time: what stalls a server that looks at them in pieces of a fixed size.
 *
 *   bench-conns SOCKET PATH CONNECTIONS ROUNDS
 *
 * Prints requests a second and the longest round in ms; status 1 if one was not
 * served.
 */
#include "core/base/compat.h"

#include "tests/node.h"

static uint64_t us_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Its time in us. */
static uint64_t one_round(struct conn *conns, unsigned n, const char *path, struct mkt_buf *body)
{
	uint64_t start = us_now();

	for (unsigned i = 0; i < n; i++)
		if (!conn_send(&conns[i], "GET", path, NULL, NULL))
			node_die("a connection broke", NULL);
	for (unsigned i = 0; i < n; i++)
		if (conn_recv(&conns[i], body) != 200) {
			printf("# connection %u of %u was not served\n", i + 1, n);
			exit(1);
		}
	return us_now() - start;
}

int main(int argc, char **argv)
{
	struct mkt_buf body = MKT_BUF_INIT;
	uint64_t all = 0, longest = 0;
	struct conn *conns;
	struct node node = {0};
	unsigned n, rounds;

	if (argc != 5)
		return 2;
	snprintf(node.sock, sizeof(node.sock), "%s", argv[1]);
	n = (unsigned)strtoul(argv[3], NULL, 10);
	rounds = (unsigned)strtoul(argv[4], NULL, 10);
	conns = calloc(n, sizeof(*conns));
	for (unsigned i = 0; i < n; i++)
		if (!conn_open(&conns[i], &node))
			node_die("cannot connect", NULL);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t us = one_round(conns, n, argv[2], &body);

		all += us;
		longest = us > longest ? us : longest;
	}
	printf("%llu %llu\n", (unsigned long long)(all ? (uint64_t)n * rounds * 1000000 / all : 0),
	       (unsigned long long)(longest / 1000));
	for (unsigned i = 0; i < n; i++)
		conn_close(&conns[i]);
	free(conns);
	mkt_buf_release(&body);
	return 0;
}
