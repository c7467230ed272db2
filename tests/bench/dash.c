/*
 * bench-dash: a dashboard on a terminal of its own while a real ledgerd seals what is posted to it.
 *
 *   bench-dash [--rate N] [--seconds N] [--events N] [--json]
 *
 * Four phases.  Idle: nothing happens; processor time.  Busy: RATE (1000) events a second for
 * SECONDS (20); processor time, pictures a second.  Hands: the same, and every 100 ms a person
 * goes to the next pane, opens the command line and types a letter, all in one stroke of the pen: the
 * time until that letter stands on the terminal, so whatever the pane costs is in it.  Flood: EVENTS
 * (400,000) as fast as ledgerd takes them, the dashboard on its Events; resident memory after a
 * tenth of them and at the end.  3,600,000 are an hour at 1000 a second.
 *
 * $BUILD names the build.
 */
#include "core/base/compat.h"

#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdatomic.h>

#include "tests/node.h"

#define ACCOUNTS 50
#define BATCH_MS 50
#define EVENTS_PER_BID_10 25 /* in tenths: a sale rests (1), a buy meets it (4) */
#define LANES 4
#define STROKES_MAX 4096
#define ROWS 43
#define COLS 132
#define GAP_US 15000 /* between two pictures the terminal is quiet for longer */

struct bench {
	struct node node;
	uint32_t rate, seconds;
	uint64_t flood;
	bool json;
	atomic_bool stop, flat_out;
	atomic_ullong bids;
	pthread_t lanes[LANES];
	/* The dashboard. */
	pid_t pid;
	int tty;
	uint64_t pictures, bytes, quiet_us; /* quiet_us: last byte */
	char tail[8]; /* of what was written: a letter may come in two reads */
};

static struct bench *the_bench; /* lanes know it by this */

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- the market --------------------------------------------------------------------------- */

/* @n bids, of which every second one meets the one before it. */
static void make_batch(struct node *n, uint32_t bids, struct mkt_buf *body)
{
	uint32_t first = (uint32_t)(node_ms(CLOCK_REALTIME) / 1000 / n->g.window_s + 8);

	mkt_buf_clear(body);
	for (uint32_t i = 0; i < bids; i++) {
		struct mkt_bid_leg leg = {
			.window = first + i / 2 % 40, .tags = i / 2 % 2, .price_upwh = 20000};
		struct mkt_op_bid bid = {
			.side = i % 2 ? MKT_BUY : MKT_SELL, .nlegs = 1, .amount_wh = 100};

		node_bid(n, 1 + (uint32_t)(n->requests % ACCOUNTS), &bid, &leg, body);
	}
}

static void *lane_main(void *arg)
{
	struct bench *b = the_bench;
	struct node n = b->node; /* request ids from a seed of its own */
	struct mkt_buf body = MKT_BUF_INIT, answer = MKT_BUF_INIT;
	uint64_t next = now_us();

	n.seed += 1000 * (uint64_t)(uintptr_t)arg;
	while (!atomic_load(&b->stop)) {
		bool flat_out = atomic_load(&b->flat_out);
		uint32_t bids =
			flat_out ? 200 : b->rate * BATCH_MS / 1000 * 10 / EVENTS_PER_BID_10 / LANES;

		make_batch(&n, bids < 2 ? 2 : bids, &body);
		mkt_buf_clear(&answer);
		if (node_post(&n, "/v1/transactions?wait=executed", &body, &answer) != 200)
			node_die("a post failed", NULL);
		atomic_fetch_add(&b->bids, bids < 2 ? 2 : bids);
		next += BATCH_MS * 1000;
		if (flat_out || next < now_us())
			next = now_us();
		else
			usleep((useconds_t)(next - now_us()));
	}
	mkt_buf_release(&body);
	mkt_buf_release(&answer);
	return NULL;
}

static void start_lanes(struct bench *b, bool flat_out)
{
	atomic_store(&b->stop, false);
	atomic_store(&b->flat_out, flat_out);
	for (uintptr_t i = 0; i < LANES; i++)
		if (pthread_create(&b->lanes[i], NULL, lane_main, (void *)(i + 1)))
			node_die("no thread", NULL);
}

static void stop_lanes(struct bench *b)
{
	atomic_store(&b->stop, true);
	for (unsigned i = 0; i < LANES; i++)
		pthread_join(b->lanes[i], NULL);
}

/* ---- the dashboard ------------------------------------------------------------------------ */

static void start_dash(struct bench *b)
{
	struct winsize size = {.ws_row = ROWS, .ws_col = COLS};
	const char *build = getenv("BUILD");
	char program[PATH_MAX], server[NODE_PATH_MAX + 8];

	snprintf(program, sizeof(program), "%s/mkt", build ? build : "build");
	snprintf(server, sizeof(server), "unix:%s", b->node.sock);
	fflush(stdout);
	b->pid = forkpty(&b->tty, NULL, NULL, &size);
	if (b->pid < 0)
		node_die("no terminal", NULL);
	if (!b->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		unsetenv("NO_COLOR");
		execl(program, "mkt", "--server", server, "dash", (char *)NULL);
		_exit(127);
	}
}

/*
 * What the dashboard writes within @us is read and counted; with @letter only until that comes.
 * False: it did not come.
 */
static bool listen_to(struct bench *b, uint64_t us, const char *letter)
{
	uint64_t until = now_us() + us;

	for (;;) {
		struct pollfd p = {.fd = b->tty, .events = POLLIN};
		uint64_t now = now_us();
		char buf[65536 + sizeof(b->tail)];
		ssize_t n;

		if (now >= until)
			return !letter;
		if (poll(&p, 1, (int)((until - now) / 1000) + 1) <= 0)
			continue;
		memcpy(buf, b->tail, sizeof(b->tail));
		n = read(b->tty, buf + sizeof(b->tail), sizeof(buf) - sizeof(b->tail));
		if (n <= 0)
			node_die("the dashboard has ended", NULL);
		now = now_us();
		b->pictures += now - b->quiet_us > GAP_US;
		b->quiet_us = now;
		b->bytes += (uint64_t)n;
		memcpy(b->tail, buf + n, sizeof(b->tail));
		if (letter && memmem(buf, (size_t)n + sizeof(b->tail), letter, strlen(letter)))
			return true;
	}
}

static void type(const struct bench *b, const char *keys)
{
	if (write(b->tty, keys, strlen(keys)) != (ssize_t)strlen(keys))
		node_die("cannot type", NULL);
}

/* ---- what it costs ------------------------------------------------------------------------ */

/* Processor time of the dashboard, us: all of its work is one thread's. */
static uint64_t cpu_us(const struct bench *b)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)b->pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		node_die("no figures of the dashboard", NULL);
	fclose(f);
	return ns / 1000;
}

static unsigned long rss_kb(const struct bench *b)
{
	char path[64], line[256];
	unsigned long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)b->pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Events in the blocks after @from; *@head is the last. */
static uint64_t events_after(const struct bench *b, uint64_t from, uint64_t *head)
{
	struct mkt_buf body = MKT_BUF_INIT;
	char path[96], text[128];
	uint64_t sum = 0, height = from;

	for (bool more = true; more;) {
		const char *at;

		snprintf(path, sizeof(path), "/v1/blocks?limit=1000&from=%llu",
			 (unsigned long long)height + 1);
		mkt_buf_clear(&body);
		if (node_get(&b->node, path, &body) != 200)
			node_die("no blocks", NULL);
		more = false;
		at = strstr(mkt_buf_str(&body), "\"data\":");
		while (at && (at = strstr(at, "{\"height\":"))) {
			height = strtoull(at + strlen("{\"height\":"), NULL, 10);
			sum += strtoull(json_member(at, "events", text), NULL, 10);
			at++;
			more = true;
		}
	}
	mkt_buf_release(&body);
	*head = height;
	return sum;
}

struct phase {
	double events, cpu_percent, pictures;
};

static struct phase run_phase(struct bench *b, uint64_t us)
{
	uint64_t head, ignored, start, cpu, pictures = b->pictures;
	struct phase out;

	events_after(b, 0, &head);
	start = now_us();
	cpu = cpu_us(b);
	listen_to(b, us, NULL);
	out.cpu_percent = (double)(cpu_us(b) - cpu) * 100 / (double)(now_us() - start);
	out.pictures = (double)(b->pictures - pictures) * 1e6 / (double)(now_us() - start);
	out.events = (double)events_after(b, head, &ignored) * 1e6 / (double)(now_us() - start);
	return out;
}

/* ---- hands -------------------------------------------------------------------------------- */

struct hands {
	uint32_t us[STROKES_MAX];
	uint32_t n, lost;
};

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Letters of Cyrillic: nothing else on the screen has them. */
static void stroke(struct bench *b, struct hands *h, uint32_t i)
{
	char letter[3] = {(char)0xd0, (char)(0xb0 + i % 16), 0}, keys[16];
	uint64_t start = now_us();

	snprintf(keys, sizeof(keys), "%c:%s", (char)('1' + i % 8), letter);
	type(b, keys);
	if (!listen_to(b, 10000000, letter)) {
		h->lost++;
	} else if (h->n < STROKES_MAX) {
		h->us[h->n++] = (uint32_t)(now_us() - start);
	}
	type(b, "\x15\x7f"); /* an empty line is left by Backspace */
	listen_to(b, 100000, NULL);
}

static void run_hands(struct bench *b, struct hands *h)
{
	uint64_t until = now_us() + b->seconds * 1000000ull;

	for (uint32_t i = 0; now_us() < until; i++)
		stroke(b, h, i);
	qsort(h->us, h->n, sizeof(h->us[0]), compare);
}

/* ---- flood -------------------------------------------------------------------------------- */

struct flood {
	unsigned long tenth_kb, end_kb, most_kb;
	uint64_t events, us;
};

static void run_flood(struct bench *b, struct flood *f)
{
	uint64_t head, done = 0, start = now_us();

	events_after(b, 0, &head);
	type(b, "7");
	start_lanes(b, true);
	while (done < b->flood) {
		unsigned long kb;

		listen_to(b, 200000, NULL);
		done += events_after(b, head, &head);
		kb = rss_kb(b);
		if (!f->tenth_kb && done >= b->flood / 10)
			f->tenth_kb = kb;
		f->most_kb = kb > f->most_kb ? kb : f->most_kb;
	}
	stop_lanes(b);
	f->us = now_us() - start;
	f->events = done;
	/* Until it has taken all of them. */
	listen_to(b, 3000000, NULL);
	f->end_kb = rss_kb(b);
}

/* ---- the report --------------------------------------------------------------------------- */

static double ms(const struct hands *h, unsigned permille)
{
	return h->n ? h->us[(uint64_t)(h->n - 1) * permille / 1000] / 1000.0 : 0;
}

static void report(const struct bench *b, const struct phase *idle, const struct phase *busy,
		   const struct hands *h, const struct flood *f)
{
	if (b->json) {
		printf("{\"idle_cpu_percent\":%.2f,\"busy_events\":%.0f,\"busy_cpu_percent\":%.1f,"
		       "\"busy_pictures\":%.2f,\"strokes\":%u,\"lost\":%u,\"p50_ms\":%.1f,"
		       "\"p99_ms\":%.1f,\"max_ms\":%.1f,\"flood_events\":%llu,\"flood_ms\":%llu,"
		       "\"tenth_kb\":%lu,\"end_kb\":%lu,\"most_kb\":%lu}\n",
		       idle->cpu_percent, busy->events, busy->cpu_percent, busy->pictures, h->n,
		       h->lost, ms(h, 500), ms(h, 990), ms(h, 1000), (unsigned long long)f->events,
		       (unsigned long long)f->us / 1000, f->tenth_kb, f->end_kb, f->most_kb);
		return;
	}
	printf("dash, idle                %6.2f %% of a core\n", idle->cpu_percent);
	printf("dash, %5.0f events/s      %6.1f %% of a core, %.1f pictures/s\n", busy->events,
	       busy->cpu_percent, busy->pictures);
	printf("keys among them           p50 %.1f ms, p99 %.1f ms, most %.1f ms of %u, %u lost\n",
	       ms(h, 500), ms(h, 990), ms(h, 1000), h->n, h->lost);
	printf("resident                  %lu kB after a tenth of %llu events, %lu at the end, "
	       "%lu at most\n",
	       f->tenth_kb, (unsigned long long)f->events, f->end_kb, f->most_kb);
}

static void parse(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = {{"rate", 1, 0, 'r'},
						{"seconds", 1, 0, 's'},
						{"events", 1, 0, 'e'},
						{"json", 0, 0, 'j'},
						{0, 0, 0, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			b->rate = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 's')
			b->seconds = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'e')
			b->flood = strtoull(optarg, NULL, 10);
		else if (c == 'j')
			b->json = true;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	static struct bench b = {.rate = 1000, .seconds = 20, .flood = 400000};
	static struct hands hands;
	struct phase idle, busy;
	struct flood flood = {0};

	parse(&b, argc, argv);
	the_bench = &b;
	signal(SIGPIPE, SIG_IGN);
	node_make(&b.node, "bench-dash", NULL);
	if (!node_start(&b.node))
		node_die("ledgerd does not start", NULL);
	node_enroll(&b.node, ACCOUNTS, 1000000000000000);
	start_dash(&b);
	if (!listen_to(&b, 20000000, "LIVE"))
		node_die("the dashboard is not LIVE", NULL);
	listen_to(&b, 1500000, NULL);
	idle = run_phase(&b, b.seconds * 1000000ull / 2);
	start_lanes(&b, false);
	listen_to(&b, 2000000, NULL);
	busy = run_phase(&b, b.seconds * 1000000ull);
	run_hands(&b, &hands);
	stop_lanes(&b);
	run_flood(&b, &flood);
	report(&b, &idle, &busy, &hands, &flood);
	kill(b.pid, SIGTERM);
	waitpid(b.pid, NULL, 0);
	node_end(&b.node, SIGTERM);
	node_release(&b.node);
	return hands.lost > 0;
}
