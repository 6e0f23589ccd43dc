/*
 * jwk_test.c
 *		Keys of token/: which JSON Web Keys are taken, which are refused and why,
 *		and what they sign and verify.
 */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/encoding.h"
#include "token/jwk.h"

#include "jose.h"
#include "unit.h"

/* P-256's generator, SEC 2, section 2.4.2, which is the public key of d = 1 */
#define P256_X "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY"
#define P256_Y "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"
#define P256_KEY(rest) \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"" rest "}"

/* 0, 1, the order n, and n + 1 */
#define P256_D0 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define P256_D1 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"
#define P256_DN "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"
#define P256_DN1 "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVI"

#define SECRET32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define SECRET31 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg"
#define SECRET64 \
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-Pw"
#define OCT(k, rest) "{\"kty\":\"oct\",\"k\":\"" k "\"" rest "}"

/* ---------------------------------------------------------------- helpers */

/* base64url of bytes; good until the same text was asked for eight more times. */
static const char *
base64url(Bytes bytes)
{
	static char texts[8][2048];
	static int turn;
	char *text = texts[turn++ % 8];

	if (base64url_encoded_size(bytes.len) >= sizeof(texts[0]))
		die("too long");
	base64url_encode(bytes, text);
	return text;
}

/* A number of so many bits whose lowest byte is given. */
static const char *
number(size_t bits, uint8_t last)
{
	uint8_t bytes[1200];
	size_t size = (bits + 7) / 8;

	memset(bytes, 0xa5, size);
	bytes[0] = (uint8_t) (0xff >> (size * 8 - bits));
	bytes[size - 1] = last;
	return base64url(bytes_view(bytes, size));
}

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Good until the next call. */
static char *
text(const char *format, ...)
{
	static char out[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(out, sizeof(out), format, args);
	va_end(args);
	return out;
}

static TokenKeyStatus
status_of_public(const char *json)
{
	JwkSet set;
	int where;
	TokenKeyStatus status = jwk_set_read(bytes_of_string(json), &set, &where);

	if ((status == TOKEN_KEY_OK) != (set.count > 0))
		die("a set that does not fit its status");
	jwk_set_free(&set);
	return status;
}

static TokenKeyStatus
status_of_secret(const char *json)
{
	TokenKey *key;
	TokenKeyStatus status = jwk_read_secret(bytes_of_string(json), &key);

	if ((status == TOKEN_KEY_OK) != (key != NULL))
		die("a key that does not fit its status");
	token_key_free(key);
	return status;
}

typedef struct Case
{
	TokenKeyStatus status;
	const char *json;
} Case;

static void
check_cases(const Case *cases, size_t count, TokenKeyStatus (*status_of)(const char *),
			const char *what)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++)
	{
		TokenKeyStatus status = status_of(cases[i].json);

		if (status != cases[i].status)
		{
			printf("# %s: %s, expected %s\n", cases[i].json, token_key_status_text(status),
				   token_key_status_text(cases[i].status));
			wrong++;
		}
	}
	ok(wrong == 0, "%zu %s are taken or refused for the right reason", count, what);
}

/* ---------------------------------------------------------------- one by one */

static void
test_public_keys(void)
{
	static const Case cases[] = {
		{TOKEN_KEY_OK, RFC7515_A2_PUBLIC},
		{TOKEN_KEY_OK, RFC7515_A3_PUBLIC},
		{TOKEN_KEY_OK, RFC7515_A4_PUBLIC},
		{TOKEN_KEY_OK, RFC7520_RSA_PUBLIC},
		{TOKEN_KEY_OK, RFC7520_EC_PUBLIC},
		{TOKEN_KEY_OK, RFC7638_KEY},
		{TOKEN_KEY_OK, RFC8037_PUBLIC},

		/* not a key */
		{TOKEN_KEY_MALFORMED, ""},
		{TOKEN_KEY_MALFORMED, "null"},
		{TOKEN_KEY_MALFORMED, "[]"},
		{TOKEN_KEY_MALFORMED, "{}"},
		{TOKEN_KEY_MALFORMED, "\"RSA\""},
		{TOKEN_KEY_MALFORMED, "{\"kty\":1}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"RSA\",\"kty\":\"EC\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"RSA\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"EC\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"OKP\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"EC\",\"crv\":256}"},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"kid\":1")},

		/* kinds and uses that are not for us */
		{TOKEN_KEY_UNSUPPORTED, "{\"kty\":\"rsa\"}"},
		{TOKEN_KEY_UNSUPPORTED, "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AA\"}"},
		{TOKEN_KEY_UNSUPPORTED, "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}"},
		{TOKEN_KEY_UNSUPPORTED, "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AA\"}"},
		{TOKEN_KEY_UNSUPPORTED, "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}"},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"use\":\"enc\"")},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"use\":\"SIG\"")},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"alg\":\"ECDH-ES\"")},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"alg\":\"none\"")},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"alg\":\"es256\"")},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"key_ops\":[\"sign\",\"deriveKey\"]")},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"key_ops\":[]")},
		{TOKEN_KEY_UNSUPPORTED, P256_KEY(",\"use\":\"sig\",\"key_ops\":[\"encrypt\"]")},
		{TOKEN_KEY_OK, P256_KEY(",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"alg\":\"ES256\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"use\":[\"sig\"]")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"alg\":null")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"alg\":\"ES384\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"alg\":\"RS256\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"alg\":\"HS256\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"key_ops\":\"verify\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"key_ops\":[\"verify\",1]")},
		{TOKEN_KEY_OK,
		 P256_KEY(
			 ",\"key_ops\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
			 "\"12\",\"13\",\"14\",\"15\",\"verify\"]")},
		{TOKEN_KEY_MALFORMED,
		 P256_KEY(
			 ",\"key_ops\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
			 "\"12\",\"13\",\"14\",\"15\",\"16\",\"verify\"]")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"key_ops\":[\"verify\",\"x\",\"verify\"]")},

		{TOKEN_KEY_MALFORMED,
		 "{\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\",\"e\":\"AQAB\",\"alg\":\"ES256\"}"},
		{TOKEN_KEY_MALFORMED,
		 "{\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\",\"e\":\"AQAB\",\"alg\":\"HS256\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "=\",\"e\":\"AQAB\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\",\"e\":65537}"},
		{TOKEN_KEY_MALFORMED, "{" RFC8037_POINT ",\"alg\":\"ES256\"}"},

		/* secrets */
		{TOKEN_KEY_SECRET, RFC7515_A1_KEY},
		{TOKEN_KEY_SECRET, RFC7515_A2_PRIVATE},
		{TOKEN_KEY_SECRET, RFC7515_A3_PRIVATE},
		{TOKEN_KEY_SECRET, RFC8037_PRIVATE},
		{TOKEN_KEY_SECRET, "{\"kty\":\"oct\"}"},
		{TOKEN_KEY_SECRET, P256_KEY(",\"d\":null")},
		{TOKEN_KEY_SECRET, P256_KEY(",\"k\":\"AA\"")},
		{TOKEN_KEY_SECRET, P256_KEY(",\"\\u0064\":\"AA\"")},
		{TOKEN_KEY_SECRET, P256_KEY(",\"use\":\"enc\",\"d\":\"AA\"")},
		{TOKEN_KEY_SECRET, "{\"kty\":\"AKP\",\"pub\":\"AA\",\"priv\":\"AA\"}"},
		{TOKEN_KEY_SECRET, "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\",\"d\":\"AA\"}"},

		/* numbers: their form, their length, the curve */
		{TOKEN_KEY_OK, P256_KEY("")},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"\"}"},
		{TOKEN_KEY_MALFORMED,
		 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "=\",\"y\":\"" P256_Y "\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X
							  "\",\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfV\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X
							  "\",\"y\":\"T+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X
							  "\",\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UQ\"}"},
		{TOKEN_KEY_MALFORMED,
		 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":[\"" P256_Y "\"]}"},
		{TOKEN_KEY_MALFORMED,
		 "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}"},
		{TOKEN_KEY_INVALID,
		 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_Y "\",\"y\":\"" P256_X "\"}"},
		{TOKEN_KEY_INVALID,
		 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_D0 "\",\"y\":\"" P256_D0 "\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}"},

		/* the neutral element; order 8; not on the curve; y = 2^255 - 18, that is 1 */
		{TOKEN_KEY_INVALID, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
							"\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"},
		{TOKEN_KEY_INVALID, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
							"\"xxdqcD1N2E-6PAt2DRBnDyogU_osOczG7sf9d5KsA3o\"}"},
		{TOKEN_KEY_INVALID, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
							"\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"},
		{TOKEN_KEY_INVALID, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
							"\"7v_______________________________________38\"}"},
	};

	check_cases(cases, LENGTH(cases), status_of_public, "public keys");
}

static void
test_secret_keys(void)
{
	static const Case cases[] = {
		{TOKEN_KEY_OK, RFC7515_A1_KEY},
		{TOKEN_KEY_OK, RFC7515_A2_PRIVATE},
		{TOKEN_KEY_OK, RFC7520_RSA_PRIVATE},
		{TOKEN_KEY_OK, RFC7515_A3_PRIVATE},
		{TOKEN_KEY_OK, RFC7515_A4_PRIVATE},
		{TOKEN_KEY_OK, RFC8037_PRIVATE},
		{TOKEN_KEY_NOT_SECRET, RFC7515_A2_PUBLIC},
		{TOKEN_KEY_NOT_SECRET, RFC7515_A3_PUBLIC},
		{TOKEN_KEY_NOT_SECRET, RFC8037_PUBLIC},
		{TOKEN_KEY_MALFORMED, "{\"keys\":[" RFC7515_A1_KEY "]}"},
		{TOKEN_KEY_MALFORMED, "{\"keys\":[]}"},
		{TOKEN_KEY_MALFORMED, "{"},
		{TOKEN_KEY_MALFORMED, OCT(SECRET32, ",\"k\":\"" SECRET32 "\"")},

		/* HMAC: as long as the hash */
		{TOKEN_KEY_OK, OCT(SECRET32, "")},
		{TOKEN_KEY_WEAK, OCT(SECRET31, "")},
		{TOKEN_KEY_WEAK, OCT("AA", "")},
		{TOKEN_KEY_WEAK, OCT(SECRET32, ",\"alg\":\"HS512\"")},
		{TOKEN_KEY_WEAK, OCT(SECRET32, ",\"alg\":\"HS384\"")},
		{TOKEN_KEY_OK, OCT(SECRET32, ",\"alg\":\"HS256\"")},
		{TOKEN_KEY_MALFORMED, OCT("", "")},
		{TOKEN_KEY_MALFORMED, OCT(SECRET32 "=", "")},
		{TOKEN_KEY_MALFORMED, "{\"kty\":\"oct\"}"},
		{TOKEN_KEY_MALFORMED, OCT(SECRET32, ",\"alg\":\"RS256\"")},
		{TOKEN_KEY_UNSUPPORTED, OCT(SECRET32, ",\"alg\":\"A256GCM\"")},
		{TOKEN_KEY_UNSUPPORTED, OCT(SECRET32, ",\"use\":\"enc\"")},
		{TOKEN_KEY_UNSUPPORTED, OCT(SECRET32, ",\"key_ops\":[\"encrypt\"]")},
		{TOKEN_KEY_OK, OCT(SECRET32, ",\"key_ops\":[\"verify\"]")},

		/* pairs */
		{TOKEN_KEY_OK, P256_KEY(",\"d\":\"" P256_D1 "\"")},
		{TOKEN_KEY_INVALID, P256_KEY(",\"d\":\"" P256_D0 "\"")},
		{TOKEN_KEY_INVALID, P256_KEY(",\"d\":\"" P256_DN "\"")},
		{TOKEN_KEY_INVALID, P256_KEY(",\"d\":\"" P256_DN1 "\"")},
		{TOKEN_KEY_INVALID, P256_KEY(",\"d\":\"" SECRET32 "\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"d\":\"AQ\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"d\":\"\"")},
		{TOKEN_KEY_MALFORMED, P256_KEY(",\"d\":null")},
		{TOKEN_KEY_INVALID, "{" RFC8037_POINT ",\"d\":\"" SECRET32 "\"}"},
		{TOKEN_KEY_MALFORMED, "{" RFC8037_POINT ",\"d\":\"" SECRET31 "\"}"},
		{TOKEN_KEY_INVALID,
		 RFC7520_RSA_HEAD RFC7520_RSA_PUBLIC_NUMBERS ",\"d\":\"" RFC7515_A2_D "\"}"},
		{TOKEN_KEY_OK, RFC7520_RSA_HEAD RFC7520_RSA_PUBLIC_NUMBERS "," RFC7520_RSA_D "}"},
		{TOKEN_KEY_MALFORMED,
		 RFC7520_RSA_HEAD RFC7520_RSA_PUBLIC_NUMBERS "," RFC7520_RSA_D "," RFC7520_RSA_P "}"},
		{TOKEN_KEY_MALFORMED, RFC7520_RSA_HEAD RFC7520_RSA_PUBLIC_NUMBERS
		 "," RFC7520_RSA_D "," RFC7520_RSA_Q "," RFC7520_RSA_DP "," RFC7520_RSA_DQ
		 "," RFC7520_RSA_QI "}"},
		{TOKEN_KEY_MALFORMED, RFC7520_RSA_HEAD RFC7520_RSA_PUBLIC_NUMBERS
		 "," RFC7520_RSA_P "," RFC7520_RSA_Q "," RFC7520_RSA_DP "," RFC7520_RSA_DQ
		 "," RFC7520_RSA_QI "}"},
		{TOKEN_KEY_UNSUPPORTED,
		 RFC7520_RSA_HEAD RFC7520_RSA_PUBLIC_NUMBERS "," RFC7520_RSA_D ",\"oth\":[]}"},
	};

	check_cases(cases, LENGTH(cases), status_of_secret, "secret keys");
}

static void
test_sizes(void)
{
	const struct
	{
		TokenKeyStatus status;
		size_t bits;
		uint8_t last;
		const char *e;
	} cases[] = {
		{TOKEN_KEY_OK, 2048, 1, "AQAB"},
		{TOKEN_KEY_OK, 8192, 1, "AQAB"},
		{TOKEN_KEY_OK, 3071, 1, "AQAB"},
		{TOKEN_KEY_WEAK, 2047, 1, "AQAB"},
		{TOKEN_KEY_WEAK, 1024, 1, "AQAB"},
		{TOKEN_KEY_WEAK, 8, 1, "AQAB"},
		{TOKEN_KEY_TOO_LARGE, 8193, 1, "AQAB"},
		{TOKEN_KEY_INVALID, 2048, 2, "AQAB"},
		{TOKEN_KEY_WEAK, 2048, 1, "Aw"},           /* 3 */
		{TOKEN_KEY_WEAK, 2048, 1, "AQ"},           /* 1 */
		{TOKEN_KEY_WEAK, 2048, 1, "__8"},          /* 65535 */
		{TOKEN_KEY_WEAK, 2048, 1, "AQAA"},         /* 65536 */
		{TOKEN_KEY_INVALID, 2048, 1, "AQAC"},      /* even */
		{TOKEN_KEY_OK, 2048, 1, "_____w"},         /* 2^32 - 1 */
		{TOKEN_KEY_TOO_LARGE, 2048, 1, "AQAAAAE"}, /* 2^32 + 1 */
		{TOKEN_KEY_MALFORMED, 2048, 1, "AAEAAQ"},  /* a leading zero */
		{TOKEN_KEY_MALFORMED, 2048, 1, "AA"},      /* 0 */
		{TOKEN_KEY_MALFORMED, 2048, 1, "AQAB\\u0020"},
	};
	uint8_t long_secret[TOKEN_HMAC_SECRET_MAX + 1] = {1};
	char *large = must(malloc(JWK_TEXT_MAX + 2));
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		TokenKeyStatus status =
			status_of_public(text("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}",
								  number(cases[i].bits, cases[i].last), cases[i].e));

		if (status != cases[i].status)
		{
			printf("# case %zu: %s\n", i, token_key_status_text(status));
			wrong++;
		}
	}
	ok(wrong == 0, "RSA keys are bounded below and above, and their exponents");
	ok(status_of_public(text("{\"kty\":\"RSA\",\"n\":\"AA%s\",\"e\":\"AQAB\"}", number(2050, 1))) ==
		   TOKEN_KEY_MALFORMED,
	   "a modulus has no leading zero");

	ok(status_of_secret(text(OCT("%s", ""), base64url(bytes_view(long_secret, 1024)))) ==
			   TOKEN_KEY_OK &&
		   status_of_secret(text(OCT("%s", ""), base64url(bytes_view(long_secret, 1025)))) ==
			   TOKEN_KEY_TOO_LARGE,
	   "a secret is bounded above");

	memset(large, 'a', TOKEN_KEY_ID_MAX + 1);
	large[TOKEN_KEY_ID_MAX + 1] = '\0';
	wrong = status_of_public(text(P256_KEY(",\"kid\":\"%s\""), large)) != TOKEN_KEY_TOO_LARGE;
	wrong += status_of_public(text(P256_KEY(",\"kid\":\"%s\""), large + 1)) != TOKEN_KEY_OK;
	ok(wrong == 0, "a kid is bounded");

	memset(large, ' ', JWK_TEXT_MAX + 1);
	large[JWK_TEXT_MAX + 1] = '\0';
	memcpy(large, P256_KEY(""), sizeof(P256_KEY("")) - 1);
	wrong = status_of_public(large) != TOKEN_KEY_TOO_LARGE;
	wrong += status_of_secret(large) != TOKEN_KEY_TOO_LARGE;
	large[JWK_TEXT_MAX] = '\0';
	wrong += status_of_public(large) != TOKEN_KEY_OK;
	ok(wrong == 0, "a text is bounded");
	free(large);
}

/* ---------------------------------------------------------------- sets */

static void
test_sets(void)
{
	static const struct
	{
		TokenKeyStatus status;
		int count, where;
		const char *json;
	} cases[] = {
		{TOKEN_KEY_OK, 1, -1, "{\"keys\":[" RFC7515_A2_PUBLIC "]}"},
		{TOKEN_KEY_OK, 3, -1,
		 "{\"x\":1,\"keys\":[" RFC7515_A2_PUBLIC "," RFC8037_PUBLIC "," RFC7515_A3_PUBLIC "]}"},
		{TOKEN_KEY_OK, 1, -1,
		 "{\"keys\":[{\"kty\":\"new\"}," RFC8037_PUBLIC "," P256_KEY(",\"use\":\"enc\"") "]}"},
		{TOKEN_KEY_NONE, 0, -1, "{\"keys\":[]}"},
		{TOKEN_KEY_NONE, 0, -1, "{\"keys\":[{\"kty\":\"new\"}," P256_KEY(",\"alg\":\"new\"") "]}"},
		{TOKEN_KEY_MALFORMED, 0, -1, "{\"keys\":{}}"},
		{TOKEN_KEY_MALFORMED, 0, -1, "{\"keys\":" RFC8037_PUBLIC "}"},
		{TOKEN_KEY_MALFORMED, 0, -1, "{\"keys\":null}"},
		{TOKEN_KEY_MALFORMED, 0, -1, "[" RFC8037_PUBLIC "]"},
		{TOKEN_KEY_MALFORMED, 0, -1, "{\"Keys\":[" RFC8037_PUBLIC "]}"},
		{TOKEN_KEY_MALFORMED, 0, -1, "{\"keys\":[" RFC8037_PUBLIC "],\"keys\":[]}"},
		{TOKEN_KEY_MALFORMED, 0, 1, "{\"keys\":[" RFC8037_PUBLIC ",1]}"},
		{TOKEN_KEY_MALFORMED, 0, 0, "{\"keys\":[[]]}"},
		{TOKEN_KEY_MALFORMED, 0, 2,
		 "{\"keys\":[" RFC8037_PUBLIC ",{\"kty\":\"new\"},{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}"},
		{TOKEN_KEY_WEAK, 0, 1,
		 "{\"keys\":[" RFC8037_PUBLIC ",{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}"},
		{TOKEN_KEY_SECRET, 0, 1, "{\"keys\":[" RFC8037_PUBLIC "," RFC7515_A3_PRIVATE "]}"},
		{TOKEN_KEY_SECRET, 0, 0, "{\"keys\":[" RFC7515_A1_KEY "," RFC8037_PUBLIC "]}"},
	};
	char *many = must(malloc(JWK_TEXT_MAX));
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		JwkSet set;
		int where;
		TokenKeyStatus status = jwk_set_read(bytes_of_string(cases[i].json), &set, &where);

		if (status != cases[i].status || set.count != cases[i].count || where != cases[i].where)
		{
			printf("# %s: %s, %d keys, at %d\n", cases[i].json, token_key_status_text(status),
				   set.count, where);
			wrong++;
		}
		jwk_set_free(&set);
	}
	ok(wrong == 0, "%zu sets are read, or the fault and its place are told", LENGTH(cases));

	wrong = 0;
	for (int count = JWK_SET_MAX; count <= JWK_SET_MAX + 1; count++)
	{
		char *to = stpcpy(many, "{\"keys\":[" RFC8037_PUBLIC);

		for (int i = 1; i < count; i++)
			to = stpcpy(to, "," RFC8037_PUBLIC);
		stpcpy(to, "]}");
		wrong +=
			status_of_public(many) != (count > JWK_SET_MAX ? TOKEN_KEY_TOO_MANY : TOKEN_KEY_OK);
	}
	ok(wrong == 0, "a set has at most %d keys", JWK_SET_MAX);
	free(many);
}

/* ---------------------------------------------------------------- names */

static void
test_status_texts(void)
{
	size_t wrong = 0;

	for (int i = TOKEN_KEY_OK; i <= TOKEN_KEY_FAILED; i++)
	{
		for (int j = TOKEN_KEY_OK; j < i; j++)
			wrong += strcmp(token_key_status_text((TokenKeyStatus) i),
							token_key_status_text((TokenKeyStatus) j)) == 0;
	}
	ok(wrong == 0, "each status has a text of its own");
}

static void
test_names(void)
{
	static const struct
	{
		const char *json, *id, *thumbprint;
	} cases[] = {
		{RFC7638_KEY, "2011-04-29", RFC7638_THUMBPRINT},
		{RFC8037_PUBLIC, "", RFC8037_THUMBPRINT},
		{RFC8037_PRIVATE, "", RFC8037_THUMBPRINT},
		{P256_KEY(",\"kid\":\"\\u0041\""), "A", "xx0BcA-wMohw8atYDJOe6peGModklG2wRHBlXHMvl0M"},
		{RFC7515_A1_KEY, "", ""},
		{RFC7520_HMAC_KEY, "018c0ae5-4d9b-471b-bfd6-eef314bc7037", ""},
	};
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		TokenKey *key = good_key(cases[i].json);
		Bytes thumbprint = token_key_thumbprint(key);

		if (!bytes_equal(token_key_id(key), bytes_of_string(cases[i].id)) ||
			!bytes_equal(thumbprint, bytes_of_string(cases[i].thumbprint)))
		{
			printf("# %zu: %.*s\n", i, (int) thumbprint.len, thumbprint.data);
			wrong++;
		}
		token_key_free(key);
	}
	ok(wrong == 0, "kids are kept, and thumbprints are RFC 7638's; a secret has none");
}

/* ---------------------------------------------------------------- signatures */

/* The algorithms that each of these may serve, and no other one. */
static void
test_algorithms(void)
{
	static const struct
	{
		const char *json, *algorithms;
	} cases[] = {
		{RFC7515_A2_PUBLIC, "RS256 RS384 RS512 PS256 PS384 PS512 "},
		{RFC7638_KEY, "RS256 "},
		{RFC7515_A3_PUBLIC, "ES256 "},
		{RFC7515_A4_PUBLIC, "ES512 "},
		{RFC8037_PUBLIC, "EdDSA Ed25519 "},
		{"{" RFC8037_POINT ",\"alg\":\"Ed25519\"}", "Ed25519 "},
		{OCT(SECRET32, ""), "HS256 "},
		{OCT(SECRET64, ""), "HS256 HS384 HS512 "},
		{OCT(SECRET64, ",\"alg\":\"HS384\""), "HS384 "},
	};
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		TokenKey *key = good_key(cases[i].json);
		char found[128] = "";

		for (int a = 0; a < TOKEN_ALGORITHM_COUNT; a++)
		{
			uint8_t signature[TOKEN_SIGNATURE_MAX] = {0};
			bool serves = token_key_algorithms(key) & TOKEN_ALGORITHM_BIT(a);

			if (serves)
				strcat(strcat(found, token_algorithm((TokenAlgorithm) a)->name), " ");
			else
				wrong += token_key_verify(key, (TokenAlgorithm) a, STRING("x"),
										  bytes_view(signature, 64)) != CRYPTO_FAILED ||
						 token_key_sign(key, (TokenAlgorithm) a, STRING("x"), signature) !=
							 CRYPTO_FAILED;
		}
		if (strcmp(found, cases[i].algorithms) != 0)
		{
			printf("# %s: %s\n", cases[i].json, found);
			wrong++;
		}
		token_key_free(key);
	}
	ok(wrong == 0, "a key serves the algorithms of its kind, and those alone");
}

/* A new pair as JSON, from OpenSSL, which knows nothing of JWK. */
static const char *
new_ec_key(const char *crv)
{
	EVP_PKEY *pkey = must(EVP_PKEY_Q_keygen(NULL, NULL, "EC", crv));
	uint8_t point[140], private[66];
	BIGNUM *d = NULL;
	size_t size, field;
	const char *json;

	if (!EVP_PKEY_get_octet_string_param(pkey, "encoded-pub-key", point, sizeof(point), &size) ||
		!EVP_PKEY_get_bn_param(pkey, "priv", &d))
		die("no key");
	field = size / 2;
	BN_bn2binpad(d, private, (int) field);
	json = text("{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\",\"d\":\"%s\"}", crv,
				base64url(bytes_view(point + 1, field)),
				base64url(bytes_view(point + 1 + field, field)),
				base64url(bytes_view(private, field)));
	BN_free(d);
	EVP_PKEY_free(pkey);
	return json;
}

static const char *
new_rsa_key(unsigned int bits)
{
	static const char *const names[][2] = {{"n", "n"},
										   {"e", "e"},
										   {"d", "d"},
										   {"p", "rsa-factor1"},
										   {"q", "rsa-factor2"},
										   {"dp", "rsa-exponent1"},
										   {"dq", "rsa-exponent2"},
										   {"qi", "rsa-coefficient1"}};
	static char json[8192];
	EVP_PKEY *pkey = must(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) bits));
	char *to = stpcpy(json, "{\"kty\":\"RSA\"");

	for (size_t i = 0; i < LENGTH(names); i++)
	{
		uint8_t bytes[1024];
		BIGNUM *bn = NULL;

		if (!EVP_PKEY_get_bn_param(pkey, names[i][1], &bn))
			die("no number");
		to += sprintf(to, ",\"%s\":\"%s\"", names[i][0],
					  base64url(bytes_view(bytes, (size_t) BN_bn2bin(bn, bytes))));
		BN_free(bn);
	}
	stpcpy(to, "}");
	EVP_PKEY_free(pkey);
	return json;
}

/* Signs, verifies, and then finds no other signature, message or key that does. */
static size_t
check_signatures(const char *json)
{
	TokenKey *key = good_key(json);
	size_t wrong = 0;

	for (int a = 0; a < TOKEN_ALGORITHM_COUNT; a++)
	{
		TokenAlgorithm algorithm = (TokenAlgorithm) a;
		uint8_t message[200], signature[TOKEN_SIGNATURE_MAX + 1];
		size_t size = token_signature_size(key, algorithm);
		Bytes whole = bytes_view(message, sizeof(message));
		size_t step = token_algorithm(algorithm)->scheme == TOKEN_HMAC ? 1 : 37;

		if ((token_key_algorithms(key) & TOKEN_ALGORITHM_BIT(a)) == 0)
			continue;
		fill_any(message, sizeof(message));
		wrong += token_key_sign(key, algorithm, whole, signature) != CRYPTO_OK;
		wrong += token_key_verify(key, algorithm, whole, bytes_view(signature, size)) != CRYPTO_OK;
		for (size_t bit = 0; bit < size * 8; bit += step)
		{
			signature[bit / 8] ^= (uint8_t) (1 << bit % 8);
			wrong += token_key_verify(key, algorithm, whole, bytes_view(signature, size)) !=
					 CRYPTO_UNAUTHENTIC;
			signature[bit / 8] ^= (uint8_t) (1 << bit % 8);
		}
		for (size_t length = 0; length <= size + 1; length += length + 2 < size ? 7 : 1)
		{
			wrong += length != size &&
					 token_key_verify(key, algorithm, whole, bytes_view(signature, length)) !=
						 CRYPTO_UNAUTHENTIC;
		}
		wrong += token_key_verify(key, algorithm, bytes_view(message, sizeof(message) - 1),
								  bytes_view(signature, size)) != CRYPTO_UNAUTHENTIC;
		message[any(sizeof(message))] ^= 0x40;
		wrong += token_key_verify(key, algorithm, whole, bytes_view(signature, size)) !=
				 CRYPTO_UNAUTHENTIC;

		/* And the context is none the worse for it. */
		wrong += token_key_sign(key, algorithm, whole, signature) != CRYPTO_OK ||
				 token_key_verify(key, algorithm, whole, bytes_view(signature, size)) != CRYPTO_OK;
	}
	wrong += ERR_peek_error() != 0;
	token_key_free(key);
	return wrong;
}

static void
test_signatures(void)
{
	ok(check_signatures(OCT(SECRET64, "")) == 0, "HMAC signs and verifies");
	ok(check_signatures(RFC7520_RSA_PRIVATE) == 0, "RSA of 2048 bits signs and verifies");
	ok(check_signatures(RFC7515_A2_PRIVATE) == 0, "RSA without its primes signs and verifies");
	ok(check_signatures(new_rsa_key(3072)) == 0, "RSA of 3072 bits signs and verifies");
	ok(check_signatures(new_ec_key("P-256")) == 0, "ECDSA on P-256 signs and verifies");
	ok(check_signatures(new_ec_key("P-384")) == 0, "ECDSA on P-384 signs and verifies");
	ok(check_signatures(new_ec_key("P-521")) == 0, "ECDSA on P-521 signs and verifies");
	ok(check_signatures(RFC8037_PRIVATE) == 0, "Ed25519 signs and verifies");
}

/* Coordinates and numbers with leading zeros keep their length: in 300 keys some begin with one. */
static void
test_padding(void)
{
	size_t wrong = 0;

	for (int i = 0; i < 300; i++)
	{
		TokenKey *key;
		uint8_t signature[TOKEN_SIGNATURE_MAX];

		if (jwk_read_secret(bytes_of_string(new_ec_key("P-256")), &key) != TOKEN_KEY_OK)
		{
			wrong++;
			continue;
		}
		wrong +=
			token_key_sign(key, TOKEN_ES256, STRING("x"), signature) != CRYPTO_OK ||
			token_key_verify(key, TOKEN_ES256, STRING("x"), bytes_view(signature, 64)) != CRYPTO_OK;
		token_key_free(key);
	}
	ok(wrong == 0, "300 new pairs on P-256 are taken, sign and verify");
}

/* Signatures that a careless verifier takes for right. */
static void
test_forged(void)
{
	TokenKey *ec = good_key(RFC7515_A3_PUBLIC);
	TokenKey *rsa = good_key(RFC7515_A2_PUBLIC);
	TokenKey *edwards = good_key(RFC8037_PUBLIC);
	uint8_t order[32], signature[TOKEN_SIGNATURE_MAX];
	size_t decoded, wrong = 0;

	base64url_decode(STRING(P256_DN), order, &decoded);

	/* r and s of 0, n, and 1 in all pairs: CVE-2022-21449 */
	for (int r = 0; r < 3; r++)
	{
		for (int s = 0; s < 3; s++)
		{
			memset(signature, 0, 64);
			if (r == 1)
				memcpy(signature, order, 32);
			if (s == 1)
				memcpy(signature + 32, order, 32);
			signature[31] |= r == 2;
			signature[63] |= s == 2;
			wrong += token_key_verify(ec, TOKEN_ES256, STRING("x"), bytes_view(signature, 64)) !=
					 CRYPTO_UNAUTHENTIC;
		}
	}
	ok(wrong == 0, "an ECDSA signature of zeros, ones and orders is wrong");

	wrong = 0;
	for (int value = 0; value < 3; value++)
	{
		memset(signature, 0, sizeof(signature));
		signature[255] = (uint8_t) value;
		wrong += token_key_verify(rsa, TOKEN_RS256, STRING("x"), bytes_view(signature, 256)) !=
				 CRYPTO_UNAUTHENTIC;
		wrong += token_key_verify(rsa, TOKEN_PS256, STRING("x"), bytes_view(signature, 256)) !=
				 CRYPTO_UNAUTHENTIC;
	}
	ok(wrong == 0, "an RSA signature of 0, 1 or 2 is wrong");

	/* R the neutral element, S = 0: right for every message under a key of small order */
	memset(signature, 0, 64);
	signature[0] = 1;
	ok(token_key_verify(edwards, TOKEN_EDDSA, STRING("x"), bytes_view(signature, 64)) ==
		   CRYPTO_UNAUTHENTIC,
	   "an Ed25519 signature of small order is wrong");
	ok(ERR_peek_error() == 0, "refused signatures and keys leave nothing in OpenSSL's queue");
	token_key_free(ec);
	token_key_free(rsa);
	token_key_free(edwards);
}

/* RFC 7518, section 3.5: the salt is as long as the hash, not what the signer likes. */
static void
test_salt(void)
{
	static const int lengths[] = {32, 0, 31, 33, 222};
	EVP_PKEY *pkey = must(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048));
	uint8_t n[256], digest[32], signature[256];
	BIGNUM *bn = NULL;
	TokenKey *key;
	size_t wrong = 0;

	if (!EVP_PKEY_get_bn_param(pkey, "n", &bn))
		die("no modulus");
	BN_bn2bin(bn, n);
	BN_free(bn);
	key = good_key(
		text("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}", base64url(bytes_view(n, sizeof(n)))));
	EVP_Digest("x", 1, digest, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < LENGTH(lengths); i++)
	{
		EVP_PKEY_CTX *ctx = must(EVP_PKEY_CTX_new(pkey, NULL));
		size_t size = sizeof(signature);

		if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
			EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
			EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, lengths[i]) != 1 ||
			EVP_PKEY_sign(ctx, signature, &size, digest, sizeof(digest)) != 1)
			die("cannot sign");
		wrong += token_key_verify(key, TOKEN_PS256, STRING("x"), bytes_view(signature, 256)) !=
				 (i == 0 ? CRYPTO_OK : CRYPTO_UNAUTHENTIC);
		wrong += token_key_verify(key, TOKEN_RS256, STRING("x"), bytes_view(signature, 256)) !=
				 CRYPTO_UNAUTHENTIC;
		EVP_PKEY_CTX_free(ctx);
	}
	ok(wrong == 0, "RSASSA-PSS has a salt of the hash's length, and is no RSASSA-PKCS1-v1_5");
	token_key_free(key);
	EVP_PKEY_free(pkey);
}

/* S + L is the same number to a verifier that does not look: RFC 8032, section 5.1.7. */
static void
test_malleable(void)
{
	static const uint8_t l[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
								  0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
	TokenKey *key = good_key(RFC8037_PRIVATE);
	uint8_t signature[64];
	unsigned int carry = 0;

	token_key_sign(key, TOKEN_EDDSA, STRING("x"), signature);
	for (int i = 0; i < 32; i++)
	{
		carry += signature[32 + i] + l[i];
		signature[32 + i] = (uint8_t) carry;
		carry >>= 8;
	}
	ok(token_key_verify(key, TOKEN_EDDSA, STRING("x"), bytes_view(signature, 64)) ==
		   CRYPTO_UNAUTHENTIC,
	   "an Ed25519 signature has no second form");
	token_key_free(key);
}

static void
test_uses(void)
{
	TokenKey *public = good_key(RFC7515_A3_PUBLIC);
	TokenKey *verifier = good_key(OCT(SECRET32, ",\"key_ops\":[\"verify\"]"));
	TokenKey *signer = good_key(OCT(SECRET32, ",\"key_ops\":[\"sign\"]"));
	uint8_t signature[64];

	ok(!token_key_can_sign(public) &&
		   token_key_sign(public, TOKEN_ES256, STRING("x"), signature) == CRYPTO_FAILED,
	   "a public key does not sign");
	ok(!token_key_can_sign(verifier) &&
		   token_key_sign(verifier, TOKEN_HS256, STRING("x"), signature) == CRYPTO_FAILED &&
		   token_key_can_sign(signer) &&
		   token_key_sign(signer, TOKEN_HS256, STRING("x"), signature) == CRYPTO_OK &&
		   token_key_verify(verifier, TOKEN_HS256, STRING("x"), bytes_view(signature, 32)) ==
			   CRYPTO_OK,
	   "a secret for verifying alone verifies and does not sign");
	token_key_free(public);
	token_key_free(verifier);
	token_key_free(signer);
}

int
main(void)
{
	begin();
	test_public_keys();
	test_secret_keys();
	test_sizes();
	test_sets();
	test_status_texts();
	test_names();
	test_algorithms();
	test_signatures();
	test_padding();
	test_forged();
	test_salt();
	test_malleable();
	test_uses();
	return end();
}
