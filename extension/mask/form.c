/*
 * form.c - the alphabets that letters and digits of a value are of
 */
#include "mask/form.h"

/*
 * Letters and digits that stand for each other: code points in a row, all
 * assigned (Unicode 14) and of as many bytes in UTF-8, so that a pseudonym is as
 * long as its value. In the order of their code points. A row that is changed
 * changes the pseudonyms of all values with its characters.
 */
/* clang-format off */
static const struct
{
	uint8_t id; /* never used again for another */
	uint32_t first, last;
} alphabets[] = {
	{0, '0', '9'},
	{1, 'A', 'Z'},
	{2, 'a', 'z'},
	{3, 0xC0, 0xD6}, /* Latin, capital */
	{4, 0xD8, 0xDE},
	{5, 0xDF, 0xF6}, /* and small */
	{6, 0xF8, 0xFF},
	{7, 0x100, 0x17F}, /* Latin Extended-A, without regard to case */
	{8, 0x391, 0x3A1}, /* Greek */
	{9, 0x3A3, 0x3AB},
	{10, 0x3AC, 0x3CE},
	{11, 0x400, 0x42F}, /* Cyrillic */
	{12, 0x430, 0x45F},
	{13, 0x531, 0x556}, /* Armenian */
	{14, 0x561, 0x586},
	{15, 0x5D0, 0x5EA}, /* Hebrew */
	{16, 0x620, 0x63F}, /* Arabic */
	{17, 0x641, 0x64A},
	{18, 0x660, 0x669}, /* and its digits */
	{19, 0x671, 0x6D3},
	{20, 0x6F0, 0x6F9},
	{21, 0x904, 0x939}, /* Devanagari */
	{22, 0x966, 0x96F},
	{23, 0xE01, 0xE30}, /* Thai */
	{24, 0x10D0, 0x10F0}, /* Georgian */
	{25, 0x1E00, 0x1EFF}, /* Latin Extended Additional: Vietnamese */
	{26, 0x3041, 0x3096}, /* Hiragana */
	{27, 0x30A1, 0x30FA}, /* Katakana */
	{28, 0x3400, 0x4DBF}, /* Chinese, Japanese, Korean */
	{29, 0x4E00, 0x9FFF},
	{30, 0xAC00, 0xD7A3}, /* Hangul */
	{31, 0xFF10, 0xFF19}, /* wide forms */
	{32, 0xFF21, 0xFF3A},
	{33, 0xFF41, 0xFF5A},
};
/* clang-format on */

#define ALPHABETS (sizeof(alphabets) / sizeof(alphabets[0]))

static uint32_t
radix_of(size_t alphabet)
{
	return alphabets[alphabet].last - alphabets[alphabet].first + 1;
}

/* The alphabet of a code point; ALPHABETS where it is of none. */
static size_t
find_alphabet(uint32_t code)
{
	size_t low = 0, high = ALPHABETS;

	if (code < 0x80)
		return is_digit(code) ? 0 : is_letter(code) ? (code < 'a' ? 1 : 2) : ALPHABETS;
	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (code > alphabets[middle].last)
			low = middle + 1;
		else if (code < alphabets[middle].first)
			high = middle;
		else
			return middle;
	}
	return ALPHABETS;
}

static void
add_place(Form *form, uint32_t code, size_t alphabet)
{
	size_t i = form->count++;

	form->digits[i] = (uint16_t) (code - alphabets[alphabet].first);
	form->radices[i] = (uint16_t) radix_of(alphabet);
	form->alphabets[i] = (uint8_t) alphabet;
	form->ids[i] = alphabets[alphabet].id;
	form->uniform = form->uniform && form->radices[i] == form->radices[0];
}

bool
form_read(const MaskInput *in, Form *form)
{
	CharacterCode now;

	form->count = 0;
	form->uniform = true;
	if (in->end - in->start > MASK_PSEUDONYM_MAX)
		return false;
	for (const uint8_t *at = in->start; at < in->end; at += now.size)
	{
		size_t alphabet;

		character_look(in->utf8, at, in->end, &now);
		if (now.code >= 0x80 && !in->utf8)
			return false;
		alphabet = now.class == CHARACTER_INVALID ? ALPHABETS : find_alphabet(now.code);
		if (alphabet < ALPHABETS)
			add_place(form, now.code, alphabet);
		else if (now.code < ' ' || now.code >= 0x7F)
			return false;
	}
	return true;
}

void
form_write(const MaskInput *in, const Form *form, uint8_t *out)
{
	size_t place = 0;
	CharacterCode now;

	for (const uint8_t *at = in->start; at < in->end; at += now.size)
	{
		uint32_t code;

		character_look(in->utf8, at, in->end, &now);
		code = now.code;
		if (find_alphabet(code) < ALPHABETS)
		{
			code = alphabets[form->alphabets[place]].first + form->digits[place];
			place++;
		}
		if (now.size == 1)
			*out++ = (uint8_t) code;
		else if (now.size == 2)
		{
			*out++ = (uint8_t) (0xC0 | code >> 6);
			*out++ = (uint8_t) (0x80 | (code & 0x3F));
		}
		else
		{
			*out++ = (uint8_t) (0xE0 | code >> 12);
			*out++ = (uint8_t) (0x80 | (code >> 6 & 0x3F));
			*out++ = (uint8_t) (0x80 | (code & 0x3F));
		}
	}
}
