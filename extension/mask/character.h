/*
 * character.h - what a reader calls one character
 *
 * Masks keep or hide whole extended grapheme clusters (Unicode Standard Annex
 * #29): a letter with its combining marks, a syllable of conjoining jamo, a
 * flag, an emoji joined from several. Any bytes can be scanned: nothing is
 * read past the end, and each byte that is no UTF-8 (Unicode 14, table 3-7)
 * is a character of its own, never shown.
 */
#ifndef MASK_CHARACTER_H
#define MASK_CHARACTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A character of more code points is not shown: marks, tags and variation
 * selectors can be heaped on a letter without end, and carry text. The longest
 * sequence recommended for interchange (UTS #51, a kiss with two skin tones)
 * has 10; no orthography's letter with its marks is known to need more.
 */
#define CHARACTER_CODES_MAX 10
#define CHARACTER_BYTES_MAX (4 * CHARACTER_CODES_MAX)

/* UAX #29's classes, and ours. Up to CHARACTER_INVALID they join nothing that stands before. */
typedef enum CharacterClass
{
	CHARACTER_OTHER,
	CHARACTER_BLANK,
	CHARACTER_CONTROL,
	CHARACTER_INVALID,
	CHARACTER_EXTEND,
	CHARACTER_JOINER,
	CHARACTER_SPACING,
	CHARACTER_PREPEND,
	CHARACTER_L,
	CHARACTER_V,
	CHARACTER_T,
	CHARACTER_LV,
	CHARACTER_LVT,
	CHARACTER_FLAG,
	CHARACTER_PICTURE
} CharacterClass;

/* A code point, or a byte that is none. */
typedef struct CharacterCode
{
	uint32_t code; /* or the byte */
	uint32_t size; /* 0 at the end */
	CharacterClass class;
} CharacterCode;

typedef struct Character
{
	const uint8_t *start;
	size_t size;
	/*
	 * May stand alone in an output. Not so controls (bidirectional ones, too,
	 * would act on text that is not theirs), marks without a base, which would
	 * join the mask, invalid bytes, and heaps beyond CHARACTER_CODES_MAX.
	 */
	bool shown;
	/* Has ink, as far as is known: hiding one that has none hides nothing. */
	bool visible;
} Character;

typedef struct CharacterScan
{
	const uint8_t *at;
	const uint8_t *end;
	bool utf8;

	/* To see where a character ends is to look at the next one: kept for that. */
	const uint8_t *looked_at;
	uint32_t size;
	CharacterClass class;
} CharacterScan;

/* For character_look and character_next alone: all but the usual case. */
void
character_look_beyond_ascii(bool utf8, const uint8_t *at, const uint8_t *end, CharacterCode *now);
void character_next_joined(CharacterScan *scan, Character *character);

/* What stands at `at`. Without utf8, each byte is a character of an encoding that contains ASCII.
 */
static inline void
character_look(bool utf8, const uint8_t *at, const uint8_t *end, CharacterCode *now)
{
	if (at < end && *at >= 0x80)
	{
		character_look_beyond_ascii(utf8, at, end, now);
		return;
	}
	now->code = 0;
	now->size = 0;
	now->class = CHARACTER_CONTROL; /* as a boundary, the end is like one */
	if (at == end)
		return;
	now->code = *at;
	now->size = 1;
	if (*at > ' ' && *at != 0x7F)
		now->class = CHARACTER_OTHER;
	else if (*at == ' ')
		now->class = CHARACTER_BLANK;
}

static inline void
character_scan(CharacterScan *scan, bool utf8, const uint8_t *at, const uint8_t *end)
{
	scan->at = at;
	scan->end = end;
	scan->utf8 = utf8;
	scan->looked_at = NULL;
}

/* False at the end. */
static inline bool
character_next(CharacterScan *scan, Character *character)
{
	const uint8_t *at = scan->at;

	if (at == scan->end)
		return false;
	/* Nothing of ASCII joins what stands before. */
	if (*at >= ' ' && *at < 0x7F && (at + 1 == scan->end || at[1] < 0x80))
	{
		character->start = at;
		character->size = 1;
		character->shown = true;
		character->visible = *at != ' ';
		scan->at++;
	}
	else
		character_next_joined(scan, character);
	return true;
}

#endif
