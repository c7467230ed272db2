/*
 * Request ids that were used: a map for the question, and a ring of seconds of
 * valid-until for forgetting them in time.  An envelope past its valid-until is
 * refused, so its id need not be known any longer.
 */
#include "core/base/compat.h"

#include "core/ledger/put.h"
#include "core/ledger/state_impl.h"

#define KEY_LEN 32

static void key_of(uint8_t key[KEY_LEN], uint32_t account, const uint8_t *request)
{
	memset(key, 0, KEY_LEN);
	memcpy(put_u32(key, account), request, MKT_REQUEST_LEN);
}

int requests_init(struct mkt_state *s)
{
	uint64_t seed;

	mkt_random(&seed, sizeof(seed)); /* ids come from outside; no result depends on it */
	mkt_idmap_init(&s->by_request, KEY_LEN, seed);
	s->requests_free = NONE;
	s->expiry_n = s->g.validity_s + 2; /* seconds from now to now + validity, and one broken */
	s->expiry = malloc(s->expiry_n * sizeof(*s->expiry));
	if (!s->expiry)
		return -MKT_ENOMEM;
	memset(s->expiry, 0xff, s->expiry_n * sizeof(*s->expiry));
	s->expired_s = (s->time_ms + 999) / 1000;
	return 0;
}

void requests_release(struct mkt_state *s)
{
	mkt_idmap_release(&s->by_request);
	free(s->request);
	free(s->expiry);
}

static void drop_second(struct mkt_state *s, uint64_t until_s)
{
	uint32_t *head = &s->expiry[until_s % s->expiry_n];

	while (*head != NONE) {
		uint32_t ix = *head;

		*head = s->request[ix].next;
		mkt_idmap_del(&s->by_request, s->request[ix].key, NULL);
		s->request[ix].next = s->requests_free;
		s->requests_free = ix;
	}
}

void requests_purge(struct mkt_state *s)
{
	uint64_t now_s = (s->time_ms + 999) / 1000; /* whole: valid-until before this is past */
	uint64_t n = now_s > s->expired_s ? now_s - s->expired_s : 0;

	if (n > s->expiry_n)
		n = s->expiry_n;
	for (uint64_t i = 0; i < n; i++)
		drop_second(s, s->expired_s + i);
	if (now_s > s->expired_s)
		s->expired_s = now_s;
}

bool request_used(const struct mkt_state *s, uint32_t account, const uint8_t *request)
{
	uint8_t key[KEY_LEN];

	key_of(key, account, request);
	return mkt_idmap_get(&s->by_request, key, NULL);
}

static uint32_t request_alloc(struct mkt_state *s)
{
	uint32_t ix = s->requests_free;

	if (ix != NONE) {
		s->requests_free = s->request[ix].next;
		return ix;
	}
	if (ROOM(s->request, s->requests_cap, (uint64_t)s->nrequests + 1) < 0)
		return NONE;
	return s->nrequests++;
}

int request_add(struct mkt_state *s, uint32_t account, const uint8_t *request, uint64_t until_s)
{
	uint8_t key[KEY_LEN];
	uint32_t ix, *head;

	if (until_s < s->expired_s || until_s - s->expired_s >= s->expiry_n)
		return 0; /* can no more, or not yet, be asked for */
	key_of(key, account, request);
	if (mkt_idmap_get(&s->by_request, key, NULL))
		return 0;
	ix = request_alloc(s);
	if (ix == NONE || mkt_idmap_put(&s->by_request, key, ix) < 0)
		return -MKT_ENOMEM;
	head = &s->expiry[until_s % s->expiry_n];
	memcpy(s->request[ix].key, key, KEY_LEN);
	s->request[ix].next = *head;
	*head = ix;
	return 0;
}

int mkt_state_restore_request(struct mkt_state *s, uint32_t account,
			      const uint8_t request[MKT_REQUEST_LEN], uint64_t valid_until_s)
{
	return request_add(s, account, request, valid_until_s);
}
