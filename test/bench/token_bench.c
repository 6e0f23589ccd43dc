/*
 * token_bench.c - what it costs to verify tokens without a database around
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/token/[a-z]*.c extension/base/secret.c
 *
 *	token_bench ROUNDS
 *
 * Verifies one token of each algorithm whole, from its text to its claims, and
 * beside it, in turns, only its signature, as fast as the library can that does
 * it: the hash and EVP_PKEY_verify, or EVP_MAC, on contexts that are ready, and
 * for EdDSA OpenSSL's EVP_DigestVerify. Prints a line
 *	sample ALGORITHM MICROSECONDS LIBRARY_MICROSECONDS RATIO
 * for each: the smallest of ROUNDS turns, of processor time.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/encoding.h"
#include "token/jwk.h"
#include "token/jwt.h"

#define NOW (INT64_C(1700000000) * JWT_SECOND)
#define DAY (INT64_C(86400) * JWT_SECOND)

/* How long a turn takes. */
#define TURN_MICROSECONDS 20000

/* As many claims as an identity provider's token has, in about 500 characters. */
static const char claims[] =
	"{\"iss\":\"https://id.example.com/realms/cards\",\"aud\":[\"cards\",\"account\"],"
	"\"sub\":\"7d4b1c2e-8a51-4d0f-9b3e-2f6c5a1e0d47\",\"jti\":\"b9a4f7e2-1c3d-4e5f-8a6b\","
	"\"iat\":1700000000,\"exp\":1700003600,\"scope\":\"openid profile readings:read\","
	"\"realm_access\":{\"roles\":[\"user\",\"reader\"]},\"email_verified\":true,"
	"\"name\":\"Zoe Example\",\"preferred_username\":\"zoe\",\"email\":\"zoe@example.org\"}";

static const Bytes audience = {(const uint8_t *) "cards", 5};
static const JwtPolicy policy = {
	.issuer = {(const uint8_t *) "https://id.example.com/realms/cards", 35},
	.audiences = &audience,
	.naudiences = 1,
	.algorithms = TOKEN_ALGORITHMS_ALL,
	.max_age = DAY,
	.max_lifetime = DAY,
	.leeway = 0};

static void
die(const char *what)
{
	fprintf(stderr, "token_bench: %s\n", what);
	exit(1);
}

static double
microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

/* ---------------------------------------------------------------- a token, and what it takes */

typedef struct Subject
{
	TokenAlgorithm algorithm;
	EVP_PKEY *pkey; /* NULL: HMAC */
	TokenKey *key;
	char text[JWS_SIZE_MAX + 1];
	size_t size;
	size_t signed_size;
	uint8_t signature[1024]; /* as the library wants it */
	size_t signature_size;
	EVP_PKEY_CTX *verify;
	EVP_MAC_CTX *mac;
	EVP_MD *md;
} Subject;

static Jwt *jwt;

static const uint8_t secret[64] = "a secret of sixty-four bytes, as long as the longest hash needs";

static Bytes
bn_param(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t size)
{
	BIGNUM *bn = NULL;

	if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1)
		die("no such number");
	if (size == 0)
		size = (size_t) BN_num_bytes(bn);
	BN_bn2binpad(bn, out, (int) size);
	BN_free(bn);
	return bytes_view(out, size);
}

static TokenKey *
key_of(const Subject *subject)
{
	TokenAlgorithms only = TOKEN_ALGORITHM_BIT(subject->algorithm);
	TokenKeyStatus status;
	TokenKey *key = NULL;
	uint8_t x[1024], y[1024], d[1024];
	size_t size;

	switch (token_algorithm(subject->algorithm)->scheme)
	{
		case TOKEN_HMAC:
			status = token_key_from_secret(bytes_view(secret, sizeof(secret)), only, &key);
			break;
		case TOKEN_ECDSA:
		{
			uint8_t point[140];

			EVP_PKEY_get_octet_string_param(subject->pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
											point, sizeof(point), &size);
			status = token_key_from_ec(
				subject->algorithm, bytes_view(point + 1, size / 2),
				bytes_view(point + 1 + size / 2, size / 2),
				bn_param(subject->pkey, OSSL_PKEY_PARAM_PRIV_KEY, d, size / 2), only, &key);
			break;
		}
		case TOKEN_EDWARDS:
			size = 32;
			EVP_PKEY_get_raw_public_key(subject->pkey, x, &size);
			EVP_PKEY_get_raw_private_key(subject->pkey, d, &size);
			status = token_key_from_ed25519(bytes_view(x, 32), bytes_view(d, 32), only, &key);
			break;
		default:
		{
			TokenRsa rsa = {.n = bn_param(subject->pkey, OSSL_PKEY_PARAM_RSA_N, x, 0),
							.e = bn_param(subject->pkey, OSSL_PKEY_PARAM_RSA_E, y, 0),
							.d = bn_param(subject->pkey, OSSL_PKEY_PARAM_RSA_D, d, 0)};

			status = token_key_from_rsa(&rsa, only, &key);
		}
	}
	if (status != TOKEN_KEY_OK)
		die(token_key_status_text(status));
	return key;
}

static void
prepare(Subject *subject)
{
	const TokenAlgorithmInfo *info = token_algorithm(subject->algorithm);
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_PKEY_CTX *sign;
	Jws *jws = malloc(sizeof(Jws));
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char *) info->hash, 0),
						   OSSL_PARAM_construct_end()};

	subject->key = key_of(subject);
	if (jws == NULL ||
		jwt_sign(jwt, subject->key, subject->algorithm, bytes_of_string(claims), subject->text,
				 &subject->size) != JWT_VALID ||
		jws_read(bytes_view(subject->text, subject->size), jws) != JWT_VALID)
		die("cannot sign");
	subject->signed_size = jws->signing_input.len;
	subject->signature_size = jws->signature.len;
	memcpy(subject->signature, jws->signature.data, jws->signature.len);
	free(jws);
	if (info->hash != NULL)
		subject->md = EVP_MD_fetch(NULL, info->hash, NULL);
	if (info->scheme == TOKEN_HMAC)
	{
		subject->mac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
		if (EVP_MAC_init(subject->mac, secret, sizeof(secret), params) != 1)
			die("no HMAC");
		return;
	}
	if (info->scheme == TOKEN_EDWARDS)
		return;

	/* A signature of OpenSSL's own, in its own form. */
	sign = EVP_PKEY_CTX_new_from_pkey(NULL, subject->pkey, NULL);
	subject->verify = EVP_PKEY_CTX_new_from_pkey(NULL, subject->pkey, NULL);
	subject->signature_size = sizeof(subject->signature);
	if (EVP_PKEY_sign_init(sign) != 1 || EVP_PKEY_verify_init(subject->verify) != 1 ||
		EVP_PKEY_CTX_set_signature_md(sign, subject->md) != 1 ||
		EVP_PKEY_CTX_set_signature_md(subject->verify, subject->md) != 1 ||
		(info->scheme == TOKEN_RSA_PSS &&
		 (EVP_PKEY_CTX_set_rsa_padding(sign, RSA_PKCS1_PSS_PADDING) != 1 ||
		  EVP_PKEY_CTX_set_rsa_padding(subject->verify, RSA_PKCS1_PSS_PADDING) != 1)) ||
		EVP_Digest(subject->text, subject->signed_size, digest, NULL, subject->md, NULL) != 1 ||
		EVP_PKEY_sign(sign, subject->signature, &subject->signature_size, digest,
					  info->hash_size) != 1)
		die("OpenSSL does not sign");
	EVP_PKEY_CTX_free(sign);
}

/* ---------------------------------------------------------------- measuring */

static void
verify_token(const Subject *subject)
{
	if (jwt_read(jwt, bytes_view(subject->text, subject->size)) != JWT_VALID ||
		jwt_verify(jwt, &subject->key, 1, &policy, NOW) != JWT_VALID)
		die("a token is not valid");
}

static void
verify_signature(const Subject *subject)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	const uint8_t *text = (const uint8_t *) subject->text;
	size_t size;
	bool good;

	if (subject->mac != NULL)
		good = EVP_MAC_init(subject->mac, NULL, 0, NULL) == 1 &&
			   EVP_MAC_update(subject->mac, text, subject->signed_size) == 1 &&
			   EVP_MAC_final(subject->mac, digest, &size, sizeof(digest)) == 1 &&
			   CRYPTO_memcmp(digest, subject->signature, size) == 0;
	else if (subject->verify != NULL)
		good = EVP_Digest(text, subject->signed_size, digest, NULL, subject->md, NULL) == 1 &&
			   EVP_PKEY_verify(subject->verify, subject->signature, subject->signature_size, digest,
							   token_algorithm(subject->algorithm)->hash_size) == 1;
	else
	{
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, subject->pkey) == 1 &&
			   EVP_DigestVerify(ctx, subject->signature, subject->signature_size, text,
								subject->signed_size) == 1;
		EVP_MD_CTX_free(ctx);
	}
	if (!good)
		die("a signature is not right");
}

/* Microseconds each, over one turn. */
static double
turn(void (*work)(const Subject *), const Subject *subject)
{
	double start = microseconds(), now = start;
	size_t count = 0;

	while (now - start < TURN_MICROSECONDS)
	{
		for (int i = 0; i < 8; i++)
			work(subject);
		count += 8;
		now = microseconds();
	}
	return (now - start) / (double) count;
}

int
main(int argc, char **argv)
{
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
	Subject subjects[] = {
		{.algorithm = TOKEN_HS256},
		{.algorithm = TOKEN_HS512},
		{.algorithm = TOKEN_RS256, .pkey = rsa},
		{.algorithm = TOKEN_PS256, .pkey = rsa},
		{.algorithm = TOKEN_ES256, .pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")},
		{.algorithm = TOKEN_ES384, .pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384")},
		{.algorithm = TOKEN_EDDSA, .pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")},
	};
	int rounds = argc == 2 ? atoi(argv[1]) : 0;

	if (rounds < 1 || (jwt = jwt_create()) == NULL)
		die("ROUNDS");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
	{
		Subject *subject = &subjects[i];
		double token = 1e9, signature = 1e9;

		prepare(subject);
		for (int round = 0; round < rounds; round++)
		{
			double t = turn(verify_token, subject), s = turn(verify_signature, subject);

			token = t < token ? t : token;
			signature = s < signature ? s : signature;
		}
		printf("sample %s %.3f %.3f %.3f\n", token_algorithm(subject->algorithm)->name, token,
			   signature, token / signature);
	}
	return 0;
}
