/*
 * keyed.c - the keys of masks, and what is done with each
 */
#include "mask/keyed.h"

#include <sodium.h>

#include "base/secret.h"
#include "crypto/ff1.h"
#include "crypto/hash.h"
#include "mask/keys.h"

/* Each key for one purpose, from HKDF (RFC 5869) with that as its info. */
static bool
derive(Bytes secret, const char *purpose, uint8_t *out, size_t size)
{
	return hkdf_sha256(secret, bytes_view(NULL, 0), bytes_of_string(purpose), out, size) ==
		   CRYPTO_OK;
}

MaskKeys *
mask_keys_create(const uint8_t secret[MASK_SECRET_SIZE])
{
	Bytes from = bytes_view(secret, MASK_SECRET_SIZE);
	uint8_t key[32];
	MaskKeys *keys;
	bool made;

	/* Of SipHash they are the keys themselves. */
	if ((keys = secret_alloc(sizeof(MaskKeys))) == NULL)
		return NULL;
	made = derive(from, "mask fake", keys->fake, sizeof(keys->fake)) &&
		   derive(from, "mask noise", keys->noise, sizeof(keys->noise)) &&
		   derive(from, "mask pseudonym", key, sizeof(key)) &&
		   (keys->ff1 = ff1_create(bytes_view(key, sizeof(key)))) != NULL &&
		   derive(from, "mask pseudonym hash", key, sizeof(key)) &&
		   (keys->hmac = hmac_create(bytes_view(key, sizeof(key)))) != NULL;
	secret_wipe(key, sizeof(key));
	if (!made)
	{
		mask_keys_free(keys);
		return NULL;
	}
	return keys;
}

void
mask_keys_free(MaskKeys *keys)
{
	if (keys == NULL)
		return;
	ff1_free(keys->ff1);
	hmac_free(keys->hmac);
	secret_free(keys);
}

bool
mask_is_keyed(MaskKind kind)
{
	return kind == MASK_PSEUDONYM || kind == MASK_PSEUDONYM_CARD || kind == MASK_FAKE_FIRST_NAME ||
		   kind == MASK_FAKE_LAST_NAME || kind == MASK_FAKE_NAME || kind == MASK_FAKE_CITY ||
		   kind == MASK_FAKE_COMPANY;
}

size_t
mask_keyed_bound(const MaskSpec *spec, size_t len)
{
	if (spec->kind == MASK_PSEUDONYM || spec->kind == MASK_PSEUDONYM_CARD)
		return len > MASK_HASHED_SIZE && len <= MASK_PSEUDONYM_MAX ? len : MASK_HASHED_SIZE;
	return MASK_FAKE_BOUND;
}

CryptoStatus
mask_text_keyed(const MaskSpec *spec, MaskKeys *keys, bool utf8, const char *in, size_t len,
				char *out, size_t *size)
{
	static const uint8_t nothing[1] = {0};
	const uint8_t *start = len > 0 ? (const uint8_t *) in : nothing;
	MaskInput input = {start, start + len, utf8};
	CryptoStatus status = CRYPTO_OK;

	switch (spec->kind)
	{
		case MASK_PSEUDONYM:
			status = mask_pseudonym(&input, keys, (uint8_t *) out, size);
			break;
		case MASK_PSEUDONYM_CARD:
			status = mask_pseudonym_card(&input, keys, (uint8_t *) out, size);
			break;
		default:
			*size = mask_is_keyed(spec->kind) ? mask_fake(spec->kind, &input, keys, (uint8_t *) out)
											  : mask_redact((uint8_t *) out);
			break;
	}
	if (status != CRYPTO_OK)
		*size = mask_redact((uint8_t *) out);
	return status;
}

/* ------------------------------------------------------------------- noise */

/*
 * SipHash (Aumasson and Bernstein, 2012), a pseudorandom function of the speed
 * that a mask must have. The hash of the context, of 128 bits, is the key of
 * the value's: so both are told apart, and none is copied.
 */
int64_t
mask_noise(const MaskKeys *keys, Bytes context, Bytes value, uint32_t range)
{
	uint8_t key[crypto_shorthash_siphashx24_BYTES];
	uint8_t digest[crypto_shorthash_BYTES];
	uint64_t bits, width;

	if (range > MASK_NOISE_RANGE_MAX)
		range = MASK_NOISE_RANGE_MAX;
	width = 2 * (uint64_t) range + 1;

	_Static_assert(sizeof(key) == crypto_shorthash_KEYBYTES, "a hash is a key");
	crypto_shorthash_siphashx24(key, context.data, context.len, keys->noise);
	crypto_shorthash(digest, value.data, value.len, key);
	secret_wipe(key, sizeof(key));

	/* floor(bits * width / 2^64), in halves of 32 bits, as the width has */
	bits = bytes_get_u64(digest);
	bits = (bits >> 32) * width + ((bits & 0xFFFFFFFF) * width >> 32);
	return (int64_t) (bits >> 32) - range;
}
