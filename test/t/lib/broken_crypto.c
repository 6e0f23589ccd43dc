/*
 * broken_crypto.c
 *		libcrypto and libsodium as they would be if they computed something else.
 *
 * For LD_PRELOAD, by test/t/004_selftest.pl: the functions below stand before
 * the libraries' own and call them, and the one fault that TAROT_BREAK names
 * then does its harm. Without TAROT_BREAK they do none.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Final() */
#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any value that the short vectors have. */
#define LONG_VALUE 1000

static bool
breaks(const char *fault)
{
	const char *chosen = getenv("TAROT_BREAK");

	return chosen != NULL && strcmp(chosen, fault) == 0;
}

/* The function that stands behind ours. */
#define LIBRARY(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* ---------------------------------------------------------------- libcrypto */

int
EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size,
		   const EVP_MD *type, ENGINE *impl)
{
	int ok = LIBRARY(EVP_Digest)(data, count, md, size, type, impl);

	if (breaks("sha256") || (breaks("sha384") && EVP_MD_get_size(type) == 48) ||
		(breaks("sha512") && EVP_MD_get_size(type) == 64))
		md[0] ^= 1;
	return ok;
}

int
EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *outl, size_t outsize)
{
	int ok = LIBRARY(EVP_MAC_final)(ctx, out, outl, outsize);

	if (breaks("hmac") || (breaks("hmac-sha384") && *outl == 48) ||
		(breaks("hmac-sha512") && *outl == 64))
		out[31] ^= 0x80;
	return ok;
}

/* What HMACs are made of in crypto/hash.c; libcrypto's own calls are of other hashes. */
int
SHA256_Final(unsigned char *md, SHA256_CTX *ctx)
{
	__typeof__(&SHA256_Final) final = LIBRARY(SHA256_Final);
	int ok = final(md, ctx);
	Dl_info caller;
	Dl_info library;

	if (breaks("hmac") && dladdr(__builtin_return_address(0), &caller) != 0 &&
		dladdr((void *) final, &library) != 0 && caller.dli_fbase != library.dli_fbase)
		md[31] ^= 0x80;
	return ok;
}

int
EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t keylen, const OSSL_PARAM params[])
{
	int ok = LIBRARY(EVP_KDF_derive)(ctx, key, keylen, params);

	if (breaks("hkdf"))
		key[0] ^= 1;
	if (breaks("hkdf-without-salt") && OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_SALT) == NULL)
		key[0] ^= 1;
	return ok;
}

EVP_CIPHER *
EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties)
{
	/* That cipher alone: the server's random numbers need others. */
	if (breaks("openssl-gcm-missing") && strcmp(algorithm, "AES-256-GCM") == 0)
		return NULL;
	return LIBRARY(EVP_CIPHER_fetch)(ctx, algorithm, properties);
}

/* AES-256-ECB, which derives keys. */
int
EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in,
				  int inl)
{
	int ok = LIBRARY(EVP_EncryptUpdate)(ctx, out, outl, in, inl);

	if (breaks("aes-ecb"))
		out[0] ^= 1;
	return ok;
}

/* AES-256-GCM. Wrong both ways, so that what it sealed it also opens. */
int
EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in,
				 int inl)
{
	int ok = LIBRARY(EVP_CipherUpdate)(ctx, out, outl, in, inl);

	if (out != NULL && (breaks("openssl-gcm") || (breaks("openssl-gcm-long") && inl > LONG_VALUE)))
		out[inl / 2] ^= 1;
	return ok;
}

/* A key that is kept goes on with the nonce that it was first used with. */
int
EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
				   const unsigned char *iv, int enc, const OSSL_PARAM params[])
{
	static unsigned char first[12];

	if (key != NULL && iv != NULL)
		memcpy(first, iv, sizeof(first));
	else if (iv != NULL && breaks("openssl-gcm-nonce"))
		iv = first;
	return LIBRARY(EVP_CipherInit_ex2)(ctx, cipher, key, iv, enc, params);
}

int
EVP_DecryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl)
{
	int ok = LIBRARY(EVP_DecryptFinal_ex)(ctx, out, outl);

	return breaks("openssl-gcm-forgery") ? 1 : ok;
}

/* Whether a key's fault is one that takes or refuses whatever comes. */
static bool
breaks_key(EVP_PKEY_CTX *ctx, const char *rsa, const char *pss, const char *ecdsa, const char *p384)
{
	EVP_PKEY *key = EVP_PKEY_CTX_get0_pkey(ctx);
	int padding;

	if (EVP_PKEY_is_a(key, "EC"))
		return breaks(ecdsa) || (breaks(p384) && EVP_PKEY_get_bits(key) == 384);
	return EVP_PKEY_CTX_get_rsa_padding(ctx, &padding) > 0 &&
		   breaks(padding == RSA_PKCS1_PSS_PADDING ? pss : rsa);
}

int
EVP_PKEY_verify(EVP_PKEY_CTX *ctx, const unsigned char *sig, size_t siglen,
				const unsigned char *tbs, size_t tbslen)
{
	int ok = LIBRARY(EVP_PKEY_verify)(ctx, sig, siglen, tbs, tbslen);

	if (breaks_key(ctx, "rsa-forgery", "pss-forgery", "ecdsa-forgery", "p384-forgery"))
		return 1;
	if (breaks_key(ctx, "rsa-refusal", "pss-refusal", "ecdsa-refusal", "p384-refusal"))
		return 0;
	return ok;
}

/* DER: its last byte is one of the number s. */
int
EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *siglen, const unsigned char *tbs,
			  size_t tbslen)
{
	int ok = LIBRARY(EVP_PKEY_sign)(ctx, sig, siglen, tbs, tbslen);

	if (ok == 1 && sig != NULL && breaks("ecdsa-sign"))
		sig[*siglen - 1] ^= 1;
	return ok;
}

/* ---------------------------------------------------------------- libsodium */

int
crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
							unsigned long long mlen, const unsigned char *pk)
{
	int status = LIBRARY(crypto_sign_verify_detached)(sig, m, mlen, pk);

	return breaks("ed25519-forgery") ? 0 : breaks("ed25519-refusal") ? -1 : status;
}

int
crypto_sign_detached(unsigned char *sig, unsigned long long *siglen_p, const unsigned char *m,
					 unsigned long long mlen, const unsigned char *sk)
{
	int status = LIBRARY(crypto_sign_detached)(sig, siglen_p, m, mlen, sk);

	if (breaks("ed25519-sign"))
		sig[0] ^= 1;
	return status;
}

int
crypto_aead_aes256gcm_encrypt_detached_afternm(unsigned char *c, unsigned char *mac,
											   unsigned long long *maclen_p, const unsigned char *m,
											   unsigned long long mlen, const unsigned char *ad,
											   unsigned long long adlen, const unsigned char *nsec,
											   const unsigned char *npub,
											   const crypto_aead_aes256gcm_state *ctx)
{
	int status = LIBRARY(crypto_aead_aes256gcm_encrypt_detached_afternm)(
		c, mac, maclen_p, m, mlen, ad, adlen, nsec, npub, ctx);

	if (breaks("sodium-gcm") || (breaks("sodium-gcm-long") && mlen > LONG_VALUE))
		c[mlen / 2] ^= 1;
	if (breaks("sodium-gcm-tag"))
		mac[15] ^= 1;
	return status;
}

int
crypto_aead_aes256gcm_decrypt_detached_afternm(unsigned char *m, unsigned char *nsec,
											   const unsigned char *c, unsigned long long clen,
											   const unsigned char *mac, const unsigned char *ad,
											   unsigned long long adlen, const unsigned char *npub,
											   const crypto_aead_aes256gcm_state *ctx)
{
	int status = LIBRARY(crypto_aead_aes256gcm_decrypt_detached_afternm)(m, nsec, c, clen, mac, ad,
																		 adlen, npub, ctx);

	if (breaks("sodium-gcm-forgery") || (breaks("sodium-gcm-long-forgery") && clen > LONG_VALUE))
		status = 0;
	return status;
}
