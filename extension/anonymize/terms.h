/*
 * terms.h
 *		What of a value is looked for in others, and looked through for others.
 *
 * Texts, addresses of networks, UUIDs and what else has a form; the elements of
 * arrays, one by one. Numbers of at least TERM_DIGITS_MIN digits, and times that
 * are not of a whole minute: fewer digits, dates and times of the clock are the
 * same everywhere, and that one of them is found elsewhere says nothing.
 */
#ifndef TAROT_ANONYMIZE_TERMS_H
#define TAROT_ANONYMIZE_TERMS_H

#include "postgres_ext.h"

#include "base/bytes.h"

typedef struct Terms Terms;

/* Of 10^8 numbers, or minutes of two centuries, two are seldom the same by chance. */
#define TERM_DIGITS_MIN 8

/* NULL for a type of which nothing is. In the current memory context. */
extern Terms *TermsOf(Oid type);

/* Shown to the visitor, in memory of the current context. */
typedef void (*TermVisitor)(void *context, Bytes term);

extern void TermsVisit(Terms *terms, Datum value, TermVisitor visit, void *context);

#endif
