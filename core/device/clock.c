/* The shared calendar: see clock.h. */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/device/clock.h"

#define MAGIC 0x314b4c434b544b4dULL /* "MKTKCLK1" */
#define NAME_MAX_ 31

/* A place is taken by its pid; seen_ms and height are written before wake_ms. */
struct place {
	_Atomic int32_t pid; /* 0: free */
	char name[NAME_MAX_ + 1];
	_Atomic uint64_t seen_ms, height, wake_ms;
};

struct page {
	uint64_t magic;
	_Atomic uint32_t moved; /* counts changes of time and height; who lives by it waits here */
	_Atomic uint32_t told;	/* counts what places say: the mover waits here */
	_Atomic uint64_t now_ms, height;
	struct place places[MKT_CLOCK_PLACES];
};

struct mkt_clock {
	struct page *page;   /* NULL: the system's clock */
	struct place *place; /* NULL: none taken */
	uint32_t seen_moved; /* of page->moved, when time and height were last asked for */
};

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void futex_wait(_Atomic uint32_t *word, uint32_t seen, uint32_t timeout_ms)
{
	struct timespec ts = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};

	syscall(SYS_futex, word, FUTEX_WAIT, seen, &ts, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	atomic_fetch_add(word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static int map_page(int fd, const char *file, struct mkt_clock **out, struct mkt_err *err)
{
	struct mkt_clock *c = calloc(1, sizeof(*c));

	if (!c)
		return mkt_err_code(err, MKT_ENOMEM);
	c->page = mmap(NULL, sizeof(*c->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c->page == MAP_FAILED) {
		free(c);
		return mkt_err_sys(err, MKT_EIO, errno, "cannot map '%s'", file);
	}
	*out = c;
	return 0;
}

int mkt_clock_create(const char *file, uint64_t now_ms, struct mkt_clock **out, struct mkt_err *err)
{
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return mkt_err_sys(err, errno == EEXIST ? MKT_EEXISTS : MKT_EIO, errno,
				   "cannot make '%s'", file);
	if (ftruncate(fd, sizeof(struct page)) < 0)
		rc = mkt_err_sys(err, MKT_EIO, errno, "cannot make '%s'", file);
	else
		rc = map_page(fd, file, out, err);
	close(fd);
	if (rc < 0) {
		unlink(file);
		return rc;
	}
	atomic_store(&(*out)->page->now_ms, now_ms);
	(*out)->page->magic = MAGIC;
	return 0;
}

int mkt_clock_open(const char *file, struct mkt_clock **out, struct mkt_err *err)
{
	struct stat st;
	int fd, rc;

	if (!file) {
		*out = calloc(1, sizeof(**out));
		return *out ? 0 : mkt_err_code(err, MKT_ENOMEM);
	}
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return mkt_err_sys(err, errno == ENOENT ? MKT_ENOTFOUND : MKT_EIO, errno,
				   "cannot open the clock '%s'", file);
	if (fstat(fd, &st) < 0 || st.st_size != sizeof(struct page))
		rc = mkt_err_set(err, MKT_EINVAL, "'%s' is not a clock", file);
	else
		rc = map_page(fd, file, out, err);
	close(fd);
	if (rc < 0)
		return rc;
	if ((*out)->page->magic != MAGIC) {
		mkt_clock_close(*out);
		return mkt_err_set(err, MKT_EINVAL, "'%s' is not a clock", file);
	}
	return 0;
}

void mkt_clock_close(struct mkt_clock *c)
{
	if (!c)
		return;
	if (c->place) {
		atomic_store(&c->place->pid, 0);
		futex_wake(&c->page->told);
	}
	if (c->page)
		munmap(c->page, sizeof(*c->page));
	free(c);
}

/* ---- the mover ------------------------------------------------------------------------ */

void mkt_clock_set(struct mkt_clock *c, uint64_t now_ms, uint64_t height)
{
	if (now_ms > atomic_load(&c->page->now_ms))
		atomic_store(&c->page->now_ms, now_ms);
	atomic_store(&c->page->height, height);
	futex_wake(&c->page->moved);
}

/* False while it has not yet acted on the present. */
static bool place_idle(const struct page *p, struct place *at, uint64_t *wake_ms)
{
	uint64_t wake = atomic_load(&at->wake_ms), now = atomic_load(&p->now_ms);

	if (atomic_load(&at->seen_ms) != now || wake <= now ||
	    atomic_load(&at->height) < atomic_load(&p->height))
		return false;
	if (wake < *wake_ms)
		*wake_ms = wake;
	return true;
}

/* The first place that is not idle, or NULL; places of the dead are taken away. */
static struct place *busy(struct page *p, uint64_t *wake_ms, uint32_t *died)
{
	*wake_ms = UINT64_MAX;
	for (uint32_t i = 0; i < MKT_CLOCK_PLACES; i++) {
		struct place *at = &p->places[i];
		int32_t pid = atomic_load(&at->pid);

		if (!pid || place_idle(p, at, wake_ms))
			continue;
		if (kill(pid, 0) == 0 || errno != ESRCH)
			return at;
		if (atomic_compare_exchange_strong(&at->pid, &pid, 0))
			++*died;
	}
	return NULL;
}

int mkt_clock_wait_idle(struct mkt_clock *c, uint32_t timeout_ms, uint64_t *wake_ms,
			uint32_t *died, struct mkt_err *err)
{
	uint64_t until = clock_ms(CLOCK_MONOTONIC) + timeout_ms, now;
	struct place *at;

	*died = 0;
	for (;;) {
		uint32_t told = atomic_load(&c->page->told);

		at = busy(c->page, wake_ms, died);
		if (!at)
			return 0;
		now = clock_ms(CLOCK_MONOTONIC);
		if (now >= until)
			return mkt_err_set(err, MKT_ETIMEOUT,
					   "'%.31s' is busy at one moment for %u s", at->name,
					   timeout_ms / 1000);
		/* A death makes no sound: look again now and then. */
		futex_wait(&c->page->told, told, until - now < 50 ? (uint32_t)(until - now) : 50);
	}
}

bool mkt_clock_joined(struct mkt_clock *c, const char *name)
{
	for (uint32_t i = 0; i < MKT_CLOCK_PLACES; i++) {
		struct place *at = &c->page->places[i];
		int32_t pid = atomic_load(&at->pid);

		if (pid && atomic_load(&at->seen_ms) && kill(pid, 0) == 0 &&
		    !strncmp(at->name, name, NAME_MAX_))
			return true;
	}
	return false;
}

/* ---- those who live by it ------------------------------------------------------------- */

uint64_t mkt_clock_now_ms(const struct mkt_clock *c)
{
	return c->page ? atomic_load(&c->page->now_ms) : clock_ms(CLOCK_REALTIME);
}

bool mkt_clock_simulated(const struct mkt_clock *c)
{
	return c->page;
}

int mkt_clock_join(struct mkt_clock *c, const char *name, struct mkt_err *err)
{
	int32_t pid = (int32_t)getpid();

	if (!c->page)
		return 0;
	for (uint32_t i = 0; i < MKT_CLOCK_PLACES; i++) {
		struct place *at = &c->page->places[i];
		int32_t none = 0;

		if (!atomic_compare_exchange_strong(&at->pid, &none, pid))
			continue;
		atomic_store(&at->wake_ms, 0);
		atomic_store(&at->seen_ms, 0);
		memset(at->name, 0, sizeof(at->name));
		for (size_t n = 0; n < NAME_MAX_ && name[n]; n++)
			at->name[n] = name[n];
		c->place = at;
		return 0;
	}
	return mkt_err_set(err, MKT_ELIMIT, "the clock has places for %d", MKT_CLOCK_PLACES);
}

uint64_t mkt_clock_height(const struct mkt_clock *c)
{
	return c->page ? atomic_load(&c->page->height) : 0;
}

void mkt_clock_idle(struct mkt_clock *c, uint64_t seen_ms, uint64_t height, uint64_t wake_ms)
{
	if (!c->place)
		return;
	atomic_store(&c->place->wake_ms, 0);
	atomic_store(&c->place->seen_ms, seen_ms);
	atomic_store(&c->place->height, height);
	atomic_store(&c->place->wake_ms, wake_ms);
	futex_wake(&c->page->told);
}

void mkt_clock_wait(struct mkt_clock *c, uint32_t timeout_ms)
{
	struct timespec ts = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
	uint32_t moved;

	if (!c->page) {
		nanosleep(&ts, NULL);
		return;
	}
	moved = atomic_load(&c->page->moved);
	if (moved == c->seen_moved)
		futex_wait(&c->page->moved, moved, timeout_ms);
	c->seen_moved = atomic_load(&c->page->moved);
}
