/*
 * mask.c - from the kind of a mask to what it shows of a text
 */
#include "mask/mask.h"

#include <string.h>

#include "mask/text.h"

_Static_assert(MASK_BOUND_MAX == 2 * MASK_KEEP_MAX * CHARACTER_BYTES_MAX + MASK_HIDDEN_SIZE,
			   "mask.h writes the sizes of character.h and text.h out");

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

size_t
mask_bound(const MaskSpec *spec, size_t len)
{
	switch (spec->kind)
	{
		case MASK_PARTIAL:
		{
			size_t kept = (size_t) (mask_clamp_keep(spec->prefix) + mask_clamp_keep(spec->suffix));

			return smaller(len, kept * CHARACTER_BYTES_MAX) + MASK_HIDDEN_SIZE;
		}
		case MASK_EMAIL:
			/* All but the stars are separate pieces of the input. */
			return larger(MASK_REDACTED_SIZE,
						  smaller(len, MASK_EMAIL_BOUND - MASK_EMAIL_ADDED) + MASK_EMAIL_ADDED);
		case MASK_CARD:
			return MASK_CARD_SIZE;
		case MASK_PHONE:
			return larger(MASK_HIDDEN_SIZE, smaller(len, MASK_PHONE_BOUND));
		case MASK_IBAN:
			return MASK_IBAN_SIZE;
		case MASK_NAME:
			/* Of each word a piece, and what parts it from the next; stars for it. */
			return larger(MASK_REDACTED_SIZE,
						  smaller(len, MASK_NAME_WORDS_MAX * (CHARACTER_BYTES_MAX + 1)) +
							  MASK_NAME_WORDS_MAX * MASK_HIDDEN_SIZE);
		case MASK_ADDRESS:
			return larger(MASK_REDACTED_SIZE, MASK_ADDRESS_BOUND);
		case MASK_IP:
			return MASK_IP_BOUND;
		case MASK_RANGE:
			return MASK_RANGE_BOUND;
		case MASK_CONSTANT:
			return larger(MASK_REDACTED_SIZE, strnlen(spec->argument, MASK_ARGUMENT_MAX));
		default:
			break; /* redacted */
	}
	return MASK_REDACTED_SIZE;
}

size_t
mask_text(const MaskSpec *spec, bool utf8, const char *in, size_t len, char *out)
{
	static const uint8_t nothing[1] = {0};
	const uint8_t *start = len > 0 ? (const uint8_t *) in : nothing;
	MaskInput input = {start, start + len, utf8};
	uint8_t *to = (uint8_t *) out;
	size_t size = 0;

	switch (spec->kind)
	{
		case MASK_PARTIAL:
			if (spec->suffix == 0)
				size = mask_prefix_ascii(&input, (unsigned) mask_clamp_keep(spec->prefix), to);
			return size > 0 ? size
							: mask_partial(&input, (unsigned) mask_clamp_keep(spec->prefix),
										   (unsigned) mask_clamp_keep(spec->suffix), to);
		case MASK_EMAIL:
			size = mask_email_ascii(&input, to);
			return size > 0 ? size : mask_email(&input, to);
		case MASK_CARD:
			return mask_card(&input, to);
		case MASK_PHONE:
			size = mask_phone_ascii(&input, to);
			return size > 0 ? size : mask_phone(&input, to);
		case MASK_IBAN:
			return mask_iban(&input, to);
		case MASK_NAME:
			return mask_name(&input, to);
		case MASK_ADDRESS:
			return mask_address(&input, to);
		case MASK_IP:
			return mask_ip(&input, spec, to);
		case MASK_RANGE:
			return mask_range(&input, spec, to);
		case MASK_CONSTANT:
			return mask_constant(&input, spec->argument, to);
		default:
			break; /* redacted */
	}
	return mask_redact(to);
}
