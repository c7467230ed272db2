/*
 * A client of core/wire/etcd.h for etcd.sh: etcd COMMAND DIR "ENDPOINTS" [ARG...], with the
 * certificates DIR/ca.pem, client.pem and client.key (CERT: another name than client).
 *
 *   race N          four clients make N keys; each key has one maker, the others read it
 *   write MS        make keys for so long, asking again after each unknown outcome; a second
 *                   client watches.  Prints the count and the longest gap
 *   gap             watch; "paused" on stdout, a line on stdin, and on
 *   hold N          keep a key on a lease until N leases were granted; then another, and leave
 *   try MS          put keys for so long; print what was answered and what was lost
 */
#include "core/base/compat.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/wire/etcd.h"
#include "core/wire/stream.h"

#define CLIENTS 4
#define KEYS_MAX 20000
#define PATIENCE_MS 15000

struct client {
	struct mkt_etcd *etcd;
	bool blind; /* counts nothing that it sees */
	/* of the one transaction under way */
	bool answered;
	uint8_t outcome;
	char value[64];
	uint64_t revision;
	/* of the watch */
	unsigned seen, doubled, disordered, deleted;
	uint64_t last;
	unsigned leases;
	bool lost;
	char why[256];
	uint64_t begun_ms, lost_ms;
	struct mkt_kv_txn txn;
};

static uint8_t keys_seen[KEYS_MAX];

static void die(const char *what, const struct mkt_err *err)
{
	printf("%s: %s\n", what, err ? err->text : "");
	exit(2);
}

static void answer(void *ctx, uint32_t id, const struct mkt_kv_answer *a)
{
	struct client *c = ctx;

	(void)id;
	c->answered = true;
	c->outcome = a->outcome;
	c->revision = a->revision;
	if (a->npairs)
		snprintf(c->value, sizeof(c->value), "%.*s", (int)a->pairs[0].len,
			 (const char *)a->pairs[0].value);
}

static void seen(void *ctx, const struct mkt_kv_pair *p)
{
	struct client *c = ctx;
	unsigned i;

	if (c->blind)
		return;
	if (p->deleted) {
		c->deleted++;
	} else if (sscanf(p->key, "w/%u", &i) == 1 && i < KEYS_MAX) {
		c->doubled += keys_seen[i];
		c->seen += !keys_seen[i];
		keys_seen[i] = 1;
		c->disordered += p->mod < c->last;
		c->last = p->mod;
	}
}

static void lost(void *ctx, bool now, const char *why)
{
	struct client *c = ctx;

	c->lost = now;
	if (now && !c->why[0]) {
		snprintf(c->why, sizeof(c->why), "%s", why);
		c->lost_ms = mkt_stream_now_ms() - c->begun_ms;
	}
}

static void leased(void *ctx)
{
	((struct client *)ctx)->leases++;
}

static void open_client(struct client *c, const char *dir, const char *endpoints)
{
	char ca[512], cert[512], key[512];
	const char *name = getenv("CERT") ? getenv("CERT") : "client";
	const char *cluster = getenv("CLUSTER");
	struct mkt_etcd_conf conf = {.endpoints = endpoints,
				     .prefix = "/L/test/",
				     .user = getenv("ETCD_TEST_USER"),
				     .password = getenv("ETCD_TEST_PASSWORD"),
				     .cluster = cluster ? strtoull(cluster, NULL, 10) : 0};
	struct mkt_etcd_calls calls = {answer, seen, lost, leased, c};
	struct mkt_err err;

	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	snprintf(cert, sizeof(cert), "%s/%s.pem", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	conf.tls =
		(struct mkt_tls){.ca = ca, .cert = *name ? cert : NULL, .key = *name ? key : NULL};
	c->begun_ms = mkt_stream_now_ms();
	if (mkt_etcd_new(&conf, &calls, &c->etcd, &err) < 0)
		die("new", &err);
}

static int step(struct client *c, uint64_t ms)
{
	struct mkt_err err;
	int rc = mkt_etcd_step(c->etcd, mkt_stream_now_ms() + ms, &err);

	if (rc == -MKT_EFOREIGN) {
		printf("foreign: %s\n", err.text);
		exit(3);
	}
	if (rc < 0)
		die("step", &err);
	return rc;
}

static void make(struct client *c, const char *key, const char *value, bool lease)
{
	struct mkt_kv_txn *t = &c->txn;

	t->ncmps = t->nthen = t->nels = 1;
	t->cmp[0].kind = MKT_KV_ABSENT;
	t->then[0].kind = MKT_KV_PUT;
	t->then[0].leased = lease;
	t->els[0].kind = MKT_KV_GET;
	snprintf(t->cmp[0].key, sizeof(t->cmp[0].key), "%s", key);
	snprintf(t->then[0].key, sizeof(t->then[0].key), "%s", key);
	snprintf(t->els[0].key, sizeof(t->els[0].key), "%s", key);
	t->then[0].len = (uint16_t)strlen(value);
	memcpy(t->then[0].value, value, strlen(value));
}

static void start(struct client *c)
{
	struct mkt_err err;

	c->answered = false;
	c->value[0] = 0;
	if (mkt_etcd_txn(c->etcd, 1, &c->txn, &err) < 0)
		die("txn", &err);
}

static int race(struct client *c, uint64_t arg)
{
	unsigned n = (unsigned)arg, wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned made = 0, open = CLIENTS;
		char key[32], value[32], maker[64] = "";

		for (unsigned k = 0; k < CLIENTS; k++) {
			snprintf(key, sizeof(key), "r/%u", i);
			snprintf(value, sizeof(value), "%u", k);
			make(&c[k], key, value, false);
			start(&c[k]);
		}
		for (uint64_t end = mkt_stream_now_ms() + PATIENCE_MS; open; open = 0) {
			for (unsigned k = 0; k < CLIENTS; k++)
				while (!c[k].answered && mkt_stream_now_ms() < end)
					for (unsigned j = 0; j < CLIENTS; j++)
						step(&c[j], 1);
		}
		for (unsigned k = 0; k < CLIENTS; k++)
			if (c[k].outcome == MKT_KV_DONE) {
				made++;
				snprintf(maker, sizeof(maker), "%u", k);
			}
		for (unsigned k = 0; k < CLIENTS; k++)
			wrong += c[k].outcome != MKT_KV_DONE &&
				 (c[k].outcome != MKT_KV_ELSE || strcmp(c[k].value, maker) != 0);
		wrong += made != 1;
	}
	printf("%u keys, %u wrong\n", n, wrong);
	return wrong != 0;
}

/* Ask until it is known; true if it is there now with our value. */
static bool insist(struct client *w, struct client *other, unsigned *again)
{
	uint64_t end = mkt_stream_now_ms() + PATIENCE_MS;

	while (mkt_stream_now_ms() < end) {
		start(w);
		while (!w->answered) {
			step(w, 5);
			if (other)
				step(other, 0);
		}
		if (w->outcome == MKT_KV_DONE)
			return true;
		if (w->outcome == MKT_KV_ELSE)
			return !strncmp(w->value, (const char *)w->txn.then[0].value,
					w->txn.then[0].len);
		++*again;
	}
	return false;
}

static int write_keys(struct client *c, uint64_t arg)
{
	uint64_t now = mkt_stream_now_ms(), end = now + arg, gap = 0, last = now;
	unsigned n = 0, again = 0;
	char key[32], value[32];

	c[0].blind = true;
	for (; now < end && n < KEYS_MAX; n++) {
		snprintf(key, sizeof(key), "w/%06u", n);
		snprintf(value, sizeof(value), "%u", n);
		make(&c[0], key, value, false);
		if (!insist(&c[0], &c[1], &again))
			die("a write was lost or another's", NULL);
		now = mkt_stream_now_ms();
		gap = now - last > gap ? now - last : gap;
		last = now;
		usleep(2000);
	}
	for (end = now + PATIENCE_MS; c[1].seen < n && mkt_stream_now_ms() < end;)
		step(&c[1], 100);
	printf("%u written, %u seen, %u twice, %u out of order, %u asked again, gap %u ms\n", n,
	       c[1].seen, c[1].doubled, c[1].disordered, again, (unsigned)gap);
	return c[1].seen != n || c[1].disordered;
}

static int gap(struct client *c, uint64_t arg)
{
	uint64_t end = mkt_stream_now_ms() + PATIENCE_MS;
	unsigned want = (unsigned)arg;
	char line[16];

	while (!c->seen && mkt_stream_now_ms() < end)
		step(c, 100);
	printf("paused after %u\n", c->seen);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (end = mkt_stream_now_ms() + PATIENCE_MS; c->seen < want && mkt_stream_now_ms() < end;)
		step(c, 100);
	printf("%u seen\n", c->seen);
	return c->seen != want;
}

static int hold(struct client *c, uint64_t arg)
{
	uint64_t end = mkt_stream_now_ms() + 4ull * PATIENCE_MS;
	unsigned again = 0;

	while (!c->leases && mkt_stream_now_ms() < end)
		step(c, 100);
	make(c, "live/me", "here", true);
	if (!insist(c, NULL, &again))
		die("no key on the lease", NULL);
	printf("held\n");
	fflush(stdout);
	while ((c->leases < arg || !c->deleted) && mkt_stream_now_ms() < end)
		step(c, 100);
	make(c, "live/again", "here", true);
	if (!insist(c, NULL, &again))
		die("no key on the new lease", NULL);
	mkt_etcd_leave(c->etcd, mkt_stream_now_ms() + 2000);
	printf("%u leases, %u deleted\n", c->leases, c->deleted);
	return 0;
}

static int try(struct client *c, uint64_t arg)
{
	static const char *const words[] = {"done", "else", "unknown", "refused"};
	uint64_t end = mkt_stream_now_ms() + arg;
	unsigned n[4] = {0};

	for (unsigned i = 0; mkt_stream_now_ms() < end; i++) {
		char key[32];

		snprintf(key, sizeof(key), "t/%d/%u", (int)getpid(), i);
		make(c, key, "x", false);
		start(c);
		while (!c->answered)
			step(c, 100);
		n[c->outcome]++;
		usleep(10000);
	}
	for (unsigned i = 0; i < 4; i++)
		printf("%s %u ", words[i], n[i]);
	printf("leases %u cluster %llu lost %s\n", c->leases,
	       (unsigned long long)mkt_etcd_cluster(c->etcd), c->why[0] ? c->why : "-");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned clients;
		int (*run)(struct client *c, uint64_t arg);
	} commands[] = {
		{"race", CLIENTS, race}, {"write", 2, write_keys}, {"gap", 1, gap},
		{"hold", 1, hold},	 {"try", 1, try},
	};
	static struct client c[CLIENTS];

	for (unsigned i = 0; argc > 4 && i < MKT_ARRAY_SIZE(commands); i++) {
		int rc;

		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		for (unsigned k = 0; k < commands[i].clients; k++)
			open_client(&c[k], argv[2], argv[3]);
		rc = commands[i].run(c, strtoull(argv[4], NULL, 10));
		for (unsigned k = 0; k < commands[i].clients; k++)
			mkt_etcd_free(c[k].etcd);
		return rc;
	}
	fprintf(stderr, "usage: etcd COMMAND DIR ENDPOINTS ARG\n");
	return 2;
}
