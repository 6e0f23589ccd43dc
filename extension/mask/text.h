/*
 * text.h - one function a mask of text; mask.c chooses
 *
 * Each writes to `out` no more than its bound and returns the size.
 */
#ifndef MASK_TEXT_H
#define MASK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mask/character.h"
#include "mask/mask.h"

typedef struct MaskInput
{
	const uint8_t *start;
	const uint8_t *end;
	bool utf8;
} MaskInput;

#define MASK_REDACTED "[redacted]"
#define MASK_HIDDEN "***"
#define MASK_REDACTED_SIZE (sizeof(MASK_REDACTED) - 1)
#define MASK_HIDDEN_SIZE (sizeof(MASK_HIDDEN) - 1)

static inline uint8_t *
append(uint8_t *out, const void *bytes, size_t size)
{
	memcpy(out, bytes, size);
	return out + size;
}

static inline bool
is_digit(uint32_t code)
{
	return code >= '0' && code <= '9';
}

static inline bool
is_letter(uint32_t code)
{
	return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
}

size_t mask_redact(uint8_t *out);

size_t mask_partial(const MaskInput *in, unsigned prefix, unsigned suffix, uint8_t *out);

/*
 * RFC 5321, 4.5.3.1: the local part has at most 64 bytes, the domain at most
 * 255. RFC 1035, 2.3.4: a label has at most 63. The longest top-level domains
 * in IANA's list have 24 characters in ASCII (xn--vermgensberatung-pwb), and 11
 * code points otherwise (Singapore's in Tamil).
 */
#define MASK_EMAIL_LOCAL_MAX 64
#define MASK_EMAIL_DOMAIN_MAX 255
#define MASK_EMAIL_LABEL_MAX 63
#define MASK_EMAIL_TOP_ASCII_MAX 24
#define MASK_EMAIL_TOP_OTHER_MAX 12
#define MASK_EMAIL_TOP_BYTES_MAX (4 * MASK_EMAIL_TOP_OTHER_MAX)
/* two characters, two times "***", "@", ".", and the last label */
#define MASK_EMAIL_ADDED (2 * MASK_HIDDEN_SIZE)
#define MASK_EMAIL_BOUND (2 * CHARACTER_BYTES_MAX + MASK_EMAIL_ADDED + 2 + MASK_EMAIL_TOP_BYTES_MAX)
size_t mask_email(const MaskInput *in, uint8_t *out);

/* ISO/IEC 7812-1: at most 19 digits. "**** **** **** 1234" */
#define MASK_CARD_MIN 12
#define MASK_CARD_MAX 19
#define MASK_CARD_SIZE 19
size_t mask_card(const MaskInput *in, uint8_t *out);

/*
 * Fewer than seven digits are no subscriber's number with its area; the last
 * two of them would be too large a part. More than 24: see mask.h.
 */
#define MASK_PHONE_MIN 7
#define MASK_PHONE_MAX 24
#define MASK_PHONE_FORMATTING_MAX 16
/* and a plus sign */
#define MASK_PHONE_BOUND (MASK_PHONE_MAX + MASK_PHONE_FORMATTING_MAX + 1)
size_t mask_phone(const MaskInput *in, uint8_t *out);

/* "DE** **** **** 3000" */
#define MASK_IBAN_SIZE 19
size_t mask_iban(const MaskInput *in, uint8_t *out);

/* Arabic, Iberian and Indian names with all their parts have up to eight words. */
#define MASK_NAME_WORDS_MAX 8
#define MASK_NAME_BYTES_MAX 512
size_t mask_name(const MaskInput *in, uint8_t *out);

/* "***, " and the longest name in countries.h */
#define MASK_COUNTRY_MAX 39
#define MASK_ADDRESS_BOUND (MASK_HIDDEN_SIZE + 2 + MASK_COUNTRY_MAX)
size_t mask_address(const MaskInput *in, uint8_t *out);

/* Four bytes "ffff:", then those of IPv4; or eight groups with colons between (RFC 4291, 2.2). */
#define MASK_IP_BOUND 39
size_t mask_ip(const MaskInput *in, const MaskSpec *spec, uint8_t *out);

/* "[", a number, ",", another, ")"; each with a sign, 19 digits, a point, and a zero before it */
#define MASK_RANGE_BOUND (3 + 2 * 22)
size_t mask_range(const MaskInput *in, const MaskSpec *spec, uint8_t *out);

size_t mask_constant(const MaskInput *in, const char *text, uint8_t *out);

/*
 * ascii.c: the same masks of the values that most are, several times faster. 0
 * for all others, and then nothing is in `out`.
 */
size_t mask_email_ascii(const MaskInput *in, uint8_t *out);
size_t mask_phone_ascii(const MaskInput *in, uint8_t *out);
size_t mask_prefix_ascii(const MaskInput *in, unsigned prefix, uint8_t *out);

#endif
