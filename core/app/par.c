#include "core/base/compat.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core/app/par.h"

#define THREADS_MAX 256u

struct mkt_par {
	pthread_mutex_t lock;
	pthread_cond_t work; /* there is something to do, or it is time to end */
	pthread_cond_t done; /* the last call has returned */
	mkt_par_fn *fn;
	void *ctx;
	uint32_t next, n; /* indexes not yet taken */
	uint32_t running; /* calls under way */
	bool end;
	unsigned threads; /* with the caller's */
	pthread_t t[THREADS_MAX];
};

/* Take indexes until none is left.  The lock is held before and after. */
static void drain(struct mkt_par *p)
{
	while (p->next < p->n) {
		uint32_t ix = p->next++;

		p->running++;
		pthread_mutex_unlock(&p->lock);
		p->fn(p->ctx, ix);
		pthread_mutex_lock(&p->lock);
		p->running--;
	}
	if (!p->running)
		pthread_cond_broadcast(&p->done);
}

static void *serve(void *arg)
{
	struct mkt_par *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->end) {
		if (p->next < p->n)
			drain(p);
		else
			pthread_cond_wait(&p->work, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

/* Signals are for the thread that the program waits in. */
static int start_thread(struct mkt_par *p, pthread_t *t)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(t, NULL, serve, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

int mkt_par_new(unsigned threads, struct mkt_par **out, struct mkt_err *err)
{
	struct mkt_par *p = calloc(1, sizeof(*p));

	if (!p)
		return mkt_err_code(err, MKT_ENOMEM);
	if (!threads)
		threads = cores();
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	/* Fewer threads than cores are slower, not wrong: the caller works in any case. */
	for (p->threads = 1; p->threads < threads; p->threads++)
		if (start_thread(p, &p->t[p->threads]) != 0)
			break;
	*out = p;
	return 0;
}

void mkt_par_free(struct mkt_par *p)
{
	if (!p)
		return;
	mkt_par_wait(p);
	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 1; i < p->threads; i++)
		pthread_join(p->t[i], NULL);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

unsigned mkt_par_threads(const struct mkt_par *p)
{
	return p->threads;
}

void mkt_par_start(struct mkt_par *p, uint32_t n, mkt_par_fn *fn, void *ctx)
{
	pthread_mutex_lock(&p->lock);
	p->fn = fn;
	p->ctx = ctx;
	p->next = 0;
	p->n = n;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void mkt_par_wait(struct mkt_par *p)
{
	pthread_mutex_lock(&p->lock);
	drain(p);
	while (p->running)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}
