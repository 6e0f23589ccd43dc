/*
 * permute.h - permutations of numbers and of forms, by FF1
 */
#ifndef MASK_PERMUTE_H
#define MASK_PERMUTE_H

#include "mask/form.h"
#include "mask/keys.h"

/* *fits is false for too few values, and too many; the number is below them. */
CryptoStatus permute_number(MaskKeys *keys, Bytes tweak, const WholeNumber *values,
							WholeNumber *number, bool *fits);

/* The same for the digits of a form, among all that the form can have. */
CryptoStatus permute_form(MaskKeys *keys, Form *form, bool *fits);

#endif
