/*
 * signature.c
 *		Signing and verifying with a key that is ready.
 *
 * Looking an algorithm up costs OpenSSL more than an HMAC takes, so hashes are
 * fetched once a process, and contexts stay with their key: EVP_PKEY_verify and
 * EVP_PKEY_sign may be called on one as often as one likes.
 */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/secret.h"
#include "token/key_parts.h"

/* DER of r and s, of P-521's 66 bytes each at most: two INTEGERs in a SEQUENCE. */
#define ECDSA_DER_MAX (3 + 2 * (2 + 1 + 66))

/* NULL when OpenSSL has none. They live until the process ends. */
static const EVP_MD *
hash_of(const TokenAlgorithmInfo *info)
{
	static EVP_MD *sha256, *sha384, *sha512;
	EVP_MD **md = info->hash_size == 32 ? &sha256 : info->hash_size == 48 ? &sha384 : &sha512;

	if (*md == NULL)
		*md = EVP_MD_fetch(NULL, info->hash, NULL);
	return *md;
}

/* A context of RSA or ECDSA for one algorithm, from now on kept in the key; NULL on failure. */
static EVP_PKEY_CTX *
context_of(TokenKey *key, TokenAlgorithm algorithm, bool sign)
{
	EVP_PKEY_CTX **kept = sign ? &key->sign[algorithm] : &key->verify[algorithm];
	const TokenAlgorithmInfo *info = token_algorithm(algorithm);
	const EVP_MD *md = hash_of(info);
	EVP_PKEY_CTX *ctx;

	if (*kept != NULL)
		return *kept;
	if (md == NULL || (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL)) == NULL)
		return NULL;
	if ((sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1 &&
		EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
		(info->scheme != TOKEN_RSA_PKCS1 ||
		 EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
		/* RFC 7518, section 3.5: MGF1 with the same hash, and a salt as long as it. */
		(info->scheme != TOKEN_RSA_PSS ||
		 (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
		  EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1)))
		return *kept = ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* ---------------------------------------------------------------- ECDSA's two forms */

/* A token has r and s, each of the field's length; OpenSSL has DER. 0 on failure. */
static size_t
der_from_raw(Bytes raw, uint8_t der[ECDSA_DER_MAX])
{
	int half = (int) (raw.len / 2);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.data, half, NULL);
	BIGNUM *s = BN_bin2bn(raw.data + half, half, NULL);
	int size = 0;

	if (pair == NULL || r == NULL || s == NULL || !ECDSA_SIG_set0(pair, r, s))
	{
		BN_free(r);
		BN_free(s);
	}
	else if ((size = i2d_ECDSA_SIG(pair, NULL)) > 0 && size <= ECDSA_DER_MAX)
		size = i2d_ECDSA_SIG(pair, &der);
	ECDSA_SIG_free(pair);
	return size > 0 && size <= ECDSA_DER_MAX ? (size_t) size : 0;
}

static bool
raw_from_der(Bytes der, uint8_t *raw, size_t raw_size)
{
	const uint8_t *at = der.data;
	int half = (int) (raw_size / 2);
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long) der.len);
	bool ok = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, half) == half &&
			  BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + half, half) == half;

	ECDSA_SIG_free(pair);
	return ok;
}

/* ---------------------------------------------------------------- HMAC */

static CryptoStatus
compute_mac(TokenKey *key, TokenAlgorithm algorithm, Bytes message, uint8_t mac[TOKEN_HASH_MAX])
{
	EVP_MAC_CTX *ctx = key->mac[algorithm];
	size_t expected = token_algorithm(algorithm)->hash_size;
	size_t size;

	/* No key given: the one it was made with stays, already scheduled. */
	if (!EVP_MAC_init(ctx, NULL, 0, NULL) || !EVP_MAC_update(ctx, message.data, message.len) ||
		!EVP_MAC_final(ctx, mac, &size, TOKEN_HASH_MAX) || size != expected)
		return CRYPTO_FAILED;
	return CRYPTO_OK;
}

static CryptoStatus
verify_mac(TokenKey *key, TokenAlgorithm algorithm, Bytes message, Bytes signature)
{
	uint8_t mac[TOKEN_HASH_MAX];
	CryptoStatus status = compute_mac(key, algorithm, message, mac);

	if (status == CRYPTO_OK && !secret_equal(mac, signature.data, signature.len))
		status = CRYPTO_UNAUTHENTIC;

	/* For a forged token this is the MAC that the forger is after. */
	secret_wipe(mac, sizeof(mac));
	return status;
}

/* ---------------------------------------------------------------- RSA and ECDSA */

static CryptoStatus
verify_hashed(TokenKey *key, TokenAlgorithm algorithm, Bytes message, Bytes signature)
{
	const TokenAlgorithmInfo *info = token_algorithm(algorithm);
	EVP_PKEY_CTX *ctx = context_of(key, algorithm, false);
	uint8_t digest[TOKEN_HASH_MAX];
	uint8_t der[ECDSA_DER_MAX];

	if (ctx == NULL || !EVP_Digest(message.data, message.len, digest, NULL, hash_of(info), NULL))
		return CRYPTO_FAILED;
	if (info->scheme == TOKEN_ECDSA)
	{
		signature = bytes_view(der, der_from_raw(signature, der));
		if (signature.len == 0)
			return CRYPTO_FAILED;
	}

	/* OpenSSL says 0 or less for a wrong signature: what is not 1 is wrong. */
	return EVP_PKEY_verify(ctx, signature.data, signature.len, digest, info->hash_size) == 1
			   ? CRYPTO_OK
			   : CRYPTO_UNAUTHENTIC;
}

static CryptoStatus
sign_hashed(TokenKey *key, TokenAlgorithm algorithm, Bytes message, uint8_t *signature)
{
	const TokenAlgorithmInfo *info = token_algorithm(algorithm);
	EVP_PKEY_CTX *ctx = context_of(key, algorithm, true);
	bool is_ec = info->scheme == TOKEN_ECDSA;
	uint8_t digest[TOKEN_HASH_MAX];
	uint8_t der[ECDSA_DER_MAX];
	size_t size = is_ec ? sizeof(der) : key->signature_size;

	if (ctx == NULL || !EVP_Digest(message.data, message.len, digest, NULL, hash_of(info), NULL) ||
		EVP_PKEY_sign(ctx, is_ec ? der : signature, &size, digest, info->hash_size) != 1)
		return CRYPTO_FAILED;
	if (is_ec ? !raw_from_der(bytes_view(der, size), signature, key->signature_size)
			  : size != key->signature_size)
		return CRYPTO_FAILED;
	return CRYPTO_OK;
}

/* ---------------------------------------------------------------- all of them */

size_t
token_signature_size(const TokenKey *key, TokenAlgorithm algorithm)
{
	const TokenAlgorithmInfo *info = token_algorithm(algorithm);

	switch (info->scheme)
	{
		case TOKEN_HMAC:
			return info->hash_size;
		case TOKEN_EDWARDS:
			return crypto_sign_BYTES;
		default:
			return key->signature_size;
	}
}

CryptoStatus
token_key_verify(TokenKey *key, TokenAlgorithm algorithm, Bytes message, Bytes signature)
{
	CryptoStatus status;

	if ((key->algorithms & TOKEN_ALGORITHM_BIT(algorithm)) == 0)
		return CRYPTO_FAILED;
	if (signature.len != token_signature_size(key, algorithm))
		return CRYPTO_UNAUTHENTIC;

	/* A wrong signature leaves nothing in OpenSSL's queue, which the server's TLS reads too. */
	ERR_set_mark();
	switch (token_algorithm(algorithm)->scheme)
	{
		case TOKEN_HMAC:
			status = verify_mac(key, algorithm, message, signature);
			break;
		case TOKEN_EDWARDS:
			status = crypto_sign_verify_detached(signature.data, message.data, message.len,
												 key->edwards_public) == 0
						 ? CRYPTO_OK
						 : CRYPTO_UNAUTHENTIC;
			break;
		default:
			status = verify_hashed(key, algorithm, message, signature);
	}
	ERR_pop_to_mark();
	return status;
}

CryptoStatus
token_key_sign(TokenKey *key, TokenAlgorithm algorithm, Bytes message, uint8_t *signature)
{
	CryptoStatus status;

	if ((key->algorithms & TOKEN_ALGORITHM_BIT(algorithm)) == 0 || !key->can_sign)
		return CRYPTO_FAILED;
	ERR_set_mark();
	switch (token_algorithm(algorithm)->scheme)
	{
		case TOKEN_HMAC:
		{
			uint8_t mac[TOKEN_HASH_MAX];

			if ((status = compute_mac(key, algorithm, message, mac)) == CRYPTO_OK)
				memcpy(signature, mac, token_signature_size(key, algorithm));
			secret_wipe(mac, sizeof(mac));
			break;
		}
		case TOKEN_EDWARDS:
			status = crypto_sign_detached(signature, NULL, message.data, message.len,
										  key->edwards_secret) == 0
						 ? CRYPTO_OK
						 : CRYPTO_FAILED;
			break;
		default:
			status = sign_hashed(key, algorithm, message, signature);
	}
	ERR_pop_to_mark();
	return status;
}
