/*
 * person.c - masks of what names a person and where they live
 */
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
 * What a byte tells, in ASCII and UTF-8, so that the letters of most scripts need no closer look.
 * Among those of two and three bytes there are, but for a few, no digits, blanks or hyphens: what
 * begins there tells nothing more about a word that has letters, nor do bytes that begin nothing,
 * nor letters in other encodings.
 */
enum
{
	LOOK,
	LETTER_1, /* ASCII's */
	LETTER_2, /* U+00C0 to U+07FF, of two bytes */
	SOME_2,   /* the same, where there is something else, too */
	LETTER_3, /* U+4000 to U+CFFF, of three bytes */
	INSIDE,   /* begins nothing */
};

static const uint8_t leads[256] = {
	['A' ... 'Z'] = LETTER_1,   ['a' ... 'z'] = LETTER_1,
	[0x80 ... 0xBF] = INSIDE,   [0xC3] = SOME_2,
	[0xC4 ... 0xD7] = LETTER_2, [0xD8 ... 0xD9] = SOME_2,
	[0xDA] = LETTER_2,          [0xDB] = SOME_2,
	[0xDC ... 0xDF] = LETTER_2, [0xE4 ... 0xEC] = LETTER_3,
};

/* U+0660 to U+0669, U+06F0 to U+06F9 */
static inline bool
is_arabic_digit(const uint8_t *at)
{
	return (*at == 0xD9 && at[1] >= 0xA0 && at[1] <= 0xA9) ||
		   (*at == 0xDB && at[1] >= 0xB0 && at[1] <= 0xB9);
}

/* What tells nothing more about a word that has letters. */
static inline const uint8_t *
skip_letters(const uint8_t *at, const uint8_t *end)
{
	for (; at < end && leads[*at] != LOOK; at++)
	{
		if (leads[*at] == SOME_2 && (end - at < 2 || is_arabic_digit(at)))
			break;
	}
	return at;
}

/* Surely a letter, or else a mark. */
static inline bool
is_plain_letter(bool utf8, const uint8_t *at, const uint8_t *end)
{
	uint8_t lead = at < end ? leads[*at] : LOOK;

	if (lead == LETTER_1)
		return true;
	if (!utf8 || end - at < 2 || (at[1] & 0xC0) != 0x80)
		return false;
	if (lead == LETTER_2)
		return true;
	if (lead == LETTER_3)
		return end - at >= 3 && (at[2] & 0xC0) == 0x80;
	if (lead != SOME_2)
		return false;
	/* U+00D7, U+00F7; up to U+061F signs, marks and a control; U+06D4 */
	if (*at == 0xC3)
		return at[1] != 0x97 && at[1] != 0xB7;
	if (*at == 0xD8)
		return at[1] >= 0xA0;
	return !is_arabic_digit(at) && !(*at == 0xDB && at[1] == 0x94);
}

typedef struct Word
{
	Character first; /* letter; of size 0 if there is none */
	bool more;       /* letters */
	bool digits;
	Part end; /* a hyphen, or a blank, which the end of the text is, too */
} Word;

/* Reads as far as what ends the word, and over that. */
static const uint8_t *
read_word(bool utf8, const uint8_t *at, const uint8_t *end, Word *word)
{
	*word = (Word){.end = PART_BLANK};
	while (at < end)
	{
		CharacterCode now = {0};
		Part part = PART_LETTER;

		if (word->more && (at = skip_letters(at, end)) == end)
			break;
		if (word->first.size > 0 || !is_plain_letter(utf8, at, end))
		{
			character_look(utf8, at, end, &now);
			part = part_of(utf8, &now);
		}
		if (part == PART_LETTER && word->first.size == 0)
		{
			CharacterScan scan;
			Character character;

			/* The letter with all that joins it; or a mark, which is not shown. */
			character_scan(&scan, utf8, at, end);
			character_next(&scan, &character);
			at = scan.at;
			if (character.shown)
			{
				word->first = character;
				/* A mark would have joined. */
				word->more = is_plain_letter(utf8, at, end);
			}
			continue;
		}
		at += now.size;
		word->more = word->more || part == PART_LETTER;
		word->digits = word->digits || part == PART_DIGIT;
		if (part == PART_BLANK || part == PART_HYPHEN)
		{
			word->end = part;
			break;
		}
	}
	return at;
}

size_t
mask_name(const MaskInput *in, uint8_t *out)
{
	const uint8_t *at = in->start;
	uint8_t *to = out;
	unsigned words = 0;
	uint8_t between = ' '; /* what parts the word from the one before */
	Word word;

	if (in->end - in->start > MASK_NAME_BYTES_MAX)
		return mask_redact(out);
	while (at < in->end)
	{
		at = read_word(in->utf8, at, in->end, &word);
		if (word.first.size > 0 || word.digits)
		{
			if (words == MASK_NAME_WORDS_MAX)
				return mask_redact(out);
			if (words++ > 0)
				*to++ = between;
			if (word.more && !word.digits)
			{
				for (size_t i = 0; i < word.first.size; i++) /* faster than memcpy for so few */
					*to++ = word.first.start[i];
			}
			to = append(to, MASK_HIDDEN, MASK_HIDDEN_SIZE);
			between = word.end == PART_HYPHEN ? '-' : ' ';
		}
		else if (word.end == PART_BLANK)
			between = ' ';
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
