/*
 * key_parts.h
 *		What a key is made of: for key.c, which makes it, and signature.c, which
 *		uses it.
 */
#ifndef TAROT_TOKEN_KEY_PARTS_H
#define TAROT_TOKEN_KEY_PARTS_H

#include <openssl/evp.h>
#include <sodium.h>

#include "token/key.h"

struct TokenKey
{
	TokenAlgorithms algorithms;
	bool can_sign;

	uint8_t id[TOKEN_KEY_ID_MAX];
	size_t id_size;
	char thumbprint[TOKEN_THUMBPRINT_SIZE];
	bool has_thumbprint;

	/* RSA and EC. A context is made when first asked for and serves all that follow. */
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *verify[TOKEN_ALGORITHM_COUNT];
	EVP_PKEY_CTX *sign[TOKEN_ALGORITHM_COUNT];
	size_t signature_size;

	/* HMAC: keyed when the key is made, for the secret is not kept. */
	EVP_MAC_CTX *mac[TOKEN_ALGORITHM_COUNT];

	/* Ed25519 */
	uint8_t edwards_public[crypto_sign_PUBLICKEYBYTES];
	uint8_t *edwards_secret; /* crypto_sign_SECRETKEYBYTES of secret memory, or NULL */
};

#endif
