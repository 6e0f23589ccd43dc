/*
 * hash.c
 *		SHA-256, HMAC and HKDF on OpenSSL.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Update() and its like: see struct Hmac */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/hash.h"

#define SHA256_BLOCK 64 /* FIPS 180-4, figure 1 */

/*
 * What RFC 2104 calls the results of the first blocks, kept: then a short
 * message costs two blocks. OpenSSL's EVP_MAC keeps them, too, but allocates,
 * wipes and frees contexts for each message, which takes longer than hashing
 * it. So here are the functions that its own are made of; OpenSSL 3 advises
 * against them, and has them.
 */
struct Hmac
{
	SHA256_CTX inner;
	SHA256_CTX outer;
	SHA256_CTX running;
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

/* Small pieces on their way into a hash, which asks much for each. */
typedef struct Gathered
{
	SHA256_CTX *ctx;
	size_t used;
	bool ok;
	uint8_t bytes[16 * SHA256_BLOCK];
} Gathered;

static void
flush(Gathered *gathered)
{
	gathered->ok = gathered->ok && SHA256_Update(gathered->ctx, gathered->bytes, gathered->used);
	gathered->used = 0;
}

static void
gather(Gathered *gathered, const uint8_t *data, size_t size)
{
	if (size > sizeof(gathered->bytes) - gathered->used)
		flush(gathered);
	if (size > sizeof(gathered->bytes))
		gathered->ok = gathered->ok && SHA256_Update(gathered->ctx, data, size);
	else if (size > 0)
	{
		memcpy(gathered->bytes + gathered->used, data, size);
		gathered->used += size;
	}
}

CryptoStatus
hash_list(Bytes prefix, const Bytes *items, int count, uint8_t out[HASH_SIZE])
{
	SHA256_CTX ctx;
	Gathered gathered;
	uint8_t number[8];

	gathered.ctx = &ctx;
	gathered.used = 0;
	gathered.ok = SHA256_Init(&ctx);
	bytes_put_u32(number, (uint32_t) count);
	gather(&gathered, prefix.data, prefix.len);
	gather(&gathered, number, 4);
	for (int i = 0; i < count; i++)
	{
		bytes_put_u64(number, items[i].len);
		gather(&gathered, number, 8);
		gather(&gathered, items[i].data, items[i].len);
	}
	flush(&gathered);
	return gathered.ok && SHA256_Final(out, &ctx) ? CRYPTO_OK : CRYPTO_FAILED;
}

CryptoStatus
hash_behind(uint8_t prefix, Bytes message, uint8_t out[HASH_SIZE])
{
	SHA256_CTX ctx;

	return SHA256_Init(&ctx) && SHA256_Update(&ctx, &prefix, 1) &&
				   SHA256_Update(&ctx, message.data, message.len) && SHA256_Final(out, &ctx)
			   ? CRYPTO_OK
			   : CRYPTO_FAILED;
}

CryptoStatus
hash_pair(uint8_t prefix, const uint8_t left[HASH_SIZE], const uint8_t right[HASH_SIZE],
		  uint8_t out[HASH_SIZE])
{
	SHA256_CTX ctx;

	return SHA256_Init(&ctx) && SHA256_Update(&ctx, &prefix, 1) &&
				   SHA256_Update(&ctx, left, HASH_SIZE) && SHA256_Update(&ctx, right, HASH_SIZE) &&
				   SHA256_Final(out, &ctx)
			   ? CRYPTO_OK
			   : CRYPTO_FAILED;
}

/* The block that a key makes when it is padded and combined with a byte. */
static bool
start_with_key(SHA256_CTX *ctx, const uint8_t key[SHA256_BLOCK], uint8_t with)
{
	uint8_t block[SHA256_BLOCK];
	bool ok;

	for (int i = 0; i < SHA256_BLOCK; i++)
		block[i] = key[i] ^ with;
	ok = SHA256_Init(ctx) && SHA256_Update(ctx, block, sizeof(block));
	secret_wipe(block, sizeof(block));
	return ok;
}

Hmac *
hmac_create(Bytes key)
{
	uint8_t padded[SHA256_BLOCK] = {0};
	Hmac *hmac = secret_alloc(sizeof(Hmac));
	bool ok = hmac != NULL;

	if (key.len > SHA256_BLOCK)
		ok = ok && hash_sha256(key, padded) == CRYPTO_OK;
	else if (key.len > 0)
		memcpy(padded, key.data, key.len);
	ok = ok && start_with_key(&hmac->inner, padded, 0x36) &&
		 start_with_key(&hmac->outer, padded, 0x5c);
	secret_wipe(padded, sizeof(padded));
	if (!ok)
	{
		hmac_free(hmac);
		return NULL;
	}
	return hmac;
}

void
hmac_free(Hmac *hmac)
{
	secret_free(hmac);
}

CryptoStatus
hmac_compute(Hmac *hmac, const Bytes *parts, int nparts, uint8_t out[HASH_SIZE])
{
	SHA256_CTX *running = &hmac->running;

	*running = hmac->inner;
	for (int i = 0; i < nparts; i++)
	{
		if (!SHA256_Update(running, parts[i].data, parts[i].len))
			return CRYPTO_FAILED;
	}
	if (!SHA256_Final(out, running))
		return CRYPTO_FAILED;

	*running = hmac->outer;
	return SHA256_Update(running, out, HASH_SIZE) && SHA256_Final(out, running) ? CRYPTO_OK
																				: CRYPTO_FAILED;
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
