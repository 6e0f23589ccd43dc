/*
 * person.c
 *		Names of people and postal addresses: nothing proves them, but some
 *		words are in many.
 */
#include "recognize/recognize.h"
#include "mask/words.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
is_upper(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static bool
is_letter(uint8_t byte)
{
	return is_upper(byte) || (byte >= 'a' && byte <= 'z') || byte >= 0x80;
}

static int
lower(uint8_t byte)
{
	return is_upper(byte) ? byte + ('a' - 'A') : byte;
}

/* Compares as strcmp does, but for the case of ASCII's letters. */
static int
compare(Bytes word, const char *with)
{
	for (size_t i = 0; i < word.len; i++)
	{
		int difference = lower(word.data[i]) - lower((uint8_t) with[i]);

		if (difference != 0)
			return difference;
	}
	return with[word.len] == '\0' ? 0 : -1;
}

/* The next run of what is no space or comma; false at the end. */
static bool
next_word(Bytes text, size_t *at, Bytes *word)
{
	size_t start;

	while (*at < text.len && (text.data[*at] <= ' ' || text.data[*at] == ','))
		(*at)++;
	start = *at;
	while (*at < text.len && text.data[*at] > ' ' && text.data[*at] != ',')
		(*at)++;
	*word = bytes_view(text.data + start, *at - start);
	return word->len > 0;
}

/* ------------------------------------------------------------ names */

/* The list is in the order of the alphabet. */
static bool
is_first_name(Bytes word)
{
	size_t from = 0;
	size_t to = LENGTH(first_names);

	while (from < to)
	{
		size_t middle = (from + to) / 2;
		int order = compare(word, first_names[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return false;
}

/* Western names have up to five words, and particles and initials among them. */
#define NAME_WORDS_MAX 6
#define NAME_BYTES_MAX 80

Likeness
like_name(Bytes text)
{
	size_t at = 0;
	size_t words = 0;
	bool capital = false;
	bool known = false;
	Bytes word;

	if (text.len < 2 || text.len > NAME_BYTES_MAX)
		return LIKE_NOTHING;
	while (next_word(text, &at, &word))
	{
		if (++words > NAME_WORDS_MAX || !is_letter(word.data[0]))
			return LIKE_NOTHING;
		for (size_t i = 0; i < word.len; i++)
		{
			if (!is_letter(word.data[i]) && strchr("-'.", word.data[i]) == NULL)
				return LIKE_NOTHING;
		}
		capital |= is_upper(word.data[0]) || word.data[0] >= 0x80;
		known |= is_first_name(word);
	}
	if (words == 0 || !capital)
		return LIKE_NOTHING;
	return known ? LIKE_FORM : LIKE_POSSIBLE;
}

/* ------------------------------------------------------------ addresses */

typedef struct Word
{
	const char *text;
	size_t size;
} Word;

#define WORD(text)             \
	{                          \
		text, sizeof(text) - 1 \
	}

/* After a number, and words. */
static const Word streets_behind[] = {
	WORD("street"),    WORD("st"),    WORD("road"),     WORD("rd"),      WORD("avenue"),
	WORD("ave"),       WORD("lane"),  WORD("ln"),       WORD("drive"),   WORD("dr"),
	WORD("boulevard"), WORD("blvd"),  WORD("court"),    WORD("ct"),      WORD("place"),
	WORD("square"),    WORD("way"),   WORD("highway"),  WORD("hwy"),     WORD("parkway"),
	WORD("terrace"),   WORD("close"), WORD("crescent"), WORD("gardens"), WORD("row"),
};

/* Before words, and a number. */
static const Word streets_before[] = {
	WORD("rue"),   WORD("route"),    WORD("chemin"), WORD("avenue"), WORD("boulevard"),
	WORD("quai"),  WORD("impasse"),  WORD("allée"),  WORD("calle"),  WORD("avenida"),
	WORD("av"),    WORD("avda"),     WORD("plaza"),  WORD("paseo"),  WORD("camino"),
	WORD("rua"),   WORD("travessa"), WORD("praça"),  WORD("rúa"),    WORD("via"),
	WORD("viale"), WORD("piazza"),   WORD("corso"),  WORD("largo"),  WORD("vicolo"),
	WORD("ulica"), WORD("ul"),       WORD("aleja"),  WORD("cours"),  WORD("carrera"),
	WORD("plac"),
};

/* At the end of a word, before a number. */
static const Word streets_within[] = {
	WORD("straße"), WORD("strasse"), WORD("str"),   WORD("weg"),   WORD("gasse"),  WORD("platz"),
	WORD("allee"),  WORD("damm"),    WORD("ring"),  WORD("ufer"),  WORD("straat"), WORD("laan"),
	WORD("plein"),  WORD("gracht"),  WORD("gatan"), WORD("vägen"), WORD("gade"),   WORD("vej"),
	WORD("katu"),   WORD("tie"),     WORD("veien"),
};

static bool
is_among(Bytes word, const Word *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (word.len == list[i].size && compare(word, list[i].text) == 0)
			return true;
	}
	return false;
}

static bool
ends_in_street(Bytes word)
{
	for (size_t i = 0; i < LENGTH(streets_within); i++)
	{
		size_t size = streets_within[i].size;

		if (word.len > size + 1 &&
			compare(bytes_view(word.data + word.len - size, size), streets_within[i].text) == 0)
			return true;
	}
	return false;
}

/* "7", "12a", "221B", "10-12" */
static bool
is_house_number(Bytes word)
{
	size_t digits = 0;

	while (digits < word.len && is_digit(word.data[digits]))
		digits++;
	return digits > 0 && digits <= 5 && word.len <= digits + 5 &&
		   (word.len <= digits + 1 || word.data[digits] == '-' || word.data[digits] == '/');
}

#define ADDRESS_BYTES_MAX 256

Likeness
like_address(Bytes text)
{
	size_t at = 0;
	size_t words = 0;
	bool number_first = false;
	bool before = false;
	bool within = false;
	bool box = false;
	Bytes word;

	if (text.len < 6 || text.len > ADDRESS_BYTES_MAX)
		return LIKE_NOTHING;
	for (; next_word(text, &at, &word); words++)
	{
		bool number = is_house_number(word);

		if (word.len > 1 && word.data[word.len - 1] == '.')
			word.len--;
		if (number && (before || within || box))
			return LIKE_FORM;
		if (words >= 2 && number_first && is_among(word, streets_behind, LENGTH(streets_behind)))
			return LIKE_FORM;
		/* "12 rue ...", "Rue ..." */
		if (words <= 1 && is_among(word, streets_before, LENGTH(streets_before)))
		{
			if (number_first)
				return LIKE_FORM;
			before |= words == 0;
		}
		/* "Lange Straße 7" */
		within = ends_in_street(word) ||
				 (words > 0 && is_among(word, streets_within, LENGTH(streets_within)));
		box = compare(word, "box") == 0 || compare(word, "postfach") == 0;
		number_first |= number && words == 0;
	}
	return words > 1 ? LIKE_POSSIBLE : LIKE_NOTHING;
}
