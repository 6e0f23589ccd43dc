/*
 * names.c
 *		What the name of a column says: its words, looked up one by one and joined.
 */
#include "recognize/names.h"

#include <string.h>

#include "recognize/names_words.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The server's names have at most 63 bytes; a letter may become two. */
#define NAME_MAX_SIZE 128
#define WORDS_MAX 12

/* A name as its words, in small letters of ASCII, one behind the other. */
typedef struct Words
{
	char text[NAME_MAX_SIZE];
	uint8_t start[WORDS_MAX + 1]; /* of each, and the end of the last */
	size_t count;
} Words;

/* U+00C0 to U+00FF, as one would write them in ASCII; sharp s is two. */
static const char latin[64 + 1] =
	"aaaaaaaceeeeiiiidnooooo ouuuuy saaaaaaaceeeeiiiidnooooo ouuuuy y";

static void
append(Words *words, char letter, bool begin)
{
	size_t size = words->start[words->count];

	if (size + 1 >= NAME_MAX_SIZE)
		return;
	if (begin && words->count > 0 && words->start[words->count - 1] == size)
		begin = false;
	if (begin || words->count == 0)
	{
		if (words->count == WORDS_MAX)
			return;
		words->start[words->count++] = (uint8_t) size;
	}
	words->text[size] = letter;
	words->start[words->count] = (uint8_t) (size + 1);
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static void
split(const char *name, Words *words)
{
	bool begin = true;

	memset(words, 0, sizeof(*words));
	for (const char *at = name; *at != '\0'; at++)
	{
		if ((uint8_t) *at == 0xC3 && ((uint8_t) at[1] & 0xC0) == 0x80)
		{
			uint8_t low = (uint8_t) * ++at & 0x3F;

			if (low == 0x1F)
				append(words, 's', begin);
			append(words, latin[low], begin && low != 0x1F);
			begin = false;
		}
		else if (is_lower(*at))
		{
			append(words, *at, begin);
			begin = false;
		}
		else if (is_upper(*at))
		{
			/* "birthDate", "IPAddress" */
			if (at > name && (is_lower(at[-1]) || (is_upper(at[-1]) && is_lower(at[1]))))
				begin = true;
			append(words, (char) (*at - 'A' + 'a'), begin);
			begin = false;
		}
		else
			begin = true;
	}
}

static bool
is_word(const Words *words, size_t from, size_t to, const char *word)
{
	size_t size = (size_t) (words->start[to] - words->start[from]);

	return strlen(word) == size && memcmp(words->text + words->start[from], word, size) == 0;
}

static bool
is_among(const Words *words, size_t at, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (is_word(words, at, at + 1, list[i]))
			return true;
	}
	return false;
}

static bool
about_people(const Words *words)
{
	for (size_t i = 0; i < words->count; i++)
	{
		if (is_among(words, i, people, LENGTH(people)))
			return true;
	}
	return false;
}

/* What part of a word's weight is left, with the other words of the name. */
static float
share_of(const Words *name, size_t from, size_t to, bool whole, bool of_person)
{
	float share = 1.0F;
	bool person = of_person;

	for (size_t i = 0; i < name->count; i++)
	{
		if (i >= from && i < to)
			continue;
		if (is_among(name, i, people, LENGTH(people)))
			person = true;
		else if (!is_among(name, i, which, LENGTH(which)))
			share = 0.85F;
	}
	if (whole && share < 1.0F)
		return 0;
	if (name->count > to && is_among(name, name->count - 1, about, LENGTH(about)))
		return 0.2F;
	if (from > 0 && is_among(name, 0, about_before, LENGTH(about_before)))
		return 0.2F;
	/* "name" is of anything, but in a table of customers of one of them. */
	return whole && person ? 1.6F * share : share;
}

void
name_hints(const char *table, const char *column, float hints[SENSITIVE_KINDS])
{
	Words name;
	Words of;
	bool of_person;

	split(column, &name);
	split(table != NULL ? table : "", &of);
	of_person = about_people(&of);
	memset(hints, 0, SENSITIVE_KINDS * sizeof(hints[0]));
	for (size_t i = 0; i < LENGTH(words); i++)
	{
		bool whole = (words[i].weight & WHOLE) != 0;
		float *hint = &hints[words[i].kind];

		for (size_t from = 0; from < name.count; from++)
		{
			for (size_t to = from + 1; to <= name.count; to++)
			{
				float weight = (float) (words[i].weight & ~WHOLE) / 100;

				if (!is_word(&name, from, to, words[i].word))
					continue;
				weight *= share_of(&name, from, to, whole, of_person);
				if (weight > 0.95F)
					weight = 0.95F;
				if (weight > *hint)
					*hint = weight;
			}
		}
	}
}
