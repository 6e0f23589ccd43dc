/*
 * mask.c - the masks by name, and the way to each
 */
#include "mask/mask.h"

#include <stdio.h>
#include <string.h>

#include "mask/text.h"

static const struct
{
	const char *name;
	MaskKind kind;
	bool keeps; /* takes (prefix, suffix) */
} masks[] = {
	{"redact", MASK_REDACT, false}, {"partial", MASK_PARTIAL, true}, {"email", MASK_EMAIL, false},
	{"card", MASK_CARD, false},     {"phone", MASK_PHONE, false},    {"hash", MASK_HASH, false},
	{"null", MASK_NULL, false},
};

#define MASKS (sizeof(masks) / sizeof(masks[0]))

_Static_assert(MASK_BOUND_MAX == 2 * MASK_KEEP_MAX * CHARACTER_BYTES_MAX + MASK_HIDDEN_SIZE,
			   "mask.h writes the sizes of character.h and text.h out");

const char *
mask_names(void)
{
	return "redact, partial(prefix, suffix), email, card, phone, hash, null";
}

/* ---------------------------------------------------------------- spelling */

/* Not isspace: what a name is must not depend on the server's locale. */
static const char *
skip_spaces(const char *text)
{
	while (*text == ' ' || (*text >= '\t' && *text <= '\r'))
		text++;
	return text;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
same_name(const char *text, size_t len, const char *name)
{
	if (len != strlen(name))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if ((text[i] | 0x20) != name[i])
			return false;
	}
	return true;
}

/* A number up to MASK_KEEP_MAX and `closing` after it; returns where it ended, or NULL. */
static const char *
parse_number(const char *text, char closing, int *number)
{
	int value = 0;

	text = skip_spaces(text);
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++)
	{
		value = value * 10 + (*text - '0');
		if (value > MASK_KEEP_MAX)
			return NULL;
	}
	text = skip_spaces(text);
	if (*text != closing)
		return NULL;
	*number = value;
	return text + 1;
}

bool
mask_parse(const char *text, MaskSpec *spec, const char **problem)
{
	MaskSpec parsed = {MASK_REDACT, 0, 0};
	const char *name;
	size_t len;
	size_t found = 0;

	text = name = skip_spaces(text);
	while (is_letter(*text))
		text++;
	len = (size_t) (text - name);
	while (found < MASKS && !same_name(name, len, masks[found].name))
		found++;
	if (found == MASKS)
	{
		*problem = "there is no mask of that name";
		return false;
	}
	parsed.kind = masks[found].kind;

	text = skip_spaces(text);
	if (masks[found].keeps)
	{
		if (*text != '(' || !(text = parse_number(text + 1, ',', &parsed.prefix)) ||
			!(text = parse_number(text, ')', &parsed.suffix)))
		{
			*problem = "partial needs (prefix, suffix), two numbers from 0 to 64";
			return false;
		}
	}
	else if (*text == '(')
	{
		*problem = "only partial takes numbers";
		return false;
	}

	if (*skip_spaces(text) != '\0')
	{
		*problem = "something follows the mask";
		return false;
	}
	*spec = parsed;
	return true;
}

static int
clamp(int keep)
{
	return keep < 0 ? 0 : keep > MASK_KEEP_MAX ? MASK_KEEP_MAX : keep;
}

void
mask_format(const MaskSpec *spec, char out[MASK_SPEC_MAX])
{
	size_t i = 0;

	while (i < MASKS && masks[i].kind != spec->kind)
		i++;
	if (i == MASKS)
		i = 0; /* as mask_text does */
	if (masks[i].keeps)
		snprintf(out, MASK_SPEC_MAX, "%s(%d,%d)", masks[i].name, clamp(spec->prefix),
				 clamp(spec->suffix));
	else
		snprintf(out, MASK_SPEC_MAX, "%s", masks[i].name);
}

/* ----------------------------------------------------------------- masking */

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
			size_t kept = (size_t) (clamp(spec->prefix) + clamp(spec->suffix));

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
		case MASK_REDACT:
		case MASK_HASH:
		case MASK_NULL:
			break;
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

	switch (spec->kind)
	{
		case MASK_PARTIAL:
			return mask_partial(&input, (unsigned) clamp(spec->prefix),
								(unsigned) clamp(spec->suffix), to);
		case MASK_EMAIL:
			return mask_email(&input, to);
		case MASK_CARD:
			return mask_card(&input, to);
		case MASK_PHONE:
			return mask_phone(&input, to);
		case MASK_REDACT:
		case MASK_HASH:
		case MASK_NULL:
			break;
	}
	return mask_redact(to);
}
