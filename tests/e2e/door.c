/*
 * A client's hand for tests of the doors:
 *
 *   door sign KEYFILE CHAIN PATH MS    the header of a signed read, MS beside the clock
 */
#include "core/base/compat.h"

#include <time.h>

#include "core/crypto/keyfile.h"
#include "core/wire/signed.h"

static void die(const char *what)
{
	fprintf(stderr, "door: %s\n", what);
	exit(2);
}

/* ---- signed reads --------------------------------------------------------------------------- */

static void parse_chain(const char *hex, struct mkt_hash *out)
{
	if (strlen(hex) != 2 * MKT_HASH_LEN)
		die("no chain id");
	for (unsigned i = 0; i < MKT_HASH_LEN; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out->b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
}

static int sign(char **a)
{
	struct mkt_buf line = MKT_BUF_INIT;
	uint8_t nonce[MKT_SIGNED_NONCE];
	struct mkt_reader r = {.account = ""};
	struct mkt_pubkey pub;
	struct mkt_err err = {0};
	struct timespec t;

	parse_chain(a[1], &r.chain);
	if (mkt_keyfile_load(a[0], (struct mkt_pass){NULL, 0}, &r.key, &err) < 0)
		die(err.text);
	mkt_seckey_public(&r.key, &pub);
	mkt_pubkey_text(&pub, r.account);
	mkt_random(nonce, sizeof(nonce));
	clock_gettime(CLOCK_REALTIME, &t);
	if (mkt_signed_add(&line, &r, "GET", a[2],
			   (uint64_t)((int64_t)t.tv_sec * 1000 + strtoll(a[3], NULL, 10)), nonce,
			   &err) < 0)
		die(err.text);
	printf("Authorization: %s\n", mkt_buf_str(&line));
	mkt_buf_release(&line);
	return 0;
}

int main(int argc, char **argv)
{
	if (mkt_crypto_init() < 0)
		die("no crypto");
	if (argc == 6 && !strcmp(argv[1], "sign"))
		return sign(argv + 2);
	fputs("usage: door sign KEYFILE CHAIN PATH MS\n", stderr);
	return 2;
}
