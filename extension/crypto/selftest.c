/*
 * selftest.c
 *		Known answers, asked before any key is used.
 *
 * A library that computes something else than we sealed with yesterday would
 * lose data silently; so nothing is sealed or opened unless these pass.
 */
#include "crypto/envelope.h"
#include "crypto/ff1.h"
#include "crypto/hash.h"
#include "crypto/selftest.h"
#include "crypto/xaes.h"

/* C2SP XAES-256-GCM.md, test vectors */
static const char xaes_nonce[] = "ABCDEFGHIJKLMNOPQRSTUVWX";
static const char xaes_plaintext[] = "XAES-256-GCM";
static const struct
{
	uint8_t key_byte;
	const char *aad;
	uint8_t ciphertext[12 + XAES_TAG_SIZE];
} xaes_vectors[] = {
	{0x01, "", {0xce, 0x54, 0x6e, 0xf6, 0x3c, 0x9c, 0xc6, 0x07, 0x65, 0x92,
				0x36, 0x09, 0xb3, 0x3a, 0x9a, 0x19, 0x74, 0xe9, 0x6e, 0x52,
				0xda, 0xf2, 0xfc, 0xf7, 0x07, 0x5e, 0x22, 0x71}},
	{0x03, "c2sp.org/XAES-256-GCM", {0x98, 0x6e, 0xc1, 0x83, 0x25, 0x93, 0xdf, 0x54, 0x43, 0xa1,
									 0x79, 0x43, 0x7f, 0xd0, 0x83, 0xbf, 0x3f, 0xdb, 0x41, 0xab,
									 0xd7, 0x40, 0xa2, 0x1f, 0x71, 0xeb, 0x76, 0x9d}},
};

/* FIPS 180-4, "abc" */
static const uint8_t sha256_abc[HASH_SIZE] = {
	0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
	0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

/* RFC 4231, test case 2 */
static const uint8_t hmac_jefe[HASH_SIZE] = {
	0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
	0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};

/* RFC 5869, A.1 */
static const uint8_t hkdf_okm[42] = {
	0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36,
	0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
	0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65};

/* RFC 5869, A.3: without a salt, as all our keys are derived */
static const uint8_t hkdf_okm_unsalted[42] = {
	0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80, 0x2a, 0x06, 0x3c,
	0x5a, 0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1, 0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f,
	0x3c, 0x73, 0x8d, 0x2d, 0x9d, 0x20, 0x13, 0x95, 0xfa, 0xa4, 0xb6, 0x1a, 0x96, 0xc8};

static bool
test_xaes(XaesLibrary library)
{
	static const uint8_t nothing[12];
	bool ok = true;

	xaes_use_library(library);
	for (size_t i = 0; i < sizeof(xaes_vectors) / sizeof(xaes_vectors[0]); i++)
	{
		const uint8_t *nonce = (const uint8_t *) xaes_nonce;
		const uint8_t *expected = xaes_vectors[i].ciphertext;
		Bytes aad = bytes_of_string(xaes_vectors[i].aad);
		Bytes plaintext = bytes_of_string(xaes_plaintext);
		uint8_t other_nonce[XAES_NONCE_SIZE];
		uint8_t raw[XAES_KEY_SIZE];
		uint8_t out[12 + XAES_TAG_SIZE];
		uint8_t back[12];
		XaesKey *key;

		memset(raw, xaes_vectors[i].key_byte, sizeof(raw));
		key = xaes_create(raw);

		/* Another nonce of the same batch first: the vector then meets a derived key that is kept.
		 */
		memcpy(other_nonce, nonce, sizeof(other_nonce));
		other_nonce[XAES_NONCE_SIZE - 1] ^= 1;
		ok = ok && key != NULL &&
			 xaes_seal(key, other_nonce, aad, plaintext, out, out + 12) == CRYPTO_OK &&
			 xaes_open(key, other_nonce, aad, bytes_view(out, 12), out + 12, back) == CRYPTO_OK &&
			 memcmp(back, plaintext.data, 12) == 0;

		ok = ok && xaes_seal(key, nonce, aad, plaintext, out, out + 12) == CRYPTO_OK &&
			 memcmp(out, expected, sizeof(out)) == 0 &&
			 xaes_open(key, nonce, aad, bytes_view(out, 12), out + 12, back) == CRYPTO_OK &&
			 memcmp(back, plaintext.data, 12) == 0;

		/* A flipped bit must be noticed, in the tag too, and nothing handed out. */
		for (size_t at = 0; ok && at < sizeof(out); at++)
		{
			out[at] ^= 1;
			ok = xaes_open(key, nonce, aad, bytes_view(out, 12), out + 12, back) ==
					 CRYPTO_UNAUTHENTIC &&
				 memcmp(back, nothing, sizeof(nothing)) == 0;
			out[at] ^= 1;
		}
		xaes_free(key);
	}
	xaes_use_library(XAES_BY_SIZE);
	return ok;
}

/*
 * Both libraries run other code on long values than on short ones. No vector is
 * published for that: this is the SHA-256 of ciphertext and tag as another
 * program computed them, under the second vector's key, nonce and AAD.
 */
static const uint8_t xaes_bulk_digest[HASH_SIZE] = {
	0x34, 0xce, 0x4f, 0x9a, 0xef, 0xbd, 0xed, 0xda, 0x7e, 0xa8, 0x25, 0x67, 0xdb, 0xce, 0x29, 0xcc,
	0xf1, 0xc8, 0xfc, 0x9f, 0x8e, 0x83, 0x0b, 0x0d, 0xd7, 0x4f, 0xf8, 0xa5, 0xb5, 0xde, 0x93, 0xe4};

#define BULK_SIZE 2000

static bool
test_xaes_bulk(XaesLibrary library)
{
	const uint8_t *nonce = (const uint8_t *) xaes_nonce;
	Bytes aad = bytes_of_string(xaes_vectors[1].aad);
	uint8_t raw[XAES_KEY_SIZE];
	uint8_t plaintext[BULK_SIZE];
	uint8_t out[BULK_SIZE + XAES_TAG_SIZE];
	uint8_t back[BULK_SIZE];
	uint8_t digest[HASH_SIZE];
	XaesKey *key;
	bool ok;

	memset(raw, xaes_vectors[1].key_byte, sizeof(raw));
	for (int i = 0; i < BULK_SIZE; i++)
		plaintext[i] = (uint8_t) (7 * i + 3);

	xaes_use_library(library);
	key = xaes_create(raw);
	ok = key != NULL &&
		 xaes_seal(key, nonce, aad, bytes_view(plaintext, BULK_SIZE), out, out + BULK_SIZE) ==
			 CRYPTO_OK &&
		 hash_sha256(bytes_view(out, sizeof(out)), digest) == CRYPTO_OK &&
		 memcmp(digest, xaes_bulk_digest, HASH_SIZE) == 0;

	/* A flipped bit, then in place. */
	out[BULK_SIZE / 2] ^= 1;
	ok = ok && xaes_open(key, nonce, aad, bytes_view(out, BULK_SIZE), out + BULK_SIZE, back) ==
				   CRYPTO_UNAUTHENTIC;
	out[BULK_SIZE / 2] ^= 1;
	ok =
		ok &&
		xaes_open(key, nonce, aad, bytes_view(out, BULK_SIZE), out + BULK_SIZE, out) == CRYPTO_OK &&
		memcmp(out, plaintext, BULK_SIZE) == 0;
	xaes_free(key);
	xaes_use_library(XAES_BY_SIZE);
	return ok;
}

static bool
test_hmac(void)
{
	uint8_t out[HASH_SIZE];
	Bytes parts[] = {bytes_of_string("what do ya want "), bytes_of_string("for nothing?")};
	Hmac *hmac = hmac_create(bytes_of_string("Jefe"));
	bool ok = hmac != NULL;

	/* Twice: the second time the key is taken from the kept context. */
	for (int i = 0; i < 2; i++)
		ok = ok && hmac_compute(hmac, parts, 2, out) == CRYPTO_OK &&
			 memcmp(out, hmac_jefe, HASH_SIZE) == 0;
	hmac_free(hmac);
	return ok;
}

static bool
test_hkdf(void)
{
	uint8_t key[22];
	uint8_t salt[13];
	uint8_t info[10];
	uint8_t out[sizeof(hkdf_okm)];

	memset(key, 0x0b, sizeof(key));
	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = i;
	for (uint8_t i = 0; i < sizeof(info); i++)
		info[i] = 0xf0 + i;
	return hkdf_sha256(bytes_view(key, sizeof(key)), bytes_view(salt, sizeof(salt)),
					   bytes_view(info, sizeof(info)), out, sizeof(out)) == CRYPTO_OK &&
		   memcmp(out, hkdf_okm, sizeof(out)) == 0 &&
		   hkdf_sha256(bytes_view(key, sizeof(key)), bytes_view(NULL, 0), bytes_view(NULL, 0), out,
					   sizeof(out)) == CRYPTO_OK &&
		   memcmp(out, hkdf_okm_unsalted, sizeof(out)) == 0;
}

/* NIST, "Examples with Intermediate Values", FF1 sample 9: AES-256, radix 36 */
static bool
test_ff1(void)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	static const char expected[] = "xs8a0azh2avyalyzuwd";
	static const uint8_t key[] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15,
								  0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xef, 0x43, 0x59, 0xd8, 0xd5, 0x80,
								  0xaa, 0x4f, 0x7f, 0x03, 0x6d, 0x6f, 0x04, 0xfc, 0x6a, 0x94};
	Bytes tweak = bytes_of_string("7777pqrs777");
	uint16_t numerals[sizeof(expected) - 1];
	size_t count = sizeof(expected) - 1;
	Ff1 *ff1 = ff1_create(bytes_view(key, sizeof(key)));
	bool ok = ff1 != NULL;

	for (uint16_t i = 0; i < count; i++)
		numerals[i] = i;
	ok = ok && ff1_encrypt(ff1, 36, tweak, numerals, count, numerals) == CRYPTO_OK;
	for (size_t i = 0; i < count; i++)
		ok = ok && digits[numerals[i]] == expected[i];
	ok = ok && ff1_decrypt(ff1, 36, tweak, numerals, count, numerals) == CRYPTO_OK;
	for (size_t i = 0; i < count; i++)
		ok = ok && numerals[i] == i;
	ff1_free(ff1);
	return ok;
}

const char *
crypto_self_test(void)
{
	uint8_t digest[HASH_SIZE];

	if (hash_sha256(bytes_of_string("abc"), digest) != CRYPTO_OK ||
		memcmp(digest, sha256_abc, HASH_SIZE) != 0)
		return "SHA-256";
	if (!test_hmac())
		return "HMAC-SHA-256";
	if (!test_hkdf())
		return "HKDF-SHA-256";
	if (!test_xaes(XAES_OPENSSL) || !test_xaes_bulk(XAES_OPENSSL))
		return "XAES-256-GCM (OpenSSL)";
	if (xaes_has_libsodium() && (!test_xaes(XAES_LIBSODIUM) || !test_xaes_bulk(XAES_LIBSODIUM)))
		return "XAES-256-GCM (libsodium)";
	if (!test_ff1()) /* after what shares its AES, so that this is named */
		return "FF1";
	return NULL;
}
