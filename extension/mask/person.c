/*
 * person.c - masks of what names a person and where they live
 */
#include "mask/mask.h"
#include "mask/text.h"
#include "mask/countries.h"

/* -------------------------------------------------------------------- name */

typedef enum Part
{
	PART_LETTER,
	PART_DIGIT,
	PART_HYPHEN,
	PART_BLANK,
	PART_OTHER, /* punctuation, and what belongs to no name */
} Part;

/* Punctuation, symbols and compatibility forms: blocks, and what stands alone among letters. */
static bool
is_sign(uint32_t code)
{
	return (code < 0xC0 && code != 0xAA && code != 0xB5 && code != 0xBA) || code == 0xD7 ||
		   code == 0xF7 || (code >= 0x2000 && code <= 0x2BFF) ||
		   (code >= 0x3000 && code <= 0x303F && code != 0x3005 && code != 0x3007) ||
		   (code >= 0xFE00 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF20) ||
		   code == 0x060C || code == 0x061B || code == 0x061F || code == 0x06D4 || code == 0x0964 ||
		   code == 0x0965;
}

/* The digits in use beside ASCII's, in the scripts with most writers. */
static bool
is_other_digit(uint32_t code)
{
	return (code >= 0x0660 && code <= 0x0669) || (code >= 0x06F0 && code <= 0x06F9) ||
		   (code >= 0x0966 && code <= 0x096F) || (code >= 0x09E6 && code <= 0x09EF);
}

static Part
part_of_code(uint32_t code)
{
	if (code < 0x80)
		return is_letter(code)  ? PART_LETTER
			   : is_digit(code) ? PART_DIGIT
			   : code == '-'    ? PART_HYPHEN
			   : code <= ' '    ? PART_BLANK
								: PART_OTHER;
	/* Hyphens and dashes; the dot between the parts of a name in katakana. */
	if ((code >= 0x2010 && code <= 0x2015) || code == 0x30FB)
		return PART_HYPHEN;
	if (is_sign(code))
		return PART_OTHER;
	/* All else, for most scripts have no case to tell letters by. */
	return is_other_digit(code) ? PART_DIGIT : PART_LETTER;
}

static inline Part
part_of(bool utf8, const CharacterCode *now)
{
	switch (now->class)
	{
		case CHARACTER_BLANK:
			return PART_BLANK;
		case CHARACTER_CONTROL:
			return now->code <= ' ' ? PART_BLANK : PART_OTHER;
		case CHARACTER_INVALID:
		case CHARACTER_EXTEND:
		case CHARACTER_JOINER:
		case CHARACTER_SPACING:
		case CHARACTER_FLAG:
		case CHARACTER_PICTURE:
			return PART_OTHER;
		default:
			return utf8 || now->code < 0x80 ? part_of_code(now->code) : PART_LETTER;
	}
}

/*
 * Letters in UTF-8, or what else tells nothing more of a word that has some: the blocks of most
 * scripts, without those that hold digits, spaces or hyphens. Told by two bytes, where all else
 * needs a closer look; 0 for that.
 */
static inline size_t
plain_letter(const uint8_t *at, const uint8_t *end)
{
	if (end - at >= 2 && *at >= 0xC3 && *at <= 0xDF && (at[1] & 0xC0) == 0x80)
	{
		/* U+0660 to U+0669, U+06F0 to U+06F9 */
		if ((*at == 0xD9 && at[1] >= 0xA0 && at[1] <= 0xA9) ||
			(*at == 0xDB && at[1] >= 0xB0 && at[1] <= 0xB9))
			return 0;
		return 2;
	}
	if (end - at >= 3 && *at >= 0xE4 && *at <= 0xEC && (at[1] & 0xC0) == 0x80 &&
		(at[2] & 0xC0) == 0x80)
		return 3;
	return 0;
}

/* The signs among these, which begin no word: U+00D7, U+00F7, and is_sign's of Arabic. */
static inline bool
is_plain_sign(const uint8_t *at)
{
	return (*at == 0xC3 && (at[1] == 0x97 || at[1] == 0xB7)) ||
		   (*at == 0xD8 && (at[1] == 0x8C || at[1] == 0x9B || at[1] == 0x9F)) ||
		   (*at == 0xDB && at[1] == 0x94);
}

/* A word as far as it was read. */
typedef struct Word
{
	Character first; /* letter; of size 0 if there was none yet */
	bool more;       /* letters */
	bool digits;
} Word;

static uint8_t *
append_word(uint8_t *out, const Word *word)
{
	if (word->more && !word->digits)
		out = append(out, word->first.start, word->first.size);
	return append(out, MASK_HIDDEN, MASK_HIDDEN_SIZE);
}

size_t
mask_name(const MaskInput *in, uint8_t *out)
{
	Word word = {0};
	uint8_t *to = out;
	unsigned words = 0;
	char between = '\0'; /* what parts the word from the one before */

	if (in->end - in->start > MASK_NAME_BYTES_MAX)
		return mask_redact(out);
	for (const uint8_t *at = in->start;;)
	{
		CharacterCode now = {.class = CHARACTER_BLANK}; /* so ends the last word */
		Part part;
		size_t letter;

		while (word.more && in->utf8 && (letter = plain_letter(at, in->end)) > 0)
			at += letter;
		if (word.first.size == 0 && in->utf8 && plain_letter(at, in->end) > 0 && !is_plain_sign(at))
			part = PART_LETTER; /* or a mark, which is not shown */
		else
		{
			if (at < in->end)
				character_look(in->utf8, at, in->end, &now);
			part = part_of(in->utf8, &now);
		}
		if (part == PART_LETTER && word.first.size == 0)
		{
			CharacterScan scan;
			Character character;

			/* The letter with all that joins it; what follows begins another character. */
			character_scan(&scan, in->utf8, at, in->end);
			character_next(&scan, &character);
			if (character.shown)
				word.first = character;
			at = scan.at;
			for (; character.shown && at < in->end && is_letter(*at); at++)
				word.more = true; /* most are told without a closer look */
			continue;
		}
		at += now.size;
		word.more = word.more || part == PART_LETTER;
		word.digits = word.digits || part == PART_DIGIT;
		if (part != PART_BLANK && part != PART_HYPHEN)
			continue;

		if (word.first.size > 0 || word.digits)
		{
			if (words == MASK_NAME_WORDS_MAX)
				return mask_redact(out);
			if (words++ > 0)
				*to++ = (uint8_t) between;
			to = append_word(to, &word);
			word = (Word){.more = false};
			between = part == PART_HYPHEN ? '-' : ' ';
		}
		else if (part == PART_BLANK)
			between = ' ';
		if (now.size == 0)
			break;
	}
	return words > 0 ? (size_t) (to - out) : mask_redact(out);
}

/* ----------------------------------------------------------------- address */

static uint8_t
lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* As strcmp, but for the case of ASCII's letters. */
static int
compare_name(const uint8_t *at, const uint8_t *end, const char *name)
{
	for (; at < end && *name != '\0'; at++, name++)
	{
		if (lower(*at) != lower((uint8_t) *name))
			return lower(*at) < lower((uint8_t) *name) ? -1 : 1;
	}
	return (at < end) - (*name != '\0');
}

static const char *
find_country(const uint8_t *at, const uint8_t *end)
{
	size_t low = 0, high = sizeof(countries) / sizeof(countries[0]);

	while (low < high)
	{
		size_t middle = (low + high) / 2;
		int order = compare_name(at, end, countries[middle]);

		if (order == 0)
			return countries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool
ends_part(uint8_t byte)
{
	return byte == ',' || byte == '\n' || byte == '\r';
}

static bool
is_padding(uint8_t byte)
{
	return byte == ' ' || byte == '.' || ends_part(byte);
}

size_t
mask_address(const MaskInput *in, uint8_t *out)
{
	const uint8_t *end = in->end;
	const uint8_t *start;
	const char *country;
	uint8_t *to;

	while (end > in->start && is_padding(end[-1]))
		end--;
	start = end;
	while (start > in->start && !ends_part(start[-1]))
	{
		if (end - start > MASK_COUNTRY_MAX + 4) /* with some room for spaces */
			return mask_redact(out);
		start--;
	}
	if (start == in->start) /* no part before it: not an address, or it has no order that we know */
		return mask_redact(out);
	while (start < end && *start == ' ')
		start++;
	country = find_country(start, end);
	if (country == NULL)
		return mask_redact(out);
	to = append(out, MASK_HIDDEN ", ", MASK_HIDDEN_SIZE + 2);
	to = append(to, country, strlen(country));
	return (size_t) (to - out);
}
