/*
 * permute.c - permutations of numbers and of forms, by FF1
 *
 * FF1 has one radix. A form with others is numbered, as a number in mixed
 * radices, and the number is written with as few numerals of at most 16 bits,
 * and as small a radix, as have room for all. If FF1 takes it to one beyond
 * them, that is taken on, until it lies among them ("cycle walking": Black and
 * Rogaway, CT-RSA 2002), which is a permutation again, and seldom needed: the
 * radix leaves less than a hundredth beyond.
 */
#include "base/secret.h"
#include "mask/permute.h"

/* ------------------------------------------------------------ numbers below another */

/* Steps until it is given up: with a probability of 100^-128. */
#define WALK_MAX 128

/* The smallest radix of which so many numerals have room for `values` numbers. */
static uint32_t
find_radix(const WholeNumber *values, size_t numerals)
{
	uint32_t low = 2, high = FF1_RADIX_MAX;

	while (low < high)
	{
		uint32_t middle = (low + high) / 2;
		WholeNumber power = {.words = {1}, .size = 1};
		bool room = false;

		for (size_t i = 0; i < numerals && !room; i++)
			room = !whole_multiply_add(&power, middle, 0);
		if (room || !whole_is_less(&power, values))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The same, remembered: the values of a column have few forms, and many one after the other. */
static uint32_t
radix_for(MaskKeys *keys, const WholeNumber *values, size_t numerals)
{
	if (keys->radix == 0 || keys->values.size != values->size ||
		memcmp(keys->values.words, values->words, values->size * sizeof(values->words[0])) != 0)
	{
		keys->radix = find_radix(values, numerals);
		keys->values = *values;
	}
	return keys->radix;
}

/* As few long divisions as can be: by two numerals at once, where their product is a word. */
static void
to_numerals(WholeNumber *number, uint32_t radix, uint16_t *numerals, size_t count)
{
	while (count >= 2 && radix < FF1_RADIX_MAX)
	{
		uint32_t pair = whole_divide(number, radix * radix);

		numerals[--count] = (uint16_t) (pair % radix);
		numerals[--count] = (uint16_t) (pair / radix);
	}
	while (count > 0)
		numerals[--count] = (uint16_t) whole_divide(number, radix);
}

static void
from_numerals(WholeNumber *number, uint32_t radix, const uint16_t *numerals, size_t count)
{
	size_t i = 0;

	number->size = 0;
	if (count % 2 == 1 || radix == FF1_RADIX_MAX)
		whole_multiply_add(number, radix, numerals[i++]);
	for (; radix < FF1_RADIX_MAX && i < count; i += 2)
		whole_multiply_add(number, radix * radix, numerals[i] * radix + numerals[i + 1]);
	for (; i < count; i++)
		whole_multiply_add(number, radix, numerals[i]);
}

CryptoStatus
permute_number(MaskKeys *keys, Bytes tweak, const WholeNumber *values, WholeNumber *number,
			   bool *fits)
{
	uint16_t numerals[FF1_BITS_MAX / 16];
	size_t count, bits = 0;
	uint32_t radix;
	CryptoStatus done = CRYPTO_OK;
	bool found = false;

	for (uint32_t top = values->words[values->size - 1]; top > 0; top >>= 1)
		bits++;
	bits += 32 * (values->size - 1);
	count = bits <= 32 ? 2 : (bits + 15) / 16;
	*fits = bits <= FF1_BITS_MAX &&
			(values->size > 1 || values->words[0] >= FF1_DOMAIN_MIN); /* not those of FF1 alone */
	if (!*fits)
		return CRYPTO_OK;

	radix = radix_for(keys, values, count);
	to_numerals(number, radix, numerals, count);
	for (int step = 0; step < WALK_MAX && !found && done == CRYPTO_OK; step++)
	{
		done = ff1_encrypt(keys->ff1, radix, tweak, numerals, count, numerals);
		from_numerals(number, radix, numerals, count);
		found = whole_is_less(number, values);
	}
	secret_wipe(numerals, sizeof(numerals));
	return found ? done : CRYPTO_FAILED;
}

/* ------------------------------------------------------------ forms */

/* Places one after the other, as many as a word has room for: from `start` on, up to the next. */
typedef struct Chunk
{
	size_t start;
	uint32_t values;
	uint32_t value;
} Chunk;

/* Two chunks together have more than 32 bits. */
#define CHUNKS_MAX (2 * FF1_BITS_MAX / 32 + 2)

/* How many there are; 0 where the form is too long. */
static size_t
read_chunks(const Form *form, Chunk *chunks)
{
	size_t count = 0;

	for (size_t i = 0; i < form->count; i++)
	{
		uint32_t radix = form->radices[i];

		if (count == 0 || (uint64_t) chunks[count - 1].values * radix > UINT32_MAX)
		{
			if (count == CHUNKS_MAX)
				return 0;
			chunks[count++] = (Chunk){.start = i, .values = 1};
		}
		chunks[count - 1].values *= radix;
		chunks[count - 1].value = chunks[count - 1].value * radix + form->digits[i];
	}
	return count;
}

static void
write_chunks(Form *form, const Chunk *chunks, size_t count)
{
	size_t end = form->count;

	for (size_t i = count; i-- > 0; end = chunks[i].start)
	{
		uint32_t value = chunks[i].value;

		for (size_t place = end; place-- > chunks[i].start;)
		{
			form->digits[place] = (uint16_t) (value % form->radices[place]);
			value /= form->radices[place];
		}
	}
}

static CryptoStatus
permute_mixed(MaskKeys *keys, Form *form, bool *fits)
{
	WholeNumber values = {.words = {1}, .size = 1};
	WholeNumber number = {.size = 0};
	Chunk chunks[CHUNKS_MAX];
	size_t count = read_chunks(form, chunks);
	CryptoStatus done;

	*fits = count > 0;
	for (size_t i = 0; i < count && *fits; i++)
		*fits = whole_multiply_add(&values, chunks[i].values, 0) &&
				whole_multiply_add(&number, chunks[i].values, chunks[i].value);
	if (!*fits)
		return CRYPTO_OK;
	done = permute_number(keys, bytes_view(form->ids, form->count), &values, &number, fits);
	for (size_t i = count; *fits && done == CRYPTO_OK && i-- > 0;)
		chunks[i].value = whole_divide(&number, chunks[i].values);
	if (*fits && done == CRYPTO_OK)
		write_chunks(form, chunks, count);
	secret_wipe(&number, sizeof(number));
	secret_wipe(chunks, count * sizeof(chunks[0]));
	return done;
}

CryptoStatus
permute_form(MaskKeys *keys, Form *form, bool *fits)
{
	if (form->count == 0)
	{
		*fits = false;
		return CRYPTO_OK;
	}
	if (!form->uniform)
		return permute_mixed(keys, form, fits);
	*fits = ff1_fits(form->radices[0], form->count);
	if (!*fits)
		return CRYPTO_OK;
	return ff1_encrypt(keys->ff1, form->radices[0], bytes_view(form->ids, form->count),
					   form->digits, form->count, form->digits);
}
