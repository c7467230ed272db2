/*
 * Certificates from anywhere: what is taken apart lies within the input, and what is
 * checked is either right or told.  Trust is in the chain that the certificate itself
 * names, so that the steps behind the first are reached.
 */
#include "core/base/compat.h"

#include "core/chain/cert.h"
#include "tests/fuzz/fuzz.h"

static void check_inside(const struct mkt_cert *c, const uint8_t *data, size_t size)
{
	FUZZ_CHECK(c->nheads && c->nheads <= MKT_CERT_HEADS_MAX);
	for (unsigned i = 1; i < MKT_CERT_END; i++) {
		const struct mkt_cert_item *it = &c->items[i];

		if (it->there)
			FUZZ_CHECK(it->p > data && it->n && it->p + it->n <= data + size &&
				   it->head < c->nheads);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mkt_cert *c = malloc(sizeof(*c));
	struct mkt_cert_facts facts;
	struct mkt_hash chain;
	struct mkt_err err = {0};
	struct mkt_cert_trust trust = {.chain = &chain};
	struct mkt_cert_check how = {.trust = &trust};

	if (mkt_cert_dec(data, size, c, &err) < 0) {
		FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
	} else {
		check_inside(c, data, size);
		mkt_genesis_id(c->genesis.p, c->genesis.n, &chain);
		if (mkt_cert_verify(c, &how, &facts, &err) < 0)
			FUZZ_CHECK(err.code == MKT_EINTEGRITY && err.text[0]);
		else
			FUZZ_CHECK(facts.settled.exec == c->exec);
	}
	free(c);
	return 0;
}
