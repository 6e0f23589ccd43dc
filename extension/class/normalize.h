/*
 * normalize.h
 *		What texts have in common that are to be found by each other.
 */
#ifndef TAROT_CLASS_NORMALIZE_H
#define TAROT_CLASS_NORMALIZE_H

#include "base/bytes.h"

/*
 * A set of steps, which are always taken in the same order, whatever the order
 * they were named in: NFC, lower, NFC again, trim.
 *
 * Nothing here depends on a locale, on ICU or on the machine: a tag that came
 * out differently after a restore or on a standby would find nothing.
 */
typedef enum Normalization
{
	NORMALIZE_NONE = 0,
	NORMALIZE_LOWER = 1, /* Unicode's simple case folding (folding.h) */
	NORMALIZE_TRIM = 2,  /* white space (property White_Space) at both ends goes */
	NORMALIZE_NFC = 4,   /* Unicode normalization form C, by the server's table */
} Normalization;

/* A comma-separated list of "lower", "trim", "nfc", or an empty text. */
extern bool
NormalizationParse(const char *text, Normalization *normalization, const char **problem);

/* In its one spelling; a constant. */
extern const char *NormalizationFormat(Normalization normalization);

/*
 * The same bytes, a part of them, or palloc'd ones: at most three times as many,
 * and those are what comes out again. What is no UTF-8 stays as it is.
 */
extern Bytes Normalize(Normalization normalization, Bytes text);

#endif
