/*
 * character.c - characters out of bytes that need not be valid
 */
#include "mask/character.h"

#include "mask/classes.h"

/* Bytes of the code point at `at`; 0 if there is no valid one before `end`. */
static inline __attribute__((always_inline)) unsigned
decode(const uint8_t *at, const uint8_t *end, uint32_t *code)
{
	uint32_t lead = at[0];
	size_t left = (size_t) (end - at);

#define FOLLOWS(i) ((at[i] & 0xC0) == 0x80)
#define BITS(i) ((uint32_t) (at[i] & 0x3F))
	if (lead < 0x80)
	{
		*code = lead;
		return 1;
	}
	if (lead < 0xE0)
	{
		if (lead < 0xC2 || left < 2 || !FOLLOWS(1))
			return 0;
		*code = (lead & 0x1F) << 6 | BITS(1);
		return 2;
	}
	if (lead < 0xF0)
	{
		if (left < 3 || !FOLLOWS(1) || !FOLLOWS(2))
			return 0;
		*code = (lead & 0x0F) << 12 | BITS(1) << 6 | BITS(2);
		if (*code < 0x800 || (*code >= 0xD800 && *code <= 0xDFFF))
			return 0;
		return 3;
	}
	if (lead > 0xF4 || left < 4 || !FOLLOWS(1) || !FOLLOWS(2) || !FOLLOWS(3))
		return 0;
	*code = (lead & 0x07) << 18 | BITS(1) << 12 | BITS(2) << 6 | BITS(3);
	if (*code < 0x10000 || *code > 0x10FFFF)
		return 0;
	return 4;
#undef FOLLOWS
#undef BITS
}

static inline __attribute__((always_inline)) CharacterClass
class_of(uint32_t code)
{
	/* Syllables of Hangul: 28 to each pair of leading consonant and vowel, the first of them open
	 * (The Unicode Standard, 3.12). */
	if (code >= 0xAC00 && code <= 0xD7A3)
		return (code - 0xAC00) % 28 == 0 ? CHARACTER_LV : CHARACTER_LVT;
	if (code >= 0x20000)
	{
		/* Tags and variation selectors; all else in their block is a control, assigned or not. */
		if (code < 0xE0000 || code > 0xE0FFF)
			return CHARACTER_OTHER;
		if ((code >= 0xE0020 && code <= 0xE007F) || (code >= 0xE0100 && code <= 0xE01EF))
			return CHARACTER_EXTEND;
		return CHARACTER_CONTROL;
	}

	return (CharacterClass) class_rows[class_blocks[code / 64]][code % 64];
}

/*
 * character_look, but for the compiler to keep all in registers, and to know
 * the size before the class is fetched: most of the time that a mask takes
 * goes into looking at the next code point.
 */
static inline __attribute__((always_inline)) unsigned
look(bool utf8, const uint8_t *at, const uint8_t *end, uint32_t *code, CharacterClass *class)
{
	unsigned size;

	*code = 0;
	*class = CHARACTER_CONTROL;
	if (at == end)
		return 0;
	*code = *at;
	if (*at < 0x80)
	{
		if (*at > ' ' && *at != 0x7F)
			*class = CHARACTER_OTHER;
		else if (*at == ' ')
			*class = CHARACTER_BLANK;
		return 1;
	}
	if (!utf8)
	{
		*class = CHARACTER_OTHER;
		return 1;
	}
	size = decode(at, end, code);
	if (size == 0)
	{
		*code = *at;
		*class = CHARACTER_INVALID;
		return 1;
	}
	*class = class_of(*code);
	return size;
}

void
character_look_beyond_ascii(bool utf8, const uint8_t *at, const uint8_t *end, CharacterCode *now)
{
	uint32_t code;
	CharacterClass class;

	now->size = look(utf8, at, end, &code, &class);
	now->code = code;
	now->class = class;
}

/* UAX #29, GB3 to GB999: does `next` belong to the character whose last code point is `last`? */
static inline bool
joins(CharacterClass last, CharacterClass next, bool picture, unsigned flags)
{
	if (last == CHARACTER_CONTROL || last == CHARACTER_INVALID || next == CHARACTER_CONTROL ||
		next == CHARACTER_INVALID)
		return false; /* GB4, GB5; CR LF (GB3) may part, since neither is shown */
	if (next == CHARACTER_EXTEND || next == CHARACTER_JOINER || next == CHARACTER_SPACING ||
		last == CHARACTER_PREPEND)
		return true; /* GB9, GB9a, GB9b */
	switch (next)
	{
		case CHARACTER_L:
		case CHARACTER_LV:
		case CHARACTER_LVT:
			return last == CHARACTER_L; /* GB6 */
		case CHARACTER_V:
			return last == CHARACTER_L || last == CHARACTER_V ||
				   last == CHARACTER_LV; /* GB6, GB7 */
		case CHARACTER_T:
			return last == CHARACTER_V || last == CHARACTER_T || last == CHARACTER_LV ||
				   last == CHARACTER_LVT; /* GB7, GB8 */
		case CHARACTER_PICTURE:
			return last == CHARACTER_JOINER && picture; /* GB11 */
		case CHARACTER_FLAG:
			return last == CHARACTER_FLAG && flags % 2 == 1; /* GB12, GB13 */
		default:
			return false;
	}
}

void
character_next_joined(CharacterScan *scan, Character *character)
{
	const uint8_t *start = scan->at;
	const uint8_t *end = scan->end;
	const uint8_t *at = start;
	bool utf8 = scan->utf8;
	CharacterClass first, last, next;
	uint32_t code;
	unsigned size;

	if (scan->looked_at == at)
	{
		at += scan->size;
		first = scan->class;
	}
	else
		at += look(utf8, at, end, &code, &first);
	size = look(utf8, at, end, &code, &next);

	/* Most often, no question arises. */
	if (first == CHARACTER_OTHER && next <= CHARACTER_INVALID)
	{
		character->shown = character->visible = true;
	}
	else
	{
		bool picture = first == CHARACTER_PICTURE;
		unsigned flags = first == CHARACTER_FLAG;
		size_t codes = 1;

		last = first;
		while (joins(last, next, picture, flags))
		{
			/* GB11: a picture, any number of extenders, one joiner, a picture */
			picture = next == CHARACTER_PICTURE ||
					  (picture && last != CHARACTER_JOINER &&
					   (next == CHARACTER_EXTEND || next == CHARACTER_JOINER));
			flags += next == CHARACTER_FLAG;
			codes++;
			last = next;
			at += size;
			size = look(utf8, at, end, &code, &next);
		}
		character->shown = first != CHARACTER_CONTROL && first != CHARACTER_INVALID &&
						   first != CHARACTER_EXTEND && first != CHARACTER_JOINER &&
						   first != CHARACTER_SPACING && last != CHARACTER_PREPEND &&
						   codes <= CHARACTER_CODES_MAX;
		character->visible = character->shown && (first != CHARACTER_BLANK || codes > 1);
	}
	character->start = start;
	character->size = (size_t) (at - start);
	scan->at = at;
	scan->looked_at = at;
	scan->size = size;
	scan->class = next;
}
