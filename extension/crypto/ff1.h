/*
 * ff1.h
 *		FF1 of NIST SP 800-38G: a permutation of the numeral strings of one
 *		length and radix, for each key and tweak.
 */
#ifndef TAROT_CRYPTO_FF1_H
#define TAROT_CRYPTO_FF1_H

#include "base/bytes.h"
#include "crypto/status.h"

/* Numerals are 16 bits wide: SP 800-38G, 5.1, has no larger radix. */
#define FF1_RADIX_MAX 65536

/*
 * SP 800-38G Rev. 1 (draft), table 2: at least a million strings. With fewer,
 * the Feistel network has been attacked with less than all of them (Durak and
 * Vaudenay, CRYPTO 2017; Hoang, Tessaro and Trieu, CRYPTO 2018).
 */
#define FF1_DOMAIN_MIN 1000000

/*
 * The longest string, in bits, each numeral taken for a whole number of them:
 * 256 decimal digits, 204 letters of 26, 64 numerals of 65536. Ours, so that
 * all lies on the stack; the standard allows 2^32 numerals.
 */
#define FF1_BITS_MAX 1024

/* An AES key made ready once, for many strings. */
typedef struct Ff1 Ff1;

/* 16, 24 or 32 bytes; NULL where the library refuses. */
extern Ff1 *ff1_create(Bytes key);
extern void ff1_free(Ff1 *ff1);

/* Whether the strings of `count` numerals are neither too few nor too long. */
extern bool ff1_fits(uint32_t radix, size_t count);

/*
 * `out` may be `in`. CRYPTO_FAILED, and `out` untouched, where the strings do
 * not fit, a numeral is not below the radix, or the library refuses.
 */
extern CryptoStatus
ff1_encrypt(Ff1 *ff1, uint32_t radix, Bytes tweak, const uint16_t *in, size_t count, uint16_t *out);
extern CryptoStatus
ff1_decrypt(Ff1 *ff1, uint32_t radix, Bytes tweak, const uint16_t *in, size_t count, uint16_t *out);

#endif
