/*
 * bench-match: run the matching engine of core on a stream of operations, alone.
 *
 *   bench-match FILE [--trades OUT] [--latency]
 *
 * FILE is as tests/bench/stream.h says ("-" for standard input); it is read whole
 * before the clock starts.  Printed, one "name value" a line: what was done,
 * operations per second of thread CPU time, and with --latency the time of single
 * operations in ns, of a second run on new books (the first is not disturbed by
 * reading the clock).  OUT gets a line a contract, "taker maker price wh", in order.
 * The books start with empty pools, so the growth to the working set counts.
 *
 * What the format leaves open is taken so:
 * - Prices are any i32; the range is that of the file, the tick the greatest that
 *   all its prices are on.
 * - The ids of bids need not grow nor be dense; arrival is the order in the file.
 *   A cancel names the latest bid of its id; without one that is open it is too late.
 * - Bids of one owner do not match each other; if the file names no owner but 0,
 *   0 is nobody, and every bid may match every other.
 * - A bid with a leg in a closed window, or two in one book, is refused whole (R0).
 */
#include "core/base/compat.h"

#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>

#include "core/base/err.h"
#include "core/market/book.h"
#include "tests/bench/stream.h"

struct trade {
	uint32_t taker, maker;
	int32_t price_upwh;
	uint32_t wh;
};

/* Where the bid of an id rests.  Its engine id is seq << 32 | id. */
struct place {
	uint32_t slot;
	uint32_t seq; /* 0: there was none */
};

struct bench {
	uint8_t *file;
	struct stream_head head;
	const uint8_t *ops, *end;
	uint32_t *names;      /* ids of the file by dense id; NULL: the same */
	uint64_t ids;         /* all are below */
	uint32_t bids;
	bool nobody;          /* owner 0 only */
	struct mkt_books_conf conf;

	struct mkt_books *books;
	struct place *places; /* by id */
	struct trade *trades; /* every fill ends a taker or a maker: 2 * bids have room */
	uint32_t ntrades, refused, late;
	uint32_t *took;       /* clock units of each operation */
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-match: %s: %s\n", what, why);
	exit(1);
}

static void *need(void *p)
{
	if (!p)
		die("memory", "not enough");
	return p;
}

/* ---- reading --------------------------------------------------------------------------------- */

static size_t read_file(struct bench *m, const char *name)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "rb") : stdin;
	size_t n = 0, cap = 1 << 20, got;

	if (!f)
		die(name, strerror(errno));
	m->file = need(malloc(cap));
	while ((got = fread(m->file + n, 1, cap - n, f)) > 0) {
		n += got;
		if (n == cap)
			m->file = need(realloc(m->file, cap *= 2));
	}
	if (ferror(f))
		die(name, strerror(errno));
	if (f != stdin)
		fclose(f);
	return n;
}

static void read_head(struct bench *m, const char *name, size_t n)
{
	if (n < sizeof(m->head) || memcmp(m->file, STREAM_MAGIC, 8))
		die(name, "not a stream of operations");
	memcpy(&m->head, m->file, sizeof(m->head));
	m->head.windows = le32toh(m->head.windows);
	m->head.tags = le32toh(m->head.tags);
	m->head.ops = le32toh(m->head.ops);
	if ((uint64_t)m->head.windows * m->head.tags > 1u << 24)
		die(name, "more than 2^24 books");
	m->ops = m->file + sizeof(m->head);
	m->end = m->file + n;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* What is seen of the prices of the file. */
struct prices {
	bool any;
	int32_t first, min, max;
	uint32_t tick; /* divides all differences; 0 while there are none */
};

static void see_price(struct prices *p, int32_t price)
{
	uint32_t off;

	if (!p->any)
		*p = (struct prices){true, price, price, price, 0};
	if (price < p->min)
		p->min = price;
	if (price > p->max)
		p->max = price;
	off = price > p->first ? (uint32_t)price - (uint32_t)p->first :
				 (uint32_t)p->first - (uint32_t)price;
	if (p->tick ? off % p->tick : off)
		p->tick = gcd(p->tick, off);
}

/* Bring the legs of an operation to host order and check them. */
static const char *read_legs(const struct bench *m, struct stream_leg *leg, uint8_t k,
			     struct prices *prices)
{
	uint32_t books = m->head.windows * m->head.tags;

	for (uint8_t i = 0; i < k; i++, leg++) {
		leg->book = le32toh(leg->book);
		leg->price_upwh = (int32_t)le32toh((uint32_t)leg->price_upwh);
		if (leg->book >= books)
			return "a leg in a book that is not";
		see_price(prices, leg->price_upwh);
	}
	return NULL;
}

static const char *read_op(struct bench *m, struct stream_op *op, struct prices *prices)
{
	op->amount_wh = le32toh(op->amount_wh);
	op->id = le32toh(op->id);
	op->owner = le32toh(op->owner);
	if (op->kind == OP_CLOSE)
		return op->id < m->head.windows ? NULL : "a window that is not";
	if (op->id >= m->ids)
		m->ids = (uint64_t)op->id + 1;
	if (op->kind == OP_CANCEL)
		return NULL;
	if (op->kind != OP_SELL && op->kind != OP_BUY)
		return "an operation of unknown kind";
	if (!op->k)
		return "a bid without legs";
	m->bids++;
	if (op->owner)
		m->nobody = false;
	return read_legs(m, (struct stream_leg *)(op + 1), op->k, prices);
}

static struct stream_op *next_op(const struct stream_op *op)
{
	return (struct stream_op *)((uintptr_t)(op + 1) + op->k * sizeof(struct stream_leg));
}

static void read_ops(struct bench *m, const char *name)
{
	struct prices prices = {.any = false};
	uint8_t *at = m->file + sizeof(m->head);
	const char *wrong;

	m->nobody = true;
	for (uint32_t i = 0; i < m->head.ops; i++) {
		struct stream_op *op = (struct stream_op *)at;

		if ((size_t)(m->end - at) < sizeof(*op) ||
		    (size_t)(m->end - at) < sizeof(*op) + op->k * sizeof(struct stream_leg))
			die(name, "ends too early");
		wrong = read_op(m, op, &prices);
		if (wrong)
			die(name, wrong);
		at = (uint8_t *)next_op(op);
	}
	if (at != m->end)
		die(name, "goes on after its last operation");
	m->conf = (struct mkt_books_conf){prices.min, prices.max,
					  prices.tick && prices.tick <= INT32_MAX ?
						  (int32_t)prices.tick : 1, m->bids + 1};
}

/* Owner 0 is nobody if no other is named: every bid gets an owner of its own. */
static void make_owners(struct bench *m)
{
	struct stream_op *op = (struct stream_op *)(m->file + sizeof(m->head));

	if (!m->nobody)
		return;
	for (uint32_t i = 0; i < m->head.ops; i++, op = next_op(op))
		op->owner = i;
}

static int by_number(const void *va, const void *vb)
{
	const uint32_t *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

/* Ids far apart are replaced by their rank, so that an array can be indexed by them. */
static void make_dense(struct bench *m)
{
	struct stream_op *op = (struct stream_op *)(m->file + sizeof(m->head));
	uint32_t n = 0;

	if (m->ids / 4 <= (uint64_t)m->head.ops + 1024)
		return;
	m->names = need(malloc(((size_t)m->head.ops + 1) * sizeof(*m->names)));
	for (uint32_t i = 0; i < m->head.ops; i++, op = next_op(op))
		if (op->kind != OP_CLOSE)
			m->names[n++] = op->id;
	qsort(m->names, n, sizeof(*m->names), by_number);
	m->ids = 0;
	for (uint32_t i = 0; i < n; i++)
		if (!i || m->names[i] != m->names[m->ids - 1])
			m->names[m->ids++] = m->names[i];
	op = (struct stream_op *)(m->file + sizeof(m->head));
	for (uint32_t i = 0; i < m->head.ops; i++, op = next_op(op)) {
		const uint32_t *at;

		if (op->kind == OP_CLOSE)
			continue;
		at = bsearch(&op->id, m->names, m->ids, sizeof(*at), by_number);
		op->id = (uint32_t)(at - m->names);
	}
}

/* ---- running --------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_units(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return clock_ns(CLOCK_MONOTONIC);
#endif
}

static void close_window(struct bench *m, uint32_t window)
{
	for (uint32_t i = 0; i < m->head.tags; i++)
		mkt_book_close(m->books, window * m->head.tags + i, NULL, NULL);
}

static inline void add_trades(struct bench *m, const struct mkt_fills *fills, uint32_t taker)
{
	struct trade *t = m->trades + m->ntrades;

	for (uint32_t i = 0; i < fills->n; i++)
		*t++ = (struct trade){taker, (uint32_t)fills->v[i].maker_id,
				      fills->v[i].price_upwh, fills->v[i].wh};
	m->ntrades += fills->n;
}

static inline __attribute__((always_inline)) void run(struct bench *m, bool timed)
{
	const struct stream_op *op = (const struct stream_op *)m->ops;
	const struct stream_op *end = (const struct stream_op *)m->end;
	struct mkt_fills fills = {0};
	struct mkt_incoming o = {.flags = 0};
	uint64_t start = 0;
	uint32_t seq = 0, left, *took = m->took;

	if (timed)
		start = clock_units();
	for (; op < end; op = next_op(op)) {
		struct place *p;

		if (op->kind <= OP_BUY) {
			p = &m->places[op->id];
			o.id = (uint64_t)++seq << 32 | op->id;
			o.owner = op->owner;
			o.amount_wh = op->amount_wh;
			o.side = op->kind;
			o.nlegs = op->k;
			o.legs = (const struct mkt_leg *)(op + 1);
			p->seq = seq;
			if (mkt_books_place(m->books, &o, &fills, &p->slot, &left) < 0) {
				p->slot = MKT_NO_SLOT;
				m->refused++;
			} else if (fills.n) {
				add_trades(m, &fills, op->id);
			}
		} else if (op->kind == OP_CANCEL) {
			p = &m->places[op->id];
			if (mkt_books_cancel(m->books, p->slot, (uint64_t)p->seq << 32 | op->id))
				m->late++;
		} else {
			close_window(m, op->id);
		}
		if (timed) {
			uint64_t now = clock_units();

			*took++ = now - start < UINT32_MAX ? (uint32_t)(now - start) : UINT32_MAX;
			start = now;
		}
	}
	mkt_fills_release(&fills);
}

/* What callgrind is to count: --toggle-collect=run_stream */
static __attribute__((noinline)) void run_stream(struct bench *m)
{
	run(m, false);
}

static __attribute__((noinline)) void run_timed(struct bench *m)
{
	run(m, true);
}

static void start(struct bench *m)
{
	struct mkt_err err;
	uint32_t book;

	free(m->places);
	free(m->trades);
	m->places = need(malloc(((size_t)m->ids + 1) * sizeof(*m->places)));
	m->trades = need(malloc(((size_t)m->bids * 2 + 1) * sizeof(*m->trades)));
	/* Pages of what is not the engine's come before the clock starts. */
	memset(m->places, 0, ((size_t)m->ids + 1) * sizeof(*m->places));
	memset(m->trades, 0, ((size_t)m->bids * 2 + 1) * sizeof(*m->trades));
	m->ntrades = m->refused = m->late = 0;
	mkt_books_free(m->books);
	if (mkt_books_new(&m->conf, &m->books, &err) < 0)
		die("books", err.text);
	for (uint32_t i = 0; i < m->head.windows * m->head.tags; i++)
		if (mkt_book_open(m->books, false, 0, &book) < 0 || book != i)
			die("books", "cannot open them");
}

/* ---- telling --------------------------------------------------------------------------------- */

static char *put_number(char *at, uint32_t v, char end)
{
	char digits[10];
	unsigned int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		*at++ = digits[--n];
	*at++ = end;
	return at;
}

static void write_trades(const struct bench *m, const char *name)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "w") : stdout;
	char lines[1 << 16], *at = lines;

	if (!f)
		die(name, strerror(errno));
	for (uint32_t i = 0; i < m->ntrades; i++) {
		const struct trade *t = &m->trades[i];
		uint32_t price = (uint32_t)t->price_upwh;

		at = put_number(at, m->names ? m->names[t->taker] : t->taker, ' ');
		at = put_number(at, m->names ? m->names[t->maker] : t->maker, ' ');
		if (t->price_upwh < 0) {
			*at++ = '-';
			price = -price;
		}
		at = put_number(at, price, ' ');
		at = put_number(at, t->wh, '\n');
		if (at > lines + sizeof(lines) - 64 || i + 1 == m->ntrades) {
			fwrite(lines, 1, (size_t)(at - lines), f);
			at = lines;
		}
	}
	if (fflush(f) || ferror(f) || (f != stdout && fclose(f)))
		die(name, strerror(errno));
}

static void tell_speed(struct bench *m)
{
	uint64_t n = m->head.ops, ns;

	start(m);
	ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	run_stream(m);
	ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - ns;
	ns += !ns;
	printf("operations %" PRIu64 "\ncontracts %u\nrefused %u\ntoo_late %u\nopen %u\n", n,
	       m->ntrades, m->refused, m->late, mkt_books_count(m->books));
	printf("ops_per_second %" PRIu64 "\n", n * 1000000000u / ns);
	printf("ns_per_op %" PRIu64 ".%" PRIu64 "\n", n ? ns / n : 0, n ? ns * 10 / n % 10 : 0);
}

static void tell_latency(struct bench *m)
{
	static const struct { const char *name; uint64_t of_1000; } marks[] = {
		{"p50_ns", 500}, {"p99_ns", 990}, {"p99.9_ns", 999}};
	uint64_t ns, units;

	if (!m->head.ops)
		return;
	m->took = need(malloc(m->head.ops * sizeof(*m->took)));
	start(m);
	ns = clock_ns(CLOCK_MONOTONIC);
	units = clock_units();
	run_timed(m);
	units = clock_units() - units;
	ns = clock_ns(CLOCK_MONOTONIC) - ns;
	qsort(m->took, m->head.ops, sizeof(*m->took), by_number);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(marks); i++) {
		uint64_t took = m->took[m->head.ops * marks[i].of_1000 / 1000];

		printf("%s %" PRIu64 "\n", marks[i].name, took * (ns >> 8) / (units >> 8 | 1));
	}
	free(m->took);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"trades", required_argument, NULL, 't'},
						{"latency", no_argument, NULL, 'l'},
						{NULL, 0, NULL, 0}};
	struct bench m = {.file = NULL};
	const char *trades = NULL;
	bool latency = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 't')
			trades = optarg;
		else if (c == 'l')
			latency = true;
		else
			optind = argc + 1;
	}
	if (optind != argc - 1) {
		fprintf(stderr, "usage: bench-match FILE [--trades OUT] [--latency]\n");
		return 2;
	}
	read_head(&m, argv[optind], read_file(&m, argv[optind]));
	read_ops(&m, argv[optind]);
	make_owners(&m);
	make_dense(&m);
	tell_speed(&m);
	if (trades)
		write_trades(&m, trades);
	if (latency)
		tell_latency(&m);
	mkt_books_free(m.books);
	free(m.places);
	free(m.trades);
	free(m.names);
	free(m.file);
	return 0;
}
