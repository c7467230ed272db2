/*
 * bech32m as in BIP-350, for the one prefix and the one length that accounts
 * have: "mkt" "1" 52 characters of data, 6 of checksum.
 */
#include "core/base/compat.h"

#include "core/base/err.h"
#include "core/crypto/sign.h"

#define HRP "mkt"
#define HRP_LEN 3
#define DATA_CHARS 52 /* 256 bits in groups of five, the last padded with zeros */
#define SUM_CHARS 6
#define BECH32M 0x2bc830a3u

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t polymod_step(uint32_t c, uint8_t v)
{
	static const uint32_t gen[5] = {0x3b6a57b2u, 0x26508e6du, 0x1ea119fau, 0x3d4233ddu,
					0x2a1462b3u};
	uint32_t top = c >> 25;

	c = (c & 0x1ffffffu) << 5 ^ v;
	for (int i = 0; i < 5; i++)
		if (top >> i & 1)
			c ^= gen[i];
	return c;
}

static uint32_t checksum(const uint8_t *data, size_t n)
{
	uint32_t c = 1;

	for (size_t i = 0; i < HRP_LEN; i++)
		c = polymod_step(c, (uint8_t)(HRP[i] >> 5));
	c = polymod_step(c, 0);
	for (size_t i = 0; i < HRP_LEN; i++)
		c = polymod_step(c, (uint8_t)(HRP[i] & 31));
	for (size_t i = 0; i < n; i++)
		c = polymod_step(c, data[i]);
	return c;
}

static uint8_t group_at(const uint8_t *key, size_t i)
{
	size_t bit = 5 * i;
	unsigned pair = (unsigned)key[bit / 8] << 8;

	if (bit / 8 + 1 < MKT_PUBKEY_LEN)
		pair |= key[bit / 8 + 1];
	return (uint8_t)(pair >> (11 - bit % 8) & 31);
}

void mkt_pubkey_text(const struct mkt_pubkey *pub, char out[MKT_PUBKEY_TEXT])
{
	uint8_t data[DATA_CHARS + SUM_CHARS] = {0};
	char *at = out + HRP_LEN + 1;
	uint32_t sum;

	memcpy(out, HRP "1", HRP_LEN + 1);
	for (size_t i = 0; i < DATA_CHARS; i++)
		data[i] = group_at(pub->b, i);
	sum = checksum(data, sizeof(data)) ^ BECH32M;
	for (unsigned i = 0; i < SUM_CHARS; i++)
		data[DATA_CHARS + i] = (uint8_t)(sum >> 5 * (5 - i) & 31);
	for (size_t i = 0; i < sizeof(data); i++)
		*at++ = alphabet[data[i]];
	*at = 0;
}

/* The five bits of each character; false on a foreign or mixed-case one. */
static bool read_groups(const char *text, uint8_t data[DATA_CHARS + SUM_CHARS])
{
	bool lower = false, upper = false;

	for (size_t i = 0; text[i]; i++) {
		lower |= text[i] >= 'a' && text[i] <= 'z';
		upper |= text[i] >= 'A' && text[i] <= 'Z';
	}
	if (lower && upper)
		return false;
	for (size_t i = 0; i < DATA_CHARS + SUM_CHARS; i++) {
		char c = text[HRP_LEN + 1 + i];
		const char *hit;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		hit = c ? strchr(alphabet, c) : NULL;
		if (!hit)
			return false;
		data[i] = (uint8_t)(hit - alphabet);
	}
	return true;
}

int mkt_pubkey_parse(const char *text, struct mkt_pubkey *pub)
{
	uint8_t data[DATA_CHARS + SUM_CHARS], key[MKT_PUBKEY_LEN + 1] = {0};

	if (strlen(text) != MKT_PUBKEY_TEXT - 1 || text[HRP_LEN] != '1')
		return -MKT_EINVAL;
	if (strncmp(text, HRP, HRP_LEN) != 0 && strncmp(text, "MKT", HRP_LEN) != 0)
		return -MKT_EINVAL;
	if (!read_groups(text, data) || checksum(data, sizeof(data)) != BECH32M)
		return -MKT_EINVAL;
	if (data[DATA_CHARS - 1] & 15) /* padding: one value, one text */
		return -MKT_EINVAL;
	for (size_t i = 0; i < DATA_CHARS; i++) {
		size_t bit = 5 * i;
		unsigned v = (unsigned)data[i] << (11 - bit % 8);

		key[bit / 8] |= (uint8_t)(v >> 8);
		key[bit / 8 + 1] |= (uint8_t)v;
	}
	memcpy(pub->b, key, MKT_PUBKEY_LEN);
	return 0;
}
