/*
 * hash.c
 *		SHA-256, HMAC and HKDF on OpenSSL.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "crypto/hash.h"

struct Hmac
{
	EVP_MAC_CTX *ctx;
};

/*
 * Fetching an algorithm costs more than using it, so it is done once a
 * process; the objects live until the process ends.
 */
static EVP_MD *
sha256(void)
{
	static EVP_MD *md;

	if (md == NULL)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	return md;
}

CryptoStatus
hash_sha256(Bytes message, uint8_t out[HASH_SIZE])
{
	if (sha256() == NULL || !EVP_Digest(message.data, message.len, out, NULL, sha256(), NULL))
		return CRYPTO_FAILED;
	return CRYPTO_OK;
}

Hmac *
hmac_create(Bytes key)
{
	static EVP_MAC *algorithm;
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
						   OSSL_PARAM_construct_end()};
	Hmac *hmac;

	if (algorithm == NULL && (algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL)) == NULL)
		return NULL;
	if ((hmac = calloc(1, sizeof(Hmac))) == NULL)
		return NULL;
	if ((hmac->ctx = EVP_MAC_CTX_new(algorithm)) == NULL ||
		!EVP_MAC_init(hmac->ctx, key.data, key.len, params))
	{
		hmac_free(hmac);
		return NULL;
	}
	return hmac;
}

void
hmac_free(Hmac *hmac)
{
	if (hmac == NULL)
		return;
	EVP_MAC_CTX_free(hmac->ctx);
	free(hmac);
}

CryptoStatus
hmac_compute(Hmac *hmac, const Bytes *parts, int nparts, uint8_t out[HASH_SIZE])
{
	size_t size;

	/* No key given: the one of hmac_create stays, already scheduled. */
	if (!EVP_MAC_init(hmac->ctx, NULL, 0, NULL))
		return CRYPTO_FAILED;
	for (int i = 0; i < nparts; i++)
	{
		if (!EVP_MAC_update(hmac->ctx, parts[i].data, parts[i].len))
			return CRYPTO_FAILED;
	}
	if (!EVP_MAC_final(hmac->ctx, out, &size, HASH_SIZE) || size != HASH_SIZE)
		return CRYPTO_FAILED;
	return CRYPTO_OK;
}

CryptoStatus
hkdf_sha256(Bytes key, Bytes salt, Bytes info, uint8_t *out, size_t size)
{
	static EVP_KDF *algorithm;
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) key.data, key.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *) info.data, info.len),
		OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
	EVP_KDF_CTX *ctx;
	bool ok;

	/* RFC 5869, 2.2: no salt is a salt of zeros; OpenSSL wants it left out then. */
	if (salt.len > 0)
		params[3] =
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *) salt.data, salt.len);

	if (algorithm == NULL && (algorithm = EVP_KDF_fetch(NULL, "HKDF", NULL)) == NULL)
		return CRYPTO_FAILED;
	if ((ctx = EVP_KDF_CTX_new(algorithm)) == NULL)
		return CRYPTO_FAILED;
	ok = EVP_KDF_derive(ctx, out, size, params) == 1;
	EVP_KDF_CTX_free(ctx);
	return ok ? CRYPTO_OK : CRYPTO_FAILED;
}
