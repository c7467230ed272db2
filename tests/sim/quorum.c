/*
 * Several authorities, seed after seed: see tests/slow/sim_quorum.h for the world they live in
 * and sim_check.c for what is looked at after each step.
 *
 *   quorum                 MKT_SEEDS seeds (2000; 200 with sanitizers) from MKT_SEED on (1)
 *   MKT_SEED=17 MKT_SEEDS=1 quorum       one seed again; MKT_TRACE=1 tells what happens
 *
 * Two faults are planted into the protocol, and must be found: leaders and attesters that pass
 * over blocks with a quorum, and votes that do not compare the epoch.
 *
 * Signatures of most seeds are a fast stand-in, put in by the linker; one in 64 has real ones.
 */
#include "core/base/compat.h"

#include <inttypes.h>

#include "core/quorum/quorum_impl.h"
#include "tests/slow/sim_quorum.h"

static struct sim world;
static bool real_signatures;
static uint64_t digest; /* of all seeds: the same with every compiler */

void __real_mkt_sign(struct mkt_sig *out, const struct mkt_seckey *sec, const void *p, size_t n);
bool __real_mkt_sig_ok(const struct mkt_sig *sig, const struct mkt_pubkey *pub, const void *p,
		       size_t n);
struct round *__real_mkt_q_round_before(struct mkt_quorum *q, uint64_t epoch);
void __wrap_mkt_sign(struct mkt_sig *out, const struct mkt_seckey *sec, const void *p, size_t n);
bool __wrap_mkt_sig_ok(const struct mkt_sig *sig, const struct mkt_pubkey *pub, const void *p,
		       size_t n);
struct round *__wrap_mkt_q_round_before(struct mkt_quorum *q, uint64_t epoch);

static uint64_t mixed(uint64_t h, const uint8_t *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		h = (h ^ v) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	for (; n; n--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h ^ h >> 32;
}

static void stand_in(struct mkt_sig *out, const struct mkt_pubkey *pub, const void *p, size_t n)
{
	uint64_t h = mixed(mixed(1, pub->b, sizeof(pub->b)), p, n);

	memset(out, 0, sizeof(*out));
	memcpy(out->b, &h, sizeof(h));
}

void __wrap_mkt_sign(struct mkt_sig *out, const struct mkt_seckey *sec, const void *p, size_t n)
{
	static const char header[16] = "mkt:sign-hd:v1:";
	struct mkt_pubkey pub;
	struct mkt_hash hash;

	mkt_seckey_public(sec, &pub);
	if (n == sizeof(header) + MKT_HASH_LEN && !memcmp(p, header, sizeof(header))) {
		memcpy(hash.b, (const uint8_t *)p + sizeof(header), MKT_HASH_LEN);
		sim_check_signature(&world, &pub, &hash);
	}
	if (real_signatures)
		__real_mkt_sign(out, sec, p, n);
	else
		stand_in(out, &pub, p, n);
}

bool __wrap_mkt_sig_ok(const struct mkt_sig *sig, const struct mkt_pubkey *pub, const void *p,
		       size_t n)
{
	struct mkt_sig want;

	if (real_signatures)
		return __real_mkt_sig_ok(sig, pub, p, n);
	stand_in(&want, pub, p, n);
	return !memcmp(&want, sig, sizeof(want));
}

/* The one place where leaders and attesters look for a block of an earlier epoch with a quorum. */
struct round *__wrap_mkt_q_round_before(struct mkt_quorum *q, uint64_t epoch)
{
	bool blind = world.node[world.stepping].faulty == SIM_AGAINST;

	if (sim_plant == SIM_NO_CERTIFICATES || blind)
		return NULL;
	return __real_mkt_q_round_before(q, epoch);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *env = getenv(name);

	return env ? strtoull(env, NULL, 0) : otherwise;
}

static bool run(uint64_t seed)
{
	const struct sim_block *last;
	bool good;

	real_signatures = seed % 64 == 0;
	good = sim_run(&world, seed);
	last = &world.block[world.final[world.head]];
	digest = mixed(mixed(digest, last->hash.b, sizeof(last->hash.b)),
		       (const uint8_t *)&world.steps, sizeof(world.steps));
	return good;
}

static void found(unsigned plant, const char *what, uint64_t seed, uint64_t seeds)
{
	sim_plant = plant;
	for (uint64_t i = 0; i < seeds; i++) {
		if (run(seed + i))
			continue;
		sim_plant = SIM_NO_PLANT;
		printf("ok - %s: found by seed %" PRIu64 ": %s\n", what, seed + i, world.fault);
		return;
	}
	printf("not ok - %s: not found in %" PRIu64 " seeds\n", what, seeds);
	exit(1);
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	uint64_t seeds = number("MKT_SEEDS", 200);
#else
	uint64_t seeds = number("MKT_SEEDS", 2000);
#endif
	uint64_t seed = number("MKT_SEED", 1);

	sim_trace = number("MKT_TRACE", 0);
	if (mkt_crypto_init() < 0)
		return 1;
	for (uint64_t i = 0; i < seeds; i++) {
		if (run(seed + i))
			continue;
		printf("not ok - MKT_SEED=%" PRIu64 " MKT_SEEDS=1: %s\n", seed + i, world.fault);
		return 1;
	}
	printf("ok - %" PRIu64 " seeds from %" PRIu64 ": %" PRIu64 " steps, %" PRIu64
	       " blocks, %" PRIu64 " epochs, %" PRIu64 " faults, %" PRIu64 " proofs\n",
	       seeds, seed, world.steps, world.commits, world.takeovers, world.nfaults,
	       world.evidence);
	printf("digest quorum %016" PRIx64 "\n", digest);
	if (seeds > 1) {
		found(SIM_NO_CERTIFICATES, "blocks with a quorum passed over", seed, seeds);
		found(SIM_NO_EPOCH, "votes without the epoch", seed, seeds);
	}
	return 0;
}
