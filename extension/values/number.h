/*
 * number.h
 *		Masks of numbers.
 *
 * Most numbers are short, and counted in 64 bits: a decimal arithmetic of any
 * length takes ten times as long. The others go that way, with the same result.
 */
#ifndef TAROT_VALUES_NUMBER_H
#define TAROT_VALUES_NUMBER_H

#include "class/class.h"

/* The digits of a number, to the base of 10000, the most significant first. */
typedef struct Number
{
	int count;
	int weight; /* 10000 to the power of this is what the first counts */
	int scale;  /* decimal digits after the point that it is written with */
	bool negative;
	bool swapped; /* big-endian, on any machine */
	const uint8_t *digits;
	int16 room[5]; /* for those of an integer */
} Number;

/* Both false for what is no number, or infinite. The digits lie in what is given, which is not
 * packed out of line. */
extern bool NumberOfNumeric(Datum numeric, Number *number);
extern bool NumberOfPlaintext(Bytes plaintext, Number *number);
extern void NumberOfInteger(int64 value, Number *number);

typedef enum NumberSight
{
	NUMBER_NULL,
	NUMBER_SHORT, /* units / 10^scale */
	NUMBER_LONG,  /* ClassMaskLongNumber knows */
} NumberSight;

typedef struct ShortNumber
{
	int64 units; /* of 18 digits, or a few more */
	int scale;   /* not negative */
} ShortNumber;

/* By the class's mask, or one within it. */
extern NumberSight ClassMaskNumber(DataClass *data_class, const MaskSpec *mask,
								   const Number *number, ShortNumber *masked);

/* Of a numeric, a numeric. */
extern bool
ClassMaskLongNumber(DataClass *data_class, const MaskSpec *mask, Datum numeric, Datum *masked);

/* Rounds to so many digits after the point, or fills up to them; false where that is not a short
 * number. */
extern bool ShortNumberRescale(ShortNumber *number, int scale);

/* Whether it has at most so many digits, those after the point counted in. */
extern bool ShortNumberFits(const ShortNumber *number, int precision);

extern Datum ShortNumberToNumeric(ShortNumber number);

#endif
