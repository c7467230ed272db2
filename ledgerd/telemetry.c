#include "core/base/compat.h"

#include "ledgerd/telemetry.h"

struct ld_telemetry {
	pthread_mutex_t mu;
	struct ld_state **at; /* ascending (account, charger) */
	uint32_t n, max;
};

struct ld_telemetry *ld_telemetry_new(uint32_t max)
{
	struct ld_telemetry *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max;
	t->at = calloc(max, sizeof(struct ld_state *));
	if (!t->at) {
		free(t);
		return NULL;
	}
	pthread_mutex_init(&t->mu, NULL);
	return t;
}

void ld_telemetry_free(struct ld_telemetry *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n; i++)
		free(t->at[i]);
	free((void *)t->at);
	pthread_mutex_destroy(&t->mu);
	free(t);
}

static int compare(const struct ld_state *s, uint32_t account, const char *charger)
{
	if (s->account != account)
		return s->account < account ? -1 : 1;
	return strcmp(s->charger, charger);
}

/* The first entry not before the key. */
static uint32_t find(const struct ld_telemetry *t, uint32_t account, const char *charger)
{
	uint32_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (compare(t->at[mid], account, charger) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void drop_quietest(struct ld_telemetry *t)
{
	uint32_t worst = 0;

	for (uint32_t i = 1; i < t->n; i++)
		if (t->at[i]->heard_ms < t->at[worst]->heard_ms)
			worst = i;
	free(t->at[worst]);
	t->n--;
	memmove((void *)(t->at + worst), (void *)(t->at + worst + 1),
		(t->n - worst) * sizeof(struct ld_state *));
}

static int add(struct ld_telemetry *t, const struct ld_state *s, struct mkt_err *err)
{
	struct ld_state *copy = malloc(sizeof(*copy));
	uint32_t i;

	if (!copy)
		return mkt_err_code(err, MKT_ENOMEM);
	*copy = *s;
	if (t->n == t->max)
		drop_quietest(t);
	i = find(t, s->account, s->charger);
	memmove((void *)(t->at + i + 1), (void *)(t->at + i),
		(t->n - i) * sizeof(struct ld_state *));
	t->at[i] = copy;
	t->n++;
	return 0;
}

static int replace(struct ld_state *held, const struct ld_state *s, struct mkt_err *err)
{
	if (s->time_ms < held->time_ms)
		return mkt_err_set(err, MKT_EEXPIRED,
				   "a later state of charger '%s' is held: of %llu ms, this one "
				   "is of %llu ms",
				   s->charger, (unsigned long long)held->time_ms,
				   (unsigned long long)s->time_ms);
	if (s->time_ms > held->time_ms) {
		*held = *s;
		return 0;
	}
	if (s->len == held->len && !memcmp(s->bytes, held->bytes, s->len))
		return 0;
	return mkt_err_set(err, MKT_ECONFLICT,
			   "another state of charger '%s' at the same time is held", s->charger);
}

int ld_telemetry_put(struct ld_telemetry *t, const struct ld_state *s, struct mkt_err *err)
{
	uint32_t i;
	int res;

	pthread_mutex_lock(&t->mu);
	i = find(t, s->account, s->charger);
	if (i < t->n && !compare(t->at[i], s->account, s->charger))
		res = replace(t->at[i], s, err);
	else
		res = add(t, s, err);
	pthread_mutex_unlock(&t->mu);
	return res;
}

bool ld_telemetry_after(struct ld_telemetry *t, uint32_t account, const char *charger,
			struct ld_state *out)
{
	uint32_t i;
	bool found;

	pthread_mutex_lock(&t->mu);
	i = find(t, account, charger);
	if (i < t->n && !compare(t->at[i], account, charger))
		i++;
	found = i < t->n;
	if (found)
		*out = *t->at[i];
	pthread_mutex_unlock(&t->mu);
	return found;
}

uint32_t ld_telemetry_count(struct ld_telemetry *t)
{
	uint32_t n;

	pthread_mutex_lock(&t->mu);
	n = t->n;
	pthread_mutex_unlock(&t->mu);
	return n;
}
