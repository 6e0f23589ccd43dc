/*
 * jwk_fuzz.c
 *		Any bytes as a set of public keys, and as a key that signs.
 *
 * clang -fsanitize=fuzzer,address,undefined; seeds: corpus/jwk, by make-corpus.
 * What is taken for a public key does not sign; what is taken for a secret one
 * verifies what it signed, and the set that holds it is refused.
 */
#include <openssl/err.h>

#include "token/jwk.h"
#include "fuzz.h"

static void
check_key(TokenKey *key)
{
	const Bytes message = bytes_of_string("message");
	uint8_t signature[TOKEN_SIGNATURE_MAX] = {0};

	require(token_key_algorithms(key) != 0);
	require((token_key_algorithms(key) & ~TOKEN_ALGORITHMS_ALL) == 0);
	require(token_key_id(key).len <= TOKEN_KEY_ID_MAX);
	for (int a = 0; a < TOKEN_ALGORITHM_COUNT; a++)
	{
		TokenAlgorithm algorithm = (TokenAlgorithm) a;
		bool serves = (token_key_algorithms(key) & TOKEN_ALGORITHM_BIT(a)) != 0;
		size_t size = token_signature_size(key, algorithm);
		CryptoStatus signs = token_key_sign(key, algorithm, message, signature);

		require(signs == (serves && token_key_can_sign(key) ? CRYPTO_OK : CRYPTO_FAILED));
		if (!serves)
			continue;
		require(size > 0 && size <= TOKEN_SIGNATURE_MAX);
		require(token_key_verify(key, algorithm, message, bytes_view(signature, size)) ==
				(signs == CRYPTO_OK ? CRYPTO_OK : CRYPTO_UNAUTHENTIC));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes text = bytes_view(data, size);
	JwkSet set;
	TokenKey *key;
	int where;
	TokenKeyStatus public_status = jwk_set_read(text, &set, &where);
	TokenKeyStatus secret_status = jwk_read_secret(text, &key);

	require(token_key_status_text(public_status) != NULL);
	require((public_status == TOKEN_KEY_OK) == (set.count > 0));
	require(set.count <= JWK_SET_MAX && where >= -1);
	for (int i = 0; i < set.count; i++)
	{
		require(!token_key_can_sign(set.keys[i]));
		require(token_key_thumbprint(set.keys[i]).len == TOKEN_THUMBPRINT_SIZE);
		check_key(set.keys[i]);
	}
	jwk_set_free(&set);

	require((secret_status == TOKEN_KEY_OK) == (key != NULL));
	if (key != NULL)
	{
		require(public_status == TOKEN_KEY_SECRET);
		check_key(key);
	}
	token_key_free(key);
	require(ERR_peek_error() == 0);
	return 0;
}
