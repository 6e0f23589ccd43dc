/*
 * whole.h - whole numbers of more words than one
 *
 * As much of their arithmetic as pseudonyms need; all of it inline, for each
 * pseudonym does it many times over.
 */
#ifndef MASK_WHOLE_H
#define MASK_WHOLE_H

#include "crypto/ff1.h"

#define WHOLE_WORDS (FF1_BITS_MAX / 32 + 1)

/* The least significant word comes first, and the most significant is not zero. */
typedef struct WholeNumber
{
	uint32_t words[WHOLE_WORDS];
	size_t size;
} WholeNumber;

static inline WholeNumber
whole_of(uint64_t value)
{
	WholeNumber number = {.words = {(uint32_t) value, (uint32_t) (value >> 32)}};

	number.size = value >> 32 > 0 ? 2 : value > 0;
	return number;
}

/* False where it becomes too large. */
static inline bool
whole_multiply_add(WholeNumber *number, uint32_t factor, uint32_t summand)
{
	uint64_t carry = summand;

	for (size_t i = 0; i < number->size; i++)
	{
		carry += (uint64_t) number->words[i] * factor;
		number->words[i] = (uint32_t) carry;
		carry >>= 32;
	}
	if (carry == 0)
		return true;
	if (number->size == WHOLE_WORDS)
		return false;
	number->words[number->size++] = (uint32_t) carry;
	return true;
}

static inline uint32_t
whole_divide(WholeNumber *number, uint32_t divisor)
{
	uint64_t rest = 0;

	for (size_t i = number->size; i-- > 0;)
	{
		rest = rest << 32 | number->words[i];
		number->words[i] = (uint32_t) (rest / divisor);
		rest %= divisor;
	}
	while (number->size > 0 && number->words[number->size - 1] == 0)
		number->size--;
	return (uint32_t) rest;
}

static inline bool
whole_is_less(const WholeNumber *a, const WholeNumber *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	for (size_t i = a->size; i-- > 0;)
	{
		if (a->words[i] != b->words[i])
			return a->words[i] < b->words[i];
	}
	return false;
}

/* number += other, or -= a smaller one */
static inline void
whole_add(WholeNumber *number, const WholeNumber *other, bool minus)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < number->size || i < other->size || carry > 0; i++)
	{
		uint64_t word = i < other->size ? other->words[i] : 0;

		if (i == number->size)
			number->words[number->size++] = 0;
		word = minus ? number->words[i] - word - carry : number->words[i] + word + carry;
		number->words[i] = (uint32_t) word;
		carry = word >> 32 & 1;
	}
	while (number->size > 0 && number->words[number->size - 1] == 0)
		number->size--;
}

#endif
