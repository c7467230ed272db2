/*
 * Any bytes as the header of a signed read.  What is read is canonical: written again with
 * the same key, time and nonce it is the same text but for the signature.
 */
#include "core/base/compat.h"

#include "core/wire/signed.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[MKT_SEED_LEN] = {1};
	struct mkt_buf text = MKT_BUF_INIT, again = MKT_BUF_INIT;
	struct mkt_reader r = {.account = ""};
	struct mkt_pubkey pub;
	struct mkt_signed s;
	struct mkt_err err = {0};
	int rc;

	mkt_buf_add(&text, data, size);
	rc = mkt_signed_parse(mkt_buf_str(&text), &s, &err);
	if (rc < 0) {
		FUZZ_CHECK(rc == -MKT_EINVAL && err.text[0]);
		mkt_buf_release(&text);
		return 0;
	}
	mkt_keypair(&pub, &r.key, seed);
	snprintf(r.account, sizeof(r.account), "%s", s.account);
	FUZZ_CHECK(!mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids", &pub));
	FUZZ_CHECK(!mkt_signed_add(&again, &r, "GET", "/v1/bids", s.time_ms, s.nonce, &err));
	FUZZ_CHECK(again.len == strlen(mkt_buf_str(&text)));
	FUZZ_CHECK(!memcmp(again.data, text.data, again.len - 2 * MKT_SIG_LEN));
	FUZZ_CHECK(!mkt_signed_parse(mkt_buf_str(&again), &s, &err));
	FUZZ_CHECK(mkt_signed_ok(&s, &r.chain, "GET", "/v1/bids", &pub));
	mkt_buf_release(&text);
	mkt_buf_release(&again);
	return 0;
}
