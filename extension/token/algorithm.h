/*
 * algorithm.h
 *		The signature algorithms of a token: RFC 7518, section 3, RFC 8037 and
 *		RFC 9864. "none" is no algorithm here: no code knows it.
 */
#ifndef TAROT_TOKEN_ALGORITHM_H
#define TAROT_TOKEN_ALGORITHM_H

#include "base/bytes.h"

typedef enum TokenAlgorithm
{
	TOKEN_HS256,
	TOKEN_HS384,
	TOKEN_HS512,
	TOKEN_RS256,
	TOKEN_RS384,
	TOKEN_RS512,
	TOKEN_PS256,
	TOKEN_PS384,
	TOKEN_PS512,
	TOKEN_ES256,
	TOKEN_ES384,
	TOKEN_ES512,
	TOKEN_EDDSA,   /* with an Ed25519 key; Ed448 is not supported */
	TOKEN_ED25519, /* the same by its newer name, RFC 9864 */
	TOKEN_ALGORITHM_COUNT,
} TokenAlgorithm;

/* Several of them, a bit each. */
typedef uint32_t TokenAlgorithms;

#define TOKEN_ALGORITHM_BIT(algorithm) (UINT32_C(1) << (algorithm))
#define TOKEN_ALGORITHMS_ALL (TOKEN_ALGORITHM_BIT(TOKEN_ALGORITHM_COUNT) - 1)
typedef enum TokenScheme
{
	TOKEN_HMAC,
	TOKEN_RSA_PKCS1, /* RSASSA-PKCS1-v1_5 */
	TOKEN_RSA_PSS,   /* RSASSA-PSS, MGF1 and salt of the same hash */
	TOKEN_ECDSA,
	TOKEN_EDWARDS,
} TokenScheme;

/* The largest hash: SHA-512 */
#define TOKEN_HASH_MAX 64

typedef struct TokenAlgorithmInfo
{
	const char *name; /* as "alg" has it; case matters */
	TokenScheme scheme;
	const char *hash; /* as OpenSSL names it; NULL where the scheme hashes by itself */
	size_t hash_size;
} TokenAlgorithmInfo;

extern const TokenAlgorithmInfo *token_algorithm(TokenAlgorithm algorithm);

/* False for "none" and for any other name that is not in the list above. */
extern bool token_algorithm_find(Bytes name, TokenAlgorithm *algorithm);

#endif
