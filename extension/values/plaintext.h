/*
 * plaintext.h
 *		The form in which values are sealed: the same in every version of
 *		PostgreSQL, on every machine, and under all settings.
 *
 * docs/formats.md describes it for each kind of envelope.
 */
#ifndef TAROT_VALUES_PLAINTEXT_H
#define TAROT_VALUES_PLAINTEXT_H

#include "crypto/envelope.h"

/* For the forms that are not in the value already. */
typedef struct PlaintextRoom
{
	uint8_t bytes[8];
} PlaintextRoom;

/*
 * The form of a value of the kind's base type, detoasted where that has a
 * length: in the value, in `room`, or palloc'd.
 */
extern Bytes PlaintextOfDatum(EnvelopeKind kind, Datum value, PlaintextRoom *room);

/*
 * Back to a value of the base type. `plaintext` is palloc'd with VARHDRSZ
 * bytes before it and a zero byte after it; the value may take its place.
 */
extern Datum PlaintextToDatum(EnvelopeKind kind, Bytes plaintext);

/*
 * What equal values have in common, however they were written: numeric 1.0 and
 * 1.00, also within jsonb. For other kinds the plaintext itself; else palloc'd.
 */
extern Bytes PlaintextCanonical(EnvelopeKind kind, Bytes plaintext);

/* Wipes what was derived from a plaintext, unless that lies within it. */
extern void PlaintextWipeDerived(Bytes derived, Bytes plaintext);

/* Wipes a value of the base type that was made of one, and has a length. */
extern void PlaintextWipeDatum(Datum value);

#endif
