/*
 * keyed.h - masks that need a key: the same value, the same mask
 *
 * So that joins, foreign keys and unique constraints go on working among
 * masked values. Equal values are seen to be equal, and how often each comes:
 * whoever knows that of the originals can match them. Without the key nobody
 * can try out values; but who can have values of their choice masked, and see
 * the masks, can, so writing and masked reading must be different people's.
 *
 * What each tells beside:
 *
 * pseudonym	A value of the same form: each digit another digit, each letter another
 *			one of its alphabet (small or capital, Latin, Greek, Cyrillic, ...),
 *			spaces and punctuation of ASCII as they are; a UUID in its usual form
 *			stays one. It is FF1 (crypto/ff1.h), a permutation of all values of the
 *			form, so that no two values have one pseudonym. Tells the form: length,
 *			alphabets, punctuation; of two values, whether they have the same
 *			letters and digits, whatever the punctuation. A pseudonym may by chance
 *			be another's real value. Where FF1 is not safe, with less than a million
 *			values of the form, or not known, with characters of no alphabet of ours
 *			(marks, and so decomposed letters, emoji), or more than 512 bytes or 1024
 *			bits, 32 hexadecimal digits of a keyed hash: that two values have one is
 *			no more likely than guessing half of a key. Then it tells that it is
 *			such a value.
 *
 * pseudonym_card	The same for 12 to 19 digits with spaces and hyphens, but that the
 *			last, the check digit of ISO/IEC 7812-1 (Luhn), fits the pseudonym as
 *			well or ill as it did: tells whether the number was a valid one, or how
 *			far that digit was off. Nothing of the bank is kept. The hash for all else.
 *
 * hash			32 hexadecimal digits: nothing but which values are equal.
 *
 * fake_first_name, fake_last_name, fake_name, fake_city, fake_company
 *				One of 256, 256, 65536, 256 and 32768 made-up values (words.h): not
 *				even equality for sure, for values share one. Nothing goes by the
 *				original but the choice: neither sex, language nor country.
 *
 * noise		A number or date near the value, uniformly distributed up to the
 *				amount on both sides, always the same for a value in a context (such as
 *				table and column): asking again, or averaging over rows with
 *				one value, gives nothing more. That the value lies within the amount of
 *				what is shown is certain; extremes stay extremes; and averages over
 *				different values are nearly right, which is what it is for. It is
 *				not differential privacy.
 */
#ifndef MASK_KEYED_H
#define MASK_KEYED_H

#include "base/bytes.h"
#include "crypto/status.h"
#include "mask/mask.h"

/* A secret of its own, of which nothing is used otherwise. */
#define MASK_SECRET_SIZE 32

/* Keys of all keyed masks, made ready once. */
typedef struct MaskKeys MaskKeys;

/* NULL where a library refuses. */
MaskKeys *mask_keys_create(const uint8_t secret[MASK_SECRET_SIZE]);
void mask_keys_free(MaskKeys *keys);

/* Whether mask_text_keyed, not mask_text, is to be called for a text. "hash" is the caller's, with
 * a key of its own. */
bool mask_is_keyed(MaskKind kind);

/* What mask_text_keyed writes at most for an input of this size. */
size_t mask_keyed_bound(const MaskSpec *spec, size_t len);

/* Of any size: MASK_KEYED_MAX at most. */
#define MASK_PSEUDONYM_MAX 512
#define MASK_KEYED_MAX MASK_PSEUDONYM_MAX

/*
 * As mask_text. CRYPTO_FAILED where a library refuses: then, too, `out` holds a
 * mask, the constant one; but no longer one for each value.
 */
CryptoStatus mask_text_keyed(const MaskSpec *spec, MaskKeys *keys, bool utf8, const char *in,
							 size_t len, char *out, size_t *size);

/*
 * The pseudonym of a whole number, whose sign stays and decides, too: `digits`,
 * without zeros before, are replaced by as many, but numbers below a million
 * are so among themselves. One of 32 bits stays one, and so of 64. A
 * permutation. False where there are more than MASK_NUMBER_DIGITS_MAX, or
 * none, or a library refuses: `digits` is as it was.
 */
#define MASK_NUMBER_SMALL 6 /* digits: the least that FF1 takes */
#define MASK_NUMBER_DIGITS_MAX 256
bool mask_pseudonym_number(MaskKeys *keys, bool negative, char digits[MASK_NUMBER_DIGITS_MAX],
						   size_t *count);

/* Uniform in -range to range, the same for equal contexts and values. */
#define MASK_NOISE_RANGE_MAX INT32_MAX
int64_t mask_noise(const MaskKeys *keys, Bytes context, Bytes value, uint32_t range);

#endif
