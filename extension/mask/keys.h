/*
 * keys.h - what keyed masks share; mask/ alone includes it
 */
#ifndef MASK_KEYS_H
#define MASK_KEYS_H

#include "crypto/ff1.h"
#include "crypto/hash.h"
#include "mask/keyed.h"
#include "mask/text.h"
#include "mask/whole.h"

#define MASK_SIPHASH_KEY_SIZE 16

struct MaskKeys
{
	uint8_t fake[MASK_SIPHASH_KEY_SIZE];
	uint8_t noise[MASK_SIPHASH_KEY_SIZE];
	Ff1 *ff1;
	Hmac *hmac; /* of values that have no pseudonym of their form */

	/* The radix that permute.c found last, and for how many values; 0 for none. */
	uint32_t radix;
	WholeNumber values;
};

/* 128 bits in hexadecimal */
#define MASK_HASHED_SIZE 32

/* The longest lists of words.h have 9 and 11 bytes; and no less than "[redacted]". */
#define MASK_FAKE_BOUND 24

CryptoStatus mask_pseudonym(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size);
CryptoStatus mask_pseudonym_card(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size);
size_t mask_fake(MaskKind kind, const MaskInput *in, const MaskKeys *keys, uint8_t *out);

#endif
