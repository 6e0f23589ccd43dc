/*
 * form.h - the letters and digits of a value, and where they stand
 */
#ifndef MASK_FORM_H
#define MASK_FORM_H

#include "mask/keyed.h"
#include "mask/text.h"

/* Letters and digits of a value: at most one a byte. */
#define FORM_PLACES_MAX MASK_PSEUDONYM_MAX

/* The letters and digits of a value, and what each is of. */
typedef struct Form
{
	size_t count;
	uint16_t digits[FORM_PLACES_MAX];   /* numerals of the alphabets that they are of */
	uint16_t radices[FORM_PLACES_MAX];  /* how many these have */
	uint8_t alphabets[FORM_PLACES_MAX]; /* and which they are, */
	uint8_t ids[FORM_PLACES_MAX];       /* by their ids: FF1's tweak */
	bool uniform;                       /* all radices are the same */
} Form;

/* False where a character is of no alphabet, and no punctuation of ASCII. */
bool form_read(const MaskInput *in, Form *form);

/* The value with other letters and digits: of the same sizes, in the same places. */
void form_write(const MaskInput *in, const Form *form, uint8_t *out);

#endif
