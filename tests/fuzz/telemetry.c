/*
 * Any bytes as a signed state of a charger.  What is decoded is canonical:
 * encoded again it gives the same bytes but for the signature, which is checked
 * without fault whatever it is.
 */
#include "core/base/compat.h"

#include "core/wire/telemetry.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[MKT_SEED_LEN] = {1};
	struct mkt_buf again = MKT_BUF_INIT;
	struct mkt_telemetry t;
	struct mkt_pubkey pub;
	struct mkt_seckey sec;
	struct mkt_err err = {0};
	int rc = mkt_telemetry_dec(data, size, NULL, &t, &err);

	if (rc < 0) {
		FUZZ_CHECK(err.code == -rc && err.text[0]);
		return 0;
	}
	FUZZ_CHECK(size <= MKT_TELEMETRY_BYTES_MAX);
	mkt_keypair(&pub, &sec, seed);
	FUZZ_CHECK(mkt_telemetry_enc(&t, &sec, &again, &err) == 0);
	FUZZ_CHECK(again.len == size && !memcmp(again.data, data, size - MKT_SIG_LEN));
	FUZZ_CHECK(mkt_telemetry_sig_ok(again.data, again.len, &pub));
	FUZZ_CHECK(mkt_telemetry_sig_ok(data, size, &pub) ==
		   !memcmp(again.data + size - MKT_SIG_LEN, data + size - MKT_SIG_LEN, MKT_SIG_LEN));
	mkt_buf_release(&again);
	return 0;
}
