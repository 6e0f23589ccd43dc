/*
 * xaes.h
 *		XAES-256-GCM, the cipher of every envelope.
 *
 * Defined by C2SP (XAES-256-GCM.md): a 256-bit key and a 192-bit nonce. The
 * first half of the nonce derives a key (SP 800-108 counter mode with CMAC,
 * which comes to two AES blocks), the second half is the nonce of AES-256-GCM
 * (SP 800-38D) under it. Random nonces are safe without any counter kept on
 * disk, so every node of a cluster may seal at once.
 */
#ifndef TAROT_CRYPTO_XAES_H
#define TAROT_CRYPTO_XAES_H

#include "base/bytes.h"
#include "crypto/status.h"

#define XAES_KEY_SIZE 32
#define XAES_NONCE_SIZE 24
#define XAES_TAG_SIZE 16

/*
 * A key made ready once, for many values. What is derived from it lies in
 * secret memory, but for the key schedules inside OpenSSL's contexts: those are
 * on the ordinary heap, wiped when freed.
 */
typedef struct XaesKey XaesKey;

/* NULL when memory or an algorithm is missing. */
extern XaesKey *xaes_create(const uint8_t key[XAES_KEY_SIZE]);
extern void xaes_free(XaesKey *key);

/*
 * Puts another key in its place, for many keys of few values each: a tenth of
 * the cost of creating one. Nonces go on as they were: they never come twice
 * under any of the keys. False when a library failed; it must be freed then.
 */
extern bool xaes_rekey(XaesKey *key, const uint8_t raw[XAES_KEY_SIZE]);

/*
 * A nonce never used before with this key. Values sealed one after the other
 * share the first half, and so the derived key: bulk speed comes from that.
 */
extern void xaes_next_nonce(XaesKey *key, uint8_t nonce[XAES_NONCE_SIZE]);

/*
 * Mixes the time into the nonces that follow. A virtual machine that is
 * resumed twice from one snapshot has the same nonces ahead of it twice; to be
 * called wherever the two could go on with different data: once a statement.
 */
extern void xaes_part_from_copies(XaesKey *key);

/* The ciphertext is as long as the plaintext. */
extern CryptoStatus xaes_seal(XaesKey *key, const uint8_t nonce[XAES_NONCE_SIZE], Bytes aad,
							  Bytes plaintext, uint8_t *ciphertext, uint8_t tag[XAES_TAG_SIZE]);

/*
 * The plaintext's place holds zeros afterwards unless the tag is right. While
 * this runs it may hold unverified plaintext (OpenSSL decrypts before it
 * compares), so it must be memory that nobody else reads. It may be the
 * ciphertext's own place, which is then lost if the tag is wrong.
 */
extern CryptoStatus
xaes_open(XaesKey *key, const uint8_t nonce[XAES_NONCE_SIZE], Bytes aad, Bytes ciphertext,
		  const uint8_t tag[XAES_TAG_SIZE], uint8_t *plaintext);

/*
 * Two libraries compute the same bytes: libsodium is faster on short values,
 * OpenSSL on long ones and where the processor has no AES instructions. Tests
 * force one or the other.
 */
typedef enum XaesLibrary
{
	XAES_BY_SIZE,
	XAES_LIBSODIUM,
	XAES_OPENSSL,
} XaesLibrary;

extern void xaes_use_library(XaesLibrary library);

/* Whether libsodium's AES-256-GCM runs on this processor. */
extern bool xaes_has_libsodium(void);

#endif
