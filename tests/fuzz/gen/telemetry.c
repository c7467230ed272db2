/*
 * Write starting inputs for the telemetry target: nothing told, each field
 * alone, everything.
 *
 *   gen-telemetry DIR
 */
#include "core/base/compat.h"

#include "core/wire/telemetry.h"

static void write_file(const char *dir, const char *name, const struct mkt_buf *b)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f || fwrite(b->data, b->len, 1, f) != 1 || fclose(f)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const uint8_t seed[MKT_SEED_LEN] = {1};
	static const struct {
		const char *name;
		uint8_t fields;
	} all[] = {{"none", 0},
		   {"power", MKT_TM_POWER},
		   {"limits", MKT_TM_LIMIT_MA | MKT_TM_LIMIT_W},
		   {"counters", MKT_TM_IMPORT | MKT_TM_EXPORT},
		   {"soc", MKT_TM_SOC},
		   {"contract", MKT_TM_CONTRACT},
		   {"all", MKT_TM_ALL}};
	struct mkt_telemetry t = {.account = 7, .signer = 8, .time_ms = 1795400000123, .power_w = -3000,
				  .limit_ma = 16000, .limit_w = 5000, .import_wh = 123456, .export_wh = 9,
				  .soc = 563, .window = 997444, .side = 1, .contracted_wh = 5000,
				  .moved_wh = 1234, .charger = "p07c1", .kind = "v2h", .state = "ready",
				  .vehicle = "C", .reason = "3.766 kWh to go"};
	struct mkt_buf b = MKT_BUF_INIT;
	struct mkt_pubkey pub;
	struct mkt_seckey sec;

	if (argc != 2 || mkt_crypto_init() < 0)
		return 2;
	mkt_keypair(&pub, &sec, seed);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(all); i++) {
		t.fields = all[i].fields;
		mkt_buf_clear(&b);
		if (mkt_telemetry_enc(&t, &sec, &b, NULL) < 0)
			return 1;
		write_file(argv[1], all[i].name, &b);
	}
	mkt_buf_release(&b);
	return 0;
}
