/*
 * purpose.h
 *		What a session says that it wants values for.
 */
#ifndef TAROT_CLASS_PURPOSE_H
#define TAROT_CLASS_PURPOSE_H

#include "utils/array.h"

/* Grows with every change of it, also by the end of a transaction. */
extern uint64 PurposeEpoch;

/* In the server's encoding, without control characters; NULL where none is stated. */
extern const char *PurposeStated(void);

/* Whether it is among those that are allowed (text[]); any is, where the array is empty. */
extern bool PurposeSuffices(ArrayType *allowed);

/* Whether a text says something, is valid in the server's encoding, and in the log is one line. */
extern bool PurposeIsLine(const char *text);

extern void PurposeInit(void);

#endif
