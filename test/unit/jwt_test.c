/*
 * jwt_test.c
 *		Tokens: the examples of the RFCs, and each way to be refused.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/encoding.h"
#include "token/jwk.h"
#include "token/jwt.h"
#include "token/selftest.h"

#include "jose.h"
#include "unit.h"

/* The time of the tests: 2023-11-14 22:13:20 UTC */
#define NOW_SECONDS INT64_C(1700000000)
#define NOW (NOW_SECONDS * JWT_SECOND)
#define HOUR (3600 * JWT_SECOND)

#define OCT_OF_ZEROS "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"
#define HS256 "{\"alg\":\"HS256\"}"
#define CLAIMS(more) "{\"iss\":\"i\",\"aud\":\"a\",\"iat\":1700000000,\"exp\":1700003600" more "}"

static TokenKey *hmac, *other_hmac;
static Jwt *jwt;
static char token[2 * JWS_SIZE_MAX];

static const Bytes audiences[] = {{(const uint8_t *) "a", 1}, {(const uint8_t *) "b", 1}};

static JwtPolicy
default_policy(void)
{
	return (JwtPolicy){.issuer = STRING("i"),
					   .audiences = audiences,
					   .naudiences = LENGTH(audiences),
					   .algorithms = TOKEN_ALGORITHMS_ALL,
					   .max_age = 24 * HOUR,
					   .max_lifetime = 48 * HOUR,
					   .leeway = 30 * JWT_SECOND};
}

/* ---------------------------------------------------------------- helpers */

/* Signed by hand, whatever header and payload are; into `token`. */
static size_t
make_token(TokenKey *key, TokenAlgorithm algorithm, Bytes header, Bytes payload)
{
	uint8_t signature[TOKEN_SIGNATURE_MAX];
	size_t size;

	base64url_encode(header, token);
	size = strlen(token);
	token[size++] = '.';
	base64url_encode(payload, token + size);
	size += strlen(token + size);
	if (token_key_sign(key, algorithm, bytes_view(token, size), signature) != CRYPTO_OK)
		die("cannot sign");
	token[size++] = '.';
	base64url_encode(bytes_view(signature, token_signature_size(key, algorithm)), token + size);
	return strlen(token);
}

static JwtStatus
check(Bytes text, TokenKey *key, const JwtPolicy *policy, int64_t now)
{
	JwtStatus status = jwt_read(jwt, text);
	JwtStatus verified = jwt_verify(jwt, &key, 1, policy, now);

	if (status != JWT_VALID && verified != status)
		die("a token that was not read is verified");
	if ((verified == JWT_VALID) != (jwt_claims(jwt) != NULL))
		die("claims that do not fit the status");
	return verified;
}

static JwtStatus
check_signed(const char *header, const char *claims)
{
	JwtPolicy policy = default_policy();
	size_t size = make_token(hmac, TOKEN_HS256, bytes_of_string(header), bytes_of_string(claims));

	return check(bytes_view(token, size), hmac, &policy, NOW);
}

static bool
is_status(JwtStatus status, JwtStatus expected, const char *what)
{
	if (status != expected)
		printf("# %s: %s, expected %s\n", what, jwt_status_name(status), jwt_status_name(expected));
	return status == expected;
}

/* ---------------------------------------------------------------- the RFCs' examples */

static JwtStatus
check_jws(const char *text, const char *json)
{
	static Jws jws;
	TokenKey *key = good_key(json);
	JwtStatus status = jws_read(bytes_of_string(text), &jws);

	if (status == JWT_VALID)
		status = jws_verify(&jws, &key, 1, TOKEN_ALGORITHMS_ALL);
	token_key_free(key);
	return status;
}

static void
test_examples(void)
{
	static const struct
	{
		const char *name, *token, *key, *wrong_key;
	} cases[] = {
		{"RFC 7515 A.1, HS256", RFC7515_A1_TOKEN, RFC7515_A1_KEY, RFC7520_HMAC_KEY},
		{"RFC 7515 A.2, RS256", RFC7515_A2_TOKEN, RFC7515_A2_PUBLIC, RFC7520_RSA_PUBLIC},
		{"RFC 7515 A.4, ES512", RFC7515_A4_TOKEN, RFC7515_A4_PUBLIC, RFC7520_EC_PUBLIC},
		{"RFC 7520 4.1, RS256", RFC7520_RS256_TOKEN, RFC7520_RSA_PUBLIC, RFC7515_A2_PUBLIC},
		{"RFC 7520 4.2, PS384", RFC7520_PS384_TOKEN, RFC7520_RSA_PUBLIC, RFC7515_A2_PUBLIC},
		{"RFC 7520 4.3, ES512", RFC7520_ES512_TOKEN, RFC7520_EC_PUBLIC, RFC7515_A4_PUBLIC},
		{"RFC 7520 4.4, HS256", RFC7520_HS256_TOKEN, RFC7520_HMAC_KEY, RFC7515_A1_KEY},
		{"RFC 7515 A.3, ES256", RFC7515_A3_TOKEN, RFC7515_A3_PUBLIC, NULL},
		{"RFC 8037 A.4, EdDSA", RFC8037_TOKEN, RFC8037_PUBLIC, NULL},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		JwtStatus with_wrong_key = cases[i].wrong_key == NULL
									   ? JWT_BAD_SIGNATURE
									   : check_jws(cases[i].token, cases[i].wrong_key);

		ok(is_status(check_jws(cases[i].token, cases[i].key), JWT_VALID, cases[i].name) &&
			   (with_wrong_key == JWT_BAD_SIGNATURE || with_wrong_key == JWT_UNKNOWN_KEY),
		   "%s is verified, and not with another key", cases[i].name);
	}
	ok(check_jws(RFC7515_A5_TOKEN, RFC7515_A1_KEY) == JWT_WRONG_ALGORITHM,
	   "RFC 7515 A.5, none, is not");
}

/* What is deterministic is signed to the RFCs' bytes. */
static void
test_signed_examples(void)
{
	static const struct
	{
		const char *token, *key;
		TokenAlgorithm algorithm;
	} cases[] = {{RFC7515_A1_TOKEN, RFC7515_A1_KEY, TOKEN_HS256},
				 {RFC7515_A2_TOKEN, RFC7515_A2_PRIVATE, TOKEN_RS256},
				 {RFC7520_RS256_TOKEN, RFC7520_RSA_PRIVATE, TOKEN_RS256},
				 {RFC7520_HS256_TOKEN, RFC7520_HMAC_KEY, TOKEN_HS256},
				 {RFC8037_TOKEN, RFC8037_PRIVATE, TOKEN_EDDSA}};
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		TokenKey *key = good_key(cases[i].key);
		Bytes whole = bytes_of_string(cases[i].token);
		size_t before = (size_t) (strrchr(cases[i].token, '.') - cases[i].token);
		uint8_t signature[TOKEN_SIGNATURE_MAX];
		char again[2048];

		wrong += token_key_sign(key, cases[i].algorithm, bytes_view(whole.data, before),
								signature) != CRYPTO_OK;
		base64url_encode(bytes_view(signature, token_signature_size(key, cases[i].algorithm)),
						 again);
		wrong += strcmp(again, cases[i].token + before + 1) != 0;
		token_key_free(key);
	}
	ok(wrong == 0, "RS256, HS256 and EdDSA sign to the bytes of the RFCs");
}

/* ---------------------------------------------------------------- form */

static void
test_form(void)
{
	static char form[2 * JWS_SIZE_MAX];
	JwtPolicy policy = default_policy();
	size_t size = make_token(hmac, TOKEN_HS256, STRING(HS256), STRING(CLAIMS("")));
	const char *good = strcpy(form, token);
	const char *first = strchr(good, '.'), *last = strrchr(good, '.');
	const struct
	{
		JwtStatus status;
		const char *format;
	} cases[] = {
		{JWT_VALID, "%1$s.%2$s.%3$s"},
		{JWT_MALFORMED, ""},
		{JWT_MALFORMED, "."},
		{JWT_MALFORMED, "%1$s"},
		{JWT_MALFORMED, "%1$s.%2$s"},
		{JWT_MALFORMED, "%1$s.%2$s.%3$s."},
		{JWT_MALFORMED, "%1$s.%2$s.%3$s.%3$s"},
		{JWT_MALFORMED, "%1$s.%2$s.%3$s.%3$s.%3$s"},
		{JWT_MALFORMED, "%1$s..%2$s.%3$s"},
		{JWT_MALFORMED, "%1$s.%2$s.%3$s\n"},
		{JWT_MALFORMED, " %1$s.%2$s.%3$s"},
		{JWT_MALFORMED, "%1$s .%2$s.%3$s"},
		{JWT_MALFORMED, "%1$s.%2$s.%3$s="},
		{JWT_MALFORMED, "%1$s.%2$s=.%3$s"},
		{JWT_MALFORMED, "%1$s==.%2$s.%3$s"},
		{JWT_MALFORMED, "%1$s.%2$s.%3$s\xc3\xa9"},
		{JWT_MALFORMED, "Bearer %1$s.%2$s.%3$s"},
		{JWT_MALFORMED, "%1$s.%2$s.A"},
		{JWT_BAD_SIGNATURE, "%1$s.%2$s.%3$sA"},
		{JWT_MALFORMED, "%1$s.%2$s.+/+/"},
		{JWT_BAD_HEADER, ".."},
		{JWT_BAD_HEADER, ".%2$s.%3$s"},
		{JWT_BAD_HEADER, "%2$s.%1$s.%3$s"},
		{JWT_BAD_SIGNATURE, "%1$s.%2$s."},
		{JWT_BAD_SIGNATURE, "%1$s..%3$s"},
		{JWT_BAD_SIGNATURE, "%1$s.%2$s.%2$s"},
		{JWT_BAD_SIGNATURE, "%1$s.%1$s.%3$s"},
	};
	char parts[3][1024] = {{0}};
	size_t wrong = 0;

	memcpy(parts[0], good, (size_t) (first - good));
	memcpy(parts[1], first + 1, (size_t) (last - first - 1));
	strcpy(parts[2], last + 1);
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		sprintf(token, cases[i].format, parts[0], parts[1], parts[2]);
#pragma GCC diagnostic pop
		wrong += !is_status(check(bytes_of_string(token), hmac, &policy, NOW), cases[i].status,
							cases[i].format);
	}
	ok(wrong == 0, "%zu ways to put the parts together", LENGTH(cases));

	/* The last digit of an HMAC-SHA-256 has two bits behind the end of the bytes. */
	wrong = 0;
	for (int i = 0; i < 64; i++)
	{
		static const char digits[] =
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
		JwtStatus expected = digits[i] == good[size - 1] ? JWT_VALID
							 : i % 4 == 0                ? JWT_BAD_SIGNATURE
														 : JWT_MALFORMED;

		strcpy(token, good);
		token[size - 1] = digits[i];
		wrong += !is_status(check(bytes_view(token, size), hmac, &policy, NOW), expected, token);
	}
	ok(wrong == 0, "a signature has one spelling");

	/* All of a token counts. */
	wrong = 0;
	for (size_t bit = 0; bit < size * 8; bit++)
	{
		strcpy(token, good);
		token[bit / 8] = (char) (token[bit / 8] ^ 1 << bit % 8);
		wrong += check(bytes_view(token, size), hmac, &policy, NOW) == JWT_VALID;
	}
	for (size_t cut = 0; cut < size; cut++)
		wrong += check(bytes_view(good, cut), hmac, &policy, NOW) == JWT_VALID;
	ok(wrong == 0, "no bit of a token can be changed, and no end cut off");
	ok(check(bytes_view(good, size), other_hmac, &policy, NOW) == JWT_BAD_SIGNATURE,
	   "another secret does not verify it");
}

static void
test_size(void)
{
	JwtPolicy policy = default_policy();
	static char claims[JWS_SIZE_MAX];
	char *to = stpcpy(claims, "{\"iss\":\"i\",\"aud\":\"a\",\"iat\":1700000000,\"exp\":1700000100,"
							  "\"x\":\"");
	size_t fits = 0;

	/* As much as goes in, then a digit more. */
	for (size_t length = 12000; length < 12400; length++)
	{
		size_t size;
		JwtStatus status;

		memset(to, 'x', length);
		strcpy(to + length, "\"}");
		size = make_token(hmac, TOKEN_HS256, STRING(HS256), bytes_of_string(claims));
		status = check(bytes_view(token, size), hmac, &policy, NOW);
		if (status != (size > JWS_SIZE_MAX ? JWT_TOO_LARGE : JWT_VALID))
			die("a token of the wrong size");
		fits = size > fits && size <= JWS_SIZE_MAX ? size : fits;
	}
	ok(fits >= JWS_SIZE_MAX - 1, "a token of %zu characters is taken, a longer one refused", fits);
	memset(token, '.', sizeof(token));
	ok(check(bytes_view(token, JWS_SIZE_MAX), hmac, &policy, NOW) == JWT_MALFORMED &&
		   check(bytes_view(token, JWS_SIZE_MAX + 1), hmac, &policy, NOW) == JWT_TOO_LARGE,
	   "too large is told before anything else");
}

/* ---------------------------------------------------------------- header */

static void
test_header(void)
{
	static const struct
	{
		JwtStatus status;
		const char *header;
	} cases[] = {
		{JWT_VALID, HS256},
		{JWT_VALID, " { \"typ\" : \"JWT\" ,\r\n \"alg\" : \"HS256\" } "},
		{JWT_VALID, "{\"\\u0061lg\":\"\\u0048S256\"}"},

		/* form */
		{JWT_BAD_HEADER, ""},
		{JWT_BAD_HEADER, "null"},
		{JWT_BAD_HEADER, "[\"alg\",\"HS256\"]"},
		{JWT_BAD_HEADER, "\"HS256\""},
		{JWT_BAD_HEADER, "{}"},
		{JWT_BAD_HEADER, "{\"typ\":\"JWT\"}"},
		{JWT_BAD_HEADER, "{\"alg\":[\"HS256\"]}"},
		{JWT_BAD_HEADER, "{\"alg\":null}"},
		{JWT_BAD_HEADER, "{\"ALG\":\"HS256\"}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"alg\":\"HS256\"}"},
		{JWT_BAD_HEADER, "{\"alg\":\"none\",\"\\u0061lg\":\"HS256\"}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":{\"a\":1,\"a\":2}}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":\"\xff\"}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\"}{}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",}"},
		{JWT_BAD_HEADER, "\xef\xbb\xbf{\"alg\":\"HS256\"}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"kid\":1}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"kid\":null}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"kid\":{}}"},

		/* algorithms: their names have one spelling */
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"none\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"None\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"NONE\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"hs256\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"HS256 \"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"HS25\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"HS2567\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"HS1\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"ES256K\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"Ed448\"}"},
		{JWT_WRONG_ALGORITHM, "{\"alg\":\"dir\",\"enc\":\"A256GCM\"}"},
		{JWT_UNKNOWN_KEY, "{\"alg\":\"HS384\"}"},
		{JWT_UNKNOWN_KEY, "{\"alg\":\"RS256\"}"},
		{JWT_UNKNOWN_KEY, "{\"alg\":\"EdDSA\"}"},

		/* extensions */
		{JWT_UNSUPPORTED_HEADER, "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}"},
		{JWT_UNSUPPORTED_HEADER, "{\"alg\":\"HS256\",\"crit\":[]}"},
		{JWT_UNSUPPORTED_HEADER, "{\"alg\":\"HS256\",\"crit\":null}"},
		{JWT_UNSUPPORTED_HEADER, "{\"alg\":\"HS256\",\"cr\\u0069t\":[\"b64\"],\"b64\":false}"},
		{JWT_UNSUPPORTED_HEADER, "{\"alg\":\"HS256\",\"b64\":true}"},
		{JWT_UNSUPPORTED_HEADER, "{\"alg\":\"HS256\",\"zip\":\"DEF\"}"},
		{JWT_VALID, "{\"alg\":\"HS256\",\"x\":{\"crit\":1,\"b64\":1}}"},

		/* types */
		{JWT_VALID, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"},
		{JWT_VALID, "{\"alg\":\"HS256\",\"typ\":\"jwt\"}"},
		{JWT_VALID, "{\"alg\":\"HS256\",\"typ\":\"application/jwt\"}"},
		{JWT_VALID, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}"},
		{JWT_VALID, "{\"alg\":\"HS256\",\"typ\":\"Application/AT+JWT\"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"\"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"JOSE\"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"secevent+jwt\"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"JWT \"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"text/plain/jwt\"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"applicatiom/jwt\"}"},
		{JWT_WRONG_TYPE, "{\"alg\":\"HS256\",\"typ\":\"application/application/jwt\"}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"typ\":\"J\\u0000T\"}"},
		{JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"typ\":[\"JWT\"]}"},

		/* a key of its own is not looked at */
		{JWT_VALID, "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":"
					"\"https://example.com\",\"x5u\":\"https://example.com\",\"x5c\":[\"AA\"],"
					"\"x5t\":\"AA\"}"},
	};
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
		wrong +=
			!is_status(check_signed(cases[i].header, CLAIMS("")), cases[i].status, cases[i].header);
	ok(wrong == 0, "%zu headers", LENGTH(cases));

	check_signed("{\"alg\":\"HS256\",\"x\":{\"a\":1,\"a\":2}}", CLAIMS(""));
	wrong = jwt_json_status(jwt) != JSON_DUPLICATE;
	check_signed("{\"alg\":\"HS256\",\"x\":\"\xff\"}", CLAIMS(""));
	wrong += jwt_json_status(jwt) != JSON_NOT_TEXT;
	check_signed("{\"alg\":1}", CLAIMS(""));
	wrong += jwt_json_status(jwt) != JSON_OK;
	ok(wrong == 0, "what is wrong with its JSON is told");
}

/* ---------------------------------------------------------------- claims */

#define WITHOUT(claims) "{\"iss\":\"i\",\"aud\":\"a\"," claims "}"
#define TIMES "\"iat\":1700000000,\"exp\":1700003600"

static void
test_claims(void)
{
	static const struct
	{
		JwtStatus status;
		const char *claims;
	} cases[] = {
		{JWT_VALID, CLAIMS("")},
		{JWT_VALID, CLAIMS(",\"sub\":\"s\",\"jti\":\"j\",\"nbf\":1700000000,\"x\":{\"y\":[1]}")},
		{JWT_VALID, "{\"\\u0069ss\":\"\\u0069\",\"aud\":\"\\u0061\"," TIMES "}"},

		/* form */
		{JWT_BAD_CLAIMS, ""},
		{JWT_BAD_CLAIMS, "null"},
		{JWT_BAD_CLAIMS, "[]"},
		{JWT_BAD_CLAIMS, "\"x\""},
		{JWT_BAD_CLAIMS, CLAIMS("") "x"},
		{JWT_BAD_CLAIMS, CLAIMS(",")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"exp\":1700003600")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"\\u0065xp\":9999999999")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"x\":{\"y\":{\"a\":1,\"a\":1}}")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"x\":\"\xc3\"")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"x\":\"\\ud800\"")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"x\":\"\\u0000\"")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"x\":1e1000")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]")},
		{JWT_BAD_CLAIMS, "eyJhbGciOiJIUzI1NiJ9.e30.AA"},

		/* exp and iat must be there */
		{JWT_MISSING_CLAIM, "{}"},
		{JWT_MISSING_CLAIM, WITHOUT("\"iat\":1700000000")},
		{JWT_MISSING_CLAIM, WITHOUT("\"exp\":1700003600")},
		{JWT_MISSING_CLAIM, WITHOUT("\"Exp\":1700003600,\"iat\":1700000000")},

		/* numbers */
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":\"1700003600\"")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":\"never\"")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":null")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":true")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":[1700003600]")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":{}")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":-1")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":-0")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":253402300800")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":99999999999999999999999999")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":1e999")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":9223372036854775808")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":1700000000,\"exp\":18446744073709551617")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":\"1700000000\",\"exp\":1700003600")},
		{JWT_BAD_CLAIMS, WITHOUT("\"iat\":-1,\"exp\":1700003600")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"nbf\":\"1700000000\"")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"nbf\":null")},
		{JWT_TOO_LONG_LIVED, WITHOUT("\"iat\":1700000000,\"exp\":253402300799")},
		{JWT_TOO_LONG_LIVED, WITHOUT("\"iat\":1700000000,\"exp\":1e11")},
		{JWT_EXPIRED, WITHOUT("\"iat\":1699990000,\"exp\":1699990001")},
		{JWT_EXPIRED, WITHOUT("\"iat\":1700000000,\"exp\":0")},
		{JWT_EXPIRED, WITHOUT("\"iat\":1700000000,\"exp\":0e999")},
		{JWT_EXPIRED, WITHOUT("\"iat\":1700000000,\"exp\":1e-999")},
		{JWT_VALID, WITHOUT("\"iat\":1.7e9,\"exp\":1700003600.5")},
		{JWT_VALID, WITHOUT("\"iat\":17000000000E-1,\"exp\":0.0000017000036e+15")},

		/* iss */
		{JWT_WRONG_ISSUER, "{\"aud\":\"a\"," TIMES "}"},
		{JWT_WRONG_ISSUER, "{\"iss\":\"I\",\"aud\":\"a\"," TIMES "}"},
		{JWT_WRONG_ISSUER, "{\"iss\":\"i/\",\"aud\":\"a\"," TIMES "}"},
		{JWT_BAD_CLAIMS, "{\"iss\":\"\",\"aud\":\"a\"," TIMES "}"},
		{JWT_BAD_CLAIMS, "{\"iss\":[\"i\"],\"aud\":\"a\"," TIMES "}"},
		{JWT_BAD_CLAIMS, "{\"iss\":null,\"aud\":\"a\"," TIMES "}"},

		/* aud */
		{JWT_VALID, "{\"iss\":\"i\",\"aud\":\"b\"," TIMES "}"},
		{JWT_VALID, "{\"iss\":\"i\",\"aud\":[\"x\",\"b\"]," TIMES "}"},
		{JWT_WRONG_AUDIENCE, "{\"iss\":\"i\"," TIMES "}"},
		{JWT_WRONG_AUDIENCE, "{\"iss\":\"i\",\"aud\":\"c\"," TIMES "}"},
		{JWT_WRONG_AUDIENCE, "{\"iss\":\"i\",\"aud\":\"\"," TIMES "}"},
		{JWT_WRONG_AUDIENCE, "{\"iss\":\"i\",\"aud\":\"a b\"," TIMES "}"},
		{JWT_WRONG_AUDIENCE, "{\"iss\":\"i\",\"aud\":[]," TIMES "}"},
		{JWT_WRONG_AUDIENCE, "{\"iss\":\"i\",\"aud\":[\"c\",\"A\"]," TIMES "}"},
		{JWT_BAD_CLAIMS, "{\"iss\":\"i\",\"aud\":[\"a\",1]," TIMES "}"},
		{JWT_BAD_CLAIMS, "{\"iss\":\"i\",\"aud\":[[\"a\"]]," TIMES "}"},
		{JWT_BAD_CLAIMS, "{\"iss\":\"i\",\"aud\":{\"a\":1}," TIMES "}"},
		{JWT_BAD_CLAIMS, "{\"iss\":\"i\",\"aud\":null," TIMES "}"},

		/* sub and jti */
		{JWT_BAD_CLAIMS, CLAIMS(",\"sub\":\"\"")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"sub\":1")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"sub\":null")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"jti\":\"\"")},
		{JWT_BAD_CLAIMS, CLAIMS(",\"jti\":[]")},
	};
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
		wrong += !is_status(check_signed(HS256, cases[i].claims), cases[i].status, cases[i].claims);
	ok(wrong == 0, "%zu sets of claims", LENGTH(cases));

	check_signed(HS256, CLAIMS(",\"exp\":1"));
	ok(jwt_json_status(jwt) == JSON_DUPLICATE, "what is wrong with their JSON is told");
}

/* A token's claims come back. */
static void
test_content(void)
{
	const JwtClaims *claims;
	char long_name[JWT_SUBJECT_MAX + 2];
	char text[1024];
	size_t wrong = 0;

	check_signed(HS256,
				 CLAIMS(",\"sub\":\"z\\u00f6e\",\"jti\":\"j-1\",\"nbf\":1699999999.1234567"));
	claims = jwt_claims(jwt);
	ok(claims != NULL && bytes_equal(claims->issuer, STRING("i")) &&
		   bytes_equal(claims->subject, STRING("z\xc3\xb6"
											   "e")) &&
		   bytes_equal(claims->id, STRING("j-1")) && claims->times.issued == NOW &&
		   claims->times.expires == NOW + HOUR &&
		   claims->times.not_before == NOW - JWT_SECOND + 123456,
	   "claims are read, times to the microsecond");
	ok(claims != NULL &&
		   bytes_equal(claims->text, STRING(CLAIMS(",\"sub\":\"z\\u00f6e\",\"jti\":\"j-1\","
												   "\"nbf\":1699999999.1234567"))) &&
		   json_is_string(json_member(claims->object, "jti"), "j-1"),
	   "with their text, as it was signed");

	check_signed(HS256, CLAIMS(""));
	claims = jwt_claims(jwt);
	ok(claims != NULL && claims->subject.len == 0 && claims->id.len == 0 &&
		   claims->times.not_before == 0,
	   "what is not there is empty, and nothing is left of the token before");

	for (size_t length = JWT_SUBJECT_MAX; length <= JWT_SUBJECT_MAX + 1; length++)
	{
		memset(long_name, 'x', length);
		long_name[length] = '\0';
		sprintf(text, CLAIMS(",\"sub\":\"%s\""), long_name);
		wrong +=
			check_signed(HS256, text) != (length > JWT_SUBJECT_MAX ? JWT_BAD_CLAIMS : JWT_VALID);
		sprintf(text, CLAIMS(",\"jti\":\"%s\""), long_name);
		wrong += check_signed(HS256, text) != (length > JWT_ID_MAX ? JWT_BAD_CLAIMS : JWT_VALID);
	}
	ok(wrong == 0, "subjects and ids are bounded");
}

/* Each bound in time, on both of its sides. */
static void
test_times(void)
{
	static const struct
	{
		JwtStatus status;
		const char *claims;
		int64_t now; /* microseconds from NOW */
	} cases[] = {
		/* expires: 30 s of leeway behind exp, and not one microsecond more */
		{JWT_VALID, CLAIMS(""), HOUR},
		{JWT_VALID, CLAIMS(""), HOUR + 30 * JWT_SECOND - 1},
		{JWT_EXPIRED, CLAIMS(""), HOUR + 30 * JWT_SECOND},
		{JWT_VALID, WITHOUT("\"iat\":1700000000,\"exp\":1700000000.5"), 30 * JWT_SECOND + 499999},
		{JWT_EXPIRED, WITHOUT("\"iat\":1700000000,\"exp\":1700000000.5"), 30 * JWT_SECOND + 500000},

		/* not before */
		{JWT_VALID, CLAIMS(",\"nbf\":1700001000"), 970 * JWT_SECOND},
		{JWT_NOT_YET_VALID, CLAIMS(",\"nbf\":1700001000"), 970 * JWT_SECOND - 1},

		/* issued ahead */
		{JWT_VALID, CLAIMS(""), -30 * JWT_SECOND},
		{JWT_ISSUED_LATER, CLAIMS(""), -30 * JWT_SECOND - 1},
		{JWT_ISSUED_LATER, CLAIMS(""), -NOW},

		/* age and lifetime: 24 and 48 hours */
		{JWT_VALID, WITHOUT("\"iat\":1700000000,\"exp\":1700172800"), 24 * HOUR + 30 * JWT_SECOND},
		{JWT_TOO_OLD, WITHOUT("\"iat\":1700000000,\"exp\":1700172800"),
		 24 * HOUR + 30 * JWT_SECOND + 1},
		{JWT_TOO_LONG_LIVED, WITHOUT("\"iat\":1700000000,\"exp\":1700172800.000001"), 0},
		{JWT_TOO_OLD, WITHOUT("\"iat\":0,\"exp\":1700172800"), 0},
	};
	JwtPolicy policy = default_policy();
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		size_t size =
			make_token(hmac, TOKEN_HS256, STRING(HS256), bytes_of_string(cases[i].claims));

		wrong += !is_status(check(bytes_view(token, size), hmac, &policy, NOW + cases[i].now),
							cases[i].status, cases[i].claims);
		if (jwt_claims(jwt) != NULL)
		{
			JwtTimes times = jwt_claims(jwt)->times;

			wrong += jwt_check_times(&times, &policy, NOW + cases[i].now) != JWT_VALID ||
					 jwt_check_times(&times, &policy, NOW + 1000 * HOUR) != JWT_EXPIRED;
		}
	}
	ok(wrong == 0, "%zu times, to the microsecond", LENGTH(cases));
}

static void
test_policy(void)
{
	JwtPolicy policy = default_policy();
	size_t size = make_token(hmac, TOKEN_HS256, STRING(HS256), STRING(CLAIMS("")));
	Bytes text = bytes_view(token, size);
	size_t wrong = 0;

	for (int a = 0; a < TOKEN_ALGORITHM_COUNT; a++)
	{
		policy.algorithms = TOKEN_ALGORITHM_BIT(a);
		wrong +=
			check(text, hmac, &policy, NOW) != (a == TOKEN_HS256 ? JWT_VALID : JWT_WRONG_ALGORITHM);
	}
	policy.algorithms = 0;
	wrong += check(text, hmac, &policy, NOW) != JWT_WRONG_ALGORITHM;
	ok(wrong == 0, "an algorithm that is not accepted is refused, though the key could");

	policy = default_policy();
	policy.naudiences = 0;
	wrong = check(text, hmac, &policy, NOW) != JWT_WRONG_AUDIENCE;
	policy.naudiences = 1;
	wrong += check(text, hmac, &policy, NOW) != JWT_VALID;
	policy = default_policy();
	policy.naudiences = 0;
	size = make_token(hmac, TOKEN_HS256, STRING(HS256), STRING("{\"iss\":\"i\"," TIMES "}"));
	wrong += check(bytes_view(token, size), hmac, &policy, NOW) != JWT_VALID;
	ok(wrong == 0, "where no audience is asked for, a token for somebody is not ours");

	policy.issuer = bytes_view(NULL, 0);
	wrong = check(bytes_view(token, size), hmac, &policy, NOW) != JWT_WRONG_ISSUER;
	size = make_token(hmac, TOKEN_HS256, STRING(HS256), STRING("{" TIMES "}"));
	wrong += check(bytes_view(token, size), hmac, &policy, NOW) != JWT_WRONG_ISSUER;
	ok(wrong == 0, "an issuer must be asked for, and named");
	ok(jwt_verify(jwt, NULL, 0, &policy, NOW) == JWT_UNKNOWN_KEY, "without keys there is none");
}

/* ---------------------------------------------------------------- keys */

/* A public key, in each form that it has, is no secret. */
static void
test_confusion(void)
{
	TokenKey *rsa = good_key(RFC7515_A2_PUBLIC);
	JwtPolicy policy = default_policy();
	size_t decoded, wrong = 0;
	uint8_t n[256];
	Bytes guesses[4];
	unsigned char *der = NULL;
	char pem[1200], base64[1024];
	TokenKey *as_secret;
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = must(EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL));
	OSSL_PARAM params[3];
	unsigned int e = 65537;
	uint8_t little[256];
	int der_size;

	base64url_decode(STRING(RFC7515_A2_N), n, &decoded);
	for (size_t i = 0; i < sizeof(n); i++)
		little[i] = n[sizeof(n) - 1 - i];
	params[0] = OSSL_PARAM_construct_BN("n", little, sizeof(little));
	params[1] = OSSL_PARAM_construct_uint("e", &e);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1 ||
		(der_size = i2d_PUBKEY(pkey, &der)) <= 0)
		die("no DER");
	EVP_EncodeBlock((unsigned char *) base64, der, der_size);
	sprintf(pem, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", base64);

	guesses[0] = bytes_view(n, sizeof(n));
	guesses[1] = STRING(RFC7515_A2_PUBLIC);
	guesses[2] = bytes_view(der, (size_t) der_size);
	guesses[3] = bytes_of_string(pem);
	for (size_t i = 0; i < LENGTH(guesses); i++)
	{
		size_t size;

		if (token_key_from_secret(guesses[i], TOKEN_ALGORITHMS_ALL, &as_secret) != TOKEN_KEY_OK)
			die("no guess");
		size = make_token(as_secret, TOKEN_HS256, STRING(HS256), STRING(CLAIMS("")));
		wrong += check(bytes_view(token, size), as_secret, &policy, NOW) != JWT_VALID;
		wrong += check(bytes_view(token, size), rsa, &policy, NOW) != JWT_UNKNOWN_KEY;
		policy.algorithms = TOKEN_ALGORITHM_BIT(TOKEN_RS256);
		wrong += check(bytes_view(token, size), rsa, &policy, NOW) != JWT_WRONG_ALGORITHM;
		policy.algorithms = TOKEN_ALGORITHMS_ALL;
		token_key_free(as_secret);
	}
	ok(wrong == 0, "an RSA public key is never an HMAC secret");
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	token_key_free(rsa);
}

/* A signature in another form than the one of RFC 7518, or none. */
static void
test_ecdsa_forms(void)
{
	TokenKey *key = good_key(RFC7515_A3_PRIVATE);
	JwtPolicy policy = default_policy();
	size_t size = make_token(key, TOKEN_ES256, STRING("{\"alg\":\"ES256\"}"), STRING(CLAIMS("")));
	char *signature = strrchr(token, '.') + 1;
	uint8_t raw[96] = {0}, der[96];
	size_t decoded, wrong = 0, at = 2;

	wrong += check(bytes_view(token, size), key, &policy, NOW) != JWT_VALID;
	base64url_decode(bytes_of_string(signature), raw, &decoded);

	/* The same two numbers in DER, ASN.1's INTEGER with a zero before the sign bit. */
	for (int i = 0; i < 2; i++)
	{
		der[at++] = 0x02;
		der[at++] = 33;
		der[at++] = 0;
		memcpy(der + at, raw + i * 32, 32);
		at += 32;
	}
	der[0] = 0x30;
	der[1] = (uint8_t) (at - 2);
	base64url_encode(bytes_view(der, at), signature);
	wrong += check(bytes_of_string(token), key, &policy, NOW) != JWT_BAD_SIGNATURE;

	for (size_t length = 0; length <= 96; length++)
	{
		base64url_encode(bytes_view(raw, length), signature);
		wrong += check(bytes_of_string(token), key, &policy, NOW) !=
				 (length == 64 ? JWT_VALID : JWT_BAD_SIGNATURE);
	}
	memset(raw, 0, 64);
	base64url_encode(bytes_view(raw, 64), signature);
	wrong += check(bytes_of_string(token), key, &policy, NOW) != JWT_BAD_SIGNATURE;
	ok(wrong == 0, "an ECDSA signature is r and s of 32 bytes each: not DER, no other length, "
				   "and not zeros");
	ok(ERR_peek_error() == 0, "refused tokens leave nothing in OpenSSL's queue");
	token_key_free(key);
}

/* Which of several keys is asked. */
static void
test_key_choice(void)
{
	TokenKey *keys[JWS_TRIES_MAX + 2];
	uint8_t secret[32] = {0};
	JwtPolicy policy = default_policy();
	TokenKey *edwards = good_key(RFC8037_PRIVATE);
	TokenKey *named = good_key("{" RFC8037_POINT ",\"kid\":\"n\"}");
	char header[256];
	size_t wrong = 0;
	const int count = (int) LENGTH(keys);

	for (int i = 0; i < count; i++)
	{
		char name[] = {'k', (char) ('0' + i), '\0'};

		secret[0] = (uint8_t) i;
		if (token_key_from_secret(bytes_view(secret, 32), TOKEN_ALGORITHMS_ALL, &keys[i]) !=
				TOKEN_KEY_OK ||
			!token_key_set_id(keys[i], bytes_of_string(name)))
			die("no key");
	}
	for (int i = 0; i < count; i++)
	{
		size_t size;

		sprintf(header, "{\"alg\":\"HS256\",\"kid\":\"k%d\"}", i);
		size = make_token(keys[i], TOKEN_HS256, bytes_of_string(header), STRING(CLAIMS("")));
		jwt_read(jwt, bytes_view(token, size));
		wrong += jwt_verify(jwt, keys, count, &policy, NOW) != JWT_VALID;
		wrong += jwt_verify(jwt, keys, i, &policy, NOW) != JWT_UNKNOWN_KEY;

		/* Signed by one, named for another. */
		size = make_token(keys[(i + 1) % count], TOKEN_HS256, bytes_of_string(header),
						  STRING(CLAIMS("")));
		jwt_read(jwt, bytes_view(token, size));
		wrong += jwt_verify(jwt, keys, count, &policy, NOW) != JWT_BAD_SIGNATURE;

		/* Without a name, all are tried, if they are not too many. */
		size = make_token(keys[i], TOKEN_HS256, STRING(HS256), STRING(CLAIMS("")));
		jwt_read(jwt, bytes_view(token, size));
		wrong += jwt_verify(jwt, keys, count, &policy, NOW) != JWT_UNKNOWN_KEY;
		wrong += jwt_verify(jwt, keys, JWS_TRIES_MAX, &policy, NOW) !=
				 (i < JWS_TRIES_MAX ? JWT_VALID : JWT_BAD_SIGNATURE);
	}
	ok(wrong == 0, "kid names the key; without one, %d are tried at most", JWS_TRIES_MAX);

	wrong = 0;
	make_token(keys[0], TOKEN_HS256, STRING("{\"alg\":\"HS256\",\"kid\":\"\"}"),
			   STRING(CLAIMS("")));
	wrong += check(bytes_of_string(token), keys[0], &policy, NOW) != JWT_UNKNOWN_KEY;
	make_token(keys[0], TOKEN_HS256, STRING("{\"alg\":\"HS256\",\"kid\":\"K0\"}"),
			   STRING(CLAIMS("")));
	wrong += check(bytes_of_string(token), keys[0], &policy, NOW) != JWT_UNKNOWN_KEY;
	make_token(hmac, TOKEN_HS256, STRING("{\"alg\":\"HS256\",\"kid\":\"k0\"}"), STRING(CLAIMS("")));
	wrong += check(bytes_of_string(token), hmac, &policy, NOW) != JWT_VALID;
	ok(wrong == 0, "a kid is compared exactly; a key without one answers to any");

	wrong = 0;
	make_token(edwards, TOKEN_EDDSA,
			   STRING("{\"alg\":\"EdDSA\",\"kid\":\"" RFC8037_THUMBPRINT "\"}"),
			   STRING(CLAIMS("")));
	wrong += check(bytes_of_string(token), named, &policy, NOW) != JWT_VALID;
	make_token(edwards, TOKEN_EDDSA, STRING("{\"alg\":\"EdDSA\",\"kid\":\"n\"}"),
			   STRING(CLAIMS("")));
	wrong += check(bytes_of_string(token), named, &policy, NOW) != JWT_VALID;
	make_token(edwards, TOKEN_ED25519, STRING("{\"alg\":\"Ed25519\"}"), STRING(CLAIMS("")));
	wrong += check(bytes_of_string(token), named, &policy, NOW) != JWT_VALID;
	make_token(edwards, TOKEN_EDDSA,
			   STRING("{\"alg\":\"EdDSA\",\"kid\":\"" RFC7638_THUMBPRINT "\"}"),
			   STRING(CLAIMS("")));
	wrong += check(bytes_of_string(token), named, &policy, NOW) != JWT_UNKNOWN_KEY;
	ok(wrong == 0, "a key is also found by its thumbprint");

	for (int i = 0; i < count; i++)
		token_key_free(keys[i]);
	token_key_free(edwards);
	token_key_free(named);
}

/* ---------------------------------------------------------------- issuer, signing, reuse */

static void
test_unverified_issuer(void)
{
	JwtPolicy policy = default_policy();
	size_t wrong = 0;

	make_token(other_hmac, TOKEN_HS256, STRING(HS256), STRING(CLAIMS("")));
	jwt_read(jwt, bytes_of_string(token));
	wrong += !bytes_equal(jwt_unverified_issuer(jwt), STRING("i"));
	wrong +=
		jwt_claims(jwt) != NULL || jwt_verify(jwt, &hmac, 1, &policy, NOW) != JWT_BAD_SIGNATURE;
	wrong += jwt_verify(jwt, &other_hmac, 1, &policy, NOW) != JWT_VALID;
	ok(wrong == 0, "the issuer can be told before, and changes nothing");

	jwt_read(jwt, STRING("no token"));
	wrong = jwt_unverified_issuer(jwt).len != 0;
	for (int i = 0; i < 5; i++)
	{
		static const char *const claims[] = {"{\"iss\":1}", "{\"iss\":\"\"}", "{}", "[]",
											 "{\"iss\":\"i\",\"iss\":\"i\"}"};

		make_token(hmac, TOKEN_HS256, STRING(HS256), bytes_of_string(claims[i]));
		jwt_read(jwt, bytes_of_string(token));
		wrong += jwt_unverified_issuer(jwt).len != 0;
	}
	ok(wrong == 0, "or there is none");
}

static void
test_signing(void)
{
	static const char *const keys[] = {RFC7520_HMAC_KEY,   RFC7515_A1_KEY,     RFC7520_RSA_PRIVATE,
									   RFC7515_A3_PRIVATE, RFC7515_A4_PRIVATE, RFC8037_PRIVATE};
	JwtPolicy policy = default_policy();
	char *out = must(malloc(JWS_SIZE_MAX + 1));
	char *large = must(malloc(2 * JWS_SIZE_MAX));
	char kid[TOKEN_KEY_ID_MAX + 1];
	TokenKey *public = good_key(RFC7515_A3_PUBLIC);
	size_t size, wrong = 0, all = 0;

	for (size_t i = 0; i < LENGTH(keys); i++)
	{
		TokenKey *key = good_key(keys[i]);

		for (int a = 0; a < TOKEN_ALGORITHM_COUNT; a++)
		{
			JwtStatus status = jwt_sign(jwt, key, (TokenAlgorithm) a,
										STRING(CLAIMS(",\"sub\":\"s\"")), out, &size);

			if ((token_key_algorithms(key) & TOKEN_ALGORITHM_BIT(a)) == 0)
			{
				wrong += status != JWT_UNKNOWN_KEY;
				continue;
			}
			all++;
			wrong += status != JWT_VALID || size != strlen(out) ||
					 check(bytes_view(out, size), key, &policy, NOW) != JWT_VALID;
		}
		token_key_free(key);
	}
	ok(wrong == 0, "what is signed is verified: %zu keys and algorithms", all);

	memset(kid, '\x01', TOKEN_KEY_ID_MAX - 2);
	strcpy(kid + TOKEN_KEY_ID_MAX - 2, "\"\\");
	token_key_set_id(other_hmac, bytes_of_string(kid));
	wrong = jwt_sign(jwt, other_hmac, TOKEN_HS256, STRING(CLAIMS("")), out, &size) != JWT_VALID ||
			check(bytes_view(out, size), other_hmac, &policy, NOW) != JWT_VALID;
	token_key_set_id(other_hmac, STRING("x"));
	wrong += check(bytes_view(out, size), other_hmac, &policy, NOW) != JWT_UNKNOWN_KEY;
	token_key_set_id(other_hmac, STRING(""));
	ok(wrong == 0, "a kid of any characters is written and read again");

	wrong = jwt_sign(jwt, public, TOKEN_ES256, STRING(CLAIMS("")), out, &size) != JWT_UNKNOWN_KEY;
	token_key_free(public);
	ok(wrong == 0, "a public key does not sign");

	wrong = jwt_sign(jwt, hmac, TOKEN_HS256, STRING(CLAIMS(",\"exp\":1")), out, &size) !=
			JWT_BAD_CLAIMS;
	wrong += jwt_sign(jwt, hmac, TOKEN_HS256, STRING("[]"), out, &size) != JWT_BAD_CLAIMS;
	wrong += jwt_sign(jwt, hmac, TOKEN_HS256, STRING(CLAIMS(",\"sub\":1")), out, &size) !=
			 JWT_BAD_CLAIMS;
	wrong += jwt_sign(jwt, hmac, TOKEN_HS256, STRING("{}"), out, &size) != JWT_MISSING_CLAIM;
	wrong += jwt_verify(jwt, &hmac, 1, &policy, NOW) != JWT_MALFORMED || jwt_claims(jwt) != NULL;
	ok(wrong == 0, "what would not be read is not signed, and signing leaves no token behind");

	wrong = 0;
	for (size_t length = 11900; length < 12400; length++)
	{
		char *to = stpcpy(large, "{\"iat\":1700000000,\"exp\":1700000100,\"x\":\"");
		JwtStatus status;

		memset(to, 'x', length);
		strcpy(to + length, "\"}");
		status = jwt_sign(jwt, hmac, TOKEN_HS256, bytes_of_string(large), out, &size);
		if (status == JWT_VALID)
			wrong += size > JWS_SIZE_MAX || out[size] != '\0' || strlen(out) != size;
		else
			wrong += status != JWT_TOO_LARGE || length < 12100;
	}
	memset(large, ' ', 2 * JWS_SIZE_MAX);
	wrong += jwt_sign(jwt, hmac, TOKEN_HS256, bytes_view(large, 2 * JWS_SIZE_MAX), out, &size) !=
			 JWT_TOO_LARGE;
	ok(wrong == 0, "a token that would be too large is not signed");
	free(out);
	free(large);
}

/* Any bytes, and what is almost a token: never valid, and nothing is read outside of the text. */
static void
test_any_bytes(void)
{
	static char good[4096];
	JwtPolicy policy = default_policy();
	size_t size = make_token(hmac, TOKEN_HS256, STRING(HS256), STRING(CLAIMS("")));
	size_t valid = 0;

	memcpy(good, token, size);
	for (int round = 0; round < 20000; round++)
	{
		size_t length = round % 2 == 0 ? size : any(size + 1);
		uint8_t *copy = must(malloc(length + 1));

		copy = must(realloc(copy, length == 0 ? 1 : length));
		memcpy(copy, good, length);
		for (uint64_t changes = any(4) + 1; changes > 0 && length > 0; changes--)
			copy[any(length)] = (uint8_t) any(256);
		valid += (length != size || memcmp(copy, good, size) != 0) &&
				 check(bytes_view(copy, length), hmac, &policy, NOW) == JWT_VALID;
		free(copy);
	}
	ok(valid == 0, "20 000 damaged tokens are not valid");
}

static void
test_names(void)
{
	size_t wrong = 0;

	for (int i = 0; i < JWT_STATUS_COUNT; i++)
	{
		wrong += jwt_status_name((JwtStatus) i) == NULL;
		for (int j = 0; j < i; j++)
			wrong += strcmp(jwt_status_name((JwtStatus) i), jwt_status_name((JwtStatus) j)) == 0;
	}
	ok(wrong == 0, "each status has a name of its own");
}

int
main(void)
{
	begin();
	hmac = good_key(OCT_OF_ZEROS);
	other_hmac = good_key(RFC7515_A1_KEY);
	jwt = must(jwt_create());
	ok(jwt_verify(jwt, &hmac, 1, &(JwtPolicy){0}, 0) == JWT_MALFORMED && jwt_claims(jwt) == NULL &&
		   jwt_unverified_issuer(jwt).len == 0,
	   "where no token was read there is none");
	ok(token_self_test() == NULL, "the self-test passes");
	test_examples();
	test_signed_examples();
	test_form();
	test_size();
	test_header();
	test_claims();
	test_content();
	test_times();
	test_policy();
	test_confusion();
	test_ecdsa_forms();
	test_key_choice();
	test_unverified_issuer();
	test_signing();
	test_any_bytes();
	test_names();
	jwt_free(jwt);
	jwt_free(NULL);
	token_key_free(hmac);
	token_key_free(other_hmac);
	token_key_free(NULL);
	return end();
}
