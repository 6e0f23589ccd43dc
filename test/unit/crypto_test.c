/*
 * crypto_test.c
 *		Ciphers, hashes and nonces of crypto/, without a server.
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 *
 * TAROT_LONG=1 adds what takes minutes and gigabytes.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <sys/syscall.h>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "crypto/selftest.h"
#include "crypto/xaes.h"

#include "unit.h"

/* ---------------------------------------------------------------- a second XAES-256-GCM */

/*
 * Straight from the specification, a new OpenSSL context for each step: slow,
 * stateless and written apart from xaes.c, which it judges.
 */
typedef struct Reference
{
	uint8_t l[16];
	uint8_t k1[16];
	uint8_t kx[32];
} Reference;

static void
reference_aes(const uint8_t key[32], const uint8_t in[16], uint8_t out[16])
{
	EVP_CIPHER_CTX *ctx = must(EVP_CIPHER_CTX_new());
	uint8_t block[32];
	int size;

	if (!EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL) ||
		!EVP_CIPHER_CTX_set_padding(ctx, 0) || !EVP_EncryptUpdate(ctx, block, &size, in, 16))
		die("AES");
	memcpy(out, block, 16);
	EVP_CIPHER_CTX_free(ctx);
}

static void
reference_derive(const uint8_t key[32], const uint8_t nonce[24], Reference *reference)
{
	static const uint8_t zero[16];
	unsigned int carry = 0;

	reference_aes(key, zero, reference->l);
	for (int i = 15; i >= 0; i--)
	{
		unsigned int doubled = reference->l[i] * 2u + carry;

		reference->k1[i] = (uint8_t) doubled;
		carry = doubled >> 8;
	}
	if (carry != 0)
		reference->k1[15] ^= 0x87;
	for (uint8_t half = 0; half < 2; half++)
	{
		uint8_t m[16] = {0x00, half + 1, 'X', 0x00};

		memcpy(m + 4, nonce, 12);
		for (int i = 0; i < 16; i++)
			m[i] ^= reference->k1[i];
		reference_aes(key, m, reference->kx + 16 * half);
	}
}

static void
reference_gcm(const uint8_t key[32], const uint8_t nonce[12], Bytes aad, Bytes plaintext,
			  uint8_t *ciphertext, uint8_t tag[16])
{
	EVP_CIPHER_CTX *ctx = must(EVP_CIPHER_CTX_new());
	uint8_t rest[16];
	int size;

	if (!EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) ||
		(aad.len > 0 && !EVP_EncryptUpdate(ctx, NULL, &size, aad.data, (int) aad.len)) ||
		(plaintext.len > 0 &&
		 !EVP_EncryptUpdate(ctx, ciphertext, &size, plaintext.data, (int) plaintext.len)) ||
		!EVP_EncryptFinal_ex(ctx, rest, &size) ||
		!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag))
		die("AES-256-GCM");
	EVP_CIPHER_CTX_free(ctx);
}

static void
reference_seal(const uint8_t key[32], const uint8_t nonce[24], Bytes aad, Bytes plaintext,
			   uint8_t *ciphertext, uint8_t tag[16])
{
	Reference reference;

	reference_derive(key, nonce, &reference);
	reference_gcm(reference.kx, nonce + 12, aad, plaintext, ciphertext, tag);
}

/* ---------------------------------------------------------------- known answers: ciphers */

static void
test_xaes_vectors(void)
{
	static const struct
	{
		uint8_t key_byte;
		const char *aad;
		const char *l, *k1, *kx, *sealed;
	} vectors[] = {
		{0x01, "", "7298caa565031eadc6ce23d23ea66378", "e531954aca063d5b8d9c47a47d4cc6f0",
		 "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b",
		 "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM", "91c08762876dccf9ba204a33768fa5fe",
		 "23810ec50edb99f374409466ed1f4b7b",
		 "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8",
		 "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	};
	const uint8_t *nonce = (const uint8_t *) "ABCDEFGHIJKLMNOPQRSTUVWX";
	Bytes plaintext = STRING("XAES-256-GCM");

	for (size_t v = 0; v < LENGTH(vectors); v++)
	{
		Bytes aad = bytes_of_string(vectors[v].aad);
		uint8_t raw[32];
		uint8_t out[28];
		Reference reference;

		/* The judge first. */
		memset(raw, vectors[v].key_byte, sizeof(raw));
		reference_derive(raw, nonce, &reference);
		ok(is_hex(bytes_view(reference.l, 16), vectors[v].l) &&
			   is_hex(bytes_view(reference.k1, 16), vectors[v].k1) &&
			   is_hex(bytes_view(reference.kx, 32), vectors[v].kx),
		   "XAES vector %zu: L, K1 and Kx of the test's own implementation", v + 1);
		reference_seal(raw, nonce, aad, plaintext, out, out + 12);
		ok(is_hex(bytes_view(out, 28), vectors[v].sealed),
		   "XAES vector %zu: the test's own implementation", v + 1);

		for (size_t i = 0; i < nlibraries; i++)
		{
			uint8_t back[12];
			XaesKey *key = must(xaes_create(raw));

			xaes_use_library(libraries[i].library);
			memset(out, 0, sizeof(out));
			ok(xaes_seal(key, nonce, aad, plaintext, out, out + 12) == CRYPTO_OK &&
				   is_hex(bytes_view(out, 28), vectors[v].sealed),
			   "XAES vector %zu seals: %s", v + 1, libraries[i].name);
			ok(xaes_open(key, nonce, aad, bytes_view(out, 12), out + 12, back) == CRYPTO_OK &&
				   bytes_equal(bytes_view(back, 12), plaintext),
			   "XAES vector %zu opens: %s", v + 1, libraries[i].name);
			xaes_free(key);
		}
	}
	xaes_use_library(XAES_BY_SIZE);
}

/*
 * crypto/ offers AES-256-GCM under a derived key only, and no XAES key can be
 * found for a given derived key. So this vector asks the two libraries under
 * it, and the test's own implementation, which takes any key.
 */
static void
test_gcm_vector(void)
{
	uint8_t key[32], nonce[12], aad[8], message[10], sealed[26];

	unhex("92ace3e348cd821092cd921aa3546374299ab46209691bc28b8752d17f123c20", key);
	unhex("00112233445566778899aabb", nonce);
	unhex("00000000ffffffff", aad);
	unhex("00010203040506070809", message);

	reference_gcm(key, nonce, bytes_view(aad, 8), bytes_view(message, 10), sealed, sealed + 10);
	ok(is_hex(bytes_view(sealed, 26), "e27abdd2d2a53d2f136b9a4a2579529301bcfb71c78d4060f52c"),
	   "AES-256-GCM vector: OpenSSL");
	if (nlibraries > 1)
	{
		memset(sealed, 0, sizeof(sealed));
		crypto_aead_aes256gcm_encrypt(sealed, NULL, message, 10, aad, 8, NULL, nonce, key);
		ok(is_hex(bytes_view(sealed, 26), "e27abdd2d2a53d2f136b9a4a2579529301bcfb71c78d4060f52c"),
		   "AES-256-GCM vector: libsodium");
	}
}

/* XAES-256-GCM.md, "Accumulated randomized tests" */
static void
test_xaes_accumulated(size_t rounds, const char *expected)
{
	/*
	 * A round reads 58 bytes and two lengths of 0 to 255, 313 on average; the
	 * stream is made in one piece, as OpenSSL 3.0 squeezes only once. Its end is
	 * watched below, so the margin cannot be silently too small.
	 */
	size_t size = rounds * 313 + 500000;
	uint8_t *stream = must(malloc(size));
	EVP_MD_CTX *shake = must(EVP_MD_CTX_new());
	bool made =
		EVP_DigestInit_ex(shake, EVP_shake128(), NULL) && EVP_DigestFinalXOF(shake, stream, size);

	for (size_t i = 0; made && i < nlibraries; i++)
	{
		const uint8_t *at = stream;
		bool good = EVP_DigestInit_ex(shake, EVP_shake128(), NULL);
		uint8_t digest[32];

		xaes_use_library(libraries[i].library);
		for (size_t n = 0; good && n < rounds; n++)
		{
			uint8_t sealed[255 + XAES_TAG_SIZE];
			uint8_t back[255];
			const uint8_t *nonce;
			Bytes plaintext, aad;
			XaesKey *key;

			if ((size_t) (stream + size - at) < 58 + 2 * 255)
				die("the stream of the accumulated test is too short");
			key = must(xaes_create(at));
			nonce = at + 32;
			plaintext = bytes_view(at + 57, at[56]);
			at += 57 + plaintext.len;
			aad = bytes_view(at + 1, at[0]);
			at += 1 + aad.len;
			good = xaes_seal(key, nonce, aad, plaintext, sealed, sealed + plaintext.len) ==
					   CRYPTO_OK &&
				   xaes_open(key, nonce, aad, bytes_view(sealed, plaintext.len),
							 sealed + plaintext.len, back) == CRYPTO_OK &&
				   bytes_equal(bytes_view(back, plaintext.len), plaintext) &&
				   EVP_DigestUpdate(shake, sealed, plaintext.len + XAES_TAG_SIZE);
			xaes_free(key);
		}
		good = good && EVP_DigestFinalXOF(shake, digest, sizeof(digest)) &&
			   is_hex(bytes_view(digest, sizeof(digest)), expected);
		ok(good, "XAES accumulated, %zu rounds: %s", rounds, libraries[i].name);
	}
	if (!made)
		ok(false, "XAES accumulated: SHAKE-128");
	EVP_MD_CTX_free(shake);
	free(stream);
	xaes_use_library(XAES_BY_SIZE);
}

/* ---------------------------------------------------------------- known answers: hashes */

static void
test_hash(void)
{
	uint8_t out[HASH_SIZE];

	ok(hash_sha256(STRING("abc"), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, HASH_SIZE),
				  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
	   "SHA-256 of \"abc\"");
	ok(hash_sha256(bytes_view(NULL, 0), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, HASH_SIZE),
				  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
	   "SHA-256 of nothing");
}

/* RFC 4231, section 4 */
static void
test_hmac(void)
{
	static const struct
	{
		const char *key; /* hex; NULL: 131 bytes aa */
		const char *text;
		uint8_t repeat; /* where the message is 50 times this byte */
		const char *mac;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There", 0,
		 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "what do ya want for nothing?", 0,
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, 0xdd,
		 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819", NULL, 0xcd,
		 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		{"0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "Test With Truncation", 0,
		 "a3b6167473100ee06e0c796c2955552b"},
		{NULL, "Test Using Larger Than Block-Size Key - Hash Key First", 0,
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{NULL,
		 "This is a test using a larger than block-size key and a larger than block-size data. The "
		 "key needs to be hashed before being used by the HMAC algorithm.",
		 0, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		uint8_t key[131], repeated[50], out[HASH_SIZE];
		Bytes message = bytes_view(repeated, sizeof(repeated));
		Bytes key_bytes = bytes_view(key, sizeof(key));
		bool good = true;
		Hmac *hmac;

		memset(key, 0xaa, sizeof(key));
		if (cases[i].key != NULL)
			key_bytes = unhex(cases[i].key, key);
		memset(repeated, cases[i].repeat, sizeof(repeated));
		if (cases[i].text != NULL)
			message = bytes_of_string(cases[i].text);
		hmac = must(hmac_create(key_bytes));

		/* Whole, then cut in three at every place that a short message has: one key, many uses. */
		for (size_t cut = 0; cut <= message.len; cut++)
		{
			Bytes parts[] = {bytes_view(message.data, cut), bytes_view(NULL, 0),
							 bytes_view(message.data + cut, message.len - cut)};

			memset(out, 0, sizeof(out));
			good = good && hmac_compute(hmac, parts, 3, out) == CRYPTO_OK &&
				   is_hex(bytes_view(out, strlen(cases[i].mac) / 2), cases[i].mac);
		}
		ok(good, "HMAC-SHA-256, RFC 4231 case %zu", i + 1);
		hmac_free(hmac);
	}
	hmac_free(NULL);
}

/* Keys and messages of all lengths around SHA-256's block of 64 bytes, beside OpenSSL's own HMAC.
 */
static void
test_hmac_sizes(void)
{
	uint8_t bytes[3 * 64 + 1], expected[HASH_SIZE], out[HASH_SIZE];
	bool good = true;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) (i * 7 + 1);
	for (size_t key_size = 0; key_size < sizeof(bytes); key_size++)
	{
		Hmac *hmac = must(hmac_create(bytes_view(bytes, key_size)));

		for (size_t size = 0; size < sizeof(bytes); size++)
		{
			Bytes message = bytes_view(bytes, size);

			must(HMAC(EVP_sha256(), bytes, (int) key_size, bytes, size, expected, NULL));
			good = good && hmac_compute(hmac, &message, 1, out) == CRYPTO_OK &&
				   memcmp(out, expected, HASH_SIZE) == 0;
		}
		hmac_free(hmac);
	}
	ok(good, "HMAC-SHA-256 of all sizes of key and message, beside OpenSSL's");
}

/* RFC 5869, appendix A */
static void
test_hkdf(void)
{
	uint8_t sequence[256], constant[22], out[255 * HASH_SIZE + 1];
	Bytes key = bytes_view(constant, sizeof(constant));

	for (int i = 0; i < 256; i++)
		sequence[i] = (uint8_t) i;
	memset(constant, 0x0b, sizeof(constant));

	ok(hkdf_sha256(key, bytes_view(sequence, 13), bytes_view(sequence + 0xf0, 10), out, 42) ==
			   CRYPTO_OK &&
		   is_hex(bytes_view(out, 42),
				  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c"
				  "5bf34007208d5b887185865"),
	   "HKDF-SHA-256, RFC 5869 A.1");
	ok(hkdf_sha256(bytes_view(sequence, 80), bytes_view(sequence + 0x60, 80),
				   bytes_view(sequence + 0xb0, 80), out, 82) == CRYPTO_OK &&
		   is_hex(
			   bytes_view(out, 82),
			   "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271c"
			   "b"
			   "41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
	   "HKDF-SHA-256, RFC 5869 A.2");
	ok(hkdf_sha256(key, bytes_view(NULL, 0), bytes_view(NULL, 0), out, 42) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 42),
				  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738"
				  "d2d9d201395faa4b61a96c8"),
	   "HKDF-SHA-256, RFC 5869 A.3");
	ok(hkdf_sha256(key, bytes_view("", 0), bytes_view("", 0), out, 42) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 4), "8da4e775"),
	   "HKDF-SHA-256: empty is empty, with or without an address");
	ok(hkdf_sha256(key, bytes_view(NULL, 0), STRING("x"), out, 255 * HASH_SIZE) == CRYPTO_OK &&
		   hkdf_sha256(key, bytes_view(NULL, 0), STRING("x"), out, 255 * HASH_SIZE + 1) ==
			   CRYPTO_FAILED,
	   "HKDF-SHA-256: 8160 bytes and no more");
}

/* ---------------------------------------------------------------- XAES on many sizes */

/* One round trip through every library and the reference; sizes may be 0. */
static bool
sizes_agree(const uint8_t raw[32], XaesKey *key, size_t size, size_t aad_size)
{
	uint8_t nonce[XAES_NONCE_SIZE], expected_tag[16];
	uint8_t *plaintext = must(malloc(size + 1));
	uint8_t *aad = must(malloc(aad_size + 1));
	uint8_t *expected = must(malloc(size + 1));
	uint8_t *out = must(malloc(size + XAES_TAG_SIZE + 1));
	Bytes aad_bytes = bytes_view(aad, aad_size);
	bool good = true;

	fill_any(plaintext, size);
	fill_any(aad, aad_size);
	xaes_next_nonce(key, nonce);
	reference_seal(raw, nonce, aad_bytes, bytes_view(plaintext, size), expected, expected_tag);

	for (size_t i = 0; i <= nlibraries; i++)
	{
		xaes_use_library(i < nlibraries ? libraries[i].library : XAES_BY_SIZE);
		memset(out, 0x5a, size + XAES_TAG_SIZE + 1);
		good = good &&
			   xaes_seal(key, nonce, aad_bytes, bytes_view(plaintext, size), out, out + size) ==
				   CRYPTO_OK &&
			   memcmp(out, expected, size) == 0 && memcmp(out + size, expected_tag, 16) == 0 &&
			   out[size + XAES_TAG_SIZE] == 0x5a;

		/* Back in place, which both libraries allow. */
		good = good &&
			   xaes_open(key, nonce, aad_bytes, bytes_view(out, size), expected_tag, out) ==
				   CRYPTO_OK &&
			   memcmp(out, plaintext, size) == 0 && memcmp(out + size, expected_tag, 16) == 0;
	}
	xaes_use_library(XAES_BY_SIZE);
	free(plaintext);
	free(aad);
	free(expected);
	free(out);
	return good;
}

static void
test_sizes(void)
{
	static const size_t large[] = {1535,      1536,    1537,          16384,   65535,
								   65536 + 1, 1 << 20, (1 << 20) + 3, 10000019};
	uint8_t raw[32];
	XaesKey *key;
	size_t wrong = 0;

	fill_any(raw, sizeof(raw));
	key = must(xaes_create(raw));
	for (size_t size = 0; size <= 5000; size++)
		wrong += !sizes_agree(raw, key, size, (size_t) any(any(2) ? 64 : 1000));
	ok(wrong == 0, "all libraries and the reference agree on 0 to 5000 bytes");

	wrong = 0;
	for (size_t size = 0; size <= 600; size++)
		wrong += !sizes_agree(raw, key, (size_t) any(64), size);
	wrong += !sizes_agree(raw, key, 1, 5000);
	wrong += !sizes_agree(raw, key, 0, 1 << 20);
	ok(wrong == 0, "all libraries and the reference agree on 0 to 600 bytes of AAD, and on more");

	wrong = 0;
	for (size_t i = 0; i < LENGTH(large); i++)
		wrong += !sizes_agree(raw, key, large[i], 44);
	ok(wrong == 0, "all libraries and the reference agree on large values");
	xaes_free(key);

	/* Fresh keys: nothing above may depend on what a key has in its cache. */
	wrong = 0;
	for (int i = 0; i < 500; i++)
	{
		fill_any(raw, sizeof(raw));
		key = must(xaes_create(raw));
		wrong += !sizes_agree(raw, key, (size_t) any(100), (size_t) any(100));
		xaes_free(key);
	}
	ok(wrong == 0, "all libraries and the reference agree under 500 keys");
	xaes_free(NULL);
}

/*
 * Values under many derived keys, opened in a scattered order: what a cached
 * key or a context that is used again might get wrong.
 */
static void
test_interleaved(void)
{
	enum
	{
		VALUES = 400,
		SIZE = 24
	};
	static uint8_t nonces[VALUES][XAES_NONCE_SIZE];
	static uint8_t sealed[VALUES][SIZE + XAES_TAG_SIZE];
	uint8_t raw[32], plaintext[SIZE], expected[SIZE + XAES_TAG_SIZE], back[SIZE];
	size_t wrong = 0;
	XaesKey *key;

	fill_any(raw, sizeof(raw));
	key = must(xaes_create(raw));
	for (int i = 0; i < VALUES; i++)
	{
		/* 40 prefixes, some of which differ in the last byte alone. */
		fill_any(nonces[i], XAES_NONCE_SIZE);
		memset(nonces[i], (int) any(20), 11);
		nonces[i][11] = (uint8_t) any(2);
		memset(plaintext, i, SIZE);
		xaes_use_library(libraries[any(nlibraries)].library);
		if (xaes_seal(key, nonces[i], STRING("aad"), bytes_view(plaintext, SIZE), sealed[i],
					  sealed[i] + SIZE) != CRYPTO_OK)
			wrong++;
		reference_seal(raw, nonces[i], STRING("aad"), bytes_view(plaintext, SIZE), expected,
					   expected + SIZE);
		wrong += memcmp(expected, sealed[i], sizeof(expected)) != 0;
	}
	for (int n = 0; n < 4000; n++)
	{
		size_t i = (size_t) any(VALUES);
		bool forge = any(4) == 0;
		CryptoStatus status;

		xaes_use_library(libraries[any(nlibraries)].library);
		memset(back, 0x77, sizeof(back));
		sealed[i][0] ^= forge;
		status = xaes_open(key, nonces[i], STRING("aad"), bytes_view(sealed[i], SIZE),
						   sealed[i] + SIZE, back);
		sealed[i][0] ^= forge;
		wrong += forge ? status != CRYPTO_UNAUTHENTIC || !all_bytes_are(back, 0, SIZE)
					   : status != CRYPTO_OK || !all_bytes_are(back, (uint8_t) i, SIZE);
	}
	ok(wrong == 0, "values under many derived keys, in any order, forgeries between them");
	ok(ERR_peek_error() == 0, "a failed opening leaves nothing in OpenSSL's error queue");
	ERR_clear_error();
	xaes_use_library(XAES_BY_SIZE);
	xaes_free(key);
}

/* OpenSSL counts in int: values past that go in pieces. */
static void
test_huge(void)
{
	size_t size = (size_t) INT32_MAX + 12345;
	uint8_t *a = must(calloc(size, 1));
	uint8_t nonce[XAES_NONCE_SIZE], tag[XAES_TAG_SIZE], other_tag[XAES_TAG_SIZE];
	uint8_t before[HASH_SIZE], after[HASH_SIZE];
	XaesKey *key = key_of_byte(9);
	bool good;

	for (size_t i = 0; i < size; i += 4096)
		a[i] = (uint8_t) any(256);
	hash_sha256(bytes_view(a, size), before);
	xaes_next_nonce(key, nonce);
	xaes_use_library(XAES_OPENSSL);
	good = xaes_seal(key, nonce, STRING("aad"), bytes_view(a, size), a, tag) == CRYPTO_OK;
	if (nlibraries > 1)
	{
		/* Opened by the one and sealed again by the other; in place, to save memory. */
		xaes_use_library(XAES_LIBSODIUM);
		good =
			good &&
			xaes_open(key, nonce, STRING("aad"), bytes_view(a, size), tag, a) == CRYPTO_OK &&
			xaes_seal(key, nonce, STRING("aad"), bytes_view(a, size), a, other_tag) == CRYPTO_OK &&
			memcmp(tag, other_tag, XAES_TAG_SIZE) == 0;
	}
	xaes_use_library(XAES_OPENSSL);
	good = good && xaes_open(key, nonce, STRING("aad"), bytes_view(a, size), tag, a) == CRYPTO_OK &&
		   hash_sha256(bytes_view(a, size), after) == CRYPTO_OK &&
		   memcmp(before, after, HASH_SIZE) == 0;
	ok(good, "a value of more than 2^31 bytes, through both libraries");
	xaes_use_library(XAES_BY_SIZE);
	xaes_free(key);
	free(a);
}

/* ---------------------------------------------------------------- randomness */

static int
compare_nonces(const void *a, const void *b)
{
	return memcmp(a, b, XAES_NONCE_SIZE);
}

static bool
has_duplicate(uint8_t *nonces, size_t count)
{
	qsort(nonces, count, XAES_NONCE_SIZE, compare_nonces);
	for (size_t i = 1; i < count; i++)
	{
		if (compare_nonces(nonces + (i - 1) * XAES_NONCE_SIZE, nonces + i * XAES_NONCE_SIZE) == 0)
			return true;
	}
	return false;
}

/* Whether in_child() copies the process past the handlers of pthread_atfork(). */
static bool unaware_fork;

/* Runs `work` in a child, which fills `size` bytes for the parent to read. */
static bool
in_child(void (*work)(uint8_t *out, size_t size, void *arg), uint8_t *out, size_t size, void *arg)
{
	int ends[2];
	size_t got = 0;
	ssize_t n;
	int status;
	pid_t child;

	if (pipe(ends) != 0 || (child = unaware_fork ? (pid_t) syscall(SYS_fork) : fork()) < 0)
		die("fork");
	if (child == 0)
	{
		uint8_t *answer = malloc(size);

		close(ends[0]);
		if (answer == NULL)
			_exit(1);
		work(answer, size, arg);
		for (size_t sent = 0; sent < size; sent += (size_t) n)
		{
			if ((n = write(ends[1], answer + sent, size - sent)) <= 0)
				_exit(1);
		}
		free(answer);
		_exit(0);
	}
	close(ends[1]);
	while (got < size && (n = read(ends[0], out + got, size - got)) > 0)
		got += (size_t) n;
	close(ends[0]);
	return waitpid(child, &status, 0) == child && status == 0 && got == size;
}

static void
draw_nonces(uint8_t *out, size_t size, void *key)
{
	for (size_t i = 0; i < size; i += XAES_NONCE_SIZE)
		xaes_next_nonce(key, out + i);
}

/* As a statement does. */
static void
draw_parted_nonces(uint8_t *out, size_t size, void *key)
{
	xaes_part_from_copies(key);
	draw_nonces(out, size, key);
}

/* A child's child, whose process number might repeat another's. */
static void
draw_in_grandchild(uint8_t *out, size_t size, void *key)
{
	if (!in_child(draw_nonces, out, size, key))
		_exit(1);
}

static void
test_rekey(void)
{
	static uint8_t nonces[400][XAES_NONCE_SIZE];
	uint8_t raw[XAES_KEY_SIZE], plaintext[2000], ciphertext[2000], back[2000], tag[XAES_TAG_SIZE];
	XaesKey *many, *one;
	size_t wrong = 0;

	fill_any(raw, sizeof(raw));
	many = must(xaes_create(raw));
	for (size_t i = 0; i < LENGTH(nonces); i++)
	{
		size_t size = i % 3 == 0 ? 2000 : 40;
		Bytes view = bytes_view(plaintext, size);

		/* Every other time back to a key that it has had. */
		if (i % 2 == 0)
			fill_any(raw, sizeof(raw));
		fill_any(plaintext, size);
		wrong += !xaes_rekey(many, raw);
		xaes_next_nonce(many, nonces[i]);
		one = must(xaes_create(raw));
		wrong += xaes_seal(many, nonces[i], STRING("aad"), view, ciphertext, tag) != CRYPTO_OK ||
				 xaes_open(one, nonces[i], STRING("aad"), bytes_view(ciphertext, size), tag,
						   back) != CRYPTO_OK ||
				 memcmp(back, plaintext, size) != 0 ||
				 xaes_open(many, nonces[i], STRING("aad"), bytes_view(ciphertext, size), tag,
						   back) != CRYPTO_OK;
		raw[0] ^= 1;
		wrong += !xaes_rekey(many, raw) ||
				 xaes_open(many, nonces[i], STRING("aad"), bytes_view(ciphertext, size), tag,
						   back) != CRYPTO_UNAUTHENTIC;
		raw[0] ^= 1;
		for (size_t j = 0; j < i; j++)
			wrong += memcmp(nonces[i], nonces[j], XAES_NONCE_SIZE) == 0;
		xaes_free(one);
	}
	ok(wrong == 0, "a key put in another's place seals and opens as by itself; no nonce twice");
	xaes_free(many);
}

static void
test_nonces(void)
{
	enum
	{
		MANY = 3 * 65536 + 100,
		FEW = 1000
	};
	uint8_t *nonces = must(malloc((size_t) MANY * XAES_NONCE_SIZE));
	XaesKey *key = key_of_byte(1);
	XaesKey *same = key_of_byte(1);
	size_t prefixes = 1;
	bool good;

	draw_nonces(nonces, (size_t) MANY * XAES_NONCE_SIZE, key);
	for (size_t i = 1; i < MANY; i++)
		prefixes +=
			memcmp(nonces + (i - 1) * XAES_NONCE_SIZE, nonces + i * XAES_NONCE_SIZE, 12) != 0;
	ok(prefixes == 4, "2^16 values share a derived key and no more (%zu prefixes)", prefixes);
	ok(!has_duplicate(nonces, MANY), "%d nonces, none twice", (int) MANY);

	/* The same key made ready twice; then the parent, two children and a grandchild. */
	draw_nonces(nonces, FEW * XAES_NONCE_SIZE, key);
	draw_nonces(nonces + FEW * XAES_NONCE_SIZE, FEW * XAES_NONCE_SIZE, same);
	ok(!has_duplicate(nonces, 2 * FEW), "one key made ready twice: no nonce twice");

	xaes_next_nonce(key, nonces); /* a batch is open, so a child finds one */
	good = in_child(draw_nonces, nonces, FEW * XAES_NONCE_SIZE, key) &&
		   in_child(draw_nonces, nonces + FEW * XAES_NONCE_SIZE, FEW * XAES_NONCE_SIZE, key) &&
		   in_child(draw_in_grandchild, nonces + 2 * FEW * XAES_NONCE_SIZE, FEW * XAES_NONCE_SIZE,
					key);
	draw_nonces(nonces + 3 * FEW * XAES_NONCE_SIZE, FEW * XAES_NONCE_SIZE, key);
	good = good && memcmp(nonces, nonces + FEW * XAES_NONCE_SIZE, 12) != 0 &&
		   memcmp(nonces, nonces + 2 * FEW * XAES_NONCE_SIZE, 12) != 0 &&
		   memcmp(nonces, nonces + 3 * FEW * XAES_NONCE_SIZE, 12) != 0;
	ok(good, "each process begins a batch of its own");
	ok(!has_duplicate(nonces, 4 * FEW), "parent, children, grandchild: no nonce twice");

	/*
	 * A process copied without being told, as a virtual machine is by a
	 * snapshot: it goes on with the same batch, but from the next statement on
	 * not with the same nonces.
	 */
	unaware_fork = true;
	good = in_child(draw_parted_nonces, nonces, FEW * XAES_NONCE_SIZE, key);
	unaware_fork = false;
	draw_parted_nonces(nonces + FEW * XAES_NONCE_SIZE, FEW * XAES_NONCE_SIZE, key);
	ok(good && memcmp(nonces, nonces + FEW * XAES_NONCE_SIZE, 12) == 0,
	   "a snapshot goes on with the same batch");
	ok(!has_duplicate(nonces, 2 * FEW), "a snapshot and its original: no nonce twice");
	xaes_free(key);
	xaes_free(same);
	free(nonces);
}

int
main(void)
{
	const char *how_long = getenv("TAROT_LONG");

	begin();
	ok(crypto_self_test() == NULL, "the self-test passes");
	test_xaes_vectors();
	test_gcm_vector();
	test_xaes_accumulated(10000,
						  "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
	test_hash();
	test_hmac();
	test_hmac_sizes();
	test_hkdf();
	test_sizes();
	test_interleaved();
	test_rekey();
	test_nonces();
	if (how_long != NULL && strcmp(how_long, "1") == 0)
	{
		test_xaes_accumulated(1000000,
							  "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15");
		test_huge();
	}
	else
		printf("# TAROT_LONG=1 adds 1 000 000 rounds and a value past 2^31 bytes\n");
	return end();
}
