/*
 * ascii.c - masks of the values that most are: in ASCII, where a byte is a character
 *
 * Each knows the usual form alone, and gives 0 for all else, which text.c then
 * looks at in full. What is of the usual form has the same mask there.
 */
#include "mask/text.h"

#include <string.h>

/* What a byte can be part of; beyond ASCII, and of controls, nothing. */
#define ATOM 1       /* of a local part: RFC 5322, 3.2.3, "atext" */
#define LABEL 2      /* of a domain's label: RFC 5890, 2.3.1 */
#define LETTER 4     /* of a top-level domain */
#define FORMATTING 8 /* of a telephone number: what ITU-T E.123 and usage write between digits */
#define DIGIT 16
#define VISIBLE 32

static const uint8_t kinds[256] = {
	[' '] = FORMATTING,
	['!'] = VISIBLE | ATOM,
	['"'] = VISIBLE,
	['#' ... '\''] = VISIBLE | ATOM,
	['(' ... ')'] = VISIBLE | FORMATTING,
	['*' ... '+'] = VISIBLE | ATOM,
	[','] = VISIBLE,
	['-'] = VISIBLE | ATOM | LABEL | FORMATTING,
	['.'] = VISIBLE | FORMATTING,
	['/'] = VISIBLE | ATOM | FORMATTING,
	['0' ... '9'] = VISIBLE | ATOM | LABEL | DIGIT,
	[':' ... '<'] = VISIBLE,
	['='] = VISIBLE | ATOM,
	['>'] = VISIBLE,
	['?'] = VISIBLE | ATOM,
	['@'] = VISIBLE,
	['A' ... 'Z'] = VISIBLE | ATOM | LABEL | LETTER,
	['[' ... ']'] = VISIBLE,
	['^' ... '`'] = VISIBLE | ATOM,
	['a' ... 'z'] = VISIBLE | ATOM | LABEL | LETTER,
	['{' ... '~'] = VISIBLE | ATOM,
};

/* Atoms with dots between, labels with dots between, the last of letters alone. */
size_t
mask_email_ascii(const MaskInput *in, uint8_t *out)
{
	const uint8_t *at = in->start;
	const uint8_t *end = in->end;
	const uint8_t *part;
	const uint8_t *domain;
	uint8_t *to = out;
	uint8_t all;

	if (end - at > MASK_EMAIL_LOCAL_MAX + 1 + MASK_EMAIL_DOMAIN_MAX)
		return 0;
	do
	{
		part = at;
		while (at < end && (kinds[*at] & ATOM))
			at++;
		if (at == part || at == end)
			return 0;
	} while (*at++ == '.');
	domain = at;
	if (domain[-1] != '@' || domain - 1 - in->start > MASK_EMAIL_LOCAL_MAX ||
		end - domain > MASK_EMAIL_DOMAIN_MAX)
		return 0;

	for (;;)
	{
		part = at;
		all = 0xFF;
		for (; at < end && (kinds[*at] & LABEL); at++)
			all &= kinds[*at];
		if (at == part || at - part > MASK_EMAIL_LABEL_MAX || *part == '-' || at[-1] == '-')
			return 0;
		if (at == end)
			break;
		if (*at++ != '.')
			return 0;
	}
	if (part == domain || !(all & LETTER) || end - part < 2 ||
		end - part > MASK_EMAIL_TOP_ASCII_MAX)
		return 0;

	*to++ = *in->start;
	to = append(to, MASK_HIDDEN "@", MASK_HIDDEN_SIZE + 1);
	*to++ = *domain;
	to = append(to, MASK_HIDDEN ".", MASK_HIDDEN_SIZE + 1);
	while (part < end)
		*to++ = *part++;
	return (size_t) (to - out);
}

/* ASCII digits, formatting, and perhaps a plus sign before the first of them. */
size_t
mask_phone_ascii(const MaskInput *in, uint8_t *out)
{
	const uint8_t *start = in->start;
	size_t len = (size_t) (in->end - start);
	size_t at = 0;
	size_t plus;
	size_t digits = 0;

	if (len > MASK_PHONE_BOUND)
		return 0;
	for (; at < len && (kinds[start[at]] & FORMATTING); at++)
		out[at] = start[at];
	plus = at < len && start[at] == '+';
	if (plus)
		out[at++] = '+';
	for (; at < len; at++)
	{
		uint8_t kind = kinds[start[at]];

		if (!(kind & (DIGIT | FORMATTING)))
			return 0;
		out[at] = kind & DIGIT ? '*' : start[at];
		digits += kind / DIGIT % 2;
	}
	if (digits < MASK_PHONE_MIN || digits > MASK_PHONE_MAX ||
		len - plus - digits > MASK_PHONE_FORMATTING_MAX)
		return 0;
	for (int shown = 0; shown < 2;)
	{
		if (out[--at] == '*')
		{
			out[at] = start[at];
			shown++;
		}
	}
	return len;
}

/* Where twice as many characters as are kept can be seen, at the beginning of the text. */
size_t
mask_prefix_ascii(const MaskInput *in, unsigned prefix, uint8_t *out)
{
	const uint8_t *start = in->start;
	size_t seen = 2 * (size_t) prefix;
	uint8_t all = VISIBLE;

	/* And one more byte, or a mark could join the last of them. */
	if (prefix == 0 || (size_t) (in->end - start) <= seen || start[seen] >= 0x80)
		return 0;
	for (size_t i = 0; i < seen; i++)
		all &= kinds[start[i]];
	if (all == 0)
		return 0;
	memcpy(out, start, prefix);
	memcpy(out + prefix, MASK_HIDDEN, MASK_HIDDEN_SIZE);
	return prefix + MASK_HIDDEN_SIZE;
}
