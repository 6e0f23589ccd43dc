/*
 * algorithm.c
 *		The signature algorithms of a token.
 */
#include "token/algorithm.h"

static const TokenAlgorithmInfo algorithms[TOKEN_ALGORITHM_COUNT] = {
	[TOKEN_HS256] = {"HS256", TOKEN_HMAC, "SHA256", 32},
	[TOKEN_HS384] = {"HS384", TOKEN_HMAC, "SHA384", 48},
	[TOKEN_HS512] = {"HS512", TOKEN_HMAC, "SHA512", 64},
	[TOKEN_RS256] = {"RS256", TOKEN_RSA_PKCS1, "SHA256", 32},
	[TOKEN_RS384] = {"RS384", TOKEN_RSA_PKCS1, "SHA384", 48},
	[TOKEN_RS512] = {"RS512", TOKEN_RSA_PKCS1, "SHA512", 64},
	[TOKEN_PS256] = {"PS256", TOKEN_RSA_PSS, "SHA256", 32},
	[TOKEN_PS384] = {"PS384", TOKEN_RSA_PSS, "SHA384", 48},
	[TOKEN_PS512] = {"PS512", TOKEN_RSA_PSS, "SHA512", 64},
	[TOKEN_ES256] = {"ES256", TOKEN_ECDSA, "SHA256", 32},
	[TOKEN_ES384] = {"ES384", TOKEN_ECDSA, "SHA384", 48},
	[TOKEN_ES512] = {"ES512", TOKEN_ECDSA, "SHA512", 64},
	[TOKEN_EDDSA] = {"EdDSA", TOKEN_EDWARDS, NULL, 0},
	[TOKEN_ED25519] = {"Ed25519", TOKEN_EDWARDS, NULL, 0},
};

const TokenAlgorithmInfo *
token_algorithm(TokenAlgorithm algorithm)
{
	return &algorithms[algorithm];
}

bool
token_algorithm_find(Bytes name, TokenAlgorithm *algorithm)
{
	for (int i = 0; i < TOKEN_ALGORITHM_COUNT; i++)
	{
		if (name.len == strlen(algorithms[i].name) &&
			memcmp(name.data, algorithms[i].name, name.len) == 0)
		{
			*algorithm = (TokenAlgorithm) i;
			return true;
		}
	}
	return false;
}
