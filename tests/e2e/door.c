/*
 * A client's hand for tests of the doors:
 *
 *   door sign KEYFILE CHAIN PATH MS    the header of a signed read, MS beside the clock
 *   door hold N URL [CA]               N streams, of which nothing more is taken; "ready" when all
 *                                      have begun, and the end with that of stdin
 *   door idle N HOST PORT              the same of events, without TLS
 *   door many N URL [CA]               N connections at once that each ask 5 times
 *   door loris N HOST PORT             N connections that send a byte now and then; for how long
 *                                      the last of them was left alone
 *   door ratio URL URL KEYFILE CHAIN   p99 of signed reads of the first alone, and beside ten
 *                                      times what is allowed of unsigned ones of the second
 */
#include "core/base/compat.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/crypto/keyfile.h"
#include "core/wire/signed.h"

#define ROUNDS 5 /* of many */

static void die(const char *what)
{
	fprintf(stderr, "door: %s\n", what);
	exit(2);
}

/* ---- signed reads --------------------------------------------------------------------------- */

static void parse_chain(const char *hex, struct mkt_hash *out)
{
	if (strlen(hex) != 2 * MKT_HASH_LEN)
		die("no chain id");
	for (unsigned i = 0; i < MKT_HASH_LEN; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out->b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
}

static int sign(char **a)
{
	struct mkt_buf line = MKT_BUF_INIT;
	uint8_t nonce[MKT_SIGNED_NONCE];
	struct mkt_reader r = {.account = ""};
	struct mkt_pubkey pub;
	struct mkt_err err = {0};
	struct timespec t;

	parse_chain(a[1], &r.chain);
	if (mkt_keyfile_load(a[0], (struct mkt_pass){NULL, 0}, &r.key, &err) < 0)
		die(err.text);
	mkt_seckey_public(&r.key, &pub);
	mkt_pubkey_text(&pub, r.account);
	mkt_random(nonce, sizeof(nonce));
	clock_gettime(CLOCK_REALTIME, &t);
	if (mkt_signed_add(&line, &r, "GET", a[2],
			   (uint64_t)((int64_t)t.tv_sec * 1000 + strtoll(a[3], NULL, 10)), nonce,
			   &err) < 0)
		die(err.text);
	printf("Authorization: %s\n", mkt_buf_str(&line));
	mkt_buf_release(&line);
	return 0;
}

static uint64_t us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static CURL *request(const char *url, const char *ca)
{
	CURL *e = curl_easy_init();

	if (!e)
		die("no memory");
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	if (ca)
		curl_easy_setopt(e, CURLOPT_CAINFO, ca);
	return e;
}

/* ---- streams that nobody reads -------------------------------------------------------------- */

static size_t begun(char *p, size_t size, size_t n, void *arg)
{
	unsigned *left = arg;

	(void)p, (void)size, (void)n;
	--*left;
	return CURL_WRITEFUNC_PAUSE;
}

static bool stdin_open(void)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};
	char c;

	return poll(&p, 1, 0) == 0 || read(0, &c, 1) > 0;
}

#define HANDS 32 /* shaken at once: each has some seconds, whatever the others take */

static int hold(char **a)
{
	unsigned n = (unsigned)strtoul(a[0], NULL, 10), left = n, asked = 0;
	CURLM *m = curl_multi_init();
	uint64_t end = us() + 120000000;
	bool told = false;
	int running;

	while (stdin_open() && us() < end) {
		for (; asked < n && asked - (n - left) < HANDS; asked++) {
			CURL *e = request(a[1], a[2]);

			curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, begun);
			curl_easy_setopt(e, CURLOPT_WRITEDATA, &left);
			curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 1024L);
			curl_multi_add_handle(m, e);
		}
		curl_multi_perform(m, &running);
		if (!left && !told) {
			puts("ready");
			fflush(stdout);
			told = true;
		}
		curl_multi_poll(m, NULL, 0, 20, NULL);
	}
	return left ? 1 : 0;
}

/* Each connection sends one request, and takes what comes first. */
static int idle(char **a)
{
	static const char head[] = "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
	unsigned n = (unsigned)strtoul(a[0], NULL, 10), left = n;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)strtoul(a[2], NULL, 10))};
	char first[4096];

	if (inet_pton(AF_INET, a[1], &to.sin_addr) != 1)
		die("no address");
	for (unsigned i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		    write(fd, head, sizeof(head) - 1) < 0)
			die("cannot connect");
		left -= read(fd, first, sizeof(first)) > 12 && !memcmp(first + 9, "200", 3);
	}
	puts(left ? "refused" : "ready");
	fflush(stdout);
	while (stdin_open())
		usleep(20000);
	return left != 0;
}

/* ---- many at once ---------------------------------------------------------------------------- */

static size_t drop(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

struct crowd {
	const char *url, *ca;
	pthread_barrier_t ready;
	atomic_uint good;
};

/* All have their connection before any asks again: the server finds all of them ready at once. */
static void *one_of_many(void *arg)
{
	struct crowd *c = arg;
	CURL *e = request(c->url, c->ca);

	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop);
	for (unsigned round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&c->ready);
		atomic_fetch_add(&c->good, curl_easy_perform(e) == CURLE_OK);
	}
	curl_easy_cleanup(e);
	return NULL;
}

static int many(char **a)
{
	unsigned n = (unsigned)strtoul(a[0], NULL, 10), good;
	pthread_t *t = calloc(n, sizeof(*t));
	struct crowd c = {.url = a[1], .ca = a[2]};
	uint64_t begin = us();

	pthread_barrier_init(&c.ready, NULL, n);
	for (unsigned i = 0; i < n; i++)
		if (!t || pthread_create(&t[i], NULL, one_of_many, &c))
			die("no thread");
	for (unsigned i = 0; t && i < n; i++)
		pthread_join(t[i], NULL);
	good = atomic_load(&c.good);
	printf("%u of %u answers, %u ms\n", good, ROUNDS * n, (unsigned)((us() - begin) / 1000));
	free(t);
	return good != ROUNDS * n;
}

/* ---- slow ones ------------------------------------------------------------------------------- */

static int loris(char **a)
{
	static const char head[] = "GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: ";
	unsigned n = (unsigned)strtoul(a[0], NULL, 10), left = n;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)strtoul(a[2], NULL, 10))};
	struct pollfd *p = calloc(n, sizeof(*p));
	uint64_t begin = us();

	if (!p || inet_pton(AF_INET, a[1], &to.sin_addr) != 1)
		die("no address");
	for (unsigned i = 0; i < n; i++) {
		p[i] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN};
		if (connect(p[i].fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			die("cannot connect");
		fcntl(p[i].fd, F_SETFL, O_NONBLOCK);
		if (write(p[i].fd, head, sizeof(head) - 1) < 0)
			die("cannot write");
	}
	while (left && us() - begin < 60000000) {
		poll(p, n, 500);
		for (unsigned i = 0; i < n; i++) {
			bool gone = p[i].fd >= 0 && p[i].revents;

			if (p[i].fd >= 0 && !gone)
				gone = send(p[i].fd, "x", 1, MSG_NOSIGNAL) < 0;
			if (!gone)
				continue;
			close(p[i].fd);
			p[i].fd = -1;
			left--;
		}
		usleep(500000);
	}
	free(p);
	printf("%u left after %u ms\n", left, (unsigned)((us() - begin) / 1000));
	return left != 0;
}

/* ---- who is served beside whom ---------------------------------------------------------------- */

struct flood {
	const char *url;
	atomic_bool end;
	unsigned sent, refused;
};

/* A thousand a second, whatever is allowed. */
static void *flood_main(void *arg)
{
	struct flood *f = arg;
	CURL *e = request(f->url, NULL);
	uint64_t begin = us();

	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop);
	while (!atomic_load(&f->end)) {
		long status = 0;
		uint64_t due = begin + (uint64_t)f->sent * 1000;

		if (us() < due)
			usleep((useconds_t)(due - us()));
		curl_easy_perform(e);
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
		f->sent++;
		f->refused += status == 429;
	}
	curl_easy_cleanup(e);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* p99 in us of @n signed reads of "/v1/market" behind @base, 5 ms apart. */
static unsigned p99(const char *base, const struct mkt_reader *r, unsigned n)
{
	uint32_t *took = calloc(n, sizeof(*took));
	unsigned at;
	char url[512];
	CURL *e;

	snprintf(url, sizeof(url), "%s/v1/market", base);
	e = request(url, NULL);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop);
	for (unsigned i = 0; took && i < n; i++) {
		struct mkt_buf line = MKT_BUF_INIT;
		uint8_t nonce[MKT_SIGNED_NONCE];
		struct curl_slist *headers;
		struct timespec t;
		long status = 0;
		uint64_t begin;

		clock_gettime(CLOCK_REALTIME, &t);
		mkt_random(nonce, sizeof(nonce));
		mkt_buf_addstr(&line, "Authorization: ");
		if (mkt_signed_add(&line, r, "GET", "/v1/market", (uint64_t)t.tv_sec * 1000, nonce,
				   NULL) < 0)
			die("cannot sign");
		headers = curl_slist_append(NULL, mkt_buf_str(&line));
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
		begin = us();
		curl_easy_perform(e);
		took[i] = (uint32_t)(us() - begin);
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
		if (status != 200)
			die("a read of the class that keeps its limits was refused");
		curl_slist_free_all(headers);
		mkt_buf_release(&line);
		usleep(5000);
	}
	curl_easy_cleanup(e);
	if (took)
		qsort(took, n, sizeof(*took), by_size);
	at = took ? took[n * 99 / 100] : 0;
	free(took);
	return at;
}

static int ratio(char **a)
{
	struct flood f = {.url = a[1]};
	struct mkt_reader r = {.account = ""};
	struct mkt_pubkey pub;
	struct mkt_err err = {0};
	unsigned alone, beside;
	pthread_t t;

	parse_chain(a[3], &r.chain);
	if (mkt_keyfile_load(a[2], (struct mkt_pass){NULL, 0}, &r.key, &err) < 0)
		die(err.text);
	mkt_seckey_public(&r.key, &pub);
	mkt_pubkey_text(&pub, r.account);
	alone = p99(a[0], &r, 400);
	if (pthread_create(&t, NULL, flood_main, &f))
		die("no thread");
	beside = p99(a[0], &r, 400);
	atomic_store(&f.end, true);
	pthread_join(t, NULL);
	printf("p99 %u us alone, %u us beside %u reads of which %u were refused\n", alone, beside,
	       f.sent, f.refused);
	/* What a busy machine adds to either is no matter of the node's. */
	return beside > 2 * alone + 2000 || f.refused < f.sent / 2;
}

int main(int argc, char **argv)
{
	if (mkt_crypto_init() < 0)
		die("no crypto");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (argc == 6 && !strcmp(argv[1], "sign"))
		return sign(argv + 2);
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "hold"))
		return hold(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "idle"))
		return idle(argv + 2);
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "many"))
		return many(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "loris"))
		return loris(argv + 2);
	if (argc == 6 && !strcmp(argv[1], "ratio"))
		return ratio(argv + 2);
	fputs("usage: door sign|hold|idle|many|loris|ratio ...; see door.c\n", stderr);
	return 2;
}
