/*
 * digits.h
 *		Digits out of a text, and the check digits of more than one kind.
 */
#ifndef TAROT_RECOGNIZE_DIGITS_H
#define TAROT_RECOGNIZE_DIGITS_H

#include "base/bytes.h"

/* ISO/IEC 7812-1: a card's number has at most 19 digits, and nothing that is sought here more. */
#define DIGITS_MAX 19
#define DIGITS_GROUPS_MAX 6

typedef struct Digits
{
	uint8_t value[DIGITS_MAX]; /* 0 to 9 */
	size_t count;
	size_t groups;                   /* separators between digits */
	uint8_t ends[DIGITS_GROUPS_MAX]; /* how many digits stand before each of the first */
} Digits;

/* Digits with at most one of the separators between two; false for anything else. */
extern bool digits_read(Bytes text, const char *separators, Digits *digits);

/* Those from one place to before another as a number. */
extern uint64_t digits_number(const Digits *digits, size_t from, size_t to);

extern bool digits_luhn(const Digits *digits);

/* All the same: a filler, which many check digits hold for. */
extern bool digits_same(const Digits *digits);

#endif
