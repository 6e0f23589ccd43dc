/*
 * crypto_test.c
 *		crypto/ and base/secret.c without a server; prints TAP.
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 *
 * TAROT_LONG=1 adds what takes minutes and gigabytes; TAROT_SEED=N varies the
 * random inputs (the seed is printed, so that a failure can be repeated).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/encoding.h"
#include "crypto/envelope.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/selftest.h"
#include "crypto/xaes.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define STRING(text) bytes_view(text, sizeof(text) - 1)

/* ---------------------------------------------------------------- TAP */

static int tests;
static int failures;

static bool ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
ok(bool passed, const char *format, ...)
{
	va_list args;

	printf("%s %d - ", passed ? "ok" : "not ok", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	failures += !passed;
	return passed;
}

static void
die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(2);
}

static void *
must(void *pointer)
{
	if (pointer == NULL)
		die("out of memory");
	return pointer;
}

/* ---------------------------------------------------------------- small helpers */

static uint64_t random_state;

/* xorshift64*, Vigna 2016: repeatable, which is all that is asked of it here. */
static uint64_t
any(uint64_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * UINT64_C(2685821657736338717) >> 1) % below;
}

static void
fill_any(uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t) any(256);
}

static bool
all_bytes_are(const uint8_t *bytes, uint8_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of a literal in this file; the caller's buffer is large enough. */
static Bytes
unhex(const char *hex, uint8_t *out)
{
	size_t size = strlen(hex) / 2;

	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t) (hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	return bytes_view(out, size);
}

static bool
is_hex(Bytes bytes, const char *hex)
{
	if (bytes.len * 2 != strlen(hex))
		return false;
	for (size_t i = 0; i < bytes.len; i++)
	{
		if (bytes.data[i] != (hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1])))
			return false;
	}
	return true;
}

static bool
bytes_equal(Bytes a, Bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static XaesKey *
key_of_byte(uint8_t byte)
{
	uint8_t raw[XAES_KEY_SIZE];

	memset(raw, byte, sizeof(raw));
	return must(xaes_create(raw));
}

/* The libraries that run here: both, but where the processor has no AES. */
static const struct
{
	XaesLibrary library;
	const char *name;
} libraries[] = {{XAES_OPENSSL, "OpenSSL"}, {XAES_LIBSODIUM, "libsodium"}};
static size_t nlibraries;

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

/* Runs `work` in a child, which fills `size` bytes for the parent to read. */
static bool
in_child(void (*work)(uint8_t *out, size_t size, void *arg), uint8_t *out, size_t size, void *arg)
{
	int ends[2];
	size_t got = 0;
	ssize_t n;
	int status;
	pid_t child;

	if (pipe(ends) != 0 || (child = fork()) < 0)
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

static void
draw_random(uint8_t *out, size_t size, void *arg)
{
	(void) arg;
	for (size_t i = 0; i < size; i += 16)
		random_bytes(out + i, 16);
}

/* A child's child, whose process number might repeat another's. */
static void
draw_in_grandchild(uint8_t *out, size_t size, void *key)
{
	if (!in_child(draw_nonces, out, size, key))
		_exit(1);
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
	xaes_free(key);
	xaes_free(same);
	free(nonces);
}

static void
test_random(void)
{
	enum
	{
		DRAWS = 200
	};
	static uint8_t draws[4 * DRAWS][XAES_NONCE_SIZE];
	uint8_t drawn[3][16 * DRAWS];
	uint8_t buffer[3000];
	size_t wrong = 0;
	bool good;

	/* No size writes too little or too much, the pool's end and its limit among them. */
	for (size_t size = 0; size <= 1100; size++)
	{
		memset(buffer, 0, sizeof(buffer));
		random_bytes(buffer + 8, size);
		wrong += !all_bytes_are(buffer, 0, 8) || !all_bytes_are(buffer + 8 + size, 0, 64);
		wrong += size >= 16 && all_bytes_are(buffer + 8 + size - 16, 0, 16);
		wrong += size >= 16 && all_bytes_are(buffer + 8, 0, 16);
	}
	ok(wrong == 0, "random_bytes fills exactly what it was given, 0 to 1100 bytes");

	/* Draws through the pool, across its refills, do not repeat. */
	memset(draws, 0, sizeof(draws));
	for (size_t i = 0; i < LENGTH(draws); i++)
		random_bytes(draws[i], 16);
	ok(!has_duplicate(draws[0], LENGTH(draws)), "random_bytes: no 16 bytes twice");

	random_bytes(buffer, 16);
	good = in_child(draw_random, drawn[0], sizeof(drawn[0]), NULL) &&
		   in_child(draw_random, drawn[1], sizeof(drawn[1]), NULL);
	draw_random(drawn[2], sizeof(drawn[2]), NULL);
	memset(draws, 0, sizeof(draws));
	for (size_t i = 0; i < 3 * DRAWS; i++)
		memcpy(draws[i], drawn[0] + 16 * i, 16);
	ok(good && !has_duplicate(draws[0], 3 * DRAWS),
	   "random_bytes: parent and children never draw the same");
}

/* ---------------------------------------------------------------- envelopes */

static const uint8_t search_tag[ENVELOPE_SEARCH_TAG_SIZE] = "0123456789abcde";

static EnvelopeHeader
any_header(bool tagged)
{
	return (EnvelopeHeader){.kind = ENVELOPE_TEXT,
							.class_id = (uint32_t) any(UINT64_C(1) << 31),
							.key_id = (uint32_t) any(UINT64_C(1) << 32),
							.key_version = (uint32_t) any(UINT64_C(1) << 32),
							.search_tag = tagged ? search_tag : NULL};
}

static bool
same_header(const EnvelopeHeader *a, const EnvelopeHeader *b)
{
	return a->kind == b->kind && a->class_id == b->class_id && a->key_id == b->key_id &&
		   a->key_version == b->key_version && (a->search_tag == NULL) == (b->search_tag == NULL) &&
		   (a->search_tag == NULL ||
			memcmp(a->search_tag, b->search_tag, ENVELOPE_SEARCH_TAG_SIZE) == 0);
}

/* Parses and opens a copy of exactly these bytes, so that reading past them shows. */
static CryptoStatus
open_copy(XaesKey *key, Bytes envelope, const Bytes *context, int ncontext, uint8_t *plaintext,
		  size_t *size)
{
	uint8_t *copy = malloc(envelope.len > 0 ? envelope.len : 1);
	Envelope parsed;
	CryptoStatus status;

	must(copy);
	if (envelope.len > 0)
		memcpy(copy, envelope.data, envelope.len);
	status = envelope_parse(bytes_view(copy, envelope.len), &parsed);
	*size = 0;
	if (status == CRYPTO_OK)
	{
		*size = parsed.ciphertext.len;
		status = envelope_open(key, &parsed, context, ncontext, plaintext);
	}
	free(copy);
	return status;
}

static void
test_envelope_layout(void)
{
	static const EnvelopeKind kinds[] = {ENVELOPE_BYTEA, ENVELOPE_TEXT, ENVELOPE_DATA_KEY};
	XaesKey *key = key_of_byte(2);
	uint8_t out[200];
	Envelope parsed;
	size_t wrong = 0;
	EnvelopeHeader header = {.kind = ENVELOPE_DATA_KEY,
							 .class_id = 0x01020304,
							 .key_id = 0xa0b0c0d0,
							 .key_version = 0xffffffff,
							 .search_tag = search_tag};

	ok(ENVELOPE_MIN_SIZE == 54 && ENVELOPE_MAX_OVERHEAD == 70 && envelope_size(&header, 5) == 75,
	   "an envelope adds 54 bytes, 70 with a search tag");
	ok(envelope_seal(key, &header, NULL, 0, STRING("plain"), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 30),
				  "01f101020304a0b0c0d0ffffffff30313233343536373839616263646500"),
	   "the header is what docs/formats.md says, byte by byte");
	ok(envelope_parse(bytes_view(out, 75), &parsed) == CRYPTO_OK &&
		   same_header(&parsed.header, &header) && parsed.header_bytes.data == out &&
		   parsed.header_bytes.len == 30 && parsed.nonce == out + 30 &&
		   parsed.ciphertext.data == out + 54 && parsed.ciphertext.len == 5 &&
		   parsed.tag == out + 59 && parsed.header.search_tag == out + 14,
	   "parsing gives back the header and the places of the rest");

	for (int i = 0; i < 3000; i++)
	{
		size_t size = (size_t) any(60);
		uint8_t plaintext[60], back[60];

		header = any_header(any(2));
		header.kind = kinds[any(LENGTH(kinds))];
		if (any(10) == 0)
			header.class_id = any(2) ? 0 : INT32_MAX;
		fill_any(plaintext, size);
		memset(out, 0x5a, sizeof(out));
		wrong +=
			envelope_seal(key, &header, NULL, 0, bytes_view(plaintext, size), out) != CRYPTO_OK;
		wrong += out[envelope_size(&header, size)] != 0x5a;
		wrong +=
			envelope_parse(bytes_view(out, envelope_size(&header, size)), &parsed) != CRYPTO_OK ||
			!same_header(&parsed.header, &header) || parsed.ciphertext.len != size ||
			envelope_open(key, &parsed, NULL, 0, back) != CRYPTO_OK ||
			memcmp(back, plaintext, size) != 0;
	}
	ok(wrong == 0, "any header and size survives sealing, parsing and opening");
	xaes_free(key);
}

static void
test_envelope_refusals(void)
{
	XaesKey *key = key_of_byte(2);
	EnvelopeHeader header = any_header(true);
	uint8_t out[ENVELOPE_MAX_OVERHEAD + 20], back[200];
	uint8_t plaintext[20];
	Envelope parsed;
	size_t wrong = 0, size;

	/* Every length: too short to parse, or parsed and not authentic, never more. */
	for (int tagged = 0; tagged < 2; tagged++)
	{
		size_t whole, least = tagged ? ENVELOPE_MAX_OVERHEAD : ENVELOPE_MIN_SIZE;

		header.search_tag = tagged ? search_tag : NULL;
		whole = envelope_size(&header, 20);
		memset(plaintext, 'p', sizeof(plaintext));
		wrong += envelope_seal(key, &header, NULL, 0, bytes_view(plaintext, 20), out) != CRYPTO_OK;
		for (size_t cut = 0; cut <= whole; cut++)
		{
			CryptoStatus expected = cut < least   ? CRYPTO_MALFORMED
									: cut < whole ? CRYPTO_UNAUTHENTIC
												  : CRYPTO_OK;

			memset(back, 0x77, sizeof(back));
			wrong += open_copy(key, bytes_view(out, cut), NULL, 0, back, &size) != expected;
			if (expected == CRYPTO_UNAUTHENTIC)
				wrong += !all_bytes_are(back, 0, size);
		}
		wrong += envelope_parse(bytes_view(NULL, 0), &parsed) != CRYPTO_MALFORMED;
	}
	ok(wrong == 0, "an envelope cut anywhere is refused");

	wrong = 0;
	for (int version = 0; version < 256; version++)
	{
		out[0] = (uint8_t) version;
		wrong += (envelope_parse(bytes_view(out, sizeof(out)), &parsed) == CRYPTO_OK) !=
				 (version == ENVELOPE_VERSION);
	}
	out[0] = ENVELOPE_VERSION;
	ok(wrong == 0, "version 1 and no other parses");

	wrong = 0;
	for (int flags = 0; flags < 16; flags++)
	{
		out[1] = (uint8_t) (ENVELOPE_TEXT << 4 | flags);
		wrong +=
			(envelope_parse(bytes_view(out, sizeof(out)), &parsed) == CRYPTO_OK) != (flags < 2);
	}
	out[1] = ENVELOPE_TEXT << 4;
	ok(wrong == 0, "reserved flag bits are refused");

	memcpy(out + 2, "\x80\x00\x00\x00", 4);
	wrong = envelope_parse(bytes_view(out, sizeof(out)), &parsed) != CRYPTO_MALFORMED;
	memcpy(out + 2, "\xff\xff\xff\xff", 4);
	wrong += envelope_parse(bytes_view(out, sizeof(out)), &parsed) != CRYPTO_MALFORMED;
	memcpy(out + 2, "\x7f\xff\xff\xff", 4);
	wrong += envelope_parse(bytes_view(out, sizeof(out)), &parsed) != CRYPTO_OK ||
			 parsed.header.class_id != INT32_MAX;
	ok(wrong == 0, "a class id past INT32_MAX is refused, INT32_MAX is not");

	/* What parsing refuses must never be written: it would be lost. */
	header.class_id = (uint32_t) INT32_MAX + 1;
	wrong = envelope_seal(key, &header, NULL, 0, STRING("x"), out) == CRYPTO_OK;
	header.class_id = 1;
	header.kind = (EnvelopeKind) 16;
	wrong += envelope_seal(key, &header, NULL, 0, STRING("x"), out) == CRYPTO_OK;
	ok(wrong == 0, "a header that does not fit is not sealed");
	xaes_free(key);
}

/* Every bit of an envelope, through every library. */
static void
test_envelope_bit_flips(size_t plaintext_size, bool tagged, size_t step)
{
	XaesKey *key = key_of_byte(3);
	EnvelopeHeader header = any_header(tagged);
	size_t size = envelope_size(&header, plaintext_size);
	uint8_t *plaintext = must(malloc(plaintext_size + 1));
	uint8_t *out = must(malloc(size));
	uint8_t *back = must(malloc(size));
	Bytes context[] = {STRING("ctx")};
	size_t opened, wrong = 0, flips = 0;

	memset(plaintext, 'p', plaintext_size);
	wrong += envelope_seal(key, &header, context, 1, bytes_view(plaintext, plaintext_size), out) !=
			 CRYPTO_OK;
	for (size_t i = 0; i < nlibraries; i++)
	{
		xaes_use_library(libraries[i].library);
		for (size_t bit = 0; bit < size * 8; bit += bit < 64 * 8 ? 1 : step, flips++)
		{
			CryptoStatus status;

			memset(back, 0x77, size);
			out[bit / 8] ^= (uint8_t) (1 << bit % 8);
			status = open_copy(key, bytes_view(out, size), context, 1, back, &opened);
			out[bit / 8] ^= (uint8_t) (1 << bit % 8);
			if (status == CRYPTO_MALFORMED)
				wrong += !all_bytes_are(back, 0x77, size);
			else
				wrong += status != CRYPTO_UNAUTHENTIC || !all_bytes_are(back, 0, opened) ||
						 !all_bytes_are(back + opened, 0x77, size - opened);
		}
		wrong += open_copy(key, bytes_view(out, size), context, 1, back, &opened) != CRYPTO_OK ||
				 opened != plaintext_size || memcmp(back, plaintext, plaintext_size) != 0;
	}
	ok(wrong == 0, "%zu flipped bits, %zu bytes%s: all noticed, no plaintext left", flips,
	   plaintext_size, tagged ? " and a search tag" : "");
	xaes_use_library(XAES_BY_SIZE);
	xaes_free(key);
	free(plaintext);
	free(out);
	free(back);
}

static void
test_envelope_context(void)
{
	static const uint8_t long_item[1000] = "long";
	Bytes lists[][3] = {
		{{0}},
		{STRING("")},
		{STRING(""), STRING("")},
		{STRING("abc")},
		{STRING("ab"), STRING("c")},
		{STRING("a"), STRING("bc")},
		{STRING("abc"), STRING("")},
		{STRING(""), STRING("abc")},
		{STRING("a"), STRING("b"), STRING("c")},
		{STRING("abc\0")},
		{STRING("\0\0\0\0\0\0\0\0")},
		{bytes_view(long_item, 1000)},
		{bytes_view(long_item, 999)},
		{bytes_view(long_item, 500), bytes_view(long_item + 500, 500)},
	};
	static const int counts[LENGTH(lists)] = {0, 1, 2, 1, 2, 2, 2, 2, 3, 1, 1, 1, 1, 2};
	XaesKey *key = key_of_byte(4);
	XaesKey *other = key_of_byte(5);
	size_t wrong = 0, size;
	uint8_t out[ENVELOPE_MAX_OVERHEAD + 6], back[6];

	for (size_t n = 0; n < 2 * LENGTH(lists); n++)
	{
		size_t i = n / 2;
		EnvelopeHeader header = any_header(n % 2 == 0);

		wrong +=
			envelope_seal(key, &header, lists[i], counts[i], STRING("secret"), out) != CRYPTO_OK;
		for (size_t j = 0; j < LENGTH(lists); j++)
		{
			CryptoStatus status = open_copy(key, bytes_view(out, envelope_size(&header, 6)),
											lists[j], counts[j], back, &size);

			if (i == j)
				wrong += status != CRYPTO_OK || memcmp(back, "secret", 6) != 0;
			else
				wrong += status != CRYPTO_UNAUTHENTIC || !all_bytes_are(back, 0, 6);
		}
		wrong += open_copy(other, bytes_view(out, envelope_size(&header, 6)), lists[i], counts[i],
						   back, &size) != CRYPTO_UNAUTHENTIC;
	}
	ok(wrong == 0,
	   "an envelope opens under its own key and context, split as it was, and no other");
	xaes_free(key);
	xaes_free(other);
}

/* ---------------------------------------------------------------- encodings */

static void
test_list_encoding(void)
{
	enum
	{
		LISTS = 1500,
		MAX_ITEMS = 4
	};
	static struct
	{
		uint8_t bytes[MAX_ITEMS][4];
		Bytes items[MAX_ITEMS];
		int count;
		uint8_t encoded[4 + MAX_ITEMS * 12];
		size_t size;
	} lists[LISTS];
	Bytes abc[] = {STRING("a"), STRING(""), STRING("bc")};
	uint8_t out[64];
	size_t wrong = 0, equal = 0;

	list_encode(abc, 3, out);
	ok(list_encoded_size(abc, 3) == 31 &&
		   is_hex(bytes_view(out, 31), "0000000300000000000000016100000000000000000000000"
									   "0000000026263"),
	   "the encoding of a list is what docs/formats.md says");
	list_encode(NULL, 0, out);
	ok(list_encoded_size(NULL, 0) == 4 && is_hex(bytes_view(out, 4), "00000000"),
	   "the encoding of the empty list");

	/* Few values, so that equal lists and lists that only look alike both come up. */
	for (size_t n = 0; n < LISTS; n++)
	{
		lists[n].count = (int) any(MAX_ITEMS + 1);
		for (int i = 0; i < lists[n].count; i++)
		{
			for (int b = 0; b < 4; b++)
				lists[n].bytes[i][b] = (uint8_t) any(2);
			lists[n].items[i] = bytes_view(lists[n].bytes[i], (size_t) any(4));
		}
		lists[n].size = list_encoded_size(lists[n].items, lists[n].count);
		list_encode(lists[n].items, lists[n].count, lists[n].encoded);
		for (size_t m = 0; m < n; m++)
		{
			bool same = lists[n].count == lists[m].count;

			for (int i = 0; same && i < lists[n].count; i++)
				same = bytes_equal(lists[n].items[i], lists[m].items[i]);
			equal += same;
			wrong += same != bytes_equal(bytes_view(lists[n].encoded, lists[n].size),
										 bytes_view(lists[m].encoded, lists[m].size));

			/* Nor is one the beginning of another, so what follows it cannot be mistaken. */
			wrong += !same && lists[m].size <= lists[n].size &&
					 memcmp(lists[n].encoded, lists[m].encoded, lists[m].size) == 0;
		}
	}
	ok(wrong == 0 && equal > 0, "different lists, different bytes (%d lists, %zu equal pairs)",
	   LISTS, equal);
}

/* Decodes a copy of exactly these characters, into exactly the promised bound. */
static bool
decodes(Bytes text, uint8_t *result, size_t *size)
{
	char *copy = must(malloc(text.len + 1));
	uint8_t *out = must(malloc(base64url_decoded_bound(text.len)));
	bool good;

	copy = must(realloc(copy, text.len > 0 ? text.len : 1));
	memcpy(copy, text.data, text.len);
	good = base64url_decode(bytes_view(copy, text.len), out, size);
	if (good)
		memcpy(result, out, *size);
	free(copy);
	free(out);
	return good;
}

static void
test_base64url(void)
{
	static const struct
	{
		const char *bytes, *text;
	} vectors[] = {
		{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
		{"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"}};
	static const char *const refused[] = {
		"Zg==",   "Zm8=",    "Zm9v=",    "Zm9vYg==", "=",        "====", " Zm9v", "Zm9v ",
		"Zm9v\n", "Zm\n9v",  "Zm9v\r\n", "Zm 9v",    "\tZg",     "-_+_", "+_-_",  "/_-_",
		"Zh",     "Zn",      "Zv",       "Zm9vYh",   "Zm9",      "Zm-",  "Z",     "Zm9vY",
		"Zm9v.",  "Zm9v,Zm", "\xc3\xa9", "Zm9v\xff", "Zm9v\x80", "Z===", "*",
	};
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char text[200];
	uint8_t bytes[150], back[150];
	size_t wrong = 0, size;

	for (size_t i = 0; i < LENGTH(vectors); i++)
	{
		base64url_encode(bytes_of_string(vectors[i].bytes), text);
		wrong += strcmp(text, vectors[i].text) != 0;
		wrong += !decodes(bytes_of_string(vectors[i].text), back, &size) ||
				 !bytes_equal(bytes_view(back, size), bytes_of_string(vectors[i].bytes));
	}
	ok(wrong == 0, "base64url: RFC 4648 section 10, in the URL alphabet, unpadded");

	wrong = 0;
	for (size_t i = 0; i < LENGTH(refused); i++)
	{
		if (decodes(bytes_of_string(refused[i]), back, &size))
			wrong += !!printf("# accepted: \"%s\"\n", refused[i]);
	}
	wrong += decodes(bytes_view("Zm9v\0", 5), back, &size);
	wrong += decodes(bytes_view("Zm\0v", 4), back, &size);
	ok(wrong == 0, "base64url: padding, white space, other alphabets, stray bits are refused");

	/* Every byte in every place of a group, and after a whole group. */
	wrong = 0;
	for (int place = 0; place < 5; place++)
	{
		for (int c = 0; c < 256; c++)
		{
			char group[] = "AAAAAAAA";

			group[place] = (char) c;
			wrong += decodes(bytes_view(group, 8), back, &size) !=
					 (c != 0 && strchr(alphabet, c) != NULL);
		}
	}
	ok(wrong == 0, "base64url: 64 characters and no others, at every place");

	wrong = 0;
	for (size_t length = 0; length <= 70; length++)
	{
		for (int n = 0; n < 50; n++)
		{
			fill_any(bytes, length);
			memset(text, 'x', sizeof(text));
			base64url_encode(bytes_view(bytes, length), text);
			wrong += strlen(text) != base64url_encoded_size(length) ||
					 text[base64url_encoded_size(length) + 1] != 'x' ||
					 base64url_decoded_bound(strlen(text)) < length ||
					 !decodes(bytes_of_string(text), back, &size) || size != length ||
					 memcmp(back, bytes, length) != 0;
		}
	}
	ok(wrong == 0, "base64url: every length from 0 to 70 survives");

	/* Whatever is accepted is what would have been written: one text for each bytes. */
	wrong = 0;
	for (int n = 0; n < 200000; n++)
	{
		size_t length = (size_t) any(8);
		char again[20];

		for (size_t i = 0; i < length; i++)
			text[i] = alphabet[any(64)];
		if (!decodes(bytes_view(text, length), back, &size))
			continue;
		base64url_encode(bytes_view(back, size), again);
		wrong += strlen(again) != length || memcmp(again, text, length) != 0;
	}
	ok(wrong == 0, "base64url: what decodes encodes to itself");
}

static void
test_envelope_text(void)
{
	XaesKey *key = key_of_byte(6);
	uint8_t out[ENVELOPE_MAX_OVERHEAD + 70], back[ENVELOPE_MAX_OVERHEAD + 80];
	uint8_t plaintext[70];
	char text[300];
	size_t wrong = 0, size, length;

	for (size_t n = 0; n <= 140; n++)
	{
		EnvelopeHeader header = any_header(n % 2);

		fill_any(plaintext, n / 2);
		wrong +=
			envelope_seal(key, &header, NULL, 0, bytes_view(plaintext, n / 2), out) != CRYPTO_OK;
		size = envelope_size(&header, n / 2);
		memset(text, 'x', sizeof(text));
		envelope_to_text(bytes_view(out, size), text);
		length = strlen(text);
		wrong += length != envelope_text_size(size) || strncmp(text, "$tarot1$", 8) != 0 ||
				 text[length + 1] != 'x' || envelope_from_text_bound(length) > sizeof(back) ||
				 envelope_from_text_bound(length) < size;
		wrong +=
			!envelope_is_text(bytes_view(text, length)) ||
			envelope_from_text(bytes_view(text, length), back, &size) != CRYPTO_OK ||
			!bytes_equal(bytes_view(back, size), bytes_view(out, envelope_size(&header, n / 2)));
		wrong += envelope_from_text(bytes_view(text, length + 1), back, &size) == CRYPTO_OK;

		/* Cut short, it never is an envelope with something else in it. */
		for (size_t cut = 0; cut < length; cut++)
		{
			Envelope parsed;

			if (envelope_from_text(bytes_view(text, cut), back, &size) != CRYPTO_OK)
				continue;
			wrong += envelope_parse(bytes_view(back, size), &parsed) != CRYPTO_OK ||
					 envelope_open(key, &parsed, NULL, 0, plaintext) != CRYPTO_UNAUTHENTIC;
		}
	}
	ok(wrong == 0, "the text form gives back the envelope, whole or not at all");
	ok(!envelope_is_text(STRING("$tarot1")) && !envelope_is_text(STRING("$tarot2$AAAA")) &&
		   !envelope_is_text(STRING(" $tarot1$")) && !envelope_is_text(bytes_view(NULL, 0)) &&
		   envelope_is_text(STRING("$tarot1$")),
	   "the prefix alone tells the text form");
	ok(envelope_from_text(STRING("$tarot1$"), back, &size) == CRYPTO_MALFORMED &&
		   envelope_from_text(STRING("$tarot1$AQ"), back, &size) == CRYPTO_MALFORMED &&
		   envelope_from_text(STRING("$Tarot1$AQ"), back, &size) == CRYPTO_MALFORMED,
	   "a prefix with no envelope behind it is malformed");
	xaes_free(key);
}

/* ---------------------------------------------------------------- the worked example */

/*
 * The values of docs/formats.md, "A complete example": computed by another
 * program, so this also shows that the document and this code agree.
 */
static void
test_worked_example(void)
{
	uint8_t root[32], ring[16], wrapping[32], data_key[32], sealing[32], expected[32];
	uint8_t envelope[200], again[200], fingerprint[16], plaintext[32];
	Bytes wrap_context[] = {STRING("data key"), bytes_view(ring, 16)};
	Bytes context[] = {STRING("reading"), STRING("1042")};
	Bytes bytes;
	Envelope parsed;
	XaesKey *key;
	size_t size;
	bool good;

	unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", root);
	unhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", ring);
	unhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0", expected);

	ok(hkdf_sha256(bytes_view(root, 32), bytes_view(NULL, 0),
				   STRING("tarot_security v1 fingerprint"), fingerprint, 16) == CRYPTO_OK &&
		   is_hex(bytes_view(fingerprint, 16), "0c677d8f9f8b4aae32e0639c8e379bc7"),
	   "example: the fingerprint of the root key");
	ok(hkdf_sha256(bytes_view(root, 32), bytes_view(NULL, 0), STRING("tarot_security v1 wrap"),
				   wrapping, 32) == CRYPTO_OK &&
		   is_hex(bytes_view(wrapping, 32),
				  "0689d27b49786922e569e856616e2066bef2f14631a17dc8ac2af752f959aedb"),
	   "example: the wrapping key");

	bytes = unhex("01f0000000000000000700000002404142434445464748494a4b4c4d4e4f5051525354555657"
				  "2a96fca93379ffc5132ac1aa6abca814c8b4dab1e10f9da42e732ac80f7edf1d"
				  "16af7d7cd1a35d90af09562a5f3cff74",
				  envelope);
	key = must(xaes_create(wrapping));
	good = envelope_parse(bytes, &parsed) == CRYPTO_OK && parsed.header.kind == ENVELOPE_DATA_KEY &&
		   parsed.header.class_id == 0 && parsed.header.key_id == 7 &&
		   parsed.header.key_version == 2 && parsed.ciphertext.len == 32 &&
		   envelope_open(key, &parsed, wrap_context, 2, data_key) == CRYPTO_OK &&
		   memcmp(data_key, expected, 32) == 0;
	ok(good, "example: the data key opens under the wrapping key");
	xaes_free(key);

	ok(good &&
		   hkdf_sha256(bytes_view(data_key, 32), bytes_view(NULL, 0),
					   STRING("tarot_security v1 seal"), sealing, 32) == CRYPTO_OK &&
		   is_hex(bytes_view(sealing, 32),
				  "cb07f5ad672a60e98ea9e485c93051753c4d6a0e080c42d16842e8be7b535299"),
	   "example: the sealing key");
	key = must(xaes_create(sealing));
	good =
		envelope_from_text(STRING("$tarot1$ARAAAAAAAAAABwAAAAJgYWJjZGVmZ2hpamtsbW5vcHFyc3R1dncsoEFh"
								  "0aDQ55vxMX0GrRK9iIRmIdfvQL-7hf485dui-UNY"),
						   envelope, &size) == CRYPTO_OK &&
		is_hex(bytes_view(envelope, size),
			   "0110000000000000000700000002606162636465666768696a6b6c6d6e6f70717273747576772ca0"
			   "4161d1a0d0e79bf1317d06ad12bd88846621d7ef40bfbb85fe3ce5dba2f94358") &&
		envelope_parse(bytes_view(envelope, size), &parsed) == CRYPTO_OK &&
		envelope_open(key, &parsed, context, 2, plaintext) == CRYPTO_OK &&
		bytes_equal(bytes_view(plaintext, parsed.ciphertext.len), STRING("The Star, reversed"));
	ok(good, "example: the envelope opens");

	/* The other way: the same AAD, given to the cipher with the example's nonce. */
	bytes =
		unhex("011000000000000000070000000200000002000000000000000772656164696e670000000000000004"
			  "31303432",
			  again);
	ok(good &&
		   xaes_seal(key, envelope + 14, bytes, STRING("The Star, reversed"), again + 100,
					 again + 118) == CRYPTO_OK &&
		   memcmp(again + 100, envelope + 38, 34) == 0,
	   "example: its authenticated data, as written in the document, seals the same");

	bytes = unhex(
		"01112b3c4d5e0000000700000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf808182838485868788898a8b8c"
		"8d8e8f9091929394959697f0f47b07b280848d39f41bf77e8c7c3f18510bd55bc9f937e9e03844ae219c"
		"9b",
		envelope);
	good =
		envelope_parse(bytes, &parsed) == CRYPTO_OK && parsed.header.class_id == 0x2b3c4d5e &&
		parsed.header.search_tag != NULL &&
		envelope_open(key, &parsed, NULL, 0, plaintext) == CRYPTO_OK &&
		bytes_equal(bytes_view(plaintext, parsed.ciphertext.len), STRING("zo\xc3\xab@example.org"));
	ok(good, "example: a column's envelope, with a search tag and no context");
	xaes_free(key);
}

/* ---------------------------------------------------------------- secret memory */

/* Whether a child that does this is stopped by the system. */
static bool
child_crashes(void (*work)(uint8_t *memory), uint8_t *memory)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0)
	{
		struct rlimit none = {0, 0};
		int nowhere = open("/dev/null", O_WRONLY);

		/* No core, no report of a sanitizer: the crash is wanted. */
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		if (nowhere >= 0)
			dup2(nowhere, STDERR_FILENO);
		work(memory);
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && status != 0;
}

static void
read_first(uint8_t *memory)
{
	volatile uint8_t *first = memory;

	(void) first[0];
}

static void
read_after_free(uint8_t *memory)
{
	secret_free(memory);
	read_first(memory);
}

static void
write_past_end(uint8_t *memory)
{
	volatile uint8_t *end = memory + 128;

	end[0] = 1;
}

static void
write_before_and_free(uint8_t *memory)
{
	volatile uint8_t *before = memory - 1;

	before[0] ^= 1;
	secret_free(memory);
}

/* Whether the mapping that holds this address is left out of core dumps. */
static bool
undumpable(const void *memory)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false, found = false;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
	{
		uintptr_t from, to;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			here = (uintptr_t) memory >= from && (uintptr_t) memory < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd") != NULL;
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

static void
test_secret(void)
{
	uint8_t *memory;
	uint8_t other[64];
	size_t wrong = 0;

	for (size_t size = 0; size <= 5000; size += size < 200 ? 1 : 97)
	{
		memory = must(secret_alloc(size));
		wrong += (uintptr_t) memory % 64 != 0 || !all_bytes_are(memory, 0, size);
		memset(memory, 0xff, size);
		secret_free(memory);
	}
	secret_free(NULL);
	ok(wrong == 0, "secret memory is aligned to 64 bytes and begins as zeros");
	ok(secret_alloc(SIZE_MAX) == NULL && secret_alloc(SIZE_MAX - 64) == NULL &&
		   secret_alloc(SIZE_MAX / 2) == NULL,
	   "secret memory of an impossible size is refused");

	memory = must(secret_alloc(128));
	memset(memory, 0xff, 128);
	secret_wipe(memory + 1, 126);
	ok(memory[0] == 0xff && memory[127] == 0xff && all_bytes_are(memory + 1, 0, 126),
	   "wiping writes zeros over all it was given and nothing else");
	ok(!child_crashes(read_first, memory) && child_crashes(read_after_free, memory) &&
		   child_crashes(write_past_end, memory) && child_crashes(write_before_and_free, memory),
	   "secret memory is gone when freed, guarded behind and before");
	ok(undumpable(memory), "secret memory is left out of core dumps");
	secret_free(memory);

	wrong = 0;
	memory = must(secret_alloc(64));
	memset(other, 0, sizeof(other));
	wrong += !secret_equal(memory, other, 64) || !secret_equal(memory, other, 0);
	for (size_t bit = 0; bit < 64 * 8; bit++)
	{
		other[bit / 8] ^= (uint8_t) (1 << bit % 8);
		wrong += secret_equal(memory, other, 64) || !secret_equal(memory, other, bit / 8);
		other[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(wrong == 0, "comparing sees every bit, and only as far as it was told");
	secret_free(memory);
}

int
main(void)
{
	const char *seed = getenv("TAROT_SEED");
	const char *how_long = getenv("TAROT_LONG");
	bool all = how_long != NULL && strcmp(how_long, "1") == 0;

	random_state = seed != NULL ? strtoull(seed, NULL, 10) : 78;
	printf("# TAROT_SEED=%" PRIu64 "\n", random_state);
	random_state = (random_state + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	nlibraries = xaes_has_libsodium() ? 2 : 1;
	if (nlibraries == 1)
		printf("# no AES instructions here: libsodium's AES-256-GCM is not tested\n");

	ok(crypto_self_test() == NULL, "the self-test passes");
	test_xaes_vectors();
	test_gcm_vector();
	test_xaes_accumulated(10000,
						  "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
	test_hash();
	test_hmac();
	test_hkdf();
	test_sizes();
	test_interleaved();
	test_nonces();
	test_random();
	test_envelope_layout();
	test_envelope_refusals();
	test_envelope_bit_flips(0, false, 1);
	test_envelope_bit_flips(0, true, 1);
	test_envelope_bit_flips(20, false, 1);
	test_envelope_bit_flips(20, true, 1);
	test_envelope_bit_flips(2000, true, 7);
	test_envelope_context();
	test_list_encoding();
	test_base64url();
	test_envelope_text();
	test_worked_example();
	test_secret();
	if (all)
	{
		test_xaes_accumulated(1000000,
							  "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15");
		test_huge();
	}
	else
		printf("# TAROT_LONG=1 adds 1 000 000 rounds and a value past 2^31 bytes\n");

	printf("1..%d\n", tests);
	return failures != 0;
}
