/*
 * fake.c - made-up values, chosen by a keyed hash of the original
 */
#include <sodium.h>

#include "mask/keys.h"
#include "mask/words.h"

_Static_assert(sizeof(first_names[0]) + sizeof(last_names[0]) <= MASK_FAKE_BOUND + 1 &&
				   sizeof(cities[0]) <= MASK_FAKE_BOUND + 1 &&
				   sizeof(company_starts[0]) + sizeof(company_ends[0]) + sizeof(company_forms[0]) <=
					   MASK_FAKE_BOUND + 2,
			   "the bound is that of the lists");

static uint8_t *
append_word(uint8_t *out, const char *word)
{
	return append(out, word, strlen(word));
}

/* Each choice has bits of its own. SipHash as for noise (keyed.c). */
size_t
mask_fake(MaskKind kind, const MaskInput *in, const MaskKeys *keys, uint8_t *out)
{
	uint8_t bits[crypto_shorthash_BYTES];
	uint8_t *to = out;

	_Static_assert(crypto_shorthash_KEYBYTES == MASK_SIPHASH_KEY_SIZE, "of libsodium's size");
	crypto_shorthash(bits, in->start, (size_t) (in->end - in->start), keys->fake);
	switch (kind)
	{
		case MASK_FAKE_FIRST_NAME:
			to = append_word(to, first_names[bits[0]]);
			break;
		case MASK_FAKE_LAST_NAME:
			to = append_word(to, last_names[bits[1]]);
			break;
		case MASK_FAKE_NAME:
			to = append_word(to, first_names[bits[0]]);
			*to++ = ' ';
			to = append_word(to, last_names[bits[1]]);
			break;
		case MASK_FAKE_CITY:
			to = append_word(to, cities[bits[2]]);
			break;
		default:
			to = append_word(to, company_starts[bits[3] % 64]);
			to = append_word(to, company_ends[bits[4] % 64]);
			*to++ = ' ';
			to = append_word(to, company_forms[bits[5] % 8]);
			break;
	}
	return (size_t) (to - out);
}
